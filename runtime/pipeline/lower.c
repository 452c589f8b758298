/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering: one step of the pipeline to one or two operators. See logical.h for which.
 *
 * Texts that an operator gets keep the place they were written at, so that its errors point into
 * the file.
 *
 * Thread: a control thread.
 */
#include "pipeline/logical.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "data/type.h"
#include "sql/sql.h"

/* ---- option lists ---- */

static bool
list_init(struct tide_logical *logical, struct tide_lowered_list *list, uint32_t max)
{
    list->n = 0;
    list->max = max;
    list->texts = tide_type_arena_alloc(logical->arena, (max + 1u) * sizeof(*list->texts));
    list->from = tide_type_arena_alloc(logical->arena, (max + 1u) * sizeof(*list->from));
    return list->texts != NULL && list->from != NULL;
}

static void
list_add(struct tide_lowered_list *list, const char *text, const struct tide_item *from)
{
    TIDE_ASSERT(list->n < list->max);
    list->texts[list->n] = text;
    if (from != NULL) {
        list->from[list->n] = *from;
    }
    list->n++;
}

static void
give_list(struct tide_lowered *lowered, const char *name, const struct tide_lowered_list *list)
{
    TIDE_ASSERT(lowered->n_given < 8);
    lowered->given[lowered->n_given++] = (struct tide_given){.name = name,
                                                             .value = "",
                                                             .items = list->texts,
                                                             .n_items = list->n,
                                                             .is_list = true,
                                                             .place = list};
}

static void
give_text(struct tide_lowered *lowered, const char *name, const char *text,
          const struct tide_lowered_list *place)
{
    TIDE_ASSERT(lowered->n_given < 8);
    lowered->given[lowered->n_given++] =
        (struct tide_given){.name = name, .value = text, .place = place};
}

static const char *
quoted(struct tide_logical *logical, const char *name)
{
    struct tide_buf buf;
    tide_buf_init(&buf, logical->seam, 1u << 16);
    int rc = tide_buf_append_byte(&buf, '`');
    for (const char *c = name; *c != 0 && rc == 0; c++) {
        rc = *c == '`' ? tide_buf_append_text(&buf, "``") : tide_buf_append_byte(&buf, (uint8_t)*c);
    }
    rc = rc != 0 ? rc : tide_buf_append_byte(&buf, '`');
    const char *text =
        rc == 0 ? tide_type_arena_text(logical->arena, (const char *)buf.data, buf.len) : NULL;
    tide_buf_fini(&buf);
    return text;
}

static const struct tide_schema *
input_schema(const struct tide_logical *logical, int32_t input, uint32_t port)
{
    return logical->nodes[input].out[port];
}

static struct tide_lowered
lowered_of(const struct tide_step_def *step, const char *id, const char *kind)
{
    return (struct tide_lowered){.kind = kind,
                                 .place = step->node,
                                 .id = id,
                                 .verb = step->word,
                                 .on_error = step->on_error,
                                 .parallelism = step->parallelism,
                                 .core = step->core};
}

/* ---- projections ---- */

struct projection {
    struct tide_lowered_list items, names;
};

static bool
projection_init(struct tide_logical *logical, struct projection *projection, uint32_t max)
{
    return list_init(logical, &projection->items, max) &&
           list_init(logical, &projection->names, max);
}

static int32_t
project(struct tide_logical *logical, struct tide_lowered *lowered, struct projection *projection,
        int32_t input, uint32_t port)
{
    give_list(lowered, "items", &projection->items);
    give_list(lowered, "names", &projection->names);
    return tide_logical_operator(logical, lowered, input, port);
}

static int32_t
lower_with_columns(struct tide_logical *logical, const struct tide_step_def *step,
                   struct tide_lowered *lowered, int32_t input, uint32_t port)
{
    const struct tide_schema *in = input_schema(logical, input, port);
    struct projection projection;
    if (!projection_init(logical, &projection, in->n + step->pairs.count)) {
        return -1;
    }
    for (uint32_t f = 0; f < in->n; f++) {
        const struct tide_pair *pair = NULL;
        for (uint32_t p = 0; p < step->pairs.count; p++) {
            pair = strcasecmp(step->pairs.items[p].name, in->fields[f].name) == 0
                       ? &step->pairs.items[p]
                       : pair;
        }
        list_add(&projection.items,
                 pair != NULL ? pair->value.text : quoted(logical, in->fields[f].name),
                 pair != NULL ? &pair->value : NULL);
        list_add(&projection.names, pair != NULL ? pair->name : in->fields[f].name, NULL);
    }
    for (uint32_t p = 0; p < step->pairs.count; p++) {
        const struct tide_pair *pair = &step->pairs.items[p];
        if (tide_fields_find(in->fields, in->n, pair->name, strlen(pair->name), false) < 0) {
            list_add(&projection.items, pair->value.text, &pair->value);
            list_add(&projection.names, pair->name, NULL);
        }
    }
    return project(logical, lowered, &projection, input, port);
}

/* As in Spark, an unknown name is no error: nothing is renamed or dropped. */
static int32_t
lower_rename_or_drop(struct tide_logical *logical, const struct tide_step_def *step,
                     struct tide_lowered *lowered, int32_t input, uint32_t port)
{
    const struct tide_schema *in = input_schema(logical, input, port);
    struct projection projection;
    if (!projection_init(logical, &projection, in->n)) {
        return -1;
    }
    for (uint32_t f = 0; f < in->n; f++) {
        const char *name = in->fields[f].name;
        bool dropped = false;
        for (uint32_t i = 0; step->verb == TIDE_VERB_DROP && i < step->items.count; i++) {
            dropped = dropped || strcasecmp(step->items.items[i].text, name) == 0;
        }
        const char *fresh = name;
        for (uint32_t p = 0; p < step->pairs.count; p++) {
            fresh = strcasecmp(step->pairs.items[p].name, name) == 0
                        ? step->pairs.items[p].value.text
                        : fresh;
        }
        if (!dropped) {
            list_add(&projection.items, quoted(logical, name), NULL);
            list_add(&projection.names, fresh, NULL);
        }
    }
    return project(logical, lowered, &projection, input, port);
}

/* ---- select, with a generator perhaps ---- */

static const char *
span_text(struct tide_logical *logical, const char *text, struct tide_sql_span span)
{
    return tide_type_arena_text(logical->arena, text + span.at, span.n);
}

static void
say_item(struct tide_logical *logical, const struct tide_item *item, const struct tide_error *err)
{
    int32_t at = err->at >= 0 ? item->at + err->at : -1;
    tide_diags_error_at(logical->diags, item->node, at, err);
}

/* Which of the projected columns the generator's argument is: stars before it widen the list. */
static int32_t
generator_column(const struct tide_logical *logical, int32_t node)
{
    const struct tide_schema *out = logical->nodes[node].out[0];
    for (uint32_t f = 0; f < out->n; f++) {
        if (strcmp(out->fields[f].name, "__generated") == 0) {
            return (int32_t)f;
        }
    }
    return -1;
}

static int32_t
explode(struct tide_logical *logical, const struct tide_step_def *step, const char *id,
        const struct tide_sql_generator *generator, int32_t projected)
{
    struct tide_lowered lowered = lowered_of(step, id, "explode");
    struct tide_lowered_list names;
    char column[16];
    if (!list_init(logical, &names, TIDE_SQL_GENERATOR_COLUMNS)) {
        return -1;
    }
    for (uint32_t i = 0; i < generator->n_names; i++) {
        list_add(
            &names,
            tide_type_arena_text(logical->arena, generator->names[i], strlen(generator->names[i])),
            &step->items.items[generator->item]);
    }
    snprintf(column, sizeof(column), "%d", generator_column(logical, projected));
    bool outer =
        generator->kind == TIDE_SQL_EXPLODE_OUTER || generator->kind == TIDE_SQL_POSEXPLODE_OUTER;
    bool position =
        generator->kind == TIDE_SQL_POSEXPLODE || generator->kind == TIDE_SQL_POSEXPLODE_OUTER;
    give_text(&lowered, "column", tide_type_arena_text(logical->arena, column, strlen(column)),
              NULL);
    give_text(&lowered, "outer", outer ? "true" : "false", NULL);
    give_text(&lowered, "position", position ? "true" : "false", NULL);
    give_list(&lowered, "names", &names);
    lowered.parallelism = TIDE_UNSET;
    return tide_logical_operator(logical, &lowered, projected, 0);
}

static const char *
explode_id(struct tide_logical *logical, const char *id)
{
    struct tide_buf buf;
    tide_buf_init(&buf, logical->seam, 1u << 12);
    int rc = tide_buf_printf(&buf, "%s-explode", id);
    const char *text =
        rc == 0 ? tide_type_arena_text(logical->arena, (const char *)buf.data, buf.len) : NULL;
    tide_buf_fini(&buf);
    return text;
}

static int32_t
lower_select(struct tide_logical *logical, const struct tide_step_def *step,
             struct tide_lowered *lowered, int32_t input, uint32_t port)
{
    struct projection projection;
    struct tide_sql_generator generator;
    struct tide_error err = {.at = -1};
    uint32_t bad = 0;
    bool found = false;
    uint32_t n = step->items.count;
    struct tide_expr_item *items = tide_type_arena_alloc(logical->arena, (n + 1u) * sizeof(*items));
    if (items == NULL || !projection_init(logical, &projection, n)) {
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        items[i].text = step->items.items[i].text;
    }
    if (tide_sql_find_generator(logical->seam, items, n, &generator, &found, &bad, &err) != 0) {
        say_item(logical, &step->items.items[bad], &err);
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct tide_item from = step->items.items[i];
        bool generated = found && generator.item == i;
        if (generated) {
            from.text = span_text(logical, from.text, generator.argument);
            from.at += (int32_t)generator.argument.at;
        }
        list_add(&projection.items, from.text, &from);
        list_add(&projection.names, generated ? "__generated" : "", NULL);
    }
    int32_t projected = project(logical, lowered, &projection, input, port);
    if (projected < 0 || !found) {
        return projected;
    }
    return explode(logical, step, explode_id(logical, lowered->id), &generator, projected);
}

/* ---- aggregation ---- */

struct aggregation {
    struct tide_lowered_list keys, functions, arguments, names;
};

static bool
take_aggregate(struct tide_logical *logical, const struct tide_item *item,
               const struct tide_schema *in, struct aggregation *out)
{
    struct tide_sql_options options = {.seam = logical->seam, .expr = &logical->expr};
    struct tide_sql_aggregate aggregate;
    struct tide_error err = {.at = -1};
    if (tide_sql_parse_aggregate(&options, item->text, in, logical->arena, &aggregate, &err) != 0) {
        say_item(logical, item, &err);
        return false;
    }
    if (!aggregate.fn->built || aggregate.distinct || aggregate.filter.n > 0) {
        tide_diags_unsupported(logical->diags, item->node,
                               "%s in agg; this version has count(*) and count(x)", item->text);
        return false;
    }
    struct tide_item argument = *item;
    argument.text = "";
    if (!aggregate.star) {
        argument.text = span_text(logical, item->text, aggregate.args[0]);
        argument.at += (int32_t)aggregate.args[0].at;
    }
    list_add(&out->functions, aggregate.fn->name, item);
    list_add(&out->arguments, argument.text, &argument);
    list_add(&out->names,
             tide_type_arena_text(logical->arena, aggregate.name, strlen(aggregate.name)), item);
    return true;
}

static int32_t
lower_group_by(struct tide_logical *logical, const struct tide_step_def *step,
               struct tide_lowered *lowered, int32_t input, uint32_t port)
{
    const struct tide_schema *in = input_schema(logical, input, port);
    struct aggregation aggregation;
    bool good = list_init(logical, &aggregation.keys, step->items.count) &&
                list_init(logical, &aggregation.functions, step->agg.count) &&
                list_init(logical, &aggregation.arguments, step->agg.count) &&
                list_init(logical, &aggregation.names, step->agg.count);
    if (!good) {
        return -1;
    }
    for (uint32_t i = 0; i < step->items.count; i++) {
        list_add(&aggregation.keys, step->items.items[i].text, &step->items.items[i]);
    }
    for (uint32_t i = 0; i < step->agg.count; i++) {
        good = take_aggregate(logical, &step->agg.items[i], in, &aggregation) && good;
    }
    if (!good) {
        return -1;
    }
    give_list(lowered, "keys", &aggregation.keys);
    give_list(lowered, "functions", &aggregation.functions);
    give_list(lowered, "arguments", &aggregation.arguments);
    give_list(lowered, "names", &aggregation.names);
    return tide_logical_operator(logical, lowered, input, port);
}

/* ---- the rest ---- */

static int32_t
lower_filter(struct tide_logical *logical, const struct tide_step_def *step,
             struct tide_lowered *lowered, int32_t input, uint32_t port)
{
    struct tide_lowered_list *place = tide_type_arena_alloc(logical->arena, sizeof(*place));
    if (place == NULL || !list_init(logical, place, 1)) {
        return -1;
    }
    list_add(place, step->condition.text, &step->condition);
    give_text(lowered, "condition", step->condition.text, place);
    return tide_logical_operator(logical, lowered, input, port);
}

static const char *
step_id(struct tide_logical *logical, const struct tide_step_def *step, const char *stream,
        uint32_t number)
{
    if (step->id != NULL) {
        return step->id;
    }
    struct tide_buf buf;
    tide_buf_init(&buf, logical->seam, 1u << 12);
    int rc = tide_buf_printf(&buf, "%s-%u-%s", stream, number, tide_verb_name(step->verb));
    const char *text =
        rc == 0 ? tide_type_arena_text(logical->arena, (const char *)buf.data, buf.len) : NULL;
    tide_buf_fini(&buf);
    return text;
}

int32_t
tide_lower_step(struct tide_logical *logical, const struct tide_step_def *step, const char *stream,
                uint32_t number, int32_t input, uint32_t port)
{
    const char *id = step_id(logical, step, stream, number);
    struct tide_lowered lowered = lowered_of(step, id, "project");
    if (id == NULL) {
        return -1;
    }
    switch (step->verb) {
    case TIDE_VERB_SELECT:
        return lower_select(logical, step, &lowered, input, port);
    case TIDE_VERB_WITH_COLUMNS:
        return lower_with_columns(logical, step, &lowered, input, port);
    case TIDE_VERB_WITH_COLUMN_RENAMED:
    case TIDE_VERB_DROP:
        return lower_rename_or_drop(logical, step, &lowered, input, port);
    case TIDE_VERB_FILTER:
        lowered.kind = "filter";
        return lower_filter(logical, step, &lowered, input, port);
    case TIDE_VERB_GROUP_BY:
        lowered.kind = "aggregate";
        return lower_group_by(logical, step, &lowered, input, port);
    case TIDE_VERB_MAP:
    case TIDE_VERB_FLAT_MAP:
    case TIDE_VERB_FILTER_PLUGIN:
        lowered.kind = step->call.plugin;
        lowered.settings = &step->call.options;
        lowered.place = step->call.plugin_node != NULL ? step->call.plugin_node : step->node;
        return tide_logical_operator(logical, &lowered, input, port);
    default:
        tide_diags_unsupported(logical->diags,
                               step->verb_node != NULL ? step->verb_node : step->node, "step %s",
                               step->word);
        return -1;
    }
}
