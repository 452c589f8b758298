/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log on the memory disk, with a caller whose state is simple enough to check: it remembers every
 * record it appended, and its head says which was the last.
 */
#ifndef TIDE_TEST_WAL_FIXTURE_H
#define TIDE_TEST_WAL_FIXTURE_H

#include "base/seam.h"
#include "disk.h"
#include "wal/wal.h"

#define FIXTURE_DIR "ck/wal"
#define FIXTURE_RECORDS 4096

/* What was appended as a record: enough to make its payload again. */
struct expected {
    enum tide_wal_type type;
    uint32_t len;
    uint64_t tag;
};

struct fixture {
    struct disk disk;
    struct tide_offload *offload;
    struct tide_wal_env env;
    struct tide_wal_options options;
    struct tide_wal_recovery found;
    struct tide_wal *wal;
    struct expected records[FIXTURE_RECORDS]; /* by LSN */
    uint64_t last;                            /* LSN of the last record, heads included */
    uint64_t acked;                           /* highest LSN ever reported durable */
    uint64_t visited_first;                   /* of the last recovery */
    uint64_t visited_last;
    uint64_t heads;
    uint64_t tags;
};

void fixture_init(struct fixture *f, uint64_t seed, uint64_t segment_bytes);
void fixture_fini(struct fixture *f);

/* Recovers; on success checks that what was found is what was appended, and holds all that was
 * acknowledged. */
int fixture_recover(struct fixture *f, struct tide_error *err);

/* Starts the next incarnation behind the last recovery. */
int fixture_begin(struct fixture *f, struct tide_error *err);

/* Appends a record whose payload is @len bytes of msgpack (>= 5). */
int fixture_append(struct fixture *f, enum tide_wal_type type, uint32_t len);

int fixture_roll(struct fixture *f);

/* Polls, remembering what is durable. */
enum tide_wal_state fixture_poll(struct fixture *f);

/* Syncs and waits, all jobs included; asserts that it worked. */
void fixture_sync(struct fixture *f);

/* Ends the writer as a crash does and brings the power back. */
void fixture_crash(struct fixture *f);

/* The payload that belongs to @expected, expected->len bytes. */
void fixture_payload(const struct expected *expected, uint8_t *out);

/* Number of files whose name ends with @suffix. */
int fixture_files(struct fixture *f, const char *suffix);

/* The bytes of a segment. */
struct disk_node *fixture_segment(struct fixture *f, uint64_t segment);

#endif
