/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tidemark cat`: the records of a topic as JSON lines.
 *
 * Partitions are read side by side; within one the order is the topic's. Without --follow it ends
 * when every partition was read to its end. Nothing is committed: no group learns of it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kafka.h"
#include "say.h"
#include "signals.h"
#include "verbs.h"

#define POLL_MS 100
#define WATERMARKS_MS 10000

struct reader {
    rd_kafka_t *client;
    const char *topic;
    int32_t partitions, ended; /* partitions; those at their end */
    uint64_t left;             /* records to print; UINT64_MAX: all */
    bool follow, headers;
};

static void
put_headers(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t n;
    fputs(",\"headers\":[", stdout);
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (size_t i = 0;
             rd_kafka_header_get_all(headers, i, &name, &value, &n) == RD_KAFKA_RESP_ERR_NO_ERROR;
             i++) {
            fputs(i > 0 ? ",{\"key\":" : "{\"key\":", stdout);
            cli_json_text(stdout, name);
            fputs(",\"value\":", stdout);
            cli_json_bytes(stdout, value, n);
            putchar('}');
        }
    }
    putchar(']');
}

static void
put_record(const struct reader *reader, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    fputs("{\"topic\":", stdout);
    cli_json_text(stdout, reader->topic);
    printf(",\"partition\":%" PRId32 ",\"offset\":%" PRId64, message->partition, message->offset);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) {
        fputs(",\"timestamp\":null", stdout);
    } else {
        printf(",\"timestamp\":%" PRId64, ms);
    }
    fputs(",\"key\":", stdout);
    cli_json_bytes(stdout, message->key, message->key_len);
    fputs(",\"value\":", stdout);
    cli_json_bytes(stdout, message->payload, message->len);
    if (reader->headers) {
        put_headers(message);
    }
    fputs("}\n", stdout);
}

/* Takes one message or event. 0, or the exit code after saying why. */
static int
take(struct reader *reader, const rd_kafka_message_t *message)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        put_record(reader, message);
        reader->left -= reader->left != UINT64_MAX;
        return 0;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        reader->ended++;
        return 0;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        if (reader->follow) {
            return 0;
        }
        cli_say("%s: %s", reader->topic, rd_kafka_message_errstr(message));
        return CLI_EXIT_UNREACHABLE;
    default:
        cli_say("%s: %s", reader->topic, rd_kafka_message_errstr(message));
        return 1;
    }
}

static int
read_all(struct reader *reader)
{
    int code = 0;
    while (code == 0 && reader->left > 0 && !cli_signals_stop() && !ferror(stdout) &&
           (reader->follow || reader->ended < reader->partitions)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->client, 0);
        if (message == NULL) {
            fflush(stdout);
            message = rd_kafka_consumer_poll(reader->client, POLL_MS);
        }
        if (message != NULL) {
            code = take(reader, message);
            rd_kafka_message_destroy(message);
        }
    }
    return code;
}

/* "earliest", "latest" or an offset. */
static bool
read_from(const char *text, int64_t *out_offset)
{
    uint64_t number;
    if (strcmp(text, "earliest") == 0) {
        *out_offset = RD_KAFKA_OFFSET_BEGINNING;
    } else if (strcmp(text, "latest") == 0) {
        *out_offset = RD_KAFKA_OFFSET_END;
    } else if (cli_read_number(text, &number) && number <= INT64_MAX) {
        *out_offset = (int64_t)number;
    } else {
        cli_say("--from %s: expected earliest, latest or an offset", text);
        return false;
    }
    return true;
}

/* An offset that partition @partition does not have (any more, yet) becomes the nearest it has. */
static int64_t
nearest_offset(const struct reader *reader, int32_t partition, int64_t offset)
{
    int64_t first = 0;
    int64_t end = INT64_MAX;
    rd_kafka_query_watermark_offsets(reader->client, reader->topic, partition, &first, &end,
                                     WATERMARKS_MS);
    return offset < first ? first : offset > end ? end : offset;
}

static int
assign(struct reader *reader, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(reader->partitions);
    for (int32_t i = 0; i < reader->partitions; i++) {
        rd_kafka_topic_partition_list_add(list, reader->topic, i)->offset =
            offset < 0 ? offset : nearest_offset(reader, i, offset);
    }
    rd_kafka_resp_err_t err = rd_kafka_assign(reader->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        cli_say("%s: %s", reader->topic, rd_kafka_err2str(err));
        return 1;
    }
    return 0;
}

static int
run_reader(struct reader *reader, const char *brokers, int64_t offset)
{
    static const struct cli_kafka_setting settings[] = {{"group.id", "tidemark-cat"},
                                                        {"enable.auto.commit", "false"},
                                                        {"enable.auto.offset.store", "false"},
                                                        {"enable.partition.eof", "true"},
                                                        {"auto.offset.reset", "error"},
                                                        {"isolation.level", "read_uncommitted"},
                                                        {NULL, NULL}};
    int code = cli_kafka_open(RD_KAFKA_CONSUMER, brokers, settings, NULL, NULL, &reader->client);
    if (code != 0) {
        return code;
    }
    rd_kafka_poll_set_consumer(reader->client);
    code = cli_kafka_partitions(reader->client, brokers, reader->topic, &reader->partitions);
    code = code != 0 ? code : assign(reader, offset);
    code = code != 0 ? code : read_all(reader);
    rd_kafka_consumer_close(reader->client);
    rd_kafka_destroy(reader->client);
    return code;
}

static int
run(const struct cli_args *args)
{
    struct stat info;
    int64_t offset;
    const char *brokers = cli_text(args, "brokers", NULL);
    const struct cli_value *count = cli_value(args, "count");
    struct reader reader = {.topic = args->words[0],
                            .left = count->given ? count->number : UINT64_MAX,
                            .follow = cli_value(args, "follow")->given,
                            .headers = cli_value(args, "headers")->given};
    if (strchr(reader.topic, '/') != NULL ||
        (brokers == NULL && stat(reader.topic, &info) == 0 && S_ISDIR(info.st_mode))) {
        cli_say("not in this version: cat of a folder (%s)", reader.topic);
        return CLI_EXIT_USAGE;
    }
    if (brokers == NULL) {
        cli_say("cat needs --brokers HOST:PORT");
        return CLI_EXIT_USAGE;
    }
    if (!read_from(cli_text(args, "from", "earliest"), &offset)) {
        return CLI_EXIT_USAGE;
    }
    cli_signals_install(NULL);
    int code = run_reader(&reader, brokers, offset);
    cli_signals_remove();
    return code;
}

static const struct cli_flag flags[] = {
    {"brokers", CLI_FLAG_TEXT, "HOST:PORT", "The Kafka cluster"},
    {"from", CLI_FLAG_TEXT, "earliest|latest|N",
     "Where to begin in each partition; default earliest"},
    {"count", CLI_FLAG_COUNT, "N", "Stops after N records"},
    {"follow", CLI_FLAG_SWITCH, NULL, "Waits for more at the end"},
    {"headers", CLI_FLAG_SWITCH, NULL, "Prints the headers too"},
    {.name = NULL},
};

const struct cli_verb cli_verb_cat = {
    .name = "cat",
    .words = "TOPIC",
    .words_min = 1,
    .words_max = 1,
    .doc = "Prints the records of a topic as JSON lines",
    .flags = flags,
    .more = "A line: {\"topic\", \"partition\", \"offset\", \"timestamp\" in ms, \"key\", "
            "\"value\", \"headers\"}.\n"
            "Bytes that are not UTF-8 are {\"base64\": \"...\"}. Commits nothing.\n",
    .run = run,
};
