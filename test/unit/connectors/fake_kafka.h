/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fake Kafka: a cluster in memory behind the connector's table of client functions.
 *
 * Partitions with records, topics that come and go, brokers that do not answer; produced messages
 * that wait until the test acknowledges them, one by one and in any order. Texts that a call points
 * to (payloads of produced messages) are read when they are acknowledged, as librdkafka would.
 */
#ifndef TIDE_TEST_FAKE_KAFKA_H
#define TIDE_TEST_FAKE_KAFKA_H

#include <stdbool.h>
#include <stdint.h>

#include "kafka/client.h"

#define FAKE_TOPICS_MAX 8
#define FAKE_PARTITIONS_MAX 8
#define FAKE_RECORDS_MAX 1024
#define FAKE_MESSAGES_MAX 4096

struct fake_record {
    const char *key, *value; /* NULL: absent */
    uint32_t value_n;        /* 0: as a text */
    const char *header;      /* "name=value", NULL: none */
    int64_t timestamp_ms;
};

struct fake_partition {
    struct fake_record records[FAKE_RECORDS_MAX];
    int64_t first, next;         /* offsets; record of offset o is records[o % MAX] */
    bool started;                /* and not stopped: to start it again is an error */
    struct tide_kafka_queue *to; /* where it is fetched to */
    int64_t fetched;             /* next offset to be fetched */
};

struct fake_topic {
    char name[64];
    bool exists;
    int32_t n_partitions;
    struct fake_partition partitions[FAKE_PARTITIONS_MAX];
};

/* A message as it was produced. */
struct fake_message {
    struct tide_kafka_topic *topic;
    void *message;
    const void *key, *value;
    uint32_t key_n, value_n;
    int32_t partition;
    char header[128]; /* of the first header, "name=value"; "" without */
    uint32_t n_headers;
    bool answered;
};

struct fake_kafka {
    struct tide_kafka_client_api api; /* first: what is published */
    struct fake_topic topics[FAKE_TOPICS_MAX];
    uint32_t n_topics;
    bool away; /* no broker answers */
    uint64_t
        *clock_ns; /* goes on by `asking_ns` with each question; NULL: questions take no time */
    uint64_t asking_ns;
    int produce_code;      /* of produce(), 0: taken */
    uint32_t produce_room; /* messages out at most; more are QUEUE_FULL */
    int fatal_code;
    uint32_t clients, topic_objects, queues; /* open now */
    uint32_t opened;                         /* clients ever opened */
    char settings[4096];                     /* of the client opened last: "key=value\n" */

    struct fake_message messages[FAKE_MESSAGES_MAX];
    uint32_t n_messages, n_answered;
    struct tide_kafka_position committed[FAKE_PARTITIONS_MAX];
    uint32_t n_committed, commits, commits_waited;
    struct tide_kafka_client *client; /* the one opened last */
};

void fake_kafka_init(struct fake_kafka *kafka);
/* Checks that everything was closed. */
void fake_kafka_fini(struct fake_kafka *kafka);

struct fake_topic *fake_kafka_topic(struct fake_kafka *kafka, const char *name,
                                    int32_t n_partitions);
/* Appends a record; it is delivered at once to who fetches. */
void fake_kafka_append(struct fake_kafka *kafka, const char *topic, int32_t partition,
                       struct fake_record record);
/* Puts an error in the place of the next record of a partition that is fetched. */
void fake_kafka_error(struct fake_kafka *kafka, const char *topic, int32_t partition, int code);
/* Retention: offsets below @first are gone. */
void fake_kafka_retain(struct fake_kafka *kafka, const char *topic, int32_t partition,
                       int64_t first);
/* Answers produced message @i (0: the first ever) with @code at the next poll. */
void fake_kafka_answer(struct fake_kafka *kafka, uint32_t i, int code);
/* Answers all that are not answered yet. */
void fake_kafka_answer_all(struct fake_kafka *kafka, int code);
/* Reports an error of the client at the next poll. */
void fake_kafka_trouble(struct fake_kafka *kafka, int code, const char *text);
/* The value of produced message @i as a text. */
const char *fake_kafka_value(const struct fake_kafka *kafka, uint32_t i);

#endif
