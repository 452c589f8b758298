/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acks: from acknowledgements to durable epochs.
 *
 * All tasks of a sink share one client, so that any of them may get another's acknowledgement: it
 * notes it under that task's lock and wakes it. An epoch is durable when the head of the outbox has
 * passed its marker (never because a flush said so), and epochs become durable in order.
 *
 * Threads: workers. I2: durable is only said for what was acknowledged or rejected.
 */
#include "sink.h"

#include <stdio.h>
#include <string.h>

/* Servings of one step: with the link's bound, at most 1024 acknowledgements. */
#define SERVINGS_MAX 4u

void
tide_kafka_sink_ack(void *sink, void *message, int code)
{
    const struct tide_kafka_sink *shared = sink;
    struct tide_kafka_entry *entry = message;
    struct tide_kafka_sink_task *self = entry->owner;
    bool wake;
    pthread_mutex_lock(&self->lock);
    entry->code = code;
    entry->state = code == 0 ? TIDE_KAFKA_ENTRY_ACKED : TIDE_KAFKA_ENTRY_FAILED;
    self->back++;
    self->failed += code != 0;
    wake = !self->woken && !self->closing && shared->link.server != self;
    self->woken = self->woken || wake;
    if (wake) {
        self->host->wake(self->task);
    }
    pthread_mutex_unlock(&self->lock);
}

uint64_t
tide_kafka_sink_out(struct tide_kafka_sink_task *self)
{
    uint64_t out;
    pthread_mutex_lock(&self->lock);
    out = self->sent - self->back;
    pthread_mutex_unlock(&self->lock);
    return out;
}

/* The position up to which entries are done; the lock is held while their states are read. */
static uint64_t
done_to(struct tide_kafka_sink_task *self)
{
    const struct tide_kafka_outbox *outbox = &self->outbox;
    uint64_t position = outbox->head;
    pthread_mutex_lock(&self->lock);
    self->woken = false;
    while (position < outbox->tail) {
        const struct tide_kafka_entry *entry = tide_kafka_outbox_at(outbox, position);
        if (entry->state == TIDE_KAFKA_ENTRY_OUT || entry->state == TIDE_KAFKA_ENTRY_FAILED) {
            break;
        }
        position += entry->size;
    }
    self->resending = self->resending || self->failed > 0;
    pthread_mutex_unlock(&self->lock);
    return position;
}

static void
marks_settle(struct tide_kafka_sink_task *self)
{
    static const uint8_t nothing;
    while (self->n_marks > 0) {
        const struct tide_kafka_mark *mark = &self->marks[self->first_mark];
        if (mark->position > self->outbox.head) {
            break;
        }
        self->host->durable(self->task, mark->seal, (struct tide_bytes){&nothing, 0});
        self->first_mark = (self->first_mark + 1) % TIDE_KAFKA_MARKS_MAX;
        self->n_marks--;
    }
}

bool
tide_kafka_sink_settle(struct tide_kafka_sink_task *self)
{
    struct tide_kafka_outbox *outbox = &self->outbox;
    uint64_t to = done_to(self);
    bool moved = to > outbox->head;
    while (outbox->head < to) {
        struct tide_kafka_entry *entry = tide_kafka_outbox_at(outbox, outbox->head);
        if (entry->state == TIDE_KAFKA_ENTRY_ACKED && entry->kept != NULL) {
            self->host->drop_kept(self->task, entry->kept);
        }
        outbox->head += entry->size;
    }
    marks_settle(self);
    return moved;
}

/* Takes what brokers said about topics. */
static void
jobs_finish(struct tide_kafka_sink_task *self)
{
    struct tide_kafka_job *job;
    while ((job = tide_kafka_job_take(&self->jobs)) != NULL) {
        if (!tide_kafka_code_transient(job->code)) {
            self->missing = NULL;
        }
        for (uint32_t i = 0; i < self->n_topics && tide_kafka_code_missing(job->code); i++) {
            if (strcmp(self->topics[i].name, job->name) == 0) {
                self->missing = self->topics[i].name;
            }
        }
        tide_kafka_job_free(job);
    }
}

enum tide_step
tide_kafka_sink_wait_for(struct tide_kafka_sink_task *self, const struct tide_kafka_topic *topic,
                         const char *reason)
{
    char text[TIDE_KAFKA_REASON_MAX];
    const struct tide_kafka_question question = {.kind = TIDE_KAFKA_JOB_ASK,
                                                 .name = self->api->topic_name(topic)};
    uint64_t now = self->host->now_mono(self->host);
    if (now >= self->ask_after_ns) {
        self->ask_after_ns = now + TIDE_KAFKA_SILENCE_NS;
        if (!tide_kafka_job_pending(&self->jobs, TIDE_KAFKA_JOB_ASK, NULL, -1)) {
            tide_kafka_job_submit(&self->jobs, &question);
        }
    }
    if (self->missing != NULL) {
        snprintf(text, sizeof(text), "topic '%s' does not exist at %s", self->missing,
                 self->sink->link.brokers);
        reason = text;
    } else if (tide_kafka_link_down(&self->sink->link, text)) {
        reason = text;
    }
    self->host->waiting(self->task, reason);
    self->waiting = true;
    self->host->timer_at(self->task, self->ask_after_ns);
    return TIDE_STEP_WAITING;
}

enum tide_step
tide_kafka_sink_wait(struct tide_kafka_sink_task *self, const struct tide_kafka_topic *topic,
                     int code)
{
    char text[TIDE_KAFKA_REASON_MAX];
    const char *name = self->api->topic_name(topic);
    if (tide_kafka_code_missing(code)) {
        self->missing = name;
    }
    snprintf(text, sizeof(text), "topic '%s' takes no records: %s", name, rd_kafka_err2str(code));
    return tide_kafka_sink_wait_for(self, topic, text);
}

/* Messages are out and nothing came back just now. */
static enum tide_step
pending_or_waiting(struct tide_kafka_sink_task *self)
{
    char text[TIDE_KAFKA_REASON_MAX];
    uint64_t due = self->progress_ns + TIDE_KAFKA_SILENCE_NS;
    const struct tide_kafka_entry *entry;
    uint64_t position = self->outbox.head;
    if (self->host->now_mono(self->host) < due) {
        self->host->timer_at(self->task, due);
        return TIDE_STEP_PENDING;
    }
    entry = tide_kafka_outbox_at(&self->outbox, position);
    if (entry->state == TIDE_KAFKA_ENTRY_PAD) {
        entry = tide_kafka_outbox_at(&self->outbox, position + entry->size);
    }
    snprintf(text, sizeof(text), "broker %s does not acknowledge records of topic '%s'",
             self->sink->link.brokers, self->api->topic_name(entry->topic));
    return tide_kafka_sink_wait_for(self, entry->topic, text);
}

/* Serves acknowledgements; false: the client cannot go on. */
static bool
serve(struct tide_kafka_sink_task *self)
{
    struct tide_kafka_link *link = &self->sink->link;
    char text[TIDE_KAFKA_REASON_MAX];
    for (uint32_t i = 0; i < SERVINGS_MAX; i++) {
        enum tide_kafka_served served = tide_kafka_link_serve(link, self);
        if (served == TIDE_KAFKA_SERVED_BUSY) {
            self->host->wake(self->task);
        }
        if (served != TIDE_KAFKA_SERVED_SOME) {
            break;
        }
        if (self->api->fatal(link->client, text, sizeof(text)) != 0) {
            self->host->fail(self->task, TIDE_ERR_IO, "the Kafka producer cannot go on: %s", text);
            return false;
        }
    }
    return true;
}

static enum tide_step
advance(struct tide_kafka_sink_task *self)
{
    bool moved;
    if (!serve(self)) {
        return TIDE_STEP_FAILED;
    }
    jobs_finish(self);
    moved = tide_kafka_sink_settle(self);
    if (moved) {
        self->progress_ns = self->host->now_mono(self->host);
        if (self->waiting) {
            self->host->waiting(self->task, NULL);
            self->waiting = false;
            self->missing = NULL;
            tide_kafka_link_up(&self->sink->link);
        }
    }
    if (self->resending) {
        enum tide_step step = tide_kafka_sink_resend(self);
        return step == TIDE_STEP_PENDING && !moved ? pending_or_waiting(self) : step;
    }
    if (moved) {
        return TIDE_STEP_MORE;
    }
    return self->outbox.head < self->outbox.tail ? pending_or_waiting(self) : TIDE_STEP_IDLE;
}

enum tide_step
tide_kafka_sink_advance(void *task)
{
    struct tide_kafka_sink_task *self = task;
    enum tide_step step = advance(self);
    tide_kafka_sink_watch(self);
    return step;
}
