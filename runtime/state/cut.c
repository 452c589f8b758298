/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cut: the changes of an epoch into the change segment, and the reference that names them.
 *
 * A cut walks the lists of changes of all tables, in steps of bounded work, and packs what it finds
 * into blocks, each written straight into the segment's buffer. The reference is made at the end of
 * the cut, because every byte's place is known by then; it is handed out when the stream is durable
 * up to there.
 *
 * Threads: the task. Invariants: I16; a reference that is handed out names only durable bytes.
 */
#include "state/store.h"

#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"

/* Parts that one cut may add before the limit counts as reached. */
#define PARTS_SPARE (TIDE_LIMIT_STATE_PARTS / 4)

/* What one step may still do. */
struct allowance {
    uint32_t entries, bytes;
};

/* ---- parts ---- */

bool
tide_store_parts_reserve(struct tide_state_store *store, uint32_t more)
{
    const uint32_t need = store->n_parts + more;
    if (need <= store->cap_parts) {
        return true;
    }
    const uint32_t cap = need < 16 ? 16 : need * 2;
    struct tide_part *parts = tide_resize(store->site.seam, store->parts, cap * sizeof(*parts));
    if (parts == NULL) {
        return false;
    }
    store->parts = parts;
    store->cap_parts = cap;
    return true;
}

static bool
part_continues(const struct tide_part *last, const struct tide_part *part)
{
    return last->file.kind == part->file.kind && last->file.incarnation == part->file.incarnation &&
           last->file.owner == part->file.owner && last->file.n == part->file.n &&
           last->offset + last->length == part->offset;
}

bool
tide_store_part_add(struct tide_state_store *store, const struct tide_part *part,
                    const uint8_t *bytes)
{
    if (store->n_parts > store->parts_sealed &&
        part_continues(&store->parts[store->n_parts - 1], part)) {
        struct tide_part *last = &store->parts[store->n_parts - 1];
        last->length += part->length;
        last->crc = tide_crc32c(last->crc, bytes, part->length);
        return true;
    }
    if (!tide_store_parts_reserve(store, 1)) {
        return false;
    }
    store->parts[store->n_parts] = *part;
    store->parts[store->n_parts++].crc = tide_crc32c(0, bytes, part->length);
    return true;
}

/* ---- blocks ---- */

/* Room in the segment for @need bytes; another value than DONE ends the step. */
static enum tide_cut
room_get(struct tide_state_store *store, uint32_t need, struct tide_segment_room *out_room)
{
    int rc = tide_segment_room(store->segment, need, store->cut_epoch, out_room);
    if (rc == TIDE_ERR_NOSPACE) {
        return TIDE_CUT_BLOCKED;
    }
    if (rc != 0) {
        tide_store_fail(store, TIDE_ERR_LIMIT,
                        "state.memory is too small for a change of %u bytes: raise it", need);
        return TIDE_CUT_FAILED;
    }
    return TIDE_CUT_DONE;
}

/* Ends the block in @room and makes it part of the state. */
static enum tide_cut
block_commit(struct tide_state_store *store, struct tide_block_writer *writer,
             const struct tide_segment_room *room)
{
    const uint32_t len = tide_block_end(writer, room->seed, room->offset);
    const struct tide_part part = {
        .file = room->file,
        .offset = room->offset,
        .length = len,
        .group_first = store->group_first,
        .group_count = store->group_count,
    };
    if (!tide_store_part_add(store, &part, room->at)) {
        tide_store_fail(store, TIDE_ERR_NOMEM, "out of memory for a state reference");
        return TIDE_CUT_FAILED;
    }
    tide_segment_used(store->segment, len);
    store->cut_changed = true;
    return TIDE_CUT_DONE;
}

/* Drops ghosts that no snapshot has seen from the head of the list; the first that has to be
 * written, or NULL. */
static struct tide_entry *
change_first(struct tide_table *table)
{
    const uint8_t unseen = TIDE_ENTRY_GHOST | TIDE_ENTRY_FRESH;
    struct tide_entry *entry = tide_table_changed(table);
    while (entry != NULL && (entry->flags & unseen) == unseen) {
        tide_table_changed_done(table);
        entry = tide_table_changed(table);
    }
    return entry;
}

static bool
change_add(const struct tide_state_store *store, struct tide_block_writer *writer, uint32_t table,
           struct tide_entry *entry)
{
    int64_t timer;
    const struct tide_bytes key = {tide_entry_key(entry), entry->key_len};
    struct tide_bytes value = {0};
    if ((entry->flags & TIDE_ENTRY_GHOST) == 0) {
        value = tide_store_value(store, table, entry, &timer);
    }
    return tide_block_add(writer, entry->group, key, value);
}

/* Writes one block of changes of a table; there is at least one. */
static enum tide_cut
changes_write(struct tide_state_store *store, struct tide_state *state, uint32_t table,
              struct allowance *allowance)
{
    const char *op = store->operators[state->op];
    struct tide_entry *entry = change_first(&state->tables[table]);
    const struct tide_block block = {
        .kind = TIDE_BLOCK_ENTRIES,
        .table = (uint8_t)table,
        .version = state->version,
        .epoch = store->cut_epoch,
        .op = {op, (uint32_t)strlen(op)},
        .name = {state->name, (uint32_t)strlen(state->name)},
    };
    struct tide_segment_room room;
    struct tide_block_writer writer;
    const uint32_t need =
        tide_block_overhead(&block) + TIDE_BLOCK_ENTRY_MAX + entry->key_len + entry->value_len;
    enum tide_cut cut = room_get(store, need, &room);
    if (cut != TIDE_CUT_DONE) {
        return cut;
    }
    tide_block_begin(&writer, &block, room.at, room.size);
    while (entry != NULL && allowance->entries > 0 && allowance->bytes > 0 &&
           change_add(store, &writer, table, entry)) {
        const uint32_t bytes = entry->key_len + entry->value_len;
        allowance->entries--;
        allowance->bytes -= bytes < allowance->bytes ? bytes : allowance->bytes;
        tide_table_changed_done(&state->tables[table]);
        entry = change_first(&state->tables[table]);
    }
    TIDE_ASSERT(writer.block.entries > 0);
    return block_commit(store, &writer, &room);
}

static enum tide_cut
state_cut(struct tide_state_store *store, struct tide_state *state, struct allowance *allowance)
{
    for (uint32_t table = 0; table < TIDE_BLOCK_TABLES; table++) {
        while (state->tables[table].pages != NULL && change_first(&state->tables[table]) != NULL) {
            if (allowance->entries == 0 || allowance->bytes == 0) {
                return TIDE_CUT_MORE;
            }
            enum tide_cut cut = changes_write(store, state, table, allowance);
            if (cut != TIDE_CUT_DONE) {
                return cut;
            }
        }
    }
    return TIDE_CUT_DONE;
}

static enum tide_cut
saved_write(struct tide_state_store *store, struct tide_state_saved *saved)
{
    const char *op = store->operators[saved->op];
    const struct tide_block block = {
        .kind = TIDE_BLOCK_SAVED,
        .version = saved->version,
        .index = saved->index,
        .epoch = store->cut_epoch,
        .op = {op, (uint32_t)strlen(op)},
    };
    struct tide_segment_room room;
    struct tide_block_writer writer;
    enum tide_cut cut = room_get(store, tide_block_overhead(&block) + saved->n, &room);
    if (cut == TIDE_CUT_DONE) {
        tide_block_begin(&writer, &block, room.at, room.size);
        tide_block_add_bytes(&writer, (struct tide_bytes){saved->bytes, saved->n});
        cut = block_commit(store, &writer, &room);
    }
    if (cut == TIDE_CUT_DONE) {
        saved->changed = false;
    }
    return cut;
}

static enum tide_cut
saved_cut(struct tide_state_store *store)
{
    for (uint32_t i = 0; i < store->n_saved; i++) {
        if (store->saved[i].changed) {
            enum tide_cut cut = saved_write(store, &store->saved[i]);
            if (cut != TIDE_CUT_DONE) {
                return cut;
            }
        }
    }
    return TIDE_CUT_DONE;
}

/* ---- the cut ---- */

/* The reference of the epoch that was just cut, behind the others that wait. */
static bool
pending_add(struct tide_state_store *store)
{
    TIDE_ASSERT(store->n_pending < TIDE_LIMIT_EPOCHS_IN_FLIGHT);
    const uint32_t at = (store->pending_first + store->n_pending) % TIDE_LIMIT_EPOCHS_IN_FLIGHT;
    struct tide_state_pending *pending = &store->pending[at];
    const struct tide_state_ref ref = {
        .key_groups = store->site.key_groups,
        .index = store->index,
        .count = store->count,
        .group_first = store->group_first,
        .group_count = store->group_count,
        .since = store->since,
        .incarnation = store->site.incarnation,
        .worker = tide_segment_worker(store->segment),
        .segment_low = tide_segment_low(store->segment),
        .task = store->task,
        .image_low = store->image.n,
        .operators = (const char *const *)store->operators,
        .n_operators = store->n_operators,
        .parts = store->parts,
        .n_parts = store->n_parts,
    };
    pending->epoch = store->cut_epoch;
    pending->position = store->position;
    tide_buf_clear(&pending->ref);
    if (tide_state_ref_encode(&ref, &pending->ref) != 0) {
        return false;
    }
    store->n_pending++;
    return true;
}

/* Whether a new cut may begin now. */
static bool
cut_begin(struct tide_state_store *store, uint64_t epoch)
{
    tide_image_adopt(store);
    if (store->n_pending == TIDE_LIMIT_EPOCHS_IN_FLIGHT) {
        return false;
    }
    if (store->n_parts - store->n_inherited >= TIDE_LIMIT_STATE_PARTS - PARTS_SPARE) {
        tide_image_consider(store);
        return false;
    }
    TIDE_ASSERT(epoch > store->cut_epoch);
    store->cutting = true;
    store->cut_changed = false;
    store->cut_epoch = epoch;
    store->cut_state = 0;
    return true;
}

static enum tide_cut
cut_end(struct tide_state_store *store)
{
    const uint64_t end = tide_segment_cut(store->segment, store->member, store->cut_epoch);
    if (store->cut_changed) {
        store->position = end;
        store->since++;
    }
    store->cutting = false;
    if (!pending_add(store)) {
        tide_store_fail(store, TIDE_ERR_LIMIT, "the state reference does not fit: %u parts",
                        store->n_parts);
        return TIDE_CUT_FAILED;
    }
    tide_image_consider(store);
    return TIDE_CUT_DONE;
}

enum tide_cut
tide_state_cut(struct tide_state_store *store, uint64_t epoch)
{
    struct allowance allowance = {TIDE_LIMIT_STATE_STEP_ENTRIES, TIDE_LIMIT_STATE_STEP_BYTES};
    TIDE_ASSERT(!store->ended);
    if (store->failed) {
        return TIDE_CUT_FAILED;
    }
    if (!store->cutting && !cut_begin(store, epoch)) {
        return TIDE_CUT_BLOCKED;
    }
    TIDE_ASSERT(store->cut_epoch == epoch);
    for (; store->cut_state < store->n_states; store->cut_state++) {
        enum tide_cut cut = state_cut(store, store->states[store->cut_state], &allowance);
        if (cut != TIDE_CUT_DONE) {
            return cut;
        }
    }
    enum tide_cut cut = saved_cut(store);
    return cut == TIDE_CUT_DONE ? cut_end(store) : cut;
}

const char *
tide_state_waiting(const struct tide_state_store *store)
{
    const bool crowded =
        store->n_parts - store->n_inherited >= TIDE_LIMIT_STATE_PARTS - PARTS_SPARE;
    return crowded && !store->cutting && store->image.err.text[0] != 0 ? store->image.err.text
                                                                       : NULL;
}

bool
tide_state_durable_peek(const struct tide_state_store *store, uint64_t *out_epoch,
                        struct tide_bytes *out_ref)
{
    const struct tide_state_pending *pending = &store->pending[store->pending_first];
    if (store->n_pending == 0 || pending->position > tide_segment_durable(store->segment)) {
        return false;
    }
    *out_epoch = pending->epoch;
    *out_ref = (struct tide_bytes){pending->ref.data, (uint32_t)pending->ref.len};
    return true;
}

void
tide_state_durable_done(struct tide_state_store *store)
{
    TIDE_ASSERT(store->n_pending > 0);
    store->pending_first = (store->pending_first + 1) % TIDE_LIMIT_EPOCHS_IN_FLIGHT;
    store->n_pending--;
}
