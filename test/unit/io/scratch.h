/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary directory that is gone when the test ends. */
#ifndef TIDE_TEST_SCRATCH_H
#define TIDE_TEST_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

struct scratch {
    char dir[64];
};

static inline int
scratch_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void
scratch_init(struct scratch *scratch)
{
    snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/tide-test-XXXXXX");
    cr_assert_not_null(mkdtemp(scratch->dir));
}

static inline void
scratch_fini(struct scratch *scratch)
{
    nftw(scratch->dir, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *
scratch_path(const struct scratch *scratch, const char *name, char out[static 256])
{
    snprintf(out, 256, "%s/%s", scratch->dir, name);
    return out;
}

#endif
