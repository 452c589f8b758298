/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small maps from names to bytes, in the order of their first setting: see checkpoint.h.
 */
#include <string.h>

#include "base/assert.h"
#include "epoch/checkpoint.h"

static struct tide_blob *
find(const struct tide_blobs *blobs, const char *key)
{
    for (uint32_t i = 0; i < blobs->n; i++) {
        if (strcmp(blobs->items[i].key, key) == 0) {
            return &blobs->items[i];
        }
    }
    return NULL;
}

static void
blob_free(const struct tide_seam *seam, struct tide_blob *blob)
{
    tide_free(seam, blob->key);
    tide_free(seam, blob->bytes);
}

static int
make_room(struct tide_blobs *blobs, const struct tide_seam *seam)
{
    if (blobs->n < blobs->cap) {
        return 0;
    }
    uint32_t cap = blobs->cap == 0 ? 8 : blobs->cap * 2;
    struct tide_blob *items = tide_resize(seam, blobs->items, cap * sizeof(*items));
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    blobs->items = items;
    blobs->cap = cap;
    return 0;
}

static int
blob_remove(struct tide_blobs *blobs, const struct tide_seam *seam, struct tide_blob *blob)
{
    if (blob != NULL) {
        uint32_t i = (uint32_t)(blob - blobs->items);
        blob_free(seam, blob);
        memmove(blob, blob + 1, (blobs->n - i - 1) * sizeof(*blob));
        blobs->n--;
    }
    return 0;
}

int
tide_blobs_set(struct tide_blobs *blobs, const struct tide_seam *seam, const char *key,
               const void *bytes, uint32_t n)
{
    struct tide_blob *old = find(blobs, key);
    if (bytes == NULL) {
        return blob_remove(blobs, seam, old);
    }
    uint8_t *copy = tide_alloc(seam, n + 1u);
    if (copy == NULL) {
        return TIDE_ERR_NOMEM;
    }
    memcpy(copy, bytes, n);
    if (old != NULL) {
        tide_free(seam, old->bytes);
        old->bytes = copy;
        old->n = n;
        return 0;
    }
    size_t key_len = strlen(key) + 1;
    char *name = make_room(blobs, seam) == 0 ? tide_alloc(seam, key_len) : NULL;
    if (name == NULL) {
        tide_free(seam, copy);
        return TIDE_ERR_NOMEM;
    }
    memcpy(name, key, key_len);
    blobs->items[blobs->n++] = (struct tide_blob){.key = name, .bytes = copy, .n = n};
    return 0;
}

const struct tide_blob *
tide_blobs_get(const struct tide_blobs *blobs, const char *key)
{
    return find(blobs, key);
}

void
tide_blobs_clear(struct tide_blobs *blobs, const struct tide_seam *seam)
{
    for (uint32_t i = 0; i < blobs->n; i++) {
        blob_free(seam, &blobs->items[i]);
    }
    tide_free(seam, blobs->items);
    memset(blobs, 0, sizeof(*blobs));
}

int
tide_blobs_copy(struct tide_blobs *to, const struct tide_seam *seam, const struct tide_blobs *from)
{
    tide_blobs_clear(to, seam);
    for (uint32_t i = 0; i < from->n; i++) {
        const struct tide_blob *blob = &from->items[i];
        if (tide_blobs_set(to, seam, blob->key, blob->bytes, blob->n) != 0) {
            tide_blobs_clear(to, seam);
            return TIDE_ERR_NOMEM;
        }
    }
    return 0;
}
