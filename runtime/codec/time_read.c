/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to DATE and TIMESTAMP as Spark's stringToDate and stringToTimestamp: the text is cut into
 * segments of digits (year, month, day, hour, minute, second, fraction), each by the separators
 * that may follow it; what follows the seconds is a zone.
 */
#include <string.h>

#include "codec/calendar.h"
#include "codec/text.h"

enum segment { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, FRACTION, SEGMENTS };

/* A text on the way. */
struct cut {
    const uint8_t *p, *end;
    int32_t values[SEGMENTS];
    uint32_t at;     /* enum segment */
    uint32_t digits; /* of the present segment */
    int32_t value;   /* of the present segment */
    bool negative;   /* the year */
    struct tide_bytes zone;
};

static const struct cut cut_begin = {.values = {1, 1, 1, 0, 0, 0, 0}};

/* Whether the present segment has as many digits as it may have. */
static bool
digits_fit(const struct cut *cut, uint32_t year_max)
{
    if (cut->at == FRACTION) {
        return true;
    }
    if (cut->at == YEAR) {
        return cut->digits >= 4 && cut->digits <= year_max;
    }
    return cut->digits >= 1 && cut->digits <= 2;
}

/* Ends the present segment. */
static bool
end_segment(struct cut *cut, uint32_t year_max)
{
    if (!digits_fit(cut, year_max)) {
        return false;
    }
    cut->values[cut->at] = cut->value;
    cut->at++;
    cut->value = 0;
    cut->digits = 0;
    return true;
}

static void
take_sign(struct cut *cut)
{
    if (cut->p < cut->end && (*cut->p == '-' || *cut->p == '+')) {
        cut->negative = *cut->p == '-';
        cut->p++;
    }
}

/* A digit; false when the segment has more of them than any may. */
static bool
take_digit(struct cut *cut, int digit)
{
    if (cut->at == FRACTION && cut->digits >= 6) {
        return true;
    }
    if (cut->digits >= 7) {
        return false;
    }
    cut->value = cut->value * 10 + digit;
    cut->digits++;
    return true;
}

bool
tide_read_date(struct tide_bytes text, int64_t *out_days)
{
    struct tide_bytes trimmed = tide_text_trim(text);
    struct cut cut = cut_begin;
    int64_t year;
    cut.p = trimmed.p;
    cut.end = cut.p + trimmed.n;
    take_sign(&cut);
    for (; cut.p < cut.end && *cut.p != ' ' && *cut.p != 'T'; cut.p++) {
        int digit = *cut.p - '0';
        bool ok = digit >= 0 && digit <= 9 ? take_digit(&cut, digit)
                                           : *cut.p == '-' && cut.at < DAY && end_segment(&cut, 7);
        if (!ok) {
            return false;
        }
    }
    /* Something may follow a whole date, not a part of one. */
    if (cut.at < DAY && cut.p < cut.end) {
        return false;
    }
    if (!end_segment(&cut, 7)) {
        return false;
    }
    year = cut.negative ? -cut.values[YEAR] : cut.values[YEAR];
    if (!tide_civil_valid(year, cut.values[MONTH], cut.values[DAY])) {
        return false;
    }
    *out_days = tide_days_from_civil(year, cut.values[MONTH], cut.values[DAY]);
    return true;
}

/* A character that is no digit: ends the segment, or begins the zone. */
static bool
take_separator(struct cut *cut, uint8_t c)
{
    switch (cut->at) {
    case YEAR:
    case MONTH:
        return c == '-' && end_segment(cut, 6);
    case DAY:
        return (c == ' ' || c == 'T') && end_segment(cut, 6);
    case HOUR:
    case MINUTE:
        return c == ':' && end_segment(cut, 6);
    case SECOND:
        if (c == '.') {
            return end_segment(cut, 6);
        }
        break;
    default:
        break;
    }
    cut->zone = (struct tide_bytes){cut->p, (uint32_t)(cut->end - cut->p)};
    cut->p = cut->end - 1;
    return digits_fit(cut, 6);
}

static bool
cut_timestamp(struct cut *cut)
{
    take_sign(cut);
    for (; cut->p < cut->end; cut->p++) {
        uint8_t c = *cut->p;
        bool ok = c >= '0' && c <= '9' ? take_digit(cut, c - '0') : take_separator(cut, c);
        if (!ok) {
            return false;
        }
    }
    if (cut->at == FRACTION) {
        for (; cut->digits < 6; cut->digits++) {
            cut->value *= 10;
        }
    }
    return end_segment(cut, 6);
}

/* Local time in the zone named in the text, or in @zone. */
static bool
to_utc(const struct tide_bytes *name, int64_t local_us, const struct tide_zone *zone,
       const struct tide_zone_set *regions, int64_t *out_utc_us)
{
    struct tide_bytes trimmed;
    int32_t seconds;
    if (name->p != NULL) {
        trimmed = tide_text_trim(*name);
        if (tide_zone_fixed(trimmed.p, trimmed.n, &seconds) == 0) {
            return !__builtin_sub_overflow(local_us, seconds * TIDE_US_PER_SECOND, out_utc_us);
        }
        zone = regions != NULL ? tide_zone_set_find(regions, trimmed.p, trimmed.n) : NULL;
        if (zone == NULL) {
            return false;
        }
    }
    *out_utc_us = tide_zone_to_utc(zone, local_us);
    return true;
}

bool
tide_read_timestamp(struct tide_bytes text, const struct tide_zone *zone,
                    const struct tide_zone_set *regions, int64_t *out_utc_us)
{
    struct tide_bytes trimmed = tide_text_trim(text);
    struct cut cut = cut_begin;
    struct tide_local local;
    int64_t local_us;
    cut.p = trimmed.p;
    cut.end = cut.p + trimmed.n;
    if (trimmed.n == 0 || !cut_timestamp(&cut)) {
        return false;
    }
    local = (struct tide_local){
        .date = {cut.negative ? -cut.values[YEAR] : cut.values[YEAR], cut.values[MONTH],
                 cut.values[DAY]},
        .hour = cut.values[HOUR],
        .minute = cut.values[MINUTE],
        .second = cut.values[SECOND],
        .micro = cut.values[FRACTION],
    };
    if (!tide_civil_valid(local.date.year, local.date.month, local.date.day) || local.hour > 23 ||
        local.minute > 59 || local.second > 59 || !tide_local_to_us(&local, &local_us)) {
        return false;
    }
    return to_utc(&cut.zone, local_us, zone, regions, out_utc_us);
}
