/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format as a JSON Schema (2020-12), for editors and CI: `tidemark list schema`.
 *
 * Written from the format table. It accepts what this version cannot do yet (marked "x-built":
 * false) and cannot say rules between keys; `tidemark check` is the judge.
 */
#ifndef TIDE_PIPELINE_SCHEMA_JSON_H
#define TIDE_PIPELINE_SCHEMA_JSON_H

#include "base/buffer.h"

/* Appends the schema, indented, with a line break at the end. Returns 0, TIDE_ERR_NOMEM or
 * TIDE_ERR_LIMIT (@out is too small). @thread any */
int tide_schema_json_write(struct tide_buf *out);

#endif
