/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image: the whole state of a task in one file, written while the task goes on.
 *
 * An image begins right after a cut b. The scan copies entries into a buffer, some at a time,
 * whatever the operators change meanwhile; an offload job compresses and writes the buffer. Entries
 * may be newer than b: the changes behind b are kept beside the image, and applying them in order
 * ends at the right values. It may hold changes of the epoch that is open when the scan ends, so it
 * counts from the next cut on only: that cut's changes are kept too. A key deleted after it was
 * copied has its tombstone behind b, because copying an entry takes its FRESH flag away.
 *
 * An attempt that fails for lack of space is given up and repeated later; a failed sync ends the
 * incarnation (I12).
 *
 * Threads: the task; image_job_run on an offload thread, which owns the job's members meanwhile.
 */
#include "state/store.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "codec/compress.h"

/* zstd's fastest: the disk is slower still. */
#define COMPRESS_LEVEL 1
#define RETRY_NS 1000000000u

static void
image_file(const struct tide_image *image, struct tide_state_file *out_file)
{
    *out_file = (struct tide_state_file){
        .kind = TIDE_STATE_FILE_IMAGE,
        .incarnation = image->store->site.incarnation,
        .owner = image->store->task,
        .n = image->n,
    };
}

/* ---- the job ---- */

static int
bytes_write(struct tide_image *image, const uint8_t *bytes, uint32_t len)
{
    struct tide_io *io = image->store->site.io;
    int rc = io->write(io->self, image->file, bytes, len, image->at, &image->err);
    if (rc == 0) {
        image->crc = tide_crc32c(image->crc, bytes, len);
        image->at += len;
    }
    return rc;
}

static int
file_begin(struct tide_image *image)
{
    struct tide_io *io = image->store->site.io;
    char name[TIDE_STATE_NAME_MAX], path[PATH_MAX];
    uint8_t head[TIDE_STATE_HEAD_BYTES];
    struct tide_state_file id;
    if (image->store->site.compress) {
        int rc = tide_compressor_create(image->store->site.seam, &image->compressor, &image->err);
        if (rc != 0) {
            return rc;
        }
    }
    image_file(image, &id);
    tide_state_file_name(&id, name);
    snprintf(path, sizeof(path), "%s/%s", image->store->dir, name);
    int rc = io->open(io->self, path, TIDE_IO_CREATE, &image->file, &image->err);
    if (rc != 0) {
        return rc;
    }
    image->seed = tide_state_head_write(&id, head);
    return bytes_write(image, head, sizeof(head));
}

static int
file_end(struct tide_image *image)
{
    struct tide_io *io = image->store->site.io;
    uint8_t bytes[TIDE_BLOCK_HEAD_BYTES];
    const struct tide_block end = {.kind = TIDE_BLOCK_END};
    struct tide_block_writer writer;
    tide_block_begin(&writer, &end, bytes, sizeof(bytes));
    int rc = bytes_write(image, bytes, tide_block_end(&writer, image->seed, image->at));
    if (rc == 0) {
        rc = io->sync(io->self, image->file, &image->err);
    }
    if (rc == 0) {
        rc = io->sync_dir(io->self, image->store->dir, &image->err);
    }
    return rc;
}

/* Writes one raw block again as it goes into the file: perhaps compressed, and tied to its place.
 */
static int
block_write(struct tide_image *image, const struct tide_block *raw, uint8_t *room, size_t size)
{
    struct tide_block block = *raw;
    struct tide_block_writer writer;
    tide_block_begin(&writer, &block, room, size);
    if (image->compressor != NULL) {
        size_t n = 0;
        int rc = tide_compress(image->compressor, raw->payload.p, raw->payload.n, COMPRESS_LEVEL,
                               writer.at, (size_t)(writer.end - writer.at), &n);
        if (rc == 0 && n < raw->payload.n) {
            writer.block.codec = TIDE_BLOCK_ZSTD;
            writer.at += n;
        }
    }
    if (writer.block.codec == TIDE_BLOCK_RAW) {
        tide_block_add_bytes(&writer, raw->payload);
    }
    writer.block.entries = raw->entries;
    return bytes_write(image, room, tide_block_end(&writer, image->seed, image->at));
}

static int
buffer_write(struct tide_image *image)
{
    const struct tide_seam *seam = image->store->site.seam;
    const size_t size = tide_compress_bound(image->len) + image->len;
    uint8_t *room = tide_alloc(seam, size);
    int rc = 0;
    if (room == NULL) {
        return tide_error_set(&image->err, TIDE_ERR_NOMEM, "out of memory to write a base image");
    }
    for (uint32_t at = 0; at < image->len && rc == 0;) {
        struct tide_block raw;
        const uint32_t len = tide_block_length(image->buffer + at);
        rc = tide_block_read(image->buffer + at, len, 0, at, &raw, &image->err);
        TIDE_ASSERT(rc == 0);
        rc = block_write(image, &raw, room, size);
        at += len;
    }
    tide_free(seam, room);
    return rc;
}

/* Lets go of what writing needs. */
static void
file_close(struct tide_image *image)
{
    struct tide_io *io = image->store->site.io;
    io->close(io->self, image->file);
    tide_compressor_destroy(image->compressor);
    image->file = NULL;
    image->compressor = NULL;
}

static int
image_job_run(void *arg)
{
    struct tide_image *image = arg;
    int rc = image->file == NULL ? file_begin(image) : 0;
    if (rc == 0) {
        rc = buffer_write(image);
    }
    if (rc == 0 && image->last) {
        rc = file_end(image);
    }
    if (rc != 0 || image->last) {
        file_close(image);
    }
    return rc;
}

static void
image_give_up(struct tide_image *image)
{
    image->phase = TIDE_IMAGE_IDLE;
    image->n++;
    image->retry_at = tide_mono_ns(image->store->site.seam) + RETRY_NS;
}

static void
image_job_done(struct tide_segment_job *job, int rc)
{
    struct tide_image *image = (struct tide_image *)(void *)job;
    image->len = 0;
    if (rc == TIDE_ERR_SYNC) {
        tide_store_fail(image->store, rc, "base image: %s", image->err.text);
    }
    if (rc != 0) {
        image_give_up(image);
    } else if (image->phase == TIDE_IMAGE_LAST) {
        image->phase = TIDE_IMAGE_READY;
    }
}

/* ---- the scan ---- */

/* Room for @need more bytes in the buffer; an empty one grows. */
static bool
buffer_room(struct tide_image *image, uint32_t need)
{
    if (need <= image->size - image->len) {
        return true;
    }
    if (image->len > 0) {
        return false;
    }
    uint8_t *bytes = tide_chunk_alloc(image->store->site.budget, need);
    if (bytes == NULL) {
        tide_error_set(&image->err, TIDE_ERR_LIMIT, "state.memory is full: raise it");
        image_give_up(image);
        return false;
    }
    tide_chunk_free(image->buffer);
    image->buffer = bytes;
    image->size = need;
    return true;
}

static void
block_keep(struct tide_image *image, struct tide_block_writer *writer)
{
    image->len += tide_block_end(writer, 0, image->len);
}

/* What operator @op has saved in this incarnation, or NULL. */
static const struct tide_state_saved *
saved_find(const struct tide_state_store *store, uint32_t op)
{
    for (uint32_t i = 0; i < store->n_saved; i++) {
        if (store->saved[i].op == op && store->saved[i].own) {
            return &store->saved[i];
        }
    }
    return NULL;
}

/* Copies saved bytes; false: the buffer is full. */
static bool
saved_scan(struct tide_image *image)
{
    struct tide_state_store *store = image->store;
    for (; image->op < store->n_operators; image->op++) {
        const struct tide_state_saved *saved = saved_find(store, image->op);
        const char *op = store->operators[image->op];
        struct tide_block block = {.kind = TIDE_BLOCK_SAVED, .op = {op, (uint32_t)strlen(op)}};
        struct tide_block_writer writer;
        if (saved == NULL) {
            continue;
        }
        if (!buffer_room(image, tide_block_overhead(&block) + saved->n)) {
            return false;
        }
        block.version = saved->version;
        block.index = saved->index;
        tide_block_begin(&writer, &block, image->buffer + image->len, image->size - image->len);
        tide_block_add_bytes(&writer, (struct tide_bytes){saved->bytes, saved->n});
        block_keep(image, &writer);
    }
    return true;
}

/* Copies up to *allowance entries of a table from the cursor on; false: the buffer is full. */
static bool
entries_copy(struct tide_image *image, const struct tide_table *table,
             struct tide_block_writer *writer, uint32_t *allowance)
{
    uint64_t next = image->cursor;
    struct tide_entry *entry;
    while (*allowance > 0 && (entry = tide_table_next(table, &next)) != NULL) {
        int64_t timer;
        const struct tide_bytes key = {tide_entry_key(entry), entry->key_len};
        const struct tide_bytes value = tide_store_value(image->store, image->table, entry, &timer);
        if (!tide_block_add(writer, entry->group, key, value)) {
            return false;
        }
        entry->flags &= (uint8_t)~TIDE_ENTRY_FRESH;
        image->cursor = next;
        (*allowance)--;
    }
    return true;
}

/* The bytes that a block with the table's next entry takes; 0: there is none. */
static uint32_t
block_need(const struct tide_image *image, const struct tide_table *table,
           const struct tide_block *block)
{
    uint64_t cursor = image->cursor;
    const struct tide_entry *entry = tide_table_next(table, &cursor);
    return entry == NULL ? 0
                         : tide_block_overhead(block) + TIDE_BLOCK_ENTRY_MAX + entry->key_len +
                               entry->value_len;
}

/* Copies entries of one table; false: the buffer is full. */
static bool
table_scan(struct tide_image *image, struct tide_state *state, uint32_t *allowance)
{
    const struct tide_state_store *store = image->store;
    const struct tide_table *table = &state->tables[image->table];
    const char *op = store->operators[state->op];
    const struct tide_block block = {
        .kind = TIDE_BLOCK_ENTRIES,
        .table = (uint8_t)image->table,
        .version = state->version,
        .op = {op, (uint32_t)strlen(op)},
        .name = {state->name, (uint32_t)strlen(state->name)},
    };
    struct tide_block_writer writer;
    const uint32_t need = table->pages == NULL ? 0 : block_need(image, table, &block);
    if (need == 0) {
        image->cursor = 0;
        image->table++;
        return true;
    }
    if (!buffer_room(image, need)) {
        return false;
    }
    tide_block_begin(&writer, &block, image->buffer + image->len, image->size - image->len);
    const bool all = entries_copy(image, table, &writer, allowance);
    TIDE_ASSERT(writer.block.entries > 0);
    block_keep(image, &writer);
    return all;
}

/* One step of the scan. True: everything is in the buffer or written. */
static bool
scan_step(struct tide_image *image, bool *out_full)
{
    const struct tide_state_store *store = image->store;
    uint32_t allowance = TIDE_LIMIT_STATE_STEP_ENTRIES;
    *out_full = !saved_scan(image);
    while (!*out_full && image->state < store->n_states) {
        if (image->table == TIDE_BLOCK_TABLES) {
            image->table = 0;
            image->state++;
        } else if (allowance == 0) {
            return false;
        } else {
            *out_full = !table_scan(image, store->states[image->state], &allowance);
        }
    }
    return !*out_full;
}

bool
tide_state_advance(struct tide_state_store *store)
{
    struct tide_image *image = &store->image;
    struct tide_error err;
    bool full = false;
    if (tide_segment_failed(store->segment, &err) != 0) {
        tide_store_fail(store, err.code, "%s", err.text);
    }
    if (image->phase != TIDE_IMAGE_SCAN || image->job.busy || store->failed) {
        return false;
    }
    if (!image->last) {
        image->last = scan_step(image, &full);
    }
    if (image->phase == TIDE_IMAGE_SCAN && (image->last || full)) {
        if (!tide_segment_job_start(store->segment, &image->job)) {
            return false;
        }
        image->phase = image->last ? TIDE_IMAGE_LAST : TIDE_IMAGE_SCAN;
    }
    return image->phase == TIDE_IMAGE_SCAN && !image->job.busy;
}

/* ---- begin and end ---- */

void
tide_image_consider(struct tide_state_store *store)
{
    struct tide_image *image = &store->image;
    const bool crowded = store->n_parts - store->n_inherited >= TIDE_LIMIT_STATE_PARTS / 2;
    if (image->phase != TIDE_IMAGE_IDLE || tide_mono_ns(store->site.seam) < image->retry_at ||
        (store->since < store->site.full_every && !crowded)) {
        return;
    }
    image->job.run = image_job_run;
    image->job.done = image_job_done;
    image->phase = TIDE_IMAGE_SCAN;
    image->parts_from = store->n_parts;
    image->since = store->since;
    image->op = image->state = image->table = 0;
    image->cursor = 0;
    image->len = 0;
    image->last = false;
    image->crc = 0;
    image->at = 0;
    store->parts_sealed = store->n_parts;
}

void
tide_image_adopt(struct tide_state_store *store)
{
    struct tide_image *image = &store->image;
    if (image->phase != TIDE_IMAGE_READY) {
        return;
    }
    if (!tide_store_parts_reserve(store, 1)) {
        return;
    }
    const uint32_t kept = store->n_parts - image->parts_from;
    memmove(store->parts + 1, store->parts + image->parts_from, kept * sizeof(*store->parts));
    struct tide_part *part = &store->parts[0];
    image_file(image, &part->file);
    part->offset = 0;
    part->length = image->at;
    part->crc = image->crc;
    part->group_first = store->group_first;
    part->group_count = store->group_count;
    store->n_parts = kept + 1;
    store->n_inherited = 0;
    store->parts_sealed = 1;
    store->since -= image->since;
    image->err.text[0] = 0;
    image->n++;
    image->phase = TIDE_IMAGE_IDLE;
}

void
tide_image_abandon(struct tide_state_store *store)
{
    struct tide_image *image = &store->image;
    store->failed = true; /* nobody is to be told any more */
    if (image->job.busy) {
        tide_segment_job_wait(store->segment, &image->job);
    }
    file_close(image);
    image->phase = TIDE_IMAGE_IDLE;
}
