/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending, groups, and their way to the disk. writer.h has the picture and the invariants;
 * changes of segments are roll.c's.
 *
 * Threads: the coordinator. Only begin, flush and close block.
 */
#include "wal/writer.h"

#include <sched.h>
#include <string.h>

#include "base/assert.h"

#define FLIGHT_MAX (2 * ((size_t)TIDE_LIMIT_WAL_BUFFER + TIDE_WAL_BLOCK))
#define WRITE_TAG 1u

void
tide_wal_trouble(struct tide_wal *wal, const struct tide_error *error)
{
    if (wal->trouble == TIDE_WAL_FAILED) {
        return; /* the first reason is the one to tell */
    }
    TIDE_ASSERT(error->code < 0);
    wal->error = *error;
    wal->trouble = error->code == TIDE_ERR_NOSPACE ? TIDE_WAL_WAITING : TIDE_WAL_FAILED;
}

/* ---- the write in flight ---- */

static void
flight_trouble(struct tide_wal *wal, int code, int sys)
{
    struct tide_error error;
    tide_error_set(&error, code, "cannot %s the log in %s: %s",
                   code == TIDE_ERR_NOSPACE ? "write" : "sync", wal->dir,
                   sys != 0 ? strerror(sys) : "storage failed before");
    tide_wal_trouble(wal, &error);
}

void
tide_wal_flight_submit(struct tide_wal *wal)
{
    struct tide_io *io = wal->options.env.io;
    struct tide_io_write write = {
        .file = wal->flight_file,
        .buf = wal->flight.data,
        .len = (uint32_t)wal->flight.len,
        .offset = wal->flight_at,
        .tag = WRITE_TAG,
    };
    TIDE_ASSERT(!wal->submitted);
    int rc = io->submit(io->self, &write);
    TIDE_ASSERT(rc != TIDE_ERR_LIMIT); /* N1, and the instance is ours alone */
    wal->submitted = rc == 0;
    if (rc != 0) {
        flight_trouble(wal, rc, 0);
    }
}

/* Completes the records of an image in place; returns the last one's check sum. */
static uint32_t
image_stamp(struct tide_wal *wal, uint8_t *image, uint64_t len, uint8_t flags)
{
    uint32_t crc = 0;
    for (uint64_t at = 0; at < len;) {
        uint64_t size = tide_wal_record_size(tide_wal_record_len(image + at));
        uint8_t last = at + size == len ? TIDE_WAL_LAST : 0;
        crc =
            tide_wal_record_stamp(wal->seed, image + at, wal->pending.first_lsn - 1, flags | last);
        at += size;
    }
    return crc;
}

/* Makes one group, both images, of everything pending, and submits it. */
static void
group_submit(struct tide_wal *wal)
{
    struct tide_wal_batch *pending = &wal->pending;
    uint64_t blocks = tide_wal_blocks(pending->buf.len);
    uint8_t *room = NULL;
    TIDE_ASSERT(!wal->flight_any);
    TIDE_ASSERT(pending->first_lsn == wal->durable + 1);
    TIDE_ASSERT(wal->end + 2 * blocks <= wal->header.bytes);
    tide_buf_clear(&wal->flight);
    if (tide_buf_reserve(&wal->flight, 2 * blocks, &room) != 0) {
        struct tide_error error;
        tide_error_set(&error, TIDE_ERR_NOMEM, "no memory to write the log in %s", wal->dir);
        tide_wal_trouble(wal, &error);
        return;
    }
    memset(room, 0, 2 * blocks);
    memcpy(room, pending->buf.data, pending->buf.len);
    memcpy(room + blocks, pending->buf.data, pending->buf.len);
    wal->last_crc = image_stamp(wal, room, pending->buf.len, 0);
    image_stamp(wal, room + blocks, pending->buf.len, TIDE_WAL_COPY);
    wal->flight.len = 2 * blocks;
    wal->flight_file = wal->file;
    wal->flight_at = wal->end;
    wal->flight_last = pending->first_lsn + pending->n - 1;
    wal->flight_any = true;
    wal->flight_head = false;
    tide_buf_clear(&pending->buf);
    pending->n = 0;
    tide_wal_flight_submit(wal);
}

static void
flight_ended(struct tide_wal *wal, const struct tide_io_completion *end)
{
    TIDE_ASSERT(end->tag == WRITE_TAG);
    wal->submitted = false;
    if (end->result != 0) {
        flight_trouble(wal, end->result, end->sys);
        return;
    }
    if (wal->trouble == TIDE_WAL_FAILED) {
        return; /* W3: nothing is acknowledged after a failure, whatever it was */
    }
    wal->flight_any = false;
    if (wal->flight_head) {
        tide_wal_roll_written(wal);
    } else {
        TIDE_ASSERT(wal->flight_last > wal->durable);
        wal->durable = wal->flight_last;
        wal->end += wal->flight.len;
    }
}

static void
writes_poll(struct tide_wal *wal)
{
    struct tide_io *io = wal->options.env.io;
    struct tide_io_completion end;
    while (io->poll(io->self, &end, 1) > 0) {
        flight_ended(wal, &end);
    }
}

/* Does what can be done now: the waiting write again, the next group, the next step to a new
 * segment. */
static void
advance(struct tide_wal *wal)
{
    if (wal->trouble != TIDE_WAL_READY) {
        return;
    }
    if (wal->flight_any && !wal->submitted) {
        tide_wal_flight_submit(wal);
    }
    bool drain = wal->roll == TIDE_WAL_ROLL_DRAIN;
    bool asked = wal->pending.n > 0 && wal->pending.first_lsn <= wal->sync_lsn;
    if (!wal->flight_any && wal->pending.n > 0 && (drain || asked)) {
        group_submit(wal);
    }
    if (wal->trouble == TIDE_WAL_READY) {
        tide_wal_roll_step(wal);
    }
}

/* ---- appending ---- */

/* Whether one more record of @size bytes may go into the batch that is being filled (N2). */
static bool
fits(const struct tide_wal *wal, uint64_t size)
{
    uint64_t next = 2 * tide_wal_blocks(wal->next.buf.len + size);
    uint64_t head = TIDE_WAL_BLOCK + tide_wal_blocks(wal->head.len);
    switch (wal->roll) {
    case TIDE_WAL_ROLL_NONE:
        return wal->end + (wal->flight_any ? wal->flight.len : 0) +
                   2 * tide_wal_blocks(wal->pending.buf.len + size) <=
               wal->header.bytes;
    case TIDE_WAL_ROLL_DRAIN:
    case TIDE_WAL_ROLL_SPARE:
        return head + next <= TIDE_LIMIT_WAL_SEGMENT_CEILING;
    case TIDE_WAL_ROLL_HEAD:
    case TIDE_WAL_ROLL_NAME:
        return head + next <= wal->spare_bytes;
    }
    TIDE_UNREACHABLE("a roll state without a rule");
}

static int
append_check(const struct tide_wal *wal, uint32_t len, struct tide_error *err)
{
    if (wal->trouble == TIDE_WAL_FAILED) {
        return tide_error_set(err, wal->error.code, "%s", wal->error.text);
    }
    if (len > TIDE_LIMIT_WAL_RECORD) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "a log record of %u bytes, more than %u", len,
                              TIDE_LIMIT_WAL_RECORD);
    }
    return 0;
}

static int
buffer_full(const struct tide_wal *wal, struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOSPACE, "%u bytes of log records wait to be written to %s",
                          TIDE_LIMIT_WAL_BUFFER, wal->dir);
}

static int
batch_add(struct tide_wal *wal, struct tide_wal_batch *batch, struct tide_wal_raw *raw,
          struct tide_error *err)
{
    uint64_t size = tide_wal_record_size(raw->len);
    uint8_t *room = NULL;
    int rc = tide_buf_reserve(&batch->buf, size, &room);
    if (rc != 0) {
        return rc == TIDE_ERR_LIMIT ? buffer_full(wal, err)
                                    : tide_error_set(err, rc, "no memory for a log record");
    }
    tide_wal_record_encode(raw, room);
    batch->buf.len += size;
    batch->first_lsn = batch->n == 0 ? raw->lsn : batch->first_lsn;
    batch->n++;
    return 0;
}

int
tide_wal_append(struct tide_wal *wal, enum tide_wal_type type, const void *payload, uint32_t len,
                uint64_t *out_lsn, struct tide_error *err)
{
    TIDE_ASSERT(type > 0 && type < TIDE_WAL_TYPE_END);
    TIDE_ASSERT(type != TIDE_WAL_SEGMENT_HEAD);
    uint64_t size = tide_wal_record_size(len);
    int rc = append_check(wal, len, err);
    if (rc == 0 && wal->roll == TIDE_WAL_ROLL_NONE && !fits(wal, size)) {
        rc = tide_wal_roll_begin(wal, err);
    }
    if (rc != 0) {
        return rc;
    }
    if (!fits(wal, size)) {
        return buffer_full(wal, err);
    }
    struct tide_wal_raw raw = {.lsn = wal->next_lsn,
                               .incarnation = (uint32_t)wal->options.incarnation,
                               .len = len,
                               .type = (uint8_t)type,
                               .payload = payload};
    rc = batch_add(wal, wal->roll == TIDE_WAL_ROLL_NONE ? &wal->pending : &wal->next, &raw, err);
    if (rc != 0) {
        return rc;
    }
    *out_lsn = wal->next_lsn++;
    return 0;
}

void
tide_wal_sync(struct tide_wal *wal)
{
    wal->sync_lsn = wal->next_lsn - 1;
    if (wal->trouble == TIDE_WAL_WAITING) {
        wal->trouble = TIDE_WAL_READY; /* the caller thinks there may be space now */
    }
    advance(wal);
}

enum tide_wal_state
tide_wal_poll(struct tide_wal *wal, struct tide_error *err)
{
    tide_wal_jobs_poll(wal);
    writes_poll(wal);
    advance(wal);
    if (wal->trouble != TIDE_WAL_READY) {
        if (err != NULL) {
            *err = wal->error;
        }
        return wal->trouble;
    }
    bool busy = wal->flight_any || wal->roll != TIDE_WAL_ROLL_NONE || wal->durable < wal->sync_lsn;
    return busy ? TIDE_WAL_SYNCING : TIDE_WAL_READY;
}

enum tide_wal_state
tide_wal_flush(struct tide_wal *wal, struct tide_error *err)
{
    struct tide_io *io = wal->options.env.io;
    tide_wal_sync(wal);
    for (;;) {
        enum tide_wal_state state = tide_wal_poll(wal, err);
        if (state != TIDE_WAL_SYNCING) {
            return state;
        }
        if (wal->submitted) {
            io->wait(io->self);
        } else if (wal->spare_busy || wal->name_busy) {
            tide_offload_wait(wal->box);
        } else {
            sched_yield(); /* the offload pool was full: others must get on first */
        }
    }
}

uint64_t
tide_wal_durable(const struct tide_wal *wal)
{
    return wal->durable;
}

uint64_t
tide_wal_last(const struct tide_wal *wal)
{
    return wal->next_lsn - 1;
}

int
tide_wal_roll(struct tide_wal *wal, struct tide_error *err)
{
    int rc = append_check(wal, 0, err);
    if (rc == 0 && wal->roll == TIDE_WAL_ROLL_NONE) {
        rc = tide_wal_roll_begin(wal, err);
    }
    if (rc == 0) {
        advance(wal);
    }
    return rc;
}

void
tide_wal_retain(struct tide_wal *wal, uint64_t lsn)
{
    wal->retain_lsn = lsn > wal->retain_lsn ? lsn : wal->retain_lsn;
    tide_wal_drop_step(wal);
}

/* ---- begin and close ---- */

/* Writes the new segment under its temporary name, then gives it its own. */
static int
segment_write(struct tide_wal *wal, struct tide_error *err)
{
    struct tide_io *io = wal->options.env.io;
    char temp[TIDE_IO_PATH_MAX];
    char path[TIDE_IO_PATH_MAX];
    int rc = tide_wal_head_lay(&wal->header, &wal->head, &wal->flight, &wal->last_crc);
    if (rc != 0) {
        return tide_error_set(err, rc, "no memory for a log segment's head");
    }
    rc = tide_wal_path(wal->dir, wal->header.segment, "tmp", temp, err);
    rc = rc != 0 ? rc : tide_wal_path(wal->dir, wal->header.segment, "log", path, err);
    rc = rc != 0 ? rc : io->mkdir(io->self, wal->dir, err);
    rc = rc != 0 ? rc : io->open(io->self, temp, TIDE_IO_CREATE, &wal->file, err);
    rc = rc != 0 ? rc : io->zero(io->self, wal->file, wal->header.bytes, err);
    rc = rc != 0 ? rc : io->write(io->self, wal->file, wal->flight.data, wal->flight.len, 0, err);
    rc = rc != 0 ? rc : io->sync(io->self, wal->file, err);
    rc = rc != 0 ? rc : io->rename(io->self, temp, path, err);
    return rc != 0 ? rc : io->sync_dir(io->self, wal->dir, err);
}

static void
adopt(struct tide_wal *wal, const struct tide_wal_recovery *recovery)
{
    const struct tide_wal_options *options = &wal->options;
    uint64_t first = recovery->segment_last + 1 - recovery->segments;
    for (uint32_t i = 0; i < recovery->segments; i++) {
        wal->kept[i] = (struct tide_wal_kept){first + i, recovery->first_lsns[i]};
    }
    wal->kept_n = (uint32_t)recovery->segments;
    wal->kept[wal->kept_n++] =
        (struct tide_wal_kept){recovery->segment_last + 1, recovery->next_lsn};
    wal->header = (struct tide_wal_header){
        .id = options->id,
        .segment = recovery->segment_last + 1,
        .first_lsn = recovery->next_lsn,
        .incarnation = options->incarnation,
        .bytes = tide_wal_segment_size(wal->segment_bytes, wal->head.len, 0),
        .prev_crc = recovery->last_crc,
    };
    wal->seed = tide_wal_seed(&options->id, wal->header.segment);
    wal->next_lsn = recovery->next_lsn + 1;
    wal->head_lsn = recovery->next_lsn;
    wal->durable = recovery->next_lsn - 1;
    wal->end = TIDE_WAL_BLOCK + tide_wal_blocks(wal->head.len);
}

static int
begin_check(const struct tide_wal_options *options, const struct tide_wal_recovery *recovery,
            struct tide_error *err)
{
    TIDE_ASSERT(options->incarnation > recovery->incarnation);
    TIDE_ASSERT(options->segment_bytes % TIDE_WAL_BLOCK == 0);
    TIDE_ASSERT(options->segment_bytes <= TIDE_LIMIT_WAL_SEGMENT_CEILING);
    if (options->incarnation > UINT32_MAX) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "the log in %s has seen 2^32 starts",
                              options->env.dir);
    }
    if (recovery->segments >= TIDE_LIMIT_WAL_SEGMENTS) {
        return tide_error_set(err, TIDE_ERR_LIMIT,
                              "the log in %s has %u segments and none was let go", options->env.dir,
                              (unsigned)recovery->segments);
    }
    if (strlen(options->env.dir) >= TIDE_IO_PATH_MAX) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "path too long: %.64s...", options->env.dir);
    }
    return 0;
}

static void
wal_init(struct tide_wal *wal, const struct tide_wal_options *options)
{
    const struct tide_seam *seam = options->env.seam;
    wal->options = *options;
    memcpy(wal->dir, options->env.dir, strlen(options->env.dir) + 1);
    wal->options.env.dir = wal->dir;
    wal->segment_bytes =
        options->segment_bytes != 0 ? options->segment_bytes : TIDE_LIMIT_WAL_SEGMENT;
    tide_buf_init(&wal->pending.buf, seam, TIDE_LIMIT_WAL_BUFFER);
    tide_buf_init(&wal->next.buf, seam, TIDE_LIMIT_WAL_BUFFER);
    tide_buf_init(&wal->flight, seam, FLIGHT_MAX);
    tide_buf_init(&wal->head, seam, tide_wal_record_size(TIDE_LIMIT_WAL_RECORD));
}

int
tide_wal_begin(const struct tide_wal_options *options, const struct tide_wal_recovery *recovery,
               struct tide_wal **out_wal, struct tide_error *err)
{
    int rc = begin_check(options, recovery, err);
    if (rc != 0) {
        return rc;
    }
    struct tide_wal *wal = tide_alloc(options->env.seam, sizeof(*wal));
    if (wal == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the log's writer");
    }
    wal_init(wal, options);
    rc = tide_offload_box_create(options->env.offload, options->wake, options->wake_arg, &wal->box,
                                 err);
    rc = rc != 0 ? rc : tide_wal_head_encode(&wal->options, recovery->next_lsn, &wal->head, err);
    if (rc == 0) {
        adopt(wal, recovery);
        rc = segment_write(wal, err);
    }
    if (rc != 0) {
        tide_wal_close(wal);
        return rc;
    }
    wal->durable = wal->head_lsn;
    *out_wal = wal;
    return 0;
}

void
tide_wal_close(struct tide_wal *wal)
{
    if (wal == NULL) {
        return;
    }
    struct tide_io *io = wal->options.env.io;
    struct tide_io_completion end;
    tide_offload_box_destroy(wal->box);
    while (wal->submitted) {
        io->wait(io->self);
        wal->submitted = io->poll(io->self, &end, 1) == 0;
    }
    /* Files that a job had in its hands, when it was dropped or its end was not taken. */
    io->close(io->self, wal->job_spare.replaced);
    io->close(io->self, wal->job_spare.out_file);
    io->close(io->self, wal->job_name.old);
    io->close(io->self, wal->spare);
    io->close(io->self, wal->file);
    tide_buf_fini(&wal->pending.buf);
    tide_buf_fini(&wal->next.buf);
    tide_buf_fini(&wal->flight);
    tide_buf_fini(&wal->head);
    tide_free(wal->options.env.seam, wal);
}
