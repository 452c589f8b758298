/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: order, ties, ids that outlive their deadline, against a plain array that is searched.
 */
#include <criterion/criterion.h>

#include <tidemark/error.h>

#include "base/limits.h"
#include "base/seam.h"
#include "io/deadline.h"

Test(deadline, earliest_first_and_equals_in_the_order_they_were_set)
{
    static const uint64_t at[] = {50, 10, 30, 10, 20, 50, 10};
    static const uint64_t order[] = {1, 3, 6, 4, 2, 0, 5};
    struct tide_deadlines set;
    uint64_t id = 0;
    uint64_t tag = 0;
    tide_deadlines_init(&set, tide_seam_real());
    cr_assert_eq(tide_deadlines_first(&set), UINT64_MAX);
    for (uint64_t i = 0; i < 7; i++) {
        cr_assert_eq(tide_deadlines_add(&set, at[i], i, &id), 0);
    }
    cr_assert_eq(tide_deadlines_first(&set), 10);
    cr_assert_not(tide_deadlines_take(&set, 9, &tag));
    for (uint64_t i = 0; i < 7; i++) {
        cr_assert(tide_deadlines_take(&set, 50, &tag));
        cr_assert_eq(tag, order[i]);
    }
    cr_assert_not(tide_deadlines_take(&set, UINT64_MAX, &tag));
    tide_deadlines_fini(&set);
}

Test(deadline, an_old_id_never_clears_a_later_deadline)
{
    struct tide_deadlines set;
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t tag = 0;
    tide_deadlines_init(&set, tide_seam_real());
    cr_assert_eq(tide_deadlines_add(&set, 1, 1, &first), 0);
    tide_deadlines_clear(&set, first);
    cr_assert_eq(tide_deadlines_add(&set, 2, 2, &second), 0);
    tide_deadlines_clear(&set, first);
    cr_assert(tide_deadlines_take(&set, 2, &tag));
    cr_assert_eq(tag, 2);
    tide_deadlines_clear(&set, second);
    tide_deadlines_clear(&set, UINT64_MAX);
    tide_deadlines_fini(&set);
}

Test(deadline, bounded)
{
    struct tide_deadlines set;
    uint64_t id = 0;
    tide_deadlines_init(&set, tide_seam_real());
    for (uint32_t i = 0; i < TIDE_LIMIT_TIMERS; i++) {
        cr_assert_eq(tide_deadlines_add(&set, i, i, &id), 0);
    }
    cr_assert_eq(tide_deadlines_add(&set, 0, 0, &id), TIDE_ERR_LIMIT);
    tide_deadlines_fini(&set);
}

/* The model: every living deadline in an array, the minimum found by looking at all of them. */
struct model {
    uint64_t at;
    uint64_t id;
    bool living;
};

static uint64_t
model_first(const struct model *model, uint32_t n, uint32_t *out_at)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (model[i].living && model[i].at < first) {
            first = model[i].at;
            *out_at = i;
        }
    }
    return first;
}

Test(deadline, agrees_with_a_searched_array)
{
    static struct model model[4000];
    struct tide_deadlines set;
    uint64_t x = 88172645463325252u;
    uint64_t tag = 0;
    uint32_t first = 0;
    uint32_t n = 0;
    tide_deadlines_init(&set, tide_seam_real());
    for (uint32_t step = 0; step < 12000; step++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if (x % 3 == 0 && n < 4000) {
            model[n] = (struct model){.at = x >> 32, .living = true};
            cr_assert_eq(tide_deadlines_add(&set, model[n].at, n, &model[n].id), 0);
            n++;
        } else if (x % 3 == 1 && n > 0) {
            uint32_t at = (uint32_t)(x >> 20) % n;
            tide_deadlines_clear(&set, model[at].id);
            model[at].living = false;
        } else {
            uint64_t expected = model_first(model, n, &first);
            cr_assert_eq(tide_deadlines_first(&set), expected);
            if (expected != UINT64_MAX) {
                cr_assert(tide_deadlines_take(&set, expected, &tag));
                cr_assert_eq(model[tag].at, expected);
                cr_assert(model[tag].living);
                model[tag].living = false;
            }
        }
    }
    tide_deadlines_fini(&set);
}
