/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segment: the change log of one worker, one sync per epoch.
 *
 * All stores of a worker append their changes to one stream of files
 * chg-<incarnation>-<worker>-<n>.seg. Two buffers take turns: one is filled by cuts while the other
 * is written and synced. A buffer is submitted once every attached store has cut the oldest epoch
 * in it (it cannot be sealed before that anyway), or when it is full. Files are made ahead, full
 * length, by offload jobs; a file is never reused.
 *
 * Invariants:
 *   1. Bytes are submitted in the order of the stream, one submit at a time.
 *   2. After a sync error nothing is submitted and nothing becomes durable any more (I12).
 *   3. The place in the file of every byte is known when it is put into the buffer, and no gap is
 * left but at the end of a file.
 *
 * Threads: create and destroy on a control thread; everything else on the worker.
 */
#ifndef TIDE_STATE_SEGMENT_H
#define TIDE_STATE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "io/io.h"
#include "io/offload.h"
#include "state/block.h"
#include "state/state.h"

/* The change log of one worker. */
struct tide_segment_config {
    const struct tide_state_site *site;
    uint32_t worker;    /* number in the plan: names its files */
    struct tide_io *io; /* submit side: this segment's own instance */
    struct tide_offload *offload;
    void (*wake)(void *); /* of the worker: an offload job ended */
    void *wake_arg;
};

/* Makes the log and its first file, durably. Errors: those of tide_io's open, NOMEM. @thread start
 */
int tide_segment_create(const struct tide_segment_config *config, struct tide_segment **out_segment,
                        struct tide_error *err);

/* Waits for what is under way, closes the files. All stores must be gone. NULL is legal. @thread
 * start */
void tide_segment_destroy(struct tide_segment *segment);

/*
 * Takes completions, submits what may be submitted, has files made ahead. To be called in every
 * duty cycle after the tasks' steps; does nothing when there is nothing. True: something was done.
 * @thread task
 */
bool tide_segment_advance(struct tide_segment *segment);

/* 0, or the code of a failure for good (TIDE_ERR_SYNC), with its message in @err. The stores tell
 * their tasks, see tide_state_advance. @thread task */
int tide_segment_failed(const struct tide_segment *segment, struct tide_error *err);

/* What the log waits for ("no space left in DIR"), or NULL; tried again by itself. @thread task */
const char *tide_segment_waiting(const struct tide_segment *segment);

/* When advance wants to be called although nothing wakes the worker (monotonic ns); UINT64_MAX:
 * never.
 * @thread task */
uint64_t tide_segment_due(const struct tide_segment *segment);

/* True: a submit or an offload job is under way, the worker will be woken by io->fd or wake.
 * @thread task */
bool tide_segment_busy(const struct tide_segment *segment);

/* ---- for the stores of the worker ---- */

/* A new member, whose cuts are waited for. Returns its number, or UINT32_MAX without memory.
 * @thread start */
uint32_t tide_segment_attach(struct tide_segment *segment);
/* The member is gone, or will cut nothing any more. @thread start, task */
void tide_segment_detach(struct tide_segment *segment, uint32_t member);

/* Room in the buffer, and where in the files its bytes will lie. */
struct tide_segment_room {
    uint8_t *at;
    uint32_t size;
    struct tide_state_file file;
    uint32_t seed; /* of the file's blocks */
    uint64_t offset;
};

/*
 * At least @need bytes for changes of @epoch. TIDE_ERR_NOSPACE: not now, call again later;
 * TIDE_ERR_LIMIT: the budget has no memory for so large a buffer. @thread task
 */
int tide_segment_room(struct tide_segment *segment, uint32_t need, uint64_t epoch,
                      struct tide_segment_room *out_room);
/* The first @n bytes of the last room are filled. @thread task */
void tide_segment_used(struct tide_segment *segment, uint32_t n);
/* @member has cut @epoch: everything of it is in. Returns the position of the stream that has to be
 * durable for it. @thread task */
uint64_t tide_segment_cut(struct tide_segment *segment, uint32_t member, uint64_t epoch);
/* The position up to which the stream is durable. @thread task */
uint64_t tide_segment_durable(const struct tide_segment *segment);
/* The worker's number. @thread any */
uint32_t tide_segment_worker(const struct tide_segment *segment);
/* The lowest file number that a later cut may still write to. @thread task */
uint32_t tide_segment_low(const struct tide_segment *segment);

/* Work on an offload thread for a member; the memory is the member's. */
struct tide_segment_job {
    tide_offload_fn *run;                               /* @c; gets the job */
    void (*done)(struct tide_segment_job *job, int rc); /* on the worker, from advance */
    bool busy;
};

/* Starts a job that is not busy; false: not now. @thread task */
bool tide_segment_job_start(struct tide_segment *segment, struct tide_segment_job *job);
/* Waits until the job is not busy. @thread start */
void tide_segment_job_wait(struct tide_segment *segment, struct tide_segment_job *job);

#endif
