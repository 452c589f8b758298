/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coercion: how operands and arguments of different types meet, after Spark's TypeCoercion (ANSI
 * off) and AnsiTypeCoercion, DecimalPrecision and ImplicitTypeCasts. Nothing here knows a function;
 * the bind functions choose the rule. Threads: the one that compiles.
 */
#include "base/assert.h"
#include "sql/analyse.h"
#include "sql/cast.h"
#include "sql/decimal.h"
#include "sql/types.h"

static const struct tide_type null_type = {.id = TIDE_TYPE_NULL};
static const struct tide_type string_type = {.id = TIDE_TYPE_STRING};
static const struct tide_type boolean_type = {.id = TIDE_TYPE_BOOLEAN};
static const struct tide_type int_type = {.id = TIDE_TYPE_INT};
static const struct tide_type long_type = {.id = TIDE_TYPE_LONG};
static const struct tide_type double_type = {.id = TIDE_TYPE_DOUBLE};
static const struct tide_type date_type = {.id = TIDE_TYPE_DATE};
static const struct tide_type timestamp_type = {.id = TIDE_TYPE_TIMESTAMP};
static const struct tide_type binary_type = {.id = TIDE_TYPE_BINARY};

/* ---- common types ---- */

static bool widen_nested(struct tide_binder *b, enum tide_widen how, const struct tide_type *x,
                         const struct tide_type *y, struct tide_type *out);

/* Numbers without decimals: the higher one. With ANSI an integral and a FLOAT meet in DOUBLE. */
static bool
widen_numbers(const struct tide_binder *b, const struct tide_type *x, const struct tide_type *y,
              struct tide_type *out)
{
    const struct tide_type *high = x->id > y->id ? x : y, *low = high == x ? y : x;
    if (!tide_type_is_number(x) || !tide_type_is_number(y)) {
        return false;
    }
    if (high->id == TIDE_TYPE_DECIMAL) {
        struct tide_type whole;
        if (!tide_type_is_integral(low)) {
            return false;
        }
        whole = tide_decimal_for(low);
        *out = *high;
        return high->precision - high->scale >= whole.precision;
    }
    *out =
        b->ansi && high->id == TIDE_TYPE_FLOAT && low->id != TIDE_TYPE_FLOAT ? double_type : *high;
    return true;
}

static bool
widen_tight(struct tide_binder *b, enum tide_widen how, const struct tide_type *x,
            const struct tide_type *y, struct tide_type *out)
{
    if (tide_type_identical(x, y) || y->id == TIDE_TYPE_NULL) {
        *out = *x;
        return true;
    }
    if (x->id == TIDE_TYPE_NULL) {
        *out = *y;
        return true;
    }
    if ((x->id == TIDE_TYPE_DATE && y->id == TIDE_TYPE_TIMESTAMP) ||
        (x->id == TIDE_TYPE_TIMESTAMP && y->id == TIDE_TYPE_DATE)) {
        *out = timestamp_type;
        return true;
    }
    return widen_numbers(b, x, y, out) || widen_nested(b, how, x, y, out);
}

static bool
widen_decimal(const struct tide_type *x, const struct tide_type *y, struct tide_type *out)
{
    struct tide_type other;
    if (y->id == TIDE_TYPE_DECIMAL) {
        const struct tide_type *swap = x;
        x = y;
        y = swap;
    }
    if (x->id != TIDE_TYPE_DECIMAL || !tide_type_is_number(y)) {
        return false;
    }
    if (y->id == TIDE_TYPE_FLOAT || y->id == TIDE_TYPE_DOUBLE) {
        *out = double_type;
        return true;
    }
    other = tide_decimal_for(y);
    *out = tide_decimal_wider(x, &other);
    return true;
}

/* A text meets another type: without ANSI the other becomes text, with ANSI the text the other. */
static bool
widen_string(const struct tide_binder *b, const struct tide_type *x, const struct tide_type *y,
             struct tide_type *out)
{
    const struct tide_type *other = x->id == TIDE_TYPE_STRING ? y : x;
    if ((x->id != TIDE_TYPE_STRING && y->id != TIDE_TYPE_STRING) || tide_type_is_nested(other)) {
        return false;
    }
    if (b->ansi) {
        *out = tide_type_is_integral(other) ? long_type
               : tide_type_is_number(other) ? double_type
                                            : *other;
        return true;
    }
    *out = string_type;
    return other->id != TIDE_TYPE_BINARY && other->id != TIDE_TYPE_BOOLEAN;
}

static bool
widen_struct(struct tide_binder *b, enum tide_widen how, const struct tide_type *x,
             const struct tide_type *y, struct tide_type *out)
{
    struct tide_field *fields =
        tide_type_arena_alloc(b->arena, (x->n_children + 1) * sizeof(*fields));
    if (x->n_children != y->n_children || fields == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < x->n_children; i++) {
        const struct tide_field *a = &x->children[i], *c = &y->children[i];
        if (tide_fields_find(c, 1, a->name, strlen(a->name), b->case_sensitive) != 0 ||
            !tide_widen(b, how, &a->type, &c->type, &fields[i].type)) {
            return false;
        }
        fields[i].name = a->name;
        fields[i].nullable = a->nullable || c->nullable ||
                             tide_cast_makes_null(&a->type, &fields[i].type) ||
                             tide_cast_makes_null(&c->type, &fields[i].type);
    }
    return tide_type_struct(b->arena, fields, x->n_children, out, NULL) == TIDE_OK;
}

static bool
widen_nested(struct tide_binder *b, enum tide_widen how, const struct tide_type *x,
             const struct tide_type *y, struct tide_type *out)
{
    const struct tide_field *a = x->children, *c = y->children;
    struct tide_type key, value;
    uint32_t last = x->id == TIDE_TYPE_MAP;
    bool nullable;
    if (x->id != y->id || !tide_type_is_nested(x)) {
        return false;
    }
    if (x->id == TIDE_TYPE_STRUCT) {
        return widen_struct(b, how, x, y, out);
    }
    if (!tide_widen(b, how, &a[last].type, &c[last].type, &value)) {
        return false;
    }
    nullable = a[last].nullable || c[last].nullable ||
               tide_cast_makes_null(&a[last].type, &value) ||
               tide_cast_makes_null(&c[last].type, &value);
    if (x->id == TIDE_TYPE_ARRAY) {
        return tide_type_array(b->arena, value, nullable, out, NULL) == TIDE_OK;
    }
    return tide_widen(b, how, &a[0].type, &c[0].type, &key) &&
           !tide_cast_makes_null(&a[0].type, &key) && !tide_cast_makes_null(&c[0].type, &key) &&
           tide_type_map(b->arena, key, value, nullable, out, NULL) == TIDE_OK;
}

bool
tide_widen(struct tide_binder *b, enum tide_widen how, const struct tide_type *x,
           const struct tide_type *y, struct tide_type *out)
{
    struct tide_type common; /* @out may be @x or @y */
    bool ok = widen_tight(b, how, x, y, &common) ||
              (how >= TIDE_WIDEN_NO_STRING && widen_decimal(x, y, &common)) ||
              (how >= TIDE_WIDEN_FULL && widen_string(b, x, y, &common));
    if (ok) {
        *out = common;
    }
    return ok;
}

/* Whether a type is or holds a text. */
static bool
has_string(const struct tide_type *type)
{
    for (uint32_t i = 0; i < type->n_children; i++) {
        if (has_string(&type->children[i].type)) {
            return true;
        }
    }
    return type->id == TIDE_TYPE_STRING;
}

int
tide_coerce_to(struct tide_binder *b, const struct tide_expr **io, const struct tide_type *type)
{
    if (tide_type_equal(&(*io)->type, type)) {
        return TIDE_OK;
    }
    return tide_bind_cast(b, *io, type, false, true, (*io)->at, io);
}

int
tide_coerce_common(struct tide_binder *b, struct tide_expr *call, uint32_t from, uint32_t step,
                   enum tide_widen how, struct tide_type *out, bool *out_ok)
{
    struct tide_type common = null_type;
    /* texts come first, so that the result does not depend on the order of the others */
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = from; i < call->n_args; i += step) {
            bool text = !b->ansi && how == TIDE_WIDEN_FULL && has_string(&call->args[i]->type);
            if (text == (pass == 0) &&
                !tide_widen(b, how, &common, &call->args[i]->type, &common)) {
                *out_ok = false;
                return TIDE_OK;
            }
        }
    }
    for (uint32_t i = from; i < call->n_args; i += step) {
        int rc = tide_coerce_to(b, &call->args[i], &common);
        if (rc < 0) {
            return rc;
        }
    }
    *out = common;
    *out_ok = true;
    return TIDE_OK;
}

/* ---- parameters ---- */

static bool
param_accepts(char letter, const struct tide_type *type)
{
    switch (letter) {
    case 's':
        return type->id == TIDE_TYPE_STRING;
    case 'y':
        return tide_type_is_bytes(type);
    case 'x':
        return type->id == TIDE_TYPE_BINARY;
    case 'b':
        return type->id == TIDE_TYPE_BOOLEAN;
    case 'i':
        return type->id == TIDE_TYPE_INT;
    case 'l':
        return type->id == TIDE_TYPE_LONG;
    case 'd':
        return type->id == TIDE_TYPE_DOUBLE;
    case 'n':
        return tide_type_is_number(type);
    case 'I':
        return tide_type_is_integral(type);
    case 'D':
        return type->id == TIDE_TYPE_DATE;
    case 't':
        return type->id == TIDE_TYPE_TIMESTAMP;
    case 'a':
        return type->id == TIDE_TYPE_ARRAY;
    case 'm':
        return type->id == TIDE_TYPE_MAP;
    default:
        TIDE_ASSERT(letter == '*');
        return true;
    }
}

/* What an argument of @type is cast to for @letter, or NULL when it cannot be. */
static const struct tide_type *
param_target(const struct tide_binder *b, char letter, const struct tide_type *type)
{
    bool atomic = !tide_type_is_nested(type), null = type->id == TIDE_TYPE_NULL;
    bool text = type->id == TIDE_TYPE_STRING, number = tide_type_is_number(type);
    switch (letter) {
    case 's':
    case 'y':
        return atomic ? &string_type : NULL;
    case 'x':
        return text || null ? &binary_type : NULL;
    case 'b':
        return null || (text && b->ansi) ? &boolean_type : NULL;
    case 'i':
    case 'I':
        return null || text || (number && letter == 'i') ? &int_type : NULL;
    case 'l':
        return null || text || number ? &long_type : NULL;
    case 'd':
        return null || text || number ? &double_type : NULL;
    case 'n':
        return null || text ? &double_type : NULL;
    case 'D':
        return null || text || type->id == TIDE_TYPE_TIMESTAMP ? &date_type : NULL;
    case 't':
        return null || text || type->id == TIDE_TYPE_DATE ? &timestamp_type : NULL;
    default:
        return NULL;
    }
}

static const char *
param_name(char letter)
{
    static const struct {
        char letter;
        const char *name;
    } names[] = {{'s', "STRING"},    {'y', "STRING or BINARY"},
                 {'x', "BINARY"},    {'b', "BOOLEAN"},
                 {'i', "INT"},       {'I', "an integral type"},
                 {'l', "BIGINT"},    {'d', "DOUBLE"},
                 {'n', "a number"},  {'D', "DATE"},
                 {'t', "TIMESTAMP"}, {'a', "ARRAY"},
                 {'m', "MAP"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].letter == letter) {
            return names[i].name;
        }
    }
    TIDE_UNREACHABLE("parameter letter");
}

int
tide_coerce_param(struct tide_binder *b, struct tide_expr *call, uint32_t i, char letter)
{
    const struct tide_expr *arg = call->args[i];
    const struct tide_type *target;
    char text[TIDE_TYPE_TEXT];
    if (param_accepts(letter, &arg->type)) {
        return TIDE_OK;
    }
    target = param_target(b, letter, &arg->type);
    if (target != NULL) {
        return tide_coerce_to(b, &call->args[i], target);
    }
    return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                           "argument %u of %s must be %s, not %s", i + 1, call->name,
                           param_name(letter), tide_bind_type_text(&arg->type, text));
}

/* ---- operators ---- */

static int
refuse_different(struct tide_binder *b, const struct tide_expr *call)
{
    char left[TIDE_TYPE_TEXT], right[TIDE_TYPE_TEXT];
    return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES",
                           "the two sides of %s are %s and %s", call->name,
                           tide_bind_type_text(&call->args[0]->type, left),
                           tide_bind_type_text(&call->args[1]->type, right));
}

static int
cast_both(struct tide_binder *b, struct tide_expr *call, const struct tide_type *type)
{
    int rc = tide_coerce_to(b, &call->args[0], type);
    return rc < 0 ? rc : tide_coerce_to(b, &call->args[1], type);
}

/* An integral argument beside a decimal becomes a decimal: a literal with just its digits. */
static int
coerce_to_decimal(struct tide_binder *b, const struct tide_expr **io)
{
    struct tide_type type;
    if (!tide_type_is_integral(&(*io)->type)) {
        return TIDE_OK;
    }
    type = (*io)->kind == TIDE_EXPR_LITERAL && (*io)->folded == NULL && !(*io)->value.null
               ? tide_decimal_for_value((*io)->value.i64)
               : tide_decimal_for(&(*io)->type);
    return tide_coerce_to(b, io, &type);
}

/* A decimal beside an integral or a float. */
static int
coerce_decimals(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_type *x = &call->args[0]->type, *y = &call->args[1]->type;
    int rc;
    if ((x->id != TIDE_TYPE_DECIMAL && y->id != TIDE_TYPE_DECIMAL) || !tide_type_is_number(x) ||
        !tide_type_is_number(y)) {
        return TIDE_OK;
    }
    if (x->id == TIDE_TYPE_FLOAT || x->id == TIDE_TYPE_DOUBLE || y->id == TIDE_TYPE_FLOAT ||
        y->id == TIDE_TYPE_DOUBLE) {
        return cast_both(b, call, &double_type);
    }
    rc = coerce_to_decimal(b, &call->args[0]);
    return rc < 0 ? rc : coerce_to_decimal(b, &call->args[1]);
}

/* What a text and another type are compared as. */
static bool
compare_string(const struct tide_binder *b, const struct tide_type *other, struct tide_type *out)
{
    if (tide_type_is_nested(other)) {
        return false;
    }
    if (other->id == TIDE_TYPE_NULL) {
        *out = string_type;
    } else if (b->ansi && tide_type_is_integral(other)) {
        *out = long_type;
    } else if (other->id == TIDE_TYPE_DECIMAL || (b->ansi && other->id == TIDE_TYPE_FLOAT)) {
        *out = double_type;
    } else {
        *out = *other;
    }
    return true;
}

bool
tide_same_shape(const struct tide_type *x, const struct tide_type *y)
{
    if (x->id != y->id || x->n_children != y->n_children || x->precision != y->precision ||
        x->scale != y->scale) {
        return false;
    }
    for (uint32_t i = 0; i < x->n_children; i++) {
        if (!tide_same_shape(&x->children[i].type, &y->children[i].type)) {
            return false;
        }
    }
    return true;
}

static int
check_order(struct tide_binder *b, const struct tide_expr *call)
{
    char text[TIDE_TYPE_TEXT];
    if (!tide_type_has_map(&call->args[0]->type)) {
        return TIDE_OK;
    }
    return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE",
                           "%s cannot compare values of type %s", call->name,
                           tide_bind_type_text(&call->args[0]->type, text));
}

int
tide_coerce_comparison(struct tide_binder *b, struct tide_expr *call, bool equality)
{
    const struct tide_type *x = &call->args[0]->type, *y = &call->args[1]->type;
    bool text = x->id == TIDE_TYPE_STRING, other_text = y->id == TIDE_TYPE_STRING;
    bool truth = x->id == TIDE_TYPE_BOOLEAN, other_truth = y->id == TIDE_TYPE_BOOLEAN;
    struct tide_type common;
    int rc = TIDE_OK;
    if (tide_same_shape(x, y)) {
        return check_order(b, call);
    }
    if (text != other_text) {
        if (!compare_string(b, text ? y : x, &common)) {
            return refuse_different(b, call);
        }
    } else if (!b->ansi && equality && truth && tide_type_is_number(y)) {
        common = *y;
    } else if (!b->ansi && equality && other_truth && tide_type_is_number(x)) {
        common = *x;
    } else {
        rc = coerce_decimals(b, call);
        if (rc < 0) {
            return rc;
        }
        if (!tide_widen(b, TIDE_WIDEN_NO_STRING, &call->args[0]->type, &call->args[1]->type,
                        &common)) {
            return refuse_different(b, call);
        }
    }
    rc = cast_both(b, call, &common);
    return rc < 0 ? rc : check_order(b, call);
}

/* Texts in arithmetic are numbers. */
static int
coerce_texts(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_type *x = &call->args[0]->type, *y = &call->args[1]->type;
    bool text = x->id == TIDE_TYPE_STRING, other_text = y->id == TIDE_TYPE_STRING;
    const struct tide_type *other = text ? y : x;
    struct tide_type number = double_type;
    if ((!text && !other_text) || (b->ansi && text && other_text)) {
        return TIDE_OK;
    }
    if (b->ansi) {
        if (!tide_type_is_number(other) && other->id != TIDE_TYPE_NULL) {
            return TIDE_OK;
        }
        number = tide_type_is_integral(other) ? long_type : double_type;
        return cast_both(b, call, &number);
    }
    if (text) {
        int rc = tide_coerce_to(b, &call->args[0], &number);
        if (rc < 0) {
            return rc;
        }
    }
    return other_text ? tide_coerce_to(b, &call->args[1], &number) : TIDE_OK;
}

int
tide_coerce_arithmetic(struct tide_binder *b, struct tide_expr *call, bool integral)
{
    const struct tide_type *x, *y;
    struct tide_type common;
    int rc = coerce_texts(b, call);
    if (rc == TIDE_OK) {
        rc = coerce_decimals(b, call);
    }
    if (rc < 0) {
        return rc;
    }
    x = &call->args[0]->type;
    y = &call->args[1]->type;
    if (x->id == TIDE_TYPE_DECIMAL && y->id == TIDE_TYPE_DECIMAL) {
        return TIDE_OK;
    }
    if (x->id == TIDE_TYPE_NULL && y->id == TIDE_TYPE_NULL) {
        return cast_both(b, call, integral ? &int_type : &double_type);
    }
    if (integral && x->id != y->id && (tide_type_is_float(x) || tide_type_is_float(y))) {
        return refuse_different(b, call);
    }
    if (widen_numbers(b, x, y, &common) || ((x->id == TIDE_TYPE_NULL || y->id == TIDE_TYPE_NULL) &&
                                            widen_tight(b, TIDE_WIDEN_TIGHT, x, y, &common))) {
        return cast_both(b, call, &common);
    }
    return tide_same_shape(x, y) ? TIDE_OK : refuse_different(b, call);
}
