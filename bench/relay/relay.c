/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tidemark-relay: the least that a consume-and-produce program does, to compare the engine with.
 *
 *   tidemark-relay --brokers HOST:PORT --in TOPIC --out TOPIC [--from end|beginning] [-X
 * key=value]...
 *
 * One thread polls the consumer, hands each record's key and value unchanged to the producer and
 * serves the producer's delivery reports; librdkafka's own threads do the rest. No logic, no state,
 * no allocation of its own per record, the engine's client options. What it cannot deliver ends it:
 * a relay that loses records is no yardstick.
 *
 * Prints "ready" on stderr when its start offsets are fixed. SIGTERM or SIGINT: delivers what it
 * has taken and prints how many records it relayed.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "client/client.h"

#define POLL_MS 100
#define FULL_WAIT_MS 1
#define FLUSH_MS 30000

struct relay {
    rd_kafka_t *consumer;
    rd_kafka_t *producer;
    rd_kafka_topic_t *out;
    unsigned long long relayed;
};

static volatile sig_atomic_t stopping;

static void
stop_on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static void
on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *record, void *arg)
{
    (void)producer;
    (void)arg;
    if (record->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail(1, "not delivered: %s", rd_kafka_err2str(record->err));
    }
}

/* Hands one record on; a full queue is served until it has room. */
static void
record_relay(struct relay *relay, const rd_kafka_message_t *record)
{
    while (rd_kafka_produce(relay->out, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, record->payload,
                            record->len, record->key, record->key_len, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            bench_fail(1, "produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
        }
        rd_kafka_poll(relay->producer, FULL_WAIT_MS);
    }
    relay->relayed++;
}

static void
relay_run(struct relay *relay)
{
    while (!stopping) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(relay->consumer, POLL_MS);
        if (record != NULL && record->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            record_relay(relay, record);
        } else if (record != NULL) {
            fprintf(stderr, "tidemark-relay: %s\n", rd_kafka_message_errstr(record));
        }
        if (record != NULL) {
            rd_kafka_message_destroy(record);
        }
        rd_kafka_poll(relay->producer, 0);
    }
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"brokers", required_argument, NULL, 'b'},
        {"in", required_argument, NULL, 'i'},
        {"out", required_argument, NULL, 'o'},
        {"from", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    static struct bench_overrides overrides;
    const char *brokers = NULL;
    const char *in = NULL;
    const char *out = NULL;
    int from_beginning = 0;
    int option = 0;
    while ((option = getopt_long(argc, argv, "X:", options, NULL)) != -1) {
        switch (option) {
        case 'b':
            brokers = optarg;
            break;
        case 'i':
            in = optarg;
            break;
        case 'o':
            out = optarg;
            break;
        case 'f':
            from_beginning = strcmp(optarg, "beginning") == 0;
            break;
        case 'X':
            bench_override_add(&overrides, optarg);
            break;
        default:
            return 2;
        }
    }
    if (brokers == NULL || in == NULL || out == NULL || optind != argc) {
        bench_fail(2, "needs --brokers, --in and --out");
    }
    (void)signal(SIGTERM, stop_on_signal);
    (void)signal(SIGINT, stop_on_signal);
    struct relay relay = {.consumer = bench_consumer(brokers, &overrides)};
    relay.producer = bench_producer(brokers, &overrides, on_delivery, NULL);
    relay.out = rd_kafka_topic_new(relay.producer, out, NULL);
    (void)bench_assign(relay.consumer, in, from_beginning);
    fprintf(stderr, "ready\n");
    relay_run(&relay);
    if (rd_kafka_flush(relay.producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail(1, "not everything was delivered");
    }
    fprintf(stderr, "relayed %llu\n", relay.relayed);
    rd_kafka_topic_destroy(relay.out);
    rd_kafka_destroy(relay.producer);
    (void)rd_kafka_consumer_close(relay.consumer);
    rd_kafka_destroy(relay.consumer);
    return 0;
}
