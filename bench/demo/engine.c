/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as a child: see engine.h. */
#include "demo/engine.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "client/client.h"

#define SETS_MAX 6
#define SET_BYTES 512
#define STOP_S 15
#define LAST_WORDS 2048

void
engine_init(struct engine *engine, const struct engine_options *options)
{
    *engine = (struct engine){.options = options, .child = {.out = -1}};
    engine->reader = progress_reader_create();
}

void
engine_start(struct engine *engine)
{
    const struct engine_options *options = engine->options;
    char sets[SETS_MAX][SET_BYTES];
    const char *argv[10 + 2 * SETS_MAX] = {
        options->tidemark, "run", options->pipeline, "--checkpoint", options->checkpoint,
        "--progress",      "json"};
    const char *const rows[SETS_MAX][2] = {
        {"connections.main.kafka.bootstrap.servers", options->brokers},
        {"source.options.subscribe", options->in},
        {"sink.options.topic", options->out},
        {"deadLetter.options.topic", options->dead},
        {"progress.every", "200 ms"},
        {"source.options.kafka.fetch.wait.max.ms", "1"},
    };
    size_t n = 7;
    for (size_t i = 0; i < SETS_MAX - (options->embedded ? 0 : 1); i++) {
        snprintf(sets[i], SET_BYTES, "%s=%s", rows[i][0], rows[i][1]);
        argv[n++] = "--set";
        argv[n++] = sets[i];
    }
    child_start(&engine->child, argv, options->log);
}

/* The end of the log, and how the process ended. */
static _Noreturn void
engine_mourn(const struct engine *engine)
{
    char words[LAST_WORDS];
    int status = engine->child.status;
    FILE *log = fopen(engine->options->log, "r");
    size_t n = 0;
    if (log != NULL) {
        if (fseek(log, -(long)sizeof(words) + 1, SEEK_END) != 0) {
            rewind(log);
        }
        n = fread(words, 1, sizeof(words) - 1, log);
        (void)fclose(log);
    }
    words[n] = '\0';
    bench_fail(1, "the engine ended with %s %d:\n%s", WIFSIGNALED(status) ? "signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), words);
}

void
engine_look(struct engine *engine)
{
    (void)progress_read(engine->reader, engine->child.out, &engine->runs[engine->run]);
    if (child_ended(&engine->child)) {
        engine_mourn(engine);
    }
}

bool
engine_wait(struct engine *engine, double seconds, const volatile int *stop)
{
    uint64_t deadline_ns = bench_now_ns() + (uint64_t)(seconds * 1e9);
    struct pollfd waiting = {.fd = engine->child.out, .events = POLLIN};
    while (strcmp(engine->runs[engine->run].state, "running") != 0) {
        if (*stop || bench_now_ns() >= deadline_ns) {
            return false;
        }
        (void)poll(&waiting, 1, 20);
        engine_look(engine);
    }
    return true;
}

void
engine_kill(struct engine *engine)
{
    engine_look(engine);
    (void)child_stop(&engine->child, SIGKILL, STOP_S);
    (void)progress_read(engine->reader, engine->child.out, &engine->runs[engine->run]);
    engine->run++;
}

void
engine_stop(struct engine *engine)
{
    if (engine->child.pid != 0 && !child_stop(&engine->child, SIGTERM, STOP_S)) {
        fprintf(stderr, "tidemark-demo: the engine did not stop within %d s and was killed\n",
                STOP_S);
    }
    (void)progress_read(engine->reader, engine->child.out, &engine->runs[engine->run]);
    progress_reader_destroy(engine->reader);
}
