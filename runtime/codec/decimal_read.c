/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to DECIMAL with the syntax of Java's BigDecimal: sign, digits with at most one point,
 * exponent; digits of any script.
 *
 * Two passes: the first finds how many digits there are and where the point is, the second adds up
 * exactly those that the scale keeps, so that the number of digits does not matter.
 */
#include <string.h>

#include "codec/number.h"
#include "codec/text.h"

/* Where the ten decimal digits of each script of the Basic Multilingual Plane begin (Unicode 13,
 * category Nd), as Java's Character.isDigit(char) knows them. */
static const uint16_t digit_zeroes[] = {
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
    0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10};

/* What the first pass finds. */
struct shape {
    bool negative;
    const uint8_t *digits, *end; /* digits and point, without sign and exponent */
    uint32_t n;                  /* digits from the first that is not zero */
    int64_t exponent;            /* of the last digit */
};

/* The digit that begins at @p, or -1; *out_n is its length. */
static int
digit_at(const uint8_t *p, const uint8_t *end, uint32_t *out_n)
{
    uint32_t code;
    *out_n = 1;
    if (*p < 0x80) {
        return *p >= '0' && *p <= '9' ? *p - '0' : -1;
    }
    if ((*p & 0xe0) == 0xc0 && end - p >= 2) {
        *out_n = 2;
        code = (uint32_t)(*p & 0x1f) << 6 | (p[1] & 0x3f);
    } else if ((*p & 0xf0) == 0xe0 && end - p >= 3) {
        *out_n = 3;
        code = (uint32_t)(*p & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    } else {
        return -1;
    }
    for (size_t i = 0; i < sizeof(digit_zeroes) / sizeof(digit_zeroes[0]); i++) {
        if (code >= digit_zeroes[i] && code <= digit_zeroes[i] + 9u) {
            return (int)(code - digit_zeroes[i]);
        }
    }
    return -1;
}

/* "e", a sign, 1 to 10 digits, up to @end; adds to *@exponent. */
static bool
read_exponent(const uint8_t *p, const uint8_t *end, int64_t *exponent)
{
    int64_t value = 0;
    bool negative;
    uint32_t n;
    p++;
    negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end) {
        return false;
    }
    while (p < end) {
        int digit = digit_at(p, end, &n);
        if (digit < 0 || value > INT32_MAX) {
            return false;
        }
        value = value * 10 + digit;
        p += n;
    }
    *exponent += negative ? -value : value;
    return value <= INT32_MAX;
}

static bool
read_shape(struct tide_bytes text, struct shape *out)
{
    const uint8_t *p = text.p;
    const uint8_t *end = p + text.n;
    bool point = false;
    bool any = false;
    if (p < end && (*p == '-' || *p == '+')) {
        out->negative = *p++ == '-';
    }
    out->digits = p;
    while (p < end && *p != 'e' && *p != 'E') {
        uint32_t n;
        int digit = digit_at(p, end, &n);
        if (digit < 0 && (*p != '.' || point)) {
            return false;
        }
        if (digit < 0) {
            point = true;
        } else {
            any = true;
            out->n += out->n > 0 || digit > 0 ? 1 : 0;
            out->exponent -= point ? 1 : 0;
        }
        p += n;
    }
    out->end = p;
    return any && (p == end || read_exponent(p, end, &out->exponent));
}

/* The first @keep digits of @shape behind leading zeroes, rounded half up by the next. */
static tide_u128
first_digits(const struct shape *shape, int64_t keep)
{
    tide_u128 value = 0;
    const uint8_t *p = shape->digits;
    int64_t seen = 0;
    while (p < shape->end) {
        uint32_t n;
        int digit = digit_at(p, shape->end, &n);
        p += n;
        if (digit < 0 || (digit == 0 && seen == 0)) {
            continue;
        }
        if (seen == keep) {
            return value + (digit >= 5 ? 1 : 0);
        }
        value = value * 10 + (tide_u128)digit;
        seen++;
    }
    return value;
}

static tide_u128
power_of_ten(uint32_t n)
{
    tide_u128 power = 1;
    while (n-- > 0) {
        power *= 10;
    }
    return power;
}

bool
tide_read_decimal(struct tide_bytes text, uint32_t precision, uint32_t scale,
                  tide_i128 *out_unscaled, bool *out_syntax)
{
    struct shape shape = {0};
    const uint8_t *p = text.p;
    uint32_t n = text.n;
    tide_u128 value;
    int64_t keep;
    bool syntax;
    while (n > 0 && p[0] <= ' ') {
        p++;
        n--;
    }
    while (n > 0 && p[n - 1] <= ' ') {
        n--;
    }
    syntax = read_shape((struct tide_bytes){p, n}, &shape);
    if (out_syntax != NULL) {
        *out_syntax = syntax;
    }
    if (!syntax) {
        return false;
    }
    /* Of all digits, so many stand before the last place of the scale. */
    keep = shape.n + shape.exponent + scale;
    if (shape.n > 0 && keep > 38) {
        return false;
    }
    value = shape.n == 0 || keep < 0 ? 0 : first_digits(&shape, keep);
    if (value > 0 && keep > shape.n) {
        value *= power_of_ten((uint32_t)(keep - shape.n));
    }
    if (value >= power_of_ten(precision)) {
        return false;
    }
    *out_unscaled = shape.negative ? -(tide_i128)value : (tide_i128)value;
    return true;
}
