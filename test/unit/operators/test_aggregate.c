/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate: counts against a naive model, one row per changed group, versions, and resuming. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "operators/list.h"
#include "rig.h"

#define DDL "k STRING, n INT, x INT"

static void
open_counts(struct rig *rig)
{
    RIG_GIVE_LIST(rig, "keys", "k", "n % 10 AS d");
    RIG_GIVE_LIST(rig, "functions", "count", "count");
    RIG_GIVE_LIST(rig, "arguments", "", "x");
    RIG_GIVE_LIST(rig, "names", "rows", "xs");
    rig_open(rig, &tide_op_aggregate, DDL);
}

static void
put_row(struct rig *rig, const char *k, int64_t n, bool x)
{
    rig_row(rig);
    rig_str(rig, 0, k);
    rig_i64(rig, 1, n);
    if (!x) {
        rig_null(rig, 2);
    }
    rig_commit(rig);
}

Test(aggregate, what_it_tells_the_planner)
{
    struct rig rig;
    rig_init(&rig);
    open_counts(&rig);
    cr_assert_eq(rig.out_schema->n, 4);
    cr_assert_str_eq(rig.out_schema->fields[0].name, "k");
    cr_assert_str_eq(rig.out_schema->fields[1].name, "d");
    cr_assert_str_eq(rig.out_schema->fields[2].name, "rows");
    cr_assert_eq(rig.out_schema->fields[2].type.id, TIDE_TYPE_LONG);
    cr_assert_not(rig.out_schema->fields[2].nullable);
    cr_assert(rig.traits.stateful && rig.traits.keyed && rig.traits.deterministic);
    cr_assert_eq(rig.traits.output_modes, TIDE_OUTPUT_UPDATE);
    cr_assert_eq(rig.traits.state_version, 1);
    cr_assert_eq(rig.traits.max_parallel, 0);
    cr_assert_eq(rig.traits.n_key_exprs, 2);
    cr_assert_str_eq(rig.traits.key_exprs[1], "n % 10 AS d");
    rig_fini(&rig);
}

Test(aggregate, one_row_for_each_changed_group)
{
    struct rig rig;
    rig_init(&rig);
    open_counts(&rig);
    put_row(&rig, "a", 1, true);
    put_row(&rig, "b", 1, false);
    put_row(&rig, "a", 11, false);
    put_row(&rig, "a", 2, true);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 3);
    cr_assert_str_eq(rig_text(&rig, 0), "a|1|2|1");
    cr_assert_str_eq(rig_text(&rig, 1), "b|1|1|0");
    cr_assert_str_eq(rig_text(&rig, 2), "a|2|1|1");
    /* Where the group's last row came from. */
    cr_assert_eq(rig_hdr(&rig, 0)->offset, 2);
    cr_assert_eq(rig_hdr(&rig, 0)->ingest_ns, 1002);
    cr_assert_eq(rig_hdr(&rig, 0)->split, RIG_SPLIT);
    cr_assert_eq(rig_hdr(&rig, 0)->flags, TIDE_ROW_KEY_ONLY);
    rig_forget(&rig);
    put_row(&rig, "b", 21, true);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 1);
    cr_assert_str_eq(rig_text(&rig, 0), "b|1|2|1");
    rig_fini(&rig);
}

Test(aggregate, null_is_a_group)
{
    struct rig rig;
    rig_init(&rig);
    open_counts(&rig);
    for (uint32_t i = 0; i < 2; i++) {
        rig_row(&rig);
        rig_null(&rig, 0);
        rig_null(&rig, 1);
        rig_null(&rig, 2);
        rig_commit(&rig);
    }
    put_row(&rig, "", 0, true);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 2);
    cr_assert_str_eq(rig_text(&rig, 0), "NULL|NULL|2|0");
    cr_assert_str_eq(rig_text(&rig, 1), "|0|1|1");
    rig_fini(&rig);
}

Test(aggregate, no_keys_make_one_group)
{
    struct rig rig;
    rig_init(&rig);
    RIG_GIVE_LIST(&rig, "functions", "COUNT");
    RIG_GIVE_LIST(&rig, "arguments", "x");
    RIG_GIVE_LIST(&rig, "names", "xs");
    rig_open(&rig, &tide_op_aggregate, DDL);
    cr_assert_eq(rig.traits.max_parallel, 1);
    for (uint32_t i = 0; i < 10; i++) {
        put_row(&rig, "k", i, i % 2 == 0);
    }
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig_count(&rig), 1);
    cr_assert_str_eq(rig_text(&rig, 0), "5");
    rig_fini(&rig);
}

/* splitmix64: the same rows in every run. */
static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#define MODEL_KEYS 40u

struct model {
    uint64_t rows[MODEL_KEYS][10], xs[MODEL_KEYS][10];
    uint64_t random;
};

/* Feeds @n random rows to both. */
static void
feed_random(struct rig *rig, struct model *model, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        char key[16];
        uint64_t random = next_random(&model->random);
        uint32_t k = (uint32_t)(random % MODEL_KEYS);
        uint32_t d = (uint32_t)(random >> 32) % 1000;
        bool x = (random >> 60) % 2 != 0;
        snprintf(key, sizeof(key), "key-%u", k);
        put_row(rig, key, d, x);
        model->rows[k][d % 10]++;
        model->xs[k][d % 10] += x;
    }
    cr_assert(rig_feed(rig));
}

/* The newest row of each group says what the model says. */
static void
check_newest(struct rig *rig, const struct model *model)
{
    uint64_t rows[MODEL_KEYS][10] = {0}, xs[MODEL_KEYS][10] = {0};
    for (uint32_t i = 0; i < rig_count(rig); i++) {
        unsigned k, d;
        unsigned long long n_rows, n_xs;
        cr_assert_eq(sscanf(rig_text(rig, i), "key-%u|%u|%llu|%llu", &k, &d, &n_rows, &n_xs), 4);
        cr_assert_gt(n_rows, rows[k][d], "a group's rows only rise");
        rows[k][d] = n_rows;
        xs[k][d] = n_xs;
    }
    cr_assert_arr_eq(rows, model->rows, sizeof(rows));
    cr_assert_arr_eq(xs, model->xs, sizeof(xs));
}

Test(aggregate, counts_like_a_naive_model)
{
    for (uint32_t out_rows = 1; out_rows <= 256; out_rows *= 4) {
        struct rig rig;
        struct model model = {.random = out_rows};
        rig_init(&rig);
        rig.out_rows = out_rows;
        open_counts(&rig);
        for (uint32_t round = 0; round < 12; round++) {
            feed_random(&rig, &model, 1 + round * 53);
        }
        check_newest(&rig, &model);
        cr_assert_leq(rig_state_count(&rig), MODEL_KEYS * 10);
        rig_fini(&rig);
    }
}

Test(aggregate, goes_on_from_its_state)
{
    struct rig rig;
    struct model model = {.random = 5};
    rig_init(&rig);
    open_counts(&rig);
    feed_random(&rig, &model, 700);
    rig_reopen(&rig);
    feed_random(&rig, &model, 700);
    check_newest(&rig, &model);
    rig_fini(&rig);
}

/* What record ids are made of: a version of a group is the same whatever was taken together. */
Test(aggregate, versions_are_unique_and_the_same_in_a_replay)
{
    enum { ROWS = 300 };
    static uint64_t derived[2][ROWS];
    static char texts[2][ROWS][64];
    uint32_t n[2];
    for (uint32_t run = 0; run < 2; run++) {
        struct rig rig;
        rig_init(&rig);
        open_counts(&rig);
        for (uint32_t i = 0; i < ROWS; i++) {
            put_row(&rig, i % 3 == 0 ? "a" : "b", i % 2, true);
            /* The first run takes every row for itself, the second up to five together. */
            if (run == 0 || i % 5 == 4) {
                cr_assert(rig_feed(&rig));
            }
        }
        n[run] = rig_count(&rig);
        for (uint32_t i = 0; i < n[run]; i++) {
            derived[run][i] = rig_hdr(&rig, i)->derived;
            snprintf(texts[run][i], sizeof(texts[run][i]), "%s", rig_text(&rig, i));
        }
        rig_fini(&rig);
    }
    cr_assert_eq(n[0], ROWS);
    cr_assert_lt(n[1], ROWS);
    for (uint32_t i = 0; i < n[0]; i++) {
        cr_assert_neq(derived[0][i], 0);
        for (uint32_t k = 0; k < i; k++) {
            cr_assert_neq(derived[0][i], derived[0][k]);
        }
    }
    for (uint32_t i = 0; i < n[1]; i++) {
        uint32_t k = 0;
        while (k < n[0] && derived[0][k] != derived[1][i]) {
            k++;
        }
        cr_assert(k < n[0], "a version that the other run does not have");
        cr_assert_str_eq(texts[1][i], texts[0][k]);
    }
}

/* 300 keys of a kilobyte: more than are kept at a time, and more than the writer takes. */
Test(aggregate, long_keys_are_taken_a_few_at_a_time)
{
    struct rig rig;
    char key[400];
    memset(key, 'x', sizeof(key));
    key[sizeof(key) - 1] = 0;
    rig_init(&rig);
    rig.out_heap_limit = 4000;
    open_counts(&rig);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 300; i++) {
            snprintf(key, 8, "%07u", i);
            key[7] = 'x';
            put_row(&rig, key, 0, true);
        }
        cr_assert(rig_feed(&rig));
        cr_assert_eq(rig_count(&rig), 300 * (round + 1));
    }
    for (uint32_t i = 0; i < 600; i++) {
        cr_assert_eq((uint32_t)strtoul(rig_text(&rig, i), NULL, 10), i % 300);
        cr_assert_str_eq(strchr(rig_text(&rig, i), '|'), i < 300 ? "|0|1|1" : "|0|2|2");
    }
    rig_fini(&rig);
}

Test(aggregate, a_key_over_the_limit_is_rejected)
{
    struct rig rig;
    static char key[4101];
    memset(key, 'x', 4100);
    rig_init(&rig);
    rig.busy_rejects = 2;
    open_counts(&rig);
    cr_assert(rig.traits.may_reject);
    put_row(&rig, "a", 1, true);
    put_row(&rig, key, 1, true);
    put_row(&rig, "a", 1, true);
    cr_assert(rig_feed(&rig));
    cr_assert_eq(rig.n_rejected, 1);
    cr_assert_eq(rig.rejected[0].offset, 1);
    cr_assert_str_eq(rig.rejected[0].error_class, "RECORD_TOO_LARGE");
    cr_assert_str_eq(rig_text(&rig, rig_count(&rig) - 1), "a|1|2|2");
    rig_fini(&rig);
}

/* Keys and arguments that fail under ANSI. */
static void
feed_failing(struct rig *rig, enum tide_reject policy, bool good)
{
    rig_init(rig);
    rig->expr.ansi = true;
    rig->policy = policy;
    rig->busy_rejects = 1;
    RIG_GIVE_LIST(rig, "keys", "CAST(k AS INT) AS key");
    RIG_GIVE_LIST(rig, "functions", "count", "count");
    RIG_GIVE_LIST(rig, "arguments", "", "10 div n");
    RIG_GIVE_LIST(rig, "names", "rows", "quotients");
    rig_open(rig, &tide_op_aggregate, DDL);
    cr_assert(rig->traits.may_reject);
    put_row(rig, "1", 5, true);
    put_row(rig, "one", 5, true);
    put_row(rig, "1", 0, true);
    put_row(rig, "none", 0, true);
    put_row(rig, "1", 2, true);
    cr_assert_eq(rig_feed(rig), good);
}

Test(aggregate, rows_that_fail_are_left_out)
{
    struct rig rig;
    feed_failing(&rig, TIDE_REJECT_SKIP, true);
    cr_assert_eq(rig.n_rejected, 3);
    cr_assert_str_eq(rig.rejected[0].error_class, "CAST_INVALID_INPUT");
    cr_assert_str_eq(rig.rejected[1].error_class, "DIVIDE_BY_ZERO");
    cr_assert_eq(rig.rejected[2].offset, 3);
    cr_assert_str_eq(rig_text(&rig, rig_count(&rig) - 1), "1|2|2");
    cr_assert_eq(rig_state_count(&rig), 1);
    rig_fini(&rig);
}

/* A row that has lost its argument keeps its key. */
Test(aggregate, rows_that_fail_count_as_null)
{
    struct rig rig;
    feed_failing(&rig, TIDE_REJECT_SETNULL, true);
    cr_assert_eq(rig.n_rejected, 3);
    cr_assert_eq(rig_state_count(&rig), 2);
    const uint8_t null_key[] = {0};
    const uint8_t one_key[] = {1, 1, 0, 0, 0};
    cr_assert_eq(rig_state(&rig, null_key, 1)[1], 2);
    cr_assert_eq(rig_state(&rig, null_key, 1)[2], 1);
    cr_assert_eq(rig_state(&rig, one_key, 5)[1], 3);
    cr_assert_eq(rig_state(&rig, one_key, 5)[2], 2);
    rig_fini(&rig);
}

Test(aggregate, rows_that_fail_end_the_task)
{
    struct rig rig;
    feed_failing(&rig, TIDE_REJECT_FAIL, false);
    rig_fini(&rig);
}

struct refusal {
    const char *key, *function, *argument;
    int code;
    const char *option, *part;
};

Test(aggregate, what_cannot_be_done_is_refused)
{
    static const struct refusal refusals[] = {
        {"nowhere", "count", "", TIDE_ERR_INVALID, "keys", "[UNRESOLVED_COLUMN"},
        {"k", "count", "nowhere", TIDE_ERR_INVALID, "arguments", "[UNRESOLVED_COLUMN"},
        {"*", "count", "", TIDE_ERR_INVALID, "keys", "star"},
        {"k", "count", "*", TIDE_ERR_INVALID, "arguments", "star"},
        {"k", "sum", "n", TIDE_ERR_UNSUPPORTED, "functions", "sum is not in this version"},
        {"map(k, n)", "count", "", TIDE_ERR_UNSUPPORTED, "keys", "MAP"},
        {"array(map(k, n))", "count", "", TIDE_ERR_UNSUPPORTED, "keys", "MAP"},
    };
    for (uint32_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        struct rig rig;
        struct tide_error err;
        struct tide_option_finding place;
        rig_init(&rig);
        rig_give_list(&rig, "keys", &refusal->key, 1);
        rig_give_list(&rig, "functions", &refusal->function, 1);
        rig_give_list(&rig, "arguments", &refusal->argument, 1);
        RIG_GIVE_LIST(&rig, "names", "n");
        int rc = rig_bind_fails(&rig, &tide_op_aggregate, DDL, &err, &place);
        cr_assert_eq(rc, refusal->code, "%s", err.text);
        cr_assert_str_eq(place.given->name, refusal->option);
        cr_assert(strstr(err.text, refusal->part) != NULL, "%s", err.text);
        rig_fini(&rig);
    }
}
