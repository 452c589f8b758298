/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage by io_uring: a durable write is a write and an fdatasync, soft-linked, in one submission.
 *
 * Threads: the owner only (submit, poll, wait); the kernel's workers do the blocking part.
 *
 * Invariants:
 *   U1 never a hard link: behind one the fdatasync runs, and succeeds, after a short write. A soft
 * link is broken by a short write, and the fdatasync ends with ECANCELED. U2 success is both: write
 * result == len, and fdatasync result == 0. U3 chains do not cross submission calls. When the
 * kernel takes only a part of what is queued, every operation of that call counts as torn apart and
 * is done again as a whole (its fdatasync may have overtaken its write). U4 a slot is reused only
 * after both completions came.
 *
 * Left to others: what to do without space or after a failed sync (the caller), control calls
 * (posix.c).
 */
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "io/real.h"

#define SQES_PER_WRITE 2u
#define PARTS_BOTH 3u /* bit 0: write ended, bit 1: fdatasync ended */
#define PROBE_DATA UINT64_MAX

/* One write under way. */
struct slot {
    struct tide_io_write write;
    int32_t result[SQES_PER_WRITE]; /* of write and fdatasync */
    uint32_t parts;                 /* which of the two ended */
    uint32_t repeats;
    bool used;
    bool queued; /* in the submission ring, not taken by the kernel */
    bool torn;   /* U3 */
};

struct uring {
    struct tide_posix posix; /* first: control calls */
    struct io_uring ring;
    struct tide_io io;
    uint32_t under_way;
    uint32_t ready_n;
    struct slot slots[TIDE_LIMIT_IO_DEPTH];
    struct tide_io_completion ready[TIDE_LIMIT_IO_DEPTH];
};

/* Makes the owner poll again. */
static void
self_wake(struct uring *uring)
{
    uint64_t one = 1;
    (void)!write(uring->io.fd, &one, sizeof(one));
}

static void
flush(struct uring *uring)
{
    if (io_uring_sq_ready(&uring->ring) == 0) {
        return;
    }
    /* A negative result (no memory, EBUSY, a signal) leaves everything queued for the next poll. */
    (void)io_uring_submit(&uring->ring);
    bool all = io_uring_sq_ready(&uring->ring) == 0;
    if (!all) {
        self_wake(uring);
    }
    for (uint32_t i = 0; i < TIDE_LIMIT_IO_DEPTH; i++) {
        struct slot *slot = &uring->slots[i];
        slot->torn = slot->torn || (slot->queued && !all);
        slot->queued = slot->queued && !all;
    }
}

static void
queue(struct uring *uring, uint32_t i)
{
    struct slot *slot = &uring->slots[i];
    const struct tide_io_write *write = &slot->write;
    struct io_uring_sqe *data = io_uring_get_sqe(&uring->ring);
    TIDE_ASSERT(data != NULL);
    struct io_uring_sqe *sync = io_uring_get_sqe(&uring->ring);
    TIDE_ASSERT(sync != NULL);
    io_uring_prep_write(data, write->file->fd, write->buf, write->len, write->offset);
    io_uring_sqe_set_flags(data, IOSQE_IO_LINK);
    data->user_data = (uint64_t)i * SQES_PER_WRITE;
    io_uring_prep_fsync(sync, write->file->fd, IORING_FSYNC_DATASYNC);
    sync->user_data = (uint64_t)i * SQES_PER_WRITE + 1;
    slot->parts = 0;
    slot->torn = false;
    slot->queued = true;
    flush(uring);
}

static void
finish(struct uring *uring, struct slot *slot, int32_t result, int sys)
{
    TIDE_ASSERT(uring->ready_n < TIDE_LIMIT_IO_DEPTH);
    struct tide_file *file = slot->write.file;
    file->failed = file->failed || result == TIDE_ERR_SYNC;
    uring->ready[uring->ready_n++] = (struct tide_io_completion){
        .tag = slot->write.tag, .result = file->failed ? TIDE_ERR_SYNC : result, .sys = sys};
    slot->used = false;
    uring->under_way--;
}

static void
repeat(struct uring *uring, uint32_t i, int sys)
{
    struct slot *slot = &uring->slots[i];
    if (slot->repeats == TIDE_LIMIT_IO_REPEATS) {
        finish(uring, slot, TIDE_ERR_SYNC, sys);
        return;
    }
    slot->repeats++;
    queue(uring, i);
}

/* Both parts ended: decides what the write came to. The failed fdatasync comes first: it sticks. */
static void
decide(struct uring *uring, uint32_t i)
{
    struct slot *slot = &uring->slots[i];
    int32_t wrote = slot->result[0];
    int32_t synced = slot->result[1];
    if (synced < 0 && !tide_posix_again(-synced)) {
        finish(uring, slot, TIDE_ERR_SYNC, -synced);
    } else if (wrote < 0 && !tide_posix_again(-wrote)) {
        finish(uring, slot, tide_posix_write_code(-wrote), -wrote);
    } else if (wrote >= 0 && (uint32_t)wrote < slot->write.len) {
        finish(uring, slot, TIDE_ERR_NOSPACE, ENOSPC);
    } else if (wrote < 0 || synced < 0 || slot->torn) {
        repeat(uring, i, wrote < 0 ? -wrote : -synced);
    } else {
        finish(uring, slot, 0, 0);
    }
}

static void
reap(struct uring *uring)
{
    struct io_uring_cqe *cqe = NULL;
    while (io_uring_peek_cqe(&uring->ring, &cqe) == 0) {
        uint32_t i = (uint32_t)(cqe->user_data / SQES_PER_WRITE);
        uint32_t part = (uint32_t)(cqe->user_data % SQES_PER_WRITE);
        TIDE_ASSERT(i < TIDE_LIMIT_IO_DEPTH);
        struct slot *slot = &uring->slots[i];
        TIDE_ASSERT(slot->used);
        slot->result[part] = cqe->res;
        slot->parts |= 1u << part;
        io_uring_cqe_seen(&uring->ring, cqe);
        if (slot->parts == PARTS_BOTH) {
            decide(uring, i);
        }
    }
}

static int
uring_submit(void *self, const struct tide_io_write *write)
{
    struct uring *uring = self;
    TIDE_ASSERT(write->len > 0);
    if (write->file->failed) {
        return TIDE_ERR_SYNC;
    }
    /* What is ready but not polled counts too: its completion has a place already. */
    if (uring->under_way + uring->ready_n == TIDE_LIMIT_IO_DEPTH) {
        return TIDE_ERR_LIMIT;
    }
    uint32_t i = 0;
    while (uring->slots[i].used) {
        i++;
    }
    uring->slots[i] = (struct slot){.write = *write, .used = true};
    uring->under_way++;
    queue(uring, i);
    return 0;
}

static uint32_t
uring_poll(void *self, struct tide_io_completion *out, uint32_t max)
{
    struct uring *uring = self;
    uint64_t count;
    (void)!read(uring->io.fd, &count, sizeof(count)); /* before reaping, so that no news is lost */
    flush(uring);
    reap(uring);
    uint32_t n = uring->ready_n < max ? uring->ready_n : max;
    memcpy(out, uring->ready, n * sizeof(*out));
    uring->ready_n -= n;
    memmove(uring->ready, uring->ready + n, uring->ready_n * sizeof(*out));
    if (uring->ready_n > 0) {
        self_wake(uring);
    }
    return n;
}

static void
uring_wait(void *self)
{
    struct uring *uring = self;
    reap(uring);
    while (uring->ready_n == 0 && uring->under_way > 0) {
        struct io_uring_cqe *cqe = NULL;
        flush(uring);
        if (io_uring_sq_ready(&uring->ring) == 0) {
            int rc = io_uring_wait_cqe(&uring->ring, &cqe);
            TIDE_ASSERT(rc == 0 || tide_posix_again(-rc));
        }
        reap(uring);
    }
}

static void
uring_destroy(struct tide_io *io)
{
    struct uring *uring = io->self;
    while (uring->under_way > 0) {
        uring_wait(uring);
        uring->ready_n = 0;
    }
    io_uring_queue_exit(&uring->ring);
    close(uring->io.fd);
    tide_free(uring->posix.seam, uring);
}

/* One round trip proves more than a successful set-up: filters may forbid only the entering. */
static int
round_trip(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe->user_data = PROBE_DATA;
    int rc = io_uring_submit(ring);
    if (rc != 1) {
        return rc < 0 ? rc : -EIO;
    }
    struct io_uring_cqe *cqe = NULL;
    do {
        rc = io_uring_wait_cqe(ring, &cqe);
    } while (rc == -EINTR);
    if (rc == 0) {
        io_uring_cqe_seen(ring, cqe);
    }
    return rc;
}

static int
probe(struct io_uring *ring)
{
    struct io_uring_probe *known = io_uring_get_probe_ring(ring);
    if (known == NULL) {
        return -ENOSYS;
    }
    bool enough = io_uring_opcode_supported(known, IORING_OP_WRITE) &&
                  io_uring_opcode_supported(known, IORING_OP_FSYNC);
    io_uring_free_probe(known);
    return enough ? round_trip(ring) : -ENOSYS;
}

static int
uring_init(struct uring *uring)
{
    uring->io.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (uring->io.fd < 0) {
        return -errno;
    }
    int rc = io_uring_queue_init(TIDE_LIMIT_IO_DEPTH * SQES_PER_WRITE, &uring->ring, 0);
    if (rc != 0) {
        close(uring->io.fd);
        return rc;
    }
    rc = probe(&uring->ring);
    rc = rc != 0 ? rc : io_uring_register_eventfd(&uring->ring, uring->io.fd);
    if (rc != 0) {
        io_uring_queue_exit(&uring->ring);
        close(uring->io.fd);
    }
    return rc;
}

int
tide_uring_create(const struct tide_seam *seam, struct tide_io **out_io, struct tide_error *err)
{
    struct uring *uring = tide_alloc(seam, sizeof(*uring));
    if (uring == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for an io_uring instance");
    }
    uring->posix.seam = seam;
    int rc = uring_init(uring);
    if (rc != 0) {
        tide_free(seam, uring);
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED,
                              "io_uring is not permitted here (%s): use io: auto or io: plain",
                              strerror(-rc));
    }
    tide_posix_fill(&uring->io);
    uring->io.self = uring;
    uring->io.name = "io_uring";
    uring->io.submit = uring_submit;
    uring->io.poll = uring_poll;
    uring->io.wait = uring_wait;
    uring->io.destroy = uring_destroy;
    *out_io = &uring->io;
    return 0;
}
