/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outbox: a byte ring of entries that never wrap: what would is preceded by a pad.
 */
#include "outbox.h"

#include <string.h>

/* Outstanding bytes that keep a broker busy over its round trip; more only grows the latency. */
#define OUTBOX_BYTES_MIN (4u << 20)

_Static_assert(sizeof(struct tide_kafka_entry) % 16 == 0, "entries stay aligned");

#define ENTRY_HEAD ((uint32_t)sizeof(struct tide_kafka_entry))

int
tide_kafka_outbox_init(struct tide_kafka_outbox *outbox, const struct tide_host *host,
                       uint32_t message_max, struct tide_error *err)
{
    uint64_t capacity = OUTBOX_BYTES_MIN;
    uint64_t entry_max = (uint64_t)message_max + ENTRY_HEAD + 16 * TIDE_KAFKA_HEADERS_MAX;
    while (capacity < 4 * entry_max) {
        capacity *= 2;
    }
    *outbox = (struct tide_kafka_outbox){.host = host, .capacity = capacity};
    outbox->bytes = host->alloc(host, capacity);
    if (outbox->bytes == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for %llu bytes of unsent messages",
                              (unsigned long long)capacity);
    }
    return 0;
}

void
tide_kafka_outbox_fini(struct tide_kafka_outbox *outbox)
{
    if (outbox->bytes != NULL) {
        outbox->host->free(outbox->host, outbox->bytes);
        outbox->bytes = NULL;
    }
}

uint64_t
tide_kafka_parcel_size(const struct tide_kafka_parcel *parcel)
{
    uint64_t size = (uint64_t)parcel->key.n + parcel->value.n;
    for (uint32_t i = 0; i < parcel->n_headers; i++) {
        size += (uint64_t)parcel->headers[i].name.n + parcel->headers[i].value.n;
    }
    return size;
}

/* Copies bytes to *at and moves it on. */
static void
put(uint8_t **at, const void *p, uint32_t n)
{
    if (n > 0) {
        memcpy(*at, p, n);
        *at += n;
    }
}

static void
header_put(uint8_t **at, const struct tide_kafka_parcel_header *header)
{
    const uint32_t lengths[2] = {header->name.n + 1,
                                 header->value.p == NULL ? TIDE_KAFKA_NO_BYTES : header->value.n};
    put(at, lengths, sizeof(lengths));
    put(at, header->name.p, header->name.n);
    put(at, "", 1);
    put(at, header->value.p, header->value.p == NULL ? 0 : header->value.n);
}

/* Contiguous room of @size bytes; a pad goes to the end of the ring when it does not fit there. */
static struct tide_kafka_entry *
room(struct tide_kafka_outbox *outbox, uint32_t size)
{
    uint64_t at = outbox->tail & (outbox->capacity - 1);
    uint64_t pad = outbox->capacity - at < size ? outbox->capacity - at : 0;
    if (outbox->tail + pad + size - outbox->head > outbox->capacity) {
        return NULL;
    }
    if (pad > 0) {
        struct tide_kafka_entry *entry = (void *)(outbox->bytes + at);
        entry->size = (uint32_t)pad;
        entry->state = TIDE_KAFKA_ENTRY_PAD;
        at = 0;
    }
    outbox->claimed = outbox->tail + pad + size;
    return (void *)(outbox->bytes + at);
}

struct tide_kafka_entry *
tide_kafka_outbox_claim(struct tide_kafka_outbox *outbox, const struct tide_kafka_parcel *parcel)
{
    uint64_t bytes = ENTRY_HEAD + tide_kafka_parcel_size(parcel) + 9ull * parcel->n_headers;
    uint32_t size = (uint32_t)((bytes + 15) & ~15ull);
    struct tide_kafka_entry *entry = room(outbox, size);
    uint8_t *at;
    if (entry == NULL) {
        return NULL;
    }
    *entry = (struct tide_kafka_entry){
        .size = size,
        .state = TIDE_KAFKA_ENTRY_OUT,
        .n_headers = (uint16_t)parcel->n_headers,
        .key_n = parcel->key.p == NULL ? TIDE_KAFKA_NO_BYTES : parcel->key.n,
        .value_n = parcel->value.p == NULL ? TIDE_KAFKA_NO_BYTES : parcel->value.n,
        .partition = parcel->partition,
        .topic = parcel->topic,
    };
    at = (uint8_t *)entry + ENTRY_HEAD;
    put(&at, parcel->key.p, parcel->key.p == NULL ? 0 : parcel->key.n);
    put(&at, parcel->value.p, parcel->value.p == NULL ? 0 : parcel->value.n);
    for (uint32_t i = 0; i < parcel->n_headers; i++) {
        header_put(&at, &parcel->headers[i]);
    }
    return entry;
}

void
tide_kafka_outbox_commit(struct tide_kafka_outbox *outbox)
{
    outbox->tail = outbox->claimed;
}

struct tide_kafka_entry *
tide_kafka_outbox_at(const struct tide_kafka_outbox *outbox, uint64_t position)
{
    return (void *)(outbox->bytes + (position & (outbox->capacity - 1)));
}

/* The bytes at *at, which moves on; absent when the length says so. */
static struct tide_bytes
take(uint8_t **at, uint32_t n)
{
    struct tide_bytes bytes = {*at, n};
    if (n == TIDE_KAFKA_NO_BYTES) {
        return TIDE_KAFKA_ABSENT;
    }
    *at += n;
    return bytes;
}

void
tide_kafka_entry_message(struct tide_kafka_entry *entry, struct tide_kafka_header *headers,
                         struct tide_kafka_outgoing *out)
{
    uint8_t *at = (uint8_t *)entry + ENTRY_HEAD;
    *out = (struct tide_kafka_outgoing){
        .topic = entry->topic,
        .headers = headers,
        .n_headers = entry->n_headers,
        .partition = entry->partition,
        .message = entry,
    };
    out->key = take(&at, entry->key_n);
    out->value = take(&at, entry->value_n);
    for (uint32_t i = 0; i < entry->n_headers; i++) {
        uint32_t lengths[2];
        memcpy(lengths, at, sizeof(lengths));
        at += sizeof(lengths);
        headers[i].name = (const char *)at;
        at += lengths[0];
        headers[i].value = take(&at, lengths[1]);
    }
}
