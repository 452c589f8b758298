/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of types as JSON: Spark's JacksonGenerator.
 */
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "codec/base64.h"
#include "codec/json_out.h"
#include "codec/json_scan.h"
#include "codec/text.h"

/* Longest plain text of a value that is not STRING or BINARY: a timestamp by a pattern. */
#define PLAIN_MAX 512u

/* A text made by a writer, as JSON text. */
static void
put_quoted(struct tide_json_out *out, const char *text, const struct tide_chars *chars)
{
    uint32_t n = chars->n < chars->max ? chars->n : chars->max;
    tide_json_out_bytes(out, (struct tide_bytes){text, n});
}

/* A number made by a writer, as it is. */
static void
put_number(struct tide_json_out *out, const char *text, const struct tide_chars *chars)
{
    tide_json_out_raw(out, (struct tide_bytes){text, chars->n});
}

static void
put_float(struct tide_json_out *out, float value)
{
    char text[PLAIN_MAX];
    struct tide_chars chars = {.p = text, .max = sizeof(text)};
    tide_put_float(&chars, value);
    if (isfinite(value)) {
        put_number(out, text, &chars);
    } else {
        put_quoted(out, text, &chars);
    }
}

static void
put_decimal(struct tide_json_out *out, const struct tide_value *value)
{
    char text[PLAIN_MAX];
    struct tide_chars chars = {.p = text, .max = sizeof(text)};
    tide_put_decimal_cast(&chars, value->i128, value->type->scale);
    put_number(out, text, &chars);
}

static void
put_date(struct tide_json_out *out, int64_t days, const struct tide_json_put_options *options)
{
    char text[PLAIN_MAX];
    struct tide_chars chars = {.p = text, .max = sizeof(text)};
    if (options->date_format != NULL) {
        options->date_format->put(options->date_format->self, days, tide_zone_utc(), &chars);
    } else {
        tide_put_date(&chars, days);
    }
    put_quoted(out, text, &chars);
}

static void
put_timestamp(struct tide_json_out *out, int64_t us, const struct tide_json_put_options *options)
{
    const struct tide_time_pattern *format = options->timestamp_format;
    char text[PLAIN_MAX];
    struct tide_chars chars = {.p = text, .max = sizeof(text)};
    if (format != NULL) {
        format->put(format->self, us, options->zone, &chars);
    } else {
        tide_put_timestamp_iso(&chars, us, options->zone);
    }
    put_quoted(out, text, &chars);
}

static void
put_binary(struct tide_json_out *out, struct tide_bytes bytes)
{
    /* Base64 needs no escapes, so that it can be written between quotes without a copy. */
    tide_json_out_raw(out, (struct tide_bytes){"\"", 1});
    tide_base64_put(out->chars, bytes);
    tide_chars_byte(out->chars, '"');
}

static void
put_struct(struct tide_json_out *out, const struct tide_value *value,
           const struct tide_json_put_options *options)
{
    tide_json_out_begin_object(out);
    for (uint32_t i = 0; i < value->type->n_children; i++) {
        struct tide_value field = tide_struct_at(value->type, value->nested, i);
        if (!field.null || options->keep_nulls) {
            tide_json_out_key(out, value->type->children[i].name);
            tide_json_out_value(out, &field, options);
        }
    }
    tide_json_out_end_object(out);
}

static void
put_array(struct tide_json_out *out, const struct tide_value *value,
          const struct tide_json_put_options *options)
{
    uint32_t n = tide_nested_count(value->nested);
    tide_json_out_begin_array(out);
    for (uint32_t i = 0; i < n; i++) {
        struct tide_value element = tide_array_at(value->type, value->nested, i);
        tide_json_out_value(out, &element, options);
    }
    tide_json_out_end_array(out);
}

/* A map's key as Spark names it: the value's own text, dates and timestamps as their numbers. */
static void
put_key(struct tide_json_out *out, const struct tide_value *key)
{
    static const struct tide_type as_long = {.id = TIDE_TYPE_LONG};
    char text[PLAIN_MAX];
    struct tide_chars chars = {.p = text, .max = sizeof(text)};
    struct tide_value plain = *key;
    if (tide_type_is_bytes(key->type)) {
        tide_json_out_key_bytes(out, key->bytes);
        return;
    }
    if (key->type->id == TIDE_TYPE_DATE || key->type->id == TIDE_TYPE_TIMESTAMP) {
        plain.type = &as_long;
    }
    tide_put_value(&chars, &plain, TIDE_TEXT_CAST, tide_zone_utc());
    tide_json_out_key_bytes(out,
                            (struct tide_bytes){text, chars.n < chars.max ? chars.n : chars.max});
}

static void
put_map(struct tide_json_out *out, const struct tide_value *value,
        const struct tide_json_put_options *options)
{
    uint32_t n = tide_nested_count(value->nested);
    tide_json_out_begin_object(out);
    for (uint32_t i = 0; i < n; i++) {
        struct tide_value key = tide_map_key_at(value->type, value->nested, i);
        struct tide_value entry = tide_map_value_at(value->type, value->nested, i);
        put_key(out, &key);
        tide_json_out_value(out, &entry, options);
    }
    tide_json_out_end_object(out);
}

void
tide_json_out_value(struct tide_json_out *out, const struct tide_value *value,
                    const struct tide_json_put_options *options)
{
    if (value->null) {
        tide_json_out_null(out);
        return;
    }
    switch (value->type->id) {
    case TIDE_TYPE_BOOLEAN:
        tide_json_out_bool(out, value->i64 != 0);
        break;
    case TIDE_TYPE_FLOAT:
        put_float(out, (float)value->f64);
        break;
    case TIDE_TYPE_DOUBLE:
        tide_json_out_double(out, value->f64);
        break;
    case TIDE_TYPE_DECIMAL:
        put_decimal(out, value);
        break;
    case TIDE_TYPE_STRING:
        tide_json_out_bytes(out, value->bytes);
        break;
    case TIDE_TYPE_BINARY:
        put_binary(out, value->bytes);
        break;
    case TIDE_TYPE_DATE:
        put_date(out, value->i64, options);
        break;
    case TIDE_TYPE_TIMESTAMP:
        put_timestamp(out, value->i64, options);
        break;
    case TIDE_TYPE_ARRAY:
        put_array(out, value, options);
        break;
    case TIDE_TYPE_MAP:
        put_map(out, value, options);
        break;
    case TIDE_TYPE_STRUCT:
        put_struct(out, value, options);
        break;
    default:
        tide_json_out_i64(out, value->i64);
        break;
    }
}
