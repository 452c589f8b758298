/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draw: walks nested values by the layout of <tidemark/row.h> and leaves what has no parts to the
 * host's value_text.
 *
 * The depth of the walk is that of the type, which the planner bounds.
 */
#include "draw.h"

#include <string.h>

/* A value where it lies: its cell, and the heap that references count from. */
struct place {
    const struct tide_type *type;
    const uint8_t *cell; /* NULL: the value is NULL */
    const uint8_t *heap;
};

static void place_draw(struct tide_text *out, const struct place *place);

static uint32_t
type_width(const struct tide_type *type)
{
    bool wide = (type->id == TIDE_TYPE_DECIMAL && type->precision > 18) ||
                type->id == TIDE_TYPE_INTERVAL_CALENDAR;
    return wide ? 16 : 8;
}

static uint32_t
null_bytes(uint64_t n)
{
    return (uint32_t)((n + 63) / 64 * 8);
}

static uint32_t
align16(uint32_t at)
{
    return (at + 15) & ~15u;
}

static bool
bit(const uint8_t *bits, uint64_t i)
{
    return (bits[i >> 3] >> (i & 7)) & 1;
}

static const uint8_t *
region_of(const struct place *place)
{
    struct tide_ref ref;
    memcpy(&ref, place->cell, sizeof(ref));
    return place->heap + ref.at;
}

/* The host's text of a value without parts. */
static void
leaf_say(struct tide_text *out, const struct tide_vec *vec)
{
    char *room = tide_text_room(out, 64);
    uint32_t n;
    if (room == NULL) {
        return;
    }
    n = out->host->value_text(vec, 0, room, 64);
    if (n > 64) {
        room = tide_text_room(out, n);
        if (room == NULL) {
            return;
        }
        out->host->value_text(vec, 0, room, n);
    }
    out->n += n;
}

static void
leaf_draw(struct tide_text *out, const struct place *place)
{
    _Alignas(16) uint8_t cell[16] = {0};
    uint8_t null = 0;
    struct tide_bytes bytes;
    struct tide_vec vec = {.type = place->type, .n = 1, .no_nulls = true, .nulls = &null};
    vec.values = cell;
    memcpy(cell, place->cell, type_width(place->type));
    if (place->type->id == TIDE_TYPE_DECIMAL && type_width(place->type) == 8) {
        int64_t narrow;
        tide_i128 wide;
        memcpy(&narrow, cell, sizeof(narrow));
        wide = narrow;
        memcpy(cell, &wide, sizeof(wide));
    } else if (place->type->id == TIDE_TYPE_STRING) {
        struct tide_ref ref;
        memcpy(&ref, cell, sizeof(ref));
        bytes = (struct tide_bytes){place->heap + ref.at, ref.n};
        vec.bytes = &bytes;
    }
    leaf_say(out, &vec);
}

static void
bytes_draw(struct tide_text *out, const struct place *place)
{
    static const char digits[] = "0123456789ABCDEF";
    struct tide_ref ref;
    memcpy(&ref, place->cell, sizeof(ref));
    tide_text_say(out, "[");
    for (uint32_t i = 0; i < ref.n && !out->full; i++) {
        uint8_t byte = place->heap[ref.at + i];
        char pair[3] = {' ', digits[byte >> 4], digits[byte & 15]};
        tide_text_put(out, i == 0 ? pair + 1 : pair, i == 0 ? 2 : 3);
    }
    tide_text_say(out, "]");
}

static void
struct_draw(struct tide_text *out, const struct place *place)
{
    const uint8_t *region = region_of(place);
    uint32_t n = place->type->n_children, at = null_bytes(n);
    for (uint32_t i = 0; i < n; i++) {
        at = type_width(&place->type->children[i].type) == 16 ? align16(null_bytes(n)) : at;
    }
    tide_text_say(out, "{");
    for (uint32_t i = 0; i < n; i++) {
        const struct tide_type *type = &place->type->children[i].type;
        at = type_width(type) == 16 ? align16(at) : at;
        tide_text_say(out, i == 0 ? "" : ", ");
        place_draw(out, &(struct place){type, bit(region, i) ? NULL : region + at, place->heap});
        at += type_width(type);
    }
    tide_text_say(out, "}");
}

static void
array_draw(struct tide_text *out, const struct place *place)
{
    const struct tide_type *type = &place->type->children[0].type;
    const uint8_t *region = region_of(place), *cells;
    uint32_t width = type_width(type), at;
    uint64_t count;
    memcpy(&count, region, sizeof(count));
    at = 16 + null_bytes(count);
    cells = region + (width == 16 ? align16(at) : at);
    tide_text_say(out, "[");
    for (uint64_t i = 0; i < count && !out->full; i++) {
        tide_text_say(out, i == 0 ? "" : ", ");
        place_draw(out, &(struct place){type, bit(region + 16, i) ? NULL : cells + i * width,
                                        place->heap});
    }
    tide_text_say(out, "]");
}

static void
map_draw(struct tide_text *out, const struct place *place)
{
    const struct tide_type *key = &place->type->children[0].type;
    const struct tide_type *value = &place->type->children[1].type;
    const uint8_t *region = region_of(place), *keys, *values;
    uint32_t key_width = type_width(key), value_width = type_width(value), at;
    uint64_t count;
    memcpy(&count, region, sizeof(count));
    at = 16 + null_bytes(count);
    at = key_width == 16 || value_width == 16 ? align16(at) : at;
    keys = region + at;
    at += (uint32_t)count * key_width;
    values = region + (value_width == 16 ? align16(at) : at);
    tide_text_say(out, "{");
    for (uint64_t i = 0; i < count && !out->full; i++) {
        tide_text_say(out, i == 0 ? "" : ", ");
        place_draw(out, &(struct place){key, keys + i * key_width, place->heap});
        tide_text_say(out, " -> ");
        place_draw(out,
                   &(struct place){value, bit(region + 16, i) ? NULL : values + i * value_width,
                                   place->heap});
    }
    tide_text_say(out, "}");
}

static void
place_draw(struct tide_text *out, const struct place *place)
{
    if (place->cell == NULL || place->type->id == TIDE_TYPE_NULL) {
        tide_text_say(out, "NULL");
        return;
    }
    switch (place->type->id) {
    case TIDE_TYPE_BINARY:
        bytes_draw(out, place);
        break;
    case TIDE_TYPE_STRUCT:
        struct_draw(out, place);
        break;
    case TIDE_TYPE_ARRAY:
        array_draw(out, place);
        break;
    case TIDE_TYPE_MAP:
        map_draw(out, place);
        break;
    default:
        leaf_draw(out, place);
        break;
    }
}

void
tide_draw_field(struct tide_text *out, const struct tide_schema *schema,
                const struct tide_batch *batch, const uint8_t *row, uint32_t field)
{
    const struct place place = {
        &schema->fields[field].type,
        tide_row_is_null(row, field) ? NULL : row + schema->at[field],
        batch->heap,
    };
    place_draw(out, &place);
}
