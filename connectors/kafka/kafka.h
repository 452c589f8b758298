/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of the plugin `kafka`. Source and sink are two files; kafka.c registers both.
 */
#ifndef TIDE_KAFKA_KAFKA_H
#define TIDE_KAFKA_KAFKA_H

#include <tidemark/plugin.h>

extern const struct tide_source tide_kafka_source_kind;
extern const struct tide_sink tide_kafka_sink_kind;

#endif
