/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Casts: Spark's tables of what may be cast, the conversion of nested values, and the CAST node.
 *
 * A nested value is converted piece by piece: its parts become cells in the writer's heap, and the
 * region is built last. When the writer is full the whole value is converted again with more room;
 * texts made on the way lie in working memory until they are copied into that heap.
 */
#include "sql/cast.h"

#include "base/assert.h"
#include "codec/text.h"
#include "sql/analyse.h"
#include "sql/decimal.h"
#include "sql/functions.h"
#include "sql/types.h"

/* ---- rules ---- */

/* Whether a NULL inside may go where @to says whether one is allowed. */
static bool
nullable_ok(const struct tide_field *from, const struct tide_field *to, bool ansi)
{
    bool makes = !ansi && tide_cast_makes_null(&from->type, &to->type);
    return to->nullable || !(from->nullable || makes);
}

static bool
nested_allowed(const struct tide_type *from, const struct tide_type *to, bool ansi)
{
    if (from->id != to->id || from->n_children != to->n_children) {
        return false;
    }
    for (uint32_t i = 0; i < from->n_children; i++) {
        if (!tide_cast_allowed(&from->children[i].type, &to->children[i].type, ansi) ||
            !nullable_ok(&from->children[i], &to->children[i], ansi)) {
            return false;
        }
    }
    return true;
}

static bool
ansi_refuses(const struct tide_type *from, const struct tide_type *to)
{
    return (to->id == TIDE_TYPE_BINARY && tide_type_is_integral(from)) ||
           (from->id == TIDE_TYPE_DATE &&
            (to->id == TIDE_TYPE_BOOLEAN || tide_type_is_number(to))) ||
           (from->id == TIDE_TYPE_TIMESTAMP && to->id == TIDE_TYPE_BOOLEAN) ||
           (from->id == TIDE_TYPE_BOOLEAN && to->id == TIDE_TYPE_TIMESTAMP);
}

bool
tide_cast_allowed(const struct tide_type *from, const struct tide_type *to, bool ansi)
{
    if (tide_type_equal(from, to) || from->id == TIDE_TYPE_NULL || to->id == TIDE_TYPE_STRING) {
        return true;
    }
    if (tide_type_is_nested(from) || tide_type_is_nested(to)) {
        return nested_allowed(from, to, ansi);
    }
    return tide_cast_conversion(from, to) != NULL && !(ansi && ansi_refuses(from, to));
}

/* Whether every value of @from is one of the DECIMAL @to. */
static bool
decimal_holds(const struct tide_type *from, const struct tide_type *to)
{
    struct tide_type other;
    if (from->id == TIDE_TYPE_BOOLEAN) {
        return to->precision > to->scale;
    }
    if (!tide_type_is_integral(from) && from->id != TIDE_TYPE_DECIMAL) {
        return false;
    }
    other = tide_decimal_for(from);
    return to->precision - to->scale >= other.precision - other.scale && to->scale >= other.scale;
}

bool
tide_cast_makes_null(const struct tide_type *from, const struct tide_type *to)
{
    if (from->id == TIDE_TYPE_NULL || tide_type_equal(from, to) || to->id == TIDE_TYPE_STRING) {
        return false;
    }
    if (from->id == TIDE_TYPE_STRING) {
        return to->id != TIDE_TYPE_BINARY;
    }
    if (from->id == TIDE_TYPE_TIMESTAMP && tide_type_is_integral(to)) {
        return to->id != TIDE_TYPE_LONG;
    }
    if (tide_type_is_float(from) && to->id == TIDE_TYPE_TIMESTAMP) {
        return true;
    }
    if (to->id == TIDE_TYPE_DATE) {
        return from->id != TIDE_TYPE_TIMESTAMP;
    }
    if (from->id == TIDE_TYPE_DATE) {
        return to->id != TIDE_TYPE_TIMESTAMP;
    }
    if (to->id == TIDE_TYPE_DECIMAL) {
        return !decimal_holds(from, to);
    }
    return (tide_type_is_float(from) || from->id == TIDE_TYPE_DECIMAL) && tide_type_is_integral(to);
}

/* Casts between types that are not nested and never fail. */
static bool
is_safe(const struct tide_type *from, const struct tide_type *to)
{
    if (to->id == TIDE_TYPE_DECIMAL) {
        return decimal_holds(from, to);
    }
    if (tide_type_is_integral(to)) {
        return from->id == TIDE_TYPE_BOOLEAN || (tide_type_is_integral(from) && from->id <= to->id);
    }
    if (to->id == TIDE_TYPE_TIMESTAMP) {
        return from->id == TIDE_TYPE_DATE || tide_type_is_integral(from);
    }
    return from->id != TIDE_TYPE_STRING || to->id == TIDE_TYPE_BINARY;
}

bool
tide_cast_may_fail(const struct tide_type *from, const struct tide_type *to)
{
    if (from->id == TIDE_TYPE_NULL || tide_type_equal(from, to) || to->id == TIDE_TYPE_STRING) {
        return false;
    }
    for (uint32_t i = 0; i < from->n_children; i++) {
        if (tide_cast_may_fail(&from->children[i].type, &to->children[i].type)) {
            return true;
        }
    }
    return from->n_children == 0 && !is_safe(from, to);
}

/* ---- conversion ---- */

static enum tide_cast_outcome to_cell(const struct tide_cast *cast,
                                      const struct tide_cast_site *site,
                                      const struct tide_value *in, struct tide_cell *out);

/* Part @i of a nested value: an element, a key or value by turns, a field. */
static struct tide_value
part_at(const struct tide_type *type, struct tide_nested nested, uint32_t i)
{
    switch (type->id) {
    case TIDE_TYPE_ARRAY:
        return tide_array_at(type, nested, i);
    case TIDE_TYPE_MAP:
        return i % 2 == 0 ? tide_map_key_at(type, nested, i / 2)
                          : tide_map_value_at(type, nested, i / 2);
    default:
        return tide_struct_at(type, nested, i);
    }
}

static bool
build(struct tide_writer *writer, const struct tide_type *type, const struct tide_cell *cells,
      uint32_t count, struct tide_ref *out)
{
    switch (type->id) {
    case TIDE_TYPE_ARRAY:
        return tide_build_array(writer, type, cells, count, out);
    case TIDE_TYPE_MAP:
        return tide_build_map(writer, type, cells, count, out);
    default:
        return tide_build_struct(writer, type, cells, out);
    }
}

static enum tide_cast_outcome
nested_to_cell(const struct tide_cast *cast, const struct tide_cast_site *site,
               const struct tide_value *in, struct tide_cell *out)
{
    bool map = cast->from->id == TIDE_TYPE_MAP;
    uint32_t count =
        cast->from->id == TIDE_TYPE_STRUCT ? cast->from->n_children : tide_nested_count(in->nested);
    uint32_t parts = map ? count * 2 : count;
    struct tide_cell *cells =
        tide_eval_temp(site->eval, site->row, (uint64_t)parts * sizeof(*cells));
    if (cells == NULL) {
        return TIDE_CAST_FAILED;
    }
    for (uint32_t i = 0; i < parts; i++) {
        struct tide_value part = part_at(cast->from, in->nested, i);
        uint32_t child = cast->from->id == TIDE_TYPE_STRUCT ? i : map ? i % 2 : 0;
        enum tide_cast_outcome outcome = to_cell(&cast->children[child], site, &part, &cells[i]);
        if (outcome != TIDE_CAST_OK) {
            return outcome;
        }
    }
    *out = (struct tide_cell){.null = false};
    return build(tide_eval_writer(site->eval), cast->to, cells, count, &out->ref) ? TIDE_CAST_OK
                                                                                  : TIDE_CAST_FULL;
}

/* Parts that do not convert are NULL, except under ANSI. */
static enum tide_cast_outcome
to_cell(const struct tide_cast *cast, const struct tide_cast_site *site,
        const struct tide_value *in, struct tide_cell *out)
{
    struct tide_value value = *in;
    enum tide_cast_outcome outcome = in->null ? TIDE_CAST_NULL : TIDE_CAST_OK;
    if (outcome == TIDE_CAST_OK && cast->children != NULL) {
        return nested_to_cell(cast, site, in, out);
    }
    if (outcome == TIDE_CAST_OK && cast->convert != NULL) {
        value.type = cast->to;
        outcome = cast->convert(cast, site, in, &value);
    }
    if (outcome == TIDE_CAST_FAILED || (outcome > TIDE_CAST_NULL && cast->mode == TIDE_CAST_ANSI)) {
        return outcome;
    }
    if (outcome != TIDE_CAST_OK) {
        *out = (struct tide_cell){.null = true};
        return TIDE_CAST_OK;
    }
    return tide_build_copy(tide_eval_writer(site->eval), &value, out) ? TIDE_CAST_OK
                                                                      : TIDE_CAST_FULL;
}

/* Converts a whole nested value into register @out. */
static enum tide_cast_outcome
convert_nested(const struct tide_cast *cast, const struct tide_cast_site *site,
               const struct tide_value *in, struct tide_vec *out)
{
    struct tide_cell cell;
    enum tide_cast_outcome outcome;
    do {
        tide_eval_temp_reset(site->eval);
        tide_eval_begin(site->eval);
        outcome = nested_to_cell(cast, site, in, &cell);
    } while (outcome == TIDE_CAST_FULL && tide_eval_more(site->eval, site->row));
    if (outcome == TIDE_CAST_OK) {
        tide_vec_put_ref(out, site->row, tide_eval_writer(site->eval), cell.ref);
    }
    return outcome == TIDE_CAST_FULL ? TIDE_CAST_FAILED : outcome;
}

/* ---- the node ---- */

static void
fail_row(const struct tide_cast *cast, const struct tide_cast_site *site,
         enum tide_cast_outcome outcome, const struct tide_value *in)
{
    char from[TIDE_TYPE_TEXT], to[TIDE_TYPE_TEXT], buffer[64];
    struct tide_chars text = {.p = buffer, .max = sizeof(buffer) - 1};
    const char *error_class = outcome == TIDE_CAST_INVALID ? "CAST_INVALID_INPUT"
                              : outcome == TIDE_CAST_OVERFLOW
                                  ? "CAST_OVERFLOW"
                                  : "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION";
    tide_put_value(&text, in, TIDE_TEXT_CAST, cast->zone);
    buffer[text.n < text.max ? text.n : text.max] = '\0';
    tide_eval_fail(site->eval, site->row, error_class, "the %s value '%s' is no %s",
                   tide_bind_type_text(cast->from, from), buffer,
                   tide_bind_type_text(cast->to, to));
}

static void
eval_cast(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
          struct tide_vec *out)
{
    const struct tide_cast *cast = node->param;
    const struct tide_vec *arg = tide_eval_arg(eval, node, 0);
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_cast_site site = {eval, i, TIDE_PLACE_HEAP};
        struct tide_value in = tide_value_vec(arg, i), value = {.type = cast->to};
        enum tide_cast_outcome outcome;
        if (cast->children != NULL) {
            site.place = TIDE_PLACE_TEMP;
            outcome = convert_nested(cast, &site, &in, out);
        } else {
            outcome = cast->convert(cast, &site, &in, &value);
            if (outcome == TIDE_CAST_OK) {
                tide_vec_put(out, i, &value);
            }
        }
        if (outcome != TIDE_CAST_OK) {
            out->nulls[i] = 1;
        }
        if (outcome > TIDE_CAST_NULL && outcome < TIDE_CAST_FULL && cast->mode == TIDE_CAST_ANSI) {
            fail_row(cast, &site, outcome, &in);
        }
    }
}

/* Fills a cast and those of its parts. Errors: TIDE_ERR_NOMEM. */
static int
prepare(struct tide_binder *b, struct tide_cast *cast)
{
    const struct tide_type *from = cast->from, *to = cast->to;
    struct tide_cast *children;
    if (!tide_type_is_nested(from) || to->id == TIDE_TYPE_STRING || to->id == TIDE_TYPE_NULL) {
        cast->convert = tide_cast_conversion(from, to);
        return TIDE_OK;
    }
    children = tide_type_arena_alloc(b->arena, (from->n_children + 1) * sizeof(*children));
    if (children == NULL) {
        return tide_bind_nomem(b);
    }
    for (uint32_t i = 0; i < from->n_children; i++) {
        children[i] = *cast;
        children[i].from = &from->children[i].type;
        children[i].to = &to->children[i].type;
        children[i].children = NULL;
        int rc = prepare(b, &children[i]);
        if (rc < 0) {
            return rc;
        }
    }
    cast->children = children;
    return TIDE_OK;
}

/* The condition under which Spark refuses a cast. */
static const char *
refusal(const struct tide_type *from, const struct tide_type *to, enum tide_cast_mode mode)
{
    if (mode != TIDE_CAST_LEGACY && ((tide_type_is_number(from) && to->id == TIDE_TYPE_DATE) ||
                                     (from->id == TIDE_TYPE_DATE && tide_type_is_number(to)))) {
        return "DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION";
    }
    if (mode == TIDE_CAST_ANSI && tide_cast_allowed(from, to, false)) {
        return "DATATYPE_MISMATCH.CAST_WITH_CONF_SUGGESTION";
    }
    return "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION";
}

static bool
holds_timestamp(const struct tide_type *type)
{
    bool holds = type->id == TIDE_TYPE_TIMESTAMP;
    for (uint32_t i = 0; i < type->n_children && !holds; i++) {
        holds = holds_timestamp(&type->children[i].type);
    }
    return holds;
}

int
tide_bind_cast(struct tide_binder *b, const struct tide_expr *arg, const struct tide_type *type,
               bool try_cast, bool implicit, uint32_t at, const struct tide_expr **out)
{
    enum tide_cast_mode mode = try_cast  ? TIDE_CAST_TRY
                               : b->ansi ? TIDE_CAST_ANSI
                                         : TIDE_CAST_LEGACY;
    char from[TIDE_TYPE_TEXT], to[TIDE_TYPE_TEXT];
    struct tide_expr *node;
    struct tide_cast *cast;
    int rc;
    if (!tide_cast_allowed(&arg->type, type, mode != TIDE_CAST_LEGACY)) {
        return tide_bind_error(b, at, refusal(&arg->type, type, mode), "%s cannot be cast to %s",
                               tide_bind_type_text(&arg->type, from),
                               tide_bind_type_text(type, to));
    }
    node = tide_bind_node(b, TIDE_EXPR_CALL, &arg, 1, at);
    cast = tide_type_arena_alloc(b->arena, sizeof(*cast));
    if (node == NULL || cast == NULL) {
        return tide_bind_nomem(b);
    }
    rc = tide_type_copy(b->arena, type, &node->type, b->err);
    if (rc < 0) {
        return rc;
    }
    if (holds_timestamp(&node->type)) {
        rc = tide_program_regions(b->program, b->err);
    }
    if (rc < 0) {
        return rc;
    }
    *cast = (struct tide_cast){.from = &arg->type,
                               .to = &node->type,
                               .mode = mode,
                               .zone = b->program->zone,
                               .regions = b->program->regions};
    rc = prepare(b, cast);
    if (rc < 0) {
        return rc;
    }
    node->fn = &tide_fn_cast;
    node->name = try_cast ? "try_cast" : "cast";
    node->eval = eval_cast;
    node->param = cast;
    node->strict = true;
    node->try_cast = try_cast;
    node->implicit = implicit;
    node->nullable = arg->nullable || tide_cast_makes_null(&arg->type, type) ||
                     (try_cast && tide_cast_may_fail(&arg->type, type));
    node->may_fail |= mode == TIDE_CAST_ANSI && tide_cast_may_fail(&arg->type, type);
    return tide_bind_finish(b, node, out);
}

const struct tide_fn tide_fn_cast = {
    .name = "cast",
    .args_min = 1,
    .args_max = 1,
    .print = TIDE_PRINT_OWN,
    .usage = "CAST(expr AS type)",
    .doc = "Converts a value to another type; TRY_CAST gives NULL where CAST would fail.",
    .since = "1.0.0",
};
