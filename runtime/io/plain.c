/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage by plain system calls: pwrite and fdatasync on a thread of the instance.
 *
 * Threads: the owner (submit, poll, wait) and one thread that does the writes in order of
 * submission. They share two bounded queues under a mutex that is never held across a system call
 * that blocks.
 *
 * Invariants:
 *   L1 submitted - polled <= TIDE_LIMIT_IO_DEPTH, so a place of either queue is free when it is put
 * into, and a write stays readable until its end was polled. L2 a file's failed flag is the
 * owner's: the thread reports, poll sets it, and every later end of the same file turns into
 * TIDE_ERR_SYNC there (ends come in order).
 *
 * Left to others: control calls (posix.c).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "io/real.h"

struct plain {
    struct tide_posix posix; /* first: control calls */
    struct tide_io io;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t more;  /* a write was submitted, or stop */
    pthread_cond_t ended; /* a write ended */
    bool stop;
    uint32_t polled; /* the three counters run freely: polled <= done <= submitted */
    uint32_t done;
    uint32_t submitted;
    struct tide_io_write writes[TIDE_LIMIT_IO_DEPTH];    /* [polled, submitted) */
    struct tide_io_completion ends[TIDE_LIMIT_IO_DEPTH]; /* [polled, done) */
};

static uint32_t
place(uint32_t counter)
{
    return counter % TIDE_LIMIT_IO_DEPTH;
}

/* 0 or a negative code with *out_sys; *out_again: nothing failed, the same once more (F3). */
static int
write_once(const struct tide_io_write *write, int *out_sys, bool *out_again)
{
    ssize_t n = pwrite(write->file->fd, write->buf, write->len, (off_t)write->offset);
    int sys = n < 0 ? errno : 0;
    if (n >= 0 && (size_t)n < write->len) {
        *out_sys = ENOSPC;
        return TIDE_ERR_NOSPACE;
    }
    int code = n < 0 ? tide_posix_write_code(sys) : 0;
    if (n >= 0 && fdatasync(write->file->fd) != 0) {
        sys = errno;
        code = TIDE_ERR_SYNC;
    }
    *out_again = code != 0 && tide_posix_again(sys);
    *out_sys = sys;
    return code;
}

static struct tide_io_completion
write_durably(const struct tide_io_write *write)
{
    bool again = false;
    int sys = 0;
    int code = 0;
    uint32_t repeats = 0;
    do {
        again = false;
        code = write_once(write, &sys, &again);
        repeats++;
    } while (again && repeats <= TIDE_LIMIT_IO_REPEATS);
    return (struct tide_io_completion){.tag = write->tag, .result = code, .sys = sys};
}

static void *
plain_run(void *arg)
{
    struct plain *plain = arg;
    pthread_mutex_lock(&plain->mutex);
    for (;;) {
        while (plain->done == plain->submitted && !plain->stop) {
            pthread_cond_wait(&plain->more, &plain->mutex);
        }
        if (plain->done == plain->submitted) {
            break;
        }
        struct tide_io_write next = plain->writes[place(plain->done)];
        pthread_mutex_unlock(&plain->mutex);
        struct tide_io_completion end = write_durably(&next);
        pthread_mutex_lock(&plain->mutex);
        plain->ends[place(plain->done)] = end;
        plain->done++;
        pthread_cond_signal(&plain->ended);
        uint64_t one = 1;
        (void)!write(plain->io.fd, &one, sizeof(one));
    }
    pthread_mutex_unlock(&plain->mutex);
    return NULL;
}

static int
plain_submit(void *self, const struct tide_io_write *write)
{
    struct plain *plain = self;
    TIDE_ASSERT(write->len > 0);
    if (write->file->failed) {
        return TIDE_ERR_SYNC;
    }
    int rc = TIDE_ERR_LIMIT;
    pthread_mutex_lock(&plain->mutex);
    if (plain->submitted - plain->polled < TIDE_LIMIT_IO_DEPTH) {
        plain->writes[place(plain->submitted)] = *write;
        plain->submitted++;
        pthread_cond_signal(&plain->more);
        rc = 0;
    }
    pthread_mutex_unlock(&plain->mutex);
    return rc;
}

static uint32_t
plain_poll(void *self, struct tide_io_completion *out, uint32_t max)
{
    struct plain *plain = self;
    uint64_t count;
    (void)!read(plain->io.fd, &count, sizeof(count)); /* before looking, so that no news is lost */
    uint32_t n = 0;
    pthread_mutex_lock(&plain->mutex);
    for (; n < max && plain->polled != plain->done; n++, plain->polled++) {
        struct tide_file *file = plain->writes[place(plain->polled)].file;
        out[n] = plain->ends[place(plain->polled)];
        file->failed = file->failed || out[n].result == TIDE_ERR_SYNC;
        out[n].result = file->failed ? TIDE_ERR_SYNC : out[n].result;
    }
    bool left = plain->polled != plain->done;
    pthread_mutex_unlock(&plain->mutex);
    if (left) {
        uint64_t one = 1;
        (void)!write(plain->io.fd, &one, sizeof(one));
    }
    return n;
}

static void
plain_wait(void *self)
{
    struct plain *plain = self;
    pthread_mutex_lock(&plain->mutex);
    while (plain->polled == plain->done && plain->done != plain->submitted) {
        pthread_cond_wait(&plain->ended, &plain->mutex);
    }
    pthread_mutex_unlock(&plain->mutex);
}

static void
plain_destroy(struct tide_io *io)
{
    struct plain *plain = io->self;
    pthread_mutex_lock(&plain->mutex);
    plain->stop = true;
    pthread_cond_signal(&plain->more);
    pthread_mutex_unlock(&plain->mutex);
    pthread_join(plain->thread, NULL); /* it finishes what was submitted first */
    pthread_cond_destroy(&plain->ended);
    pthread_cond_destroy(&plain->more);
    pthread_mutex_destroy(&plain->mutex);
    close(plain->io.fd);
    tide_free(plain->posix.seam, plain);
}

/* Starts the thread without signals: they belong to the program's own threads. */
static int
thread_start(struct plain *plain)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int sys = pthread_create(&plain->thread, NULL, plain_run, plain);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return sys;
}

static int
plain_init(struct plain *plain)
{
    plain->io.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (plain->io.fd < 0) {
        return errno;
    }
    pthread_mutex_init(&plain->mutex, NULL);
    pthread_cond_init(&plain->more, NULL);
    pthread_cond_init(&plain->ended, NULL);
    int sys = thread_start(plain);
    if (sys != 0) {
        pthread_cond_destroy(&plain->ended);
        pthread_cond_destroy(&plain->more);
        pthread_mutex_destroy(&plain->mutex);
        close(plain->io.fd);
    }
    return sys;
}

int
tide_plain_create(const struct tide_seam *seam, struct tide_io **out_io, struct tide_error *err)
{
    struct plain *plain = tide_alloc(seam, sizeof(*plain));
    if (plain == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a storage thread");
    }
    plain->posix.seam = seam;
    tide_posix_fill(&plain->io);
    plain->io.self = plain;
    plain->io.name = "plain";
    plain->io.submit = plain_submit;
    plain->io.poll = plain_poll;
    plain->io.wait = plain_wait;
    plain->io.destroy = plain_destroy;
    int sys = plain_init(plain);
    if (sys != 0) {
        tide_free(seam, plain);
        return tide_error_set(err, TIDE_ERR_IO, "cannot start a storage thread: %s", strerror(sys));
    }
    *out_io = &plain->io;
    return 0;
}
