/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program `tidemark`: a table of verbs. Each verb's file ends with its row.
 *
 * It uses the public headers only, as any embedder would. What it prints on standard output is data
 * (of sinks, lists, logs); everything else goes to standard error. Exit codes: docs/operations.md.
 */
#include "verbs.h"

#include <string.h>

#include "say.h"

const struct cli_verb *const cli_verbs[] = {
    &cli_verb_run,      &cli_verb_check,      &cli_verb_explain,   &cli_verb_list,
    &cli_verb_wal_show, &cli_verb_wal_verify, &cli_verb_gen_cards, &cli_verb_gen_words,
    &cli_verb_cat,      &cli_verb_version,    &cli_verb_help,      NULL,
};

int
main(int argc, char **argv)
{
    int words = 0;
    struct cli_args args;
    if (argc < 2) {
        cli_help_all();
        return cli_end(CLI_EXIT_USAGE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_help_all();
        return cli_end(0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        argv[1] += 2;
    }
    const struct cli_verb *verb = cli_verb_find(argc - 1, argv + 1, &words);
    if (verb == NULL) {
        return cli_verb_unknown(argc - 1, argv + 1);
    }
    int code = CLI_EXIT_USAGE;
    switch (cli_parse(verb, argc - 1 - words, argv + 1 + words, &args)) {
    case CLI_PARSED:
        code = verb->run(&args);
        break;
    case CLI_PARSED_HELP:
        cli_help_verb(verb);
        code = 0;
        break;
    case CLI_PARSED_WRONG:
        break;
    }
    cli_args_free(&args);
    return cli_end(code);
}
