/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client: the real table, a thin layer over librdkafka.
 *
 * A partition is fetched with the simple consumer (rd_kafka_consume_start_queue): starting is one
 * enqueued operation, whereas assign() of the group consumer waits for librdkafka's main thread,
 * which a worker must not. group.id is there only for the group offsets that follow the WAL.
 *
 * A struct tide_kafka_client is an rd_kafka_t with its callbacks; queues and topics are
 * librdkafka's own objects under another name. Logs come on librdkafka's threads, the other
 * callbacks inside poll().
 */
#include "client.h"

#include <string.h>

#define ERROR_TEXT_MAX 512

/* Partitions of one commit: librdkafka counts them in an int. More: refused. */
#define COMMIT_POSITIONS_MAX (1 << 20)

struct tide_kafka_client {
    rd_kafka_t *rk;
    struct tide_kafka_client_config config; /* without its settings */
};

static rd_kafka_topic_t *
topic_real(const struct tide_kafka_topic *topic)
{
    return (rd_kafka_topic_t *)(uintptr_t)topic;
}

static rd_kafka_queue_t *
queue_real(struct tide_kafka_queue *queue)
{
    return (rd_kafka_queue_t *)(void *)queue;
}

static void
error_call(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    struct tide_kafka_client *client = opaque;
    (void)rk;
    client->config.on_error(client->config.self, code, text);
}

static void
ack_call(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct tide_kafka_client *client = opaque;
    (void)rk;
    client->config.on_ack(client->config.self, message->_private, message->err);
}

static void
log_call(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct tide_kafka_client *client = rd_kafka_opaque(rk);
    client->config.on_log(client->config.self, level, facility, text);
}

static int
client_version(void)
{
    return rd_kafka_version();
}

/* Turns the answer of rd_kafka_conf_set into an error that names the key but never the value: it
 * may be a secret. */
static int
setting_result(rd_kafka_conf_res_t result, const char *key, const char *text,
               struct tide_error *err)
{
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED, "librdkafka %s does not know '%s'",
                              rd_kafka_version_str(), key);
    }
    return result == RD_KAFKA_CONF_OK ? 0 : tide_error_set(err, TIDE_ERR_INVALID, "%s", text);
}

static int
client_setting_check(enum tide_kafka_role role, const char *key, const char *value,
                     struct tide_error *err)
{
    char text[ERROR_TEXT_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, key, value, text, sizeof(text));
    (void)role;
    rd_kafka_conf_destroy(conf);
    return setting_result(result, key, text, err);
}

static int
client_conf(const struct tide_kafka_client_config *config, rd_kafka_conf_t *conf,
            struct tide_error *err)
{
    for (uint32_t i = 0; i < config->n_settings; i++) {
        const struct tide_kafka_setting *setting = &config->settings[i];
        char text[ERROR_TEXT_MAX];
        rd_kafka_conf_res_t result =
            rd_kafka_conf_set(conf, setting->key, setting->value, text, sizeof(text));
        int code = setting_result(result, setting->key, text, err);
        if (code != 0) {
            return code;
        }
    }
    rd_kafka_conf_set_log_cb(conf, log_call);
    rd_kafka_conf_set_error_cb(conf, error_call);
    if (config->role == TIDE_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, ack_call);
    }
    return 0;
}

static int
client_open(const struct tide_kafka_client_api *api, const struct tide_kafka_client_config *config,
            struct tide_kafka_client **out_client, struct tide_error *err)
{
    struct tide_kafka_client *client = config->host->alloc(config->host, sizeof(*client));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[ERROR_TEXT_MAX];
    int code;
    (void)api;
    if (client == NULL) {
        code = tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a Kafka client");
        goto failed;
    }
    client->config = *config;
    client->config.settings = NULL;
    code = client_conf(config, conf, err);
    if (code != 0) {
        goto failed;
    }
    rd_kafka_conf_set_opaque(conf, client);
    client->rk =
        rd_kafka_new(config->role == TIDE_KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
                     conf, text, sizeof(text));
    if (client->rk == NULL) {
        code = tide_error_set(err, TIDE_ERR_INVALID, "cannot make a Kafka client: %s", text);
        goto failed;
    }
    *out_client = client;
    return 0;

failed:
    rd_kafka_conf_destroy(conf);
    config->host->free(config->host, client);
    return code;
}

static void
client_close(struct tide_kafka_client *client)
{
    if (client->config.role == TIDE_KAFKA_PRODUCER) {
        rd_kafka_purge(client->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                       RD_KAFKA_PURGE_F_NON_BLOCKING);
    }
    rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    client->config.host->free(client->config.host, client);
}

static void
queue_wake(rd_kafka_queue_t *queue, int fd)
{
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
}

static void
client_wake(struct tide_kafka_client *client, int fd)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client->rk);
    queue_wake(queue, fd);
    rd_kafka_queue_destroy(queue);
}

static bool
client_poll(struct tide_kafka_client *client)
{
    return rd_kafka_poll(client->rk, 0) > 0;
}

static void
client_poll_stop(struct tide_kafka_client *client)
{
    rd_kafka_yield(client->rk);
}

static int
client_fatal(struct tide_kafka_client *client, char *text, size_t text_max)
{
    return rd_kafka_fatal_error(client->rk, text, text_max);
}

static int
client_metadata(struct tide_kafka_client *client, const char *topic, int timeout_ms,
                tide_kafka_topic_fn *each, void *self)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *only = NULL;
    rd_kafka_resp_err_t code;
    if (topic != NULL) {
        only = rd_kafka_topic_new(client->rk, topic, NULL);
        if (only == NULL) {
            return rd_kafka_last_error();
        }
    }
    code = rd_kafka_metadata(client->rk, topic == NULL, only, &metadata, timeout_ms);
    if (only != NULL) {
        rd_kafka_topic_destroy(only);
    }
    if (code != 0) {
        return code;
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];
        each(self, found->topic, found->partition_cnt, found->err);
    }
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

static int
client_range(struct tide_kafka_client *client, const char *topic, int32_t partition, int timeout_ms,
             int64_t *out_first, int64_t *out_next)
{
    return rd_kafka_query_watermark_offsets(client->rk, topic, partition, out_first, out_next,
                                            timeout_ms);
}

/* Waits for the answer to a commit in @queue. */
static int
commit_wait(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    int code = event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : (int)rd_kafka_event_error(event);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    return code;
}

static int
client_commit(struct tide_kafka_client *client, const struct tide_kafka_position *positions,
              uint32_t n, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_queue_t *queue = NULL;
    int code;
    if (n > COMMIT_POSITIONS_MAX) {
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }
    list = rd_kafka_topic_partition_list_new((int)n);
    for (uint32_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)
            ->offset = positions[i].offset;
    }
    if (timeout_ms == 0) {
        code = rd_kafka_commit(client->rk, list, 1);
    } else {
        queue = rd_kafka_queue_new(client->rk);
        code = rd_kafka_commit_queue(client->rk, list, queue, NULL, NULL);
        code = code != 0 ? code : commit_wait(queue, timeout_ms);
        rd_kafka_queue_destroy(queue);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static struct tide_kafka_topic *
client_topic_open(struct tide_kafka_client *client, const char *name)
{
    return (struct tide_kafka_topic *)(void *)rd_kafka_topic_new(client->rk, name, NULL);
}

static void
client_topic_close(struct tide_kafka_topic *topic)
{
    rd_kafka_topic_destroy(topic_real(topic));
}

static const char *
client_topic_name(const struct tide_kafka_topic *topic)
{
    return rd_kafka_topic_name(topic_real(topic));
}

static struct tide_kafka_queue *
client_queue_open(struct tide_kafka_client *client, int fd)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client->rk);
    if (queue != NULL) {
        queue_wake(queue, fd);
    }
    return (struct tide_kafka_queue *)(void *)queue;
}

static void
client_queue_close(struct tide_kafka_queue *queue)
{
    rd_kafka_queue_destroy(queue_real(queue));
}

static int
client_fetch_start(struct tide_kafka_topic *topic, int32_t partition, int64_t offset,
                   struct tide_kafka_queue *queue)
{
    int result =
        rd_kafka_consume_start_queue(topic_real(topic), partition, offset, queue_real(queue));
    return result == 0 ? 0 : (int)rd_kafka_last_error();
}

static void
client_fetch_stop(struct tide_kafka_topic *topic, int32_t partition)
{
    rd_kafka_consume_stop(topic_real(topic), partition);
}

static int32_t
timestamp_type(rd_kafka_timestamp_type_t type)
{
    switch (type) {
    case RD_KAFKA_TIMESTAMP_CREATE_TIME:
        return 0;
    case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME:
        return 1;
    default:
        return -1;
    }
}

static bool
client_consume(struct tide_kafka_queue *queue, struct tide_kafka_record *out)
{
    rd_kafka_message_t *message = rd_kafka_consume_queue(queue_real(queue), 0);
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    if (message == NULL) {
        return false;
    }
    out->message = message;
    out->topic = (struct tide_kafka_topic *)(void *)message->rkt;
    out->partition = message->partition;
    out->code = message->err;
    out->offset = message->offset;
    if (message->err != 0) {
        out->error_text = rd_kafka_message_errstr(message);
        return true;
    }
    out->key = (struct tide_bytes){message->key, (uint32_t)message->key_len};
    out->value = (struct tide_bytes){message->payload, (uint32_t)message->len};
    out->timestamp_ms = rd_kafka_message_timestamp(message, &type);
    out->timestamp_type = timestamp_type(type);
    return true;
}

static void
client_release(struct tide_kafka_record *record)
{
    rd_kafka_message_destroy(record->message);
    record->message = NULL;
}

static bool
client_header(const struct tide_kafka_record *record, uint32_t i, struct tide_kafka_header *out)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(record->message, &headers) != 0 ||
        rd_kafka_header_get_all(headers, i, &out->name, &value, &n) != 0) {
        return false;
    }
    out->value = (struct tide_bytes){value, (uint32_t)n};
    return true;
}

static rd_kafka_headers_t *
headers_make(const struct tide_kafka_outgoing *message)
{
    rd_kafka_headers_t *headers;
    if (message->n_headers == 0) {
        return NULL;
    }
    headers = rd_kafka_headers_new(message->n_headers);
    for (uint32_t i = 0; i < message->n_headers; i++) {
        const struct tide_kafka_header *header = &message->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value.p,
                            header->value.p == NULL ? -1 : (ssize_t)header->value.n);
    }
    return headers;
}

/* The payload is lent (no F_COPY, no F_FREE); on failure the headers stay ours. The argument types
 * are those of the RD_KAFKA_V_ macros, which use an extension of GNU C. */
static int
client_produce(struct tide_kafka_client *client, const struct tide_kafka_outgoing *message)
{
    rd_kafka_headers_t *headers = headers_make(message);
    void *value = (void *)(uintptr_t)message->value.p;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        client->rk, RD_KAFKA_VTYPE_RKT, topic_real(message->topic), RD_KAFKA_VTYPE_PARTITION,
        message->partition, RD_KAFKA_VTYPE_VALUE, value, (size_t)message->value.n,
        RD_KAFKA_VTYPE_KEY, message->key.p, (size_t)message->key.n, RD_KAFKA_VTYPE_OPAQUE,
        message->message, RD_KAFKA_VTYPE_HEADERS, headers, RD_KAFKA_VTYPE_END);
    if (code != 0 && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

static const struct tide_kafka_client_api client_real = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_kafka_client_api),
    .version = client_version,
    .setting_check = client_setting_check,
    .client_open = client_open,
    .client_close = client_close,
    .client_wake = client_wake,
    .poll = client_poll,
    .poll_stop = client_poll_stop,
    .fatal = client_fatal,
    .metadata = client_metadata,
    .range = client_range,
    .commit = client_commit,
    .topic_open = client_topic_open,
    .topic_close = client_topic_close,
    .topic_name = client_topic_name,
    .queue_open = client_queue_open,
    .queue_close = client_queue_close,
    .fetch_start = client_fetch_start,
    .fetch_stop = client_fetch_stop,
    .consume = client_consume,
    .release = client_release,
    .header = client_header,
    .produce = client_produce,
};

const struct tide_kafka_client_api *
tide_kafka_client_real(void)
{
    return &client_real;
}

const struct tide_kafka_client_api *
tide_kafka_client(const struct tide_host *host)
{
    const struct tide_kafka_client_api *twin = host->extension(host, TIDE_KAFKA_CLIENT_EXTENSION);
    return twin != NULL ? twin : &client_real;
}
