/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold of the WAL's records: see checkpoint.h. The records' encoding is in record.c.
 */
#include "epoch/checkpoint.h"

#include <string.h>

#include "base/assert.h"

void
tide_checkpoint_init(struct tide_checkpoint *checkpoint, const struct tide_seam *seam)
{
    *checkpoint = (struct tide_checkpoint){.seam = seam};
}

void
tide_checkpoint_fini(struct tide_checkpoint *checkpoint)
{
    const struct tide_seam *seam = checkpoint->seam;
    if (seam == NULL) {
        return;
    }
    for (uint32_t i = 0; i < checkpoint->n_splits; i++) {
        tide_free(seam, checkpoint->splits[i].name);
    }
    tide_free(seam, checkpoint->splits);
    tide_blobs_clear(&checkpoint->sources, seam);
    tide_blobs_clear(&checkpoint->snapshots, seam);
    tide_blobs_clear(&checkpoint->snapshots_before, seam);
    tide_blobs_clear(&checkpoint->tokens, seam);
    tide_blobs_clear(&checkpoint->identity, seam);
    tide_checkpoint_void(checkpoint);
    tide_checkpoint_init(checkpoint, seam);
}

int32_t
tide_checkpoint_source(struct tide_checkpoint *checkpoint, const char *id, bool add)
{
    for (uint32_t i = 0; i < checkpoint->sources.n; i++) {
        if (strcmp(checkpoint->sources.items[i].key, id) == 0) {
            return (int32_t)i;
        }
    }
    if (!add) {
        return -1;
    }
    if (tide_blobs_set(&checkpoint->sources, checkpoint->seam, id, "", 0) != 0) {
        return -2;
    }
    return (int32_t)checkpoint->sources.n - 1;
}

int64_t
tide_checkpoint_split_find(const struct tide_checkpoint *checkpoint, uint32_t source,
                           const char *name)
{
    for (uint32_t i = 0; i < checkpoint->n_splits; i++) {
        const struct tide_split *split = &checkpoint->splits[i];
        if (split->source == source && strcmp(split->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static int
splits_grow(struct tide_checkpoint *checkpoint, struct tide_error *err)
{
    if (checkpoint->n_splits < checkpoint->cap_splits) {
        return 0;
    }
    if (checkpoint->n_splits == TIDE_LIMIT_SPLITS) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "more than %u splits in one checkpoint",
                              TIDE_LIMIT_SPLITS);
    }
    uint32_t cap = checkpoint->cap_splits == 0 ? 16 : checkpoint->cap_splits * 2;
    struct tide_split *splits =
        tide_resize(checkpoint->seam, checkpoint->splits, cap * sizeof(*splits));
    if (splits == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for %u splits", cap);
    }
    checkpoint->splits = splits;
    checkpoint->cap_splits = cap;
    return 0;
}

int
tide_checkpoint_split_add(struct tide_checkpoint *checkpoint, uint32_t source, const char *name,
                          const struct tide_offset *next, struct tide_error *err)
{
    int rc = splits_grow(checkpoint, err);
    if (rc != 0) {
        return rc;
    }
    size_t len = strlen(name) + 1;
    char *copy = tide_alloc(checkpoint->seam, len);
    if (copy == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the name of split %s", name);
    }
    memcpy(copy, name, len);
    checkpoint->splits[checkpoint->n_splits++] =
        (struct tide_split){.source = source, .name = copy, .next = *next};
    return 0;
}

void
tide_checkpoint_void(struct tide_checkpoint *checkpoint)
{
    tide_free(checkpoint->seam, checkpoint->pending);
    checkpoint->pending = NULL;
    checkpoint->pending_len = 0;
    tide_blobs_clear(&checkpoint->pending_tokens, checkpoint->seam);
    checkpoint->sealed = checkpoint->committed;
}
