/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lexer: tokens, numbers, quotes and escapes, comments.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sql/lexer.h"

static void
expect_kinds(const char *text, const enum tide_token_kind *kinds, size_t n)
{
    struct tide_lexer lexer;
    struct tide_token token;
    tide_lexer_init(&lexer, text, (uint32_t)strlen(text));
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(tide_lexer_next(&lexer, &token, NULL), 0, "%s, token %zu", text, i);
        cr_assert_eq(token.kind, kinds[i], "%s, token %zu: %d", text, i, (int)token.kind);
    }
    cr_assert_eq(tide_lexer_next(&lexer, &token, NULL), 0);
    cr_assert_eq(token.kind, TIDE_TOKEN_END, "%s", text);
}

#define EXPECT(text, ...)                                              \
    expect_kinds(text, (const enum tide_token_kind[]){__VA_ARGS__},    \
                 sizeof((const enum tide_token_kind[]){__VA_ARGS__}) / \
                     sizeof(enum tide_token_kind))

Test(lexer, operators)
{
    EXPECT("a<=>b", TIDE_TOKEN_WORD, TIDE_TOKEN_EQ_NULL, TIDE_TOKEN_WORD);
    EXPECT("a<=b", TIDE_TOKEN_WORD, TIDE_TOKEN_LE, TIDE_TOKEN_WORD);
    EXPECT("a<>b!=c", TIDE_TOKEN_WORD, TIDE_TOKEN_NE, TIDE_TOKEN_WORD, TIDE_TOKEN_NE,
           TIDE_TOKEN_WORD);
    EXPECT("a||b|c", TIDE_TOKEN_WORD, TIDE_TOKEN_CONCAT, TIDE_TOKEN_WORD, TIDE_TOKEN_PIPE,
           TIDE_TOKEN_WORD);
    EXPECT("a::int", TIDE_TOKEN_WORD, TIDE_TOKEN_CAST, TIDE_TOKEN_WORD);
    EXPECT("a>>>b>>c", TIDE_TOKEN_WORD, TIDE_TOKEN_SHIFT_RIGHT_UNSIGNED, TIDE_TOKEN_WORD,
           TIDE_TOKEN_SHIFT_RIGHT, TIDE_TOKEN_WORD);
}

Test(lexer, numbers_and_words)
{
    EXPECT("1 1.5 .5 5. 1e3 1E-3 10L 1Y 1S 1F 1.5D 1BD", TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER,
           TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER,
           TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER,
           TIDE_TOKEN_NUMBER, TIDE_TOKEN_NUMBER);
    EXPECT("1a", TIDE_TOKEN_WORD);
    EXPECT("_x1", TIDE_TOKEN_WORD);
    EXPECT("t.a", TIDE_TOKEN_WORD, TIDE_TOKEN_DOT, TIDE_TOKEN_WORD);
}

Test(lexer, comments)
{
    EXPECT("a -- rest\n+ b", TIDE_TOKEN_WORD, TIDE_TOKEN_PLUS, TIDE_TOKEN_WORD);
    EXPECT("a /* x /* nested */ y */ b", TIDE_TOKEN_WORD, TIDE_TOKEN_WORD);
}

static void
expect_error(const char *text, int32_t at)
{
    struct tide_lexer lexer;
    struct tide_token token = {.kind = TIDE_TOKEN_WORD};
    struct tide_error err = {.at = -1};
    int rc = 0;
    tide_lexer_init(&lexer, text, (uint32_t)strlen(text));
    while (rc == 0 && token.kind != TIDE_TOKEN_END) {
        rc = tide_lexer_next(&lexer, &token, &err);
    }
    cr_assert_eq(rc, TIDE_ERR_INVALID, "%s", text);
    cr_assert_eq(err.at, at, "%s: at %d", text, err.at);
}

Test(lexer, errors_have_a_place)
{
    expect_error("a + 'b", 4);
    expect_error("`a", 0);
    expect_error("a /* b", 2);
    expect_error("a ? b", 2);
    expect_error("a @ b", 2);
}

static void
expect_text(const char *text, const char *expected, size_t n)
{
    struct tide_lexer lexer;
    struct tide_token token;
    char out[256];
    uint32_t len;
    tide_lexer_init(&lexer, text, (uint32_t)strlen(text));
    cr_assert_eq(tide_lexer_next(&lexer, &token, NULL), 0);
    len = tide_token_unquote(&lexer, &token, out);
    cr_assert_eq(len, n, "%s: %u bytes", text, len);
    cr_assert_eq(memcmp(out, expected, n), 0, "%s: %.*s", text, (int)len, out);
}

/* Expected texts are Spark's (SparkParserUtils.unescapeSQLString). */
Test(lexer, escapes)
{
    expect_text("'it''s'", "it's", 4);
    expect_text("'a\\nb\\tc'", "a\nb\tc", 5);
    expect_text("'100\\%'", "100\\%", 5);
    expect_text("'a\\_b'", "a\\_b", 4);
    expect_text("'\\u0041\\U0001F600'", "A\xF0\x9F\x98\x80", 5);
    expect_text("'\\uD83D\\uDE00'", "\xF0\x9F\x98\x80", 4);
    expect_text("'\\101\\0'", "A\0", 2);
    expect_text("'\\Z\\q'", "\x1aq", 2);
    expect_text("r'\\d+\\n'", "\\d+\\n", 5);
    expect_text("R\"x\\y\"", "x\\y", 3);
    expect_text("`a``b`", "a`b", 3);
}
