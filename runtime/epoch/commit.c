/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE place where an epoch commits.
 *
 * What was sealed becomes visible here: tide_epoch_commit() is the one function that raises the
 * committed word, and it runs when the C (or SC) record of the epoch is durable, and only then
 * (I2). Before that, in this order and in offload jobs: the decider commits with the seal id inside
 * its transaction, publishing sinks publish, C is appended. Behind a commit follow, harmlessly
 * late: group offsets in the brokers (I6), and the deletion of what only older commits needed
 * (I13).
 *
 * Thread: coordinator; jobs run on offload threads.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "epoch/coordinator.h"

#define GROUP_OFFSETS_EVERY_NS 1000000000ull
#define RETENTION_EVERY_NS 1000000000ull
#define RETRY_FIRST_NS 100000000ull
#define RETRY_SHIFT_MAX 6u

/* Work of an offload thread; everything in it is the job's own until it is done. */
struct tide_commit_job {
    const struct tide_coordinator_config *config;
    struct tide_seal seal;
    struct tide_blobs tokens;
    struct tide_error err;
    int rc;
};

struct tide_job {
    const struct tide_coordinator_config *config;
    struct tide_seal seal;
    struct tide_split *splits; /* group offsets: names are the checkpoint's, which never go away */
    uint32_t n_splits;
    struct tide_blobs refs; /* retention */
    struct tide_error err;
    int rc;
};

/* ---- deciding and publishing ---- */

static int
publish_sink(const struct tide_coordinator_sink *sink, struct tide_seal seal,
             const struct tide_blobs *tokens, struct tide_error *err)
{
    struct tide_bytes list[TIDE_LIMIT_TASKS];
    uint32_t n = 0;
    size_t len = strlen(sink->id);
    for (uint32_t i = 0; i < tokens->n && n < TIDE_LIMIT_TASKS; i++) {
        const struct tide_blob *blob = &tokens->items[i];
        if (strncmp(blob->key, sink->id, len) == 0 && blob->key[len] == '/') {
            list[n++] = (struct tide_bytes){blob->bytes, blob->n};
        }
    }
    return sink->kind->commit(sink->shared, seal, list, n, err);
}

int
tide_epoch_publish(const struct tide_coordinator_sink *sinks, uint32_t n, struct tide_seal seal,
                   const struct tide_blobs *tokens, struct tide_error *err)
{
    static const enum tide_commit_class order[] = {TIDE_COMMIT_DECIDER, TIDE_COMMIT_PUBLISH};
    for (uint32_t k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < n; i++) {
            int rc =
                sinks[i].commit_class == order[k] ? publish_sink(&sinks[i], seal, tokens, err) : 0;
            if (rc != 0) {
                return tide_error_prefix(err, "sink %s cannot commit epoch %llu", sinks[i].id,
                                         (unsigned long long)seal.epoch);
            }
        }
    }
    return 0;
}

static int
commit_job_run(void *arg)
{
    struct tide_commit_job *job = arg;
    job->rc = tide_epoch_publish(job->config->sinks, job->config->n_sinks, job->seal, &job->tokens,
                                 &job->err);
    return job->rc;
}

static void
commit_job_start(struct tide_coordinator *c)
{
    struct tide_commit_job *job = c->commit_job;
    struct tide_error err;
    if (job == NULL) {
        job = tide_alloc(c->config.seam, sizeof(*job));
        c->commit_job = job;
    }
    if (job == NULL ||
        tide_blobs_copy(&job->tokens, c->config.seam, &c->config.checkpoint->pending_tokens) != 0) {
        tide_error_set(&err, TIDE_ERR_NOMEM, "no memory to commit epoch %llu",
                       (unsigned long long)c->sealing.epoch);
        tide_coordinator_fail(c, &err);
        return;
    }
    job->config = &c->config;
    job->seal = c->sealing;
    c->phase = TIDE_PHASE_JOB;
    if (tide_offload_submit(c->box, commit_job_run, job, TIDE_JOB_COMMIT) != 0) {
        c->phase = TIDE_PHASE_PAUSE;
        c->retry_at_ns = tide_mono_ns(c->config.seam) + RETRY_FIRST_NS;
    }
}

static void
append_commit(struct tide_coordinator *c)
{
    tide_buf_clear(&c->scratch);
    int rc = tide_record_commit(&c->scratch, c->sealing);
    TIDE_ASSERT(rc == 0);
    int appended = tide_coordinator_append(c, TIDE_WAL_C, &c->phase_lsn);
    if (appended == 0) {
        tide_wal_sync(c->config.wal);
        c->phase = TIDE_PHASE_COMMITTING;
    } else if (appended == TIDE_ERR_NOSPACE) {
        c->phase =
            TIDE_PHASE_PAUSE; /* publishes once more, which changes nothing, and comes back here */
        c->retry_at_ns = tide_mono_ns(c->config.seam) + RETRY_FIRST_NS;
    }
}

/* A publication that must wait for the outside is repeated: it is idempotent. */
static void
commit_job_end(struct tide_coordinator *c)
{
    struct tide_commit_job *job = c->commit_job;
    TIDE_ASSERT(c->phase == TIDE_PHASE_JOB);
    if (job->rc == 0) {
        c->retries = 0;
        append_commit(c);
        return;
    }
    enum tide_disposition what = tide_error_disposition(job->rc);
    if (what != TIDE_DISPOSITION_RETRY && what != TIDE_DISPOSITION_WAIT) {
        tide_coordinator_fail(c, &job->err);
        return;
    }
    uint32_t shift = c->retries < RETRY_SHIFT_MAX ? c->retries : RETRY_SHIFT_MAX;
    c->retries++;
    c->retry_at_ns = tide_mono_ns(c->config.seam) + (RETRY_FIRST_NS << shift);
    c->phase = TIDE_PHASE_PAUSE;
    TIDE_LOG(c->config.log, TIDE_LOG_WARN, "publication is tried again", TIDE_LOG_ERR(&job->err));
}

/* ---- behind a commit ---- */

static int
group_offsets_run(void *arg)
{
    struct tide_job *job = arg;
    const char *names[256];
    struct tide_bytes offsets[256];
    for (uint32_t s = 0; s < job->config->n_sources; s++) {
        const struct tide_coordinator_source *source = &job->config->sources[s];
        uint32_t n = 0;
        for (uint32_t i = 0; i < job->n_splits && source->kind->committed != NULL; i++) {
            if (job->splits[i].source == s) {
                names[n] = job->splits[i].name;
                offsets[n++] =
                    (struct tide_bytes){job->splits[i].next.bytes, job->splits[i].next.n};
            }
            if (n == 256) {
                job->rc = source->kind->committed(source->shared, job->seal, names, offsets, n,
                                                  &job->err);
                n = 0;
            }
        }
        if (n > 0) {
            job->rc =
                source->kind->committed(source->shared, job->seal, names, offsets, n, &job->err);
        }
    }
    return job->rc;
}

/* The splits of the plan's sources, with sources numbered as in the plan. */
static uint32_t
copy_splits(const struct tide_coordinator *c, struct tide_split *out)
{
    struct tide_checkpoint *checkpoint = c->config.checkpoint;
    uint32_t n = 0;
    for (uint32_t i = 0; i < checkpoint->n_splits; i++) {
        const char *id = checkpoint->sources.items[checkpoint->splits[i].source].key;
        for (uint32_t s = 0; s < c->config.n_sources; s++) {
            if (strcmp(c->config.sources[s].id, id) == 0) {
                out[n] = checkpoint->splits[i];
                out[n++].source = s;
            }
        }
    }
    return n;
}

static void
job_free(struct tide_coordinator *c, struct tide_job **job)
{
    if (*job != NULL) {
        tide_blobs_clear(&(*job)->refs, c->config.seam);
        tide_free(c->config.seam, (*job)->splits);
        tide_free(c->config.seam, *job);
        *job = NULL;
    }
}

/* Group offsets and retention are a courtesy: without memory or room for a job the next commit does
 * them. */
static struct tide_job *
job_make(struct tide_coordinator *c)
{
    struct tide_job *job = tide_alloc(c->config.seam, sizeof(*job));
    if (job != NULL) {
        job->config = &c->config;
        job->seal = c->config.checkpoint->committed;
    }
    return job;
}

static void
group_offsets_start(struct tide_coordinator *c)
{
    struct tide_job *job = job_make(c);
    uint32_t n = c->config.checkpoint->n_splits;
    struct tide_split *splits = tide_alloc(c->config.seam, (n + 1u) * sizeof(*splits));
    if (job == NULL || splits == NULL) {
        tide_free(c->config.seam, splits);
        tide_free(c->config.seam, job);
        return;
    }
    job->splits = splits;
    job->n_splits = copy_splits(c, splits);
    c->group_offsets = job;
    if (tide_offload_submit(c->box, group_offsets_run, job, TIDE_JOB_GROUP_OFFSETS) != 0) {
        job_free(c, &c->group_offsets);
    }
}

static int
retention_run(void *arg)
{
    struct tide_job *job = arg;
    struct tide_bytes refs[2 * TIDE_LIMIT_TASKS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < job->refs.n && n < 2 * TIDE_LIMIT_TASKS; i++) {
        refs[n++] = (struct tide_bytes){job->refs.items[i].bytes, job->refs.items[i].n};
    }
    job->rc = tide_state_retain(job->config->state_site, refs, n, &job->err);
    return job->rc;
}

static int
copy_refs(struct tide_coordinator *c, const struct tide_blobs *from, const char *tag,
          struct tide_blobs *out)
{
    char key[256];
    for (uint32_t i = 0; i < from->n; i++) {
        snprintf(key, sizeof(key), "%s%s", tag, from->items[i].key);
        if (tide_blobs_set(out, c->config.seam, key, from->items[i].bytes, from->items[i].n) != 0) {
            return TIDE_ERR_NOMEM;
        }
    }
    return 0;
}

static void
retention_start(struct tide_coordinator *c)
{
    const struct tide_checkpoint *checkpoint = c->config.checkpoint;
    struct tide_job *job = job_make(c);
    c->retention = job;
    if (job == NULL || copy_refs(c, &checkpoint->snapshots, "new ", &job->refs) != 0 ||
        copy_refs(c, &checkpoint->snapshots_before, "old ", &job->refs) != 0 ||
        tide_offload_submit(c->box, retention_run, job, TIDE_JOB_RETENTION) != 0) {
        job_free(c, &c->retention);
    }
}

static void
follow(struct tide_coordinator *c)
{
    uint64_t now = tide_mono_ns(c->config.seam);
    if (c->commit_lsn_before != 0) {
        tide_wal_retain(c->config.wal, c->commit_lsn_before);
    }
    if (c->group_offsets == NULL && now >= c->next_group_offsets_ns) {
        c->next_group_offsets_ns = now + GROUP_OFFSETS_EVERY_NS;
        group_offsets_start(c);
    }
    if (c->config.state_site != NULL && c->retention == NULL && now >= c->next_retention_ns) {
        c->next_retention_ns = now + RETENTION_EVERY_NS;
        retention_start(c);
    }
}

/* ---- the commit ---- */

/* Epoch c->sealing is durable and visible: everybody may know. */
static void
tide_epoch_commit(struct tide_coordinator *c)
{
    const struct tide_checkpoint *checkpoint = c->config.checkpoint;
    TIDE_ASSERT(tide_wal_durable(c->config.wal) >= c->phase_lsn);
    TIDE_ASSERT(checkpoint->committed.epoch == c->sealing.epoch);
    TIDE_ASSERT(checkpoint->pending == NULL);
    uint64_t opened_at = c->opened_at_ns[c->sealing.epoch % TIDE_LIMIT_EPOCHS_IN_FLIGHT];
    uint64_t duration = tide_mono_ns(c->config.seam) - opened_at;
    c->phase = TIDE_PHASE_NONE;
    c->commit_lsn_before = c->commit_lsn;
    c->commit_lsn = c->phase_lsn;
    c->deadline_used_ns = 0;
    c->n_committed++;
    tide_histogram_record(&c->durations, duration);
    tide_word_raise(&c->config.orders->committed, c->sealing.epoch);
    if (c->config.committed != NULL) {
        c->config.committed(c->config.ctx, c->sealing, duration);
    }
    follow(c);
}

void
tide_epoch_commit_advance(struct tide_coordinator *c)
{
    bool durable = tide_wal_durable(c->config.wal) >= c->phase_lsn;
    switch (c->phase) {
    case TIDE_PHASE_SEALING:
        if (durable && c->config.checkpoint->pending != NULL) {
            commit_job_start(c);
        } else if (durable) {
            tide_epoch_commit(c);
        }
        break;
    case TIDE_PHASE_PAUSE:
        if (tide_mono_ns(c->config.seam) >= c->retry_at_ns) {
            commit_job_start(c);
        }
        break;
    case TIDE_PHASE_COMMITTING:
        if (durable) {
            tide_epoch_commit(c);
        }
        break;
    case TIDE_PHASE_NONE:
    case TIDE_PHASE_JOB:
        break;
    }
}

void
tide_epoch_commit_job_done(struct tide_coordinator *c, void *arg)
{
    if (arg == c->commit_job) {
        commit_job_end(c);
    } else if (arg == c->group_offsets) {
        job_free(c, &c->group_offsets);
    } else {
        TIDE_ASSERT(arg == c->retention);
        if (c->retention->rc != 0) {
            TIDE_LOG(c->config.log, TIDE_LOG_WARN, "old state files are not deleted",
                     TIDE_LOG_ERR(&c->retention->err));
        }
        job_free(c, &c->retention);
    }
}

void
tide_epoch_commit_fini(struct tide_coordinator *c)
{
    if (c->commit_job != NULL) {
        tide_blobs_clear(&c->commit_job->tokens, c->config.seam);
        tide_free(c->config.seam, c->commit_job);
        c->commit_job = NULL;
    }
    job_free(c, &c->group_offsets);
    job_free(c, &c->retention);
}
