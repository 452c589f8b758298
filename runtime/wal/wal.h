/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log of epochs: what the engine knows after a crash is what stands here.
 *
 * A log is a directory of numbered segment files. Each begins with a SEGMENT_HEAD record that holds
 * the whole state of its caller, so that the newest segment alone is enough to restart; older ones
 * are kept until tide_wal_retain lets them go. Every start writes a new segment and trusts nothing
 * before that is durable.
 *
 * Promises (the byte format and the recovery rule behind them: docs/reference/wal-format.md):
 *   W1 a record with an LSN up to tide_wal_durable() is found by every later recovery, or that
 * recovery refuses; it is never silently missing (invariant I5); W2 what recovery finds is a prefix
 * of what was appended, cut between groups (records synced together); W3 after the first failed
 * sync nothing is acknowledged any more (I12); W4 one write is in flight at a time, so that a
 * record after a hole is never a legal state.
 *
 * Everything that is written through append is written twice, in different 4-KiB blocks, under one
 * sync: damage to any one block of the last acknowledged group leaves the other image, a torn write
 * leaves neither.
 *
 * Threads: a writer belongs to the coordinator; append, sync, poll, retain and roll never block,
 * files are made, renamed and deleted by offload jobs. Recover, begin, close, scan and dump block.
 *
 * Left to others: what payloads mean (epoch/), the lock of the checkpoint directory (tide_io lock,
 * taken by epoch/ before recovery), evidence outside the log (snapshots, sinks), logging.
 */
#ifndef TIDE_WAL_WAL_H
#define TIDE_WAL_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/seam.h"
#include "io/io.h"
#include "io/offload.h"

/* Kinds of records; the numbers are on disk. Payloads are msgpack and belong to epoch/. */
enum tide_wal_type {
    TIDE_WAL_START = 1,        /* an incarnation began */
    TIDE_WAL_SPLIT = 2,        /* an id for a split's name */
    TIDE_WAL_P = 3,            /* plan of a micro-batch */
    TIDE_WAL_S = 4,            /* epoch sealed */
    TIDE_WAL_C = 5,            /* epoch committed */
    TIDE_WAL_SC = 6,           /* both at once: plain sinks only */
    TIDE_WAL_SNAPREF = 7,      /* a snapshot that later records may refer to */
    TIDE_WAL_SEGMENT_HEAD = 8, /* the whole state; written by begin and roll only */
    TIDE_WAL_ABORT = 9,        /* a sealed epoch that will not commit */
    TIDE_WAL_STOP = 10,        /* a clean stop */
    TIDE_WAL_TYPE_END          /* one past the last */
};

/* "SC", "SEGMENT_HEAD", ...; "?" for a number that is none. @thread any */
const char *tide_wal_type_name(uint32_t type);

/* Identity of the checkpoint; every byte of the log is tied to it by its check sums. */
struct tide_wal_id {
    uint8_t bytes[16];
};

/* Where a log lives and what it uses. Copied by begin; what it points to outlives the writer. */
struct tide_wal_env {
    struct tide_io *io;           /* the coordinator's instance */
    struct tide_offload *offload; /* not used by recover, scan and dump (NULL is legal there) */
    const struct tide_seam *seam;
    const char *dir; /* the log's own directory, "CHECKPOINT/wal" */
};

/* One record as a reader sees it. */
struct tide_wal_record {
    uint64_t lsn; /* 1, 2, 3, ... over all segments */
    uint64_t
        durable_lsn; /* what was known durable when it was written; its group begins one later */
    uint64_t incarnation;
    enum tide_wal_type type;
    const uint8_t *payload; /* valid during the call */
    uint32_t len;
    uint64_t segment; /* number of its file */
    uint64_t offset;  /* of the record in the file */
};

/* Gets every record in order, SEGMENT_HEADs included; a negative return ends the reading with that
 * code. */
typedef int tide_wal_visit(void *ctx, const struct tide_wal_record *record, struct tide_error *err);

/* What was found. A log that does not exist yet has segments == 0 and next_lsn == 1. */
struct tide_wal_recovery {
    struct tide_wal_id id; /* zero when there are no segments */
    uint64_t segments;     /* how many files */
    uint64_t segment_last; /* number of the newest, 0 when there is none */
    uint64_t next_lsn;     /* of the record that would come next */
    uint64_t incarnation;  /* the newest segment's, 0 when there is none */
    uint64_t records;      /* visited */
    uint64_t torn_offset;  /* of the torn tail in the newest file, 0 when the end was clean */
    uint64_t torn_bytes;   /* non-zero bytes' extent that was cut or mended, 0 when clean */
    bool mended;       /* the last group stood in one image only; recover wrote the other again */
    uint32_t last_crc; /* check sum of the last record; begin chains the new segment to it */
    uint64_t first_lsns[TIDE_LIMIT_WAL_SEGMENTS]; /* of the files, oldest first; begin hands them to
                                                     retention */
};

/*
 * Reads the log strictly, visits every record, and leaves the newest file with a clean end: a torn
 * tail is copied to wal-NUMBER.OFFSET.torn beside it (durable) and zeroed; a last group of which
 * one image is damaged gets it back from the other. Unfinished new segments are deleted.
 * Idempotent, whenever it is interrupted.
 *
 * @expect: the checkpoint's id, NULL accepts any. On an error nothing that was visited counts.
 * TIDE_ERR_CORRUPT when the log cannot be a prefix of what was written that holds all that was
 * acknowledged: the message names file and offset, what stands there and what to do; nothing is
 * changed then. TIDE_ERR_UNSUPPORTED for a newer format. The caller holds the checkpoint's lock.
 * @thread coordinator
 */
int tide_wal_recover(const struct tide_wal_env *env, const struct tide_wal_id *expect,
                     tide_wal_visit *visit, void *ctx, struct tide_wal_recovery *out_recovery,
                     struct tide_error *err);

/* As tide_wal_recover, but changes nothing: for check, wal show and wal verify, also beside a
 * running engine. @thread any */
int tide_wal_scan(const struct tide_wal_env *env, const struct tide_wal_id *expect,
                  tide_wal_visit *visit, void *ctx, struct tide_wal_recovery *out_recovery,
                  struct tide_error *err);

/* ---- writing ---- */

struct tide_wal;

enum tide_wal_state {
    TIDE_WAL_READY,   /* nothing in flight */
    TIDE_WAL_SYNCING, /* a write, or the change to a new segment, is in flight */
    TIDE_WAL_WAITING, /* no space: call tide_wal_sync again after a while; appends go on until the
                         buffer is full */
    TIDE_WAL_FAILED,  /* sticky: a sync failed, nothing is acknowledged any more */
};

/*
 * Appends the caller's whole state, as msgpack, to @out: the fold of all records appended so far.
 * Called inside begin, append and roll; hence the caller applies a record to its state after append
 * returned, not before.
 */
typedef int tide_wal_head_fn(void *ctx, struct tide_buf *out);

struct tide_wal_options {
    struct tide_wal_env env;
    struct tide_wal_id id;
    uint64_t
        incarnation; /* of everything this writer writes; below 2^32, above the recovered one */
    uint64_t
        segment_bytes; /* first size of a segment, a multiple of 4096; 0: TIDE_LIMIT_WAL_SEGMENT */
    tide_wal_head_fn *head;
    void *head_ctx;
    void (*wake)(
        void *); /* poll has something from an offload job; tide_loop_wake fits. NULL: none */
    void *wake_arg;
};

/*
 * Starts a new segment behind @recovery with the head's state, durably, under its final name; the
 * directory is made when absent. Only after it returned may anything that was recovered be trusted.
 * Blocks. Errors: NOSPACE (may be called again), SYNC, NOMEM, LIMIT, and those of the head. @thread
 * coordinator
 */
int tide_wal_begin(const struct tide_wal_options *options, const struct tide_wal_recovery *recovery,
                   struct tide_wal **out_wal, struct tide_error *err);

/* Waits for what is in flight, drops what was not synced. NULL is legal. @thread coordinator */
void tide_wal_close(struct tide_wal *wal);

/*
 * Buffers one record and gives it its LSN. Begins a new segment first when it would not fit. Not
 * durable, and not even written, before sync. Errors: NOSPACE (buffer full while waiting: try again
 * later), SYNC (failed), LIMIT (record over TIDE_LIMIT_WAL_RECORD, or too many segments because
 * retain was never called), those of the head. @thread coordinator
 */
int tide_wal_append(struct tide_wal *wal, enum tide_wal_type type, const void *payload,
                    uint32_t len, uint64_t *out_lsn, struct tide_error *err);

/*
 * Asks that everything appended so far become durable, as one group. When a write is in flight it
 * follows by itself, from poll. In state WAITING it tries the same bytes at the same place again.
 * @thread coordinator
 */
void tide_wal_sync(struct tide_wal *wal);

/*
 * Takes completions and goes on with what was asked for; never blocks. Call it when the instance's
 * fd or the options' wake fires. @err is filled in states WAITING and FAILED. @thread coordinator
 */
enum tide_wal_state tide_wal_poll(struct tide_wal *wal, struct tide_error *err);

/* Blocks until nothing is in flight, polling: for start and stop. Returns the state. @thread
 * coordinator */
enum tide_wal_state tide_wal_flush(struct tide_wal *wal, struct tide_error *err);

/* The highest LSN that is acknowledged, and the highest that was given out. @thread coordinator */
uint64_t tide_wal_durable(const struct tide_wal *wal);
uint64_t tide_wal_last(const struct tide_wal *wal);

/* Begins a new segment now, as append does when the current one is full. Errors as append. @thread
 * coordinator */
int tide_wal_roll(struct tide_wal *wal, struct tide_error *err);

/*
 * Records below @lsn are not needed any more: deletes, by an offload job, the oldest segments that
 * hold nothing else. The current segment always stays. @thread coordinator
 */
void tide_wal_retain(struct tide_wal *wal, uint64_t lsn);

/* ---- showing ---- */

/* Gets text; a negative return ends the dump with that code. */
typedef int tide_wal_sink(void *ctx, const char *text, size_t len);

/*
 * Prints every record, one line each, human form or JSON; payloads are decoded generically. At
 * damage it prints what stands before it and returns TIDE_ERR_CORRUPT. Changes nothing. @thread any
 */
int tide_wal_dump(const struct tide_wal_env *env, bool json, tide_wal_sink *sink, void *ctx,
                  struct tide_error *err);

/* Checks all of it as recovery would, and that payloads are msgpack; one line of summary. Changes
 * nothing. @thread any */
int tide_wal_verify(const struct tide_wal_env *env, bool json, tide_wal_sink *sink, void *ctx,
                    struct tide_error *err);

#endif
