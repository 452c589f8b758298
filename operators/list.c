/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in operators as a plugin: see list.h. */
#include "list.h"

static const struct tide_kind *const kinds[] = {
    &tide_op_aggregate.k, &tide_op_dead_letter.k, &tide_op_explode.k,
    &tide_op_filter.k,    &tide_op_project.k,
};

const struct tide_plugin tide_operators_plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_plugin),
    .name = "operators",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .kinds = kinds,
};
