/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words: how the coordinator speaks to tasks without a queue that can fill.
 *
 * A struct tide_word is a 64-bit number that only rises (open epoch, committed epoch, stop, a
 * generation). One thread raises it, any number of threads read it. A reader that comes late sees
 * the newest value and misses nothing, because each value covers all smaller ones.
 *
 * A struct tide_published hands out whole immutable blocks (assignments, plans) the same way: the
 * coordinator commits a block, which gets the next generation; a reader compares the generation,
 * holds the newest block, reads it as long as it likes and lets it go. A block is freed by the
 * coordinator, at a later commit, when it is neither the newest nor held (hazard slots: one per
 * reader, so readers never wait).
 *
 * Threads: one coordinator; readers are numbered, one thread per number.
 */
#ifndef TIDE_BASE_WORDS_H
#define TIDE_BASE_WORDS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/limits.h"
#include "base/seam.h"

/* A number that only rises, alone on its cache lines. Caller's memory (tide_alloc_lines); no fini.
 */
struct tide_word {
    alignas(TIDE_CACHE_LINE) _Atomic(uint64_t) value;
};

/* Sets @word to @value before any other thread can see it. @thread start */
void tide_word_init(struct tide_word *word, uint64_t value);

/*
 * The newest value, acquired: whatever the raiser wrote before raising to it is visible too.
 * Partner: tide_word_raise. @thread any
 */
static inline uint64_t
tide_word_load_acquire(const struct tide_word *word)
{
    return atomic_load_explicit(&word->value, memory_order_acquire);
}

/*
 * The newest value, sequentially consistent: for the look a worker takes between tide_park_prepare
 * and waiting (base/park.h). Partner: tide_word_raise followed by tide_park_wake. @thread any
 */
static inline uint64_t
tide_word_load_seq(const struct tide_word *word)
{
    return atomic_load_explicit(&word->value, memory_order_seq_cst);
}

/*
 * Raises @word to @value, sequentially consistent (so that a tide_park_wake after it cannot be
 * missed).
 * @value must not be smaller than the present one; the same value again is legal. One thread per
 * word.
 * @thread any (one raiser)
 */
void tide_word_raise(struct tide_word *word, uint64_t value);

/* One reader's hazard slot. Private to words.c. */
struct tide_published_slot {
    alignas(TIDE_CACHE_LINE) _Atomic(void *) held;
};

/* Blocks by generation. Caller's memory (tide_alloc_lines); all members private. */
struct tide_published {
    const struct tide_seam *seam;
    struct tide_published_slot *slots;
    uint32_t readers;
    void *blocks; /* list of all living blocks, newest first; coordinator only */
    alignas(TIDE_CACHE_LINE) _Atomic(void *) newest;
    struct tide_word generation;
};

/*
 * Prepares @published for @readers readers, numbered from 0; generation 0, no block.
 * Errors: TIDE_ERR_NOMEM. On failure nothing needs to be torn down. @thread start
 */
int tide_published_init(struct tide_published *published, const struct tide_seam *seam,
                        uint32_t readers, struct tide_error *err);

/* Frees every block. No reader may hold or come any more. Legal on zeroed memory. @thread start */
void tide_published_fini(struct tide_published *published);

/*
 * A zeroed block of @size bytes, aligned to 16, to be filled and then given to
 * tide_published_commit or tide_published_abort. NULL: out of memory. @thread coordinator
 */
void *tide_published_claim(struct tide_published *published, size_t size);

/*
 * Makes @block (from tide_published_claim) the newest and returns its generation (1, 2, ...). From
 * now on nobody may write to it. Older blocks that nobody holds are freed. @thread coordinator
 */
uint64_t tide_published_commit(struct tide_published *published, void *block);

/* Frees a claimed block that was not committed. NULL is legal. @thread coordinator */
void tide_published_abort(struct tide_published *published, void *block);

/*
 * The newest generation, cheaply: a reader compares it with the one it has seen, and a worker looks
 * at it before it parks. 0: nothing published yet. @thread any
 */
static inline uint64_t
tide_published_generation(const struct tide_published *published)
{
    return tide_word_load_seq(&published->generation);
}

/*
 * The newest block, held for @reader until its next hold or let_go; *out_generation (NULL is legal)
 * is the block's. NULL: nothing published yet. Never waits. @thread any (one thread per reader
 * number)
 */
const void *tide_published_hold(struct tide_published *published, uint32_t reader,
                                uint64_t *out_generation);

/* Ends the hold of @reader; its block may be freed at the next commit. @thread as
 * tide_published_hold */
void tide_published_let_go(struct tide_published *published, uint32_t reader);

#endif
