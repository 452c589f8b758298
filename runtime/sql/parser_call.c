/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: name(args), and the functions whose arguments the SQL standard spells with words:
 * TRIM(BOTH x FROM y), SUBSTRING(s FROM 1 FOR 2), POSITION(a IN b), EXTRACT(f FROM t),
 * OVERLAY(s PLACING t FROM 1), STRUCT(a AS x). All end as plain calls. Threads: any.
 */
#include <string.h>

#include "sql/parser.h"

/* The function's name in lower case, in the arena. */
static const char *
lower_name(struct tide_parser *p, const struct tide_token *token)
{
    char *name = tide_type_arena_alloc(p->arena, token->n + 1);
    for (uint32_t i = 0; name != NULL && i < token->n; i++) {
        char c = p->lexer.text[token->at + i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return name;
}

/* One argument; in a struct it may have an alias. */
static int
parse_argument(struct tide_parser *p, bool aliases, struct tide_ast_list *list)
{
    struct tide_ast *arg;
    int rc = tide_parser_expression(p, TIDE_POWER_ANY, &arg);
    if (rc == TIDE_OK && aliases) {
        rc = tide_parser_alias(p, &arg);
    }
    return rc == TIDE_OK ? tide_parser_list_add(p, list, arg) : rc;
}

/* The words that may separate the arguments of a spelled form, in their order. */
struct form {
    const char *name;
    const char *words[2];
};

static const struct form forms[] = {
    {"substring", {"from", "for"}}, {"substr", {"from", "for"}},      {"position", {"in", NULL}},
    {"extract", {"from", NULL}},    {"overlay", {"placing", "from"}},
};

static const struct form *
find_form(const char *name)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(forms[i].name, name) == 0) {
            return &forms[i];
        }
    }
    return NULL;
}

/* Whether a comma, or a separator of the form, stands here; takes it. */
static int
take_separator(struct tide_parser *p, const struct form *form, bool *out_more)
{
    *out_more = p->token.kind == TIDE_TOKEN_COMMA;
    if (form != NULL && !*out_more) {
        *out_more = tide_parser_is(p, form->words[0]) ||
                    (form->words[1] != NULL && tide_parser_is(p, form->words[1])) ||
                    (strcmp(form->name, "overlay") == 0 && tide_parser_is(p, "for"));
    }
    return *out_more ? tide_parser_next(p) : TIDE_OK;
}

/* POSITION(a IN b): IN must not be taken as the predicate, so the operand binds tighter. */
static int
parse_arguments(struct tide_parser *p, const char *name, struct tide_ast_list *list)
{
    const struct form *form = find_form(name);
    bool aliases = strcmp(name, "struct") == 0, more = true;
    bool position = strcmp(name, "position") == 0;
    int rc = TIDE_OK;
    while (rc == TIDE_OK && more) {
        if (position && list->n == 0) {
            struct tide_ast *arg;
            rc = tide_parser_expression(p, TIDE_POWER_COMPARE, &arg);
            if (rc == TIDE_OK) {
                rc = tide_parser_list_add(p, list, arg);
            }
        } else {
            rc = parse_argument(p, aliases, list);
        }
        if (rc == TIDE_OK) {
            rc = take_separator(p, form, &more);
        }
    }
    return rc;
}

/* TRIM([BOTH|LEADING|TRAILING] [chars] FROM text); the current token is behind "(". *@out_name is
 * the plain function that does it, NULL when the form is the plain one. */
static int
parse_trim(struct tide_parser *p, struct tide_ast_list *list, const char **out_name)
{
    struct tide_ast *chars = NULL, *text;
    bool leading = tide_parser_is(p, "leading"), trailing = tide_parser_is(p, "trailing");
    int rc = leading || trailing || tide_parser_is(p, "both") ? tide_parser_next(p) : TIDE_OK;
    if (rc == TIDE_OK && !tide_parser_is(p, "from")) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &chars);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_take_word(p, "from");
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_expression(p, TIDE_POWER_ANY, &text);
    }
    if (rc == TIDE_OK) {
        *out_name = leading ? "ltrim" : trailing ? "rtrim" : "trim";
        rc = tide_parser_list_add(p, list, text);
    }
    if (rc == TIDE_OK && chars != NULL) {
        rc = tide_parser_list_add(p, list, chars);
        /* trim(chars, text), as Spark's functions have it */
        list->items[0] = chars;
        list->items[1] = text;
    }
    return rc;
}

/* Whether TRIM( is followed by one of its words, or has FROM in it. */
static bool
is_spelled_trim(const struct tide_parser *p)
{
    struct tide_lexer lexer = p->lexer;
    struct tide_token token = p->token;
    int depth = 0;
    if (tide_parser_is(p, "both") || tide_parser_is(p, "leading") ||
        tide_parser_is(p, "trailing")) {
        return true;
    }
    while (token.kind != TIDE_TOKEN_END && depth >= 0) {
        depth += token.kind == TIDE_TOKEN_LPAREN;
        depth -= token.kind == TIDE_TOKEN_RPAREN;
        if (depth == 0 && tide_token_is(&lexer, &token, "from")) {
            return true;
        }
        if (tide_lexer_next(&lexer, &token, NULL) < 0) {
            return false;
        }
    }
    return false;
}

/* FILTER (WHERE condition) and what is refused, behind the ")". */
static int
parse_call_tail(struct tide_parser *p, struct tide_ast *call)
{
    struct tide_ast *filter;
    int rc = TIDE_OK;
    if (tide_parser_is(p, "ignore") || tide_parser_is(p, "respect")) {
        return tide_parser_unsupported(p, p->token.at, "IGNORE NULLS and RESPECT NULLS are");
    }
    if (tide_parser_is(p, "filter")) {
        rc = tide_parser_next(p);
        if (rc == TIDE_OK) {
            rc = tide_parser_take(p, TIDE_TOKEN_LPAREN, "(");
        }
        if (rc == TIDE_OK) {
            rc = tide_parser_take_word(p, "where");
        }
        if (rc == TIDE_OK) {
            rc = tide_parser_expression(p, TIDE_POWER_ANY, &filter);
        }
        if (rc == TIDE_OK) {
            call->filter = filter;
            rc = tide_parser_take(p, TIDE_TOKEN_RPAREN, ")");
        }
        call->end = p->end;
    }
    if (rc == TIDE_OK && tide_parser_is(p, "within")) {
        return tide_parser_unsupported(p, p->token.at, "WITHIN GROUP is");
    }
    if (rc == TIDE_OK && tide_parser_is(p, "over")) {
        return tide_parser_unsupported(p, p->token.at, "window functions are");
    }
    return rc;
}

int
tide_parser_function(struct tide_parser *p, const struct tide_token *name, struct tide_ast **out)
{
    struct tide_ast_list list = {0};
    const char *text = lower_name(p, name);
    bool distinct = false;
    int rc = text != NULL ? tide_parser_take(p, TIDE_TOKEN_LPAREN, "(")
                          : tide_error_set(p->err, TIDE_ERR_NOMEM, "no memory for a name");
    if (rc == TIDE_OK && (tide_parser_is(p, "distinct") || tide_parser_is(p, "all"))) {
        struct tide_token next;
        bool quantifier = tide_parser_peek(p, &next) && next.kind != TIDE_TOKEN_RPAREN &&
                          next.kind != TIDE_TOKEN_COMMA && next.kind != TIDE_TOKEN_DOT;
        distinct = quantifier && tide_parser_is(p, "distinct");
        rc = quantifier ? tide_parser_next(p) : TIDE_OK;
    }
    if (rc == TIDE_OK && strcmp(text, "trim") == 0 && is_spelled_trim(p)) {
        rc = parse_trim(p, &list, &text);
    } else if (rc == TIDE_OK && p->token.kind != TIDE_TOKEN_RPAREN) {
        rc = parse_arguments(p, text, &list);
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_take(p, TIDE_TOKEN_RPAREN, ", or )");
    }
    if (rc == TIDE_OK) {
        rc = tide_parser_call(p, text, name->at, list.items, list.n, out);
    }
    if (rc < 0) {
        return rc;
    }
    (*out)->distinct = distinct;
    return parse_call_tail(p, *out);
}
