/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs case files of the oracle: what Apache Spark answered to an expression over given rows.
 *
 *   run FILE.jsonl...            all cases must pass
 *   run --known FILE.jsonl...    cases whose functions are not built, or that need a whole
 *                                statement, are counted and left out
 *
 * A case is compiled as one item, or for SELECT lists as several, evaluated in batches of all sizes
 * down to one row, and compared by type, value and, where Spark fails, condition. Prints one line a
 * failure and a sum; exits 1 when one failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "json.h"
#include "sql/sql.h"
#include "values.h"

enum verdict { PASSED, FAILED, LEFT_OUT };

/* A case made ready. */
struct trial {
    const struct json *json;
    const char *id;
    bool known_only, quiet;
    struct tide_schemas *schemas;
    const struct tide_schema *schema;
    struct tide_batchbuf rows;
    struct tide_program *program, *filter;
    struct tide_sql_generator generator;
    bool has_generator;
    uint32_t generator_column;
    struct tide_field fields[64]; /* of the result, the generator's among them */
    uint32_t n_fields;
    struct tide_expr_options expr;
    struct tide_sql_options sql;
};

static enum verdict
fail(const struct trial *trial, const char *what, const char *detail)
{
    const char *text = json_text(trial->json, "sql");
    if (!trial->quiet) {
        printf("FAILED %s: %s\n  %s: %s\n", trial->id, text, what, detail);
    }
    return FAILED;
}

/* ---- input ---- */

static bool
make_schema(struct trial *trial, struct tide_error *err)
{
    const struct json *columns = json_get(trial->json, "columns");
    struct tide_type_arena arena;
    struct tide_field fields[64];
    const char *ddl = json_text(trial->json, "ddl");
    bool ok = true;
    if (ddl != NULL) {
        return tide_schema_parse(trial->schemas, ddl, &trial->schema, err) == 0;
    }
    tide_type_arena_init(&arena, tide_seam_real());
    for (size_t i = 0; ok && i < columns->n; i++) {
        const char *type = json_text(columns->items[i], "type");
        fields[i].name = json_text(columns->items[i], "name");
        fields[i].nullable = true;
        ok = tide_type_parse(&arena, type, strlen(type), &fields[i].type, err) == 0;
    }
    ok = ok && tide_schema_make(trial->schemas, fields, (uint32_t)columns->n, 0, &trial->schema,
                                err) == 0;
    tide_type_arena_fini(&arena);
    return ok;
}

static bool
make_rows(struct trial *trial, struct tide_error *err)
{
    const struct json *rows = json_get(trial->json, "rows");
    if (rows == NULL) {
        return true;
    }
    if (tide_batchbuf_init(&trial->rows, tide_seam_real(), trial->schema, (uint32_t)rows->n + 1,
                           1 << 16, 1 << 24, err) < 0) {
        return false;
    }
    for (size_t i = 0; i < rows->n; i++) {
        struct tide_writer *writer = &trial->rows.writer;
        uint8_t *slot = tide_writer_row(writer);
        for (uint32_t k = 0; k < trial->schema->n; k++) {
            struct tide_cell cell;
            if (!value_build(writer, &trial->schema->fields[k].type, rows->items[i]->items[k],
                             &cell)) {
                return false;
            }
            tide_slot_set_cell(trial->schema, slot, k, &cell);
        }
        tide_writer_commit(writer);
    }
    return true;
}

/* ---- compiling ---- */

/* "SELECT list FROM t [WHERE condition]": its parts, or false for anything more. */
static bool
take_query(const char *sql, char *list, char *condition)
{
    const char *from = strstr(sql, " FROM t"), *rest;
    if (strncmp(sql, "SELECT ", 7) != 0 || strncmp(sql, "SELECT DISTINCT", 15) == 0 ||
        from == NULL) {
        return false;
    }
    rest = from + 7;
    if (*rest != '\0' && strncmp(rest, " WHERE ", 7) != 0) {
        return false;
    }
    sprintf(list, "%.*s", (int)(from - sql - 7), sql + 7);
    strcpy(condition, *rest != '\0' ? rest + 7 : "");
    return strstr(rest, "GROUP BY") == NULL && strstr(rest, "ORDER BY") == NULL &&
           strstr(rest, "SELECT") == NULL;
}

/* The column of the generator's argument: a star in front of it makes many. */
static int
find_column(struct trial *trial, const struct tide_expr_item *items, uint32_t n,
            struct tide_error *err)
{
    const struct tide_field *fields;
    struct tide_program *program;
    uint32_t bad;
    int rc = tide_sql_compile(&trial->sql, items, n, trial->schema, &program, &bad, err);
    if (rc == TIDE_OK) {
        trial->generator_column = tide_sql_fields(program, &fields);
        tide_sql_free(program);
    }
    return rc;
}

static int
compile_query(struct trial *trial, struct tide_error *err)
{
    static char list[8192], condition[8192], texts[32][2048];
    struct tide_sql_span spans[32];
    struct tide_expr_item items[32];
    uint32_t n, bad;
    int rc;
    if (!take_query(json_text(trial->json, "sql"), list, condition)) {
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED, "a whole statement");
    }
    rc = tide_sql_parse_list(tide_seam_real(), list, strlen(list), spans, 32, &n, err);
    for (uint32_t i = 0; rc == TIDE_OK && i < n; i++) {
        sprintf(texts[i], "%.*s", (int)spans[i].n, list + spans[i].at);
        items[i] = (struct tide_expr_item){texts[i], NULL};
    }
    if (rc == TIDE_OK) {
        rc = tide_sql_find_generator(tide_seam_real(), items, n, &trial->generator,
                                     &trial->has_generator, &bad, err);
    }
    if (rc == TIDE_OK && trial->has_generator) {
        uint32_t at = trial->generator.item;
        memmove(texts[at], texts[at] + trial->generator.argument.at, trial->generator.argument.n);
        texts[at][trial->generator.argument.n] = '\0';
        rc = find_column(trial, items, at, err);
    }
    if (rc == TIDE_OK && condition[0] != '\0') {
        rc = tide_sql_compile_filter(&trial->sql, condition, trial->schema, &trial->filter, err);
    }
    return rc < 0
               ? rc
               : tide_sql_compile(&trial->sql, items, n, trial->schema, &trial->program, &bad, err);
}

static int
compile(struct trial *trial, struct tide_error *err)
{
    const char *sql = json_text(trial->json, "sql");
    struct tide_expr_item item = {.name = "r"};
    char *text = malloc(strlen(sql) + 3);
    uint32_t bad;
    int rc;
    if (strcmp(json_text(trial->json, "kind"), "query") == 0) {
        free(text);
        return compile_query(trial, err);
    }
    sprintf(text, "(%s)", sql);
    item.text = text;
    if (strcmp(json_text(trial->json, "kind"), "name") == 0) {
        item = (struct tide_expr_item){.text = sql};
    }
    rc = tide_sql_compile(&trial->sql, &item, 1, trial->schema, &trial->program, &bad, err);
    free(text);
    return rc;
}

/* ---- judging ---- */

static bool
has_condition(const char *text, const char *condition)
{
    size_t n = strlen(condition);
    return text[0] == '[' && strncmp(text + 1, condition, n) == 0 && text[n + 1] == ']';
}

static enum verdict
judge_compile_error(const struct trial *trial, int rc, const struct tide_error *err)
{
    const struct json *error = json_get(trial->json, "error");
    if (error != NULL && has_condition(err->text, json_text(error, "class"))) {
        return PASSED;
    }
    if (trial->known_only &&
        (rc == TIDE_ERR_UNSUPPORTED || has_condition(err->text, "UNRESOLVED_ROUTINE") ||
         has_condition(err->text, "MISSING_GROUP_BY") ||
         has_condition(err->text, "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT"))) {
        return LEFT_OUT;
    }
    return fail(trial, error != NULL ? json_text(error, "class") : "compiles in Spark", err->text);
}

static bool
type_is(const struct tide_type *type, const char *expected, char *out, size_t size)
{
    struct tide_buf text;
    bool same;
    tide_buf_init(&text, tide_seam_real(), 1 << 20);
    tide_type_print(type, TIDE_TYPE_STYLE_CATALOG, &text);
    snprintf(out, size, "%s", tide_buf_text(&text));
    same = strcmp(tide_buf_text(&text), expected) == 0;
    tide_buf_fini(&text);
    return same;
}

/* The columns of the result: those of the program, the generator's in place of its argument. */
static bool
make_fields(struct trial *trial, struct tide_error *err)
{
    const struct tide_field *fields;
    uint32_t n = tide_sql_fields(trial->program, &fields);
    for (uint32_t i = 0; i < n; i++) {
        int made;
        if (!trial->has_generator || i != trial->generator_column) {
            trial->fields[trial->n_fields++] = fields[i];
            continue;
        }
        made = tide_sql_generator_fields(&trial->generator, &fields[i].type,
                                         &trial->fields[trial->n_fields], err);
        if (made < 0) {
            return false;
        }
        trial->n_fields += (uint32_t)made;
    }
    return true;
}

static bool
types_match(const struct trial *trial, char *out, size_t size)
{
    const struct json *schema = json_get(trial->json, "schema");
    const struct tide_field *fields = trial->fields;
    uint32_t n = trial->n_fields;
    if (schema == NULL) {
        const char *type = json_text(trial->json, "type");
        return type == NULL || type_is(&fields[0].type, type, out, size);
    }
    snprintf(out, size, "%u columns", n);
    for (uint32_t i = 0; i < n && n == schema->n; i++) {
        if (strcmp(fields[i].name, json_text(schema->items[i], "name")) != 0) {
            snprintf(out, size, "%s", fields[i].name);
            return false;
        }
        if (!type_is(&fields[i].type, json_text(schema->items[i], "type"), out, size)) {
            return false;
        }
    }
    return n == schema->n;
}

/* Expected value of output @column of row @row. */
static const struct json *
expected_at(const struct trial *trial, size_t row, uint32_t column)
{
    const struct json *result = json_get(trial->json, "result");
    if (result == NULL || row >= result->n) {
        return NULL;
    }
    return json_get(trial->json, "schema") != NULL ? result->items[row]->items[column]
                                                   : result->items[row];
}

static void
print_value(const struct tide_vec *vec, uint32_t i, char *out, uint32_t size)
{
    uint32_t n = tide_sql_value_text(vec, i, tide_zone_utc(), out, size - 1);
    out[n < size ? n : size - 1] = '\0';
}

/* Whether the filter keeps a row; *@out_error is the condition under which it failed, or NULL. */
static bool
kept(struct trial *trial, struct tide_eval *filter, const struct tide_batch *batch, uint32_t row,
     const char **out_error)
{
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    uint32_t n;
    *out_error = NULL;
    if (trial->filter == NULL) {
        return true;
    }
    tide_sql_eval_run(filter, batch, row, 1, &columns, &errors, &n);
    *out_error = n > 0 ? errors[0].error_class : NULL;
    return columns[0].nulls[0] == 0 && columns[0].i64[0] != 0;
}

/* The values of one row of the result; @element of the generator's collection, or NULLs. */
static uint32_t
collect_row(const struct trial *trial, const struct tide_vec *columns, uint32_t i, int64_t element,
            struct tide_value *out)
{
    const struct tide_field *fields;
    uint32_t n = tide_sql_fields(trial->program, &fields), count = 0;
    static const struct tide_type position = {.id = TIDE_TYPE_INT};
    for (uint32_t column = 0; column < n; column++) {
        const struct tide_type *type = &fields[column].type;
        struct tide_value value = tide_value_vec(&columns[column], i);
        if (!trial->has_generator || column != trial->generator_column) {
            out[count++] = value;
            continue;
        }
        if (trial->generator.kind >= TIDE_SQL_POSEXPLODE) {
            out[count++] =
                (struct tide_value){.type = &position, .null = element < 0, .i64 = element};
        }
        for (uint32_t k = 0; k < type->n_children; k++) {
            out[count] = (struct tide_value){.type = &type->children[k].type, .null = true};
            if (element >= 0) {
                out[count] = type->id == TIDE_TYPE_ARRAY
                                 ? tide_array_at(type, value.nested, (uint32_t)element)
                             : k == 0 ? tide_map_key_at(type, value.nested, (uint32_t)element)
                                      : tide_map_value_at(type, value.nested, (uint32_t)element);
            }
            count++;
        }
    }
    return count;
}

/* A statement's rows come in any order: one of the expected rows must match. */
static bool
is_expected(const struct trial *trial, const struct tide_value *values, uint32_t n)
{
    const struct json *result = json_get(trial->json, "result");
    for (size_t row = 0; row < result->n; row++) {
        uint32_t column = 0;
        while (column < n && value_matches(&values[column], result->items[row]->items[column])) {
            column++;
        }
        if (column == n) {
            return true;
        }
    }
    return false;
}

/* The rows that one input row makes. */
static enum verdict
judge_any_row(struct trial *trial, const struct tide_vec *columns, uint32_t i, size_t *io_rows)
{
    bool outer = trial->generator.kind == TIDE_SQL_EXPLODE_OUTER ||
                 trial->generator.kind == TIDE_SQL_POSEXPLODE_OUTER;
    struct tide_value values[64];
    int64_t from = 0, until = 1;
    if (trial->has_generator) {
        struct tide_value collection = tide_value_vec(&columns[trial->generator_column], i);
        until = collection.null ? 0 : (int64_t)tide_nested_count(collection.nested);
        from = until == 0 && outer ? -1 : 0;
        until = until == 0 && outer ? 0 : until;
    }
    for (int64_t element = from; element < until; element++) {
        uint32_t n = collect_row(trial, columns, i, element, values);
        (*io_rows)++;
        if (!is_expected(trial, values, n)) {
            return fail(trial, "value", "a row that is not expected");
        }
    }
    return PASSED;
}

static enum verdict
judge_row(struct trial *trial, const struct tide_vec *columns, uint32_t i, size_t result_row)
{
    const struct tide_field *fields;
    uint32_t n = tide_sql_fields(trial->program, &fields);
    for (uint32_t column = 0; column < n; column++) {
        const struct json *expected = expected_at(trial, result_row, column);
        struct tide_value value = tide_value_vec(&columns[column], i);
        char text[512], detail[700];
        if (expected != NULL && value_matches(&value, expected)) {
            continue;
        }
        print_value(&columns[column], i, text, sizeof(text));
        snprintf(detail, sizeof(detail), "row %zu column %u is %s, expected %s", result_row, column,
                 text,
                 expected == NULL         ? "no row"
                 : expected->text != NULL ? expected->text
                                          : "another");
        return fail(trial, "value", detail);
    }
    return PASSED;
}

static enum verdict
judge_run(struct trial *trial, struct tide_eval *eval, struct tide_eval *filter, uint32_t step)
{
    const struct json *error = json_get(trial->json, "error");
    struct tide_batch batch = tide_batchbuf_view(&trial->rows);
    size_t result_row = 0;
    bool query = json_get(trial->json, "schema") != NULL;
    for (uint32_t first = 0; first < batch.n; first += step) {
        uint32_t n = first + step < batch.n ? step : batch.n - first, n_errors;
        const struct tide_vec *columns;
        const struct tide_row_error *errors;
        tide_sql_eval_run(eval, &batch, first, n, &columns, &errors, &n_errors);
        if (n_errors > 0) {
            if (error != NULL && strcmp(errors[0].error_class, json_text(error, "class")) == 0) {
                return PASSED;
            }
            return fail(trial, errors[0].error_class, errors[0].text);
        }
        for (uint32_t i = 0; i < n; i++) {
            const char *condition;
            bool keep = kept(trial, filter, &batch, first + i, &condition);
            enum verdict verdict = PASSED;
            if (condition != NULL) {
                return error != NULL && strcmp(condition, json_text(error, "class")) == 0
                           ? PASSED
                           : fail(trial, condition, "in the filter");
            }
            if (keep && error == NULL) {
                verdict = query ? judge_any_row(trial, columns, i, &result_row)
                                : judge_row(trial, columns, i, result_row++);
            }
            if (verdict != PASSED) {
                return verdict;
            }
        }
    }
    if (error != NULL) {
        return fail(trial, json_text(error, "class"), "did not fail");
    }
    return result_row == json_get(trial->json, "result")->n
               ? PASSED
               : fail(trial, "rows", "too few or too many");
}

/* A case of kind "name": what the column is called, its type, whether it may be NULL. */
static enum verdict
judge_name(const struct trial *trial)
{
    const struct tide_field *field = &trial->fields[0];
    const char *name = json_text(trial->json, "name"), *type = json_text(trial->json, "type");
    char text[512];
    if (name == NULL) {
        return fail(trial, json_text(json_get(trial->json, "error"), "class"), "compiles");
    }
    if (strcmp(field->name, name) != 0) {
        return fail(trial, name, field->name);
    }
    if (!type_is(&field->type, type, text, sizeof(text))) {
        return fail(trial, type, text);
    }
    return field->nullable == (json_get(trial->json, "nullable")->kind == JSON_TRUE)
               ? PASSED
               : fail(trial, "nullable", field->nullable ? "yes" : "no");
}

static enum verdict
judge(struct trial *trial)
{
    struct tide_error err = {.at = -1};
    struct tide_eval *eval = NULL, *filter = NULL;
    enum verdict verdict = PASSED;
    char text[256];
    int rc;
    if (!make_schema(trial, &err) || !make_rows(trial, &err)) {
        return trial->known_only ? LEFT_OUT : fail(trial, "input", err.text);
    }
    rc = compile(trial, &err);
    if (rc < 0) {
        return judge_compile_error(trial, rc, &err);
    }
    if (!make_fields(trial, &err)) {
        return judge_compile_error(trial, TIDE_ERR_INVALID, &err);
    }
    if (strcmp(json_text(trial->json, "kind"), "name") == 0) {
        return judge_name(trial);
    }
    if (!types_match(trial, text, sizeof(text))) {
        return fail(trial, "type or name", text);
    }
    rc = tide_sql_eval_create(trial->program, trial->rows.writer.n + 1, &eval, &err);
    if (rc == TIDE_OK && trial->filter != NULL) {
        rc = tide_sql_eval_create(trial->filter, 1, &filter, &err);
    }
    if (rc < 0) {
        verdict = fail(trial, "evaluation", err.text);
    }
    for (uint32_t step = trial->rows.writer.n; verdict == PASSED && step > 0; step /= 2) {
        verdict = judge_run(trial, eval, filter, step);
    }
    tide_sql_eval_destroy(eval);
    tide_sql_eval_destroy(filter);
    return verdict;
}

static enum verdict
run_case(const char *line, bool known_only)
{
    struct json *json = json_parse(line);
    struct trial trial = {.json = json, .known_only = known_only};
    struct tide_error err;
    enum verdict verdict;
    if (trial.json == NULL || tide_schemas_create(tide_seam_real(), &trial.schemas, &err) < 0) {
        printf("FAILED: no case: %.80s\n", line);
        return FAILED;
    }
    trial.id = json_text(trial.json, "id");
    trial.expr = (struct tide_expr_options){.size = sizeof(trial.expr),
                                            .ansi = json_get(trial.json, "ansi")->kind == JSON_TRUE,
                                            .time_zone = "UTC"};
    trial.sql = (struct tide_sql_options){
        .seam = tide_seam_real(), .expr = &trial.expr, .record_max = 1 << 20};
    trial.sql.relation = strcmp(json_text(trial.json, "kind"), "name") != 0 ? "t" : NULL;
    verdict = judge(&trial);
    if (verdict == LEFT_OUT) {
        printf("left out %s\n", trial.id);
    }
    tide_sql_free(trial.program);
    tide_sql_free(trial.filter);
    tide_batchbuf_fini(&trial.rows);
    tide_schemas_destroy(trial.schemas);
    json_free(json);
    return verdict;
}

static bool
run_file(const char *path, bool known_only, unsigned counts[3])
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    unsigned own[3] = {0};
    if (file == NULL) {
        perror(path);
        return false;
    }
    while (getline(&line, &size, file) > 0) {
        own[run_case(line, known_only)]++;
    }
    free(line);
    fclose(file);
    printf("%s: %u passed, %u failed, %u left out\n", path, own[PASSED], own[FAILED],
           own[LEFT_OUT]);
    for (int i = 0; i < 3; i++) {
        counts[i] += own[i];
    }
    return true;
}

int
main(int argc, char **argv)
{
    bool known_only = argc > 1 && strcmp(argv[1], "--known") == 0, ok = true;
    unsigned counts[3] = {0};
    for (int i = 1 + known_only; i < argc; i++) {
        ok &= run_file(argv[i], known_only, counts);
    }
    printf("all: %u passed, %u failed, %u left out\n", counts[PASSED], counts[FAILED],
           counts[LEFT_OUT]);
    return ok && counts[FAILED] == 0 && counts[PASSED] > 0 ? 0 : 1;
}
