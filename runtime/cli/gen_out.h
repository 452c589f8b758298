/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where test data goes: a topic, files, or standard output.
 *
 * Threads: the program's only one; librdkafka has its own.
 */
#ifndef TIDE_CLI_GEN_OUT_H
#define TIDE_CLI_GEN_OUT_H

#include <stdint.h>

#include "gen_data.h"

struct cli_gen_out {
    void *self;
    /* Takes one record. 0, or the exit code after saying why. */
    int (*put)(void *self, const struct cli_gen_record *record);
    /* Called when there is time: hands on what is there. As put. */
    int (*rest)(void *self);
    /* Waits until all of it arrived, and frees. As put; *@out_delivered counts what did. */
    int (*end)(void *self, uint64_t *out_delivered);
};

/* A topic, which must exist or be made by the broker. 0, or the exit code after saying why. */
int cli_gen_topic(const char *brokers, const char *topic, struct cli_gen_out *out);

/* @path NULL: standard output. A folder: files of 1,000 records that get their names when they are
 * whole. Else one file. */
int cli_gen_files(const char *path, struct cli_gen_out *out);

#endif
