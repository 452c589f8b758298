/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine says about itself with --progress json: one line at a time.
 */
#ifndef TIDEMARK_BENCH_DEMO_PROGRESS_H
#define TIDEMARK_BENCH_DEMO_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The figures of one line. */
struct progress {
    char state[16];    /* "running" */
    char waiting[160]; /* for what, or "" */
    uint64_t epoch;    /* newest durable one */
    uint64_t opened;   /* newest open one */
    uint64_t epochs;   /* made durable in this run */
    double epoch_p50_ms, epoch_p99_ms, epoch_max_ms;
};

struct progress_reader;

/* Ends this process when there is no memory. */
struct progress_reader *progress_reader_create(void);
void progress_reader_destroy(struct progress_reader *reader);

/* Takes what can be read from @fd, which does not block. True: at least one line was whole, and the
 * newest is in *@out. */
bool progress_read(struct progress_reader *reader, int fd, struct progress *out);

#endif
