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

/* 0, or TIDE_ERR_SYNC for good, with its message in @err. @thread task */
int tide_segment_failed(const struct tide_segment *segment, struct tide_error *err);

/* What the log waits for ("no space left in DIR"), or NULL; tried again by itself. @thread task */
const char *tide_segment_waiting(const struct tide_segment *segment);

/* True: a submit or an offload job is under way, the worker will be woken by io->fd or wake.
 * @thread task */
bool tide_segment_busy(const struct tide_segment *segment);

#endif
