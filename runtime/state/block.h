/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: how changes and images lie in files.
 *
 * A state file is a head of 64 bytes and then blocks; docs/reference/state-format.md gives every
 * byte. Numbers are little-endian. A block holds entries of one table: its own head, the operator's
 * id, the state's name, then the entries, perhaps compressed. Its CRC32C is seeded with the file's
 * head and its place in the file, so that bytes from elsewhere never pass for it.
 *
 * Threads: any; nothing is kept.
 */
#ifndef TIDE_STATE_BLOCK_H
#define TIDE_STATE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/row.h>

#define TIDE_STATE_HEAD_BYTES 64u
#define TIDE_BLOCK_HEAD_BYTES 64u
#define TIDE_STATE_NAME_MAX 64u

enum tide_state_file_kind { TIDE_STATE_FILE_CHANGES = 1, TIDE_STATE_FILE_IMAGE = 2 };

/* What a file is; its name says the same. */
struct tide_state_file {
    uint32_t kind; /* enum tide_state_file_kind */
    uint64_t incarnation;
    uint32_t owner; /* worker of changes, task of an image */
    uint32_t n;     /* of the owner's, from 0 */
};

/* Writes "chg-<incarnation>-<worker>-<n>.seg" or "img-<incarnation>-<task>-<n>.img". @thread any */
void tide_state_file_name(const struct tide_state_file *file, char out[TIDE_STATE_NAME_MAX]);

/* The reverse; false: no name of a state file. @thread any */
bool tide_state_file_parse(const char *name, struct tide_state_file *out_file);

/* Writes the head of @file and returns the seed of its blocks. @thread any */
uint32_t tide_state_head_write(const struct tide_state_file *file,
                               uint8_t out[TIDE_STATE_HEAD_BYTES]);

/* Checks that @head is what @file must begin with. TIDE_ERR_CORRUPT, TIDE_ERR_UNSUPPORTED (a newer
 * format).
 * @thread any */
int tide_state_head_read(const struct tide_state_file *file,
                         const uint8_t head[TIDE_STATE_HEAD_BYTES], uint32_t *out_seed,
                         struct tide_error *err);

enum tide_block_kind {
    TIDE_BLOCK_ENTRIES = 1, /* keys with values or tombstones */
    TIDE_BLOCK_SAVED = 2,   /* the saved bytes of an operator's task */
    TIDE_BLOCK_LATE = 3,    /* reserved: rows of inputs that were late at a bounded hold-back */
    TIDE_BLOCK_END = 4      /* the last block of an image */
};

/* Which table of a state. */
enum tide_block_table {
    TIDE_BLOCK_VALUES,
    TIDE_BLOCK_TIMERS_PROCESSING, /* value: int64 nanoseconds since the Unix epoch */
    TIDE_BLOCK_TIMERS_EVENT,      /* value: int64 microseconds of event time */
    TIDE_BLOCK_TABLES
};

enum tide_block_codec { TIDE_BLOCK_RAW, TIDE_BLOCK_ZSTD };

/* A block's head, without what follows from its bytes. */
struct tide_block {
    uint8_t kind;     /* enum tide_block_kind */
    uint8_t table;    /* enum tide_block_table */
    uint8_t codec;    /* enum tide_block_codec */
    uint32_t version; /* of the state */
    uint32_t index;   /* SAVED: the task among its stage's */
    uint32_t entries;
    uint64_t epoch;
    struct tide_bytes op, name;
    struct tide_bytes payload; /* as in the file */
    uint32_t raw_len;          /* of the payload, uncompressed */
};

/* A block being written into memory. */
struct tide_block_writer {
    uint8_t *start, *at, *end;
    uint8_t *payload;
    struct tide_block block;
};

/* Bytes a block takes besides its payload. @thread any */
uint32_t tide_block_overhead(const struct tide_block *block);

/* Bytes an entry may take at most besides its key and value. */
#define TIDE_BLOCK_ENTRY_MAX 16u

/* Begins a block of @block's kind, operator and name in @room; there must be tide_block_overhead
 * bytes.
 * @thread any */
void tide_block_begin(struct tide_block_writer *writer, const struct tide_block *block,
                      uint8_t *room, size_t size);

/* Adds an entry (@value->p NULL: a tombstone); false: it does not fit. @thread any */
bool tide_block_add(struct tide_block_writer *writer, uint32_t group, struct tide_bytes key,
                    struct tide_bytes value);

/* Adds payload bytes as they are (SAVED); they must fit. @thread any */
void tide_block_add_bytes(struct tide_block_writer *writer, struct tide_bytes bytes);

/* Ends the block that will lie at @offset of a file with @seed; returns its length. @thread any */
uint32_t tide_block_end(struct tide_block_writer *writer, uint32_t seed, uint64_t offset);

/* The length of the whole block whose first TIDE_BLOCK_HEAD_BYTES are @head; 0: it is no block.
 * @thread any */
uint32_t tide_block_length(const uint8_t head[TIDE_BLOCK_HEAD_BYTES]);

/* Checks and takes apart the block of @len bytes (as tide_block_length says) at @offset.
 * TIDE_ERR_CORRUPT.
 * @thread any */
int tide_block_read(const uint8_t *bytes, uint32_t len, uint32_t seed, uint64_t offset,
                    struct tide_block *out_block, struct tide_error *err);

/* One entry of an uncompressed payload. */
struct tide_block_entry {
    uint32_t group;
    struct tide_bytes key;
    struct tide_bytes value; /* p NULL: a tombstone */
};

/* The next entry from *cursor (0 at first); false at the end or when damaged: then *cursor is not
 * raw_len.
 * @thread any */
bool tide_block_entry_next(struct tide_bytes payload, uint32_t *cursor,
                           struct tide_block_entry *out_entry);

#endif
