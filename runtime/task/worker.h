/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker: a pinned thread that runs the duty cycles of its tasks.
 *
 * It steps its tasks in turn for as long as one makes progress. When none does, the idle strategy
 * decides: spin and yield step on at once, park waits in the worker's event loop, adaptive spins as
 * long as the next news is expected within runtime.spinFor and else parks. It has one place to
 * wait; every descriptor, timer and wake of its tasks ends in that loop.
 *
 * Threads: create, start, join and destroy on a control thread; wake from any.
 */
#ifndef TIDE_TASK_WORKER_H
#define TIDE_TASK_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/park.h"
#include "base/seam.h"
#include "io/loop.h"
#include "state/segment.h"
#include "task/task.h"

enum tide_idle { TIDE_IDLE_SPIN, TIDE_IDLE_YIELD, TIDE_IDLE_PARK, TIDE_IDLE_ADAPTIVE };

struct tide_worker_config {
    const struct tide_seam *seam;
    struct tide_log *log;
    uint32_t index;
    int32_t core; /* to be pinned to, -1: not pinned */
    enum tide_idle idle;
    uint64_t spin_ns; /* runtime.spinFor */
    uint32_t n_tasks_max;
};

struct tide_worker;

/* Makes the worker and its loop; no thread yet. @thread start */
int tide_worker_create(const struct tide_worker_config *config, struct tide_worker **out_worker,
                       struct tide_error *err);
/* After join. NULL is legal. Tasks are not the worker's. @thread start */
void tide_worker_destroy(struct tide_worker *worker);

/* For the tasks' configs: their place, and what their rings wake. @thread start */
struct tide_park *tide_worker_park(struct tide_worker *worker);
void tide_worker_wake(void *worker); /* any thread */
int tide_worker_watch(void *worker, int fd, uint32_t events);
void tide_worker_unwatch(void *worker, int fd);

/* Adds a task, before start. @thread start */
void tide_worker_add(struct tide_worker *worker, struct tide_task *task);
/* The worker's change segment and its files' completions, before start. @thread start */
int tide_worker_segment_set(struct tide_worker *worker, struct tide_segment *segment, int fd);

/* Starts the thread; it ends when every task has answered DONE. @thread start */
int tide_worker_start(struct tide_worker *worker, struct tide_error *err);
/* Waits for the end. @thread start */
void tide_worker_join(struct tide_worker *worker);

/* One round over all tasks without waiting: for embedders that bring their own thread. True:
 * something was done. @thread task */
bool tide_worker_round(struct tide_worker *worker, bool *out_done);
/* The loop's descriptor, and when to come again. @thread any */
int tide_worker_fd(const struct tide_worker *worker);
uint64_t tide_worker_next_ns(const struct tide_worker *worker);

#endif
