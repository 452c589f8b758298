/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test data into a topic.
 *
 * Every record's delivery report is waited for at the end; a record that was refused ends the verb
 * with exit code 1.
 */
#include <stdlib.h>

#include "gen_out.h"
#include "kafka.h"
#include "say.h"

#define FULL_MS 100    /* how long a full queue is waited for at a time */
#define FLUSH_MS 30000 /* at the end */

struct topic {
    rd_kafka_t *client;
    rd_kafka_topic_t *handle;
    const char *name;
    uint64_t delivered, refused;
    rd_kafka_resp_err_t why; /* of the first refusal */
};

static void
on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct topic *topic = opaque;
    (void)client;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        topic->delivered++;
    } else if (topic->refused++ == 0) {
        topic->why = message->err;
    }
}

static int
say_refused(const struct topic *topic)
{
    cli_say("topic %s refused %llu records: %s", topic->name, (unsigned long long)topic->refused,
            rd_kafka_err2str(topic->why));
    return 1;
}

static int
topic_put(void *self, const struct cli_gen_record *record)
{
    struct topic *topic = self;
    for (;;) {
        void *value = (void *)(uintptr_t)record->value;
        const void *key = record->key_len > 0 ? record->key : NULL;
        if (rd_kafka_produce(topic->handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value,
                             record->value_len, key, record->key_len, NULL) == 0) {
            break;
        }
        rd_kafka_resp_err_t err = rd_kafka_last_error();
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            cli_say("topic %s: %s", topic->name, rd_kafka_err2str(err));
            return 1;
        }
        rd_kafka_poll(topic->client, FULL_MS);
        if (topic->refused > 0) {
            return say_refused(topic);
        }
    }
    return 0;
}

static int
topic_rest(void *self)
{
    struct topic *topic = self;
    rd_kafka_poll(topic->client, 0);
    return topic->refused > 0 ? say_refused(topic) : 0;
}

static void
topic_free(struct topic *topic)
{
    if (topic->handle != NULL) {
        rd_kafka_topic_destroy(topic->handle);
    }
    if (topic->client != NULL) {
        rd_kafka_destroy(topic->client);
    }
    free(topic);
}

static int
topic_end(void *self, uint64_t *out_delivered)
{
    struct topic *topic = self;
    int code = 0;
    if (rd_kafka_flush(topic->client, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        cli_say("topic %s: %d records were not acknowledged in %d s", topic->name,
                rd_kafka_outq_len(topic->client), FLUSH_MS / 1000);
        rd_kafka_purge(topic->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        code = CLI_EXIT_UNREACHABLE;
    } else if (topic->refused > 0) {
        code = say_refused(topic);
    }
    *out_delivered = topic->delivered;
    topic_free(topic);
    return code;
}

int
cli_gen_topic(const char *brokers, const char *name, struct cli_gen_out *out)
{
    static const struct cli_kafka_setting settings[] = {{"linger.ms", "1"},
                                                        {"partitioner", "murmur2_random"},
                                                        {"sticky.partitioning.linger.ms", "0"},
                                                        {"enable.idempotence", "true"},
                                                        {NULL, NULL}};
    int32_t partitions;
    struct topic *topic = calloc(1, sizeof(*topic));
    if (topic == NULL) {
        cli_say("out of memory");
        return 1;
    }
    topic->name = name;
    int code =
        cli_kafka_open(RD_KAFKA_PRODUCER, brokers, settings, on_delivered, topic, &topic->client);
    code = code != 0 ? code : cli_kafka_partitions(topic->client, brokers, name, &partitions);
    if (code == 0) {
        topic->handle = rd_kafka_topic_new(topic->client, name, NULL);
        code = topic->handle == NULL ? 1 : 0;
    }
    if (code != 0) {
        topic_free(topic);
        return code;
    }
    *out =
        (struct cli_gen_out){.self = topic, .put = topic_put, .rest = topic_rest, .end = topic_end};
    return 0;
}
