/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for the checkpoint and the logs, removed when this process exits. */
#ifndef TIDEMARK_BENCH_DEMO_SCRATCH_H
#define TIDEMARK_BENCH_DEMO_SCRATCH_H

/* Makes the folder, under TMPDIR, once; returns its path. */
const char *scratch_make(void);

/* Removes it and all that is in it; harmless when there is none. */
void scratch_remove(void);

#endif
