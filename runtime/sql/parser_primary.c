/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Primaries: what stands between operators: literals, names and stars, parentheses, CASE, CAST, and
 * the postfix forms [index], .field and :: behind any of them. Words are keywords only where
 * Spark's default grammar makes them so: "end" alone is a column. Threads: any.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sql/decimal.h"
#include "sql/parser.h"

/* Makes a node of the current token's text and takes the token. */
static int
take_leaf(struct tide_parser *p, enum tide_ast_kind kind, struct tide_ast **out)
{
    struct tide_ast *node = tide_parser_node(p, kind, p->token.at, NULL, 0);
    int rc;
    if (node == NULL) {
        return p->err->code;
    }
    rc = tide_parser_next(p);
    node->end = p->end;
    *out = node;
    return rc;
}

/* The text of the current STRING and of those that follow it directly ('a' 'b' is 'ab'). */
static int
parse_string(struct tide_parser *p, struct tide_ast **out)
{
    struct tide_ast *node = tide_parser_node(p, TIDE_AST_LITERAL, p->token.at, NULL, 0);
    char *text;
    uint32_t n = 0;
    int rc = TIDE_OK;
    if (node == NULL) {
        return p->err->code;
    }
    text = tide_type_arena_alloc(p->arena, p->lexer.len - p->token.at);
    if (text == NULL) {
        return tide_error_set(p->err, TIDE_ERR_NOMEM, "no memory for a text");
    }
    while (rc == TIDE_OK && p->token.kind == TIDE_TOKEN_STRING) {
        n += tide_token_unquote(&p->lexer, &p->token, text + n);
        rc = tide_parser_next(p);
    }
    node->end = p->end;
    node->type = tide_type_of(TIDE_TYPE_STRING);
    node->value = (struct tide_value){.type = &node->type, .bytes = {text, n}};
    *out = node;
    return rc;
}

/* A number, the minus in front of it included. */
static int
parse_number(struct tide_parser *p, struct tide_ast **out)
{
    uint32_t at = p->token.at;
    bool negative = p->token.kind == TIDE_TOKEN_MINUS;
    struct tide_token token;
    struct tide_ast *node = NULL;
    int rc = negative ? tide_parser_next(p) : TIDE_OK;
    if (rc < 0) {
        return rc;
    }
    token = p->token;
    rc = take_leaf(p, TIDE_AST_LITERAL, &node);
    if (rc == TIDE_OK) {
        rc = tide_parse_number(p->arena, p->lexer.text, &token, negative, &node->value, p->err);
    }
    if (rc == TIDE_OK) {
        node->type = *node->value.type;
        node->value.type = &node->type;
        node->at = at;
        *out = node;
    }
    return rc;
}

/* DATE '..' and its like: the word is the current token, a STRING follows. */
static int
parse_typed(struct tide_parser *p, struct tide_ast **out)
{
    char word[32];
    uint32_t at = p->token.at, n = p->token.n < 31 ? p->token.n : 31;
    int rc;
    for (uint32_t i = 0; i < n; i++) {
        char c = p->lexer.text[at + i];
        word[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    word[n] = '\0';
    if (strcmp(word, "interval") == 0) {
        return tide_parser_unsupported(p, at, "intervals are");
    }
    if (!tide_is_typed_literal(word)) {
        return tide_error_set_at(p->err, TIDE_ERR_INVALID, (int32_t)at,
                                 "[PARSE_SYNTAX_ERROR] there are no literals of type '%s'", word);
    }
    rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = parse_string(p, out);
    }
    if (rc < 0) {
        return rc;
    }
    (*out)->kind = TIDE_AST_TYPED;
    (*out)->at = at;
    (*out)->name = tide_type_arena_text(p->arena, word, n);
    return (*out)->name != NULL ? TIDE_OK
                                : tide_error_set(p->err, TIDE_ERR_NOMEM, "no memory for a text");
}

/* a, a.b.c, a.*, *. */
static int
parse_name(struct tide_parser *p, struct tide_ast **out)
{
    const char *parts[16];
    uint32_t at = p->token.at, n = 0;
    struct tide_ast *node;
    struct tide_token next;
    bool star = p->token.kind == TIDE_TOKEN_STAR;
    int rc = star ? tide_parser_next(p) : tide_parser_identifier(p, &parts[n++]);
    while (rc == TIDE_OK && !star && n < 16 && p->token.kind == TIDE_TOKEN_DOT &&
           tide_parser_peek(p, &next) &&
           (next.kind == TIDE_TOKEN_WORD || next.kind == TIDE_TOKEN_QUOTED ||
            next.kind == TIDE_TOKEN_STAR)) {
        star = next.kind == TIDE_TOKEN_STAR;
        rc = tide_parser_next(p);
        if (rc == TIDE_OK) {
            rc = star ? tide_parser_next(p) : tide_parser_identifier(p, &parts[n++]);
        }
    }
    if (rc < 0) {
        return rc;
    }
    node = tide_parser_node(p, star ? TIDE_AST_STAR : TIDE_AST_NAME, at, NULL, 0);
    if (node == NULL) {
        return p->err->code;
    }
    node->parts = tide_type_arena_alloc(p->arena, n * sizeof(parts[0]) + 1);
    if (node->parts == NULL) {
        return tide_error_set(p->err, TIDE_ERR_NOMEM, "no memory for a name");
    }
    memcpy((void *)node->parts, parts, n * sizeof(parts[0]));
    node->n_parts = n;
    *out = node;
    return TIDE_OK;
}

/* A lambda's list of names looks like a row: "(x, y) ->". */
static int
refuse_lambda(struct tide_parser *p, uint32_t at)
{
    return tide_parser_unsupported(p, at, "lambda functions are");
}

/* (expression) or (a, b), which makes a struct. */
static int
parse_parentheses(struct tide_parser *p, struct tide_ast **out)
{
    struct tide_ast_list list = {0};
    uint32_t at = p->token.at;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK && (tide_parser_is(p, "select") || tide_parser_is(p, "with"))) {
        return tide_parser_unsupported(p, at, "subqueries are");
    }
    while (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, out);
        if (rc == TIDE_OK) {
            rc = tide_parser_list_add(p, &list, *out);
        }
        if (rc < 0 || p->token.kind != TIDE_TOKEN_COMMA) {
            break;
        }
        rc = tide_parser_next(p);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_take(p, TIDE_TOKEN_RPAREN, ", or )");
    }
    if (rc < 0) {
        return rc;
    }
    if (p->token.kind == TIDE_TOKEN_ARROW) {
        return refuse_lambda(p, at);
    }
    if (list.n > 1) {
        return tide_parser_call(p, "(", at, list.items, list.n, out);
    }
    if ((*out)->kind == TIDE_AST_STAR) {
        return tide_error_set_at(p->err, TIDE_ERR_INVALID, (int32_t)at,
                                 "[INVALID_USAGE_OF_STAR_OR_REGEX] a star stands without "
                                 "parentheses");
    }
    (*out)->at = at;
    (*out)->end = p->end;
    return TIDE_OK;
}

/* Conditions of CASE x WHEN v are x = v. */
static int
parse_when(struct tide_parser *p, const struct tide_ast *subject, struct tide_ast_list *list)
{
    const struct tide_ast *pair[2] = {subject};
    struct tide_ast *node;
    int rc = tide_parser_take_word(p, "when");
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &node);
    }
    if (rc == TIDE_OK && subject != NULL) {
        pair[1] = node;
        rc = tide_parser_call(p, "=", node->at, pair, 2, &node);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_list_add(p, list, node);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_take_word(p, "then");
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &node);
    }
    return rc == TIDE_OK ? tide_parser_list_add(p, list, node) : rc;
}

static int
parse_case(struct tide_parser *p, struct tide_ast **out)
{
    struct tide_ast_list list = {0};
    struct tide_ast *subject = NULL;
    uint32_t at = p->token.at;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK && !tide_parser_is(p, "when")) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &subject);
    }
    while (rc == TIDE_OK) {
        rc = parse_when(p, subject, &list);
        if (rc < 0 || !tide_parser_is(p, "when")) {
            break;
        }
    }
    if (rc == TIDE_OK && tide_parser_is(p, "else")) {
        rc = tide_parser_next(p);
        if (rc == TIDE_OK) {
            rc = tide_parser_expression(p, TIDE_POWER_ANY, out);
        }
        if (rc == TIDE_OK) {
            rc = tide_parser_list_add(p, &list, *out);
        }
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_take_word(p, "end");
    }
    return rc == TIDE_OK ? tide_parser_call(p, "case", at, list.items, list.n, out) : rc;
}

/* Spark's condition goes in front of why a type was refused. */
static int
refuse_type(struct tide_parser *p, uint32_t at)
{
    struct tide_error why = *p->err;
    const char *condition = "PARSE_SYNTAX_ERROR";
    unsigned precision, scale;
    if (sscanf(why.text, "decimal(%u,%u)", &precision, &scale) == 2) {
        condition = scale > precision && precision <= TIDE_DECIMAL_DIGITS
                        ? "DECIMAL_SCALE_EXCEEDS_PRECISION"
                        : "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION";
    } else if (p->token.kind == TIDE_TOKEN_WORD && !tide_parser_is(p, "as") && why.at == 0) {
        condition = "UNSUPPORTED_DATATYPE";
    }
    return tide_error_set_at(p->err, why.code, (int32_t)at + (why.at > 0 ? why.at : 0),
                             "[%s] %.900s", condition, why.text);
}

/* A type at the current token; afterwards the token behind it is current. */
static int
parse_type(struct tide_parser *p, struct tide_type *out)
{
    uint32_t at = p->token.at;
    size_t end;
    int rc =
        tide_type_parse_prefix(p->arena, p->lexer.text + at, p->lexer.len - at, out, &end, p->err);
    if (rc < 0) {
        return refuse_type(p, at);
    }
    p->lexer.pos = at + (uint32_t)end;
    rc = tide_lexer_next(&p->lexer, &p->token, p->err);
    p->end = at + (uint32_t)end;
    return rc;
}

static int
make_cast(struct tide_parser *p, uint32_t at, const struct tide_ast *arg, bool try_cast,
          const struct tide_type *type, struct tide_ast **out)
{
    struct tide_ast *node = tide_parser_node(p, TIDE_AST_CAST, at, &arg, 1);
    if (node == NULL) {
        return p->err->code;
    }
    node->try_cast = try_cast;
    node->type = *type;
    *out = node;
    return TIDE_OK;
}

/* CAST(x AS type); the current token is the word. */
static int
parse_cast(struct tide_parser *p, struct tide_ast **out)
{
    uint32_t at = p->token.at;
    bool try_cast = tide_parser_is(p, "try_cast");
    struct tide_ast *arg;
    struct tide_type type = {0};
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = tide_parser_take(p, TIDE_TOKEN_LPAREN, "(");
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &arg);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_take_word(p, "as");
    }
    if (rc == TIDE_OK) {
        rc = parse_type(p, &type);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_take(p, TIDE_TOKEN_RPAREN, ")");
    }
    return rc == TIDE_OK ? make_cast(p, at, arg, try_cast, &type, out) : rc;
}

static int
parse_constant(struct tide_parser *p, struct tide_ast **out)
{
    struct tide_ast *node = NULL;
    bool null = tide_parser_is(p, "null"), value = tide_parser_is(p, "true");
    int rc = take_leaf(p, TIDE_AST_LITERAL, &node);
    if (rc < 0) {
        return rc;
    }
    node->type = tide_type_of(null ? TIDE_TYPE_NULL : TIDE_TYPE_BOOLEAN);
    node->value = (struct tide_value){.type = &node->type, .null = null, .i64 = value};
    *out = node;
    return TIDE_OK;
}

/* Whether what follows CASE makes it a CASE rather than a column of that name. */
static bool
begins_expression(const struct tide_token *token)
{
    switch (token->kind) {
    case TIDE_TOKEN_WORD:
    case TIDE_TOKEN_QUOTED:
    case TIDE_TOKEN_STRING:
    case TIDE_TOKEN_NUMBER:
    case TIDE_TOKEN_LPAREN:
    case TIDE_TOKEN_BANG:
    case TIDE_TOKEN_MINUS:
    case TIDE_TOKEN_TILDE:
        return true;
    default:
        return false;
    }
}

static int
parse_word(struct tide_parser *p, struct tide_ast **out)
{
    struct tide_token word = p->token, next;
    if (!tide_parser_peek(p, &next)) {
        next.kind = TIDE_TOKEN_END;
    }
    if (tide_parser_is(p, "null") || tide_parser_is(p, "true") || tide_parser_is(p, "false")) {
        return parse_constant(p, out);
    }
    if (tide_parser_is(p, "case") && begins_expression(&next)) {
        return parse_case(p, out);
    }
    if (next.kind == TIDE_TOKEN_STRING) {
        return parse_typed(p, out);
    }
    if (tide_parser_is(p, "interval") &&
        (next.kind == TIDE_TOKEN_NUMBER || next.kind == TIDE_TOKEN_MINUS)) {
        return tide_parser_unsupported(p, word.at, "intervals are");
    }
    if (next.kind == TIDE_TOKEN_ARROW) {
        return refuse_lambda(p, word.at);
    }
    if (next.kind != TIDE_TOKEN_LPAREN) {
        return parse_name(p, out);
    }
    if (tide_parser_is(p, "cast") || tide_parser_is(p, "try_cast")) {
        return parse_cast(p, out);
    }
    if (tide_parser_next(p) < 0) {
        return p->err->code;
    }
    return tide_parser_function(p, &word, out);
}

/* ---- postfix forms ---- */

static int
parse_index(struct tide_parser *p, struct tide_ast **io)
{
    const struct tide_ast *args[2] = {*io};
    struct tide_ast *index;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &index);
    }
    if (rc == TIDE_OK) {
        args[1] = index;
        rc = tide_parser_take(p, TIDE_TOKEN_RBRACKET, "]");
    }
    if (rc < 0) {
        return rc;
    }
    *io = tide_parser_node(p, TIDE_AST_INDEX, args[0]->at, args, 2);
    return *io != NULL ? TIDE_OK : p->err->code;
}

static int
parse_field(struct tide_parser *p, struct tide_ast **io)
{
    const struct tide_ast *base = *io;
    const char *name;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = tide_parser_identifier(p, &name);
    }
    if (rc < 0) {
        return rc;
    }
    *io = tide_parser_node(p, TIDE_AST_FIELD, base->at, &base, 1);
    if (*io == NULL) {
        return p->err->code;
    }
    (*io)->name = name;
    return TIDE_OK;
}

static int
parse_postfix(struct tide_parser *p, struct tide_ast **io)
{
    struct tide_type type = {0};
    int rc = TIDE_OK;
    while (rc == TIDE_OK) {
        if (p->token.kind == TIDE_TOKEN_LBRACKET) {
            rc = parse_index(p, io);
        } else if (p->token.kind == TIDE_TOKEN_DOT) {
            rc = parse_field(p, io);
        } else if (p->token.kind == TIDE_TOKEN_CAST) {
            rc = tide_parser_next(p);
            if (rc == TIDE_OK) {
                rc = parse_type(p, &type);
            }
            if (rc == TIDE_OK) {
                rc = make_cast(p, (*io)->at, *io, false, &type, io);
            }
        } else {
            break;
        }
    }
    return rc;
}

int
tide_parser_primary(struct tide_parser *p, struct tide_ast **out)
{
    int rc;
    switch (p->token.kind) {
    case TIDE_TOKEN_NUMBER:
    case TIDE_TOKEN_MINUS:
        rc = parse_number(p, out);
        break;
    case TIDE_TOKEN_STRING:
        rc = parse_string(p, out);
        break;
    case TIDE_TOKEN_LPAREN:
        rc = parse_parentheses(p, out);
        break;
    case TIDE_TOKEN_WORD:
        rc = parse_word(p, out);
        break;
    case TIDE_TOKEN_QUOTED:
    case TIDE_TOKEN_STAR:
        rc = parse_name(p, out);
        break;
    case TIDE_TOKEN_COLON:
        return tide_error_set_at(p->err, TIDE_ERR_INVALID, (int32_t)p->token.at,
                                 "[UNBOUND_SQL_PARAMETER] there are no parameters here");
    default:
        return tide_parser_refuse(p, "an expression");
    }
    return rc == TIDE_OK ? parse_postfix(p, out) : rc;
}
