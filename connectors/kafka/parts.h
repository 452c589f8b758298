/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts: the partitions that one task reads, found by id and by what a record says of itself.
 *
 * Grows when partitions are assigned, never while records flow. Pointers to parts are good until
 * the next add or remove. Threads: the task's worker.
 */
#ifndef TIDE_KAFKA_PARTS_H
#define TIDE_KAFKA_PARTS_H

#include <tidemark/plugin.h>

#include "client.h"

struct tide_kafka_part {
    struct tide_kafka_topic *topic;
    int64_t next; /* the offset of the next record to put out */
    uint32_t id;  /* the host's id of the split */
    int32_t partition;
    uint32_t topic_n; /* length of the topic's name */
    int trouble;      /* code for which it gets no records, 0: none */
    bool lost;        /* `next` is not in Kafka any more: what is there is being asked for */
    bool deferred;    /* starts when the end of an earlier fetch is through */
};

struct tide_kafka_parts {
    const struct tide_host *host;
    struct tide_kafka_part *items;
    uint32_t n, capacity;
    uint32_t *slots; /* open addressing: index + 1, 0 is empty */
    uint32_t n_slots;
    uint32_t last; /* index found last by id: the next asked for is probably behind it */
};

/* Adds a copy of @part. False: no memory. @thread task */
bool tide_kafka_parts_add(struct tide_kafka_parts *parts, const struct tide_kafka_part *part);

/* @thread task */
void tide_kafka_parts_remove(struct tide_kafka_parts *parts, struct tide_kafka_part *part);

/* NULL: none. @thread task */
struct tide_kafka_part *tide_kafka_parts_by_id(struct tide_kafka_parts *parts, uint32_t id);
struct tide_kafka_part *tide_kafka_parts_find(const struct tide_kafka_parts *parts,
                                              const struct tide_kafka_topic *topic,
                                              int32_t partition);

/* Frees the memory; topics are the caller's. @thread start */
void tide_kafka_parts_free(struct tide_kafka_parts *parts);

#endif
