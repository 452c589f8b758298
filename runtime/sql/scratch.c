/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scratch. Chunks are a list in the order of their use; sizes grow by four from
 * TIDE_LIMIT_SCRATCH_CHUNK_MIN to TIDE_LIMIT_SCRATCH_CHUNK_MAX, which bounds one value. The sum of
 * all is bounded by TIDE_LIMIT_SCRATCH.
 */
#include "sql/scratch.h"

#include "base/assert.h"
#include "base/limits.h"

struct tide_scratch_chunk {
    struct tide_scratch_chunk *next;
    uint32_t size;
    _Alignas(16) uint8_t bytes[];
};

static bool
never_grows(struct tide_writer *writer, uint32_t more)
{
    (void)writer;
    (void)more;
    return false;
}

void
tide_scratch_init(struct tide_scratch *scratch, const struct tide_seam *seam)
{
    *scratch = (struct tide_scratch){
        .seam = seam,
        .writer = {.size = sizeof(struct tide_writer), .grow = never_grows},
    };
}

static void
free_from(struct tide_scratch *scratch, struct tide_scratch_chunk **at)
{
    struct tide_scratch_chunk *chunk = *at;
    *at = NULL;
    while (chunk != NULL) {
        struct tide_scratch_chunk *next = chunk->next;
        scratch->total -= chunk->size;
        tide_free(scratch->seam, chunk);
        chunk = next;
    }
}

void
tide_scratch_fini(struct tide_scratch *scratch)
{
    if (scratch->seam != NULL) {
        free_from(scratch, &scratch->first);
    }
    scratch->current = NULL;
}

static void
enter(struct tide_scratch *scratch, struct tide_scratch_chunk *chunk)
{
    scratch->current = chunk;
    scratch->writer.heap = chunk != NULL ? chunk->bytes : NULL;
    scratch->writer.heap_max = chunk != NULL ? chunk->size : 0;
    scratch->writer.heap_len = 0;
    scratch->writer.heap_mark = 0;
}

void
tide_scratch_reset(struct tide_scratch *scratch)
{
    struct tide_scratch_chunk **at = &scratch->first;
    while (*at != NULL && (*at)->size < TIDE_LIMIT_SCRATCH_KEEP) {
        at = &(*at)->next;
    }
    free_from(scratch, at);
    enter(scratch, scratch->first);
}

/* Makes a chunk behind the current one. */
static bool
add_chunk(struct tide_scratch *scratch)
{
    uint32_t size =
        scratch->current != NULL ? scratch->current->size * 4 : TIDE_LIMIT_SCRATCH_CHUNK_MIN;
    struct tide_scratch_chunk *chunk;
    if (size > TIDE_LIMIT_SCRATCH_CHUNK_MAX) {
        size = TIDE_LIMIT_SCRATCH_CHUNK_MAX;
    }
    if (scratch->total + size > TIDE_LIMIT_SCRATCH) {
        return false;
    }
    chunk = tide_alloc(scratch->seam, sizeof(*chunk) + size + TIDE_HEAP_PAD);
    if (chunk == NULL) {
        return false;
    }
    chunk->size = size;
    scratch->total += size;
    if (scratch->current != NULL) {
        TIDE_ASSERT(scratch->current->next == NULL);
        scratch->current->next = chunk;
    } else {
        scratch->first = chunk;
    }
    enter(scratch, chunk);
    return true;
}

bool
tide_scratch_more(struct tide_scratch *scratch)
{
    struct tide_scratch_chunk *chunk = scratch->current;
    if (chunk != NULL && chunk->next != NULL) {
        enter(scratch, chunk->next);
        return true;
    }
    /* a builder leaves what it wrote in heap_len: only a chunk that held nothing else is no use */
    if (chunk != NULL && chunk->size == TIDE_LIMIT_SCRATCH_CHUNK_MAX &&
        scratch->writer.heap_mark == 0) {
        return false;
    }
    return add_chunk(scratch);
}

uint8_t *
tide_scratch_take(struct tide_scratch *scratch, uint64_t n, uint32_t align)
{
    uint32_t at;
    uint8_t *bytes;
    if (n > TIDE_LIMIT_SCRATCH_CHUNK_MAX) {
        return NULL;
    }
    do {
        bytes = scratch->current != NULL
                    ? tide_writer_heap(&scratch->writer, (uint32_t)n, align, &at)
                    : NULL;
    } while (bytes == NULL && tide_scratch_more(scratch));
    scratch->writer.heap_mark = scratch->writer.heap_len;
    return bytes;
}
