/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The duty cycle of a task: see task.h for what is where.
 */
#include "task/task_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

#define HEAP_INITIAL (64u << 10)

/* ---- making and ending ---- */

static int
open_sides(struct tide_task *task, struct link *link, struct tide_error *err)
{
    int rc = 0;
    for (uint32_t k = 0; k < link->config->n_side && rc == 0; k++) {
        const struct tide_output_config *side = &link->config->side[k];
        rc = task_output_open(task, &link->sides[k], side, err);
        rc = rc != 0
                 ? rc
                 : tide_batchbuf_init(&link->side_bufs[k], task->config.seam, side->schema,
                                      task->config.batch_max, task_heap_initial(task, HEAP_INITIAL),
                                      2 * task->config.record_max, err);
        link->writers[k + 1] = &link->side_bufs[k].writer;
    }
    return rc;
}

static int
open_link(struct tide_task *task, uint32_t i, const struct tide_task_info *info,
          struct tide_error *err)
{
    struct link *link = &task->links[i];
    link->config = &task->config.links[i];
    struct queue *next = &task->queues[i + 1];
    int rc =
        tide_batchbuf_init(&next->buf, task->config.seam, link->config->out, task->config.batch_max,
                           task_heap_initial(task, HEAP_INITIAL), 2 * task->config.record_max, err);
    link->writers[0] = &next->buf.writer;
    rc = rc != 0 ? rc : open_sides(task, link, err);
    task->running = link->config;
    const struct tide_kind *kind = &link->config->kind->k;
    if (rc == 0 && kind->task_open != NULL) {
        rc = kind->task_open(link->config->shared, info, &link->self, err);
    }
    if (rc == 0 && link->config->kind->load != NULL && task->config.state != NULL) {
        struct tide_load load = {task->config.state, link->config->id};
        uint32_t version = tide_state_store_version(task->config.state, link->config->id);
        rc = link->config->kind->load(link->self, &load, version, err);
    }
    task->running = NULL;
    return rc == 0 ? 0 : tide_error_prefix(err, "step %s", link->config->id);
}

static int
open_outputs(struct tide_task *task, struct tide_error *err)
{
    int rc = 0;
    for (uint32_t i = 0; i < task->config.n_outputs && rc == 0; i++) {
        rc = task_output_open(task, &task->outputs[i], &task->config.outputs[i], err);
    }
    if (rc == 0 && task->config.dead_letters != NULL) {
        rc = tide_batchbuf_init(&task->dead_letters, task->config.seam,
                                task->config.dead_letter_schema, task->config.batch_max,
                                task_heap_initial(task, HEAP_INITIAL), 2 * task->config.record_max,
                                err);
    }
    return rc;
}

static int
open_ends(struct tide_task *task, const struct tide_task_info *info, struct tide_error *err)
{
    const struct tide_task_config *config = &task->config;
    int rc = 0;
    if (config->source != NULL) {
        rc = config->source->k.task_open(config->source_shared, info, &task->source_self, err);
        if (rc != 0) {
            return tide_error_prefix(err, "source %s", config->source_id);
        }
    }
    if (config->sink != NULL) {
        rc = config->sink->k.task_open(config->sink_shared, info, &task->sink_self, err);
        if (rc != 0) {
            return tide_error_prefix(err, "sink %s", config->sink_id);
        }
    }
    return 0;
}

static int
open_all(struct tide_task *task, struct tide_error *err)
{
    const struct tide_task_config *config = &task->config;
    struct tide_task_info info = {.abi = TIDE_ABI_VERSION,
                                  .size = sizeof(info),
                                  .task = task,
                                  .index = config->stage_index,
                                  .count = config->stage_count,
                                  .group_first = config->group_first,
                                  .group_count = config->group_count,
                                  .key_groups = config->key_groups,
                                  .exactly_once = config->exactly_once};
    int rc = tide_offload_box_create(config->offload, config->wake, config->place,
                                     &task->offload_box, err);
    rc = rc != 0 ? rc : task_input_open(task, err);
    for (uint32_t i = 0; i < config->n_links && rc == 0; i++) {
        rc = open_link(task, i, &info, err);
    }
    rc = rc != 0 ? rc : open_outputs(task, err);
    return rc != 0 ? rc : open_ends(task, &info, err);
}

int
tide_task_create(const struct tide_task_config *config, struct tide_task **out_task,
                 struct tide_error *err)
{
    const struct tide_seam *seam = config->seam;
    TIDE_ASSERT((config->source != NULL) != (config->n_inputs > 0));
    TIDE_ASSERT((config->sink != NULL) != (config->n_outputs > 0));
    struct tide_task *task = tide_alloc(seam, sizeof(*task));
    if (task == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for task %s", config->name);
    }
    task->config = *config;
    task->timer_at = UINT64_MAX;
    tide_buf_init(&task->outbox, seam, SIZE_MAX / 2);
    task->links = tide_alloc(seam, (config->n_links + 1u) * sizeof(*task->links));
    task->queues = tide_alloc(seam, (config->n_links + 1u) * sizeof(*task->queues));
    task->outputs = tide_alloc(seam, (config->n_outputs + 1u) * sizeof(*task->outputs));
    task->output_done = tide_alloc(seam, (config->n_outputs + 1u) * sizeof(*task->output_done));
    int rc = TIDE_ERR_NOMEM;
    if (task->links == NULL || task->queues == NULL || task->outputs == NULL ||
        task->output_done == NULL) {
        tide_error_set(err, rc, "no memory for task %s", config->name);
    } else {
        rc = open_all(task, err);
    }
    task->dead_letters_marked = task->epoch;
    task->dead_letters_due = task->epoch;
    if (rc != 0) {
        tide_task_destroy(task);
        return rc;
    }
    *out_task = task;
    return 0;
}

static void
close_links(struct tide_task *task)
{
    for (uint32_t i = 0; task->links != NULL && i < task->config.n_links; i++) {
        struct link *link = &task->links[i];
        if (link->self != NULL && link->config->kind->k.task_close != NULL) {
            link->config->kind->k.task_close(link->self);
        }
        for (uint32_t k = 0; link->config != NULL && k < link->config->n_side; k++) {
            task_output_close(task, &link->sides[k]);
            tide_batchbuf_fini(&link->side_bufs[k]);
        }
    }
}

void
tide_task_destroy(struct tide_task *task)
{
    if (task == NULL) {
        return;
    }
    const struct tide_seam *seam = task->config.seam;
    tide_offload_box_destroy(task->offload_box); /* a running job uses what task_close frees */
    if (task->source_self != NULL) {
        task->config.source->k.task_close(task->source_self);
    }
    if (task->sink_self != NULL) {
        task->config.sink->k.task_close(task->sink_self);
    }
    close_links(task);
    for (uint32_t i = 0; task->outputs != NULL && i < task->config.n_outputs; i++) {
        task_output_close(task, &task->outputs[i]);
    }
    for (uint32_t i = 0; task->queues != NULL && i <= task->config.n_links; i++) {
        tide_batchbuf_fini(&task->queues[i].buf);
    }
    task_reject_close(task);
    task_input_close(task);
    tide_buf_fini(&task->outbox);
    tide_free(seam, task->links);
    tide_free(seam, task->queues);
    tide_free(seam, task->outputs);
    tide_free(seam, task->output_done);
    tide_free(seam, task);
}

/* ---- reports ---- */

/* Reports leave in the order in which they were made; what the ring has no room for stays. */
static void
send_reports(struct tide_task *task)
{
    size_t at = 0;
    while (at < task->outbox.len) {
        struct tide_report report;
        memcpy(&report, task->outbox.data + at, sizeof(report));
        if (!tide_report_put(task->config.reports, task->config.budget, &report,
                             task->outbox.data + at + sizeof(report))) {
            break;
        }
        at += sizeof(report) + report.len;
        task->progress = true;
    }
    if (at > 0) {
        memmove(task->outbox.data, task->outbox.data + at, task->outbox.len - at);
        task->outbox.len -= at;
    }
}

void
task_report(struct tide_task *task, const struct tide_report *report, const void *payload)
{
    struct tide_report full = *report;
    size_t before = task->outbox.len;
    full.task = task->config.index;
    full.incarnation = task->config.orders->incarnation;
    if (tide_buf_append(&task->outbox, &full, sizeof(full)) != 0 ||
        tide_buf_append(&task->outbox, payload, full.len) != 0) {
        task->outbox.len = before;
        task->failed =
            true; /* without memory nobody can be told; the epoch's deadline names this task */
    }
}

void
task_fail(struct tide_task *task, int code, const char *format, ...)
{
    char text[TIDE_ERROR_TEXT_MAX];
    va_list args;
    if (task->failed) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct tide_report report = {
        .kind = TIDE_REPORT_FAILED, .first = (uint64_t)-code, .len = (uint32_t)strlen(text)};
    task_report(task, &report, text);
    task->failed = true;
}

void
tide_task_fail(struct tide_task *task, int code, const char *text)
{
    task_fail(task, code, "%s", text);
}

void
task_waiting(struct tide_task *task, enum waiting_slot slot, const char *reason)
{
    snprintf(task->waiting[slot], TASK_WAITING_TEXT, "%s", reason != NULL ? reason : "");
}

static void
say_waiting(struct tide_task *task)
{
    const char *reason = "";
    for (int i = WAITING_SLOTS - 1; i >= 0; i--) {
        reason = task->waiting[i][0] != 0 ? task->waiting[i] : reason;
    }
    if (strcmp(reason, task->waiting_said) == 0) {
        return;
    }
    snprintf(task->waiting_said, sizeof(task->waiting_said), "%s", reason);
    struct tide_report report = {.kind = TIDE_REPORT_WAITING, .len = (uint32_t)strlen(reason)};
    task_report(task, &report, reason);
}

static void
report_snapshots(struct tide_task *task)
{
    uint64_t epoch;
    struct tide_bytes ref;
    while (tide_state_durable_peek(task->config.state, &epoch, &ref)) {
        struct tide_report report = {.kind = TIDE_REPORT_STATE, .epoch = epoch, .len = ref.n};
        task_report(task, &report, ref.p);
        tide_state_durable_done(task->config.state);
        task->progress = true;
    }
}

/* ---- the step ---- */

/* Timers of the keyed state in processing time. One step fires a bounded number; the rest is due
 * still. */
static void
fire_timers(struct tide_task *task)
{
    struct tide_timer timer;
    int64_t next;
    for (uint32_t n = 0; n < task->config.batch_max && task_chain_empty(task); n++) {
        if (!tide_state_timer_due(task->config.state, TIDE_TIMER_PROCESSING,
                                  (int64_t)task->clock_ns, &timer)) {
            break;
        }
        struct link *link = &task->links[timer.op];
        task->running = link->config;
        enum tide_step step = link->config->kind->on_timer(link->self, timer.key, timer.at,
                                                           timer.domain, link->writers);
        task->running = NULL;
        task->progress = true;
        if (step == TIDE_STEP_FAILED && !task->failed) {
            task_fail(task, TIDE_ERR_FATAL, "%s failed at a timer", link->config->id);
        }
        task_chain_drive(task);
    }
    if (tide_state_timer_next(task->config.state, TIDE_TIMER_PROCESSING, &next) &&
        (uint64_t)next < task->timer_at) {
        task->timer_at = (uint64_t)next;
    }
}

/* Acknowledgements, timers, offloaded jobs, pending rows. */
static void
completions(struct tide_task *task)
{
    if (task->timer_at <= task->clock_ns) {
        task->timer_at = UINT64_MAX;
    }
    for (uint32_t i = 0; i < task->config.n_links; i++) {
        struct link *link = &task->links[i];
        if (link->config->kind->advance != NULL && task->queues[i + 1].in.n == 0) {
            task->running = link->config;
            enum tide_step step = link->config->kind->advance(link->self, link->writers);
            task->running = NULL;
            task->progress = task->progress || step == TIDE_STEP_MORE;
        }
    }
    if (task->config.sink != NULL && task->config.sink->advance != NULL) {
        task->running_sink = true;
        task->waiting_slot = WAITING_SINK;
        enum tide_step step = task->config.sink->advance(task->sink_self);
        task->running_sink = false;
        task->progress = task->progress || step == TIDE_STEP_MORE;
        if (step == TIDE_STEP_FAILED && !task->failed) {
            task_fail(task, TIDE_ERR_FATAL, "sink %s failed and did not say why",
                      task->config.sink_id);
        }
    }
    if (task->config.state != NULL) {
        if (task->marker_stage == MARKER_NONE) {
            fire_timers(task);
        }
        task->progress = tide_state_advance(task->config.state) || task->progress;
        report_snapshots(task);
        task_waiting(task, WAITING_STATE, tide_state_waiting(task->config.state));
    }
}

/* Whether a marker is to be begun, now that the chain is empty. */
static bool
marker_due(struct tide_task *task, uint64_t *out_first, uint64_t *out_last)
{
    if (task->config.source == NULL) {
        return tide_align_ready(&task->align, out_first, out_last);
    }
    *out_first = task->epoch + 1;
    *out_last = tide_word_load_acquire(&task->config.orders->open);
    return *out_last > task->epoch;
}

/* One round: rows, then a marker, then new input. True: there may be more at once. */
static bool
round_once(struct tide_task *task)
{
    uint64_t first;
    uint64_t last;
    task_chain_drive(task);
    if (task->failed || !task_chain_empty(task)) {
        return false;
    }
    if (task->marker_stage == MARKER_NONE && marker_due(task, &first, &last)) {
        task_marker_begin(task, first, last);
    }
    if (task->marker_stage != MARKER_NONE && !task_marker_advance(task)) {
        return false;
    }
    bool before = task->progress;
    task->progress = false;
    task_input_pull(task);
    bool pulled = task->progress;
    task->progress = before || pulled;
    return pulled && !task->failed;
}

static void
run(struct tide_task *task)
{
    uint64_t rows = tide_counters_get(task->config.counters, TIDE_COUNTER_ROWS_IN);
    uint64_t end = task->clock_ns + TIDE_LIMIT_STEP_NS;
    while (round_once(task)) {
        uint64_t now_rows = tide_counters_get(task->config.counters, TIDE_COUNTER_ROWS_IN);
        if (now_rows - rows >= task->config.batch_max || tide_mono_ns(task->config.seam) >= end) {
            break;
        }
    }
    task_chain_drive(task);
    for (uint32_t i = 0; i < task->config.n_outputs; i++) {
        task_output_flush(task, &task->outputs[i]);
    }
    if (!task_dead_letters_flush(task)) {
        task->blocked = true;
    }
}

static void
warn_slow(struct tide_task *task)
{
    uint64_t took = tide_mono_ns(task->config.seam) - task->clock_ns;
    if (took > TIDE_LIMIT_STEP_WARN_NS) {
        tide_counters_add(task->config.counters, TIDE_COUNTER_STEPS_SLOW, 1);
        TIDE_LOG(task->config.log, TIDE_LOG_INFO, "slow step",
                 TIDE_LOG_STR("task", task->config.name), TIDE_LOG_UINT("us", took / 1000));
    }
}

enum tide_step
tide_task_step(struct tide_task *task)
{
    if (task->halted || tide_word_load_acquire(&task->config.orders->halt) != 0) {
        task->halted = true;
        return TIDE_STEP_DONE;
    }
    task->progress = false;
    task->blocked = false;
    task->clock_ns = tide_mono_ns(task->config.seam);
    if (!task->failed) {
        task_input_orders(task);
        completions(task);
        run(task);
        say_waiting(task);
    }
    send_reports(task);
    tide_counters_add(task->config.counters, TIDE_COUNTER_STEPS, 1);
    tide_counters_set(task->config.counters, TIDE_COUNTER_ALIGN_NS, task->align.held_ns);
    warn_slow(task);
    if (task->progress) {
        return TIDE_STEP_MORE;
    }
    if (task->blocked) {
        tide_counters_add(task->config.counters, TIDE_COUNTER_BLOCKED, 1);
        return TIDE_STEP_BLOCKED;
    }
    return TIDE_STEP_IDLE;
}

uint64_t
tide_task_next_ns(const struct tide_task *task)
{
    return task->timer_at;
}

bool
tide_task_has_news(struct tide_task *task)
{
    if (tide_word_load_seq(&task->config.orders->halt) != 0 ||
        tide_published_generation(&task->config.orders->assignment) != task->assignment_seen) {
        return !task->halted;
    }
    if (task->config.source != NULL &&
        tide_word_load_seq(&task->config.orders->open) > task->epoch &&
        task->marker_stage == MARKER_NONE) {
        return true;
    }
    return task_input_has_news(task);
}

const char *
tide_task_name(const struct tide_task *task)
{
    return task->config.name;
}
