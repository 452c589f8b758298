/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table: keys and values of one state, with a list of what changed since the last cut.
 *
 * Index: extendible hashing. The top bits of a key's hash choose a page through the directory;
 * inside a page keys lie by linear probing. A page that is three quarters full is split in two, so
 * that the longest single step is moving 1,536 pointers, at any size of the table. The hash is
 * seeded per table: nobody outside can choose keys that collide.
 *
 * Entries: a block of the heap each, known by a slot number that stays as long as the entry, so
 * that a walk by slot numbers finds every key that is there throughout exactly once, whatever
 * changes meanwhile.
 *
 * Changes: an entry changed since the last cut is in a list, once. A deleted one leaves the index
 * at once and stays in the list as a ghost until its tombstone is written. A key put again gets a
 * new entry behind its ghost, so that the list in its order is the fold.
 *
 * Threads: the task; before that a control thread.
 */
#ifndef TIDE_STATE_TABLE_H
#define TIDE_STATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "state/heap.h"
#include "state/paged.h"

enum tide_entry_flag {
    TIDE_ENTRY_DIRTY = 1u << 0, /* in the list of changes */
    TIDE_ENTRY_GHOST = 1u << 1, /* deleted, waits for its tombstone */
    TIDE_ENTRY_FRESH = 1u << 2  /* no snapshot can hold it: a ghost needs no tombstone */
};

/* A key and its value: this head, the key, padding to 16, the value. */
struct tide_entry {
    uint32_t hash;
    uint32_t slot;
    uint32_t key_len, value_len;
    uint32_t next_dirty; /* slot + 1, 0: the last */
    uint16_t group;
    uint8_t class; /* of the heap */
    uint8_t flags; /* enum tide_entry_flag */
};

struct tide_page;

struct tide_table {
    struct tide_heap *heap;
    uint64_t seed;
    uint32_t key_groups;
    uint32_t depth;           /* the directory has 2^depth pages */
    struct tide_page **pages; /* a chunk */
    uint32_t n_pages;
    uint32_t n;              /* keys */
    struct tide_paged slots; /* struct tide_entry *, or a free slot: its successor * 2 + 1 */
    uint32_t n_slots;        /* ever used */
    uint32_t free_slot;      /* + 1; 0: none */
    uint32_t dirty_first, dirty_last, n_dirty; /* slot + 1 */
    uint64_t entry_bytes;
};

static inline const uint8_t *
tide_entry_key(const struct tide_entry *entry)
{
    return (const uint8_t *)(entry + 1);
}

static inline uint8_t *
tide_entry_value(struct tide_entry *entry)
{
    return (uint8_t *)entry + ((sizeof(*entry) + entry->key_len + 15) & ~(size_t)15);
}

/* An empty table. False: the budget is full. @thread any */
bool tide_table_init(struct tide_table *table, struct tide_heap *heap, uint64_t seed,
                     uint32_t key_groups);

/* Frees all entries. Zeroed memory is legal. @thread any */
void tide_table_fini(struct tide_table *table);

/* The entry of @key or NULL. @thread task */
struct tide_entry *tide_table_find(const struct tide_table *table, struct tide_bytes key);

/* The entries of @n keys, with the memory of several fetched at once. @thread task */
void tide_table_find_many(const struct tide_table *table, const struct tide_bytes *keys, uint32_t n,
                          struct tide_entry **out);

/* The key group of @key. @thread any */
uint32_t tide_table_group(const struct tide_table *table, struct tide_bytes key);

/*
 * The entry of @key with room for a value of @n bytes; made, with @group, when absent. Old bytes
 * stay up to the shorter length, new ones are zero. Entries may move. @change: mark it changed (not
 * when restoring). NULL: no memory. @thread task
 */
struct tide_entry *tide_table_put(struct tide_table *table, struct tide_bytes key, uint32_t group,
                                  uint32_t n, bool change);

/* Marks an entry changed whose value was written in place. @thread task */
void tide_table_touch(struct tide_table *table, struct tide_entry *entry);

/* Deletes @key; @change as in put. False: there was none. @thread task */
bool tide_table_del(struct tide_table *table, struct tide_bytes key, bool change);

/* The next entry at or behind slot *cursor, which is moved behind it; NULL at the end. @thread task
 */
struct tide_entry *tide_table_next(const struct tide_table *table, uint64_t *cursor);

/* The changed entry that is next in the list, or NULL. @thread task */
struct tide_entry *tide_table_changed(const struct tide_table *table);

/* Takes the entry of tide_table_changed out of the list; a ghost is freed. @thread task */
void tide_table_changed_done(struct tide_table *table);

/* Bytes of memory: index, slots and entries. @thread task */
uint64_t tide_table_bytes(const struct tide_table *table);

#endif
