/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rejected records.
 *
 * A record that cannot be processed is counted and then, as the step's onError says, ends the
 * pipeline with its coordinates, is dropped, or goes to the dead letters with its original key,
 * value and headers (I14). The edge to the dead letters gates the epoch: it carries marker e behind
 * every rejection of e, for a task with a sink only after the sink's last acknowledgement of e,
 * because a broker may refuse late.
 *
 * The original record lies in the hidden columns of the row. A sink keeps a row until its
 * acknowledgement; kept rows are recycled, so that nothing is allocated per record once the peak is
 * reached.
 *
 * Thread: the task's worker.
 */
#include "task/task_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

/* Columns of a dead letter, in the order of its schema (pipeline/plan.c makes it). */
enum dead_letter_column {
    DL_KEY,
    DL_VALUE,
    DL_TOPIC,
    DL_PARTITION,
    DL_OFFSET,
    DL_TIMESTAMP,
    DL_HEADERS,
    DL_PIPELINE,
    DL_STEP,
    DL_CLASS,
    DL_ERROR,
    DL_EPOCH,
    DL_FAILED_AT,
    DL_COLUMNS
};

static const char *const hidden_names[DL_COLUMNS] = {
    [DL_KEY] = "__key",
    [DL_VALUE] = "__value",
    [DL_TIMESTAMP] = "__timestamp",
    [DL_HEADERS] = "__headers",
};

/* "topic-3" is topic and 3; another name is all topic. */
static uint32_t
split_topic(const char *name, int64_t *out_partition)
{
    const char *dash = strrchr(name, '-');
    char *end = NULL;
    long long number =
        dash != NULL && dash[1] >= '0' && dash[1] <= '9' ? strtoll(dash + 1, &end, 10) : -1;
    if (number < 0 || *end != 0) {
        *out_partition = -1;
        return (uint32_t)strlen(name);
    }
    *out_partition = number;
    return (uint32_t)(dash - name);
}

static bool
copy_hidden(struct tide_writer *writer, uint8_t *slot, const struct tide_schema *from,
            const struct tide_batch *in, uint32_t i)
{
    struct tide_row_source source = {from, tide_batch_row(in, i), in->heap};
    for (uint32_t column = 0; column < DL_COLUMNS; column++) {
        bool found = false;
        for (uint32_t h = from->n; hidden_names[column] != NULL && h < from->n + from->n_hidden;
             h++) {
            if (strcmp(from->fields[h].name, hidden_names[column]) == 0) {
                found = true;
                if (!tide_row_copy_fields(writer, slot, column, &source, h, 1)) {
                    return false;
                }
            }
        }
        if (!found && column <= DL_HEADERS) {
            tide_slot_set_null(slot, column);
        }
    }
    return true;
}

static void
set_nullable_i64(const struct tide_schema *schema, uint8_t *slot, uint32_t field, int64_t value)
{
    slot[sizeof(struct tide_rowhdr) + (field >> 3)] &= (uint8_t) ~(1u << (field & 7));
    tide_slot_set_i64(schema, slot, field, value);
    if (value < 0) {
        tide_slot_set_null(slot, field);
    }
}

static bool
set_text(struct tide_writer *writer, uint8_t *slot, uint32_t field, const char *text, uint32_t n)
{
    slot[sizeof(struct tide_rowhdr) + (field >> 3)] &= (uint8_t) ~(1u << (field & 7));
    return tide_writer_set_bytes(writer, slot, field, text, n);
}

/* Header, coordinates and original record. */
static bool
write_original(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
               const struct tide_batch *in, uint32_t i)
{
    const struct tide_schema *from = task_schema(task, in->schema);
    const struct tide_rowhdr *hdr = tide_row_hdr(tide_batch_row(in, i));
    const char *name = task_split_name(task, hdr->split);
    int64_t partition;
    uint32_t topic_n = split_topic(name, &partition);
    memcpy(slot, hdr, sizeof(*hdr));
    if (!copy_hidden(writer, slot, from, in, i) ||
        !set_text(writer, slot, DL_TOPIC, name, topic_n)) {
        return false;
    }
    set_nullable_i64(writer->schema, slot, DL_PARTITION, partition);
    set_nullable_i64(writer->schema, slot, DL_OFFSET, (int64_t)hdr->offset);
    return true;
}

static const char *
running_id(const struct tide_task *task)
{
    if (task->running != NULL) {
        return task->running->id;
    }
    return task->running_sink || task->config.source == NULL ? task->config.sink_id
                                                             : task->config.source_id;
}

static bool
write_reason(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
             const char *error_class, const char *text)
{
    const char *step = running_id(task);
    size_t text_n = strnlen(text, TIDE_ERROR_TEXT_MAX);
    tide_slot_set_i64(writer->schema, slot, DL_EPOCH, (int64_t)task->epoch + 1);
    tide_slot_set_i64(writer->schema, slot, DL_FAILED_AT,
                      (int64_t)(tide_wall_ns(task->config.seam) / 1000));
    return set_text(writer, slot, DL_PIPELINE, task->config.pipeline,
                    (uint32_t)strlen(task->config.pipeline)) &&
           set_text(writer, slot, DL_STEP, step, (uint32_t)strlen(step)) &&
           set_text(writer, slot, DL_CLASS, error_class, (uint32_t)strlen(error_class)) &&
           set_text(writer, slot, DL_ERROR, text, (uint32_t)text_n);
}

static enum tide_on_reject
policy(const struct tide_task *task)
{
    if (task->running != NULL) {
        return task->running->on_error;
    }
    return task->running_sink ? task->config.sink_on_error : task->config.source_on_error;
}

static enum tide_reject
reject_fail(struct tide_task *task, const struct tide_rowhdr *hdr, const char *error_class,
            const char *text)
{
    const char *name = task_split_name(task, hdr->split);
    int64_t partition;
    uint32_t topic_n = split_topic(name, &partition);
    task_fail(task, TIDE_ERR_RECORD,
              "step %s rejected a record (topic %.*s, partition %lld, offset %llu): [%s] %s; "
              "declare a deadLetter "
              "or set onError to go on without it",
              running_id(task), (int)topic_n, name, (long long)partition,
              (unsigned long long)hdr->offset, error_class, text);
    return TIDE_REJECT_FAIL;
}

/* What happens when no dead letter is to be written. */
static enum tide_reject
reject_without(struct tide_task *task, const struct tide_rowhdr *hdr, const char *error_class,
               const char *text)
{
    enum tide_on_reject what = policy(task);
    if (what == TIDE_ON_REJECT_FAIL ||
        (what == TIDE_ON_REJECT_DEAD_LETTER && task->config.dead_letters == NULL)) {
        return reject_fail(task, hdr, error_class, text);
    }
    tide_counters_add(task->config.counters, TIDE_COUNTER_REJECTED, 1);
    if (what == TIDE_ON_REJECT_SETNULL) {
        return TIDE_REJECT_SETNULL;
    }
    tide_counters_add(task->config.counters, TIDE_COUNTER_DROPPED, 1);
    return TIDE_REJECT_SKIP;
}

static bool
to_dead_letters(const struct tide_task *task)
{
    return policy(task) == TIDE_ON_REJECT_DEAD_LETTER && task->config.dead_letters != NULL;
}

static enum tide_reject
dead_letter_written(struct tide_task *task)
{
    tide_writer_commit(&task->dead_letters.writer);
    task->progress = true;
    tide_counters_add(task->config.counters, TIDE_COUNTER_REJECTED, 1);
    tide_counters_add(task->config.counters, TIDE_COUNTER_DEAD_LETTERS, 1);
    return TIDE_REJECT_SKIP;
}

/* A slot for one dead letter; NULL: the way is full. */
static uint8_t *
begin_dead_letter(struct tide_task *task)
{
    uint8_t *slot = tide_writer_row(&task->dead_letters.writer);
    if (slot == NULL && task_dead_letters_flush(task)) {
        slot = tide_writer_row(&task->dead_letters.writer);
    }
    task->blocked = task->blocked || slot == NULL;
    return slot;
}

enum tide_reject
task_reject(struct tide_task *task, const struct tide_batch *in, uint32_t i,
            const char *error_class, const char *text)
{
    const struct tide_rowhdr *hdr = tide_row_hdr(tide_batch_row(in, i));
    if (!to_dead_letters(task)) {
        return reject_without(task, hdr, error_class, text);
    }
    struct tide_writer *writer = &task->dead_letters.writer;
    for (int attempt = 0; attempt < 2; attempt++) {
        uint8_t *slot = begin_dead_letter(task);
        if (slot == NULL) {
            return TIDE_REJECT_BLOCKED;
        }
        if (write_original(task, writer, slot, in, i) &&
            write_reason(task, writer, slot, error_class, text)) {
            return dead_letter_written(task);
        }
        if (!task_dead_letters_flush(task)) {
            return TIDE_REJECT_BLOCKED;
        }
    }
    return reject_fail(task, hdr, "RECORD_TOO_LARGE", "the record does not fit a dead letter");
}

/* ---- kept rows ---- */

static struct tide_kept *
kept_make(struct tide_task *task)
{
    struct tide_kept *kept = task->kept_free;
    if (kept != NULL) {
        task->kept_free = kept->next;
        return kept;
    }
    kept = tide_alloc(task->config.seam, sizeof(*kept));
    if (kept == NULL) {
        return NULL;
    }
    if (task->config.dead_letters != NULL &&
        tide_batchbuf_init(&kept->row, task->config.seam, task->config.dead_letter_schema, 1, 1024,
                           2 * task->config.record_max, NULL) != 0) {
        tide_free(task->config.seam, kept);
        return NULL;
    }
    return kept;
}

struct tide_kept *
task_keep(struct tide_task *task, const struct tide_batch *in, uint32_t i)
{
    struct tide_kept *kept = kept_make(task);
    if (kept == NULL) {
        task_fail(task, TIDE_ERR_NOMEM, "no memory to keep a record until its acknowledgement");
        return NULL;
    }
    kept->hdr = *tide_row_hdr(tide_batch_row(in, i));
    if (task->config.dead_letters != NULL) {
        uint8_t *slot = tide_writer_row(&kept->row.writer);
        TIDE_ASSERT(slot != NULL);
        if (!write_original(task, &kept->row.writer, slot, in, i)) {
            task_fail(task, TIDE_ERR_LIMIT, "a record is too large to be kept");
        }
        tide_writer_commit(&kept->row.writer);
    }
    task->kept_n++;
    return kept;
}

void
task_drop_kept(struct tide_task *task, struct tide_kept *kept)
{
    TIDE_ASSERT(task->kept_n > 0);
    task->kept_n--;
    if (task->config.dead_letters != NULL) {
        tide_batchbuf_reset(&kept->row);
    }
    kept->next = task->kept_free;
    task->kept_free = kept;
}

static enum tide_reject
write_kept(struct tide_task *task, const struct tide_kept *kept, const char *error_class,
           const char *text)
{
    struct tide_writer *writer = &task->dead_letters.writer;
    struct tide_batch row = tide_batchbuf_view(&kept->row);
    for (int attempt = 0; attempt < 2; attempt++) {
        uint8_t *slot = begin_dead_letter(task);
        if (slot == NULL) {
            return TIDE_REJECT_BLOCKED;
        }
        if (tide_row_copy(writer, slot, task->config.dead_letter_schema, &row, 0) &&
            write_reason(task, writer, slot, error_class, text)) {
            return dead_letter_written(task);
        }
        if (!task_dead_letters_flush(task)) {
            return TIDE_REJECT_BLOCKED;
        }
    }
    return reject_fail(task, &kept->hdr, "RECORD_TOO_LARGE",
                       "the record does not fit a dead letter");
}

enum tide_reject
task_reject_kept(struct tide_task *task, struct tide_kept *kept, const char *error_class,
                 const char *text)
{
    task->running_sink = true;
    enum tide_reject what = to_dead_letters(task)
                                ? write_kept(task, kept, error_class, text)
                                : reject_without(task, &kept->hdr, error_class, text);
    if (what != TIDE_REJECT_BLOCKED) {
        task_drop_kept(task, kept);
    }
    return what;
}

/* ---- the edge ---- */

bool
task_dead_letters_flush(struct tide_task *task)
{
    if (task->config.dead_letters == NULL) {
        return true;
    }
    if (task->dead_letters.writer.n > 0) {
        struct tide_batch rows = tide_batchbuf_view(&task->dead_letters);
        if (!task_send(task, task->config.dead_letters, &rows)) {
            return false;
        }
        tide_batchbuf_reset(&task->dead_letters);
        task->progress = true;
    }
    if (task->dead_letters_due > task->dead_letters_marked) {
        if (!task_send_marker(task->config.dead_letters, task->config.orders->incarnation,
                              task->dead_letters_marked + 1, task->dead_letters_due)) {
            return false;
        }
        task->dead_letters_marked = task->dead_letters_due;
        task->progress = true;
    }
    return true;
}

void
task_reject_close(struct tide_task *task)
{
    while (task->kept_free != NULL) {
        struct tide_kept *kept = task->kept_free;
        task->kept_free = kept->next;
        tide_batchbuf_fini(&kept->row);
        tide_free(task->config.seam, kept);
    }
    tide_batchbuf_fini(&task->dead_letters);
}
