/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory behind struct tide_io, which can lose power.
 *
 * Keeps to the contract of io.h and not a bit more: what was not synced may be there after a crash
 * or not, in units of 512 bytes and single names, as the crash's random numbers say. Can run full,
 * fail a sync, and stop at the n-th call that changes something.
 */
#ifndef TIDE_TEST_DISK_H
#define TIDE_TEST_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "io/io.h"

#define DISK_FILES 256
#define DISK_NAMES 64
#define DISK_SECTOR 512u

/* A file's bytes: as they are, and as they are known to be on the medium. */
struct disk_node {
    uint8_t *now;
    uint8_t *safe;
    uint64_t now_len;
    uint64_t safe_len;
};

struct disk_name {
    char path[128];
    int node; /* index, -1: free entry */
};

struct disk {
    struct tide_io io;
    struct disk_node nodes[DISK_FILES];
    int nodes_n;
    struct disk_name now[DISK_NAMES];
    struct disk_name safe[DISK_NAMES];
    struct tide_io_write queue[TIDE_LIMIT_IO_DEPTH];
    uint32_t queue_n;
    bool made_dir;

    /* faults */
    uint64_t changes; /* calls so far that changed something */
    uint64_t stop_at; /* the call with this number and all later ones do nothing; 0: never */
    bool stopped;
    uint64_t space;  /* bytes all files together may have */
    bool full;       /* every write stops half-way for want of space */
    bool sync_fails; /* submit's sync ends in TIDE_ERR_SYNC */
    bool sync_lies;  /* says it synced, but did not */
    uint64_t random; /* state of the crash's random numbers */
};

void disk_init(struct disk *disk, uint64_t seed);
void disk_fini(struct disk *disk);

/* Power is lost: every open handle is gone, and what is on the medium is what there is. Heals
 * stop_at. */
void disk_crash(struct disk *disk);

/* The node of a path, NULL when absent. */
struct disk_node *disk_node(struct disk *disk, const char *path);

uint64_t disk_random(struct disk *disk);

#endif
