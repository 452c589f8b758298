/* SPDX-License-Identifier: Apache-2.0 */
/* The clients of the measuring programs. See the header. */
#include "client/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC_WAIT_MS 30000
#define PAUSE_MS 50
#define REQUEST_MS 10000
#define PARTITIONS_MAX 1024

struct row {
    const char *key;
    const char *value;
};

static const struct row producer_rows[] = {
    {"acks", "all"},
    {"enable.idempotence", "true"},
    {"message.timeout.ms", "0"},
    {"partitioner", "murmur2_random"},
    {"linger.ms", "0"},
    {"max.in.flight", "1"},
    {"socket.nagle.disable", "true"},
    {NULL, NULL},
};

static const struct row consumer_rows[] = {
    {"group.id", "tidemark-bench"}, /* librdkafka wants one; assign() never joins it */
    {"enable.auto.commit", "false"},         {"auto.offset.reset", "error"},
    {"isolation.level", "read_uncommitted"}, {"fetch.wait.max.ms", "100"},
    {"socket.nagle.disable", "true"},        {NULL, NULL},
};

void
bench_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(code);
}

void
bench_override_add(struct bench_overrides *overrides, const char *row)
{
    if (strchr(row, '=') == NULL || overrides->count == BENCH_OVERRIDES_MAX) {
        bench_fail(2, "-X takes key=value, at most %d times; found: %s", BENCH_OVERRIDES_MAX, row);
    }
    overrides->rows[overrides->count++] = row;
}

static void
conf_set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char reason[512];
    if (rd_kafka_conf_set(conf, key, value, reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
        bench_fail(2, "%s", reason);
    }
}

/* Applies the rows meant for both clients or for the one of @role ("consumer." or "producer."). */
static void
conf_override(rd_kafka_conf_t *conf, const struct bench_overrides *overrides, const char *role)
{
    const char *other = strcmp(role, "consumer.") == 0 ? "producer." : "consumer.";
    for (size_t i = 0; i < overrides->count; i++) {
        const char *row = overrides->rows[i];
        char key[256];
        if (strncmp(row, other, strlen(other)) == 0) {
            continue;
        }
        row += strncmp(row, role, strlen(role)) == 0 ? strlen(role) : 0;
        const char *equals = strchr(row, '=');
        snprintf(key, sizeof(key), "%.*s", (int)(equals - row), row);
        conf_set(conf, key, equals + 1);
    }
}

static rd_kafka_conf_t *
conf_make(const char *brokers, const struct row *rows)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    conf_set(conf, "bootstrap.servers", brokers);
    for (; rows->key != NULL; rows++) {
        conf_set(conf, rows->key, rows->value);
    }
    return conf;
}

static rd_kafka_t *
client_make(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char reason[512];
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof(reason));
    if (client == NULL) {
        bench_fail(1, "%s", reason);
    }
    return client;
}

rd_kafka_t *
bench_producer(const char *brokers, const struct bench_overrides *overrides,
               void (*on_delivery)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *arg)
{
    rd_kafka_conf_t *conf = conf_make(brokers, producer_rows);
    conf_override(conf, overrides, "producer.");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, arg);
    return client_make(RD_KAFKA_PRODUCER, conf);
}

rd_kafka_t *
bench_consumer(const char *brokers, const struct bench_overrides *overrides)
{
    rd_kafka_conf_t *conf = conf_make(brokers, consumer_rows);
    conf_override(conf, overrides, "consumer.");
    rd_kafka_t *consumer = client_make(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(consumer);
    return consumer;
}

static void
pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000 * 1000};
    (void)nanosleep(&pause, NULL);
}

/* How many partitions the topic has; 0 while it does not exist. */
static int
partitions_of(rd_kafka_t *client, const char *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int count = 0;
    /* All topics: asking for one by name may create it. */
    if (rd_kafka_metadata(client, 1, NULL, &metadata, REQUEST_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, topic) == 0) {
            count = metadata->topics[i].partition_cnt;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* The first or the end offset of a partition; a leader that has just been elected may not know it
 * yet. */
static int64_t
offset_of(rd_kafka_t *consumer, const char *topic, int partition, int from_beginning)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int tries = TOPIC_WAIT_MS / PAUSE_MS; tries > 0; tries--) {
        int64_t low = 0;
        int64_t high = 0;
        code =
            rd_kafka_query_watermark_offsets(consumer, topic, partition, &low, &high, REQUEST_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return from_beginning ? low : high;
        }
        pause_ms(PAUSE_MS);
    }
    bench_fail(1, "%s %d: %s", topic, partition, rd_kafka_err2str(code));
}

int
bench_assign(rd_kafka_t *consumer, const char *topic, int from_beginning)
{
    int count = partitions_of(consumer, topic);
    for (int tries = TOPIC_WAIT_MS / PAUSE_MS; count == 0 && tries > 0; tries--) {
        pause_ms(PAUSE_MS);
        count = partitions_of(consumer, topic);
    }
    if (count == 0 || count > PARTITIONS_MAX) {
        bench_fail(1, "topic %s: %d partitions", topic, count);
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int p = 0; p < count; p++) {
        rd_kafka_topic_partition_list_add(list, topic, p)->offset =
            offset_of(consumer, topic, p, from_beginning);
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail(1, "%s: %s", topic, rd_kafka_err2str(code));
    }
    return count;
}

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t
bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
bench_epoch_offset_ns(void)
{
    return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
}
