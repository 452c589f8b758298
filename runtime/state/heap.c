/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heap: size classes over chunks.
 *
 * Class c (from 1) holds quarters of powers of two from 32 bytes on: 32 48 64 80 96 112 128 160 ...
 * Sizes are rounded up to 16 before the class is chosen, so that the classes of 40 and 56 are never
 * used.
 */
#include "state/heap.h"

#include <string.h>

#include "base/assert.h"

#define CHUNK_BYTES (64u << 10)
#define SMALLEST 32u
#define LARGEST (16u << 10)

void
tide_heap_init(struct tide_heap *heap, struct tide_budget_child *budget)
{
    *heap = (struct tide_heap){.budget = budget};
}

void
tide_heap_fini(struct tide_heap *heap)
{
    while (heap->chunks != NULL) {
        struct tide_heap_chunk *chunk = heap->chunks;
        heap->chunks = chunk->next;
        tide_chunk_free(chunk);
    }
    *heap = (struct tide_heap){0};
}

size_t
tide_heap_class_bytes(uint32_t class)
{
    TIDE_ASSERT(class > 0);
    const uint32_t power = (class - 1) / 4, quarter = (class - 1) % 4;
    const size_t base = (size_t)SMALLEST << power;
    return (base + base / 4 * quarter + 15) & ~(size_t)15;
}

uint32_t
tide_heap_class(size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > LARGEST) {
        return 0;
    }
    if (bytes <= SMALLEST) {
        return 1;
    }
    /* 2^power * SMALLEST < bytes <= 2^(power + 1) * SMALLEST */
    const uint32_t power = (uint32_t)(63 - __builtin_clzll((bytes - 1) / SMALLEST));
    const size_t base = (size_t)SMALLEST << power;
    const size_t quarter = (bytes - base + base / 4 - 1) / (base / 4);
    return 1 + power * 4 + (uint32_t)quarter;
}

/* Makes the bump region hold @bytes; what was left of the one before is given up. */
static bool
bump_refill(struct tide_heap *heap)
{
    struct tide_heap_chunk *chunk = tide_chunk_alloc(heap->budget, CHUNK_BYTES);
    if (chunk == NULL) {
        return false;
    }
    chunk->next = heap->chunks;
    heap->chunks = chunk;
    heap->bump = (uint8_t *)(chunk + 1);
    heap->bump_end = (uint8_t *)chunk + CHUNK_BYTES;
    return true;
}

void *
tide_heap_alloc(struct tide_heap *heap, uint32_t class, size_t bytes)
{
    TIDE_ASSERT(class < TIDE_HEAP_CLASSES);
    if (class == 0) {
        return tide_chunk_alloc(heap->budget, bytes);
    }
    void *block = heap->free[class];
    if (block != NULL) {
        memcpy(&heap->free[class], block, sizeof(void *));
        return block;
    }
    const size_t size = tide_heap_class_bytes(class);
    if ((size_t)(heap->bump_end - heap->bump) < size && !bump_refill(heap)) {
        return NULL;
    }
    block = heap->bump;
    heap->bump += size;
    return block;
}

void
tide_heap_free(struct tide_heap *heap, uint32_t class, void *block)
{
    TIDE_ASSERT(class < TIDE_HEAP_CLASSES);
    if (class == 0) {
        tide_chunk_free(block);
        return;
    }
    memcpy(block, &heap->free[class], sizeof(void *));
    heap->free[class] = block;
}
