/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines, byte for byte; time and descriptors come from the test. */
#include <fcntl.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "base/log.h"
#include "fake_seam.h"

/* 2026-01-02T03:04:05.678901Z, as `date -u -d ... +%s` has it. */
#define WALL_NS (UINT64_C(1767323045) * 1000000000u + 678901999u)

#define TS_LOGFMT "ts=2026-01-02T03:04:05.678901Z "
#define TS_JSON "{\"ts\":\"2026-01-02T03:04:05.678901Z\","

struct fixture {
    struct fake_seam fake;
    struct tide_log log;
    char lines[8 * TIDE_LIMIT_LOG_LINE];
    size_t len;
    int count;
};

static struct fixture fixture;

static void
fixture_take(void *self, enum tide_log_level level, const char *line, size_t len)
{
    struct fixture *f = self;
    (void)level;
    cr_assert_leq(f->len + len + 1, sizeof(f->lines));
    memcpy(f->lines + f->len, line, len);
    f->len += len;
    f->lines[f->len] = '\0';
    f->count++;
}

static struct tide_log *
fixture_init(enum tide_log_format format)
{
    fake_seam_init(&fixture.fake);
    fixture.fake.wall_ns = WALL_NS;
    fixture.len = 0;
    fixture.lines[0] = '\0';
    tide_log_init(&fixture.log, &fixture.fake.seam, -1, format, TIDE_LOG_INFO);
    tide_log_sink_set(&fixture.log, fixture_take, &fixture);
    return &fixture.log;
}

Test(log, logfmt)
{
    struct tide_log *log = fixture_init(TIDE_LOG_LOGFMT);
    TIDE_LOG(log, TIDE_LOG_WARN, "topic missing", TIDE_LOG_STR("topic", "orders"),
             TIDE_LOG_INT("partition", -3), TIDE_LOG_UINT("big", UINT64_MAX),
             TIDE_LOG_BOOL("yes", true), TIDE_LOG_DOUBLE("part", 0.1),
             TIDE_LOG_BYTES("bytes", "abcd", 2));
    cr_assert_str_eq(fixture.lines,
                     TS_LOGFMT "level=warn msg=\"topic missing\" topic=orders partition=-3 "
                               "big=18446744073709551615 yes=true part=0.1 bytes=ab\n");
}

Test(log, json)
{
    struct tide_log *log = fixture_init(TIDE_LOG_JSON);
    TIDE_LOG(log, TIDE_LOG_ERROR, "topic missing", TIDE_LOG_STR("topic", "orders"),
             TIDE_LOG_INT("partition", 3), TIDE_LOG_BOOL("no", false),
             TIDE_LOG_DOUBLE("third", 1.0 / 3), TIDE_LOG_STR("none", NULL));
    cr_assert_str_eq(fixture.lines,
                     TS_JSON "\"level\":\"error\",\"msg\":\"topic missing\",\"topic\":\"orders\","
                             "\"partition\":3,\"no\":false,\"third\":0.3333333333333333,"
                             "\"none\":null}\n");
}

Test(log, line_without_fields)
{
    struct tide_log *log = fixture_init(TIDE_LOG_LOGFMT);
    TIDE_LOG(log, TIDE_LOG_INFO, "started");
    cr_assert_str_eq(fixture.lines, TS_LOGFMT "level=info msg=started\n");
}

Test(log, fields_as_an_array)
{
    struct tide_log *log = fixture_init(TIDE_LOG_LOGFMT);
    const struct tide_log_field fields[] = {TIDE_LOG_STR("a", "x"), TIDE_LOG_INT("b", 2)};
    tide_log_write(log, TIDE_LOG_INFO, "m", fields, 2);
    tide_log_write(log, TIDE_LOG_INFO, "m", fields, 1);
    tide_log_write(log, TIDE_LOG_INFO, "m", NULL, 0);
    cr_assert_str_eq(fixture.lines,
                     TS_LOGFMT "level=info msg=m a=x b=2\n" TS_LOGFMT "level=info msg=m a=x\n" //
                     TS_LOGFMT "level=info msg=m\n");
}

Test(log, error_fields)
{
    struct tide_log *log = fixture_init(TIDE_LOG_LOGFMT);
    struct tide_error err = {0};
    tide_error_set(&err, TIDE_ERR_IO, "disk full");
    TIDE_LOG(log, TIDE_LOG_ERROR, "stopped", TIDE_LOG_ERR(&err));
    cr_assert_str_eq(fixture.lines,
                     TS_LOGFMT "level=error msg=stopped code=IO error=\"disk full\"\n");
}

/* What needs quotes and escapes; the same text in both formats. */
static const struct {
    const char *raw;
    const char *logfmt;
    const char *json;
} texts[] = {
    {"plain", "plain", "\"plain\""},
    {"", "\"\"", "\"\""},
    {"two words", "\"two words\"", "\"two words\""},
    {"a=b", "\"a=b\"", "\"a=b\""},
    {"say \"hi\"", "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
    {"C:\\x", "\"C:\\\\x\"", "\"C:\\\\x\""},
    {"line\nbreak\ttab", "\"line\\nbreak\\ttab\"", "\"line\\nbreak\\ttab\""},
    {"\x1b[31m\r\x7f", "\"\\u001b[31m\\u000d\\u007f\"", "\"\\u001b[31m\\u000d\\u007f\""},
    {"\xC2\x9B"
     "31m",
     "\"\\u009b31m\"", "\"\\u009b31m\""},
    {"na\xC3\xAFve", "\"na\xC3\xAFve\"", "\"na\xC3\xAFve\""},
    {"bad\xFFutf", "\"bad\xEF\xBF\xBDutf\"", "\"bad\xEF\xBF\xBDutf\""},
    {"cut\xE2\x82", "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\"", "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\""},
};

Test(log, text_is_escaped)
{
    char expected[256];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tide_log *log = fixture_init(TIDE_LOG_LOGFMT);
        TIDE_LOG(log, TIDE_LOG_INFO, "m", TIDE_LOG_STR("k", texts[i].raw));
        snprintf(expected, sizeof(expected), TS_LOGFMT "level=info msg=m k=%s\n", texts[i].logfmt);
        cr_expect_str_eq(fixture.lines, expected);
        log = fixture_init(TIDE_LOG_JSON);
        TIDE_LOG(log, TIDE_LOG_INFO, texts[i].raw);
        snprintf(expected, sizeof(expected), TS_JSON "\"level\":\"info\",\"msg\":%s}\n",
                 texts[i].json);
        cr_expect_str_eq(fixture.lines, expected);
    }
}

Test(log, zero_byte_is_escaped)
{
    struct tide_log *log = fixture_init(TIDE_LOG_JSON);
    TIDE_LOG(log, TIDE_LOG_INFO, "m", TIDE_LOG_BYTES("k", "a\0b", 3));
    cr_assert_not_null(strstr(fixture.lines, "\"k\":\"a\\u0000b\"}\n"));
}

Test(log, numbers_are_json)
{
    struct tide_log *log = fixture_init(TIDE_LOG_JSON);
    setlocale(LC_ALL, "de_DE.UTF-8");
    TIDE_LOG(log, TIDE_LOG_INFO, "m", TIDE_LOG_DOUBLE("a", 1.5), TIDE_LOG_DOUBLE("b", (double)NAN),
             TIDE_LOG_DOUBLE("c", -(double)INFINITY), TIDE_LOG_DOUBLE("d", DBL_MAX),
             TIDE_LOG_DOUBLE("e", 0.1 + 0.2), TIDE_LOG_INT("f", INT64_MIN));
    cr_assert_not_null(strstr(fixture.lines,
                              "\"a\":1.5,\"b\":\"NaN\",\"c\":\"-Infinity\","
                              "\"d\":1.7976931348623157e+308,\"e\":0.30000000000000004,"
                              "\"f\":-9223372036854775808}\n"));
}

Test(log, levels)
{
    struct tide_log *log = fixture_init(TIDE_LOG_LOGFMT);
    int evaluated = 0;
    TIDE_LOG(log, TIDE_LOG_DEBUG, "no", TIDE_LOG_INT("n", evaluated++));
    cr_assert_eq(evaluated, 0);
    cr_assert_eq(fixture.len, 0);
    cr_assert_not(tide_log_enabled(NULL, TIDE_LOG_ERROR));
    cr_assert_eq(tide_log_more(log), TIDE_LOG_DEBUG);
    TIDE_LOG(log, TIDE_LOG_DEBUG, "yes", TIDE_LOG_INT("n", evaluated++));
    cr_assert_eq(evaluated, 1);
    cr_assert_eq(tide_log_more(log), TIDE_LOG_TRACE);
    cr_assert_eq(tide_log_more(log), TIDE_LOG_TRACE);
    tide_log_level_set(log, TIDE_LOG_WARN);
    cr_assert_eq(tide_log_less(log), TIDE_LOG_ERROR);
    cr_assert_eq(tide_log_less(log), TIDE_LOG_ERROR);
    cr_assert(tide_log_enabled(log, TIDE_LOG_ERROR));
    cr_assert_not(tide_log_enabled(log, TIDE_LOG_WARN));
}

Test(log, names_are_parsed)
{
    enum tide_log_level level = TIDE_LOG_TRACE;
    enum tide_log_format format = TIDE_LOG_JSON;
    struct tide_error err = {0};
    for (int i = TIDE_LOG_ERROR; i <= TIDE_LOG_TRACE; i++) {
        const char *name = tide_log_level_name((enum tide_log_level)i);
        cr_assert_eq(tide_log_level_parse(name, &level, NULL), TIDE_OK);
        cr_assert_eq((int)level, i);
    }
    cr_assert_eq(tide_log_level_parse("WARN", &level, NULL), TIDE_OK);
    cr_assert_eq(level, TIDE_LOG_WARN);
    cr_assert_eq(tide_log_level_parse("loud", &level, &err), TIDE_ERR_INVALID);
    cr_assert_eq(level, TIDE_LOG_WARN);
    cr_assert_eq(tide_log_format_parse("LogFmt", &format, NULL), TIDE_OK);
    cr_assert_eq(format, TIDE_LOG_LOGFMT);
    cr_assert_eq(tide_log_format_parse("json", &format, NULL), TIDE_OK);
    cr_assert_eq(format, TIDE_LOG_JSON);
    cr_assert_eq(tide_log_format_parse("xml", &format, &err), TIDE_ERR_INVALID);
}

/* Whether a line is well-formed enough to be one: quotes in pairs, one newline at the end. */
static int
is_whole(const char *line, size_t len)
{
    int quotes = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\\') {
            i++;
        } else if (line[i] == '"') {
            quotes++;
        }
    }
    return quotes % 2 == 0 && memchr(line, '\n', len) == line + len - 1;
}

Test(log, long_value_is_cut_and_the_rest_is_there)
{
    static char text[5000];
    memset(text, 'a', sizeof(text) - 1);
    for (int format = TIDE_LOG_LOGFMT; format <= TIDE_LOG_JSON; format++) {
        struct tide_log *log = fixture_init((enum tide_log_format)format);
        TIDE_LOG(log, TIDE_LOG_INFO, "m", TIDE_LOG_STR("row", text), TIDE_LOG_INT("n", 5));
        cr_assert(is_whole(fixture.lines, fixture.len));
        cr_assert_leq(fixture.len, TIDE_LIMIT_LOG_LINE);
        cr_assert_not_null(strstr(fixture.lines, format == TIDE_LOG_JSON
                                                     ? "aaa...\",\"n\":5,\"truncated\":true}\n"
                                                     : "aaa...\" n=5 truncated=true\n"));
    }
}

/* Every length around the limit, with characters of one, two and six bytes in the line. */
Test(log, line_at_its_limit_stays_whole)
{
    static char text[1200];
    static const char *const fill[] = {"a", "\xC3\xA9", "\x01", "\"", "\xFF"};
    for (size_t shape = 0; shape < 2 * sizeof(fill) / sizeof(fill[0]); shape++) {
        const char *unit = fill[shape / 2];
        text[0] = '\0';
        for (size_t i = 0; i < 500; i++) {
            strcat(text, unit);
        }
        for (size_t pad = 0; pad < 800; pad += 1) {
            char tail[801];
            memset(tail, 'p', pad);
            tail[pad] = '\0';
            struct tide_log *log = fixture_init((enum tide_log_format)(shape % 2));
            TIDE_LOG(log, TIDE_LOG_INFO, tail, TIDE_LOG_STR("a", text), TIDE_LOG_STR("b", text),
                     TIDE_LOG_STR("c", text), TIDE_LOG_STR("d", text), TIDE_LOG_STR("e", text),
                     TIDE_LOG_STR("f", text), TIDE_LOG_STR("g", text), TIDE_LOG_INT("z", 1));
            cr_assert(is_whole(fixture.lines, fixture.len));
            cr_assert_leq(fixture.len, TIDE_LIMIT_LOG_LINE);
            int is_cut = strstr(fixture.lines, "truncated") != NULL;
            int has_last = strstr(fixture.lines, shape % 2 ? "\"z\":1" : " z=1") != NULL;
            cr_assert_neq(is_cut, has_last);
        }
    }
}

Test(log, writes_to_a_descriptor)
{
    struct fake_seam fake;
    struct tide_log log;
    int pipe_fds[2];
    char got[256] = {0};
    fake_seam_init(&fake);
    cr_assert_eq(pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC), 0);
    tide_log_init(&log, &fake.seam, pipe_fds[1], TIDE_LOG_LOGFMT, TIDE_LOG_INFO);
    TIDE_LOG(&log, TIDE_LOG_INFO, "here");
    ssize_t len = read(pipe_fds[0], got, sizeof(got) - 1);
    cr_assert_gt(len, 0);
    cr_assert_str_eq(got, "ts=1970-01-01T00:00:00.000000Z level=info msg=here\n");
    cr_assert_eq(tide_log_lost(&log), 0);
    for (int i = 0; i < 100000 && tide_log_lost(&log) == 0; i++) {
        TIDE_LOG(&log, TIDE_LOG_INFO, "filling the pipe");
    }
    cr_assert_eq(tide_log_lost(&log), 1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* Lines of several threads on one pipe arrive whole. */
#define WRITERS 4
#define LINES 2000

static void *
lines_write(void *arg)
{
    char text[901];
    memset(text, 'x', 900);
    text[900] = '\0';
    for (int i = 0; i < LINES; i++) {
        TIDE_LOG((struct tide_log *)arg, TIDE_LOG_INFO, "m", TIDE_LOG_STR("text", text));
    }
    return NULL;
}

Test(log, threads_do_not_mix_lines)
{
    struct tide_log log;
    int pipe_fds[2];
    pthread_t threads[WRITERS];
    struct fake_seam fake;
    char line[2000];
    fake_seam_init(&fake);
    cr_assert_eq(pipe(pipe_fds), 0);
    tide_log_init(&log, &fake.seam, pipe_fds[1], TIDE_LOG_LOGFMT, TIDE_LOG_INFO);
    for (int i = 0; i < WRITERS; i++) {
        pthread_create(&threads[i], NULL, lines_write, &log);
    }
    FILE *reader = fdopen(pipe_fds[0], "r");
    for (int i = 0; i < WRITERS * LINES; i++) {
        cr_assert_not_null(fgets(line, sizeof(line), reader));
        cr_assert_eq(strspn(strstr(line, "text=") + 5, "x"), 900);
        cr_assert_eq(strncmp(line, "ts=1970", 7), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    fclose(reader);
    close(pipe_fds[1]);
}

Test(log, gate_opens_once_per_interval)
{
    struct tide_log *log = fixture_init(TIDE_LOG_LOGFMT);
    struct tide_log_gate gate = {0};
    uint64_t held_back = 77;
    cr_assert(tide_log_every(log, &gate, 1000, &held_back));
    cr_assert_eq(held_back, 0);
    for (fixture.fake.mono_ns = 1; fixture.fake.mono_ns < 1000; fixture.fake.mono_ns++) {
        cr_assert_not(tide_log_every(log, &gate, 1000, &held_back));
    }
    cr_assert(tide_log_every(log, &gate, 1000, &held_back));
    cr_assert_eq(held_back, 999);
    cr_assert_not(tide_log_every(log, &gate, 1000, &held_back));
    fixture.fake.mono_ns = 5000;
    cr_assert(tide_log_every(log, &gate, 1000, &held_back));
    cr_assert_eq(held_back, 1);
    cr_assert_not(tide_log_every(NULL, &gate, 1000, &held_back));
}
