/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders: what the coordinator tells every task.
 *
 * Three words that only rise, and one immutable block. A task that comes late sees the newest value
 * and misses nothing, so none of this can fill up.
 *
 * Threads: the coordinator raises and publishes; every task reads.
 */
#ifndef TIDE_EPOCH_ORDERS_H
#define TIDE_EPOCH_ORDERS_H

#include <stdint.h>

#include "base/limits.h"
#include "base/words.h"

/* An opaque position in a split, by value: small enough to be copied about. */
struct tide_offset {
    uint32_t n;
    uint8_t bytes[TIDE_LIMIT_OFFSET_BYTES];
};

/* One split and where its task begins to read it. */
struct tide_assigned {
    uint32_t split;   /* id */
    uint32_t source;  /* index of the source */
    uint32_t task;    /* index of the task among the source's */
    uint32_t name_at; /* of the zero-terminated name inside the block's names */
    struct tide_offset from;
};

/* All splits of all sources, in the order in which they were found: each publication adds at the
 * end. */
struct tide_assignment {
    uint32_t n;
    uint32_t names_at; /* offset of the names from the start of the block */
    struct tide_assigned splits[];
};

static inline const char *
tide_assignment_name(const struct tide_assignment *assignment, const struct tide_assigned *assigned)
{
    return (const char *)assignment + assignment->names_at + assigned->name_at;
}

struct tide_orders {
    uint64_t incarnation;       /* fixed before any task starts */
    struct tide_word open;      /* newest epoch that is open: sources close everything up to it */
    struct tide_word committed; /* newest durable C(e) */
    struct tide_word
        stop; /* last epoch of a clean stop, 0: none; sources are silent after its marker */
    struct tide_word halt;            /* 1: the incarnation ends now, tasks return at once */
    struct tide_published assignment; /* struct tide_assignment */
};

#endif
