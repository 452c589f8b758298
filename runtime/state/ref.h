/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference: the parts of files that make up the state of one task as of one epoch.
 *
 * Parts are read in order: a base image, then stretches of change segments. After a restart with
 * another parallelism a task's parts come from several old tasks, each limited to a range of key
 * groups, until its first own image replaces them. A reference is self-contained msgpack, described
 * in docs/reference/state-format.md.
 *
 * Threads: any; a list of parts by one at a time.
 */
#ifndef TIDE_STATE_REF_H
#define TIDE_STATE_REF_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/row.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/seam.h"
#include "state/block.h"

/* A stretch of one file, holding whole blocks. */
struct tide_part {
    struct tide_state_file file;
    uint64_t offset, length;
    uint32_t crc; /* CRC32C of the stretch, seed 0 */
    uint32_t group_first,
        group_count; /* what it counts for; other groups' entries in it are ignored */
};

/* A reference, parsed or to be encoded. Lists are the caller's. */
struct tide_state_ref {
    uint32_t key_groups;
    uint32_t index, count;             /* the task among its stage's */
    uint32_t group_first, group_count; /* its groups */
    uint32_t since;                    /* cuts with changes since the base image */
    /* The writing worker and task, and the oldest file number of each that a later reference may
     * still add. */
    uint64_t incarnation;
    uint32_t worker, segment_low, task, image_low;
    const char *const *operators;
    uint32_t n_operators;
    const struct tide_part *parts;
    uint32_t n_parts;
};

/* A parsed reference with its memory. */
struct tide_parsed_ref {
    const struct tide_seam *seam;
    struct tide_state_ref ref;
    void *memory;
};

/* Appends the encoding of @ref. TIDE_ERR_LIMIT, TIDE_ERR_NOMEM. @thread task */
int tide_state_ref_encode(const struct tide_state_ref *ref, struct tide_buf *out);

/* Decodes @bytes; tide_parsed_ref_fini frees. TIDE_ERR_CORRUPT, TIDE_ERR_NOMEM. @thread any */
int tide_state_ref_decode(const struct tide_seam *seam, struct tide_bytes bytes,
                          struct tide_parsed_ref *out_parsed, struct tide_error *err);

/* Zeroed memory is legal. @thread any */
void tide_parsed_ref_fini(struct tide_parsed_ref *parsed);

#endif
