/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function table: what a row holds, and what an eval function may use.
 *
 * To add a function: write its eval function in the fn_*.c it belongs to and put a row into the
 * table at that file's end. A row with `params` needs no more: the analyser casts the arguments as
 * Spark would and gives the call the type `result`. A function whose type depends on its arguments
 * has a `bind` instead, which casts, sets type, nullable, eval and what else the node holds.
 */
#ifndef TIDE_SQL_FUNCTIONS_H
#define TIDE_SQL_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/time_pattern.h"
#include "sql/analyse.h"
#include "sql/eval.h"
#include "sql/expr.h"

/* What becomes of NULL arguments. */
enum tide_null_rule {
    TIDE_NULLS_STRICT, /* any NULL argument: NULL */
    TIDE_NULLS_MADE,   /* the same, and the function may answer NULL too */
    TIDE_NULLS_SEEN,   /* the function sees NULLs and answers NULL where it likes */
    TIDE_NULLS_NEVER,  /* the function sees NULLs and never answers NULL */
};

/* How a call is printed. */
enum tide_print_style {
    TIDE_PRINT_CALL,    /* name(a, b) */
    TIDE_PRINT_INFIX,   /* (a NAME b) */
    TIDE_PRINT_PREFIX,  /* (NAME a) */
    TIDE_PRINT_POSTFIX, /* (a IS NULL): name is in `shown` */
    TIDE_PRINT_OWN,     /* print.c knows it by name */
};

#define TIDE_ARGS_ANY 255u

/*
 * `params` has one letter an argument, the last one counts for all that follow:
 *   s STRING   y STRING or BINARY   x BINARY   b BOOLEAN   i INT   l BIGINT   d DOUBLE
 *   n any number   I any integral   D DATE   t TIMESTAMP   a ARRAY   m MAP   * anything
 */
struct tide_fn {
    const char *name; /* lower case; operators by their sign */
    uint8_t args_min, args_max;
    uint8_t nulls;  /* enum tide_null_rule */
    uint8_t print;  /* enum tide_print_style */
    uint8_t result; /* enum tide_type_id, with params */
    bool lazy;
    bool random;       /* not deterministic */
    const char *shown; /* printed in place of the name, or NULL */
    const char *params;
    int (*bind)(struct tide_binder *b, struct tide_expr *call);
    tide_fn_eval *eval;
    const char *usage, *doc, *since;
};

/* The row of a function, or NULL. @thread any */
const struct tide_fn *tide_fn_find(const char *name);

/* Row @i in the order of the table, NULL behind the last. @thread any */
const struct tide_fn *tide_fn_at(uint32_t i);

/* concat() of arrays: the rest of its bind (fn_collection.c). @thread start, coordinator */
int tide_bind_concat_arrays(struct tide_binder *b, struct tide_expr *call);

/* A pattern of Java's DateTimeFormatter, owned by the program; @date: of days (time_format.c).
 * @thread start, coordinator */
int tide_time_format_bind(struct tide_binder *b, const char *pattern, uint32_t at, bool date,
                          const struct tide_time_pattern **out);

/* The row of CAST, which has its own syntax. */
extern const struct tide_fn tide_fn_cast;

/* The parts of the table; each ends with a NULL name. */
extern const struct tide_fn tide_fns_arithmetic[];
extern const struct tide_fn tide_fns_bits[];
extern const struct tide_fn tide_fns_compare[];
extern const struct tide_fn tide_fns_conditional[];
extern const struct tide_fn tide_fns_string[];
extern const struct tide_fn tide_fns_regex[];
extern const struct tide_fn tide_fns_collection[];
extern const struct tide_fn tide_fns_json[];
extern const struct tide_fn tide_fns_time[];

#endif
