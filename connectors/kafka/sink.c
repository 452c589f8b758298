/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: rows become messages, markers become marks, and the kind's registration.
 *
 * A row is copied once, into the task's outbox, and sent from there. Nothing waits: a full outbox
 * or client queue is BLOCKED, and the acknowledgement that makes room wakes the task. What a row
 * cannot be (too large, to a partition that does not exist) is rejected before it is sent.
 *
 * Threads: worker, but for bind, open, probe, task_open and their counterparts. Messages that are
 * out when a task closes stay in its outbox until the client is closed.
 */
#include "sink.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "flight.h"
#include "kafka.h"
#include "offsets.h"

#define RECORD_ID_HEADER "tidemark-record-id"
#define RECORD_ID_MAX 512u

/* ---- rows ---- */

/* One row on its way out. */
struct row_out {
    const struct tide_schema *schema;
    const struct tide_batch *in;
    const uint8_t *row;
    uint32_t i;
    struct tide_kafka_parcel parcel;
    const char *error_class; /* why it cannot be sent */
    char error[TIDE_ERROR_TEXT_MAX];
    char record_id[RECORD_ID_MAX];
};

static struct tide_bytes
bytes_of(const struct row_out *out, uint32_t field)
{
    struct tide_bytes bytes;
    if (field == UINT32_MAX || tide_row_is_null(out->row, field)) {
        return TIDE_KAFKA_ABSENT;
    }
    bytes = tide_row_bytes(out->schema, out->in, out->row, field);
    return bytes;
}

static bool
refuse(struct row_out *out, const char *error_class, const char *error)
{
    out->error_class = error_class;
    snprintf(out->error, sizeof(out->error), "%s", error);
    return false;
}

static bool
topics_grow(struct tide_kafka_sink_task *self)
{
    const struct tide_host *host = self->host;
    uint32_t capacity = self->topics_capacity == 0 ? 4 : self->topics_capacity * 2;
    struct tide_kafka_out_topic *topics = host->alloc(host, capacity * sizeof(*topics));
    if (topics == NULL) {
        return false;
    }
    if (self->n_topics > 0) {
        memcpy(topics, self->topics, self->n_topics * sizeof(*topics));
        host->free(host, self->topics);
    }
    self->topics = topics;
    self->topics_capacity = capacity;
    return true;
}

static struct tide_kafka_topic *
topic_add(struct tide_kafka_sink_task *self, struct tide_bytes name)
{
    const struct tide_host *host = self->host;
    struct tide_kafka_out_topic *topic;
    char *text;
    if (self->n_topics == self->topics_capacity && !topics_grow(self)) {
        return NULL;
    }
    text = host->alloc(host, (size_t)name.n + 1);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, name.p, name.n);
    topic = &self->topics[self->n_topics];
    *topic = (struct tide_kafka_out_topic){text, name.n, NULL};
    topic->topic = self->api->topic_open(self->sink->link.client, text);
    if (topic->topic == NULL) {
        host->free(host, text);
        return NULL;
    }
    self->last_topic = self->n_topics++;
    return topic->topic;
}

/* The topic of that name; most rows go where the row before went. */
static struct tide_kafka_topic *
topic_get(struct tide_kafka_sink_task *self, struct row_out *out, struct tide_bytes name)
{
    struct tide_kafka_topic *topic;
    for (uint32_t i = 0; i < self->n_topics; i++) {
        uint32_t at = (self->last_topic + i) % self->n_topics;
        if (self->topics[at].n == name.n && memcmp(self->topics[at].name, name.p, name.n) == 0) {
            self->last_topic = at;
            return self->topics[at].topic;
        }
    }
    if (name.p == NULL) {
        refuse(out, "NULL_TOPIC",
               "null topic present in the data. Use the topic option for setting a topic.");
        return NULL;
    }
    if (!tide_kafka_topic_valid(name.p, name.n)) {
        refuse(out, "INVALID_TOPIC", "the column topic does not hold the name of a topic");
        return NULL;
    }
    if (self->n_topics == TIDE_KAFKA_TOPICS_MAX) {
        refuse(out, "TOO_MANY_TOPICS", "the rows name more topics than a sink may write to");
        return NULL;
    }
    topic = topic_add(self, name);
    if (topic == NULL) {
        refuse(out, "NO_TOPIC", "the Kafka client cannot make an object for the topic");
    }
    return topic;
}

/* Struct @i of the array of headers at @array. */
static bool
header_of(struct row_out *out, const uint8_t *array, uint64_t count, uint32_t i,
          struct tide_kafka_parcel_header *header)
{
    const uint8_t *heap = out->in->heap, *nulls = array + 16, *fields;
    struct tide_ref element, parts[2];
    if ((nulls[i >> 3] >> (i & 7)) & 1) {
        return refuse(out, "INVALID_HEADER", "an element of the column headers is NULL");
    }
    memcpy(&element, nulls + (count + 63) / 64 * 8 + (size_t)i * sizeof(element), sizeof(element));
    fields = heap + element.at;
    memcpy(parts, fields + 8, sizeof(parts));
    header->name = (struct tide_bytes){heap + parts[0].at, parts[0].n};
    header->value = (fields[0] & 2) != 0 ? TIDE_KAFKA_ABSENT
                                         : (struct tide_bytes){heap + parts[1].at, parts[1].n};
    if ((fields[0] & 1) != 0 || memchr(header->name.p, 0, header->name.n) != NULL) {
        return refuse(out, "INVALID_HEADER", "the key of a header is NULL or holds a NUL byte");
    }
    return true;
}

static bool
headers_of(struct tide_kafka_sink_task *self, struct row_out *out)
{
    struct tide_bytes array = bytes_of(out, self->bound->field[TIDE_KAFKA_OUT_HEADERS]);
    uint64_t count = 0;
    if (array.p != NULL) {
        memcpy(&count, array.p, sizeof(count));
    }
    if (count >= TIDE_KAFKA_HEADERS_MAX) {
        return refuse(out, "TOO_MANY_HEADERS", "the record has more headers than are sent");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!header_of(out, array.p, count, i, &self->row_headers[i])) {
            return false;
        }
    }
    if (self->bound->record_id) {
        uint32_t n = self->host->record_id(self->task, tide_row_hdr(out->row), out->record_id,
                                           sizeof(out->record_id));
        n = n < sizeof(out->record_id) ? n : (uint32_t)sizeof(out->record_id) - 1;
        self->row_headers[count++] = (struct tide_kafka_parcel_header){
            {RECORD_ID_HEADER, sizeof(RECORD_ID_HEADER) - 1}, {out->record_id, n}};
    }
    out->parcel.headers = self->row_headers;
    out->parcel.n_headers = (uint32_t)count;
    return true;
}

/* Fills the parcel; false: the row cannot be sent, and the error says why. */
static bool
parcel_of(struct tide_kafka_sink_task *self, struct row_out *out)
{
    const struct tide_kafka_sink_bound *bound = self->bound;
    uint32_t partition = bound->field[TIDE_KAFKA_OUT_PARTITION];
    struct tide_bytes topic = bound->topic != NULL
                                  ? (struct tide_bytes){bound->topic, bound->topic_n}
                                  : bytes_of(out, bound->field[TIDE_KAFKA_OUT_TOPIC]);
    out->parcel.key = bytes_of(out, bound->field[TIDE_KAFKA_OUT_KEY]);
    out->parcel.value = bytes_of(out, bound->field[TIDE_KAFKA_OUT_VALUE]);
    out->parcel.partition = -1;
    if (partition != UINT32_MAX && !tide_row_is_null(out->row, partition)) {
        out->parcel.partition = (int32_t)tide_row_i64(out->schema, out->row, partition);
        if (out->parcel.partition < 0) {
            return refuse(out, "INVALID_PARTITION", "the column partition is negative");
        }
    }
    out->parcel.topic = topic_get(self, out, topic);
    if (out->parcel.topic == NULL || !headers_of(self, out)) {
        return false;
    }
    if (tide_kafka_parcel_size(&out->parcel) > bound->message_max) {
        snprintf(out->error, sizeof(out->error),
                 "the message has %llu bytes, more than message.max.bytes allows (%u)",
                 (unsigned long long)tide_kafka_parcel_size(&out->parcel), bound->message_max);
        out->error_class = "RECORD_TOO_LARGE";
        return false;
    }
    return true;
}

/* MORE: the row is dealt with. */
static enum tide_step
row_reject(struct tide_kafka_sink_task *self, struct row_out *out)
{
    switch (self->host->reject(self->task, out->in, out->i, out->error_class, out->error)) {
    case TIDE_REJECT_BLOCKED:
        return TIDE_STEP_BLOCKED;
    case TIDE_REJECT_FAIL:
        return TIDE_STEP_FAILED;
    default:
        return TIDE_STEP_MORE;
    }
}

/* The client did not take a message. */
static enum tide_step
row_refused(struct tide_kafka_sink_task *self, struct row_out *out, int code)
{
    const char *topic = self->api->topic_name(out->parcel.topic);
    char text[TIDE_ERROR_TEXT_MAX];
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return TIDE_STEP_BLOCKED; /* the outbox is not empty, or that of another task */
    }
    if (tide_kafka_code_refusal(code)) {
        snprintf(text, sizeof(text), "topic '%s' cannot take the record: %s", topic,
                 rd_kafka_err2str(code));
        refuse(out, rd_kafka_err2name(code), text);
        return row_reject(self, out);
    }
    if (tide_kafka_code_missing(code) || tide_kafka_code_transient(code)) {
        return tide_kafka_sink_wait(self, out->parcel.topic, code);
    }
    self->api->fatal(self->sink->link.client, text, sizeof(text));
    self->host->fail(self->task, TIDE_ERR_IO, "topic '%s' takes no records: %s", topic,
                     code == RD_KAFKA_RESP_ERR__FATAL ? text : rd_kafka_err2str(code));
    return TIDE_STEP_FAILED;
}

/* One row. MORE: done with. */
static enum tide_step
row_write(struct tide_kafka_sink_task *self, struct row_out *out)
{
    struct tide_kafka_entry *entry;
    bool none_out = self->outbox.head == self->outbox.tail;
    int code;
    if (!parcel_of(self, out)) {
        return row_reject(self, out);
    }
    entry = tide_kafka_outbox_claim(&self->outbox, &out->parcel);
    if (entry == NULL) {
        return TIDE_STEP_BLOCKED;
    }
    entry->owner = self;
    code = tide_kafka_sink_produce(self, entry);
    if (code != 0) {
        return row_refused(self, out, code);
    }
    tide_kafka_outbox_commit(&self->outbox);
    if (none_out) {
        self->progress_ns = self->host->now_mono(self->host);
    }
    entry->kept = self->host->keep(self->task, out->in, out->i);
    return entry->kept != NULL ? TIDE_STEP_MORE : TIDE_STEP_FAILED;
}

/* An acknowledgement wakes the task only while something waits for it: an epoch, or rows that find
 * no room. Any other is taken in the step of the next row, which saves a wake a record at low
 * rates. */
void
tide_kafka_sink_watch(struct tide_kafka_sink_task *self)
{
    bool want = self->n_marks > 0 || self->blocked || self->resending;
    if (want == self->watching) {
        return;
    }
    if (!want) {
        self->host->unwatch_fd(self->task, self->sink->link.fd);
    } else if (self->host->watch_fd(self->task, self->sink->link.fd, EPOLLIN) != 0) {
        self->host->fail(self->task, TIDE_ERR_IO,
                         "cannot watch the descriptor of a Kafka producer");
        return;
    }
    self->watching = want;
}

static enum tide_step
sink_write(void *task, const struct tide_batch *in, uint32_t *out_consumed)
{
    struct tide_kafka_sink_task *self = task;
    struct row_out out = {.in = in};
    enum tide_step step = TIDE_STEP_MORE;
    if (self->resending) {
        return TIDE_STEP_BLOCKED;
    }
    if (self->schema == NULL || self->schema->id != in->schema) {
        self->schema = self->host->schema(self->host, in->schema);
    }
    out.schema = self->schema;
    while (out.i < in->n && step == TIDE_STEP_MORE) {
        out.row = tide_batch_row(in, out.i);
        step = row_write(self, &out);
        out.i += step == TIDE_STEP_MORE;
    }
    *out_consumed = out.i;
    self->blocked = step == TIDE_STEP_BLOCKED;
    tide_kafka_sink_watch(self);
    return step;
}

static enum tide_step
sink_on_marker(void *task, uint64_t first, struct tide_seal seal, uint32_t flags)
{
    struct tide_kafka_sink_task *self = task;
    (void)first;
    (void)flags;
    if (self->n_marks == TIDE_KAFKA_MARKS_MAX) {
        return TIDE_STEP_BLOCKED;
    }
    self->marks[(self->first_mark + self->n_marks++) % TIDE_KAFKA_MARKS_MAX] =
        (struct tide_kafka_mark){self->outbox.tail, seal};
    tide_kafka_sink_settle(self);
    tide_kafka_sink_watch(self);
    return TIDE_STEP_DONE;
}

/* ---- life ---- */

static int
sink_task_open(void *shared, const struct tide_task_info *info, void **out_self,
               struct tide_error *err)
{
    struct tide_kafka_sink *sink = shared;
    const struct tide_host *host = sink->host;
    struct tide_kafka_sink_task *self = host->alloc(host, sizeof(*self));
    int code;
    if (self == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a Kafka sink");
    }
    code = tide_kafka_outbox_init(&self->outbox, host, sink->bound->message_max, err);
    if (code != 0) {
        host->free(host, self);
        return code;
    }
    self->sink = sink;
    self->bound = sink->bound;
    self->host = host;
    self->api = sink->bound->api;
    self->task = info->task;
    self->waiter.task = info->task;
    self->jobs.link = &sink->link;
    self->jobs.task = info->task;
    pthread_mutex_init(&self->lock, NULL);
    tide_kafka_link_join(&sink->link, &self->waiter);
    *out_self = self;
    return 0;
}

/* Drops what the host keeps for messages that are out. */
static void
kept_drop(struct tide_kafka_sink_task *self)
{
    const struct tide_kafka_outbox *outbox = &self->outbox;
    for (uint64_t position = outbox->head; position < outbox->tail;) {
        struct tide_kafka_entry *entry = tide_kafka_outbox_at(outbox, position);
        position += entry->size;
        if (entry->state != TIDE_KAFKA_ENTRY_PAD && entry->kept != NULL) {
            self->host->drop_kept(self->task, entry->kept);
        }
    }
}

static void
sink_task_close(void *task)
{
    struct tide_kafka_sink_task *self = task;
    struct tide_kafka_sink *sink = self->sink;
    tide_kafka_link_leave(&sink->link, &self->waiter);
    if (self->watching) {
        self->host->unwatch_fd(self->task, sink->link.fd);
    }
    tide_kafka_jobs_end(&self->jobs);
    pthread_mutex_lock(&self->lock);
    self->closing = true;
    kept_drop(self);
    pthread_mutex_unlock(&self->lock);
    for (uint32_t i = 0; i < self->n_topics; i++) {
        self->api->topic_close(self->topics[i].topic);
        self->host->free(self->host, (void *)(uintptr_t)self->topics[i].name);
    }
    self->host->free(self->host, self->topics);
    self->next_closed = sink->closed;
    sink->closed = self;
}

static int
sink_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    const struct tide_kafka_sink_bound *options = bound;
    struct tide_kafka_sink *sink = host->alloc(host, sizeof(*sink));
    struct tide_kafka_settings settings;
    int code;
    if (sink == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a Kafka sink");
    }
    tide_kafka_flight_settings(host, options, &settings);
    sink->host = host;
    sink->bound = options;
    code = tide_kafka_link_open(&sink->link,
                                &(struct tide_kafka_link_config){
                                    .host = host,
                                    .api = options->api,
                                    .role = TIDE_KAFKA_PRODUCER,
                                    .settings = &settings,
                                    .self = sink,
                                    .on_ack = tide_kafka_sink_ack,
                                },
                                err);
    if (code != 0) {
        host->free(host, sink);
        return code;
    }
    *out_shared = sink;
    return 0;
}

static void
sink_close(void *shared)
{
    struct tide_kafka_sink *sink = shared;
    const struct tide_host *host = sink->host;
    tide_kafka_link_close(&sink->link);
    while (sink->closed != NULL) {
        struct tide_kafka_sink_task *task = sink->closed;
        sink->closed = task->next_closed;
        tide_kafka_outbox_fini(&task->outbox);
        pthread_mutex_destroy(&task->lock);
        host->free(host, task);
    }
    host->free(host, sink);
}

/* Asks as a consumer: a producer's question may create the topic. */
static int
sink_probe(const struct tide_host *host, void *bound, struct tide_error *err)
{
    const struct tide_kafka_sink_bound *options = bound;
    struct tide_kafka_link link;
    const struct tide_kafka_link_config config = {
        .host = host,
        .api = options->api,
        .role = TIDE_KAFKA_CONSUMER,
        .settings = &options->settings,
    };
    const char *topic = tide_kafka_sink_topic_to_ask(options);
    int32_t n_partitions;
    int code = tide_kafka_link_open(&link, &config, err);
    if (code != 0) {
        return code;
    }
    code = tide_kafka_link_ask(&link, topic, TIDE_KAFKA_PROBE_MS, &n_partitions);
    tide_kafka_link_close(&link);
    if (code == 0 || (tide_kafka_code_missing(code) && options->topic == NULL)) {
        return 0;
    }
    if (tide_kafka_code_missing(code)) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "topic '%s' does not exist at %s", topic,
                              tide_kafka_settings_get(&options->settings, "bootstrap.servers"));
    }
    return tide_error_set(err, TIDE_ERR_UNREACHABLE, "broker %s does not answer: %s",
                          tide_kafka_settings_get(&options->settings, "bootstrap.servers"),
                          rd_kafka_err2str(code));
}

static void
sink_unbind(void *bound)
{
    struct tide_kafka_sink_bound *options = bound;
    const struct tide_host *host = options->arena.host;
    tide_kafka_arena_free(&options->arena);
    host->free(host, options);
}

static int
sink_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
          struct tide_error *err)
{
    struct tide_kafka_sink_bound *bound = in->host->alloc(in->host, sizeof(*bound));
    int code;
    if (bound == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a Kafka sink");
    }
    bound->arena.host = in->host;
    bound->api = tide_kafka_client(in->host);
    code = tide_kafka_sink_options_read(in, bound, err);
    if (code != 0) {
        sink_unbind(bound);
        return code;
    }
    out_traits->n_outputs = 0;
    out_traits->may_reject = true;
    out_traits->commit_class = TIDE_COMMIT_PLAIN;
    *out_bound = bound;
    return 0;
}

const struct tide_sink tide_kafka_sink_kind = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_sink),
            .type = TIDE_KIND_SINK,
            .name = "kafka",
            .doc = "Writes records to topics of Apache Kafka.",
            .options = tide_kafka_sink_options,
            .bind = sink_bind,
            .unbind = sink_unbind,
            .open = sink_open,
            .close = sink_close,
            .task_open = sink_task_open,
            .task_close = sink_task_close,
            .probe = sink_probe,
        },
    .write = sink_write,
    .on_marker = sink_on_marker,
    .advance = tide_kafka_sink_advance,
};
