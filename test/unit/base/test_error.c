/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and assertions: codes, exit codes of the product's contract, messages and their limits. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include <tidemark/error.h>

#include "base/assert.h"

Test(error, set_writes_code_and_text)
{
    struct tide_error err = {0};
    int rc = tide_error_set(&err, TIDE_ERR_IO, "cannot read %s: %d", "f", 7);
    cr_assert_eq(rc, TIDE_ERR_IO);
    cr_assert_eq(err.code, TIDE_ERR_IO);
    cr_assert_eq(err.at, -1);
    cr_assert_str_eq(err.text, "cannot read f: 7");
}

Test(error, set_at_keeps_the_offset)
{
    struct tide_error err = {0};
    cr_assert_eq(tide_error_set_at(&err, TIDE_ERR_INVALID, 12, "no such column"), TIDE_ERR_INVALID);
    cr_assert_eq(err.at, 12);
}

Test(error, null_gives_the_code_alone)
{
    cr_assert_eq(tide_error_set(NULL, TIDE_ERR_SYNC, "x"), TIDE_ERR_SYNC);
    cr_assert_eq(tide_error_set_at(NULL, TIDE_ERR_SYNC, 1, "x"), TIDE_ERR_SYNC);
    cr_assert_lt(tide_error_prefix(NULL, "x"), 0);
}

Test(error, prefix_goes_in_front)
{
    struct tide_error err = {0};
    tide_error_set(&err, TIDE_ERR_CORRUPT, "bad checksum");
    cr_assert_eq(tide_error_prefix(&err, "segment %d", 3), TIDE_ERR_CORRUPT);
    cr_assert_eq(tide_error_prefix(&err, "wal"), TIDE_ERR_CORRUPT);
    cr_assert_str_eq(err.text, "wal: segment 3: bad checksum");
}

Test(error, own_text_may_be_an_argument)
{
    struct tide_error err = {0};
    tide_error_set(&err, TIDE_ERR_IO, "inner");
    tide_error_set(&err, TIDE_ERR_FATAL, "outer (%s)", err.text);
    cr_assert_str_eq(err.text, "outer (inner)");
}

/* 1000 two-byte characters do not fit in 1023 bytes: cut at a character, three dots. */
Test(error, long_text_is_cut_at_a_character)
{
    char text[2001];
    struct tide_error err = {0};
    for (int i = 0; i < 1000; i++) {
        memcpy(text + 2 * i, "\xC3\xA9", 2);
    }
    text[2000] = '\0';
    tide_error_set(&err, TIDE_ERR_IO, "%s", text);
    size_t len = strlen(err.text);
    cr_assert_leq(len, TIDE_ERROR_TEXT_MAX - 1);
    cr_assert_geq(len, TIDE_ERROR_TEXT_MAX - 6);
    cr_assert_str_eq(err.text + len - 3, "...");
    cr_assert_eq((len - 3) % 2, 0);
    tide_error_prefix(&err, "x");
    len = strlen(err.text);
    cr_assert_leq(len, TIDE_ERROR_TEXT_MAX - 1);
    cr_assert_eq(memcmp(err.text, "x: \xC3\xA9", 5), 0);
    cr_assert_str_eq(err.text + len - 3, "...");
    cr_assert_eq((len - 6) % 2, 0);
}

Test(error, text_that_just_fits_is_whole)
{
    char text[TIDE_ERROR_TEXT_MAX];
    struct tide_error err = {0};
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    tide_error_set(&err, TIDE_ERR_IO, "%s", text);
    cr_assert_str_eq(err.text, text);
}

/* The exit codes of the program's contract. */
Test(error, exit_codes)
{
    static const struct {
        int code;
        int exit_code;
    } rows[] = {
        {TIDE_OK, 0},
        {TIDE_ERR_INVALID, 6},
        {TIDE_ERR_UNSUPPORTED, 6},
        {TIDE_ERR_NOMEM, 1},
        {TIDE_ERR_IO, 1},
        {TIDE_ERR_SYNC, 3},
        {TIDE_ERR_CORRUPT, 4},
        {TIDE_ERR_FENCED, 5},
        {TIDE_ERR_CHECKPOINT, 6},
        {TIDE_ERR_DEADLINE, 7},
        {TIDE_ERR_PLUGIN, 8},
        {TIDE_ERR_UNREACHABLE, 9},
        {TIDE_ERR_LIMIT, 1},
        {TIDE_ERR_FATAL, 1},
        {-1000, 1}, /* what a plugin made up */
        {1000, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(tide_error_exit_code(rows[i].code), rows[i].exit_code, "code %d",
                     rows[i].code);
    }
}

Test(error, dispositions)
{
    cr_expect_eq(tide_error_disposition(TIDE_ERR_SYNC), TIDE_DISPOSITION_FATAL);
    cr_expect_eq(tide_error_disposition(TIDE_ERR_RECORD), TIDE_DISPOSITION_REJECT);
    cr_expect_eq(tide_error_disposition(TIDE_ERR_NOSPACE), TIDE_DISPOSITION_WAIT);
    cr_expect_eq(tide_error_disposition(TIDE_ERR_UNREACHABLE), TIDE_DISPOSITION_WAIT);
    cr_expect_eq(tide_error_disposition(TIDE_ERR_DEADLINE), TIDE_DISPOSITION_ABORT_EPOCH);
    cr_expect_eq(tide_error_disposition(-1000), TIDE_DISPOSITION_FATAL);
}

Test(error, every_code_has_a_name_of_its_own)
{
    for (int a = TIDE_ERR_FATAL; a <= TIDE_OK; a++) {
        cr_assert_not_null(tide_error_name(a));
        for (int b = TIDE_ERR_FATAL; b < a; b++) {
            cr_expect_str_neq(tide_error_name(a), tide_error_name(b));
        }
    }
    cr_assert_str_eq(tide_error_name(TIDE_ERR_CORRUPT), "CORRUPT");
}

Test(assert, false_aborts, .signal = SIGABRT)
{
    TIDE_ASSERT(1 + 1 == 3);
}

Test(assert, true_goes_on)
{
    TIDE_ASSERT(1 + 1 == 2);
}

static void
handler_exits(const char *file, int line, const char *what)
{
    int is_known = strstr(file, "test_error.c") != NULL && line > 0 && strcmp(what, "never") == 0;
    _exit(is_known ? 42 : 43);
}

Test(assert, handler_is_told_what_broke, .exit_code = 42)
{
    int never = 0;
    tide_fatal_handler_set(handler_exits);
    TIDE_ASSERT(never);
}

static void
handler_returns(const char *file, int line, const char *what)
{
    (void)file;
    (void)line;
    (void)what;
}

Test(assert, handler_that_returns_aborts, .signal = SIGABRT)
{
    tide_fatal_handler_set(handler_returns);
    TIDE_UNREACHABLE("here");
}
