/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads and a ring: the same seed tells the producer what to send and the consumer what to
 * expect, so that a frame lost, doubled, out of order or changed in one byte is seen. Bounded by
 * count, not by time. The sleeping kind parks both sides by the book; one lost wake-up and it
 * hangs.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/park.h"
#include "ring/ring.h"

/* One side of the run. */
struct side {
    struct tide_park park;
    int fd;
    uint64_t parks;
    uint64_t seed;
};

struct run {
    struct tide_ring *ring;
    struct tide_budget_child *child;
    uint64_t frames;
    uint32_t len_max;
    uint32_t burst_max; /* frames committed before a publish, or released before one */
    bool sleeps;
    struct side producer;
    struct side consumer;
    uint64_t wrong;
};

static uint64_t
next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void
side_wake(void *self)
{
    eventfd_write(((struct side *)self)->fd, 1);
}

/* Parks until @has_news; the worker's part of the protocol. */
static void
side_wait(struct run *run, struct side *side, bool (*has_news)(struct tide_ring *))
{
    if (!run->sleeps) {
        sched_yield();
        return;
    }
    eventfd_t events = 0;
    tide_park_prepare(&side->park);
    if (!has_news(run->ring)) {
        side->parks++;
        eventfd_read(side->fd, &events);
        tide_park_cancel(&side->park);
    } else if (!tide_park_cancel(&side->park)) {
        eventfd_read(side->fd, &events);
    }
}

static uint8_t
byte_at(uint64_t frame, uint32_t i)
{
    return (uint8_t)(frame * 31 + i * 7);
}

static void
bytes_fill(uint8_t *bytes, uint32_t len, uint64_t frame)
{
    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = byte_at(frame, i);
    }
}

/* Sends frame number @frame; out of line if it is too large. */
static enum tide_ring_result
frame_send(struct run *run, uint64_t frame, uint32_t len)
{
    void *payload = NULL;
    enum tide_ring_result result = tide_ring_claim(run->ring, len, &payload);
    if (result == TIDE_RING_OK) {
        bytes_fill(payload, len, frame);
        tide_ring_commit(run->ring, TIDE_FRAME_BATCH, (uint16_t)len, frame, len);
    }
    if (result != TIDE_RING_TOO_LARGE) {
        return result;
    }
    struct tide_block *block = tide_block_create(run->child, len);
    bytes_fill(tide_block_data(block), len, frame);
    result = tide_ring_put_large(run->ring, block, (uint16_t)len, frame);
    if (result != TIDE_RING_OK) {
        tide_block_unref(block);
    }
    return result;
}

static void *
producer_run(void *arg)
{
    struct run *run = arg;
    uint64_t burst = 0;
    for (uint64_t frame = 0; frame < run->frames; frame++) {
        uint32_t len = (uint32_t)(next(&run->producer.seed) % (run->len_max + 1));
        while (frame_send(run, frame, len) != TIDE_RING_OK) {
            side_wait(run, &run->producer, tide_ring_has_space);
        }
        if (burst-- == 0) {
            tide_ring_publish(run->ring);
            burst = next(&run->producer.seed) % run->burst_max;
        } else {
            next(&run->producer.seed); /* the consumer draws twice a frame as well */
        }
    }
    tide_ring_publish(run->ring);
    return NULL;
}

static void
frame_check(struct run *run, const struct tide_frame *got, uint64_t frame, uint32_t len)
{
    const uint8_t *bytes = got->data;
    run->wrong += got->aux != frame || got->len != len || got->flags != (uint16_t)len;
    run->wrong += (uintptr_t)bytes % 16 != 0;
    for (uint32_t i = 0; i < got->len; i++) {
        run->wrong += bytes[i] != byte_at(frame, i);
    }
}

static void *
consumer_run(void *arg)
{
    struct run *run = arg;
    struct tide_frame got;
    for (uint64_t frame = 0; frame < run->frames; frame++) {
        uint32_t len = (uint32_t)(next(&run->consumer.seed) % (run->len_max + 1));
        while (!tide_ring_peek(run->ring, &got)) {
            side_wait(run, &run->consumer, tide_ring_has_frame);
        }
        frame_check(run, &got, frame, len);
        tide_ring_release(run->ring);
        if (next(&run->consumer.seed) % run->burst_max == 0) {
            tide_ring_release_publish(run->ring);
        }
    }
    return NULL;
}

/* Runs both sides to the end and checks that nothing is left anywhere. */
static void
run_all(struct run *run, uint32_t ring_bytes)
{
    struct tide_budget *budget = NULL;
    struct side *sides[] = {&run->producer, &run->consumer};
    pthread_t threads[2];
    cr_assert_eq(tide_budget_create(tide_seam_real(), 64u << 20, &budget, NULL), TIDE_OK);
    cr_assert_eq(tide_budget_child_add(budget, "blocks", 0, 0, &run->child, NULL), TIDE_OK);
    cr_assert_eq(tide_ring_create(tide_seam_real(), ring_bytes, &run->ring, NULL), TIDE_OK);
    for (int i = 0; i < 2; i++) {
        tide_park_init(&sides[i]->park, side_wake, sides[i]);
        sides[i]->fd = eventfd(0, EFD_CLOEXEC);
        sides[i]->seed = 4711;
    }
    tide_ring_parks_set(run->ring, &run->producer.park, &run->consumer.park);
    pthread_create(&threads[0], NULL, producer_run, run);
    pthread_create(&threads[1], NULL, consumer_run, run);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        close(sides[i]->fd);
    }
    cr_assert_eq(run->wrong, 0);
    cr_assert_not(tide_ring_has_frame(run->ring));
    cr_assert_eq(tide_ring_stats(run->ring).frames, run->frames);
    cr_assert_eq(tide_budget_child_use(run->child).used, 0);
    tide_ring_destroy(run->ring);
    tide_budget_destroy(budget);
}

static struct run run;

Test(threads, small_ring_wraps_often, .timeout = 120)
{
    run = (struct run){.frames = 300000, .len_max = 200, .burst_max = 4};
    run_all(&run, 1024);
}

Test(threads, large_ring_in_bursts, .timeout = 120)
{
    run = (struct run){.frames = 200000, .len_max = 400, .burst_max = 64};
    run_all(&run, 256u << 10);
}

Test(threads, frames_in_line_and_out_of_it, .timeout = 120)
{
    run = (struct run){.frames = 100000, .len_max = 400, .burst_max = 8};
    run_all(&run, 1024);
}

Test(threads, sleepers_miss_nothing_in_a_small_ring, .timeout = 120)
{
    run = (struct run){.frames = 200000, .len_max = 200, .burst_max = 4, .sleeps = true};
    run_all(&run, 1024);
    cr_assert_gt(run.producer.parks + run.consumer.parks, 0);
}

Test(threads, sleepers_miss_nothing_with_frames_of_a_quarter, .timeout = 120)
{
    run = (struct run){.frames = 200000, .len_max = 240, .burst_max = 1, .sleeps = true};
    run_all(&run, 1024);
}

/* Two rings, there and back, one frame on the way at a time: each hop is a park and a wake. */
#define ROUNDS 100000u

struct player {
    struct side side;
    struct tide_ring *in;
    struct tide_ring *out;
    uint64_t wrong;
    bool serves;
};

static void
player_wait(struct player *player)
{
    struct run view = {.ring = player->in, .sleeps = true};
    side_wait(&view, &player->side, tide_ring_has_frame);
}

static void
player_hit(struct player *player, uint64_t round)
{
    enum tide_ring_result result =
        tide_ring_put(player->out, TIDE_FRAME_BATCH, 0, round, &round, sizeof(round));
    player->wrong += result != TIDE_RING_OK;
    tide_ring_publish(player->out);
}

static void *
player_run(void *arg)
{
    struct player *player = arg;
    struct tide_frame frame;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        if (player->serves) {
            player_hit(player, round);
        }
        while (!tide_ring_peek(player->in, &frame)) {
            player_wait(player);
        }
        player->wrong += frame.aux != round;
        tide_ring_release(player->in);
        tide_ring_release_publish(player->in);
        if (!player->serves) {
            player_hit(player, round);
        }
    }
    return NULL;
}

Test(threads, ping_pong_loses_no_wake_up, .timeout = 120)
{
    static struct player players[2];
    struct tide_ring *rings[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tide_ring_create(tide_seam_real(), 1024, &rings[i], NULL), TIDE_OK);
        tide_park_init(&players[i].side.park, side_wake, &players[i].side);
        players[i].side.fd = eventfd(0, EFD_CLOEXEC);
    }
    for (int i = 0; i < 2; i++) {
        players[i].in = rings[1 - i];
        players[i].out = rings[i];
        players[i].serves = i == 0;
        tide_ring_parks_set(rings[i], &players[i].side.park, &players[1 - i].side.park);
    }
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, player_run, &players[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        close(players[i].side.fd);
        cr_assert_eq(players[i].wrong, 0);
    }
    cr_assert_gt(players[0].side.parks + players[1].side.parks, 0);
    tide_ring_destroy(rings[0]);
    tide_ring_destroy(rings[1]);
}
