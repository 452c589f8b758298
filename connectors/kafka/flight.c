/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flight: the round trip is that of a question for metadata, the shortest of a few, because the
 * first one includes the connection and any of them the machine's own delays.
 */
#include "flight.h"

#include <string.h>

#define ASK_TIMES 4u
#define ASK_MS 1000

static bool
user_said(const struct tide_kafka_settings *settings)
{
    uint32_t said = 0;
    for (uint32_t i = 0; i < settings->n; i++) {
        const char *key = settings->items[i].key;
        said += strcmp(key, TIDE_KAFKA_FLIGHT_KEY) == 0 || strcmp(key, "max.in.flight") == 0;
    }
    return said > 1; /* one is the engine's default */
}

/* The shortest of a few round trips in ns; 0: brokers did not answer. */
static uint64_t
round_trip(const struct tide_host *host, struct tide_kafka_link *link, const char *topic)
{
    uint64_t shortest = UINT64_MAX;
    int32_t n_partitions;
    for (uint32_t i = 0; i < ASK_TIMES; i++) {
        uint64_t began = host->now_mono(host);
        int code = tide_kafka_link_ask(link, topic, ASK_MS, &n_partitions);
        uint64_t took = host->now_mono(host) - began;
        if (code != 0 && !tide_kafka_code_missing(code)) {
            return 0;
        }
        shortest = took < shortest ? took : shortest;
    }
    return shortest;
}

/* Asks as a consumer: a producer's question may create the topic. */
static uint64_t
measure(const struct tide_host *host, const struct tide_kafka_sink_bound *bound)
{
    struct tide_kafka_link link;
    struct tide_error err;
    const struct tide_kafka_link_config config = {
        .host = host,
        .api = bound->api,
        .role = TIDE_KAFKA_CONSUMER,
        .settings = &bound->settings,
    };
    if (tide_kafka_link_open(&link, &config, &err) != 0) {
        return 0; /* the producer will meet the same error, and say it */
    }
    uint64_t ns = round_trip(host, &link, tide_kafka_sink_topic_to_ask(bound));
    tide_kafka_link_close(&link);
    return ns;
}

void
tide_kafka_flight_settings(const struct tide_host *host, const struct tide_kafka_sink_bound *bound,
                           struct tide_kafka_settings *out_settings)
{
    *out_settings = bound->settings;
    if (user_said(&bound->settings)) {
        return;
    }
    uint64_t ns = measure(host, bound);
    if (ns > TIDE_KAFKA_FAR_NS &&
        tide_kafka_settings_add(out_settings, TIDE_KAFKA_FLIGHT_KEY, TIDE_KAFKA_FLIGHT_FAR)) {
        host->log(host, TIDE_SEVERITY_INFO,
                  "brokers are %llu us away: up to " TIDE_KAFKA_FLIGHT_FAR
                  " requests are kept in flight to each",
                  (unsigned long long)(ns / 1000));
    }
}
