/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan for people: the core map of `check`, the plans of `explain`, and their graph.
 *
 * Three walks over the same plan; none of them shows the hidden columns or an option's value.
 *
 * Threads: a control thread.
 */
#include "pipeline/plan.h"

#include <inttypes.h>

#include "base/assert.h"
#include "data/type.h"

/* A page and the first error of writing it. */
struct page {
    const struct tide_plan *plan;
    struct tide_buf *out;
    int rc;
};

#define SAY(page, ...) \
    ((page)->rc = (page)->rc != 0 ? (page)->rc : tide_buf_printf((page)->out, __VA_ARGS__))

static const struct tide_logical_node *
node_at(const struct page *page, uint32_t index)
{
    TIDE_ASSERT(index < page->plan->logical->n);
    return &page->plan->logical->nodes[index];
}

static const char *
plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

/* Calls @say for each node of a stage, in the order of the rows. */
static void
each_node(struct page *page, const struct tide_stage *stage,
          void (*say)(struct page *page, uint32_t node, bool first))
{
    bool first = true;
    if (stage->source >= 0) {
        say(page, (uint32_t)stage->source, first);
        first = false;
    }
    for (uint32_t i = 0; i < stage->n_operators; i++) {
        say(page, stage->operators[i], first);
        first = false;
    }
    if (stage->sink >= 0) {
        say(page, (uint32_t)stage->sink, first);
    }
}

/* ---- the core map ---- */

static uint32_t
worker_tasks(struct page *page, uint32_t worker)
{
    const struct tide_plan *plan = page->plan;
    uint32_t n = 0;
    for (uint32_t task = 0; task < plan->n_tasks; task++) {
        const struct tide_stage *stage = tide_plan_stage_of(plan, task);
        if (plan->task_worker[task] == worker) {
            SAY(page, "%s%s[%u]", n++ == 0 ? ": " : " ", stage->name, task - stage->first_task);
        }
    }
    return n;
}

int
tide_plan_print_cores(const struct tide_plan *plan, struct tide_buf *out)
{
    struct page page = {.plan = plan, .out = out};
    SAY(&page, "%u worker%s, %u task%s\n", plan->n_workers, plural(plan->n_workers), plan->n_tasks,
        plural(plan->n_tasks));
    for (uint32_t worker = 0; worker < plan->n_workers; worker++) {
        SAY(&page, "  worker %u ", worker);
        if (plan->worker_core[worker] >= 0) {
            SAY(&page, "on core %" PRId32, plan->worker_core[worker]);
        } else {
            SAY(&page, "on any core");
        }
        if (worker_tasks(&page, worker) == 0) {
            SAY(&page, ": nothing to do");
        }
        SAY(&page, "\n");
    }
    return page.rc;
}

/* ---- the logical plan ---- */

static const char *
on_error_name(enum tide_on_error on_error)
{
    static const char *const names[] = {
        [TIDE_ON_ERROR_FAIL] = "fail",
        [TIDE_ON_ERROR_DEAD_LETTER] = "deadLetter",
        [TIDE_ON_ERROR_DROP] = "drop",
        [TIDE_ON_ERROR_SET_NULL] = "setNull",
    };
    return names[on_error];
}

static const char *
output_mode_name(enum tide_output_mode mode)
{
    switch (mode) {
    case TIDE_OUTPUT_UPDATE:
        return "update";
    case TIDE_OUTPUT_COMPLETE:
        return "complete";
    case TIDE_OUTPUT_APPEND:
        break;
    }
    return "append";
}

static void
say_input(struct page *page, const struct tide_logical_node *node)
{
    const struct tide_logical_node *up = node_at(page, (uint32_t)node->input);
    SAY(page, " <- %s", up->id);
    if (node->input_port > 0) {
        SAY(page, ".%s", up->traits.output_names[node->input_port]);
    }
}

static void
say_traits(struct page *page, const struct tide_logical_node *node)
{
    if (node->sink != NULL) {
        SAY(page, ", %s", output_mode_name(node->sink->output_mode));
    }
    if (node->traits.keyed) {
        SAY(page, ", keyed by (");
        for (uint32_t i = 0; i < node->traits.n_key_exprs; i++) {
            SAY(page, "%s%s", i == 0 ? "" : ", ", node->traits.key_exprs[i]);
        }
        SAY(page, ")");
    }
    if (node->traits.stateful) {
        SAY(page, ", stateful");
    }
    if (node->traits.may_reject) {
        SAY(page, ", onError %s", on_error_name(node->on_error));
    }
}

static void
say_columns(struct page *page, const struct tide_logical_node *node)
{
    for (uint32_t port = 0; port < node->traits.n_outputs; port++) {
        const struct tide_schema *schema = node->out[port];
        SAY(page, "      ");
        if (port > 0) {
            SAY(page, "%s: ", node->traits.output_names[port]);
        }
        page->rc =
            page->rc != 0 ? page->rc : tide_fields_print_ddl(schema->fields, schema->n, page->out);
        SAY(page, "\n");
    }
}

static void
say_logical(struct page *page, const struct tide_logical_node *node)
{
    static const char *const kinds[] = {
        [TIDE_KIND_SOURCE] = "source",
        [TIDE_KIND_OPERATOR] = "operator",
        [TIDE_KIND_SINK] = "sink",
    };
    const struct tide_kind *kind = node->entry->kind;
    SAY(page, "  %s: %s %s", node->id, kinds[kind->type], kind->name);
    if (node->input >= 0) {
        say_input(page, node);
    } else if (node->dead_letter) {
        SAY(page, " <- whatever is rejected");
    }
    say_traits(page, node);
    SAY(page, "\n");
    say_columns(page, node);
}

/* ---- the physical plan ---- */

static void
say_link(struct page *page, uint32_t node, bool first)
{
    SAY(page, "%s%s", first ? "      " : " -> ", node_at(page, node)->id);
}

static const char *
exchange_name(const struct tide_stage *stage)
{
    switch (stage->exchange) {
    case TIDE_EXCHANGE_KEY:
        return "by key group";
    case TIDE_EXCHANGE_SPLIT:
        return "by split";
    case TIDE_EXCHANGE_FORWARD:
        break;
    }
    return stage->mesh == TIDE_MESH_FULL ? "all into one" : "one to one";
}

static void
say_stage(struct page *page, uint32_t index)
{
    const struct tide_stage *stage = &page->plan->stages[index];
    SAY(page, "  stage %u %s: %u task%s", index, stage->name, stage->n_tasks,
        plural(stage->n_tasks));
    if (stage->input >= 0) {
        SAY(page, ", reads stage %" PRId32 " %s", stage->input, exchange_name(stage));
    }
    SAY(page, "%s%s", stage->stateful ? ", stateful" : "", stage->aligned ? ", aligned" : "");
    SAY(page, "%s\n", stage->may_reject ? ", rejects to the dead letters" : "");
    each_node(page, stage, say_link);
    SAY(page, "\n");
}

int
tide_plan_print(const struct tide_plan *plan, struct tide_buf *out)
{
    struct page page = {.plan = plan, .out = out};
    SAY(&page, "== Logical Plan ==\n");
    for (uint32_t i = 0; i < plan->logical->n; i++) {
        say_logical(&page, node_at(&page, i));
    }
    SAY(&page, "\n== Physical Plan ==\n");
    for (uint32_t i = 0; i < plan->n_stages; i++) {
        say_stage(&page, i);
    }
    SAY(&page, "\n== Cores ==\n");
    return page.rc != 0 ? page.rc : tide_plan_print_cores(plan, out);
}

/* ---- the graph ---- */

/* A text inside a quoted label; ids and names come from the user. */
static void
say_quoted(struct page *page, const char *text)
{
    for (; *text != 0; text++) {
        SAY(page, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
}

static void
dot_node(struct page *page, uint32_t index, bool first)
{
    const struct tide_logical_node *node = node_at(page, index);
    (void)first;
    SAY(page, "    n%u [label=\"", index);
    say_quoted(page, node->id);
    SAY(page, "\\n");
    say_quoted(page, node->entry->kind->name);
    SAY(page, "\"];\n");
}

static void
dot_stage(struct page *page, uint32_t index)
{
    const struct tide_stage *stage = &page->plan->stages[index];
    SAY(page, "  subgraph cluster_%u {\n    label=\"stage %u, %u task%s\";\n", index, index,
        stage->n_tasks, plural(stage->n_tasks));
    each_node(page, stage, dot_node);
    SAY(page, "  }\n");
}

/* The stage that starts with the node @index, which reads another stage; NULL: it is inside one. */
static const struct tide_stage *
stage_starting(const struct tide_plan *plan, uint32_t index)
{
    for (uint32_t i = 0; i < plan->n_stages; i++) {
        const struct tide_stage *stage = &plan->stages[i];
        uint32_t first = stage->n_operators > 0 ? stage->operators[0] : (uint32_t)stage->sink;
        if (stage->input >= 0 && first == index) {
            return stage;
        }
    }
    return NULL;
}

int
tide_plan_print_dot(const struct tide_plan *plan, struct tide_buf *out)
{
    struct page page = {.plan = plan, .out = out};
    SAY(&page, "digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n");
    for (uint32_t i = 0; i < plan->n_stages; i++) {
        dot_stage(&page, i);
    }
    for (uint32_t i = 0; i < plan->logical->n; i++) {
        const struct tide_stage *stage = stage_starting(plan, i);
        int32_t input = node_at(&page, i)->input;
        if (input >= 0 && stage != NULL) {
            SAY(&page, "  n%" PRId32 " -> n%u [label=\"%s\"];\n", input, i, exchange_name(stage));
        } else if (input >= 0) {
            SAY(&page, "  n%" PRId32 " -> n%u;\n", input, i);
        }
    }
    SAY(&page, "}\n");
    return page.rc;
}
