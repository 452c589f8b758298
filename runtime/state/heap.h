/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heap: the memory of one store's keys and values.
 *
 * Blocks of size classes are carved off chunks of the budget and go back to the free list of their
 * class; larger ones are chunks of their own. A class differs from the next by at most a quarter,
 * so that at most a fifth of a block is waste. Chunks of small blocks go back to the budget only
 * when the heap ends: what state once needed it will need again.
 *
 * Threads: one at a time.
 */
#ifndef TIDE_STATE_HEAP_H
#define TIDE_STATE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"

#define TIDE_HEAP_CLASSES 64u

struct tide_heap_chunk {
    struct tide_heap_chunk *next;
    uint64_t reserved; /* keeps blocks aligned to 16 */
};

struct tide_heap {
    struct tide_budget_child *budget;
    struct tide_heap_chunk *chunks;
    uint8_t *bump, *bump_end;
    void *free[TIDE_HEAP_CLASSES];
};

/* An empty heap over @budget. @thread start */
void tide_heap_init(struct tide_heap *heap, struct tide_budget_child *budget);

/* Gives the chunks of small blocks back; large blocks must have been freed. Zeroed memory is legal.
 * @thread start */
void tide_heap_fini(struct tide_heap *heap);

/* The class for @bytes; blocks of it have tide_heap_class_bytes. Large ones have the class 0.
 * @thread any */
uint32_t tide_heap_class(size_t bytes);
size_t tide_heap_class_bytes(uint32_t class);

/* A block of @class, or of @bytes when that is 0; aligned to 16, not zeroed. NULL: the budget is
 * full.
 * @thread task */
void *tide_heap_alloc(struct tide_heap *heap, uint32_t class, size_t bytes);

/* Takes back a block that was allocated with @class. @thread task */
void tide_heap_free(struct tide_heap *heap, uint32_t class, void *block);

#endif
