/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows through a chain of operators.
 *
 * In front of each operator, and at the end, is a queue of rows. The deepest queue that holds rows
 * is served first, so a queue is written only while it is empty and everything behind it too: what
 * entered the chain leaves it before the next rows enter, and a row's latency is the work it needs,
 * not a batch. An operator may stop anywhere when its output is full; it is presented what it left
 * again (one row may become a million).
 *
 * Thread: the task's worker.
 */
#include "task/task_private.h"

#include "base/assert.h"
#include "base/limits.h"

struct tide_batch
task_queue_rest(const struct queue *queue)
{
    struct tide_batch rest = queue->in;
    TIDE_ASSERT(queue->done <= rest.n);
    rest.slots += (size_t)queue->done * rest.stride;
    rest.n -= queue->done;
    return rest;
}

static bool
queue_empty(const struct queue *queue)
{
    return queue->done == queue->in.n;
}

/* Rows that were written behind the queue's back are presented from now on. */
static void
queue_refill(struct queue *queue)
{
    if (queue_empty(queue) && queue->buf.writer.n > 0 && queue->in.n == 0) {
        queue->in = tide_batchbuf_view(&queue->buf);
        queue->done = 0;
        queue->checked = false;
    }
}

static void
queue_reset(struct queue *queue)
{
    queue->in.n = 0;
    queue->done = 0;
    queue->checked = false;
    if (queue->buf.writer.n > 0) {
        tide_batchbuf_reset(&queue->buf);
    }
}

bool
task_chain_empty(const struct tide_task *task)
{
    for (uint32_t i = 0; i <= task->config.n_links; i++) {
        const struct queue *queue = &task->queues[i];
        if (!queue_empty(queue) || (queue->in.n == 0 && queue->buf.writer.n > 0)) {
            return false;
        }
    }
    return true;
}

/* Rows past latency.budget are marked and counted, once a queue. */
static void
mark_overdue(struct tide_task *task, struct queue *queue)
{
    if (task->config.budget_ns == 0 || queue->checked) {
        return;
    }
    queue->checked = true;
    uint64_t now = tide_wall_ns(task->config.seam);
    uint64_t late = 0;
    for (uint32_t i = queue->done; i < queue->in.n; i++) {
        struct tide_rowhdr *hdr =
            (struct tide_rowhdr *)(void *)(queue->in.slots + (size_t)i * queue->in.stride);
        if (now > hdr->ingest_ns && now - hdr->ingest_ns > task->config.budget_ns) {
            hdr->flags |= TIDE_ROW_OVERDUE;
            late++;
        }
    }
    tide_counters_add(task->config.counters, TIDE_COUNTER_OVERDUE, late);
}

static bool
step_failed(struct tide_task *task, enum tide_step step, const char *who)
{
    if (step == TIDE_STEP_FAILED && !task->failed) {
        task_fail(task, TIDE_ERR_FATAL, "%s failed and did not say why", who);
    }
    return task->failed;
}

static uint32_t
serve_sink(struct tide_task *task, const struct tide_batch *rest)
{
    uint32_t consumed = 0;
    task->running = NULL;
    task->running_sink = true;
    task->waiting_slot = WAITING_SINK;
    enum tide_step step = task->config.sink->write(task->sink_self, rest, &consumed);
    task->running_sink = false;
    if (step == TIDE_STEP_BLOCKED || step == TIDE_STEP_WAITING) {
        task->blocked = true;
    }
    step_failed(task, step, task->config.sink_id);
    tide_counters_add(task->config.counters, TIDE_COUNTER_ROWS_OUT, consumed);
    return consumed;
}

/* Every output gets every row; the queue moves on with the slowest. */
static uint32_t
serve_outputs(struct tide_task *task, const struct queue *queue)
{
    uint32_t slowest = queue->in.n;
    for (uint32_t i = 0; i < task->config.n_outputs; i++) {
        struct tide_batch rest = queue->in;
        uint32_t done = task->output_done[i];
        rest.slots += (size_t)done * rest.stride;
        rest.n -= done;
        done += rest.n > 0 ? task_output_write(task, &task->outputs[i], &rest) : 0;
        task->output_done[i] = done;
        slowest = done < slowest ? done : slowest;
    }
    uint32_t consumed = slowest - queue->done;
    task->blocked = task->blocked || slowest < queue->in.n;
    for (uint32_t i = 0; i < task->config.n_outputs && slowest == queue->in.n; i++) {
        task->output_done[i] = 0;
    }
    tide_counters_add(task->config.counters, TIDE_COUNTER_ROWS_OUT, consumed);
    return consumed;
}

static uint32_t
serve_end(struct tide_task *task, const struct queue *queue)
{
    struct tide_batch rest = task_queue_rest(queue);
    if (task->config.sink != NULL) {
        return serve_sink(task, &rest);
    }
    return serve_outputs(task, queue);
}

/* Rows of named outputs leave the task at once; false: their edges are full. */
static bool
flush_sides(struct tide_task *task, struct link *link)
{
    bool all = true;
    for (uint32_t i = 0; i < link->config->n_side; i++) {
        struct tide_batchbuf *buf = &link->side_bufs[i];
        if (buf->writer.n > 0) {
            struct tide_batch rows = tide_batchbuf_view(buf);
            if (task_output_write(task, &link->sides[i], &rows) < rows.n) {
                all = false;
            } else {
                tide_batchbuf_reset(buf);
            }
        }
    }
    task->blocked = task->blocked || !all;
    return all;
}

static uint32_t
serve_link(struct tide_task *task, uint32_t i)
{
    struct link *link = &task->links[i];
    struct tide_batch rest = task_queue_rest(&task->queues[i]);
    uint32_t port =
        i == 0 && task->config.n_inputs > 0 ? task->config.inputs[task->input_now].port : 0;
    uint32_t consumed = 0;
    if (!flush_sides(task, link)) {
        return 0;
    }
    task->running = link->config;
    task->waiting_slot = WAITING_INPUT;
    enum tide_step step =
        link->config->kind->process(link->self, port, &rest, &consumed, link->writers);
    task->running = NULL;
    TIDE_ASSERT(consumed <= rest.n);
    if (!step_failed(task, step, link->config->id) && consumed == 0 &&
        task->queues[i + 1].buf.writer.n == 0) {
        task->blocked = true; /* dead letters or side outputs are full, or rows are asynchronous */
    }
    flush_sides(task, link);
    return consumed;
}

/* For whoever asks where a task hangs: before the step is entered, since it may not come back. */
static void
note_whereabouts(const struct tide_task *task, uint32_t i)
{
    const struct queue *queue = &task->queues[i];
    const uint8_t *row = queue->in.slots + (size_t)queue->done * queue->in.stride;
    tide_counters_at(task->config.counters, (struct tide_whereabouts){
                                                .step = i + 1,
                                                .split = tide_row_hdr(row)->split,
                                            });
}

/* Serves queue @i once. */
static void
serve(struct tide_task *task, uint32_t i)
{
    struct queue *queue = &task->queues[i];
    TIDE_ASSERT(!queue_empty(queue));
    mark_overdue(task, queue);
    note_whereabouts(task, i);
    uint32_t consumed = i == task->config.n_links ? serve_end(task, queue) : serve_link(task, i);
    queue->done += consumed;
    task->progress = task->progress || consumed > 0;
    if (!queue_empty(queue)) {
        return;
    }
    if (i == 0 && task->frame_held) {
        task_input_release(task);
    }
    queue_reset(queue);
}

static int64_t
deepest(struct tide_task *task)
{
    for (uint32_t i = task->config.n_links + 1; i > 0; i--) {
        queue_refill(&task->queues[i - 1]);
        if (!queue_empty(&task->queues[i - 1])) {
            return i - 1;
        }
    }
    return -1;
}

void
task_chain_drive(struct tide_task *task)
{
    int64_t i = deepest(task);
    task->blocked = false;
    while (i >= 0 && !task->blocked && !task->failed) {
        serve(task, (uint32_t)i);
        i = deepest(task);
    }
}
