/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a marker inside a task.
 *
 * The rows in front of it are through the chain when it begins. Then, in order: each operator's
 * on_marker (what it emits belongs to the epoch and goes through the operators behind it before
 * they see the marker), the cut of the state, the outputs, the sink, the report of a source. Every
 * stage may stop on something full and goes on in the next step; no row of the next epoch enters
 * the chain before the end. Nothing waits for a snapshot or an acknowledgement (I10, I15).
 *
 * Thread: the task's worker.
 */
#include "task/task_private.h"

#include "base/assert.h"

void
task_marker_begin(struct tide_task *task, uint64_t first, uint64_t last)
{
    TIDE_ASSERT(task->marker_stage == MARKER_NONE);
    TIDE_ASSERT(first == task->epoch + 1);
    TIDE_ASSERT(last >= first);
    TIDE_ASSERT(task_chain_empty(task));
    task->marker_first = first;
    task->marker_last = last;
    task->marker_link = 0;
    task->saved = false;
    task->marker_stage = MARKER_OPERATORS;
}

static struct tide_seal
seal_of(const struct tide_task *task)
{
    return (struct tide_seal){task->config.orders->incarnation, task->marker_last};
}

/* The rows are through; what may hang now is what the marker calls. */
static void
note_whereabouts(const struct tide_task *task, uint32_t step)
{
    struct tide_whereabouts at = tide_counters_where(task->config.counters);
    at.step = step;
    tide_counters_at(task->config.counters, at);
}

/* True: every operator has put out what belongs to the epoch, and it is through. */
static bool
run_operators(struct tide_task *task)
{
    while (task->marker_link < task->config.n_links) {
        struct link *link = &task->links[task->marker_link];
        enum tide_step step = TIDE_STEP_DONE;
        if (link->config->kind->on_marker != NULL) {
            note_whereabouts(task, task->marker_link + 1);
            task->running = link->config;
            step = link->config->kind->on_marker(link->self, task->marker_first, seal_of(task),
                                                 link->writers);
            task->running = NULL;
        }
        if (step == TIDE_STEP_FAILED && !task->failed) {
            task_fail(task, TIDE_ERR_FATAL, "%s failed at a marker", link->config->id);
        }
        if (step == TIDE_STEP_DONE) {
            task->marker_link++;
        }
        task_chain_drive(task);
        if (task->failed || !task_chain_empty(task) || step == TIDE_STEP_PENDING ||
            step == TIDE_STEP_WAITING) {
            return false;
        }
    }
    return true;
}

static int
save_operators(struct tide_task *task)
{
    for (uint32_t i = 0; i < task->config.n_links; i++) {
        struct link *link = &task->links[i];
        if (link->config->kind->save == NULL) {
            continue;
        }
        struct tide_save save = {.task = task, .link = link->config};
        tide_buf_init(&save.bytes, task->config.seam, TIDE_LIMIT_STATE_SAVED);
        struct tide_error err = {0};
        int rc = link->config->kind->save(link->self, &save);
        if (rc == 0) {
            rc = tide_state_save(task->config.state, link->config->id, link->config->state_version,
                                 (struct tide_bytes){save.bytes.data, (uint32_t)save.bytes.len},
                                 &err);
        }
        tide_buf_fini(&save.bytes);
        if (rc != 0) {
            task_fail(task, rc, "%s cannot save its state: %s", link->config->id, err.text);
            return rc;
        }
    }
    return 0;
}

/* True: the epoch's changes are in the worker's segment. */
static bool
cut_state(struct tide_task *task)
{
    if (task->config.state == NULL) {
        return true;
    }
    if (!task->saved && save_operators(task) != 0) {
        return false;
    }
    task->saved = true;
    enum tide_cut cut = tide_state_cut(task->config.state, task->marker_last);
    task->progress = task->progress || cut == TIDE_CUT_MORE || cut == TIDE_CUT_DONE;
    task->blocked = task->blocked || cut == TIDE_CUT_BLOCKED;
    return cut == TIDE_CUT_DONE;
}

/* True: every edge carries the marker. The dead letters of a task with a sink come after its
 * acknowledgements: see task_dead_letters_flush. */
static bool
mark_outputs(struct tide_task *task)
{
    bool all = true;
    for (uint32_t i = 0; i < task->config.n_outputs; i++) {
        all =
            task_output_mark(task, &task->outputs[i], task->marker_first, task->marker_last) && all;
    }
    for (uint32_t i = 0; i < task->config.n_links; i++) {
        struct link *link = &task->links[i];
        for (uint32_t k = 0; k < link->config->n_side; k++) {
            all = task_output_mark(task, &link->sides[k], task->marker_first, task->marker_last) &&
                  all;
        }
    }
    task->blocked = task->blocked || !all;
    return all;
}

static bool
mark_sink(struct tide_task *task)
{
    if (task->config.sink == NULL) {
        task->dead_letters_due = task->marker_last;
        return true;
    }
    note_whereabouts(task, task->config.n_links + 1);
    task->running_sink = true;
    task->waiting_slot = WAITING_SINK;
    enum tide_step step =
        task->config.sink->on_marker(task->sink_self, task->marker_first, seal_of(task), 0);
    task->running_sink = false;
    if (step == TIDE_STEP_FAILED && !task->failed) {
        task_fail(task, TIDE_ERR_FATAL, "sink %s failed at a marker", task->config.sink_id);
    }
    return step == TIDE_STEP_DONE;
}

static void
finish(struct tide_task *task)
{
    uint64_t stop = tide_word_load_acquire(&task->config.orders->stop);
    if (task->config.source != NULL) {
        task_report_offsets(task);
        task->silent = stop != 0 && task->marker_last >= stop;
    } else {
        tide_align_pass(&task->align, task->marker_last);
    }
    task->epoch = task->marker_last;
    tide_counters_passed_set(task->config.counters, task->epoch);
    task->marker_stage = MARKER_NONE;
    task->progress = true;
    tide_counters_add(task->config.counters, TIDE_COUNTER_MARKERS, 1);
}

bool
task_marker_advance(struct tide_task *task)
{
    if (task->marker_stage == MARKER_OPERATORS && run_operators(task)) {
        task->marker_stage = MARKER_STATE;
    }
    if (task->marker_stage == MARKER_STATE && cut_state(task)) {
        task->marker_stage = MARKER_OUTPUTS;
    }
    if (task->marker_stage == MARKER_OUTPUTS && mark_outputs(task)) {
        task->marker_stage = MARKER_SINK;
    }
    if (task->marker_stage == MARKER_SINK && mark_sink(task)) {
        task->marker_stage = MARKER_REPORT;
    }
    if (task->marker_stage == MARKER_REPORT && !task->failed) {
        finish(task);
        return true;
    }
    return false;
}
