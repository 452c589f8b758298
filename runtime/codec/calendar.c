/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calendar arithmetic on a year that begins in March, so that the leap day is its last.
 */
#include "codec/calendar.h"

int64_t
tide_days_from_civil(int64_t year, int32_t month, int32_t day)
{
    int64_t y = year - (month <= 2);
    int64_t era = tide_floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct tide_civil
tide_civil_from_days(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = tide_floor_div(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct tide_civil civil;
    civil.day = (int32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    civil.month = (int32_t)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    civil.year = year_of_era + era * 400 + (civil.month <= 2);
    return civil;
}

int32_t
tide_days_in_month(int64_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && tide_is_leap_year(year) ? 1 : 0);
}

bool
tide_civil_valid(int64_t year, int32_t month, int32_t day)
{
    return year >= TIDE_YEAR_MIN && year <= TIDE_YEAR_MAX && month >= 1 && month <= 12 &&
           day >= 1 && day <= tide_days_in_month(year, month);
}

int32_t
tide_weekday(int64_t days)
{
    /* 1970-01-01 was a Thursday. */
    return (int32_t)tide_floor_mod(days + 3, 7) + 1;
}

struct tide_local
tide_local_from_us(int64_t local_us)
{
    int64_t in_day = tide_floor_mod(local_us, TIDE_US_PER_DAY);
    int64_t seconds = in_day / TIDE_US_PER_SECOND;
    return (struct tide_local){
        .date = tide_civil_from_days(tide_floor_div(local_us, TIDE_US_PER_DAY)),
        .hour = (int32_t)(seconds / 3600),
        .minute = (int32_t)(seconds / 60 % 60),
        .second = (int32_t)(seconds % 60),
        .micro = (int32_t)(in_day % TIDE_US_PER_SECOND),
    };
}

bool
tide_local_to_us(const struct tide_local *local, int64_t *out_local_us)
{
    int64_t days = tide_days_from_civil(local->date.year, local->date.month, local->date.day);
    int64_t seconds = local->hour * INT64_C(3600) + local->minute * 60 + local->second;
    int64_t us;
    if (__builtin_mul_overflow(days, TIDE_US_PER_DAY, &us) ||
        __builtin_add_overflow(us, seconds * TIDE_US_PER_SECOND + local->micro, &us)) {
        return false;
    }
    *out_local_us = us;
    return true;
}
