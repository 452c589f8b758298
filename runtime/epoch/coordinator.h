/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coordinator: opens epochs, collects reports, has them sealed and committed, finds splits, stops.
 *
 * One step function, called whenever something happened or tide_coordinator_next_ns() is due. It
 * never blocks: the WAL writes behind it, discovery, publication and group offsets run as offload
 * jobs. It speaks to tasks through struct tide_orders and hears them through one report ring each.
 *
 *   coordinator.c  steps, opens epochs, deadline, stop        splits.c  C(0), discovery, assignment
 *   seal.c         THE place where an epoch is sealed (S)     commit.c  THE place where an epoch
 * commits (C) ledger.c       who has reported what                      recover.c what a restart
 * does before the first step
 *
 * Invariants kept here: I2 gate, I3 order, I6 group offsets behind C, I9 incarnation, I12 nothing
 * acknowledged after a failed sync, I13 retention, I20 an epoch commits within its deadline or the
 * incarnation ends.
 *
 * Threads: one control thread calls everything here.
 */
#ifndef TIDE_EPOCH_COORDINATOR_H
#define TIDE_EPOCH_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#include "base/buffer.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/seam.h"
#include "epoch/checkpoint.h"
#include "epoch/ledger.h"
#include "epoch/orders.h"
#include "io/offload.h"
#include "state/state.h"
#include "wal/wal.h"

struct tide_discovery;  /* splits.c: one source's job */
struct tide_commit_job; /* commit.c */

/* A source of the plan. */
struct tide_coordinator_source {
    const struct tide_source *kind;
    void *shared;
    const char *id; /* what the checkpoint keys its offsets by */
    uint32_t n_tasks;
};

/* A sink of the plan. */
struct tide_coordinator_sink {
    const struct tide_sink *kind;
    void *shared;
    const char *id;
    enum tide_commit_class commit_class;
};

/* A task of the plan, as far as epochs go. */
struct tide_coordinator_task {
    const char *name;          /* for messages: "model[0]" */
    const char *scope;         /* key of its snapshot reference; NULL: no state */
    struct tide_ring *reports; /* the coordinator is its consumer */
    int32_t source;            /* index, or -1 */
    int32_t sink;              /* index, or -1 */
};

struct tide_coordinator_config {
    const struct tide_seam *seam;
    struct tide_log *log;
    struct tide_wal *wal;
    struct tide_offload *offload;
    struct tide_orders *orders;
    struct tide_checkpoint *checkpoint;       /* recovered; the coordinator's from now on */
    const struct tide_state_site *state_site; /* NULL: no task has state */
    const struct tide_coordinator_source *sources;
    const struct tide_coordinator_sink *sinks;
    const struct tide_coordinator_task *tasks;
    uint32_t n_sources, n_sinks, n_tasks;
    uint64_t interval_ns; /* trigger: continuous */
    uint64_t deadline_ns; /* epoch.deadline */
    uint64_t discover_ns; /* between two looks for new splits */
    uint32_t in_flight_max;
    /* Rows seen so far by the sources, and anything else that makes an epoch worth having. */
    uint64_t (*activity)(void *ctx);
    /* Where a task is, for messages: the newest epoch whose marker is through it, and in @out the
     * step it is in or was in last, with the split whose row it had there. */
    uint64_t (*whereabouts)(void *ctx, uint32_t task, char *out, size_t size);
    void (*wake_tasks)(void *ctx); /* an order was given */
    void (*wake_self)(void *ctx);  /* a job ended: have the coordinator stepped; any thread */
    void (*committed)(void *ctx, struct tide_seal seal, uint64_t duration_ns);
    void *ctx;
};

enum tide_coordinator_state {
    TIDE_COORDINATOR_STARTING, /* C(0) is not durable yet */
    TIDE_COORDINATOR_RUNNING,
    TIDE_COORDINATOR_STOPPING, /* a clean stop: the last epoch is on its way */
    TIDE_COORDINATOR_FINISHED, /* the last epoch is committed */
    TIDE_COORDINATOR_FAILED    /* see tide_coordinator_error */
};

/* Where the epoch being committed is. */
enum tide_commit_phase {
    TIDE_PHASE_NONE,      /* nothing sealed that is not committed */
    TIDE_PHASE_SEALING,   /* S, or S and C in one record, is being synced */
    TIDE_PHASE_JOB,       /* the decision or a publication is under way */
    TIDE_PHASE_PAUSE,     /* it failed and is tried again at retry_at_ns */
    TIDE_PHASE_COMMITTING /* C is being synced */
};

/* All members are private to epoch/. */
struct tide_coordinator {
    struct tide_coordinator_config config;
    enum tide_coordinator_state state;
    struct tide_error error;
    struct tide_offload_box *box;
    struct tide_buf scratch;
    struct tide_ledger ledger;

    uint64_t opened;                                    /* newest open epoch */
    uint64_t opened_at_ns[TIDE_LIMIT_EPOCHS_IN_FLIGHT]; /* by epoch modulo */
    uint64_t next_open_ns;
    uint64_t activity_seen;

    enum tide_commit_phase phase;
    struct tide_seal sealing;
    uint64_t phase_lsn;
    uint64_t commit_lsn, commit_lsn_before;
    uint64_t retry_at_ns;
    uint32_t retries;
    struct tide_commit_job *commit_job;

    struct tide_discovery *discoveries; /* one a source */
    uint64_t next_discover_ns;
    uint32_t n_assigned; /* splits in the published assignment */
    struct tide_job *group_offsets, *retention;
    uint64_t next_group_offsets_ns, next_retention_ns;

    char *waiting; /* by task: a reason of WAITING_TEXT bytes, empty when it does not wait */
    uint32_t n_waiting;
    bool wal_waiting;
    uint32_t n_ended; /* bounded sources that are done */
    uint64_t deadline_used_ns, stepped_at_ns;
    uint64_t stop_epoch, stop_at_ns;
    struct tide_log_gate waiting_gate;
    struct tide_histogram durations; /* epochs, open to commit */
    uint64_t n_committed;
};

#define TIDE_WAITING_TEXT 160u
#define TIDE_WHEREABOUTS_TEXT 320u

/* Prepares a coordinator whose WAL has begun. Errors: NOMEM. @thread start */
int tide_coordinator_init(struct tide_coordinator *coordinator,
                          const struct tide_coordinator_config *config, struct tide_error *err);

/* Waits for jobs, frees. Legal on zeroed memory. @thread start */
void tide_coordinator_fini(struct tide_coordinator *coordinator);

/* Does what there is to do; never blocks. @thread coordinator */
enum tide_coordinator_state tide_coordinator_step(struct tide_coordinator *coordinator);

/* Monotonic time at which a step is due although nothing happens. @thread coordinator */
uint64_t tide_coordinator_next_ns(const struct tide_coordinator *coordinator);

/* Ends after one more epoch, or at once when nothing has started. @thread coordinator */
void tide_coordinator_stop(struct tide_coordinator *coordinator);

/* Ends the incarnation with an error; the first one stays. @thread coordinator */
void tide_coordinator_fail(struct tide_coordinator *coordinator, const struct tide_error *err);

/* Why the pipeline waits, or NULL. @thread coordinator */
const char *tide_coordinator_waiting(const struct tide_coordinator *coordinator);

/* ---- between the files of epoch/ ---- */

/* seal.c: seals the newest complete epoch, if there is one and none is under way. */
void tide_epoch_seal(struct tide_coordinator *coordinator);
/* commit.c: drives what was sealed towards its commit. */
void tide_epoch_commit_advance(struct tide_coordinator *coordinator);
/* commit.c: decides and publishes @seal, blocking; for recovery. */
int tide_epoch_publish(const struct tide_coordinator_sink *sinks, uint32_t n, struct tide_seal seal,
                       const struct tide_blobs *tokens, struct tide_error *err);
/* commit.c: the end of an offload job; group offsets and retention after a commit. */
void tide_epoch_commit_job_done(struct tide_coordinator *coordinator, void *arg);
void tide_epoch_commit_fini(struct tide_coordinator *coordinator);
/* splits.c; collect is the host table's split_add, called by jobs */
int tide_split_collect(struct tide_split_sink *sink, const struct tide_split_info *info);
int tide_splits_init(struct tide_coordinator *coordinator, struct tide_error *err);
void tide_splits_fini(struct tide_coordinator *coordinator);
void tide_splits_advance(struct tide_coordinator *coordinator);
void tide_splits_job_done(struct tide_coordinator *coordinator, uint64_t source);
const char *tide_splits_waiting(const struct tide_coordinator *coordinator);

/* Appends one record of scratch, which the checkpoint takes in. NOSPACE: nothing happened, try
 * again; any other error: the coordinator has failed. */
int tide_coordinator_append(struct tide_coordinator *coordinator, enum tide_wal_type type,
                            uint64_t *out_lsn);

enum tide_job_id {
    TIDE_JOB_COMMIT = 1 << 30, /* below: discovery of the source with that index */
    TIDE_JOB_GROUP_OFFSETS,
    TIDE_JOB_RETENTION
};

#endif
