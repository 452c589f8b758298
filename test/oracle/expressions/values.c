/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the oracle's JSON. Dates and decimals are read and compared by code of the test's own.
 */
#include "values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* Days since 1970-01-01, by counting from the March of year 0. */
static int64_t
days(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
read_date(const char **p, int64_t *out)
{
    long long year;
    int month, day, n = 0;
    if (sscanf(*p, "%lld-%2d-%2d%n", &year, &month, &day, &n) != 3) {
        return false;
    }
    *p += n;
    *out = days(year, month, day);
    return true;
}

static bool
read_timestamp(const char *p, int64_t *out)
{
    int hour, minute, second, n = 0;
    int64_t date, micro = 0, unit = 100000;
    if (!read_date(&p, &date) || sscanf(p, "T%2d:%2d:%2d%n", &hour, &minute, &second, &n) != 3) {
        return false;
    }
    p += n;
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10) {
            micro += (*p - '0') * unit;
        }
    }
    /* the first and last instants pass the range on the way: modulo 2^64 they come back */
    *out = (int64_t)((uint64_t)((date * 24 + hour) * 60 + minute) * 60000000u +
                     (uint64_t)second * 1000000u + (uint64_t)micro);
    return true;
}

static bool
read_decimal(const char *p, uint32_t scale, tide_i128 *out)
{
    bool negative = *p == '-', point = false;
    tide_i128 value = 0;
    uint32_t digits = 0;
    for (p += negative; *p != '\0'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (*p < '0' || *p > '9') {
            return false;
        }
        value = value * 10 + (*p - '0');
        digits += point;
    }
    for (; digits < scale; digits++) {
        value *= 10;
    }
    *out = negative ? -value : value;
    return digits == scale;
}

static double
read_double(const struct json *json)
{
    if (strcmp(json->text, "NaN") == 0) {
        return NAN;
    }
    if (strstr(json->text, "Infinity") != NULL) {
        return json->text[0] == '-' ? -INFINITY : INFINITY;
    }
    return strtod(json->text, NULL);
}

static size_t
read_hex(const struct json *json, uint8_t *out)
{
    for (size_t i = 0; i + 1 < json->len; i += 2) {
        char digits[3] = {json->text[i], json->text[i + 1], 0};
        out[i / 2] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return json->len / 2;
}

/* ---- building ---- */

static bool
build_nested(struct tide_writer *writer, const struct tide_type *type, const struct json *json,
             struct tide_cell *out)
{
    bool map = type->id == TIDE_TYPE_MAP;
    size_t n = type->id == TIDE_TYPE_STRUCT ? type->n_children : json->n;
    struct tide_cell *cells = calloc(2 * n + 1, sizeof(*cells));
    bool ok = cells != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (map) {
            ok = value_build(writer, &type->children[0].type, json->items[i]->items[0],
                             &cells[2 * i]) &&
                 value_build(writer, &type->children[1].type, json->items[i]->items[1],
                             &cells[2 * i + 1]);
        } else if (type->id == TIDE_TYPE_STRUCT) {
            ok = value_build(writer, &type->children[i].type,
                             json_get(json, type->children[i].name), &cells[i]);
        } else {
            ok = value_build(writer, &type->children[0].type, json->items[i], &cells[i]);
        }
    }
    if (ok) {
        ok = map ? tide_build_map(writer, type, cells, (uint32_t)n, &out->ref)
             : type->id == TIDE_TYPE_STRUCT
                 ? tide_build_struct(writer, type, cells, &out->ref)
                 : tide_build_array(writer, type, cells, (uint32_t)n, &out->ref);
    }
    free(cells);
    return ok;
}

static bool
build_bytes(struct tide_writer *writer, const struct tide_type *type, const struct json *json,
            struct tide_cell *out)
{
    uint8_t *bytes = malloc(json->len + 1);
    size_t n = json->len;
    bool ok;
    if (bytes == NULL) {
        return false;
    }
    if (type->id == TIDE_TYPE_BINARY) {
        n = read_hex(json, bytes);
    } else {
        memcpy(bytes, json->text, n);
    }
    ok = tide_build_bytes(writer, (struct tide_bytes){bytes, (uint32_t)n}, out);
    free(bytes);
    return ok;
}

bool
value_build(struct tide_writer *writer, const struct tide_type *type, const struct json *json,
            struct tide_cell *out)
{
    const char *text;
    *out = (struct tide_cell){.null = json == NULL || json->kind == JSON_NULL};
    if (out->null || type->id == TIDE_TYPE_NULL) {
        return true;
    }
    text = json->text;
    switch (type->id) {
    case TIDE_TYPE_BOOLEAN:
        out->i64 = json->kind == JSON_TRUE;
        return true;
    case TIDE_TYPE_FLOAT:
        out->f64 = (double)(float)read_double(json);
        return true;
    case TIDE_TYPE_DOUBLE:
        out->f64 = read_double(json);
        return true;
    case TIDE_TYPE_DECIMAL:
        return read_decimal(text, type->scale, &out->i128);
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        return build_bytes(writer, type, json, out);
    case TIDE_TYPE_DATE:
        return read_date(&text, &out->i64);
    case TIDE_TYPE_TIMESTAMP:
        return read_timestamp(text, &out->i64);
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        return build_nested(writer, type, json, out);
    default:
        out->i64 = strtoll(text, NULL, 10);
        return true;
    }
}

/* ---- comparing ---- */

static bool
matches_double(double value, double expected)
{
    if (isnan(expected)) {
        return isnan(value);
    }
    return value == expected && signbit(value) == signbit(expected);
}

static bool
matches_nested(const struct tide_value *value, const struct json *json)
{
    const struct tide_type *type = value->type;
    size_t n = type->id == TIDE_TYPE_STRUCT ? type->n_children : tide_nested_count(value->nested);
    if (type->id != TIDE_TYPE_STRUCT && json->n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct tide_value part, key;
        const struct json *expected;
        if (type->id == TIDE_TYPE_MAP) {
            key = tide_map_key_at(type, value->nested, (uint32_t)i);
            part = tide_map_value_at(type, value->nested, (uint32_t)i);
            expected = json->items[i]->items[1];
            if (!value_matches(&key, json->items[i]->items[0])) {
                return false;
            }
        } else if (type->id == TIDE_TYPE_STRUCT) {
            part = tide_struct_at(type, value->nested, (uint32_t)i);
            expected = json_get(json, type->children[i].name);
        } else {
            part = tide_array_at(type, value->nested, (uint32_t)i);
            expected = json->items[i];
        }
        if (expected == NULL || !value_matches(&part, expected)) {
            return false;
        }
    }
    return true;
}

/* Java shows bytes that are no UTF-8 as U+FFFD. */
static bool
matches_repaired(const struct tide_value *value, const struct json *json)
{
    const uint8_t *p = value->bytes.p;
    const char *expected = json->text;
    for (uint32_t i = 0; i < value->bytes.n; i++) {
        if (p[i] >= 0xF5 || p[i] == 0xC0 || p[i] == 0xC1) {
            if (strncmp(expected, "\xEF\xBF\xBD", 3) != 0) {
                return false;
            }
            expected += 3;
        } else if (*expected++ != (char)p[i]) {
            return false;
        }
    }
    return expected == json->text + json->len;
}

static bool
matches_bytes(const struct tide_value *value, const struct json *json)
{
    uint8_t *bytes = malloc(json->len + 1);
    size_t n = json->len;
    bool ok;
    if (bytes == NULL || json->text == NULL) {
        free(bytes);
        return false;
    }
    if (value->type->id == TIDE_TYPE_BINARY) {
        n = read_hex(json, bytes);
    } else {
        memcpy(bytes, json->text, n);
    }
    ok = value->bytes.n == n && (n == 0 || memcmp(value->bytes.p, bytes, n) == 0);
    ok = ok || (value->type->id == TIDE_TYPE_STRING && matches_repaired(value, json));
    free(bytes);
    return ok;
}

bool
value_matches(const struct tide_value *value, const struct json *json)
{
    tide_i128 decimal;
    int64_t number;
    const char *text = json->text;
    if (value->null || json->kind == JSON_NULL) {
        return value->null && json->kind == JSON_NULL;
    }
    switch (value->type->id) {
    case TIDE_TYPE_BOOLEAN:
        return (json->kind == JSON_TRUE || json->kind == JSON_FALSE) &&
               value->i64 == (json->kind == JSON_TRUE);
    case TIDE_TYPE_FLOAT:
        return text != NULL && matches_double(value->f64, (double)(float)read_double(json));
    case TIDE_TYPE_DOUBLE:
        return text != NULL && matches_double(value->f64, read_double(json));
    case TIDE_TYPE_DECIMAL:
        return text != NULL && read_decimal(text, value->type->scale, &decimal) &&
               decimal == value->i128;
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        return matches_bytes(value, json);
    case TIDE_TYPE_DATE:
        return text != NULL && read_date(&text, &number) && number == value->i64;
    case TIDE_TYPE_TIMESTAMP:
        return text != NULL && read_timestamp(text, &number) && number == value->i64;
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        return matches_nested(value, json);
    default:
        return text != NULL && strtoll(text, NULL, 10) == value->i64;
    }
}
