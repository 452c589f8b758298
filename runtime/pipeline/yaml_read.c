/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to a tree: libyaml's events, an explicit stack, places kept. See yaml_read.h.
 *
 * libyaml knows YAML 1.1 only, but the two versions differ in how plain scalars are typed and in
 * what is refused here anyway (tags, merge keys); typing is left to the format table, which knows
 * true, false and null. libyaml allocates with malloc; what is kept is copied into the document's
 * arena.
 *
 * Invariants:
 *   1. stack[0 .. depth) are the open collections; a map among them that waits for a value has its
 * key in keys[].
 *   2. A collection is attached to its parent when it opens, so that a file cut short still gives a
 * tree.
 */
#include "pipeline/yaml_read.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/assert.h"
#include "base/limits.h"

struct reader {
    struct tide_doc *doc;
    struct tide_diags *diags;
    const struct tide_node *at; /* NULL, or the place of all nodes */
    const char *text;
    size_t len;
    size_t line_start; /* byte where line @line_number begins; only moves forwards */
    uint32_t line_number;
    struct tide_node *root;
    struct tide_node *stack[TIDE_LIMIT_YAML_DEPTH];
    struct tide_node *keys[TIDE_LIMIT_YAML_DEPTH];
    bool duplicate[TIDE_LIMIT_YAML_DEPTH];
    uint32_t depth;
    uint32_t documents;
    bool stop; /* the structure is no longer clear; an error has been added */
};

/* What libyaml says, and what usually lies behind it in a pipeline. */
struct hint {
    const char *problem;
    const char *text;
};

static const struct hint hints[] = {
    {"mapping values are not allowed", "put quotes around a text that holds ': '"},
    {"while scanning an alias", "put quotes around a text that begins with *, as in \"*\""},
    {"did not find expected alphabetic", "put quotes around a text that begins with * or &"},
    {"while scanning an anchor", "put quotes around a text that begins with &"},
    {"expected ',' or ']'", "a list [...] needs commas and a ], or an item needs quotes"},
    {"expected ',' or '}'", "a map {...} needs commas and a }, or a value needs quotes"},
    {"unexpected end of stream", "a quote is not closed"},
    {"found unknown escape", "\\ begins an escape in \"...\"; use '...' for regular expressions"},
    {"could not find expected ':'", "a key needs ': ' behind it"},
    {"did not find expected key", "look at the indentation and the quotes of the lines before"},
    {"did not find expected '-'", "look at the indentation of the lines before"},
};

static struct tide_node
node_place(const struct reader *reader, yaml_mark_t mark)
{
    struct tide_node node = {.file = reader->doc->file};
    if (reader->at != NULL) {
        node.file = reader->at->file;
        node.line = reader->at->line;
        node.column = reader->at->column;
        node.set = reader->at->set;
    } else {
        node.line = (uint32_t)mark.line + 1;
        node.column = (uint32_t)mark.column + 1;
    }
    return node;
}

static void
refuse(struct reader *reader, yaml_mark_t mark, const char *text)
{
    struct tide_node place = node_place(reader, mark);
    tide_diags_error(reader->diags, &place, "%s", text);
}

static void
refuse_and_stop(struct reader *reader, yaml_mark_t mark, const char *text)
{
    refuse(reader, mark, text);
    reader->stop = true;
}

/* Puts @node under the collection on top of the stack, or makes it the root. */
static void
attach(struct reader *reader, struct tide_node *node)
{
    if (reader->depth == 0) {
        reader->root = node;
        return;
    }
    uint32_t top = reader->depth - 1;
    struct tide_node *parent = reader->stack[top];
    struct tide_node *key = reader->keys[top];
    reader->keys[top] = NULL;
    if (parent->kind == TIDE_NODE_MAP && reader->duplicate[top]) {
        reader->duplicate[top] = false;
        node->key = key;
        return;
    }
    tide_node_append(parent, key, node);
}

static bool
expects_key(const struct reader *reader)
{
    return reader->depth > 0 && reader->stack[reader->depth - 1]->kind == TIDE_NODE_MAP &&
           reader->keys[reader->depth - 1] == NULL;
}

static struct tide_node *
node_make(struct reader *reader, enum tide_node_kind kind, yaml_mark_t mark)
{
    struct tide_node place = node_place(reader, mark);
    if (reader->doc->nodes >= TIDE_LIMIT_YAML_NODES) {
        char text[96];
        snprintf(text, sizeof(text), "more than %u values in one file", TIDE_LIMIT_YAML_NODES);
        refuse_and_stop(reader, mark, text);
        return NULL;
    }
    return tide_node_new(reader->doc, kind, &place);
}

static void
key_take(struct reader *reader, struct tide_node *key)
{
    uint32_t top = reader->depth - 1;
    struct tide_node *map = reader->stack[top];
    struct tide_node *before = tide_node_get(map, key->text);
    reader->keys[top] = key;
    reader->duplicate[top] = before != NULL;
    if (before != NULL) {
        tide_diags_error(reader->diags, key, "'%s' is given twice; the first is at line %u",
                         key->text, before->key->line);
    } else if (map->count >= TIDE_LIMIT_YAML_KEYS) {
        tide_diags_error(reader->diags, key, "more than %u keys in one map", TIDE_LIMIT_YAML_KEYS);
        reader->stop = true;
    }
}

/* Moves the line cursor to the line after @line (from 1); returns its first byte, or @len. */
static size_t
line_after(struct reader *reader, uint32_t line)
{
    while (reader->line_number <= line && reader->line_start < reader->len) {
        const char *start = reader->text + reader->line_start;
        const char *end = memchr(start, '\n', reader->len - reader->line_start);
        reader->line_start = end == NULL ? reader->len : (size_t)(end - reader->text) + 1;
        reader->line_number++;
    }
    return reader->line_start;
}

/* A literal block's offsets can be trusted if its first line stands in the file as it is in the
 * text. */
static void
block_measure(struct reader *reader, struct tide_node *node)
{
    size_t start = line_after(reader, node->line);
    size_t indent = 0;
    while (start + indent < reader->len && reader->text[start + indent] == ' ') {
        indent++;
    }
    size_t first = strcspn(node->text, "\n");
    size_t rest = reader->len - start - indent;
    if (first == 0 || first > rest || memcmp(reader->text + start + indent, node->text, first)) {
        return;
    }
    node->block = true;
    node->exact = true;
    node->indent = (uint32_t)indent;
}

static uint32_t
characters(const char *text, size_t len)
{
    uint32_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return count;
}

/* Finds out whether a byte of the text can be found again in the file (tide_node_place). */
static void
scalar_measure(struct reader *reader, struct tide_node *node, const yaml_event_t *event)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    node->quoted = style != YAML_PLAIN_SCALAR_STYLE;
    if (reader->at != NULL) {
        return;
    }
    if (style == YAML_LITERAL_SCALAR_STYLE) {
        block_measure(reader, node);
        return;
    }
    uint32_t lead = style == YAML_PLAIN_SCALAR_STYLE ? 0 : 1;
    size_t width = event->end_mark.column - event->start_mark.column;
    node->lead = (uint8_t)lead;
    node->exact = event->start_mark.line == event->end_mark.line &&
                  width == characters(node->text, node->len) + 2 * lead;
}

static void
properties_check(struct reader *reader, yaml_mark_t mark, const yaml_char_t *anchor,
                 const yaml_char_t *tag)
{
    if (anchor != NULL) {
        refuse(reader, mark,
               "anchors (&name) are not allowed; use `connections` or `vars` for what is shared");
    }
    if (tag != NULL) {
        refuse(reader, mark,
               "tags (!name) are not allowed; a text that begins with ! needs quotes");
    }
}

static int
scalar_take(struct reader *reader, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    properties_check(reader, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
    struct tide_node *node = node_make(reader, TIDE_NODE_SCALAR, event->start_mark);
    if (node == NULL) {
        return reader->stop ? 0 : TIDE_ERR_NOMEM;
    }
    if (memchr(value, '\0', len) != NULL) {
        refuse(reader, event->start_mark, "a text with a NUL character");
        len = strlen(value);
    }
    node->text = tide_doc_text(reader->doc, value, len);
    node->len = (uint32_t)len;
    if (node->text == NULL) {
        return TIDE_ERR_NOMEM;
    }
    scalar_measure(reader, node, event);
    if (expects_key(reader)) {
        key_take(reader, node);
    } else {
        attach(reader, node);
    }
    return 0;
}

/* An alias is refused; null stands in its place, so that the rest can be read. */
static int
alias_take(struct reader *reader, const yaml_event_t *event)
{
    refuse(reader, event->start_mark,
           "aliases (*name) are not allowed; use `connections` or `vars` for what is shared");
    struct tide_node *node = node_make(reader, TIDE_NODE_SCALAR, event->start_mark);
    if (node == NULL) {
        return reader->stop ? 0 : TIDE_ERR_NOMEM;
    }
    if (expects_key(reader)) {
        key_take(reader, node);
    } else {
        attach(reader, node);
    }
    return 0;
}

static int
collection_open(struct reader *reader, const yaml_event_t *event, enum tide_node_kind kind)
{
    if (expects_key(reader)) {
        refuse_and_stop(reader, event->start_mark, "a key must be a name, not a list or a map");
        return 0;
    }
    if (reader->depth >= TIDE_LIMIT_YAML_DEPTH) {
        char text[96];
        snprintf(text, sizeof(text), "nested deeper than %u levels", TIDE_LIMIT_YAML_DEPTH);
        refuse_and_stop(reader, event->start_mark, text);
        return 0;
    }
    struct tide_node *node = node_make(reader, kind, event->start_mark);
    if (node == NULL) {
        return reader->stop ? 0 : TIDE_ERR_NOMEM;
    }
    attach(reader, node);
    reader->stack[reader->depth] = node;
    reader->keys[reader->depth] = NULL;
    reader->duplicate[reader->depth] = false;
    reader->depth++;
    return 0;
}

static int
event_take(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->documents++ > 0) {
            refuse_and_stop(reader, event->start_mark, "a second document: one pipeline a file");
        }
        return 0;
    case YAML_ALIAS_EVENT:
        return alias_take(reader, event);
    case YAML_SCALAR_EVENT:
        return scalar_take(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        properties_check(reader, event->start_mark, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag);
        return collection_open(reader, event, TIDE_NODE_LIST);
    case YAML_MAPPING_START_EVENT:
        properties_check(reader, event->start_mark, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag);
        return collection_open(reader, event, TIDE_NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        TIDE_ASSERT(reader->depth > 0);
        reader->depth--;
        return 0;
    default:
        return 0;
    }
}

static const char *
hint_for(const char *problem, const char *context)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strstr(problem, hints[i].problem) != NULL ||
            strstr(context, hints[i].problem) != NULL) {
            return hints[i].text;
        }
    }
    return NULL;
}

/* The place of byte @at: libyaml gives only the offset of what is no UTF-8. */
static yaml_mark_t
mark_of(const struct reader *reader, size_t at)
{
    yaml_mark_t mark = {0};
    size_t start = 0;
    for (size_t i = 0; i < at && i < reader->len; i++) {
        if (reader->text[i] == '\n') {
            mark.line++;
            start = i + 1;
        }
    }
    mark.column = at < start ? 0 : characters(reader->text + start, at - start);
    return mark;
}

/* The character that "cannot start any token": the commonest mistakes have a name. */
static void
explain_token(struct reader *reader, yaml_mark_t mark)
{
    size_t start = mark.line == 0 ? 0 : line_after(reader, (uint32_t)mark.line);
    char c = start + mark.column < reader->len ? reader->text[start + mark.column] : ' ';
    char text[128];
    if (c == '\t') {
        snprintf(text, sizeof(text), "a tab: indent with spaces");
    } else {
        snprintf(text, sizeof(text), "a text that begins with %c needs quotes", c);
    }
    refuse(reader, mark, text);
}

static void
explain(struct reader *reader, const yaml_parser_t *parser)
{
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    const char *context = parser->context != NULL ? parser->context : "";
    if (parser->error == YAML_READER_ERROR) {
        refuse(reader, mark_of(reader, parser->problem_offset), "this is no UTF-8 text");
        return;
    }
    if (strstr(problem, "cannot start any token") != NULL) {
        explain_token(reader, parser->problem_mark);
        return;
    }
    const char *hint = hint_for(problem, context);
    char text[256];
    snprintf(text, sizeof(text), "not valid YAML: %s%s%s%s%s", context, context[0] ? ", " : "",
             problem, hint != NULL ? "; " : "", hint != NULL ? hint : "");
    /* A word or quote that does not work out is shown where it begins. */
    bool token = strncmp(context, "while scanning", 14) == 0;
    refuse(reader, token ? parser->context_mark : parser->problem_mark, text);
}

static int
events_take(struct reader *reader, yaml_parser_t *parser)
{
    bool end = false;
    int rc = 0;
    while (!end && !reader->stop && rc == 0) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            if (parser->error == YAML_MEMORY_ERROR) {
                return TIDE_ERR_NOMEM;
            }
            explain(reader, parser);
            reader->stop = true;
            return 0;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        rc = event_take(reader, &event);
        yaml_event_delete(&event);
    }
    return rc;
}

static int
read_all(struct reader *reader)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return TIDE_ERR_NOMEM;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)reader->text, reader->len);
    int rc = events_take(reader, &parser);
    yaml_parser_delete(&parser);
    if (rc != 0) {
        return rc;
    }
    return reader->stop ? TIDE_ERR_INVALID : 0;
}

int
tide_yaml_read(struct tide_doc *doc, const char *text, size_t len, struct tide_diags *diags)
{
    const yaml_mark_t start = {0};
    struct reader reader = {.doc = doc, .diags = diags, .text = text, .len = len, .line_number = 1};
    if (len > TIDE_LIMIT_YAML_BYTES) {
        refuse(&reader, start, "the file is larger than 4 MiB");
        return TIDE_ERR_INVALID;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        reader.text += 3; /* a byte order mark */
        reader.len -= 3;
    }
    int rc = read_all(&reader);
    if (rc != 0) {
        return rc;
    }
    if (reader.root == NULL || tide_node_is_null(reader.root)) {
        refuse(&reader, start, "the file is empty: a pipeline needs a source and a sink");
        return TIDE_ERR_INVALID;
    }
    if (reader.root->kind != TIDE_NODE_MAP) {
        tide_diags_error(diags, reader.root, "a pipeline is a map of sections, not %s",
                         tide_node_describe(reader.root));
        return TIDE_ERR_INVALID;
    }
    doc->root = reader.root;
    return 0;
}

int
tide_yaml_value(struct tide_doc *doc, const char *text, size_t len, const struct tide_node *at,
                struct tide_diags *diags, struct tide_node **out_node)
{
    struct reader reader = {
        .doc = doc, .diags = diags, .at = at, .text = text, .len = len, .line_number = 1};
    int rc = read_all(&reader);
    if (rc == 0 && reader.root == NULL) {
        refuse(&reader, (yaml_mark_t){0}, "no value");
        rc = TIDE_ERR_INVALID;
    }
    if (rc == 0) {
        *out_node = reader.root;
    }
    return rc;
}
