/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers: the two conversions between binary floating point and digits that are hard to get
 * right, from the C++ library, behind a C face. Exact, without locale, without allocation. Threads:
 * any.
 */
#ifndef TIDE_CODEC_NUMBER_H
#define TIDE_CODEC_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Magnitudes of DECIMALs. */
__extension__ typedef unsigned __int128 tide_u128;

/* Most digits of a shortest form: 17 for a double. */
#define TIDE_DIGITS_MAX 17

/* A positive finite number as 0.d1d2d3... x 10^exponent; digits without trailing zeroes. */
struct tide_digits {
    char digits[TIDE_DIGITS_MAX + 1];
    uint32_t n;
    int32_t exponent;
};

/*
 * The number nearest to @n characters: decimal digits with at most one point and an optional
 * exponent, without sign; all of them. Too large is infinity, too small is 0. False: not a number.
 * @thread any
 */
bool tide_double_parse(const char *p, size_t n, double *out);
bool tide_float_parse(const char *p, size_t n, float *out);

/* The same of Java's hexadecimal form behind "0x": digits, one point, "p" and an exponent. @thread
 * any */
bool tide_double_parse_hex(const char *p, size_t n, double *out);

/* The fewest digits, but at least two where one would do, that read back as the positive finite
 * number, and of those the nearest to it (Java 19's rule). @thread any */
struct tide_digits tide_double_digits(double value);
struct tide_digits tide_float_digits(float value);

#ifdef __cplusplus
}
#endif

#endif
