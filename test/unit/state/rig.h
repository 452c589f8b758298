/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rig of workers with their change logs and tasks with their stores, and the map they are
 * compared with.
 *
 * The rig does what workers, coordinator and recovery do, on one thread: it cuts epochs, collects
 * references, crashes by dropping everything, and restores from the references of the newest whole
 * epoch into any number of tasks. The model is a sorted array of keys and values, copied at every
 * cut.
 */
#ifndef TIDE_TEST_STATE_RIG_H
#define TIDE_TEST_STATE_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "../io/scratch.h"
#include "base/budget.h"
#include "io/io.h"
#include "io/offload.h"
#include "state/segment.h"
#include "state/state.h"

#define RIG_TASKS 3
#define RIG_GROUPS 16

/* ---- model ---- */

struct pair {
    char key[64];
    uint32_t key_len;
    uint8_t *value;
    uint32_t n;
};

struct model {
    struct pair *pairs; /* by key */
    uint32_t n, cap;
};

struct pair *model_find(struct model *model, const char *key, uint32_t key_len);
void model_put(struct model *model, const char *key, uint32_t key_len, const void *value,
               uint32_t n);
void model_del(struct model *model, const char *key, uint32_t key_len);
void model_copy(struct model *to, const struct model *from);
void model_fini(struct model *model);

/* ---- rig ---- */

struct rig {
    struct scratch scratch;
    struct tide_io *io; /* control calls */
    struct tide_io *(*make_io)(void *ctx);
    void *make_ctx;
    struct tide_offload *offload;
    bool threads;
    struct tide_budget *budget;
    struct tide_budget_child *child;
    struct tide_state_site site;
    uint32_t n_tasks, n_workers;
    struct tide_io *worker_io[RIG_TASKS];
    struct tide_segment *segments[RIG_TASKS];
    struct tide_state_store *stores[RIG_TASKS];
    struct tide_state *states[RIG_TASKS];
    uint64_t epoch;
    /* references of the newest epoch that is whole, and those being collected */
    struct tide_bytes refs[RIG_TASKS], older[RIG_TASKS];
    uint32_t n_refs, n_older;
    int fail_code;
    char fail_text[512];
};

/* Makes folder, budget of @memory bytes, and storage; offload jobs run in rig_turn. */
void rig_init(struct rig *rig, uint64_t memory);
/* From here on offload jobs run on threads of their own. */
void rig_use_threads(struct rig *rig);
/* Ends everything and checks that no memory of the budget is left. */
void rig_fini(struct rig *rig);

/* Starts an incarnation with @tasks on @workers, restored from rig->refs. Returns the first error.
 */
int rig_start(struct rig *rig, uint32_t tasks, uint32_t workers, struct tide_error *err);
/* Drops all stores and segments, as a crash does. */
void rig_stop(struct rig *rig);

/* The task that owns a key. */
uint32_t rig_task(const struct rig *rig, const char *key, uint32_t key_len);
void rig_put(struct rig *rig, const char *key, uint32_t key_len, const void *value, uint32_t n);
void rig_del(struct rig *rig, const char *key, uint32_t key_len);

/* One round of what workers do besides; true when something happened. */
bool rig_turn(struct rig *rig);
/* Cuts the next epoch in all tasks without waiting for durability. */
void rig_cut(struct rig *rig);
/* Waits until every task's reference of rig->epoch is durable and takes them as rig->refs. */
void rig_commit(struct rig *rig);

/* Fails the test unless the stores hold exactly what the model holds. */
void rig_compare(struct rig *rig, struct model *model);

#endif
