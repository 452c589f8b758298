/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: the block, the buffer that collects rows, copies between heaps, and the check of bytes
 * that came from outside.
 *
 * A block is one position-independent run of bytes: struct tide_batch_head, slots, padding to 16,
 * heap, TIDE_HEAP_PAD bytes. It lies as it is in a ring frame or a change segment.
 *
 * A struct tide_batchbuf owns memory for slots and heap and is a struct tide_writer; its heap grows
 * up to a limit, so that an empty one always takes a record of runtime.maxRecordSize. All functions
 * here run on the thread that owns the target.
 *
 * Invariants:
 *   1. A block starts at a multiple of 16 in memory; its size is a multiple of 16.
 *   2. heap and every nested value start at a multiple of 16.
 *   3. TIDE_HEAP_PAD bytes behind the heap are readable, in buffers, blocks and rings.
 */
#ifndef TIDE_DATA_BATCH_H
#define TIDE_DATA_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/expr.h>
#include <tidemark/row.h>

#include "base/seam.h"

/* Head of a block. */
struct tide_batch_head {
    uint32_t size;   /* of the whole block: head, slots, heap and padding */
    uint32_t schema; /* id */
    uint32_t n, stride;
    uint32_t heap_at; /* from the start of the block */
    uint32_t heap_len;
    uint32_t magic; /* TIDE_BLOCK_MAGIC */
    uint32_t reserved;
};

#define TIDE_BLOCK_MAGIC 0x6b6c6274u /* "tblk" */

/* Rows being collected. @writer is first: a struct tide_writer * of it may be cast back. */
struct tide_batchbuf {
    struct tide_writer writer;
    const struct tide_seam *seam;
    uint32_t heap_limit; /* most bytes the heap may grow to */
    uint32_t slots_size; /* bytes allocated at writer.slots */
};

/*
 * A buffer of @rows_max rows with @heap_initial bytes of heap, that grows to @heap_limit. Errors:
 * TIDE_ERR_NOMEM. @thread any
 */
int tide_batchbuf_init(struct tide_batchbuf *buf, const struct tide_seam *seam,
                       const struct tide_schema *schema, uint32_t rows_max, uint32_t heap_initial,
                       uint32_t heap_limit, struct tide_error *err);

/* Frees the memory; legal on zeroed memory. @thread any */
void tide_batchbuf_fini(struct tide_batchbuf *buf);

/* Forgets the rows, keeps the memory. @thread any */
void tide_batchbuf_reset(struct tide_batchbuf *buf);

/* The committed rows, valid until the next call on the buffer. @thread any */
struct tide_batch tide_batchbuf_view(const struct tide_batchbuf *buf);

/* ---- blocks ---- */

/* Bytes of the block that holds all rows of @batch: a multiple of 16. @thread any */
uint32_t tide_batch_size(const struct tide_batch *batch);

/* Writes the block into @mem (tide_batch_size bytes, 16-byte aligned). @thread any */
void tide_batch_write(const struct tide_batch *batch, void *mem);

/* The rows of a block written by this process (or checked): no copy. @thread any */
struct tide_batch tide_batch_view(const void *mem);

/*
 * Checks a block of which nothing is known: head, bounds, alignment, every reference, count and
 * depth, UTF-8 left aside. @mem has @len readable bytes and is 16-byte aligned. On success the view
 * is safe to use with @schema. Errors: TIDE_ERR_CORRUPT. @thread any
 */
int tide_batch_check_block(const struct tide_schema *schema, const void *mem, uint32_t len,
                           struct tide_batch *out, struct tide_error *err);

/* The same of rows that are not in one block (a batch from a plugin). @thread any */
int tide_batch_check(const struct tide_schema *schema, const struct tide_batch *batch,
                     struct tide_error *err);

/* ---- copies ---- */

/* A row to copy from. */
struct tide_row_source {
    const struct tide_schema *schema;
    const uint8_t *row;
    const uint8_t *heap;
};

/*
 * Copies row @i of @batch, header included, into the slot begun last in @writer: @schema is that of
 * the batch, and the writer's has the same types. False: writer full. @thread any
 */
bool tide_row_copy(struct tide_writer *writer, uint8_t *slot, const struct tide_schema *schema,
                   const struct tide_batch *batch, uint32_t i);

/*
 * Deep-copies fields @from .. @from + @n - 1 of @row to fields @to .. of @slot; types must be the
 * same pairwise. False: writer full. @thread any
 */
bool tide_row_copy_fields(struct tide_writer *writer, uint8_t *slot, uint32_t to,
                          const struct tide_row_source *source, uint32_t from, uint32_t n);

/*
 * Copies rows @first .. @first + @n - 1 and commits them; returns how many fitted. Rows whose heap
 * is all in use are copied in one piece. @thread any
 */
uint32_t tide_batch_copy(struct tide_writer *writer, const struct tide_schema *schema,
                         const struct tide_batch *batch, uint32_t first, uint32_t n);

/*
 * Deep-copies one value of @type at @src (8 or 16 bytes, references count from @src_heap) to @dst,
 * which must not lie in the writer's heap. False: writer full. @thread any
 */
bool tide_cell_copy(struct tide_writer *writer, const struct tide_type *type, const uint8_t *src,
                    const uint8_t *src_heap, uint8_t *dst);

/* Deep-copies value @i of @vec into a field (NULL included); the type is the field's. False: writer
 * full. @thread any */
bool tide_vec_copy(struct tide_writer *writer, uint8_t *slot, uint32_t field,
                   const struct tide_vec *vec, uint32_t i);

#endif
