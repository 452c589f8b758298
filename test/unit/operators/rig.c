/* SPDX-License-Identifier: Apache-2.0 */
/* One operator on a bench: see rig.h. */
#include "rig.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/hash.h"
#include "data/value.h"

#define HEAP_MAX (64u << 20)
#define STATE_MAX 4096u
#define STATE_VALUE_MAX 64u
#define STATE_KEY_MAX 512u

struct tide_task {
    struct rig *rig;
};

struct entry {
    uint8_t key[STATE_KEY_MAX];
    uint32_t key_n;
    uint64_t value[STATE_VALUE_MAX / 8];
};

struct tide_state {
    struct entry entries[STATE_MAX];
    uint32_t n;
};

/* ---- the rig's part of the host table ---- */

static void
rig_fail(struct tide_task *task, int code, const char *format, ...)
{
    struct rig *rig = task->rig;
    va_list args;
    rig->failed = code;
    va_start(args, format);
    vsnprintf(rig->fail_text, sizeof(rig->fail_text), format, args);
    va_end(args);
}

static void
rig_counter(struct tide_task *task, const char *counter, uint64_t n)
{
    cr_assert_str_eq(counter, "filtered");
    task->rig->filtered += n;
}

static enum tide_reject
rig_reject(struct tide_task *task, const struct tide_batch *in, uint32_t i, const char *error_class,
           const char *text)
{
    struct rig *rig = task->rig;
    if (rig->busy_rejects > 0) {
        rig->busy_rejects--;
        return TIDE_REJECT_BLOCKED;
    }
    cr_assert(rig->n_rejected < RIG_REJECTED_MAX);
    struct rig_rejected *rejected = &rig->rejected[rig->n_rejected++];
    rejected->offset = tide_row_hdr(tide_batch_row(in, i))->offset;
    snprintf(rejected->error_class, sizeof(rejected->error_class), "%s", error_class);
    snprintf(rejected->text, sizeof(rejected->text), "%s", text);
    return rig->policy;
}

/* `derived` of a child is its ordinal over that of its parent, plain to see. */
static bool
rig_row_inherit(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
                const struct tide_batch *in, uint32_t i, uint32_t ordinal)
{
    struct rig *rig = task->rig;
    struct tide_rowhdr hdr = *tide_row_hdr(tide_batch_row(in, i));
    if (rig->full_inherits > 0 && writer->n > 0) {
        rig->full_inherits--;
        return false;
    }
    hdr.derived += ordinal;
    memcpy(slot, &hdr, sizeof(hdr));
    return true;
}

static bool
rig_row_copy(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
             const struct tide_batch *in, uint32_t i, uint32_t n)
{
    struct tide_row_source source = {tide_schema_get(task->rig->schemas, in->schema),
                                     tide_batch_row(in, i), in->heap};
    return rig_row_inherit(task, writer, slot, in, i, 0) &&
           tide_row_copy_fields(writer, slot, 0, &source, 0, n);
}

/* The task that runs: the host's eval_run() takes none. */
static struct rig *running;

static void
rig_eval_run(struct tide_eval *eval, const struct tide_batch *in, uint32_t first, uint32_t n,
             const struct tide_vec **out_columns, const struct tide_row_error **out_errors,
             uint32_t *out_n_errors)
{
    running->evaluated += n;
    running->eval_run(eval, in, first, n, out_columns, out_errors, out_n_errors);
}

static int
rig_declare(struct tide_task *task, const char *name, uint32_t version, struct tide_state **out,
            struct tide_error *err)
{
    (void)err;
    cr_assert_str_eq(name, "groups");
    cr_assert_eq(version, 1);
    *out = task->rig->state;
    return 0;
}

static struct entry *
find_entry(struct tide_state *state, const void *key, uint32_t n)
{
    for (uint32_t i = 0; i < state->n; i++) {
        if (state->entries[i].key_n == n && memcmp(state->entries[i].key, key, n) == 0) {
            return &state->entries[i];
        }
    }
    return NULL;
}

static void *
rig_put(struct tide_state *state, struct tide_bytes key, uint32_t n)
{
    struct entry *entry = find_entry(state, key.p, key.n);
    cr_assert(n <= STATE_VALUE_MAX);
    cr_assert(key.n <= STATE_KEY_MAX);
    if (entry == NULL) {
        cr_assert(state->n < STATE_MAX);
        entry = &state->entries[state->n++];
        memcpy(entry->key, key.p, key.n);
        entry->key_n = key.n;
    }
    return entry->value;
}

static const struct tide_state_api state_api = {
    .abi = TIDE_ABI_VERSION, .size = sizeof(state_api), .declare = rig_declare, .put = rig_put};

/* ---- life ---- */

void
rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    fake_seam_init(&rig->fake);
    cr_assert_eq(tide_schemas_create(&rig->fake.seam, &rig->schemas, NULL), 0);
    rig->record_max = 1u << 20;
    rig->env = (struct tide_host_env){
        .seam = &rig->fake.seam, .schemas = rig->schemas, .record_max = rig->record_max};
    tide_host_init(&rig->host, &rig->env);
    running = rig;
    rig->eval_run = rig->host.eval_run;
    rig->host.eval_run = rig_eval_run;
    rig->host.fail = rig_fail;
    rig->host.count = rig_counter;
    rig->host.reject = rig_reject;
    rig->host.row_inherit = rig_row_inherit;
    rig->host.row_copy = rig_row_copy;
    rig->host.value_copy = tide_vec_copy;
    rig->host.state = &state_api;
    rig->expr = (struct tide_expr_options){
        .abi = TIDE_ABI_VERSION, .size = sizeof(rig->expr), .time_zone = "UTC"};
    rig->task = tide_alloc(&rig->fake.seam, sizeof(*rig->task));
    rig->state = tide_alloc(&rig->fake.seam, sizeof(*rig->state));
    rig->task->rig = rig;
    rig->out_rows = 256;
    rig->out_heap_limit = 2u << 20;
    rig->result_rows = 8192;
}

static void
close_task(struct rig *rig)
{
    if (rig->self != NULL) {
        rig->kind->k.task_close(rig->self);
    }
    if (rig->shared != NULL) {
        rig->kind->k.close(rig->shared);
    }
    rig->self = NULL;
    rig->shared = NULL;
}

void
rig_fini(struct rig *rig)
{
    close_task(rig);
    if (rig->bound != NULL) {
        rig->kind->k.unbind(rig->bound);
    }
    tide_options_destroy(rig->options);
    tide_batchbuf_fini(&rig->in);
    tide_batchbuf_fini(&rig->out);
    tide_batchbuf_fini(&rig->result);
    tide_free(&rig->fake.seam, rig->task);
    tide_free(&rig->fake.seam, rig->state);
    tide_schemas_destroy(rig->schemas);
    cr_assert_eq(atomic_load(&rig->fake.living), 0, "%ld blocks are left",
                 atomic_load(&rig->fake.living));
}

void
rig_give(struct rig *rig, const char *name, const char *value)
{
    cr_assert(rig->n_given < RIG_GIVEN_MAX);
    rig->given[rig->n_given++] = (struct tide_given){.name = name, .value = value};
}

void
rig_give_list(struct rig *rig, const char *name, const char *const *items, uint32_t n)
{
    cr_assert(rig->n_given < RIG_GIVEN_MAX);
    rig->given[rig->n_given++] = (struct tide_given){
        .name = name, .value = "", .items = items, .n_items = n, .is_list = true};
}

void
rig_bind_prepare(struct rig *rig, const struct tide_operator *kind, const char *ddl)
{
    struct tide_error err = {.at = -1};
    struct tide_options_config config = {.seam = &rig->fake.seam,
                                         .owner = "operator",
                                         .table = kind->k.options,
                                         .given = rig->given,
                                         .n_given = rig->n_given};
    rig->kind = kind;
    cr_assert_eq(tide_options_create(&config, &rig->options, &err), 0, "%s", err.text);
    cr_assert_eq(tide_schema_parse(rig->schemas, ddl, &rig->in_schema, &err), 0, "%s", err.text);
}

int
rig_bind(struct rig *rig, struct tide_error *err)
{
    struct tide_bind bind = {.abi = TIDE_ABI_VERSION,
                             .size = sizeof(bind),
                             .host = &rig->host,
                             .options = rig->options,
                             .n_inputs = 1,
                             .inputs = &rig->in_schema,
                             .expr = &rig->expr,
                             .id = "step",
                             .id_hash = 0x5741e1,
                             .output_mode = TIDE_OUTPUT_UPDATE,
                             .max_record = rig->record_max};
    rig->traits = (struct tide_traits){.abi = TIDE_ABI_VERSION, .size = sizeof(rig->traits)};
    return rig->kind->k.bind(&bind, &rig->bound, &rig->traits, err);
}

int
rig_open_task(struct rig *rig, struct tide_error *err)
{
    struct tide_task_info info = {
        .abi = TIDE_ABI_VERSION, .size = sizeof(info), .task = rig->task, .count = 1};
    int rc = rig->kind->k.open(&rig->host, rig->bound, &rig->shared, err);
    return rc != 0 ? rc : rig->kind->k.task_open(rig->shared, &info, &rig->self, err);
}

static void
open_buffers(struct rig *rig)
{
    const struct tide_seam *seam = &rig->fake.seam;
    uint32_t initial = rig->out_heap_limit < 4096 ? rig->out_heap_limit : 4096;
    int rc = tide_batchbuf_init(&rig->in, seam, rig->in_schema, 1024, 4096, HEAP_MAX, NULL);
    cr_assert_eq(rc, 0);
    rc = tide_batchbuf_init(&rig->out, seam, rig->out_schema, rig->out_rows, initial,
                            rig->out_heap_limit, NULL);
    cr_assert_eq(rc, 0);
    rc = tide_batchbuf_init(&rig->result, seam, rig->out_schema, rig->result_rows, 4096, HEAP_MAX,
                            NULL);
    cr_assert_eq(rc, 0);
}

void
rig_open(struct rig *rig, const struct tide_operator *kind, const char *ddl)
{
    struct tide_error err = {.at = -1};
    rig_bind_prepare(rig, kind, ddl);
    cr_assert_eq(rig_bind(rig, &err), 0, "%s", err.text);
    cr_assert_eq(rig->traits.n_outputs, 1);
    int rc = tide_schema_make(rig->schemas, rig->traits.fields[0], rig->traits.n_fields[0], 0,
                              &rig->out_schema, &err);
    cr_assert_eq(rc, 0, "%s", err.text);
    cr_assert_eq(rig_open_task(rig, &err), 0, "%s", err.text);
    open_buffers(rig);
}

void
rig_reopen(struct rig *rig)
{
    struct tide_error err = {.at = -1};
    close_task(rig);
    cr_assert_eq(rig_open_task(rig, &err), 0, "%s", err.text);
}

int
rig_bind_fails(struct rig *rig, const struct tide_operator *kind, const char *ddl,
               struct tide_error *out_err, struct tide_option_finding *out_place)
{
    *out_err = (struct tide_error){.at = -1};
    *out_place = (struct tide_option_finding){.item = -1, .at = -1};
    rig_bind_prepare(rig, kind, ddl);
    int rc = rig_bind(rig, out_err);
    cr_assert_neq(rc, 0, "bound what it should refuse");
    cr_assert_null(rig->bound);
    cr_assert(tide_options_blamed(rig->options, out_place), "blames nothing: %s", out_err->text);
    return rc;
}

/* ---- the batch ---- */

static uint8_t *
slot_of(struct rig *rig)
{
    return rig->in.writer.slots + (size_t)rig->in.writer.n * rig->in_schema->stride;
}

void
rig_row(struct rig *rig)
{
    uint8_t *slot = tide_writer_row(&rig->in.writer);
    cr_assert_not_null(slot);
    struct tide_rowhdr hdr = {
        .split = RIG_SPLIT, .offset = rig->in.writer.n, .ingest_ns = 1000 + rig->in.writer.n};
    memcpy(slot, &hdr, sizeof(hdr));
}

void
rig_null(struct rig *rig, uint32_t field)
{
    tide_slot_set_null(slot_of(rig), field);
}

void
rig_i64(struct rig *rig, uint32_t field, int64_t value)
{
    tide_slot_set_i64(rig->in_schema, slot_of(rig), field, value);
}

void
rig_f64(struct rig *rig, uint32_t field, double value)
{
    tide_slot_set_f64(rig->in_schema, slot_of(rig), field, value);
}

void
rig_str(struct rig *rig, uint32_t field, const char *text)
{
    rig_bytes(rig, field, text, (uint32_t)strlen(text));
}

void
rig_bytes(struct rig *rig, uint32_t field, const void *p, uint32_t n)
{
    cr_assert(tide_writer_set_bytes(&rig->in.writer, slot_of(rig), field, p, n));
}

void
rig_nested(struct rig *rig, uint32_t field, struct tide_ref ref)
{
    tide_slot_set_ref(rig->in_schema, slot_of(rig), field, ref);
}

void
rig_commit(struct rig *rig)
{
    tide_writer_commit(&rig->in.writer);
}

/* ---- the run ---- */

/* Takes the rows out of the operator's writer; how many there were. */
static uint32_t
drain(struct rig *rig)
{
    uint32_t n = rig->out.writer.n;
    struct tide_batch rows = tide_batchbuf_view(&rig->out);
    cr_assert_eq(tide_batch_check(rig->out_schema, &rows, NULL), 0, "damaged rows came out");
    cr_assert_eq(tide_batch_copy(&rig->result.writer, rig->out_schema, &rows, 0, n), n);
    tide_batchbuf_reset(&rig->out);
    return n;
}

bool
rig_feed(struct rig *rig)
{
    struct tide_writer *writers[] = {&rig->out.writer};
    struct tide_batch rest = tide_batchbuf_view(&rig->in);
    uint32_t idle_calls = 0;
    bool good = true;
    while (good && rest.n > 0) {
        uint32_t consumed = 0;
        enum tide_step step = rig->kind->process(rig->self, 0, &rest, &consumed, writers);
        cr_assert(consumed <= rest.n);
        rest.slots += (size_t)consumed * rest.stride;
        rest.n -= consumed;
        rig->calls++;
        good = step != TIDE_STEP_FAILED;
        cr_assert_eq(!good, rig->failed != 0 || (!good && rig->policy == TIDE_REJECT_FAIL),
                     "fails without a word, or goes on after host->fail");
        idle_calls = drain(rig) + consumed > 0 ? 0 : idle_calls + 1;
        cr_assert(idle_calls < 100, "makes no progress");
        cr_assert(!good || rest.n > 0 || step == TIDE_STEP_IDLE, "answers %d with nothing left",
                  step);
    }
    tide_batchbuf_reset(&rig->in);
    return good;
}

/* ---- results ---- */

uint32_t
rig_count(const struct rig *rig)
{
    return rig->result.writer.n;
}

static const uint8_t *
result_row(const struct rig *rig, uint32_t i)
{
    cr_assert(i < rig->result.writer.n, "there are only %u rows", rig->result.writer.n);
    return rig->result.writer.slots + (size_t)i * rig->out_schema->stride;
}

const struct tide_rowhdr *
rig_hdr(const struct rig *rig, uint32_t i)
{
    return tide_row_hdr(result_row(rig, i));
}

static void
put(struct rig *rig, const char *format, ...)
{
    size_t n = strlen(rig->text);
    va_list args;
    va_start(args, format);
    vsnprintf(rig->text + n, sizeof(rig->text) - n, format, args);
    va_end(args);
}

static void put_value(struct rig *rig, struct tide_value value);

static void
put_nested(struct rig *rig, const struct tide_value *value)
{
    uint8_t id = value->type->id;
    uint32_t n =
        id == TIDE_TYPE_STRUCT ? value->type->n_children : tide_nested_count(value->nested);
    put(rig, "%s", id == TIDE_TYPE_ARRAY ? "[" : id == TIDE_TYPE_MAP ? "{" : "(");
    for (uint32_t i = 0; i < n; i++) {
        put(rig, "%s", i > 0 ? "," : "");
        if (id == TIDE_TYPE_STRUCT) {
            put_value(rig, tide_struct_at(value->type, value->nested, i));
        } else if (id == TIDE_TYPE_ARRAY) {
            put_value(rig, tide_array_at(value->type, value->nested, i));
        } else {
            put_value(rig, tide_map_key_at(value->type, value->nested, i));
            put(rig, ":");
            put_value(rig, tide_map_value_at(value->type, value->nested, i));
        }
    }
    put(rig, "%s", id == TIDE_TYPE_ARRAY ? "]" : id == TIDE_TYPE_MAP ? "}" : ")");
}

static void
put_value(struct rig *rig, struct tide_value value)
{
    if (value.null) {
        put(rig, "NULL");
        return;
    }
    switch (value.type->id) {
    case TIDE_TYPE_FLOAT:
    case TIDE_TYPE_DOUBLE:
        put(rig, "%g", value.f64);
        break;
    case TIDE_TYPE_DECIMAL:
        put(rig, "%" PRId64 "e-%u", (int64_t)value.i128, value.type->scale);
        break;
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        put(rig, "%.*s", (int)value.bytes.n, (const char *)value.bytes.p);
        break;
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        put_nested(rig, &value);
        break;
    default:
        put(rig, "%" PRId64, value.i64);
        break;
    }
}

const char *
rig_text(struct rig *rig, uint32_t i)
{
    const uint8_t *row = result_row(rig, i);
    struct tide_batch rows = tide_batchbuf_view(&rig->result);
    rig->text[0] = 0;
    for (uint32_t f = 0; f < rig->out_schema->n; f++) {
        put(rig, "%s", f > 0 ? "|" : "");
        put_value(rig, tide_value_row(rig->out_schema, &rows, row, f));
    }
    return rig->text;
}

void
rig_forget(struct rig *rig)
{
    tide_batchbuf_reset(&rig->result);
}

const uint64_t *
rig_state(const struct rig *rig, const void *key, uint32_t n)
{
    const struct entry *entry = find_entry(rig->state, key, n);
    return entry != NULL ? entry->value : NULL;
}

uint32_t
rig_state_count(const struct rig *rig)
{
    return rig->state->n;
}
