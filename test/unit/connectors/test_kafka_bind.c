/* SPDX-License-Identifier: Apache-2.0 */
/* What the Kafka source and sink accept and refuse before anything is opened. */
#include <string.h>

#include <criterion/criterion.h>

#include "fake_host.h"
#include "fake_kafka.h"
#include "kafka/kafka.h"

static struct fake_host fake;
static struct fake_kafka kafka;

static void
setup(void)
{
    fake_host_init(&fake);
    fake_kafka_init(&kafka);
    fake_extend(&fake, TIDE_KAFKA_CLIENT_EXTENSION, &kafka.api);
    fake_give(&fake, "kafka.bootstrap.servers", "b:9092");
}

static void
teardown(void)
{
    fake_kafka_fini(&kafka);
    fake_host_fini(&fake);
}

TestSuite(kafka_bind, .init = setup, .fini = teardown);

/* Binds a source over topic t with one more option; the error's text, "" when it is accepted. */
static const char *
source_answer(const char *name, const char *value)
{
    static struct tide_error err;
    void *bound;
    err = (struct tide_error){0};
    fake.n_given = 1;
    fake_give(&fake, "subscribe", "t");
    if (name != NULL) {
        fake_give(&fake, name, value);
    }
    if (fake_bind(&fake, &tide_kafka_source_kind.k, NULL, &bound, &err) == 0) {
        tide_kafka_source_kind.k.unbind(bound);
        return "";
    }
    return err.text;
}

static const char *
sink_answer(const char *ddl, const char *name, const char *value)
{
    static struct tide_error err;
    void *bound;
    err = (struct tide_error){0};
    fake.n_given = 1;
    if (name != NULL) {
        fake_give(&fake, name, value);
    }
    if (fake_bind(&fake, &tide_kafka_sink_kind.k, ddl, &bound, &err) == 0) {
        tide_kafka_sink_kind.k.unbind(bound);
        return "";
    }
    return err.text;
}

#define EXPECT_HAS(text, part)                                                      \
    do {                                                                            \
        const char *text_ = (text);                                                 \
        cr_expect(strstr(text_, (part)) != NULL, "'%s' lacks '%s'", text_, (part)); \
    } while (0)
#define EXPECT_OK(text)              \
    do {                             \
        const char *text_ = (text);  \
        cr_expect_str_eq(text_, ""); \
    } while (0)

Test(kafka_bind, plain_source)
{
    EXPECT_OK(source_answer(NULL, NULL));
    cr_assert_eq(fake.traits.n_fields[0], 7);
    cr_assert_str_eq(fake.traits.fields[0][6].name, "timestampType");
    EXPECT_OK(source_answer("includeHeaders", "true"));
    cr_assert_eq(fake.traits.n_fields[0], 8);
    cr_assert_str_eq(fake.traits.fields[0][7].name, "headers");
}

Test(kafka_bind, settings_that_pass)
{
    EXPECT_OK(source_answer("kafka.isolation.level", "read_committed"));
    EXPECT_OK(source_answer("kafka.group.id", "mine"));
    EXPECT_OK(source_answer("kafka.FETCH.wait.max.ms", "1"));
    EXPECT_OK(source_answer("kafka.security.protocol", "SASL_SSL"));
    EXPECT_OK(source_answer("kafka.sasl.password", "secret"));
    EXPECT_OK(sink_answer("value STRING, topic STRING", "kafka.linger.ms", "5"));
    EXPECT_OK(sink_answer("value STRING, topic STRING", "kafka.acks", "-1"));
    EXPECT_OK(sink_answer("value STRING, topic STRING",
                          "kafka.max.in.flight.requests.per.connection", "5"));
}

Test(kafka_bind, settings_that_run_code_are_refused)
{
    static const char *const keys[] = {"kafka.plugin.library.paths", "kafka.ssl.engine.location",
                                       "kafka.ssl.providers", "kafka.sasl.kerberos.kinit.cmd",
                                       "kafka.interceptor.classes"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *text = source_answer(keys[i], "x");
        EXPECT_HAS(text, "load or run code");
        EXPECT_HAS(text, keys[i]);
    }
    EXPECT_HAS(source_answer("kafka.sasl.oauthbearer.client.secret", "x"), "not in this version");
    EXPECT_HAS(source_answer("kafka.test.mock.num.brokers", "1"), "mock");
}

Test(kafka_bind, settings_that_the_engine_owns_are_refused)
{
    EXPECT_HAS(source_answer("kafka.enable.auto.commit", "true"), "startingOffsets");
    EXPECT_HAS(source_answer("kafka.auto.offset.reset", "earliest"), "startingOffsets");
    EXPECT_HAS(source_answer("kafka.value.deserializer", "x"), "CAST");
    EXPECT_HAS(source_answer("kafka.linger.ms", "1"), "sinks only");
    EXPECT_HAS(sink_answer("value STRING, topic STRING", "kafka.fetch.min.bytes", "1"),
               "sources only");
    EXPECT_HAS(sink_answer("value STRING, topic STRING", "kafka.acks", "1"), "'all'");
    EXPECT_HAS(sink_answer("value STRING, topic STRING", "kafka.delivery.timeout.ms", "1"),
               "nothing may be given up");
    EXPECT_HAS(sink_answer("value STRING, topic STRING", "kafka.transactional.id", "1"),
               "exactlyOnce");
}

Test(kafka_bind, java_spellings_are_explained)
{
    EXPECT_HAS(source_answer("kafka.sasl.jaas.config", "x"), "kafka.sasl.username");
    EXPECT_HAS(source_answer("kafka.ssl.truststore.location", "x"), "kafka.ssl.ca.location");
    EXPECT_HAS(source_answer("kafka.fetch.max.wait.ms", "1"), "kafka.fetch.wait.max.ms");
    EXPECT_HAS(sink_answer("value STRING, topic STRING", "kafka.buffer.memory", "1"),
               "queue.buffering.max.kbytes");
}

Test(kafka_bind, unknown_settings_get_the_nearest)
{
    EXPECT_HAS(source_answer("kafka.fetch.min.byte", "1"), "kafka.fetch.min.bytes");
    EXPECT_HAS(source_answer("kafka.sasl.mechansim", "PLAIN"), "kafka.sasl.mechanism");
    EXPECT_HAS(source_answer("kafka.entirely.different.thing", "1"), "no such setting");
}

Test(kafka_bind, bad_values_are_librdkafkas_errors)
{
    EXPECT_HAS(source_answer("kafka.fetch.wait.max.ms", "soon"), "fetch.wait.max.ms");
    EXPECT_HAS(source_answer("kafka.security.protocol", "carrier-pigeon"), "security.protocol");
}

Test(kafka_bind, exactly_one_selection)
{
    struct tide_error err = {0};
    void *bound;
    EXPECT_HAS(source_answer("assign", "{\"t\":[0]}"), "only one of");
    EXPECT_HAS(source_answer("subscribePattern", "t.*"), "only one of");
    fake.n_given = 1;
    cr_assert_eq(fake_bind(&fake, &tide_kafka_source_kind.k, NULL, &bound, &err), TIDE_ERR_INVALID);
    EXPECT_HAS(err.text, "subscribePattern");
}

Test(kafka_bind, starting_offsets)
{
    EXPECT_OK(source_answer("startingOffsets", "EARLIEST"));
    EXPECT_OK(source_answer("startingOffsets", "{\"t\":{\"0\":5}}"));
    EXPECT_HAS(source_answer("startingOffsets", "newest"), "neither earliest nor latest");
    EXPECT_HAS(source_answer("startingOffsets", "{\"t\":[0]}"), "expected e.g.");
}

Test(kafka_bind, options_of_other_times)
{
    EXPECT_HAS(source_answer("endingOffsets", "latest"), "batch queries");
    EXPECT_HAS(source_answer("maxOffsetsPerTrigger", "10"), "not in this version");
    EXPECT_HAS(source_answer("startingTimestamp", "10"), "not in this version");
    EXPECT_OK(source_answer("kafkaConsumer.pollTimeoutMs", "512"));
}

Test(kafka_bind, patterns)
{
    struct tide_error err = {0};
    void *bound;
    fake.n_given = 1;
    fake_give(&fake, "subscribePattern", "tx-(");
    cr_assert_eq(fake_bind(&fake, &tide_kafka_source_kind.k, NULL, &bound, &err), TIDE_ERR_INVALID);
    EXPECT_HAS(err.text, "not a regular expression");
}

Test(kafka_bind, topic_lists)
{
    fake.n_given = 1;
    EXPECT_HAS(sink_answer("value STRING", "topic", "no/slash"), "cannot be the name");
    struct tide_error err = {0};
    void *bound;
    fake.n_given = 1;
    fake_give(&fake, "subscribe", "a, b ,a,,c/d");
    cr_assert_eq(fake_bind(&fake, &tide_kafka_source_kind.k, NULL, &bound, &err), TIDE_ERR_INVALID);
    EXPECT_HAS(err.text, "'c/d'");
    fake.n_given = 1;
    fake_give(&fake, "subscribe", " , ");
    cr_assert_eq(fake_bind(&fake, &tide_kafka_source_kind.k, NULL, &bound, &err), TIDE_ERR_INVALID);
    EXPECT_HAS(err.text, "no topic");
}

Test(kafka_bind, servers_are_required)
{
    struct tide_error err = {0};
    void *bound;
    fake.n_given = 0;
    fake_give(&fake, "subscribe", "t");
    cr_assert_eq(fake_bind(&fake, &tide_kafka_source_kind.k, NULL, &bound, &err), TIDE_ERR_INVALID);
    EXPECT_HAS(err.text, "kafka.bootstrap.servers");
}

/* Spark's messages (KafkaWriter.validateQuery). */
Test(kafka_bind, sink_columns)
{
    EXPECT_OK(sink_answer("value STRING", "topic", "out"));
    EXPECT_OK(sink_answer("key BINARY, value BINARY, topic STRING, partition INT, "
                          "headers ARRAY<STRUCT<key: STRING, value: BINARY>>",
                          NULL, NULL));
    EXPECT_HAS(sink_answer("v STRING", "topic", "out"), "Required attribute 'value' not found");
    EXPECT_HAS(sink_answer("value STRING", NULL, NULL),
               "topic option required when no 'topic' attribute is present");
    EXPECT_HAS(sink_answer("value INT", "topic", "out"),
               "value attribute unsupported type int. value must be a(n) string or binary");
    EXPECT_HAS(sink_answer("value STRING, key BIGINT", "topic", "out"),
               "key attribute unsupported type bigint");
    EXPECT_HAS(sink_answer("value STRING, topic BINARY", NULL, NULL),
               "topic attribute unsupported type binary. topic must be a(n) string");
    EXPECT_HAS(sink_answer("value STRING, partition STRING", "topic", "out"),
               "partition attribute unsupported type string. partition must be a(n) int");
    EXPECT_HAS(sink_answer("value STRING, headers MAP<STRING, STRING>", "topic", "out"),
               "array<struct<key:string,value:binary>>");
}

Test(kafka_bind, record_id)
{
    EXPECT_OK(sink_answer("value STRING, topic STRING", "recordId", "header"));
    EXPECT_HAS(sink_answer("value STRING, topic STRING", "recordId", "column"), "use header");
}

Test(kafka_bind, schema_is_refused)
{
    struct tide_error err = {0};
    const struct tide_schema *declared;
    struct tide_bind in = {.host = &fake.host, .id = "tx", .max_record = 1 << 20};
    void *bound;
    EXPECT_OK(source_answer(NULL, NULL));
    cr_assert_eq(tide_schema_parse(fake.schemas, "a INT", &declared, &err), 0);
    in.options = fake.options;
    in.declared = declared;
    cr_assert_eq(tide_kafka_source_kind.k.bind(&in, &bound, &fake.traits, &err), TIDE_ERR_INVALID);
    EXPECT_HAS(err.text, "from_json");
}

/* Whatever allocation fails, bind says so and leaves nothing. */
Test(kafka_bind, no_memory)
{
    for (int left = 0; left < 40; left++) {
        struct tide_error err = {0};
        void *bound;
        fake.n_given = 1;
        fake_give(&fake, "subscribe", "a,b");
        fake_give(&fake, "kafka.fetch.min.bytes", "1");
        fake_give(&fake, "startingOffsets", "{\"a\":{\"0\":1}}");
        fake.allocations_left = left;
        int code = fake_bind(&fake, &tide_kafka_source_kind.k, NULL, &bound, &err);
        fake.allocations_left = -1;
        if (code == 0) {
            tide_kafka_source_kind.k.unbind(bound);
            cr_assert_gt(left, 5);
            return;
        }
        cr_assert_eq(code, TIDE_ERR_NOMEM, "%d: %s", left, err.text);
    }
    cr_assert(false, "bind never got through");
}
