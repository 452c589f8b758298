/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of types, as the rules of SQL group them. Threads: any.
 */
#ifndef TIDE_SQL_TYPES_H
#define TIDE_SQL_TYPES_H

#include "data/type.h"

static inline bool
tide_type_is_integral(const struct tide_type *type)
{
    return type->id >= TIDE_TYPE_BYTE && type->id <= TIDE_TYPE_LONG;
}

static inline bool
tide_type_is_float(const struct tide_type *type)
{
    return type->id == TIDE_TYPE_FLOAT || type->id == TIDE_TYPE_DOUBLE;
}

static inline bool
tide_type_is_number(const struct tide_type *type)
{
    return type->id >= TIDE_TYPE_BYTE && type->id <= TIDE_TYPE_DECIMAL;
}

/* Whether a MAP is anywhere in the type: such values have no order. */
static inline bool
tide_type_has_map(const struct tide_type *type)
{
    for (uint32_t i = 0; i < type->n_children; i++) {
        if (tide_type_has_map(&type->children[i].type)) {
            return true;
        }
    }
    return type->id == TIDE_TYPE_MAP;
}

#endif
