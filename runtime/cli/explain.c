/* SPDX-License-Identifier: Apache-2.0 */
/* `tidemark explain`: what a pipeline becomes. */
#include "engine.h"
#include "say.h"
#include "verbs.h"

static int
run(const struct cli_args *args)
{
    struct cli_findings findings = {.json = false};
    struct tide_engine_options options = {.ctx = &findings};
    struct cli_engine engine;
    bool schema = cli_value(args, "schema")->given;
    bool dot = cli_value(args, "dot")->given;
    if (schema && dot) {
        cli_say("--schema and --dot are two different pages: give one of them");
        return CLI_EXIT_USAGE;
    }
    int code = cli_engine_open(args, args->words[0], &options, &engine);
    if (code == 0) {
        code = cli_engine_show(&engine, schema ? TIDE_SHOW_SCHEMA
                                        : dot  ? TIDE_SHOW_DOT
                                               : TIDE_SHOW_PLAN);
    }
    cli_engine_close(&engine);
    return code;
}

static const struct cli_flag flags[] = {
    CLI_FLAG_SET,
    {"schema", CLI_FLAG_SWITCH, NULL, "The columns of every stream, as Spark's printSchema"},
    {"dot", CLI_FLAG_SWITCH, NULL, "The plan as a graph in the DOT language"},
    {"analyze", CLI_FLAG_LATER, NULL, NULL},
    {.name = NULL},
};

const struct cli_verb cli_verb_explain = {
    .name = "explain",
    .words = "FILE|-",
    .words_min = 1,
    .words_max = 1,
    .doc = "Shows the logical and the physical plan of a pipeline",
    .flags = flags,
    .run = run,
};
