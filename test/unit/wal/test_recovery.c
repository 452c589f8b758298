/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery of damaged, torn, foreign and cut logs: always a prefix that holds every acknowledged
 * record, or a refusal that changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fixture.h"

#define SEGMENT (128u << 10)
#define BLOCK 4096u

/* Of the single damages only every n-th: sanitizer builds look at memory, the plain build at all of
 * them. */
#ifndef DAMAGE_STRIDE
#define DAMAGE_STRIDE 1u
#endif

/* Two segments, about forty records in groups of one to three, all acknowledged. */
static struct fixture *
log_new(void)
{
    static struct fixture f;
    static const uint32_t lens[] = {40, 5, 300, 77, 1000, 4100, 9, 2000, 64};
    fixture_init(&f, 7, SEGMENT);
    cr_assert_eq(fixture_begin(&f, NULL), 0);
    for (uint32_t i = 0; i < 36; i++) {
        static const enum tide_wal_type types[] = {TIDE_WAL_SC, TIDE_WAL_S, TIDE_WAL_C,
                                                   TIDE_WAL_SPLIT};
        if (i == 12) {
            cr_assert_eq(fixture_roll(&f), 0);
        }
        cr_assert_eq(fixture_append(&f, types[i % 4], lens[i % 9]), 0);
        if (i % 6 == 0 || i % 6 == 2 || i % 6 == 5) {
            fixture_sync(&f);
        }
    }
    fixture_sync(&f);
    cr_assert_eq(fixture_files(&f, ".log"), 2);
    fixture_crash(&f);
    cr_assert_eq(fixture_recover(&f, NULL), 0);
    cr_assert_eq(f.visited_last, 38);
    cr_assert_eq(f.found.torn_bytes, 0);
    return &f;
}

/* The end of the bytes that are not zero. */
static uint64_t
extent(const struct disk_node *node)
{
    uint64_t end = node->now_len;
    while (end > 0 && node->now[end - 1] == 0) {
        end--;
    }
    return end;
}

/* A copy of what a disk holds, to put back after each damage. */
struct saved {
    struct disk_node *node;
    uint8_t *bytes;
    uint64_t len;
};

static struct saved
save(struct disk_node *node)
{
    struct saved saved = {.node = node, .bytes = malloc(node->now_len), .len = node->now_len};
    memcpy(saved.bytes, node->now, saved.len);
    return saved;
}

static void
restore(const struct saved *saved)
{
    saved->node->now = realloc(saved->node->now, saved->len);
    memcpy(saved->node->now, saved->bytes, saved->len);
    saved->node->now_len = saved->len;
}

/*
 * Recovers a log all of whose records were acknowledged. fixture_recover asserts that none is
 * missing when it succeeds; here: a refusal says so and changes nothing, and after a success the
 * next recovery finds it clean.
 */
static int
recover_damaged(struct fixture *f, struct disk_node *node, uint64_t at)
{
    struct tide_error err = {.code = 0};
    uint8_t *before = malloc(node->now_len + 1);
    uint64_t len = node->now_len;
    memcpy(before, node->now, len);
    int rc = fixture_recover(f, &err);
    if (rc != 0) {
        bool clear = rc == TIDE_ERR_CORRUPT && strstr(err.text, FIXTURE_DIR "/wal-0000") != NULL &&
                     strstr(err.text, "restore") != NULL;
        bool same = node->now_len == len && memcmp(before, node->now, len) == 0;
        if (!clear || !same) {
            cr_assert_fail("damage at %lu: code %d, %s; %s", at, rc,
                           same ? "unchanged" : "a refusal changed the log", err.text);
        }
    } else if (f->found.torn_bytes > 0) {
        cr_assert_eq(fixture_recover(f, &err), 0, "%s", err.text);
        cr_assert_eq(f->found.torn_bytes, 0, "a mended log is clean (damage at %lu)", at);
    }
    free(before);
    return rc;
}

/* How many of the damages were refused, and how many accepted. */
struct tally {
    uint64_t refused;
    uint64_t accepted;
};

static void
note(struct tally *tally, int rc)
{
    tally->refused += rc != 0 ? 1 : 0;
    tally->accepted += rc == 0 ? 1 : 0;
}

/* Whether the damage at @at tells something: where 64 bytes are zero, one of them stands for all.
 */
static bool
worth_it(const struct disk_node *node, uint64_t at)
{
    static const uint8_t zeros[64];
    uint64_t line = at / 64 * 64;
    bool empty = memcmp(node->now + line, zeros, sizeof(zeros)) == 0;
    return !empty || at - line == line / 64 % 64;
}

static void
flip_each_byte(struct fixture *f, uint64_t segment, struct tally *tally)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    struct disk_node *node = fixture_segment(f, segment);
    struct saved saved = save(node);
    for (uint64_t at = 0; at < node->now_len; at += DAMAGE_STRIDE) {
        if (worth_it(node, at)) {
            node->now[at] ^= masks[at % 3];
            note(tally, recover_damaged(f, node, at));
            restore(&saved);
        }
    }
    free(saved.bytes);
}

Test(recovery, every_single_byte_of_the_newest_segment)
{
    struct fixture *f = log_new();
    struct tally tally = {0};
    flip_each_byte(f, 2, &tally);
    cr_assert_gt(tally.refused, 10000 / DAMAGE_STRIDE, "%lu", tally.refused);
    cr_assert_gt(tally.accepted, 100 / DAMAGE_STRIDE, "%lu", tally.accepted);
    fixture_fini(f);
}

Test(recovery, every_single_byte_of_an_older_segment)
{
    struct fixture *f = log_new();
    struct tally tally = {0};
    flip_each_byte(f, 1, &tally);
    cr_assert_gt(tally.refused, 5000 / DAMAGE_STRIDE, "%lu", tally.refused);
    fixture_fini(f);
}

/* A truncated file is never a legal state: files have their full size before they have their name.
 */
Test(recovery, every_truncation_is_refused)
{
    struct fixture *f = log_new();
    for (uint64_t segment = 1; segment <= 2; segment++) {
        struct disk_node *node = fixture_segment(f, segment);
        struct saved saved = save(node);
        uint64_t end = extent(node) + 64;
        for (uint64_t len = 0; len < saved.len; len += len < end ? DAMAGE_STRIDE : 512) {
            node->now_len = len;
            cr_assert_eq(recover_damaged(f, node, len), TIDE_ERR_CORRUPT, "length %lu", len);
            restore(&saved);
        }
        free(saved.bytes);
    }
    cr_assert_eq(fixture_recover(f, NULL), 0);
    fixture_fini(f);
}

/* Zeroes or overwrites one block: a whole sector lost, wherever it is. */
Test(recovery, every_lost_block_and_sector)
{
    struct fixture *f = log_new();
    static const uint32_t sizes[] = {512, BLOCK};
    for (uint64_t segment = 1; segment <= 2; segment++) {
        struct disk_node *node = fixture_segment(f, segment);
        struct saved saved = save(node);
        for (int s = 0; s < 2; s++) {
            for (uint64_t at = 0; at < node->now_len; at += sizes[s]) {
                memset(node->now + at, s == 0 ? 0 : (int)(at / BLOCK % 256), sizes[s]);
                recover_damaged(f, node, at);
                restore(&saved);
                memset(node->now + at, 0xff, sizes[s]);
                recover_damaged(f, node, at);
                restore(&saved);
            }
        }
        free(saved.bytes);
    }
    fixture_fini(f);
}

/*
 * Damage to the last acknowledged group, told from a torn write: its other image brings it back,
 * and what was there is kept aside.
 */
Test(recovery, the_last_group_survives_damage_to_either_image)
{
    static struct fixture f;
    for (uint64_t image = 0; image < 2; image++) {
        fixture_init(&f, 3, SEGMENT);
        cr_assert_eq(fixture_begin(&f, NULL), 0);
        cr_assert_eq(fixture_append(&f, TIDE_WAL_SC, 200), 0);
        fixture_sync(&f);
        fixture_crash(&f);
        struct disk_node *node = fixture_segment(&f, 1);
        struct saved saved = save(node);
        node->now[2 * BLOCK + image * BLOCK + 100] ^= 4;
        cr_assert_eq(fixture_recover(&f, NULL), 0);
        cr_assert_eq(f.visited_last, 2);
        cr_assert(f.found.mended);
        cr_assert_eq(f.found.torn_offset, 2 * BLOCK);
        cr_assert_eq(fixture_files(&f, ".torn"), 1);
        cr_assert_eq(memcmp(node->now, saved.bytes, saved.len), 0, "mended to the same bytes");
        cr_assert_eq(fixture_begin(&f, NULL), 0);
        fixture_crash(&f);
        cr_assert_eq(fixture_recover(&f, NULL), 0, "with a segment behind it, too");
        free(saved.bytes);
        fixture_fini(&f);
    }
}

/* A last group that was never acknowledged, with every subset of its sectors on the disk. */
Test(recovery, every_torn_write_of_the_last_group)
{
    static struct fixture f;
    fixture_init(&f, 5, 32u << 10);
    cr_assert_eq(fixture_begin(&f, NULL), 0);
    cr_assert_eq(fixture_append(&f, TIDE_WAL_SC, 2000), 0);
    fixture_sync(&f);
    uint64_t acked = f.acked;
    uint64_t group = 4 * BLOCK; /* header, head, and both images of the first group */
    struct saved without = save(fixture_segment(&f, 1));
    cr_assert_eq(fixture_append(&f, TIDE_WAL_S, 1500), 0);
    cr_assert_eq(fixture_append(&f, TIDE_WAL_C, 1200), 0);
    fixture_sync(&f);
    struct saved with = save(fixture_segment(&f, 1));
    fixture_crash(&f);
    uint64_t whole = 0;
    uint64_t cut = 0;
    for (uint32_t subset = 0; subset < 1u << 14; subset++) {
        /* Seven sectors of each image hold bytes; the eighth is padding. */
        restore(&without);
        for (uint32_t i = 0; i < 14; i++) {
            uint64_t at = group + i / 7 * BLOCK + i % 7 * 512;
            if (subset >> i & 1) {
                memcpy(without.node->now + at, with.bytes + at, 512);
            }
        }
        f.acked = acked;
        f.last = 4;
        cr_assert_eq(fixture_recover(&f, NULL), 0, "subset %x", subset);
        whole += f.visited_last == 4 ? 1 : 0;
        cut += f.visited_last == 2 ? 1 : 0;
        bool image = (subset & 0x3f) == 0x3f || (subset >> 7 & 0x3f) == 0x3f;
        cr_assert_eq(f.visited_last, image ? 4u : 2u, "subset %x", subset);
    }
    cr_assert_eq(whole + cut, 1u << 14);
    cr_assert_leq(fixture_files(&f, ".torn"), (int)TIDE_LIMIT_WAL_TORN);
    free(without.bytes);
    free(with.bytes);
    fixture_fini(&f);
}

Test(recovery, a_cut_tail_is_kept_aside)
{
    static struct fixture f;
    fixture_init(&f, 3, SEGMENT);
    cr_assert_eq(fixture_begin(&f, NULL), 0);
    fixture_crash(&f);
    struct disk_node *node = fixture_segment(&f, 1);
    memcpy(node->now + 2 * BLOCK, "torn garbage", 12);
    cr_assert_eq(fixture_recover(&f, NULL), 0);
    cr_assert_eq(f.found.torn_offset, 2 * BLOCK);
    cr_assert_eq(f.found.torn_bytes, 12);
    cr_assert_not(f.found.mended);
    struct disk_node *torn =
        disk_node(&f.disk, FIXTURE_DIR "/wal-0000000000000001-0000008192.torn");
    cr_assert_not_null(torn);
    cr_assert_eq(torn->safe_len, 12, "durably");
    cr_assert_arr_eq(torn->safe, "torn garbage", 12);
    cr_assert_eq(extent(node) <= 2 * BLOCK, true);
    fixture_fini(&f);
}

Test(recovery, scanning_changes_nothing)
{
    static struct fixture f;
    struct tide_wal_recovery found;
    fixture_init(&f, 3, SEGMENT);
    cr_assert_eq(tide_wal_scan(&f.env, NULL, NULL, NULL, &found, NULL), 0);
    cr_assert_eq(found.segments, 0);
    cr_assert_eq(fixture_begin(&f, NULL), 0);
    fixture_crash(&f);
    struct disk_node *node = fixture_segment(&f, 1);
    memcpy(node->now + 2 * BLOCK, "torn garbage", 12);
    uint64_t changes = f.disk.changes;
    cr_assert_eq(tide_wal_scan(&f.env, NULL, NULL, NULL, &found, NULL), 0);
    cr_assert_eq(found.torn_bytes, 12);
    cr_assert_eq(found.records, 1);
    cr_assert_eq(f.disk.changes, changes);
    fixture_fini(&f);
}

static void
refused(struct fixture *f, int code, const char *word)
{
    struct tide_error err = {.code = 0};
    cr_assert_eq(fixture_recover(f, &err), code, "%s", err.text);
    cr_assert_not_null(strstr(err.text, word), "'%s' is not in: %s", word, err.text);
}

/* Where the group that holds record @lsn begins in @segment, by what a scan says of the record's
 * place. */
struct place_of {
    uint64_t lsn;
    uint64_t offset;
};

static int
find_record(void *ctx, const struct tide_wal_record *record, struct tide_error *err)
{
    struct place_of *place = ctx;
    (void)err;
    place->offset = record->lsn == place->lsn ? record->offset : place->offset;
    return 0;
}

/* Acknowledged for sure, and one image of two is damaged: refused although the other image is
 * whole. */
Test(recovery, half_a_group_is_refused_once_something_stands_behind_it)
{
    struct fixture *f = log_new();
    struct tide_wal_recovery found;
    /* Record 2 has groups behind it; record 13 is the last one before the head of segment 2. */
    static const uint64_t lsns[] = {2, 13};
    static const char *const words[] = {"acknowledged before the valid record",
                                        "acknowledged before the next segment"};
    cr_assert_eq(f->records[14].type, TIDE_WAL_SEGMENT_HEAD);
    for (int i = 0; i < 2; i++) {
        struct place_of place = {.lsn = lsns[i]};
        struct disk_node *node = fixture_segment(f, 1);
        struct saved saved = save(node);
        cr_assert_eq(tide_wal_scan(&f->env, NULL, find_record, &place, &found, NULL), 0);
        node->now[place.offset + 33] ^= 0x10;
        refused(f, TIDE_ERR_CORRUPT, words[i]);
        restore(&saved);
        free(saved.bytes);
    }
    fixture_fini(f);
}

Test(recovery, unfinished_segments_are_deleted_and_foreign_files_left_alone)
{
    struct fixture *f = log_new();
    static const char *const names[] = {"wal-0000000000000009.tmp", "notes.txt", "wal-3.log",
                                        "wal-0000000000000007.log.bak"};
    for (int i = 0; i < 4; i++) {
        char path[80];
        snprintf(path, sizeof(path), FIXTURE_DIR "/%s", names[i]);
        cr_assert_eq(tide_io_replace(&f->disk.io, path, "x", 1, NULL), 0);
    }
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->found.segments, 2);
    for (int i = 0; i < 4; i++) {
        char path[80];
        snprintf(path, sizeof(path), FIXTURE_DIR "/%s", names[i]);
        cr_assert_eq(disk_node(&f->disk, path) != NULL, i > 0, "%s", names[i]);
    }
    fixture_fini(f);
}

static void
unlink_segment(struct fixture *f, uint64_t segment)
{
    char path[64];
    snprintf(path, sizeof(path), FIXTURE_DIR "/wal-%016lu.log", segment);
    cr_assert_eq(f->disk.io.unlink(&f->disk, path, NULL), 0);
}

Test(recovery, missing_foreign_and_mixed_segments_are_refused)
{
    struct fixture *f = log_new();
    cr_assert_eq(fixture_begin(f, NULL), 0);
    fixture_crash(f);
    cr_assert_eq(fixture_recover(f, NULL), 0);
    cr_assert_eq(f->found.segments, 3);

    f->options.id.bytes[0] ^= 1;
    refused(f, TIDE_ERR_CORRUPT, "another checkpoint");
    f->options.id.bytes[0] ^= 1;

    struct disk_node *second = fixture_segment(f, 2);
    struct saved saved = save(second);
    memcpy(second->now, fixture_segment(f, 1)->now, SEGMENT);
    refused(f, TIDE_ERR_CORRUPT, "another segment");
    restore(&saved);
    free(saved.bytes);

    unlink_segment(f, 2);
    refused(f, TIDE_ERR_CORRUPT, "missing");
    unlink_segment(f, 1);
    cr_assert_eq(fixture_recover(f, NULL), 0, "the oldest may be gone");
    cr_assert_eq(f->found.segments, 1);
    fixture_fini(f);
}

/*
 * Somebody puts an older copy of a segment back: everything in it is valid, but the next segment
 * was written behind something else.
 */
Test(recovery, an_older_copy_of_a_segment_is_refused)
{
    static struct fixture f;
    fixture_init(&f, 3, SEGMENT);
    cr_assert_eq(fixture_begin(&f, NULL), 0);
    cr_assert_eq(fixture_append(&f, TIDE_WAL_SC, 10), 0);
    fixture_sync(&f);
    struct saved early = save(fixture_segment(&f, 1));
    cr_assert_eq(fixture_append(&f, TIDE_WAL_SC, 10), 0);
    fixture_sync(&f);
    fixture_crash(&f);
    cr_assert_eq(fixture_recover(&f, NULL), 0);
    cr_assert_eq(fixture_begin(&f, NULL), 0);
    fixture_crash(&f);
    restore(&early);
    refused(&f, TIDE_ERR_CORRUPT,
            "begins with record 4, but the segment before ends with record 2");
    free(early.bytes);
    fixture_fini(&f);
}

Test(recovery, another_past_with_the_same_numbers_is_refused)
{
    static struct fixture a;
    static struct fixture b;
    struct fixture *both[] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        fixture_init(both[i], 3, SEGMENT);
        cr_assert_eq(fixture_begin(both[i], NULL), 0);
        cr_assert_eq(fixture_append(both[i], TIDE_WAL_SC, i == 0 ? 10 : 11), 0);
        fixture_sync(both[i]);
        fixture_crash(both[i]);
        cr_assert_eq(fixture_recover(both[i], NULL), 0);
        cr_assert_eq(fixture_begin(both[i], NULL), 0);
        fixture_crash(both[i]);
    }
    memcpy(fixture_segment(&a, 1)->now, fixture_segment(&b, 1)->now, SEGMENT);
    a.records[2] = b.records[2];
    refused(&a, TIDE_ERR_CORRUPT, "not the one it was written behind");
    fixture_fini(&a);
    fixture_fini(&b);
}

/* A power failure at each change that recovery and the start of the next segment make, again and
 * again. */
Test(recovery, may_be_interrupted_anywhere)
{
    static struct fixture f;
    for (uint64_t stop = 1; stop < 40; stop++) {
        fixture_init(&f, stop, SEGMENT);
        cr_assert_eq(fixture_begin(&f, NULL), 0);
        cr_assert_eq(fixture_append(&f, TIDE_WAL_SC, 200), 0);
        fixture_sync(&f);
        fixture_crash(&f);
        struct disk_node *node = fixture_segment(&f, 1);
        node->now[2 * BLOCK + (stop % 2) * BLOCK + 50] ^= 1; /* half a group: mended */
        memcpy(node->now + 5 * BLOCK, "rest", 4);            /* and something to cut */
        memcpy(node->safe, node->now, node->now_len);
        for (int again = 0; again < 3; again++) {
            f.disk.stop_at = f.disk.changes + stop;
            int rc = fixture_recover(&f, NULL);
            rc = rc != 0 ? rc : fixture_begin(&f, NULL);
            cr_assert(rc == 0 || f.disk.stopped);
            fixture_crash(&f);
        }
        struct tide_error err = {.code = 0};
        cr_assert_eq(fixture_recover(&f, &err), 0, "stopped at %lu: %s", stop, err.text);
        cr_assert_geq(f.visited_last, 2);
        cr_assert_eq(fixture_begin(&f, &err), 0, "%s", err.text);
        cr_assert_eq(fixture_append(&f, TIDE_WAL_SC, 200), 0);
        fixture_sync(&f);
        cr_assert_eq(fixture_files(&f, ".tmp"), 0);
        fixture_fini(&f);
    }
}
