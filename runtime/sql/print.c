/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing of typed expressions, in Spark's words: binary operators in parentheses, functions by
 * the name they were called with, casts of the analyser left out. Pretty, texts stand without
 * quotes; that is how Spark names a column that has no AS. Threads: any.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "codec/text.h"
#include "sql/functions.h"

struct printer {
    struct tide_buf *out;
    bool pretty;
    int rc; /* the first error; nothing is written after it */
};

static void print(struct printer *p, const struct tide_expr *expr);

static void
put(struct printer *p, const char *text, size_t n)
{
    if (p->rc == TIDE_OK) {
        p->rc = tide_buf_append(p->out, text, n);
    }
}

static void
put_text(struct printer *p, const char *text)
{
    put(p, text, strlen(text));
}

static void
put_type(struct printer *p, const struct tide_type *type)
{
    if (p->rc == TIDE_OK) {
        p->rc = tide_type_print(type, TIDE_TYPE_STYLE_SQL, p->out);
    }
}

/* A value as CAST(x AS STRING) writes it. */
static void
put_value(struct printer *p, const struct tide_value *value)
{
    struct tide_chars text = {0};
    uint8_t *room;
    tide_put_value(&text, value, TIDE_TEXT_CAST, tide_zone_utc());
    if (p->rc == TIDE_OK) {
        p->rc = tide_buf_reserve(p->out, text.n, &room);
    }
    if (p->rc == TIDE_OK) {
        text = (struct tide_chars){.p = (char *)room, .max = text.n};
        tide_put_value(&text, value, TIDE_TEXT_CAST, tide_zone_utc());
        p->out->len += text.n;
    }
}

static void
put_hex(struct printer *p, struct tide_bytes bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *byte = bytes.p;
    for (uint32_t i = 0; i < bytes.n; i++) {
        put(p, &digits[byte[i] >> 4], 1);
        put(p, &digits[byte[i] & 15], 1);
    }
}

static void
put_string(struct printer *p, struct tide_bytes bytes)
{
    const char *text = bytes.p;
    if (p->pretty) {
        put(p, text, bytes.n);
        return;
    }
    put(p, "'", 1);
    for (uint32_t i = 0; i < bytes.n; i++) {
        if (text[i] == '\'' || text[i] == '\\') {
            put(p, "\\", 1);
        }
        put(p, &text[i], 1);
    }
    put(p, "'", 1);
}

/* The suffix by which a number reads back as its type. */
static const char *
number_suffix(const struct tide_type *type)
{
    switch (type->id) {
    case TIDE_TYPE_BYTE:
        return "Y";
    case TIDE_TYPE_SHORT:
        return "S";
    case TIDE_TYPE_LONG:
        return "L";
    case TIDE_TYPE_DECIMAL:
        return "BD";
    default:
        return "";
    }
}

/* NaN and infinities are no literals. */
static void
print_float(struct printer *p, const struct tide_expr *expr)
{
    bool cast = !p->pretty && !isfinite(expr->value.f64);
    put_text(p, cast ? "CAST('" : "");
    put_value(p, &expr->value);
    if (cast) {
        put_text(p, "' AS ");
        put_type(p, &expr->type);
        put_text(p, ")");
    } else if (!p->pretty) {
        put_text(p, expr->type.id == TIDE_TYPE_FLOAT ? "F" : "D");
    }
}

static void
print_literal(struct printer *p, const struct tide_expr *expr)
{
    const struct tide_value *value = &expr->value;
    if (value->null) {
        put_text(p, p->pretty || expr->type.id == TIDE_TYPE_NULL ? "NULL" : "CAST(NULL AS ");
        if (!p->pretty && expr->type.id != TIDE_TYPE_NULL) {
            put_type(p, &expr->type);
            put_text(p, ")");
        }
        return;
    }
    switch (expr->type.id) {
    case TIDE_TYPE_STRING:
        put_string(p, value->bytes);
        break;
    case TIDE_TYPE_BINARY:
        put_text(p, "X'");
        put_hex(p, value->bytes);
        put_text(p, "'");
        break;
    case TIDE_TYPE_DATE:
    case TIDE_TYPE_TIMESTAMP:
        put_text(p, expr->type.id == TIDE_TYPE_DATE ? "DATE '" : "TIMESTAMP '");
        put_value(p, value);
        put_text(p, "'");
        break;
    case TIDE_TYPE_FLOAT:
    case TIDE_TYPE_DOUBLE:
        print_float(p, expr);
        break;
    default:
        put_value(p, value);
        put_text(p, p->pretty ? "" : number_suffix(&expr->type));
        break;
    }
}

static void
print_list(struct printer *p, const struct tide_expr *expr, uint32_t from, uint32_t step)
{
    for (uint32_t i = from; i < expr->n_args; i += step) {
        if (i > from) {
            put_text(p, ", ");
        }
        print(p, expr->args[i]);
    }
}

static void
print_name(struct printer *p, const char *name)
{
    bool plain = p->pretty || name[0] != '\0';
    for (const char *c = name; !p->pretty && *c != '\0'; c++) {
        plain &= (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' ||
                 (*c >= '0' && *c <= '9');
    }
    put_text(p, plain ? "" : "`");
    put_text(p, name);
    put_text(p, plain ? "" : "`");
}

static void
print_case(struct printer *p, const struct tide_expr *expr)
{
    uint32_t i = 0;
    put_text(p, "CASE");
    for (; i + 1 < expr->n_args; i += 2) {
        put_text(p, " WHEN ");
        print(p, expr->args[i]);
        put_text(p, " THEN ");
        print(p, expr->args[i + 1]);
    }
    if (i < expr->n_args) {
        put_text(p, " ELSE ");
        print(p, expr->args[i]);
    }
    put_text(p, " END");
}

static void
print_cast(struct printer *p, const struct tide_expr *expr)
{
    put_text(p, expr->try_cast ? "TRY_CAST(" : "CAST(");
    print(p, expr->args[0]);
    put_text(p, " AS ");
    put_type(p, &expr->type);
    put_text(p, ")");
}

static void
print_in(struct printer *p, const struct tide_expr *expr)
{
    put_text(p, "(");
    print(p, expr->args[0]);
    put_text(p, " IN (");
    print_list(p, expr, 1, 1);
    put_text(p, "))");
}

static void
print_field(struct printer *p, const struct tide_expr *expr)
{
    const struct tide_type *type = &expr->args[0]->type;
    type = type->id == TIDE_TYPE_ARRAY ? &type->children[0].type : type;
    print(p, expr->args[0]);
    put_text(p, ".");
    print_name(p, type->children[expr->index].name);
}

static void
print_index(struct printer *p, const struct tide_expr *expr)
{
    print(p, expr->args[0]);
    put_text(p, "[");
    print(p, expr->args[1]);
    put_text(p, "]");
}

/* Whether a value in struct() gets this name by itself: a column's, a field's, col1. */
static bool
names_itself(const struct tide_expr *value, const char *name, uint32_t position)
{
    char number[16];
    if (value->kind == TIDE_EXPR_COLUMN) {
        return strcmp(value->name, name) == 0;
    }
    if (value->kind == TIDE_EXPR_CALL && strcmp(value->fn->name, ".") == 0) {
        return strcmp(value->args[0]->type.children[value->index].name, name) == 0;
    }
    snprintf(number, sizeof(number), "col%u", position + 1);
    return strcmp(number, name) == 0;
}

/* struct(a, b AS c) is held as named_struct('a', a, 'c', b). */
static void
print_struct(struct printer *p, const struct tide_expr *expr)
{
    bool short_form = strcmp(expr->name, "struct") == 0;
    put_text(p, expr->name);
    put_text(p, "(");
    for (uint32_t i = 0; short_form && i < expr->type.n_children; i++) {
        const struct tide_expr *value = expr->args[2 * i + 1];
        put_text(p, i > 0 ? ", " : "");
        print(p, value);
        if (!names_itself(value, expr->type.children[i].name, i)) {
            put_text(p, " AS ");
            print_name(p, expr->type.children[i].name);
        }
    }
    if (!short_form) {
        print_list(p, expr, 0, 1);
    }
    put_text(p, ")");
}

static void
print_like(struct printer *p, const struct tide_expr *expr)
{
    print(p, expr->args[0]);
    put_text(p, " LIKE ");
    print(p, expr->args[1]);
    if (expr->n_args > 2) {
        put_text(p, " ESCAPE '");
        put(p, expr->args[2]->value.bytes.p, expr->args[2]->value.bytes.n);
        put_text(p, "'");
    }
}

/* from_json and to_json show what they work on, not how; a MAP is called entries. */
static void
print_first(struct printer *p, const struct tide_expr *expr)
{
    if (p->pretty && expr->type.id == TIDE_TYPE_MAP) {
        put_text(p, "entries");
        return;
    }
    put_text(p, expr->name);
    put_text(p, "(");
    print(p, expr->args[0]);
    for (uint32_t i = 1; !p->pretty && i < expr->n_args; i++) {
        put_text(p, ", ");
        print(p, expr->args[i]);
    }
    put_text(p, ")");
}

static void
print_if(struct printer *p, const struct tide_expr *expr)
{
    put_text(p, "(IF(");
    print_list(p, expr, 0, 1);
    put_text(p, "))");
}

/* BETWEEN holds a >= b AND a <= c, nullif a and a = b, nvl2 a IS NOT NULL: shown is what was
 * written. */
static const struct tide_expr *
unfold(const struct tide_expr *expr)
{
    return expr->kind == TIDE_EXPR_LITERAL && expr->folded != NULL ? expr->folded : expr;
}

static void
print_between(struct printer *p, const struct tide_expr *expr)
{
    const struct tide_expr *low = unfold(expr->args[0]), *high = unfold(expr->args[1]);
    put_text(p, "between(");
    print(p, low->args[0]);
    put_text(p, ", ");
    print(p, low->args[1]);
    put_text(p, ", ");
    print(p, high->args[1]);
    put_text(p, ")");
}

static void
print_nullif(struct printer *p, const struct tide_expr *expr)
{
    put_text(p, "nullif(");
    print(p, expr->args[0]);
    put_text(p, ", ");
    print(p, unfold(expr->args[1])->args[1]);
    put_text(p, ")");
}

static void
print_nvl2(struct printer *p, const struct tide_expr *expr)
{
    put_text(p, "nvl2(");
    print(p, unfold(expr->args[0])->args[0]);
    put_text(p, ", ");
    print_list(p, expr, 1, 1);
    put_text(p, ")");
}

/* ILIKE holds both sides in small letters. */
static void
print_ilike(struct printer *p, const struct tide_expr *expr)
{
    put_text(p, "ilike(");
    print(p, unfold(expr->args[0])->args[0]);
    put_text(p, ", ");
    print(p, unfold(expr->args[1])->args[0]);
    put_text(p, ")");
}

static void
print_tilde(struct printer *p, const struct tide_expr *expr)
{
    put_text(p, "~");
    print(p, expr->args[0]);
}

/* trim(BOTH chars FROM text) and its like. */
static void
print_trim(struct printer *p, const struct tide_expr *expr)
{
    const char *side = expr->fn->name[0] == 'l'   ? "LEADING "
                       : expr->fn->name[0] == 'r' ? "TRAILING "
                                                  : "BOTH ";
    if (expr->n_args == 1) {
        put_text(p, expr->name);
        put_text(p, "(");
        print(p, expr->args[0]);
    } else {
        put_text(p, "TRIM(");
        put_text(p, side);
        print(p, expr->args[0]);
        put_text(p, " FROM ");
        print(p, expr->args[1]);
    }
    put_text(p, ")");
}

/* What has a form of its own. */
static const struct {
    const char *name;
    void (*print)(struct printer *p, const struct tide_expr *expr);
} forms[] = {
    {"case", print_case}, {"cast", print_cast},       {"in", print_in},
    {"[]", print_index},  {".", print_field},         {"named_struct", print_struct},
    {"like", print_like}, {"from_json", print_first}, {"to_json", print_first},
    {"if", print_if},     {"between", print_between}, {"nullif", print_nullif},
    {"nvl2", print_nvl2}, {"ilike", print_ilike},     {"~", print_tilde},
    {"trim", print_trim}, {"ltrim", print_trim},      {"rtrim", print_trim},
};

static void
print_own(struct printer *p, const struct tide_expr *expr)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(forms[i].name, expr->fn->name) == 0) {
            forms[i].print(p, expr);
            return;
        }
    }
    TIDE_UNREACHABLE("a form without a printer");
}

static void
print_call(struct printer *p, const struct tide_expr *expr)
{
    const struct tide_fn *fn = expr->fn;
    const char *name = fn->shown != NULL ? fn->shown : expr->name;
    switch (fn->print) {
    case TIDE_PRINT_INFIX:
        put_text(p, "(");
        print(p, expr->args[0]);
        put_text(p, " ");
        put_text(p, name);
        put_text(p, " ");
        print(p, expr->args[1]);
        put_text(p, ")");
        break;
    case TIDE_PRINT_PREFIX:
        put_text(p, "(");
        put_text(p, name);
        put_text(p, " ");
        print(p, expr->args[0]);
        put_text(p, ")");
        break;
    case TIDE_PRINT_POSTFIX:
        put_text(p, "(");
        print(p, expr->args[0]);
        put_text(p, " ");
        put_text(p, name);
        put_text(p, ")");
        break;
    case TIDE_PRINT_OWN:
        print_own(p, expr);
        break;
    default:
        put_text(p, name);
        put_text(p, "(");
        print_list(p, expr, 0, 1);
        put_text(p, ")");
        break;
    }
}

static void
print(struct printer *p, const struct tide_expr *expr)
{
    if (expr->kind == TIDE_EXPR_LITERAL && expr->folded != NULL) {
        expr = expr->folded;
    }
    switch (expr->kind) {
    case TIDE_EXPR_COLUMN:
        print_name(p, expr->name);
        break;
    case TIDE_EXPR_LITERAL:
        print_literal(p, expr);
        break;
    default:
        if (expr->implicit && p->pretty) {
            print(p, expr->args[0]);
        } else {
            print_call(p, expr);
        }
        break;
    }
}

int
tide_expr_print(const struct tide_expr *expr, bool pretty, struct tide_buf *out)
{
    struct printer p = {.out = out, .pretty = pretty, .rc = TIDE_OK};
    print(&p, expr);
    return p.rc;
}
