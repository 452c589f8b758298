/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to a tree with places.
 *
 * What is accepted is YAML as far as pipelines need it: maps, lists, scalars, flow and block style,
 * one document. Duplicate keys, anchors, aliases, tags and keys that are no scalars are refused
 * with their place; depth and size are bounded by base/limits.h. Scalars are not interpreted
 * (tree.h, invariant 3).
 */
#ifndef TIDE_PIPELINE_YAML_READ_H
#define TIDE_PIPELINE_YAML_READ_H

#include <stddef.h>

#include "pipeline/diag.h"
#include "pipeline/tree.h"

/*
 * Reads @text into doc->root, a map. Errors go to @diags; reading goes on after those that leave
 * the structure clear. Returns 0 when doc->root is set (there may be errors all the same), else
 * TIDE_ERR_INVALID or TIDE_ERR_NOMEM. @thread start
 */
int tide_yaml_read(struct tide_doc *doc, const char *text, size_t len, struct tide_diags *diags);

/*
 * Reads one value (scalar or flow collection), all of whose nodes get the place @at. Errors and
 * result as above; *out_node is one of @doc's. @thread start
 */
int tide_yaml_value(struct tide_doc *doc, const char *text, size_t len, const struct tide_node *at,
                    struct tide_diags *diags, struct tide_node **out_node);

#endif
