/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options and columns of the Kafka sink, checked as Spark does, with its messages.
 *
 * Threads: control.
 */
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flight.h"
#include "offsets.h"
#include "rows.h"

/* What Kafka adds to a record at most, and a record id header. */
#define MESSAGE_OVERHEAD 4096u
#define MESSAGE_MAX 1000000000u

/* Bounds of the client's queue; the outboxes of the tasks are smaller, so that the client's limit
 * is met by many tasks only. Full: back-pressure. */
#define QUEUE_MESSAGES 100000
#define QUEUE_KBYTES 65536

const struct tide_option tide_kafka_sink_options[] = {
    TIDE_KAFKA_CONNECTION_OPTIONS,
    {.name = "topic",
     .type = TIDE_OPTION_STRING,
     .doc = "Topic to write to; without it the column topic says."},
    {.name = "includeHeaders",
     .type = TIDE_OPTION_BOOL,
     .fallback = "false",
     .doc = "Accepted for Spark's sake, without effect: a column headers is always written."},
    {.name = "recordId",
     .type = TIDE_OPTION_ENUM,
     .fallback = "none",
     .choices = "none|header|column",
     .doc = "Whether records carry their id in a header tidemark-record-id, so that readers can "
            "drop repeats."},
    {.name = "retry.max",
     .type = TIDE_OPTION_INT,
     .fallback = "10",
     .max = 200, /* struct tide_kafka_entry counts in 8 bits */
     .doc = "How often a record that Kafka refuses is sent again before it is rejected."},
    {.name = "retry.backoff",
     .type = TIDE_OPTION_DURATION,
     .fallback = "100 ms",
     .doc = "Pause before the first repetition; doubles with each."},
    {.name = "retry.maxBackoff",
     .type = TIDE_OPTION_DURATION,
     .fallback = "10 s",
     .doc = "Longest pause between two repetitions."},
    {.name = NULL},
};

static const char *const column_names[TIDE_KAFKA_OUT_COLUMNS] = {
    [TIDE_KAFKA_OUT_KEY] = "key",         [TIDE_KAFKA_OUT_VALUE] = "value",
    [TIDE_KAFKA_OUT_TOPIC] = "topic",     [TIDE_KAFKA_OUT_PARTITION] = "partition",
    [TIDE_KAFKA_OUT_HEADERS] = "headers",
};

/* Spark's names of what a column may be. */
static const char *const column_types[TIDE_KAFKA_OUT_COLUMNS] = {
    [TIDE_KAFKA_OUT_KEY] = "string or binary",
    [TIDE_KAFKA_OUT_VALUE] = "string or binary",
    [TIDE_KAFKA_OUT_TOPIC] = "string",
    [TIDE_KAFKA_OUT_PARTITION] = "int",
    [TIDE_KAFKA_OUT_HEADERS] = "array<struct<key:string,value:binary>>",
};

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the options of a Kafka sink");
}

static bool
headers_fit(const struct tide_type *type)
{
    const struct tide_type *element;
    if (type->id != TIDE_TYPE_ARRAY) {
        return false;
    }
    element = &type->children[0].type;
    return element->id == TIDE_TYPE_STRUCT && element->n_children == 2 &&
           element->children[0].type.id == TIDE_TYPE_STRING &&
           element->children[1].type.id == TIDE_TYPE_BINARY;
}

static bool
column_fits(enum tide_kafka_out_column column, const struct tide_type *type)
{
    switch (column) {
    case TIDE_KAFKA_OUT_TOPIC:
        return type->id == TIDE_TYPE_STRING;
    case TIDE_KAFKA_OUT_PARTITION:
        return type->id == TIDE_TYPE_INT;
    case TIDE_KAFKA_OUT_HEADERS:
        return headers_fit(type);
    default:
        return type->id == TIDE_TYPE_STRING || type->id == TIDE_TYPE_BINARY;
    }
}

/* Spark's name of a type, without what is inside. */
static const char *
type_name(const struct tide_type *type)
{
    static const char *const names[TIDE_TYPE_COUNT] = {
        [TIDE_TYPE_NULL] = "void",
        [TIDE_TYPE_BOOLEAN] = "boolean",
        [TIDE_TYPE_BYTE] = "tinyint",
        [TIDE_TYPE_SHORT] = "smallint",
        [TIDE_TYPE_INT] = "int",
        [TIDE_TYPE_LONG] = "bigint",
        [TIDE_TYPE_FLOAT] = "float",
        [TIDE_TYPE_DOUBLE] = "double",
        [TIDE_TYPE_DECIMAL] = "decimal",
        [TIDE_TYPE_STRING] = "string",
        [TIDE_TYPE_BINARY] = "binary",
        [TIDE_TYPE_DATE] = "date",
        [TIDE_TYPE_TIMESTAMP] = "timestamp",
        [TIDE_TYPE_ARRAY] = "array",
        [TIDE_TYPE_MAP] = "map",
        [TIDE_TYPE_STRUCT] = "struct",
    };
    const char *name = type->id < TIDE_TYPE_COUNT ? names[type->id] : NULL;
    return name != NULL ? name : "unknown";
}

static int
columns_find(struct tide_kafka_sink_bound *bound, struct tide_error *err)
{
    const struct tide_schema *schema = bound->schema;
    for (uint32_t c = 0; c < TIDE_KAFKA_OUT_COLUMNS; c++) {
        bound->field[c] = UINT32_MAX;
        for (uint32_t i = 0; i < schema->n && bound->field[c] == UINT32_MAX; i++) {
            if (strcmp(schema->fields[i].name, column_names[c]) == 0) {
                bound->field[c] = i;
            }
        }
        if (bound->field[c] == UINT32_MAX) {
            continue;
        }
        if (!column_fits(c, &schema->fields[bound->field[c]].type)) {
            return tide_error_set(err, TIDE_ERR_INVALID,
                                  "%s attribute unsupported type %s. %s must be a(n) %s",
                                  column_names[c], type_name(&schema->fields[bound->field[c]].type),
                                  column_names[c], column_types[c]);
        }
    }
    if (bound->field[TIDE_KAFKA_OUT_VALUE] == UINT32_MAX) {
        return tide_error_set(err, TIDE_ERR_INVALID, "Required attribute 'value' not found");
    }
    if (bound->topic == NULL && bound->field[TIDE_KAFKA_OUT_TOPIC] == UINT32_MAX) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "topic option required when no 'topic' attribute is present. Use the "
                              "topic option for setting a topic.");
    }
    return 0;
}

/* The engine's choices; the user's own keys come after them and win where they are allowed.
 * Requests in flight are decided when the sink opens (flight.h). */
static bool
defaults_add(struct tide_kafka_sink_bound *bound, uint32_t max_record)
{
    static const struct tide_kafka_setting fixed[] = {
        {"client.id", "tidemark"},
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {TIDE_KAFKA_FLIGHT_KEY, TIDE_KAFKA_FLIGHT_NEAR},
        {"linger.ms", "0"},
        {"message.timeout.ms", "0"}, /* never given up */
        {"partitioner", "murmur2_random"},
        /* A missing topic is waited for. Above 2147483 librdkafka's microseconds overflow. */
        {"topic.metadata.propagation.max.ms", "2000000"},
        {"topic.metadata.refresh.fast.interval.ms", "250"},
        {"socket.nagle.disable", "true"},
        {"reconnect.backoff.max.ms", "1000"},
        {"log.connection.close", "false"},
    };
    struct tide_kafka_settings *settings = &bound->settings;
    uint64_t message_max = (uint64_t)max_record + MESSAGE_OVERHEAD;
    bool ok = true;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        ok = ok && tide_kafka_settings_add(settings, fixed[i].key, fixed[i].value);
    }
    if (bound->api->version() >= TIDE_KAFKA_METRICS_PUSH_VERSION) {
        ok = ok && tide_kafka_settings_add(settings, "enable.metrics.push", "false");
    }
    message_max = message_max < MESSAGE_MAX ? message_max : MESSAGE_MAX;
    return ok &&
           tide_kafka_settings_add_number(settings, &bound->arena, "message.max.bytes",
                                          (int64_t)message_max) &&
           tide_kafka_settings_add_number(settings, &bound->arena, "queue.buffering.max.messages",
                                          QUEUE_MESSAGES) &&
           tide_kafka_settings_add_number(settings, &bound->arena, "queue.buffering.max.kbytes",
                                          QUEUE_KBYTES);
}

static int
topic_read(const struct tide_bind *in, struct tide_kafka_sink_bound *bound, struct tide_error *err)
{
    const char *topic = in->host->option_str(in->options, "topic");
    if (topic == NULL) {
        return 0;
    }
    if (!tide_kafka_topic_valid(topic, (uint32_t)strnlen(topic, TIDE_KAFKA_TOPIC_MAX + 1))) {
        return in->host->option_error(in->options, "topic", 0, -1, err,
                                      "'%s' cannot be the name of a topic", topic);
    }
    bound->topic_n = (uint32_t)strlen(topic);
    bound->topic = tide_kafka_arena_text(&bound->arena, topic, bound->topic_n);
    return bound->topic == NULL ? no_memory(err) : 0;
}

static int
record_id_read(const struct tide_bind *in, struct tide_kafka_sink_bound *bound,
               struct tide_error *err)
{
    const char *where = in->host->option_str(in->options, "recordId");
    if (strcasecmp(where, "column") == 0) {
        return in->host->option_error(in->options, "recordId", 0, -1, err,
                                      "a Kafka record has no columns; use header");
    }
    bound->record_id = strcasecmp(where, "header") == 0;
    return 0;
}

const char *
tide_kafka_sink_topic_to_ask(const struct tide_kafka_sink_bound *bound)
{
    return bound->topic != NULL ? bound->topic : "__consumer_offsets";
}

int
tide_kafka_sink_options_read(const struct tide_bind *in, struct tide_kafka_sink_bound *bound,
                             struct tide_error *err)
{
    int code;
    if (!defaults_add(bound, in->max_record)) {
        return no_memory(err);
    }
    code = tide_kafka_settings_read(in, TIDE_KAFKA_PRODUCER, bound->api, &bound->arena,
                                    &bound->settings, err);
    code = code != 0 ? code : topic_read(in, bound, err);
    code = code != 0 ? code : record_id_read(in, bound, err);
    if (code != 0) {
        return code;
    }
    bound->schema = in->inputs[0];
    bound->message_max =
        (uint32_t)strtoul(tide_kafka_settings_get(&bound->settings, "message.max.bytes"), NULL, 10);
    bound->retry_max = (uint32_t)in->host->option_int(in->options, "retry.max");
    bound->retry_ns = (uint64_t)in->host->option_int(in->options, "retry.backoff");
    bound->retry_ns_max = (uint64_t)in->host->option_int(in->options, "retry.maxBackoff");
    return columns_find(bound, err);
}
