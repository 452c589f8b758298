/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks: who owns which reference, inside a ring and out of it; the budget tells when one is
 * freed. */
#include <signal.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "ring/ring.h"

struct fixture {
    struct tide_budget *budget;
    struct tide_budget_child *child;
    struct tide_ring *ring;
};

static void
fixture_init(struct fixture *f)
{
    cr_assert_eq(tide_budget_create(tide_seam_real(), 100000, &f->budget, NULL), TIDE_OK);
    cr_assert_eq(tide_budget_child_add(f->budget, "blocks", 0, 0, &f->child, NULL), TIDE_OK);
    cr_assert_eq(tide_ring_create(tide_seam_real(), 1024, &f->ring, NULL), TIDE_OK);
}

static uint64_t
used(const struct fixture *f)
{
    return tide_budget_child_use(f->child).used;
}

static void
fixture_fini(struct fixture *f)
{
    tide_ring_destroy(f->ring);
    cr_assert_eq(used(f), 0);
    tide_budget_destroy(f->budget);
}

Test(block, bytes_are_zeroed_aligned_and_readable_behind)
{
    struct fixture f;
    fixture_init(&f);
    struct tide_block *block = tide_block_create(f.child, 1001);
    uint8_t *data = tide_block_data(block);
    cr_assert_eq((uintptr_t)data % 16, 0);
    cr_assert_eq(tide_block_len(block), 1001);
    for (uint32_t i = 0; i < 1001 + TIDE_LIMIT_READ_BEHIND; i++) {
        cr_assert_eq(data[i], 0);
    }
    tide_block_shrink(block, 10);
    cr_assert_eq(tide_block_len(block), 10);
    tide_block_unref(block);
    tide_block_unref(NULL);
    fixture_fini(&f);
}

Test(block, last_reference_frees)
{
    struct fixture f;
    fixture_init(&f);
    struct tide_block *block = tide_block_create(f.child, 100);
    cr_assert_eq(tide_block_ref(block), block);
    tide_block_unref(block);
    cr_assert_gt(used(&f), 100);
    tide_block_unref(block);
    cr_assert_eq(used(&f), 0);
    fixture_fini(&f);
}

Test(block, budget_refuses)
{
    struct fixture f;
    fixture_init(&f);
    cr_assert_null(tide_block_create(f.child, 100000));
    cr_assert_null(tide_block_create(f.child, UINT32_MAX));
    fixture_fini(&f);
}

Test(block, growing_is_caught, .signal = SIGABRT)
{
    struct fixture f;
    fixture_init(&f);
    tide_block_shrink(tide_block_create(f.child, 5), 6);
}

Test(block, travels_through_the_ring_as_a_batch)
{
    struct fixture f;
    struct tide_frame frame;
    fixture_init(&f);
    struct tide_block *block = tide_block_create(f.child, 5000);
    memset(tide_block_data(block), 0x5A, 5000);
    cr_assert_eq(tide_ring_put_large(f.ring, block, 3, 99), TIDE_RING_OK);
    tide_ring_publish(f.ring);
    cr_assert_eq(tide_ring_used(f.ring), 32);
    cr_assert(tide_ring_peek(f.ring, &frame));
    cr_assert_eq(frame.type, TIDE_FRAME_BATCH);
    cr_assert_eq(frame.len, 5000);
    cr_assert_eq(frame.flags, 3);
    cr_assert_eq(frame.aux, 99);
    cr_assert_eq(frame.block, block);
    cr_assert_eq(frame.data, tide_block_data(block));
    cr_assert_eq(((const uint8_t *)frame.data)[4999], 0x5A);
    tide_ring_release(f.ring);
    cr_assert_eq(used(&f), 0);
    cr_assert_eq(tide_ring_stats(f.ring).large, 1);
    fixture_fini(&f);
}

Test(block, reader_may_keep_it)
{
    struct fixture f;
    struct tide_frame frame;
    fixture_init(&f);
    tide_ring_put_large(f.ring, tide_block_create(f.child, 5000), 0, 0);
    tide_ring_publish(f.ring);
    cr_assert(tide_ring_peek(f.ring, &frame));
    struct tide_block *kept = tide_block_ref(frame.block);
    tide_ring_release(f.ring);
    cr_assert_gt(used(&f), 5000);
    cr_assert_eq(((uint8_t *)tide_block_data(kept))[4999], 0);
    tide_block_unref(kept);
    cr_assert_eq(used(&f), 0);
    fixture_fini(&f);
}

/* One block to several readers: a reference for each. */
Test(block, may_be_in_several_frames)
{
    struct fixture f;
    struct tide_frame frame;
    fixture_init(&f);
    struct tide_block *block = tide_block_create(f.child, 5000);
    for (int i = 0; i < 3; i++) {
        tide_ring_put_large(f.ring, tide_block_ref(block), 0, 0);
    }
    tide_block_unref(block);
    tide_ring_publish(f.ring);
    for (int i = 0; i < 3; i++) {
        cr_assert_gt(used(&f), 0);
        cr_assert(tide_ring_peek(f.ring, &frame));
        tide_ring_release(f.ring);
    }
    cr_assert_eq(used(&f), 0);
    fixture_fini(&f);
}

Test(block, full_ring_leaves_the_reference_with_the_caller)
{
    struct fixture f;
    fixture_init(&f);
    while (tide_ring_put(f.ring, TIDE_FRAME_WATERMARK, 0, 0, NULL, 0) == TIDE_RING_OK) {
    }
    struct tide_block *block = tide_block_create(f.child, 5000);
    cr_assert_eq(tide_ring_put_large(f.ring, block, 0, 0), TIDE_RING_FULL);
    tide_block_unref(block);
    cr_assert_eq(used(&f), 0);
    fixture_fini(&f);
}

/* Published, committed and peeked at but not released: all are freed with the ring. */
Test(block, destroyed_ring_drops_what_is_in_it)
{
    struct fixture f;
    struct tide_frame frame;
    fixture_init(&f);
    for (int i = 0; i < 5; i++) {
        tide_ring_put_large(f.ring, tide_block_create(f.child, 5000), 0, 0);
    }
    tide_ring_publish(f.ring);
    tide_ring_put_large(f.ring, tide_block_create(f.child, 5000), 0, 0);
    cr_assert(tide_ring_peek(f.ring, &frame));
    tide_ring_release(f.ring);
    cr_assert(tide_ring_peek(f.ring, &frame));
    fixture_fini(&f);
}
