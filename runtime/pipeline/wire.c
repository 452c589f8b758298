/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiring: see wire.h.
 *
 * A ring belongs to one writer and one reader. Edges of a stage lie in one array, reader by reader;
 * each task that may reject has one ring to the dead letters' task, in the order of the tasks.
 *
 * Thread: a control thread.
 */
#include "pipeline/wire.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "data/type.h"
#include "sql/sql.h"

static const struct tide_plan *
plan_of(const struct tide_incarnation *in)
{
    return in->config.plan;
}

static void *
make(struct tide_incarnation *in, uint32_t n, size_t size)
{
    return tide_type_arena_alloc(&in->arena, (n + 1u) * size);
}

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "no memory to wire the tasks");
}

static struct tide_park *
park_of(const struct tide_incarnation *in, uint32_t task)
{
    struct tide_worker *worker = in->seats[plan_of(in)->task_worker[task]].worker;
    return worker != NULL ? tide_worker_park(worker) : NULL;
}

/* Tasks on one worker need no wake: the worker steps both. */
static int
ring_make(struct tide_incarnation *in, uint32_t bytes, uint32_t writer, uint32_t reader,
          struct tide_ring **out, struct tide_error *err)
{
    int rc = tide_ring_create(in->config.seam, bytes, out, err);
    struct tide_park *from = park_of(in, writer);
    struct tide_park *to = park_of(in, reader);
    if (rc == 0 && from != to) {
        tide_ring_parks_set(*out, from, to);
    }
    return rc;
}

static uint32_t
ring_bytes(const struct tide_incarnation *in)
{
    return (uint32_t)plan_of(in)->logical->pipeline->runtime.ring_bytes;
}

static int
wire_stage(struct tide_incarnation *in, uint32_t s, struct tide_error *err)
{
    const struct tide_stage *stage = &plan_of(in)->stages[s];
    if (stage->input < 0) {
        return 0;
    }
    const struct tide_stage *up = &plan_of(in)->stages[stage->input];
    uint32_t writers = up->n_tasks;
    in->edge_rings[s] = make(in, stage->n_tasks * writers, sizeof(struct tide_ring *));
    if (in->edge_rings[s] == NULL) {
        return no_memory(err);
    }
    int rc = 0;
    for (uint32_t r = 0; r < stage->n_tasks && rc == 0; r++) {
        for (uint32_t w = 0; w < writers && rc == 0; w++) {
            if (stage->mesh == TIDE_MESH_FULL || r == w) {
                rc = ring_make(in, ring_bytes(in), up->first_task + w, stage->first_task + r,
                               &in->edge_rings[s][r * writers + w], err);
            }
        }
    }
    return rc;
}

static const struct tide_stage *
dead_letters(const struct tide_incarnation *in)
{
    int32_t s = plan_of(in)->dead_letter_stage;
    return s < 0 ? NULL : &plan_of(in)->stages[s];
}

static bool
rejects(const struct tide_incarnation *in, const struct tide_stage *stage)
{
    return dead_letters(in) != NULL && stage->may_reject && !stage->dead_letter;
}

/* The index of a source or sink among the coordinator's, which lists them in the order of the
 * stages. */
static int32_t
end_index(const struct tide_incarnation *in, const struct tide_stage *of, bool sink)
{
    int32_t index = 0;
    for (const struct tide_stage *stage = plan_of(in)->stages; stage < of; stage++) {
        index += (sink ? stage->sink : stage->source) >= 0;
    }
    return (sink ? of->sink : of->source) >= 0 ? index : -1;
}

static const char *
task_name(struct tide_incarnation *in, const struct tide_stage *stage, uint32_t index)
{
    char name[300];
    snprintf(name, sizeof(name), "%s[%u]", stage->name, index);
    return tide_type_arena_text(&in->arena, name, strlen(name));
}

static int
wire_task(struct tide_incarnation *in, const struct tide_stage *stage, uint32_t index,
          uint32_t report_bytes, struct tide_error *err)
{
    uint32_t task = stage->first_task + index;
    const char *name = task_name(in, stage, index);
    if (name == NULL) {
        return no_memory(err);
    }
    int rc = tide_ring_create(in->config.seam, report_bytes, &in->reports[task], err);
    if (rc == 0) {
        tide_ring_parks_set(in->reports[task], park_of(in, task), in->config.coordinator_park);
        in->coordinator_tasks[task] =
            (struct tide_coordinator_task){.name = name,
                                           .scope = stage->stateful ? name : NULL,
                                           .reports = in->reports[task],
                                           .source = end_index(in, stage, false),
                                           .sink = end_index(in, stage, true)};
    }
    if (rc == 0 && rejects(in, stage)) {
        rc = ring_make(in, ring_bytes(in), task, dead_letters(in)->first_task,
                       &in->dead_letter_rings[task], err);
    }
    return rc;
}

int
tide_wire_rings(struct tide_incarnation *in, uint32_t report_bytes, struct tide_error *err)
{
    int rc = 0;
    for (uint32_t s = 0; s < plan_of(in)->n_stages && rc == 0; s++) {
        const struct tide_stage *stage = &plan_of(in)->stages[s];
        rc = wire_stage(in, s, err);
        for (uint32_t i = 0; i < stage->n_tasks && rc == 0; i++) {
            rc = wire_task(in, stage, i, report_bytes, err);
        }
    }
    return rc;
}

/* ---- state ---- */

/* The key groups of task @index of @n: those with group * n / G == index. */
static void
groups_of(uint32_t key_groups, uint32_t index, uint32_t n, uint32_t *out_first, uint32_t *out_count)
{
    uint32_t first = (uint32_t)(((uint64_t)index * key_groups + n - 1) / n);
    uint32_t end = (uint32_t)(((uint64_t)(index + 1) * key_groups + n - 1) / n);
    *out_first = first;
    *out_count = end - first;
}

static void
state_fail(void *ctx, int code, const char *text)
{
    struct tide_task **task = ctx;
    tide_task_fail(*task, code, text);
}

int
tide_wire_state(struct tide_incarnation *in, uint32_t task, struct tide_state_config *out,
                struct tide_error *err)
{
    const struct tide_stage *stage = tide_plan_stage_of(plan_of(in), task);
    const char **operators = make(in, stage->n_operators, sizeof(*operators));
    if (operators == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < stage->n_operators; i++) {
        operators[i] = plan_of(in)->logical->nodes[stage->operators[i]].id;
    }
    *out = (struct tide_state_config){.site = &in->site,
                                      .segment = in->seats[plan_of(in)->task_worker[task]].segment,
                                      .task = task,
                                      .index = task - stage->first_task,
                                      .count = stage->n_tasks,
                                      .operators = operators,
                                      .n_operators = stage->n_operators,
                                      .fail = state_fail,
                                      .fail_ctx = &in->tasks[task]};
    groups_of(in->site.key_groups, out->index, out->count, &out->group_first, &out->group_count);
    return 0;
}

/* ---- tasks ---- */

static enum tide_on_reject
on_reject(enum tide_on_error on_error)
{
    static const enum tide_on_reject map[] = {
        [TIDE_ON_ERROR_FAIL] = TIDE_ON_REJECT_FAIL,
        [TIDE_ON_ERROR_DEAD_LETTER] = TIDE_ON_REJECT_DEAD_LETTER,
        [TIDE_ON_ERROR_DROP] = TIDE_ON_REJECT_DROP,
        [TIDE_ON_ERROR_SET_NULL] = TIDE_ON_REJECT_SETNULL,
    };
    return map[on_error];
}

/* The program that hashes rows of @stage's input: the first node's keys. */
static int
key_program(struct tide_incarnation *in, uint32_t s, struct tide_error *err)
{
    const struct tide_stage *stage = &plan_of(in)->stages[s];
    const struct tide_logical *logical = plan_of(in)->logical;
    if (stage->exchange != TIDE_EXCHANGE_KEY || in->keys[s] != NULL) {
        return 0;
    }
    const struct tide_logical_node *node = &logical->nodes[stage->operators[0]];
    struct tide_expr_item *items = make(in, node->traits.n_key_exprs, sizeof(*items));
    uint32_t bad;
    if (items == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < node->traits.n_key_exprs; i++) {
        items[i].text = node->traits.key_exprs[i];
    }
    return in->config.host->expr_compile(in->config.host, &logical->expr, items,
                                         node->traits.n_key_exprs, node->in, &in->keys[s], &bad,
                                         err);
}

/* One exchange from task @index of the stage before into stage @s. */
static int
output_to(struct tide_incarnation *in, uint32_t s, uint32_t index, struct tide_output_config *out,
          struct tide_error *err)
{
    const struct tide_stage *stage = &plan_of(in)->stages[s];
    const struct tide_stage *up = &plan_of(in)->stages[stage->input];
    const struct tide_logical_node *from = &plan_of(in)->logical->nodes[stage->input_node];
    struct tide_ring **rings = make(in, stage->n_tasks, sizeof(struct tide_ring *));
    if (rings == NULL) {
        return no_memory(err);
    }
    uint32_t n = 0;
    for (uint32_t r = 0; r < stage->n_tasks; r++) {
        struct tide_ring *ring = in->edge_rings[s][r * up->n_tasks + index];
        if (ring != NULL) {
            rings[n++] = ring;
        }
    }
    *out = (struct tide_output_config){.exchange = stage->exchange,
                                       .rings = rings,
                                       .n_rings = n,
                                       .schema = from->out[stage->input_port]};
    int rc = key_program(in, s, err);
    out->key = in->keys[s];
    return rc;
}

/* All exchanges out of port @port of node @node, from task @index. */
static int
outputs_of(struct tide_incarnation *in, int32_t node, uint32_t port, uint32_t index,
           const struct tide_output_config **out, uint32_t *out_n, struct tide_error *err)
{
    uint32_t n_stages = plan_of(in)->n_stages;
    struct tide_output_config *outputs = make(in, n_stages, sizeof(*outputs));
    int rc = outputs == NULL ? no_memory(err) : 0;
    uint32_t n = 0;
    for (uint32_t s = 0; s < n_stages && rc == 0; s++) {
        const struct tide_stage *stage = &plan_of(in)->stages[s];
        if (stage->input_node == node && stage->input_port == port) {
            rc = output_to(in, s, index, &outputs[n++], err);
        }
    }
    *out = outputs;
    *out_n = n;
    return rc;
}

static int
links_of(struct tide_incarnation *in, const struct tide_stage *stage, uint32_t index,
         struct tide_task_config *out, struct tide_error *err)
{
    struct tide_link_config *links = make(in, stage->n_operators, sizeof(*links));
    int rc = links == NULL ? no_memory(err) : 0;
    for (uint32_t i = 0; i < stage->n_operators && rc == 0; i++) {
        uint32_t node_index = stage->operators[i];
        const struct tide_logical_node *node = &plan_of(in)->logical->nodes[node_index];
        links[i] =
            (struct tide_link_config){.kind = (const struct tide_operator *)node->entry->kind,
                                      .shared = in->shared[node_index],
                                      .id = node->id,
                                      .id_hash = node->id_hash,
                                      .on_error = on_reject(node->on_error),
                                      .in = node->in,
                                      .out = node->out[0],
                                      .state_version = node->traits.state_version};
        if (node->traits.n_outputs > 1) {
            struct tide_output_config *sides = make(in, node->traits.n_outputs, sizeof(*sides));
            for (uint32_t k = 1; sides != NULL && k < node->traits.n_outputs && rc == 0; k++) {
                const struct tide_output_config *list;
                uint32_t n;
                rc = outputs_of(in, (int32_t)node_index, k, index, &list, &n, err);
                sides[k - 1] =
                    n > 0 ? list[0] : (struct tide_output_config){.schema = node->out[k]};
            }
            rc = sides == NULL ? no_memory(err) : rc;
            links[i].side = sides;
            links[i].n_side = node->traits.n_outputs - 1;
        }
    }
    out->links = links;
    out->n_links = stage->n_operators;
    return rc;
}

static int
dead_letter_inputs(struct tide_incarnation *in, struct tide_task_config *out)
{
    struct tide_edge *edges = make(in, plan_of(in)->n_tasks, sizeof(*edges));
    for (uint32_t t = 0; edges != NULL && t < plan_of(in)->n_tasks; t++) {
        if (in->dead_letter_rings[t] != NULL) {
            edges[out->n_inputs++].ring = in->dead_letter_rings[t];
        }
    }
    out->inputs = edges;
    out->input_schema = plan_of(in)->logical->dead_letter_schema;
    return edges == NULL ? TIDE_ERR_NOMEM : 0;
}

static int
edge_inputs(struct tide_incarnation *in, const struct tide_stage *stage, uint32_t index,
            struct tide_task_config *out)
{
    uint32_t s = (uint32_t)(stage - plan_of(in)->stages);
    const struct tide_stage *up = &plan_of(in)->stages[stage->input];
    struct tide_edge *edges = make(in, up->n_tasks, sizeof(*edges));
    for (uint32_t w = 0; edges != NULL && w < up->n_tasks; w++) {
        struct tide_ring *ring = in->edge_rings[s][index * up->n_tasks + w];
        if (ring != NULL) {
            edges[out->n_inputs++].ring = ring;
        }
    }
    out->inputs = edges;
    out->input_schema = plan_of(in)->logical->nodes[stage->input_node].out[stage->input_port];
    return edges == NULL ? TIDE_ERR_NOMEM : 0;
}

static void
source_input(struct tide_incarnation *in, const struct tide_stage *stage,
             struct tide_task_config *out)
{
    const struct tide_logical_node *node = &plan_of(in)->logical->nodes[stage->source];
    out->source = (const struct tide_source *)node->entry->kind;
    out->source_shared = in->shared[stage->source];
    out->source_id = node->id;
    out->source_plan = (uint32_t)end_index(in, stage, false);
    out->source_schema = node->out[0];
    out->source_hidden = node->hidden;
    out->source_on_error = on_reject(node->on_error);
}

static int
ends_of(struct tide_incarnation *in, const struct tide_stage *stage, uint32_t index,
        struct tide_task_config *out, struct tide_error *err)
{
    int rc = 0;
    if (stage->source >= 0) {
        source_input(in, stage, out);
    } else {
        rc = stage->dead_letter ? dead_letter_inputs(in, out) : edge_inputs(in, stage, index, out);
    }
    if (rc != 0) {
        return no_memory(err);
    }
    if (stage->sink >= 0) {
        const struct tide_logical_node *node = &plan_of(in)->logical->nodes[stage->sink];
        out->sink = (const struct tide_sink *)node->entry->kind;
        out->sink_shared = in->shared[stage->sink];
        out->sink_id = node->id;
        out->sink_on_error = on_reject(node->on_error);
        out->sink_schema = node->in;
        return 0;
    }
    int32_t last =
        stage->n_operators > 0 ? (int32_t)stage->operators[stage->n_operators - 1] : stage->source;
    return outputs_of(in, last, 0, index, &out->outputs, &out->n_outputs, err);
}

static void
settings_of(const struct tide_incarnation *in, const struct tide_stage *stage, uint32_t index,
            struct tide_task_config *out)
{
    const struct tide_pipeline *pipeline = plan_of(in)->logical->pipeline;
    uint32_t task = stage->first_task + index;
    struct tide_worker *worker = in->seats[plan_of(in)->task_worker[task]].worker;
    *out = (struct tide_task_config){
        .name = in->coordinator_tasks[task].name,
        .index = task,
        .stage_index = index,
        .stage_count = stage->n_tasks,
        .key_groups = (uint32_t)pipeline->state.key_groups,
        .seam = in->config.seam,
        .log = in->config.log,
        .host = in->config.host,
        .budget = in->edges,
        .orders = in->orders,
        .reports = in->reports[task],
        .offload = in->config.offload,
        .aligned = stage->aligned,
        .dead_letters = in->dead_letter_rings[task],
        .dead_letter_schema = plan_of(in)->logical->dead_letter_schema,
        .pipeline = pipeline->name,
        .state = in->stores[task],
        .batch_max = (uint32_t)pipeline->runtime.batch_max,
        .record_max = (uint32_t)pipeline->runtime.record_bytes_max,
        .budget_ns = pipeline->latency.budget_ns > 0 ? (uint64_t)pipeline->latency.budget_ns : 0,
        .counters = &in->counters[task],
        .place = worker != NULL ? (void *)worker : in->config.place,
        .wake = worker != NULL ? tide_worker_wake : in->config.place_wake,
        .watch = worker != NULL ? tide_worker_watch : in->config.place_watch,
        .unwatch = worker != NULL ? tide_worker_unwatch : in->config.place_unwatch,
    };
    groups_of(out->key_groups, index, stage->n_tasks, &out->group_first, &out->group_count);
}

static int
wire_and_make(struct tide_incarnation *in, const struct tide_stage *stage, uint32_t index,
              struct tide_error *err)
{
    uint32_t task = stage->first_task + index;
    struct tide_task_config config;
    settings_of(in, stage, index, &config);
    int rc = links_of(in, stage, index, &config, err);
    rc = rc != 0 ? rc : ends_of(in, stage, index, &config, err);
    rc = rc != 0 ? rc : tide_task_create(&config, &in->tasks[task], err);
    if (rc == 0 && in->seats[plan_of(in)->task_worker[task]].worker != NULL) {
        tide_worker_add(in->seats[plan_of(in)->task_worker[task]].worker, in->tasks[task]);
    }
    return rc;
}

int
tide_wire_tasks(struct tide_incarnation *in, struct tide_error *err)
{
    int rc = 0;
    for (uint32_t s = 0; s < plan_of(in)->n_stages && rc == 0; s++) {
        const struct tide_stage *stage = &plan_of(in)->stages[s];
        for (uint32_t i = 0; i < stage->n_tasks && rc == 0; i++) {
            rc = wire_and_make(in, stage, i, err);
        }
    }
    return rc;
}

void
tide_wire_close(struct tide_incarnation *in)
{
    for (uint32_t t = 0; t < plan_of(in)->n_tasks; t++) {
        tide_ring_destroy(in->reports[t]);
        tide_ring_destroy(in->dead_letter_rings[t]);
    }
    for (uint32_t s = 0; s < plan_of(in)->n_stages; s++) {
        const struct tide_stage *stage = &plan_of(in)->stages[s];
        uint32_t n =
            stage->input < 0 ? 0 : stage->n_tasks * plan_of(in)->stages[stage->input].n_tasks;
        for (uint32_t i = 0; in->edge_rings[s] != NULL && i < n; i++) {
            tide_ring_destroy(in->edge_rings[s][i]);
        }
        if (in->keys[s] != NULL) {
            in->config.host->expr_free(in->keys[s]);
        }
    }
}
