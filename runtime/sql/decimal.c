/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimals. Types follow Spark's DecimalPrecision with
 * spark.sql.decimalOperations.allowPrecisionLoss on. Values that fit 128 bits on the way take a
 * short path; the rest goes through struct wide, a magnitude of twelve 32-bit digits, least first:
 * enough for 10^38 * 10^38 * 10^38 (a division at full scale). Threads: any.
 */
#include "sql/decimal.h"

#include <string.h>

#include "base/assert.h"
#include "codec/text.h"

__extension__ typedef unsigned __int128 u128;

#define WIDE_DIGITS 12
#define MIN_ADJUSTED_SCALE 6u

struct wide {
    bool negative;
    uint32_t d[WIDE_DIGITS];
};

/* ---- types ---- */

static uint32_t
max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Over 38 digits the fraction gives way, down to 6 digits. */
static struct tide_type
adjust(uint32_t precision, uint32_t scale)
{
    uint32_t whole = precision - scale;
    uint32_t least = min_u32(scale, MIN_ADJUSTED_SCALE);
    if (precision <= TIDE_DECIMAL_DIGITS) {
        return tide_type_decimal(precision, scale);
    }
    scale = whole >= TIDE_DECIMAL_DIGITS ? least : max_u32(TIDE_DECIMAL_DIGITS - whole, least);
    return tide_type_decimal(TIDE_DECIMAL_DIGITS, scale);
}

struct tide_type
tide_decimal_result(enum tide_decimal_op op, const struct tide_type *a, const struct tide_type *b)
{
    uint32_t whole_a = (uint32_t)(a->precision - a->scale);
    uint32_t whole_b = (uint32_t)(b->precision - b->scale);
    uint32_t scale = max_u32(a->scale, b->scale);
    TIDE_ASSERT(a->id == TIDE_TYPE_DECIMAL);
    TIDE_ASSERT(b->id == TIDE_TYPE_DECIMAL);
    switch (op) {
    case TIDE_DECIMAL_ADD:
        return adjust(max_u32(whole_a, whole_b) + scale + 1, scale);
    case TIDE_DECIMAL_MULTIPLY:
        return adjust((uint32_t)a->precision + b->precision + 1, (uint32_t)a->scale + b->scale);
    case TIDE_DECIMAL_DIVIDE:
        scale = max_u32(MIN_ADJUSTED_SCALE, (uint32_t)a->scale + b->precision + 1);
        return adjust(whole_a + b->scale + scale, scale);
    case TIDE_DECIMAL_REMAINDER:
        return adjust(max_u32(min_u32(whole_a, whole_b) + scale, 1), scale);
    }
    TIDE_UNREACHABLE("decimal operation");
}

struct tide_type
tide_decimal_wider(const struct tide_type *a, const struct tide_type *b)
{
    uint32_t scale = max_u32(a->scale, b->scale);
    uint32_t whole =
        max_u32((uint32_t)(a->precision - a->scale), (uint32_t)(b->precision - b->scale));
    if (whole + scale > TIDE_DECIMAL_DIGITS) {
        scale = TIDE_DECIMAL_DIGITS - whole;
        return tide_type_decimal(TIDE_DECIMAL_DIGITS, scale);
    }
    return tide_type_decimal(whole + scale, scale);
}

struct tide_type
tide_decimal_for(const struct tide_type *type)
{
    switch (type->id) {
    case TIDE_TYPE_BYTE:
        return tide_type_decimal(3, 0);
    case TIDE_TYPE_SHORT:
        return tide_type_decimal(5, 0);
    case TIDE_TYPE_INT:
        return tide_type_decimal(10, 0);
    case TIDE_TYPE_LONG:
        return tide_type_decimal(20, 0);
    case TIDE_TYPE_FLOAT:
        return tide_type_decimal(14, 7);
    case TIDE_TYPE_DOUBLE:
        return tide_type_decimal(30, 15);
    case TIDE_TYPE_DECIMAL:
        return *type;
    default:
        TIDE_UNREACHABLE("no decimal holds this type");
    }
}

struct tide_type
tide_decimal_for_value(int64_t value)
{
    uint32_t digits = 1;
    while (digits < 20 && !tide_decimal_fits(value, digits)) {
        digits++;
    }
    return tide_type_decimal(digits, 0);
}

/* ---- small values ---- */

tide_i128
tide_pow10(uint32_t n)
{
    static const uint64_t low[] = {
        1u,
        10u,
        100u,
        1000u,
        10000u,
        100000u,
        1000000u,
        10000000u,
        100000000u,
        1000000000u,
        10000000000u,
        100000000000u,
        1000000000000u,
        10000000000000u,
        100000000000000u,
        1000000000000000u,
        10000000000000000u,
        100000000000000000u,
        1000000000000000000u,
        10000000000000000000u,
    };
    TIDE_ASSERT(n <= TIDE_DECIMAL_DIGITS);
    return n < 20 ? (tide_i128)low[n] : (tide_i128)low[19] * (tide_i128)low[n - 19];
}

bool
tide_decimal_fits(tide_i128 value, uint32_t precision)
{
    tide_i128 limit = tide_pow10(precision);
    return value < limit && value > -limit;
}

static u128
magnitude(tide_i128 value)
{
    return value < 0 ? (u128)0 - (u128)value : (u128)value;
}

/* value / 10^digits, rounded half up (away from zero). */
static tide_i128
shrink(tide_i128 value, uint32_t digits)
{
    u128 unit = (u128)tide_pow10(digits), m = magnitude(value);
    u128 quotient = m / unit;
    quotient += (m % unit) * 2 >= unit;
    return value < 0 ? -(tide_i128)quotient : (tide_i128)quotient;
}

bool
tide_decimal_rescale(tide_i128 value, uint32_t scale, uint32_t out_precision, uint32_t out_scale,
                     tide_i128 *out)
{
    if (out_scale >= scale) {
        if (__builtin_mul_overflow(value, tide_pow10(out_scale - scale), &value)) {
            return false;
        }
    } else {
        value = shrink(value, scale - out_scale);
    }
    if (!tide_decimal_fits(value, out_precision)) {
        return false;
    }
    *out = value;
    return true;
}

/* ---- wide values ---- */

static struct wide
wide_of(tide_i128 value)
{
    struct wide wide = {.negative = value < 0};
    u128 m = magnitude(value);
    for (int i = 0; i < 4; i++) {
        wide.d[i] = (uint32_t)(m >> (32 * i));
    }
    return wide;
}

/* Multiplies by 10^digits, digits up to 76. */
static void
wide_grow(struct wide *wide, uint32_t digits)
{
    while (digits > 0) {
        uint32_t step = digits < 9 ? digits : 9;
        uint64_t carry = 0, factor = (uint64_t)tide_pow10(step);
        for (int i = 0; i < WIDE_DIGITS; i++) {
            carry += wide->d[i] * factor;
            wide->d[i] = (uint32_t)carry;
            carry >>= 32;
        }
        TIDE_ASSERT(carry == 0);
        digits -= step;
    }
}

static struct wide
wide_multiply(const struct wide *a, const struct wide *b)
{
    struct wide out = {.negative = a->negative != b->negative};
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 4 || carry != 0; j++) {
            carry += out.d[i + j] + (j < 4 ? (uint64_t)a->d[i] * b->d[j] : 0);
            out.d[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return out;
}

static int
wide_compare(const struct wide *a, const struct wide *b)
{
    for (int i = WIDE_DIGITS - 1; i >= 0; i--) {
        if (a->d[i] != b->d[i]) {
            return a->d[i] < b->d[i] ? -1 : 1;
        }
    }
    return 0;
}

/* a + b for any signs. */
static struct wide
wide_add(const struct wide *a, const struct wide *b)
{
    const struct wide *big = wide_compare(a, b) < 0 ? b : a, *small = big == a ? b : a;
    bool subtract = a->negative != b->negative;
    struct wide out = {.negative = big->negative};
    int64_t carry = 0;
    for (int i = 0; i < WIDE_DIGITS; i++) {
        carry += (int64_t)big->d[i] + (subtract ? -(int64_t)small->d[i] : (int64_t)small->d[i]);
        out.d[i] = (uint32_t)carry;
        carry >>= 32;
    }
    TIDE_ASSERT(carry == 0);
    return out;
}

/* Whether the magnitude fits 127 bits, and what it is. */
static bool
wide_small(const struct wide *wide, u128 *out)
{
    u128 m = 0;
    for (int i = WIDE_DIGITS - 1; i >= 4; i--) {
        if (wide->d[i] != 0) {
            return false;
        }
    }
    for (int i = 3; i >= 0; i--) {
        m = m << 32 | wide->d[i];
    }
    *out = m;
    return m >> 127 == 0;
}

/* Divides the magnitude by @divisor (under 2^127), leaves the quotient, returns the remainder. */
static u128
wide_divide(struct wide *wide, u128 divisor)
{
    u128 rest = 0;
    for (int i = WIDE_DIGITS - 1; i >= 0; i--) {
        if (divisor >> 64 == 0 || rest >> 95 == 0) {
            rest = rest << 32 | wide->d[i];
            wide->d[i] = (uint32_t)(rest / divisor);
            rest %= divisor;
            continue;
        }
        for (int bit = 31; bit >= 0; bit--) {
            rest = rest << 1 | (wide->d[i] >> bit & 1);
            wide->d[i] &= ~(1u << bit);
            if (rest >= divisor) {
                rest -= divisor;
                wide->d[i] |= 1u << bit;
            }
        }
    }
    return rest;
}

static void
wide_increment(struct wide *wide)
{
    for (int i = 0; i < WIDE_DIGITS && ++wide->d[i] == 0; i++) {
    }
}

/* The value at @scale as @type. */
static bool
wide_finish(struct wide *wide, uint32_t scale, const struct tide_type *type, tide_i128 *out)
{
    u128 m;
    while (scale > type->scale) {
        uint32_t step = min_u32(scale - type->scale, TIDE_DECIMAL_DIGITS);
        u128 unit = (u128)tide_pow10(step);
        u128 rest = wide_divide(wide, unit);
        scale -= step;
        if (scale == type->scale && rest * 2 >= unit) {
            wide_increment(wide);
        }
    }
    wide_grow(wide, type->scale - scale);
    if (!wide_small(wide, &m) || !tide_decimal_fits((tide_i128)m, type->precision)) {
        return false;
    }
    *out = wide->negative ? -(tide_i128)m : (tide_i128)m;
    return true;
}

/* ---- operations ---- */

/* Both operands at the larger scale, if that fits; no harm otherwise. */
static bool
align(struct tide_decimal *a, struct tide_decimal *b)
{
    uint32_t scale = max_u32(a->scale, b->scale);
    tide_i128 x, y;
    if (__builtin_mul_overflow(a->value, tide_pow10(scale - a->scale), &x) ||
        __builtin_mul_overflow(b->value, tide_pow10(scale - b->scale), &y)) {
        return false;
    }
    *a = (struct tide_decimal){x, scale};
    *b = (struct tide_decimal){y, scale};
    return true;
}

static void
align_wide(struct tide_decimal a, struct tide_decimal b, struct wide *out_a, struct wide *out_b)
{
    uint32_t scale = max_u32(a.scale, b.scale);
    *out_a = wide_of(a.value);
    *out_b = wide_of(b.value);
    wide_grow(out_a, scale - a.scale);
    wide_grow(out_b, scale - b.scale);
}

bool
tide_decimal_add(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                 tide_i128 *out)
{
    struct wide x, y;
    tide_i128 sum;
    if (align(&a, &b) && !__builtin_add_overflow(a.value, b.value, &sum)) {
        return tide_decimal_rescale(sum, a.scale, type->precision, type->scale, out);
    }
    align_wide(a, b, &x, &y);
    x = wide_add(&x, &y);
    return wide_finish(&x, max_u32(a.scale, b.scale), type, out);
}

bool
tide_decimal_multiply(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                      tide_i128 *out)
{
    struct wide x, y;
    tide_i128 product;
    if (a.scale + b.scale <= type->scale + TIDE_DECIMAL_DIGITS &&
        !__builtin_mul_overflow(a.value, b.value, &product)) {
        return tide_decimal_rescale(product, a.scale + b.scale, type->precision, type->scale, out);
    }
    x = wide_of(a.value);
    y = wide_of(b.value);
    x = wide_multiply(&x, &y);
    return wide_finish(&x, a.scale + b.scale, type, out);
}

/*
 * Spark divides to 38 digits of fraction, half up, and rounds that half up to the result's scale.
 * A quotient that lies just under a tie is so rounded up twice: with the remainder @rest of
 * @divisor, the distance to the tie is (divisor - 2 rest) / (2 divisor) units, and the first
 * rounding reaches it when that is at most half of 10^(scale - 38) units.
 */
static bool
rounds_up(u128 rest, u128 divisor, uint32_t scale)
{
    struct wide gap, limit;
    if (rest * 2 >= divisor || scale == TIDE_DECIMAL_DIGITS) {
        return rest * 2 >= divisor;
    }
    gap = wide_of((tide_i128)(divisor - rest * 2));
    wide_grow(&gap, TIDE_DECIMAL_DIGITS - scale);
    limit = wide_of((tide_i128)divisor);
    return wide_compare(&gap, &limit) <= 0;
}

bool
tide_decimal_divide(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                    tide_i128 *out)
{
    struct wide x = wide_of(a.value);
    u128 divisor = magnitude(b.value), rest;
    TIDE_ASSERT(divisor != 0);
    TIDE_ASSERT(type->scale + b.scale >= a.scale);
    wide_grow(&x, type->scale + b.scale - a.scale);
    x.negative = (a.value < 0) != (b.value < 0);
    rest = wide_divide(&x, divisor);
    if (rounds_up(rest, divisor, type->scale)) {
        wide_increment(&x);
    }
    return wide_finish(&x, type->scale, type, out);
}

bool
tide_decimal_remainder(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                       tide_i128 *out)
{
    struct wide x, y;
    u128 divisor, rest;
    TIDE_ASSERT(b.value != 0);
    if (align(&a, &b)) {
        return tide_decimal_rescale(a.value % b.value, a.scale, type->precision, type->scale, out);
    }
    align_wide(a, b, &x, &y);
    if (wide_small(&y, &divisor)) {
        rest = wide_divide(&x, divisor);
        x = wide_of((tide_i128)rest);
        x.negative = a.value < 0;
    }
    return wide_finish(&x, max_u32(a.scale, b.scale), type, out);
}

int64_t
tide_decimal_quotient(struct tide_decimal a, struct tide_decimal b, bool *out_fits)
{
    struct wide x, y;
    u128 divisor, m = 0;
    uint64_t low;
    bool negative = (a.value < 0) != (b.value < 0);
    TIDE_ASSERT(b.value != 0);
    align_wide(a, b, &x, &y);
    *out_fits = true;
    if (!wide_small(&y, &divisor)) {
        return 0;
    }
    wide_divide(&x, divisor);
    low = (uint64_t)x.d[1] << 32 | x.d[0];
    *out_fits = wide_small(&x, &m) && m <= (u128)INT64_MAX + negative;
    return (int64_t)(negative ? 0 - low : low);
}

int
tide_decimal_compare(struct tide_decimal a, struct tide_decimal b)
{
    struct wide x, y;
    if (align(&a, &b)) {
        return a.value < b.value ? -1 : a.value > b.value;
    }
    align_wide(a, b, &x, &y);
    if (x.negative != y.negative) {
        return x.negative ? -1 : 1;
    }
    return x.negative ? -wide_compare(&x, &y) : wide_compare(&x, &y);
}

tide_i128
tide_decimal_round_34(tide_i128 value)
{
    uint32_t extra = 0;
    tide_i128 unit, rest;
    while (extra < 4 && !tide_decimal_fits(value, 34 + extra)) {
        extra++;
    }
    unit = tide_pow10(extra);
    rest = value % unit;
    value -= rest;
    rest = rest < 0 ? -rest : rest;
    if (rest * 2 > unit || (rest * 2 == unit && value / unit % 2 != 0)) {
        value += value < 0 ? -unit : unit;
    }
    return value;
}

/* ---- doubles ---- */

#define DECIMAL_TEXT_MAX 64

static struct tide_bytes
decimal_text(tide_i128 value, uint32_t scale, char *buffer)
{
    struct tide_chars text = {.p = buffer, .max = DECIMAL_TEXT_MAX};
    tide_put_decimal(&text, value, scale);
    TIDE_ASSERT(tide_chars_fit(&text));
    return (struct tide_bytes){buffer, text.n};
}

double
tide_decimal_to_double(tide_i128 value, uint32_t scale)
{
    char buffer[DECIMAL_TEXT_MAX];
    double out = 0;
    /* both are exact here, so that the division rounds once */
    if (magnitude(value) >> 53 == 0 && scale <= 22) {
        return (double)(int64_t)value / (double)tide_pow10(scale);
    }
    tide_read_double(decimal_text(value, scale, buffer), &out);
    return out;
}

double
tide_decimal_to_float(tide_i128 value, uint32_t scale)
{
    char buffer[DECIMAL_TEXT_MAX];
    double out = 0;
    tide_read_float(decimal_text(value, scale, buffer), &out);
    return out;
}

bool
tide_decimal_from_double(double value, const struct tide_type *type, tide_i128 *out)
{
    char buffer[DECIMAL_TEXT_MAX];
    struct tide_chars text = {.p = buffer, .max = sizeof(buffer)};
    tide_put_double(&text, value);
    return tide_read_decimal((struct tide_bytes){buffer, text.n}, type->precision, type->scale, out,
                             NULL);
}
