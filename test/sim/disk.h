/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated disk behind the storage seam: what was synced stays, of the rest a crash keeps what
 * the seed says.
 *
 * Every file has two images, what programs see and what is durable, and a list of writes between
 * the two in sectors of 512 bytes. A crash keeps an arbitrary subset of the unsynced sectors; names
 * that were not synced with their directory are kept or lost one by one. Submitted writes complete
 * when the driver lets them.
 *
 * One thread.
 */
#ifndef TIDE_SIM_DISK_H
#define TIDE_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "io/io.h"

struct sim_disk;

/* An empty disk; @random gives 64 bits. Never NULL. */
struct sim_disk *sim_disk_create(uint64_t (*random)(void *), void *random_self);
void sim_disk_destroy(struct sim_disk *disk);

/* An instance for one submitter. It dies with the next crash: afterwards every call fails or does
 * nothing. */
int sim_disk_io(struct sim_disk *disk, struct tide_io **out_io);

/* Writes that were submitted and not completed, over all living instances. */
uint32_t sim_disk_pending(const struct sim_disk *disk);
/* Completes one of them. */
void sim_disk_complete(struct sim_disk *disk, uint32_t nth);

/* Power loss: instances die, unsynced sectors and names are kept or lost. */
void sim_disk_crash(struct sim_disk *disk);

/* The next @n syncs fail for want of space. */
void sim_disk_full(struct sim_disk *disk, bool full);

#endif
