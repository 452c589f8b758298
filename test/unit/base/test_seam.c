/* SPDX-License-Identifier: Apache-2.0 */
/* The real seam, and memory aligned to cache lines over any seam. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "base/seam.h"
#include "fake_seam.h"

#define NS_PER_S INT64_C(1000000000)

Test(seam, monotonic_clock_is_the_systems)
{
    const struct tide_seam *seam = tide_seam_real();
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    uint64_t now = tide_mono_ns(seam);
    clock_gettime(CLOCK_MONOTONIC, &after);
    cr_assert_geq(now, (uint64_t)(before.tv_sec * NS_PER_S + before.tv_nsec));
    cr_assert_leq(now, (uint64_t)(after.tv_sec * NS_PER_S + after.tv_nsec));
}

/* Each reading bounds the constant between the two clocks; all bounds must have a value in common.
 */
Test(seam, wall_clock_is_the_monotonic_one_moved)
{
    const struct tide_seam *seam = tide_seam_real();
    uint64_t constant_min = 0;
    uint64_t constant_max = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t before = tide_mono_ns(seam);
        uint64_t wall = tide_wall_ns(seam);
        uint64_t after = tide_mono_ns(seam);
        constant_min = wall - after > constant_min ? wall - after : constant_min;
        constant_max = wall - before < constant_max ? wall - before : constant_max;
    }
    cr_assert_leq(constant_min, constant_max);
    cr_assert_gt(tide_wall_ns(seam), UINT64_C(1600000000) * NS_PER_S, "after September 2020");
}

Test(seam, random_numbers_differ)
{
    const struct tide_seam *seam = tide_seam_real();
    uint64_t ones = 0;
    uint64_t zeros = 0;
    for (int i = 0; i < 128; i++) {
        uint64_t bits = tide_random(seam);
        ones |= bits;
        zeros |= ~bits;
    }
    cr_assert_eq(ones, UINT64_MAX);
    cr_assert_eq(zeros, UINT64_MAX);
}

Test(seam, memory_is_zeroed_and_grows)
{
    const struct tide_seam *seam = tide_seam_real();
    unsigned char *block = tide_alloc(seam, 100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(block[i], 0);
    }
    memset(block, 7, 100);
    block = tide_resize(seam, block, 100000);
    cr_assert_eq(block[99], 7);
    tide_free(seam, block);
    tide_free(seam, NULL);
}

Test(seam, lines_are_aligned_zeroed_and_freed)
{
    struct fake_seam fake;
    fake_seam_init(&fake);
    for (size_t size = 0; size < 300; size++) {
        unsigned char *block = tide_alloc_lines(&fake.seam, size);
        cr_assert_not_null(block);
        cr_assert_eq((uintptr_t)block % TIDE_CACHE_LINE, 0);
        for (size_t i = 0; i < size; i++) {
            cr_assert_eq(block[i], 0);
        }
        memset(block, 0xFF, size);
        tide_free_lines(&fake.seam, block);
    }
    tide_free_lines(&fake.seam, NULL);
    cr_assert_eq(atomic_load(&fake.living), 0);
}

Test(seam, lines_fail_as_the_seam_does)
{
    struct fake_seam fake;
    fake_seam_init(&fake);
    cr_assert_null(tide_alloc_lines(&fake.seam, SIZE_MAX));
    atomic_store(&fake.allocations_left, 0);
    cr_assert_null(tide_alloc_lines(&fake.seam, 1));
}
