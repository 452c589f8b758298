/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: from a list of items to a constant graph with an output a column.
 *
 * The analyser leaves nodes behind that nothing uses any more (arguments of folded calls); before a
 * program is handed out only what its outputs reach is kept, and ids are given anew, so that no
 * register is wasted. Threads: the one that compiles; afterwards any may read.
 */
#include "sql/program.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "sql/analyse.h"
#include "sql/functions.h"
#include "sql/resolve.h"

/* ---- life ---- */

void
tide_sql_free(struct tide_program *program)
{
    if (program == NULL) {
        return;
    }
    for (struct tide_deferred *d = program->deferred; d != NULL; d = d->next) {
        d->release(d->what);
    }
    tide_free(program->seam, program->exprs);
    tide_free(program->seam, program->outs);
    tide_free(program->seam, program->fields);
    tide_free(program->seam, program->texts);
    tide_free(program->seam, program->columns);
    tide_scratch_fini(&program->scratch);
    tide_type_arena_fini(&program->arena);
    tide_zone_set_destroy(program->regions);
    tide_zone_destroy(program->zone_owned);
    tide_free(program->seam, program);
}

int
tide_program_regions(struct tide_program *program, struct tide_error *err)
{
    if (program->regions != NULL) {
        return TIDE_OK;
    }
    return tide_zone_set_create(program->seam, &program->regions, err);
}

static int
set_zone(struct tide_program *program, const char *name, struct tide_error *err)
{
    int rc = TIDE_OK;
    program->zone = tide_zone_utc();
    if (name != NULL && strcmp(name, "UTC") != 0) {
        rc = tide_zone_create(program->seam, name, &program->zone_owned, err);
        program->zone = program->zone_owned;
    }
    return rc;
}

static int
open_binder(const struct tide_sql_options *options, const struct tide_schema *in,
            struct tide_binder *b, struct tide_error *err)
{
    const struct tide_seam *seam = options->seam != NULL ? options->seam : tide_seam_real();
    const struct tide_expr_options *expr = options->expr;
    struct tide_program *program = tide_alloc(seam, sizeof(*program));
    if (program == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a program");
    }
    program->seam = seam;
    program->in = in;
    tide_type_arena_init(&program->arena, seam);
    tide_scratch_init(&program->scratch, seam);
    *b = (struct tide_binder){
        .program = program,
        .arena = &program->arena,
        .in = in,
        .relation = options->relation,
        .ansi = expr != NULL && expr->ansi,
        .case_sensitive = expr != NULL && expr->case_sensitive,
        .record_max = options->record_max > 0 ? options->record_max : TIDE_LIMIT_RECORD_CEILING,
        .err = err,
    };
    return set_zone(program, expr != NULL ? expr->time_zone : NULL, err);
}

/* ---- outputs ---- */

static int
grow_outs(struct tide_binder *b)
{
    struct tide_program *program = b->program;
    uint32_t cap = program->outs_cap == 0 ? 16 : program->outs_cap * 2;
    void *outs, *fields;
    if (program->n_outs < program->outs_cap) {
        return TIDE_OK;
    }
    if (program->n_outs == TIDE_LIMIT_COLUMNS) {
        return tide_error_set(b->err, TIDE_ERR_LIMIT, "more than %u columns", TIDE_LIMIT_COLUMNS);
    }
    outs = tide_resize(program->seam, program->outs, cap * sizeof(program->outs[0]));
    if (outs == NULL) {
        return tide_bind_nomem(b);
    }
    program->outs = outs;
    fields = tide_resize(program->seam, program->fields, cap * sizeof(program->fields[0]));
    if (fields == NULL) {
        return tide_bind_nomem(b);
    }
    program->fields = fields;
    program->outs_cap = cap;
    return TIDE_OK;
}

static int
add_out(struct tide_binder *b, const struct tide_expr *expr, const char *name)
{
    struct tide_program *program = b->program;
    const char *kept = tide_type_arena_text(b->arena, name, strlen(name));
    int rc = grow_outs(b);
    if (rc < 0) {
        return rc;
    }
    if (kept == NULL) {
        return tide_bind_nomem(b);
    }
    program->outs[program->n_outs] = expr;
    program->fields[program->n_outs++] =
        (struct tide_field){.name = kept, .type = expr->type, .nullable = expr->nullable};
    return TIDE_OK;
}

/* The name Spark gives to an item without AS. */
static int
add_unnamed(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr *expr)
{
    bool cast =
        ast->kind == TIDE_AST_CAST ||
        (ast->kind == TIDE_AST_CALL && expr->kind == TIDE_EXPR_CALL && expr->fn == &tide_fn_cast);
    const struct tide_ast *named =
        cast && tide_resolve_is_column(b, ast->args[0]) ? ast->args[0] : ast;
    struct tide_buf text;
    const char *name;
    int rc;
    if (named->kind == TIDE_AST_NAME && (expr->kind != TIDE_EXPR_CALL || expr->n_args > 0)) {
        return add_out(b, expr, named->parts[named->n_parts - 1]);
    }
    tide_buf_init(&text, b->program->seam, TIDE_LIMIT_YAML_BYTES);
    rc = tide_expr_print(expr, true, &text);
    name = tide_buf_text(&text);
    if (rc == TIDE_OK) {
        rc = name != NULL ? add_out(b, expr, name) : tide_bind_nomem(b);
    } else {
        rc = tide_error_set(b->err, rc, "a column's name takes too much memory: give it one by AS");
    }
    tide_buf_fini(&text);
    return rc;
}

static int
add_star_outs(struct tide_binder *b, const struct tide_ast *ast)
{
    struct tide_star star;
    int rc = tide_resolve_star(b, ast, &star);
    for (uint32_t i = 0; rc == TIDE_OK && i < star.n; i++) {
        const struct tide_expr *expr;
        const char *name;
        rc = tide_star_at(b, &star, i, &expr, &name);
        if (rc == TIDE_OK) {
            rc = add_out(b, expr, name);
        }
    }
    return rc;
}

static int
add_item(struct tide_binder *b, const struct tide_expr_item *item)
{
    const struct tide_ast *ast, *bare;
    const struct tide_expr *expr;
    int rc = tide_parse_item(b->arena, item->text, strlen(item->text), &ast, b->err);
    if (rc < 0) {
        return rc;
    }
    bare = tide_ast_bare(ast);
    if (bare->kind == TIDE_AST_STAR && bare == ast) {
        return add_star_outs(b, bare);
    }
    rc = bare->kind != TIDE_AST_STAR ? tide_bind(b, bare, &expr) : TIDE_OK;
    if (rc < 0) {
        return rc;
    }
    if (bare->kind == TIDE_AST_STAR || (bare != ast && ast->n_parts != 1)) {
        return tide_bind_error(b, ast->at, "PARSE_SYNTAX_ERROR",
                               "one column takes one name, and a star none");
    }
    if (bare != ast) {
        return add_out(b, expr, ast->parts[0]);
    }
    return item->name != NULL ? add_out(b, expr, item->name) : add_unnamed(b, bare, expr);
}

/* ---- the finish ---- */

/* Marks what the outputs reach: arguments have smaller ids than their calls. */
static uint8_t *
mark_reached(const struct tide_program *program)
{
    uint8_t *reached = tide_alloc(program->seam, program->n_exprs + 1);
    if (reached == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < program->n_outs; i++) {
        reached[program->outs[i]->id] = 1;
    }
    for (uint32_t id = program->n_exprs; id-- > 0;) {
        const struct tide_expr *node = program->exprs[id];
        for (uint32_t i = 0; reached[id] && i < node->n_args; i++) {
            TIDE_ASSERT(node->args[i]->id < id);
            reached[node->args[i]->id] = 1;
        }
    }
    return reached;
}

static int
compact(struct tide_program *program, struct tide_error *err)
{
    uint8_t *reached = mark_reached(program);
    uint32_t n = 0;
    if (reached == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a program");
    }
    for (uint32_t id = 0; id < program->n_exprs; id++) {
        if (reached[id]) {
            struct tide_expr *node = (struct tide_expr *)program->exprs[id];
            node->id = n;
            program->exprs[n++] = node;
        }
    }
    program->n_exprs = n;
    tide_free(program->seam, reached);
    return TIDE_OK;
}

static int
list_columns(struct tide_program *program, struct tide_error *err)
{
    uint8_t *used = tide_alloc(program->seam, program->in->n + 1);
    program->columns = tide_alloc(program->seam, (program->in->n + 1) * sizeof(uint32_t));
    if (used == NULL || program->columns == NULL) {
        tide_free(program->seam, used);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a program");
    }
    for (uint32_t id = 0; id < program->n_exprs; id++) {
        if (program->exprs[id]->kind == TIDE_EXPR_COLUMN) {
            used[program->exprs[id]->index] = 1;
        }
    }
    for (uint32_t i = 0; i < program->in->n; i++) {
        if (used[i]) {
            program->columns[program->n_columns++] = i;
        }
    }
    tide_free(program->seam, used);
    return TIDE_OK;
}

static int
print_outs(struct tide_program *program, struct tide_error *err)
{
    struct tide_buf text;
    int rc = TIDE_OK;
    program->texts = tide_alloc(program->seam, (program->n_outs + 1) * sizeof(program->texts[0]));
    if (program->texts == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a program");
    }
    tide_buf_init(&text, program->seam, TIDE_LIMIT_YAML_BYTES);
    for (uint32_t i = 0; rc == TIDE_OK && i < program->n_outs; i++) {
        tide_buf_clear(&text);
        rc = tide_expr_print(program->outs[i], false, &text);
        program->texts[i] =
            tide_type_arena_text(&program->arena, (const char *)text.data, text.len);
        if (rc < 0 || program->texts[i] == NULL) {
            rc = tide_error_set(err, rc < 0 ? rc : TIDE_ERR_NOMEM, "no memory for a program");
        }
    }
    tide_buf_fini(&text);
    return rc;
}

static int
finish(struct tide_program *program, struct tide_error *err)
{
    int rc = compact(program, err);
    program->deterministic = true;
    for (uint32_t i = 0; i < program->n_outs; i++) {
        const struct tide_expr *out = program->outs[i];
        program->may_fail |= out->may_fail;
        program->deterministic &= out->deterministic;
        program->sels = out->sels > program->sels ? out->sels : program->sels;
    }
    if (rc == TIDE_OK) {
        rc = list_columns(program, err);
    }
    return rc == TIDE_OK ? print_outs(program, err) : rc;
}

/* ---- public ---- */

int
tide_sql_compile(const struct tide_sql_options *options, const struct tide_expr_item *items,
                 uint32_t n, const struct tide_schema *in, struct tide_program **out,
                 uint32_t *out_bad_item, struct tide_error *err)
{
    struct tide_error local = {.at = -1};
    struct tide_binder b = {0};
    uint32_t item = 0;
    int rc = open_binder(options, in, &b, err != NULL ? err : &local);
    for (; rc == TIDE_OK && item < n; item++) {
        rc = add_item(&b, &items[item]);
    }
    if (rc < 0 && out_bad_item != NULL) {
        *out_bad_item = item > 0 ? item - 1 : 0;
    }
    if (rc == TIDE_OK) {
        rc = finish(b.program, err);
    }
    if (b.program != NULL) {
        tide_free(b.program->seam, b.table);
    }
    if (rc < 0) {
        tide_sql_free(b.program);
        return rc;
    }
    *out = b.program;
    return TIDE_OK;
}

int
tide_sql_compile_filter(const struct tide_sql_options *options, const char *condition,
                        const struct tide_schema *in, struct tide_program **out,
                        struct tide_error *err)
{
    static const struct tide_type boolean = {.id = TIDE_TYPE_BOOLEAN};
    struct tide_error local = {.at = -1};
    struct tide_binder b = {0};
    const struct tide_ast *ast;
    const struct tide_expr *expr;
    char text[TIDE_TYPE_TEXT];
    int rc = open_binder(options, in, &b, err != NULL ? err : &local);
    if (rc == TIDE_OK) {
        b.is_filter = true;
        rc = tide_parse_item(b.arena, condition, strlen(condition), &ast, b.err);
    }
    if (rc == TIDE_OK) {
        rc = tide_bind(&b, ast, &expr);
    }
    if (rc == TIDE_OK && expr->type.id == TIDE_TYPE_NULL) {
        rc = tide_coerce_to(&b, &expr, &boolean);
    }
    if (rc == TIDE_OK && expr->type.id != TIDE_TYPE_BOOLEAN) {
        rc = tide_bind_error(&b, 0, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN",
                             "a condition must be BOOLEAN, this is %s",
                             tide_bind_type_text(&expr->type, text));
    }
    if (rc == TIDE_OK) {
        rc = add_out(&b, expr, "condition");
    }
    if (rc == TIDE_OK) {
        rc = finish(b.program, err);
    }
    if (b.program != NULL) {
        tide_free(b.program->seam, b.table);
    }
    if (rc < 0) {
        tide_sql_free(b.program);
        return rc;
    }
    *out = b.program;
    return TIDE_OK;
}

uint32_t
tide_sql_fields(const struct tide_program *program, const struct tide_field **out)
{
    *out = program->fields;
    return program->n_outs;
}

bool
tide_sql_may_fail(const struct tide_program *program)
{
    return program->may_fail;
}

bool
tide_sql_deterministic(const struct tide_program *program)
{
    return program->deterministic;
}

uint32_t
tide_sql_columns(const struct tide_program *program, const uint32_t **out)
{
    *out = program->columns;
    return program->n_columns;
}

int32_t
tide_sql_plain_column(const struct tide_program *program, uint32_t i)
{
    TIDE_ASSERT(i < program->n_outs);
    return program->outs[i]->kind == TIDE_EXPR_COLUMN ? (int32_t)program->outs[i]->index : -1;
}

const char *
tide_sql_text(const struct tide_program *program, uint32_t i)
{
    TIDE_ASSERT(i < program->n_outs);
    return program->texts[i];
}
