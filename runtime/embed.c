/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedding API: see <tidemark/tidemark.h>.
 *
 * An engine owns, in the order of their making: log, schemas, host table, registry of plugins, the
 * pipeline, its logical and physical plan, and while it runs a struct tide_run.
 *
 * Threads: one control thread; tide_engine_stop and tide_engine_log_level from any.
 */
#include <tidemark/tidemark.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cpus.h"
#include "pipeline/run.h"
#include "plugin/host.h"
#include "embed.h"
#include "status/progress.h"

#include "connectors/list.h"
#include "operators/list.h"

#define TEMPORARY_TEMPLATE "/tidemark-XXXXXX"

struct tide_engine {
    const struct tide_seam *seam;
    struct tide_engine_options options;
    struct tide_log log;
    struct tide_schemas *schemas;
    struct tide_host_env env;
    struct tide_host host;
    struct tide_registry *registry;
    struct tide_pipeline *pipeline;
    struct tide_logical *logical;
    struct tide_plan *plan;
    struct tide_run run;
    char *dir; /* the checkpoint */
    bool temporary;
    bool ran, running;
    struct tide_progress last; /* handed out before, for rates */
    uint64_t last_wall_ns;
};

static const struct tide_plugin *const built_in[] = {
    &tide_operators_plugin, &tide_kafka_plugin,  &tide_rate_plugin, &tide_socket_plugin,
    &tide_console_plugin,   &tide_memory_plugin, &tide_noop_plugin,
};

/* ---- findings ---- */

static void
hand_out(const struct tide_engine *engine, const struct tide_diags *diags, int rc,
         struct tide_error *err)
{
    static const uint32_t severities[] = {
        [TIDE_DIAG_ERROR] = TIDE_SEVERITY_ERROR,
        [TIDE_DIAG_WARNING] = TIDE_SEVERITY_WARN,
        [TIDE_DIAG_NOTE] = TIDE_SEVERITY_INFO,
    };
    bool first = true;
    for (uint32_t i = 0; i < diags->count; i++) {
        const struct tide_diag *diag = &diags->items[i];
        struct tide_finding finding = {.abi = TIDE_ABI_VERSION,
                                       .size = sizeof(finding),
                                       .severity = severities[diag->severity],
                                       .code = diag->code,
                                       .file = diag->file,
                                       .line = diag->line,
                                       .column = diag->column,
                                       .text = diag->text};
        if (engine->options.finding != NULL) {
            engine->options.finding(engine->options.ctx, &finding);
        }
        if (first && diag->severity == TIDE_DIAG_ERROR && rc != 0) {
            char text[TIDE_ERROR_TEXT_MAX];
            tide_diag_format(diag, text, sizeof(text));
            tide_error_set(err, rc, "%s", text);
            first = false;
        }
    }
}

/* ---- making ---- */

static const char *
environment(void *self, const char *name)
{
    (void)self;
    return getenv(name);
}

static int
load(struct tide_engine *engine, struct tide_error *err)
{
    struct tide_diags diags;
    struct tide_load_args args = {.path = engine->options.path,
                                  .text = engine->options.text,
                                  .text_len = engine->options.text_len,
                                  .sets = engine->options.sets,
                                  .set_count = engine->options.n_sets,
                                  .placed = engine->options.checkpoint != NULL};
    tide_load_args_real(&args);
    tide_diags_init(&diags, engine->seam);
    int rc = tide_pipeline_load(engine->seam, &args, &engine->pipeline, &diags);
    if (rc != 0) {
        tide_error_set(err, rc, "%s cannot be loaded", engine->options.path);
    }
    hand_out(engine, &diags, rc, err);
    tide_diags_fini(&diags);
    return rc;
}

static void
log_line(void *self, enum tide_log_level level, const char *line, size_t len)
{
    struct tide_engine *engine = self;
    engine->options.log(engine->options.ctx, (uint32_t)level, line, len);
}

static void
open_log(struct tide_engine *engine)
{
    const struct tide_engine_options *options = &engine->options;
    const struct tide_log_def *def = engine->pipeline != NULL ? &engine->pipeline->log : NULL;
    enum tide_log_level level = options->log_level != 0
                                    ? (enum tide_log_level)(options->log_level - 1)
                                : def != NULL ? def->level
                                              : TIDE_LOG_WARN;
    bool json = options->log_json != 0 ? options->log_json == 2 : def != NULL && def->json;
    tide_log_init(&engine->log, engine->seam,
                  options->log_fd != 0 ? options->log_fd : STDERR_FILENO,
                  json ? TIDE_LOG_JSON : TIDE_LOG_LOGFMT, level);
    if (options->log != NULL) {
        tide_log_sink_set(&engine->log, log_line, engine);
    }
}

static int
open_host(struct tide_engine *engine, struct tide_error *err)
{
    int rc = tide_schemas_create(engine->seam, &engine->schemas, err);
    engine->env = (struct tide_host_env){
        .seam = engine->seam,
        .log = &engine->log,
        .schemas = engine->schemas,
        .record_max = (uint32_t)engine->pipeline->runtime.record_bytes_max,
    };
    tide_host_init(&engine->host, &engine->env);
    tide_task_host_fill(&engine->host);
    engine->host.split_add = tide_split_collect;
    return rc;
}

int
tide_registry_built_in(const struct tide_seam *seam, const char *path, struct tide_registry **out,
                       struct tide_error *err)
{
    struct tide_registry_config config = {.seam = seam, .path = path};
    int rc = tide_registry_create(&config, out, err);
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]) && rc == 0; i++) {
        rc = tide_registry_add(*out, built_in[i], err);
    }
    return rc;
}

static int
open_plugins(struct tide_engine *engine, struct tide_error *err)
{
    const char *path = engine->options.plugin_path != NULL
                           ? engine->options.plugin_path
                           : environment(NULL, "TIDEMARK_PLUGIN_PATH");
    int rc = tide_registry_built_in(engine->seam, path, &engine->registry, err);
    for (uint32_t i = 0; i < engine->options.n_plugins && rc == 0; i++) {
        rc = tide_registry_add(engine->registry, engine->options.plugins[i], err);
    }
    for (uint32_t i = 0; i < engine->pipeline->plugin_count && rc == 0; i++) {
        const struct tide_plugin_def *def = &engine->pipeline->plugins[i];
        struct tide_plugin_ref ref = {def->path, def->sha256, engine->pipeline->dir};
        rc = tide_registry_load(engine->registry, &ref, &engine->host, err);
        if (rc != 0 && def->node != NULL && def->node->line > 0) {
            tide_error_prefix(err, "%s:%u:%u: error", def->node->file, def->node->line,
                              def->node->column);
        }
    }
    return rc;
}

static int
make_plan(struct tide_engine *engine, struct tide_error *err)
{
    struct tide_cpus cpus;
    struct tide_diags diags;
    struct tide_logical_config config = {.seam = engine->seam,
                                         .pipeline = engine->pipeline,
                                         .host = &engine->host,
                                         .schemas = engine->schemas,
                                         .registry = engine->registry};
    int rc = tide_cpus_affinity(&cpus, err);
    if (rc != 0) {
        return rc;
    }
    struct tide_machine machine = {cpus.ids, cpus.count,
                                   tide_cpus_usable(cpus.count, tide_cpus_quota_milli("/"))};
    tide_diags_init(&diags, engine->seam);
    rc = tide_logical_build(&config, &engine->logical, &diags);
    rc = rc != 0 ? rc : tide_plan_build(engine->logical, &machine, &engine->plan, &diags);
    if (rc != 0) {
        tide_error_set(err, rc, "%s cannot be planned", engine->options.path);
    }
    hand_out(engine, &diags, rc, err);
    tide_diags_fini(&diags);
    return rc;
}

/* The checkpoint's directory; pipelines that only show something get one that goes when they end.
 */
static int
choose_dir(struct tide_engine *engine, struct tide_error *err)
{
    const char *dir = engine->options.checkpoint != NULL ? engine->options.checkpoint
                                                         : engine->pipeline->checkpoint;
    const char *root = environment(NULL, "TMPDIR");
    root = root != NULL ? root : "/tmp";
    size_t size = dir != NULL ? strlen(dir) + 1 : strlen(root) + sizeof(TEMPORARY_TEMPLATE);
    engine->dir = tide_alloc(engine->seam, size);
    if (engine->dir == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a path");
    }
    engine->temporary = dir == NULL;
    snprintf(engine->dir, size, "%s%s", dir != NULL ? dir : root,
             dir != NULL ? "" : TEMPORARY_TEMPLATE);
    return 0;
}

int
tide_engine_create(const struct tide_engine_options *options, struct tide_engine **out_engine,
                   struct tide_error *err)
{
    const struct tide_seam *seam = tide_seam_real();
    struct tide_error local;
    err = err != NULL ? err : &local;
    struct tide_engine *engine = tide_alloc_lines(seam, sizeof(*engine));
    if (engine == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for an engine");
    }
    engine->seam = seam;
    engine->options = *options;
    int rc = load(engine, err);
    open_log(engine);
    rc = rc != 0 ? rc : open_host(engine, err);
    rc = rc != 0 ? rc : open_plugins(engine, err);
    rc = rc != 0 ? rc : make_plan(engine, err);
    rc = rc != 0 ? rc : choose_dir(engine, err);
    if (rc != 0) {
        tide_engine_destroy(engine);
        return rc;
    }
    struct tide_run_config run = {.seam = seam, .log = &engine->log, .plan = engine->plan};
    rc = tide_run_init(&engine->run, &run, err);
    if (rc != 0) {
        tide_engine_destroy(engine);
        return rc;
    }
    *out_engine = engine;
    return 0;
}

void
tide_engine_destroy(struct tide_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    TIDE_ASSERT(!engine->running);
    tide_run_fini(&engine->run);
    tide_plan_destroy(engine->plan);
    tide_logical_destroy(engine->logical);
    tide_pipeline_destroy(engine->pipeline);
    tide_registry_destroy(engine->registry);
    tide_schemas_destroy(engine->schemas);
    tide_free(engine->seam, engine->dir);
    tide_free_lines(engine->seam, engine);
}

int
tide_engine_connect(struct tide_engine *engine, struct tide_error *err)
{
    for (uint32_t i = 0; i < engine->logical->n; i++) {
        const struct tide_logical_node *node = &engine->logical->nodes[i];
        const struct tide_kind *kind = node->entry->kind;
        int rc = kind->probe != NULL ? kind->probe(&engine->host, node->bound, err) : 0;
        if (rc != 0) {
            return tide_error_prefix(err, "%s %s", tide_kind_type_name(kind->type), node->id);
        }
    }
    return 0;
}

/* ---- running ---- */

static void
on_progress(void *ctx)
{
    struct tide_engine *engine = ctx;
    struct tide_progress progress;
    if (engine->options.progress != NULL) {
        tide_engine_progress(engine, &progress);
        engine->options.progress(engine->options.ctx, &progress);
        engine->last = progress;
        engine->last_wall_ns = tide_wall_ns(engine->seam);
    }
}

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void
say_start(struct tide_engine *engine)
{
    if (engine->pipeline->trigger.node == NULL) {
        TIDE_LOG(&engine->log, TIDE_LOG_INFO, "no trigger given: continuous",
                 TIDE_LOG_INT("ms", engine->pipeline->trigger.interval_ns / 1000000));
    }
    if (engine->temporary) {
        TIDE_LOG(&engine->log, TIDE_LOG_INFO, "temporary checkpoint, removed at the end",
                 TIDE_LOG_STR("dir", engine->dir));
    }
}

int
tide_engine_run(struct tide_engine *engine, struct tide_error *err)
{
    struct tide_error local;
    err = err != NULL ? err : &local;
    TIDE_ASSERT(!engine->ran);
    if (engine->temporary && mkdtemp(engine->dir) == NULL) {
        return tide_error_set(err, TIDE_ERR_IO, "no temporary checkpoint like %s can be made",
                              engine->dir);
    }
    if (engine->pipeline->runtime.lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        return tide_error_set(err, TIDE_ERR_FATAL,
                              "runtime.lockMemory: memory cannot be locked; raise the limit "
                              "(ulimit -l) or leave it off");
    }
    say_start(engine);
    struct tide_run_config *config = &engine->run.config;
    config->host = &engine->host;
    config->dir = engine->dir;
    config->progress_ns = engine->options.progress_ns != 0
                              ? engine->options.progress_ns
                              : (uint64_t)engine->pipeline->progress.every_ns;
    config->run_ns = engine->options.run_ns;
    config->rows_max = engine->options.rows_max;
    config->progress = on_progress;
    config->ctx = engine;
    engine->running = true;
    int rc = tide_run(&engine->run, err);
    engine->running = false;
    engine->ran = true;
    if (engine->temporary) {
        nftw(engine->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    return rc;
}

void
tide_engine_stop(struct tide_engine *engine)
{
    tide_run_stop(&engine->run);
}

void
tide_engine_log_level(struct tide_engine *engine, int change)
{
    if (change > 0) {
        tide_log_more(&engine->log);
    } else if (change < 0) {
        tide_log_less(&engine->log);
    }
}

/* ---- progress ---- */

static uint32_t
engine_state(const struct tide_engine *engine)
{
    static const uint32_t states[] = {
        [TIDE_COORDINATOR_STARTING] = TIDE_ENGINE_STARTING,
        [TIDE_COORDINATOR_RUNNING] = TIDE_ENGINE_RUNNING,
        [TIDE_COORDINATOR_STOPPING] = TIDE_ENGINE_STOPPING,
        [TIDE_COORDINATOR_FINISHED] = TIDE_ENGINE_STOPPING,
        [TIDE_COORDINATOR_FAILED] = TIDE_ENGINE_STOPPING,
    };
    if (engine->ran) {
        return TIDE_ENGINE_ENDED;
    }
    return engine->running ? states[engine->run.state] : TIDE_ENGINE_LOADED;
}

static uint64_t
resident_bytes(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t
cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000u +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000u;
}

void
tide_engine_progress(const struct tide_engine *engine, struct tide_progress *out)
{
    const struct tide_run *run = &engine->run;
    bool began = engine->running || engine->ran;
    *out = (struct tide_progress){
        .abi = TIDE_ABI_VERSION,
        .size = sizeof(*out),
        .name = engine->pipeline->name,
        .state = engine_state(engine),
        .waiting = engine->running ? tide_run_waiting(run) : NULL,
        .run_ns = began ? tide_mono_ns(engine->seam) - run->started_ns : 0,
        .incarnation = run->incarnation_number,
        .epoch_committed = run->epoch_committed,
        .epoch_opened = run->epoch_opened,
        .epochs = run->epochs,
        .epoch_p50_ns = tide_histogram_percentile(&run->durations, 50),
        .epoch_p99_ns = tide_histogram_percentile(&run->durations, 99),
        .epoch_max_ns = tide_histogram_max(&run->durations),
        .rows_in = tide_run_rows_in(run),
        .rows_out = tide_run_rows_out(run),
        .rejected = tide_run_sum(run, TIDE_COUNTER_REJECTED),
        .dead_letters = tide_run_sum(run, TIDE_COUNTER_DEAD_LETTERS),
        .dropped = tide_run_sum(run, TIDE_COUNTER_DROPPED),
        .overdue = tide_run_sum(run, TIDE_COUNTER_OVERDUE),
        .state_rows = tide_run_sum(run, TIDE_COUNTER_STATE_ROWS),
        .state_bytes = tide_run_sum(run, TIDE_COUNTER_STATE_BYTES),
        .cpu_ns = cpu_ns(),
        .resident_bytes = resident_bytes(),
        .restarts = run->restarts,
    };
}

static size_t
copy_out(struct tide_buf *buf, char *out, size_t out_max)
{
    size_t n = buf->len;
    if (out_max > 0) {
        size_t copied = n < out_max - 1 ? n : out_max - 1;
        memcpy(out, buf->data, copied);
        out[copied] = 0;
    }
    tide_buf_fini(buf);
    return n;
}

size_t
tide_progress_json(const struct tide_engine *engine, const struct tide_progress *progress,
                   char *out, size_t out_max)
{
    struct tide_buf buf;
    tide_buf_init(&buf, engine->seam, 1u << 20);
    uint64_t now = tide_wall_ns(engine->seam);
    if (tide_status_progress_json(progress, &engine->last, now, &buf) != 0) {
        tide_buf_clear(&buf);
    }
    return buf.len == 0 ? (tide_buf_fini(&buf), 0) : copy_out(&buf, out, out_max);
}

/* ---- showing ---- */

static int
show_schemas(const struct tide_engine *engine, struct tide_buf *buf)
{
    const struct tide_logical *logical = engine->logical;
    int rc = 0;
    for (uint32_t i = 0; i < engine->pipeline->stream_count && rc == 0; i++) {
        const struct tide_schema *schema = logical->nodes[logical->stream_end[i]].out[0];
        rc = tide_buf_printf(buf, "%s\n", engine->pipeline->streams[i].name);
        rc = rc != 0 ? rc : tide_fields_print_tree(schema->fields, schema->n, buf);
    }
    for (uint32_t i = 0; i < engine->pipeline->source_count && rc == 0; i++) {
        const struct tide_schema *schema = logical->nodes[logical->source_node[i]].out[0];
        rc = tide_buf_printf(buf, "%s\n", engine->pipeline->sources[i].name);
        rc = rc != 0 ? rc : tide_fields_print_tree(schema->fields, schema->n, buf);
    }
    return rc;
}

static int
show_merged(const struct tide_engine *engine, struct tide_buf *buf)
{
    char *text = tide_pipeline_print(engine->pipeline);
    int rc = text == NULL ? TIDE_ERR_NOMEM : tide_buf_append_text(buf, text);
    tide_free(engine->seam, text);
    return rc;
}

int
tide_engine_show(const struct tide_engine *engine, enum tide_show what, tide_text_fn *fn, void *ctx,
                 struct tide_error *err)
{
    struct tide_buf buf;
    tide_buf_init(&buf, engine->seam, 64u << 20);
    int rc = TIDE_ERR_INVALID;
    switch (what) {
    case TIDE_SHOW_MERGED:
        rc = show_merged(engine, &buf);
        break;
    case TIDE_SHOW_CORES:
        rc = tide_plan_print_cores(engine->plan, &buf);
        break;
    case TIDE_SHOW_PLAN:
        rc = tide_plan_print(engine->plan, &buf);
        break;
    case TIDE_SHOW_DOT:
        rc = tide_plan_print_dot(engine->plan, &buf);
        break;
    case TIDE_SHOW_SCHEMA:
        rc = show_schemas(engine, &buf);
        break;
    }
    rc = rc != 0 ? tide_error_set(err, rc, "the plan cannot be shown")
                 : fn(ctx, (const char *)buf.data, buf.len);
    tide_buf_fini(&buf);
    return rc;
}

void
tide_set_fatal_handler(tide_fatal_handler *handler)
{
    tide_fatal_handler_set(handler);
}

const char *
tide_version(void)
{
    return TIDE_VERSION;
}
