/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions of single values, one function for each pair of kinds. Each answers what Spark's Cast
 * does in the mode of the cast; NULL inputs do not come here. Rules: fractions are cut off towards
 * zero; without ANSI integers wrap like Java's narrowing and doubles saturate first; a number as
 * TIMESTAMP is seconds since 1970. Threads: any.
 */
#include <float.h>
#include <math.h>

#include "base/assert.h"
#include "codec/calendar.h"
#include "codec/text.h"
#include "sql/cast.h"
#include "sql/decimal.h"
#include "sql/types.h"

#define CONVERSION(name)                                                                          \
    static enum tide_cast_outcome name(const struct tide_cast *cast __attribute__((unused)),      \
                                       const struct tide_cast_site *site __attribute__((unused)), \
                                       const struct tide_value *in __attribute__((unused)),       \
                                       struct tide_value *out)

/* ---- ranges ---- */

static int64_t
type_max(const struct tide_type *type)
{
    switch (type->id) {
    case TIDE_TYPE_BYTE:
        return INT8_MAX;
    case TIDE_TYPE_SHORT:
        return INT16_MAX;
    case TIDE_TYPE_INT:
        return INT32_MAX;
    default:
        return INT64_MAX;
    }
}

static int64_t
type_min(const struct tide_type *type)
{
    return -type_max(type) - 1;
}

/* Java's narrowing of a long. */
static int64_t
wrap(const struct tide_type *type, int64_t value)
{
    switch (type->id) {
    case TIDE_TYPE_BYTE:
        return (int8_t)value;
    case TIDE_TYPE_SHORT:
        return (int16_t)value;
    case TIDE_TYPE_INT:
        return (int32_t)value;
    default:
        return value;
    }
}

/* A whole number into an integral type; @exact: the number was one before. */
static enum tide_cast_outcome
put_integral(const struct tide_cast *cast, int64_t value, bool exact, struct tide_value *out)
{
    int64_t wrapped = wrap(cast->to, value);
    if (cast->mode != TIDE_CAST_LEGACY && (!exact || wrapped != value)) {
        return TIDE_CAST_OVERFLOW;
    }
    out->i64 = wrapped;
    return TIDE_CAST_OK;
}

/* Java's (long) of a double: saturated, NaN is 0. */
static int64_t
saturate(double value)
{
    if (!(value == value)) {
        return 0;
    }
    if (value >= 0x1p63) {
        return INT64_MAX;
    }
    return value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

static double
as_float(const struct tide_type *type, double value)
{
    return type->id == TIDE_TYPE_FLOAT ? (double)(float)value : value;
}

/* ---- to text and bytes ---- */

struct put_args {
    const struct tide_value *value;
    const struct tide_zone *zone;
    bool plain; /* a decimal without exponent */
};

static void
put_text(void *arg, struct tide_chars *out)
{
    const struct put_args *args = arg;
    if (args->plain) {
        tide_put_decimal(out, args->value->i128, args->value->type->scale);
    } else {
        tide_put_value(out, args->value, TIDE_TEXT_CAST, args->zone);
    }
}

CONVERSION(any_to_string)
{
    bool plain = cast->mode == TIDE_CAST_ANSI && cast->from->id == TIDE_TYPE_DECIMAL;
    struct put_args args = {in, cast->zone, plain};
    return tide_eval_text(site->eval, site->row, site->place, put_text, &args, &out->bytes)
               ? TIDE_CAST_OK
               : TIDE_CAST_FAILED;
}

CONVERSION(same_bytes)
{
    out->bytes = in->bytes;
    return TIDE_CAST_OK;
}

struct big_endian {
    int64_t value;
    uint32_t n;
};

static void
put_big_endian(void *arg, struct tide_chars *out)
{
    const struct big_endian *number = arg;
    for (uint32_t i = number->n; i-- > 0;) {
        tide_chars_byte(out, (char)(number->value >> (8 * i)));
    }
}

CONVERSION(integral_to_binary)
{
    struct big_endian number = {in->i64, 1u << (cast->from->id - TIDE_TYPE_BYTE)};
    return tide_eval_text(site->eval, site->row, site->place, put_big_endian, &number, &out->bytes)
               ? TIDE_CAST_OK
               : TIDE_CAST_FAILED;
}

/* ---- from text ---- */

CONVERSION(string_to_boolean)
{
    bool value;
    if (!tide_read_bool(in->bytes, &value)) {
        return TIDE_CAST_INVALID;
    }
    out->i64 = value;
    return TIDE_CAST_OK;
}

CONVERSION(string_to_integral)
{
    return tide_read_i64(in->bytes, type_min(cast->to), type_max(cast->to),
                         cast->mode == TIDE_CAST_LEGACY, &out->i64)
               ? TIDE_CAST_OK
               : TIDE_CAST_INVALID;
}

CONVERSION(string_to_float)
{
    bool ok = cast->to->id == TIDE_TYPE_FLOAT ? tide_read_float(in->bytes, &out->f64)
                                              : tide_read_double(in->bytes, &out->f64);
    return ok ? TIDE_CAST_OK : TIDE_CAST_INVALID;
}

CONVERSION(string_to_decimal)
{
    bool syntax = false;
    if (tide_read_decimal(in->bytes, cast->to->precision, cast->to->scale, &out->i128, &syntax)) {
        return TIDE_CAST_OK;
    }
    return syntax ? TIDE_CAST_OUT_OF_RANGE : TIDE_CAST_INVALID;
}

CONVERSION(string_to_date)
{
    return tide_read_date(in->bytes, &out->i64) ? TIDE_CAST_OK : TIDE_CAST_INVALID;
}

CONVERSION(string_to_timestamp)
{
    return tide_read_timestamp(in->bytes, cast->zone, cast->regions, &out->i64) ? TIDE_CAST_OK
                                                                                : TIDE_CAST_INVALID;
}

/* ---- to BOOLEAN ---- */

CONVERSION(long_to_boolean)
{
    out->i64 = in->i64 != 0;
    return TIDE_CAST_OK;
}

CONVERSION(float_to_boolean)
{
    out->i64 = in->f64 != 0;
    return TIDE_CAST_OK;
}

CONVERSION(decimal_to_boolean)
{
    out->i64 = in->i128 != 0;
    return TIDE_CAST_OK;
}

CONVERSION(to_null)
{
    (void)out;
    return TIDE_CAST_NULL;
}

/* ---- to integral types ---- */

CONVERSION(long_to_integral)
{
    return put_integral(cast, in->i64, true, out);
}

CONVERSION(float_to_integral)
{
    int64_t value = saturate(in->f64);
    bool exact = in->f64 >= -0x1p63 && in->f64 < 0x1p63;
    /* BYTE and SHORT go through int */
    if (cast->mode == TIDE_CAST_LEGACY && cast->to->id != TIDE_TYPE_LONG) {
        value = value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : value;
    }
    return put_integral(cast, value, exact, out);
}

CONVERSION(decimal_to_integral)
{
    bool fits;
    int64_t value = tide_decimal_quotient((struct tide_decimal){in->i128, cast->from->scale},
                                          (struct tide_decimal){1, 0}, &fits);
    return put_integral(cast, value, fits, out);
}

CONVERSION(timestamp_to_integral)
{
    int64_t value = tide_floor_div(in->i64, TIDE_US_PER_SECOND);
    out->i64 = value;
    return wrap(cast->to, value) == value ? TIDE_CAST_OK : TIDE_CAST_OVERFLOW;
}

/* ---- to FLOAT and DOUBLE ---- */

CONVERSION(long_to_float)
{
    out->f64 = cast->to->id == TIDE_TYPE_FLOAT ? (double)(float)in->i64 : (double)in->i64;
    return TIDE_CAST_OK;
}

CONVERSION(float_to_float)
{
    out->f64 = as_float(cast->to, in->f64);
    return TIDE_CAST_OK;
}

CONVERSION(decimal_to_float)
{
    out->f64 = cast->to->id == TIDE_TYPE_FLOAT
                   ? tide_decimal_to_float(in->i128, cast->from->scale)
                   : tide_decimal_to_double(in->i128, cast->from->scale);
    return TIDE_CAST_OK;
}

CONVERSION(timestamp_to_float)
{
    out->f64 = as_float(cast->to, (double)in->i64 / (double)TIDE_US_PER_SECOND);
    return TIDE_CAST_OK;
}

/* ---- to DECIMAL ---- */

CONVERSION(long_to_decimal)
{
    return tide_decimal_rescale(in->i64, 0, cast->to->precision, cast->to->scale, &out->i128)
               ? TIDE_CAST_OK
               : TIDE_CAST_OUT_OF_RANGE;
}

CONVERSION(decimal_to_decimal)
{
    return tide_decimal_rescale(in->i128, cast->from->scale, cast->to->precision, cast->to->scale,
                                &out->i128)
               ? TIDE_CAST_OK
               : TIDE_CAST_OUT_OF_RANGE;
}

static enum tide_cast_outcome
put_decimal(const struct tide_cast *cast, double value, struct tide_value *out)
{
    if (!isfinite(value)) {
        return TIDE_CAST_NULL;
    }
    return tide_decimal_from_double(value, cast->to, &out->i128) ? TIDE_CAST_OK
                                                                 : TIDE_CAST_OUT_OF_RANGE;
}

CONVERSION(float_to_decimal)
{
    return put_decimal(cast, in->f64, out);
}

CONVERSION(timestamp_to_decimal)
{
    return put_decimal(cast, (double)in->i64 / (double)TIDE_US_PER_SECOND, out);
}

/* ---- to DATE and TIMESTAMP ---- */

CONVERSION(timestamp_to_date)
{
    out->i64 = tide_floor_div(tide_zone_to_local(cast->zone, in->i64), TIDE_US_PER_DAY);
    return TIDE_CAST_OK;
}

CONVERSION(date_to_timestamp)
{
    int64_t local;
    if (__builtin_mul_overflow(in->i64, TIDE_US_PER_DAY, &local)) {
        return TIDE_CAST_OVERFLOW;
    }
    out->i64 = tide_zone_to_utc(cast->zone, local);
    return TIDE_CAST_OK;
}

CONVERSION(same_long)
{
    out->i64 = in->i64;
    return TIDE_CAST_OK;
}

CONVERSION(long_to_timestamp)
{
    if (__builtin_mul_overflow(in->i64, TIDE_US_PER_SECOND, &out->i64)) {
        out->i64 = in->i64 < 0 ? INT64_MIN : INT64_MAX;
    }
    return TIDE_CAST_OK;
}

CONVERSION(float_to_timestamp)
{
    double us = in->f64 * (double)TIDE_US_PER_SECOND;
    if (!isfinite(in->f64)) {
        return TIDE_CAST_INVALID;
    }
    if (cast->mode != TIDE_CAST_LEGACY && !(us >= -0x1p63 && us < 0x1p63)) {
        return TIDE_CAST_OVERFLOW;
    }
    out->i64 = saturate(us);
    return TIDE_CAST_OK;
}

CONVERSION(decimal_to_timestamp)
{
    bool fits;
    out->i64 = tide_decimal_quotient(
        (struct tide_decimal){tide_decimal_round_34(in->i128), cast->from->scale},
        (struct tide_decimal){1, 6}, &fits);
    return TIDE_CAST_OK;
}

/* ---- the table ---- */

/* Kinds of types that convert alike. */
enum kind {
    KIND_NONE,
    KIND_BOOLEAN,
    KIND_INTEGRAL,
    KIND_FLOAT,
    KIND_DECIMAL,
    KIND_STRING,
    KIND_BINARY,
    KIND_DATE,
    KIND_TIMESTAMP,
    KINDS
};

static enum kind
kind_of(const struct tide_type *type)
{
    switch (type->id) {
    case TIDE_TYPE_BOOLEAN:
        return KIND_BOOLEAN;
    case TIDE_TYPE_DECIMAL:
        return KIND_DECIMAL;
    case TIDE_TYPE_STRING:
        return KIND_STRING;
    case TIDE_TYPE_BINARY:
        return KIND_BINARY;
    case TIDE_TYPE_DATE:
        return KIND_DATE;
    case TIDE_TYPE_TIMESTAMP:
        return KIND_TIMESTAMP;
    default:
        return tide_type_is_integral(type) ? KIND_INTEGRAL
               : tide_type_is_float(type)  ? KIND_FLOAT
                                           : KIND_NONE;
    }
}

static tide_cast_fn *const conversions[KINDS][KINDS] = {
    [KIND_BOOLEAN] = {[KIND_BOOLEAN] = long_to_boolean,
                      [KIND_INTEGRAL] = long_to_integral,
                      [KIND_FLOAT] = long_to_float,
                      [KIND_DECIMAL] = long_to_decimal,
                      [KIND_STRING] = any_to_string,
                      [KIND_TIMESTAMP] = same_long},
    [KIND_INTEGRAL] = {[KIND_BOOLEAN] = long_to_boolean,
                       [KIND_INTEGRAL] = long_to_integral,
                       [KIND_FLOAT] = long_to_float,
                       [KIND_DECIMAL] = long_to_decimal,
                       [KIND_STRING] = any_to_string,
                       [KIND_BINARY] = integral_to_binary,
                       [KIND_TIMESTAMP] = long_to_timestamp},
    [KIND_FLOAT] = {[KIND_BOOLEAN] = float_to_boolean,
                    [KIND_INTEGRAL] = float_to_integral,
                    [KIND_FLOAT] = float_to_float,
                    [KIND_DECIMAL] = float_to_decimal,
                    [KIND_STRING] = any_to_string,
                    [KIND_TIMESTAMP] = float_to_timestamp},
    [KIND_DECIMAL] = {[KIND_BOOLEAN] = decimal_to_boolean,
                      [KIND_INTEGRAL] = decimal_to_integral,
                      [KIND_FLOAT] = decimal_to_float,
                      [KIND_DECIMAL] = decimal_to_decimal,
                      [KIND_STRING] = any_to_string,
                      [KIND_TIMESTAMP] = decimal_to_timestamp},
    [KIND_STRING] = {[KIND_BOOLEAN] = string_to_boolean,
                     [KIND_INTEGRAL] = string_to_integral,
                     [KIND_FLOAT] = string_to_float,
                     [KIND_DECIMAL] = string_to_decimal,
                     [KIND_STRING] = same_bytes,
                     [KIND_BINARY] = same_bytes,
                     [KIND_DATE] = string_to_date,
                     [KIND_TIMESTAMP] = string_to_timestamp},
    [KIND_BINARY] = {[KIND_STRING] = same_bytes, [KIND_BINARY] = same_bytes},
    [KIND_DATE] = {[KIND_BOOLEAN] = to_null,
                   [KIND_INTEGRAL] = to_null,
                   [KIND_FLOAT] = to_null,
                   [KIND_DECIMAL] = to_null,
                   [KIND_STRING] = any_to_string,
                   [KIND_DATE] = same_long,
                   [KIND_TIMESTAMP] = date_to_timestamp},
    [KIND_TIMESTAMP] = {[KIND_BOOLEAN] = long_to_boolean,
                        [KIND_INTEGRAL] = timestamp_to_integral,
                        [KIND_FLOAT] = timestamp_to_float,
                        [KIND_DECIMAL] = timestamp_to_decimal,
                        [KIND_STRING] = any_to_string,
                        [KIND_DATE] = timestamp_to_date,
                        [KIND_TIMESTAMP] = same_long},
};

tide_cast_fn *
tide_cast_conversion(const struct tide_type *from, const struct tide_type *to)
{
    if (from->id == TIDE_TYPE_NULL) {
        return to_null;
    }
    if (tide_type_is_nested(from)) {
        return to->id == TIDE_TYPE_STRING ? any_to_string : NULL;
    }
    return conversions[kind_of(from)][kind_of(to)];
}
