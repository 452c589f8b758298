/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calendar: days and dates of the proleptic Gregorian calendar, as Spark 3 and later count.
 *
 * Days count from 1970-01-01, microseconds from its midnight; both may be negative. Nothing here
 * knows of time zones. Algorithms after Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms". Threads: any; nothing is kept.
 */
#ifndef TIDE_CODEC_CALENDAR_H
#define TIDE_CODEC_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define TIDE_US_PER_SECOND INT64_C(1000000)
#define TIDE_US_PER_DAY INT64_C(86400000000)

/* Years that java.time knows; Spark's dates lie within. */
#define TIDE_YEAR_MIN (-999999999)
#define TIDE_YEAR_MAX 999999999

/* A date. */
struct tide_civil {
    int64_t year;
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
};

/* A local date and time of day. */
struct tide_local {
    struct tide_civil date;
    int32_t hour, minute, second;
    int32_t micro; /* 0 to 999999 */
};

/* Days of a date, whose day may pass its month's end. @thread any */
int64_t tide_days_from_civil(int64_t year, int32_t month, int32_t day);

/* The date of a day. @thread any */
struct tide_civil tide_civil_from_days(int64_t days);

/* Whether February of @year has 29 days. @thread any */
static inline bool
tide_is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days in a month, 28 to 31. @thread any */
int32_t tide_days_in_month(int64_t year, int32_t month);

/* Whether the date exists. @thread any */
bool tide_civil_valid(int64_t year, int32_t month, int32_t day);

/* Day of the week of a day: 1 Monday to 7 Sunday (ISO). @thread any */
int32_t tide_weekday(int64_t days);

/* Date and time of day of local microseconds. @thread any */
struct tide_local tide_local_from_us(int64_t local_us);

/* The reverse; false when it does not fit 64 bits. @thread any */
bool tide_local_to_us(const struct tide_local *local, int64_t *out_local_us);

/* Division that rounds down and its remainder, for times before 1970; @b is positive. @thread any
 */
static inline int64_t
tide_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static inline int64_t
tide_floor_mod(int64_t a, int64_t b)
{
    return a % b + (a % b < 0 ? b : 0);
}

#endif
