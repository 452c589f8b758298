/* SPDX-License-Identifier: Apache-2.0 */
/* The sinks noop and memory, the source memory, and what is true of every connector. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "list.h"
#include "memory/store.h"

static const struct tide_plugin *const plugins[] = {&tide_console_plugin, &tide_kafka_plugin,
                                                    &tide_memory_plugin,  &tide_noop_plugin,
                                                    &tide_rate_plugin,    &tide_socket_plugin};

static struct fake_host fake;

static void
setup(void)
{
    fake_host_init(&fake);
}

static void
teardown(void)
{
    fake_host_fini(&fake);
}

TestSuite(connectors, .init = setup, .fini = teardown);

static void
kind_check(const struct tide_kind *kind)
{
    cr_expect_eq(kind->abi, TIDE_ABI_VERSION);
    cr_expect_not_null(kind->bind, "%s", kind->name);
    cr_expect_not_null(kind->unbind, "%s", kind->name);
    cr_expect_not_null(kind->open, "%s", kind->name);
    cr_expect_not_null(kind->close, "%s", kind->name);
    cr_expect_not_null(kind->task_open, "%s", kind->name);
    cr_expect_not_null(kind->task_close, "%s", kind->name);
    cr_expect_eq(kind->doc[strlen(kind->doc) - 1], '.', "%s: %s", kind->name, kind->doc);
    for (const struct tide_option *option = kind->options; option->name != NULL; option++) {
        size_t n = option->doc == NULL ? 0 : strlen(option->doc);
        cr_expect(n > 0 && option->doc[n - 1] == '.', "%s.%s has no sentence", kind->name,
                  option->name);
    }
}

Test(connectors, tables_are_whole)
{
    for (size_t p = 0; p < sizeof(plugins) / sizeof(plugins[0]); p++) {
        cr_expect_str_eq(plugins[p]->license, "Apache-2.0");
        for (uint32_t k = 0; k < plugins[p]->n_kinds; k++) {
            const struct tide_kind *kind = plugins[p]->kinds[k];
            kind_check(kind);
            cr_expect_eq(kind->size, kind->type == TIDE_KIND_SOURCE ? sizeof(struct tide_source)
                                                                    : sizeof(struct tide_sink));
        }
    }
}

Test(connectors, noop_takes_rows_and_is_durable)
{
    const struct tide_kind *kind = fake_kind(&tide_noop_plugin, TIDE_KIND_SINK, "noop");
    const struct tide_sink *noop = (const struct tide_sink *)(const void *)kind;
    const struct tide_batch batch = {.n = 17};
    struct tide_task task;
    struct tide_error err;
    void *bound, *shared, *self;
    uint32_t consumed = 0;
    cr_assert_eq(fake_bind(&fake, kind, "a INT", &bound, &err), 0);
    cr_assert_eq(kind->open(&fake.host, bound, &shared, &err), 0);
    fake_task_init(&fake, &task);
    self = fake_task_open(kind, shared, &task, 0, 1);
    cr_assert_eq(noop->write(self, &batch, &consumed), TIDE_STEP_MORE);
    cr_assert_eq(consumed, 17);
    cr_assert_eq(noop->on_marker(self, 4, (struct tide_seal){2, 5}, 0), TIDE_STEP_DONE);
    cr_assert_eq(task.n_durable, 1);
    cr_assert_eq(task.durable[0].epoch, 5);
    kind->task_close(self);
    fake_task_fini(&task);
    kind->close(shared);
    kind->unbind(bound);
}

/* ---- memory ---- */

static struct {
    const char *lines[8];
    uint64_t n, forgotten;
    tide_memory_wake_fn *wake;
    struct tide_task *task;
    const char *name;
} feed;

static struct tide_memory_feed *
store_feed(void *self, const char *name)
{
    (void)self;
    feed.name = name;
    return strcmp(name, "nobody") == 0 ? NULL : (struct tide_memory_feed *)(void *)&feed;
}

static bool
store_line(struct tide_memory_feed *lines, uint64_t number, struct tide_bytes *out)
{
    (void)lines;
    if (number >= feed.n) {
        return false;
    }
    *out = (struct tide_bytes){feed.lines[number], (uint32_t)strlen(feed.lines[number])};
    return true;
}

static void
store_notify(struct tide_memory_feed *lines, tide_memory_wake_fn *wake, struct tide_task *task)
{
    (void)lines;
    feed.wake = wake;
    feed.task = task;
}

static void
store_forget(struct tide_memory_feed *lines, uint64_t number)
{
    (void)lines;
    feed.forgotten = number;
}

static const struct tide_memory_store store = {.abi = TIDE_ABI_VERSION,
                                               .size = sizeof(store),
                                               .feed = store_feed,
                                               .line = store_line,
                                               .notify = store_notify,
                                               .forget = store_forget};

Test(connectors, memory_needs_a_program_that_holds_rows)
{
    struct tide_error err;
    void *bound;
    const struct tide_kind *kind = fake_kind(&tide_memory_plugin, TIDE_KIND_SINK, "memory");
    cr_assert_eq(fake_bind(&fake, kind, "a INT", &bound, &err), TIDE_ERR_UNSUPPORTED);
    cr_assert_not_null(strstr(err.text, "embed"), "%s", err.text);
}

Test(connectors, memory_feeds_lines)
{
    const struct tide_kind *kind = fake_kind(&tide_memory_plugin, TIDE_KIND_SOURCE, "memory");
    const struct tide_source *memory = (const struct tide_source *)(const void *)kind;
    struct tide_task task;
    struct tide_batchbuf rows;
    struct tide_error err;
    uint8_t bytes[16];
    uint32_t n = sizeof(bytes);
    bool reached;
    void *bound, *shared, *self;
    const char *split = "feed";
    fake_extend(&fake, TIDE_MEMORY_EXTENSION, &store);
    cr_assert_eq(fake_bind(&fake, kind, NULL, &bound, &err), 0, "%s", err.text);
    cr_assert_eq(kind->open(&fake.host, bound, &shared, &err), 0, "%s", err.text);
    cr_assert_str_eq(feed.name, "tx", "by default the source's id");
    fake_task_init(&fake, &task);
    fake_writer_init(&fake, &rows, fake.traits.fields[0], 1, 0, 16);
    self = fake_task_open(kind, shared, &task, 0, 1);
    cr_assert_eq(memory->start(shared, split, true, bytes, &n, &err), 0);
    cr_assert_eq(memory->assign(self, 3, split, (struct tide_bytes){bytes, n}, NULL), 0);
    cr_assert_eq(memory->poll(self, &rows.writer), TIDE_STEP_IDLE);
    feed.lines[0] = "{\"a\":1}";
    feed.lines[1] = "";
    feed.n = 2;
    feed.wake(feed.task);
    cr_assert(fake_task_wait(&task, 0));
    cr_assert_eq(memory->poll(self, &rows.writer), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 2);
    cr_assert_str_eq(fake_value(&rows, 0, "value"), "{\"a\":1}");
    n = sizeof(bytes);
    cr_assert_eq(memory->position(self, 3, bytes, &n, &reached), 0);
    cr_assert_eq(memory->committed(shared, (struct tide_seal){1, 1}, &split,
                                   &(struct tide_bytes){bytes, n}, 1, &err),
                 0);
    cr_assert_eq(feed.forgotten, 2);
    kind->task_close(self);
    cr_assert_null(feed.wake);
    fake_task_fini(&task);
    tide_batchbuf_fini(&rows);
    kind->close(shared);
    kind->unbind(bound);
}

Test(connectors, memory_names_are_looked_up)
{
    const struct tide_kind *kind = fake_kind(&tide_memory_plugin, TIDE_KIND_SOURCE, "memory");
    struct tide_error err;
    void *bound, *shared;
    fake_extend(&fake, TIDE_MEMORY_EXTENSION, &store);
    fake_give(&fake, "queryName", "nobody");
    cr_assert_eq(fake_bind(&fake, kind, NULL, &bound, &err), 0);
    cr_assert_eq(kind->open(&fake.host, bound, &shared, &err), TIDE_ERR_NOTFOUND);
    kind->unbind(bound);
}
