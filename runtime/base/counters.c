/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: the table's rows as data, and sums over tasks.
 *
 * All accesses are relaxed and have no partner: a counter is a figure, nothing is decided by it.
 */
#include "base/counters.h"

#include <string.h>

#include "base/assert.h"

static const struct tide_counter_info counter_infos[TIDE_COUNTER_COUNT] = {
#define COUNTER_INFO(ID, name, kind, unit, help) {#name, TIDE_COUNTER_KIND_##kind, unit, help},
    TIDE_COUNTER_TABLE(COUNTER_INFO)
#undef COUNTER_INFO
};

const struct tide_counter_info *
tide_counter_info(enum tide_counter id)
{
    TIDE_ASSERT((unsigned)id < TIDE_COUNTER_COUNT);
    return &counter_infos[id];
}

enum tide_counter
tide_counter_find(const char *name)
{
    unsigned id = 0;
    while (id < TIDE_COUNTER_COUNT && strcmp(counter_infos[id].name, name) != 0) {
        id++;
    }
    return (enum tide_counter)id;
}

void
tide_counters_init(struct tide_counters *counters)
{
    for (unsigned id = 0; id < TIDE_COUNTER_COUNT; id++) {
        atomic_init(&counters->values[id], 0);
    }
    atomic_init(&counters->whereabouts, 0);
    atomic_init(&counters->passed, 0);
}

uint64_t
tide_counters_sum(const struct tide_counters *const *counters, size_t n, enum tide_counter id)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += tide_counters_get(counters[i], id);
    }
    return sum;
}
