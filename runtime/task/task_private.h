/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a task, shared by the files of this room only.
 *
 * Threads: the task's worker.
 */
#ifndef TIDE_TASK_TASK_PRIVATE_H
#define TIDE_TASK_TASK_PRIVATE_H

#include "base/buffer.h"
#include "data/batch.h"
#include "epoch/align.h"
#include "epoch/report.h"
#include "task/task.h"

#define TASK_WAITING_TEXT 160u
#define TASK_SIDES_MAX (TIDE_PORTS_MAX - 1)

/* Rows that travel over the edges of one exchange. */
struct output {
    const struct tide_output_config *config;
    struct tide_batchbuf *bufs; /* one a ring; not used with one ring */
    struct tide_eval *eval;     /* KEY */
    uint64_t *marked;           /* newest epoch whose marker each ring carries */
    uint32_t flush_at;          /* ring to begin with when flushing goes on */
};

/* Rows waiting in front of an operator or of the end of the chain. */
struct queue {
    struct tide_batchbuf buf;
    struct tide_batch in; /* what is presented; of buf, or of an edge's frame */
    uint32_t done;        /* rows of it that are consumed */
    bool checked;         /* overdue rows are marked */
};

struct link {
    const struct tide_link_config *config;
    void *self;
    struct output sides[TASK_SIDES_MAX];
    struct tide_batchbuf side_bufs[TASK_SIDES_MAX];
    struct tide_writer *writers[TIDE_PORTS_MAX];
};

/* A split that this task reads. */
struct own_split {
    uint32_t id;
    struct tide_offset reported;
};

enum marker_stage {
    MARKER_NONE,
    MARKER_OPERATORS,
    MARKER_STATE,
    MARKER_OUTPUTS,
    MARKER_SINK,
    MARKER_REPORT
};

/* A row's provenance and original record. */
struct tide_kept {
    struct tide_kept *next; /* free list */
    struct tide_rowhdr hdr;
    struct tide_batchbuf row; /* one row of the dead-letter schema, when there is one */
};

/* What operators' save() writes to and load() reads from. */
struct tide_save {
    struct tide_task *task;
    const struct tide_link_config *link;
    struct tide_buf bytes;
};

struct tide_load {
    const struct tide_state_store *store;
    const char *id;
};

enum waiting_slot { WAITING_INPUT, WAITING_SINK, WAITING_STATE, WAITING_SLOTS };

struct tide_task {
    struct tide_task_config config;
    struct link *links;
    struct queue *queues; /* n_links + 1: the last is the end of the chain */
    struct output *outputs;
    uint32_t *output_done; /* rows of the last queue that each output has taken */

    void *source_self, *sink_self;
    struct own_split *splits;
    uint32_t n_splits, cap_splits;
    uint64_t assignment_seen;
    uint32_t assigned_seen;                   /* entries of the assignment looked at */
    const struct tide_assignment *assignment; /* held */
    struct tide_align align;
    uint32_t input_next, input_now; /* edges take turns; input_now has a frame in queue 0 */
    bool frame_held;
    bool source_ended, silent; /* silent: after the marker of a clean stop */

    enum marker_stage marker_stage;
    uint64_t marker_first, marker_last, epoch;
    uint32_t marker_link;
    bool saved;

    struct tide_batchbuf dead_letters;
    uint64_t dead_letters_due; /* epoch whose marker the dead-letter edge owes */
    uint64_t dead_letters_marked;
    struct tide_kept *kept_free;
    uint32_t kept_n;

    struct tide_buf outbox; /* reports the ring had no room for, and those not tried yet */
    struct tide_offload_box *offload_box;
    uint64_t timer_at;
    char waiting[WAITING_SLOTS][TASK_WAITING_TEXT];
    char waiting_said[TASK_WAITING_TEXT];
    enum waiting_slot waiting_slot;         /* who is running, for host->waiting */
    const struct tide_link_config *running; /* operator that is running, or NULL */
    bool running_sink;
    bool blocked; /* an output, the sink or the dead letters are full */
    bool failed, halted;
    bool progress;     /* this step did something */
    uint64_t clock_ns; /* monotonic, read once a step */
};

/* chain.c: moves rows until the queues are empty, something blocks, or @rows are used up. */
void task_chain_drive(struct tide_task *task);
bool task_chain_empty(const struct tide_task *task);
/* What is left of a queue's rows. */
struct tide_batch task_queue_rest(const struct queue *queue);

/* input.c */
int task_input_open(struct tide_task *task, struct tide_error *err);
void task_input_close(struct tide_task *task);
void task_input_orders(struct tide_task *task);
void task_input_pull(struct tide_task *task);
/* The frame in queue 0 is used up: gives it back. */
void task_input_release(struct tide_task *task);
bool task_input_has_news(struct tide_task *task);
void task_report_offsets(struct tide_task *task);
const char *task_split_name(const struct tide_task *task, uint32_t split);

/* output.c */
int task_output_open(struct tide_task *task, struct output *output,
                     const struct tide_output_config *config, struct tide_error *err);
void task_output_close(struct tide_task *task, struct output *output);
/* Hands rows over; returns how many were taken. Less than n: full. */
uint32_t task_output_write(struct tide_task *task, struct output *output,
                           const struct tide_batch *batch);
/* Sends what is collected; false: a ring is full. */
bool task_output_flush(struct tide_task *task, struct output *output);
/* Writes a marker behind everything; false: a ring is full, call again. */
bool task_output_mark(struct tide_task *task, struct output *output, uint64_t first, uint64_t last);
bool task_output_has_space(struct output *output);
/* One batch as one frame; false: full. */
bool task_send(struct tide_task *task, struct tide_ring *ring, const struct tide_batch *batch);
bool task_send_marker(struct tide_ring *ring, uint64_t incarnation, uint64_t first, uint64_t last);

/* marker.c */
void task_marker_begin(struct tide_task *task, uint64_t first, uint64_t last);
/* Goes on with the marker; true: it is through. */
bool task_marker_advance(struct tide_task *task);

/* reject.c */
enum tide_reject task_reject(struct tide_task *task, const struct tide_batch *in, uint32_t i,
                             const char *error_class, const char *text);
struct tide_kept *task_keep(struct tide_task *task, const struct tide_batch *in, uint32_t i);
enum tide_reject task_reject_kept(struct tide_task *task, struct tide_kept *kept,
                                  const char *error_class, const char *text);
void task_drop_kept(struct tide_task *task, struct tide_kept *kept);
bool task_dead_letters_flush(struct tide_task *task);
void task_reject_close(struct tide_task *task);

/* task.c */
void task_fail(struct tide_task *task, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void task_report(struct tide_task *task, const struct tide_report *report, const void *payload);
void task_waiting(struct tide_task *task, enum waiting_slot slot, const char *reason);

static inline const struct tide_schema *
task_schema(const struct tide_task *task, uint32_t id)
{
    return task->config.host->schema(task->config.host, id);
}

/* What a queue's heap starts with: room for ordinary records, never more than it may grow to. */
static inline uint32_t
task_heap_initial(const struct tide_task *task, uint32_t wanted)
{
    uint32_t most = 2 * task->config.record_max;
    return wanted < most ? wanted : most;
}

#endif
