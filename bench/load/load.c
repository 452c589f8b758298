/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tidemark-load: an open-loop load of card transactions, and the account of what came back.
 *
 *   tidemark-load --brokers HOST:PORT --in TOPIC --out TOPIC [--rate 1000] [--for 10] [--warmup 0]
 *                 [--drain 10] [--card-count 10000] [--json] [-X key=value]...
 *
 * The main thread produces to --in at the fixed rate, each record with its due time (nanoseconds
 * since the Unix epoch) in the header "due"; a second thread consumes --out from its end and
 * matches records by tx_id. Works behind anything that keeps tx_id in its output: a relay, the
 * engine. Times are seconds. After --for, or on SIGINT or SIGTERM, it sends no more and waits until
 * everything is back or nothing new has come for
 * --drain. Exit codes: 0 nothing lost, 1 lost records or a client's error, 2 usage.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#include "client/client.h"
#include "load/cards.h"
#include "load/tally.h"

#define NS_PER_S 1000000000u
#define POLL_MS 50
#define FLUSH_MS 30000

struct load {
    const char *brokers, *in, *out;
    uint64_t rate;
    double for_s, warmup_s, drain_s;
    uint32_t cards;
    int json;
    struct bench_overrides overrides;

    rd_kafka_t *producer, *consumer;
    rd_kafka_topic_t *topic;
    uint64_t epoch_offset_ns;
    uint64_t sent;
    uint64_t send_lag_ns_max;
    struct tally tally;
    _Atomic(int) drained; /* set by main: the receiver may end */
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

static void *
receiver_run(void *arg)
{
    struct load *load = arg;
    while (!atomic_load_explicit(&load->drained, memory_order_relaxed)) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(load->consumer, POLL_MS);
        if (record == NULL) {
            continue;
        }
        if (record->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            tally_receive(&load->tally, record->payload, record->len, bench_now_ns());
        } else {
            fprintf(stderr, "tidemark-load: %s\n", rd_kafka_message_errstr(record));
        }
        rd_kafka_message_destroy(record);
    }
    return NULL;
}

static void
record_send(struct load *load, uint64_t sequence, uint64_t due_ns)
{
    char key[CARDS_KEY_BYTES];
    char value[CARDS_VALUE_BYTES];
    char due[24];
    uint64_t epoch_ns = due_ns + load->epoch_offset_ns;
    size_t key_length = cards_key(sequence, load->cards, key);
    size_t value_length = cards_value(sequence, load->cards, epoch_ns, value);
    int due_length = snprintf(due, sizeof(due), "%llu", (unsigned long long)epoch_ns);
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = load->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {.ptr = key, .size = key_length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {.ptr = value, .size = value_length}},
        {.vtype = RD_KAFKA_VTYPE_HEADER,
         .u.header = {.name = "due", .val = due, .size = due_length}},
    };
    for (;;) {
        rd_kafka_error_t *error =
            rd_kafka_produceva(load->producer, parts, sizeof(parts) / sizeof(parts[0]));
        if (error == NULL) {
            return;
        }
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            bench_fail(1, "produce: %s", rd_kafka_error_string(error));
        }
        rd_kafka_error_destroy(error);
        rd_kafka_poll(load->producer, 1);
    }
}

static void
sleep_until(uint64_t at_ns)
{
    struct timespec at = {.tv_sec = (time_t)(at_ns / NS_PER_S),
                          .tv_nsec = (long)(at_ns % NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR && !stopping) {
    }
}

/* Sends at the fixed rate; a sender that was late catches up at once, and the due times stay. */
static void
sender_run(struct load *load)
{
    for (uint64_t sequence = 0; sequence < load->tally.limit && !stopping; sequence++) {
        uint64_t due_ns = tally_due_ns(&load->tally, sequence);
        uint64_t now_ns = bench_now_ns();
        if (now_ns < due_ns) {
            sleep_until(due_ns);
        } else if (now_ns - due_ns > load->send_lag_ns_max) {
            load->send_lag_ns_max = now_ns - due_ns;
        }
        record_send(load, sequence, due_ns);
        rd_kafka_poll(load->producer, 0);
        load->sent++;
    }
    if (rd_kafka_flush(load->producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail(1, "the broker did not take everything");
    }
}

/* Waits until everything is back, or nothing new has come for the drain time. */
static void
drain(struct load *load)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    uint64_t before = 0;
    uint64_t since_ns = bench_now_ns();
    uint64_t received = 0;
    while ((received = atomic_load_explicit(&load->tally.received, memory_order_relaxed)) <
           load->sent) {
        uint64_t now_ns = bench_now_ns();
        if (received != before) {
            before = received;
            since_ns = now_ns;
        } else if ((double)(now_ns - since_ns) > load->drain_s * 1e9) {
            return;
        }
        (void)nanosleep(&pause, NULL);
    }
}

static double
number_parse(const char *text, double low, double high)
{
    char *end = NULL;
    double value = strtod(text, &end);
    /* A trailing s, as in 15s, is a second. */
    end += *end == 's' ? 1 : 0;
    if (end == text || *end != '\0' || !(value >= low && value <= high)) {
        bench_fail(2, "expected a number from %g to %g, found: %s", low, high, text);
    }
    return value;
}

static void
option_take(struct load *load, int option)
{
    switch (option) {
    case 'b':
        load->brokers = optarg;
        break;
    case 'i':
        load->in = optarg;
        break;
    case 'o':
        load->out = optarg;
        break;
    case 'r':
        load->rate = (uint64_t)number_parse(optarg, 1, 1e6);
        break;
    case 'f':
        load->for_s = number_parse(optarg, 0.1, 86400);
        break;
    case 'w':
        load->warmup_s = number_parse(optarg, 0, 86400);
        break;
    case 'd':
        load->drain_s = number_parse(optarg, 0, 3600);
        break;
    case 'c':
        load->cards = (uint32_t)number_parse(optarg, 1, 4e9);
        break;
    case 'j':
        load->json = 1;
        break;
    case 'X':
        bench_override_add(&load->overrides, optarg);
        break;
    default:
        exit(2);
    }
}

static void
options_take(struct load *load, int argc, char **argv)
{
    static const struct option options[] = {
        {"brokers", required_argument, NULL, 'b'}, {"in", required_argument, NULL, 'i'},
        {"out", required_argument, NULL, 'o'},     {"rate", required_argument, NULL, 'r'},
        {"for", required_argument, NULL, 'f'},     {"warmup", required_argument, NULL, 'w'},
        {"drain", required_argument, NULL, 'd'},   {"card-count", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},          {NULL, 0, NULL, 0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, "X:", options, NULL)) != -1) {
        option_take(load, option);
    }
    if (load->brokers == NULL || load->in == NULL || load->out == NULL || optind != argc) {
        bench_fail(2, "needs --brokers, --in and --out");
    }
}

int
main(int argc, char **argv)
{
    static struct load load = {.rate = 1000, .for_s = 10, .drain_s = 10, .cards = 10000};
    pthread_t receiver;
    options_take(&load, argc, argv);
    (void)signal(SIGTERM, stop_on_signal);
    (void)signal(SIGINT, stop_on_signal);
    tally_init(&load.tally, load.rate, (uint64_t)((double)load.rate * (load.for_s + load.warmup_s)),
               (uint64_t)((double)load.rate * load.warmup_s));
    load.epoch_offset_ns = bench_epoch_offset_ns();
    load.consumer = bench_consumer(load.brokers, &load.overrides);
    load.producer = bench_producer(load.brokers, &load.overrides, on_delivery, NULL);
    load.topic = rd_kafka_topic_new(load.producer, load.in, NULL);
    (void)bench_assign(load.consumer, load.out, 0);
    /* A quarter of a second for the first fetch to be out before the first record is due. */
    load.tally.start_ns = bench_now_ns() + NS_PER_S / 4;
    if (pthread_create(&receiver, NULL, receiver_run, &load) != 0) {
        bench_fail(1, "no thread");
    }
    sender_run(&load);
    drain(&load);
    atomic_store_explicit(&load.drained, 1, memory_order_relaxed);
    (void)pthread_join(receiver, NULL);
    tally_print(&load.tally, stdout, load.json, load.sent, load.send_lag_ns_max,
                load.epoch_offset_ns);
    int lost = load.sent > atomic_load_explicit(&load.tally.received, memory_order_relaxed);
    rd_kafka_topic_destroy(load.topic);
    rd_kafka_destroy(load.producer);
    (void)rd_kafka_consumer_close(load.consumer);
    rd_kafka_destroy(load.consumer);
    tally_fini(&load.tally);
    return lost;
}
