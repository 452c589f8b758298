/* SPDX-License-Identifier: Apache-2.0 */
/* The ring in one thread: every place to wrap at, every edge of full and empty, blocks, and who is
 * woken. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "ring/ring.h"

#define RING_BYTES 1024u
#define HEAD_BYTES 16u

static struct tide_ring *
ring_create(uint32_t bytes)
{
    struct tide_ring *ring = NULL;
    cr_assert_eq(tide_ring_create(tide_seam_real(), bytes, &ring, NULL), TIDE_OK);
    return ring;
}

/* Puts and publishes a frame of @len bytes that all are @fill. */
static enum tide_ring_result
put_fill(struct tide_ring *ring, uint32_t len, uint8_t fill, uint64_t aux)
{
    void *payload = NULL;
    enum tide_ring_result result = tide_ring_claim(ring, len, &payload);
    if (result == TIDE_RING_OK) {
        memset(payload, fill, len);
        tide_ring_commit(ring, TIDE_FRAME_BATCH, 0, aux, len);
        tide_ring_publish(ring);
    }
    return result;
}

/* Takes the next frame, which must be the one that put_fill made of the same arguments. */
static void
take_fill(struct tide_ring *ring, uint32_t len, uint8_t fill, uint64_t aux)
{
    struct tide_frame frame;
    cr_assert(tide_ring_peek(ring, &frame));
    cr_assert_eq(frame.type, TIDE_FRAME_BATCH);
    cr_assert_eq(frame.len, len);
    cr_assert_eq(frame.aux, aux);
    cr_assert_null(frame.block);
    cr_assert_eq((uintptr_t)frame.data % 16, 0);
    for (uint32_t i = 0; i < len; i++) {
        cr_assert_eq(((const uint8_t *)frame.data)[i], fill);
    }
    tide_ring_release(ring);
    tide_ring_release_publish(ring);
}

Test(ring, sizes_are_checked)
{
    static const uint32_t refused[] = {0, 1, 512, 1000, 1025, 1536, 128u << 20, UINT32_MAX};
    struct tide_error err = {0};
    struct tide_ring *ring = NULL;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int rc = tide_ring_create(tide_seam_real(), refused[i], &ring, &err);
        cr_expect_eq(rc, TIDE_ERR_INVALID, "%u", refused[i]);
        cr_expect_null(ring);
    }
    for (uint32_t bytes = TIDE_LIMIT_RING_FLOOR; bytes <= TIDE_LIMIT_RING_DEFAULT; bytes *= 2) {
        ring = ring_create(bytes);
        cr_assert_eq(tide_ring_payload_max(ring), bytes / 4 - HEAD_BYTES);
        tide_ring_destroy(ring);
    }
    tide_ring_destroy(NULL);
}

/* An allocator that gives @left times. */
static int left;
static int living;

static void *
counting_alloc(void *self, size_t size)
{
    (void)self;
    if (left-- <= 0) {
        return NULL;
    }
    living++;
    return calloc(1, size);
}

static void
counting_free(void *self, void *block)
{
    (void)self;
    living -= block != NULL;
    free(block);
}

static const struct tide_seam counting = {.alloc = counting_alloc, .free = counting_free};

Test(ring, out_of_memory_leaks_nothing)
{
    struct tide_ring *ring = NULL;
    for (int allocations = 0; allocations < 2; allocations++) {
        left = allocations;
        cr_assert_eq(tide_ring_create(&counting, RING_BYTES, &ring, NULL), TIDE_ERR_NOMEM);
        cr_assert_eq(living, 0);
        cr_assert_null(ring);
    }
    left = 2;
    cr_assert_eq(tide_ring_create(&counting, RING_BYTES, &ring, NULL), TIDE_OK);
    tide_ring_destroy(ring);
    cr_assert_eq(living, 0);
}

Test(ring, empty_gives_nothing)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    struct tide_frame frame;
    cr_assert_not(tide_ring_peek(ring, &frame));
    cr_assert_not(tide_ring_has_frame(ring));
    cr_assert(tide_ring_has_space(ring));
    cr_assert_eq(tide_ring_used(ring), 0);
    tide_ring_publish(ring);
    tide_ring_release_publish(ring);
    cr_assert_eq(tide_ring_stats(ring).publishes, 0);
    cr_assert_eq(tide_ring_stats(ring).releases, 0);
    tide_ring_destroy(ring);
}

Test(ring, frame_arrives_as_it_was)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    struct tide_frame frame;
    cr_assert_eq(tide_ring_put(ring, TIDE_FRAME_MARKER, 0xBEEF, UINT64_MAX, "abc", 3),
                 TIDE_RING_OK);
    cr_assert_eq(tide_ring_put(ring, TIDE_FRAME_END, 0, 7, NULL, 0), TIDE_RING_OK);
    tide_ring_publish(ring);
    cr_assert(tide_ring_has_frame(ring));
    for (int again = 0; again < 2; again++) {
        cr_assert(tide_ring_peek(ring, &frame));
        cr_assert_eq(frame.type, TIDE_FRAME_MARKER);
        cr_assert_eq(frame.flags, 0xBEEF);
        cr_assert_eq(frame.aux, UINT64_MAX);
        cr_assert_eq(frame.len, 3);
        cr_assert_eq(memcmp(frame.data, "abc", 3), 0);
    }
    tide_ring_release(ring);
    cr_assert(tide_ring_peek(ring, &frame));
    cr_assert_eq(frame.type, TIDE_FRAME_END);
    cr_assert_eq(frame.len, 0);
    cr_assert_eq(frame.aux, 7);
    cr_assert_not_null(frame.data);
    tide_ring_release(ring);
    cr_assert_not(tide_ring_peek(ring, &frame));
    tide_ring_destroy(ring);
}

/* From each of the ring's 64 places, each length; the frame before and after are checked too. */
Test(ring, wraps_at_every_place_with_every_length)
{
    for (uint32_t place = 0; place < RING_BYTES; place += HEAD_BYTES) {
        struct tide_ring *ring = ring_create(RING_BYTES);
        for (uint32_t i = 0; i < place; i += HEAD_BYTES) {
            cr_assert_eq(put_fill(ring, 0, 0, i), TIDE_RING_OK);
            take_fill(ring, 0, 0, i);
        }
        for (uint32_t len = 0; len <= tide_ring_payload_max(ring); len++) {
            cr_assert_eq(put_fill(ring, 5, 0x11, 1), TIDE_RING_OK);
            cr_assert_eq(put_fill(ring, len, 0x22, len), TIDE_RING_OK);
            cr_assert_eq(put_fill(ring, 77, 0x33, 3), TIDE_RING_OK);
            take_fill(ring, 5, 0x11, 1);
            take_fill(ring, len, 0x22, len);
            take_fill(ring, 77, 0x33, 3);
        }
        tide_ring_destroy(ring);
    }
}

/* From each place: fill to the brim with frames of each length; all come out, in order. */
Test(ring, full_at_every_place_with_every_length)
{
    for (uint32_t place = 0; place < RING_BYTES; place += 3 * HEAD_BYTES) {
        struct tide_ring *ring = ring_create(RING_BYTES);
        for (uint32_t i = 0; i < place; i += HEAD_BYTES) {
            cr_assert_eq(put_fill(ring, 0, 0, i), TIDE_RING_OK);
            take_fill(ring, 0, 0, i);
        }
        for (uint32_t len = 1; len <= tide_ring_payload_max(ring); len++) {
            uint64_t n = 0;
            while (put_fill(ring, len, (uint8_t)n, n) == TIDE_RING_OK) {
                n++;
            }
            uint32_t frame = HEAD_BYTES + (len + 15) / 16 * 16;
            cr_assert_geq(n, RING_BYTES / frame - 1, "padding costs a frame at most");
            cr_assert_leq(n, RING_BYTES / frame);
            cr_assert_leq(tide_ring_used(ring), RING_BYTES);
            cr_assert_gt(tide_ring_used(ring), RING_BYTES - 2 * frame);
            for (uint64_t i = 0; i < n; i++) {
                take_fill(ring, len, (uint8_t)i, i);
            }
            cr_assert_eq(tide_ring_used(ring), 0);
        }
        tide_ring_destroy(ring);
    }
}

Test(ring, too_large_is_told_from_full)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    void *payload = NULL;
    cr_assert_eq(tide_ring_claim(ring, 241, &payload), TIDE_RING_TOO_LARGE);
    cr_assert_eq(tide_ring_claim(ring, UINT32_MAX, &payload), TIDE_RING_TOO_LARGE);
    cr_assert_null(payload);
    for (uint8_t i = 0; i < 4; i++) {
        cr_assert_eq(put_fill(ring, 240, i, i), TIDE_RING_OK);
    }
    cr_assert_eq(tide_ring_used(ring), RING_BYTES, "full to the last byte");
    cr_assert_eq(tide_ring_claim(ring, 0, &payload), TIDE_RING_FULL);
    cr_assert_eq(tide_ring_claim(ring, 241, &payload), TIDE_RING_TOO_LARGE);
    cr_assert_null(payload, "untouched on failure");
    cr_assert_eq(tide_ring_stats(ring).full, 1);
    cr_assert_not(tide_ring_has_space(ring));
    take_fill(ring, 240, 0, 0);
    cr_assert(tide_ring_has_space(ring));
    cr_assert_eq(put_fill(ring, 240, 4, 4), TIDE_RING_OK);
    for (uint8_t i = 1; i <= 4; i++) {
        take_fill(ring, 240, i, i);
    }
    tide_ring_destroy(ring);
}

Test(ring, committed_is_invisible_until_published)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    struct tide_frame frame;
    for (uint64_t i = 0; i < 3; i++) {
        tide_ring_put(ring, TIDE_FRAME_BATCH, 0, i, &i, sizeof(i));
    }
    cr_assert_not(tide_ring_peek(ring, &frame));
    cr_assert_not(tide_ring_has_frame(ring));
    cr_assert_eq(tide_ring_used(ring), 0);
    tide_ring_publish(ring);
    cr_assert_eq(tide_ring_used(ring), 3 * 32);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert(tide_ring_peek(ring, &frame));
        cr_assert_eq(frame.aux, i);
        tide_ring_release(ring);
    }
    cr_assert_eq(tide_ring_used(ring), 3 * 32, "released, not given back");
    tide_ring_release_publish(ring);
    cr_assert_eq(tide_ring_used(ring), 0);
    struct tide_ring_stats stats = tide_ring_stats(ring);
    cr_assert_eq(stats.frames, 3);
    cr_assert_eq(stats.publishes, 1);
    cr_assert_eq(stats.releases, 1);
    cr_assert_eq(stats.bytes, RING_BYTES);
    tide_ring_destroy(ring);
}

/* Neither side can sit on what the other waits for. */
Test(ring, refusals_publish)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    struct tide_frame frame;
    uint64_t n = 0;
    while (tide_ring_put(ring, TIDE_FRAME_BATCH, 0, n, &n, sizeof(n)) == TIDE_RING_OK) {
        n++;
    }
    cr_assert(tide_ring_has_frame(ring), "a refused claim publishes");
    while (tide_ring_peek(ring, &frame)) {
        tide_ring_release(ring);
    }
    cr_assert_eq(tide_ring_used(ring), 0, "a peek at nothing gives back");
    cr_assert(tide_ring_has_space(ring));
    tide_ring_destroy(ring);
}

Test(ring, commit_may_be_shorter_than_the_claim)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    void *payload = NULL;
    for (uint32_t len = 0; len <= 240; len++) {
        cr_assert_eq(tide_ring_claim(ring, 240, &payload), TIDE_RING_OK);
        memset(payload, 0xAA, 240);
        tide_ring_commit(ring, TIDE_FRAME_BATCH, 0, len, len);
        cr_assert_eq(put_fill(ring, 3, 0xBB, 5), TIDE_RING_OK);
        take_fill(ring, len, 0xAA, len);
        take_fill(ring, 3, 0xBB, 5);
    }
    tide_ring_destroy(ring);
}

/* Also where the claim had to be padded: the padding is undone with it. */
Test(ring, abort_leaves_no_trace)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    void *payload = NULL;
    for (uint64_t i = 0; i < 500; i++) {
        cr_assert_eq(tide_ring_claim(ring, 240, &payload), TIDE_RING_OK);
        memset(payload, 0xFF, 240);
        tide_ring_abort(ring);
        cr_assert_eq(put_fill(ring, (uint32_t)(i * 7 % 100), (uint8_t)i, i), TIDE_RING_OK);
        take_fill(ring, (uint32_t)(i * 7 % 100), (uint8_t)i, i);
    }
    cr_assert_eq(tide_ring_stats(ring).frames, 500);
    tide_ring_destroy(ring);
}

Test(ring, bytes_behind_a_payload_are_readable)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    struct tide_frame frame;
    uint8_t behind[TIDE_LIMIT_READ_BEHIND];
    int n = 0;
    for (int i = 0; i < 4; i++) {
        put_fill(ring, 240, 1, 0);
    }
    while (tide_ring_peek(ring, &frame)) {
        memcpy(behind, (const uint8_t *)frame.data + frame.len, sizeof(behind));
        /* Behind the last frame lies what nobody ever writes to; behind the others the next header.
         */
        cr_assert_eq(behind[0], ++n < 4 ? 240 : 0);
        tide_ring_release(ring);
    }
    tide_ring_destroy(ring);
}

/* ---- misuse ---- */

Test(ring, two_claims_are_caught, .signal = SIGABRT)
{
    void *payload = NULL;
    struct tide_ring *ring = ring_create(RING_BYTES);
    tide_ring_claim(ring, 1, &payload);
    tide_ring_claim(ring, 1, &payload);
}

Test(ring, commit_over_the_claim_is_caught, .signal = SIGABRT)
{
    void *payload = NULL;
    struct tide_ring *ring = ring_create(RING_BYTES);
    tide_ring_claim(ring, 8, &payload);
    tide_ring_commit(ring, TIDE_FRAME_BATCH, 0, 0, 9);
}

Test(ring, commit_of_nothing_is_caught, .signal = SIGABRT)
{
    tide_ring_commit(ring_create(RING_BYTES), TIDE_FRAME_BATCH, 0, 0, 0);
}

Test(ring, release_without_peek_is_caught, .signal = SIGABRT)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    struct tide_frame frame;
    put_fill(ring, 1, 1, 1);
    put_fill(ring, 1, 1, 1);
    tide_ring_peek(ring, &frame);
    tide_ring_release(ring);
    tide_ring_release(ring);
}

Test(ring, padding_cannot_be_put, .signal = SIGABRT)
{
    tide_ring_put(ring_create(RING_BYTES), TIDE_FRAME_PAD, 0, 0, NULL, 0);
}

/* ---- who is woken ---- */

struct sleeper {
    struct tide_park park;
    int woken;
};

static void
sleeper_wake(void *self)
{
    ((struct sleeper *)self)->woken++;
}

static struct sleeper producer;
static struct sleeper consumer;

static struct tide_ring *
ring_with_sleepers(void)
{
    struct tide_ring *ring = ring_create(RING_BYTES);
    tide_park_init(&producer.park, sleeper_wake, &producer);
    tide_park_init(&consumer.park, sleeper_wake, &consumer);
    tide_ring_parks_set(ring, &producer.park, &consumer.park);
    return ring;
}

Test(ring, publish_wakes_a_parked_consumer_once)
{
    struct tide_ring *ring = ring_with_sleepers();
    put_fill(ring, 1, 1, 1);
    cr_assert_eq(consumer.woken, 0, "awake already");
    tide_park_prepare(&consumer.park);
    tide_ring_publish(ring);
    cr_assert_eq(consumer.woken, 0, "nothing new");
    put_fill(ring, 1, 1, 2);
    put_fill(ring, 1, 1, 3);
    cr_assert_eq(consumer.woken, 1);
    cr_assert_eq(tide_ring_stats(ring).consumer_wakes, 1);
    cr_assert_eq(producer.woken, 0);
    tide_ring_destroy(ring);
    cr_assert_eq(producer.woken, 0);
}

/* A producer that sleeps because it has nothing to do is left alone. */
Test(ring, release_does_not_wake_a_producer_that_was_not_refused)
{
    struct tide_ring *ring = ring_with_sleepers();
    put_fill(ring, 100, 1, 1);
    put_fill(ring, 100, 1, 2);
    tide_park_prepare(&producer.park);
    take_fill(ring, 100, 1, 1);
    take_fill(ring, 100, 1, 2);
    cr_assert_eq(producer.woken, 0);
    tide_ring_destroy(ring);
}

Test(ring, release_wakes_a_refused_producer_at_half)
{
    struct tide_ring *ring = ring_with_sleepers();
    uint64_t n = 0;
    while (put_fill(ring, 48, 1, n) == TIDE_RING_OK) {
        n++;
    }
    cr_assert_eq(n, 16);
    tide_park_prepare(&producer.park);
    cr_assert_not(tide_ring_has_space(ring));
    for (uint64_t i = 0; i < 16; i++) {
        take_fill(ring, 48, 1, i);
        cr_assert_eq(producer.woken, i >= 7, "frame %llu", (unsigned long long)i);
    }
    cr_assert_eq(tide_ring_stats(ring).producer_wakes, 1);
    cr_assert_not(tide_park_cancel(&producer.park));
    tide_ring_destroy(ring);
}

/* Space that comes before the producer parks is seen by its look; a later refusal leaves a new
 * note. */
Test(ring, space_before_parking_is_seen_and_refusals_note_anew)
{
    struct tide_ring *ring = ring_with_sleepers();
    uint64_t n = 0;
    for (; put_fill(ring, 240, 1, n) == TIDE_RING_OK; n++) {
    }
    take_fill(ring, 240, 1, 0);
    take_fill(ring, 240, 1, 1);
    cr_assert_eq(producer.woken, 0, "not parked: the note is torn off all the same");
    cr_assert(tide_ring_has_space(ring));
    for (; put_fill(ring, 240, 1, n) == TIDE_RING_OK; n++) {
    }
    tide_park_prepare(&producer.park);
    cr_assert_not(tide_ring_has_space(ring));
    take_fill(ring, 240, 1, 2);
    take_fill(ring, 240, 1, 3);
    cr_assert_eq(producer.woken, 1);
    cr_assert(tide_ring_has_space(ring));
    tide_ring_destroy(ring);
}

Test(ring, claim_that_succeeds_takes_the_note_back)
{
    struct tide_ring *ring = ring_with_sleepers();
    uint64_t n = 0;
    while (put_fill(ring, 48, 1, n) == TIDE_RING_OK) {
        n++;
    }
    take_fill(ring, 48, 1, 0);
    cr_assert_eq(put_fill(ring, 48, 1, n), TIDE_RING_OK);
    tide_park_prepare(&producer.park);
    for (uint64_t i = 1; i <= n; i++) {
        take_fill(ring, 48, 1, i);
    }
    cr_assert_eq(producer.woken, 0);
    tide_ring_destroy(ring);
}
