/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes into a task: the splits of a source, or edges.
 *
 * A source is polled only when the chain is empty, so the position it reports at a marker is
 * exactly what lies before the marker (I4). Edges take turns; rows of an edge that is held back by
 * alignment stay in its ring. The frame of a batch is given back when its last row is consumed, so
 * what the chain works on is in the ring itself, not copied.
 *
 * Thread: the task's worker.
 */
#include "task/task_private.h"

#include <string.h>

#include "base/assert.h"

/* ---- splits ---- */

const char *
task_split_name(const struct tide_task *task, uint32_t split)
{
    if (task->assignment == NULL || split >= task->assignment->n) {
        return "?";
    }
    return tide_assignment_name(task->assignment, &task->assignment->splits[split]);
}

static int
take_split(struct tide_task *task, const struct tide_assigned *assigned)
{
    if (task->n_splits == task->cap_splits) {
        uint32_t cap = task->cap_splits == 0 ? 16 : task->cap_splits * 2;
        struct own_split *splits =
            tide_resize(task->config.seam, task->splits, cap * sizeof(*splits));
        if (splits == NULL) {
            task_fail(task, TIDE_ERR_NOMEM, "no memory for %u splits", cap);
            return TIDE_ERR_NOMEM;
        }
        task->splits = splits;
        task->cap_splits = cap;
    }
    struct tide_bytes from = {assigned->from.bytes, assigned->from.n};
    int rc = task->config.source->assign(task->source_self, assigned->split,
                                         task_split_name(task, assigned->split), from, NULL);
    if (rc != 0 && !task->failed) {
        task_fail(task, rc, "split %s cannot be read", task_split_name(task, assigned->split));
    }
    if (rc == 0) {
        task->splits[task->n_splits++] =
            (struct own_split){.id = assigned->split, .reported = assigned->from};
        tide_counters_set(task->config.counters, TIDE_COUNTER_SPLITS, task->n_splits);
    }
    return rc;
}

/* New splits of the newest assignment that are this task's. All tasks hold it, for the splits'
 * names. */
void
task_input_orders(struct tide_task *task)
{
    uint64_t generation = tide_published_generation(&task->config.orders->assignment);
    if (generation == task->assignment_seen) {
        return;
    }
    task->assignment = tide_published_hold(&task->config.orders->assignment, task->config.index,
                                           &task->assignment_seen);
    task->progress = true;
    uint32_t from = task->assigned_seen;
    task->assigned_seen = task->assignment->n;
    for (uint32_t i = from; task->config.source != NULL && i < task->assignment->n; i++) {
        const struct tide_assigned *assigned = &task->assignment->splits[i];
        if (assigned->source == task->config.source_plan &&
            assigned->task == task->config.stage_index && take_split(task, assigned) != 0) {
            return;
        }
    }
}

/* Hidden columns repeat visible ones: the same heap bytes, seen twice. */
static void
fill_hidden(const struct tide_task *task, struct tide_writer *writer)
{
    const struct tide_schema *schema = task->config.source_schema;
    for (uint32_t i = 0; i < writer->n && schema->n_hidden > 0; i++) {
        uint8_t *slot = writer->slots + (size_t)i * schema->stride;
        for (uint32_t h = 0; h < schema->n_hidden; h++) {
            uint32_t from = task->config.source_hidden[h];
            if (from == UINT32_MAX) {
                continue; /* written by the source itself */
            }
            memcpy(slot + schema->at[schema->n + h], slot + schema->at[from], 8);
            if (tide_row_is_null(slot, from)) {
                tide_slot_set_null(slot, schema->n + h);
            }
        }
    }
}

static void
poll_source(struct tide_task *task)
{
    struct tide_writer *writer = &task->queues[0].buf.writer;
    TIDE_ASSERT(writer->n == 0);
    if (task->source_ended || task->silent) {
        return;
    }
    task->waiting_slot = WAITING_INPUT;
    enum tide_step step = task->config.source->poll(task->source_self, writer);
    if (writer->n > 0) {
        fill_hidden(task, writer);
        tide_counters_add(task->config.counters, TIDE_COUNTER_ROWS_IN, writer->n);
        tide_counters_add(task->config.counters, TIDE_COUNTER_BYTES_IN, writer->heap_mark);
        task->progress = true;
    }
    if (step == TIDE_STEP_MORE) {
        task->progress = true;
    } else if (step == TIDE_STEP_DONE) {
        struct tide_report report = {.kind = TIDE_REPORT_ENDED};
        task->source_ended = true;
        task->progress = true;
        task_report(task, &report, NULL);
    } else if (step == TIDE_STEP_FAILED && !task->failed) {
        task_fail(task, TIDE_ERR_FATAL, "source %s failed and did not say why",
                  task->config.source_id);
    }
}

void
task_report_offsets(struct tide_task *task)
{
    struct tide_buf changed;
    tide_buf_init(&changed, task->config.seam, SIZE_MAX / 2);
    uint32_t n = 0;
    for (uint32_t i = 0; i < task->n_splits; i++) {
        struct own_split *split = &task->splits[i];
        struct tide_report_offset entry = {.split = split->id, .next.n = TIDE_LIMIT_OFFSET_BYTES};
        bool reached;
        int rc = task->config.source->position(task->source_self, split->id, entry.next.bytes,
                                               &entry.next.n, &reached);
        TIDE_ASSERT(rc == 0);
        TIDE_ASSERT(entry.next.n <= TIDE_LIMIT_OFFSET_BYTES);
        if (entry.next.n == split->reported.n &&
            memcmp(entry.next.bytes, split->reported.bytes, entry.next.n) == 0) {
            continue;
        }
        split->reported = entry.next;
        n++;
        if (tide_buf_append(&changed, &entry, sizeof(entry)) != 0) {
            task_fail(task, TIDE_ERR_NOMEM, "no memory to report %u offsets", n);
        }
    }
    struct tide_report report = {.kind = TIDE_REPORT_SOURCE,
                                 .first = task->marker_first,
                                 .epoch = task->marker_last,
                                 .n = n,
                                 .len = (uint32_t)changed.len};
    task_report(task, &report, changed.data);
    tide_buf_fini(&changed);
}

/* ---- edges ---- */

static void
take_marker(struct tide_task *task, uint32_t input, uint64_t last)
{
    struct tide_ring *ring = task->config.inputs[input].ring;
    tide_ring_release(ring);
    tide_ring_release_publish(ring);
    tide_align_marker(&task->align, input, last);
    task->progress = true;
}

/* The next frame of @input: a batch goes in front of the chain; true: the turn is over. */
static bool
take_frame(struct tide_task *task, uint32_t input)
{
    struct tide_frame frame;
    if (tide_align_held(&task->align, input) ||
        !tide_ring_peek(task->config.inputs[input].ring, &frame)) {
        return false;
    }
    if (frame.type == TIDE_FRAME_MARKER) {
        take_marker(task, input, frame.aux);
        return true;
    }
    TIDE_ASSERT(frame.type == TIDE_FRAME_BATCH);
    struct queue *queue = &task->queues[0];
    queue->in = tide_batch_view(frame.data);
    queue->done = 0;
    queue->checked = false;
    TIDE_ASSERT(queue->in.n > 0);
    TIDE_ASSERT(queue->in.schema == task->config.input_schema->id);
    task->input_now = input;
    task->frame_held = true;
    task->progress = true;
    tide_counters_add(task->config.counters, TIDE_COUNTER_ROWS_IN, queue->in.n);
    return true;
}

void
task_input_release(struct tide_task *task)
{
    struct tide_ring *ring = task->config.inputs[task->input_now].ring;
    tide_ring_release(ring);
    tide_ring_release_publish(ring);
    task->frame_held = false;
}

void
task_input_pull(struct tide_task *task)
{
    if (task->config.source != NULL) {
        poll_source(task);
        return;
    }
    for (uint32_t k = 0; k < task->config.n_inputs; k++) {
        uint32_t input = (task->input_next + k) % task->config.n_inputs;
        if (take_frame(task, input)) {
            task->input_next = (input + 1) % task->config.n_inputs;
            return;
        }
    }
}

bool
task_input_has_news(struct tide_task *task)
{
    for (uint32_t i = 0; i < task->config.n_inputs; i++) {
        if (!tide_align_held(&task->align, i) && tide_ring_has_frame(task->config.inputs[i].ring)) {
            return true;
        }
    }
    return false;
}

int
task_input_open(struct tide_task *task, struct tide_error *err)
{
    struct tide_task_config *config = &task->config;
    const struct tide_schema *schema = config->source != NULL ? config->source_schema : NULL;
    uint64_t passed = tide_word_load_acquire(&config->orders->open);
    task->epoch = passed;
    tide_counters_passed_set(config->counters, passed);
    if (config->source == NULL) {
        return tide_align_init(&task->align, config->seam, config->n_inputs, config->aligned,
                               passed, err);
    }
    return tide_batchbuf_init(&task->queues[0].buf, config->seam, schema, config->batch_max,
                              task_heap_initial(task, 64u << 10), 2 * config->record_max, err);
}

void
task_input_close(struct tide_task *task)
{
    tide_align_fini(&task->align);
    tide_free(task->config.seam, task->splits);
    if (task->assignment != NULL) {
        tide_published_let_go(&task->config.orders->assignment, task->config.index);
    }
}
