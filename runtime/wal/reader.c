/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery: a legal prefix of what was appended, or a refusal.
 *
 * The rule, for record n where the next group should begin in segment k
 * (docs/reference/wal-format.md has it with its reasons):
 *
 *   R1 both images whole: accept, go on behind them.
 *   R2 proof that n was acknowledged (a valid record behind with durable_lsn >= n, or a later
 * segment that begins behind n), yet not both images whole: damage. Refuse. R3 no proof, one image
 * whole: the last group. It may have been acknowledged (then one block is damaged) or not (then the
 * write was torn). Accept it, and write the other image again before going on. R4 no proof, no
 * image whole: a torn write. Damage to one block cannot do that, so it was not acknowledged. Cut
 * here. R5 zeros up to the end of the file: the clean end. R6 whatever ended it, a later segment
 * must begin with the record that comes next.
 *
 * Header and head of a segment were durable before the file got its name: damage there is always
 * refused, as is a file whose size is not what its header says, a missing number, or a chain (first
 * LSN, previous check sum) that does not fit.
 *
 * Threads: the caller's; blocks. Left to others: mending (mend.c), evidence outside the log.
 */
#include "wal/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#define WHAT_TO_DO                                                                             \
    "nothing was changed; restore the checkpoint directory from a backup, or move it away to " \
    "start anew from the start options"

/* One reading of a log. */
struct scan {
    const struct tide_wal_env *env;
    const struct tide_wal_id *expect;
    tide_wal_visit *visit;
    void *ctx;
    struct tide_wal_recovery found;
    struct tide_wal_tail tail;
    struct tide_error *err;
};

static int
corrupt(struct scan *scan, uint64_t segment, uint64_t offset, const char *what)
{
    return tide_error_set(scan->err, TIDE_ERR_CORRUPT,
                          "the log is damaged: %s/" TIDE_WAL_PREFIX "%016" PRIu64
                          ".log at offset %" PRIu64 ": %s; " WHAT_TO_DO,
                          scan->env->dir, segment, offset, what);
}

static int
visit_raw(struct scan *scan, const struct tide_wal_raw *raw, uint64_t offset)
{
    const struct tide_wal_view *view = &scan->tail.view;
    if (raw->type >= TIDE_WAL_TYPE_END) {
        return tide_error_set(
            scan->err, TIDE_ERR_UNSUPPORTED,
            "the log holds a record of type %u, which this version does not know: "
            "use the version that wrote it, or a newer one",
            raw->type);
    }
    struct tide_wal_record record = {
        .lsn = raw->lsn,
        .durable_lsn = raw->durable_lsn,
        .incarnation = raw->incarnation,
        .type = (enum tide_wal_type)raw->type,
        .payload = raw->payload,
        .len = raw->len,
        .segment = view->header.segment,
        .offset = offset,
    };
    scan->found.records++;
    int rc = scan->visit != NULL ? scan->visit(scan->ctx, &record, scan->err) : 0;
    return rc < 0 ? rc : 0;
}

/* Visits the records of a whole image and moves the end of what was found behind it. */
static int
accept_image(struct scan *scan, const struct tide_wal_image *image)
{
    const struct tide_wal_view *view = &scan->tail.view;
    struct tide_wal_raw raw;
    for (uint64_t at = image->at; at < image->at + image->len;) {
        bool valid = tide_wal_record_decode(view->seed, view->bytes + at, view->size - at, &raw);
        TIDE_ASSERT(valid);
        int rc = visit_raw(scan, &raw, at);
        if (rc != 0) {
            return rc;
        }
        at += tide_wal_record_size(raw.len);
    }
    scan->found.last_crc = image->last_crc;
    scan->found.next_lsn = image->last_lsn + 1;
    return 0;
}

/* ---- header and head ---- */

static int
header_check(struct scan *scan, const uint8_t *bytes, uint64_t size, uint64_t segment,
             struct tide_wal_header *out_header)
{
    uint32_t version = 0;
    if (size < TIDE_WAL_BLOCK) {
        return corrupt(scan, segment, 0, "the file is shorter than its header");
    }
    enum tide_wal_header_state state = tide_wal_header_decode(bytes, out_header, &version);
    if (state == TIDE_WAL_HEADER_NEWER) {
        return tide_error_set(scan->err, TIDE_ERR_UNSUPPORTED,
                              "the log in %s has format version %u, this program reads %u: use the "
                              "version that wrote it, or a newer one",
                              scan->env->dir, version, TIDE_WAL_VERSION);
    }
    if (state == TIDE_WAL_HEADER_DAMAGED) {
        return corrupt(scan, segment, 0, "the header does not match its check sum");
    }
    if (out_header->segment != segment) {
        return corrupt(scan, segment, 0, "the header belongs to another segment");
    }
    if (out_header->bytes != size) {
        return corrupt(scan, segment, size, "the file does not have the size its header says");
    }
    return 0;
}

/* The segment must go on where the one before ended, in the same log. */
static int
chain_check(struct scan *scan, const struct tide_wal_header *header)
{
    const struct tide_wal_recovery *found = &scan->found;
    uint64_t segment = header->segment;
    if (scan->expect != NULL && memcmp(scan->expect, &header->id, sizeof(header->id)) != 0) {
        return corrupt(scan, segment, 0, "the segment belongs to another checkpoint");
    }
    if (found->segments == 0) {
        return header->first_lsn > 0 ? 0 : corrupt(scan, segment, 0, "the header has no first LSN");
    }
    if (memcmp(&found->id, &header->id, sizeof(header->id)) != 0) {
        return corrupt(scan, segment, 0, "the segment belongs to another checkpoint");
    }
    if (header->first_lsn != found->next_lsn) {
        char what[120];
        snprintf(what, sizeof(what),
                 "it begins with record %" PRIu64
                 ", but the segment before ends with record %" PRIu64,
                 header->first_lsn, found->next_lsn - 1);
        return corrupt(scan, segment, 0, what);
    }
    if (header->prev_crc != found->last_crc || header->incarnation < found->incarnation) {
        return corrupt(scan, segment, 0, "the segment before is not the one it was written behind");
    }
    return 0;
}

static int
head_visit(struct scan *scan, uint64_t *out_end)
{
    const struct tide_wal_view *view = &scan->tail.view;
    struct tide_wal_image head;
    bool whole = tide_wal_image_read(view, TIDE_WAL_BLOCK, view->header.first_lsn, false, &head);
    if (!whole || head.first_lsn != head.last_lsn) {
        return corrupt(scan, view->header.segment, TIDE_WAL_BLOCK,
                       "the segment's head record does not match its check sum");
    }
    *out_end = TIDE_WAL_BLOCK + tide_wal_blocks(head.len);
    return accept_image(scan, &head);
}

/* ---- groups ---- */

/* R2 to R4 for the group that should stand at @at. @last: no later segment exists. */
static int
damaged(struct scan *scan, uint64_t at, bool half, const struct tide_wal_group *group, bool last)
{
    const struct tide_wal_view *view = &scan->tail.view;
    struct tide_wal_tail *tail = &scan->tail;
    uint64_t lsn = scan->found.next_lsn;
    uint64_t segment = view->header.segment;
    struct tide_wal_raw proof;
    uint64_t proof_at = 0;
    char what[200];
    if (tide_wal_evidence(view, at, lsn, &proof, &proof_at)) {
        snprintf(what, sizeof(what),
                 "record %" PRIu64 " does not match its check sum%s, but was acknowledged before "
                 "the valid record %" PRIu64 " at offset %" PRIu64 " was written",
                 lsn, half ? " in one of its two places" : "", proof.lsn, proof_at);
        return corrupt(scan, segment, at, what);
    }
    if (!last && half) {
        snprintf(what, sizeof(what),
                 "record %" PRIu64
                 " does not match its check sum in one of its two places, but was "
                 "acknowledged before the next segment was made",
                 lsn);
        return corrupt(scan, segment, at, what);
    }
    if (!last) {
        return 0; /* nothing is missing when the next segment begins with this very record:
                     chain_check */
    }
    tail->at = at;
    tail->end = tide_wal_extent(view, at);
    tail->half = half;
    if (half) {
        tail->group = *group;
        tail->end = tail->end > group->end ? tail->end : group->end;
        scan->found.mended = true;
    }
    scan->found.torn_offset = at;
    scan->found.torn_bytes = tail->end - at;
    return half ? accept_image(scan, &group->image) : 0;
}

static int
groups_visit(struct scan *scan, uint64_t at, bool last)
{
    const struct tide_wal_view *view = &scan->tail.view;
    struct tide_wal_group group = {.end = 0};
    while (at < view->size) {
        enum tide_wal_found what = tide_wal_group_find(view, at, scan->found.next_lsn, &group);
        if (what == TIDE_WAL_GROUP_END) {
            return 0;
        }
        if (what != TIDE_WAL_GROUP_WHOLE) {
            return damaged(scan, at, what == TIDE_WAL_GROUP_HALF, &group, last);
        }
        int rc = accept_image(scan, &group.image);
        if (rc != 0) {
            return rc;
        }
        at = group.end;
    }
    return 0;
}

/* ---- files ---- */

/*
 * Reads the file from its end to its beginning, so that a reader beside a running engine never sees
 * a group without those before it.
 */
static int
file_read(struct scan *scan, struct tide_file *file, uint64_t segment, uint64_t *out_size)
{
    struct tide_io *io = scan->env->io;
    uint64_t size = 0;
    int rc = io->size(io->self, file, &size, scan->err);
    if (rc == 0 && size > TIDE_LIMIT_WAL_SEGMENT_CEILING) {
        rc = corrupt(scan, segment, size, "the file is larger than any segment");
    }
    if (rc != 0) {
        return rc;
    }
    scan->tail.bytes = tide_alloc(scan->env->seam, size + 1);
    if (scan->tail.bytes == NULL) {
        return tide_error_set(scan->err, TIDE_ERR_NOMEM,
                              "no memory to read a log of %" PRIu64 " bytes", size);
    }
    for (uint64_t left = tide_wal_blocks(size); left > 0 && rc == 0; left -= TIDE_WAL_BLOCK) {
        uint64_t at = left - TIDE_WAL_BLOCK;
        uint64_t want = size - at < TIDE_WAL_BLOCK ? size - at : TIDE_WAL_BLOCK;
        size_t got = 0;
        rc = io->read(io->self, file, scan->tail.bytes + at, want, at, &got, scan->err);
        if (rc == 0 && got != want) {
            rc = corrupt(scan, segment, at, "the file became shorter while it was read");
        }
    }
    *out_size = size;
    return rc;
}

/* Brings the bytes of @segment into scan->tail, in place of those of the one before. */
static int
segment_load(struct scan *scan, uint64_t segment, uint64_t *out_size)
{
    struct tide_io *io = scan->env->io;
    char path[TIDE_IO_PATH_MAX];
    struct tide_file *file = NULL;
    tide_free(scan->env->seam, scan->tail.bytes);
    scan->tail.bytes = NULL;
    int rc = tide_wal_path(scan->env->dir, segment, "log", path, scan->err);
    rc = rc != 0 ? rc : io->open(io->self, path, TIDE_IO_READ, &file, scan->err);
    if (rc == 0) {
        rc = file_read(scan, file, segment, out_size);
        io->close(io->self, file);
    }
    return rc;
}

static int
segment_visit(struct scan *scan, uint64_t segment, bool last)
{
    uint64_t size = 0;
    struct tide_wal_view *view = &scan->tail.view;
    int rc = segment_load(scan, segment, &size);
    if (rc == TIDE_ERR_NOTFOUND && scan->found.segments == 0 && !last) {
        return 0; /* the oldest was let go since it was listed, by the engine that runs beside */
    }
    rc = rc != 0 ? rc : header_check(scan, scan->tail.bytes, size, segment, &view->header);
    rc = rc != 0 ? rc : chain_check(scan, &view->header);
    if (rc != 0) {
        return rc;
    }
    view->bytes = scan->tail.bytes;
    view->size = size;
    view->seed = tide_wal_seed(&view->header.id, segment);
    scan->found.id = view->header.id;
    scan->found.incarnation = view->header.incarnation;
    scan->found.first_lsns[scan->found.segments++] = view->header.first_lsn;
    scan->found.segment_last = segment;
    uint64_t end = 0;
    rc = head_visit(scan, &end);
    return rc != 0 ? rc : groups_visit(scan, end, last);
}

/* ---- the directory ---- */

/* Counts the segments that a listing shows. */
struct listing {
    uint64_t first;
    uint64_t last;
    uint64_t n;
};

static int
count_segment(void *ctx, const char *name, bool directory)
{
    struct listing *listing = ctx;
    uint64_t segment = 0;
    if (!directory && tide_wal_name_parse(name, &segment) == TIDE_WAL_NAME_SEGMENT) {
        listing->first = listing->n == 0 || segment < listing->first ? segment : listing->first;
        listing->last = segment > listing->last ? segment : listing->last;
        listing->n++;
    }
    return 0;
}

static int
list_check(struct scan *scan, const struct listing *listing)
{
    if (listing->n == 0) {
        return 0;
    }
    if (listing->last - listing->first + 1 != listing->n) {
        return tide_error_set(scan->err, TIDE_ERR_CORRUPT,
                              "the log is damaged: %s has %" PRIu64
                              " segments, but they are numbered "
                              "%" PRIu64 " to %" PRIu64 ": some are missing; " WHAT_TO_DO,
                              scan->env->dir, listing->n, listing->first, listing->last);
    }
    if (listing->n > TIDE_LIMIT_WAL_SEGMENTS) {
        return tide_error_set(scan->err, TIDE_ERR_LIMIT,
                              "%s has %" PRIu64 " segments, at most %u are read", scan->env->dir,
                              listing->n, TIDE_LIMIT_WAL_SEGMENTS);
    }
    return 0;
}

/* Reads everything; the newest segment's bytes stay in scan->tail for mending. */
static int
scan_run(struct scan *scan)
{
    struct listing listing = {.n = 0};
    struct tide_io *io = scan->env->io;
    struct tide_io_stat stat;
    scan->found = (struct tide_wal_recovery){.next_lsn = 1};
    int rc = io->stat(io->self, scan->env->dir, &stat, scan->err);
    if (rc != 0 || !stat.exists) {
        return rc;
    }
    rc = io->list(io->self, scan->env->dir, count_segment, &listing, scan->err);
    rc = rc != 0 ? rc : list_check(scan, &listing);
    for (uint64_t i = 0; i < listing.n && rc == 0; i++) {
        rc = segment_visit(scan, listing.first + i, i + 1 == listing.n);
    }
    return rc;
}

int
tide_wal_scan(const struct tide_wal_env *env, const struct tide_wal_id *expect,
              tide_wal_visit *visit, void *ctx, struct tide_wal_recovery *out_recovery,
              struct tide_error *err)
{
    struct scan scan = {.env = env, .expect = expect, .visit = visit, .ctx = ctx, .err = err};
    int rc = scan_run(&scan);
    tide_free(env->seam, scan.tail.bytes);
    if (rc == 0) {
        *out_recovery = scan.found;
    }
    return rc;
}

int
tide_wal_recover(const struct tide_wal_env *env, const struct tide_wal_id *expect,
                 tide_wal_visit *visit, void *ctx, struct tide_wal_recovery *out_recovery,
                 struct tide_error *err)
{
    struct scan scan = {.env = env, .expect = expect, .visit = visit, .ctx = ctx, .err = err};
    int rc = scan_run(&scan);
    if (rc == 0 && scan.tail.at != 0) {
        rc = tide_wal_mend(env, &scan.tail, err);
    }
    tide_free(env->seam, scan.tail.bytes);
    rc = rc != 0 ? rc : tide_wal_tidy(env, err);
    if (rc == 0) {
        *out_recovery = scan.found;
    }
    return rc;
}
