/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: the table's promises, one writer's figures and their sums. */
#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/counters.h"

Test(counters, add_set_get_sum)
{
    static struct tide_counters a;
    static struct tide_counters b;
    const struct tide_counters *both[] = {&a, &b};
    tide_counters_init(&a);
    tide_counters_init(&b);
    tide_counters_add(&a, TIDE_COUNTER_ROWS_IN, 5);
    tide_counters_add(&a, TIDE_COUNTER_ROWS_IN, 2);
    tide_counters_add(&b, TIDE_COUNTER_ROWS_IN, 100);
    tide_counters_set(&b, TIDE_COUNTER_STATE_ROWS, 9);
    tide_counters_set(&b, TIDE_COUNTER_STATE_ROWS, 4);
    cr_assert_eq(tide_counters_get(&a, TIDE_COUNTER_ROWS_IN), 7);
    cr_assert_eq(tide_counters_get(&a, TIDE_COUNTER_ROWS_OUT), 0);
    cr_assert_eq(tide_counters_sum(both, 2, TIDE_COUNTER_ROWS_IN), 107);
    cr_assert_eq(tide_counters_sum(both, 2, TIDE_COUNTER_STATE_ROWS), 4);
    cr_assert_eq(tide_counters_sum(both, 0, TIDE_COUNTER_ROWS_IN), 0);
}

/* Names become metric names: [a-z][a-z0-9_]*, each once; units and help are there for the
 * reference. */
Test(counters, table_is_fit_for_metrics)
{
    for (int id = 0; id < TIDE_COUNTER_COUNT; id++) {
        const struct tide_counter_info *info = tide_counter_info((enum tide_counter)id);
        cr_assert(islower((unsigned char)info->name[0]));
        for (const char *c = info->name; *c != '\0'; c++) {
            cr_assert(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
        }
        cr_expect_gt(strlen(info->unit), 0);
        cr_expect_gt(strlen(info->help), 10);
        cr_expect_eq((int)tide_counter_find(info->name), id, "%s is there twice", info->name);
    }
    cr_assert_eq(tide_counter_find("rows_in"), TIDE_COUNTER_ROWS_IN);
    cr_assert_eq(tide_counter_find("rows_inn"), TIDE_COUNTER_COUNT);
    cr_assert_eq(tide_counter_info(TIDE_COUNTER_STATE_BYTES)->kind, TIDE_COUNTER_KIND_GAUGE);
    cr_assert_eq(tide_counter_info(TIDE_COUNTER_LATE)->kind, TIDE_COUNTER_KIND_COUNTER);
}

Test(counters, id_out_of_the_table_is_caught, .signal = SIGABRT)
{
    tide_counter_info(TIDE_COUNTER_COUNT);
}

Test(counters, whereabouts)
{
    struct tide_counters counters;
    tide_counters_init(&counters);
    struct tide_whereabouts at = tide_counters_where(&counters);
    cr_assert_eq(at.step, 0);
    cr_assert_eq(at.split, TIDE_WHEREABOUTS_NO_SPLIT);
    const struct tide_whereabouts places[] = {{1, 0}, {UINT32_MAX, 7}, {3, UINT32_MAX - 1}};
    for (size_t i = 0; i < 3; i++) {
        tide_counters_at(&counters, places[i]);
        at = tide_counters_where(&counters);
        cr_assert_eq(at.step, places[i].step);
        cr_assert_eq(at.split, places[i].split);
    }
    tide_counters_passed_set(&counters, UINT64_MAX - 1);
    cr_assert_eq(tide_counters_passed(&counters), UINT64_MAX - 1);
    cr_assert_eq(tide_counters_where(&counters).split, UINT32_MAX - 1);
}

/* A reader beside the writer never sees a counter fall, and in the end sees all of it. */
#define ADDS 200000u

static void *
counters_write(void *arg)
{
    for (unsigned i = 0; i < ADDS; i++) {
        tide_counters_add(arg, TIDE_COUNTER_STEPS, 3);
    }
    return NULL;
}

Test(counters, reader_beside_the_writer)
{
    static struct tide_counters counters;
    pthread_t writer;
    uint64_t before = 0;
    tide_counters_init(&counters);
    pthread_create(&writer, NULL, counters_write, &counters);
    while (before < 3u * ADDS) {
        uint64_t now = tide_counters_get(&counters, TIDE_COUNTER_STEPS);
        cr_assert_geq(now, before);
        before = now;
    }
    pthread_join(writer, NULL);
    cr_assert_eq(before, 3u * ADDS);
}
