/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paged array: elements that never move, in chunks of the budget, so that growing costs the same at
 * any size.
 *
 * Only the list of chunks is ever copied: one pointer for 4096 elements.
 *
 * Threads: one at a time.
 */
#ifndef TIDE_STATE_PAGED_H
#define TIDE_STATE_PAGED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/budget.h"

#define TIDE_PAGED_SHIFT 12u

struct tide_paged {
    struct tide_budget_child *budget;
    uint8_t **chunks; /* a chunk itself */
    uint32_t n_chunks, cap;
    uint32_t element; /* bytes */
};

/* An empty array of elements of @element bytes. @thread any */
void tide_paged_init(struct tide_paged *paged, struct tide_budget_child *budget, uint32_t element);

/* Frees the chunks. Zeroed memory is legal. @thread any */
void tide_paged_fini(struct tide_paged *paged);

/* Makes elements 0..@n-1 exist, new ones zeroed; false: the budget is full. @thread task */
bool tide_paged_reach(struct tide_paged *paged, uint32_t n);

/* Bytes it holds. @thread any */
uint64_t tide_paged_bytes(const struct tide_paged *paged);

/* Element @i, which exists. @thread task */
static inline void *
tide_paged_at(const struct tide_paged *paged, uint32_t i)
{
    return paged->chunks[i >> TIDE_PAGED_SHIFT] +
           (uint64_t)(i & ((1u << TIDE_PAGED_SHIFT) - 1)) * paged->element;
}

#endif
