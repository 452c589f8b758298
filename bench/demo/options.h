/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of tidemark-demo. */
#ifndef TIDEMARK_BENCH_DEMO_OPTIONS_H
#define TIDEMARK_BENCH_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct demo_options {
    const char *tidemark; /* the program */
    const char *pipeline; /* the file */
    const char *plugins;  /* where fraud_score.so is, unless TIDEMARK_PLUGIN_PATH says */
    const char *brokers;  /* NULL: the embedded one */
    uint64_t rate;
    double for_s;
    bool kill, json;
};

/* Ends this process with usage and code 2 when it cannot be understood. */
void demo_options_take(struct demo_options *options, int argc, char **argv);

#endif
