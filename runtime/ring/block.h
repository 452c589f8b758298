/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block: counted bytes outside a ring, for frames too large to travel inside it.
 *
 * Whoever creates a block owns one reference. Putting it into a ring hands that reference to the
 * ring, and releasing the frame drops it; a reader that wants to keep the bytes longer takes a
 * reference of its own. The last unref frees, on whichever thread it happens; memory is charged to
 * a child of the budget.
 *
 * Threads: any. The bytes are written by the creator alone, before the block enters a ring; the
 * ring's publish makes them visible to the reader.
 */
#ifndef TIDE_RING_BLOCK_H
#define TIDE_RING_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"

struct tide_block;

/*
 * A block of @len bytes, zeroed, aligned to 16, with TIDE_LIMIT_READ_BEHIND readable bytes behind
 * them, and one reference for the caller. NULL: the budget refused (back-pressure) or the system is
 * out of memory.
 * @thread any
 */
struct tide_block *tide_block_create(struct tide_budget_child *child, uint32_t len);

/* One more reference; gives @block. @thread any */
struct tide_block *tide_block_ref(struct tide_block *block);

/* One reference less; the last one frees. NULL is legal. @thread any */
void tide_block_unref(struct tide_block *block);

/* The bytes. @thread any */
void *tide_block_data(struct tide_block *block);

/* How many bytes. @thread any */
uint32_t tide_block_len(const struct tide_block *block);

/* Makes the block @len bytes long, not more than it is now; by the creator, before the block is
 * put. */
void tide_block_shrink(struct tide_block *block, uint32_t len);

#endif
