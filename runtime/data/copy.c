/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies between heaps: values, rows, runs of rows.
 *
 * A reference counts from the start of its own heap, so that a copied nested value gets all the
 * references inside it written anew. A heap is only appended in one piece when no column holds
 * references inside its values: two references may share a region, and such a region must not be
 * rewritten twice.
 */
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "data/batch.h"
#include "data/layout.h"
#include "data/value.h"

static bool copy_nested(struct tide_writer *writer, const struct tide_type *type,
                        struct tide_ref src, const uint8_t *src_heap, struct tide_ref *out);

/* Bytes or a nested value from one heap to another. */
static bool
copy_ref(struct tide_writer *writer, const struct tide_type *type, struct tide_ref src,
         const uint8_t *src_heap, struct tide_ref *out)
{
    uint32_t at;
    uint8_t *p;
    if (tide_type_is_nested(type)) {
        return copy_nested(writer, type, src, src_heap, out);
    }
    p = tide_writer_heap(writer, src.n, 1, &at);
    if (p == NULL) {
        return false;
    }
    if (src.n > 0) {
        memcpy(p, src_heap + src.at, src.n);
    }
    *out = (struct tide_ref){at, src.n};
    return true;
}

/* Where a run of like values lies in a region, and which of them are NULL. */
struct run {
    uint32_t at;    /* of value 0, in the region */
    uint32_t count; /* values, 8 bytes apart as all references are */
    int64_t nulls;  /* offset of their null words in the region; -1: none is NULL */
};

/* Copies what the references of @run point to; @at is the region's copy in the writer's heap. */
static bool
copy_run(struct tide_writer *writer, const struct tide_type *type, const uint8_t *src,
         const uint8_t *src_heap, uint32_t at, struct run run)
{
    for (uint32_t i = 0; i < run.count; i++) {
        struct tide_ref from, to;
        if (run.nulls >= 0 && tide_bit_get(src + run.nulls, i)) {
            continue;
        }
        memcpy(&from, src + run.at + (size_t)i * 8, sizeof(from));
        if (!copy_ref(writer, type, from, src_heap, &to)) {
            return false;
        }
        /* The heap may have moved: only now take its address. */
        memcpy(writer->heap + at + run.at + (size_t)i * 8, &to, sizeof(to));
    }
    return true;
}

static bool
copy_struct_refs(struct tide_writer *writer, const struct tide_type *type, const uint8_t *src,
                 const uint8_t *src_heap, uint32_t at)
{
    uint32_t field_at;
    tide_fields_layout(type->children, type->n_children, 0, &field_at, NULL);
    for (uint32_t i = 0; i < type->n_children; i++) {
        const struct tide_type *child = &type->children[i].type;
        uint32_t width = tide_type_width(child);
        field_at = width == 16 ? tide_align16(field_at) : field_at;
        if (tide_type_is_ref(child) && !tide_bit_get(src, i)) {
            struct run run = {.at = field_at, .count = 1, .nulls = -1};
            if (!copy_run(writer, child, src, src_heap, at, run)) {
                return false;
            }
        }
        field_at += width;
    }
    return true;
}

static bool
copy_seq_refs(struct tide_writer *writer, const struct tide_type *type, const uint8_t *src,
              const uint8_t *src_heap, uint32_t at)
{
    uint32_t count = tide_nested_count((struct tide_nested){src, src_heap});
    struct tide_seq_layout layout = tide_seq_layout(type, count);
    const struct tide_type *last = &type->children[type->n_children - 1].type;
    if (type->id == TIDE_TYPE_MAP && tide_type_is_ref(&type->children[0].type)) {
        struct run keys = {.at = layout.keys_at, .count = count, .nulls = -1};
        if (!copy_run(writer, &type->children[0].type, src, src_heap, at, keys)) {
            return false;
        }
    }
    if (tide_type_is_ref(last)) {
        struct run values = {.at = layout.values_at, .count = count, .nulls = layout.nulls_at};
        return copy_run(writer, last, src, src_heap, at, values);
    }
    return true;
}

/* Recursion ends at the depth of the type, at most TIDE_LIMIT_TYPE_DEPTH. */
static bool
copy_nested(struct tide_writer *writer, const struct tide_type *type, struct tide_ref src,
            const uint8_t *src_heap, struct tide_ref *out)
{
    uint32_t at;
    uint8_t *p = tide_writer_heap(writer, src.n, 16, &at);
    bool done = true;
    if (p == NULL) {
        return false;
    }
    if (src.n > 0) {
        memcpy(p, src_heap + src.at, src.n);
    }
    if (tide_type_holds_refs(type)) {
        done = type->id == TIDE_TYPE_STRUCT
                   ? copy_struct_refs(writer, type, src_heap + src.at, src_heap, at)
                   : copy_seq_refs(writer, type, src_heap + src.at, src_heap, at);
    }
    *out = (struct tide_ref){at, src.n};
    return done;
}

bool
tide_cell_copy(struct tide_writer *writer, const struct tide_type *type, const uint8_t *src,
               const uint8_t *src_heap, uint8_t *dst)
{
    struct tide_ref from, to;
    if (!tide_type_is_ref(type)) {
        memcpy(dst, src, tide_type_width(type));
        return true;
    }
    memcpy(&from, src, sizeof(from));
    if (!copy_ref(writer, type, from, src_heap, &to)) {
        return false;
    }
    memcpy(dst, &to, sizeof(to));
    return true;
}

bool
tide_row_copy_fields(struct tide_writer *writer, uint8_t *slot, uint32_t to,
                     const struct tide_row_source *source, uint32_t from, uint32_t n)
{
    const struct tide_schema *schema = source->schema;
    for (uint32_t i = 0; i < n; i++) {
        if (tide_row_is_null(source->row, from + i)) {
            tide_slot_set_null(slot, to + i);
        } else if (!tide_cell_copy(writer, &schema->fields[from + i].type,
                                   source->row + schema->at[from + i], source->heap,
                                   slot + writer->schema->at[to + i])) {
            return false;
        }
    }
    return true;
}

bool
tide_row_copy(struct tide_writer *writer, uint8_t *slot, const struct tide_schema *schema,
              const struct tide_batch *batch, uint32_t i)
{
    const uint8_t *row = tide_batch_row(batch, i);
    TIDE_ASSERT_SLOW(writer->schema->stride == schema->stride);
    memcpy(slot, row, schema->stride);
    for (uint32_t f = 0; f < schema->n + schema->n_hidden; f++) {
        const struct tide_type *type = &schema->fields[f].type;
        if (tide_type_is_ref(type) && !tide_row_is_null(row, f) &&
            !tide_cell_copy(writer, type, row + schema->at[f], batch->heap, slot + schema->at[f])) {
            return false;
        }
    }
    return true;
}

/* Whether the heap of rows of @schema may be appended in one piece. */
static bool
is_flat(const struct tide_schema *schema)
{
    for (uint32_t i = 0; i < schema->n + schema->n_hidden; i++) {
        const struct tide_type *type = &schema->fields[i].type;
        if (tide_type_is_nested(type) && tide_type_holds_refs(type)) {
            return false;
        }
    }
    return true;
}

/* Moves the references of @n slots by @by. */
static void
move_refs(const struct tide_schema *schema, uint8_t *slots, uint32_t n, uint32_t by)
{
    for (uint32_t f = 0; f < schema->n + schema->n_hidden; f++) {
        if (!tide_type_is_ref(&schema->fields[f].type)) {
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            uint8_t *slot = slots + (size_t)i * schema->stride;
            struct tide_ref ref;
            if (!tide_row_is_null(slot, f)) {
                memcpy(&ref, slot + schema->at[f], sizeof(ref));
                ref.at += by;
                memcpy(slot + schema->at[f], &ref, sizeof(ref));
            }
        }
    }
}

/* The whole batch in two copies; false when it does not fit. */
static bool
copy_whole(struct tide_writer *writer, const struct tide_schema *schema,
           const struct tide_batch *batch)
{
    uint8_t *slots = writer->slots + (size_t)writer->n * schema->stride;
    uint32_t at = 0;
    if (writer->n_max - writer->n < batch->n) {
        return false;
    }
    writer->heap_len = writer->heap_mark;
    if (batch->heap_len > 0) {
        uint8_t *heap = tide_writer_heap(writer, batch->heap_len, 16, &at);
        if (heap == NULL) {
            return false;
        }
        memcpy(heap, batch->heap, batch->heap_len);
    }
    memcpy(slots, batch->slots, (size_t)batch->n * schema->stride);
    move_refs(schema, slots, batch->n, at);
    writer->n += batch->n;
    writer->heap_mark = writer->heap_len;
    return true;
}

uint32_t
tide_batch_copy(struct tide_writer *writer, const struct tide_schema *schema,
                const struct tide_batch *batch, uint32_t first, uint32_t n)
{
    TIDE_ASSERT((uint64_t)first + n <= batch->n);
    if (n > 1 && n == batch->n && is_flat(schema) && copy_whole(writer, schema, batch)) {
        return n;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *slot = tide_writer_row(writer);
        if (slot == NULL || !tide_row_copy(writer, slot, schema, batch, first + i)) {
            return i;
        }
        tide_writer_commit(writer);
    }
    return n;
}

bool
tide_vec_copy(struct tide_writer *writer, uint8_t *slot, uint32_t field, const struct tide_vec *vec,
              uint32_t i)
{
    struct tide_value value = tide_value_vec(vec, i);
    struct tide_cell cell;
    if (!tide_build_copy(writer, &value, &cell)) {
        return false;
    }
    tide_slot_set_cell(writer->schema, slot, field, &cell);
    return true;
}

bool
tide_build_copy(struct tide_writer *writer, const struct tide_value *value, struct tide_cell *out)
{
    struct tide_cell cell = {.null = value->null};
    if (value->null) {
        *out = cell;
        return true;
    }
    if (tide_type_is_nested(value->type)) {
        struct tide_ref src = {0, tide_nested_size(value->type, value->nested)};
        src.at = (uint32_t)(value->nested.p - value->nested.heap);
        if (!copy_nested(writer, value->type, src, value->nested.heap, &cell.ref)) {
            return false;
        }
    } else if (tide_type_is_bytes(value->type)) {
        return tide_build_bytes(writer, value->bytes, out);
    } else if (value->type->id == TIDE_TYPE_DECIMAL) {
        cell.i128 = value->i128;
    } else {
        cell.i64 = value->i64;
    }
    *out = cell;
    return true;
}
