/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinator's step: see coordinator.h for what is where.
 */
#include "epoch/coordinator.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "epoch/report.h"

#define JOBS_A_STEP 16u
#define REPORTS_A_STEP 64u
#define WAITING_EVERY_NS 5000000000ull
#define WAL_RETRY_NS 100000000ull

int
tide_coordinator_init(struct tide_coordinator *c, const struct tide_coordinator_config *config,
                      struct tide_error *err)
{
    memset(c, 0, sizeof(*c));
    c->config = *config;
    c->opened = config->checkpoint->committed.epoch;
    c->stepped_at_ns = tide_mono_ns(config->seam);
    tide_histogram_reset(&c->durations);
    tide_buf_init(&c->scratch, config->seam, TIDE_LIMIT_WAL_RECORD);
    c->waiting = tide_alloc(config->seam, (config->n_tasks + 1u) * TIDE_WAITING_TEXT);
    int rc = c->waiting != NULL
                 ? tide_ledger_init(&c->ledger, config->seam, config->n_tasks, err)
                 : tide_error_set(err, TIDE_ERR_NOMEM, "no memory for %u tasks", config->n_tasks);
    if (rc == 0) {
        rc = tide_offload_box_create(config->offload, config->wake_self, config->ctx, &c->box, err);
    }
    for (uint32_t i = 0; rc == 0 && i < config->n_tasks; i++) {
        const struct tide_coordinator_task *task = &config->tasks[i];
        tide_ledger_lane(&c->ledger, i, TIDE_LEDGER_SOURCE)->used = task->source >= 0;
        tide_ledger_lane(&c->ledger, i, TIDE_LEDGER_STATE)->used = task->scope != NULL;
        tide_ledger_lane(&c->ledger, i, TIDE_LEDGER_SINK)->used = task->sink >= 0;
    }
    rc = rc != 0 ? rc : tide_splits_init(c, err);
    if (rc != 0) {
        tide_coordinator_fini(c);
    }
    return rc;
}

void
tide_coordinator_fini(struct tide_coordinator *c)
{
    if (c->config.seam == NULL) {
        return;
    }
    tide_offload_box_destroy(c->box);
    tide_epoch_commit_fini(c);
    tide_splits_fini(c);
    tide_ledger_fini(&c->ledger);
    tide_buf_fini(&c->scratch);
    tide_free(c->config.seam, c->waiting);
    memset(c, 0, sizeof(*c));
}

void
tide_coordinator_fail(struct tide_coordinator *c, const struct tide_error *err)
{
    if (c->state == TIDE_COORDINATOR_FAILED) {
        return;
    }
    c->state = TIDE_COORDINATOR_FAILED;
    c->error = *err;
    tide_word_raise(&c->config.orders->halt, 1);
    c->config.wake_tasks(c->config.ctx);
}

int
tide_coordinator_append(struct tide_coordinator *c, enum tide_wal_type type, uint64_t *out_lsn)
{
    struct tide_error err;
    int rc = tide_wal_append(c->config.wal, type, c->scratch.data, (uint32_t)c->scratch.len,
                             out_lsn, &err);
    if (rc == TIDE_ERR_NOSPACE) {
        c->wal_waiting = true;
        return rc;
    }
    if (rc == 0) {
        rc = tide_checkpoint_apply(c->config.checkpoint, type, c->scratch.data,
                                   (uint32_t)c->scratch.len, &err);
        TIDE_ASSERT(rc != TIDE_ERR_CORRUPT);
    }
    if (rc != 0) {
        tide_coordinator_fail(c, &err);
    }
    return rc;
}

/* ---- reports ---- */

static void
report_waiting(struct tide_coordinator *c, const struct tide_report *report, const uint8_t *payload)
{
    char *text = c->waiting + (size_t)report->task * TIDE_WAITING_TEXT;
    bool before = text[0] != 0;
    uint32_t n = report->len < TIDE_WAITING_TEXT - 1 ? report->len : TIDE_WAITING_TEXT - 1;
    memcpy(text, payload, n);
    text[n] = 0;
    c->n_waiting += (uint32_t)(n > 0) - (uint32_t)before;
}

static void
report_failed(struct tide_coordinator *c, const struct tide_report *report, const uint8_t *payload)
{
    struct tide_error err;
    int32_t code = -(int32_t)report->first;
    tide_error_set(&err, code, "%s: %.*s", c->config.tasks[report->task].name, (int)report->len,
                   (const char *)payload);
    tide_coordinator_fail(c, &err);
}

static void
report_kept(struct tide_coordinator *c, const struct tide_report *report, const uint8_t *payload)
{
    static const enum tide_ledger_column columns[] = {
        [TIDE_REPORT_SOURCE] = TIDE_LEDGER_SOURCE,
        [TIDE_REPORT_STATE] = TIDE_LEDGER_STATE,
        [TIDE_REPORT_SINK] = TIDE_LEDGER_SINK,
    };
    struct tide_ledger_entry entry = {.epoch = report->epoch,
                                      .payload = (uint8_t *)(uintptr_t)payload,
                                      .n = report->n,
                                      .len = report->len};
    struct tide_error err;
    TIDE_ASSERT(report->epoch <= c->opened);
    if (tide_ledger_add(&c->ledger, report->task, columns[report->kind], &entry, &err) != 0) {
        tide_coordinator_fail(c, &err);
    }
}

static void
take_report(struct tide_coordinator *c, const struct tide_report *report, const uint8_t *payload)
{
    TIDE_ASSERT(report->task < c->config.n_tasks);
    if (report->incarnation != c->config.orders->incarnation) {
        return; /* I9 */
    }
    switch ((enum tide_report_kind)report->kind) {
    case TIDE_REPORT_SOURCE:
    case TIDE_REPORT_STATE:
    case TIDE_REPORT_SINK:
        report_kept(c, report, payload);
        break;
    case TIDE_REPORT_WAITING:
        report_waiting(c, report, payload);
        break;
    case TIDE_REPORT_FAILED:
        report_failed(c, report, payload);
        break;
    case TIDE_REPORT_ENDED:
        c->n_ended++;
        break;
    }
}

static void
take_reports(struct tide_coordinator *c)
{
    struct tide_report report;
    const uint8_t *payload;
    for (uint32_t i = 0; i < c->config.n_tasks; i++) {
        struct tide_ring *ring = c->config.tasks[i].reports;
        for (uint32_t n = 0; n < REPORTS_A_STEP && tide_report_peek(ring, &report, &payload); n++) {
            take_report(c, &report, payload);
            tide_report_done(ring);
        }
    }
}

static void
take_jobs(struct tide_coordinator *c)
{
    struct tide_offload_done done[JOBS_A_STEP];
    uint32_t n = tide_offload_poll(c->box, done, JOBS_A_STEP);
    for (uint32_t i = 0; i < n; i++) {
        if (done[i].id < c->config.n_sources) {
            tide_splits_job_done(c, done[i].id);
        } else {
            tide_epoch_commit_job_done(c, done[i].arg);
        }
    }
}

static void
poll_wal(struct tide_coordinator *c)
{
    struct tide_error err = {0};
    enum tide_wal_state state = tide_wal_poll(c->config.wal, &err);
    if (state == TIDE_WAL_FAILED) {
        tide_coordinator_fail(c, &err);
    } else if (state == TIDE_WAL_WAITING) {
        c->wal_waiting = true;
        tide_wal_sync(c->config.wal);
    } else if (state == TIDE_WAL_READY) {
        c->wal_waiting = false;
    }
}

/* ---- opening ---- */

static void
open_epoch(struct tide_coordinator *c, uint64_t now)
{
    c->opened++;
    c->opened_at_ns[c->opened % TIDE_LIMIT_EPOCHS_IN_FLIGHT] = now;
    if (c->opened == c->config.checkpoint->committed.epoch + 1) {
        c->deadline_used_ns = 0;
    }
    tide_word_raise(&c->config.orders->open, c->opened);
    c->config.wake_tasks(c->config.ctx);
}

/* At the in-flight limit, and when nothing happened since the last epoch, no epoch is opened: what
 * flows belongs to the next one. */
static void
open_due(struct tide_coordinator *c)
{
    uint64_t now = tide_mono_ns(c->config.seam);
    if (c->state != TIDE_COORDINATOR_RUNNING || now < c->next_open_ns) {
        return;
    }
    c->next_open_ns += c->config.interval_ns;
    if (c->next_open_ns <= now) {
        c->next_open_ns = now + c->config.interval_ns;
    }
    uint64_t activity = c->config.activity(c->config.ctx);
    if (activity == c->activity_seen ||
        c->opened - c->config.checkpoint->committed.epoch >= c->config.in_flight_max) {
        return;
    }
    c->activity_seen = activity;
    open_epoch(c, now);
}

/* ---- stopping ---- */

static bool
all_ended(const struct tide_coordinator *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->config.n_tasks; i++) {
        n += c->config.tasks[i].source >= 0;
    }
    return c->n_ended == n;
}

void
tide_coordinator_stop(struct tide_coordinator *c)
{
    uint64_t now = tide_mono_ns(c->config.seam);
    if (c->state == TIDE_COORDINATOR_STARTING) {
        c->state = TIDE_COORDINATOR_FINISHED;
    }
    if (c->state != TIDE_COORDINATOR_RUNNING) {
        return;
    }
    c->state = TIDE_COORDINATOR_STOPPING;
    c->stop_at_ns = now;
    c->stop_epoch = c->opened + 1;
    tide_word_raise(&c->config.orders->stop, c->stop_epoch);
    open_epoch(c, now);
}

static void
finish(struct tide_coordinator *c)
{
    uint64_t lsn;
    tide_buf_clear(&c->scratch);
    int rc = tide_record_commit(&c->scratch, c->config.checkpoint->committed);
    TIDE_ASSERT(rc == 0);
    if (tide_coordinator_append(c, TIDE_WAL_STOP, &lsn) != 0) {
        return;
    }
    tide_wal_sync(c->config.wal);
    if (tide_wal_flush(c->config.wal, &c->error) == TIDE_WAL_FAILED) {
        tide_coordinator_fail(c, &c->error);
        return;
    }
    c->state = TIDE_COORDINATOR_FINISHED;
}

/* ---- deadline ---- */

const char *
tide_coordinator_waiting(const struct tide_coordinator *c)
{
    if (c->wal_waiting) {
        return "no space left under the checkpoint";
    }
    for (uint32_t i = 0; i < c->config.n_tasks && c->n_waiting > 0; i++) {
        const char *text = c->waiting + (size_t)i * TIDE_WAITING_TEXT;
        if (text[0] != 0) {
            return text;
        }
    }
    return tide_splits_waiting(c);
}

static void
say_waiting(struct tide_coordinator *c)
{
    const char *reason = tide_coordinator_waiting(c);
    uint64_t held_back;
    if (reason != NULL &&
        tide_log_every(c->config.log, &c->waiting_gate, WAITING_EVERY_NS, &held_back)) {
        TIDE_LOG(c->config.log, TIDE_LOG_WARN, "waiting", TIDE_LOG_STR("reason", reason));
    }
}

/* Who is late with @epoch, where, and with what. The first task that the marker has not passed
 * holds up those behind it, whether it owes a report itself or not. */
static void
describe_late(const struct tide_coordinator *c, uint64_t epoch, char *out, size_t size)
{
    static const char *const owes[] = {"its offsets", "its snapshot", "its acknowledgements"};
    enum tide_ledger_column column = TIDE_LEDGER_SOURCE;
    char where[TIDE_WHEREABOUTS_TEXT];
    for (uint32_t i = 0; i < c->config.n_tasks; i++) {
        if (c->config.whereabouts(c->config.ctx, i, where, sizeof(where)) < epoch) {
            snprintf(out, size, "task %s has not passed its marker (%s)", c->config.tasks[i].name,
                     where);
            return;
        }
    }
    int32_t late = tide_ledger_late(&c->ledger, epoch, &column);
    if (late < 0) {
        snprintf(out, size, "the log is not synced");
        return;
    }
    c->config.whereabouts(c->config.ctx, (uint32_t)late, where, sizeof(where));
    snprintf(out, size, "task %s still owes %s (%s)", c->config.tasks[late].name, owes[column],
             where);
}

static void
fail_deadline(struct tide_coordinator *c, const char *what, uint64_t limit_ns)
{
    uint64_t epoch = c->config.checkpoint->committed.epoch + 1;
    const char *reason = tide_coordinator_waiting(c);
    char late[TIDE_ERROR_TEXT_MAX];
    struct tide_error err;
    describe_late(c, epoch, late, sizeof(late));
    tide_error_set(&err, TIDE_ERR_DEADLINE, "%s %llu did not commit within %llu ms: %s%s%s", what,
                   (unsigned long long)epoch, (unsigned long long)(limit_ns / 1000000), late,
                   reason != NULL ? "; waiting: " : "", reason != NULL ? reason : "");
    tide_coordinator_fail(c, &err);
}

/* The deadline's clock stands still while something waits for the outside; that of a clean stop
 * does not. */
static void
watch_deadline(struct tide_coordinator *c)
{
    uint64_t now = tide_mono_ns(c->config.seam);
    uint64_t passed = now - c->stepped_at_ns;
    bool behind = c->opened > c->config.checkpoint->committed.epoch || c->phase != TIDE_PHASE_NONE;
    c->stepped_at_ns = now;
    if (passed > c->config.discover_ns) {
        passed = c->config.discover_ns; /* steps are never further apart: the process was stopped */
    }
    if (behind && c->n_waiting == 0 && !c->wal_waiting) {
        c->deadline_used_ns += passed;
    }
    if (c->deadline_used_ns > c->config.deadline_ns) {
        fail_deadline(c, "epoch", c->config.deadline_ns);
    } else if (c->state == TIDE_COORDINATOR_STOPPING &&
               now - c->stop_at_ns > c->config.deadline_ns) {
        fail_deadline(c, "clean stop at epoch", c->config.deadline_ns);
    }
}

enum tide_coordinator_state
tide_coordinator_step(struct tide_coordinator *c)
{
    if (c->state == TIDE_COORDINATOR_FAILED || c->state == TIDE_COORDINATOR_FINISHED) {
        return c->state;
    }
    take_reports(c);
    take_jobs(c);
    poll_wal(c);
    if (c->state != TIDE_COORDINATOR_FAILED) {
        tide_splits_advance(c);
        tide_epoch_commit_advance(c);
        tide_epoch_seal(c);
        open_due(c);
    }
    if (c->state == TIDE_COORDINATOR_RUNNING && all_ended(c)) {
        tide_coordinator_stop(c);
    }
    if (c->state == TIDE_COORDINATOR_STOPPING && c->phase == TIDE_PHASE_NONE &&
        c->config.checkpoint->committed.epoch >= c->stop_epoch) {
        finish(c);
    }
    if (c->state == TIDE_COORDINATOR_RUNNING || c->state == TIDE_COORDINATOR_STOPPING) {
        watch_deadline(c);
    }
    say_waiting(c);
    return c->state;
}

uint64_t
tide_coordinator_next_ns(const struct tide_coordinator *c)
{
    uint64_t next = c->next_discover_ns;
    if (c->state == TIDE_COORDINATOR_RUNNING && c->next_open_ns < next) {
        next = c->next_open_ns;
    }
    if (c->phase == TIDE_PHASE_PAUSE && c->retry_at_ns < next) {
        next = c->retry_at_ns;
    }
    if (c->wal_waiting && c->stepped_at_ns + WAL_RETRY_NS < next) {
        next = c->stepped_at_ns + WAL_RETRY_NS;
    }
    if (c->state == TIDE_COORDINATOR_STOPPING && c->stop_at_ns + c->config.deadline_ns < next) {
        next = c->stop_at_ns + c->config.deadline_ns + 1;
    }
    return next;
}
