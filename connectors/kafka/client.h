/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client: the one table of functions through which this connector reaches Kafka.
 *
 * The real table (client.c) is a thin layer over librdkafka. A simulation publishes a twin under
 * the extension name TIDE_KAFKA_CLIENT_EXTENSION; source and sink take what tide_kafka_client()
 * gives and never call librdkafka themselves. Error numbers are librdkafka's rd_kafka_resp_err_t.
 *
 * Consuming is done without a consumer group: each partition is started at an offset onto a queue,
 * each task has its own queue, and offsets live in the engine's WAL. Producing refers to the bytes
 * given until they are acknowledged; nothing is copied on the way to the socket but small values.
 *
 * Threads: every function may be called from any thread unless it says otherwise. Those marked
 * "blocks" wait for brokers and are for control and offload threads only.
 */
#ifndef TIDE_KAFKA_CLIENT_H
#define TIDE_KAFKA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#define TIDE_KAFKA_CLIENT_EXTENSION "tide.kafka-client/0"

/* "no value", as opposed to an empty one: p is NULL. */
#define TIDE_KAFKA_ABSENT ((struct tide_bytes){NULL, 0})

/* Made and owned by the table in use. */
struct tide_kafka_client;
struct tide_kafka_queue;
struct tide_kafka_topic;

enum tide_kafka_role { TIDE_KAFKA_CONSUMER, TIDE_KAFKA_PRODUCER };

struct tide_kafka_setting {
    const char *key; /* without the prefix "kafka." */
    const char *value;
};

struct tide_kafka_client_config {
    const struct tide_host *host;
    enum tide_kafka_role role;
    const struct tide_kafka_setting *settings; /* copied */
    uint32_t n_settings;
    void *self; /* first argument of the callbacks */
    /* A broker, a topic or the client has trouble. Called inside poll() and consume(). */
    void (*on_error)(void *self, int code, const char *text);
    /* A produced message is done: acknowledged (0) or failed. Called inside poll(), on its thread.
     */
    void (*on_ack)(void *self, void *message, int code);
    /* A line of the client's log, @level as in syslog(3). Called on any thread. */
    void (*on_log)(void *self, int level, const char *facility, const char *text);
};

/* A record, or an error of a partition. Valid until released. */
struct tide_kafka_record {
    void *message; /* the table's */
    struct tide_kafka_topic *topic;
    const char *error_text; /* with code != 0 */
    struct tide_bytes key, value;
    int64_t offset;
    int64_t timestamp_ms;   /* -1: none */
    int32_t timestamp_type; /* as in Spark: 0 create time, 1 log append time, -1 none */
    int32_t partition;
    int code; /* 0: a record */
};

struct tide_kafka_header {
    const char *name; /* ends with a NUL */
    struct tide_bytes value;
};

/* A message to produce. Everything it points to is the caller's until on_ack or client_close(). */
struct tide_kafka_outgoing {
    struct tide_kafka_topic *topic;
    struct tide_bytes key, value;
    const struct tide_kafka_header *headers;
    uint32_t n_headers;
    int32_t partition; /* -1: by the partitioner */
    void *message;     /* what on_ack gets */
};

struct tide_kafka_position {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

/* One topic of the metadata; @code tells why there are no partitions. */
typedef void tide_kafka_topic_fn(void *self, const char *topic, int32_t n_partitions, int code);

struct tide_kafka_client_api {
    uint32_t abi, size;

    /* librdkafka's version as in rd_kafka_version(): 0x020002ff. */
    int (*version)(void);
    /* Whether the client takes this setting: 0, or TIDE_ERR_UNSUPPORTED (this version does not
     * know the key) or TIDE_ERR_INVALID with the reason in @err. */
    int (*setting_check)(enum tide_kafka_role role, const char *key, const char *value,
                         struct tide_error *err);

    /* Makes a client and its threads; waits for nothing. @api is the table itself, for twins that
     * have something behind it. Errors: TIDE_ERR_INVALID, TIDE_ERR_NOMEM. For control threads,
     * whose CPU mask the client's threads inherit. */
    int (*client_open)(const struct tide_kafka_client_api *api,
                       const struct tide_kafka_client_config *config,
                       struct tide_kafka_client **out_client, struct tide_error *err);
    /* Drops what is not acknowledged. Queues and topics of it must be closed. Blocks shortly. */
    void (*client_close)(struct tide_kafka_client *client);
    /* Writes the 8 bytes of an eventfd into @fd when poll() has something to do. */
    void (*client_wake)(struct tide_kafka_client *client, int fd);
    /* Calls back on_error and on_ack for what is there; true when something was. One thread at a
     * time. */
    bool (*poll)(struct tide_kafka_client *client);
    /* Inside a callback: poll() returns after it, the rest is for the next poll(). */
    void (*poll_stop)(struct tide_kafka_client *client);
    /* The client cannot go on (a gap in an idempotent producer): the code, else 0. */
    int (*fatal)(struct tide_kafka_client *client, char *text, size_t text_max);

    /* Calls @each for @topic, or for every topic of the cluster if NULL. Blocks. */
    int (*metadata)(struct tide_kafka_client *client, const char *topic, int timeout_ms,
                    tide_kafka_topic_fn *each, void *self);
    /* The first offset there is and the one the next record will get. Blocks. */
    int (*range)(struct tide_kafka_client *client, const char *topic, int32_t partition,
                 int timeout_ms, int64_t *out_first, int64_t *out_next);
    /* Commits group offsets; with a timeout of 0 without waiting for the answer. */
    int (*commit)(struct tide_kafka_client *client, const struct tide_kafka_position *positions,
                  uint32_t n, int timeout_ms);

    struct tide_kafka_topic *(*topic_open)(struct tide_kafka_client *client, const char *name);
    void (*topic_close)(struct tide_kafka_topic *topic);
    const char *(*topic_name)(const struct tide_kafka_topic *topic);

    /* A queue of records. Writes 8 bytes into @fd when an empty queue gets its first. */
    struct tide_kafka_queue *(*queue_open)(struct tide_kafka_client *client, int fd);
    void (*queue_close)(struct tide_kafka_queue *queue);
    /* Starts to fetch a partition from @offset into @queue; not while it is started. Does not wait;
     * what cannot be fetched comes as a record with a code. */
    int (*fetch_start)(struct tide_kafka_topic *topic, int32_t partition, int64_t offset,
                       struct tide_kafka_queue *queue);
    /* Ends it. Blocks shortly. */
    void (*fetch_stop)(struct tide_kafka_topic *topic, int32_t partition);
    /* The next record that is there, or false. One thread at a time. */
    bool (*consume)(struct tide_kafka_queue *queue, struct tide_kafka_record *out);
    void (*release)(struct tide_kafka_record *record);
    /* Header @i of a record, or false when it has no more. */
    bool (*header)(const struct tide_kafka_record *record, uint32_t i,
                   struct tide_kafka_header *out);

    /* 0, or a code; with a code nothing was taken. Never blocks. */
    int (*produce)(struct tide_kafka_client *client, const struct tide_kafka_outgoing *message);
};

/* The table over librdkafka. @thread any */
const struct tide_kafka_client_api *tide_kafka_client_real(void);

/* The table to use in the pipeline of @host. @thread start */
const struct tide_kafka_client_api *tide_kafka_client(const struct tide_host *host);

#endif
