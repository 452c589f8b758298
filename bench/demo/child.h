/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children: processes that end with this one, whatever ends it.
 *
 * Each gets a process group of its own, so that Ctrl-C reaches this process only, and dies by
 * SIGKILL when the main thread does. Started and reaped by the main thread.
 */
#ifndef TIDEMARK_BENCH_DEMO_CHILD_H
#define TIDEMARK_BENCH_DEMO_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid;        /* 0: none is running */
    int out;          /* its standard output, not blocking; -1: closed */
    int status;       /* of the last one, as wait() gives it */
    double cpu_s;     /* of all that were reaped */
    double memory_mb; /* the largest peak of them */
};

/* Starts @argv[0] with its standard error in the file @log. Ends this process when it cannot. */
void child_start(struct child *child, const char *const *argv, const char *log);

/* Whether it has ended; if so it is reaped. */
bool child_ended(struct child *child);

/* Sends @signal and waits up to @seconds for the end, then sends SIGKILL. True: it ended by itself.
 */
bool child_stop(struct child *child, int signal, double seconds);

#endif
