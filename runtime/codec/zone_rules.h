/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a zone is made of: transitions of the past and the rule of the future, as a TZif file holds
 * them. Private to the zones. Constant once made; any thread.
 */
#ifndef TIDE_CODEC_ZONE_RULES_H
#define TIDE_CODEC_ZONE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

/* When in a year a POSIX rule changes the clock. */
struct tide_zone_when {
    enum {
        TIDE_ZONE_JULIAN,     /* day 1 to 365, February 29 never counted */
        TIDE_ZONE_DAY,        /* day 0 to 365 */
        TIDE_ZONE_MONTH_WEEK, /* week 1 to 5 (5: last) of a month, weekday 0 (Sunday) to 6 */
    } kind;
    int32_t day, week, month;
    int32_t seconds; /* after local midnight, -167 to 167 hours */
};

/* The footer of a TZif file: what holds behind the last transition. */
struct tide_zone_rule {
    bool given; /* false: the last offset stays */
    bool dst;   /* false: standard time all year */
    int32_t standard, summer;
    struct tide_zone_when start, end;
};

struct tide_zone_rules {
    uint32_t n;       /* transitions */
    int64_t *at;      /* seconds since the epoch, rising; owned */
    int32_t *offsets; /* n + 1: before the first transition, then behind each; owned */
    struct tide_zone_rule rule;
};

/* Reads TZif bytes. Errors: TIDE_ERR_CORRUPT, TIDE_ERR_NOMEM. @thread start, coordinator */
int tide_zone_rules_read(struct tide_zone_rules *rules, const struct tide_seam *seam,
                         const uint8_t *data, size_t len, struct tide_error *err);

/* Frees what was read; legal on zeroed memory. @thread start, coordinator */
void tide_zone_rules_fini(struct tide_zone_rules *rules, const struct tide_seam *seam);

/* Seconds east of UTC. @thread any */
int32_t tide_zone_rules_offset(const struct tide_zone_rules *rules, int64_t utc_seconds);

#endif
