/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --set PATH=VALUE: every form of a path, values, and what is refused.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char pipeline[] =
    "name: p\n"
    "checkpointLocation: cp\n"
    "vars: {brokers: \"b:1\"}\n"
    "connections: {main: {kafka.bootstrap.servers: \"${var:brokers}\"}}\n"
    "sources:\n"
    "  tx: {format: kafka, connection: main, options: {subscribe: tx}, id: txid}\n"
    "  more: {format: rate}\n"
    "streams:\n"
    "  clean:\n"
    "    from: tx\n"
    "    steps:\n"
    "      - select: [a, b]\n"
    "        id: proj\n"
    "      - filter: a > 0\n"
    "  rest: {from: more}\n"
    "sinks:\n"
    "  out: {from: clean, format: kafka, connection: main, options: {topic: t}}\n"
    "  show: {from: rest, format: console}\n";

/* Loads with one --set; it must be right. */
static struct loaded
set(const char *assignment)
{
    struct loaded loaded = load_text(pipeline, (const char *[]){assignment, NULL});
    char *text = findings(&loaded);
    cr_assert_eq(loaded.rc, 0, "%s: %s", assignment, text);
    free(text);
    return loaded;
}

static void
refused(const char *assignment, const char *expected)
{
    struct loaded loaded = load_text(pipeline, (const char *[]){assignment, NULL});
    char *text = findings(&loaded);
    cr_assert_neq(loaded.rc, 0, "%s is accepted", assignment);
    cr_assert_not_null(strstr(text, expected), "%s gives: %s", assignment, text);
    free(text);
    unload(&loaded);
}

static void
expect_option(const char *assignment, const char *name, const char *value)
{
    struct loaded loaded = set(assignment);
    cr_assert_str_eq(setting(&loaded.pipeline->sources[0].options, name), value, "%s", assignment);
    unload(&loaded);
}

Test(setpath, below_options_the_rest_is_one_key)
{
    expect_option("sources.tx.options.kafka.bootstrap.servers=x:9", "kafka.bootstrap.servers",
                  "x:9");
    expect_option("sources.tx.options.subscribe=a,b", "subscribe", "a,b");
    expect_option("sources.tx.options.SUBSCRIBE=up", "subscribe", "up");
    expect_option("sources.txid.options.subscribe=by-id", "subscribe", "by-id");
    expect_option("sources.0.options.subscribe=by-index", "subscribe", "by-index");
    expect_option("sources.tx.options.a=b=c", "a", "b=c");
    expect_option("sources.tx.options.startingOffsets={\"t\": {\"0\": 23, \"1\": -2}}",
                  "startingOffsets", "{\"t\":{\"0\":23,\"1\":-2}}");
    expect_option("connections.main.kafka.bootstrap.servers=c:1", "kafka.bootstrap.servers", "c:1");
    expect_option("connections.main.kafka.client.id=me", "kafka.client.id", "me");
    expect_option("vars.brokers=v:1", "kafka.bootstrap.servers", "v:1");
    expect_option("sources.tx.options.subscribe=${env:HOST}", "subscribe", "example");
    expect_option("sources.tx.options={subscribe: whole}", "subscribe", "whole");
    /* Empty takes the key away. */
    expect_option("sources.tx.options.subscribe=", "subscribe", "(none)");
    expect_option("sources.tx.options.subscribe=null", "subscribe", "(none)");
    expect_option("sources.tx.options.subscribe=\"null\"", "subscribe", "null");
}

Test(setpath, steps_go_by_id_or_index)
{
    struct loaded loaded = set("streams.clean.steps.proj.select=concat(a, b) AS c, d");
    const struct tide_step_def *step = &loaded.pipeline->streams[0].steps.items[0];
    cr_assert_eq(step->items.count, 2);
    cr_assert_str_eq(step->items.items[0].text, "concat(a, b) AS c");
    unload(&loaded);

    loaded = set("streams.clean.steps.1.filter=a = 'x: y'");
    step = &loaded.pipeline->streams[0].steps.items[1];
    cr_assert_str_eq(step->condition.text, "a = 'x: y'");
    unload(&loaded);

    loaded = set("streams.clean.steps.1.where='x' = a");
    step = &loaded.pipeline->streams[0].steps.items[1];
    cr_assert_str_eq(step->condition.text, "'x' = a");
    unload(&loaded);

    loaded = set("streams.clean.steps.proj.select.1=c");
    step = &loaded.pipeline->streams[0].steps.items[0];
    cr_assert_str_eq(step->items.items[1].text, "c");
    unload(&loaded);
}

Test(setpath, sections_that_are_not_written_are_made)
{
    struct loaded loaded = set("trigger.continuous=250 ms");
    cr_assert_eq(loaded.pipeline->trigger.interval_ns, 250000000);
    cr_assert_str_eq(loaded.pipeline->trigger.node->file, "--set trigger.continuous");
    unload(&loaded);

    loaded = set("runtime.workers.max=3");
    cr_assert_eq(loaded.pipeline->runtime.workers_max, 3);
    unload(&loaded);

    loaded = set("runtime.fuse=off");
    cr_assert_not(loaded.pipeline->runtime.fuse);
    unload(&loaded);

    loaded = set("runtime={fuse: off, batchMax: 8}");
    cr_assert_not(loaded.pipeline->runtime.fuse);
    cr_assert_eq(loaded.pipeline->runtime.batch_max, 8);
    unload(&loaded);

    loaded = set("conf.spark.sql.session.timeZone=Europe/Berlin");
    cr_assert_str_eq(setting(&loaded.pipeline->conf, "spark.sql.session.timeZone"),
                     "Europe/Berlin");
    unload(&loaded);

    loaded = set("checkpointLocation=/other");
    cr_assert_str_eq(loaded.pipeline->checkpoint, "/other");
    unload(&loaded);
}

static void
expect_format(const char *text, const char *assignment, const char *format)
{
    struct loaded loaded = load_text(text, (const char *[]){assignment, NULL});
    char *found = findings(&loaded);
    cr_assert_eq(loaded.rc, 0, "%s: %s", assignment, found);
    free(found);
    cr_assert_str_eq(loaded.pipeline->sinks[0].format, format);
    unload(&loaded);
}

Test(setpath, shorthands_have_two_spellings)
{
    const char *longer = "sources: {source: {format: rate}}\nsinks: {sink: {format: console}}\n";
    expect_format(RIGHT, "sink.format=noop", "noop");
    expect_format(RIGHT, "sinks.sink.format=noop", "noop");
    expect_format(longer, "sink.format=noop", "noop");
    expect_format(longer, "sinks.sink.format=noop", "noop");
    expect_format(RIGHT, "sink={format: memory}", "memory");
    expect_format(longer, "sink={format: memory}", "memory");
    expect_format("source: {format: rate}\n", "sink={format: memory}", "memory");
}

Test(setpath, top_level_steps_are_those_of_main)
{
    const char *text = RIGHT "steps: [{select: a, id: s}, {filter: b}]\n";
    struct loaded loaded = load_text(
        text, (const char *[]){"streams.main.steps.s.select=x", "steps.1.filter=y", NULL});
    cr_assert_eq(loaded.rc, 0);
    const struct tide_steps *steps = &loaded.pipeline->streams[0].steps;
    cr_assert_str_eq(steps->items[0].items.items[0].text, "x");
    cr_assert_str_eq(steps->items[1].condition.text, "y");
    unload(&loaded);
}

Test(setpath, a_bad_file_does_not_upset_it)
{
    struct loaded loaded = load_text(
        "sources: [a]\nsink: {format: console}\n",
        (const char *[]){"sources.b.format=rate", "source.format=rate", "sources.0.x=1", NULL});
    char *text = findings(&loaded);
    cr_assert_eq(loaded.rc, TIDE_ERR_INVALID);
    cr_assert_not_null(strstr(text, "--set sources.b.format: there is no source 'b'"), "%s", text);
    cr_assert_not_null(strstr(text, "1:10: 'sources' is a list"), "%s", text);
    free(text);
    unload(&loaded);
}

Test(setpath, later_ones_win)
{
    struct loaded loaded = load_text(
        RIGHT, (const char *[]){"sink.format=noop", "sink.format=memory", "name=one", NULL});
    cr_assert_eq(loaded.rc, 0);
    cr_assert_str_eq(loaded.pipeline->sinks[0].format, "memory");
    cr_assert_str_eq(loaded.pipeline->name, "one");
    unload(&loaded);
}

Test(setpath, unknown_paths_are_refused_with_the_nearest_name)
{
    refused("sources.xt.options.a=1",
            "--set sources.xt.options.a: there is no source 'xt'; did you mean 'tx'?");
    refused("source.options.a=1", "--set source.options.a: there is no source 'source'");
    refused("sinks.sho.format=noop", "there is no sink 'sho'; did you mean 'show'?");
    refused("triger.continuous=1s",
            "there is no key of a pipeline 'triger'; did you mean 'trigger'?");
    refused("trigger.continous=1s",
            "there is no key of a trigger 'continous'; did you mean 'continuous'?");
    refused("streams.clean.steps.porj.select=a", "there is no step 'porj'; did you mean 'proj'?");
    refused("streams.clean.steps.2.select=a", "there is no step '2'");
    refused("streams.clean.steps.proj.selct=a",
            "there is no key of a step 'selct'; did you mean 'select'?");
    refused("connections.mian.a=1", "there is no connection 'mian'; did you mean 'main'?");
    refused("vars.borkers=x", "there is no variable 'borkers'; did you mean 'brokers'?");
    refused("name.x=1", "'name' has no keys below it; it is a text");
    refused("streams.clean.steps.proj.select.7=a", "there is no item '7'");
    refused("plugins.0=x.so", "'plugins' is no list here; set it as a whole");
    refused(
        "conf.spark.sql.shuffle.partitions=3",
        "--set conf.spark.sql.shuffle.partitions: 'spark.sql.shuffle.partitions' has a key of its "
        "own here: runtime.parallelism");
}

Test(setpath, bad_values_are_told_at_the_path)
{
    refused("trigger.continuous=soon",
            "--set trigger.continuous: 'continuous': 'soon' is not a duration");
    refused("runtime.fuse=maybe", "--set runtime.fuse: 'fuse' is 'maybe'; it may be auto or off");
    refused("runtime={fuse: off", "--set runtime: not valid YAML");
    refused("sources.tx.format=[a]", "--set sources.tx.format: 'format' is a list");
    refused("name", "--set name: --set wants PATH=VALUE");
    refused("name=a\xff", "--set: it wants UTF-8 text");
    refused("=x", "--set wants PATH=VALUE");
    refused("sources.tx={format: rate, fromat: x}",
            "--set sources.tx: unknown key 'fromat' in this source; did you mean 'format'?");
}

Test(setpath, a_variable_that_is_used_need_not_be_declared)
{
    struct loaded loaded =
        load_text("source: {format: rate, options: {rowsPerSecond: \"${var:rate}\"}}\n"
                  "sink: {format: console}\n",
                  (const char *[]){"vars.rate=7", NULL});
    cr_assert_eq(loaded.rc, 0);
    cr_assert_str_eq(setting(&loaded.pipeline->sources[0].options, "rowspersecond"), "7");
    unload(&loaded);
}
