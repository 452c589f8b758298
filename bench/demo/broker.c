/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded broker: see broker.h. */
#include "demo/broker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "client/client.h"

#define TOPICS_MAX 8
#define START_MS 10000

/* What a partition keeps, and what one record takes of it: a card transaction with its key, alone
 * in its batch, as it is at rates below a thousand a second and partition. */
#define PARTITION_BYTES (5u << 20)
#define RECORD_BYTES 420u
/* Keys do not fall evenly. */
#define FILL 0.7

#define PARTITIONS_MIN 4
#define PARTITIONS_MAX 32

uint64_t
broker_records_max(void)
{
    return (uint64_t)(FILL * PARTITION_BYTES * PARTITIONS_MAX / RECORD_BYTES);
}

int
broker_partitions(uint64_t records)
{
    int partitions = (int)((double)records * RECORD_BYTES / (FILL * PARTITION_BYTES)) + 1;
    if (records > broker_records_max()) {
        return 0;
    }
    return partitions < PARTITIONS_MIN ? PARTITIONS_MIN : partitions;
}

/* Reads the line with the address; 0: none came. */
static size_t
address_read(const struct child *child, char out[BROKER_ADDRESS_BYTES])
{
    struct pollfd waiting = {.fd = child->out, .events = POLLIN};
    size_t n = 0;
    while (n + 1 < BROKER_ADDRESS_BYTES && poll(&waiting, 1, START_MS) == 1) {
        ssize_t got = read(child->out, out + n, 1);
        if (got != 1 || out[n] == '\n') {
            out[n] = '\0';
            return got == 1 ? n : 0;
        }
        n++;
    }
    return 0;
}

void
broker_start(struct child *child, const char *const *topics, int partitions, const char *log,
             char out_address[BROKER_ADDRESS_BYTES])
{
    char number[16];
    const char *argv[TOPICS_MAX + 4] = {"/proc/self/exe", "broker", number};
    snprintf(number, sizeof(number), "%d", partitions);
    for (size_t i = 0; i < TOPICS_MAX && topics[i] != NULL; i++) {
        argv[3 + i] = topics[i];
    }
    child_start(child, argv, log);
    if (address_read(child, out_address) == 0) {
        bench_fail(1, "the embedded broker did not start");
    }
}

int
broker_main(int argc, char **argv)
{
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int partitions = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
    (void)rd_kafka_conf_set(conf, "log_level", "3", reason, sizeof(reason));
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    rd_kafka_mock_cluster_t *cluster = host != NULL ? rd_kafka_mock_cluster_new(host, 1) : NULL;
    if (cluster == NULL || partitions < 1) {
        bench_fail(1, "no mock cluster");
    }
    for (int i = 2; i < argc; i++) {
        if (rd_kafka_mock_topic_create(cluster, argv[i], partitions, 1) != 0) {
            bench_fail(1, "cannot make topic %s", argv[i]);
        }
    }
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    (void)fflush(stdout);
    for (;;) {
        (void)pause(); /* until the parent dies, or kills it */
    }
}
