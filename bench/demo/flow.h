/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow: card transactions go in at a fixed rate, whatever the engine does, and their scores are
 * counted when they come out.
 *
 * Two threads of its own: one sends, one receives. Everything here is called by the main thread.
 */
#ifndef TIDEMARK_BENCH_DEMO_FLOW_H
#define TIDEMARK_BENCH_DEMO_FLOW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "load/tally.h"

struct flow {
    rd_kafka_t *producer, *consumer;
    rd_kafka_topic_t *topic;
    uint64_t epoch_offset_ns;
    struct tally tally;
    _Atomic(uint64_t) sent;      /* handed to the client */
    _Atomic(uint64_t) delivered; /* the broker has them */
    _Atomic(int) stop_sending;   /* set by main */
    _Atomic(int) sent_all;       /* set by the sender: the broker has everything */
    _Atomic(int) stop_receiving;
    pthread_t sender, receiver;
};

/* Connects to @brokers and assigns topic @out from its end, so that no score can be missed. */
void flow_open(struct flow *flow, const char *brokers, const char *in, const char *out,
               bool embedded);

/* Begins to send @records at @rate a second. */
void flow_start(struct flow *flow, uint64_t rate, uint64_t records);

/* Sends no more. */
void flow_stop_sending(struct flow *flow);

/* Ends both threads; the tally is final. */
void flow_finish(struct flow *flow);

/* Frees everything. */
void flow_close(struct flow *flow);

static inline uint64_t
flow_sent(const struct flow *flow)
{
    return atomic_load_explicit(&flow->sent, memory_order_relaxed);
}

static inline uint64_t
flow_delivered(const struct flow *flow)
{
    return atomic_load_explicit(&flow->delivered, memory_order_relaxed);
}

static inline uint64_t
flow_scored(const struct flow *flow)
{
    return atomic_load_explicit(&flow->tally.received, memory_order_relaxed);
}

static inline bool
flow_sent_all(const struct flow *flow)
{
    return atomic_load_explicit(&flow->sent_all, memory_order_relaxed) != 0;
}

#endif
