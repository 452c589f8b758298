/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of one run: see scratch.h. */
#include "demo/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

static char folder[PATH_MAX];

const char *
scratch_make(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/tidemark-demo-XXXXXX",
             parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    if (mkdtemp(folder) == NULL) {
        int why = errno;
        folder[0] = '\0';
        bench_fail(1, "no folder for the checkpoint: %s", strerror(why));
    }
    return folder;
}

static int
entry_remove(const char *path, const struct stat *entry, int kind, struct FTW *place)
{
    (void)entry;
    (void)kind;
    (void)place;
    return remove(path);
}

void
scratch_remove(void)
{
    if (folder[0] != '\0') {
        (void)nftw(folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        folder[0] = '\0';
    }
}
