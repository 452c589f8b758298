/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: see args.h. */
#include "args.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "say.h"

/* ---- values ---- */

bool
cli_read_number(const char *text, uint64_t *out_number)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != 0) {
        return false;
    }
    *out_number = number;
    return true;
}

bool
cli_read_duration(const char *text, uint64_t *out_ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1},        {"us", 1e3},      {"ms", 1e6},      {"s", 1e9},
                 {"m", 60e9},      {"min", 60e9},    {"h", 3600e9},    {"d", 86400e9},
                 {"second", 1e9},  {"seconds", 1e9}, {"minute", 60e9}, {"minutes", 60e9},
                 {"hour", 3600e9}, {"hours", 3600e9}};
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    double number = strtod(text, &end);
    end += strspn(end, " ");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) == 0) {
            double ns = number * units[i].ns;
            *out_ns = ns < 1e18 ? (uint64_t)(ns + 0.5) : 0;
            return *out_ns > 0;
        }
    }
    return false;
}

bool
cli_read_rate(const char *text, uint64_t *out_per_second)
{
    char digits[24];
    size_t n = strcspn(text, "/");
    if (strcmp(text, "max") == 0) {
        *out_per_second = 0;
        return true;
    }
    if (n >= sizeof(digits) || (text[n] != 0 && strcmp(text + n, "/s") != 0)) {
        return false;
    }
    memcpy(digits, text, n);
    digits[n] = 0;
    return cli_read_number(digits, out_per_second) && *out_per_second > 0 &&
           *out_per_second <= 1000000000u;
}

bool
cli_read_choice(const char *choices, const char *text, uint64_t *out_index)
{
    size_t wanted = strlen(text);
    for (uint64_t index = 0; *choices != 0; index++) {
        size_t n = strcspn(choices, "|");
        if (n == wanted && strncasecmp(choices, text, n) == 0) {
            *out_index = index;
            return true;
        }
        choices += n + (choices[n] == '|');
    }
    return false;
}

static bool
read_value(const struct cli_flag *flag, const char *text, uint64_t *out_number)
{
    switch (flag->type) {
    case CLI_FLAG_COUNT:
        return cli_read_number(text, out_number) && *out_number > 0;
    case CLI_FLAG_NUMBER:
        return cli_read_number(text, out_number);
    case CLI_FLAG_DURATION:
        return cli_read_duration(text, out_number);
    case CLI_FLAG_RATE:
        return cli_read_rate(text, out_number);
    case CLI_FLAG_CHOICE:
        return cli_read_choice(flag->value, text, out_number);
    case CLI_FLAG_SWITCH:
    case CLI_FLAG_TEXT:
    case CLI_FLAG_LIST:
    case CLI_FLAG_LATER:
        break;
    }
    return true;
}

/* ---- flags ---- */

static uint32_t
flag_count(const struct cli_verb *verb)
{
    uint32_t n = 0;
    while (verb->flags[n].name != NULL) {
        n++;
    }
    assert(n <= CLI_FLAGS_MAX);
    return n;
}

/* The place of the flag called by @n bytes of @name; CLI_FLAGS_MAX: the verb has none such. */
static uint32_t
flag_find(const struct cli_verb *verb, const char *name, size_t n)
{
    for (uint32_t i = 0; verb->flags[i].name != NULL; i++) {
        if (strlen(verb->flags[i].name) == n && strncmp(verb->flags[i].name, name, n) == 0) {
            return i;
        }
    }
    return CLI_FLAGS_MAX;
}

static void
say_unknown(const struct cli_verb *verb, const char *name, size_t n)
{
    const char *names[CLI_FLAGS_MAX];
    char given[64];
    uint32_t count = flag_count(verb);
    for (uint32_t i = 0; i < count; i++) {
        names[i] = verb->flags[i].name;
    }
    snprintf(given, sizeof(given), "%.*s", (int)(n < sizeof(given) ? n : sizeof(given) - 1), name);
    const char *near = cli_nearest(given, names, count);
    if (near != NULL) {
        cli_say("%s has no flag --%s: did you mean --%s?", verb->name, given, near);
    } else {
        cli_say("%s has no flag --%s; see tidemark help %s", verb->name, given, verb->name);
    }
}

static bool
say_bad_value(const struct cli_flag *flag, const char *text)
{
    static const char *const wanted[] = {
        [CLI_FLAG_COUNT] = "a number from 1",
        [CLI_FLAG_NUMBER] = "a number from 0",
        [CLI_FLAG_DURATION] = "a time such as 60s, 100ms or 2h",
        [CLI_FLAG_RATE] = "records a second, such as 2000 or 2000/s, or max",
    };
    cli_say("--%s %s: expected %s", flag->name, text,
            flag->type == CLI_FLAG_CHOICE ? flag->value : wanted[flag->type]);
    return false;
}

static bool
flag_store(struct cli_args *args, uint32_t place, const char *text)
{
    const struct cli_flag *flag = &args->verb->flags[place];
    struct cli_value *value = &args->values[place];
    if (value->given && flag->type != CLI_FLAG_LIST) {
        cli_say("--%s is given twice", flag->name);
        return false;
    }
    if (!read_value(flag, text, &value->number)) {
        return say_bad_value(flag, text);
    }
    if (flag->type == CLI_FLAG_LIST) {
        args->items[args->n_items++] = text;
    }
    value->given = true;
    value->text = text;
    return true;
}

/* Takes the flag @argv[0], and its value out of @argv[1] if it stands there; *@out_used is how many
 * of the @n arguments were used. */
static bool
flag_take(struct cli_args *args, int n, char **argv, int *out_used)
{
    const char *name = argv[0] + 2;
    size_t len = strcspn(name, "=");
    uint32_t place = flag_find(args->verb, name, len);
    if (place == CLI_FLAGS_MAX) {
        say_unknown(args->verb, name, len);
        return false;
    }
    const struct cli_flag *flag = &args->verb->flags[place];
    *out_used = 1;
    if (flag->type == CLI_FLAG_LATER) {
        cli_say("not in this version: %s --%s", args->verb->name, flag->name);
        return false;
    }
    if (flag->type == CLI_FLAG_SWITCH && name[len] == '=') {
        cli_say("--%s takes no value", flag->name);
        return false;
    }
    if (flag->type == CLI_FLAG_SWITCH) {
        return flag_store(args, place, "");
    }
    if (name[len] == '=') {
        return flag_store(args, place, name + len + 1);
    }
    if (n < 2) {
        cli_say("--%s needs a value: %s", flag->name, flag->value);
        return false;
    }
    *out_used = 2;
    return flag_store(args, place, argv[1]);
}

/* ---- parsing ---- */

static bool
words_fit(const struct cli_args *args)
{
    const struct cli_verb *verb = args->verb;
    if (args->n_words < verb->words_min) {
        cli_say("%s needs %s", verb->name, verb->words);
        return false;
    }
    if (args->n_words > verb->words_max) {
        cli_say("%s: what is '%s'? usage: tidemark %s %s", verb->name, args->words[verb->words_max],
                verb->name, verb->words);
        return false;
    }
    return true;
}

static bool
is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

enum cli_parsed
cli_parse(const struct cli_verb *verb, int n, char **argv, struct cli_args *out)
{
    *out = (struct cli_args){.verb = verb,
                             .words = calloc((size_t)n + 1, sizeof(char *)),
                             .items = calloc((size_t)n + 1, sizeof(char *))};
    bool flags = true;
    if (out->words == NULL || out->items == NULL) {
        cli_say("out of memory");
        return CLI_PARSED_WRONG;
    }
    for (int i = 0, used = 1; i < n; i += used) {
        used = 1;
        if (flags && is_help(argv[i])) {
            return CLI_PARSED_HELP;
        }
        if (flags && strcmp(argv[i], "--") == 0) {
            flags = false;
        } else if (flags && strncmp(argv[i], "--", 2) == 0) {
            if (!flag_take(out, n - i, argv + i, &used)) {
                return CLI_PARSED_WRONG;
            }
        } else if (flags && argv[i][0] == '-' && argv[i][1] != 0) {
            cli_say("%s: flags have two dashes; see tidemark help %s", argv[i], verb->name);
            return CLI_PARSED_WRONG;
        } else {
            out->words[out->n_words++] = argv[i];
        }
    }
    return words_fit(out) ? CLI_PARSED : CLI_PARSED_WRONG;
}

void
cli_args_free(struct cli_args *args)
{
    free(args->words);
    free(args->items);
}

const struct cli_value *
cli_value(const struct cli_args *args, const char *name)
{
    uint32_t place = flag_find(args->verb, name, strlen(name));
    assert(place < CLI_FLAGS_MAX);
    return &args->values[place];
}

const char *
cli_text(const struct cli_args *args, const char *name, const char *fallback)
{
    const struct cli_value *value = cli_value(args, name);
    return value->given ? value->text : fallback;
}
