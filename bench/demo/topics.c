/* SPDX-License-Identifier: Apache-2.0 */
/* Topics for one run: see topics.h. */
#include "demo/topics.h"

#include <stdio.h>

#include <librdkafka/rdkafka.h>

#include "client/client.h"

#define TOPICS_MAX 8
#define ANSWER_MS 30000

/* The first error of an answer, or NULL. */
static const char *
refusal(rd_kafka_event_t *event)
{
    const rd_kafka_topic_result_t **results = NULL;
    size_t n = 0;
    if (event == NULL) {
        return "no answer";
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rd_kafka_event_error_string(event);
    }
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT) {
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DELETETOPICS_RESULT) {
        results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    }
    for (size_t i = 0; i < n; i++) {
        if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return rd_kafka_err2str(rd_kafka_topic_result_error(results[i]));
        }
    }
    return NULL;
}

void
topics_create(const char *brokers, const char *const *topics, int partitions)
{
    const struct bench_overrides none = {.count = 0};
    rd_kafka_NewTopic_t *wanted[TOPICS_MAX];
    char reason[512];
    size_t n = 0;
    rd_kafka_t *client = bench_producer(brokers, &none, NULL, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    for (; n < TOPICS_MAX && topics[n] != NULL; n++) {
        wanted[n] = rd_kafka_NewTopic_new(topics[n], partitions, 1, reason, sizeof(reason));
    }
    rd_kafka_CreateTopics(client, wanted, n, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ANSWER_MS);
    const char *why = refusal(event);
    if (why != NULL) {
        bench_fail(1, "cannot make topics on %s: %s", brokers, why);
    }
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy_array(wanted, n);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

void
topics_delete(const char *brokers, const char *const *topics)
{
    const struct bench_overrides none = {.count = 0};
    rd_kafka_DeleteTopic_t *wanted[TOPICS_MAX];
    size_t n = 0;
    rd_kafka_t *client = bench_producer(brokers, &none, NULL, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    for (; n < TOPICS_MAX && topics[n] != NULL; n++) {
        wanted[n] = rd_kafka_DeleteTopic_new(topics[n]);
    }
    rd_kafka_DeleteTopics(client, wanted, n, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ANSWER_MS);
    const char *why = refusal(event);
    if (why != NULL) {
        fprintf(stderr, "tidemark-demo: topics %s... are left on %s: %s\n", topics[0], brokers,
                why);
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_DeleteTopic_destroy_array(wanted, n);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}
