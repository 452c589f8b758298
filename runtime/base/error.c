/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: the table of codes and the three ways to write into a struct tide_error.
 *
 * Threads: any; nothing is kept between calls. Messages are formatted beside the error and copied
 * in, because callers pass the error's own text as an argument. A message that does not fit is cut
 * at a character and ends in "...".
 */
#include <tidemark/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

/* One row per code, at index -code. If you change a row, change the comment in <tidemark/error.h>.
 */
struct error_row {
    const char *name;
    enum tide_disposition disposition;
    int exit_code;
};

static const struct error_row error_rows[] = {
    [-TIDE_OK] = {"OK", TIDE_DISPOSITION_RETRY, 0},
    [-TIDE_ERR_INVALID] = {"INVALID", TIDE_DISPOSITION_FATAL, 6},
    [-TIDE_ERR_UNSUPPORTED] = {"UNSUPPORTED", TIDE_DISPOSITION_FATAL, 6},
    [-TIDE_ERR_NOMEM] = {"NOMEM", TIDE_DISPOSITION_FATAL, 1},
    [-TIDE_ERR_IO] = {"IO", TIDE_DISPOSITION_RETRY, 1},
    [-TIDE_ERR_SYNC] = {"SYNC", TIDE_DISPOSITION_FATAL, 3},
    [-TIDE_ERR_CORRUPT] = {"CORRUPT", TIDE_DISPOSITION_FATAL, 4},
    [-TIDE_ERR_FENCED] = {"FENCED", TIDE_DISPOSITION_FATAL, 5},
    [-TIDE_ERR_CHECKPOINT] = {"CHECKPOINT", TIDE_DISPOSITION_FATAL, 6},
    [-TIDE_ERR_DEADLINE] = {"DEADLINE", TIDE_DISPOSITION_ABORT_EPOCH, 7},
    [-TIDE_ERR_PLUGIN] = {"PLUGIN", TIDE_DISPOSITION_FATAL, 8},
    [-TIDE_ERR_UNREACHABLE] = {"UNREACHABLE", TIDE_DISPOSITION_WAIT, 9},
    [-TIDE_ERR_RECORD] = {"RECORD", TIDE_DISPOSITION_REJECT, 1},
    [-TIDE_ERR_NOSPACE] = {"NOSPACE", TIDE_DISPOSITION_WAIT, 1},
    [-TIDE_ERR_NOTFOUND] = {"NOTFOUND", TIDE_DISPOSITION_WAIT, 6},
    [-TIDE_ERR_LIMIT] = {"LIMIT", TIDE_DISPOSITION_FATAL, 1},
    [-TIDE_ERR_FATAL] = {"FATAL", TIDE_DISPOSITION_FATAL, 1},
};

#define ERROR_ROWS ((int)(sizeof(error_rows) / sizeof(error_rows[0])))

/* A plugin may return any number: what is not a code is FATAL. */
static const struct error_row *
error_row(int code)
{
    if (code > 0 || code <= -ERROR_ROWS) {
        code = TIDE_ERR_FATAL;
    }
    return &error_rows[-code];
}

enum tide_disposition
tide_error_disposition(int code)
{
    return error_row(code)->disposition;
}

int
tide_error_exit_code(int code)
{
    return error_row(code)->exit_code;
}

const char *
tide_error_name(int code)
{
    return error_row(code)->name;
}

/* If @text was cut (@full is its whole length), ends it in "..." behind the last whole character.
 */
static void
text_mark_cut(char *text, int full)
{
    if (full < TIDE_ERROR_TEXT_MAX) {
        return;
    }
    size_t end = TIDE_ERROR_TEXT_MAX - sizeof("...");
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    memcpy(text + end, "...", sizeof("..."));
}

static int error_vset(struct tide_error *err, int code, int32_t at, const char *format,
                      va_list args) __attribute__((format(printf, 4, 0)));

static int
error_vset(struct tide_error *err, int code, int32_t at, const char *format, va_list args)
{
    TIDE_ASSERT(code < 0);
    if (err == NULL) {
        return code;
    }
    char text[TIDE_ERROR_TEXT_MAX];
    text_mark_cut(text, vsnprintf(text, sizeof(text), format, args));
    err->code = code;
    err->at = at;
    memcpy(err->text, text, strlen(text) + 1);
    return code;
}

int
tide_error_set(struct tide_error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_vset(err, code, -1, format, args);
    va_end(args);
    return code;
}

int
tide_error_set_at(struct tide_error *err, int code, int32_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_vset(err, code, at, format, args);
    va_end(args);
    return code;
}

int
tide_error_prefix(struct tide_error *err, const char *format, ...)
{
    if (err == NULL) {
        return TIDE_ERR_FATAL;
    }
    char prefix[TIDE_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    text_mark_cut(prefix, vsnprintf(prefix, sizeof(prefix), format, args));
    va_end(args);
    size_t prefix_len = strlen(prefix);
    char text[2 * TIDE_ERROR_TEXT_MAX + 2];
    int full = snprintf(text, sizeof(text), "%s: %s", prefix, err->text);
    TIDE_ASSERT((size_t)full >= prefix_len);
    text_mark_cut(text, full);
    memcpy(err->text, text, strlen(text) + 1);
    return err->code;
}
