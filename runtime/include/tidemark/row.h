/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: types, schemas, batches, and the writer that makes them.
 *
 * A batch is one position-independent block: `n` slots of constant `stride`, then one heap that the
 * slots address by offset and length. The same bytes lie in a ring, in a change segment and behind
 * the ABI. A batch is valid until the call that got it returns; keep indices, never pointers,
 * across calls.
 *
 *   slot:  struct tide_rowhdr (32 bytes) | null bits (8-byte words, bit set = NULL) | fields
 *   field: 8 bytes, or 16 for DECIMAL over 18 digits, INTERVAL_CALENDAR:
 *     BOOLEAN BYTE SHORT INT LONG   int64, sign-extended (BOOLEAN: 0 or 1)
 *     FLOAT DOUBLE                  double (FLOAT: one that a float holds exactly)
 *     DECIMAL                       unscaled value: int64 up to 18 digits, else __int128
 *     DATE                          int64 days since 1970-01-01
 *     TIMESTAMP TIMESTAMP_NTZ       int64 microseconds since 1970-01-01T00:00:00 (UTC; local for
 * NTZ) INTERVAL_YM / INTERVAL_DT     int64 months / microseconds INTERVAL_CALENDAR int32 months,
 * int32 days, int64 microseconds STRING BINARY                 struct tide_ref into the heap ARRAY
 * MAP STRUCT              struct tide_ref to a nested value in the heap, 16-byte aligned The field
 * of a NULL holds zeroes.
 *
 *   nested values (offsets inside them count from the start of the same heap):
 *     STRUCT  null words | fields                              as a slot without its row header
 *     ARRAY   u64 count | u64 zero | null words | elements     elements 8 or 16 bytes each
 *     MAP     u64 count | u64 zero | value null words | keys | values      keys are never NULL
 *   The elements, keys, values and fields that take 16 bytes start at a multiple of 16: a run of
 * null words is padded to a multiple of 16 bytes wherever 16-byte fields follow.
 *
 * 64 readable bytes follow the heap, so that vector code may read past its end.
 */
#ifndef TIDEMARK_ROW_H
#define TIDEMARK_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

__extension__ typedef __int128 tide_i128;

enum tide_type_id {
    TIDE_TYPE_NULL,
    TIDE_TYPE_BOOLEAN,
    TIDE_TYPE_BYTE,
    TIDE_TYPE_SHORT,
    TIDE_TYPE_INT,
    TIDE_TYPE_LONG,
    TIDE_TYPE_FLOAT,
    TIDE_TYPE_DOUBLE,
    TIDE_TYPE_DECIMAL,
    TIDE_TYPE_STRING,
    TIDE_TYPE_BINARY,
    TIDE_TYPE_DATE,
    TIDE_TYPE_TIMESTAMP,
    TIDE_TYPE_TIMESTAMP_NTZ,     /* reserved: no pipeline can name it yet */
    TIDE_TYPE_INTERVAL_YM,       /* reserved */
    TIDE_TYPE_INTERVAL_DT,       /* reserved */
    TIDE_TYPE_INTERVAL_CALENDAR, /* reserved */
    TIDE_TYPE_ARRAY,
    TIDE_TYPE_MAP,
    TIDE_TYPE_STRUCT,
    TIDE_TYPE_COUNT
};

struct tide_field;

/* A type. Plain value; `children` is owned by whoever made the type and outlives it. */
struct tide_type {
    uint8_t id;        /* enum tide_type_id */
    uint8_t precision; /* DECIMAL: 1 to 38 */
    uint8_t scale;     /* DECIMAL: 0 to precision */
    uint8_t reserved;
    uint32_t n_children; /* ARRAY 1 (element), MAP 2 (key, value), STRUCT its fields */
    const struct tide_field *children;
};

/* A column or a field of a struct. */
struct tide_field {
    const char *name;
    struct tide_type type;
    bool nullable;
};

/* The columns of a stream. Immutable; owned by the pipeline and valid as long as it. The last
 * `n_hidden` fields are the host's (the original record, kept for dead letters): operators neither
 * see nor write them. */
struct tide_schema {
    uint32_t id; /* what struct tide_batch carries */
    uint32_t n;  /* visible fields */
    uint32_t n_hidden;
    uint32_t stride;    /* bytes of a slot, a multiple of 16 */
    uint32_t fields_at; /* offset of field 0 inside the slot */
    uint32_t reserved;
    const struct tide_field *fields; /* n + n_hidden of them */
    const uint32_t *at;              /* offset of each field inside the slot */
};

/* Bytes somewhere else; never owned. */
struct tide_bytes {
    const void *p;
    uint32_t n;
};

/* Bytes in the heap of the same batch. */
struct tide_ref {
    uint32_t at, n;
};

/* Where a record came from: set by the source, kept by every operator, over rings, ABI and state.
 */
struct tide_rowhdr {
    uint32_t split;   /* id of the split, see tide_host.split_name */
    uint32_t flags;   /* TIDE_ROW_* */
    uint64_t offset;  /* position in its split; what it counts is the source's business */
    uint64_t derived; /* 0 for a source's row; else a hash of (operator, parents, ordinal): unique,
                         the same in a replay */
    uint64_t ingest_ns; /* since the Unix epoch, when the source got it */
};

enum tide_row_flag {
    TIDE_ROW_OVERDUE = 1u << 0,  /* passed latency.budget */
    TIDE_ROW_KEY_ONLY = 1u << 1, /* derived from a key, not from one record (aggregates): split and
                                    offset are of the last contributor */
};

/* Rows taken together: a view, valid until the call that got it returns. */
struct tide_batch {
    uint32_t size;   /* bytes of the whole block, when it is one */
    uint32_t schema; /* id */
    uint32_t n, stride;
    uint8_t *slots, *heap;
    uint32_t heap_len;
};

#define TIDE_HEAP_PAD 64u

static inline const uint8_t *
tide_batch_row(const struct tide_batch *batch, uint32_t i)
{
    return batch->slots + (size_t)i * batch->stride;
}

static inline const struct tide_rowhdr *
tide_row_hdr(const uint8_t *row)
{
    return (const struct tide_rowhdr *)(const void *)row;
}

static inline bool
tide_row_is_null(const uint8_t *row, uint32_t field)
{
    return (row[sizeof(struct tide_rowhdr) + (field >> 3)] >> (field & 7)) & 1;
}

static inline int64_t
tide_row_i64(const struct tide_schema *schema, const uint8_t *row, uint32_t field)
{
    int64_t value;
    memcpy(&value, row + schema->at[field], sizeof(value));
    return value;
}

static inline double
tide_row_f64(const struct tide_schema *schema, const uint8_t *row, uint32_t field)
{
    double value;
    memcpy(&value, row + schema->at[field], sizeof(value));
    return value;
}

static inline tide_i128
tide_row_i128(const struct tide_schema *schema, const uint8_t *row, uint32_t field)
{
    tide_i128 value;
    memcpy(&value, row + schema->at[field], sizeof(value));
    return value;
}

/* The bytes of a STRING or BINARY, or the region of a nested value. */
static inline struct tide_bytes
tide_row_bytes(const struct tide_schema *schema, const struct tide_batch *batch, const uint8_t *row,
               uint32_t field)
{
    struct tide_ref ref;
    memcpy(&ref, row + schema->at[field], sizeof(ref));
    return (struct tide_bytes){batch->heap + ref.at, ref.n};
}

/*
 * A writer collects rows into the next operator's input, a ring, or a dead letter. The host makes
 * it; one operator writes into it, on its own thread.
 *
 * Protocol: tide_writer_row() -> fill fields -> tide_writer_commit(). A row that was begun and not
 * committed vanishes when the next one begins. When tide_writer_row() or tide_writer_heap() answers
 * NULL the writer is full: return TIDE_STEP_BLOCKED and begin the row again when called again. An
 * empty writer has room for one record of runtime.maxRecordSize; one that does not fit an empty
 * writer is too large
 * (`n == 0` tells) and must be rejected.
 */
struct tide_writer {
    uint32_t abi, size;
    const struct tide_schema *schema;
    uint8_t *slots, *heap;
    uint32_t n, n_max;           /* rows committed; rows that fit */
    uint32_t heap_len, heap_max; /* heap in use, also by a row not yet committed; bytes that fit */
    uint32_t heap_mark;          /* heap_len at the last commit */
    uint32_t reserved;
    /* Makes heap room for `more` bytes; false when it cannot. Heap pointers may move: keep offsets.
     */
    bool (*grow)(struct tide_writer *writer, uint32_t more);
    void *host; /* the host's */
};

/* Begins a row: a zeroed slot with every field not NULL, or NULL when full. */
static inline uint8_t *
tide_writer_row(struct tide_writer *writer)
{
    uint8_t *slot;
    if (writer->n == writer->n_max) {
        return NULL;
    }
    writer->heap_len = writer->heap_mark;
    slot = writer->slots + (size_t)writer->n * writer->schema->stride;
    memset(slot, 0, writer->schema->stride);
    return slot;
}

/* Room for @n heap bytes aligned to @align (a power of two up to 16), or NULL when full. *@out_at
 * is their offset. The pointer is good until the next call on the writer. */
static inline uint8_t *
tide_writer_heap(struct tide_writer *writer, uint32_t n, uint32_t align, uint32_t *out_at)
{
    uint32_t at = (writer->heap_len + align - 1) & ~(align - 1);
    uint64_t end = (uint64_t)at + n;
    if (end > writer->heap_max) {
        if (end - writer->heap_len > UINT32_MAX / 2 ||
            !writer->grow(writer, (uint32_t)(end - writer->heap_len))) {
            return NULL;
        }
    }
    writer->heap_len = (uint32_t)end;
    *out_at = at;
    return writer->heap + at;
}

/* Ends the row begun last. */
static inline void
tide_writer_commit(struct tide_writer *writer)
{
    writer->heap_mark = writer->heap_len;
    writer->n++;
}

static inline void
tide_slot_set_null(uint8_t *slot, uint32_t field)
{
    slot[sizeof(struct tide_rowhdr) + (field >> 3)] |= (uint8_t)(1u << (field & 7));
}

static inline void
tide_slot_set_i64(const struct tide_schema *schema, uint8_t *slot, uint32_t field, int64_t value)
{
    memcpy(slot + schema->at[field], &value, sizeof(value));
}

static inline void
tide_slot_set_f64(const struct tide_schema *schema, uint8_t *slot, uint32_t field, double value)
{
    memcpy(slot + schema->at[field], &value, sizeof(value));
}

static inline void
tide_slot_set_ref(const struct tide_schema *schema, uint8_t *slot, uint32_t field,
                  struct tide_ref ref)
{
    memcpy(slot + schema->at[field], &ref, sizeof(ref));
}

/* Copies bytes into the heap and points the field at them; false when the writer is full. */
static inline bool
tide_writer_set_bytes(struct tide_writer *writer, uint8_t *slot, uint32_t field, const void *p,
                      uint32_t n)
{
    uint32_t at;
    uint8_t *heap = tide_writer_heap(writer, n, 1, &at);
    if (heap == NULL) {
        return false;
    }
    if (n > 0) {
        memcpy(heap, p, n);
    }
    tide_slot_set_ref(writer->schema, slot, field, (struct tide_ref){at, n});
    return true;
}

#ifdef __cplusplus
}
#endif

#endif
