/* SPDX-License-Identifier: Apache-2.0 */
/* `tidemark check`: everything that can be found wrong in pipelines without running them. */
#include <stdio.h>

#include "engine.h"
#include "say.h"
#include "verbs.h"

/* What follows loading: peers, the merged file, the core map. */
static int
check_loaded(const struct cli_args *args, const struct cli_engine *engine)
{
    struct tide_error err = {.at = -1};
    if (cli_value(args, "connect")->given) {
        int rc = tide_engine_connect(engine->engine, &err);
        if (rc != 0) {
            err.code = rc;
            return cli_fail(&err);
        }
    }
    if (cli_value(args, "print")->given) {
        return cli_engine_show(engine, TIDE_SHOW_MERGED);
    }
    return cli_value(args, "format")->number == 1 ? 0 : cli_engine_show(engine, TIDE_SHOW_CORES);
}

static void
say_verdict(const struct cli_args *args, const char *file, bool json, int code)
{
    if (json) {
        fputs("{\"file\":", stdout);
        cli_json_text(stdout, file);
        printf(",\"ok\":%s}\n", code == 0 ? "true" : "false");
    } else if (code == 0 && !cli_value(args, "print")->given) {
        printf("%s: ok\n", file);
    }
}

static int
check_file(const struct cli_args *args, const char *file)
{
    struct cli_findings findings = {.json = cli_value(args, "format")->number == 1};
    struct tide_engine_options options = {.ctx = &findings};
    struct cli_engine engine;
    int code = cli_engine_open(args, file, &options, &engine);
    if (code == 0) {
        code = check_loaded(args, &engine);
    }
    if (code == 0 && findings.warnings > 0 && cli_value(args, "deny-warnings")->given) {
        cli_say("%s: %u warning%s, which --deny-warnings does not allow", file, findings.warnings,
                findings.warnings == 1 ? "" : "s");
        code = CLI_EXIT_PIPELINE;
    }
    cli_engine_close(&engine);
    say_verdict(args, file, findings.json, code);
    return code;
}

static int
run(const struct cli_args *args)
{
    int code = 0;
    for (uint32_t i = 0; i < args->n_words; i++) {
        int own = check_file(args, args->words[i]);
        code = code != 0 ? code : own;
    }
    return code;
}

static const struct cli_flag flags[] = {
    CLI_FLAG_SET,
    {"connect", CLI_FLAG_SWITCH, NULL, "Also opens brokers, topics and paths"},
    {"deny-warnings", CLI_FLAG_SWITCH, NULL, "Warnings count as errors"},
    {"format", CLI_FLAG_CHOICE, "text|json", "How findings are written"},
    {"print", CLI_FLAG_SWITCH, NULL, "Prints the file with --set and references applied"},
    {.name = NULL},
};

const struct cli_verb cli_verb_check = {
    .name = "check",
    .words = "FILE...",
    .words_min = 1,
    .words_max = UINT32_MAX,
    .doc = "Checks pipelines: all errors at once, and who would run where",
    .flags = flags,
    .more =
        "Touches nothing. Findings go to standard error as file:line:column: error: text, with\n"
        "--format json to standard output as one JSON object each, and one more for each file.\n"
        "The exit code is that of the first file that is not right: 6 for a bad pipeline, 8 for\n"
        "a plugin, 9 for a peer that --connect does not reach.\n",
    .run = run,
};
