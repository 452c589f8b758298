/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated outside: partitions to read, a log that takes rows and acknowledges them late, a
 * store that publishes. It outlives crashes of the engine and remembers what became durable, for
 * the checks.
 *
 * The connectors to it are plugins like any other. They take the names of built-in formats, so that
 * ordinary pipeline files name them: source `kafka`, plain sink `kafka`, publishing sink `memory`.
 *
 * One thread.
 */
#ifndef TIDE_SIM_WORLD_H
#define TIDE_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/plugin.h>

#define SIM_PARTITIONS 8u
#define SIM_KEYS 23u
#define SIM_WORLD "sim.world/0" /* host->extension */

/* A row that is durable outside. */
struct sim_row {
    uint32_t partition;
    uint64_t offset;
    uint64_t derived;
    uint32_t key;
    int64_t value; /* the record's number, or a count */
};

struct sim_rows {
    struct sim_row *items;
    uint32_t n, cap;
};

/* What a publishing task staged for one epoch. */
struct sim_stage {
    struct sim_rows rows;
    struct tide_seal seal;
    bool durable, published;
};

struct sim_world {
    uint64_t (*random)(void *);
    void *random_self;
    uint32_t n_partitions;
    uint64_t available[SIM_PARTITIONS]; /* records each partition has */
    bool broker_away;
    uint64_t life;       /* rises at each crash: older connectors have no effect */
    struct sim_rows out; /* durable in the plain sink, in order */
    struct sim_rows published;
    struct sim_stage *stages;
    uint32_t n_stages;
    void *writers[16]; /* living tasks of the plain sink */
    uint32_t n_writers;
    uint64_t written; /* rows handed to sinks */
};

/* The plugin with all three kinds. */
extern const struct tide_plugin sim_plugin;

void sim_world_init(struct sim_world *world, uint64_t (*random)(void *), void *random_self);
void sim_world_fini(struct sim_world *world);

/* The key of record @offset of @partition. */
uint32_t sim_key(uint32_t partition, uint64_t offset);

/* Something happens outside: records arrive, rows are acknowledged, stages become durable. */
void sim_world_tick(struct sim_world *world, bool growing);

/* The machine that the engine runs on loses power: what was on the way arrives in part. */
void sim_world_crash(struct sim_world *world);

/* Whether anything is still on its way. */
bool sim_world_busy(const struct sim_world *world);

#endif
