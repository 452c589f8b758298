/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histogram: slot numbers are the top bits of a value.
 *
 * With S = 6 sub-bits, a value below 2^(S+1) is its own slot. A value with its highest bit at e > S
 * is cut to its top S+1 bits, m = value >> (e - S), which lies in [2^S, 2^(S+1)); its slot is (e -
 * S) * 2^S + m. Both rules agree at e = S, so the slots follow each other without a gap (as in
 * HdrHistogram and DDSketch's linear interpolation). All accesses are relaxed and have no partner:
 * figures only.
 */
#include "base/histogram.h"

#include <stddef.h>

#include "base/assert.h"

#define SUB_BITS TIDE_HISTOGRAM_SUB_BITS
#define SUB_SLOTS (1u << SUB_BITS)
#define VALUE_MAX ((UINT64_C(1) << TIDE_HISTOGRAM_VALUE_BITS) - 1)

_Static_assert(sizeof(struct tide_histogram) <= 30 * 1024, "one per task and kind: keep it small");

static uint64_t
load(const _Atomic(uint64_t) *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* The single writer's store. */
static void
store(_Atomic(uint64_t) *value, uint64_t n)
{
    atomic_store_explicit(value, n, memory_order_relaxed);
}

static unsigned
slot_of(uint64_t value)
{
    if (value > VALUE_MAX) {
        value = VALUE_MAX;
    }
    unsigned top = 63u - (unsigned)__builtin_clzll(value | SUB_SLOTS);
    unsigned shift = top - SUB_BITS;
    unsigned slot = shift * SUB_SLOTS + (unsigned)(value >> shift);
    TIDE_ASSERT(slot < TIDE_HISTOGRAM_SLOTS);
    return slot;
}

/* How far to the left a slot's top bits stand. */
static unsigned
slot_shift(unsigned slot)
{
    return slot < 2 * SUB_SLOTS ? 0 : slot / SUB_SLOTS - 1;
}

static uint64_t
slot_lowest(unsigned slot)
{
    unsigned shift = slot_shift(slot);
    return (uint64_t)(slot - shift * SUB_SLOTS) << shift;
}

static uint64_t
slot_highest(unsigned slot)
{
    return slot_lowest(slot) + (UINT64_C(1) << slot_shift(slot)) - 1;
}

static uint64_t
slot_middle(unsigned slot)
{
    return slot_lowest(slot) + ((UINT64_C(1) << slot_shift(slot)) >> 1);
}

void
tide_histogram_reset(struct tide_histogram *histogram)
{
    store(&histogram->max, 0);
    store(&histogram->sum, 0);
    for (unsigned slot = 0; slot < TIDE_HISTOGRAM_SLOTS; slot++) {
        store(&histogram->slots[slot], 0);
    }
}

void
tide_histogram_record(struct tide_histogram *histogram, uint64_t value)
{
    tide_histogram_record_n(histogram, value, 1);
}

void
tide_histogram_record_n(struct tide_histogram *histogram, uint64_t value, uint64_t times)
{
    if (times == 0) {
        return;
    }
    _Atomic(uint64_t) *slot = &histogram->slots[slot_of(value)];
    store(slot, load(slot) + times);
    store(&histogram->sum, load(&histogram->sum) + value * times);
    if (value > load(&histogram->max)) {
        store(&histogram->max, value);
    }
}

void
tide_histogram_merge(struct tide_histogram *into, const struct tide_histogram *from)
{
    for (unsigned slot = 0; slot < TIDE_HISTOGRAM_SLOTS; slot++) {
        store(&into->slots[slot], load(&into->slots[slot]) + load(&from->slots[slot]));
    }
    store(&into->sum, load(&into->sum) + load(&from->sum));
    uint64_t max = load(&from->max);
    if (max > load(&into->max)) {
        store(&into->max, max);
    }
}

void
tide_histogram_subtract(struct tide_histogram *from, const struct tide_histogram *earlier)
{
    uint64_t max = 0;
    for (unsigned slot = 0; slot < TIDE_HISTOGRAM_SLOTS; slot++) {
        uint64_t now = load(&from->slots[slot]);
        uint64_t before = load(&earlier->slots[slot]);
        TIDE_ASSERT(now >= before);
        store(&from->slots[slot], now - before);
        if (now > before) {
            max = slot_highest(slot);
        }
    }
    store(&from->sum, load(&from->sum) - load(&earlier->sum));
    if (max < load(&from->max) || max == 0) {
        store(&from->max, max);
    }
}

uint64_t
tide_histogram_count(const struct tide_histogram *histogram)
{
    uint64_t count = 0;
    for (unsigned slot = 0; slot < TIDE_HISTOGRAM_SLOTS; slot++) {
        count += load(&histogram->slots[slot]);
    }
    return count;
}

uint64_t
tide_histogram_max(const struct tide_histogram *histogram)
{
    return load(&histogram->max);
}

uint64_t
tide_histogram_mean(const struct tide_histogram *histogram)
{
    uint64_t count = tide_histogram_count(histogram);
    return count == 0 ? 0 : load(&histogram->sum) / count;
}

/* How many of @count values the percentile covers: the ceiling, at least one and at most all. */
static uint64_t
rank_of(double percent, uint64_t count)
{
    double exact = percent * (double)count / 100.0; /* in this order 99.9 of 1000 is 999 */
    uint64_t rank = exact <= 0 ? 0 : (uint64_t)exact;
    if ((double)rank < exact) {
        rank++;
    }
    if (rank < 1) {
        rank = 1;
    }
    return rank > count ? count : rank;
}

uint64_t
tide_histogram_percentile(const struct tide_histogram *histogram, double percent)
{
    uint64_t count = tide_histogram_count(histogram);
    if (count == 0) {
        return 0;
    }
    uint64_t max = load(&histogram->max);
    if (percent >= 100.0) {
        return max;
    }
    uint64_t rank = rank_of(percent, count);
    uint64_t seen = 0;
    unsigned slot = 0;
    while (slot < TIDE_HISTOGRAM_SLOTS - 1) {
        seen += load(&histogram->slots[slot]);
        if (seen >= rank) {
            break;
        }
        slot++;
    }
    uint64_t middle = slot_middle(slot);
    return middle < max ? middle : max;
}
