/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: comparing names, and the small grammars that options are written in.
 *
 * Every parser walks a struct cursor over the text; each refusal quotes the whole text and what
 * would be right. Numbers are read digit by digit, without the locale and with every overflow
 * checked. What a duration unit is called stands in one table, which rates share.
 */
#include "base/text.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int
tide_text_compare_nocase(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (int)(unsigned char)lower(*a) - (int)(unsigned char)lower(*b);
}

bool
tide_text_equal_nocase(const char *a, const char *b)
{
    return tide_text_compare_nocase(a, b) == 0;
}

bool
tide_text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* How long a character with this first byte is, and the bounds of its second byte (Unicode, table
 * 3-7). */
static size_t
utf8_shape(unsigned char first, unsigned char *out_low, unsigned char *out_high)
{
    *out_low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    *out_high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xC2 || first > 0xF4) {
        return 0;
    }
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

size_t
tide_utf8_char(const char *text, size_t len)
{
    TIDE_ASSERT(len > 0);
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char low = 0;
    unsigned char high = 0;
    size_t size = utf8_shape(bytes[0], &low, &high);
    if (size > len) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if (bytes[i] < low || bytes[i] > high) {
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return size;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Row @i of the table of distances, from the two rows before it. */
static void
distance_row(const char *a, const char *b, size_t i, size_t (*rows)[TIDE_LIMIT_NEAREST_BYTES + 1])
{
    size_t *now = rows[i % 3];
    const size_t *before = rows[(i + 2) % 3];
    const size_t *two_before = rows[(i + 1) % 3];
    now[0] = i;
    for (size_t j = 1; b[j - 1] != '\0'; j++) {
        bool same = lower(a[i - 1]) == lower(b[j - 1]);
        now[j] = min3(before[j] + 1, now[j - 1] + 1, before[j - 1] + (same ? 0 : 1));
        bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                       lower(a[i - 2]) == lower(b[j - 1]);
        if (swapped && two_before[j - 2] + 1 < now[j]) {
            now[j] = two_before[j - 2] + 1;
        }
    }
}

size_t
tide_text_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > TIDE_LIMIT_NEAREST_BYTES || b_len > TIDE_LIMIT_NEAREST_BYTES) {
        return tide_text_equal_nocase(a, b) ? 0 : SIZE_MAX;
    }
    size_t rows[3][TIDE_LIMIT_NEAREST_BYTES + 1];
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        distance_row(a, b, i, rows);
    }
    return rows[a_len % 3][b_len];
}

const char *
tide_nearest(const char *given, const char *const names[], size_t n)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    size_t given_len = strlen(given);
    for (size_t i = 0; i < n; i++) {
        if (names[i] == NULL) {
            continue;
        }
        size_t name_len = strlen(names[i]);
        size_t longer = given_len > name_len ? given_len : name_len;
        size_t distance = tide_text_distance(given, names[i]);
        if (distance <= (longer + 2) / 3 && distance < longer && distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

/* Where a parser is. */
struct cursor {
    const char *at;
};

static void
skip_space(struct cursor *cursor)
{
    while (is_space(*cursor->at)) {
        cursor->at++;
    }
}

/* Reads digits into *out_value. False: there are none, or they do not fit. */
static bool
read_digits(struct cursor *cursor, uint64_t *out_value)
{
    uint64_t value = 0;
    const char *start = cursor->at;
    for (; is_digit(*cursor->at); cursor->at++) {
        uint64_t digit = (uint64_t)(*cursor->at - '0');
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (cursor->at == start) {
        return false;
    }
    *out_value = value;
    return true;
}

/* Reads a word of letters (and the micro sign's bytes) in lower case. False: none, or too long for
 * @size. */
static bool
read_word(struct cursor *cursor, char *out_word, size_t size)
{
    size_t len = 0;
    while ((lower(*cursor->at) >= 'a' && lower(*cursor->at) <= 'z') ||
           (unsigned char)*cursor->at >= 0x80) {
        if (len + 1 >= size) {
            return false;
        }
        out_word[len++] = lower(*cursor->at++);
    }
    out_word[len] = '\0';
    return len > 0;
}

/* Whether nothing but white space is left. */
static bool
at_end(struct cursor *cursor)
{
    skip_space(cursor);
    return *cursor->at == '\0';
}

#define WORD_MAX 16u

/* A unit's name and what it is worth. */
struct unit {
    const char *name;
    uint64_t worth;
};

#define KIB UINT64_C(1024)

static const struct unit size_units[] = {
    {"b", 1},
    {"byte", 1},
    {"bytes", 1},
    {"k", KIB},
    {"kb", KIB},
    {"kib", KIB},
    {"m", KIB *KIB},
    {"mb", KIB *KIB},
    {"mib", KIB *KIB},
    {"g", KIB *KIB *KIB},
    {"gb", KIB *KIB *KIB},
    {"gib", KIB *KIB *KIB},
    {"t", KIB *KIB *KIB *KIB},
    {"tb", KIB *KIB *KIB *KIB},
    {"tib", KIB *KIB *KIB *KIB},
};

#define US UINT64_C(1000)
#define MS (UINT64_C(1000) * US)
#define SECOND (UINT64_C(1000) * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

static const struct unit time_units[] = {
    {"ns", 1},           {"nanos", 1},        {"nanosecond", 1},    {"nanoseconds", 1},
    {"us", US},          {"\xC2\xB5s", US}, /* micro sign */
    {"\xCE\xBCs", US},                      /* Greek mu */
    {"micros", US},      {"microsecond", US}, {"microseconds", US}, {"ms", MS},
    {"millis", MS},      {"millisecond", MS}, {"milliseconds", MS}, {"s", SECOND},
    {"sec", SECOND},     {"secs", SECOND},    {"second", SECOND},   {"seconds", SECOND},
    {"m", MINUTE},       {"min", MINUTE},     {"mins", MINUTE},     {"minute", MINUTE},
    {"minutes", MINUTE}, {"h", HOUR},         {"hr", HOUR},         {"hour", HOUR},
    {"hours", HOUR},     {"d", DAY},          {"day", DAY},         {"days", DAY},
    {"w", WEEK},         {"week", WEEK},      {"weeks", WEEK},
};

/* The worth of @name, 0 when it is no unit. */
static uint64_t
unit_find(const struct unit *units, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(units[i].name, name) == 0) {
            return units[i].worth;
        }
    }
    return 0;
}

static uint64_t
time_unit_find(const char *name)
{
    return unit_find(time_units, sizeof(time_units) / sizeof(time_units[0]), name);
}

static bool
read_size(const char *text, uint64_t *out_bytes)
{
    struct cursor cursor = {text};
    uint64_t value = 0;
    skip_space(&cursor);
    if (!read_digits(&cursor, &value)) {
        return false;
    }
    uint64_t worth = 1;
    if (!at_end(&cursor)) {
        char word[WORD_MAX];
        if (!read_word(&cursor, word, sizeof(word))) {
            return false;
        }
        worth = unit_find(size_units, sizeof(size_units) / sizeof(size_units[0]), word);
    }
    return worth != 0 && at_end(&cursor) && !__builtin_mul_overflow(value, worth, out_bytes);
}

int
tide_parse_size(const char *text, uint64_t *out_bytes, struct tide_error *err)
{
    uint64_t bytes = 0;
    if (!read_size(text, &bytes)) {
        return tide_error_set(
            err, TIDE_ERR_INVALID,
            "'%s' is not a size: write bytes, or a whole number with KiB, MiB, GiB "
            "or TiB, such as 64MiB",
            text);
    }
    *out_bytes = bytes;
    return TIDE_OK;
}

/* Digits behind a decimal point that still count: nanoseconds of a second. */
#define FRACTION_DIGITS 9u

/* A number with a fraction in billionths; digits beyond are read and must be digits, but do not
 * count. */
struct decimal {
    uint64_t whole;
    uint64_t billionths;
};

static bool
read_decimal(struct cursor *cursor, struct decimal *out_value)
{
    struct decimal value = {0, 0};
    if (!read_digits(cursor, &value.whole)) {
        return false;
    }
    if (*cursor->at == '.') {
        cursor->at++;
        if (!is_digit(*cursor->at)) {
            return false;
        }
        uint64_t digit_worth = SECOND / 10;
        for (; is_digit(*cursor->at); cursor->at++, digit_worth /= 10) {
            value.billionths += (uint64_t)(*cursor->at - '0') * digit_worth;
        }
    }
    *out_value = value;
    return true;
}

/* value * worth. The fraction's product is taken in two parts, neither of which can overflow. */
static bool
decimal_scale(struct decimal value, uint64_t worth, uint64_t *out_product)
{
    uint64_t fraction =
        worth / SECOND * value.billionths + worth % SECOND * value.billionths / SECOND;
    uint64_t product = 0;
    return !__builtin_mul_overflow(value.whole, worth, &product) &&
           !__builtin_add_overflow(product, fraction, out_product);
}

/* One "10 seconds" of a duration, added to *total. */
static bool
read_duration_part(struct cursor *cursor, uint64_t *total)
{
    struct decimal value;
    char word[WORD_MAX];
    uint64_t part = 0;
    if (!read_decimal(cursor, &value)) {
        return false;
    }
    skip_space(cursor);
    if (!read_word(cursor, word, sizeof(word))) {
        return false;
    }
    uint64_t worth = time_unit_find(word);
    return worth != 0 && decimal_scale(value, worth, &part) &&
           !__builtin_add_overflow(*total, part, total);
}

static bool
read_duration(const char *text, uint64_t *out_ns)
{
    struct cursor cursor = {text};
    char word[WORD_MAX];
    uint64_t total = 0;
    skip_space(&cursor);
    if (!is_digit(*cursor.at) &&
        !(read_word(&cursor, word, sizeof(word)) && strcmp(word, "interval") == 0)) {
        return false;
    }
    skip_space(&cursor);
    do {
        if (!read_duration_part(&cursor, &total)) {
            return false;
        }
    } while (!at_end(&cursor));
    *out_ns = total;
    return true;
}

int
tide_parse_duration_ns(const char *text, uint64_t *out_ns, struct tide_error *err)
{
    uint64_t ns = 0;
    if (!read_duration(text, &ns)) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "'%s' is not a duration: write a number with a unit (us, ms, s, "
                              "minutes, hours, days), such as 10s or 1 hour 30 minutes; months "
                              "and years have no fixed length",
                              text);
    }
    *out_ns = ns;
    return TIDE_OK;
}

static bool
read_rate(const char *text, double *out_per_second)
{
    struct cursor cursor = {text};
    struct decimal value;
    char word[WORD_MAX];
    skip_space(&cursor);
    if (!read_decimal(&cursor, &value)) {
        return false;
    }
    double amount = (double)value.whole + (double)value.billionths / (double)SECOND;
    skip_space(&cursor);
    if (read_word(&cursor, word, sizeof(word))) {
        if (strcmp(word, "k") != 0 && strcmp(word, "m") != 0) {
            return false;
        }
        amount *= word[0] == 'k' ? 1e3 : 1e6;
        skip_space(&cursor);
    }
    if (*cursor.at != '/') {
        return false;
    }
    cursor.at++;
    skip_space(&cursor);
    uint64_t worth = read_word(&cursor, word, sizeof(word)) ? time_unit_find(word) : 0;
    if (worth == 0 || !at_end(&cursor)) {
        return false;
    }
    *out_per_second = amount * ((double)SECOND / (double)worth);
    return true;
}

int
tide_parse_rate(const char *text, double *out_per_second, struct tide_error *err)
{
    double per_second = 0;
    if (!read_rate(text, &per_second)) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "'%s' is not a rate: write a number per unit of time, such as 5000/s "
                              "or 600/min",
                              text);
    }
    *out_per_second = per_second;
    return TIDE_OK;
}

/* A whole number: sign and amount. */
static bool
read_integer(const char *text, bool *out_negative, uint64_t *out_amount)
{
    struct cursor cursor = {text};
    skip_space(&cursor);
    *out_negative = *cursor.at == '-';
    if (*cursor.at == '-' || *cursor.at == '+') {
        cursor.at++;
    }
    return read_digits(&cursor, out_amount) && at_end(&cursor);
}

int
tide_parse_i64_range(const char *text, int64_t min, int64_t max, int64_t *out_value,
                     struct tide_error *err)
{
    bool negative = false;
    uint64_t amount = 0;
    bool fits = read_integer(text, &negative, &amount) &&
                amount <= (uint64_t)INT64_MAX + (negative ? 1u : 0u);
    int64_t value = fits ? (int64_t)(negative ? 0 - amount : amount) : 0;
    if (!fits || value < min || value > max) {
        return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is not a whole number from %lld to %lld",
                              text, (long long)min, (long long)max);
    }
    *out_value = value;
    return TIDE_OK;
}

int
tide_parse_i64(const char *text, int64_t *out_value, struct tide_error *err)
{
    return tide_parse_i64_range(text, INT64_MIN, INT64_MAX, out_value, err);
}

int
tide_parse_u64(const char *text, uint64_t *out_value, struct tide_error *err)
{
    bool negative = false;
    uint64_t amount = 0;
    if (!read_integer(text, &negative, &amount) || (negative && amount != 0)) {
        return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is not a whole number from 0 to %llu",
                              text, (unsigned long long)UINT64_MAX);
    }
    *out_value = amount;
    return TIDE_OK;
}

/* [+-] digits [. digits] [e [+-] digits], or without digits on one side of the point. */
static bool
is_decimal_number(const char *text)
{
    struct cursor cursor = {text};
    size_t digits = 0;
    if (*cursor.at == '-' || *cursor.at == '+') {
        cursor.at++;
    }
    for (; is_digit(*cursor.at); cursor.at++) {
        digits++;
    }
    if (*cursor.at == '.') {
        cursor.at++;
        for (; is_digit(*cursor.at); cursor.at++) {
            digits++;
        }
    }
    if (digits > 0 && lower(*cursor.at) == 'e') {
        cursor.at++;
        if (*cursor.at == '-' || *cursor.at == '+') {
            cursor.at++;
        }
        digits = is_digit(*cursor.at) ? digits : 0;
        while (is_digit(*cursor.at)) {
            cursor.at++;
        }
    }
    return digits > 0 && at_end(&cursor);
}

int
tide_parse_double(const char *text, double *out_value, struct tide_error *err)
{
    struct cursor cursor = {text};
    skip_space(&cursor);
    /* glibc hands out a constant for the C locale: nothing is allocated, the free does nothing. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    TIDE_ASSERT(plain != (locale_t)0);
    double value = is_decimal_number(cursor.at) ? strtod_l(cursor.at, NULL, plain) : (double)NAN;
    freelocale(plain);
    if (!isfinite(value)) {
        return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is not a finite decimal number", text);
    }
    *out_value = value;
    return TIDE_OK;
}

int
tide_parse_bool(const char *text, bool *out_value, struct tide_error *err)
{
    if (tide_text_equal_nocase(text, "true") || tide_text_equal_nocase(text, "false")) {
        *out_value = lower(text[0]) == 't';
        return TIDE_OK;
    }
    return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is neither true nor false", text);
}
