/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's bytes: segment header, records, groups. docs/reference/wal-format.md says the same for
 * people; change both, and test/unit/wal/wal_list.py, together.
 *
 * A segment file is a 4-KiB header block, one SEGMENT_HEAD record from the second block on, then
 * groups. A group is what was synced together. It stands there twice: the original image at the
 * next free block, the copy (same records, flag COPY) at the first block behind the original. All
 * other bytes of the file are zero.
 *
 *     | header | head ... | A A A . | A'A'A'. | B B . . | B'B'. . | 0 0 0 ...
 *
 * Invariants:
 *   V1 a block that was synced is never written again, so a torn write cannot damage what is
 * durable; V2 within a group every record's durable_lsn is the group's first LSN - 1: one group is
 * in flight at a time, and what is appended meanwhile belongs to the next one. Hence a valid record
 * with durable_lsn >= n proves that record n was acknowledged; V3 the file has exactly the size its
 * header says, from before it gets its name to its deletion.
 *
 * Little-endian throughout. Private to wal/.
 */
#ifndef TIDE_WAL_FORMAT_H
#define TIDE_WAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/wal.h"

#define TIDE_WAL_VERSION 1u
#define TIDE_WAL_BLOCK 4096u
#define TIDE_WAL_RECORD_HEAD 32u
#define TIDE_WAL_PREFIX "wal-"

/* Flags of a record. */
#define TIDE_WAL_LAST 1u /* ends its image */
#define TIDE_WAL_COPY 2u /* stands in the second image */

/* What the header block holds. */
struct tide_wal_header {
    struct tide_wal_id id;
    uint64_t segment;
    uint64_t first_lsn;
    uint64_t incarnation;
    uint64_t bytes;    /* size of the file */
    uint32_t prev_crc; /* check sum of the record before first_lsn, 0 for the first segment */
};

enum tide_wal_header_state {
    TIDE_WAL_HEADER_OK,
    TIDE_WAL_HEADER_DAMAGED, /* not a header, or its check sum is wrong */
    TIDE_WAL_HEADER_NEWER,   /* of a version above TIDE_WAL_VERSION: *out_version */
};

/* A record in memory that holds a segment. */
struct tide_wal_raw {
    uint64_t lsn;
    uint64_t durable_lsn;
    uint32_t incarnation;
    uint32_t len;
    uint32_t crc;
    uint8_t type;
    uint8_t flags;
    const uint8_t *payload;
};

/* @n rounded up to whole blocks. @thread any */
static inline uint64_t
tide_wal_blocks(uint64_t n)
{
    return (n + TIDE_WAL_BLOCK - 1) / TIDE_WAL_BLOCK * TIDE_WAL_BLOCK;
}

/* Bytes of a record with @len bytes of payload. @thread any */
static inline uint64_t
tide_wal_record_size(uint64_t len)
{
    return (TIDE_WAL_RECORD_HEAD + len + 7) / 8 * 8;
}

/* What the check sums of a segment's records start from. @thread any */
uint32_t tide_wal_seed(const struct tide_wal_id *id, uint64_t segment);

/* @thread any */
void tide_wal_header_encode(const struct tide_wal_header *header,
                            uint8_t out_block[TIDE_WAL_BLOCK]);
enum tide_wal_header_state tide_wal_header_decode(const uint8_t block[TIDE_WAL_BLOCK],
                                                  struct tide_wal_header *out_header,
                                                  uint32_t *out_version);

/*
 * Writes a record of tide_wal_record_size(raw->len) bytes, padding included; the check sum only
 * after tide_wal_record_stamp. @thread any
 */
void tide_wal_record_encode(const struct tide_wal_raw *raw, uint8_t *out);

/* Completes an encoded record in place: durable_lsn, flags, check sum, which is returned. @thread
 * any */
uint32_t tide_wal_record_stamp(uint32_t seed, uint8_t *record, uint64_t durable_lsn, uint8_t flags);

/* The check sum of an encoded record, as if its flags were @flags. @thread any */
uint32_t tide_wal_record_sum(uint32_t seed, const uint8_t *record, uint8_t flags);

/* Payload bytes of an encoded record. @thread any */
uint32_t tide_wal_record_len(const uint8_t *record);

/* Reads the record at @bytes, of which @avail are there; false when it is not valid. @thread any */
bool tide_wal_record_decode(uint32_t seed, const uint8_t *bytes, uint64_t avail,
                            struct tide_wal_raw *out_raw);

/* ---- names of files in the log's directory ---- */

enum tide_wal_name {
    TIDE_WAL_NAME_OTHER,
    TIDE_WAL_NAME_SEGMENT, /* wal-NUMBER.log */
    TIDE_WAL_NAME_TEMP,    /* wal-NUMBER.tmp: a segment that is not one yet */
    TIDE_WAL_NAME_TORN,    /* wal-NUMBER-OFFSET.torn: a cut tail kept aside */
};

enum tide_wal_name tide_wal_name_parse(const char *name, uint64_t *out_segment);

/* Paths of them; TIDE_ERR_LIMIT when too long. @thread any */
int tide_wal_path(const char *dir, uint64_t segment, const char *suffix,
                  char out_path[TIDE_IO_PATH_MAX], struct tide_error *err);
int tide_wal_path_in(const char *dir, const char *name, char out_path[TIDE_IO_PATH_MAX],
                     struct tide_error *err);
int tide_wal_path_torn(const char *dir, uint64_t segment, uint64_t offset,
                       char out_path[TIDE_IO_PATH_MAX], struct tide_error *err);

#endif
