/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outbox: the messages that one sink task has produced and Kafka has not acknowledged, in order.
 *
 * A ring of bytes. Each entry holds what a message is made of, once: the client sends from there,
 * and a message that failed is produced again from there, in order. Entries leave at the head when
 * they are done, so that "everything before the marker is durable" is one comparison of positions.
 *
 * Threads: the owner's worker, but for `state` and `code` of an entry that is out: those are
 * written by whoever serves acknowledgements, under the owner's lock.
 */
#ifndef TIDE_KAFKA_OUTBOX_H
#define TIDE_KAFKA_OUTBOX_H

#include <tidemark/plugin.h>

#include "client.h"

/* Headers of one message: bounds an array of the task. Records with more are rejected. */
#define TIDE_KAFKA_HEADERS_MAX 256u

/* Length of a key or value that is absent. */
#define TIDE_KAFKA_NO_BYTES UINT32_MAX

enum tide_kafka_entry_state {
    TIDE_KAFKA_ENTRY_OUT,    /* with the client */
    TIDE_KAFKA_ENTRY_ACKED,  /* acknowledged */
    TIDE_KAFKA_ENTRY_FAILED, /* came back with `code` */
    TIDE_KAFKA_ENTRY_GONE,   /* rejected */
    TIDE_KAFKA_ENTRY_PAD     /* unused bytes at the end of the ring */
};

/* Behind it: key, value, and for each header its lengths, name with NUL and value. */
struct tide_kafka_entry {
    uint32_t size; /* with everything, a multiple of 16 */
    uint8_t state;
    uint8_t attempts; /* refusals when it was sent alone */
    uint16_t n_headers;
    uint32_t key_n, value_n;
    int32_t partition;
    int32_t code;
    void *owner;
    struct tide_kafka_topic *topic;
    struct tide_kept *kept;
};

struct tide_kafka_outbox {
    const struct tide_host *host;
    uint8_t *bytes;
    uint64_t capacity;   /* a power of two */
    uint64_t head, tail; /* positions; only grow */
    uint64_t claimed;    /* tail after the claim, until commit */
};

/* A header as a row has it. */
struct tide_kafka_parcel_header {
    struct tide_bytes name, value; /* of the value: p NULL: absent */
};

/* One message as the sink's row gives it. */
struct tide_kafka_parcel {
    struct tide_kafka_topic *topic;
    struct tide_bytes key, value; /* p NULL: absent */
    const struct tide_kafka_parcel_header *headers;
    uint32_t n_headers;
    int32_t partition;
};

/* Room for at least two messages of @message_max bytes. TIDE_ERR_NOMEM. @thread start */
int tide_kafka_outbox_init(struct tide_kafka_outbox *outbox, const struct tide_host *host,
                           uint32_t message_max, struct tide_error *err);

/* @thread start */
void tide_kafka_outbox_fini(struct tide_kafka_outbox *outbox);

/* Bytes of a message as Kafka counts them: key, value and headers. @thread task */
uint64_t tide_kafka_parcel_size(const struct tide_kafka_parcel *parcel);

/* Copies a message behind the last; NULL: full. Without a commit the next claim takes its place.
 * @thread task */
struct tide_kafka_entry *tide_kafka_outbox_claim(struct tide_kafka_outbox *outbox,
                                                 const struct tide_kafka_parcel *parcel);
void tide_kafka_outbox_commit(struct tide_kafka_outbox *outbox);

/* The entry at a position below the tail. @thread task */
struct tide_kafka_entry *tide_kafka_outbox_at(const struct tide_kafka_outbox *outbox,
                                              uint64_t position);

/* The message of an entry, to be produced; @headers has room for TIDE_KAFKA_HEADERS_MAX. @thread
 * task */
void tide_kafka_entry_message(struct tide_kafka_entry *entry, struct tide_kafka_header *headers,
                              struct tide_kafka_outgoing *out);

#endif
