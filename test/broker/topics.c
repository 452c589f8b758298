/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tidemark-topics: makes, deletes, grows and measures topics of a test broker.
 *
 *   tidemark-topics BOOTSTRAP create NAME:PARTITIONS...
 *   tidemark-topics BOOTSTRAP delete NAME...
 *   tidemark-topics BOOTSTRAP add-partitions NAME:TOTAL...
 *   tidemark-topics BOOTSTRAP offsets NAME...        (prints: NAME PARTITION LOW HIGH)
 *
 * The Kafka artifact of the tests brings no tool of its own, and a topic that auto-creation makes
 * on first use shows its first consumer no partition. Everything goes through librdkafka's Admin
 * API and waits until the broker's metadata agrees, so that the next command sees what this one
 * did.
 *
 * One thread. Exit codes: 0 done, 1 refused by the broker or timed out, 2 usage.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#define TIMEOUT_MS 30000
#define TOPICS_MAX 256

enum verb { VERB_CREATE, VERB_DELETE, VERB_GROW, VERB_OFFSETS };

/* The verbs: word, whether a name carries ":COUNT". */
static const struct {
    const char *word;
    enum verb verb;
    int counted;
} verbs[] = {
    {"create", VERB_CREATE, 1},
    {"delete", VERB_DELETE, 0},
    {"add-partitions", VERB_GROW, 1},
    {"offsets", VERB_OFFSETS, 0},
};

struct topic {
    char name[256];
    int partitions; /* -1 where the verb takes no count */
};

struct request {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    struct topic topics[TOPICS_MAX];
    size_t count;
};

static _Noreturn void __attribute__((format(printf, 2, 3))) fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "tidemark-topics: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(code);
}

static struct topic
topic_parse(const char *text, int counted)
{
    struct topic topic = {.partitions = -1};
    const char *colon = strrchr(text, ':');
    size_t length = counted && colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (length == 0 || length >= sizeof(topic.name)) {
        fail(2, "bad topic name: %s", text);
    }
    memcpy(topic.name, text, length);
    if (counted) {
        char *end = NULL;
        long n = colon == NULL ? 0 : strtol(colon + 1, &end, 10);
        if (n < 1 || n > 10000 || *end != '\0') {
            fail(2, "expected NAME:PARTITIONS, found: %s", text);
        }
        topic.partitions = (int)n;
    }
    return topic;
}

static rd_kafka_t *
client_open(const char *bootstrap)
{
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, reason, sizeof(reason)) != 0) {
        fail(2, "%s", reason);
    }
    (void)rd_kafka_conf_set(conf, "log_level", "2", reason, sizeof(reason));
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (client == NULL) {
        fail(1, "%s", reason);
    }
    return client;
}

/* Checks one topic's answer of an admin event; counts what was refused. */
static int
result_check(const rd_kafka_topic_result_t *result)
{
    if (rd_kafka_topic_result_error(result) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    const char *why = rd_kafka_topic_result_error_string(result);
    fprintf(stderr, "tidemark-topics: %s: %s\n", rd_kafka_topic_result_name(result),
            why != NULL ? why : rd_kafka_err2name(rd_kafka_topic_result_error(result)));
    return 1;
}

/* Waits for the answer to the request just sent; returns how many topics were refused. */
static int
answer_wait(struct request *request)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(request->queue, TIMEOUT_MS + 5000);
    if (event == NULL) {
        fail(1, "no answer within %d ms", TIMEOUT_MS + 5000);
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(1, "%s", rd_kafka_event_error_string(event));
    }
    const rd_kafka_topic_result_t **results = NULL;
    size_t n = 0;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT) {
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DELETETOPICS_RESULT) {
        results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT) {
        results = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event), &n);
    }
    int refused = n == request->count ? 0 : 1;
    for (size_t i = 0; i < n; i++) {
        refused += result_check(results[i]);
    }
    rd_kafka_event_destroy(event);
    return refused;
}

/* How many partitions with a leader the broker's metadata shows for the topic; 0: it does not
 * exist. */
static int
partitions_seen(rd_kafka_t *client, const char *name)
{
    const struct rd_kafka_metadata *metadata = NULL;
    /* All topics: asking for one by name may create it. */
    if (rd_kafka_metadata(client, 1, NULL, &metadata, TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -1;
    }
    int seen = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        if (strcmp(topic->topic, name) == 0) {
            for (int p = 0; p < topic->partition_cnt; p++) {
                seen += topic->partitions[p].leader >= 0;
            }
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return seen;
}

/* Whether the leader of each partition answers: metadata may show a leader that does not know it
 * yet. */
static int
leaders_answer(rd_kafka_t *client, const char *name, int partitions)
{
    for (int p = 0; p < partitions; p++) {
        int64_t low = 0;
        int64_t high = 0;
        if (rd_kafka_query_watermark_offsets(client, name, p, &low, &high, TIMEOUT_MS) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            return 0;
        }
    }
    return 1;
}

/* Waits until the broker shows and serves what the request asked for (0 partitions: deleted). */
static int
metadata_wait(struct request *request, enum verb verb)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    for (size_t i = 0; i < request->count; i++) {
        const struct topic *topic = &request->topics[i];
        int wanted = verb == VERB_DELETE ? 0 : topic->partitions;
        int tries = TIMEOUT_MS / 20;
        while (partitions_seen(request->client, topic->name) != wanted ||
               !leaders_answer(request->client, topic->name, wanted)) {
            if (--tries == 0) {
                fprintf(stderr, "tidemark-topics: %s: the broker does not serve it\n", topic->name);
                return 1;
            }
            (void)nanosleep(&pause, NULL);
        }
    }
    return 0;
}

static int
topics_create(struct request *request)
{
    rd_kafka_NewTopic_t *wanted[TOPICS_MAX];
    char reason[512];
    for (size_t i = 0; i < request->count; i++) {
        const struct topic *topic = &request->topics[i];
        wanted[i] =
            rd_kafka_NewTopic_new(topic->name, topic->partitions, 1, reason, sizeof(reason));
        if (wanted[i] == NULL) {
            fail(2, "%s: %s", topic->name, reason);
        }
    }
    rd_kafka_CreateTopics(request->client, wanted, request->count, request->options,
                          request->queue);
    int refused = answer_wait(request);
    rd_kafka_NewTopic_destroy_array(wanted, request->count);
    return refused;
}

static int
topics_delete(struct request *request)
{
    rd_kafka_DeleteTopic_t *wanted[TOPICS_MAX];
    for (size_t i = 0; i < request->count; i++) {
        wanted[i] = rd_kafka_DeleteTopic_new(request->topics[i].name);
    }
    rd_kafka_DeleteTopics(request->client, wanted, request->count, request->options,
                          request->queue);
    int refused = answer_wait(request);
    rd_kafka_DeleteTopic_destroy_array(wanted, request->count);
    return refused;
}

static int
topics_grow(struct request *request)
{
    rd_kafka_NewPartitions_t *wanted[TOPICS_MAX];
    char reason[512];
    for (size_t i = 0; i < request->count; i++) {
        const struct topic *topic = &request->topics[i];
        wanted[i] = rd_kafka_NewPartitions_new(topic->name, (size_t)topic->partitions, reason,
                                               sizeof(reason));
        if (wanted[i] == NULL) {
            fail(2, "%s: %s", topic->name, reason);
        }
    }
    rd_kafka_CreatePartitions(request->client, wanted, request->count, request->options,
                              request->queue);
    int refused = answer_wait(request);
    rd_kafka_NewPartitions_destroy_array(wanted, request->count);
    return refused;
}

static int
topics_offsets(struct request *request)
{
    for (size_t i = 0; i < request->count; i++) {
        const char *name = request->topics[i].name;
        int partitions = partitions_seen(request->client, name);
        if (partitions <= 0) {
            fprintf(stderr, "tidemark-topics: no topic %s\n", name);
            return 1;
        }
        for (int p = 0; p < partitions; p++) {
            int64_t low = 0;
            int64_t high = 0;
            rd_kafka_resp_err_t code =
                rd_kafka_query_watermark_offsets(request->client, name, p, &low, &high, TIMEOUT_MS);
            if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
                fail(1, "%s %d: %s", name, p, rd_kafka_err2str(code));
            }
            printf("%s %d %lld %lld\n", name, p, (long long)low, (long long)high);
        }
    }
    return 0;
}

static int
request_run(struct request *request, enum verb verb)
{
    switch (verb) {
    case VERB_CREATE:
        return topics_create(request) || metadata_wait(request, verb);
    case VERB_DELETE:
        return topics_delete(request) || metadata_wait(request, verb);
    case VERB_GROW:
        return topics_grow(request) || metadata_wait(request, verb);
    case VERB_OFFSETS:
        return topics_offsets(request);
    }
    return 1;
}

int
main(int argc, char **argv)
{
    static struct request request;
    size_t row = 0;
    size_t rows = sizeof(verbs) / sizeof(verbs[0]);
    while (argc >= 4 && row < rows && strcmp(verbs[row].word, argv[2]) != 0) {
        row++;
    }
    if (argc < 4 || row == rows || argc - 3 > TOPICS_MAX) {
        fail(2, "usage: tidemark-topics BOOTSTRAP "
                "create NAME:N... | delete NAME... | add-partitions NAME:N... | offsets NAME...");
    }
    for (int i = 3; i < argc; i++) {
        request.topics[request.count++] = topic_parse(argv[i], verbs[row].counted);
    }
    char reason[512];
    request.client = client_open(argv[1]);
    request.queue = rd_kafka_queue_new(request.client);
    request.options = rd_kafka_AdminOptions_new(request.client, RD_KAFKA_ADMIN_OP_ANY);
    if (rd_kafka_AdminOptions_set_request_timeout(request.options, TIMEOUT_MS, reason,
                                                  sizeof(reason)) != 0 ||
        rd_kafka_AdminOptions_set_operation_timeout(request.options, TIMEOUT_MS, reason,
                                                    sizeof(reason)) != 0) {
        fail(1, "%s", reason);
    }
    int failed = request_run(&request, verbs[row].verb);
    rd_kafka_AdminOptions_destroy(request.options);
    rd_kafka_queue_destroy(request.queue);
    rd_kafka_destroy(request.client);
    return failed ? 1 : 0;
}
