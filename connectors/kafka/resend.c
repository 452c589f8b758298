/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resend: messages that came back failed.
 *
 * With endless retries in the client this is rare: a topic that is missing for longer than the
 * client waits, a purge, or a record that the broker refuses. New rows wait until nothing failed is
 * left. First everything that is out comes back; then, from the oldest, what may be tried again is
 * produced in the old order. A refusal is of a whole batch, so that a refused message is sent alone
 * before it is blamed: alone, a size that is too large or a partition that does not exist is final,
 * and every other refusal is repeated as `retry` says. A final refusal goes to the host, and the
 * entry is gone.
 *
 * What could be lost or reordered here: a topic that appears between the client's giving up and
 * this task's next step would take rows of that step before those that failed. The client gives up
 * after half half an hour and looks for topics every 250 ms, steps are faster.
 *
 * Threads: the task's worker.
 */
#include "sink.h"

#include <stdio.h>

/* A pause before what failed for the outside's sake is sent again. */
#define OUTAGE_RETRY_NS 500000000u

/* RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD, which librdkafka's header has since 2.2.0: another
 * record of the batch was refused. */
#define CODE_DIFFERENT_RECORD (-138)

int
tide_kafka_sink_produce(struct tide_kafka_sink_task *self, struct tide_kafka_entry *entry)
{
    struct tide_kafka_outgoing message;
    int code;
    entry->state = TIDE_KAFKA_ENTRY_OUT;
    tide_kafka_entry_message(entry, self->headers, &message);
    code = self->api->produce(self->sink->link.client, &message);
    if (code == 0) {
        self->sent++;
    } else {
        entry->state = TIDE_KAFKA_ENTRY_FAILED;
    }
    return code;
}

bool
tide_kafka_code_refusal(int code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case CODE_DIFFERENT_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return true;
    default:
        return false;
    }
}

static bool
refusal_final(const struct tide_kafka_sink_task *self, const struct tide_kafka_entry *entry)
{
    if (entry->code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        return true;
    }
    if (entry->attempts == 0) {
        return false; /* not yet sent alone */
    }
    return entry->code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           entry->code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
           entry->attempts > self->bound->retry_max;
}

static uint64_t
backoff_ns(const struct tide_kafka_sink_task *self, uint32_t attempts)
{
    uint64_t pause = self->bound->retry_ns;
    for (uint32_t i = 1; i < attempts && pause < self->bound->retry_ns_max; i++) {
        pause *= 2;
    }
    return pause < self->bound->retry_ns_max ? pause : self->bound->retry_ns_max;
}

static void
failed_less(struct tide_kafka_sink_task *self)
{
    pthread_mutex_lock(&self->lock);
    self->failed--;
    pthread_mutex_unlock(&self->lock);
}

/* MORE: the record is rejected, or the task failed. */
static enum tide_step
reject(struct tide_kafka_sink_task *self, struct tide_kafka_entry *entry)
{
    char text[TIDE_KAFKA_REASON_MAX];
    enum tide_reject answer;
    snprintf(text, sizeof(text), "topic '%s' refuses the record: %s",
             self->api->topic_name(entry->topic), rd_kafka_err2str(entry->code));
    answer = self->host->reject_kept(self->task, entry->kept, rd_kafka_err2name(entry->code), text);
    if (answer == TIDE_REJECT_BLOCKED) {
        return TIDE_STEP_BLOCKED;
    }
    entry->kept = NULL;
    entry->state = TIDE_KAFKA_ENTRY_GONE;
    failed_less(self);
    return answer == TIDE_REJECT_FAIL ? TIDE_STEP_FAILED : TIDE_STEP_MORE;
}

/* Produces a failed entry again. DONE: it is out; else what stands in the way. From then on the
 * entry may come back at any time, on another thread. */
static enum tide_step
again(struct tide_kafka_sink_task *self, struct tide_kafka_entry *entry)
{
    int code = tide_kafka_sink_produce(self, entry);
    if (code == 0) {
        failed_less(self);
        return TIDE_STEP_DONE;
    }
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return TIDE_STEP_PENDING;
    }
    entry->code = code;
    if (tide_kafka_code_refusal(code)) {
        return reject(self, entry);
    }
    self->outage_after_ns = self->host->now_mono(self->host) + OUTAGE_RETRY_NS;
    return tide_kafka_sink_wait(self, entry->topic, code);
}

/* A record that a broker refused; nothing else is out. */
static enum tide_step
refused(struct tide_kafka_sink_task *self, struct tide_kafka_entry *entry)
{
    char text[TIDE_KAFKA_REASON_MAX];
    uint64_t now = self->host->now_mono(self->host);
    enum tide_step step;
    if (refusal_final(self, entry)) {
        return reject(self, entry);
    }
    if (entry->attempts > 0 && now < self->resend_after_ns) {
        snprintf(text, sizeof(text), "topic '%s' refuses a record (%s); to be sent again, %u of %u",
                 self->api->topic_name(entry->topic), rd_kafka_err2str(entry->code),
                 entry->attempts, self->bound->retry_max);
        self->host->timer_at(self->task, self->resend_after_ns);
        return tide_kafka_sink_wait_for(self, entry->topic, text);
    }
    entry->attempts++;
    self->resend_after_ns = now + backoff_ns(self, entry->attempts);
    step = again(self, entry);
    return step == TIDE_STEP_DONE ? TIDE_STEP_PENDING : step;
}

/* A failed entry. MORE: look at the next; else the answer of the whole. */
static enum tide_step
entry_resend(struct tide_kafka_sink_task *self, struct tide_kafka_entry *entry)
{
    enum tide_step step;
    if (tide_kafka_code_refusal(entry->code)) {
        return tide_kafka_sink_out(self) > 0 ? TIDE_STEP_PENDING : refused(self, entry);
    }
    if (self->host->now_mono(self->host) < self->outage_after_ns) {
        self->host->timer_at(self->task, self->outage_after_ns);
        return tide_kafka_sink_wait(self, entry->topic, entry->code);
    }
    step = again(self, entry);
    return step == TIDE_STEP_DONE ? TIDE_STEP_MORE : step;
}

/* Whether all that is out came back, and whether anything of it failed. */
static bool
came_back(struct tide_kafka_sink_task *self, bool *out_failed)
{
    bool all;
    pthread_mutex_lock(&self->lock);
    all = self->sent == self->back;
    *out_failed = self->failed > 0;
    pthread_mutex_unlock(&self->lock);
    return all;
}

enum tide_step
tide_kafka_sink_resend(struct tide_kafka_sink_task *self)
{
    const struct tide_kafka_outbox *outbox = &self->outbox;
    bool failed;
    if (!came_back(self, &failed)) {
        return TIDE_STEP_PENDING;
    }
    if (!failed) {
        self->resending = false;
        self->outage_after_ns = 0;
        return TIDE_STEP_MORE;
    }
    for (uint64_t position = outbox->head; position < outbox->tail;) {
        struct tide_kafka_entry *entry = tide_kafka_outbox_at(outbox, position);
        enum tide_step step = TIDE_STEP_MORE;
        if (entry->state == TIDE_KAFKA_ENTRY_FAILED) {
            step = entry_resend(self, entry);
        }
        if (step != TIDE_STEP_MORE) {
            return step;
        }
        position += entry->size;
    }
    self->outage_after_ns = self->host->now_mono(self->host) + OUTAGE_RETRY_NS;
    return tide_kafka_sink_out(self) > 0 ? TIDE_STEP_PENDING : TIDE_STEP_MORE;
}
