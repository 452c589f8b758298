/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of heads and blocks, against those that golden.py writes from the format's description.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "state/block.h"

static const char head_hex[] =
    "54494445535441540100000001000000070000000000000003000000050000000000000000000000"
    "000000000000000000000000000000000000000015a9bebf";
static const char block_hex[] =
    "54424c4b806859e25600000010000000010000000400000000000000030000002a00000000000000"
    "050001000000000000000000000000000000000000000000636f756e746ec80103036b6579767601"
    "01006b020001";
static const struct tide_state_file file = {TIDE_STATE_FILE_CHANGES, 7, 3, 5};

static void
assert_hex(const uint8_t *bytes, size_t n, const char *hex)
{
    char got[512];
    for (size_t i = 0; i < n; i++) {
        snprintf(got + 2 * i, 3, "%02x", bytes[i]);
    }
    cr_assert_str_eq(got, hex);
}

static uint32_t
block_make(uint8_t *room, size_t size, uint32_t seed)
{
    struct tide_block_writer writer;
    const struct tide_block block = {.kind = TIDE_BLOCK_ENTRIES,
                                     .version = 4,
                                     .epoch = 42,
                                     .op = {"count", 5},
                                     .name = {"n", 1}};
    tide_block_begin(&writer, &block, room, size);
    cr_assert(
        tide_block_add(&writer, 200, (struct tide_bytes){"key", 3}, (struct tide_bytes){"vv", 2}));
    cr_assert(
        tide_block_add(&writer, 1, (struct tide_bytes){"k", 1}, (struct tide_bytes){NULL, 0}));
    cr_assert(tide_block_add(&writer, 2, (struct tide_bytes){"", 0}, (struct tide_bytes){"", 0}));
    return tide_block_end(&writer, seed, 64);
}

Test(block, bytes)
{
    uint8_t head[TIDE_STATE_HEAD_BYTES], block[256];
    const uint32_t seed = tide_state_head_write(&file, head);
    assert_hex(head, sizeof(head), head_hex);
    assert_hex(block, block_make(block, sizeof(block), seed), block_hex);
}

Test(block, read_back)
{
    uint8_t head[TIDE_STATE_HEAD_BYTES], bytes[256];
    const uint32_t seed = tide_state_head_write(&file, head);
    const uint32_t len = block_make(bytes, sizeof(bytes), seed);
    struct tide_block block;
    struct tide_block_entry entry;
    struct tide_error err = {0};
    uint32_t cursor = 0;
    cr_assert_eq(tide_block_length(bytes), len);
    cr_assert_eq(tide_block_read(bytes, len, seed, 64, &block, &err), 0, "%s", err.text);
    cr_assert(tide_block_entry_next(block.payload, &cursor, &entry));
    cr_assert(entry.group == 200 && entry.key.n == 3 && entry.value.n == 2);
    cr_assert(tide_block_entry_next(block.payload, &cursor, &entry));
    cr_assert(entry.group == 1 && entry.key.n == 1 && entry.value.p == NULL, "a tombstone");
    cr_assert(tide_block_entry_next(block.payload, &cursor, &entry));
    cr_assert(entry.group == 2 && entry.key.n == 0 && entry.value.p != NULL && entry.value.n == 0);
    cr_assert(!tide_block_entry_next(block.payload, &cursor, &entry));
    cr_assert_eq(cursor, block.payload.n);
    /* The same bytes at another place or in another file are no block. */
    cr_assert_eq(tide_block_read(bytes, len, seed, 65, &block, &err), TIDE_ERR_CORRUPT);
    cr_assert_eq(tide_block_read(bytes, len, seed + 1, 64, &block, &err), TIDE_ERR_CORRUPT);
}

/* Entries that are cut anywhere end the walk, without a step beyond. */
Test(block, cut_entries)
{
    uint8_t bytes[256];
    const uint32_t len = block_make(bytes, sizeof(bytes), 1);
    struct tide_block block;
    struct tide_block_entry entry;
    cr_assert_eq(tide_block_read(bytes, len, 1, 64, &block, NULL), 0);
    for (uint32_t n = 0; n < block.payload.n; n++) {
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, block.payload.p, n);
        uint8_t *exact = realloc(copy, n > 0 ? n : 1);
        uint32_t cursor = 0;
        while (tide_block_entry_next((struct tide_bytes){exact, n}, &cursor, &entry)) {
            cr_assert_leq(cursor, n);
        }
        free(exact);
    }
}

Test(block, a_full_block_refuses)
{
    uint8_t bytes[128];
    struct tide_block_writer writer;
    const struct tide_block block = {.kind = TIDE_BLOCK_ENTRIES, .op = {"o", 1}, .name = {"n", 1}};
    uint32_t n = 0;
    tide_block_begin(&writer, &block, bytes, sizeof(bytes));
    while (tide_block_add(&writer, 0, (struct tide_bytes){"0123456789", 10},
                          (struct tide_bytes){NULL, 0})) {
        n++;
    }
    cr_assert_eq(n, 3, "13 bytes each, and 26 must be free");
    cr_assert_leq(tide_block_end(&writer, 0, 0), sizeof(bytes));
}

Test(block, file_names)
{
    char name[TIDE_STATE_NAME_MAX];
    struct tide_state_file again;
    tide_state_file_name(&file, name);
    cr_assert_str_eq(name, "chg-0000000000000007-3-5.seg");
    cr_assert(tide_state_file_parse(name, &again));
    cr_assert_eq(memcmp(&again, &file, sizeof(file)), 0);
    cr_assert(tide_state_file_parse("img-00000000000000ff-0-12.img", &again));
    cr_assert(again.kind == TIDE_STATE_FILE_IMAGE && again.incarnation == 255 && again.n == 12);
    static const char *const others[] = {"",
                                         "chg-7-3-5.seg",
                                         "chg-0000000000000007-3-5.img",
                                         "img-0000000000000007-3-5.img~",
                                         "lock",
                                         "chg-0000000000000007-03-5.seg"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        cr_assert(!tide_state_file_parse(others[i], &again), "%s", others[i]);
    }
}

Test(block, a_newer_format_is_named)
{
    uint8_t head[TIDE_STATE_HEAD_BYTES];
    struct tide_error err = {0};
    uint32_t seed;
    tide_state_head_write(&file, head);
    cr_assert_eq(tide_state_head_read(&file, head, &seed, &err), 0);
    const struct tide_state_file other = {TIDE_STATE_FILE_CHANGES, 7, 3, 6};
    cr_assert_eq(tide_state_head_read(&other, head, &seed, &err), TIDE_ERR_CORRUPT,
                 "a file under another's name");
    for (size_t i = 0; i < sizeof(head); i++) {
        head[i] ^= 1;
        cr_assert_eq(tide_state_head_read(&file, head, &seed, &err), TIDE_ERR_CORRUPT);
        head[i] ^= 1;
    }
}
