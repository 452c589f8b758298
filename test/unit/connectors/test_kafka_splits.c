/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka source against a scripted cluster: which splits there are, where they start, and the
 * group offsets that follow the WAL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "fake_kafka.h"
#include "kafka/kafka.h"
#include "kafka/offsets.h"

#define SOURCE (&tide_kafka_source_kind)

static struct fake_host fake;
static struct fake_kafka *kafka;
static void *bound, *shared;

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
    if (shared != NULL) {
        SOURCE->k.close(shared);
    }
    if (bound != NULL) {
        SOURCE->k.unbind(bound);
    }
    shared = bound = NULL;
    fake_kafka_fini(kafka);
    free(kafka);
    fake_host_fini(&fake);
}

TestSuite(kafka_splits, .init = setup, .fini = teardown);

/* Opens the source with the options given so far. */
static void
open_source(void)
{
    struct tide_error err;
    cr_assert_eq(fake_bind(&fake, &SOURCE->k, NULL, &bound, &err), 0, "%s", err.text);
    cr_assert_eq(SOURCE->k.open(&fake.host, bound, &shared, &err), 0, "%s", err.text);
}

static int
discover(struct tide_error *err)
{
    struct {
        struct fake_host *fake;
    } sink = {&fake};
    fake.n_splits = 0;
    return SOURCE->discover(shared, (struct tide_split_sink *)(void *)&sink, err);
}

static int
start(const char *split, bool first, int64_t *out, struct tide_error *err)
{
    uint8_t bytes[256];
    uint32_t n = sizeof(bytes);
    int code = SOURCE->start(shared, split, first, bytes, &n, err);
    if (code == 0) {
        *out = tide_kafka_offset_get((struct tide_bytes){bytes, n});
    }
    return code;
}

/* ---- splits ---- */

Test(kafka_splits, client_gets_the_defaults_and_the_users_keys)
{
    fake_give(&fake, "subscribe", "t");
    fake_give(&fake, "kafka.fetch.wait.max.ms", "1");
    open_source();
    cr_expect_not_null(strstr(kafka->settings, "bootstrap.servers=b:9092\n"));
    cr_expect_not_null(strstr(kafka->settings, "isolation.level=read_uncommitted\n"));
    cr_expect_not_null(strstr(kafka->settings, "auto.offset.reset=error\n"));
    cr_expect_not_null(strstr(kafka->settings, "enable.auto.commit=false\n"));
    cr_expect_not_null(strstr(kafka->settings, "group.id=tidemark-tx\n"));
    cr_expect_not_null(strstr(kafka->settings, "fetch.queue.backoff.ms=10\n"));
    cr_expect_gt(strstr(kafka->settings, "fetch.wait.max.ms=1\n"),
                 strstr(kafka->settings, "fetch.wait.max.ms=100\n"));
}

Test(kafka_splits, discovers_subscribed_topics)
{
    struct tide_error err;
    fake_give(&fake, "subscribe", "a,b-2");
    fake_kafka_topic(kafka, "a", 2);
    fake_kafka_topic(kafka, "b-2", 1);
    open_source();
    cr_assert_eq(discover(&err), 0);
    cr_assert_eq(fake.n_splits, 3);
    cr_assert_str_eq(fake.splits[0], "a-0");
    cr_assert_str_eq(fake.splits[1], "a-1");
    cr_assert_str_eq(fake.splits[2], "b-2-0");
}

Test(kafka_splits, a_missing_topic_is_named_and_the_others_are_found)
{
    struct tide_error err;
    fake_give(&fake, "subscribe", "a,b");
    fake_kafka_topic(kafka, "b", 1);
    open_source();
    cr_assert_eq(discover(&err), TIDE_ERR_NOTFOUND);
    cr_assert_not_null(strstr(err.text, "'a'"), "%s", err.text);
    cr_assert_eq(fake.n_splits, 1);
    fake_kafka_topic(kafka, "a", 3);
    cr_assert_eq(discover(&err), 0);
    cr_assert_eq(fake.n_splits, 4);
}

Test(kafka_splits, patterns_match_whole_names)
{
    struct tide_error err;
    fake_give(&fake, "subscribePattern", "tx-[a-c]|.*offsets");
    fake_kafka_topic(kafka, "tx-a", 1);
    fake_kafka_topic(kafka, "tx-ab", 1);
    fake_kafka_topic(kafka, "my-tx-a", 1);
    fake_kafka_topic(kafka, "__consumer_offsets", 1);
    open_source();
    cr_assert_eq(discover(&err), 0);
    cr_assert_eq(fake.n_splits, 1);
    cr_assert_str_eq(fake.splits[0], "tx-a-0");
    kafka->topics[0].exists = false;
    cr_assert_eq(discover(&err), TIDE_ERR_NOTFOUND);
    cr_assert_not_null(strstr(err.text, "tx-[a-c]"), "%s", err.text);
}

Test(kafka_splits, assigned_partitions)
{
    struct tide_error err;
    fake_give(&fake, "assign", "{\"a\":[1],\"b\":[0,5]}");
    fake_kafka_topic(kafka, "a", 2);
    fake_kafka_topic(kafka, "b", 3);
    open_source();
    cr_assert_eq(discover(&err), TIDE_ERR_NOTFOUND);
    cr_assert_not_null(strstr(err.text, "no partition 5"), "%s", err.text);
    fake_kafka_topic(kafka, "b", 6);
    cr_assert_eq(discover(&err), 0);
    cr_assert_eq(fake.n_splits, 3);
    cr_assert_str_eq(fake.splits[0], "a-1");
    cr_assert_str_eq(fake.splits[2], "b-5");
}

Test(kafka_splits, brokers_away_is_unreachable)
{
    struct tide_error err;
    int64_t offset;
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    kafka->away = true;
    cr_assert_eq(discover(&err), TIDE_ERR_UNREACHABLE);
    cr_assert_not_null(strstr(err.text, "b:9092"), "%s", err.text);
    cr_assert_eq(start("a-0", true, &offset, &err), TIDE_ERR_UNREACHABLE);
    cr_assert_eq(SOURCE->k.probe(&fake.host, bound, &err), TIDE_ERR_UNREACHABLE);
    kafka->away = false;
    cr_assert_eq(SOURCE->k.probe(&fake.host, bound, &err), 0);
    cr_assert_eq(kafka->clients, 1);
}

/* ---- starts ---- */

static void
topic_with_range(const char *name, int64_t first, int64_t next)
{
    struct fake_topic *topic = fake_kafka_topic(kafka, name, 2);
    for (int p = 0; p < 2; p++) {
        topic->partitions[p].first = first;
        topic->partitions[p].next = next;
    }
}

Test(kafka_splits, starts_at_numbers)
{
    static const struct {
        const char *option;
        int64_t first, later;
    } cases[] = {{"earliest", 5, 5}, {"latest", 9, 5}, {"{\"a\":{\"0\":7,\"1\":-1}}", 7, 5}};
    for (size_t i = 0; i < 3; i++) {
        struct tide_error err;
        int64_t offset;
        fake.n_given = 1;
        fake_give(&fake, "subscribe", "a");
        fake_give(&fake, "startingOffsets", cases[i].option);
        topic_with_range("a", 5, 9);
        open_source();
        cr_assert_eq(start("a-0", true, &offset, &err), 0, "%s", err.text);
        cr_expect_eq(offset, cases[i].first, "%s", cases[i].option);
        cr_assert_eq(start("a-0", false, &offset, &err), 0);
        cr_expect_eq(offset, cases[i].later, "a split that appears later starts at its earliest");
        if (i == 2) {
            cr_assert_eq(start("a-1", true, &offset, &err), 0);
            cr_expect_eq(offset, 9);
        }
        SOURCE->k.close(shared);
        SOURCE->k.unbind(bound);
        shared = bound = NULL;
    }
}

Test(kafka_splits, json_names_exactly_the_partitions)
{
    struct tide_error err;
    int64_t offset;
    fake_give(&fake, "subscribe", "a");
    fake_give(&fake, "startingOffsets", "{\"a\":{\"0\":7}}");
    topic_with_range("a", 5, 9);
    open_source();
    cr_assert_eq(start("a-0", true, &offset, &err), 0);
    cr_assert_eq(start("a-1", true, &offset, &err), TIDE_ERR_INVALID);
    cr_assert_not_null(strstr(err.text, "partition 1"), "%s", err.text);
}

Test(kafka_splits, json_names_no_partition_too_many)
{
    struct tide_error err;
    int64_t offset;
    fake_give(&fake, "subscribe", "a");
    fake_give(&fake, "startingOffsets", "{\"a\":{\"0\":7,\"1\":7,\"2\":7}}");
    topic_with_range("a", 5, 9);
    open_source();
    cr_assert_eq(start("a-0", true, &offset, &err), TIDE_ERR_INVALID);
    cr_assert_not_null(strstr(err.text, "partition 2"), "%s", err.text);
}

Test(kafka_splits, json_offsets_that_are_gone)
{
    struct tide_error err;
    int64_t offset;
    fake_give(&fake, "subscribe", "a");
    fake_give(&fake, "startingOffsets", "{\"a\":{\"0\":3,\"1\":10}}");
    topic_with_range("a", 5, 9);
    open_source();
    cr_assert_eq(start("a-0", true, &offset, &err), TIDE_ERR_FATAL);
    cr_assert_not_null(strstr(err.text, "offset 3 was to be read but Kafka has 5 to 9"), "%s",
                       err.text);
    cr_assert_not_null(strstr(err.text, "retention"), "%s", err.text);
    cr_assert_eq(start("a-1", true, &offset, &err), TIDE_ERR_FATAL);
    cr_assert_not_null(strstr(err.text, "made anew"), "%s", err.text);
}

Test(kafka_splits, json_offsets_that_are_gone_may_be_left)
{
    struct tide_error err;
    int64_t offset;
    fake_give(&fake, "subscribe", "a");
    fake_give(&fake, "failOnDataLoss", "false");
    fake_give(&fake, "startingOffsets", "{\"a\":{\"0\":3,\"1\":10}}");
    topic_with_range("a", 5, 9);
    open_source();
    cr_assert_eq(start("a-0", true, &offset, &err), 0);
    cr_assert_eq(offset, 5);
    cr_assert_eq(fake.n_log, 1);
    cr_assert_eq(fake.log[0].severity, TIDE_SEVERITY_WARN);
}

Test(kafka_splits, latest_offsets)
{
    static const char *const splits[] = {"a-0", "a-1"};
    struct tide_bytes out[2];
    struct tide_error err;
    fake_give(&fake, "subscribe", "a");
    topic_with_range("a", 5, 9);
    open_source();
    for (int i = 0; i < 2; i++) { /* the second frees what the first handed out */
        cr_assert_eq(SOURCE->latest(shared, splits, 2, out, &err), 0);
        cr_assert_eq(tide_kafka_offset_get(out[1]), 9);
    }
    kafka->away = true;
    cr_assert_eq(SOURCE->latest(shared, splits, 2, out, &err), TIDE_ERR_UNREACHABLE);
}

/* ---- group offsets ---- */

static void
commit(const char *split, int64_t offset)
{
    uint8_t bytes[TIDE_KAFKA_OFFSET_BYTES];
    struct tide_bytes offsets = {bytes, sizeof(bytes)};
    struct tide_error err;
    tide_kafka_offset_put(offset, bytes);
    SOURCE->committed(shared, (struct tide_seal){1, 1}, &split, &offsets, 1, &err);
}

Test(kafka_splits, group_offsets_follow_once_a_second_and_at_the_end)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 2);
    open_source();
    commit("a-0", 5);
    cr_assert_eq(kafka->commits, 1);
    cr_assert_eq(kafka->committed[0].offset, 5);
    commit("a-1", 7);
    commit("a-0", 6);
    cr_assert_eq(kafka->commits, 1);
    fake.mono_ns += 1000000000u;
    commit("a-0", 8);
    cr_assert_eq(kafka->commits, 2);
    cr_assert_eq(kafka->n_committed, 2);
    cr_assert_eq(kafka->committed[0].offset, 8);
    cr_assert_eq(kafka->committed[1].offset, 7);
    commit("a-1", 9);
    SOURCE->k.close(shared);
    shared = NULL;
    cr_assert_eq(kafka->commits, 3);
    cr_assert_eq(kafka->commits_waited, 1);
}

Test(kafka_splits, group_offsets_that_cannot_be_sent_do_no_harm)
{
    fake_give(&fake, "subscribe", "a");
    fake_kafka_topic(kafka, "a", 1);
    open_source();
    kafka->away = true;
    commit("a-0", 5);
    commit("no split at all", 5);
}
