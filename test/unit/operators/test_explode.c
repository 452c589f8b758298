/* SPDX-License-Identifier: Apache-2.0 */
/* explode: arrays and maps, empty ones, positions, and one row that becomes 100,000. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/value.h"
#include "operators/list.h"
#include "rig.h"

static void
open_explode(struct rig *rig, const char *ddl, const char *column, bool outer, bool position)
{
    rig_give(rig, "column", column);
    rig_give(rig, "outer", outer ? "true" : "false");
    rig_give(rig, "position", position ? "true" : "false");
    rig_open(rig, &tide_op_explode, ddl);
}

/* An array of @n longs from @first; each seventh is NULL with @nulls. */
static void
put_longs(struct rig *rig, uint32_t field, int64_t first, uint32_t n, bool nulls)
{
    const struct tide_type *type = &rig->in_schema->fields[field].type;
    struct tide_ref ref;
    cr_assert(tide_region_begin(&rig->in.writer, type, n, &ref));
    for (uint32_t i = 0; i < n; i++) {
        struct tide_cell cell = {.null = nulls && i % 7 == 6, .i64 = first + i};
        tide_region_set(&rig->in.writer, type, ref, i, &cell);
    }
    rig_nested(rig, field, ref);
}

static void
put_strings(struct rig *rig, uint32_t field, const char *const *texts, uint32_t n)
{
    const struct tide_type *type = &rig->in_schema->fields[field].type;
    struct tide_cell cells[8];
    struct tide_ref ref;
    for (uint32_t i = 0; i < n; i++) {
        struct tide_bytes bytes = {texts[i], (uint32_t)strlen(texts[i])};
        cr_assert(tide_build_bytes(&rig->in.writer, bytes, &cells[i]));
    }
    cr_assert(tide_build_array(&rig->in.writer, type, cells, n, &ref));
    rig_nested(rig, field, ref);
}

#define LONGS "k STRING, a ARRAY<BIGINT>, z INT"

static void
put_long_row(struct rig *rig, const char *k, int64_t first, uint32_t n, int64_t z)
{
    rig_row(rig);
    rig_str(rig, 0, k);
    put_longs(rig, 1, first, n, true);
    rig_i64(rig, 2, z);
    rig_commit(rig);
}

Test(explode, an_array_in_place)
{
    struct rig rig;
    rig_init(&rig);
    open_explode(&rig, LONGS, "1", false, false);
    cr_assert_eq(rig.out_schema->n, 3);
    cr_assert_str_eq(rig.out_schema->fields[1].name, "col");
    cr_assert_eq(rig.out_schema->fields[1].type.id, TIDE_TYPE_LONG);
    cr_assert(rig.out_schema->fields[1].nullable);
    put_long_row(&rig, "first", 10, 2, 1);
    put_long_row(&rig, "empty", 0, 0, 2);
    rig_row(&rig);
    rig_str(&rig, 0, "null");
    rig_null(&rig, 1);
    rig_null(&rig, 2);
    rig_commit(&rig);
    put_long_row(&rig, "last", 20, 7, 3);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 9);
    cr_assert_str_eq(rig_text(&rig, 0), "first|10|1");
    cr_assert_str_eq(rig_text(&rig, 1), "first|11|1");
    cr_assert_str_eq(rig_text(&rig, 2), "last|20|3");
    cr_assert_str_eq(rig_text(&rig, 8), "last|NULL|3");
    /* The rig's derived is the ordinal: children count from 1, per parent. */
    cr_assert_eq(rig_hdr(&rig, 0)->derived, 1);
    cr_assert_eq(rig_hdr(&rig, 1)->derived, 2);
    cr_assert_eq(rig_hdr(&rig, 2)->derived, 1);
    cr_assert_eq(rig_hdr(&rig, 2)->offset, 3);
    rig_fini(&rig);
}

Test(explode, outer_keeps_rows_without_elements)
{
    struct rig rig;
    rig_init(&rig);
    open_explode(&rig, LONGS, "1", true, true);
    cr_assert_str_eq(rig.out_schema->fields[1].name, "pos");
    cr_assert(rig.out_schema->fields[1].nullable);
    cr_assert(rig.out_schema->fields[2].nullable);
    put_long_row(&rig, "empty", 0, 0, 2);
    put_long_row(&rig, "one", 5, 1, 3);
    rig_row(&rig);
    rig_str(&rig, 0, "null");
    rig_null(&rig, 1);
    rig_null(&rig, 2);
    rig_commit(&rig);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 3);
    cr_assert_str_eq(rig_text(&rig, 0), "empty|NULL|NULL|2");
    cr_assert_str_eq(rig_text(&rig, 1), "one|0|5|3");
    cr_assert_str_eq(rig_text(&rig, 2), "null|NULL|NULL|NULL");
    rig_fini(&rig);
}

Test(explode, a_map_with_given_names)
{
    static const char *const keys[] = {"one", "two"};
    struct rig rig;
    struct tide_cell cells[4];
    struct tide_ref ref;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "names", "i", "k", "v");
    open_explode(&rig, "m MAP<STRING, DECIMAL(30,2)>, z INT", "0", false, true);
    cr_assert_str_eq(rig.out_schema->fields[0].name, "i");
    cr_assert_not(rig.out_schema->fields[0].nullable);
    cr_assert_str_eq(rig.out_schema->fields[1].name, "k");
    cr_assert_not(rig.out_schema->fields[1].nullable);
    cr_assert_str_eq(rig.out_schema->fields[2].name, "v");
    cr_assert_eq(rig.out_schema->fields[2].type.precision, 30);
    rig_row(&rig);
    for (uint32_t i = 0; i < 2; i++) {
        struct tide_bytes bytes = {keys[i], 3};
        cr_assert(tide_build_bytes(&rig.in.writer, bytes, &cells[2 * i]));
        cells[2 * i + 1] = (struct tide_cell){.null = i == 1, .i128 = 12345};
    }
    cr_assert(tide_build_map(&rig.in.writer, &rig.in_schema->fields[0].type, cells, 2, &ref));
    rig_nested(&rig, 0, ref);
    rig_i64(&rig, 1, 9);
    rig_commit(&rig);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_str_eq(rig_text(&rig, 0), "0|one|12345e-2|9");
    cr_assert_str_eq(rig_text(&rig, 1), "1|two|NULL|9");
    rig_fini(&rig);
}

/* Elements of 8 and of 16 bytes, with more of them than a null word has bits. */
Test(explode, wide_elements)
{
    static const char *const types[] = {"DECIMAL(38,0)", "DECIMAL(18,0)", "BIGINT"};
    for (uint32_t t = 0; t < 3; t++) {
        struct rig rig;
        char ddl[64], expected[32];
        snprintf(ddl, sizeof(ddl), "a ARRAY<%s>", types[t]);
        rig_init(&rig);
        open_explode(&rig, ddl, "0", false, false);
        const struct tide_type *type = &rig.in_schema->fields[0].type;
        struct tide_ref ref;
        rig_row(&rig);
        cr_assert(tide_region_begin(&rig.in.writer, type, 131, &ref));
        for (uint32_t i = 0; i < 131; i++) {
            struct tide_cell cell = {.null = i % 5 == 4, .i128 = -(int64_t)i};
            tide_region_set(&rig.in.writer, type, ref, i, &cell);
        }
        rig_nested(&rig, 0, ref);
        rig_commit(&rig);
        cr_assert(rig_feed(&rig));
        cr_assert_eq(rig_count(&rig), 131);
        for (uint32_t i = 0; i < 131; i++) {
            snprintf(expected, sizeof(expected), t == 2 ? "%d" : "%de-0", -(int)i);
            cr_assert_str_eq(rig_text(&rig, i), i % 5 == 4 ? "NULL" : expected);
        }
        rig_fini(&rig);
    }
}

Test(explode, one_row_becomes_many)
{
    struct rig rig;
    const uint32_t n = 100000;
    char expected[64];
    rig_init(&rig);
    rig.result_rows = n + 2;
    open_explode(&rig, LONGS, "1", false, true);
    put_long_row(&rig, "before", 1, 1, 0);
    put_long_row(&rig, "many", 0, n, 7);
    put_long_row(&rig, "after", 2, 1, 0);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), n + 2);
    for (uint32_t i = 0; i < n; i += 333) {
        if (i % 7 == 6) {
            snprintf(expected, sizeof(expected), "many|%u|NULL|7", i);
        } else {
            snprintf(expected, sizeof(expected), "many|%u|%u|7", i, i);
        }
        cr_assert_str_eq(rig_text(&rig, i + 1), expected);
        cr_assert_eq(rig_hdr(&rig, i + 1)->derived, i + 1);
    }
    cr_assert_str_eq(rig_text(&rig, n + 1), "after|0|2|0");
    /* The writer takes 256 rows at a time. */
    cr_assert_eq(rig.calls, (n + 2 + 255) / 256);
    rig_fini(&rig);
}

Test(explode, resumes_at_every_row)
{
    for (uint32_t out_rows = 1; out_rows < 10; out_rows++) {
        struct rig rig;
        uint32_t at = 0;
        rig_init(&rig);
        rig.out_rows = out_rows;
        open_explode(&rig, LONGS, "1", true, true);
        for (uint32_t i = 0; i < 20; i++) {
            put_long_row(&rig, "row", i, i % 6, i);
        }
        cr_assert(rig_feed(&rig));
        for (uint32_t i = 0; i < 20; i++) {
            uint32_t n = i % 6 == 0 ? 1 : i % 6;
            for (uint32_t k = 0; k < n; k++, at++) {
                cr_assert_eq(rig_hdr(&rig, at)->offset, i);
                cr_assert_eq(rig_hdr(&rig, at)->derived, k + 1);
            }
        }
        cr_assert_eq(rig_count(&rig), at);
        rig_fini(&rig);
    }
}

#define WORDS "w ARRAY<STRING>, b STRING"

/* A row whose second element is too large for an empty writer. */
static void
feed_large(struct rig *rig, enum tide_reject policy, bool good)
{
    char large[1201];
    const char *words[] = {"small", large, "never"};
    memset(large, 'x', 1200);
    large[1200] = 0;
    rig_init(rig);
    rig->policy = policy;
    rig->busy_rejects = 3;
    rig->out_heap_limit = 1000;
    open_explode(rig, WORDS, "0", false, false);
    for (uint32_t i = 0; i < 2; i++) {
        rig_row(rig);
        put_strings(rig, 0, words, i == 0 ? 3 : 1);
        rig_str(rig, 1, "other");
        rig_commit(rig);
    }
    cr_assert_eq(rig_feed(rig), good);
    cr_assert_eq(rig->n_rejected, 1);
    cr_assert_str_eq(rig->rejected[0].error_class, "RECORD_TOO_LARGE");
    cr_assert_eq(rig->rejected[0].offset, 0);
}

Test(explode, a_row_over_the_limit_is_rejected)
{
    struct rig rig;
    feed_large(&rig, TIDE_REJECT_SKIP, true);
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_str_eq(rig_text(&rig, 0), "small|other");
    cr_assert_eq(rig_hdr(&rig, 1)->offset, 1);
    cr_assert_str_eq(rig_text(&rig, 1), "small|other");
    rig_fini(&rig);
}

Test(explode, a_row_over_the_limit_ends_in_null)
{
    struct rig rig;
    feed_large(&rig, TIDE_REJECT_SETNULL, true);
    cr_assert_eq(rig_count(&rig), 3);
    cr_assert_str_eq(rig_text(&rig, 1), "NULL|other");
    cr_assert_str_eq(rig_text(&rig, 2), "small|other");
    rig_fini(&rig);
}

Test(explode, a_row_over_the_limit_ends_the_task)
{
    struct rig rig;
    feed_large(&rig, TIDE_REJECT_FAIL, false);
    rig_fini(&rig);
}

static void
check_refused(const char *column, const char *name, const char *part)
{
    struct rig rig;
    struct tide_error err;
    struct tide_option_finding place;
    rig_init(&rig);
    rig_give(&rig, "column", column);
    if (name != NULL) {
        RIG_GIVE_LIST(&rig, "names", "a", "b");
    }
    cr_assert_eq(rig_bind_fails(&rig, &tide_op_explode, LONGS, &err, &place), TIDE_ERR_INVALID);
    cr_assert(strstr(err.text, part) != NULL, "%s", err.text);
    rig_fini(&rig);
}

Test(explode, what_cannot_be_exploded_is_refused)
{
    check_refused("3", NULL, "column 3");
    check_refused("-1", NULL, "column -1");
    check_refused("0", NULL, "[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE]");
    check_refused("0", NULL, "\"STRING\"");
    check_refused("1", "a", "[UDTF_ALIAS_NUMBER_MISMATCH]");
}
