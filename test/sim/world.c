/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated outside: see world.h.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define WAY_MAX 512u /* rows on their way to the plain sink, a task */
#define MARKS_MAX 80u
#define ROWS_A_POLL 20u

static uint64_t
draw(struct sim_world *world)
{
    return world->random(world->random_self);
}

static void
rows_add(struct sim_rows *rows, const struct sim_row *row)
{
    if (rows->n == rows->cap) {
        rows->cap = rows->cap == 0 ? 64 : rows->cap * 2;
        rows->items = realloc(rows->items, rows->cap * sizeof(*rows->items));
        TIDE_ASSERT(rows->items != NULL);
    }
    rows->items[rows->n++] = *row;
}

uint32_t
sim_key(uint32_t partition, uint64_t offset)
{
    return (uint32_t)((offset * 7 + partition * 3) % SIM_KEYS);
}

/* ---- what kinds share ---- */

struct shared {
    const struct tide_host *host;
    struct sim_world *world;
    uint64_t life;
};

static int
open_shared(const struct tide_host *host, void *bound, void **out, struct tide_error *err)
{
    (void)bound;
    (void)err;
    struct shared *shared = calloc(1, sizeof(*shared));
    TIDE_ASSERT(shared != NULL);
    shared->host = host;
    shared->world = (struct sim_world *)(uintptr_t)host->extension(host, SIM_WORLD);
    shared->life = shared->world->life;
    *out = shared;
    return 0;
}

static void
close_shared(void *shared)
{
    free(shared);
}

static bool
dead(const struct shared *shared)
{
    return shared->life != shared->world->life;
}

static uint32_t
partition_of(const char *name)
{
    return (uint32_t)strtoul(strrchr(name, '-') + 1, NULL, 10);
}

/* ---- source ---- */

static const struct tide_field source_fields[] = {
    {"key", {.id = TIDE_TYPE_STRING}, true},
    {"value", {.id = TIDE_TYPE_LONG}, true},
};

static const struct tide_option no_options[] = {{.name = NULL}};

static int
source_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out,
            struct tide_error *err)
{
    (void)in;
    (void)err;
    *out_bound = NULL;
    out->n_outputs = 1;
    out->fields[0] = source_fields;
    out->n_fields[0] = 2;
    out->deterministic = true;
    out->keeps_order = true;
    return 0;
}

struct reader {
    struct shared *shared;
    struct tide_task *task;
    uint32_t n;
    struct {
        uint32_t id, partition;
        uint64_t next;
    } splits[SIM_PARTITIONS];
    uint32_t turn;
};

static int
source_task_open(void *shared, const struct tide_task_info *info, void **out,
                 struct tide_error *err)
{
    (void)err;
    struct reader *reader = calloc(1, sizeof(*reader));
    TIDE_ASSERT(reader != NULL);
    reader->shared = shared;
    reader->task = info->task;
    *out = reader;
    return 0;
}

static int
source_discover(void *arg, struct tide_split_sink *sink, struct tide_error *err)
{
    struct shared *shared = arg;
    if (shared->world->broker_away) {
        return tide_error_set(err, TIDE_ERR_UNREACHABLE, "the simulated broker is away");
    }
    for (uint32_t p = 0; p < shared->world->n_partitions; p++) {
        char name[32];
        snprintf(name, sizeof(name), "t-%u", p);
        struct tide_split_info info = {.size = sizeof(info), .name = name};
        int rc = shared->host->split_add(sink, &info);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int
source_start(void *shared, const char *split, bool first, void *out, uint32_t *out_n,
             struct tide_error *err)
{
    (void)shared;
    (void)split;
    (void)first;
    (void)err;
    uint64_t zero = 0;
    memcpy(out, &zero, sizeof(zero));
    *out_n = sizeof(zero);
    return 0;
}

static int
source_assign(void *self, uint32_t id, const char *split, struct tide_bytes from,
              const struct tide_bytes *end)
{
    struct reader *reader = self;
    (void)end;
    TIDE_ASSERT(reader->n < SIM_PARTITIONS);
    TIDE_ASSERT(from.n == sizeof(uint64_t));
    reader->splits[reader->n].id = id;
    reader->splits[reader->n].partition = partition_of(split);
    memcpy(&reader->splits[reader->n].next, from.p, sizeof(uint64_t));
    reader->n++;
    return 0;
}

static bool
put_record(struct reader *reader, uint32_t s, struct tide_writer *out)
{
    uint8_t *slot = tide_writer_row(out);
    if (slot == NULL) {
        return false;
    }
    uint64_t offset = reader->splits[s].next;
    char key[16];
    int n = snprintf(key, sizeof(key), "k%u", sim_key(reader->splits[s].partition, offset));
    struct tide_rowhdr hdr = {.split = reader->splits[s].id, .offset = offset, .ingest_ns = 1};
    memcpy(slot, &hdr, sizeof(hdr));
    if (!tide_writer_set_bytes(out, slot, 0, key, (uint32_t)n)) {
        return false;
    }
    tide_slot_set_i64(out->schema, slot, 1, (int64_t)offset);
    tide_writer_commit(out);
    reader->splits[s].next++;
    return true;
}

static enum tide_step
source_poll(void *self, struct tide_writer *out)
{
    struct reader *reader = self;
    struct sim_world *world = reader->shared->world;
    if (world->broker_away) {
        reader->shared->host->waiting(reader->task, "the simulated broker is away");
        return TIDE_STEP_WAITING;
    }
    reader->shared->host->waiting(reader->task, NULL);
    for (uint32_t k = 0; k < reader->n; k++) {
        uint32_t s = (reader->turn + k) % reader->n;
        uint64_t take = 1 + draw(world) % ROWS_A_POLL;
        while (take > 0 && reader->splits[s].next < world->available[reader->splits[s].partition]) {
            if (!put_record(reader, s, out)) {
                return TIDE_STEP_MORE;
            }
            take--;
        }
        if (out->n > 0) {
            reader->turn = s + 1;
            return TIDE_STEP_MORE;
        }
    }
    return TIDE_STEP_IDLE;
}

static int
source_position(void *self, uint32_t id, void *out, uint32_t *out_n, bool *out_reached)
{
    struct reader *reader = self;
    for (uint32_t s = 0; s < reader->n; s++) {
        if (reader->splits[s].id == id) {
            memcpy(out, &reader->splits[s].next, sizeof(uint64_t));
            *out_n = sizeof(uint64_t);
            *out_reached = false;
            return 0;
        }
    }
    return TIDE_ERR_NOTFOUND;
}

/* ---- rows into sinks ---- */

/* (key, value) of the pipelines in driver.c: the key is "kN", the value a number. */
static struct sim_row
row_of(const struct shared *shared, struct tide_task *task, const struct tide_batch *in, uint32_t i)
{
    const struct tide_schema *schema = shared->host->schema(shared->host, in->schema);
    const uint8_t *slot = tide_batch_row(in, i);
    const struct tide_rowhdr *hdr = tide_row_hdr(slot);
    struct tide_bytes key = tide_row_bytes(schema, in, slot, 0);
    char text[16] = {0};
    TIDE_ASSERT(key.n < sizeof(text));
    memcpy(text, key.p, key.n);
    return (struct sim_row){.partition = partition_of(shared->host->split_name(task, hdr->split)),
                            .offset = hdr->offset,
                            .derived = hdr->derived,
                            .key = (uint32_t)strtoul(text + 1, NULL, 10),
                            .value = tide_row_i64(schema, slot, 1)};
}

static int
sink_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out,
          struct tide_error *err)
{
    *out_bound = NULL;
    if (in->inputs[0]->n != 2) {
        return tide_error_set(err, TIDE_ERR_INVALID, "a simulated sink takes key and value");
    }
    out->commit_class = TIDE_COMMIT_PLAIN;
    return 0;
}

static int
publish_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out,
             struct tide_error *err)
{
    int rc = sink_bind(in, out_bound, out, err);
    out->commit_class = TIDE_COMMIT_PUBLISH;
    return rc;
}

struct mark {
    struct tide_seal seal;
    uint64_t after; /* rows handed over before it */
    uint32_t stage; /* publish */
};

struct writer {
    struct shared *shared;
    struct tide_task *task;
    struct sim_row way[WAY_MAX]; /* handed over, not acknowledged; acknowledged in order */
    uint32_t n_way;
    uint64_t handed, acked;
    struct mark marks[MARKS_MAX];
    uint32_t n_marks;
    uint32_t stage; /* publish: of the running epoch, UINT32_MAX: none */
};

static int
sink_task_open(void *shared, const struct tide_task_info *info, void **out, struct tide_error *err)
{
    (void)err;
    struct writer *writer = calloc(1, sizeof(*writer));
    TIDE_ASSERT(writer != NULL);
    writer->shared = shared;
    writer->task = info->task;
    writer->stage = UINT32_MAX;
    struct sim_world *world = writer->shared->world;
    TIDE_ASSERT(world->n_writers < 16);
    world->writers[world->n_writers++] = writer;
    *out = writer;
    return 0;
}

static void
sink_task_close(void *self)
{
    struct writer *writer = self;
    struct sim_world *world = writer->shared->world;
    for (uint32_t i = 0; i < world->n_writers; i++) {
        if (world->writers[i] == writer) {
            world->writers[i] = world->writers[--world->n_writers];
        }
    }
    free(writer);
}

static enum tide_step
sink_write(void *self, const struct tide_batch *in, uint32_t *out_consumed)
{
    struct writer *writer = self;
    uint32_t i = 0;
    for (; i < in->n && writer->n_way < WAY_MAX; i++) {
        writer->way[writer->n_way++] = row_of(writer->shared, writer->task, in, i);
        writer->handed++;
        writer->shared->world->written++;
    }
    *out_consumed = i;
    return i < in->n ? TIDE_STEP_BLOCKED : TIDE_STEP_MORE;
}

static enum tide_step
sink_on_marker(void *self, uint64_t first, struct tide_seal seal, uint32_t flags)
{
    struct writer *writer = self;
    (void)first;
    (void)flags;
    TIDE_ASSERT(writer->n_marks < MARKS_MAX);
    writer->marks[writer->n_marks++] = (struct mark){.seal = seal, .after = writer->handed};
    return TIDE_STEP_DONE;
}

static enum tide_step
sink_advance(void *self)
{
    struct writer *writer = self;
    uint32_t n = 0;
    while (n < writer->n_marks && writer->marks[n].after <= writer->acked) {
        writer->shared->host->durable(writer->task, writer->marks[n].seal,
                                      (struct tide_bytes){"", 0});
        n++;
    }
    memmove(writer->marks, writer->marks + n, (writer->n_marks - n) * sizeof(struct mark));
    writer->n_marks -= n;
    return n > 0 ? TIDE_STEP_MORE : writer->n_way > 0 ? TIDE_STEP_PENDING : TIDE_STEP_IDLE;
}

static void
land(struct sim_world *world, struct writer *writer, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        rows_add(&world->out, &writer->way[i]);
    }
    memmove(writer->way, writer->way + n, (writer->n_way - n) * sizeof(writer->way[0]));
    writer->n_way -= n;
    writer->acked += n;
}

/* ---- the publishing sink ---- */

static struct sim_stage *
stage_of(struct writer *writer)
{
    struct sim_world *world = writer->shared->world;
    if (writer->stage == UINT32_MAX) {
        world->stages = realloc(world->stages, (world->n_stages + 1) * sizeof(*world->stages));
        TIDE_ASSERT(world->stages != NULL);
        world->stages[world->n_stages] = (struct sim_stage){.durable = false};
        writer->stage = world->n_stages++;
    }
    return &world->stages[writer->stage];
}

static enum tide_step
publish_write(void *self, const struct tide_batch *in, uint32_t *out_consumed)
{
    struct writer *writer = self;
    for (uint32_t i = 0; i < in->n; i++) {
        struct sim_row row = row_of(writer->shared, writer->task, in, i);
        rows_add(&stage_of(writer)->rows, &row);
        writer->shared->world->written++;
    }
    *out_consumed = in->n;
    return TIDE_STEP_MORE;
}

static enum tide_step
publish_on_marker(void *self, uint64_t first, struct tide_seal seal, uint32_t flags)
{
    struct writer *writer = self;
    (void)first;
    (void)flags;
    stage_of(writer)->seal = seal;
    TIDE_ASSERT(writer->n_marks < MARKS_MAX);
    writer->marks[writer->n_marks++] = (struct mark){.seal = seal, .stage = writer->stage};
    writer->stage = UINT32_MAX;
    return TIDE_STEP_DONE;
}

static enum tide_step
publish_advance(void *self)
{
    struct writer *writer = self;
    struct sim_world *world = writer->shared->world;
    uint32_t n = 0;
    while (n < writer->n_marks && world->stages[writer->marks[n].stage].durable) {
        uint32_t stage = writer->marks[n].stage;
        writer->shared->host->durable(writer->task, writer->marks[n].seal,
                                      (struct tide_bytes){&stage, sizeof(stage)});
        n++;
    }
    memmove(writer->marks, writer->marks + n, (writer->n_marks - n) * sizeof(struct mark));
    writer->n_marks -= n;
    return n > 0 ? TIDE_STEP_MORE : writer->n_marks > 0 ? TIDE_STEP_PENDING : TIDE_STEP_IDLE;
}

static int
publish_commit(void *arg, struct tide_seal seal, const struct tide_bytes *tokens, uint32_t n,
               struct tide_error *err)
{
    struct shared *shared = arg;
    struct sim_world *world = shared->world;
    (void)seal;
    if (dead(shared)) {
        return tide_error_set(err, TIDE_ERR_FATAL, "the simulated machine has lost power");
    }
    for (uint32_t t = 0; t < n; t++) {
        uint32_t index;
        TIDE_ASSERT(tokens[t].n == sizeof(index));
        memcpy(&index, tokens[t].p, sizeof(index));
        TIDE_ASSERT(index < world->n_stages);
        struct sim_stage *stage = &world->stages[index];
        TIDE_ASSERT(stage->durable);
        for (uint32_t i = 0; !stage->published && i < stage->rows.n; i++) {
            rows_add(&world->published, &stage->rows.items[i]);
        }
        stage->published = true;
    }
    return 0;
}

/* ---- the world ---- */

void
sim_world_init(struct sim_world *world, uint64_t (*random)(void *), void *random_self)
{
    *world = (struct sim_world){.random = random, .random_self = random_self, .life = 1};
}

void
sim_world_fini(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->n_stages; i++) {
        free(world->stages[i].rows.items);
    }
    free(world->stages);
    free(world->out.items);
    free(world->published.items);
}

void
sim_world_tick(struct sim_world *world, bool growing)
{
    if (growing && world->n_partitions > 0) {
        world->available[draw(world) % world->n_partitions] += draw(world) % 8;
    }
    for (uint32_t i = 0; i < world->n_writers; i++) {
        struct writer *writer = world->writers[i];
        if (writer->n_way > 0) {
            land(world, writer, (uint32_t)(draw(world) % (writer->n_way + 1)));
        }
    }
    for (uint32_t i = 0; i < world->n_stages; i++) {
        struct sim_stage *stage = &world->stages[i];
        stage->durable = stage->durable || (stage->seal.epoch != 0 && draw(world) % 3 == 0);
    }
}

void
sim_world_crash(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->n_writers; i++) {
        struct writer *writer = world->writers[i];
        land(world, writer, (uint32_t)(draw(world) % (writer->n_way + 1)));
        writer->n_way = 0;
    }
    world->life++;
}

bool
sim_world_busy(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->n_writers; i++) {
        const struct writer *writer = world->writers[i];
        if (writer->n_way > 0) {
            return true;
        }
    }
    return false;
}

/* ---- the plugin ---- */

static const struct tide_source source = {
    .k = {.abi = TIDE_ABI_VERSION,
          .size = sizeof(source),
          .type = TIDE_KIND_SOURCE,
          .name = "kafka",
          .doc = "partitions of a simulated broker",
          .options = no_options,
          .bind = source_bind,
          .open = open_shared,
          .close = close_shared,
          .task_open = source_task_open,
          .task_close = free},
    .replayable = true,
    .discover = source_discover,
    .start = source_start,
    .assign = source_assign,
    .poll = source_poll,
    .position = source_position,
};

static const struct tide_sink plain = {
    .k = {.abi = TIDE_ABI_VERSION,
          .size = sizeof(plain),
          .type = TIDE_KIND_SINK,
          .name = "kafka",
          .doc = "a simulated log that acknowledges late",
          .options = no_options,
          .bind = sink_bind,
          .open = open_shared,
          .close = close_shared,
          .task_open = sink_task_open,
          .task_close = sink_task_close},
    .write = sink_write,
    .on_marker = sink_on_marker,
    .advance = sink_advance,
};

static const struct tide_sink publish = {
    .k = {.abi = TIDE_ABI_VERSION,
          .size = sizeof(publish),
          .type = TIDE_KIND_SINK,
          .name = "memory",
          .doc = "a simulated store that publishes",
          .options = no_options,
          .bind = publish_bind,
          .open = open_shared,
          .close = close_shared,
          .task_open = sink_task_open,
          .task_close = sink_task_close},
    .write = publish_write,
    .on_marker = publish_on_marker,
    .advance = publish_advance,
    .commit = publish_commit,
};

static const struct tide_kind *const kinds[] = {&source.k, &plain.k, &publish.k};

const struct tide_plugin sim_plugin = {.abi = TIDE_ABI_VERSION,
                                       .size = sizeof(sim_plugin),
                                       .name = "simulated",
                                       .version = "1",
                                       .license = "Apache-2.0",
                                       .n_kinds = 3,
                                       .kinds = kinds};
