/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table against the sorted array: find, put, delete, walks, and the list of changes as a fold.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "rig.h"
#include "state/table.h"

struct fixture {
    struct tide_budget *budget;
    struct tide_budget_child *child;
    struct tide_heap heap;
    struct tide_table table;
    uint64_t random;
};

static void
setup(struct fixture *f, uint64_t memory)
{
    *f = (struct fixture){.random = 1};
    cr_assert_eq(tide_budget_create(tide_seam_real(), memory, &f->budget, NULL), 0);
    cr_assert_eq(tide_budget_child_add(f->budget, "state", 0, 0, &f->child, NULL), 0);
    tide_heap_init(&f->heap, f->child);
    cr_assert(tide_table_init(&f->table, &f->heap, 99, 256));
}

static void
teardown(struct fixture *f)
{
    tide_table_fini(&f->table);
    tide_heap_fini(&f->heap);
    cr_assert_eq(tide_budget_child_use(f->child).used, 0);
    tide_budget_destroy(f->budget);
}

static uint32_t
draw(struct fixture *f, uint32_t below)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((f->random >> 33) % below);
}

static struct tide_bytes
key_make(char out[32], uint32_t i)
{
    return (struct tide_bytes){out, (uint32_t)snprintf(out, 32, "%u", i)};
}

/* Applies the list of changes to @model, as a reader of the change segment would. */
static void
changes_fold(struct tide_table *table, struct model *model)
{
    struct tide_entry *entry;
    while ((entry = tide_table_changed(table)) != NULL) {
        const char *key = (const char *)tide_entry_key(entry);
        if ((entry->flags & TIDE_ENTRY_GHOST) == 0) {
            model_put(model, key, entry->key_len, tide_entry_value(entry), entry->value_len);
        } else if ((entry->flags & TIDE_ENTRY_FRESH) == 0) {
            model_del(model, key, entry->key_len);
        }
        tide_table_changed_done(table);
    }
}

static void
same(struct tide_table *table, struct model *model)
{
    uint64_t cursor = 0;
    uint32_t n = 0;
    struct tide_entry *entry;
    while ((entry = tide_table_next(table, &cursor)) != NULL) {
        struct pair *pair = model_find(model, (const char *)tide_entry_key(entry), entry->key_len);
        cr_assert_not_null(pair);
        cr_assert_eq(pair->n, entry->value_len);
        cr_assert_eq(memcmp(pair->value, tide_entry_value(entry), pair->n), 0);
        n++;
    }
    cr_assert_eq(n, model->n);
    cr_assert_eq(table->n, model->n);
}

Test(table, model)
{
    struct fixture f;
    struct model model = {0}, folded = {0};
    char text[32], value[200];
    setup(&f, 64u << 20);
    for (uint32_t i = 0; i < 100000; i++) {
        struct tide_bytes key = key_make(text, draw(&f, 2000));
        if (draw(&f, 3) == 0) {
            bool was = model_find(&model, text, key.n) != NULL;
            cr_assert_eq(tide_table_del(&f.table, key, true), was);
            model_del(&model, text, key.n);
        } else {
            uint32_t n = draw(&f, sizeof(value));
            memset(value, (int)draw(&f, 256), n);
            struct tide_entry *entry = tide_table_put(&f.table, key, 0, n, true);
            memcpy(tide_entry_value(entry), value, n);
            model_put(&model, text, key.n, value, n);
        }
        if (draw(&f, 500) == 0) {
            changes_fold(&f.table, &folded);
            same(&f.table, &folded);
        }
    }
    same(&f.table, &model);
    model_fini(&model);
    model_fini(&folded);
    teardown(&f);
}

/* Old bytes stay up to the shorter length and new ones are zero, whether the entry moves or not. */
Test(table, a_value_keeps_its_bytes_when_it_changes_length)
{
    struct fixture f;
    static uint8_t expected[70000];
    const struct tide_bytes key = {"key", 3};
    uint32_t len = 0;
    setup(&f, 64u << 20);
    for (uint32_t i = 0; i < 3000; i++) {
        const uint32_t n = draw(&f, 40) == 0 ? draw(&f, sizeof(expected)) : draw(&f, 300);
        struct tide_entry *entry = tide_table_put(&f.table, key, 0, n, true);
        if (n > len) {
            memset(expected + len, 0, n - len);
        }
        len = n;
        cr_assert_eq(memcmp(tide_entry_value(entry), expected, n), 0, "round %u", i);
        for (uint32_t j = 0; j < n; j += 3) {
            tide_entry_value(entry)[j] = expected[j] = (uint8_t)i;
        }
    }
    teardown(&f);
}

/* Enough keys for many splits of pages and doublings of the directory. */
Test(table, many_keys)
{
    struct fixture f;
    char text[32], texts[64][32];
    struct tide_bytes keys[64];
    struct tide_entry *entries[64];
    const uint32_t n = 300000;
    setup(&f, 256u << 20);
    for (uint32_t i = 0; i < n; i++) {
        struct tide_entry *entry = tide_table_put(&f.table, key_make(text, i), 0, sizeof(i), false);
        memcpy(tide_entry_value(entry), &i, sizeof(i));
    }
    cr_assert_eq(f.table.n, n);
    cr_assert_gt(f.table.n_pages, n / 1536);
    for (uint32_t i = 0; i < n; i += 64) {
        uint32_t got;
        for (uint32_t j = 0; j < 64; j++) {
            keys[j] = key_make(texts[j], i + j);
        }
        tide_table_find_many(&f.table, keys, 64, entries);
        for (uint32_t j = 0; j < 64; j++) {
            cr_assert_eq(entries[j] != NULL, i + j < n);
            if (entries[j] != NULL) {
                memcpy(&got, tide_entry_value(entries[j]), sizeof(got));
                cr_assert_eq(got, i + j);
            }
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (i % 10 != 0) {
            cr_assert(tide_table_del(&f.table, key_make(text, i), false));
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(tide_table_find(&f.table, key_make(text, i)) != NULL, i % 10 == 0);
    }
    teardown(&f);
}

/* Counts the entry if it is one of the first keys. */
static void
seen_count(const struct tide_entry *entry, uint8_t *seen, uint32_t n)
{
    char text[32] = "";
    memcpy(text, tide_entry_key(entry), entry->key_len);
    const unsigned long i = strtoul(text, NULL, 10);
    if (i < n) {
        seen[i]++;
    }
}

/* Keys that are there from start to end of a walk come once, however the table grows and shrinks
 * meanwhile. */
Test(table, a_walk_meets_every_key_once)
{
    struct fixture f;
    char text[32];
    static uint8_t seen[20000];
    const uint32_t n = sizeof(seen);
    uint64_t cursor = 0;
    struct tide_entry *entry;
    setup(&f, 256u << 20);
    for (uint32_t i = 0; i < n; i++) {
        tide_table_put(&f.table, key_make(text, i), 0, 8, true);
    }
    for (uint32_t other = n; other < n + 50000; other++) {
        if ((entry = tide_table_next(&f.table, &cursor)) != NULL) {
            seen_count(entry, seen, n);
        }
        /* Others come and go; of the first ones some move, and every tenth goes. */
        tide_table_put(&f.table, key_make(text, other), 0, draw(&f, 100), true);
        tide_table_put(&f.table, key_make(text, draw(&f, n) / 10 * 10 + 1), 0, draw(&f, 1000),
                       true);
        tide_table_del(&f.table, key_make(text, n + draw(&f, other - n + 1)), true);
        tide_table_del(&f.table, key_make(text, draw(&f, n) / 10 * 10), true);
    }
    while ((entry = tide_table_next(&f.table, &cursor)) != NULL) {
        seen_count(entry, seen, n);
    }
    for (uint32_t i = 0; i < n; i++) {
        cr_assert(seen[i] == 1 || (i % 10 == 0 && seen[i] == 0), "%u came %u times", i, seen[i]);
    }
    teardown(&f);
}

/* A full budget refuses the put and leaves everything else as it was. */
Test(table, out_of_memory)
{
    struct fixture f;
    char text[32];
    uint32_t n = 0;
    setup(&f, 1u << 20);
    while (tide_table_put(&f.table, key_make(text, n), 0, 100, true) != NULL) {
        n++;
    }
    cr_assert_gt(n, 1000);
    cr_assert_eq(f.table.n, n);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_not_null(tide_table_find(&f.table, key_make(text, i)));
    }
    cr_assert_null(tide_table_put(&f.table, key_make(text, 0), 0, 2u << 20, true),
                   "no room to grow either");
    cr_assert_eq(tide_table_find(&f.table, key_make(text, 0))->value_len, 100);
    /* What is deleted is usable again, after its tombstone is out. */
    struct model model = {0};
    changes_fold(&f.table, &model);
    cr_assert(tide_table_del(&f.table, key_make(text, 1), true));
    changes_fold(&f.table, &model);
    cr_assert_not_null(tide_table_put(&f.table, key_make(text, n), 0, 100, true));
    model_fini(&model);
    teardown(&f);
}

/* XXH3 of "a" and "abc" by the xxHash reference (python-xxhash 3.x): groups are a promise of the
 * checkpoint. */
Test(table, groups_are_those_of_the_hash)
{
    struct fixture f;
    setup(&f, 1u << 20);
    cr_assert_eq(tide_table_group(&f.table, (struct tide_bytes){"a", 1}),
                 0xe6c632b61e964e1fu % 256);
    cr_assert_eq(tide_table_group(&f.table, (struct tide_bytes){"abc", 3}),
                 0x78af5f94892f3950u % 256);
    teardown(&f);
}

Test(heap, classes)
{
    size_t before = 0;
    for (size_t n = 1; n <= 16384; n++) {
        const uint32_t class = tide_heap_class(n);
        const size_t room = tide_heap_class_bytes(class);
        cr_assert(room >= n && room % 16 == 0, "%zu bytes in %zu", n, room);
        cr_assert(room <= n + n / 4 + 32, "%zu bytes in %zu", n, room);
        cr_assert_geq(room, before);
        before = room;
    }
    cr_assert_eq(tide_heap_class(16385), 0);
}
