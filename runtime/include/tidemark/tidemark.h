/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tidemark as a library: load a pipeline, check it, run it, watch it, stop it.
 *
 *     struct tide_engine_options options = {.abi = TIDE_ABI_VERSION, .size = sizeof(options),
 *                                           .path = "fraud-scoring.yaml"};
 *     struct tide_engine *engine;
 *     if (tide_engine_create(&options, &engine, &err) == 0) {
 *         rc = tide_engine_run(engine, &err);      // returns after tide_engine_stop() or a failure
 *     }
 *     tide_engine_destroy(engine);
 *
 * An engine holds one pipeline. Calls are made by one control thread unless they say otherwise; the
 * engine makes its own worker threads. The library never prints, exits, or installs signal
 * handlers; findings about a pipeline are handed out one by one, the log goes to a descriptor or a
 * function of the embedder's.
 *
 * The program `tidemark` uses nothing but these headers.
 */
#ifndef TIDEMARK_TIDEMARK_H
#define TIDEMARK_TIDEMARK_H

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIDE_API __attribute__((visibility("default")))

struct tide_engine;

/* Receives text in pieces, in order. A negative return ends the call with that code. */
typedef int tide_text_fn(void *ctx, const char *text, size_t len);

/* One finding about a pipeline file. Texts live during the call. */
struct tide_finding {
    uint32_t abi, size;
    uint32_t severity;     /* enum tide_log_severity: ERROR, WARN, INFO */
    int32_t code;          /* enum tide_err */
    const char *file;      /* or "--set PATH" */
    uint32_t line, column; /* from 1; 0: no place */
    const char *text;
};

typedef void tide_finding_fn(void *ctx, const struct tide_finding *finding);

/* How far a pipeline is. Times in nanoseconds unless named otherwise. */
struct tide_progress {
    uint32_t abi, size;
    const char *name;    /* of the pipeline; valid as long as the engine */
    uint32_t state;      /* enum tide_engine_state */
    const char *waiting; /* for what it waits, or NULL; valid until the next call */
    uint64_t run_ns;     /* since the start of the run */
    uint64_t incarnation;
    uint64_t epoch_committed, epoch_opened,
        epochs; /* newest durable, newest open, committed in this run */
    uint64_t epoch_p50_ns, epoch_p99_ns, epoch_max_ns; /* durations from open to commit */
    uint64_t rows_in, rows_out, rejected, dead_letters, dropped,
        overdue; /* since the start of the run */
    uint64_t state_rows, state_bytes;
    uint64_t cpu_ns, resident_bytes; /* of the process */
    uint32_t restarts;               /* of the incarnation, in process */
};

enum tide_engine_state {
    TIDE_ENGINE_LOADED,
    TIDE_ENGINE_STARTING, /* until C(0) is durable */
    TIDE_ENGINE_RUNNING,
    TIDE_ENGINE_STOPPING,
    TIDE_ENGINE_ENDED
};

typedef void tide_progress_fn(void *ctx, const struct tide_progress *progress);

struct tide_engine_options {
    uint32_t abi, size;
    const char *path; /* of the pipeline file; "-": standard input, then give text */
    const char *text; /* its content, NULL: read from path */
    size_t text_len;
    const char *const *sets; /* "PATH=VALUE", in order */
    uint32_t n_sets;
    const char *checkpoint;  /* overrides checkpointLocation, NULL: not */
    const char *plugin_path; /* folders for plugins without a slash, separated by ':'; NULL: none */
    const struct tide_plugin *const *plugins; /* of the embedder's, besides the built-ins */
    uint32_t n_plugins;

    int log_fd;        /* where log lines go; 0: standard error */
    int32_t log_level; /* enum tide_log_severity + 1; 0: as the pipeline says */
    int32_t log_json;  /* 0: as the pipeline says, 1: logfmt, 2: JSON */
    void (*log)(void *ctx, uint32_t severity, const char *line, size_t len); /* instead of log_fd */

    tide_finding_fn
        *finding; /* errors and warnings about the pipeline; NULL: only the first, as error */
    tide_progress_fn
        *progress;        /* every progress_ns while it runs, on the control thread; NULL: none */
    uint64_t progress_ns; /* 0: as the pipeline's progress.every */
    uint64_t run_ns;      /* clean stop after so long, 0: none */
    uint64_t rows_max;    /* clean stop once so many rows were taken from sources, 0: none */
    void *ctx;            /* handed to the functions above */
};

/* Loads, checks and plans; touches nothing outside but the pipeline's files and plugins. All
 * findings are handed out, not the first only. Errors: INVALID, UNSUPPORTED, PLUGIN, NOTFOUND,
 * NOMEM. */
TIDE_API int tide_engine_create(const struct tide_engine_options *options,
                                struct tide_engine **out_engine, struct tide_error *err);

/* NULL is legal. Not while it runs. */
TIDE_API void tide_engine_destroy(struct tide_engine *engine);

/* Opens brokers, topics and paths, reports what it finds, leaves no trace. Errors: UNREACHABLE,
 * NOTFOUND, ... */
TIDE_API int tide_engine_connect(struct tide_engine *engine, struct tide_error *err);

/* Runs until tide_engine_stop(), the end of bounded sources, or a failure that restarts do not
 * help. Blocks. 0 after a clean stop; else a code whose exit code tide_error_exit_code() gives. */
TIDE_API int tide_engine_run(struct tide_engine *engine, struct tide_error *err);

/* Asks for a clean stop: the current epoch is finished. Any thread; async-signal-safe. */
TIDE_API void tide_engine_stop(struct tide_engine *engine);

/* One log level more (positive) or less. Any thread; async-signal-safe. */
TIDE_API void tide_engine_log_level(struct tide_engine *engine, int change);

/* How far it is. On the control thread: in the progress function, or after the run. */
TIDE_API void tide_engine_progress(const struct tide_engine *engine, struct tide_progress *out);

/* The progress as one line of JSON, in the form of Spark's StreamingQueryProgress. Returns the
 * length needed. */
TIDE_API size_t tide_progress_json(const struct tide_engine *engine,
                                   const struct tide_progress *progress, char *out, size_t out_max);

/* What a pipeline is, as text. */
enum tide_show {
    TIDE_SHOW_MERGED, /* the file with --set applied and references resolved, secrets masked */
    TIDE_SHOW_CORES,  /* workers, cores, tasks */
    TIDE_SHOW_PLAN,   /* logical and physical plan */
    TIDE_SHOW_DOT,    /* the same as a graph */
    TIDE_SHOW_SCHEMA  /* printSchema of every stream */
};
TIDE_API int tide_engine_show(const struct tide_engine *engine, enum tide_show what,
                              tide_text_fn *fn, void *ctx, struct tide_error *err);

/* The tables of this build. `what`: connectors, operators, functions, options, schema, counters,
 * errors; `name`: one entry, NULL: all; `form`: text, markdown, json (jsonschema for schema). */
TIDE_API int tide_list(const char *what, const char *name, const char *form, tide_text_fn *fn,
                       void *ctx, struct tide_error *err);

/* The WAL of a checkpoint directory, for people or as JSON lines. Changes nothing. */
TIDE_API int tide_wal_show(const char *checkpoint, bool json, tide_text_fn *fn, void *ctx,
                           struct tide_error *err);
TIDE_API int tide_wal_check(const char *checkpoint, bool json, tide_text_fn *fn, void *ctx,
                            struct tide_error *err);

/* "0.1.0", and a line for each library: "librdkafka 2.0.2". */
TIDE_API const char *tide_version(void);
TIDE_API int tide_version_libraries(tide_text_fn *fn, void *ctx);

/* Called with file, line and text of a broken promise of the engine's own, before it aborts. Must
 * not return. */
typedef void tide_fatal_handler(const char *file, int line, const char *what);
TIDE_API void tide_set_fatal_handler(tide_fatal_handler *handler);

#ifdef __cplusplus
}
#endif

#endif
