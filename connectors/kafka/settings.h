/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: the `kafka.` keys of a source or sink, checked against an allow-list.
 *
 * librdkafka's configuration can load shared objects, run commands and override what the engine
 * owns, so that only keys of the table in settings.c pass; every other is refused with its reason,
 * or with the nearest key that exists. Spellings of the Java client that librdkafka does not have
 * are answered with the key to use instead.
 */
#ifndef TIDE_KAFKA_SETTINGS_H
#define TIDE_KAFKA_SETTINGS_H

#include <tidemark/plugin.h>

#include "arena.h"
#include "client.h"

/* Defaults and the user's keys together; the table of keys is shorter. More: refused. */
#define TIDE_KAFKA_SETTINGS_MAX 160u

/* The first librdkafka that sends metrics to the brokers unless told not to. */
#define TIDE_KAFKA_METRICS_PUSH_VERSION 0x02050000

/* Later ones win, so that the engine's defaults come first and the user's keys after them. */
struct tide_kafka_settings {
    struct tide_kafka_setting items[TIDE_KAFKA_SETTINGS_MAX];
    uint32_t n;
};

/* The rows that the option tables of source and sink share: where the brokers are, the secrets, and
 * everything else of `kafka.`. */
#define TIDE_KAFKA_CONNECTION_OPTIONS                                                       \
    {.name = "kafka.bootstrap.servers",                                                     \
     .type = TIDE_OPTION_STRING,                                                            \
     .flags = TIDE_OPTION_REQUIRED,                                                         \
     .doc = "Brokers to ask first, as host:port separated by commas."},                     \
        {.name = "kafka.sasl.password",                                                     \
         .type = TIDE_OPTION_STRING,                                                        \
         .flags = TIDE_OPTION_SECRET,                                                       \
         .doc = "Password for SASL mechanisms PLAIN and SCRAM."},                           \
        {.name = "kafka.ssl.key.password",                                                  \
         .type = TIDE_OPTION_STRING,                                                        \
         .flags = TIDE_OPTION_SECRET,                                                       \
         .doc = "Pass phrase of the client's private key."},                                \
        {.name = "kafka.ssl.key.pem",                                                       \
         .type = TIDE_OPTION_STRING,                                                        \
         .flags = TIDE_OPTION_SECRET,                                                       \
         .doc = "The client's private key as PEM text."},                                   \
        {.name = "kafka.ssl.keystore.password",                                             \
         .type = TIDE_OPTION_STRING,                                                        \
         .flags = TIDE_OPTION_SECRET,                                                       \
         .doc = "Password of the PKCS#12 key store."},                                      \
    {                                                                                       \
        .name = "kafka.", .type = TIDE_OPTION_PREFIX,                                       \
        .doc = "Settings of the Kafka client (librdkafka) by its own names; an allow-list " \
               "decides which."                                                             \
    }

/* Appends @key; texts are not copied. False: too many. @thread start */
bool tide_kafka_settings_add(struct tide_kafka_settings *settings, const char *key,
                             const char *value);

/* As tide_kafka_settings_add, with a number. NULL memory also answers false. @thread start */
bool tide_kafka_settings_add_number(struct tide_kafka_settings *settings,
                                    struct tide_kafka_arena *arena, const char *key, int64_t value);

/* The value given last for @key, or NULL. @thread start */
const char *tide_kafka_settings_get(const struct tide_kafka_settings *settings, const char *key);

/*
 * Appends the user's `kafka.` keys of @in, checked for @role. Texts are copied into @arena. Errors:
 * TIDE_ERR_INVALID or TIDE_ERR_UNSUPPORTED at the key's place, TIDE_ERR_NOMEM. @thread start
 */
int tide_kafka_settings_read(const struct tide_bind *in, enum tide_kafka_role role,
                             const struct tide_kafka_client_api *api,
                             struct tide_kafka_arena *arena, struct tide_kafka_settings *settings,
                             struct tide_error *err);

#endif
