/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and tables: see show.h. */
#include "demo/show.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/client.h"

/* The percentiles that are reported, and their names in JSON. */
static const struct {
    double percent;
    const char *name;
} percentiles[] = {{50, "p50"}, {90, "p90"}, {99, "p99"}, {99.9, "p99_9"}, {100, "max"}};

#define LINE_BYTES 320
#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

void
show_init(struct show *show, FILE *out)
{
    memset(show, 0, sizeof(*show));
    show->out = out;
    show->terminal = isatty(fileno(out)) == 1;
}

static double
ms_of(const struct tide_histogram *histogram, double percent)
{
    return (double)tide_histogram_percentile(histogram, percent) / 1e6;
}

static void
histogram_copy(struct tide_histogram *to, const struct tide_histogram *from)
{
    tide_histogram_reset(to);
    tide_histogram_merge(to, from);
}

/* Ends the line that stands on the terminal. */
static void
line_end(struct show *show)
{
    if (show->drawn) {
        fputc('\n', show->out);
        show->drawn = false;
    }
}

/* Draws over the line before on a terminal, no wider than that. */
static void
line_draw(struct show *show, const char *line)
{
    struct winsize size = {.ws_col = 80};
    if (show->terminal) {
        (void)ioctl(fileno(show->out), TIOCGWINSZ, &size);
        int width = size.ws_col > 1 ? size.ws_col - 1 : LINE_BYTES;
        fprintf(show->out, "\r\033[K%.*s", width, line);
    } else {
        fprintf(show->out, "%s\n", line);
    }
    show->drawn = show->terminal;
    (void)fflush(show->out);
}

void
show_say(struct show *show, const char *format, ...)
{
    va_list args;
    line_end(show);
    va_start(args, format);
    vfprintf(show->out, format, args);
    va_end(args);
    fputc('\n', show->out);
    (void)fflush(show->out);
}

void
show_line(struct show *show, const struct flow *flow, const struct progress *progress)
{
    uint64_t now_ns = bench_now_ns();
    uint64_t sent = flow_delivered(flow);
    uint64_t scored = flow_scored(flow);
    double seconds = (double)(now_ns - show->last_ns) / 1e9;
    char line[LINE_BYTES];
    histogram_copy(&show->second, &flow->tally.latency);
    tide_histogram_subtract(&show->second, &show->latency);
    histogram_copy(&show->latency, &flow->tally.latency);
    if (show->last_ns != 0 && seconds > 0) {
        snprintf(line, sizeof(line),
                 "in %5.0f/s  out %5.0f/s  p50 %5.1f p99 %5.1f max %5.1f ms  epoch %4" PRIu64
                 " lag %" PRIu64 "%s%s",
                 (double)(sent - show->sent) / seconds, (double)(scored - show->scored) / seconds,
                 ms_of(&show->second, 50), ms_of(&show->second, 99), ms_of(&show->second, 100),
                 progress->epoch,
                 progress->opened > progress->epoch ? progress->opened - progress->epoch : 0,
                 progress->waiting[0] != '\0' ? "  waiting: " : "", progress->waiting);
        line_draw(show, line);
    }
    show->last_ns = now_ns;
    show->sent = sent;
    show->scored = scored;
}

/* ---- at the end ---- */

static void
latency_row(FILE *out, const char *name, const struct tide_histogram *histogram)
{
    fprintf(out, "  %-27s", name);
    for (size_t i = 0; i < PERCENTILES; i++) {
        fprintf(out, " %9.2f", ms_of(histogram, percentiles[i].percent));
    }
    fputc('\n', out);
}

static void
latency_rows(FILE *out, const struct flow *flow, const struct outage *outage)
{
    static struct tide_histogram calm, disturbed;
    fprintf(out,
            "\nlatency in ms, from when due       p50       p90       p99     p99.9       max\n");
    latency_row(out, "all records", &flow->tally.latency);
    if (outage->killed && outage->over) {
        histogram_copy(&disturbed, &outage->after);
        tide_histogram_subtract(&disturbed, &outage->before);
        histogram_copy(&calm, &flow->tally.latency);
        tide_histogram_subtract(&calm, &disturbed);
        latency_row(out, "without the kill's backlog", &calm);
    }
}

static void
epoch_rows(FILE *out, const struct engine *engine)
{
    fprintf(out, "\nepochs, from open to durable    count    p50 ms    p99 ms    max ms\n");
    for (uint32_t run = 0; run <= engine->run; run++) {
        const struct progress *progress = &engine->runs[run];
        const char *name = engine->run == 0 ? "the run" : run == 0 ? "before the kill" : "after it";
        fprintf(out, "  %-27s %7" PRIu64 " %9.2f %9.2f %9.2f\n", name, progress->epochs,
                progress->epoch_p50_ms, progress->epoch_p99_ms, progress->epoch_max_ms);
    }
}

void
show_table(struct show *show, const struct flow *flow, const struct engine *engine,
           const struct outage *outage)
{
    FILE *out = show->out;
    uint64_t sent = flow_sent(flow);
    uint64_t scored = flow_scored(flow);
    uint64_t repeated = atomic_load_explicit(&flow->tally.duplicated, memory_order_relaxed);
    line_end(show);
    fprintf(out, "\nrecords         sent      scored        lost  duplicated\n");
    fprintf(out, "        %12" PRIu64 "%12" PRIu64 "%12" PRIu64 "%12" PRIu64 "\n", sent, scored,
            sent - scored, repeated);
    latency_rows(out, flow, outage);
    epoch_rows(out, engine);
    if (outage->killed) {
        fprintf(out, "\nkilled with SIGKILL after %.1f s: longest silence %.2f s, ",
                (double)outage->at_ns / 1e9, (double)flow->tally.silence_ns_max / 1e9);
        fprintf(out, outage->over ? "caught up after %.2f s\n" : "never caught up\n",
                (double)outage->over_ns / 1e9);
    }
    fprintf(out, "\nengine: %.2f s of CPU, %.0f us a record; at most %.1f MB of memory\n",
            engine->child.cpu_s, scored > 0 ? engine->child.cpu_s * 1e6 / (double)scored : 0.0,
            engine->child.memory_mb);
    (void)fflush(out);
}

void
show_json(FILE *out, const struct flow *flow, const struct engine *engine)
{
    uint64_t sent = flow_sent(flow);
    uint64_t scored = flow_scored(flow);
    uint64_t epochs = 0;
    for (uint32_t run = 0; run <= engine->run; run++) {
        epochs += engine->runs[run].epochs;
    }
    fprintf(out,
            "{\"sent\":%" PRIu64 ",\"scored\":%" PRIu64 ",\"lost\":%" PRIu64
            ",\"duplicated\":%" PRIu64 ",\"latency_us\":{",
            sent, scored, sent - scored,
            atomic_load_explicit(&flow->tally.duplicated, memory_order_relaxed));
    for (size_t i = 0; i < PERCENTILES; i++) {
        fprintf(out, "%s\"%s\":%.1f", i > 0 ? "," : "", percentiles[i].name,
                ms_of(&flow->tally.latency, percentiles[i].percent) * 1e3);
    }
    fprintf(out, "},\"epochs\":%" PRIu64 ",\"cpu_s\":%.3f,\"rss_mb\":%.1f}\n", epochs,
            engine->child.cpu_s, engine->child.memory_mb);
    (void)fflush(out);
}
