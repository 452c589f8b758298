/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions: Spark SQL compiled once, evaluated for many rows at a time.
 *
 * A program is compiled on a control thread from one or more SQL items ("a + 1 AS b", "*", "tx.*")
 * against the schema of the rows it will see. It is immutable and shared; what an evaluation needs
 * (registers, scratch memory, the rows' errors) is in a struct tide_eval, one per task, made at the
 * start and bounded, so that no evaluation allocates.
 *
 * A column of values is a struct tide_vec: dense, `n` values, a byte per value that says NULL.
 */
#ifndef TIDEMARK_EXPR_H
#define TIDEMARK_EXPR_H

#include <tidemark/error.h>
#include <tidemark/row.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A nested value: its region and the heap that offsets inside it count from. */
struct tide_nested {
    const uint8_t *p;
    const uint8_t *heap;
};

/*
 * Values of one type. `values` by type id:
 *   BOOLEAN BYTE SHORT INT LONG DATE TIMESTAMP TIMESTAMP_NTZ INTERVAL_YM INTERVAL_DT   int64_t
 *   FLOAT DOUBLE       double          DECIMAL   tide_i128, unscaled, whatever the precision
 *   STRING BINARY      struct tide_bytes      ARRAY MAP STRUCT   struct tide_nested
 *   NULL               nothing; every value is NULL
 * A NULL's value is unspecified. With `constant`, index 0 stands for all.
 */
struct tide_vec {
    const struct tide_type *type;
    uint32_t n;
    bool constant;
    bool no_nulls;  /* true only when no value is NULL; nulls is valid all the same */
    uint8_t *nulls; /* 0 or 1 */
    union {
        void *values;
        int64_t *i64;
        double *f64;
        tide_i128 *i128;
        struct tide_bytes *bytes;
        struct tide_nested *nested;
    };
};

static inline uint32_t
tide_vec_at(const struct tide_vec *vec, uint32_t i)
{
    return vec->constant ? 0 : i;
}

/* One SQL item: its text and the name its result gets when it has no AS (NULL: Spark's own name).
 */
struct tide_expr_item {
    const char *text;
    const char *name;
};

/* How to compile. */
struct tide_expr_options {
    uint32_t abi, size;
    bool ansi;              /* spark.sql.ansi.enabled */
    bool case_sensitive;    /* spark.sql.caseSensitive */
    const char *time_zone;  /* spark.sql.session.timeZone */
    uint64_t start_wall_ns; /* of the pipeline; for labels */
};

struct tide_program; /* compiled, immutable, shared */
struct tide_eval;    /* what one task needs to evaluate a program */

/* The rows of an evaluation that failed (ANSI errors, FAILFAST parsing); at most one message a row.
 */
struct tide_row_error {
    uint32_t row; /* index relative to the first row evaluated */
    const char
        *error_class; /* Spark's condition name, such as MALFORMED_RECORD_IN_PARSING; static */
    const char *text; /* valid until the next evaluation */
};

#ifdef __cplusplus
}
#endif

#endif
