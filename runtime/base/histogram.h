/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histogram: latencies in fixed memory (22 KiB), to within one per cent.
 *
 * Log-linear: values below 128 have a slot each; above, every power of two is divided into 64 slots
 * of equal width, and a slot answers with its middle, so that the error is at most 1/128 of the
 * value. Values from 2^48 on (over three days in nanoseconds) are counted in the last slot.
 *
 * Threads: one writer (record, reset); any thread may read or merge from it at any time, and sees
 * each slot whole but not all at one instant. For an interval, keep a copy and subtract it from the
 * next.
 */
#ifndef TIDE_BASE_HISTOGRAM_H
#define TIDE_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define TIDE_HISTOGRAM_SUB_BITS 6u
#define TIDE_HISTOGRAM_VALUE_BITS 48u
#define TIDE_HISTOGRAM_SLOTS \
    ((TIDE_HISTOGRAM_VALUE_BITS - TIDE_HISTOGRAM_SUB_BITS + 1u) << TIDE_HISTOGRAM_SUB_BITS)

/* Caller's memory; zeroed is empty. */
struct tide_histogram {
    _Atomic(uint64_t) max; /* the largest value, exact */
    _Atomic(uint64_t) sum; /* of all values, exact, modulo 2^64 */
    _Atomic(uint64_t) slots[TIDE_HISTOGRAM_SLOTS];
};

/* Empties @histogram. @thread the writer */
void tide_histogram_reset(struct tide_histogram *histogram);

/* Counts @value. No locked instruction. @thread the writer */
void tide_histogram_record(struct tide_histogram *histogram, uint64_t value);

/* Counts @value @times. @thread the writer */
void tide_histogram_record_n(struct tide_histogram *histogram, uint64_t value, uint64_t times);

/* Adds what @from has to @into. @thread the writer of @into */
void tide_histogram_merge(struct tide_histogram *into, const struct tide_histogram *from);

/*
 * Takes away @earlier, an older copy of @from which @from has only grown since; the maximum becomes
 * the top of the highest slot left. @thread the writer of @from
 */
void tide_histogram_subtract(struct tide_histogram *from, const struct tide_histogram *earlier);

/* How many values were counted. @thread any */
uint64_t tide_histogram_count(const struct tide_histogram *histogram);

/* The largest value, or 0. @thread any */
uint64_t tide_histogram_max(const struct tide_histogram *histogram);

/* The mean, or 0. @thread any */
uint64_t tide_histogram_mean(const struct tide_histogram *histogram);

/*
 * The value that @percent per cent (0 to 100) of the counted values do not exceed, to within one
 * per cent; 100 gives the maximum, 0 the smallest. 0 when empty. @thread any
 */
uint64_t tide_histogram_percentile(const struct tide_histogram *histogram, double percent);

#endif
