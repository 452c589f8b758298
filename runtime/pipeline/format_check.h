/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules between keys: what rows of the format table cannot say.
 *
 * Called once, after the tree has been read into the pipeline's structs, whose last open fields
 * (resolved names, inherited defaults, merged options) are filled here. Functions return 0 or
 * TIDE_ERR_NOMEM.
 */
#ifndef TIDE_PIPELINE_FORMAT_CHECK_H
#define TIDE_PIPELINE_FORMAT_CHECK_H

#include "pipeline/diag.h"
#include "pipeline/format.h"
#include "pipeline/format_read.h"

/* Names, ids, connections, steps, sinks, checkpoint, conf. @thread start */
int tide_pipeline_check(struct tide_reader *reader, struct tide_pipeline *pipeline);

/* Every `from`, `other` and `union`: resolved, defaulted, without cycles (format_from.c). @thread
 * start */
int tide_pipeline_resolve(struct tide_reader *reader, struct tide_pipeline *pipeline);

#endif
