/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules between keys. See format_check.h.
 *
 * The structs of a pipeline are constant to everybody else; this file and format_from.c are the
 * last to write into them, and so cast the const away.
 */
#include "pipeline/format_check.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"

#define SECOND_NS 1000000000

/* A name or id that must not occur twice, with its place. */
struct named {
    const char *name;
    const char *what;
    const struct tide_node *place;
};

struct names {
    struct tide_reader *reader;
    struct named *items;
    uint32_t count;
};

static const struct tide_node *
place_of(const struct tide_node *node)
{
    return node->key != NULL ? node->key : node;
}

static void
name_add(struct names *names, const char *name, const char *what, const struct tide_node *place)
{
    for (uint32_t i = 0; i < names->count; i++) {
        const struct named *other = &names->items[i];
        if (strcmp(other->name, name) != 0) {
            continue;
        }
        if (other->place->line > 0) {
            tide_diags_error(names->reader->diags, place,
                             "the %s '%s' is there already, as %s in line %u", what, name,
                             other->what, other->place->line);
        } else {
            tide_diags_error(names->reader->diags, place, "the %s '%s' is there already, as %s",
                             what, name, other->what);
        }
        return;
    }
    names->items[names->count++] = (struct named){name, what, place};
}

/* Names of sources, tables, streams and sinks: `from` and --set go by them. */
static int
names_check(struct tide_reader *reader, const struct tide_pipeline *pipeline)
{
    size_t total = pipeline->source_count + pipeline->table_count + pipeline->stream_count +
                   pipeline->sink_count;
    struct names names = {.reader = reader};
    names.items = tide_doc_alloc(reader->doc, (total + 1) * sizeof(*names.items));
    if (names.items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < pipeline->source_count; i++) {
        name_add(&names, pipeline->sources[i].name, "source", place_of(pipeline->sources[i].node));
    }
    for (uint32_t i = 0; i < pipeline->table_count; i++) {
        name_add(&names, pipeline->tables[i].name, "table", place_of(pipeline->tables[i].node));
    }
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        name_add(&names, pipeline->streams[i].name, "stream", place_of(pipeline->streams[i].node));
    }
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        name_add(&names, pipeline->sinks[i].name, "sink", place_of(pipeline->sinks[i].node));
    }
    return 0;
}

static const struct tide_node *
id_place(const struct tide_node *node)
{
    const struct tide_node *id = tide_node_get(node, "id");
    return id != NULL ? id : place_of(node);
}

static void
step_ids_add(struct names *names, const struct tide_steps *steps)
{
    for (uint32_t i = 0; i < steps->count; i++) {
        if (steps->items[i].id != NULL) {
            name_add(names, steps->items[i].id, "id", id_place(steps->items[i].node));
        }
    }
}

static size_t
steps_total(const struct tide_pipeline *pipeline)
{
    size_t total = 0;
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        total += pipeline->streams[i].steps.count + 1;
    }
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        total += pipeline->sinks[i].steps.count + 1;
    }
    return total;
}

/* Ids: the checkpoint keys offsets by those of sources, state by those of steps and queries, and
 * tokens by those of sinks. Each of the three is a space of its own. */
static int
ids_check(struct tide_reader *reader, const struct tide_pipeline *pipeline)
{
    size_t total = steps_total(pipeline) + pipeline->source_count + pipeline->table_count + 1;
    struct names names = {.reader = reader};
    names.items = tide_doc_alloc(reader->doc, (total + 1) * sizeof(*names.items));
    if (names.items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < pipeline->source_count; i++) {
        name_add(&names, pipeline->sources[i].id, "id", id_place(pipeline->sources[i].node));
    }
    for (uint32_t i = 0; i < pipeline->table_count; i++) {
        name_add(&names, pipeline->tables[i].id, "id", id_place(pipeline->tables[i].node));
    }
    names.count = 0;
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        step_ids_add(&names, &pipeline->streams[i].steps);
        if (pipeline->streams[i].query.node != NULL) {
            name_add(&names, pipeline->streams[i].id, "id", id_place(pipeline->streams[i].node));
        }
    }
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        step_ids_add(&names, &pipeline->sinks[i].steps);
    }
    names.count = 0;
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        name_add(&names, pipeline->sinks[i].id, "id", id_place(pipeline->sinks[i].node));
    }
    if (pipeline->dead_letter.node != NULL) {
        name_add(&names, pipeline->dead_letter.id, "id", id_place(pipeline->dead_letter.node));
    }
    return 0;
}

/* ---- connections ---- */

static const struct tide_node *
connection_find(struct tide_reader *reader, const struct tide_node *owner, const char *name)
{
    const char *names[TIDE_KEYS_MAX];
    uint32_t count = 0;
    const struct tide_node *blocks = tide_node_get(reader->doc->root, "connections");
    const struct tide_node *block = tide_node_get(blocks, name);
    if (block != NULL) {
        return block->kind == TIDE_NODE_MAP ? block : NULL;
    }
    const struct tide_node *child = blocks != NULL ? blocks->first : NULL;
    for (; child != NULL && count < TIDE_KEYS_MAX; child = child->next) {
        names[count++] = child->key != NULL ? child->key->text : NULL;
    }
    const char *near = tide_nearest(name, names, count);
    const struct tide_node *place = tide_node_get(owner, "connection");
    TIDE_ASSERT(place != NULL);
    tide_diags_error(reader->diags, place, "there is no connection '%s' in `connections`%s%s%s",
                     name, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                     near != NULL ? "'?" : "");
    return NULL;
}

/* The connection's options that @options do not give themselves, then @options. */
static int
connection_merge(struct tide_reader *reader, const struct tide_node *owner, const char *name,
                 struct tide_settings *options)
{
    struct tide_settings shared = {0};
    const struct tide_node *block = name == NULL ? NULL : connection_find(reader, owner, name);
    if (block == NULL) {
        return 0;
    }
    int rc = tide_settings_read(reader, block, &shared);
    if (rc != 0) {
        return rc;
    }
    size_t total = (size_t)shared.count + options->count + 1;
    struct tide_given *merged = tide_doc_alloc(reader->doc, total * sizeof(*merged));
    uint32_t count = 0;
    if (merged == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < shared.count; i++) {
        if (tide_settings_get(options, shared.items[i].name) == NULL) {
            merged[count++] = shared.items[i];
        }
    }
    for (uint32_t i = 0; i < options->count; i++) {
        merged[count++] = options->items[i];
    }
    options->items = merged;
    options->count = count;
    return 0;
}

/* ---- steps ---- */

static bool
written(const struct tide_node *node, const char *key)
{
    const struct tide_node *value = tide_node_get(node, key);
    return value != NULL && !tide_node_is_null(value);
}

/* A key that is given although it has no meaning beside the rest. */
static void
refuse_key(struct tide_reader *reader, const struct tide_node *node, const char *key,
           const char *why)
{
    if (written(node, key)) {
        tide_diags_error(reader->diags, tide_node_get(node, key)->key, "'%s' %s", key, why);
    }
}

static bool
keeps_state(const struct tide_step_def *step)
{
    const struct tide_key *row = tide_key_find(&tide_section_step, step->word);
    return row != NULL && (row->flags & TIDE_KEY_STATEFUL) != 0;
}

/* A plugin may keep state; what it does is known only when it is bound. */
static bool
may_keep_state(const struct tide_step_def *step)
{
    return keeps_state(step) || step->verb == TIDE_VERB_MAP || step->verb == TIDE_VERB_FLAT_MAP ||
           step->verb == TIDE_VERB_FILTER_PLUGIN || step->verb == TIDE_VERB_PROCESS;
}

static void
on_error_check(struct tide_reader *reader, const struct tide_pipeline *pipeline,
               const struct tide_node *node, enum tide_on_error *on_error)
{
    bool declared = pipeline->dead_letter.node != NULL;
    if (!written(node, "onError")) {
        *on_error = declared ? TIDE_ON_ERROR_DEAD_LETTER : TIDE_ON_ERROR_FAIL;
    } else if (*on_error == TIDE_ON_ERROR_DEAD_LETTER && !declared) {
        tide_diags_error(reader->diags, tide_node_get(node, "onError"),
                         "'onError: deadLetter' needs a `deadLetter` section");
    }
}

static void
join_check(struct tide_reader *reader, const struct tide_step_def *step)
{
    bool using_columns = step->join.using_columns.count > 0;
    bool condition = step->join.condition.node != NULL;
    if (using_columns == condition && step->verb_node->kind == TIDE_NODE_MAP) {
        tide_diags_error(reader->diags, step->verb_node->key,
                         "a join takes exactly one of 'using' and 'condition'");
    }
}

static void
step_check(struct tide_reader *reader, const struct tide_pipeline *pipeline,
           struct tide_step_def *step)
{
    if (step->verb == TIDE_VERB_NONE) {
        return;
    }
    on_error_check(reader, pipeline, step->node, &step->on_error);
    if (step->ttl_ns == TIDE_UNSET) {
        step->ttl_ns = pipeline->state.ttl_ns;
    }
    if (!may_keep_state(step)) {
        refuse_key(reader, step->node, "ttl", "belongs to steps that keep state");
        refuse_key(reader, step->node, "late", "belongs to steps that keep state");
    }
    if (step->verb != TIDE_VERB_GROUP_BY) {
        refuse_key(reader, step->node, "agg", "belongs to a step with 'groupBy'");
    } else if (!written(step->node, "agg")) {
        tide_diags_error(reader->diags, step->verb_node->key, "'groupBy' needs 'agg'");
    }
    if (step->verb == TIDE_VERB_JOIN) {
        join_check(reader, step);
    }
    if (step->verb == TIDE_VERB_UNION && !step->union_with.by_name) {
        refuse_key(reader, step->verb_node, "allowMissingColumns", "needs 'byName: true'");
    }
}

static void
steps_check(struct tide_reader *reader, const struct tide_pipeline *pipeline,
            const struct tide_steps *steps)
{
    struct tide_step_def *items = (struct tide_step_def *)(uintptr_t)steps->items;
    for (uint32_t i = 0; i < steps->count; i++) {
        step_check(reader, pipeline, &items[i]);
    }
}

/* ---- sections ---- */

static int
source_check(struct tide_reader *reader, struct tide_source_def *source)
{
    if (source->id == NULL) {
        source->id = source->name;
    }
    return connection_merge(reader, source->node, source->connection, &source->options);
}

static int
table_check(struct tide_reader *reader, struct tide_table_def *table)
{
    if (table->id == NULL) {
        table->id = table->name;
    }
    return connection_merge(reader, table->node, table->connection, &table->options);
}

static void
stream_check(struct tide_reader *reader, const struct tide_pipeline *pipeline,
             struct tide_stream_def *stream)
{
    if (stream->id == NULL) {
        stream->id = stream->name;
    }
    if (stream->ttl_ns == TIDE_UNSET) {
        stream->ttl_ns = pipeline->state.ttl_ns;
    }
    steps_check(reader, pipeline, &stream->steps);
    if (written(stream->node, "query")) {
        refuse_key(reader, stream->node, "steps", "beside 'query': a query stands for both");
        refuse_key(reader, stream->node, "from", "beside 'query': the query says what it reads");
        refuse_key(reader, stream->node, "union", "beside 'query': write UNION ALL");
    } else if (stream->node != pipeline->doc.root) {
        refuse_key(reader, stream->node, "ttl",
                   "belongs to a query, or to a step that keeps state");
    }
    if (written(stream->node, "union")) {
        refuse_key(reader, stream->node, "from", "beside 'union': the union says what it reads");
    } else {
        refuse_key(reader, stream->node, "byName", "belongs to 'union'");
    }
    if (!stream->union_with.by_name) {
        refuse_key(reader, stream->node, "allowMissingColumns", "needs 'byName: true'");
    }
}

static void
retry_check(struct tide_reader *reader, const struct tide_node *node,
            const struct tide_retry_def *retry)
{
    if (retry->backoff_ns > retry->backoff_max_ns) {
        tide_diags_error(reader->diags, tide_node_get(node, "retry"),
                         "'backoff' is longer than 'maxBackoff'");
    }
}

static int
sink_check(struct tide_reader *reader, const struct tide_pipeline *pipeline,
           struct tide_sink_def *sink)
{
    if (sink->id == NULL) {
        sink->id = sink->name;
    }
    if (sink->every_ns == TIDE_UNSET) {
        sink->every_ns = sink->output_mode == TIDE_OUTPUT_COMPLETE ? SECOND_NS : 0;
    } else if (sink->output_mode == TIDE_OUTPUT_APPEND) {
        refuse_key(reader, sink->node, "every", "belongs to the output modes update and complete");
    }
    if (!written(sink->node, "delivery")) {
        sink->delivery = pipeline->delivery;
    }
    retry_check(reader, sink->node, &sink->retry);
    on_error_check(reader, pipeline, sink->node, &sink->on_error);
    steps_check(reader, pipeline, &sink->steps);
    for (uint32_t i = 0; i < sink->steps.count; i++) {
        const struct tide_step_def *step = &sink->steps.items[i];
        if (step->verb != TIDE_VERB_NONE && keeps_state(step)) {
            tide_diags_error(reader->diags, step->verb_node->key,
                             "'%s' keeps state; steps of a sink cannot: put it into a stream",
                             step->word);
        }
    }
    return connection_merge(reader, sink->node, sink->connection, &sink->options);
}

static int
dead_letter_check(struct tide_reader *reader, const struct tide_pipeline *pipeline,
                  struct tide_dead_letter_def *dead_letter)
{
    if (dead_letter->node == NULL) {
        return 0;
    }
    if (dead_letter->id == NULL) {
        dead_letter->id = "deadLetter";
    }
    if (!written(dead_letter->node, "delivery")) {
        dead_letter->delivery = pipeline->delivery;
    }
    retry_check(reader, dead_letter->node, &dead_letter->retry);
    return connection_merge(reader, dead_letter->node, dead_letter->connection,
                            &dead_letter->options);
}

static int
sections_check(struct tide_reader *reader, struct tide_pipeline *pipeline)
{
    int rc = 0;
    struct tide_source_def *sources = (struct tide_source_def *)(uintptr_t)pipeline->sources;
    struct tide_table_def *tables = (struct tide_table_def *)(uintptr_t)pipeline->tables;
    struct tide_stream_def *streams = (struct tide_stream_def *)(uintptr_t)pipeline->streams;
    struct tide_sink_def *sinks = (struct tide_sink_def *)(uintptr_t)pipeline->sinks;
    for (uint32_t i = 0; i < pipeline->source_count && rc == 0; i++) {
        rc = source_check(reader, &sources[i]);
    }
    for (uint32_t i = 0; i < pipeline->table_count && rc == 0; i++) {
        rc = table_check(reader, &tables[i]);
    }
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        stream_check(reader, pipeline, &streams[i]);
    }
    for (uint32_t i = 0; i < pipeline->sink_count && rc == 0; i++) {
        rc = sink_check(reader, pipeline, &sinks[i]);
    }
    return rc != 0 ? rc : dead_letter_check(reader, pipeline, &pipeline->dead_letter);
}

/* ---- the whole ---- */

/* Where a missing section would stand: the start of the file. */
static void
ends_check(struct tide_reader *reader, const struct tide_pipeline *pipeline)
{
    const struct tide_node *root = reader->doc->root;
    if (pipeline->source_count == 0 && pipeline->table_count == 0) {
        tide_diags_error(reader->diags, root,
                         "there is no source: 'source' or 'sources' is missing");
    }
    if (pipeline->sink_count == 0) {
        tide_diags_error(reader->diags, root, "there is no sink: 'sink' or 'sinks' is missing");
    }
}

static void
checkpoint_needed(struct tide_reader *reader, const char *what, const char *name,
                  const char *format, const struct tide_node *place)
{
    if (format != NULL && !tide_format_is_for_show(format)) {
        tide_diags_error(reader->diags, place,
                         "'checkpointLocation' is missing: the %s '%s' writes to %s; only console, "
                         "memory and noop do without",
                         what, name, format);
    }
}

static void
checkpoint_check(struct tide_reader *reader, const struct tide_pipeline *pipeline)
{
    uint32_t before = reader->diags->errors;
    if (pipeline->checkpoint_node != NULL || reader->placed) {
        return;
    }
    for (uint32_t i = 0; i < pipeline->sink_count && reader->diags->errors == before; i++) {
        const struct tide_sink_def *sink = &pipeline->sinks[i];
        checkpoint_needed(reader, "sink", sink->name, sink->format, sink->format_node);
    }
    if (pipeline->dead_letter.node != NULL && reader->diags->errors == before) {
        checkpoint_needed(reader, "section", "deadLetter", pipeline->dead_letter.format,
                          pipeline->dead_letter.format_node);
    }
}

static const char *
conf_replacement(const char *name)
{
    for (const struct tide_conf_replaced *row = tide_conf_replaced; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return row->key;
        }
    }
    return NULL;
}

static int
conf_check(struct tide_reader *reader, const struct tide_pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->conf.count; i++) {
        const struct tide_node *node = pipeline->conf.items[i].place;
        const char *name = node->key->text;
        const struct tide_key *row = tide_key_find(&tide_section_conf, name);
        const char *replacement = conf_replacement(name);
        const char *near = tide_key_nearest(&tide_section_conf, name);
        int rc = row != NULL ? tide_value_read(reader, row, node, NULL) : 0;
        if (rc != 0) {
            return rc;
        }
        if (replacement != NULL) {
            tide_diags_error(reader->diags, node->key, "'%s' has a key of its own here: %s", name,
                             replacement);
        } else if (row == NULL) {
            tide_diags_error(reader->diags, node->key, "this engine has no setting '%s'%s%s%s",
                             name, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                             near != NULL ? "'?" : "");
        }
    }
    return 0;
}

static void
vars_check(struct tide_reader *reader, const struct tide_pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->vars.count; i++) {
        const struct tide_node *node = pipeline->vars.items[i].place;
        if (node->kind != TIDE_NODE_SCALAR) {
            tide_diags_error(reader->diags, node, "the variable '%s' is %s; it wants a text",
                             node->key->text, tide_node_describe(node));
        }
    }
}

static void
workers_check(struct tide_reader *reader, const struct tide_runtime_def *runtime)
{
    const struct tide_node *section = tide_node_get(reader->doc->root, "runtime");
    const struct tide_node *workers = tide_node_get(section, "workers");
    int64_t max = runtime->workers_max == TIDE_AUTO ? INT64_MAX : runtime->workers_max;
    int64_t initial = runtime->workers_initial;
    if (runtime->workers_min > max) {
        tide_diags_error(reader->diags, workers, "'min' is more than 'max'");
    } else if (initial != TIDE_AUTO && (initial < runtime->workers_min || initial > max)) {
        tide_diags_error(reader->diags, workers, "'initial' is not from 'min' to 'max'");
    }
}

static void
defaults_settle(struct tide_pipeline *pipeline)
{
    if (pipeline->trigger.node == NULL) {
        pipeline->trigger.kind = TIDE_TRIGGER_CONTINUOUS;
        pipeline->trigger.interval_ns = SECOND_NS / 10;
    }
    if (pipeline->latency.from == TIDE_LATENCY_COLUMN) {
        pipeline->latency.column = pipeline->latency.from_node->text;
    }
}

int
tide_pipeline_check(struct tide_reader *reader, struct tide_pipeline *pipeline)
{
    defaults_settle(pipeline);
    int rc = sections_check(reader, pipeline);
    rc = rc != 0 ? rc : names_check(reader, pipeline);
    rc = rc != 0 ? rc : ids_check(reader, pipeline);
    rc = rc != 0 ? rc : conf_check(reader, pipeline);
    if (rc != 0) {
        return rc;
    }
    ends_check(reader, pipeline);
    checkpoint_check(reader, pipeline);
    vars_check(reader, pipeline);
    workers_check(reader, &pipeline->runtime);
    return 0;
}
