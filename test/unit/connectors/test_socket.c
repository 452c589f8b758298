/* SPDX-License-Identifier: Apache-2.0 */
/* The socket source against a server of the test's. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "list.h"

static struct fake_host fake;
static struct tide_task task;
static struct tide_batchbuf rows;
static const struct tide_source *source;
static void *bound, *shared, *self;
static int listener, peer;
static char port[8], seen[4096];

static void
setup(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    fake_host_init(&fake);
    source = (const struct tide_source *)(const void *)fake_kind(&tide_socket_plugin,
                                                                 TIDE_KIND_SOURCE, "socket");
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(listener, 4), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &n), 0);
    sprintf(port, "%d", ntohs(address.sin_port));
    fake_give(&fake, "host", "127.0.0.1");
    fake_give(&fake, "port", port);
    peer = -1;
}

static void
teardown(void)
{
    if (self != NULL) {
        fake_task_stop(&task);
        source->k.task_close(self);
        fake_task_fini(&task);
        tide_batchbuf_fini(&rows);
        source->k.close(shared);
        source->k.unbind(bound);
    }
    close(listener);
    if (peer >= 0) {
        close(peer);
    }
    fake_host_fini(&fake);
}

TestSuite(socket, .init = setup, .fini = teardown, .timeout = 30);

static void
open_source(uint32_t n)
{
    uint8_t bytes[16];
    uint32_t length = sizeof(bytes);
    struct tide_error err;
    cr_assert_eq(fake_bind(&fake, &source->k, NULL, &bound, &err), 0, "%s", err.text);
    cr_assert_eq(source->k.open(&fake.host, bound, &shared, &err), 0);
    fake_task_init(&fake, &task);
    fake_writer_init(&fake, &rows, fake.traits.fields[0], fake.traits.n_fields[0], 0, n);
    self = fake_task_open(&source->k, shared, &task, 0, 1);
    cr_assert_eq(source->start(shared, "lines", true, bytes, &length, &err), 0);
    cr_assert_eq(source->assign(self, 2, "lines", (struct tide_bytes){bytes, length}, NULL), 0);
}

/* One step; the lines it gave are added to `seen`, each with a '|'. */
static enum tide_step
step(void)
{
    enum tide_step answer;
    tide_batchbuf_reset(&rows);
    answer = source->poll(self, &rows.writer);
    for (uint32_t i = 0; i < rows.writer.n; i++) {
        strcat(seen, fake_value(&rows, i, "value"));
        strcat(seen, "|");
    }
    fake_jobs_run(&task);
    if (answer != TIDE_STEP_MORE && answer != TIDE_STEP_BLOCKED) {
        fake_task_wait(&task, 10);
    }
    return answer;
}

static void
accept_peer(void)
{
    while (peer < 0) {
        step();
        peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
}

static void
send_text(const char *text)
{
    cr_assert_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

static void
expect_seen(const char *text)
{
    for (int i = 0; i < 500 && strcmp(seen, text) != 0; i++) {
        step();
    }
    cr_assert_str_eq(seen, text);
}

static uint64_t
position(void)
{
    uint64_t number;
    uint32_t n = sizeof(number);
    bool reached;
    cr_assert_eq(source->position(self, 2, &number, &n, &reached), 0);
    return number;
}

/* \n, \r and \r\n end a line, wherever the pieces are cut, as in Java's BufferedReader. */
Test(socket, lines_end_in_three_ways)
{
    open_source(64);
    accept_peer();
    send_text("one\ntwo\r\nthree\rfour\r");
    expect_seen("one|two|three|four|");
    send_text("\nfive\n\nsi");
    expect_seen("one|two|three|four|five||");
    send_text("x\n");
    expect_seen("one|two|three|four|five||six|");
    cr_assert_eq(position(), 7);
}

Test(socket, rows_have_a_time_if_asked_for)
{
    fake_give(&fake, "includeTimestamp", "true");
    open_source(64);
    accept_peer();
    fake.wall_ns = 1700000000123456789u;
    send_text("x\n");
    expect_seen("x|");
    cr_assert_str_eq(fake_value(&rows, 0, "timestamp"), "1700000000123000");
    struct tide_batch batch = tide_batchbuf_view(&rows);
    cr_assert_eq(tide_row_hdr(tide_batch_row(&batch, 0))->offset, 0);
    cr_assert_eq(tide_row_hdr(tide_batch_row(&batch, 0))->split, 2);
}

Test(socket, a_full_writer_loses_nothing)
{
    open_source(2);
    accept_peer();
    send_text("a\nb\nc\nd\ne\n");
    expect_seen("a|b|c|d|e|");
}

/* The end of a connection ends its last line; a new one is made after a second. */
Test(socket, a_lost_connection_is_made_again)
{
    open_source(64);
    accept_peer();
    send_text("a\nlast");
    expect_seen("a|");
    close(peer);
    peer = -1;
    expect_seen("a|last|");
    while (step() != TIDE_STEP_WAITING) {
    }
    cr_assert_not_null(strstr(task.waiting, "closed the connection"), "%s", task.waiting);
    fake.mono_ns += 1000000000u;
    accept_peer();
    send_text("b\n");
    expect_seen("a|last|b|");
    cr_assert_str_eq(task.waiting, "");
    cr_assert_eq(position(), 3);
}

Test(socket, nobody_listens)
{
    close(listener);
    open_source(64);
    for (int i = 0; i < 500 && task.waiting[0] == '\0'; i++) {
        step();
    }
    cr_assert_not_null(strstr(task.waiting, "refused"), "%s", task.waiting);
    cr_assert_eq(task.timer_at, fake.mono_ns + 1000000000u);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

Test(socket, a_long_line_is_rejected_and_left_behind)
{
    static char line[300000];
    memset(line, 'x', sizeof(line) - 1);
    fake.record_max = 1000;
    open_source(64);
    accept_peer();
    send_text("before\n");
    for (size_t sent = 0; sent < sizeof(line) - 1;) {
        ssize_t n = write(peer, line + sent, sizeof(line) - 1 - sent);
        sent += n > 0 ? (size_t)n : 0;
        step();
    }
    send_text("\nbehind\n");
    expect_seen("before|behind|");
    cr_assert_eq(task.n_rejected, 1);
    cr_assert_eq(task.rejected_offset[0], 1);
    cr_assert_not_null(strstr(task.rejected[0], "RECORD_TOO_LARGE"), "%s", task.rejected[0]);
    cr_assert_eq(position(), 3);
}

Test(socket, a_line_just_over_the_limit_is_rejected_whole)
{
    char line[64];
    fake.record_max = 10;
    open_source(64);
    accept_peer();
    sprintf(line, "%s\n%s\nok\n", "0123456789", "0123456789a");
    send_text(line);
    expect_seen("0123456789|ok|");
    cr_assert_eq(task.n_rejected, 1);
}

Test(socket, options)
{
    struct tide_error err;
    void *none;
    fake.n_given = 1;
    cr_assert_eq(fake_bind(&fake, &source->k, NULL, &none, &err), TIDE_ERR_INVALID);
    fake_give(&fake, "port", "70000");
    cr_assert_eq(fake_bind(&fake, &source->k, NULL, &none, &err), TIDE_ERR_INVALID);
}
