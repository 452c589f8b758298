/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/hash.h"

/* ---- model ---- */

static int
key_order(const char *a, uint32_t a_len, const char *b, uint32_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

static uint32_t
model_position(const struct model *model, const char *key, uint32_t key_len)
{
    uint32_t low = 0, high = model->n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (key_order(model->pairs[middle].key, model->pairs[middle].key_len, key, key_len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct pair *
model_find(struct model *model, const char *key, uint32_t key_len)
{
    uint32_t at = model_position(model, key, key_len);
    if (at < model->n &&
        key_order(model->pairs[at].key, model->pairs[at].key_len, key, key_len) == 0) {
        return &model->pairs[at];
    }
    return NULL;
}

void
model_put(struct model *model, const char *key, uint32_t key_len, const void *value, uint32_t n)
{
    struct pair *pair = model_find(model, key, key_len);
    if (pair == NULL) {
        uint32_t at = model_position(model, key, key_len);
        if (model->n == model->cap) {
            model->cap = model->cap * 2 + 16;
            model->pairs = realloc(model->pairs, model->cap * sizeof(*model->pairs));
        }
        memmove(model->pairs + at + 1, model->pairs + at, (model->n - at) * sizeof(*model->pairs));
        model->n++;
        pair = &model->pairs[at];
        *pair = (struct pair){.key_len = key_len};
        memcpy(pair->key, key, key_len);
    }
    pair->value = realloc(pair->value, n + 1);
    memcpy(pair->value, value, n);
    pair->n = n;
}

void
model_del(struct model *model, const char *key, uint32_t key_len)
{
    struct pair *pair = model_find(model, key, key_len);
    if (pair != NULL) {
        free(pair->value);
        model->n--;
        memmove(pair, pair + 1, (size_t)(model->pairs + model->n - pair) * sizeof(*pair));
    }
}

void
model_copy(struct model *to, const struct model *from)
{
    model_fini(to);
    for (uint32_t i = 0; i < from->n; i++) {
        const struct pair *pair = &from->pairs[i];
        model_put(to, pair->key, pair->key_len, pair->value, pair->n);
    }
}

void
model_fini(struct model *model)
{
    for (uint32_t i = 0; i < model->n; i++) {
        free(model->pairs[i].value);
    }
    free(model->pairs);
    *model = (struct model){0};
}

/* ---- rig ---- */

static struct tide_io *
plain_io(void *ctx)
{
    struct tide_io *io = NULL;
    (void)ctx;
    cr_assert_eq(tide_io_create(tide_seam_real(), TIDE_IO_PLAIN, &io, NULL), 0);
    return io;
}

void
rig_init(struct rig *rig, uint64_t memory)
{
    *rig = (struct rig){.make_io = plain_io};
    scratch_init(&rig->scratch);
    rig->io = rig->make_io(rig->make_ctx);
    cr_assert_eq(tide_offload_create(tide_seam_real(), 0, &rig->offload, NULL), 0);
    cr_assert_eq(tide_budget_create(tide_seam_real(), memory, &rig->budget, NULL), 0);
    cr_assert_eq(tide_budget_child_add(rig->budget, "state", 0, memory, &rig->child, NULL), 0);
    rig->site = (struct tide_state_site){
        .seam = tide_seam_real(),
        .budget = rig->child,
        .io = rig->io,
        .dir = rig->scratch.dir,
        .key_groups = RIG_GROUPS,
        .full_every = 5,
        .compress = true,
    };
}

void
rig_use_threads(struct rig *rig)
{
    tide_offload_destroy(rig->offload);
    cr_assert_eq(tide_offload_create(tide_seam_real(), 2, &rig->offload, NULL), 0);
    rig->threads = true;
}

static void
refs_free(struct tide_bytes *refs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        free((void *)(uintptr_t)refs[i].p);
    }
}

void
rig_fini(struct rig *rig)
{
    rig_stop(rig);
    refs_free(rig->refs, rig->n_refs);
    refs_free(rig->older, rig->n_older);
    cr_assert_eq(tide_budget_child_use(rig->child).used, 0, "state memory is given back");
    tide_budget_destroy(rig->budget);
    tide_offload_destroy(rig->offload);
    tide_io_destroy(rig->io);
    scratch_fini(&rig->scratch);
}

static void
rig_failed(void *ctx, int code, const char *text)
{
    struct rig *rig = ctx;
    rig->fail_code = code;
    snprintf(rig->fail_text, sizeof(rig->fail_text), "%s", text);
}

static int
store_start(struct rig *rig, uint32_t t, struct tide_error *err)
{
    const char *operators[] = {"count"};
    const uint32_t first = (RIG_GROUPS * t + rig->n_tasks - 1) / rig->n_tasks;
    const uint32_t end = (RIG_GROUPS * (t + 1) + rig->n_tasks - 1) / rig->n_tasks;
    const struct tide_state_config config = {
        .site = &rig->site,
        .segment = rig->segments[t % rig->n_workers],
        .task = t,
        .index = t,
        .count = rig->n_tasks,
        .group_first = first,
        .group_count = end - first,
        .operators = operators,
        .n_operators = 1,
        .fail = rig_failed,
        .fail_ctx = rig,
    };
    int rc = tide_state_store_create(&config, &rig->stores[t], err);
    if (rc == 0 && rig->n_refs > 0) {
        rc = tide_state_store_restore(rig->stores[t], rig->refs, rig->n_refs, err);
    }
    return rc != 0 ? rc : tide_state_declare(rig->stores[t], "count", "n", 1, &rig->states[t], err);
}

int
rig_start(struct rig *rig, uint32_t tasks, uint32_t workers, struct tide_error *err)
{
    int rc = 0;
    rig->site.incarnation++;
    rig->n_tasks = tasks;
    rig->n_workers = workers;
    for (uint32_t w = 0; w < workers && rc == 0; w++) {
        rig->worker_io[w] = rig->make_io(rig->make_ctx);
        const struct tide_segment_config config = {
            .site = &rig->site, .worker = w, .io = rig->worker_io[w], .offload = rig->offload};
        rc = tide_segment_create(&config, &rig->segments[w], err);
    }
    for (uint32_t t = 0; t < tasks && rc == 0; t++) {
        rc = store_start(rig, t, err);
    }
    return rc;
}

void
rig_stop(struct rig *rig)
{
    for (uint32_t t = 0; t < RIG_TASKS; t++) {
        tide_state_store_destroy(rig->stores[t]);
        rig->stores[t] = NULL;
    }
    for (uint32_t w = 0; w < RIG_TASKS; w++) {
        tide_segment_destroy(rig->segments[w]);
        tide_io_destroy(rig->worker_io[w]);
        rig->segments[w] = NULL;
        rig->worker_io[w] = NULL;
    }
}

uint32_t
rig_task(const struct rig *rig, const char *key, uint32_t key_len)
{
    return tide_key_group_task(tide_key_group(tide_hash64(key, key_len, 0), RIG_GROUPS), RIG_GROUPS,
                               rig->n_tasks);
}

void
rig_put(struct rig *rig, const char *key, uint32_t key_len, const void *value, uint32_t n)
{
    struct tide_state *state = rig->states[rig_task(rig, key, key_len)];
    void *room = tide_state_put(state, (struct tide_bytes){key, key_len}, n);
    cr_assert_not_null(room, "%s", rig->fail_text);
    cr_assert_eq((uintptr_t)room % 16, 0);
    memcpy(room, value, n);
}

void
rig_del(struct rig *rig, const char *key, uint32_t key_len)
{
    tide_state_del(rig->states[rig_task(rig, key, key_len)], (struct tide_bytes){key, key_len});
}

bool
rig_turn(struct rig *rig)
{
    bool any = false;
    for (uint32_t t = 0; t < rig->n_tasks; t++) {
        any |= tide_state_advance(rig->stores[t]);
    }
    for (uint32_t w = 0; w < rig->n_workers; w++) {
        any |= tide_segment_advance(rig->segments[w]);
    }
    if (!rig->threads && tide_offload_pending(rig->offload) > 0) {
        tide_offload_step(rig->offload, 0);
        any = true;
    }
    return any;
}

void
rig_cut(struct rig *rig)
{
    rig->epoch++;
    for (uint32_t t = 0; t < rig->n_tasks; t++) {
        enum tide_cut cut;
        while ((cut = tide_state_cut(rig->stores[t], rig->epoch)) != TIDE_CUT_DONE) {
            cr_assert_neq(cut, TIDE_CUT_FAILED, "%s", rig->fail_text);
            rig_turn(rig);
        }
    }
}

/* Takes durable references of task @t; true once that of the newest epoch was taken. */
static bool
ref_take(struct rig *rig, uint32_t t)
{
    uint64_t epoch = 0;
    struct tide_bytes ref;
    while (tide_state_durable_peek(rig->stores[t], &epoch, &ref)) {
        if (epoch == rig->epoch) {
            void *copy = malloc(ref.n);
            memcpy(copy, ref.p, ref.n);
            rig->refs[t] = (struct tide_bytes){copy, ref.n};
        }
        tide_state_durable_done(rig->stores[t]);
    }
    return epoch == rig->epoch;
}

void
rig_commit(struct rig *rig)
{
    refs_free(rig->older, rig->n_older);
    memcpy(rig->older, rig->refs, sizeof(rig->refs));
    rig->n_older = rig->n_refs;
    for (uint32_t t = 0; t < rig->n_tasks; t++) {
        while (!ref_take(rig, t)) {
            struct tide_error err = {0};
            cr_assert_eq(tide_segment_failed(rig->segments[t % rig->n_workers], &err), 0, "%s",
                         err.text);
            rig_turn(rig);
        }
    }
    rig->n_refs = rig->n_tasks;
}

void
rig_compare(struct rig *rig, struct model *model)
{
    uint32_t seen = 0;
    for (uint32_t t = 0; t < rig->n_tasks; t++) {
        uint64_t cursor = 0;
        struct tide_bytes key, value;
        while (tide_state_scan(rig->states[t], &cursor, &key, &value)) {
            struct pair *pair = model_find(model, key.p, key.n);
            cr_assert_not_null(pair, "a key that the model lacks: %.*s", (int)key.n,
                               (const char *)key.p);
            cr_assert_eq(pair->n, value.n);
            cr_assert_eq(memcmp(pair->value, value.p, value.n), 0);
            cr_assert_eq(rig_task(rig, key.p, key.n), t);
            seen++;
        }
    }
    cr_assert_eq(seen, model->n, "%u keys, the model has %u", seen, model->n);
    for (uint32_t i = 0; i < model->n; i++) {
        struct pair *pair = &model->pairs[i];
        struct tide_bytes got = tide_state_get(rig->states[rig_task(rig, pair->key, pair->key_len)],
                                               (struct tide_bytes){pair->key, pair->key_len});
        cr_assert_not_null(got.p);
        cr_assert_eq(got.n, pair->n);
    }
}
