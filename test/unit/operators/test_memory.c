/* SPDX-License-Identifier: Apache-2.0 */
/* No memory, at each allocation of bind, open and task_open in turn: refused, and nothing left. */
#include <string.h>

#include <criterion/criterion.h>

#include "operators/list.h"
#include "rig.h"

#define DEAD_LETTER \
    "key BINARY, value BINARY, headers ARRAY<STRUCT<key: STRING, value: BINARY>>, topic STRING"

/* Binds, opens and opens a task with @left allocations; true: all went well. */
static bool
try_with(struct rig *rig, const struct tide_operator *kind, const char *ddl, long left)
{
    struct tide_error err = {.at = -1};
    rig_bind_prepare(rig, kind, ddl);
    atomic_store(&rig->fake.allocations_left, left);
    int rc = rig_bind(rig, &err);
    rc = rc != 0 ? rc : rig_open_task(rig, &err);
    atomic_store(&rig->fake.allocations_left, -1);
    cr_assert(rc == 0 || rc == TIDE_ERR_NOMEM, "%d: %s", rc, err.text);
    cr_assert(rc == 0 || err.code == TIDE_ERR_NOMEM);
    return rc == 0;
}

static void
check(const struct tide_operator *kind, const char *ddl, void (*give)(struct rig *))
{
    bool done = false;
    long left = 0;
    for (; !done; left++) {
        struct rig rig;
        rig_init(&rig);
        give(&rig);
        done = try_with(&rig, kind, ddl, left);
        rig_fini(&rig);
        cr_assert(left < 10000, "never succeeds");
    }
    cr_assert_gt(left, 3, "allocates nothing");
}

static void
give_project(struct rig *rig)
{
    RIG_GIVE_LIST(rig, "items", "*", "a + 1");
    RIG_GIVE_LIST(rig, "names", "", "b");
}

static void
give_filter(struct rig *rig)
{
    rig_give(rig, "condition", "a > 1");
}

static void
give_explode(struct rig *rig)
{
    rig_give(rig, "column", "1");
}

static void
give_aggregate(struct rig *rig)
{
    RIG_GIVE_LIST(rig, "keys", "a");
    RIG_GIVE_LIST(rig, "functions", "count");
    RIG_GIVE_LIST(rig, "arguments", "");
    RIG_GIVE_LIST(rig, "names", "n");
}

static void
give_dead_letter(struct rig *rig)
{
    rig_give(rig, "form", "kafka");
    rig_give(rig, "limit", "10");
}

Test(memory, project)
{
    check(&tide_op_project, "a INT", give_project);
}

Test(memory, filter)
{
    check(&tide_op_filter, "a INT", give_filter);
}

Test(memory, explode)
{
    check(&tide_op_explode, "a INT, b ARRAY<INT>", give_explode);
}

Test(memory, aggregate)
{
    check(&tide_op_aggregate, "a STRING", give_aggregate);
}

Test(memory, dead_letter)
{
    check(&tide_op_dead_letter, DEAD_LETTER, give_dead_letter);
}
