/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as literals. A whole number is INT, BIGINT or DECIMAL, whichever holds it; one with a
 * point is DECIMAL of as many digits as are written; an exponent makes a DOUBLE; suffixes say
 * otherwise. Threads: any.
 */
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "codec/text.h"
#include "sql/ast.h"
#include "sql/decimal.h"
#include "sql/lexer.h"

static const struct tide_type number_types[] = {
    [TIDE_NUMBER_TINYINT] = {.id = TIDE_TYPE_BYTE},
    [TIDE_NUMBER_SMALLINT] = {.id = TIDE_TYPE_SHORT},
    [TIDE_NUMBER_INTEGER] = {.id = TIDE_TYPE_INT},
    [TIDE_NUMBER_BIGINT] = {.id = TIDE_TYPE_LONG},
    [TIDE_NUMBER_FLOAT] = {.id = TIDE_TYPE_FLOAT},
    [TIDE_NUMBER_DOUBLE] = {.id = TIDE_TYPE_DOUBLE},
    [TIDE_NUMBER_EXPONENT] = {.id = TIDE_TYPE_DOUBLE},
};
static const struct tide_type long_type = {.id = TIDE_TYPE_LONG};

static int
out_of_range(const struct tide_token *token, struct tide_error *err)
{
    return tide_error_set_at(
        err, TIDE_ERR_INVALID, (int32_t)token->at,
        "[INVALID_NUMERIC_LITERAL_RANGE] the number is out of its type's range");
}

/* Farther than any decimal reaches. */
#define EXPONENT_MAX 1000

/* Digits with an exponent to an unscaled value and a scale; false when there are too many. */
static bool
read_decimal(const char *text, bool negative, struct tide_type *type, tide_i128 *out)
{
    tide_i128 value = 0;
    int64_t scale = 0, exponent;
    uint32_t digits = 0, total;
    bool point = false;
    for (; *text != '\0' && (*text | 0x20) != 'e'; text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        digits += digits > 0 || *text != '0';
        scale += point;
        if (digits > TIDE_DECIMAL_DIGITS || scale > TIDE_DECIMAL_DIGITS) {
            return false;
        }
        value = value * 10 + (*text - '0');
    }
    exponent = *text != '\0' ? strtol(text + 1, NULL, 10) : 0;
    if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX) {
        return false;
    }
    scale -= exponent;
    for (; scale < 0; scale++) {
        if (++digits > TIDE_DECIMAL_DIGITS) {
            return false;
        }
        value *= 10;
    }
    total = digits > (uint64_t)scale ? digits : (uint32_t)(scale < 99 ? scale : 99);
    if (total > TIDE_DECIMAL_DIGITS) {
        return false;
    }
    *type = tide_type_decimal(total > 0 ? total : 1, (uint32_t)scale);
    *out = negative ? -value : value;
    return true;
}

static int
parse_decimal(struct tide_type_arena *arena, const char *digits, const struct tide_token *token,
              bool negative, struct tide_value *out, struct tide_error *err)
{
    struct tide_type *type = tide_type_arena_alloc(arena, sizeof(*type));
    tide_i128 value;
    if (type == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a number");
    }
    if (!read_decimal(digits, negative, type, &value)) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)token->at,
                                 "[DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION] the number has more "
                                 "than 38 digits");
    }
    *out = (struct tide_value){.type = type, .i128 = value};
    return TIDE_OK;
}

static int
parse_double(const char *digits, const struct tide_token *token, bool negative,
             struct tide_value *out, struct tide_error *err)
{
    struct tide_bytes text = {digits, (uint32_t)strlen(digits)};
    bool is_float = token->number == TIDE_NUMBER_FLOAT;
    double value;
    if (!tide_read_double(text, &value) || value > (is_float ? (double)FLT_MAX : DBL_MAX)) {
        return out_of_range(token, err);
    }
    if (is_float) {
        tide_read_float(text, &value);
    }
    *out =
        (struct tide_value){.type = &number_types[token->number], .f64 = negative ? -value : value};
    return TIDE_OK;
}

/* Suffixed whole numbers, and plain ones up to BIGINT; false when it does not fit. */
static bool
parse_whole(const char *digits, const struct tide_token *token, bool negative,
            struct tide_value *out)
{
    static const int64_t limits[] = {[TIDE_NUMBER_TINYINT] = INT8_MAX,
                                     [TIDE_NUMBER_SMALLINT] = INT16_MAX,
                                     [TIDE_NUMBER_INTEGER] = INT32_MAX,
                                     [TIDE_NUMBER_BIGINT] = INT64_MAX};
    uint64_t value, limit = (uint64_t)limits[token->number] + negative;
    errno = 0;
    value = strtoull(digits, NULL, 10);
    *out = (struct tide_value){.type = &number_types[token->number]};
    if (errno != 0) {
        return false;
    }
    if (value > limit && token->number == TIDE_NUMBER_INTEGER) {
        out->type = &long_type;
        limit = (uint64_t)INT64_MAX + negative;
    }
    out->i64 = negative ? (int64_t)(0 - value) : (int64_t)value;
    return value <= limit;
}

int
tide_parse_number(struct tide_type_arena *arena, const char *text, const struct tide_token *token,
                  bool negative, struct tide_value *out, struct tide_error *err)
{
    char *digits = tide_type_arena_alloc(arena, token->n + 1);
    uint32_t n = token->n;
    if (digits == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a number");
    }
    n -= token->number == TIDE_NUMBER_BD                                               ? 2
         : token->number >= TIDE_NUMBER_TINYINT && token->number <= TIDE_NUMBER_DOUBLE ? 1
                                                                                       : 0;
    memcpy(digits, text + token->at, n);
    switch (token->number) {
    case TIDE_NUMBER_DECIMAL:
    case TIDE_NUMBER_BD:
        return parse_decimal(arena, digits, token, negative, out, err);
    case TIDE_NUMBER_EXPONENT:
    case TIDE_NUMBER_FLOAT:
    case TIDE_NUMBER_DOUBLE:
        return parse_double(digits, token, negative, out, err);
    default:
        if (parse_whole(digits, token, negative, out)) {
            return TIDE_OK;
        }
        return token->number == TIDE_NUMBER_INTEGER
                   ? parse_decimal(arena, digits, token, negative, out, err)
                   : out_of_range(token, err);
    }
}

bool
tide_is_typed_literal(const char *word)
{
    static const char *const words[] = {"date", "timestamp", "timestamp_ltz", "timestamp_ntz", "x"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}
