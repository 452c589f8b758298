/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates: the table, and taking one item of groupBy's agg apart. The operator that aggregates
 * evaluates the arguments as items of their own; here they are only found, checked and typed.
 * Threads: the one that compiles.
 */
#include <stdio.h>
#include <string.h>

#include "sql/analyse.h"
#include "sql/ast.h"
#include "sql/decimal.h"
#include "sql/sql.h"
#include "sql/types.h"

/* ---- types of results ---- */

static bool
type_count(const struct tide_type *args, uint32_t n, struct tide_type *out, bool *out_nullable)
{
    (void)args;
    (void)n;
    *out = tide_type_of(TIDE_TYPE_LONG);
    *out_nullable = false;
    return true;
}

/* A number as an aggregate takes it: texts are DOUBLE. */
static bool
as_number(const struct tide_type *arg, struct tide_type *out)
{
    bool text = arg->id == TIDE_TYPE_STRING || arg->id == TIDE_TYPE_NULL;
    *out = text ? tide_type_of(TIDE_TYPE_DOUBLE) : *arg;
    return text || tide_type_is_number(arg);
}

static struct tide_type
bounded(uint32_t precision, uint32_t scale)
{
    return tide_type_decimal(precision < TIDE_DECIMAL_DIGITS ? precision : TIDE_DECIMAL_DIGITS,
                             scale < TIDE_DECIMAL_DIGITS ? scale : TIDE_DECIMAL_DIGITS);
}

static bool
type_sum(const struct tide_type *args, uint32_t n, struct tide_type *out, bool *out_nullable)
{
    struct tide_type type;
    (void)n;
    if (!as_number(&args[0], &type)) {
        return false;
    }
    *out = type.id == TIDE_TYPE_DECIMAL   ? bounded(type.precision + 10u, type.scale)
           : tide_type_is_integral(&type) ? tide_type_of(TIDE_TYPE_LONG)
                                          : tide_type_of(TIDE_TYPE_DOUBLE);
    *out_nullable = true;
    return true;
}

static bool
type_avg(const struct tide_type *args, uint32_t n, struct tide_type *out, bool *out_nullable)
{
    struct tide_type type;
    (void)n;
    if (!as_number(&args[0], &type)) {
        return false;
    }
    *out = type.id == TIDE_TYPE_DECIMAL ? bounded(type.precision + 4u, type.scale + 4u)
                                        : tide_type_of(TIDE_TYPE_DOUBLE);
    *out_nullable = true;
    return true;
}

static bool
type_extreme(const struct tide_type *args, uint32_t n, struct tide_type *out, bool *out_nullable)
{
    (void)n;
    *out = args[0];
    *out_nullable = true;
    return !tide_type_has_map(&args[0]);
}

static const struct tide_aggregate_fn aggregates[] = {
    {.name = "count",
     .args_min = 1,
     .args_max = TIDE_SQL_AGGREGATE_ARGS,
     .built = true,
     .type = type_count,
     .usage = "count(*), count([DISTINCT] expr, ...)",
     .doc = "Rows, or rows where no argument is NULL.",
     .since = "1.0.0"},
    {.name = "sum",
     .args_min = 1,
     .args_max = 1,
     .type = type_sum,
     .usage = "sum(expr)",
     .doc = "Sum of the values that are not NULL.",
     .since = "1.0.0"},
    {.name = "min",
     .args_min = 1,
     .args_max = 1,
     .type = type_extreme,
     .usage = "min(expr)",
     .doc = "The least value.",
     .since = "1.0.0"},
    {.name = "max",
     .args_min = 1,
     .args_max = 1,
     .type = type_extreme,
     .usage = "max(expr)",
     .doc = "The greatest value.",
     .since = "1.0.0"},
    {.name = "avg",
     .args_min = 1,
     .args_max = 1,
     .type = type_avg,
     .usage = "avg(expr)",
     .doc = "Mean of the values that are not NULL.",
     .since = "1.0.0"},
    {.name = NULL},
};

const struct tide_aggregate_fn *
tide_sql_aggregates(void)
{
    return aggregates;
}

/* ---- one item ---- */

static const struct tide_aggregate_fn *
find(const char *name)
{
    for (const struct tide_aggregate_fn *fn = aggregates; fn->name != NULL; fn++) {
        if (strcmp(fn->name, name) == 0) {
            return fn;
        }
    }
    return NULL;
}

static bool
has_aggregate(const struct tide_ast *ast)
{
    if (ast->kind == TIDE_AST_CALL && find(ast->name) != NULL) {
        return true;
    }
    for (uint32_t i = 0; i < ast->n_args; i++) {
        if (has_aggregate(ast->args[i])) {
            return true;
        }
    }
    return false;
}

static int
check_call(const struct tide_ast *call, struct tide_error *err)
{
    const struct tide_aggregate_fn *fn = call->kind == TIDE_AST_CALL ? find(call->name) : NULL;
    if (fn == NULL && has_aggregate(call)) {
        return tide_error_set_at(err, TIDE_ERR_UNSUPPORTED, (int32_t)call->at,
                                 "[UNSUPPORTED_FEATURE] an expression around an aggregate is not "
                                 "in this version: compute it in a select behind the groupBy");
    }
    if (fn == NULL) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)call->at,
                                 "[MISSING_AGGREGATION] agg takes aggregates, such as count(*)");
    }
    for (uint32_t i = 0; i < call->n_args; i++) {
        if (has_aggregate(call->args[i])) {
            return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)call->args[i]->at,
                                     "[NESTED_AGGREGATE_FUNCTION] an aggregate inside another");
        }
    }
    if (call->n_args < fn->args_min || call->n_args > fn->args_max) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)call->at,
                                 "[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] %s takes other arguments: %s",
                                 fn->name, fn->usage);
    }
    return TIDE_OK;
}

/* What the compiler is asked about an aggregate's parts. */
struct parts {
    uint32_t n;
    struct tide_expr_item items[TIDE_SQL_AGGREGATE_ARGS + 1];
};

static int
add_part(struct tide_type_arena *arena, const char *item, const struct tide_ast *ast,
         struct parts *parts, struct tide_sql_span *out, struct tide_error *err)
{
    const char *text = tide_type_arena_text(arena, item + ast->at, ast->end - ast->at);
    if (text == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for an aggregate");
    }
    parts->items[parts->n++] = (struct tide_expr_item){text, NULL};
    *out = (struct tide_sql_span){ast->at, ast->end - ast->at};
    return TIDE_OK;
}

/* "count(DISTINCT a, b)"; a star counts the constant 1. */
static void
own_name(const struct tide_sql_aggregate *aggregate, const struct tide_field *fields, char *out,
         size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s(%s%s", aggregate->fn->name,
                                aggregate->distinct ? "DISTINCT " : "", aggregate->star ? "1" : "");
    for (uint32_t i = 0; i < aggregate->n_args && n < size; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? ", " : "", fields[i].name);
    }
    if (n < size) {
        snprintf(out + n, size - n, ")");
    }
}

/* Types the aggregate over what its parts compiled to. */
static int
type_parts(const struct tide_program *program, const struct tide_ast *item,
           struct tide_type_arena *arena, struct tide_sql_aggregate *out, struct tide_error *err)
{
    const struct tide_field *fields;
    uint32_t n = tide_sql_fields(program, &fields);
    struct tide_type args[TIDE_SQL_AGGREGATE_ARGS], type;
    for (uint32_t i = 0; i < out->n_args; i++) {
        args[i] = fields[i].type;
    }
    if (!out->fn->type(args, out->n_args, &type, &out->nullable)) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)item->at,
                                 "[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] %s cannot take %s",
                                 out->fn->name, tide_type_id_name(args[0].id));
    }
    if (out->filter.n > 0 && fields[n - 1].type.id != TIDE_TYPE_BOOLEAN) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)out->filter.at,
                                 "[INVALID_AGGREGATE_FILTER.NOT_BOOLEAN] FILTER takes a condition");
    }
    if (item->kind == TIDE_AST_ALIAS) {
        snprintf(out->name, sizeof(out->name), "%s", item->parts[0]);
    } else {
        own_name(out, fields, out->name, sizeof(out->name));
    }
    return tide_type_copy(arena, &type, &out->type, err);
}

static int
take_apart(const struct tide_sql_options *options, const char *text, const struct tide_ast *item,
           const struct tide_schema *in, struct tide_type_arena *arena, struct parts *parts,
           struct tide_sql_aggregate *out, struct tide_error *err)
{
    const struct tide_ast *call = tide_ast_bare(item);
    struct tide_program *program;
    uint32_t bad = 0;
    int rc = check_call(call, err);
    if (rc < 0) {
        return rc;
    }
    out->fn = find(call->name);
    out->distinct = call->distinct;
    out->star =
        call->n_args == 1 && call->args[0]->kind == TIDE_AST_STAR && call->args[0]->n_parts == 0;
    for (uint32_t i = 0; rc == TIDE_OK && !out->star && i < call->n_args; i++) {
        rc = add_part(arena, text, call->args[i], parts, &out->args[out->n_args++], err);
    }
    if (rc == TIDE_OK && call->filter != NULL) {
        rc = add_part(arena, text, call->filter, parts, &out->filter, err);
    }
    if (rc == TIDE_OK) {
        rc = tide_sql_compile(options, parts->items, parts->n, in, &program, &bad, err);
        if (rc < 0 && err != NULL && err->at >= 0) {
            err->at += (int32_t)(bad < out->n_args ? out->args[bad].at : out->filter.at);
        }
    }
    if (rc == TIDE_OK) {
        rc = type_parts(program, item, arena, out, err);
        tide_sql_free(program);
    }
    return rc;
}

int
tide_sql_parse_aggregate(const struct tide_sql_options *options, const char *item,
                         const struct tide_schema *in, struct tide_type_arena *arena,
                         struct tide_sql_aggregate *out, struct tide_error *err)
{
    const struct tide_seam *seam = options->seam != NULL ? options->seam : tide_seam_real();
    struct tide_type_arena trees;
    struct tide_sql_aggregate aggregate = {0};
    struct parts parts = {0};
    const struct tide_ast *ast;
    int rc;
    tide_type_arena_init(&trees, seam);
    rc = tide_parse_item(&trees, item, strlen(item), &ast, err);
    if (rc == TIDE_OK) {
        rc = take_apart(options, item, ast, in, arena, &parts, &aggregate, err);
    }
    if (rc == TIDE_OK && (!aggregate.fn->built || aggregate.distinct)) {
        rc = tide_error_set_at(err, TIDE_ERR_UNSUPPORTED, (int32_t)ast->at,
                               "[UNSUPPORTED_FEATURE] %s%s is not in this version: there is "
                               "count(*) and count(expr)",
                               aggregate.fn->name, aggregate.distinct ? "(DISTINCT ...)" : "");
    }
    tide_type_arena_fini(&trees);
    if (rc == TIDE_OK) {
        *out = aggregate;
    }
    return rc;
}
