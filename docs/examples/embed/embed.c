/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline inside a program: the least that an embedder writes.
 *
 *     cc embed.c $(pkg-config --cflags --libs tidemark) -o embed
 *     ./embed 1000
 *
 * It runs a pipeline given as text until so many rows have gone through it, and says how far it
 * came. Findings about the pipeline go to standard error, as `tidemark check` would print them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tidemark/tidemark.h>

static const char pipeline[] = "name: embedded\n"
                               "source: {format: rate, options: {rowsPerSecond: 100000}}\n"
                               "steps: [{filter: value % 2 = 0}]\n"
                               "sink: {format: noop}\n"
                               "trigger: {continuous: 20 ms}\n";

static void
finding(void *ctx, const struct tide_finding *found)
{
    (void)ctx;
    fprintf(stderr, "%s:%u:%u: %s\n", found->file, found->line, found->column, found->text);
}

int
main(int argc, char **argv)
{
    struct tide_engine_options options = {
        .abi = TIDE_ABI_VERSION,
        .size = sizeof(options),
        .path = "embedded",
        .text = pipeline,
        .text_len = strlen(pipeline),
        .finding = finding,
        .rows_max = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000,
    };
    struct tide_engine *engine = NULL;
    struct tide_progress progress;
    struct tide_error err;
    int rc = tide_engine_create(&options, &engine, &err);
    rc = rc != 0 ? rc : tide_engine_run(engine, &err);
    if (rc == 0) {
        tide_engine_progress(engine, &progress);
        printf("%" PRIu64 " rows in, %" PRIu64 " rows out, epoch %" PRIu64 " durable\n",
               progress.rows_in, progress.rows_out, progress.epoch_committed);
    } else {
        fprintf(stderr, "embed: %s\n", err.text);
    }
    tide_engine_destroy(engine);
    return rc == 0 ? 0 : tide_error_exit_code(rc);
}
