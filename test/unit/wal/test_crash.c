/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of a log on a disk that loses power at a random change: every recovery finds a
 * prefix of what was appended that holds everything acknowledged, and never refuses. One seed is
 * one run.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "../base/fake_seam.h"
#include "fixture.h"

#define SEGMENT (48u << 10)
#define SEEDS 3000u
#define LIVES 5
#define STEPS 60

static uint64_t
pick(struct fixture *f, uint64_t n)
{
    return disk_random(&f->disk) % n;
}

static void
job_step(struct fixture *f)
{
    uint32_t pending = tide_offload_pending(f->offload);
    if (pending > 0) {
        tide_offload_step(f->offload, (uint32_t)pick(f, pending));
    }
}

/* One random thing that a coordinator does. */
static void
act(struct fixture *f)
{
    static const enum tide_wal_type types[] = {TIDE_WAL_SC, TIDE_WAL_S, TIDE_WAL_C, TIDE_WAL_SPLIT,
                                               TIDE_WAL_P};
    switch (pick(f, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        (void)fixture_append(f, types[pick(f, 5)],
                             5 + (uint32_t)pick(f, pick(f, 6) == 0 ? 9000 : 600));
        break;
    case 4:
    case 5:
        tide_wal_sync(f->wal);
        break;
    case 6:
    case 7:
    case 8:
        job_step(f);
        break;
    case 9:
        if (pick(f, 8) == 0) {
            (void)fixture_roll(f);
        }
        break;
    case 10:
        if (f->acked > 6) {
            tide_wal_retain(f->wal, f->acked - 6);
        }
        break;
    default:
        fixture_poll(f);
    }
}

/* True when the run ended in a refusal. */
static bool
life(struct fixture *f)
{
    struct tide_error err = {.code = 0};
    f->disk.stop_at = f->disk.changes + 1 + pick(f, 90);
    int rc = fixture_recover(f, &err);
    if (rc == 0) {
        (void)fixture_begin(f, &err);
    } else if (!f->disk.stopped) {
        return true;
    }
    for (int i = 0; i < STEPS && f->wal != NULL && !f->disk.stopped; i++) {
        act(f);
    }
    if (f->wal != NULL && !f->disk.stopped) {
        fixture_poll(f);
    }
    fixture_crash(f);
    return false;
}

Test(crash, every_recovery_finds_a_prefix_with_all_that_was_acknowledged)
{
    static struct fixture f;
    uint64_t records = 0;
    uint64_t torn = 0;
    uint64_t mended = 0;
    uint64_t rolled = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct tide_error err = {.code = 0};
        fixture_init(&f, seed, SEGMENT);
        for (int i = 0; i < LIVES; i++) {
            cr_assert_not(life(&f), "seed %lu, life %d was refused", seed, i);
        }
        cr_assert_eq(fixture_recover(&f, &err), 0, "seed %lu: %s", seed, err.text);
        records += f.visited_last;
        torn += f.found.torn_bytes > 0 && !f.found.mended ? 1 : 0;
        mended += f.found.mended ? 1 : 0;
        rolled += f.found.segment_last > LIVES ? 1 : 0;
        fixture_fini(&f);
    }
    cr_assert_gt(records, SEEDS * 10, "the runs wrote something");
    cr_assert_gt(torn, 10, "some crashes tore the last write");
    cr_assert_gt(mended, 10, "some left one image");
    cr_assert_gt(rolled, 10, "some runs came to new segments");
}

/* The harness must notice when the engine does not sync: here the disk only says that it did. */
Test(crash, a_disk_that_lies_about_syncs_is_found_out)
{
    static struct fixture f;
    uint64_t caught = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct tide_wal_recovery found = {.next_lsn = 1};
        fixture_init(&f, seed, SEGMENT);
        f.disk.sync_lies = true;
        if (fixture_begin(&f, NULL) == 0) {
            (void)fixture_append(&f, TIDE_WAL_SC, 300);
            fixture_sync(&f);
        }
        fixture_crash(&f);
        int rc = tide_wal_scan(&f.env, &f.options.id, NULL, NULL, &found, NULL);
        caught += rc != 0 || found.next_lsn <= f.acked ? 1 : 0;
        fixture_fini(&f);
    }
    cr_assert_gt(caught, 150, "%lu", caught);
}

/* A run over two segments with memory that ends at some allocation; true when it came to its end.
 */
static bool
short_of_memory(struct fixture *f)
{
    if (fixture_recover(f, NULL) != 0 || fixture_begin(f, NULL) != 0) {
        return false;
    }
    for (int i = 0; i < 12; i++) {
        if (fixture_append(f, TIDE_WAL_SC, 700) != 0 || (i == 6 && fixture_roll(f) != 0) ||
            tide_wal_flush(f->wal, NULL) != TIDE_WAL_READY) {
            return false;
        }
        fixture_poll(f);
    }
    return true;
}

Test(crash, every_allocation_may_fail)
{
    static struct fixture f;
    static struct fake_seam fake;
    long failures = 0;
    bool whole = false;
    for (; !whole && failures < 1000; failures++) {
        struct tide_error err = {.code = 0};
        fake_seam_init(&fake);
        fixture_init(&f, 9, SEGMENT);
        f.env.seam = &fake.seam;
        f.options.env.seam = &fake.seam;
        atomic_store(&fake.allocations_left, failures);
        whole = short_of_memory(&f);
        fixture_crash(&f);
        cr_assert_eq(atomic_load(&fake.living), 0, "allocation %ld failed and something leaked",
                     failures);
        atomic_store(&fake.allocations_left, -1);
        cr_assert_eq(fixture_recover(&f, &err), 0, "allocation %ld failed: %s", failures, err.text);
        cr_assert_eq(atomic_load(&fake.living), 0);
        fixture_fini(&f);
    }
    cr_assert(whole);
    cr_assert_gt(failures, 8, "%ld", failures);
}
