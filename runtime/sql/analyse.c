/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Analysis: an AST and a schema to typed nodes. Names are resolved as Spark does: without regard to
 * case unless asked, a qualifier first, then a column, and what is left of the name are fields of
 * structs, keys of maps, or fields of the structs in an array. Threads: the one that compiles.
 */
#include "sql/analyse.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"
#include "codec/text.h"
#include "sql/functions.h"
#include "sql/resolve.h"

/* ---- literals ---- */

static int
bind_hex(struct tide_binder *b, const struct tide_ast *ast, struct tide_value *out)
{
    const char *digits = ast->value.bytes.p;
    uint32_t n = ast->value.bytes.n, odd = n % 2;
    uint8_t *bytes = tide_type_arena_alloc(b->arena, n / 2 + 1);
    if (bytes == NULL) {
        return tide_bind_nomem(b);
    }
    for (uint32_t i = 0; i < n; i++) {
        char c = (char)(digits[i] | 0x20);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                                                : 16u;
        if (digit > 15) {
            return tide_bind_error(b, ast->at, "INVALID_TYPED_LITERAL",
                                   "X'..' has other than hexadecimal digits");
        }
        bytes[(i + odd) / 2] = (uint8_t)(bytes[(i + odd) / 2] << 4 | digit);
    }
    out->bytes = (struct tide_bytes){bytes, n / 2 + odd};
    return TIDE_OK;
}

static int
bind_typed(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out)
{
    struct tide_value value = {0};
    struct tide_type type = tide_type_of(TIDE_TYPE_BINARY);
    bool ok = true;
    if (strcmp(ast->name, "x") == 0) {
        int rc = bind_hex(b, ast, &value);
        return rc < 0 ? rc : tide_bind_literal(b, &type, &value, out);
    }
    if (strcmp(ast->name, "timestamp_ntz") == 0) {
        return tide_bind_unsupported(b, ast->at, "TIMESTAMP_NTZ is");
    }
    if (strcmp(ast->name, "date") == 0) {
        type = tide_type_of(TIDE_TYPE_DATE);
        ok = tide_read_date(ast->value.bytes, &value.i64);
    } else {
        type = tide_type_of(TIDE_TYPE_TIMESTAMP);
        int rc = tide_program_regions(b->program, b->err);
        if (rc != TIDE_OK) {
            return rc;
        }
        ok = tide_read_timestamp(ast->value.bytes, b->program->zone, b->program->regions,
                                 &value.i64);
    }
    if (!ok) {
        return tide_bind_error(b, ast->at, "INVALID_TYPED_LITERAL", "'%.*s' is no %s",
                               (int)(ast->value.bytes.n > 60 ? 60 : ast->value.bytes.n),
                               (const char *)ast->value.bytes.p, ast->name);
    }
    return tide_bind_literal(b, &type, &value, out);
}

/* ---- calls ---- */

/* Arguments being bound; a star brings several. */
struct arguments {
    uint32_t n;
    const struct tide_expr *items[TIDE_BIND_ARGS_MAX];
    const char *names[TIDE_BIND_ARGS_MAX]; /* of aliases and columns: struct() takes them */
};

static int
add_argument(struct tide_binder *b, struct arguments *args, const struct tide_expr *item,
             const char *name, uint32_t at)
{
    if (args->n == TIDE_BIND_ARGS_MAX) {
        return tide_error_set_at(b->err, TIDE_ERR_LIMIT, (int32_t)at,
                                 "a call with more than %u arguments", TIDE_BIND_ARGS_MAX);
    }
    args->names[args->n] = name;
    args->items[args->n++] = item;
    return TIDE_OK;
}

static int
add_star(struct tide_binder *b, const struct tide_ast *ast, struct arguments *args)
{
    struct tide_star star;
    int rc = tide_resolve_star(b, ast, &star);
    for (uint32_t i = 0; rc == TIDE_OK && i < star.n; i++) {
        const struct tide_expr *item;
        const char *name;
        rc = tide_star_at(b, &star, i, &item, &name);
        if (rc == TIDE_OK) {
            rc = add_argument(b, args, item, name, ast->at);
        }
    }
    return rc;
}

static int
bind_arguments(struct tide_binder *b, const struct tide_ast *ast, struct arguments *args)
{
    int rc = TIDE_OK;
    for (uint32_t i = 0; rc == TIDE_OK && i < ast->n_args; i++) {
        const struct tide_ast *arg = ast->args[i];
        const struct tide_expr *item;
        const char *name = arg->kind == TIDE_AST_ALIAS   ? arg->parts[0]
                           : arg->kind == TIDE_AST_NAME  ? arg->parts[arg->n_parts - 1]
                           : arg->kind == TIDE_AST_FIELD ? arg->name
                                                         : NULL;
        if (arg->kind == TIDE_AST_STAR) {
            rc = add_star(b, arg, args);
            continue;
        }
        rc = tide_bind(b, tide_ast_bare(arg), &item);
        if (rc == TIDE_OK) {
            rc = add_argument(b, args, item, name, arg->at);
        }
    }
    return rc;
}

/* struct(a, b + 1 AS c) is named_struct('a', a, 'c', b + 1); what has no name is col1, col2, ... */
static int
bind_struct(struct tide_binder *b, const struct tide_ast *ast, const struct arguments *args,
            const struct tide_expr **out)
{
    struct tide_type string = tide_type_of(TIDE_TYPE_STRING);
    const struct tide_expr *pairs[2 * TIDE_BIND_ARGS_MAX];
    for (uint32_t i = 0; i < args->n; i++) {
        const char *name = args->names[i];
        char number[16];
        struct tide_value value;
        int rc;
        if (name == NULL) {
            snprintf(number, sizeof(number), "col%u", i + 1);
            name = tide_type_arena_text(b->arena, number, strlen(number));
        }
        if (name == NULL) {
            return tide_bind_nomem(b);
        }
        value = (struct tide_value){.bytes = {name, (uint32_t)strlen(name)}};
        rc = tide_bind_literal(b, &string, &value, &pairs[2 * i]);
        if (rc < 0) {
            return rc;
        }
        pairs[2 * i + 1] = args->items[i];
    }
    return tide_bind_call(b, tide_fn_find("named_struct"),
                          ast->name[0] == '(' ? "named_struct" : "struct", pairs, 2 * args->n,
                          ast->at, out);
}

/* Types that are functions too: int(x) is CAST(x AS INT). */
static const struct {
    const char *name;
    struct tide_type type;
} cast_names[] = {
    {"boolean", {.id = TIDE_TYPE_BOOLEAN}}, {"tinyint", {.id = TIDE_TYPE_BYTE}},
    {"smallint", {.id = TIDE_TYPE_SHORT}},  {"int", {.id = TIDE_TYPE_INT}},
    {"bigint", {.id = TIDE_TYPE_LONG}},     {"float", {.id = TIDE_TYPE_FLOAT}},
    {"double", {.id = TIDE_TYPE_DOUBLE}},   {"decimal", {.id = TIDE_TYPE_DECIMAL, .precision = 10}},
    {"string", {.id = TIDE_TYPE_STRING}},   {"binary", {.id = TIDE_TYPE_BINARY}},
    {"date", {.id = TIDE_TYPE_DATE}},       {"timestamp", {.id = TIDE_TYPE_TIMESTAMP}},
};

static const struct tide_type *
find_cast_name(const char *name)
{
    for (size_t i = 0; i < sizeof(cast_names) / sizeof(cast_names[0]); i++) {
        if (strcmp(cast_names[i].name, name) == 0) {
            return &cast_names[i].type;
        }
    }
    return NULL;
}

static int
unknown_function(struct tide_binder *b, const struct tide_ast *ast)
{
    const char *names[512], *nearest;
    size_t n = 0;
    for (uint32_t i = 0; n < 512 && tide_fn_at(i) != NULL; i++) {
        names[n++] = tide_fn_at(i)->name;
    }
    for (const struct tide_aggregate_fn *fn = tide_sql_aggregates(); n < 512 && fn->name != NULL;
         fn++) {
        names[n++] = fn->name;
    }
    nearest = tide_nearest(ast->name, names, n);
    return tide_bind_error(b, ast->at, "UNRESOLVED_ROUTINE",
                           "there is no function '%s' in this version%s%s%s", ast->name,
                           nearest != NULL ? ": did you mean '" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

/* Names that make rows, or one row of many: not for here. */
static int
check_place(struct tide_binder *b, const struct tide_ast *ast)
{
    if (tide_generator_find(ast->name) >= 0) {
        return tide_bind_error(b, ast->at, "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT",
                               "%s makes rows: it stands alone in a select list", ast->name);
    }
    for (const struct tide_aggregate_fn *fn = tide_sql_aggregates(); fn->name != NULL; fn++) {
        if (strcmp(fn->name, ast->name) == 0) {
            return tide_bind_error(
                b, ast->at, b->is_filter ? "INVALID_WHERE_CONDITION" : "MISSING_GROUP_BY",
                "%s is an aggregate: it belongs into the agg of a groupBy", ast->name);
        }
    }
    return TIDE_OK;
}

static int
bind_function(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out)
{
    const struct tide_fn *fn = tide_fn_find(ast->name);
    const struct tide_type *cast = find_cast_name(ast->name);
    bool is_struct = strcmp(ast->name, "struct") == 0 || strcmp(ast->name, "(") == 0;
    struct arguments *args;
    int rc = fn == NULL && cast == NULL && !is_struct ? check_place(b, ast) : TIDE_OK;
    if (rc == TIDE_OK && fn == NULL && cast == NULL && !is_struct) {
        rc = unknown_function(b, ast);
    }
    if (rc == TIDE_OK && (ast->distinct || ast->filter != NULL)) {
        rc = tide_bind_error(b, ast->at, "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
                             "%s is no aggregate: it takes no DISTINCT and no FILTER", ast->name);
    }
    if (rc < 0) {
        return rc;
    }
    args = tide_type_arena_alloc(b->arena, sizeof(*args));
    if (args == NULL) {
        return tide_bind_nomem(b);
    }
    rc = bind_arguments(b, ast, args);
    if (rc < 0) {
        return rc;
    }
    if (is_struct) {
        return bind_struct(b, ast, args, out);
    }
    if (cast != NULL && args->n == 1) {
        return tide_bind_cast(b, args->items[0], cast, false, false, ast->at, out);
    }
    if (cast != NULL) {
        return tide_bind_error(b, ast->at, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                               "%s takes one argument", ast->name);
    }
    return tide_bind_call(b, fn, ast->name, args->items, args->n, ast->at, out);
}

/* ---- everything ---- */

static int
bind_index(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out)
{
    const struct tide_expr *base, *key;
    int rc = tide_bind(b, ast->args[0], &base);
    if (rc == TIDE_OK) {
        rc = tide_bind(b, ast->args[1], &key);
    }
    return rc < 0 ? rc : tide_resolve_extract(b, base, key, ast->at, out);
}

static int
bind_field(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out)
{
    const struct tide_expr *base;
    int rc = tide_bind(b, ast->args[0], &base);
    return rc < 0 ? rc : tide_resolve_field(b, base, ast->name, ast->at, out);
}

int
tide_bind(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out)
{
    const struct tide_expr *arg;
    int rc;
    switch (ast->kind) {
    case TIDE_AST_LITERAL:
        return tide_bind_literal(b, &ast->type, &ast->value, out);
    case TIDE_AST_TYPED:
        return bind_typed(b, ast, out);
    case TIDE_AST_NAME:
        return tide_resolve_name(b, ast, out);
    case TIDE_AST_CALL:
        return bind_function(b, ast, out);
    case TIDE_AST_FIELD:
        return bind_field(b, ast, out);
    case TIDE_AST_INDEX:
        return bind_index(b, ast, out);
    case TIDE_AST_CAST:
        rc = tide_bind(b, ast->args[0], &arg);
        return rc < 0 ? rc : tide_bind_cast(b, arg, &ast->type, ast->try_cast, false, ast->at, out);
    case TIDE_AST_STAR:
        return tide_bind_error(b, ast->at, "INVALID_USAGE_OF_STAR_OR_REGEX",
                               "a star stands alone in a select list or among arguments");
    default:
        return tide_bind_error(b, ast->at, "PARSE_SYNTAX_ERROR", "an alias has no place here");
    }
}
