/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --set PATH=VALUE on the tree, before references are resolved and anything is checked.
 *
 * A path follows the format table: keys, then names (sources.tx), step ids or indices
 * (steps.proj.select, steps.0.filter); where the user's own keys begin (options, connections.NAME,
 * vars, conf, withColumns) the rest of the path is one key, dots included. source.X is
 * sources.source.X, and sink likewise. VALUE is read as YAML when it begins with { [ " or ', else
 * it is taken as it stands; empty, null and ~ mean "as if not written". What is put in has the
 * place "--set PATH".
 */
#ifndef TIDE_PIPELINE_SETPATH_H
#define TIDE_PIPELINE_SETPATH_H

#include "pipeline/diag.h"
#include "pipeline/tree.h"

/*
 * Applies one "PATH=VALUE". Unknown paths and bad values go to @diags and change nothing. Returns 0
 * or TIDE_ERR_NOMEM. @thread start
 */
int tide_setpath_apply(struct tide_doc *doc, const char *assignment, struct tide_diags *diags);

#endif
