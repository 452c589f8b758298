/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in: one record to values of a type, with the semantics of Spark's from_json and json source.
 *
 * A struct tide_json_decoder belongs to one task. It is made on a control thread, with memory for
 * the largest record, and then decodes records without allocating. Records go through simdjson;
 * those that simdjson refuses (also because Spark is more lenient: single quotes, NaN, text behind
 * the value) go through a slower tokenizer with the rules of Jackson, which has the last word. Both
 * feed the same conversion.
 *
 * Invariants:
 *   1. What comes out does not depend on which of the two read the record.
 *   2. Every token of a record is validated, also of fields that the type does not have, so that
 *      PERMISSIVE and FAILFAST agree on what is malformed.
 *   3. Nesting is at most TIDE_LIMIT_JSON_DEPTH; deeper is malformed.
 */
#ifndef TIDE_CODEC_JSON_H
#define TIDE_CODEC_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/row.h>

#include "base/seam.h"
#include "codec/json_scan.h"
#include "codec/time_pattern.h"
#include "codec/zone.h"
#include "data/value.h"

enum tide_json_mode {
    TIDE_JSON_PERMISSIVE,    /* malformed: what could be read, the rest NULL */
    TIDE_JSON_FAILFAST,      /* malformed: TIDE_JSON_FAIL */
    TIDE_JSON_DROPMALFORMED, /* malformed: TIDE_JSON_DROP */
};

/* How to read. Start from tide_json_options_init(). */
struct tide_json_options {
    enum tide_json_mode mode;
    uint32_t allow;           /* enum tide_json_allow */
    bool array_as_rows;       /* a top-level array is many rows: json source, not from_json */
    bool exact_strings;       /* a STRING gets numbers and nested values as they are written (json
                                 source), not as Jackson writes them again (from_json) */
    char corrupt_column[256]; /* columnNameOfCorruptRecord */
    const struct tide_zone *zone;        /* never NULL; all of these must outlive the decoder */
    const struct tide_zone_set *regions; /* NULL: texts name offsets only */
    const struct tide_time_pattern *timestamp_format; /* NULL: as CAST */
    const struct tide_time_pattern *date_format;      /* NULL: as CAST */
};

/* Spark's defaults for from_json, UTC. @thread any */
void tide_json_options_init(struct tide_json_options *options);

/*
 * Sets the option called @name (any case) from Spark's text form. timestampFormat, dateFormat and
 * timeZone are the caller's to resolve into members: TIDE_ERR_NOTFOUND, as for a name that is none.
 * Errors: also TIDE_ERR_INVALID for a bad value, TIDE_ERR_UNSUPPORTED for options of Spark's that
 * are not in this version. @thread any
 */
int tide_json_option_set(struct tide_json_options *options, const char *name, const char *value,
                         struct tide_error *err);

enum tide_json_result {
    TIDE_JSON_OK,    /* a value */
    TIDE_JSON_NULL,  /* NULL for from_json, no row for a source: an empty text, or a malformed one
                        where the type is ARRAY or MAP */
    TIDE_JSON_DROP,  /* malformed, and the mode drops it */
    TIDE_JSON_FAIL,  /* malformed, and the mode fails: tide_json_reason() */
    TIDE_JSON_FULL,  /* the writer is full: decode again into an empty one */
    TIDE_JSON_NOMEM, /* no memory for a value of very many elements */
};

struct tide_json_decoder;

/*
 * A decoder of records of at most @record_max bytes to @type: STRUCT, or for from_json also ARRAY
 * and MAP with STRING keys. @type is copied. A STRUCT's field called corrupt_column must be a
 * nullable STRING and gets the text of malformed records. Errors: TIDE_ERR_INVALID,
 * TIDE_ERR_UNSUPPORTED (type), TIDE_ERR_NOMEM. @thread start, coordinator
 */
int tide_json_decoder_create(const struct tide_seam *seam, const struct tide_type *type,
                             const struct tide_json_options *options, uint32_t record_max,
                             struct tide_json_decoder **out, struct tide_error *err);

/* Frees a decoder; NULL is legal. @thread start, coordinator */
void tide_json_decoder_destroy(struct tide_json_decoder *decoder);

/*
 * Decodes one record to one value of the type in the writer's heap. Need not be padded; over
 * record_max it is malformed. @out is set on TIDE_JSON_OK only. @thread task
 */
enum tide_json_result tide_json_decode(struct tide_json_decoder *decoder, struct tide_bytes record,
                                       struct tide_writer *writer, struct tide_ref *out);

/*
 * Decodes one record for rows: after TIDE_JSON_OK the decoder holds *@out_rows rows (0 to many with
 * array_as_rows, else 1), whose bytes lie in the writer's heap behind the slot begun last.
 * tide_json_row() stores each; slots for the others are begun and committed in between, in the same
 * writer. The type is a STRUCT. @thread task
 */
enum tide_json_result tide_json_decode_rows(struct tide_json_decoder *decoder,
                                            struct tide_bytes record, struct tide_writer *writer,
                                            uint32_t *out_rows);

/*
 * Stores row @i of the last tide_json_decode_rows() into fields @first_field .. of a slot of
 * @schema, begun in the same writer; their types are those of the STRUCT. @thread task
 */
void tide_json_row(const struct tide_json_decoder *decoder, uint32_t i,
                   const struct tide_schema *schema, uint8_t *slot, uint32_t first_field);

/* Whether the last record was malformed (PERMISSIVE answers OK all the same). @thread task */
bool tide_json_malformed(const struct tide_json_decoder *decoder);

/* Why the last record was malformed: one sentence, valid until the next decode. @thread task */
const char *tide_json_reason(const struct tide_json_decoder *decoder);

#endif
