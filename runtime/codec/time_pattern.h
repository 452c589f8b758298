/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time patterns: how a codec formats and parses times by a pattern ("dd/MM/yyyy") that the room
 * above compiled. Constant once made; calls come from any thread and never allocate.
 */
#ifndef TIDE_CODEC_TIME_PATTERN_H
#define TIDE_CODEC_TIME_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "codec/chars.h"
#include "codec/zone.h"

/* For dates, @value is days and @zone is UTC; for timestamps it is UTC microseconds. */
struct tide_time_pattern {
    const void *self;
    bool (*read)(const void *self, struct tide_bytes text, const struct tide_zone *zone,
                 int64_t *out_value);
    void (*put)(const void *self, int64_t value, const struct tide_zone *zone,
                struct tide_chars *out);
};

#endif
