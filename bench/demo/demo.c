/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tidemark-demo: card transactions scored through a broker, the engine killed on the way, and the
 * account of it.
 *
 *   main thread     the order of the run, the children, what is shown
 *   sender          transactions at a fixed rate (flow.c)
 *   receiver        scores (flow.c)
 *   broker          a process: librdkafka's mock cluster (broker.c), or the user's Kafka
 *   engine          a process: tidemark run (engine.c), twice unless --no-kill
 *
 * Whatever ends this process ends its children (child.c) and removes its folder (scratch.c). Exit
 * codes: 0 nothing lost, 1 lost records or a failure, 2 usage, 130 a second Ctrl-C.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "demo/broker.h"
#include "demo/engine.h"
#include "demo/flow.h"
#include "demo/options.h"
#include "demo/scratch.h"
#include "demo/show.h"
#include "demo/topics.h"

#define NS_PER_S 1000000000u
#define TICK_NS (NS_PER_S / 100)
#define START_S 30
/* Nothing new for so long: what is missing is lost. */
#define DRAIN_S 10
#define NAME_BYTES 64
#define TOPICS 3

struct demo {
    struct demo_options options;
    char names[TOPICS][NAME_BYTES]; /* in, out, dead */
    const char *topics[TOPICS + 1];
    char address[BROKER_ADDRESS_BYTES];
    char checkpoint[4096], engine_log[4096], broker_log[4096];
    struct child broker;
    struct engine_options engine_options;
    struct engine engine;
    struct flow flow;
    struct show show;
    struct outage outage;
    uint64_t next_line_ns;
};

static struct demo the_demo = {.broker = {.out = -1}, .engine = {.child = {.out = -1}}};
static volatile sig_atomic_t stopping;

static void
stop_on_signal(int number)
{
    if (stopping) {
        _exit(130); /* the children go by their death signal */
    }
    stopping = number;
}

/* At exit, whatever the reason and the thread: nobody may write into the folder any more. */
static void
clean_up(void)
{
    (void)child_stop(&the_demo.engine.child, SIGKILL, 1);
    (void)child_stop(&the_demo.broker, SIGKILL, 1);
    scratch_remove();
}

/* ---- before ---- */

static void
topics_name(struct demo *demo)
{
    static const char *const names[TOPICS] = {"transactions", "decisions", "transactions-dead"};
    for (size_t i = 0; i < TOPICS; i++) {
        if (demo->options.brokers == NULL) {
            snprintf(demo->names[i], NAME_BYTES, "%s", names[i]);
        } else {
            snprintf(demo->names[i], NAME_BYTES, "tidemark-demo-%ld-%s", (long)getpid(), names[i]);
        }
        demo->topics[i] = demo->names[i];
    }
}

/* A broker with the topics on it. */
static void
broker_open(struct demo *demo, uint64_t records)
{
    int partitions = broker_partitions(records);
    topics_name(demo);
    if (demo->options.brokers != NULL) {
        snprintf(demo->address, sizeof(demo->address), "%s", demo->options.brokers);
        topics_create(demo->address, demo->topics, 4);
        return;
    }
    if (partitions == 0) {
        bench_fail(2,
                   "%llu transactions are more than the embedded broker keeps (%llu): lower --rate "
                   "or --for, or give a Kafka of yours with --brokers HOST:PORT",
                   (unsigned long long)records, (unsigned long long)broker_records_max());
    }
    broker_start(&demo->broker, demo->topics, partitions, demo->broker_log, demo->address);
}

static void
engine_open(struct demo *demo)
{
    demo->engine_options = (struct engine_options){
        .tidemark = demo->options.tidemark,
        .pipeline = demo->options.pipeline,
        .brokers = demo->address,
        .checkpoint = demo->checkpoint,
        .log = demo->engine_log,
        .in = demo->topics[0],
        .out = demo->topics[1],
        .dead = demo->topics[2],
        .embedded = demo->options.brokers == NULL,
    };
    (void)setenv("TIDEMARK_PLUGIN_PATH", demo->options.plugins, 0);
    engine_init(&demo->engine, &demo->engine_options);
    engine_start(&demo->engine);
    /* The pipeline starts at the end of its topic: what is sent before that is not its business. */
    if (!engine_wait(&demo->engine, START_S, &stopping) && !stopping) {
        bench_fail(1, "the engine is %s after %d s%s%s", demo->engine.runs[0].state, START_S,
                   demo->engine.runs[0].waiting[0] != '\0' ? ", waiting for " : "",
                   demo->engine.runs[0].waiting);
    }
}

/* ---- during ---- */

static uint64_t
elapsed_ns(const struct demo *demo)
{
    uint64_t now_ns = bench_now_ns();
    return now_ns > demo->flow.tally.start_ns ? now_ns - demo->flow.tally.start_ns : 0;
}

static void
kill_engine(struct demo *demo)
{
    struct outage *outage = &demo->outage;
    outage->killed = true;
    outage->at_ns = elapsed_ns(demo);
    tide_histogram_merge(&outage->before, &demo->flow.tally.latency);
    engine_kill(&demo->engine);
    engine_start(&demo->engine);
    show_say(
        &demo->show,
        "killed the engine with SIGKILL after %.1f s, epoch %llu durable, and started it again",
        (double)outage->at_ns / 1e9, (unsigned long long)demo->engine.runs[0].epoch);
}

/* Whether the backlog of the kill is worked off. */
static void
watch_outage(struct demo *demo)
{
    struct outage *outage = &demo->outage;
    bool scores = strcmp(demo->engine.runs[demo->engine.run].state, "running") == 0;
    uint64_t behind = flow_sent(&demo->flow) - flow_scored(&demo->flow);
    if (outage->killed && !outage->over && scores && behind <= demo->options.rate / 50 + 1) {
        outage->over = true;
        outage->over_ns = elapsed_ns(demo) - outage->at_ns;
        tide_histogram_merge(&outage->after, &demo->flow.tally.latency);
    }
}

static void
tick(struct demo *demo)
{
    const struct timespec pause = {.tv_nsec = TICK_NS};
    (void)nanosleep(&pause, NULL);
    engine_look(&demo->engine);
    watch_outage(demo);
    if (bench_now_ns() >= demo->next_line_ns) {
        show_line(&demo->show, &demo->flow, &demo->engine.runs[demo->engine.run]);
        demo->next_line_ns += NS_PER_S;
    }
}

static void
run(struct demo *demo)
{
    uint64_t kill_at_ns = (uint64_t)(demo->options.for_s * 1e9 / 2);
    demo->next_line_ns = demo->flow.tally.start_ns;
    while (!stopping && !flow_sent_all(&demo->flow)) {
        if (demo->options.kill && !demo->outage.killed && elapsed_ns(demo) >= kill_at_ns) {
            kill_engine(demo);
        }
        tick(demo);
    }
    flow_stop_sending(&demo->flow);
}

/* Waits until every score is there, or nothing new has come for a while. */
static void
drain(struct demo *demo)
{
    uint64_t scored = 0;
    uint64_t since_ns = bench_now_ns();
    while (!flow_sent_all(&demo->flow) || flow_scored(&demo->flow) < flow_sent(&demo->flow)) {
        uint64_t now_ns = bench_now_ns();
        if (flow_scored(&demo->flow) != scored) {
            scored = flow_scored(&demo->flow);
            since_ns = now_ns;
        } else if (now_ns - since_ns > (uint64_t)DRAIN_S * NS_PER_S) {
            return;
        }
        tick(demo);
    }
}

/* ---- the whole ---- */

static void
paths_make(struct demo *demo)
{
    const char *folder = scratch_make();
    snprintf(demo->checkpoint, sizeof(demo->checkpoint), "%s/checkpoint", folder);
    snprintf(demo->engine_log, sizeof(demo->engine_log), "%s/engine.log", folder);
    snprintf(demo->broker_log, sizeof(demo->broker_log), "%s/broker.log", folder);
}

static int
demo_run(struct demo *demo)
{
    uint64_t records = (uint64_t)((double)demo->options.rate * demo->options.for_s);
    bool embedded = demo->options.brokers == NULL;
    FILE *lines = demo->options.json ? stderr : stdout;
    show_init(&demo->show, lines);
    paths_make(demo);
    broker_open(demo, records);
    flow_open(&demo->flow, demo->address, demo->topics[0], demo->topics[1], embedded);
    engine_open(demo);
    show_say(&demo->show, "scoring %llu card transactions a second for %g s through %s at %s",
             (unsigned long long)demo->options.rate, demo->options.for_s,
             embedded ? "an embedded broker" : "Kafka", demo->address);
    flow_start(&demo->flow, demo->options.rate, records);
    run(demo);
    drain(demo);
    engine_stop(&demo->engine);
    flow_finish(&demo->flow);
    if (demo->options.json) {
        show_json(stdout, &demo->flow, &demo->engine);
    } else {
        show_table(&demo->show, &demo->flow, &demo->engine, &demo->outage);
    }
    bool lost = flow_scored(&demo->flow) < flow_sent(&demo->flow);
    flow_close(&demo->flow);
    if (!embedded) {
        topics_delete(demo->address, demo->topics);
    }
    return lost ? 1 : 0;
}

int
main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop_on_signal};
    if (argc > 1 && strcmp(argv[1], "broker") == 0) {
        return broker_main(argc - 1, argv + 1);
    }
    demo_options_take(&the_demo.options, argc, argv);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)atexit(clean_up);
    return demo_run(&the_demo);
}
