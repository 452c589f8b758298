/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offload pool: jobs in one bounded queue, ends in boxes, one mutex for both.
 *
 * Threads: submitters and pollers (any), the pool's own threads. The mutex is never held while a
 * job or a wake runs.
 *
 * Invariants:
 *   O1 a job is in exactly one place: the free list, the queue, a thread's hands (its box counts it
 * as running), or its box's list of ends. O2 box->running counts until the wake after the end has
 * returned, so a box whose running is 0 is not touched by any thread any more and may be freed. O3
 * a pool without threads runs jobs only in step, wait: on the caller's thread.
 *
 * Left to others: what a job does; interrupting one that hangs (nothing can).
 */
#include "io/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

struct job {
    struct job *next; /* in the free list, the queue or the ends */
    struct tide_offload_box *box;
    tide_offload_fn *fn;
    void *arg;
    uint64_t id;
    int result;
};

struct list {
    struct job *first;
    struct job *last;
};

struct tide_offload_box {
    struct tide_offload *offload;
    void (*wake)(void *);
    void *wake_arg;
    struct list ends;
    uint32_t queued;
    uint32_t running;
};

struct tide_offload {
    const struct tide_seam *seam;
    pthread_mutex_t mutex;
    pthread_cond_t more;  /* a job was queued, or stop */
    pthread_cond_t ended; /* a job ended */
    struct list queue;
    struct job *free;
    uint32_t fresh; /* jobs[fresh..] were never used; keeps their pages untouched */
    uint32_t pending;
    uint32_t boxes;
    uint32_t threads_n;
    bool stop;
    pthread_t threads[TIDE_LIMIT_OFFLOAD_THREADS];
    struct job jobs[TIDE_LIMIT_OFFLOAD_JOBS];
};

static void
push(struct list *list, struct job *job)
{
    job->next = NULL;
    if (list->first == NULL) {
        list->first = job;
    } else {
        list->last->next = job;
    }
    list->last = job;
}

/* Takes the first job that belongs to @box (NULL: any), after skipping @skip of them. */
static struct job *
take(struct list *list, const struct tide_offload_box *box, uint32_t skip)
{
    struct job *before = NULL;
    for (struct job *job = list->first; job != NULL; before = job, job = job->next) {
        if ((box != NULL && job->box != box) || skip-- > 0) {
            continue;
        }
        if (before == NULL) {
            list->first = job->next;
        } else {
            before->next = job->next;
        }
        if (list->last == job) {
            list->last = before;
        }
        return job;
    }
    return NULL;
}

static struct job *
job_new(struct tide_offload *offload)
{
    struct job *job = offload->free;
    if (job != NULL) {
        offload->free = job->next;
    } else if (offload->fresh < TIDE_LIMIT_OFFLOAD_JOBS) {
        job = &offload->jobs[offload->fresh++];
    }
    return job;
}

static void
job_free(struct tide_offload *offload, struct job *job)
{
    job->next = offload->free;
    offload->free = job;
}

/* Runs @job, just taken from the queue. Enters and leaves with the mutex held. */
static void
run(struct tide_offload *offload, struct job *job)
{
    struct tide_offload_box *box = job->box;
    TIDE_ASSERT(box->queued > 0);
    box->queued--;
    box->running++;
    offload->pending--;
    pthread_mutex_unlock(&offload->mutex);
    int result = job->fn(job->arg);
    pthread_mutex_lock(&offload->mutex);
    job->result = result;
    push(&box->ends, job);
    pthread_mutex_unlock(&offload->mutex);
    if (box->wake != NULL) {
        box->wake(box->wake_arg);
    }
    pthread_mutex_lock(&offload->mutex);
    box->running--; /* O2 */
    pthread_cond_broadcast(&offload->ended);
}

static void *
pool_run(void *arg)
{
    struct tide_offload *offload = arg;
    pthread_mutex_lock(&offload->mutex);
    while (!offload->stop) {
        struct job *job = take(&offload->queue, NULL, 0);
        if (job != NULL) {
            run(offload, job);
        } else {
            pthread_cond_wait(&offload->more, &offload->mutex);
        }
    }
    pthread_mutex_unlock(&offload->mutex);
    return NULL;
}

/* Starts the threads without signals: they belong to the program's own threads. */
static int
threads_start(struct tide_offload *offload, uint32_t threads)
{
    sigset_t all;
    sigset_t old;
    int sys = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (offload->threads_n < threads && sys == 0) {
        sys = pthread_create(&offload->threads[offload->threads_n], NULL, pool_run, offload);
        offload->threads_n += sys == 0 ? 1 : 0;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return sys;
}

int
tide_offload_create(const struct tide_seam *seam, uint32_t threads,
                    struct tide_offload **out_offload, struct tide_error *err)
{
    TIDE_ASSERT(threads <= TIDE_LIMIT_OFFLOAD_THREADS);
    struct tide_offload *offload = tide_alloc(seam, sizeof(*offload));
    if (offload == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for offload threads");
    }
    offload->seam = seam;
    pthread_mutex_init(&offload->mutex, NULL);
    pthread_cond_init(&offload->more, NULL);
    pthread_cond_init(&offload->ended, NULL);
    int sys = threads_start(offload, threads);
    if (sys != 0) {
        tide_offload_destroy(offload);
        return tide_error_set(err, TIDE_ERR_IO, "cannot start %u offload threads: %s", threads,
                              strerror(sys));
    }
    *out_offload = offload;
    return 0;
}

void
tide_offload_destroy(struct tide_offload *offload)
{
    if (offload == NULL) {
        return;
    }
    TIDE_ASSERT(offload->boxes == 0);
    pthread_mutex_lock(&offload->mutex);
    offload->stop = true;
    pthread_cond_broadcast(&offload->more);
    pthread_mutex_unlock(&offload->mutex);
    for (uint32_t i = 0; i < offload->threads_n; i++) {
        pthread_join(offload->threads[i], NULL);
    }
    pthread_cond_destroy(&offload->ended);
    pthread_cond_destroy(&offload->more);
    pthread_mutex_destroy(&offload->mutex);
    tide_free(offload->seam, offload);
}

int
tide_offload_box_create(struct tide_offload *offload, void (*wake)(void *), void *wake_arg,
                        struct tide_offload_box **out_box, struct tide_error *err)
{
    struct tide_offload_box *box = tide_alloc(offload->seam, sizeof(*box));
    if (box == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for an offload box");
    }
    *box = (struct tide_offload_box){.offload = offload, .wake = wake, .wake_arg = wake_arg};
    pthread_mutex_lock(&offload->mutex);
    offload->boxes++;
    pthread_mutex_unlock(&offload->mutex);
    *out_box = box;
    return 0;
}

void
tide_offload_box_destroy(struct tide_offload_box *box)
{
    if (box == NULL) {
        return;
    }
    struct tide_offload *offload = box->offload;
    struct job *job = NULL;
    pthread_mutex_lock(&offload->mutex);
    while ((job = take(&offload->queue, box, 0)) != NULL) {
        offload->pending--;
        job_free(offload, job);
    }
    while (box->running > 0) {
        pthread_cond_wait(&offload->ended, &offload->mutex);
    }
    while ((job = take(&box->ends, NULL, 0)) != NULL) {
        job_free(offload, job);
    }
    offload->boxes--;
    pthread_mutex_unlock(&offload->mutex);
    tide_free(offload->seam, box);
}

int
tide_offload_submit(struct tide_offload_box *box, tide_offload_fn *fn, void *arg, uint64_t id)
{
    struct tide_offload *offload = box->offload;
    pthread_mutex_lock(&offload->mutex);
    struct job *job = job_new(offload);
    if (job != NULL) {
        *job = (struct job){.box = box, .fn = fn, .arg = arg, .id = id};
        push(&offload->queue, job);
        box->queued++;
        offload->pending++;
        pthread_cond_signal(&offload->more);
    }
    pthread_mutex_unlock(&offload->mutex);
    return job != NULL ? 0 : TIDE_ERR_LIMIT;
}

uint32_t
tide_offload_poll(struct tide_offload_box *box, struct tide_offload_done *out, uint32_t max)
{
    struct tide_offload *offload = box->offload;
    uint32_t n = 0;
    pthread_mutex_lock(&offload->mutex);
    while (n < max && box->ends.first != NULL) {
        struct job *job = take(&box->ends, NULL, 0);
        out[n++] =
            (struct tide_offload_done){.id = job->id, .arg = job->arg, .result = job->result};
        job_free(offload, job);
    }
    pthread_mutex_unlock(&offload->mutex);
    return n;
}

void
tide_offload_wait(struct tide_offload_box *box)
{
    struct tide_offload *offload = box->offload;
    pthread_mutex_lock(&offload->mutex);
    while (box->ends.first == NULL && box->queued + box->running > 0) {
        struct job *job = offload->threads_n == 0 ? take(&offload->queue, box, 0) : NULL;
        if (job != NULL) {
            run(offload, job); /* O3 */
        } else {
            pthread_cond_wait(&offload->ended, &offload->mutex);
        }
    }
    pthread_mutex_unlock(&offload->mutex);
}

uint32_t
tide_offload_pending(struct tide_offload *offload)
{
    pthread_mutex_lock(&offload->mutex);
    uint32_t pending = offload->pending;
    pthread_mutex_unlock(&offload->mutex);
    return pending;
}

void
tide_offload_step(struct tide_offload *offload, uint32_t nth)
{
    TIDE_ASSERT(offload->threads_n == 0);
    pthread_mutex_lock(&offload->mutex);
    struct job *job = take(&offload->queue, NULL, nth);
    TIDE_ASSERT(job != NULL);
    run(offload, job);
    pthread_mutex_unlock(&offload->mutex);
}
