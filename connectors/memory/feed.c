/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source `memory`: lines that the embedding program feeds, as a column value.
 *
 * One split; an offset is the number of the next line, 8 bytes, little endian. The store keeps
 * lines until a commit has made them durable, so that a restart of the incarnation reads them
 * again.
 *
 * Threads: worker, but for bind, open, discover, start and committed.
 */
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Rows of one poll; more come with the next. */
#define POLL_MAX 256u

#define SPLIT_NAME "feed"

static const struct tide_option feed_options[] = {
    {.name = "queryName",
     .type = TIDE_OPTION_STRING,
     .doc = "Name of the feed in the embedding program; by default the source's id."},
    {.name = NULL},
};

static const struct tide_field feed_fields[] = {{"value", {.id = TIDE_TYPE_STRING}, true}};

struct feed {
    const struct tide_host *host;
    const struct tide_memory_store *store;
    struct tide_memory_feed *lines;
};

struct feed_task {
    const struct feed *feed;
    struct tide_task *task;
    uint64_t next; /* number of the next line */
    uint32_t id;   /* of the split */
    bool assigned, notified;
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the bytes of an offset");

static int
feed_discover(void *shared, struct tide_split_sink *sink, struct tide_error *err)
{
    const struct feed *feed = shared;
    const struct tide_split_info info = {
        .abi = TIDE_ABI_VERSION, .size = sizeof(info), .name = SPLIT_NAME};
    (void)err;
    return feed->host->split_add(sink, &info);
}

static int
feed_start(void *shared, const char *split, bool first, void *out, uint32_t *out_n,
           struct tide_error *err)
{
    const uint64_t zero = 0;
    (void)shared;
    (void)first;
    if (*out_n < sizeof(zero)) {
        return tide_error_set(err, TIDE_ERR_INVALID, "no room for the offset of '%s'", split);
    }
    memcpy(out, &zero, sizeof(zero));
    *out_n = sizeof(zero);
    return 0;
}

static int
feed_committed(void *shared, struct tide_seal seal, const char *const *splits,
               const struct tide_bytes *offsets, uint32_t n, struct tide_error *err)
{
    const struct feed *feed = shared;
    uint64_t number;
    (void)seal;
    (void)splits;
    (void)err;
    if (n > 0 && offsets[0].n == sizeof(number)) {
        memcpy(&number, offsets[0].p, sizeof(number));
        feed->store->forget(feed->lines, number);
    }
    return 0;
}

static int
feed_assign(void *task, uint32_t id, const char *split, struct tide_bytes from,
            const struct tide_bytes *end)
{
    struct feed_task *self = task;
    if (strcmp(split, SPLIT_NAME) != 0 || from.n != sizeof(self->next) || end != NULL) {
        self->feed->host->fail(self->task, TIDE_ERR_INVALID, "split '%s' cannot be read", split);
        return TIDE_ERR_INVALID;
    }
    memcpy(&self->next, from.p, sizeof(self->next));
    self->id = id;
    self->assigned = true;
    return 0;
}

static int
feed_unassign(void *task, uint32_t id)
{
    struct feed_task *self = task;
    if (!self->assigned || self->id != id) {
        return TIDE_ERR_NOTFOUND;
    }
    self->assigned = false;
    return 0;
}

static int
feed_position(void *task, uint32_t id, void *out, uint32_t *out_n, bool *out_reached)
{
    const struct feed_task *self = task;
    if (!self->assigned || self->id != id || *out_n < sizeof(self->next)) {
        return TIDE_ERR_NOTFOUND;
    }
    memcpy(out, &self->next, sizeof(self->next));
    *out_n = sizeof(self->next);
    *out_reached = false;
    return 0;
}

static int
feed_offset_text(struct tide_bytes offset, char *out, uint32_t out_max)
{
    uint64_t number;
    if (offset.n != sizeof(number)) {
        return snprintf(out, out_max, "?");
    }
    memcpy(&number, offset.p, sizeof(number));
    return snprintf(out, out_max, "%" PRIu64, number);
}

/* One line as a row; false: the writer is full. A line larger than any row may be is cut off by the
 * program that feeds it. */
static bool
row_put(struct feed_task *self, struct tide_writer *out, struct tide_bytes line, uint64_t now_ns)
{
    uint8_t *slot = tide_writer_row(out);
    const struct tide_rowhdr hdr = {.split = self->id, .offset = self->next, .ingest_ns = now_ns};
    if (slot == NULL) {
        return false;
    }
    memcpy(slot, &hdr, sizeof(hdr));
    if (out->schema->n > 0 && !tide_writer_set_bytes(out, slot, 0, line.p, line.n)) {
        return false;
    }
    tide_writer_commit(out);
    return true;
}

static enum tide_step
feed_poll(void *task, struct tide_writer *out)
{
    struct feed_task *self = task;
    const struct tide_host *host = self->feed->host;
    uint64_t now_ns = host->now_wall(host);
    struct tide_bytes line;
    if (!self->notified) {
        self->notified = true;
        self->feed->store->notify(self->feed->lines, host->wake, self->task);
    }
    while (self->assigned && out->n < POLL_MAX &&
           self->feed->store->line(self->feed->lines, self->next, &line)) {
        if (!row_put(self, out, line, now_ns)) {
            if (out->n == 0) {
                host->fail(self->task, TIDE_ERR_RECORD,
                           "line %" PRIu64 " of the feed has %u bytes, more than a row may have",
                           self->next, line.n);
                return TIDE_STEP_FAILED;
            }
            return TIDE_STEP_BLOCKED;
        }
        self->next++;
    }
    return out->n > 0 ? TIDE_STEP_MORE : TIDE_STEP_IDLE;
}

static int
feed_task_open(void *shared, const struct tide_task_info *info, void **out_self,
               struct tide_error *err)
{
    const struct feed *feed = shared;
    struct feed_task *self = feed->host->alloc(feed->host, sizeof(*self));
    if (self == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a memory source");
    }
    self->feed = feed;
    self->task = info->task;
    *out_self = self;
    return 0;
}

static void
feed_task_close(void *task)
{
    struct feed_task *self = task;
    if (self->notified) {
        self->feed->store->notify(self->feed->lines, NULL, self->task);
    }
    self->feed->host->free(self->feed->host, self);
}

static int
feed_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    const struct tide_memory_bound *memory = bound;
    struct feed *feed;
    struct tide_memory_feed *lines = memory->store->feed(memory->store->self, memory->name);
    if (lines == NULL) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "the program has no feed '%s'", memory->name);
    }
    feed = host->alloc(host, sizeof(*feed));
    if (feed == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a memory source");
    }
    *feed = (struct feed){host, memory->store, lines};
    *out_shared = feed;
    return 0;
}

static void
feed_close(void *shared)
{
    struct feed *feed = shared;
    feed->host->free(feed->host, feed);
}

static int
feed_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
          struct tide_error *err)
{
    struct tide_memory_bound *bound;
    int code;
    if (in->declared != NULL) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "a memory source has one column, value STRING, and takes no schema; "
                              "use from_json in a step");
    }
    code = tide_memory_bind(in, &bound, err);
    if (code != 0) {
        return code;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = feed_fields;
    out_traits->n_fields[0] = 1;
    out_traits->max_parallel = 1;
    out_traits->keeps_order = true;
    out_traits->deterministic = true;
    *out_bound = bound;
    return 0;
}

const struct tide_source tide_memory_source_kind = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_source),
            .type = TIDE_KIND_SOURCE,
            .name = "memory",
            .doc = "Reads lines that the embedding program feeds.",
            .options = feed_options,
            .bind = feed_bind,
            .unbind = tide_memory_unbind,
            .open = feed_open,
            .close = feed_close,
            .task_open = feed_task_open,
            .task_close = feed_task_close,
        },
    .replayable = true,
    .discover = feed_discover,
    .start = feed_start,
    .committed = feed_committed,
    .assign = feed_assign,
    .unassign = feed_unassign,
    .poll = feed_poll,
    .position = feed_position,
    .offset_text = feed_offset_text,
};
