/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host: the table of functions a plugin gets, and what stands behind it.
 *
 * This file fills in what needs no task: options, schemas, seams, the log, expressions, values. The
 * room task/ adds the calls that take a struct tide_task (tide_task_host_fill), epoch/ the
 * collector of splits. One table serves all plugins of a pipeline.
 *
 * Threads: made on a control thread; its calls from any.
 */
#ifndef TIDE_PLUGIN_HOST_H
#define TIDE_PLUGIN_HOST_H

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#include "base/log.h"
#include "base/seam.h"
#include "data/schema.h"

/* An optional table that a plugin may ask for by name. */
struct tide_extension {
    const char *name; /* "tide.kafka-client/0" */
    const void *table;
};

/* What stands behind a table: its `self`. */
struct tide_host_env {
    const struct tide_seam *seam;
    struct tide_log *log;
    struct tide_schemas *schemas;
    const struct tide_extension *extensions; /* ends with a NULL name; NULL: none */
    uint32_t record_max;
};

/* Fills @host; @env outlives it. @thread start */
void tide_host_init(struct tide_host *host, const struct tide_host_env *env);

#endif
