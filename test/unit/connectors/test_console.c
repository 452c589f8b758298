/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console sink against what Spark printed (test/oracle/console), byte for byte.
 *
 * Values whose text is the host's business (times, decimals) are texts here; the drawing around
 * them is the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "console/output.h"
#include "data/value.h"
#include "fake_host.h"
#include "list.h"

static struct fake_host fake;
static struct tide_task task;
static struct tide_batchbuf rows;
static const struct tide_sink *console;
static void *bound, *shared, *self;
static char printed[1 << 16];
static size_t printed_n;
static int write_result;

static int
output_write(void *ctx, const char *p, size_t n)
{
    (void)ctx;
    cr_assert_lt(printed_n + n, sizeof(printed));
    memcpy(printed + printed_n, p, n);
    printed_n += n;
    printed[printed_n] = '\0';
    return write_result;
}

static const struct tide_console_output output = {
    .abi = TIDE_ABI_VERSION, .size = sizeof(output), .write = output_write};

static void
setup(void)
{
    fake_host_init(&fake);
    console = (const struct tide_sink *)(const void *)fake_kind(&tide_console_plugin,
                                                                TIDE_KIND_SINK, "console");
    fake_extend(&fake, TIDE_CONSOLE_OUTPUT_EXTENSION, &output);
}

static void
teardown(void)
{
    if (self != NULL) {
        fake_task_stop(&task);
        console->k.task_close(self);
        fake_task_fini(&task);
        tide_batchbuf_fini(&rows);
        console->k.close(shared);
        console->k.unbind(bound);
    }
    fake_host_fini(&fake);
}

TestSuite(console, .init = setup, .fini = teardown);

static void
open_console(const char *ddl)
{
    const struct tide_schema *schema;
    struct tide_error err;
    cr_assert_eq(fake_bind(&fake, &console->k, ddl, &bound, &err), 0, "%s", err.text);
    cr_assert_eq(console->k.open(&fake.host, bound, &shared, &err), 0);
    fake_task_init(&fake, &task);
    self = fake_task_open(&console->k, shared, &task, 0, 1);
    cr_assert_eq(tide_schema_parse(fake.schemas, ddl, &schema, &err), 0, "%s", err.text);
    fake_writer_init(&fake, &rows, schema->fields, schema->n, 0, 64);
}

static struct tide_cell
text(const char *p)
{
    struct tide_cell cell = {.null = p == NULL};
    if (p != NULL) {
        cr_assert(
            tide_build_bytes(&rows.writer, (struct tide_bytes){p, (uint32_t)strlen(p)}, &cell));
    }
    return cell;
}

static struct tide_cell
number(int64_t value)
{
    return (struct tide_cell){.i64 = value};
}

static struct tide_cell
real(double value)
{
    return (struct tide_cell){.f64 = value};
}

static struct tide_cell
nothing(void)
{
    return (struct tide_cell){.null = true};
}

/* A row of cells that were built since row_begin. */
static uint8_t *
row_begin(void)
{
    return tide_writer_row(&rows.writer);
}

static void
row_end(uint8_t *slot, const struct tide_cell *cells)
{
    for (uint32_t i = 0; i < rows.writer.schema->n; i++) {
        tide_slot_set_cell(rows.writer.schema, slot, i, &cells[i]);
    }
    tide_writer_commit(&rows.writer);
}

static void
row_text(const char *value)
{
    uint8_t *slot = row_begin();
    const struct tide_cell cell = text(value);
    row_end(slot, &cell);
}

static void
row_text_number(const char *value, int64_t n)
{
    uint8_t *slot = row_begin();
    const struct tide_cell cells[] = {text(value), number(n)};
    row_end(slot, cells);
}

static void
write_rows(void)
{
    struct tide_batch batch = tide_batchbuf_view(&rows);
    struct tide_error err;
    uint32_t consumed = 0;
    cr_assert_eq(tide_batch_check(rows.writer.schema, &batch, &err), 0, "%s", err.text);
    cr_assert_eq(console->write(self, &batch, &consumed), TIDE_STEP_MORE);
    cr_assert_eq(consumed, batch.n);
    tide_batchbuf_reset(&rows);
}

static void
marker(uint64_t epoch)
{
    cr_assert_eq(console->on_marker(self, epoch, (struct tide_seal){1, epoch}, 0), TIDE_STEP_DONE);
}

/* Ends the epoch and lets the write through. */
static void
epoch(uint64_t number_)
{
    write_rows();
    marker(number_);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(console->advance(self), TIDE_STEP_MORE);
}

static void
expect_oracle(const char *name)
{
    static char expected[1 << 16];
    char path[512];
    size_t n;
    snprintf(path, sizeof(path), "%s/%s.txt", ORACLE_CONSOLE, name);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    n = fread(expected, 1, sizeof(expected) - 1, file);
    fclose(file);
    expected[n] = '\0';
    cr_assert_eq(n, printed_n, "\n%s\nis not\n%s", printed, expected);
    cr_assert_arr_eq(printed, expected, n, "\n%s\nis not\n%s", printed, expected);
}

/* ---- drawings ---- */

static const char *const width_rows[] = {
    "",
    "a",
    "ab",
    "abc",
    "xxxxxxxxxxxxxxxxxxx",
    "yyyyyyyyyyyyyyyyyyyy",
    "zzzzzzzzzzzzzzzzzzzzz",
    "中中中中中",
    "中中中中中中中中中中中中中中中中中中中",
    "中中中中中中中中中中中中中中中中中中中中",
    "中中中中中中中中中中中中中中中中中中中中中",
    "😀😀",
    "e\u0301",
    "tab\there",
    "ｆｕｌｌ",
    "ﾊﾝｶｸ",
    "한글",
    "é",
};
static const int64_t width_lengths[] = {0, 1, 2, 3, 19, 20, 21, 5, 19, 20, 21, 2, 2, 8, 4, 4, 2, 1};

static void
draw_widths(const char *truncate)
{
    fake_give(&fake, "truncate", truncate);
    fake_give(&fake, "numRows", "50");
    open_console("value STRING, n INT");
    for (size_t i = 0; i < sizeof(width_rows) / sizeof(width_rows[0]); i++) {
        row_text_number(width_rows[i], width_lengths[i]);
    }
    epoch(1);
}

Test(console, widths_cut)
{
    draw_widths("true");
    expect_oracle("widths-truncate-true");
}

Test(console, widths_whole)
{
    draw_widths("false");
    expect_oracle("widths-truncate-false");
}

Test(console, control_characters)
{
    fake_give(&fake, "truncate", "false");
    open_console("s STRING, n INT");
    row_text_number("a\nb", 1);
    row_text_number("c\rd", 2);
    uint8_t *slot = row_begin();
    struct tide_cell cells[2] = {{0}, number(3)};
    cr_assert(tide_build_bytes(&rows.writer, (struct tide_bytes){"e\tf\0g", 5}, &cells[0]));
    row_end(slot, cells);
    row_text_number("\033[1m", 4);
    epoch(1);
    expect_oracle("newline-in-cell");
}

/* Values of the oracle's case; timestamps, dates and decimals as texts. */
static void
draw_nested(const char *truncate)
{
    static const char *const values[] = {"ab", "中"};
    fake_give(&fake, "truncate", truncate);
    open_console("a ARRAY<STRING>, m MAP<STRING, ARRAY<INT>>, "
                 "st STRUCT<p: STRING, q: STRUCT<r: INT>>, ast ARRAY<STRUCT<v: STRING>>, "
                 "mm MAP<STRING, MAP<STRING, BINARY>>, da ARRAY<DOUBLE>, ta ARRAY<STRING>, "
                 "dda ARRAY<STRING>, dec ARRAY<STRING>");
    const struct tide_field *fields = rows.writer.schema->fields;
    struct tide_writer *writer = &rows.writer;
    for (int i = 0; i < 2; i++) {
        uint8_t *slot = row_begin();
        struct tide_cell cells[9] = {{0}}, inner;
        const struct tide_cell a[] = {text(values[i]), nothing(), text("z")};
        cr_assert(tide_build_array(writer, &fields[0].type, a, 3, &cells[0].ref));
        const struct tide_cell numbers[] = {number(1), number(2)};
        cr_assert(
            tide_build_array(writer, &fields[1].type.children[1].type, numbers, 2, &inner.ref));
        inner.null = false;
        const struct tide_cell entry[] = {text(values[i]), inner};
        cr_assert(tide_build_map(writer, &fields[1].type, entry, 1, &cells[1].ref));
        const struct tide_cell none = nothing();
        cr_assert(tide_build_struct(writer, &fields[2].type.children[1].type, &none, &inner.ref));
        const struct tide_cell st[] = {text(values[i]), inner};
        cr_assert(tide_build_struct(writer, &fields[2].type, st, &cells[2].ref));
        const struct tide_cell v = text(values[i]);
        cr_assert(tide_build_struct(writer, &fields[3].type.children[0].type, &v, &inner.ref));
        cr_assert(tide_build_array(writer, &fields[3].type, &inner, 1, &cells[3].ref));
        const struct tide_cell deep[] = {text("i"), text(values[i])};
        cr_assert(tide_build_map(writer, &fields[4].type.children[1].type, deep, 1, &inner.ref));
        const struct tide_cell outer[] = {text("k"), inner};
        cr_assert(tide_build_map(writer, &fields[4].type, outer, 1, &cells[4].ref));
        const struct tide_cell doubles[] = {real(1.5), nothing()};
        cr_assert(tide_build_array(writer, &fields[5].type, doubles, 2, &cells[5].ref));
        const struct tide_cell ta = text("2024-01-01 00:00:00.5"), dda = text("2024-01-01"),
                               dec = text("1.50");
        cr_assert(tide_build_array(writer, &fields[6].type, &ta, 1, &cells[6].ref));
        cr_assert(tide_build_array(writer, &fields[7].type, &dda, 1, &cells[7].ref));
        cr_assert(tide_build_array(writer, &fields[8].type, &dec, 1, &cells[8].ref));
        row_end(slot, cells);
    }
    epoch(1);
}

Test(console, nested_cut)
{
    draw_nested("true");
    expect_oracle("nested-truncate-true");
}

Test(console, nested_whole)
{
    draw_nested("false");
    expect_oracle("nested-truncate-false");
}

/* Fields of 16 bytes are aligned inside of structs, arrays and maps. */
Test(console, wide_decimals)
{
    fake_give(&fake, "truncate", "false");
    open_console("s STRUCT<a: INT, d: DECIMAL(38,0), b: INT>, a ARRAY<DECIMAL(30,0)>, "
                 "m MAP<INT, DECIMAL(30,0)>, d DECIMAL(5,2), n MAP<DECIMAL(30,0), INT>");
    const struct tide_field *fields = rows.writer.schema->fields;
    struct tide_writer *writer = &rows.writer;
    uint8_t *slot = row_begin();
    struct tide_cell cells[5] = {{0}};
    const struct tide_cell wide = {.i128 = 7};
    const struct tide_cell s[] = {number(1), wide, number(2)};
    const struct tide_cell a[] = {wide, nothing(), wide};
    const struct tide_cell m[] = {number(1), wide, number(2), nothing(), number(3), wide};
    const struct tide_cell n[] = {wide, number(5)};
    cr_assert(tide_build_struct(writer, &fields[0].type, s, &cells[0].ref));
    cr_assert(tide_build_array(writer, &fields[1].type, a, 3, &cells[1].ref));
    cr_assert(tide_build_map(writer, &fields[2].type, m, 3, &cells[2].ref));
    cells[3].i128 = 123;
    cr_assert(tide_build_map(writer, &fields[4].type, n, 1, &cells[4].ref));
    row_end(slot, cells);
    epoch(1);
    cr_assert_not_null(strstr(printed, "|{1, 7e-0, 2}|[7e-0, NULL, 7e-0]|"
                                       "{1 -> 7e-0, 2 -> NULL, 3 -> 7e-0}|123e-2|{7e-0 -> 5}|"),
                       "%s", printed);
}

/* ---- rows and batches ---- */

Test(console, no_row_shown)
{
    fake_give(&fake, "numRows", "0");
    open_console("value STRING");
    row_text("p");
    row_text("q");
    epoch(1);
    expect_oracle("numrows-zero");
}

Test(console, one_row_shown)
{
    fake_give(&fake, "numRows", "1");
    open_console("value STRING");
    row_text("only");
    row_text("hidden");
    epoch(1);
    expect_oracle("numrows-one");
}

Test(console, some_rows_shown)
{
    char value[16];
    fake_give(&fake, "numRows", "3");
    fake_give(&fake, "truncate", "false");
    open_console("value STRING");
    for (int i = 0; i < 6; i++) {
        sprintf(value, "row %d", i);
        row_text(value);
        write_rows();
    }
    epoch(1);
    expect_oracle("numrows-option");
}

Test(console, headers_are_never_cut)
{
    open_console("v STRING, a_header_with_more_than_twenty_characters STRING, e STRING, n INT");
    for (int i = 0; i < 2; i++) {
        uint8_t *slot = row_begin();
        const char *letter = i == 0 ? "a" : "b";
        const struct tide_cell cells[] = {text(letter), text(letter), text(""), number(1)};
        row_end(slot, cells);
    }
    epoch(1);
    expect_oracle("one-wide-column");
}

Test(console, narrow_truncation)
{
    fake_give(&fake, "truncate", "3");
    open_console("value STRING");
    row_text("abcdef");
    row_text("a😀b");
    row_text("ab😀");
    epoch(1);
    cr_assert_not_null(strstr(printed, "|  abc|\n|  a😀|\n|  ab?|\n"), "%s", printed);
}

/* One table an epoch with rows, numbered as they are printed. */
Test(console, epochs_without_rows_print_nothing)
{
    open_console("value STRING");
    marker(1);
    cr_assert_eq(task.n_durable, 1);
    row_text("a");
    epoch(2);
    marker(3);
    row_text("b");
    epoch(4);
    cr_assert_eq(task.n_durable, 4);
    cr_assert_not_null(strstr(printed, "Batch: 0\n"));
    cr_assert_not_null(strstr(printed, "Batch: 1\n"));
    cr_assert_null(strstr(printed, "Batch: 2\n"));
    cr_assert_eq(console->advance(self), TIDE_STEP_IDLE);
}

Test(console, an_epoch_is_durable_when_it_is_written)
{
    open_console("value STRING");
    row_text("a");
    write_rows();
    marker(1);
    cr_assert_eq(task.n_durable, 0);
    cr_assert_eq(console->advance(self), TIDE_STEP_PENDING);
    row_text("b");
    write_rows();
    cr_assert_eq(console->on_marker(self, 2, (struct tide_seal){1, 2}, 0), TIDE_STEP_PENDING,
                 "the table before is on its way");
    fake.mono_ns += 1000000000u;
    cr_assert_eq(console->advance(self), TIDE_STEP_WAITING);
    cr_assert_str_eq(task.waiting, "nobody reads standard output");
    fake_jobs_run(&task);
    cr_assert(fake_task_wait(&task, 0));
    cr_assert_eq(console->advance(self), TIDE_STEP_MORE);
    cr_assert_str_eq(task.waiting, "");
    cr_assert_eq(task.n_durable, 1);
    marker(2);
    fake_jobs_run(&task);
    console->advance(self);
    cr_assert_eq(task.n_durable, 2);
}

Test(console, a_write_that_fails_stops_the_pipeline)
{
    open_console("value STRING");
    row_text("a");
    write_rows();
    marker(1);
    write_result = 32; /* EPIPE */
    fake_jobs_run(&task);
    cr_assert_eq(console->advance(self), TIDE_STEP_FAILED);
    cr_assert_not_null(strstr(task.fail_text, "standard output"), "%s", task.fail_text);
    cr_assert_eq(task.n_durable, 0);
}

Test(console, standard_output)
{
    char text_[256] = "";
    int pipes[2], saved = dup(STDOUT_FILENO);
    fake.extension_names[0] = NULL;
    cr_assert_eq(pipe(pipes), 0);
    open_console("value STRING");
    row_text("a");
    write_rows();
    marker(1);
    fflush(stdout);
    dup2(pipes[1], STDOUT_FILENO);
    fake_jobs_run(&task);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    cr_assert_gt(read(pipes[0], text_, sizeof(text_) - 1), 0);
    cr_assert_not_null(strstr(text_, "Batch: 0\n"), "%s", text_);
    cr_assert_not_null(strstr(text_, "|    a|\n"), "%s", text_);
    close(pipes[0]);
    close(pipes[1]);
}

Test(console, options)
{
    static const struct {
        const char *name, *value;
    } bad[] = {{"truncate", "maybe"}, {"truncate", "-1"}, {"numRows", "-1"}, {"numRows", "many"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tide_error err;
        void *none;
        fake_forget(&fake);
        fake_give(&fake, bad[i].name, bad[i].value);
        cr_expect_eq(fake_bind(&fake, &console->k, "a INT", &none, &err), TIDE_ERR_INVALID, "%s=%s",
                     bad[i].name, bad[i].value);
    }
}
