/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines: points in time with a tag, earliest first. A binary heap with stable ids.
 *
 * Knows no clock, so the event loop and the simulator use the same one. Equal times come out in the
 * order they were set. Threads: one at a time.
 */
#ifndef TIDE_IO_DEADLINE_H
#define TIDE_IO_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/seam.h"

struct tide_deadline {
    uint64_t at_ns;
    uint64_t order; /* breaks ties */
    uint64_t tag;
    uint32_t slot;
};

/* Where a deadline with an id stands. */
struct tide_deadline_slot {
    uint32_t at;         /* index in the heap; next free slot when free */
    uint32_t generation; /* of the id; changes whenever the slot is freed */
};

struct tide_deadlines {
    const struct tide_seam *seam;
    struct tide_deadline *heap;
    struct tide_deadline_slot *slots;
    uint32_t n;
    uint32_t cap;
    uint32_t free_first; /* slot, or the count of those ever used */
    uint32_t used;       /* slots ever used */
    uint64_t order;
};

/* Allocates nothing. @thread any */
void tide_deadlines_init(struct tide_deadlines *set, const struct tide_seam *seam);
void tide_deadlines_fini(struct tide_deadlines *set);

/* Adds one; *out_id names it until it is taken or cleared. TIDE_ERR_LIMIT, TIDE_ERR_NOMEM. @thread
 * any */
int tide_deadlines_add(struct tide_deadlines *set, uint64_t at_ns, uint64_t tag, uint64_t *out_id);

/* Removes one; an id that is not there any more is legal. @thread any */
void tide_deadlines_clear(struct tide_deadlines *set, uint64_t id);

/* The earliest time, UINT64_MAX when there is none. @thread any */
uint64_t tide_deadlines_first(const struct tide_deadlines *set);

/* Takes the earliest one if it is due at @now_ns. @thread any */
bool tide_deadlines_take(struct tide_deadlines *set, uint64_t now_ns, uint64_t *out_tag);

#endif
