/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest name, and JSON texts: expected values by Python's json and base64. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "cli/say.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

Test(say, nearest)
{
    static const char *const names[] = {"run", "check", "explain", "list", "wal show", "version"};
    static const struct {
        const char *given, *near;
    } rows[] = {
        {"rnu", "run"},  {"chekc", "check"},     {"explian", "explain"},
        {"lst", "list"}, {"versoin", "version"}, {"xyz", NULL},
        {"", NULL},      {"checkpoint", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *near = cli_nearest(rows[i].given, names, COUNT(names));
        if (rows[i].near == NULL) {
            cr_expect_null(near, "%s: %s", rows[i].given, near);
        } else {
            cr_expect(near != NULL && strcmp(near, rows[i].near) == 0, "%s", rows[i].given);
        }
    }
}

static void
expect_json(const void *p, size_t n, const char *wanted)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    cli_json_bytes(out, p, n);
    fclose(out);
    cr_expect_str_eq(text, wanted);
    free(text);
}

Test(say, json)
{
    expect_json(NULL, 0, "null");
    expect_json("", 0, "\"\"");
    expect_json("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    expect_json("\b\t\n\f\r\x0b\x01", 7, "\"\\b\\t\\n\\f\\r\\u000b\\u0001\"");
    expect_json("\xC3\xBC \xE2\x82\xAC \xF0\x9F\x8C\x8A", 11,
                "\"\xC3\xBC \xE2\x82\xAC \xF0\x9F\x8C\x8A\"");
    expect_json("a\0b", 3, "\"a\\u0000b\"");
}

Test(say, bytes_that_are_no_text_are_base64)
{
    expect_json("\xFF", 1, "{\"base64\":\"/w==\"}");
    expect_json("\xFF\xFE", 2, "{\"base64\":\"//4=\"}");
    expect_json("\xFF\xFE\xFD", 3, "{\"base64\":\"//79\"}");
    expect_json("ab\xC3", 3, "{\"base64\":\"YWLD\"}");               /* cut */
    expect_json("\xC0\x80", 2, "{\"base64\":\"wIA=\"}");             /* overlong */
    expect_json("\xED\xA0\x80", 3, "{\"base64\":\"7aCA\"}");         /* a surrogate */
    expect_json("\xF4\x90\x80\x80", 4, "{\"base64\":\"9JCAgA==\"}"); /* over U+10FFFF */
}
