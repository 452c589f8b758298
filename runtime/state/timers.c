/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: a 4-ary heap whose nodes know their table entry, and the entries their node.
 *
 * Invariant: nodes[value(entry).place].entry == entry for every timer.
 */
#include "state/timers.h"

#include <string.h>

#include "base/assert.h"

#define WAYS 4u

_Static_assert(sizeof(struct tide_timer_value) == 16, "a timer's entry never changes its size");

static struct tide_timer_node *
node_at(const struct tide_timers *timers, uint32_t i)
{
    return tide_paged_at(&timers->nodes, i);
}

static struct tide_timer_value *
value_of(struct tide_entry *entry)
{
    return (struct tide_timer_value *)(void *)tide_entry_value(entry);
}

static bool
is_before(const struct tide_timer_node *a, const struct tide_timer_node *b)
{
    if (a->at != b->at) {
        return a->at < b->at;
    }
    if (a->owner != b->owner) {
        return a->owner < b->owner;
    }
    const uint32_t la = a->entry->key_len, lb = b->entry->key_len;
    const int order = memcmp(tide_entry_key(a->entry), tide_entry_key(b->entry), la < lb ? la : lb);
    return order != 0 ? order < 0 : la < lb;
}

static void
node_put(struct tide_timers *timers, uint32_t i, struct tide_timer_node node)
{
    *node_at(timers, i) = node;
    value_of(node.entry)->place = i;
}

static void
sift_up(struct tide_timers *timers, uint32_t i, struct tide_timer_node node)
{
    while (i > 0 && is_before(&node, node_at(timers, (i - 1) / WAYS))) {
        node_put(timers, i, *node_at(timers, (i - 1) / WAYS));
        i = (i - 1) / WAYS;
    }
    node_put(timers, i, node);
}

/* The earliest child of @i; 0: it has none. */
static uint32_t
child_first(const struct tide_timers *timers, uint32_t i)
{
    const uint64_t first = (uint64_t)i * WAYS + 1;
    uint32_t best = 0;
    for (uint64_t j = first; j < first + WAYS && j < timers->n; j++) {
        if (best == 0 || is_before(node_at(timers, (uint32_t)j), node_at(timers, best))) {
            best = (uint32_t)j;
        }
    }
    return best;
}

/* Puts @node at @i or where the order wants it. */
static void
sift(struct tide_timers *timers, uint32_t i, struct tide_timer_node node)
{
    uint32_t child;
    while ((child = child_first(timers, i)) != 0 && is_before(node_at(timers, child), &node)) {
        node_put(timers, i, *node_at(timers, child));
        i = child;
    }
    sift_up(timers, i, node);
}

void
tide_timers_init(struct tide_timers *timers, struct tide_budget_child *budget)
{
    *timers = (struct tide_timers){0};
    tide_paged_init(&timers->nodes, budget, sizeof(struct tide_timer_node));
}

void
tide_timers_fini(struct tide_timers *timers)
{
    tide_paged_fini(&timers->nodes);
    *timers = (struct tide_timers){0};
}

bool
tide_timers_set(struct tide_timers *timers, struct tide_table *table, uint32_t owner,
                struct tide_bytes key, uint32_t group, int64_t at, bool change)
{
    if (!tide_paged_reach(&timers->nodes, timers->n + 1)) {
        return false;
    }
    struct tide_entry *entry = tide_table_find(table, key);
    const bool is_new = entry == NULL;
    entry = tide_table_put(table, key, group, sizeof(struct tide_timer_value), change);
    if (entry == NULL) {
        return false;
    }
    const struct tide_timer_node node = {.at = at, .entry = entry, .owner = owner};
    const uint32_t place = is_new ? timers->n++ : value_of(entry)->place;
    TIDE_ASSERT(place < timers->n);
    value_of(entry)->at = at;
    if (is_new) {
        sift_up(timers, place, node);
    } else {
        sift(timers, place, node);
    }
    return true;
}

void
tide_timers_clear(struct tide_timers *timers, struct tide_table *table, struct tide_bytes key,
                  bool change)
{
    struct tide_entry *entry = tide_table_find(table, key);
    if (entry == NULL) {
        return;
    }
    const uint32_t place = value_of(entry)->place;
    TIDE_ASSERT(place < timers->n);
    TIDE_ASSERT(node_at(timers, place)->entry == entry);
    const struct tide_timer_node last = *node_at(timers, --timers->n);
    if (place != timers->n) {
        sift(timers, place, last);
    }
    tide_table_del(table, key, change);
}

const struct tide_timer_node *
tide_timers_first(const struct tide_timers *timers)
{
    return timers->n == 0 ? NULL : node_at(timers, 0);
}
