/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flood: whether more than so many events came within any one second.
 *
 * A sliding window of TIDE_OP_FLOOD_PARTS parts. The parts that count span at most the window, so
 * that events within the limit are never called a flood; one that is over it by less than what
 * falls into a single part may pass. A limit below one a second is one event in a longer window.
 */
#ifndef TIDE_OPERATORS_FLOOD_H
#define TIDE_OPERATORS_FLOOD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TIDE_OP_FLOOD_PARTS 64u

struct tide_op_flood {
    uint64_t max;     /* events in a window, 0: no limit */
    uint64_t part_ns; /* window / TIDE_OP_FLOOD_PARTS */
    uint64_t newest;  /* number of the newest part */
    uint64_t sum;     /* of `counts` */
    uint64_t counts[TIDE_OP_FLOOD_PARTS];
};

/* @limit events a second; not over 0: none. @thread start */
static inline void
tide_op_flood_init(struct tide_op_flood *flood, double limit)
{
    double window_ns = limit < 1 ? 1e9 / (limit > 0 ? limit : 1) : 1e9;
    memset(flood, 0, sizeof(*flood));
    flood->part_ns = (uint64_t)(window_ns / TIDE_OP_FLOOD_PARTS) + 1;
    if (limit > 0) {
        flood->max = limit < 1 ? 1 : (uint64_t)limit;
    }
}

/* Whether one more event at @now_ns is within the limit; it is not counted. @thread task */
static inline bool
tide_op_flood_may(struct tide_op_flood *flood, uint64_t now_ns)
{
    uint64_t part = now_ns / flood->part_ns;
    for (uint32_t passed = 0; flood->newest < part && passed < TIDE_OP_FLOOD_PARTS; passed++) {
        uint64_t *oldest = &flood->counts[++flood->newest % TIDE_OP_FLOOD_PARTS];
        flood->sum -= *oldest;
        *oldest = 0;
    }
    flood->newest = part > flood->newest ? part : flood->newest;
    return flood->max == 0 || flood->sum < flood->max;
}

/* Counts one event at the time of the last tide_op_flood_may(). @thread task */
static inline void
tide_op_flood_count(struct tide_op_flood *flood)
{
    flood->counts[flood->newest % TIDE_OP_FLOOD_PARTS]++;
    flood->sum++;
}

#endif
