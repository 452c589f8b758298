/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's insides, shared by writer.c (records and groups) and roll.c (segments). Private to
 * wal/.
 *
 * Life of a record: append encodes it into `pending` (of the current segment) or, while a change of
 * segments goes on, into `next`; sync stamps pending as one group with both its images into
 * `flight` and submits that; the completion makes it durable.
 *
 * Life of a segment: spare (a temporary file of zeros, made ahead by a job) -> header and head
 * written and synced
 * -> named by a job -> current -> let go -> deleted by a job.
 *
 * Invariants:
 *   N1 at most one write is in flight (W4), and none of a new segment before everything of the old
 * one is durable; N2 pending always fits behind `end` in the current segment as one group; next
 * fits into the spare from the moment its head is submitted; N3 next_lsn = durable + 1 + records in
 * flight, pending, head and next; N4 a job's struct is the job's from submit to its end, and
 * nothing else of the writer is shared.
 *
 * Threads: the coordinator; jobs touch their own struct only.
 */
#ifndef TIDE_WAL_WRITER_H
#define TIDE_WAL_WRITER_H

#include "base/buffer.h"
#include "wal/format.h"

/* Encoded records that wait, and how many. */
struct tide_wal_batch {
    struct tide_buf buf;
    uint64_t first_lsn;
    uint32_t n;
};

/* What a change of segments waits for. */
enum tide_wal_roll {
    TIDE_WAL_ROLL_NONE,
    TIDE_WAL_ROLL_DRAIN, /* until the old segment's records are durable */
    TIDE_WAL_ROLL_SPARE, /* until a spare is there that is large enough */
    TIDE_WAL_ROLL_HEAD,  /* until header and head are durable in it */
    TIDE_WAL_ROLL_NAME,  /* until it has its name, durably */
};

/* Makes a spare. */
struct tide_wal_job_spare {
    struct tide_io *io;
    char path[TIDE_IO_PATH_MAX];
    uint64_t bytes;
    struct tide_file *replaced; /* closed first; NULL: none */
    struct tide_file *out_file;
    struct tide_error error;
};

/* Names the new segment, then closes the old one. */
struct tide_wal_job_name {
    struct tide_io *io;
    char dir[TIDE_IO_PATH_MAX];
    char from[TIDE_IO_PATH_MAX];
    char to[TIDE_IO_PATH_MAX];
    struct tide_file *old;
    struct tide_error error;
};

/* Deletes segments [first, first + n), oldest first. */
struct tide_wal_job_drop {
    struct tide_io *io;
    char dir[TIDE_IO_PATH_MAX];
    uint64_t first;
    uint32_t n;
    uint32_t out_dropped;
    struct tide_error error;
};

/* One kept segment. */
struct tide_wal_kept {
    uint64_t number;
    uint64_t first_lsn;
};

struct tide_wal {
    struct tide_wal_options options;
    char dir[TIDE_IO_PATH_MAX]; /* options.env.dir points here */
    struct tide_offload_box *box;

    /* the current segment */
    struct tide_file *file;
    struct tide_wal_header header;
    uint32_t seed;
    uint64_t end; /* where the next group goes */

    /* records */
    uint64_t next_lsn;
    uint64_t durable;
    uint32_t last_crc; /* of the last record that was submitted, for the chain */
    struct tide_wal_batch pending;
    struct tide_wal_batch next;
    uint64_t sync_lsn; /* the caller asked for everything up to here */

    /* the write in flight, or waiting for space */
    struct tide_buf flight;
    struct tide_file *flight_file;
    uint64_t flight_at;
    uint64_t flight_last; /* LSN that it makes durable */
    bool flight_any;      /* flight holds something that is not durable */
    bool flight_head;     /* it is header and head of the spare */
    bool submitted;       /* storage has it */

    /* changing segments */
    enum tide_wal_roll roll;
    uint64_t segment_bytes; /* what a new segment is made with, when its contents need no more */
    struct tide_buf head;   /* the new segment's head record, encoded */
    uint64_t head_lsn;
    struct tide_wal_header new_header;
    struct tide_file *spare;
    uint64_t spare_bytes;
    bool spare_late; /* the roll had to wait although it was time to have one: segments must grow */
    bool spare_failed; /* no space when it was made ahead: not tried again before it is needed */

    /* jobs */
    bool spare_busy;
    bool name_busy;
    bool drop_busy;
    struct tide_wal_job_spare job_spare;
    struct tide_wal_job_name job_name;
    struct tide_wal_job_drop job_drop;

    /* retention, oldest first; the last one is the current segment */
    struct tide_wal_kept kept[TIDE_LIMIT_WAL_SEGMENTS];
    uint32_t kept_n;
    uint64_t retain_lsn;

    enum tide_wal_state trouble; /* WAITING or FAILED, else READY */
    struct tide_error error;     /* of trouble */
};

/* ---- roll.c ---- */

/* Takes the state from the caller, now, and starts a change of segments. @thread coordinator */
int tide_wal_roll_begin(struct tide_wal *wal, struct tide_error *err);

/* Goes on with a change of segments, and makes a spare ahead when it is time. @thread coordinator
 */
void tide_wal_roll_step(struct tide_wal *wal);

/* Header and head are durable in the spare: names it. @thread coordinator */
void tide_wal_roll_written(struct tide_wal *wal);

/* Takes the ends of jobs. @thread coordinator */
void tide_wal_jobs_poll(struct tide_wal *wal);

/* Encodes the caller's state as the head record @lsn into @out. @thread coordinator */
int tide_wal_head_encode(const struct tide_wal_options *options, uint64_t lsn, struct tide_buf *out,
                         struct tide_error *err);

/* The size for a segment that must hold a head and one group of these sizes. @thread coordinator */
uint64_t tide_wal_segment_size(uint64_t wish, uint64_t head_bytes, uint64_t group_bytes);

/* Lays header block and head record out for writing at offset 0. TIDE_ERR_NOMEM. @thread
 * coordinator */
int tide_wal_head_lay(const struct tide_wal_header *header, struct tide_buf *head,
                      struct tide_buf *out_flight, uint32_t *out_crc);

/* Starts deleting what is not needed, unless that is under way. @thread coordinator */
void tide_wal_drop_step(struct tide_wal *wal);

/* ---- writer.c ---- */

/* Enters a state of trouble with the error's code: NOSPACE waits, all else is for good. @thread
 * coordinator */
void tide_wal_trouble(struct tide_wal *wal, const struct tide_error *error);

/* Submits what is in flight; also again, after NOSPACE. @thread coordinator */
void tide_wal_flight_submit(struct tide_wal *wal);

#endif
