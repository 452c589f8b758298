/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas: where each column lies in a slot, and the registry that gives every schema its id.
 *
 * A pipeline has one registry. Schemas are made on control threads, under the registry's lock; they
 * are constant and live as long as the registry. Looking one up takes no lock and is legal from any
 * thread. Equal schemas (names, types, nullability, hidden columns) are one schema: same id, same
 * pointer.
 *
 * Invariants:
 *   1. Ids start at 1 and rise by one; a pipeline has at most TIDE_LIMIT_SCHEMAS.
 *   2. fields_at, stride and at[] follow from the types alone, so that every process lays the same
 *      columns out alike.
 */
#ifndef TIDE_DATA_SCHEMA_H
#define TIDE_DATA_SCHEMA_H

#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/row.h>

#include "base/seam.h"

struct tide_schemas;

/* An empty registry. Errors: TIDE_ERR_NOMEM. @thread any */
int tide_schemas_create(const struct tide_seam *seam, struct tide_schemas **out,
                        struct tide_error *err);

/* Frees the registry and all its schemas; NULL is legal. @thread any */
void tide_schemas_destroy(struct tide_schemas *schemas);

/*
 * The schema of @n visible columns followed by @n_hidden of the host's; everything in @fields is
 * copied. Column names need not be unique. Errors: TIDE_ERR_LIMIT (columns, schemas),
 * TIDE_ERR_NOMEM. @thread any
 */
int tide_schema_make(struct tide_schemas *schemas, const struct tide_field *fields, uint32_t n,
                     uint32_t n_hidden, const struct tide_schema **out, struct tide_error *err);

/* The same from DDL, without hidden columns. Errors: also those of tide_fields_parse. @thread any
 */
int tide_schema_parse(struct tide_schemas *schemas, const char *ddl, const struct tide_schema **out,
                      struct tide_error *err);

/* The schema called @id, or NULL. @thread any */
const struct tide_schema *tide_schema_get(const struct tide_schemas *schemas, uint32_t id);

#endif
