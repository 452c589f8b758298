/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets: how a position in a partition is written, in options and in the WAL.
 *
 * In options, as in Spark: {"topicA":[0,1]} names partitions (`assign`), {"topicA":{"0":23,"1":-1}}
 * names offsets (`startingOffsets`), -2 being the earliest and -1 the latest. In the WAL: the next
 * offset to read, 8 bytes, little endian. A split is named "topic-partition".
 */
#ifndef TIDE_KAFKA_OFFSETS_H
#define TIDE_KAFKA_OFFSETS_H

#include <tidemark/plugin.h>

#include "arena.h"

#define TIDE_KAFKA_OFFSET_BYTES 8u
#define TIDE_KAFKA_EARLIEST (-2)
#define TIDE_KAFKA_LATEST (-1)

/* Kafka's own limit for the name of a topic. */
#define TIDE_KAFKA_TOPIC_MAX 249u

/* A partition and, where one is given, an offset in it. */
struct tide_kafka_place {
    const char *topic;
    int64_t offset;
    int32_t partition;
};

struct tide_kafka_places {
    struct tide_kafka_place *items;
    uint32_t n;
};

/* {"topic":[0,1]}: partitions. TIDE_ERR_INVALID with err->at, TIDE_ERR_NOMEM. @thread start */
int tide_kafka_parse_partitions(struct tide_kafka_arena *arena, const char *json,
                                struct tide_kafka_places *out_places, struct tide_error *err);

/* {"topic":{"0":23}}: partitions with offsets. Errors as above. @thread start */
int tide_kafka_parse_offsets(struct tide_kafka_arena *arena, const char *json,
                             struct tide_kafka_places *out_places, struct tide_error *err);

/* The place of a partition in the list, or NULL. @thread start */
const struct tide_kafka_place *tide_kafka_places_find(const struct tide_kafka_places *places,
                                                      const char *topic, int32_t partition);

/* Whether Kafka allows @name (of @n bytes) as a topic: letters, digits, '.', '_', '-', at most 249
 * of them, not "." or "..". @thread any */
bool tide_kafka_topic_valid(const char *name, uint32_t n);

/* Splits "topic-3"; false when it is no such name. @thread any */
bool tide_kafka_split_parse(const char *split, char out_topic[TIDE_KAFKA_TOPIC_MAX + 1],
                            int32_t *out_partition);

/* The next offset as bytes and back; get answers -1 for bytes of another length. @thread any */
void tide_kafka_offset_put(int64_t offset, void *out);
int64_t tide_kafka_offset_get(struct tide_bytes bytes);

/* In decimal. Returns the length, as snprintf. @thread any */
int tide_kafka_offset_text(struct tide_bytes offset, char *out, uint32_t out_max);

#endif
