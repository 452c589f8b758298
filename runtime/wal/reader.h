/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mending needs to know of the newest segment. Private to wal/.
 */
#ifndef TIDE_WAL_READER_H
#define TIDE_WAL_READER_H

#include "wal/segment.h"

/* A torn tail, or a last group in one image, in the newest segment. */
struct tide_wal_tail {
    uint8_t *bytes; /* the whole file; allocated from the seam, NULL when there is no segment */
    struct tide_wal_view view;
    uint64_t at;  /* where the clean part ends; 0 when all is clean */
    uint64_t end; /* of the bytes that are not zero behind it */
    bool half;    /* @group stands at @at in one image */
    struct tide_wal_group group;
};

/*
 * Makes the newest segment end cleanly, durably: the tail is copied aside, a half group gets its
 * other image, the rest becomes zeros. @thread coordinator
 */
int tide_wal_mend(const struct tide_wal_env *env, const struct tide_wal_tail *tail,
                  struct tide_error *err);

/* Deletes unfinished segments, and the oldest torn tails beyond TIDE_LIMIT_WAL_TORN. @thread
 * coordinator */
int tide_wal_tidy(const struct tide_wal_env *env, struct tide_error *err);

#endif
