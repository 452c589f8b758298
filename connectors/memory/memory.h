/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of the plugin `memory`; memory.c registers both.
 */
#ifndef TIDE_MEMORY_MEMORY_H
#define TIDE_MEMORY_MEMORY_H

#include <tidemark/plugin.h>

#include "store.h"

extern const struct tide_source tide_memory_source_kind;
extern const struct tide_sink tide_memory_sink_kind;

/* What source and sink bind to; the name is copied. */
struct tide_memory_bound {
    const struct tide_host *host;
    const struct tide_memory_store *store;
    const struct tide_schema *schema; /* of the sink's rows */
    struct tide_expr_options session; /* for to_json */
    char name[256];
};

/* Finds the store and reads queryName, by default the id. TIDE_ERR_INVALID, TIDE_ERR_UNSUPPORTED:
 * the program embeds no store, TIDE_ERR_NOMEM. @thread start */
int tide_memory_bind(const struct tide_bind *in, struct tide_memory_bound **out_bound,
                     struct tide_error *err);

/* @thread start */
void tide_memory_unbind(void *bound);

#endif
