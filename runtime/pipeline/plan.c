/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The physical plan: see plan.h.
 *
 * Thread: a control thread.
 */
#include "pipeline/plan.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "data/type.h"

struct builder {
    struct tide_plan *plan;
    const struct tide_logical *logical;
    const struct tide_machine *machine;
    struct tide_diags *diags;
    int32_t stage_of[TIDE_LIMIT_NODES];
    uint32_t parallelism; /* of keyed stages and sources, where nothing is said */
};

static const struct tide_runtime_def *
settings(const struct builder *b)
{
    return &b->logical->pipeline->runtime;
}

static uint32_t
bounded(int64_t wanted, uint32_t max_parallel)
{
    uint32_t n = wanted < 1 ? 1 : wanted > TIDE_LIMIT_TASKS ? TIDE_LIMIT_TASKS : (uint32_t)wanted;
    return max_parallel != 0 && n > max_parallel ? max_parallel : n;
}

/* Tasks of a stage that @node starts behind @before tasks. */
static uint32_t
stage_tasks(const struct builder *b, const struct tide_logical_node *node, uint32_t before)
{
    int64_t wanted = node->parallelism > 0                        ? node->parallelism
                     : node->traits.keyed || node->source != NULL ? (int64_t)b->parallelism
                                                                  : (int64_t)before;
    return bounded(wanted, node->traits.max_parallel);
}

static struct tide_stage *
stage_add(struct builder *b, uint32_t node_index)
{
    const struct tide_logical_node *node = &b->logical->nodes[node_index];
    struct tide_plan *plan = b->plan;
    if (plan->n_stages == TIDE_LIMIT_STAGES) {
        tide_diags_error(b->diags, node->place, "the plan has more than %u stages",
                         TIDE_LIMIT_STAGES);
        return NULL;
    }
    struct tide_stage *stage = &plan->stages[plan->n_stages];
    *stage = (struct tide_stage){.name = node->id,
                                 .source = -1,
                                 .sink = -1,
                                 .input = -1,
                                 .input_node = -1,
                                 .core = node->core};
    stage->operators = tide_type_arena_alloc(plan->arena, b->logical->n * sizeof(uint32_t));
    if (stage->operators == NULL) {
        return NULL;
    }
    b->stage_of[node_index] = (int32_t)plan->n_stages++;
    return stage;
}

static void
stage_put(struct builder *b, struct tide_stage *stage, uint32_t index)
{
    const struct tide_logical_node *node = &b->logical->nodes[index];
    uint32_t *operators = (uint32_t *)(uintptr_t)stage->operators;
    b->stage_of[index] = (int32_t)(stage - b->plan->stages);
    switch (node->entry->kind->type) {
    case TIDE_KIND_SOURCE:
        stage->source = (int32_t)index;
        break;
    case TIDE_KIND_SINK:
        stage->sink = (int32_t)index;
        break;
    default:
        operators[stage->n_operators++] = index;
    }
    stage->stateful = stage->stateful || node->traits.stateful;
    stage->dead_letter = stage->dead_letter || node->dead_letter;
    stage->may_reject =
        stage->may_reject || (node->on_error == TIDE_ON_ERROR_DEAD_LETTER && !node->dead_letter &&
                              (node->traits.may_reject || node->source != NULL));
}

/* Whether @node cannot go on in the stage of the node it reads. */
static bool
needs_stage(const struct builder *b, const struct tide_logical_node *node)
{
    const struct tide_logical_node *up = &b->logical->nodes[node->input];
    const struct tide_stage *stage = &b->plan->stages[b->stage_of[node->input]];
    uint32_t tasks = stage_tasks(b, node, stage->n_tasks);
    return !settings(b)->fuse || up->n_readers > 1 || node->input_port > 0 ||
           (node->traits.keyed && (tasks > 1 || stage->n_tasks > 1)) || tasks != stage->n_tasks ||
           node->parallelism > 0;
}

static void
connect(struct builder *b, struct tide_stage *stage, const struct tide_logical_node *node)
{
    const struct tide_stage *up = &b->plan->stages[b->stage_of[node->input]];
    stage->input = b->stage_of[node->input];
    stage->input_node = node->input;
    stage->input_port = node->input_port;
    stage->n_tasks = stage_tasks(b, node, up->n_tasks);
    bool choose = stage->n_tasks > 1 && (node->traits.keyed || stage->n_tasks != up->n_tasks);
    stage->mesh =
        choose || (stage->n_tasks == 1 && up->n_tasks > 1) ? TIDE_MESH_FULL : TIDE_MESH_PAIRED;
    stage->exchange = !choose              ? TIDE_EXCHANGE_FORWARD
                      : node->traits.keyed ? TIDE_EXCHANGE_KEY
                                           : TIDE_EXCHANGE_SPLIT;
}

static int
place_node(struct builder *b, uint32_t index)
{
    const struct tide_logical_node *node = &b->logical->nodes[index];
    bool starts = node->input < 0 || needs_stage(b, node);
    if (node->dead_letter) {
        starts = node->input < 0;
    }
    if (!starts) {
        stage_put(b, &b->plan->stages[b->stage_of[node->input]], index);
        return 0;
    }
    struct tide_stage *stage = stage_add(b, index);
    if (stage == NULL) {
        return TIDE_ERR_LIMIT;
    }
    if (node->dead_letter) {
        stage->n_tasks = 1;
        b->plan->dead_letter_stage = (int32_t)(stage - b->plan->stages);
    } else if (node->input < 0) {
        stage->n_tasks = stage_tasks(b, node, 1);
    } else {
        connect(b, stage, node);
    }
    stage_put(b, stage, index);
    return 0;
}

/* ---- alignment ---- */

static bool
wants_alignment(const struct builder *b, const struct tide_stage *stage)
{
    if (stage->stateful) {
        return true;
    }
    if (stage->sink < 0) {
        return false;
    }
    const struct tide_logical_node *sink = &b->logical->nodes[stage->sink];
    return sink->traits.commit_class != TIDE_COMMIT_PLAIN ||
           (sink->sink != NULL && sink->sink->delivery == TIDE_DELIVERY_EXACTLY_ONCE);
}

/* A stage is aligned where state or an exactlyOnce sink is in it or behind it. */
static void
align(struct builder *b)
{
    enum tide_align_choice choice = b->logical->pipeline->epoch.align;
    for (uint32_t i = b->plan->n_stages; i > 0; i--) {
        struct tide_stage *stage = &b->plan->stages[i - 1];
        stage->aligned = stage->aligned || wants_alignment(b, stage);
        if (stage->aligned && stage->input >= 0) {
            b->plan->stages[stage->input].aligned = true;
        }
    }
    for (uint32_t i = 0; i < b->plan->n_stages && choice != TIDE_ALIGN_AUTO; i++) {
        b->plan->stages[i].aligned = choice == TIDE_ALIGN_ALWAYS;
    }
}

/* ---- workers ---- */

/* One CPU is left to the coordinator and the clients' threads. */
static uint32_t
worker_count(const struct builder *b)
{
    const struct tide_runtime_def *runtime = settings(b);
    int64_t n = runtime->workers_initial;
    if (n < 0) {
        uint32_t usable = runtime->core_count > 0 ? runtime->core_count : b->machine->usable;
        n = runtime->core_count > 0 ? usable : usable > 1 ? usable - 1 : 1;
        n = runtime->workers_max > 0 && n > runtime->workers_max ? runtime->workers_max : n;
        n = n < runtime->workers_min ? runtime->workers_min : n;
    }
    return n < 1 ? 1 : n > TIDE_LIMIT_WORKERS ? TIDE_LIMIT_WORKERS : (uint32_t)n;
}

/* On fewer CPUs a pinned worker waits for whatever else runs on its own, while another is free:
 * measured with a broker beside it, the median of fraud scoring was 1.13 times a relay's pinned
 * and 1.03 times not. */
#define CPUS_TO_PIN 4u

/* The last CPUs first: the first ones serve interrupts more often. CPUs that the user names are
 * always pinned. */
static void
choose_cores(struct builder *b)
{
    const struct tide_runtime_def *runtime = settings(b);
    const uint16_t *cpus = runtime->core_count > 0 ? runtime->cores : b->machine->cpus;
    uint32_t n = runtime->core_count > 0 ? runtime->core_count : b->machine->n_cpus;
    for (uint32_t w = 0; w < b->plan->n_workers; w++) {
        bool pin = runtime->pin && b->plan->n_workers <= n &&
                   (runtime->core_count > 0 || n >= CPUS_TO_PIN);
        b->plan->worker_core[w] = !pin ? -1 : runtime->core_count > 0 ? cpus[w] : cpus[n - 1 - w];
    }
}

static void
choose_workers(struct builder *b)
{
    struct tide_plan *plan = b->plan;
    uint32_t load[TIDE_LIMIT_WORKERS] = {0};
    for (uint32_t s = 0; s < plan->n_stages; s++) {
        struct tide_stage *stage = &plan->stages[s];
        for (uint32_t i = 0; i < stage->n_tasks; i++) {
            uint32_t best = i % plan->n_workers;
            for (uint32_t w = 0; stage->n_tasks == 1 && w < plan->n_workers; w++) {
                best = load[w] < load[best] ? w : best;
            }
            for (uint32_t w = 0; stage->core >= 0 && w < plan->n_workers; w++) {
                best = plan->worker_core[w] == stage->core ? w : best;
            }
            load[best]++;
            plan->task_worker[stage->first_task + i] = (uint16_t)best;
        }
    }
}

static int
number_tasks(struct builder *b)
{
    struct tide_plan *plan = b->plan;
    for (uint32_t s = 0; s < plan->n_stages; s++) {
        plan->stages[s].first_task = plan->n_tasks;
        plan->n_tasks += plan->stages[s].n_tasks;
    }
    if (plan->n_tasks > TIDE_LIMIT_TASKS) {
        tide_diags_error(b->diags, b->logical->pipeline->doc.root,
                         "the plan has %u tasks; the most is %u", plan->n_tasks, TIDE_LIMIT_TASKS);
        return TIDE_ERR_LIMIT;
    }
    plan->task_worker = tide_type_arena_alloc(plan->arena, (plan->n_tasks + 1u) * sizeof(uint16_t));
    plan->worker_core =
        tide_type_arena_alloc(plan->arena, (plan->n_workers + 1u) * sizeof(int32_t));
    return plan->task_worker == NULL || plan->worker_core == NULL ? TIDE_ERR_NOMEM : 0;
}

int
tide_plan_build(const struct tide_logical *logical, const struct tide_machine *machine,
                struct tide_plan **out_plan, struct tide_diags *diags)
{
    const struct tide_seam *seam = logical->seam;
    struct tide_plan *plan = tide_alloc(seam, sizeof(*plan));
    struct builder *b = tide_alloc(seam, sizeof(*b));
    int rc = TIDE_ERR_NOMEM;
    if (plan == NULL || b == NULL) {
        goto out;
    }
    *b = (struct builder){.plan = plan, .logical = logical, .machine = machine, .diags = diags};
    plan->logical = logical;
    plan->dead_letter_stage = -1;
    plan->arena = tide_alloc(seam, sizeof(*plan->arena));
    if (plan->arena == NULL) {
        goto out;
    }
    tide_type_arena_init(plan->arena, seam);
    plan->stages = tide_type_arena_alloc(plan->arena, TIDE_LIMIT_STAGES * sizeof(*plan->stages));
    plan->n_workers = worker_count(b);
    b->parallelism =
        settings(b)->parallelism > 0 ? bounded(settings(b)->parallelism, 0) : plan->n_workers;
    rc = plan->stages == NULL ? TIDE_ERR_NOMEM : 0;
    for (uint32_t i = 0; i < logical->n && rc == 0; i++) {
        rc = place_node(b, i);
    }
    rc = rc != 0 ? rc : number_tasks(b);
    if (rc == 0) {
        align(b);
        choose_cores(b);
        choose_workers(b);
        *out_plan = plan;
        plan = NULL;
    }
out:
    tide_plan_destroy(plan);
    tide_free(seam, b);
    return rc;
}

void
tide_plan_destroy(struct tide_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    const struct tide_seam *seam = plan->logical != NULL ? plan->logical->seam : tide_seam_real();
    if (plan->arena != NULL) {
        tide_type_arena_fini(plan->arena);
    }
    tide_free(seam, plan->arena);
    tide_free(seam, plan);
}

const struct tide_stage *
tide_plan_stage_of(const struct tide_plan *plan, uint32_t task)
{
    for (uint32_t s = 0; s < plan->n_stages; s++) {
        const struct tide_stage *stage = &plan->stages[s];
        if (task >= stage->first_task && task < stage->first_task + stage->n_tasks) {
            return stage;
        }
    }
    TIDE_UNREACHABLE("a task belongs to a stage");
}
