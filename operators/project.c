/* SPDX-License-Identifier: Apache-2.0 */
/*
 * project: each row becomes the row of its items' values. select, selectExpr, withColumns,
 * withColumnRenamed and drop are lowered to it.
 *
 * A row that fails is rejected, and with onError: setNull becomes a row of NULLs. When the writer
 * is full the rows that are left are presented again and evaluated again; `fit` keeps that work in
 * proportion to the rows that a writer takes.
 *
 * Threads: bind, open, task_open on a control thread; process on the task's worker.
 */
#include <tidemark/plugin.h>

#include "list.h"
#include "shared.h"
#include "value.h"

struct project_bound {
    const struct tide_host *host;
    struct tide_program *program;
    struct tide_field *fields;
    uint32_t n;
};

struct project {
    const struct tide_host *host;
    struct tide_task *task;
    const struct project_bound *bound;
    struct tide_eval *eval;
    uint32_t fit;      /* rows that the writer is likely to take */
    bool first_nulled; /* the first row was rejected already, and NULLs are to stand in its place */
};

/* ---- binding ---- */

/* Columns that item @i alone gives. */
static int
columns_of(const struct tide_bind *in, uint32_t i, uint32_t *out_n, struct tide_error *err)
{
    struct tide_expr_item item = {.text = in->host->option_list_at(in->options, "items", i)};
    struct tide_program *program;
    const struct tide_field *fields;
    uint32_t bad;
    int rc =
        in->host->expr_compile(in->host, in->expr, &item, 1, in->inputs[0], &program, &bad, err);
    if (rc == 0) {
        *out_n = in->host->expr_fields(program, &fields);
        in->host->expr_free(program);
    }
    return rc;
}

/* Puts the names that were given over the items' own. A star widens the list, so that the columns
 * of each item are counted where the two lengths differ. */
static int
name_fields(const struct tide_bind *in, struct project_bound *bound, struct tide_error *err)
{
    const struct tide_host *host = in->host;
    uint32_t n_items = host->option_list_len(in->options, "items");
    uint32_t n_names = host->option_list_len(in->options, "names");
    uint32_t at = 0;
    if (n_names != 0 && n_names != n_items) {
        return host->option_error(in->options, "names", 0, -1, err, "%u names for %u items",
                                  n_names, n_items);
    }
    for (uint32_t i = 0; i < n_names; i++) {
        const char *name = host->option_list_at(in->options, "names", i);
        uint32_t count = 1;
        int rc = bound->n == n_items ? 0 : columns_of(in, i, &count, err);
        if (rc != 0) {
            return rc;
        }
        if (name[0] != 0 && count != 1) {
            return host->option_error(in->options, "items", i, -1, err,
                                      "gives %u columns, so that it cannot be named %s", count,
                                      name);
        }
        if (name[0] != 0) {
            bound->fields[at].name = name;
        }
        at += count;
    }
    return 0;
}

static int
make_fields(const struct tide_bind *in, struct project_bound *bound, struct tide_error *err)
{
    const struct tide_field *fields;
    void *block;
    bound->n = in->host->expr_fields(bound->program, &fields);
    int rc = tide_op_alloc(in->host, (bound->n + 1u) * sizeof(*fields), &block, err);
    if (rc != 0) {
        return rc;
    }
    bound->fields = block;
    memcpy(bound->fields, fields, bound->n * sizeof(*fields));
    return name_fields(in, bound, err);
}

/* Rows can fail, or be larger than what they were made of. */
static bool
may_reject(const struct project_bound *bound)
{
    bool may = bound->host->expr_may_fail(bound->program);
    for (uint32_t f = 0; f < bound->n; f++) {
        may = may || tide_op_type_in_heap(&bound->fields[f].type);
    }
    return may;
}

static void
project_unbind(void *bound_)
{
    struct project_bound *bound = bound_;
    const struct tide_host *host = bound->host;
    host->expr_free(bound->program);
    host->free(host, bound->fields);
    host->free(host, bound);
}

static int
project_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
             struct tide_error *err)
{
    void *block;
    int rc = tide_op_alloc(in->host, sizeof(struct project_bound), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct project_bound *bound = block;
    bound->host = in->host;
    rc = tide_op_compile(in, "items", NULL, &bound->program, err);
    rc = rc != 0 ? rc : make_fields(in, bound, err);
    if (rc != 0) {
        project_unbind(bound);
        return rc;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = bound->fields;
    out_traits->n_fields[0] = bound->n;
    out_traits->deterministic = true;
    out_traits->keeps_order = true;
    out_traits->may_reject = may_reject(bound);
    *out_bound = bound;
    return 0;
}

/* ---- a task ---- */

static void
project_task_close(void *self_)
{
    struct project *self = self_;
    self->host->eval_destroy(self->eval);
    self->host->free(self->host, self);
}

static int
project_task_open(void *shared_, const struct tide_task_info *info, void **out_self,
                  struct tide_error *err)
{
    const struct tide_op_shared *shared = shared_;
    void *block;
    int rc = tide_op_alloc(shared->host, sizeof(struct project), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct project *self = block;
    *self = (struct project){
        .host = shared->host, .task = info->task, .bound = shared->bound, .fit = TIDE_OP_ROWS};
    rc = self->host->eval_create(self->bound->program, TIDE_OP_ROWS, &self->eval, err);
    if (rc != 0) {
        project_task_close(self);
        return rc;
    }
    *out_self = self;
    return 0;
}

/* ---- rows ---- */

/* False: the writer is full. */
static bool
write_row(struct project *self, struct tide_writer *writer, const struct tide_batch *in, uint32_t i,
          const struct tide_vec *columns, bool nulls)
{
    uint8_t *slot = tide_writer_row(writer);
    if (slot == NULL || !self->host->row_inherit(self->task, writer, slot, in, i, 0)) {
        return false;
    }
    for (uint32_t f = 0; f < self->bound->n; f++) {
        if (nulls) {
            tide_slot_set_null(slot, f);
        } else if (!self->host->value_copy(writer, slot, f, &columns[f], i)) {
            return false;
        }
    }
    tide_writer_commit(writer);
    return true;
}

/* A row that an empty writer cannot take: SKIP when it is done with. */
static enum tide_reject
reject_large(struct project *self, struct tide_writer *writer, const struct tide_batch *in,
             uint32_t i)
{
    enum tide_reject fate = tide_op_reject_large(self->host, self->task, in, i);
    if (fate != TIDE_REJECT_SETNULL) {
        return fate;
    }
    if (write_row(self, writer, in, i, NULL, true)) {
        return TIDE_REJECT_SKIP;
    }
    self->host->fail(self->task, TIDE_ERR_LIMIT,
                     "a record does not fit runtime.maxRecordSize even with NULLs in its place");
    return TIDE_REJECT_FAIL;
}

/* One row: SKIP when it is done with, written or rejected. @error: of its evaluation, or NULL. */
static enum tide_reject
project_row(struct project *self, struct tide_writer *writer, const struct tide_batch *in,
            uint32_t i, const struct tide_vec *columns, const struct tide_row_error *error)
{
    bool nulls = i == 0 && self->first_nulled;
    if (error != NULL && !nulls) {
        enum tide_reject fate =
            self->host->reject(self->task, in, i, error->error_class, error->text);
        if (fate != TIDE_REJECT_SETNULL) {
            return fate;
        }
        nulls = true;
    }
    if (write_row(self, writer, in, i, columns, nulls)) {
        return TIDE_REJECT_SKIP;
    }
    self->first_nulled = nulls;
    return writer->n > 0 ? TIDE_REJECT_BLOCKED : reject_large(self, writer, in, i);
}

static enum tide_step
project_process(void *self_, uint32_t port, const struct tide_batch *in, uint32_t *out_consumed,
                struct tide_writer *const *out)
{
    struct project *self = self_;
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    uint32_t n_errors;
    uint32_t n = tide_op_rows(in, out[0]);
    (void)port;
    *out_consumed = 0;
    if (n == 0) {
        return in->n == 0 ? TIDE_STEP_IDLE : TIDE_STEP_BLOCKED;
    }
    n = n < self->fit ? n : self->fit;
    self->host->eval_run(self->eval, in, 0, n, &columns, &errors, &n_errors);
    for (uint32_t i = 0; i < n; i++) {
        bool failed = n_errors > 0 && errors->row == i;
        enum tide_reject fate = project_row(self, out[0], in, i, columns, failed ? errors : NULL);
        if (fate != TIDE_REJECT_SKIP) {
            self->fit = i < 8 ? 8 : i;
            return fate == TIDE_REJECT_FAIL ? TIDE_STEP_FAILED : TIDE_STEP_BLOCKED;
        }
        self->first_nulled = false;
        *out_consumed = i + 1;
        errors += failed;
        n_errors -= failed;
    }
    self->fit = self->fit < TIDE_OP_ROWS / 2 ? self->fit * 2 : TIDE_OP_ROWS;
    return tide_op_taken(in, n);
}

static const struct tide_option project_options[] = {
    {.name = "items",
     .type = TIDE_OPTION_LIST,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "SQL items over the input's columns; a star stands for all of them"},
    {.name = "names",
     .type = TIDE_OPTION_LIST,
     .doc = "name of each item's column; an empty one, or none at all: the item's own"},
    {0},
};

const struct tide_operator tide_op_project = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_operator),
            .type = TIDE_KIND_OPERATOR,
            .name = "project",
            .doc = "computes the columns of each row anew",
            .options = project_options,
            .bind = project_bind,
            .unbind = project_unbind,
            .open = tide_op_open,
            .close = tide_op_close,
            .task_open = project_task_open,
            .task_close = project_task_close,
        },
    .process = project_process,
};
