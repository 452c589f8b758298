/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seams of base/: clock, randomness and allocation, real or simulated.
 *
 * Nothing in the engine reads a clock, draws a random number or allocates except through a
 * struct tide_seam that it was given, so that one 64-bit seed decides a whole simulated run. The
 * real seam is stateless and shared; the simulator makes one of its own.
 */
#ifndef TIDE_BASE_SEAM_H
#define TIDE_BASE_SEAM_H

#include <stddef.h>
#include <stdint.h>

/* A seam. All calls are made from any thread and never block. */
struct tide_seam {
    void *self;
    uint64_t (*mono_ns)(void *self); /* monotonic, for decisions; from an arbitrary origin */
    uint64_t (*wall_ns)(
        void *self); /* since the Unix epoch, monotonic clock anchored at start; for labels */
    uint64_t (*random)(void *self);          /* 64 uniform bits */
    void *(*alloc)(void *self, size_t size); /* zeroed; NULL when out of memory */
    void *(*resize)(void *self, void *block,
                    size_t size);          /* new bytes undefined; NULL leaves @block */
    void (*free)(void *self, void *block); /* NULL is legal */
};

/* The real seam: CLOCK_MONOTONIC, getrandom, the C library's allocator. Never NULL. @thread any */
const struct tide_seam *tide_seam_real(void);

static inline uint64_t
tide_mono_ns(const struct tide_seam *seam)
{
    return seam->mono_ns(seam->self);
}

static inline uint64_t
tide_wall_ns(const struct tide_seam *seam)
{
    return seam->wall_ns(seam->self);
}

static inline uint64_t
tide_random(const struct tide_seam *seam)
{
    return seam->random(seam->self);
}

static inline void *
tide_alloc(const struct tide_seam *seam, size_t size)
{
    return seam->alloc(seam->self, size);
}

static inline void *
tide_resize(const struct tide_seam *seam, void *block, size_t size)
{
    return seam->resize(seam->self, block, size);
}

static inline void
tide_free(const struct tide_seam *seam, void *block)
{
    seam->free(seam->self, block);
}

/*
 * As tide_alloc, aligned to TIDE_CACHE_LINE: for structs that hold a tide_word, tide_park,
 * tide_counters or anything else with such an alignment, which the heap alone does not give.
 * @thread any
 */
void *tide_alloc_lines(const struct tide_seam *seam, size_t size);

/* Frees what tide_alloc_lines gave. NULL is legal. @thread any */
void tide_free_lines(const struct tide_seam *seam, void *block);

#endif
