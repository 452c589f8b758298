/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The analyser, inside: names, types and coercions, and what the bind functions of the function
 * table work with.
 *
 * A binder lives while one program is compiled. It turns each AST into typed nodes, bottom up:
 * resolve names, bind the arguments, cast them as Spark's rules say, fold what is constant, and
 * intern the node, so that equal nodes are one. Threads: the one that compiles.
 */
#ifndef TIDE_SQL_ANALYSE_H
#define TIDE_SQL_ANALYSE_H

#include "sql/ast.h"
#include "sql/expr.h"
#include "sql/program.h"

/* Arguments of a call, those of stars included. More: refused. */
#define TIDE_BIND_ARGS_MAX 1024u

/* The kind of generator called @name (enum tide_sql_generator_kind), or -1. @thread any */
int tide_generator_find(const char *name);

/* Generator @i for the list of functions; false behind the last. @thread any */
bool tide_generator_at(uint32_t i, struct tide_sql_function *out);

struct tide_binder {
    struct tide_program *program;
    struct tide_type_arena *arena; /* the program's */
    const struct tide_schema *in;
    const char *relation;
    bool ansi, case_sensitive;
    bool is_filter; /* a condition, not a select list */
    uint32_t record_max;
    uint32_t *table; /* node ids + 1 by hash; 0: free */
    uint32_t table_size;
    struct tide_error *err;
};

/* ---- nodes ---- */

/* Binds an AST that is not a star. @thread start, coordinator */
int tide_bind(struct tide_binder *b, const struct tide_ast *ast, const struct tide_expr **out);

/* A call of @fn over bound arguments (copied); @name is how it was spelled. @thread start,
 * coordinator */
int tide_bind_call(struct tide_binder *b, const struct tide_fn *fn, const char *name,
                   const struct tide_expr *const *args, uint32_t n_args, uint32_t at,
                   const struct tide_expr **out);

/* Makes a node, with room for one more argument, and finishes one that was filled in: folds and
 * interns it. @thread start, coordinator */
struct tide_expr *tide_bind_node(struct tide_binder *b, enum tide_expr_kind kind,
                                 const struct tide_expr *const *args, uint32_t n_args, uint32_t at);
int tide_bind_finish(struct tide_binder *b, struct tide_expr *node, const struct tide_expr **out);

/* A literal; what @value points to must live as long as the program. @thread start, coordinator */
int tide_bind_literal(struct tide_binder *b, const struct tide_type *type,
                      const struct tide_value *value, const struct tide_expr **out);
int tide_bind_null(struct tide_binder *b, const struct tide_type *type,
                   const struct tide_expr **out);

/* Field @index of a STRUCT, or of each STRUCT in an ARRAY. @thread start, coordinator */
int tide_bind_field(struct tide_binder *b, const struct tide_expr *base, uint32_t index,
                    uint32_t at, const struct tide_expr **out);
int tide_bind_element_fields(struct tide_binder *b, const struct tide_expr *base, uint32_t index,
                             uint32_t at, const struct tide_expr **out);

/* Has @what freed with the program; when there is no memory, frees it at once and fails. @thread
 * start, coordinator */
int tide_bind_defer(struct tide_binder *b, void (*release)(void *what), void *what);

/* ---- errors ---- */

/* "[condition] text" at a place; returns TIDE_ERR_INVALID. @thread start, coordinator */
int tide_bind_error(struct tide_binder *b, uint32_t at, const char *condition, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));
int tide_bind_unsupported(struct tide_binder *b, uint32_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int tide_bind_nomem(struct tide_binder *b);

/* A type as errors show it, in one of four buffers taken in turn per call site: copied into @out.
 * @thread start, coordinator */
#define TIDE_TYPE_TEXT 96
const char *tide_bind_type_text(const struct tide_type *type, char out[TIDE_TYPE_TEXT]);

/* ---- coercion (coerce.c) ---- */

/* How far two types may go to meet. */
enum tide_widen {
    TIDE_WIDEN_TIGHT,     /* without loss: what operators do */
    TIDE_WIDEN_NO_STRING, /* also decimals; texts only with texts: greatest, least */
    TIDE_WIDEN_FULL,      /* also texts with others: CASE, coalesce, IN, array */
};

/* The common type of two; false when there is none, or no memory. @thread start, coordinator */
bool tide_widen(struct tide_binder *b, enum tide_widen how, const struct tide_type *x,
                const struct tide_type *y, struct tide_type *out);

/* Whether the types are the same but for the names of fields and what may be NULL. @thread any */
bool tide_same_shape(const struct tide_type *x, const struct tide_type *y);

/* The common type of arguments @from, @from + @step, ... and casts to it. False in *@out_ok: there
 * is none. @thread start, coordinator */
int tide_coerce_common(struct tide_binder *b, struct tide_expr *call, uint32_t from, uint32_t step,
                       enum tide_widen how, struct tide_type *out, bool *out_ok);

/* Casts *@io to @type unless it has it (whatever may be NULL inside). @thread start, coordinator */
int tide_coerce_to(struct tide_binder *b, const struct tide_expr **io,
                   const struct tide_type *type);

/* Casts argument @i to what @letter (struct tide_fn's params) takes, as Spark's implicit casts do,
 * or refuses it. @thread start, coordinator */
int tide_coerce_param(struct tide_binder *b, struct tide_expr *call, uint32_t i, char letter);

/* Makes the two sides of a comparison alike. @equality: =, <=>, IN rather than an order. @thread
 * start, coordinator */
int tide_coerce_comparison(struct tide_binder *b, struct tide_expr *call, bool equality);

/* Makes the operands of + - * / % div & | ^ alike; decimals may differ. @thread start, coordinator
 */
int tide_coerce_arithmetic(struct tide_binder *b, struct tide_expr *call, bool integral);

/* ---- casts (cast.c) ---- */

/* A cast that was written, or one of ours (@implicit). @thread start, coordinator */
int tide_bind_cast(struct tide_binder *b, const struct tide_expr *arg, const struct tide_type *type,
                   bool try_cast, bool implicit, uint32_t at, const struct tide_expr **out);

#endif
