/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words and published blocks.
 *
 * The hazard scheme: a reader writes the block it is about to use into its slot and then looks
 * whether it still is the newest; the coordinator makes another block the newest and then looks
 * into the slots. All four accesses are seq_cst, so one of the two sees the other: either the
 * reader goes round again, or the coordinator keeps the block. (M. M. Michael, "Hazard Pointers",
 * 2004; here with one pointer per reader.)
 *
 * Invariants: W1 a word never falls. W2 a block in a slot whose reader has returned it is not
 * freed. W3 the newest block is not freed before fini. Each commit frees whatever is free, so at
 * most readers + 1 blocks live between commits.
 */
#include "base/words.h"

#include "base/assert.h"

#define BLOCK_MAGIC 0x70756262u

/* In front of each block's bytes; 32 bytes keep these aligned to 16. */
struct published_block {
    struct published_block *older;
    uint64_t generation;
    uint32_t magic;
    uint32_t unused[3];
};

_Static_assert(sizeof(struct published_block) == 32, "bytes behind it are aligned to 16");
_Static_assert(sizeof(struct tide_word) == TIDE_CACHE_LINE, "a word is alone on its lines");

void
tide_word_init(struct tide_word *word, uint64_t value)
{
    atomic_init(&word->value, value);
}

void
tide_word_raise(struct tide_word *word, uint64_t value)
{
    uint64_t now = atomic_load_explicit(&word->value, memory_order_relaxed); /* own writes only */
    TIDE_ASSERT(value >= now);
    /* Partners: tide_word_load_acquire, tide_word_load_seq. */
    atomic_store_explicit(&word->value, value, memory_order_seq_cst);
}

static struct published_block *
block_of(void *bytes)
{
    struct published_block *block = (struct published_block *)bytes - 1;
    TIDE_ASSERT(block->magic == BLOCK_MAGIC);
    return block;
}

int
tide_published_init(struct tide_published *published, const struct tide_seam *seam,
                    uint32_t readers, struct tide_error *err)
{
    TIDE_ASSERT(readers <= TIDE_LIMIT_READERS);
    size_t bytes = (size_t)readers * sizeof(struct tide_published_slot);
    struct tide_published_slot *slots = tide_alloc_lines(seam, bytes);
    if (slots == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for %zu bytes of reader slots",
                              bytes);
    }
    published->seam = seam;
    published->slots = slots;
    published->readers = readers;
    published->blocks = NULL;
    for (uint32_t i = 0; i < readers; i++) {
        atomic_init(&published->slots[i].held, NULL);
    }
    atomic_init(&published->newest, NULL);
    tide_word_init(&published->generation, 0);
    return TIDE_OK;
}

void
tide_published_fini(struct tide_published *published)
{
    if (published->seam == NULL) {
        return;
    }
    for (uint32_t i = 0; i < published->readers; i++) {
        void *held = atomic_load_explicit(&published->slots[i].held, memory_order_seq_cst);
        TIDE_ASSERT(held == NULL);
    }
    struct published_block *block = published->blocks;
    while (block != NULL) {
        struct published_block *older = block->older;
        tide_free(published->seam, block);
        block = older;
    }
    tide_free_lines(published->seam, published->slots);
    published->seam = NULL;
}

void *
tide_published_claim(struct tide_published *published, size_t size)
{
    struct published_block *block = tide_alloc(published->seam, sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    block->magic = BLOCK_MAGIC;
    return block + 1;
}

static bool
block_is_held(const struct tide_published *published, const struct published_block *block)
{
    for (uint32_t i = 0; i < published->readers; i++) {
        /* Partner: the store in tide_published_hold. */
        if (atomic_load_explicit(&published->slots[i].held, memory_order_seq_cst) == block) {
            return true;
        }
    }
    return false;
}

/* Frees what is older than @newest and not held. */
static void
blocks_sweep(struct tide_published *published, struct published_block *newest)
{
    struct published_block *keep = newest;
    struct published_block *block = newest->older;
    while (block != NULL) {
        struct published_block *older = block->older;
        if (block_is_held(published, block)) {
            keep->older = block;
            keep = block;
        } else {
            tide_free(published->seam, block);
        }
        block = older;
    }
    keep->older = NULL;
}

uint64_t
tide_published_commit(struct tide_published *published, void *bytes)
{
    struct published_block *block = block_of(bytes);
    TIDE_ASSERT(block->generation == 0);
    struct published_block *before = published->blocks;
    block->generation = before == NULL ? 1 : before->generation + 1;
    block->older = before;
    published->blocks = block;
    /* Partner: the loads in tide_published_hold. */
    atomic_store_explicit(&published->newest, block, memory_order_seq_cst);
    blocks_sweep(published, block);
    tide_word_raise(&published->generation, block->generation);
    return block->generation;
}

void
tide_published_abort(struct tide_published *published, void *bytes)
{
    if (bytes == NULL) {
        return;
    }
    struct published_block *block = block_of(bytes);
    TIDE_ASSERT(block->generation == 0);
    tide_free(published->seam, block);
}

const void *
tide_published_hold(struct tide_published *published, uint32_t reader, uint64_t *out_generation)
{
    TIDE_ASSERT(reader < published->readers);
    _Atomic(void *) *held = &published->slots[reader].held;
    /* Partner of both loads: the store in tide_published_commit. */
    void *newest = atomic_load_explicit(&published->newest, memory_order_seq_cst);
    void *seen = NULL;
    do {
        seen = newest;
        /* Partner: the load in block_is_held. */
        atomic_store_explicit(held, seen, memory_order_seq_cst);
        newest = atomic_load_explicit(&published->newest, memory_order_seq_cst);
    } while (newest != seen);
    if (seen == NULL) {
        return NULL;
    }
    struct published_block *block = seen;
    TIDE_ASSERT(block->magic == BLOCK_MAGIC);
    if (out_generation != NULL) {
        *out_generation = block->generation;
    }
    return block + 1;
}

void
tide_published_let_go(struct tide_published *published, uint32_t reader)
{
    TIDE_ASSERT(reader < published->readers);
    /* Release: the reader's last reads come before the free. Partner: the load in block_is_held. */
    atomic_store_explicit(&published->slots[reader].held, NULL, memory_order_release);
}
