/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed expressions: what the analyser makes of an AST, and what the evaluator walks.
 *
 * A node is a column, a literal or a call of a row of the function table; operators, casts and
 * field access are calls too. Equal deterministic nodes of a program are one node (analyse.c makes
 * them so), hence a program is a directed graph without cycles, and its common subexpressions are
 * evaluated once. Nodes are constant once their program is compiled.
 *
 * Invariants:
 *   1. A node's arguments have the types its eval function expects: the binder put the casts there.
 *   2. `id` is the node's register; an argument's id is smaller than its call's.
 *   3. A call with `strict` is NULL when an argument is; its eval function sees no such row.
 */
#ifndef TIDE_SQL_EXPR_H
#define TIDE_SQL_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/expr.h>

#include "data/type.h"
#include "data/value.h"

struct tide_eval;
struct tide_expr;
struct tide_fn;
struct tide_binder;

/* Rows to work on: indices into the batch, rising. */
struct tide_sel {
    uint32_t n;
    const uint16_t *rows;
};

/* Computes a call for the rows of @sel: values and, where NULL comes out of it, nulls (0 before). A
 * lazy call evaluates its arguments itself and sets every row's null. @thread task */
typedef void tide_fn_eval(struct tide_eval *eval, const struct tide_expr *node,
                          const struct tide_sel *sel, struct tide_vec *out);

/* Memory that a call needs in each evaluation (decoders, match data). */
struct tide_expr_state {
    int (*open)(const struct tide_expr *node, void **out, struct tide_error *err);
    void (*close)(void *state);
};

enum tide_expr_kind { TIDE_EXPR_COLUMN, TIDE_EXPR_LITERAL, TIDE_EXPR_CALL };

struct tide_expr {
    uint8_t kind; /* enum tide_expr_kind */
    bool nullable;
    bool deterministic;
    bool may_fail;   /* it or an argument */
    bool strict;     /* invariant 3 */
    bool lazy;       /* evaluates its arguments itself, or some of them */
    bool implicit;   /* a cast that the analyser put there: not shown */
    bool try_cast;   /* CAST: NULL in place of an error */
    bool ansi;       /* CALL: errors in place of NULL */
    uint32_t id;     /* register */
    uint32_t at;     /* byte of the item's text, for messages */
    uint32_t height; /* leaves 1 */
    uint32_t sels;   /* selections that evaluating it takes at a time */
    uint32_t n_args;
    uint32_t index;    /* COLUMN: of the input; calls: a number of their own */
    const void *param; /* calls: constant data of their own, owned by the program */
    const struct tide_expr **args;
    const struct tide_fn *fn; /* CALL */
    tide_fn_eval *eval;       /* CALL */
    const struct tide_expr_state *state;
    struct tide_type type;
    struct tide_value value;        /* LITERAL */
    const struct tide_expr *folded; /* LITERAL: the call it was, to print; or NULL */
    const char *name;               /* COLUMN: its name; calls: how they were spelled, or NULL */
};

static inline bool
tide_expr_is_null(const struct tide_expr *expr)
{
    return expr->kind == TIDE_EXPR_LITERAL && expr->value.null;
}

/* Appends the expression as Spark prints it: @pretty as in column names (texts without quotes), or
 * as SQL that parses back. Errors: those of the buffer. @thread any */
int tide_expr_print(const struct tide_expr *expr, bool pretty, struct tide_buf *out);

#endif
