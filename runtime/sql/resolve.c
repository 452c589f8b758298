/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolution of names. The first part of a name may be the relation's; then, or else, the first
 * part is a column; each further part goes one level into it. Two columns of the same name are
 * ambiguous only when the name is used. Threads: the one that compiles.
 */
#include "sql/resolve.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "sql/functions.h"
#include "sql/types.h"

static bool
same_name(const struct tide_binder *b, const char *x, const char *y)
{
    return b->case_sensitive ? strcmp(x, y) == 0 : tide_text_equal_nocase(x, y);
}

/* How many of @fields are called @name; *@out is the first. */
static uint32_t
count_matches(const struct tide_binder *b, const struct tide_field *fields, uint32_t n,
              const char *name, uint32_t *out)
{
    uint32_t matches = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (same_name(b, fields[i].name, name)) {
            *out = matches == 0 ? i : *out;
            matches++;
        }
    }
    return matches;
}

static const char *
nearest_field(const struct tide_field *fields, uint32_t n, const char *name)
{
    const char *names[256] = {NULL};
    uint32_t count = n < 256 ? n : 256;
    for (uint32_t i = 0; i < count; i++) {
        names[i] = fields[i].name;
    }
    return tide_nearest(name, names, count);
}

static int
refuse_name(struct tide_binder *b, uint32_t at, const char *condition, const char *what,
            const struct tide_field *fields, uint32_t n, const char *name)
{
    const char *nearest = nearest_field(fields, n, name);
    char names[256] = "";
    size_t len = 0;
    if (nearest != NULL) {
        return tide_bind_error(b, at, condition, "there is no %s '%s': did you mean '%s'?", what,
                               name, nearest);
    }
    for (uint32_t i = 0; i < n && len < sizeof(names) - 64; i++) {
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%.40s", i > 0 ? ", " : "",
                                fields[i].name);
    }
    return tide_bind_error(b, at, condition, "there is no %s '%s'; there are: %s", what, name,
                           names);
}

/* ---- columns ---- */

static int
bind_column(struct tide_binder *b, uint32_t index, const char *name, uint32_t at,
            const struct tide_expr **out)
{
    struct tide_expr *node = tide_bind_node(b, TIDE_EXPR_COLUMN, NULL, 0, at);
    if (node == NULL) {
        return tide_bind_nomem(b);
    }
    node->index = index;
    node->type = b->in->fields[index].type;
    node->nullable = b->in->fields[index].nullable;
    node->name = name;
    return tide_bind_finish(b, node, out);
}

/* The part of the name that is the column, or n_parts when none is; ambiguity is @out_matches. */
static uint32_t
find_column(const struct tide_binder *b, const struct tide_ast *ast, uint32_t *out_index,
            uint32_t *out_matches)
{
    const struct tide_field *fields = b->in->fields;
    if (ast->n_parts > 1 && b->relation != NULL && same_name(b, b->relation, ast->parts[0])) {
        *out_matches = count_matches(b, fields, b->in->n, ast->parts[1], out_index);
        if (*out_matches > 0) {
            return 1;
        }
    }
    *out_matches = count_matches(b, fields, b->in->n, ast->parts[0], out_index);
    return *out_matches > 0 ? 0 : ast->n_parts;
}

bool
tide_resolve_is_column(const struct tide_binder *b, const struct tide_ast *ast)
{
    uint32_t index, matches;
    return ast->kind == TIDE_AST_NAME && find_column(b, ast, &index, &matches) + 1 == ast->n_parts;
}

/* CURRENT_TIMESTAMP and its like need no parentheses. */
static bool
bind_bare_function(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out,
                   int *rc)
{
    const struct tide_fn *fn =
        ast->n_parts == 1 && tide_text_equal_nocase(ast->parts[0], "current_timestamp")
            ? tide_fn_find("current_timestamp")
            : NULL;
    if (fn != NULL) {
        *rc = tide_bind_call(b, fn, fn->name, NULL, 0, ast->at, out);
    }
    return fn != NULL;
}

int
tide_resolve_name(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out)
{
    uint32_t index = 0, matches;
    uint32_t part = find_column(b, ast, &index, &matches);
    int rc = TIDE_OK;
    TIDE_ASSERT(ast->n_parts > 0);
    if (part == ast->n_parts) {
        if (bind_bare_function(b, ast, out, &rc)) {
            return rc;
        }
        part = ast->n_parts > 1 && b->relation != NULL && same_name(b, b->relation, ast->parts[0]);
        return refuse_name(b, ast->at, "UNRESOLVED_COLUMN.WITH_SUGGESTION", "column", b->in->fields,
                           b->in->n, ast->parts[part]);
    }
    if (matches > 1) {
        return tide_bind_error(b, ast->at, "AMBIGUOUS_REFERENCE", "%u columns are called '%s'",
                               matches, ast->parts[part]);
    }
    rc = bind_column(b, index, ast->parts[part], ast->at, out);
    for (part++; rc == TIDE_OK && part < ast->n_parts; part++) {
        rc = tide_resolve_field(b, *out, ast->parts[part], ast->at, out);
    }
    return rc;
}

/* ---- into values ---- */

static int
text_literal(struct tide_binder *b, const char *text, const struct tide_expr **out)
{
    struct tide_type string = tide_type_of(TIDE_TYPE_STRING);
    struct tide_value value = {.bytes = {text, (uint32_t)strlen(text)}};
    return tide_bind_literal(b, &string, &value, out);
}

/* Field @name of a STRUCT, or of each STRUCT in an ARRAY. */
static int
extract_field(struct tide_binder *b, const struct tide_expr *base, const char *name, uint32_t at,
              const struct tide_expr **out)
{
    bool array = base->type.id == TIDE_TYPE_ARRAY;
    const struct tide_type *type = array ? &base->type.children[0].type : &base->type;
    uint32_t index = 0;
    uint32_t matches = count_matches(b, type->children, type->n_children, name, &index);
    if (matches == 0) {
        return refuse_name(b, at, "FIELD_NOT_FOUND", "field", type->children, type->n_children,
                           name);
    }
    if (matches > 1) {
        return tide_bind_error(b, at, "AMBIGUOUS_REFERENCE_TO_FIELDS", "%u fields are called '%s'",
                               matches, name);
    }
    if (!array) {
        return tide_bind_field(b, base, index, at, out);
    }
    return tide_bind_element_fields(b, base, index, at, out);
}

int
tide_resolve_field(struct tide_binder *b, const struct tide_expr *base, const char *name,
                   uint32_t at, const struct tide_expr **out)
{
    const struct tide_expr *key;
    int rc = text_literal(b, name, &key);
    return rc < 0 ? rc : tide_resolve_extract(b, base, key, at, out);
}

/* A literal text as a name, in the arena. */
static const char *
key_name(struct tide_binder *b, const struct tide_expr *key)
{
    if (key->kind != TIDE_EXPR_LITERAL || key->value.null || key->type.id != TIDE_TYPE_STRING) {
        return NULL;
    }
    return tide_type_arena_text(b->arena, key->value.bytes.p, key->value.bytes.n);
}

int
tide_resolve_extract(struct tide_binder *b, const struct tide_expr *base,
                     const struct tide_expr *key, uint32_t at, const struct tide_expr **out)
{
    const struct tide_expr *args[2] = {base, key};
    const char *name = key_name(b, key);
    char text[TIDE_TYPE_TEXT];
    bool structs =
        base->type.id == TIDE_TYPE_STRUCT || (base->type.id == TIDE_TYPE_ARRAY && name != NULL &&
                                              base->type.children[0].type.id == TIDE_TYPE_STRUCT);
    if (structs && name != NULL) {
        return extract_field(b, base, name, at, out);
    }
    if (structs) {
        return tide_bind_error(b, at, "INVALID_EXTRACT_FIELD",
                               "a field of a STRUCT is taken by its name as a constant text");
    }
    if (base->type.id != TIDE_TYPE_ARRAY && base->type.id != TIDE_TYPE_MAP) {
        return tide_bind_error(b, at, "INVALID_EXTRACT_BASE_FIELD_TYPE",
                               "nothing can be taken out of a %s",
                               tide_bind_type_text(&base->type, text));
    }
    return tide_bind_call(b, tide_fn_find("[]"), "[]", args, 2, at, out);
}

/* ---- stars ---- */

int
tide_resolve_star(struct tide_binder *b, const struct tide_ast *ast, struct tide_star *out)
{
    struct tide_ast name = *ast;
    const struct tide_expr *base;
    int rc;
    if (ast->n_parts == 0 ||
        (ast->n_parts == 1 && b->relation != NULL && same_name(b, b->relation, ast->parts[0]))) {
        *out = (struct tide_star){NULL, b->in->n};
        return TIDE_OK;
    }
    name.kind = TIDE_AST_NAME;
    rc = tide_resolve_name(b, &name, &base);
    if (rc < 0) {
        return rc;
    }
    if (base->type.id != TIDE_TYPE_STRUCT) {
        char text[TIDE_TYPE_TEXT];
        return tide_bind_error(b, ast->at, "INVALID_USAGE_OF_STAR_OR_REGEX",
                               "'%s' is a %s: a star takes a STRUCT apart",
                               ast->parts[ast->n_parts - 1],
                               tide_bind_type_text(&base->type, text));
    }
    *out = (struct tide_star){base, base->type.n_children};
    return TIDE_OK;
}

int
tide_star_at(struct tide_binder *b, const struct tide_star *star, uint32_t i,
             const struct tide_expr **out, const char **out_name)
{
    TIDE_ASSERT(i < star->n);
    if (star->base != NULL) {
        *out_name = star->base->type.children[i].name;
        return tide_bind_field(b, star->base, i, 0, out);
    }
    *out_name = b->in->fields[i].name;
    return bind_column(b, i, *out_name, 0, out);
}
