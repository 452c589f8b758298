/* SPDX-License-Identifier: Apache-2.0 */
/* The offload pool: with threads, and without them as the simulator uses it. */
#include <pthread.h>
#include <stdatomic.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "base/seam.h"
#include "io/loop.h"
#include "io/offload.h"

static struct tide_offload *
pool_new(uint32_t threads)
{
    struct tide_offload *pool = NULL;
    cr_assert_eq(tide_offload_create(tide_seam_real(), threads, &pool, NULL), 0);
    return pool;
}

static struct tide_offload_box *
box_new(struct tide_offload *pool, void (*wake)(void *), void *arg)
{
    struct tide_offload_box *box = NULL;
    cr_assert_eq(tide_offload_box_create(pool, wake, arg, &box, NULL), 0);
    return box;
}

struct job {
    int value;
    pthread_t ran_on;
};

static int
square(void *arg)
{
    struct job *job = arg;
    job->ran_on = pthread_self();
    job->value *= job->value;
    return job->value;
}

Test(offload, jobs_run_elsewhere_and_their_ends_wake_the_loop)
{
    struct tide_loop *loop = NULL;
    struct tide_loop_event event;
    struct tide_offload_done done;
    struct tide_offload *pool = pool_new(2);
    cr_assert_eq(tide_loop_create(tide_seam_real(), &loop, NULL), 0);
    struct tide_offload_box *box = box_new(pool, tide_loop_wake, loop);
    struct job job = {.value = 7};
    cr_assert_eq(tide_offload_submit(box, square, &job, 5), 0);
    while (tide_offload_poll(box, &done, 1) == 0) {
        cr_assert_eq(tide_loop_wait(loop, TIDE_LOOP_NO_TIMEOUT, &event, 1), 1);
        cr_assert_eq(event.kind, TIDE_LOOP_WAKE);
    }
    cr_assert_eq(done.id, 5);
    cr_assert_eq(done.arg, &job);
    cr_assert_eq(done.result, 49);
    cr_assert_eq(job.value, 49);
    cr_assert_not(pthread_equal(job.ran_on, pthread_self()));
    tide_offload_box_destroy(box);
    tide_offload_destroy(pool);
    tide_loop_destroy(loop);
}

Test(offload, every_job_ends_exactly_once_in_its_own_box)
{
    enum { JOBS = 1000 };
    static struct job jobs[2][JOBS];
    static uint8_t seen[2][JOBS];
    struct tide_offload *pool = pool_new(3);
    struct tide_offload_box *boxes[2] = {box_new(pool, NULL, NULL), box_new(pool, NULL, NULL)};
    for (int i = 0; i < JOBS; i++) {
        for (int b = 0; b < 2; b++) {
            jobs[b][i].value = i;
            cr_assert_eq(tide_offload_submit(boxes[b], square, &jobs[b][i], (uint64_t)i), 0);
        }
    }
    for (int b = 0; b < 2; b++) {
        for (int n = 0; n < JOBS;) {
            struct tide_offload_done done[16];
            tide_offload_wait(boxes[b]);
            uint32_t got = tide_offload_poll(boxes[b], done, 16);
            cr_assert_gt(got, 0);
            for (uint32_t i = 0; i < got; i++, n++) {
                cr_assert_eq(done[i].arg, &jobs[b][done[i].id]);
                cr_assert_eq(done[i].result, (int)(done[i].id * done[i].id));
                cr_assert_eq(seen[b][done[i].id]++, 0);
            }
        }
        tide_offload_wait(boxes[b]); /* nothing is left: returns */
        tide_offload_box_destroy(boxes[b]);
    }
    tide_offload_destroy(pool);
}

Test(offload, bounded)
{
    struct job job = {.value = 1};
    struct tide_offload_done done;
    struct tide_offload *pool = pool_new(0);
    struct tide_offload_box *box = box_new(pool, NULL, NULL);
    for (uint32_t i = 0; i < TIDE_LIMIT_OFFLOAD_JOBS; i++) {
        cr_assert_eq(tide_offload_submit(box, square, &job, i), 0);
    }
    cr_assert_eq(tide_offload_submit(box, square, &job, 0), TIDE_ERR_LIMIT);
    tide_offload_step(pool, 0);
    cr_assert_eq(tide_offload_submit(box, square, &job, 0), TIDE_ERR_LIMIT, "unpolled ends count");
    cr_assert_eq(tide_offload_poll(box, &done, 1), 1);
    cr_assert_eq(tide_offload_submit(box, square, &job, 0), 0);
    tide_offload_box_destroy(box);
    tide_offload_destroy(pool);
}

Test(offload, without_threads_the_caller_picks_the_order)
{
    struct job jobs[3] = {{.value = 2}, {.value = 3}, {.value = 4}};
    struct tide_offload_done done[3];
    struct tide_offload *pool = pool_new(0);
    struct tide_offload_box *box = box_new(pool, NULL, NULL);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert_eq(tide_offload_submit(box, square, &jobs[i], i), 0);
    }
    cr_assert_eq(tide_offload_pending(pool), 3);
    cr_assert_eq(tide_offload_poll(box, done, 3), 0, "nothing runs by itself");
    tide_offload_step(pool, 1);
    tide_offload_step(pool, 1);
    cr_assert_eq(tide_offload_pending(pool), 1);
    cr_assert_eq(tide_offload_poll(box, done, 3), 2);
    cr_assert_eq(done[0].id, 1);
    cr_assert_eq(done[1].id, 2);
    cr_assert(pthread_equal(jobs[1].ran_on, pthread_self()));
    tide_offload_wait(box);
    cr_assert_eq(tide_offload_poll(box, done, 3), 1);
    cr_assert_eq(done[0].result, 4);
    tide_offload_box_destroy(box);
    tide_offload_destroy(pool);
}

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool begun;
    bool open;
    _Atomic(int) ended;
};

static int
wait_at_gate(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->mutex);
    gate->begun = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
    atomic_fetch_add_explicit(&gate->ended, 1, memory_order_seq_cst);
    return 0;
}

static void *
open_gate(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

/* One job runs, others wait behind it: ending the box waits for the first and drops the rest. */
Test(offload, ending_a_box_waits_for_what_runs_and_drops_the_rest)
{
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct tide_offload *pool = pool_new(1);
    struct tide_offload_box *box = box_new(pool, NULL, NULL);
    pthread_t opener;
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert_eq(tide_offload_submit(box, wait_at_gate, &gate, i), 0);
    }
    pthread_mutex_lock(&gate.mutex);
    while (!gate.begun) {
        pthread_cond_wait(&gate.changed, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
    cr_assert_eq(tide_offload_pending(pool), 2);
    cr_assert_eq(pthread_create(&opener, NULL, open_gate, &gate), 0);
    tide_offload_box_destroy(box);
    int ended = atomic_load_explicit(&gate.ended, memory_order_seq_cst);
    cr_assert_geq(ended, 1, "it did not wait for the running one");
    pthread_join(opener, NULL);
    tide_offload_destroy(pool);
    cr_assert_eq(atomic_load_explicit(&gate.ended, memory_order_seq_cst), ended,
                 "a job ran after its box was gone");
}
