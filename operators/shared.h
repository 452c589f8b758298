/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operators of this folder have in common: the life of what bind made, SQL options, the
 * rows of one call, and rows that are too large.
 */
#ifndef TIDE_OPERATORS_SHARED_H
#define TIDE_OPERATORS_SHARED_H

#include <tidemark/plugin.h>

/* Rows taken in one call at most: bounds the time of a step and the memory of an evaluation. */
#define TIDE_OP_ROWS 256u

/* What open hands to the tasks. */
struct tide_op_shared {
    const struct tide_host *host;
    void *bound;
};

/* tide_kind.open and close of every operator here: nothing but what bind made is shared. @thread
 * start */
int tide_op_open(const struct tide_host *host, void *bound, void **out_shared,
                 struct tide_error *err);
void tide_op_close(void *shared);

/* @n zeroed bytes of the host's, or TIDE_ERR_NOMEM in @err. @thread start */
int tide_op_alloc(const struct tide_host *host, size_t n, void **out, struct tide_error *err);

/*
 * Compiles the items of LIST option @option over the operator's input; an empty item stands for
 * @blank (NULL: there is no such thing). An error is blamed on the item and keeps the code and the
 * text of the compiler. @thread start
 */
int tide_op_compile(const struct tide_bind *in, const char *option, const char *blank,
                    struct tide_program **out_program, struct tide_error *err);

/*
 * Blames item @i of @option, byte @at of it, for @why: as host->option_error, but with the code and
 * the text of @why, because steps are written in other words than the options they are lowered to.
 * Returns the code. @thread start
 */
int tide_op_blame(const struct tide_bind *in, const char *option, uint32_t i, int32_t at,
                  const struct tide_error *why, struct tide_error *err);

/* How many of @in's rows to take, when each makes at most one row of @out. */
static inline uint32_t
tide_op_rows(const struct tide_batch *in, const struct tide_writer *out)
{
    uint32_t n = in->n < TIDE_OP_ROWS ? in->n : TIDE_OP_ROWS;
    uint32_t room = out->n_max - out->n;
    return n < room ? n : room;
}

/* The answer of process() when @consumed rows of @in are done with. */
static inline enum tide_step
tide_op_taken(const struct tide_batch *in, uint32_t consumed)
{
    return consumed == in->n ? TIDE_STEP_IDLE : TIDE_STEP_MORE;
}

/* Rejects row @i of @in, of which an empty writer cannot take the result. @thread task */
enum tide_reject tide_op_reject_large(const struct tide_host *host, struct tide_task *task,
                                      const struct tide_batch *in, uint32_t i);

#endif
