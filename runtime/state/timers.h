/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: which key is due next, over all states of a store, one queue a domain.
 *
 * A timer is an entry of a table (key -> time, place in the queue), so that snapshots, changes and
 * restore are those of tables. The queue is a heap with four children a node in a paged array: the
 * earliest is at hand, a change costs a few steps, growing never copies, and no resolution has to
 * be chosen between microseconds of event time and hours. Equal times fire in the order of state
 * and key, which a restart does not change.
 *
 * Threads: the task; before that a control thread.
 */
#ifndef TIDE_STATE_TIMERS_H
#define TIDE_STATE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "state/paged.h"
#include "state/table.h"

/* The value of a timer's entry; only @at is part of snapshots. */
struct tide_timer_value {
    int64_t at;
    uint32_t place; /* in the queue */
    uint32_t reserved;
};

/* A place in the queue. */
struct tide_timer_node {
    int64_t at;
    struct tide_entry *entry;
    uint32_t owner; /* number of the state, for ties and for the one who asks */
    uint32_t reserved;
};

struct tide_timers {
    struct tide_paged nodes; /* struct tide_timer_node */
    uint32_t n;
};

/* An empty queue. @thread any */
void tide_timers_init(struct tide_timers *timers, struct tide_budget_child *budget);

/* Zeroed memory is legal. @thread any */
void tide_timers_fini(struct tide_timers *timers);

/* Sets the timer of @key in @table to @at; @change as in tide_table_put. False: no memory, nothing
 * has changed.
 * @thread task */
bool tide_timers_set(struct tide_timers *timers, struct tide_table *table, uint32_t owner,
                     struct tide_bytes key, uint32_t group, int64_t at, bool change);

/* Takes the timer of @key away, if there is one. @thread task */
void tide_timers_clear(struct tide_timers *timers, struct tide_table *table, struct tide_bytes key,
                       bool change);

/* The earliest, or NULL. Valid until the next change. @thread task */
const struct tide_timer_node *tide_timers_first(const struct tide_timers *timers);

#endif
