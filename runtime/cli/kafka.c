/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka for gen and cat: see kafka.h. */
#include "kafka.h"

#include <string.h>
#include <unistd.h>

#include "say.h"

#define METADATA_MS 10000
#define TOPIC_TRIES 20 /* a broker that makes topics on demand needs a moment */
#define TOPIC_PAUSE_US 250000u

/* What librdkafka says about brokers is repeated by the call that fails for it. */
static void
no_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    (void)level;
    (void)facility;
    (void)text;
}

static int
set_all(rd_kafka_conf_t *conf, const struct cli_kafka_setting *settings, char *out, size_t out_max)
{
    for (const struct cli_kafka_setting *s = settings; s->name != NULL; s++) {
        if (rd_kafka_conf_set(conf, s->name, s->value, out, out_max) != RD_KAFKA_CONF_OK) {
            return 1;
        }
    }
    return 0;
}

int
cli_kafka_open(rd_kafka_type_t type, const char *brokers, const struct cli_kafka_setting *settings,
               void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *opaque,
               rd_kafka_t **out_client)
{
    const struct cli_kafka_setting own[] = {{"bootstrap.servers", brokers}, {NULL, NULL}};
    char text[512] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, no_log);
    rd_kafka_conf_set_opaque(conf, opaque);
    if (delivered != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    }
    rd_kafka_t *client = NULL;
    if (set_all(conf, own, text, sizeof(text)) == 0 &&
        set_all(conf, settings, text, sizeof(text)) == 0) {
        client = rd_kafka_new(type, conf, text, sizeof(text));
    }
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        cli_say("%s: %s", brokers, text);
        return CLI_EXIT_USAGE;
    }
    *out_client = client;
    return 0;
}

/* One question; RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE while the topic is being made. */
static rd_kafka_resp_err_t
ask(rd_kafka_t *client, const char *topic, int32_t *out_count)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (handle == NULL) {
        return rd_kafka_last_error();
    }
    rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, handle, &found, METADATA_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && found->topic_cnt == 1) {
        err = found->topics[0].err;
        *out_count = found->topics[0].partition_cnt;
    }
    if (found != NULL) {
        rd_kafka_metadata_destroy(found);
    }
    rd_kafka_topic_destroy(handle);
    return err;
}

int
cli_kafka_partitions(rd_kafka_t *client, const char *brokers, const char *topic, int32_t *out_count)
{
    int32_t count = 0;
    rd_kafka_resp_err_t err = ask(client, topic, &count);
    for (int i = 0; i < TOPIC_TRIES && err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE; i++) {
        usleep(TOPIC_PAUSE_US);
        err = ask(client, topic, &count);
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0) {
        *out_count = count;
        return 0;
    }
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        cli_say("there is no topic %s on %s", topic, brokers);
        return CLI_EXIT_PIPELINE;
    }
    cli_say("%s: %s", brokers, rd_kafka_err2str(err));
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT
               ? CLI_EXIT_UNREACHABLE
               : 1;
}
