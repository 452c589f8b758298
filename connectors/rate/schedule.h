/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedule: when each value of the rate source is due, as in Spark.
 *
 * Values 0, 1, 2, ... are numbered over all partitions. During the ramp-up the speed grows by the
 * same number of rows each second, rounded down, and is rowsPerSecond from then on; within a second
 * the rows lie at equal distances.
 */
#ifndef TIDE_RATE_SCHEDULE_H
#define TIDE_RATE_SCHEDULE_H

#include <stdint.h>

struct tide_rate_schedule {
    int64_t rows_per_second; /* at least 1 */
    int64_t ramp_up_s;       /* at least 0 */
};

/* The second that a value falls into; found once, then moved on. */
struct tide_rate_second {
    int64_t second;
    int64_t first, next; /* values first to next - 1 are due in it */
};

/* Rows made by the end of second @second, counted from the start. @thread any */
int64_t tide_rate_value_at(const struct tide_rate_schedule *schedule, int64_t second);

/* Moves @at to the second of @value, from wherever it is (zeroed is legal). @thread any */
void tide_rate_find(const struct tide_rate_schedule *schedule, int64_t value,
                    struct tide_rate_second *at);

/* When @value of that second is due, in nanoseconds from the start. @thread any */
int64_t tide_rate_due_ns(const struct tide_rate_second *at, int64_t value);

/* The timestamp of @value, in milliseconds from the start, rounded as Spark does. @thread any */
int64_t tide_rate_timestamp_ms(const struct tide_rate_second *at, int64_t value);

#endif
