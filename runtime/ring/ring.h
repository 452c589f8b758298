/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring: frames of bytes from one task to one other, without locks.
 *
 * The producer claims space, writes the payload in place, commits, and publishes any number of
 * committed frames with one store. The consumer peeks at the next frame, reads it in place,
 * releases, and gives any number of released frames back with one store. Nothing is copied, and
 * nothing waits: a full ring and an empty one are return values. Order is kept, every frame arrives
 * exactly once (I10, I11).
 *
 * A payload is aligned to 16 and in one piece, with TIDE_LIMIT_READ_BEHIND readable bytes behind
 * it. A frame may take a quarter of the ring; larger batches travel as a block (ring/block.h) whose
 * handle is in the ring, which the consumer sees as an ordinary BATCH frame.
 *
 * Sleeping: publish wakes the consumer's worker if it is parked, release_publish wakes the
 * producer's if it was refused space. Before it waits, a worker asks has_frame of the inputs it
 * could go on with and has_space of the outputs it was refused by (base/park.h). A peek that finds
 * nothing gives released space back first, and a claim that finds no space publishes first, so that
 * neither side can sit on what the other waits for.
 *
 * Threads: one producer and one consumer at a time; create, set and destroy while neither runs.
 */
#ifndef TIDE_RING_RING_H
#define TIDE_RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/park.h"
#include "base/seam.h"
#include "ring/block.h"

struct tide_ring;

/* What a frame is. What @aux, @flags and the payload mean belongs to the rooms above. */
enum tide_frame_type {
    TIDE_FRAME_PAD,       /* fills the end of the ring; never seen by a consumer */
    TIDE_FRAME_BATCH,     /* rows */
    TIDE_FRAME_LARGE,     /* rows out of line; a consumer sees BATCH with @block set */
    TIDE_FRAME_MARKER,    /* closes epochs */
    TIDE_FRAME_WATERMARK, /* event-time promise */
    TIDE_FRAME_IDLE,      /* a split or input is silent */
    TIDE_FRAME_END,       /* nothing follows */
    TIDE_FRAME_TYPES
};

/* A frame as the consumer sees it; its bytes are valid until it is released. */
struct tide_frame {
    enum tide_frame_type type;
    uint16_t flags;
    uint32_t len; /* bytes of payload */
    uint64_t aux;
    const void *data;         /* aligned to 16, never NULL */
    struct tide_block *block; /* where the bytes lie if out of line; take a ref to keep them */
};

enum tide_ring_result {
    TIDE_RING_OK,
    TIDE_RING_FULL,      /* back-pressure: come again when the consumer has released */
    TIDE_RING_TOO_LARGE, /* over tide_ring_payload_max: put it as a block */
};

/* What a ring has seen, for diagnosis. Counts since creation. */
struct tide_ring_stats {
    uint64_t frames;         /* committed */
    uint64_t publishes;      /* stores of the producer's cursor */
    uint64_t full;           /* refused claims */
    uint64_t large;          /* frames out of line */
    uint64_t releases;       /* stores of the consumer's cursor */
    uint64_t consumer_wakes; /* times the consumer's worker was woken for data */
    uint64_t producer_wakes; /* times the producer's worker was woken for space */
    uint32_t bytes;          /* size of the ring */
    uint32_t used;           /* bytes in it now, headers and padding included */
};

/*
 * Makes a ring of @bytes, a power of two from TIDE_LIMIT_RING_FLOOR to TIDE_LIMIT_RING_CEILING.
 * Errors: TIDE_ERR_INVALID, TIDE_ERR_NOMEM. @thread start
 */
int tide_ring_create(const struct tide_seam *seam, uint32_t bytes, struct tide_ring **out_ring,
                     struct tide_error *err);

/* Frees the ring and drops its references to blocks still in it. NULL is legal. @thread start */
void tide_ring_destroy(struct tide_ring *ring);

/* Whom to wake; NULL: nobody (the two sides share a worker, or poll). @thread start */
void tide_ring_parks_set(struct tide_ring *ring, struct tide_park *producer,
                         struct tide_park *consumer);

/* The largest payload that fits in line. @thread any */
uint32_t tide_ring_payload_max(const struct tide_ring *ring);

/* Bytes between the cursors, published ones only. @thread any */
uint32_t tide_ring_used(const struct tide_ring *ring);

/* Figures for diagnosis, each whole but not all at one instant. @thread any */
struct tide_ring_stats tide_ring_stats(const struct tide_ring *ring);

/* ---- the producer's side: @thread task, the producer's ---- */

/*
 * Claims room for @len bytes of payload: *out_payload, undefined contents. One claim at a time,
 * ended by commit or abort. FULL publishes what was committed and notes that the producer wants to
 * be woken.
 */
enum tide_ring_result tide_ring_claim(struct tide_ring *ring, uint32_t len, void **out_payload);

/* Ends the claim with a frame whose payload is the first @len bytes (not more than claimed). */
void tide_ring_commit(struct tide_ring *ring, enum tide_frame_type type, uint16_t flags,
                      uint64_t aux, uint32_t len);

/* Ends the claim without a frame. */
void tide_ring_abort(struct tide_ring *ring);

/* Claims, copies @len bytes of @data and commits. */
enum tide_ring_result tide_ring_put(struct tide_ring *ring, enum tide_frame_type type,
                                    uint16_t flags, uint64_t aux, const void *data, uint32_t len);

/* Commits a BATCH frame whose bytes are @block's. OK: the caller's reference now is the ring's. */
enum tide_ring_result tide_ring_put_large(struct tide_ring *ring, struct tide_block *block,
                                          uint16_t flags, uint64_t aux);

/* Makes the committed frames visible to the consumer and wakes it. Nothing committed: does nothing.
 */
void tide_ring_publish(struct tide_ring *ring);

/* The look before parking: whether the claim that was last refused would succeed now. */
bool tide_ring_has_space(struct tide_ring *ring);

/* ---- the consumer's side: @thread task, the consumer's ---- */

/* The next frame, or false when there is none. Again before release: the same frame. */
bool tide_ring_peek(struct tide_ring *ring, struct tide_frame *out_frame);

/* Moves past the frame of the last peek, whose bytes must not be read any more. */
void tide_ring_release(struct tide_ring *ring);

/* Gives the released space back and wakes the producer if it wants that. Nothing released: does
 * nothing. */
void tide_ring_release_publish(struct tide_ring *ring);

/* The look before parking: whether peek would find a frame now. */
bool tide_ring_has_frame(struct tide_ring *ring);

#endif
