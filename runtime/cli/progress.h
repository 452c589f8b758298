/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `run` shows while it runs, and the line at its end.
 *
 * Threads: everything on the control thread, but cli_progress_log from any.
 */
#ifndef TIDE_CLI_PROGRESS_H
#define TIDE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <tidemark/tidemark.h>

enum cli_progress_mode {
    CLI_PROGRESS_TTY,   /* one live line on standard error */
    CLI_PROGRESS_PLAIN, /* a line each time on standard error */
    CLI_PROGRESS_JSON,  /* a JSON line each time */
    CLI_PROGRESS_NONE
};

struct cli_progress {
    enum cli_progress_mode mode;
    int fd; /* of the JSON lines */
    const struct tide_engine *engine;
    struct tide_progress before; /* shown last, for rates; its texts are not used */
};

/* Shows how far it is. */
void cli_progress_show(struct cli_progress *progress, const struct tide_progress *now);

/* Clears the live line and says what the run came to, if it came to anything. */
void cli_progress_end(struct cli_progress *progress);

/* A log line, without breaking the live one. */
void cli_progress_log(const char *line, size_t len);

/* The live line for @width columns, without control characters; returns its length. */
size_t cli_progress_text(const struct tide_progress *now, const struct tide_progress *before,
                         char *out, size_t width);

#endif
