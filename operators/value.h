/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values taken out of rows and of what lies in their columns, as vectors of one, so that the host
 * copies or prints them; and the names of types in messages.
 *
 * Everything here is a view of a batch and lives no longer than it. Threads: any.
 */
#ifndef TIDE_OPERATORS_VALUE_H
#define TIDE_OPERATORS_VALUE_H

#include <tidemark/expr.h>
#include <tidemark/row.h>

/* One value. `vec` points into the struct itself: not to be copied. */
struct tide_op_value {
    struct tide_vec vec;
    uint8_t null;
    union {
        int64_t i64;
        double f64;
        tide_i128 i128;
        struct tide_bytes bytes;
        struct tide_nested nested;
    } value;
};

/* The value of the 8 or 16 bytes at @cell, whose references count from @heap; @null: NULL, whatever
 * lies there (NULL is legal). @thread any */
void tide_op_value_set(struct tide_op_value *out, const struct tide_type *type, const uint8_t *cell,
                       const uint8_t *heap, bool null);

/* Column @field of row @row of @batch. @thread any */
void tide_op_value_row(struct tide_op_value *out, const struct tide_schema *schema,
                       const struct tide_batch *batch, const uint8_t *row, uint32_t field);

/* The parts of an ARRAY or MAP in its region (see <tidemark/row.h>). */
struct tide_op_sequence {
    uint32_t count;
    const uint8_t *nulls;  /* of the elements, or of the map's values */
    const uint8_t *keys;   /* MAP */
    const uint8_t *values; /* elements of an ARRAY, values of a MAP */
    uint32_t key_width, value_width;
    const uint8_t *heap;
};

/* Takes an ARRAY or MAP apart. @thread any */
void tide_op_sequence_of(const struct tide_type *type, struct tide_nested nested,
                         struct tide_op_sequence *out);

/* Whether element (or map value) @i is NULL. @thread any */
static inline bool
tide_op_sequence_null(const struct tide_op_sequence *sequence, uint32_t i)
{
    return (sequence->nulls[i >> 3] >> (i & 7)) & 1;
}

/* Whether values of the type lie in the heap, so that a row can be too large. @thread any */
static inline bool
tide_op_type_in_heap(const struct tide_type *type)
{
    return type->id == TIDE_TYPE_STRING || type->id == TIDE_TYPE_BINARY ||
           type->id >= TIDE_TYPE_ARRAY;
}

#define TIDE_OP_TYPE_TEXT 128u

/* The type as Spark's errors name it ("DECIMAL(10,2)", "ARRAY<INT>"), cut to TIDE_OP_TYPE_TEXT
 * bytes. Returns @out. @thread any */
const char *tide_op_type_text(const struct tide_type *type, char out[TIDE_OP_TYPE_TEXT]);

#endif
