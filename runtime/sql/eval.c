/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluation: one run over a batch.
 *
 * All memory that does not depend on the data is one block made at the start: registers, the done
 * flags, selections, errors. Only scratch grows. One task owns an evaluation; the program under it
 * is shared and constant.
 *
 * Invariants:
 *   1. A register holds what was computed for rows in this run; a row's value is written before it
 *      is read, since parents ask for the rows they read.
 *   2. A literal's register is filled once, for all rows, and stays done.
 */
#include "sql/eval.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "sql/program.h"

/* A failed row. */
struct row_failure {
    const char *error_class; /* NULL: the row did not fail */
    char text[TIDE_LIMIT_ROW_ERROR];
};

struct tide_eval {
    const struct tide_program *program;
    const struct tide_seam *seam;
    uint32_t rows_max;
    struct tide_vec *regs;    /* by node id */
    uint8_t *done;            /* by node id: computed for all rows of the batch */
    const uint8_t *constants; /* what done is at the start of a run */
    void **states;            /* by node id */
    struct tide_vec *outs;
    uint8_t
        *out_nulls; /* rows_max an output: its nulls when rows failed, registers stay as they are */
    const uint16_t *all; /* 0, 1, 2, ... */
    uint16_t *sels;      /* a stack of selections, rows_max each */
    uint32_t sel_top, sel_max;
    struct row_failure *failures;
    struct tide_row_error *errors;
    uint32_t n_failed;
    struct tide_scratch *heap; /* of this run's values: own, or the program's when folding */
    struct tide_scratch own_heap, temp;
    const struct tide_batch *in;
    uint32_t first, n;
    void *block;
};

/* ---- memory ---- */

static size_t
value_size(const struct tide_type *type)
{
    switch (type->id) {
    case TIDE_TYPE_NULL:
        return 0;
    case TIDE_TYPE_DECIMAL:
        return sizeof(tide_i128);
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        return sizeof(struct tide_bytes);
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        return sizeof(struct tide_nested);
    default:
        return sizeof(int64_t);
    }
}

/* Takes @n bytes, aligned to 16, from a block; the first pass, with @base NULL, only counts. */
static void *
carve(uint8_t *base, size_t *at, size_t n)
{
    void *p = base != NULL ? base + *at : NULL;
    *at += (n + 15) & ~(size_t)15;
    return p;
}

static bool
needs_register(const struct tide_expr *node, const struct tide_expr *fold)
{
    if (fold == NULL || node == fold) {
        return true;
    }
    for (uint32_t i = 0; i < fold->n_args; i++) {
        if (fold->args[i] == node) {
            return true;
        }
    }
    return false;
}

/* Lays the block out; with @base NULL it is only measured. @fold: registers for its folding only.
 */
static size_t
lay_out(struct tide_eval *eval, uint8_t *base, const struct tide_expr *fold)
{
    const struct tide_program *program = eval->program;
    uint32_t n = program->n_exprs, rows = eval->rows_max;
    size_t at = 0;
    eval->regs = carve(base, &at, n * sizeof(eval->regs[0]));
    eval->done = carve(base, &at, n);
    eval->constants = carve(base, &at, n);
    eval->states = carve(base, &at, n * sizeof(eval->states[0]));
    eval->outs = carve(base, &at, program->n_outs * sizeof(eval->outs[0]));
    eval->out_nulls = carve(base, &at, (size_t)rows * program->n_outs);
    eval->all = carve(base, &at, rows * sizeof(uint16_t));
    eval->sels = carve(base, &at, (size_t)rows * eval->sel_max * sizeof(uint16_t));
    eval->errors = carve(base, &at, rows * sizeof(eval->errors[0]));
    eval->failures = carve(base, &at, rows * sizeof(eval->failures[0]));
    for (uint32_t i = 0; i < n; i++) {
        const struct tide_expr *node = program->exprs[i];
        if (needs_register(node, fold)) {
            uint8_t *nulls = carve(base, &at, rows);
            void *values = carve(base, &at, rows * value_size(&node->type));
            if (base != NULL) {
                eval->regs[i] =
                    (struct tide_vec){.type = &node->type, .nulls = nulls, .values = values};
            }
        }
    }
    return at;
}

/* Fills what never changes: the identity selection and the literals' registers. */
static void
fill_constants(struct tide_eval *eval, const struct tide_expr *fold)
{
    for (uint32_t i = 0; i < eval->rows_max; i++) {
        ((uint16_t *)eval->all)[i] = (uint16_t)i;
    }
    for (uint32_t id = 0; id < eval->program->n_exprs; id++) {
        const struct tide_expr *node = eval->program->exprs[id];
        if (node->kind != TIDE_EXPR_LITERAL || !needs_register(node, fold)) {
            continue;
        }
        for (uint32_t i = 0; i < eval->rows_max; i++) {
            tide_vec_put(&eval->regs[id], i, &node->value);
        }
        ((uint8_t *)eval->constants)[id] = 1;
    }
}

static int
open_states(struct tide_eval *eval, const struct tide_expr *fold, struct tide_error *err)
{
    for (uint32_t id = 0; id < eval->program->n_exprs; id++) {
        const struct tide_expr *node = eval->program->exprs[id];
        if (node->state != NULL && (fold == NULL || node == fold)) {
            int rc = node->state->open(node, &eval->states[id], err);
            if (rc < 0) {
                return rc;
            }
        }
    }
    return TIDE_OK;
}

static int
create(const struct tide_program *program, uint32_t rows_max, const struct tide_expr *fold,
       struct tide_eval **out, struct tide_error *err)
{
    struct tide_eval *eval = tide_alloc(program->seam, sizeof(*eval));
    int rc = TIDE_ERR_NOMEM;
    if (eval == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for an evaluation");
    }
    eval->program = program;
    eval->seam = program->seam;
    eval->rows_max = rows_max;
    eval->sel_max = fold != NULL ? fold->sels : program->sels;
    tide_scratch_init(&eval->own_heap, program->seam);
    tide_scratch_init(&eval->temp, program->seam);
    eval->heap = &eval->own_heap;
    eval->block = tide_alloc(program->seam, lay_out(eval, NULL, fold) + 1);
    if (eval->block != NULL) {
        lay_out(eval, eval->block, fold);
        fill_constants(eval, fold);
        rc = open_states(eval, fold, err);
    } else {
        tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the registers of an evaluation");
    }
    if (rc < 0) {
        tide_sql_eval_destroy(eval);
        return rc;
    }
    *out = eval;
    return TIDE_OK;
}

int
tide_sql_eval_create(const struct tide_program *program, uint32_t rows_max, struct tide_eval **out,
                     struct tide_error *err)
{
    TIDE_ASSERT(rows_max > 0);
    TIDE_ASSERT(rows_max <= UINT16_MAX);
    return create(program, rows_max, NULL, out, err);
}

void
tide_sql_eval_destroy(struct tide_eval *eval)
{
    if (eval == NULL) {
        return;
    }
    for (uint32_t id = 0; eval->block != NULL && id < eval->program->n_exprs; id++) {
        if (eval->states[id] != NULL) {
            eval->program->exprs[id]->state->close(eval->states[id]);
        }
    }
    tide_scratch_fini(&eval->own_heap);
    tide_scratch_fini(&eval->temp);
    tide_free(eval->seam, eval->block);
    tide_free(eval->seam, eval);
}

/* ---- the walk ---- */

uint16_t *
tide_eval_sel_claim(struct tide_eval *eval)
{
    TIDE_ASSERT(eval->sel_top < eval->sel_max);
    return eval->sels + (size_t)eval->rows_max * eval->sel_top++;
}

void
tide_eval_sel_release(struct tide_eval *eval)
{
    TIDE_ASSERT(eval->sel_top > 0);
    eval->sel_top--;
}

/* Leaves the rows out of @sel where one of arguments @from .. @to - 1 is NULL; they are NULL in
 * @out. @rows is where the selection is kept. */
static void
narrow(struct tide_eval *eval, const struct tide_expr *node, uint32_t from, uint32_t to,
       uint16_t *rows, struct tide_sel *sel, struct tide_vec *out)
{
    for (uint32_t arg = from; arg < to; arg++) {
        const uint8_t *nulls = eval->regs[node->args[arg]->id].nulls;
        uint32_t n = 0;
        if (!node->args[arg]->nullable) {
            continue;
        }
        for (uint32_t k = 0; k < sel->n; k++) {
            uint16_t row = sel->rows[k];
            out->nulls[row] = nulls[row];
            rows[n] = row;
            n += !nulls[row];
        }
        *sel = (struct tide_sel){n, rows};
    }
}

/*
 * A call that sees all its arguments. Arguments are computed for all rows, so that others can use
 * them too, except behind a NULL where a later argument could fail.
 */
static void
eval_eager(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel)
{
    struct tide_vec *out = &eval->regs[node->id];
    struct tide_sel rows = *sel;
    uint16_t *kept = node->strict ? tide_eval_sel_claim(eval) : NULL;
    uint32_t narrowed = 0;
    for (uint32_t i = 0; i < node->n_args; i++) {
        if (node->strict && narrowed < i && node->args[i]->may_fail) {
            narrow(eval, node, narrowed, i, kept, &rows, out);
            narrowed = i;
        }
        tide_eval_node(eval, node->args[i], &rows);
    }
    if (node->strict) {
        narrow(eval, node, narrowed, node->n_args, kept, &rows, out);
    }
    for (uint32_t k = 0; k < rows.n; k++) {
        out->nulls[rows.rows[k]] = 0;
    }
    if (rows.n > 0) {
        node->eval(eval, node, &rows, out);
    }
    if (kept != NULL) {
        tide_eval_sel_release(eval);
    }
}

void
tide_eval_node(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel)
{
    if (eval->done[node->id] || sel->n == 0) {
        return;
    }
    if (node->kind == TIDE_EXPR_COLUMN) {
        tide_eval_column(eval, node, &eval->regs[node->id]);
        eval->done[node->id] = 1;
        return;
    }
    if (node->lazy) {
        node->eval(eval, node, sel, &eval->regs[node->id]);
    } else {
        eval_eager(eval, node, sel);
    }
    eval->done[node->id] = sel->n == eval->n;
}

const struct tide_vec *
tide_eval_arg(const struct tide_eval *eval, const struct tide_expr *node, uint32_t i)
{
    return &eval->regs[node->args[i]->id];
}

void *
tide_eval_state(const struct tide_eval *eval, const struct tide_expr *node)
{
    return eval->states[node->id];
}

const struct tide_rowhdr *
tide_eval_hdr(const struct tide_eval *eval, uint32_t row)
{
    return tide_row_hdr(tide_batch_row(eval->in, eval->first + row));
}

void
tide_eval_column(struct tide_eval *eval, const struct tide_expr *node, struct tide_vec *out)
{
    const struct tide_batch *in = eval->in;
    uint32_t at = eval->program->in->at[node->index], null_at = node->index;
    bool narrow_value = !tide_type_is_ref(&node->type) && node->type.id != TIDE_TYPE_DECIMAL;
    for (uint32_t i = 0; i < eval->n; i++) {
        const uint8_t *row = tide_batch_row(in, eval->first + i);
        struct tide_value value;
        out->nulls[i] = tide_row_is_null(row, null_at);
        if (narrow_value && node->type.id != TIDE_TYPE_NULL) {
            memcpy(&out->i64[i], row + at, sizeof(int64_t));
        } else if (!out->nulls[i] && node->type.id != TIDE_TYPE_NULL) {
            value = tide_value_cell(&node->type, row + at, in->heap);
            tide_vec_put(out, i, &value);
        }
    }
}

/* ---- runs ---- */

static void
begin(struct tide_eval *eval, const struct tide_batch *in, uint32_t first, uint32_t n)
{
    TIDE_ASSERT(n <= eval->rows_max);
    eval->in = in;
    eval->first = first;
    eval->n = n;
    memcpy(eval->done, eval->constants, eval->program->n_exprs);
    if (eval->n_failed > 0) {
        for (uint32_t i = 0; i < eval->rows_max; i++) {
            eval->failures[i].error_class = NULL;
        }
    }
    eval->n_failed = 0;
    TIDE_ASSERT(eval->sel_top == 0);
}

/* Lists the failed rows and makes them NULL in every column. */
static uint32_t
collect_errors(struct tide_eval *eval)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < eval->program->n_outs && eval->n_failed > 0; k++) {
        uint8_t *nulls = eval->out_nulls + (size_t)eval->rows_max * k;
        memcpy(nulls, eval->outs[k].nulls, eval->n);
        eval->outs[k].nulls = nulls;
    }
    for (uint32_t i = 0; i < eval->n && n < eval->n_failed; i++) {
        if (eval->failures[i].error_class == NULL) {
            continue;
        }
        eval->errors[n++] =
            (struct tide_row_error){i, eval->failures[i].error_class, eval->failures[i].text};
        for (uint32_t k = 0; k < eval->program->n_outs; k++) {
            eval->outs[k].nulls[i] = 1;
        }
    }
    TIDE_ASSERT(n == eval->n_failed);
    return n;
}

void
tide_sql_eval_run(struct tide_eval *eval, const struct tide_batch *in, uint32_t first, uint32_t n,
                  const struct tide_vec **out_columns, const struct tide_row_error **out_errors,
                  uint32_t *out_n_errors)
{
    const struct tide_program *program = eval->program;
    struct tide_sel all = {n, eval->all};
    TIDE_ASSERT(first + n <= in->n);
    tide_scratch_reset(eval->heap);
    begin(eval, in, first, n);
    for (uint32_t k = 0; k < program->n_outs; k++) {
        tide_eval_node(eval, program->outs[k], &all);
        eval->outs[k] = eval->regs[program->outs[k]->id];
        eval->outs[k].n = n;
    }
    *out_n_errors = collect_errors(eval);
    for (uint32_t k = 0; k < program->n_outs; k++) {
        struct tide_vec *vec = &eval->outs[k];
        vec->no_nulls = n == 0 || memchr(vec->nulls, 1, n) == NULL;
    }
    *out_errors = eval->errors;
    *out_columns = eval->outs;
}

bool
tide_program_fold(struct tide_program *program, const struct tide_expr *node,
                  struct tide_value *out)
{
    static const uint16_t row;
    struct tide_sel one = {1, &row};
    struct tide_eval *eval;
    bool ok = false;
    if (create(program, 1, node, &eval, NULL) < 0) {
        return false;
    }
    eval->heap = &program->scratch;
    begin(eval, NULL, 0, 1);
    tide_eval_node(eval, node, &one);
    if (eval->n_failed == 0) {
        *out = tide_value_vec(&eval->regs[node->id], 0);
        out->type = &node->type;
        ok = true;
    }
    tide_sql_eval_destroy(eval);
    return ok;
}

/* ---- rows that fail ---- */

void
tide_eval_fail(struct tide_eval *eval, uint32_t row, const char *error_class, const char *format,
               ...)
{
    struct row_failure *failure = &eval->failures[row];
    va_list args;
    if (failure->error_class != NULL) {
        return;
    }
    failure->error_class = error_class;
    eval->n_failed++;
    va_start(args, format);
    vsnprintf(failure->text, sizeof(failure->text), format, args);
    va_end(args);
}

static void
fail_too_large(struct tide_eval *eval, uint32_t row)
{
    tide_eval_fail(eval, row, "RECORD_TOO_LARGE", "a value needs more than %u MiB",
                   TIDE_LIMIT_SCRATCH_CHUNK_MAX >> 20);
}

/* ---- scratch ---- */

uint8_t *
tide_eval_bytes(struct tide_eval *eval, uint32_t row, uint64_t n)
{
    uint8_t *bytes = tide_scratch_take(eval->heap, n, 1);
    if (bytes == NULL) {
        fail_too_large(eval, row);
    }
    return bytes;
}

struct tide_writer *
tide_eval_begin(struct tide_eval *eval)
{
    struct tide_writer *writer = &eval->heap->writer;
    writer->heap_mark = writer->heap_len;
    return writer;
}

struct tide_writer *
tide_eval_writer(struct tide_eval *eval)
{
    return &eval->heap->writer;
}

bool
tide_eval_more(struct tide_eval *eval, uint32_t row)
{
    if (!tide_scratch_more(eval->heap)) {
        fail_too_large(eval, row);
        return false;
    }
    return true;
}

void *
tide_eval_temp(struct tide_eval *eval, uint32_t row, uint64_t n)
{
    void *p = tide_scratch_take(&eval->temp, n, 16);
    if (p == NULL) {
        fail_too_large(eval, row);
    }
    return p;
}

void
tide_eval_temp_reset(struct tide_eval *eval)
{
    tide_scratch_reset(&eval->temp);
}

bool
tide_eval_text(struct tide_eval *eval, uint32_t row, enum tide_eval_place place, tide_put_fn *put,
               void *arg, struct tide_bytes *out)
{
    struct tide_scratch *scratch = place == TIDE_PLACE_HEAP ? eval->heap : &eval->temp;
    struct tide_writer *writer = &scratch->writer;
    struct tide_chars text = {.max = writer->heap_max - writer->heap_len};
    if (text.max > 0) {
        text.p = (char *)writer->heap + writer->heap_len;
    }
    put(arg, &text);
    if (tide_chars_fit(&text)) {
        writer->heap_len += text.n;
    } else {
        uint32_t n = text.n;
        uint8_t *bytes = tide_scratch_take(scratch, n, 1);
        if (bytes == NULL) {
            fail_too_large(eval, row);
            return false;
        }
        text = (struct tide_chars){.p = (char *)bytes, .max = n};
        put(arg, &text);
        TIDE_ASSERT(text.n == n);
    }
    *out = (struct tide_bytes){text.p, text.n};
    return true;
}

/* ---- values ---- */

void
tide_vec_put(struct tide_vec *vec, uint32_t i, const struct tide_value *value)
{
    vec->nulls[i] = value->null;
    if (value->null) {
        return;
    }
    switch (vec->type->id) {
    case TIDE_TYPE_NULL:
        vec->nulls[i] = 1;
        break;
    case TIDE_TYPE_DECIMAL:
        vec->i128[i] = value->i128;
        break;
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        vec->bytes[i] = value->bytes;
        break;
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        vec->nested[i] = value->nested;
        break;
    default:
        vec->i64[i] = value->i64;
        break;
    }
}

void
tide_vec_put_ref(struct tide_vec *vec, uint32_t i, const struct tide_writer *writer,
                 struct tide_ref ref)
{
    vec->nulls[i] = 0;
    vec->nested[i] = (struct tide_nested){writer->heap + ref.at, writer->heap};
}
