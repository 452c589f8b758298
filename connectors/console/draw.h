/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draw: a value as Spark's show() writes it.
 *
 * As CAST(x AS STRING), but for three things: a NULL is NULL at every depth, bytes are [61 62], and
 * what is inside of arrays, maps and structs follows the same rules. Threads: the task's worker.
 */
#ifndef TIDE_CONSOLE_DRAW_H
#define TIDE_CONSOLE_DRAW_H

#include <tidemark/plugin.h>

#include "text.h"

/* Appends field @field of row @row of @batch. @thread task */
void tide_draw_field(struct tide_text *out, const struct tide_schema *schema,
                     const struct tide_batch *batch, const uint8_t *row, uint32_t field);

#endif
