/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's thread: see worker.h.
 *
 * Parking follows base/park.h: prepare, a whole round over all tasks as the second look, then the
 * wait. A round loads every tail, head, word and completion anyway, so nothing can be missed that a
 * cheaper look would see.
 *
 * Thread: the worker's own, where nothing else is said.
 */
#include "task/worker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#define EVENTS 16u
#define GAP_WEIGHT 8u /* the mean gap moves by an eighth a time */

struct tide_worker {
    struct tide_worker_config config;
    struct tide_park park;
    struct tide_loop *loop;
    struct tide_task **tasks;
    uint32_t n_tasks;
    struct tide_segment *segment;
    pthread_t thread;
    bool started;
    uint64_t gap_ns;  /* moving mean of the time between the end of work and the next news */
    uint64_t news_ns; /* when there was work last */
};

int
tide_worker_create(const struct tide_worker_config *config, struct tide_worker **out_worker,
                   struct tide_error *err)
{
    struct tide_worker *worker = tide_alloc_lines(config->seam, sizeof(*worker));
    if (worker == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a worker");
    }
    worker->config = *config;
    worker->gap_ns = UINT32_MAX;
    worker->tasks = tide_alloc(config->seam, (config->n_tasks_max + 1u) * sizeof(*worker->tasks));
    int rc = worker->tasks == NULL ? tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a worker")
                                   : tide_loop_create(config->seam, &worker->loop, err);
    if (rc != 0) {
        tide_worker_destroy(worker);
        return rc;
    }
    tide_park_init(&worker->park, tide_loop_wake, worker->loop);
    *out_worker = worker;
    return 0;
}

void
tide_worker_destroy(struct tide_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    TIDE_ASSERT(!worker->started);
    tide_loop_destroy(worker->loop);
    tide_free(worker->config.seam, worker->tasks);
    tide_free_lines(worker->config.seam, worker);
}

struct tide_park *
tide_worker_park(struct tide_worker *worker)
{
    return &worker->park;
}

void
tide_worker_wake(void *worker)
{
    tide_loop_wake(((struct tide_worker *)worker)->loop);
}

int
tide_worker_watch(void *worker, int fd, uint32_t events)
{
    struct tide_worker *self = worker;
    return tide_loop_watch(self->loop, fd, events, (uint64_t)fd, NULL);
}

void
tide_worker_unwatch(void *worker, int fd)
{
    tide_loop_unwatch(((struct tide_worker *)worker)->loop, fd);
}

void
tide_worker_add(struct tide_worker *worker, struct tide_task *task)
{
    TIDE_ASSERT(!worker->started);
    TIDE_ASSERT(worker->n_tasks < worker->config.n_tasks_max);
    worker->tasks[worker->n_tasks++] = task;
}

int
tide_worker_segment_set(struct tide_worker *worker, struct tide_segment *segment, int fd)
{
    worker->segment = segment;
    return fd < 0 ? 0 : tide_loop_watch(worker->loop, fd, TIDE_LOOP_READ, (uint64_t)fd, NULL);
}

/* ---- rounds ---- */

bool
tide_worker_round(struct tide_worker *worker, bool *out_done)
{
    bool progress = false;
    bool done = true;
    for (uint32_t i = 0; i < worker->n_tasks; i++) {
        enum tide_step step = tide_task_step(worker->tasks[i]);
        progress = progress || step == TIDE_STEP_MORE;
        done = done && step == TIDE_STEP_DONE;
    }
    if (worker->segment != NULL) {
        progress = tide_segment_advance(worker->segment) || progress;
    }
    *out_done = done;
    return progress;
}

uint64_t
tide_worker_next_ns(const struct tide_worker *worker)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < worker->n_tasks; i++) {
        uint64_t at = tide_task_next_ns(worker->tasks[i]);
        next = at < next ? at : next;
    }
    if (worker->segment != NULL) {
        uint64_t due = tide_segment_due(worker->segment);
        next = due < next ? due : next;
    }
    return next;
}

int
tide_worker_fd(const struct tide_worker *worker)
{
    return tide_loop_fd(worker->loop);
}

static void
wait_events(struct tide_worker *worker)
{
    struct tide_loop_event events[EVENTS];
    uint64_t next = tide_worker_next_ns(worker);
    uint64_t now = tide_mono_ns(worker->config.seam);
    uint64_t timeout = next == UINT64_MAX ? TIDE_LOOP_NO_TIMEOUT : next > now ? next - now : 0;
    tide_loop_wait(worker->loop, timeout, events, EVENTS);
}

/* True: the round behind prepare found work, or the tasks are done. */
static bool
park(struct tide_worker *worker, bool *out_done)
{
    tide_park_prepare(&worker->park);
    bool progress = tide_worker_round(worker, out_done);
    if (!progress && !*out_done) {
        wait_events(worker);
    }
    tide_park_cancel(&worker->park);
    return progress;
}

/* Whether to step on instead of parking, @idle_ns after the last work. */
static bool
spin_on(const struct tide_worker *worker, uint64_t idle_ns)
{
    switch (worker->config.idle) {
    case TIDE_IDLE_SPIN:
        return true;
    case TIDE_IDLE_YIELD:
        sched_yield();
        return true;
    case TIDE_IDLE_PARK:
        return false;
    case TIDE_IDLE_ADAPTIVE:
        break;
    }
    return worker->gap_ns < 2 * worker->config.spin_ns && idle_ns < worker->config.spin_ns;
}

static void
found_work(struct tide_worker *worker, uint64_t now)
{
    uint64_t gap = now - worker->news_ns;
    gap = gap < UINT32_MAX ? gap : UINT32_MAX;
    worker->gap_ns = worker->gap_ns - worker->gap_ns / GAP_WEIGHT + gap / GAP_WEIGHT;
    worker->news_ns = now;
}

static void
pin(const struct tide_worker *worker)
{
    char name[16];
    snprintf(name, sizeof(name), "tide-worker-%u", worker->config.index % 1000);
    pthread_setname_np(pthread_self(), name);
    if (worker->config.core < 0) {
        return;
    }
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)worker->config.core, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) {
        TIDE_LOG(worker->config.log, TIDE_LOG_WARN, "worker cannot be pinned",
                 TIDE_LOG_INT("core", worker->config.core));
    }
}

static void *
run(void *arg)
{
    struct tide_worker *worker = arg;
    bool done = false;
    bool idle = false;
    pin(worker);
    worker->news_ns = tide_mono_ns(worker->config.seam);
    while (!done) {
        bool progress = tide_worker_round(worker, &done);
        uint64_t now = tide_mono_ns(worker->config.seam);
        if (progress) {
            if (idle) {
                found_work(worker, now);
            }
            worker->news_ns = now;
            idle = false;
            continue;
        }
        idle = true;
        if (!done && !spin_on(worker, now - worker->news_ns)) {
            park(worker, &done);
        }
    }
    return NULL;
}

int
tide_worker_start(struct tide_worker *worker, struct tide_error *err)
{
    TIDE_ASSERT(!worker->started);
    int rc = pthread_create(&worker->thread, NULL, run, worker);
    if (rc != 0) {
        return tide_error_set(err, TIDE_ERR_FATAL, "no thread for worker %u: %s",
                              worker->config.index, strerrordesc_np(rc));
    }
    worker->started = true;
    return 0;
}

void
tide_worker_join(struct tide_worker *worker)
{
    if (worker->started) {
        pthread_join(worker->thread, NULL);
        worker->started = false;
    }
}
