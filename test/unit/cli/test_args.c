/* SPDX-License-Identifier: Apache-2.0 */
/* Flags and words of a verb: what is taken, what is refused, and how it is said. */
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "cli/args.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct cli_flag flags[] = {
    {"set", CLI_FLAG_LIST, "PATH=VALUE", "sets"},
    {"checkpoint", CLI_FLAG_TEXT, "DIR", "place"},
    {"for", CLI_FLAG_DURATION, "TIME", "time"},
    {"records", CLI_FLAG_COUNT, "N", "count"},
    {"seed", CLI_FLAG_NUMBER, "N", "seed"},
    {"rate", CLI_FLAG_RATE, "N", "rate"},
    {"progress", CLI_FLAG_CHOICE, "tty|plain|none", "how"},
    {"follow", CLI_FLAG_SWITCH, NULL, "goes on"},
    {"standby", CLI_FLAG_LATER, NULL, NULL},
    {.name = NULL},
};

static const struct cli_verb verb = {
    .name = "run", .words = "FILE...", .words_min = 1, .words_max = 2, .flags = flags};

/* Parses up to seven arguments; NULL ends them. */
static enum cli_parsed
parse(struct cli_args *args, const char *const given[8])
{
    int n = 0;
    while (given[n] != NULL) {
        n++;
    }
    return cli_parse(&verb, n, (char **)(uintptr_t)given, args);
}

Test(args, flags_and_words_mix)
{
    struct cli_args args;
    const char *given[8] = {"a.yaml", "--set", "x=1", "--follow", "b.yaml", "--set=y=2"};
    cr_assert_eq(parse(&args, given), CLI_PARSED);
    cr_assert_eq(args.n_words, 2);
    cr_expect_str_eq(args.words[0], "a.yaml");
    cr_expect_str_eq(args.words[1], "b.yaml");
    cr_assert_eq(args.n_items, 2);
    cr_expect_str_eq(args.items[0], "x=1");
    cr_expect_str_eq(args.items[1], "y=2");
    cr_expect(cli_value(&args, "follow")->given);
    cr_expect_not(cli_value(&args, "records")->given);
    cr_expect_str_eq(cli_text(&args, "checkpoint", "fallback"), "fallback");
    cli_args_free(&args);
}

Test(args, values_are_read)
{
    struct cli_args args;
    const char *given[8] = {"-",           "--for=1.5m",   "--records=10", "--progress=NONE",
                            "--rate=20/s", "--checkpoint", "--odd"};
    cr_assert_eq(parse(&args, given), CLI_PARSED);
    cr_expect_str_eq(args.words[0], "-");
    cr_expect_eq(cli_value(&args, "for")->number, 90000000000u);
    cr_expect_eq(cli_value(&args, "records")->number, 10);
    cr_expect_eq(cli_value(&args, "progress")->number, 2);
    cr_expect_eq(cli_value(&args, "rate")->number, 20);
    cr_expect_str_eq(cli_text(&args, "checkpoint", NULL), "--odd", "a value may look like a flag");
    cli_args_free(&args);
}

Test(args, two_dashes_end_the_flags)
{
    struct cli_args args;
    const char *given[8] = {"--", "--set", "-h"};
    cr_assert_eq(parse(&args, given), CLI_PARSED);
    cr_assert_eq(args.n_words, 2);
    cr_expect_str_eq(args.words[0], "--set");
    cli_args_free(&args);
}

Test(args, help_wins)
{
    struct cli_args args;
    const char *given[8] = {"a", "--help", "--no-such-flag"};
    cr_expect_eq(parse(&args, given), CLI_PARSED_HELP);
    cli_args_free(&args);
}

Test(args, refusals, .init = cr_redirect_stderr)
{
    static const struct {
        const char *given[8];
    } rows[] = {
        {{NULL}},
        {{"a", "b", "c"}},
        {{"a", "--chekpoint", "x"}},
        {{"a", "--checkpoint"}},
        {{"a", "--follow=yes"}},
        {{"a", "--follow", "--follow"}},
        {{"a", "--standby"}},
        {{"a", "-f"}},
        {{"a", "--records", "0"}},
        {{"a", "--records", "1x"}},
        {{"a", "--records", "-1"}},
        {{"a", "--records", "99999999999999999999"}},
        {{"a", "--for", "60"}},
        {{"a", "--for", "0s"}},
        {{"a", "--for", "-1s"}},
        {{"a", "--for", "1 fortnight"}},
        {{"a", "--rate", "0"}},
        {{"a", "--rate", "5/min"}},
        {{"a", "--progress", "tt"}},
        {{"a", "--progress", "tty|plain"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cli_args args;
        cr_expect_eq(parse(&args, rows[i].given), CLI_PARSED_WRONG, "row %zu", i);
        cli_args_free(&args);
    }
}

Test(args, the_nearest_flag_is_named, .init = cr_redirect_stderr)
{
    struct cli_args args;
    const char *given[8] = {"a", "--chekpoint=x"};
    cr_assert_eq(parse(&args, given), CLI_PARSED_WRONG);
    cli_args_free(&args);
    fflush(stderr);
    cr_assert_stderr_eq_str("tidemark: run has no flag --chekpoint: did you mean --checkpoint?\n");
}

Test(args, durations)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } rows[] = {
        {"1ns", 1},
        {"250us", 250000},
        {"100ms", 100000000},
        {"60s", 60000000000},
        {"2 minutes", 120000000000},
        {"0.5h", 1800000000000},
        {"1d", 86400000000000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t ns = 0;
        cr_expect(cli_read_duration(rows[i].text, &ns), "%s", rows[i].text);
        cr_expect_eq(ns, rows[i].ns, "%s", rows[i].text);
    }
}

Test(args, full_speed_is_rate_zero)
{
    uint64_t rate = 9;
    cr_assert(cli_read_rate("max", &rate));
    cr_expect_eq(rate, 0);
}
