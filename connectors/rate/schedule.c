/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedule: the formulas of Spark's rate source. Threads: any; nothing is kept.
 */
#include "schedule.h"

#define NS_PER_S 1000000000

/* The sum of the speeds delta * 1, delta * 2, ... up to @second. */
static int64_t
ramp_value(int64_t delta, int64_t second)
{
    return second % 2 == 1 ? (second + 1) / 2 * delta * second : second / 2 * delta * (second + 1);
}

int64_t
tide_rate_value_at(const struct tide_rate_schedule *schedule, int64_t second)
{
    int64_t delta = schedule->rows_per_second / (schedule->ramp_up_s + 1);
    if (second <= schedule->ramp_up_s) {
        return ramp_value(delta, second);
    }
    return ramp_value(delta, schedule->ramp_up_s) +
           (second - schedule->ramp_up_s) * schedule->rows_per_second;
}

/* The second of a value within the ramp-up: the last whose first value is not above it. */
static int64_t
ramp_second(const struct tide_rate_schedule *schedule, int64_t value)
{
    int64_t low = 0, high = schedule->ramp_up_s;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (tide_rate_value_at(schedule, middle) <= value) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

void
tide_rate_find(const struct tide_rate_schedule *schedule, int64_t value,
               struct tide_rate_second *at)
{
    int64_t ramped;
    if (value >= at->first && value < at->next) {
        return;
    }
    ramped = tide_rate_value_at(schedule, schedule->ramp_up_s);
    if (value < ramped) {
        at->second = ramp_second(schedule, value);
    } else {
        at->second = schedule->ramp_up_s + (value - ramped) / schedule->rows_per_second;
    }
    at->first = tide_rate_value_at(schedule, at->second);
    at->next = tide_rate_value_at(schedule, at->second + 1);
}

int64_t
tide_rate_due_ns(const struct tide_rate_second *at, int64_t value)
{
    __extension__ typedef __int128 wide;
    wide into = (wide)(value - at->first) * NS_PER_S / (at->next - at->first);
    return at->second * NS_PER_S + (int64_t)into;
}

int64_t
tide_rate_timestamp_ms(const struct tide_rate_second *at, int64_t value)
{
    double ms_per_value = 1000.0 / (double)(at->next - at->first);
    return at->second * 1000 + (int64_t)((double)(value - at->first) * ms_per_value + 0.5);
}
