/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffer that collects rows, and blocks. Copies between heaps are in copy.c, the check of
 * foreign bytes in check.c.
 */
#include "data/batch.h"

#include <string.h>

#include "base/assert.h"
#include "data/layout.h"

_Static_assert(sizeof(struct tide_batch_head) == 32, "slots begin at a multiple of 16");
_Static_assert(sizeof(struct tide_batch) == 40, "fixed by the ABI");

/* Heap room is made in steps of this size at least, so that a few long rows do not grow it often.
 */
#define HEAP_STEP_MIN 4096u

/* tide_writer.grow: @more bytes behind heap_len. */
static bool
batchbuf_grow(struct tide_writer *writer, uint32_t more)
{
    struct tide_batchbuf *buf = writer->host;
    uint64_t need = (uint64_t)writer->heap_len + more;
    uint64_t size = (uint64_t)writer->heap_max * 2;
    uint8_t *heap;
    if (need > buf->heap_limit) {
        return false;
    }
    size = size < HEAP_STEP_MIN ? HEAP_STEP_MIN : size;
    size = size < need ? need : size;
    size = size > buf->heap_limit ? buf->heap_limit : size;
    heap = tide_resize(buf->seam, writer->heap, size + TIDE_HEAP_PAD);
    if (heap == NULL) {
        return false;
    }
    memset(heap + writer->heap_max, 0, size + TIDE_HEAP_PAD - writer->heap_max);
    writer->heap = heap;
    writer->heap_max = (uint32_t)size;
    return true;
}

int
tide_batchbuf_init(struct tide_batchbuf *buf, const struct tide_seam *seam,
                   const struct tide_schema *schema, uint32_t rows_max, uint32_t heap_initial,
                   uint32_t heap_limit, struct tide_error *err)
{
    uint64_t slots_size = (uint64_t)schema->stride * rows_max;
    TIDE_ASSERT(heap_initial <= heap_limit);
    TIDE_ASSERT(slots_size + heap_limit + 1024 < UINT32_MAX);
    memset(buf, 0, sizeof(*buf));
    buf->seam = seam;
    buf->heap_limit = heap_limit;
    buf->slots_size = (uint32_t)slots_size;
    buf->writer.size = sizeof(buf->writer);
    buf->writer.schema = schema;
    buf->writer.n_max = rows_max;
    buf->writer.heap_max = heap_initial;
    buf->writer.grow = batchbuf_grow;
    buf->writer.host = buf;
    buf->writer.slots = tide_alloc(seam, slots_size);
    buf->writer.heap = tide_alloc(seam, (size_t)heap_initial + TIDE_HEAP_PAD);
    if (buf->writer.slots == NULL || buf->writer.heap == NULL) {
        tide_batchbuf_fini(buf);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a batch of %u rows", rows_max);
    }
    TIDE_ASSERT((uintptr_t)buf->writer.slots % 16 == 0);
    TIDE_ASSERT((uintptr_t)buf->writer.heap % 16 == 0);
    return 0;
}

void
tide_batchbuf_fini(struct tide_batchbuf *buf)
{
    if (buf->seam != NULL) {
        tide_free(buf->seam, buf->writer.slots);
        tide_free(buf->seam, buf->writer.heap);
    }
    memset(buf, 0, sizeof(*buf));
}

void
tide_batchbuf_reset(struct tide_batchbuf *buf)
{
    buf->writer.n = 0;
    buf->writer.heap_len = 0;
    buf->writer.heap_mark = 0;
}

struct tide_batch
tide_batchbuf_view(const struct tide_batchbuf *buf)
{
    const struct tide_writer *writer = &buf->writer;
    struct tide_batch batch = {
        .schema = writer->schema->id,
        .n = writer->n,
        .stride = writer->schema->stride,
        .slots = writer->slots,
        .heap = writer->heap,
        .heap_len = writer->heap_mark,
    };
    batch.size = tide_batch_size(&batch);
    return batch;
}

/* Offset of the heap in the block of @batch. */
static uint32_t
block_heap_at(const struct tide_batch *batch)
{
    return tide_align16((uint32_t)sizeof(struct tide_batch_head) + batch->n * batch->stride);
}

uint32_t
tide_batch_size(const struct tide_batch *batch)
{
    return tide_align16(block_heap_at(batch) + batch->heap_len + TIDE_HEAP_PAD);
}

void
tide_batch_write(const struct tide_batch *batch, void *mem)
{
    uint8_t *bytes = mem;
    uint32_t size = tide_batch_size(batch);
    uint32_t heap_at = block_heap_at(batch);
    uint32_t slots_end = (uint32_t)sizeof(struct tide_batch_head) + batch->n * batch->stride;
    struct tide_batch_head head = {
        .size = size,
        .schema = batch->schema,
        .n = batch->n,
        .stride = batch->stride,
        .heap_at = heap_at,
        .heap_len = batch->heap_len,
        .magic = TIDE_BLOCK_MAGIC,
    };
    TIDE_ASSERT((uintptr_t)mem % 16 == 0);
    memcpy(bytes, &head, sizeof(head));
    if (batch->n > 0) {
        memcpy(bytes + sizeof(head), batch->slots, (size_t)batch->n * batch->stride);
    }
    memset(bytes + slots_end, 0, heap_at - slots_end);
    if (batch->heap_len > 0) {
        memcpy(bytes + heap_at, batch->heap, batch->heap_len);
    }
    memset(bytes + heap_at + batch->heap_len, 0, size - heap_at - batch->heap_len);
}

struct tide_batch
tide_batch_view(const void *mem)
{
    const struct tide_batch_head *head = mem;
    /* A view is read only; struct tide_batch has no const members because writers use it too. */
    uint8_t *bytes = (uint8_t *)(uintptr_t)mem;
    TIDE_ASSERT(head->magic == TIDE_BLOCK_MAGIC);
    return (struct tide_batch){
        .size = head->size,
        .schema = head->schema,
        .n = head->n,
        .stride = head->stride,
        .slots = bytes + sizeof(*head),
        .heap = bytes + head->heap_at,
        .heap_len = head->heap_len,
    };
}
