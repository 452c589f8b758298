/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segment: two buffers, one submit, and files made ahead.
 *
 * A buffer is bound to its place in a file when its first byte is put, so that references can be
 * made before anything is written. A file that cannot hold a full buffer any more is retired; the
 * spare takes its place, and an offload job closes the one and makes the next spare. Without a
 * spare, cuts are told to wait.
 *
 * Threads: see segment.h. The job's members belong to the offload thread while job.busy.
 */
#include "state/segment.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "state/block.h"

#define RETRY_NS 200000000u

/* A file of the log. */
struct log_file {
    struct tide_file *file; /* NULL: none */
    struct tide_state_file id;
    uint32_t seed;
};

struct buffer {
    uint8_t *bytes;
    uint32_t size, len;
    struct log_file in; /* where it will lie, once len > 0 */
    uint64_t offset;
};

/* Closes a file and makes one, on an offload thread. */
struct prepare {
    struct tide_segment_job job;
    struct tide_segment *segment;
    struct tide_file *close; /* NULL: nothing to close */
    bool make;
    struct log_file made;
    struct tide_error err;
};

struct member {
    bool attached;
    uint64_t cut; /* the newest epoch */
};

struct tide_segment {
    struct tide_state_site site;
    char *dir;
    uint32_t worker;
    struct tide_io *io;
    struct tide_offload_box *box;
    struct buffer buffers[2];
    uint32_t fill;         /* the buffer that cuts write to; the other may be under way */
    bool under_way;        /* buffers[!fill] is submitted, or waits for a repeat */
    bool repeat;           /* ... the latter: there was no space */
    bool wanted;           /* a cut waits for room */
    uint64_t epoch_first;  /* the oldest in the fill buffer */
    uint64_t end, durable; /* positions of the stream */
    struct log_file current, spare, retired;
    uint64_t at; /* in the current file: behind all that is bound */
    uint32_t n_files;
    struct prepare prepare;
    struct member *members;
    uint32_t n_members;
    uint64_t write_at, file_at; /* when to try again; 0: nothing has failed */
    char waiting_write[TIDE_ERROR_TEXT_MAX], waiting_file[TIDE_ERROR_TEXT_MAX]; /* "": not */
    struct tide_error failed; /* code 0: all is well */
    uint32_t jobs;
};

/* ---- files ---- */

/* Makes a file of the log durably: full length, head, name. On an offload thread. */
static int
file_make(struct tide_segment *segment, struct log_file *out_file, struct tide_error *err)
{
    struct tide_io *io = segment->site.io;
    struct log_file made = *out_file;
    char name[TIDE_STATE_NAME_MAX], path[PATH_MAX];
    uint8_t head[TIDE_STATE_HEAD_BYTES];
    tide_state_file_name(&made.id, name);
    snprintf(path, sizeof(path), "%s/%s", segment->dir, name);
    int rc = io->open(io->self, path, TIDE_IO_CREATE, &made.file, err);
    if (rc != 0) {
        return rc;
    }
    made.seed = tide_state_head_write(&made.id, head);
    rc = io->zero(io->self, made.file, TIDE_LIMIT_STATE_FILE, err);
    if (rc == 0) {
        rc = io->write(io->self, made.file, head, sizeof(head), 0, err);
    }
    if (rc == 0) {
        rc = io->sync(io->self, made.file, err);
    }
    if (rc == 0) {
        rc = io->sync_dir(io->self, segment->dir, err);
    }
    if (rc != 0) {
        io->close(io->self, made.file);
        return rc;
    }
    *out_file = made;
    return 0;
}

static int
prepare_run(void *arg)
{
    struct prepare *prepare = arg;
    struct tide_io *io = prepare->segment->site.io;
    if (prepare->close != NULL) {
        io->close(io->self, prepare->close);
        prepare->close = NULL;
    }
    return prepare->make ? file_make(prepare->segment, &prepare->made, &prepare->err) : 0;
}

static uint64_t
retry_time(const struct tide_segment *segment)
{
    return tide_mono_ns(segment->site.seam) + RETRY_NS;
}

static bool
is_time(const struct tide_segment *segment, uint64_t at)
{
    return at == 0 || tide_mono_ns(segment->site.seam) >= at;
}

static void
segment_fail(struct tide_segment *segment, int code, const char *text)
{
    tide_error_set(&segment->failed, code, "change log of worker %u: %s", segment->worker, text);
}

static void
prepare_done(struct tide_segment_job *job, int rc)
{
    struct prepare *prepare = (struct prepare *)(void *)job;
    struct tide_segment *segment = prepare->segment;
    if (rc == 0 && prepare->make) {
        TIDE_ASSERT(segment->spare.file == NULL);
        segment->spare = prepare->made;
        segment->n_files++;
        segment->waiting_file[0] = 0;
        segment->file_at = 0;
    } else if (rc == TIDE_ERR_NOSPACE) {
        snprintf(segment->waiting_file, sizeof(segment->waiting_file), "%s", prepare->err.text);
        segment->file_at = retry_time(segment);
    } else if (rc != 0) {
        segment_fail(segment, rc, prepare->err.text);
    }
}

/* Whether no buffer has to be written to the retired file any more. */
static bool
retired_is_done(const struct tide_segment *segment)
{
    const struct buffer *other = &segment->buffers[!segment->fill];
    return segment->retired.file != NULL &&
           !(segment->under_way && other->in.file == segment->retired.file);
}

/* Starts the job that closes and makes files, when there is something for it. */
static bool
prepare_start(struct tide_segment *segment)
{
    struct prepare *prepare = &segment->prepare;
    const bool closes = retired_is_done(segment),
               makes = segment->spare.file == NULL && is_time(segment, segment->file_at);
    if (prepare->job.busy || (!closes && !makes)) {
        return false;
    }
    prepare->close = closes ? segment->retired.file : NULL;
    prepare->make = makes;
    prepare->made = (struct log_file){.id = {TIDE_STATE_FILE_CHANGES, segment->site.incarnation,
                                             segment->worker, segment->n_files}};
    if (!tide_segment_job_start(segment, &prepare->job)) {
        return false;
    }
    if (closes) {
        segment->retired = (struct log_file){0};
    }
    return true;
}

/* Puts the spare file in the place of the current one. */
static bool
file_roll(struct tide_segment *segment)
{
    if (segment->spare.file == NULL || segment->retired.file != NULL) {
        return false;
    }
    segment->retired = segment->current;
    segment->current = segment->spare;
    segment->spare = (struct log_file){0};
    segment->at = TIDE_STATE_HEAD_BYTES;
    return true;
}

/* ---- buffers ---- */

/* Gives an empty buffer its place in a file. */
static bool
buffer_bind(struct tide_segment *segment, struct buffer *buffer)
{
    TIDE_ASSERT(buffer->len == 0);
    if (segment->at + buffer->size > TIDE_LIMIT_STATE_FILE && segment->at > TIDE_STATE_HEAD_BYTES &&
        !file_roll(segment)) {
        return false;
    }
    buffer->in = segment->current;
    buffer->offset = segment->at;
    return true;
}

/* Another size for an empty buffer; false: no memory, it stays as it is. */
static bool
buffer_resize(struct tide_segment *segment, struct buffer *buffer, uint32_t size)
{
    uint8_t *bytes = tide_chunk_alloc(segment->site.budget, size);
    TIDE_ASSERT(buffer->len == 0);
    if (bytes == NULL) {
        return false;
    }
    tide_chunk_free(buffer->bytes);
    buffer->bytes = bytes;
    buffer->size = size;
    return true;
}

int
tide_segment_room(struct tide_segment *segment, uint32_t need, uint64_t epoch,
                  struct tide_segment_room *out_room)
{
    struct buffer *buffer = &segment->buffers[segment->fill];
    if (segment->failed.code != 0) {
        return TIDE_ERR_NOSPACE;
    }
    if (need > buffer->size - buffer->len) {
        if (buffer->len > 0) {
            segment->wanted = true;
            return TIDE_ERR_NOSPACE;
        }
        if (!buffer_resize(segment, buffer, need)) {
            return TIDE_ERR_LIMIT;
        }
    }
    if (buffer->len == 0) {
        if (!buffer_bind(segment, buffer)) {
            return TIDE_ERR_NOSPACE;
        }
        segment->epoch_first = epoch;
    }
    *out_room = (struct tide_segment_room){
        .at = buffer->bytes + buffer->len,
        .size = buffer->size - buffer->len,
        .file = buffer->in.id,
        .seed = buffer->in.seed,
        .offset = buffer->offset + buffer->len,
    };
    return 0;
}

void
tide_segment_used(struct tide_segment *segment, uint32_t n)
{
    struct buffer *buffer = &segment->buffers[segment->fill];
    TIDE_ASSERT(n <= buffer->size - buffer->len);
    TIDE_ASSERT(buffer->in.file == segment->current.file);
    buffer->len += n;
    segment->at += n;
    segment->end += n;
}

uint64_t
tide_segment_cut(struct tide_segment *segment, uint32_t member, uint64_t epoch)
{
    TIDE_ASSERT(member < segment->n_members);
    TIDE_ASSERT(segment->members[member].cut < epoch);
    segment->members[member].cut = epoch;
    return segment->end;
}

uint64_t
tide_segment_durable(const struct tide_segment *segment)
{
    return segment->durable;
}

uint32_t
tide_segment_worker(const struct tide_segment *segment)
{
    return segment->worker;
}

uint32_t
tide_segment_low(const struct tide_segment *segment)
{
    return segment->current.id.n;
}

/* ---- writing ---- */

/* Whether no member's cut of the oldest epoch in the buffer is missing. */
static bool
epoch_is_whole(const struct tide_segment *segment)
{
    for (uint32_t i = 0; i < segment->n_members; i++) {
        if (segment->members[i].attached && segment->members[i].cut < segment->epoch_first) {
            return false;
        }
    }
    return true;
}

static bool
buffer_write(struct tide_segment *segment, struct buffer *buffer)
{
    const struct tide_io_write write = {.file = buffer->in.file,
                                        .buf = buffer->bytes,
                                        .len = buffer->len,
                                        .offset = buffer->offset};
    int rc = segment->io->submit(segment->io->self, &write);
    if (rc == TIDE_ERR_SYNC) {
        segment_fail(segment, rc, "a write to it failed before");
    }
    return rc == 0;
}

static bool
fill_submit(struct tide_segment *segment)
{
    struct buffer *buffer = &segment->buffers[segment->fill];
    if (segment->under_way || buffer->len == 0 ||
        !(segment->wanted || buffer->len >= buffer->size / 2 || epoch_is_whole(segment))) {
        return false;
    }
    if (!buffer_write(segment, buffer)) {
        return false;
    }
    segment->under_way = true;
    segment->fill = !segment->fill;
    segment->wanted = false;
    return true;
}

static void
write_done(struct tide_segment *segment, const struct tide_io_completion *completion)
{
    struct buffer *buffer = &segment->buffers[!segment->fill];
    TIDE_ASSERT(segment->under_way);
    if (completion->result == TIDE_ERR_NOSPACE) {
        snprintf(segment->waiting_write, sizeof(segment->waiting_write), "no space left in '%s'",
                 segment->dir);
        segment->repeat = true;
        segment->write_at = retry_time(segment);
        return;
    }
    if (completion->result != 0) {
        char text[160];
        snprintf(text, sizeof(text), "cannot be written and synced: %s", strerror(completion->sys));
        segment_fail(segment, completion->result, text);
        return;
    }
    segment->durable += buffer->len;
    segment->under_way = false;
    segment->waiting_write[0] = 0;
    segment->write_at = 0;
    buffer->len = 0;
    if (buffer->size > TIDE_LIMIT_STATE_BUFFER) {
        buffer_resize(segment, buffer, TIDE_LIMIT_STATE_BUFFER);
    }
}

static bool
completions_take(struct tide_segment *segment)
{
    struct tide_io_completion completion;
    bool any = false;
    while (segment->io->poll(segment->io->self, &completion, 1) == 1) {
        write_done(segment, &completion);
        any = true;
    }
    return any;
}

/* ---- jobs ---- */

bool
tide_segment_job_start(struct tide_segment *segment, struct tide_segment_job *job)
{
    TIDE_ASSERT(!job->busy);
    if (tide_offload_submit(segment->box, job->run, job, 0) != 0) {
        return false;
    }
    job->busy = true;
    segment->jobs++;
    return true;
}

static bool
jobs_take(struct tide_segment *segment)
{
    struct tide_offload_done done;
    bool any = false;
    while (tide_offload_poll(segment->box, &done, 1) == 1) {
        struct tide_segment_job *job = done.arg;
        TIDE_ASSERT(job->busy);
        job->busy = false;
        segment->jobs--;
        job->done(job, done.result);
        any = true;
    }
    return any;
}

void
tide_segment_job_wait(struct tide_segment *segment, struct tide_segment_job *job)
{
    while (job->busy) {
        tide_offload_wait(segment->box);
        jobs_take(segment);
    }
}

/* ---- the duty cycle ---- */

bool
tide_segment_advance(struct tide_segment *segment)
{
    bool any = completions_take(segment);
    any |= jobs_take(segment);
    if (segment->failed.code != 0) {
        return any;
    }
    if (segment->repeat && is_time(segment, segment->write_at) &&
        buffer_write(segment, &segment->buffers[!segment->fill])) {
        segment->repeat = false;
        any = true;
    }
    any |= fill_submit(segment);
    return prepare_start(segment) || any;
}

int
tide_segment_failed(const struct tide_segment *segment, struct tide_error *err)
{
    if (segment->failed.code != 0 && err != NULL) {
        *err = segment->failed;
    }
    return segment->failed.code;
}

const char *
tide_segment_waiting(const struct tide_segment *segment)
{
    if (segment->waiting_write[0] != 0) {
        return segment->waiting_write;
    }
    return segment->waiting_file[0] != 0 ? segment->waiting_file : NULL;
}

uint64_t
tide_segment_due(const struct tide_segment *segment)
{
    const uint64_t write_at = segment->repeat ? segment->write_at : UINT64_MAX;
    const uint64_t file_at = segment->file_at != 0 ? segment->file_at : UINT64_MAX;
    return write_at < file_at ? write_at : file_at;
}

bool
tide_segment_busy(const struct tide_segment *segment)
{
    return segment->jobs > 0 ||
           (segment->under_way && !segment->repeat && segment->failed.code == 0);
}

/* ---- members and life ---- */

uint32_t
tide_segment_attach(struct tide_segment *segment)
{
    struct member *members = tide_resize(segment->site.seam, segment->members,
                                         (segment->n_members + 1) * sizeof(*segment->members));
    if (members == NULL) {
        return UINT32_MAX;
    }
    segment->members = members;
    members[segment->n_members] = (struct member){.attached = true};
    return segment->n_members++;
}

void
tide_segment_detach(struct tide_segment *segment, uint32_t member)
{
    TIDE_ASSERT(member < segment->n_members);
    segment->members[member].attached = false;
}

static int
segment_fill_in(struct tide_segment *segment, const struct tide_segment_config *config,
                struct tide_error *err)
{
    const struct tide_state_site *site = config->site;
    segment->site = *site;
    segment->worker = config->worker;
    segment->io = config->io;
    segment->prepare =
        (struct prepare){.job = {.run = prepare_run, .done = prepare_done}, .segment = segment};
    segment->dir = tide_alloc(site->seam, strlen(site->dir) + 1);
    if (segment->dir == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for a change log");
    }
    memcpy(segment->dir, site->dir, strlen(site->dir));
    for (uint32_t i = 0; i < 2; i++) {
        if (!buffer_resize(segment, &segment->buffers[i], TIDE_LIMIT_STATE_BUFFER)) {
            return tide_error_set(err, TIDE_ERR_LIMIT,
                                  "state.memory is too small: a change log needs %u bytes",
                                  2 * TIDE_LIMIT_STATE_BUFFER);
        }
    }
    int rc = tide_offload_box_create(config->offload, config->wake, config->wake_arg, &segment->box,
                                     err);
    if (rc != 0) {
        return rc;
    }
    segment->current.id = (struct tide_state_file){TIDE_STATE_FILE_CHANGES, site->incarnation,
                                                   config->worker, segment->n_files++};
    segment->at = TIDE_STATE_HEAD_BYTES;
    return file_make(segment, &segment->current, err);
}

int
tide_segment_create(const struct tide_segment_config *config, struct tide_segment **out_segment,
                    struct tide_error *err)
{
    struct tide_segment *segment = tide_alloc(config->site->seam, sizeof(*segment));
    if (segment == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for a change log");
    }
    int rc = segment_fill_in(segment, config, err);
    if (rc != 0) {
        tide_segment_destroy(segment);
        return rc;
    }
    *out_segment = segment;
    return 0;
}

/* Waits for the write and the jobs that are under way. */
static void
segment_settle(struct tide_segment *segment)
{
    while (segment->under_way && !segment->repeat && segment->failed.code == 0) {
        segment->io->wait(segment->io->self);
        completions_take(segment);
    }
    if (segment->box != NULL) {
        tide_segment_job_wait(segment, &segment->prepare.job);
    }
}

void
tide_segment_destroy(struct tide_segment *segment)
{
    if (segment == NULL) {
        return;
    }
    const struct tide_seam *seam = segment->site.seam;
    struct tide_io *io = segment->site.io;
    segment_settle(segment);
    for (uint32_t i = 0; i < segment->n_members; i++) {
        TIDE_ASSERT(!segment->members[i].attached);
    }
    io->close(io->self, segment->current.file);
    io->close(io->self, segment->spare.file);
    io->close(io->self, segment->retired.file);
    tide_offload_box_destroy(segment->box);
    tide_chunk_free(segment->buffers[0].bytes);
    tide_chunk_free(segment->buffers[1].bytes);
    tide_free(seam, segment->members);
    tide_free(seam, segment->dir);
    tide_free(seam, segment);
}
