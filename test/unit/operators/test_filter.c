/* SPDX-License-Identifier: Apache-2.0 */
/* filter: three-valued conditions, their type, rejections, and a writer that takes little. */
#include <string.h>

#include <criterion/criterion.h>

#include "operators/list.h"
#include "rig.h"

#define DDL "a INT, b STRING, s ARRAY<DECIMAL(10,2)>"

static void
put_row(struct rig *rig, int64_t a, const char *b)
{
    rig_row(rig);
    rig_i64(rig, 0, a);
    rig_str(rig, 1, b);
    rig_null(rig, 2);
    rig_commit(rig);
}

Test(filter, keeps_what_is_true)
{
    struct rig rig;
    rig_init(&rig);
    rig_give(&rig, "condition", "a > 1");
    rig_open(&rig, &tide_op_filter, DDL);
    cr_assert_eq(rig.out_schema->n, 3);
    cr_assert_not(rig.traits.may_reject);
    cr_assert(rig.traits.keeps_order);
    put_row(&rig, 1, "one");
    put_row(&rig, 2, "two");
    rig_row(&rig);
    rig_null(&rig, 0);
    rig_str(&rig, 1, "none");
    rig_null(&rig, 2);
    rig_commit(&rig);
    put_row(&rig, 3, "three");
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_str_eq(rig_text(&rig, 0), "2|two|NULL");
    cr_assert_str_eq(rig_text(&rig, 1), "3|three|NULL");
    cr_assert_eq(rig_hdr(&rig, 1)->offset, 3);
    cr_assert_eq(rig.filtered, 2);
    rig_fini(&rig);
}

/* A NULL's value is whatever was there before it. */
Test(filter, null_is_never_true)
{
    struct rig rig;
    rig_init(&rig);
    rig_give(&rig, "condition", "a > 1");
    rig_open(&rig, &tide_op_filter, DDL);
    put_row(&rig, 5, "five");
    cr_assert(rig_feed(&rig));
    rig_row(&rig);
    rig_null(&rig, 0);
    rig_str(&rig, 1, "none");
    rig_null(&rig, 2);
    rig_commit(&rig);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 1);
    cr_assert_eq(rig.filtered, 1);
    rig_fini(&rig);
}

Test(filter, null_is_a_condition)
{
    struct rig rig;
    rig_init(&rig);
    rig_give(&rig, "condition", "NULL");
    rig_open(&rig, &tide_op_filter, DDL);
    put_row(&rig, 1, "one");
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 0);
    cr_assert_eq(rig.filtered, 1);
    rig_fini(&rig);
}

/* What Spark says of SELECT ... WHERE b, without its place. */
static void
check_refused(const char *condition, const char *message)
{
    struct rig rig;
    struct tide_error err;
    struct tide_option_finding place;
    rig_init(&rig);
    rig_give(&rig, "condition", condition);
    cr_assert_eq(rig_bind_fails(&rig, &tide_op_filter, DDL, &err, &place), TIDE_ERR_INVALID);
    cr_assert_str_eq(place.given->name, "condition");
    cr_assert_str_eq(err.text, message);
    rig_fini(&rig);
}

Test(filter, other_types_are_refused)
{
    check_refused("b", "[DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN] Cannot resolve \"b\" due to data "
                       "type mismatch: Filter expression \"b\" of type \"STRING\" is not a "
                       "boolean.");
    check_refused("s", "[DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN] Cannot resolve \"s\" due to data "
                       "type mismatch: Filter expression \"s\" of type \"ARRAY<DECIMAL(10,2)>\" is "
                       "not a boolean.");
}

Test(filter, an_error_points_into_the_condition)
{
    struct rig rig;
    struct tide_error err;
    struct tide_option_finding place;
    rig_init(&rig);
    rig_give(&rig, "condition", "a > nowhere");
    cr_assert_eq(rig_bind_fails(&rig, &tide_op_filter, DDL, &err, &place), TIDE_ERR_INVALID);
    cr_assert_eq(place.at, 4);
    cr_assert_eq(strncmp(err.text, "[UNRESOLVED_COLUMN", 18), 0, "%s", err.text);
    rig_fini(&rig);
}

static void
feed_failing(struct rig *rig, enum tide_reject policy, bool good)
{
    rig_init(rig);
    rig->expr.ansi = true;
    rig->policy = policy;
    rig->busy_rejects = 2;
    rig_give(rig, "condition", "CAST(b AS INT) > 0");
    rig_open(rig, &tide_op_filter, DDL);
    cr_assert(rig->traits.may_reject);
    put_row(rig, 1, "1");
    put_row(rig, 2, "two");
    put_row(rig, 3, "3");
    cr_assert_eq(rig_feed(rig), good);
}

Test(filter, a_condition_that_fails_leaves_its_row_out)
{
    static const enum tide_reject policies[] = {TIDE_REJECT_SKIP, TIDE_REJECT_SETNULL};
    for (uint32_t i = 0; i < 2; i++) {
        struct rig rig;
        feed_failing(&rig, policies[i], true);
        cr_assert_eq(rig_count(&rig), 2);
        cr_assert_eq(rig.n_rejected, 1);
        cr_assert_eq(rig.rejected[0].offset, 1);
        cr_assert_eq(rig.filtered, i, "NULL leaves a row out");
        rig_fini(&rig);
    }
}

Test(filter, a_condition_that_fails_ends_the_task)
{
    struct rig rig;
    feed_failing(&rig, TIDE_REJECT_FAIL, false);
    cr_assert_eq(rig_count(&rig), 1);
    rig_fini(&rig);
}

Test(filter, resumes_at_every_row)
{
    for (uint32_t out_rows = 1; out_rows < 12; out_rows++) {
        struct rig rig;
        rig_init(&rig);
        rig.out_rows = out_rows;
        rig_give(&rig, "condition", "a % 3 = 0");
        rig_open(&rig, &tide_op_filter, DDL);
        for (uint32_t i = 0; i < 500; i++) {
            put_row(&rig, i, "row");
        }
        cr_assert(rig_feed(&rig));
        cr_assert_eq(rig_count(&rig), 167);
        for (uint32_t i = 0; i < 167; i++) {
            cr_assert_eq(rig_hdr(&rig, i)->offset, 3 * i);
        }
        cr_assert_eq(rig.filtered, 333);
        rig_fini(&rig);
    }
}
