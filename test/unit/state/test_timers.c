/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of timers against a plain list that is searched for its smallest.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "rig.h"
#include "state/timers.h"

#define KEYS 500

struct expected {
    bool set;
    int64_t at;
};

/* The earliest of the list: by time, then by the text of the key. */
static int
earliest(const struct expected *list)
{
    int best = -1;
    for (int i = 0; i < KEYS; i++) {
        /* keys are zero-padded, so that number order is text order */
        if (list[i].set && (best < 0 || list[i].at < list[best].at)) {
            best = i;
        }
    }
    return best;
}

static struct tide_bytes
key_make(char out[16], int i)
{
    return (struct tide_bytes){out, (uint32_t)snprintf(out, 16, "%03d", i)};
}

Test(timers, model)
{
    struct tide_budget *budget;
    struct tide_budget_child *child;
    struct tide_heap heap;
    struct tide_table table;
    struct tide_timers timers;
    static struct expected list[KEYS];
    char text[16];
    uint64_t random = 1;
    cr_assert_eq(tide_budget_create(tide_seam_real(), 16u << 20, &budget, NULL), 0);
    cr_assert_eq(tide_budget_child_add(budget, "state", 0, 0, &child, NULL), 0);
    tide_heap_init(&heap, child);
    cr_assert(tide_table_init(&table, &heap, 7, 256));
    tide_timers_init(&timers, child);
    for (int i = 0; i < 50000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const int k = (int)((random >> 33) % KEYS);
        const int64_t at = (int64_t)(random >> 50) % 200 - 100;
        const struct tide_bytes key = key_make(text, k);
        switch ((random >> 20) % 4) {
        case 0:
            tide_timers_clear(&timers, &table, key, false);
            list[k].set = false;
            break;
        default:
            cr_assert(tide_timers_set(&timers, &table, 0, key, 0, at, false));
            list[k] = (struct expected){true, at};
        }
        const struct tide_timer_node *first = tide_timers_first(&timers);
        const int best = earliest(list);
        cr_assert_eq(first == NULL, best < 0);
        if (first != NULL) {
            cr_assert_eq(first->at, list[best].at);
            cr_assert_eq(memcmp(tide_entry_key(first->entry), key_make(text, best).p, 3), 0);
        }
    }
    /* Fired one after the other they come in order. */
    for (int best; (best = earliest(list)) >= 0; list[best].set = false) {
        const struct tide_timer_node *first = tide_timers_first(&timers);
        cr_assert_eq(first->at, list[best].at);
        tide_timers_clear(&timers, &table, key_make(text, best), false);
    }
    cr_assert_null(tide_timers_first(&timers));
    cr_assert_eq(table.n, 0);
    tide_timers_fini(&timers);
    tide_table_fini(&table);
    tide_heap_fini(&heap);
    tide_budget_destroy(budget);
}
