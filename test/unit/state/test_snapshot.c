/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots against a model: random changes, cuts, images, crashes and restarts with other
 * parallelism.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "rig.h"

struct run {
    struct rig rig;
    struct model model;     /* as the stores are now */
    struct model committed; /* as of rig.refs */
    uint64_t random;
};

static uint32_t
draw(struct run *run, uint32_t below)
{
    run->random = run->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((run->random >> 33) % below);
}

static void
change(struct run *run, uint32_t keys)
{
    static uint8_t value[300000];
    char key[64];
    const uint32_t len = (uint32_t)snprintf(key, sizeof(key), "key-%0*u",
                                            1 + (int)draw(run, 3) * 12, draw(run, keys));
    const uint32_t kind = draw(run, 1000);
    if (kind < 250) {
        rig_del(&run->rig, key, len);
        model_del(&run->model, key, len);
        return;
    }
    const uint32_t n = kind == 999  ? 200000 + draw(run, 100000)
                       : kind > 980 ? draw(run, 9000)
                                    : draw(run, 90);
    for (uint32_t i = 0; i < n; i += 7) {
        value[i] = (uint8_t)draw(run, 256);
    }
    rig_put(&run->rig, key, len, value, n);
    model_put(&run->model, key, len, value, n);
}

static void
restart(struct run *run, uint32_t tasks, uint32_t workers)
{
    struct tide_error err = {0};
    rig_stop(&run->rig);
    cr_assert_eq(rig_start(&run->rig, tasks, workers, &err), 0, "%s", err.text);
    model_copy(&run->model, &run->committed);
    rig_compare(&run->rig, &run->model);
}

/* Some epochs of changes; the last changes are in no cut and must be gone after a crash. */
static void
epochs(struct run *run, uint32_t n, uint32_t changes, uint32_t keys)
{
    for (uint32_t e = 0; e < n; e++) {
        for (uint32_t i = 0; i < changes; i++) {
            change(run, keys);
            if (i % 16 == 0) {
                rig_turn(&run->rig);
            }
        }
        if (draw(run, 8) == 0) {
            rig_cut(&run->rig); /* skipped by the coordinator's commit, but cut */
        }
        rig_cut(&run->rig);
        rig_commit(&run->rig);
        model_copy(&run->committed, &run->model);
    }
    for (uint32_t i = 0; i < changes / 2; i++) {
        change(run, keys);
    }
}

Test(snapshot, each_parallelism_into_each, .timeout = 240)
{
    struct run run = {.random = 7};
    struct tide_error err = {0};
    rig_init(&run.rig, 256u << 20);
    cr_assert_eq(rig_start(&run.rig, 1, 1, &err), 0, "%s", err.text);
    /* 1e5 changes: 10 rounds x 20 epochs x 500; every pair of parallelisms, with shared and own
     * workers */
    static const uint32_t next[][2] = {{2, 1}, {3, 2}, {1, 1}, {3, 3}, {2, 2},
                                       {2, 1}, {1, 1}, {1, 1}, {3, 1}, {3, 2}};
    for (size_t i = 0; i < sizeof(next) / sizeof(*next); i++) {
        epochs(&run, 20, 500, 3000);
        rig_compare(&run.rig, &run.model);
        restart(&run, next[i][0], next[i][1]);
    }
    rig_fini(&run.rig);
    model_fini(&run.model);
    model_fini(&run.committed);
}

/* The same with offload threads, for ThreadSanitizer: nothing but the order of files may differ. */
Test(snapshot, threads, .timeout = 240)
{
    struct run run = {.random = 8};
    struct tide_error err = {0};
    rig_init(&run.rig, 256u << 20);
    rig_use_threads(&run.rig);
    cr_assert_eq(rig_start(&run.rig, 2, 2, &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < 4; i++) {
        epochs(&run, 15, 200, 1000);
        restart(&run, 1 + i % 3, 1 + i % 2);
    }
    rig_fini(&run.rig);
    model_fini(&run.model);
    model_fini(&run.committed);
}

/* A crash right after a restart, again and again: references inherit from many incarnations. */
Test(snapshot, restart_after_restart)
{
    struct run run = {.random = 11};
    struct tide_error err = {0};
    rig_init(&run.rig, 256u << 20);
    cr_assert_eq(rig_start(&run.rig, 2, 2, &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < 12; i++) {
        epochs(&run, 1, 40, 300);
        restart(&run, 1 + i % 3, 1);
        restart(&run, 1 + (i + 1) % 3, 1);
    }
    rig_fini(&run.rig);
    model_fini(&run.model);
    model_fini(&run.committed);
}

/* Without changes a cut writes nothing and is durable at once; the reference still restores
 * everything. */
Test(snapshot, an_empty_epoch_costs_nothing)
{
    struct run run = {.random = 3};
    struct tide_error err = {0};
    uint64_t epoch;
    struct tide_bytes ref;
    rig_init(&run.rig, 64u << 20);
    cr_assert_eq(rig_start(&run.rig, 1, 1, &err), 0, "%s", err.text);
    epochs(&run, 1, 10, 100);
    rig_cut(&run.rig);
    rig_commit(&run.rig);
    model_copy(&run.committed, &run.model);
    rig_cut(&run.rig);
    cr_assert(tide_state_durable_peek(run.rig.stores[0], &epoch, &ref), "nothing to wait for");
    rig_commit(&run.rig);
    restart(&run, 2, 1);
    rig_fini(&run.rig);
    model_fini(&run.model);
    model_fini(&run.committed);
}

static uint32_t
files_count(const char *dir)
{
    char command[128];
    snprintf(command, sizeof(command), "ls %s | grep -c -E '^(chg|img)-'", dir);
    FILE *pipe = popen(command, "r");
    uint32_t n = 0;
    cr_assert_eq(fscanf(pipe, "%u", &n), 1);
    pclose(pipe);
    return n;
}

/* Retention keeps the last two commits restorable and bounds the number of files. */
Test(snapshot, retention, .timeout = 120)
{
    struct run run = {.random = 5};
    struct tide_error err = {0};
    rig_init(&run.rig, 256u << 20);
    cr_assert_eq(rig_start(&run.rig, 3, 2, &err), 0, "%s", err.text);
    for (uint32_t round = 0; round < 30; round++) {
        struct tide_bytes refs[2 * RIG_TASKS];
        epochs(&run, 2, 200, 2000);
        memcpy(refs, run.rig.refs, run.rig.n_refs * sizeof(*refs));
        memcpy(refs + run.rig.n_refs, run.rig.older, run.rig.n_older * sizeof(*refs));
        cr_assert_eq(tide_state_retain(&run.rig.site, refs, run.rig.n_refs + run.rig.n_older, &err),
                     0, "%s", err.text);
        if (round % 3 == 2) {
            restart(&run, 1 + round % 2, 1);
        }
    }
    /* The same epoch again from the commit before the newest. */
    rig_stop(&run.rig);
    struct tide_bytes newest[RIG_TASKS];
    memcpy(newest, run.rig.refs, sizeof(newest));
    const uint32_t n = run.rig.n_refs;
    memcpy(run.rig.refs, run.rig.older, sizeof(newest));
    run.rig.n_refs = run.rig.n_older;
    cr_assert_eq(rig_start(&run.rig, 3, 1, &err), 0, "%s", err.text);
    memcpy(run.rig.refs, newest, sizeof(newest));
    run.rig.n_refs = n;
    cr_assert_lt(files_count(run.rig.scratch.dir), 40);
    rig_fini(&run.rig);
    model_fini(&run.model);
    model_fini(&run.committed);
}

/* What a running incarnation has written and not yet committed survives retention for older
 * commits. */
Test(snapshot, retention_spares_what_is_not_committed)
{
    struct run run = {.random = 6};
    struct tide_error err = {0};
    rig_init(&run.rig, 64u << 20);
    cr_assert_eq(rig_start(&run.rig, 2, 1, &err), 0, "%s", err.text);
    epochs(&run, 3, 50, 500);
    restart(&run, 3, 1);
    for (uint32_t e = 0; e < 8; e++) {
        for (uint32_t i = 0; i < 50; i++) {
            change(&run, 500);
        }
        rig_cut(&run.rig);
        while (rig_turn(&run.rig)) {
        }
        cr_assert_eq(tide_state_retain(&run.rig.site, run.rig.refs, run.rig.n_refs, &err), 0);
        rig_commit(&run.rig);
        model_copy(&run.committed, &run.model);
    }
    restart(&run, 1, 1);
    rig_fini(&run.rig);
    model_fini(&run.model);
    model_fini(&run.committed);
}

/* What retention may delete is exactly what the references do not name. */
static int
count_visit(void *ctx, const char *name)
{
    (void)name;
    ++*(uint32_t *)ctx;
    return 0;
}

Test(snapshot, references_in_words)
{
    struct run run = {.random = 9};
    struct tide_error err = {0};
    char text[512];
    uint32_t files = 0;
    rig_init(&run.rig, 64u << 20);
    cr_assert_eq(rig_start(&run.rig, 1, 1, &err), 0, "%s", err.text);
    rig_put(&run.rig, "a", 1, "x", 1);
    rig_cut(&run.rig);
    rig_commit(&run.rig);
    tide_state_ref_text(run.rig.refs[0], text, sizeof(text));
    cr_assert_not_null(
        strstr(text, "task 0/1 groups 0+16 of 16 of count: chg-0000000000000001-0-0.seg[64+"), "%s",
        text);
    cr_assert_eq(tide_state_files_needed(run.rig.refs, 1, count_visit, &files, &err), 0);
    cr_assert_eq(files, 1);
    cr_assert_eq(
        tide_state_files_needed(&(struct tide_bytes){"zz", 2}, 1, count_visit, &files, &err),
        TIDE_ERR_CORRUPT);
    rig_fini(&run.rig);
}

static void
saved_expect(struct rig *rig, uint32_t t, const char *expected)
{
    char got[64] = "";
    struct tide_saved saved;
    uint32_t cursor = 0;
    while (tide_state_saved_next(rig->stores[t], "count", &cursor, &saved)) {
        size_t len = strlen(got);
        snprintf(got + len, sizeof(got) - len, "%u:%.*s ", saved.index, (int)saved.bytes.n,
                 (const char *)saved.bytes.p);
        cr_assert_eq(saved.version, 4);
    }
    cr_assert_str_eq(got, expected);
}

static void
save(struct rig *rig, uint32_t t, const char *text)
{
    struct tide_error err = {0};
    cr_assert_eq(tide_state_save(rig->stores[t], "count", 4,
                                 (struct tide_bytes){text, (uint32_t)strlen(text)}, &err),
                 0, "%s", err.text);
}

/* Saved bytes go to the task whose index they are modulo the new count, and the newest only. */
Test(snapshot, saved_bytes)
{
    struct rig rig;
    struct tide_error err = {0};
    rig_init(&rig, 64u << 20);
    cr_assert_eq(rig_start(&rig, 3, 1, &err), 0, "%s", err.text);
    save(&rig, 0, "old");
    save(&rig, 1, "one");
    save(&rig, 2, "two");
    rig_cut(&rig);
    save(&rig, 0, "zero");
    rig_cut(&rig);
    rig_commit(&rig);
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 2, 1, &err), 0, "%s", err.text);
    saved_expect(&rig, 0, "0:zero 2:two ");
    saved_expect(&rig, 1, "1:one ");
    cr_assert_eq(tide_state_store_version(rig.stores[0], "count"), 4);
    /* A crash before the first cut changes nothing. */
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0, "%s", err.text);
    saved_expect(&rig, 0, "0:zero 1:one 2:two ");
    /* Once the one task has saved, what it took over is gone, also with images in between. */
    for (uint32_t e = 0; e < 12; e++) {
        save(&rig, 0, "all");
        rig_put(&rig, "k", 1, &e, sizeof(e));
        rig_cut(&rig);
        rig_commit(&rig);
        while (rig_turn(&rig)) {
        }
    }
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 3, 1, &err), 0, "%s", err.text);
    saved_expect(&rig, 0, "0:all ");
    saved_expect(&rig, 1, "");
    saved_expect(&rig, 2, "");
    rig_fini(&rig);
}

static void
timers_expect(struct rig *rig, uint32_t domain, int64_t now, const char *expected)
{
    char got[128] = "";
    struct tide_timer timer;
    for (uint32_t t = 0; t < rig->n_tasks; t++) {
        while (tide_state_timer_due(rig->stores[t], domain, now, &timer)) {
            size_t len = strlen(got);
            snprintf(got + len, sizeof(got) - len, "%.*s@%lld ", (int)timer.key.n,
                     (const char *)timer.key.p, (long long)timer.at);
        }
    }
    cr_assert_str_eq(got, expected);
}

static struct tide_bytes
key_of(const char *text)
{
    return (struct tide_bytes){text, (uint32_t)strlen(text)};
}

/* Timers are part of what is cut and restored; processing times keep their distance from now. */
Test(snapshot, timers)
{
    struct rig rig;
    struct tide_error err = {0};
    int64_t at = 0;
    rig_init(&rig, 64u << 20);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0, "%s", err.text);
    const int64_t hour = 3600 * (int64_t)1000000000, now = (int64_t)tide_mono_ns(rig.site.seam);
    tide_state_timer_set(rig.states[0], key_of("b"), 200, TIDE_TIMER_EVENT);
    tide_state_timer_set(rig.states[0], key_of("a"), 200, TIDE_TIMER_EVENT);
    tide_state_timer_set(rig.states[0], key_of("c"), 100, TIDE_TIMER_EVENT);
    tide_state_timer_set(rig.states[0], key_of("d"), -50, TIDE_TIMER_EVENT);
    tide_state_timer_set(rig.states[0], key_of("gone"), 1, TIDE_TIMER_EVENT);
    tide_state_timer_set(rig.states[0], key_of("p"), now + hour, TIDE_TIMER_PROCESSING);
    rig_cut(&rig);
    tide_state_timer_clear(rig.states[0], key_of("gone"), TIDE_TIMER_EVENT);
    tide_state_timer_set(rig.states[0], key_of("c"), 300, TIDE_TIMER_EVENT);
    rig_cut(&rig);
    rig_commit(&rig);
    tide_state_timer_set(rig.states[0], key_of("lost"), 5, TIDE_TIMER_EVENT);
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0, "%s", err.text);
    cr_assert(tide_state_timer_next(rig.stores[0], TIDE_TIMER_EVENT, &at));
    cr_assert_eq(at, -50);
    timers_expect(&rig, TIDE_TIMER_EVENT, 250, "d@-50 a@200 b@200 ");
    timers_expect(&rig, TIDE_TIMER_EVENT, 299, "");
    timers_expect(&rig, TIDE_TIMER_EVENT, 300, "c@300 ");
    cr_assert(tide_state_timer_next(rig.stores[0], TIDE_TIMER_PROCESSING, &at));
    /* The two clocks are read one after the other: they may differ by the time between. */
    cr_assert(llabs(at - (now + hour)) < 1000000000, "an hour from then");
    rig_cut(&rig);
    rig_commit(&rig);
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 2, 2, &err), 0, "%s", err.text);
    timers_expect(&rig, TIDE_TIMER_EVENT, INT64_MAX, "");
    rig_fini(&rig);
}
