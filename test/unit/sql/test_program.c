/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: compiling, what a program says of itself, evaluation of batches, rows that fail.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/value.h"
#include "sql/sql.h"

#define ROWS 256u

static struct tide_schemas *schemas;
static const struct tide_schema *schema;
static struct tide_batchbuf rows;
static struct tide_expr_options expr;
static struct tide_sql_options options;

/* Row i: a = i, b = i % 10, s = "text i", b and s NULL where i % 7 is 3. */
static void
fill_rows(void)
{
    cr_assert_eq(tide_batchbuf_init(&rows, tide_seam_real(), schema, ROWS, 1 << 12, 1 << 20, NULL),
                 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint8_t *slot = tide_writer_row(&rows.writer);
        char text[32];
        int n = snprintf(text, sizeof(text), "text %u", i);
        ((struct tide_rowhdr *)(void *)slot)->ingest_ns = 1000000u * i;
        tide_slot_set_i64(schema, slot, 0, i);
        if (i % 7 == 3) {
            tide_slot_set_null(slot, 1);
            tide_slot_set_null(slot, 2);
        } else {
            tide_slot_set_i64(schema, slot, 1, i % 10);
            cr_assert(tide_writer_set_bytes(&rows.writer, slot, 2, text, (uint32_t)n));
        }
        tide_writer_commit(&rows.writer);
    }
}

static void
open_all(void)
{
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
    cr_assert_eq(tide_schema_parse(schemas,
                                   "a INT NOT NULL, b INT, s STRING, st STRUCT<x: INT, y: STRING>, "
                                   "dup INT, DUP INT",
                                   &schema, NULL),
                 0);
    fill_rows();
    expr = (struct tide_expr_options){.size = sizeof(expr)};
    options = (struct tide_sql_options){.seam = tide_seam_real(), .expr = &expr};
}

static void
close_all(void)
{
    tide_batchbuf_fini(&rows);
    tide_schemas_destroy(schemas);
}

TestSuite(program, .init = open_all, .fini = close_all);

static struct tide_program *
compile(const char *text)
{
    struct tide_expr_item item = {text, NULL};
    struct tide_program *program = NULL;
    struct tide_error err = {0};
    uint32_t bad;
    cr_assert_eq(tide_sql_compile(&options, &item, 1, schema, &program, &bad, &err), 0, "%s: %s",
                 text, err.text);
    return program;
}

static void
expect_refusal(const char *text, int code, int32_t at, const char *part)
{
    struct tide_expr_item items[2] = {{"a", NULL}, {text, NULL}};
    struct tide_program *program = NULL;
    struct tide_error err = {.at = -1};
    uint32_t bad = 99;
    cr_assert_eq(tide_sql_compile(&options, items, 2, schema, &program, &bad, &err), code, "%s: %s",
                 text, err.text);
    cr_assert_eq(bad, 1, "%s", text);
    cr_assert_eq(err.at, at, "%s: at %d: %s", text, err.at, err.text);
    cr_assert_not_null(strstr(err.text, part), "%s: %s", text, err.text);
    cr_assert_null(program);
}

struct run {
    struct tide_program *program;
    struct tide_eval *eval;
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    uint32_t n_errors;
};

static struct run
run(const char *text, uint32_t first, uint32_t n)
{
    struct run result = {.program = compile(text)};
    struct tide_batch batch = tide_batchbuf_view(&rows);
    cr_assert_eq(tide_sql_eval_create(result.program, ROWS, &result.eval, NULL), 0);
    tide_sql_eval_run(result.eval, &batch, first, n, &result.columns, &result.errors,
                      &result.n_errors);
    return result;
}

static void
end(struct run *result)
{
    tide_sql_eval_destroy(result->eval);
    tide_sql_free(result->program);
}

/* ---- compiling ---- */

Test(program, errors_have_item_place_and_suggestion)
{
    expect_refusal("a + nosuch", TIDE_ERR_INVALID, 4, "UNRESOLVED_COLUMN.WITH_SUGGESTION");
    expect_refusal("uper(s)", TIDE_ERR_INVALID, 0, "did you mean 'upper'");
    expect_refusal("1 + st.z", TIDE_ERR_INVALID, 4, "FIELD_NOT_FOUND");
    expect_refusal("DUP + 1", TIDE_ERR_INVALID, 0, "AMBIGUOUS_REFERENCE");
    expect_refusal("a +", TIDE_ERR_INVALID, 3, "PARSE_SYNTAX_ERROR");
    expect_refusal("count(*)", TIDE_ERR_INVALID, 0, "aggregate");
    expect_refusal("explode(array(a))", TIDE_ERR_INVALID, 0, "UNSUPPORTED_GENERATOR");
    expect_refusal("interval 1 day", TIDE_ERR_UNSUPPORTED, 0, "not in this version");
    expect_refusal("(select 1)", TIDE_ERR_UNSUPPORTED, 0, "not in this version");
    expect_refusal("x -> x", TIDE_ERR_UNSUPPORTED, 0, "not in this version");
    expect_refusal("from_json(s, 'a NOTYPE')", TIDE_ERR_INVALID, 0, "PARSE_SYNTAX_ERROR");
    expect_refusal("s rlike '('", TIDE_ERR_INVALID, 0, "INVALID_PARAMETER_VALUE.PATTERN");
}

Test(program, case_of_names_counts_when_asked)
{
    struct tide_program *program = compile("A + B");
    tide_sql_free(program);
    expr.case_sensitive = true;
    expect_refusal("A + b", TIDE_ERR_INVALID, 0, "did you mean 'a'");
    program = compile("dup + DUP");
    tide_sql_free(program);
}

/* Builds "open open ... a close close ...". */
static char *
nest(const char *open, const char *close, uint32_t n)
{
    char *text = calloc(1, n * (strlen(open) + strlen(close)) + 2);
    char *p = text;
    cr_assert_not_null(text);
    for (uint32_t i = 0; i < n; i++) {
        p = stpcpy(p, open);
    }
    p = stpcpy(p, "a");
    for (uint32_t i = 0; i < n; i++) {
        p = stpcpy(p, close);
    }
    return text;
}

Test(program, nesting_is_bounded_and_chains_are_long)
{
    char *deep = nest("(", ")", 150), *deeper = nest("(", ")", 10000);
    char *chain = nest("", " + 1", 900), *longer = nest("", " + 1", 5000);
    struct tide_expr_item item = {deeper, NULL};
    struct tide_program *program = compile(deep);
    struct tide_error err;
    uint32_t bad;
    tide_sql_free(program);
    cr_assert_eq(tide_sql_compile(&options, &item, 1, schema, &program, &bad, &err),
                 TIDE_ERR_LIMIT);
    item.text = longer;
    cr_assert_eq(tide_sql_compile(&options, &item, 1, schema, &program, &bad, &err),
                 TIDE_ERR_LIMIT);
    struct run result = run(chain, 5, 1);
    cr_assert_eq(result.columns[0].i64[0], 905);
    end(&result);
    free(deep);
    free(deeper);
    free(chain);
    free(longer);
}

Test(program, says_what_it_reads_and_whether_it_fails)
{
    struct tide_expr_item items[] = {{"*", NULL}, {"s AS t", NULL}, {"b + 1", NULL}};
    struct tide_program *program;
    const struct tide_field *fields;
    const uint32_t *columns;
    uint32_t bad;
    cr_assert_eq(tide_sql_compile(&options, items + 1, 2, schema, &program, &bad, NULL), 0);
    cr_assert_eq(tide_sql_columns(program, &columns), 2);
    cr_assert_eq(columns[0], 1);
    cr_assert_eq(columns[1], 2);
    cr_assert_eq(tide_sql_plain_column(program, 0), 2);
    cr_assert_eq(tide_sql_plain_column(program, 1), -1);
    cr_assert_str_eq(tide_sql_text(program, 1), "(b + 1)");
    cr_assert_not(tide_sql_may_fail(program));
    cr_assert(tide_sql_deterministic(program));
    tide_sql_free(program);
    cr_assert_eq(tide_sql_compile(&options, items, 1, schema, &program, &bad, NULL), 0);
    cr_assert_eq(tide_sql_fields(program, &fields), 6);
    cr_assert_str_eq(fields[3].name, "st");
    tide_sql_free(program);
    expr.ansi = true;
    program = compile("b + 1");
    cr_assert(tide_sql_may_fail(program));
    tide_sql_free(program);
    program = compile("from_json(s, 'x INT', map('mode', 'FAILFAST'))");
    cr_assert(tide_sql_may_fail(program));
    tide_sql_free(program);
    program = compile("current_timestamp()");
    cr_assert_not(tide_sql_deterministic(program));
    tide_sql_free(program);
}

/* The text of a program compiles to a program of the same text. */
Test(program, text_compiles_again)
{
    static const char *const texts[] = {
        "a + 1L * b - 2.5",
        "CASE WHEN a > 1 THEN 'it''s' WHEN b IS NULL THEN s ELSE 'z\\\\' END",
        "CAST(s AS DECIMAL(10, 2)) IN (1, 2.5, NULL)",
        "NOT (a BETWEEN 1 AND b OR s LIKE 'a%')",
        "named_struct('x', a, 'y', array(1.5F, 2D))",
        "st.x + coalesce(b, 0)",
        "from_json(s, 'a INT', map('mode', 'FAILFAST')).a",
        "DATE '2024-02-29' < TIMESTAMP '2024-03-01 00:00:00'",
        "X'00ff'",
        "if(a = b, split(s, ' ')[0], upper(s))",
        "CAST(NULL AS INT) <=> b",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tide_program *program = compile(texts[i]);
        struct tide_program *again = compile(tide_sql_text(program, 0));
        cr_assert_str_eq(tide_sql_text(again, 0), tide_sql_text(program, 0));
        tide_sql_free(again);
        tide_sql_free(program);
    }
}

/* ---- evaluation ---- */

Test(program, evaluates_any_part_of_a_batch)
{
    for (uint32_t n = 1; n <= ROWS; n = n * 3 + 1) {
        struct run result = run("concat(s, '!')", ROWS - n, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = ROWS - n + i;
            char text[32];
            int len = snprintf(text, sizeof(text), "text %u!", row);
            cr_assert_eq(result.columns[0].nulls[i], row % 7 == 3);
            if (row % 7 != 3) {
                cr_assert_eq(result.columns[0].bytes[i].n, (uint32_t)len);
                cr_assert_eq(memcmp(result.columns[0].bytes[i].p, text, (size_t)len), 0);
            }
        }
        cr_assert_eq(result.n_errors, 0);
        end(&result);
    }
}

Test(program, failed_rows_are_listed_and_null_for_one_run_only)
{
    struct tide_expr_item items[] = {{"10 / b", NULL}, {"a", NULL}, {"1", NULL}};
    struct tide_batch batch = tide_batchbuf_view(&rows);
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    struct tide_program *program;
    struct tide_eval *eval;
    uint32_t bad, n_errors;
    expr.ansi = true;
    cr_assert_eq(tide_sql_compile(&options, items, 3, schema, &program, &bad, NULL), 0);
    cr_assert_eq(tide_sql_eval_create(program, ROWS, &eval, NULL), 0);
    tide_sql_eval_run(eval, &batch, 0, 25, &columns, &errors, &n_errors);
    /* b is 0 in rows 0, 10 and 20; b is NULL in rows 3, 10, 17 and 24 */
    cr_assert_eq(n_errors, 2);
    cr_assert_eq(errors[0].row, 0);
    cr_assert_eq(errors[1].row, 20);
    cr_assert_str_eq(errors[1].error_class, "DIVIDE_BY_ZERO");
    for (uint32_t k = 0; k < 3; k++) {
        cr_assert_eq(columns[k].nulls[20], 1);
        cr_assert_not(columns[k].no_nulls);
    }
    cr_assert_eq(columns[1].i64[10], 10);
    tide_sql_eval_run(eval, &batch, 1, 2, &columns, &errors, &n_errors);
    cr_assert_eq(n_errors, 0);
    for (uint32_t k = 0; k < 3; k++) {
        cr_assert(columns[k].no_nulls);
    }
    cr_assert_eq(columns[0].f64[0], 10.0);
    cr_assert_eq(columns[2].i64[1], 1);
    tide_sql_eval_destroy(eval);
    tide_sql_free(program);
}

/* What Spark does not evaluate must not fail. */
Test(program, untaken_branches_do_not_fail)
{
    static const char *const texts[] = {
        "CASE WHEN b = 0 THEN -1 ELSE 10 / b END",
        "if(b <> 0, 10 / b, 0)",
        "b = 0 OR 10 / b > 1",
        "b <> 0 AND 10 / b > 1",
        "coalesce(nullif(b, 0), a + 1, 1 / 0)",
        "CASE WHEN b IS NULL THEN 0 WHEN b = 0 THEN 1 ELSE if(b > 0, 1 / b, 1 / 0) END",
        "nvl2(CAST(NULL AS INT), 1 / 0, b)",
        "CAST(NULL AS INT) + CAST(s AS INT)",
    };
    expr.ansi = true;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct run result = run(texts[i], 0, ROWS);
        cr_assert_eq(result.n_errors, 0, "%s: %s", texts[i],
                     result.n_errors > 0 ? result.errors[0].text : "");
        end(&result);
    }
}

/* A shared part is computed under different selections and stays right. */
Test(program, shared_parts_agree)
{
    struct run result = run("named_struct('p', CASE WHEN a % 2 = 0 THEN a * 3 + 1 END, "
                            "'q', CASE WHEN a % 3 = 0 THEN a * 3 + 1 ELSE a END, 'r', a * 3 + 1)",
                            0, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct tide_type *type = result.columns[0].type;
        struct tide_nested nested = result.columns[0].nested[i];
        struct tide_value p = tide_struct_at(type, nested, 0), q = tide_struct_at(type, nested, 1);
        struct tide_value r = tide_struct_at(type, nested, 2);
        cr_assert_eq(p.null, i % 2 != 0);
        cr_assert(p.null || p.i64 == i * 3 + 1);
        cr_assert_eq(q.i64, i % 3 == 0 ? i * 3 + 1 : i);
        cr_assert_eq(r.i64, i * 3 + 1);
    }
    end(&result);
}

Test(program, current_timestamp_is_the_records)
{
    struct run result = run("current_timestamp()", 7, 2);
    cr_assert_eq(result.columns[0].i64[0], 7000);
    cr_assert_eq(result.columns[0].i64[1], 8000);
    end(&result);
}

/* ---- scratch ---- */

/* "concat(s, s, ...)" of concat of ...: multiplies the length by 8 a level. */
static struct tide_program *
compile_large(uint32_t levels)
{
    char text[4096] = "s";
    char next[4096];
    for (uint32_t i = 0; i < levels; i++) {
        snprintf(next, sizeof(next), "concat(%.400s, %.400s, %.400s, %.400s)", text, text, text,
                 text);
        memcpy(text, next, sizeof(text));
    }
    return compile(text);
}

Test(program, values_move_to_larger_chunks)
{
    /* 4^3 copies of a text of 100,000 bytes for each of three rows: 19 MB */
    struct tide_program *program = compile_large(3);
    struct tide_batchbuf large;
    struct tide_batch batch;
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    struct tide_eval *eval;
    uint32_t n_errors, len = 100000;
    char *text = calloc(1, len);
    cr_assert_not_null(text);
    cr_assert_eq(tide_batchbuf_init(&large, tide_seam_real(), schema, 3, 1 << 20, 1 << 24, NULL),
                 0);
    for (int i = 0; i < 3; i++) {
        uint8_t *slot = tide_writer_row(&large.writer);
        memset(text, 'a' + i, len);
        cr_assert(tide_writer_set_bytes(&large.writer, slot, 2, text, len));
        tide_writer_commit(&large.writer);
    }
    batch = tide_batchbuf_view(&large);
    cr_assert_eq(tide_sql_eval_create(program, 3, &eval, NULL), 0);
    for (int pass = 0; pass < 2; pass++) {
        tide_sql_eval_run(eval, &batch, 0, 3, &columns, &errors, &n_errors);
        cr_assert_eq(n_errors, 0);
        for (int i = 0; i < 3; i++) {
            const char *bytes = columns[0].bytes[i].p;
            cr_assert_eq(columns[0].bytes[i].n, 64 * len);
            cr_assert_eq(bytes[0], 'a' + i);
            cr_assert_eq(bytes[64 * len - 1], 'a' + i);
        }
    }
    tide_sql_eval_destroy(eval);
    tide_sql_free(program);
    tide_batchbuf_fini(&large);
    free(text);
}

Test(program, a_value_over_the_limit_fails_its_row_alone)
{
    struct tide_program *program = compile_large(3);
    struct tide_batchbuf large;
    struct tide_batch batch;
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    struct tide_eval *eval;
    uint32_t n_errors, len = TIDE_LIMIT_SCRATCH_CHUNK_MAX / 64 + 1;
    char *text = calloc(1, len);
    cr_assert_not_null(text);
    cr_assert_eq(tide_batchbuf_init(&large, tide_seam_real(), schema, 3, 1 << 20, 1 << 24, NULL),
                 0);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t *slot = tide_writer_row(&large.writer);
        cr_assert(tide_writer_set_bytes(&large.writer, slot, 2, text, i == 1 ? len : 10));
        tide_writer_commit(&large.writer);
    }
    batch = tide_batchbuf_view(&large);
    cr_assert_eq(tide_sql_eval_create(program, 3, &eval, NULL), 0);
    tide_sql_eval_run(eval, &batch, 0, 3, &columns, &errors, &n_errors);
    cr_assert_eq(n_errors, 1);
    cr_assert_eq(errors[0].row, 1);
    cr_assert_str_eq(errors[0].error_class, "RECORD_TOO_LARGE");
    cr_assert_eq(columns[0].bytes[0].n, 640);
    cr_assert_eq(columns[0].bytes[2].n, 640);
    tide_sql_eval_destroy(eval);
    tide_sql_free(program);
    tide_batchbuf_fini(&large);
    free(text);
}

/* Nested values of a batch that do not fit one chunk are built again in the next, whole. */
Test(program, nested_values_move_whole)
{
    struct run result =
        run("array(concat(s, s, s, s, s, s, s, s), s, concat(s, s, s, s, s, s))", 0, ROWS);
    const struct tide_type *type = result.columns[0].type;
    for (int pass = 0; pass < 20; pass++) {
        struct tide_batch batch = tide_batchbuf_view(&rows);
        tide_sql_eval_run(result.eval, &batch, 0, ROWS, &result.columns, &result.errors,
                          &result.n_errors);
        cr_assert_eq(result.n_errors, 0);
        for (uint32_t i = 0; i < ROWS; i++) {
            struct tide_value part = tide_array_at(type, result.columns[0].nested[i], 1);
            char text[32];
            int n = snprintf(text, sizeof(text), "text %u", i);
            cr_assert_eq(part.null, i % 7 == 3);
            cr_assert(part.null ||
                      (part.bytes.n == (uint32_t)n && memcmp(part.bytes.p, text, (size_t)n) == 0));
        }
    }
    end(&result);
}

/* ---- filters, functions ---- */

Test(program, filters_are_boolean)
{
    struct tide_program *program;
    struct tide_error err;
    cr_assert_eq(
        tide_sql_compile_filter(&options, "a > 1 AND b IS NOT NULL", schema, &program, &err), 0);
    tide_sql_free(program);
    cr_assert_eq(tide_sql_compile_filter(&options, "NULL", schema, &program, &err), 0);
    tide_sql_free(program);
    cr_assert_eq(tide_sql_compile_filter(&options, "a + 1", schema, &program, &err),
                 TIDE_ERR_INVALID);
    cr_assert_not_null(strstr(err.text, "FILTER_NOT_BOOLEAN"));
    cr_assert_eq(tide_sql_compile_filter(&options, "count(*) > 1", schema, &program, &err),
                 TIDE_ERR_INVALID);
    cr_assert_not_null(strstr(err.text, "INVALID_WHERE_CONDITION"));
}

Test(program, every_function_is_described_once)
{
    struct tide_sql_function function, other;
    uint32_t n = 0;
    for (; tide_sql_function_at(n, &function); n++) {
        cr_assert_not_null(function.usage, "%s", function.name);
        cr_assert_not_null(function.doc, "%s", function.name);
        cr_assert_not_null(function.since, "%s", function.name);
        for (uint32_t i = 0; i < n; i++) {
            cr_assert(tide_sql_function_at(i, &other));
            cr_assert_str_neq(function.name, other.name);
        }
    }
    cr_assert_gt(n, 60);
}
