/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan: structure and single tokens. What is inside quotes is read by json_string.c.
 */
#include "codec/json_scan.h"

#include <string.h>

#include "codec/json_string.h"

void
tide_json_scan_init(struct tide_json_scan *scan, struct tide_bytes text, uint32_t allow,
                    uint8_t *scratch, uint32_t scratch_max)
{
    /* The arrays are written before they are read: only the head needs to be zero. */
    memset(scan, 0, offsetof(struct tide_json_scan, objects));
    scan->text = text.p;
    scan->n = text.n;
    scan->allow = allow;
    scan->scratch = scratch;
    scan->scratch_max = scratch_max;
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
        scan->at = 3;
    }
}

static enum tide_json_token
fail(struct tide_json_scan *scan, uint32_t at, const char *error)
{
    scan->token = TIDE_JSON_TOKEN_ERROR;
    scan->error = error;
    scan->error_at = at;
    return scan->token;
}

static bool
in_object(const struct tide_json_scan *scan, uint32_t depth)
{
    return depth > 0 && (scan->objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1) != 0;
}

/* Behind a comment that begins at scan->at; false when it does not end. */
static bool
skip_comment(struct tide_json_scan *scan)
{
    uint32_t at = scan->at + 2;
    if (scan->text[scan->at + 1] == '/') {
        while (at < scan->n && scan->text[at] != '\n' && scan->text[at] != '\r') {
            at++;
        }
        scan->at = at;
        return true;
    }
    for (; at + 1 < scan->n; at++) {
        if (scan->text[at] == '*' && scan->text[at + 1] == '/') {
            scan->at = at + 2;
            return true;
        }
    }
    return false;
}

/* Skips white space and comments; the character that follows, or -1 at the end. */
static int
next_char(struct tide_json_scan *scan)
{
    while (scan->at < scan->n) {
        uint8_t c = scan->text[scan->at];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            scan->at++;
        } else if (c != '/' || (scan->allow & TIDE_JSON_ALLOW_COMMENTS) == 0 ||
                   scan->at + 1 == scan->n ||
                   (scan->text[scan->at + 1] != '/' && scan->text[scan->at + 1] != '*') ||
                   !skip_comment(scan)) {
            return c;
        }
    }
    return -1;
}

/* Whether @c may stand directly behind a number or a word. */
static bool
ends_word(const struct tide_json_scan *scan, uint32_t at)
{
    return at == scan->n || memchr(" \t\r\n,]}/", scan->text[at], 8) != NULL;
}

/* The end of a value: it stands for itself, or closes the top. */
static enum tide_json_token
value_token(struct tide_json_scan *scan, enum tide_json_token token, uint32_t end)
{
    scan->span.end = end;
    scan->at = end;
    scan->token = token;
    scan->done = scan->depth == 0;
    return token;
}

/* A word such as true; @token if it is there. */
static enum tide_json_token
read_word(struct tide_json_scan *scan, const char *word, enum tide_json_token token)
{
    uint32_t n = (uint32_t)strlen(word);
    if (scan->n - scan->at < n || memcmp(scan->text + scan->at, word, n) != 0 ||
        !ends_word(scan, scan->at + n)) {
        return fail(scan, scan->at, "unrecognized word");
    }
    scan->value = (struct tide_bytes){scan->text + scan->at, n};
    return value_token(scan, token, scan->at + n);
}

/* NaN, Infinity, INF, with their signs. */
static enum tide_json_token
read_non_numeric(struct tide_json_scan *scan)
{
    static const char *const words[] = {"NaN",       "Infinity", "-Infinity",
                                        "+Infinity", "-INF",     "+INF"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint32_t n = (uint32_t)strlen(words[i]);
        if (scan->n - scan->at >= n && memcmp(scan->text + scan->at, words[i], n) == 0) {
            if ((scan->allow & TIDE_JSON_ALLOW_NON_NUMERIC) == 0) {
                return fail(scan, scan->at, "non-standard number");
            }
            return read_word(scan, words[i], TIDE_JSON_TOKEN_FLOAT);
        }
    }
    return fail(scan, scan->at, "unrecognized word");
}

static uint32_t
skip_digits(const struct tide_json_scan *scan, uint32_t at)
{
    while (at < scan->n && scan->text[at] >= '0' && scan->text[at] <= '9') {
        at++;
    }
    return at;
}

static enum tide_json_token
read_number(struct tide_json_scan *scan)
{
    enum tide_json_token token = TIDE_JSON_TOKEN_INT;
    uint32_t start = scan->at;
    uint32_t digits = start + (scan->text[start] == '-' ? 1 : 0);
    uint32_t at = skip_digits(scan, digits);
    uint32_t part;
    if (at == digits) {
        return read_non_numeric(scan);
    }
    if (at - digits > 1 && scan->text[digits] == '0' &&
        (scan->allow & TIDE_JSON_ALLOW_LEADING_ZEROS) == 0) {
        return fail(scan, start, "a number with leading zeros");
    }
    if (at < scan->n && scan->text[at] == '.') {
        token = TIDE_JSON_TOKEN_FLOAT;
        part = at + 1;
        at = skip_digits(scan, part);
        if (at == part) {
            return fail(scan, at, "a decimal point without digits");
        }
    }
    if (at < scan->n && (scan->text[at] == 'e' || scan->text[at] == 'E')) {
        token = TIDE_JSON_TOKEN_FLOAT;
        part = at + 1;
        part += part < scan->n && (scan->text[part] == '-' || scan->text[part] == '+') ? 1 : 0;
        at = skip_digits(scan, part);
        if (at == part) {
            return fail(scan, at, "an exponent without digits");
        }
    }
    if (!ends_word(scan, at)) {
        return fail(scan, at, "an unexpected character in a number");
    }
    scan->value = (struct tide_bytes){scan->text + start, at - start};
    return value_token(scan, token, at);
}

/* A text in quotes at scan->at. */
static enum tide_json_token
read_string(struct tide_json_scan *scan, enum tide_json_token token)
{
    struct tide_json_string string;
    if (!tide_json_string_read(scan->text, scan->n, scan->at, scan->allow, &string)) {
        return fail(scan, string.error_at, string.error);
    }
    if (!string.escaped) {
        scan->value = (struct tide_bytes){scan->text + scan->at + 1, string.end - scan->at - 2};
    } else if (string.end - scan->at > scan->scratch_max) {
        return fail(scan, scan->at, "a text with escapes that is too long");
    } else {
        scan->value.n = tide_json_string_unescape(scan->text + scan->at + 1,
                                                  string.end - scan->at - 2, scan->scratch);
        scan->value.p = scan->scratch;
    }
    if (token == TIDE_JSON_TOKEN_STRING) {
        return value_token(scan, token, string.end);
    }
    scan->span.end = string.end;
    scan->at = string.end;
    scan->token = token;
    return token;
}

static enum tide_json_token
open_nested(struct tide_json_scan *scan, bool object)
{
    uint64_t bit = UINT64_C(1) << (scan->depth % 64);
    if (scan->depth == TIDE_LIMIT_JSON_DEPTH) {
        return fail(scan, scan->at, "nested too deep");
    }
    scan->objects[scan->depth / 64] &= ~bit;
    scan->objects[scan->depth / 64] |= object ? bit : 0;
    scan->names[scan->depth] = (struct tide_json_span){0, 0};
    scan->depth++;
    scan->first = true;
    scan->at++;
    scan->span.end = scan->at;
    scan->token = object ? TIDE_JSON_TOKEN_OBJECT : TIDE_JSON_TOKEN_ARRAY;
    return scan->token;
}

static enum tide_json_token
close_nested(struct tide_json_scan *scan)
{
    bool object = in_object(scan, scan->depth);
    scan->depth--;
    scan->first = false;
    return value_token(scan, object ? TIDE_JSON_TOKEN_OBJECT_END : TIDE_JSON_TOKEN_ARRAY_END,
                       scan->at + 1);
}

static enum tide_json_token
read_value(struct tide_json_scan *scan, int c)
{
    scan->span.at = scan->at;
    switch (c) {
    case -1:
        return fail(scan, scan->at, "it ends too early");
    case '{':
        return open_nested(scan, true);
    case '[':
        return open_nested(scan, false);
    case '"':
        return read_string(scan, TIDE_JSON_TOKEN_STRING);
    case 't':
        return read_word(scan, "true", TIDE_JSON_TOKEN_TRUE);
    case 'f':
        return read_word(scan, "false", TIDE_JSON_TOKEN_FALSE);
    case 'n':
        return read_word(scan, "null", TIDE_JSON_TOKEN_NULL);
    case '\'':
        if ((scan->allow & TIDE_JSON_ALLOW_SINGLE_QUOTES) != 0) {
            return read_string(scan, TIDE_JSON_TOKEN_STRING);
        }
        return fail(scan, scan->at, "a single quote");
    default:
        return c == '-' || (c >= '0' && c <= '9') ? read_number(scan) : read_non_numeric(scan);
    }
}

/* A name without quotes: JavaScript's, and what else Jackson lets pass. */
static enum tide_json_token
read_bare_name(struct tide_json_scan *scan)
{
    uint32_t at = scan->at;
    while (at < scan->n) {
        uint8_t c = scan->text[at];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c < 0x80 && memchr("_$@#*+-", c, 7) == NULL) {
            break;
        }
        at++;
    }
    if (at == scan->at) {
        return fail(scan, at, "a field name is expected");
    }
    scan->value = (struct tide_bytes){scan->text + scan->at, at - scan->at};
    scan->span.end = at;
    scan->at = at;
    scan->token = TIDE_JSON_TOKEN_NAME;
    return scan->token;
}

static enum tide_json_token
read_name(struct tide_json_scan *scan, int c)
{
    enum tide_json_token token;
    scan->span.at = scan->at;
    if (c == '"' || (c == '\'' && (scan->allow & TIDE_JSON_ALLOW_SINGLE_QUOTES) != 0)) {
        token = read_string(scan, TIDE_JSON_TOKEN_NAME);
    } else if ((scan->allow & TIDE_JSON_ALLOW_UNQUOTED_NAMES) != 0) {
        token = read_bare_name(scan);
    } else {
        return fail(scan, scan->at, "a field name in double quotes is expected");
    }
    if (token == TIDE_JSON_TOKEN_NAME) {
        scan->names[scan->depth - 1] = scan->span;
    }
    return token;
}

/* What stands between two values of an object or array: a comma or the end. */
static enum tide_json_token
read_inside(struct tide_json_scan *scan)
{
    bool object = in_object(scan, scan->depth);
    int c = next_char(scan);
    if (c == (object ? '}' : ']')) {
        scan->span.at = scan->at;
        return close_nested(scan);
    }
    if (!scan->first) {
        if (c != ',') {
            return fail(scan, scan->at, c < 0 ? "it ends too early" : "a comma is expected");
        }
        scan->at++;
        c = next_char(scan);
    }
    scan->first = false;
    return object ? read_name(scan, c) : read_value(scan, c);
}

enum tide_json_token
tide_json_scan_next(struct tide_json_scan *scan)
{
    int c;
    if (scan->token == TIDE_JSON_TOKEN_ERROR) {
        return scan->token;
    }
    if (scan->done) {
        scan->token = TIDE_JSON_TOKEN_NONE;
        return scan->token;
    }
    if (scan->token == TIDE_JSON_TOKEN_NAME) {
        if (next_char(scan) != ':') {
            return fail(scan, scan->at, "a colon is expected");
        }
        scan->at++;
        return read_value(scan, next_char(scan));
    }
    if (scan->depth > 0) {
        return read_inside(scan);
    }
    c = next_char(scan);
    return c < 0 ? TIDE_JSON_TOKEN_NONE : read_value(scan, c);
}

bool
tide_json_scan_skip(struct tide_json_scan *scan)
{
    uint32_t depth = scan->depth;
    if (scan->token != TIDE_JSON_TOKEN_OBJECT && scan->token != TIDE_JSON_TOKEN_ARRAY) {
        return scan->token != TIDE_JSON_TOKEN_ERROR;
    }
    while (scan->depth >= depth) {
        if (tide_json_scan_next(scan) == TIDE_JSON_TOKEN_ERROR) {
            return false;
        }
    }
    return true;
}

bool
tide_json_scan_at_end(struct tide_json_scan *scan)
{
    if (scan->token == TIDE_JSON_TOKEN_ERROR) {
        return false;
    }
    if (next_char(scan) >= 0) {
        fail(scan, scan->at, scan->done ? "something follows the value" : "the value goes on");
        return false;
    }
    if (!scan->done) {
        fail(scan, scan->at, "it ends too early");
        return false;
    }
    return true;
}

struct tide_bytes
tide_json_scan_name(struct tide_json_scan *scan)
{
    bool opened = scan->token == TIDE_JSON_TOKEN_OBJECT || scan->token == TIDE_JSON_TOKEN_ARRAY;
    uint32_t depth = scan->depth - (opened ? 1 : 0);
    struct tide_json_span span;
    struct tide_json_string string;
    if (!in_object(scan, depth)) {
        return (struct tide_bytes){NULL, 0};
    }
    if (scan->token == TIDE_JSON_TOKEN_NAME) {
        return scan->value;
    }
    span = scan->names[depth - 1];
    if (scan->text[span.at] != '"' && scan->text[span.at] != '\'') {
        return (struct tide_bytes){scan->text + span.at, span.end - span.at};
    }
    /* Read before, so it cannot fail. */
    tide_json_string_read(scan->text, scan->n, span.at, scan->allow, &string);
    if (!string.escaped) {
        return (struct tide_bytes){scan->text + span.at + 1, span.end - span.at - 2};
    }
    return (struct tide_bytes){
        scan->scratch,
        tide_json_string_unescape(scan->text + span.at + 1, span.end - span.at - 2, scan->scratch)};
}

/* One token, as Jackson's copyCurrentEvent. */
static void
copy_token(struct tide_json_scan *scan, struct tide_chars *out)
{
    switch (scan->token) {
    case TIDE_JSON_TOKEN_NAME:
        tide_json_put_string(out, scan->value);
        tide_chars_byte(out, ':');
        break;
    case TIDE_JSON_TOKEN_STRING:
        tide_json_put_string(out, scan->value);
        break;
    case TIDE_JSON_TOKEN_INT:
        tide_json_put_int(out, scan->value);
        break;
    case TIDE_JSON_TOKEN_FLOAT:
        tide_json_put_float(out, scan->value);
        break;
    default:
        tide_chars_put(out, scan->text + scan->span.at, scan->span.end - scan->span.at);
        break;
    }
}

bool
tide_json_scan_copy(struct tide_json_scan *scan, struct tide_chars *out)
{
    uint32_t depth = scan->depth;
    bool nested = scan->token == TIDE_JSON_TOKEN_OBJECT || scan->token == TIDE_JSON_TOKEN_ARRAY;
    bool comma = false;
    copy_token(scan, out);
    while (nested && scan->depth >= depth) {
        enum tide_json_token token = tide_json_scan_next(scan);
        bool end = token == TIDE_JSON_TOKEN_OBJECT_END || token == TIDE_JSON_TOKEN_ARRAY_END;
        if (token == TIDE_JSON_TOKEN_ERROR) {
            return false;
        }
        tide_chars_text(out, comma && !end ? "," : "");
        copy_token(scan, out);
        comma = token != TIDE_JSON_TOKEN_NAME && token != TIDE_JSON_TOKEN_OBJECT &&
                token != TIDE_JSON_TOKEN_ARRAY;
    }
    return scan->token != TIDE_JSON_TOKEN_ERROR;
}
