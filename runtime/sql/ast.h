/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AST: what the parser makes of a text, before names and types are known.
 *
 * Operators and predicates are calls by name ("+", "and", "isnull"), so that one table of functions
 * holds them all. Nodes lie in an arena, are constant once parsed, and may be shared (the subject
 * of CASE x WHEN). A statement's select list is a list of items; clauses of a SELECT hold the same
 * nodes.
 */
#ifndef TIDE_SQL_AST_H
#define TIDE_SQL_AST_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/row.h>

#include "data/type.h"
#include "data/value.h"

enum tide_ast_kind {
    TIDE_AST_LITERAL, /* `value` */
    TIDE_AST_TYPED,   /* DATE '..', X'..': `name` is the word in lower case, `value` the text */
    TIDE_AST_NAME,    /* `parts`: a, t.a, a.b.c */
    TIDE_AST_STAR,    /* `parts` in front of .*, none for a bare star */
    TIDE_AST_CALL,    /* `name` in lower case, `args`, `distinct`, `filter` */
    TIDE_AST_FIELD,   /* args[0].name */
    TIDE_AST_INDEX,   /* args[0][args[1]] */
    TIDE_AST_CAST,    /* CAST(args[0] AS type); `try_cast` */
    TIDE_AST_ALIAS,   /* args[0] AS parts[0], or AS (parts...) with more */
};

struct tide_ast {
    uint8_t kind; /* enum tide_ast_kind */
    bool distinct, try_cast;
    uint32_t at, end; /* bytes of the text */
    uint32_t height;  /* of the tree below, leaves 1 */
    uint32_t n_args, n_parts;
    const char *name;
    const struct tide_ast **args;
    const char *const *parts;
    const struct tide_ast *filter; /* FILTER (WHERE ...) of an aggregate, or NULL */
    struct tide_type type;         /* CAST */
    struct tide_value value;       /* LITERAL, TYPED; bytes lie in the arena */
};

/*
 * Parses one item of a select list: an expression, a star, each with or without alias. Everything
 * made lies in @arena, names are copied. Errors with their place: TIDE_ERR_INVALID,
 * TIDE_ERR_UNSUPPORTED (subqueries, windows, lambdas, intervals), TIDE_ERR_LIMIT (nesting),
 * TIDE_ERR_NOMEM. @thread any
 */
int tide_parse_item(struct tide_type_arena *arena, const char *text, size_t len,
                    const struct tide_ast **out, struct tide_error *err);

/* The node under the alias, if it is one. @thread any */
static inline const struct tide_ast *
tide_ast_bare(const struct tide_ast *ast)
{
    return ast->kind == TIDE_AST_ALIAS ? ast->args[0] : ast;
}

/* Literals. Threads: any. */

/*
 * The value of a number of @n bytes, suffix and sign included. Errors: TIDE_ERR_INVALID out of
 * range. @thread any
 */
struct tide_token;
int tide_parse_number(struct tide_type_arena *arena, const char *text,
                      const struct tide_token *token, bool negative, struct tide_value *out,
                      struct tide_error *err);

/* The words that begin a typed literal (DATE '..'), without INTERVAL. @thread any */
bool tide_is_typed_literal(const char *word);

#endif
