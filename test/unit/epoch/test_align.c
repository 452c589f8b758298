/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alignment of markers: held back, merged, absorbed; expected by hand from architecture section 4.
 */
#include <criterion/criterion.h>

#include "epoch/align.h"

static struct tide_align align;

static void
make(uint32_t n, bool aligned)
{
    cr_assert_eq(tide_align_init(&align, tide_seam_real(), n, aligned, 7, NULL), 0);
}

static void
ready(uint64_t first, uint64_t last)
{
    uint64_t f = 0;
    uint64_t l = 0;
    cr_assert(tide_align_ready(&align, &f, &l));
    cr_assert_eq(f, first);
    cr_assert_eq(l, last);
    tide_align_pass(&align, l);
}

static void
not_ready(void)
{
    uint64_t f;
    uint64_t l;
    cr_assert_not(tide_align_ready(&align, &f, &l));
}

Test(align, one_input_passes_every_marker)
{
    make(1, true);
    not_ready();
    tide_align_marker(&align, 0, 8);
    ready(8, 8);
    tide_align_marker(&align, 0, 11);
    ready(9, 11);
    not_ready();
    tide_align_fini(&align);
}

Test(align, the_early_input_is_held_until_the_late_one_comes)
{
    make(2, true);
    tide_align_marker(&align, 0, 8);
    cr_assert(tide_align_held(&align, 0));
    cr_assert_not(tide_align_held(&align, 1));
    not_ready();
    tide_align_marker(&align, 1, 8);
    cr_assert(tide_align_held(&align, 1));
    ready(8, 8);
    cr_assert_not(tide_align_held(&align, 0));
    cr_assert_not(tide_align_held(&align, 1));
    tide_align_fini(&align);
}

Test(align, lower_markers_are_absorbed_by_a_merged_one)
{
    make(2, true);
    tide_align_marker(&align, 0, 10); /* 8..10 in one */
    tide_align_marker(&align, 1, 8);
    cr_assert_not(tide_align_held(&align, 1), "input 1 must go on to epoch 10");
    not_ready();
    tide_align_marker(&align, 1, 9);
    not_ready();
    tide_align_marker(&align, 1, 10);
    ready(8, 10);
    tide_align_fini(&align);
}

Test(align, the_target_rises_with_the_highest_marker)
{
    make(3, true);
    tide_align_marker(&align, 0, 8);
    tide_align_marker(&align, 1, 9);
    cr_assert_not(tide_align_held(&align, 0), "8 is not the target any more");
    cr_assert(tide_align_held(&align, 1));
    tide_align_marker(&align, 0, 9);
    tide_align_marker(&align, 2, 9);
    ready(8, 9);
    tide_align_fini(&align);
}

Test(align, without_alignment_the_last_input_decides_and_nobody_is_held)
{
    make(2, false);
    tide_align_marker(&align, 0, 9);
    cr_assert_not(tide_align_held(&align, 0));
    not_ready();
    tide_align_marker(&align, 1, 8);
    ready(8, 8);
    tide_align_marker(&align, 1, 12);
    ready(9, 9);
    tide_align_marker(&align, 0, 12);
    ready(10, 12);
    tide_align_fini(&align);
}
