/* SPDX-License-Identifier: Apache-2.0 */
/* Names, sizes, durations, rates and numbers as people write them, and what must be refused. */
#include <locale.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const uint64_t ns = 1;
static const uint64_t us = 1000;
static const uint64_t ms = 1000000;
static const uint64_t s = 1000000000;

Test(text, case_is_ignored)
{
    cr_assert(tide_text_equal_nocase("maxOffsetsPerTrigger", "MAXoffsetspertrigger"));
    cr_assert(tide_text_equal_nocase("", ""));
    cr_assert_not(tide_text_equal_nocase("a", "ab"));
    cr_assert_not(tide_text_equal_nocase("[", "{"), "only letters have cases");
    cr_assert_lt(tide_text_compare_nocase("A", "b"), 0);
    cr_assert_gt(tide_text_compare_nocase("B", "a"), 0);
    cr_assert_gt(tide_text_compare_nocase("\xC3", "z"), 0);
    cr_assert(tide_text_starts("kafka.bootstrap", "kafka."));
    cr_assert_not(tide_text_starts("kaf", "kafka."));
}

/* Unicode 15, table 3-7, at its edges. */
Test(text, utf8_characters)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"a", 1},
        {"\x7F", 1},
        {"\x80", 0},
        {"\xC1\xBF", 0},
        {"\xC2\x80", 2},
        {"\xDF\xBF", 2},
        {"\xC3", 0},
        {"\xE0\x9F\xBF", 0},
        {"\xE0\xA0\x80", 3},
        {"\xED\x9F\xBF", 3},
        {"\xED\xA0\x80", 0},
        {"\xEF\xBF\xBD", 3},
        {"\xEF\xBF", 0},
        {"\xF0\x8F\xBF\xBF", 0},
        {"\xF0\x90\x80\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"\xF4\x90\x80\x80", 0},
        {"\xF5\x80\x80\x80", 0},
        {"\xC3z", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_expect_eq(tide_utf8_char(rows[i].bytes, strlen(rows[i].bytes)), rows[i].size, "row %zu",
                     i);
    }
    cr_assert_eq(tide_utf8_char("\0x", 2), 1);
}

/* Optimal string alignment, worked out by hand; "ca" to "abc" is 3 there (2 in full Damerau). */
Test(text, distances)
{
    cr_expect_eq(tide_text_distance("", ""), 0);
    cr_expect_eq(tide_text_distance("abc", ""), 3);
    cr_expect_eq(tide_text_distance("kitten", "sitting"), 3);
    cr_expect_eq(tide_text_distance("kafka", "kakfa"), 1);
    cr_expect_eq(tide_text_distance("ca", "abc"), 3);
    cr_expect_eq(tide_text_distance("Filter", "fILTER"), 0);
    cr_expect_eq(tide_text_distance("saturday", "sunday"), 3);
    char longest[66];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    cr_expect_eq(tide_text_distance(longest, "b"), 64);
    cr_expect_eq(tide_text_distance("b", longest), 64);
    memset(longest, 'a', 65);
    longest[65] = '\0';
    cr_expect_eq(tide_text_distance(longest, "b"), SIZE_MAX);
    cr_expect_eq(tide_text_distance(longest, longest), 0);
}

Test(text, nearest_name)
{
    static const char *const names[] = {"sep",   "header", NULL, "maxOffsetsPerTrigger",
                                        "quote", "escape"};
    cr_expect_str_eq(tide_nearest("seq", names, COUNT(names)), "sep");
    cr_expect_str_eq(tide_nearest("spe", names, COUNT(names)), "sep");
    cr_expect_str_eq(tide_nearest("Headers", names, COUNT(names)), "header");
    cr_expect_str_eq(tide_nearest("max_offsets_per_trigger", names, COUNT(names)),
                     "maxOffsetsPerTrigger");
    cr_expect_str_eq(tide_nearest("qoute", names, COUNT(names)), "quote");
    cr_expect_null(tide_nearest("compression", names, COUNT(names)));
    cr_expect_null(tide_nearest("", names, COUNT(names)));
    cr_expect_null(tide_nearest("sep", names, 0));
    static const char *const single[] = {"x"};
    cr_expect_null(tide_nearest("y", single, 1), "replacing all of it is not near");
}

Test(text, sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        {"0", 0},
        {"100", 100},
        {" 100 ", 100},
        {"7b", 7},
        {"64KiB", 65536},
        {"64k", 65536},
        {"64 kb", 65536},
        {"64MiB", 67108864},
        {"1m", 1048576},
        {"1GiB", 1073741824},
        {"2g", 2147483648},
        {"1TiB", 1099511627776},
        {"18446744073709551615", UINT64_MAX},
        {"16777215t", UINT64_C(16777215) << 40},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t bytes = 1;
        cr_expect_eq(tide_parse_size(rows[i].text, &bytes, NULL), TIDE_OK, "%s", rows[i].text);
        cr_expect_eq(bytes, rows[i].bytes, "%s", rows[i].text);
    }
}

Test(text, sizes_refused)
{
    static const char *const rows[] = {
        "",       " ",   "MiB",   "-1",        "+1",
        "1.5MiB", "1 2", "1x",    "1kbs",      "1k b",
        "0x10",   "1,0", "1MiB2", "16777216t", "18446744073709551616",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t bytes = 77;
        struct tide_error err = {0};
        cr_expect_eq(tide_parse_size(rows[i], &bytes, &err), TIDE_ERR_INVALID, "%s", rows[i]);
        cr_expect_eq(bytes, 77);
        cr_expect_not_null(strstr(err.text, rows[i]));
    }
}

Test(text, durations)
{
    const struct {
        const char *text;
        uint64_t ns;
    } rows[] = {
        {"10 seconds", 10 * s},
        {"10s", 10 * s},
        {"1 second", s},
        {"100 ms", 100 * ms},
        {"100ms", 100 * ms},
        {"20 us", 20 * us},
        {"20 \xC2\xB5s", 20 * us},
        {"5 microseconds", 5 * us},
        {"7ns", 7 * ns},
        {"1 minute", 60 * s},
        {"1 minutes", 60 * s},
        {"1m", 60 * s},
        {"2 min", 120 * s},
        {"1 hour 30 minutes", 5400 * s},
        {"1h30m", 5400 * s},
        {"interval 10 seconds", 10 * s},
        {"INTERVAL 1 DAY", 86400 * s},
        {"  2 weeks ", 14 * 86400 * s},
        {"1.5s", 1500 * ms},
        {"0.25 hours", 900 * s},
        {"0.000000001s", 1},
        {"0.0000000019s", 1},
        {"0.1 days", 8640 * s},
        {"0s", 0},
        {"18446744073709551615ns", UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t got = 77;
        cr_expect_eq(tide_parse_duration_ns(rows[i].text, &got, NULL), TIDE_OK, "%s", rows[i].text);
        cr_expect_eq(got, rows[i].ns, "%s: %llu", rows[i].text, (unsigned long long)got);
    }
}

Test(text, durations_refused)
{
    static const char *const rows[] = {
        "",
        "10",
        "s",
        "-10s",
        "10 months",
        "1 year",
        "10 secundos",
        "1.s",
        ".5s",
        "interval",
        "1s 2",
        "1s,2s",
        "every 1s",
        "1 e 3 s",
        "584943 days",
        "213503 days 24000 days",
        "intervals 1s",
        "1s;",
        "abcdefghijklmnopqrstuvw 1s",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t got = 77;
        struct tide_error err = {0};
        cr_expect_eq(tide_parse_duration_ns(rows[i], &got, &err), TIDE_ERR_INVALID, "%s", rows[i]);
        cr_expect_eq(got, 77);
        cr_expect_not_null(strstr(err.text, rows[i]));
    }
}

Test(text, rates)
{
    static const struct {
        const char *text;
        double per_second;
    } rows[] = {
        {"5000/s", 5000},   {"100/s", 100}, {"100 / second", 100}, {"600/min", 10},
        {"600/minute", 10}, {"3600/h", 1},  {"0.5/s", 0.5},        {"1k/s", 1000},
        {"2M/s", 2000000},  {"1/ms", 1000}, {"1.5 k / s", 1500},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double got = 77;
        cr_expect_eq(tide_parse_rate(rows[i].text, &got, NULL), TIDE_OK, "%s", rows[i].text);
        cr_expect_float_eq(got, rows[i].per_second, 1e-9, "%s", rows[i].text);
    }
}

Test(text, rates_refused)
{
    static const char *const rows[] = {"",     "5000", "/s",   "5000/", "-1/s",
                                       "1g/s", "1/x",  "1//s", "1/s/s", "1/s 2"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        double got = 77;
        cr_expect_eq(tide_parse_rate(rows[i], &got, NULL), TIDE_ERR_INVALID, "%s", rows[i]);
        cr_expect_float_eq(got, 77, 0);
    }
}

Test(text, integers)
{
    int64_t i = 0;
    uint64_t u = 0;
    cr_assert_eq(tide_parse_i64(" -9223372036854775808 ", &i, NULL), TIDE_OK);
    cr_assert_eq(i, INT64_MIN);
    cr_assert_eq(tide_parse_i64("+9223372036854775807", &i, NULL), TIDE_OK);
    cr_assert_eq(i, INT64_MAX);
    cr_assert_eq(tide_parse_i64("-0", &i, NULL), TIDE_OK);
    cr_assert_eq(i, 0);
    cr_assert_eq(tide_parse_u64("18446744073709551615", &u, NULL), TIDE_OK);
    cr_assert_eq(u, UINT64_MAX);
    cr_assert_eq(tide_parse_u64("007", &u, NULL), TIDE_OK);
    cr_assert_eq(u, 7);
    static const char *const refused[] = {"",
                                          " ",
                                          "-",
                                          "1a",
                                          "1 2",
                                          "0x1",
                                          "1.",
                                          "1e3",
                                          "--1",
                                          "9223372036854775808",
                                          "-9223372036854775809",
                                          "99999999999999999999"};
    for (size_t n = 0; n < COUNT(refused); n++) {
        i = 77;
        cr_expect_eq(tide_parse_i64(refused[n], &i, NULL), TIDE_ERR_INVALID, "%s", refused[n]);
        cr_expect_eq(i, 77);
    }
    cr_assert_eq(tide_parse_u64("-1", &u, NULL), TIDE_ERR_INVALID);
    cr_assert_eq(u, 7);
}

Test(text, integers_within_bounds)
{
    int64_t value = 0;
    struct tide_error err = {0};
    cr_assert_eq(tide_parse_i64_range("-3", -3, 4, &value, NULL), TIDE_OK);
    cr_assert_eq(tide_parse_i64_range("4", -3, 4, &value, NULL), TIDE_OK);
    cr_assert_eq(value, 4);
    cr_assert_eq(tide_parse_i64_range("5", -3, 4, &value, &err), TIDE_ERR_INVALID);
    cr_assert_eq(tide_parse_i64_range("-4", -3, 4, &value, NULL), TIDE_ERR_INVALID);
    cr_assert_eq(value, 4);
    cr_assert_not_null(strstr(err.text, "from -3 to 4"));
}

Test(text, doubles_in_any_locale)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0.5", 0.5}, {".5", 0.5}, {"5.", 5}, {"-1e-3", -0.001}, {" 1E3 ", 1000}, {"+7", 7},
    };
    static const char *const refused[] = {"",    ".",   "e1",    "1e",  "nan", "inf",
                                          "0x1", "1,5", "1e999", "1 2", "1.5x"};
    setlocale(LC_ALL, "de_DE.UTF-8");
    double got = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_expect_eq(tide_parse_double(rows[i].text, &got, NULL), TIDE_OK, "%s", rows[i].text);
        cr_expect(got == rows[i].value, "%s", rows[i].text);
    }
    got = 77;
    for (size_t i = 0; i < COUNT(refused); i++) {
        cr_expect_eq(tide_parse_double(refused[i], &got, NULL), TIDE_ERR_INVALID, "%s", refused[i]);
        cr_expect(got == 77);
    }
}

Test(text, booleans)
{
    bool value = false;
    struct tide_error err = {0};
    cr_assert_eq(tide_parse_bool("TRUE", &value, NULL), TIDE_OK);
    cr_assert(value);
    cr_assert_eq(tide_parse_bool("false", &value, NULL), TIDE_OK);
    cr_assert_not(value);
    cr_assert_eq(tide_parse_bool("yes", &value, &err), TIDE_ERR_INVALID);
    cr_assert_eq(tide_parse_bool("", &value, &err), TIDE_ERR_INVALID);
    cr_assert_eq(tide_parse_bool("1", &value, &err), TIDE_ERR_INVALID);
}
