/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs, inside: what the analyser fills and the evaluator reads. A program owns its nodes,
 * types and texts (arena), the values of folded constants (scratch), and what calls prepared at
 * compile time (deferred). It is constant once compiled.
 */
#ifndef TIDE_SQL_PROGRAM_H
#define TIDE_SQL_PROGRAM_H

#include "codec/zone.h"
#include "data/type.h"
#include "sql/expr.h"
#include "sql/scratch.h"
#include "sql/sql.h"

/* Something to free with the program. */
struct tide_deferred {
    struct tide_deferred *next;
    void (*release)(void *what);
    void *what;
};

struct tide_program {
    const struct tide_seam *seam;
    const struct tide_schema *in;
    struct tide_type_arena arena;
    struct tide_scratch scratch;
    struct tide_deferred *deferred;
    struct tide_zone *zone_owned; /* NULL: UTC */
    const struct tide_zone *zone;
    struct tide_zone_set *regions;

    const struct tide_expr **exprs; /* by id */
    uint32_t n_exprs, exprs_cap;
    const struct tide_expr **outs;
    struct tide_field *fields;
    const char **texts; /* canonical SQL of each out */
    uint32_t n_outs, outs_cap;
    uint32_t *columns; /* input columns read, rising */
    uint32_t n_columns;
    uint32_t sels; /* selections an evaluation needs at a time */
    bool may_fail, deterministic;
};

/* Evaluates the call @node, whose arguments are literals, once; its value lies in the program's
 * scratch. False: it failed, and stays a call. @thread start, coordinator */
bool tide_program_fold(struct tide_program *program, const struct tide_expr *node,
                       struct tide_value *out);

/* Has `regions` read, for texts that may name one: some hundred files, so only programs that read
 * timestamps from text pay for it. Errors: those of tide_zone_set_create. @thread start,
 * coordinator */
int tide_program_regions(struct tide_program *program, struct tide_error *err);

#endif
