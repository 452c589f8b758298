/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE format table: sources, tables, streams, sinks and dead letters. See format_table.h.
 */
#include "pipeline/format_table.h"

#include "base/limits.h"
#include "pipeline/format.h"

#define COUNT(rows) (uint32_t)(sizeof(rows) / sizeof((rows)[0]))
#define AT(owner, member) .offset = offsetof(struct owner, member)
#define PLACE(owner, member) .place = offsetof(struct owner, member) + 1

static const struct tide_word words_auto[] = {{"auto", TIDE_AUTO, false}, {0}};
static const struct tide_word words_none[] = {{"none", TIDE_NONE, false}, {0}};

/* ---- sources and tables ---- */

static const struct tide_key schema_keys[] = {
    {.name = "file",
     .type = TIDE_KEY_PATH,
     AT(tide_schema_def, text),
     .doc = "a file with the DDL, or with Spark's schema JSON",
     .example = "tx.ddl"},
    {.name = "infer",
     .type = TIDE_KEY_TRUE,
     .flags = TIDE_KEY_NOT_BUILT,
     .doc = "found out from the data",
     .example = "true"},
};
static const struct tide_section section_schema = {
    .name = "schema",
    .doc = "Columns and types: Spark DDL as a text, or a map with one of these keys.",
    .keys = schema_keys,
    .count = COUNT(schema_keys),
    .rule = TIDE_SECTION_ONE_KEY,
    .size = sizeof(struct tide_schema_def),
};

static const struct tide_word words_source[] = {
    {"kafka", 0, false},
    {"json", 0, true},
    {"csv", 0, true},
    {"text", 0, true},
    {"parquet", 0, true},
    {"orc", 0, true},
    {"socket", 0, false},
    {"rate", 0, false},
    {"rate-micro-batch", 0, true},
    {"memory", 0, false},
    {0},
};
static const struct tide_word words_sink[] = {
    {"kafka", 0, false},
    {"console", 0, false},
    {"json", 0, true},
    {"csv", 0, true},
    {"text", 0, true},
    {"parquet", 0, true},
    {"orc", 0, true},
    {"memory", 0, false},
    {"noop", 0, false},
    {"exec", 0, true},
    {"webhook", 0, true},
    {"postgresql", 0, true},
    {0},
};

#define CONNECTOR_KEYS(owner, list)                                                    \
    {.name = "format",                                                                 \
     .type = TIDE_KEY_FORMAT,                                                          \
     .flags = TIDE_KEY_REQUIRED,                                                       \
     AT(owner, format),                                                                \
     PLACE(owner, format_node),                                                        \
     .words = list,                                                                    \
     .doc = "the connector: Spark's names, or a kind that a plugin declares",          \
     .example = "kafka"},                                                              \
        {.name = "connection",                                                         \
         .type = TIDE_KEY_TEXT,                                                        \
         AT(owner, connection),                                                        \
         .doc = "a block of `connections` whose options come first; own ones win",     \
         .example = "main"},                                                           \
    {                                                                                  \
        .name = "options", .type = TIDE_KEY_SETTINGS, AT(owner, options),              \
        .doc = "Spark's option names, in any case; JSON-valued ones may be YAML maps", \
        .example = "{subscribe: tx}"                                                   \
    }

static const struct tide_key source_keys[] = {
    CONNECTOR_KEYS(tide_source_def, words_source),
    {.name = "schema",
     .type = TIDE_KEY_SCHEMA,
     AT(tide_source_def, schema),
     .section = &section_schema,
     .doc = "columns and types, where the format has none of its own",
     .example = "\"a STRING, t TIMESTAMP\""},
    {.name = "watermark",
     .type = TIDE_KEY_MAP,
     .flags = TIDE_KEY_NOT_BUILT,
     AT(tide_source_def, watermark),
     PLACE(tide_source_def, watermark.node),
     .section = &tide_section_watermark,
     .doc = "the same as a first step withWatermark"},
    {.name = "rateLimit",
     .type = TIDE_KEY_RATE,
     .flags = TIDE_KEY_NOT_BUILT,
     AT(tide_source_def, rate_limit),
     .words = words_none,
     .fallback = "none",
     .doc = "rows a second in continuous mode; micro-batch has Spark's maxOffsetsPerTrigger",
     .example = "5000/s"},
    {.name = "id",
     .type = TIDE_KEY_TEXT,
     AT(tide_source_def, id),
     .doc = "what the checkpoint keys the offsets by; default: the name"},
    {.name = "parallelism",
     .type = TIDE_KEY_INT,
     AT(tide_source_def, parallelism),
     .words = words_auto,
     .min = 1,
     .max = TIDE_LIMIT_TASKS,
     .fallback = "auto",
     .doc = "tasks; auto: one for each partition, at most runtime.parallelism"},
};
const struct tide_section tide_section_source = {
    .name = "source",
    .doc = "Where rows come from.",
    .keys = source_keys,
    .count = COUNT(source_keys),
    .size = sizeof(struct tide_source_def),
    .has_name = true,
};

static const struct tide_word words_refresh[] = {
    {"never", TIDE_NEVER, false}, {"onChange", TIDE_ON_CHANGE, false}, {0}};
static const struct tide_key table_keys[] = {
    CONNECTOR_KEYS(tide_table_def, words_source),
    {.name = "schema",
     .type = TIDE_KEY_SCHEMA,
     AT(tide_table_def, schema),
     .section = &section_schema,
     .doc = "columns and types",
     .example = "\"merchant STRING, risk DOUBLE\""},
    {.name = "id",
     .type = TIDE_KEY_TEXT,
     AT(tide_table_def, id),
     .doc = "its name in the checkpoint; default: the name"},
    {.name = "refresh",
     .type = TIDE_KEY_DURATION,
     AT(tide_table_def, refresh_ns),
     .words = words_refresh,
     .min = 1000000,
     .max = INT64_MAX,
     .fallback = "never",
     .doc = "when it is read again",
     .example = "5 minutes"},
};
const struct tide_section tide_section_table = {
    .name = "table",
    .doc = "A static side table, joined by its name.",
    .keys = table_keys,
    .count = COUNT(table_keys),
    .size = sizeof(struct tide_table_def),
    .has_name = true,
};

/* ---- streams ---- */

static const struct tide_key stream_keys[] = {
    {.name = "from",
     .type = TIDE_KEY_FROM,
     AT(tide_stream_def, from),
     .doc = "a source, a stream, or STREAM.OUTPUT (side output); default: the only source",
     .example = "tx"},
    {.name = "steps",
     .type = TIDE_KEY_LIST,
     AT(tide_stream_def, steps),
     .section = &tide_section_step,
     .doc = "what is done with each row, in order"},
    {.name = "query",
     .type = TIDE_KEY_SQL,
     .flags = TIDE_KEY_NOT_BUILT,
     AT(tide_stream_def, query),
     .doc = "instead of from and steps: Spark SQL",
     .example = "\"SELECT * FROM clean c JOIN merchants m ON c.merchant = m.id\""},
    {.name = "id",
     .type = TIDE_KEY_TEXT,
     AT(tide_stream_def, id),
     .doc = "stable name of what a query keeps; default: the name"},
    {.name = "ttl",
     .type = TIDE_KEY_DURATION,
     AT(tide_stream_def, ttl_ns),
     .words = words_none,
     .max = INT64_MAX,
     .doc = "with query: state untouched so long is dropped; default state.ttl",
     .example = "1 hour"},
    {.name = "union",
     .type = TIDE_KEY_FROMS,
     .flags = TIDE_KEY_NOT_BUILT,
     AT(tide_stream_def, union_with.streams),
     PLACE(tide_stream_def, union_with.node),
     .doc = "instead of from: the rows of several streams",
     .example = "[clean, clean2]"},
    {.name = "byName",
     .type = TIDE_KEY_BOOL,
     AT(tide_stream_def, union_with.by_name),
     .fallback = "false",
     .doc = "with union: columns are matched by name instead of position"},
    {.name = "allowMissingColumns",
     .type = TIDE_KEY_BOOL,
     AT(tide_stream_def, union_with.allow_missing_columns),
     .fallback = "false",
     .doc = "with byName: a missing column is NULL"},
};
const struct tide_section tide_section_stream = {
    .name = "stream",
    .doc = "Rows on their way; every stream is also a view.",
    .keys = stream_keys,
    .count = COUNT(stream_keys),
    .size = sizeof(struct tide_stream_def),
    .has_name = true,
};

/* ---- sinks and dead letters ---- */

static const struct tide_word words_mode[] = {
    {"append", TIDE_OUTPUT_APPEND, false},
    {"update", TIDE_OUTPUT_UPDATE, false},
    {"complete", TIDE_OUTPUT_COMPLETE, false},
    {0},
};
static const struct tide_word words_delivery[] = {
    {"atLeastOnce", TIDE_DELIVERY_AT_LEAST_ONCE, false},
    {"exactlyOnce", TIDE_DELIVERY_EXACTLY_ONCE, true},
    {0},
};
static const struct tide_word words_record_id[] = {
    {"none", TIDE_RECORD_ID_NONE, false},
    {"header", TIDE_RECORD_ID_HEADER, false},
    {"column", TIDE_RECORD_ID_COLUMN, false},
    {0},
};
static const struct tide_word words_sink_error[] = {
    {"fail", TIDE_ON_ERROR_FAIL, false}, {"deadLetter", TIDE_ON_ERROR_DEAD_LETTER, false}, {0}};

static const struct tide_key retry_keys[] = {
    {.name = "max",
     .type = TIDE_KEY_INT,
     AT(tide_retry_def, max),
     .max = 1000000,
     .fallback = "10",
     .doc = "attempts after the first"},
    {.name = "backoff",
     .type = TIDE_KEY_DURATION,
     AT(tide_retry_def, backoff_ns),
     .max = INT64_MAX,
     .fallback = "100 ms",
     .doc = "before the first repetition; doubles each time"},
    {.name = "maxBackoff",
     .type = TIDE_KEY_DURATION,
     AT(tide_retry_def, backoff_max_ns),
     .max = INT64_MAX,
     .fallback = "10 s",
     .doc = "the longest wait"},
};
static const struct tide_section section_retry = {
    .name = "retry",
    .doc = "Retries of refusals (never of outages, which wait); then onError.",
    .keys = retry_keys,
    .count = COUNT(retry_keys),
    .size = sizeof(struct tide_retry_def),
};

#define OUTPUT_KEYS(owner)                                                                \
    {.name = "partitionBy",                                                               \
     .type = TIDE_KEY_ITEMS,                                                              \
     .flags = TIDE_KEY_NOT_BUILT,                                                         \
     AT(owner, partition_by),                                                             \
     .doc = "file sinks: columns that become folders",                                    \
     .example = "[day]"},                                                                 \
        {.name = "delivery",                                                              \
         .type = TIDE_KEY_ENUM,                                                           \
         AT(owner, delivery),                                                             \
         .words = words_delivery,                                                         \
         .doc = "default: the pipeline's; one the sink cannot give is refused by check"}, \
        {.name = "retry",                                                                 \
         .type = TIDE_KEY_MAP,                                                            \
         AT(owner, retry),                                                                \
         .section = &section_retry,                                                       \
         .doc = "retries of refusals"},                                                   \
    {                                                                                     \
        .name = "id", .type = TIDE_KEY_TEXT, AT(owner, id),                               \
        .doc = "its name in the checkpoint; default: the name"                            \
    }

static const struct tide_key sink_keys[] = {
    {.name = "from",
     .type = TIDE_KEY_FROM,
     AT(tide_sink_def, from),
     .doc = "what it writes; default: the only stream nobody else reads",
     .example = "pairs"},
    {.name = "steps",
     .type = TIDE_KEY_LIST,
     AT(tide_sink_def, steps),
     .section = &tide_section_step,
     .doc = "a last projection for this sink (stateless steps only)"},
    CONNECTOR_KEYS(tide_sink_def, words_sink),
    {.name = "outputMode",
     .type = TIDE_KEY_ENUM,
     .flags = TIDE_KEY_ANY_CASE,
     AT(tide_sink_def, output_mode),
     PLACE(tide_sink_def, output_mode_node),
     .words = words_mode,
     .fallback = "append",
     .doc = "new rows, changed rows, or the whole table, as in Spark"},
    {.name = "every",
     .type = TIDE_KEY_DURATION,
     AT(tide_sink_def, every_ns),
     .max = INT64_MAX,
     .doc = "continuous mode: complete: the whole table so often (default 1 s); update: at most so "
            "often for each key (default: at once)",
     .example = "8 seconds"},
    {.name = "recordId",
     .type = TIDE_KEY_ENUM,
     AT(tide_sink_def, record_id),
     .words = words_record_id,
     .fallback = "none",
     .doc = "(source, partition, offset, n) with each row, so that readers can drop repeats"},
    {.name = "onError",
     .type = TIDE_KEY_ENUM,
     AT(tide_sink_def, on_error),
     .words = words_sink_error,
     .doc = "a row that the sink refuses; default deadLetter if one is declared, else fail"},
    OUTPUT_KEYS(tide_sink_def),
};
const struct tide_section tide_section_sink = {
    .name = "sink",
    .doc = "Where rows go.",
    .keys = sink_keys,
    .count = COUNT(sink_keys),
    .size = sizeof(struct tide_sink_def),
    .has_name = true,
};

static const struct tide_key dead_letter_keys[] = {
    CONNECTOR_KEYS(tide_dead_letter_def, words_sink),
    OUTPUT_KEYS(tide_dead_letter_def),
    {.name = "limit",
     .type = TIDE_KEY_RATE,
     AT(tide_dead_letter_def, limit),
     .words = words_none,
     .fallback = "100/s",
     .doc = "above it the pipeline stops with exit code 1: a flood is an outage"},
};
const struct tide_section tide_section_dead_letter = {
    .name = "deadLetter",
    .doc = "A sink for rows that failed, durable before the epoch commits.",
    .keys = dead_letter_keys,
    .count = COUNT(dead_letter_keys),
    .size = sizeof(struct tide_dead_letter_def),
};
