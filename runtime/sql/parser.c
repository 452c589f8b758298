/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser: a Pratt loop. An expression is a primary followed by operators, as long as they bind at
 * least as tightly as the caller asks. The table of powers is that of Spark's grammar
 * (SqlBaseParser.g4): one predicate may follow a value expression, so "a IS NULL = b" is refused
 * and "a = b IS NULL" is (a = b) IS NULL. Recursion is bounded by TIDE_LIMIT_EXPR_DEPTH, the height
 * of the tree by TIDE_LIMIT_EXPR_HEIGHT. Threads: any; all state is in struct tide_parser.
 */
#include "sql/parser.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

/* ---- tokens ---- */

int
tide_parser_next(struct tide_parser *p)
{
    p->end = p->token.at + p->token.n;
    return tide_lexer_next(&p->lexer, &p->token, p->err);
}

/* The token behind the current one; false when it is none. */
bool
tide_parser_peek(const struct tide_parser *p, struct tide_token *out)
{
    struct tide_lexer lexer = p->lexer;
    return tide_lexer_next(&lexer, out, NULL) == TIDE_OK;
}

bool
tide_parser_is(const struct tide_parser *p, const char *word)
{
    return tide_token_is(&p->lexer, &p->token, word);
}

int
tide_parser_refuse(struct tide_parser *p, const char *expected)
{
    uint32_t n = p->token.n > 40 ? 40 : p->token.n;
    if (p->token.kind == TIDE_TOKEN_END) {
        return tide_error_set_at(p->err, TIDE_ERR_INVALID, (int32_t)p->token.at,
                                 "[PARSE_SYNTAX_ERROR] the text ends where %s is expected",
                                 expected);
    }
    return tide_error_set_at(p->err, TIDE_ERR_INVALID, (int32_t)p->token.at,
                             "[PARSE_SYNTAX_ERROR] %s is expected, found '%.*s'", expected, (int)n,
                             p->lexer.text + p->token.at);
}

int
tide_parser_unsupported(struct tide_parser *p, uint32_t at, const char *what)
{
    return tide_error_set_at(p->err, TIDE_ERR_UNSUPPORTED, (int32_t)at,
                             "[UNSUPPORTED_FEATURE] %s not in this version", what);
}

int
tide_parser_take(struct tide_parser *p, enum tide_token_kind kind, const char *what)
{
    return p->token.kind == kind ? tide_parser_next(p) : tide_parser_refuse(p, what);
}

int
tide_parser_take_word(struct tide_parser *p, const char *word)
{
    return tide_parser_is(p, word) ? tide_parser_next(p) : tide_parser_refuse(p, word);
}

/* ---- nodes ---- */

static int
out_of_memory(struct tide_parser *p)
{
    return tide_error_set(p->err, TIDE_ERR_NOMEM, "no memory for an expression");
}

struct tide_ast *
tide_parser_node(struct tide_parser *p, enum tide_ast_kind kind, uint32_t at,
                 const struct tide_ast *const *args, uint32_t n_args)
{
    struct tide_ast *node =
        tide_type_arena_alloc(p->arena, sizeof(*node) + n_args * sizeof(node->args[0]));
    if (node == NULL) {
        out_of_memory(p);
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->at = at;
    node->end = p->end;
    node->n_args = n_args;
    node->args = (const struct tide_ast **)(node + 1);
    for (uint32_t i = 0; i < n_args; i++) {
        node->args[i] = args[i];
        node->height = args[i]->height > node->height ? args[i]->height : node->height;
    }
    if (node->height++ >= TIDE_LIMIT_EXPR_HEIGHT) {
        tide_error_set_at(p->err, TIDE_ERR_LIMIT, (int32_t)at,
                          "the expression is more than %u levels high", TIDE_LIMIT_EXPR_HEIGHT);
        return NULL;
    }
    return node;
}

int
tide_parser_call(struct tide_parser *p, const char *name, uint32_t at,
                 const struct tide_ast *const *args, uint32_t n_args, struct tide_ast **out)
{
    struct tide_ast *node = tide_parser_node(p, TIDE_AST_CALL, at, args, n_args);
    if (node == NULL) {
        return p->err->code;
    }
    node->name = name;
    *out = node;
    return TIDE_OK;
}

int
tide_parser_list_add(struct tide_parser *p, struct tide_ast_list *list, const struct tide_ast *item)
{
    if (list->n == TIDE_PARSER_LIST_MAX) {
        return tide_error_set_at(p->err, TIDE_ERR_LIMIT, (int32_t)p->token.at,
                                 "a list of more than %u expressions", TIDE_PARSER_LIST_MAX);
    }
    list->items[list->n++] = item;
    return TIDE_OK;
}

int
tide_parser_literal_bool(struct tide_parser *p, bool value, struct tide_ast **out)
{
    struct tide_ast *node = tide_parser_node(p, TIDE_AST_LITERAL, p->token.at, NULL, 0);
    if (node == NULL) {
        return p->err->code;
    }
    node->type = tide_type_of(TIDE_TYPE_BOOLEAN);
    node->value = (struct tide_value){.type = &node->type, .i64 = value};
    *out = node;
    return TIDE_OK;
}

/* A name: a word or a quoted identifier. */
int
tide_parser_identifier(struct tide_parser *p, const char **out)
{
    char *name;
    uint32_t n = p->token.n;
    if (p->token.kind != TIDE_TOKEN_WORD && p->token.kind != TIDE_TOKEN_QUOTED) {
        return tide_parser_refuse(p, "a name");
    }
    name = tide_type_arena_alloc(p->arena, n + 1);
    if (name == NULL) {
        return out_of_memory(p);
    }
    if (p->token.kind == TIDE_TOKEN_QUOTED) {
        n = tide_token_unquote(&p->lexer, &p->token, name);
    } else {
        memcpy(name, p->lexer.text + p->token.at, n);
    }
    name[n] = '\0';
    *out = name;
    return tide_parser_next(p);
}

/* ---- predicates ---- */

static int
negate(struct tide_parser *p, bool negated, struct tide_ast **io)
{
    const struct tide_ast *arg = *io;
    return negated ? tide_parser_call(p, "not", arg->at, &arg, 1, io) : TIDE_OK;
}

static int
parse_between(struct tide_parser *p, const struct tide_ast *left, struct tide_ast **out)
{
    const struct tide_ast *args[3] = {left};
    struct tide_ast *bound;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_COMPARE, &bound);
    }
    if (rc == TIDE_OK) {
        args[1] = bound;
        rc = tide_parser_take_word(p, "and");
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_COMPARE, &bound);
    }
    if (rc == TIDE_OK) {
        args[2] = bound;
        rc = tide_parser_call(p, "between", left->at, args, 3, out);
    }
    return rc;
}

/* "(a, b, c)" behind IN or LIKE ANY. */
static int
parse_parenthesised(struct tide_parser *p, struct tide_ast_list *list)
{
    int rc = tide_parser_take(p, TIDE_TOKEN_LPAREN, "(");
    if (rc == TIDE_OK && (tide_parser_is(p, "select") || tide_parser_is(p, "with"))) {
        return tide_parser_unsupported(p, p->token.at, "subqueries are");
    }
    if (rc == TIDE_OK && p->token.kind == TIDE_TOKEN_RPAREN) {
        return tide_error_set_at(p->err, TIDE_ERR_INVALID, (int32_t)p->token.at,
                                 "[INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE] the list behind IN is "
                                 "empty");
    }
    while (rc == TIDE_OK) {
        struct tide_ast *item;
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &item);
        if (rc == TIDE_OK) {
            rc = tide_parser_list_add(p, list, item);
        }
        if (rc == TIDE_OK && p->token.kind != TIDE_TOKEN_COMMA) {
            return tide_parser_take(p, TIDE_TOKEN_RPAREN, ", or )");
        }
        if (rc == TIDE_OK) {
            rc = tide_parser_next(p);
        }
    }
    return rc;
}

static int
parse_in(struct tide_parser *p, const struct tide_ast *left, struct tide_ast **out)
{
    struct tide_ast_list list = {.n = 1, .items = {left}};
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = parse_parenthesised(p, &list);
    }
    return rc == TIDE_OK ? tide_parser_call(p, "in", left->at, list.items, list.n, out) : rc;
}

/* left LIKE ANY (..) is an OR of LIKEs, ALL an AND; NOT goes to each LIKE. */
static int
parse_like_many(struct tide_parser *p, const char *name, const struct tide_ast *left, bool negated,
                struct tide_ast **out)
{
    struct tide_ast_list list = {0};
    bool all = tide_parser_is(p, "all");
    const struct tide_ast *pair[2] = {NULL};
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = parse_parenthesised(p, &list);
    }
    for (uint32_t i = 0; i < list.n && rc == TIDE_OK; i++) {
        const struct tide_ast *args[2] = {left, list.items[i]};
        rc = tide_parser_call(p, name, left->at, args, 2, out);
        if (rc == TIDE_OK) {
            rc = negate(p, negated, out);
        }
        pair[1] = *out;
        if (rc == TIDE_OK && pair[0] != NULL) {
            rc = tide_parser_call(p, all ? "and" : "or", left->at, pair, 2, out);
        }
        pair[0] = *out;
    }
    return rc;
}

/* LIKE, ILIKE, RLIKE, REGEXP behind @left; the current token is the word. */
static int
parse_like(struct tide_parser *p, const struct tide_ast *left, bool negated, struct tide_ast **out)
{
    const char *name = tide_parser_is(p, "like")    ? "like"
                       : tide_parser_is(p, "ilike") ? "ilike"
                                                    : "rlike";
    const struct tide_ast *args[3] = {left};
    struct tide_ast *operand;
    uint32_t n = 2;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK && name[0] != 'r' &&
        (tide_parser_is(p, "any") || tide_parser_is(p, "some") || tide_parser_is(p, "all"))) {
        return parse_like_many(p, name, left, negated, out);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_COMPARE, &operand);
    }
    if (rc == TIDE_OK) {
        args[1] = operand;
    }
    if (rc == TIDE_OK && name[0] != 'r' && tide_parser_is(p, "escape")) {
        rc = tide_parser_next(p);
        if (rc == TIDE_OK) {
            rc = tide_parser_expression(p, TIDE_POWER_UNARY, &operand);
        }
        if (rc == TIDE_OK) {
            args[n++] = operand;
        }
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_call(p, name, left->at, args, n, out);
    }
    return rc == TIDE_OK ? negate(p, negated, out) : rc;
}

/* IS [NOT] DISTINCT FROM right; the current token is DISTINCT. */
static int
parse_distinct(struct tide_parser *p, const struct tide_ast *left, bool negated,
               struct tide_ast **out)
{
    const struct tide_ast *args[2] = {left};
    struct tide_ast *right;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = tide_parser_take_word(p, "from");
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_COMPARE, &right);
    }
    if (rc == TIDE_OK) {
        args[1] = right;
        rc = tide_parser_call(p, "<=>", left->at, args, 2, out);
    }
    return rc == TIDE_OK ? negate(p, !negated, out) : rc;
}

/* IS ...; the current token is IS. */
static int
parse_is(struct tide_parser *p, const struct tide_ast *left, struct tide_ast **out)
{
    const struct tide_ast *args[2] = {left};
    struct tide_ast *truth;
    bool negated;
    int rc = tide_parser_next(p);
    negated = rc == TIDE_OK && tide_parser_is(p, "not");
    if (negated) {
        rc = tide_parser_next(p);
    }
    if (rc < 0) {
        return rc;
    }
    if (tide_parser_is(p, "null") || tide_parser_is(p, "unknown")) {
        rc = tide_parser_next(p);
        return rc < 0
                   ? rc
                   : tide_parser_call(p, negated ? "isnotnull" : "isnull", left->at, args, 1, out);
    }
    if (tide_parser_is(p, "distinct")) {
        return parse_distinct(p, left, negated, out);
    }
    if (!tide_parser_is(p, "true") && !tide_parser_is(p, "false")) {
        return tide_parser_refuse(p, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM");
    }
    rc = tide_parser_literal_bool(p, tide_parser_is(p, "true"), &truth);
    if (rc == TIDE_OK) {
        rc = tide_parser_next(p);
    }
    if (rc == TIDE_OK) {
        args[1] = truth;
        rc = tide_parser_call(p, "<=>", left->at, args, 2, out);
    }
    return rc == TIDE_OK ? negate(p, negated, out) : rc;
}

static bool
begins_like(const struct tide_lexer *lexer, const struct tide_token *token)
{
    return tide_token_is(lexer, token, "like") || tide_token_is(lexer, token, "ilike") ||
           tide_token_is(lexer, token, "rlike") || tide_token_is(lexer, token, "regexp");
}

/* Whether the current token begins a predicate. */
static bool
begins_predicate(const struct tide_parser *p)
{
    struct tide_token next;
    if (tide_parser_is(p, "not")) {
        return tide_parser_peek(p, &next) &&
               (begins_like(&p->lexer, &next) || tide_token_is(&p->lexer, &next, "between") ||
                tide_token_is(&p->lexer, &next, "in"));
    }
    return begins_like(&p->lexer, &p->token) || tide_parser_is(p, "between") ||
           tide_parser_is(p, "in") || tide_parser_is(p, "is");
}

static int
parse_predicate(struct tide_parser *p, const struct tide_ast *left, struct tide_ast **out)
{
    bool negated = tide_parser_is(p, "not");
    int rc = negated ? tide_parser_next(p) : TIDE_OK;
    if (rc < 0) {
        return rc;
    }
    if (tide_parser_is(p, "is")) {
        return parse_is(p, left, out);
    }
    if (begins_like(&p->lexer, &p->token)) {
        return parse_like(p, left, negated, out);
    }
    rc = tide_parser_is(p, "in") ? parse_in(p, left, out) : parse_between(p, left, out);
    return rc == TIDE_OK ? negate(p, negated, out) : rc;
}

/* ---- operators ---- */

static const struct {
    enum tide_token_kind kind;
    enum tide_power power;
    const char *name;
} binary[] = {
    {TIDE_TOKEN_EQ, TIDE_POWER_COMPARE, "="},
    {TIDE_TOKEN_EQ_NULL, TIDE_POWER_COMPARE, "<=>"},
    {TIDE_TOKEN_NE, TIDE_POWER_COMPARE, "<>"},
    {TIDE_TOKEN_LT, TIDE_POWER_COMPARE, "<"},
    {TIDE_TOKEN_LE, TIDE_POWER_COMPARE, "<="},
    {TIDE_TOKEN_GT, TIDE_POWER_COMPARE, ">"},
    {TIDE_TOKEN_GE, TIDE_POWER_COMPARE, ">="},
    {TIDE_TOKEN_PIPE, TIDE_POWER_PIPE, "|"},
    {TIDE_TOKEN_HAT, TIDE_POWER_HAT, "^"},
    {TIDE_TOKEN_AMPERSAND, TIDE_POWER_AMPERSAND, "&"},
    {TIDE_TOKEN_SHIFT_LEFT, TIDE_POWER_SHIFT, "<<"},
    {TIDE_TOKEN_SHIFT_RIGHT, TIDE_POWER_SHIFT, ">>"},
    {TIDE_TOKEN_SHIFT_RIGHT_UNSIGNED, TIDE_POWER_SHIFT, ">>>"},
    {TIDE_TOKEN_PLUS, TIDE_POWER_SUM, "+"},
    {TIDE_TOKEN_MINUS, TIDE_POWER_SUM, "-"},
    {TIDE_TOKEN_CONCAT, TIDE_POWER_SUM, "concat"},
    {TIDE_TOKEN_STAR, TIDE_POWER_PRODUCT, "*"},
    {TIDE_TOKEN_SLASH, TIDE_POWER_PRODUCT, "/"},
    {TIDE_TOKEN_PERCENT, TIDE_POWER_PRODUCT, "%"},
};

/* The binary operator that the current token is: its power, or TIDE_POWER_ANY when it is none. */
static enum tide_power
binary_power(const struct tide_parser *p, const char **name)
{
    static const struct {
        const char *word;
        enum tide_power power;
    } words[] = {{"or", TIDE_POWER_OR}, {"and", TIDE_POWER_AND}, {"div", TIDE_POWER_PRODUCT}};
    for (size_t i = 0; i < sizeof(binary) / sizeof(binary[0]); i++) {
        if (binary[i].kind == p->token.kind) {
            *name = binary[i].name;
            return binary[i].power;
        }
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (tide_parser_is(p, words[i].word)) {
            *name = words[i].word;
            return words[i].power;
        }
    }
    return TIDE_POWER_ANY;
}

static int
parse_binary(struct tide_parser *p, const char *name, enum tide_power power,
             const struct tide_ast *left, struct tide_ast **out)
{
    const struct tide_ast *args[2] = {left};
    struct tide_ast *right;
    bool unequal = strcmp(name, "<>") == 0;
    int rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, power + 1, &right);
    }
    if (rc == TIDE_OK) {
        args[1] = right;
        rc = tide_parser_call(p, unequal ? "=" : name, left->at, args, 2, out);
    }
    return rc == TIDE_OK ? negate(p, unequal, out) : rc;
}

/* NOT, !, and the signs. */
static int
parse_prefix(struct tide_parser *p, enum tide_power min, struct tide_ast **out)
{
    static const char *const names[] = {"positive", "negative", "~"};
    uint32_t at = p->token.at;
    const struct tide_ast *arg;
    struct tide_ast *operand;
    bool not = tide_parser_is(p, "not") || p->token.kind == TIDE_TOKEN_BANG;
    int sign = p->token.kind == TIDE_TOKEN_PLUS    ? 0
               : p->token.kind == TIDE_TOKEN_MINUS ? 1
               : p->token.kind == TIDE_TOKEN_TILDE ? 2
                                                   : -1;
    struct tide_token next;
    int rc;
    if (not &&min > TIDE_POWER_NOT) {
        return tide_parser_refuse(p, "a value");
    }
    if (sign == 1 && tide_parser_peek(p, &next) && next.kind == TIDE_TOKEN_NUMBER) {
        return tide_parser_primary(p, out);
    }
    if (!not &&sign < 0) {
        return tide_parser_primary(p, out);
    }
    rc = tide_parser_next(p);
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, not ? TIDE_POWER_NOT : TIDE_POWER_UNARY, &operand);
    }
    if (rc < 0) {
        return rc;
    }
    arg = operand;
    return tide_parser_call(p, not ? "not" : names[sign], at, &arg, 1, out);
}

static int
parse_operators(struct tide_parser *p, enum tide_power min, struct tide_ast **io)
{
    enum tide_power limit = TIDE_POWER_POSTFIX;
    for (;;) {
        const char *name = NULL;
        enum tide_power power = TIDE_POWER_PREDICATE;
        int rc;
        if (begins_predicate(p)) {
            if (min > power || limit <= power) {
                return TIDE_OK;
            }
            rc = parse_predicate(p, *io, io);
            limit = power;
        } else {
            power = binary_power(p, &name);
            if (power == TIDE_POWER_ANY || power < min || power >= limit) {
                return TIDE_OK;
            }
            rc = parse_binary(p, name, power, *io, io);
            limit = power <= TIDE_POWER_AND ? TIDE_POWER_PREDICATE : limit;
        }
        if (rc < 0) {
            return rc;
        }
    }
}

int
tide_parser_expression(struct tide_parser *p, enum tide_power min, struct tide_ast **out)
{
    int rc;
    if (p->depth == TIDE_LIMIT_EXPR_DEPTH) {
        return tide_error_set_at(p->err, TIDE_ERR_LIMIT, (int32_t)p->token.at,
                                 "expressions nest deeper than %u levels", TIDE_LIMIT_EXPR_DEPTH);
    }
    p->depth++;
    rc = parse_prefix(p, min, out);
    if (rc == TIDE_OK) {
        rc = parse_operators(p, min, out);
    }
    p->depth--;
    return rc;
}

/* ---- items ---- */

/* AS (a, b); the current token is "(". */
static int
parse_alias_list(struct tide_parser *p, struct tide_ast *alias)
{
    const char *names[8];
    uint32_t n = 0;
    int rc = tide_parser_next(p);
    while (rc == TIDE_OK && n < 8) {
        rc = tide_parser_identifier(p, &names[n++]);
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
    alias->n_parts = n;
    alias->parts = tide_type_arena_alloc(p->arena, n * sizeof(names[0]));
    if (alias->parts == NULL) {
        return out_of_memory(p);
    }
    memcpy((void *)alias->parts, names, n * sizeof(names[0]));
    return TIDE_OK;
}

/* [AS] name behind an expression; leaves *@io alone when there is none. */
int
tide_parser_alias(struct tide_parser *p, struct tide_ast **io)
{
    const struct tide_ast *bare = *io;
    struct tide_ast *alias;
    const char **parts;
    bool as = tide_parser_is(p, "as");
    int rc = as ? tide_parser_next(p) : TIDE_OK;
    if (rc < 0 || (!as && p->token.kind != TIDE_TOKEN_WORD && p->token.kind != TIDE_TOKEN_QUOTED)) {
        return rc;
    }
    alias = tide_parser_node(p, TIDE_AST_ALIAS, bare->at, &bare, 1);
    if (alias == NULL) {
        return p->err->code;
    }
    if (as && p->token.kind == TIDE_TOKEN_LPAREN) {
        rc = parse_alias_list(p, alias);
    } else {
        parts = tide_type_arena_alloc(p->arena, sizeof(*parts));
        if (parts == NULL) {
            return out_of_memory(p);
        }
        rc = tide_parser_identifier(p, parts);
        alias->parts = parts;
        alias->n_parts = 1;
    }
    alias->end = p->end;
    *io = alias;
    return rc;
}

int
tide_parse_item(struct tide_type_arena *arena, const char *text, size_t len,
                const struct tide_ast **out, struct tide_error *err)
{
    struct tide_error local = {0};
    struct tide_parser p = {.arena = arena, .err = err != NULL ? err : &local};
    struct tide_ast *item;
    int rc;
    if (len > TIDE_LIMIT_YAML_BYTES) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "an expression of %zu bytes", len);
    }
    tide_lexer_init(&p.lexer, text, (uint32_t)len);
    rc = tide_lexer_next(&p.lexer, &p.token, p.err);
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(&p, TIDE_POWER_ANY, &item);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_alias(&p, &item);
    }
    if (rc == TIDE_OK && p.token.kind != TIDE_TOKEN_END) {
        rc = tide_parser_refuse(&p, "the end of the expression");
    }
    if (rc == TIDE_OK) {
        *out = item;
    }
    return rc;
}
