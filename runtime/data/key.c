/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key bytes: the canonical form of values that are compared and stored as bytes.
 *
 *   value  := 0x00 (NULL) | 0x01 payload
 *   payload BOOLEAN BYTE 1 byte, SHORT 2, INT DATE 4, other integers and FLOAT DOUBLE 8,
 *           DECIMAL 8 or 16 by its precision; little-endian; NaN one NaN, -0.0 as 0.0
 *           STRING BINARY  u32 length, bytes
 *           ARRAY u32 count, values   MAP u32 count, keys and values in turn   STRUCT values
 *
 * They are written into checkpoints: the form must never change.
 */
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "data/layout.h"
#include "data/value.h"

/* Where bytes go; counts those that do not fit. */
struct sink {
    uint8_t *out;
    uint32_t max, n;
};

/* Where bytes come from. */
struct source {
    const uint8_t *p;
    uint32_t left;
};

static void
put(struct sink *sink, const void *p, uint32_t n)
{
    if (n > 0 && sink->n <= sink->max && n <= sink->max - sink->n) {
        memcpy(sink->out + sink->n, p, n);
    }
    sink->n += n;
}

/* Bytes of a plain value's payload. */
static uint32_t
plain_size(const struct tide_type *type)
{
    switch (type->id) {
    case TIDE_TYPE_BOOLEAN:
    case TIDE_TYPE_BYTE:
        return 1;
    case TIDE_TYPE_SHORT:
        return 2;
    case TIDE_TYPE_INT:
    case TIDE_TYPE_DATE:
        return 4;
    default:
        return tide_type_width(type);
    }
}

static void put_value(struct sink *sink, const struct tide_value *value);

static void
put_nested(struct sink *sink, const struct tide_value *value)
{
    bool is_struct = value->type->id == TIDE_TYPE_STRUCT;
    uint32_t n = is_struct ? value->type->n_children : tide_nested_count(value->nested);
    if (!is_struct) {
        put(sink, &n, sizeof(n));
    }
    for (uint32_t i = 0; i < n; i++) {
        struct tide_value part;
        if (is_struct) {
            part = tide_struct_at(value->type, value->nested, i);
        } else if (value->type->id == TIDE_TYPE_ARRAY) {
            part = tide_array_at(value->type, value->nested, i);
        } else {
            part = tide_map_key_at(value->type, value->nested, i);
            put_value(sink, &part);
            part = tide_map_value_at(value->type, value->nested, i);
        }
        put_value(sink, &part);
    }
}

static void
put_value(struct sink *sink, const struct tide_value *value)
{
    uint8_t tag = value->null ? 0 : 1;
    double canonical;
    put(sink, &tag, 1);
    if (value->null) {
        return;
    }
    switch (value->type->id) {
    case TIDE_TYPE_FLOAT:
    case TIDE_TYPE_DOUBLE:
        /* -0.0 + 0.0 is 0.0; every NaN becomes the same one. */
        canonical = isnan(value->f64) ? (double)NAN : value->f64 + 0.0;
        put(sink, &canonical, sizeof(canonical));
        break;
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        put(sink, &value->bytes.n, sizeof(value->bytes.n));
        put(sink, value->bytes.p, value->bytes.n);
        break;
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        put_nested(sink, value);
        break;
    default:
        put(sink, &value->i128, plain_size(value->type));
        break;
    }
}

uint32_t
tide_key_bytes(const struct tide_vec *const *vecs, uint32_t n, uint32_t i, uint8_t *out,
               uint32_t out_max)
{
    struct sink sink = {.out = out, .max = out_max};
    for (uint32_t v = 0; v < n; v++) {
        struct tide_value value = tide_value_vec(vecs[v], i);
        put_value(&sink, &value);
    }
    return sink.n;
}

uint32_t
tide_key_bytes_values(const struct tide_value *values, uint32_t n, uint8_t *out, uint32_t out_max)
{
    struct sink sink = {.out = out, .max = out_max};
    for (uint32_t v = 0; v < n; v++) {
        put_value(&sink, &values[v]);
    }
    return sink.n;
}

/* What taking a value from key bytes can end in. */
enum taken {
    TAKEN_OK,
    TAKEN_BAD, /* no such key */
    TAKEN_FULL /* writer full */
};

static enum taken take_value(struct source *source, struct tide_writer *writer,
                             const struct tide_type *type, struct tide_cell *out);

static bool
get(struct source *source, void *p, uint32_t n)
{
    if (source->left < n) {
        return false;
    }
    memcpy(p, source->p, n);
    source->p += n;
    source->left -= n;
    return true;
}

/* A plain payload, sign-extended from its stored size. */
static enum taken
take_plain(struct source *source, const struct tide_type *type, struct tide_cell *out)
{
    uint32_t n = plain_size(type);
    uint8_t raw[16];
    uint8_t sign;
    if (!get(source, raw, n)) {
        return TAKEN_BAD;
    }
    sign = (raw[n - 1] & 0x80) != 0 && type->id != TIDE_TYPE_BOOLEAN ? 0xff : 0;
    memset(raw + n, sign, sizeof(raw) - n);
    memcpy(&out->i128, raw, sizeof(out->i128));
    return TAKEN_OK;
}

static enum taken
take_bytes(struct source *source, struct tide_writer *writer, struct tide_cell *out)
{
    struct tide_bytes bytes;
    if (!get(source, &bytes.n, sizeof(bytes.n)) || bytes.n > source->left) {
        return TAKEN_BAD;
    }
    bytes.p = source->p;
    source->p += bytes.n;
    source->left -= bytes.n;
    return tide_build_bytes(writer, bytes, out) ? TAKEN_OK : TAKEN_FULL;
}

/* Entry @i of a region; a map's key first. */
static enum taken
take_entry(struct source *source, struct tide_writer *writer, const struct tide_type *type,
           struct tide_ref region, uint32_t i)
{
    const struct tide_type *child =
        &type->children[type->id == TIDE_TYPE_STRUCT ? i : type->n_children - 1].type;
    struct tide_cell cell;
    enum taken taken;
    if (type->id == TIDE_TYPE_MAP) {
        taken = take_value(source, writer, &type->children[0].type, &cell);
        if (taken != TAKEN_OK || cell.null) {
            return taken == TAKEN_OK ? TAKEN_BAD : taken;
        }
        tide_region_set_key(writer, type, region, i, &cell);
    }
    taken = take_value(source, writer, child, &cell);
    if (taken == TAKEN_OK) {
        tide_region_set(writer, type, region, i, &cell);
    }
    return taken;
}

static enum taken
take_nested(struct source *source, struct tide_writer *writer, const struct tide_type *type,
            struct tide_cell *out)
{
    uint32_t n = type->n_children;
    enum taken taken = TAKEN_OK;
    /* Every element has a tag byte: a count over what is left is no key. */
    if (type->id != TIDE_TYPE_STRUCT && (!get(source, &n, sizeof(n)) || n > source->left)) {
        return TAKEN_BAD;
    }
    if (!tide_region_begin(writer, type, n, &out->ref)) {
        return TAKEN_FULL;
    }
    for (uint32_t i = 0; taken == TAKEN_OK && i < n; i++) {
        taken = take_entry(source, writer, type, out->ref, i);
    }
    return taken;
}

static enum taken
take_value(struct source *source, struct tide_writer *writer, const struct tide_type *type,
           struct tide_cell *out)
{
    uint8_t tag;
    if (!get(source, &tag, 1) || tag > 1) {
        return TAKEN_BAD;
    }
    *out = (struct tide_cell){.null = tag == 0};
    if (out->null) {
        return TAKEN_OK;
    }
    if (tide_type_is_nested(type)) {
        return take_nested(source, writer, type, out);
    }
    return tide_type_is_bytes(type) ? take_bytes(source, writer, out)
                                    : take_plain(source, type, out);
}

bool
tide_key_restore(struct tide_writer *writer, uint8_t *slot, const uint32_t *fields, uint32_t n,
                 struct tide_bytes key, bool *out_ok)
{
    struct source source = {key.p, key.n};
    enum taken taken = TAKEN_OK;
    for (uint32_t i = 0; taken == TAKEN_OK && i < n; i++) {
        struct tide_cell cell;
        taken = take_value(&source, writer, &writer->schema->fields[fields[i]].type, &cell);
        if (taken == TAKEN_OK) {
            tide_slot_set_cell(writer->schema, slot, fields[i], &cell);
        }
    }
    if (taken == TAKEN_FULL) {
        return false;
    }
    *out_ok = taken == TAKEN_OK && source.left == 0;
    return true;
}
