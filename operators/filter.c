/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: keeps the rows whose condition is true. False and NULL leave a row out, and it is counted
 * as filtered; so does a condition that failed, with onError: setNull.
 *
 * Threads: bind, open, task_open on a control thread; process on the task's worker.
 */
#include <stdio.h>

#include <tidemark/plugin.h>

#include "list.h"
#include "shared.h"
#include "value.h"

struct filter_bound {
    const struct tide_host *host;
    const struct tide_schema *schema;
    struct tide_program *program;
};

struct filter {
    const struct tide_host *host;
    struct tide_task *task;
    const struct filter_bound *bound;
    struct tide_eval *eval;
};

/* ---- binding ---- */

static int
check_type(const struct tide_bind *in, const struct filter_bound *bound, struct tide_error *err)
{
    const struct tide_field *fields;
    char type[TIDE_OP_TYPE_TEXT];
    uint32_t n = in->host->expr_fields(bound->program, &fields);
    if (n == 1 && (fields[0].type.id == TIDE_TYPE_BOOLEAN || fields[0].type.id == TIDE_TYPE_NULL)) {
        return 0;
    }
    if (n != 1) {
        return in->host->option_error(in->options, "condition", 0, 0, err,
                                      "a star is no condition");
    }
    struct tide_error why = {.code = TIDE_ERR_INVALID};
    snprintf(why.text, sizeof(why.text),
             "[DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN] Cannot resolve \"%s\" due to data type "
             "mismatch: Filter expression \"%s\" of type \"%s\" is not a boolean.",
             fields[0].name, fields[0].name, tide_op_type_text(&fields[0].type, type));
    return tide_op_blame(in, "condition", 0, 0, &why, err);
}

static void
filter_unbind(void *bound_)
{
    struct filter_bound *bound = bound_;
    bound->host->expr_free(bound->program);
    bound->host->free(bound->host, bound);
}

static int
compile(const struct tide_bind *in, struct filter_bound *bound, struct tide_error *err)
{
    struct tide_expr_item item = {.text = in->host->option_str(in->options, "condition")};
    struct tide_error why = {.at = -1};
    uint32_t bad;
    int rc = in->host->expr_compile(in->host, in->expr, &item, 1, in->inputs[0], &bound->program,
                                    &bad, &why);
    if (rc != 0) {
        why.code = rc;
        return tide_op_blame(in, "condition", 0, why.at, &why, err);
    }
    return check_type(in, bound, err);
}

static int
filter_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
            struct tide_error *err)
{
    void *block;
    int rc = tide_op_alloc(in->host, sizeof(struct filter_bound), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct filter_bound *bound = block;
    bound->host = in->host;
    bound->schema = in->inputs[0];
    rc = compile(in, bound, err);
    if (rc != 0) {
        filter_unbind(bound);
        return rc;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = bound->schema->fields;
    out_traits->n_fields[0] = bound->schema->n;
    out_traits->deterministic = true;
    out_traits->keeps_order = true;
    out_traits->may_reject = in->host->expr_may_fail(bound->program);
    *out_bound = bound;
    return 0;
}

/* ---- a task ---- */

static void
filter_task_close(void *self_)
{
    struct filter *self = self_;
    self->host->eval_destroy(self->eval);
    self->host->free(self->host, self);
}

static int
filter_task_open(void *shared_, const struct tide_task_info *info, void **out_self,
                 struct tide_error *err)
{
    const struct tide_op_shared *shared = shared_;
    void *block;
    int rc = tide_op_alloc(shared->host, sizeof(struct filter), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct filter *self = block;
    *self = (struct filter){.host = shared->host, .task = info->task, .bound = shared->bound};
    rc = self->host->eval_create(self->bound->program, TIDE_OP_ROWS, &self->eval, err);
    if (rc != 0) {
        filter_task_close(self);
        return rc;
    }
    *out_self = self;
    return 0;
}

/* ---- rows ---- */

/* Copies a row whose condition is true: SKIP when it is done with. */
static enum tide_reject
pass_row(struct filter *self, struct tide_writer *writer, const struct tide_batch *in, uint32_t i)
{
    uint8_t *slot = tide_writer_row(writer);
    if (slot != NULL &&
        self->host->row_copy(self->task, writer, slot, in, i, self->bound->schema->n)) {
        tide_writer_commit(writer);
        return TIDE_REJECT_SKIP;
    }
    if (writer->n > 0) {
        return TIDE_REJECT_BLOCKED;
    }
    enum tide_reject fate = tide_op_reject_large(self->host, self->task, in, i);
    return fate == TIDE_REJECT_SETNULL ? TIDE_REJECT_SKIP : fate;
}

static bool
is_true(const struct tide_vec *condition, uint32_t i)
{
    uint32_t at = tide_vec_at(condition, i);
    return condition->nulls[at] == 0 && condition->i64[at] != 0;
}

/* One row: SKIP when it is done with. @error: of its condition, or NULL. */
static enum tide_reject
filter_row(struct filter *self, struct tide_writer *writer, const struct tide_batch *in, uint32_t i,
           const struct tide_vec *condition, const struct tide_row_error *error)
{
    if (error != NULL) {
        enum tide_reject fate =
            self->host->reject(self->task, in, i, error->error_class, error->text);
        if (fate != TIDE_REJECT_SETNULL) {
            return fate;
        }
    } else if (is_true(condition, i)) {
        return pass_row(self, writer, in, i);
    }
    self->host->count(self->task, "filtered", 1);
    return TIDE_REJECT_SKIP;
}

static enum tide_step
filter_process(void *self_, uint32_t port, const struct tide_batch *in, uint32_t *out_consumed,
               struct tide_writer *const *out)
{
    struct filter *self = self_;
    const struct tide_vec *condition;
    const struct tide_row_error *errors;
    uint32_t n_errors;
    uint32_t n = tide_op_rows(in, out[0]);
    (void)port;
    *out_consumed = 0;
    if (n == 0) {
        return in->n == 0 ? TIDE_STEP_IDLE : TIDE_STEP_BLOCKED;
    }
    self->host->eval_run(self->eval, in, 0, n, &condition, &errors, &n_errors);
    for (uint32_t i = 0; i < n; i++) {
        bool failed = n_errors > 0 && errors->row == i;
        enum tide_reject fate = filter_row(self, out[0], in, i, condition, failed ? errors : NULL);
        if (fate != TIDE_REJECT_SKIP) {
            return fate == TIDE_REJECT_FAIL ? TIDE_STEP_FAILED : TIDE_STEP_BLOCKED;
        }
        *out_consumed = i + 1;
        errors += failed;
        n_errors -= failed;
    }
    return tide_op_taken(in, n);
}

static const struct tide_option filter_options[] = {
    {.name = "condition",
     .type = TIDE_OPTION_STRING,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "a BOOLEAN expression of SQL; rows for which it is true are kept"},
    {0},
};

const struct tide_operator tide_op_filter = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_operator),
            .type = TIDE_KIND_OPERATOR,
            .name = "filter",
            .doc = "keeps the rows whose condition is true",
            .options = filter_options,
            .bind = filter_bind,
            .unbind = filter_unbind,
            .open = tide_op_open,
            .close = tide_op_close,
            .task_open = filter_task_open,
            .task_close = filter_task_close,
        },
    .process = filter_process,
};
