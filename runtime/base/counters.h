/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: what each task has done, named in one table.
 *
 * The table below is the only place where a counter is named; ids, status output, metrics and the
 * reference come from its rows. Each task owns one struct tide_counters and is its only writer
 * (plain relaxed stores, no locked instruction); any thread may read, and sees each counter whole
 * but not all at one instant.
 */
#ifndef TIDE_BASE_COUNTERS_H
#define TIDE_BASE_COUNTERS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/*
 * X(ID, name, kind, unit, help). Kinds: COUNTER only rises; GAUGE is a level. Both are summed over
 * tasks. Names are stable: metrics are called tidemark_<name> (and _total for counters).
 */
#define TIDE_COUNTER_TABLE(X)                                                                     \
    X(ROWS_IN, rows_in, COUNTER, "rows", "rows taken from a source or an edge")                   \
    X(ROWS_OUT, rows_out, COUNTER, "rows", "rows handed to an edge or a sink")                    \
    X(BYTES_IN, bytes_in, COUNTER, "bytes", "bytes of the rows taken")                            \
    X(BYTES_OUT, bytes_out, COUNTER, "bytes", "bytes of the rows handed on")                      \
    X(BATCHES, batches, COUNTER, "batches", "batches processed")                                  \
    X(STEPS, steps, COUNTER, "steps", "duty cycles run")                                          \
    X(STEPS_SLOW, steps_slow, COUNTER, "steps", "duty cycles over the limit that names them")     \
    X(STEP_NS, step_ns, COUNTER, "ns", "time spent in duty cycles that did something")            \
    X(BLOCKED, blocked, COUNTER, "steps", "duty cycles that ended because an output was full")    \
    X(WAITING_NS, waiting_ns, COUNTER, "ns", "time spent waiting for the outside")                \
    X(REJECTED, rejected, COUNTER, "rows", "rows that could not be processed")                    \
    X(DEAD_LETTERS, dead_letters, COUNTER, "rows",                                                \
      "rejected rows written to a dead-letter output")                                            \
    X(DROPPED, dropped, COUNTER, "rows", "rejected rows dropped because the pipeline says so")    \
    X(FILTERED, filtered, COUNTER, "rows", "rows that a condition left out")                      \
    X(LATE, late, COUNTER, "rows", "rows behind the watermark, left out of state")                \
    X(OVERDUE, overdue, COUNTER, "rows", "rows past latency.budget, counted at each step")        \
    X(DUPLICATES, duplicates, COUNTER, "rows", "rows left out by de-duplication")                 \
    X(MARKERS, markers, COUNTER, "markers", "epoch markers passed on")                            \
    X(WATERMARKS, watermarks, COUNTER, "watermarks", "watermarks passed on")                      \
    X(ALIGN_NS, align_ns, COUNTER, "ns", "time inputs were held back for a late marker")          \
    X(EPOCHS_COMMITTED, epochs_committed, COUNTER, "epochs", "epochs seen committed")             \
    X(EPOCHS_SKIPPED, epochs_skipped, COUNTER, "epochs", "epochs folded into a later one")        \
    X(PARKS, parks, COUNTER, "parks", "times the worker went to sleep")                           \
    X(WAKES, wakes, COUNTER, "wakes", "times the worker was woken by a peer")                     \
    X(RETRIES, retries, COUNTER, "retries", "operations tried again after a refusal")             \
    X(ACKS, acks, COUNTER, "rows", "rows acknowledged as durable by the outside")                 \
    X(LARGE_FRAMES, large_frames, COUNTER, "frames", "frames that travelled out of line")         \
    X(STATE_ROWS, state_rows, GAUGE, "rows", "rows in keyed state")                               \
    X(STATE_BYTES, state_bytes, GAUGE, "bytes", "memory of keyed state")                          \
    X(TIMERS, timers, GAUGE, "timers", "timers waiting to expire")                                \
    X(SNAPSHOT_BYTES, snapshot_bytes, COUNTER, "bytes",                                           \
      "bytes written to change segments and base images")                                         \
    X(IN_FLIGHT, in_flight, GAUGE, "rows", "rows handed to the outside and not yet acknowledged") \
    X(PENDING, pending, GAUGE, "rows", "asynchronous rows not back yet")                          \
    X(EDGE_BYTES, edge_bytes, GAUGE, "bytes", "bytes waiting in the task's input edges")          \
    X(SPLITS, splits, GAUGE, "splits", "splits assigned")                                         \
    X(LAG_ROWS, lag_rows, GAUGE, "rows", "rows of the source not read yet")

/* Ids: TIDE_COUNTER_ROWS_IN, ... */
enum tide_counter {
#define TIDE_COUNTER_ID(ID, name, kind, unit, help) TIDE_COUNTER_##ID,
    TIDE_COUNTER_TABLE(TIDE_COUNTER_ID)
#undef TIDE_COUNTER_ID
        TIDE_COUNTER_COUNT
};

enum tide_counter_kind {
    TIDE_COUNTER_KIND_COUNTER,
    TIDE_COUNTER_KIND_GAUGE,
};

/* One row of the table. */
struct tide_counter_info {
    const char *name;
    enum tide_counter_kind kind;
    const char *unit;
    const char *help;
};

/* Where a task is: the step it runs or ran last (0: its input, k: operator k - 1 of its chain,
 * beyond: its sink or its edges), and the split of the first row it had there. */
struct tide_whereabouts {
    uint32_t step, split;
};

#define TIDE_WHEREABOUTS_NO_SPLIT UINT32_MAX

/* One task's counters, on cache lines of their own. Caller's memory (tide_alloc_lines), zeroed is
 * ready. */
struct tide_counters {
    alignas(TIDE_CACHE_LINE) _Atomic(uint64_t) values[TIDE_COUNTER_COUNT];
    _Atomic(uint64_t) whereabouts; /* step << 32 | ~split: read as one; 0: nowhere yet */
    _Atomic(uint64_t) passed;      /* newest epoch whose marker is through the task */
};

/* The row of @id; never NULL for a valid id. @thread any */
const struct tide_counter_info *tide_counter_info(enum tide_counter id);

/* The id called @name, or TIDE_COUNTER_COUNT. @thread any */
enum tide_counter tide_counter_find(const char *name);

/* All zero, before the task starts. @thread start */
void tide_counters_init(struct tide_counters *counters);

/* Adds @n to @id. @thread task (the owner; relaxed, partner of nothing: figures only) */
static inline void
tide_counters_add(struct tide_counters *counters, enum tide_counter id, uint64_t n)
{
    _Atomic(uint64_t) *value = &counters->values[id];
    uint64_t now = atomic_load_explicit(value, memory_order_relaxed);
    atomic_store_explicit(value, now + n, memory_order_relaxed);
}

/* Sets the gauge @id to @n. @thread task (the owner) */
static inline void
tide_counters_set(struct tide_counters *counters, enum tide_counter id, uint64_t n)
{
    atomic_store_explicit(&counters->values[id], n, memory_order_relaxed);
}

/* The present value of @id. @thread any */
static inline uint64_t
tide_counters_get(const struct tide_counters *counters, enum tide_counter id)
{
    return atomic_load_explicit(&counters->values[id], memory_order_relaxed);
}

/* Says where the task is. @thread task (the owner) */
static inline void
tide_counters_at(struct tide_counters *counters, struct tide_whereabouts at)
{
    uint64_t word = (uint64_t)at.step << 32 | (uint32_t)~at.split;
    atomic_store_explicit(&counters->whereabouts, word, memory_order_relaxed);
}

/* Where the task is, or was last; for messages. @thread any */
static inline struct tide_whereabouts
tide_counters_where(const struct tide_counters *counters)
{
    uint64_t word = atomic_load_explicit(&counters->whereabouts, memory_order_relaxed);
    return (struct tide_whereabouts){.step = (uint32_t)(word >> 32), .split = ~(uint32_t)word};
}

/* Says that the marker of @epoch is through. @thread task (the owner) */
static inline void
tide_counters_passed_set(struct tide_counters *counters, uint64_t epoch)
{
    atomic_store_explicit(&counters->passed, epoch, memory_order_relaxed);
}

/* The newest epoch whose marker is through; for messages, epochs commit by reports. @thread any */
static inline uint64_t
tide_counters_passed(const struct tide_counters *counters)
{
    return atomic_load_explicit(&counters->passed, memory_order_relaxed);
}

/* The sum of @id over @n tasks. @thread any */
uint64_t tide_counters_sum(const struct tide_counters *const *counters, size_t n,
                           enum tide_counter id);

#endif
