/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE place where an epoch is sealed.
 *
 * S(e) is appended when every source, snapshot and sink of this incarnation has reported e and
 * everything before it is sealed and committed (I2, I3); at most one epoch lies between S and C.
 * With only plain sinks durable is visible, so S and C are one record and one sync.
 *
 * Thread: coordinator.
 */
#include <stdio.h>

#include "base/assert.h"
#include "epoch/coordinator.h"
#include "epoch/report.h"

/* The offsets of all sources at @epoch: reports hold only what changed, so later ones win. */
static int
gather_offsets(struct tide_coordinator *c, uint64_t epoch, struct tide_buf *out)
{
    for (uint32_t task = 0; task < c->config.n_tasks; task++) {
        struct tide_ledger_lane *lane = tide_ledger_lane(&c->ledger, task, TIDE_LEDGER_SOURCE);
        for (uint32_t i = 0; i < lane->n && lane->entries[i].epoch <= epoch; i++) {
            int rc = tide_buf_append(out, lane->entries[i].payload, lane->entries[i].len);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

/* The snapshot references of exactly @epoch. */
static int
gather_snapshots(struct tide_coordinator *c, uint64_t epoch, struct tide_blobs *out)
{
    for (uint32_t task = 0; task < c->config.n_tasks; task++) {
        struct tide_ledger_lane *lane = tide_ledger_lane(&c->ledger, task, TIDE_LEDGER_STATE);
        for (uint32_t i = 0; i < lane->n; i++) {
            const struct tide_ledger_entry *entry = &lane->entries[i];
            if (entry->epoch == epoch &&
                tide_blobs_set(out, c->config.seam, c->config.tasks[task].scope, entry->payload,
                               entry->len) != 0) {
                return TIDE_ERR_NOMEM;
            }
        }
    }
    return 0;
}

/* The tokens of the sinks that decide or publish, in the order of their tasks: key "SINK/TASK.N".
 */
static int
gather_tokens(struct tide_coordinator *c, uint64_t epoch, struct tide_blobs *out)
{
    char key[256];
    for (uint32_t task = 0; task < c->config.n_tasks; task++) {
        struct tide_ledger_lane *lane = tide_ledger_lane(&c->ledger, task, TIDE_LEDGER_SINK);
        int32_t sink = c->config.tasks[task].sink;
        if (sink < 0 || c->config.sinks[sink].commit_class == TIDE_COMMIT_PLAIN) {
            continue;
        }
        for (uint32_t i = 0; i < lane->n && lane->entries[i].epoch <= epoch; i++) {
            snprintf(key, sizeof(key), "%s/%u.%u", c->config.sinks[sink].id, task, i);
            if (tide_blobs_set(out, c->config.seam, key, lane->entries[i].payload,
                               lane->entries[i].len) != 0) {
                return TIDE_ERR_NOMEM;
            }
        }
    }
    return 0;
}

static bool
plain_only(const struct tide_coordinator *c)
{
    for (uint32_t i = 0; i < c->config.n_sinks; i++) {
        if (c->config.sinks[i].commit_class != TIDE_COMMIT_PLAIN) {
            return false;
        }
    }
    return true;
}

static int
encode_seal(struct tide_coordinator *c, uint64_t epoch)
{
    struct tide_blobs snapshots = {0};
    struct tide_blobs tokens = {0};
    struct tide_buf offsets;
    tide_buf_init(&offsets, c->config.seam, TIDE_LIMIT_WAL_RECORD);
    int rc = gather_offsets(c, epoch, &offsets);
    rc = rc != 0 ? rc : gather_snapshots(c, epoch, &snapshots);
    rc = rc != 0 ? rc : gather_tokens(c, epoch, &tokens);
    struct tide_seal_record record = {
        .seal = {c->config.orders->incarnation, epoch},
        .first = c->config.checkpoint->committed.epoch + 1,
        .offsets = (const struct tide_report_offset *)(const void *)offsets.data,
        .n_offsets = (uint32_t)(offsets.len / sizeof(struct tide_report_offset)),
        .snapshots = &snapshots,
        .tokens = &tokens,
    };
    tide_buf_clear(&c->scratch);
    rc = rc != 0 ? rc : tide_record_seal(&c->scratch, &record);
    tide_blobs_clear(&snapshots, c->config.seam);
    tide_blobs_clear(&tokens, c->config.seam);
    tide_buf_fini(&offsets);
    return rc;
}

void
tide_epoch_seal(struct tide_coordinator *c)
{
    if (c->phase != TIDE_PHASE_NONE || c->config.checkpoint->pending != NULL) {
        return;
    }
    uint64_t committed = c->config.checkpoint->committed.epoch;
    uint64_t epoch = tide_ledger_complete(&c->ledger, committed);
    if (epoch == 0) {
        return;
    }
    TIDE_ASSERT(epoch > committed);
    TIDE_ASSERT(epoch <= c->opened);
    struct tide_error err;
    int rc = encode_seal(c, epoch);
    if (rc != 0) {
        tide_error_set(&err, rc, "epoch %llu cannot be sealed: its record is too large",
                       (unsigned long long)epoch);
        tide_coordinator_fail(c, &err);
        return;
    }
    c->sealing = (struct tide_seal){c->config.orders->incarnation, epoch};
    if (tide_coordinator_append(c, plain_only(c) ? TIDE_WAL_SC : TIDE_WAL_S, &c->phase_lsn) == 0) {
        tide_wal_sync(c->config.wal);
        tide_ledger_drop(&c->ledger, epoch);
        c->phase = TIDE_PHASE_SEALING;
    }
}
