/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State: what operators remember, kept by key group, cut at every epoch, restored into any
 * parallelism.
 *
 * A struct tide_state_store is the state of one task: the keyed tables and timers of the operators
 * of its chain, and their small saved bytes. At the marker of epoch e the task cuts it: what
 * changed since the cut before is copied into its worker's change segment (segment.h), and the task
 * goes on. When that is durable the store has a *reference* for e, which the task reports to the
 * coordinator: self-contained bytes that name the base image and the parts of change segments which
 * make up the state as of e. Base images are written in the background, so that references stay
 * short.
 *
 * Order of calls:
 *   @c  store_create, restore (references of all tasks of the committed epoch), declare, saved_next
 *   @w  get .. timer_clear | advance | at a marker: save, cut until DONE | durable_peek,
 * durable_done
 *   @c  store_destroy, after the last step
 *
 * Invariants: I16 (what is restored from the references of e is the fold of all changes up to e's
 * markers, nothing more), I13 (retain keeps what the references it is given need).
 *
 * Files and references are described in docs/reference/state-format.md. Left to others: when an
 * epoch is cut, where references are kept, what values mean.
 */
#ifndef TIDE_STATE_STATE_H
#define TIDE_STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#include "base/budget.h"
#include "base/seam.h"
#include "io/io.h"

struct tide_segment;
struct tide_state_store;

/* What all stores of one pipeline and incarnation share. What it points to outlives them. */
struct tide_state_site {
    const struct tide_seam *seam;
    struct tide_budget_child *budget; /* state.memory */
    struct tide_io *io;               /* control calls only */
    const char *dir;                  /* <checkpoint>/state */
    uint64_t incarnation;
    uint32_t key_groups;
    uint32_t full_every; /* a base image every so many cuts that held changes; at least 1 */
    bool compress;       /* base images by zstd */
};

/* Called on the worker when a plugin's call cannot be done (state.memory full, a key of another
 * task). */
typedef void tide_state_fail(void *ctx, int code, const char *text);

/* One task's store. Texts are copied. */
struct tide_state_config {
    const struct tide_state_site *site;
    struct tide_segment *segment; /* its worker's */
    uint32_t task;                /* number in the plan: names its image files */
    uint32_t index, count;        /* among the tasks of its stage: names its saved bytes */
    uint32_t group_first, group_count;
    const char *const *operators; /* ids of its chain: only their state is restored */
    uint32_t n_operators;
    tide_state_fail *fail;
    void *fail_ctx;
};

/* Makes the folder of the state files. Errors: those of tide_io's mkdir. @thread start */
int tide_state_dir_create(const struct tide_state_site *site, struct tide_error *err);

/* An empty store, attached to its segment. TIDE_ERR_NOMEM, TIDE_ERR_LIMIT. @thread start */
int tide_state_store_create(const struct tide_state_config *config,
                            struct tide_state_store **out_store, struct tide_error *err);

/* Detaches and frees; a base image under way is abandoned. NULL is legal. @thread start */
void tide_state_store_destroy(struct tide_state_store *store);

/*
 * Fills a new store from the references of all tasks of one committed epoch; each store takes its
 * own operators and key groups, and the saved bytes of the task indices that are `index` modulo
 * `count`. TIDE_ERR_CORRUPT with file and offset when anything is missing or damaged,
 * TIDE_ERR_LIMIT when state.memory is too small, TIDE_ERR_NOMEM, TIDE_ERR_IO. @thread start
 */
int tide_state_store_restore(struct tide_state_store *store, const struct tide_bytes *refs,
                             uint32_t n, struct tide_error *err);

/* The version of @op's restored state, keyed or saved; 0: none. @thread start */
uint32_t tide_state_store_version(const struct tide_state_store *store, const char *op);

/* ---- keyed state: as in struct tide_state_api ---- */

/*
 * State @name of operator @op. TIDE_ERR_CHECKPOINT when restored state has another version,
 * TIDE_ERR_INVALID when @name is declared already or @op is not of this chain, TIDE_ERR_LIMIT,
 * TIDE_ERR_NOMEM. @thread start
 */
int tide_state_declare(struct tide_state_store *store, const char *op, const char *name,
                       uint32_t version, struct tide_state **out_state, struct tide_error *err);

/* @thread task, all of these; see tidemark/plugin.h. Values are aligned to 16. */
struct tide_bytes tide_state_get(struct tide_state *state, struct tide_bytes key);
void tide_state_get_many(struct tide_state *state, const struct tide_bytes *keys, uint32_t n,
                         struct tide_bytes *out);
void *tide_state_put(struct tide_state *state, struct tide_bytes key, uint32_t n);
void tide_state_del(struct tide_state *state, struct tide_bytes key);
/* Every key that is there from start to end of the walk comes exactly once, whatever else changes.
 */
bool tide_state_scan(struct tide_state *state, uint64_t *cursor, struct tide_bytes *out_key,
                     struct tide_bytes *out_value);
/* One timer per key and domain: setting replaces. */
void tide_state_timer_set(struct tide_state *state, struct tide_bytes key, int64_t at,
                          uint32_t domain);
void tide_state_timer_clear(struct tide_state *state, struct tide_bytes key, uint32_t domain);
uint64_t tide_state_used_bytes(struct tide_state *state);

/* ---- timers: the task fires them ---- */

/* A timer that is due; it is gone from the state. */
struct tide_timer {
    struct tide_state *state;
    uint32_t op;           /* index into the config's operators */
    uint32_t domain;       /* enum tide_timer_domain */
    int64_t at;            /* what was set */
    struct tide_bytes key; /* valid until the next tide_state_timer_due */
};

/* Takes the earliest timer of @domain with at <= @now; ties in the order of their keys. @thread
 * task */
bool tide_state_timer_due(struct tide_state_store *store, uint32_t domain, int64_t now,
                          struct tide_timer *out_timer);

/* When the earliest timer of @domain is due; false: there is none. @thread task */
bool tide_state_timer_next(const struct tide_state_store *store, uint32_t domain, int64_t *out_at);

/* ---- small state outside the keyed tables ---- */

/*
 * Replaces the saved bytes of operator @op; part of the next cut. TIDE_ERR_LIMIT over
 * TIDE_LIMIT_STATE_SAVED or when state.memory is full. @thread task
 */
int tide_state_save(struct tide_state_store *store, const char *op, uint32_t version,
                    struct tide_bytes bytes, struct tide_error *err);

/* Saved bytes that were restored. */
struct tide_saved {
    uint32_t index; /* of the task that saved them */
    uint32_t version;
    struct tide_bytes bytes; /* valid until the next save of the operator */
};

/* Walks the restored bytes of @op, by index; *cursor starts at 0; false at the end. @thread start
 */
bool tide_state_saved_next(const struct tide_state_store *store, const char *op, uint32_t *cursor,
                           struct tide_saved *out_saved);

/* ---- snapshots ---- */

enum tide_cut {
    TIDE_CUT_DONE,    /* the epoch's changes are in the segment: forward the marker */
    TIDE_CUT_MORE,    /* copied what one step may: call again, change nothing before */
    TIDE_CUT_BLOCKED, /* the segment is full or has no file yet: call again later, change nothing
                         before */
    TIDE_CUT_FAILED   /* config's fail was called */
};

/* Cuts the state at the marker of @epoch (the last one it covers). @thread task */
enum tide_cut tide_state_cut(struct tide_state_store *store, uint64_t epoch);

/* No marker will come any more (all inputs ended): other tasks' cuts do not wait for this one.
 * @thread task */
void tide_state_end(struct tide_state_store *store);

/* The oldest epoch that was cut, is durable, and was not yet taken; the reference is good until
 * durable_done.
 * @thread task */
bool tide_state_durable_peek(const struct tide_state_store *store, uint64_t *out_epoch,
                             struct tide_bytes *out_ref);
/* Takes the epoch of the last peek. @thread task */
void tide_state_durable_done(struct tide_state_store *store);

/* One bounded step of background work (base images); tells the task (config's fail) when its
 * segment has failed. To be called in every step of the task. True: call again soon. @thread task
 */
bool tide_state_advance(struct tide_state_store *store);

/* What a cut waits for besides the segment, or NULL. @thread task */
const char *tide_state_waiting(const struct tide_state_store *store);

/* ---- references ---- */

/* Called once for each file name (relative to the site's folder) that the references need. */
typedef int tide_state_file_visit(void *ctx, const char *name);

/* The files that @refs need, each at least once; a negative return ends it. TIDE_ERR_CORRUPT.
 * @thread any */
int tide_state_files_needed(const struct tide_bytes *refs, uint32_t n, tide_state_file_visit *visit,
                            void *ctx, struct tide_error *err);

/*
 * Deletes the state files that neither @refs (all references of the commits that stay restorable)
 * need nor the running incarnation may still come to refer to. May run beside the workers.
 * TIDE_ERR_IO, TIDE_ERR_CORRUPT, TIDE_ERR_NOMEM. @thread any (blocks)
 */
int tide_state_retain(const struct tide_state_site *site, const struct tide_bytes *refs, uint32_t n,
                      struct tide_error *err);

/* A reference in human form, for `wal show`; returns the length needed. @thread any */
uint32_t tide_state_ref_text(struct tide_bytes ref, char *out, uint32_t out_max);

#endif
