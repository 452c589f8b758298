/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scratch: memory for the bytes of one evaluation's values, forgotten all at once.
 *
 * Chunks never move while they are in use, so that values may point into them; a value lies in one
 * chunk. When a chunk is full the next one, four times as large, takes over; a reset keeps small
 * chunks and frees large ones, so that a rare large batch does not hold its memory. One owner.
 */
#ifndef TIDE_SQL_SCRATCH_H
#define TIDE_SQL_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "base/seam.h"

struct tide_scratch {
    struct tide_writer writer; /* of the current chunk; it has no slots */
    const struct tide_seam *seam;
    struct tide_scratch_chunk *first, *current;
    uint64_t total; /* bytes of all chunks */
};

/* An empty scratch; allocates nothing. @thread any */
void tide_scratch_init(struct tide_scratch *scratch, const struct tide_seam *seam);

/* Frees the memory; legal on zeroed memory. @thread any */
void tide_scratch_fini(struct tide_scratch *scratch);

/* Forgets all values. @thread task */
void tide_scratch_reset(struct tide_scratch *scratch);

/* @n bytes aligned to @align (up to 16), or NULL when over the limit or out of memory. @thread task
 */
uint8_t *tide_scratch_take(struct tide_scratch *scratch, uint64_t n, uint32_t align);

/*
 * After a builder found the writer full: puts more room under it; false when the value had a whole
 * chunk of the largest size already, or there is no memory. @thread task
 */
bool tide_scratch_more(struct tide_scratch *scratch);

#endif
