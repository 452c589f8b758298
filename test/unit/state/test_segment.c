/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change log and the images under faults: full disks, failed syncs, full buffers, files that
 * run out.
 *
 * A tap between the engine and plain storage counts submits and changes answers; the clock is the
 * test's.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "rig.h"

/* What is asked of the storage, and how much was submitted. */
struct faults {
    uint32_t submits;
    int answer;      /* of completions, 0: the real one */
    int zero_answer; /* of zero() */
    int sync_answer; /* of sync() */
};

/* An instance that is tapped. */
struct tap {
    struct tide_io io;
    struct tide_io *real;
};

static struct faults faults;
static struct tap control, workers[16];
static uint32_t n_workers;
static uint64_t now_ns;

static uint64_t
clock_read(void *self)
{
    (void)self;
    return now_ns;
}

static int
tap_submit(void *self, const struct tide_io_write *write)
{
    struct tap *tap = self;
    faults.submits++;
    return tap->real->submit(tap->real->self, write);
}

static uint32_t
tap_poll(void *self, struct tide_io_completion *out, uint32_t max)
{
    struct tap *tap = self;
    uint32_t n = tap->real->poll(tap->real->self, out, max);
    for (uint32_t i = 0; i < n; i++) {
        out[i].result = faults.answer != 0 ? faults.answer : out[i].result;
    }
    return n;
}

static void
tap_wait(void *self)
{
    struct tap *tap = self;
    tap->real->wait(tap->real->self);
}

static void
tap_destroy(struct tide_io *io)
{
    struct tap *tap = io->self;
    tap->real->destroy(tap->real);
}

/* A worker's instance: only the owner's calls are used. */
static struct tide_io *
tap_make(void *ctx)
{
    struct tap *tap = &workers[n_workers++];
    (void)ctx;
    cr_assert_eq(tide_io_create(tide_seam_real(), TIDE_IO_PLAIN, &tap->real, NULL), 0);
    tap->io = (struct tide_io){.self = tap,
                               .submit = tap_submit,
                               .poll = tap_poll,
                               .wait = tap_wait,
                               .destroy = tap_destroy};
    return &tap->io;
}

static int
tap_zero(void *self, struct tide_file *file, uint64_t len, struct tide_error *err)
{
    return faults.zero_answer != 0
               ? tide_error_set(err, faults.zero_answer, "no space left for a state file")
               : control.real->zero(self, file, len, err);
}

static int
tap_sync(void *self, struct tide_file *file, struct tide_error *err)
{
    return faults.sync_answer != 0 ? tide_error_set(err, faults.sync_answer, "no luck with sync")
                                   : control.real->sync(self, file, err);
}

static void
start(struct rig *rig, struct tide_seam *seam, uint32_t tasks)
{
    struct tide_error err = {0};
    rig_init(rig, 256u << 20);
    *seam = *tide_seam_real();
    seam->mono_ns = clock_read;
    now_ns = 1000000000;
    control = (struct tap){.io = *rig->io, .real = rig->io};
    control.io.zero = tap_zero;
    control.io.sync = tap_sync;
    rig->make_io = tap_make;
    rig->site.seam = seam;
    rig->site.io = &control.io;
    cr_assert_eq(rig_start(rig, tasks, 1, &err), 0, "%s", err.text);
}

static void
put_for(struct rig *rig, uint32_t task, uint32_t i, uint32_t n)
{
    static uint8_t value[3u << 20];
    char key[24];
    uint32_t len, salt = 0;
    do {
        len = (uint32_t)snprintf(key, sizeof(key), "%u-%u", i, salt++);
    } while (rig_task(rig, key, len) != task);
    memset(value, (int)i, n);
    rig_put(rig, key, len, value, n);
}

static void
settle(struct rig *rig)
{
    for (uint32_t quiet = 0; quiet < 3;) {
        if (rig_turn(rig)) {
            quiet = 0;
        } else if (tide_segment_busy(rig->segments[0])) {
            rig->worker_io[0]->wait(rig->worker_io[0]->self);
        } else {
            quiet++;
        }
    }
}

Test(segment, one_sync_per_worker_and_epoch)
{
    struct rig rig;
    struct tide_seam seam;
    uint64_t epoch;
    struct tide_bytes ref;
    start(&rig, &seam, 2);
    for (uint32_t e = 1; e <= 5; e++) {
        put_for(&rig, 0, e, 10);
        put_for(&rig, 1, e, 10);
        cr_assert_eq(tide_state_cut(rig.stores[0], e), TIDE_CUT_DONE);
        settle(&rig);
        cr_assert_eq(faults.submits, e - 1, "the other task's cut is waited for");
        cr_assert(!tide_state_durable_peek(rig.stores[0], &epoch, &ref));
        cr_assert_eq(tide_state_cut(rig.stores[1], e), TIDE_CUT_DONE);
        settle(&rig);
        cr_assert_eq(faults.submits, e);
        for (uint32_t t = 0; t < 2; t++) {
            cr_assert(tide_state_durable_peek(rig.stores[t], &epoch, &ref));
            cr_assert_eq(epoch, e);
            tide_state_durable_done(rig.stores[t]);
        }
    }
    /* A task whose inputs ended is not waited for. */
    tide_state_end(rig.stores[1]);
    put_for(&rig, 0, 6, 10);
    cr_assert_eq(tide_state_cut(rig.stores[0], 6), TIDE_CUT_DONE);
    settle(&rig);
    cr_assert(tide_state_durable_peek(rig.stores[0], &epoch, &ref));
    rig_fini(&rig);
}

Test(segment, a_full_buffer_does_not_wait_for_other_tasks)
{
    struct rig rig;
    struct tide_seam seam;
    enum tide_cut cut;
    start(&rig, &seam, 2);
    for (uint32_t i = 0; i < 100; i++) {
        put_for(&rig, 0, i, 40000);
    }
    uint32_t calls = 0;
    while ((cut = tide_state_cut(rig.stores[0], 1)) != TIDE_CUT_DONE) {
        cr_assert_neq(cut, TIDE_CUT_FAILED);
        calls++;
        rig_turn(&rig);
        cr_assert_lt(calls, 10000000);
    }
    cr_assert_gt(calls, 20, "a step is bounded: 4 MB are not copied in one");
    cr_assert_geq(faults.submits, 3);
    rig_fini(&rig);
}

Test(segment, a_full_disk_is_waited_for)
{
    struct rig rig;
    struct tide_seam seam;
    struct tide_error err = {0};
    uint64_t epoch;
    struct tide_bytes ref;
    start(&rig, &seam, 1);
    faults.answer = TIDE_ERR_NOSPACE;
    put_for(&rig, 0, 1, 100);
    rig_cut(&rig);
    settle(&rig);
    cr_assert_str_not_empty(tide_segment_waiting(rig.segments[0]));
    cr_assert_eq(tide_segment_failed(rig.segments[0], &err), 0);
    cr_assert(!tide_state_durable_peek(rig.stores[0], &epoch, &ref));
    cr_assert_gt(tide_segment_due(rig.segments[0]), now_ns);
    const uint32_t submits = faults.submits;
    settle(&rig);
    cr_assert_eq(faults.submits, submits, "not before its time");
    now_ns = tide_segment_due(rig.segments[0]);
    settle(&rig);
    cr_assert_eq(faults.submits, submits + 1, "the same bytes again");
    faults.answer = 0;
    now_ns = tide_segment_due(rig.segments[0]);
    rig_commit(&rig);
    cr_assert_null(tide_segment_waiting(rig.segments[0]));
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0, "%s", err.text);
    cr_assert_eq(tide_state_used_bytes(rig.states[0]) > 0, true);
    uint64_t cursor = 0;
    struct tide_bytes key, value;
    cr_assert(tide_state_scan(rig.states[0], &cursor, &key, &value));
    cr_assert_eq(value.n, 100);
    rig_fini(&rig);
}

Test(segment, after_a_failed_sync_nothing_is_durable)
{
    struct rig rig;
    struct tide_seam seam;
    struct tide_error err = {0};
    uint64_t epoch;
    struct tide_bytes ref;
    start(&rig, &seam, 1);
    faults.answer = TIDE_ERR_SYNC;
    put_for(&rig, 0, 1, 100);
    rig_cut(&rig);
    settle(&rig);
    cr_assert_eq(tide_segment_failed(rig.segments[0], &err), TIDE_ERR_SYNC);
    cr_assert(strstr(err.text, "change log of worker 0"), "%s", err.text);
    cr_assert_eq(rig.fail_code, TIDE_ERR_SYNC, "the task is told");
    faults.answer = 0;
    const uint32_t submits = faults.submits;
    put_for(&rig, 0, 2, 100);
    cr_assert_eq(tide_state_cut(rig.stores[0], 2), TIDE_CUT_FAILED);
    now_ns += 3600000000000u;
    settle(&rig);
    cr_assert_eq(faults.submits, submits, "never retried");
    cr_assert(!tide_state_durable_peek(rig.stores[0], &epoch, &ref));
    rig_fini(&rig);
}

/* More than a file holds, again and again; then no space for the next file. */
Test(segment, files_roll, .timeout = 120)
{
    struct rig rig;
    struct tide_seam seam;
    struct tide_error err = {0};
    struct model model = {0};
    char key[16];
    static uint8_t value[3u << 20];
    start(&rig, &seam, 1);
    rig.site.full_every = 1000;
    for (uint32_t e = 0; e < 30; e++) {
        /* some larger than a buffer, so that it grows and shrinks again */
        for (uint32_t i = 0; i < 12; i++) {
            const uint32_t n = i == 5 ? 2500000 + e : 100000 + e;
            const uint32_t len = (uint32_t)snprintf(key, sizeof(key), "%u", i);
            memset(value, (int)(e + i), n);
            rig_put(&rig, key, len, value, n);
            model_put(&model, key, len, value, n);
        }
        rig_cut(&rig);
        rig_commit(&rig);
    }
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 2, 2, &err), 0, "%s", err.text);
    rig_compare(&rig, &model);
    rig_fini(&rig);
    model_fini(&model);
}

Test(segment, no_space_for_the_next_file)
{
    struct rig rig;
    struct tide_seam seam;
    uint32_t e = 1;
    enum tide_cut cut;
    start(&rig, &seam, 1);
    faults.zero_answer = TIDE_ERR_NOSPACE;
    for (;; e++) {
        uint32_t blocked = 0;
        for (uint32_t i = 0; i < 10; i++) {
            put_for(&rig, 0, i, 90000);
        }
        while ((cut = tide_state_cut(rig.stores[0], e)) != TIDE_CUT_DONE && blocked < 1000) {
            blocked += cut == TIDE_CUT_BLOCKED;
            settle(&rig);
        }
        if (cut != TIDE_CUT_DONE) {
            break;
        }
        settle(&rig);
        uint64_t epoch;
        struct tide_bytes ref;
        cr_assert(tide_state_durable_peek(rig.stores[0], &epoch, &ref));
        tide_state_durable_done(rig.stores[0]);
        cr_assert_lt(e, 40);
    }
    cr_assert_gt(e, 10, "the first file is used up first");
    cr_assert(strstr(tide_segment_waiting(rig.segments[0]), "no space left"),
              "says what it waits for");
    faults.zero_answer = 0;
    now_ns = tide_segment_due(rig.segments[0]);
    while ((cut = tide_state_cut(rig.stores[0], e)) != TIDE_CUT_DONE) {
        cr_assert_neq(cut, TIDE_CUT_FAILED);
        settle(&rig);
    }
    cr_assert_null(tide_segment_waiting(rig.segments[0]));
    rig_fini(&rig);
}

/* An image that cannot be written is given up; the changes behind it make the references meanwhile.
 */
Test(image, a_failure_is_repeated_later)
{
    struct rig rig;
    struct tide_seam seam;
    char text[4096];
    start(&rig, &seam, 1);
    settle(&rig); /* the spare file is there */
    faults.sync_answer = TIDE_ERR_NOSPACE;
    for (uint32_t e = 0; e < 12; e++) {
        put_for(&rig, 0, e, 100);
        rig_cut(&rig);
        settle(&rig);
        rig_commit(&rig);
    }
    tide_state_ref_text(rig.refs[0], text, sizeof(text));
    cr_assert_null(strstr(text, "img-"), "%s", text);
    faults.sync_answer = 0;
    now_ns += 2000000000;
    for (uint32_t e = 0; e < 3; e++) {
        put_for(&rig, 0, e, 100);
        rig_cut(&rig);
        settle(&rig);
        rig_commit(&rig);
    }
    tide_state_ref_text(rig.refs[0], text, sizeof(text));
    cr_assert_not_null(strstr(text, "img-"), "%s", text);
    rig_fini(&rig);
}

Test(image, a_failed_sync_fails_the_task)
{
    struct rig rig;
    struct tide_seam seam;
    start(&rig, &seam, 1);
    settle(&rig);
    for (uint32_t e = 0; e < 12 && rig.fail_code == 0; e++) {
        put_for(&rig, 0, e, 100);
        rig_cut(&rig);
        faults.sync_answer = TIDE_ERR_SYNC;
        settle(&rig);
    }
    cr_assert_eq(rig.fail_code, TIDE_ERR_SYNC);
    cr_assert(strstr(rig.fail_text, "base image"), "%s", rig.fail_text);
    rig_fini(&rig);
}
