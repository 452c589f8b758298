/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: making, folding, interning. A node is filled in by whoever binds it and finished here:
 * what follows from its arguments is worked out, a call of literals becomes a literal, and a node
 * equal to an earlier one gives way to it. A node's `param` follows from the rest of it, so that
 * equality leaves it out. Threads: the one that compiles.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "sql/analyse.h"
#include "sql/functions.h"

/* ---- errors ---- */

int
tide_bind_error(struct tide_binder *b, uint32_t at, const char *condition, const char *format, ...)
{
    char text[TIDE_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return tide_error_set_at(b->err, TIDE_ERR_INVALID, (int32_t)at, "[%s] %.*s", condition,
                             TIDE_ERROR_TEXT_MAX - 100, text);
}

int
tide_bind_unsupported(struct tide_binder *b, uint32_t at, const char *format, ...)
{
    char text[TIDE_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return tide_error_set_at(b->err, TIDE_ERR_UNSUPPORTED, (int32_t)at,
                             "[UNSUPPORTED_FEATURE] %.*s not in this version",
                             TIDE_ERROR_TEXT_MAX - 100, text);
}

int
tide_bind_nomem(struct tide_binder *b)
{
    return tide_error_set(b->err, TIDE_ERR_NOMEM, "no memory to compile an expression");
}

const char *
tide_bind_type_text(const struct tide_type *type, char out[TIDE_TYPE_TEXT])
{
    struct tide_buf text;
    tide_buf_init(&text, tide_seam_real(), 1u << 20);
    if (tide_type_print(type, TIDE_TYPE_STYLE_SQL, &text) == TIDE_OK &&
        tide_buf_text(&text) != NULL) {
        snprintf(out, TIDE_TYPE_TEXT, "%s", tide_buf_text(&text));
    } else {
        snprintf(out, TIDE_TYPE_TEXT, "%s", tide_type_id_name(type->id));
    }
    tide_buf_fini(&text);
    return out;
}

int
tide_bind_defer(struct tide_binder *b, void (*release)(void *what), void *what)
{
    struct tide_deferred *deferred = tide_type_arena_alloc(b->arena, sizeof(*deferred));
    if (deferred == NULL) {
        release(what);
        return tide_bind_nomem(b);
    }
    *deferred = (struct tide_deferred){b->program->deferred, release, what};
    b->program->deferred = deferred;
    return TIDE_OK;
}

/* ---- equality ---- */

static uint64_t
mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static uint64_t
node_hash(const struct tide_expr *node)
{
    uint64_t hash = mix(node->kind, node->type.id);
    hash = mix(hash, node->index);
    hash = mix(hash, (uint64_t)(uintptr_t)node->fn);
    hash = mix(hash, (uint64_t)(uintptr_t)node->eval);
    for (uint32_t i = 0; i < node->n_args; i++) {
        hash = mix(hash, node->args[i]->id);
    }
    if (node->kind == TIDE_EXPR_LITERAL && !node->value.null && !tide_type_is_ref(&node->type)) {
        hash = mix(hash, (uint64_t)node->value.i64);
    }
    return hash;
}

static bool
literals_equal(const struct tide_expr *a, const struct tide_expr *b)
{
    if (a->value.null || b->value.null || a->type.id == TIDE_TYPE_NULL) {
        return a->value.null == b->value.null;
    }
    if (tide_type_is_nested(&a->type)) {
        return false;
    }
    if (tide_type_is_bytes(&a->type)) {
        return a->value.bytes.n == b->value.bytes.n &&
               (a->value.bytes.n == 0 ||
                memcmp(a->value.bytes.p, b->value.bytes.p, a->value.bytes.n) == 0);
    }
    return a->type.id == TIDE_TYPE_DECIMAL ? a->value.i128 == b->value.i128
                                           : a->value.i64 == b->value.i64;
}

static bool
names_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
nodes_equal(const struct tide_expr *a, const struct tide_expr *b)
{
    if (a->kind != b->kind || a->fn != b->fn || a->eval != b->eval || a->index != b->index ||
        a->n_args != b->n_args || a->implicit != b->implicit || a->try_cast != b->try_cast ||
        a->ansi != b->ansi || !names_equal(a->name, b->name) ||
        !tide_type_identical(&a->type, &b->type)) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_args; i++) {
        if (a->args[i] != b->args[i]) {
            return false;
        }
    }
    if (a->kind != TIDE_EXPR_LITERAL) {
        return true;
    }
    /* 2 and 1 + 1 are printed differently */
    return literals_equal(a, b) && (a->folded == NULL) == (b->folded == NULL) &&
           (a->folded == NULL || nodes_equal(a->folded, b->folded));
}

/* ---- the program's nodes ---- */

static int
grow_table(struct tide_binder *b)
{
    uint32_t size = b->table_size == 0 ? 64 : b->table_size * 2;
    uint32_t *table = tide_alloc(b->program->seam, size * sizeof(table[0]));
    if (table == NULL) {
        return tide_bind_nomem(b);
    }
    for (uint32_t id = 0; id < b->program->n_exprs; id++) {
        uint64_t at = node_hash(b->program->exprs[id]) & (size - 1);
        while (table[at] != 0) {
            at = (at + 1) & (size - 1);
        }
        table[at] = id + 1;
    }
    tide_free(b->program->seam, b->table);
    b->table = table;
    b->table_size = size;
    return TIDE_OK;
}

static int
append(struct tide_binder *b, struct tide_expr *node)
{
    struct tide_program *program = b->program;
    if (program->n_exprs == TIDE_LIMIT_PROGRAM_NODES) {
        return tide_error_set(b->err, TIDE_ERR_LIMIT, "more than %u operations in one step",
                              TIDE_LIMIT_PROGRAM_NODES);
    }
    if (program->n_exprs == program->exprs_cap) {
        uint32_t cap = program->exprs_cap == 0 ? 32 : program->exprs_cap * 2;
        void *exprs = tide_resize(program->seam, program->exprs, cap * sizeof(program->exprs[0]));
        if (exprs == NULL) {
            return tide_bind_nomem(b);
        }
        program->exprs = exprs;
        program->exprs_cap = cap;
    }
    node->id = program->n_exprs;
    program->exprs[program->n_exprs++] = node;
    return TIDE_OK;
}

/* The node equal to @node, which it becomes itself when there is none. */
static int
intern(struct tide_binder *b, struct tide_expr *node, const struct tide_expr **out)
{
    uint64_t at;
    int rc;
    if ((b->program->n_exprs + 1) * 2 > b->table_size) {
        rc = grow_table(b);
        if (rc < 0) {
            return rc;
        }
    }
    at = node_hash(node) & (b->table_size - 1);
    for (; b->table[at] != 0; at = (at + 1) & (b->table_size - 1)) {
        const struct tide_expr *known = b->program->exprs[b->table[at] - 1];
        if (node->deterministic && nodes_equal(known, node)) {
            *out = known;
            return TIDE_OK;
        }
    }
    rc = append(b, node);
    if (rc < 0) {
        return rc;
    }
    b->table[at] = node->id + 1;
    *out = node;
    return TIDE_OK;
}

/* ---- making nodes ---- */

struct tide_expr *
tide_bind_node(struct tide_binder *b, enum tide_expr_kind kind, const struct tide_expr *const *args,
               uint32_t n_args, uint32_t at)
{
    struct tide_expr *node =
        tide_type_arena_alloc(b->arena, sizeof(*node) + (n_args + 1) * sizeof(node->args[0]));
    if (node == NULL) {
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->at = at;
    node->ansi = b->ansi;
    node->n_args = n_args;
    node->args = (const struct tide_expr **)(node + 1);
    for (uint32_t i = 0; i < n_args; i++) {
        node->args[i] = args[i];
    }
    return node;
}

/* What follows from the arguments. */
static void
derive(struct tide_expr *node)
{
    bool deterministic = node->fn == NULL || !node->fn->random;
    uint32_t height = 0, sels = 0;
    for (uint32_t i = 0; i < node->n_args; i++) {
        const struct tide_expr *arg = node->args[i];
        deterministic &= arg->deterministic;
        node->may_fail |= arg->may_fail;
        height = arg->height > height ? arg->height : height;
        sels = arg->sels > sels ? arg->sels : sels;
    }
    node->deterministic = deterministic;
    node->height = height + 1;
    node->sels = sels + (node->lazy ? 3 : node->strict ? 1 : 0);
}

static bool
is_foldable(const struct tide_expr *node)
{
    for (uint32_t i = 0; i < node->n_args; i++) {
        if (node->args[i]->kind != TIDE_EXPR_LITERAL) {
            return false;
        }
    }
    return node->kind == TIDE_EXPR_CALL && node->deterministic;
}

int
tide_bind_finish(struct tide_binder *b, struct tide_expr *node, const struct tide_expr **out)
{
    struct tide_value value;
    derive(node);
    TIDE_ASSERT(node->kind != TIDE_EXPR_CALL || node->eval != NULL);
    if (node->height > TIDE_LIMIT_EXPR_HEIGHT * 2) {
        return tide_error_set_at(b->err, TIDE_ERR_LIMIT, (int32_t)node->at,
                                 "the expression is too high");
    }
    if (is_foldable(node)) {
        /* evaluation looks nodes up by id */
        int rc = append(b, node);
        bool folded;
        if (rc < 0) {
            return rc;
        }
        folded = tide_program_fold(b->program, node, &value);
        b->program->n_exprs--;
        if (folded) {
            struct tide_expr *literal = tide_bind_node(b, TIDE_EXPR_LITERAL, NULL, 0, node->at);
            if (literal == NULL) {
                return tide_bind_nomem(b);
            }
            literal->folded = node;
            literal->type = node->type;
            literal->value = value;
            literal->value.type = &literal->type;
            literal->nullable = node->nullable || value.null;
            derive(literal);
            return intern(b, literal, out);
        }
    }
    return intern(b, node, out);
}

int
tide_bind_literal(struct tide_binder *b, const struct tide_type *type,
                  const struct tide_value *value, const struct tide_expr **out)
{
    struct tide_expr *node = tide_bind_node(b, TIDE_EXPR_LITERAL, NULL, 0, 0);
    if (node == NULL) {
        return tide_bind_nomem(b);
    }
    node->type = *type;
    node->value = *value;
    node->value.type = &node->type;
    node->nullable = value->null;
    derive(node);
    return intern(b, node, out);
}

int
tide_bind_null(struct tide_binder *b, const struct tide_type *type, const struct tide_expr **out)
{
    struct tide_value value = {.null = true};
    return tide_bind_literal(b, type, &value, out);
}

/* ---- calls ---- */

static int
check_count(struct tide_binder *b, const struct tide_fn *fn, const char *name, uint32_t n,
            uint32_t at)
{
    if (n >= fn->args_min && (fn->args_max == TIDE_ARGS_ANY || n <= fn->args_max)) {
        return TIDE_OK;
    }
    return tide_bind_error(b, at, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                           "%s takes other arguments than these %u: %s", name, n, fn->usage);
}

/* A row with params: casts and the result's type. */
static int
bind_by_params(struct tide_binder *b, const struct tide_fn *fn, struct tide_expr *call)
{
    const char *letter = fn->params;
    for (uint32_t i = 0; i < call->n_args; i++) {
        int rc = tide_coerce_param(b, call, i, *letter);
        if (rc < 0) {
            return rc;
        }
        letter += letter[1] != '\0';
    }
    call->type = tide_type_of(fn->result);
    return TIDE_OK;
}

int
tide_bind_call(struct tide_binder *b, const struct tide_fn *fn, const char *name,
               const struct tide_expr *const *args, uint32_t n_args, uint32_t at,
               const struct tide_expr **out)
{
    int rc = check_count(b, fn, name, n_args, at);
    struct tide_expr *call;
    if (rc < 0) {
        return rc;
    }
    call = tide_bind_node(b, TIDE_EXPR_CALL, args, n_args, at);
    if (call == NULL) {
        return tide_bind_nomem(b);
    }
    call->fn = fn;
    call->name = name;
    call->eval = fn->eval;
    call->lazy = fn->lazy;
    call->strict = !fn->lazy && fn->nulls <= TIDE_NULLS_MADE;
    rc = fn->params != NULL ? bind_by_params(b, fn, call) : TIDE_OK;
    call->nullable = fn->nulls == TIDE_NULLS_MADE || fn->nulls == TIDE_NULLS_SEEN;
    if (rc == TIDE_OK && fn->bind != NULL) {
        rc = fn->bind(b, call);
    }
    for (uint32_t i = 0; rc == TIDE_OK && i < call->n_args && call->strict; i++) {
        call->nullable |= call->args[i]->nullable;
    }
    return rc < 0 ? rc : tide_bind_finish(b, call, out);
}
