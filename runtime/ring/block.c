/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block: a chunk of the budget with a count in front.
 */
#include "ring/block.h"

#include <stdatomic.h>

#include "base/assert.h"
#include "base/limits.h"

#define BLOCK_MAGIC 0x6b636c62u

struct tide_block {
    _Atomic(uint32_t) refs;
    uint32_t len;
    uint32_t magic;
    uint32_t unused; /* what follows is aligned to 16 */
};

_Static_assert(sizeof(struct tide_block) == 16, "the bytes behind it are aligned to 16");

struct tide_block *
tide_block_create(struct tide_budget_child *child, uint32_t len)
{
    size_t size = sizeof(struct tide_block) + (size_t)len + TIDE_LIMIT_READ_BEHIND;
    struct tide_block *block = tide_chunk_alloc(child, size);
    if (block == NULL) {
        return NULL;
    }
    atomic_init(&block->refs, 1);
    block->len = len;
    block->magic = BLOCK_MAGIC;
    return block;
}

struct tide_block *
tide_block_ref(struct tide_block *block)
{
    /* Relaxed: the caller has a reference already, so nothing can be freed meanwhile. */
    uint32_t before = atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
    TIDE_ASSERT(before > 0);
    TIDE_ASSERT(before < UINT32_MAX);
    return block;
}

void
tide_block_unref(struct tide_block *block)
{
    if (block == NULL) {
        return;
    }
    TIDE_ASSERT(block->magic == BLOCK_MAGIC);
    /* Release: this holder's reads come before the free; acquire: after all others'. Partner:
     * itself. */
    uint32_t before = atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel);
    TIDE_ASSERT(before > 0);
    if (before == 1) {
        block->magic = 0;
        tide_chunk_free(block);
    }
}

void *
tide_block_data(struct tide_block *block)
{
    TIDE_ASSERT(block->magic == BLOCK_MAGIC);
    return block + 1;
}

uint32_t
tide_block_len(const struct tide_block *block)
{
    return block->len;
}

void
tide_block_shrink(struct tide_block *block, uint32_t len)
{
    TIDE_ASSERT(len <= block->len);
    block->len = len;
}
