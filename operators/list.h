/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in operators: one plugin that is linked in.
 */
#ifndef TIDE_OPERATORS_LIST_H
#define TIDE_OPERATORS_LIST_H

#include <tidemark/plugin.h>

extern const struct tide_operator tide_op_aggregate;
extern const struct tide_operator tide_op_dead_letter;
extern const struct tide_operator tide_op_explode;
extern const struct tide_operator tide_op_filter;
extern const struct tide_operator tide_op_project;

/* All of them, for tide_registry_add(). */
extern const struct tide_plugin tide_operators_plugin;

#endif
