/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold of WAL records: what is committed, what is only sealed, what is refused.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "epoch/checkpoint.h"
#include "wal/wal.h"

static struct tide_checkpoint checkpoint;
static struct tide_buf buf;

static int
apply(uint32_t type)
{
    int rc = tide_checkpoint_apply(&checkpoint, type, buf.data, (uint32_t)buf.len, NULL);
    tide_buf_clear(&buf);
    return rc;
}

static struct tide_offset
offset(uint64_t n)
{
    struct tide_offset out = {.n = sizeof(n)};
    memcpy(out.bytes, &n, sizeof(n));
    return out;
}

static uint64_t
next(uint32_t split)
{
    uint64_t n;
    memcpy(&n, checkpoint.splits[split].next.bytes, sizeof(n));
    return n;
}

static void
add_split(uint32_t id, const char *name, uint64_t from)
{
    struct tide_offset start = offset(from);
    cr_assert_eq(tide_record_split(&buf, id, "tx", name, &start), 0);
}

static void
seal(uint64_t epoch, uint32_t split, uint64_t to, const char *token)
{
    struct tide_report_offset changed = {.split = split, .next = offset(to)};
    struct tide_blobs snapshots = {0};
    struct tide_blobs tokens = {0};
    cr_assert_eq(tide_blobs_set(&snapshots, tide_seam_real(), "count[0]", &epoch, sizeof(epoch)),
                 0);
    cr_assert_eq(
        tide_blobs_set(&tokens, tide_seam_real(), "files/0.0", token, (uint32_t)strlen(token)), 0);
    struct tide_seal_record record = {.seal = {3, epoch},
                                      .first = epoch,
                                      .offsets = &changed,
                                      .n_offsets = 1,
                                      .snapshots = &snapshots,
                                      .tokens = &tokens};
    cr_assert_eq(tide_record_seal(&buf, &record), 0);
    tide_blobs_clear(&snapshots, tide_seam_real());
    tide_blobs_clear(&tokens, tide_seam_real());
}

static void
start(void)
{
    tide_checkpoint_init(&checkpoint, tide_seam_real());
    tide_buf_init(&buf, tide_seam_real(), 1u << 20);
    add_split(0, "t-0", 10);
    cr_assert_eq(apply(TIDE_WAL_SPLIT), 0);
    add_split(1, "t-1", 20);
    cr_assert_eq(apply(TIDE_WAL_SPLIT), 0);
    cr_assert_eq(tide_record_commit(&buf, (struct tide_seal){3, 0}), 0);
    cr_assert_eq(apply(TIDE_WAL_C), 0);
    cr_assert(checkpoint.started);
}

static void
finish(void)
{
    tide_checkpoint_fini(&checkpoint);
    tide_buf_fini(&buf);
}

Test(checkpoint, only_changed_splits_move)
{
    start();
    seal(1, 1, 25, "a");
    cr_assert_eq(apply(TIDE_WAL_SC), 0);
    cr_assert_eq(next(0), 10u);
    cr_assert_eq(next(1), 25u);
    cr_assert_eq(checkpoint.committed.epoch, 1u);
    finish();
}

Test(checkpoint, a_seal_takes_effect_with_its_commit)
{
    start();
    seal(1, 0, 15, "a");
    cr_assert_eq(apply(TIDE_WAL_S), 0);
    cr_assert_eq(next(0), 10u, "sealed is not committed");
    cr_assert_eq(checkpoint.sealed.epoch, 1u);
    cr_assert_eq(checkpoint.pending_tokens.n, 1u);
    cr_assert_eq(tide_record_commit(&buf, (struct tide_seal){3, 1}), 0);
    cr_assert_eq(apply(TIDE_WAL_C), 0);
    cr_assert_eq(next(0), 15u);
    cr_assert_null(checkpoint.pending);
    cr_assert_eq(checkpoint.tokens.n, 1u);
    finish();
}

Test(checkpoint, a_void_seal_leaves_nothing)
{
    start();
    seal(1, 0, 15, "a");
    cr_assert_eq(apply(TIDE_WAL_S), 0);
    tide_checkpoint_void(&checkpoint);
    cr_assert_eq(next(0), 10u);
    cr_assert_eq(checkpoint.sealed.epoch, 0u);
    cr_assert_eq(checkpoint.snapshots.n, 0u);
    finish();
}

Test(checkpoint, a_head_carries_everything_a_pending_seal_too)
{
    start();
    seal(1, 0, 15, "a");
    cr_assert_eq(apply(TIDE_WAL_SC), 0);
    seal(2, 1, 33, "b");
    cr_assert_eq(apply(TIDE_WAL_S), 0);
    checkpoint.incarnation = 9;
    memset(checkpoint.uuid, 7, sizeof(checkpoint.uuid));
    cr_assert_eq(tide_checkpoint_encode(&checkpoint, &buf), 0);
    tide_checkpoint_fini(&checkpoint);
    cr_assert_eq(apply(TIDE_WAL_SEGMENT_HEAD), 0);
    cr_assert_eq(checkpoint.incarnation, 9u);
    cr_assert_eq(checkpoint.uuid[15], 7);
    cr_assert_eq(checkpoint.n_splits, 2u);
    cr_assert_str_eq(checkpoint.splits[1].name, "t-1");
    cr_assert_eq(next(0), 15u);
    cr_assert_eq(next(1), 20u);
    cr_assert_eq(checkpoint.committed.epoch, 1u);
    cr_assert_eq(checkpoint.sealed.epoch, 2u);
    cr_assert_eq(tide_record_commit(&buf, (struct tide_seal){3, 2}), 0);
    cr_assert_eq(apply(TIDE_WAL_C), 0);
    cr_assert_eq(next(1), 33u);
    finish();
}

Test(checkpoint, what_breaks_the_order_is_refused)
{
    start();
    seal(2, 0, 15, "a");
    cr_assert_eq(apply(TIDE_WAL_SC), 0);
    seal(2, 0, 16, "a");
    cr_assert_eq(apply(TIDE_WAL_SC), TIDE_ERR_CORRUPT, "an epoch commits once");
    cr_assert_eq(tide_record_commit(&buf, (struct tide_seal){3, 5}), 0);
    cr_assert_eq(apply(TIDE_WAL_C), TIDE_ERR_CORRUPT, "a commit without its seal");
    add_split(7, "t-7", 0);
    cr_assert_eq(apply(TIDE_WAL_SPLIT), TIDE_ERR_CORRUPT, "split ids are dense");
    seal(3, 9, 1, "a");
    cr_assert_eq(apply(TIDE_WAL_SC), TIDE_ERR_CORRUPT, "an unknown split");
    finish();
}

Test(checkpoint, every_truncation_and_flip_of_a_record_is_survived)
{
    start();
    seal(1, 0, 15, "token");
    uint8_t copy[512];
    size_t len = buf.len;
    cr_assert_leq(len, sizeof(copy));
    memcpy(copy, buf.data, len);
    tide_buf_clear(&buf);
    for (size_t n = 0; n < len; n++) {
        cr_assert_eq(tide_checkpoint_apply(&checkpoint, TIDE_WAL_S, copy, (uint32_t)n, NULL),
                     TIDE_ERR_CORRUPT);
        tide_checkpoint_void(&checkpoint);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        tide_checkpoint_apply(&checkpoint, TIDE_WAL_S, copy, (uint32_t)len, NULL);
        tide_checkpoint_void(&checkpoint);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    cr_assert_eq(tide_checkpoint_apply(&checkpoint, TIDE_WAL_S, copy, (uint32_t)len, NULL), 0);
    finish();
}
