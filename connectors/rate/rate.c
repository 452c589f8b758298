/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source `rate`: numbered rows at a steady speed, for trying things out.
 *
 * Partition i of N makes the values i, i + N, i + 2N, ... Each value has its time (schedule.h), and
 * leaves when that time comes. An offset holds how many values the partition has made, the time of
 * the start and N, so that a replay gives the same rows and a restart goes on with the sequence;
 * rows that were due while nothing ran come at once.
 *
 * Threads: worker, but for bind, open, discover, start and latest. No state is shared by tasks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tidemark/plugin.h>

#include "schedule.h"

/* Rows of one poll; more come with the next. */
#define POLL_MAX 256u

#define NS_PER_MS 1000000u

/* Sixty-three years: what a source may have run for, so that its times fit. */
#define SECONDS_MAX INT64_C(2000000000)
#define SPLIT_PREFIX "partition-"

static const struct tide_option rate_options[] = {
    {.name = "rowsPerSecond",
     .type = TIDE_OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = 1000000000,
     .doc = "Rows made per second."},
    {.name = "rampUpTime",
     .type = TIDE_OPTION_DURATION,
     .fallback = "0s",
     .doc = "Time until that speed is reached, in whole seconds."},
    {.name = "numPartitions",
     .type = TIDE_OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = 1024,
     .doc = "Partitions that make the rows; fixed once there is a checkpoint."},
    {.name = NULL},
};

static const struct tide_field rate_fields[] = {
    {"timestamp", {.id = TIDE_TYPE_TIMESTAMP}, true},
    {"value", {.id = TIDE_TYPE_LONG}, true},
};

/* Bound and shared: the options, and the start of this pipeline. */
struct rate {
    const struct tide_host *host;
    struct tide_rate_schedule schedule;
    int64_t partitions;
    int64_t start_ms; /* since the epoch; 0: nobody asked yet */
    uint8_t *latest;  /* what latest() handed out last */
};

/* An offset as it stands in the WAL, little endian. */
struct rate_offset {
    int64_t made; /* values of the partition */
    int64_t start_ms;
    int64_t partitions;
};

struct rate_split {
    uint32_t id;
    int64_t index; /* of the partition */
    struct rate_offset next;
    struct tide_rate_second second;
};

struct rate_task {
    const struct tide_host *host;
    const struct rate *rate;
    struct tide_task *task;
    struct rate_split *splits;
    uint32_t n_splits, capacity;
    uint32_t turn; /* the split to begin with */
    const struct tide_schema *schema;
    uint32_t timestamp_field, value_field; /* UINT32_MAX: not needed */
};

/* ---- offsets ---- */

_Static_assert(sizeof(struct rate_offset) == 24, "the bytes of an offset");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the bytes of an offset");

static bool
offset_get(struct tide_bytes bytes, struct rate_offset *out)
{
    if (bytes.n != sizeof(*out)) {
        return false;
    }
    memcpy(out, bytes.p, sizeof(*out));
    return out->made >= 0;
}

static int
rate_offset_text(struct tide_bytes bytes, char *out, uint32_t out_max)
{
    struct rate_offset offset;
    if (!offset_get(bytes, &offset)) {
        return snprintf(out, out_max, "?");
    }
    return snprintf(out, out_max, "%" PRId64 " rows since %" PRId64 " ms", offset.made,
                    offset.start_ms);
}

static bool
split_index(const char *split, int64_t *out_index)
{
    char end;
    return sscanf(split, SPLIT_PREFIX "%" SCNd64 "%c", out_index, &end) == 1 && *out_index >= 0;
}

static int64_t
value_of(const struct rate *rate, int64_t index, int64_t made)
{
    return index + made * rate->partitions;
}

/* When the next value of a split is due, in nanoseconds since the epoch. */
static uint64_t
split_due_ns(const struct rate *rate, struct rate_split *split)
{
    int64_t value = value_of(rate, split->index, split->next.made);
    tide_rate_find(&rate->schedule, value, &split->second);
    return (uint64_t)(split->next.start_ms * (int64_t)NS_PER_MS +
                      tide_rate_due_ns(&split->second, value));
}

/* ---- control ---- */

static int
rate_discover(void *shared, struct tide_split_sink *sink, struct tide_error *err)
{
    const struct rate *rate = shared;
    (void)err;
    for (int64_t i = 0; i < rate->partitions; i++) {
        char name[sizeof(SPLIT_PREFIX) + 20];
        const struct tide_split_info info = {
            .abi = TIDE_ABI_VERSION, .size = sizeof(info), .name = name};
        int code;
        snprintf(name, sizeof(name), SPLIT_PREFIX "%" PRId64, i);
        code = rate->host->split_add(sink, &info);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static int
rate_start(void *shared, const char *split, bool first, void *out, uint32_t *out_n,
           struct tide_error *err)
{
    struct rate *rate = shared;
    struct rate_offset offset = {.partitions = rate->partitions};
    (void)first;
    if (*out_n < sizeof(offset)) {
        return tide_error_set(err, TIDE_ERR_INVALID, "no room for the offset of '%s'", split);
    }
    if (rate->start_ms == 0) {
        rate->start_ms = (int64_t)(rate->host->now_wall(rate->host) / NS_PER_MS);
    }
    offset.start_ms = rate->start_ms;
    memcpy(out, &offset, sizeof(offset));
    *out_n = sizeof(offset);
    return 0;
}

/* How many values of a partition are due by @now_ns; the due time grows with the value. */
static int64_t
made_by(const struct rate *rate, struct rate_split *split, uint64_t now_ns)
{
    int64_t low = 0, high = SECONDS_MAX * rate->schedule.rows_per_second / rate->partitions;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        split->next.made = middle;
        if (split_due_ns(rate, split) <= now_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int
rate_latest(void *shared, const char *const *splits, uint32_t n, struct tide_bytes *out,
            struct tide_error *err)
{
    struct rate *rate = shared;
    const struct tide_host *host = rate->host;
    uint8_t *offsets = host->alloc(host, n * sizeof(struct rate_offset) + 1);
    if (offsets == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for offsets");
    }
    for (uint32_t i = 0; i < n; i++) {
        struct rate_split split = {.next = {0, rate->start_ms, rate->partitions}};
        uint8_t *at = offsets + i * sizeof(split.next);
        if (!split_index(splits[i], &split.index)) {
            host->free(host, offsets);
            return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is no partition", splits[i]);
        }
        split.next.made = made_by(rate, &split, host->now_wall(host));
        memcpy(at, &split.next, sizeof(split.next));
        out[i] = (struct tide_bytes){at, sizeof(split.next)};
    }
    host->free(host, rate->latest);
    rate->latest = offsets;
    return 0;
}

/* ---- a task's splits ---- */

static bool
splits_grow(struct rate_task *self)
{
    uint32_t capacity = self->capacity == 0 ? 4 : self->capacity * 2;
    struct rate_split *splits = self->host->alloc(self->host, capacity * sizeof(*splits));
    if (splits == NULL) {
        return false;
    }
    if (self->n_splits > 0) {
        memcpy(splits, self->splits, self->n_splits * sizeof(*splits));
    }
    self->host->free(self->host, self->splits);
    self->splits = splits;
    self->capacity = capacity;
    return true;
}

static int
rate_assign(void *task, uint32_t id, const char *split, struct tide_bytes from,
            const struct tide_bytes *end)
{
    struct rate_task *self = task;
    struct rate_split added = {.id = id};
    if (!split_index(split, &added.index) || !offset_get(from, &added.next) || end != NULL) {
        self->host->fail(self->task, TIDE_ERR_INVALID, "split '%s' cannot be read", split);
        return TIDE_ERR_INVALID;
    }
    if (added.next.partitions != self->rate->partitions) {
        self->host->fail(self->task, TIDE_ERR_CHECKPOINT,
                         "numPartitions is %" PRId64 " but the checkpoint was made with %" PRId64
                         "; it cannot change",
                         self->rate->partitions, added.next.partitions);
        return TIDE_ERR_CHECKPOINT;
    }
    if (self->n_splits == self->capacity && !splits_grow(self)) {
        self->host->fail(self->task, TIDE_ERR_NOMEM, "no memory to read split '%s'", split);
        return TIDE_ERR_NOMEM;
    }
    self->splits[self->n_splits++] = added;
    return 0;
}

static struct rate_split *
split_find(struct rate_task *self, uint32_t id)
{
    for (uint32_t i = 0; i < self->n_splits; i++) {
        if (self->splits[i].id == id) {
            return &self->splits[i];
        }
    }
    return NULL;
}

static int
rate_unassign(void *task, uint32_t id)
{
    struct rate_task *self = task;
    struct rate_split *split = split_find(self, id);
    if (split == NULL) {
        return TIDE_ERR_NOTFOUND;
    }
    *split = self->splits[--self->n_splits];
    return 0;
}

static int
rate_position(void *task, uint32_t id, void *out, uint32_t *out_n, bool *out_reached)
{
    const struct rate_split *split = split_find(task, id);
    if (split == NULL || *out_n < sizeof(split->next)) {
        return TIDE_ERR_NOTFOUND;
    }
    memcpy(out, &split->next, sizeof(split->next));
    *out_n = sizeof(split->next);
    *out_reached = false;
    return 0;
}

/* ---- rows ---- */

static uint32_t
field_find(const struct tide_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->n; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void
schema_take(struct rate_task *self, const struct tide_schema *schema)
{
    self->schema = schema;
    self->timestamp_field = field_find(schema, "timestamp");
    self->value_field = field_find(schema, "value");
}

/* The next value of @split as a row; its second is known. False: the writer is full. */
static bool
row_put(struct rate_task *self, struct rate_split *split, struct tide_writer *out, uint64_t now_ns)
{
    int64_t value = value_of(self->rate, split->index, split->next.made);
    uint8_t *slot = tide_writer_row(out);
    struct tide_rowhdr hdr = {
        .split = split->id, .offset = (uint64_t)split->next.made, .ingest_ns = now_ns};
    if (slot == NULL) {
        return false;
    }
    memcpy(slot, &hdr, sizeof(hdr));
    if (self->timestamp_field != UINT32_MAX) {
        int64_t ms = split->next.start_ms + tide_rate_timestamp_ms(&split->second, value);
        tide_slot_set_i64(self->schema, slot, self->timestamp_field, ms * 1000);
    }
    if (self->value_field != UINT32_MAX) {
        tide_slot_set_i64(self->schema, slot, self->value_field, value);
    }
    tide_writer_commit(out);
    split->next.made++;
    return true;
}

/* All that is due of one split. False: the writer is full, or it is enough. *next_ns becomes the
 * earliest time at which something is due. */
static bool
split_poll(struct rate_task *self, struct rate_split *split, struct tide_writer *out,
           uint64_t now_ns, uint64_t *next_ns)
{
    uint64_t due_ns;
    while ((due_ns = split_due_ns(self->rate, split)) <= now_ns) {
        if (out->n >= POLL_MAX || !row_put(self, split, out, now_ns)) {
            return false;
        }
    }
    *next_ns = due_ns < *next_ns ? due_ns : *next_ns;
    return true;
}

static enum tide_step
rate_poll(void *task, struct tide_writer *out)
{
    struct rate_task *self = task;
    const struct tide_host *host = self->host;
    uint64_t now_ns = host->now_wall(host), next_ns = UINT64_MAX;
    if (self->schema != out->schema) {
        schema_take(self, out->schema);
    }
    for (uint32_t i = 0; i < self->n_splits; i++) {
        uint32_t at = (self->turn + i) % self->n_splits;
        if (!split_poll(self, &self->splits[at], out, now_ns, &next_ns)) {
            self->turn = at + 1;
            return out->n > 0 ? TIDE_STEP_MORE : TIDE_STEP_BLOCKED;
        }
    }
    if (next_ns != UINT64_MAX) {
        host->timer_at(self->task, host->now_mono(host) + (next_ns - now_ns));
    }
    return out->n > 0 ? TIDE_STEP_MORE : TIDE_STEP_IDLE;
}

/* ---- life ---- */

static int
rate_task_open(void *shared, const struct tide_task_info *info, void **out_self,
               struct tide_error *err)
{
    const struct rate *rate = shared;
    struct rate_task *self = rate->host->alloc(rate->host, sizeof(*self));
    if (self == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a rate source");
    }
    self->host = rate->host;
    self->rate = rate;
    self->task = info->task;
    *out_self = self;
    return 0;
}

static void
rate_task_close(void *task)
{
    struct rate_task *self = task;
    self->host->free(self->host, self->splits);
    self->host->free(self->host, self);
}

/* Each incarnation has a copy of its own. */
static int
rate_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    struct rate *rate = host->alloc(host, sizeof(*rate));
    if (rate == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a rate source");
    }
    memcpy(rate, bound, sizeof(*rate));
    rate->host = host;
    *out_shared = rate;
    return 0;
}

static void
rate_close(void *shared)
{
    struct rate *rate = shared;
    rate->host->free(rate->host, rate->latest);
    rate->host->free(rate->host, rate);
}

static void
rate_unbind(void *bound)
{
    struct rate *rate = bound;
    rate->host->free(rate->host, rate);
}

static int
rate_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
          struct tide_error *err)
{
    struct rate *rate = in->host->alloc(in->host, sizeof(*rate));
    if (rate == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a rate source");
    }
    rate->host = in->host;
    rate->schedule.rows_per_second = in->host->option_int(in->options, "rowsPerSecond");
    rate->schedule.ramp_up_s = in->host->option_int(in->options, "rampUpTime") / 1000000000;
    rate->partitions = in->host->option_int(in->options, "numPartitions");
    if (in->declared != NULL) {
        rate_unbind(rate);
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "a rate source has its own columns and takes no schema");
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = rate_fields;
    out_traits->n_fields[0] = sizeof(rate_fields) / sizeof(rate_fields[0]);
    out_traits->deterministic = true;
    out_traits->keeps_order = true;
    *out_bound = rate;
    return 0;
}

static const struct tide_source rate_source = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_source),
            .type = TIDE_KIND_SOURCE,
            .name = "rate",
            .doc = "Makes numbered rows at a steady speed.",
            .options = rate_options,
            .bind = rate_bind,
            .unbind = rate_unbind,
            .open = rate_open,
            .close = rate_close,
            .task_open = rate_task_open,
            .task_close = rate_task_close,
        },
    .replayable = true,
    .discover = rate_discover,
    .start = rate_start,
    .latest = rate_latest,
    .assign = rate_assign,
    .unassign = rate_unassign,
    .poll = rate_poll,
    .position = rate_position,
    .offset_text = rate_offset_text,
};

static const struct tide_kind *const kinds[] = {&rate_source.k};

extern const struct tide_plugin tide_rate_plugin;

const struct tide_plugin tide_rate_plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_plugin),
    .name = "rate",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = 1,
    .kinds = kinds,
};
