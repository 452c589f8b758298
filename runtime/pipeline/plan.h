/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical plan: stages, tasks, edges, workers and cores.
 *
 * A stage is a chain of nodes between exchanges; it runs as n_tasks equal tasks. A new stage begins
 * at a source, where rows must be exchanged (keyed work in several tasks, another parallelism, a
 * sink that takes fewer writers), where a stream has several readers, and with fuse: off at every
 * node. Everything else is fused.
 *
 * Threads: a control thread.
 */
#ifndef TIDE_PIPELINE_PLAN_H
#define TIDE_PIPELINE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "pipeline/logical.h"
#include "task/task.h"

#define TIDE_LIMIT_STAGES 256u /* more: refused by check */

/* How a stage's tasks are fed by those of the stage before. */
enum tide_mesh {
    TIDE_MESH_NONE,   /* a source, or the dead letters */
    TIDE_MESH_PAIRED, /* task i feeds task i */
    TIDE_MESH_FULL /* every task feeds every task; with one task behind there is nothing to choose
                    */
};

struct tide_stage {
    const char *name;          /* of its first node */
    int32_t source;            /* node, or -1 */
    int32_t sink;              /* node, or -1 */
    const uint32_t *operators; /* nodes, in order */
    uint32_t n_operators;
    int32_t input;      /* stage it reads, -1: none */
    int32_t input_node; /* node of that stage whose output it reads */
    uint32_t input_port;
    enum tide_mesh mesh;
    enum tide_exchange exchange;
    uint32_t n_tasks, first_task;
    int64_t core;
    bool stateful, aligned, may_reject, dead_letter;
};

struct tide_plan {
    const struct tide_logical *logical;
    struct tide_stage *stages;
    uint32_t n_stages, n_tasks, n_workers;
    int32_t dead_letter_stage; /* -1: none */
    uint16_t *task_worker;     /* by task */
    int32_t *worker_core;      /* by worker, -1: not pinned */
    struct tide_type_arena *arena;
};

/* What the machine offers: cpus from affinity and control group. */
struct tide_machine {
    const uint16_t *cpus;
    uint32_t n_cpus;
    uint32_t usable; /* whole CPUs the quota allows, at most n_cpus */
};

/* Plans @logical for @machine. Findings go to the logical plan's diagnostics. @thread start */
int tide_plan_build(const struct tide_logical *logical, const struct tide_machine *machine,
                    struct tide_plan **out_plan, struct tide_diags *diags);

/* Frees; NULL is legal. The logical plan stays. @thread start */
void tide_plan_destroy(struct tide_plan *plan);

/* "stage[index]" of a task, and its stage. @thread start */
const struct tide_stage *tide_plan_stage_of(const struct tide_plan *plan, uint32_t task);

/* Workers, their cores and tasks, as check prints them. @thread start */
int tide_plan_print_cores(const struct tide_plan *plan, struct tide_buf *out);

/* Logical and physical plan, as explain prints them. @thread start */
int tide_plan_print(const struct tide_plan *plan, struct tide_buf *out);
/* The same as a graph in the DOT language. @thread start */
int tide_plan_print_dot(const struct tide_plan *plan, struct tide_buf *out);

#endif
