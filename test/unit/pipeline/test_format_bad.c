/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad pipelines: each with all its findings, by line, column and how their text begins.
 *
 * A finding is "LINE:COLUMN TEXT"; '*' in TEXT skips to what follows it. The number of findings
 * must be right too, so that no error hides behind another one and none is told twice.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define FINDINGS 6

struct bad {
    const char *text;
    const char *findings[FINDINGS];
};

#define SOURCE "source: {format: rate}\n"
#define SINK "sink: {format: console}\n"

static const struct bad bads[] = {
    /* keys */
    {RIGHT "triger: {continuous: 1s}\n",
     {"3:1 unknown key 'triger' in this pipeline; did you mean 'trigger'?"}},
    {RIGHT "zzz: 1\n", {"3:1 unknown key 'zzz' in this pipeline; there are version, name, *tests"}},
    {"source: {format: rate, fromat: x}\n" SINK,
     {"1:24 unknown key 'fromat' in this source; did you mean 'format'?"}},
    {RIGHT "epoch: {deadlin: 1s, retian: 2}\n",
     {"3:9 unknown key 'deadlin' in this epoch; did you mean 'deadline'?",
      "3:22 unknown key 'retian' in this epoch; did you mean 'retain'?"}},
    {RIGHT "runtime: {workers: {mn: 1}}\n",
     {"3:21 unknown key 'mn' in this runtime.workers; did you mean 'min'?"}},
    {RIGHT "name: a\nname: b\n", {"4:1 'name' is given twice; the first is at line 3"}},
    /* the ends */
    {SINK, {"1:1 there is no source"}},
    {SOURCE, {"1:1 there is no sink"}},
    {"name: x\n", {"1:1 there is no source", "1:1 there is no sink"}},
    {"source: {}\n" SINK, {"1:9 'format' is missing in this source: the connector"}},
    {"source: rate\n" SINK, {"1:9 the source 'source' is text; it wants a map"}},
    {"sources: [a]\n" SINK,
     {"1:1 there is no source*", "1:10 'sources' is a list; it wants a map of names"}},
    {"sources: {1a: {format: rate}}\n" SINK,
     {"1:11 'name' is '1a'; it wants a name (letters, digits and _)"}},
    {"sources: {a-b: {format: rate}}\n" SINK, {"1:11 'name' is 'a-b'; it wants a name"}},
    /* version */
    {RIGHT "version: 2\n", {"3:10 the file is of format version 2; this program reads version 1"}},
    {RIGHT "version: one\n", {"3:10 'version' is 'one'; it wants 1"}},
    {RIGHT "version: [1]\n", {"3:10 'version' is a list; it wants 1"}},
    /* formats */
    {"source: {format: kafak}\n" SINK,
     {"1:18 'format' is 'kafak'; without `plugins` it may be kafka, json*; did you mean 'kafka'?"}},
    {SOURCE "sink: {format: webhok}\n", {"2:16 'format' is 'webhok'; *; did you mean 'webhook'?"}},
    {SOURCE "sink: {format: postgresql, options: {}}\ncheckpointLocation: c\n",
     {"2:16 not in this version: format: postgresql"}},
    {SOURCE "sink: {format: rate}\n",
     {"2:16 'format' is 'rate'; without `plugins` it may be kafka, console"}},
    /* types */
    {RIGHT "allowUnsafeChange: NO\n", {"3:20 'allowUnsafeChange' is 'NO'; it wants true or false"}},
    {RIGHT "runtime: {pin: yes}\n", {"3:16 'pin' is 'yes'; it wants true or false"}},
    {RIGHT "runtime: {batchMax: 0}\n",
     {"3:21 'batchMax': '0' is not a whole number from 1 to 256"}},
    {RIGHT "runtime: {batchMax: 300}\n",
     {"3:21 'batchMax': '300' is not a whole number from 1 to 256"}},
    {RIGHT "runtime: {parallelism: many}\n",
     {"3:24 'parallelism': 'many' is not a whole number from 1 to 1024 or auto"}},
    {RIGHT "runtime: {ring: 100KiB}\n",
     {"3:17 'ring' is '100KiB'; it wants a power of two from 4KiB to 64MiB"}},
    {RIGHT "runtime: {ring: 1KiB}\n",
     {"3:17 'ring' is '1KiB'; it wants something from 4KiB to 64MiB"}},
    {RIGHT "runtime: {maxRecordSize: 17MiB}\n",
     {"3:26 'maxRecordSize' is '17MiB'; it wants something from 1KiB to 16MiB"}},
    {RIGHT "runtime: {ring: big}\n", {"3:17 'ring': 'big' is not a size"}},
    {RIGHT "runtime: {idle: adaptiv}\n",
     {"3:17 'idle' is 'adaptiv'; it may be spin, yield, park or adaptive; did you mean "
      "'adaptive'?"}},
    {RIGHT "runtime: {io: [plain]}\n", {"3:15 'io' is a list; it wants a word"}},
    {RIGHT "runtime: {cores: 5-2}\n", {"3:18 'cores' is '5-2'; it wants a range"}},
    {RIGHT "runtime: {cores: [1, 1]}\n", {"3:18 'cores' is a list; it wants a range"}},
    {RIGHT "runtime: {cores: [1-2]}\n", {"3:18 'cores' is a list; it wants a range"}},
    {RIGHT "runtime: {workers: {min: 3, max: 2}}\n", {"3:20 'min' is more than 'max'"}},
    {RIGHT "runtime: {workers: {initial: 9, max: 2}}\n",
     {"3:20 'initial' is not from 'min' to 'max'"}},
    {RIGHT "runtime: fast\n", {"3:10 'runtime' is 'fast'; it wants a map"}},
    {RIGHT "epoch: {deadline: 3}\n", {"3:19 'deadline': '3' is not a duration"}},
    {RIGHT "epoch: {deadline: 2 months}\n", {"3:19 'deadline': '2 months' is not a duration"}},
    {RIGHT "epoch: {deadline: 1 us}\n", {"3:19 'deadline' is '1 us'; it wants at least 1 ms"}},
    {RIGHT "epoch: {retain: 1}\n", {"3:17 'retain': '1' is not a whole number from 2 to 1000"}},
    {RIGHT "state: {ttl: forever}\n", {"3:14 'ttl': 'forever' is not a duration* or none"}},
    {RIGHT "state: {compression: lz4}\n", {"3:22 'compression' is 'lz4'; it may be zstd or none"}},
    {RIGHT "log: {level: LOUD}\n",
     {"3:14 'level' is 'LOUD'; it may be ERROR, WARN, INFO, DEBUG or TRACE"}},
    {RIGHT "deadLetter: {format: memory, limit: 100}\n", {"3:37 'limit': '100' is not a rate"}},
    {RIGHT "checkpointLocation: s3a://b/x\n",
     {"3:21 'checkpointLocation': 's3a:' paths are not supported"}},
    {RIGHT "checkpointLocation: hdfs://n/x\n",
     {"3:21 'checkpointLocation': 'hdfs:' paths are not supported"}},
    {RIGHT "plugins: x.so\n", {"3:10 'plugins' is 'x.so'; it wants a list"}},
    {RIGHT "plugins: [{path: x.so, sha256: abc}]\n",
     {"3:32 'sha256' is 'abc'; it wants 64 hexadecimal digits"}},
    {RIGHT "plugins: [[x]]\n", {"3:11 a plugin is a list; it wants a text or a map"}},
    {RIGHT "vars: [a]\n", {"3:7 'vars' is a list; it wants a map of options"}},
    {RIGHT "vars: {a: [b]}\n", {"3:11 the variable 'a' is a list; it wants a text"}},
    /* triggers */
    {RIGHT "trigger: {continuous: 1s, once: true}\n",
     {"3:27 'once' beside 'continuous': a trigger takes exactly one of its keys",
      "3:27 not in this version: trigger 'once'"}},
    {RIGHT "trigger: {}\n",
     {"3:10 this trigger has none of continuous, realTime, processingTime, availableNow, once"}},
    {RIGHT "trigger: {processingTime: 1s}\n",
     {"3:11 not in this version: trigger 'processingTime'"}},
    {RIGHT "trigger: {continuous: 10 us}\n",
     {"3:23 'continuous' is '10 us'; it wants something from 1 ms to 1 hours"}},
    {RIGHT "trigger: {availableNow: false}\n",
     {"3:11 not in this version: trigger 'availableNow'",
      "3:25 'availableNow' is 'false'; it wants true, or to be left out"}},
    {RIGHT "trigger: continuous\n", {"3:10 'trigger' is 'continuous'; it wants a map"}},
    /* delivery and errors */
    {RIGHT "delivery: exactlyOnce\n", {"3:11 not in this version: delivery: exactlyOnce"}},
    {RIGHT "delivery: atMostOnce\n",
     {"3:11 'delivery' is 'atMostOnce'; it may be atLeastOnce or exactlyOnce; did you mean "
      "'atLeastOnce'?"}},
    {RIGHT "steps: [{select: a, onError: deadLetter}]\n",
     {"3:30 'onError: deadLetter' needs a `deadLetter` section"}},
    {SOURCE "sink: {format: console, onError: drop}\n",
     {"2:34 'onError' is 'drop'; it may be fail or deadLetter"}},
    {SOURCE "sink: {format: kafka}\n",
     {"2:16 'checkpointLocation' is missing: the sink 'sink' writes to kafka"}},
    {RIGHT "deadLetter: {format: kafka}\n",
     {"3:22 'checkpointLocation' is missing: the section 'deadLetter' writes to kafka"}},
    {SOURCE "sink: {format: console, every: 1s}\n",
     {"2:25 'every' belongs to the output modes update and complete"}},
    {SOURCE "sink: {format: console, retry: {backoff: 1 min}}\n",
     {"2:32 'backoff' is longer than 'maxBackoff'"}},
    {SOURCE "sink: {format: console, outputMode: upsert}\n",
     {"2:37 'outputMode' is 'upsert'; it may be append, update or complete"}},
    /* steps */
    {RIGHT "steps:\n  - selct: [a]\n",
     {"4:5 unknown key 'selct' in this step; did you mean 'select'?"}},
    {RIGHT "steps:\n  - id: x\n", {"4:5 this step has none of select, filter, withColumns*"}},
    {RIGHT "steps:\n  - {select: a, filter: b}\n",
     {"4:17 'filter' beside 'select': a step takes exactly one verb"}},
    {RIGHT "steps:\n  - {select: a, selectExpr: b}\n",
     {"4:17 'selectExpr' is another name of 'select', which is given too"}},
    {RIGHT "steps: {select: a}\n", {"3:8 'steps' is a map; it wants a list"}},
    {RIGHT "steps: [select]\n", {"3:9 a step is text; it wants a map"}},
    {RIGHT "steps:\n  - select:\n",
     {"4:12 'select' is null; it wants a list, or one text with commas"}},
    {RIGHT "steps:\n  - select: []\n", {"4:13 'select' is empty"}},
    {RIGHT "steps:\n  - select: [concat(a, b)]\n",
     {"4:14 a parenthesis is not closed in 'concat(a'; [concat(a, b)] is two YAML items",
      "4:24 a parenthesis is closed that is not open in 'b)'; [concat(a, b)] is two YAML items"}},
    {RIGHT "steps:\n  - select: concat(a, b AS c\n",
     {"4:13 a parenthesis is not closed in 'concat(a, b AS c'"}},
    {RIGHT "steps:\n  - select: \"a, 'b\"\n", {"4:16 a quote is not closed in 'a, 'b'"}},
    {RIGHT "steps:\n  - select: a, , b\n", {"4:15 nothing stands behind a comma here"}},
    {RIGHT "steps:\n  - select: [\"a, b\"]\n",
     {"4:14 a comma inside the item 'a, b'; write two items"}},
    {RIGHT "steps:\n  - select: [a, {b: c}]\n", {"4:17 an item is a map; write a text"}},
    {RIGHT "steps:\n  - filter: [a]\n",
     {"4:13 'filter' is a list; it wants a condition, or a map with a plugin"}},
    {RIGHT "steps:\n  - filter: (a > 1\n", {"4:13 a parenthesis is not closed in '(a > 1'"}},
    {RIGHT "steps:\n  - filter: {options: {}}\n",
     {"4:13 'plugin' is missing in this operator: the operator's name"}},
    {RIGHT "steps:\n  - withColumns: {a: [b]}\n",
     {"4:22 'a' of 'withColumns' is a list; it wants a text"}},
    {RIGHT "steps:\n  - withColumns: a\n",
     {"4:18 'withColumns' is 'a'; it wants a map of names to texts"}},
    {RIGHT "steps:\n  - groupBy: [a]\n", {"4:5 'groupBy' needs 'agg'"}},
    {RIGHT "steps:\n  - {select: a, agg: b}\n", {"4:17 'agg' belongs to a step with 'groupBy'"}},
    {RIGHT "steps:\n  - {select: a, ttl: 1h, late: drop}\n",
     {"4:17 'ttl' belongs to steps that keep state",
      "4:26 'late' belongs to steps that keep state"}},
    {RIGHT "steps: [{select: a, id: x}, {select: b, id: x}]\n",
     {"3:45 the id 'x' is there already, as id in line 3"}},
    {SOURCE "sink: {format: console, steps: [{groupBy: a, agg: count(*)}]}\n",
     {"2:34 'groupBy' keeps state; steps of a sink cannot"}},
    {RIGHT "steps: [{join: {other: source, using: [a], condition: b}}]\n",
     {"3:10 not in this version: step 'join'",
      "3:10 a join takes exactly one of 'using' and 'condition'"}},
    {RIGHT "steps: [{distinct: false}]\n",
     {"3:10 not in this version: step 'distinct'", "3:20 'distinct' is 'false'; it wants true"}},
    {RIGHT "steps: [{select: a, onOverdue: skip}]\n",
     {"3:32 not in this version: onOverdue: skip"}},
    {RIGHT "steps: [{sample: {fraction: 2}}]\n",
     {"3:10 not in this version: step 'sample'",
      "3:29 'fraction' is '2'; it wants a number from 0 to 1"}},
    /* names and who reads whom */
    {"sources: {a: {format: rate}}\nsinks: {a: {format: console}}\n",
     {"2:9 the sink 'a' is there already, as source in line 1"}},
    {"sources:\n  a: {format: rate}\n  b: {format: rate, id: a}\nsinks:\n  x: {from: a, format: "
     "noop}\n  y: {from: b, format: noop}\n",
     {"3:25 the id 'a' is there already, as id in line 2"}},
    {RIGHT "steps: []\nstreams: {main: {}}\n",
     {"1:1 the stream 'main' is there already, as stream in line 4",
      "2:1 'from' is missing in the sink 'sink': more than one stream is left"}},
    {SOURCE "sink: {format: console, from: suorce}\n",
     {"2:31 there is no source or stream 'suorce'; did you mean 'source'?"}},
    {SOURCE "streams: {s: {from: sink}}\nsink: {from: s, format: console}\n",
     {"2:21 'sink' is a sink; nothing can be read from it"}},
    {SOURCE "streams: {s: {from: s.}}\nsink: {from: s, format: console}\n",
     {"2:21 there is no source or stream 's.'*"}},
    {SOURCE "streams: {s: {from: source.late}}\nsink: {from: s, format: console}\n",
     {"2:21 there is no source or stream 'source.late'"}},
    {SOURCE "streams: {s: {from: s}}\nsink: {from: s, format: console}\n",
     {"2:21 the stream 's' reads itself"}},
    {SOURCE
     "streams:\n  a: {from: c}\n  b: {from: a}\n  c: {from: b}\nsink: {from: a, format: console}\n",
     {"4:13 a cycle: 'b' reads 'a', which reads it in turn"}},
    {"sources: {a: {format: rate}, b: {format: rate}}\nsink: {format: console}\nsteps: []\n",
     {"1:1 'from' is missing: there are 2 sources (a, b)"}},
    {SOURCE "streams: {a: {}, b: {}}\n" SINK,
     {"3:1 'from' is missing in the sink 'sink': more than one stream is left"}},
    {SOURCE "streams: {s: {union: [source], from: source}}\nsink: {from: s, format: console}\n",
     {"2:15 not in this version: stream 'union'", "2:32 'from' beside 'union'"}},
    {SOURCE "streams: {s: {byName: true, ttl: 1 h}}\nsink: {from: s, format: console}\n",
     {"2:15 'byName' belongs to 'union'", "2:29 'ttl' belongs to a query"}},
    {RIGHT "query: SELECT 1\nsteps: []\n",
     {"3:1 not in this version: 'query'", "4:1 'steps' beside 'query'"}},
    {RIGHT "steps: []\nstreams: {lost: {from: source}}\n",
     {"2:1 'from' is missing in the sink 'sink': more than one stream is left"}},
    /* connections and conf */
    {"source: {format: rate, connection: mian}\nconnections: {main: {}}\n" SINK,
     {"1:36 there is no connection 'mian' in `connections`; did you mean 'main'?"}},
    {"source: {format: rate, connection: main}\n" SINK,
     {"1:36 there is no connection 'main' in `connections`"}},
    {RIGHT "connections: {main: x}\n",
     {"3:21 the connection 'main' is text; it wants a map of options"}},
    {"source: {format: rate, options: {a: 1, A: 2}}\n" SINK,
     {"1:40 'A' is given twice: upper and lower case are the same here"}},
    {"source: {format: rate, options: [a]}\n" SINK,
     {"1:33 'options' is a list; it wants a map of options"}},
    {RIGHT "conf: {spark.sql.shuffle.partitions: 5}\n",
     {"3:8 'spark.sql.shuffle.partitions' has a key of its own here: runtime.parallelism"}},
    {RIGHT "conf: {spark.sql.streaming.checkpointLocation: x}\n",
     {"3:8 *has a key of its own here: checkpointLocation"}},
    {RIGHT "conf: {spark.sql.session.timezone: UTC}\n",
     {"3:8 this engine has no setting 'spark.sql.session.timezone'; did you mean "
      "'spark.sql.session.timeZone'?"}},
    {RIGHT "conf: {spark.sql.ansi.enabled: maybe}\n",
     {"3:32 'spark.sql.ansi.enabled' is 'maybe'; it wants true or false"}},
    {RIGHT "conf: {spark.sql.streaming.multipleWatermarkPolicy: max}\n",
     {"3:53 not in this version: spark.sql.streaming.multipleWatermarkPolicy: max"}},
    /* sections of later versions */
    {RIGHT "tables: {t: {format: csv}}\n",
     {"3:1 not in this version: 'tables'", "3:22 not in this version: format: csv"}},
    {RIGHT "http: {listen: \"127.0.0.1:9464\"}\n", {"3:1 not in this version: 'http'"}},
    {RIGHT "tests: [{name: t, source: {tx: []}, expect: {}}]\n",
     {"3:1 not in this version: 'tests'"}},
    {RIGHT "tests: [{source: {}, exepct: {}}]\n",
     {"3:1 not in this version: 'tests'", "3:9 'name' is missing in this test",
      "3:22 unknown key 'exepct' in this test; did you mean 'expect'?"}},
    {"source: {format: memory, schema: {infer: true}}\n" SINK,
     {"1:35 not in this version: schema 'infer'"}},
    {"source: {format: memory, schema: {}}\n" SINK, {"1:34 this schema has none of file, infer"}},
    {"source: {format: memory, schema: {file: a, infer: true}}\n" SINK,
     {"1:44 'infer' beside 'file': a schema takes exactly one of its keys",
      "1:44 not in this version: schema 'infer'"}},
    {"source: {format: rate, rateLimit: 5/s, watermark: {column: t}}\n" SINK,
     {"1:24 not in this version: source 'rateLimit'",
      "1:40 not in this version: source 'watermark'",
      "1:51 'delay' is missing in this withWatermark"}},
    /* many at once */
    {"version: 3\nsource: {format: kafak}\nsteps:\n  - selct: a\n  - filter: (a\nsink: {format: "
     "console, outputMod: update}\ntrigger: {continuous: soon}\n",
     {"1:10 the file is of format version 3", "2:18 'format' is 'kafak'", "4:5 unknown key 'selct'",
      "5:13 a parenthesis is not closed",
      "6:25 unknown key 'outputMod' in this sink; did you mean 'outputMode'?",
      "7:23 'continuous': 'soon' is not a duration"}},
};

/* Whether @text begins as @pattern says. */
static bool
begins(const char *text, const char *pattern)
{
    const char *star = strchr(pattern, '*');
    size_t len = star != NULL ? (size_t)(star - pattern) : strlen(pattern);
    if (strncmp(text, pattern, len) != 0) {
        return false;
    }
    if (star == NULL) {
        return true;
    }
    for (const char *rest = text + len; *rest != '\0'; rest++) {
        if (star[1] != '\0' && begins(rest, star + 1)) {
            return true;
        }
    }
    return star[1] == '\0';
}

static bool
is_as_told(const struct tide_diag *diag, const char *expected)
{
    char place[32];
    size_t len = strcspn(expected, " ");
    snprintf(place, sizeof(place), "%u:%u", diag->line, diag->column);
    return strlen(place) == len && strncmp(place, expected, len) == 0 &&
           begins(diag->text, expected + len + 1);
}

static void
check_bad(const struct bad *bad)
{
    uint32_t count = 0;
    struct loaded loaded = load_text(bad->text, NULL);
    char *found = findings(&loaded);
    while (count < FINDINGS && bad->findings[count] != NULL) {
        count++;
    }
    cr_expect_eq(loaded.diags.errors, count, "%sgives:\n%s", bad->text, found);
    for (uint32_t i = 0; i < count && i < loaded.diags.count; i++) {
        cr_expect(is_as_told(&loaded.diags.items[i], bad->findings[i]),
                  "%sis not told: %s\nbut:\n%s", bad->text, bad->findings[i], found);
    }
    cr_expect_neq(loaded.rc, 0);
    free(found);
    unload(&loaded);
}

Test(format_bad, each_has_its_findings)
{
    size_t count = sizeof(bads) / sizeof(bads[0]);
    cr_assert_geq(count, 60);
    for (size_t i = 0; i < count; i++) {
        check_bad(&bads[i]);
    }
}

Test(format_bad, unread_streams_are_warned_about)
{
    struct loaded loaded =
        load_text(SOURCE "streams: {a: {}, b: {}}\nsink: {from: a, format: console}\n", NULL);
    char *found = findings(&loaded);
    cr_assert_eq(loaded.rc, 0);
    cr_assert_eq(loaded.diags.warnings, 1);
    cr_assert_str_eq(found, "2:18: nobody reads the stream 'b'\n");
    free(found);
    unload(&loaded);
}

Test(format_bad, the_result_tells_unsupported_from_invalid)
{
    struct loaded loaded = load_text(RIGHT "http: {}\n", NULL);
    cr_assert_eq(loaded.rc, TIDE_ERR_UNSUPPORTED);
    unload(&loaded);
    loaded = load_text(RIGHT "http: {}\nnaem: x\n", NULL);
    cr_assert_eq(loaded.rc, TIDE_ERR_INVALID);
    unload(&loaded);
}

Test(format_bad, findings_are_bounded)
{
    char *text = malloc(64000);
    size_t len = (size_t)sprintf(text, RIGHT);
    for (int i = 0; i < 1000; i++) {
        len += (size_t)sprintf(text + len, "bad%d: 1\n", i);
    }
    struct loaded loaded = load_text(text, NULL);
    cr_assert_eq(loaded.diags.count, 256);
    cr_assert_eq(loaded.diags.errors, 1000);
    cr_assert_eq(loaded.diags.dropped, 744);
    unload(&loaded);
    free(text);
}

Test(format_bad, a_finding_is_written_for_terminals)
{
    char line[256];
    struct loaded loaded = load_text(RIGHT "naem: x\n", NULL);
    tide_diag_format(&loaded.diags.items[0], line, sizeof(line));
    cr_assert_str_eq(line,
                     "/folder/p.yaml:3:1: error: unknown key 'naem' in this pipeline; did you "
                     "mean 'name'?");
    unload(&loaded);
}
