/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE format table: the root, its small sections, Spark's session settings, and the look-ups. See
 * format_table.h; the other sections are in format_flow.c, format_verbs.c and format_run.c.
 */
#include "pipeline/format_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "pipeline/format.h"

#define COUNT(rows) (uint32_t)(sizeof(rows) / sizeof((rows)[0]))
#define ROOT(member) .offset = offsetof(struct tide_pipeline, member)
#define ROOT_PLACE(member) .place = offsetof(struct tide_pipeline, member) + 1

/* The reader stores an array and its count as one pair (struct tide_array in format_read.c). */
#define PAIRED(owner, items, count)                                    \
    _Static_assert(offsetof(struct owner, count) ==                    \
                       offsetof(struct owner, items) + sizeof(void *), \
                   "a count stands behind its array")
PAIRED(tide_pipeline, sources, source_count);
PAIRED(tide_pipeline, tables, table_count);
PAIRED(tide_pipeline, streams, stream_count);
PAIRED(tide_pipeline, sinks, sink_count);
PAIRED(tide_pipeline, plugins, plugin_count);
PAIRED(tide_union_def, streams, stream_count);
PAIRED(tide_steps, items, count);
PAIRED(tide_runtime_def, cores, core_count);

static const struct tide_key plugin_keys[] = {
    {.name = "path",
     .type = TIDE_KEY_PATH,
     .flags = TIDE_KEY_REQUIRED,
     .offset = offsetof(struct tide_plugin_def, path),
     .doc = "the shared object; without a slash: TIDEMARK_PLUGIN_PATH, then the plugin folder",
     .example = "./op.so"},
    {.name = "sha256",
     .type = TIDE_KEY_SHA256,
     .offset = offsetof(struct tide_plugin_def, sha256),
     .doc = "its contents' SHA-256; another file is refused"},
};
static const struct tide_section section_plugin = {
    .name = "plugin",
    .doc = "A shared object with kinds of its own: the path as a text, or a map.",
    .keys = plugin_keys,
    .count = COUNT(plugin_keys),
    .size = sizeof(struct tide_plugin_def),
};

static const struct tide_key test_keys[] = {
    {.name = "name",
     .type = TIDE_KEY_TEXT,
     .flags = TIDE_KEY_REQUIRED | TIDE_KEY_NO_STORE,
     .doc = "what it shows",
     .example = "negative is dropped"},
    {.name = "source",
     .type = TIDE_KEY_ANY,
     .doc = "rows of each source",
     .example = "{tx: [{a: x, amount: -1}]}"},
    {.name = "advanceWatermark",
     .type = TIDE_KEY_DURATION,
     .flags = TIDE_KEY_NO_STORE,
     .max = INT64_MAX,
     .doc = "event time moves on by this much after the rows",
     .example = "1 minute"},
    {.name = "expect", .type = TIDE_KEY_ANY, .doc = "rows of each sink", .example = "{alerts: []}"},
};
static const struct tide_section section_test = {
    .name = "test",
    .doc = "A test of the pipeline (`tidemark test`); also in NAME_test.yaml.",
    .keys = test_keys,
    .count = COUNT(test_keys),
    .size = sizeof(struct tide_node *),
};

static const struct tide_word words_policy[] = {{"min", 0, false}, {"max", 1, true}, {0}};
static const struct tide_word words_false[] = {{"false", 0, false}, {"true", 1, true}, {0}};
static const struct tide_key conf_keys[] = {
    {.name = "spark.sql.session.timeZone",
     .type = TIDE_KEY_TEXT,
     .flags = TIDE_KEY_NO_STORE,
     .doc = "the time zone of timestamps as text",
     .example = "UTC"},
    {.name = "spark.sql.ansi.enabled",
     .type = TIDE_KEY_BOOL,
     .flags = TIDE_KEY_NO_STORE,
     .fallback = "false",
     .doc = "ANSI rules: what cannot be computed is an error instead of NULL"},
    {.name = "spark.sql.caseSensitive",
     .type = TIDE_KEY_ENUM,
     .flags = TIDE_KEY_NO_STORE,
     .words = words_false,
     .fallback = "false",
     .doc = "whether column names differ by case"},
    {.name = "spark.sql.streaming.multipleWatermarkPolicy",
     .type = TIDE_KEY_ENUM,
     .flags = TIDE_KEY_NO_STORE,
     .words = words_policy,
     .fallback = "min",
     .doc = "which of several watermarks counts"},
};
const struct tide_section tide_section_conf = {
    .name = "conf",
    .doc = "Spark's session settings, by Spark's names.",
    .keys = conf_keys,
    .count = COUNT(conf_keys),
};

const struct tide_conf_replaced tide_conf_replaced[] = {
    {"spark.app.name", "name"},
    {"spark.jars", "plugins"},
    {"spark.sql.streaming.checkpointLocation", "checkpointLocation"},
    {"spark.sql.shuffle.partitions", "runtime.parallelism"},
    {"spark.default.parallelism", "runtime.parallelism"},
    {"spark.dynamicAllocation.enabled", "runtime.workers"},
    {"spark.dynamicAllocation.minExecutors", "runtime.workers.min"},
    {"spark.dynamicAllocation.initialExecutors", "runtime.workers.initial"},
    {"spark.dynamicAllocation.maxExecutors", "runtime.workers.max"},
    {"spark.log.level", "log.level"},
    {"spark.task.maxFailures", "restart.max"},
    {"spark.sql.streaming.minBatchesToRetain", "epoch.retain"},
    {"spark.sql.streaming.continuous.epochBacklogQueueSize", "epoch.maxInFlight"},
    {"spark.sql.streaming.stateStore.minDeltasForSnapshot", "state.fullEvery"},
    {"spark.sql.streaming.stateStore.compression.codec", "state.compression"},
    {NULL, NULL},
};

static const struct tide_word words_delivery[] = {
    {"atLeastOnce", TIDE_DELIVERY_AT_LEAST_ONCE, false},
    {"exactlyOnce", TIDE_DELIVERY_EXACTLY_ONCE, true},
    {0},
};

static const struct tide_key pipeline_keys[] = {
    {.name = "version", .type = TIDE_KEY_VERSION, .fallback = "1", .doc = "of this format"},
    {.name = "name",
     .type = TIDE_KEY_TEXT,
     ROOT(name),
     .doc = "Spark's queryName; default: the file's name",
     .example = "fraud-scoring"},
    {.name = "checkpointLocation",
     .type = TIDE_KEY_PATH,
     ROOT(checkpoint),
     ROOT_PLACE(checkpoint_node),
     .doc = "the folder that makes it durable; required unless every sink is console, memory or "
            "noop (then a temporary one)",
     .example = "checkpoints/fraud"},
    {.name = "vars",
     .type = TIDE_KEY_SETTINGS,
     ROOT(vars),
     .doc = "values for ${var:NAME}; --set vars.NAME=VALUE",
     .example = "{brokers: \"localhost:9092\"}"},
    {.name = "conf",
     .type = TIDE_KEY_SETTINGS,
     ROOT(conf),
     .section = &tide_section_conf,
     .doc = "Spark's session settings, by Spark's names",
     .example = "{spark.sql.session.timeZone: UTC}"},
    {.name = "plugins",
     .type = TIDE_KEY_LIST,
     .flags = TIDE_KEY_TEXT_ITEM,
     ROOT(plugins),
     .section = &section_plugin,
     .doc = "shared objects to load",
     .example = "[fraud_score.so]"},
    {.name = "connections",
     .type = TIDE_KEY_BLOCKS,
     .doc = "option blocks that sources, sinks, tables and deadLetter share",
     .example = "{main: {kafka.bootstrap.servers: \"localhost:9092\"}}"},
    {.name = "sources",
     .alias = "source",
     .type = TIDE_KEY_NAMED,
     ROOT(sources),
     .section = &tide_section_source,
     .doc = "where rows come from; `source: {...}` is `sources: {source: {...}}`"},
    {.name = "tables",
     .type = TIDE_KEY_NAMED,
     .flags = TIDE_KEY_NOT_BUILT,
     ROOT(tables),
     .section = &tide_section_table,
     .doc = "static side tables"},
    {.name = "streams",
     .type = TIDE_KEY_NAMED,
     ROOT(streams),
     .section = &tide_section_stream,
     .doc = "rows on their way, by name, in any order"},
    {.name = "steps",
     .type = TIDE_KEY_LIST,
     ROOT(main_steps),
     .section = &tide_section_step,
     .doc = "the steps of the stream `main`"},
    {.name = "query",
     .type = TIDE_KEY_SQL,
     .flags = TIDE_KEY_NOT_BUILT,
     ROOT(main_query),
     .doc = "the query of the stream `main`"},
    {.name = "sinks",
     .alias = "sink",
     .type = TIDE_KEY_NAMED,
     ROOT(sinks),
     .section = &tide_section_sink,
     .doc = "where rows go; `sink: {...}` is `sinks: {sink: {...}}`"},
    {.name = "deadLetter",
     .type = TIDE_KEY_MAP,
     ROOT(dead_letter),
     ROOT_PLACE(dead_letter.node),
     .section = &tide_section_dead_letter,
     .doc = "a sink for rows that failed"},
    {.name = "trigger",
     .type = TIDE_KEY_MAP,
     ROOT(trigger),
     ROOT_PLACE(trigger.node),
     .section = &tide_section_trigger,
     .doc = "when rows move; default: continuous, 100 ms"},
    {.name = "delivery",
     .type = TIDE_KEY_ENUM,
     ROOT(delivery),
     .words = words_delivery,
     .fallback = "atLeastOnce",
     .doc = "atLeastOnce, or exactlyOnce (aligned markers, transactional or idempotent sinks)"},
    {.name = "epoch",
     .type = TIDE_KEY_MAP,
     ROOT(epoch),
     .section = &tide_section_epoch,
     .doc = "how progress is made durable"},
    {.name = "state",
     .type = TIDE_KEY_MAP,
     ROOT(state),
     .section = &tide_section_state,
     .doc = "what stateful steps keep"},
    {.name = "latency",
     .type = TIDE_KEY_MAP,
     ROOT(latency),
     .section = &tide_section_latency,
     .doc = "how long a row may be on its way"},
    {.name = "runtime",
     .type = TIDE_KEY_MAP,
     ROOT(runtime),
     .section = &tide_section_runtime,
     .doc = "threads, CPUs and buffers"},
    {.name = "restart",
     .type = TIDE_KEY_MAP,
     ROOT(restart),
     .section = &tide_section_restart,
     .doc = "restarts in process"},
    {.name = "allowUnsafeChange",
     .type = TIDE_KEY_BOOL,
     ROOT(allow_unsafe_change),
     .fallback = "false",
     .doc = "accept changes of the pipeline that Spark calls undefined"},
    {.name = "log",
     .type = TIDE_KEY_MAP,
     ROOT(log),
     .section = &tide_section_log,
     .doc = "the log, on standard error"},
    {.name = "progress",
     .type = TIDE_KEY_MAP,
     ROOT(progress),
     .section = &tide_section_progress,
     .doc = "reports of progress"},
    {.name = "http",
     .type = TIDE_KEY_MAP,
     .flags = TIDE_KEY_NOT_BUILT,
     ROOT(http),
     .section = &tide_section_http,
     .doc = "health, metrics and progress over HTTP"},
    {.name = "tests",
     .type = TIDE_KEY_LIST,
     .flags = TIDE_KEY_NOT_BUILT | TIDE_KEY_NO_STORE,
     .section = &section_test,
     .doc = "tests of this pipeline"},
};
const struct tide_section tide_section_pipeline = {
    .name = "pipeline",
    .doc = "The file.",
    .keys = pipeline_keys,
    .count = COUNT(pipeline_keys),
    .size = sizeof(struct tide_pipeline),
};

/* The list is its own queue. */
uint32_t
tide_sections_collect(const struct tide_section *out_sections[TIDE_SECTIONS_MAX])
{
    uint32_t count = 1;
    out_sections[0] = &tide_section_pipeline;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < out_sections[i]->count; j++) {
            const struct tide_section *below = out_sections[i]->keys[j].section;
            uint32_t k = 0;
            while (k < count && out_sections[k] != below) {
                k++;
            }
            if (below != NULL && k == count) {
                TIDE_ASSERT(count < TIDE_SECTIONS_MAX);
                out_sections[count++] = below;
            }
        }
    }
    return count;
}

const struct tide_key *
tide_key_find(const struct tide_section *section, const char *name)
{
    for (uint32_t i = 0; i < section->count; i++) {
        const struct tide_key *row = &section->keys[i];
        if (strcmp(row->name, name) == 0 || (row->alias != NULL && strcmp(row->alias, name) == 0)) {
            return row;
        }
    }
    return NULL;
}

const char *
tide_key_nearest(const struct tide_section *section, const char *name)
{
    const char *names[2 * TIDE_KEYS_MAX];
    uint32_t count = 0;
    TIDE_ASSERT(section->count <= TIDE_KEYS_MAX);
    for (uint32_t i = 0; i < section->count; i++) {
        names[count++] = section->keys[i].name;
        names[count++] = section->keys[i].alias;
    }
    return tide_nearest(name, names, count);
}

const struct tide_word *
tide_word_find(const struct tide_key *row, const char *name)
{
    bool any_case = (row->flags & TIDE_KEY_ANY_CASE) != 0 || row->type == TIDE_KEY_FORMAT;
    for (const struct tide_word *word = row->words; word != NULL && word->name != NULL; word++) {
        if (strcmp(word->name, name) == 0 ||
            (any_case && tide_text_equal_nocase(word->name, name))) {
            return word;
        }
    }
    return NULL;
}

const char *
tide_words_list(const struct tide_key *row, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (const struct tide_word *word = row->words; word != NULL && word->name != NULL; word++) {
        const char *joint = used == 0 ? "" : word[1].name == NULL ? " or " : ", ";
        int len = snprintf(buffer + used, size - used, "%s%s", joint, word->name);
        if (len < 0 || (size_t)len >= size - used) {
            break;
        }
        used += (size_t)len;
    }
    return buffer;
}

struct unit {
    const char *name;
    int64_t size;
};

/* The largest unit that divides @value. */
static const struct unit *
unit_for(const struct unit *units, int64_t value)
{
    const struct unit *unit = units;
    while (unit->size > 1 && (value == 0 || value % unit->size != 0)) {
        unit++;
    }
    return unit;
}

const char *
tide_key_number(const struct tide_key *row, int64_t value, char *buffer, size_t size)
{
    static const struct unit times[] = {{" hours", 3600000000000},
                                        {" minutes", 60000000000},
                                        {" s", 1000000000},
                                        {" ms", 1000000},
                                        {" us", 1000},
                                        {" ns", 1}};
    static const struct unit sizes[] = {
        {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {" bytes", 1}};
    static const struct unit plain[] = {{"", 1}};
    const struct unit *units = row->type == TIDE_KEY_DURATION ? times
                               : row->type == TIDE_KEY_SIZE   ? sizes
                                                              : plain;
    const struct unit *unit = unit_for(units, value);
    snprintf(buffer, size, "%" PRId64 "%s", value / unit->size, unit->name);
    return buffer;
}

const char *
tide_key_wants(const struct tide_key *row)
{
    static const char *const wants[] = {
        [TIDE_KEY_TEXT] = "a text",
        [TIDE_KEY_NAME] = "a name (letters, digits and _)",
        [TIDE_KEY_PATH] = "a path",
        [TIDE_KEY_SHA256] = "64 hexadecimal digits",
        [TIDE_KEY_FORMAT] = "a format",
        [TIDE_KEY_VERSION] = "1",
        [TIDE_KEY_BOOL] = "true or false",
        [TIDE_KEY_TRUE] = "true",
        [TIDE_KEY_INT] = "a whole number",
        [TIDE_KEY_SIZE] = "a size, like 64MiB",
        [TIDE_KEY_DURATION] = "a duration, like 10 seconds or 100 ms",
        [TIDE_KEY_RATE] = "a rate, like 5000/s",
        [TIDE_KEY_FRACTION] = "a number from 0 to 1",
        [TIDE_KEY_ENUM] = "a word",
        [TIDE_KEY_FLAG] = "a word",
        [TIDE_KEY_WORD_NAME] = "a word or a column",
        [TIDE_KEY_SQL] = "an SQL text",
        [TIDE_KEY_ITEMS] = "a list, or one text with commas",
        [TIDE_KEY_STRINGS] = "a list of texts",
        [TIDE_KEY_PAIRS] = "a map of names to texts",
        [TIDE_KEY_SETTINGS] = "a map of options",
        [TIDE_KEY_BLOCKS] = "a map of names to option blocks",
        [TIDE_KEY_MAP] = "a map",
        [TIDE_KEY_NAMED] = "a map of names",
        [TIDE_KEY_LIST] = "a list",
        [TIDE_KEY_SCHEMA] = "a DDL text, or a map",
        [TIDE_KEY_FILTER] = "a condition, or a map with a plugin",
        [TIDE_KEY_CORES] = "a range (\"2-5\"), a list of CPUs, or auto",
        [TIDE_KEY_FROM] = "the name of a source or stream",
        [TIDE_KEY_FROMS] = "a list of sources or streams",
        [TIDE_KEY_ANY] = "any value",
    };
    TIDE_ASSERT((size_t)row->type < sizeof(wants) / sizeof(wants[0]));
    return wants[row->type];
}

bool
tide_key_ignored(const char *name)
{
    return strncmp(name, "x-", 2) == 0;
}
