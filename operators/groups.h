/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups: the distinct keys of a few rows taken together, in the order of their first row, and what
 * those rows add to each. Memory is bounded and made once.
 */
#ifndef TIDE_OPERATORS_GROUPS_H
#define TIDE_OPERATORS_GROUPS_H

#include <tidemark/plugin.h>

#include "shared.h"

/* Longest grouping key in its canonical form. The exchange looks at no more bytes of one, so that a
 * longer key could not be told from others: its rows are rejected. */
#define TIDE_OP_KEY_MAX 4096u

/* Keys of one call together; the rows whose keys have no room are left to the next one. */
#define TIDE_OP_KEYS_BYTES (64u << 10)

#define TIDE_OP_GROUP_SLOTS (2 * TIDE_OP_ROWS)

struct tide_op_group {
    uint32_t key_at, key_n; /* in `keys` */
    uint32_t last;          /* row that contributed last */
    uint64_t rows;          /* that contributed */
};

struct tide_op_groups {
    const struct tide_host *host;
    uint32_t n, n_counts;
    uint32_t keys_n;
    uint64_t *counts; /* n_counts for each group */
    uint8_t *keys;
    struct tide_op_group groups[TIDE_OP_ROWS];
    uint16_t slots[TIDE_OP_GROUP_SLOTS]; /* group + 1 by the hash of its key; 0: free */
};

/* No groups, @n_counts counts each. TIDE_ERR_NOMEM. @thread start */
int tide_op_groups_create(const struct tide_host *host, uint32_t n_counts,
                          struct tide_op_groups **out_groups, struct tide_error *err);

/* NULL is legal. @thread start */
void tide_op_groups_destroy(struct tide_op_groups *groups);

/* Forgets all groups. @thread task */
void tide_op_groups_clear(struct tide_op_groups *groups);

/* How tide_op_groups_find ended. */
enum tide_op_found { TIDE_OP_FOUND, TIDE_OP_KEY_LONG, TIDE_OP_KEYS_FULL };

/* The group of the @n_keys values at @row, made if absent; *@out_group is its index. @thread task
 */
enum tide_op_found tide_op_groups_find(struct tide_op_groups *groups,
                                       const struct tide_vec *const *keys, uint32_t n_keys,
                                       uint32_t row, uint32_t *out_group);

static inline struct tide_bytes
tide_op_groups_key(const struct tide_op_groups *groups, uint32_t group)
{
    return (struct tide_bytes){groups->keys + groups->groups[group].key_at,
                               groups->groups[group].key_n};
}

static inline uint64_t *
tide_op_groups_counts(struct tide_op_groups *groups, uint32_t group)
{
    return groups->counts + (size_t)group * groups->n_counts;
}

#endif
