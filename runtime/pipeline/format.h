/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: what the user wrote, validated and typed.
 *
 * tide_pipeline_load() reads a file, applies --set, resolves ${...}, checks everything against THE
 * format table (format_table.h) and gives the structs below. The planner reads nothing else. All
 * pointers live as long as the struct tide_pipeline; after loading it is constant and may be read
 * from any thread.
 *
 * Invariants of a loaded pipeline (no errors in the diagnostics):
 *   1. Names of sources, tables, streams and sinks are identifiers, unique over all sections.
 *   2. Every `from` is resolved, and streams do not feed themselves.
 *   3. Options of a connection are already merged under a connector's own.
 *   4. No default is left to the reader: numbers hold the table's default or one of the special
 * values.
 *
 * Left to others: what a connector's or plugin's options mean (their own option tables), SQL
 * (sql/), and which combinations of steps, output modes and sinks this version can run (the
 * planner).
 */
#ifndef TIDE_PIPELINE_FORMAT_H
#define TIDE_PIPELINE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "io/io.h"
#include "pipeline/diag.h"
#include "pipeline/tree.h"
#include "plugin/options.h"

/* Special values of the numeric fields below. All other values are >= 0. */
#define TIDE_AUTO (-1)      /* "auto" */
#define TIDE_NONE (-2)      /* "none" */
#define TIDE_NEVER (-3)     /* "never" */
#define TIDE_ON_CHANGE (-4) /* "onChange" */
#define TIDE_UNSET (-5)     /* not written, and there is no default */

/* A piece of SQL or a name inside a scalar: "concat(a, b) AS c, d" holds two items. */
struct tide_item {
    const char *text; /* trimmed; NULL when not written */
    const struct tide_node *node;
    int32_t at; /* byte where text starts in node->text: add to tide_error.at for the place */
};

struct tide_items {
    const struct tide_item *items;
    uint32_t count;
};

/* NAME: TEXT, in the order written (withColumns, withColumnRenamed, fillna). */
struct tide_pair {
    const char *name;
    struct tide_item value;
    const struct tide_node *key; /* the place of the name */
};

struct tide_pairs {
    const struct tide_pair *items;
    uint32_t count;
};

/*
 * Options of a connector or plugin, vars or conf, in the order written, ready for
 * tide_options_create(). Of each: place is the value's const struct tide_node (its key is
 * place->key, items of a list are its children); names compare case-insensitively; lists and maps
 * are JSON text.
 */
struct tide_settings {
    const struct tide_given *items;
    uint32_t count;
};

/* What a `from`, `other` or `union` refers to. */
enum tide_from_kind {
    TIDE_FROM_NONE,   /* only while errors are being collected */
    TIDE_FROM_SOURCE, /* pipeline->sources[index] */
    TIDE_FROM_STREAM, /* pipeline->streams[index] */
    TIDE_FROM_OUTPUT, /* the side output @output of pipeline->streams[index] */
    TIDE_FROM_TABLE,  /* pipeline->tables[index]; joins only */
};

struct tide_from {
    enum tide_from_kind kind;
    uint32_t index;
    const char *text;             /* as written or defaulted */
    const char *output;           /* TIDE_FROM_OUTPUT only */
    const struct tide_node *node; /* where it is written; NULL: defaulted */
};

enum tide_schema_kind { TIDE_SCHEMA_NONE, TIDE_SCHEMA_DDL, TIDE_SCHEMA_FILE, TIDE_SCHEMA_INFER };

/* `schema:` of a source or table. A file is read by whoever needs the schema. */
struct tide_schema_def {
    enum tide_schema_kind kind;
    const char *text; /* the DDL, or the file's path (local, file:/// removed) */
    const struct tide_node *node;
};

struct tide_watermark_def {
    const struct tide_node *node; /* NULL: none */
    const char *column;
    int64_t delay_ns;
    int64_t idle_timeout_ns;
};

/* `map: {plugin: ...}` and its like. */
struct tide_plugin_call {
    const struct tide_node *node; /* NULL: none */
    const char *plugin;
    const struct tide_node *plugin_node;
    struct tide_settings options;
    bool ordered;       /* lookup */
    int64_t timeout_ns; /* lookup */
    int64_t capacity;   /* lookup: rows in flight */
};

enum tide_join_how {
    TIDE_JOIN_INNER,
    TIDE_JOIN_LEFT,
    TIDE_JOIN_RIGHT,
    TIDE_JOIN_FULL,
    TIDE_JOIN_SEMI,
    TIDE_JOIN_ANTI,
};

struct tide_join_def {
    struct tide_from other;
    enum tide_join_how how;
    struct tide_items using_columns;
    struct tide_item condition;
};

struct tide_union_def {
    struct tide_from other; /* of a step; a stream's union has its list in @streams */
    const struct tide_from *streams;
    uint32_t stream_count;
    bool by_name;
    bool allow_missing_columns;
    const struct tide_node *node; /* NULL: none */
};

struct tide_process_def {
    struct tide_items command;
    bool ordered;
};

enum tide_model_runtime {
    TIDE_MODEL_AUTO,
    TIDE_MODEL_XGBOOST,
    TIDE_MODEL_LIGHTGBM,
    TIDE_MODEL_ONNX,
    TIDE_MODEL_JSON,
};

struct tide_score_def {
    const char *model;
    enum tide_model_runtime runtime;
    struct tide_items features;
    const char *column;
};

/* The verbs of steps; aliases (selectExpr, where, orderBy) are already folded. */
enum tide_verb {
    TIDE_VERB_NONE,
    TIDE_VERB_SELECT,                           /* items */
    TIDE_VERB_FILTER,                           /* condition */
    TIDE_VERB_FILTER_PLUGIN,                    /* call: `filter:` with a map */
    TIDE_VERB_WITH_COLUMNS,                     /* pairs: column name, expression */
    TIDE_VERB_WITH_COLUMN_RENAMED,              /* pairs: old, new */
    TIDE_VERB_DROP,                             /* items: columns */
    TIDE_VERB_WITH_WATERMARK,                   /* watermark */
    TIDE_VERB_GROUP_BY,                         /* items: keys; agg */
    TIDE_VERB_DROP_DUPLICATES,                  /* items: columns */
    TIDE_VERB_DROP_DUPLICATES_WITHIN_WATERMARK, /* items: columns */
    TIDE_VERB_DISTINCT,
    TIDE_VERB_JOIN,        /* join */
    TIDE_VERB_UNION,       /* union_with */
    TIDE_VERB_REPARTITION, /* items: columns; number: partitions or TIDE_AUTO */
    TIDE_VERB_COALESCE,    /* number: partitions */
    TIDE_VERB_SAMPLE,      /* fraction; number: seed or TIDE_UNSET */
    TIDE_VERB_FILLNA,      /* pairs: column, value */
    TIDE_VERB_DROPNA,      /* items: columns */
    TIDE_VERB_SORT,        /* items: expressions with ASC or DESC */
    TIDE_VERB_LIMIT,       /* number */
    TIDE_VERB_MAP,         /* call */
    TIDE_VERB_FLAT_MAP,    /* call */
    TIDE_VERB_LOOKUP,      /* call */
    TIDE_VERB_PROCESS,     /* process */
    TIDE_VERB_SCORE,       /* score */
};

enum tide_on_error {
    TIDE_ON_ERROR_FAIL,
    TIDE_ON_ERROR_DEAD_LETTER,
    TIDE_ON_ERROR_DROP,
    TIDE_ON_ERROR_SET_NULL,
};

enum tide_late { TIDE_LATE_DROP, TIDE_LATE_DEAD_LETTER, TIDE_LATE_OUTPUT };

struct tide_step_def {
    const struct tide_node *node;      /* the step's map */
    const struct tide_node *verb_node; /* the verb's value; its key is verb_node->key */
    enum tide_verb verb;
    const char *word; /* the verb as written */

    const char *id; /* NULL: not given; the planner derives one and warns where it keys state */
    enum tide_on_error on_error;
    int64_t parallelism; /* TIDE_UNSET: no exchange asked for */
    int64_t core;        /* TIDE_AUTO or a CPU number */
    bool skip_overdue;   /* onOverdue: skip */
    int64_t ttl_ns;      /* TIDE_NONE, or state.ttl's value when not given */
    enum tide_late late;

    struct tide_items items;
    struct tide_items agg;
    struct tide_pairs pairs;
    struct tide_item condition;
    int64_t number;
    double fraction;
    struct tide_watermark_def watermark;
    struct tide_plugin_call call;
    struct tide_join_def join;
    struct tide_union_def union_with;
    struct tide_process_def process;
    struct tide_score_def score;
};

struct tide_steps {
    const struct tide_step_def *items;
    uint32_t count;
};

struct tide_source_def {
    const struct tide_node *node;
    const char *name;
    const char *id; /* = name unless given: what the checkpoint keys the offsets by */
    const char *format;
    const struct tide_node *format_node;
    const char *connection;
    struct tide_settings options;
    struct tide_schema_def schema;
    struct tide_watermark_def watermark;
    double rate_limit;   /* records a second; TIDE_NONE: no limit */
    int64_t parallelism; /* TIDE_AUTO: a task per partition, at most runtime.parallelism */
};

struct tide_table_def {
    const struct tide_node *node;
    const char *name;
    const char *id;
    const char *format;
    const struct tide_node *format_node;
    const char *connection;
    struct tide_settings options;
    struct tide_schema_def schema;
    int64_t refresh_ns; /* TIDE_NEVER, TIDE_ON_CHANGE or a period */
};

struct tide_stream_def {
    const struct tide_node *node;
    const char *name; /* "main" for top-level steps: or query: */
    const char *id;   /* = name unless given */
    struct tide_from from;
    struct tide_steps steps;
    struct tide_item query;           /* text NULL: none */
    struct tide_union_def union_with; /* node NULL: none */
    int64_t ttl_ns;                   /* as a step's */
};

enum tide_delivery { TIDE_DELIVERY_AT_LEAST_ONCE, TIDE_DELIVERY_EXACTLY_ONCE };
enum tide_record_id { TIDE_RECORD_ID_NONE, TIDE_RECORD_ID_HEADER, TIDE_RECORD_ID_COLUMN };

/* Retries of refusals (never of outages, which wait). */
struct tide_retry_def {
    int64_t max;
    int64_t backoff_ns;
    int64_t backoff_max_ns;
};

struct tide_sink_def {
    const struct tide_node *node;
    const char *name;
    const char *id; /* = name unless given */
    struct tide_from from;
    struct tide_steps steps;
    const char *format;
    const struct tide_node *format_node;
    const char *connection;
    struct tide_settings options;
    enum tide_output_mode output_mode;        /* tidemark/plugin.h */
    const struct tide_node *output_mode_node; /* NULL: defaulted */
    int64_t every_ns;                         /* complete: default 1 s; else 0: at once */
    struct tide_items partition_by;
    enum tide_delivery delivery; /* the pipeline's unless given */
    enum tide_record_id record_id;
    struct tide_retry_def retry;
    enum tide_on_error on_error; /* FAIL or DEAD_LETTER */
};

struct tide_dead_letter_def {
    const struct tide_node *node; /* NULL: none declared */
    const char *id;               /* "deadLetter" unless given */
    const char *format;
    const struct tide_node *format_node;
    const char *connection;
    struct tide_settings options;
    struct tide_items partition_by;
    enum tide_delivery delivery;
    struct tide_retry_def retry;
    double limit; /* records a second; above it the pipeline stops with exit code 1 */
};

enum tide_trigger_kind {
    TIDE_TRIGGER_CONTINUOUS, /* realTime too */
    TIDE_TRIGGER_PROCESSING_TIME,
    TIDE_TRIGGER_AVAILABLE_NOW,
    TIDE_TRIGGER_ONCE,
};

struct tide_trigger_def {
    enum tide_trigger_kind kind;
    int64_t interval_ns;          /* the epoch's length, or the batches' */
    const struct tide_node *node; /* NULL: defaulted (to be logged at start) */
};

enum tide_align_choice { TIDE_ALIGN_AUTO, TIDE_ALIGN_ALWAYS, TIDE_ALIGN_NEVER };

struct tide_epoch_def {
    int64_t deadline_ns;
    int64_t in_flight_max;
    enum tide_align_choice align;
    int64_t retain;
};

enum tide_state_compression { TIDE_COMPRESSION_NONE, TIDE_COMPRESSION_ZSTD };

struct tide_state_def {
    int64_t memory_bytes;
    int64_t ttl_ns; /* TIDE_NONE or a duration */
    int64_t key_groups;
    int64_t full_every;
    enum tide_state_compression compression;
    const struct tide_node *memory_node; /* NULL: defaulted; so with key_groups_node */
    const struct tide_node *key_groups_node;
};

enum tide_latency_from { TIDE_LATENCY_INGEST, TIDE_LATENCY_RECORD_TIME, TIDE_LATENCY_COLUMN };

struct tide_latency_def {
    int64_t budget_ns; /* TIDE_UNSET: none */
    enum tide_latency_from from;
    const char *column; /* TIDE_LATENCY_COLUMN only */
    const struct tide_node *from_node;
};

enum tide_idle_choice {
    TIDE_IDLE_CHOICE_SPIN,
    TIDE_IDLE_CHOICE_YIELD,
    TIDE_IDLE_CHOICE_PARK,
    TIDE_IDLE_CHOICE_ADAPTIVE
};

struct tide_runtime_def {
    int64_t parallelism;     /* TIDE_AUTO or tasks per keyed stage */
    int64_t workers_min;     /* threads */
    int64_t workers_initial; /* TIDE_AUTO or threads */
    int64_t workers_max;     /* TIDE_AUTO or threads */
    const uint16_t *cores;   /* CPUs, in the order written; NULL: auto */
    uint32_t core_count;
    bool pin;
    enum tide_idle_choice idle;
    int64_t spin_ns;
    int64_t ring_bytes; /* a power of two */
    bool fuse;          /* false: off */
    int64_t batch_max;
    enum tide_io_choice io; /* io/io.h */
    int64_t record_bytes_max;
    bool lock_memory;
};

struct tide_restart_def {
    bool on_failure; /* policy: onFailure */
    int64_t max;
    int64_t within_ns;
    int64_t backoff_ns;
};

struct tide_log_def {
    enum tide_log_level level;
    bool json; /* format: json */
};

struct tide_progress_def {
    int64_t every_ns;
    const char *file;  /* NULL: none */
    const char *topic; /* NULL: none */
    int64_t rotate_bytes;
};

struct tide_http_def {
    const char *listen; /* NULL: none */
    const char *token_file;
};

/* A shared object of `plugins:`. */
struct tide_plugin_def {
    const struct tide_node *node;
    const char *path;   /* no slash: to be looked up in TIDEMARK_PLUGIN_PATH, then plugindir */
    const char *sha256; /* 64 hexadecimal digits, or NULL */
};

struct tide_pipeline {
    const struct tide_seam *seam;
    struct tide_doc doc;

    const char *path; /* of the file, as given; "-" for standard input */
    const char *dir;  /* ${dir} */
    const char *name;
    const char *checkpoint; /* local path; NULL: a temporary one will do (all sinks are for show) */
    const struct tide_node *checkpoint_node;

    const struct tide_source_def *sources; /* each count stands behind its array: format_read.c */
    uint32_t source_count;
    const struct tide_table_def *tables;
    uint32_t table_count;
    const struct tide_stream_def *streams;
    uint32_t stream_count;
    const struct tide_sink_def *sinks;
    uint32_t sink_count;
    const struct tide_plugin_def *plugins;
    uint32_t plugin_count;

    struct tide_steps main_steps; /* top-level steps: and query:, which are streams[] "main" */
    struct tide_item main_query;
    struct tide_settings vars;
    struct tide_settings conf; /* Spark's session settings, by Spark's names */
    struct tide_dead_letter_def dead_letter;
    struct tide_trigger_def trigger;
    enum tide_delivery delivery;
    struct tide_epoch_def epoch;
    struct tide_state_def state;
    struct tide_latency_def latency;
    struct tide_runtime_def runtime;
    struct tide_restart_def restart;
    bool allow_unsafe_change;
    struct tide_log_def log;
    struct tide_progress_def progress;
    struct tide_http_def http;
};

/* Where tide_pipeline_load() gets what it needs. Everything is borrowed for the call. */
struct tide_load_args {
    const char *path; /* shown in messages; read through @read_file unless @text is given */
    const char *text; /* the file's content (standard input, tests), or NULL */
    size_t text_len;
    const char *const *sets; /* "PATH=VALUE", applied in order */
    uint32_t set_count;
    bool placed; /* the checkpoint's place comes from outside: checkpointLocation may be missing */
    void *self;  /* handed to the functions below */

    /* The value of an environment variable, or NULL. */
    const char *(*env)(void *self, const char *name);

    /*
     * Reads all of @path (at most @max bytes, else TIDE_ERR_LIMIT) into a block allocated from
     * @seam, which the caller frees. Returns 0 or a TIDE_ERR_* code with @err set.
     */
    int (*read_file)(void *self, const struct tide_seam *seam, const char *path, size_t max,
                     char **out_text, size_t *out_len, struct tide_error *err);
};

/* Environment and files of this process: sets @args->env and @args->read_file. @thread start */
void tide_load_args_real(struct tide_load_args *args);

/*
 * Loads a pipeline. All errors and warnings go to @diags (sorted), which the caller has
 * initialised. Returns 0 when there is no error; TIDE_ERR_INVALID when there are some
 * (TIDE_ERR_UNSUPPORTED when all of them are "not in this version"), TIDE_ERR_NOMEM when memory ran
 * out. *out_pipeline is set whenever the YAML could be read (NULL otherwise), errors or not, so
 * that the merged file can be printed; only without errors may it be planned. @thread start
 */
int tide_pipeline_load(const struct tide_seam *seam, const struct tide_load_args *args,
                       struct tide_pipeline **out_pipeline, struct tide_diags *diags);

/* Frees it; NULL is legal. @thread start */
void tide_pipeline_destroy(struct tide_pipeline *pipeline);

/*
 * The merged file as YAML (`check --print`): what was read, with --set applied and ${...} resolved,
 * secrets as ****. Returns a 0-terminated text to be freed with the pipeline's seam, or NULL when
 * out of memory. @thread start
 */
char *tide_pipeline_print(const struct tide_pipeline *pipeline);

/* The setting called @name (case-insensitively), or NULL. @thread any */
const struct tide_given *tide_settings_get(const struct tide_settings *settings, const char *name);

/* Where findings of an option table go: the ctx of tide_settings_report(). */
struct tide_settings_report {
    struct tide_diags *diags;
    const struct tide_node *owner; /* the place of findings about the block as a whole */
};

/* A tide_option_report: adds @finding to the diagnostics, at its place. @thread start */
void tide_settings_report(void *ctx, const struct tide_option_finding *finding);

/* True where output is only for show and needs no checkpoint: console, memory, noop. @thread any */
bool tide_format_is_for_show(const char *format);

/*
 * The local path @text names: file:///x and file:/x are /x; any other scheme (hdfs:// s3a:// ...)
 * is refused by name. @out_path points into @text. Returns 0 or TIDE_ERR_INVALID. @thread any
 */
int tide_path_local(const char *text, const char **out_path, struct tide_error *err);

/* The verb's name in the format ("select"), for messages and plans. Never NULL. @thread any */
const char *tide_verb_name(enum tide_verb verb);

#endif
