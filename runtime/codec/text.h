/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: values to text and back, exactly as Spark's CAST does it, and the text of show().
 *
 * Writers append to a struct tide_chars and never fail. Readers take the whole text (with Spark's
 * white space around it, where CAST allows that) and answer whether it is a value of the type; what
 * a false means (NULL or an ANSI error) is the caller's. Nothing allocates; nothing depends on the
 * locale. Threads: any.
 */
#ifndef TIDE_CODEC_TEXT_H
#define TIDE_CODEC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "codec/chars.h"
#include "codec/zone.h"
#include "data/value.h"

/* ---- to text ---- */

/* A decimal integer. @thread any */
void tide_put_i64(struct tide_chars *out, int64_t value);

/* Java's Double.toString and Float.toString: the fewest digits that read back, "1.0E10", "NaN",
 * "-Infinity". @thread any */
void tide_put_double(struct tide_chars *out, double value);
void tide_put_float(struct tide_chars *out, float value);

/* An unscaled decimal: plain, never with an exponent ("0.00"). @thread any */
void tide_put_decimal(struct tide_chars *out, tide_i128 unscaled, uint32_t scale);

/* Spark's CAST of a decimal (BigDecimal.toString: "0E-7" and "1E-8" where the exponent falls below
 * -6). @thread any */
void tide_put_decimal_cast(struct tide_chars *out, tide_i128 unscaled, uint32_t scale);

/* "2024-02-29", "+10000-01-01", "-0044-03-15". @thread any */
void tide_put_date(struct tide_chars *out, int64_t days);

/* "2024-02-29 12:00:00.5": fraction without trailing zeroes. @thread any */
void tide_put_timestamp(struct tide_chars *out, int64_t utc_us, const struct tide_zone *zone);

/* "2024-02-29T12:00:00.500Z", "...+08:00": to_json's default, milliseconds. @thread any */
void tide_put_timestamp_iso(struct tide_chars *out, int64_t utc_us, const struct tide_zone *zone);

/* How nested values and NULLs are written. */
enum tide_text_style {
    TIDE_TEXT_CAST, /* CAST(x AS STRING): {1, null}, [1, 2], {k -> v}; binary as its bytes */
    TIDE_TEXT_SHOW, /* show(): NULL for NULL, binary as [61 62] */
};

/* The text of a value; that of a NULL is "null" or "NULL". @thread any */
void tide_put_value(struct tide_chars *out, const struct tide_value *value,
                    enum tide_text_style style, const struct tide_zone *zone);

/* tide_put_value() with TIDE_TEXT_SHOW: what a console cell holds, before truncation. @thread any
 */
void tide_text_show(struct tide_chars *out, const struct tide_value *value,
                    const struct tide_zone *zone);

/* Display width of UTF-8 text as Spark's show() counts it: two cells for wide characters. @thread
 * any */
uint32_t tide_text_show_width(const char *text, uint32_t n);

/*
 * A cell's text as show() prints it: control characters as \n, \t and so on; where @truncate is
 * over 0, at most so many UTF-16 units, the last three of them dots where there is room for dots.
 * @thread any
 */
void tide_text_show_cell(struct tide_chars *out, const char *text, uint32_t n, uint32_t truncate);

/* ---- from text ---- */

/* @text without the white space and control characters that Spark's CAST ignores. @thread any */
struct tide_bytes tide_text_trim(struct tide_bytes text);

/*
 * An integer of at least @min and at most @max. CAST without ANSI also takes a fraction, which it
 * cuts off ("1.9"): @fraction. No exponent in either. @thread any
 */
bool tide_read_i64(struct tide_bytes text, int64_t min, int64_t max, bool fraction,
                   int64_t *out_value);

/* A double or float: Java's syntax ("1e3", ".5", "1d") and NaN, Infinity, Inf in any case. @thread
 * any */
bool tide_read_double(struct tide_bytes text, double *out_value);
bool tide_read_float(struct tide_bytes text, double *out_value);

/*
 * A decimal of @precision and @scale, rounded half up; out of range is false. *@out_syntax (NULL is
 * legal) says whether it was a number at all. @thread any
 */
bool tide_read_decimal(struct tide_bytes text, uint32_t precision, uint32_t scale,
                       tide_i128 *out_unscaled, bool *out_syntax);

/* true: t true y yes 1; false: f false n no 0; any case. @thread any */
bool tide_read_bool(struct tide_bytes text, bool *out_value);

/* "2024", "2024-2", "2024-02-29", and anything behind a date and a blank or T. @thread any */
bool tide_read_date(struct tide_bytes text, int64_t *out_days);

/*
 * "2024-02-29 12:00:00.5", its parts from the right missing, zone behind it ("Z", "+01:00",
 * "Europe/Berlin"), else in @zone. A time without a date is refused. @regions resolves region names
 * (NULL: fixed offsets only). @thread any
 */
bool tide_read_timestamp(struct tide_bytes text, const struct tide_zone *zone,
                         const struct tide_zone_set *regions, int64_t *out_utc_us);

/* What tide_read_value() goes by. */
struct tide_read_rules {
    bool ansi;                           /* spark.sql.ansi.enabled: integers without fraction */
    const struct tide_zone *zone;        /* of the session; never NULL */
    const struct tide_zone_set *regions; /* NULL: fixed offsets only */
};

/*
 * A value of @type (not nested; STRING and BINARY are the bytes themselves, untrimmed) as
 * CAST(string AS type). False: NULL or an error. @thread any
 */
bool tide_read_value(struct tide_bytes text, const struct tide_type *type,
                     const struct tide_read_rules *rules, struct tide_value *out);

#endif
