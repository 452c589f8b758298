/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of reports: see ledger.h.
 */
#include "epoch/ledger.h"

#include <string.h>

#include "base/assert.h"

int
tide_ledger_init(struct tide_ledger *ledger, const struct tide_seam *seam, uint32_t n_tasks,
                 struct tide_error *err)
{
    struct tide_ledger_lane *lanes =
        tide_alloc(seam, sizeof(*lanes) * n_tasks * TIDE_LEDGER_COLUMNS);
    if (lanes == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the reports of %u tasks",
                              n_tasks);
    }
    *ledger = (struct tide_ledger){.seam = seam, .n_tasks = n_tasks, .lanes = lanes};
    return 0;
}

struct tide_ledger_lane *
tide_ledger_lane(const struct tide_ledger *ledger, uint32_t task, enum tide_ledger_column column)
{
    TIDE_ASSERT(task < ledger->n_tasks);
    return &ledger->lanes[task * TIDE_LEDGER_COLUMNS + column];
}

static void
lane_drop(struct tide_ledger *ledger, struct tide_ledger_lane *lane, uint64_t epoch)
{
    uint32_t n = 0;
    while (n < lane->n && lane->entries[n].epoch <= epoch) {
        tide_free(ledger->seam, lane->entries[n].payload);
        n++;
    }
    lane->n -= n;
    memmove(lane->entries, lane->entries + n, lane->n * sizeof(lane->entries[0]));
}

void
tide_ledger_drop(struct tide_ledger *ledger, uint64_t epoch)
{
    for (uint32_t i = 0; i < ledger->n_tasks * TIDE_LEDGER_COLUMNS; i++) {
        lane_drop(ledger, &ledger->lanes[i], epoch);
    }
}

void
tide_ledger_fini(struct tide_ledger *ledger)
{
    if (ledger->seam == NULL) {
        return;
    }
    tide_ledger_drop(ledger, UINT64_MAX);
    tide_free(ledger->seam, ledger->lanes);
    memset(ledger, 0, sizeof(*ledger));
}

int
tide_ledger_add(struct tide_ledger *ledger, uint32_t task, enum tide_ledger_column column,
                const struct tide_ledger_entry *entry, struct tide_error *err)
{
    struct tide_ledger_lane *lane = tide_ledger_lane(ledger, task, column);
    TIDE_ASSERT(lane->used);
    TIDE_ASSERT(lane->n == 0 || lane->entries[lane->n - 1].epoch < entry->epoch);
    if (lane->n == TIDE_LIMIT_EPOCHS_IN_FLIGHT) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "task %u reported more than %u epochs ahead",
                              task, TIDE_LIMIT_EPOCHS_IN_FLIGHT);
    }
    uint8_t *copy = tide_alloc(ledger->seam, entry->len + 1u);
    if (copy == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a report of %u bytes",
                              entry->len);
    }
    if (entry->len > 0) {
        memcpy(copy, entry->payload, entry->len);
    }
    lane->entries[lane->n] = *entry;
    lane->entries[lane->n++].payload = copy;
    return 0;
}

static bool
lane_has(const struct tide_ledger_lane *lane, bool exact, uint64_t epoch)
{
    if (!lane->used) {
        return true;
    }
    if (!exact) {
        return lane->n > 0 && lane->entries[lane->n - 1].epoch >= epoch;
    }
    for (uint32_t i = lane->n; i > 0 && lane->entries[i - 1].epoch >= epoch; i--) {
        if (lane->entries[i - 1].epoch == epoch) {
            return true;
        }
    }
    return false;
}

int32_t
tide_ledger_late(const struct tide_ledger *ledger, uint64_t epoch,
                 enum tide_ledger_column *out_column)
{
    for (uint32_t task = 0; task < ledger->n_tasks; task++) {
        for (int column = 0; column < TIDE_LEDGER_COLUMNS; column++) {
            const struct tide_ledger_lane *lane =
                tide_ledger_lane(ledger, task, (enum tide_ledger_column)column);
            if (!lane_has(lane, column != TIDE_LEDGER_SINK, epoch)) {
                *out_column = (enum tide_ledger_column)column;
                return (int32_t)task;
            }
        }
    }
    return -1;
}

uint64_t
tide_ledger_complete(const struct tide_ledger *ledger, uint64_t sealed)
{
    enum tide_ledger_column column;
    const struct tide_ledger_lane *guide = NULL;
    for (uint32_t i = 0; i < ledger->n_tasks * TIDE_LEDGER_COLUMNS && guide == NULL; i++) {
        bool exact = i % TIDE_LEDGER_COLUMNS != TIDE_LEDGER_SINK;
        guide = exact && ledger->lanes[i].used ? &ledger->lanes[i] : NULL;
    }
    TIDE_ASSERT(guide != NULL);
    for (uint32_t i = guide->n; i > 0 && guide->entries[i - 1].epoch > sealed; i--) {
        if (tide_ledger_late(ledger, guide->entries[i - 1].epoch, &column) < 0) {
            return guide->entries[i - 1].epoch;
        }
    }
    return 0;
}
