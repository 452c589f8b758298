/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery: what a start does before anything runs.
 *
 * In this order: the lock of the checkpoint directory; the WAL's legal prefix, folded; is it this
 * pipeline's; fence older writers; ask the decider about a sealed epoch, roll forward or void it; a
 * new segment with the next incarnation's number, durable; publish the newest commit again, finish
 * the sealed one; clean up. Each part is idempotent, so that a crash anywhere in it is one more
 * start.
 *
 * Threads: control thread; everything here blocks.
 */
#ifndef TIDE_EPOCH_RECOVER_H
#define TIDE_EPOCH_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/log.h"
#include "epoch/checkpoint.h"
#include "epoch/coordinator.h"
#include "io/io.h"
#include "wal/wal.h"

struct tide_recover_config {
    const struct tide_seam *seam;
    struct tide_log *log;
    struct tide_io *io; /* the coordinator's instance */
    struct tide_offload *offload;
    const char *dir; /* checkpointLocation; made when absent, parents too */
    const struct tide_coordinator_sink *sinks;
    uint32_t n_sinks;
    /* What the pipeline is: keys "name", "source ID", "state ID", "sink ID", "pinned WHAT". */
    const struct tide_blobs *identity;
    bool allow_unsafe_change;
    void (*wake)(void *arg); /* of the coordinator: the WAL has something from an offload job */
    void *wake_arg;
};

struct tide_recovered {
    struct tide_checkpoint checkpoint;
    struct tide_wal *wal;
    char *wal_dir;
    bool fresh; /* there was no checkpoint */
};

/* Takes the lock of @dir, held until closed. FENCED names the holder's process. @thread start */
int tide_recover_lock(struct tide_io *io, const struct tide_seam *seam, const char *dir,
                      struct tide_file **out_lock, struct tide_error *err);

/*
 * Recovers under the lock. On success the WAL has begun with checkpoint.incarnation, @out is the
 * caller's to close. Errors: CORRUPT, CHECKPOINT (another pipeline's), SYNC, NOSPACE and
 * UNREACHABLE (may be tried again).
 * @thread start
 */
int tide_recover(const struct tide_recover_config *config, struct tide_recovered *out,
                 struct tide_error *err);

/* Closes the WAL and frees. Legal on zeroed memory. @thread start */
void tide_recovered_close(struct tide_recovered *recovered);

#endif
