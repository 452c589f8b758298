/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic: + - * / % div pmod and the signs, over integral types, floats and decimals.
 *
 * Integers wrap like Java's without ANSI and fail with it; a division by zero is NULL or fails;
 * FLOAT is computed in float. There is an eval function for each operator and kind of number; bind
 * picks.
 */
#include <math.h>

#include "base/assert.h"
#include "sql/decimal.h"
#include "sql/functions.h"
#include "sql/types.h"

/* ---- integers ---- */

/* What Java keeps of a result of the type. */
static int64_t
wrap(const struct tide_type *type, int64_t value)
{
    switch (type->id) {
    case TIDE_TYPE_BYTE:
        return (int8_t)value;
    case TIDE_TYPE_SHORT:
        return (int16_t)value;
    case TIDE_TYPE_INT:
        return (int32_t)value;
    default:
        return value;
    }
}

static void
fail_overflow(struct tide_eval *eval, uint32_t row, const struct tide_expr *node)
{
    bool small = node->n_args == 2 && node->type.id < TIDE_TYPE_INT;
    tide_eval_fail(eval, row, small ? "BINARY_ARITHMETIC_OVERFLOW" : "ARITHMETIC_OVERFLOW",
                   "the result of %s is out of the range of %s", node->name,
                   tide_type_id_name(node->type.id));
}

static void
fail_zero(struct tide_eval *eval, uint32_t row, const struct tide_expr *node)
{
    bool remainder = node->fn->name[0] != '/' && node->fn->name[0] != 'd';
    tide_eval_fail(eval, row, remainder ? "REMAINDER_BY_ZERO" : "DIVIDE_BY_ZERO",
                   "division by zero in %s", node->name);
}

/* Operators whose 64-bit result the compiler checks. */
#define EVAL_INTEGRAL(name, checked)                                       \
    static void name(struct tide_eval *eval, const struct tide_expr *node, \
                     const struct tide_sel *sel, struct tide_vec *out)     \
    {                                                                      \
        const int64_t *a = tide_eval_arg(eval, node, 0)->i64;              \
        const int64_t *b = tide_eval_arg(eval, node, 1)->i64;              \
        TIDE_FOR_SEL(i, sel)                                               \
        {                                                                  \
            int64_t exact;                                                 \
            bool over = checked(a[i], b[i], &exact);                       \
            out->i64[i] = wrap(&node->type, exact);                        \
            if (node->ansi && (over || out->i64[i] != exact)) {            \
                fail_overflow(eval, i, node);                              \
            }                                                              \
        }                                                                  \
    }

EVAL_INTEGRAL(eval_add_integral, __builtin_add_overflow)
EVAL_INTEGRAL(eval_subtract_integral, __builtin_sub_overflow)
EVAL_INTEGRAL(eval_multiply_integral, __builtin_mul_overflow)

/* A zero divisor: NULL, or an error with ANSI. */
static void
divided_by_zero(struct tide_eval *eval, uint32_t row, const struct tide_expr *node,
                struct tide_vec *out)
{
    out->nulls[row] = 1;
    if (node->ansi) {
        fail_zero(eval, row, node);
    }
}

static void
eval_remainder_integral(struct tide_eval *eval, const struct tide_expr *node,
                        const struct tide_sel *sel, struct tide_vec *out)
{
    const int64_t *a = tide_eval_arg(eval, node, 0)->i64;
    const int64_t *b = tide_eval_arg(eval, node, 1)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        if (b[i] == 0) {
            divided_by_zero(eval, i, node, out);
        } else {
            out->i64[i] = b[i] == -1 ? 0 : a[i] % b[i];
        }
    }
}

static void
eval_pmod_integral(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
                   struct tide_vec *out)
{
    const int64_t *a = tide_eval_arg(eval, node, 0)->i64;
    const int64_t *b = tide_eval_arg(eval, node, 1)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        int64_t rest;
        if (b[i] == 0) {
            divided_by_zero(eval, i, node, out);
            continue;
        }
        rest = b[i] == -1 ? 0 : a[i] % b[i];
        if (rest < 0) {
            int64_t sum = (int64_t)((uint64_t)rest + (uint64_t)b[i]);
            sum = node->type.id == TIDE_TYPE_INT ? (int32_t)sum : sum;
            rest = wrap(&node->type, b[i] == -1 ? 0 : sum % b[i]);
        }
        out->i64[i] = rest;
    }
}

static void
eval_div_integral(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
                  struct tide_vec *out)
{
    const int64_t *a = tide_eval_arg(eval, node, 0)->i64;
    const int64_t *b = tide_eval_arg(eval, node, 1)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        if (b[i] == 0) {
            divided_by_zero(eval, i, node, out);
        } else if (b[i] == -1) {
            out->i64[i] = (int64_t)(0 - (uint64_t)a[i]);
            if (node->ansi && a[i] == INT64_MIN) {
                fail_overflow(eval, i, node);
            }
        } else {
            out->i64[i] = a[i] / b[i];
        }
    }
}

/* -a, or |a| where node->index is 1. */
static void
eval_negate_integral(struct tide_eval *eval, const struct tide_expr *node,
                     const struct tide_sel *sel, struct tide_vec *out)
{
    const int64_t *a = tide_eval_arg(eval, node, 0)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        int64_t exact = a[i];
        bool over = false;
        if (node->index == 0 || exact < 0) {
            over = __builtin_sub_overflow((int64_t)0, a[i], &exact);
        }
        out->i64[i] = wrap(&node->type, exact);
        if (node->ansi && (over || out->i64[i] != exact)) {
            fail_overflow(eval, i, node);
        }
    }
}

/* ---- floats ---- */

#define EVAL_FLOATS(op, expression)                                                      \
    static void eval_##op##_double(struct tide_eval *eval, const struct tide_expr *node, \
                                   const struct tide_sel *sel, struct tide_vec *out)     \
    {                                                                                    \
        const double *a = tide_eval_arg(eval, node, 0)->f64;                             \
        const double *b = tide_eval_arg(eval, node, 1)->f64;                             \
        TIDE_FOR_SEL(i, sel)                                                             \
        {                                                                                \
            double x = a[i], y = b[i];                                                   \
            out->f64[i] = (expression);                                                  \
        }                                                                                \
    }                                                                                    \
    static void eval_##op##_float(struct tide_eval *eval, const struct tide_expr *node,  \
                                  const struct tide_sel *sel, struct tide_vec *out)      \
    {                                                                                    \
        const double *a = tide_eval_arg(eval, node, 0)->f64;                             \
        const double *b = tide_eval_arg(eval, node, 1)->f64;                             \
        TIDE_FOR_SEL(i, sel)                                                             \
        {                                                                                \
            float x = (float)a[i], y = (float)b[i];                                      \
            out->f64[i] = (double)(float)(expression);                                   \
        }                                                                                \
    }

EVAL_FLOATS(add, x + y)
EVAL_FLOATS(subtract, x - y)
EVAL_FLOATS(multiply, x *y)

static void
eval_divide_double(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
                   struct tide_vec *out)
{
    const double *a = tide_eval_arg(eval, node, 0)->f64;
    const double *b = tide_eval_arg(eval, node, 1)->f64;
    TIDE_FOR_SEL(i, sel)
    {
        if (b[i] == 0) {
            divided_by_zero(eval, i, node, out);
        } else {
            out->f64[i] = a[i] / b[i];
        }
    }
}

/* %, or pmod where node->index is 1; a remainder of floats is exact, so FLOAT needs no rounding,
 * but the sum in pmod does. */
static void
eval_remainder_float(struct tide_eval *eval, const struct tide_expr *node,
                     const struct tide_sel *sel, struct tide_vec *out)
{
    const double *a = tide_eval_arg(eval, node, 0)->f64;
    const double *b = tide_eval_arg(eval, node, 1)->f64;
    TIDE_FOR_SEL(i, sel)
    {
        double rest;
        if (b[i] == 0) {
            divided_by_zero(eval, i, node, out);
            continue;
        }
        rest = fmod(a[i], b[i]);
        if (node->index == 1 && rest < 0) {
            double sum = rest + b[i];
            rest = fmod(node->type.id == TIDE_TYPE_FLOAT ? (double)(float)sum : sum, b[i]);
        }
        out->f64[i] = rest;
    }
}

static void
eval_negate_float(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
                  struct tide_vec *out)
{
    const double *a = tide_eval_arg(eval, node, 0)->f64;
    TIDE_FOR_SEL(i, sel)
    {
        out->f64[i] = node->index == 1 ? fabs(a[i]) : -a[i];
    }
}

/* ---- decimals ---- */

static struct tide_decimal
decimal_at(const struct tide_eval *eval, const struct tide_expr *node, uint32_t arg, uint32_t i)
{
    return (struct tide_decimal){tide_eval_arg(eval, node, arg)->i128[i],
                                 node->args[arg]->type.scale};
}

static void
decimal_overflow(struct tide_eval *eval, uint32_t row, const struct tide_expr *node,
                 struct tide_vec *out)
{
    out->nulls[row] = 1;
    if (node->ansi) {
        tide_eval_fail(eval, row, "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
                       "the result of %s has more digits than DECIMAL(%u,%u)", node->name,
                       node->type.precision, node->type.scale);
    }
}

typedef bool decimal_fn(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                        tide_i128 *out);

static bool
decimal_subtract(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
                 tide_i128 *out)
{
    b.value = -b.value;
    return tide_decimal_add(a, b, type, out);
}

static bool
decimal_pmod(struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
             tide_i128 *out)
{
    uint32_t scale = a.scale > b.scale ? a.scale : b.scale;
    struct tide_type exact = tide_type_decimal(TIDE_DECIMAL_DIGITS, scale);
    struct tide_decimal rest = {.scale = scale};
    if (!tide_decimal_remainder(a, b, &exact, &rest.value)) {
        return false;
    }
    if (rest.value < 0) {
        return tide_decimal_add(rest, b, &exact, &rest.value) &&
               tide_decimal_remainder(rest, b, type, out);
    }
    return tide_decimal_rescale(rest.value, scale, type->precision, type->scale, out);
}

/* The operations by node->index. */
enum decimal_op {
    DECIMAL_ADD,
    DECIMAL_SUBTRACT,
    DECIMAL_MULTIPLY,
    DECIMAL_DIVIDE,
    DECIMAL_REST,
    DECIMAL_PMOD
};
static decimal_fn *const decimal_fns[] = {
    tide_decimal_add,    decimal_subtract,       tide_decimal_multiply,
    tide_decimal_divide, tide_decimal_remainder, decimal_pmod,
};

static void
eval_decimal(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
             struct tide_vec *out)
{
    decimal_fn *fn = decimal_fns[node->index];
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_decimal a = decimal_at(eval, node, 0, i), b = decimal_at(eval, node, 1, i);
        if (b.value == 0 && node->index >= DECIMAL_DIVIDE) {
            divided_by_zero(eval, i, node, out);
        } else if (!fn(a, b, &node->type, &out->i128[i])) {
            decimal_overflow(eval, i, node, out);
        }
    }
}

static void
eval_div_decimal(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
                 struct tide_vec *out)
{
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_decimal a = decimal_at(eval, node, 0, i), b = decimal_at(eval, node, 1, i);
        bool fits;
        if (b.value == 0) {
            divided_by_zero(eval, i, node, out);
        } else {
            out->i64[i] = tide_decimal_quotient(a, b, &fits);
        }
    }
}

static void
eval_negate_decimal(struct tide_eval *eval, const struct tide_expr *node,
                    const struct tide_sel *sel, struct tide_vec *out)
{
    const tide_i128 *a = tide_eval_arg(eval, node, 0)->i128;
    TIDE_FOR_SEL(i, sel)
    {
        out->i128[i] = node->index == 1 && a[i] >= 0 ? a[i] : tide_decimal_round_34(-a[i]);
        if (!tide_decimal_fits(out->i128[i], node->type.precision)) {
            out->nulls[i] = 1;
            tide_eval_fail(eval, i, "NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION",
                           "the result of %s, rounded to 34 digits, is no DECIMAL(%u,%u)",
                           node->name, node->type.precision, node->type.scale);
        }
    }
}

/* ---- binding ---- */

static int
wrong_type(struct tide_binder *b, const struct tide_expr *call, const char *wanted)
{
    char text[TIDE_TYPE_TEXT];
    return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE",
                           "%s takes %s, not %s", call->name, wanted,
                           tide_bind_type_text(&call->args[0]->type, text));
}

/* Dates and times have arithmetic of their own. */
static bool
is_time_arithmetic(const struct tide_expr *call)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t id = call->args[i]->type.id;
        if (id == TIDE_TYPE_DATE || id == TIDE_TYPE_TIMESTAMP) {
            return true;
        }
    }
    return false;
}

static int
refuse_time(struct tide_binder *b, const struct tide_expr *call)
{
    const struct tide_type *x = &call->args[0]->type, *y = &call->args[1]->type;
    if (call->fn->name[0] == '+' && (x->id == TIDE_TYPE_STRING || y->id == TIDE_TYPE_STRING)) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                               "a text is no number of days");
    }
    return tide_bind_unsupported(b, call->at, "arithmetic with DATE and TIMESTAMP is");
}

/* Eval functions of an operator for integral, FLOAT, DOUBLE. */
struct kernels {
    tide_fn_eval *integral, *single, *dbl;
    enum decimal_op decimal;
    enum tide_decimal_op type;
    bool nullable; /* also from operands that are not NULL */
    uint32_t index;
};

static int
bind_numbers(struct tide_binder *b, struct tide_expr *call, const struct kernels *kernels)
{
    const struct tide_type *type;
    int rc;
    if (is_time_arithmetic(call)) {
        return refuse_time(b, call);
    }
    rc = tide_coerce_arithmetic(b, call, false);
    if (rc < 0) {
        return rc;
    }
    type = &call->args[0]->type;
    if (!tide_type_is_number(type)) {
        return wrong_type(b, call, "numbers");
    }
    call->type = *type;
    call->index = kernels->index;
    call->nullable = call->args[0]->nullable || call->args[1]->nullable || kernels->nullable;
    call->may_fail |= call->ansi && (kernels->nullable || !tide_type_is_float(type));
    if (type->id == TIDE_TYPE_DECIMAL) {
        call->type = tide_decimal_result(kernels->type, type, &call->args[1]->type);
        call->index = kernels->decimal;
        call->eval = eval_decimal;
        call->nullable |= !call->ansi;
    } else if (tide_type_is_integral(type)) {
        call->eval = kernels->integral;
    } else {
        call->eval = type->id == TIDE_TYPE_FLOAT ? kernels->single : kernels->dbl;
    }
    return TIDE_OK;
}

static int
bind_add(struct tide_binder *b, struct tide_expr *call)
{
    static const struct kernels kernels = {.integral = eval_add_integral,
                                           .single = eval_add_float,
                                           .dbl = eval_add_double,
                                           .decimal = DECIMAL_ADD,
                                           .type = TIDE_DECIMAL_ADD};
    return bind_numbers(b, call, &kernels);
}

static int
bind_subtract(struct tide_binder *b, struct tide_expr *call)
{
    static const struct kernels kernels = {.integral = eval_subtract_integral,
                                           .single = eval_subtract_float,
                                           .dbl = eval_subtract_double,
                                           .decimal = DECIMAL_SUBTRACT,
                                           .type = TIDE_DECIMAL_ADD};
    return bind_numbers(b, call, &kernels);
}

static int
bind_multiply(struct tide_binder *b, struct tide_expr *call)
{
    static const struct kernels kernels = {.integral = eval_multiply_integral,
                                           .single = eval_multiply_float,
                                           .dbl = eval_multiply_double,
                                           .decimal = DECIMAL_MULTIPLY,
                                           .type = TIDE_DECIMAL_MULTIPLY};
    return bind_numbers(b, call, &kernels);
}

static int
bind_remainder(struct tide_binder *b, struct tide_expr *call)
{
    static const struct kernels kernels = {.integral = eval_remainder_integral,
                                           .single = eval_remainder_float,
                                           .dbl = eval_remainder_float,
                                           .decimal = DECIMAL_REST,
                                           .type = TIDE_DECIMAL_REMAINDER,
                                           .nullable = true};
    return bind_numbers(b, call, &kernels);
}

static int
bind_pmod(struct tide_binder *b, struct tide_expr *call)
{
    static const struct kernels kernels = {.integral = eval_pmod_integral,
                                           .single = eval_remainder_float,
                                           .dbl = eval_remainder_float,
                                           .decimal = DECIMAL_PMOD,
                                           .type = TIDE_DECIMAL_REMAINDER,
                                           .nullable = true,
                                           .index = 1};
    return bind_numbers(b, call, &kernels);
}

/* Casts what is no decimal to @type. */
static int
cast_unless_decimal(struct tide_binder *b, struct tide_expr *call, enum tide_type_id id)
{
    struct tide_type type = tide_type_of(id);
    bool whole = id == TIDE_TYPE_LONG;
    for (uint32_t i = 0; i < 2; i++) {
        const struct tide_type *from = &call->args[i]->type;
        bool fits = whole ? tide_type_is_integral(from)
                          : tide_type_is_number(from) && from->id != TIDE_TYPE_DECIMAL;
        int rc =
            fits || from->id == TIDE_TYPE_NULL ? tide_coerce_to(b, &call->args[i], &type) : TIDE_OK;
        if (rc < 0) {
            return rc;
        }
    }
    return TIDE_OK;
}

static int
bind_divide(struct tide_binder *b, struct tide_expr *call)
{
    static const struct kernels kernels = {.dbl = eval_divide_double,
                                           .decimal = DECIMAL_DIVIDE,
                                           .type = TIDE_DECIMAL_DIVIDE,
                                           .nullable = true};
    int rc;
    if (is_time_arithmetic(call)) {
        return refuse_time(b, call);
    }
    rc = tide_coerce_arithmetic(b, call, false);
    if (rc == TIDE_OK) {
        rc = cast_unless_decimal(b, call, TIDE_TYPE_DOUBLE);
    }
    return rc < 0 ? rc : bind_numbers(b, call, &kernels);
}

static int
bind_div(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_type *type;
    int rc = tide_coerce_arithmetic(b, call, true);
    if (rc == TIDE_OK) {
        rc = cast_unless_decimal(b, call, TIDE_TYPE_LONG);
    }
    if (rc < 0) {
        return rc;
    }
    type = &call->args[0]->type;
    if (type->id != TIDE_TYPE_LONG && type->id != TIDE_TYPE_DECIMAL) {
        return wrong_type(b, call, "whole numbers and decimals");
    }
    call->eval = type->id == TIDE_TYPE_LONG ? eval_div_integral : eval_div_decimal;
    call->type = tide_type_of(TIDE_TYPE_LONG);
    call->nullable = true;
    call->may_fail |= call->ansi;
    return TIDE_OK;
}

static int
bind_negative(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_type *type;
    int rc = tide_coerce_param(b, call, 0, 'n');
    if (rc < 0) {
        return rc;
    }
    type = &call->args[0]->type;
    call->type = *type;
    call->index = call->fn->name[0] == 'a';
    call->may_fail |= call->ansi || type->id == TIDE_TYPE_DECIMAL;
    call->eval = type->id == TIDE_TYPE_DECIMAL ? eval_negate_decimal
                 : tide_type_is_float(type)    ? eval_negate_float
                                               : eval_negate_integral;
    return TIDE_OK;
}

static void
eval_positive(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
              struct tide_vec *out)
{
    TIDE_FOR_SEL(i, sel)
    {
        tide_vec_move(out, tide_eval_arg(eval, node, 0), i);
    }
}

static int
bind_positive(struct tide_binder *b, struct tide_expr *call)
{
    int rc = tide_coerce_param(b, call, 0, 'n');
    if (rc == TIDE_OK) {
        call->type = call->args[0]->type;
    }
    return rc;
}

const struct tide_fn tide_fns_arithmetic[] = {
    {.name = "+",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_add,
     .usage = "a + b",
     .doc = "Sum of two numbers.",
     .since = "1.0.0"},
    {.name = "-",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_subtract,
     .usage = "a - b",
     .doc = "Difference of two numbers.",
     .since = "1.0.0"},
    {.name = "*",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_multiply,
     .usage = "a * b",
     .doc = "Product of two numbers.",
     .since = "1.0.0"},
    {.name = "/",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_divide,
     .usage = "a / b",
     .doc = "Quotient as DOUBLE or DECIMAL; NULL, with ANSI an error, by zero.",
     .since = "1.0.0"},
    {.name = "%",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_remainder,
     .usage = "a % b",
     .doc = "Remainder with the sign of a; NULL, with ANSI an error, by zero.",
     .since = "1.0.0"},
    {.name = "mod",
     .args_min = 2,
     .args_max = 2,
     .bind = bind_remainder,
     .usage = "mod(a, b)",
     .doc = "Remainder, as a % b.",
     .since = "2.3.0"},
    {.name = "div",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_div,
     .usage = "a div b",
     .doc = "Whole part of a quotient, as BIGINT.",
     .since = "3.0.0"},
    {.name = "pmod",
     .args_min = 2,
     .args_max = 2,
     .bind = bind_pmod,
     .usage = "pmod(a, b)",
     .doc = "Remainder that is not negative.",
     .since = "1.5.0"},
    {.name = "negative",
     .args_min = 1,
     .args_max = 1,
     .print = TIDE_PRINT_PREFIX,
     .bind = bind_negative,
     .usage = "- a",
     .doc = "The number with its other sign.",
     .since = "1.0.0",
     .shown = "-"},
    {.name = "positive",
     .args_min = 1,
     .args_max = 1,
     .print = TIDE_PRINT_PREFIX,
     .bind = bind_positive,
     .eval = eval_positive,
     .usage = "+ a",
     .doc = "The number itself.",
     .since = "1.5.0",
     .shown = "+"},
    {.name = "abs",
     .args_min = 1,
     .args_max = 1,
     .bind = bind_negative,
     .usage = "abs(a)",
     .doc = "The number without its sign.",
     .since = "1.2.0"},
    {.name = NULL},
};
