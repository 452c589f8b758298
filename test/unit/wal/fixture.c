/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#define BIN32 0xc6

/* For what is asked some million times: a Criterion assertion costs a microsecond even when it
 * holds. */
#define CHECK(condition, ...)                           \
    do {                                                \
        if (!(condition)) {                             \
            cr_assert_fail(#condition " " __VA_ARGS__); \
        }                                               \
    } while (0)

void
fixture_payload(const struct expected *expected, uint8_t *out)
{
    uint64_t x = expected->tag * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uint32_t n = expected->len - 5;
    out[0] = BIN32;
    for (int i = 0; i < 4; i++) {
        out[1 + i] = (uint8_t)(n >> (24 - 8 * i));
    }
    for (uint32_t i = 0; i < n; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(out + 5 + i, &x, n - i < 8 ? n - i : 8);
    }
}

/* The state is the LSN of the last record that was appended, as a msgpack uint 64. */
static int
head(void *ctx, struct tide_buf *out)
{
    struct fixture *f = ctx;
    uint8_t bytes[9] = {0xcf};
    for (int i = 0; i < 8; i++) {
        bytes[1 + i] = (uint8_t)(f->last >> (56 - 8 * i));
    }
    return tide_buf_append(out, bytes, sizeof(bytes));
}

static uint64_t
head_state(const uint8_t *payload)
{
    uint64_t state = 0;
    for (int i = 0; i < 8; i++) {
        state = state << 8 | payload[1 + i];
    }
    return state;
}

void
fixture_init(struct fixture *f, uint64_t seed, uint64_t segment_bytes)
{
    memset(f, 0, sizeof(*f));
    disk_init(&f->disk, seed);
    cr_assert_eq(tide_offload_create(tide_seam_real(), 0, &f->offload, NULL), 0);
    f->env = (struct tide_wal_env){
        .io = &f->disk.io, .offload = f->offload, .seam = tide_seam_real(), .dir = FIXTURE_DIR};
    f->options = (struct tide_wal_options){
        .env = f->env, .segment_bytes = segment_bytes, .head = head, .head_ctx = f};
    for (uint8_t i = 0; i < 16; i++) {
        f->options.id.bytes[i] = (uint8_t)(i * 17 + 3);
    }
    f->found.next_lsn = 1;
}

void
fixture_fini(struct fixture *f)
{
    tide_wal_close(f->wal);
    tide_offload_destroy(f->offload);
    disk_fini(&f->disk);
}

static int
visit(void *ctx, const struct tide_wal_record *record, struct tide_error *err)
{
    struct fixture *f = ctx;
    (void)err;
    if (f->visited_first == 0) {
        f->visited_first = record->lsn;
        CHECK(record->type == TIDE_WAL_SEGMENT_HEAD, "a log begins with a head");
    } else {
        CHECK(record->lsn == f->visited_last + 1, "records are consecutive");
    }
    f->visited_last = record->lsn;
    CHECK(record->durable_lsn < record->lsn, "a record is not durable before it is written");
    CHECK(record->lsn <= f->last, "a record that was never appended: %lu", record->lsn);
    const struct expected *expected = &f->records[record->lsn];
    CHECK(record->type == expected->type, "type of record %lu", record->lsn);
    if (record->type == TIDE_WAL_SEGMENT_HEAD) {
        f->heads++;
        CHECK(record->len == 9, "length of a head");
        CHECK(head_state(record->payload) == record->lsn - 1,
              "a head holds the fold of all records before it");
        return 0;
    }
    CHECK(record->len == expected->len, "length of a record");
    uint8_t *payload = malloc(expected->len);
    fixture_payload(expected, payload);
    CHECK(memcmp(record->payload, payload, expected->len) == 0, "payload of %lu", record->lsn);
    free(payload);
    return 0;
}

int
fixture_recover(struct fixture *f, struct tide_error *err)
{
    struct tide_wal_recovery found;
    f->visited_first = 0;
    f->visited_last = 0;
    f->heads = 0;
    int rc = tide_wal_recover(&f->env, &f->options.id, visit, f, &found, err);
    if (rc == 0) {
        CHECK(found.next_lsn == f->visited_last + 1, "what was found ends with what was visited");
        CHECK(f->visited_last >= f->acked, "acknowledged records are missing: %lu of %lu",
              f->visited_last, f->acked);
        CHECK(found.segments == f->heads, "a head for each segment");
        f->found = found;
        f->last = f->visited_last;
    }
    return rc;
}

int
fixture_begin(struct fixture *f, struct tide_error *err)
{
    f->options.incarnation = f->found.incarnation + 1;
    f->last = f->found.next_lsn - 1;
    /* It may fail after the segment was written; then a later recovery may find it. */
    f->records[f->found.next_lsn] = (struct expected){.type = TIDE_WAL_SEGMENT_HEAD, .len = 9};
    int rc = tide_wal_begin(&f->options, &f->found, &f->wal, err);
    f->last = f->found.next_lsn;
    if (rc == 0) {
        f->acked = f->last;
        cr_assert_eq(tide_wal_durable(f->wal), f->last);
    }
    return rc;
}

/* A head that append or roll took along has its place before the record that follows it. */
static void
note_heads(struct fixture *f, uint64_t before)
{
    while (f->last < before) {
        f->last++;
        f->records[f->last] = (struct expected){.type = TIDE_WAL_SEGMENT_HEAD, .len = 9};
    }
}

int
fixture_append(struct fixture *f, enum tide_wal_type type, uint32_t len)
{
    struct expected expected = {.type = type, .len = len, .tag = ++f->tags};
    uint8_t *payload = malloc(len);
    uint64_t lsn = 0;
    fixture_payload(&expected, payload);
    int rc = tide_wal_append(f->wal, type, payload, len, &lsn, NULL);
    free(payload);
    cr_assert_lt(tide_wal_last(f->wal), FIXTURE_RECORDS);
    if (rc != 0) {
        note_heads(f, tide_wal_last(f->wal));
        return rc;
    }
    note_heads(f, lsn - 1);
    f->records[lsn] = expected;
    f->last = lsn;
    return 0;
}

int
fixture_roll(struct fixture *f)
{
    int rc = tide_wal_roll(f->wal, NULL);
    note_heads(f, tide_wal_last(f->wal));
    return rc;
}

enum tide_wal_state
fixture_poll(struct fixture *f)
{
    struct tide_error err = {.code = 0};
    enum tide_wal_state state = tide_wal_poll(f->wal, &err);
    uint64_t durable = tide_wal_durable(f->wal);
    cr_assert_geq(durable, f->acked, "what is durable never goes back");
    cr_assert_leq(durable, tide_wal_last(f->wal));
    f->acked = durable;
    return state;
}

void
fixture_sync(struct fixture *f)
{
    struct tide_error err = {.code = 0};
    cr_assert_eq(tide_wal_flush(f->wal, &err), TIDE_WAL_READY, "%s", err.text);
    cr_assert_eq(tide_wal_durable(f->wal), tide_wal_last(f->wal));
    note_heads(f, tide_wal_last(f->wal));
    f->acked = f->last;
}

void
fixture_crash(struct fixture *f)
{
    f->disk.stopped = true; /* whatever close still does has no effect */
    tide_wal_close(f->wal);
    f->wal = NULL;
    disk_crash(&f->disk);
}

struct counting {
    const char *suffix;
    int n;
};

static int
count(void *ctx, const char *name, bool directory)
{
    struct counting *counting = ctx;
    size_t len = strlen(name);
    size_t suffix = strlen(counting->suffix);
    (void)directory;
    counting->n += len >= suffix && strcmp(name + len - suffix, counting->suffix) == 0 ? 1 : 0;
    return 0;
}

int
fixture_files(struct fixture *f, const char *suffix)
{
    struct counting counting = {.suffix = suffix};
    cr_assert_eq(f->disk.io.list(&f->disk, FIXTURE_DIR, count, &counting, NULL), 0);
    return counting.n;
}

struct disk_node *
fixture_segment(struct fixture *f, uint64_t segment)
{
    char path[64];
    snprintf(path, sizeof(path), FIXTURE_DIR "/wal-%016llu.log", (unsigned long long)segment);
    struct disk_node *node = disk_node(&f->disk, path);
    cr_assert_not_null(node, "no %s", path);
    return node;
}
