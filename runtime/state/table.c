/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table: extendible hashing over pages of linear probing (Fagin and others, 1979; deletion by
 * shifting back, Knuth 6.4 R).
 *
 * A page of local depth d is shared by 2^(depth - d) neighbours in the directory. Splitting it
 * gives the upper half of them the new page; when d is the directory's depth, the directory doubles
 * first.
 *
 * Invariants:
 *   1. hash bits: the top `depth` bits choose the page, the low bits the place in it, none is used
 * for both as long as depth <= DEPTH_MAX.
 *   2. A page is never full: probing ends at an empty cell.
 *   3. slots[entry->slot] == entry for every entry, ghosts too.
 */
#include "state/table.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

#define PAGE_SHIFT 11u
#define PAGE_CELLS (1u << PAGE_SHIFT)
#define PAGE_FULL (PAGE_CELLS / 4 * 3)
#define DEPTH_MAX 20u
#define PREFETCH 16u

_Static_assert(sizeof(struct tide_entry) == 24, "the head of an entry has no padding");
_Static_assert(DEPTH_MAX + PAGE_SHIFT < 32, "page and cell use different bits of the hash");

struct tide_page {
    uint32_t depth, used;
    uint32_t hashes[PAGE_CELLS];
    struct tide_entry *entries[PAGE_CELLS]; /* NULL: empty */
};

/* ---- index ---- */

static uint32_t
hash_key(const struct tide_table *table, struct tide_bytes key)
{
    return (uint32_t)(tide_hash64(key.p, key.n, table->seed) >> 32);
}

static uint32_t
directory_at(const struct tide_table *table, uint32_t hash)
{
    return table->depth == 0 ? 0 : hash >> (32 - table->depth);
}

static struct tide_page *
page_of(const struct tide_table *table, uint32_t hash)
{
    return table->pages[directory_at(table, hash)];
}

static bool
key_equal(const struct tide_entry *entry, struct tide_bytes key)
{
    return entry->key_len == key.n &&
           (key.n == 0 || memcmp(tide_entry_key(entry), key.p, key.n) == 0);
}

/* The cell of @key in @page, or the empty one where its probing ends. */
static uint32_t
cell_find(const struct tide_page *page, uint32_t hash, struct tide_bytes key)
{
    uint32_t i = hash & (PAGE_CELLS - 1);
    while (page->entries[i] != NULL &&
           (page->hashes[i] != hash || !key_equal(page->entries[i], key))) {
        i = (i + 1) & (PAGE_CELLS - 1);
    }
    return i;
}

static void
cell_fill(struct tide_page *page, struct tide_entry *entry)
{
    uint32_t i = entry->hash & (PAGE_CELLS - 1);
    while (page->entries[i] != NULL) {
        i = (i + 1) & (PAGE_CELLS - 1);
    }
    page->hashes[i] = entry->hash;
    page->entries[i] = entry;
    page->used++;
}

/* Empties cell @i and moves back what probed across it. */
static void
cell_clear(struct tide_page *page, uint32_t i)
{
    uint32_t hole = i;
    for (uint32_t j = (i + 1) & (PAGE_CELLS - 1); page->entries[j] != NULL;
         j = (j + 1) & (PAGE_CELLS - 1)) {
        const uint32_t home = page->hashes[j] & (PAGE_CELLS - 1);
        /* The distance from home to j spans the hole: j may move there. */
        if (((j - home) & (PAGE_CELLS - 1)) >= ((j - hole) & (PAGE_CELLS - 1))) {
            page->hashes[hole] = page->hashes[j];
            page->entries[hole] = page->entries[j];
            hole = j;
        }
    }
    page->entries[hole] = NULL;
    page->used--;
}

static bool
directory_double(struct tide_table *table)
{
    const uint32_t n = 1u << table->depth;
    if (table->depth == DEPTH_MAX) {
        return false;
    }
    struct tide_page **pages =
        tide_chunk_alloc(table->heap->budget, 2 * n * sizeof(struct tide_page *));
    if (pages == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        pages[2 * i] = pages[2 * i + 1] = table->pages[i];
    }
    tide_chunk_free(table->pages);
    table->pages = pages;
    table->depth++;
    return true;
}

/* Lets the upper half of the places of @page point to @upper. */
static void
directory_split(struct tide_table *table, uint32_t hash, struct tide_page *page,
                struct tide_page *upper)
{
    const uint32_t span = 1u << (table->depth - page->depth);
    const uint32_t first = directory_at(table, hash) & ~(span - 1);
    TIDE_ASSERT(span >= 2);
    for (uint32_t i = first + span / 2; i < first + span; i++) {
        TIDE_ASSERT(table->pages[i] == page);
        table->pages[i] = upper;
    }
}

/* Splits the page of @hash; false: no memory or the directory is as deep as it gets. */
static bool
page_split(struct tide_table *table, uint32_t hash)
{
    struct tide_page *page = page_of(table, hash);
    if (page->depth == table->depth && !directory_double(table)) {
        return false;
    }
    struct tide_page *upper = tide_chunk_alloc(table->heap->budget, sizeof(*upper));
    if (upper == NULL) {
        return false;
    }
    directory_split(table, hash, page, upper);
    const uint32_t bit = 1u << (31 - page->depth);
    upper->depth = ++page->depth;
    table->n_pages++;
    for (uint32_t i = 0; i < PAGE_CELLS; i++) {
        if (page->entries[i] != NULL && (page->hashes[i] & bit) != 0) {
            cell_fill(upper, page->entries[i]);
        }
    }
    /* Clearing shifts cells back, so a cell is looked at again until what is in it stays. */
    for (uint32_t i = 0; i < PAGE_CELLS;) {
        if (page->entries[i] != NULL && (page->hashes[i] & bit) != 0) {
            cell_clear(page, i);
        } else {
            i++;
        }
    }
    return true;
}

static bool
index_insert(struct tide_table *table, struct tide_entry *entry)
{
    while (page_of(table, entry->hash)->used >= PAGE_FULL) {
        if (!page_split(table, entry->hash)) {
            return false;
        }
    }
    cell_fill(page_of(table, entry->hash), entry);
    return true;
}

/* ---- slots ---- */

static struct tide_entry **
slot_at(const struct tide_table *table, uint32_t slot)
{
    return tide_paged_at(&table->slots, slot);
}

/* A free slot, whose content is undefined; UINT32_MAX: no memory. */
static uint32_t
slot_take(struct tide_table *table)
{
    if (table->free_slot != 0) {
        const uint32_t slot = table->free_slot - 1;
        table->free_slot = (uint32_t)((uintptr_t)*slot_at(table, slot) >> 1);
        return slot;
    }
    if (table->n_slots == UINT32_MAX - 1 || !tide_paged_reach(&table->slots, table->n_slots + 1)) {
        return UINT32_MAX;
    }
    return table->n_slots++;
}

static void
slot_give(struct tide_table *table, uint32_t slot)
{
    *slot_at(table, slot) = (struct tide_entry *)((uintptr_t)table->free_slot << 1 | 1);
    table->free_slot = slot + 1;
}

/* ---- entries ---- */

static size_t
entry_size(uint32_t key_len, uint32_t value_len)
{
    return ((sizeof(struct tide_entry) + key_len + 15) & ~(size_t)15) + value_len;
}

/* Bytes of the block that @entry lies in. */
static size_t
entry_room(const struct tide_entry *entry)
{
    return entry->class != 0 ? tide_heap_class_bytes(entry->class) : tide_chunk_bytes(entry);
}

static struct tide_entry *
entry_alloc(struct tide_table *table, size_t size)
{
    const uint32_t class = tide_heap_class(size);
    struct tide_entry *entry = tide_heap_alloc(table->heap, class, size);
    if (entry != NULL) {
        entry->class = (uint8_t) class;
        table->entry_bytes += entry_room(entry);
    }
    return entry;
}

static void
entry_release(struct tide_table *table, struct tide_entry *entry)
{
    table->entry_bytes -= entry_room(entry);
    tide_heap_free(table->heap, entry->class, entry);
}

static void
entry_free(struct tide_table *table, struct tide_entry *entry)
{
    slot_give(table, entry->slot);
    entry_release(table, entry);
}

/* A new entry in the index, its value zeroed. */
static struct tide_entry *
entry_make(struct tide_table *table, uint32_t hash, struct tide_bytes key, uint32_t group,
           uint32_t n)
{
    const size_t size = entry_size(key.n, n);
    struct tide_entry *entry = entry_alloc(table, size);
    if (entry == NULL) {
        return NULL;
    }
    const uint8_t class = entry->class;
    memset(entry, 0, size);
    *entry = (struct tide_entry){.hash = hash, .key_len = key.n, .value_len = n, .class = class};
    entry->group = (uint16_t)group;
    if (key.n > 0) {
        memcpy(entry + 1, key.p, key.n);
    }
    entry->slot = slot_take(table);
    if (entry->slot == UINT32_MAX) {
        entry_release(table, entry);
        return NULL;
    }
    if (!index_insert(table, entry)) {
        entry_free(table, entry);
        return NULL;
    }
    *slot_at(table, entry->slot) = entry;
    table->n++;
    return entry;
}

/* Gives the entry in *@cell room for @n value bytes; it may move. */
static struct tide_entry *
entry_resize(struct tide_table *table, struct tide_entry **cell, uint32_t n)
{
    struct tide_entry *entry = *cell;
    const size_t size = entry_size(entry->key_len, n);
    const uint32_t old = entry->value_len;
    if (size > entry_room(entry) || (entry->class == 0 && size < entry_room(entry) / 2)) {
        struct tide_entry *moved = entry_alloc(table, size);
        if (moved == NULL) {
            return NULL;
        }
        const uint8_t class = moved->class;
        memcpy(moved, entry, entry_size(entry->key_len, old < n ? old : n));
        moved->class = class;
        entry_release(table, entry);
        *slot_at(table, moved->slot) = moved;
        *cell = entry = moved;
    }
    if (n > old) {
        memset(tide_entry_value(entry) + old, 0, n - old);
    }
    entry->value_len = n;
    return entry;
}

/* ---- life ---- */

bool
tide_table_init(struct tide_table *table, struct tide_heap *heap, uint64_t seed,
                uint32_t key_groups)
{
    *table =
        (struct tide_table){.heap = heap, .seed = seed, .key_groups = key_groups, .n_pages = 1};
    tide_paged_init(&table->slots, heap->budget, sizeof(struct tide_entry *));
    table->pages = tide_chunk_alloc(heap->budget, sizeof(struct tide_page *));
    if (table->pages == NULL) {
        return false;
    }
    table->pages[0] = tide_chunk_alloc(heap->budget, sizeof(struct tide_page));
    if (table->pages[0] == NULL) {
        tide_chunk_free(table->pages);
        table->pages = NULL;
        return false;
    }
    return true;
}

static bool
slot_is_free(const struct tide_entry *entry)
{
    return ((uintptr_t)entry & 1) != 0;
}

void
tide_table_fini(struct tide_table *table)
{
    if (table->pages == NULL) {
        return;
    }
    for (uint32_t i = 0; i < table->n_slots; i++) {
        struct tide_entry *entry = *slot_at(table, i);
        if (!slot_is_free(entry)) {
            entry_release(table, entry);
        }
    }
    tide_paged_fini(&table->slots);
    for (uint32_t i = 0; i < 1u << table->depth;) {
        struct tide_page *page = table->pages[i];
        i += 1u << (table->depth - page->depth);
        tide_chunk_free(page);
    }
    tide_chunk_free(table->pages);
    *table = (struct tide_table){0};
}

/* ---- reading ---- */

struct tide_entry *
tide_table_find(const struct tide_table *table, struct tide_bytes key)
{
    const uint32_t hash = hash_key(table, key);
    const struct tide_page *page = page_of(table, hash);
    return page->entries[cell_find(page, hash, key)];
}

void
tide_table_find_many(const struct tide_table *table, const struct tide_bytes *keys, uint32_t n,
                     struct tide_entry **out)
{
    uint32_t hashes[PREFETCH];
    for (uint32_t from = 0; from < n; from += PREFETCH) {
        const uint32_t some = n - from < PREFETCH ? n - from : PREFETCH;
        for (uint32_t i = 0; i < some; i++) {
            hashes[i] = hash_key(table, keys[from + i]);
            const struct tide_page *page = page_of(table, hashes[i]);
            __builtin_prefetch(&page->hashes[hashes[i] & (PAGE_CELLS - 1)]);
            __builtin_prefetch(&page->entries[hashes[i] & (PAGE_CELLS - 1)]);
        }
        for (uint32_t i = 0; i < some; i++) {
            __builtin_prefetch(page_of(table, hashes[i])->entries[hashes[i] & (PAGE_CELLS - 1)]);
        }
        for (uint32_t i = 0; i < some; i++) {
            const struct tide_page *page = page_of(table, hashes[i]);
            out[from + i] = page->entries[cell_find(page, hashes[i], keys[from + i])];
        }
    }
}

uint32_t
tide_table_group(const struct tide_table *table, struct tide_bytes key)
{
    return tide_key_group(tide_hash64(key.p, key.n, 0), table->key_groups);
}

struct tide_entry *
tide_table_next(const struct tide_table *table, uint64_t *cursor)
{
    while (*cursor < table->n_slots) {
        struct tide_entry *entry = *slot_at(table, (uint32_t)(*cursor)++);
        if (!slot_is_free(entry) && (entry->flags & TIDE_ENTRY_GHOST) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* ---- writing ---- */

void
tide_table_touch(struct tide_table *table, struct tide_entry *entry)
{
    if ((entry->flags & TIDE_ENTRY_DIRTY) != 0) {
        return;
    }
    entry->flags |= TIDE_ENTRY_DIRTY;
    entry->next_dirty = 0;
    if (table->dirty_last == 0) {
        table->dirty_first = entry->slot + 1;
    } else {
        (*slot_at(table, table->dirty_last - 1))->next_dirty = entry->slot + 1;
    }
    table->dirty_last = entry->slot + 1;
    table->n_dirty++;
}

struct tide_entry *
tide_table_put(struct tide_table *table, struct tide_bytes key, uint32_t group, uint32_t n,
               bool change)
{
    const uint32_t hash = hash_key(table, key);
    struct tide_page *page = page_of(table, hash);
    struct tide_entry **cell = &page->entries[cell_find(page, hash, key)];
    struct tide_entry *entry = *cell;
    if (entry == NULL) {
        entry = entry_make(table, hash, key, group, n);
        if (entry != NULL && change) {
            entry->flags |= TIDE_ENTRY_FRESH;
        }
    } else if (entry->value_len != n) {
        entry = entry_resize(table, cell, n);
    }
    if (entry != NULL && change) {
        tide_table_touch(table, entry);
    }
    return entry;
}

bool
tide_table_del(struct tide_table *table, struct tide_bytes key, bool change)
{
    const uint32_t hash = hash_key(table, key);
    struct tide_page *page = page_of(table, hash);
    const uint32_t cell = cell_find(page, hash, key);
    struct tide_entry *entry = page->entries[cell];
    if (entry == NULL) {
        return false;
    }
    cell_clear(page, cell);
    table->n--;
    if (change) {
        tide_table_touch(table, entry);
        entry->flags |= TIDE_ENTRY_GHOST;
    } else {
        TIDE_ASSERT((entry->flags & TIDE_ENTRY_DIRTY) == 0);
        entry_free(table, entry);
    }
    return true;
}

struct tide_entry *
tide_table_changed(const struct tide_table *table)
{
    return table->dirty_first == 0 ? NULL : *slot_at(table, table->dirty_first - 1);
}

void
tide_table_changed_done(struct tide_table *table)
{
    struct tide_entry *entry = tide_table_changed(table);
    TIDE_ASSERT(entry != NULL);
    table->dirty_first = entry->next_dirty;
    if (table->dirty_first == 0) {
        table->dirty_last = 0;
    }
    table->n_dirty--;
    if ((entry->flags & TIDE_ENTRY_GHOST) != 0) {
        entry_free(table, entry);
    } else {
        entry->flags &= (uint8_t) ~(TIDE_ENTRY_DIRTY | TIDE_ENTRY_FRESH);
        entry->next_dirty = 0;
    }
}

uint64_t
tide_table_bytes(const struct tide_table *table)
{
    return table->entry_bytes + tide_paged_bytes(&table->slots) +
           table->n_pages * sizeof(struct tide_page) +
           ((uint64_t)sizeof(struct tide_page *) << table->depth);
}
