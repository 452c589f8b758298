/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one caller-owned struct that gathers context on its way up.
 *
 * A function that can fail for a reason outside this process returns 0 or a negative TIDE_ERR_*
 * code and fills the struct tide_error it was given (NULL is legal: the code alone is returned).
 * Whoever passes the error on adds context with tide_error_prefix(); whoever ends it (the program,
 * an embedder) prints it once. Library code never prints, never exits and never logs what it
 * returns.
 *
 * Every code has one disposition, which says what the engine does with it.
 */
#ifndef TIDEMARK_ERROR_H
#define TIDEMARK_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Codes. The program turns them into its exit codes (see tide_error_exit_code). */
enum tide_err {
    TIDE_OK = 0,
    TIDE_ERR_INVALID = -1,      /* bad pipeline, option, argument or schema: exit 6 */
    TIDE_ERR_UNSUPPORTED = -2,  /* understood, not in this version: exit 6 */
    TIDE_ERR_NOMEM = -3,        /* the accounted budget or the system is out of memory: exit 1 */
    TIDE_ERR_IO = -4,           /* an input or output operation failed: exit 1 */
    TIDE_ERR_SYNC = -5,         /* a sync of durable storage failed: exit 3, never retried */
    TIDE_ERR_CORRUPT = -6,      /* WAL or checkpoint damaged: exit 4 */
    TIDE_ERR_FENCED = -7,       /* another incarnation owns the checkpoint: exit 5 */
    TIDE_ERR_CHECKPOINT = -8,   /* checkpoint belongs to another pipeline: exit 6 */
    TIDE_ERR_DEADLINE = -9,     /* an epoch missed its deadline too often: exit 7 */
    TIDE_ERR_PLUGIN = -10,      /* a plugin was refused (ABI, hash, metadata): exit 8 */
    TIDE_ERR_UNREACHABLE = -11, /* a peer does not answer and the verb does not wait: exit 9 */
    TIDE_ERR_RECORD = -12,      /* one record cannot be processed: rejected (dead letter or stop) */
    TIDE_ERR_NOSPACE = -13,     /* no space left: the engine waits */
    TIDE_ERR_NOTFOUND = -14,    /* a named thing does not exist */
    TIDE_ERR_LIMIT = -15, /* a limit of base/limits.h or of the pipeline was reached: exit 1 */
    TIDE_ERR_FATAL = -16, /* any other run-time failure: exit 1 */
};

/* What the engine does with an error of a code. */
enum tide_disposition {
    TIDE_DISPOSITION_RETRY,       /* try the same again, bounded, with back-off */
    TIDE_DISPOSITION_WAIT,        /* state WAITING: back-pressure until the outside answers */
    TIDE_DISPOSITION_REJECT,      /* the record goes where onError says */
    TIDE_DISPOSITION_ABORT_EPOCH, /* the incarnation ends and is restarted from the last commit */
    TIDE_DISPOSITION_FATAL,       /* the pipeline ends with this error */
};

#define TIDE_ERROR_TEXT_MAX 1024

/* An error with its message. Plain data; copy freely. */
struct tide_error {
    int32_t code;                   /* enum tide_err, 0 when unset */
    int32_t at;                     /* byte offset into the text being parsed, -1 when none */
    char text[TIDE_ERROR_TEXT_MAX]; /* one sentence: what, where, why, what to do; never a secret */
};

#pragma GCC visibility push(default)

/* Where @code leads. @thread any */
enum tide_disposition tide_error_disposition(int code);

/* The program's exit code for @code (0 for TIDE_OK). @thread any */
int tide_error_exit_code(int code);

/* A short stable name for @code, as in logs and dead letters: "INVALID", "CORRUPT", ... @thread any
 */
const char *tide_error_name(int code);

/* Sets @err (if not NULL) to @code with a printf message and returns @code. @thread any */
int tide_error_set(struct tide_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As tide_error_set, and remembers the byte offset @at inside the text being parsed. @thread any */
int tide_error_set_at(struct tide_error *err, int code, int32_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "printf text: " in front of the message of @err; returns err->code. @thread any */
int tide_error_prefix(struct tide_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
