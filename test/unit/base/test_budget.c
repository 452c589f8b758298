/* SPDX-License-Identifier: Apache-2.0 */
/* The budget: reserves, limits, refusals, and that no race ever grants too much. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/budget.h"
#include "fake_seam.h"

struct fixture {
    struct fake_seam fake;
    struct tide_budget *budget;
};

static void
fixture_init(struct fixture *fixture, uint64_t limit)
{
    fake_seam_init(&fixture->fake);
    cr_assert_eq(tide_budget_create(&fixture->fake.seam, limit, &fixture->budget, NULL), TIDE_OK);
}

static struct tide_budget_child *
child_add(struct fixture *fixture, const char *name, uint64_t reserved, uint64_t limit)
{
    struct tide_budget_child *child = NULL;
    int rc = tide_budget_child_add(fixture->budget, name, reserved, limit, &child, NULL);
    cr_assert_eq(rc, TIDE_OK);
    return child;
}

static void
fixture_fini(struct fixture *fixture)
{
    tide_budget_destroy(fixture->budget);
    cr_assert_eq(atomic_load(&fixture->fake.living), 0);
}

Test(budget, full_is_refused_and_counted)
{
    struct fixture f;
    fixture_init(&f, 100);
    struct tide_budget_child *child = child_add(&f, "state", 0, 0);
    cr_assert(tide_budget_claim(child, 60));
    cr_assert_not(tide_budget_claim(child, 41));
    cr_assert(tide_budget_claim(child, 40));
    cr_assert_not(tide_budget_claim(child, UINT64_MAX));
    struct tide_budget_use use = tide_budget_child_use(child);
    cr_assert_str_eq(use.name, "state");
    cr_assert_eq(use.used, 100);
    cr_assert_eq(use.peak, 100);
    cr_assert_eq(use.refused, 2);
    cr_assert_eq(use.limit, UINT64_MAX);
    tide_budget_release(child, 100);
    use = tide_budget_use(f.budget);
    cr_assert_eq(use.used, 0);
    cr_assert_eq(use.peak, 100);
    cr_assert_eq(use.limit, 100);
    cr_assert_eq(use.refused, 2);
    fixture_fini(&f);
}

Test(budget, nobody_takes_anothers_reserve)
{
    struct fixture f;
    fixture_init(&f, 100);
    struct tide_budget_child *edge = child_add(&f, "edge", 30, 0);
    struct tide_budget_child *state = child_add(&f, "state", 10, 0);
    cr_assert(tide_budget_claim(state, 70), "its reserve of 10 and the common 60");
    cr_assert_not(tide_budget_claim(state, 1));
    cr_assert(tide_budget_claim(edge, 30));
    cr_assert_not(tide_budget_claim(edge, 1));
    tide_budget_release(state, 5);
    cr_assert(tide_budget_claim(edge, 5), "what went beyond the reserve is common again");
    tide_budget_release(edge, 35);
    cr_assert_not(tide_budget_claim(state, 6));
    cr_assert(tide_budget_claim(state, 5));
    tide_budget_release(state, 70);
    fixture_fini(&f);
}

Test(budget, child_has_its_own_limit)
{
    struct fixture f;
    fixture_init(&f, 100);
    struct tide_budget_child *child = child_add(&f, "state", 0, 50);
    cr_assert(tide_budget_claim(child, 50));
    cr_assert_not(tide_budget_claim(child, 1));
    tide_budget_release(child, 50);
    fixture_fini(&f);
}

Test(budget, reserves_must_fit)
{
    struct fixture f;
    struct tide_error err = {0};
    struct tide_budget_child *untouched = NULL;
    fixture_init(&f, 100);
    child_add(&f, "a", 60, 0);
    int rc = tide_budget_child_add(f.budget, "b", 41, 0, &untouched, &err);
    cr_assert_eq(rc, TIDE_ERR_LIMIT);
    cr_assert_null(untouched);
    cr_assert_not_null(strstr(err.text, "41 bytes for b"));
    child_add(&f, "c", 40, 0);
    const struct tide_budget_child *child = tide_budget_child_next(f.budget, NULL);
    cr_assert_str_eq(tide_budget_child_use(child).name, "a");
    child = tide_budget_child_next(f.budget, child);
    cr_assert_str_eq(tide_budget_child_use(child).name, "c");
    cr_assert_null(tide_budget_child_next(f.budget, child));
    fixture_fini(&f);
}

Test(budget, out_of_memory)
{
    struct fixture f;
    struct tide_budget *budget = NULL;
    struct tide_budget_child *child = NULL;
    fixture_init(&f, 100);
    atomic_store(&f.fake.allocations_left, 0);
    cr_assert_eq(tide_budget_create(&f.fake.seam, 1, &budget, NULL), TIDE_ERR_NOMEM);
    cr_assert_eq(tide_budget_child_add(f.budget, "a", 1, 0, &child, NULL), TIDE_ERR_NOMEM);
    cr_assert_null(budget);
    cr_assert_null(child);
    cr_assert_eq(tide_budget_use(f.budget).reserved, 0);
    fixture_fini(&f);
    tide_budget_destroy(NULL);
}

Test(budget, destroying_what_is_used_is_caught, .signal = SIGABRT)
{
    struct fixture f;
    fixture_init(&f, 100);
    tide_budget_claim(child_add(&f, "a", 0, 0), 1);
    tide_budget_destroy(f.budget);
}

Test(budget, releasing_too_much_is_caught, .signal = SIGABRT)
{
    struct fixture f;
    fixture_init(&f, 100);
    struct tide_budget_child *child = child_add(&f, "a", 50, 0);
    tide_budget_claim(child, 10);
    tide_budget_release(child, 11);
}

Test(chunk, is_zeroed_aligned_and_charged)
{
    struct fixture f;
    fixture_init(&f, 1000);
    struct tide_budget_child *child = child_add(&f, "a", 0, 0);
    unsigned char *chunk = tide_chunk_alloc(child, 100);
    cr_assert_not_null(chunk);
    cr_assert_eq((uintptr_t)chunk % 16, 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(chunk[i], 0);
    }
    memset(chunk, 1, 100);
    cr_assert_eq(tide_chunk_bytes(chunk), 100);
    cr_assert_eq(tide_budget_child_use(child).used, 116);
    cr_assert_null(tide_chunk_alloc(child, 900));
    cr_assert_null(tide_chunk_alloc(child, SIZE_MAX));
    tide_chunk_free(chunk);
    tide_chunk_free(NULL);
    cr_assert_eq(tide_budget_child_use(child).used, 0);
    fixture_fini(&f);
}

Test(chunk, failed_allocation_is_not_charged)
{
    struct fixture f;
    fixture_init(&f, 1000);
    struct tide_budget_child *child = child_add(&f, "a", 0, 0);
    atomic_store(&f.fake.allocations_left, 0);
    cr_assert_null(tide_chunk_alloc(child, 100));
    cr_assert_eq(tide_budget_child_use(child).used, 0);
    fixture_fini(&f);
}

Test(chunk, foreign_memory_is_caught, .signal = SIGABRT)
{
    static uint64_t memory[8];
    tide_chunk_free(memory + 4);
}

/* Threads claim and release at random; the sum over children never passes the limit, and ends at
 * nothing. */
#define CLAIMERS 4
#define CLAIMS 50000
#define LIMIT 1000u

struct claimer {
    struct tide_budget_child *child;
    _Atomic(uint64_t) *granted;
    uint64_t seed;
    uint64_t over;
};

static void *
claimer_run(void *arg)
{
    struct claimer *claimer = arg;
    uint64_t held = 0;
    for (int i = 0; i < CLAIMS; i++) {
        claimer->seed = claimer->seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t bytes = (claimer->seed >> 40) % 300;
        if (tide_budget_claim(claimer->child, bytes)) {
            uint64_t total = atomic_fetch_add(claimer->granted, bytes) + bytes;
            claimer->over += total > LIMIT;
            held += bytes;
        } else if (held > 0) {
            atomic_fetch_sub(claimer->granted, held);
            tide_budget_release(claimer->child, held);
            held = 0;
        }
    }
    atomic_fetch_sub(claimer->granted, held);
    tide_budget_release(claimer->child, held);
    return NULL;
}

Test(budget, threads_never_get_too_much)
{
    struct fixture f;
    _Atomic(uint64_t) granted = 0;
    struct claimer claimers[CLAIMERS];
    pthread_t threads[CLAIMERS];
    fixture_init(&f, LIMIT);
    struct tide_budget_child *children[2] = {child_add(&f, "a", 200, 0),
                                             child_add(&f, "b", 0, 500)};
    for (int i = 0; i < CLAIMERS; i++) {
        claimers[i] = (struct claimer){children[i % 2], &granted, (uint64_t)i, 0};
        pthread_create(&threads[i], NULL, claimer_run, &claimers[i]);
    }
    for (int i = 0; i < CLAIMERS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(claimers[i].over, 0);
    }
    cr_assert_eq(tide_budget_use(f.budget).used, 0);
    cr_assert_leq(tide_budget_child_use(children[1]).peak, 500);
    cr_assert(tide_budget_claim(children[0], LIMIT), "nothing of the common part was lost");
    tide_budget_release(children[0], LIMIT);
    fixture_fini(&f);
}
