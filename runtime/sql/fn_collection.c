/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs, arrays and maps: making them, and taking parts out.
 *
 * A nested value is built into scratch memory: cells first, then the region. When the writer is
 * full the row's value is built again with more room.
 */
#include <string.h>

#include "base/assert.h"
#include "sql/cast.h"
#include "sql/functions.h"
#include "sql/types.h"

/* ---- building ---- */

/* Copies argument @arg of row @i into a cell; false when the writer is full. */
static bool
arg_to_cell(struct tide_eval *eval, const struct tide_expr *node, uint32_t arg, uint32_t i,
            struct tide_cell *cell)
{
    struct tide_value value = tide_value_vec(tide_eval_arg(eval, node, arg), i);
    if (value.null) {
        *cell = (struct tide_cell){.null = true};
        return true;
    }
    return tide_build_copy(tide_eval_writer(eval), &value, cell);
}

/* Arguments @from, @from + @step, ... of row @i into @cells. */
static bool
args_to_cells(struct tide_eval *eval, const struct tide_expr *node, uint32_t from, uint32_t step,
              uint32_t i, struct tide_cell *cells)
{
    for (uint32_t arg = from; arg < node->n_args; arg += step) {
        if (!arg_to_cell(eval, node, arg, i, cells++)) {
            return false;
        }
    }
    return true;
}

/* Builds the value of row @i of @cells that @fill makes. */
typedef bool fill_fn(struct tide_eval *eval, const struct tide_expr *node, uint32_t i,
                     struct tide_cell *cells, struct tide_ref *out);

static void
build_rows(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out, fill_fn *fill)
{
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_ref ref;
        struct tide_cell *cells;
        bool ok;
        tide_eval_temp_reset(eval);
        cells = tide_eval_temp(eval, i, (node->n_args + 1) * sizeof(*cells));
        if (cells == NULL) {
            out->nulls[i] = 1;
            continue;
        }
        do {
            tide_eval_begin(eval);
            ok = fill(eval, node, i, cells, &ref);
        } while (!ok && tide_eval_more(eval, i));
        if (ok) {
            tide_vec_put_ref(out, i, tide_eval_writer(eval), ref);
        } else {
            out->nulls[i] = 1;
        }
    }
}

static bool
fill_struct(struct tide_eval *eval, const struct tide_expr *node, uint32_t i,
            struct tide_cell *cells, struct tide_ref *out)
{
    return args_to_cells(eval, node, 1, 2, i, cells) &&
           tide_build_struct(tide_eval_writer(eval), &node->type, cells, out);
}

static void
eval_struct(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
            struct tide_vec *out)
{
    build_rows(eval, node, sel, out, fill_struct);
}

static int
bind_struct(struct tide_binder *b, struct tide_expr *call)
{
    uint32_t n = call->n_args / 2;
    struct tide_field *fields = tide_type_arena_alloc(b->arena, (n + 1) * sizeof(*fields));
    if (fields == NULL) {
        return tide_bind_nomem(b);
    }
    if (call->n_args % 2 != 0) {
        return tide_bind_error(b, call->at, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                               "%s takes names and values by turns", call->name);
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct tide_expr *name = call->args[2 * i], *value = call->args[2 * i + 1];
        if (name->kind != TIDE_EXPR_LITERAL || name->type.id != TIDE_TYPE_STRING ||
            name->value.null) {
            return tide_bind_error(b, call->at,
                                   "DATATYPE_MISMATCH.CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING",
                                   "the name of field %u must be a constant text", i + 1);
        }
        fields[i].name = tide_type_arena_text(b->arena, name->value.bytes.p, name->value.bytes.n);
        fields[i].type = value->type;
        fields[i].nullable = value->nullable;
        if (fields[i].name == NULL) {
            return tide_bind_nomem(b);
        }
    }
    return tide_type_struct(b->arena, fields, n, &call->type, b->err);
}

static bool
fill_array(struct tide_eval *eval, const struct tide_expr *node, uint32_t i,
           struct tide_cell *cells, struct tide_ref *out)
{
    return args_to_cells(eval, node, 0, 1, i, cells) &&
           tide_build_array(tide_eval_writer(eval), &node->type, cells, node->n_args, out);
}

static void
eval_array(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out)
{
    build_rows(eval, node, sel, out, fill_array);
}

static int
refuse_types(struct tide_binder *b, const struct tide_expr *call)
{
    return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.DATA_DIFF_TYPES",
                           "the values of %s have types that do not meet", call->name);
}

/* Whether one of arguments @from, @from + @step, ... may be NULL. */
static bool
any_nullable(const struct tide_expr *call, uint32_t from, uint32_t step)
{
    for (uint32_t i = from; i < call->n_args; i += step) {
        if (call->args[i]->nullable) {
            return true;
        }
    }
    return false;
}

static int
bind_array(struct tide_binder *b, struct tide_expr *call)
{
    struct tide_type element;
    bool ok;
    int rc = tide_coerce_common(b, call, 0, 1, TIDE_WIDEN_FULL, &element, &ok);
    if (rc < 0 || !ok) {
        return rc < 0 ? rc : refuse_types(b, call);
    }
    return tide_type_array(b->arena, element, any_nullable(call, 0, 1), &call->type, b->err);
}

/* Keys are neither NULL nor twice there. */
static bool
check_keys(struct tide_eval *eval, const struct tide_expr *node, uint32_t i)
{
    for (uint32_t k = 0; k < node->n_args; k += 2) {
        struct tide_value key = tide_value_vec(tide_eval_arg(eval, node, k), i);
        if (key.null) {
            tide_eval_fail(eval, i, "NULL_MAP_KEY", "a key of a map is NULL");
            return false;
        }
        for (uint32_t j = 0; j < k; j += 2) {
            struct tide_value other = tide_value_vec(tide_eval_arg(eval, node, j), i);
            if (tide_value_equal(&key, &other)) {
                tide_eval_fail(eval, i, "DUPLICATED_MAP_KEY", "a key of a map is there twice");
                return false;
            }
        }
    }
    return true;
}

static bool
fill_map(struct tide_eval *eval, const struct tide_expr *node, uint32_t i, struct tide_cell *cells,
         struct tide_ref *out)
{
    uint32_t n = node->n_args / 2;
    if (!check_keys(eval, node, i)) {
        n = 0;
    } else if (!args_to_cells(eval, node, 0, 1, i, cells)) {
        return false;
    }
    return tide_build_map(tide_eval_writer(eval), &node->type, cells, n, out);
}

static void
eval_map(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
         struct tide_vec *out)
{
    build_rows(eval, node, sel, out, fill_map);
}

static int
bind_map(struct tide_binder *b, struct tide_expr *call)
{
    struct tide_type key, value;
    bool keys_ok, values_ok;
    int rc;
    if (call->n_args % 2 != 0) {
        return tide_bind_error(b, call->at, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                               "map takes keys and values by turns");
    }
    rc = tide_coerce_common(b, call, 0, 2, TIDE_WIDEN_FULL, &key, &keys_ok);
    if (rc == TIDE_OK) {
        rc = tide_coerce_common(b, call, 1, 2, TIDE_WIDEN_FULL, &value, &values_ok);
    }
    if (rc < 0) {
        return rc;
    }
    if (!keys_ok || !values_ok) {
        return refuse_types(b, call);
    }
    if (tide_type_has_map(&key)) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.INVALID_MAP_KEY_TYPE",
                               "a key of a map is no map and holds none");
    }
    call->may_fail |= call->n_args > 0;
    return tide_type_map(b->arena, key, value, any_nullable(call, 1, 2), &call->type, b->err);
}

/* ---- concat(array, ...) ---- */

static bool
fill_concat(struct tide_eval *eval, const struct tide_expr *node, uint32_t i,
            struct tide_cell *cells, struct tide_ref *out)
{
    uint32_t n = 0;
    (void)cells;
    for (uint32_t arg = 0; arg < node->n_args; arg++) {
        n += tide_nested_count(tide_eval_arg(eval, node, arg)->nested[i]);
    }
    cells = tide_eval_temp(eval, i, ((uint64_t)n + 1) * sizeof(*cells));
    n = 0;
    for (uint32_t arg = 0; arg < node->n_args && cells != NULL; arg++) {
        struct tide_nested array = tide_eval_arg(eval, node, arg)->nested[i];
        for (uint32_t k = 0; k < tide_nested_count(array); k++) {
            struct tide_value item = tide_array_at(&node->args[arg]->type, array, k);
            if (!tide_build_copy(tide_eval_writer(eval), &item, &cells[n++])) {
                return false;
            }
        }
    }
    return tide_build_array(tide_eval_writer(eval), &node->type, cells, n, out);
}

static void
eval_concat_arrays(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
                   struct tide_vec *out)
{
    build_rows(eval, node, sel, out, fill_concat);
}

int
tide_bind_concat_arrays(struct tide_binder *b, struct tide_expr *call)
{
    bool ok;
    int rc = tide_coerce_common(b, call, 0, 1, TIDE_WIDEN_FULL, &call->type, &ok);
    if (rc < 0 || !ok) {
        return rc < 0 ? rc : refuse_types(b, call);
    }
    call->eval = eval_concat_arrays;
    return TIDE_OK;
}

/* ---- struct.field ---- */

/* Where a field lies in the region of its struct. */
static int
bind_layout(struct tide_binder *b, const struct tide_type *type, const void **out)
{
    uint32_t *at = tide_type_arena_alloc(b->arena, (type->n_children + 1) * sizeof(*at));
    if (at == NULL) {
        return tide_bind_nomem(b);
    }
    tide_struct_layout(type, at);
    *out = at;
    return TIDE_OK;
}

static struct tide_value
field_at(const struct tide_type *type, const uint32_t *at, uint32_t index,
         struct tide_nested nested)
{
    if ((nested.p[index >> 3] >> (index & 7)) & 1) {
        return (struct tide_value){.type = &type->children[index].type, .null = true};
    }
    return tide_value_cell(&type->children[index].type, nested.p + at[index], nested.heap);
}

static void
eval_field(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out)
{
    const struct tide_nested *structs = tide_eval_arg(eval, node, 0)->nested;
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_value value =
            field_at(&node->args[0]->type, node->param, node->index, structs[i]);
        tide_vec_put(out, i, &value);
    }
}

static const struct tide_fn fn_field = {.name = ".",
                                        .print = TIDE_PRINT_OWN,
                                        .usage = "struct.field, map.key",
                                        .doc = "A field of a STRUCT, or the value of a key."};

/* The node of a part, but for its type; NULL when out of memory. */
static struct tide_expr *
bind_part(struct tide_binder *b, const struct tide_expr *base, uint32_t index, uint32_t at,
          tide_fn_eval *eval)
{
    struct tide_expr *node = tide_bind_node(b, TIDE_EXPR_CALL, &base, 1, at);
    if (node == NULL) {
        return NULL;
    }
    node->fn = &fn_field;
    node->name = ".";
    node->index = index;
    node->eval = eval;
    node->strict = true;
    return node;
}

int
tide_bind_field(struct tide_binder *b, const struct tide_expr *base, uint32_t index, uint32_t at,
                const struct tide_expr **out)
{
    struct tide_expr *node = bind_part(b, base, index, at, eval_field);
    int rc;
    if (node == NULL) {
        return tide_bind_nomem(b);
    }
    node->type = base->type.children[index].type;
    node->nullable = base->nullable || base->type.children[index].nullable;
    rc = bind_layout(b, &base->type, &node->param);
    return rc < 0 ? rc : tide_bind_finish(b, node, out);
}

/* array.field: the field of each struct. */
static bool
fill_element_fields(struct tide_eval *eval, const struct tide_expr *node, uint32_t i,
                    struct tide_cell *cells, struct tide_ref *out)
{
    const struct tide_type *type = &node->args[0]->type;
    struct tide_nested array = tide_eval_arg(eval, node, 0)->nested[i];
    uint32_t n = tide_nested_count(array);
    cells = tide_eval_temp(eval, i, ((uint64_t)n + 1) * sizeof(*cells));
    for (uint32_t k = 0; k < n && cells != NULL; k++) {
        struct tide_value item = tide_array_at(type, array, k);
        if (!item.null) {
            item = field_at(&type->children[0].type, node->param, node->index, item.nested);
        }
        cells[k] = (struct tide_cell){.null = true};
        if (!item.null && !tide_build_copy(tide_eval_writer(eval), &item, &cells[k])) {
            return false;
        }
    }
    return tide_build_array(tide_eval_writer(eval), &node->type, cells, cells != NULL ? n : 0, out);
}

static void
eval_element_fields(struct tide_eval *eval, const struct tide_expr *node,
                    const struct tide_sel *sel, struct tide_vec *out)
{
    build_rows(eval, node, sel, out, fill_element_fields);
}

int
tide_bind_element_fields(struct tide_binder *b, const struct tide_expr *base, uint32_t index,
                         uint32_t at, const struct tide_expr **out)
{
    const struct tide_field *element = &base->type.children[0];
    const struct tide_field *field = &element->type.children[index];
    struct tide_expr *node = bind_part(b, base, index, at, eval_element_fields);
    int rc;
    if (node == NULL) {
        return tide_bind_nomem(b);
    }
    node->nullable = base->nullable;
    rc = tide_type_array(b->arena, field->type, element->nullable || field->nullable, &node->type,
                         b->err);
    if (rc == TIDE_OK) {
        rc = bind_layout(b, &element->type, &node->param);
    }
    return rc < 0 ? rc : tide_bind_finish(b, node, out);
}

/* ---- array[index], map[key] ---- */

static void
eval_item(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
          struct tide_vec *out)
{
    const struct tide_nested *arrays = tide_eval_arg(eval, node, 0)->nested;
    const int64_t *index = tide_eval_arg(eval, node, 1)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        uint32_t n = tide_nested_count(arrays[i]);
        if (index[i] >= 0 && index[i] < n) {
            struct tide_value item =
                tide_array_at(&node->args[0]->type, arrays[i], (uint32_t)index[i]);
            tide_vec_put(out, i, &item);
            continue;
        }
        out->nulls[i] = 1;
        if (node->ansi) {
            tide_eval_fail(eval, i, "INVALID_ARRAY_INDEX",
                           "index %lld is outside of an array of %u elements", (long long)index[i],
                           n);
        }
    }
}

static void
eval_map_value(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
               struct tide_vec *out)
{
    const struct tide_type *type = &node->args[0]->type;
    const struct tide_vec *keys = tide_eval_arg(eval, node, 1);
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_nested map = tide_eval_arg(eval, node, 0)->nested[i];
        struct tide_value key = tide_value_vec(keys, i);
        uint32_t n = tide_nested_count(map);
        out->nulls[i] = 1;
        for (uint32_t k = 0; k < n; k++) {
            struct tide_value known = tide_map_key_at(type, map, k);
            if (tide_value_equal(&known, &key)) {
                struct tide_value value = tide_map_value_at(type, map, k);
                tide_vec_put(out, i, &value);
                break;
            }
        }
    }
}

static int
bind_map_value(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_field *entry = call->args[0]->type.children;
    const struct tide_type *from = &call->args[1]->type;
    char key[TIDE_TYPE_TEXT], given[TIDE_TYPE_TEXT];
    bool fits = tide_type_equal(from, &entry[0].type) ||
                (!tide_type_is_nested(from) && !tide_type_is_nested(&entry[0].type) &&
                 tide_cast_allowed(from, &entry[0].type, true));
    if (!fits) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                               "a key of this map is %s, not %s",
                               tide_bind_type_text(&entry[0].type, key),
                               tide_bind_type_text(from, given));
    }
    call->type = entry[1].type;
    call->eval = eval_map_value;
    return tide_coerce_to(b, &call->args[1], &entry[0].type);
}

static int
bind_item(struct tide_binder *b, struct tide_expr *call)
{
    if (call->args[0]->type.id == TIDE_TYPE_MAP) {
        return bind_map_value(b, call);
    }
    TIDE_ASSERT(call->args[0]->type.id == TIDE_TYPE_ARRAY);
    call->type = call->args[0]->type.children[0].type;
    call->may_fail |= call->ansi;
    if (call->args[1]->type.id == TIDE_TYPE_STRING) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                               "the index of an array must be a whole number, not STRING");
    }
    return tide_coerce_param(b, call, 1, 'I');
}

const struct tide_fn tide_fns_collection[] = {
    {.name = "named_struct",
     .args_min = 0,
     .args_max = TIDE_ARGS_ANY,
     .nulls = TIDE_NULLS_NEVER,
     .print = TIDE_PRINT_OWN,
     .bind = bind_struct,
     .eval = eval_struct,
     .usage = "named_struct(name, value, ...), struct(value, ...), (value, value, ...)",
     .doc = "A STRUCT of the values; names are constant texts.",
     .since = "1.5.0"},
    {.name = "array",
     .args_min = 0,
     .args_max = TIDE_ARGS_ANY,
     .nulls = TIDE_NULLS_NEVER,
     .bind = bind_array,
     .eval = eval_array,
     .usage = "array(value, ...)",
     .doc = "An ARRAY of the values.",
     .since = "1.1.0"},
    {.name = "map",
     .args_min = 0,
     .args_max = TIDE_ARGS_ANY,
     .nulls = TIDE_NULLS_NEVER,
     .bind = bind_map,
     .eval = eval_map,
     .usage = "map(key, value, ...)",
     .doc = "A MAP of the keys and values; a key twice is an error.",
     .since = "2.0.0"},
    {.name = "[]",
     .args_min = 2,
     .args_max = 2,
     .nulls = TIDE_NULLS_MADE,
     .print = TIDE_PRINT_OWN,
     .bind = bind_item,
     .eval = eval_item,
     .usage = "array[index], map[key], struct['field']",
     .doc = "An element, counted from 0, or the value of a key; NULL when there is none.",
     .since = "1.0.0"},
    {.name = NULL},
};
