/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints decoded msgpack. For people and scripts, not for the engine, which knows its records'
 * shapes; hence the plain allocation inside msgpack-c is good enough here. Threads: any.
 */
#include "wal/payload.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <msgpack.h>

#include "base/assert.h"

/* msgpack-c refuses deeper nesting by itself (MSGPACK_EMBED_STACK_SIZE), which bounds the recursion
 * here. */
#define DEPTH_MAX 40

static int put_object(struct tide_buf *out, const msgpack_object *object, int depth);

/* Length of the well-formed UTF-8 sequence at @s (RFC 3629), 0 when there is none. */
static size_t
utf8_len(const uint8_t *s, size_t n)
{
    if (s[0] < 0x80) {
        return 1;
    }
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > n) {
        return 0;
    }
    uint8_t low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* The inside of a JSON string. Control characters, also those above 0x7f, could drive a terminal.
 */
static int
put_text(struct tide_buf *out, const char *text, size_t n)
{
    const uint8_t *s = (const uint8_t *)text;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0;) {
        size_t len = utf8_len(s + i, n - i);
        if (len == 0) {
            rc = tide_buf_append_text(out, "\\ufffd");
        } else if (s[i] == '"' || s[i] == '\\') {
            rc = tide_buf_printf(out, "\\%c", s[i]);
        } else if (s[i] < 0x20 || s[i] == 0x7f) {
            rc = tide_buf_printf(out, "\\u%04x", s[i]);
        } else if (s[i] == 0xc2 && s[i + 1] < 0xa0) {
            rc = tide_buf_printf(out, "\\u%04x", s[i + 1]);
        } else {
            rc = tide_buf_append(out, s + i, len);
        }
        i += len > 0 ? len : 1;
    }
    return rc;
}

static int
put_hex(struct tide_buf *out, const char *bytes, size_t n)
{
    int rc = tide_buf_append_text(out, "0x");
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = tide_buf_printf(out, "%02x", (unsigned char)bytes[i]);
    }
    return rc;
}

/* Text, binary and extensions, without quotes. */
static int
put_bytes(struct tide_buf *out, const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_STR) {
        return put_text(out, object->via.str.ptr, object->via.str.size);
    }
    if (object->type == MSGPACK_OBJECT_BIN) {
        return put_hex(out, object->via.bin.ptr, object->via.bin.size);
    }
    int rc = tide_buf_printf(out, "ext %d ", object->via.ext.type);
    return rc != 0 ? rc : put_hex(out, object->via.ext.ptr, object->via.ext.size);
}

static int
put_quoted(struct tide_buf *out, const msgpack_object *object)
{
    int rc = tide_buf_append_byte(out, '"');
    rc = rc != 0 ? rc : put_bytes(out, object);
    return rc != 0 ? rc : tide_buf_append_byte(out, '"');
}

static int
put_double(struct tide_buf *out, double value)
{
    if (isnan(value)) {
        return tide_buf_append_text(out, "\"NaN\"");
    }
    if (isinf(value)) {
        return tide_buf_append_text(out, value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    }
    return tide_buf_printf(out, "%.17g", value);
}

static bool
is_bytes(const msgpack_object *object)
{
    return object->type == MSGPACK_OBJECT_STR || object->type == MSGPACK_OBJECT_BIN ||
           object->type == MSGPACK_OBJECT_EXT;
}

/* JSON's keys are strings: numbers and the like are quoted, structures cannot be keys in our log.
 */
static int
put_key(struct tide_buf *out, const msgpack_object *key, int depth)
{
    if (is_bytes(key)) {
        return put_quoted(out, key);
    }
    if (key->type == MSGPACK_OBJECT_ARRAY || key->type == MSGPACK_OBJECT_MAP) {
        return TIDE_ERR_CORRUPT;
    }
    int rc = tide_buf_append_byte(out, '"');
    rc = rc != 0 ? rc : put_object(out, key, depth);
    return rc != 0 ? rc : tide_buf_append_byte(out, '"');
}

static int
put_map(struct tide_buf *out, const msgpack_object_map *map, int depth)
{
    int rc = tide_buf_append_byte(out, '{');
    for (uint32_t i = 0; i < map->size && rc == 0; i++) {
        rc = i > 0 ? tide_buf_append_byte(out, ',') : 0;
        rc = rc != 0 ? rc : put_key(out, &map->ptr[i].key, depth + 1);
        rc = rc != 0 ? rc : tide_buf_append_byte(out, ':');
        rc = rc != 0 ? rc : put_object(out, &map->ptr[i].val, depth + 1);
    }
    return rc != 0 ? rc : tide_buf_append_byte(out, '}');
}

static int
put_array(struct tide_buf *out, const msgpack_object_array *array, int depth)
{
    int rc = tide_buf_append_byte(out, '[');
    for (uint32_t i = 0; i < array->size && rc == 0; i++) {
        rc = i > 0 ? tide_buf_append_byte(out, ',') : 0;
        rc = rc != 0 ? rc : put_object(out, &array->ptr[i], depth + 1);
    }
    return rc != 0 ? rc : tide_buf_append_byte(out, ']');
}

static int
put_object(struct tide_buf *out, const msgpack_object *object, int depth)
{
    if (depth > DEPTH_MAX) {
        return TIDE_ERR_CORRUPT;
    }
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return tide_buf_append_text(out, "null");
    case MSGPACK_OBJECT_BOOLEAN:
        return tide_buf_append_text(out, object->via.boolean ? "true" : "false");
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return tide_buf_printf(out, "%" PRIu64, object->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return tide_buf_printf(out, "%" PRId64, object->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return put_double(out, object->via.f64);
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
    case MSGPACK_OBJECT_EXT:
        return put_quoted(out, object);
    case MSGPACK_OBJECT_ARRAY:
        return put_array(out, &object->via.array, depth);
    case MSGPACK_OBJECT_MAP:
        return put_map(out, &object->via.map, depth);
    }
    TIDE_UNREACHABLE("a msgpack type");
}

int
tide_wal_payload_print(const uint8_t *payload, uint32_t len, struct tide_buf *out)
{
    msgpack_unpacked unpacked;
    size_t used = 0;
    msgpack_unpacked_init(&unpacked);
    int rc = TIDE_ERR_CORRUPT;
    if (len > 0 &&
        msgpack_unpack_next(&unpacked, (const char *)payload, len, &used) ==
            MSGPACK_UNPACK_SUCCESS &&
        used == len) {
        rc = put_object(out, &unpacked.data, 0);
    }
    msgpack_unpacked_destroy(&unpacked);
    return rc;
}
