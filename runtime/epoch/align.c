/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alignment of markers: see align.h.
 */
#include "epoch/align.h"

#include <string.h>

#include "base/assert.h"

int
tide_align_init(struct tide_align *align, const struct tide_seam *seam, uint32_t n, bool aligned,
                uint64_t passed, struct tide_error *err)
{
    TIDE_ASSERT(n > 0);
    struct tide_align_input *inputs = tide_alloc(seam, n * sizeof(*inputs));
    if (inputs == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for %u inputs of a task", n);
    }
    for (uint32_t i = 0; i < n; i++) {
        inputs[i].last = passed;
    }
    *align = (struct tide_align){.seam = seam,
                                 .inputs = inputs,
                                 .n = n,
                                 .aligned = aligned,
                                 .target = passed,
                                 .passed = passed};
    return 0;
}

void
tide_align_fini(struct tide_align *align)
{
    if (align->seam != NULL) {
        tide_free(align->seam, align->inputs);
    }
    memset(align, 0, sizeof(*align));
}

void
tide_align_marker(struct tide_align *align, uint32_t input, uint64_t last)
{
    TIDE_ASSERT(input < align->n);
    struct tide_align_input *in = &align->inputs[input];
    TIDE_ASSERT(last > in->last);
    in->last = last;
    if (last > align->target) {
        align->target = last;
    }
    if (align->aligned) {
        in->held_at_ns = tide_mono_ns(align->seam);
    }
}

bool
tide_align_held(const struct tide_align *align, uint32_t input)
{
    const struct tide_align_input *in = &align->inputs[input];
    return align->aligned && in->last == align->target && in->last > align->passed;
}

static uint64_t
lowest(const struct tide_align *align)
{
    uint64_t low = align->inputs[0].last;
    for (uint32_t i = 1; i < align->n; i++) {
        low = align->inputs[i].last < low ? align->inputs[i].last : low;
    }
    return low;
}

bool
tide_align_ready(const struct tide_align *align, uint64_t *out_first, uint64_t *out_last)
{
    uint64_t low = lowest(align);
    if (low <= align->passed || (align->aligned && low != align->target)) {
        return false;
    }
    *out_first = align->passed + 1;
    *out_last = low;
    return true;
}

void
tide_align_pass(struct tide_align *align, uint64_t last)
{
    TIDE_ASSERT(last > align->passed);
    uint64_t now = tide_mono_ns(align->seam);
    align->passed = last;
    for (uint32_t i = 0; i < align->n; i++) {
        struct tide_align_input *in = &align->inputs[i];
        TIDE_ASSERT(in->last >= last);
        if (in->held_at_ns != 0) {
            align->held_ns += now - in->held_at_ns;
            in->held_at_ns = 0;
        }
    }
}
