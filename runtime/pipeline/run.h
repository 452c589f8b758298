/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run: drives a plan from its start to its end, over as many incarnations as it takes.
 *
 * The calling thread becomes the control thread: it holds the lock of the checkpoint directory,
 * steps the coordinator, and waits in an event loop of its own. A failure that a new incarnation
 * may cure (a task that missed its deadline) restarts from the newest commit, in process, within
 * the limits of `restart:`; what only the outside can cure is waited for.
 *
 * Threads: tide_run on one control thread; tide_run_stop from any thread and from signal handlers.
 */
#ifndef TIDE_PIPELINE_RUN_H
#define TIDE_PIPELINE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/words.h"
#include "io/loop.h"
#include "pipeline/incarnation.h"

struct tide_run_config {
    const struct tide_seam *seam;
    struct tide_log *log;
    const struct tide_plan *plan;
    const struct tide_host *host;
    const char *dir;      /* the checkpoint */
    uint64_t progress_ns; /* 0: never */
    uint64_t run_ns;      /* clean stop after so long, 0: none */
    uint64_t rows_max;    /* clean stop after so many rows in, 0: none */
    void (*progress)(void *ctx);
    void *ctx;
};

/* Members are read by embed.c's progress, on the control thread; otherwise private. */
struct tide_run {
    struct tide_run_config config;
    struct tide_loop *loop;
    struct tide_park park;
    struct tide_io *io;
    struct tide_offload *offload;
    struct tide_file *lock;
    struct tide_incarnation *incarnation; /* NULL between two */
    enum tide_coordinator_state state;
    uint64_t started_ns, next_progress_ns;
    uint64_t incarnation_number;
    uint64_t epochs, epoch_committed, epoch_opened;
    uint64_t sums[TIDE_COUNTER_COUNT]; /* of incarnations that ended */
    uint64_t rows_in_before, rows_out_before;
    struct tide_histogram durations;
    uint32_t restarts;     /* in all */
    uint64_t window_at_ns; /* restarts are counted from here on */
    uint32_t window_restarts;
    char waiting[TIDE_ERROR_TEXT_MAX];
    struct tide_log_gate waiting_gate;
    struct tide_word stop; /* 1: a clean stop was asked for */
};

/* Prepares; the loop exists from here on, so that a stop may come early. Errors: NOMEM. @thread
 * start */
int tide_run_init(struct tide_run *run, const struct tide_run_config *config,
                  struct tide_error *err);
/* Legal on zeroed memory. @thread start */
void tide_run_fini(struct tide_run *run);

/* Runs to the end; 0 after a clean stop. @thread coordinator */
int tide_run(struct tide_run *run, struct tide_error *err);

/* Asks for a clean stop. @thread any; async-signal-safe */
void tide_run_stop(struct tide_run *run);

/* A counter over all incarnations. @thread coordinator */
uint64_t tide_run_sum(const struct tide_run *run, enum tide_counter id);
uint64_t tide_run_rows_in(const struct tide_run *run);
uint64_t tide_run_rows_out(const struct tide_run *run);
/* Why it waits, or NULL. @thread coordinator */
const char *tide_run_waiting(const struct tide_run *run);

#endif
