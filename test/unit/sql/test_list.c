/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Select lists as text, generators and aggregates taken apart.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "data/schema.h"
#include "sql/sql.h"

static void
expect_split(const char *text, uint32_t n, const char *const *items)
{
    struct tide_sql_span spans[8];
    struct tide_error err = {0};
    uint32_t count;
    cr_assert_eq(tide_sql_split_top_level(text, strlen(text), spans, 8, &count, &err), 0, "%s: %s",
                 text, err.text);
    cr_assert_eq(count, n, "%s: %u items", text, count);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(spans[i].n, strlen(items[i]));
        cr_assert_eq(memcmp(text + spans[i].at, items[i], spans[i].n), 0, "%s: %.*s", text,
                     (int)spans[i].n, text + spans[i].at);
    }
}

Test(list, splits_at_commas_outside)
{
    expect_split("a", 1, (const char *[]){"a"});
    expect_split(" concat(a, b) AS c , d ", 2, (const char *[]){"concat(a, b) AS c", "d"});
    expect_split("'x,y', `a,b`, arr[f(1, 2)]", 3,
                 (const char *[]){"'x,y'", "`a,b`", "arr[f(1, 2)]"});
    expect_split("a /* , */ + 1, b -- , c", 2, (const char *[]){"a /* , */ + 1", "b"});
    expect_split("'it''s, so', \"q\\\",\"", 2, (const char *[]){"'it''s, so'", "\"q\\\",\""});
}

static void
expect_split_error(const char *text, int32_t at)
{
    struct tide_sql_span spans[8];
    struct tide_error err = {.at = -1};
    uint32_t count;
    cr_assert_eq(tide_sql_split_top_level(text, strlen(text), spans, 8, &count, &err),
                 TIDE_ERR_INVALID, "%s", text);
    cr_assert_eq(err.at, at, "%s: at %d: %s", text, err.at, err.text);
}

Test(list, errors_have_a_place)
{
    expect_split_error("concat(a", 6);
    expect_split_error("b)", 1);
    expect_split_error("a, , b", 3);
    expect_split_error("", 0);
    expect_split_error("a, ", 3);
    expect_split_error("f(a]", 3);
}

Test(list, parse_list_finds_mistakes_in_items)
{
    const char *text = "a + 1, b +, c";
    struct tide_sql_span spans[8];
    struct tide_error err = {.at = -1};
    uint32_t count;
    cr_assert_eq(tide_sql_parse_list(tide_seam_real(), text, strlen(text), spans, 8, &count, &err),
                 TIDE_ERR_INVALID);
    cr_assert_eq(err.at, 10, "at %d: %s", err.at, err.text);
}

static int
find(const char *item, struct tide_sql_generator *generator, bool *found, struct tide_error *err)
{
    struct tide_expr_item items[2] = {{"a", NULL}, {item, NULL}};
    uint32_t bad;
    return tide_sql_find_generator(tide_seam_real(), items, 2, generator, found, &bad, err);
}

Test(generator, is_found)
{
    struct tide_sql_generator generator;
    struct tide_error err;
    bool found;
    cr_assert_eq(find("posexplode(split(v, ' ')) AS (i, w)", &generator, &found, &err), 0);
    cr_assert(found);
    cr_assert_eq(generator.kind, TIDE_SQL_POSEXPLODE);
    cr_assert_eq(generator.item, 1);
    cr_assert_eq(generator.argument.at, 11);
    cr_assert_eq(generator.argument.n, 13);
    cr_assert_eq(generator.n_names, 2);
    cr_assert_str_eq(generator.names[1], "w");
    cr_assert_eq(find("upper(a)", &generator, &found, &err), 0);
    cr_assert_not(found);
}

Test(generator, is_refused_inside)
{
    struct tide_sql_generator generator;
    struct tide_error err;
    bool found;
    cr_assert_eq(find("explode(a) + 1", &generator, &found, &err), TIDE_ERR_INVALID);
    cr_assert_eq(find("upper(explode(a))", &generator, &found, &err), TIDE_ERR_INVALID);
    cr_assert_eq(find("explode(a, b)", &generator, &found, &err), TIDE_ERR_INVALID);
}

Test(generator, columns)
{
    struct tide_sql_generator generator = {.kind = TIDE_SQL_POSEXPLODE};
    struct tide_type_arena arena;
    struct tide_type map, array;
    struct tide_field fields[TIDE_SQL_GENERATOR_COLUMNS];
    struct tide_error err;
    tide_type_arena_init(&arena, tide_seam_real());
    cr_assert_eq(tide_type_parse(&arena, "map<string,int>", 15, &map, &err), 0);
    cr_assert_eq(tide_type_parse(&arena, "array<int>", 10, &array, &err), 0);
    cr_assert_eq(tide_sql_generator_fields(&generator, &map, fields, &err), 3);
    cr_assert_str_eq(fields[0].name, "pos");
    cr_assert_str_eq(fields[1].name, "key");
    cr_assert_not(fields[1].nullable);
    cr_assert_str_eq(fields[2].name, "value");
    generator.kind = TIDE_SQL_EXPLODE_OUTER;
    cr_assert_eq(tide_sql_generator_fields(&generator, &array, fields, &err), 1);
    cr_assert_str_eq(fields[0].name, "col");
    cr_assert(fields[0].nullable);
    generator.n_names = 2;
    cr_assert_eq(tide_sql_generator_fields(&generator, &array, fields, &err), TIDE_ERR_INVALID);
    tide_type_arena_fini(&arena);
}

/* ---- aggregates ---- */

static struct tide_schemas *schemas;
static const struct tide_schema *schema;
static struct tide_type_arena arena;

static void
open_schema(void)
{
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
    cr_assert_eq(tide_schema_parse(schemas, "a INT, k STRING", &schema, NULL), 0);
    tide_type_arena_init(&arena, tide_seam_real());
}

static void
close_schema(void)
{
    tide_type_arena_fini(&arena);
    tide_schemas_destroy(schemas);
}

static int
take(const char *item, struct tide_sql_aggregate *out, struct tide_error *err)
{
    struct tide_sql_options options = {.seam = tide_seam_real()};
    return tide_sql_parse_aggregate(&options, item, schema, &arena, out, err);
}

TestSuite(aggregate, .init = open_schema, .fini = close_schema);

/* Names and types are Spark's. */
Test(aggregate, count)
{
    struct tide_sql_aggregate aggregate;
    struct tide_error err = {0};
    cr_assert_eq(take("count(*) AS n", &aggregate, &err), 0, "%s", err.text);
    cr_assert(aggregate.star);
    cr_assert_str_eq(aggregate.name, "n");
    cr_assert_str_eq(aggregate.fn->name, "count");
    cr_assert_eq(aggregate.type.id, TIDE_TYPE_LONG);
    cr_assert_not(aggregate.nullable);
    cr_assert_eq(take("count(*)", &aggregate, &err), 0);
    cr_assert_str_eq(aggregate.name, "count(1)");
    cr_assert_eq(take("count(a + 1) FILTER (WHERE k = 'x')", &aggregate, &err), 0, "%s", err.text);
    cr_assert_str_eq(aggregate.name, "count((a + 1))");
    cr_assert_eq(aggregate.n_args, 1);
    cr_assert_eq(aggregate.args[0].at, 6);
    cr_assert_eq(aggregate.args[0].n, 5);
    cr_assert_eq(aggregate.filter.at, 27);
    cr_assert_eq(aggregate.filter.n, 7);
}

Test(aggregate, refusals)
{
    struct tide_sql_aggregate aggregate;
    struct tide_error err = {0};
    cr_assert_eq(take("sum(a)", &aggregate, &err), TIDE_ERR_UNSUPPORTED);
    cr_assert_eq(take("count(*) + 1", &aggregate, &err), TIDE_ERR_UNSUPPORTED);
    cr_assert_eq(take("count(DISTINCT a)", &aggregate, &err), TIDE_ERR_UNSUPPORTED);
    cr_assert_eq(take("upper(k)", &aggregate, &err), TIDE_ERR_INVALID);
    cr_assert_eq(take("count(count(a))", &aggregate, &err), TIDE_ERR_INVALID);
    cr_assert_eq(take("count(nosuch)", &aggregate, &err), TIDE_ERR_INVALID);
    cr_assert_eq(err.at, 6);
}
