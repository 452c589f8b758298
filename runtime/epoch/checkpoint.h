/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint: what a committed epoch lets us restore.
 *
 * The fold of the WAL's records as of the newest C(e): the incarnation, every split with its next
 * offset, every snapshot reference, the sinks' tokens and the identity of the pipeline; and beside
 * it, not yet folded in, the record of an epoch that is sealed and waits for its decision or
 * publication (it may still be voided). It is also what the head of each WAL segment carries, and
 * the same code reads both.
 *
 * Encoding: msgpack maps with one-letter keys, see docs/reference/wal-format.md.
 *
 * Threads: the coordinator.
 */
#ifndef TIDE_EPOCH_CHECKPOINT_H
#define TIDE_EPOCH_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#include "base/buffer.h"
#include "base/seam.h"
#include "epoch/orders.h"
#include "epoch/report.h"

/* A split that has an id. Ids are dense, from 0, in the order of discovery. */
struct tide_split {
    uint32_t source; /* index into the checkpoint's sources */
    char *name;
    struct tide_offset next;
};

/* Bytes by key: snapshot references (key: task's scope) and tokens (key: sink). */
struct tide_blob {
    char *key;
    uint8_t *bytes;
    uint32_t n;
};

struct tide_blobs {
    struct tide_blob *items;
    uint32_t n, cap;
};

struct tide_checkpoint {
    const struct tide_seam *seam;
    uint8_t uuid[16];
    uint64_t incarnation;       /* newest that began */
    bool started;               /* C(0) is durable */
    struct tide_seal committed; /* newest C(e) */
    struct tide_seal sealed;    /* newest S(e): equals committed unless an epoch is pending */
    struct tide_blobs sources;  /* key: source id, bytes: its kind */
    struct tide_split *splits;
    uint32_t n_splits, cap_splits;
    struct tide_blobs snapshots;        /* of the newest commit, key: scope */
    struct tide_blobs snapshots_before; /* of the commit before it: stays restorable (I13) */
    struct tide_blobs tokens;           /* of the newest commit, key: sink id */
    struct tide_blobs identity;         /* key: what, bytes: text; compared at a restart */
    uint8_t *pending;                   /* payload of S(sealed) without C(sealed), or NULL */
    uint32_t pending_len;
    struct tide_blobs pending_tokens; /* its tokens */
};

/* An empty checkpoint. @thread start */
void tide_checkpoint_init(struct tide_checkpoint *checkpoint, const struct tide_seam *seam);
/* Frees what it holds; usable again after init. @thread start */
void tide_checkpoint_fini(struct tide_checkpoint *checkpoint);

/* The index of source @id, added if @add; -1: unknown. NOMEM as -2. @thread coordinator */
int32_t tide_checkpoint_source(struct tide_checkpoint *checkpoint, const char *id, bool add);

/* The id of a split, or -1. @thread coordinator */
int64_t tide_checkpoint_split_find(const struct tide_checkpoint *checkpoint, uint32_t source,
                                   const char *name);
/* Adds a split behind the others. Errors: NOMEM, LIMIT. @thread coordinator */
int tide_checkpoint_split_add(struct tide_checkpoint *checkpoint, uint32_t source, const char *name,
                              const struct tide_offset *next, struct tide_error *err);

/* Sets, replaces or (bytes NULL) removes the blob of @key. Error: NOMEM. @thread coordinator */
int tide_blobs_set(struct tide_blobs *blobs, const struct tide_seam *seam, const char *key,
                   const void *bytes, uint32_t n);
/* The blob of @key or NULL. @thread coordinator */
const struct tide_blob *tide_blobs_get(const struct tide_blobs *blobs, const char *key);
/* Frees all. @thread coordinator */
void tide_blobs_clear(struct tide_blobs *blobs, const struct tide_seam *seam);
/* Makes @to equal to @from. Error: NOMEM, @to is then empty. @thread coordinator */
int tide_blobs_copy(struct tide_blobs *to, const struct tide_seam *seam,
                    const struct tide_blobs *from);

/* ---- records: encode what is appended, apply what was appended or read ---- */

/* A sealed epoch as it travels in S and SC records. */
struct tide_seal_record {
    struct tide_seal seal;
    uint64_t first;                           /* epochs first..seal.epoch are covered */
    const struct tide_report_offset *offsets; /* changed splits only */
    uint32_t n_offsets;
    const struct tide_blobs *snapshots; /* all that this seal refers to */
    const struct tide_blobs *tokens;
};

/* The whole checkpoint, for SEGMENT_HEAD. @thread coordinator */
int tide_checkpoint_encode(const struct tide_checkpoint *checkpoint, struct tide_buf *out);
/* Records. @thread coordinator */
int tide_record_start(struct tide_buf *out, uint64_t incarnation);
int tide_record_split(struct tide_buf *out, uint32_t id, const char *source, const char *name,
                      const struct tide_offset *from);
int tide_record_seal(struct tide_buf *out, const struct tide_seal_record *record);
int tide_record_commit(struct tide_buf *out, struct tide_seal seal);

/*
 * Folds one record of the WAL (enum tide_wal_type @type) into @checkpoint; the same for what was
 * just appended and for what recovery reads. TIDE_ERR_CORRUPT when the payload is not what the type
 * promises, or an order of section 6 is broken (I3, I4). @thread coordinator
 */
int tide_checkpoint_apply(struct tide_checkpoint *checkpoint, uint32_t type, const uint8_t *payload,
                          uint32_t len, struct tide_error *err);

/* Forgets the pending epoch, as an aborted decision demands: sealed is committed again. @thread
 * coordinator */
void tide_checkpoint_void(struct tide_checkpoint *checkpoint);

#endif
