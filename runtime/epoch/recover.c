/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery: see recover.h for the order and why.
 */
#include "epoch/recover.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

/* ---- directory and lock ---- */

static char *
path_join(const struct tide_seam *seam, const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = tide_alloc(seam, size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", dir, name);
    }
    return path;
}

static int
make_parents(struct tide_io *io, char *path, struct tide_error *err)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = io->mkdir(io->self, path, err);
        *slash = '/';
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int
tide_recover_lock(struct tide_io *io, const struct tide_seam *seam, const char *dir,
                  struct tide_file **out_lock, struct tide_error *err)
{
    char *path = path_join(seam, dir, "lock");
    if (path == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the path of %s", dir);
    }
    int rc = make_parents(io, path, err);
    rc = rc != 0 ? rc : io->lock(io->self, path, out_lock, err);
    tide_free(seam, path);
    return rc == 0 ? 0 : tide_error_prefix(err, "checkpoint %s", dir);
}

/* ---- the fold ---- */

static int
visit(void *ctx, const struct tide_wal_record *record, struct tide_error *err)
{
    return tide_checkpoint_apply(ctx, record->type, record->payload, record->len, err);
}

static int
write_head(void *ctx, struct tide_buf *out)
{
    return tide_checkpoint_encode(ctx, out);
}

static void
draw_uuid(const struct tide_seam *seam, uint8_t *out)
{
    uint64_t halves[2] = {tide_random(seam), tide_random(seam)};
    memcpy(out, halves, sizeof(halves));
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x40); /* RFC 9562: version 4, variant 10 */
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

/* ---- identity ---- */

/* What a restart may not change (Spark's table): everything but sinks. */
static bool
binding(const char *key)
{
    return strncmp(key, "sink ", 5) != 0;
}

static int
identity_differs(const char *dir, const struct tide_blob *one, const char *saved, const char *now,
                 struct tide_error *err)
{
    return tide_error_set(
        err, TIDE_ERR_CHECKPOINT,
        "checkpoint %s belongs to another pipeline: %s was %s and is now %s; use another "
        "checkpointLocation, or set allowUnsafeChange: true to go on with it",
        dir, one->key, saved, now);
}

static int
check_identity(const struct tide_recover_config *config, const struct tide_checkpoint *checkpoint,
               struct tide_error *err)
{
    const struct tide_blobs *saved = &checkpoint->identity;
    for (uint32_t i = 0; i < saved->n; i++) {
        const struct tide_blob *old = &saved->items[i];
        const struct tide_blob *now = tide_blobs_get(config->identity, old->key);
        bool same = now != NULL && now->n == old->n && memcmp(now->bytes, old->bytes, old->n) == 0;
        if (!same && binding(old->key)) {
            return identity_differs(config->dir, old, (const char *)old->bytes,
                                    now != NULL ? (const char *)now->bytes : "absent", err);
        }
    }
    for (uint32_t i = 0; i < config->identity->n; i++) {
        const struct tide_blob *now = &config->identity->items[i];
        if (tide_blobs_get(saved, now->key) == NULL && binding(now->key)) {
            return identity_differs(config->dir, now, "absent", (const char *)now->bytes, err);
        }
    }
    return 0;
}

/* ---- sinks ---- */

static int
fence(const struct tide_recover_config *config, struct tide_seal last, struct tide_error *err)
{
    for (uint32_t i = 0; i < config->n_sinks; i++) {
        const struct tide_coordinator_sink *sink = &config->sinks[i];
        int rc = sink->kind->fence != NULL ? sink->kind->fence(sink->shared, last, err) : 0;
        if (rc != 0) {
            return tide_error_prefix(err, "sink %s cannot fence its older writers", sink->id);
        }
    }
    return 0;
}

static int
clean(const struct tide_recover_config *config, struct tide_seal last, struct tide_error *err)
{
    for (uint32_t i = 0; i < config->n_sinks; i++) {
        const struct tide_coordinator_sink *sink = &config->sinks[i];
        int rc = sink->kind->clean != NULL ? sink->kind->clean(sink->shared, last, err) : 0;
        if (rc != 0) {
            return tide_error_prefix(err, "sink %s cannot remove its leftovers", sink->id);
        }
    }
    return 0;
}

/* The decider's word on a sealed epoch; without a decider it is rolled forward. */
static int
decided(const struct tide_recover_config *config, const struct tide_checkpoint *checkpoint,
        bool *out_committed, struct tide_error *err)
{
    bool committed = true;
    for (uint32_t i = 0; i < config->n_sinks; i++) {
        const struct tide_coordinator_sink *sink = &config->sinks[i];
        if (sink->commit_class != TIDE_COMMIT_DECIDER) {
            continue;
        }
        int rc = sink->kind->resolve(sink->shared, checkpoint->sealed, NULL, 0, &committed, err);
        if (rc == 0 && !committed) {
            rc = sink->kind->abort(sink->shared, checkpoint->sealed, NULL, 0, err);
        }
        if (rc != 0) {
            return tide_error_prefix(err, "sink %s cannot tell whether epoch %llu is in", sink->id,
                                     (unsigned long long)checkpoint->sealed.epoch);
        }
    }
    *out_committed = committed;
    return 0;
}

/* ---- the steps ---- */

static int
read_wal(const struct tide_recover_config *config, struct tide_recovered *out,
         struct tide_wal_recovery *recovery, struct tide_error *err)
{
    struct tide_wal_env env = {config->io, config->offload, config->seam, out->wal_dir};
    int rc = tide_wal_recover(&env, NULL, visit, &out->checkpoint, recovery, err);
    if (rc != 0) {
        return rc;
    }
    out->fresh = recovery->segments == 0;
    if (!out->fresh && !config->allow_unsafe_change) {
        rc = check_identity(config, &out->checkpoint, err);
    }
    if (recovery->torn_bytes > 0) {
        TIDE_LOG(config->log, TIDE_LOG_WARN, "torn tail of the WAL cut",
                 TIDE_LOG_UINT("segment", recovery->segment_last),
                 TIDE_LOG_UINT("offset", recovery->torn_offset),
                 TIDE_LOG_UINT("bytes", recovery->torn_bytes));
    }
    return rc;
}

static int
resolve_sealed(const struct tide_recover_config *config, struct tide_recovered *out,
               struct tide_error *err)
{
    struct tide_checkpoint *checkpoint = &out->checkpoint;
    bool committed = true;
    int rc = fence(config, checkpoint->committed, err);
    if (rc == 0 && checkpoint->pending != NULL) {
        rc = decided(config, checkpoint, &committed, err);
    }
    if (rc == 0 && !committed) {
        tide_checkpoint_void(checkpoint);
    }
    return rc;
}

static int
begin_wal(const struct tide_recover_config *config, struct tide_recovered *out,
          const struct tide_wal_recovery *recovery, struct tide_error *err)
{
    struct tide_checkpoint *checkpoint = &out->checkpoint;
    uint64_t newest = checkpoint->incarnation > recovery->incarnation ? checkpoint->incarnation
                                                                      : recovery->incarnation;
    if (out->fresh) {
        draw_uuid(config->seam, checkpoint->uuid);
    }
    checkpoint->incarnation = newest + 1;
    if (tide_blobs_copy(&checkpoint->identity, config->seam, config->identity) != 0) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the checkpoint's identity");
    }
    struct tide_wal_options options = {
        .env = {config->io, config->offload, config->seam, out->wal_dir},
        .incarnation = checkpoint->incarnation,
        .head = write_head,
        .head_ctx = checkpoint,
        .wake = config->wake,
        .wake_arg = config->wake_arg,
    };
    memcpy(options.id.bytes, checkpoint->uuid, sizeof(options.id.bytes));
    return tide_wal_begin(&options, recovery, &out->wal, err);
}

static int
append_now(struct tide_recovered *out, enum tide_wal_type type, const struct tide_buf *payload,
           struct tide_error *err)
{
    uint64_t lsn;
    int rc = tide_wal_append(out->wal, type, payload->data, (uint32_t)payload->len, &lsn, err);
    rc = rc != 0 ? rc
                 : tide_checkpoint_apply(&out->checkpoint, type, payload->data,
                                         (uint32_t)payload->len, err);
    if (rc != 0) {
        return rc;
    }
    tide_wal_sync(out->wal);
    tide_wal_flush(out->wal, err);
    if (tide_wal_durable(out->wal) < lsn) {
        return err->code;
    }
    return 0;
}

/* Publishes what is committed once more, and finishes what is only sealed. */
static int
roll_forward(const struct tide_recover_config *config, struct tide_recovered *out,
             struct tide_error *err)
{
    struct tide_checkpoint *checkpoint = &out->checkpoint;
    int rc = 0;
    if (checkpoint->committed.epoch > 0 && checkpoint->tokens.n > 0) {
        rc = tide_epoch_publish(config->sinks, config->n_sinks, checkpoint->committed,
                                &checkpoint->tokens, err);
    }
    if (rc != 0 || checkpoint->pending == NULL) {
        return rc;
    }
    rc = tide_epoch_publish(config->sinks, config->n_sinks, checkpoint->sealed,
                            &checkpoint->pending_tokens, err);
    struct tide_buf payload;
    tide_buf_init(&payload, config->seam, TIDE_LIMIT_WAL_RECORD);
    rc = rc != 0 ? rc : tide_record_commit(&payload, checkpoint->sealed);
    rc = rc != 0 ? rc : append_now(out, TIDE_WAL_C, &payload, err);
    tide_buf_fini(&payload);
    return rc;
}

int
tide_recover(const struct tide_recover_config *config, struct tide_recovered *out,
             struct tide_error *err)
{
    struct tide_wal_recovery recovery;
    struct tide_error local = {0};
    err = err != NULL ? err : &local;
    memset(out, 0, sizeof(*out));
    tide_checkpoint_init(&out->checkpoint, config->seam);
    out->wal_dir = path_join(config->seam, config->dir, "wal");
    int rc = out->wal_dir == NULL ? tide_error_set(err, TIDE_ERR_NOMEM, "no memory to recover")
                                  : read_wal(config, out, &recovery, err);
    rc = rc != 0 ? rc : resolve_sealed(config, out, err);
    rc = rc != 0 ? rc : begin_wal(config, out, &recovery, err);
    rc = rc != 0 ? rc : roll_forward(config, out, err);
    rc = rc != 0 ? rc : clean(config, out->checkpoint.committed, err);
    if (rc != 0) {
        tide_recovered_close(out);
    }
    return rc;
}

void
tide_recovered_close(struct tide_recovered *recovered)
{
    const struct tide_seam *seam = recovered->checkpoint.seam;
    if (seam == NULL) {
        return;
    }
    tide_wal_close(recovered->wal);
    tide_checkpoint_fini(&recovered->checkpoint);
    tide_free(seam, recovered->wal_dir);
    memset(recovered, 0, sizeof(*recovered));
}
