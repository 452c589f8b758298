/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that people write: names, sizes, durations, rates, numbers, truth values.
 *
 * Parsers take the whole text (white space around it is allowed) or refuse it with a message that
 * quotes it and says what would be right. They do not depend on the locale. Threads: any; nothing
 * is kept.
 */
#ifndef TIDE_BASE_TEXT_H
#define TIDE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

/* Compares as strcmp does, with ASCII letters of either case equal. @thread any */
int tide_text_compare_nocase(const char *a, const char *b);

/* Whether the texts are the same but for the case of ASCII letters. @thread any */
bool tide_text_equal_nocase(const char *a, const char *b);

/* Whether @text begins with @prefix. @thread any */
bool tide_text_starts(const char *text, const char *prefix);

/*
 * How many of the @len bytes at @text (at least one) make up the valid UTF-8 character there; 0:
 * none does. Surrogates, overlong forms and what lies over U+10FFFF are not valid. @thread any
 */
size_t tide_utf8_char(const char *text, size_t len);

/*
 * How many edits (insert, delete, replace, swap neighbours; Damerau-Levenshtein, optimal string
 * alignment) turn @a into @b, case ignored; texts over 64 bytes: SIZE_MAX unless equal. @thread any
 */
size_t tide_text_distance(const char *a, const char *b);

/*
 * The name that @given was probably meant to be ("did you mean 'sep'?"): the smallest distance, at
 * most one third of the longer name rounded up and never all of it; the first of equals. NULL names
 * are skipped. NULL: none is near.
 * @thread any
 */
const char *tide_nearest(const char *given, const char *const names[], size_t n);

/*
 * A number of bytes: "100", "64KiB", "64k", "64 kb", "1MiB", "1g", "1TiB", any case; powers of 1024
 * as in Spark. Errors: TIDE_ERR_INVALID. @thread any
 */
int tide_parse_size(const char *text, uint64_t *out_bytes, struct tide_error *err);

/*
 * A duration: "10 seconds", "10s", "100 ms", "1 hour 30 minutes", "interval 10 seconds", "20 us",
 * "1.5s"; units ns us ms s m h d and min, their long names in singular and plural, week(s). Not
 * negative; months and years are refused, as they have no fixed length. Errors: TIDE_ERR_INVALID.
 * @thread any
 */
int tide_parse_duration_ns(const char *text, uint64_t *out_ns, struct tide_error *err);

/*
 * A rate as so many per second: "5000/s", "100/second", "600/min", "1k/s" (k, m: thousands). A bare
 * number is refused, so that nobody wonders per what. Errors: TIDE_ERR_INVALID. @thread any
 */
int tide_parse_rate(const char *text, double *out_per_second, struct tide_error *err);

/* A decimal integer with optional sign. Errors: TIDE_ERR_INVALID, also when it does not fit.
 * @thread any */
int tide_parse_i64(const char *text, int64_t *out_value, struct tide_error *err);

/* As tide_parse_i64, within [@min, @max]; the message names the bounds. @thread any */
int tide_parse_i64_range(const char *text, int64_t min, int64_t max, int64_t *out_value,
                         struct tide_error *err);

/* A decimal integer from 0. Errors: TIDE_ERR_INVALID, also when it does not fit. @thread any */
int tide_parse_u64(const char *text, uint64_t *out_value, struct tide_error *err);

/* A decimal number, finite ("0.5", "1e-3"). Errors: TIDE_ERR_INVALID. @thread any */
int tide_parse_double(const char *text, double *out_value, struct tide_error *err);

/* "true" or "false", any case, as Spark's options. Errors: TIDE_ERR_INVALID. @thread any */
int tide_parse_bool(const char *text, bool *out_value, struct tide_error *err);

#endif
