/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the Kafka source: Spark's, checked as far as that is possible without a broker.
 *
 * Exactly one of assign, subscribe and subscribePattern says what is read. A pattern is Java's in
 * Spark; here PCRE2 matches it, against the whole name, and internal topics (__consumer_offsets,
 * __transaction_state) never match. The two languages differ in rare corners only (possessive
 * quantifiers and look-behind work in both; \p{javaLowerCase} and the like are Java's own).
 */
#ifndef TIDE_KAFKA_OPTIONS_H
#define TIDE_KAFKA_OPTIONS_H

#include <tidemark/plugin.h>

#include "arena.h"
#include "offsets.h"
#include "settings.h"

enum tide_kafka_selection {
    TIDE_KAFKA_ASSIGN,    /* `places` */
    TIDE_KAFKA_SUBSCRIBE, /* `topics` */
    TIDE_KAFKA_PATTERN    /* `pattern` */
};

enum tide_kafka_starting {
    TIDE_KAFKA_FROM_EARLIEST,
    TIDE_KAFKA_FROM_LATEST,
    TIDE_KAFKA_FROM_OFFSETS /* `offsets` */
};

struct tide_kafka_pattern; /* a compiled subscribePattern */

/* A bound source. Immutable after bind; everything is in its arena. */
struct tide_kafka_source_bound {
    struct tide_kafka_arena arena;
    const struct tide_kafka_client_api *api;
    struct tide_kafka_settings settings;
    const char *id;
    uint32_t max_record;
    enum tide_kafka_selection selection;
    struct tide_kafka_places places;
    const char **topics;
    uint32_t n_topics;
    struct tide_kafka_pattern *pattern;
    const char *pattern_text;
    enum tide_kafka_starting starting;
    struct tide_kafka_places offsets;
    bool fail_on_data_loss;
    bool headers;
};

/* The option table of the source; ends with a NULL name. */
extern const struct tide_option tide_kafka_source_options[];

/* Reads and checks all options into @bound, whose arena and api are set. Errors: TIDE_ERR_INVALID,
 * TIDE_ERR_NOMEM. @thread start */
int tide_kafka_source_options_read(const struct tide_bind *in,
                                   struct tide_kafka_source_bound *bound, struct tide_error *err);

/* Frees what the arena does not hold. @thread start */
void tide_kafka_source_options_free(struct tide_kafka_source_bound *bound);

/* Whether the pattern takes @topic. @thread start */
bool tide_kafka_pattern_matches(const struct tide_kafka_pattern *pattern, const char *topic);

#endif
