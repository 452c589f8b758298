/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restore: references of all tasks of a committed epoch back into the tables of one task.
 *
 * Every part of every reference that shares operators and key groups with the task is read in
 * order, block by block; entries of other operators and groups are passed over. Groups belong to
 * one old task each, so the order of the references does not matter; within one, later parts win.
 * What was read becomes the task's own list of parts, each limited to the groups that both had,
 * until its first base image.
 *
 * Saved bytes count from the parts of the incarnation that made the reference only: each
 * incarnation saves with its first cut whatever still counts.
 *
 * Threads: a control thread. Nothing of a file is used before its check sums agreed.
 */
#include "state/store.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "codec/compress.h"

#define BLOCK_MAX (TIDE_LIMIT_STATE_VALUE + TIDE_LIMIT_STATE_KEY + TIDE_LIMIT_STATE_BUFFER)

/* One restore under way. */
struct restore {
    struct tide_state_store *store;
    const struct tide_state_ref *ref; /* being read */
    const struct tide_part *part;     /* of it */
    bool takes_saved;                 /* from this part */
    uint32_t group_first, group_end;  /* taken from this part */
    struct tide_buf bytes, raw;       /* a block, and its payload uncompressed */
    struct tide_compressor *compressor;
    struct tide_file *file;
    uint32_t seed, crc;
    bool ended; /* the END block of an image was read */
};

static int
damaged(struct tide_error *err, uint64_t offset, const char *what)
{
    return tide_error_set(err, TIDE_ERR_CORRUPT, "block at offset %llu: %s",
                          (unsigned long long)offset, what);
}

static int
memory_full(const struct restore *restore, struct tide_error *err)
{
    const struct tide_budget_use use = tide_budget_child_use(restore->store->site.budget);
    return tide_error_set(
        err, TIDE_ERR_LIMIT,
        "state.memory is too small for the state of the checkpoint (%llu of %llu bytes used): "
        "raise it",
        (unsigned long long)use.used, (unsigned long long)use.limit);
}

/* ---- entries ---- */

static int64_t
timer_read(const struct restore *restore, uint32_t table, struct tide_bytes value)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < sizeof(at); i++) {
        at |= (uint64_t)((const uint8_t *)value.p)[i] << (8 * i);
    }
    if (table == TIDE_BLOCK_TIMERS_PROCESSING) {
        at -= (uint64_t)tide_store_wall_offset(restore->store);
    }
    return (int64_t)at;
}

static bool
timer_apply(struct restore *restore, struct tide_state *state, uint32_t number,
            const struct tide_block_entry *entry)
{
    struct tide_timers *timers = &restore->store->timers[number - TIDE_BLOCK_TIMERS_PROCESSING];
    struct tide_table *table = tide_store_table(state, number);
    if (table == NULL) {
        return false;
    }
    if (entry->value.p == NULL) {
        tide_timers_clear(timers, table, entry->key, false);
        return true;
    }
    return tide_timers_set(timers, table, state->number, entry->key, entry->group,
                           timer_read(restore, number, entry->value), false);
}

static bool
value_apply(struct tide_state *state, const struct tide_block_entry *entry)
{
    struct tide_table *table = &state->tables[TIDE_BLOCK_VALUES];
    if (entry->value.p == NULL) {
        tide_table_del(table, entry->key, false);
        return true;
    }
    struct tide_entry *made =
        tide_table_put(table, entry->key, entry->group, entry->value.n, false);
    if (made != NULL && entry->value.n > 0) {
        memcpy(tide_entry_value(made), entry->value.p, entry->value.n);
    }
    return made != NULL;
}

static int
entries_apply(struct restore *restore, const struct tide_block *block, struct tide_bytes payload,
              struct tide_state *state, struct tide_error *err)
{
    struct tide_block_entry entry;
    uint32_t cursor = 0, n = 0;
    for (; tide_block_entry_next(payload, &cursor, &entry); n++) {
        const bool is_timer = block->table != TIDE_BLOCK_VALUES;
        if (entry.group < restore->group_first || entry.group >= restore->group_end) {
            continue;
        }
        if (entry.key.n > TIDE_LIMIT_STATE_KEY ||
            (is_timer && entry.value.p != NULL && entry.value.n != 8)) {
            return tide_error_set(err, TIDE_ERR_CORRUPT, "an entry makes no sense");
        }
        if (!(is_timer ? timer_apply(restore, state, block->table, &entry)
                       : value_apply(state, &entry))) {
            return memory_full(restore, err);
        }
    }
    if (cursor != payload.n || n != block->entries) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "its entries do not fit it");
    }
    return 0;
}

/* The state that a block's entries go to; made when it is new. */
static int
state_get(struct restore *restore, const struct tide_block *block, uint32_t op,
          struct tide_state **out_state, struct tide_error *err)
{
    struct tide_state *state = tide_store_state_find(restore->store, op, block->name);
    if (state == NULL) {
        return tide_store_state_add(restore->store, op, block->name, block->version, out_state,
                                    err);
    }
    state->version = block->version > state->version ? block->version : state->version;
    *out_state = state;
    return 0;
}

/* ---- blocks ---- */

static int
payload_get(struct restore *restore, const struct tide_block *block, struct tide_bytes *out_payload,
            struct tide_error *err)
{
    uint8_t *room = NULL;
    size_t n = 0;
    if (block->codec == TIDE_BLOCK_RAW) {
        *out_payload = block->payload;
        return 0;
    }
    tide_buf_clear(&restore->raw);
    if (tide_buf_reserve(&restore->raw, block->raw_len, &room) != 0) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory to restore state");
    }
    if (restore->compressor == NULL) {
        int rc = tide_compressor_create(restore->store->site.seam, &restore->compressor, err);
        if (rc != 0) {
            return rc;
        }
    }
    int rc = tide_decompress(restore->compressor, block->payload.p, block->payload.n, room,
                             block->raw_len, &n, err);
    if (rc != 0 || n != block->raw_len) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "it cannot be uncompressed");
    }
    *out_payload = (struct tide_bytes){room, block->raw_len};
    return 0;
}

static int
saved_apply(struct restore *restore, const struct tide_block *block, uint32_t op,
            struct tide_error *err)
{
    if (!restore->takes_saved || block->index != restore->ref->index) {
        return 0;
    }
    const struct tide_state_saved saved = {
        .op = op,
        .index = block->index,
        .version = block->version,
        .bytes = (uint8_t *)(uintptr_t)block->payload.p,
        .n = block->payload.n,
    };
    return tide_store_saved_set(restore->store, &saved, err);
}

static int
block_apply(struct restore *restore, const struct tide_block *block, struct tide_error *err)
{
    const uint32_t op = tide_store_operator(restore->store, block->op);
    struct tide_bytes payload;
    struct tide_state *state;
    if (block->kind == TIDE_BLOCK_END) {
        restore->ended = true;
        return 0;
    }
    if (block->kind == TIDE_BLOCK_LATE) {
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED,
                              "it holds rows of late inputs, which this version does not write");
    }
    if (op == UINT32_MAX) {
        return 0;
    }
    if (block->kind == TIDE_BLOCK_SAVED) {
        return saved_apply(restore, block, op, err);
    }
    if (restore->group_first >= restore->group_end) {
        return 0;
    }
    int rc = payload_get(restore, block, &payload, err);
    if (rc == 0) {
        rc = state_get(restore, block, op, &state, err);
    }
    return rc == 0 ? entries_apply(restore, block, payload, state, err) : rc;
}

/* ---- files ---- */

/* Reads exactly @len bytes behind those in restore->bytes. */
static int
bytes_read(struct restore *restore, uint64_t offset, uint32_t len, struct tide_error *err)
{
    struct tide_io *io = restore->store->site.io;
    uint8_t *room = NULL;
    size_t got = 0;
    if (tide_buf_reserve(&restore->bytes, len, &room) != 0) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory to restore state");
    }
    int rc = io->read(io->self, restore->file, room, len, offset, &got, err);
    if (rc == 0 && got < len) {
        return damaged(err, offset, "the file ends here");
    }
    restore->bytes.len += rc == 0 ? len : 0;
    return rc;
}

/* Reads, checks and applies the block at @offset; *out_len is its length. */
static int
block_restore(struct restore *restore, uint64_t offset, uint64_t left, uint32_t *out_len,
              struct tide_error *err)
{
    struct tide_block block;
    tide_buf_clear(&restore->bytes);
    if (left < TIDE_BLOCK_HEAD_BYTES) {
        return damaged(err, offset, "it is cut off");
    }
    int rc = bytes_read(restore, offset, TIDE_BLOCK_HEAD_BYTES, err);
    if (rc != 0) {
        return rc;
    }
    const uint32_t len = tide_block_length(restore->bytes.data);
    if (len == 0 || len > left) {
        return damaged(err, offset, "its head is damaged");
    }
    if (len > TIDE_BLOCK_HEAD_BYTES) {
        rc = bytes_read(restore, offset + TIDE_BLOCK_HEAD_BYTES, len - TIDE_BLOCK_HEAD_BYTES, err);
    }
    if (rc == 0) {
        restore->crc = tide_crc32c(restore->crc, restore->bytes.data, len);
        rc = tide_block_read(restore->bytes.data, len, restore->seed, offset, &block, err);
    }
    if (rc != 0) {
        return rc;
    }
    rc = block_apply(restore, &block, err);
    if (rc != 0) {
        return tide_error_prefix(err, "block at offset %llu", (unsigned long long)offset);
    }
    *out_len = len;
    return 0;
}

static int
head_restore(struct restore *restore, struct tide_error *err)
{
    tide_buf_clear(&restore->bytes);
    int rc = bytes_read(restore, 0, TIDE_STATE_HEAD_BYTES, err);
    if (rc == 0) {
        rc = tide_state_head_read(&restore->part->file, restore->bytes.data, &restore->seed, err);
    }
    return rc;
}

/* Reads the part of the file that is open. */
static int
part_read(struct restore *restore, struct tide_error *err)
{
    const struct tide_part *part = restore->part;
    const bool is_image = part->file.kind == TIDE_STATE_FILE_IMAGE;
    uint64_t at = part->offset, left = part->length;
    int rc = head_restore(restore, err);
    if (rc != 0) {
        return rc;
    }
    restore->ended = false;
    restore->crc = 0;
    if (is_image) {
        if (at != 0 || left < TIDE_STATE_HEAD_BYTES) {
            return tide_error_set(err, TIDE_ERR_CORRUPT,
                                  "the reference to the base image makes no sense");
        }
        restore->crc = tide_crc32c(0, restore->bytes.data, TIDE_STATE_HEAD_BYTES);
        at += TIDE_STATE_HEAD_BYTES;
        left -= TIDE_STATE_HEAD_BYTES;
    }
    while (left > 0) {
        uint32_t len = 0;
        rc = restore->ended ? damaged(err, at, "it stands behind the end")
                            : block_restore(restore, at, left, &len, err);
        if (rc != 0) {
            return rc;
        }
        at += len;
        left -= len;
    }
    if (restore->crc != part->crc || restore->ended != is_image) {
        return tide_error_set(
            err, TIDE_ERR_CORRUPT, "bytes %llu to %llu are not those that were referred to",
            (unsigned long long)part->offset, (unsigned long long)(part->offset + part->length));
    }
    return 0;
}

static int
part_restore(struct restore *restore, struct tide_error *err)
{
    struct tide_io *io = restore->store->site.io;
    char name[TIDE_STATE_NAME_MAX], path[PATH_MAX];
    tide_state_file_name(&restore->part->file, name);
    snprintf(path, sizeof(path), "%s/%s", restore->store->dir, name);
    int rc = io->open(io->self, path, TIDE_IO_READ, &restore->file, err);
    if (rc == TIDE_ERR_NOTFOUND) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "state file '%s' is missing", path);
    }
    if (rc != 0) {
        return rc;
    }
    rc = part_read(restore, err);
    io->close(io->self, restore->file);
    restore->file = NULL;
    return rc == 0 ? 0 : tide_error_prefix(err, "state file '%s'", path);
}

/* ---- references ---- */

static bool
shares_operators(const struct tide_state_store *store, const struct tide_state_ref *ref)
{
    for (uint32_t i = 0; i < ref->n_operators; i++) {
        const char *op = ref->operators[i];
        if (tide_store_operator(store, (struct tide_bytes){op, (uint32_t)strlen(op)}) !=
            UINT32_MAX) {
            return true;
        }
    }
    return false;
}

/* Makes the part being read one of the store's own, for the groups that are taken from it. */
static bool
part_inherit(struct restore *restore)
{
    struct tide_state_store *store = restore->store;
    if (restore->group_first >= restore->group_end) {
        return true;
    }
    if (!tide_store_parts_reserve(store, 1)) {
        return false;
    }
    struct tide_part *part = &store->parts[store->n_parts++];
    *part = *restore->part;
    part->group_first = restore->group_first;
    part->group_count = restore->group_end - restore->group_first;
    return true;
}

/* Chooses what is taken from @part; false: nothing. */
static bool
part_choose(struct restore *restore, const struct tide_part *part)
{
    const struct tide_state_store *store = restore->store;
    const uint64_t part_end = (uint64_t)part->group_first + part->group_count;
    const uint32_t end = store->group_first + store->group_count;
    restore->part = part;
    restore->group_first =
        part->group_first > store->group_first ? part->group_first : store->group_first;
    restore->group_end = part_end < end ? (uint32_t)part_end : end;
    restore->takes_saved = restore->ref->index % store->count == store->index &&
                           part->file.incarnation == restore->ref->incarnation;
    return restore->takes_saved || restore->group_first < restore->group_end;
}

static int
ref_restore(struct restore *restore, const struct tide_state_ref *ref, struct tide_error *err)
{
    struct tide_state_store *store = restore->store;
    if (!shares_operators(store, ref)) {
        return 0;
    }
    if (ref->key_groups != store->site.key_groups) {
        return tide_error_set(
            err, TIDE_ERR_CHECKPOINT,
            "the checkpoint has %u key groups, the pipeline %u: they cannot change",
            ref->key_groups, store->site.key_groups);
    }
    restore->ref = ref;
    for (uint32_t i = 0; i < ref->n_parts; i++) {
        if (!part_choose(restore, &ref->parts[i])) {
            continue;
        }
        int rc = part_restore(restore, err);
        if (rc != 0) {
            return rc;
        }
        if (!part_inherit(restore)) {
            return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory to restore state");
        }
    }
    /* A task that was cut differently gets an image of its own soon, so that files shared with
     * others can go. */
    const bool same =
        ref->group_first == store->group_first && ref->group_count == store->group_count;
    const uint32_t since = same ? ref->since : store->site.full_every;
    store->since = since > store->since ? since : store->since;
    return 0;
}

int
tide_state_store_restore(struct tide_state_store *store, const struct tide_bytes *refs, uint32_t n,
                         struct tide_error *err)
{
    struct restore restore = {.store = store};
    TIDE_ASSERT(store->n_states == 0);
    TIDE_ASSERT(store->n_parts == 0);
    tide_buf_init(&restore.bytes, store->site.seam, BLOCK_MAX);
    tide_buf_init(&restore.raw, store->site.seam, BLOCK_MAX);
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct tide_parsed_ref parsed = {0};
        rc = tide_state_ref_decode(store->site.seam, refs[i], &parsed, err);
        if (rc == 0) {
            rc = ref_restore(&restore, &parsed.ref, err);
        }
        tide_parsed_ref_fini(&parsed);
    }
    store->n_inherited = store->n_parts;
    store->parts_sealed = store->n_parts;
    tide_buf_fini(&restore.bytes);
    tide_buf_fini(&restore.raw);
    tide_compressor_destroy(restore.compressor);
    return rc;
}
