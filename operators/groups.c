/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct keys of a few rows: see groups.h. An open-addressed table, at most half full. */
#include "groups.h"

#include <xxhash.h>

void
tide_op_groups_destroy(struct tide_op_groups *groups)
{
    if (groups != NULL) {
        const struct tide_host *host = groups->host;
        host->free(host, groups->counts);
        host->free(host, groups->keys);
        host->free(host, groups);
    }
}

int
tide_op_groups_create(const struct tide_host *host, uint32_t n_counts,
                      struct tide_op_groups **out_groups, struct tide_error *err)
{
    void *block, *counts, *keys;
    int rc = tide_op_alloc(host, sizeof(struct tide_op_groups), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct tide_op_groups *groups = block;
    groups->host = host;
    groups->n_counts = n_counts;
    rc = tide_op_alloc(host, (size_t)TIDE_OP_ROWS * n_counts * sizeof(*groups->counts), &counts,
                       err);
    if (rc == 0) {
        groups->counts = counts;
        rc = tide_op_alloc(host, TIDE_OP_KEYS_BYTES, &keys, err);
    }
    if (rc != 0) {
        tide_op_groups_destroy(groups);
        return rc;
    }
    groups->keys = keys;
    *out_groups = groups;
    return 0;
}

void
tide_op_groups_clear(struct tide_op_groups *groups)
{
    memset(groups->slots, 0, sizeof(groups->slots));
    groups->n = 0;
    groups->keys_n = 0;
}

/* The slot of the key, or the free one where it belongs. */
static uint32_t
slot_of(const struct tide_op_groups *groups, const uint8_t *key, uint32_t n)
{
    uint32_t slot = (uint32_t)XXH3_64bits(key, n) % TIDE_OP_GROUP_SLOTS;
    while (groups->slots[slot] != 0) {
        const struct tide_op_group *group = &groups->groups[groups->slots[slot] - 1];
        if (group->key_n == n && memcmp(groups->keys + group->key_at, key, n) == 0) {
            break;
        }
        slot = (slot + 1) % TIDE_OP_GROUP_SLOTS;
    }
    return slot;
}

enum tide_op_found
tide_op_groups_find(struct tide_op_groups *groups, const struct tide_vec *const *keys,
                    uint32_t n_keys, uint32_t row, uint32_t *out_group)
{
    uint8_t *key = groups->keys + groups->keys_n;
    uint32_t room = TIDE_OP_KEYS_BYTES - groups->keys_n;
    uint32_t n = groups->host->key_bytes(keys, n_keys, row, key, room);
    if (n > TIDE_OP_KEY_MAX) {
        return TIDE_OP_KEY_LONG;
    }
    if (n > room) {
        return TIDE_OP_KEYS_FULL;
    }
    uint32_t slot = slot_of(groups, key, n);
    if (groups->slots[slot] == 0) {
        struct tide_op_group *group = &groups->groups[groups->n];
        *group = (struct tide_op_group){.key_at = groups->keys_n, .key_n = n};
        memset(tide_op_groups_counts(groups, groups->n), 0,
               groups->n_counts * sizeof(*groups->counts));
        groups->keys_n += n;
        groups->slots[slot] = (uint16_t)++groups->n;
    }
    *out_group = groups->slots[slot] - 1u;
    return TIDE_OP_FOUND;
}
