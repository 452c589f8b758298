/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to numbers and truth values, and tide_read_value() over all of them. Dates and times are in
 * time_read.c.
 *
 * Java's String.trim and Spark's trimAll differ in one character, DEL: trimAll also drops it.
 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "codec/number.h"
#include "codec/text.h"

struct tide_bytes
tide_text_trim(struct tide_bytes text)
{
    const uint8_t *p = text.p;
    uint32_t n = text.n;
    while (n > 0 && (p[0] <= ' ' || p[0] == 0x7f)) {
        p++;
        n--;
    }
    while (n > 0 && (p[n - 1] <= ' ' || p[n - 1] == 0x7f)) {
        n--;
    }
    return (struct tide_bytes){p, n};
}

/* As Java's String.trim. */
static struct tide_bytes
java_trim(struct tide_bytes text)
{
    const uint8_t *p = text.p;
    uint32_t n = text.n;
    while (n > 0 && p[0] <= ' ') {
        p++;
        n--;
    }
    while (n > 0 && p[n - 1] <= ' ') {
        n--;
    }
    return (struct tide_bytes){p, n};
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool
tide_read_i64(struct tide_bytes text, int64_t min, int64_t max, bool fraction, int64_t *out_value)
{
    struct tide_bytes trimmed = tide_text_trim(text);
    const uint8_t *p = trimmed.p;
    const uint8_t *end = p + trimmed.n;
    int64_t value = 0;
    bool negative;
    if (p == end) {
        return false;
    }
    negative = *p == '-';
    if ((negative || *p == '+') && ++p == end) {
        return false;
    }
    /* Counts downwards, so that the smallest number needs no case of its own. */
    for (; p < end && is_digit(*p); p++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *p - '0', &value)) {
            return false;
        }
    }
    if (fraction && p < end && *p == '.') {
        do {
            p++;
        } while (p < end && is_digit(*p));
    }
    if (p < end || (!negative && value == INT64_MIN)) {
        return false;
    }
    value = negative ? value : -value;
    if (value < min || value > max) {
        return false;
    }
    *out_value = value;
    return true;
}

static bool
equals_nocase(struct tide_bytes text, const char *word)
{
    return text.n == strlen(word) && strncasecmp(text.p, word, text.n) == 0;
}

/* Spark's words for what is no number: NaN and infinities, in any case. */
static bool
read_special(struct tide_bytes text, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"inf", INFINITY},      {"+inf", INFINITY},      {"-inf", -INFINITY},
                 {"infinity", INFINITY}, {"+infinity", INFINITY}, {"-infinity", -INFINITY},
                 {"nan", (double)NAN}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (equals_nocase(text, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

/* Splits a Java floating-point literal: sign, "0x", suffix d or f. */
struct literal {
    bool negative, hex;
    const char *p;
    uint32_t n;
};

static struct literal
split_literal(struct tide_bytes text)
{
    struct literal lit = {.p = text.p, .n = text.n};
    if (lit.n > 0 && (lit.p[0] == '-' || lit.p[0] == '+')) {
        lit.negative = lit.p[0] == '-';
        lit.p++;
        lit.n--;
    }
    if (lit.n > 2 && lit.p[0] == '0' && (lit.p[1] == 'x' || lit.p[1] == 'X')) {
        lit.hex = true;
        lit.p += 2;
        lit.n -= 2;
    }
    if (lit.n > 1 && strchr("dDfF", lit.p[lit.n - 1]) != NULL &&
        (!lit.hex || memchr(lit.p, 'p', lit.n) != NULL || memchr(lit.p, 'P', lit.n) != NULL)) {
        lit.n--;
    }
    return lit;
}

bool
tide_read_double(struct tide_bytes text, double *out_value)
{
    struct tide_bytes trimmed = java_trim(text);
    struct literal lit = split_literal(trimmed);
    double value;
    if (read_special(trimmed, out_value)) {
        return true;
    }
    if (lit.hex ? !tide_double_parse_hex(lit.p, lit.n, &value)
                : !tide_double_parse(lit.p, lit.n, &value)) {
        return false;
    }
    *out_value = lit.negative ? -value : value;
    return true;
}

bool
tide_read_float(struct tide_bytes text, double *out_value)
{
    struct tide_bytes trimmed = java_trim(text);
    struct literal lit = split_literal(trimmed);
    double wide;
    float value;
    if (read_special(trimmed, out_value)) {
        return true;
    }
    if (lit.hex) {
        if (!tide_double_parse_hex(lit.p, lit.n, &wide)) {
            return false;
        }
        value = (float)wide;
    } else if (!tide_float_parse(lit.p, lit.n, &value)) {
        return false;
    }
    *out_value = (double)(lit.negative ? -value : value);
    return true;
}

bool
tide_read_bool(struct tide_bytes text, bool *out_value)
{
    static const char *const words[] = {"t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"};
    struct tide_bytes trimmed = tide_text_trim(text);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (equals_nocase(trimmed, words[i])) {
            *out_value = i < 5;
            return true;
        }
    }
    return false;
}

/* An integer type's range. */
static bool
read_integer(struct tide_bytes text, enum tide_type_id id, bool ansi, int64_t *out)
{
    switch (id) {
    case TIDE_TYPE_BYTE:
        return tide_read_i64(text, INT8_MIN, INT8_MAX, !ansi, out);
    case TIDE_TYPE_SHORT:
        return tide_read_i64(text, INT16_MIN, INT16_MAX, !ansi, out);
    case TIDE_TYPE_INT:
        return tide_read_i64(text, INT32_MIN, INT32_MAX, !ansi, out);
    default:
        return tide_read_i64(text, INT64_MIN, INT64_MAX, !ansi, out);
    }
}

bool
tide_read_value(struct tide_bytes text, const struct tide_type *type,
                const struct tide_read_rules *rules, struct tide_value *out)
{
    struct tide_value value = {.type = type};
    bool truth = false;
    bool ok;
    switch (type->id) {
    case TIDE_TYPE_BOOLEAN:
        ok = tide_read_bool(text, &truth);
        value.i64 = truth;
        break;
    case TIDE_TYPE_BYTE:
    case TIDE_TYPE_SHORT:
    case TIDE_TYPE_INT:
    case TIDE_TYPE_LONG:
        ok = read_integer(text, type->id, rules->ansi, &value.i64);
        break;
    case TIDE_TYPE_FLOAT:
        ok = tide_read_float(text, &value.f64);
        break;
    case TIDE_TYPE_DOUBLE:
        ok = tide_read_double(text, &value.f64);
        break;
    case TIDE_TYPE_DECIMAL:
        ok = tide_read_decimal(text, type->precision, type->scale, &value.i128, NULL);
        break;
    case TIDE_TYPE_DATE:
        ok = tide_read_date(text, &value.i64);
        break;
    case TIDE_TYPE_TIMESTAMP:
        ok = tide_read_timestamp(text, rules->zone, rules->regions, &value.i64);
        break;
    default:
        ok = tide_type_is_bytes(type);
        value.bytes = text;
        break;
    }
    if (ok) {
        *out = value;
    }
    return ok;
}
