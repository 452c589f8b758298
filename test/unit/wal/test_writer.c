/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: what is durable when, a full disk, a failed sync, new segments, retention. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fixture.h"

#define SEGMENT (64u << 10)

static struct fixture *
fixture_new(uint64_t segment_bytes)
{
    static struct fixture f;
    struct tide_error err = {.code = 0};
    fixture_init(&f, 1, segment_bytes);
    cr_assert_eq(fixture_recover(&f, &err), 0, "%s", err.text);
    cr_assert_eq(f.found.segments, 0);
    cr_assert_eq(f.found.next_lsn, 1);
    cr_assert_eq(fixture_begin(&f, &err), 0, "%s", err.text);
    return &f;
}

Test(writer, a_record_is_durable_after_its_completion_and_not_before)
{
    struct fixture *f = fixture_new(SEGMENT);
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 100), 0);
    cr_assert_eq(fixture_append(f, TIDE_WAL_SPLIT, 5), 0);
    cr_assert_eq(tide_wal_last(f->wal), 3);
    cr_assert_eq(fixture_poll(f), TIDE_WAL_READY, "nothing was asked for");
    cr_assert_eq(tide_wal_durable(f->wal), 1);
    tide_wal_sync(f->wal);
    cr_assert_eq(tide_wal_durable(f->wal), 1, "submitted is not durable");
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 60), 0);
    cr_assert_eq(fixture_poll(f), TIDE_WAL_READY);
    cr_assert_eq(tide_wal_durable(f->wal), 3, "what came after the sync waits for the next one");
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->visited_last, 3);
    fixture_fini(f);
}

Test(writer, a_sync_during_a_sync_follows_by_itself)
{
    struct fixture *f = fixture_new(SEGMENT);
    cr_assert_eq(fixture_append(f, TIDE_WAL_S, 100), 0);
    tide_wal_sync(f->wal);
    cr_assert_eq(fixture_append(f, TIDE_WAL_C, 100), 0);
    tide_wal_sync(f->wal);
    cr_assert_eq(f->disk.queue_n, 1, "one write in flight");
    cr_assert_eq(fixture_poll(f), TIDE_WAL_SYNCING);
    cr_assert_eq(tide_wal_durable(f->wal), 2);
    cr_assert_eq(fixture_poll(f), TIDE_WAL_READY);
    cr_assert_eq(tide_wal_durable(f->wal), 3);
    fixture_fini(f);
}

Test(writer, without_space_it_waits_and_writes_the_same_again)
{
    struct fixture *f = fixture_new(SEGMENT);
    struct tide_error err = {.code = 0};
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 3000), 0);
    tide_wal_sync(f->wal);
    f->disk.full = true;
    cr_assert_eq(fixture_poll(f), TIDE_WAL_WAITING);
    cr_assert_eq(tide_wal_poll(f->wal, &err), TIDE_WAL_WAITING, "it does not spin");
    cr_assert_eq(err.code, TIDE_ERR_NOSPACE);
    cr_assert_eq(f->disk.queue_n, 0);
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 10), 0, "appends go on");
    tide_wal_sync(f->wal);
    cr_assert_eq(fixture_poll(f), TIDE_WAL_WAITING);
    cr_assert_eq(tide_wal_durable(f->wal), 1);
    f->disk.full = false;
    fixture_sync(f);
    cr_assert_eq(f->acked, 3);
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->found.torn_bytes, 0);
    fixture_fini(f);
}

Test(writer, a_full_buffer_says_nospace_and_loses_nothing)
{
    struct fixture *f = fixture_new(SEGMENT);
    f->disk.full = true;
    int rc = 0;
    uint32_t n = 0;
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 100), 0);
    tide_wal_sync(f->wal);
    cr_assert_eq(fixture_poll(f), TIDE_WAL_WAITING);
    while (rc == 0 && n < 1000) {
        rc = fixture_append(f, TIDE_WAL_SPLIT, 100000);
        n += rc == 0 ? 1 : 0;
    }
    cr_assert_eq(rc, TIDE_ERR_NOSPACE);
    cr_assert_geq(n, 100);
    f->disk.full = false;
    f->disk.space = UINT64_MAX / 2;
    fixture_sync(f);
    cr_assert_eq(fixture_append(f, TIDE_WAL_SPLIT, 100000), 0);
    fixture_sync(f);
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    fixture_fini(f);
}

Test(writer, after_a_failed_sync_nothing_is_acknowledged)
{
    struct fixture *f = fixture_new(SEGMENT);
    struct tide_error err = {.code = 0};
    uint64_t lsn = 0;
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 100), 0);
    tide_wal_sync(f->wal);
    f->disk.sync_fails = true;
    cr_assert_eq(tide_wal_poll(f->wal, &err), TIDE_WAL_FAILED);
    cr_assert_eq(err.code, TIDE_ERR_SYNC);
    cr_assert_not_null(strstr(err.text, FIXTURE_DIR));
    f->disk.sync_fails = false;
    tide_wal_sync(f->wal);
    cr_assert_eq(tide_wal_poll(f->wal, &err), TIDE_WAL_FAILED);
    cr_assert_eq(f->disk.queue_n, 0, "it was never tried again");
    cr_assert_eq(tide_wal_append(f->wal, TIDE_WAL_C, "\xc0", 1, &lsn, &err), TIDE_ERR_SYNC);
    cr_assert_eq(tide_wal_roll(f->wal, &err), TIDE_ERR_SYNC);
    cr_assert_eq(tide_wal_durable(f->wal), 1);
    fixture_fini(f);
}

Test(writer, records_that_are_too_large_are_refused)
{
    static uint8_t payload[TIDE_LIMIT_WAL_RECORD + 1];
    struct fixture *f = fixture_new(SEGMENT);
    uint64_t lsn = 0;
    cr_assert_eq(
        tide_wal_append(f->wal, TIDE_WAL_S, payload, TIDE_LIMIT_WAL_RECORD + 1, &lsn, NULL),
        TIDE_ERR_LIMIT);
    cr_assert_eq(fixture_append(f, TIDE_WAL_S, TIDE_LIMIT_WAL_RECORD), 0,
                 "the largest record makes itself a segment that holds it");
    fixture_sync(f);
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->visited_last, 3);
    fixture_fini(f);
}

/* Appends and syncs until the log has @segments files. */
static void
fill(struct fixture *f, int segments)
{
    while (fixture_files(f, ".log") < segments) {
        cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 900), 0);
        fixture_sync(f);
    }
}

Test(writer, a_full_segment_is_followed_by_another_with_the_whole_state)
{
    struct fixture *f = fixture_new(SEGMENT);
    fill(f, 4);
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->visited_first, 1);
    cr_assert_eq(f->heads, 4);
    cr_assert_eq(f->found.torn_bytes, 0);
    fixture_fini(f);
}

Test(writer, the_spare_is_made_ahead_of_need)
{
    struct fixture *f = fixture_new(SEGMENT);
    uint64_t end = 2 * 4096;
    while (end <= SEGMENT / 2) {
        cr_assert_eq(tide_offload_pending(f->offload), 0, "too early at %lu", end);
        cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 900), 0);
        fixture_sync(f);
        end += 2 * 4096;
    }
    cr_assert_eq(tide_offload_pending(f->offload), 1);
    tide_offload_step(f->offload, 0);
    cr_assert_eq(fixture_files(f, ".tmp"), 1);
    cr_assert_eq(fixture_files(f, ".log"), 1);
    fill(f, 2);
    cr_assert_eq(fixture_files(f, ".tmp"), 0);
    cr_assert_eq(fixture_segment(f, 2)->now_len, SEGMENT, "no need to grow");
    fixture_fini(f);
}

/* Spares never get their turn before the segment is full: segments grow until rolling is rare. */
Test(writer, segments_grow_when_rolling_cannot_keep_up)
{
    struct fixture *f = fixture_new(SEGMENT);
    while (fixture_files(f, ".log") < 4) {
        cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 900), 0);
        tide_wal_sync(f->wal);
        if (fixture_poll(f) == TIDE_WAL_SYNCING) {
            fixture_sync(f); /* runs the jobs now, when the roll waits for them */
        }
    }
    cr_assert_eq(fixture_segment(f, 1)->now_len, SEGMENT);
    cr_assert_gt(fixture_segment(f, 4)->now_len, SEGMENT);
    fixture_fini(f);
}

Test(writer, records_appended_during_a_roll_follow_in_the_new_segment)
{
    struct fixture *f = fixture_new(SEGMENT);
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 50), 0);
    cr_assert_eq(fixture_roll(f), 0);
    cr_assert_eq(tide_wal_last(f->wal), 3, "record and head");
    cr_assert_eq(fixture_append(f, TIDE_WAL_S, 60), 0);
    cr_assert_eq(fixture_append(f, TIDE_WAL_C, 70), 0);
    tide_wal_sync(f->wal);
    cr_assert_eq(fixture_poll(f), TIDE_WAL_SYNCING);
    cr_assert_eq(tide_wal_durable(f->wal), 2, "the old segment first");
    cr_assert_eq(fixture_roll(f), 0, "one at a time; asking again is harmless");
    cr_assert_eq(tide_wal_last(f->wal), 5);
    fixture_sync(f);
    cr_assert_eq(f->acked, 5);
    cr_assert_eq(fixture_files(f, ".log"), 2);
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->visited_last, 5);
    fixture_fini(f);
}

Test(writer, a_roll_without_space_waits_and_goes_on)
{
    struct fixture *f = fixture_new(SEGMENT);
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 50), 0);
    f->disk.space = SEGMENT + 100;
    cr_assert_eq(fixture_roll(f), 0);
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 50), 0);
    struct tide_error err = {.code = 0};
    cr_assert_eq(tide_wal_flush(f->wal, &err), TIDE_WAL_WAITING);
    cr_assert_eq(err.code, TIDE_ERR_NOSPACE);
    cr_assert_eq(tide_wal_durable(f->wal), 2);
    cr_assert_eq(tide_wal_flush(f->wal, &err), TIDE_WAL_WAITING, "still full");
    f->disk.space = UINT64_MAX / 2;
    fixture_sync(f);
    cr_assert_eq(f->acked, 4);
    fixture_fini(f);
}

/* A spare that could not be made ahead is no trouble until it is needed. */
Test(writer, a_spare_without_space_is_tried_again_when_needed)
{
    struct fixture *f = fixture_new(SEGMENT);
    f->disk.space = SEGMENT + 100;
    int appended = 0;
    while (tide_offload_pending(f->offload) == 0) {
        cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 900), 0);
        fixture_sync(f);
        appended++;
    }
    tide_offload_step(f->offload, 0);
    cr_assert_eq(fixture_poll(f), TIDE_WAL_READY);
    cr_assert_lt(appended, 7);
    f->disk.space = UINT64_MAX / 2;
    fill(f, 2);
    cr_assert_eq(fixture_segment(f, 2)->now_len, SEGMENT, "want of space is no reason to grow");
    fixture_fini(f);
}

Test(writer, a_failed_sync_of_a_new_segment_is_fatal_too)
{
    struct fixture *f = fixture_new(SEGMENT);
    struct tide_error err = {.code = 0};
    cr_assert_eq(fixture_roll(f), 0);
    f->disk.sync_fails = true;
    cr_assert_eq(tide_wal_flush(f->wal, &err), TIDE_WAL_FAILED);
    cr_assert_eq(err.code, TIDE_ERR_SYNC);
    cr_assert_eq(tide_wal_durable(f->wal), 1);
    f->disk.sync_fails = false;
    cr_assert_eq(tide_wal_flush(f->wal, &err), TIDE_WAL_FAILED, "for good");
    cr_assert_eq(tide_wal_durable(f->wal), 1);
    fixture_fini(f);
}

/* A sync fails elsewhere while a write is in flight that then succeeds. */
Test(writer, a_write_that_ends_after_a_failure_is_not_acknowledged)
{
    struct fixture *f = fixture_new(SEGMENT);
    while (tide_offload_pending(f->offload) == 0) {
        cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 900), 0);
        fixture_sync(f);
    }
    uint64_t acked = f->acked;
    cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 900), 0);
    tide_wal_sync(f->wal);
    cr_assert_eq(f->disk.queue_n, 1);
    f->disk.sync_fails = true;
    tide_offload_step(f->offload, 0);
    f->disk.sync_fails = false;
    cr_assert_eq(fixture_poll(f), TIDE_WAL_FAILED);
    cr_assert_eq(f->disk.queue_n, 0, "the write came to its end");
    cr_assert_eq(tide_wal_durable(f->wal), acked);
    fixture_fini(f);
}

static void
run_jobs(struct fixture *f)
{
    while (tide_offload_pending(f->offload) > 0) {
        tide_offload_step(f->offload, 0);
        fixture_poll(f);
    }
}

Test(writer, retention_deletes_only_what_lies_before)
{
    struct fixture *f = fixture_new(SEGMENT);
    fill(f, 4);
    uint64_t heads[5] = {0};
    int n = 0;
    for (uint64_t lsn = 1; lsn <= f->last; lsn++) {
        if (f->records[lsn].type == TIDE_WAL_SEGMENT_HEAD) {
            heads[n++] = lsn;
        }
    }
    cr_assert_eq(n, 4);
    tide_wal_retain(f->wal, heads[1] - 1);
    run_jobs(f);
    cr_assert_eq(fixture_files(f, ".log"), 4, "segment 1 holds a record that is needed");
    tide_wal_retain(f->wal, heads[2]);
    run_jobs(f);
    cr_assert_eq(fixture_files(f, ".log"), 2, "segments 1 and 2 are not needed");
    tide_wal_retain(f->wal, UINT64_MAX);
    run_jobs(f);
    cr_assert_eq(fixture_files(f, ".log"), 1, "the current segment stays");
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->visited_first, heads[3]);
    fixture_fini(f);
}

Test(writer, segments_of_earlier_runs_are_let_go_too)
{
    struct fixture *f = fixture_new(SEGMENT);
    for (int run = 0; run < 3; run++) {
        cr_assert_eq(fixture_append(f, TIDE_WAL_SC, 100), 0);
        fixture_sync(f);
        fixture_crash(f);
        cr_assert_eq(fixture_recover(f, NULL), 0);
        cr_assert_eq(fixture_begin(f, NULL), 0);
    }
    cr_assert_eq(fixture_files(f, ".log"), 4);
    cr_assert_eq(f->found.incarnation, 3);
    tide_wal_retain(f->wal, f->last);
    run_jobs(f);
    cr_assert_eq(fixture_files(f, ".log"), 1);
    fixture_fini(f);
}

Test(writer, beginning_without_space_may_be_tried_again)
{
    static struct fixture f;
    struct tide_error err = {.code = 0};
    fixture_init(&f, 1, SEGMENT);
    f.disk.space = 1000;
    cr_assert_eq(fixture_begin(&f, &err), TIDE_ERR_NOSPACE);
    cr_assert_null(f.wal);
    f.disk.space = UINT64_MAX / 2;
    cr_assert_eq(fixture_begin(&f, &err), 0, "%s", err.text);
    cr_assert_eq(fixture_append(&f, TIDE_WAL_START, 10), 0);
    fixture_sync(&f);
    fixture_crash(&f);
    cr_assert_eq(fixture_recover(&f, NULL), 0);
    cr_assert_eq(f.visited_last, 2);
    fixture_fini(&f);
}
