/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolution, inside: names and stars to columns and what lies in them. Threads: the one that
 * compiles.
 */
#ifndef TIDE_SQL_RESOLVE_H
#define TIDE_SQL_RESOLVE_H

#include "sql/analyse.h"

/* A name: a column, with or without qualifier, and fields below it. */
int tide_resolve_name(struct tide_binder *b, const struct tide_ast *ast,
                      const struct tide_expr **out);

/* base.name: a field of a STRUCT, of the structs in an ARRAY, or the value of a MAP's key. */
int tide_resolve_field(struct tide_binder *b, const struct tide_expr *base, const char *name,
                       uint32_t at, const struct tide_expr **out);

/* base[key]. */
int tide_resolve_extract(struct tide_binder *b, const struct tide_expr *base,
                         const struct tide_expr *key, uint32_t at, const struct tide_expr **out);

/* Whether the name alone is a column of the input: no field of one. */
bool tide_resolve_is_column(const struct tide_binder *b, const struct tide_ast *ast);

/* A star, of the input or of a STRUCT. */
struct tide_star {
    const struct tide_expr *base; /* NULL: the input */
    uint32_t n;
};

int tide_resolve_star(struct tide_binder *b, const struct tide_ast *ast, struct tide_star *out);

/* Item @i of a star and its name. */
int tide_star_at(struct tide_binder *b, const struct tide_star *star, uint32_t i,
                 const struct tide_expr **out, const char **out_name);

#endif
