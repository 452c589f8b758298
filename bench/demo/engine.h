/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: `tidemark run` on the fraud-scoring pipeline, as any user would start it; killed and
 * started again over the same checkpoint.
 */
#ifndef TIDEMARK_BENCH_DEMO_ENGINE_H
#define TIDEMARK_BENCH_DEMO_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "demo/child.h"
#include "demo/progress.h"

#define ENGINE_RUNS 2

/* What it is started with. All texts outlive the engine. */
struct engine_options {
    const char *tidemark, *pipeline;
    const char *brokers;
    const char *checkpoint, *log;
    const char *in, *out, *dead; /* topics */
    bool embedded;               /* the broker answers an empty fetch only after the whole wait */
};

struct engine {
    const struct engine_options *options;
    struct child child;
    struct progress_reader *reader;
    struct progress runs[ENGINE_RUNS]; /* newest line of each run */
    uint32_t run;                      /* number of the present one, from 0 */
};

void engine_init(struct engine *engine, const struct engine_options *options);

/* Starts a run. */
void engine_start(struct engine *engine);

/* Reads its newest progress; ends this process, with the engine's last words, when it has ended. */
void engine_look(struct engine *engine);

/* Waits up to @seconds until the first epoch is durable and rows may flow; false: it does not get
 * there. *@stop ends the wait. */
bool engine_wait(struct engine *engine, double seconds, const volatile int *stop);

/* kill -9; what was read before counts. */
void engine_kill(struct engine *engine);

/* A clean stop. */
void engine_stop(struct engine *engine);

#endif
