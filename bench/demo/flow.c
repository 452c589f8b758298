/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions in, scores out: see flow.h. */
#include "demo/flow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/client.h"
#include "load/cards.h"

#define NS_PER_S 1000000000u
#define CARDS 10000u
#define POLL_MS 50
#define FLUSH_MS 30000
#define CONNECT_MS 30000
/* For the first fetch to be out before the first record is due. */
#define LEAD_NS (NS_PER_S / 4)
/* Longest sleep of the sender: how soon it sees that it should stop. */
#define NAP_NS (NS_PER_S / 10)

static void
on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *record, void *arg)
{
    struct flow *flow = arg;
    (void)producer;
    if (record->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail(1, "a transaction was not delivered: %s", rd_kafka_err2str(record->err));
    }
    atomic_fetch_add_explicit(&flow->delivered, 1, memory_order_relaxed);
}

static void *
receiver_run(void *arg)
{
    struct flow *flow = arg;
    while (!atomic_load_explicit(&flow->stop_receiving, memory_order_relaxed)) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(flow->consumer, POLL_MS);
        if (record == NULL) {
            continue;
        }
        if (record->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            tally_receive(&flow->tally, record->payload, record->len, bench_now_ns());
        } else if (record->err != RD_KAFKA_RESP_ERR__TRANSPORT) {
            fprintf(stderr, "tidemark-demo: %s\n", rd_kafka_message_errstr(record));
        }
        rd_kafka_message_destroy(record);
    }
    return NULL;
}

static void
record_send(struct flow *flow, uint64_t sequence, uint64_t due_ns)
{
    char key[CARDS_KEY_BYTES];
    char value[CARDS_VALUE_BYTES];
    size_t key_n = cards_key(sequence, CARDS, key);
    size_t value_n = cards_value(sequence, CARDS, due_ns + flow->epoch_offset_ns, value);
    while (rd_kafka_produce(flow->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, value_n,
                            key, key_n, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            bench_fail(1, "produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
        }
        rd_kafka_poll(flow->producer, 1);
    }
}

/* Sleeps until @due_ns, in naps; false: it is to stop. */
static bool
wait_due(const struct flow *flow, uint64_t due_ns)
{
    uint64_t now_ns;
    while ((now_ns = bench_now_ns()) < due_ns) {
        uint64_t until_ns = due_ns - now_ns > NAP_NS ? now_ns + NAP_NS : due_ns;
        struct timespec at = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                              .tv_nsec = (long)(until_ns % NS_PER_S)};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        if (atomic_load_explicit(&flow->stop_sending, memory_order_relaxed)) {
            return false;
        }
    }
    return !atomic_load_explicit(&flow->stop_sending, memory_order_relaxed);
}

/* A sender that was late catches up at once; the due times stay. */
static void *
sender_run(void *arg)
{
    struct flow *flow = arg;
    for (uint64_t sequence = 0; sequence < flow->tally.limit; sequence++) {
        uint64_t due_ns = tally_due_ns(&flow->tally, sequence);
        if (!wait_due(flow, due_ns)) {
            break;
        }
        record_send(flow, sequence, due_ns);
        rd_kafka_poll(flow->producer, 0);
        atomic_store_explicit(&flow->sent, sequence + 1, memory_order_relaxed);
    }
    if (rd_kafka_flush(flow->producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail(1, "the broker did not take everything");
    }
    atomic_store_explicit(&flow->sent_all, 1, memory_order_relaxed);
    return NULL;
}

/* Connects before the first record is due: what that takes is not the pipeline's latency. */
static void
producer_connect(struct flow *flow)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(flow->producer, 0, flow->topic, &metadata, CONNECT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail(1, "the broker does not answer: %s", rd_kafka_err2str(code));
    }
    rd_kafka_metadata_destroy(metadata);
}

void
flow_open(struct flow *flow, const char *brokers, const char *in, const char *out, bool embedded)
{
    struct bench_overrides overrides = {.count = 0};
    memset(flow, 0, sizeof(*flow));
    if (embedded) {
        bench_override_add(&overrides, "consumer.fetch.wait.max.ms=1");
    }
    flow->epoch_offset_ns = bench_epoch_offset_ns();
    flow->consumer = bench_consumer(brokers, &overrides);
    flow->producer = bench_producer(brokers, &overrides, on_delivery, flow);
    flow->topic = rd_kafka_topic_new(flow->producer, in, NULL);
    producer_connect(flow);
    (void)bench_assign(flow->consumer, out, 0);
}

void
flow_start(struct flow *flow, uint64_t rate, uint64_t records)
{
    tally_init(&flow->tally, rate, records, 0);
    flow->tally.start_ns = bench_now_ns() + LEAD_NS;
    if (pthread_create(&flow->receiver, NULL, receiver_run, flow) != 0 ||
        pthread_create(&flow->sender, NULL, sender_run, flow) != 0) {
        bench_fail(1, "no thread: %s", strerror(errno));
    }
}

void
flow_stop_sending(struct flow *flow)
{
    atomic_store_explicit(&flow->stop_sending, 1, memory_order_relaxed);
}

void
flow_finish(struct flow *flow)
{
    flow_stop_sending(flow);
    (void)pthread_join(flow->sender, NULL);
    atomic_store_explicit(&flow->stop_receiving, 1, memory_order_relaxed);
    (void)pthread_join(flow->receiver, NULL);
}

void
flow_close(struct flow *flow)
{
    rd_kafka_topic_destroy(flow->topic);
    rd_kafka_destroy(flow->producer);
    (void)rd_kafka_consumer_close(flow->consumer);
    rd_kafka_destroy(flow->consumer);
    tally_fini(&flow->tally);
}
