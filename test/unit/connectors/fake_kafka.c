/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fake Kafka: see fake_kafka.h.
 */
#include "fake_kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#define EVENTS_MAX FAKE_MESSAGES_MAX

/* Something for poll(): an acknowledgement, or an error of the client. */
struct event {
    void *message; /* NULL: an error */
    int code;
    const char *text;
};

struct tide_kafka_client {
    struct fake_kafka *kafka;
    struct tide_kafka_client_config config;
    int fd;
    struct event events[EVENTS_MAX];
    uint32_t first, n;
    bool stop;
    struct tide_kafka_topic *topics;
};

struct tide_kafka_topic {
    struct tide_kafka_topic *next;
    struct tide_kafka_client *client;
    struct fake_topic *topic; /* NULL: the cluster has no such topic and never had */
    uint32_t references;
    char name[256];
};

/* What lies in a queue: a record by its place, or an error. */
struct queued {
    struct tide_kafka_topic *topic;
    int64_t offset;
    int32_t partition;
    int code;
};

struct tide_kafka_queue {
    struct tide_kafka_client *client;
    int fd;
    struct queued items[FAKE_RECORDS_MAX];
    uint32_t first, n;
};

static struct fake_kafka *
kafka_of(const struct tide_kafka_client_api *api)
{
    return (struct fake_kafka *)(uintptr_t)api;
}

static void
signal_fd(int fd)
{
    const uint64_t one = 1;
    if (fd >= 0) {
        cr_assert_eq(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
    }
}

static struct fake_topic *
topic_find(struct fake_kafka *kafka, const char *name)
{
    for (uint32_t i = 0; i < kafka->n_topics; i++) {
        if (strcmp(kafka->topics[i].name, name) == 0) {
            return &kafka->topics[i];
        }
    }
    return NULL;
}

static struct fake_topic *
topic_there(struct fake_kafka *kafka, const char *name)
{
    struct fake_topic *topic = topic_find(kafka, name);
    return topic != NULL && topic->exists ? topic : NULL;
}

/* ---- the client ---- */

static int
new_version(void)
{
    return 0x020c01ff;
}

static int
setting_check(enum tide_kafka_role role, const char *key, const char *value, struct tide_error *err)
{
    return tide_kafka_client_real()->setting_check(role, key, value, err);
}

static int
client_open(const struct tide_kafka_client_api *api, const struct tide_kafka_client_config *config,
            struct tide_kafka_client **out_client, struct tide_error *err)
{
    struct fake_kafka *kafka = kafka_of(api);
    struct tide_kafka_client *client = calloc(1, sizeof(*client));
    size_t n = 0;
    (void)err;
    client->kafka = kafka;
    client->config = *config;
    client->fd = -1;
    for (uint32_t i = 0; i < config->n_settings; i++) {
        n += (size_t)snprintf(kafka->settings + n, sizeof(kafka->settings) - n, "%s=%s\n",
                              config->settings[i].key, config->settings[i].value);
        cr_assert_lt(n, sizeof(kafka->settings));
    }
    kafka->clients++;
    kafka->opened++;
    kafka->client = client;
    *out_client = client;
    return 0;
}

static void
client_close(struct tide_kafka_client *client)
{
    cr_expect_null(client->topics, "a topic is open");
    client->kafka->clients--;
    if (client->kafka->client == client) {
        client->kafka->client = NULL;
    }
    free(client);
}

static void
client_wake(struct tide_kafka_client *client, int fd)
{
    client->fd = fd;
}

static bool
client_poll(struct tide_kafka_client *client)
{
    bool some = client->n > 0;
    client->stop = false;
    while (client->n > 0 && !client->stop) {
        struct event event = client->events[client->first];
        client->first = (client->first + 1) % EVENTS_MAX;
        client->n--;
        if (event.message != NULL) {
            client->config.on_ack(client->config.self, event.message, event.code);
        } else {
            client->config.on_error(client->config.self, event.code, event.text);
        }
    }
    return some;
}

static void
client_poll_stop(struct tide_kafka_client *client)
{
    client->stop = true;
}

static int
client_fatal(struct tide_kafka_client *client, char *text, size_t text_max)
{
    snprintf(text, text_max, "fatal by script");
    return client->kafka->fatal_code;
}

static void
event_put(struct tide_kafka_client *client, struct event event)
{
    cr_assert_lt(client->n, EVENTS_MAX);
    client->events[(client->first + client->n++) % EVENTS_MAX] = event;
    if (client->n == 1) {
        signal_fd(client->fd);
    }
}

/* ---- questions ---- */

static int
client_metadata(struct tide_kafka_client *client, const char *name, int timeout_ms,
                tide_kafka_topic_fn *each, void *self)
{
    struct fake_kafka *kafka = client->kafka;
    (void)timeout_ms;
    if (kafka->clock_ns != NULL) {
        *kafka->clock_ns += kafka->asking_ns;
    }
    if (kafka->away) {
        return RD_KAFKA_RESP_ERR__TRANSPORT;
    }
    if (name != NULL) {
        struct fake_topic *topic = topic_there(kafka, name);
        each(self, name, topic == NULL ? 0 : topic->n_partitions,
             topic == NULL ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : 0);
        return 0;
    }
    for (uint32_t i = 0; i < kafka->n_topics; i++) {
        if (kafka->topics[i].exists) {
            each(self, kafka->topics[i].name, kafka->topics[i].n_partitions, 0);
        }
    }
    return 0;
}

static int
client_range(struct tide_kafka_client *client, const char *name, int32_t partition, int timeout_ms,
             int64_t *out_first, int64_t *out_next)
{
    struct fake_topic *topic = topic_there(client->kafka, name);
    (void)timeout_ms;
    if (client->kafka->away) {
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    if (topic == NULL || partition >= topic->n_partitions) {
        return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    }
    *out_first = topic->partitions[partition].first;
    *out_next = topic->partitions[partition].next;
    return 0;
}

static int
client_commit(struct tide_kafka_client *client, const struct tide_kafka_position *positions,
              uint32_t n, int timeout_ms)
{
    struct fake_kafka *kafka = client->kafka;
    cr_assert_leq(n, FAKE_PARTITIONS_MAX);
    memcpy(kafka->committed, positions, n * sizeof(*positions));
    kafka->n_committed = n;
    kafka->commits++;
    kafka->commits_waited += timeout_ms > 0;
    return kafka->away ? RD_KAFKA_RESP_ERR__TRANSPORT : 0;
}

/* ---- topics and queues ---- */

static struct tide_kafka_topic *
topic_open(struct tide_kafka_client *client, const char *name)
{
    struct tide_kafka_topic *topic;
    for (topic = client->topics; topic != NULL; topic = topic->next) {
        if (strcmp(topic->name, name) == 0) {
            topic->references++;
            return topic;
        }
    }
    topic = calloc(1, sizeof(*topic));
    topic->client = client;
    topic->topic = topic_find(client->kafka, name);
    topic->references = 1;
    snprintf(topic->name, sizeof(topic->name), "%s", name);
    topic->next = client->topics;
    client->topics = topic;
    client->kafka->topic_objects++;
    return topic;
}

static void
topic_close(struct tide_kafka_topic *topic)
{
    struct tide_kafka_topic **at = &topic->client->topics;
    if (--topic->references > 0) {
        return;
    }
    while (*at != topic) {
        at = &(*at)->next;
    }
    *at = topic->next;
    topic->client->kafka->topic_objects--;
    free(topic);
}

static const char *
topic_name(const struct tide_kafka_topic *topic)
{
    return topic->name;
}

static struct tide_kafka_queue *
queue_open(struct tide_kafka_client *client, int fd)
{
    struct tide_kafka_queue *queue = calloc(1, sizeof(*queue));
    queue->client = client;
    queue->fd = fd;
    client->kafka->queues++;
    return queue;
}

static void
queue_close(struct tide_kafka_queue *queue)
{
    struct fake_kafka *kafka = queue->client->kafka;
    for (uint32_t i = 0; i < kafka->n_topics; i++) {
        for (int32_t p = 0; p < FAKE_PARTITIONS_MAX; p++) {
            if (kafka->topics[i].partitions[p].to == queue) {
                kafka->topics[i].partitions[p].to = NULL;
            }
        }
    }
    kafka->queues--;
    free(queue);
}

static void
queue_put(struct tide_kafka_queue *queue, struct queued item)
{
    cr_assert_lt(queue->n, FAKE_RECORDS_MAX);
    queue->items[(queue->first + queue->n++) % FAKE_RECORDS_MAX] = item;
    if (queue->n == 1) {
        signal_fd(queue->fd);
    }
}

static struct tide_kafka_topic *
object_of(struct tide_kafka_client *client, const struct fake_topic *topic)
{
    for (struct tide_kafka_topic *object = client->topics; object != NULL; object = object->next) {
        if (object->topic == topic) {
            return object;
        }
    }
    return NULL;
}

static void
fetch(struct fake_topic *topic, int32_t partition)
{
    struct fake_partition *from = &topic->partitions[partition];
    while (from->to != NULL && from->fetched < from->next) {
        struct tide_kafka_topic *object = object_of(from->to->client, topic);
        queue_put(from->to, (struct queued){object, from->fetched++, partition, 0});
    }
}

/* A new start makes what is queued of the partition outdated, as in librdkafka. */
static void
purge(struct tide_kafka_queue *queue, const struct tide_kafka_topic *topic, int32_t partition)
{
    uint32_t n = queue->n;
    for (uint32_t i = 0; i < n; i++) {
        struct queued item = queue->items[queue->first];
        queue->first = (queue->first + 1) % FAKE_RECORDS_MAX;
        queue->n--;
        if (item.topic != topic || item.partition != partition) {
            queue->items[(queue->first + queue->n++) % FAKE_RECORDS_MAX] = item;
        }
    }
}

static int
fetch_start(struct tide_kafka_topic *topic, int32_t partition, int64_t offset,
            struct tide_kafka_queue *queue)
{
    struct fake_partition *from;
    purge(queue, topic, partition);
    if (topic->topic == NULL) {
        queue_put(queue,
                  (struct queued){topic, 0, partition, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART});
        return 0;
    }
    from = &topic->topic->partitions[partition];
    cr_assert_not(from->started, "librdkafka would abort");
    from->started = true;
    if (offset < from->first || offset > from->next) {
        queue_put(queue,
                  (struct queued){topic, offset, partition, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET});
        return 0;
    }
    from->to = queue;
    from->fetched = offset;
    fetch(topic->topic, partition);
    return 0;
}

static void
fetch_stop(struct tide_kafka_topic *topic, int32_t partition)
{
    if (topic->topic != NULL) {
        topic->topic->partitions[partition].to = NULL;
        topic->topic->partitions[partition].started = false;
    }
}

static void
record_fill(const struct queued *item, struct tide_kafka_record *out)
{
    const struct fake_record *record =
        &item->topic->topic->partitions[item->partition].records[item->offset % FAKE_RECORDS_MAX];
    out->key = TIDE_KAFKA_ABSENT;
    out->value = TIDE_KAFKA_ABSENT;
    if (record->key != NULL) {
        out->key = (struct tide_bytes){record->key, (uint32_t)strlen(record->key)};
    }
    if (record->value != NULL) {
        uint32_t n = record->value_n != 0 ? record->value_n : (uint32_t)strlen(record->value);
        out->value = (struct tide_bytes){record->value, n};
    }
    out->timestamp_ms = record->timestamp_ms;
    out->timestamp_type = 0;
    out->message = (void *)(uintptr_t)record;
}

static bool
consume(struct tide_kafka_queue *queue, struct tide_kafka_record *out)
{
    struct queued item;
    if (queue->n == 0) {
        return false;
    }
    item = queue->items[queue->first];
    queue->first = (queue->first + 1) % FAKE_RECORDS_MAX;
    queue->n--;
    *out = (struct tide_kafka_record){.topic = item.topic,
                                      .partition = item.partition,
                                      .offset = item.offset,
                                      .code = item.code,
                                      .error_text = "by script"};
    if (item.code == 0) {
        record_fill(&item, out);
    }
    return true;
}

static void
release(struct tide_kafka_record *record)
{
    record->message = NULL;
}

static bool
header(const struct tide_kafka_record *record, uint32_t i, struct tide_kafka_header *out)
{
    static char name[64];
    const struct fake_record *from = record->message;
    const char *equals;
    if (from->header == NULL || i > 0) {
        return false;
    }
    equals = strchr(from->header, '=');
    snprintf(name, sizeof(name), "%.*s", (int)(equals - from->header), from->header);
    out->name = name;
    out->value = (struct tide_bytes){equals + 1, (uint32_t)strlen(equals + 1)};
    return true;
}

/* ---- producing ---- */

static int
produce(struct tide_kafka_client *client, const struct tide_kafka_outgoing *out)
{
    struct fake_kafka *kafka = client->kafka;
    struct fake_message *message = &kafka->messages[kafka->n_messages];
    if (kafka->produce_code != 0) {
        return kafka->produce_code;
    }
    if (kafka->n_messages - kafka->n_answered >= kafka->produce_room) {
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    }
    cr_assert_lt(kafka->n_messages, FAKE_MESSAGES_MAX);
    *message = (struct fake_message){
        .topic = out->topic,
        .message = out->message,
        .key = out->key.p,
        .key_n = out->key.n,
        .value = out->value.p,
        .value_n = out->value.n,
        .partition = out->partition,
        .n_headers = out->n_headers,
    };
    if (out->n_headers > 0) {
        snprintf(message->header, sizeof(message->header), "%s=%.*s", out->headers[0].name,
                 (int)out->headers[0].value.n, (const char *)out->headers[0].value.p);
    }
    kafka->n_messages++;
    return 0;
}

/* ---- the test's side ---- */

void
fake_kafka_init(struct fake_kafka *kafka)
{
    memset(kafka, 0, sizeof(*kafka));
    kafka->produce_room = FAKE_MESSAGES_MAX;
    kafka->api = (struct tide_kafka_client_api){
        .abi = TIDE_ABI_VERSION,
        .size = sizeof(kafka->api),
        .version = new_version,
        .setting_check = setting_check,
        .client_open = client_open,
        .client_close = client_close,
        .client_wake = client_wake,
        .poll = client_poll,
        .poll_stop = client_poll_stop,
        .fatal = client_fatal,
        .metadata = client_metadata,
        .range = client_range,
        .commit = client_commit,
        .topic_open = topic_open,
        .topic_close = topic_close,
        .topic_name = topic_name,
        .queue_open = queue_open,
        .queue_close = queue_close,
        .fetch_start = fetch_start,
        .fetch_stop = fetch_stop,
        .consume = consume,
        .release = release,
        .header = header,
        .produce = produce,
    };
}

void
fake_kafka_fini(struct fake_kafka *kafka)
{
    cr_expect_eq(kafka->clients, 0);
    cr_expect_eq(kafka->topic_objects, 0);
    cr_expect_eq(kafka->queues, 0);
}

struct fake_topic *
fake_kafka_topic(struct fake_kafka *kafka, const char *name, int32_t n_partitions)
{
    struct fake_topic *topic = topic_find(kafka, name);
    if (topic == NULL) {
        cr_assert_lt(kafka->n_topics, FAKE_TOPICS_MAX);
        topic = &kafka->topics[kafka->n_topics++];
    }
    cr_assert_leq(n_partitions, FAKE_PARTITIONS_MAX);
    snprintf(topic->name, sizeof(topic->name), "%s", name);
    topic->n_partitions = n_partitions;
    topic->exists = true;
    return topic;
}

void
fake_kafka_append(struct fake_kafka *kafka, const char *topic, int32_t partition,
                  struct fake_record record)
{
    struct fake_topic *to = topic_find(kafka, topic);
    struct fake_partition *at = &to->partitions[partition];
    at->records[at->next++ % FAKE_RECORDS_MAX] = record;
    fetch(to, partition);
}

void
fake_kafka_error(struct fake_kafka *kafka, const char *topic, int32_t partition, int code)
{
    struct fake_topic *from = topic_find(kafka, topic);
    struct fake_partition *at = &from->partitions[partition];
    cr_assert_not_null(at->to);
    queue_put(at->to, (struct queued){object_of(at->to->client, from), 0, partition, code});
}

void
fake_kafka_retain(struct fake_kafka *kafka, const char *topic, int32_t partition, int64_t first)
{
    struct fake_partition *at = &topic_find(kafka, topic)->partitions[partition];
    at->first = first;
    at->next = at->next < first ? first : at->next;
}

void
fake_kafka_answer(struct fake_kafka *kafka, uint32_t i, int code)
{
    struct fake_message *message = &kafka->messages[i];
    cr_assert_lt(i, kafka->n_messages);
    cr_assert_not(message->answered);
    message->answered = true;
    kafka->n_answered++;
    event_put(kafka->client, (struct event){message->message, code, NULL});
}

void
fake_kafka_answer_all(struct fake_kafka *kafka, int code)
{
    for (uint32_t i = 0; i < kafka->n_messages; i++) {
        if (!kafka->messages[i].answered) {
            fake_kafka_answer(kafka, i, code);
        }
    }
}

void
fake_kafka_trouble(struct fake_kafka *kafka, int code, const char *text)
{
    event_put(kafka->client, (struct event){NULL, code, text});
}

const char *
fake_kafka_value(const struct fake_kafka *kafka, uint32_t i)
{
    static char text[256];
    cr_assert_lt(i, kafka->n_messages);
    snprintf(text, sizeof(text), "%.*s", (int)kafka->messages[i].value_n,
             (const char *)kafka->messages[i].value);
    return text;
}
