/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: columns of the Kafka source, and the writing of one row.
 *
 * The layout of nested values is that of <tidemark/row.h>: an array of structs is one region of
 * references, and each struct a region of its own. Heap pointers move when the writer grows, so
 * that only offsets are kept between allocations.
 */
#include "rows.h"

#include <string.h>

/* The largest key that a rejected record keeps: enough to find its owner. */
#define REJECTED_KEY_MAX 4096u

static const struct tide_field header_fields[] = {
    {"key", {.id = TIDE_TYPE_STRING}, true},
    {"value", {.id = TIDE_TYPE_BINARY}, true},
};

static const struct tide_field header_element[] = {
    {"element", {.id = TIDE_TYPE_STRUCT, .n_children = 2, .children = header_fields}, true},
};

#define HEADERS_TYPE                                                       \
    {                                                                      \
        .id = TIDE_TYPE_ARRAY, .n_children = 1, .children = header_element \
    }

const struct tide_type tide_kafka_headers_type = HEADERS_TYPE;

const struct tide_field tide_kafka_fields[TIDE_KAFKA_COLUMNS] = {
    [TIDE_KAFKA_KEY] = {"key", {.id = TIDE_TYPE_BINARY}, true},
    [TIDE_KAFKA_VALUE] = {"value", {.id = TIDE_TYPE_BINARY}, true},
    [TIDE_KAFKA_TOPIC] = {"topic", {.id = TIDE_TYPE_STRING}, true},
    [TIDE_KAFKA_PARTITION] = {"partition", {.id = TIDE_TYPE_INT}, true},
    [TIDE_KAFKA_OFFSET] = {"offset", {.id = TIDE_TYPE_LONG}, true},
    [TIDE_KAFKA_TIMESTAMP] = {"timestamp", {.id = TIDE_TYPE_TIMESTAMP}, true},
    [TIDE_KAFKA_TIMESTAMP_TYPE] = {"timestampType", {.id = TIDE_TYPE_INT}, true},
    [TIDE_KAFKA_HEADERS] = {"headers", HEADERS_TYPE, true},
};

/* Sizes of the regions of headers: a struct of two references, an array's head. */
#define STRUCT_BYTES (8u + 2 * (uint32_t)sizeof(struct tide_ref))
#define ARRAY_HEAD_BYTES 16u

void
tide_kafka_columns_find(struct tide_kafka_columns *columns, const struct tide_schema *schema)
{
    columns->schema = schema;
    for (uint32_t c = 0; c < TIDE_KAFKA_COLUMNS; c++) {
        columns->field[c] = UINT32_MAX;
        for (uint32_t i = 0; i < schema->n; i++) {
            if (strcmp(schema->fields[i].name, tide_kafka_fields[c].name) == 0) {
                columns->field[c] = i;
            }
        }
    }
    for (uint32_t i = schema->n; i < schema->n + schema->n_hidden; i++) {
        if (columns->field[TIDE_KAFKA_HEADERS] == UINT32_MAX &&
            strcmp(schema->fields[i].name, "__headers") == 0) {
            columns->field[TIDE_KAFKA_HEADERS] = i; /* kept for dead letters only */
        }
    }
}

static bool
bytes_put(struct tide_writer *writer, uint8_t *slot, uint32_t field, struct tide_bytes bytes)
{
    if (field == UINT32_MAX) {
        return true;
    }
    if (bytes.p == NULL) {
        tide_slot_set_null(slot, field);
        return true;
    }
    return tide_writer_set_bytes(writer, slot, field, bytes.p, bytes.n);
}

static void
number_put(const struct tide_kafka_columns *columns, uint8_t *slot, enum tide_kafka_column column,
           int64_t value)
{
    if (columns->field[column] != UINT32_MAX) {
        tide_slot_set_i64(columns->schema, slot, columns->field[column], value);
    }
}

/* Copies bytes into the heap. */
static bool
heap_put(struct tide_writer *writer, const void *p, uint32_t n, struct tide_ref *out)
{
    uint8_t *heap = tide_writer_heap(writer, n, 1, &out->at);
    if (heap == NULL) {
        return false;
    }
    if (n > 0) {
        memcpy(heap, p, n);
    }
    out->n = n;
    return true;
}

/* One header as a struct region; *out refers to it. */
static bool
header_put(struct tide_writer *writer, const struct tide_kafka_header *header, struct tide_ref *out)
{
    struct tide_ref parts[2] = {{0, 0}, {0, 0}};
    uint64_t nulls = header->value.p == NULL ? 2 : 0;
    if (tide_writer_heap(writer, STRUCT_BYTES, 16, &out->at) == NULL ||
        !heap_put(writer, header->name, (uint32_t)strlen(header->name), &parts[0]) ||
        (nulls == 0 && !heap_put(writer, header->value.p, header->value.n, &parts[1]))) {
        return false;
    }
    memcpy(writer->heap + out->at, &nulls, sizeof(nulls));
    memcpy(writer->heap + out->at + sizeof(nulls), parts, sizeof(parts));
    out->n = STRUCT_BYTES;
    return true;
}

/* All headers as an array; NULL when there are none, as in Spark. */
static bool
headers_put(struct tide_writer *writer, uint8_t *slot, uint32_t field,
            const struct tide_kafka_client_api *api, const struct tide_kafka_record *record)
{
    struct tide_kafka_header header;
    struct tide_ref array, element;
    uint64_t count = 0;
    uint32_t refs_at;
    while (api->header(record, (uint32_t)count, &header)) {
        count++;
    }
    if (count == 0) {
        tide_slot_set_null(slot, field);
        return true;
    }
    refs_at = ARRAY_HEAD_BYTES + (uint32_t)((count + 63) / 64 * 8);
    array.n = refs_at + (uint32_t)(count * sizeof(element));
    if (tide_writer_heap(writer, array.n, 16, &array.at) == NULL) {
        return false;
    }
    memset(writer->heap + array.at, 0, array.n);
    memcpy(writer->heap + array.at, &count, sizeof(count));
    for (uint32_t i = 0; api->header(record, i, &header); i++) {
        if (!header_put(writer, &header, &element)) {
            return false;
        }
        memcpy(writer->heap + array.at + refs_at + i * sizeof(element), &element, sizeof(element));
    }
    tide_slot_set_ref(writer->schema, slot, field, array);
    return true;
}

static void
row_head(uint8_t *slot, const struct tide_kafka_row_source *source,
         const struct tide_kafka_record *record)
{
    const struct tide_rowhdr hdr = {
        .split = source->split,
        .offset = (uint64_t)record->offset,
        .ingest_ns = source->ingest_ns,
    };
    memcpy(slot, &hdr, sizeof(hdr));
}

static void
numbers_put(const struct tide_kafka_columns *columns, uint8_t *slot,
            const struct tide_kafka_record *record)
{
    number_put(columns, slot, TIDE_KAFKA_PARTITION, record->partition);
    number_put(columns, slot, TIDE_KAFKA_OFFSET, record->offset);
    number_put(columns, slot, TIDE_KAFKA_TIMESTAMP, record->timestamp_ms * 1000);
    number_put(columns, slot, TIDE_KAFKA_TIMESTAMP_TYPE, record->timestamp_type);
}

bool
tide_kafka_row_put(const struct tide_kafka_columns *columns, struct tide_writer *writer,
                   const struct tide_kafka_row_source *source,
                   const struct tide_kafka_record *record)
{
    uint8_t *slot = tide_writer_row(writer);
    uint32_t headers = columns->field[TIDE_KAFKA_HEADERS];
    if (slot == NULL) {
        return false;
    }
    row_head(slot, source, record);
    numbers_put(columns, slot, record);
    if (!bytes_put(writer, slot, columns->field[TIDE_KAFKA_KEY], record->key) ||
        !bytes_put(writer, slot, columns->field[TIDE_KAFKA_VALUE], record->value) ||
        !bytes_put(writer, slot, columns->field[TIDE_KAFKA_TOPIC], source->topic) ||
        (headers != UINT32_MAX && !headers_put(writer, slot, headers, source->api, record))) {
        return false;
    }
    tide_writer_commit(writer);
    return true;
}

uint64_t
tide_kafka_record_size(const struct tide_kafka_record *record)
{
    return (uint64_t)record->key.n + record->value.n;
}

/* Hidden fields repeat visible ones ("__key" is key); the others of a rejected record are NULL. */
static void
hidden_fill(const struct tide_schema *schema, uint8_t *slot)
{
    for (uint32_t h = schema->n; h < schema->n + schema->n_hidden; h++) {
        const char *name = schema->fields[h].name;
        tide_slot_set_null(slot, h);
        for (uint32_t i = 0; i < schema->n; i++) {
            if (strncmp(name, "__", 2) == 0 && strcmp(name + 2, schema->fields[i].name) == 0 &&
                !tide_row_is_null(slot, i)) {
                memcpy(slot + schema->at[h], slot + schema->at[i], 8);
                slot[sizeof(struct tide_rowhdr) + (h >> 3)] &= (uint8_t) ~(1u << (h & 7));
            }
        }
    }
}

static bool
never_grows(struct tide_writer *writer, uint32_t more)
{
    (void)writer;
    (void)more;
    return false;
}

enum tide_reject
tide_kafka_row_reject(const struct tide_host *host, struct tide_task *task,
                      const struct tide_kafka_columns *columns,
                      const struct tide_kafka_row_source *source,
                      const struct tide_kafka_record *record, const char *text)
{
    const struct tide_schema *schema = columns->schema;
    uint32_t heap_max = REJECTED_KEY_MAX + source->topic.n;
    uint8_t *memory = host->alloc(host, (size_t)schema->stride + heap_max + TIDE_HEAP_PAD);
    struct tide_kafka_columns some = *columns;
    struct tide_kafka_record small = *record;
    struct tide_writer writer = {.schema = schema, .n_max = 1, .heap_max = heap_max};
    struct tide_batch batch;
    enum tide_reject answer;
    if (memory == NULL) {
        return TIDE_REJECT_BLOCKED;
    }
    writer.slots = memory;
    writer.heap = memory + schema->stride;
    writer.grow = never_grows;
    small.value = TIDE_KAFKA_ABSENT;
    small.key = record->key.n <= REJECTED_KEY_MAX ? record->key : TIDE_KAFKA_ABSENT;
    some.field[TIDE_KAFKA_HEADERS] = UINT32_MAX;
    tide_kafka_row_put(&some, &writer, source, &small);
    if (columns->field[TIDE_KAFKA_HEADERS] != UINT32_MAX) {
        tide_slot_set_null(writer.slots, columns->field[TIDE_KAFKA_HEADERS]);
    }
    hidden_fill(schema, writer.slots);
    batch = (struct tide_batch){.schema = schema->id,
                                .n = 1,
                                .stride = schema->stride,
                                .slots = writer.slots,
                                .heap = writer.heap,
                                .heap_len = writer.heap_len};
    answer = host->reject(task, &batch, 0, "RECORD_TOO_LARGE", text);
    host->free(host, memory);
    return answer;
}
