/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON writer. Values of types are in json_value.c.
 */
#include "codec/json_out.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "codec/json_scan.h"
#include "codec/text.h"

void
tide_json_out_init(struct tide_json_out *out, struct tide_chars *chars, bool pretty)
{
    memset(out, 0, sizeof(*out));
    out->chars = chars;
    out->pretty = pretty;
}

static bool
bit(const uint64_t *bits, uint32_t depth)
{
    return (bits[(depth - 1) / 64] >> ((depth - 1) % 64) & 1) != 0;
}

static void
set_bit(uint64_t *bits, uint32_t depth, bool value)
{
    uint64_t mask = UINT64_C(1) << ((depth - 1) % 64);
    bits[(depth - 1) / 64] = (bits[(depth - 1) / 64] & ~mask) | (value ? mask : 0);
}

/* A new line, indented by the open objects. */
static void
new_line(struct tide_json_out *out)
{
    tide_chars_byte(out->chars, '\n');
    for (uint32_t i = 1; i <= out->depth; i++) {
        tide_chars_text(out->chars, bit(out->objects, i) ? "  " : "");
    }
}

/* What stands before a member or an element. */
static void
begin_item(struct tide_json_out *out, bool object)
{
    bool first;
    if (out->depth == 0) {
        return;
    }
    TIDE_ASSERT(bit(out->objects, out->depth) == object);
    first = !bit(out->filled, out->depth);
    set_bit(out->filled, out->depth, true);
    if (!first) {
        tide_chars_byte(out->chars, ',');
    }
    if (out->pretty && object) {
        new_line(out);
    } else if (out->pretty) {
        tide_chars_byte(out->chars, ' ');
    }
}

static void
begin_value(struct tide_json_out *out)
{
    if (out->key_given) {
        out->key_given = false;
        return;
    }
    begin_item(out, false);
}

static void
begin_nested(struct tide_json_out *out, bool object)
{
    begin_value(out);
    TIDE_ASSERT(out->depth < TIDE_LIMIT_JSON_DEPTH);
    out->depth++;
    set_bit(out->objects, out->depth, object);
    set_bit(out->filled, out->depth, false);
    tide_chars_byte(out->chars, object ? '{' : '[');
}

static void
end_nested(struct tide_json_out *out, bool object)
{
    bool filled = bit(out->filled, out->depth);
    TIDE_ASSERT(out->depth > 0);
    TIDE_ASSERT(!out->key_given);
    TIDE_ASSERT(bit(out->objects, out->depth) == object);
    out->depth--;
    if (out->pretty && object && filled) {
        new_line(out);
    } else if (out->pretty) {
        tide_chars_byte(out->chars, ' ');
    }
    tide_chars_byte(out->chars, object ? '}' : ']');
}

void
tide_json_out_begin_object(struct tide_json_out *out)
{
    begin_nested(out, true);
}

void
tide_json_out_end_object(struct tide_json_out *out)
{
    end_nested(out, true);
}

void
tide_json_out_begin_array(struct tide_json_out *out)
{
    begin_nested(out, false);
}

void
tide_json_out_end_array(struct tide_json_out *out)
{
    end_nested(out, false);
}

void
tide_json_out_key_bytes(struct tide_json_out *out, struct tide_bytes key)
{
    TIDE_ASSERT(!out->key_given);
    begin_item(out, true);
    tide_json_put_string(out->chars, key);
    tide_chars_text(out->chars, out->pretty ? " : " : ":");
    out->key_given = true;
}

void
tide_json_out_key(struct tide_json_out *out, const char *key)
{
    tide_json_out_key_bytes(out, (struct tide_bytes){key, (uint32_t)strlen(key)});
}

void
tide_json_out_bytes(struct tide_json_out *out, struct tide_bytes text)
{
    begin_value(out);
    tide_json_put_string(out->chars, text);
}

void
tide_json_out_text(struct tide_json_out *out, const char *text)
{
    tide_json_out_bytes(out, (struct tide_bytes){text, (uint32_t)strlen(text)});
}

void
tide_json_out_i64(struct tide_json_out *out, int64_t value)
{
    begin_value(out);
    tide_put_i64(out->chars, value);
}

void
tide_json_out_u64(struct tide_json_out *out, uint64_t value)
{
    begin_value(out);
    tide_put_decimal(out->chars, value, 0);
}

void
tide_json_out_double(struct tide_json_out *out, double value)
{
    const char *quote = isfinite(value) ? "" : "\"";
    begin_value(out);
    tide_chars_text(out->chars, quote);
    tide_put_double(out->chars, value);
    tide_chars_text(out->chars, quote);
}

void
tide_json_out_bool(struct tide_json_out *out, bool value)
{
    begin_value(out);
    tide_chars_text(out->chars, value ? "true" : "false");
}

void
tide_json_out_null(struct tide_json_out *out)
{
    begin_value(out);
    tide_chars_text(out->chars, "null");
}

void
tide_json_out_raw(struct tide_json_out *out, struct tide_bytes json)
{
    begin_value(out);
    tide_chars_put(out->chars, json.p, json.n);
}
