/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TZif (RFC 8536): the 64-bit block of a file and the POSIX rule in its footer. Abbreviations, leap
 * seconds and the daylight flags are not needed here.
 */
#include "codec/zone_rules.h"

#include <stdlib.h>
#include <string.h>

#include "codec/calendar.h"

#define HEADER_SIZE 44u

/* More transitions than any zone has (under 250), so that a damaged file is told. */
#define TRANSITIONS_MAX 4096u

/* Counts of a TZif header. */
struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
be64(const uint8_t *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Reads the header at @p; false when there is none. */
static bool
read_header(const uint8_t *p, size_t left, struct counts *out)
{
    if (left < HEADER_SIZE || memcmp(p, "TZif", 4) != 0 || p[4] < '2') {
        return false;
    }
    *out = (struct counts){be32(p + 20), be32(p + 24), be32(p + 28),
                           be32(p + 32), be32(p + 36), be32(p + 40)};
    return out->time <= TRANSITIONS_MAX && out->type >= 1 && out->type <= 256 &&
           out->chars <= 4096 && out->leap <= 4096 && out->isut <= 256 && out->isstd <= 256;
}

/* Bytes of the data behind a header, with times of @width bytes. */
static size_t
data_size(const struct counts *counts, size_t width)
{
    return counts->time * (width + 1) + counts->type * (size_t)6 + counts->chars +
           counts->leap * (width + 4) + counts->isstd + counts->isut;
}

/* ---- the footer ---- */

struct posix {
    const char *p, *end;
};

/* A name: letters, or anything in angle brackets. */
static bool
skip_name(struct posix *tz)
{
    const char *start = tz->p;
    if (tz->p < tz->end && *tz->p == '<') {
        while (tz->p < tz->end && *tz->p != '>') {
            tz->p++;
        }
        return tz->p < tz->end && tz->p++ > start;
    }
    while (tz->p < tz->end &&
           ((*tz->p >= 'a' && *tz->p <= 'z') || (*tz->p >= 'A' && *tz->p <= 'Z'))) {
        tz->p++;
    }
    return tz->p > start;
}

static bool
read_int(struct posix *tz, int32_t max, int32_t *out)
{
    const char *start = tz->p;
    int32_t value = 0;
    while (tz->p < tz->end && *tz->p >= '0' && *tz->p <= '9' && value <= max) {
        value = value * 10 + (*tz->p++ - '0');
    }
    *out = value;
    return tz->p > start && value <= max;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool
read_time(struct posix *tz, int32_t *out)
{
    int32_t parts[3] = {0, 0, 0};
    bool negative = tz->p < tz->end && *tz->p == '-';
    if (tz->p < tz->end && (*tz->p == '-' || *tz->p == '+')) {
        tz->p++;
    }
    for (int i = 0; i < 3; i++) {
        if (!read_int(tz, i == 0 ? 167 : 59, &parts[i])) {
            return false;
        }
        if (tz->p == tz->end || *tz->p != ':') {
            break;
        }
        tz->p++;
    }
    *out = parts[0] * 3600 + parts[1] * 60 + parts[2];
    *out = negative ? -*out : *out;
    return true;
}

static bool
take(struct posix *tz, char c)
{
    if (tz->p < tz->end && *tz->p == c) {
        tz->p++;
        return true;
    }
    return false;
}

/* ",Mm.w.d/time", ",Jn/time", ",n/time". */
static bool
read_when(struct posix *tz, struct tide_zone_when *out)
{
    bool ok;
    if (!take(tz, ',')) {
        return false;
    }
    out->seconds = 7200;
    if (take(tz, 'M')) {
        out->kind = TIDE_ZONE_MONTH_WEEK;
        ok = read_int(tz, 12, &out->month) && take(tz, '.') && read_int(tz, 5, &out->week) &&
             take(tz, '.') && read_int(tz, 6, &out->day) && out->month >= 1 && out->week >= 1;
    } else {
        out->kind = take(tz, 'J') ? TIDE_ZONE_JULIAN : TIDE_ZONE_DAY;
        ok = read_int(tz, 365, &out->day);
    }
    return ok && (!take(tz, '/') || read_time(tz, &out->seconds));
}

/* The whole footer; an empty one gives no rule. */
static bool
read_footer(struct posix tz, struct tide_zone_rule *out)
{
    if (tz.p == tz.end) {
        return true;
    }
    if (!skip_name(&tz) || !read_time(&tz, &out->standard)) {
        return false;
    }
    out->given = true;
    /* POSIX counts west of Greenwich. */
    out->standard = -out->standard;
    if (tz.p == tz.end) {
        return true;
    }
    out->dst = true;
    out->summer = out->standard + 3600;
    if (!skip_name(&tz)) {
        return false;
    }
    if (tz.p < tz.end && *tz.p != ',') {
        if (!read_time(&tz, &out->summer)) {
            return false;
        }
        out->summer = -out->summer;
    }
    return read_when(&tz, &out->start) && read_when(&tz, &out->end) && tz.p == tz.end;
}

/* ---- the file ---- */

/* Transitions and types of the 64-bit block at @p. */
static bool
read_block(struct tide_zone_rules *rules, const struct counts *counts, const uint8_t *p)
{
    const uint8_t *types = p + (size_t)counts->time * 8;
    const uint8_t *infos = types + counts->time;
    rules->n = counts->time;
    rules->offsets[0] = (int32_t)be32(infos);
    for (uint32_t i = 0; i < counts->time; i++) {
        rules->at[i] = be64(p + (size_t)i * 8);
        if (types[i] >= counts->type || (i > 0 && rules->at[i] <= rules->at[i - 1])) {
            return false;
        }
        rules->offsets[i + 1] = (int32_t)be32(infos + (size_t)types[i] * 6);
    }
    return true;
}

int
tide_zone_rules_read(struct tide_zone_rules *rules, const struct tide_seam *seam,
                     const uint8_t *data, size_t len, struct tide_error *err)
{
    struct tide_zone_rules made = {0};
    struct counts counts;
    size_t at = 0;
    bool ok = read_header(data, len, &counts);
    if (ok) {
        at = HEADER_SIZE + data_size(&counts, 4);
        ok = at < len && read_header(data + at, len - at, &counts);
        at += HEADER_SIZE;
    }
    ok = ok && at + data_size(&counts, 8) + 2 <= len;
    if (!ok) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "damaged time zone file");
    }
    made.at = tide_alloc(seam, (counts.time + (size_t)1) * sizeof(*made.at));
    made.offsets = tide_alloc(seam, (counts.time + (size_t)1) * sizeof(*made.offsets));
    if (made.at == NULL || made.offsets == NULL) {
        tide_zone_rules_fini(&made, seam);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a time zone");
    }
    ok = read_block(&made, &counts, data + at);
    at += data_size(&counts, 8);
    ok = ok && data[at] == '\n' && data[len - 1] == '\n' &&
         read_footer((struct posix){(const char *)data + at + 1, (const char *)data + len - 1},
                     &made.rule);
    if (!ok) {
        tide_zone_rules_fini(&made, seam);
        return tide_error_set(err, TIDE_ERR_CORRUPT, "damaged time zone file");
    }
    *rules = made;
    return 0;
}

void
tide_zone_rules_fini(struct tide_zone_rules *rules, const struct tide_seam *seam)
{
    tide_free(seam, rules->at);
    tide_free(seam, rules->offsets);
    memset(rules, 0, sizeof(*rules));
}

/* ---- look-up ---- */

/* Local seconds at which the clock changes in @year. */
static int64_t
when_in_year(const struct tide_zone_when *when, int64_t year)
{
    int64_t day;
    if (when->kind == TIDE_ZONE_MONTH_WEEK) {
        int64_t first = tide_days_from_civil(year, when->month, 1);
        int64_t shift = tide_floor_mod(when->day - tide_weekday(first), 7);
        day = first + shift + (when->week - 1) * 7;
        if (when->week == 5 && day >= first + tide_days_in_month(year, when->month)) {
            day -= 7;
        }
    } else {
        day = tide_days_from_civil(year, 1, 1) + when->day;
        if (when->kind == TIDE_ZONE_JULIAN) {
            day -= tide_is_leap_year(year) && when->day >= 60 ? 0 : 1;
        }
    }
    return day * 86400 + when->seconds;
}

static int32_t
rule_offset(const struct tide_zone_rule *rule, int64_t utc_seconds)
{
    int64_t year, start, end;
    bool summer;
    if (!rule->dst) {
        return rule->standard;
    }
    year = tide_civil_from_days(tide_floor_div(utc_seconds + rule->standard, 86400)).year;
    start = when_in_year(&rule->start, year) - rule->standard;
    end = when_in_year(&rule->end, year) - rule->summer;
    summer = start < end ? utc_seconds >= start && utc_seconds < end
                         : utc_seconds >= start || utc_seconds < end;
    return summer ? rule->summer : rule->standard;
}

int32_t
tide_zone_rules_offset(const struct tide_zone_rules *rules, int64_t utc_seconds)
{
    uint32_t low = 0;
    uint32_t high = rules->n;
    if (rules->rule.given && (rules->n == 0 || utc_seconds >= rules->at[rules->n - 1])) {
        return rule_offset(&rules->rule, utc_seconds);
    }
    /* The number of transitions at or before the instant is the index of its offset. */
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (rules->at[middle] <= utc_seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return rules->offsets[low];
}
