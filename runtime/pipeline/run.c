/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread: see run.h.
 *
 * Thread: the control thread.
 */
#include "pipeline/run.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

#define OFFLOAD_THREADS 2u /* one discovery may block for seconds; files must not wait for it */
#define EVENTS 16u
#define RETRY_NS 500000000ull
#define WAITING_EVERY_NS 5000000000ull
#define TAG_IO 1u

/* ---- making ---- */

int
tide_run_init(struct tide_run *run, const struct tide_run_config *config, struct tide_error *err)
{
    memset(run, 0, sizeof(*run));
    run->config = *config;
    tide_word_init(&run->stop, 0);
    tide_histogram_reset(&run->durations);
    int rc = tide_loop_create(config->seam, &run->loop, err);
    if (rc == 0) {
        tide_park_init(&run->park, tide_loop_wake, run->loop);
    }
    return rc;
}

void
tide_run_fini(struct tide_run *run)
{
    tide_loop_destroy(run->loop);
    run->loop = NULL;
}

void
tide_run_stop(struct tide_run *run)
{
    tide_word_raise(&run->stop, 1);
    tide_loop_wake(run->loop);
}

static int
io_create(void *ctx, struct tide_io **out_io, struct tide_error *err)
{
    struct tide_run *run = ctx;
    return tide_io_create(run->config.seam, run->config.plan->logical->pipeline->runtime.io, out_io,
                          err);
}

static int
open_base(struct tide_run *run, struct tide_error *err)
{
    int rc = io_create(run, &run->io, err);
    rc = rc != 0 ? rc : tide_offload_create(run->config.seam, OFFLOAD_THREADS, &run->offload, err);
    rc = rc != 0 ? rc
                 : tide_recover_lock(run->io, run->config.seam, run->config.dir, &run->lock, err);
    if (rc == 0 && run->io->fd >= 0) {
        rc = tide_loop_watch(run->loop, run->io->fd, TIDE_LOOP_READ, TAG_IO, err);
    }
    return rc;
}

static void
close_base(struct tide_run *run)
{
    if (run->lock != NULL) {
        run->io->close(run->io->self, run->lock);
        run->lock = NULL;
    }
    if (run->io != NULL && run->io->fd >= 0) {
        tide_loop_unwatch(run->loop, run->io->fd);
    }
    tide_offload_destroy(run->offload);
    tide_io_destroy(run->io);
    run->offload = NULL;
    run->io = NULL;
}

/* ---- waiting ---- */

static bool
stop_asked(const struct tide_run *run)
{
    return tide_word_load_acquire(&run->stop) != 0;
}

static void
wait_until(struct tide_run *run, uint64_t at_ns)
{
    struct tide_loop_event events[EVENTS];
    uint64_t now = tide_mono_ns(run->config.seam);
    tide_loop_wait(run->loop, at_ns > now ? at_ns - now : 0, events, EVENTS);
}

static void
progress_due(struct tide_run *run)
{
    uint64_t now = tide_mono_ns(run->config.seam);
    if (run->config.progress_ns == 0 || now < run->next_progress_ns) {
        return;
    }
    run->next_progress_ns += run->config.progress_ns;
    if (run->next_progress_ns <= now) {
        run->next_progress_ns = now + run->config.progress_ns;
    }
    run->config.progress(run->config.ctx);
}

/* Something outside is not there: says so every few seconds and tries again after a while. */
static void
wait_outside(struct tide_run *run, const struct tide_error *err)
{
    uint64_t held_back;
    uint64_t until = tide_mono_ns(run->config.seam) + RETRY_NS;
    snprintf(run->waiting, sizeof(run->waiting), "%s", err->text);
    if (tide_log_every(run->config.log, &run->waiting_gate, WAITING_EVERY_NS, &held_back)) {
        TIDE_LOG(run->config.log, TIDE_LOG_WARN, "waiting", TIDE_LOG_STR("reason", err->text));
    }
    while (!stop_asked(run) && tide_mono_ns(run->config.seam) < until) {
        wait_until(run, until);
        progress_due(run);
    }
}

/* ---- one incarnation ---- */

static void
wake_coordinator(void *ctx)
{
    struct tide_run *run = ctx;
    tide_loop_wake(run->loop);
}

static void
committed(void *ctx, struct tide_seal seal, uint64_t duration_ns)
{
    struct tide_run *run = ctx;
    run->epochs++;
    run->epoch_committed = seal.epoch;
    tide_histogram_record(&run->durations, duration_ns);
    TIDE_LOG(run->config.log, TIDE_LOG_DEBUG, "epoch committed", TIDE_LOG_UINT("epoch", seal.epoch),
             TIDE_LOG_UINT("us", duration_ns / 1000));
}

static int
open_incarnation(struct tide_run *run, struct tide_error *err)
{
    struct tide_incarnation_config config = {
        .seam = run->config.seam,
        .log = run->config.log,
        .plan = run->config.plan,
        .host = run->config.host,
        .dir = run->config.dir,
        .io = run->io,
        .offload = run->offload,
        .io_create = io_create,
        .wake_coordinator = wake_coordinator,
        .coordinator_park = &run->park,
        .committed = committed,
        .ctx = run,
        .threads = true,
    };
    int rc = tide_incarnation_open(&config, &run->incarnation, err);
    rc = rc != 0 ? rc : tide_incarnation_start(run->incarnation, err);
    if (rc == 0) {
        const struct tide_checkpoint *checkpoint = &run->incarnation->recovered.checkpoint;
        run->waiting[0] = 0;
        run->incarnation_number = checkpoint->incarnation;
        run->epoch_committed = checkpoint->committed.epoch;
        TIDE_LOG(run->config.log, TIDE_LOG_INFO, "incarnation started",
                 TIDE_LOG_STR("pipeline", run->config.plan->logical->pipeline->name),
                 TIDE_LOG_UINT("incarnation", checkpoint->incarnation),
                 TIDE_LOG_UINT("epoch", checkpoint->committed.epoch),
                 TIDE_LOG_STR("io", run->io->name));
    }
    return rc;
}

static void
close_incarnation(struct tide_run *run)
{
    struct tide_incarnation *in = run->incarnation;
    if (in == NULL) {
        return;
    }
    for (int id = 0; id < TIDE_COUNTER_COUNT; id++) {
        run->sums[id] += tide_incarnation_sum(in, (enum tide_counter)id);
    }
    run->rows_in_before += tide_incarnation_rows_in(in);
    run->rows_out_before += tide_incarnation_rows_out(in);
    run->incarnation = NULL;
    tide_incarnation_close(in);
}

static bool
over(const struct tide_run *run)
{
    const struct tide_run_config *config = &run->config;
    return stop_asked(run) ||
           (config->run_ns != 0 &&
            tide_mono_ns(config->seam) - run->started_ns >= config->run_ns) ||
           (config->rows_max != 0 && tide_run_rows_in(run) >= config->rows_max);
}

static uint64_t
next_ns(const struct tide_run *run)
{
    uint64_t next = tide_coordinator_next_ns(&run->incarnation->coordinator);
    if (run->config.progress_ns != 0 && run->next_progress_ns < next) {
        next = run->next_progress_ns;
    }
    if (run->config.run_ns != 0 && run->state == TIDE_COORDINATOR_RUNNING &&
        run->started_ns + run->config.run_ns < next) {
        next = run->started_ns + run->config.run_ns;
    }
    return next;
}

static enum tide_coordinator_state
step(struct tide_run *run)
{
    struct tide_coordinator *coordinator = &run->incarnation->coordinator;
    if (over(run)) {
        tide_coordinator_stop(coordinator);
    }
    run->state = tide_coordinator_step(coordinator);
    run->epoch_opened = coordinator->opened;
    return run->state;
}

/* Steps the coordinator until the incarnation has finished or failed. Reports wake it through the
 * park: the step between prepare and wait is the second look (base/park.h). */
static void
drive(struct tide_run *run)
{
    for (;;) {
        progress_due(run);
        tide_park_prepare(&run->park);
        enum tide_coordinator_state state = step(run);
        if (state == TIDE_COORDINATOR_FINISHED || state == TIDE_COORDINATOR_FAILED) {
            tide_park_cancel(&run->park);
            return;
        }
        wait_until(run, next_ns(run));
        tide_park_cancel(&run->park);
    }
}

/* ---- restarts ---- */

/* Whether a new incarnation may help and restart: allows one more. */
static bool
restart_allowed(struct tide_run *run, const struct tide_error *err)
{
    const struct tide_restart_def *restart = &run->config.plan->logical->pipeline->restart;
    enum tide_disposition what = tide_error_disposition(err->code);
    uint64_t now = tide_mono_ns(run->config.seam);
    if (what == TIDE_DISPOSITION_FATAL || what == TIDE_DISPOSITION_REJECT || !restart->on_failure ||
        stop_asked(run)) {
        return false;
    }
    if (now - run->window_at_ns > (uint64_t)restart->within_ns) {
        run->window_at_ns = now;
        run->window_restarts = 0;
    }
    return run->window_restarts < (uint64_t)restart->max;
}

static void
back_off(struct tide_run *run, const struct tide_error *err)
{
    const struct tide_restart_def *restart = &run->config.plan->logical->pipeline->restart;
    uint32_t shift = run->window_restarts < 6 ? run->window_restarts : 6;
    uint64_t until = tide_mono_ns(run->config.seam) + ((uint64_t)restart->backoff_ns << shift);
    run->window_restarts++;
    run->restarts++;
    TIDE_LOG(run->config.log, TIDE_LOG_WARN, "incarnation restarts", TIDE_LOG_ERR(err),
             TIDE_LOG_UINT("restart", run->restarts));
    while (!stop_asked(run) && tide_mono_ns(run->config.seam) < until) {
        wait_until(run, until);
        progress_due(run);
    }
}

static bool
worth_waiting(int code)
{
    return tide_error_disposition(code) == TIDE_DISPOSITION_WAIT;
}

/* One incarnation from its opening to its end. */
static int
live(struct tide_run *run, struct tide_error *err)
{
    int rc = open_incarnation(run, err);
    while (rc != 0 && worth_waiting(rc) && !over(run)) {
        wait_outside(run, err);
        rc = over(run) ? 0 : open_incarnation(run, err);
    }
    if (rc != 0 || run->incarnation == NULL) {
        return rc;
    }
    drive(run);
    if (run->state == TIDE_COORDINATOR_FAILED) {
        *err = run->incarnation->coordinator.error;
        rc = err->code;
    }
    close_incarnation(run);
    return rc;
}

/* A failed sync is never tried again on the same file (I12): who runs the engine must act. */
static int
sync_advice(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_SYNC,
                          "%s; no committed epoch depends on it: look at the disk and the kernel's "
                          "log, then restart the pipeline, which recovers by itself",
                          err->text);
}

int
tide_run(struct tide_run *run, struct tide_error *err)
{
    struct tide_error local;
    err = err != NULL ? err : &local;
    run->started_ns = tide_mono_ns(run->config.seam);
    run->window_at_ns = run->started_ns;
    run->next_progress_ns = run->started_ns + run->config.progress_ns;
    int rc = open_base(run, err);
    rc = rc != 0 ? rc : live(run, err);
    while (rc != 0 && run->lock != NULL && restart_allowed(run, err)) {
        back_off(run, err);
        rc = live(run, err);
    }
    close_incarnation(run);
    close_base(run);
    return rc == TIDE_ERR_SYNC ? sync_advice(err) : rc;
}

/* ---- figures ---- */

uint64_t
tide_run_sum(const struct tide_run *run, enum tide_counter id)
{
    return run->sums[id] +
           (run->incarnation != NULL ? tide_incarnation_sum(run->incarnation, id) : 0);
}

uint64_t
tide_run_rows_in(const struct tide_run *run)
{
    return run->rows_in_before +
           (run->incarnation != NULL ? tide_incarnation_rows_in(run->incarnation) : 0);
}

uint64_t
tide_run_rows_out(const struct tide_run *run)
{
    return run->rows_out_before +
           (run->incarnation != NULL ? tide_incarnation_rows_out(run->incarnation) : 0);
}

const char *
tide_run_waiting(const struct tide_run *run)
{
    if (run->incarnation != NULL) {
        return tide_coordinator_waiting(&run->incarnation->coordinator);
    }
    return run->waiting[0] != 0 ? run->waiting : NULL;
}
