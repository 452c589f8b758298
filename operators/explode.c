/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explode: a row for each element of an array, or each entry of a map. The column is replaced, in
 * place, by [pos,] col or [pos,] key, value; explode_outer makes one row of NULLs where there is no
 * element.
 *
 * One row may become a million: a row is consumed when its last element is out, and until then
 * `element` is where the first row that is presented goes on.
 *
 * Threads: bind, open, task_open on a control thread; process on the task's worker.
 */
#include <stdio.h>

#include <tidemark/plugin.h>

#include "list.h"
#include "shared.h"
#include "value.h"

struct explode_bound {
    const struct tide_host *host;
    const struct tide_schema *schema;
    struct tide_field *fields;
    uint32_t n, column;
    bool outer, position, map;
};

struct explode {
    const struct tide_host *host;
    struct tide_task *task;
    const struct explode_bound *bound;
    struct tide_op_value *others; /* the input's columns of the row at hand */
    uint32_t element;             /* of the first row: elements before it are out */
};

/* ---- binding ---- */

static int
check_column(const struct tide_bind *in, struct explode_bound *bound, struct tide_error *err)
{
    char type[TIDE_OP_TYPE_TEXT];
    int64_t column = in->host->option_int(in->options, "column");
    if (column < 0 || column >= (int64_t)bound->schema->n) {
        return in->host->option_error(in->options, "column", 0, -1, err,
                                      "there is no column %lld; the input has %u",
                                      (long long)column, bound->schema->n);
    }
    bound->column = (uint32_t)column;
    const struct tide_type *of = &bound->schema->fields[column].type;
    bound->map = of->id == TIDE_TYPE_MAP;
    if (bound->map || of->id == TIDE_TYPE_ARRAY) {
        return 0;
    }
    struct tide_error why = {.code = TIDE_ERR_INVALID};
    snprintf(why.text, sizeof(why.text),
             "[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] Cannot resolve explode due to data type "
             "mismatch: The first parameter requires the (\"ARRAY\" or \"MAP\") type, however its "
             "argument has the type \"%s\".",
             tide_op_type_text(of, type));
    return tide_op_blame(in, "column", 0, -1, &why, err);
}

/* The columns that replace the exploded one; returns how many. */
static uint32_t
generated_fields(const struct explode_bound *bound, struct tide_field out[3])
{
    const struct tide_type *type = &bound->schema->fields[bound->column].type;
    uint32_t n = 0;
    if (bound->position) {
        out[n++] = (struct tide_field){
            .name = "pos", .type = {.id = TIDE_TYPE_INT}, .nullable = bound->outer};
    }
    for (uint32_t c = 0; c < type->n_children; c++) {
        out[n] = type->children[c];
        out[n].name = !bound->map ? "col" : c == 0 ? "key" : "value";
        out[n].nullable = bound->outer || (!(bound->map && c == 0) && out[n].nullable);
        n++;
    }
    return n;
}

static int
name_fields(const struct tide_bind *in, struct tide_field *generated, uint32_t n,
            struct tide_error *err)
{
    uint32_t n_names = in->host->option_list_len(in->options, "names");
    if (n_names != 0 && n_names != n) {
        struct tide_error why = {.code = TIDE_ERR_INVALID};
        snprintf(
            why.text, sizeof(why.text),
            "[UDTF_ALIAS_NUMBER_MISMATCH] The number of aliases supplied in the AS clause (%u) "
            "does not match the number of columns output by the UDTF (%u).",
            n_names, n);
        return tide_op_blame(in, "names", 0, -1, &why, err);
    }
    for (uint32_t i = 0; i < n_names; i++) {
        generated[i].name = in->host->option_list_at(in->options, "names", i);
    }
    return 0;
}

static int
make_fields(const struct tide_bind *in, struct explode_bound *bound, struct tide_error *err)
{
    struct tide_field generated[3];
    void *block;
    uint32_t before = bound->column;
    uint32_t after = bound->schema->n - before - 1;
    uint32_t n = generated_fields(bound, generated);
    int rc = name_fields(in, generated, n, err);
    bound->n = before + n + after;
    rc = rc != 0 ? rc : tide_op_alloc(in->host, bound->n * sizeof(*bound->fields), &block, err);
    if (rc != 0) {
        return rc;
    }
    bound->fields = block;
    memcpy(bound->fields, bound->schema->fields, before * sizeof(*bound->fields));
    memcpy(bound->fields + before, generated, n * sizeof(*bound->fields));
    memcpy(bound->fields + before + n, bound->schema->fields + before + 1,
           after * sizeof(*bound->fields));
    return 0;
}

static void
explode_unbind(void *bound_)
{
    struct explode_bound *bound = bound_;
    bound->host->free(bound->host, bound->fields);
    bound->host->free(bound->host, bound);
}

static int
explode_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
             struct tide_error *err)
{
    void *block;
    int rc = tide_op_alloc(in->host, sizeof(struct explode_bound), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct explode_bound *bound = block;
    *bound = (struct explode_bound){.host = in->host,
                                    .schema = in->inputs[0],
                                    .outer = in->host->option_int(in->options, "outer") != 0,
                                    .position = in->host->option_int(in->options, "position") != 0};
    rc = check_column(in, bound, err);
    rc = rc != 0 ? rc : make_fields(in, bound, err);
    if (rc != 0) {
        explode_unbind(bound);
        return rc;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = bound->fields;
    out_traits->n_fields[0] = bound->n;
    out_traits->deterministic = true;
    out_traits->keeps_order = true;
    out_traits->may_reject = true; /* a row and one of its elements can be too large together */
    *out_bound = bound;
    return 0;
}

/* ---- a task ---- */

static void
explode_task_close(void *self_)
{
    struct explode *self = self_;
    self->host->free(self->host, self->others);
    self->host->free(self->host, self);
}

static int
explode_task_open(void *shared_, const struct tide_task_info *info, void **out_self,
                  struct tide_error *err)
{
    const struct tide_op_shared *shared = shared_;
    void *block;
    int rc = tide_op_alloc(shared->host, sizeof(struct explode), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct explode *self = block;
    *self = (struct explode){.host = shared->host, .task = info->task, .bound = shared->bound};
    rc = tide_op_alloc(self->host, self->bound->schema->n * sizeof(*self->others), &block, err);
    if (rc != 0) {
        explode_task_close(self);
        return rc;
    }
    self->others = block;
    *out_self = self;
    return 0;
}

/* ---- rows ---- */

/* The generated columns at `element`, or NULLs without @sequence. */
static bool
write_generated(struct explode *self, struct tide_writer *writer, uint8_t *slot,
                const struct tide_op_sequence *sequence)
{
    const struct explode_bound *bound = self->bound;
    const struct tide_type *type = &bound->schema->fields[bound->column].type;
    uint32_t field = bound->column;
    struct tide_op_value value;
    if (sequence == NULL) {
        for (uint32_t k = 0; k < bound->n + 1 - bound->schema->n; k++) {
            tide_slot_set_null(slot, field + k);
        }
        return true;
    }
    if (bound->position) {
        tide_slot_set_i64(writer->schema, slot, field++, self->element);
    }
    if (bound->map) {
        tide_op_value_set(&value, &type->children[0].type,
                          sequence->keys + (size_t)self->element * sequence->key_width,
                          sequence->heap, false);
        if (!self->host->value_copy(writer, slot, field++, &value.vec, 0)) {
            return false;
        }
    }
    tide_op_value_set(&value, &type->children[bound->map ? 1 : 0].type,
                      sequence->values + (size_t)self->element * sequence->value_width,
                      sequence->heap, tide_op_sequence_null(sequence, self->element));
    return self->host->value_copy(writer, slot, field, &value.vec, 0);
}

/* One row of the output; false: the writer is full. */
static bool
write_row(struct explode *self, struct tide_writer *writer, const struct tide_batch *in, uint32_t i,
          const struct tide_op_sequence *sequence)
{
    const struct explode_bound *bound = self->bound;
    uint32_t more = bound->n - bound->schema->n; /* columns behind move on by so many */
    uint8_t *slot = tide_writer_row(writer);
    if (slot == NULL ||
        !self->host->row_inherit(self->task, writer, slot, in, i, self->element + 1)) {
        return false;
    }
    for (uint32_t f = 0; f < bound->schema->n; f++) {
        uint32_t to = f < bound->column ? f : f + more;
        if (f != bound->column &&
            !self->host->value_copy(writer, slot, to, &self->others[f].vec, 0)) {
            return false;
        }
    }
    if (!write_generated(self, writer, slot, sequence)) {
        return false;
    }
    tide_writer_commit(writer);
    return true;
}

/* What becomes of the input's row when an output row did not fit: SKIP when it is done with. */
static enum tide_reject
not_written(struct explode *self, struct tide_writer *writer, const struct tide_batch *in,
            uint32_t i)
{
    if (writer->n > 0) {
        return TIDE_REJECT_BLOCKED;
    }
    enum tide_reject fate = tide_op_reject_large(self->host, self->task, in, i);
    if (fate == TIDE_REJECT_SETNULL) {
        if (write_row(self, writer, in, i, NULL)) {
            return TIDE_REJECT_SKIP;
        }
        self->host->fail(self->task, TIDE_ERR_LIMIT,
                         "a record does not fit runtime.maxRecordSize even without its elements");
        return TIDE_REJECT_FAIL;
    }
    return fate;
}

/* All that is left of row @i: SKIP when it is done with. */
static enum tide_reject
explode_row(struct explode *self, struct tide_writer *writer, const struct tide_batch *in,
            uint32_t i)
{
    const struct explode_bound *bound = self->bound;
    const uint8_t *row = tide_batch_row(in, i);
    struct tide_op_sequence sequence = {0};
    for (uint32_t f = 0; f < bound->schema->n; f++) {
        tide_op_value_row(&self->others[f], bound->schema, in, row, f);
    }
    const struct tide_op_value *exploded = &self->others[bound->column];
    if (!exploded->null) {
        tide_op_sequence_of(exploded->vec.type, exploded->value.nested, &sequence);
    }
    if (sequence.count == 0) {
        return !bound->outer || write_row(self, writer, in, i, NULL)
                   ? TIDE_REJECT_SKIP
                   : not_written(self, writer, in, i);
    }
    for (; self->element < sequence.count; self->element++) {
        if (!write_row(self, writer, in, i, &sequence)) {
            return not_written(self, writer, in, i);
        }
    }
    return TIDE_REJECT_SKIP;
}

static enum tide_step
explode_process(void *self_, uint32_t port, const struct tide_batch *in, uint32_t *out_consumed,
                struct tide_writer *const *out)
{
    struct explode *self = self_;
    (void)port;
    *out_consumed = 0;
    for (uint32_t i = 0; i < in->n; i++) {
        enum tide_reject fate = explode_row(self, out[0], in, i);
        if (fate != TIDE_REJECT_SKIP) {
            return fate == TIDE_REJECT_FAIL ? TIDE_STEP_FAILED : TIDE_STEP_BLOCKED;
        }
        self->element = 0;
        *out_consumed = i + 1;
    }
    return TIDE_STEP_IDLE;
}

static const struct tide_option explode_options[] = {
    {.name = "column",
     .type = TIDE_OPTION_INT,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "index of the input's column to take apart, an ARRAY or a MAP"},
    {.name = "outer",
     .type = TIDE_OPTION_BOOL,
     .fallback = "false",
     .doc = "makes one row of NULLs where there is no element"},
    {.name = "position",
     .type = TIDE_OPTION_BOOL,
     .fallback = "false",
     .doc = "puts the element's index, from 0, in front"},
    {.name = "names",
     .type = TIDE_OPTION_LIST,
     .doc = "names of the new columns; none: pos, col, key, value"},
    {0},
};

const struct tide_operator tide_op_explode = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_operator),
            .type = TIDE_KIND_OPERATOR,
            .name = "explode",
            .doc = "makes a row of each element of an array or entry of a map",
            .options = explode_options,
            .bind = explode_bind,
            .unbind = explode_unbind,
            .open = tide_op_open,
            .close = tide_op_close,
            .task_open = explode_task_open,
            .task_close = explode_task_close,
        },
    .process = explode_process,
};
