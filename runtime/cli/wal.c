/* SPDX-License-Identifier: Apache-2.0 */
/* `tidemark wal show` and `wal verify`: the log of a checkpoint. Neither changes anything. */
#include <stddef.h>

#include "say.h"
#include "verbs.h"

typedef int wal_fn(const char *checkpoint, bool json, tide_text_fn *fn, void *ctx,
                   struct tide_error *err);

static int
run_wal(const struct cli_args *args, wal_fn *fn)
{
    struct tide_error err = {.at = -1};
    int rc = fn(args->words[0], cli_value(args, "format")->number == 1, cli_put, NULL, &err);
    err.code = rc;
    return rc != 0 ? cli_fail(&err) : 0;
}

static int
run_show(const struct cli_args *args)
{
    return run_wal(args, tide_wal_show);
}

static int
run_verify(const struct cli_args *args)
{
    return run_wal(args, tide_wal_check);
}

static const struct cli_flag flags[] = {
    {"format", CLI_FLAG_CHOICE, "text|json", "For people, or a JSON object a record"},
    {.name = NULL},
};

const struct cli_verb cli_verb_wal_show = {
    .name = "wal show",
    .words = "DIR",
    .words_min = 1,
    .words_max = 1,
    .doc = "Prints the write-ahead log of a checkpoint, record by record",
    .flags = flags,
    .more =
        "DIR is the checkpoint directory. Damage ends it with exit code 4, behind what is whole.\n",
    .run = run_show,
};

const struct cli_verb cli_verb_wal_verify = {
    .name = "wal verify",
    .words = "DIR",
    .words_min = 1,
    .words_max = 1,
    .doc = "Checks the write-ahead log of a checkpoint as a start would",
    .flags = flags,
    .more =
        "DIR is the checkpoint directory. Exit code 4: the log is damaged, and the message says\n"
        "where and what to do.\n",
    .run = run_verify,
};
