/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and ending an incarnation: see incarnation.h. The tasks' configurations are in wire.c.
 *
 * Thread: a control thread.
 */
#include "pipeline/incarnation.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "data/type.h"
#include "pipeline/wire.h"

#define REPORT_RING_BYTES (64u << 10)
#define MEMORY_BESIDE_STATE \
    (1ull << 30) /* edges, kept rows: bounded by rings and clients long before */
#define DISCOVER_NS 5000000000ull

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "no memory to start the pipeline");
}

/* ---- connectors ---- */

static int
open_kinds(struct tide_incarnation *in, struct tide_error *err)
{
    const struct tide_logical *logical = in->config.plan->logical;
    for (uint32_t i = 0; i < logical->n; i++) {
        const struct tide_logical_node *node = &logical->nodes[i];
        const struct tide_kind *kind = node->entry->kind;
        int rc =
            kind->open != NULL ? kind->open(in->config.host, node->bound, &in->shared[i], err) : 0;
        if (rc != 0) {
            return tide_error_prefix(err, "%s %s", tide_kind_type_name(kind->type), node->id);
        }
        in->opened[i] = true;
    }
    return 0;
}

static void
close_kinds(struct tide_incarnation *in)
{
    const struct tide_logical *logical = in->config.plan->logical;
    for (uint32_t i = 0; in->opened != NULL && i < logical->n; i++) {
        const struct tide_kind *kind = logical->nodes[i].entry->kind;
        if (in->opened[i] && kind->close != NULL) {
            kind->close(in->shared[i]);
        }
    }
}

static void
list_ends(struct tide_incarnation *in)
{
    const struct tide_plan *plan = in->config.plan;
    for (uint32_t s = 0; s < plan->n_stages; s++) {
        const struct tide_stage *stage = &plan->stages[s];
        if (stage->source >= 0) {
            const struct tide_logical_node *node = &plan->logical->nodes[stage->source];
            in->sources[in->n_sources++] = (struct tide_coordinator_source){
                .kind = (const struct tide_source *)node->entry->kind,
                .shared = in->shared[stage->source],
                .id = node->id,
                .n_tasks = stage->n_tasks};
        }
        if (stage->sink >= 0) {
            const struct tide_logical_node *node = &plan->logical->nodes[stage->sink];
            in->sinks[in->n_sinks++] = (struct tide_coordinator_sink){
                .kind = (const struct tide_sink *)node->entry->kind,
                .shared = in->shared[stage->sink],
                .id = node->id,
                .commit_class = (enum tide_commit_class)node->traits.commit_class};
        }
    }
}

/* ---- identity ---- */

static int
identity_add(struct tide_incarnation *in, const char *what, const char *id, const char *value)
{
    char key[320];
    snprintf(key, sizeof(key), "%s %s", what, id);
    return tide_blobs_set(&in->identity, in->config.seam, key, value, (uint32_t)strlen(value));
}

/* What a source reads: its kind and the options that name its splits. */
static int
identity_source(struct tide_incarnation *in, const struct tide_logical_node *node)
{
    static const char *const names[] = {"subscribe", "subscribePattern", "assign", "path", "host",
                                        "port"};
    struct tide_buf value;
    tide_buf_init(&value, in->config.seam, 1u << 20);
    int rc = tide_buf_append_text(&value, node->entry->kind->name);
    for (uint32_t i = 0; node->source != NULL && i < sizeof(names) / sizeof(names[0]) && rc == 0;
         i++) {
        const struct tide_given *given = tide_settings_get(&node->source->options, names[i]);
        if (given != NULL) {
            rc = tide_buf_printf(&value, " %s=%s", names[i], given->value);
        }
    }
    const char *text = tide_buf_text(&value);
    rc = rc != 0 || text == NULL ? TIDE_ERR_NOMEM : identity_add(in, "source", node->id, text);
    tide_buf_fini(&value);
    return rc;
}

static int
identity(struct tide_incarnation *in)
{
    const struct tide_plan *plan = in->config.plan;
    const struct tide_pipeline *pipeline = plan->logical->pipeline;
    char text[64];
    snprintf(text, sizeof(text), "%lld", (long long)pipeline->state.key_groups);
    int rc = identity_add(in, "pinned", "key groups", text);
    rc = rc != 0 ? rc : identity_add(in, "pinned", "time zone", plan->logical->expr.time_zone);
    rc = rc != 0 ? rc
                 : identity_add(in, "pinned", "ANSI", plan->logical->expr.ansi ? "true" : "false");
    rc = rc != 0 ? rc : identity_add(in, "pipeline", "name", pipeline->name);
    for (uint32_t i = 0; i < plan->logical->n && rc == 0; i++) {
        const struct tide_logical_node *node = &plan->logical->nodes[i];
        snprintf(text, sizeof(text), "%s version %u", node->entry->kind->name,
                 node->traits.state_version);
        if (node->entry->kind->type == TIDE_KIND_SOURCE) {
            rc = identity_source(in, node);
        } else if (node->entry->kind->type == TIDE_KIND_SINK) {
            rc = identity_add(in, "sink", node->id, node->entry->kind->name);
        } else if (node->traits.stateful) {
            rc = identity_add(in, "state", node->id, text);
        }
    }
    return rc;
}

static void
wake_self(void *ctx)
{
    struct tide_incarnation *in = ctx;
    in->config.wake_coordinator(in->config.ctx);
}

static int
recover(struct tide_incarnation *in, struct tide_error *err)
{
    if (identity(in) != 0) {
        return no_memory(err);
    }
    struct tide_recover_config config = {
        .seam = in->config.seam,
        .log = in->config.log,
        .io = in->config.io,
        .offload = in->config.offload,
        .dir = in->config.dir,
        .sinks = in->sinks,
        .n_sinks = in->n_sinks,
        .identity = &in->identity,
        .allow_unsafe_change = in->config.plan->logical->pipeline->allow_unsafe_change,
        .wake = wake_self,
        .wake_arg = in,
    };
    return tide_recover(&config, &in->recovered, err);
}

/* ---- orders, memory ---- */

static int
make_orders(struct tide_incarnation *in, struct tide_error *err)
{
    const struct tide_checkpoint *checkpoint = &in->recovered.checkpoint;
    in->orders = tide_alloc_lines(in->config.seam, sizeof(*in->orders));
    if (in->orders == NULL) {
        return no_memory(err);
    }
    in->orders->incarnation = checkpoint->incarnation;
    tide_word_init(&in->orders->open, checkpoint->committed.epoch);
    tide_word_init(&in->orders->committed, checkpoint->committed.epoch);
    tide_word_init(&in->orders->stop, 0);
    tide_word_init(&in->orders->halt, 0);
    return tide_published_init(&in->orders->assignment, in->config.seam, in->config.plan->n_tasks,
                               err);
}

static int
make_budget(struct tide_incarnation *in, struct tide_error *err)
{
    uint64_t state = (uint64_t)in->config.plan->logical->pipeline->state.memory_bytes;
    int rc = tide_budget_create(in->config.seam, state + MEMORY_BESIDE_STATE, &in->budget, err);
    rc =
        rc != 0 ? rc : tide_budget_child_add(in->budget, "state", 0, state, &in->state_memory, err);
    return rc != 0 ? rc
                   : tide_budget_child_add(in->budget, "edges", MEMORY_BESIDE_STATE, 0, &in->edges,
                                           err);
}

static void *
array(struct tide_incarnation *in, uint32_t n, size_t size)
{
    return tide_type_arena_alloc(&in->arena, (n + 1u) * size);
}

static int
make_arrays(struct tide_incarnation *in, struct tide_error *err)
{
    const struct tide_plan *plan = in->config.plan;
    uint32_t n = plan->n_tasks;
    in->shared = array(in, plan->logical->n, sizeof(*in->shared));
    in->opened = array(in, plan->logical->n, sizeof(*in->opened));
    in->sources = array(in, plan->n_stages, sizeof(*in->sources));
    in->sinks = array(in, plan->n_stages, sizeof(*in->sinks));
    in->coordinator_tasks = array(in, n, sizeof(*in->coordinator_tasks));
    in->seats = array(in, plan->n_workers, sizeof(*in->seats));
    in->stores = array(in, n, sizeof(*in->stores));
    in->reports = array(in, n, sizeof(*in->reports));
    in->edge_rings = array(in, plan->n_stages, sizeof(*in->edge_rings));
    in->dead_letter_rings = array(in, n, sizeof(*in->dead_letter_rings));
    in->keys = array(in, plan->n_stages, sizeof(*in->keys));
    in->tasks = array(in, n, sizeof(*in->tasks));
    in->counters = tide_alloc_lines(in->config.seam, n * sizeof(*in->counters));
    bool good = in->shared != NULL && in->opened != NULL && in->sources != NULL &&
                in->sinks != NULL && in->coordinator_tasks != NULL && in->seats != NULL &&
                in->stores != NULL && in->reports != NULL && in->edge_rings != NULL &&
                in->dead_letter_rings != NULL && in->keys != NULL && in->tasks != NULL &&
                in->counters != NULL;
    for (uint32_t i = 0; good && i < n; i++) {
        tide_counters_init(&in->counters[i]);
    }
    return good ? 0 : no_memory(err);
}

/* ---- workers and state ---- */

static enum tide_idle
idle_of(enum tide_idle_choice choice)
{
    static const enum tide_idle map[] = {
        [TIDE_IDLE_CHOICE_SPIN] = TIDE_IDLE_SPIN,
        [TIDE_IDLE_CHOICE_YIELD] = TIDE_IDLE_YIELD,
        [TIDE_IDLE_CHOICE_PARK] = TIDE_IDLE_PARK,
        [TIDE_IDLE_CHOICE_ADAPTIVE] = TIDE_IDLE_ADAPTIVE,
    };
    return map[choice];
}

static int
make_workers(struct tide_incarnation *in, struct tide_error *err)
{
    const struct tide_plan *plan = in->config.plan;
    const struct tide_runtime_def *runtime = &plan->logical->pipeline->runtime;
    int rc = 0;
    for (uint32_t w = 0; in->config.threads && w < plan->n_workers && rc == 0; w++) {
        struct tide_worker_config config = {.seam = in->config.seam,
                                            .log = in->config.log,
                                            .index = w,
                                            .core = plan->worker_core[w],
                                            .idle = idle_of(runtime->idle),
                                            .spin_ns = (uint64_t)runtime->spin_ns,
                                            .n_tasks_max = plan->n_tasks};
        rc = tide_worker_create(&config, &in->seats[w].worker, err);
    }
    return rc;
}

static bool
any_state(const struct tide_plan *plan)
{
    for (uint32_t s = 0; s < plan->n_stages; s++) {
        if (plan->stages[s].stateful) {
            return true;
        }
    }
    return false;
}

static int
make_site(struct tide_incarnation *in, struct tide_error *err)
{
    const struct tide_state_def *state = &in->config.plan->logical->pipeline->state;
    size_t size = strlen(in->config.dir) + sizeof("/state");
    in->state_dir = tide_type_arena_alloc(&in->arena, size);
    if (in->state_dir == NULL) {
        return no_memory(err);
    }
    snprintf(in->state_dir, size, "%s/state", in->config.dir);
    in->site = (struct tide_state_site){
        .seam = in->config.seam,
        .budget = in->state_memory,
        .io = in->config.io,
        .dir = in->state_dir,
        .incarnation = in->recovered.checkpoint.incarnation,
        .key_groups = (uint32_t)state->key_groups,
        .full_every = (uint32_t)state->full_every,
        .compress = state->compression == TIDE_COMPRESSION_ZSTD,
    };
    return any_state(in->config.plan) ? tide_state_dir_create(&in->site, err) : 0;
}

/* The change segment of a worker, made with the first stateful task that sits there. */
static int
seat_segment(struct tide_incarnation *in, uint32_t w, struct tide_error *err)
{
    struct tide_seat *seat = &in->seats[w];
    if (seat->segment != NULL) {
        return 0;
    }
    int rc = in->config.io_create(in->config.ctx, &seat->io, err);
    if (rc != 0) {
        return rc;
    }
    struct tide_segment_config config = {
        .site = &in->site,
        .worker = w,
        .io = seat->io,
        .offload = in->config.offload,
        .wake = seat->worker != NULL ? tide_worker_wake : in->config.place_wake,
        .wake_arg = seat->worker != NULL ? (void *)seat->worker : in->config.place};
    rc = tide_segment_create(&config, &seat->segment, err);
    if (rc == 0 && seat->worker != NULL) {
        rc = tide_worker_segment_set(seat->worker, seat->segment, seat->io->fd);
    }
    return rc;
}

static int
make_stores(struct tide_incarnation *in, struct tide_error *err)
{
    const struct tide_plan *plan = in->config.plan;
    const struct tide_blobs *snapshots = &in->recovered.checkpoint.snapshots;
    struct tide_bytes *refs = array(in, snapshots->n, sizeof(*refs));
    if (refs == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < snapshots->n; i++) {
        refs[i] = (struct tide_bytes){snapshots->items[i].bytes, snapshots->items[i].n};
    }
    int rc = 0;
    for (uint32_t t = 0; t < plan->n_tasks && rc == 0; t++) {
        if (!tide_plan_stage_of(plan, t)->stateful) {
            continue;
        }
        struct tide_state_config config;
        rc = seat_segment(in, plan->task_worker[t], err);
        rc = rc != 0 ? rc : tide_wire_state(in, t, &config, err);
        rc = rc != 0 ? rc : tide_state_store_create(&config, &in->stores[t], err);
        rc = rc != 0 ? rc : tide_state_store_restore(in->stores[t], refs, snapshots->n, err);
    }
    return rc;
}

/* ---- coordinator ---- */

static uint64_t
activity(void *ctx)
{
    const struct tide_incarnation *in = ctx;
    return tide_incarnation_rows_in(in) + tide_incarnation_sum(in, TIDE_COUNTER_REJECTED);
}

/* "last step model, split transactions-3". */
static uint64_t
whereabouts(void *ctx, uint32_t task, char *out, size_t size)
{
    const struct tide_incarnation *in = ctx;
    const struct tide_stage *stage = tide_plan_stage_of(in->config.plan, task);
    const struct tide_checkpoint *checkpoint = &in->recovered.checkpoint;
    struct tide_whereabouts at = tide_counters_where(&in->counters[task]);
    const char *step = "its input";
    if (at.step > stage->n_operators) {
        step = stage->sink >= 0 ? in->config.plan->logical->nodes[stage->sink].id : "its edges";
    } else if (at.step > 0) {
        step = in->config.plan->logical->nodes[stage->operators[at.step - 1]].id;
    }
    snprintf(out, size, "last step %s, %s%s", step, at.split < checkpoint->n_splits ? "split " : "",
             at.split < checkpoint->n_splits ? checkpoint->splits[at.split].name : "no split yet");
    return tide_counters_passed(&in->counters[task]);
}

static void
wake_tasks(void *ctx)
{
    struct tide_incarnation *in = ctx;
    for (uint32_t w = 0; w < in->config.plan->n_workers; w++) {
        if (in->seats[w].worker != NULL) {
            tide_park_wake(tide_worker_park(in->seats[w].worker));
        }
    }
    if (!in->config.threads) {
        in->config.place_wake(in->config.place);
    }
}

static void
committed(void *ctx, struct tide_seal seal, uint64_t duration_ns)
{
    struct tide_incarnation *in = ctx;
    if (in->config.committed != NULL) {
        in->config.committed(in->config.ctx, seal, duration_ns);
    }
}

static int
make_coordinator(struct tide_incarnation *in, struct tide_error *err)
{
    const struct tide_plan *plan = in->config.plan;
    const struct tide_pipeline *pipeline = plan->logical->pipeline;
    struct tide_coordinator_config config = {
        .seam = in->config.seam,
        .log = in->config.log,
        .wal = in->recovered.wal,
        .offload = in->config.offload,
        .orders = in->orders,
        .checkpoint = &in->recovered.checkpoint,
        .state_site = any_state(plan) ? &in->site : NULL,
        .sources = in->sources,
        .sinks = in->sinks,
        .tasks = in->coordinator_tasks,
        .n_sources = in->n_sources,
        .n_sinks = in->n_sinks,
        .n_tasks = plan->n_tasks,
        .interval_ns = (uint64_t)pipeline->trigger.interval_ns,
        .deadline_ns = (uint64_t)pipeline->epoch.deadline_ns,
        .discover_ns = DISCOVER_NS,
        .in_flight_max = (uint32_t)pipeline->epoch.in_flight_max,
        .activity = activity,
        .whereabouts = whereabouts,
        .wake_tasks = wake_tasks,
        .wake_self = wake_self,
        .committed = committed,
        .ctx = in,
    };
    return tide_coordinator_init(&in->coordinator, &config, err);
}

/* ---- the whole ---- */

static int
open_all(struct tide_incarnation *in, struct tide_error *err)
{
    int rc = make_arrays(in, err);
    rc = rc != 0 ? rc : open_kinds(in, err);
    if (rc == 0) {
        list_ends(in);
    }
    rc = rc != 0 ? rc : recover(in, err);
    rc = rc != 0 ? rc : make_orders(in, err);
    rc = rc != 0 ? rc : make_budget(in, err);
    rc = rc != 0 ? rc : make_workers(in, err);
    rc = rc != 0 ? rc : make_site(in, err);
    rc = rc != 0 ? rc : tide_wire_rings(in, REPORT_RING_BYTES, err);
    rc = rc != 0 ? rc : make_stores(in, err);
    rc = rc != 0 ? rc : tide_wire_tasks(in, err);
    return rc != 0 ? rc : make_coordinator(in, err);
}

int
tide_incarnation_open(const struct tide_incarnation_config *config, struct tide_incarnation **out,
                      struct tide_error *err)
{
    struct tide_incarnation *in = tide_alloc(config->seam, sizeof(*in));
    if (in == NULL) {
        return no_memory(err);
    }
    in->config = *config;
    tide_type_arena_init(&in->arena, config->seam);
    int rc = open_all(in, err);
    if (rc != 0) {
        tide_incarnation_close(in);
        return rc;
    }
    *out = in;
    return 0;
}

int
tide_incarnation_start(struct tide_incarnation *in, struct tide_error *err)
{
    int rc = 0;
    for (uint32_t w = 0; w < in->config.plan->n_workers && rc == 0; w++) {
        rc = tide_worker_start(in->seats[w].worker, err);
    }
    return rc;
}

static void
stop_workers(struct tide_incarnation *in)
{
    if (in->orders != NULL) {
        tide_word_raise(&in->orders->halt, 1);
    }
    for (uint32_t w = 0; in->seats != NULL && w < in->config.plan->n_workers; w++) {
        if (in->seats[w].worker != NULL) {
            tide_worker_wake(in->seats[w].worker);
            tide_worker_join(in->seats[w].worker);
        }
    }
}

static void
close_seats(struct tide_incarnation *in)
{
    for (uint32_t t = 0; in->stores != NULL && t < in->config.plan->n_tasks; t++) {
        tide_state_store_destroy(in->stores[t]);
    }
    for (uint32_t w = 0; in->seats != NULL && w < in->config.plan->n_workers; w++) {
        tide_segment_destroy(in->seats[w].segment);
        tide_io_destroy(in->seats[w].io);
        tide_worker_destroy(in->seats[w].worker);
    }
}

void
tide_incarnation_close(struct tide_incarnation *in)
{
    if (in == NULL) {
        return;
    }
    const struct tide_seam *seam = in->config.seam;
    stop_workers(in);
    tide_coordinator_fini(&in->coordinator);
    for (uint32_t t = 0; in->tasks != NULL && t < in->config.plan->n_tasks; t++) {
        tide_task_destroy(in->tasks[t]);
    }
    close_kinds(in);
    close_seats(in);
    if (in->edge_rings != NULL) {
        tide_wire_close(in);
    }
    tide_recovered_close(&in->recovered);
    if (in->orders != NULL) {
        tide_published_fini(&in->orders->assignment);
    }
    tide_budget_destroy(in->budget);
    tide_blobs_clear(&in->identity, seam);
    tide_free_lines(seam, in->orders);
    tide_free_lines(seam, in->counters);
    tide_type_arena_fini(&in->arena);
    tide_free(seam, in);
}

uint64_t
tide_incarnation_rows_in(const struct tide_incarnation *in)
{
    uint64_t sum = 0;
    for (uint32_t t = 0; t < in->config.plan->n_tasks; t++) {
        if (in->coordinator_tasks[t].source >= 0) {
            sum += tide_counters_get(&in->counters[t], TIDE_COUNTER_ROWS_IN);
        }
    }
    return sum;
}

uint64_t
tide_incarnation_rows_out(const struct tide_incarnation *in)
{
    const struct tide_plan *plan = in->config.plan;
    uint64_t sum = 0;
    for (uint32_t t = 0; t < plan->n_tasks; t++) {
        if (in->coordinator_tasks[t].sink >= 0 && !tide_plan_stage_of(plan, t)->dead_letter) {
            sum += tide_counters_get(&in->counters[t], TIDE_COUNTER_ROWS_OUT);
        }
    }
    return sum;
}

uint64_t
tide_incarnation_sum(const struct tide_incarnation *in, enum tide_counter id)
{
    uint64_t sum = 0;
    for (uint32_t t = 0; t < in->config.plan->n_tasks; t++) {
        sum += tide_counters_get(&in->counters[t], id);
    }
    return sum;
}
