/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of bytes that came from outside: a checkpoint, a plugin, a ring in debug builds.
 *
 * Every reference is followed once for each place that holds it. Because hostile references may
 * share regions, and so stand for exponentially many values, the bytes visited are bounded by a
 * multiple of the heap.
 */
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "data/batch.h"
#include "data/layout.h"
#include "data/value.h"

/* How often the regions of a heap may be referred to on average: operators may copy a reference
 * from column to column, but nobody does so this often. */
#define SHARING_MAX 64u

struct check {
    const uint8_t *heap;
    uint32_t heap_len;
    uint64_t budget; /* bytes of regions that may still be visited */
    struct tide_error *err;
};

static int check_values(struct check *check, const struct tide_type *type, const uint8_t *region,
                        uint32_t at, uint32_t count, const uint8_t *nulls);

static int
corrupt(struct check *check, const char *what)
{
    return tide_error_set(check->err, TIDE_ERR_CORRUPT, "damaged batch: %s", what);
}

static int
check_struct(struct check *check, const struct tide_type *type, struct tide_ref ref)
{
    const uint8_t *region = check->heap + ref.at;
    uint32_t at;
    int rc = 0;
    if (ref.n < tide_struct_layout(type, NULL)) {
        return corrupt(check, "a struct is cut short");
    }
    tide_fields_layout(type->children, type->n_children, 0, &at, NULL);
    for (uint32_t i = 0; rc == 0 && i < type->n_children; i++) {
        const struct tide_type *child = &type->children[i].type;
        uint32_t width = tide_type_width(child);
        at = width == 16 ? tide_align16(at) : at;
        if (!tide_bit_get(region, i)) {
            rc = check_values(check, child, region, at, 1, NULL);
        }
        at += width;
    }
    return rc;
}

static int
check_seq(struct check *check, const struct tide_type *type, struct tide_ref ref)
{
    const uint8_t *region = check->heap + ref.at;
    struct tide_seq_layout layout;
    uint64_t count;
    int rc = 0;
    if (ref.n < 16) {
        return corrupt(check, "an array or map is cut short");
    }
    memcpy(&count, region, sizeof(count));
    if (count > ref.n) {
        return corrupt(check, "an array or map counts more elements than it has bytes");
    }
    layout = tide_seq_layout(type, (uint32_t)count);
    if (ref.n < layout.size) {
        return corrupt(check, "an array or map is cut short");
    }
    if (type->id == TIDE_TYPE_MAP) {
        rc = check_values(check, &type->children[0].type, region, layout.keys_at, (uint32_t)count,
                          NULL);
    }
    return rc < 0 ? rc
                  : check_values(check, &type->children[type->n_children - 1].type, region,
                                 layout.values_at, (uint32_t)count, region + layout.nulls_at);
}

/* One reference that is not NULL. Recursion ends at the depth of the type. */
static int
check_ref(struct check *check, const struct tide_type *type, struct tide_ref ref)
{
    if (ref.at > check->heap_len || ref.n > check->heap_len - ref.at) {
        return corrupt(check, "a reference leaves the heap");
    }
    if (tide_type_is_bytes(type)) {
        return 0;
    }
    if (ref.at % 16 != 0) {
        return corrupt(check, "a nested value is not aligned");
    }
    if (check->budget < (uint64_t)ref.n + 8) {
        return corrupt(check, "nested values are shared too often");
    }
    check->budget -= (uint64_t)ref.n + 8;
    return type->id == TIDE_TYPE_STRUCT ? check_struct(check, type, ref)
                                        : check_seq(check, type, ref);
}

/* @count values of @type at @at of @region; @nulls (NULL: none) says which to leave out. */
static int
check_values(struct check *check, const struct tide_type *type, const uint8_t *region, uint32_t at,
             uint32_t count, const uint8_t *nulls)
{
    int rc = 0;
    if (!tide_type_is_ref(type)) {
        return 0;
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct tide_ref ref;
        if (nulls == NULL || !tide_bit_get(nulls, i)) {
            memcpy(&ref, region + at + (size_t)i * 8, sizeof(ref));
            rc = check_ref(check, type, ref);
        }
    }
    return rc;
}

int
tide_batch_check(const struct tide_schema *schema, const struct tide_batch *batch,
                 struct tide_error *err)
{
    struct check check = {.heap = batch->heap, .heap_len = batch->heap_len, .err = err};
    int rc = 0;
    if (batch->schema != schema->id || batch->stride != schema->stride) {
        return corrupt(&check, "it has another schema");
    }
    if ((uintptr_t)batch->slots % 16 != 0 || (uintptr_t)batch->heap % 16 != 0) {
        return corrupt(&check, "it is not aligned");
    }
    check.budget = ((uint64_t)batch->heap_len + 16) * SHARING_MAX;
    for (uint32_t i = 0; rc == 0 && i < batch->n; i++) {
        const uint8_t *row = tide_batch_row(batch, i);
        for (uint32_t f = 0; rc == 0 && f < schema->n + schema->n_hidden; f++) {
            if (!tide_row_is_null(row, f)) {
                rc = check_values(&check, &schema->fields[f].type, row, schema->at[f], 1, NULL);
            }
        }
    }
    return rc;
}

int
tide_batch_check_block(const struct tide_schema *schema, const void *mem, uint32_t len,
                       struct tide_batch *out, struct tide_error *err)
{
    const struct tide_batch_head *head = mem;
    struct check check = {.err = err};
    struct tide_batch batch;
    uint64_t slots_end;
    int rc;
    TIDE_ASSERT((uintptr_t)mem % 16 == 0);
    if (len < sizeof(*head) || head->magic != TIDE_BLOCK_MAGIC) {
        return corrupt(&check, "it does not begin like a block");
    }
    slots_end = sizeof(*head) + (uint64_t)head->n * head->stride;
    if (head->size > len || head->size % 16 != 0 || head->heap_at % 16 != 0 ||
        head->heap_at < slots_end ||
        (uint64_t)head->heap_at + head->heap_len + TIDE_HEAP_PAD > head->size) {
        return corrupt(&check, "its parts do not fit its size");
    }
    batch = tide_batch_view(mem);
    rc = tide_batch_check(schema, &batch, err);
    if (rc == 0) {
        *out = batch;
    }
    return rc;
}
