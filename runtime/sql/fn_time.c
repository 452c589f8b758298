/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: current_timestamp, which in a stream is the time at which the row's record came in: the
 * same in every operator, whatever the batch.
 */
#include "sql/functions.h"

static void
eval_current_timestamp(struct tide_eval *eval, const struct tide_expr *node,
                       const struct tide_sel *sel, struct tide_vec *out)
{
    (void)node;
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] = (int64_t)(tide_eval_hdr(eval, i)->ingest_ns / 1000);
    }
}

static int
bind_current_timestamp(struct tide_binder *b, struct tide_expr *call)
{
    (void)b;
    call->type = tide_type_of(TIDE_TYPE_TIMESTAMP);
    return TIDE_OK;
}

const struct tide_fn tide_fns_time[] = {
    {.name = "current_timestamp",
     .args_min = 0,
     .args_max = 0,
     .random = true,
     .nulls = TIDE_NULLS_NEVER,
     .bind = bind_current_timestamp,
     .eval = eval_current_timestamp,
     .usage = "current_timestamp()",
     .doc = "The time at which the row's record came in.",
     .since = "1.5.0"},
    {.name = "now",
     .args_min = 0,
     .args_max = 0,
     .random = true,
     .nulls = TIDE_NULLS_NEVER,
     .bind = bind_current_timestamp,
     .eval = eval_current_timestamp,
     .usage = "now()",
     .doc = "The time at which the row's record came in.",
     .since = "1.6.0"},
    {.name = NULL},
};
