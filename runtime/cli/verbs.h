/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs, each at the end of its file. main.c has the table of them.
 */
#ifndef TIDE_CLI_VERBS_H
#define TIDE_CLI_VERBS_H

#include "args.h"

extern const struct cli_verb cli_verb_run;
extern const struct cli_verb cli_verb_check;
extern const struct cli_verb cli_verb_explain;
extern const struct cli_verb cli_verb_list;
extern const struct cli_verb cli_verb_wal_show;
extern const struct cli_verb cli_verb_wal_verify;
extern const struct cli_verb cli_verb_gen_cards;
extern const struct cli_verb cli_verb_gen_words;
extern const struct cli_verb cli_verb_cat;
extern const struct cli_verb cli_verb_version;
extern const struct cli_verb cli_verb_help;

/* All verbs, in the order of the list; the table ends with NULL. */
extern const struct cli_verb *const cli_verbs[];

/* The verb that the @n words at @argv begin with; *@out_words is how many make up its name. NULL:
 * none, and nothing was said. */
const struct cli_verb *cli_verb_find(int n, char *const *argv, int *out_words);

/* Says why the words at @argv name no verb, with the nearest; gives CLI_EXIT_USAGE. */
int cli_verb_unknown(int n, char *const *argv);

/* The list of verbs, and the page of one, to standard output. */
void cli_help_all(void);
void cli_help_verb(const struct cli_verb *verb);

#endif
