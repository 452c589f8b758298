/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: a list of offloaded calls per task, and their function.
 */
#include "jobs.h"

#include <string.h>

/* How long a broker may take to answer a job. */
#define JOB_TIMEOUT_MS 2000

static int
job_run(void *arg)
{
    struct tide_kafka_job *job = arg;
    struct tide_kafka_link *link = job->link;
    struct tide_task *task = job->task;
    switch (job->kind) {
    case TIDE_KAFKA_JOB_RANGE:
        job->code = link->api->range(link->client, job->name, job->partition, JOB_TIMEOUT_MS,
                                     &job->first, &job->next);
        break;
    case TIDE_KAFKA_JOB_ASK:
        job->code = tide_kafka_link_ask(link, job->name, JOB_TIMEOUT_MS, &job->n_partitions);
        break;
    case TIDE_KAFKA_JOB_STOP:
        link->api->fetch_stop(job->topic, job->partition);
        break;
    }
    pthread_mutex_lock(&link->lock);
    job->done = true;
    pthread_mutex_unlock(&link->lock);
    link->host->wake(task); /* the job may be gone by now */
    return 0;
}

bool
tide_kafka_job_submit(struct tide_kafka_jobs *jobs, const struct tide_kafka_question *question)
{
    const struct tide_host *host = jobs->link->host;
    struct tide_kafka_job *job = host->alloc(host, sizeof(*job));
    if (job == NULL) {
        return false;
    }
    job->link = jobs->link;
    job->task = jobs->task;
    job->kind = question->kind;
    job->partition = question->partition;
    job->topic = question->topic;
    strncpy(job->name, question->name, sizeof(job->name) - 1);
    if (host->offload(jobs->task, job_run, job, 0) != 0) {
        host->free(host, job);
        return false;
    }
    job->next_job = jobs->list;
    jobs->list = job;
    return true;
}

struct tide_kafka_job *
tide_kafka_job_take(struct tide_kafka_jobs *jobs)
{
    const struct tide_host *host = jobs->link->host;
    struct tide_kafka_job **at = &jobs->list, *job;
    uint64_t id;
    int result;
    if (jobs->list == NULL) {
        return NULL;
    }
    while (host->offload_done(jobs->task, &id, &result)) {
    }
    pthread_mutex_lock(&jobs->link->lock);
    while (*at != NULL && !(*at)->done) {
        at = &(*at)->next_job;
    }
    pthread_mutex_unlock(&jobs->link->lock);
    job = *at;
    if (job != NULL) {
        *at = job->next_job;
    }
    return job;
}

bool
tide_kafka_job_pending(const struct tide_kafka_jobs *jobs, enum tide_kafka_job_kind kind,
                       const char *name, int32_t partition)
{
    for (const struct tide_kafka_job *job = jobs->list; job != NULL; job = job->next_job) {
        if (job->kind == kind && (partition < 0 || job->partition == partition) &&
            (name == NULL || strcmp(job->name, name) == 0)) {
            return true;
        }
    }
    return false;
}

void
tide_kafka_job_free(struct tide_kafka_job *job)
{
    if (job->topic != NULL) {
        job->link->api->topic_close(job->topic);
    }
    job->link->host->free(job->link->host, job);
}

void
tide_kafka_jobs_end(struct tide_kafka_jobs *jobs)
{
    while (jobs->list != NULL) {
        struct tide_kafka_job *job = jobs->list;
        jobs->list = job->next_job;
        tide_kafka_job_free(job);
    }
}
