/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports: what tasks tell the coordinator, through one ring each.
 *
 * A report is one frame: a fixed head, then a payload by kind. The ring is bounded; a task whose
 * ring is full keeps the report and tries again in its next step, which can only happen while the
 * coordinator itself is waiting for its disk. Reports carry the incarnation, so that nothing of an
 * older one counts (I9).
 *
 * Threads: a task writes, the coordinator reads.
 */
#ifndef TIDE_EPOCH_REPORT_H
#define TIDE_EPOCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "epoch/orders.h"
#include "ring/ring.h"

enum tide_report_kind {
    TIDE_REPORT_SOURCE,  /* marker written; payload: n struct tide_report_offset */
    TIDE_REPORT_STATE,   /* snapshot durable; payload: its reference */
    TIDE_REPORT_SINK,    /* every row before the marker durable; payload: token */
    TIDE_REPORT_WAITING, /* on the outside; payload: reason; empty: not any more */
    TIDE_REPORT_FAILED,  /* the task cannot go on; code in first, payload: text */
    TIDE_REPORT_ENDED    /* a bounded source has no more rows */
};

struct tide_report {
    uint32_t kind; /* enum tide_report_kind */
    uint32_t task; /* index in the plan */
    uint64_t incarnation;
    uint64_t first, epoch; /* epochs first..epoch are covered */
    uint32_t n;            /* SOURCE: offsets */
    uint32_t len;          /* bytes of payload */
};

struct tide_report_offset {
    uint32_t split, reserved;
    struct tide_offset next; /* every earlier record of the split lies before the marker */
};

/* Puts one report; false: the ring is full, try again. A payload over a quarter of the ring travels
 * as a block of @child. @thread task */
bool tide_report_put(struct tide_ring *ring, struct tide_budget_child *child,
                     const struct tide_report *report, const void *payload);

/* The next report and its payload, valid until tide_report_done; false: none. @thread coordinator
 */
bool tide_report_peek(struct tide_ring *ring, struct tide_report *out_report,
                      const uint8_t **out_payload);

/* Takes the report of the last peek out of the ring. @thread coordinator */
void tide_report_done(struct tide_ring *ring);

#endif
