/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: bytes in and out. If a field is added here, add it to docs/reference/state-format.md
 * and raise FORMAT.
 *
 *   file head   0 "TIDESTAT"        8 u32 format      12 u32 kind     16 u64 incarnation
 *              24 u32 owner        28 u32 n           32 zeros
 *              60 u32 CRC32C of bytes 0..59
 *   block head  0 u32 "TBLK"        4 u32 CRC32C of place and rest     8 u32 length of all
 *              12 u32 raw length   16 u8 kind  17 u8 table  18 u8 codec  19 zero
 *              20 u32 version      24 u32 index       28 u32 entries  32 u64 epoch
 *              40 u16 op length    42 u16 name length 44 zeros
 *   then        op, name, payload
 *   entry       varint group, varint key length, varint value length + 1 (0: a tombstone),
 *               key, value
 */
#include "state/block.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/limits.h"

#define FORMAT 1u
#define BLOCK_MAGIC 0x4b4c4254u /* "TBLK" */

static void
put16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof(value));
}

static void
put32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

static void
put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
}

static uint16_t
get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return le16toh(value);
}

static uint32_t
get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static uint64_t
get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

/* ---- names ---- */

void
tide_state_file_name(const struct tide_state_file *file, char out[TIDE_STATE_NAME_MAX])
{
    const bool changes = file->kind == TIDE_STATE_FILE_CHANGES;
    snprintf(out, TIDE_STATE_NAME_MAX, "%s-%016llx-%u-%u.%s", changes ? "chg" : "img",
             (unsigned long long)file->incarnation, file->owner, file->n, changes ? "seg" : "img");
}

bool
tide_state_file_parse(const char *name, struct tide_state_file *out_file)
{
    char kind[4], again[TIDE_STATE_NAME_MAX];
    unsigned long long incarnation;
    struct tide_state_file file = {0};
    if (sscanf(name, "%3[a-z]-%16llx-%10u-%10u.", kind, &incarnation, &file.owner, &file.n) != 4) {
        return false;
    }
    file.incarnation = incarnation;
    file.kind = strcmp(kind, "chg") == 0 ? TIDE_STATE_FILE_CHANGES : TIDE_STATE_FILE_IMAGE;
    tide_state_file_name(&file, again);
    if (strcmp(name, again) != 0) {
        return false;
    }
    *out_file = file;
    return true;
}

/* ---- the head of a file ---- */

uint32_t
tide_state_head_write(const struct tide_state_file *file, uint8_t out[TIDE_STATE_HEAD_BYTES])
{
    memset(out, 0, TIDE_STATE_HEAD_BYTES);
    memcpy(out, "TIDESTAT", 8);
    put32(out + 8, FORMAT);
    put32(out + 12, file->kind);
    put64(out + 16, file->incarnation);
    put32(out + 24, file->owner);
    put32(out + 28, file->n);
    const uint32_t crc = tide_crc32c(0, out, 60);
    put32(out + 60, crc);
    return crc;
}

int
tide_state_head_read(const struct tide_state_file *file, const uint8_t head[TIDE_STATE_HEAD_BYTES],
                     uint32_t *out_seed, struct tide_error *err)
{
    uint8_t expected[TIDE_STATE_HEAD_BYTES];
    const uint32_t seed = tide_state_head_write(file, expected);
    if (memcmp(head, expected, sizeof(expected)) == 0) {
        *out_seed = seed;
        return 0;
    }
    if (memcmp(head, expected, 8) == 0 && get32(head + 60) == tide_crc32c(0, head, 60) &&
        get32(head + 8) > FORMAT) {
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED,
                              "state format %u is newer than this program's %u", get32(head + 8),
                              FORMAT);
    }
    return tide_error_set(err, TIDE_ERR_CORRUPT, "the head of the file is damaged");
}

/* ---- writing ---- */

uint32_t
tide_block_overhead(const struct tide_block *block)
{
    return TIDE_BLOCK_HEAD_BYTES + block->op.n + block->name.n;
}

static uint8_t *
bytes_put(uint8_t *at, struct tide_bytes bytes)
{
    if (bytes.n > 0) {
        memcpy(at, bytes.p, bytes.n);
    }
    return at + bytes.n;
}

void
tide_block_begin(struct tide_block_writer *writer, const struct tide_block *block, uint8_t *room,
                 size_t size)
{
    TIDE_ASSERT(size >= tide_block_overhead(block));
    writer->start = room;
    writer->end = room + size;
    writer->block = *block;
    writer->block.entries = 0;
    writer->payload = bytes_put(bytes_put(room + TIDE_BLOCK_HEAD_BYTES, block->op), block->name);
    writer->at = writer->payload;
}

static uint8_t *
varint_put(uint8_t *at, uint32_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

bool
tide_block_add(struct tide_block_writer *writer, uint32_t group, struct tide_bytes key,
               struct tide_bytes value)
{
    const uint64_t need = (uint64_t)TIDE_BLOCK_ENTRY_MAX + key.n + value.n;
    if (need > (uint64_t)(writer->end - writer->at)) {
        return false;
    }
    uint8_t *at = varint_put(varint_put(writer->at, group), key.n);
    at = varint_put(at, value.p == NULL ? 0 : value.n + 1);
    at = bytes_put(at, key);
    writer->at = value.p == NULL ? at : bytes_put(at, value);
    writer->block.entries++;
    return true;
}

void
tide_block_add_bytes(struct tide_block_writer *writer, struct tide_bytes bytes)
{
    TIDE_ASSERT(bytes.n <= (size_t)(writer->end - writer->at));
    writer->at = bytes_put(writer->at, bytes);
}

/* The CRC of a block at @offset: over everything behind the CRC itself. */
static uint32_t
block_crc(const uint8_t *bytes, uint32_t len, uint32_t seed, uint64_t offset)
{
    uint8_t place[8];
    put64(place, offset);
    return tide_crc32c(tide_crc32c(seed, place, sizeof(place)), bytes + 8, len - 8);
}

uint32_t
tide_block_end(struct tide_block_writer *writer, uint32_t seed, uint64_t offset)
{
    const struct tide_block *block = &writer->block;
    uint8_t *head = writer->start;
    const uint32_t len = (uint32_t)(writer->at - writer->start);
    const uint32_t payload = (uint32_t)(writer->at - writer->payload);
    memset(head, 0, TIDE_BLOCK_HEAD_BYTES);
    put32(head, BLOCK_MAGIC);
    put32(head + 8, len);
    put32(head + 12, block->codec == TIDE_BLOCK_RAW ? payload : block->raw_len);
    head[16] = block->kind;
    head[17] = block->table;
    head[18] = block->codec;
    put32(head + 20, block->version);
    put32(head + 24, block->index);
    put32(head + 28, block->entries);
    put64(head + 32, block->epoch);
    put16(head + 40, (uint16_t)block->op.n);
    put16(head + 42, (uint16_t)block->name.n);
    put32(head + 4, block_crc(head, len, seed, offset));
    return len;
}

/* ---- reading ---- */

uint32_t
tide_block_length(const uint8_t head[TIDE_BLOCK_HEAD_BYTES])
{
    const uint32_t len = get32(head + 8);
    const uint64_t most =
        (uint64_t)TIDE_LIMIT_STATE_VALUE + TIDE_LIMIT_STATE_KEY + TIDE_LIMIT_STATE_BUFFER;
    return get32(head) == BLOCK_MAGIC && len >= TIDE_BLOCK_HEAD_BYTES && len <= most ? len : 0;
}

static bool
head_is_sound(const struct tide_block *block, uint32_t len)
{
    return block->kind >= TIDE_BLOCK_ENTRIES && block->kind <= TIDE_BLOCK_END &&
           block->table < TIDE_BLOCK_TABLES && block->codec <= TIDE_BLOCK_ZSTD &&
           block->raw_len <=
               TIDE_LIMIT_STATE_VALUE + TIDE_LIMIT_STATE_KEY + TIDE_LIMIT_STATE_BUFFER &&
           block->op.n + block->name.n <= len - TIDE_BLOCK_HEAD_BYTES;
}

int
tide_block_read(const uint8_t *bytes, uint32_t len, uint32_t seed, uint64_t offset,
                struct tide_block *out_block, struct tide_error *err)
{
    TIDE_ASSERT(len >= TIDE_BLOCK_HEAD_BYTES);
    if (get32(bytes) != BLOCK_MAGIC || get32(bytes + 8) != len ||
        get32(bytes + 4) != block_crc(bytes, len, seed, offset)) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "block at offset %llu is damaged (check sum)",
                              (unsigned long long)offset);
    }
    struct tide_block block = {
        .kind = bytes[16],
        .table = bytes[17],
        .codec = bytes[18],
        .version = get32(bytes + 20),
        .index = get32(bytes + 24),
        .entries = get32(bytes + 28),
        .epoch = get64(bytes + 32),
        .raw_len = get32(bytes + 12),
        .op = {bytes + TIDE_BLOCK_HEAD_BYTES, get16(bytes + 40)},
    };
    block.name = (struct tide_bytes){bytes + TIDE_BLOCK_HEAD_BYTES + block.op.n, get16(bytes + 42)};
    if (!head_is_sound(&block, len)) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "block at offset %llu makes no sense",
                              (unsigned long long)offset);
    }
    block.payload.p = bytes + tide_block_overhead(&block);
    block.payload.n = len - tide_block_overhead(&block);
    if (block.codec == TIDE_BLOCK_RAW && block.payload.n != block.raw_len) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "block at offset %llu has two lengths",
                              (unsigned long long)offset);
    }
    *out_block = block;
    return 0;
}

static bool
varint_get(struct tide_bytes payload, uint32_t *cursor, uint32_t *out_value)
{
    const uint8_t *bytes = payload.p;
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 35 && *cursor < payload.n; shift += 7) {
        const uint8_t byte = bytes[(*cursor)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out_value = (uint32_t)value;
            return value <= UINT32_MAX;
        }
    }
    return false;
}

bool
tide_block_entry_next(struct tide_bytes payload, uint32_t *cursor,
                      struct tide_block_entry *out_entry)
{
    const uint8_t *bytes = payload.p;
    uint32_t at = *cursor, group, key, value;
    if (at == payload.n || !varint_get(payload, &at, &group) || !varint_get(payload, &at, &key) ||
        !varint_get(payload, &at, &value)) {
        return false;
    }
    const uint32_t value_len = value == 0 ? 0 : value - 1;
    if ((uint64_t)key + value_len > payload.n - at) {
        return false;
    }
    out_entry->group = group;
    out_entry->key = (struct tide_bytes){bytes + at, key};
    out_entry->value = (struct tide_bytes){value == 0 ? NULL : bytes + at + key, value_len};
    *cursor = at + key + value_len;
    return true;
}
