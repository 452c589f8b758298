/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records came back, how often, and how long after they were due.
 *
 * The due time follows from the sequence number, so that nothing has to travel with a record: the
 * load is open loop at a fixed rate, and a record that could not be sent in time counts from when
 * it should have been (no coordinated omission). One thread writes; the counters may be read by
 * others.
 */
#ifndef TIDEMARK_BENCH_TALLY_H
#define TIDEMARK_BENCH_TALLY_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "base/histogram.h"

struct tally {
    uint64_t start_ns;            /* when sequence 0 is due, monotonic */
    uint64_t rate;                /* records a second */
    uint64_t warmup;              /* latencies count from this sequence on */
    uint64_t limit;               /* sequences are below this */
    uint8_t *seen;                /* times each came back, up to 255 */
    _Atomic(uint64_t) received;   /* different ones */
    _Atomic(uint64_t) duplicated; /* beyond the first of each */
    uint64_t foreign;             /* without a sequence number of ours */
    uint64_t first_ns, last_ns;   /* when the first and the latest new one came */
    uint64_t silence_ns_max;      /* longest time between two new ones */
    struct tide_histogram latency;
};

/* Makes @tally ready for @limit records; it owns the memory until tally_fini. */
void tally_init(struct tally *tally, uint64_t rate, uint64_t limit, uint64_t warmup);
void tally_fini(struct tally *tally);

/* When the record is due, monotonic. */
uint64_t tally_due_ns(const struct tally *tally, uint64_t sequence);

/* Counts one record that came back at @now_ns. */
void tally_receive(struct tally *tally, const void *value, size_t length, uint64_t now_ns);

/*
 * Prints the outcome as one JSON line or as a table; @sent is how many were sent, @send_lag_ns how
 * far the sender fell behind at worst, @epoch_offset_ns turns monotonic into time since the Unix
 * epoch.
 */
void tally_print(const struct tally *tally, FILE *out, int json, uint64_t sent,
                 uint64_t send_lag_ns, uint64_t epoch_offset_ns);

#endif
