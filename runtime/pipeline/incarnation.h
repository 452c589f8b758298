/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incarnation: one life of a plan, from recovery to its end, as live objects.
 *
 * Opens the connectors, recovers the checkpoint, makes rings, state stores, tasks and the
 * coordinator, and spreads the tasks over workers. It starts no thread by itself: run.c does, and
 * the simulator calls the same steps on one thread instead. Everything is made on a control thread
 * before the first step, and freed after the last.
 *
 * Threads: a control thread; tasks belong to their workers between start and join.
 */
#ifndef TIDE_PIPELINE_INCARNATION_H
#define TIDE_PIPELINE_INCARNATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/budget.h"
#include "data/type.h"
#include "epoch/coordinator.h"
#include "epoch/recover.h"
#include "io/io.h"
#include "io/offload.h"
#include "pipeline/plan.h"
#include "task/worker.h"

/* Where tasks live: real workers, or whatever steps them. */
struct tide_incarnation_config {
    const struct tide_seam *seam;
    struct tide_log *log;
    const struct tide_plan *plan;
    const struct tide_host *host;
    const char *dir;    /* the checkpoint, locked by the caller */
    struct tide_io *io; /* control calls, and the coordinator's submit side */
    struct tide_offload *offload;
    /* An instance for a worker's change segment. */
    int (*io_create)(void *ctx, struct tide_io **out_io, struct tide_error *err);
    void (*wake_coordinator)(void *ctx); /* any thread */
    struct tide_park *coordinator_park;  /* woken by reports; NULL: the caller polls */
    void (*committed)(void *ctx, struct tide_seal seal, uint64_t duration_ns);
    void *ctx;
    bool threads; /* false: no workers are made; place is handed to the tasks */
    void *place;
    void (*place_wake)(void *place);
    int (*place_watch)(void *place, int fd, uint32_t events);
    void (*place_unwatch)(void *place, int fd);
};

/* One worker's part. */
struct tide_seat {
    struct tide_worker *worker; /* NULL without threads */
    struct tide_io *io;
    struct tide_segment *segment;
};

struct tide_incarnation {
    struct tide_incarnation_config config;
    void **shared; /* by node */
    bool *opened;
    struct tide_coordinator_source *sources;
    struct tide_coordinator_sink *sinks;
    struct tide_coordinator_task *coordinator_tasks;
    uint32_t n_sources, n_sinks;
    struct tide_recovered recovered;
    struct tide_budget *budget;
    struct tide_budget_child *edges, *state_memory;
    struct tide_state_site site;
    char *state_dir;
    struct tide_orders *orders;
    struct tide_counters *counters;       /* by task */
    struct tide_seat *seats;              /* by worker */
    struct tide_state_store **stores;     /* by task */
    struct tide_ring **reports;           /* by task */
    struct tide_ring ***edge_rings;       /* by stage: rings[reader * writers + writer] */
    struct tide_ring **dead_letter_rings; /* by task */
    struct tide_program **keys;           /* by stage */
    struct tide_task **tasks;
    struct tide_coordinator coordinator;
    struct tide_type_arena arena; /* configs and names */
    struct tide_blobs identity;
};

/*
 * Makes an incarnation up to the first step. UNREACHABLE, NOSPACE and NOTFOUND may be tried again.
 * On an error everything is closed. @thread start
 */
int tide_incarnation_open(const struct tide_incarnation_config *config,
                          struct tide_incarnation **out, struct tide_error *err);

/* Starts the workers' threads. @thread start */
int tide_incarnation_start(struct tide_incarnation *incarnation, struct tide_error *err);

/* Halts the tasks, joins the workers, closes everything. NULL is legal. @thread start */
void tide_incarnation_close(struct tide_incarnation *incarnation);

/* The sum of one counter over the tasks of sources (rows that came in), of sinks, or of all.
 * @thread any */
uint64_t tide_incarnation_rows_in(const struct tide_incarnation *incarnation);
uint64_t tide_incarnation_rows_out(const struct tide_incarnation *incarnation);
uint64_t tide_incarnation_sum(const struct tide_incarnation *incarnation, enum tide_counter id);

#endif
