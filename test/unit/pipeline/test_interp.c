/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${...} in values: what each reference gives, what is refused, what stays secret.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "pipeline/interp.h"

/* Loads a pipeline whose source has the option o: @value, and gives the option. */
static char *
option(const char *value, const char *vars)
{
    char text[2048];
    snprintf(text, sizeof(text),
             "source: {format: rate, options: {o: %s}}\nsink: {format: console}\n%s", value, vars);
    struct loaded loaded = load_text(text, NULL);
    char *result;
    if (loaded.rc == 0) {
        result = strdup(setting(&loaded.pipeline->sources[0].options, "o"));
    } else {
        result = findings(&loaded);
    }
    unload(&loaded);
    return result;
}

static void
expect(const char *value, const char *vars, const char *expected)
{
    char *result = option(value, vars);
    cr_assert_str_eq(result, expected, "%s gives: %s", value, result);
    free(result);
}

static void
expect_refused(const char *value, const char *vars, const char *fragment)
{
    char *result = option(value, vars);
    cr_assert_not_null(strstr(result, fragment), "%s gives: %s", value, result);
    free(result);
}

Test(interp, references_give_their_values)
{
    expect("\"${env:HOST}\"", "", "example");
    expect("\"a ${env:HOST}:9092,${env:HOST}\"", "", "a example:9092,example");
    expect("\"${env:MISSING:-localhost:9092}\"", "", "localhost:9092");
    expect("\"${env:MISSING:-}\"", "", "");
    expect("\"${env:EMPTY:-fallback}\"", "", "fallback");
    expect("\"${env:EMPTY}\"", "", "");
    expect("\"${file:/secret}\"", "", "s3cret");
    expect("\"${file:file:///secret}\"", "", "s3cret");
    expect("\"${file:/two}\"", "", "a\n"); /* one line break is cut, not two */
    expect("\"${cred:key}\"", "", "k");
    expect("\"${dir}/x.csv\"", "", "/folder/x.csv");
    expect("\"${var:a}\"", "vars: {a: one}\n", "one");
    expect("\"${var:a}\"", "vars: {b: two, a: \"1${var:b}${env:HOST}\"}\n", "1twoexample");
    expect("\"${var:a}\"", "vars: {a: \"<${var:b}>\", b: two}\n", "<two>");
}

Test(interp, results_are_not_looked_at_again)
{
    expect("\"${env:TRICKY}\"", "", "${env:HOST}");
    /* A value that reads like null is text. */
    expect("\"${env:NULLWORD}\"", "", "null");
    struct loaded loaded = load_text(RIGHT "name: ${env:NULLWORD}\n", NULL);
    cr_assert_eq(loaded.rc, 0);
    cr_assert_str_eq(loaded.pipeline->name, "null");
    unload(&loaded);
}

Test(interp, an_escape_is_literal)
{
    expect("\"$${env:HOST}\"", "", "${env:HOST}");
    expect("\"cost $5 $$ {x}\"", "", "cost $5 $$ {x}");
    expect("\"$${a}${env:HOST}\"", "", "${a}example");
}

Test(interp, what_is_wrong_has_its_place)
{
    /* The option's value begins in column 37; in quotes its text in 38. */
    expect_refused("\"${env:MISSING}\"", "",
                   "1:38: the environment variable MISSING is not set; set it, or write "
                   "${env:MISSING:-default}");
    expect_refused("\"abc ${evn:HOST}\"", "", "1:42: ${evn...}: there are ${env:N}");
    expect_refused("\"abc ${evn:HOST}\"", "", "did you mean 'env'?");
    expect_refused("\"${HOST}\"", "",
                   "1:38: ${HOST}: for an environment variable write ${env:HOST}");
    expect_refused("\"${env:HOST\"", "", "1:38: ${ without }");
    expect_refused("\"${env:A:-${env:B}}\"", "", "1:38: a ${...} inside a ${...}");
    expect_refused("\"${file:/absent}\"", "", "1:38: cannot open /absent: no such file");
    expect_refused("\"${file:/nul}\"", "", "1:38: the file /nul is no text");
    expect_refused("\"${file:s3a://x/y}\"", "", "1:38: 's3a:' paths are not supported");
    expect_refused("\"${cred:../etc}\"", "", "1:38: a credential's name has no slash");
    expect_refused("\"${var:brokres}\"", "vars: {brokers: x}\n",
                   "1:38: there is no variable 'brokres' in `vars`; did you mean 'brokers'?");
    expect_refused("\"${var:a}\"", "", "1:38: there is no variable 'a' in `vars`");
    expect_refused("\"${var:a}\"", "vars: {a: [x]}\n", "the variable 'a' is a list");
}

Test(interp, cycles_of_variables_are_refused)
{
    expect_refused("x", "vars: {a: \"${var:b}\", b: \"${var:a}\"}\n",
                   "3:27: the variable 'a' refers to itself");
    expect_refused("x", "vars: {a: \"${var:a}\"}\n", "3:12: the variable 'a' refers to itself");
}

Test(interp, keys_and_ignored_keys_are_left_alone)
{
    struct loaded loaded =
        load_text("x-note: \"${env:MISSING}\"\n" RIGHT "x-more: {a: [\"${nothing}\"]}\n", NULL);
    cr_assert_eq(loaded.rc, 0);
    unload(&loaded);
    loaded = load_text("source: {format: rate, options: {\"${env:HOST}\": 1}}\n"
                       "sink: {format: console, x-why: \"${env:MISSING}\"}\n",
                       NULL);
    cr_assert_eq(loaded.rc, 0);
    cr_assert_str_eq(setting(&loaded.pipeline->sources[0].options, "${env:HOST}"), "1");
    unload(&loaded);
}

Test(interp, typed_values_may_be_references)
{
    struct loaded loaded =
        load_text(RIGHT "trigger: {continuous: \"${var:t}\"}\nvars: {t: 250 ms}\n"
                        "runtime: {pin: \"${var:p}\", batchMax: \"${var:n}\"}\n",
                  (const char *[]){"vars.p=false", "vars.n=7", NULL});
    char *text = findings(&loaded);
    cr_assert_eq(loaded.rc, 0, "%s", text);
    free(text);
    cr_assert_eq(loaded.pipeline->trigger.interval_ns, 250000000);
    cr_assert_not(loaded.pipeline->runtime.pin);
    cr_assert_eq(loaded.pipeline->runtime.batch_max, 7);
    unload(&loaded);
}

static bool
option_is_secret(const char *option)
{
    char text[512];
    snprintf(text, sizeof(text),
             "source: {format: rate, options: {%s}}\nsink: {format: console}\n"
             "vars: {s: \"${file:/secret}\", plain: x}\n",
             option);
    struct loaded loaded = load_text(text, NULL);
    cr_assert_eq(loaded.rc, 0);
    bool secret = loaded.pipeline->sources[0].options.items[0].secret;
    unload(&loaded);
    return secret;
}

Test(interp, secrets_are_known)
{
    cr_assert(option_is_secret("o: \"${env:HOST}\""));
    cr_assert(option_is_secret("o: \"${file:/secret}\""));
    cr_assert(option_is_secret("o: \"${cred:key}\""));
    cr_assert(option_is_secret("o: \"${var:s}\""));
    cr_assert(option_is_secret("o: {a: [\"${var:s}\"]}"));
    cr_assert(option_is_secret("kafka.sasl.password: abc"));
    cr_assert(option_is_secret("kafka.ssl.key.pem: abc"));
    cr_assert_not(option_is_secret("o: \"${var:plain}\""));
    cr_assert_not(option_is_secret("o: \"${env:MISSING:-x}\""));
    cr_assert_not(option_is_secret("kafka.ssl.truststore.location: abc"));
    cr_assert_not(option_is_secret("tokenFile: abc"));
}

Test(interp, messages_do_not_show_secrets)
{
    struct loaded loaded =
        load_text(RIGHT "trigger: {continuous: \"${env:HOST}\"}\n"
                        "state: {keyGroups: \"${file:/secret}\"}\n"
                        "log: {level: \"${file:/secret}\"}\n"
                        "latency: {budget: 1 s}\nconf: {x: \"${file:/secret}\"}\n",
                  NULL);
    char *text = findings(&loaded);
    cr_assert_eq(loaded.rc, TIDE_ERR_INVALID);
    cr_assert_null(strstr(text, "s3cret"), "%s", text);
    cr_assert_null(strstr(text, "example"), "%s", text);
    cr_assert_not_null(strstr(text, "3:23: 'continuous' is '****'; it wants a duration"), "%s",
                       text);
    free(text);
    unload(&loaded);
}
