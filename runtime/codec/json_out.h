/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON out: a writer of documents (logs, progress, dumps), and values as Spark's to_json.
 *
 * The writer is a plain struct over a struct tide_chars: it places commas, indents when asked to,
 * escapes texts. Calls must nest properly; that is asserted. Nothing allocates. Threads: any, one
 * at a time per writer.
 */
#ifndef TIDE_CODEC_JSON_OUT_H
#define TIDE_CODEC_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "base/limits.h"
#include "codec/chars.h"
#include "codec/time_pattern.h"
#include "codec/zone.h"
#include "data/value.h"

struct tide_json_out {
    struct tide_chars *chars;
    bool pretty;    /* as Jackson's default printer: "a" : 1, two blanks a level, [ 1, 2 ] */
    bool key_given; /* the next value belongs to it */
    uint32_t depth;
    uint64_t objects[(TIDE_LIMIT_JSON_DEPTH + 63) / 64]; /* by depth: object, not array */
    uint64_t filled[(TIDE_LIMIT_JSON_DEPTH + 63) / 64];  /* by depth: has something in it */
};

/* A writer that appends to @chars. @thread any */
void tide_json_out_init(struct tide_json_out *out, struct tide_chars *chars, bool pretty);

/* Structure. Deeper than TIDE_LIMIT_JSON_DEPTH is asserted. @thread any */
void tide_json_out_begin_object(struct tide_json_out *out);
void tide_json_out_end_object(struct tide_json_out *out);
void tide_json_out_begin_array(struct tide_json_out *out);
void tide_json_out_end_array(struct tide_json_out *out);

/* The key of the value that comes next. @thread any */
void tide_json_out_key(struct tide_json_out *out, const char *key);
void tide_json_out_key_bytes(struct tide_json_out *out, struct tide_bytes key);

/* Values. @thread any */
void tide_json_out_text(struct tide_json_out *out, const char *text);
void tide_json_out_bytes(struct tide_json_out *out, struct tide_bytes text);
void tide_json_out_i64(struct tide_json_out *out, int64_t value);
void tide_json_out_u64(struct tide_json_out *out, uint64_t value);
void tide_json_out_double(struct tide_json_out *out, double value); /* Java's form; "NaN" quoted */
void tide_json_out_bool(struct tide_json_out *out, bool value);
void tide_json_out_null(struct tide_json_out *out);

/* A value that is JSON already. @thread any */
void tide_json_out_raw(struct tide_json_out *out, struct tide_bytes json);

/* How to_json writes. */
struct tide_json_put_options {
    bool keep_nulls;                                  /* ignoreNullFields=false */
    const struct tide_zone *zone;                     /* never NULL */
    const struct tide_time_pattern *timestamp_format; /* NULL: 2024-02-29T12:00:00.000Z */
    const struct tide_time_pattern *date_format;      /* NULL: 2024-02-29 */
};

/*
 * A value as Spark's to_json: fields that are NULL left out, elements and map values that are NULL
 * written, NaN and infinities quoted, BINARY as base64. A NULL at the top is null. @thread any
 */
void tide_json_out_value(struct tide_json_out *out, const struct tide_value *value,
                         const struct tide_json_put_options *options);

#endif
