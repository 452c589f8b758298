/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka source against a scripted cluster: rows, positions, and all that goes wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "fake_kafka.h"
#include "kafka/kafka.h"
#include "kafka/offsets.h"
#include "kafka/rows.h"

#define SOURCE (&tide_kafka_source_kind)

static struct fake_host fake;
static struct fake_kafka *kafka;
static struct tide_task task;
static struct tide_batchbuf rows;
static void *bound, *shared, *self;

static void
setup(void)
{
    fake_host_init(&fake);
    kafka = calloc(1, sizeof(*kafka));
    fake_kafka_init(kafka);
    fake_extend(&fake, TIDE_KAFKA_CLIENT_EXTENSION, &kafka->api);
    fake_give(&fake, "kafka.bootstrap.servers", "b:9092");
}

static void
teardown(void)
{
    if (self != NULL) {
        fake_task_stop(&task);
        SOURCE->k.task_close(self);
        fake_task_fini(&task);
        tide_batchbuf_fini(&rows);
    }
    if (shared != NULL) {
        SOURCE->k.close(shared);
    }
    if (bound != NULL) {
        SOURCE->k.unbind(bound);
    }
    self = shared = bound = NULL;
    fake_kafka_fini(kafka);
    free(kafka);
    fake_host_fini(&fake);
}

TestSuite(kafka_source, .init = setup, .fini = teardown);

/* Opens the source with the options given so far. */
static void
open_source(void)
{
    struct tide_error err;
    cr_assert_eq(fake_bind(&fake, &SOURCE->k, NULL, &bound, &err), 0, "%s", err.text);
    cr_assert_eq(SOURCE->k.open(&fake.host, bound, &shared, &err), 0, "%s", err.text);
}

static void
topic_with_range(const char *name, int64_t first, int64_t next)
{
    struct fake_topic *topic = fake_kafka_topic(kafka, name, 2);
    for (int p = 0; p < 2; p++) {
        topic->partitions[p].first = first;
        topic->partitions[p].next = next;
    }
}

/* Hidden columns as the planner makes them. */
static void
open_task_hidden(uint32_t n_rows, bool hidden)
{
    struct tide_field fields[TIDE_KAFKA_COLUMNS + 2];
    uint32_t n = fake.traits.n_fields[0];
    memcpy(fields, fake.traits.fields[0], n * sizeof(fields[0]));
    fields[n] = (struct tide_field){"__key", {.id = TIDE_TYPE_BINARY}, true};
    fields[n + 1] = (struct tide_field){"__value", {.id = TIDE_TYPE_BINARY}, true};
    fake_task_init(&fake, &task);
    fake_writer_init(&fake, &rows, fields, n, hidden ? 2 : 0, n_rows);
    self = fake_task_open(&SOURCE->k, shared, &task, 0, 1);
}

static void
open_task(uint32_t n_rows)
{
    open_task_hidden(n_rows, false);
}

static void
assign(uint32_t id, const char *split, int64_t from)
{
    uint8_t bytes[TIDE_KAFKA_OFFSET_BYTES];
    tide_kafka_offset_put(from, bytes);
    cr_assert_eq(SOURCE->assign(self, id, split, (struct tide_bytes){bytes, sizeof(bytes)}, NULL),
                 0);
}

static int64_t
position(uint32_t id)
{
    uint8_t bytes[256];
    uint32_t n = sizeof(bytes);
    bool reached;
    cr_assert_eq(SOURCE->position(self, id, bytes, &n, &reached), 0);
    return tide_kafka_offset_get((struct tide_bytes){bytes, n});
}

static enum tide_step
poll_once(void)
{
    tide_batchbuf_reset(&rows);
    return SOURCE->poll(self, &rows.writer);
}

static struct fake_record
text(const char *value)
{
    return (struct fake_record){.key = "k", .value = value, .timestamp_ms = 1000};
}

/* ---- rows ---- */

Test(kafka_source, rows_have_sparks_columns)
{
    struct tide_rowhdr hdr;
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 2);
    open_source();
    open_task(16);
    assign(7, "a-1", 0);
    fake_kafka_append(kafka, "a", 1, (struct fake_record){"k1", "v1", 0, NULL, 1700000000123});
    fake_kafka_append(kafka, "a", 1, (struct fake_record){NULL, NULL, 0, NULL, -1});
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 2);
    cr_expect_str_eq(fake_value(&rows, 0, "key"), "k1");
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "v1");
    cr_expect_str_eq(fake_value(&rows, 0, "topic"), "a");
    cr_expect_str_eq(fake_value(&rows, 0, "partition"), "1");
    cr_expect_str_eq(fake_value(&rows, 0, "offset"), "0");
    cr_expect_str_eq(fake_value(&rows, 0, "timestamp"), "1700000000123000");
    cr_expect_str_eq(fake_value(&rows, 0, "timestampType"), "0");
    cr_expect_str_eq(fake_value(&rows, 1, "key"), "NULL");
    cr_expect_str_eq(fake_value(&rows, 1, "value"), "NULL");
    struct tide_batch batch = tide_batchbuf_view(&rows);
    hdr = *tide_row_hdr(tide_batch_row(&batch, 1));
    cr_expect_eq(hdr.split, 7);
    cr_expect_eq(hdr.offset, 1);
    cr_expect_eq(hdr.derived, 0);
    cr_expect_eq(hdr.ingest_ns, fake.wall_ns);
    cr_assert_eq(position(7), 2);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
}

/* An empty key is not an absent one. */
Test(kafka_source, empty_is_not_null)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(4);
    assign(1, "a-0", 0);
    fake_kafka_append(kafka, "a", 0, (struct fake_record){"", "", 0, NULL, 0});
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_expect_str_eq(fake_value(&rows, 0, "key"), "");
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "");
}

Test(kafka_source, headers_are_an_array_of_structs)
{
    struct tide_error err;
    fake_give(&fake, "subscribe", "a");
    fake_give(&fake, "includeHeaders", "true");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(4);
    assign(1, "a-0", 0);
    fake_kafka_append(kafka, "a", 0, (struct fake_record){"k", "v", 0, "trace=17", 0});
    fake_kafka_append(kafka, "a", 0, (struct fake_record){"k", "v", 0, NULL, 0});
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    struct tide_batch batch = tide_batchbuf_view(&rows);
    const struct tide_schema *schema = rows.writer.schema;
    cr_assert_eq(tide_batch_check(schema, &batch, &err), 0, "%s", err.text);
    const uint8_t *row = tide_batch_row(&batch, 0);
    struct tide_bytes array = tide_row_bytes(schema, &batch, row, 7);
    uint64_t count;
    struct tide_ref element, parts[2];
    memcpy(&count, array.p, sizeof(count));
    cr_assert_eq(count, 1);
    memcpy(&element, (const uint8_t *)array.p + 24, sizeof(element));
    memcpy(parts, batch.heap + element.at + 8, sizeof(parts));
    cr_assert_arr_eq(batch.heap + parts[0].at, "trace", 5);
    cr_assert_eq(parts[0].n, 5);
    cr_assert_arr_eq(batch.heap + parts[1].at, "17", 2);
    cr_assert(tide_row_is_null(tide_batch_row(&batch, 1), 7), "no headers are NULL, as in Spark");
}

/* A plan that needs two columns gets two. */
Test(kafka_source, pruned_columns)
{
    static const struct tide_field some[] = {{"offset", {.id = TIDE_TYPE_LONG}, true},
                                             {"value", {.id = TIDE_TYPE_BINARY}, true}};
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(4);
    tide_batchbuf_fini(&rows);
    fake_writer_init(&fake, &rows, some, 2, 0, 4);
    assign(1, "a-0", 0);
    fake_kafka_append(kafka, "a", 0, text("v"));
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_expect_str_eq(fake_value(&rows, 0, "offset"), "0");
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "v");
}

Test(kafka_source, a_full_writer_loses_nothing)
{
    char seen[64] = "";
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(2);
    assign(1, "a-0", 0);
    for (int i = 0; i < 5; i++) {
        fake_kafka_append(kafka, "a", 0, text((const char *[]){"0", "1", "2", "3", "4"}[i]));
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(poll_once(), i < 2 ? TIDE_STEP_BLOCKED : TIDE_STEP_MORE);
        for (uint32_t r = 0; r < rows.writer.n; r++) {
            strcat(seen, fake_value(&rows, r, "value"));
        }
        cr_assert_eq(position(1), i == 2 ? 5 : 2 * (i + 1), "a held record is not yet put out");
    }
    cr_assert_str_eq(seen, "01234");
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
}

Test(kafka_source, a_record_wakes_the_task)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(4);
    assign(1, "a-0", 0);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_not(fake_task_wait(&task, 0), "nothing is left in the descriptors");
    fake_kafka_append(kafka, "a", 0, text("v"));
    cr_assert(fake_task_wait(&task, 0));
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_not(fake_task_wait(&task, 0));
}

Test(kafka_source, two_partitions_keep_their_positions)
{
    fake_give(&fake, "subscribe", "a");
    topic_with_range("a", 10, 10);
    open_source();
    open_task(16);
    assign(1, "a-0", 10);
    assign(2, "a-1", 10);
    fake_kafka_append(kafka, "a", 1, text("x"));
    fake_kafka_append(kafka, "a", 0, text("y"));
    fake_kafka_append(kafka, "a", 1, text("z"));
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 3);
    cr_assert_eq(position(1), 11);
    cr_assert_eq(position(2), 12);
    cr_assert_eq(position(1), 11);
}

Test(kafka_source, many_partitions_are_found)
{
    fake_give(&fake, "subscribePattern", ".*");
    for (int i = 0; i < FAKE_TOPICS_MAX; i++) {
        char name[8];
        sprintf(name, "t%d", i);
        fake_kafka_topic(kafka, name, FAKE_PARTITIONS_MAX);
    }
    open_source();
    open_task(128);
    for (int i = 0; i < 64; i++) {
        char split[16];
        sprintf(split, "t%d-%d", i / 8, i % 8);
        assign((uint32_t)i + 100, split, 0);
    }
    for (int i = 0; i < 64; i++) {
        char topic[8];
        sprintf(topic, "t%d", i / 8);
        fake_kafka_append(kafka, topic, i % 8, text("v"));
    }
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 64);
    struct tide_batch batch = tide_batchbuf_view(&rows);
    for (uint32_t i = 0; i < 64; i++) {
        cr_expect_eq(tide_row_hdr(tide_batch_row(&batch, i))->split, i + 100);
        cr_expect_eq(position(i + 100), 1);
    }
}

Test(kafka_source, an_unassigned_partition_is_silent_and_may_come_back)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 2);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    assign(2, "a-1", 0);
    fake_kafka_append(kafka, "a", 0, text("dropped"));
    fake_kafka_append(kafka, "a", 1, text("kept"));
    cr_assert_eq(SOURCE->unassign(self, 1), 0);
    cr_assert_eq(SOURCE->unassign(self, 1), TIDE_ERR_NOTFOUND);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 1);
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "kept");
    assign(3, "a-0", 0); /* before the end of the first fetch is through */
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 1);
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "dropped");
}

/* ---- what goes wrong ---- */

static char big[4096];

Test(kafka_source, an_oversized_record_is_rejected_and_left_behind)
{
    memset(big, 'x', sizeof(big));
    fake.record_max = 1000;
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task_hidden(16, true);
    assign(1, "a-0", 0);
    fake_kafka_append(kafka, "a", 0, text("before"));
    fake_kafka_append(kafka, "a", 0, (struct fake_record){"key", big, 1001, NULL, 0});
    fake_kafka_append(kafka, "a", 0, text("behind"));
    task.reject_answer = TIDE_REJECT_BLOCKED;
    cr_assert_eq(poll_once(), TIDE_STEP_BLOCKED);
    cr_assert_eq(rows.writer.n, 1);
    cr_assert_eq(position(1), 1);
    task.reject_answer = TIDE_REJECT_SKIP;
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(task.n_rejected, 1);
    cr_assert_eq(task.rejected_offset[0], 1);
    cr_assert_not_null(strstr(task.rejected[0], "RECORD_TOO_LARGE: the record has 1004 bytes"),
                       "%s", task.rejected[0]);
    cr_assert_eq(rows.writer.n, 1);
    cr_expect_str_eq(fake_value(&rows, 0, "value"), "behind");
    cr_assert_eq(position(1), 3);
}

Test(kafka_source, an_oversized_record_may_stop_the_pipeline)
{
    fake.record_max = 1000;
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    fake_kafka_append(kafka, "a", 0, (struct fake_record){"key", big, 1001, NULL, 0});
    task.reject_answer = TIDE_REJECT_FAIL;
    cr_assert_eq(poll_once(), TIDE_STEP_FAILED);
    cr_assert_eq(task.failed, TIDE_ERR_RECORD);
    cr_assert_eq(position(1), 0);
}

Test(kafka_source, lost_records_stop_the_pipeline)
{
    fake_give(&fake, "subscribe", "a");
    topic_with_range("a", 100, 200);
    open_source();
    open_task(16);
    assign(1, "a-0", 17);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE); /* the error is taken */
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_not_null(strstr(task.waiting, "which offsets"), "%s", task.waiting);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_FAILED);
    cr_assert_eq(task.failed, TIDE_ERR_FATAL);
    cr_assert_not_null(
        strstr(task.fail_text,
               "topic 'a' partition 0: offset 17 was to be read but Kafka has 100 to 200"),
        "%s", task.fail_text);
    cr_assert_not_null(strstr(task.fail_text, "failOnDataLoss: false"), "%s", task.fail_text);
}

Test(kafka_source, lost_records_may_be_left)
{
    fake_give(&fake, "subscribe", "a");
    fake_give(&fake, "failOnDataLoss", "false");
    topic_with_range("a", 0, 0);
    for (int i = 0; i < 6; i++) {
        fake_kafka_append(kafka, "a", 0, text("v"));
    }
    fake_kafka_retain(kafka, "a", 0, 4);
    open_source();
    open_task(16);
    assign(1, "a-0", 1);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_eq(fake_jobs_run(&task), 1);
    poll_once();
    cr_assert_eq(fake_jobs_run(&task), 1, "the fetch is ended before it starts anew");
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(rows.writer.n, 2);
    cr_expect_str_eq(fake_value(&rows, 0, "offset"), "4");
    cr_assert_eq(position(1), 6);
    cr_assert_eq(fake.n_log, 1);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_str_eq(task.waiting, "");
}

/* The question fails as well: asked again a second later. */
Test(kafka_source, lost_records_are_asked_for_until_a_broker_answers)
{
    fake_give(&fake, "subscribe", "a");
    fake_give(&fake, "failOnDataLoss", "false");
    topic_with_range("a", 4, 4);
    open_source();
    open_task(16);
    assign(1, "a-0", 1);
    kafka->away = true;
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_eq(fake_jobs_run(&task), 0, "not before the second is over");
    cr_assert_eq(task.timer_at, fake.mono_ns + 1000000000u);
    fake.mono_ns += 1000000000u;
    kafka->away = false;
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_eq(position(1), 4);
}

Test(kafka_source, brokers_that_go_away_and_come_back)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    kafka->away = true;
    fake_kafka_trouble(kafka, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    cr_assert(fake_task_wait(&task, 0));
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_str_eq(task.waiting, "broker b:9092 does not answer");
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    kafka->away = false;
    fake.mono_ns += 1000000000u;
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_str_eq(task.waiting, "");
}

Test(kafka_source, a_record_ends_the_waiting)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    fake_kafka_trouble(kafka, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    fake_kafka_append(kafka, "a", 0, text("v"));
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_str_eq(task.waiting, "");
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
}

Test(kafka_source, a_refused_login_says_why)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    fake_kafka_trouble(kafka, RD_KAFKA_RESP_ERR__AUTHENTICATION, "SASL: bad password");
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_str_eq(task.waiting, "broker b:9092 refuses the connection: SASL: bad password");
}

Test(kafka_source, a_topic_that_is_deleted_and_comes_back)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    kafka->topics[0].exists = false;
    fake_kafka_trouble(kafka, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "a [0]: no such topic");
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_str_eq(task.waiting, "topic 'a' does not exist at b:9092");
    fake_jobs_run(&task);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    kafka->topics[0].exists = true;
    fake.mono_ns += 1000000000u;
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_str_eq(task.waiting, "");
}

Test(kafka_source, a_partition_that_does_not_exist_is_named)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    assign(2, "a-3", 0);
    fake_kafka_trouble(kafka, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "a [3]: unknown partition");
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_eq(fake_jobs_run(&task), 1);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_str_eq(task.waiting, "topic 'a' has no partition 3");
}

Test(kafka_source, a_topic_that_may_not_be_read)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    fake_kafka_error(kafka, "a", 0, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(poll_once(), TIDE_STEP_WAITING);
    cr_assert_not_null(strstr(task.waiting, "authorization failed"), "%s", task.waiting);
}

Test(kafka_source, a_damaged_record_stops_the_pipeline)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    fake_kafka_error(kafka, "a", 0, RD_KAFKA_RESP_ERR__BAD_MSG);
    cr_assert_eq(poll_once(), TIDE_STEP_FAILED);
    cr_assert_not_null(strstr(task.fail_text, "damaged"), "%s", task.fail_text);
}

Test(kafka_source, transient_errors_are_not_news)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    fake_kafka_error(kafka, "a", 0, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    cr_assert_eq(poll_once(), TIDE_STEP_MORE);
    cr_assert_eq(poll_once(), TIDE_STEP_IDLE);
    cr_assert_eq(task.said_waiting, 0);
}

Test(kafka_source, a_fatal_client_ends_the_incarnation)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    assign(1, "a-0", 0);
    kafka->fatal_code = RD_KAFKA_RESP_ERR__FATAL;
    fake_kafka_trouble(kafka, RD_KAFKA_RESP_ERR__FATAL, "fatal");
    cr_assert_eq(poll_once(), TIDE_STEP_FAILED);
    cr_assert_eq(task.failed, TIDE_ERR_IO);
}

Test(kafka_source, bad_assignments)
{
    uint8_t bytes[TIDE_KAFKA_OFFSET_BYTES] = {0};
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    open_task(16);
    cr_assert_eq(SOURCE->assign(self, 1, "no split", (struct tide_bytes){bytes, 8}, NULL),
                 TIDE_ERR_INVALID);
    cr_assert_eq(SOURCE->assign(self, 1, "a-0", (struct tide_bytes){bytes, 7}, NULL),
                 TIDE_ERR_INVALID);
}
