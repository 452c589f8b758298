/* SPDX-License-Identifier: Apache-2.0 */
/* project: names, columns, rejections, and a writer that takes little at a time. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "operators/list.h"
#include "rig.h"

#define DDL "a INT, b STRING, c DOUBLE"

static void
put_row(struct rig *rig, int64_t a, const char *b, double c)
{
    rig_row(rig);
    rig_i64(rig, 0, a);
    rig_str(rig, 1, b);
    rig_f64(rig, 2, c);
    rig_commit(rig);
}

static void
check_field(const struct rig *rig, uint32_t f, const char *name, uint8_t type)
{
    cr_assert_str_eq(rig->out_schema->fields[f].name, name);
    cr_assert_eq(rig->out_schema->fields[f].type.id, type);
}

Test(project, computes_columns)
{
    struct rig rig;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "items", "a + 1 AS next", "b", "c * 2", "upper(b) AS u");
    rig_open(&rig, &tide_op_project, DDL);
    cr_assert_eq(rig.out_schema->n, 4);
    check_field(&rig, 0, "next", TIDE_TYPE_INT);
    check_field(&rig, 1, "b", TIDE_TYPE_STRING);
    check_field(&rig, 2, "(c * 2)", TIDE_TYPE_DOUBLE);
    check_field(&rig, 3, "u", TIDE_TYPE_STRING);
    cr_assert(rig.traits.deterministic && rig.traits.keeps_order);
    cr_assert(!rig.traits.stateful && !rig.traits.keyed);
    put_row(&rig, 41, "x", 1.5);
    rig_row(&rig);
    rig_null(&rig, 0);
    rig_str(&rig, 1, "");
    rig_null(&rig, 2);
    rig_commit(&rig);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_str_eq(rig_text(&rig, 0), "42|x|3|X");
    cr_assert_str_eq(rig_text(&rig, 1), "NULL||NULL|");
    cr_assert_eq(rig_hdr(&rig, 1)->offset, 1);
    cr_assert_eq(rig_hdr(&rig, 1)->split, RIG_SPLIT);
    cr_assert_eq(rig_hdr(&rig, 1)->derived, 0);
    cr_assert_eq(rig_hdr(&rig, 1)->ingest_ns, 1001);
    rig_fini(&rig);
}

Test(project, names_win_over_as)
{
    struct rig rig;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "items", "a AS own", "b AS kept", "c");
    RIG_GIVE_LIST(&rig, "names", "given", "", "d");
    rig_open(&rig, &tide_op_project, DDL);
    check_field(&rig, 0, "given", TIDE_TYPE_INT);
    check_field(&rig, 1, "kept", TIDE_TYPE_STRING);
    check_field(&rig, 2, "d", TIDE_TYPE_DOUBLE);
    rig_fini(&rig);
}

Test(project, names_behind_a_star)
{
    struct rig rig;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "items", "*", "a", "*", "b");
    RIG_GIVE_LIST(&rig, "names", "", "one", "", "two");
    rig_open(&rig, &tide_op_project, DDL);
    cr_assert_eq(rig.out_schema->n, 8);
    check_field(&rig, 2, "c", TIDE_TYPE_DOUBLE);
    check_field(&rig, 3, "one", TIDE_TYPE_INT);
    check_field(&rig, 4, "a", TIDE_TYPE_INT);
    check_field(&rig, 7, "two", TIDE_TYPE_STRING);
    put_row(&rig, 1, "x", 2);
    cr_assert(rig_feed(&rig));
    cr_assert_str_eq(rig_text(&rig, 0), "1|x|2|1|1|x|2|x");
    rig_fini(&rig);
}

Test(project, a_named_star_is_refused)
{
    struct rig rig;
    struct tide_error err;
    struct tide_option_finding place;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "items", "a", "*");
    RIG_GIVE_LIST(&rig, "names", "", "all");
    cr_assert_eq(rig_bind_fails(&rig, &tide_op_project, DDL, &err, &place), TIDE_ERR_INVALID);
    cr_assert_eq(place.item, 1);
    cr_assert(strstr(err.text, "3 columns") != NULL, "%s", err.text);
    rig_fini(&rig);
}

Test(project, an_error_points_into_its_item)
{
    struct rig rig;
    struct tide_error err;
    struct tide_option_finding place;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "items", "a", "1 + nowhere");
    cr_assert_eq(rig_bind_fails(&rig, &tide_op_project, DDL, &err, &place), TIDE_ERR_INVALID);
    cr_assert_str_eq(place.given->name, "items");
    cr_assert_eq(place.item, 1);
    cr_assert_eq(place.at, 4);
    cr_assert_eq(err.at, 4);
    cr_assert_eq(strncmp(err.text, "[UNRESOLVED_COLUMN", 18), 0, "%s", err.text);
    rig_fini(&rig);
}

/* Three rows of which the middle one fails. */
static bool
feed_failing(struct rig *rig, enum tide_reject policy)
{
    rig_init(rig);
    rig->expr.ansi = true;
    rig->policy = policy;
    RIG_GIVE_LIST(rig, "items", "CAST(b AS INT) AS n", "a");
    rig_open(rig, &tide_op_project, DDL);
    cr_assert(rig->traits.may_reject);
    put_row(rig, 1, "10", 0);
    put_row(rig, 2, "ten", 0);
    put_row(rig, 3, "30", 0);
    return rig_feed(rig);
}

Test(project, a_row_that_fails_is_skipped)
{
    struct rig rig;
    cr_assert(feed_failing(&rig, TIDE_REJECT_SKIP));
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_str_eq(rig_text(&rig, 0), "10|1");
    cr_assert_str_eq(rig_text(&rig, 1), "30|3");
    cr_assert_eq(rig.n_rejected, 1);
    cr_assert_eq(rig.rejected[0].offset, 1);
    cr_assert_str_eq(rig.rejected[0].error_class, "CAST_INVALID_INPUT");
    rig_fini(&rig);
}

Test(project, a_row_that_fails_becomes_nulls)
{
    struct rig rig;
    cr_assert(feed_failing(&rig, TIDE_REJECT_SETNULL));
    cr_assert_eq(rig_count(&rig), 3);
    cr_assert_str_eq(rig_text(&rig, 1), "NULL|NULL");
    cr_assert_eq(rig_hdr(&rig, 1)->offset, 1);
    cr_assert_eq(rig.n_rejected, 1);
    rig_fini(&rig);
}

/* The NULLs that stand for a row may have to wait, too: it is rejected once. */
Test(project, a_row_that_waits_is_rejected_once)
{
    struct rig rig;
    rig_init(&rig);
    rig.expr.ansi = true;
    rig.policy = TIDE_REJECT_SETNULL;
    rig.full_inherits = 1;
    RIG_GIVE_LIST(&rig, "items", "CAST(b AS INT) AS n");
    rig_open(&rig, &tide_op_project, DDL);
    put_row(&rig, 1, "10", 0);
    put_row(&rig, 2, "ten", 0);
    put_row(&rig, 3, "30", 0);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig.calls, 2);
    cr_assert_eq(rig.n_rejected, 1);
    cr_assert_eq(rig_count(&rig), 3);
    cr_assert_str_eq(rig_text(&rig, 1), "NULL");
    cr_assert_str_eq(rig_text(&rig, 2), "30");
    rig_fini(&rig);
}

Test(project, a_row_that_fails_ends_the_task)
{
    struct rig rig;
    cr_assert(!feed_failing(&rig, TIDE_REJECT_FAIL));
    cr_assert_eq(rig_count(&rig), 1);
    rig_fini(&rig);
}

Test(project, dead_letters_that_are_full_are_waited_for)
{
    struct rig rig;
    rig_init(&rig);
    rig.expr.ansi = true;
    rig.busy_rejects = 5;
    RIG_GIVE_LIST(&rig, "items", "CAST(b AS INT) AS n", "a");
    rig_open(&rig, &tide_op_project, DDL);
    put_row(&rig, 1, "10", 0);
    put_row(&rig, 2, "ten", 0);
    put_row(&rig, 3, "30", 0);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_eq(rig.n_rejected, 1);
    rig_fini(&rig);
}

/* Every size of writer gives the same rows in the same order. */
Test(project, resumes_at_every_row)
{
    for (uint32_t out_rows = 1; out_rows <= 64; out_rows += out_rows < 8 ? 1 : 7) {
        struct rig rig;
        char expected[64];
        rig_init(&rig);
        rig.out_rows = out_rows;
        rig.expr.ansi = true;
        rig.policy = TIDE_REJECT_SETNULL;
        RIG_GIVE_LIST(&rig, "items", "a", "concat(b, '-', b) AS bb", "CAST(b AS INT) AS n");
        rig_open(&rig, &tide_op_project, DDL);
        for (uint32_t i = 0; i < 300; i++) {
            char b[16];
            snprintf(b, sizeof(b), i % 10 == 9 ? "x%u" : "%u", i);
            put_row(&rig, i, b, 0);
        }
        cr_assert(rig_feed(&rig));
        cr_assert_eq(rig_count(&rig), 300);
        cr_assert_eq(rig.n_rejected, 30);
        for (uint32_t i = 0; i < 300; i++) {
            snprintf(expected, sizeof(expected), "%u|%u-%u|%u", i, i, i, i);
            cr_assert_str_eq(rig_text(&rig, i), i % 10 == 9 ? "NULL|NULL|NULL" : expected);
            cr_assert_eq(rig_hdr(&rig, i)->offset, i);
        }
        rig_fini(&rig);
    }
}

/* Long texts fill the writer's heap before its slots; evaluations stay in proportion. */
Test(project, resumes_when_the_heap_is_full)
{
    struct rig rig;
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = 0;
    rig_init(&rig);
    rig.out_heap_limit = 8000;
    RIG_GIVE_LIST(&rig, "items", "b", "concat(b, 'y') AS c");
    rig_open(&rig, &tide_op_project, DDL);
    for (uint32_t i = 0; i < 256; i++) {
        text[0] = (char)('a' + i % 26);
        put_row(&rig, i, text, 0);
    }
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 256);
    for (uint32_t i = 0; i < 256; i++) {
        cr_assert_eq(rig_text(&rig, i)[0], 'a' + (int)(i % 26));
        cr_assert_eq(strlen(rig_text(&rig, i)), 2002);
    }
    /* Three rows fit at a time. */
    cr_assert(rig.calls <= 90, "%u calls", rig.calls);
    cr_assert(rig.evaluated <= 256 * 4, "%u rows evaluated", rig.evaluated);
    rig_fini(&rig);
}

Test(project, a_row_over_the_limit_is_rejected)
{
    struct rig rig;
    char text[801];
    memset(text, 'x', 800);
    text[800] = 0;
    rig_init(&rig);
    rig.out_heap_limit = 1000;
    RIG_GIVE_LIST(&rig, "items", "b", "b AS again");
    rig_open(&rig, &tide_op_project, DDL);
    cr_assert(rig.traits.may_reject);
    put_row(&rig, 1, "small", 0);
    put_row(&rig, 2, text, 0);
    put_row(&rig, 3, "small", 0);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_eq(rig.n_rejected, 1);
    cr_assert_eq(rig.rejected[0].offset, 1);
    cr_assert_str_eq(rig.rejected[0].error_class, "RECORD_TOO_LARGE");
    rig_fini(&rig);
}

Test(project, nested_values_are_copied_whole)
{
    struct rig rig;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "items", "named_struct('x', a, 'y', split(b, ',')) AS s");
    rig_open(&rig, &tide_op_project, DDL);
    put_row(&rig, 5, "p,q", 0);
    put_row(&rig, 6, "", 0);
    cr_assert(rig_feed(&rig));
    cr_assert_str_eq(rig_text(&rig, 0), "(5,[p,q])");
    cr_assert_str_eq(rig_text(&rig, 1), "(6,[])");
    rig_fini(&rig);
}
