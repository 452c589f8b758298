/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table: the rows of one epoch as Spark's show() draws them.
 *
 * Cells are kept as texts, escaped and cut, until the table is drawn, because a column is as wide
 * as its widest cell. Width is Spark's: UTF-16 units, and one more for each full-width character.
 * Threads: the task's worker.
 */
#ifndef TIDE_CONSOLE_TABLE_H
#define TIDE_CONSOLE_TABLE_H

#include <tidemark/plugin.h>

#include "text.h"

struct tide_console_table {
    uint32_t rows_max; /* numRows */
    uint32_t truncate; /* cells longer than this are cut; 0: never, and text is to the left */
    uint64_t rows;     /* seen; those beyond rows_max are only counted */
    uint32_t n_columns;
    struct tide_text cells;        /* u32 length, u32 width, bytes; row by row */
    struct tide_text raw, escaped; /* one cell on its way there */
    uint32_t *widths;              /* of the columns; n_columns of them */
};

/* @widths has room for the columns of the schema and is the caller's. @thread start */
void tide_console_table_init(struct tide_console_table *table, const struct tide_host *host,
                             uint32_t *widths, uint32_t n_columns);

/* @thread start */
void tide_console_table_fini(struct tide_console_table *table);

/* Adds row @i of @batch; false: the table is larger than may be kept. @thread task */
bool tide_console_table_add(struct tide_console_table *table, const struct tide_schema *schema,
                            const struct tide_batch *batch, uint32_t i);

/* Appends the drawing with its headline "Batch: @number" to @out and empties the table. @thread
 * task
 */
void tide_console_table_draw(struct tide_console_table *table, const struct tide_field *fields,
                             uint64_t number, struct tide_text *out);

#endif
