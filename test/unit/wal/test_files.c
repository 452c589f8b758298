/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log on real files, with io_uring and with plain calls, offload threads included: against an
 * independent reader in Python, under SIGKILL, and as text.
 *
 * The environment names the interpreter (PYTHON) and the reader (WAL_LIST).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "../io/scratch.h"
#include "base/seam.h"
#include "io/loop.h"
#include "wal/wal.h"

#define SEGMENT (128u << 10)
#define TEXT_MAX (4u << 20)

/* A log in a scratch directory and what it runs on. */
struct place {
    struct scratch scratch;
    char dir[128];
    struct tide_io *io;
    struct tide_offload *offload;
    struct tide_loop *loop;
    struct tide_wal_options options;
    struct tide_wal_recovery found;
    struct tide_wal *wal;
};

static int
head(void *ctx, struct tide_buf *out)
{
    (void)ctx;
    return tide_buf_append(out, "\x81\xa5state\x01", 8); /* {"state":1} */
}

static int
place_open(struct place *place, enum tide_io_choice choice)
{
    struct tide_error err = {.code = 0};
    const struct tide_seam *seam = tide_seam_real();
    int rc = tide_io_create(seam, choice, &place->io, &err);
    if (rc == TIDE_ERR_UNSUPPORTED && choice == TIDE_IO_URING) {
        fprintf(stderr, "NOT TESTED: %s\n", err.text);
        return rc;
    }
    cr_assert_eq(rc, 0, "%s", err.text);
    cr_assert_eq(tide_offload_create(seam, 2, &place->offload, &err), 0);
    cr_assert_eq(tide_loop_create(seam, &place->loop, &err), 0);
    cr_assert_eq(tide_loop_watch(place->loop, place->io->fd, TIDE_LOOP_READ, 1, &err), 0);
    place->options = (struct tide_wal_options){
        .env = {.io = place->io, .offload = place->offload, .seam = seam, .dir = place->dir},
        .id = {.bytes = {0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
        .segment_bytes = SEGMENT,
        .head = head,
        .wake = tide_loop_wake,
        .wake_arg = place->loop,
    };
    return 0;
}

static void
place_close(struct place *place)
{
    tide_wal_close(place->wal);
    tide_loop_destroy(place->loop);
    tide_offload_destroy(place->offload);
    tide_io_destroy(place->io);
}

static void
place_begin(struct place *place, tide_wal_visit *visit, void *ctx)
{
    struct tide_error err = {.code = 0};
    struct tide_wal_recovery *found = &place->found;
    int rc = tide_wal_recover(&place->options.env, &place->options.id, visit, ctx, found, &err);
    cr_assert_eq(rc, 0, "%s", err.text);
    place->options.incarnation = found->incarnation + 1;
    cr_assert_eq(tide_wal_begin(&place->options, found, &place->wal, &err), 0, "%s", err.text);
}

/* The payload of record @lsn: {"lsn": lsn, "fill": binary} */
static uint32_t
payload(uint64_t lsn, uint8_t *out)
{
    uint32_t fill = (uint32_t)(lsn * 7919 % 1500);
    memcpy(out, "\x82\xa3lsn\xcf", 6);
    for (int i = 0; i < 8; i++) {
        out[6 + i] = (uint8_t)(lsn >> (56 - 8 * i));
    }
    memcpy(out + 14,
           "\xa4"
           "fill\xc5",
           6);
    out[20] = (uint8_t)(fill >> 8);
    out[21] = (uint8_t)fill;
    memset(out + 22, (int)(lsn % 251), fill);
    return 22 + fill;
}

static uint64_t
append(struct place *place)
{
    uint8_t bytes[2048];
    uint64_t lsn = 0;
    struct tide_error err = {.code = 0};
    uint64_t guess = tide_wal_last(place->wal) + 1;
    uint32_t len = payload(guess, bytes);
    int rc = tide_wal_append(place->wal, TIDE_WAL_SC, bytes, len, &lsn, &err);
    cr_assert_eq(rc, 0, "%s", err.text);
    return lsn;
}

/* Waits as a coordinator does: on its loop, for writes and for jobs. */
static void
settle(struct place *place)
{
    struct tide_loop_event events[4];
    struct tide_error err = {.code = 0};
    tide_wal_sync(place->wal);
    for (;;) {
        enum tide_wal_state state = tide_wal_poll(place->wal, &err);
        if (state == TIDE_WAL_READY) {
            return;
        }
        cr_assert_eq(state, TIDE_WAL_SYNCING, "%s", err.text);
        /* Without end, so that a lost wake hangs and is seen; io_uring's own signals end it early.
         */
        (void)tide_loop_wait(place->loop, TIDE_LOOP_NO_TIMEOUT, events, 4);
    }
}

static int
to_text(void *ctx, const struct tide_wal_record *record, struct tide_error *err)
{
    struct tide_buf *text = ctx;
    (void)err;
    tide_buf_printf(text, "%lu %d %lu %lu %lu %lu ", record->lsn, (int)record->type,
                    record->incarnation, record->durable_lsn, record->segment, record->offset);
    for (uint32_t i = 0; i < record->len; i++) {
        tide_buf_printf(text, "%02x", record->payload[i]);
    }
    return tide_buf_append_byte(text, '\n');
}

static void
compare_with_python(struct place *place, uint64_t segments_min)
{
    struct tide_buf ours;
    struct tide_wal_recovery found;
    char command[512];
    char *theirs = malloc(TEXT_MAX);
    cr_assert_not_null(getenv("PYTHON"), "PYTHON names the interpreter");
    cr_assert_not_null(getenv("WAL_LIST"), "WAL_LIST names the reader");
    tide_buf_init(&ours, tide_seam_real(), TEXT_MAX);
    cr_assert_eq(tide_wal_scan(&place->options.env, NULL, to_text, &ours, &found, NULL), 0);
    cr_assert_geq(found.segments, segments_min);
    snprintf(command, sizeof(command), "%s %s %s", getenv("PYTHON"), getenv("WAL_LIST"),
             place->dir);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    size_t n = fread(theirs, 1, TEXT_MAX, pipe);
    cr_assert_eq(pclose(pipe), 0, "the reader found something wrong");
    cr_assert_eq(n, ours.len, "%zu bytes of ours, %zu of theirs", ours.len, n);
    cr_assert_eq(memcmp(theirs, ours.data, n), 0);
    free(theirs);
    tide_buf_fini(&ours);
}

static void
independent(enum tide_io_choice choice)
{
    static struct place place;
    place = (struct place){.wal = NULL};
    scratch_init(&place.scratch);
    snprintf(place.dir, sizeof(place.dir), "%s/wal", place.scratch.dir);
    for (int run = 0; run < 3; run++) {
        if (place_open(&place, choice) != 0) {
            break;
        }
        place_begin(&place, NULL, NULL);
        for (int i = 0; i < 60; i++) {
            uint64_t lsn = append(&place);
            if (i % 3 == 0) {
                settle(&place);
                cr_assert_geq(tide_wal_durable(place.wal), lsn);
            }
        }
        settle(&place);
        compare_with_python(&place, 2);
        place_close(&place);
    }
    scratch_fini(&place.scratch);
}

Test(files, an_independent_reader_lists_the_same_plain)
{
    independent(TIDE_IO_PLAIN);
}

Test(files, an_independent_reader_lists_the_same_uring)
{
    independent(TIDE_IO_URING);
}

/* ---- SIGKILL ---- */

/* What a recovery must find, and what it found. */
struct kill_check {
    uint64_t next;
    uint64_t last;
};

static int
check_record(void *ctx, const struct tide_wal_record *record, struct tide_error *err)
{
    struct kill_check *check = ctx;
    uint8_t bytes[2048];
    (void)err;
    cr_assert(check->next == 0 || check->next == record->lsn);
    check->next = record->lsn + 1;
    check->last = record->lsn;
    if (record->type == TIDE_WAL_SC) {
        /* The writer guesses the LSN; a new segment's head may take it, then the record has the
         * next one. */
        uint32_t len = payload(record->lsn, bytes);
        bool same = len == record->len && memcmp(bytes, record->payload, len) == 0;
        len = payload(record->lsn - 1, bytes);
        bool moved = len == record->len && memcmp(bytes, record->payload, len) == 0;
        cr_assert(same || moved, "payload of record %lu", record->lsn);
    }
    return 0;
}

/* Writes until it is killed, telling through @fd what was acknowledged. */
static void
write_forever(struct place *place, enum tide_io_choice choice, int fd)
{
    if (place_open(place, choice) != 0) {
        _exit(0);
    }
    place_begin(place, NULL, NULL);
    for (;;) {
        append(place);
        settle(place);
        uint64_t durable = tide_wal_durable(place->wal);
        tide_wal_retain(place->wal, durable > 40 ? durable - 40 : 0);
        (void)!write(fd, &durable, sizeof(durable));
    }
}

static void
killed(enum tide_io_choice choice)
{
    static struct place place;
    uint64_t acked = 0;
    place = (struct place){.wal = NULL};
    scratch_init(&place.scratch);
    snprintf(place.dir, sizeof(place.dir), "%s/wal", place.scratch.dir);
    for (int round = 0; round < 12; round++) {
        int fds[2];
        cr_assert_eq(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0) {
            close(fds[0]);
            write_forever(&place, choice, fds[1]);
        }
        close(fds[1]);
        uint64_t durable = 0;
        /* After a different number of acknowledgements each time, at whatever moment that is. */
        for (int i = 0; i < 5 + round * 7; i++) {
            acked = read(fds[0], &durable, sizeof(durable)) == sizeof(durable) ? durable : acked;
        }
        kill(child, SIGKILL);
        while (read(fds[0], &durable, sizeof(durable)) == sizeof(durable)) {
            acked = durable;
        }
        close(fds[0]);
        waitpid(child, NULL, 0);
        if (place_open(&place, choice) != 0) {
            break;
        }
        struct kill_check check = {.next = 0};
        place_begin(&place, check_record, &check);
        cr_assert_gt(acked, 0);
        cr_assert_geq(check.last, acked, "round %d lost acknowledged records", round);
        acked = tide_wal_durable(place.wal);
        place_close(&place);
        place.wal = NULL;
    }
    scratch_fini(&place.scratch);
}

Test(files, killed_plain, .timeout = 120)
{
    killed(TIDE_IO_PLAIN);
}

Test(files, killed_uring, .timeout = 120)
{
    killed(TIDE_IO_URING);
}

/* ---- text ---- */

static int
collect(void *ctx, const char *text, size_t len)
{
    return tide_buf_append(ctx, text, len);
}

static void
lines(const struct place *place,
      int (*print)(const struct tide_wal_env *, bool, tide_wal_sink *, void *, struct tide_error *),
      bool json, const char *expected)
{
    struct tide_buf text;
    struct tide_error err = {.code = 0};
    tide_buf_init(&text, tide_seam_real(), TEXT_MAX);
    cr_assert_eq(print(&place->options.env, json, collect, &text, &err), 0, "%s", err.text);
    cr_assert_str_eq(tide_buf_text(&text), expected);
    tide_buf_fini(&text);
}

Test(files, show_and_verify)
{
    static struct place place;
    struct tide_error err = {.code = 0};
    uint64_t lsn = 0;
    scratch_init(&place.scratch);
    snprintf(place.dir, sizeof(place.dir), "%s/wal", place.scratch.dir);
    cr_assert_eq(place_open(&place, TIDE_IO_PLAIN), 0);
    cr_assert_eq(tide_wal_dump(&place.options.env, true, collect, NULL, &err), TIDE_ERR_NOTFOUND);
    cr_assert_eq(tide_wal_verify(&place.options.env, true, collect, NULL, &err), TIDE_ERR_NOTFOUND);
    place_begin(&place, NULL, NULL);
    /* [null, true, false, -5, 1.5, "a\"\x01\xff\u0085é", h'00ff', {1: {}}, 2^63] by the msgpack
     * specification */
    static const char all[] = "\x99\xc0\xc3\xc2\xfb\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"
                              "\xa8"
                              "a\"\x01\xff\xc2\x85\xc3\xa9"
                              "\xc4\x02\x00\xff"
                              "\x81\x01\x80"
                              "\xcf\x80\x00\x00\x00\x00\x00\x00\x00";
    cr_assert_eq(tide_wal_append(place.wal, TIDE_WAL_P, all, sizeof(all) - 1, &lsn, &err), 0);
    settle(&place);
    const char *shown = "[null,true,false,-5,1.5,\"a\\\"\\u0001\\ufffd\\u0085\u00e9\",\"0x00ff\","
                        "{\"1\":{}},9223372036854775808]";
    char expected[1024];
    snprintf(
        expected, sizeof(expected),
        "{\"lsn\":1,\"type\":\"SEGMENT_HEAD\",\"incarnation\":1,\"durable_lsn\":0,\"segment\":1,"
        "\"offset\":4096,\"payload\":{\"state\":1}}\n"
        "{\"lsn\":2,\"type\":\"P\",\"incarnation\":1,\"durable_lsn\":1,\"segment\":1,"
        "\"offset\":8192,\"payload\":%s}\n",
        shown);
    lines(&place, tide_wal_dump, true, expected);
    snprintf(expected, sizeof(expected),
             "       1  SEGMENT_HEAD  incarnation 1  durable 0  segment 1 at 4096  {\"state\":1}\n"
             "       2  P             incarnation 1  durable 1  segment 1 at 8192  %s\n",
             shown);
    lines(&place, tide_wal_dump, false, expected);
    lines(&place, tide_wal_verify, false,
          "checkpoint deadbeef-0102-0304-0506-0708090a0b0c: 1 segments, 2 records, LSN 1 to 2, "
          "incarnation 1: whole\n");
    lines(&place, tide_wal_verify, true,
          "{\"checkpoint\":\"deadbeef-0102-0304-0506-0708090a0b0c\",\"segments\":1,\"records\":2,"
          "\"first_lsn\":1,\"last_lsn\":2,\"incarnation\":1}\n");
    cr_assert_eq(tide_wal_append(place.wal, TIDE_WAL_P, "\x92\x01", 2, &lsn, &err), 0);
    settle(&place);
    struct tide_buf text;
    tide_buf_init(&text, tide_seam_real(), TEXT_MAX);
    cr_assert_eq(tide_wal_verify(&place.options.env, false, collect, &text, &err),
                 TIDE_ERR_CORRUPT);
    cr_assert_not_null(strstr(err.text, "not msgpack"), "%s", err.text);
    tide_buf_fini(&text);
    place_close(&place);
    scratch_fini(&place.scratch);
}
