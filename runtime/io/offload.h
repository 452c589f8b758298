/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few threads for functions that may block, so that workers and the coordinator never do.
 *
 * A job is a function and an argument. Its end is put into the submitter's box, whose owner polls
 * it; the box's wake tells the owner that there is something (tide_loop_wake fits). The argument
 * belongs to the job from submit until its end was polled, then to the submitter again: nothing
 * else is shared.
 *
 * A pool without threads (tide_offload_create with 0) is for the simulator: jobs wait until it runs
 * one of them, of its choosing, with tide_offload_step.
 *
 * Bounded: TIDE_LIMIT_OFFLOAD_JOBS jobs of a pool may be queued or unpolled; beyond that submit
 * says so.
 */
#ifndef TIDE_IO_OFFLOAD_H
#define TIDE_IO_OFFLOAD_H

#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

/* A job; the same type as in <tidemark/plugin.h>. */
typedef int tide_offload_fn(void *arg);

/* The end of a job. */
struct tide_offload_done {
    uint64_t id;
    void *arg;
    int result; /* what the function returned */
};

struct tide_offload;
struct tide_offload_box;

/*
 * Makes a pool of @threads threads (at most TIDE_LIMIT_OFFLOAD_THREADS), on a control thread so
 * that they get the full CPU mask. 0 threads: the simulator's. @thread start
 */
int tide_offload_create(const struct tide_seam *seam, uint32_t threads,
                        struct tide_offload **out_offload, struct tide_error *err);

/* Ends the threads; every box must be gone. NULL is legal. @thread start */
void tide_offload_destroy(struct tide_offload *offload);

/* Makes a box; @wake (NULL: none) is called with @wake_arg on any thread when a job of it ended.
 * @thread start */
int tide_offload_box_create(struct tide_offload *offload, void (*wake)(void *), void *wake_arg,
                            struct tide_offload_box **out_box, struct tide_error *err);

/* Drops the box's jobs that did not begin, waits for those that did. NULL is legal. @thread start
 */
void tide_offload_box_destroy(struct tide_offload_box *box);

/* Hands over one job. 0 or TIDE_ERR_LIMIT; never blocks. @thread task */
int tide_offload_submit(struct tide_offload_box *box, tide_offload_fn *fn, void *arg, uint64_t id);

/* Takes up to @max ends in the order they happened; never blocks. Returns how many. @thread task */
uint32_t tide_offload_poll(struct tide_offload_box *box, struct tide_offload_done *out,
                           uint32_t max);

/* Blocks until poll has something or no job of the box is left; a pool without threads runs one.
 * @thread start */
void tide_offload_wait(struct tide_offload_box *box);

/* Jobs of a pool without threads that wait to be run. @thread any */
uint32_t tide_offload_pending(struct tide_offload *offload);

/* Runs the @nth (from 0, in order of submission) waiting job of a pool without threads. @thread any
 */
void tide_offload_step(struct tide_offload *offload, uint32_t nth);

#endif
