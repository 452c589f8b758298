/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress lines. The field names are those of Spark 4's StreamingQueryProgress.json; the figures
 * are worked out by hand.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "status/progress.h"

#define MS 1000000u

static struct tide_buf line;

static void
set_up(void)
{
    tide_buf_init(&line, tide_seam_real(), 1u << 20);
}

static void
tear_down(void)
{
    tide_buf_fini(&line);
}

TestSuite(progress, .init = set_up, .fini = tear_down);

static const char *
text_of(const struct tide_progress *now, const struct tide_progress *before, uint64_t wall_ns)
{
    tide_buf_clear(&line);
    cr_assert_eq(tide_status_progress_json(now, before, wall_ns, &line), 0);
    return tide_buf_text(&line);
}

Test(progress, whole_line)
{
    const struct tide_progress before = {.run_ns = 1000 * MS, .rows_in = 100, .rows_out = 50};
    const struct tide_progress now = {.name = "cards",
                                      .state = TIDE_ENGINE_RUNNING,
                                      .run_ns = 3000 * MS,
                                      .incarnation = 2,
                                      .epoch_committed = 41,
                                      .epoch_opened = 42,
                                      .epochs = 30,
                                      .epoch_p50_ns = 3500000,
                                      .epoch_p99_ns = 12345678,
                                      .epoch_max_ns = 20 * MS,
                                      .rows_in = 4100,
                                      .rows_out = 2050,
                                      .rejected = 3,
                                      .dead_letters = 2,
                                      .dropped = 1,
                                      .overdue = 7,
                                      .state_rows = 10,
                                      .state_bytes = 4096,
                                      .cpu_ns = 1500 * MS,
                                      .resident_bytes = 20000000,
                                      .restarts = 1};
    /* 2024-02-29T12:34:56.789Z, by date(1). */
    cr_expect_str_eq(
        text_of(&now, &before, 1709210096789000000u),
        "{\"name\":\"cards\",\"timestamp\":\"2024-02-29T12:34:56.789Z\",\"batchId\":41,"
        "\"batchDuration\":3,\"numInputRows\":4000,\"inputRowsPerSecond\":2000.0,"
        "\"processedRowsPerSecond\":2000.0,\"durationMs\":{\"triggerExecution\":3},"
        "\"stateOperators\":[{\"numRowsTotal\":10,\"memoryUsedBytes\":4096}],"
        "\"sources\":[{\"numInputRows\":4000,\"inputRowsPerSecond\":2000.0,"
        "\"processedRowsPerSecond\":2000.0}],\"sink\":{\"numOutputRows\":2000},"
        "\"tidemark\":{\"state\":\"running\",\"waiting\":null,\"runMs\":3000.0,\"incarnation\":2,"
        "\"epoch\":41,\"epochOpened\":42,\"epochs\":30,"
        "\"epochMs\":{\"p50\":3.5,\"p99\":12.345,\"max\":20.0},\"rowsIn\":4100,\"rowsOut\":2050,"
        "\"rejected\":3,\"deadLetters\":2,\"dropped\":1,\"overdue\":7,\"cpuSeconds\":1.5,"
        "\"rssBytes\":20000000,\"restarts\":1}}");
}

Test(progress, waiting_is_told_and_escaped)
{
    const struct tide_progress before = {.run_ns = 0};
    const struct tide_progress now = {
        .name = "a \"b\"", .state = TIDE_ENGINE_STARTING, .waiting = "broker a:1\nis away"};
    const char *text = text_of(&now, &before, 0);
    cr_expect_not_null(strstr(text, "\"name\":\"a \\\"b\\\"\""));
    cr_expect_not_null(strstr(text, "\"waiting\":\"broker a:1\\nis away\""));
    cr_expect_not_null(strstr(text, "\"state\":\"starting\""));
    cr_expect_not_null(strstr(text, "\"timestamp\":\"1970-01-01T00:00:00.000Z\""));
    cr_expect_null(strchr(text, '\n'), "a line is one line");
}

Test(progress, without_state_there_are_no_state_operators)
{
    const struct tide_progress none = {.name = "p", .state = TIDE_ENGINE_ENDED};
    cr_expect_not_null(strstr(text_of(&none, &none, 0), "\"stateOperators\":[]"));
    cr_expect_not_null(strstr(text_of(&none, &none, 0), "\"state\":\"ended\""));
}

Test(progress, no_time_gone_is_no_rate)
{
    const struct tide_progress now = {.name = "p", .run_ns = 5, .rows_in = 9};
    const struct tide_progress before = {.run_ns = 5};
    cr_expect_not_null(strstr(text_of(&now, &before, 0), "\"inputRowsPerSecond\":0.0"));
}

/* A restarted incarnation counts from zero again. */
Test(progress, counters_that_fell_are_no_negative_rows)
{
    const struct tide_progress now = {.name = "p", .run_ns = 2000 * MS, .rows_in = 10};
    const struct tide_progress before = {.run_ns = 1000 * MS, .rows_in = 500, .rows_out = 500};
    const char *text = text_of(&now, &before, 0);
    cr_expect_not_null(strstr(text, "\"numInputRows\":0,"));
    cr_expect_not_null(strstr(text, "\"numOutputRows\":0}"));
}

Test(progress, appends_behind_what_is_there)
{
    const struct tide_progress now = {.name = "p"};
    cr_assert_eq(tide_buf_append_text(&line, "before "), 0);
    cr_assert_eq(tide_status_progress_json(&now, &now, 0, &line), 0);
    cr_expect_eq(strncmp(tide_buf_text(&line), "before {\"name\"", 14), 0);
}

Test(progress, a_buffer_that_is_too_small_is_left_alone)
{
    struct tide_buf small;
    const struct tide_progress now = {.name = "p"};
    tide_buf_init(&small, tide_seam_real(), 100);
    cr_assert_eq(tide_status_progress_json(&now, &now, 0, &small), TIDE_ERR_LIMIT);
    cr_expect_eq(small.len, 0);
    tide_buf_fini(&small);
}
