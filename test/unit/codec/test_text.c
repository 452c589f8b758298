/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text and values against Spark's answers (test/oracle/codec), and the forms that show() draws.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "base/seam.h"
#include "codec/text.h"
#include "data/type.h"
#include "oracle.h"

static struct tide_type_arena arena;
static struct tide_zone_set *regions;

static void
setup(void)
{
    struct tide_error err = {0};
    tide_type_arena_init(&arena, tide_seam_real());
    cr_assert_eq(tide_zone_set_create(tide_seam_real(), &regions, &err), 0, "%s", err.text);
}

static void
teardown(void)
{
    tide_zone_set_destroy(regions);
    tide_type_arena_fini(&arena);
}

TestSuite(text, .init = setup, .fini = teardown);

static struct tide_type
type_of(const char *text)
{
    struct tide_type type;
    struct tide_error err = {0};
    cr_assert_eq(tide_type_parse(&arena, text, strlen(text), &type, &err), 0, "%s", err.text);
    return type;
}

static tide_i128
parse_i128(const char *text)
{
    tide_i128 value = 0;
    bool negative = *text == '-';
    for (const char *c = text + (negative ? 1 : 0); *c != '\0'; c++) {
        value = value * 10 + (*c - '0');
    }
    return negative ? -value : value;
}

/* A value from the oracle's number: independent of the readers under test. */
static struct tide_value
oracle_value(const struct tide_type *type, struct tide_bytes text)
{
    struct tide_value value = {.type = type};
    if (type->id == TIDE_TYPE_FLOAT) {
        value.f64 = (double)strtof(text.p, NULL);
    } else if (type->id == TIDE_TYPE_DOUBLE) {
        value.f64 = strtod(text.p, NULL);
    } else if (tide_type_is_bytes(type)) {
        value.bytes = text;
    } else {
        value.i128 = parse_i128(text.p);
    }
    return value;
}

Test(text, casts_from_text_as_spark)
{
    struct oracle oracle;
    oracle_open(&oracle, "from_text.tsv");
    while (oracle_next(&oracle)) {
        struct tide_type type = type_of(oracle_text(&oracle, 1));
        struct tide_read_rules rules = {
            .ansi = *oracle_text(&oracle, 2) == '1', .zone = tide_zone_utc(), .regions = regions};
        struct tide_value value = {0};
        bool ok = tide_read_value(oracle.fields[3], &type, &rules, &value);
        cr_expect_eq(ok, !oracle.null[4], "%s: %s \"%s\": %d", oracle_text(&oracle, 0),
                     oracle_text(&oracle, 1), oracle_text(&oracle, 3), ok);
        if (ok && !oracle.null[4]) {
            struct tide_value want = oracle_value(&type, oracle.fields[4]);
            cr_expect(tide_value_equal(&value, &want), "%s: %s \"%s\"", oracle_text(&oracle, 0),
                      oracle_text(&oracle, 1), oracle_text(&oracle, 3));
        }
    }
    cr_assert_gt(oracle.rows, 500);
}

static const char *
text_of(const struct tide_value *value, enum tide_text_style style, const struct tide_zone *zone)
{
    static char buffer[4096];
    struct tide_chars out = {.p = buffer, .max = sizeof(buffer) - 1};
    tide_put_value(&out, value, style, zone);
    cr_assert(tide_chars_fit(&out));
    buffer[out.n] = '\0';
    return buffer;
}

Test(text, casts_to_text_as_spark)
{
    struct oracle oracle;
    oracle_open(&oracle, "to_text.tsv");
    while (oracle_next(&oracle)) {
        struct tide_type type = type_of(oracle_text(&oracle, 1));
        struct tide_value value = oracle_value(&type, oracle.fields[2]);
        cr_expect_str_eq(text_of(&value, TIDE_TEXT_CAST, tide_zone_utc()), oracle_text(&oracle, 3),
                         "%s", oracle_text(&oracle, 0));
    }
    cr_assert_gt(oracle.rows, 90);
}

/* Expected forms from the specification of Double.toString in Java 19 (JDK-4511638). */
Test(text, doubles_have_the_fewest_digits)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{2e23, "2.0E23"},
                 {8.41e21, "8.41E21"},
                 {2.0e-3, "0.002"},
                 {5e-324, "4.9E-324"},
                 {1.0e23, "1.0E23"},
                 {9007199254740993.0, "9.007199254740992E15"},
                 {123.0, "123.0"},
                 {0.001, "0.001"},
                 {0.00099999, "9.9999E-4"},
                 {9999999.999, "9999999.999"},
                 {1e7, "1.0E7"},
                 {-1.5, "-1.5"}};
    struct tide_type type = tide_type_of(TIDE_TYPE_DOUBLE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_value value = {.type = &type, .f64 = cases[i].value};
        cr_expect_str_eq(text_of(&value, TIDE_TEXT_CAST, tide_zone_utc()), cases[i].text);
    }
}

Test(text, doubles_read_back)
{
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        char buffer[64];
        struct tide_chars out = {.p = buffer, .max = sizeof(buffer)};
        double value, back;
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        tide_put_double(&out, value);
        buffer[out.n] = '\0';
        cr_assert_eq(strtod(buffer, NULL), value, "%s", buffer);
        cr_assert(tide_read_double((struct tide_bytes){buffer, out.n}, &back));
        cr_assert_eq(back, value, "%s", buffer);
    }
}

Test(text, doubles_beyond_the_range_are_infinite_or_zero)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"1e400", INFINITY},
                 {"-1e400", -INFINITY},
                 {"1e-400", 0.0},
                 {"0.000e999999", 0.0},
                 {"1e99999999999999999999", INFINITY},
                 {"123456e-400", 0.0},
                 {"0x1p3", 8.0},
                 {"-0x1.8p1d", -3.0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double value = 1;
        cr_expect(
            tide_read_double((struct tide_bytes){cases[i].text, strlen(cases[i].text)}, &value),
            "%s", cases[i].text);
        cr_expect_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

Test(text, decimals_round_half_up_at_any_length)
{
    static const struct {
        const char *text;
        int precision, scale;
        bool ok;
        const char *unscaled;
    } cases[] = {
        {"0.125", 3, 2, true, "13"},
        {"-0.125", 3, 2, true, "-13"},
        {"0.1249999999999999999999999999999999999999999999999999", 3, 2, true, "12"},
        {"99999999999999999999999999999999999999", 38, 0, true,
         "99999999999999999999999999999999999999"},
        {"99999999999999999999999999999999999999.5", 38, 0, false, ""},
        {"1e38", 38, 0, false, ""},
        {"1e37", 38, 0, true, "10000000000000000000000000000000000000"},
        {"0e99", 38, 2, true, "0"},
        {"1e-50", 38, 18, true, "0"},
        {"9.995", 3, 2, false, ""},
        {"9.994", 3, 2, true, "999"},
        {"1e2147483648", 38, 0, false, ""},
        {".", 10, 0, false, ""},
        {"1.2.3", 10, 0, false, ""},
        {"1e", 10, 0, false, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tide_i128 value = 0;
        bool ok =
            tide_read_decimal((struct tide_bytes){cases[i].text, strlen(cases[i].text)},
                              (uint32_t)cases[i].precision, (uint32_t)cases[i].scale, &value, NULL);
        cr_expect_eq(ok, cases[i].ok, "%s", cases[i].text);
        cr_expect(!ok || value == parse_i128(cases[i].unscaled), "%s", cases[i].text);
    }
}

Test(text, measures_what_does_not_fit)
{
    char buffer[4] = "....";
    struct tide_chars out = {.p = buffer, .max = 3};
    tide_put_i64(&out, -1234567);
    cr_expect_eq(out.n, 8);
    cr_expect_eq(memcmp(buffer, "-12.", 4), 0);
    cr_expect_not(tide_chars_fit(&out));
}

/* Widths and cuts as in Spark's drawing, oracle/console cases widths-truncate-true and newline. */
Test(text, show_cells_are_cut_and_escaped)
{
    static const struct {
        const char *text;
        uint32_t truncate;
        const char *cell;
        uint32_t width;
    } cases[] = {
        {"yyyyyyyyyyyyyyyyyyyy", 20, "yyyyyyyyyyyyyyyyyyyy", 20},
        {"zzzzzzzzzzzzzzzzzzzzz", 20, "zzzzzzzzzzzzzzzzz...", 20},
        {"中中中中中中中中中中中中中中中中中中中中中", 20, "中中中中中中中中中中中中中中中中中...",
         37},
        {"😀😀", 20, "😀😀", 4},
        {"tab\there", 20, "tab\\there", 9},
        {"ｆｕｌｌ", 20, "ｆｕｌｌ", 8},
        {"ﾊﾝｶｸ", 20, "ﾊﾝｶｸ", 4},
        {"한글", 20, "한글", 4},
        {"abcdef", 3, "abc", 3},
        {"abcdef", 0, "abcdef", 6},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buffer[256];
        struct tide_chars out = {.p = buffer, .max = sizeof(buffer) - 1};
        tide_text_show_cell(&out, cases[i].text, (uint32_t)strlen(cases[i].text),
                            cases[i].truncate);
        buffer[out.n] = '\0';
        cr_expect_str_eq(buffer, cases[i].cell);
        cr_expect_eq(tide_text_show_width(buffer, out.n), cases[i].width, "%s", buffer);
    }
}

Test(text, show_draws_nulls_and_bytes)
{
    struct tide_type binary = tide_type_of(TIDE_TYPE_BINARY);
    struct tide_type decimal = tide_type_decimal(38, 18);
    struct tide_value value = {.type = &binary, .bytes = {"\xe4\xb8\xad", 3}};
    cr_expect_str_eq(text_of(&value, TIDE_TEXT_SHOW, tide_zone_utc()), "[E4 B8 AD]");
    value.null = true;
    cr_expect_str_eq(text_of(&value, TIDE_TEXT_SHOW, tide_zone_utc()), "NULL");
    value = (struct tide_value){.type = &decimal, .i128 = 0};
    cr_expect_str_eq(text_of(&value, TIDE_TEXT_SHOW, tide_zone_utc()), "0.000000000000000000");
    cr_expect_str_eq(text_of(&value, TIDE_TEXT_CAST, tide_zone_utc()), "0E-18");
}
