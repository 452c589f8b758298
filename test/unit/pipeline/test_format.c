/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a right pipeline means: defaults, lists, names, options. Expected values are those of the
 * format's description, not of the table.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "load.h"
#include "pipeline/format_table.h"

#define SECOND INT64_C(1000000000)

static struct loaded
right(const char *text)
{
    struct loaded loaded = load_text(text, NULL);
    char *found = findings(&loaded);
    cr_assert_eq(loaded.diags.count, 0, "%s: %s", text, found);
    free(found);
    return loaded;
}

Test(format, defaults_are_those_of_the_description)
{
    struct loaded loaded = right(RIGHT);
    const struct tide_pipeline *p = loaded.pipeline;
    cr_assert_str_eq(p->name, "p");
    cr_assert_str_eq(p->dir, "/folder");
    cr_assert_null(p->checkpoint);
    cr_assert_eq(p->trigger.kind, TIDE_TRIGGER_CONTINUOUS);
    cr_assert_eq(p->trigger.interval_ns, SECOND / 10);
    cr_assert_null(p->trigger.node);
    cr_assert_eq(p->delivery, TIDE_DELIVERY_AT_LEAST_ONCE);
    cr_assert_eq(p->epoch.deadline_ns, 30 * SECOND);
    cr_assert_eq(p->epoch.in_flight_max, 8);
    cr_assert_eq(p->epoch.align, TIDE_ALIGN_AUTO);
    cr_assert_eq(p->epoch.retain, 2);
    cr_assert_eq(p->state.memory_bytes, INT64_C(1) << 30);
    cr_assert_eq(p->state.ttl_ns, TIDE_NONE);
    cr_assert_eq(p->state.key_groups, 256);
    cr_assert_null(p->state.key_groups_node);
    cr_assert_eq(p->state.full_every, 50);
    cr_assert_eq(p->state.compression, TIDE_COMPRESSION_ZSTD);
    cr_assert_eq(p->latency.budget_ns, TIDE_UNSET);
    cr_assert_eq(p->latency.from, TIDE_LATENCY_INGEST);
    cr_assert_eq(p->runtime.parallelism, TIDE_AUTO);
    cr_assert_eq(p->runtime.workers_min, 1);
    cr_assert_eq(p->runtime.workers_initial, TIDE_AUTO);
    cr_assert_eq(p->runtime.workers_max, TIDE_AUTO);
    cr_assert_eq(p->runtime.core_count, 0);
    cr_assert(p->runtime.pin);
    cr_assert_eq(p->runtime.idle, TIDE_IDLE_CHOICE_ADAPTIVE);
    cr_assert_eq(p->runtime.spin_ns, 20000);
    cr_assert_eq(p->runtime.ring_bytes, 256 << 10);
    cr_assert(p->runtime.fuse);
    cr_assert_eq(p->runtime.batch_max, 256);
    cr_assert_eq(p->runtime.io, TIDE_IO_AUTO);
    cr_assert_eq(p->runtime.record_bytes_max, 1 << 20);
    cr_assert_not(p->runtime.lock_memory);
    cr_assert(p->restart.on_failure);
    cr_assert_eq(p->restart.max, 5);
    cr_assert_eq(p->restart.within_ns, 600 * SECOND);
    cr_assert_eq(p->restart.backoff_ns, SECOND);
    cr_assert_not(p->allow_unsafe_change);
    cr_assert_eq(p->log.level, TIDE_LOG_WARN);
    cr_assert_not(p->log.json);
    cr_assert_eq(p->progress.every_ns, SECOND);
    cr_assert_null(p->progress.file);
    cr_assert_null(p->progress.topic);
    cr_assert_eq(p->progress.rotate_bytes, 64 << 20);
    cr_assert_null(p->http.listen);
    cr_assert_eq(p->stream_count, 0);
    const struct tide_sink_def *sink = &p->sinks[0];
    cr_assert_eq(sink->from.kind, TIDE_FROM_SOURCE);
    cr_assert_eq(sink->output_mode, TIDE_OUTPUT_APPEND);
    cr_assert_null(sink->output_mode_node);
    cr_assert_eq(sink->every_ns, 0);
    cr_assert_eq(sink->record_id, TIDE_RECORD_ID_NONE);
    cr_assert_eq(sink->retry.max, 10);
    cr_assert_eq(sink->retry.backoff_ns, SECOND / 10);
    cr_assert_eq(sink->retry.backoff_max_ns, 10 * SECOND);
    cr_assert_eq(sink->on_error, TIDE_ON_ERROR_FAIL);
    cr_assert_eq(p->sources[0].parallelism, TIDE_AUTO);
    cr_assert_float_eq(p->sources[0].rate_limit, TIDE_NONE, 1e-9);
    unload(&loaded);
}

Test(format, settings_are_read)
{
    struct loaded loaded = right(
        RIGHT "trigger: {realTime: 5 minutes}\n"
              "epoch: {deadline: 1 hour 30 minutes, maxInFlight: 2, align: never, retain: 3}\n"
              "state: {memory: 64MiB, ttl: 1 day, keyGroups: 16, fullEvery: 5, compression: none}\n"
              "latency: {budget: 10 ms, from: event_time}\n"
              "runtime: {parallelism: 3, workers: {min: 1, initial: 2, max: 3}, cores: \"2-4\", "
              "pin: false,\n"
              "  idle: spin, spinFor: 1 ms, ring: 1MiB, fuse: off, batchMax: 1, io: plain, "
              "maxRecordSize: 2MiB}\n"
              "restart: {policy: never}\n"
              "log: {level: debug, format: json}\n"
              "progress: {every: 5s, file: \"file:///var/p.json\", topic: t}\n"
              "conf: {spark.sql.ansi.enabled: true, spark.sql.session.timeZone: UTC}\n");
    const struct tide_pipeline *p = loaded.pipeline;
    cr_assert_eq(p->trigger.kind, TIDE_TRIGGER_CONTINUOUS);
    cr_assert_eq(p->trigger.interval_ns, 300 * SECOND);
    cr_assert_eq(p->epoch.deadline_ns, 5400 * SECOND);
    cr_assert_eq(p->epoch.align, TIDE_ALIGN_NEVER);
    cr_assert_eq(p->state.ttl_ns, 86400 * SECOND);
    cr_assert_not_null(p->state.key_groups_node);
    cr_assert_eq(p->state.compression, TIDE_COMPRESSION_NONE);
    cr_assert_eq(p->latency.from, TIDE_LATENCY_COLUMN);
    cr_assert_str_eq(p->latency.column, "event_time");
    cr_assert_eq(p->runtime.core_count, 3);
    cr_assert_eq(p->runtime.cores[2], 4);
    cr_assert_eq(p->runtime.idle, TIDE_IDLE_CHOICE_SPIN);
    cr_assert_not(p->runtime.fuse);
    cr_assert_eq(p->runtime.io, TIDE_IO_PLAIN);
    cr_assert_not(p->restart.on_failure);
    cr_assert_eq(p->log.level, TIDE_LOG_DEBUG);
    cr_assert(p->log.json);
    cr_assert_str_eq(p->progress.file, "/var/p.json");
    cr_assert_str_eq(setting(&p->conf, "spark.sql.ansi.enabled"), "true");
    unload(&loaded);
}

Test(format, no_on_and_yes_are_text)
{
    struct loaded loaded =
        right("name: NO\nsource: {format: rate, options: {a: on, b: yes, c: true}}\n"
              "sink: {format: console}\n");
    cr_assert_str_eq(loaded.pipeline->name, "NO");
    cr_assert_str_eq(setting(&loaded.pipeline->sources[0].options, "a"), "on");
    cr_assert_str_eq(setting(&loaded.pipeline->sources[0].options, "b"), "yes");
    cr_assert_str_eq(setting(&loaded.pipeline->sources[0].options, "c"), "true");
    unload(&loaded);
}

/* Loads `steps: - select: VALUE` and gives the items joined with " | ". */
static char *
items_of(const char *value)
{
    char text[1024];
    char *joined = NULL;
    size_t len = 0;
    snprintf(text, sizeof(text), RIGHT "steps:\n  - select: %s\n", value);
    struct loaded loaded = right(text);
    const struct tide_items *items = &loaded.pipeline->streams[0].steps.items[0].items;
    FILE *out = open_memstream(&joined, &len);
    for (uint32_t i = 0; i < items->count; i++) {
        fprintf(out, "%s%s", i > 0 ? " | " : "", items->items[i].text);
    }
    fclose(out);
    unload(&loaded);
    return joined;
}

static void
expect_items(const char *value, const char *expected)
{
    char *items = items_of(value);
    cr_assert_str_eq(items, expected, "%s gives %s", value, items);
    free(items);
}

Test(format, commas_split_only_at_the_top)
{
    expect_items("a", "a");
    expect_items("\"a, b\"", "a | b");
    expect_items("concat(a, b) AS c, d", "concat(a, b) AS c | d");
    expect_items("[a, \"concat(a, b) AS c\"]", "a | concat(a, b) AS c");
    expect_items("f(g(a, b), c), x[1, 2], d", "f(g(a, b), c) | x[1, 2] | d");
    expect_items("\"'a, b' AS c, `d, e`, f\"", "'a, b' AS c | `d, e` | f");
    expect_items("'\"a, b\" AS c, d'", "\"a, b\" AS c | d");
    expect_items("\"'it''s, ok' AS a, b\"", "'it''s, ok' AS a | b");
    expect_items("'''a\\'', b'' AS c, d'", "'a\\', b' AS c | d");
    expect_items("\"')' AS a, '(' AS b\"", "')' AS a | '(' AS b");
    expect_items("\"a -- it's, x\\n, b\"", "a -- it's, x | b");
    expect_items("\"a /* (, ' */, b\"", "a /* (, ' */ | b");
    expect_items("[count(*) AS n]", "count(*) AS n");
    expect_items("[1, true, r.*]", "1 | true | r.*");
    expect_items("|\n      a,\n      b\n", "a | b");
}

Test(format, an_item_keeps_its_place)
{
    struct loaded loaded = right(RIGHT "steps:\n  - select: \"a, concat(b, c) AS d\"\n");
    const struct tide_item *item = &loaded.pipeline->streams[0].steps.items[0].items.items[1];
    uint32_t line;
    uint32_t column;
    /* The c of concat(b, c), as the SQL parser would report it. */
    tide_node_place(item->node, item->at + 10, &line, &column);
    cr_assert_eq(line, 4);
    cr_assert_eq(column, 27);
    unload(&loaded);
}

Test(format, every_verb_is_read)
{
    struct loaded loaded =
        right(RIGHT "steps:\n"
                    "  - selectExpr: a, b\n"
                    "  - {where: a > 0, onError: drop}\n"
                    "  - {filter: {plugin: keep, options: {x: 1}}, ttl: 1 h}\n"
                    "  - withColumns: {c: \"a + 1\", d: b}\n"
                    "  - withColumnRenamed: {c: e}\n"
                    "  - drop: d\n"
                    "  - {groupBy: a, agg: [count(*) AS n], id: count, parallelism: 2, core: 1}\n"
                    "  - repartition: {columns: [a], numPartitions: 4}\n"
                    "  - map: {plugin: m}\n"
                    "  - flatMap: {plugin: f, options: {list: [1, a, {b: 2}]}}\n");
    const struct tide_step_def *steps = loaded.pipeline->streams[0].steps.items;
    cr_assert_eq(loaded.pipeline->streams[0].steps.count, 10);
    cr_assert_eq(steps[0].verb, TIDE_VERB_SELECT);
    cr_assert_str_eq(steps[0].word, "selectExpr");
    cr_assert_eq(steps[0].on_error, TIDE_ON_ERROR_FAIL);
    cr_assert_eq(steps[0].parallelism, TIDE_UNSET);
    cr_assert_eq(steps[0].core, TIDE_AUTO);
    cr_assert_eq(steps[1].verb, TIDE_VERB_FILTER);
    cr_assert_str_eq(steps[1].condition.text, "a > 0");
    cr_assert_eq(steps[1].on_error, TIDE_ON_ERROR_DROP);
    cr_assert_eq(steps[2].verb, TIDE_VERB_FILTER_PLUGIN);
    cr_assert_str_eq(steps[2].call.plugin, "keep");
    cr_assert_eq(steps[2].ttl_ns, 3600 * SECOND);
    cr_assert_eq(steps[3].verb, TIDE_VERB_WITH_COLUMNS);
    cr_assert_eq(steps[3].pairs.count, 2);
    cr_assert_str_eq(steps[3].pairs.items[0].name, "c");
    cr_assert_str_eq(steps[3].pairs.items[0].value.text, "a + 1");
    cr_assert_eq(steps[4].verb, TIDE_VERB_WITH_COLUMN_RENAMED);
    cr_assert_str_eq(steps[4].pairs.items[0].value.text, "e");
    cr_assert_eq(steps[5].verb, TIDE_VERB_DROP);
    cr_assert_eq(steps[6].verb, TIDE_VERB_GROUP_BY);
    cr_assert_str_eq(steps[6].items.items[0].text, "a");
    cr_assert_str_eq(steps[6].agg.items[0].text, "count(*) AS n");
    cr_assert_eq(steps[6].parallelism, 2);
    cr_assert_eq(steps[6].core, 1);
    cr_assert_eq(steps[6].ttl_ns, TIDE_NONE);
    cr_assert_eq(steps[7].verb, TIDE_VERB_REPARTITION);
    cr_assert_eq(steps[7].number, 4);
    cr_assert_str_eq(steps[7].items.items[0].text, "a");
    cr_assert_eq(steps[8].verb, TIDE_VERB_MAP);
    cr_assert_eq(steps[9].verb, TIDE_VERB_FLAT_MAP);
    const struct tide_given *list = tide_settings_get(&steps[9].call.options, "list");
    cr_assert_str_eq(list->value, "[1,\"a\",{\"b\":2}]");
    cr_assert(list->is_list);
    cr_assert_eq(list->n_items, 3);
    cr_assert_str_eq(list->items[1], "a");
    cr_assert_str_eq(list->items[2], "{\"b\":2}");
    unload(&loaded);
}

Test(format, connections_come_first_and_own_options_win)
{
    struct loaded loaded =
        right("connections: {main: {a: shared, B: shared}}\ncheckpointLocation: cp\n"
              "source: {format: kafka, connection: main, options: {b: own, c: own}}\n"
              "sink: {format: kafka, connection: main}\n");
    const struct tide_settings *options = &loaded.pipeline->sources[0].options;
    cr_assert_eq(options->count, 3);
    cr_assert_str_eq(setting(options, "A"), "shared");
    cr_assert_str_eq(setting(options, "b"), "own");
    cr_assert_str_eq(setting(options, "c"), "own");
    cr_assert_str_eq(setting(&loaded.pipeline->sinks[0].options, "b"), "shared");
    unload(&loaded);
}

Test(format, from_has_defaults)
{
    struct loaded loaded = right("source: {format: rate}\n"
                                 "streams:\n"
                                 "  b: {from: a}\n"
                                 "  a: {}\n"
                                 "  c: {from: a.late}\n"
                                 "sinks:\n"
                                 "  x: {from: c, format: console}\n"
                                 "  y: {format: console}\n");
    const struct tide_pipeline *p = loaded.pipeline;
    cr_assert_eq(p->streams[0].from.kind, TIDE_FROM_STREAM);
    cr_assert_eq(p->streams[0].from.index, 1);
    cr_assert_eq(p->streams[1].from.kind, TIDE_FROM_SOURCE);
    cr_assert_null(p->streams[1].from.node);
    cr_assert_eq(p->streams[2].from.kind, TIDE_FROM_OUTPUT);
    cr_assert_eq(p->streams[2].from.index, 1);
    cr_assert_str_eq(p->streams[2].from.output, "late");
    cr_assert_eq(p->sinks[0].from.index, 2);
    cr_assert_eq(p->sinks[1].from.kind, TIDE_FROM_STREAM);
    cr_assert_eq(p->sinks[1].from.index, 0, "the only stream nobody else reads");
    unload(&loaded);
}

Test(format, queries_read_the_tables_they_name)
{
    const char *text = "source: {format: rate}\n"
                       "streams:\n"
                       "  a: {}\n"
                       "  b: {}\n"
                       "  c: {query: \"SELECT a.x, 'FROM d' FROM a, b x JOIN (SELECT * FROM "
                       "source) s ON d = 1\"}\n"
                       "  d: {from: c}\n"
                       "sink: {format: console}\n";
    struct loaded loaded = load_text(text, NULL);
    char *found = findings(&loaded);
    cr_assert_str_eq(found, "5:7: not in this version: stream 'query'\n", "%s", found);
    cr_assert_eq(loaded.pipeline->sinks[0].from.index, 3);
    free(found);
    unload(&loaded);
}

Test(format, complete_mode_has_a_pace)
{
    struct loaded loaded =
        right("source: {format: rate}\nsink: {format: console, outputMode: Complete}\n");
    cr_assert_eq(loaded.pipeline->sinks[0].output_mode, TIDE_OUTPUT_COMPLETE);
    cr_assert_eq(loaded.pipeline->sinks[0].every_ns, SECOND);
    unload(&loaded);
    loaded = right(
        "source: {format: rate}\nsink: {format: console, outputMode: update, every: 8 seconds}\n");
    cr_assert_eq(loaded.pipeline->sinks[0].every_ns, 8 * SECOND);
    unload(&loaded);
}

Test(format, on_error_goes_to_dead_letters_where_there_are_some)
{
    struct loaded loaded = right("source: {format: rate}\nsink: {format: console}\n"
                                 "deadLetter: {format: memory, limit: 600/min}\n"
                                 "steps: [{select: a}, {select: b, onError: setNull}]\n");
    const struct tide_step_def *steps = loaded.pipeline->streams[0].steps.items;
    cr_assert_eq(steps[0].on_error, TIDE_ON_ERROR_DEAD_LETTER);
    cr_assert_eq(steps[1].on_error, TIDE_ON_ERROR_SET_NULL);
    cr_assert_eq(loaded.pipeline->sinks[0].on_error, TIDE_ON_ERROR_DEAD_LETTER);
    cr_assert_float_eq(loaded.pipeline->dead_letter.limit, 10.0, 1e-9);
    cr_assert_str_eq(loaded.pipeline->dead_letter.id, "deadLetter");
    unload(&loaded);
}

Test(format, schemas_have_three_forms)
{
    struct loaded loaded = right("sources:\n"
                                 "  a: {format: memory, schema: \"a STRING, b INT\"}\n"
                                 "  b: {format: memory, schema: {file: \"file:///x.ddl\"}}\n"
                                 "  c: {format: memory}\n"
                                 "sinks:\n"
                                 "  x: {from: a, format: noop}\n"
                                 "  y: {from: b, format: noop}\n"
                                 "  z: {from: c, format: noop}\n");
    const struct tide_source_def *sources = loaded.pipeline->sources;
    cr_assert_eq(sources[0].schema.kind, TIDE_SCHEMA_DDL);
    cr_assert_str_eq(sources[0].schema.text, "a STRING, b INT");
    cr_assert_eq(sources[1].schema.kind, TIDE_SCHEMA_FILE);
    cr_assert_str_eq(sources[1].schema.text, "/x.ddl");
    cr_assert_eq(sources[2].schema.kind, TIDE_SCHEMA_NONE);
    unload(&loaded);
}

Test(format, plugins_bring_formats)
{
    struct loaded loaded =
        right("plugins: [./my.so, {path: x.so, sha256: "
              "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}]\n"
              "source: {format: mine}\nsink: {format: Console}\n");
    cr_assert_eq(loaded.pipeline->plugin_count, 2);
    cr_assert_str_eq(loaded.pipeline->plugins[0].path, "./my.so");
    cr_assert_eq(strlen(loaded.pipeline->plugins[1].sha256), 64);
    cr_assert_str_eq(loaded.pipeline->sources[0].format, "mine");
    cr_assert_str_eq(loaded.pipeline->sinks[0].format, "console");
    unload(&loaded);
}

Test(format, cores_have_three_forms)
{
    struct loaded loaded = right(RIGHT "runtime: {cores: [3, 1]}\n");
    cr_assert_eq(loaded.pipeline->runtime.core_count, 2);
    cr_assert_eq(loaded.pipeline->runtime.cores[0], 3);
    unload(&loaded);
    loaded = right(RIGHT "runtime: {cores: auto}\n");
    cr_assert_null(loaded.pipeline->runtime.cores);
    unload(&loaded);
    loaded = right(RIGHT "runtime: {cores: 0}\n");
    cr_assert_eq(loaded.pipeline->runtime.core_count, 1);
    unload(&loaded);
}

Test(format, ignored_and_null_keys_do_nothing)
{
    struct loaded loaded = right(RIGHT "x-anything: [1, {a: b}]\n"
                                       "trigger: {x-note: hello, continuous: 1s}\n"
                                       "epoch:\nlog: {level: null}\ntests: ~\n"
                                       "steps: [{select: a, x-why: because}]\n");
    cr_assert_eq(loaded.pipeline->trigger.interval_ns, SECOND);
    cr_assert_eq(loaded.pipeline->log.level, TIDE_LOG_WARN);
    unload(&loaded);
    /* Among options there are no ignored keys: they are the connector's. */
    loaded = right("source: {format: rate, options: {x-a: 1}}\nsink: {format: console}\n");
    cr_assert_str_eq(setting(&loaded.pipeline->sources[0].options, "x-a"), "1");
    unload(&loaded);
}

Test(format, what_is_not_built_may_say_its_default)
{
    struct loaded loaded =
        right("source: {format: rate, rateLimit: none}\nsink: {format: console}\n");
    unload(&loaded);
}

Test(format, paths_are_local)
{
    const char *path;
    struct tide_error err = {0};
    cr_assert_eq(tide_path_local("a/b", &path, &err), 0);
    cr_assert_str_eq(path, "a/b");
    cr_assert_eq(tide_path_local("file:///x/y", &path, &err), 0);
    cr_assert_str_eq(path, "/x/y");
    cr_assert_eq(tide_path_local("file:/x", &path, &err), 0);
    cr_assert_str_eq(path, "/x");
    cr_assert_eq(tide_path_local("a:b", &path, &err), 0);
    cr_assert_str_eq(path, "a:b");
    cr_assert_eq(tide_path_local("file://host/x", &path, &err), TIDE_ERR_INVALID);
    cr_assert_eq(tide_path_local("s3a://bucket/x", &path, &err), TIDE_ERR_INVALID);
    cr_assert_str_eq(err.text, "'s3a:' paths are not supported: use a local path or file:///x");
}

static void
check_row(const struct tide_section *section, const struct tide_key *row)
{
    bool number =
        row->type == TIDE_KEY_INT || row->type == TIDE_KEY_SIZE || row->type == TIDE_KEY_DURATION;
    bool words = row->type == TIDE_KEY_ENUM || row->type == TIDE_KEY_FLAG ||
                 row->type == TIDE_KEY_WORD_NAME || row->type == TIDE_KEY_FORMAT;
    bool section_needed = row->type == TIDE_KEY_MAP || row->type == TIDE_KEY_NAMED ||
                          row->type == TIDE_KEY_LIST || row->type == TIDE_KEY_SCHEMA;
    cr_assert_not_null(row->doc, "%s.%s", section->name, row->name);
    cr_assert(!number || row->max > row->min, "%s.%s has no bounds", section->name, row->name);
    cr_assert(!words || row->words != NULL, "%s.%s has no words", section->name, row->name);
    cr_assert(!section_needed || row->section != NULL, "%s.%s", section->name, row->name);
    cr_assert_eq(tide_key_find(section, row->name), row, "%s.%s is there twice", section->name,
                 row->name);
}

Test(format, the_table_is_sound)
{
    const struct tide_section *sections[TIDE_SECTIONS_MAX];
    uint32_t count = tide_sections_collect(sections);
    cr_assert_gt(count, 20);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_leq(sections[i]->count, TIDE_KEYS_MAX);
        for (uint32_t j = 0; j < i; j++) {
            cr_assert_str_neq(sections[i]->name, sections[j]->name);
        }
        for (uint32_t j = 0; j < sections[i]->count; j++) {
            check_row(sections[i], &sections[i]->keys[j]);
        }
    }
}

Test(format, verbs_have_names)
{
    cr_assert_str_eq(tide_verb_name(TIDE_VERB_SELECT), "select");
    cr_assert_str_eq(tide_verb_name(TIDE_VERB_FILTER_PLUGIN), "filter");
    for (int verb = TIDE_VERB_SELECT; verb <= TIDE_VERB_SCORE; verb++) {
        cr_assert_str_neq(tide_verb_name((enum tide_verb)verb), "step");
    }
}
