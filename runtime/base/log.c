/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log: builds a line on the stack and writes it at once.
 *
 * A struct line fills up to LINE_ROOM; what lies behind is kept free for the closing quote, the
 * truncated field, the brace and the newline, so that a line can always be ended well. A piece that
 * does not fit is not written at all: a field is taken back to its beginning, a value stops at its
 * last whole character.
 *
 * Threads: any. The level and the counts are relaxed atomics without partners: a line more or less
 * around a change of level harms nobody.
 */
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"

#define LINE_TAIL 32u
#define LINE_ROOM (TIDE_LIMIT_LOG_LINE - LINE_TAIL)
#define NS_PER_S 1000000000u

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
static const char *const format_names[] = {"logfmt", "json"};

#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))
#define FORMATS (sizeof(format_names) / sizeof(format_names[0]))

/* A line under construction. */
struct line {
    enum tide_log_format format;
    bool full; /* something did not fit: nothing more is written */
    bool cut;  /* something is missing */
    size_t len;
    char text[TIDE_LIMIT_LOG_LINE];
};

/* Appends @len bytes, or nothing and marks the line full. */
static bool
line_put(struct line *line, const char *bytes, size_t len)
{
    if (line->full || len > LINE_ROOM - line->len) {
        line->full = true;
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
    return true;
}

/* Appends to the part kept free. */
static void
line_end(struct line *line, const char *text)
{
    size_t len = strlen(text);
    TIDE_ASSERT(len <= TIDE_LIMIT_LOG_LINE - line->len);
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

/*
 * One character of @len bytes (0: an invalid byte) as it stands between quotes: JSON's escapes,
 * which logfmt readers know too. Control characters of both blocks are escaped, so that no terminal
 * obeys a record.
 */
static bool
line_put_char(struct line *line, const char *at, size_t len)
{
    unsigned char first = (unsigned char)at[0];
    char escape[8];
    if (len == 0) {
        return line_put(line, "\xEF\xBF\xBD", 3); /* U+FFFD */
    }
    if (first == '"' || first == '\\') {
        char pair[2] = {'\\', (char)first};
        return line_put(line, pair, sizeof(pair));
    }
    if (first == '\n') {
        return line_put(line, "\\n", 2);
    }
    if (first == '\t') {
        return line_put(line, "\\t", 2);
    }
    bool is_c1 = len == 2 && first == 0xC2 && (unsigned char)at[1] < 0xA0;
    if (first < 0x20 || first == 0x7F || is_c1) {
        unsigned code = is_c1 ? (unsigned char)at[1] : first;
        int size = snprintf(escape, sizeof(escape), "\\u%04x", code);
        return line_put(line, escape, (size_t)size);
    }
    return line_put(line, at, len);
}

/* A quoted value, cut to what fits. */
static bool
line_put_quoted(struct line *line, const char *value, size_t len)
{
    if (!line_put(line, "\"", 1)) {
        return false;
    }
    size_t at = 0;
    while (at < len && at < TIDE_LIMIT_LOG_VALUE) {
        size_t size = tide_utf8_char(value + at, len - at);
        if (!line_put_char(line, value + at, size)) {
            break;
        }
        at += size == 0 ? 1 : size;
    }
    if (at < len) {
        line->cut = true;
        line_end(line, "...");
    }
    line_end(line, "\"");
    if (line->len > LINE_ROOM) {
        line->full = true;
    }
    return true;
}

/* Whether logfmt needs no quotes for the value. */
static bool
value_is_plain(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)value[i];
        if (byte <= ' ' || byte >= 0x7F || byte == '=' || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return len > 0 && len <= TIDE_LIMIT_LOG_VALUE;
}

static bool
line_put_text(struct line *line, const char *value, size_t len)
{
    if (value == NULL) {
        return line_put(line, "null", 4);
    }
    if (line->format == TIDE_LOG_LOGFMT && value_is_plain(value, len) &&
        len <= LINE_ROOM - line->len) {
        return line_put(line, value, len);
    }
    return line_put_quoted(line, value, len);
}

/* The shortest of 15 to 17 digits that reads back the same, with a point in every locale. */
static bool
line_put_double(struct line *line, double value)
{
    if (!isfinite(value)) {
        const char *name = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
        return line_put_text(line, name, strlen(name));
    }
    char text[40];
    int size = 0;
    for (int digits = 15; digits <= 17; digits++) {
        size = snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    char *comma = strchr(text, ',');
    if (comma != NULL) {
        *comma = '.';
    }
    return line_put(line, text, (size_t)size);
}

static bool
line_put_value(struct line *line, const struct tide_log_field *field)
{
    char text[24];
    int size = 0;
    switch (field->type) {
    case TIDE_LOG_TYPE_STR:
        return line_put_text(line, field->value.str,
                             field->value.str == NULL ? 0 : strlen(field->value.str));
    case TIDE_LOG_TYPE_BYTES:
        return line_put_text(line, field->value.str, field->len);
    case TIDE_LOG_TYPE_INT:
        size = snprintf(text, sizeof(text), "%lld", (long long)field->value.i);
        return line_put(line, text, (size_t)size);
    case TIDE_LOG_TYPE_UINT:
        size = snprintf(text, sizeof(text), "%llu", (unsigned long long)field->value.u);
        return line_put(line, text, (size_t)size);
    case TIDE_LOG_TYPE_DOUBLE:
        return line_put_double(line, field->value.d);
    case TIDE_LOG_TYPE_BOOL:
        return line_put(line, field->value.b ? "true" : "false", field->value.b ? 4 : 5);
    case TIDE_LOG_TYPE_END:
        break;
    }
    TIDE_UNREACHABLE("log field type");
}

/* A whole field, or nothing of it. */
static void
line_put_field(struct line *line, const struct tide_log_field *field)
{
    size_t before = line->len;
    bool is_json = line->format == TIDE_LOG_JSON;
    bool fits = line_put(line, is_json ? ",\"" : " ", is_json ? 2 : 1) &&
                line_put(line, field->key, strlen(field->key)) &&
                line_put(line, is_json ? "\":" : "=", is_json ? 2 : 1) &&
                line_put_value(line, field);
    if (!fits) {
        line->len = before;
    }
}

static void
line_begin(struct line *line, enum tide_log_format format, uint64_t wall_ns,
           enum tide_log_level level)
{
    line->format = format;
    line->full = false;
    line->cut = false;
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm utc;
    struct tm *done = gmtime_r(&seconds, &utc);
    TIDE_ASSERT(done != NULL);
    const char *shape = format == TIDE_LOG_JSON
                            ? "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06uZ\",\"level\":\"%s\""
                            : "ts=%04d-%02d-%02dT%02d:%02d:%02d.%06uZ level=%s";
    int size = snprintf(line->text, sizeof(line->text), shape, utc.tm_year + 1900, utc.tm_mon + 1,
                        utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                        (unsigned)(wall_ns % NS_PER_S / 1000u), level_names[level]);
    TIDE_ASSERT(size > 0);
    line->len = (size_t)size;
}

static void
line_finish(struct line *line)
{
    bool is_json = line->format == TIDE_LOG_JSON;
    if (line->cut) {
        line_end(line, is_json ? ",\"truncated\":true" : " truncated=true");
    }
    line_end(line, is_json ? "}\n" : "\n");
}

/* One write for the line; the rest of a short one (a disk that fills up) as long as it makes
 * progress. */
static bool
fd_write(int fd, const char *text, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t written = write(fd, text + done, len - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

void
tide_log_init(struct tide_log *log, const struct tide_seam *seam, int fd,
              enum tide_log_format format, enum tide_log_level level)
{
    log->seam = seam;
    log->sink = NULL;
    log->sink_self = NULL;
    log->fd = fd;
    log->format = format;
    atomic_init(&log->level, (int)level);
    atomic_init(&log->lost, 0);
}

void
tide_log_sink_set(struct tide_log *log, tide_log_sink_fn *sink, void *self)
{
    log->sink = sink;
    log->sink_self = self;
}

void
tide_log_level_set(struct tide_log *log, enum tide_log_level level)
{
    TIDE_ASSERT((unsigned)level < LEVELS);
    atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

/* Moves the level by one, within @least and @most. */
static enum tide_log_level
level_move(struct tide_log *log, int by, int end)
{
    int level = atomic_load_explicit(&log->level, memory_order_relaxed);
    while (level != end &&
           !atomic_compare_exchange_weak_explicit(&log->level, &level, level + by,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return (enum tide_log_level)(level == end ? end : level + by);
}

enum tide_log_level
tide_log_more(struct tide_log *log)
{
    return level_move(log, 1, TIDE_LOG_TRACE);
}

enum tide_log_level
tide_log_less(struct tide_log *log)
{
    return level_move(log, -1, TIDE_LOG_ERROR);
}

const char *
tide_log_level_name(enum tide_log_level level)
{
    TIDE_ASSERT((unsigned)level < LEVELS);
    return level_names[level];
}

int
tide_log_level_parse(const char *text, enum tide_log_level *out_level, struct tide_error *err)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (tide_text_equal_nocase(text, level_names[i])) {
            *out_level = (enum tide_log_level)i;
            return TIDE_OK;
        }
    }
    return tide_error_set(err, TIDE_ERR_INVALID,
                          "'%s' is not a log level: error, warn, info, debug or trace", text);
}

int
tide_log_format_parse(const char *text, enum tide_log_format *out_format, struct tide_error *err)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (tide_text_equal_nocase(text, format_names[i])) {
            *out_format = (enum tide_log_format)i;
            return TIDE_OK;
        }
    }
    return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is not a log format: logfmt or json", text);
}

void
tide_log_write(struct tide_log *log, enum tide_log_level level, const char *text,
               const struct tide_log_field *fields, size_t n)
{
    if (!tide_log_enabled(log, level)) {
        return;
    }
    struct line line;
    line_begin(&line, log->format, tide_wall_ns(log->seam), level);
    const struct tide_log_field message = TIDE_LOG_STR("msg", text);
    line_put_field(&line, &message);
    for (size_t i = 0; i < n && fields[i].type != TIDE_LOG_TYPE_END; i++) {
        line_put_field(&line, &fields[i]);
    }
    line_finish(&line);
    if (log->sink != NULL) {
        log->sink(log->sink_self, level, line.text, line.len);
    } else if (!fd_write(log->fd, line.text, line.len)) {
        atomic_fetch_add_explicit(&log->lost, 1, memory_order_relaxed);
    }
}

uint64_t
tide_log_lost(const struct tide_log *log)
{
    return atomic_load_explicit(&log->lost, memory_order_relaxed);
}

bool
tide_log_every(struct tide_log *log, struct tide_log_gate *gate, uint64_t interval_ns,
               uint64_t *out_held_back)
{
    if (log == NULL) {
        return false;
    }
    uint64_t now = tide_mono_ns(log->seam);
    uint64_t open = atomic_load_explicit(&gate->open_ns, memory_order_relaxed);
    /* Of several threads that find the gate open, one goes through. */
    if (now < open ||
        !atomic_compare_exchange_strong_explicit(&gate->open_ns, &open, now + interval_ns,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&gate->held_back, 1, memory_order_relaxed);
        return false;
    }
    *out_held_back = atomic_exchange_explicit(&gate->held_back, 0, memory_order_relaxed);
    return true;
}
