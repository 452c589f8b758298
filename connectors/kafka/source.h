/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: what the control side (splits.c) and the tasks (source.c) share.
 *
 * One struct tide_kafka_source a pipeline and incarnation. Its bound options never change; its link
 * guards itself; the group offsets are the control thread's alone.
 */
#ifndef TIDE_KAFKA_SOURCE_H
#define TIDE_KAFKA_SOURCE_H

#include <tidemark/plugin.h>

#include "client.h"
#include "link.h"
#include "options.h"

/* How long a control call waits for a broker before it says that none answers. */
#define TIDE_KAFKA_ASK_MS 5000

/* Group offsets that follow the WAL: the newest durable position of each split. */
struct tide_kafka_lag {
    struct tide_kafka_position *positions;
    uint32_t n, capacity;
    uint64_t sent_ns; /* when they were last sent */
    bool changed;     /* since then */
};

struct tide_kafka_source {
    const struct tide_host *host;
    const struct tide_kafka_source_bound *bound;
    struct tide_kafka_link link;
    struct tide_kafka_lag lag;
    bool offsets_checked; /* startingOffsets as JSON was compared with what there is */
    uint8_t *latest;      /* what tide_kafka_latest() handed out last */
};

/* The control calls of struct tide_source; see there. @thread start */
int tide_kafka_discover(void *shared, struct tide_split_sink *sink, struct tide_error *err);
int tide_kafka_start(void *shared, const char *split, bool first, void *out, uint32_t *out_n,
                     struct tide_error *err);
int tide_kafka_latest(void *shared, const char *const *splits, uint32_t n, struct tide_bytes *out,
                      struct tide_error *err);
int tide_kafka_committed(void *shared, struct tide_seal seal, const char *const *splits,
                         const struct tide_bytes *offsets, uint32_t n, struct tide_error *err);

/* Sends the last group offsets, waiting shortly for the broker, and frees all. @thread start */
void tide_kafka_lag_end(struct tide_kafka_source *source);

/* Describes records that are gone, for an error or the log: what was wanted, what there is, what to
 * do. @thread any */
void tide_kafka_loss_text(const char *topic, int32_t partition, int64_t wanted, int64_t first,
                          int64_t next, char *out, size_t out_max);

#endif
