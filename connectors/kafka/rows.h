/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: a Kafka record as a row with Spark's columns.
 *
 * Columns are found by name in the schema of the writer, so that a plan that needs fewer of them
 * gets fewer. A record is copied once, into the writer's heap. Threads: the task's worker.
 */
#ifndef TIDE_KAFKA_ROWS_H
#define TIDE_KAFKA_ROWS_H

#include <tidemark/plugin.h>

#include "client.h"

enum tide_kafka_column {
    TIDE_KAFKA_KEY,
    TIDE_KAFKA_VALUE,
    TIDE_KAFKA_TOPIC,
    TIDE_KAFKA_PARTITION,
    TIDE_KAFKA_OFFSET,
    TIDE_KAFKA_TIMESTAMP,
    TIDE_KAFKA_TIMESTAMP_TYPE,
    TIDE_KAFKA_HEADERS,
    TIDE_KAFKA_COLUMNS
};

/* Spark's columns; without headers the last is left out. */
extern const struct tide_field tide_kafka_fields[TIDE_KAFKA_COLUMNS];

/* The type of headers: ARRAY<STRUCT<key: STRING, value: BINARY>>. */
extern const struct tide_type tide_kafka_headers_type;

/* Where each column is in a schema; UINT32_MAX: not needed. */
struct tide_kafka_columns {
    const struct tide_schema *schema;
    uint32_t field[TIDE_KAFKA_COLUMNS];
};

/* Finds the columns in the visible fields of @schema. @thread task */
void tide_kafka_columns_find(struct tide_kafka_columns *columns, const struct tide_schema *schema);

/* What a row gets besides the record. */
struct tide_kafka_row_source {
    const struct tide_kafka_client_api *api;
    struct tide_bytes topic;
    uint64_t ingest_ns;
    uint32_t split;
};

/* Writes and commits a row; false: the writer is full. @thread task */
bool tide_kafka_row_put(const struct tide_kafka_columns *columns, struct tide_writer *writer,
                        const struct tide_kafka_row_source *source,
                        const struct tide_kafka_record *record);

/* Bytes that a record takes in a heap, at least. @thread task */
uint64_t tide_kafka_record_size(const struct tide_kafka_record *record);

/*
 * Rejects a record that no writer can hold: its coordinates and timestamp go to the host, its
 * value, headers and a large key do not. @thread task
 */
enum tide_reject tide_kafka_row_reject(const struct tide_host *host, struct tide_task *task,
                                       const struct tide_kafka_columns *columns,
                                       const struct tide_kafka_row_source *source,
                                       const struct tide_kafka_record *record, const char *text);

#endif
