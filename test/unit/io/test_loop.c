/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop. Nothing here depends on how long something takes: times are either past, or so
 * far off that only a wake or a descriptor can end the wait.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/seam.h"
#include "io/loop.h"

#define FAR_NS UINT64_C(3600000000000)

static struct tide_loop *
loop_new(void)
{
    struct tide_loop *loop = NULL;
    struct tide_error err = {.code = 0};
    cr_assert_eq(tide_loop_create(tide_seam_real(), &loop, &err), 0, "%s", err.text);
    return loop;
}

static bool
readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

Test(loop, looking_without_waiting_finds_nothing)
{
    struct tide_loop_event event;
    struct tide_loop *loop = loop_new();
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 0);
    cr_assert_eq(tide_loop_wait(loop, 1000, &event, 1), 0, "a timeout is no event");
    tide_loop_destroy(loop);
    tide_loop_destroy(NULL);
}

Test(loop, a_timeout_is_not_early)
{
    struct tide_loop_event event;
    struct tide_loop *loop = loop_new();
    const struct tide_seam *seam = tide_seam_real();
    for (uint64_t timeout = 20000; timeout <= 2000000; timeout *= 10) {
        uint64_t from = tide_mono_ns(seam);
        cr_assert_eq(tide_loop_wait(loop, timeout, &event, 1), 0);
        cr_assert_geq(tide_mono_ns(seam) - from, timeout);
    }
    tide_loop_destroy(loop);
}

Test(loop, wakes_before_the_wait_are_kept_and_come_once)
{
    struct tide_loop_event event;
    struct tide_loop *loop = loop_new();
    tide_loop_wake(loop);
    tide_loop_wake(loop);
    cr_assert(readable(tide_loop_fd(loop)));
    cr_assert_eq(tide_loop_wait(loop, TIDE_LOOP_NO_TIMEOUT, &event, 1), 1);
    cr_assert_eq(event.kind, TIDE_LOOP_WAKE);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 0);
    cr_assert_not(readable(tide_loop_fd(loop)));
    tide_loop_destroy(loop);
}

static void *
wake_thread(void *loop)
{
    tide_loop_wake(loop);
    return NULL;
}

Test(loop, another_thread_ends_a_wait)
{
    for (int i = 0; i < 200; i++) {
        struct tide_loop_event event;
        struct tide_loop *loop = loop_new();
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, wake_thread, loop), 0);
        cr_assert_eq(tide_loop_wait(loop, TIDE_LOOP_NO_TIMEOUT, &event, 1), 1);
        cr_assert_eq(event.kind, TIDE_LOOP_WAKE);
        pthread_join(thread, NULL);
        tide_loop_destroy(loop);
    }
}

Test(loop, timers_come_in_order_with_their_tags_and_not_before_their_time)
{
    struct tide_loop_event events[4];
    struct tide_loop *loop = loop_new();
    uint64_t id = 0;
    uint64_t far = 0;
    uint64_t now = tide_mono_ns(tide_seam_real());
    cr_assert_eq(tide_loop_timer_set(loop, now + FAR_NS, 1, &far), 0);
    cr_assert_eq(tide_loop_timer_set(loop, now + 3000000, 3, &id), 0);
    cr_assert_eq(tide_loop_timer_set(loop, 0, 2, &id), 0);
    cr_assert_eq(tide_loop_wait(loop, TIDE_LOOP_NO_TIMEOUT, events, 1), 1);
    cr_assert_eq(events[0].kind, TIDE_LOOP_TIMER);
    cr_assert_eq(events[0].tag, 2);
    cr_assert_eq(tide_loop_wait(loop, TIDE_LOOP_NO_TIMEOUT, events, 4), 1);
    cr_assert_eq(events[0].tag, 3);
    cr_assert_geq(tide_mono_ns(tide_seam_real()), now + 3000000);
    tide_loop_timer_clear(loop, far);
    tide_loop_timer_clear(loop, far);
    cr_assert_eq(tide_loop_wait(loop, 0, events, 4), 0);
    tide_loop_destroy(loop);
}

/* An embedder sleeps on the descriptor alone, without ever having waited. */
Test(loop, the_descriptor_tells_of_timers)
{
    struct tide_loop_event event;
    struct tide_loop *loop = loop_new();
    uint64_t id = 0;
    cr_assert_eq(tide_loop_timer_set(loop, tide_mono_ns(tide_seam_real()) + 1000000, 7, &id), 0);
    struct pollfd p = {.fd = tide_loop_fd(loop), .events = POLLIN};
    cr_assert_eq(poll(&p, 1, 60000), 1);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 1);
    cr_assert_eq(event.tag, 7);
    tide_loop_destroy(loop);
}

/* A timer that is set while an earlier timeout armed the clock must still announce itself. */
Test(loop, the_descriptor_tells_of_timers_that_a_wait_left_behind)
{
    struct tide_loop_event event;
    struct tide_loop *loop = loop_new();
    uint64_t id = 0;
    uint64_t now = tide_mono_ns(tide_seam_real());
    cr_assert_eq(tide_loop_timer_set(loop, now + 20000000, 7, &id), 0);
    cr_assert_eq(tide_loop_wait(loop, 1000, &event, 1), 0);
    struct pollfd p = {.fd = tide_loop_fd(loop), .events = POLLIN};
    cr_assert_eq(poll(&p, 1, 60000), 1);
    while (tide_loop_wait(loop, TIDE_LOOP_NO_TIMEOUT, &event, 1) == 0) {
    }
    cr_assert_eq(event.tag, 7);
    tide_loop_destroy(loop);
}

Test(loop, descriptors_are_level_triggered_and_carry_their_tag)
{
    struct tide_loop_event event;
    struct tide_loop *loop = loop_new();
    int fds[2];
    char byte;
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(tide_loop_watch(loop, fds[0], TIDE_LOOP_READ, 11, NULL), 0);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tide_loop_wait(loop, TIDE_LOOP_NO_TIMEOUT, &event, 1), 1);
        cr_assert_eq(event.kind, TIDE_LOOP_FD);
        cr_assert_eq(event.events, TIDE_LOOP_READ);
        cr_assert_eq(event.tag, 11);
    }
    cr_assert_eq(tide_loop_watch(loop, fds[0], TIDE_LOOP_READ, 12, NULL), 0);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 1);
    cr_assert_eq(event.tag, 12, "watching again changes the tag");
    cr_assert_eq(read(fds[0], &byte, 1), 1);
    cr_assert_eq(tide_loop_watch(loop, fds[1], TIDE_LOOP_WRITE, 13, NULL), 0);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 1);
    cr_assert_eq(event.events, TIDE_LOOP_WRITE);
    tide_loop_unwatch(loop, fds[1]);
    tide_loop_unwatch(loop, fds[1]);
    close(fds[1]);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 1);
    cr_assert(event.events & TIDE_LOOP_HANGUP);
    tide_loop_unwatch(loop, fds[0]);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 0);
    close(fds[0]);
    tide_loop_destroy(loop);
}

Test(loop, what_does_not_fit_comes_with_the_next_call)
{
    struct tide_loop_event event;
    struct tide_loop *loop = loop_new();
    uint64_t id = 0;
    uint32_t seen = 0;
    for (uint64_t tag = 1; tag <= 3; tag++) {
        cr_assert_eq(tide_loop_timer_set(loop, 0, tag, &id), 0);
    }
    tide_loop_wake(loop);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 1);
        seen |= event.kind == TIDE_LOOP_WAKE ? 1u : 1u << event.tag;
    }
    cr_assert_eq(seen, 0xf);
    cr_assert_eq(tide_loop_wait(loop, 0, &event, 1), 0);
    tide_loop_destroy(loop);
}

Test(loop, a_descriptor_that_cannot_be_watched_is_an_error)
{
    struct tide_error err = {.code = 0};
    struct tide_loop *loop = loop_new();
    cr_assert_eq(tide_loop_watch(loop, 999, TIDE_LOOP_READ, 1, &err), TIDE_ERR_IO);
    cr_assert_not_null(strstr(err.text, "999"));
    tide_loop_destroy(loop);
}
