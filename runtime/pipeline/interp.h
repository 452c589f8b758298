/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References in values: ${env:N} ${env:N:-default} ${file:PATH} ${cred:N} ${var:N} ${dir}.
 *
 * They are resolved in parsed scalars only (values, never keys, never raw text), once: what comes
 * out is text and is not looked at again, whatever it holds. $${ is a literal ${. Values of env,
 * file and cred make their scalar secret; so does a name such as "password" among options, vars and
 * connections.
 */
#ifndef TIDE_PIPELINE_INTERP_H
#define TIDE_PIPELINE_INTERP_H

#include "pipeline/diag.h"
#include "pipeline/format.h"
#include "pipeline/tree.h"

/*
 * Resolves all references in the tree of @doc; errors go to @diags and leave their scalar as it is.
 * @dir is what ${dir} stands for. Returns 0 or TIDE_ERR_NOMEM. @thread start
 */
int tide_interp_resolve(struct tide_doc *doc, const struct tide_load_args *args, const char *dir,
                        struct tide_diags *diags);

/* True for names whose values are not to be shown: ...password, ...secret, ...token. @thread any */
bool tide_name_is_secret(const char *name);

#endif
