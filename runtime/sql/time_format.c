/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time formats: patterns of Java's DateTimeFormatter ("dd/MM/yyyy HH:mm:ss.SSSXXX") compiled to
 * elements, for the options of from_json and to_json. English names; numbers of a width above one
 * have just so many digits. Constant once made; calls come from any thread.
 */
#include <string.h>

#include "base/assert.h"
#include "codec/calendar.h"
#include "codec/text.h"
#include "codec/time_pattern.h"
#include "sql/functions.h"

#define ELEMENTS_MAX 64u

/* A letter and how often it stands there; 0: a literal byte. */
struct element {
    char letter;
    char literal;
    uint8_t width;
};

struct time_format {
    struct tide_time_pattern pattern;
    uint32_t n;
    bool date; /* of days, not of microseconds */
    struct element elements[ELEMENTS_MAX];
};

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

/* ---- to text ---- */

static void
put_number(struct tide_chars *out, int64_t value, uint32_t width)
{
    char digits[20];
    uint32_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || n < width);
    while (n > 0) {
        tide_chars_byte(out, digits[--n]);
    }
}

static void
put_year(struct tide_chars *out, int64_t year, uint32_t width)
{
    if (width == 2) {
        put_number(out, tide_floor_mod(year, 100), 2);
        return;
    }
    if (year < 0) {
        tide_chars_byte(out, '-');
    } else if (width >= 4 && year > 9999) {
        tide_chars_byte(out, '+');
    }
    put_number(out, year < 0 ? -year : year, width);
}

static void
put_name(struct tide_chars *out, const char *name, bool whole)
{
    tide_chars_put(out, name, whole ? (uint32_t)strlen(name) : 3);
}

/* "+02:00", "+0200", "+02", and Z for none where the letter is X. */
static void
put_offset(struct tide_chars *out, int32_t seconds, const struct element *element)
{
    int32_t minutes = (seconds < 0 ? -seconds : seconds) / 60;
    bool colon = element->letter != 'Z' && element->width == 3;
    if (element->letter == 'X' && seconds == 0) {
        tide_chars_byte(out, 'Z');
        return;
    }
    tide_chars_byte(out, seconds < 0 ? '-' : '+');
    put_number(out, minutes / 60, 2);
    if (element->letter == 'Z' || element->width > 1 || minutes % 60 != 0) {
        if (colon) {
            tide_chars_byte(out, ':');
        }
        put_number(out, minutes % 60, 2);
    }
}

static void
put_element(struct tide_chars *out, const struct element *element, const struct tide_local *local,
            int32_t offset)
{
    int32_t half = local->hour % 12 == 0 ? 12 : local->hour % 12;
    int64_t fraction = local->micro;
    switch (element->letter) {
    case 'y':
        put_year(out, local->date.year, element->width);
        break;
    case 'M':
        if (element->width >= 3) {
            put_name(out, month_names[local->date.month - 1], element->width > 3);
        } else {
            put_number(out, local->date.month, element->width);
        }
        break;
    case 'd':
        put_number(out, local->date.day, element->width);
        break;
    case 'E':
        put_name(out,
                 day_names[tide_weekday(tide_days_from_civil(local->date.year, local->date.month,
                                                             local->date.day)) -
                           1],
                 element->width > 3);
        break;
    case 'H':
    case 'h':
        put_number(out, element->letter == 'H' ? local->hour : half, element->width);
        break;
    case 'm':
        put_number(out, local->minute, element->width);
        break;
    case 's':
        put_number(out, local->second, element->width);
        break;
    case 'S':
        for (uint32_t i = element->width; i < 6; i++) {
            fraction /= 10;
        }
        for (uint32_t i = 6; i < element->width; i++) {
            fraction *= 10;
        }
        put_number(out, fraction, element->width);
        break;
    case 'a':
        tide_chars_text(out, local->hour < 12 ? "AM" : "PM");
        break;
    case 'X':
    case 'x':
    case 'Z':
        put_offset(out, offset, element);
        break;
    default:
        tide_chars_byte(out, element->literal);
        break;
    }
}

static void
format_put(const void *self, int64_t value, const struct tide_zone *zone, struct tide_chars *out)
{
    const struct time_format *format = self;
    struct tide_local local = {.hour = 0};
    int32_t offset = 0;
    if (format->date) {
        local.date = tide_civil_from_days(value);
    } else {
        local = tide_local_from_us(tide_zone_to_local(zone, value));
        offset = tide_zone_offset(zone, value);
    }
    for (uint32_t i = 0; i < format->n; i++) {
        put_element(out, &format->elements[i], &local, offset);
    }
}

/* ---- from text ---- */

struct reader {
    const char *p, *end;
    struct tide_local local;
    bool afternoon, half; /* a and h were there */
    bool has_offset;
    int32_t offset;
};

/* @min to @max digits. */
static bool
read_digits(struct reader *r, uint32_t min, uint32_t max, int64_t *out)
{
    uint32_t n = 0;
    int64_t value = 0;
    while (n < max && r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        value = value * 10 + (*r->p++ - '0');
        n++;
    }
    *out = value;
    return n >= min;
}

static bool
read_year(struct reader *r, const struct element *element, bool adjacent)
{
    int64_t year;
    bool negative = r->p < r->end && *r->p == '-';
    if (element->width == 2) {
        bool ok = read_digits(r, 2, 2, &year);
        r->local.date.year = 2000 + year;
        return ok;
    }
    if (negative || (r->p < r->end && *r->p == '+')) {
        r->p++;
    }
    if (!read_digits(r, element->width, adjacent ? element->width : 9, &year)) {
        return false;
    }
    r->local.date.year = negative ? -year : year;
    return true;
}

/* One of @n names, whole or its first three letters; *@out is its index. */
static bool
read_name(struct reader *r, const char *const *names, int32_t n, bool whole, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) {
        size_t len = whole ? strlen(names[i]) : 3;
        if ((size_t)(r->end - r->p) >= len && memcmp(r->p, names[i], len) == 0) {
            r->p += len;
            *out = i;
            return true;
        }
    }
    return false;
}

static bool
read_half(struct reader *r)
{
    if (r->end - r->p < 2 || (r->p[1] | 0x20) != 'm' ||
        ((r->p[0] | 0x20) != 'a' && (r->p[0] | 0x20) != 'p')) {
        return false;
    }
    r->afternoon = (r->p[0] | 0x20) == 'p';
    r->half = true;
    r->p += 2;
    return true;
}

static bool
read_offset(struct reader *r, const struct element *element)
{
    int64_t hours, minutes = 0;
    bool negative;
    r->has_offset = true;
    if (element->letter == 'X' && r->p < r->end && *r->p == 'Z') {
        r->p++;
        return true;
    }
    if (r->p >= r->end || (*r->p != '+' && *r->p != '-')) {
        return false;
    }
    negative = *r->p++ == '-';
    if (!read_digits(r, 2, 2, &hours)) {
        return false;
    }
    if (element->letter == 'Z' || element->width > 1) {
        if (element->letter != 'Z' && element->width == 3 && (r->p >= r->end || *r->p++ != ':')) {
            return false;
        }
        if (!read_digits(r, 2, 2, &minutes)) {
            return false;
        }
    }
    r->offset = (int32_t)(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return hours <= 18 && minutes < 60;
}

static bool
read_fraction(struct reader *r, uint32_t width)
{
    int64_t value;
    if (!read_digits(r, width, width, &value)) {
        return false;
    }
    for (uint32_t i = width; i < 6; i++) {
        value *= 10;
    }
    for (uint32_t i = 6; i < width; i++) {
        value /= 10;
    }
    r->local.micro = (int32_t)value;
    return true;
}

/* A number of one or two digits; a pattern of two letters takes two. */
static bool
read_small(struct reader *r, uint32_t width, int32_t min, int32_t max, int32_t *out)
{
    int64_t value;
    if (!read_digits(r, width, 2, &value) || value < min || value > max) {
        return false;
    }
    *out = (int32_t)value;
    return true;
}

static bool
read_element(struct reader *r, const struct element *element, bool adjacent)
{
    int32_t index;
    switch (element->letter) {
    case 'y':
        return read_year(r, element, adjacent);
    case 'M':
        if (element->width < 3) {
            return read_small(r, element->width, 1, 12, &r->local.date.month);
        }
        if (!read_name(r, month_names, 12, element->width > 3, &index)) {
            return false;
        }
        r->local.date.month = index + 1;
        return true;
    case 'd':
        return read_small(r, element->width, 1, 31, &r->local.date.day);
    case 'E':
        return read_name(r, day_names, 7, element->width > 3, &index);
    case 'H':
        return read_small(r, element->width, 0, 23, &r->local.hour);
    case 'h':
        return read_small(r, element->width, 1, 12, &r->local.hour);
    case 'm':
        return read_small(r, element->width, 0, 59, &r->local.minute);
    case 's':
        return read_small(r, element->width, 0, 59, &r->local.second);
    case 'S':
        return read_fraction(r, element->width);
    case 'a':
        return read_half(r);
    case 'X':
    case 'x':
    case 'Z':
        return read_offset(r, element);
    default:
        return r->p < r->end && *r->p++ == element->literal;
    }
}

static bool
format_read(const void *self, struct tide_bytes text, const struct tide_zone *zone, int64_t *out)
{
    const struct time_format *format = self;
    struct reader r = {.p = text.p, .end = (const char *)text.p + text.n};
    int64_t local;
    r.local.date = (struct tide_civil){1970, 1, 1};
    for (uint32_t i = 0; i < format->n; i++) {
        bool adjacent = i + 1 < format->n && format->elements[i + 1].letter != 0 &&
                        strchr("yMdHhmsS", format->elements[i + 1].letter) != NULL;
        if (!read_element(&r, &format->elements[i], adjacent)) {
            return false;
        }
    }
    if (r.half) {
        r.local.hour = r.local.hour % 12 + (r.afternoon ? 12 : 0);
    }
    if (r.p != r.end ||
        !tide_civil_valid(r.local.date.year, r.local.date.month, r.local.date.day)) {
        return false;
    }
    if (format->date) {
        *out = tide_days_from_civil(r.local.date.year, r.local.date.month, r.local.date.day);
        return true;
    }
    if (!tide_local_to_us(&r.local, &local)) {
        return false;
    }
    *out = r.has_offset ? local - r.offset * TIDE_US_PER_SECOND : tide_zone_to_utc(zone, local);
    return true;
}

/* ---- patterns ---- */

static int
add(struct tide_binder *b, struct time_format *format, struct element element, uint32_t at)
{
    if (format->n == ELEMENTS_MAX) {
        return tide_bind_error(b, at, "INVALID_DATETIME_PATTERN.LENGTH",
                               "a pattern of more than %u parts", ELEMENTS_MAX);
    }
    format->elements[format->n++] = element;
    return TIDE_OK;
}

/* Text in quotes; '' is a quote. Returns the bytes read, 0 when it does not end. */
static size_t
quoted(struct tide_binder *b, struct time_format *format, const char *p, uint32_t at, int *rc)
{
    size_t i = 1;
    if (p[1] == '\'') {
        *rc = add(b, format, (struct element){0, '\'', 1}, at);
        return 2;
    }
    for (; p[i] != '\0' && *rc == TIDE_OK; i++) {
        if (p[i] == '\'' && p[i + 1] != '\'') {
            return i + 1;
        }
        i += p[i] == '\'';
        *rc = add(b, format, (struct element){0, p[i], 1}, at);
    }
    return 0;
}

static int
compile(struct tide_binder *b, const char *pattern, uint32_t at, struct time_format *format)
{
    int rc = TIDE_OK;
    for (const char *p = pattern; *p != '\0' && rc == TIDE_OK;) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        size_t n = strspn(p, (char[]){*p, '\0'});
        if (*p == '\'') {
            n = quoted(b, format, p, at, &rc);
            if (n == 0 && rc == TIDE_OK) {
                rc = tide_bind_error(b, at, "INVALID_DATETIME_PATTERN.SECONDS_FRACTION",
                                     "the quote in the pattern '%s' has no second one", pattern);
            }
        } else if (letter && (strchr("yuMLdEHhmsSaXxZ", *p) == NULL || n > 9)) {
            rc = tide_bind_unsupported(b, at, "the letter %c of the pattern '%s' is", *p, pattern);
        } else if (letter) {
            char known = *p == 'u' ? 'y' : *p == 'L' ? 'M' : *p;
            rc = add(b, format, (struct element){known, 0, (uint8_t)n}, at);
        } else if (strchr("[]{}#", *p) != NULL) {
            rc = tide_bind_unsupported(b, at, "the %c of the pattern '%s' is", *p, pattern);
        } else {
            rc = add(b, format, (struct element){0, *p, 1}, at);
            n = 1;
        }
        p += n;
    }
    return rc;
}

int
tide_time_format_bind(struct tide_binder *b, const char *pattern, uint32_t at, bool date,
                      const struct tide_time_pattern **out)
{
    struct time_format *format = tide_type_arena_alloc(b->arena, sizeof(*format));
    int rc;
    if (format == NULL) {
        return tide_bind_nomem(b);
    }
    format->date = date;
    format->pattern = (struct tide_time_pattern){format, format_read, format_put};
    rc = compile(b, pattern, at, format);
    if (rc == TIDE_OK) {
        *out = &format->pattern;
    }
    return rc;
}
