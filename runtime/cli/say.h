/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program says: messages on standard error, data on standard output.
 *
 * Threads: the program's only one.
 */
#ifndef TIDE_CLI_SAY_H
#define TIDE_CLI_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <tidemark/tidemark.h>

/* Exit codes that no tide_err gives. */
#define CLI_EXIT_USAGE 2
#define CLI_EXIT_PIPELINE 6
#define CLI_EXIT_UNREACHABLE 9
#define CLI_EXIT_INTERRUPTED 130

/* "tidemark: TEXT" and a line feed on standard error. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says the error and returns its exit code. */
int cli_fail(const struct tide_error *err);

/* A tide_text_fn: to standard output. TIDE_ERR_IO when it takes no more. */
int cli_put(void *ctx, const char *text, size_t len);

/* Empties the buffer of standard output; @code, or 1 when the output failed (and that is said). */
int cli_end(int code);

/*
 * The one of @names that @given was probably meant to be (fewest edits, at most a third of the
 * longer name, rounded up), or NULL.
 */
const char *cli_nearest(const char *given, const char *const names[], size_t n);

/* ---- JSON ---- */

/* @n bytes as a JSON text. Bytes that are not UTF-8: {"base64": "..."}. @p NULL: null. */
void cli_json_bytes(FILE *out, const void *p, size_t n);

/* A zero-terminated text, or null. */
void cli_json_text(FILE *out, const char *text);

#endif
