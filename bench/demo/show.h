/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user sees: one line that is drawn over on a terminal and printed each second otherwise,
 * and the table, or one line of JSON, at the end.
 */
#ifndef TIDEMARK_BENCH_DEMO_SHOW_H
#define TIDEMARK_BENCH_DEMO_SHOW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/histogram.h"
#include "demo/engine.h"
#include "demo/flow.h"

struct show {
    FILE *out;
    bool terminal, drawn;           /* a line without its end stands on the terminal */
    uint64_t last_ns, sent, scored; /* at the last line */
    struct tide_histogram latency;  /* then */
    struct tide_histogram second;   /* of the second that the line is about */
};

/* How the kill went. */
struct outage {
    bool killed, over;                   /* over: the engine has caught up */
    uint64_t at_ns;                      /* since the first record was due */
    uint64_t over_ns;                    /* from the kill until it had caught up */
    struct tide_histogram before, after; /* latency at the kill, and when it was over */
};

/* Lines go to @out. */
void show_init(struct show *show, FILE *out);

/* A line about the time since the last one. */
void show_line(struct show *show, const struct flow *flow, const struct progress *progress);

/* A sentence of its own. */
void show_say(struct show *show, const char *format, ...) __attribute__((format(printf, 2, 3)));

void show_table(struct show *show, const struct flow *flow, const struct engine *engine,
                const struct outage *outage);
void show_json(FILE *out, const struct flow *flow, const struct engine *engine);

#endif
