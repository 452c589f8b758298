/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order, equality, hashes and key bytes of values. Orders are Spark's, by the rules in value.h.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <math.h>

#include "base/seam.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/value.h"

static const struct tide_type t_double = {.id = TIDE_TYPE_DOUBLE};
static const struct tide_type t_string = {.id = TIDE_TYPE_STRING};
static const struct tide_type t_int = {.id = TIDE_TYPE_INT};
static const struct tide_type t_decimal = {.id = TIDE_TYPE_DECIMAL, .precision = 38, .scale = 2};

static struct tide_value
f64(double value)
{
    return (struct tide_value){.type = &t_double, .f64 = value};
}

static struct tide_value
text(const char *value)
{
    return (struct tide_value){.type = &t_string, .bytes = {value, (uint32_t)strlen(value)}};
}

/* Each value is smaller than the next; equality and hashes agree with that. */
static void
expect_rising(const struct tide_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            int order = tide_value_compare(&values[i], &values[j]);
            cr_expect_eq((order > 0) - (order < 0), (i > j) - (i < j), "%zu %zu", i, j);
            cr_expect_eq(tide_value_equal(&values[i], &values[j]), i == j);
            cr_expect_eq(tide_value_hash(&values[i], 3) == tide_value_hash(&values[j], 3), i == j);
        }
    }
}

Test(value, orders)
{
    struct tide_value doubles[] = {{.type = &t_double, .null = true},
                                   f64(-INFINITY),
                                   f64(-1),
                                   f64(0),
                                   f64(1e-300),
                                   f64(INFINITY),
                                   f64((double)NAN)};
    struct tide_value texts[] = {{.type = &t_string, .null = true},
                                 text(""),
                                 text("a"),
                                 text("aa"),
                                 text("b"),
                                 text("\xc3\xa9")};
    struct tide_value ints[] = {{.type = &t_int, .null = true},
                                {.type = &t_int, .i64 = -5},
                                {.type = &t_int, .i64 = 0},
                                {.type = &t_int, .i64 = 7}};
    struct tide_value decimals[] = {{.type = &t_decimal, .i128 = -((tide_i128)1 << 100)},
                                    {.type = &t_decimal, .i128 = 0},
                                    {.type = &t_decimal, .i128 = (tide_i128)1 << 100}};
    expect_rising(doubles, sizeof(doubles) / sizeof(doubles[0]));
    expect_rising(texts, sizeof(texts) / sizeof(texts[0]));
    expect_rising(ints, sizeof(ints) / sizeof(ints[0]));
    expect_rising(decimals, sizeof(decimals) / sizeof(decimals[0]));
}

Test(value, zeroes_and_nans_are_one)
{
    struct tide_value a = f64(0.0), b = f64(-0.0), c = f64((double)NAN), d = f64(-(double)NAN);
    uint8_t x[16], y[16];
    cr_expect(tide_value_equal(&a, &b));
    cr_expect(tide_value_equal(&c, &d));
    cr_expect_eq(tide_value_hash(&a, 1), tide_value_hash(&b, 1));
    cr_expect_eq(tide_value_hash(&c, 1), tide_value_hash(&d, 1));
    cr_expect_eq(tide_key_bytes_values(&a, 1, x, sizeof(x)), 9);
    cr_expect_eq(tide_key_bytes_values(&b, 1, y, sizeof(y)), 9);
    cr_expect_eq(memcmp(x, y, 9), 0);
    tide_key_bytes_values(&c, 1, x, sizeof(x));
    tide_key_bytes_values(&d, 1, y, sizeof(y));
    cr_expect_eq(memcmp(x, y, 9), 0);
}

/* The form is in checkpoints: these bytes must never change. */
Test(value, key_bytes_are_fixed)
{
    struct tide_value values[] = {{.type = &t_int, .i64 = -2},
                                  {.type = &t_int, .null = true},
                                  text("ab"),
                                  f64(1.0),
                                  {.type = &t_decimal, .i128 = 258}};
    static const uint8_t want[] = {1, 0xfe, 0xff, 0xff, 0xff, 0, 1, 2,    0,    0, 0, 'a', 'b',
                                   1, 0,    0,    0,    0,    0, 0, 0xf0, 0x3f, 1, 2, 1,   0,
                                   0, 0,    0,    0,    0,    0, 0, 0,    0,    0, 0, 0,   0};
    uint8_t key[64];
    uint32_t n = tide_key_bytes_values(values, 5, key, sizeof(key));
    cr_assert_eq(n, sizeof(want));
    cr_expect_eq(memcmp(key, want, n), 0);
    cr_expect_eq(tide_key_bytes_values(values, 5, key, 3), sizeof(want), "measures");
}

#define KEYS                                                                                \
    "b BOOLEAN, t TINYINT, i INT, l BIGINT, d DOUBLE, c DECIMAL(10,2), w DECIMAL(38,2), s " \
    "STRING, "                                                                              \
    "a ARRAY<STRUCT<x: INT, y: STRING>>, m MAP<STRING, DECIMAL(30,0)>, e DATE"

/* A row with a value, or NULL, in each column. */
static void
fill(struct tide_batchbuf *buf, const struct tide_schema *schema, bool nulls)
{
    struct tide_writer *writer = &buf->writer;
    uint8_t *slot = tide_writer_row(writer);
    const struct tide_type *array = &schema->fields[8].type;
    const struct tide_type *map = &schema->fields[9].type;
    struct tide_cell cells[11] = {{.i64 = 1},
                                  {.i64 = -128},
                                  {.i64 = INT32_MIN},
                                  {.i64 = INT64_MIN},
                                  {.f64 = -2.5},
                                  {.i128 = -12345},
                                  {.i128 = -((tide_i128)1 << 110)}};
    struct tide_cell fields[2] = {{.i64 = -7}}, entry[2] = {{0}}, elements[2] = {{0}};
    cells[10].i64 = -719162;
    cr_assert(tide_build_bytes(writer, (struct tide_bytes){"text", 4}, &cells[7]));
    cr_assert(tide_build_bytes(writer, (struct tide_bytes){"yy", 2}, &fields[1]));
    cr_assert(tide_build_struct(writer, &array->children[0].type, fields, &elements[0].ref));
    elements[1].null = true;
    cr_assert(tide_build_array(writer, array, elements, 2, &cells[8].ref));
    cr_assert(tide_build_bytes(writer, (struct tide_bytes){"key", 3}, &entry[0]));
    entry[1].i128 = (tide_i128)1 << 90;
    cr_assert(tide_build_map(writer, map, entry, 1, &cells[9].ref));
    for (uint32_t f = 0; f < 11; f++) {
        cells[f].null = nulls;
        tide_slot_set_cell(schema, slot, f, &cells[f]);
    }
    tide_writer_commit(writer);
}

Test(value, keys_come_back)
{
    struct tide_schemas *schemas;
    const struct tide_schema *schema;
    struct tide_batchbuf from, to;
    struct tide_batch a, b;
    uint32_t fields[11];
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
    cr_assert_eq(tide_schema_parse(schemas, KEYS, &schema, NULL), 0);
    cr_assert_eq(tide_batchbuf_init(&from, tide_seam_real(), schema, 4, 0, 4096, NULL), 0);
    cr_assert_eq(tide_batchbuf_init(&to, tide_seam_real(), schema, 4, 0, 4096, NULL), 0);
    fill(&from, schema, false);
    fill(&from, schema, true);
    a = tide_batchbuf_view(&from);
    for (uint32_t row = 0; row < 2; row++) {
        struct tide_value values[11];
        uint8_t key[512];
        uint32_t n;
        bool ok = false;
        uint8_t *slot = tide_writer_row(&to.writer);
        for (uint32_t f = 0; f < 11; f++) {
            fields[f] = f;
            values[f] = tide_value_row(schema, &a, tide_batch_row(&a, row), f);
        }
        n = tide_key_bytes_values(values, 11, key, sizeof(key));
        cr_assert_leq(n, sizeof(key));
        cr_assert(tide_key_restore(&to.writer, slot, fields, 11, (struct tide_bytes){key, n}, &ok));
        cr_assert(ok);
        tide_writer_commit(&to.writer);
        b = tide_batchbuf_view(&to);
        for (uint32_t f = 0; f < 11; f++) {
            struct tide_value back = tide_value_row(schema, &b, tide_batch_row(&b, row), f);
            cr_expect(tide_value_equal(&values[f], &back), "column %u", f);
            cr_expect_eq(values[f].null, back.null);
        }
        for (uint32_t cut = 0; cut < n; cut++) {
            slot = tide_writer_row(&to.writer);
            cr_assert(
                tide_key_restore(&to.writer, slot, fields, 11, (struct tide_bytes){key, cut}, &ok));
            cr_expect_not(ok, "cut at %u", cut);
        }
    }
    cr_expect_eq(tide_batch_check(schema, &b, NULL), 0);
    tide_batchbuf_fini(&from);
    tide_batchbuf_fini(&to);
    tide_schemas_destroy(schemas);
}

Test(value, vectors_may_be_constant)
{
    int64_t values[2] = {5, 6};
    uint8_t nulls[2] = {0, 1};
    struct tide_vec vec = {.type = &t_int, .n = 2, .nulls = nulls, .i64 = values};
    struct tide_vec constant = {
        .type = &t_int, .n = 2, .constant = true, .nulls = nulls, .i64 = values};
    const struct tide_vec *both[2] = {&vec, &constant};
    static const uint8_t want[] = {0, 1, 5, 0, 0, 0};
    uint8_t key[16];
    cr_expect_eq(tide_value_vec(&vec, 0).i64, 5);
    cr_expect(tide_value_vec(&vec, 1).null);
    cr_expect_eq(tide_value_vec(&constant, 1).i64, 5);
    cr_assert_eq(tide_key_bytes(both, 2, 1, key, sizeof(key)), sizeof(want));
    cr_expect_eq(memcmp(key, want, sizeof(want)), 0);
}
