/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the measuring programs share: librdkafka clients with the engine's options, and topics read
 * from a known position.
 *
 * These are programs, not a library: what goes wrong ends the process with one line on stderr. The
 * option rows are those of the engine's Kafka connector (docs/architecture.md), so that a
 * comparison compares the work and not the settings.
 */
#ifndef TIDEMARK_BENCH_CLIENT_H
#define TIDEMARK_BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#define BENCH_OVERRIDES_MAX 64

/*
 * What the user adds with -X: "key=value" for both clients, "consumer.key=value" or
 * "producer.key=value" for one of them. The strings are the caller's and must outlive the clients'
 * creation.
 */
struct bench_overrides {
    const char *rows[BENCH_OVERRIDES_MAX];
    size_t count;
};

/* Prints "NAME: message" and ends the process with @code. */
_Noreturn void bench_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds one -X row; ends the process when it is no key=value or there are too many. */
void bench_override_add(struct bench_overrides *overrides, const char *row);

/*
 * Creates a producer with acks=all, idempotence, no linger and one request in flight. @on_delivery
 * is called for each record from the thread that polls, or NULL. The caller destroys it.
 */
rd_kafka_t *bench_producer(const char *brokers, const struct bench_overrides *overrides,
                           void (*on_delivery)(rd_kafka_t *, const rd_kafka_message_t *, void *),
                           void *arg);

/* Creates a consumer without group offsets; its main queue is the consumer's. The caller destroys
 * it. */
rd_kafka_t *bench_consumer(const char *brokers, const struct bench_overrides *overrides);

/*
 * Assigns all partitions of @topic to @consumer, from their beginning or their end. The ends are
 * resolved to numbers before this returns: whatever is written from now on will be seen. Waits up
 * to 30 s for the topic. Returns the number of partitions.
 */
int bench_assign(rd_kafka_t *consumer, const char *topic, int from_beginning);

/* The monotonic clock, and what to add to it for nanoseconds since the Unix epoch. */
uint64_t bench_now_ns(void);
uint64_t bench_epoch_offset_ns(void);

#endif
