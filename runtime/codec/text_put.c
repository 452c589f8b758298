/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values to text: the writers of codec/text.h. show()'s cells are in show.c.
 */
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "codec/calendar.h"
#include "codec/number.h"
#include "codec/text.h"

/* Digits of a 128-bit number, sign apart. */
#define I128_DIGITS_MAX 39

/* The decimal digits of @value, right-aligned in @out; returns how many. */
static uint32_t
digits_of(tide_u128 value, char out[I128_DIGITS_MAX])
{
    uint32_t n = 0;
    while (value > UINT64_MAX) {
        out[I128_DIGITS_MAX - ++n] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    uint64_t low = (uint64_t)value;
    do {
        out[I128_DIGITS_MAX - ++n] = (char)('0' + (int)(low % 10));
        low /= 10;
    } while (low > 0);
    return n;
}

static tide_u128
magnitude(tide_i128 value)
{
    return value < 0 ? -(tide_u128)value : (tide_u128)value;
}

void
tide_put_i64(struct tide_chars *out, int64_t value)
{
    char digits[I128_DIGITS_MAX];
    uint32_t n = digits_of(magnitude(value), digits);
    if (value < 0) {
        tide_chars_byte(out, '-');
    }
    tide_chars_put(out, digits + I128_DIGITS_MAX - n, n);
}

/* @value, not negative, with zeroes in front up to @width. */
static void
put_padded(struct tide_chars *out, int64_t value, uint32_t width)
{
    char digits[I128_DIGITS_MAX];
    uint32_t n = digits_of((tide_u128)value, digits);
    for (uint32_t i = n; i < width; i++) {
        tide_chars_byte(out, '0');
    }
    tide_chars_put(out, digits + I128_DIGITS_MAX - n, n);
}

static void
put_zeroes(struct tide_chars *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        tide_chars_byte(out, '0');
    }
}

/* Digits with the point behind the first @whole of them; zeroes are filled in, and at least one
 * digit stands on either side. */
static void
put_plain(struct tide_chars *out, const struct tide_digits *digits, int32_t whole)
{
    uint32_t n = digits->n;
    if (whole <= 0) {
        tide_chars_text(out, "0.");
        put_zeroes(out, (uint32_t)-whole);
        tide_chars_put(out, digits->digits, n);
    } else if ((uint32_t)whole >= n) {
        tide_chars_put(out, digits->digits, n);
        put_zeroes(out, (uint32_t)whole - n);
        tide_chars_text(out, ".0");
    } else {
        tide_chars_put(out, digits->digits, (uint32_t)whole);
        tide_chars_byte(out, '.');
        tide_chars_put(out, digits->digits + whole, n - (uint32_t)whole);
    }
}

/* Java's choice of form: plain from 10^-3 up to below 10^7. */
static void
put_digits(struct tide_chars *out, const struct tide_digits *digits)
{
    if (digits->exponent > -3 && digits->exponent <= 7) {
        put_plain(out, digits, digits->exponent);
        return;
    }
    put_plain(out, digits, 1);
    tide_chars_byte(out, 'E');
    tide_put_i64(out, digits->exponent - 1);
}

/* NaN, infinities and zeroes, and the sign of others; false: the digits are still to be written. */
static bool
put_special(struct tide_chars *out, double value)
{
    if (isnan(value)) {
        tide_chars_text(out, "NaN");
        return true;
    }
    if (signbit(value)) {
        tide_chars_byte(out, '-');
    }
    if (isinf(value)) {
        tide_chars_text(out, "Infinity");
        return true;
    }
    if (value == 0) {
        tide_chars_text(out, "0.0");
        return true;
    }
    return false;
}

void
tide_put_double(struct tide_chars *out, double value)
{
    if (!put_special(out, value)) {
        struct tide_digits digits = tide_double_digits(fabs(value));
        put_digits(out, &digits);
    }
}

void
tide_put_float(struct tide_chars *out, float value)
{
    if (!put_special(out, (double)value)) {
        struct tide_digits digits = tide_float_digits(fabsf(value));
        put_digits(out, &digits);
    }
}

void
tide_put_decimal(struct tide_chars *out, tide_i128 unscaled, uint32_t scale)
{
    char buffer[I128_DIGITS_MAX];
    uint32_t n = digits_of(magnitude(unscaled), buffer);
    const char *digits = buffer + I128_DIGITS_MAX - n;
    if (unscaled < 0) {
        tide_chars_byte(out, '-');
    }
    if (scale == 0) {
        tide_chars_put(out, digits, n);
    } else if (n <= scale) {
        tide_chars_text(out, "0.");
        put_zeroes(out, scale - n);
        tide_chars_put(out, digits, n);
    } else {
        tide_chars_put(out, digits, n - scale);
        tide_chars_byte(out, '.');
        tide_chars_put(out, digits + n - scale, scale);
    }
}

void
tide_put_decimal_cast(struct tide_chars *out, tide_i128 unscaled, uint32_t scale)
{
    char buffer[I128_DIGITS_MAX];
    uint32_t n = digits_of(magnitude(unscaled), buffer);
    const char *digits = buffer + I128_DIGITS_MAX - n;
    int32_t exponent = (int32_t)n - 1 - (int32_t)scale;
    if (exponent >= -6) {
        tide_put_decimal(out, unscaled, scale);
        return;
    }
    if (unscaled < 0) {
        tide_chars_byte(out, '-');
    }
    tide_chars_byte(out, digits[0]);
    if (n > 1) {
        tide_chars_byte(out, '.');
        tide_chars_put(out, digits + 1, n - 1);
    }
    tide_chars_byte(out, 'E');
    tide_put_i64(out, exponent);
}

static void
put_civil(struct tide_chars *out, struct tide_civil date)
{
    if (date.year < 0) {
        tide_chars_byte(out, '-');
    } else if (date.year > 9999) {
        tide_chars_byte(out, '+');
    }
    put_padded(out, date.year < 0 ? -date.year : date.year, 4);
    tide_chars_byte(out, '-');
    put_padded(out, date.month, 2);
    tide_chars_byte(out, '-');
    put_padded(out, date.day, 2);
}

void
tide_put_date(struct tide_chars *out, int64_t days)
{
    put_civil(out, tide_civil_from_days(days));
}

static void
put_time(struct tide_chars *out, const struct tide_local *local)
{
    put_padded(out, local->hour, 2);
    tide_chars_byte(out, ':');
    put_padded(out, local->minute, 2);
    tide_chars_byte(out, ':');
    put_padded(out, local->second, 2);
}

void
tide_put_timestamp(struct tide_chars *out, int64_t utc_us, const struct tide_zone *zone)
{
    struct tide_local local = tide_local_from_us(tide_zone_to_local(zone, utc_us));
    int32_t fraction = local.micro;
    uint32_t width = 6;
    put_civil(out, local.date);
    tide_chars_byte(out, ' ');
    put_time(out, &local);
    if (fraction > 0) {
        while (fraction % 10 == 0) {
            fraction /= 10;
            width--;
        }
        tide_chars_byte(out, '.');
        put_padded(out, fraction, width);
    }
}

void
tide_put_timestamp_iso(struct tide_chars *out, int64_t utc_us, const struct tide_zone *zone)
{
    struct tide_local local = tide_local_from_us(tide_zone_to_local(zone, utc_us));
    int32_t offset = tide_zone_offset(zone, utc_us);
    int32_t seconds = offset < 0 ? -offset : offset;
    put_civil(out, local.date);
    tide_chars_byte(out, 'T');
    put_time(out, &local);
    tide_chars_byte(out, '.');
    put_padded(out, local.micro / 1000, 3);
    if (offset == 0) {
        tide_chars_byte(out, 'Z');
        return;
    }
    tide_chars_byte(out, offset < 0 ? '-' : '+');
    put_padded(out, seconds / 3600, 2);
    tide_chars_byte(out, ':');
    put_padded(out, seconds / 60 % 60, 2);
}

/* BINARY as show() draws it: [61 62]. */
static void
put_hex(struct tide_chars *out, struct tide_bytes bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *p = bytes.p;
    tide_chars_byte(out, '[');
    for (uint32_t i = 0; i < bytes.n; i++) {
        if (i > 0) {
            tide_chars_byte(out, ' ');
        }
        tide_chars_byte(out, digits[p[i] >> 4]);
        tide_chars_byte(out, digits[p[i] & 15]);
    }
    tide_chars_byte(out, ']');
}

static void
put_array(struct tide_chars *out, const struct tide_value *value, enum tide_text_style style,
          const struct tide_zone *zone)
{
    uint32_t n = tide_nested_count(value->nested);
    tide_chars_byte(out, '[');
    for (uint32_t i = 0; i < n; i++) {
        struct tide_value element = tide_array_at(value->type, value->nested, i);
        tide_chars_text(out, i > 0 ? ", " : "");
        tide_put_value(out, &element, style, zone);
    }
    tide_chars_byte(out, ']');
}

static void
put_map(struct tide_chars *out, const struct tide_value *value, enum tide_text_style style,
        const struct tide_zone *zone)
{
    uint32_t n = tide_nested_count(value->nested);
    tide_chars_byte(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        struct tide_value entry = tide_map_key_at(value->type, value->nested, i);
        tide_chars_text(out, i > 0 ? ", " : "");
        tide_put_value(out, &entry, style, zone);
        tide_chars_text(out, " -> ");
        entry = tide_map_value_at(value->type, value->nested, i);
        tide_put_value(out, &entry, style, zone);
    }
    tide_chars_byte(out, '}');
}

static void
put_struct(struct tide_chars *out, const struct tide_value *value, enum tide_text_style style,
           const struct tide_zone *zone)
{
    tide_chars_byte(out, '{');
    for (uint32_t i = 0; i < value->type->n_children; i++) {
        struct tide_value field = tide_struct_at(value->type, value->nested, i);
        tide_chars_text(out, i > 0 ? ", " : "");
        tide_put_value(out, &field, style, zone);
    }
    tide_chars_byte(out, '}');
}

/* A plain value that is not NULL. */
static void
put_plain_value(struct tide_chars *out, const struct tide_value *value, enum tide_text_style style,
                const struct tide_zone *zone)
{
    switch (value->type->id) {
    case TIDE_TYPE_BOOLEAN:
        tide_chars_text(out, value->i64 != 0 ? "true" : "false");
        break;
    case TIDE_TYPE_FLOAT:
        tide_put_float(out, (float)value->f64);
        break;
    case TIDE_TYPE_DOUBLE:
        tide_put_double(out, value->f64);
        break;
    case TIDE_TYPE_DECIMAL:
        (style == TIDE_TEXT_SHOW ? tide_put_decimal : tide_put_decimal_cast)(out, value->i128,
                                                                             value->type->scale);
        break;
    case TIDE_TYPE_DATE:
        tide_put_date(out, value->i64);
        break;
    case TIDE_TYPE_TIMESTAMP:
        tide_put_timestamp(out, value->i64, zone);
        break;
    case TIDE_TYPE_TIMESTAMP_NTZ:
        tide_put_timestamp(out, value->i64, tide_zone_utc());
        break;
    default:
        tide_put_i64(out, value->i64);
        break;
    }
}

void
tide_put_value(struct tide_chars *out, const struct tide_value *value, enum tide_text_style style,
               const struct tide_zone *zone)
{
    if (value->null) {
        tide_chars_text(out, style == TIDE_TEXT_SHOW ? "NULL" : "null");
        return;
    }
    switch (value->type->id) {
    case TIDE_TYPE_BINARY:
        if (style == TIDE_TEXT_SHOW) {
            put_hex(out, value->bytes);
            return;
        }
        tide_chars_put(out, value->bytes.p, value->bytes.n);
        break;
    case TIDE_TYPE_STRING:
        tide_chars_put(out, value->bytes.p, value->bytes.n);
        break;
    case TIDE_TYPE_ARRAY:
        put_array(out, value, style, zone);
        break;
    case TIDE_TYPE_MAP:
        put_map(out, value, style, zone);
        break;
    case TIDE_TYPE_STRUCT:
        put_struct(out, value, style, zone);
        break;
    default:
        put_plain_value(out, value, style, zone);
        break;
    }
}
