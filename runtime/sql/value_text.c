/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of values for those who have a vector and no program. Threads: any.
 */
#include "codec/text.h"
#include "sql/sql.h"

uint32_t
tide_sql_value_text(const struct tide_vec *vec, uint32_t i, const struct tide_zone *zone, char *out,
                    uint32_t out_max)
{
    struct tide_chars text = {.p = out, .max = out_max};
    struct tide_value value = tide_value_vec(vec, i);
    tide_put_value(&text, &value, TIDE_TEXT_CAST, zone);
    return text.n;
}
