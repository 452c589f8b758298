/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `memory`: rows go to a table of the embedding program, as JSON objects.
 *
 * The objects are made by the engine's own to_json, compiled once. A full table is back-pressure;
 * it is looked at again every millisecond. An epoch is durable once its rows are in the table: the
 * table lives as long as the program, which is what the format promises.
 *
 * Threads: worker, but for bind, open, task_open and their counterparts.
 */
#include "memory.h"

/* Rows evaluated together. */
#define ROWS_MAX 256u

#define FULL_RETRY_NS 1000000u

static const struct tide_option table_options[] = {
    {.name = "queryName",
     .type = TIDE_OPTION_STRING,
     .doc = "Name of the table in the embedding program; by default the sink's id."},
    {.name = NULL},
};

struct table {
    const struct tide_host *host;
    const struct tide_memory_store *store;
    struct tide_memory_table *rows;
    struct tide_program *program; /* to_json of the whole row */
};

struct table_task {
    const struct table *table;
    struct tide_task *task;
    struct tide_eval *eval;
};

/* Rows first.. of @in, up to ROWS_MAX; how many went in. */
static uint32_t
rows_put(struct table_task *self, const struct tide_batch *in, uint32_t first)
{
    const struct table *table = self->table;
    uint32_t n = in->n - first < ROWS_MAX ? in->n - first : ROWS_MAX, n_errors;
    const struct tide_vec *json;
    const struct tide_row_error *errors;
    table->host->eval_run(self->eval, in, first, n, &json, &errors, &n_errors);
    for (uint32_t i = 0; i < n; i++) {
        const struct tide_bytes *row = &json->bytes[tide_vec_at(json, i)];
        if (json->nulls[tide_vec_at(json, i)] == 0 &&
            !table->store->put(table->rows, row->p, row->n)) {
            return i;
        }
    }
    return n;
}

static enum tide_step
table_write(void *task, const struct tide_batch *in, uint32_t *out_consumed)
{
    struct table_task *self = task;
    const struct tide_host *host = self->table->host;
    uint32_t done = 0, more;
    do {
        more = rows_put(self, in, done);
        done += more;
    } while (done < in->n && more > 0);
    *out_consumed = done;
    if (done < in->n) {
        host->timer_at(self->task, host->now_mono(host) + FULL_RETRY_NS);
        return TIDE_STEP_BLOCKED;
    }
    return TIDE_STEP_MORE;
}

static enum tide_step
table_on_marker(void *task, uint64_t first, struct tide_seal seal, uint32_t flags)
{
    struct table_task *self = task;
    (void)first;
    (void)flags;
    self->table->store->sealed(self->table->rows, seal);
    self->table->host->durable(self->task, seal, (struct tide_bytes){"", 0});
    return TIDE_STEP_DONE;
}

static int
table_task_open(void *shared, const struct tide_task_info *info, void **out_self,
                struct tide_error *err)
{
    const struct table *table = shared;
    struct table_task *self = table->host->alloc(table->host, sizeof(*self));
    int code;
    if (self == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a memory sink");
    }
    self->table = table;
    self->task = info->task;
    code = table->host->eval_create(table->program, ROWS_MAX, &self->eval, err);
    if (code != 0) {
        table->host->free(table->host, self);
        return code;
    }
    *out_self = self;
    return 0;
}

static void
table_task_close(void *task)
{
    struct table_task *self = task;
    self->table->host->eval_destroy(self->eval);
    self->table->host->free(self->table->host, self);
}

static void
table_close(void *shared)
{
    struct table *table = shared;
    if (table->program != NULL) {
        table->host->expr_free(table->program);
    }
    table->host->free(table->host, table);
}

static int
table_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    const struct tide_memory_bound *memory = bound;
    const struct tide_expr_item json = {"to_json(struct(*))", "json"};
    struct table *table = host->alloc(host, sizeof(*table));
    uint32_t bad_item;
    int code;
    if (table == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a memory sink");
    }
    table->host = host;
    table->store = memory->store;
    table->rows = memory->store->table(memory->store->self, memory->name);
    if (table->rows == NULL) {
        code =
            tide_error_set(err, TIDE_ERR_NOTFOUND, "the program has no table '%s'", memory->name);
    } else {
        code = host->expr_compile(host, &memory->session, &json, 1, memory->schema, &table->program,
                                  &bad_item, err);
    }
    if (code != 0) {
        table_close(table);
        return code;
    }
    *out_shared = table;
    return 0;
}

static int
table_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
           struct tide_error *err)
{
    struct tide_memory_bound *bound;
    int code = tide_memory_bind(in, &bound, err);
    if (code != 0) {
        return code;
    }
    bound->schema = in->inputs[0];
    out_traits->n_outputs = 0;
    out_traits->commit_class = TIDE_COMMIT_PLAIN;
    out_traits->max_parallel = 1;
    *out_bound = bound;
    return 0;
}

const struct tide_sink tide_memory_sink_kind = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_sink),
            .type = TIDE_KIND_SINK,
            .name = "memory",
            .doc = "Writes rows to a table of the embedding program.",
            .options = table_options,
            .bind = table_bind,
            .unbind = tide_memory_unbind,
            .open = table_open,
            .close = table_close,
            .task_open = table_task_open,
            .task_close = table_task_close,
        },
    .write = table_write,
    .on_marker = table_on_marker,
};
