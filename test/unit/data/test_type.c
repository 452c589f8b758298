/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types from DDL and back. Expected spellings are Spark's (simpleString, sql, printSchema).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/seam.h"
#include "data/schema.h"
#include "data/type.h"

static struct tide_type_arena arena;
static struct tide_buf buf;

static void
setup(void)
{
    tide_type_arena_init(&arena, tide_seam_real());
    tide_buf_init(&buf, tide_seam_real(), 1u << 20);
}

static void
teardown(void)
{
    tide_buf_fini(&buf);
    tide_type_arena_fini(&arena);
}

TestSuite(type, .init = setup, .fini = teardown);

static const char *
print(const struct tide_type *type, enum tide_type_style style)
{
    tide_buf_clear(&buf);
    cr_assert_eq(tide_type_print(type, style, &buf), 0);
    return tide_buf_text(&buf);
}

Test(type, names_and_aliases)
{
    static const struct {
        const char *ddl, *simple;
    } cases[] = {
        {"boolean", "boolean"},
        {"TINYINT", "tinyint"},
        {"byte", "tinyint"},
        {"SmallInt", "smallint"},
        {"short", "smallint"},
        {"INT", "int"},
        {"integer", "int"},
        {"bigint", "bigint"},
        {"long", "bigint"},
        {"float", "float"},
        {"real", "float"},
        {"double", "double"},
        {"decimal", "decimal(10,0)"},
        {"dec(5)", "decimal(5,0)"},
        {"numeric( 38 , 18 )", "decimal(38,18)"},
        {"string", "string"},
        {"varchar(10)", "string"},
        {"char(3)", "string"},
        {"character(3)", "string"},
        {"binary", "binary"},
        {"date", "date"},
        {"timestamp", "timestamp"},
        {"timestamp_ltz", "timestamp"},
        {"array<int>", "array<int>"},
        {" ARRAY < MAP < STRING , DOUBLE > > ", "array<map<string,double>>"},
        {"struct<>", "struct<>"},
        {"STRUCT<a INT, `b c`: ARRAY<STRUCT<d: DATE NOT NULL>> COMMENT 'it''s'>",
         "struct<a:int,b c:array<struct<d:date>>>"},
        {"struct<timestamp: timestamp, comment: string>",
         "struct<timestamp:timestamp,comment:string>"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_type type;
        struct tide_error err = {0};
        cr_assert_eq(tide_type_parse(&arena, cases[i].ddl, strlen(cases[i].ddl), &type, &err), 0,
                     "%s: %s", cases[i].ddl, err.text);
        cr_expect_str_eq(print(&type, TIDE_TYPE_STYLE_SIMPLE), cases[i].simple);
    }
}

Test(type, sql_reads_back)
{
    static const char ddl[] =
        "STRUCT<a: INT NOT NULL, `b``c d`: MAP<STRING, ARRAY<DECIMAL(20,2)>>, `1`: BINARY>";
    struct tide_type type, again;
    cr_assert_eq(tide_type_parse(&arena, ddl, strlen(ddl), &type, NULL), 0);
    cr_expect_str_eq(print(&type, TIDE_TYPE_STYLE_SQL), ddl);
    cr_expect_str_eq(type.children[1].name, "b`c d");
    cr_assert_eq(tide_type_parse(&arena, tide_buf_text(&buf), buf.len, &again, NULL), 0);
    cr_expect(tide_type_identical(&type, &again));
}

Test(type, errors_have_a_place)
{
    static const struct {
        const char *ddl;
        int code, at;
    } cases[] = {
        {"a INT, b NOTATYPE", TIDE_ERR_INVALID, 9},
        {"a INT, b", TIDE_ERR_INVALID, 8},
        {"a INT b STRING", TIDE_ERR_INVALID, 6},
        {"a DECIMAL(39,2)", TIDE_ERR_INVALID, 9},
        {"a DECIMAL(5,6)", TIDE_ERR_INVALID, 9},
        {"a DECIMAL(5", TIDE_ERR_INVALID, 11},
        {"a ARRAY<INT", TIDE_ERR_INVALID, 11},
        {"a MAP<MAP<INT,INT>,INT>", TIDE_ERR_INVALID, 5},
        {"`a INT", TIDE_ERR_INVALID, 0},
        {"a INT COMMENT 'x", TIDE_ERR_INVALID, 14},
        {"a INT NOT", TIDE_ERR_INVALID, 9},
        {"a TIMESTAMP_NTZ", TIDE_ERR_UNSUPPORTED, 2},
        {"a STRUCT<b: INTERVAL DAY>", TIDE_ERR_UNSUPPORTED, 12},
        {"", TIDE_ERR_INVALID, 0},
        {"a VARCHAR", TIDE_ERR_INVALID, 9},
        {"123 INT", TIDE_ERR_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_field *fields;
        uint32_t n;
        struct tide_error err = {0};
        int rc = tide_fields_parse(&arena, cases[i].ddl, strlen(cases[i].ddl), &fields, &n, &err);
        cr_expect_eq(rc, cases[i].code, "%s: %s", cases[i].ddl, err.text);
        cr_expect_eq(err.at, cases[i].at, "%s: %d, %s", cases[i].ddl, err.at, err.text);
    }
}

Test(type, nesting_is_bounded)
{
    char ddl[2048] = "";
    struct tide_type type;
    for (uint32_t i = 0; i < TIDE_LIMIT_TYPE_DEPTH; i++) {
        strcat(ddl, "array<");
    }
    strcat(ddl, "int");
    for (uint32_t i = 0; i < TIDE_LIMIT_TYPE_DEPTH; i++) {
        strcat(ddl, ">");
    }
    cr_expect_eq(tide_type_parse(&arena, ddl, strlen(ddl), &type, NULL), TIDE_ERR_LIMIT);
    ddl[strlen(ddl) - 1] = '\0';
    cr_expect_eq(tide_type_parse(&arena, ddl + 6, strlen(ddl) - 6, &type, NULL), 0);
}

Test(type, prefix_ends_where_the_type_does)
{
    static const char text[] = "decimal(10, 2) ) AS x";
    struct tide_type type;
    size_t end = 0;
    cr_assert_eq(tide_type_parse_prefix(&arena, text, strlen(text), &type, &end, NULL), 0);
    cr_expect_eq(end, 14);
    cr_expect_eq(type.scale, 2);
}

Test(type, schemas_are_columns_or_one_type)
{
    struct tide_type type;
    struct tide_error err = {0};
    cr_assert_eq(tide_type_parse_schema(&arena, "a INT, b STRING", 15, &type, NULL), 0);
    cr_expect_str_eq(print(&type, TIDE_TYPE_STYLE_SIMPLE), "struct<a:int,b:string>");
    cr_assert_eq(tide_type_parse_schema(&arena, "array<int>", 10, &type, NULL), 0);
    cr_expect_str_eq(print(&type, TIDE_TYPE_STYLE_SIMPLE), "array<int>");
    cr_expect_eq(tide_type_parse_schema(&arena, "array<innt>", 11, &type, &err), TIDE_ERR_INVALID);
    cr_expect_eq(err.at, 6);
    cr_expect(strstr(err.text, "\"int\"") != NULL, "%s", err.text);
}

Test(type, long_structs_are_cut_in_messages)
{
    char ddl[1024] = "struct<";
    struct tide_type type;
    for (int i = 0; i < 26; i++) {
        sprintf(ddl + strlen(ddl), "%sf%d:int", i > 0 ? "," : "", i);
    }
    strcat(ddl, ">");
    cr_assert_eq(tide_type_parse(&arena, ddl, strlen(ddl), &type, NULL), 0);
    cr_expect_str_eq(print(&type, TIDE_TYPE_STYLE_CATALOG), ddl);
    cr_expect(strstr(print(&type, TIDE_TYPE_STYLE_SIMPLE), "f23:int,... 2 more fields>") != NULL);
}

Test(type, tree_as_print_schema)
{
    static const char ddl[] = "a INT NOT NULL, s STRUCT<x: STRING, y: ARRAY<MAP<STRING, DOUBLE>>>, "
                              "d DECIMAL(10,2)";
    const struct tide_field *fields;
    uint32_t n;
    cr_assert_eq(tide_fields_parse(&arena, ddl, strlen(ddl), &fields, &n, NULL), 0);
    cr_assert_eq(tide_fields_print_tree(fields, n, &buf), 0);
    cr_expect_str_eq(tide_buf_text(&buf),
                     "root\n"
                     " |-- a: integer (nullable = false)\n"
                     " |-- s: struct (nullable = true)\n"
                     " |    |-- x: string (nullable = true)\n"
                     " |    |-- y: array (nullable = true)\n"
                     " |    |    |-- element: map (containsNull = true)\n"
                     " |    |    |    |-- key: string\n"
                     " |    |    |    |-- value: double (valueContainsNull = true)\n"
                     " |-- d: decimal(10,2) (nullable = true)\n");
    tide_buf_clear(&buf);
    cr_assert_eq(tide_fields_print_ddl(fields, n, &buf), 0);
    cr_expect_str_eq(tide_buf_text(&buf),
                     "a INT NOT NULL,s STRUCT<x: STRING, y: ARRAY<MAP<STRING, DOUBLE>>>,"
                     "d DECIMAL(10,2)");
}

Test(type, equality_and_look_up)
{
    struct tide_type a, b;
    const struct tide_field *fields;
    uint32_t n;
    cr_assert_eq(tide_type_parse(&arena, "struct<a:int>", 13, &a, NULL), 0);
    cr_assert_eq(tide_type_parse(&arena, "struct<a:int not null>", 22, &b, NULL), 0);
    cr_expect(tide_type_equal(&a, &b));
    cr_expect_not(tide_type_identical(&a, &b));
    cr_assert_eq(tide_type_parse(&arena, "struct<A:int>", 13, &b, NULL), 0);
    cr_expect_not(tide_type_equal(&a, &b));
    cr_assert_eq(tide_fields_parse(&arena, "x INT, Y INT, y INT", 19, &fields, &n, NULL), 0);
    cr_expect_eq(tide_fields_find(fields, n, "y", 1, true), 2);
    cr_expect_eq(tide_fields_find(fields, n, "y", 1, false), 1);
    cr_expect_eq(tide_fields_find(fields, n, "z", 1, false), -1);
}

Test(type, equal_schemas_are_one)
{
    struct tide_schemas *schemas;
    const struct tide_schema *a, *b, *c;
    struct tide_field fields[2] = {{"x", {.id = TIDE_TYPE_INT}, true},
                                   {"h", {.id = TIDE_TYPE_BINARY}, true}};
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
    cr_assert_eq(tide_schema_make(schemas, fields, 2, 0, &a, NULL), 0);
    cr_assert_eq(tide_schema_parse(schemas, "x INT, h BINARY", &b, NULL), 0);
    cr_assert_eq(tide_schema_make(schemas, fields, 1, 1, &c, NULL), 0);
    cr_expect_eq(a, b);
    cr_expect_neq(a->id, c->id);
    cr_expect_eq(tide_schema_get(schemas, c->id), c);
    cr_expect(tide_schema_get(schemas, 0) == NULL);
    cr_expect(tide_schema_get(schemas, c->id + 1) == NULL);
    cr_expect_eq(a->stride, 64);
    cr_expect_eq(a->fields_at, 40);
    tide_schemas_destroy(schemas);
}

/* The rules of row.h by hand: 16-byte fields begin at multiples of 16, behind padded null words. */
Test(type, sixteen_byte_fields_are_aligned)
{
    struct tide_schemas *schemas;
    const struct tide_schema *schema;
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
    cr_assert_eq(
        tide_schema_parse(schemas, "a INT, b DECIMAL(30,2), c INT, d DECIMAL(18,2)", &schema, NULL),
        0);
    cr_expect_eq(schema->fields_at, 48);
    cr_expect_eq(schema->at[0], 48);
    cr_expect_eq(schema->at[1], 64);
    cr_expect_eq(schema->at[2], 80);
    cr_expect_eq(schema->at[3], 88);
    cr_expect_eq(schema->stride, 96);
    tide_schemas_destroy(schemas);
}

Test(type, schemas_are_bounded)
{
    struct tide_schemas *schemas;
    const struct tide_schema *schema;
    char name[16];
    struct tide_field field = {name, {.id = TIDE_TYPE_INT}, true};
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
    for (uint32_t i = 0; i < TIDE_LIMIT_SCHEMAS; i++) {
        snprintf(name, sizeof(name), "c%u", i);
        cr_assert_eq(tide_schema_make(schemas, &field, 1, 0, &schema, NULL), 0);
        cr_assert_eq(schema->id, i + 1);
    }
    snprintf(name, sizeof(name), "more");
    cr_expect_eq(tide_schema_make(schemas, &field, 1, 0, &schema, NULL), TIDE_ERR_LIMIT);
    tide_schemas_destroy(schemas);
}
