/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lexer: Spark SQL text to tokens, one at a time.
 *
 * A token is a span of the text; nothing is copied or allocated. Keywords are plain identifiers
 * here: which words are keywords depends on the place, and the parser knows it.
 */
#ifndef TIDE_SQL_LEXER_H
#define TIDE_SQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

enum tide_token_kind {
    TIDE_TOKEN_END,
    TIDE_TOKEN_WORD,                 /* identifier or keyword */
    TIDE_TOKEN_QUOTED,               /* `identifier`, quotes included */
    TIDE_TOKEN_STRING,               /* '..', "..", r'..', quotes and r included */
    TIDE_TOKEN_NUMBER,               /* suffix included, see `suffix` */
    TIDE_TOKEN_EQ,                   /* = == */
    TIDE_TOKEN_EQ_NULL,              /* <=> */
    TIDE_TOKEN_NE,                   /* <> != */
    TIDE_TOKEN_SHIFT_LEFT,           /* << */
    TIDE_TOKEN_SHIFT_RIGHT,          /* >> */
    TIDE_TOKEN_SHIFT_RIGHT_UNSIGNED, /* >>> */
    TIDE_TOKEN_LT,
    TIDE_TOKEN_LE,
    TIDE_TOKEN_GT,
    TIDE_TOKEN_GE,
    TIDE_TOKEN_PLUS,
    TIDE_TOKEN_MINUS,
    TIDE_TOKEN_STAR,
    TIDE_TOKEN_SLASH,
    TIDE_TOKEN_PERCENT,
    TIDE_TOKEN_TILDE,
    TIDE_TOKEN_AMPERSAND,
    TIDE_TOKEN_PIPE,
    TIDE_TOKEN_CONCAT, /* || */
    TIDE_TOKEN_HAT,
    TIDE_TOKEN_BANG,
    TIDE_TOKEN_LPAREN,
    TIDE_TOKEN_RPAREN,
    TIDE_TOKEN_LBRACKET,
    TIDE_TOKEN_RBRACKET,
    TIDE_TOKEN_COMMA,
    TIDE_TOKEN_DOT,
    TIDE_TOKEN_COLON,
    TIDE_TOKEN_CAST, /* :: */
    TIDE_TOKEN_ARROW,
};

/* What kind of number a NUMBER is. */
enum tide_number_kind {
    TIDE_NUMBER_INTEGER,
    TIDE_NUMBER_DECIMAL,  /* 1.5 */
    TIDE_NUMBER_EXPONENT, /* 1e3 */
    TIDE_NUMBER_TINYINT,  /* Y */
    TIDE_NUMBER_SMALLINT, /* S */
    TIDE_NUMBER_BIGINT,   /* L */
    TIDE_NUMBER_FLOAT,    /* F */
    TIDE_NUMBER_DOUBLE,   /* D */
    TIDE_NUMBER_BD,       /* BD */
};

struct tide_token {
    enum tide_token_kind kind;
    enum tide_number_kind number;
    uint32_t at, n; /* span of the text */
};

struct tide_lexer {
    const char *text;
    uint32_t len, pos;
};

/* Starts at the beginning of @len bytes. @thread any */
void tide_lexer_init(struct tide_lexer *lexer, const char *text, uint32_t len);

/* The next token, END at the end. Errors with their place: TIDE_ERR_INVALID for unclosed quotes and
 * comments and for characters of no token. @thread any */
int tide_lexer_next(struct tide_lexer *lexer, struct tide_token *out, struct tide_error *err);

/* Whether the token is the word @word (lower case), in any case. @thread any */
bool tide_token_is(const struct tide_lexer *lexer, const struct tide_token *token,
                   const char *word);

/*
 * The value of a STRING or QUOTED token: escapes resolved as Spark does ("\%" and "\_" stay).
 * @out has room for the token's length; returns the bytes written. @thread any
 */
uint32_t tide_token_unquote(const struct tide_lexer *lexer, const struct tide_token *token,
                            char *out);

#endif
