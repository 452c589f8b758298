/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Park and wake: the protocol is in the header; all accesses to the flag are seq_cst on purpose.
 */
#include "base/park.h"

#include <stddef.h>

#include "base/assert.h"

_Static_assert(sizeof(struct tide_park) == TIDE_CACHE_LINE, "a park is alone on its lines");

void
tide_park_init(struct tide_park *park, tide_park_wake_fn *wake, void *self)
{
    TIDE_ASSERT(wake != NULL);
    atomic_init(&park->parked, 0);
    park->wake = wake;
    park->self = self;
}

void
tide_park_prepare(struct tide_park *park)
{
    /* Partner: the load in tide_park_wake. */
    uint32_t before = atomic_exchange_explicit(&park->parked, 1, memory_order_seq_cst);
    TIDE_ASSERT(before == 0);
}

bool
tide_park_cancel(struct tide_park *park)
{
    /* Partner: the exchange in tide_park_wake_parked; exactly one of the two finds the 1. */
    return atomic_exchange_explicit(&park->parked, 0, memory_order_seq_cst) == 1;
}

bool
tide_park_wake_parked(struct tide_park *park)
{
    /* Partner: the exchanges in tide_park_prepare and tide_park_cancel. One waker of many calls
     * back. */
    if (atomic_exchange_explicit(&park->parked, 0, memory_order_seq_cst) == 0) {
        return false;
    }
    park->wake(park->self);
    return true;
}
