/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one segment that is in memory: header, head, groups, and what stands where a group
 * should.
 *
 * Pure functions over bytes; they decide nothing about other files. Private to wal/. Threads: any.
 */
#ifndef TIDE_WAL_SEGMENT_H
#define TIDE_WAL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "wal/format.h"

/* A segment's bytes. The view does not own them. */
struct tide_wal_view {
    const uint8_t *bytes;
    uint64_t size;
    struct tide_wal_header header;
    uint32_t seed;
};

/* A whole image: records with consecutive LSNs up to the one flagged LAST. */
struct tide_wal_image {
    uint64_t at;  /* offset of its first record */
    uint64_t len; /* to the end of its last record */
    uint64_t first_lsn;
    uint64_t last_lsn;
    uint32_t last_crc; /* of its last record, as it stands in the original */
};

enum tide_wal_found {
    TIDE_WAL_GROUP_WHOLE, /* both images */
    TIDE_WAL_GROUP_HALF,  /* one of them */
    TIDE_WAL_GROUP_NONE,  /* neither, but not only zeros */
    TIDE_WAL_GROUP_END,   /* only zeros up to the end of the file */
};

struct tide_wal_group {
    struct tide_wal_image image; /* the whole one (the original when both are) */
    bool original;               /* whether @image is the original */
    uint64_t copy_at;            /* where the copy stands or belongs */
    uint64_t end;                /* of the group: a block boundary */
};

/* Reads one image whose first record has @lsn; false when it is not whole. @thread any */
bool tide_wal_image_read(const struct tide_wal_view *view, uint64_t at, uint64_t lsn, bool copy,
                         struct tide_wal_image *out_image);

/* Looks for the group that begins with @lsn at @at. @thread any */
enum tide_wal_found tide_wal_group_find(const struct tide_wal_view *view, uint64_t at, uint64_t lsn,
                                        struct tide_wal_group *out_group);

/*
 * Looks from @at on for proof that record @lsn was acknowledged: a valid record that says so (V2).
 * *out_raw and *out_at are that record. @thread any
 */
bool tide_wal_evidence(const struct tide_wal_view *view, uint64_t at, uint64_t lsn,
                       struct tide_wal_raw *out_raw, uint64_t *out_at);

/* The end of the non-zero bytes in [@at, size); @at when there are none. @thread any */
uint64_t tide_wal_extent(const struct tide_wal_view *view, uint64_t at);

#endif
