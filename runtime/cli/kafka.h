/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gen and cat have in common on a Kafka cluster: clients, and whether topic and brokers are
 * there. Neither waits for a broker that is away.
 *
 * Threads: the program's only one; librdkafka has its own.
 */
#ifndef TIDE_CLI_KAFKA_H
#define TIDE_CLI_KAFKA_H

#include <stddef.h>

#include <librdkafka/rdkafka.h>

/* One setting of librdkafka. A table of them ends with a NULL name. */
struct cli_kafka_setting {
    const char *name, *value;
};

/*
 * A client for @brokers with @settings. 0, or the exit code after saying why. @delivered: of a
 * producer, or NULL; its @opaque.
 */
int cli_kafka_open(rd_kafka_type_t type, const char *brokers,
                   const struct cli_kafka_setting *settings,
                   void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *),
                   void *opaque, rd_kafka_t **out_client);

/* The number of partitions of @topic. 0, or the exit code after saying why: 9 when no broker
 * answers, 6 when there is no such topic. */
int cli_kafka_partitions(rd_kafka_t *client, const char *brokers, const char *topic,
                         int32_t *out_count);

#endif
