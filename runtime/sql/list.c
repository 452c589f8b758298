/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Select lists as text: where its items are. Commas inside quotes, comments and brackets do not
 * count. Threads: any.
 */
#include <string.h>

#include "sql/ast.h"
#include "sql/lexer.h"
#include "sql/sql.h"

#define NESTING_MAX 256u

struct splitter {
    struct tide_lexer lexer;
    char open[NESTING_MAX]; /* brackets that are open */
    uint32_t places[NESTING_MAX];
    uint32_t depth;
    uint32_t begin, end; /* of the item being read; begin == UINT32_MAX: none yet */
    uint32_t n, max;
    struct tide_sql_span *out;
    struct tide_error *err;
};

static int
open_bracket(struct splitter *s, const struct tide_token *token)
{
    if (s->depth == NESTING_MAX) {
        return tide_error_set_at(s->err, TIDE_ERR_LIMIT, (int32_t)token->at,
                                 "brackets nest deeper than %u levels", NESTING_MAX);
    }
    s->places[s->depth] = token->at;
    s->open[s->depth++] = token->kind == TIDE_TOKEN_LPAREN ? ')' : ']';
    return TIDE_OK;
}

static int
close_bracket(struct splitter *s, const struct tide_token *token)
{
    char bracket = s->lexer.text[token->at];
    if (s->depth == 0 || s->open[s->depth - 1] != bracket) {
        return tide_error_set_at(s->err, TIDE_ERR_INVALID, (int32_t)token->at,
                                 "[PARSE_SYNTAX_ERROR] a %c without its opening bracket", bracket);
    }
    s->depth--;
    return TIDE_OK;
}

static int
end_item(struct splitter *s, uint32_t at)
{
    if (s->begin == UINT32_MAX) {
        return tide_error_set_at(s->err, TIDE_ERR_INVALID, (int32_t)at,
                                 "[PARSE_SYNTAX_ERROR] an expression is missing here");
    }
    if (s->n < s->max) {
        s->out[s->n] = (struct tide_sql_span){s->begin, s->end - s->begin};
    }
    s->n++;
    s->begin = UINT32_MAX;
    return TIDE_OK;
}

static int
take(struct splitter *s, const struct tide_token *token)
{
    int rc = TIDE_OK;
    if (token->kind == TIDE_TOKEN_COMMA && s->depth == 0) {
        return end_item(s, token->at);
    }
    if (token->kind == TIDE_TOKEN_LPAREN || token->kind == TIDE_TOKEN_LBRACKET) {
        rc = open_bracket(s, token);
    } else if (token->kind == TIDE_TOKEN_RPAREN || token->kind == TIDE_TOKEN_RBRACKET) {
        rc = close_bracket(s, token);
    }
    s->begin = s->begin == UINT32_MAX ? token->at : s->begin;
    s->end = token->at + token->n;
    return rc;
}

int
tide_sql_split_top_level(const char *text, size_t len, struct tide_sql_span *out, uint32_t max,
                         uint32_t *out_n, struct tide_error *err)
{
    struct splitter s = {.begin = UINT32_MAX, .max = max, .out = out, .err = err};
    struct tide_token token = {0};
    int rc;
    tide_lexer_init(&s.lexer, text, (uint32_t)len);
    do {
        rc = tide_lexer_next(&s.lexer, &token, err);
        if (rc == TIDE_OK && token.kind != TIDE_TOKEN_END) {
            rc = take(&s, &token);
        }
    } while (rc == TIDE_OK && token.kind != TIDE_TOKEN_END);
    if (rc == TIDE_OK && s.depth > 0) {
        uint32_t at = s.places[s.depth - 1];
        rc = tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)at,
                               "[PARSE_SYNTAX_ERROR] the %c that begins here is never closed",
                               text[at]);
    }
    if (rc == TIDE_OK) {
        rc = end_item(&s, (uint32_t)len);
    }
    if (rc == TIDE_OK) {
        *out_n = s.n;
    }
    return rc;
}

static int
parse_span(const struct tide_seam *seam, const char *text, struct tide_sql_span span,
           struct tide_error *err)
{
    struct tide_type_arena arena;
    const struct tide_ast *ast;
    int rc;
    tide_type_arena_init(&arena, seam);
    rc = tide_parse_item(&arena, text + span.at, span.n, &ast, err);
    tide_type_arena_fini(&arena);
    if (rc < 0 && err != NULL && err->at >= 0) {
        err->at += (int32_t)span.at;
    }
    return rc;
}

int
tide_sql_parse_list(const struct tide_seam *seam, const char *text, size_t len,
                    struct tide_sql_span *out, uint32_t max, uint32_t *out_n,
                    struct tide_error *err)
{
    uint32_t n;
    int rc = tide_sql_split_top_level(text, len, out, max, &n, err);
    for (uint32_t i = 0; rc == TIDE_OK && i < n && i < max; i++) {
        rc = parse_span(seam, text, out[i], err);
    }
    if (rc == TIDE_OK) {
        *out_n = n;
    }
    return rc;
}

int
tide_sql_parse_item(const struct tide_seam *seam, const char *text, struct tide_error *err)
{
    return parse_span(seam, text, (struct tide_sql_span){0, (uint32_t)strlen(text)}, err);
}
