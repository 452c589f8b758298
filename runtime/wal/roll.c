/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of the writer: spares made ahead, the change from one to the next, deletion of old ones.
 *
 * A change of segments begins where the caller's state is taken (the head), and everything appended
 * after that belongs to the new segment. Order: old records durable, then header and head durable
 * in the spare, then its name durable, then new records. A crash in between finds the old segment
 * alone, or both, each complete; an unnamed spare is nothing.
 *
 * Threads: the coordinator; the functions named job_* run on offload threads and see their job only
 * (N4).
 */
#include "wal/writer.h"

#include <string.h>

#include "base/assert.h"

enum job_id {
    JOB_SPARE = 1,
    JOB_NAME,
    JOB_DROP,
};

/* ---- jobs ---- */

static int
job_spare_run(void *arg)
{
    struct tide_wal_job_spare *job = arg;
    struct tide_io *io = job->io;
    struct tide_file *file = NULL;
    io->close(io->self, job->replaced);
    job->replaced = NULL;
    int rc = io->open(io->self, job->path, TIDE_IO_CREATE, &file, &job->error);
    rc = rc != 0 ? rc : io->zero(io->self, file, job->bytes, &job->error);
    rc = rc != 0 ? rc : io->sync(io->self, file, &job->error);
    if (rc != 0) {
        io->close(io->self, file);
        return rc;
    }
    job->out_file = file;
    return 0;
}

static int
job_name_run(void *arg)
{
    struct tide_wal_job_name *job = arg;
    struct tide_io *io = job->io;
    int rc = io->rename(io->self, job->from, job->to, &job->error);
    rc = rc != 0 ? rc : io->sync_dir(io->self, job->dir, &job->error);
    if (rc == 0) {
        io->close(io->self, job->old);
        job->old = NULL;
    }
    return rc;
}

/* One after the other, each durably gone before the next: a gap in the numbers would look like
 * damage. */
static int
job_drop_run(void *arg)
{
    struct tide_wal_job_drop *job = arg;
    struct tide_io *io = job->io;
    int rc = 0;
    while (job->out_dropped < job->n && rc == 0) {
        char path[TIDE_IO_PATH_MAX];
        rc = tide_wal_path(job->dir, job->first + job->out_dropped, "log", path, &job->error);
        rc = rc != 0 ? rc : io->unlink(io->self, path, &job->error);
        rc = rc != 0 ? rc : io->sync_dir(io->self, job->dir, &job->error);
        job->out_dropped += rc == 0 ? 1 : 0;
    }
    return rc;
}

/* ---- heads ---- */

uint64_t
tide_wal_segment_size(uint64_t wish, uint64_t head_bytes, uint64_t group_bytes)
{
    uint64_t head = tide_wal_blocks(head_bytes);
    uint64_t group = 2 * tide_wal_blocks(group_bytes);
    uint64_t need = TIDE_WAL_BLOCK + head + group;
    uint64_t bytes = wish;
    /* A head should be a small part of its segment, or the log would consist of heads. */
    while (bytes < TIDE_WAL_BLOCK + 4 * head + 2 * group &&
           bytes < TIDE_LIMIT_WAL_SEGMENT_CEILING) {
        bytes *= 2;
    }
    bytes = bytes < TIDE_LIMIT_WAL_SEGMENT_CEILING ? bytes : TIDE_LIMIT_WAL_SEGMENT_CEILING;
    TIDE_ASSERT(bytes >= need);
    return bytes;
}

int
tide_wal_head_encode(const struct tide_wal_options *options, uint64_t lsn, struct tide_buf *out,
                     struct tide_error *err)
{
    struct tide_buf state;
    tide_buf_init(&state, options->env.seam, TIDE_LIMIT_WAL_RECORD);
    int rc = options->head(options->head_ctx, &state);
    if (rc == 0) {
        tide_buf_clear(out);
        uint8_t *room = NULL;
        rc = tide_buf_reserve(out, tide_wal_record_size(state.len), &room);
        if (rc == 0) {
            struct tide_wal_raw raw = {.lsn = lsn,
                                       .incarnation = (uint32_t)options->incarnation,
                                       .len = (uint32_t)state.len,
                                       .type = TIDE_WAL_SEGMENT_HEAD,
                                       .payload = state.data};
            tide_wal_record_encode(&raw, room);
            out->len += tide_wal_record_size(state.len);
        }
    }
    tide_buf_fini(&state);
    return rc == 0 ? 0
                   : tide_error_set(err, rc,
                                    "cannot put the whole state into the head of a log segment "
                                    "(at most %u bytes)",
                                    TIDE_LIMIT_WAL_RECORD);
}

int
tide_wal_head_lay(const struct tide_wal_header *header, struct tide_buf *head,
                  struct tide_buf *out_flight, uint32_t *out_crc)
{
    uint64_t size = TIDE_WAL_BLOCK + tide_wal_blocks(head->len);
    uint8_t *room = NULL;
    tide_buf_clear(out_flight);
    int rc = tide_buf_reserve(out_flight, size, &room);
    if (rc != 0) {
        return TIDE_ERR_NOMEM;
    }
    memset(room, 0, size);
    tide_wal_header_encode(header, room);
    memcpy(room + TIDE_WAL_BLOCK, head->data, head->len);
    *out_crc = tide_wal_record_stamp(tide_wal_seed(&header->id, header->segment),
                                     room + TIDE_WAL_BLOCK, header->first_lsn - 1, TIDE_WAL_LAST);
    out_flight->len = size;
    return 0;
}

/* ---- spares ---- */

static void
spare_make(struct tide_wal *wal, uint64_t bytes)
{
    struct tide_wal_job_spare *job = &wal->job_spare;
    TIDE_ASSERT(!wal->spare_busy);
    *job = (struct tide_wal_job_spare){
        .io = wal->options.env.io, .bytes = bytes, .replaced = wal->spare};
    int rc = tide_wal_path(wal->dir, wal->header.segment + 1, "tmp", job->path, &job->error);
    if (rc != 0) {
        tide_wal_trouble(wal, &job->error);
        return;
    }
    /* A full pool is no trouble: the next poll tries again. */
    if (tide_offload_submit(wal->box, job_spare_run, job, JOB_SPARE) == 0) {
        wal->spare = NULL;
        wal->spare_busy = true;
    } else {
        job->replaced = NULL;
    }
}

static void
spare_ended(struct tide_wal *wal, int result)
{
    wal->spare_busy = false;
    if (result == 0) {
        wal->spare = wal->job_spare.out_file;
        wal->spare_bytes = wal->job_spare.bytes;
        wal->job_spare.out_file = NULL;
    } else if (result == TIDE_ERR_NOSPACE && wal->roll != TIDE_WAL_ROLL_SPARE) {
        wal->spare_failed = true; /* made ahead; somebody may free space before it is needed */
    } else {
        wal->job_spare.error.code = result;
        tide_wal_trouble(wal, &wal->job_spare.error);
    }
}

/* ---- the change ---- */

int
tide_wal_roll_begin(struct tide_wal *wal, struct tide_error *err)
{
    TIDE_ASSERT(wal->roll == TIDE_WAL_ROLL_NONE);
    if (wal->kept_n >= TIDE_LIMIT_WAL_SEGMENTS / 2) {
        return tide_error_set(err, TIDE_ERR_LIMIT,
                              "the log in %s has %u segments and none was let go", wal->dir,
                              wal->kept_n);
    }
    int rc = tide_wal_head_encode(&wal->options, wal->next_lsn, &wal->head, err);
    if (rc != 0) {
        return rc;
    }
    wal->head_lsn = wal->next_lsn++;
    wal->roll = TIDE_WAL_ROLL_DRAIN;
    return 0;
}

static void
head_submit(struct tide_wal *wal)
{
    wal->new_header = (struct tide_wal_header){
        .id = wal->options.id,
        .segment = wal->header.segment + 1,
        .first_lsn = wal->head_lsn,
        .incarnation = wal->options.incarnation,
        .bytes = wal->spare_bytes,
        .prev_crc = wal->last_crc,
    };
    TIDE_ASSERT(wal->durable + 1 == wal->head_lsn);
    int rc = tide_wal_head_lay(&wal->new_header, &wal->head, &wal->flight, &wal->last_crc);
    if (rc != 0) {
        struct tide_error error = {
            .code = rc, .at = -1, .text = "no memory for a log segment's head"};
        tide_wal_trouble(wal, &error);
        return;
    }
    wal->flight_file = wal->spare;
    wal->flight_at = 0;
    wal->flight_last = wal->head_lsn;
    wal->flight_any = true;
    wal->flight_head = true;
    wal->roll = TIDE_WAL_ROLL_HEAD;
    tide_wal_flight_submit(wal);
}

static void
spare_use(struct tide_wal *wal)
{
    uint64_t need =
        TIDE_WAL_BLOCK + tide_wal_blocks(wal->head.len) + 2 * tide_wal_blocks(wal->next.buf.len);
    if (wal->spare_busy) {
        return;
    }
    if (wal->spare != NULL && wal->spare_bytes >= need) {
        head_submit(wal);
    } else {
        spare_make(wal,
                   tide_wal_segment_size(wal->segment_bytes, wal->head.len, wal->next.buf.len));
    }
}

static void
name_submit(struct tide_wal *wal)
{
    struct tide_wal_job_name *job = &wal->job_name;
    uint64_t segment = wal->new_header.segment;
    job->io = wal->options.env.io;
    job->error = (struct tide_error){.code = 0};
    memcpy(job->dir, wal->dir, sizeof(job->dir));
    int rc = tide_wal_path(wal->dir, segment, "tmp", job->from, &job->error);
    rc = rc != 0 ? rc : tide_wal_path(wal->dir, segment, "log", job->to, &job->error);
    if (rc != 0) {
        tide_wal_trouble(wal, &job->error);
        return;
    }
    if (wal->file != NULL) {
        job->old = wal->file;
        wal->file = NULL;
    }
    wal->name_busy = tide_offload_submit(wal->box, job_name_run, job, JOB_NAME) == 0;
}

void
tide_wal_roll_written(struct tide_wal *wal)
{
    TIDE_ASSERT(wal->roll == TIDE_WAL_ROLL_HEAD);
    wal->roll = TIDE_WAL_ROLL_NAME;
    name_submit(wal);
}

/* The new segment is the current one from here on. */
static void
name_ended(struct tide_wal *wal, int result)
{
    wal->name_busy = false;
    if (result != 0) {
        wal->job_name.error.code = result;
        tide_wal_trouble(wal, &wal->job_name.error);
        return;
    }
    TIDE_ASSERT(wal->kept_n < TIDE_LIMIT_WAL_SEGMENTS);
    wal->kept[wal->kept_n++] = (struct tide_wal_kept){.number = wal->new_header.segment,
                                                      .first_lsn = wal->new_header.first_lsn};
    wal->file = wal->spare;
    wal->spare = NULL;
    wal->header = wal->new_header;
    wal->seed = tide_wal_seed(&wal->header.id, wal->header.segment);
    wal->end = TIDE_WAL_BLOCK + tide_wal_blocks(wal->head.len);
    wal->durable = wal->head_lsn;
    TIDE_ASSERT(wal->pending.n == 0);
    struct tide_wal_batch empty = wal->pending;
    wal->pending = wal->next;
    wal->next = empty;
    if (wal->spare_late && wal->segment_bytes < TIDE_LIMIT_WAL_SEGMENT_CEILING) {
        wal->segment_bytes *= 2;
    }
    wal->spare_late = false;
    wal->spare_failed = false;
    wal->roll = TIDE_WAL_ROLL_NONE;
    tide_wal_drop_step(wal);
}

void
tide_wal_roll_step(struct tide_wal *wal)
{
    bool half = wal->end > wal->header.bytes / 2;
    switch (wal->roll) {
    case TIDE_WAL_ROLL_NONE:
        if (half && wal->spare == NULL && !wal->spare_busy && !wal->spare_failed) {
            spare_make(wal, tide_wal_segment_size(wal->segment_bytes, wal->head.len, 0));
        }
        break;
    case TIDE_WAL_ROLL_DRAIN:
        if (wal->pending.n == 0 && !wal->flight_any) {
            wal->spare_late = half && wal->spare == NULL && !wal->spare_failed;
            wal->roll = TIDE_WAL_ROLL_SPARE;
            spare_use(wal);
        }
        break;
    case TIDE_WAL_ROLL_SPARE:
        spare_use(wal);
        break;
    case TIDE_WAL_ROLL_HEAD:
        break; /* its completion comes through poll */
    case TIDE_WAL_ROLL_NAME:
        if (!wal->name_busy) {
            name_submit(wal);
        }
        break;
    }
}

/* ---- retention ---- */

void
tide_wal_drop_step(struct tide_wal *wal)
{
    uint32_t n = 0;
    while (n + 1 < wal->kept_n && wal->kept[n + 1].first_lsn <= wal->retain_lsn) {
        n++;
    }
    if (n == 0 || wal->drop_busy) {
        return;
    }
    wal->job_drop =
        (struct tide_wal_job_drop){.io = wal->options.env.io, .first = wal->kept[0].number, .n = n};
    memcpy(wal->job_drop.dir, wal->dir, sizeof(wal->job_drop.dir));
    wal->drop_busy = tide_offload_submit(wal->box, job_drop_run, &wal->job_drop, JOB_DROP) == 0;
}

static void
drop_ended(struct tide_wal *wal, int result)
{
    uint32_t dropped = wal->job_drop.out_dropped;
    wal->drop_busy = false;
    TIDE_ASSERT(dropped < wal->kept_n);
    memmove(wal->kept, wal->kept + dropped, (wal->kept_n - dropped) * sizeof(wal->kept[0]));
    wal->kept_n -= dropped;
    /* A file that cannot be deleted costs space only; it is tried again with the next retain. */
    if (result == TIDE_ERR_SYNC) {
        tide_wal_trouble(wal, &wal->job_drop.error);
    }
}

void
tide_wal_jobs_poll(struct tide_wal *wal)
{
    struct tide_offload_done done[JOB_DROP];
    uint32_t n = tide_offload_poll(wal->box, done, JOB_DROP);
    for (uint32_t i = 0; i < n; i++) {
        switch ((enum job_id)done[i].id) {
        case JOB_SPARE:
            spare_ended(wal, done[i].result);
            break;
        case JOB_NAME:
            name_ended(wal, done[i].result);
            break;
        case JOB_DROP:
            drop_ended(wal, done[i].result);
            break;
        }
    }
}
