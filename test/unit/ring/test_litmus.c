/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store-buffering litmus test, on the real calls: in each round one side makes news and looks
 * whether the other is parked, while the other parks and looks for news. If both see the old state,
 * a worker would sleep for ever. Weaker memory orders let that happen once in some thousand rounds,
 * also on x86, so the rounds start in lockstep and are many.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/park.h"
#include "base/words.h"
#include "ring/ring.h"

#define ROUNDS 200000u
#define SPINS 2000u
#define FRAME_LEN 240u
#define FRAMES_FULL 4u /* of FRAME_LEN in 1024 bytes */

struct litmus {
    struct tide_word round;   /* raised by the sleeper: go */
    struct tide_word written; /* raised by the writer: done */
    struct tide_word news;
    struct tide_park park;
    struct tide_ring *ring;
    void (*prepare)(struct litmus *litmus); /* the sleeper's, alone, before a round */
    void (*write)(struct litmus *litmus, uint64_t round);
    bool (*look)(struct litmus *litmus, uint64_t round);
    void (*drain)(struct litmus *litmus); /* the sleeper's, alone, after a round */
    _Atomic(uint64_t) woken;
    uint64_t lost;
};

static void
litmus_wake(void *self)
{
    atomic_fetch_add(&((struct litmus *)self)->woken, 1);
}

/* Spins until @word is at least @value; gives way now and then, for machines with one core. */
static void
spin_until(const struct tide_word *word, uint64_t value)
{
    for (unsigned spins = 1; tide_word_load_acquire(word) < value; spins++) {
        if (spins % SPINS == 0) {
            sched_yield();
        }
    }
}

/* A little time that differs from round to round. */
static void
jitter(uint64_t round)
{
    for (volatile uint64_t i = 0; i < round % 128; i++) {
    }
}

static void *
writer_run(void *arg)
{
    struct litmus *litmus = arg;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        spin_until(&litmus->round, round);
        jitter(round / 128);
        litmus->write(litmus, round);
        tide_word_raise(&litmus->written, round);
    }
    return NULL;
}

static void
litmus_run(struct litmus *litmus)
{
    pthread_t writer;
    pthread_create(&writer, NULL, writer_run, litmus);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        litmus->prepare(litmus);
        uint64_t woken = atomic_load(&litmus->woken);
        tide_word_raise(&litmus->round, round);
        jitter(round);
        tide_park_prepare(&litmus->park);
        bool saw = litmus->look(litmus, round);
        spin_until(&litmus->written, round);
        litmus->lost += !saw && atomic_load(&litmus->woken) == woken;
        tide_park_cancel(&litmus->park);
        litmus->drain(litmus);
    }
    pthread_join(writer, NULL);
    cr_assert_eq(litmus->lost, 0, "%llu of %u rounds", (unsigned long long)litmus->lost, ROUNDS);
}

static void
nothing(struct litmus *litmus)
{
    (void)litmus;
}

/* ---- a word and a park ---- */

static void
word_write(struct litmus *litmus, uint64_t round)
{
    tide_word_raise(&litmus->news, round);
    tide_park_wake(&litmus->park);
}

static bool
word_look(struct litmus *litmus, uint64_t round)
{
    return tide_word_load_seq(&litmus->news) >= round;
}

static struct litmus litmus;

Test(litmus, word_and_park, .timeout = 120)
{
    litmus.prepare = nothing;
    litmus.write = word_write;
    litmus.look = word_look;
    litmus.drain = nothing;
    tide_park_init(&litmus.park, litmus_wake, &litmus);
    litmus_run(&litmus);
}

/* ---- data in a ring and the consumer's park ---- */

static void
data_write(struct litmus *l, uint64_t round)
{
    tide_ring_put(l->ring, TIDE_FRAME_BATCH, 0, round, &round, sizeof(round));
    tide_ring_publish(l->ring);
}

static bool
data_look(struct litmus *l, uint64_t round)
{
    (void)round;
    return tide_ring_has_frame(l->ring);
}

/* Takes all frames and gives them back. */
static void
ring_drain(struct litmus *l)
{
    struct tide_frame frame;
    while (tide_ring_peek(l->ring, &frame)) {
        tide_ring_release(l->ring);
    }
}

Test(litmus, data_and_consumer, .timeout = 120)
{
    litmus.prepare = nothing;
    litmus.write = data_write;
    litmus.look = data_look;
    litmus.drain = ring_drain;
    tide_park_init(&litmus.park, litmus_wake, &litmus);
    cr_assert_eq(tide_ring_create(tide_seam_real(), 1024, &litmus.ring, NULL), TIDE_OK);
    tide_ring_parks_set(litmus.ring, NULL, &litmus.park);
    litmus_run(&litmus);
    tide_ring_destroy(litmus.ring);
}

/* ---- space in a ring and the producer's park ---- */

static void
ring_fill(struct litmus *l)
{
    static const uint8_t bytes[FRAME_LEN];
    while (tide_ring_put(l->ring, TIDE_FRAME_BATCH, 0, 0, bytes, FRAME_LEN) == TIDE_RING_OK) {
    }
}

/* Half the ring, released frame by frame and given back at once. */
static void
space_write(struct litmus *l, uint64_t round)
{
    struct tide_frame frame;
    (void)round;
    for (unsigned i = 0; i < FRAMES_FULL / 2; i++) {
        if (tide_ring_peek(l->ring, &frame)) {
            tide_ring_release(l->ring);
        }
    }
    tide_ring_release_publish(l->ring);
}

static bool
space_look(struct litmus *l, uint64_t round)
{
    (void)round;
    return tide_ring_has_space(l->ring);
}

Test(litmus, space_and_producer, .timeout = 120)
{
    litmus.prepare = ring_fill;
    litmus.write = space_write;
    litmus.look = space_look;
    litmus.drain = nothing;
    tide_park_init(&litmus.park, litmus_wake, &litmus);
    cr_assert_eq(tide_ring_create(tide_seam_real(), 1024, &litmus.ring, NULL), TIDE_OK);
    tide_ring_parks_set(litmus.ring, &litmus.park, NULL);
    litmus_run(&litmus);
    tide_ring_destroy(litmus.ring);
}

/* As before, but the sleeper is refused and leaves its note in the round itself. */
static void
ring_fill_almost(struct litmus *l)
{
    static const uint8_t bytes[FRAME_LEN];
    while (tide_ring_used(l->ring) < FRAMES_FULL * (FRAME_LEN + 16)) {
        tide_ring_put(l->ring, TIDE_FRAME_BATCH, 0, 0, bytes, FRAME_LEN);
        tide_ring_publish(l->ring);
    }
}

static bool
refusal_look(struct litmus *l, uint64_t round)
{
    void *payload = NULL;
    (void)round;
    if (tide_ring_claim(l->ring, FRAME_LEN, &payload) == TIDE_RING_OK) {
        tide_ring_abort(l->ring);
        return true;
    }
    return tide_ring_has_space(l->ring);
}

Test(litmus, refusal_and_release, .timeout = 120)
{
    litmus.prepare = ring_fill_almost;
    litmus.write = space_write;
    litmus.look = refusal_look;
    litmus.drain = nothing;
    tide_park_init(&litmus.park, litmus_wake, &litmus);
    cr_assert_eq(tide_ring_create(tide_seam_real(), 1024, &litmus.ring, NULL), TIDE_OK);
    tide_ring_parks_set(litmus.ring, &litmus.park, NULL);
    litmus_run(&litmus);
    tide_ring_destroy(litmus.ring);
}
