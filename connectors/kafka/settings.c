/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: the table of `kafka.` keys, and its use.
 *
 * A key is allowed for consumers, producers or both, or refused with a reason. What the table lacks
 * is refused too: a new librdkafka may bring keys that run code. The linked librdkafka then checks
 * the value, still in bind(), which touches nothing outside.
 *
 * Threads: control. Secrets: messages name keys, never values.
 */
#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FOR_CONSUMER 1u
#define FOR_PRODUCER 2u
#define FOR_BOTH (FOR_CONSUMER | FOR_PRODUCER)

#define WHY_LOADS_CODE "it makes the client load or run code that this pipeline does not name"
#define WHY_NO_GROUP \
    "the source reads partitions at the checkpoint's offsets and joins no consumer group"
#define WHY_OFFSETS "offsets are in the checkpoint; use the option startingOffsets for the start"
#define WHY_LOSSLESS \
    "the sink retries until the broker has the record; nothing may be given up after a time"
#define WHY_CALLBACK "it is not a setting but a function of the client's programming interface"
#define WHY_OAUTH "SASL OAUTHBEARER is not in this version"
#define WHY_BYTES "keys and values are bytes here; CAST them in a step"
#define WHY_OPENSSL "OpenSSL decides this; see its configuration file"
#define WHY_TRUST                                                                                 \
    "this client reads PEM files: export the trust store with keytool -exportcert -rfc and give " \
    "the file as kafka.ssl.ca.location"

struct key_row {
    const char *key;
    unsigned roles;  /* 0: refused */
    const char *why; /* of a refusal */
};

/* What the two clients share: network, metadata, TLS and SASL. */
static const struct key_row keys[] = {
    {"client.id", FOR_BOTH, NULL},
    {"client.rack", FOR_BOTH, NULL},
    {"client.dns.lookup", FOR_BOTH, NULL},
    {"message.max.bytes", FOR_BOTH, NULL},
    {"message.copy.max.bytes", FOR_BOTH, NULL},
    {"receive.message.max.bytes", FOR_BOTH, NULL},
    {"metadata.max.age.ms", FOR_BOTH, NULL},
    {"metadata.recovery.strategy", FOR_BOTH, NULL},
    {"metadata.recovery.rebootstrap.trigger.ms", FOR_BOTH, NULL},
    {"topic.metadata.refresh.interval.ms", FOR_BOTH, NULL},
    {"topic.metadata.refresh.fast.interval.ms", FOR_BOTH, NULL},
    {"topic.metadata.refresh.sparse", FOR_BOTH, NULL},
    {"topic.metadata.propagation.max.ms", FOR_BOTH, NULL},
    {"debug", FOR_BOTH, NULL},
    {"log_level", FOR_BOTH, NULL},
    {"log.connection.close", FOR_BOTH, NULL},
    {"socket.timeout.ms", FOR_BOTH, NULL},
    {"socket.send.buffer.bytes", FOR_BOTH, NULL},
    {"socket.receive.buffer.bytes", FOR_BOTH, NULL},
    {"socket.keepalive.enable", FOR_BOTH, NULL},
    {"socket.nagle.disable", FOR_BOTH, NULL},
    {"socket.max.fails", FOR_BOTH, NULL},
    {"socket.connection.setup.timeout.ms", FOR_BOTH, NULL},
    {"broker.address.ttl", FOR_BOTH, NULL},
    {"broker.address.family", FOR_BOTH, NULL},
    {"connections.max.idle.ms", FOR_BOTH, NULL},
    {"reconnect.backoff.ms", FOR_BOTH, NULL},
    {"reconnect.backoff.max.ms", FOR_BOTH, NULL},
    {"retry.backoff.ms", FOR_BOTH, NULL},
    {"retry.backoff.max.ms", FOR_BOTH, NULL},
    {"enable.metrics.push", FOR_BOTH, NULL},
    {"api.version.request", FOR_BOTH, NULL},
    {"api.version.request.timeout.ms", FOR_BOTH, NULL},
    {"api.version.fallback.ms", FOR_BOTH, NULL},
    {"broker.version.fallback", FOR_BOTH, NULL},
    {"allow.auto.create.topics", FOR_BOTH, NULL},
    {"security.protocol", FOR_BOTH, NULL},
    {"ssl.cipher.suites", FOR_BOTH, NULL},
    {"ssl.curves.list", FOR_BOTH, NULL},
    {"ssl.sigalgs.list", FOR_BOTH, NULL},
    {"ssl.key.location", FOR_BOTH, NULL},
    {"ssl.key.password", FOR_BOTH, NULL},
    {"ssl.key.pem", FOR_BOTH, NULL},
    {"ssl.certificate.location", FOR_BOTH, NULL},
    {"ssl.certificate.pem", FOR_BOTH, NULL},
    {"ssl.ca.location", FOR_BOTH, NULL},
    {"ssl.ca.pem", FOR_BOTH, NULL},
    {"ssl.crl.location", FOR_BOTH, NULL},
    {"ssl.keystore.location", FOR_BOTH, NULL},
    {"ssl.keystore.password", FOR_BOTH, NULL},
    {"ssl.endpoint.identification.algorithm", FOR_BOTH, NULL},
    {"enable.ssl.certificate.verification", FOR_BOTH, NULL},
    {"sasl.mechanism", FOR_BOTH, NULL},
    {"sasl.mechanisms", FOR_BOTH, NULL},
    {"sasl.username", FOR_BOTH, NULL},
    {"sasl.password", FOR_BOTH, NULL},
    {"sasl.kerberos.service.name", FOR_BOTH, NULL},
    {"sasl.kerberos.principal", FOR_BOTH, NULL},
    {"sasl.kerberos.keytab", FOR_BOTH, NULL},
    {"sasl.kerberos.min.time.before.relogin", FOR_BOTH, NULL},

    {"group.id", FOR_CONSUMER, NULL},
    {"isolation.level", FOR_CONSUMER, NULL},
    {"check.crcs", FOR_CONSUMER, NULL},
    {"queued.min.messages", FOR_CONSUMER, NULL},
    {"queued.max.messages.kbytes", FOR_CONSUMER, NULL},
    {"fetch.wait.max.ms", FOR_CONSUMER, NULL},
    {"fetch.queue.backoff.ms", FOR_CONSUMER, NULL},
    {"fetch.message.max.bytes", FOR_CONSUMER, NULL},
    {"max.partition.fetch.bytes", FOR_CONSUMER, NULL},
    {"fetch.max.bytes", FOR_CONSUMER, NULL},
    {"fetch.min.bytes", FOR_CONSUMER, NULL},
    {"fetch.error.backoff.ms", FOR_CONSUMER, NULL},

    {"acks", FOR_PRODUCER, NULL},
    {"request.required.acks", FOR_PRODUCER, NULL},
    {"enable.idempotence", FOR_PRODUCER, NULL},
    {"max.in.flight", FOR_PRODUCER, NULL},
    {"max.in.flight.requests.per.connection", FOR_PRODUCER, NULL},
    {"linger.ms", FOR_PRODUCER, NULL},
    {"queue.buffering.max.ms", FOR_PRODUCER, NULL},
    {"queue.buffering.max.messages", FOR_PRODUCER, NULL},
    {"queue.buffering.max.kbytes", FOR_PRODUCER, NULL},
    {"queue.buffering.backpressure.threshold", FOR_PRODUCER, NULL},
    {"batch.num.messages", FOR_PRODUCER, NULL},
    {"batch.size", FOR_PRODUCER, NULL},
    {"compression.codec", FOR_PRODUCER, NULL},
    {"compression.type", FOR_PRODUCER, NULL},
    {"compression.level", FOR_PRODUCER, NULL},
    {"partitioner", FOR_PRODUCER, NULL},
    {"sticky.partitioning.linger.ms", FOR_PRODUCER, NULL},
    {"request.timeout.ms", FOR_PRODUCER, "librdkafka calls it kafka.socket.timeout.ms here"},

    {"plugin.library.paths", 0, WHY_LOADS_CODE},
    {"ssl.engine.location", 0, WHY_LOADS_CODE},
    {"ssl.engine.id", 0, WHY_LOADS_CODE},
    {"ssl.providers", 0, WHY_LOADS_CODE},
    {"sasl.kerberos.kinit.cmd", 0, WHY_LOADS_CODE},
    {"interceptors", 0, WHY_LOADS_CODE},
    {"interceptor.classes", 0, WHY_LOADS_CODE},
    {"sasl.login.class", 0, WHY_LOADS_CODE},
    {"sasl.login.callback.handler.class", 0, WHY_LOADS_CODE},
    {"sasl.client.callback.handler.class", 0, WHY_LOADS_CODE},
    {"metric.reporters", 0, WHY_LOADS_CODE},
    {"security.providers", 0, WHY_LOADS_CODE},
    {"sasl.oauthbearer.config", 0, WHY_OAUTH},
    {"sasl.oauthbearer.method", 0, WHY_OAUTH},
    {"sasl.oauthbearer.client.id", 0, WHY_OAUTH},
    {"sasl.oauthbearer.client.secret", 0, WHY_OAUTH},
    {"sasl.oauthbearer.scope", 0, WHY_OAUTH},
    {"sasl.oauthbearer.extensions", 0, WHY_OAUTH},
    {"sasl.oauthbearer.token.endpoint.url", 0, WHY_OAUTH},
    {"enable.sasl.oauthbearer.unsecure.jwt", 0, WHY_OAUTH},
    {"error_cb", 0, WHY_CALLBACK},
    {"log_cb", 0, WHY_CALLBACK},
    {"opaque", 0, WHY_CALLBACK},
    {"background_event_cb", 0, WHY_CALLBACK},
    {"enabled_events", 0, WHY_CALLBACK},
    {"test.mock.num.brokers", 0, "it would silently put a mock cluster in the brokers' place"},
    {"test.mock.broker.rtt", 0, "it belongs to the client's own mock cluster"},
    {"metadata.broker.list", 0, "write kafka.bootstrap.servers"},
    {"statistics.interval.ms", 0, "nobody would read the statistics; see `tidemark status`"},
    {"log.queue", 0, "the engine takes the client's log"},

    {"enable.auto.commit", 0, WHY_OFFSETS},
    {"auto.commit.enable", 0, WHY_OFFSETS},
    {"auto.commit.interval.ms", 0, WHY_OFFSETS},
    {"enable.auto.offset.store", 0, WHY_OFFSETS},
    {"auto.offset.reset", 0, WHY_OFFSETS},
    {"offset.store.method", 0, WHY_OFFSETS},
    {"offset.store.path", 0, WHY_OFFSETS},
    {"enable.partition.eof", 0, "the engine decides which events it takes"},
    {"consume.callback.max.messages", 0, "the engine decides how many it takes"},
    {"group.instance.id", 0, WHY_NO_GROUP},
    {"group.protocol", 0, WHY_NO_GROUP},
    {"group.protocol.type", 0, WHY_NO_GROUP},
    {"group.remote.assignor", 0, WHY_NO_GROUP},
    {"partition.assignment.strategy", 0, WHY_NO_GROUP},
    {"session.timeout.ms", 0, WHY_NO_GROUP},
    {"heartbeat.interval.ms", 0, WHY_NO_GROUP},
    {"max.poll.interval.ms", 0, WHY_NO_GROUP},
    {"max.poll.records", 0, "runtime.batchMax bounds what is taken together"},

    {"transactional.id", 0, "transactions come with delivery: exactlyOnce, not in this version"},
    {"transaction.timeout.ms", 0, "transactions are not in this version"},
    {"enable.gapless.guarantee", 0, "the sink looks after the order itself"},
    {"message.timeout.ms", 0, WHY_LOSSLESS},
    {"delivery.timeout.ms", 0, WHY_LOSSLESS},
    {"retries", 0, WHY_LOSSLESS},
    {"message.send.max.retries", 0, WHY_LOSSLESS},
    {"max.block.ms", 0, "a full queue is back-pressure here, not an error after a time"},
    {"delivery.report.only.error", 0, "every acknowledgement counts"},
    {"queuing.strategy", 0, "records keep their order"},
    {"produce.offset.report", 0, "nobody would read the offsets"},

    {"key.deserializer", 0, WHY_BYTES},
    {"value.deserializer", 0, WHY_BYTES},
    {"key.serializer", 0, WHY_BYTES},
    {"value.serializer", 0, WHY_BYTES},
    {"sasl.jaas.config", 0,
     "this client takes the parts: kafka.sasl.username and kafka.sasl.password (PLAIN, SCRAM), or "
     "kafka.sasl.kerberos.principal and kafka.sasl.kerberos.keytab (GSSAPI)"},
    {"ssl.truststore.location", 0, WHY_TRUST},
    {"ssl.truststore.password", 0, WHY_TRUST},
    {"ssl.truststore.type", 0, WHY_TRUST},
    {"ssl.truststore.certificates", 0, "write kafka.ssl.ca.pem"},
    {"ssl.keystore.type", 0, "this client reads PKCS#12 key stores only"},
    {"ssl.keystore.key", 0, "write kafka.ssl.key.pem"},
    {"ssl.keystore.certificate.chain", 0, "write kafka.ssl.certificate.pem"},
    {"ssl.protocol", 0, WHY_OPENSSL},
    {"ssl.provider", 0, WHY_OPENSSL},
    {"ssl.enabled.protocols", 0, WHY_OPENSSL},
    {"ssl.trustmanager.algorithm", 0, WHY_OPENSSL},
    {"ssl.keymanager.algorithm", 0, WHY_OPENSSL},
    {"ssl.secure.random.implementation", 0, WHY_OPENSSL},
    {"fetch.max.wait.ms", 0, "librdkafka calls it kafka.fetch.wait.max.ms"},
    {"receive.buffer.bytes", 0, "librdkafka calls it kafka.socket.receive.buffer.bytes"},
    {"send.buffer.bytes", 0, "librdkafka calls it kafka.socket.send.buffer.bytes"},
    {"buffer.memory", 0, "librdkafka calls it kafka.queue.buffering.max.kbytes"},
    {"max.request.size", 0, "librdkafka calls it kafka.message.max.bytes"},
    {"partitioner.class", 0,
     "librdkafka calls it kafka.partitioner, with names such as murmur2_random and consistent"},
    {"default.api.timeout.ms", 0, "librdkafka calls it kafka.socket.timeout.ms"},
    {"exclude.internal.topics", 0, "internal topics are never part of a pattern; name them"},
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

bool
tide_kafka_settings_add(struct tide_kafka_settings *settings, const char *key, const char *value)
{
    if (settings->n == TIDE_KAFKA_SETTINGS_MAX) {
        return false;
    }
    settings->items[settings->n++] = (struct tide_kafka_setting){key, value};
    return true;
}

bool
tide_kafka_settings_add_number(struct tide_kafka_settings *settings, struct tide_kafka_arena *arena,
                               const char *key, int64_t value)
{
    char *text = tide_kafka_arena_printf(arena, "%lld", (long long)value);
    return text != NULL && tide_kafka_settings_add(settings, key, text);
}

const char *
tide_kafka_settings_get(const struct tide_kafka_settings *settings, const char *key)
{
    for (uint32_t i = settings->n; i > 0; i--) {
        if (strcmp(settings->items[i - 1].key, key) == 0) {
            return settings->items[i - 1].value;
        }
    }
    return NULL;
}

/* Edits (insert, delete, replace) that turn @a into @b; keys over 63 bytes count as far away. */
static size_t
key_distance(const char *a, const char *b)
{
    size_t row[64];
    size_t a_n = strlen(a), b_n = strlen(b);
    if (a_n >= 64 || b_n >= 64) {
        return 64;
    }
    for (size_t j = 0; j <= b_n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_n; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            best = best <= row[j] ? best : row[j] + 1;
            row[j] = best <= row[j - 1] ? best : row[j - 1] + 1;
        }
    }
    return row[b_n];
}

static const struct key_row *
key_find(const char *key)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcasecmp(keys[i].key, key) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* The allowed key that was probably meant, or NULL. */
static const char *
key_nearest(const char *key, unsigned role)
{
    const char *nearest = NULL;
    size_t best = strlen(key) / 3 + 1;
    for (size_t i = 0; i < N_KEYS; i++) {
        size_t distance = (keys[i].roles & role) != 0 ? key_distance(key, keys[i].key) : SIZE_MAX;
        if (distance <= best && (nearest == NULL || distance < best)) {
            nearest = keys[i].key;
            best = distance;
        }
    }
    return nearest;
}

/* What one reading of the keys works with. */
struct reading {
    const struct tide_bind *in;
    const struct tide_kafka_client_api *api;
    struct tide_kafka_arena *arena;
    struct tide_kafka_settings *settings;
    enum tide_kafka_role role;
};

static unsigned
reading_role(const struct reading *reading)
{
    return reading->role == TIDE_KAFKA_CONSUMER ? FOR_CONSUMER : FOR_PRODUCER;
}

static int
key_unknown(const struct reading *reading, const char *given, struct tide_error *err)
{
    const struct tide_bind *in = reading->in;
    const char *nearest = key_nearest(given + strlen("kafka."), reading_role(reading));
    if (nearest == NULL) {
        return in->host->option_error(in->options, given, 0, -1, err,
                                      "librdkafka has no such setting, or it is not on the list of "
                                      "those that a pipeline may use");
    }
    return in->host->option_error(in->options, given, 0, -1, err,
                                  "no such setting; did you mean 'kafka.%s'?", nearest);
}

static const char *
key_refusal(const struct key_row *row, unsigned role)
{
    if (row->why != NULL) {
        return row->why;
    }
    return role == FOR_CONSUMER ? "it is for sinks only" : "it is for sources only";
}

static bool
acks_less_than_all(const char *key, const char *value)
{
    return (strcmp(key, "acks") == 0 || strcmp(key, "request.required.acks") == 0) &&
           strcasecmp(value, "all") != 0 && strcmp(value, "-1") != 0;
}

/* Whether the table lets @given pass; its row. */
static int
key_check(const struct reading *reading, const char *given, const char *value,
          const struct key_row **out_row, struct tide_error *err)
{
    const struct tide_bind *in = reading->in;
    const struct key_row *row = key_find(given + strlen("kafka."));
    if (row == NULL) {
        return key_unknown(reading, given, err);
    }
    if ((row->roles & reading_role(reading)) == 0) {
        return in->host->option_error(in->options, given, 0, -1, err, "refused: %s",
                                      key_refusal(row, reading_role(reading)));
    }
    if (acks_less_than_all(row->key, value)) {
        return in->host->option_error(
            in->options, given, 0, -1, err,
            "refused: only 'all' keeps an acknowledged record when a broker is lost, and an epoch "
            "commits on acknowledgements");
    }
    *out_row = row;
    return 0;
}

static int
setting_take(const struct reading *reading, const char *given, const char *value,
             struct tide_error *err)
{
    const struct key_row *row = NULL;
    struct tide_error reason = {0};
    int code = key_check(reading, given, value, &row, err);
    if (code != 0) {
        return code;
    }
    if (reading->api->setting_check(reading->role, row->key, value, &reason) != 0) {
        return reading->in->host->option_error(reading->in->options, given, 0, -1, err, "%s",
                                               reason.text);
    }
    value = tide_kafka_arena_text(reading->arena, value, strlen(value));
    if (value == NULL || !tide_kafka_settings_add(reading->settings, row->key, value)) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the option '%s'", given);
    }
    return 0;
}

/* Options with a row of their own in the tables; the walk over the prefix leaves them out. */
static const char *const own_options[] = {"kafka.sasl.password", "kafka.ssl.key.password",
                                          "kafka.ssl.key.pem", "kafka.ssl.keystore.password"};

int
tide_kafka_settings_read(const struct tide_bind *in, enum tide_kafka_role role,
                         const struct tide_kafka_client_api *api, struct tide_kafka_arena *arena,
                         struct tide_kafka_settings *settings, struct tide_error *err)
{
    const struct reading reading = {in, api, arena, settings, role};
    const char *servers = in->host->option_str(in->options, "kafka.bootstrap.servers");
    const char *key, *value;
    uint32_t cursor = 0;
    int code = 0;
    servers = tide_kafka_arena_text(arena, servers, strlen(servers));
    if (servers == NULL || !tide_kafka_settings_add(settings, "bootstrap.servers", servers)) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the Kafka settings");
    }
    for (size_t i = 0; code == 0 && i < sizeof(own_options) / sizeof(own_options[0]); i++) {
        value = in->host->option_str(in->options, own_options[i]);
        if (value != NULL) {
            code = setting_take(&reading, own_options[i], value, err);
        }
    }
    while (code == 0 && in->host->option_next(in->options, "kafka.", &cursor, &key, &value)) {
        code = setting_take(&reading, key, value, err);
    }
    return code;
}
