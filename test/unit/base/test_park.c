/* SPDX-License-Identifier: Apache-2.0 */
/* Park and wake: the states, and two threads that would hang on one lost wake-up. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/park.h"
#include "base/words.h"

static void
wake_count(void *self)
{
    ++*(int *)self;
}

Test(park, wakes_once_and_only_when_parked)
{
    struct tide_park park;
    int woken = 0;
    tide_park_init(&park, wake_count, &woken);
    cr_assert_not(tide_park_wake(&park));
    cr_assert_eq(woken, 0);
    tide_park_prepare(&park);
    cr_assert(tide_park_wake(&park));
    cr_assert_not(tide_park_wake(&park));
    cr_assert_eq(woken, 1);
    cr_assert_not(tide_park_cancel(&park));
}

Test(park, cancel_tells_whether_it_was_woken)
{
    struct tide_park park;
    int woken = 0;
    tide_park_init(&park, wake_count, &woken);
    tide_park_prepare(&park);
    cr_assert(tide_park_cancel(&park));
    cr_assert_not(tide_park_wake(&park));
    cr_assert_eq(woken, 0);
}

Test(park, prepare_twice_is_caught, .signal = SIGABRT)
{
    struct tide_park park;
    int woken = 0;
    tide_park_init(&park, wake_count, &woken);
    tide_park_prepare(&park);
    tide_park_prepare(&park);
}

/* Each side raises its own word and sleeps until the other's has followed. */
#define ROUNDS 100000u

struct side {
    struct tide_park park;
    struct tide_word word;
    struct side *other;
    uint64_t parks;
    int fd;
    uint32_t lead; /* 1: moves first */
};

static void
side_wake(void *self)
{
    struct side *side = self;
    eventfd_write(side->fd, 1);
}

static void
side_wait_for(struct side *side, uint64_t value)
{
    while (tide_word_load_acquire(&side->other->word) < value) {
        eventfd_t events = 0;
        tide_park_prepare(&side->park);
        if (tide_word_load_seq(&side->other->word) < value) {
            side->parks++;
            eventfd_read(side->fd, &events);
            tide_park_cancel(&side->park);
        } else if (!tide_park_cancel(&side->park)) {
            eventfd_read(side->fd, &events);
        }
    }
}

static void *
side_run(void *arg)
{
    struct side *side = arg;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        if (!side->lead) {
            side_wait_for(side, round);
        }
        tide_word_raise(&side->word, round);
        tide_park_wake(&side->other->park);
        if (side->lead) {
            side_wait_for(side, round);
        }
    }
    return NULL;
}

Test(park, ping_pong_loses_no_wake_up, .timeout = 120)
{
    static struct side sides[2];
    pthread_t threads[2];
    for (uint32_t i = 0; i < 2; i++) {
        tide_park_init(&sides[i].park, side_wake, &sides[i]);
        tide_word_init(&sides[i].word, 0);
        sides[i].other = &sides[1 - i];
        sides[i].fd = eventfd(0, EFD_CLOEXEC);
        sides[i].lead = 1 - i;
    }
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, side_run, &sides[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_gt(sides[0].parks + sides[1].parks, 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tide_word_load_seq(&sides[i].word), ROUNDS);
        close(sides[i].fd);
    }
}
