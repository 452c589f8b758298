/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka source and sink over librdkafka's mock cluster: what the scripted twin cannot show, the
 * behaviour of the real client. The mock keeps 5 MiB a partition and neither checks idempotence nor
 * deletes topics, so that nothing here depends on those.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "kafka/client.h"
#include "kafka/kafka.h"
#include "kafka/offsets.h"

#define SOURCE (&tide_kafka_source_kind)
#define SINK (&tide_kafka_sink_kind)
#define PRODUCE_API 0
#define ROWS 1000
#define PARTITIONS 4

/* One end of the pipeline: what the engine keeps for a source or sink. */
struct end {
    void *bound, *shared, *self;
    struct tide_task task;
    struct tide_batchbuf rows;
};

static struct fake_host fake;
static rd_kafka_t *mock_client;
static rd_kafka_mock_cluster_t *mock;
static struct end source, sink;

static void
setup(void)
{
    char text[256];
    fake_host_init(&fake);
    fake.live = true;
    mock_client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
    cr_assert_not_null(mock_client, "%s", text);
    mock = rd_kafka_mock_cluster_new(mock_client, 1);
    rd_kafka_mock_topic_create(mock, "t", PARTITIONS, 1);
}

static void
end_close(struct end *end, const struct tide_kind *kind)
{
    if (end->self != NULL) {
        fake_task_stop(&end->task);
        kind->task_close(end->self);
        fake_task_fini(&end->task);
    }
    if (end->shared != NULL) {
        kind->close(end->shared);
    }
    if (end->bound != NULL) {
        kind->unbind(end->bound);
    }
    tide_batchbuf_fini(&end->rows);
    memset(end, 0, sizeof(*end));
}

static void
teardown(void)
{
    end_close(&source, &SOURCE->k);
    end_close(&sink, &SINK->k);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(mock_client);
    fake_host_fini(&fake);
}

TestSuite(kafka_mock, .init = setup, .fini = teardown, .timeout = 60);

static void
end_open(struct end *end, const struct tide_kind *kind, const char *ddl)
{
    struct tide_error err;
    fake_give(&fake, "kafka.bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock));
    cr_assert_eq(fake_bind(&fake, kind, ddl, &end->bound, &err), 0, "%s", err.text);
    cr_assert_eq(kind->open(&fake.host, end->bound, &end->shared, &err), 0, "%s", err.text);
    fake_task_init(&fake, &end->task);
    end->self = fake_task_open(kind, end->shared, &end->task, 0, 1);
    fake_forget(&fake);
}

static void
open_sink(void)
{
    const struct tide_schema *schema;
    fake_give(&fake, "topic", "t");
    fake_give(&fake, "recordId", "header");
    end_open(&sink, &SINK->k, "key STRING, value STRING");
    cr_assert_eq(tide_schema_parse(fake.schemas, "key STRING, value STRING", &schema, NULL), 0);
    fake_writer_init(&fake, &sink.rows, schema->fields, schema->n, 0, 256);
}

static void
open_source(void)
{
    fake_give(&fake, "subscribe", "t");
    fake_give(&fake, "includeHeaders", "true");
    fake_give(&fake, "kafka.fetch.wait.max.ms", "1");
    end_open(&source, &SOURCE->k, NULL);
    fake_writer_init(&fake, &source.rows, fake.traits.fields[0], fake.traits.n_fields[0], 0, 256);
}

/* Writes rows first.. with key i % 16 and value i. */
static void
sink_rows(int first, int n)
{
    for (int i = first; i < first + n;) {
        struct tide_batch batch;
        uint32_t consumed = 0;
        tide_batchbuf_reset(&sink.rows);
        for (int k = i; k < first + n && sink.rows.writer.n < 256; k++) {
            uint8_t *slot = tide_writer_row(&sink.rows.writer);
            const struct tide_rowhdr hdr = {.offset = (uint64_t)k};
            char key[16], value[16];
            memcpy(slot, &hdr, sizeof(hdr));
            sprintf(key, "k%d", k % 16);
            sprintf(value, "%d", k);
            cr_assert(
                tide_writer_set_bytes(&sink.rows.writer, slot, 0, key, (uint32_t)strlen(key)));
            cr_assert(
                tide_writer_set_bytes(&sink.rows.writer, slot, 1, value, (uint32_t)strlen(value)));
            tide_writer_commit(&sink.rows.writer);
        }
        batch = tide_batchbuf_view(&sink.rows);
        cr_assert_neq(SINK->write(sink.self, &batch, &consumed), TIDE_STEP_FAILED, "%s",
                      sink.task.fail_text);
        i += (int)consumed;
    }
}

/* Steps the sink until @epochs are durable or it failed. */
static void
sink_settle(uint32_t epochs)
{
    while (sink.task.n_durable < epochs && sink.task.failed == 0) {
        enum tide_step step = SINK->advance(sink.self);
        fake_jobs_run(&sink.task);
        if (step != TIDE_STEP_MORE) {
            fake_task_wait(&sink.task, 20);
        }
    }
}

static void
sink_marker(uint64_t epoch)
{
    cr_assert_eq(SINK->on_marker(sink.self, epoch, (struct tide_seal){1, epoch}, 0),
                 TIDE_STEP_DONE);
}

static void
source_assign_all(int64_t from)
{
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        uint8_t bytes[TIDE_KAFKA_OFFSET_BYTES];
        char split[16];
        tide_kafka_offset_put(from, bytes);
        sprintf(split, "t-%u", i);
        cr_assert_eq(SOURCE->assign(source.self, i, split, (struct tide_bytes){bytes, 8}, NULL), 0);
    }
}

static enum tide_step
source_step(void)
{
    enum tide_step step;
    tide_batchbuf_reset(&source.rows);
    step = SOURCE->poll(source.self, &source.rows.writer);
    fake_jobs_run(&source.task);
    if (step != TIDE_STEP_MORE && step != TIDE_STEP_BLOCKED) {
        fake_task_wait(&source.task, 20);
    }
    return step;
}

Test(kafka_mock, what_is_written_is_read_in_order)
{
    int next_of_key[16], n = 0;
    open_sink();
    sink_rows(0, ROWS);
    sink_marker(1);
    sink_settle(1);
    cr_assert_eq(sink.task.n_durable, 1, "%s", sink.task.fail_text);
    cr_assert_eq(sink.task.kept, 0);
    open_source();
    source_assign_all(0);
    for (int i = 0; i < 16; i++) {
        next_of_key[i] = i;
    }
    while (n < ROWS) {
        source_step();
        for (uint32_t r = 0; r < source.rows.writer.n; r++, n++) {
            int value = atoi(fake_value(&source.rows, r, "value"));
            int key = atoi(fake_value(&source.rows, r, "key") + 1);
            cr_assert_eq(value, next_of_key[key], "key %d", key);
            next_of_key[key] += 16;
            cr_assert_str_neq(fake_value(&source.rows, r, "headers"), "NULL");
        }
    }
    cr_assert_eq(source_step(), TIDE_STEP_IDLE);
}

/* Positions are where a second reader goes on, without a gap and without a repeat. */
Test(kafka_mock, reading_goes_on_from_positions)
{
    uint8_t position[PARTITIONS][TIDE_KAFKA_OFFSET_BYTES];
    char seen[ROWS] = {0};
    int n = 0;
    open_sink();
    sink_rows(0, ROWS);
    sink_marker(1);
    sink_settle(1);
    open_source();
    source_assign_all(0);
    for (int turn = 0; turn < 2; turn++) {
        while (n < (turn == 0 ? ROWS / 3 : ROWS)) {
            source_step();
            for (uint32_t r = 0; r < source.rows.writer.n; r++, n++) {
                seen[atoi(fake_value(&source.rows, r, "value"))]++;
            }
        }
        if (turn == 1) {
            break;
        }
        for (uint32_t i = 0; i < PARTITIONS; i++) {
            uint32_t length = TIDE_KAFKA_OFFSET_BYTES;
            bool reached;
            cr_assert_eq(SOURCE->position(source.self, i, position[i], &length, &reached), 0);
        }
        end_close(&source, &SOURCE->k);
        open_source();
        for (uint32_t i = 0; i < PARTITIONS; i++) {
            char split[16];
            sprintf(split, "t-%u", i);
            cr_assert_eq(
                SOURCE->assign(source.self, i, split, (struct tide_bytes){position[i], 8}, NULL),
                0);
        }
    }
    for (int i = 0; i < ROWS; i++) {
        cr_assert_eq(seen[i], 1, "value %d was seen %d times", i, seen[i]);
    }
}

Test(kafka_mock, splits_and_offsets)
{
    struct {
        struct fake_host *fake;
    } collector = {&fake};
    uint8_t offset[256];
    uint32_t n = sizeof(offset);
    struct tide_error err;
    open_sink();
    sink_rows(0, 64);
    sink_marker(1);
    sink_settle(1);
    open_source();
    cr_assert_eq(
        SOURCE->discover(source.shared, (struct tide_split_sink *)(void *)&collector, &err), 0,
        "%s", err.text);
    cr_assert_eq(fake.n_splits, PARTITIONS);
    int64_t sum = 0;
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        n = sizeof(offset);
        cr_assert_eq(SOURCE->start(source.shared, fake.splits[i], true, offset, &n, &err), 0, "%s",
                     err.text);
        sum += tide_kafka_offset_get((struct tide_bytes){offset, n});
    }
    cr_assert_eq(sum, 64, "latest is behind the last record");
    cr_assert_eq(SOURCE->k.probe(&fake.host, source.bound, &err), 0, "%s", err.text);
}

Test(kafka_mock, an_offset_out_of_range_stops_the_pipeline)
{
    open_source();
    source_assign_all(1000);
    while (source.task.failed == 0) {
        source_step();
    }
    cr_assert_eq(source.task.failed, TIDE_ERR_FATAL);
    cr_assert_not_null(strstr(source.task.fail_text, "offset 1000 was to be read but Kafka has 0"),
                       "%s", source.task.fail_text);
}

Test(kafka_mock, an_offset_out_of_range_may_be_left)
{
    int n = 0;
    open_sink();
    sink_rows(0, 64);
    sink_marker(1);
    sink_settle(1);
    fake_give(&fake, "failOnDataLoss", "false");
    open_source();
    source_assign_all(1000);
    while (n < 64) {
        cr_assert_neq(source_step(), TIDE_STEP_FAILED, "%s", source.task.fail_text);
        n += (int)source.rows.writer.n;
    }
    cr_assert_geq(fake.n_log, PARTITIONS);
}

Test(kafka_mock, a_broker_that_goes_away_and_comes_back)
{
    int n = 0;
    open_sink();
    open_source();
    source_assign_all(0);
    sink_rows(0, 100);
    sink_marker(1);
    sink_settle(1);
    while (n < 100) {
        source_step();
        n += (int)source.rows.writer.n;
    }
    rd_kafka_mock_broker_set_down(mock, 1);
    while (source_step() != TIDE_STEP_WAITING) {
    }
    cr_assert_not_null(strstr(source.task.waiting, "does not answer"), "%s", source.task.waiting);
    sink_rows(100, 100);
    sink_marker(2);
    while (sink.task.waiting[0] == '\0') {
        SINK->advance(sink.self);
        fake_task_wait(&sink.task, 20);
    }
    cr_assert_eq(sink.task.n_durable, 1);
    rd_kafka_mock_broker_set_up(mock, 1);
    sink_settle(2);
    cr_assert_eq(sink.task.n_durable, 2, "%s", sink.task.fail_text);
    cr_assert_str_eq(sink.task.waiting, "");
    while (n < 200) {
        source_step();
        n += (int)source.rows.writer.n;
    }
    cr_assert_str_eq(source.task.waiting, "");
}

/* Two requests are refused as too large: the second refusal of a record alone is final. */
Test(kafka_mock, a_refused_batch_is_taken_apart)
{
    open_sink();
    rd_kafka_mock_push_request_errors(mock, PRODUCE_API, 2, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    sink_rows(0, 3);
    sink_marker(1);
    sink_settle(1);
    cr_assert_eq(sink.task.n_durable, 1, "%s", sink.task.fail_text);
    cr_assert_leq(sink.task.n_rejected, 2);
    cr_assert_eq(sink.task.kept, 0);
}

Test(kafka_mock, closing_while_the_broker_is_away)
{
    open_sink();
    rd_kafka_mock_broker_set_down(mock, 1);
    sink_rows(0, 100);
    SINK->advance(sink.self);
    end_close(&sink, &SINK->k);
}

Test(kafka_mock, group_offsets_arrive)
{
    const char *split = "t-2";
    uint8_t bytes[TIDE_KAFKA_OFFSET_BYTES];
    struct tide_bytes offset = {bytes, sizeof(bytes)};
    struct tide_error err;
    char text[256];
    fake_give(&fake, "kafka.group.id", "lag");
    open_source();
    tide_kafka_offset_put(17, bytes);
    cr_assert_eq(
        SOURCE->committed(source.shared, (struct tide_seal){1, 1}, &split, &offset, 1, &err), 0,
        "%s", err.text);
    end_close(&source, &SOURCE->k);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock), NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "lag", NULL, 0);
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "t", 2);
    cr_assert_eq(rd_kafka_committed(reader, list, 10000), 0);
    cr_expect_eq(list->elems[0].offset, 17);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(reader);
}
