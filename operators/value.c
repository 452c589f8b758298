/* SPDX-License-Identifier: Apache-2.0 */
/* Values as vectors of one: see value.h. */
#include "value.h"

#include <stdio.h>

static uint32_t
width_of(const struct tide_type *type)
{
    bool wide = type->id == TIDE_TYPE_INTERVAL_CALENDAR ||
                (type->id == TIDE_TYPE_DECIMAL && type->precision > 18);
    return wide ? 16 : 8;
}

/* Bytes or a nested value behind the reference at @cell. */
static void
set_reference(struct tide_op_value *out, const struct tide_type *type, const uint8_t *cell,
              const uint8_t *heap)
{
    struct tide_ref ref;
    memcpy(&ref, cell, sizeof(ref));
    if (type->id == TIDE_TYPE_STRING || type->id == TIDE_TYPE_BINARY) {
        out->value.bytes = (struct tide_bytes){heap + ref.at, ref.n};
    } else {
        out->value.nested = (struct tide_nested){heap + ref.at, heap};
    }
}

void
tide_op_value_set(struct tide_op_value *out, const struct tide_type *type, const uint8_t *cell,
                  const uint8_t *heap, bool null)
{
    int64_t narrow;
    out->null = null || type->id == TIDE_TYPE_NULL;
    out->vec = (struct tide_vec){.type = type, .n = 1, .constant = true, .no_nulls = !out->null};
    out->vec.nulls = &out->null;
    out->vec.values = &out->value;
    if (out->null) {
        return;
    }
    if (tide_op_type_in_heap(type)) {
        set_reference(out, type, cell, heap);
    } else if (type->id == TIDE_TYPE_DECIMAL && type->precision <= 18) {
        memcpy(&narrow, cell, sizeof(narrow));
        out->value.i128 = narrow;
    } else {
        memcpy(&out->value, cell, width_of(type));
    }
}

void
tide_op_value_row(struct tide_op_value *out, const struct tide_schema *schema,
                  const struct tide_batch *batch, const uint8_t *row, uint32_t field)
{
    tide_op_value_set(out, &schema->fields[field].type, row + schema->at[field], batch->heap,
                      tide_row_is_null(row, field));
}

void
tide_op_sequence_of(const struct tide_type *type, struct tide_nested nested,
                    struct tide_op_sequence *out)
{
    uint64_t count;
    bool map = type->id == TIDE_TYPE_MAP;
    uint32_t key_width = map ? width_of(&type->children[0].type) : 0;
    uint32_t value_width = width_of(&type->children[map ? 1 : 0].type);
    memcpy(&count, nested.p, sizeof(count));
    uint64_t at = 16 + (count + 63) / 64 * 8;
    if (key_width == 16 || value_width == 16) {
        at = (at + 15) & ~(uint64_t)15;
    }
    *out = (struct tide_op_sequence){.count = (uint32_t)count,
                                     .nulls = nested.p + 16,
                                     .keys = nested.p + at,
                                     .key_width = key_width,
                                     .value_width = value_width,
                                     .heap = nested.heap};
    at += count * key_width;
    if (value_width == 16) {
        at = (at + 15) & ~(uint64_t)15;
    }
    out->values = nested.p + at;
}

/* ---- names of types ---- */

static const char *const plain_names[TIDE_TYPE_COUNT] = {
    [TIDE_TYPE_NULL] = "VOID",
    [TIDE_TYPE_BOOLEAN] = "BOOLEAN",
    [TIDE_TYPE_BYTE] = "TINYINT",
    [TIDE_TYPE_SHORT] = "SMALLINT",
    [TIDE_TYPE_INT] = "INT",
    [TIDE_TYPE_LONG] = "BIGINT",
    [TIDE_TYPE_FLOAT] = "FLOAT",
    [TIDE_TYPE_DOUBLE] = "DOUBLE",
    [TIDE_TYPE_DECIMAL] = "DECIMAL",
    [TIDE_TYPE_STRING] = "STRING",
    [TIDE_TYPE_BINARY] = "BINARY",
    [TIDE_TYPE_DATE] = "DATE",
    [TIDE_TYPE_TIMESTAMP] = "TIMESTAMP",
    [TIDE_TYPE_TIMESTAMP_NTZ] = "TIMESTAMP_NTZ",
    [TIDE_TYPE_INTERVAL_YM] = "INTERVAL YEAR TO MONTH",
    [TIDE_TYPE_INTERVAL_DT] = "INTERVAL DAY TO SECOND",
    [TIDE_TYPE_INTERVAL_CALENDAR] = "INTERVAL",
    [TIDE_TYPE_ARRAY] = "ARRAY",
    [TIDE_TYPE_MAP] = "MAP",
    [TIDE_TYPE_STRUCT] = "STRUCT",
};

static void
append(char *out, const char *text)
{
    size_t n = strlen(out);
    snprintf(out + n, TIDE_OP_TYPE_TEXT - n, "%s", text);
}

/* Recursion ends at the depth of the type, which its maker bounds. */
static void
append_type(char *out, const struct tide_type *type)
{
    char parameters[32];
    append(out, plain_names[type->id]);
    if (type->id == TIDE_TYPE_DECIMAL) {
        snprintf(parameters, sizeof(parameters), "(%u,%u)", type->precision, type->scale);
        append(out, parameters);
    }
    for (uint32_t i = 0; i < type->n_children; i++) {
        append(out, i == 0 ? "<" : ", ");
        if (type->id == TIDE_TYPE_STRUCT) {
            append(out, type->children[i].name);
            append(out, ": ");
        }
        append_type(out, &type->children[i].type);
    }
    append(out, type->n_children > 0 ? ">" : "");
}

const char *
tide_op_type_text(const struct tide_type *type, char out[TIDE_OP_TYPE_TEXT])
{
    out[0] = 0;
    append_type(out, type);
    return out;
}
