/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser, inside: the state that the files of the parser share. parser.c has the Pratt loop over
 * operators and predicates, parser_primary.c what stands between operators, parser_call.c functions
 * and their special forms, literal.c numbers.
 */
#ifndef TIDE_SQL_PARSER_H
#define TIDE_SQL_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/ast.h"
#include "sql/lexer.h"

/* Binding powers, weakest first; an operand binds one tighter than its operator. */
enum tide_power {
    TIDE_POWER_ANY,
    TIDE_POWER_OR,
    TIDE_POWER_AND,
    TIDE_POWER_NOT,
    TIDE_POWER_PREDICATE, /* BETWEEN IN LIKE IS: one, not chained */
    TIDE_POWER_COMPARE,
    TIDE_POWER_PIPE,
    TIDE_POWER_HAT,
    TIDE_POWER_AMPERSAND,
    TIDE_POWER_SHIFT,
    TIDE_POWER_SUM,
    TIDE_POWER_PRODUCT,
    TIDE_POWER_UNARY,
    TIDE_POWER_POSTFIX,
};

struct tide_parser {
    struct tide_type_arena *arena;
    struct tide_lexer lexer; /* behind `token` */
    struct tide_token token; /* the current one */
    uint32_t end;            /* of the token taken last */
    uint32_t depth;
    struct tide_error *err; /* never NULL */
};

/* Arguments being collected; more than fit are refused. */
#define TIDE_PARSER_LIST_MAX 256u
struct tide_ast_list {
    uint32_t n;
    const struct tide_ast *items[TIDE_PARSER_LIST_MAX];
};

/* ---- parser.c ---- */

int tide_parser_next(struct tide_parser *p);
bool tide_parser_peek(const struct tide_parser *p, struct tide_token *out);
bool tide_parser_is(const struct tide_parser *p, const char *word);
int tide_parser_take(struct tide_parser *p, enum tide_token_kind kind, const char *what);
int tide_parser_take_word(struct tide_parser *p, const char *word);
int tide_parser_refuse(struct tide_parser *p, const char *expected);
int tide_parser_unsupported(struct tide_parser *p, uint32_t at, const char *what);
int tide_parser_expression(struct tide_parser *p, enum tide_power min, struct tide_ast **out);

/* Nodes: @args are copied. NULL: out of memory or too high, and p->err has the code. */
struct tide_ast *tide_parser_node(struct tide_parser *p, enum tide_ast_kind kind, uint32_t at,
                                  const struct tide_ast *const *args, uint32_t n_args);
int tide_parser_call(struct tide_parser *p, const char *name, uint32_t at,
                     const struct tide_ast *const *args, uint32_t n_args, struct tide_ast **out);
int tide_parser_alias(struct tide_parser *p, struct tide_ast **io);
int tide_parser_identifier(struct tide_parser *p, const char **out);
int tide_parser_literal_bool(struct tide_parser *p, bool value, struct tide_ast **out);
int tide_parser_list_add(struct tide_parser *p, struct tide_ast_list *list,
                         const struct tide_ast *item);

/* ---- parser_primary.c ---- */

int tide_parser_primary(struct tide_parser *p, struct tide_ast **out);

/* ---- parser_call.c ---- */

/* Behind the function's name; the current token is "(". */
int tide_parser_function(struct tide_parser *p, const struct tide_token *name,
                         struct tide_ast **out);

#endif
