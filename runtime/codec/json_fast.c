/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast reader, the way of almost every record: a walk over simdjson's index of the tokens,
 * straight into the cells.
 *
 * Everything is checked, also fields that the type does not have (invariant 2 of codec/json.h).
 * Whatever is not a plain success is RETRY: the scan, which knows all of Spark's rules, reads the
 * record again; so this file needs no rule for malformed records.
 *
 * Recursion is bounded by TIDE_LIMIT_JSON_DEPTH.
 */
#include <string.h>

#include "codec/json_decoder.h"
#include "codec/json_index.h"
#include "codec/json_string.h"

/* A record on the way. */
struct walk {
    struct tide_json_decoder *decoder;
    const uint8_t *text;   /* padded */
    const uint32_t *index; /* where tokens begin; ends with the length of the text */
    uint32_t at;           /* the next one; never passes the end, because nothing matches there */
    bool escapes;          /* there is a backslash in the record somewhere */
};

static enum tide_json_step read_value(struct walk *walk, const struct tide_json_node *node,
                                      uint32_t cell, uint32_t depth);
static bool check_value(struct walk *walk, uint32_t depth);

/* The first byte of the next token. */
static inline uint8_t
peek(const struct walk *walk)
{
    return walk->text[walk->index[walk->at]];
}

static inline bool
take(struct walk *walk, uint8_t c)
{
    if (peek(walk) != c) {
        return false;
    }
    walk->at++;
    return true;
}

/* The next token, up to the white space behind it. */
static struct tide_bytes
take_token(struct walk *walk)
{
    const uint8_t *p = walk->text + walk->index[walk->at];
    const uint8_t *end = walk->text + walk->index[++walk->at];
    while (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\t' || end[-1] == '\r') {
        end--;
    }
    return (struct tide_bytes){p, (uint32_t)(end - p)};
}

/* The inside of a text in quotes; with escapes it is unescaped into the scratch memory. */
static bool
inside(const struct walk *walk, struct tide_bytes token, uint8_t *scratch, struct tide_bytes *out)
{
    const uint8_t *p = token.p;
    struct tide_json_string string;
    *out = (struct tide_bytes){p + 1, token.n - 2};
    if (!walk->escapes || memchr(p, '\\', token.n) == NULL) {
        return true;
    }
    if (!tide_json_string_read(p, token.n, 0, 0, &string)) {
        return false;
    }
    *out = (struct tide_bytes){scratch, tide_json_string_unescape(p + 1, token.n - 2, scratch)};
    return true;
}

static const uint8_t *
skip_digits(const uint8_t *p)
{
    while (*p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

/* What kind of number @token is; ERROR: none. White space or punctuation follows it. */
static enum tide_json_token
number_kind(struct tide_bytes token)
{
    const uint8_t *p = token.p;
    const uint8_t *end = p + token.n;
    const uint8_t *digits = p + (*p == '-' ? 1 : 0);
    enum tide_json_token kind = TIDE_JSON_TOKEN_INT;
    p = skip_digits(digits);
    if (p == digits || (p - digits > 1 && *digits == '0')) {
        return TIDE_JSON_TOKEN_ERROR;
    }
    if (*p == '.') {
        digits = p + 1;
        p = skip_digits(digits);
        kind = TIDE_JSON_TOKEN_FLOAT;
    }
    if (p > digits && (*p == 'e' || *p == 'E')) {
        digits = p + (p[1] == '-' || p[1] == '+' ? 2 : 1);
        p = skip_digits(digits);
        kind = TIDE_JSON_TOKEN_FLOAT;
    }
    return p > digits && p == end ? kind : TIDE_JSON_TOKEN_ERROR;
}

/* The kind of a token that is neither a text nor nested; ERROR: none. */
static enum tide_json_token
plain_kind(struct tide_bytes token)
{
    const uint8_t *p = token.p;
    switch (p[0]) {
    case 't':
        return token.n == 4 && memcmp(p, "true", 4) == 0 ? TIDE_JSON_TOKEN_TRUE
                                                         : TIDE_JSON_TOKEN_ERROR;
    case 'f':
        return token.n == 5 && memcmp(p, "false", 5) == 0 ? TIDE_JSON_TOKEN_FALSE
                                                          : TIDE_JSON_TOKEN_ERROR;
    case 'n':
        return token.n == 4 && memcmp(p, "null", 4) == 0 ? TIDE_JSON_TOKEN_NULL
                                                         : TIDE_JSON_TOKEN_ERROR;
    default:
        return number_kind(token);
    }
}

/* Walks the members of an object that nobody wants. */
static bool
check_object(struct walk *walk, uint32_t depth)
{
    walk->at++;
    if (take(walk, '}')) {
        return true;
    }
    do {
        struct tide_bytes name;
        if (peek(walk) != '"' || !inside(walk, take_token(walk), walk->decoder->scratch, &name) ||
            !take(walk, ':') || !check_value(walk, depth)) {
            return false;
        }
    } while (take(walk, ','));
    return take(walk, '}');
}

static bool
check_array(struct walk *walk, uint32_t depth)
{
    walk->at++;
    if (take(walk, ']')) {
        return true;
    }
    do {
        if (!check_value(walk, depth)) {
            return false;
        }
    } while (take(walk, ','));
    return take(walk, ']');
}

/* Whether a value that nobody wants is well-formed all the same. */
static bool
check_value(struct walk *walk, uint32_t depth)
{
    struct tide_bytes text;
    if (depth == TIDE_LIMIT_JSON_DEPTH) {
        return peek(walk) != '{' && peek(walk) != '[' &&
               plain_kind(take_token(walk)) != TIDE_JSON_TOKEN_ERROR;
    }
    switch (peek(walk)) {
    case '{':
        return check_object(walk, depth + 1);
    case '[':
        return check_array(walk, depth + 1);
    case '"':
        return inside(walk, take_token(walk), walk->decoder->scratch, &text);
    default:
        return plain_kind(take_token(walk)) != TIDE_JSON_TOKEN_ERROR;
    }
}

/* A token that is not nested. BAD ones are the caller's to remember. */
static enum tide_json_step
read_plain(struct walk *walk, const struct tide_json_node *node, uint32_t cell,
           struct tide_bytes *out_token)
{
    enum tide_json_token kind = TIDE_JSON_TOKEN_STRING;
    struct tide_bytes token = take_token(walk);
    struct tide_bytes value = token;
    *out_token = token;
    if (*(const uint8_t *)token.p == '"') {
        if (!inside(walk, token, walk->decoder->scratch, &value)) {
            return TIDE_JSON_STEP_RETRY;
        }
    } else {
        kind = plain_kind(token);
        if (kind == TIDE_JSON_TOKEN_ERROR) {
            return TIDE_JSON_STEP_RETRY;
        }
    }
    return tide_json_put(walk->decoder, node, kind, value, token, cell);
}

/* Whether the next value is nested. */
static bool
is_nested(const struct walk *walk)
{
    return peek(walk) == '{' || peek(walk) == '[';
}

/* One member of an object, behind its colon. */
static enum tide_json_step
read_field(struct walk *walk, const struct tide_json_node *node, uint32_t cell, uint32_t depth)
{
    struct tide_bytes token;
    enum tide_json_step step;
    if (is_nested(walk)) {
        return read_value(walk, node, cell, depth);
    }
    step = read_plain(walk, node, cell, &token);
    if (step == TIDE_JSON_STEP_BAD) {
        tide_json_note_bad(walk->decoder, node, token);
        step = TIDE_JSON_STEP_OK;
    }
    return step;
}

/* Behind "{": the members into the cells from @base on, and "}". */
static enum tide_json_step
read_fields(struct walk *walk, const struct tide_json_node *node, uint32_t base, uint32_t depth)
{
    uint32_t field = UINT32_MAX;
    if (take(walk, '}')) {
        return TIDE_JSON_STEP_OK;
    }
    do {
        enum tide_json_step step = TIDE_JSON_STEP_OK;
        struct tide_bytes name;
        if (peek(walk) != '"' || !inside(walk, take_token(walk), walk->decoder->scratch, &name) ||
            !take(walk, ':')) {
            return TIDE_JSON_STEP_RETRY;
        }
        field = tide_json_field(node, name.p, name.n, field + 1);
        if (field != UINT32_MAX) {
            step = read_field(walk, &node->children[field], base + field, depth);
        } else if (!check_value(walk, depth)) {
            step = TIDE_JSON_STEP_RETRY;
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    } while (take(walk, ','));
    return take(walk, '}') ? TIDE_JSON_STEP_OK : TIDE_JSON_STEP_RETRY;
}

static enum tide_json_step
read_struct(struct walk *walk, const struct tide_json_node *node, uint32_t cell, uint32_t depth)
{
    uint32_t base;
    enum tide_json_step step = tide_json_open(walk->decoder, node->n_children, &base);
    if (step == TIDE_JSON_STEP_OK) {
        step = read_fields(walk, node, base, depth);
    }
    return step == TIDE_JSON_STEP_OK ? tide_json_end(walk->decoder, node, base, cell) : step;
}

/* An element or a map's value. One of the wrong kind leaves Spark somewhere inside: that is the
 * scan's. */
static enum tide_json_step
read_element(struct walk *walk, const struct tide_json_node *node, uint32_t cell, uint32_t depth)
{
    struct tide_bytes token;
    enum tide_json_step step = is_nested(walk) ? read_value(walk, node, cell, depth)
                                               : read_plain(walk, node, cell, &token);
    return step == TIDE_JSON_STEP_BAD ? TIDE_JSON_STEP_RETRY : step;
}

static enum tide_json_step
read_array(struct walk *walk, const struct tide_json_node *node, uint32_t cell, uint32_t depth)
{
    uint32_t base = walk->decoder->n_cells;
    if (take(walk, ']')) {
        return tide_json_end(walk->decoder, node, base, cell);
    }
    do {
        uint32_t element;
        enum tide_json_step step = tide_json_open(walk->decoder, 1, &element);
        if (step == TIDE_JSON_STEP_OK) {
            step = read_element(walk, &node->children[0], element, depth);
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    } while (take(walk, ','));
    return take(walk, ']') ? tide_json_end(walk->decoder, node, base, cell) : TIDE_JSON_STEP_RETRY;
}

static enum tide_json_step
read_map(struct walk *walk, const struct tide_json_node *node, uint32_t cell, uint32_t depth)
{
    uint32_t base = walk->decoder->n_cells;
    if (take(walk, '}')) {
        return tide_json_end(walk->decoder, node, base, cell);
    }
    do {
        enum tide_json_step step;
        struct tide_bytes name;
        uint32_t entry;
        if (peek(walk) != '"' || !inside(walk, take_token(walk), walk->decoder->scratch, &name) ||
            !take(walk, ':')) {
            return TIDE_JSON_STEP_RETRY;
        }
        step = tide_json_open(walk->decoder, 2, &entry);
        if (step == TIDE_JSON_STEP_OK) {
            step = tide_json_put_text(walk->decoder, name, entry);
        }
        if (step == TIDE_JSON_STEP_OK) {
            step = read_element(walk, &node->children[1], entry + 1, depth);
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    } while (take(walk, ','));
    return take(walk, '}') ? tide_json_end(walk->decoder, node, base, cell) : TIDE_JSON_STEP_RETRY;
}

/* A nested value. Those of the wrong kind, and those kept as text, are the scan's. */
static enum tide_json_step
read_value(struct walk *walk, const struct tide_json_node *node, uint32_t cell, uint32_t depth)
{
    if (depth == TIDE_LIMIT_JSON_DEPTH) {
        return TIDE_JSON_STEP_RETRY;
    }
    if (node->type->id == TIDE_TYPE_STRUCT && take(walk, '{')) {
        return read_struct(walk, node, cell, depth + 1);
    }
    if (node->type->id == TIDE_TYPE_MAP && take(walk, '{')) {
        return read_map(walk, node, cell, depth + 1);
    }
    if (node->type->id == TIDE_TYPE_ARRAY && take(walk, '[')) {
        return read_array(walk, node, cell, depth + 1);
    }
    return TIDE_JSON_STEP_RETRY;
}

enum tide_json_step
tide_json_fast_read(struct tide_json_decoder *decoder, const uint8_t *text, uint32_t n,
                    uint32_t base)
{
    struct walk walk = {.decoder = decoder, .text = text};
    uint32_t count;
    walk.index = tide_json_index_make(decoder->index, text, n, &count);
    if (walk.index == NULL || !take(&walk, '{')) {
        return TIDE_JSON_STEP_RETRY;
    }
    walk.escapes = memchr(text, '\\', n) != NULL;
    return read_fields(&walk, &decoder->root, base, 1);
}
