/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: taking them out of rows, vectors and nested values; order and hash. Building is in
 * build.c, key bytes in key.c.
 */
#include "data/value.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "data/layout.h"

static struct tide_value
value_null(const struct tide_type *type)
{
    return (struct tide_value){.type = type, .null = true};
}

struct tide_value
tide_value_cell(const struct tide_type *type, const uint8_t *cell, const uint8_t *heap)
{
    struct tide_value value = {.type = type};
    struct tide_ref ref;
    if (tide_type_is_ref(type)) {
        memcpy(&ref, cell, sizeof(ref));
        if (tide_type_is_nested(type)) {
            value.nested = (struct tide_nested){heap + ref.at, heap};
        } else {
            value.bytes = (struct tide_bytes){heap + ref.at, ref.n};
        }
    } else if (tide_type_width(type) == 16) {
        memcpy(&value.i128, cell, sizeof(value.i128));
    } else {
        memcpy(&value.i64, cell, sizeof(value.i64));
        if (type->id == TIDE_TYPE_DECIMAL) {
            value.i128 = value.i64;
        }
    }
    return value;
}

struct tide_value
tide_value_row(const struct tide_schema *schema, const struct tide_batch *batch, const uint8_t *row,
               uint32_t field)
{
    const struct tide_type *type = &schema->fields[field].type;
    if (type->id == TIDE_TYPE_NULL || tide_row_is_null(row, field)) {
        return value_null(type);
    }
    return tide_value_cell(type, row + schema->at[field], batch->heap);
}

struct tide_value
tide_value_vec(const struct tide_vec *vec, uint32_t i)
{
    struct tide_value value = {.type = vec->type};
    uint32_t at = tide_vec_at(vec, i);
    if (vec->type->id == TIDE_TYPE_NULL || vec->nulls[at]) {
        return value_null(vec->type);
    }
    if (tide_type_is_nested(vec->type)) {
        value.nested = vec->nested[at];
    } else if (tide_type_is_bytes(vec->type)) {
        value.bytes = vec->bytes[at];
    } else if (vec->type->id == TIDE_TYPE_DECIMAL || vec->type->id == TIDE_TYPE_INTERVAL_CALENDAR) {
        value.i128 = vec->i128[at];
    } else {
        value.i64 = vec->i64[at];
    }
    return value;
}

struct tide_value
tide_array_at(const struct tide_type *type, struct tide_nested nested, uint32_t i)
{
    const struct tide_type *element = &type->children[0].type;
    struct tide_seq_layout layout = tide_seq_layout(type, tide_nested_count(nested));
    TIDE_ASSERT_SLOW(i < tide_nested_count(nested));
    if (tide_bit_get(nested.p + layout.nulls_at, i)) {
        return value_null(element);
    }
    return tide_value_cell(element, nested.p + layout.values_at + (size_t)i * layout.value_width,
                           nested.heap);
}

struct tide_value
tide_map_key_at(const struct tide_type *type, struct tide_nested nested, uint32_t i)
{
    struct tide_seq_layout layout = tide_seq_layout(type, tide_nested_count(nested));
    TIDE_ASSERT_SLOW(i < tide_nested_count(nested));
    return tide_value_cell(&type->children[0].type,
                           nested.p + layout.keys_at + (size_t)i * layout.key_width, nested.heap);
}

struct tide_value
tide_map_value_at(const struct tide_type *type, struct tide_nested nested, uint32_t i)
{
    const struct tide_type *value = &type->children[1].type;
    struct tide_seq_layout layout = tide_seq_layout(type, tide_nested_count(nested));
    TIDE_ASSERT_SLOW(i < tide_nested_count(nested));
    if (tide_bit_get(nested.p + layout.nulls_at, i)) {
        return value_null(value);
    }
    return tide_value_cell(value, nested.p + layout.values_at + (size_t)i * layout.value_width,
                           nested.heap);
}

struct tide_value
tide_struct_at(const struct tide_type *type, struct tide_nested nested, uint32_t i)
{
    const struct tide_type *field = &type->children[i].type;
    TIDE_ASSERT_SLOW(i < type->n_children);
    if (field->id == TIDE_TYPE_NULL || tide_bit_get(nested.p, i)) {
        return value_null(field);
    }
    return tide_value_cell(field, nested.p + tide_struct_field_at(type, i), nested.heap);
}

uint32_t
tide_nested_size(const struct tide_type *type, struct tide_nested nested)
{
    if (type->id == TIDE_TYPE_STRUCT) {
        return tide_struct_layout(type, NULL);
    }
    return tide_seq_layout(type, tide_nested_count(nested)).size;
}

static int
compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
    }
    return (a > b) - (a < b);
}

static int
compare_bytes(struct tide_bytes a, struct tide_bytes b)
{
    uint32_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int
compare_structs(const struct tide_value *a, const struct tide_value *b)
{
    int order = 0;
    for (uint32_t i = 0; order == 0 && i < a->type->n_children; i++) {
        struct tide_value x = tide_struct_at(a->type, a->nested, i);
        struct tide_value y = tide_struct_at(b->type, b->nested, i);
        order = tide_value_compare(&x, &y);
    }
    return order;
}

static int
compare_seqs(const struct tide_value *a, const struct tide_value *b)
{
    uint32_t n = tide_nested_count(a->nested);
    uint32_t m = tide_nested_count(b->nested);
    int order = 0;
    for (uint32_t i = 0; order == 0 && i < n && i < m; i++) {
        struct tide_value x, y;
        if (a->type->id == TIDE_TYPE_MAP) {
            x = tide_map_key_at(a->type, a->nested, i);
            y = tide_map_key_at(b->type, b->nested, i);
            order = tide_value_compare(&x, &y);
            if (order != 0) {
                break;
            }
            x = tide_map_value_at(a->type, a->nested, i);
            y = tide_map_value_at(b->type, b->nested, i);
        } else {
            x = tide_array_at(a->type, a->nested, i);
            y = tide_array_at(b->type, b->nested, i);
        }
        order = tide_value_compare(&x, &y);
    }
    return order != 0 ? order : (n > m) - (n < m);
}

int
tide_value_compare(const struct tide_value *a, const struct tide_value *b)
{
    TIDE_ASSERT_SLOW(a->type->id == b->type->id);
    if (a->null || b->null) {
        return (a->null ? 0 : 1) - (b->null ? 0 : 1);
    }
    switch (a->type->id) {
    case TIDE_TYPE_FLOAT:
    case TIDE_TYPE_DOUBLE:
        return compare_doubles(a->f64, b->f64);
    case TIDE_TYPE_DECIMAL:
    case TIDE_TYPE_INTERVAL_CALENDAR:
        return (a->i128 > b->i128) - (a->i128 < b->i128);
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        return compare_bytes(a->bytes, b->bytes);
    case TIDE_TYPE_STRUCT:
        return compare_structs(a, b);
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
        return compare_seqs(a, b);
    default:
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    }
}

bool
tide_value_equal(const struct tide_value *a, const struct tide_value *b)
{
    return tide_value_compare(a, b) == 0;
}

static uint64_t
hash_nested(const struct tide_value *value, uint64_t seed)
{
    bool is_struct = value->type->id == TIDE_TYPE_STRUCT;
    uint32_t n = is_struct ? value->type->n_children : tide_nested_count(value->nested);
    uint64_t hash = tide_hash64(&n, sizeof(n), seed);
    for (uint32_t i = 0; i < n; i++) {
        struct tide_value part;
        if (is_struct) {
            part = tide_struct_at(value->type, value->nested, i);
        } else if (value->type->id == TIDE_TYPE_ARRAY) {
            part = tide_array_at(value->type, value->nested, i);
        } else {
            part = tide_map_key_at(value->type, value->nested, i);
            hash = tide_value_hash(&part, hash);
            part = tide_map_value_at(value->type, value->nested, i);
        }
        hash = tide_value_hash(&part, hash);
    }
    return hash;
}

uint64_t
tide_value_hash(const struct tide_value *value, uint64_t seed)
{
    double canonical;
    if (value->null) {
        return tide_hash64(NULL, 0, seed + 1);
    }
    switch (value->type->id) {
    case TIDE_TYPE_FLOAT:
    case TIDE_TYPE_DOUBLE:
        canonical = isnan(value->f64) ? (double)NAN : value->f64 + 0.0;
        return tide_hash64(&canonical, sizeof(canonical), seed);
    case TIDE_TYPE_DECIMAL:
    case TIDE_TYPE_INTERVAL_CALENDAR:
        return tide_hash64(&value->i128, sizeof(value->i128), seed);
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        return tide_hash64(value->bytes.p, value->bytes.n, seed);
    case TIDE_TYPE_STRUCT:
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
        return hash_nested(value, seed);
    default:
        return tide_hash64(&value->i64, sizeof(value->i64), seed);
    }
}
