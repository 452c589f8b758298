/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline file as an engine, and what is found in it: for run, check and explain.
 *
 * Threads: the program's only one.
 */
#ifndef TIDE_CLI_ENGINE_H
#define TIDE_CLI_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/tidemark.h>

#include "args.h"

/* Where findings go. The first member of whatever is an engine's ctx. */
struct cli_findings {
    bool json; /* JSON lines on standard output, else text on standard error */
    uint32_t errors, warnings;
};

struct cli_engine {
    struct tide_engine *engine;
    char *text; /* of standard input, or NULL */
};

/*
 * Loads, checks and plans the pipeline @path ("-": standard input) with the --set of @args.
 * @options holds what the verb adds; its ctx begins with a struct cli_findings. Returns 0 or the
 * exit code; what is wrong was said. End with cli_engine_close(), also then.
 */
int cli_engine_open(const struct cli_args *args, const char *path,
                    struct tide_engine_options *options, struct cli_engine *out);
void cli_engine_close(struct cli_engine *engine);

/* Shows @what on standard output. Returns 0 or the exit code; an error was said. */
int cli_engine_show(const struct cli_engine *engine, enum tide_show what);

/* What the verbs with a pipeline have in common. */
#define CLI_FLAG_SET                                                                           \
    {                                                                                          \
        "set", CLI_FLAG_LIST, "PATH=VALUE", "Changes one key of the pipeline, may be repeated" \
    }

#endif
