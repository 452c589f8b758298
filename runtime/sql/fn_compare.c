/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparison: = <=> < <= > >= IN BETWEEN, IS NULL, isnan.
 *
 * The order is Spark's: NaN equals NaN and is above every number, -0.0 equals 0.0, texts and
 * binaries by bytes, structs and arrays by their parts with NULL first. bind makes both sides one
 * type; the way to compare it is looked up once a batch.
 */
#include <string.h>

#include "base/assert.h"
#include "sql/functions.h"
#include "sql/types.h"

/* ---- one pair ---- */

typedef int compare_fn(const struct tide_vec *a, const struct tide_vec *b, uint32_t i);

static int
compare_i64(const struct tide_vec *a, const struct tide_vec *b, uint32_t i)
{
    return a->i64[i] < b->i64[i] ? -1 : a->i64[i] > b->i64[i];
}

static int
compare_f64(const struct tide_vec *a, const struct tide_vec *b, uint32_t i)
{
    double x = a->f64[i], y = b->f64[i];
    bool nan_x = x != x, nan_y = y != y;
    if (nan_x || nan_y) {
        return (int)nan_x - (int)nan_y;
    }
    return x < y ? -1 : x > y;
}

static int
compare_i128(const struct tide_vec *a, const struct tide_vec *b, uint32_t i)
{
    return a->i128[i] < b->i128[i] ? -1 : a->i128[i] > b->i128[i];
}

static int
compare_bytes(const struct tide_vec *a, const struct tide_vec *b, uint32_t i)
{
    struct tide_bytes x = a->bytes[i], y = b->bytes[i];
    uint32_t n = x.n < y.n ? x.n : y.n;
    int order = n > 0 ? memcmp(x.p, y.p, n) : 0;
    if (order != 0) {
        return order;
    }
    return x.n < y.n ? -1 : x.n > y.n;
}

static int
compare_nested(const struct tide_vec *a, const struct tide_vec *b, uint32_t i)
{
    struct tide_value x = tide_value_vec(a, i), y = tide_value_vec(b, i);
    return tide_value_compare(&x, &y);
}

static compare_fn *
compare_for(const struct tide_type *type)
{
    switch (type->id) {
    case TIDE_TYPE_FLOAT:
    case TIDE_TYPE_DOUBLE:
        return compare_f64;
    case TIDE_TYPE_DECIMAL:
        return compare_i128;
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        return compare_bytes;
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        return compare_nested;
    default:
        return compare_i64;
    }
}

/* ---- operators ---- */

#define EVAL_COMPARE(name, op)                                             \
    static void name(struct tide_eval *eval, const struct tide_expr *node, \
                     const struct tide_sel *sel, struct tide_vec *out)     \
    {                                                                      \
        const struct tide_vec *a = tide_eval_arg(eval, node, 0);           \
        const struct tide_vec *b = tide_eval_arg(eval, node, 1);           \
        compare_fn *compare = compare_for(&node->args[0]->type);           \
        TIDE_FOR_SEL(i, sel)                                               \
        {                                                                  \
            out->i64[i] = compare(a, b, i) op 0;                           \
        }                                                                  \
    }

EVAL_COMPARE(eval_eq, ==)
EVAL_COMPARE(eval_lt, <)
EVAL_COMPARE(eval_le, <=)
EVAL_COMPARE(eval_gt, >)
EVAL_COMPARE(eval_ge, >=)

static void
eval_eq_null(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
             struct tide_vec *out)
{
    const struct tide_vec *a = tide_eval_arg(eval, node, 0), *b = tide_eval_arg(eval, node, 1);
    compare_fn *compare = compare_for(&node->args[0]->type);
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] =
            a->nulls[i] || b->nulls[i] ? a->nulls[i] == b->nulls[i] : compare(a, b, i) == 0;
    }
}

static int
bind_compare(struct tide_binder *b, struct tide_expr *call)
{
    int rc = tide_coerce_comparison(b, call, call->fn->name[0] == '=' || call->fn->name[1] == '=');
    call->type = tide_type_of(TIDE_TYPE_BOOLEAN);
    return rc;
}

static int
bind_order(struct tide_binder *b, struct tide_expr *call)
{
    call->type = tide_type_of(TIDE_TYPE_BOOLEAN);
    return tide_coerce_comparison(b, call, false);
}

/* ---- IN ---- */

static void
eval_in(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
        struct tide_vec *out)
{
    const struct tide_vec *value = tide_eval_arg(eval, node, 0);
    compare_fn *compare = compare_for(&node->args[0]->type);
    TIDE_FOR_SEL(i, sel)
    {
        bool found = false, null = value->nulls[i];
        for (uint32_t k = 1; !null && !found && k < node->n_args; k++) {
            const struct tide_vec *item = tide_eval_arg(eval, node, k);
            found = !item->nulls[i] && compare(value, item, i) == 0;
        }
        for (uint32_t k = 1; !null && !found && k < node->n_args; k++) {
            null = tide_eval_arg(eval, node, k)->nulls[i];
        }
        out->i64[i] = found;
        out->nulls[i] = null && !found;
    }
}

static int
bind_in(struct tide_binder *b, struct tide_expr *call)
{
    struct tide_type common;
    bool ok;
    int rc = tide_coerce_common(b, call, 0, 1, TIDE_WIDEN_FULL, &common, &ok);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 1; !ok && i < call->n_args; i++) {
        if (!tide_same_shape(&call->args[0]->type, &call->args[i]->type)) {
            break;
        }
        ok = i + 1 == call->n_args;
        common = call->args[0]->type;
    }
    if (!ok) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.DATA_DIFF_TYPES",
                               "the values of IN have types that do not meet");
    }
    if (tide_type_has_map(&common)) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE",
                               "IN cannot compare maps");
    }
    call->type = tide_type_of(TIDE_TYPE_BOOLEAN);
    call->nullable = false;
    for (uint32_t i = 0; i < call->n_args; i++) {
        call->nullable |= call->args[i]->nullable;
    }
    return TIDE_OK;
}

/* ---- NULL and NaN ---- */

static void
eval_isnull(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
            struct tide_vec *out)
{
    const uint8_t *nulls = tide_eval_arg(eval, node, 0)->nulls;
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] = nulls[i];
    }
}

static void
eval_isnotnull(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
               struct tide_vec *out)
{
    const uint8_t *nulls = tide_eval_arg(eval, node, 0)->nulls;
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] = !nulls[i];
    }
}

static void
eval_isnan(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out)
{
    const struct tide_vec *a = tide_eval_arg(eval, node, 0);
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] = !a->nulls[i] && a->f64[i] != a->f64[i];
    }
}

const struct tide_fn tide_fns_compare[] = {
    {.name = "=",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_compare,
     .eval = eval_eq,
     .usage = "a = b, a == b",
     .doc = "Whether the values are equal.",
     .since = "1.0.0"},
    {.name = "<=>",
     .args_min = 2,
     .args_max = 2,
     .nulls = TIDE_NULLS_NEVER,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_compare,
     .eval = eval_eq_null,
     .usage = "a <=> b, a IS NOT DISTINCT FROM b",
     .doc = "Whether the values are equal, or both NULL.",
     .since = "1.1.0"},
    {.name = "<",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_order,
     .eval = eval_lt,
     .usage = "a < b",
     .doc = "Whether a is less than b.",
     .since = "1.0.0"},
    {.name = "<=",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_order,
     .eval = eval_le,
     .usage = "a <= b",
     .doc = "Whether a is at most b.",
     .since = "1.0.0"},
    {.name = ">",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_order,
     .eval = eval_gt,
     .usage = "a > b",
     .doc = "Whether a is greater than b.",
     .since = "1.0.0"},
    {.name = ">=",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_order,
     .eval = eval_ge,
     .usage = "a >= b",
     .doc = "Whether a is at least b.",
     .since = "1.0.0"},
    {.name = "in",
     .args_min = 1,
     .args_max = TIDE_ARGS_ANY,
     .nulls = TIDE_NULLS_SEEN,
     .print = TIDE_PRINT_OWN,
     .bind = bind_in,
     .eval = eval_in,
     .usage = "a IN (b, c, ...)",
     .doc = "Whether the value is one of the list.",
     .since = "1.0.0"},
    {.name = "isnull",
     .args_min = 1,
     .args_max = 1,
     .nulls = TIDE_NULLS_NEVER,
     .print = TIDE_PRINT_POSTFIX,
     .shown = "IS NULL",
     .params = "*",
     .result = TIDE_TYPE_BOOLEAN,
     .eval = eval_isnull,
     .usage = "a IS NULL, isnull(a)",
     .doc = "Whether the value is NULL.",
     .since = "1.0.0"},
    {.name = "isnotnull",
     .args_min = 1,
     .args_max = 1,
     .nulls = TIDE_NULLS_NEVER,
     .print = TIDE_PRINT_POSTFIX,
     .shown = "IS NOT NULL",
     .params = "*",
     .result = TIDE_TYPE_BOOLEAN,
     .eval = eval_isnotnull,
     .usage = "a IS NOT NULL, isnotnull(a)",
     .doc = "Whether the value is not NULL.",
     .since = "1.0.0"},
    {.name = "isnan",
     .args_min = 1,
     .args_max = 1,
     .nulls = TIDE_NULLS_NEVER,
     .params = "d",
     .result = TIDE_TYPE_BOOLEAN,
     .eval = eval_isnan,
     .usage = "isnan(a)",
     .doc = "Whether the number is NaN.",
     .since = "1.5.0"},
    {.name = NULL},
};
