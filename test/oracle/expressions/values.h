/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the oracle's JSON: into rows, and compared with what came out. The encoding is that of
 * test/oracle/README.md.
 */
#ifndef TIDE_TEST_VALUES_H
#define TIDE_TEST_VALUES_H

#include "data/value.h"
#include "json.h"

/* Builds @json as a cell of @type in the writer's heap; false when it is none. */
bool value_build(struct tide_writer *writer, const struct tide_type *type, const struct json *json,
                 struct tide_cell *out);

/* Whether @value is what @json says. */
bool value_matches(const struct tide_value *value, const struct json *json);

#endif
