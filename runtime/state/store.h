/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: what store.c, cut.c, image.c and restore.c share. Nobody else includes this.
 *
 *   store.c    life, keyed calls, timers, saved bytes
 *   cut.c      changes into the segment, references
 *   image.c    base images in the background
 *   restore.c  references back into tables
 *
 * Threads: the task; before and after it a control thread. Of struct tide_image what stands under
 * "job" belongs to the offload thread while image.job.busy.
 */
#ifndef TIDE_STATE_STORE_H
#define TIDE_STATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "state/block.h"
#include "state/heap.h"
#include "state/ref.h"
#include "state/segment.h"
#include "state/state.h"
#include "state/table.h"
#include "state/timers.h"

#define TIDE_TIMER_DOMAINS 2u

struct tide_state {
    struct tide_state_store *store;
    uint32_t number; /* in the store */
    uint32_t op;     /* in the config's operators */
    uint32_t version;
    bool declared; /* false: restored, and nobody has asked for it: carried along */
    char *name;
    struct tide_table tables[TIDE_BLOCK_TABLES]; /* timers' are made when first used */
};

/* Bytes that an operator saved, or that were restored for it. */
struct tide_state_saved {
    uint32_t op, index, version;
    bool
        own; /* saved in this incarnation; else restored, and gone with the operator's first save */
    bool changed;   /* not yet in a cut */
    uint8_t *bytes; /* a chunk, NULL when empty */
    uint32_t n;
};

/* A cut that is not yet taken. */
struct tide_state_pending {
    uint64_t epoch;
    uint64_t position; /* of the segment's stream */
    struct tide_buf ref;
};

enum tide_image_phase {
    TIDE_IMAGE_IDLE,
    TIDE_IMAGE_SCAN, /* entries go into the buffer, the buffer goes to the job */
    TIDE_IMAGE_LAST, /* the job writes the last buffer, syncs and closes */
    TIDE_IMAGE_READY /* durable; the next cut refers to it */
};

struct tide_image {
    struct tide_segment_job job; /* first: the job's done casts back */
    struct tide_state_store *store;
    enum tide_image_phase phase;
    uint32_t n;                /* number of the file, rising with every attempt */
    uint32_t parts_from;       /* the store's parts from here on stand behind the image */
    uint32_t since;            /* the store's since when it began */
    uint64_t retry_at;         /* no new attempt before; monotonic ns */
    uint32_t op, state, table; /* where the scan is */
    uint64_t cursor;
    uint8_t *buffer; /* raw blocks, a chunk */
    uint32_t size, len;
    /* job */
    bool last;
    struct tide_file *file; /* NULL: not yet made */
    struct tide_compressor *compressor;
    uint32_t seed, crc;
    uint64_t at;
    struct tide_error err;
};

struct tide_state_store {
    struct tide_state_site site;
    char *dir;
    struct tide_segment *segment;
    uint32_t member; /* of the segment, UINT32_MAX: none */
    uint32_t task, index, count;
    uint32_t group_first, group_count;
    char **operators;
    uint32_t n_operators;
    tide_state_fail *fail;
    void *fail_ctx;
    bool failed;
    bool ended;

    struct tide_heap heap;
    struct tide_timers timers[TIDE_TIMER_DOMAINS];
    struct tide_state *states[TIDE_LIMIT_STATES];
    uint32_t n_states;
    struct tide_state_saved *saved; /* by operator and index */
    uint32_t n_saved, cap_saved;
    struct tide_buf due_key; /* of the timer handed out last */

    struct tide_part *parts; /* the state as of the last cut, in order */
    uint32_t n_parts, cap_parts;
    uint32_t n_inherited;  /* the first of them, of older incarnations */
    uint32_t parts_sealed; /* parts before this one are not extended */
    uint32_t since;        /* cuts with changes since the base image */
    uint64_t position;     /* of the segment's stream: behind this store's last change */

    bool cutting;
    bool cut_changed; /* the cut under way has written something */
    uint64_t cut_epoch;
    uint32_t cut_state;
    struct tide_state_pending pending[TIDE_LIMIT_EPOCHS_IN_FLIGHT];
    uint32_t pending_first, n_pending;

    struct tide_image image;
};

/* Tells the task that it cannot go on; only the first time. @thread task */
void tide_store_fail(struct tide_state_store *store, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The index of operator @op, or UINT32_MAX. @thread any */
uint32_t tide_store_operator(const struct tide_state_store *store, struct tide_bytes op);

/* The state (@op, @name), or NULL. @thread any */
struct tide_state *tide_store_state_find(const struct tide_state_store *store, uint32_t op,
                                         struct tide_bytes name);

/* Makes it. TIDE_ERR_LIMIT, TIDE_ERR_NOMEM. @thread start */
int tide_store_state_add(struct tide_state_store *store, uint32_t op, struct tide_bytes name,
                         uint32_t version, struct tide_state **out_state, struct tide_error *err);

/* Table @table of @state, made if absent; NULL: no memory. @thread task */
struct tide_table *tide_store_table(struct tide_state *state, uint32_t table);

/* What to add to monotonic time to get nanoseconds since the Unix epoch. @thread any */
int64_t tide_store_wall_offset(const struct tide_state_store *store);

/* The value of a table's entry as it is written to files; @timer holds a timer's. @thread task */
struct tide_bytes tide_store_value(const struct tide_state_store *store, uint32_t table,
                                   struct tide_entry *entry, int64_t *timer);

/* Sets saved bytes of (@op, @index); own bytes end all others of the operator. TIDE_ERR_LIMIT,
 * TIDE_ERR_NOMEM.
 * @thread task */
int tide_store_saved_set(struct tide_state_store *store, const struct tide_state_saved *saved,
                         struct tide_error *err);

/* Appends a part, or makes the last one longer when it lies right behind. False: no memory. @thread
 * task */
bool tide_store_part_add(struct tide_state_store *store, const struct tide_part *part,
                         const uint8_t *bytes);

/* Makes room for one more part. @thread task */
bool tide_store_parts_reserve(struct tide_state_store *store, uint32_t more);

/* Starts a base image when one is due; called right after a cut. @thread task */
void tide_image_consider(struct tide_state_store *store);

/* Lets the references begin with the image that has become ready; called as a cut begins. @thread
 * task */
void tide_image_adopt(struct tide_state_store *store);

/* Ends an image under way. @thread start */
void tide_image_abandon(struct tide_state_store *store);

#endif
