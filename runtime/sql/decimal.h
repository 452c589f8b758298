/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimals: Spark's rules for the types of results, and exact arithmetic on unscaled values.
 *
 * A value is an unscaled __int128 and a scale; results are rounded half up to the scale asked for
 * and are false when they need more digits than the precision. Intermediates have 384 bits, so that
 * nothing is lost before the last rounding. Threads: any.
 */
#ifndef TIDE_SQL_DECIMAL_H
#define TIDE_SQL_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "data/type.h"

#define TIDE_DECIMAL_DIGITS 38u

/* ---- types ---- */

enum tide_decimal_op {
    TIDE_DECIMAL_ADD, /* and subtract */
    TIDE_DECIMAL_MULTIPLY,
    TIDE_DECIMAL_DIVIDE,
    TIDE_DECIMAL_REMAINDER,
};

/* Type of the result for operands of two DECIMAL types. @thread any */
struct tide_type tide_decimal_result(enum tide_decimal_op op, const struct tide_type *a,
                                     const struct tide_type *b);

/* The narrowest DECIMAL that holds both, as far as 38 digits go. @thread any */
struct tide_type tide_decimal_wider(const struct tide_type *a, const struct tide_type *b);

/* The DECIMAL that holds every value of an integral type; itself for a DECIMAL. @thread any */
struct tide_type tide_decimal_for(const struct tide_type *type);

/* The DECIMAL with just enough digits for a whole number. @thread any */
struct tide_type tide_decimal_for_value(int64_t value);

/* ---- values ---- */

/* 10^n for n up to 38. @thread any */
tide_i128 tide_pow10(uint32_t n);

/* Whether the value has at most @precision digits. @thread any */
bool tide_decimal_fits(tide_i128 value, uint32_t precision);

/* The value at another scale, rounded half up; false when over @precision digits. @thread any */
bool tide_decimal_rescale(tide_i128 value, uint32_t scale, uint32_t out_precision,
                          uint32_t out_scale, tide_i128 *out);

/* An operand. */
struct tide_decimal {
    tide_i128 value;
    uint32_t scale;
};

/* Result of an operation as @type; false when it does not fit. For DIVIDE and REMAINDER @b is not
 * zero. @thread any */
bool tide_decimal_add(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                      tide_i128 *out);
bool tide_decimal_multiply(struct tide_decimal a, struct tide_decimal b,
                           const struct tide_type *type, tide_i128 *out);
bool tide_decimal_divide(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                         tide_i128 *out);
bool tide_decimal_remainder(struct tide_decimal a, struct tide_decimal b,
                            const struct tide_type *type, tide_i128 *out);

/* The whole part of a / b, its low 64 bits; *@out_fits says whether those are all. @thread any */
int64_t tide_decimal_quotient(struct tide_decimal a, struct tide_decimal b, bool *out_fits);

/* The value with at most 34 digits that are not 0, rounded half to even: what Scala's BigDecimal
 * leaves of a negation or product. @thread any */
tide_i128 tide_decimal_round_34(tide_i128 value);

/* Negative, 0 or positive. @thread any */
int tide_decimal_compare(struct tide_decimal a, struct tide_decimal b);

/* The nearest double or float. @thread any */
double tide_decimal_to_double(tide_i128 value, uint32_t scale);
double tide_decimal_to_float(tide_i128 value, uint32_t scale);

/* A double's shortest text as DECIMAL; false for NaN, infinities and what does not fit. @thread any
 */
bool tide_decimal_from_double(double value, const struct tide_type *type, tide_i128 *out);

#endif
