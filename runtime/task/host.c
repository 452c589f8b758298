/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the host table that takes a struct tide_task: what plugins call from their steps.
 *
 * Thread: the task's worker, except wake().
 */
#include "task/task_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

static void
host_fail(struct tide_task *task, int code, const char *format, ...)
{
    char text[TIDE_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    task_fail(task, code, "%s", text);
}

static void
host_waiting(struct tide_task *task, const char *reason)
{
    task_waiting(task, task->waiting_slot, reason);
}

static void
host_count(struct tide_task *task, const char *counter, uint64_t n)
{
    enum tide_counter id = tide_counter_find(counter);
    if (id != TIDE_COUNTER_COUNT) {
        tide_counters_add(task->config.counters, id, n);
    }
}

static void
host_wake(struct tide_task *task)
{
    task->config.wake(task->config.place);
}

static const char *
host_split_name(struct tide_task *task, uint32_t split)
{
    return task_split_name(task, split);
}

static void
host_split_idle(struct tide_task *task, uint32_t split)
{
    TIDE_LOG(task->config.log, TIDE_LOG_DEBUG, "split is idle",
             TIDE_LOG_STR("split", task_split_name(task, split)));
}

/* ---- rows ---- */

/* Unique and the same in a replay: (operator, parent, ordinal). */
static uint64_t
derive(const struct tide_task *task, const struct tide_rowhdr *parent, uint32_t ordinal)
{
    struct {
        uint64_t operator_id, split, offset, derived, ordinal;
    } key = {task->running != NULL ? task->running->id_hash : 0, parent->split, parent->offset,
             parent->derived, ordinal};
    uint64_t hash = tide_hash64(&key, sizeof(key), 0);
    return hash != 0 ? hash : 1;
}

static bool
host_row_inherit(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
                 const struct tide_batch *in, uint32_t i, uint32_t ordinal)
{
    const struct tide_schema *from = task_schema(task, in->schema);
    const struct tide_schema *to = writer->schema;
    struct tide_row_source source = {from, tide_batch_row(in, i), in->heap};
    struct tide_rowhdr hdr = *tide_row_hdr(source.row);
    if (ordinal != 0) {
        hdr.derived = derive(task, &hdr, ordinal);
    }
    memcpy(slot, &hdr, sizeof(hdr));
    if (to->n_hidden == 0) {
        return true;
    }
    TIDE_ASSERT(from->n_hidden == to->n_hidden);
    return tide_row_copy_fields(writer, slot, to->n, &source, from->n, to->n_hidden);
}

static bool
host_row_copy(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
              const struct tide_batch *in, uint32_t i, uint32_t n)
{
    struct tide_row_source source = {task_schema(task, in->schema), tide_batch_row(in, i),
                                     in->heap};
    return host_row_inherit(task, writer, slot, in, i, 0) &&
           tide_row_copy_fields(writer, slot, 0, &source, 0, n);
}

static uint32_t
host_record_id(struct tide_task *task, const struct tide_rowhdr *hdr, char *out, uint32_t out_max)
{
    const char *name = task_split_name(task, hdr->split);
    int n;
    if (hdr->derived == 0) {
        n = snprintf(out, out_max, "%s/%" PRIu64, name, hdr->offset);
    } else {
        n = snprintf(out, out_max, "%s/%" PRIu64 "/%016" PRIx64, name, hdr->offset, hdr->derived);
    }
    return (uint32_t)n;
}

/* ---- sinks ---- */

static void
host_durable(struct tide_task *task, struct tide_seal seal, struct tide_bytes token)
{
    struct tide_report report = {.kind = TIDE_REPORT_SINK, .epoch = seal.epoch, .len = token.n};
    TIDE_ASSERT(seal.incarnation == task->config.orders->incarnation);
    task->dead_letters_due = seal.epoch;
    task_report(task, &report, token.p);
    task->progress = true;
}

/* ---- waiting without blocking ---- */

static int
host_watch_fd(struct tide_task *task, int fd, uint32_t epoll_events)
{
    return task->config.watch(task->config.place, fd, epoll_events);
}

static int
host_unwatch_fd(struct tide_task *task, int fd)
{
    task->config.unwatch(task->config.place, fd);
    return 0;
}

static void
host_timer_at(struct tide_task *task, uint64_t mono_ns)
{
    if (mono_ns < task->timer_at) {
        task->timer_at = mono_ns;
    }
}

static int
host_offload(struct tide_task *task, tide_offload_fn *fn, void *arg, uint64_t id)
{
    return tide_offload_submit(task->offload_box, fn, arg, id);
}

static bool
host_offload_done(struct tide_task *task, uint64_t *out_id, int *out_result)
{
    struct tide_offload_done done;
    if (tide_offload_poll(task->offload_box, &done, 1) == 0) {
        return false;
    }
    *out_id = done.id;
    *out_result = done.result;
    task->progress = true;
    return true;
}

/* ---- state ---- */

static int
host_state_declare(struct tide_task *task, const char *name, uint32_t version,
                   struct tide_state **out, struct tide_error *err)
{
    TIDE_ASSERT(task->running != NULL);
    TIDE_ASSERT(task->config.state != NULL);
    return tide_state_declare(task->config.state, task->running->id, name, version, out, err);
}

static const struct tide_state_api state_api = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(state_api),
    .declare = host_state_declare,
    .get = tide_state_get,
    .get_many = tide_state_get_many,
    .put = tide_state_put,
    .del = tide_state_del,
    .scan = tide_state_scan,
    .timer_set = tide_state_timer_set,
    .timer_clear = tide_state_timer_clear,
    .used_bytes = tide_state_used_bytes,
};

static int
host_save_write(struct tide_save *save, const void *bytes, uint32_t n)
{
    return tide_buf_append(&save->bytes, bytes, n);
}

static bool
host_load_next(struct tide_load *load, uint32_t *cursor, struct tide_bytes *out)
{
    struct tide_saved saved;
    if (!tide_state_saved_next(load->store, load->id, cursor, &saved)) {
        return false;
    }
    *out = saved.bytes;
    return true;
}

void
tide_task_host_fill(struct tide_host *host)
{
    host->fail = host_fail;
    host->waiting = host_waiting;
    host->count = host_count;
    host->wake = host_wake;
    host->split_idle = host_split_idle;
    host->split_name = host_split_name;
    host->row_inherit = host_row_inherit;
    host->row_copy = host_row_copy;
    host->value_copy = tide_vec_copy;
    host->reject = task_reject;
    host->keep = task_keep;
    host->reject_kept = task_reject_kept;
    host->drop_kept = task_drop_kept;
    host->durable = host_durable;
    host->record_id = host_record_id;
    host->watch_fd = host_watch_fd;
    host->unwatch_fd = host_unwatch_fd;
    host->timer_at = host_timer_at;
    host->offload = host_offload;
    host->offload_done = host_offload_done;
    host->state = &state_api;
    host->save_write = host_save_write;
    host->load_next = host_load_next;
}
