/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: what its parts share. sink.c takes rows and markers, acks.c takes acknowledgements and
 * makes epochs durable, resend.c sends again what failed and rejects what Kafka never takes,
 * sink_options.c reads the options.
 */
#ifndef TIDE_KAFKA_SINK_H
#define TIDE_KAFKA_SINK_H

#include <pthread.h>

#include <tidemark/plugin.h>

#include "arena.h"
#include "client.h"
#include "jobs.h"
#include "link.h"
#include "outbox.h"
#include "settings.h"

/* Markers waiting for acknowledgements: more than any number of epochs in flight. At the limit a
 * marker is taken later. */
#define TIDE_KAFKA_MARKS_MAX 128u

/* Topics that one task writes to. Records for more are rejected. */
#define TIDE_KAFKA_TOPICS_MAX 4096u

/* How long `check --connect` waits for a broker. */
#define TIDE_KAFKA_PROBE_MS 5000

/* Without an acknowledgement for this long, the sink waits for the outside. */
#define TIDE_KAFKA_SILENCE_NS 1000000000u

enum tide_kafka_out_column {
    TIDE_KAFKA_OUT_KEY,
    TIDE_KAFKA_OUT_VALUE,
    TIDE_KAFKA_OUT_TOPIC,
    TIDE_KAFKA_OUT_PARTITION,
    TIDE_KAFKA_OUT_HEADERS,
    TIDE_KAFKA_OUT_COLUMNS
};

/* A bound sink. Immutable after bind; everything is in its arena. */
struct tide_kafka_sink_bound {
    struct tide_kafka_arena arena;
    const struct tide_kafka_client_api *api;
    struct tide_kafka_settings settings;
    const struct tide_schema *schema;
    uint32_t field[TIDE_KAFKA_OUT_COLUMNS]; /* UINT32_MAX: no such column */
    const char *topic;                      /* NULL: the column says */
    uint32_t topic_n;
    uint32_t message_max; /* bytes that the client takes as one message */
    bool record_id;       /* as a header */
    uint32_t retry_max;
    uint64_t retry_ns, retry_ns_max;
};

extern const struct tide_option tide_kafka_sink_options[];

/* Reads and checks options and columns into @bound, whose arena and api are set. Errors:
 * TIDE_ERR_INVALID, TIDE_ERR_NOMEM. @thread start */
int tide_kafka_sink_options_read(const struct tide_bind *in, struct tide_kafka_sink_bound *bound,
                                 struct tide_error *err);

/* The topic to ask brokers about when nothing but an answer is wanted; it need not exist.
 * @thread start */
const char *tide_kafka_sink_topic_to_ask(const struct tide_kafka_sink_bound *bound);

struct tide_kafka_sink_task;

/* One a pipeline and incarnation. */
struct tide_kafka_sink {
    const struct tide_host *host;
    const struct tide_kafka_sink_bound *bound;
    struct tide_kafka_link link;
    struct tide_kafka_sink_task *closed; /* tasks whose messages the client may still refer to */
};

struct tide_kafka_mark {
    uint64_t position; /* everything below it is of this epoch or an earlier one */
    struct tide_seal seal;
};

/* A topic that the task writes to. */
struct tide_kafka_out_topic {
    const char *name;
    uint32_t n;
    struct tide_kafka_topic *topic;
};

struct tide_kafka_sink_task {
    struct tide_kafka_sink *sink;
    const struct tide_kafka_sink_bound *bound;
    const struct tide_host *host;
    const struct tide_kafka_client_api *api;
    struct tide_task *task;
    struct tide_kafka_sink_task *next_closed;
    struct tide_kafka_waiter waiter;
    struct tide_kafka_jobs jobs;
    struct tide_kafka_outbox outbox;
    const struct tide_schema *schema;                         /* of the rows that came last */
    struct tide_kafka_header headers[TIDE_KAFKA_HEADERS_MAX]; /* of one message */
    struct tide_kafka_parcel_header row_headers[TIDE_KAFKA_HEADERS_MAX]; /* of one row */
    struct tide_kafka_mark marks[TIDE_KAFKA_MARKS_MAX];
    uint32_t first_mark, n_marks;
    struct tide_kafka_out_topic *topics;
    uint32_t n_topics, topics_capacity, last_topic;

    uint64_t sent;            /* messages given to the client */
    uint64_t progress_ns;     /* of the last acknowledgement, or the first message after none */
    uint64_t ask_after_ns;    /* brokers are asked at most every second */
    uint64_t resend_after_ns; /* a refused record is sent again after this */
    uint64_t outage_after_ns; /* and what failed for the outside's sake after this */
    bool watching, waiting;
    bool blocked;        /* the last write found no room */
    bool resending;      /* rows wait until what failed is sent again */
    const char *missing; /* a topic that does not exist, as the broker said last; NULL: none */

    pthread_mutex_t lock; /* protects what follows, and state and code of entries that are out */
    uint64_t back;        /* messages that came back, acknowledged or not */
    uint64_t failed;      /* of those, how many are failed now */
    bool woken;           /* the task was, and has not looked yet */
    bool closing;         /* its host side is gone */
};

/* ---- acks.c ---- */

/* A message came back: the on_ack of the sink's link. @thread task (of any task of the sink) */
void tide_kafka_sink_ack(void *sink, void *message, int code);

/* Messages that are with the client. @thread task */
uint64_t tide_kafka_sink_out(struct tide_kafka_sink_task *self);

/* Has acknowledgements wake the task, or not, as what waits for them says. @thread task */
void tide_kafka_sink_watch(struct tide_kafka_sink_task *self);

/* Drops what is acknowledged from the head and makes epochs durable. True: something moved.
 * @thread task */
bool tide_kafka_sink_settle(struct tide_kafka_sink_task *self);

/* The @w advance() of the sink. @thread task */
enum tide_step tide_kafka_sink_advance(void *task);

/* Tells the host that the task waits because of @topic, and asks brokers about it: what they said
 * last is told rather than @reason. @thread task */
enum tide_step tide_kafka_sink_wait_for(struct tide_kafka_sink_task *self,
                                        const struct tide_kafka_topic *topic, const char *reason);

/* The same for a code of the client. @thread task */
enum tide_step tide_kafka_sink_wait(struct tide_kafka_sink_task *self,
                                    const struct tide_kafka_topic *topic, int code);

/* ---- resend.c ---- */

/* Gives an entry to the client: 0 or its code. @thread task */
int tide_kafka_sink_produce(struct tide_kafka_sink_task *self, struct tide_kafka_entry *entry);

/* Whether Kafka refuses this record itself, so that waiting does not help. @thread task */
bool tide_kafka_code_refusal(int code);

/* Deals with failed messages. MORE: none is left; else PENDING, WAITING, BLOCKED or FAILED. @thread
 * task */
enum tide_step tide_kafka_sink_resend(struct tide_kafka_sink_task *self);

#endif
