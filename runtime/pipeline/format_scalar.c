/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree to typed structs: values that are one scalar. See format_read.h.
 *
 * A value and a default go the same way, so that the table's defaults are checked like a user's
 * values; a default has no node, and must be right.
 */
#include "pipeline/format_read.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"

/* A scalar on its way into a struct. */
struct scalar {
    struct tide_reader *reader;
    const struct tide_key *row;
    const char *text;
    const struct tide_node *node; /* NULL: a default */
    void *base;
};

static void
store(const struct scalar *scalar, const void *value, size_t size)
{
    if ((scalar->row->flags & TIDE_KEY_NO_STORE) == 0) {
        memcpy((char *)scalar->base + scalar->row->offset, value, size);
    }
}

static void
store_i64(const struct scalar *scalar, int64_t value)
{
    store(scalar, &value, sizeof(value));
}

/* " or auto": the words that stand for numbers. */
static const char *
or_words(const struct tide_key *row, char *buffer, size_t size)
{
    char words[128];
    snprintf(buffer, size, "%s%s", row->words != NULL ? " or " : "",
             tide_words_list(row, words, sizeof(words)));
    return buffer;
}

static void
refuse(const struct scalar *scalar, const char *wants)
{
    char shown[64];
    TIDE_ASSERT(scalar->node != NULL);
    tide_diags_error(scalar->reader->diags, scalar->node, "'%s' is '%s'; it wants %s",
                     scalar->row->name, tide_node_show(scalar->node, shown), wants);
}

/* Says what the parser found, unless that would show a secret. */
static void
refuse_number(const struct scalar *scalar, const struct tide_error *err)
{
    char words[160];
    TIDE_ASSERT(scalar->node != NULL);
    if (scalar->node->secret) {
        refuse(scalar, tide_key_wants(scalar->row));
        return;
    }
    tide_diags_error(scalar->reader->diags, scalar->node, "'%s': %s%s", scalar->row->name,
                     err->text, or_words(scalar->row, words, sizeof(words)));
}

static void
refuse_word(const struct scalar *scalar, const char *what)
{
    char words[512];
    char shown[64];
    const char *names[TIDE_KEYS_MAX];
    uint32_t count = 0;
    for (const struct tide_word *word = scalar->row->words; word->name != NULL; word++) {
        TIDE_ASSERT(count < TIDE_KEYS_MAX);
        names[count++] = word->name;
    }
    const char *near = scalar->node->secret ? NULL : tide_nearest(scalar->text, names, count);
    tide_diags_error(scalar->reader->diags, scalar->node, "'%s' is '%s'; %s%s%s%s%s",
                     scalar->row->name, tide_node_show(scalar->node, shown), what,
                     tide_words_list(scalar->row, words, sizeof(words)),
                     near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                     near != NULL ? "'?" : "");
}

static void
word_built(const struct scalar *scalar, const struct tide_word *word)
{
    if (word->not_built) {
        TIDE_ASSERT(scalar->node != NULL);
        tide_diags_unsupported(scalar->reader->diags, scalar->node, "%s: %s", scalar->row->name,
                               word->name);
    }
}

/* Bounds of a number that was read; @value goes into the struct if it keeps them. */
static void
store_bounded(const struct scalar *scalar, uint64_t value)
{
    const struct tide_key *row = scalar->row;
    char low[32];
    char high[32];
    char wants[96];
    bool power = (row->flags & TIDE_KEY_POWER_OF_TWO) == 0 || (value & (value - 1)) == 0;
    if (value >= (uint64_t)row->min && value <= (uint64_t)row->max && power) {
        store_i64(scalar, (int64_t)value);
        return;
    }
    tide_key_number(row, row->min, low, sizeof(low));
    tide_key_number(row, row->max, high, sizeof(high));
    if (!power) {
        snprintf(wants, sizeof(wants), "a power of two from %s to %s", low, high);
    } else if (row->max == INT64_MAX) {
        snprintf(wants, sizeof(wants), "at least %s", low);
    } else {
        snprintf(wants, sizeof(wants), "something from %s to %s", low, high);
    }
    refuse(scalar, wants);
}

static void
read_number(const struct scalar *scalar)
{
    const struct tide_key *row = scalar->row;
    struct tide_error err = {0};
    int64_t whole = 0;
    uint64_t value = 0;
    int rc;
    const struct tide_word *word = tide_word_find(row, scalar->text);
    if (word != NULL) {
        store_i64(scalar, word->value);
        return;
    }
    if (row->type == TIDE_KEY_INT) {
        rc = tide_parse_i64_range(scalar->text, row->min, row->max, &whole, &err);
        value = (uint64_t)whole;
    } else if (row->type == TIDE_KEY_SIZE) {
        rc = tide_parse_size(scalar->text, &value, &err);
    } else {
        rc = tide_parse_duration_ns(scalar->text, &value, &err);
    }
    if (rc != 0) {
        refuse_number(scalar, &err);
        return;
    }
    store_bounded(scalar, value);
}

static void
read_rate(const struct scalar *scalar)
{
    struct tide_error err = {0};
    double rate;
    const struct tide_word *word = tide_word_find(scalar->row, scalar->text);
    if (word != NULL) {
        rate = word->value;
    } else if (tide_parse_rate(scalar->text, &rate, &err) != 0) {
        refuse_number(scalar, &err);
        return;
    } else if (rate <= 0) {
        refuse(scalar, "more than 0");
        return;
    }
    store(scalar, &rate, sizeof(rate));
}

static void
read_fraction(const struct scalar *scalar)
{
    struct tide_error err = {0};
    double fraction;
    if (tide_parse_double(scalar->text, &fraction, &err) != 0 || fraction < 0 || fraction > 1) {
        refuse(scalar, tide_key_wants(scalar->row));
        return;
    }
    store(scalar, &fraction, sizeof(fraction));
}

static void
read_bool(const struct scalar *scalar)
{
    bool value = strcmp(scalar->text, "true") == 0;
    if (!value && strcmp(scalar->text, "false") != 0) {
        refuse(scalar, tide_key_wants(scalar->row));
        return;
    }
    if (scalar->row->type == TIDE_KEY_BOOL) {
        store(scalar, &value, sizeof(value));
    } else if (!value) {
        refuse(scalar, "true, or to be left out");
    }
}

static void
read_word(const struct scalar *scalar)
{
    const struct tide_key *row = scalar->row;
    const struct tide_word *word = tide_word_find(row, scalar->text);
    int value = (int)row->min;
    if (word == NULL && (row->type != TIDE_KEY_WORD_NAME || scalar->text[0] == '\0')) {
        refuse_word(scalar, "it may be ");
        return;
    }
    if (word != NULL) {
        word_built(scalar, word);
        value = word->value;
    }
    if (row->type == TIDE_KEY_FLAG) {
        bool flag = value != 0;
        store(scalar, &flag, sizeof(flag));
    } else {
        store(scalar, &value, sizeof(value));
    }
}

/* A connector: a built-in by its word, or any name when plugins may bring it. */
static void
read_format(const struct scalar *scalar)
{
    const struct tide_word *word = tide_word_find(scalar->row, scalar->text);
    const char *name = scalar->text;
    if (word != NULL) {
        word_built(scalar, word);
        name = word->name;
    } else if (!scalar->reader->plugins || name[0] == '\0') {
        refuse_word(scalar, "without `plugins` it may be ");
        return;
    }
    store(scalar, &name, sizeof(name));
}

static bool
is_identifier(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return len > 0 && text[len] == '\0' && !isdigit((unsigned char)text[0]);
}

static bool
is_sha256(const char *text)
{
    size_t len = strspn(text, "0123456789abcdefABCDEF");
    return len == 64 && text[len] == '\0';
}

/* Texts: the row's type says what is one. */
static void
read_text(const struct scalar *scalar)
{
    const char *text = scalar->text;
    enum tide_key_type type = scalar->row->type;
    bool right = text[0] != '\0';
    if ((scalar->row->flags & TIDE_KEY_NONE_IS_NULL) != 0 && strcmp(text, "none") == 0) {
        text = NULL;
        right = true;
    } else if (type == TIDE_KEY_NAME) {
        right = is_identifier(text);
    } else if (type == TIDE_KEY_SHA256) {
        right = is_sha256(text);
    } else if (type == TIDE_KEY_PATH && right) {
        struct tide_error err = {0};
        if (tide_path_local(scalar->text, &text, &err) != 0) {
            refuse_number(scalar, &err);
            return;
        }
    }
    if (!right) {
        refuse(scalar, tide_key_wants(scalar->row));
        return;
    }
    store(scalar, &text, sizeof(text));
}

static void
read_version(const struct scalar *scalar)
{
    struct tide_error err = {0};
    int64_t version;
    if (tide_parse_i64(scalar->text, &version, &err) != 0) {
        refuse(scalar, "1");
    } else if (version != 1) {
        tide_diags_error(scalar->reader->diags, scalar->node,
                         "the file is of format version %s; this program reads version 1",
                         scalar->text);
    }
}

static void
read_from(const struct scalar *scalar)
{
    struct tide_from from = {.text = scalar->text, .node = scalar->node};
    if (scalar->text[0] == '\0') {
        refuse(scalar, tide_key_wants(scalar->row));
        return;
    }
    store(scalar, &from, sizeof(from));
}

static void
read_any(const struct scalar *scalar)
{
    switch (scalar->row->type) {
    case TIDE_KEY_INT:
    case TIDE_KEY_SIZE:
    case TIDE_KEY_DURATION:
        read_number(scalar);
        break;
    case TIDE_KEY_RATE:
        read_rate(scalar);
        break;
    case TIDE_KEY_FRACTION:
        read_fraction(scalar);
        break;
    case TIDE_KEY_BOOL:
    case TIDE_KEY_TRUE:
        read_bool(scalar);
        break;
    case TIDE_KEY_ENUM:
    case TIDE_KEY_FLAG:
    case TIDE_KEY_WORD_NAME:
        read_word(scalar);
        break;
    case TIDE_KEY_FORMAT:
        read_format(scalar);
        break;
    case TIDE_KEY_VERSION:
        read_version(scalar);
        break;
    case TIDE_KEY_FROM:
        read_from(scalar);
        break;
    default:
        read_text(scalar);
        break;
    }
}

int
tide_scalar_read(struct tide_reader *reader, const struct tide_key *row,
                 const struct tide_node *node, void *base)
{
    struct scalar scalar = {reader, row, node->text, node, base};
    if (node->kind != TIDE_NODE_SCALAR) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    read_any(&scalar);
    return 0;
}

int
tide_scalar_default(struct tide_reader *reader, const struct tide_key *row, const char *text,
                    void *base)
{
    struct scalar scalar = {reader, row, text, NULL, base};
    read_any(&scalar);
    return 0;
}

/* CPUs of runtime.cores, in the order written. */
struct core_list {
    uint16_t *items;
    uint32_t count;
};

static bool
core_add(struct core_list *list, int64_t core)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i] == core) {
            return false;
        }
    }
    list->items[list->count++] = (uint16_t)core;
    return true;
}

/* "3" or "2-5". */
static bool
cores_add(struct core_list *list, const char *text)
{
    char first[16];
    struct tide_error err = {0};
    int64_t low;
    int64_t high;
    size_t len = strcspn(text, "-");
    if (len == 0 || len >= sizeof(first)) {
        return false;
    }
    memcpy(first, text, len);
    first[len] = '\0';
    if (tide_parse_i64_range(first, 0, TIDE_LIMIT_CPUS - 1, &low, &err) != 0) {
        return false;
    }
    high = low;
    if (text[len] == '-' &&
        tide_parse_i64_range(text + len + 1, low, TIDE_LIMIT_CPUS - 1, &high, &err) != 0) {
        return false;
    }
    bool fresh = true;
    for (int64_t core = low; core <= high && fresh; core++) {
        fresh = core_add(list, core);
    }
    return fresh;
}

int
tide_cores_read(struct tide_reader *reader, const struct tide_key *row,
                const struct tide_node *node, void *base)
{
    struct core_list list = {0};
    bool right = true;
    if (node->kind == TIDE_NODE_SCALAR && strcmp(node->text, "auto") == 0) {
        return 0;
    }
    list.items = tide_doc_alloc(reader->doc, TIDE_LIMIT_CPUS * sizeof(*list.items));
    if (list.items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    if (node->kind == TIDE_NODE_SCALAR) {
        right = cores_add(&list, node->text);
    }
    for (const struct tide_node *child = node->first; right && child != NULL; child = child->next) {
        right = child->kind == TIDE_NODE_SCALAR && strchr(child->text, '-') == NULL &&
                cores_add(&list, child->text);
    }
    if (!right || list.count == 0 || node->kind == TIDE_NODE_MAP) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    struct tide_array array = {list.items, list.count};
    memcpy((char *)base + row->offset, &array.items, sizeof(array.items));
    memcpy((char *)base + row->offset + sizeof(array.items), &array.count, sizeof(array.count));
    return 0;
}
