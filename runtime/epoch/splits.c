/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits: C(0), discovery, and who reads what.
 *
 * At the first start every source is asked for its splits and each split for the numeric offset
 * that the start options mean; all of it is durable as C(0) before the first row flows, so that a
 * crash before the first epoch cannot resolve `latest` again. A source that does not exist yet has
 * no split in C(0); splits found later begin at their earliest offset, and their record is in the
 * WAL in front of the first epoch that holds their rows, because the WAL keeps the order of
 * appends.
 *
 * discover() and start() may block for seconds: they run as offload jobs, one a source at a time. A
 * job only touches its own struct tide_discovery.
 *
 * Threads: coordinator; jobs on offload threads.
 */
#include <string.h>

#include "base/assert.h"
#include "epoch/coordinator.h"

#define RETRY_NS 500000000ull

enum discovery_phase { DISCOVERY_IDLE, DISCOVERY_LISTING, DISCOVERY_STARTING };

struct found {
    char *name;
    struct tide_offset from;
};

struct tide_split_sink {
    const struct tide_seam *seam;
    struct found *items;
    uint32_t n, cap;
};

struct tide_discovery {
    const struct tide_coordinator_source *source;
    enum discovery_phase phase;
    bool first;    /* before C(0) */
    bool answered; /* the newest listing got an answer, be it that there is nothing */
    bool resolved; /* every split of the newest listing has its offset */
    struct tide_split_sink sink;
    int rc;
    struct tide_error err;
};

/* ---- jobs ---- */

static void
sink_clear(struct tide_split_sink *sink)
{
    for (uint32_t i = 0; i < sink->n; i++) {
        tide_free(sink->seam, sink->items[i].name);
    }
    sink->n = 0;
}

/* The host's split_add. @thread any (an offload job) */
int
tide_split_collect(struct tide_split_sink *sink, const struct tide_split_info *info)
{
    if (sink->n == sink->cap) {
        uint32_t cap = sink->cap == 0 ? 16 : sink->cap * 2;
        struct found *items = cap > TIDE_LIMIT_SPLITS
                                  ? NULL
                                  : tide_resize(sink->seam, sink->items, cap * sizeof(*items));
        if (items == NULL) {
            return TIDE_ERR_NOMEM;
        }
        sink->items = items;
        sink->cap = cap;
    }
    size_t len = strlen(info->name) + 1;
    char *name = tide_alloc(sink->seam, len);
    if (name == NULL) {
        return TIDE_ERR_NOMEM;
    }
    memcpy(name, info->name, len);
    sink->items[sink->n++] = (struct found){.name = name};
    return 0;
}

static int
list_run(void *arg)
{
    struct tide_discovery *d = arg;
    d->rc = d->source->kind->discover(d->source->shared, &d->sink, &d->err);
    return d->rc;
}

static int
start_run(void *arg)
{
    struct tide_discovery *d = arg;
    d->rc = 0;
    for (uint32_t i = 0; i < d->sink.n && d->rc == 0; i++) {
        struct found *found = &d->sink.items[i];
        found->from.n = TIDE_LIMIT_OFFSET_BYTES;
        d->rc = d->source->kind->start(d->source->shared, found->name, d->first, found->from.bytes,
                                       &found->from.n, &d->err);
    }
    return d->rc;
}

/* ---- publication ---- */

static int32_t
plan_source(const struct tide_coordinator *c, uint32_t checkpoint_source)
{
    const char *id = c->config.checkpoint->sources.items[checkpoint_source].key;
    for (uint32_t s = 0; s < c->config.n_sources; s++) {
        if (strcmp(c->config.sources[s].id, id) == 0) {
            return (int32_t)s;
        }
    }
    return -1;
}

static void
fill_assignment(const struct tide_coordinator *c, struct tide_assignment *assignment)
{
    uint32_t ordinals[TIDE_LIMIT_TASKS] = {0};
    const struct tide_checkpoint *checkpoint = c->config.checkpoint;
    char *names = (char *)assignment + assignment->names_at;
    uint32_t at = 0;
    for (uint32_t i = 0; i < checkpoint->n_splits; i++) {
        const struct tide_split *split = &checkpoint->splits[i];
        int32_t source = plan_source(c, split->source);
        struct tide_assigned *out = &assignment->splits[i];
        size_t len = strlen(split->name) + 1;
        memcpy(names + at, split->name, len);
        *out = (struct tide_assigned){.split = i, .name_at = at, .from = split->next};
        out->source = source < 0 ? UINT32_MAX : (uint32_t)source;
        out->task = source < 0 ? 0 : ordinals[source]++ % c->config.sources[source].n_tasks;
        at += (uint32_t)len;
    }
}

/* Everything in the checkpoint is handed out; tasks take what is new to them. */
static void
publish(struct tide_coordinator *c)
{
    const struct tide_checkpoint *checkpoint = c->config.checkpoint;
    size_t names = 0;
    for (uint32_t i = 0; i < checkpoint->n_splits; i++) {
        names += strlen(checkpoint->splits[i].name) + 1;
    }
    size_t head =
        sizeof(struct tide_assignment) + checkpoint->n_splits * sizeof(struct tide_assigned);
    struct tide_assignment *assignment =
        tide_published_claim(&c->config.orders->assignment, head + names);
    if (assignment == NULL) {
        struct tide_error err;
        tide_error_set(&err, TIDE_ERR_NOMEM, "no memory to assign %u splits", checkpoint->n_splits);
        tide_coordinator_fail(c, &err);
        return;
    }
    assignment->n = checkpoint->n_splits;
    assignment->names_at = (uint32_t)head;
    fill_assignment(c, assignment);
    tide_published_commit(&c->config.orders->assignment, assignment);
    c->n_assigned = checkpoint->n_splits;
    c->config.wake_tasks(c->config.ctx);
}

/* ---- records ---- */

static int
append_split(struct tide_coordinator *c, const struct tide_discovery *d, const struct found *found)
{
    uint64_t lsn;
    tide_buf_clear(&c->scratch);
    int rc = tide_record_split(&c->scratch, c->config.checkpoint->n_splits, d->source->id,
                               found->name, &found->from);
    TIDE_ASSERT(rc == 0);
    return tide_coordinator_append(c, TIDE_WAL_SPLIT, &lsn);
}

/* Appends SPLIT records for everything found. What there is no space for stays for the next
 * attempt. */
static int
append_found(struct tide_coordinator *c, struct tide_discovery *d)
{
    uint32_t done = 0;
    int rc = 0;
    while (done < d->sink.n && rc == 0) {
        struct found *found = &d->sink.items[done];
        rc = append_split(c, d, found);
        if (rc == 0) {
            TIDE_LOG(c->config.log, TIDE_LOG_INFO, "split found",
                     TIDE_LOG_STR("source", d->source->id), TIDE_LOG_STR("split", found->name));
            tide_free(c->config.seam, found->name);
            done++;
        }
    }
    if (done > 0) {
        d->sink.n -= done;
        memmove(d->sink.items, d->sink.items + done, d->sink.n * sizeof(d->sink.items[0]));
        tide_wal_sync(c->config.wal);
    }
    return rc;
}

/* C(0), once every source has answered. */
static void
append_first_commit(struct tide_coordinator *c)
{
    for (uint32_t s = 0; s < c->config.n_sources; s++) {
        if (!c->discoveries[s].resolved) {
            return;
        }
    }
    for (uint32_t s = 0; s < c->config.n_sources; s++) {
        if (append_found(c, &c->discoveries[s]) != 0) {
            return;
        }
    }
    tide_buf_clear(&c->scratch);
    int rc = tide_record_commit(&c->scratch, (struct tide_seal){c->config.orders->incarnation, 0});
    TIDE_ASSERT(rc == 0);
    if (tide_coordinator_append(c, TIDE_WAL_C, &c->phase_lsn) == 0) {
        tide_wal_sync(c->config.wal);
    }
}

/* ---- the job's two phases ---- */

static void
submit(struct tide_coordinator *c, struct tide_discovery *d, enum discovery_phase phase)
{
    d->phase = phase;
    d->err = (struct tide_error){0};
    if (tide_offload_submit(c->box, phase == DISCOVERY_LISTING ? list_run : start_run, d,
                            (uint64_t)(d - c->discoveries)) != 0) {
        d->phase = DISCOVERY_IDLE;
    }
}

static void
drop_known(struct tide_coordinator *c, struct tide_discovery *d)
{
    int32_t source = tide_checkpoint_source(c->config.checkpoint, d->source->id, false);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->sink.n; i++) {
        struct found *found = &d->sink.items[i];
        bool known = source >= 0 && tide_checkpoint_split_find(c->config.checkpoint,
                                                               (uint32_t)source, found->name) >= 0;
        if (known) {
            tide_free(c->config.seam, found->name);
        } else {
            d->sink.items[kept++] = *found;
        }
    }
    d->sink.n = kept;
}

/* An answer that will not come by itself ends the incarnation; others are asked for again. */
static bool
discovery_failed(struct tide_coordinator *c, struct tide_discovery *d)
{
    if (d->rc == 0) {
        return false;
    }
    d->phase = DISCOVERY_IDLE;
    sink_clear(&d->sink);
    enum tide_disposition what = tide_error_disposition(d->rc);
    if (d->rc != TIDE_ERR_NOTFOUND && what != TIDE_DISPOSITION_WAIT &&
        what != TIDE_DISPOSITION_RETRY) {
        tide_coordinator_fail(c, &d->err);
    }
    return true;
}

static void
listed(struct tide_coordinator *c, struct tide_discovery *d)
{
    bool missing = d->rc == TIDE_ERR_NOTFOUND;
    d->answered = d->rc == 0 || missing;
    if (missing && d->sink.n == 0) {
        d->phase = DISCOVERY_IDLE;
        d->resolved = true;
        return;
    }
    if (!missing && discovery_failed(c, d)) {
        return;
    }
    drop_known(c, d);
    if (d->sink.n == 0) {
        d->phase = DISCOVERY_IDLE;
        d->resolved = true;
    } else {
        submit(c, d, DISCOVERY_STARTING);
    }
}

static void
resolved(struct tide_coordinator *c, struct tide_discovery *d)
{
    if (discovery_failed(c, d)) {
        return;
    }
    d->phase = DISCOVERY_IDLE;
    d->resolved = true;
}

/* Splits found while running are written and handed out. */
static void
append_later(struct tide_coordinator *c)
{
    for (uint32_t s = 0; s < c->config.n_sources; s++) {
        struct tide_discovery *d = &c->discoveries[s];
        if (d->phase == DISCOVERY_IDLE && d->resolved && d->sink.n > 0) {
            append_found(c, d);
        }
    }
    if (c->state == TIDE_COORDINATOR_RUNNING && c->n_assigned < c->config.checkpoint->n_splits) {
        publish(c);
    }
}

void
tide_splits_job_done(struct tide_coordinator *c, uint64_t source)
{
    TIDE_ASSERT(source < c->config.n_sources);
    struct tide_discovery *d = &c->discoveries[source];
    if (d->phase == DISCOVERY_LISTING) {
        listed(c, d);
    } else {
        TIDE_ASSERT(d->phase == DISCOVERY_STARTING);
        resolved(c, d);
    }
}

static void
discover_due(struct tide_coordinator *c)
{
    uint64_t now = tide_mono_ns(c->config.seam);
    bool starting = c->state == TIDE_COORDINATOR_STARTING;
    if (now < c->next_discover_ns || (starting && c->phase_lsn != 0)) {
        return;
    }
    bool hurry = starting;
    for (uint32_t s = 0; s < c->config.n_sources; s++) {
        struct tide_discovery *d = &c->discoveries[s];
        hurry = hurry || !d->answered || d->rc != 0;
        if (d->phase == DISCOVERY_IDLE && !(starting && d->resolved) && d->sink.n == 0) {
            d->first = starting;
            d->resolved = false;
            submit(c, d, DISCOVERY_LISTING);
        }
    }
    c->next_discover_ns =
        now + (hurry && c->config.discover_ns > RETRY_NS ? RETRY_NS : c->config.discover_ns);
}

void
tide_splits_advance(struct tide_coordinator *c)
{
    if (c->state == TIDE_COORDINATOR_STARTING && c->phase_lsn != 0 &&
        tide_wal_durable(c->config.wal) >= c->phase_lsn) {
        c->state = TIDE_COORDINATOR_RUNNING;
        c->next_open_ns = tide_mono_ns(c->config.seam) + c->config.interval_ns;
        publish(c);
    }
    if (c->state == TIDE_COORDINATOR_STARTING && c->phase_lsn == 0) {
        append_first_commit(c);
    } else if (c->state == TIDE_COORDINATOR_RUNNING) {
        append_later(c);
    }
    if (c->state == TIDE_COORDINATOR_STARTING || c->state == TIDE_COORDINATOR_RUNNING) {
        discover_due(c);
    }
}

const char *
tide_splits_waiting(const struct tide_coordinator *c)
{
    for (uint32_t s = 0; s < c->config.n_sources; s++) {
        const struct tide_discovery *d = &c->discoveries[s];
        if (d->err.code != 0 && d->phase == DISCOVERY_IDLE) {
            return d->err.text;
        }
    }
    return NULL;
}

int
tide_splits_init(struct tide_coordinator *c, struct tide_error *err)
{
    c->discoveries =
        tide_alloc(c->config.seam, (c->config.n_sources + 1u) * sizeof(*c->discoveries));
    if (c->discoveries == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for %u sources", c->config.n_sources);
    }
    for (uint32_t s = 0; s < c->config.n_sources; s++) {
        c->discoveries[s].source = &c->config.sources[s];
        c->discoveries[s].sink.seam = c->config.seam;
    }
    if (c->config.checkpoint->started) {
        c->state = TIDE_COORDINATOR_RUNNING;
        c->next_open_ns = tide_mono_ns(c->config.seam) + c->config.interval_ns;
        publish(c);
    }
    return 0;
}

void
tide_splits_fini(struct tide_coordinator *c)
{
    for (uint32_t s = 0; c->discoveries != NULL && s < c->config.n_sources; s++) {
        sink_clear(&c->discoveries[s].sink);
        tide_free(c->config.seam, c->discoveries[s].sink.items);
    }
    tide_free(c->config.seam, c->discoveries);
    c->discoveries = NULL;
}
