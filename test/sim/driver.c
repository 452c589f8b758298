/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: real tasks, coordinator and WAL on one thread, in the order of a seed, crashed and
 * recovered.
 *
 *     tidemark-sim [--seeds N] [--seed S] [--verbose]
 *
 * A seed draws a pipeline (relay, keyed count, or a publishing sink), partitions, parallelism and
 * fusion, and then lives: each is a start, some thousand steps of whatever may run next, and a
 * crash or a clean stop. The last life is allowed to finish. Then what is durable outside is
 * compared with a recount that knows nothing of the engine: nothing lost, order kept on first
 * appearance, counts exact, publications exactly once (I1, I3, I11, I16, I17). Everything runs
 * twice: the two traces must be equal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "disk.h"
#include "operators/list.h"
#include "pipeline/incarnation.h"
#include "plugin/host.h"
#include "world.h"

#define LIVES_MAX 8u
#define STEPS_LAST 400000u

enum shape { SHAPE_RELAY, SHAPE_COUNT, SHAPE_PUBLISH, SHAPES };

struct sim {
    uint64_t seed, random_state;
    uint64_t clock_ns;
    uint64_t trace;
    struct tide_seam seam;
    struct tide_log log;
    struct sim_disk *disk;
    struct sim_world world;
    enum shape shape;
    uint32_t lives, crashes, stops;
    uint64_t epochs;
    bool verbose;
    /* one life */
    struct tide_schemas *schemas;
    struct tide_extension extensions[2];
    struct tide_host_env env;
    struct tide_host host;
    struct tide_registry *registry;
    struct tide_pipeline *pipeline;
    struct tide_logical *logical;
    struct tide_plan *plan;
    struct tide_io *io;
    struct tide_offload *offload;
    struct tide_file *lock;
    struct tide_incarnation *incarnation;
};

/* ---- seams ---- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t
sim_random(void *self)
{
    struct sim *sim = self;
    uint64_t z = sim->random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t
sim_clock(void *self)
{
    return ((struct sim *)self)->clock_ns;
}

static void *
sim_alloc(void *self, size_t size)
{
    (void)self;
    return calloc(1, size > 0 ? size : 1);
}

static void *
sim_resize(void *self, void *block, size_t size)
{
    (void)self;
    return realloc(block, size);
}

static void
sim_free(void *self, void *block)
{
    (void)self;
    free(block);
}

static uint32_t
pick(struct sim *sim, uint32_t n)
{
    return (uint32_t)(sim_random(sim) % n);
}

static void
note(struct sim *sim, uint64_t what)
{
    uint64_t pair[2] = {sim->trace, what};
    sim->trace = tide_hash64(pair, sizeof(pair), 0);
}

static void
die(const struct sim *sim, const char *what)
{
    fprintf(stderr, "seed %" PRIu64 ": %s\nreplay: tidemark-sim --seed %" PRIu64 " --verbose\n",
            sim->seed, what, sim->seed);
    exit(1);
}

/* ---- a life ---- */

static void
place_wake(void *place)
{
    (void)place;
}

static int
place_watch(void *place, int fd, uint32_t events)
{
    (void)place;
    (void)fd;
    (void)events;
    return 0;
}

static void
place_unwatch(void *place, int fd)
{
    (void)place;
    (void)fd;
}

static void
wake_coordinator(void *ctx)
{
    (void)ctx;
}

static void
committed(void *ctx, struct tide_seal seal, uint64_t duration_ns)
{
    struct sim *sim = ctx;
    sim->epochs++;
    note(sim, seal.epoch);
    if (sim->verbose) {
        printf("  C(%" PRIu64 ") of incarnation %" PRIu64 " after %" PRIu64 " us\n", seal.epoch,
               seal.incarnation, duration_ns / 1000);
    }
}

static int
io_create(void *ctx, struct tide_io **out, struct tide_error *err)
{
    struct sim *sim = ctx;
    (void)err;
    return sim_disk_io(sim->disk, out);
}

static void
pipeline_text(struct sim *sim, char *out, size_t size)
{
    static const char *const steps[SHAPES] = {
        "  - select: [key, value]\n",
        "  - groupBy: [key]\n    agg: [count(*) AS n]\n    id: count\n",
        "  - select: [key, value]\n",
    };
    uint32_t parallelism = 1 + pick(sim, 3);
    snprintf(
        out, size,
        "name: sim\ncheckpointLocation: /cp\nsource: {format: kafka}\nsteps:\n%ssink: {format: %s, "
        "outputMode: %s}\ntrigger: {continuous: 10 ms}\nepoch: {deadline: 3600 s}\n"
        "state: {keyGroups: 16, fullEvery: %u}\n"
        "runtime: {fuse: %s, parallelism: %u, workers: {initial: 2}, ring: 4KiB, pin: false}\n",
        steps[sim->shape], sim->shape == SHAPE_PUBLISH ? "memory" : "kafka",
        sim->shape == SHAPE_COUNT ? "update" : "append", 1 + pick(sim, 6),
        pick(sim, 2) ? "off" : "auto", parallelism);
}

static const char *
no_environment(void *self, const char *name)
{
    (void)self;
    (void)name;
    return NULL;
}

static int
no_file(void *self, const struct tide_seam *seam, const char *path, size_t max, char **out_text,
        size_t *out_len, struct tide_error *err)
{
    (void)self;
    (void)seam;
    (void)max;
    (void)out_text;
    (void)out_len;
    return tide_error_set(err, TIDE_ERR_NOTFOUND, "%s is not simulated", path);
}

static void
say_findings(const struct tide_diags *diags)
{
    char text[1200];
    for (uint32_t i = 0; i < diags->count; i++) {
        tide_diag_format(&diags->items[i], text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
}

static void
make_plan(struct sim *sim)
{
    static const uint16_t cpus[] = {0, 1, 2};
    char text[2048];
    struct tide_error err = {0};
    struct tide_diags diags;
    pipeline_text(sim, text, sizeof(text));
    struct tide_load_args args = {.path = "sim.yaml",
                                  .text = text,
                                  .text_len = strlen(text),
                                  .env = no_environment,
                                  .read_file = no_file};
    struct tide_machine machine = {cpus, 3, 3};
    struct tide_registry_config registry = {.seam = &sim->seam};
    tide_diags_init(&diags, &sim->seam);
    int rc = tide_schemas_create(&sim->seam, &sim->schemas, &err);
    sim->env = (struct tide_host_env){.seam = &sim->seam,
                                      .log = &sim->log,
                                      .schemas = sim->schemas,
                                      .extensions = sim->extensions,
                                      .record_max = 1u << 20};
    tide_host_init(&sim->host, &sim->env);
    tide_task_host_fill(&sim->host);
    sim->host.split_add = tide_split_collect;
    rc = rc != 0 ? rc : tide_registry_create(&registry, &sim->registry, &err);
    rc = rc != 0 ? rc : tide_registry_add(sim->registry, &tide_operators_plugin, &err);
    rc = rc != 0 ? rc : tide_registry_add(sim->registry, &sim_plugin, &err);
    rc = rc != 0 ? rc : tide_pipeline_load(&sim->seam, &args, &sim->pipeline, &diags);
    struct tide_logical_config logical = {.seam = &sim->seam,
                                          .pipeline = sim->pipeline,
                                          .host = &sim->host,
                                          .schemas = sim->schemas,
                                          .registry = sim->registry};
    rc = rc != 0 ? rc : tide_logical_build(&logical, &sim->logical, &diags);
    rc = rc != 0 ? rc : tide_plan_build(sim->logical, &machine, &sim->plan, &diags);
    if (rc != 0) {
        say_findings(&diags);
        die(sim, err.text);
    }
    tide_diags_fini(&diags);
}

static void
begin(struct sim *sim)
{
    struct tide_error err = {0};
    make_plan(sim);
    int rc = sim_disk_io(sim->disk, &sim->io);
    rc = rc != 0 ? rc : tide_offload_create(&sim->seam, 0, &sim->offload, &err);
    rc = rc != 0 ? rc : tide_recover_lock(sim->io, &sim->seam, "/cp", &sim->lock, &err);
    struct tide_incarnation_config config = {.seam = &sim->seam,
                                             .log = &sim->log,
                                             .plan = sim->plan,
                                             .host = &sim->host,
                                             .dir = "/cp",
                                             .io = sim->io,
                                             .offload = sim->offload,
                                             .io_create = io_create,
                                             .wake_coordinator = wake_coordinator,
                                             .committed = committed,
                                             .ctx = sim,
                                             .place = sim,
                                             .place_wake = place_wake,
                                             .place_watch = place_watch,
                                             .place_unwatch = place_unwatch};
    rc = rc != 0 ? rc : tide_incarnation_open(&config, &sim->incarnation, &err);
    if (rc != 0) {
        die(sim, err.text);
    }
    if (sim->verbose) {
        printf("life: incarnation %" PRIu64 ", %u tasks, C(%" PRIu64 ")\n",
               sim->incarnation->orders->incarnation, sim->plan->n_tasks,
               sim->incarnation->recovered.checkpoint.committed.epoch);
    }
}

static void
end(struct sim *sim)
{
    tide_incarnation_close(sim->incarnation);
    sim->io->close(sim->io->self, sim->lock);
    tide_offload_destroy(sim->offload);
    tide_io_destroy(sim->io);
    tide_plan_destroy(sim->plan);
    tide_logical_destroy(sim->logical);
    tide_pipeline_destroy(sim->pipeline);
    tide_registry_destroy(sim->registry);
    tide_schemas_destroy(sim->schemas);
}

/* One thing happens, of what may happen next. */
static enum tide_coordinator_state
step(struct sim *sim, bool growing)
{
    struct tide_incarnation *in = sim->incarnation;
    uint32_t what = pick(sim, 16);
    enum tide_coordinator_state state = in->coordinator.state;
    note(sim, what);
    if (what < 8) {
        uint32_t task = pick(sim, sim->plan->n_tasks);
        note(sim, (uint64_t)tide_task_step(in->tasks[task]));
    } else if (what < 10) {
        state = tide_coordinator_step(&in->coordinator);
    } else if (what == 10) {
        sim->clock_ns += pick(sim, 2000000);
    } else if (what == 11 && sim_disk_pending(sim->disk) > 0) {
        sim_disk_complete(sim->disk, pick(sim, sim_disk_pending(sim->disk)));
    } else if (what == 12 && tide_offload_pending(sim->offload) > 0) {
        tide_offload_step(sim->offload, pick(sim, tide_offload_pending(sim->offload)));
    } else if (what == 13) {
        sim_world_tick(&sim->world, growing);
    } else if (what == 14) {
        for (uint32_t w = 0; w < sim->plan->n_workers; w++) {
            if (in->seats[w].segment != NULL) {
                tide_segment_advance(in->seats[w].segment);
            }
        }
    } else if (pick(sim, 400) == 0) {
        sim->world.broker_away = growing && !sim->world.broker_away;
    }
    if (state == TIDE_COORDINATOR_FAILED) {
        die(sim, in->coordinator.error.text);
    }
    return state;
}

/* A life that ends by power loss, at any step. */
static void
live_and_crash(struct sim *sim)
{
    begin(sim);
    uint32_t steps = 1 + pick(sim, 6000);
    for (uint32_t i = 0; i < steps; i++) {
        step(sim, true);
    }
    sim_world_crash(&sim->world);
    sim_disk_crash(sim->disk);
    sim->crashes++;
    end(sim);
}

/* A life that ends cleanly; with @whole, not before everything there is has been read. */
static void
live_and_stop(struct sim *sim, bool whole)
{
    begin(sim);
    uint32_t steps = whole ? 4000 : pick(sim, 4000);
    for (uint32_t i = 0; i < steps; i++) {
        step(sim, !whole);
    }
    sim->world.broker_away = false;
    uint64_t records = 0;
    for (uint32_t p = 0; p < sim->world.n_partitions; p++) {
        records += sim->world.available[p];
    }
    uint32_t i = 0;
    for (; whole && i < STEPS_LAST / 2; i++) {
        step(sim, false);
        bool idle = true;
        const struct tide_checkpoint *checkpoint = &sim->incarnation->recovered.checkpoint;
        uint64_t done = 0;
        for (uint32_t s = 0; s < checkpoint->n_splits; s++) {
            uint64_t next;
            memcpy(&next, checkpoint->splits[s].next.bytes, sizeof(next));
            done += next;
        }
        idle = done == records && checkpoint->n_splits == sim->world.n_partitions;
        if (idle) {
            break;
        }
    }
    tide_coordinator_stop(&sim->incarnation->coordinator);
    enum tide_coordinator_state state = TIDE_COORDINATOR_STOPPING;
    for (i = 0; i < STEPS_LAST && state != TIDE_COORDINATOR_FINISHED; i++) {
        state = step(sim, false);
        state = state == TIDE_COORDINATOR_STARTING
                    ? tide_coordinator_step(&sim->incarnation->coordinator)
                    : state;
    }
    if (state != TIDE_COORDINATOR_FINISHED) {
        die(sim, "a clean stop does not end (I20)");
    }
    sim->stops++;
    end(sim);
}

/* ---- checks ---- */

static void
check_relay(const struct sim *sim, const struct sim_rows *rows, bool once)
{
    for (uint32_t p = 0; p < sim->world.n_partitions; p++) {
        uint64_t next = 0;
        uint64_t repeats = 0;
        for (uint32_t i = 0; i < rows->n; i++) {
            const struct sim_row *row = &rows->items[i];
            if (row->partition != p) {
                continue;
            }
            if (row->value != (int64_t)row->offset || row->key != sim_key(p, row->offset) ||
                row->derived != 0) {
                die(sim, "a row is not what its record was");
            }
            repeats += row->offset < next;
            if (row->offset > next) {
                die(sim, "a record is missing or out of order on first appearance (I1, I11)");
            }
            next += row->offset == next;
        }
        if (next != sim->world.available[p]) {
            die(sim, "records at the end are missing (I1)");
        }
        if (once && repeats > 0) {
            die(sim, "a published row appears twice (I17)");
        }
    }
}

static void
check_counts(const struct sim *sim)
{
    uint64_t truth[SIM_KEYS] = {0};
    int64_t newest[SIM_KEYS] = {0};
    for (uint32_t p = 0; p < sim->world.n_partitions; p++) {
        for (uint64_t o = 0; o < sim->world.available[p]; o++) {
            truth[sim_key(p, o)]++;
        }
    }
    for (uint32_t i = 0; i < sim->world.out.n; i++) {
        newest[sim->world.out.items[i].key] = sim->world.out.items[i].value;
    }
    for (uint32_t k = 0; k < SIM_KEYS; k++) {
        if (newest[k] != (int64_t)truth[k]) {
            fprintf(stderr, "key k%u: %" PRId64 ", truth %" PRIu64 "\n", k, newest[k], truth[k]);
            die(sim, "a final count is wrong (I16)");
        }
    }
}

static void
check(const struct sim *sim)
{
    switch (sim->shape) {
    case SHAPE_RELAY:
        check_relay(sim, &sim->world.out, false);
        break;
    case SHAPE_PUBLISH:
        check_relay(sim, &sim->world.published, true);
        break;
    default:
        check_counts(sim);
    }
}

/* ---- a seed ---- */

static uint64_t
run_seed(struct sim *sim, uint64_t seed, bool verbose)
{
    memset(sim, 0, sizeof(*sim));
    sim->seed = seed;
    sim->random_state = seed;
    sim->verbose = verbose;
    sim->clock_ns = 1000000000;
    sim->seam = (struct tide_seam){.self = sim,
                                   .mono_ns = sim_clock,
                                   .wall_ns = sim_clock,
                                   .random = sim_random,
                                   .alloc = sim_alloc,
                                   .resize = sim_resize,
                                   .free = sim_free};
    tide_log_init(&sim->log, &sim->seam, 2, TIDE_LOG_LOGFMT,
                  verbose ? TIDE_LOG_INFO : TIDE_LOG_ERROR);
    sim->extensions[0] = (struct tide_extension){SIM_WORLD, &sim->world};
    sim_world_init(&sim->world, sim_random, sim);
    sim->disk = sim_disk_create(sim_random, sim);
    sim->shape = (enum shape)pick(sim, SHAPES);
    sim->world.n_partitions = 1 + pick(sim, 4);
    sim->lives = 1 + pick(sim, LIVES_MAX);
    for (uint32_t life = 0; life < sim->lives; life++) {
        if (pick(sim, 4) == 0) {
            live_and_stop(sim, false);
        } else {
            live_and_crash(sim);
        }
        if (sim->world.n_partitions < SIM_PARTITIONS && pick(sim, 6) == 0) {
            sim->world.n_partitions++;
        }
    }
    sim->world.broker_away = false;
    live_and_stop(sim, true);
    check(sim);
    uint64_t trace = sim->trace;
    sim_disk_destroy(sim->disk);
    sim_world_fini(&sim->world);
    return trace;
}

int
main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t n = 200;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seeds") == 0 && more) {
            n = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && more) {
            first = strtoull(argv[++i], NULL, 10);
            n = 1;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else {
            fprintf(stderr, "usage: tidemark-sim [--seeds N] [--seed S] [--verbose]\n");
            return 2;
        }
    }
    static struct sim sim;
    uint64_t epochs = 0;
    uint64_t crashes = 0;
    for (uint64_t seed = first; seed < first + n; seed++) {
        uint64_t trace = run_seed(&sim, seed, verbose);
        epochs += sim.epochs;
        crashes += sim.crashes;
        if (run_seed(&sim, seed, false) != trace) {
            die(&sim, "two runs of one seed differ");
        }
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " epochs, %" PRIu64 " crashes, 0 violations\n", n, epochs,
           crashes);
    return 0;
}
