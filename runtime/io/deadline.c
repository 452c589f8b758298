/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary heap whose elements know their slot and whose slots know their element.
 *
 * Invariants: heap[i] is not before its parent heap[(i - 1) / 2]; slots[heap[i].slot].at == i; an
 * id is generation << 32 | slot, so the id of a gone deadline never names a later one (until 2^32
 * reuses of a slot). Threads: one at a time.
 */
#include "io/deadline.h"

#include <tidemark/error.h>

#include "base/assert.h"
#include "base/limits.h"

#define CAP_FIRST 16u

void
tide_deadlines_init(struct tide_deadlines *set, const struct tide_seam *seam)
{
    *set = (struct tide_deadlines){.seam = seam};
}

void
tide_deadlines_fini(struct tide_deadlines *set)
{
    if (set->seam != NULL) {
        tide_free(set->seam, set->heap);
        tide_free(set->seam, set->slots);
    }
    *set = (struct tide_deadlines){.seam = set->seam};
}

static bool
before(const struct tide_deadline *a, const struct tide_deadline *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
put(struct tide_deadlines *set, uint32_t at, const struct tide_deadline *deadline)
{
    set->heap[at] = *deadline;
    set->slots[deadline->slot].at = at;
}

/* Finds the place of @deadline from the hole at @at upwards, then downwards. */
static void
settle(struct tide_deadlines *set, uint32_t at, struct tide_deadline deadline)
{
    while (at > 0 && before(&deadline, &set->heap[(at - 1) / 2])) {
        put(set, at, &set->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (uint32_t child = 2 * at + 1; child < set->n; child = 2 * at + 1) {
        if (child + 1 < set->n && before(&set->heap[child + 1], &set->heap[child])) {
            child++;
        }
        if (!before(&set->heap[child], &deadline)) {
            break;
        }
        put(set, at, &set->heap[child]);
        at = child;
    }
    put(set, at, &deadline);
}

static int
grow(struct tide_deadlines *set)
{
    uint32_t cap = set->cap > 0 ? set->cap * 2 : CAP_FIRST;
    void *heap = tide_resize(set->seam, set->heap, cap * sizeof(*set->heap));
    if (heap == NULL) {
        return TIDE_ERR_NOMEM;
    }
    set->heap = heap;
    void *slots = tide_resize(set->seam, set->slots, cap * sizeof(*set->slots));
    if (slots == NULL) {
        return TIDE_ERR_NOMEM;
    }
    set->slots = slots;
    set->cap = cap;
    return 0;
}

static uint32_t
slot_take(struct tide_deadlines *set)
{
    uint32_t slot = set->free_first;
    if (slot == set->used) {
        set->slots[slot] = (struct tide_deadline_slot){.generation = 1};
        set->used++;
        set->free_first = set->used;
    } else {
        set->free_first = set->slots[slot].at;
    }
    return slot;
}

int
tide_deadlines_add(struct tide_deadlines *set, uint64_t at_ns, uint64_t tag, uint64_t *out_id)
{
    if (set->n == TIDE_LIMIT_TIMERS) {
        return TIDE_ERR_LIMIT;
    }
    int rc = set->n == set->cap ? grow(set) : 0;
    if (rc != 0) {
        return rc;
    }
    uint32_t slot = slot_take(set);
    set->n++;
    settle(set, set->n - 1,
           (struct tide_deadline){.at_ns = at_ns, .order = set->order++, .tag = tag, .slot = slot});
    *out_id = (uint64_t)set->slots[slot].generation << 32 | slot;
    return 0;
}

static void
remove_at(struct tide_deadlines *set, uint32_t at)
{
    TIDE_ASSERT(at < set->n);
    uint32_t slot = set->heap[at].slot;
    set->slots[slot].generation++;
    set->slots[slot].at = set->free_first;
    set->free_first = slot;
    set->n--;
    if (at < set->n) {
        settle(set, at, set->heap[set->n]);
    }
}

void
tide_deadlines_clear(struct tide_deadlines *set, uint64_t id)
{
    uint32_t slot = (uint32_t)id;
    if (slot < set->used && set->slots[slot].generation == (uint32_t)(id >> 32)) {
        remove_at(set, set->slots[slot].at);
    }
}

uint64_t
tide_deadlines_first(const struct tide_deadlines *set)
{
    return set->n > 0 ? set->heap[0].at_ns : UINT64_MAX;
}

bool
tide_deadlines_take(struct tide_deadlines *set, uint64_t now_ns, uint64_t *out_tag)
{
    if (set->n == 0 || set->heap[0].at_ns > now_ns) {
        return false;
    }
    *out_tag = set->heap[0].tag;
    remove_at(set, 0);
    return true;
}
