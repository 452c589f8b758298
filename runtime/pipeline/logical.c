/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logical plan: see logical.h. Steps are lowered in lower.c.
 *
 * Thread: a control thread.
 */
#include "pipeline/logical.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"
#include "data/type.h"

/* ---- binding ---- */

static struct tide_logical_node *
node_add(struct tide_logical *logical, const struct tide_node *place)
{
    if (logical->n == TIDE_LIMIT_NODES) {
        tide_diags_error(logical->diags, place, "the pipeline has more than %u steps",
                         TIDE_LIMIT_NODES);
        return NULL;
    }
    struct tide_logical_node *node = &logical->nodes[logical->n];
    *node = (struct tide_logical_node){
        .place = place, .input = -1, .parallelism = TIDE_UNSET, .core = TIDE_AUTO};
    return node;
}

static void
lowered_report(void *ctx, const struct tide_option_finding *finding)
{
    const struct tide_lowered *lowered = ((void **)ctx)[0];
    struct tide_diags *diags = ((void **)ctx)[1];
    const struct tide_lowered_list *list = finding->given != NULL ? finding->given->place : NULL;
    const struct tide_item *from = NULL;
    struct tide_error err = {.code = finding->code, .at = -1};
    snprintf(err.text, sizeof(err.text), "%s", finding->text);
    if (list != NULL && list->n > 0) {
        uint32_t item =
            finding->item >= 0 && (uint32_t)finding->item < list->n ? (uint32_t)finding->item : 0;
        from = list->from[item].node != NULL ? &list->from[item] : NULL;
    }
    if (from == NULL) {
        tide_diags_error_at(diags, lowered->place, -1, &err);
    } else {
        tide_diags_error_at(diags, from->node, finding->at >= 0 ? from->at + finding->at : -1,
                            &err);
    }
}

/* The error of a bind goes to the option it blamed, or to the node. */
static void
say_bind(struct tide_logical *logical, const struct tide_logical_node *node,
         const struct tide_lowered *lowered, const struct tide_error *err)
{
    struct tide_option_finding finding;
    void *ctx[] = {(void *)(uintptr_t)lowered, logical->diags};
    if (node->options == NULL || !tide_options_blamed(node->options, &finding)) {
        tide_diags_error_at(logical->diags, node->place, -1, err);
        return;
    }
    finding.text = err->text;
    finding.code = err->code;
    if (lowered != NULL && lowered->settings == NULL) {
        lowered_report(ctx, &finding);
    } else {
        struct tide_settings_report report = {logical->diags, node->place};
        tide_settings_report(&report, &finding);
    }
}

static int
make_options(struct tide_logical *logical, struct tide_logical_node *node,
             const struct tide_lowered *lowered, const struct tide_settings *settings)
{
    char owner[160];
    void *ctx[] = {(void *)(uintptr_t)lowered, logical->diags};
    struct tide_settings_report report = {logical->diags, node->place};
    const struct tide_kind *kind = node->entry->kind;
    snprintf(owner, sizeof(owner), "%s '%s'", tide_kind_type_name(kind->type), kind->name);
    struct tide_options_config config = {
        .seam = logical->seam,
        .owner = owner,
        .table = kind->options,
        .given = settings != NULL ? settings->items : lowered->given,
        .n_given = settings != NULL ? settings->count : lowered->n_given,
        .folder = node->entry->folder,
        .report = settings != NULL ? tide_settings_report : lowered_report,
        .report_ctx = settings != NULL ? (void *)&report : (void *)ctx,
    };
    struct tide_error err;
    return tide_options_create(&config, &node->options, &err);
}

static uint32_t
hidden_fields(const struct tide_schema *schema, struct tide_field *out)
{
    for (uint32_t h = 0; h < schema->n_hidden; h++) {
        out[h] = schema->fields[schema->n + h];
    }
    return schema->n_hidden;
}

/* Schemas of the outputs: what bind said, and the hidden columns behind it. */
static int
make_outputs(struct tide_logical *logical, struct tide_logical_node *node,
             const struct tide_field *hidden, uint32_t n_hidden)
{
    struct tide_field fields[TIDE_LIMIT_COLUMNS + TIDE_HIDDEN_MAX];
    struct tide_error err;
    TIDE_ASSERT(node->traits.n_outputs <= TIDE_PORTS_MAX);
    for (uint32_t k = 0; k < node->traits.n_outputs; k++) {
        uint32_t n = node->traits.n_fields[k];
        if (n > TIDE_LIMIT_COLUMNS) {
            tide_diags_error(logical->diags, node->place, "more than %u columns",
                             TIDE_LIMIT_COLUMNS);
            return TIDE_ERR_LIMIT;
        }
        if (n > 0) {
            memcpy(fields, node->traits.fields[k], n * sizeof(fields[0]));
        }
        if (n_hidden > 0) {
            memcpy(fields + n, hidden, n_hidden * sizeof(fields[0]));
        }
        int rc = tide_schema_make(logical->schemas, fields, n, n_hidden, &node->out[k], &err);
        if (rc != 0) {
            tide_diags_error_at(logical->diags, node->place, -1, &err);
            return rc;
        }
    }
    return 0;
}

static int
bind_node(struct tide_logical *logical, struct tide_logical_node *node,
          const struct tide_lowered *lowered, const struct tide_settings *settings,
          uint32_t output_mode)
{
    if (make_options(logical, node, lowered, settings) != 0) {
        return TIDE_ERR_INVALID;
    }
    struct tide_bind bind = {
        .abi = TIDE_ABI_VERSION,
        .size = sizeof(bind),
        .host = logical->host,
        .options = node->options,
        .n_inputs = node->in != NULL ? 1 : 0,
        .inputs = &node->in,
        .expr = &logical->expr,
        .id = node->id,
        .id_hash = node->id_hash,
        .output_mode = output_mode,
        .max_record = (uint32_t)logical->pipeline->runtime.record_bytes_max,
        .keep_original = logical->pipeline->dead_letter.node != NULL,
    };
    struct tide_error err = {.at = -1};
    node->traits = (struct tide_traits){.abi = TIDE_ABI_VERSION, .size = sizeof(node->traits)};
    int rc = node->entry->kind->bind(&bind, &node->bound, &node->traits, &err);
    if (rc != 0) {
        err.code = rc;
        say_bind(logical, node, lowered, &err);
    }
    return rc;
}

static int
find_kind(struct tide_logical *logical, struct tide_logical_node *node, uint32_t type,
          const char *name, const struct tide_node *place)
{
    struct tide_error err = {.at = -1};
    int rc = tide_registry_get(logical->registry, type, name, &node->entry, &err);
    if (rc != 0) {
        tide_diags_error_at(logical->diags, place, -1, &err);
    }
    return rc;
}

static void
drop_node(struct tide_logical_node *node)
{
    if (node->bound != NULL && node->entry->kind->unbind != NULL) {
        node->entry->kind->unbind(node->bound);
    }
    tide_options_destroy(node->options);
    node->bound = NULL;
    node->options = NULL;
}

int32_t
tide_logical_operator(struct tide_logical *logical, const struct tide_lowered *lowered,
                      int32_t input, uint32_t port)
{
    struct tide_field hidden[TIDE_HIDDEN_MAX];
    struct tide_logical_node *node = node_add(logical, lowered->place);
    if (node == NULL) {
        return -1;
    }
    node->id = lowered->id;
    node->id_hash = tide_hash64(lowered->id, strlen(lowered->id), 0);
    node->verb = lowered->verb;
    node->input = input;
    node->input_port = port;
    node->in = logical->nodes[input].out[port];
    node->on_error = lowered->on_error;
    node->parallelism = lowered->parallelism;
    node->core = lowered->core;
    if (find_kind(logical, node, TIDE_KIND_OPERATOR, lowered->kind, lowered->place) != 0) {
        return -1;
    }
    int rc = bind_node(logical, node, lowered, lowered->settings, TIDE_OUTPUT_UPDATE);
    uint32_t n_hidden = node->traits.keyed ? 0 : hidden_fields(node->in, hidden);
    rc = rc != 0 ? rc : make_outputs(logical, node, hidden, n_hidden);
    if (rc != 0) {
        drop_node(node);
        return -1;
    }
    logical->nodes[input].n_readers += port == 0;
    return (int32_t)logical->n++;
}

/* ---- sources ---- */

/* What of the original record a source has: columns by Kafka's names. */
static uint32_t
source_hidden(const struct tide_logical *logical, struct tide_logical_node *node,
              struct tide_field *out)
{
    static const char *const names[TIDE_HIDDEN_MAX] = {"key", "value", "headers", "timestamp"};
    static const char *const hidden[TIDE_HIDDEN_MAX] = {"__key", "__value", "__headers",
                                                        "__timestamp"};
    uint32_t n = 0;
    for (uint32_t e = 0; e < node->traits.n_original && n < TIDE_HIDDEN_MAX; e++) {
        const struct tide_field *field = &node->traits.fields[0][node->traits.n_fields[0] + e];
        for (uint32_t k = 0; k < TIDE_HIDDEN_MAX; k++) {
            if (strcmp(field->name, names[k]) == 0) {
                node->hidden[n] = UINT32_MAX;
                out[n] = *field;
                out[n++].name = hidden[k];
            }
        }
    }
    for (uint32_t k = 0; logical->pipeline->dead_letter.node != NULL && k < TIDE_HIDDEN_MAX; k++) {
        int32_t f = tide_fields_find(node->traits.fields[0], node->traits.n_fields[0], names[k],
                                     strlen(names[k]), true);
        bool fits = f >= 0;
        if (fits && k < 2) {
            uint8_t id = node->traits.fields[0][f].type.id;
            fits = id == TIDE_TYPE_BINARY || id == TIDE_TYPE_STRING;
        } else if (fits && k == 3) {
            fits = node->traits.fields[0][f].type.id == TIDE_TYPE_TIMESTAMP;
        }
        if (fits) {
            node->hidden[n] = (uint32_t)f;
            out[n] = node->traits.fields[0][f];
            if (k < 2) {
                out[n].type.id =
                    TIDE_TYPE_BINARY; /* the same bytes; dead letters keep them as they came */
            }
            out[n].nullable = true;
            out[n++].name = hidden[k];
        }
    }
    return n;
}

static int32_t
add_source(struct tide_logical *logical, const struct tide_source_def *def)
{
    struct tide_field hidden[TIDE_HIDDEN_MAX];
    struct tide_logical_node *node = node_add(logical, def->node);
    const struct tide_node *place = def->format_node != NULL ? def->format_node : def->node;
    if (node == NULL || find_kind(logical, node, TIDE_KIND_SOURCE, def->format, place) != 0) {
        return -1;
    }
    node->id = def->id;
    node->id_hash = tide_hash64(def->id, strlen(def->id), 0);
    node->verb = def->format;
    node->source = def;
    node->parallelism = def->parallelism;
    node->on_error = logical->pipeline->dead_letter.node != NULL ? TIDE_ON_ERROR_DEAD_LETTER
                                                                 : TIDE_ON_ERROR_FAIL;
    int rc = bind_node(logical, node, NULL, &def->options, TIDE_OUTPUT_APPEND);
    uint32_t n_hidden = rc == 0 ? source_hidden(logical, node, hidden) : 0;
    rc = rc != 0 ? rc : make_outputs(logical, node, hidden, n_hidden);
    if (rc != 0) {
        drop_node(node);
        return -1;
    }
    return (int32_t)logical->n++;
}

/* ---- streams ---- */

static int32_t add_stream(struct tide_logical *logical, uint32_t index);

/* The node and output that @from reads; -1 after a finding. */
static int32_t
resolve(struct tide_logical *logical, const struct tide_from *from, uint32_t *out_port)
{
    *out_port = 0;
    if (from->kind == TIDE_FROM_SOURCE) {
        return logical->source_node[from->index];
    }
    if (from->kind == TIDE_FROM_STREAM) {
        return add_stream(logical, from->index);
    }
    int32_t end = from->kind == TIDE_FROM_OUTPUT ? add_stream(logical, from->index) : -1;
    for (uint32_t k = 1; end >= 0 && k < logical->nodes[end].traits.n_outputs; k++) {
        const char *name = logical->nodes[end].traits.output_names[k];
        if (name != NULL && strcmp(name, from->output) == 0) {
            *out_port = k;
            return end;
        }
    }
    if (end >= 0) {
        tide_diags_error(logical->diags, from->node, "stream %s has no output named %s",
                         logical->pipeline->streams[from->index].name, from->output);
    }
    return -1;
}

static int32_t
add_steps(struct tide_logical *logical, const struct tide_steps *steps, const char *stream,
          int32_t input, uint32_t port)
{
    for (uint32_t i = 0; i < steps->count && input >= 0; i++) {
        input = tide_lower_step(logical, &steps->items[i], stream, i + 1, input, port);
        port = 0;
    }
    return input;
}

/* Streams are built when first read; the format has refused cycles. */
static int32_t
add_stream(struct tide_logical *logical, uint32_t index)
{
    if (logical->stream_end[index] != -2) {
        return logical->stream_end[index];
    }
    const struct tide_stream_def *def = &logical->pipeline->streams[index];
    uint32_t port;
    logical->stream_end[index] = -1;
    if (def->query.text != NULL || def->union_with.node != NULL) {
        tide_diags_unsupported(logical->diags, def->node, "query: and union: of a stream");
        return -1;
    }
    int32_t input = resolve(logical, &def->from, &port);
    if (input >= 0 && port > 0 && def->steps.count == 0) {
        tide_diags_unsupported(logical->diags, def->node,
                               "a stream that only renames a side output");
        return -1;
    }
    logical->stream_end[index] =
        input < 0 ? -1 : add_steps(logical, &def->steps, def->name, input, port);
    return logical->stream_end[index];
}

/* ---- sinks ---- */

static bool
has_option(const struct tide_kind *kind, const char *name)
{
    for (const struct tide_option *o = kind->options; o != NULL && o->name != NULL; o++) {
        if (strcasecmp(o->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* retry: as options of the connector. */
static uint32_t
retry_settings(struct tide_logical *logical, const struct tide_logical_node *node,
               const struct tide_retry_def *retry, struct tide_given *items, uint32_t n)
{
    const struct {
        const char *name;
        int64_t value; /* a number, then milliseconds */
    } options[] = {{"retry.max", retry->max},
                   {"retry.backoff", retry->backoff_ns / 1000000},
                   {"retry.maxBackoff", retry->backoff_max_ns / 1000000}};
    char text[32];
    for (uint32_t i = 0; i < 3; i++) {
        int len =
            snprintf(text, sizeof(text), i == 0 ? "%lld" : "%lldms", (long long)options[i].value);
        items[n++] =
            (struct tide_given){.name = options[i].name,
                                .value = tide_type_arena_text(logical->arena, text, (size_t)len),
                                .place = node->place};
    }
    return n;
}

/* Keys of a sink that its connector carries out travel as options of it. */
static int
sink_settings(struct tide_logical *logical, const struct tide_logical_node *node,
              const struct tide_settings *own, enum tide_record_id record_id,
              const struct tide_retry_def *retry, struct tide_settings *out)
{
    static const char *const forms[] = {"none", "header", "column"};
    struct tide_given *items =
        tide_type_arena_alloc(logical->arena, (own->count + 5u) * sizeof(*items));
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    uint32_t n = own->count;
    if (n > 0) {
        memcpy(items, own->items, n * sizeof(*items));
    }
    if (record_id != TIDE_RECORD_ID_NONE) {
        if (!has_option(node->entry->kind, "recordId")) {
            tide_diags_unsupported(logical->diags, node->place, "recordId of a %s sink",
                                   node->entry->kind->name);
            return TIDE_ERR_UNSUPPORTED;
        }
        items[n++] = (struct tide_given){
            .name = "recordId", .value = forms[record_id], .place = node->place};
    }
    if (has_option(node->entry->kind, "retry.max")) {
        n = retry_settings(logical, node, retry, items, n);
    }
    *out = (struct tide_settings){items, n};
    return 0;
}

static bool
aggregated(const struct tide_logical *logical, int32_t node)
{
    for (; node >= 0; node = logical->nodes[node].input) {
        if (logical->nodes[node].traits.keyed) {
            return true;
        }
    }
    return false;
}

/* Spark's rules for output modes, as far as this version has the modes. */
static int
check_mode(struct tide_logical *logical, const struct tide_sink_def *def, int32_t input)
{
    const struct tide_node *place =
        def->output_mode_node != NULL ? def->output_mode_node : def->node;
    if (aggregated(logical, input)) {
        if (def->output_mode == TIDE_OUTPUT_APPEND) {
            tide_diags_error(
                logical->diags, place,
                "outputMode append needs a watermark behind an aggregation; use update");
            return TIDE_ERR_INVALID;
        }
        if (def->output_mode == TIDE_OUTPUT_COMPLETE) {
            tide_diags_unsupported(logical->diags, place, "outputMode complete; use update");
            return TIDE_ERR_UNSUPPORTED;
        }
    } else if (def->output_mode == TIDE_OUTPUT_COMPLETE) {
        tide_diags_error(logical->diags, place,
                         "outputMode complete is for aggregations; this stream has none");
        return TIDE_ERR_INVALID;
    }
    if (def->every_ns > 0 && def->output_mode == TIDE_OUTPUT_UPDATE) {
        tide_diags_unsupported(logical->diags, place, "every: with outputMode update");
        return TIDE_ERR_UNSUPPORTED;
    }
    return 0;
}

static int
bind_sink(struct tide_logical *logical, struct tide_logical_node *node,
          const struct tide_sink_def *def)
{
    struct tide_settings settings;
    int rc = sink_settings(logical, node, &def->options, def->record_id, &def->retry, &settings);
    rc = rc != 0 ? rc : bind_node(logical, node, NULL, &settings, (uint32_t)def->output_mode);
    if (rc == 0 && node->traits.output_modes != 0 &&
        (node->traits.output_modes & (uint32_t)def->output_mode) == 0) {
        tide_diags_error(logical->diags, node->place, "a %s sink does not take this outputMode",
                         def->format);
        rc = TIDE_ERR_INVALID;
    }
    return rc;
}

static void
add_sink(struct tide_logical *logical, const struct tide_sink_def *def)
{
    uint32_t port;
    int32_t input = resolve(logical, &def->from, &port);
    bool side = port > 0 && def->steps.count == 0;
    input = input < 0 ? -1 : add_steps(logical, &def->steps, def->name, input, port);
    struct tide_logical_node *node = node_add(logical, def->node);
    const struct tide_node *place = def->format_node != NULL ? def->format_node : def->node;
    if (node == NULL || find_kind(logical, node, TIDE_KIND_SINK, def->format, place) != 0 ||
        input < 0 || check_mode(logical, def, input) != 0) {
        return;
    }
    node->id = def->id;
    node->id_hash = tide_hash64(def->id, strlen(def->id), 0);
    node->verb = def->format;
    node->sink = def;
    node->input = input;
    node->input_port = side ? port : 0;
    node->in = logical->nodes[input].out[node->input_port];
    node->on_error = def->on_error;
    if (bind_sink(logical, node, def) != 0) {
        drop_node(node);
        return;
    }
    logical->nodes[input].n_readers += node->input_port == 0;
    logical->n++;
}

/* ---- dead letters ---- */

/* The columns of shared/pipelines: the order is known to task/reject.c. */
#define DEAD_LETTER_DDL                                                                           \
    "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, " \
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>, pipeline STRING, step STRING, "           \
    "error_class STRING, error STRING, epoch BIGINT, failed_at TIMESTAMP"

static int32_t
dead_letter_operator(struct tide_logical *logical, const struct tide_dead_letter_def *def)
{
    char limit[64];
    struct tide_logical_node *node = node_add(logical, def->node);
    struct tide_lowered lowered = {
        .place = def->node, .kind = "dead_letter", .id = "dead_letter", .verb = "deadLetter"};
    if (node == NULL) {
        return -1;
    }
    snprintf(limit, sizeof(limit), "%.17g", def->limit > 0 ? def->limit : 0.0);
    lowered.given[0] = (struct tide_given){
        .name = "limit", .value = tide_type_arena_text(logical->arena, limit, strlen(limit))};
    lowered.given[1] = (struct tide_given){
        .name = "form", .value = strcasecmp(def->format, "kafka") == 0 ? "kafka" : "columns"};
    lowered.n_given = 2;
    node->id = "dead_letter";
    node->id_hash = tide_hash64(node->id, strlen(node->id), 0);
    node->verb = lowered.verb;
    node->in = logical->dead_letter_schema;
    node->dead_letter = true;
    if (find_kind(logical, node, TIDE_KIND_OPERATOR, lowered.kind, def->node) != 0 ||
        bind_node(logical, node, &lowered, NULL, TIDE_OUTPUT_APPEND) != 0 ||
        make_outputs(logical, node, NULL, 0) != 0) {
        drop_node(node);
        return -1;
    }
    return (int32_t)logical->n++;
}

static void
add_dead_letters(struct tide_logical *logical)
{
    const struct tide_dead_letter_def *def = &logical->pipeline->dead_letter;
    struct tide_error err = {.at = -1};
    struct tide_settings settings;
    if (def->node == NULL) {
        return;
    }
    if (tide_schema_parse(logical->schemas, DEAD_LETTER_DDL, &logical->dead_letter_schema, &err) !=
        0) {
        tide_diags_error_at(logical->diags, def->node, -1, &err);
        return;
    }
    int32_t input = dead_letter_operator(logical, def);
    struct tide_logical_node *node = input < 0 ? NULL : node_add(logical, def->node);
    const struct tide_node *place = def->format_node != NULL ? def->format_node : def->node;
    if (node == NULL || find_kind(logical, node, TIDE_KIND_SINK, def->format, place) != 0) {
        return;
    }
    node->id = def->id;
    node->id_hash = tide_hash64(def->id, strlen(def->id), 0);
    node->verb = def->format;
    node->input = input;
    node->in = logical->nodes[input].out[0];
    node->dead_letter = true;
    if (sink_settings(logical, node, &def->options, TIDE_RECORD_ID_NONE, &def->retry, &settings) !=
            0 ||
        bind_node(logical, node, NULL, &settings, TIDE_OUTPUT_APPEND) != 0) {
        drop_node(node);
        return;
    }
    logical->nodes[input].n_readers++;
    logical->n++;
}

/* ---- the whole ---- */

static bool
setting_true(const struct tide_settings *conf, const char *name)
{
    const struct tide_given *given = tide_settings_get(conf, name);
    return given != NULL && strcasecmp(given->value, "true") == 0;
}

static void
session(struct tide_logical *logical)
{
    const struct tide_settings *conf = &logical->pipeline->conf;
    const struct tide_given *zone = tide_settings_get(conf, "spark.sql.session.timeZone");
    logical->expr = (struct tide_expr_options){
        .abi = TIDE_ABI_VERSION,
        .size = sizeof(logical->expr),
        .ansi = setting_true(conf, "spark.sql.ansi.enabled"),
        .case_sensitive = setting_true(conf, "spark.sql.caseSensitive"),
        .time_zone = zone != NULL ? zone->value : "UTC",
        .start_wall_ns = tide_wall_ns(logical->seam),
    };
}

static int
allocate(struct tide_logical *logical)
{
    const struct tide_pipeline *pipeline = logical->pipeline;
    logical->arena = tide_alloc(logical->seam, sizeof(*logical->arena));
    if (logical->arena == NULL) {
        return TIDE_ERR_NOMEM;
    }
    tide_type_arena_init(logical->arena, logical->seam);
    logical->nodes =
        tide_type_arena_alloc(logical->arena, TIDE_LIMIT_NODES * sizeof(*logical->nodes));
    logical->stream_end = tide_type_arena_alloc(logical->arena, (pipeline->stream_count + 1u) *
                                                                    sizeof(*logical->stream_end));
    logical->source_node = tide_type_arena_alloc(logical->arena, (pipeline->source_count + 1u) *
                                                                     sizeof(*logical->source_node));
    if (logical->nodes == NULL || logical->stream_end == NULL || logical->source_node == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        logical->stream_end[i] = -2;
    }
    return 0;
}

static void
warn_derived_ids(struct tide_logical *logical)
{
    for (uint32_t i = 0; i < logical->n; i++) {
        const struct tide_logical_node *node = &logical->nodes[i];
        if (node->traits.stateful && tide_node_get(node->place, "id") == NULL) {
            tide_diags_warn(logical->diags, node->place,
                            "this step keeps state and has no id: its state is found by its place "
                            "(%s); give it an "
                            "id, so that steps may be inserted before it",
                            node->id);
        }
    }
}

static void
refuse_step_ttl(struct tide_logical *logical, const struct tide_steps *steps)
{
    for (uint32_t i = 0; i < steps->count; i++) {
        if (steps->items[i].ttl_ns != TIDE_NONE) {
            tide_diags_unsupported(logical->diags, steps->items[i].node, "ttl of state");
        }
    }
}

/* What the format takes and no part of this version carries out: said here, so that nothing is
 * silently left undone. */
static void
refuse_unbuilt(struct tide_logical *logical)
{
    const struct tide_pipeline *pipeline = logical->pipeline;
    const struct tide_node *root = pipeline->doc.root;
    for (uint32_t i = 0; i < pipeline->source_count; i++) {
        if (pipeline->sources[i].schema.kind != TIDE_SCHEMA_NONE) {
            tide_diags_error(logical->diags, pipeline->sources[i].node,
                             "a %s source has a fixed schema: leave schema: out",
                             pipeline->sources[i].format);
        }
    }
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        refuse_step_ttl(logical, &pipeline->streams[i].steps);
    }
    if (pipeline->latency.budget_ns > 0 && pipeline->latency.from != TIDE_LATENCY_INGEST) {
        tide_diags_unsupported(logical->diags, pipeline->latency.from_node,
                               "latency.from other than ingest");
    }
    if (pipeline->progress.file != NULL || pipeline->progress.topic != NULL) {
        const struct tide_node *place = tide_node_get(root, "progress");
        tide_diags_unsupported(logical->diags, place != NULL ? place : root,
                               "progress.file and progress.topic");
    }
    if (pipeline->epoch.retain != 2) {
        const struct tide_node *place = tide_node_get(root, "epoch");
        tide_diags_unsupported(logical->diags, place != NULL ? place : root,
                               "epoch.retain other than 2");
    }
}

static int
verdict(const struct tide_diags *diags)
{
    int rc = 0;
    for (uint32_t i = 0; i < diags->count; i++) {
        if (diags->items[i].severity == TIDE_DIAG_ERROR) {
            rc = rc == 0 || rc == diags->items[i].code ? diags->items[i].code : TIDE_ERR_INVALID;
        }
    }
    return rc == 0 && diags->errors > 0 ? TIDE_ERR_INVALID : rc;
}

int
tide_logical_build(const struct tide_logical_config *config, struct tide_logical **out_logical,
                   struct tide_diags *diags)
{
    const struct tide_pipeline *pipeline = config->pipeline;
    struct tide_logical *logical = tide_alloc(config->seam, sizeof(*logical));
    *out_logical = NULL;
    if (logical == NULL) {
        return TIDE_ERR_NOMEM;
    }
    logical->seam = config->seam;
    logical->pipeline = pipeline;
    logical->host = config->host;
    logical->schemas = config->schemas;
    logical->registry = config->registry;
    logical->diags = diags;
    session(logical);
    if (allocate(logical) != 0) {
        tide_logical_destroy(logical);
        return TIDE_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < pipeline->source_count; i++) {
        logical->source_node[i] = add_source(logical, &pipeline->sources[i]);
    }
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        add_stream(logical, i);
    }
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        add_sink(logical, &pipeline->sinks[i]);
    }
    add_dead_letters(logical);
    refuse_unbuilt(logical);
    warn_derived_ids(logical);
    tide_diags_sort(diags);
    int rc = verdict(diags);
    if (rc != 0) {
        tide_logical_destroy(logical);
        return rc;
    }
    *out_logical = logical;
    return 0;
}

void
tide_logical_destroy(struct tide_logical *logical)
{
    if (logical == NULL) {
        return;
    }
    for (uint32_t i = 0; i < logical->n; i++) {
        drop_node(&logical->nodes[i]);
    }
    if (logical->arena != NULL) {
        tide_type_arena_fini(logical->arena);
    }
    tide_free(logical->seam, logical->arena);
    tide_free(logical->seam, logical);
}
