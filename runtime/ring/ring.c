/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring: a single-producer single-consumer queue of byte frames (Lamport 1983, with each side's
 * cached copy of the other's cursor as in FastForward and MCRingBuffer).
 *
 * Cursors count bytes since creation and never wrap in practice (2^64); `& mask` gives the place. A
 * frame is a 16-byte header and a payload, together rounded up to 16, so that every payload is
 * aligned to 16 and what is left at the end of the ring always holds at least a header.
 *
 * Wrap: a frame that would run over the end is preceded by a PAD frame that fills the rest. A
 * mirrored mapping would save the padding (less than a frame per round, at most a quarter of the
 * ring) but costs two mappings and a memfd per edge, hides overruns from the sanitizers, cannot
 * come from the seam's allocator, and needs page-sized rings; small rings are what tests and
 * simulation want. Padding moves with the frame it precedes: both become visible, and are given
 * back, together.
 *
 * Sleeping: see base/park.h for the producer-to-consumer direction. For space, a refused claim
 * leaves a note: the position that the consumer's cursor must reach (`space_at`), and the consumer
 * wakes the producer when it gets there. The note asks for half a ring, so that a blocked producer
 * is not woken for each frame; every claim fits then, and a consumer that drains always gets there.
 * A note stands until it is reached or a claim succeeds. Who left one looks at head before it
 * parks, and whoever moves head looks at the note behind that, so one of the two sees the other.
 *
 * Invariants: R1 head <= tail <= head + size. R2 a frame lies in one piece. R3 PAD is followed by a
 * frame before tail. R4 bytes in [head, tail) belong to the consumer, all others to the producer.
 *
 * Left to others: what payloads mean, back-pressure (task/edge), who sleeps when (task/worker).
 */
#include "ring/ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

#define FRAME_ALIGN 16u
#define SPACE_NOBODY UINT64_MAX

/* In front of each payload. */
struct frame_head {
    uint32_t len; /* of the payload; of a PAD: bytes behind the header */
    uint16_t type;
    uint16_t flags;
    uint64_t aux;
};

_Static_assert(sizeof(struct frame_head) == FRAME_ALIGN, "payloads are aligned to 16");
_Static_assert(TIDE_LIMIT_RING_FLOOR >= 8 * FRAME_ALIGN, "a quarter holds a header and a handle");

/* The producer's own; the counts are written by it alone and read by anybody. */
struct producer {
    uint64_t tail;      /* behind the last committed frame */
    uint64_t published; /* what the shared tail says */
    uint64_t head_seen; /* the shared head when last looked at */
    uint64_t claim_at;  /* where the open claim's frame begins */
    uint32_t claim_len; /* payload of the open claim */
    bool claimed;
    bool noted;      /* space_at may be ours */
    uint32_t wanted; /* payload of the refused claim, if noted */
    _Atomic(uint64_t) frames;
    _Atomic(uint64_t) publishes;
    _Atomic(uint64_t) full;
    _Atomic(uint64_t) large;
    _Atomic(uint64_t) consumer_wakes;
};

/* The consumer's own, likewise. */
struct consumer {
    uint64_t head;      /* in front of the next frame to release */
    uint64_t published; /* what the shared head says */
    uint64_t tail_seen; /* the shared tail when last looked at */
    uint64_t peeked;    /* bytes of the frame that was peeked at, 0: none */
    struct tide_block *block;
    _Atomic(uint64_t) releases;
    _Atomic(uint64_t) producer_wakes;
};

struct tide_ring {
    const struct tide_seam *seam;
    uint8_t *bytes;
    uint32_t size;
    uint32_t mask;
    struct tide_park *producer_park;
    struct tide_park *consumer_park;
    alignas(TIDE_CACHE_LINE) _Atomic(uint64_t) tail;     /* written by the producer */
    alignas(TIDE_CACHE_LINE) _Atomic(uint64_t) head;     /* written by the consumer */
    alignas(TIDE_CACHE_LINE) _Atomic(uint64_t) space_at; /* written by both, seldom */
    alignas(TIDE_CACHE_LINE) struct producer producer;
    alignas(TIDE_CACHE_LINE) struct consumer consumer;
};

/* Counts in a figure that one thread writes and others read; no partner. */
static void
count(_Atomic(uint64_t) *figure)
{
    uint64_t now = atomic_load_explicit(figure, memory_order_relaxed);
    atomic_store_explicit(figure, now + 1, memory_order_relaxed);
}

static uint64_t
figure(const _Atomic(uint64_t) *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* A frame with header, rounded up. */
static uint32_t
frame_bytes(uint32_t len)
{
    return (uint32_t)sizeof(struct frame_head) + ((len + FRAME_ALIGN - 1) & ~(FRAME_ALIGN - 1));
}

static struct frame_head *
frame_at(const struct tide_ring *ring, uint64_t position)
{
    return (struct frame_head *)(void *)(ring->bytes + (position & ring->mask));
}

int
tide_ring_create(const struct tide_seam *seam, uint32_t bytes, struct tide_ring **out_ring,
                 struct tide_error *err)
{
    bool is_power = (bytes & (bytes - 1)) == 0;
    if (bytes < TIDE_LIMIT_RING_FLOOR || bytes > TIDE_LIMIT_RING_CEILING || !is_power) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "a ring of %u bytes is not possible: a power of two from %u to %u is",
                              bytes, TIDE_LIMIT_RING_FLOOR, TIDE_LIMIT_RING_CEILING);
    }
    struct tide_ring *ring = tide_alloc_lines(seam, sizeof(*ring));
    uint8_t *memory = tide_alloc_lines(seam, (size_t)bytes + TIDE_LIMIT_READ_BEHIND);
    if (ring == NULL || memory == NULL) {
        tide_free_lines(seam, ring);
        tide_free_lines(seam, memory);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a ring of %u bytes", bytes);
    }
    ring->seam = seam;
    ring->bytes = memory;
    ring->size = bytes;
    ring->mask = bytes - 1;
    atomic_init(&ring->space_at, SPACE_NOBODY);
    *out_ring = ring;
    return TIDE_OK;
}

void
tide_ring_destroy(struct tide_ring *ring)
{
    if (ring == NULL) {
        return;
    }
    struct tide_frame frame;
    tide_ring_parks_set(ring, NULL, NULL);
    tide_ring_publish(ring);
    while (tide_ring_peek(ring, &frame)) {
        tide_ring_release(ring);
    }
    tide_free_lines(ring->seam, ring->bytes);
    tide_free_lines(ring->seam, ring);
}

void
tide_ring_parks_set(struct tide_ring *ring, struct tide_park *producer, struct tide_park *consumer)
{
    ring->producer_park = producer;
    ring->consumer_park = consumer;
}

uint32_t
tide_ring_payload_max(const struct tide_ring *ring)
{
    return ring->size / 4 - (uint32_t)sizeof(struct frame_head);
}

uint32_t
tide_ring_used(const struct tide_ring *ring)
{
    uint64_t head = figure(&ring->head);
    uint64_t tail = figure(&ring->tail);
    uint64_t used = tail > head ? tail - head : 0;
    return used > ring->size ? ring->size : (uint32_t)used;
}

struct tide_ring_stats
tide_ring_stats(const struct tide_ring *ring)
{
    return (struct tide_ring_stats){
        .frames = figure(&ring->producer.frames),
        .publishes = figure(&ring->producer.publishes),
        .full = figure(&ring->producer.full),
        .large = figure(&ring->producer.large),
        .releases = figure(&ring->consumer.releases),
        .consumer_wakes = figure(&ring->producer.consumer_wakes),
        .producer_wakes = figure(&ring->consumer.producer_wakes),
        .bytes = ring->size,
        .used = tide_ring_used(ring),
    };
}

/* How much a frame of @len takes from the producer's tail on: itself, and padding before it. */
static uint32_t
claim_pad(const struct tide_ring *ring, uint32_t len)
{
    uint32_t to_end = ring->size - (uint32_t)(ring->producer.tail & ring->mask);
    return frame_bytes(len) > to_end ? to_end : 0;
}

static bool
claim_fits(const struct tide_ring *ring, uint32_t len)
{
    uint64_t total = (uint64_t)claim_pad(ring, len) + frame_bytes(len);
    return ring->producer.tail + total - ring->producer.head_seen <= ring->size;
}

/*
 * Leaves the note for the consumer: head where the ring is half empty, which is enough for any
 * claim. Whoever parks because of it looks at head first, through tide_ring_has_space.
 */
static void
space_note(struct tide_ring *ring, uint32_t len)
{
    struct producer *producer = &ring->producer;
    TIDE_ASSERT(producer->tail > ring->size / 2);
    producer->noted = true;
    producer->wanted = len;
    /* Before the load of head in tide_ring_has_space. Partner: the load in
     * tide_ring_release_publish. */
    atomic_store_explicit(&ring->space_at, producer->tail - ring->size / 2, memory_order_seq_cst);
}

static void
space_note_remove(struct tide_ring *ring)
{
    if (ring->producer.noted) {
        ring->producer.noted = false;
        /* Nothing depends on it: a consumer that still sees the note wakes us once in vain. */
        atomic_store_explicit(&ring->space_at, SPACE_NOBODY, memory_order_relaxed);
    }
}

enum tide_ring_result
tide_ring_claim(struct tide_ring *ring, uint32_t len, void **out_payload)
{
    struct producer *producer = &ring->producer;
    TIDE_ASSERT(!producer->claimed);
    if (len > tide_ring_payload_max(ring)) {
        return TIDE_RING_TOO_LARGE;
    }
    if (!claim_fits(ring, len)) {
        /* Acquire: the consumer has done with what it gave back. Partner:
         * tide_ring_release_publish. */
        producer->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    }
    if (!claim_fits(ring, len)) {
        tide_ring_publish(ring);
        space_note(ring, len);
        count(&producer->full);
        return TIDE_RING_FULL;
    }
    space_note_remove(ring);
    uint32_t pad = claim_pad(ring, len);
    if (pad > 0) {
        *frame_at(ring, producer->tail) = (struct frame_head){
            .len = pad - (uint32_t)sizeof(struct frame_head), .type = TIDE_FRAME_PAD};
    }
    producer->claim_at = producer->tail + pad;
    producer->claim_len = len;
    producer->claimed = true;
    *out_payload = frame_at(ring, producer->claim_at) + 1;
    return TIDE_RING_OK;
}

void
tide_ring_commit(struct tide_ring *ring, enum tide_frame_type type, uint16_t flags, uint64_t aux,
                 uint32_t len)
{
    struct producer *producer = &ring->producer;
    TIDE_ASSERT(producer->claimed);
    TIDE_ASSERT(len <= producer->claim_len);
    TIDE_ASSERT(type > TIDE_FRAME_PAD);
    TIDE_ASSERT(type < TIDE_FRAME_TYPES);
    *frame_at(ring, producer->claim_at) =
        (struct frame_head){.len = len, .type = (uint16_t)type, .flags = flags, .aux = aux};
    producer->tail = producer->claim_at + frame_bytes(len);
    producer->claimed = false;
    count(&producer->frames);
}

void
tide_ring_abort(struct tide_ring *ring)
{
    TIDE_ASSERT(ring->producer.claimed);
    ring->producer.claimed = false;
}

enum tide_ring_result
tide_ring_put(struct tide_ring *ring, enum tide_frame_type type, uint16_t flags, uint64_t aux,
              const void *data, uint32_t len)
{
    void *payload = NULL;
    enum tide_ring_result result = tide_ring_claim(ring, len, &payload);
    if (result != TIDE_RING_OK) {
        return result;
    }
    if (len > 0) {
        memcpy(payload, data, len);
    }
    tide_ring_commit(ring, type, flags, aux, len);
    return TIDE_RING_OK;
}

enum tide_ring_result
tide_ring_put_large(struct tide_ring *ring, struct tide_block *block, uint16_t flags, uint64_t aux)
{
    enum tide_ring_result result =
        tide_ring_put(ring, TIDE_FRAME_LARGE, flags, aux, &block, sizeof(block));
    if (result == TIDE_RING_OK) {
        count(&ring->producer.large);
    }
    return result;
}

void
tide_ring_publish(struct tide_ring *ring)
{
    struct producer *producer = &ring->producer;
    if (producer->published == producer->tail) {
        return;
    }
    producer->published = producer->tail;
    /*
     * Release for the frames' bytes; partners: the loads of tail in tide_ring_peek and
     * tide_ring_has_frame. Sequentially consistent for the look at the park behind it; partner:
     * tide_park_prepare.
     */
    atomic_store_explicit(&ring->tail, producer->tail, memory_order_seq_cst);
    count(&producer->publishes);
    if (ring->consumer_park != NULL && tide_park_wake(ring->consumer_park)) {
        count(&producer->consumer_wakes);
    }
}

bool
tide_ring_has_space(struct tide_ring *ring)
{
    struct producer *producer = &ring->producer;
    if (!producer->noted) {
        return true;
    }
    /* Partner: the store in tide_ring_release_publish. */
    producer->head_seen = atomic_load_explicit(&ring->head, memory_order_seq_cst);
    return claim_fits(ring, producer->wanted);
}

/* Skips padding at head, which a frame always follows (R3). */
static struct frame_head *
consumer_frame(struct tide_ring *ring)
{
    struct consumer *consumer = &ring->consumer;
    struct frame_head *frame = frame_at(ring, consumer->head);
    if (frame->type == TIDE_FRAME_PAD) {
        consumer->head += sizeof(*frame) + frame->len;
        frame = frame_at(ring, consumer->head);
    }
    TIDE_ASSERT(frame->type > TIDE_FRAME_PAD);
    TIDE_ASSERT(frame->type < TIDE_FRAME_TYPES);
    TIDE_ASSERT(frame_bytes(frame->len) <= consumer->tail_seen - consumer->head);
    return frame;
}

bool
tide_ring_peek(struct tide_ring *ring, struct tide_frame *out_frame)
{
    struct consumer *consumer = &ring->consumer;
    if (consumer->head == consumer->tail_seen) {
        /* Acquire: the bytes in front of it are written. Partner: the store in tide_ring_publish.
         */
        consumer->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    }
    if (consumer->head == consumer->tail_seen) {
        tide_ring_release_publish(ring);
        return false;
    }
    const struct frame_head *frame = consumer_frame(ring);
    struct tide_block *block = NULL;
    if (frame->type == TIDE_FRAME_LARGE) {
        memcpy(&block, frame + 1, sizeof(block));
    }
    consumer->peeked = frame_bytes(frame->len);
    consumer->block = block;
    *out_frame = (struct tide_frame){
        .type = block != NULL ? TIDE_FRAME_BATCH : (enum tide_frame_type)frame->type,
        .flags = frame->flags,
        .len = block != NULL ? tide_block_len(block) : frame->len,
        .aux = frame->aux,
        .data = block != NULL ? tide_block_data(block) : (const void *)(frame + 1),
        .block = block,
    };
    return true;
}

void
tide_ring_release(struct tide_ring *ring)
{
    struct consumer *consumer = &ring->consumer;
    TIDE_ASSERT(consumer->peeked > 0);
    consumer->head += consumer->peeked;
    consumer->peeked = 0;
    tide_block_unref(consumer->block);
    consumer->block = NULL;
}

void
tide_ring_release_publish(struct tide_ring *ring)
{
    struct consumer *consumer = &ring->consumer;
    if (consumer->published == consumer->head) {
        return;
    }
    consumer->published = consumer->head;
    /*
     * Release: our reads come before the producer's next writes; partner: the load in
     * tide_ring_claim. Sequentially consistent for the look at the note behind it; partner:
     * space_note.
     */
    atomic_store_explicit(&ring->head, consumer->head, memory_order_seq_cst);
    count(&consumer->releases);
    if (ring->producer_park == NULL) {
        return;
    }
    uint64_t space_at = atomic_load_explicit(&ring->space_at, memory_order_seq_cst);
    /* Only the note that was read is torn off: a newer one was left by a producer that has seen
     * this head. */
    if (consumer->head >= space_at &&
        atomic_compare_exchange_strong_explicit(&ring->space_at, &space_at, SPACE_NOBODY,
                                                memory_order_seq_cst, memory_order_relaxed) &&
        tide_park_wake(ring->producer_park)) {
        count(&consumer->producer_wakes);
    }
}

bool
tide_ring_has_frame(struct tide_ring *ring)
{
    struct consumer *consumer = &ring->consumer;
    if (consumer->head == consumer->tail_seen) {
        /* Partner: the store in tide_ring_publish. */
        consumer->tail_seen = atomic_load_explicit(&ring->tail, memory_order_seq_cst);
    }
    return consumer->head != consumer->tail_seen;
}
