/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bits: & | ^ ~ over integral types. The result has the wider type of the two.
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
     .bind = bind_not,
     .eval = eval_not,
     .usage = "~ a",
     .doc = "The bits the other way round.",
     .since = "1.4.0"},
    {.name = NULL},
};
