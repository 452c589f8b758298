/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Park and wake: how a worker sleeps without missing news.
 *
 * A worker that found nothing to do parks in three moves:
 *
 *     tide_park_prepare(park);                 store parked      (seq_cst)
 *     if (anything that can be news is there)  load each again   (seq_cst: ring cursors, words,
 * completions) tide_park_cancel(park); else wait on the event loop, then tide_park_cancel(park);
 *
 * Whoever makes news does it in two:
 *
 *     store the news                           (seq_cst: tide_ring_publish, tide_word_raise, ...)
 *     tide_park_wake(park);                    load parked       (seq_cst)
 *
 * Why it is safe: the four accesses are in one total order. If the waker's load misses the worker's
 * store, it comes before it, hence the store of the news comes before the worker's second look,
 * which sees it. Acquire and release alone would let both sides read the old value (store
 * buffering).
 *
 * The wake callback must leave a trace that a wait which begins later still sees (an eventfd does,
 * a condition variable alone does not). It is called at most once per tide_park_prepare.
 */
#ifndef TIDE_BASE_PARK_H
#define TIDE_BASE_PARK_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* Ends the wait of the worker that @self stands for. Called from any thread; must not block. */
typedef void tide_park_wake_fn(void *self);

/* One per worker, alone on its cache lines. Caller's memory (tide_alloc_lines). */
struct tide_park {
    alignas(
        TIDE_CACHE_LINE) _Atomic(uint32_t) parked; /* 1 from prepare to the first wake or cancel */
    tide_park_wake_fn *wake;
    void *self;
};

/* Prepares @park; not parked. @thread start */
void tide_park_init(struct tide_park *park, tide_park_wake_fn *wake, void *self);

/* Announces that the worker is about to wait; afterwards it looks at everything again. @thread task
 */
void tide_park_prepare(struct tide_park *park);

/*
 * Ends what tide_park_prepare began, with or without a wait in between. True: nobody has woken the
 * worker; false: the wake callback was (or is being) called, so the event loop's trace of it is
 * still to be consumed. @thread task
 */
bool tide_park_cancel(struct tide_park *park);

/* The slow half of tide_park_wake. @thread any */
bool tide_park_wake_parked(struct tide_park *park);

/*
 * Wakes the worker if it is parked; one load when it is not. Must come after the seq_cst store of
 * the news. True: this call woke it. @thread any
 */
static inline bool
tide_park_wake(struct tide_park *park)
{
    if (atomic_load_explicit(&park->parked, memory_order_seq_cst) == 0) {
        return false;
    }
    return tide_park_wake_parked(park);
}

#endif
