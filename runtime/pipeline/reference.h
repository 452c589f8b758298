/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format as a page of Markdown: docs/reference/pipeline.md.
 */
#ifndef TIDE_PIPELINE_REFERENCE_H
#define TIDE_PIPELINE_REFERENCE_H

#include "base/buffer.h"

/* Appends the page. Returns 0, TIDE_ERR_NOMEM or TIDE_ERR_LIMIT (@out is too small). @thread any */
int tide_reference_write(struct tide_buf *out);

#endif
