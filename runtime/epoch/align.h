/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alignment: when a task with several inputs may close an epoch.
 *
 * Each input brings markers first..last that rise. Epochs may be merged on one input and not on
 * another, so a marker is compared by its last epoch alone.
 *
 * Aligned (state or exactlyOnce at or below the task, I15): an input whose marker is the highest of
 * all is held back until every input has reached the same epoch. An input that is behind goes on,
 * and its lower markers are absorbed. Not aligned: nothing is held back, and the lowest last epoch
 * over the inputs is forwarded when it rises, that is with the last input's marker.
 *
 * Threads: one task.
 */
#ifndef TIDE_EPOCH_ALIGN_H
#define TIDE_EPOCH_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

struct tide_align_input {
    uint64_t last;       /* newest marker of this input */
    uint64_t held_at_ns; /* since when it is held back, 0: it is not */
};

struct tide_align {
    const struct tide_seam *seam;
    struct tide_align_input *inputs;
    uint32_t n;
    bool aligned;
    uint64_t target;  /* highest marker seen */
    uint64_t passed;  /* newest epoch the task has closed */
    uint64_t held_ns; /* time inputs were held back, summed up */
};

/* @passed: the epoch before the first marker, the same for all inputs. Error: NOMEM. @thread start
 */
int tide_align_init(struct tide_align *align, const struct tide_seam *seam, uint32_t n,
                    bool aligned, uint64_t passed, struct tide_error *err);

/* Legal on zeroed memory. @thread start */
void tide_align_fini(struct tide_align *align);

/* A marker up to @last came on @input. @thread task */
void tide_align_marker(struct tide_align *align, uint32_t input, uint64_t last);

/* Whether rows of @input must wait. @thread task */
bool tide_align_held(const struct tide_align *align, uint32_t input);

/* Whether the task may close an epoch now: *out_first..*out_last. Stays true until tide_align_pass.
 * @thread task */
bool tide_align_ready(const struct tide_align *align, uint64_t *out_first, uint64_t *out_last);

/* The task has closed everything up to @last: inputs go on. @thread task */
void tide_align_pass(struct tide_align *align, uint64_t last);

#endif
