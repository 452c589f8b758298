/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the Kafka source: the table, and what reads it.
 *
 * Each error stands at its option. Options of Spark that this version does not have are in the
 * table, so that they are refused as such and not as misspelt. Threads: control; nothing outside is
 * touched.
 */
#include "options.h"

#include <string.h>
#include <strings.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define NOT_HERE "Not in this version."
#define NO_EFFECT "Accepted for Spark's sake, without effect: "

/* Records held by the client for a task that is behind. From 2.2.0 on the client looks again after
 * fetch.queue.backoff.ms when its queue was full; before, only after a second, so that the queue
 * must hold what a task does in one. */
#define QUEUE_BACKOFF_VERSION 0x02020000
#define QUEUED_MESSAGES 10000
#define QUEUED_MESSAGES_OLD 100000
#define QUEUED_KBYTES 16384
#define QUEUED_KBYTES_OLD 32768

const struct tide_option tide_kafka_source_options[] = {
    TIDE_KAFKA_CONNECTION_OPTIONS,
    {.name = "assign",
     .type = TIDE_OPTION_STRING,
     .doc = "Partitions to read, as JSON: {\"topicA\":[0,1],\"topicB\":[2,4]}."},
    {.name = "subscribe",
     .type = TIDE_OPTION_STRING,
     .doc = "Topics to read, separated by commas; new partitions are picked up."},
    {.name = "subscribePattern",
     .type = TIDE_OPTION_STRING,
     .doc = "Topics to read, as a regular expression that matches the whole name; new topics are "
            "picked up."},
    {.name = "startingOffsets",
     .type = TIDE_OPTION_STRING,
     .fallback = "latest",
     .doc = "Where to start without a checkpoint: earliest, latest, or JSON "
            "{\"topicA\":{\"0\":23,\"1\":-1}} with -2 for earliest and -1 for latest."},
    {.name = "failOnDataLoss",
     .type = TIDE_OPTION_BOOL,
     .fallback = "true",
     .doc = "Whether to stop when records that were to be read are gone; otherwise reading goes on "
            "from the earliest there is."},
    {.name = "includeHeaders",
     .type = TIDE_OPTION_BOOL,
     .fallback = "false",
     .doc = "Whether rows have a column headers."},
    {.name = "groupIdPrefix",
     .type = TIDE_OPTION_STRING,
     .fallback = "tidemark",
     .doc =
         "First part of the consumer group whose offsets follow the checkpoint for lag displays, "
         "before the source's id; kafka.group.id names the whole group."},
    {.name = "kafkaConsumer.pollTimeoutMs",
     .type = TIDE_OPTION_INT,
     .doc = NO_EFFECT "the reader never waits."},
    {.name = "fetchOffset.numRetries",
     .type = TIDE_OPTION_INT,
     .doc = NO_EFFECT "offsets are asked for until the broker answers."},
    {.name = "fetchOffset.retryIntervalMs",
     .type = TIDE_OPTION_INT,
     .doc = NO_EFFECT "offsets are asked for until the broker answers."},
    {.name = "endingOffsets", .type = TIDE_OPTION_STRING, .doc = "Of batch queries only: refused."},
    {.name = "endingOffsetsByTimestamp",
     .type = TIDE_OPTION_STRING,
     .doc = "Of batch queries only: refused."},
    {.name = "endingTimestamp",
     .type = TIDE_OPTION_STRING,
     .doc = "Of batch queries only: refused."},
    {.name = "startingTimestamp", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = "startingOffsetsByTimestamp", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = "startingOffsetsByTimestampStrategy", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = "minPartitions", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = "maxRecordsPerPartition", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = "maxOffsetsPerTrigger", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = "minOffsetsPerTrigger", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = "maxTriggerDelay", .type = TIDE_OPTION_STRING, .doc = NOT_HERE},
    {.name = NULL},
};

struct tide_kafka_pattern {
    pcre2_code *code;
    pcre2_match_data *match;
};

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the options of a Kafka source");
}

/* Options that the table has only to refuse them well. */
static const char *const not_here[] = {
    "startingTimestamp",
    "startingOffsetsByTimestamp",
    "startingOffsetsByTimestampStrategy",
    "minPartitions",
    "maxRecordsPerPartition",
    "maxOffsetsPerTrigger",
    "minOffsetsPerTrigger",
    "maxTriggerDelay",
};
static const char *const ending[] = {"endingOffsets", "endingOffsetsByTimestamp",
                                     "endingTimestamp"};

static int
refused_check(const struct tide_bind *in, struct tide_error *err)
{
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        if (in->host->option_set(in->options, ending[i])) {
            return in->host->option_error(in->options, ending[i], 0, -1, err,
                                          "refused: a streaming query has no end; this is an "
                                          "option of batch queries");
        }
    }
    for (size_t i = 0; i < sizeof(not_here) / sizeof(not_here[0]); i++) {
        if (in->host->option_set(in->options, not_here[i])) {
            return in->host->option_error(in->options, not_here[i], 0, -1, err,
                                          "not in this version");
        }
    }
    return 0;
}

/* Parses a JSON option, putting its error at the option's place. */
static int
json_read(const struct tide_bind *in, struct tide_kafka_source_bound *bound, const char *name,
          struct tide_kafka_places *out_places, struct tide_error *err)
{
    const char *text = in->host->option_str(in->options, name);
    struct tide_error reason = {0};
    int code = strcmp(name, "assign") == 0
                   ? tide_kafka_parse_partitions(&bound->arena, text, out_places, &reason)
                   : tide_kafka_parse_offsets(&bound->arena, text, out_places, &reason);
    if (code == TIDE_ERR_INVALID) {
        return in->host->option_error(in->options, name, 0, reason.at, err, "%s", reason.text);
    }
    return code == 0 ? 0 : no_memory(err);
}

/* Adds the topic in the first @n bytes of @text, white space around it left out. */
static int
topic_add(const struct tide_bind *in, struct tide_kafka_source_bound *bound, const char *text,
          size_t n, struct tide_error *err)
{
    const char *name;
    while (n > 0 && (*text == ' ' || *text == '\t' || *text == '\n')) {
        text++;
        n--;
    }
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\n')) {
        n--;
    }
    if (n == 0) {
        return 0;
    }
    if (!tide_kafka_topic_valid(text, n > UINT32_MAX ? UINT32_MAX : (uint32_t)n)) {
        return in->host->option_error(in->options, "subscribe", 0, -1, err,
                                      "'%.*s' cannot be the name of a topic", (int)n, text);
    }
    name = tide_kafka_arena_text(&bound->arena, text, n);
    for (uint32_t i = 0; name != NULL && i < bound->n_topics; i++) {
        if (strcmp(bound->topics[i], name) == 0) {
            return 0;
        }
    }
    bound->topics[bound->n_topics++] = name;
    return name == NULL ? no_memory(err) : 0;
}

static int
subscribe_read(const struct tide_bind *in, struct tide_kafka_source_bound *bound,
               struct tide_error *err)
{
    const char *text = in->host->option_str(in->options, "subscribe");
    size_t n_max = 1;
    for (const char *p = text; *p != '\0'; p++) {
        n_max += *p == ',';
    }
    bound->topics = tide_kafka_arena_alloc(&bound->arena, n_max * sizeof(*bound->topics));
    if (bound->topics == NULL) {
        return no_memory(err);
    }
    for (;;) {
        size_t n = strcspn(text, ",");
        int code = topic_add(in, bound, text, n, err);
        if (code != 0) {
            return code;
        }
        if (text[n] == '\0') {
            break;
        }
        text += n + 1;
    }
    if (bound->n_topics == 0) {
        return in->host->option_error(in->options, "subscribe", 0, -1, err, "no topic is named");
    }
    return 0;
}

static int
pattern_read(const struct tide_bind *in, struct tide_kafka_source_bound *bound,
             struct tide_error *err)
{
    const char *text = in->host->option_str(in->options, "subscribePattern");
    struct tide_kafka_pattern *pattern = tide_kafka_arena_alloc(&bound->arena, sizeof(*pattern));
    PCRE2_UCHAR reason[128];
    PCRE2_SIZE at;
    int code;
    bound->pattern_text = tide_kafka_arena_text(&bound->arena, text, strlen(text));
    if (pattern == NULL || bound->pattern_text == NULL) {
        return no_memory(err);
    }
    pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                                  PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
    if (pattern->code == NULL) {
        pcre2_get_error_message(code, reason, sizeof(reason));
        return in->host->option_error(in->options, "subscribePattern", 0, (int32_t)at, err,
                                      "not a regular expression: %s", (const char *)reason);
    }
    bound->pattern = pattern;
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    return pattern->match == NULL ? no_memory(err) : 0;
}

static int
selection_read(const struct tide_bind *in, struct tide_kafka_source_bound *bound,
               struct tide_error *err)
{
    bool assign = in->host->option_set(in->options, "assign");
    bool subscribe = in->host->option_set(in->options, "subscribe");
    bool pattern = in->host->option_set(in->options, "subscribePattern");
    if ((int)assign + (int)subscribe + (int)pattern == 0) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "one of the options assign, subscribe and subscribePattern must say "
                              "what is read");
    }
    if ((int)assign + (int)subscribe + (int)pattern > 1) {
        return in->host->option_error(in->options, assign ? "assign" : "subscribe", 0, -1, err,
                                      "only one of assign, subscribe and subscribePattern may say "
                                      "what is read");
    }
    if (assign) {
        bound->selection = TIDE_KAFKA_ASSIGN;
        return json_read(in, bound, "assign", &bound->places, err);
    }
    bound->selection = subscribe ? TIDE_KAFKA_SUBSCRIBE : TIDE_KAFKA_PATTERN;
    return subscribe ? subscribe_read(in, bound, err) : pattern_read(in, bound, err);
}

static int
starting_read(const struct tide_bind *in, struct tide_kafka_source_bound *bound,
              struct tide_error *err)
{
    const char *text = in->host->option_str(in->options, "startingOffsets");
    if (strcasecmp(text, "earliest") == 0) {
        bound->starting = TIDE_KAFKA_FROM_EARLIEST;
        return 0;
    }
    if (strcasecmp(text, "latest") == 0) {
        bound->starting = TIDE_KAFKA_FROM_LATEST;
        return 0;
    }
    if (text[strspn(text, " \t\r\n")] != '{') {
        return in->host->option_error(in->options, "startingOffsets", 0, -1, err,
                                      "'%s' is neither earliest nor latest nor JSON such as "
                                      "{\"topicA\":{\"0\":23,\"1\":-1}}",
                                      text);
    }
    bound->starting = TIDE_KAFKA_FROM_OFFSETS;
    return json_read(in, bound, "startingOffsets", &bound->offsets, err);
}

/* What the engine decides; the user's own keys come after it and win where they are allowed. */
static bool
defaults_add(const struct tide_bind *in, struct tide_kafka_source_bound *bound)
{
    static const struct tide_kafka_setting fixed[] = {
        {"client.id", "tidemark"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"isolation.level", "read_uncommitted"}, /* as Spark; librdkafka's own is committed */
        {"allow.auto.create.topics", "false"},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "10"},
        {"topic.metadata.propagation.max.ms", "1000"}, /* a deleted topic is soon known as such */
        {"socket.nagle.disable", "true"},
        {"reconnect.backoff.max.ms", "1000"},
        {"log.connection.close", "false"},
    };
    struct tide_kafka_settings *settings = &bound->settings;
    bool looks_again = bound->api->version() >= QUEUE_BACKOFF_VERSION;
    const char *prefix = in->host->option_str(in->options, "groupIdPrefix");
    char *group = tide_kafka_arena_printf(&bound->arena, "%s-%s", prefix, bound->id);
    bool ok = group != NULL && tide_kafka_settings_add(settings, "group.id", group);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        ok = ok && tide_kafka_settings_add(settings, fixed[i].key, fixed[i].value);
    }
    if (looks_again) {
        ok = ok && tide_kafka_settings_add(settings, "fetch.queue.backoff.ms", "10");
    }
    if (bound->api->version() >= TIDE_KAFKA_METRICS_PUSH_VERSION) {
        ok = ok && tide_kafka_settings_add(settings, "enable.metrics.push", "false");
    }
    return ok &&
           tide_kafka_settings_add_number(settings, &bound->arena, "queued.min.messages",
                                          looks_again ? QUEUED_MESSAGES : QUEUED_MESSAGES_OLD) &&
           tide_kafka_settings_add_number(settings, &bound->arena, "queued.max.messages.kbytes",
                                          looks_again ? QUEUED_KBYTES : QUEUED_KBYTES_OLD);
}

int
tide_kafka_source_options_read(const struct tide_bind *in, struct tide_kafka_source_bound *bound,
                               struct tide_error *err)
{
    int code = refused_check(in, err);
    if (code != 0) {
        return code;
    }
    bound->id = tide_kafka_arena_text(&bound->arena, in->id, strlen(in->id));
    if (bound->id == NULL || !defaults_add(in, bound)) {
        return no_memory(err);
    }
    code = tide_kafka_settings_read(in, TIDE_KAFKA_CONSUMER, bound->api, &bound->arena,
                                    &bound->settings, err);
    code = code != 0 ? code : selection_read(in, bound, err);
    code = code != 0 ? code : starting_read(in, bound, err);
    bound->max_record = in->max_record;
    bound->fail_on_data_loss = in->host->option_int(in->options, "failOnDataLoss") != 0;
    bound->headers = in->host->option_int(in->options, "includeHeaders") != 0;
    return code;
}

void
tide_kafka_source_options_free(struct tide_kafka_source_bound *bound)
{
    if (bound->pattern != NULL) {
        pcre2_match_data_free(bound->pattern->match);
        pcre2_code_free(bound->pattern->code);
        bound->pattern = NULL;
    }
}

bool
tide_kafka_pattern_matches(const struct tide_kafka_pattern *pattern, const char *topic)
{
    if (strcmp(topic, "__consumer_offsets") == 0 || strcmp(topic, "__transaction_state") == 0) {
        return false;
    }
    return pcre2_match(pattern->code, (PCRE2_SPTR)topic, PCRE2_ZERO_TERMINATED, 0, 0,
                       pattern->match, NULL) >= 0;
}
