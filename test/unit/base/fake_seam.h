/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seam for tests: clocks that stand still until they are set, a countdown to the allocation that
 * fails, and a count of what was not freed.
 */
#ifndef TIDE_TEST_FAKE_SEAM_H
#define TIDE_TEST_FAKE_SEAM_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/seam.h"

struct fake_seam {
    struct tide_seam seam;
    uint64_t mono_ns;
    uint64_t wall_ns;
    uint64_t random;
    _Atomic(long) allocations_left; /* 0: the next one fails; negative: none does */
    _Atomic(long) living;
};

static uint64_t
fake_mono_ns(void *self)
{
    return ((struct fake_seam *)self)->mono_ns;
}

static uint64_t
fake_wall_ns(void *self)
{
    return ((struct fake_seam *)self)->wall_ns;
}

static uint64_t
fake_random(void *self)
{
    return ++((struct fake_seam *)self)->random;
}

/* Whether the present allocation succeeds. */
static int
fake_may(struct fake_seam *fake)
{
    long left = atomic_load(&fake->allocations_left);
    if (left == 0) {
        return 0;
    }
    if (left > 0) {
        atomic_store(&fake->allocations_left, left - 1);
    }
    return 1;
}

static void *
fake_alloc(void *self, size_t size)
{
    struct fake_seam *fake = self;
    void *block = fake_may(fake) ? calloc(1, size) : NULL;
    atomic_fetch_add(&fake->living, block != NULL);
    return block;
}

static void *
fake_resize(void *self, void *block, size_t size)
{
    struct fake_seam *fake = self;
    void *moved = fake_may(fake) ? realloc(block, size) : NULL;
    atomic_fetch_add(&fake->living, block == NULL && moved != NULL);
    return moved;
}

static void
fake_free(void *self, void *block)
{
    struct fake_seam *fake = self;
    atomic_fetch_sub(&fake->living, block != NULL);
    free(block);
}

/* A seam that never fails, with all clocks at 0. Give &fake->seam to what is tested. */
static inline void
fake_seam_init(struct fake_seam *fake)
{
    *fake = (struct fake_seam){
        .seam = {fake, fake_mono_ns, fake_wall_ns, fake_random, fake_alloc, fake_resize, fake_free},
        .allocations_left = -1,
    };
}

#endif
