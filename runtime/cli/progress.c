/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` shows: see progress.h. */
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "say.h"

#define CLEAR "\r\033[K"
#define CLEAR_BYTES (sizeof(CLEAR) - 1)
#define WIDTH_MAX 512u
#define JSON_BYTES 4096u /* more than a line has; a longer one is made in memory of its own */
#define LOG_BYTES 4096u  /* PIPE_BUF: one write stays in one piece */

/* Writes all of it; a broken descriptor of a progress line is nobody's failure. */
static void
put_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        text += n;
        len -= (size_t)n;
    }
}

static double
ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* Rows a second between two sights; counters begin again when an incarnation is restarted. */
static double
rate(uint64_t now, uint64_t before, uint64_t ns)
{
    return now < before || ns == 0 ? 0.0 : (double)(now - before) * 1e9 / (double)ns;
}

size_t
cli_progress_text(const struct tide_progress *now, const struct tide_progress *before, char *out,
                  size_t width)
{
    uint64_t ns = now->run_ns > before->run_ns ? now->run_ns - before->run_ns : 0;
    uint64_t lag =
        now->epoch_opened > now->epoch_committed ? now->epoch_opened - now->epoch_committed : 0;
    int n = snprintf(out, width + 1,
                     "%.0fs  in %.0f/s  out %.0f/s  epoch %" PRIu64 " (%" PRIu64
                     " open)  %.1f/%.1f ms p50/p99",
                     (double)now->run_ns / 1e9, rate(now->rows_in, before->rows_in, ns),
                     rate(now->rows_out, before->rows_out, ns), now->epoch_committed, lag,
                     ms(now->epoch_p50_ns), ms(now->epoch_p99_ns));
    size_t len = n < 0 ? 0 : (size_t)n < width ? (size_t)n : width;
    if (now->waiting != NULL && len < width) {
        n = snprintf(out + len, width + 1 - len, "  WAITING: %s", now->waiting);
        len = n < 0 ? len : (size_t)n < width - len ? len + (size_t)n : width;
    }
    return len;
}

/* One column less than the terminal has, so that the line never wraps. */
static size_t
terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) {
        return 79;
    }
    return size.ws_col - 1u < WIDTH_MAX ? size.ws_col - 1u : WIDTH_MAX;
}

static void
show_tty(struct cli_progress *progress, const struct tide_progress *now)
{
    char line[CLEAR_BYTES + WIDTH_MAX + 1] = CLEAR;
    size_t n = cli_progress_text(now, &progress->before, line + CLEAR_BYTES, terminal_width());
    put_all(STDERR_FILENO, line, CLEAR_BYTES + n);
}

static void
show_plain(struct cli_progress *progress, const struct tide_progress *now)
{
    char line[WIDTH_MAX + 2];
    size_t n = cli_progress_text(now, &progress->before, line, WIDTH_MAX);
    line[n] = '\n';
    put_all(STDERR_FILENO, line, n + 1);
}

static void
show_json(struct cli_progress *progress, const struct tide_progress *now)
{
    char room[JSON_BYTES];
    char *line = room;
    size_t n = tide_progress_json(progress->engine, now, room, sizeof(room));
    if (n >= sizeof(room)) {
        line = malloc(n + 1);
        n = line != NULL ? tide_progress_json(progress->engine, now, line, n + 1) : 0;
    }
    if (n > 0) {
        line[n] = '\n';
        put_all(progress->fd, line, n + 1);
    }
    if (line != room) {
        free(line);
    }
}

void
cli_progress_show(struct cli_progress *progress, const struct tide_progress *now)
{
    switch (progress->mode) {
    case CLI_PROGRESS_TTY:
        show_tty(progress, now);
        break;
    case CLI_PROGRESS_PLAIN:
        show_plain(progress, now);
        break;
    case CLI_PROGRESS_JSON:
        show_json(progress, now);
        break;
    case CLI_PROGRESS_NONE:
        break;
    }
    progress->before = *now;
}

static void
say_summary(const struct tide_progress *end)
{
    fprintf(stderr,
            "%s: %.1f s, %" PRIu64 " rows in, %" PRIu64 " out, %" PRIu64
            " epochs (p50 %.1f ms, p99 %.1f ms), newest durable %" PRIu64,
            end->name, (double)end->run_ns / 1e9, end->rows_in, end->rows_out, end->epochs,
            ms(end->epoch_p50_ns), ms(end->epoch_p99_ns), end->epoch_committed);
    if (end->rejected > 0) {
        fprintf(stderr, ", %" PRIu64 " rejected (%" PRIu64 " dead letters)", end->rejected,
                end->dead_letters);
    }
    if (end->restarts > 0) {
        fprintf(stderr, ", %" PRIu32 " restarts", end->restarts);
    }
    fputc('\n', stderr);
}

void
cli_progress_end(struct cli_progress *progress)
{
    struct tide_progress end;
    tide_engine_progress(progress->engine, &end);
    if (progress->mode == CLI_PROGRESS_TTY) {
        put_all(STDERR_FILENO, CLEAR, CLEAR_BYTES);
    }
    if (progress->mode == CLI_PROGRESS_JSON) {
        show_json(progress, &end);
    } else if (progress->mode != CLI_PROGRESS_NONE && end.incarnation > 0) {
        say_summary(&end);
    }
}

void
cli_progress_log(const char *line, size_t len)
{
    char text[CLEAR_BYTES + LOG_BYTES];
    memcpy(text, CLEAR, CLEAR_BYTES);
    len = len < LOG_BYTES ? len : LOG_BYTES;
    memcpy(text + CLEAR_BYTES, line, len);
    put_all(STDERR_FILENO, text, CLEAR_BYTES + len);
}
