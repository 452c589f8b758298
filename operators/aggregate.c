/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregate: counts per group, kept in keyed state. groupBy + agg is lowered to it.
 *
 * Continuous update mode: the rows that are there are taken together, and each group that they
 * changed gives one row with its newest counts, in the order of the groups' first rows.
 *
 * The rows are consumed only when the last group is out. A group's state and its row are written
 * together, so that a full writer leaves the groups behind `emitted` untouched; the rows are then
 * presented again and emission goes on. A marker therefore never finds a group whose row is
 * outstanding, and needs no call of its own.
 *
 * State "groups", version 1, by the canonical bytes of the key: u64 rows that contributed, u64 for
 * each function. The number of rows is the version of the group: `derived` is a hash of operator,
 * key and version, so that a record id stands for the same counts in a replay, whatever rows were
 * taken together then.
 *
 * Keys have a program of their own, the one that the exchange hashes: a row whose argument fails
 * must not lose its key, or its state would be looked for in another task.
 *
 * Threads: bind, open, task_open on a control thread; process on the task's worker.
 */
#include <stdio.h>
#include <strings.h>

#include <xxhash.h>

#include <tidemark/plugin.h>

#include "groups.h"
#include "list.h"
#include "shared.h"
#include "value.h"

#define STATE_VERSION 1u

struct aggregate_bound {
    const struct tide_host *host;
    struct tide_program *keys; /* NULL: one global group */
    struct tide_program *arguments;
    struct tide_field *fields;
    const char **key_exprs;
    bool *star; /* of each function: count(*) */
    uint32_t n_keys, n_functions;
    uint64_t id_hash;
};

struct aggregate {
    const struct tide_host *host;
    struct tide_task *task;
    const struct aggregate_bound *bound;
    struct tide_eval *keys, *arguments;
    struct tide_state *state;
    struct tide_op_groups *groups;
    const struct tide_vec **key_columns;
    uint32_t *key_fields; /* 0, 1, 2, ... */
    uint32_t rows;        /* of those presented that the groups hold; 0: none are held */
    uint32_t emitted;     /* groups whose state and row are written */
};

/* ---- binding ---- */

/* Whether the type is a MAP or holds one: its entries have no order, so that equal maps could have
 * different keys. Recursion ends at the depth of the type. */
static bool
holds_map(const struct tide_type *type)
{
    bool holds = type->id == TIDE_TYPE_MAP;
    for (uint32_t i = 0; i < type->n_children && !holds; i++) {
        holds = holds_map(&type->children[i].type);
    }
    return holds;
}

static int
check_keys(const struct tide_bind *in, const struct tide_field *fields, uint32_t n, uint32_t n_keys,
           struct tide_error *err)
{
    if (n != n_keys) {
        return in->host->option_error(in->options, "keys", 0, -1, err, "a star is no grouping key");
    }
    for (uint32_t k = 0; k < n_keys; k++) {
        if (holds_map(&fields[k].type)) {
            struct tide_error why = {.code = TIDE_ERR_UNSUPPORTED};
            snprintf(why.text, sizeof(why.text), "grouping by a MAP (%s) is not in this version",
                     fields[k].name);
            return tide_op_blame(in, "keys", k, -1, &why, err);
        }
    }
    return 0;
}

static int
check_functions(const struct tide_bind *in, uint32_t n, struct tide_error *err)
{
    static const char *const lists[] = {"arguments", "names"};
    if (n == 0) {
        return in->host->option_error(in->options, "functions", 0, -1, err, "names no aggregate");
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (in->host->option_list_len(in->options, lists[i]) != n) {
            return in->host->option_error(in->options, lists[i], 0, -1, err,
                                          "must have an item for each of the %u functions", n);
        }
    }
    for (uint32_t f = 0; f < n; f++) {
        const char *name = in->host->option_list_at(in->options, "functions", f);
        if (strcasecmp(name, "count") != 0) {
            struct tide_error why = {.code = TIDE_ERR_UNSUPPORTED};
            snprintf(why.text, sizeof(why.text), "%s is not in this version; it has count", name);
            return tide_op_blame(in, "functions", f, -1, &why, err);
        }
    }
    return 0;
}

/* Columns: the keys, then the counts. */
static int
make_fields(const struct tide_bind *in, struct aggregate_bound *bound, struct tide_error *err)
{
    const struct tide_host *host = in->host;
    const struct tide_field *keys = NULL;
    void *fields, *exprs, *star;
    uint32_t n = bound->keys != NULL ? host->expr_fields(bound->keys, &keys) : 0;
    int rc = check_keys(in, keys, n, bound->n_keys, err);
    rc = rc != 0 ? rc : tide_op_alloc(host, (n + bound->n_functions) * sizeof(*keys), &fields, err);
    if (rc != 0) {
        return rc;
    }
    bound->fields = fields;
    rc = tide_op_alloc(host, (n + 1u) * sizeof(*bound->key_exprs), &exprs, err);
    if (rc != 0) {
        return rc;
    }
    bound->key_exprs = exprs;
    rc = tide_op_alloc(host, bound->n_functions * sizeof(*bound->star), &star, err);
    if (rc != 0) {
        return rc;
    }
    bound->star = star;
    for (uint32_t k = 0; k < n; k++) {
        bound->fields[k] = keys[k];
        bound->key_exprs[k] = host->option_list_at(in->options, "keys", k);
    }
    for (uint32_t f = 0; f < bound->n_functions; f++) {
        bound->star[f] = host->option_list_at(in->options, "arguments", f)[0] == 0;
        bound->fields[n + f] = (struct tide_field){
            .name = host->option_list_at(in->options, "names", f), .type = {.id = TIDE_TYPE_LONG}};
    }
    return 0;
}

static int
compile(const struct tide_bind *in, struct aggregate_bound *bound, struct tide_error *err)
{
    const struct tide_field *arguments;
    int rc = check_functions(in, bound->n_functions, err);
    if (rc == 0 && bound->n_keys > 0) {
        rc = tide_op_compile(in, "keys", NULL, &bound->keys, err);
    }
    /* What stands for * is computed and not looked at. */
    rc = rc != 0 ? rc : tide_op_compile(in, "arguments", "1", &bound->arguments, err);
    if (rc == 0 && in->host->expr_fields(bound->arguments, &arguments) != bound->n_functions) {
        rc = in->host->option_error(in->options, "arguments", 0, -1, err,
                                    "a star is no argument of count");
    }
    return rc != 0 ? rc : make_fields(in, bound, err);
}

static void
aggregate_unbind(void *bound_)
{
    struct aggregate_bound *bound = bound_;
    const struct tide_host *host = bound->host;
    host->expr_free(bound->keys);
    host->expr_free(bound->arguments);
    host->free(host, bound->fields);
    host->free(host, bound->key_exprs);
    host->free(host, bound->star);
    host->free(host, bound);
}

/* Keys and arguments can fail; keys in the heap can be too long. */
static bool
may_reject(const struct aggregate_bound *bound)
{
    bool may = bound->host->expr_may_fail(bound->arguments) ||
               (bound->keys != NULL && bound->host->expr_may_fail(bound->keys));
    for (uint32_t k = 0; k < bound->n_keys; k++) {
        may = may || tide_op_type_in_heap(&bound->fields[k].type);
    }
    return may;
}

static int
aggregate_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
               struct tide_error *err)
{
    void *block;
    int rc = tide_op_alloc(in->host, sizeof(struct aggregate_bound), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct aggregate_bound *bound = block;
    *bound = (struct aggregate_bound){
        .host = in->host,
        .n_keys = in->host->option_list_len(in->options, "keys"),
        .n_functions = in->host->option_list_len(in->options, "functions"),
        .id_hash = in->id_hash,
    };
    rc = compile(in, bound, err);
    if (rc != 0) {
        aggregate_unbind(bound);
        return rc;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = bound->fields;
    out_traits->n_fields[0] = bound->n_keys + bound->n_functions;
    out_traits->stateful = true;
    out_traits->keyed = true;
    out_traits->deterministic = true;
    out_traits->may_reject = may_reject(bound);
    out_traits->output_modes = TIDE_OUTPUT_UPDATE;
    out_traits->max_parallel = bound->n_keys == 0 ? 1 : 0; /* one group lives in one task */
    out_traits->state_version = STATE_VERSION;
    out_traits->n_key_exprs = bound->n_keys;
    out_traits->key_exprs = bound->key_exprs;
    *out_bound = bound;
    return 0;
}

/* ---- a task ---- */

static void
aggregate_task_close(void *self_)
{
    struct aggregate *self = self_;
    const struct tide_host *host = self->host;
    host->eval_destroy(self->keys);
    host->eval_destroy(self->arguments);
    tide_op_groups_destroy(self->groups);
    host->free(host, self->key_columns);
    host->free(host, self->key_fields);
    host->free(host, self);
}

static int
make_arrays(struct aggregate *self, struct tide_error *err)
{
    void *columns, *fields;
    uint32_t n = self->bound->n_keys;
    int rc = tide_op_alloc(self->host, (n + 1u) * sizeof(*self->key_columns), &columns, err);
    if (rc != 0) {
        return rc;
    }
    self->key_columns = columns;
    rc = tide_op_alloc(self->host, (n + 1u) * sizeof(*self->key_fields), &fields, err);
    if (rc != 0) {
        return rc;
    }
    self->key_fields = fields;
    for (uint32_t k = 0; k < n; k++) {
        self->key_fields[k] = k;
    }
    return tide_op_groups_create(self->host, self->bound->n_functions, &self->groups, err);
}

static int
open_all(struct aggregate *self, struct tide_error *err)
{
    const struct tide_host *host = self->host;
    const struct aggregate_bound *bound = self->bound;
    int rc = make_arrays(self, err);
    if (rc == 0 && bound->keys != NULL) {
        rc = host->eval_create(bound->keys, TIDE_OP_ROWS, &self->keys, err);
    }
    rc = rc != 0 ? rc : host->eval_create(bound->arguments, TIDE_OP_ROWS, &self->arguments, err);
    return rc != 0 ? rc
                   : host->state->declare(self->task, "groups", STATE_VERSION, &self->state, err);
}

static int
aggregate_task_open(void *shared_, const struct tide_task_info *info, void **out_self,
                    struct tide_error *err)
{
    const struct tide_op_shared *shared = shared_;
    void *block;
    int rc = tide_op_alloc(shared->host, sizeof(struct aggregate), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct aggregate *self = block;
    *self = (struct aggregate){.host = shared->host, .task = info->task, .bound = shared->bound};
    rc = open_all(self, err);
    if (rc != 0) {
        aggregate_task_close(self);
        return rc;
    }
    *out_self = self;
    return 0;
}

/* ---- taking rows together ---- */

/* The rows of one evaluation, and its errors that are still ahead. */
struct evaluated {
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    uint32_t n_errors;
};

/* Whether row @i failed; rows are asked about in rising order. */
static const struct tide_row_error *
error_of(struct evaluated *evaluated, uint32_t i)
{
    const struct tide_row_error *error = evaluated->errors;
    if (evaluated->n_errors == 0 || error->row != i) {
        return NULL;
    }
    evaluated->errors++;
    evaluated->n_errors--;
    return error;
}

static void
add_row(struct aggregate *self, uint32_t group, const struct tide_vec *arguments, uint32_t i)
{
    uint64_t *counts = tide_op_groups_counts(self->groups, group);
    struct tide_op_group *entry = &self->groups->groups[group];
    entry->last = i;
    entry->rows++;
    for (uint32_t f = 0; f < self->bound->n_functions; f++) {
        bool null = arguments[f].nulls[tide_vec_at(&arguments[f], i)] != 0;
        counts[f] += self->bound->star[f] || !null;
    }
}

/* Puts row @i into its group. SKIP: go on; BLOCKED: not now. With onError: setNull a row that
 * failed counts with the NULLs that the evaluation left. */
static enum tide_reject
collect_row(struct aggregate *self, const struct tide_batch *in, uint32_t i,
            const struct tide_vec *arguments, const struct tide_row_error *error)
{
    const struct tide_host *host = self->host;
    uint32_t group;
    if (error != NULL) {
        enum tide_reject fate = host->reject(self->task, in, i, error->error_class, error->text);
        if (fate != TIDE_REJECT_SETNULL) {
            return fate;
        }
    }
    switch (tide_op_groups_find(self->groups, self->key_columns, self->bound->n_keys, i, &group)) {
    case TIDE_OP_FOUND:
        add_row(self, group, arguments, i);
        return TIDE_REJECT_SKIP;
    case TIDE_OP_KEYS_FULL:
        return TIDE_REJECT_BLOCKED;
    default:
        break;
    }
    enum tide_reject fate = host->reject(self->task, in, i, "RECORD_TOO_LARGE",
                                         "a grouping key takes more than 4096 bytes");
    return fate == TIDE_REJECT_SETNULL ? TIDE_REJECT_SKIP : fate;
}

/* Takes rows together, until one cannot be taken now. False: the task failed. */
static bool
collect(struct aggregate *self, const struct tide_batch *in)
{
    const struct tide_host *host = self->host;
    struct evaluated keys = {0}, arguments;
    uint32_t n = in->n < TIDE_OP_ROWS ? in->n : TIDE_OP_ROWS;
    tide_op_groups_clear(self->groups);
    self->emitted = 0;
    if (self->keys != NULL) {
        host->eval_run(self->keys, in, 0, n, &keys.columns, &keys.errors, &keys.n_errors);
    }
    host->eval_run(self->arguments, in, 0, n, &arguments.columns, &arguments.errors,
                   &arguments.n_errors);
    for (uint32_t k = 0; k < self->bound->n_keys; k++) {
        self->key_columns[k] = &keys.columns[k];
    }
    for (self->rows = 0; self->rows < n; self->rows++) {
        const struct tide_row_error *error = error_of(&keys, self->rows);
        const struct tide_row_error *second = error_of(&arguments, self->rows);
        error = error != NULL ? error : second;
        enum tide_reject fate = collect_row(self, in, self->rows, arguments.columns, error);
        if (fate != TIDE_REJECT_SKIP) {
            return fate != TIDE_REJECT_FAIL;
        }
    }
    return true;
}

/* ---- putting groups out ---- */

static struct tide_rowhdr
header_of(const struct aggregate *self, const struct tide_batch *in, uint32_t group,
          uint64_t version)
{
    struct tide_bytes key = tide_op_groups_key(self->groups, group);
    uint64_t parts[2] = {XXH3_64bits_withSeed(key.p, key.n, self->bound->id_hash), version};
    struct tide_rowhdr hdr = *tide_row_hdr(tide_batch_row(in, self->groups->groups[group].last));
    hdr.flags |= TIDE_ROW_KEY_ONLY;
    hdr.derived = XXH3_64bits(parts, sizeof(parts));
    hdr.derived = hdr.derived != 0 ? hdr.derived : 1;
    return hdr;
}

/* How putting one group out ended. */
enum put { PUT_DONE, PUT_FULL, PUT_FAILED };

/* Writes the row of a group and its state together. */
static enum put
put_group(struct aggregate *self, struct tide_writer *writer, const struct tide_batch *in,
          uint32_t group)
{
    const struct aggregate_bound *bound = self->bound;
    struct tide_bytes key = tide_op_groups_key(self->groups, group);
    const uint64_t *counts = tide_op_groups_counts(self->groups, group);
    uint8_t *slot = tide_writer_row(writer);
    if (slot == NULL ||
        !self->host->key_restore(writer, slot, self->key_fields, bound->n_keys, key)) {
        return PUT_FULL;
    }
    uint64_t *value =
        self->host->state->put(self->state, key, (1 + bound->n_functions) * sizeof(*value));
    if (value == NULL) {
        return PUT_FAILED;
    }
    value[0] += self->groups->groups[group].rows;
    for (uint32_t f = 0; f < bound->n_functions; f++) {
        value[1 + f] += counts[f];
        tide_slot_set_i64(writer->schema, slot, bound->n_keys + f, (int64_t)value[1 + f]);
    }
    struct tide_rowhdr hdr = header_of(self, in, group, value[0]);
    memcpy(slot, &hdr, sizeof(hdr));
    tide_writer_commit(writer);
    return PUT_DONE;
}

/* Puts out the groups that are left. */
static enum put
emit(struct aggregate *self, struct tide_writer *writer, const struct tide_batch *in)
{
    enum put put = PUT_DONE;
    while (put == PUT_DONE && self->emitted < self->groups->n) {
        put = put_group(self, writer, in, self->emitted);
        self->emitted += put == PUT_DONE;
    }
    if (put == PUT_FULL && writer->n == 0) {
        self->host->fail(self->task, TIDE_ERR_LIMIT,
                         "a row with its grouping key does not fit runtime.maxRecordSize");
        return PUT_FAILED;
    }
    return put;
}

static enum tide_step
aggregate_process(void *self_, uint32_t port, const struct tide_batch *in, uint32_t *out_consumed,
                  struct tide_writer *const *out)
{
    struct aggregate *self = self_;
    (void)port;
    *out_consumed = 0;
    if (in->n == 0) {
        return TIDE_STEP_IDLE;
    }
    if (self->rows == 0 && !collect(self, in)) {
        return TIDE_STEP_FAILED;
    }
    enum put put = emit(self, out[0], in);
    if (put != PUT_DONE) {
        return put == PUT_FAILED ? TIDE_STEP_FAILED : TIDE_STEP_BLOCKED;
    }
    *out_consumed = self->rows;
    self->rows = 0;
    return *out_consumed == 0 ? TIDE_STEP_BLOCKED : tide_op_taken(in, *out_consumed);
}

static const struct tide_option aggregate_options[] = {
    {.name = "keys",
     .type = TIDE_OPTION_LIST,
     .doc = "SQL items to group by; none: all rows are one group"},
    {.name = "functions",
     .type = TIDE_OPTION_LIST,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "aggregates: count"},
    {.name = "arguments",
     .type = TIDE_OPTION_LIST,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "an SQL item for each function; an empty one stands for *"},
    {.name = "names",
     .type = TIDE_OPTION_LIST,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "a column name for each function"},
    {0},
};

const struct tide_operator tide_op_aggregate = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_operator),
            .type = TIDE_KIND_OPERATOR,
            .name = "aggregate",
            .doc = "counts rows per group and puts a group out whenever it changed",
            .options = aggregate_options,
            .bind = aggregate_bind,
            .unbind = aggregate_unbind,
            .open = tide_op_open,
            .close = tide_op_close,
            .task_open = aggregate_task_open,
            .task_close = aggregate_task_close,
        },
    .process = aggregate_process,
};
