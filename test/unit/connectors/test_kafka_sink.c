/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka sink against a scripted cluster: what is sent, when an epoch is durable, and what
 * becomes of messages that fail. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "fake_kafka.h"
#include "kafka/kafka.h"

#define SINK (&tide_kafka_sink_kind)
#define SECOND 1000000000u

static struct fake_host fake;
static struct fake_kafka *kafka;
static struct tide_task tasks[2], *task = &tasks[0];
static struct tide_batchbuf rows;
static void *bound, *shared, *selfs[2];
static uint64_t offset;

static void
setup(void)
{
    fake_host_init(&fake);
    kafka = calloc(1, sizeof(*kafka));
    fake_kafka_init(kafka);
    fake_extend(&fake, TIDE_KAFKA_CLIENT_EXTENSION, &kafka->api);
    fake_give(&fake, "kafka.bootstrap.servers", "b:9092");
    fake_kafka_topic(kafka, "out", 4);
}

static void
close_task(int i)
{
    if (selfs[i] != NULL) {
        fake_task_stop(&tasks[i]);
        SINK->k.task_close(selfs[i]);
        fake_task_fini(&tasks[i]);
        selfs[i] = NULL;
    }
}

static void
teardown(void)
{
    close_task(0);
    close_task(1);
    if (shared != NULL) {
        SINK->k.close(shared);
    }
    if (bound != NULL) {
        SINK->k.unbind(bound);
    }
    tide_batchbuf_fini(&rows);
    fake_kafka_fini(kafka);
    free(kafka);
    fake_host_fini(&fake);
}

TestSuite(kafka_sink, .init = setup, .fini = teardown);

/* Opens @n tasks of a sink over columns @ddl. */
static void
open_sink(const char *ddl, uint32_t n)
{
    const struct tide_schema *schema;
    struct tide_error err;
    cr_assert_eq(fake_bind(&fake, &SINK->k, ddl, &bound, &err), 0, "%s", err.text);
    cr_assert_eq(SINK->k.open(&fake.host, bound, &shared, &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < n; i++) {
        fake_task_init(&fake, &tasks[i]);
        selfs[i] = fake_task_open(&SINK->k, shared, &tasks[i], i, n);
    }
    cr_assert_eq(tide_schema_parse(fake.schemas, ddl, &schema, &err), 0);
    fake_writer_init(&fake, &rows, schema->fields, schema->n, 0, 64);
}

static void
open_plain(void)
{
    fake_give(&fake, "topic", "out");
    open_sink("value STRING", 1);
}

/* A row of texts, one a column; NULL is NULL. A column of another type takes a number. */
static void
row(const char *first, ...)
{
    const struct tide_schema *schema = rows.writer.schema;
    uint8_t *slot = tide_writer_row(&rows.writer);
    const struct tide_rowhdr hdr = {.split = 3, .offset = offset++};
    va_list args;
    memcpy(slot, &hdr, sizeof(hdr));
    va_start(args, first);
    for (uint32_t i = 0; i < schema->n; i++) {
        const char *value = i == 0 ? first : va_arg(args, const char *);
        uint8_t type = schema->fields[i].type.id;
        if (value == NULL) {
            tide_slot_set_null(slot, i);
        } else if (type == TIDE_TYPE_STRING || type == TIDE_TYPE_BINARY) {
            cr_assert(tide_writer_set_bytes(&rows.writer, slot, i, value, (uint32_t)strlen(value)));
        } else {
            tide_slot_set_i64(schema, slot, i, atoll(value));
        }
    }
    va_end(args);
    tide_writer_commit(&rows.writer);
}

/* Writes the rows collected; how many were consumed. */
static uint32_t
write_rows(int i, enum tide_step expected)
{
    struct tide_batch batch = tide_batchbuf_view(&rows);
    uint32_t consumed = 0;
    enum tide_step step = SINK->write(selfs[i], &batch, &consumed);
    cr_assert_eq(step, expected, "step %d, %s", step, tasks[i].fail_text);
    tide_batchbuf_reset(&rows);
    return consumed;
}

static void
marker(int i, uint64_t epoch)
{
    cr_assert_eq(SINK->on_marker(selfs[i], epoch, (struct tide_seal){9, epoch}, 0), TIDE_STEP_DONE);
}

static enum tide_step
advance(void)
{
    return SINK->advance(selfs[0]);
}

/* ---- what is sent ---- */

Test(kafka_sink, client_gets_the_defaults_and_the_users_keys)
{
    fake_give(&fake, "kafka.linger.ms", "3");
    open_plain();
    cr_expect_not_null(strstr(kafka->settings, "acks=all\n"));
    cr_expect_not_null(strstr(kafka->settings, "enable.idempotence=true\n"));
    cr_expect_not_null(strstr(kafka->settings, "message.timeout.ms=0\n"));
    cr_expect_not_null(strstr(kafka->settings, "partitioner=murmur2_random\n"));
    cr_expect_not_null(strstr(kafka->settings, "max.in.flight.requests.per.connection=1\n"));
    cr_expect_gt(strstr(kafka->settings, "linger.ms=3\n"),
                 strstr(kafka->settings, "linger.ms=0\n"));
}

/* Opens a sink whose brokers take @asking_ns to answer; whether it keeps five requests out. */
static bool
five_in_flight(uint64_t asking_ns)
{
    kafka->clock_ns = &fake.mono_ns;
    kafka->asking_ns = asking_ns;
    open_plain();
    return strstr(kafka->settings, "max.in.flight.requests.per.connection=5\n") != NULL;
}

Test(kafka_sink, brokers_far_away_get_five_requests)
{
    cr_expect(five_in_flight(2000001));
}

Test(kafka_sink, brokers_two_milliseconds_away_are_near)
{
    cr_expect_not(five_in_flight(2000000));
}

Test(kafka_sink, brokers_that_do_not_answer_are_taken_to_be_near)
{
    kafka->away = true;
    cr_expect_not(five_in_flight(9000000));
}

Test(kafka_sink, distance_changes_nothing_the_user_said)
{
    fake_give(&fake, "kafka.max.in.flight", "2");
    cr_expect_not(five_in_flight(9000000));
    cr_expect_not_null(strstr(kafka->settings, "max.in.flight=2\n"));
    cr_expect_eq(kafka->opened, 1, "and nobody is asked");
}

Test(kafka_sink, rows_become_messages)
{
    open_sink("key STRING, value BINARY, topic STRING, partition INT", 1);
    fake_kafka_topic(kafka, "other", 1);
    row("k", "v", "out", NULL);
    row(NULL, NULL, "other", "2");
    row("", "", "out", "0");
    cr_assert_eq(write_rows(0, TIDE_STEP_MORE), 3);
    const struct fake_message *messages = kafka->messages;
    cr_assert_eq(kafka->n_messages, 3);
    cr_expect_arr_eq(messages[0].key, "k", 1);
    cr_expect_arr_eq(messages[0].value, "v", 1);
    cr_expect_eq(messages[0].partition, -1);
    cr_expect_null(messages[1].key);
    cr_expect_null(messages[1].value);
    cr_expect_eq(messages[1].partition, 2);
    cr_expect_str_eq(kafka->api.topic_name(messages[1].topic), "other");
    cr_expect_not_null(messages[2].key);
    cr_expect_eq(messages[2].key_n, 0);
    cr_expect_not_null(messages[2].value);
    cr_expect_eq(messages[0].topic, messages[2].topic);
    fake_kafka_answer_all(kafka, 0);
    cr_assert_eq(advance(), TIDE_STEP_MORE);
    cr_assert_eq(task->kept, 0);
}

/* The topic option wins over the column, as in Spark. */
Test(kafka_sink, the_option_wins_over_the_column)
{
    fake_give(&fake, "topic", "out");
    open_sink("value STRING, topic STRING", 1);
    row("v", "elsewhere");
    write_rows(0, TIDE_STEP_MORE);
    cr_assert_str_eq(kafka->api.topic_name(kafka->messages[0].topic), "out");
}

Test(kafka_sink, record_ids_travel_in_a_header)
{
    fake_give(&fake, "recordId", "header");
    open_plain();
    row("v");
    write_rows(0, TIDE_STEP_MORE);
    cr_assert_eq(kafka->messages[0].n_headers, 1);
    cr_assert_str_eq(kafka->messages[0].header, "tidemark-record-id=in-3/0");
}

Test(kafka_sink, headers_come_from_the_column)
{
    uint32_t at, element_at = 0;
    struct tide_ref parts[2] = {{0, 0}, {0, 0}};
    const uint64_t count = 1, nulls = 0;
    fake_give(&fake, "recordId", "header");
    fake_give(&fake, "topic", "out");
    open_sink("value STRING, headers ARRAY<STRUCT<key: STRING, value: BINARY>>", 1);
    uint8_t *slot = tide_writer_row(&rows.writer);
    cr_assert(tide_writer_set_bytes(&rows.writer, slot, 0, "v", 1));
    uint8_t *heap = tide_writer_heap(&rows.writer, 32, 16, &at);
    cr_assert_not_null(heap);
    memset(heap, 0, 32);
    memcpy(heap, &count, sizeof(count));
    cr_assert_not_null(tide_writer_heap(&rows.writer, 24, 16, &element_at));
    parts[0].n = 5;
    parts[1].n = 2;
    heap = tide_writer_heap(&rows.writer, 7, 1, &parts[0].at);
    cr_assert_not_null(heap);
    memcpy(heap, "trace17", 7);
    parts[1].at = parts[0].at + 5;
    memcpy(rows.writer.heap + element_at, &nulls, 8);
    memcpy(rows.writer.heap + element_at + 8, parts, sizeof(parts));
    memcpy(rows.writer.heap + at + 24, &(struct tide_ref){element_at, 24}, 8);
    tide_slot_set_ref(rows.writer.schema, slot, 1, (struct tide_ref){at, 32});
    tide_writer_commit(&rows.writer);
    struct tide_batch batch = tide_batchbuf_view(&rows);
    struct tide_error err;
    cr_assert_eq(tide_batch_check(rows.writer.schema, &batch, &err), 0, "%s", err.text);
    write_rows(0, TIDE_STEP_MORE);
    cr_assert_eq(kafka->messages[0].n_headers, 2);
    cr_assert_str_eq(kafka->messages[0].header, "trace=17");
}

/* ---- epochs ---- */

Test(kafka_sink, an_epoch_is_durable_after_its_last_acknowledgement)
{
    open_plain();
    row("a");
    row("b");
    write_rows(0, TIDE_STEP_MORE);
    marker(0, 1);
    row("c");
    write_rows(0, TIDE_STEP_MORE);
    marker(0, 2);
    cr_assert_eq(advance(), TIDE_STEP_PENDING);
    fake_kafka_answer(kafka, 2, 0); /* another partition is faster */
    advance();
    cr_assert_eq(task->n_durable, 0);
    fake_kafka_answer(kafka, 1, 0);
    advance();
    cr_assert_eq(task->n_durable, 0);
    fake_kafka_answer(kafka, 0, 0);
    cr_assert_eq(advance(), TIDE_STEP_MORE);
    cr_assert_eq(task->n_durable, 2);
    cr_assert_eq(task->durable[0].epoch, 1);
    cr_assert_eq(task->durable[1].epoch, 2);
    cr_assert_eq(task->durable[1].incarnation, 9);
    cr_assert_eq(advance(), TIDE_STEP_IDLE);
}

Test(kafka_sink, an_epoch_without_rows_is_durable_at_once)
{
    open_plain();
    marker(0, 1);
    cr_assert_eq(task->n_durable, 1);
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    marker(0, 2);
    marker(0, 3);
    cr_assert_eq(task->n_durable, 1);
    fake_kafka_answer_all(kafka, 0);
    advance();
    cr_assert_eq(task->n_durable, 3);
}

Test(kafka_sink, acknowledgements_wake_the_task_that_waits_for_them)
{
    open_plain();
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    marker(0, 1);
    advance();
    cr_assert_not(fake_task_wait(task, 0));
    fake_kafka_answer_all(kafka, 0);
    cr_assert(fake_task_wait(task, 0));
    cr_assert_eq(advance(), TIDE_STEP_MORE);
    cr_assert_eq(task->n_durable, 1);
    cr_assert_not(fake_task_wait(task, 0));
}

/* Nothing waits for the first row: the next row's step takes its acknowledgement. */
Test(kafka_sink, other_acknowledgements_wait_for_the_next_step)
{
    open_plain();
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    fake_kafka_answer_all(kafka, 0);
    cr_assert_not(fake_task_wait(task, 0));
    marker(0, 1);
    cr_assert(fake_task_wait(task, 0), "an acknowledgement that came before the marker is seen");
    advance();
    cr_assert_eq(task->n_durable, 1);
}

/* More at once than one step takes: nothing is forgotten. */
Test(kafka_sink, many_acknowledgements_take_several_steps)
{
    open_plain();
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < 50; k++) {
            row("x");
        }
        cr_assert_eq(write_rows(0, TIDE_STEP_MORE), 50);
    }
    marker(0, 1);
    fake_kafka_answer_all(kafka, 0);
    int steps = 0;
    while (task->n_durable == 0 && steps < 10) {
        cr_assert_eq(advance(), TIDE_STEP_MORE);
        steps++;
    }
    cr_assert_eq(task->n_durable, 1);
    cr_assert_gt(steps, 1, "a step is bounded");
}

/* ---- back-pressure and outages ---- */

Test(kafka_sink, a_full_client_queue_is_back_pressure)
{
    open_plain();
    kafka->produce_room = 2;
    row("a");
    row("b");
    row("c");
    cr_assert_eq(write_rows(0, TIDE_STEP_BLOCKED), 2);
    fake_kafka_answer(kafka, 0, 0);
    advance();
    row("c");
    cr_assert_eq(write_rows(0, TIDE_STEP_MORE), 1);
    cr_assert_str_eq(fake_kafka_value(kafka, 2), "c");
}

Test(kafka_sink, a_full_outbox_is_back_pressure)
{
    static char value[1 << 20];
    uint32_t n = 0;
    memset(value, 'x', sizeof(value) - 1);
    open_plain();
    for (;;) {
        row(value);
        struct tide_batch batch = tide_batchbuf_view(&rows);
        uint32_t consumed = 0;
        enum tide_step step = SINK->write(selfs[0], &batch, &consumed);
        tide_batchbuf_reset(&rows);
        if (step == TIDE_STEP_BLOCKED) {
            break;
        }
        cr_assert_eq(step, TIDE_STEP_MORE);
        cr_assert_lt(++n, 64);
    }
    cr_assert_geq(n, 2, "an outbox takes at least two of the largest records");
    /* It goes round its ring many times. */
    for (int i = 0; i < 50; i++) {
        fake_kafka_answer(kafka, (uint32_t)i, 0);
        cr_assert_eq(advance(), TIDE_STEP_MORE);
        row(value);
        cr_assert_eq(write_rows(0, TIDE_STEP_MORE), 1);
        cr_assert_eq(kafka->messages[n + i].value_n, sizeof(value) - 1);
        cr_assert_eq(((const char *)kafka->messages[n + i].value)[sizeof(value) - 2], 'x');
    }
    cr_assert_eq(task->kept, n);
    close_task(0);
}

Test(kafka_sink, silence_is_waiting_and_an_acknowledgement_ends_it)
{
    open_plain();
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    cr_assert_eq(advance(), TIDE_STEP_PENDING);
    cr_assert_eq(task->timer_at, fake.mono_ns + SECOND);
    fake.mono_ns += SECOND;
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    cr_assert_not_null(strstr(task->waiting, "b:9092 does not acknowledge records of topic 'out'"),
                       "%s", task->waiting);
    kafka->away = true;
    cr_assert_eq(fake_jobs_run(task), 1);
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    cr_assert_str_eq(task->waiting, "broker b:9092 does not answer");
    kafka->away = false;
    fake_kafka_answer_all(kafka, 0);
    cr_assert_eq(advance(), TIDE_STEP_MORE);
    cr_assert_str_eq(task->waiting, "");
    cr_assert_eq(advance(), TIDE_STEP_IDLE);
}

Test(kafka_sink, a_missing_topic_is_waited_for)
{
    open_plain();
    kafka->topics[0].exists = false;
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    advance();
    fake.mono_ns += SECOND;
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    fake_jobs_run(task);
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    cr_assert_str_eq(task->waiting, "topic 'out' does not exist at b:9092");
    /* The client gives up on it: produce() refuses, what was out comes back. */
    kafka->produce_code = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    row("b");
    cr_assert_eq(write_rows(0, TIDE_STEP_WAITING), 0);
    fake_kafka_answer_all(kafka, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC);
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    row("b");
    cr_assert_eq(write_rows(0, TIDE_STEP_BLOCKED), 0, "new rows stay behind what failed");
    /* It appears. */
    kafka->topics[0].exists = true;
    kafka->produce_code = 0;
    fake.mono_ns += SECOND;
    advance();
    cr_assert_eq(kafka->n_messages, 2);
    cr_assert_str_eq(fake_kafka_value(kafka, 1), "a");
    fake_kafka_answer_all(kafka, 0);
    advance();
    row("b");
    cr_assert_eq(write_rows(0, TIDE_STEP_MORE), 1);
    fake_kafka_answer_all(kafka, 0);
    advance();
    cr_assert_str_eq(task->waiting, "");
    cr_assert_eq(task->n_rejected, 0);
}

Test(kafka_sink, what_comes_back_is_sent_again_in_order)
{
    open_plain();
    for (int i = 0; i < 4; i++) {
        row((const char *[]){"0", "1", "2", "3"}[i]);
    }
    write_rows(0, TIDE_STEP_MORE);
    marker(0, 1);
    fake_kafka_answer(kafka, 0, 0);
    fake_kafka_answer(kafka, 2, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
    fake_kafka_answer(kafka, 1, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
    cr_assert_eq(advance(), TIDE_STEP_PENDING, "the last is still out");
    cr_assert_eq(kafka->n_messages, 4);
    fake_kafka_answer(kafka, 3, 0);
    cr_assert_eq(advance(), TIDE_STEP_PENDING);
    cr_assert_eq(kafka->n_messages, 6);
    cr_assert_str_eq(fake_kafka_value(kafka, 4), "1");
    cr_assert_str_eq(fake_kafka_value(kafka, 5), "2");
    cr_assert_eq(task->n_durable, 0);
    fake_kafka_answer_all(kafka, 0);
    advance();
    cr_assert_eq(task->n_durable, 1);
    cr_assert_eq(task->kept, 0);
    cr_assert_eq(advance(), TIDE_STEP_IDLE);
}

/* Again and again: with a pause, so that it is no storm. */
Test(kafka_sink, what_comes_back_again_is_paused)
{
    open_plain();
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    fake_kafka_answer(kafka, 0, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    advance();
    cr_assert_eq(kafka->n_messages, 2);
    fake_kafka_answer(kafka, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    cr_assert_not_null(strstr(task->waiting, "authorization failed"), "%s", task->waiting);
    cr_assert_eq(kafka->n_messages, 2);
    fake.mono_ns += SECOND;
    advance();
    cr_assert_eq(kafka->n_messages, 3);
    fake_kafka_answer(kafka, 2, 0);
    advance();
    cr_assert_eq(advance(), TIDE_STEP_IDLE);
    cr_assert_str_eq(task->waiting, "");
}

Test(kafka_sink, a_fatal_producer_ends_the_incarnation)
{
    open_plain();
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    kafka->fatal_code = RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    fake_kafka_trouble(kafka, RD_KAFKA_RESP_ERR__FATAL, "gap");
    cr_assert_eq(advance(), TIDE_STEP_FAILED);
    cr_assert_eq(task->failed, TIDE_ERR_IO);
    kafka->produce_code = RD_KAFKA_RESP_ERR__FATAL;
    row("b");
    cr_assert_eq(write_rows(0, TIDE_STEP_FAILED), 0);
}

/* ---- refusals ---- */

Test(kafka_sink, rows_that_cannot_be_sent_are_rejected)
{
    static char big[2 << 20];
    memset(big, 'x', sizeof(big) - 1);
    fake.record_max = 4 << 20;
    fake_give(&fake, "kafka.message.max.bytes", "1000000");
    open_sink("value STRING, topic STRING, partition INT", 1);
    row("no topic", NULL, NULL);
    row("bad topic", "a/b", NULL);
    row("bad partition", "out", "-1");
    row(big, "out", NULL);
    row("good", "out", NULL);
    cr_assert_eq(write_rows(0, TIDE_STEP_MORE), 5);
    cr_assert_eq(kafka->n_messages, 1);
    cr_assert_eq(task->n_rejected, 4);
    cr_expect_not_null(strstr(task->rejected[0], "NULL_TOPIC"));
    cr_expect_not_null(strstr(task->rejected[1], "INVALID_TOPIC"));
    cr_expect_not_null(strstr(task->rejected[2], "INVALID_PARTITION"));
    cr_expect_not_null(strstr(task->rejected[3], "RECORD_TOO_LARGE: the message has 2097151"), "%s",
                       task->rejected[3]);
    cr_expect_eq(task->rejected_offset[3], 3);
}

Test(kafka_sink, a_rejection_may_have_to_wait_or_fail)
{
    open_sink("value STRING, topic STRING", 1);
    task->reject_answer = TIDE_REJECT_BLOCKED;
    row("good", "out");
    row("bad", NULL);
    cr_assert_eq(write_rows(0, TIDE_STEP_BLOCKED), 1);
    task->reject_answer = TIDE_REJECT_FAIL;
    row("bad", NULL);
    cr_assert_eq(write_rows(0, TIDE_STEP_FAILED), 0);
    cr_assert_eq(task->failed, TIDE_ERR_RECORD);
}

Test(kafka_sink, a_partition_that_does_not_exist_is_refused_at_once)
{
    open_plain();
    kafka->produce_code = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    row("a");
    cr_assert_eq(write_rows(0, TIDE_STEP_MORE), 1);
    cr_assert_eq(task->n_rejected, 1);
    cr_assert_not_null(strstr(task->rejected[0], "_UNKNOWN_PARTITION"), "%s", task->rejected[0]);
    cr_assert_eq(task->kept, 0);
}

/* A batch is refused as a whole: each message is tried alone before it is blamed. */
Test(kafka_sink, only_the_record_that_is_too_large_is_rejected)
{
    open_plain();
    row("small");
    row("large");
    row("tiny");
    write_rows(0, TIDE_STEP_MORE);
    marker(0, 1);
    fake_kafka_answer_all(kafka, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    advance();
    cr_assert_eq(kafka->n_messages, 4, "one at a time");
    cr_assert_str_eq(fake_kafka_value(kafka, 3), "small");
    fake_kafka_answer(kafka, 3, 0);
    advance();
    cr_assert_eq(kafka->n_messages, 5);
    cr_assert_str_eq(fake_kafka_value(kafka, 4), "large");
    fake_kafka_answer(kafka, 4, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    advance();
    cr_assert_eq(task->n_rejected, 1);
    cr_assert_eq(task->rejected_offset[0], 1);
    cr_assert_not_null(strstr(task->rejected[0], "MSG_SIZE_TOO_LARGE: topic 'out' refuses"), "%s",
                       task->rejected[0]);
    cr_assert_eq(kafka->n_messages, 6);
    cr_assert_eq(task->n_durable, 0);
    fake_kafka_answer(kafka, 5, 0);
    advance();
    cr_assert_eq(task->n_durable, 1);
    cr_assert_eq(task->kept, 0);
}

Test(kafka_sink, other_refusals_are_repeated_as_retry_says)
{
    fake_give(&fake, "retry.max", "2");
    fake_give(&fake, "retry.backoff", "100 ms");
    fake_give(&fake, "retry.maxBackoff", "150 ms");
    open_plain();
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    fake_kafka_answer(kafka, 0, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    advance(); /* alone, at once */
    cr_assert_eq(kafka->n_messages, 2);
    fake_kafka_answer(kafka, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    cr_assert_not_null(strstr(task->waiting, "1 of 2"), "%s", task->waiting);
    fake.mono_ns += 99000000u;
    cr_assert_eq(advance(), TIDE_STEP_WAITING);
    cr_assert_eq(kafka->n_messages, 2);
    fake.mono_ns += 1000000u;
    advance();
    cr_assert_eq(kafka->n_messages, 3);
    fake_kafka_answer(kafka, 2, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    advance();
    fake.mono_ns += 149000000u;
    advance();
    cr_assert_eq(kafka->n_messages, 3);
    fake.mono_ns += 1000000u;
    advance();
    cr_assert_eq(kafka->n_messages, 4);
    cr_assert_eq(task->n_rejected, 0);
    task->reject_answer = TIDE_REJECT_BLOCKED;
    fake_kafka_answer(kafka, 3, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    cr_assert_eq(advance(), TIDE_STEP_BLOCKED);
    task->reject_answer = TIDE_REJECT_SKIP;
    advance();
    cr_assert_eq(task->n_rejected, 1);
    advance();
    cr_assert_eq(advance(), TIDE_STEP_IDLE);
    cr_assert_eq(task->kept, 0);
}

Test(kafka_sink, a_refusal_may_stop_the_pipeline)
{
    fake_give(&fake, "retry.max", "0");
    open_plain();
    row("a");
    write_rows(0, TIDE_STEP_MORE);
    marker(0, 1);
    fake_kafka_answer(kafka, 0, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    advance();
    task->reject_answer = TIDE_REJECT_FAIL;
    fake_kafka_answer(kafka, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    cr_assert_eq(advance(), TIDE_STEP_FAILED);
    cr_assert_eq(task->n_durable, 0);
}

/* ---- several tasks, and the end ---- */

Test(kafka_sink, tasks_share_a_client_and_take_each_others_acknowledgements)
{
    fake_give(&fake, "topic", "out");
    open_sink("value STRING", 2);
    cr_assert_eq(kafka->clients, 1);
    row("of 0");
    write_rows(0, TIDE_STEP_MORE);
    row("of 1");
    write_rows(1, TIDE_STEP_MORE);
    marker(0, 1);
    marker(1, 1);
    fake_kafka_answer_all(kafka, 0);
    cr_assert_eq(SINK->advance(selfs[0]), TIDE_STEP_MORE);
    cr_assert_eq(tasks[0].n_durable, 1);
    cr_assert_eq(tasks[1].n_durable, 0);
    cr_assert(fake_task_wait(&tasks[1], 0), "the other task is woken");
    cr_assert_eq(SINK->advance(selfs[1]), TIDE_STEP_MORE);
    cr_assert_eq(tasks[1].n_durable, 1);
}

Test(kafka_sink, closing_with_messages_out)
{
    fake_give(&fake, "topic", "out");
    open_sink("value STRING", 2);
    row("of 0");
    write_rows(0, TIDE_STEP_MORE);
    row("of 1");
    write_rows(1, TIDE_STEP_MORE);
    close_task(0);
    cr_assert_eq(tasks[0].kept, 0);
    cr_assert_str_eq(fake_kafka_value(kafka, 0), "of 0", "the client may still send it");
    fake_kafka_answer_all(kafka, 0);
    cr_assert_eq(SINK->advance(selfs[1]), TIDE_STEP_MORE);
    close_task(1);
}

Test(kafka_sink, keep_that_fails)
{
    open_plain();
    task->keep_fails = true;
    row("a");
    cr_assert_eq(write_rows(0, TIDE_STEP_FAILED), 0);
    fake_kafka_answer_all(kafka, 0);
}

Test(kafka_sink, probe)
{
    struct tide_error err;
    open_plain();
    cr_assert_eq(SINK->k.probe(&fake.host, bound, &err), 0, "%s", err.text);
    kafka->topics[0].exists = false;
    cr_assert_eq(SINK->k.probe(&fake.host, bound, &err), TIDE_ERR_NOTFOUND);
    cr_assert_not_null(strstr(err.text, "'out'"), "%s", err.text);
    kafka->away = true;
    cr_assert_eq(SINK->k.probe(&fake.host, bound, &err), TIDE_ERR_UNREACHABLE);
    cr_assert_eq(kafka->clients, 1);
}
