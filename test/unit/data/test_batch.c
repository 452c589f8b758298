/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches, copies between heaps, blocks, and the check of foreign bytes. Values are compared with
 * what was put in, read back through struct tide_value only.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/seam.h"
#include "data/batch.h"
#include "data/layout.h"
#include "data/schema.h"
#include "data/value.h"

static struct tide_schemas *schemas;

static void
setup(void)
{
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
}

static void
teardown(void)
{
    tide_schemas_destroy(schemas);
}

TestSuite(batch, .init = setup, .fini = teardown);

static const struct tide_schema *
schema_of(const char *ddl)
{
    const struct tide_schema *schema;
    struct tide_error err = {0};
    cr_assert_eq(tide_schema_parse(schemas, ddl, &schema, &err), 0, "%s", err.text);
    return schema;
}

static void
make(struct tide_batchbuf *buf, const struct tide_schema *schema, uint32_t heap, uint32_t limit)
{
    cr_assert_eq(tide_batchbuf_init(buf, tide_seam_real(), schema, 8, heap, limit, NULL), 0);
}

#define NESTED \
    "s STRING, a ARRAY<STRING>, m MAP<STRING, STRUCT<x: DECIMAL(30,1), y: STRING>>, n INT"

/* A row of NESTED that says @k; false when it does not fit. */
static bool
add_nested(struct tide_batchbuf *buf, const struct tide_schema *schema, int k)
{
    struct tide_writer *writer = &buf->writer;
    const struct tide_type *array = &schema->fields[1].type;
    const struct tide_type *map = &schema->fields[2].type;
    const struct tide_type *inner = &map->children[1].type;
    struct tide_cell cells[4] = {{0}}, entry[4] = {{0}}, fields[2] = {{0}}, cell = {0};
    uint8_t *slot = tide_writer_row(writer);
    char text[64];
    int n = snprintf(text, sizeof(text), "row %d", k);
    if (slot == NULL || !tide_writer_set_bytes(writer, slot, 0, text, (uint32_t)n)) {
        return false;
    }
    cells[1].null = true;
    if (!tide_build_bytes(writer, (struct tide_bytes){text, (uint32_t)n}, &cells[0]) ||
        !tide_build_bytes(writer, (struct tide_bytes){"", 0}, &cells[2]) ||
        !tide_build_array(writer, array, cells, 3, &cell.ref)) {
        return false;
    }
    tide_slot_set_cell(schema, slot, 1, &cell);
    fields[0].i128 = (tide_i128)k * 1000000000000000000 * 1000;
    fields[1].null = k % 2 == 0;
    entry[3].null = true;
    if (!tide_build_bytes(writer, (struct tide_bytes){"y", 1}, &fields[1]) ||
        !tide_build_struct(writer, inner, fields, &entry[1].ref) ||
        !tide_build_bytes(writer, (struct tide_bytes){"k1", 2}, &entry[0]) ||
        !tide_build_bytes(writer, (struct tide_bytes){"k2", 2}, &entry[2]) ||
        !tide_build_map(writer, map, entry, 2, &cell.ref)) {
        return false;
    }
    tide_slot_set_cell(schema, slot, 2, &cell);
    cell = (struct tide_cell){.null = k % 3 == 0, .i64 = k};
    tide_slot_set_cell(schema, slot, 3, &cell);
    ((struct tide_rowhdr *)(void *)slot)->offset = (uint64_t)k;
    tide_writer_commit(writer);
    return true;
}

static bool
text_is(const struct tide_value *value, const char *text)
{
    return !value->null && value->bytes.n == strlen(text) &&
           memcmp(value->bytes.p, text, value->bytes.n) == 0;
}

/* Whether row @i of @batch says @k. */
static void
expect_nested(const struct tide_schema *schema, const struct tide_batch *batch, uint32_t i, int k)
{
    const uint8_t *row = tide_batch_row(batch, i);
    struct tide_value value = tide_value_row(schema, batch, row, 0);
    struct tide_value part;
    char text[64];
    snprintf(text, sizeof(text), "row %d", k);
    cr_expect_eq(tide_row_hdr(row)->offset, (uint64_t)k);
    cr_expect(text_is(&value, text));
    value = tide_value_row(schema, batch, row, 1);
    cr_assert_eq(tide_nested_count(value.nested), 3);
    part = tide_array_at(value.type, value.nested, 0);
    cr_expect(text_is(&part, text));
    cr_expect(tide_array_at(value.type, value.nested, 1).null);
    part = tide_array_at(value.type, value.nested, 2);
    cr_expect(text_is(&part, ""));
    value = tide_value_row(schema, batch, row, 2);
    cr_assert_eq(tide_nested_count(value.nested), 2);
    part = tide_map_key_at(value.type, value.nested, 1);
    cr_expect(text_is(&part, "k2"));
    cr_expect(tide_map_value_at(value.type, value.nested, 1).null);
    part = tide_map_value_at(value.type, value.nested, 0);
    cr_assert_not(part.null);
    cr_expect_eq((uintptr_t)part.nested.p % 16, 0);
    value = tide_struct_at(part.type, part.nested, 0);
    cr_expect(value.i128 == (tide_i128)k * 1000000000000000000 * 1000);
    value = tide_struct_at(part.type, part.nested, 1);
    cr_expect(text_is(&value, "y"));
    value = tide_value_row(schema, batch, row, 3);
    cr_expect(k % 3 == 0 ? value.null : value.i64 == k);
}

Test(batch, nested_values_survive_growth_and_copies)
{
    const struct tide_schema *schema = schema_of(NESTED);
    struct tide_batchbuf from, to;
    struct tide_batch batch, copy;
    struct tide_error err = {0};
    make(&from, schema, 0, 1u << 16);
    make(&to, schema, 16, 1u << 16);
    for (int k = 0; k < 5; k++) {
        cr_assert(add_nested(&from, schema, k));
    }
    batch = tide_batchbuf_view(&from);
    cr_assert_eq(tide_batch_check(schema, &batch, &err), 0, "%s", err.text);
    cr_assert_eq(tide_batch_copy(&to.writer, schema, &batch, 1, 4), 4);
    cr_assert_eq(tide_batch_copy(&to.writer, schema, &batch, 0, 5), 4, "eight rows fit");
    copy = tide_batchbuf_view(&to);
    cr_assert_eq(tide_batch_check(schema, &copy, &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < 8; i++) {
        expect_nested(schema, &copy, i, i < 4 ? (int)i + 1 : (int)i - 4);
    }
    tide_batchbuf_fini(&from);
    tide_batchbuf_fini(&to);
}

Test(batch, whole_batches_are_appended)
{
    const struct tide_schema *schema = schema_of("s STRING, a ARRAY<BIGINT>, b BINARY");
    struct tide_batchbuf from, to;
    struct tide_batch batch;
    make(&from, schema, 0, 1u << 16);
    make(&to, schema, 0, 1u << 16);
    for (int k = 0; k < 4; k++) {
        uint8_t *slot = tide_writer_row(&from.writer);
        struct tide_cell cells[2] = {{.i64 = k}, {.null = true}};
        struct tide_cell cell = {0};
        char text = (char)('a' + k);
        cr_assert(tide_writer_set_bytes(&from.writer, slot, 0, &text, 1));
        cr_assert(tide_build_array(&from.writer, &schema->fields[1].type, cells, 2, &cell.ref));
        tide_slot_set_cell(schema, slot, 1, &cell);
        tide_slot_set_null(slot, 2);
        tide_writer_commit(&from.writer);
    }
    batch = tide_batchbuf_view(&from);
    cr_assert_eq(tide_batch_copy(&to.writer, schema, &batch, 0, 4), 4);
    cr_assert_eq(tide_batch_copy(&to.writer, schema, &batch, 0, 4), 4);
    batch = tide_batchbuf_view(&to);
    cr_assert_eq(tide_batch_check(schema, &batch, NULL), 0);
    for (uint32_t i = 0; i < 8; i++) {
        const uint8_t *row = tide_batch_row(&batch, i);
        struct tide_value value = tide_value_row(schema, &batch, row, 0);
        cr_expect_eq(*(const char *)value.bytes.p, 'a' + (char)(i % 4));
        value = tide_value_row(schema, &batch, row, 1);
        cr_expect_eq(tide_array_at(value.type, value.nested, 0).i64, i % 4);
        cr_expect(tide_value_row(schema, &batch, row, 2).null);
    }
    tide_batchbuf_fini(&from);
    tide_batchbuf_fini(&to);
}

Test(batch, a_full_writer_keeps_what_fitted)
{
    const struct tide_schema *schema = schema_of(NESTED);
    struct tide_batchbuf buf;
    struct tide_batch batch;
    int k = 0;
    make(&buf, schema, 0, 700);
    while (add_nested(&buf, schema, k)) {
        k++;
    }
    cr_assert_gt(k, 0);
    cr_assert_lt(k, 8);
    batch = tide_batchbuf_view(&buf);
    cr_assert_eq(batch.n, (uint32_t)k);
    cr_assert_eq(tide_batch_check(schema, &batch, NULL), 0);
    for (int i = 0; i < k; i++) {
        expect_nested(schema, &batch, (uint32_t)i, i);
    }
    tide_batchbuf_reset(&buf);
    cr_expect(add_nested(&buf, schema, 7));
    tide_batchbuf_fini(&buf);
}

Test(batch, fields_between_schemas)
{
    const struct tide_schema *from_schema = schema_of("x INT, s STRING, y STRING");
    const struct tide_schema *to_schema = schema_of("z DOUBLE, s STRING, y STRING");
    struct tide_batchbuf from, to;
    struct tide_batch batch;
    struct tide_row_source source = {.schema = from_schema};
    struct tide_value value;
    uint8_t *slot;
    make(&from, from_schema, 64, 1024);
    make(&to, to_schema, 64, 1024);
    slot = tide_writer_row(&from.writer);
    cr_assert(tide_writer_set_bytes(&from.writer, slot, 1, "hello", 5));
    tide_slot_set_null(slot, 2);
    tide_writer_commit(&from.writer);
    batch = tide_batchbuf_view(&from);
    source.row = tide_batch_row(&batch, 0);
    source.heap = batch.heap;
    slot = tide_writer_row(&to.writer);
    cr_assert(tide_row_copy_fields(&to.writer, slot, 1, &source, 1, 2));
    tide_slot_set_f64(to_schema, slot, 0, 2.5);
    tide_writer_commit(&to.writer);
    batch = tide_batchbuf_view(&to);
    value = tide_value_row(to_schema, &batch, slot, 1);
    cr_expect(text_is(&value, "hello"));
    cr_expect(tide_value_row(to_schema, &batch, slot, 2).null);
    tide_batchbuf_fini(&from);
    tide_batchbuf_fini(&to);
}

/* A block in memory of its own, so that a sanitizer sees every byte beyond it. */
static void *
block_of(const struct tide_batchbuf *buf, uint32_t *out_size)
{
    struct tide_batch batch = tide_batchbuf_view(buf);
    uint32_t size = tide_batch_size(&batch);
    void *mem = aligned_alloc(16, size);
    cr_assert_eq(size % 16, 0);
    tide_batch_write(&batch, mem);
    *out_size = size;
    return mem;
}

Test(batch, blocks_hold_everything)
{
    const struct tide_schema *schema = schema_of(NESTED);
    struct tide_batchbuf buf;
    struct tide_batch batch;
    struct tide_error err = {0};
    uint32_t size;
    void *mem;
    make(&buf, schema, 0, 1u << 16);
    for (int k = 0; k < 3; k++) {
        cr_assert(add_nested(&buf, schema, k));
    }
    mem = block_of(&buf, &size);
    tide_batchbuf_fini(&buf);
    cr_assert_eq(tide_batch_check_block(schema, mem, size, &batch, &err), 0, "%s", err.text);
    for (int k = 0; k < 3; k++) {
        expect_nested(schema, &batch, (uint32_t)k, k);
    }
    batch = tide_batch_view(mem);
    cr_expect_eq(batch.size, size);
    expect_nested(schema, &batch, 2, 2);
    cr_expect_eq(tide_batch_check_block(schema, mem, size - 16, &batch, &err), TIDE_ERR_CORRUPT);
    cr_expect_eq(tide_batch_check_block(schema_of("x INT"), mem, size, &batch, &err),
                 TIDE_ERR_CORRUPT);
    free(mem);
}

/* Reads every value below @value; a sanitizer tells when a checked block leads outside. */
static uint64_t
touch(const struct tide_value *value)
{
    return tide_value_hash(value, 1);
}

Test(batch, damage_is_refused_or_harmless)
{
    const struct tide_schema *schema = schema_of(NESTED);
    struct tide_batchbuf buf;
    uint32_t size, refused = 0;
    uint8_t *mem;
    uint64_t random = 7, sum = 0;
    make(&buf, schema, 0, 1u << 16);
    for (int k = 0; k < 3; k++) {
        cr_assert(add_nested(&buf, schema, k));
    }
    mem = block_of(&buf, &size);
    tide_batchbuf_fini(&buf);
    for (int i = 0; i < 20000; i++) {
        uint32_t at;
        uint8_t old;
        struct tide_batch batch;
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        at = (uint32_t)(random >> 33) % size;
        old = mem[at];
        mem[at] = (uint8_t)(random >> 25);
        if (tide_batch_check_block(schema, mem, size, &batch, NULL) < 0) {
            refused++;
        } else {
            for (uint32_t row = 0; row < batch.n; row++) {
                for (uint32_t f = 0; f < schema->n; f++) {
                    struct tide_value value =
                        tide_value_row(schema, &batch, tide_batch_row(&batch, row), f);
                    sum += touch(&value);
                }
            }
        }
        mem[at] = old;
    }
    cr_expect_gt(refused, 1000);
    cr_expect_neq(sum, 0);
    free(mem);
}

/* Arrays whose elements all refer to one array, many levels deep: exponentially many values. */
Test(batch, shared_regions_are_bounded)
{
    const struct tide_schema *schema =
        schema_of("a ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<INT>>>>>>>>");
    struct tide_batchbuf buf;
    struct tide_batch batch;
    struct tide_ref ref = {0, 0};
    const struct tide_type *types[8];
    struct tide_cell cells[64];
    uint8_t *slot;
    make(&buf, schema, 0, 1u << 16);
    types[0] = &schema->fields[0].type;
    for (int i = 1; i < 8; i++) {
        types[i] = &types[i - 1]->children[0].type;
    }
    slot = tide_writer_row(&buf.writer);
    for (int level = 7; level >= 0; level--) {
        for (int i = 0; i < 64; i++) {
            cells[i] = (struct tide_cell){.ref = ref};
        }
        cr_assert(tide_build_array(&buf.writer, types[level], cells, 64, &ref));
    }
    tide_slot_set_ref(schema, slot, 0, ref);
    tide_writer_commit(&buf.writer);
    batch = tide_batchbuf_view(&buf);
    cr_expect_eq(tide_batch_check(schema, &batch, NULL), TIDE_ERR_CORRUPT);
    tide_batchbuf_fini(&buf);
}
