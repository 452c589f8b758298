/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log: one line per event, as logfmt or JSON.
 *
 * A line is a sentence for people (constant text, so that lines can be counted) and typed fields
 * for machines. It is built on the stack and written with one write(2), so lines of several
 * threads, or of several processes on one pipe, never mix. A struct tide_log is given to whoever
 * may log; there is no global one. What a library call returns as an error is logged by whoever
 * ends it, not by the call.
 *
 *     TIDE_LOG(log, TIDE_LOG_WARN, "topic missing", TIDE_LOG_STR("topic", name),
 * TIDE_LOG_INT("partition", p));
 *
 * gives  ts=2026-01-02T03:04:05.678901Z level=warn msg="topic missing" topic=orders partition=3
 * or     {"ts":"2026-01-02T03:04:05.678901Z","level":"warn","msg":"topic
 * missing","topic":"orders","partition":3}
 *
 * Text is made valid UTF-8, control characters are escaped (a record's content cannot forge a line
 * or drive a terminal). Threads: everything but init from any thread; the level may be changed in a
 * signal handler.
 */
#ifndef TIDE_BASE_LOG_H
#define TIDE_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

/* Levels; a log writes its level and everything above (before) it. */
enum tide_log_level {
    TIDE_LOG_ERROR,
    TIDE_LOG_WARN,
    TIDE_LOG_INFO,
    TIDE_LOG_DEBUG,
    TIDE_LOG_TRACE,
};

enum tide_log_format {
    TIDE_LOG_LOGFMT,
    TIDE_LOG_JSON,
};

enum tide_log_type {
    TIDE_LOG_TYPE_END, /* ends a list */
    TIDE_LOG_TYPE_STR,
    TIDE_LOG_TYPE_BYTES,
    TIDE_LOG_TYPE_INT,
    TIDE_LOG_TYPE_UINT,
    TIDE_LOG_TYPE_DOUBLE,
    TIDE_LOG_TYPE_BOOL,
};

/* One field. Made by the macros below; the text it points to need only live until the call returns.
 */
struct tide_log_field {
    const char *key; /* [a-z0-9_.]+, written as it is */
    enum tide_log_type type;
    uint32_t len; /* TIDE_LOG_TYPE_BYTES */
    union {
        const char *str;
        int64_t i;
        uint64_t u;
        double d;
        bool b;
    } value;
};

/* Field makers: TIDE_LOG_STR(key, text or NULL), _BYTES(key, data, len), _INT, _UINT, _DOUBLE,
 * _BOOL(key, value). */
#define TIDE_LOG_STR(k, v)                                      \
    {                                                           \
        .key = (k), .type = TIDE_LOG_TYPE_STR, .value.str = (v) \
    }
#define TIDE_LOG_BYTES(k, v, n)                                                         \
    {                                                                                   \
        .key = (k), .type = TIDE_LOG_TYPE_BYTES, .len = (uint32_t)(n), .value.str = (v) \
    }
#define TIDE_LOG_INT(k, v)                                    \
    {                                                         \
        .key = (k), .type = TIDE_LOG_TYPE_INT, .value.i = (v) \
    }
#define TIDE_LOG_UINT(k, v)                                    \
    {                                                          \
        .key = (k), .type = TIDE_LOG_TYPE_UINT, .value.u = (v) \
    }
#define TIDE_LOG_DOUBLE(k, v)                                    \
    {                                                            \
        .key = (k), .type = TIDE_LOG_TYPE_DOUBLE, .value.d = (v) \
    }
#define TIDE_LOG_BOOL(k, v)                                    \
    {                                                          \
        .key = (k), .type = TIDE_LOG_TYPE_BOOL, .value.b = (v) \
    }
#define TIDE_LOG_END                           \
    {                                          \
        .key = NULL, .type = TIDE_LOG_TYPE_END \
    }

/* The two fields that say what an error says. */
#define TIDE_LOG_ERR(err) \
    TIDE_LOG_STR("code", tide_error_name((err)->code)), TIDE_LOG_STR("error", (err)->text)

/* Receives whole lines (newline included) instead of a descriptor. Called from any thread; must not
 * log. */
typedef void tide_log_sink_fn(void *self, enum tide_log_level level, const char *line, size_t len);

/* A log. Caller's memory; members private. */
struct tide_log {
    const struct tide_seam *seam;
    tide_log_sink_fn *sink;
    void *sink_self;
    int fd;
    enum tide_log_format format;
    _Atomic(int) level;
    _Atomic(uint64_t) lost;
};

/* A gate for a condition that repeats. Zeroed is ready; may be shared by threads. */
struct tide_log_gate {
    _Atomic(uint64_t) open_ns;   /* monotonic time from which the gate is open again */
    _Atomic(uint64_t) held_back; /* how often it was closed since it was last open */
};

/* Writes to @fd (not owned; 2 is stderr) from now on. @thread start */
void tide_log_init(struct tide_log *log, const struct tide_seam *seam, int fd,
                   enum tide_log_format format, enum tide_log_level level);

/* Lines go to @sink instead of the descriptor. Before other threads use the log. @thread start */
void tide_log_sink_set(struct tide_log *log, tide_log_sink_fn *sink, void *self);

/* Sets the level. Async-signal-safe. @thread any */
void tide_log_level_set(struct tide_log *log, enum tide_log_level level);

/* One level more (to TRACE at most), or less (to ERROR at most); gives the new one.
 * Async-signal-safe. @thread any */
enum tide_log_level tide_log_more(struct tide_log *log);
enum tide_log_level tide_log_less(struct tide_log *log);

/* The present level. @thread any */
static inline enum tide_log_level
tide_log_level(const struct tide_log *log)
{
    return (enum tide_log_level)atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* Whether a line of @level would be written. A NULL log writes nothing. @thread any */
static inline bool
tide_log_enabled(const struct tide_log *log, enum tide_log_level level)
{
    return log != NULL && level <= tide_log_level(log);
}

/* "error", "warn", "info", "debug", "trace". @thread any */
const char *tide_log_level_name(enum tide_log_level level);

/* Parses a level's name, any case. Errors: TIDE_ERR_INVALID, which names the levels. @thread any */
int tide_log_level_parse(const char *text, enum tide_log_level *out_level, struct tide_error *err);

/* Parses "logfmt" or "json", any case. Errors: TIDE_ERR_INVALID. @thread any */
int tide_log_format_parse(const char *text, enum tide_log_format *out_format,
                          struct tide_error *err);

/*
 * Writes one line: @text and @n @fields (up to a TIDE_LOG_END). A line longer than
 * TIDE_LIMIT_LOG_LINE is cut at a character, stays well-formed, and ends with the field
 * truncated=true. A line that the descriptor does not take (full non-blocking pipe, closed) is
 * counted, not tried again. @thread any
 */
void tide_log_write(struct tide_log *log, enum tide_log_level level, const char *text,
                    const struct tide_log_field *fields, size_t n);

/* Lines that could not be written since init. @thread any */
uint64_t tide_log_lost(const struct tide_log *log);

/*
 * TIDE_LOG(log, level, "text", fields...): checks the level before anything is evaluated. The
 * arguments are one variadic list because ISO C17 wants at least one there and a line may have no
 * fields.
 */
#define TIDE_LOG(log, level, ...)                                                             \
    do {                                                                                      \
        if (tide_log_enabled((log), (level))) {                                               \
            const struct tide_log_field tide_log_fields_[] = {                                \
                TIDE_LOG_REST_(__VA_ARGS__, TIDE_LOG_END)};                                   \
            tide_log_write((log), (level), TIDE_LOG_FIRST_(__VA_ARGS__, 0), tide_log_fields_, \
                           sizeof(tide_log_fields_) / sizeof(tide_log_fields_[0]));           \
        }                                                                                     \
    } while (0)
#define TIDE_LOG_FIRST_(first, ...) first
#define TIDE_LOG_REST_(first, ...) __VA_ARGS__

/*
 * Lets a repeated condition speak once every @interval_ns: true the first time and then once per
 * interval; *out_held_back is how often it was false in between. @thread any
 *
 *     if (tide_log_every(log, &self->full_gate, TIDE_LOG_EVERY_NS, &held_back)) {
 *         TIDE_LOG(log, TIDE_LOG_WARN, "queue full", TIDE_LOG_UINT("held_back", held_back));
 *     }
 */
bool tide_log_every(struct tide_log *log, struct tide_log_gate *gate, uint64_t interval_ns,
                    uint64_t *out_held_back);

#endif
