/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: questions to brokers that would block a worker, offloaded.
 *
 * A task submits a job and finds it among its finished ones in a later step. A job is done when its
 * `done` is set under the link's lock, by its own function as its last act; the host's ends of
 * offloaded calls are taken only to be dropped, because several users of one task share them.
 */
#ifndef TIDE_KAFKA_JOBS_H
#define TIDE_KAFKA_JOBS_H

#include <tidemark/plugin.h>

#include "client.h"
#include "link.h"
#include "offsets.h"

enum tide_kafka_job_kind {
    TIDE_KAFKA_JOB_RANGE, /* the offsets there are: first, next */
    TIDE_KAFKA_JOB_ASK,   /* does a broker answer, does the topic exist: n_partitions */
    TIDE_KAFKA_JOB_STOP   /* end fetching; `topic` is the job's and closed with it */
};

struct tide_kafka_job {
    struct tide_kafka_job *next_job;
    struct tide_kafka_link *link;
    struct tide_task *task;
    enum tide_kafka_job_kind kind;
    char name[TIDE_KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    struct tide_kafka_topic *topic;
    /* Results. */
    int64_t first, next;
    int32_t n_partitions;
    int code;
    bool done; /* under the link's lock */
};

/* The jobs of one task. */
struct tide_kafka_jobs {
    struct tide_kafka_link *link;
    struct tide_task *task;
    struct tide_kafka_job *list;
};

/* What to ask. */
struct tide_kafka_question {
    enum tide_kafka_job_kind kind;
    const char *name; /* of the topic */
    int32_t partition;
    struct tide_kafka_topic *topic; /* STOP */
};

/* False: no memory, or too many offloaded calls; ask again later. @thread task */
bool tide_kafka_job_submit(struct tide_kafka_jobs *jobs,
                           const struct tide_kafka_question *question);

/* The next finished job, or NULL. @thread task */
struct tide_kafka_job *tide_kafka_job_take(struct tide_kafka_jobs *jobs);

/* Whether one of @kind for the partition (-1: any) is under way. @thread task */
bool tide_kafka_job_pending(const struct tide_kafka_jobs *jobs, enum tide_kafka_job_kind kind,
                            const char *name, int32_t partition);

/* Frees a job that was taken. @thread any */
void tide_kafka_job_free(struct tide_kafka_job *job);

/* Frees all jobs; none runs any more. @thread start */
void tide_kafka_jobs_end(struct tide_kafka_jobs *jobs);

#endif
