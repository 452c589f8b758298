/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL: what this room offers to the planner and to the host table of plugins.
 *
 * A program is compiled on a control thread from SQL items against a schema, is constant from then
 * on and may be shared by tasks. An evaluation (struct tide_eval) belongs to one task: it holds the
 * registers, the scratch heap and the rows' errors of the last run, and allocates only when a batch
 * needs more scratch than any before.
 *
 * Dialect: Spark SQL 4 with spark.sql.ansi.enabled as the options say. Messages of errors begin
 * with Spark's condition in brackets ("[UNRESOLVED_COLUMN.WITH_SUGGESTION] ..."), and err->at is
 * the byte offset into the item's text. What Spark knows and this version does not is
 * TIDE_ERR_UNSUPPORTED.
 */
#ifndef TIDE_SQL_SQL_H
#define TIDE_SQL_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/expr.h>
#include <tidemark/row.h>

#include "base/seam.h"
#include "codec/zone.h"
#include "data/schema.h"
#include "data/type.h"

/* How to compile. */
struct tide_sql_options {
    const struct tide_seam *seam;
    const struct tide_expr_options *expr; /* NULL: ANSI off, any case, UTC */
    const char *relation; /* what columns may be qualified with ("t.a", "t.*"), or NULL */
    uint32_t record_max;  /* runtime.maxRecordSize; 0: its ceiling */
};

/* Bytes [at, at + n) of a text. */
struct tide_sql_span {
    uint32_t at, n;
};

/* ---- programs ---- */

/*
 * Compiles @n items ("a + 1 AS b", "*", "tx.*") over the visible columns of @in, which must outlive
 * the program. Errors: TIDE_ERR_INVALID, TIDE_ERR_UNSUPPORTED, TIDE_ERR_LIMIT, TIDE_ERR_NOMEM;
 * *@out_bad_item is then the item. A generator (explode) or an aggregate in an item is an error:
 * take them apart first. @thread start, coordinator
 */
int tide_sql_compile(const struct tide_sql_options *options, const struct tide_expr_item *items,
                     uint32_t n, const struct tide_schema *in, struct tide_program **out,
                     uint32_t *out_bad_item, struct tide_error *err);

/* The same of one condition, which must be BOOLEAN (or NULL): the program has one column.
 * @thread start, coordinator */
int tide_sql_compile_filter(const struct tide_sql_options *options, const char *condition,
                            const struct tide_schema *in, struct tide_program **out,
                            struct tide_error *err);

/* Frees a program; NULL is legal. No evaluation may be left. @thread start, coordinator */
void tide_sql_free(struct tide_program *program);

/* The columns that come out; the fields are the program's. @thread any */
uint32_t tide_sql_fields(const struct tide_program *program, const struct tide_field **out);

/* Whether a row can fail (ANSI errors, FAILFAST parsing, values too large). @thread any */
bool tide_sql_may_fail(const struct tide_program *program);

/* Whether equal rows always give equal results. @thread any */
bool tide_sql_deterministic(const struct tide_program *program);

/* The input columns that are read: indices in rising order, the program's. @thread any */
uint32_t tide_sql_columns(const struct tide_program *program, const uint32_t **out);

/* The input column that output @i is a plain copy of, or -1. @thread any */
int32_t tide_sql_plain_column(const struct tide_program *program, uint32_t i);

/* Output @i as canonical SQL text, as Spark prints it ("(a + 1)"); the program's. @thread any */
const char *tide_sql_text(const struct tide_program *program, uint32_t i);

/* ---- evaluation ---- */

/* An evaluation for batches of up to @rows_max rows (at most 65535). Errors: TIDE_ERR_NOMEM and
 * those of decoders. @thread start, coordinator */
int tide_sql_eval_create(const struct tide_program *program, uint32_t rows_max,
                         struct tide_eval **out, struct tide_error *err);

/* Frees an evaluation; NULL is legal. @thread start, coordinator */
void tide_sql_eval_destroy(struct tide_eval *eval);

/*
 * Evaluates rows @first .. @first + @n - 1 of @in; n is at most rows_max. One vec an output column
 * in *@out_columns, valid until the next run. Rows that failed are in *@out_errors in rising order;
 * their values are NULL in every column. A value over twice the ceiling of a record fails its row
 * with RECORD_TOO_LARGE. @thread task
 */
void tide_sql_eval_run(struct tide_eval *eval, const struct tide_batch *in, uint32_t first,
                       uint32_t n, const struct tide_vec **out_columns,
                       const struct tide_row_error **out_errors, uint32_t *out_n_errors);

/* CAST(value AS STRING) of value @i; NULL is "null"; returns the length needed. @thread any */
uint32_t tide_sql_value_text(const struct tide_vec *vec, uint32_t i, const struct tide_zone *zone,
                             char *out, uint32_t out_max);

/* ---- select lists ---- */

/*
 * Splits "concat(a, b) AS c, d" at the commas outside quotes, comments and brackets; blanks around
 * an item are left out. Up to @max spans are written, *@out_n counts all. Errors with their place:
 * TIDE_ERR_INVALID (unclosed quotes, unbalanced brackets, an empty item). @thread any
 */
int tide_sql_split_top_level(const char *text, size_t len, struct tide_sql_span *out, uint32_t max,
                             uint32_t *out_n, struct tide_error *err);

/* The same, and parses each item, so that a mistake is found without a schema. @thread any */
int tide_sql_parse_list(const struct tide_seam *seam, const char *text, size_t len,
                        struct tide_sql_span *out, uint32_t max, uint32_t *out_n,
                        struct tide_error *err);

/* Parses one item: whether it is one expression of the dialect, without looking at names.
 * @thread any */
int tide_sql_parse_item(const struct tide_seam *seam, const char *text, struct tide_error *err);

/* ---- generators ---- */

enum tide_sql_generator_kind {
    TIDE_SQL_EXPLODE,
    TIDE_SQL_EXPLODE_OUTER,
    TIDE_SQL_POSEXPLODE,
    TIDE_SQL_POSEXPLODE_OUTER,
};

#define TIDE_SQL_GENERATOR_COLUMNS 3u /* pos, key, value */

/* A generator in a select list: "posexplode(a) AS (i, v)". */
struct tide_sql_generator {
    enum tide_sql_generator_kind kind;
    uint32_t item;                 /* index into the list */
    struct tide_sql_span argument; /* of the item's text: an item in its place */
    uint32_t n_names;              /* of AS; 0: the generator's own */
    char names[TIDE_SQL_GENERATOR_COLUMNS][256];
};

/*
 * Looks for the generator in a list; *@out_found. The caller evaluates the list with the argument
 * in the item's place and puts the generator's columns there. Errors: what is no expression; more
 * than one generator, one inside an expression (TIDE_ERR_UNSUPPORTED or TIDE_ERR_INVALID).
 * @thread start, coordinator
 */
int tide_sql_find_generator(const struct tide_seam *seam, const struct tide_expr_item *items,
                            uint32_t n, struct tide_sql_generator *out, bool *out_found,
                            uint32_t *out_bad_item, struct tide_error *err);

/*
 * The columns that a generator makes of an argument of type @type: names are the generator's or
 * Spark's (pos, col, key, value). Returns how many, at most TIDE_SQL_GENERATOR_COLUMNS. Errors:
 * TIDE_ERR_INVALID for a type that is neither ARRAY nor MAP, or the wrong number of names.
 * @thread start, coordinator
 */
int tide_sql_generator_fields(const struct tide_sql_generator *generator,
                              const struct tide_type *type, struct tide_field *out,
                              struct tide_error *err);

/* ---- aggregates ---- */

#define TIDE_SQL_AGGREGATE_ARGS 4u

/* An item of groupBy's agg: "count(*) AS n". */
struct tide_sql_aggregate {
    const struct tide_aggregate_fn *fn; /* a row of tide_sql_aggregates() */
    bool distinct;
    bool star;                                          /* count(*) */
    uint32_t n_args;                                    /* 0 with star */
    struct tide_sql_span args[TIDE_SQL_AGGREGATE_ARGS]; /* of the item's text: items themselves */
    struct tide_sql_span filter;                        /* FILTER (WHERE ...); n 0: none */
    char name[256];                                     /* AS, or Spark's own: "count(a)" */
    struct tide_type type;                              /* of the result */
    bool nullable;
};

/* A row of the table of aggregates. */
struct tide_aggregate_fn {
    const char *name;
    uint8_t args_min, args_max;
    bool built; /* whether this version can run it, not only type it */
    /* Type of the result from those of the arguments; false when they do not fit. */
    bool (*type)(const struct tide_type *args, uint32_t n, struct tide_type *out,
                 bool *out_nullable);
    const char *usage, *doc, *since;
};

/* The table; ends with a NULL name. @thread any */
const struct tide_aggregate_fn *tide_sql_aggregates(void);

/*
 * Takes one item of agg apart and types it over @in; the result's type is made in @arena. Errors:
 * TIDE_ERR_INVALID for what is no aggregate or does not fit, TIDE_ERR_UNSUPPORTED for what is not
 * built (an expression around an aggregate, a function with built false). @thread start,
 * coordinator
 */
int tide_sql_parse_aggregate(const struct tide_sql_options *options, const char *item,
                             const struct tide_schema *in, struct tide_type_arena *arena,
                             struct tide_sql_aggregate *out, struct tide_error *err);

/* ---- functions ---- */

/* What `tidemark list functions` shows of one function or operator. */
struct tide_sql_function {
    const char *name;
    const char *usage; /* "substring(str, pos[, len])" */
    const char *doc;   /* one sentence */
    const char *since; /* Spark's version */
};

/* Function @i in the order of the table, aggregates and generators included; false behind the last.
 * @thread any */
bool tide_sql_function_at(uint32_t i, struct tide_sql_function *out);

#endif
