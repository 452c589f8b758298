/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding and decoding of the log's bytes. Pure functions; threads: any.
 *
 * Every byte of a record and of the header block is under a check sum (the padding between records
 * is zero and means nothing). Records' sums start from the checkpoint's id and the segment's
 * number, so that recycled or foreign bytes never look valid.
 */
#include "wal/format.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"

#define MAGIC "TIDEWAL"
#define TORN_NAME TIDE_WAL_PREFIX "%016llu-%010llu.torn"

/* Places in the header block. */
#define AT_MAGIC 0
#define AT_VERSION 8
#define AT_HEADER_CRC 12
#define AT_ID 16
#define AT_SEGMENT 32
#define AT_FIRST_LSN 40
#define AT_INCARNATION 48
#define AT_BYTES 56
#define AT_PREV_CRC 64

/* Places in a record. */
#define AT_LEN 0
#define AT_CRC 4
#define AT_LSN 8
#define AT_DURABLE 16
#define AT_RECORD_INCARNATION 24
#define AT_TYPE 28
#define AT_FLAGS 29
#define AT_ZERO 30

static_assert(sizeof(MAGIC) == AT_VERSION, "the magic fills its field, zero included");
static_assert(AT_ZERO + 2 == TIDE_WAL_RECORD_HEAD, "the record's head ends with the zero field");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are copied as they are");
static_assert(TIDE_LIMIT_WAL_SEGMENT % TIDE_WAL_BLOCK == 0, "segments are whole blocks");

static uint32_t
get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t
get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static void
put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void
put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

const char *
tide_wal_type_name(uint32_t type)
{
    static const char *const names[TIDE_WAL_TYPE_END] = {
        [TIDE_WAL_START] = "START",
        [TIDE_WAL_SPLIT] = "SPLIT",
        [TIDE_WAL_P] = "P",
        [TIDE_WAL_S] = "S",
        [TIDE_WAL_C] = "C",
        [TIDE_WAL_SC] = "SC",
        [TIDE_WAL_SNAPREF] = "SNAPREF",
        [TIDE_WAL_SEGMENT_HEAD] = "SEGMENT_HEAD",
        [TIDE_WAL_ABORT] = "ABORT",
        [TIDE_WAL_STOP] = "STOP",
    };
    return type < TIDE_WAL_TYPE_END && names[type] != NULL ? names[type] : "?";
}

uint32_t
tide_wal_seed(const struct tide_wal_id *id, uint64_t segment)
{
    uint8_t number[8];
    put64(number, segment);
    return tide_crc32c(tide_crc32c(0, id->bytes, sizeof(id->bytes)), number, sizeof(number));
}

/* The header block's sum: all of it, as if the sum's own field were zero. */
static uint32_t
header_crc(const uint8_t *block)
{
    static const uint8_t zero[4];
    uint32_t crc = tide_crc32c(0, block, AT_HEADER_CRC);
    crc = tide_crc32c(crc, zero, sizeof(zero));
    return tide_crc32c(crc, block + AT_HEADER_CRC + 4, TIDE_WAL_BLOCK - AT_HEADER_CRC - 4);
}

void
tide_wal_header_encode(const struct tide_wal_header *header, uint8_t out_block[TIDE_WAL_BLOCK])
{
    memset(out_block, 0, TIDE_WAL_BLOCK);
    memcpy(out_block + AT_MAGIC, MAGIC, sizeof(MAGIC));
    put32(out_block + AT_VERSION, TIDE_WAL_VERSION);
    memcpy(out_block + AT_ID, header->id.bytes, sizeof(header->id.bytes));
    put64(out_block + AT_SEGMENT, header->segment);
    put64(out_block + AT_FIRST_LSN, header->first_lsn);
    put64(out_block + AT_INCARNATION, header->incarnation);
    put64(out_block + AT_BYTES, header->bytes);
    put32(out_block + AT_PREV_CRC, header->prev_crc);
    put32(out_block + AT_HEADER_CRC, header_crc(out_block));
}

enum tide_wal_header_state
tide_wal_header_decode(const uint8_t block[TIDE_WAL_BLOCK], struct tide_wal_header *out_header,
                       uint32_t *out_version)
{
    if (memcmp(block + AT_MAGIC, MAGIC, sizeof(MAGIC)) != 0 ||
        get32(block + AT_HEADER_CRC) != header_crc(block)) {
        return TIDE_WAL_HEADER_DAMAGED;
    }
    *out_version = get32(block + AT_VERSION);
    if (*out_version != TIDE_WAL_VERSION) {
        return TIDE_WAL_HEADER_NEWER;
    }
    memcpy(out_header->id.bytes, block + AT_ID, sizeof(out_header->id.bytes));
    out_header->segment = get64(block + AT_SEGMENT);
    out_header->first_lsn = get64(block + AT_FIRST_LSN);
    out_header->incarnation = get64(block + AT_INCARNATION);
    out_header->bytes = get64(block + AT_BYTES);
    out_header->prev_crc = get32(block + AT_PREV_CRC);
    return TIDE_WAL_HEADER_OK;
}

void
tide_wal_record_encode(const struct tide_wal_raw *raw, uint8_t *out)
{
    TIDE_ASSERT(raw->len <= TIDE_LIMIT_WAL_RECORD);
    memset(out, 0, TIDE_WAL_RECORD_HEAD);
    put32(out + AT_LEN, raw->len);
    put64(out + AT_LSN, raw->lsn);
    put32(out + AT_RECORD_INCARNATION, raw->incarnation);
    out[AT_TYPE] = raw->type;
    uint64_t end = TIDE_WAL_RECORD_HEAD + raw->len;
    if (raw->len > 0) {
        memcpy(out + TIDE_WAL_RECORD_HEAD, raw->payload, raw->len);
    }
    memset(out + end, 0, tide_wal_record_size(raw->len) - end);
}

uint32_t
tide_wal_record_sum(uint32_t seed, const uint8_t *record, uint8_t flags)
{
    uint32_t crc = tide_crc32c(seed, record + AT_LEN, 4);
    crc = tide_crc32c(crc, record + AT_LSN, AT_FLAGS - AT_LSN);
    crc = tide_crc32c(crc, &flags, 1);
    return tide_crc32c(crc, record + AT_ZERO,
                       TIDE_WAL_RECORD_HEAD - AT_ZERO + tide_wal_record_len(record));
}

uint32_t
tide_wal_record_stamp(uint32_t seed, uint8_t *record, uint64_t durable_lsn, uint8_t flags)
{
    TIDE_ASSERT(durable_lsn < get64(record + AT_LSN));
    put64(record + AT_DURABLE, durable_lsn);
    record[AT_FLAGS] = flags;
    uint32_t crc = tide_wal_record_sum(seed, record, flags);
    put32(record + AT_CRC, crc);
    return crc;
}

uint32_t
tide_wal_record_len(const uint8_t *record)
{
    return get32(record + AT_LEN);
}

bool
tide_wal_record_decode(uint32_t seed, const uint8_t *bytes, uint64_t avail,
                       struct tide_wal_raw *out_raw)
{
    if (avail < TIDE_WAL_RECORD_HEAD) {
        return false;
    }
    uint32_t len = get32(bytes + AT_LEN);
    /* The cheap tests first: most candidates of a scan are zeros or the middle of a payload. */
    if (bytes[AT_TYPE] == 0 || len > TIDE_LIMIT_WAL_RECORD || tide_wal_record_size(len) > avail ||
        (bytes[AT_FLAGS] & ~(TIDE_WAL_LAST | TIDE_WAL_COPY)) != 0 || bytes[AT_ZERO] != 0 ||
        bytes[AT_ZERO + 1] != 0 || get64(bytes + AT_DURABLE) >= get64(bytes + AT_LSN) ||
        get32(bytes + AT_CRC) != tide_wal_record_sum(seed, bytes, bytes[AT_FLAGS])) {
        return false;
    }
    *out_raw = (struct tide_wal_raw){
        .lsn = get64(bytes + AT_LSN),
        .durable_lsn = get64(bytes + AT_DURABLE),
        .incarnation = get32(bytes + AT_RECORD_INCARNATION),
        .len = len,
        .crc = get32(bytes + AT_CRC),
        .type = bytes[AT_TYPE],
        .flags = bytes[AT_FLAGS],
        .payload = bytes + TIDE_WAL_RECORD_HEAD,
    };
    return true;
}

/* ---- names ---- */

/* Names are accepted only as we write them: what was read is written again and compared. */
enum tide_wal_name
tide_wal_name_parse(const char *name, uint64_t *out_segment)
{
    unsigned long long segment = 0;
    unsigned long long offset = 0;
    char suffix[8] = "";
    char again[80];
    enum tide_wal_name kind = TIDE_WAL_NAME_OTHER;
    if (sscanf(name, TORN_NAME, &segment, &offset) == 2) {
        kind = TIDE_WAL_NAME_TORN;
        snprintf(again, sizeof(again), TORN_NAME, segment, offset);
    } else if (sscanf(name, TIDE_WAL_PREFIX "%16llu.%3s", &segment, suffix) == 2) {
        kind = strcmp(suffix, "log") == 0   ? TIDE_WAL_NAME_SEGMENT
               : strcmp(suffix, "tmp") == 0 ? TIDE_WAL_NAME_TEMP
                                            : TIDE_WAL_NAME_OTHER;
        snprintf(again, sizeof(again), TIDE_WAL_PREFIX "%016llu.%s", segment, suffix);
    }
    if (kind == TIDE_WAL_NAME_OTHER || strcmp(name, again) != 0) {
        return TIDE_WAL_NAME_OTHER;
    }
    *out_segment = segment;
    return kind;
}

static int
path_checked(int n, const char *dir, struct tide_error *err)
{
    return n < TIDE_IO_PATH_MAX
               ? 0
               : tide_error_set(err, TIDE_ERR_LIMIT, "path too long: %.64s...", dir);
}

int
tide_wal_path(const char *dir, uint64_t segment, const char *suffix,
              char out_path[TIDE_IO_PATH_MAX], struct tide_error *err)
{
    int n = snprintf(out_path, TIDE_IO_PATH_MAX, "%s/" TIDE_WAL_PREFIX "%016llu.%s", dir,
                     (unsigned long long)segment, suffix);
    return path_checked(n, dir, err);
}

int
tide_wal_path_in(const char *dir, const char *name, char out_path[TIDE_IO_PATH_MAX],
                 struct tide_error *err)
{
    return path_checked(snprintf(out_path, TIDE_IO_PATH_MAX, "%s/%s", dir, name), dir, err);
}

int
tide_wal_path_torn(const char *dir, uint64_t segment, uint64_t offset,
                   char out_path[TIDE_IO_PATH_MAX], struct tide_error *err)
{
    int n = snprintf(out_path, TIDE_IO_PATH_MAX, "%s/" TORN_NAME, dir, (unsigned long long)segment,
                     (unsigned long long)offset);
    return path_checked(n, dir, err);
}
