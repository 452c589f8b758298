/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tidemark run`: a pipeline until it is stopped, ends, or fails.
 *
 * Threads: the control thread is the program's; log lines come from any.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "progress.h"
#include "say.h"
#include "signals.h"
#include "verbs.h"

/* An engine's ctx. */
struct session {
    struct cli_findings findings; /* first: see engine.h */
    struct cli_progress progress;
};

static void
on_progress(void *ctx, const struct tide_progress *now)
{
    struct session *session = ctx;
    cli_progress_show(&session->progress, now);
}

static void
on_log(void *ctx, uint32_t severity, const char *line, size_t len)
{
    (void)ctx;
    (void)severity;
    cli_progress_log(line, len);
}

/* A piece of the plan on its way; see has_console. */
struct search {
    bool found;
};

static int
find_console(void *ctx, const char *text, size_t len)
{
    static const char wanted[] = ": sink console ";
    struct search *search = ctx;
    search->found = search->found || memmem(text, len, wanted, sizeof(wanted) - 1) != NULL;
    return 0;
}

/*
 * Whether a console sink writes to standard output, so that progress must not. The plan names it,
 * in the words of runtime/pipeline/plan_print.c: change both.
 */
static bool
has_console(const struct tide_engine *engine)
{
    struct search search = {.found = false};
    return tide_engine_show(engine, TIDE_SHOW_PLAN, find_console, &search, NULL) == 0 &&
           search.found;
}

static enum cli_progress_mode
progress_mode(const struct cli_args *args)
{
    const struct cli_value *value = cli_value(args, "progress");
    if (value->given) {
        return (enum cli_progress_mode)value->number;
    }
    return isatty(STDERR_FILENO) ? CLI_PROGRESS_TTY : CLI_PROGRESS_NONE;
}

static void
fill_options(const struct cli_args *args, struct session *session,
             struct tide_engine_options *options)
{
    const struct cli_value *level = cli_value(args, "log-level");
    const struct cli_value *format = cli_value(args, "log-format");
    *options = (struct tide_engine_options){
        .checkpoint = cli_text(args, "checkpoint", NULL),
        .log_level = level->given ? (int32_t)level->number + 1 : 0,
        .log_json = format->given ? (int32_t)format->number + 1 : 0,
        .log = session->progress.mode == CLI_PROGRESS_TTY ? on_log : NULL,
        .progress = session->progress.mode != CLI_PROGRESS_NONE ? on_progress : NULL,
        .run_ns = cli_value(args, "for")->number,
        .rows_max = cli_value(args, "records")->number,
        .ctx = session,
    };
}

static int
run_engine(struct session *session, struct tide_engine *engine)
{
    struct tide_error err = {.at = -1};
    session->progress.engine = engine;
    session->progress.fd = has_console(engine) ? STDERR_FILENO : STDOUT_FILENO;
    cli_signals_install(engine);
    int rc = tide_engine_run(engine, &err);
    cli_signals_remove();
    cli_progress_end(&session->progress);
    err.code = rc;
    return rc != 0 ? cli_fail(&err) : 0;
}

static int
run(const struct cli_args *args)
{
    struct session session = {.progress = {.mode = progress_mode(args)}};
    struct tide_engine_options options;
    struct cli_engine engine;
    fill_options(args, &session, &options);
    int code = cli_engine_open(args, args->words[0], &options, &engine);
    if (code == 0) {
        code = run_engine(&session, engine.engine);
    }
    cli_engine_close(&engine);
    return code;
}

static const struct cli_flag flags[] = {
    CLI_FLAG_SET,
    {"checkpoint", CLI_FLAG_TEXT, "DIR",
     "Where the checkpoint lives, instead of checkpointLocation"},
    {"for", CLI_FLAG_DURATION, "TIME", "Stops cleanly after so long, such as 60s"},
    {"records", CLI_FLAG_COUNT, "N", "Stops cleanly once N records were taken from the sources"},
    {"progress", CLI_FLAG_CHOICE, "tty|plain|json|none",
     "How far it is, once an interval; default tty on a terminal, else none"},
    {"log-level", CLI_FLAG_CHOICE, "error|warn|info|debug|trace", "Instead of the pipeline's"},
    {"log-format", CLI_FLAG_CHOICE, "logfmt|json", "Instead of the pipeline's"},
    {"standby", CLI_FLAG_LATER, NULL, NULL},
    {.name = NULL},
};

const struct cli_verb cli_verb_run = {
    .name = "run",
    .words = "FILE|-",
    .words_min = 1,
    .words_max = 1,
    .doc = "Runs a pipeline until it is stopped, ends or fails",
    .flags = flags,
    .more =
        "Standard output carries data only: what a console sink prints, or with --progress json\n"
        "a line of JSON an interval (on standard error where a console sink prints). Messages,\n"
        "logs and the live line go to standard error.\n\n"
        "SIGINT and SIGTERM finish the current epoch and end with 0; a second SIGINT ends at once\n"
        "with 130. SIGUSR1 and SIGUSR2 make the log say more and less.\n\n"
        "Exit codes: 0 done or stopped, 1 failed while running, 2 usage, 3 a sync of storage\n"
        "failed, 4 log or checkpoint damaged, 5 already running or fenced, 6 bad pipeline,\n"
        "7 epoch deadline, 8 plugin refused, 130 second interrupt.\n",
    .run = run,
};
