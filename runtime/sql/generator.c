/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generators: functions that make rows (explode and its kin). They stand alone in a select list;
 * the planner takes the list apart here, evaluates it with the generator's argument in its place,
 * and has the explode operator make the rows. Threads: the one that compiles.
 */
#include <string.h>

#include "base/assert.h"
#include "sql/analyse.h"
#include "sql/ast.h"
#include "sql/sql.h"

static const struct {
    const char *name;
    const char *usage, *doc, *since;
} generators[] = {
    [TIDE_SQL_EXPLODE] = {"explode", "explode(array or map)",
                          "A row for each element or entry; none for an empty one or NULL.",
                          "1.0.0"},
    [TIDE_SQL_EXPLODE_OUTER] = {"explode_outer", "explode_outer(array or map)",
                                "As explode, and a row of NULL for an empty one or NULL.", "1.0.0"},
    [TIDE_SQL_POSEXPLODE] = {"posexplode", "posexplode(array or map)",
                             "As explode, with the position, which counts from 0.", "2.0.0"},
    [TIDE_SQL_POSEXPLODE_OUTER] = {"posexplode_outer", "posexplode_outer(array or map)",
                                   "As explode_outer, with the position.", "2.0.0"},
};

#define N_GENERATORS (sizeof(generators) / sizeof(generators[0]))

int
tide_generator_find(const char *name)
{
    for (size_t i = 0; i < N_GENERATORS; i++) {
        if (strcmp(generators[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool
tide_generator_at(uint32_t i, struct tide_sql_function *out)
{
    if (i >= N_GENERATORS) {
        return false;
    }
    *out = (struct tide_sql_function){generators[i].name, generators[i].usage, generators[i].doc,
                                      generators[i].since};
    return true;
}

/* The generator somewhere in a tree, or NULL. */
static const struct tide_ast *
find_inside(const struct tide_ast *ast)
{
    if (ast->kind == TIDE_AST_CALL && tide_generator_find(ast->name) >= 0) {
        return ast;
    }
    for (uint32_t i = 0; i < ast->n_args; i++) {
        const struct tide_ast *found = find_inside(ast->args[i]);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static int
take_names(const struct tide_ast *ast, struct tide_sql_generator *out, struct tide_error *err)
{
    out->n_names = ast->kind == TIDE_AST_ALIAS ? ast->n_parts : 0;
    if (out->n_names > TIDE_SQL_GENERATOR_COLUMNS) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)ast->at,
                                 "[UDTF_ALIAS_NUMBER_MISMATCH] a generator makes at most %u "
                                 "columns",
                                 TIDE_SQL_GENERATOR_COLUMNS);
    }
    for (uint32_t i = 0; i < out->n_names; i++) {
        size_t n = strlen(ast->parts[i]);
        if (n >= sizeof(out->names[i])) {
            return tide_error_set_at(err, TIDE_ERR_LIMIT, (int32_t)ast->at,
                                     "a column's name is longer than %zu bytes",
                                     sizeof(out->names[i]) - 1);
        }
        memcpy(out->names[i], ast->parts[i], n + 1);
    }
    return TIDE_OK;
}

/* Looks at one item. */
static int
look_at(const struct tide_ast *ast, uint32_t item, struct tide_sql_generator *out, bool *io_found,
        struct tide_error *err)
{
    const struct tide_ast *bare = tide_ast_bare(ast), *inside = find_inside(bare);
    if (inside == NULL) {
        return TIDE_OK;
    }
    if (inside != bare || (bare->n_args == 1 && find_inside(bare->args[0]) != NULL)) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)inside->at,
                                 "[UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS] %s makes rows: it "
                                 "stands alone, not inside an expression",
                                 inside->name);
    }
    if (bare->n_args != 1) {
        return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)bare->at,
                                 "[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] %s takes one argument",
                                 bare->name);
    }
    if (*io_found) {
        return tide_error_set_at(err, TIDE_ERR_UNSUPPORTED, (int32_t)bare->at,
                                 "[UNSUPPORTED_GENERATOR.MULTI_GENERATOR] two generators in one "
                                 "select are not in this version: use two steps");
    }
    *io_found = true;
    out->kind = (enum tide_sql_generator_kind)tide_generator_find(bare->name);
    out->item = item;
    out->argument =
        (struct tide_sql_span){bare->args[0]->at, bare->args[0]->end - bare->args[0]->at};
    return take_names(ast, out, err);
}

int
tide_sql_find_generator(const struct tide_seam *seam, const struct tide_expr_item *items,
                        uint32_t n, struct tide_sql_generator *out, bool *out_found,
                        uint32_t *out_bad_item, struct tide_error *err)
{
    struct tide_sql_generator generator = {0};
    bool found = false;
    for (uint32_t i = 0; i < n; i++) {
        struct tide_type_arena arena;
        const struct tide_ast *ast;
        int rc;
        tide_type_arena_init(&arena, seam);
        rc = tide_parse_item(&arena, items[i].text, strlen(items[i].text), &ast, err);
        if (rc == TIDE_OK) {
            rc = look_at(ast, i, &generator, &found, err);
        }
        tide_type_arena_fini(&arena);
        if (rc < 0) {
            if (out_bad_item != NULL) {
                *out_bad_item = i;
            }
            return rc;
        }
    }
    *out = generator;
    *out_found = found;
    return TIDE_OK;
}

int
tide_sql_generator_fields(const struct tide_sql_generator *generator, const struct tide_type *type,
                          struct tide_field *out, struct tide_error *err)
{
    bool outer =
        generator->kind == TIDE_SQL_EXPLODE_OUTER || generator->kind == TIDE_SQL_POSEXPLODE_OUTER;
    bool position = generator->kind >= TIDE_SQL_POSEXPLODE;
    struct tide_field fields[TIDE_SQL_GENERATOR_COLUMNS];
    uint32_t n = 0;
    if (type->id != TIDE_TYPE_ARRAY && type->id != TIDE_TYPE_MAP) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] %s takes an ARRAY or a "
                              "MAP, not %s",
                              generators[generator->kind].name, tide_type_id_name(type->id));
    }
    if (position) {
        fields[n++] = (struct tide_field){"pos", tide_type_of(TIDE_TYPE_INT), outer};
    }
    for (uint32_t i = 0; i < type->n_children; i++) {
        const char *name = type->id == TIDE_TYPE_ARRAY ? "col" : i == 0 ? "key" : "value";
        bool nullable =
            outer || (type->children[i].nullable && (type->id == TIDE_TYPE_ARRAY || i == 1));
        fields[n++] = (struct tide_field){name, type->children[i].type, nullable};
    }
    if (generator->n_names != 0 && generator->n_names != n) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "[UDTF_ALIAS_NUMBER_MISMATCH] %s makes %u columns here and has %u "
                              "names",
                              generators[generator->kind].name, n, generator->n_names);
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = fields[i];
        out[i].name = generator->n_names != 0 ? generator->names[i] : fields[i].name;
    }
    return (int)n;
}
