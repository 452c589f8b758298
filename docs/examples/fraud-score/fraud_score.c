/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fraud_score: an operator in a shared object, the example of one.
 *
 * It reads a model when the pipeline opens, scores every card transaction with it, and puts out the
 * transaction's columns and the score. A transaction without an amount cannot be scored and is
 * rejected: the step's onError says what becomes of it.
 *
 * Read it from the end: the entry returns the plugin, the plugin lists its kinds, a kind is an
 * option table and some functions. bind() and open() run on a control thread and may block;
 * process() runs on a worker, works on the rows that are there, and never waits.
 */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <tidemark/plugin.h>

#include "trees.h"

TIDE_PLUGIN_NOTE("plugin fraud_score 1.0 Apache-2.0\n"
                 "operator fraud_score: scores card transactions with a tree ensemble\n");

/* The columns it needs; tx_id and card_id are not looked at, but a stream without them is not one
 * of cards. */
enum column { TX_ID, CARD_ID, AMOUNT, COUNTRY, MERCHANT, EVENT_TIME, COLUMNS };

static const char *const column_names[COLUMNS] = {"tx_id",   "card_id",  "amount",
                                                  "country", "merchant", "event_time"};

/* What bind() found out; shared by all tasks and constant. */
struct bound {
    const struct tide_host *host;
    const struct tide_schema *schema;
    const char *path; /* of the model */
    uint32_t columns[COLUMNS];
    struct tide_field fields[]; /* of the output: the input's and the score */
};

/* What open() made. */
struct shared {
    const struct bound *bound;
    struct model *model;
};

/* One task. */
struct scorer {
    const struct bound *bound;
    const struct model *model;
    struct tide_task *task;
    bool nulled; /* the row that is presented next was rejected with the answer SETNULL */
};

/* A plugin links against nothing of Tidemark, so it fills errors itself. */
__attribute__((format(printf, 3, 4))) static int
error_text(struct tide_error *err, int code, const char *format, ...)
{
    va_list args;
    if (err != NULL) {
        err->code = code;
        err->at = -1;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return code;
}

/* ---- binding ---- */

static bool
type_fits(enum column column, uint8_t id)
{
    switch (column) {
    case AMOUNT:
        return id == TIDE_TYPE_DOUBLE || id == TIDE_TYPE_FLOAT || id == TIDE_TYPE_LONG ||
               id == TIDE_TYPE_INT;
    case COUNTRY:
    case MERCHANT:
        return id == TIDE_TYPE_STRING;
    case EVENT_TIME:
        return id == TIDE_TYPE_TIMESTAMP;
    default:
        return true;
    }
}

/* Finds the columns by name. */
static int
columns_find(struct bound *bound, struct tide_error *err)
{
    static const char *const types[COLUMNS] = {[AMOUNT] = "DOUBLE, FLOAT, LONG or INT",
                                               [COUNTRY] = "STRING",
                                               [MERCHANT] = "STRING",
                                               [EVENT_TIME] = "TIMESTAMP"};
    for (uint32_t c = 0; c < COLUMNS; c++) {
        uint32_t i = 0;
        while (i < bound->schema->n &&
               strcasecmp(bound->schema->fields[i].name, column_names[c]) != 0) {
            i++;
        }
        if (i == bound->schema->n) {
            return error_text(
                err, TIDE_ERR_INVALID,
                "fraud_score needs the columns tx_id, card_id, amount, country, merchant and "
                "event_time; '%s' is missing",
                column_names[c]);
        }
        if (!type_fits((enum column)c, bound->schema->fields[i].type.id)) {
            return error_text(err, TIDE_ERR_INVALID,
                              "column '%s' must be %s: cast it in a select before", column_names[c],
                              types[c]);
        }
        bound->columns[c] = i;
    }
    return 0;
}

/* Puts the score behind the columns that are there. */
static int
score_add(const struct tide_bind *in, struct bound *bound, struct tide_error *err)
{
    const char *name = in->host->option_str(in->options, "column");
    const uint32_t n = bound->schema->n;
    for (uint32_t i = 0; i < n; i++) {
        if (strcasecmp(bound->schema->fields[i].name, name) == 0) {
            return in->host->option_error(in->options, "column", 0, -1, err,
                                          "the stream has a column '%s' already", name);
        }
        bound->fields[i] = bound->schema->fields[i];
    }
    /* NULL where onError is setNull */
    bound->fields[n] =
        (struct tide_field){.name = name, .type = {.id = TIDE_TYPE_DOUBLE}, .nullable = true};
    return 0;
}

static void
fraud_unbind(void *bound_)
{
    struct bound *bound = bound_;
    bound->host->free(bound->host, bound);
}

static int
fraud_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
           struct tide_error *err)
{
    const uint32_t n = in->inputs[0]->n;
    struct bound *bound =
        in->host->alloc(in->host, sizeof(*bound) + (n + 1) * sizeof(struct tide_field));
    if (bound == NULL) {
        return error_text(err, TIDE_ERR_NOMEM, "out of memory");
    }
    bound->host = in->host;
    bound->schema = in->inputs[0];
    bound->path = in->host->option_str(in->options, "model");
    int rc = columns_find(bound, err);
    if (rc == 0) {
        rc = score_add(in, bound, err);
    }
    if (rc != 0) {
        fraud_unbind(bound);
        return rc;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = bound->fields;
    out_traits->n_fields[0] = n + 1;
    out_traits->deterministic = true;
    out_traits->keeps_order = true;
    out_traits->may_reject = true;
    *out_bound = bound;
    return 0;
}

/* ---- opening ---- */

static int
model_open(const struct bound *bound, struct model **out_model, struct tide_error *err)
{
    char why[256];
    struct model *model = model_load(bound->path, why, sizeof(why));
    if (model == NULL) {
        return error_text(err, TIDE_ERR_INVALID, "model '%s': %s", bound->path, why);
    }
    *out_model = model;
    return 0;
}

static int
fraud_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    struct model *model = NULL;
    int rc = model_open(bound, &model, err);
    if (rc != 0) {
        return rc;
    }
    struct shared *shared = host->alloc(host, sizeof(*shared));
    if (shared == NULL) {
        model_free(model);
        return error_text(err, TIDE_ERR_NOMEM, "out of memory");
    }
    *shared = (struct shared){.bound = bound, .model = model};
    *out_shared = shared;
    return 0;
}

static void
fraud_close(void *shared_)
{
    struct shared *shared = shared_;
    const struct tide_host *host = shared->bound->host;
    model_free(shared->model);
    host->free(host, shared);
}

/* `check --connect`: the model can be read. */
static int
fraud_probe(const struct tide_host *host, void *bound, struct tide_error *err)
{
    struct model *model = NULL;
    int rc = model_open(bound, &model, err);
    (void)host;
    model_free(model);
    return rc;
}

static int
fraud_task_open(void *shared_, const struct tide_task_info *info, void **out_self,
                struct tide_error *err)
{
    const struct shared *shared = shared_;
    const struct tide_host *host = shared->bound->host;
    struct scorer *self = host->alloc(host, sizeof(*self));
    if (self == NULL) {
        return error_text(err, TIDE_ERR_NOMEM, "out of memory");
    }
    *self = (struct scorer){.bound = shared->bound, .model = shared->model, .task = info->task};
    *out_self = self;
    return 0;
}

static void
fraud_task_close(void *self_)
{
    struct scorer *self = self_;
    self->bound->host->free(self->bound->host, self);
}

/* ---- rows ---- */

static double
amount_of(const struct bound *bound, const uint8_t *row)
{
    const uint32_t column = bound->columns[AMOUNT];
    const uint8_t id = bound->schema->fields[column].type.id;
    return id == TIDE_TYPE_DOUBLE || id == TIDE_TYPE_FLOAT
               ? tide_row_f64(bound->schema, row, column)
               : (double)tide_row_i64(bound->schema, row, column);
}

static void
text_of(const struct bound *bound, const struct tide_batch *in, const uint8_t *row,
        enum column column, const char **out_text, uint32_t *out_len)
{
    const uint32_t field = bound->columns[column];
    *out_text = NULL;
    if (!tide_row_is_null(row, field)) {
        const struct tide_bytes bytes = tide_row_bytes(bound->schema, in, row, field);
        *out_text = bytes.p;
        *out_len = bytes.n;
    }
}

static double
row_score(const struct scorer *self, const struct tide_batch *in, const uint8_t *row)
{
    const struct bound *bound = self->bound;
    const uint32_t time = bound->columns[EVENT_TIME];
    struct transaction tx = {.amount = amount_of(bound, row),
                             .has_event_time = !tide_row_is_null(row, time)};
    if (tx.has_event_time) {
        tx.event_time_us = tide_row_i64(bound->schema, row, time);
    }
    text_of(bound, in, row, COUNTRY, &tx.country, &tx.country_len);
    text_of(bound, in, row, MERCHANT, &tx.merchant, &tx.merchant_len);
    return model_score(self->model, &tx);
}

static enum tide_reject
reject(const struct scorer *self, const struct tide_batch *in, uint32_t i, const char *error_class,
       const char *text)
{
    return self->bound->host->reject(self->task, in, i, error_class, text);
}

/* Writes row @i with @score (NaN: NULL). SKIP: done with it; BLOCKED: no room now. */
static enum tide_reject
row_write(const struct scorer *self, const struct tide_batch *in, uint32_t i,
          struct tide_writer *writer, double score)
{
    const uint32_t n = self->bound->schema->n;
    uint8_t *slot = tide_writer_row(writer);
    if (slot != NULL && self->bound->host->row_copy(self->task, writer, slot, in, i, n)) {
        if (isnan(score)) {
            tide_slot_set_null(slot, n);
        } else {
            tide_slot_set_f64(writer->schema, slot, n, score);
        }
        tide_writer_commit(writer);
        return TIDE_REJECT_SKIP;
    }
    if (writer->n > 0) {
        return TIDE_REJECT_BLOCKED;
    }
    /* It does not fit an empty writer either: no NULL could help. */
    const enum tide_reject fate =
        reject(self, in, i, "RECORD_TOO_LARGE", "the row and its score exceed maxRecordSize");
    return fate == TIDE_REJECT_SETNULL ? TIDE_REJECT_SKIP : fate;
}

static enum tide_reject
row_process(struct scorer *self, const struct tide_batch *in, uint32_t i,
            struct tide_writer *writer)
{
    const uint8_t *row = tide_batch_row(in, i);
    if (!tide_row_is_null(row, self->bound->columns[AMOUNT])) {
        return row_write(self, in, i, writer, row_score(self, in, row));
    }
    /* A row is rejected once, also when there is no room to write it with a NULL right away. */
    if (!self->nulled) {
        const enum tide_reject fate = reject(self, in, i, "FRAUD_MISSING_FIELD",
                                             "a transaction without an amount cannot be scored");
        if (fate != TIDE_REJECT_SETNULL) {
            return fate;
        }
        self->nulled = true;
    }
    const enum tide_reject fate = row_write(self, in, i, writer, NAN);
    self->nulled = fate == TIDE_REJECT_BLOCKED;
    return fate;
}

static enum tide_step
fraud_process(void *self_, uint32_t port, const struct tide_batch *in, uint32_t *out_consumed,
              struct tide_writer *const *out)
{
    struct scorer *self = self_;
    (void)port;
    for (uint32_t i = 0; i < in->n; i++) {
        *out_consumed = i;
        switch (row_process(self, in, i, out[0])) {
        case TIDE_REJECT_BLOCKED:
            return TIDE_STEP_BLOCKED;
        case TIDE_REJECT_FAIL:
            return TIDE_STEP_FAILED;
        default:
            break;
        }
    }
    *out_consumed = in->n;
    return TIDE_STEP_IDLE;
}

/* ---- what it is ---- */

static const struct tide_option options[] = {
    {
        .name = "model",
        .type = TIDE_OPTION_FILE,
        .flags = TIDE_OPTION_REQUIRED,
        .doc = "The tree ensemble: a JSON file as the example's README describes it.",
    },
    {
        .name = "column",
        .type = TIDE_OPTION_STRING,
        .fallback = "score",
        .doc = "The name of the column that gets the score.",
    },
    {.name = NULL},
};

static const struct tide_operator fraud_score = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_operator),
            .type = TIDE_KIND_OPERATOR,
            .name = "fraud_score",
            .doc = "Scores card transactions with a gradient-boosted tree ensemble.",
            .options = options,
            .bind = fraud_bind,
            .unbind = fraud_unbind,
            .open = fraud_open,
            .close = fraud_close,
            .task_open = fraud_task_open,
            .task_close = fraud_task_close,
            .probe = fraud_probe,
        },
    .process = fraud_process,
};

static const struct tide_kind *const kinds[] = {&fraud_score.k};

static const struct tide_plugin plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(plugin),
    .name = "fraud_score",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = 1,
    .kinds = kinds,
};

__attribute__((visibility("default"))) tide_plugin_entry_fn tide_plugin_entry;

const struct tide_plugin *
tide_plugin_entry(const struct tide_host *host)
{
    return host->abi == TIDE_ABI_VERSION ? &plugin : NULL;
}
