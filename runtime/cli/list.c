/* SPDX-License-Identifier: Apache-2.0 */
/* `tidemark list`: the tables of this build. */
#include "say.h"
#include "verbs.h"

/* A name that is none is a mistake in the command, not in a pipeline. */
static int
run(const struct cli_args *args)
{
    struct tide_error err = {.at = -1};
    const char *name = args->n_words > 1 ? args->words[1] : NULL;
    int rc = tide_list(args->words[0], name, cli_text(args, "format", "text"), cli_put, NULL, &err);
    if (rc != 0) {
        err.code = rc;
        int code = cli_fail(&err);
        return rc == TIDE_ERR_INVALID ? CLI_EXIT_USAGE : code;
    }
    return 0;
}

static const struct cli_flag flags[] = {
    {"format", CLI_FLAG_CHOICE, "text|markdown|json|jsonschema",
     "How it is written; jsonschema for the schema only"},
    {.name = NULL},
};

const struct cli_verb cli_verb_list = {
    .name = "list",
    .words = "WHAT [NAME]",
    .words_min = 1,
    .words_max = 2,
    .doc = "Shows connectors, operators, functions, options, schema, counters or errors",
    .flags = flags,
    .more = "WHAT is connectors, operators, functions, options, schema, counters or errors; NAME "
            "is one\n"
            "of them. The pages come from the tables that the engine itself uses.\n",
    .run = run,
};
