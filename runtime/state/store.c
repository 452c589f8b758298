/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: keyed calls, timers and saved bytes of one task.
 *
 * All states share one heap and one queue of timers a domain. A key must belong to the task's key
 * groups: state under another group would be restored into another task.
 *
 * Threads: see state.h. Invariant: between the first tide_state_cut() of an epoch and its DONE
 * nothing changes.
 */
#include "state/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

/* ---- small things ---- */

void
tide_store_fail(struct tide_state_store *store, int code, const char *format, ...)
{
    char text[512];
    va_list args;
    if (store->failed) {
        return;
    }
    store->failed = true;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    store->fail(store->fail_ctx, code, text);
}

static struct tide_bytes
text_bytes(const char *text)
{
    return (struct tide_bytes){text, (uint32_t)strlen(text)};
}

static bool
bytes_are(struct tide_bytes bytes, const char *text)
{
    return strlen(text) == bytes.n && memcmp(text, bytes.p, bytes.n) == 0;
}

static char *
text_copy(const struct tide_seam *seam, struct tide_bytes text)
{
    char *copy = tide_alloc(seam, (size_t)text.n + 1);
    if (copy != NULL && text.n > 0) {
        memcpy(copy, text.p, text.n);
    }
    return copy;
}

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for state");
}

static int
budget_full(const struct tide_state_store *store, struct tide_error *err)
{
    const struct tide_budget_use use = tide_budget_child_use(store->site.budget);
    return tide_error_set(err, TIDE_ERR_LIMIT,
                          "state.memory is full (%llu of %llu bytes): raise it",
                          (unsigned long long)use.used, (unsigned long long)use.limit);
}

int64_t
tide_store_wall_offset(const struct tide_state_store *store)
{
    return (int64_t)(tide_wall_ns(store->site.seam) - tide_mono_ns(store->site.seam));
}

uint32_t
tide_store_operator(const struct tide_state_store *store, struct tide_bytes op)
{
    for (uint32_t i = 0; i < store->n_operators; i++) {
        if (bytes_are(op, store->operators[i])) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* ---- states ---- */

struct tide_state *
tide_store_state_find(const struct tide_state_store *store, uint32_t op, struct tide_bytes name)
{
    for (uint32_t i = 0; i < store->n_states; i++) {
        if (store->states[i]->op == op && bytes_are(name, store->states[i]->name)) {
            return store->states[i];
        }
    }
    return NULL;
}

struct tide_table *
tide_store_table(struct tide_state *state, uint32_t table)
{
    struct tide_state_store *store = state->store;
    struct tide_table *it = &state->tables[table];
    if (it->pages == NULL &&
        !tide_table_init(it, &store->heap, tide_random(store->site.seam), store->site.key_groups)) {
        return NULL;
    }
    return it;
}

static void
state_free(struct tide_state *state)
{
    const struct tide_seam *seam = state->store->site.seam;
    for (uint32_t i = 0; i < TIDE_BLOCK_TABLES; i++) {
        tide_table_fini(&state->tables[i]);
    }
    tide_free(seam, state->name);
    tide_free(seam, state);
}

int
tide_store_state_add(struct tide_state_store *store, uint32_t op, struct tide_bytes name,
                     uint32_t version, struct tide_state **out_state, struct tide_error *err)
{
    if (store->n_states == TIDE_LIMIT_STATES) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "a task has more than %u states",
                              TIDE_LIMIT_STATES);
    }
    struct tide_state *state = tide_alloc(store->site.seam, sizeof(*state));
    if (state == NULL) {
        return no_memory(err);
    }
    *state = (struct tide_state){
        .store = store, .number = store->n_states, .op = op, .version = version};
    state->name = text_copy(store->site.seam, name);
    if (state->name == NULL) {
        state_free(state);
        return no_memory(err);
    }
    if (tide_store_table(state, TIDE_BLOCK_VALUES) == NULL) {
        state_free(state);
        return budget_full(store, err);
    }
    store->states[store->n_states++] = state;
    *out_state = state;
    return 0;
}

int
tide_state_declare(struct tide_state_store *store, const char *op, const char *name,
                   uint32_t version, struct tide_state **out_state, struct tide_error *err)
{
    const uint32_t number = tide_store_operator(store, text_bytes(op));
    if (number == UINT32_MAX) {
        return tide_error_set(err, TIDE_ERR_INVALID, "operator '%s' is not of this task", op);
    }
    if (name[0] == 0 || strlen(name) > UINT16_MAX) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "operator '%s': a state has no name or too long a name", op);
    }
    struct tide_state *state = tide_store_state_find(store, number, text_bytes(name));
    if (state == NULL) {
        int rc = tide_store_state_add(store, number, text_bytes(name), version, &state, err);
        if (rc != 0) {
            return rc;
        }
    } else if (state->declared) {
        return tide_error_set(err, TIDE_ERR_INVALID, "operator '%s': state '%s' is declared twice",
                              op, name);
    } else if (state->version != version) {
        return tide_error_set(
            err, TIDE_ERR_CHECKPOINT,
            "operator '%s': the checkpoint holds version %u of state '%s', this is version %u; "
            "use the version that wrote it or start with a new checkpoint",
            op, state->version, name, version);
    }
    state->declared = true;
    *out_state = state;
    return 0;
}

uint32_t
tide_state_store_version(const struct tide_state_store *store, const char *op)
{
    const uint32_t number = tide_store_operator(store, text_bytes(op));
    uint32_t version = 0;
    for (uint32_t i = 0; i < store->n_states; i++) {
        if (store->states[i]->op == number && !store->states[i]->declared &&
            store->states[i]->version > version) {
            version = store->states[i]->version;
        }
    }
    for (uint32_t i = 0; i < store->n_saved; i++) {
        if (store->saved[i].op == number && !store->saved[i].own &&
            store->saved[i].version > version) {
            version = store->saved[i].version;
        }
    }
    return version;
}

/* ---- keyed calls ---- */

static struct tide_bytes
entry_value(struct tide_entry *entry)
{
    if (entry == NULL) {
        return (struct tide_bytes){0};
    }
    return (struct tide_bytes){tide_entry_value(entry), entry->value_len};
}

struct tide_bytes
tide_state_get(struct tide_state *state, struct tide_bytes key)
{
    return entry_value(tide_table_find(&state->tables[TIDE_BLOCK_VALUES], key));
}

void
tide_state_get_many(struct tide_state *state, const struct tide_bytes *keys, uint32_t n,
                    struct tide_bytes *out)
{
    struct tide_entry *entries[64];
    for (uint32_t from = 0; from < n; from += 64) {
        const uint32_t some = n - from < 64 ? n - from : 64;
        tide_table_find_many(&state->tables[TIDE_BLOCK_VALUES], keys + from, some, entries);
        for (uint32_t i = 0; i < some; i++) {
            out[from + i] = entry_value(entries[i]);
        }
    }
}

/* The group of a key that may be stored here; false: it may not, the task has failed. */
static bool
key_admit(struct tide_state *state, struct tide_bytes key, uint32_t n, uint32_t *out_group)
{
    struct tide_state_store *store = state->store;
    const char *op = store->operators[state->op];
    if (key.n > TIDE_LIMIT_STATE_KEY || n > TIDE_LIMIT_STATE_VALUE) {
        tide_store_fail(store, TIDE_ERR_LIMIT,
                        "operator '%s', state '%s': a key of %u and a value of %u bytes; %u and %u "
                        "are the most",
                        op, state->name, key.n, n, TIDE_LIMIT_STATE_KEY, TIDE_LIMIT_STATE_VALUE);
        return false;
    }
    const uint32_t group = tide_key_group(tide_hash64(key.p, key.n, 0), store->site.key_groups);
    if (group - store->group_first >= store->group_count) {
        tide_store_fail(store, TIDE_ERR_INVALID,
                        "operator '%s', state '%s': a key of group %u in a task that holds groups "
                        "%u to %u; state "
                        "keys must be the keys that the exchange goes by",
                        op, state->name, group, store->group_first,
                        store->group_first + store->group_count - 1);
        return false;
    }
    *out_group = group;
    return true;
}

static void
memory_fail(struct tide_state *state)
{
    struct tide_error err;
    budget_full(state->store, &err);
    tide_store_fail(state->store, TIDE_ERR_LIMIT, "operator '%s', state '%s': %s",
                    state->store->operators[state->op], state->name, err.text);
}

void *
tide_state_put(struct tide_state *state, struct tide_bytes key, uint32_t n)
{
    struct tide_table *table = &state->tables[TIDE_BLOCK_VALUES];
    TIDE_ASSERT(!state->store->cutting);
    struct tide_entry *entry = tide_table_find(table, key);
    if (entry != NULL && entry->value_len == n) {
        tide_table_touch(table, entry);
        return tide_entry_value(entry);
    }
    uint32_t group;
    if (!key_admit(state, key, n, &group)) {
        return NULL;
    }
    entry = tide_table_put(table, key, group, n, true);
    if (entry == NULL) {
        memory_fail(state);
        return NULL;
    }
    return tide_entry_value(entry);
}

void
tide_state_del(struct tide_state *state, struct tide_bytes key)
{
    TIDE_ASSERT(!state->store->cutting);
    tide_table_del(&state->tables[TIDE_BLOCK_VALUES], key, true);
}

bool
tide_state_scan(struct tide_state *state, uint64_t *cursor, struct tide_bytes *out_key,
                struct tide_bytes *out_value)
{
    struct tide_entry *entry = tide_table_next(&state->tables[TIDE_BLOCK_VALUES], cursor);
    if (entry == NULL) {
        return false;
    }
    *out_key = (struct tide_bytes){tide_entry_key(entry), entry->key_len};
    *out_value = entry_value(entry);
    return true;
}

uint64_t
tide_state_used_bytes(struct tide_state *state)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < TIDE_BLOCK_TABLES; i++) {
        bytes += state->tables[i].pages != NULL ? tide_table_bytes(&state->tables[i]) : 0;
    }
    return bytes;
}

/* ---- timers ---- */

void
tide_state_timer_set(struct tide_state *state, struct tide_bytes key, int64_t at, uint32_t domain)
{
    struct tide_state_store *store = state->store;
    uint32_t group;
    TIDE_ASSERT(domain < TIDE_TIMER_DOMAINS);
    TIDE_ASSERT(!store->cutting);
    if (!key_admit(state, key, sizeof(struct tide_timer_value), &group)) {
        return;
    }
    struct tide_table *table = tide_store_table(state, TIDE_BLOCK_TIMERS_PROCESSING + domain);
    if (table == NULL ||
        !tide_timers_set(&store->timers[domain], table, state->number, key, group, at, true)) {
        memory_fail(state);
    }
}

void
tide_state_timer_clear(struct tide_state *state, struct tide_bytes key, uint32_t domain)
{
    TIDE_ASSERT(domain < TIDE_TIMER_DOMAINS);
    TIDE_ASSERT(!state->store->cutting);
    struct tide_table *table = &state->tables[TIDE_BLOCK_TIMERS_PROCESSING + domain];
    if (table->pages != NULL) {
        tide_timers_clear(&state->store->timers[domain], table, key, true);
    }
}

/* Takes the timer @first out, with its key in store->due_key. */
static bool
timer_take(struct tide_state_store *store, uint32_t domain, const struct tide_timer_node *first,
           struct tide_timer *out_timer)
{
    struct tide_state *state = store->states[first->owner];
    struct tide_timer timer = {.state = state, .op = state->op, .domain = domain, .at = first->at};
    tide_buf_clear(&store->due_key);
    if (tide_buf_append(&store->due_key, tide_entry_key(first->entry), first->entry->key_len) !=
        0) {
        tide_store_fail(store, TIDE_ERR_NOMEM, "out of memory for the key of a timer");
        return false;
    }
    timer.key = (struct tide_bytes){store->due_key.data, (uint32_t)store->due_key.len};
    tide_timers_clear(&store->timers[domain], &state->tables[TIDE_BLOCK_TIMERS_PROCESSING + domain],
                      timer.key, true);
    *out_timer = timer;
    return true;
}

bool
tide_state_timer_due(struct tide_state_store *store, uint32_t domain, int64_t now,
                     struct tide_timer *out_timer)
{
    TIDE_ASSERT(domain < TIDE_TIMER_DOMAINS);
    const struct tide_timer_node *first;
    while ((first = tide_timers_first(&store->timers[domain])) != NULL && first->at <= now) {
        TIDE_ASSERT(!store->cutting);
        if (!timer_take(store, domain, first, out_timer)) {
            return false;
        }
        /* A restored state that its operator no longer declares has nobody to fire for. */
        if (out_timer->state->declared) {
            return true;
        }
    }
    return false;
}

bool
tide_state_timer_next(const struct tide_state_store *store, uint32_t domain, int64_t *out_at)
{
    TIDE_ASSERT(domain < TIDE_TIMER_DOMAINS);
    const struct tide_timer_node *first = tide_timers_first(&store->timers[domain]);
    if (first == NULL) {
        return false;
    }
    *out_at = first->at;
    return true;
}

struct tide_bytes
tide_store_value(const struct tide_state_store *store, uint32_t table, struct tide_entry *entry,
                 int64_t *timer)
{
    if (table == TIDE_BLOCK_VALUES) {
        return entry_value(entry);
    }
    const struct tide_timer_value *value =
        (const struct tide_timer_value *)(void *)tide_entry_value(entry);
    const int64_t offset =
        table == TIDE_BLOCK_TIMERS_PROCESSING ? tide_store_wall_offset(store) : 0;
    const int64_t at = (int64_t)((uint64_t)value->at + (uint64_t)offset);
    for (uint32_t i = 0; i < sizeof(at); i++) {
        ((uint8_t *)timer)[i] = (uint8_t)((uint64_t)at >> (8 * i));
    }
    return (struct tide_bytes){timer, sizeof(*timer)};
}

/* ---- saved bytes ---- */

/* Where (@op, @index) stands, or would stand. */
static uint32_t
saved_position(const struct tide_state_store *store, uint32_t op, uint32_t index, bool *out_found)
{
    uint32_t i = 0;
    while (i < store->n_saved && (store->saved[i].op < op ||
                                  (store->saved[i].op == op && store->saved[i].index < index))) {
        i++;
    }
    *out_found = i < store->n_saved && store->saved[i].op == op && store->saved[i].index == index;
    return i;
}

static void
saved_remove(struct tide_state_store *store, uint32_t at)
{
    tide_chunk_free(store->saved[at].bytes);
    store->n_saved--;
    memmove(store->saved + at, store->saved + at + 1,
            (store->n_saved - at) * sizeof(*store->saved));
}

/* Ends what was restored for an operator. */
static void
saved_remove_restored(struct tide_state_store *store, uint32_t op)
{
    for (uint32_t i = store->n_saved; i-- > 0;) {
        if (store->saved[i].op == op && !store->saved[i].own) {
            saved_remove(store, i);
        }
    }
}

static int
saved_reserve(struct tide_state_store *store)
{
    if (store->n_saved < store->cap_saved) {
        return 0;
    }
    const uint32_t cap = store->cap_saved == 0 ? 8 : store->cap_saved * 2;
    struct tide_state_saved *saved =
        tide_resize(store->site.seam, store->saved, cap * sizeof(*saved));
    if (saved == NULL) {
        return TIDE_ERR_NOMEM;
    }
    store->saved = saved;
    store->cap_saved = cap;
    return 0;
}

int
tide_store_saved_set(struct tide_state_store *store, const struct tide_state_saved *saved,
                     struct tide_error *err)
{
    struct tide_state_saved copy = *saved;
    bool found;
    copy.bytes = tide_chunk_alloc(store->site.budget, saved->n == 0 ? 1 : saved->n);
    if (copy.bytes == NULL) {
        return budget_full(store, err);
    }
    if (saved->n > 0) {
        memcpy(copy.bytes, saved->bytes, saved->n);
    }
    if (saved_reserve(store) != 0) {
        tide_chunk_free(copy.bytes);
        return no_memory(err);
    }
    if (saved->own) {
        saved_remove_restored(store, saved->op);
    }
    const uint32_t at = saved_position(store, saved->op, saved->index, &found);
    if (found) {
        tide_chunk_free(store->saved[at].bytes);
    } else {
        memmove(store->saved + at + 1, store->saved + at,
                (store->n_saved - at) * sizeof(*store->saved));
        store->n_saved++;
    }
    store->saved[at] = copy;
    return 0;
}

int
tide_state_save(struct tide_state_store *store, const char *op, uint32_t version,
                struct tide_bytes bytes, struct tide_error *err)
{
    const uint32_t number = tide_store_operator(store, text_bytes(op));
    bool found;
    TIDE_ASSERT(number != UINT32_MAX);
    TIDE_ASSERT(!store->cutting);
    if (bytes.n > TIDE_LIMIT_STATE_SAVED) {
        return tide_error_set(err, TIDE_ERR_LIMIT,
                              "operator '%s' saves %u bytes; %u are the most, use keyed state", op,
                              bytes.n, TIDE_LIMIT_STATE_SAVED);
    }
    const uint32_t at = saved_position(store, number, store->index, &found);
    const struct tide_state_saved *old = found ? &store->saved[at] : NULL;
    if (found && old->own && old->version == version && old->n == bytes.n &&
        (bytes.n == 0 || memcmp(old->bytes, bytes.p, bytes.n) == 0)) {
        return 0;
    }
    const struct tide_state_saved saved = {
        .op = number,
        .index = store->index,
        .version = version,
        .own = true,
        .changed = true,
        .bytes = (uint8_t *)(uintptr_t)bytes.p,
        .n = bytes.n,
    };
    return tide_store_saved_set(store, &saved, err);
}

bool
tide_state_saved_next(const struct tide_state_store *store, const char *op, uint32_t *cursor,
                      struct tide_saved *out_saved)
{
    const uint32_t number = tide_store_operator(store, text_bytes(op));
    while (*cursor < store->n_saved) {
        const struct tide_state_saved *saved = &store->saved[(*cursor)++];
        if (saved->op == number && !saved->own) {
            *out_saved = (struct tide_saved){.index = saved->index,
                                             .version = saved->version,
                                             .bytes = {saved->bytes, saved->n}};
            return true;
        }
    }
    return false;
}

/* ---- life ---- */

int
tide_state_dir_create(const struct tide_state_site *site, struct tide_error *err)
{
    return site->io->mkdir(site->io->self, site->dir, err);
}

static int
operators_copy(struct tide_state_store *store, const struct tide_state_config *config)
{
    store->operators = tide_alloc(store->site.seam, (config->n_operators + 1) * sizeof(char *));
    if (store->operators == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (; store->n_operators < config->n_operators; store->n_operators++) {
        char *copy = text_copy(store->site.seam, text_bytes(config->operators[store->n_operators]));
        if (copy == NULL) {
            return TIDE_ERR_NOMEM;
        }
        store->operators[store->n_operators] = copy;
    }
    return 0;
}

static int
store_fill_in(struct tide_state_store *store, const struct tide_state_config *config,
              struct tide_error *err)
{
    const struct tide_seam *seam = store->site.seam;
    store->image.store = store;
    tide_heap_init(&store->heap, store->site.budget);
    tide_buf_init(&store->due_key, seam, TIDE_LIMIT_STATE_KEY);
    for (uint32_t i = 0; i < TIDE_TIMER_DOMAINS; i++) {
        tide_timers_init(&store->timers[i], store->site.budget);
    }
    for (uint32_t i = 0; i < TIDE_LIMIT_EPOCHS_IN_FLIGHT; i++) {
        tide_buf_init(&store->pending[i].ref, seam, TIDE_LIMIT_WAL_RECORD);
    }
    store->dir = text_copy(seam, text_bytes(config->site->dir));
    if (store->dir == NULL || operators_copy(store, config) != 0) {
        return no_memory(err);
    }
    store->site.dir = store->dir;
    store->image.size = TIDE_LIMIT_STATE_IMAGE_BLOCK;
    store->image.buffer = tide_chunk_alloc(store->site.budget, store->image.size);
    if (store->image.buffer == NULL) {
        return budget_full(store, err);
    }
    store->member = tide_segment_attach(store->segment);
    return store->member == UINT32_MAX ? no_memory(err) : 0;
}

int
tide_state_store_create(const struct tide_state_config *config, struct tide_state_store **out_store,
                        struct tide_error *err)
{
    TIDE_ASSERT(config->site->full_every > 0);
    TIDE_ASSERT(config->group_count <= config->site->key_groups - config->group_first);
    struct tide_state_store *store = tide_alloc(config->site->seam, sizeof(*store));
    if (store == NULL) {
        return no_memory(err);
    }
    store->site = *config->site;
    store->segment = config->segment;
    store->member = UINT32_MAX;
    store->task = config->task;
    store->index = config->index;
    store->count = config->count;
    store->group_first = config->group_first;
    store->group_count = config->group_count;
    store->fail = config->fail;
    store->fail_ctx = config->fail_ctx;
    int rc = store_fill_in(store, config, err);
    if (rc != 0) {
        tide_state_store_destroy(store);
        return rc;
    }
    *out_store = store;
    return 0;
}

void
tide_state_end(struct tide_state_store *store)
{
    TIDE_ASSERT(!store->cutting);
    store->ended = true;
    tide_segment_detach(store->segment, store->member);
}

void
tide_state_store_destroy(struct tide_state_store *store)
{
    if (store == NULL) {
        return;
    }
    const struct tide_seam *seam = store->site.seam;
    tide_image_abandon(store);
    if (store->member != UINT32_MAX) {
        tide_segment_detach(store->segment, store->member);
    }
    for (uint32_t i = 0; i < store->n_states; i++) {
        state_free(store->states[i]);
    }
    for (uint32_t i = 0; i < store->n_saved; i++) {
        tide_chunk_free(store->saved[i].bytes);
    }
    for (uint32_t i = 0; i < TIDE_TIMER_DOMAINS; i++) {
        tide_timers_fini(&store->timers[i]);
    }
    for (uint32_t i = 0; i < TIDE_LIMIT_EPOCHS_IN_FLIGHT; i++) {
        tide_buf_fini(&store->pending[i].ref);
    }
    for (uint32_t i = 0; i < store->n_operators; i++) {
        tide_free(seam, store->operators[i]);
    }
    tide_buf_fini(&store->due_key);
    tide_heap_fini(&store->heap);
    tide_chunk_free(store->image.buffer);
    tide_free(seam, store->parts);
    tide_free(seam, store->saved);
    tide_free(seam, store->operators);
    tide_free(seam, store->dir);
    tide_free(seam, store);
}
