/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store refuses, and how it says so.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "rig.h"

static void
start(struct rig *rig, uint64_t memory, uint32_t tasks)
{
    struct tide_error err = {0};
    rig_init(rig, memory);
    cr_assert_eq(rig_start(rig, tasks, 1, &err), 0, "%s", err.text);
}

static struct tide_bytes
key_of(const char *text)
{
    return (struct tide_bytes){text, (uint32_t)strlen(text)};
}

Test(store, declare_refuses)
{
    struct rig rig;
    struct tide_error err = {0};
    struct tide_state *state;
    start(&rig, 16u << 20, 1);
    cr_assert_eq(tide_state_declare(rig.stores[0], "count", "n", 1, &state, &err),
                 TIDE_ERR_INVALID);
    cr_assert(strstr(err.text, "declared twice"), "%s", err.text);
    cr_assert_eq(tide_state_declare(rig.stores[0], "other", "n", 1, &state, &err),
                 TIDE_ERR_INVALID);
    cr_assert_eq(tide_state_declare(rig.stores[0], "count", "", 1, &state, &err), TIDE_ERR_INVALID);
    cr_assert_eq(tide_state_declare(rig.stores[0], "count", "m", 9, &state, &err), 0);
    tide_state_put(state, key_of("k"), 4);
    rig_cut(&rig);
    rig_commit(&rig);
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0);
    cr_assert_eq(tide_state_store_version(rig.stores[0], "count"), 9);
    cr_assert_eq(tide_state_declare(rig.stores[0], "count", "m", 10, &state, &err),
                 TIDE_ERR_CHECKPOINT);
    cr_assert(strstr(err.text, "version 9") && strstr(err.text, "version 10"), "%s", err.text);
    cr_assert_eq(tide_state_declare(rig.stores[0], "count", "m", 9, &state, &err), 0);
    cr_assert_eq(tide_state_get(state, key_of("k")).n, 4);
    rig_fini(&rig);
}

/* A state that nobody declares any more is carried along, also through images. */
Test(store, undeclared_state_is_carried_along)
{
    struct rig rig;
    struct tide_error err = {0};
    struct tide_state *state;
    start(&rig, 16u << 20, 1);
    cr_assert_eq(tide_state_declare(rig.stores[0], "count", "old", 1, &state, &err), 0);
    memcpy(tide_state_put(state, key_of("k"), 4), "kept", 4);
    tide_state_timer_set(state, key_of("k"), 10, TIDE_TIMER_EVENT);
    for (uint32_t e = 0; e < 12; e++) {
        rig_put(&rig, "x", 1, &e, sizeof(e));
        rig_cut(&rig);
        rig_commit(&rig);
        while (rig_turn(&rig)) {
        }
        if (e == 1) {
            rig_stop(&rig);
            cr_assert_eq(rig_start(&rig, 1, 1, &err), 0);
        }
    }
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0);
    cr_assert_eq(tide_state_declare(rig.stores[0], "count", "old", 1, &state, &err), 0);
    cr_assert_eq(memcmp(tide_state_get(state, key_of("k")).p, "kept", 4), 0);
    struct tide_timer timer;
    cr_assert(tide_state_timer_due(rig.stores[0], TIDE_TIMER_EVENT, 10, &timer));
    cr_assert_eq(timer.state, state);
    rig_fini(&rig);
}

Test(store, another_tasks_key_fails_the_task)
{
    struct rig rig;
    char key[16];
    uint32_t n = 0;
    start(&rig, 16u << 20, 2);
    do {
        snprintf(key, sizeof(key), "%u", n++);
    } while (rig_task(&rig, key, (uint32_t)strlen(key)) == 0);
    cr_assert_null(tide_state_put(rig.states[0], key_of(key), 1));
    cr_assert_eq(rig.fail_code, TIDE_ERR_INVALID);
    cr_assert(strstr(rig.fail_text, "groups 0 to 7"), "%s", rig.fail_text);
    cr_assert_eq(tide_state_cut(rig.stores[0], 1), TIDE_CUT_FAILED);
    cr_assert_not_null(tide_state_put(rig.states[1], key_of(key), 1), "its owner may");
    rig_fini(&rig);
}

Test(store, too_long_keys_and_values_fail_the_task)
{
    struct rig rig;
    start(&rig, 16u << 20, 1);
    static const char long_key[TIDE_LIMIT_STATE_KEY + 1];
    cr_assert_null(
        tide_state_put(rig.states[0], (struct tide_bytes){long_key, sizeof(long_key)}, 1));
    cr_assert_eq(rig.fail_code, TIDE_ERR_LIMIT);
    cr_assert(strstr(rig.fail_text, "operator 'count', state 'n'"), "%s", rig.fail_text);
    rig_fini(&rig);
    start(&rig, 16u << 20, 1);
    cr_assert_null(tide_state_put(rig.states[0], key_of("k"), TIDE_LIMIT_STATE_VALUE + 1));
    cr_assert_eq(rig.fail_code, TIDE_ERR_LIMIT);
    rig_fini(&rig);
}

/* state.memory full: the task fails with the operator named, the last commit stays restorable with
 * more memory. */
Test(store, memory_limit)
{
    struct rig rig;
    struct tide_error err = {0};
    char key[16];
    uint32_t n = 0, committed = 0;
    start(&rig, 4u << 20, 1);
    for (;; n++) {
        snprintf(key, sizeof(key), "%u", n);
        void *room = tide_state_put(rig.states[0], key_of(key), 100);
        if (room == NULL) {
            break;
        }
        memcpy(room, &n, sizeof(n));
        if (n % 1000 == 999) {
            rig_cut(&rig);
            rig_commit(&rig);
            committed = n + 1;
        }
    }
    cr_assert_gt(committed, 3000);
    cr_assert_eq(rig.fail_code, TIDE_ERR_LIMIT);
    cr_assert(strstr(rig.fail_text, "operator 'count', state 'n': state.memory is full"), "%s",
              rig.fail_text);
    const uint64_t used = tide_state_used_bytes(rig.states[0]);
    cr_assert(used > 500000 && used < 4u << 20, "%llu", (unsigned long long)used);
    rig_stop(&rig);
    /* Restoring needs about as much again; a smaller budget is refused with the reason. */
    struct tide_budget *small;
    struct tide_budget_child *child = rig.child;
    cr_assert_eq(tide_budget_create(tide_seam_real(), 3u << 20, &small, NULL), 0);
    cr_assert_eq(tide_budget_child_add(small, "state", 0, 0, &rig.site.budget, NULL), 0);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), TIDE_ERR_LIMIT);
    cr_assert(strstr(err.text, "state.memory is too small"), "%s", err.text);
    rig_stop(&rig);
    cr_assert_eq(tide_budget_child_use(rig.site.budget).used, 0);
    tide_budget_destroy(small);
    rig.site.budget = child;
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0, "%s", err.text);
    for (n = 0; n < committed; n++) {
        snprintf(key, sizeof(key), "%u", n);
        struct tide_bytes got = tide_state_get(rig.states[0], key_of(key));
        cr_assert_eq(got.n, 100);
        cr_assert_eq(memcmp(got.p, &n, sizeof(n)), 0);
    }
    rig_fini(&rig);
}

Test(store, get_many_is_get)
{
    struct rig rig;
    char texts[200][8];
    struct tide_bytes keys[200], many[200];
    start(&rig, 16u << 20, 1);
    for (uint32_t i = 0; i < 200; i++) {
        keys[i] = (struct tide_bytes){texts[i], (uint32_t)snprintf(texts[i], 8, "%u", i)};
        if (i % 3 != 0) {
            memset(tide_state_put(rig.states[0], keys[i], i), (int)i, i);
        }
    }
    tide_state_get_many(rig.states[0], keys, 200, many);
    for (uint32_t i = 0; i < 200; i++) {
        const struct tide_bytes one = tide_state_get(rig.states[0], keys[i]);
        cr_assert_eq(many[i].p, one.p);
        cr_assert_eq(many[i].n, one.n);
        cr_assert_eq(one.p == NULL, i % 3 == 0);
        cr_assert_eq(one.n, i % 3 == 0 ? 0 : i);
    }
    rig_fini(&rig);
}

Test(store, too_much_saved)
{
    struct rig rig;
    struct tide_error err = {0};
    static const char bytes[TIDE_LIMIT_STATE_SAVED + 1];
    start(&rig, 16u << 20, 1);
    cr_assert_eq(
        tide_state_save(rig.stores[0], "count", 1, (struct tide_bytes){bytes, sizeof(bytes)}, &err),
        TIDE_ERR_LIMIT);
    cr_assert(strstr(err.text, "use keyed state"), "%s", err.text);
    cr_assert_eq(tide_state_save(rig.stores[0], "count", 1,
                                 (struct tide_bytes){bytes, sizeof(bytes) - 1}, &err),
                 0);
    rig_cut(&rig);
    rig_commit(&rig);
    rig_stop(&rig);
    cr_assert_eq(rig_start(&rig, 1, 1, &err), 0, "%s", err.text);
    struct tide_saved saved;
    uint32_t cursor = 0;
    cr_assert(tide_state_saved_next(rig.stores[0], "count", &cursor, &saved));
    cr_assert_eq(saved.bytes.n, TIDE_LIMIT_STATE_SAVED);
    rig_fini(&rig);
}

/* Key groups are fixed in the checkpoint. */
Test(store, other_key_groups_are_refused)
{
    struct rig rig;
    struct tide_error err = {0};
    start(&rig, 16u << 20, 1);
    rig_put(&rig, "k", 1, "v", 1);
    rig_cut(&rig);
    rig_commit(&rig);
    rig_stop(&rig);
    rig.site.key_groups = 32;
    cr_assert_eq(rig_start(&rig, 1, 1, &err), TIDE_ERR_CHECKPOINT);
    cr_assert(strstr(err.text, "16 key groups, the pipeline 32"), "%s", err.text);
    rig_fini(&rig);
}

/* ---- the n-th allocation fails ---- */

static uint32_t until_failure;

static bool
fails_now(void)
{
    return until_failure > 0 && --until_failure == 0;
}

static void *
failing_alloc(void *self, size_t size)
{
    (void)self;
    return fails_now() ? NULL : tide_alloc(tide_seam_real(), size);
}

static void *
failing_resize(void *self, void *block, size_t size)
{
    (void)self;
    return fails_now() ? NULL : tide_resize(tide_seam_real(), block, size);
}

/* Restores, declares, saves, puts and cuts; the first error, or 0. */
static int
life(struct rig *rig)
{
    struct tide_error err = {0};
    int rc = rig_start(rig, 1, 1, &err);
    if (rc != 0) {
        return rc;
    }
    rc = tide_state_save(rig->stores[0], "count", 1, key_of("saved"), &err);
    if (rc != 0) {
        return rc;
    }
    if (tide_state_put(rig->states[0], key_of("k"), 100) == NULL) {
        return rig->fail_code;
    }
    tide_state_timer_set(rig->states[0], key_of("t"), 1, TIDE_TIMER_EVENT);
    struct tide_timer timer;
    tide_state_timer_due(rig->stores[0], TIDE_TIMER_EVENT, 1, &timer);
    if (rig->fail_code == 0) {
        tide_state_cut(rig->stores[0], ++rig->epoch);
    }
    return rig->fail_code;
}

/* Wherever memory ends, an error comes out, and nothing is left behind (the budget and leak checks
 * tell). */
Test(store, each_allocation_fails)
{
    struct rig rig;
    struct tide_seam seam = *tide_seam_real();
    uint32_t n = 0;
    int rc;
    seam.alloc = failing_alloc;
    seam.resize = failing_resize;
    start(&rig, 16u << 20, 1);
    rig_put(&rig, "a", 1, "b", 1);
    tide_state_save(rig.stores[0], "count", 1, key_of("x"), NULL);
    tide_state_timer_set(rig.states[0], key_of("t"), 9, TIDE_TIMER_PROCESSING);
    rig_cut(&rig);
    rig_commit(&rig);
    rig_stop(&rig);
    rig.site.seam = &seam;
    struct tide_budget *budget;
    struct tide_budget_child *child = rig.child;
    cr_assert_eq(tide_budget_create(&seam, 64u << 20, &budget, NULL), 0);
    cr_assert_eq(tide_budget_child_add(budget, "state", 0, 0, &rig.site.budget, NULL), 0);
    do {
        rig.fail_code = 0;
        until_failure = ++n;
        rc = life(&rig);
        const bool failed = until_failure == 0;
        until_failure = 0;
        rig_stop(&rig);
        cr_assert_eq(tide_budget_child_use(rig.site.budget).used, 0);
        cr_assert(rc == 0 ? !failed : rc == TIDE_ERR_NOMEM || rc == TIDE_ERR_LIMIT,
                  "allocation %u: %d", n, rc);
    } while (rc != 0);
    cr_assert_gt(n, 30);
    tide_budget_destroy(budget);
    rig.site.budget = child;
    rig.site.seam = tide_seam_real();
    rig_fini(&rig);
}
