/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a pipeline file and its arena. See tree.h.
 */
#include "pipeline/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tidemark/error.h>

#include "base/assert.h"
#include "base/limits.h"

#define CHUNK_BYTES (16u << 10)
#define ARENA_ALIGN 16u

struct tide_arena_chunk {
    struct tide_arena_chunk *next;
    size_t used;
    size_t size;
    size_t pad; /* keeps data[] aligned to ARENA_ALIGN */
    unsigned char data[];
};

_Static_assert(sizeof(struct tide_arena_chunk) % ARENA_ALIGN == 0, "chunk data must be aligned");

static struct tide_arena_chunk *
chunk_new(struct tide_doc *doc, size_t size)
{
    size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    struct tide_arena_chunk *chunk = tide_alloc(doc->seam, sizeof(*chunk) + room);
    if (chunk == NULL) {
        doc->failed = true;
        return NULL;
    }
    chunk->size = room;
    chunk->used = 0;
    chunk->next = doc->chunks;
    doc->chunks = chunk;
    return chunk;
}

void *
tide_doc_alloc(struct tide_doc *doc, size_t size)
{
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct tide_arena_chunk *chunk = doc->chunks;
    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        chunk = chunk_new(doc, rounded);
        if (chunk == NULL) {
            return NULL;
        }
    }
    void *block = chunk->data + chunk->used;
    chunk->used += rounded;
    return block;
}

int
tide_doc_init(struct tide_doc *doc, const struct tide_seam *seam, const char *file)
{
    memset(doc, 0, sizeof(*doc));
    doc->seam = seam;
    doc->file = tide_doc_text(doc, file, strlen(file));
    return doc->file == NULL ? TIDE_ERR_NOMEM : 0;
}

void
tide_doc_fini(struct tide_doc *doc)
{
    struct tide_arena_chunk *chunk = doc->chunks;
    while (chunk != NULL) {
        struct tide_arena_chunk *next = chunk->next;
        tide_free(doc->seam, chunk);
        chunk = next;
    }
    memset(doc, 0, sizeof(*doc));
}

const char *
tide_doc_text(struct tide_doc *doc, const char *text, size_t len)
{
    char *copy = tide_doc_alloc(doc, len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

const char *
tide_doc_printf(struct tide_doc *doc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    TIDE_ASSERT(len >= 0);
    char *text = tide_doc_alloc(doc, (size_t)len + 1);
    if (text != NULL) {
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return text;
}

struct tide_node *
tide_node_new(struct tide_doc *doc, enum tide_node_kind kind, const struct tide_node *at)
{
    struct tide_node *node = tide_doc_alloc(doc, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->kind = kind;
    node->text = "";
    node->file = at != NULL ? at->file : doc->file;
    node->line = at != NULL ? at->line : 0;
    node->column = at != NULL ? at->column : 0;
    node->set = at != NULL && at->set;
    doc->nodes++;
    return node;
}

struct tide_node *
tide_node_scalar(struct tide_doc *doc, const char *text, const struct tide_node *at)
{
    struct tide_node *node = tide_node_new(doc, TIDE_NODE_SCALAR, at);
    if (node == NULL) {
        return NULL;
    }
    node->len = (uint32_t)strlen(text);
    node->text = tide_doc_text(doc, text, node->len);
    return node->text == NULL ? NULL : node;
}

void
tide_node_append(struct tide_node *parent, struct tide_node *key, struct tide_node *child)
{
    TIDE_ASSERT(parent->kind != TIDE_NODE_SCALAR);
    TIDE_ASSERT((parent->kind == TIDE_NODE_MAP) == (key != NULL));
    child->key = key;
    child->next = NULL;
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
    parent->count++;
}

void
tide_node_replace(struct tide_node *parent, struct tide_node *old, struct tide_node *fresh)
{
    struct tide_node **link = &parent->first;
    while (*link != old) {
        TIDE_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = fresh;
    fresh->key = old->key;
    fresh->next = old->next;
    if (parent->last == old) {
        parent->last = fresh;
    }
}

struct tide_node *
tide_node_get(const struct tide_node *node, const char *key)
{
    if (node == NULL || node->kind != TIDE_NODE_MAP) {
        return NULL;
    }
    for (struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (strcmp(child->key->text, key) == 0) {
            return child;
        }
    }
    return NULL;
}

bool
tide_node_is_null(const struct tide_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (node->kind != TIDE_NODE_SCALAR || node->quoted) {
        return false;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(node->text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

int
tide_node_bool(const struct tide_node *node)
{
    if (node->kind != TIDE_NODE_SCALAR || node->quoted) {
        return -1;
    }
    if (strcmp(node->text, "true") == 0) {
        return 1;
    }
    return strcmp(node->text, "false") == 0 ? 0 : -1;
}

static bool
looks_like_number(const struct tide_node *node)
{
    size_t digits = strspn(node->text, "+-.0123456789eE");
    return !node->quoted && digits == node->len && strpbrk(node->text, "0123456789") != NULL;
}

const char *
tide_node_describe(const struct tide_node *node)
{
    if (node->kind == TIDE_NODE_LIST) {
        return "a list";
    }
    if (node->kind == TIDE_NODE_MAP) {
        return "a map";
    }
    if (tide_node_is_null(node)) {
        return "null";
    }
    if (tide_node_bool(node) >= 0) {
        return "a boolean";
    }
    return looks_like_number(node) ? "a number" : "text";
}

const char *
tide_node_show(const struct tide_node *node, char buffer[64])
{
    const size_t shown = 60;
    if (node->secret) {
        return "****";
    }
    if (node->kind != TIDE_NODE_SCALAR) {
        return tide_node_describe(node);
    }
    if (node->len <= shown && strchr(node->text, '\n') == NULL) {
        return node->text;
    }
    size_t cut = strcspn(node->text, "\n");
    cut = cut < shown ? cut : shown;
    while (cut > 0 && ((unsigned char)node->text[cut] & 0xc0) == 0x80) {
        cut--; /* not in the middle of a character */
    }
    snprintf(buffer, 64, "%.*s...", (int)cut, node->text);
    return buffer;
}

/* Characters in @len bytes of UTF-8. */
static uint32_t
characters(const char *text, size_t len)
{
    uint32_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return count;
}

void
tide_node_place(const struct tide_node *node, int32_t at, uint32_t *out_line, uint32_t *out_column)
{
    *out_line = node->line;
    *out_column = node->column;
    if (at < 0 || (uint32_t)at > node->len || !node->exact || node->line == 0) {
        return;
    }
    uint32_t line = 0;
    size_t start = 0;
    for (size_t i = 0; i < (size_t)at; i++) {
        if (node->text[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    uint32_t column = characters(node->text + start, (size_t)at - start);
    if (node->block) {
        *out_line = node->line + 1 + line;
        *out_column = node->indent + 1 + column;
    } else {
        *out_column = node->column + node->lead + column;
    }
}
