/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where a worker or the coordinator waits: file descriptors, timers and wakes in one
 * epoll.
 *
 * A loop belongs to one thread, its owner; only tide_loop_wake may be called by others. The loop is
 * itself a file descriptor (tide_loop_fd) that turns readable when a wait would return something,
 * timers included, so that an embedder may put it into its own loop.
 *
 * Times are monotonic nanoseconds of CLOCK_MONOTONIC, which is what the real seam's mono_ns
 * returns. Timers and timeouts below a millisecond are kept (timerfd).
 */
#ifndef TIDE_IO_LOOP_H
#define TIDE_IO_LOOP_H

#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

#define TIDE_LOOP_READ 1u
#define TIDE_LOOP_WRITE 2u
#define TIDE_LOOP_HANGUP 4u /* reported, never asked for: error or hang-up */

#define TIDE_LOOP_NO_TIMEOUT UINT64_MAX

enum tide_loop_kind {
    TIDE_LOOP_FD,    /* tag and events of a watched descriptor */
    TIDE_LOOP_TIMER, /* tag of a timer that is due; it is gone */
    TIDE_LOOP_WAKE,  /* tide_loop_wake was called since the last wait; once, however often */
};

struct tide_loop_event {
    enum tide_loop_kind kind;
    uint32_t events; /* TIDE_LOOP_READ | ... for TIDE_LOOP_FD, else 0 */
    uint64_t tag;
};

struct tide_loop;

/* @thread start */
int tide_loop_create(const struct tide_seam *seam, struct tide_loop **out_loop,
                     struct tide_error *err);

/* Watched descriptors stay open; NULL is legal. @thread start */
void tide_loop_destroy(struct tide_loop *loop);

/*
 * Watches @fd level-triggered for @events; watching it again changes events and tag. The descriptor
 * must be unwatched before it is closed. @thread task
 */
int tide_loop_watch(struct tide_loop *loop, int fd, uint32_t events, uint64_t tag,
                    struct tide_error *err);

/* Stops watching; an event of @fd that was already handed out stays handed out. Unknown is legal.
 * @thread task */
void tide_loop_unwatch(struct tide_loop *loop, int fd);

/*
 * One event with @tag at or after @at_ns (monotonic; past is legal). @out_id names the timer until
 * then. TIDE_ERR_LIMIT beyond TIDE_LIMIT_TIMERS. @thread task
 */
int tide_loop_timer_set(struct tide_loop *loop, uint64_t at_ns, uint64_t tag, uint64_t *out_id);

/* Takes a timer back; one that fired or is unknown is legal. @thread task */
void tide_loop_timer_clear(struct tide_loop *loop, uint64_t id);

/*
 * Waits until something happens or @timeout_ns has passed (0: only looks; TIDE_LOOP_NO_TIMEOUT: no
 * end), and hands out up to @max (> 0) events; what did not fit comes with the next call. Returns
 * how many; 0 is a timeout or a signal (io_uring's own work interrupts, too): wait again.
 * @thread task
 */
uint32_t tide_loop_wait(struct tide_loop *loop, uint64_t timeout_ns,
                        struct tide_loop_event *out_events, uint32_t max);

/* Ends the owner's wait, or its next one. Takes a struct tide_loop *; the type is that of a park's
 * wake. @thread any */
void tide_loop_wake(void *loop);

/* The descriptor for an embedder's own loop; owned by the loop. @thread any */
int tide_loop_fd(const struct tide_loop *loop);

#endif
