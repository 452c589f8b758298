/* SPDX-License-Identifier: Apache-2.0 */
/* The two JSON forms of the Kafka source's options, split names, and the bytes of an offset. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "kafka/offsets.h"

static struct fake_host fake;
static struct tide_kafka_arena arena;

static void
setup(void)
{
    fake_host_init(&fake);
    arena = (struct tide_kafka_arena){.host = &fake.host};
}

static void
teardown(void)
{
    tide_kafka_arena_free(&arena);
    fake_host_fini(&fake);
}

TestSuite(kafka_offsets, .init = setup, .fini = teardown);

Test(kafka_offsets, offsets_of_two_topics)
{
    struct tide_kafka_places places;
    struct tide_error err;
    int code = tide_kafka_parse_offsets(
        &arena, " {\"topicA\" : {\"0\":23, \"1\":-1},\n\"topic.B-2\":{\"0\":-2}} ", &places, &err);
    cr_assert_eq(code, 0, "%s", err.text);
    cr_assert_eq(places.n, 3);
    cr_assert_eq(tide_kafka_places_find(&places, "topicA", 0)->offset, 23);
    cr_assert_eq(tide_kafka_places_find(&places, "topicA", 1)->offset, TIDE_KAFKA_LATEST);
    cr_assert_eq(tide_kafka_places_find(&places, "topic.B-2", 0)->offset, TIDE_KAFKA_EARLIEST);
    cr_assert_null(tide_kafka_places_find(&places, "topicA", 2));
}

Test(kafka_offsets, partitions)
{
    struct tide_kafka_places places;
    struct tide_error err;
    cr_assert_eq(tide_kafka_parse_partitions(&arena, "{\"a\":[0,1],\"b\":[2,4]}", &places, &err),
                 0);
    cr_assert_eq(places.n, 4);
    cr_assert_str_eq(places.items[3].topic, "b");
    cr_assert_eq(places.items[3].partition, 4);
}

Test(kafka_offsets, many_partitions_grow)
{
    char json[2048] = "{\"t\":[0";
    struct tide_kafka_places places;
    struct tide_error err;
    for (int i = 1; i < 100; i++) {
        sprintf(json + strlen(json), ",%d", i);
    }
    strcat(json, "]}");
    cr_assert_eq(tide_kafka_parse_partitions(&arena, json, &places, &err), 0);
    cr_assert_eq(places.n, 100);
    cr_assert_eq(places.items[99].partition, 99);
}

/* Each is refused, at the byte where it goes wrong. */
Test(kafka_offsets, errors_have_their_byte)
{
    static const struct {
        const char *json;
        int32_t at;
        bool offsets;
    } cases[] = {
        {"latest", 0, true},
        {"", 0, true},
        {"{}", 1, true},
        {"{\"t\":{}}", 6, true},
        {"{\"t\":{0:1}}", 6, true},
        {"{\"t\":{\"0\":-3}}", 12, true},
        {"{\"t\":{\"0\":99999999999999999999}}", 10, true},
        {"{\"t\":{\"0\":1}", 12, true},
        {"{\"t\":{\"0\":1}} x", 14, true},
        {"{\"t\":{\"0\":1,\"0\":2}}", 17, true},
        {"{\"t\":{\"-1\":1}}", 12, true},
        {"{\"t t\":{\"0\":1}}", 6, true},
        {"{\"t\\u0041\":{\"0\":1}}", 2, true},
        {"{\"t\":[0,1}", 9, false},
        {"{\"t\":[-1]}", 8, false},
        {"{\"t\":{\"0\":1}}", 5, false},
        {"{\"t\":[2147483648]}", 6, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_kafka_places places = {0};
        struct tide_error err = {0};
        int code = cases[i].offsets
                       ? tide_kafka_parse_offsets(&arena, cases[i].json, &places, &err)
                       : tide_kafka_parse_partitions(&arena, cases[i].json, &places, &err);
        cr_expect_eq(code, TIDE_ERR_INVALID, "%s", cases[i].json);
        cr_expect_eq(err.at, cases[i].at, "%s: at %d: %s", cases[i].json, err.at, err.text);
        cr_expect_eq(places.n, 0, "%s", cases[i].json);
    }
}

Test(kafka_offsets, no_memory)
{
    struct tide_kafka_places places;
    struct tide_error err;
    for (int left = 0; left < 2; left++) {
        fake.allocations_left = left;
        cr_assert_eq(tide_kafka_parse_offsets(&arena, "{\"t\":{\"0\":1}}", &places, &err),
                     TIDE_ERR_NOMEM);
    }
    fake.allocations_left = -1;
}

Test(kafka_offsets, split_names)
{
    static const char *const bad[] = {"t", "-3", "t-", "t-x", "a b-0", "t-2147483648", ""};
    char topic[TIDE_KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    cr_assert(tide_kafka_split_parse("my-topic.x_1-12", topic, &partition));
    cr_assert_str_eq(topic, "my-topic.x_1");
    cr_assert_eq(partition, 12);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_not(tide_kafka_split_parse(bad[i], topic, &partition), "%s", bad[i]);
    }
}

/* Names by Kafka's rule (org.apache.kafka.common.internals.Topic). */
Test(kafka_offsets, topic_names)
{
    char name[300];
    memset(name, 'a', sizeof(name));
    cr_expect(tide_kafka_topic_valid(name, 249));
    cr_expect_not(tide_kafka_topic_valid(name, 250));
    cr_expect_not(tide_kafka_topic_valid("", 0));
    cr_expect_not(tide_kafka_topic_valid(".", 1));
    cr_expect_not(tide_kafka_topic_valid("..", 2));
    cr_expect(tide_kafka_topic_valid("...", 3));
    cr_expect_not(tide_kafka_topic_valid("a/b", 3));
    cr_expect_not(tide_kafka_topic_valid("a\0b", 3));
}

Test(kafka_offsets, bytes_are_little_endian)
{
    static const uint8_t expected[] = {0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01};
    uint8_t bytes[TIDE_KAFKA_OFFSET_BYTES];
    char text[32];
    tide_kafka_offset_put(0x0123456789abcdef, bytes);
    cr_assert_arr_eq(bytes, expected, sizeof(expected));
    cr_assert_eq(tide_kafka_offset_get((struct tide_bytes){bytes, sizeof(bytes)}),
                 0x0123456789abcdef);
    cr_assert_eq(tide_kafka_offset_get((struct tide_bytes){bytes, 7}), -1);
    cr_assert_eq(tide_kafka_offset_text((struct tide_bytes){bytes, sizeof(bytes)}, text, 32), 17);
    cr_assert_str_eq(text, "81985529216486895");
}
