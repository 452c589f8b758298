/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bits: & | ^ ~ over integral types, shifts of INT and BIGINT. The result of two has the wider
 * type.
 */
#include "sql/functions.h"
#include "sql/types.h"

#define EVAL_BITS(name, expression)                                        \
    static void name(struct tide_eval *eval, const struct tide_expr *node, \
                     const struct tide_sel *sel, struct tide_vec *out)     \
    {                                                                      \
        const int64_t *a = tide_eval_arg(eval, node, 0)->i64;              \
        const int64_t *b = tide_eval_arg(eval, node, 1)->i64;              \
        TIDE_FOR_SEL(i, sel)                                               \
        {                                                                  \
            out->i64[i] = (expression);                                    \
        }                                                                  \
    }

EVAL_BITS(eval_and, a[i] & b[i])
EVAL_BITS(eval_or, a[i] | b[i])
EVAL_BITS(eval_xor, a[i] ^ b[i])

static void
eval_not(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
         struct tide_vec *out)
{
    const int64_t *a = tide_eval_arg(eval, node, 0)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] = ~a[i];
    }
}

/* The number of places counts modulo the width, as in Java. */
#define EVAL_SHIFT(name, narrow, wide)                                     \
    static void name(struct tide_eval *eval, const struct tide_expr *node, \
                     const struct tide_sel *sel, struct tide_vec *out)     \
    {                                                                      \
        const int64_t *a = tide_eval_arg(eval, node, 0)->i64;              \
        const int64_t *b = tide_eval_arg(eval, node, 1)->i64;              \
        bool is_int = node->type.id == TIDE_TYPE_INT;                      \
        TIDE_FOR_SEL(i, sel)                                               \
        {                                                                  \
            out->i64[i] = is_int ? (int32_t)(narrow) : (int64_t)(wide);    \
        }                                                                  \
    }

EVAL_SHIFT(eval_left, (uint32_t)a[i] << (b[i] & 31), (uint64_t)a[i] << (b[i] & 63))
EVAL_SHIFT(eval_right, (int32_t)a[i] >> (b[i] & 31), a[i] >> (b[i] & 63))
EVAL_SHIFT(eval_right_unsigned, (uint32_t)a[i] >> (b[i] & 31), (uint64_t)a[i] >> (b[i] & 63))

static int
bind_shift(struct tide_binder *b, struct tide_expr *call)
{
    int rc = tide_coerce_param(b, call, 0, call->args[0]->type.id == TIDE_TYPE_LONG ? 'l' : 'i');
    call->type = call->args[0]->type;
    return rc < 0 ? rc : tide_coerce_param(b, call, 1, 'i');
}

static int
bind_bits(struct tide_binder *b, struct tide_expr *call)
{
    char text[TIDE_TYPE_TEXT];
    int rc = tide_coerce_arithmetic(b, call, true);
    if (rc < 0) {
        return rc;
    }
    if (!tide_type_is_integral(&call->args[0]->type)) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE",
                               "%s takes whole numbers, not %s", call->name,
                               tide_bind_type_text(&call->args[0]->type, text));
    }
    call->type = call->args[0]->type;
    return TIDE_OK;
}

static int
bind_not(struct tide_binder *b, struct tide_expr *call)
{
    int rc = tide_coerce_param(b, call, 0, 'I');
    if (rc == TIDE_OK) {
        call->type = call->args[0]->type;
    }
    return rc;
}

const struct tide_fn tide_fns_bits[] = {
    {.name = "&",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_bits,
     .eval = eval_and,
     .usage = "a & b",
     .doc = "Bits that both have.",
     .since = "1.4.0"},
    {.name = "|",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_bits,
     .eval = eval_or,
     .usage = "a | b",
     .doc = "Bits that either has.",
     .since = "1.4.0"},
    {.name = "^",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_bits,
     .eval = eval_xor,
     .usage = "a ^ b",
     .doc = "Bits that just one has.",
     .since = "1.4.0"},
    {.name = "~",
     .args_min = 1,
     .args_max = 1,
     .print = TIDE_PRINT_OWN,
     .bind = bind_not,
     .eval = eval_not,
     .usage = "~ a",
     .doc = "The bits the other way round.",
     .since = "1.4.0"},
    {.name = "<<",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_shift,
     .eval = eval_left,
     .usage = "a << n",
     .doc = "Bits moved to the left.",
     .since = "4.0.0"},
    {.name = ">>",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_shift,
     .eval = eval_right,
     .usage = "a >> n",
     .doc = "Bits moved to the right, the sign kept.",
     .since = "4.0.0"},
    {.name = ">>>",
     .args_min = 2,
     .args_max = 2,
     .print = TIDE_PRINT_INFIX,
     .bind = bind_shift,
     .eval = eval_right_unsigned,
     .usage = "a >>> n",
     .doc = "Bits moved to the right, zeroes behind them.",
     .since = "4.0.0"},
    {.name = "shiftleft",
     .args_min = 2,
     .args_max = 2,
     .bind = bind_shift,
     .eval = eval_left,
     .usage = "shiftleft(a, n)",
     .doc = "Bits moved to the left.",
     .since = "1.5.0"},
    {.name = "shiftright",
     .args_min = 2,
     .args_max = 2,
     .bind = bind_shift,
     .eval = eval_right,
     .usage = "shiftright(a, n)",
     .doc = "Bits moved to the right, the sign kept.",
     .since = "1.5.0"},
    {.name = "shiftrightunsigned",
     .args_min = 2,
     .args_max = 2,
     .bind = bind_shift,
     .eval = eval_right_unsigned,
     .usage = "shiftrightunsigned(a, n)",
     .doc = "Bits moved to the right, zeroes behind them.",
     .since = "1.5.0"},
    {.name = NULL},
};
