/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments: one table a verb, from which parsing, checks and help come.
 *
 *     --name VALUE, --name=VALUE, --switch; "--" ends the flags; "-" is a word (standard input)
 *
 * Threads: the program's only one.
 */
#ifndef TIDE_CLI_ARGS_H
#define TIDE_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#define CLI_FLAGS_MAX 16u /* of a verb */

enum cli_flag_type {
    CLI_FLAG_SWITCH,
    CLI_FLAG_TEXT,
    CLI_FLAG_LIST,     /* may be repeated; a verb has one at most */
    CLI_FLAG_COUNT,    /* a number from 1 */
    CLI_FLAG_NUMBER,   /* a number from 0 */
    CLI_FLAG_DURATION, /* 60s, 100ms, 1.5h: nanoseconds */
    CLI_FLAG_RATE,     /* 2000, 2000/s, or max (0): records a second */
    CLI_FLAG_CHOICE,   /* one of `value`, separated by |: its index */
    CLI_FLAG_LATER     /* known, not in this version */
};

struct cli_flag {
    const char *name; /* without the dashes; NULL ends a table */
    enum cli_flag_type type;
    const char *value; /* as help shows it: "DIR"; CHOICE: what is allowed */
    const char *doc;
};

/* What was given for a flag. */
struct cli_value {
    bool given;
    const char *text;
    uint64_t number;
};

struct cli_args;

struct cli_verb {
    const char *name;  /* one word, or a noun and a word: "wal show" */
    const char *words; /* what stands behind it, for help: "FILE..." */
    uint32_t words_min, words_max;
    const char *doc;                         /* one line */
    const struct cli_flag *flags;            /* ends with a NULL name */
    const char *more;                        /* paragraphs for `help VERB`, or NULL */
    int (*run)(const struct cli_args *args); /* the exit code */
};

struct cli_args {
    const struct cli_verb *verb;
    struct cli_value values[CLI_FLAGS_MAX]; /* by place in the table */
    const char **words;
    uint32_t n_words;
    const char **items; /* of the LIST flag, in order */
    uint32_t n_items;
};

/* What cli_parse() came to. */
enum cli_parsed { CLI_PARSED, CLI_PARSED_HELP, CLI_PARSED_WRONG };

/*
 * Reads the @n arguments behind the verb. WRONG: what is wrong was said on standard error. The
 * arrays in @out are freed by cli_args_free(), also then; the texts stay @argv's.
 */
enum cli_parsed cli_parse(const struct cli_verb *verb, int n, char **argv, struct cli_args *out);
void cli_args_free(struct cli_args *args);

/* The value of flag @name, which the verb's table has. */
const struct cli_value *cli_value(const struct cli_args *args, const char *name);

/* Its text, or @fallback when it was not given. */
const char *cli_text(const struct cli_args *args, const char *name, const char *fallback);

/* Readers of one value; false when @text is none. */
bool cli_read_number(const char *text, uint64_t *out_number);
bool cli_read_duration(const char *text, uint64_t *out_ns);
bool cli_read_rate(const char *text, uint64_t *out_per_second);
bool cli_read_choice(const char *choices, const char *text, uint64_t *out_index);

#endif
