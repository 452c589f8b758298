/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logical plan: typed nodes, one for each source, operator and sink, with what each reads.
 *
 * The relational steps of the pipeline are lowered to a few operators (project, filter, explode,
 * aggregate, dead_letter); each node is bound against the schema of its input, which types it and
 * checks its options. Nothing outside is touched. All errors are collected with their places.
 *
 *   select, withColumns, withColumnRenamed, drop   project
 *   select with explode(...)                       project, explode
 *   filter                                         filter
 *   groupBy + agg                                  aggregate
 *   map, flatMap, filter {plugin}                  the plugin's operator
 *
 * Where a deadLetter is declared the original record (key, value, headers, timestamp) travels in
 * hidden columns behind the visible ones, up to the end or the first keyed operator, behind which
 * no single record is left.
 *
 * Threads: a control thread.
 */
#ifndef TIDE_PIPELINE_LOGICAL_H
#define TIDE_PIPELINE_LOGICAL_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/plugin.h>

#include "data/schema.h"
#include "pipeline/diag.h"
#include "pipeline/format.h"
#include "plugin/options.h"
#include "plugin/registry.h"

#define TIDE_LIMIT_NODES 1024u /* of a logical plan; more: refused by check */
#define TIDE_HIDDEN_MAX 4u

struct tide_logical_node {
    const char *id; /* operator id */
    uint64_t id_hash;
    const char *verb;              /* as shown: "select", "kafka" */
    const struct tide_node *place; /* in the file */
    const struct tide_registered *entry;
    struct tide_options *options;
    void *bound;
    struct tide_traits traits;
    const struct tide_source_def *source; /* of a source */
    const struct tide_sink_def *sink;     /* of a sink, NULL for the dead letters' */
    int32_t input;                        /* node it reads, -1: none, or the dead letters */
    uint32_t input_port;                  /* which output of it */
    uint32_t n_readers;                   /* nodes that read its main output */
    const struct tide_schema *in;         /* with hidden columns; NULL: a source */
    const struct tide_schema *out[TIDE_PORTS_MAX];
    uint32_t hidden[TIDE_HIDDEN_MAX]; /* of a source: visible field that each hidden one repeats,
                                         UINT32_MAX: the source writes it */
    enum tide_on_error on_error;
    int64_t parallelism; /* TIDE_UNSET, TIDE_AUTO or a number */
    int64_t core;
    bool dead_letter; /* node of the dead-letter output */
};

struct tide_logical {
    const struct tide_seam *seam;
    const struct tide_pipeline *pipeline;
    const struct tide_host *host;
    struct tide_schemas *schemas;
    const struct tide_registry *registry;
    struct tide_diags *diags;
    struct tide_expr_options expr;
    struct tide_type_arena *arena;
    struct tide_logical_node *nodes;
    uint32_t n;
    int32_t *stream_end;                          /* last node of each stream, -1: failed */
    int32_t *source_node;                         /* node of each source, -1: failed */
    const struct tide_schema *dead_letter_schema; /* NULL: none declared */
};

struct tide_logical_config {
    const struct tide_seam *seam;
    const struct tide_pipeline *pipeline;
    const struct tide_host *host;
    struct tide_schemas *schemas;
    const struct tide_registry *registry;
};

/*
 * Builds and binds. Findings go to @diags. 0 when there is no error; TIDE_ERR_INVALID,
 * TIDE_ERR_UNSUPPORTED or TIDE_ERR_NOMEM otherwise, and *out_logical is then NULL. @thread start
 */
int tide_logical_build(const struct tide_logical_config *config, struct tide_logical **out_logical,
                       struct tide_diags *diags);

/* Unbinds and frees; NULL is legal. @thread start */
void tide_logical_destroy(struct tide_logical *logical);

/* ---- between logical.c and lower.c ---- */

/* Texts of one lowered option, with the item of the file behind each. */
struct tide_lowered_list {
    const char **texts;
    struct tide_item *from; /* node NULL: made up */
    uint32_t n, max;
};

/* What an operator is made of. */
struct tide_lowered {
    const char *kind; /* operator's name */
    struct tide_given given[8];
    uint32_t n_given;
    const struct tide_settings *settings; /* of a plugin: instead of given */
    const struct tide_node *place;
    const char *id, *verb;
    enum tide_on_error on_error;
    int64_t parallelism, core;
};

/* Adds a bound node behind @input; its index, or -1 after a finding. */
int32_t tide_logical_operator(struct tide_logical *logical, const struct tide_lowered *lowered,
                              int32_t input, uint32_t port);
/* Lowers one step behind @input; the index of its last node, or -1. */
int32_t tide_lower_step(struct tide_logical *logical, const struct tide_step_def *step,
                        const char *stream, uint32_t number, int32_t input, uint32_t port);

#endif
