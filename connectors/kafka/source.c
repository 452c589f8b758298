/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: the tasks that read partitions, and the kind's registration.
 *
 * Each task has one queue onto which its partitions are fetched, and an eventfd that turns readable
 * when an empty queue gets a record. poll() takes what is there: it is IDLE only after it has found
 * the queue empty, emptied the descriptor, and found the queue empty again, so that no record waits
 * for a wake that is over. A record that does not fit is held and put first next time.
 *
 * An offset that Kafka does not have any more comes as an error of its partition; what there is is
 * asked for by a job, and failOnDataLoss decides. The task with index 0 serves the client's main
 * queue. While no broker answers, or a topic is missing, a task is WAITING and asks every second.
 *
 * Threads: worker, but for bind, open, probe, task_open and their counterparts. I4: the position of
 * a partition never goes back, but where a topic was made anew and failOnDataLoss is false.
 */
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "jobs.h"
#include "kafka.h"
#include "parts.h"
#include "rows.h"

/* Records of one poll; more come with the next, so that a step stays short. */
#define POLL_MAX 256u

/* While something outside is missing, it is looked for this often. */
#define ASK_EVERY_NS 1000000000u

struct source_task {
    struct tide_kafka_source *source;
    const struct tide_host *host;
    const struct tide_kafka_client_api *api;
    struct tide_task *task;
    struct tide_kafka_queue *queue;
    struct tide_kafka_parts parts;
    struct tide_kafka_jobs jobs;
    struct tide_kafka_waiter waiter;
    struct tide_kafka_columns columns;
    struct tide_kafka_record record; /* held while `holding` */
    uint64_t ask_after_ns;
    uint32_t doubts; /* of the link's, those that were asked about */
    int fd;
    bool holding, watching, first;
    bool waiting; /* the host was told so */
};

/* ---- partitions ---- */

static int
fetch(struct source_task *self, struct tide_kafka_part *part)
{
    int code;
    if (tide_kafka_job_pending(&self->jobs, TIDE_KAFKA_JOB_STOP, self->api->topic_name(part->topic),
                               part->partition)) {
        part->deferred = true;
        return 0;
    }
    part->deferred = false;
    code = self->api->fetch_start(part->topic, part->partition, part->next, self->queue);
    if (code != 0) {
        self->host->fail(
            self->task, TIDE_ERR_IO, "cannot fetch topic '%s' partition %" PRId32 ": %s",
            self->api->topic_name(part->topic), part->partition, rd_kafka_err2str(code));
        return TIDE_ERR_IO;
    }
    return 0;
}

static int
source_assign(void *task, uint32_t id, const char *split, struct tide_bytes from,
              const struct tide_bytes *end)
{
    struct source_task *self = task;
    char topic[TIDE_KAFKA_TOPIC_MAX + 1];
    struct tide_kafka_part part = {.id = id, .next = tide_kafka_offset_get(from)};
    if (!tide_kafka_split_parse(split, topic, &part.partition) || part.next < 0 || end != NULL) {
        self->host->fail(self->task, TIDE_ERR_INVALID, "split '%s' cannot be read from %" PRId64,
                         split, part.next);
        return TIDE_ERR_INVALID;
    }
    part.topic = self->api->topic_open(self->source->link.client, topic);
    part.topic_n = (uint32_t)strlen(topic);
    if (part.topic == NULL || !tide_kafka_parts_add(&self->parts, &part)) {
        self->host->fail(self->task, TIDE_ERR_NOMEM, "no memory to read split '%s'", split);
        return TIDE_ERR_NOMEM;
    }
    return fetch(self, tide_kafka_parts_by_id(&self->parts, id));
}

/* Starts a fetch anew: librdkafka wants the earlier one ended, which blocks. */
static bool
fetch_anew(struct source_task *self, struct tide_kafka_part *part)
{
    const struct tide_kafka_question stop = {
        .kind = TIDE_KAFKA_JOB_STOP,
        .name = self->api->topic_name(part->topic),
        .partition = part->partition,
        .topic =
            self->api->topic_open(self->source->link.client, self->api->topic_name(part->topic)),
    };
    if (stop.topic == NULL || !tide_kafka_job_submit(&self->jobs, &stop)) {
        if (stop.topic != NULL) {
            self->api->topic_close(stop.topic);
        }
        return false;
    }
    part->lost = false;
    part->deferred = true;
    return true;
}

/* Records of the partition that are still queued find no part and are dropped. */
static int
source_unassign(void *task, uint32_t id)
{
    struct source_task *self = task;
    struct tide_kafka_part *part = tide_kafka_parts_by_id(&self->parts, id);
    struct tide_kafka_question stop = {.kind = TIDE_KAFKA_JOB_STOP};
    if (part == NULL) {
        return TIDE_ERR_NOTFOUND;
    }
    stop.topic = part->topic;
    stop.name = self->api->topic_name(part->topic);
    stop.partition = part->partition;
    if (!tide_kafka_job_submit(&self->jobs, &stop)) {
        return TIDE_ERR_LIMIT;
    }
    tide_kafka_parts_remove(&self->parts, part);
    return 0;
}

static int
source_position(void *task, uint32_t id, void *out, uint32_t *out_n, bool *out_reached)
{
    struct source_task *self = task;
    const struct tide_kafka_part *part = tide_kafka_parts_by_id(&self->parts, id);
    if (part == NULL || *out_n < TIDE_KAFKA_OFFSET_BYTES) {
        return TIDE_ERR_NOTFOUND;
    }
    tide_kafka_offset_put(part->next, out);
    *out_n = TIDE_KAFKA_OFFSET_BYTES;
    *out_reached = false;
    return 0;
}

/* ---- what is missing outside ---- */

/* The answer to what there is of a partition whose offset is gone; without memory for the next step
 * it is asked again. False: the task failed. */
static bool
range_known(struct source_task *self, struct tide_kafka_part *part,
            const struct tide_kafka_job *job)
{
    char text[TIDE_ERROR_TEXT_MAX];
    if (part->next >= job->first && part->next <= job->next) {
        fetch_anew(self, part);
        return true;
    }
    tide_kafka_loss_text(job->name, part->partition, part->next, job->first, job->next, text,
                         sizeof(text));
    if (self->source->bound->fail_on_data_loss) {
        self->host->fail(self->task, TIDE_ERR_FATAL, "%s", text);
        return false;
    }
    if (fetch_anew(self, part)) {
        self->host->log(self->host, TIDE_SEVERITY_WARN,
                        "%s (it is false: reading from %" PRId64 ")", text, job->first);
        part->next = job->first;
    }
    return true;
}

/* A topic that exists again delivers again. */
static void
asked(struct source_task *self, const struct tide_kafka_job *job)
{
    for (uint32_t i = 0; i < self->parts.n; i++) {
        struct tide_kafka_part *part = &self->parts.items[i];
        if (tide_kafka_code_transient(job->code) ||
            strcmp(self->api->topic_name(part->topic), job->name) != 0) {
            continue;
        }
        part->trouble = job->code;
        if (job->code == 0 && part->partition >= job->n_partitions) {
            part->trouble = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
        }
    }
}

/* The client misses a topic or partition: asks for all that the task reads. */
static void
doubts_ask(struct source_task *self)
{
    uint32_t doubts = tide_kafka_link_doubts(&self->source->link);
    for (uint32_t i = 0; i < self->parts.n && doubts != self->doubts; i++) {
        const struct tide_kafka_question question = {
            .kind = TIDE_KAFKA_JOB_ASK,
            .name = self->api->topic_name(self->parts.items[i].topic),
        };
        if (!tide_kafka_job_pending(&self->jobs, TIDE_KAFKA_JOB_ASK, question.name, -1)) {
            tide_kafka_job_submit(&self->jobs, &question);
        }
    }
    self->doubts = doubts;
}

static bool
job_finished(struct source_task *self, const struct tide_kafka_job *job)
{
    if (job->kind == TIDE_KAFKA_JOB_ASK) {
        asked(self, job);
        return true;
    }
    for (uint32_t i = 0; i < self->parts.n; i++) {
        struct tide_kafka_part *part = &self->parts.items[i];
        if (part->partition != job->partition ||
            strcmp(self->api->topic_name(part->topic), job->name) != 0) {
            continue;
        }
        if (job->kind == TIDE_KAFKA_JOB_STOP) {
            return !part->deferred || fetch(self, part) == 0;
        }
        return job->code != 0 || !part->lost || range_known(self, part, job);
    }
    return true;
}

static bool
jobs_finish(struct source_task *self)
{
    struct tide_kafka_job *job;
    bool ok = true;
    while (ok && (job = tide_kafka_job_take(&self->jobs)) != NULL) {
        ok = job_finished(self, job);
        tide_kafka_job_free(job);
    }
    return ok;
}

/* The partition to be told of when the task waits, or NULL. */
static const struct tide_kafka_part *
part_missed(const struct source_task *self)
{
    for (uint32_t i = 0; i < self->parts.n; i++) {
        if (self->parts.items[i].lost || self->parts.items[i].trouble != 0) {
            return &self->parts.items[i];
        }
    }
    return NULL;
}

/* Asks for what is missing, at most every second; @part may be NULL: no broker answers. */
static void
ask(struct source_task *self, const struct tide_kafka_part *part)
{
    uint64_t now = self->host->now_mono(self->host);
    struct tide_kafka_question question = {.kind = TIDE_KAFKA_JOB_ASK};
    if (now < self->ask_after_ns || self->parts.n == 0) {
        return;
    }
    if (part != NULL && part->lost) {
        question.kind = TIDE_KAFKA_JOB_RANGE;
    }
    part = part != NULL ? part : &self->parts.items[0];
    question.name = self->api->topic_name(part->topic);
    question.partition = part->partition;
    if (!tide_kafka_job_pending(&self->jobs, question.kind, NULL, -1)) {
        tide_kafka_job_submit(&self->jobs, &question);
    }
    self->ask_after_ns = now + ASK_EVERY_NS;
}

static void
trouble_text(const struct source_task *self, const struct tide_kafka_part *part, char *out)
{
    const char *topic = self->api->topic_name(part->topic);
    if (part->lost) {
        snprintf(out, TIDE_KAFKA_REASON_MAX,
                 "topic '%s' partition %" PRId32 ": asking which offsets there are", topic,
                 part->partition);
    } else if (part->trouble == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        snprintf(out, TIDE_KAFKA_REASON_MAX, "topic '%s' has no partition %" PRId32, topic,
                 part->partition);
    } else if (tide_kafka_code_missing(part->trouble)) {
        snprintf(out, TIDE_KAFKA_REASON_MAX, "topic '%s' does not exist at %s", topic,
                 self->source->link.brokers);
    } else {
        snprintf(out, TIDE_KAFKA_REASON_MAX, "topic '%s' partition %" PRId32 " cannot be read: %s",
                 topic, part->partition, rd_kafka_err2str(part->trouble));
    }
}

static void
waiting_end(struct source_task *self)
{
    if (self->waiting) {
        self->host->waiting(self->task, NULL);
        self->waiting = false;
    }
}

/* Nothing came: because there is nothing, or because something is missing. */
static enum tide_step
idle_or_waiting(struct source_task *self)
{
    char reason[TIDE_KAFKA_REASON_MAX];
    const struct tide_kafka_part *part = part_missed(self);
    bool down = tide_kafka_link_down(&self->source->link, reason);
    doubts_ask(self);
    if (!down && part == NULL) {
        waiting_end(self);
        return TIDE_STEP_IDLE;
    }
    if (!down) {
        trouble_text(self, part, reason);
    }
    ask(self, down ? NULL : part);
    self->host->waiting(self->task, reason);
    self->waiting = true;
    self->host->timer_at(self->task, self->ask_after_ns);
    return TIDE_STEP_WAITING;
}

/* ---- records ---- */

enum taken { TAKEN, TAKEN_BLOCKED, TAKEN_FAILED };

/* An error in the place of a record. */
static enum taken
error_take(struct source_task *self)
{
    const struct tide_kafka_record *record = &self->record;
    struct tide_kafka_part *part =
        record->topic == NULL
            ? NULL
            : tide_kafka_parts_find(&self->parts, record->topic, record->partition);
    if (part == NULL || record->code == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
        tide_kafka_code_transient(record->code)) {
        return TAKEN;
    }
    if (record->code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        part->lost = true;
        self->ask_after_ns = 0;
        return TAKEN;
    }
    if (record->code == RD_KAFKA_RESP_ERR__BAD_MSG ||
        record->code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
        record->code == RD_KAFKA_RESP_ERR_INVALID_MSG) {
        self->host->fail(self->task, TIDE_ERR_FATAL,
                         "topic '%s' partition %" PRId32 ": a record after offset %" PRId64
                         " is damaged: %s",
                         self->api->topic_name(part->topic), part->partition, part->next - 1,
                         record->error_text);
        return TAKEN_FAILED;
    }
    part->trouble = record->code;
    return TAKEN;
}

/* A record that no row can hold goes the way of rejected records. */
static enum taken
oversize_take(struct source_task *self, struct tide_kafka_part *part,
              const struct tide_kafka_row_source *origin)
{
    char text[160];
    snprintf(text, sizeof(text),
             "the record has %llu bytes, more than runtime.maxRecordSize allows (%u); its value is "
             "not kept",
             (unsigned long long)tide_kafka_record_size(&self->record),
             self->source->bound->max_record);
    switch (tide_kafka_row_reject(self->host, self->task, &self->columns, origin, &self->record,
                                  text)) {
    case TIDE_REJECT_BLOCKED:
        return TAKEN_BLOCKED;
    case TIDE_REJECT_FAIL:
        return TAKEN_FAILED;
    default:
        part->next = self->record.offset + 1;
        return TAKEN;
    }
}

/* Offsets below `next` come from a fetch that was under way when the partition was started anew. */
static enum taken
record_take(struct source_task *self, struct tide_writer *out, uint64_t ingest_ns)
{
    const struct tide_kafka_record *record = &self->record;
    struct tide_kafka_part *part;
    struct tide_kafka_row_source origin;
    if (record->code != 0) {
        return error_take(self);
    }
    part = tide_kafka_parts_find(&self->parts, record->topic, record->partition);
    if (part == NULL || record->offset < part->next) {
        return TAKEN;
    }
    origin = (struct tide_kafka_row_source){
        self->api, {self->api->topic_name(part->topic), part->topic_n}, ingest_ns, part->id};
    part->trouble = 0;
    if (tide_kafka_record_size(record) > self->source->bound->max_record) {
        return oversize_take(self, part, &origin);
    }
    if (!tide_kafka_row_put(&self->columns, out, &origin, record)) {
        return out->n == 0 ? oversize_take(self, part, &origin) : TAKEN_BLOCKED;
    }
    part->next = record->offset + 1;
    return TAKEN;
}

/* Watches the descriptors, in the task's first step. */
static bool
watch(struct source_task *self)
{
    if (self->watching) {
        return true;
    }
    self->watching = true;
    if (self->host->watch_fd(self->task, self->fd, EPOLLIN) != 0 ||
        (self->first && self->host->watch_fd(self->task, self->source->link.fd, EPOLLIN) != 0)) {
        self->host->fail(self->task, TIDE_ERR_IO, "cannot watch the descriptors of a Kafka client");
        return false;
    }
    return true;
}

static bool
record_next(struct source_task *self)
{
    if (!self->holding) {
        self->holding = self->api->consume(self->queue, &self->record);
    }
    return self->holding;
}

/* The queue is empty: empties the descriptor and looks again. */
static bool
record_after_all(struct source_task *self)
{
    uint64_t count;
    (void)!read(self->fd, &count, sizeof(count));
    return record_next(self);
}

static enum tide_step
drained(struct source_task *self)
{
    char text[TIDE_KAFKA_REASON_MAX];
    if (record_after_all(self)) {
        return TIDE_STEP_MORE;
    }
    if (self->first && tide_kafka_link_serve(&self->source->link, self) == TIDE_KAFKA_SERVED_SOME) {
        int code = self->api->fatal(self->source->link.client, text, sizeof(text));
        if (code != 0) {
            self->host->fail(self->task, TIDE_ERR_IO, "the Kafka client cannot go on: %s", text);
            return TIDE_STEP_FAILED;
        }
    }
    return idle_or_waiting(self);
}

static enum tide_step
source_poll(void *task, struct tide_writer *out)
{
    struct source_task *self = task;
    enum taken taken = TAKEN;
    uint64_t ingest_ns;
    uint32_t n = 0;
    if (!watch(self) || !jobs_finish(self)) {
        return TIDE_STEP_FAILED;
    }
    if (!record_next(self)) {
        return drained(self);
    }
    if (self->columns.schema != out->schema) {
        tide_kafka_columns_find(&self->columns, out->schema);
    }
    ingest_ns = self->host->now_wall(self->host);
    while (taken == TAKEN && n < POLL_MAX && record_next(self)) {
        taken = record_take(self, out, ingest_ns);
        if (taken == TAKEN) {
            self->api->release(&self->record);
            self->holding = false;
            n++;
        }
    }
    if (taken == TAKEN_FAILED) {
        return TIDE_STEP_FAILED;
    }
    if (self->waiting && out->n > 0) {
        tide_kafka_link_up(&self->source->link);
        waiting_end(self);
    }
    return taken == TAKEN_BLOCKED ? TIDE_STEP_BLOCKED : TIDE_STEP_MORE;
}

/* ---- life ---- */

static int
source_task_open(void *shared, const struct tide_task_info *info, void **out_self,
                 struct tide_error *err)
{
    struct tide_kafka_source *source = shared;
    const struct tide_host *host = source->host;
    struct source_task *self = host->alloc(host, sizeof(*self));
    if (self == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a Kafka source");
    }
    self->source = source;
    self->host = host;
    self->api = source->bound->api;
    self->task = info->task;
    self->first = info->index == 0;
    self->parts.host = host;
    self->jobs.link = &source->link;
    self->jobs.task = info->task;
    self->waiter.task = info->task;
    self->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self->fd >= 0) {
        self->queue = self->api->queue_open(source->link.client, self->fd);
    }
    if (self->queue == NULL) {
        int code = tide_error_set(err, TIDE_ERR_IO, "cannot make a queue of a Kafka client: %s",
                                  strerror(errno));
        if (self->fd >= 0) {
            close(self->fd);
        }
        host->free(host, self);
        return code;
    }
    tide_kafka_link_join(&source->link, &self->waiter);
    *out_self = self;
    return 0;
}

static void
source_task_close(void *task)
{
    struct source_task *self = task;
    const struct tide_host *host = self->host;
    tide_kafka_link_leave(&self->source->link, &self->waiter);
    if (self->watching) {
        host->unwatch_fd(self->task, self->fd);
        if (self->first) {
            host->unwatch_fd(self->task, self->source->link.fd);
        }
    }
    if (self->holding) {
        self->api->release(&self->record);
    }
    tide_kafka_jobs_end(&self->jobs);
    for (uint32_t i = 0; i < self->parts.n; i++) {
        self->api->fetch_stop(self->parts.items[i].topic, self->parts.items[i].partition);
        self->api->topic_close(self->parts.items[i].topic);
    }
    tide_kafka_parts_free(&self->parts);
    self->api->queue_close(self->queue);
    close(self->fd);
    host->free(host, self);
}

static int
source_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    const struct tide_kafka_source_bound *options = bound;
    const struct tide_kafka_link_config config = {
        .host = host,
        .api = options->api,
        .role = TIDE_KAFKA_CONSUMER,
        .settings = &options->settings,
    };
    struct tide_kafka_source *source = host->alloc(host, sizeof(*source));
    int code;
    if (source == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a Kafka source");
    }
    source->host = host;
    source->bound = options;
    code = tide_kafka_link_open(&source->link, &config, err);
    if (code != 0) {
        host->free(host, source);
        return code;
    }
    *out_shared = source;
    return 0;
}

static void
source_close(void *shared)
{
    struct tide_kafka_source *source = shared;
    const struct tide_host *host = source->host;
    tide_kafka_lag_end(source);
    tide_kafka_link_close(&source->link);
    host->free(host, source->latest);
    host->free(host, source);
}

static int
source_probe(const struct tide_host *host, void *bound, struct tide_error *err)
{
    void *source;
    int code = source_open(host, bound, &source, err);
    if (code == 0) {
        code = tide_kafka_discover(source, NULL, err);
        source_close(source);
    }
    return code;
}

static void
source_unbind(void *bound)
{
    struct tide_kafka_source_bound *options = bound;
    const struct tide_host *host = options->arena.host;
    tide_kafka_source_options_free(options);
    tide_kafka_arena_free(&options->arena);
    host->free(host, options);
}

static int
source_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
            struct tide_error *err)
{
    struct tide_kafka_source_bound *bound = in->host->alloc(in->host, sizeof(*bound));
    int code;
    if (bound == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a Kafka source");
    }
    bound->arena.host = in->host;
    bound->api = tide_kafka_client(in->host);
    if (in->declared != NULL) {
        code = tide_error_set(err, TIDE_ERR_INVALID,
                              "a Kafka source has its own columns and takes no schema; use "
                              "from_json(CAST(value AS STRING), ...) in a step");
    } else {
        code = tide_kafka_source_options_read(in, bound, err);
    }
    if (code != 0) {
        source_unbind(bound);
        return code;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = tide_kafka_fields;
    out_traits->n_fields[0] = bound->headers ? TIDE_KAFKA_COLUMNS : TIDE_KAFKA_HEADERS;
    out_traits->n_original = in->keep_original && !bound->headers ? 1 : 0;
    out_traits->may_reject = true;
    out_traits->keeps_order = true;
    out_traits->deterministic = true;
    *out_bound = bound;
    return 0;
}

const struct tide_source tide_kafka_source_kind = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_source),
            .type = TIDE_KIND_SOURCE,
            .name = "kafka",
            .doc = "Reads topics of Apache Kafka.",
            .options = tide_kafka_source_options,
            .bind = source_bind,
            .unbind = source_unbind,
            .open = source_open,
            .close = source_close,
            .task_open = source_task_open,
            .task_close = source_task_close,
            .probe = source_probe,
        },
    .replayable = true,
    .discover = tide_kafka_discover,
    .start = tide_kafka_start,
    .latest = tide_kafka_latest,
    .committed = tide_kafka_committed,
    .assign = source_assign,
    .unassign = source_unassign,
    .poll = source_poll,
    .position = source_position,
    .offset_text = tide_kafka_offset_text,
};
