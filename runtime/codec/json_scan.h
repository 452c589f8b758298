/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as a stream of tokens, with the rules of Jackson: what Spark's from_json, get_json_object
 * and json source accept, as far as options allow it.
 *
 * A scan is a plain struct on the caller's stack; it reads one value and stops behind it, so that
 * what follows (Spark ignores it) is not looked at. Nothing allocates: texts with escapes are
 * written into memory that the caller gives. Also the reader of small documents of our own (offsets
 * in a pipeline file): tokens with their places, and errors with theirs.
 *
 * Threads: any, one at a time per scan.
 */
#ifndef TIDE_CODEC_JSON_SCAN_H
#define TIDE_CODEC_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "base/limits.h"
#include "codec/chars.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tide_json_token {
    TIDE_JSON_TOKEN_NONE, /* before the first; behind the value; nothing but white space */
    TIDE_JSON_TOKEN_ERROR,
    TIDE_JSON_TOKEN_OBJECT,
    TIDE_JSON_TOKEN_OBJECT_END,
    TIDE_JSON_TOKEN_ARRAY,
    TIDE_JSON_TOKEN_ARRAY_END,
    TIDE_JSON_TOKEN_NAME, /* of the field whose value is next */
    TIDE_JSON_TOKEN_STRING,
    TIDE_JSON_TOKEN_INT,   /* digits only */
    TIDE_JSON_TOKEN_FLOAT, /* with a fraction, an exponent, or one of NaN, Infinity, -INF, ... */
    TIDE_JSON_TOKEN_TRUE,
    TIDE_JSON_TOKEN_FALSE,
    TIDE_JSON_TOKEN_NULL
};

/* What is allowed beyond RFC 8259; each is an option of Spark's. */
enum tide_json_allow {
    TIDE_JSON_ALLOW_COMMENTS = 1 << 0,
    TIDE_JSON_ALLOW_UNQUOTED_NAMES = 1 << 1,
    TIDE_JSON_ALLOW_SINGLE_QUOTES = 1 << 2,
    TIDE_JSON_ALLOW_LEADING_ZEROS = 1 << 3,
    TIDE_JSON_ALLOW_NON_NUMERIC = 1 << 4,
    TIDE_JSON_ALLOW_ANY_ESCAPE = 1 << 5,
    TIDE_JSON_ALLOW_CONTROL_CHARS = 1 << 6,
    /* What Spark allows when nothing is said. */
    TIDE_JSON_ALLOW_SPARK = TIDE_JSON_ALLOW_SINGLE_QUOTES | TIDE_JSON_ALLOW_NON_NUMERIC
};

/* Bytes of the text: [at, end). */
struct tide_json_span {
    uint32_t at, end;
};

struct tide_json_scan {
    const uint8_t *text;
    uint32_t n;
    uint32_t at;      /* of what is read next */
    uint32_t allow;   /* enum tide_json_allow */
    uint8_t *scratch; /* room for one unescaped text: as long as the longest one is escaped */
    uint32_t scratch_max;
    enum tide_json_token token; /* the last one */
    struct tide_bytes value;    /* NAME STRING: unescaped; INT FLOAT: as written */
    struct tide_json_span span; /* the last token, quotes included */
    const char *error;          /* ERROR: a phrase, static */
    uint32_t error_at;
    uint32_t depth;    /* open objects and arrays */
    bool done;         /* the value is complete */
    bool first, comma; /* nothing yet in the open one; a comma was read */
    uint64_t objects[(TIDE_LIMIT_JSON_DEPTH + 63) / 64]; /* by depth: object, not array */
    struct tide_json_span names[TIDE_LIMIT_JSON_DEPTH];  /* by depth: last name, quotes included */
};

/* Begins at @text, which must outlive the scan; a byte order mark is skipped. @scratch may be NULL
 * when @scratch_max is 0: texts with escapes are then errors. @thread any */
void tide_json_scan_init(struct tide_json_scan *scan, struct tide_bytes text, uint32_t allow,
                         uint8_t *scratch, uint32_t scratch_max);

/* Reads the next token; scan->value is valid until the next call. ERROR stays. @thread any */
enum tide_json_token tide_json_scan_next(struct tide_json_scan *scan);

/* Behind OBJECT or ARRAY: reads on to its end (the new token). Else does nothing. False: an error.
 * @thread any */
bool tide_json_scan_skip(struct tide_json_scan *scan);

/* Whether the value is complete and nothing but white space follows; sets the error if not.
 * @thread any */
bool tide_json_scan_at_end(struct tide_json_scan *scan);

/*
 * Jackson's current name: of the field whose name or value was last read; behind OBJECT and ARRAY
 * and their ends, of the field that holds them. p is NULL in an array or at the top. Valid until
 * the next call on the scan. @thread any
 */
struct tide_bytes tide_json_scan_name(struct tide_json_scan *scan);

/*
 * Appends the value at the scan's present token (of an object or array all of it, to its end) as
 * Jackson writes it: no white space, escapes only where needed, numbers with a fraction as Java's
 * doubles. False: an error, with part of it appended. @thread any
 */
bool tide_json_scan_copy(struct tide_json_scan *scan, struct tide_chars *out);

/* Appends @text with quotes and Jackson's escapes. @thread any */
void tide_json_put_string(struct tide_chars *out, struct tide_bytes text);

#ifdef __cplusplus
}
#endif

#endif
