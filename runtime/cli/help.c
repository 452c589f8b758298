/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help: from the table of verbs, and what to say about a verb that is none.
 */
#include <stdio.h>
#include <string.h>

#include "say.h"
#include "verbs.h"

#define NAME_WIDTH 28
#define NAMES_MAX 64u

/* Verbs that the program will have, by their fixed names. */
static const char *const later[] = {
    "test",   "eval", "gen emall", "gen rate",   "bench",      "status",
    "top",    "tap",  "reload",    "stop",       "checkpoint", "compact",
    "plugin", "new",  "doctor",    "completion", "log-level",
};

#define LATER (sizeof(later) / sizeof(later[0]))

/* ---- finding a verb ---- */

/* How many of the words at @argv the name @name takes up; 0: they are not that name. */
static int
name_matches(const char *name, int n, char *const *argv)
{
    const char *space = strchr(name, ' ');
    if (space == NULL) {
        return strcmp(name, argv[0]) == 0 ? 1 : 0;
    }
    size_t first = (size_t)(space - name);
    bool same = n > 1 && strlen(argv[0]) == first && strncmp(argv[0], name, first) == 0;
    return same && strcmp(space + 1, argv[1]) == 0 ? 2 : 0;
}

const struct cli_verb *
cli_verb_find(int n, char *const *argv, int *out_words)
{
    for (uint32_t i = 0; cli_verbs[i] != NULL; i++) {
        int words = name_matches(cli_verbs[i]->name, n, argv);
        if (words > 0) {
            *out_words = words;
            return cli_verbs[i];
        }
    }
    return NULL;
}

/* Whether @word is the noun of a verb such as "wal show"; says which there are. */
static bool
say_noun(const char *word)
{
    char texts[256] = "";
    size_t len = strlen(word);
    for (uint32_t i = 0; cli_verbs[i] != NULL; i++) {
        const char *name = cli_verbs[i]->name;
        size_t used = strlen(texts);
        if (strncmp(name, word, len) == 0 && name[len] == ' ') {
            snprintf(texts + used, sizeof(texts) - used, "%s%s", used > 0 ? " or " : "", name);
        }
    }
    if (texts[0] != 0) {
        cli_say("%s: say %s", word, texts);
    }
    return texts[0] != 0;
}

int
cli_verb_unknown(int n, char *const *argv)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < LATER; i++) {
        if (name_matches(later[i], n, argv) > 0) {
            cli_say("not in this version: %s", later[i]);
            return CLI_EXIT_USAGE;
        }
    }
    if (say_noun(argv[0])) {
        return CLI_EXIT_USAGE;
    }
    for (; cli_verbs[count] != NULL && count < NAMES_MAX; count++) {
        names[count] = cli_verbs[count]->name;
    }
    const char *near = cli_nearest(argv[0], names, count);
    if (near != NULL) {
        cli_say("there is no verb '%s': did you mean %s?", argv[0], near);
    } else {
        cli_say("there is no verb '%s'; see tidemark help", argv[0]);
    }
    return CLI_EXIT_USAGE;
}

/* ---- pages ---- */

void
cli_help_all(void)
{
    printf("usage: tidemark VERB ...\n\n");
    for (uint32_t i = 0; cli_verbs[i] != NULL; i++) {
        char usage[128];
        snprintf(usage, sizeof(usage), "%s %s", cli_verbs[i]->name, cli_verbs[i]->words);
        printf("  %-*s %s\n", NAME_WIDTH, usage, cli_verbs[i]->doc);
    }
    printf("\ntidemark help VERB tells more of one.\n");
}

static void
help_flag(const struct cli_flag *flag)
{
    char name[128];
    if (flag->type == CLI_FLAG_LATER) {
        return;
    }
    snprintf(name, sizeof(name), "--%s%s%s", flag->name, flag->value != NULL ? " " : "",
             flag->value != NULL ? flag->value : "");
    if (strlen(name) > NAME_WIDTH) {
        printf("  %s\n  %-*s %s\n", name, NAME_WIDTH, "", flag->doc);
    } else {
        printf("  %-*s %s\n", NAME_WIDTH, name, flag->doc);
    }
}

void
cli_help_verb(const struct cli_verb *verb)
{
    printf("usage: tidemark %s%s%s%s\n\n%s.\n", verb->name, verb->words[0] != 0 ? " " : "",
           verb->words, verb->flags[0].name != NULL ? " [flags]" : "", verb->doc);
    if (verb->flags[0].name != NULL) {
        putchar('\n');
    }
    for (const struct cli_flag *flag = verb->flags; flag->name != NULL; flag++) {
        help_flag(flag);
    }
    if (verb->more != NULL) {
        printf("\n%s", verb->more);
    }
}

/* ---- the verb ---- */

/* The pages of all verbs that begin with the noun @word; how many. */
static uint32_t
help_noun(const char *word)
{
    uint32_t n = 0;
    size_t len = strlen(word);
    for (uint32_t i = 0; cli_verbs[i] != NULL; i++) {
        const char *name = cli_verbs[i]->name;
        if (strncmp(name, word, len) == 0 && name[len] == ' ') {
            printf("%s", n++ > 0 ? "\n" : "");
            cli_help_verb(cli_verbs[i]);
        }
    }
    return n;
}

static int
run(const struct cli_args *args)
{
    int words;
    if (args->n_words == 0) {
        cli_help_all();
        return 0;
    }
    char *const *argv = (char *const *)(uintptr_t)args->words;
    const struct cli_verb *verb = cli_verb_find((int)args->n_words, argv, &words);
    if (verb != NULL) {
        cli_help_verb(verb);
        return 0;
    }
    return args->n_words == 1 && help_noun(args->words[0]) > 0
               ? 0
               : cli_verb_unknown((int)args->n_words, argv);
}

static const struct cli_flag flags[] = {{.name = NULL}};

const struct cli_verb cli_verb_help = {
    .name = "help",
    .words = "[VERB]",
    .words_max = 2,
    .doc = "Shows the verbs, or what one of them takes",
    .flags = flags,
    .run = run,
};
