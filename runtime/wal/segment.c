/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds groups in a segment, also damaged ones.
 *
 * Nothing here trusts a length before the check sum over it was right, and every offset is compared
 * with the size of the file; the bytes may be anything (test/fuzz feeds them). Threads: any.
 */
#include "wal/segment.h"

#include <string.h>

#include "base/assert.h"

bool
tide_wal_image_read(const struct tide_wal_view *view, uint64_t at, uint64_t lsn, bool copy,
                    struct tide_wal_image *out_image)
{
    struct tide_wal_raw raw = {.flags = 0};
    uint64_t next = at;
    uint64_t last = at;
    uint64_t expect = lsn;
    do {
        if (next >= view->size ||
            !tide_wal_record_decode(view->seed, view->bytes + next, view->size - next, &raw)) {
            return false;
        }
        bool is_copy = (raw.flags & TIDE_WAL_COPY) != 0;
        if (raw.lsn != expect || raw.durable_lsn != lsn - 1 || is_copy != copy ||
            raw.incarnation != view->header.incarnation) {
            return false;
        }
        last = next;
        next += tide_wal_record_size(raw.len);
        expect++;
    } while ((raw.flags & TIDE_WAL_LAST) == 0);
    uint32_t sum =
        tide_wal_record_sum(view->seed, view->bytes + last, raw.flags & (uint8_t)~TIDE_WAL_COPY);
    *out_image = (struct tide_wal_image){
        .at = at, .len = next - at, .first_lsn = lsn, .last_lsn = expect - 1, .last_crc = sum};
    return true;
}

/* The copy of a group whose original does not tell where it ends: at some later block. */
static bool
copy_find(const struct tide_wal_view *view, uint64_t at, uint64_t lsn,
          struct tide_wal_image *out_image)
{
    for (uint64_t b = at + TIDE_WAL_BLOCK; b < view->size; b += TIDE_WAL_BLOCK) {
        if (tide_wal_image_read(view, b, lsn, true, out_image) &&
            b == at + tide_wal_blocks(out_image->len)) {
            return true;
        }
    }
    return false;
}

enum tide_wal_found
tide_wal_group_find(const struct tide_wal_view *view, uint64_t at, uint64_t lsn,
                    struct tide_wal_group *out_group)
{
    TIDE_ASSERT(at % TIDE_WAL_BLOCK == 0);
    struct tide_wal_image image;
    struct tide_wal_image copy;
    bool original = tide_wal_image_read(view, at, lsn, false, &image);
    if (!original && tide_wal_extent(view, at) == at) {
        return TIDE_WAL_GROUP_END;
    }
    if (!original && !copy_find(view, at, lsn, &image)) {
        return TIDE_WAL_GROUP_NONE;
    }
    uint64_t blocks = tide_wal_blocks(image.len);
    if (blocks > view->size - at || blocks > view->size - at - blocks) {
        return TIDE_WAL_GROUP_NONE; /* its copy would not fit: we never wrote that */
    }
    *out_group = (struct tide_wal_group){
        .image = image, .original = original, .copy_at = at + blocks, .end = at + 2 * blocks};
    bool whole = original && tide_wal_image_read(view, at + blocks, lsn, true, &copy) &&
                 copy.len == image.len && copy.last_lsn == image.last_lsn;
    return whole ? TIDE_WAL_GROUP_WHOLE : TIDE_WAL_GROUP_HALF;
}

bool
tide_wal_evidence(const struct tide_wal_view *view, uint64_t at, uint64_t lsn,
                  struct tide_wal_raw *out_raw, uint64_t *out_at)
{
    uint64_t end = tide_wal_extent(view, at);
    for (uint64_t next = at; next < end; next += 8) {
        if (tide_wal_record_decode(view->seed, view->bytes + next, view->size - next, out_raw) &&
            out_raw->durable_lsn >= lsn) {
            *out_at = next;
            return true;
        }
    }
    return false;
}

uint64_t
tide_wal_extent(const struct tide_wal_view *view, uint64_t at)
{
    static const uint8_t zeros[TIDE_WAL_BLOCK];
    uint64_t end = view->size;
    while (end - at >= sizeof(zeros) &&
           memcmp(view->bytes + end - sizeof(zeros), zeros, sizeof(zeros)) == 0) {
        end -= sizeof(zeros);
    }
    while (end > at && view->bytes[end - 1] == 0) {
        end--;
    }
    return end;
}
