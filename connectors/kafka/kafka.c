/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin `kafka`: a source and a sink over librdkafka.
 *
 *   settings.c options.c sink_options.c   what the user wrote, checked at bind
 *   client.c link.c                       the one way to librdkafka, and what is known of brokers
 *   splits.c source.c parts.c rows.c      reading
 *   sink.c outbox.c acks.c resend.c       writing
 *   jobs.c                                questions that would block a worker
 */
#include "kafka.h"

static const struct tide_kind *const kinds[] = {&tide_kafka_source_kind.k, &tide_kafka_sink_kind.k};

extern const struct tide_plugin tide_kafka_plugin;

const struct tide_plugin tide_kafka_plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_plugin),
    .name = "kafka",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .kinds = kinds,
};
