/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: which epoch is complete. Sources and snapshots must have reported it exactly, sinks
 * it or a later.
 */
#include <criterion/criterion.h>

#include "epoch/ledger.h"

static struct tide_ledger ledger;

static void
make(void)
{
    cr_assert_eq(tide_ledger_init(&ledger, tide_seam_real(), 3, NULL), 0);
    tide_ledger_lane(&ledger, 0, TIDE_LEDGER_SOURCE)->used = true;
    tide_ledger_lane(&ledger, 1, TIDE_LEDGER_STATE)->used = true;
    tide_ledger_lane(&ledger, 2, TIDE_LEDGER_SINK)->used = true;
}

static void
report(uint32_t task, enum tide_ledger_column column, uint64_t epoch)
{
    struct tide_ledger_entry entry = {.epoch = epoch, .payload = (uint8_t *)"x", .len = 1};
    cr_assert_eq(tide_ledger_add(&ledger, task, column, &entry, NULL), 0);
}

Test(ledger, nothing_is_complete_before_all_have_reported)
{
    enum tide_ledger_column column;
    make();
    report(0, TIDE_LEDGER_SOURCE, 4);
    report(1, TIDE_LEDGER_STATE, 4);
    cr_assert_eq(tide_ledger_complete(&ledger, 3), 0);
    cr_assert_eq(tide_ledger_late(&ledger, 4, &column), 2);
    cr_assert_eq(column, TIDE_LEDGER_SINK);
    report(2, TIDE_LEDGER_SINK, 4);
    cr_assert_eq(tide_ledger_complete(&ledger, 3), 4);
    cr_assert_eq(tide_ledger_complete(&ledger, 4), 0, "what is sealed is not complete again");
    tide_ledger_fini(&ledger);
}

Test(ledger, a_merged_source_report_is_not_one_of_the_epochs_it_covers)
{
    make();
    report(0, TIDE_LEDGER_SOURCE, 5); /* 4 and 5 in one */
    report(1, TIDE_LEDGER_STATE, 4);
    report(2, TIDE_LEDGER_SINK, 5);
    cr_assert_eq(tide_ledger_complete(&ledger, 3), 0, "the source's offsets of 4 are unknown");
    report(1, TIDE_LEDGER_STATE, 5);
    cr_assert_eq(tide_ledger_complete(&ledger, 3), 5);
    tide_ledger_fini(&ledger);
}

Test(ledger, a_sink_that_is_further_covers_what_is_before)
{
    make();
    report(0, TIDE_LEDGER_SOURCE, 4);
    report(1, TIDE_LEDGER_STATE, 4);
    report(2, TIDE_LEDGER_SINK, 6);
    cr_assert_eq(tide_ledger_complete(&ledger, 3), 4);
    tide_ledger_drop(&ledger, 4);
    cr_assert_eq(tide_ledger_lane(&ledger, 2, TIDE_LEDGER_SINK)->n, 1u, "6 is still needed");
    cr_assert_eq(tide_ledger_lane(&ledger, 0, TIDE_LEDGER_SOURCE)->n, 0u);
    tide_ledger_fini(&ledger);
}

Test(ledger, the_newest_complete_epoch_is_taken)
{
    make();
    for (uint64_t e = 4; e <= 6; e++) {
        report(0, TIDE_LEDGER_SOURCE, e);
        report(1, TIDE_LEDGER_STATE, e);
    }
    report(2, TIDE_LEDGER_SINK, 5);
    cr_assert_eq(tide_ledger_complete(&ledger, 3), 5);
    tide_ledger_fini(&ledger);
}

Test(ledger, more_reports_than_epochs_may_be_open_is_an_error)
{
    make();
    struct tide_ledger_entry entry = {.payload = (uint8_t *)"", .len = 0};
    for (uint64_t e = 1; e <= TIDE_LIMIT_EPOCHS_IN_FLIGHT; e++) {
        report(0, TIDE_LEDGER_SOURCE, e);
    }
    entry.epoch = TIDE_LIMIT_EPOCHS_IN_FLIGHT + 1;
    cr_assert_eq(tide_ledger_add(&ledger, 0, TIDE_LEDGER_SOURCE, &entry, NULL), TIDE_ERR_LIMIT);
    tide_ledger_fini(&ledger);
}
