/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paged array: growth. The list of chunks doubles; everything else stays where it is.
 */
#include "state/paged.h"

#include <string.h>

void
tide_paged_init(struct tide_paged *paged, struct tide_budget_child *budget, uint32_t element)
{
    *paged = (struct tide_paged){.budget = budget, .element = element};
}

void
tide_paged_fini(struct tide_paged *paged)
{
    for (uint32_t i = 0; i < paged->n_chunks; i++) {
        tide_chunk_free(paged->chunks[i]);
    }
    tide_chunk_free(paged->chunks);
    *paged = (struct tide_paged){0};
}

static bool
list_grow(struct tide_paged *paged)
{
    const uint32_t cap = paged->cap == 0 ? 16 : paged->cap * 2;
    uint8_t **chunks = tide_chunk_alloc(paged->budget, cap * sizeof(uint8_t *));
    if (chunks == NULL) {
        return false;
    }
    if (paged->n_chunks > 0) {
        memcpy(chunks, paged->chunks, paged->n_chunks * sizeof(uint8_t *));
    }
    tide_chunk_free(paged->chunks);
    paged->chunks = chunks;
    paged->cap = cap;
    return true;
}

bool
tide_paged_reach(struct tide_paged *paged, uint32_t n)
{
    while (((uint64_t)paged->n_chunks << TIDE_PAGED_SHIFT) < n) {
        if (paged->n_chunks == paged->cap && !list_grow(paged)) {
            return false;
        }
        uint8_t *chunk =
            tide_chunk_alloc(paged->budget, (size_t)paged->element << TIDE_PAGED_SHIFT);
        if (chunk == NULL) {
            return false;
        }
        paged->chunks[paged->n_chunks++] = chunk;
    }
    return true;
}

uint64_t
tide_paged_bytes(const struct tide_paged *paged)
{
    return ((uint64_t)paged->n_chunks * paged->element << TIDE_PAGED_SHIFT) +
           paged->cap * sizeof(uint8_t *);
}
