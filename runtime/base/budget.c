/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budget: reserves are charged to the budget when a child is added; a child's use up to its reserve
 * is free of further charge, what goes beyond is taken from the common part.
 *
 * A claim first takes the excess from the common part and then moves the child's own figure with
 * one compare-and-swap from the value the excess was computed from; if the child has moved
 * meanwhile, the excess is given back and computed anew. So the charges of the common part always
 * are the sum of what the children use beyond their reserves, plus what claims under way hold for a
 * moment: a claim may be refused a little early, never granted too much.
 *
 * Threads: any for claim and release. All accesses are relaxed: figures only; what is in a chunk is
 * handed from thread to thread by whoever hands over the pointer.
 */
#include "base/budget.h"

#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

#define CHUNK_MAGIC 0x6b63u
#define CHUNK_BYTES_MAX ((UINT64_C(1) << 48) - 1)

struct tide_budget_child {
    struct tide_budget *budget;
    struct tide_budget_child *next;
    uint64_t reserved;
    uint64_t limit;
    _Atomic(uint64_t) used;
    _Atomic(uint64_t) peak;
    _Atomic(uint64_t) refused;
    char name[]; /* zero-terminated */
};

struct tide_budget {
    const struct tide_seam *seam;
    struct tide_budget_child *first;
    struct tide_budget_child *last;
    uint64_t limit;
    uint64_t reserved;        /* by all children */
    _Atomic(uint64_t) beyond; /* what all children use beyond their reserves */
    _Atomic(uint64_t) used;
    _Atomic(uint64_t) peak;
    _Atomic(uint64_t) refused;
};

/* In front of each chunk's bytes. */
struct chunk {
    struct tide_budget_child *child;
    uint64_t bytes : 48; /* what was asked for */
    uint64_t magic : 16;
};

_Static_assert(sizeof(struct chunk) == 16, "chunks are aligned to 16");

int
tide_budget_create(const struct tide_seam *seam, uint64_t limit, struct tide_budget **out_budget,
                   struct tide_error *err)
{
    struct tide_budget *budget = tide_alloc(seam, sizeof(*budget));
    if (budget == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the budget's figures");
    }
    budget->seam = seam;
    budget->limit = limit;
    *out_budget = budget;
    return TIDE_OK;
}

void
tide_budget_destroy(struct tide_budget *budget)
{
    if (budget == NULL) {
        return;
    }
    struct tide_budget_child *child = budget->first;
    while (child != NULL) {
        struct tide_budget_child *next = child->next;
        uint64_t used = atomic_load_explicit(&child->used, memory_order_relaxed);
        TIDE_ASSERT(used == 0);
        tide_free(budget->seam, child);
        child = next;
    }
    tide_free(budget->seam, budget);
}

int
tide_budget_child_add(struct tide_budget *budget, const char *name, uint64_t reserved,
                      uint64_t limit, struct tide_budget_child **out_child, struct tide_error *err)
{
    uint64_t left = budget->limit - budget->reserved;
    if (reserved > left) {
        return tide_error_set(err, TIDE_ERR_LIMIT,
                              "cannot reserve %llu bytes for %s: %llu of the budget of %llu bytes "
                              "are left; give the pipeline more memory or fewer edges",
                              (unsigned long long)reserved, name, (unsigned long long)left,
                              (unsigned long long)budget->limit);
    }
    size_t name_size = strlen(name) + 1;
    struct tide_budget_child *child = tide_alloc(budget->seam, sizeof(*child) + name_size);
    if (child == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the figures of %s", name);
    }
    child->budget = budget;
    child->reserved = reserved;
    child->limit = limit == 0 ? UINT64_MAX : limit;
    memcpy(child->name, name, name_size);
    if (budget->last == NULL) {
        budget->first = child;
    } else {
        budget->last->next = child;
    }
    budget->last = child;
    budget->reserved += reserved;
    *out_child = child;
    return TIDE_OK;
}

static void
peak_raise(_Atomic(uint64_t) *peak, uint64_t value)
{
    uint64_t now = atomic_load_explicit(peak, memory_order_relaxed);
    while (now < value) {
        if (atomic_compare_exchange_weak_explicit(peak, &now, value, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return;
        }
    }
}

static uint64_t
child_excess(const struct tide_budget_child *child, uint64_t used)
{
    return used > child->reserved ? used - child->reserved : 0;
}

/* Takes @bytes of the common part, or nothing. */
static bool
common_take(struct tide_budget *budget, uint64_t bytes)
{
    uint64_t common = budget->limit - budget->reserved;
    uint64_t beyond = atomic_load_explicit(&budget->beyond, memory_order_relaxed);
    do {
        if (beyond > common || bytes > common - beyond) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->beyond, &beyond, beyond + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void
common_give(struct tide_budget *budget, uint64_t bytes)
{
    uint64_t before = atomic_fetch_sub_explicit(&budget->beyond, bytes, memory_order_relaxed);
    TIDE_ASSERT(before >= bytes);
}

/* The claim without its statistics. */
static bool
child_take(struct tide_budget_child *child, uint64_t bytes)
{
    uint64_t used = atomic_load_explicit(&child->used, memory_order_relaxed);
    for (;;) {
        if (used > child->limit || bytes > child->limit - used) {
            return false;
        }
        uint64_t excess = child_excess(child, used + bytes) - child_excess(child, used);
        if (!common_take(child->budget, excess)) {
            return false;
        }
        if (atomic_compare_exchange_weak_explicit(&child->used, &used, used + bytes,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            peak_raise(&child->peak, used + bytes);
            return true;
        }
        common_give(child->budget, excess);
    }
}

bool
tide_budget_claim(struct tide_budget_child *child, uint64_t bytes)
{
    struct tide_budget *budget = child->budget;
    if (!child_take(child, bytes)) {
        atomic_fetch_add_explicit(&child->refused, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&budget->refused, 1, memory_order_relaxed);
        return false;
    }
    uint64_t used = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed) + bytes;
    peak_raise(&budget->peak, used);
    return true;
}

void
tide_budget_release(struct tide_budget_child *child, uint64_t bytes)
{
    /* The total falls first, so that it never shows more than the children together. */
    atomic_fetch_sub_explicit(&child->budget->used, bytes, memory_order_relaxed);
    uint64_t before = atomic_fetch_sub_explicit(&child->used, bytes, memory_order_relaxed);
    TIDE_ASSERT(before >= bytes);
    common_give(child->budget, child_excess(child, before) - child_excess(child, before - bytes));
}

struct tide_budget_use
tide_budget_child_use(const struct tide_budget_child *child)
{
    return (struct tide_budget_use){
        .name = child->name,
        .reserved = child->reserved,
        .limit = child->limit,
        .used = atomic_load_explicit(&child->used, memory_order_relaxed),
        .peak = atomic_load_explicit(&child->peak, memory_order_relaxed),
        .refused = atomic_load_explicit(&child->refused, memory_order_relaxed),
    };
}

struct tide_budget_use
tide_budget_use(const struct tide_budget *budget)
{
    return (struct tide_budget_use){
        .name = "budget",
        .reserved = budget->reserved,
        .limit = budget->limit,
        .used = atomic_load_explicit(&budget->used, memory_order_relaxed),
        .peak = atomic_load_explicit(&budget->peak, memory_order_relaxed),
        .refused = atomic_load_explicit(&budget->refused, memory_order_relaxed),
    };
}

const struct tide_budget_child *
tide_budget_child_next(const struct tide_budget *budget, const struct tide_budget_child *child)
{
    return child == NULL ? budget->first : child->next;
}

void *
tide_chunk_alloc(struct tide_budget_child *child, size_t bytes)
{
    if (bytes > CHUNK_BYTES_MAX) {
        return NULL;
    }
    size_t charge = bytes + sizeof(struct chunk);
    if (!tide_budget_claim(child, charge)) {
        return NULL;
    }
    struct chunk *chunk = tide_alloc(child->budget->seam, charge);
    if (chunk == NULL) {
        tide_budget_release(child, charge);
        return NULL;
    }
    chunk->child = child;
    chunk->magic = CHUNK_MAGIC;
    chunk->bytes = bytes & CHUNK_BYTES_MAX;
    return chunk + 1;
}

void
tide_chunk_free(void *bytes)
{
    if (bytes == NULL) {
        return;
    }
    struct chunk *chunk = (struct chunk *)bytes - 1;
    TIDE_ASSERT(chunk->magic == CHUNK_MAGIC);
    struct tide_budget_child *child = chunk->child;
    size_t charge = sizeof(*chunk) + chunk->bytes;
    chunk->magic = 0; /* a second free is caught, while the heap still has the bytes */
    tide_free(child->budget->seam, chunk);
    tide_budget_release(child, charge);
}

size_t
tide_chunk_bytes(const void *bytes)
{
    const struct chunk *chunk = (const struct chunk *)bytes - 1;
    TIDE_ASSERT(chunk->magic == CHUNK_MAGIC);
    return chunk->bytes;
}
