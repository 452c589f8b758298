/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building nested values in a writer's heap: a region is made with its final size and filled field
 * by field. The heap may move with every allocation, so that nothing here keeps an address.
 */
#include <string.h>

#include "base/assert.h"
#include "data/layout.h"
#include "data/value.h"

void
tide_cell_store(const struct tide_type *type, const struct tide_cell *cell, uint8_t *out)
{
    if (cell->null) {
        memset(out, 0, tide_type_width(type));
    } else if (tide_type_is_ref(type)) {
        memcpy(out, &cell->ref, sizeof(cell->ref));
    } else if (tide_type_width(type) == 16) {
        memcpy(out, &cell->i128, sizeof(cell->i128));
    } else {
        /* A short DECIMAL's i128 has its value in the low half, where i64 lies. */
        memcpy(out, &cell->i64, sizeof(cell->i64));
    }
}

bool
tide_region_begin(struct tide_writer *writer, const struct tide_type *type, uint32_t count,
                  struct tide_ref *out)
{
    uint32_t size = type->id == TIDE_TYPE_STRUCT ? tide_struct_layout(type, NULL)
                                                 : tide_seq_layout(type, count).size;
    uint64_t n = count;
    uint32_t at;
    uint8_t *region;
    if (size == UINT32_MAX) {
        return false;
    }
    region = tide_writer_heap(writer, size, 16, &at);
    if (region == NULL) {
        return false;
    }
    memset(region, 0, size);
    if (type->id != TIDE_TYPE_STRUCT) {
        memcpy(region, &n, sizeof(n));
    }
    *out = (struct tide_ref){at, size};
    return true;
}

/* Stores fields one by one; @fields_at is the offset of the first. */
static void
store_fields(uint8_t *region, const struct tide_type *type, const struct tide_cell *cells)
{
    uint32_t at;
    tide_fields_layout(type->children, type->n_children, 0, &at, NULL);
    for (uint32_t i = 0; i < type->n_children; i++) {
        const struct tide_type *field = &type->children[i].type;
        uint32_t width = tide_type_width(field);
        at = width == 16 ? tide_align16(at) : at;
        tide_cell_store(field, &cells[i], region + at);
        if (cells[i].null) {
            tide_bit_set(region, i);
        }
        at += width;
    }
}

void
tide_region_set(struct tide_writer *writer, const struct tide_type *type, struct tide_ref region,
                uint32_t i, const struct tide_cell *cell)
{
    uint8_t *p = writer->heap + region.at;
    const struct tide_type *child;
    uint32_t nulls_at = 0;
    uint32_t at;
    if (type->id == TIDE_TYPE_STRUCT) {
        child = &type->children[i].type;
        at = tide_struct_field_at(type, i);
    } else {
        struct tide_seq_layout layout =
            tide_seq_layout(type, tide_nested_count((struct tide_nested){p, p}));
        child = &type->children[type->n_children - 1].type;
        nulls_at = layout.nulls_at;
        at = layout.values_at + i * layout.value_width;
    }
    TIDE_ASSERT_SLOW(at < region.n);
    tide_cell_store(child, cell, p + at);
    if (cell->null) {
        tide_bit_set(p + nulls_at, i);
    }
}

void
tide_region_set_key(struct tide_writer *writer, const struct tide_type *type,
                    struct tide_ref region, uint32_t i, const struct tide_cell *cell)
{
    uint8_t *p = writer->heap + region.at;
    struct tide_seq_layout layout =
        tide_seq_layout(type, tide_nested_count((struct tide_nested){p, p}));
    TIDE_ASSERT(!cell->null);
    tide_cell_store(&type->children[0].type, cell, p + layout.keys_at + i * layout.key_width);
}

bool
tide_build_struct(struct tide_writer *writer, const struct tide_type *type,
                  const struct tide_cell *cells, struct tide_ref *out)
{
    if (!tide_region_begin(writer, type, 0, out)) {
        return false;
    }
    store_fields(writer->heap + out->at, type, cells);
    return true;
}

bool
tide_build_array(struct tide_writer *writer, const struct tide_type *type,
                 const struct tide_cell *cells, uint32_t count, struct tide_ref *out)
{
    struct tide_seq_layout layout = tide_seq_layout(type, count);
    uint8_t *region;
    if (!tide_region_begin(writer, type, count, out)) {
        return false;
    }
    region = writer->heap + out->at;
    for (uint32_t i = 0; i < count; i++) {
        tide_cell_store(&type->children[0].type, &cells[i],
                        region + layout.values_at + (size_t)i * layout.value_width);
        if (cells[i].null) {
            tide_bit_set(region + layout.nulls_at, i);
        }
    }
    return true;
}

bool
tide_build_map(struct tide_writer *writer, const struct tide_type *type,
               const struct tide_cell *cells, uint32_t count, struct tide_ref *out)
{
    struct tide_seq_layout layout = tide_seq_layout(type, count);
    uint8_t *region;
    if (!tide_region_begin(writer, type, count, out)) {
        return false;
    }
    region = writer->heap + out->at;
    for (uint32_t i = 0; i < count; i++) {
        const struct tide_cell *key = &cells[(size_t)i * 2];
        const struct tide_cell *value = key + 1;
        TIDE_ASSERT(!key->null);
        tide_cell_store(&type->children[0].type, key,
                        region + layout.keys_at + (size_t)i * layout.key_width);
        tide_cell_store(&type->children[1].type, value,
                        region + layout.values_at + (size_t)i * layout.value_width);
        if (value->null) {
            tide_bit_set(region + layout.nulls_at, i);
        }
    }
    return true;
}

bool
tide_build_bytes(struct tide_writer *writer, struct tide_bytes bytes, struct tide_cell *out)
{
    uint32_t at;
    uint8_t *p = tide_writer_heap(writer, bytes.n, 1, &at);
    if (p == NULL) {
        return false;
    }
    if (bytes.n > 0) {
        memcpy(p, bytes.p, bytes.n);
    }
    *out = (struct tide_cell){.ref = {at, bytes.n}};
    return true;
}

void
tide_slot_set_cell(const struct tide_schema *schema, uint8_t *slot, uint32_t field,
                   const struct tide_cell *cell)
{
    tide_cell_store(&schema->fields[field].type, cell, slot + schema->at[field]);
    if (cell->null) {
        tide_slot_set_null(slot, field);
    }
}
