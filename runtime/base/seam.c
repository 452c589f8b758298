/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real seam: the system's clocks, random numbers and heap.
 *
 * The wall clock is anchored once: CLOCK_REALTIME is read a single time, at the first call, and
 * from then on the monotonic clock is added, so that labels never jump when somebody sets the time.
 * The anchor is written under pthread_once and constant afterwards, hence not a mutable global;
 * everything else is stateless.
 *
 * Threads: any.
 */
#include "base/seam.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/assert.h"
#include "base/limits.h"

#define NS_PER_S 1000000000u

static pthread_once_t wall_anchor_once = PTHREAD_ONCE_INIT;
static uint64_t wall_anchor_ns; /* wall_ns - mono_ns, constant after wall_anchor_set */

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    TIDE_ASSERT(failed == 0);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void
wall_anchor_set(void)
{
    wall_anchor_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
}

static uint64_t
real_mono_ns(void *self)
{
    (void)self;
    return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t
real_wall_ns(void *self)
{
    (void)self;
    int failed = pthread_once(&wall_anchor_once, wall_anchor_set);
    TIDE_ASSERT(failed == 0);
    return wall_anchor_ns + clock_ns(CLOCK_MONOTONIC);
}

static uint64_t
real_random(void *self)
{
    (void)self;
    uint64_t bits = 0;
    ssize_t got = 0;
    do {
        got = getrandom(&bits, sizeof(bits), 0);
    } while (got < 0 && errno == EINTR);
    TIDE_ASSERT(got == (ssize_t)sizeof(bits));
    return bits;
}

static void *
real_alloc(void *self, size_t size)
{
    (void)self;
    return calloc(1, size);
}

static void *
real_resize(void *self, void *block, size_t size)
{
    (void)self;
    return realloc(block, size);
}

static void
real_free(void *self, void *block)
{
    (void)self;
    free(block);
}

static const struct tide_seam real_seam = {
    .mono_ns = real_mono_ns,
    .wall_ns = real_wall_ns,
    .random = real_random,
    .alloc = real_alloc,
    .resize = real_resize,
    .free = real_free,
};

const struct tide_seam *
tide_seam_real(void)
{
    return &real_seam;
}

/* The pointer that the seam gave lies in front of the aligned bytes. */
void *
tide_alloc_lines(const struct tide_seam *seam, size_t size)
{
    size_t extra = TIDE_CACHE_LINE + sizeof(void *);
    if (size > SIZE_MAX - extra) {
        return NULL;
    }
    char *raw = tide_alloc(seam, size + extra);
    if (raw == NULL) {
        return NULL;
    }
    uintptr_t least = (uintptr_t)(raw + sizeof(void *));
    size_t skip = (size_t)(-least & (TIDE_CACHE_LINE - 1));
    void **block = (void **)(void *)(raw + sizeof(void *) + skip);
    block[-1] = raw;
    return block;
}

void
tide_free_lines(const struct tide_seam *seam, void *block)
{
    if (block != NULL) {
        tide_free(seam, ((void **)block)[-1]);
    }
}
