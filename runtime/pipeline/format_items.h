/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are more than one scalar: SQL lists, and YAML as JSON text.
 */
#ifndef TIDE_PIPELINE_FORMAT_ITEMS_H
#define TIDE_PIPELINE_FORMAT_ITEMS_H

#include "pipeline/diag.h"
#include "pipeline/format.h"
#include "pipeline/tree.h"

/*
 * @node, a list of texts or one text with commas, as items. Commas split where no parenthesis,
 * bracket or quote is open. Errors (empty items, unbalanced ones, a list in the list) go to @diags.
 * Returns 0 or TIDE_ERR_NOMEM. @thread start
 */
int tide_items_read(struct tide_doc *doc, const struct tide_node *node, struct tide_diags *diags,
                    struct tide_items *out_items);

/* @node, a scalar, as one item; errors as above. Returns false after an error. @thread start */
bool tide_item_read(const struct tide_node *node, struct tide_diags *diags,
                    struct tide_item *out_item);

/*
 * @node as JSON text: maps and lists as such, plain true, false, null and numbers bare, all else as
 * strings. Lives as long as @doc; NULL when out of memory. @thread start
 */
const char *tide_node_json(struct tide_doc *doc, const struct tide_node *node);

#endif
