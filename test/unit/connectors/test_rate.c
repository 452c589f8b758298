/* SPDX-License-Identifier: Apache-2.0 */
/* The rate source: Spark's schedule, and rows that are the same in a replay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "list.h"
#include "rate/schedule.h"

#define MS UINT64_C(1000000)

static struct fake_host fake;
static struct tide_task task;
static struct tide_batchbuf rows;
static const struct tide_source *rate;
static void *bound, *shared, *self;

static void
setup(void)
{
    fake_host_init(&fake);
    rate = (const struct tide_source *)(const void *)fake_kind(&tide_rate_plugin, TIDE_KIND_SOURCE,
                                                               "rate");
}

static void
close_task(void)
{
    rate->k.task_close(self);
    fake_task_fini(&task);
    tide_batchbuf_fini(&rows);
    self = NULL;
}

static void
teardown(void)
{
    if (self != NULL) {
        close_task();
    }
    if (shared != NULL) {
        rate->k.close(shared);
    }
    if (bound != NULL) {
        rate->k.unbind(bound);
    }
    fake_host_fini(&fake);
}

TestSuite(rate, .init = setup, .fini = teardown);

static void
open_rate(void)
{
    struct tide_error err;
    cr_assert_eq(fake_bind(&fake, &rate->k, NULL, &bound, &err), 0, "%s", err.text);
    cr_assert_eq(rate->k.open(&fake.host, bound, &shared, &err), 0, "%s", err.text);
}

static void
open_task(uint32_t n)
{
    fake_task_init(&fake, &task);
    fake_writer_init(&fake, &rows, fake.traits.fields[0], fake.traits.n_fields[0], 0, n);
    self = fake_task_open(&rate->k, shared, &task, 0, 1);
}

static struct tide_bytes
start(const char *split, uint8_t *bytes)
{
    struct tide_bytes offset = {bytes, 256};
    struct tide_error err;
    cr_assert_eq(rate->start(shared, split, true, bytes, &offset.n, &err), 0, "%s", err.text);
    return offset;
}

static struct tide_bytes
position(uint32_t id, uint8_t *bytes)
{
    struct tide_bytes offset = {bytes, 256};
    bool reached;
    cr_assert_eq(rate->position(self, id, bytes, &offset.n, &reached), 0);
    return offset;
}

static enum tide_step
poll_once(void)
{
    tide_batchbuf_reset(&rows);
    return rate->poll(self, &rows.writer);
}

static void
pass(uint64_t ns)
{
    fake.wall_ns += ns;
    fake.mono_ns += ns;
}

/* Recorded from Spark 4.3 (RateStreamProvider.valueAtSecond). */
Test(rate, values_at_seconds)
{
    static const struct {
        int64_t rows_per_second, ramp_up_s, values[16];
    } cases[] = {
        {1, 0, {0, 1, 2, 3, 4, 5, -1}},
        {5, 0, {0, 5, 10, 15, 20, 25, -1}},
        {10, 5, {0, 1, 3, 6, 10, 15, 25, 35, 45, 55, 65, -1}},
        {100, 10, {0, 9, 27, 54, 90, 135, 189, 252, 324, 405, 495, 595, 695, 795, 895, 995}},
        {100, 3, {0, 25, 75, 150, 250, 350, 450, 550, 650, -1}},
        {7, 4, {0, 1, 3, 6, 10, 17, 24, 31, 38, 45, -1}},
        {5, 10, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 10, 15, 20, 25}},
        {1, 5, {0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, -1}},
        {1000, 4, {0, 200, 600, 1200, 2000, 3000, 4000, 5000, 6000, 7000, -1}},
        {3, 2, {0, 1, 3, 6, 9, 12, 15, 18, -1}},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        const struct tide_rate_schedule schedule = {cases[c].rows_per_second, cases[c].ramp_up_s};
        for (int64_t s = 0; s < 16 && cases[c].values[s] >= 0; s++) {
            cr_expect_eq(tide_rate_value_at(&schedule, s), cases[c].values[s], "%zu at %d", c,
                         (int)s);
        }
    }
}

/* Each value lies in the second whose rows it belongs to, found from anywhere. */
Test(rate, seconds_of_values)
{
    for (int64_t per_second = 1; per_second < 40; per_second += 3) {
        for (int64_t ramp = 0; ramp < 12; ramp++) {
            const struct tide_rate_schedule schedule = {per_second, ramp};
            struct tide_rate_second walk = {0};
            for (int64_t value = 0; value < 500; value++) {
                struct tide_rate_second jump = {0};
                tide_rate_find(&schedule, value, &walk);
                tide_rate_find(&schedule, value, &jump);
                cr_assert_eq(walk.second, jump.second);
                cr_assert_leq(tide_rate_value_at(&schedule, jump.second), value);
                cr_assert_gt(tide_rate_value_at(&schedule, jump.second + 1), value);
            }
        }
    }
}

/* Recorded from a run of Spark: 10 rows a second, ramp-up 5 s, started at .761 s. */
Test(rate, timestamps)
{
    static const int64_t expected_ms[] = {0,    1000, 1500, 2000, 2333, 2667, 3000, 3250, 3500,
                                          3750, 4000, 4200, 4400, 4600, 4800, 5000, 5100};
    const struct tide_rate_schedule schedule = {10, 5};
    struct tide_rate_second at = {0};
    for (int64_t value = 0; value < 17; value++) {
        tide_rate_find(&schedule, value, &at);
        cr_expect_eq(tide_rate_timestamp_ms(&at, value), expected_ms[value], "value %d",
                     (int)value);
    }
}

Test(rate, rows_come_when_they_are_due)
{
    uint8_t bytes[256];
    fake_give(&fake, "rowsPerSecond", "5");
    open_rate();
    open_task(64);
    cr_assert_eq(rate->assign(self, 1, "partition-0", start("partition-0", bytes), NULL), 0);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 1);
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "0");
    cr_expect_str_eq(fake_value(&rows, 0, "timestamp"), "1700000000000000");
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_eq(task.timer_at, fake.mono_ns + 200 * MS);
    pass(199 * MS);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    pass(1 * MS);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 1);
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "1");
    cr_expect_str_eq(fake_value(&rows, 0, "timestamp"), "1700000000200000");
    pass(10000 * MS);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 50);
    cr_expect_str_eq(fake_value(&rows, 49, "value"), "51");
}

Test(rate, partitions_share_the_values)
{
    uint8_t bytes[256];
    char seen[12] = {0};
    fake_give(&fake, "rowsPerSecond", "10");
    fake_give(&fake, "numPartitions", "3");
    open_rate();
    open_task(64);
    for (uint32_t i = 0; i < 3; i++) {
        char split[16];
        sprintf(split, "partition-%u", i);
        cr_assert_eq(rate->assign(self, i, split, start(split, bytes), NULL), 0);
    }
    pass(1100 * MS);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 12);
    struct tide_batch batch = tide_batchbuf_view(&rows);
    for (uint32_t i = 0; i < 12; i++) {
        const struct tide_rowhdr *hdr = tide_row_hdr(tide_batch_row(&batch, i));
        uint32_t value = (uint32_t)atoi(fake_value(&rows, i, "value"));
        seen[value]++;
        cr_expect_eq(hdr->split, value % 3);
        cr_expect_eq(hdr->offset, value / 3);
    }
    for (int i = 0; i < 12; i++) {
        cr_expect_eq(seen[i], 1);
    }
}

Test(rate, a_replay_gives_the_same_rows)
{
    uint8_t bytes[256], later[256];
    char first[64], second[64];
    struct tide_bytes offset;
    fake_give(&fake, "rowsPerSecond", "7");
    fake_give(&fake, "rampUpTime", "2s");
    open_rate();
    open_task(64);
    cr_assert_eq(rate->assign(self, 1, "partition-0", start("partition-0", bytes), NULL), 0);
    pass(2000 * MS);
    poll_once();
    offset = position(1, later);
    pass(3000 * MS);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    sprintf(first, "%s at %s", fake_value(&rows, 3, "value"), fake_value(&rows, 3, "timestamp"));
    close_task();
    rate->k.close(shared);
    pass(1000 * MS);
    struct tide_error err;
    cr_assert_eq(rate->k.open(&fake.host, bound, &shared, &err), 0);
    open_task(64);
    cr_assert_eq(rate->assign(self, 1, "partition-0", offset, NULL), 0);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    sprintf(second, "%s at %s", fake_value(&rows, 3, "value"), fake_value(&rows, 3, "timestamp"));
    cr_assert_str_eq(first, second);
}

Test(rate, a_full_writer_is_not_the_end)
{
    uint8_t bytes[256];
    int n = 0;
    fake_give(&fake, "rowsPerSecond", "1000");
    open_rate();
    open_task(16);
    cr_assert_eq(rate->assign(self, 1, "partition-0", start("partition-0", bytes), NULL), 0);
    pass(100 * MS);
    while (poll_once() == TIDE_STEP_MORE) {
        for (uint32_t i = 0; i < rows.writer.n; i++) {
            cr_assert_eq(atoi(fake_value(&rows, i, "value")), n++);
        }
    }
    cr_assert_eq(n, 101);
}

Test(rate, splits_and_lag)
{
    static const char *const splits[] = {"partition-0", "partition-1"};
    struct {
        struct fake_host *fake;
    } collector = {&fake};
    struct tide_bytes out[2];
    struct tide_error err;
    uint8_t bytes[256];
    char text[64];
    fake_give(&fake, "rowsPerSecond", "1000000000");
    fake_give(&fake, "numPartitions", "2");
    open_rate();
    cr_assert_eq(rate->discover(shared, (struct tide_split_sink *)(void *)&collector, &err), 0);
    cr_assert_eq(fake.n_splits, 2);
    cr_assert_str_eq(fake.splits[1], "partition-1");
    start("partition-0", bytes);
    pass(10000 * MS);
    cr_assert_eq(rate->latest(shared, splits, 2, out, &err), 0);
    cr_assert_gt(rate->offset_text(out[0], text, sizeof(text)), 0);
    cr_assert_str_eq(text, "5000000001 rows since 1700000000000 ms");
    cr_assert_eq(rate->latest(shared, splits, 2, out, &err), 0);
}

Test(rate, the_number_of_partitions_is_fixed)
{
    uint8_t bytes[256];
    struct tide_bytes offset;
    fake_give(&fake, "numPartitions", "2");
    open_rate();
    offset = start("partition-1", bytes);
    rate->k.close(shared);
    rate->k.unbind(bound);
    shared = bound = NULL;
    fake_forget(&fake);
    fake_give(&fake, "numPartitions", "3");
    open_rate();
    open_task(4);
    cr_assert_eq(rate->assign(self, 1, "partition-1", offset, NULL), TIDE_ERR_CHECKPOINT);
    cr_assert_not_null(strstr(task.fail_text, "numPartitions is 3"), "%s", task.fail_text);
}

Test(rate, options)
{
    static const struct {
        const char *name, *value;
    } bad[] = {{"rowsPerSecond", "0"}, {"rowsPerSecond", "-1"}, {"rowsPerSecond", "x"},
               {"rampUpTime", "-1s"},  {"rampUpTime", "soon"},  {"numPartitions", "0"},
               {"rowsPerSekond", "5"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tide_error err;
        void *none;
        fake_forget(&fake);
        fake_give(&fake, bad[i].name, bad[i].value);
        cr_expect_eq(fake_bind(&fake, &rate->k, NULL, &none, &err), TIDE_ERR_INVALID, "%s=%s",
                     bad[i].name, bad[i].value);
    }
}
