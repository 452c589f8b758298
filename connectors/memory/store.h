/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: where rows of the format `memory` come from and go to, in the embedding program.
 *
 * The host publishes one as the extension TIDE_MEMORY_EXTENSION. Rows are JSON lines on the way out
 * and texts on the way in. Functions marked @w come on workers and never block.
 */
#ifndef TIDE_MEMORY_STORE_H
#define TIDE_MEMORY_STORE_H

#include <tidemark/plugin.h>

#define TIDE_MEMORY_EXTENSION "tide.memory/1"

struct tide_memory_table; /* the rows of one sink */
struct tide_memory_feed;  /* the lines of one source */

typedef void tide_memory_wake_fn(struct tide_task *task);

struct tide_memory_store {
    uint32_t abi, size;
    void *self;

    /* @c The table or feed of that name; NULL: the program has none. */
    struct tide_memory_table *(*table)(void *self, const char *name);
    struct tide_memory_feed *(*feed)(void *self, const char *name);

    /* @w One row as a JSON object. False: full, to be tried again. */
    bool (*put)(struct tide_memory_table *table, const char *json, uint32_t n);
    /* @w The rows put so far are those of the epochs up to @seal. */
    void (*sealed)(struct tide_memory_table *table, struct tide_seal seal);

    /* @w Line @number, counted from 0; *out stays valid until it is forgotten. False: not yet. */
    bool (*line)(struct tide_memory_feed *feed, uint64_t number, struct tide_bytes *out);
    /* @w Calls @wake(@task), on any thread, when lines come; NULL: no more. */
    void (*notify)(struct tide_memory_feed *feed, tide_memory_wake_fn *wake,
                   struct tide_task *task);
    /* @c Lines below @number are durable downstream and are not asked for again. */
    void (*forget)(struct tide_memory_feed *feed, uint64_t number);
};

#endif
