/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout of slots, structs, arrays and maps: the rules of <tidemark/row.h> as arithmetic.
 */
#include "data/layout.h"

#include "base/assert.h"
#include "data/type.h"
#include "data/value.h"

_Static_assert(sizeof(struct tide_rowhdr) == 32, "null words begin at a multiple of 16");
_Static_assert(sizeof(struct tide_ref) == 8, "a reference is one field");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blocks are little-endian");

uint32_t
tide_fields_layout(const struct tide_field *fields, uint32_t n, uint32_t nulls_at,
                   uint32_t *out_fields_at, uint32_t *out_at)
{
    uint32_t at = nulls_at + tide_null_bytes(n);
    for (uint32_t i = 0; i < n; i++) {
        if (tide_type_width(&fields[i].type) == 16) {
            at = tide_align16(at);
            break;
        }
    }
    *out_fields_at = at;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t width = tide_type_width(&fields[i].type);
        at = width == 16 ? tide_align16(at) : at;
        if (out_at != NULL) {
            out_at[i] = at;
        }
        at += width;
    }
    return at;
}

bool
tide_type_holds_refs(const struct tide_type *type)
{
    for (uint32_t i = 0; i < type->n_children; i++) {
        if (tide_type_is_ref(&type->children[i].type)) {
            return true;
        }
    }
    return false;
}

uint32_t
tide_struct_layout(const struct tide_type *type, uint32_t *out_at)
{
    uint32_t fields_at;
    return tide_fields_layout(type->children, type->n_children, 0, &fields_at, out_at);
}

uint32_t
tide_struct_field_at(const struct tide_type *type, uint32_t i)
{
    uint32_t at;
    tide_fields_layout(type->children, type->n_children, 0, &at, NULL);
    for (uint32_t f = 0; f < i; f++) {
        uint32_t width = tide_type_width(&type->children[f].type);
        at = (width == 16 ? tide_align16(at) : at) + width;
    }
    return tide_type_width(&type->children[i].type) == 16 ? tide_align16(at) : at;
}

struct tide_seq_layout
tide_seq_layout(const struct tide_type *type, uint32_t count)
{
    bool map = type->id == TIDE_TYPE_MAP;
    struct tide_seq_layout layout = {.nulls_at = 16};
    uint64_t at = 16 + (uint64_t)tide_null_bytes(count);
    layout.value_width = tide_type_width(&type->children[map ? 1 : 0].type);
    layout.key_width = map ? tide_type_width(&type->children[0].type) : 0;
    if (layout.value_width == 16 || layout.key_width == 16) {
        at = (at + 15) & ~(uint64_t)15;
    }
    layout.keys_at = (uint32_t)at;
    at += (uint64_t)count * layout.key_width;
    if (layout.value_width == 16) {
        at = (at + 15) & ~(uint64_t)15;
    }
    layout.values_at = (uint32_t)at;
    at += (uint64_t)count * layout.value_width;
    layout.size = at < UINT32_MAX ? (uint32_t)at : UINT32_MAX;
    return layout;
}
