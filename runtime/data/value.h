/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: one value taken out of a row, a vector or a nested value, and what is true of all values
 * of a type: order, hash, canonical key bytes; and the building of nested values.
 *
 * A struct tide_value is a view; what it points to belongs to the batch, vector or heap it came
 * from. All functions run on the thread that owns that memory.
 *
 * Invariants:
 *   1. Equality is Spark's: NaN = NaN, -0.0 = 0.0, NULL = NULL inside nested values; structs and
 *      arrays are ordered by their elements, NULL first. Spark does not order maps; here two of
 *      them compare entry by entry, in the order they are stored in.
 *   2. Key bytes of two rows are equal exactly when their values are equal and of the same type.
 */
#ifndef TIDE_DATA_VALUE_H
#define TIDE_DATA_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/expr.h>
#include <tidemark/row.h>

#include "data/type.h"

/* One value. Members by type as in struct tide_vec. */
struct tide_value {
    const struct tide_type *type;
    bool null;
    union {
        int64_t i64;
        double f64;
        tide_i128 i128; /* DECIMAL of any precision */
        struct tide_bytes bytes;
        struct tide_nested nested;
    };
};

/* ---- taking values out ---- */

/* The value of the 8 or 16 bytes at @cell, whose references count from @heap. @thread any */
struct tide_value tide_value_cell(const struct tide_type *type, const uint8_t *cell,
                                  const uint8_t *heap);

/* Field @field of row @row. @thread any */
struct tide_value tide_value_row(const struct tide_schema *schema, const struct tide_batch *batch,
                                 const uint8_t *row, uint32_t field);

/* Value @i of @vec. @thread any */
struct tide_value tide_value_vec(const struct tide_vec *vec, uint32_t i);

/* Elements of an ARRAY, entries of a MAP. @thread any */
static inline uint32_t
tide_nested_count(struct tide_nested nested)
{
    uint64_t count;
    memcpy(&count, nested.p, sizeof(count));
    return (uint32_t)count;
}

/* Element @i of an ARRAY whose type is @type. @thread any */
struct tide_value tide_array_at(const struct tide_type *type, struct tide_nested nested,
                                uint32_t i);

/* Key and value @i of a MAP whose type is @type. @thread any */
struct tide_value tide_map_key_at(const struct tide_type *type, struct tide_nested nested,
                                  uint32_t i);
struct tide_value tide_map_value_at(const struct tide_type *type, struct tide_nested nested,
                                    uint32_t i);

/* Field @i of a STRUCT whose type is @type; the cost rises with @i, see tide_struct_layout.
 * @thread any */
struct tide_value tide_struct_at(const struct tide_type *type, struct tide_nested nested,
                                 uint32_t i);

/* ---- layout ---- */

/* Bytes of a STRUCT's region; *out_at (NULL, or one entry a field) gets the offset of each field.
 * @thread any */
uint32_t tide_struct_layout(const struct tide_type *type, uint32_t *out_at);

/* Offset of field @i in a STRUCT's region; the cost rises with @i. @thread any */
uint32_t tide_struct_field_at(const struct tide_type *type, uint32_t i);

/* Where the parts of an ARRAY or MAP lie in its region. */
struct tide_seq_layout {
    uint32_t nulls_at;  /* of the elements, or of the map's values */
    uint32_t keys_at;   /* MAP */
    uint32_t values_at; /* elements of an ARRAY, values of a MAP */
    uint32_t key_width, value_width;
    uint32_t size; /* of the region; UINT32_MAX when it would not fit 32 bits */
};

/* Layout for @count elements or entries. @thread any */
struct tide_seq_layout tide_seq_layout(const struct tide_type *type, uint32_t count);

/* Bytes of the region of a nested value of @type. @thread any */
uint32_t tide_nested_size(const struct tide_type *type, struct tide_nested nested);

/* ---- building ---- */

/*
 * A value about to be stored: bytes and nested values already lie in the target heap and are given
 * by reference.
 */
struct tide_cell {
    bool null;
    union {
        int64_t i64;
        double f64;
        tide_i128 i128;
        struct tide_ref ref;
    };
};

/* Writes @cell as a value of @type at @out: 8 or 16 bytes, zeroes for NULL. @thread any */
void tide_cell_store(const struct tide_type *type, const struct tide_cell *cell, uint8_t *out);

/*
 * Puts a nested value into the writer's heap: STRUCT one cell a field, ARRAY @count cells. @cells
 * must not lie in that heap. False: writer full. @thread any
 */
bool tide_build_struct(struct tide_writer *writer, const struct tide_type *type,
                       const struct tide_cell *cells, struct tide_ref *out);
bool tide_build_array(struct tide_writer *writer, const struct tide_type *type,
                      const struct tide_cell *cells, uint32_t count, struct tide_ref *out);

/*
 * A region for @count elements or entries (STRUCT: 0) in the writer's heap, all zero and not NULL,
 * to be filled by tide_region_set(). False: writer full. @thread any
 */
bool tide_region_begin(struct tide_writer *writer, const struct tide_type *type, uint32_t count,
                       struct tide_ref *out);

/* Stores field, element or map value @i of the region at @region; a MAP's key by
 * tide_region_set_key(). @thread any */
void tide_region_set(struct tide_writer *writer, const struct tide_type *type,
                     struct tide_ref region, uint32_t i, const struct tide_cell *cell);
void tide_region_set_key(struct tide_writer *writer, const struct tide_type *type,
                         struct tide_ref region, uint32_t i, const struct tide_cell *cell);

/* MAP: cells alternate key, value; @count entries. False: writer full. @thread any */
bool tide_build_map(struct tide_writer *writer, const struct tide_type *type,
                    const struct tide_cell *cells, uint32_t count, struct tide_ref *out);

/* Deep-copies @value into the writer's heap as far as it is not plain. False: full. @thread any */
bool tide_build_copy(struct tide_writer *writer, const struct tide_value *value,
                     struct tide_cell *out);

/* Copies bytes into the writer's heap. False: writer full. @thread any */
bool tide_build_bytes(struct tide_writer *writer, struct tide_bytes bytes, struct tide_cell *out);

/* Stores @cell in a field of a slot, NULL bit included. @thread any */
void tide_slot_set_cell(const struct tide_schema *schema, uint8_t *slot, uint32_t field,
                        const struct tide_cell *cell);

/* ---- order, equality, hash ---- */

/* Negative, 0 or positive, as ORDER BY with NULLs first; same type on both sides. @thread any */
int tide_value_compare(const struct tide_value *a, const struct tide_value *b);

/* Whether the values are equal by invariant 1. @thread any */
bool tide_value_equal(const struct tide_value *a, const struct tide_value *b);

/* A hash: equal values, equal hashes. Not Spark's hash(), not to be kept on disk. @thread any */
uint64_t tide_value_hash(const struct tide_value *value, uint64_t seed);

/* ---- key bytes ---- */

/*
 * Canonical bytes of the values at @i of @vecs: equal values of equal types give equal bytes.
 * Writes at most @out_max bytes and returns the length needed. @thread any
 */
uint32_t tide_key_bytes(const struct tide_vec *const *vecs, uint32_t n, uint32_t i, uint8_t *out,
                        uint32_t out_max);

/* The same of values taken one by one. @thread any */
uint32_t tide_key_bytes_values(const struct tide_value *values, uint32_t n, uint8_t *out,
                               uint32_t out_max);

/*
 * The reverse: writes the columns of @key (made from values of the types of @fields) into fields
 * @fields[0..n-1] of a slot. *@out_ok is false when the bytes are no such key. False: writer full.
 * @thread any
 */
bool tide_key_restore(struct tide_writer *writer, uint8_t *slot, const uint32_t *fields, uint32_t n,
                      struct tide_bytes key, bool *out_ok);

#endif
