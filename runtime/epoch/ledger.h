/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger: which task has reported which epoch, until the epoch is sealed.
 *
 * Sources and stateful tasks must have reported exactly the epoch that is sealed: an offset or a
 * snapshot of a later one would be ahead of it. A sink must have reported it or a later one: what
 * is durable stays durable. When tasks have merged epochs differently, the newest epoch that fits
 * all is sealed and covers the ones before it (I2, I3).
 *
 * Threads: the coordinator.
 */
#ifndef TIDE_EPOCH_LEDGER_H
#define TIDE_EPOCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/limits.h"
#include "base/seam.h"

enum tide_ledger_column {
    TIDE_LEDGER_SOURCE,
    TIDE_LEDGER_STATE,
    TIDE_LEDGER_SINK,
    TIDE_LEDGER_COLUMNS
};

/* One report that is kept. */
struct tide_ledger_entry {
    uint64_t epoch;
    uint8_t *payload;
    uint32_t n, len; /* as in the report */
};

/* One task's reports of one kind, oldest first. */
struct tide_ledger_lane {
    bool used; /* whether the task owes reports of this kind */
    uint32_t n;
    struct tide_ledger_entry entries[TIDE_LIMIT_EPOCHS_IN_FLIGHT];
};

struct tide_ledger {
    const struct tide_seam *seam;
    uint32_t n_tasks;
    struct tide_ledger_lane *lanes; /* [task][column] */
};

/* @thread start */
int tide_ledger_init(struct tide_ledger *ledger, const struct tide_seam *seam, uint32_t n_tasks,
                     struct tide_error *err);
/* Legal on zeroed memory. @thread start */
void tide_ledger_fini(struct tide_ledger *ledger);

/* The lane of a task. @thread coordinator */
struct tide_ledger_lane *tide_ledger_lane(const struct tide_ledger *ledger, uint32_t task,
                                          enum tide_ledger_column column);

/* Keeps one report. Errors: NOMEM; LIMIT when a task reports more than the coordinator has opened.
 * @thread coordinator */
int tide_ledger_add(struct tide_ledger *ledger, uint32_t task, enum tide_ledger_column column,
                    const struct tide_ledger_entry *entry, struct tide_error *err);

/* The newest epoch above @sealed that every task has reported, or 0. @thread coordinator */
uint64_t tide_ledger_complete(const struct tide_ledger *ledger, uint64_t sealed);

/* Drops everything up to @epoch, which is sealed now. @thread coordinator */
void tide_ledger_drop(struct tide_ledger *ledger, uint64_t epoch);

/* The first task that still owes a report for @epoch, or -1. @thread coordinator */
int32_t tide_ledger_late(const struct tide_ledger *ledger, uint64_t epoch,
                         enum tide_ledger_column *out_column);

#endif
