/* SPDX-License-Identifier: Apache-2.0 */
/*
 * std::from_chars and std::to_chars behind C functions; neither throws.
 */
#include "codec/number.h"

#include <charconv>
#include <cstring>
#include <limits>

namespace
{

/* What @p stands for when from_chars says "out of range": the size of the exponent decides, far
 * from the border. */
template <typename T>
T
beyond_range(const char *p, const char *end)
{
    long magnitude = 0;
    long exponent = 0;
    bool point = false;
    bool leading = true;
    const char *c = p;
    for (; c < end && *c != 'e' && *c != 'E'; c++) {
        if (*c == '.') {
            point = true;
        } else if (leading && *c == '0') {
            magnitude -= point ? 1 : 0;
        } else {
            leading = false;
            magnitude += point ? 0 : 1;
        }
    }
    if (c < end) {
        bool negative = c + 1 < end && c[1] == '-';
        for (c += c + 1 < end && (c[1] == '-' || c[1] == '+') ? 2 : 1; c < end; c++) {
            exponent = exponent < 100000000 ? exponent * 10 + (*c - '0') : exponent;
        }
        exponent = negative ? -exponent : exponent;
    }
    return magnitude + exponent > 0 ? std::numeric_limits<T>::infinity() : T(0);
}

template <typename T>
bool
parse(const char *p, size_t n, T *out)
{
    T value = 0;
    const char *end = p + n;
    /* from_chars also takes signs, "inf" and "nan", which are the caller's. */
    if (n == 0 || !((*p >= '0' && *p <= '9') || *p == '.')) {
        return false;
    }
    std::from_chars_result result = std::from_chars(p, end, value);
    if (result.ptr != end || result.ec == std::errc::invalid_argument) {
        return false;
    }
    *out = result.ec == std::errc::result_out_of_range ? beyond_range<T>(p, end) : value;
    return true;
}

/* Splits "d.ddde+xx". */
tide_digits
split(const char *text, const char *end)
{
    tide_digits digits = {};
    const char *c = text;
    for (; *c != 'e'; c++) {
        if (*c != '.') {
            digits.digits[digits.n++] = *c;
        }
    }
    bool negative = c[1] == '-';
    int exponent = 0;
    for (c += 2; c < end; c++) {
        exponent = exponent * 10 + (*c - '0');
    }
    digits.exponent = (negative ? -exponent : exponent) + 1;
    while (digits.n > 1 && digits.digits[digits.n - 1] == '0') {
        digits.n--;
    }
    return digits;
}

template <typename T>
tide_digits
shortest(T value)
{
    char text[64];
    std::to_chars_result result =
        std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
    tide_digits digits = split(text, result.ptr);
    if (digits.n == 1) {
        result = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific, 1);
        digits = split(text, result.ptr);
    }
    return digits;
}

} // namespace

bool
tide_double_parse(const char *p, size_t n, double *out)
{
    return parse(p, n, out);
}

bool
tide_float_parse(const char *p, size_t n, float *out)
{
    return parse(p, n, out);
}

bool
tide_double_parse_hex(const char *p, size_t n, double *out)
{
    double value = 0;
    const char *end = p + n;
    if (n == 0 || std::memchr(p, 'p', n) == std::memchr(p, 'P', n) || *p == '-') {
        return false;
    }
    std::from_chars_result result = std::from_chars(p, end, value, std::chars_format::hex);
    if (result.ptr != end || result.ec != std::errc()) {
        return false;
    }
    *out = value;
    return true;
}

struct tide_digits
tide_double_digits(double value)
{
    return shortest(value);
}

struct tide_digits
tide_float_digits(float value)
{
    return shortest(value);
}
