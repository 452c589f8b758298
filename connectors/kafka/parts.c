/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts: an array, and a hash table over topic and partition with linear probing.
 *
 * Topics are compared by pointer: a client has one object for a topic. The table is at most half
 * full and made anew when parts change.
 */
#include "parts.h"

#include <string.h>

static uint32_t
slot_of(const struct tide_kafka_parts *parts, const struct tide_kafka_topic *topic,
        int32_t partition)
{
    uint64_t hash = ((uint64_t)(uintptr_t)topic >> 4) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (uint32_t)partition) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(hash >> 32) & (parts->n_slots - 1);
}

static void
slots_fill(struct tide_kafka_parts *parts)
{
    memset(parts->slots, 0, parts->n_slots * sizeof(*parts->slots));
    for (uint32_t i = 0; i < parts->n; i++) {
        uint32_t at = slot_of(parts, parts->items[i].topic, parts->items[i].partition);
        while (parts->slots[at] != 0) {
            at = (at + 1) & (parts->n_slots - 1);
        }
        parts->slots[at] = i + 1;
    }
}

static bool
parts_grow(struct tide_kafka_parts *parts)
{
    const struct tide_host *host = parts->host;
    uint32_t capacity = parts->capacity == 0 ? 8 : parts->capacity * 2;
    struct tide_kafka_part *items = host->alloc(host, capacity * sizeof(*items));
    uint32_t *slots = host->alloc(host, 2 * capacity * sizeof(*slots));
    if (items == NULL || slots == NULL) {
        host->free(host, items);
        host->free(host, slots);
        return false;
    }
    if (parts->n > 0) {
        memcpy(items, parts->items, parts->n * sizeof(*items));
    }
    host->free(host, parts->items);
    host->free(host, parts->slots);
    parts->items = items;
    parts->slots = slots;
    parts->capacity = capacity;
    parts->n_slots = 2 * capacity;
    return true;
}

bool
tide_kafka_parts_add(struct tide_kafka_parts *parts, const struct tide_kafka_part *part)
{
    if (parts->n == parts->capacity && !parts_grow(parts)) {
        return false;
    }
    parts->items[parts->n++] = *part;
    slots_fill(parts);
    return true;
}

void
tide_kafka_parts_remove(struct tide_kafka_parts *parts, struct tide_kafka_part *part)
{
    *part = parts->items[--parts->n];
    slots_fill(parts);
}

struct tide_kafka_part *
tide_kafka_parts_by_id(struct tide_kafka_parts *parts, uint32_t id)
{
    for (uint32_t i = 1; i <= parts->n; i++) {
        uint32_t at = (parts->last + i) % parts->n;
        if (parts->items[at].id == id) {
            parts->last = at;
            return &parts->items[at];
        }
    }
    return NULL;
}

struct tide_kafka_part *
tide_kafka_parts_find(const struct tide_kafka_parts *parts, const struct tide_kafka_topic *topic,
                      int32_t partition)
{
    uint32_t at;
    if (parts->n == 0) {
        return NULL;
    }
    for (at = slot_of(parts, topic, partition); parts->slots[at] != 0;
         at = (at + 1) & (parts->n_slots - 1)) {
        struct tide_kafka_part *part = &parts->items[parts->slots[at] - 1];
        if (part->topic == topic && part->partition == partition) {
            return part;
        }
    }
    return NULL;
}

void
tide_kafka_parts_free(struct tide_kafka_parts *parts)
{
    parts->host->free(parts->host, parts->items);
    parts->host->free(parts->host, parts->slots);
    *parts = (struct tide_kafka_parts){.host = parts->host};
}
