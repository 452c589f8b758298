/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress as JSON: see progress.h.
 *
 * The text is written twice: once to measure it, once into the room that was found to be needed.
 * Threads: any; nothing is kept.
 */
#include "status/progress.h"

#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "codec/json_out.h"

#define NS_PER_S 1000000000u
#define NS_PER_MS 1000000u
#define TIME_TEXT_MAX 64u

/* Everything a line is made from. */
struct line {
    const struct tide_progress *now;
    const struct tide_progress *before;
    uint64_t wall_ns;
};

const char *
tide_status_state_name(uint32_t state)
{
    static const char *const names[] = {
        [TIDE_ENGINE_LOADED] = "loaded",   [TIDE_ENGINE_STARTING] = "starting",
        [TIDE_ENGINE_RUNNING] = "running", [TIDE_ENGINE_STOPPING] = "stopping",
        [TIDE_ENGINE_ENDED] = "ended",
    };
    TIDE_ASSERT(state < sizeof(names) / sizeof(names[0]));
    return names[state];
}

/* Counters start at zero again when an incarnation is restarted in process: never below zero. */
static uint64_t
grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static double
rate(const struct line *line, uint64_t now, uint64_t before)
{
    uint64_t ns = grown(line->now->run_ns, line->before->run_ns);
    return ns == 0 ? 0.0 : (double)grown(now, before) * (double)NS_PER_S / (double)ns;
}

static void
put_u64(struct tide_json_out *out, const char *key, uint64_t value)
{
    tide_json_out_key(out, key);
    tide_json_out_u64(out, value);
}

static void
put_double(struct tide_json_out *out, const char *key, double value)
{
    tide_json_out_key(out, key);
    tide_json_out_double(out, value);
}

static void
put_text(struct tide_json_out *out, const char *key, const char *text)
{
    tide_json_out_key(out, key);
    if (text != NULL) {
        tide_json_out_text(out, text);
    } else {
        tide_json_out_null(out);
    }
}

/* Milliseconds with three digits behind the point. */
static void
put_ms(struct tide_json_out *out, const char *key, uint64_t ns)
{
    put_double(out, key, (double)(ns / 1000u) / 1000.0);
}

static void
put_time(struct tide_json_out *out, const char *key, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    unsigned ms = (unsigned)(wall_ns % NS_PER_S / NS_PER_MS);
    struct tm tm = {0};
    char text[TIME_TEXT_MAX];
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof(text) - n, ".%03uZ", ms);
    put_text(out, key, text);
}

/* What Spark calls a batch is an epoch here. */
static void
put_batch(struct tide_json_out *out, const struct line *line)
{
    const struct tide_progress *now = line->now;
    double rows_per_s = rate(line, now->rows_in, line->before->rows_in);
    put_text(out, "name", now->name);
    put_time(out, "timestamp", line->wall_ns);
    put_u64(out, "batchId", now->epoch_committed);
    put_u64(out, "batchDuration", now->epoch_p50_ns / NS_PER_MS);
    put_u64(out, "numInputRows", grown(now->rows_in, line->before->rows_in));
    put_double(out, "inputRowsPerSecond", rows_per_s);
    put_double(out, "processedRowsPerSecond", rows_per_s);
    tide_json_out_key(out, "durationMs");
    tide_json_out_begin_object(out);
    put_u64(out, "triggerExecution", now->epoch_p50_ns / NS_PER_MS);
    tide_json_out_end_object(out);
}

static void
put_ends(struct tide_json_out *out, const struct line *line)
{
    const struct tide_progress *now = line->now;
    tide_json_out_key(out, "stateOperators");
    tide_json_out_begin_array(out);
    if (now->state_rows > 0 || now->state_bytes > 0) {
        tide_json_out_begin_object(out);
        put_u64(out, "numRowsTotal", now->state_rows);
        put_u64(out, "memoryUsedBytes", now->state_bytes);
        tide_json_out_end_object(out);
    }
    tide_json_out_end_array(out);
    tide_json_out_key(out, "sources");
    tide_json_out_begin_array(out);
    tide_json_out_begin_object(out);
    put_u64(out, "numInputRows", grown(now->rows_in, line->before->rows_in));
    put_double(out, "inputRowsPerSecond", rate(line, now->rows_in, line->before->rows_in));
    put_double(out, "processedRowsPerSecond", rate(line, now->rows_in, line->before->rows_in));
    tide_json_out_end_object(out);
    tide_json_out_end_array(out);
    tide_json_out_key(out, "sink");
    tide_json_out_begin_object(out);
    put_u64(out, "numOutputRows", grown(now->rows_out, line->before->rows_out));
    tide_json_out_end_object(out);
}

static void
put_epochs(struct tide_json_out *out, const struct tide_progress *now)
{
    put_u64(out, "incarnation", now->incarnation);
    put_u64(out, "epoch", now->epoch_committed);
    put_u64(out, "epochOpened", now->epoch_opened);
    put_u64(out, "epochs", now->epochs);
    tide_json_out_key(out, "epochMs");
    tide_json_out_begin_object(out);
    put_ms(out, "p50", now->epoch_p50_ns);
    put_ms(out, "p99", now->epoch_p99_ns);
    put_ms(out, "max", now->epoch_max_ns);
    tide_json_out_end_object(out);
}

static void
put_tidemark(struct tide_json_out *out, const struct tide_progress *now)
{
    tide_json_out_key(out, "tidemark");
    tide_json_out_begin_object(out);
    put_text(out, "state", tide_status_state_name(now->state));
    put_text(out, "waiting", now->waiting);
    put_ms(out, "runMs", now->run_ns);
    put_epochs(out, now);
    put_u64(out, "rowsIn", now->rows_in);
    put_u64(out, "rowsOut", now->rows_out);
    put_u64(out, "rejected", now->rejected);
    put_u64(out, "deadLetters", now->dead_letters);
    put_u64(out, "dropped", now->dropped);
    put_u64(out, "overdue", now->overdue);
    put_double(out, "cpuSeconds", (double)(now->cpu_ns / 1000u) / 1000000.0);
    put_u64(out, "rssBytes", now->resident_bytes);
    put_u64(out, "restarts", now->restarts);
    tide_json_out_end_object(out);
}

static void
put_line(struct tide_chars *chars, const struct line *line)
{
    struct tide_json_out out;
    tide_json_out_init(&out, chars, false);
    tide_json_out_begin_object(&out);
    put_batch(&out, line);
    put_ends(&out, line);
    put_tidemark(&out, line->now);
    tide_json_out_end_object(&out);
}

int
tide_status_progress_json(const struct tide_progress *now, const struct tide_progress *before,
                          uint64_t wall_ns, struct tide_buf *out)
{
    const struct line line = {now, before, wall_ns};
    struct tide_chars measure = {.p = NULL};
    uint8_t *room = NULL;
    put_line(&measure, &line);
    int rc = tide_buf_reserve(out, measure.n, &room);
    if (rc != 0) {
        return rc;
    }
    struct tide_chars chars = {.p = (char *)room, .max = measure.n};
    put_line(&chars, &line);
    TIDE_ASSERT(chars.n == measure.n);
    out->len += chars.n;
    return 0;
}
