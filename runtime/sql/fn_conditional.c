/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: three-valued AND, OR, NOT, BETWEEN, CASE, IF, coalesce and its kin.
 *
 * Most are lazy: they evaluate an argument only for the rows that need it, because under ANSI what
 * is not needed must not fail. Rows go from one selection to the next until all are decided.
 */
#include "base/assert.h"
#include "sql/functions.h"
#include "sql/types.h"

/* ---- AND, OR ---- */

/* @decides: the value that settles the matter whatever the other side is. */
static void
eval_junction(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
              struct tide_vec *out, bool decides)
{
    const struct tide_vec *left = tide_eval_arg(eval, node, 0);
    const struct tide_vec *right = tide_eval_arg(eval, node, 1);
    uint16_t *rows = tide_eval_sel_claim(eval);
    struct tide_sel rest = {0, rows};
    tide_eval_node(eval, node->args[0], sel);
    TIDE_FOR_SEL(i, sel)
    {
        out->nulls[i] = 0;
        out->i64[i] = decides;
        if (left->nulls[i] || (left->i64[i] != 0) != decides) {
            rows[rest.n++] = (uint16_t)i;
        }
    }
    tide_eval_node(eval, node->args[1], &rest);
    TIDE_FOR_SEL(i, &rest)
    {
        bool settled = !right->nulls[i] && (right->i64[i] != 0) == decides;
        out->i64[i] = settled ? decides : !decides;
        out->nulls[i] = !settled && (left->nulls[i] || right->nulls[i]);
    }
    tide_eval_sel_release(eval);
}

static void
eval_and(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
         struct tide_vec *out)
{
    eval_junction(eval, node, sel, out, false);
}

static void
eval_or(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
        struct tide_vec *out)
{
    eval_junction(eval, node, sel, out, true);
}

static int
bind_junction(struct tide_binder *b, struct tide_expr *call)
{
    static const struct tide_type boolean = {.id = TIDE_TYPE_BOOLEAN};
    char left[TIDE_TYPE_TEXT], right[TIDE_TYPE_TEXT];
    const struct tide_type *x = &call->args[0]->type, *y = &call->args[1]->type;
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t id = call->args[i]->type.id;
        int rc = TIDE_OK;
        if (id == TIDE_TYPE_NULL || (id == TIDE_TYPE_STRING && b->ansi)) {
            rc = tide_coerce_to(b, &call->args[i], &boolean);
        } else if (id != TIDE_TYPE_BOOLEAN) {
            return tide_bind_error(b, call->at,
                                   x->id != y->id ? "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"
                                                  : "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE",
                                   "%s takes BOOLEAN, not %s and %s", call->name,
                                   tide_bind_type_text(x, left), tide_bind_type_text(y, right));
        }
        if (rc < 0) {
            return rc;
        }
    }
    call->type = boolean;
    call->nullable = call->args[0]->nullable || call->args[1]->nullable;
    return TIDE_OK;
}

/* a BETWEEN low AND high is a >= low AND a <= high. */
static int
bind_between(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_expr *low[2] = {call->args[0], call->args[1]};
    const struct tide_expr *high[2] = {call->args[0], call->args[2]};
    int rc = tide_bind_call(b, tide_fn_find(">="), ">=", low, 2, call->at, &call->args[0]);
    if (rc == TIDE_OK) {
        rc = tide_bind_call(b, tide_fn_find("<="), "<=", high, 2, call->at, &call->args[1]);
    }
    call->n_args = 2;
    return rc < 0 ? rc : bind_junction(b, call);
}

static void
eval_not(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
         struct tide_vec *out)
{
    const int64_t *a = tide_eval_arg(eval, node, 0)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] = !a[i];
    }
}

/* ---- CASE ---- */

/* Moves the rows of @rest where @condition is true to @taken. */
static void
split_rows(const struct tide_vec *condition, struct tide_sel *rest, uint16_t *rest_rows,
           struct tide_sel *taken, uint16_t *taken_rows)
{
    uint32_t n = 0;
    taken->n = 0;
    for (uint32_t k = 0; k < rest->n; k++) {
        uint16_t row = rest->rows[k];
        if (!condition->nulls[row] && condition->i64[row] != 0) {
            taken_rows[taken->n++] = row;
        } else {
            rest_rows[n++] = row;
        }
    }
    *rest = (struct tide_sel){n, rest_rows};
}

static void
take_value(struct tide_eval *eval, const struct tide_expr *node, uint32_t arg,
           const struct tide_sel *rows, struct tide_vec *out)
{
    tide_eval_node(eval, node->args[arg], rows);
    TIDE_FOR_SEL(i, rows)
    {
        tide_vec_move(out, tide_eval_arg(eval, node, arg), i);
    }
}

static void
eval_case(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
          struct tide_vec *out)
{
    uint16_t *rest_rows = tide_eval_sel_claim(eval), *taken_rows = tide_eval_sel_claim(eval);
    struct tide_sel rest = *sel, taken = {0, taken_rows};
    uint32_t i = 0;
    for (; i + 1 < node->n_args && rest.n > 0; i += 2) {
        tide_eval_node(eval, node->args[i], &rest);
        split_rows(tide_eval_arg(eval, node, i), &rest, rest_rows, &taken, taken_rows);
        take_value(eval, node, i + 1, &taken, out);
    }
    if (node->n_args % 2 == 1 && rest.n > 0) {
        take_value(eval, node, node->n_args - 1, &rest, out);
    } else {
        for (uint32_t k = 0; k < rest.n; k++) {
            out->nulls[rest.rows[k]] = 1;
        }
    }
    tide_eval_sel_release(eval);
    tide_eval_sel_release(eval);
}

static int
refuse_types(struct tide_binder *b, const struct tide_expr *call)
{
    return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.DATA_DIFF_TYPES",
                           "the values of %s have types that do not meet", call->name);
}

static int
bind_case(struct tide_binder *b, struct tide_expr *call)
{
    uint32_t pairs = call->n_args / 2;
    const struct tide_expr *values[TIDE_BIND_ARGS_MAX];
    struct tide_expr view = *call;
    bool ok;
    int rc;
    for (uint32_t i = 0; i < pairs; i++) {
        /* Spark casts nothing to BOOLEAN here, not even NULL */
        if (call->args[2 * i]->type.id != TIDE_TYPE_BOOLEAN) {
            char text[TIDE_TYPE_TEXT];
            return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                                   "the condition of WHEN must be BOOLEAN, not %s",
                                   tide_bind_type_text(&call->args[2 * i]->type, text));
        }
        values[i] = call->args[2 * i + 1];
    }
    view.args = values;
    view.n_args = (call->n_args + 1) / 2;
    if (call->n_args % 2 == 1) {
        values[pairs] = call->args[call->n_args - 1];
    }
    rc = tide_coerce_common(b, &view, 0, 1, TIDE_WIDEN_FULL, &call->type, &ok);
    if (rc < 0 || !ok) {
        return rc < 0 ? rc : refuse_types(b, call);
    }
    call->nullable = call->n_args % 2 == 0;
    for (uint32_t i = 0; i < view.n_args; i++) {
        call->args[i < pairs ? 2 * i + 1 : call->n_args - 1] = values[i];
        call->nullable |= values[i]->nullable;
    }
    return TIDE_OK;
}

/* if(c, a, b) is CASE WHEN c THEN a ELSE b END. */
static int
bind_if(struct tide_binder *b, struct tide_expr *call)
{
    int rc =
        call->args[0]->type.id == TIDE_TYPE_NULL ? tide_coerce_param(b, call, 0, 'b') : TIDE_OK;
    return rc < 0 ? rc : bind_case(b, call);
}

/* nvl2(a, b, c) is CASE WHEN a IS NOT NULL THEN b ELSE c END. */
static int
bind_nvl2(struct tide_binder *b, struct tide_expr *call)
{
    int rc = tide_bind_call(b, tide_fn_find("isnotnull"), "isnotnull", call->args, 1, call->at,
                            &call->args[0]);
    return rc < 0 ? rc : bind_case(b, call);
}

/* ---- coalesce ---- */

static void
eval_coalesce(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
              struct tide_vec *out)
{
    uint16_t *rows = tide_eval_sel_claim(eval);
    struct tide_sel rest = *sel;
    for (uint32_t arg = 0; arg < node->n_args && rest.n > 0; arg++) {
        uint32_t n = 0;
        take_value(eval, node, arg, &rest, out);
        for (uint32_t k = 0; k < rest.n; k++) {
            uint16_t row = rest.rows[k];
            rows[n] = row;
            n += out->nulls[row];
        }
        rest = (struct tide_sel){n, rows};
    }
    tide_eval_sel_release(eval);
}

static int
bind_coalesce(struct tide_binder *b, struct tide_expr *call)
{
    bool ok;
    int rc = tide_coerce_common(b, call, 0, 1, TIDE_WIDEN_FULL, &call->type, &ok);
    if (rc < 0 || !ok) {
        return rc < 0 ? rc : refuse_types(b, call);
    }
    call->nullable = true;
    for (uint32_t i = 0; i < call->n_args; i++) {
        call->nullable &= call->args[i]->nullable;
    }
    return TIDE_OK;
}

/* nullif(a, b): a where a = b is not true. The arguments become a and a = b. */
static void
eval_nullif(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
            struct tide_vec *out)
{
    const struct tide_vec *equal = tide_eval_arg(eval, node, 1);
    TIDE_FOR_SEL(i, sel)
    {
        tide_vec_move(out, tide_eval_arg(eval, node, 0), i);
        out->nulls[i] |= !equal->nulls[i] && equal->i64[i] != 0;
    }
}

static int
bind_nullif(struct tide_binder *b, struct tide_expr *call)
{
    call->type = call->args[0]->type;
    return tide_bind_call(b, tide_fn_find("="), "=", call->args, 2, call->at, &call->args[1]);
}

const struct tide_fn tide_fns_conditional[] = {
    {.name = "and",
     .args_min = 2,
     .args_max = 2,
     .lazy = true,
     .print = TIDE_PRINT_INFIX,
     .shown = "AND",
     .bind = bind_junction,
     .eval = eval_and,
     .usage = "a AND b",
     .doc = "Whether both are true; false when one is false, else NULL when one is NULL.",
     .since = "1.0.0"},
    {.name = "or",
     .args_min = 2,
     .args_max = 2,
     .lazy = true,
     .print = TIDE_PRINT_INFIX,
     .shown = "OR",
     .bind = bind_junction,
     .eval = eval_or,
     .usage = "a OR b",
     .doc = "Whether one is true; else NULL when one is NULL.",
     .since = "1.0.0"},
    {.name = "not",
     .args_min = 1,
     .args_max = 1,
     .print = TIDE_PRINT_PREFIX,
     .shown = "NOT",
     .params = "b",
     .result = TIDE_TYPE_BOOLEAN,
     .eval = eval_not,
     .usage = "NOT a, ! a",
     .doc = "True for false and false for true.",
     .since = "1.0.0"},
    {.name = "between",
     .args_min = 3,
     .args_max = 3,
     .lazy = true,
     .print = TIDE_PRINT_OWN,
     .bind = bind_between,
     .eval = eval_and,
     .usage = "a [NOT] BETWEEN b AND c",
     .doc = "Whether a is at least b and at most c.",
     .since = "1.0.0"},
    {.name = "case",
     .args_min = 2,
     .args_max = TIDE_ARGS_ANY,
     .lazy = true,
     .print = TIDE_PRINT_OWN,
     .bind = bind_case,
     .eval = eval_case,
     .usage = "CASE [a] WHEN b THEN c [WHEN ...] [ELSE d] END",
     .doc = "The value behind the first condition that is true.",
     .since = "1.0.1"},
    {.name = "if",
     .args_min = 3,
     .args_max = 3,
     .lazy = true,
     .print = TIDE_PRINT_OWN,
     .bind = bind_if,
     .eval = eval_case,
     .usage = "if(condition, a, b)",
     .doc = "a when the condition is true, else b.",
     .since = "1.0.0"},
    {.name = "coalesce",
     .args_min = 1,
     .args_max = TIDE_ARGS_ANY,
     .lazy = true,
     .bind = bind_coalesce,
     .eval = eval_coalesce,
     .usage = "coalesce(a, b, ...)",
     .doc = "The first value that is not NULL.",
     .since = "1.0.0"},
    {.name = "nvl",
     .args_min = 2,
     .args_max = 2,
     .lazy = true,
     .bind = bind_coalesce,
     .eval = eval_coalesce,
     .usage = "nvl(a, b)",
     .doc = "a, or b when a is NULL.",
     .since = "2.0.0"},
    {.name = "ifnull",
     .args_min = 2,
     .args_max = 2,
     .lazy = true,
     .bind = bind_coalesce,
     .eval = eval_coalesce,
     .usage = "ifnull(a, b)",
     .doc = "a, or b when a is NULL.",
     .since = "2.0.0"},
    {.name = "nvl2",
     .args_min = 3,
     .args_max = 3,
     .lazy = true,
     .print = TIDE_PRINT_OWN,
     .bind = bind_nvl2,
     .eval = eval_case,
     .usage = "nvl2(a, b, c)",
     .doc = "b when a is not NULL, else c.",
     .since = "2.0.0"},
    {.name = "nullif",
     .args_min = 2,
     .args_max = 2,
     .nulls = TIDE_NULLS_SEEN,
     .print = TIDE_PRINT_OWN,
     .bind = bind_nullif,
     .eval = eval_nullif,
     .usage = "nullif(a, b)",
     .doc = "NULL when a = b, else a.",
     .since = "2.0.0"},
    {.name = NULL},
};
