/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task: one actor. A source or input edges, a chain of operators, and a sink or output edges.
 *
 * A task is a step function that returns what it did. In production a pinned worker calls it, in
 * the simulator one thread calls all of them in the order of a seed. It never blocks and never
 * waits for a batch to fill: what is there goes through the whole chain, then the next is taken.
 *
 *   task.c     the duty cycle: orders, completions, rows, markers, reports
 *   chain.c    rows through the operators, with back-pressure inside the chain
 *   input.c    splits of a source, edges and their alignment
 *   output.c   exchange: forward, by key group, by split
 *   marker.c   the life of a marker inside the task
 *   reject.c   rejected records: fail, drop, dead letter; rows kept until their acknowledgement
 *   host.c     the @w part of the host table
 *   worker.c   the pinned thread that calls steps; idle strategy
 *
 * Invariants kept here: I10 each marker once, in order with the rows; I11 order per split and key;
 * I14 a rejected record is counted and dead-lettered or stops the pipeline; I15 alignment
 * (epoch/align.h).
 *
 * Threads: create and destroy on a control thread while the task does not run; everything else on
 * its worker.
 */
#ifndef TIDE_TASK_TASK_H
#define TIDE_TASK_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#include "base/budget.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/seam.h"
#include "epoch/orders.h"
#include "io/offload.h"
#include "ring/ring.h"
#include "state/state.h"

/* What a step does with a record it rejects. */
enum tide_on_reject {
    TIDE_ON_REJECT_FAIL,
    TIDE_ON_REJECT_DEAD_LETTER,
    TIDE_ON_REJECT_DROP,
    TIDE_ON_REJECT_SETNULL
};

/* How rows find their task in the next stage. */
enum tide_exchange {
    TIDE_EXCHANGE_FORWARD, /* one edge */
    TIDE_EXCHANGE_KEY,     /* by key group: XXH3 of the canonical key */
    TIDE_EXCHANGE_SPLIT    /* by split: order per split is kept */
};

/* The ring of one edge, seen from one end. */
struct tide_edge {
    struct tide_ring *ring;
    uint32_t port; /* of the first operator, on the reading side */
};

struct tide_output_config {
    enum tide_exchange exchange;
    struct tide_ring *const *rings; /* one a task of the next stage */
    uint32_t n_rings;
    const struct tide_program *key; /* KEY: the columns that are hashed */
    const struct tide_schema *schema;
};

/* An operator of the chain. Its main output feeds the next link; output k > 0 goes to `side[k -
 * 1]`. */
struct tide_link_config {
    const struct tide_operator *kind;
    void *shared;
    const char *id; /* operator id: names its state, metrics and dead letters */
    uint64_t id_hash;
    enum tide_on_reject on_error;
    const struct tide_schema *in, *out; /* with hidden columns */
    const struct tide_output_config *side;
    uint32_t n_side;
    uint32_t state_version;
};

struct tide_task_config {
    const char *name; /* "model[0]" */
    uint32_t index;   /* in the plan: reports, metrics */
    uint32_t stage_index, stage_count;
    uint32_t group_first, group_count, key_groups;
    const struct tide_seam *seam;
    struct tide_log *log;
    const struct tide_host *host;
    struct tide_budget_child *budget;
    struct tide_orders *orders;
    struct tide_ring *reports;
    struct tide_offload *offload;

    /* Input: a source, or edges. */
    const struct tide_source *source;
    void *source_shared;
    const char *source_id;
    uint32_t source_index, source_count;     /* this task among the source's is stage_index */
    uint32_t source_plan;                    /* the source's index in the plan */
    const struct tide_schema *source_schema; /* with hidden columns */
    const uint32_t *source_hidden;           /* visible field that each hidden field repeats */
    enum tide_on_reject source_on_error;
    const struct tide_edge *inputs;
    uint32_t n_inputs;
    const struct tide_schema *input_schema; /* of the edges; the same for all */
    bool aligned;

    const struct tide_link_config *links;
    uint32_t n_links;

    /* End of the chain: a sink, or outputs that all get every row. */
    const struct tide_sink *sink;
    void *sink_shared;
    const char *sink_id;
    enum tide_on_reject sink_on_error;
    const struct tide_schema *sink_schema;
    const struct tide_output_config *outputs;
    uint32_t n_outputs;

    /* Dead letters: an edge to the sink that takes them, or no ring. */
    struct tide_ring *dead_letters;
    const struct tide_schema *dead_letter_schema;
    const char *pipeline;

    struct tide_state_store *state; /* of this task, or NULL; not owned */
    uint32_t batch_max;             /* rows taken together */
    uint32_t record_max;            /* bytes */
    uint64_t budget_ns;             /* latency.budget, 0: none */
    bool exactly_once;
    struct tide_counters *counters;

    /* The worker, or the simulator. */
    void *place;
    void (*wake)(void *place); /* any thread */
    int (*watch)(void *place, int fd, uint32_t events);
    void (*unwatch)(void *place, int fd);
};

struct tide_task;

/* Makes the task and opens its operators and sink; what the config points to outlives it. Errors:
 * those of task_open, NOMEM. @thread start */
int tide_task_create(const struct tide_task_config *config, struct tide_task **out_task,
                     struct tide_error *err);

/* Closes and frees; also one that failed. NULL is legal. @thread start */
void tide_task_destroy(struct tide_task *task);

/* One step of the duty cycle: at most batch_max rows of input or TIDE_LIMIT_STEP_NS. DONE after the
 * order to halt, and for ever after. @thread task */
enum tide_step tide_task_step(struct tide_task *task);

/* Monotonic time at which a step is due although nothing happens, UINT64_MAX: never. @thread task
 */
uint64_t tide_task_next_ns(const struct tide_task *task);

/* Whether something came since the last step: rows, space, orders, completions are looked at. It
 * may say yes without need. The look before parking. @thread task */
bool tide_task_has_news(struct tide_task *task);

/* Ends the incarnation with an error of this task: for what works on its behalf (its state store).
 * @thread task */
void tide_task_fail(struct tide_task *task, int code, const char *text);

/* For messages. @thread any */
const char *tide_task_name(const struct tide_task *task);

/* Fills the @w part of @host: the calls that take a struct tide_task. @thread start */
void tide_task_host_fill(struct tide_host *host);

#endif
