/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_letter: the last step of rejected records, in front of the sink that keeps them.
 *
 * Form `columns` passes all columns on. Form `kafka` makes a record of them: key and value as they
 * came, the original headers, and behind those a header for every other column that is not NULL,
 * named like it, as text (times in ISO 8601, UTC).
 *
 * A flood of dead letters is an outage: more than `limit` a second end the pipeline.
 *
 * Threads: bind, open, task_open on a control thread; process on the task's worker.
 */
#include <stdio.h>

#include <tidemark/plugin.h>

#include "flood.h"
#include "list.h"
#include "shared.h"
#include "value.h"

/* Columns of the Kafka form. */
enum kafka_column { KAFKA_KEY, KAFKA_VALUE, KAFKA_HEADERS, KAFKA_COLUMNS };

#define TEXT_MAX 64u

/* STRUCT<key: STRING, value: BINARY>: null words, two references. */
struct header_cell {
    uint64_t nulls;
    struct tide_ref key, value;
};
_Static_assert(sizeof(struct header_cell) == 24, "laid out as <tidemark/row.h> says");

struct dead_letter_bound {
    const struct tide_host *host;
    const struct tide_schema *schema;
    struct tide_field kafka[KAFKA_COLUMNS]; /* also where they lie in the input: `from` */
    uint32_t from[KAFKA_COLUMNS];
    bool to_kafka;
    double limit;
};

struct dead_letter {
    const struct tide_host *host;
    struct tide_task *task;
    const struct dead_letter_bound *bound;
    struct tide_op_flood flood;
};

/* ---- binding ---- */

static bool
is_headers(const struct tide_type *type)
{
    const struct tide_type *header = type->id == TIDE_TYPE_ARRAY ? &type->children[0].type : NULL;
    return header != NULL && header->id == TIDE_TYPE_STRUCT && header->n_children == 2 &&
           header->children[0].type.id == TIDE_TYPE_STRING &&
           header->children[1].type.id == TIDE_TYPE_BINARY;
}

static int
find_columns(const struct tide_bind *in, struct dead_letter_bound *bound, struct tide_error *err)
{
    static const char *const names[KAFKA_COLUMNS] = {"key", "value", "headers"};
    const struct tide_schema *schema = bound->schema;
    for (uint32_t k = 0; k < KAFKA_COLUMNS; k++) {
        uint32_t f = 0;
        while (f < schema->n && strcmp(schema->fields[f].name, names[k]) != 0) {
            f++;
        }
        bool fits =
            f < schema->n && (k == KAFKA_HEADERS ? is_headers(&schema->fields[f].type)
                                                 : schema->fields[f].type.id == TIDE_TYPE_BINARY);
        if (!fits) {
            return in->host->option_error(in->options, "form", 0, -1, err,
                                          "kafka needs a column %s as a dead letter has it",
                                          names[k]);
        }
        bound->from[k] = f;
        bound->kafka[k] = schema->fields[f];
    }
    return 0;
}

static void
dead_letter_unbind(void *bound_)
{
    struct dead_letter_bound *bound = bound_;
    bound->host->free(bound->host, bound);
}

static int
dead_letter_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
                 struct tide_error *err)
{
    void *block;
    int rc = tide_op_alloc(in->host, sizeof(struct dead_letter_bound), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct dead_letter_bound *bound = block;
    *bound = (struct dead_letter_bound){
        .host = in->host,
        .schema = in->inputs[0],
        .to_kafka = strcmp(in->host->option_str(in->options, "form"), "kafka") == 0,
        .limit = in->host->option_f64(in->options, "limit"),
    };
    rc = bound->to_kafka ? find_columns(in, bound, err) : 0;
    if (rc != 0) {
        dead_letter_unbind(bound);
        return rc;
    }
    out_traits->n_outputs = 1;
    out_traits->fields[0] = bound->to_kafka ? bound->kafka : bound->schema->fields;
    out_traits->n_fields[0] = bound->to_kafka ? KAFKA_COLUMNS : bound->schema->n;
    out_traits->deterministic = true;
    out_traits->keeps_order = true;
    *out_bound = bound;
    return 0;
}

/* ---- a task ---- */

static int
dead_letter_task_open(void *shared_, const struct tide_task_info *info, void **out_self,
                      struct tide_error *err)
{
    const struct tide_op_shared *shared = shared_;
    void *block;
    int rc = tide_op_alloc(shared->host, sizeof(struct dead_letter), &block, err);
    if (rc == 0) {
        struct dead_letter *self = block;
        self->host = shared->host;
        self->task = info->task;
        self->bound = shared->bound;
        tide_op_flood_init(&self->flood, self->bound->limit);
        *out_self = self;
    }
    return rc;
}

static void
dead_letter_task_close(void *self_)
{
    struct dead_letter *self = self_;
    self->host->free(self->host, self);
}

/* ---- the Kafka form ---- */

/* Copies bytes into the heap; false: the writer is full. */
static bool
put_bytes(struct tide_writer *writer, struct tide_bytes bytes, struct tide_ref *out)
{
    uint32_t at;
    uint8_t *p = tide_writer_heap(writer, bytes.n, 1, &at);
    if (p == NULL) {
        return false;
    }
    if (bytes.n > 0) {
        memcpy(p, bytes.p, bytes.n);
    }
    *out = (struct tide_ref){at, bytes.n};
    return true;
}

/* Puts a header into the heap and its reference to @element_at; p == NULL: a NULL. */
static bool
put_header(struct tide_writer *writer, uint32_t element_at, struct tide_bytes key,
           struct tide_bytes value)
{
    struct header_cell cell = {.nulls = (key.p == NULL ? 1u : 0u) | (value.p == NULL ? 2u : 0u)};
    struct tide_ref ref = {.n = sizeof(cell)};
    if (tide_writer_heap(writer, sizeof(cell), 16, &ref.at) == NULL ||
        (key.p != NULL && !put_bytes(writer, key, &cell.key)) ||
        (value.p != NULL && !put_bytes(writer, value, &cell.value))) {
        return false;
    }
    /* The heap may have moved: only now take its address. */
    memcpy(writer->heap + ref.at, &cell, sizeof(cell));
    memcpy(writer->heap + element_at, &ref, sizeof(ref));
    return true;
}

/* An original header, element @i of @headers. */
static bool
put_original(struct tide_writer *writer, uint32_t element_at,
             const struct tide_op_sequence *headers, uint32_t i)
{
    struct tide_ref ref;
    struct header_cell cell = {.nulls = 3};
    if (!tide_op_sequence_null(headers, i)) {
        memcpy(&ref, headers->values + (size_t)i * headers->value_width, sizeof(ref));
        memcpy(&cell, headers->heap + ref.at, sizeof(cell));
    }
    const uint8_t *key = (cell.nulls & 1) != 0 ? NULL : headers->heap + cell.key.at;
    const uint8_t *value = (cell.nulls & 2) != 0 ? NULL : headers->heap + cell.value.at;
    return put_header(writer, element_at, (struct tide_bytes){key, cell.key.n},
                      (struct tide_bytes){value, cell.value.n});
}

/* "2024-01-31 23:59:59.5" to "2024-01-31T23:59:59.5Z". */
static uint32_t
to_iso(char text[TEXT_MAX], uint32_t n)
{
    char *blank = memchr(text, ' ', n);
    if (blank != NULL) {
        *blank = 'T';
    }
    text[n] = 'Z';
    return n + 1;
}

/* The text of a value that is not NULL. */
static struct tide_bytes
text_of(const struct tide_host *host, const struct tide_op_value *value, char text[TEXT_MAX])
{
    if (value->vec.type->id == TIDE_TYPE_STRING || value->vec.type->id == TIDE_TYPE_BINARY) {
        return value->value.bytes;
    }
    uint32_t n = host->value_text(&value->vec, 0, text, TEXT_MAX - 1);
    n = n < TEXT_MAX - 1 ? n : TEXT_MAX - 1;
    n = value->vec.type->id == TIDE_TYPE_TIMESTAMP ? to_iso(text, n) : n;
    return (struct tide_bytes){text, n};
}

/* Whether column @f becomes a header of its own. */
static bool
is_header_column(const struct dead_letter_bound *bound, const uint8_t *row, uint32_t f)
{
    bool own = f == bound->from[KAFKA_KEY] || f == bound->from[KAFKA_VALUE] ||
               f == bound->from[KAFKA_HEADERS];
    return !own && !tide_row_is_null(row, f);
}

/* The region of an array of @count headers, all NULL: where its elements begin, or false. */
static bool
begin_headers(struct tide_writer *writer, uint8_t *slot, uint32_t count, uint32_t *out_elements_at)
{
    uint32_t elements_at = 16 + (count + 63) / 64 * 8;
    struct tide_ref ref = {.n = elements_at + count * (uint32_t)sizeof(ref)};
    uint64_t head[2] = {count, 0};
    uint8_t *p = tide_writer_heap(writer, ref.n, 16, &ref.at);
    if (p == NULL) {
        return false;
    }
    memset(p, 0, ref.n);
    memcpy(p, head, sizeof(head));
    tide_slot_set_ref(writer->schema, slot, KAFKA_HEADERS, ref);
    *out_elements_at = ref.at + elements_at;
    return true;
}

static bool
write_headers(struct dead_letter *self, struct tide_writer *writer, uint8_t *slot,
              const struct tide_batch *in, const uint8_t *row)
{
    const struct dead_letter_bound *bound = self->bound;
    const struct tide_schema *schema = bound->schema;
    struct tide_op_sequence original = {0};
    struct tide_op_value value;
    char text[TEXT_MAX];
    uint32_t at;
    tide_op_value_row(&value, schema, in, row, bound->from[KAFKA_HEADERS]);
    if (!value.null) {
        tide_op_sequence_of(value.vec.type, value.value.nested, &original);
    }
    uint32_t count = original.count;
    for (uint32_t f = 0; f < schema->n; f++) {
        count += is_header_column(bound, row, f);
    }
    if (!begin_headers(writer, slot, count, &at)) {
        return false;
    }
    for (uint32_t i = 0; i < original.count; i++, at += 8) {
        if (!put_original(writer, at, &original, i)) {
            return false;
        }
    }
    for (uint32_t f = 0; f < schema->n; f++) {
        const char *name = schema->fields[f].name;
        if (!is_header_column(bound, row, f)) {
            continue;
        }
        tide_op_value_row(&value, schema, in, row, f);
        if (!put_header(writer, at, (struct tide_bytes){name, (uint32_t)strlen(name)},
                        text_of(self->host, &value, text))) {
            return false;
        }
        at += 8;
    }
    return true;
}

/* ---- rows ---- */

/* False: the writer is full. */
static bool
write_row(struct dead_letter *self, struct tide_writer *writer, const struct tide_batch *in,
          uint32_t i)
{
    const struct dead_letter_bound *bound = self->bound;
    const uint8_t *row = tide_batch_row(in, i);
    struct tide_op_value value;
    uint8_t *slot = tide_writer_row(writer);
    bool fits = slot != NULL;
    if (fits && !bound->to_kafka) {
        fits = self->host->row_copy(self->task, writer, slot, in, i, bound->schema->n);
    } else if (fits) {
        fits = self->host->row_inherit(self->task, writer, slot, in, i, 0);
        for (uint32_t k = 0; k < KAFKA_HEADERS && fits; k++) {
            tide_op_value_row(&value, bound->schema, in, row, bound->from[k]);
            fits = self->host->value_copy(writer, slot, k, &value.vec, 0);
        }
        fits = fits && write_headers(self, writer, slot, in, row);
    }
    if (fits) {
        tide_writer_commit(writer);
    }
    return fits;
}

static bool
within_limit(struct dead_letter *self)
{
    if (tide_op_flood_may(&self->flood, self->host->now_mono(self->host))) {
        return true;
    }
    self->host->fail(self->task, TIDE_ERR_LIMIT,
                     "more than %g dead letters a second (deadLetter.limit): a flood is an outage; "
                     "fix the input or raise the limit",
                     self->bound->limit);
    return false;
}

static enum tide_step
dead_letter_process(void *self_, uint32_t port, const struct tide_batch *in, uint32_t *out_consumed,
                    struct tide_writer *const *out)
{
    struct dead_letter *self = self_;
    uint32_t n = tide_op_rows(in, out[0]);
    (void)port;
    *out_consumed = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!within_limit(self)) {
            return TIDE_STEP_FAILED;
        }
        if (!write_row(self, out[0], in, i)) {
            if (out[0]->n > 0) {
                return TIDE_STEP_BLOCKED;
            }
            self->host->fail(self->task, TIDE_ERR_LIMIT,
                             "a dead letter does not fit runtime.maxRecordSize");
            return TIDE_STEP_FAILED;
        }
        tide_op_flood_count(&self->flood);
        *out_consumed = i + 1;
    }
    return n > 0 || in->n == 0 ? tide_op_taken(in, n) : TIDE_STEP_BLOCKED;
}

static const struct tide_option dead_letter_options[] = {
    {.name = "limit",
     .type = TIDE_OPTION_DOUBLE,
     .fallback = "0",
     .doc = "dead letters a second above which the pipeline ends; 0: no limit"},
    {.name = "form",
     .type = TIDE_OPTION_ENUM,
     .fallback = "columns",
     .choices = "kafka|columns",
     .doc = "columns as they are, or key, value and headers of a Kafka record"},
    {0},
};

const struct tide_operator tide_op_dead_letter = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_operator),
            .type = TIDE_KIND_OPERATOR,
            .name = "dead_letter",
            .doc = "gives rejected records the form of their sink, and ends a flood of them",
            .options = dead_letter_options,
            .bind = dead_letter_bind,
            .unbind = dead_letter_unbind,
            .open = tide_op_open,
            .close = tide_op_close,
            .task_open = dead_letter_task_open,
            .task_close = dead_letter_task_close,
        },
    .process = dead_letter_process,
};
