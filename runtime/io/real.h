/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two real storage instances share: files and control calls by system calls (posix.c).
 *
 * Private to io/. The context of either begins with a struct tide_posix, so that one set of control
 * calls serves both.
 */
#ifndef TIDE_IO_REAL_H
#define TIDE_IO_REAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/seam.h"
#include "io/io.h"

/* First member of a real instance's context. */
struct tide_posix {
    const struct tide_seam *seam;
};

struct tide_file {
    int fd;
    bool failed; /* F2: a sync or write failed; never cleared. Touched by whoever uses the file */
    char path[]; /* for messages */
};

/* Fills the control calls of @io. @thread start */
void tide_posix_fill(struct tide_io *io);

/* TIDE_ERR_NOSPACE for an errno that means "full", else TIDE_ERR_SYNC (F1, F2). @thread any */
int tide_posix_write_code(int sys);

/* Whether an errno means "nothing happened, the same again" (F3). @thread any */
bool tide_posix_again(int sys);

/* The real instances. @thread start */
int tide_uring_create(const struct tide_seam *seam, struct tide_io **out_io,
                      struct tide_error *err);
int tide_plain_create(const struct tide_seam *seam, struct tide_io **out_io,
                      struct tide_error *err);

#endif
