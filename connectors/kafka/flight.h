/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flight: how many requests the sink keeps under way to a broker.
 *
 * One is natural batching: what arrives while it is out goes into the next. That gives the lowest
 * latency while a round trip is short, keeps order, and needs no linger. Where brokers are farther
 * away than TIDE_KAFKA_FAR_NS, waiting for each answer costs more than it saves, and
 * TIDE_KAFKA_FLIGHT_FAR requests are kept out: the most that an idempotent producer may have. The
 * client takes the number only when it is made, so the round trip is measured before.
 * bench/kafka_defaults.py compares the two.
 */
#ifndef TIDE_KAFKA_FLIGHT_H
#define TIDE_KAFKA_FLIGHT_H

#include "sink.h"

#define TIDE_KAFKA_FAR_NS 2000000u
#define TIDE_KAFKA_FLIGHT_KEY "max.in.flight.requests.per.connection"
#define TIDE_KAFKA_FLIGHT_NEAR "1"
#define TIDE_KAFKA_FLIGHT_FAR "5"

/*
 * Makes the settings of the producer from those of @bound, which they refer to: what the user said
 * about requests in flight, else what the round trip says. Brokers that do not answer within
 * a second are taken to be near. Blocks so long at most for a broker that is away. @thread start
 */
void tide_kafka_flight_settings(const struct tide_host *host,
                                const struct tide_kafka_sink_bound *bound,
                                struct tide_kafka_settings *out_settings);

#endif
