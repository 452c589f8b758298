/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function table: all parts as one. `tidemark list functions` and the suggestions for misspelt
 * names come from it. Threads: any; everything is constant.
 */
#include "sql/functions.h"

#include <string.h>

#include "sql/sql.h"

static const struct tide_fn *const parts[] = {
    tide_fns_arithmetic, tide_fns_bits,  tide_fns_compare,    tide_fns_conditional,
    tide_fns_string,     tide_fns_regex, tide_fns_collection, tide_fns_json,
    tide_fns_time,       NULL,
};

const struct tide_fn *
tide_fn_at(uint32_t i)
{
    for (const struct tide_fn *const *part = parts; *part != NULL; part++) {
        for (const struct tide_fn *fn = *part; fn->name != NULL; fn++) {
            if (i-- == 0) {
                return fn;
            }
        }
    }
    return NULL;
}

const struct tide_fn *
tide_fn_find(const char *name)
{
    for (const struct tide_fn *const *part = parts; *part != NULL; part++) {
        for (const struct tide_fn *fn = *part; fn->name != NULL; fn++) {
            if (strcmp(fn->name, name) == 0) {
                return fn;
            }
        }
    }
    return NULL;
}

bool
tide_sql_function_at(uint32_t i, struct tide_sql_function *out)
{
    const struct tide_aggregate_fn *aggregate = tide_sql_aggregates();
    const struct tide_fn *fn = tide_fn_at(i);
    uint32_t n = 0;
    if (fn != NULL) {
        *out = (struct tide_sql_function){fn->name, fn->usage, fn->doc, fn->since};
        return true;
    }
    while (tide_fn_at(n) != NULL) {
        n++;
    }
    if (i == n) {
        *out = (struct tide_sql_function){tide_fn_cast.name, tide_fn_cast.usage, tide_fn_cast.doc,
                                          tide_fn_cast.since};
        return true;
    }
    i -= n + 1;
    if (tide_generator_at(i, out)) {
        return true;
    }
    for (uint32_t k = 0; tide_generator_at(k, out); k++) {
        i--;
    }
    for (; aggregate->name != NULL; aggregate++) {
        if (aggregate->built && i-- == 0) {
            *out = (struct tide_sql_function){aggregate->name, aggregate->usage, aggregate->doc,
                                              aggregate->since};
            return true;
        }
    }
    return false;
}
