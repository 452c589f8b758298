/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types from Spark's DDL: a recursive descent over the text, without a token list.
 *
 *   columns := column {"," column}           column := name type [NOT NULL] [COMMENT 'text']
 *   type    := plain | DECIMAL ["(" p ["," s] ")"] | (VAR)CHAR "(" n ")"
 *            | ARRAY "<" type ">" | MAP "<" type "," type ">"
 *            | STRUCT "<" [field {"," field}] ">"
 *   field   := name [":"] type [NOT NULL] [COMMENT 'text']
 *   name    := letters, digits, _ (not digits alone) | `any text, `` for a backquote`
 */
#include "data/type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/text.h"

struct ddl {
    struct tide_type_arena *arena;
    const char *text;
    size_t len, at;
    uint32_t depth;
    struct tide_error *err;
};

/* Fields of one struct while it is read: chained in the arena, copied into an array at the end. */
struct field_link {
    struct tide_field field;
    struct field_link *next;
};

/* A word of the text. */
struct word {
    const char *p;
    size_t n;
};

static const struct {
    const char *name;
    uint8_t id;
} plain_types[] = {
    {"boolean", TIDE_TYPE_BOOLEAN},
    {"tinyint", TIDE_TYPE_BYTE},
    {"byte", TIDE_TYPE_BYTE},
    {"smallint", TIDE_TYPE_SHORT},
    {"short", TIDE_TYPE_SHORT},
    {"int", TIDE_TYPE_INT},
    {"integer", TIDE_TYPE_INT},
    {"bigint", TIDE_TYPE_LONG},
    {"long", TIDE_TYPE_LONG},
    {"float", TIDE_TYPE_FLOAT},
    {"real", TIDE_TYPE_FLOAT},
    {"double", TIDE_TYPE_DOUBLE},
    {"string", TIDE_TYPE_STRING},
    {"binary", TIDE_TYPE_BINARY},
    {"date", TIDE_TYPE_DATE},
    {"timestamp", TIDE_TYPE_TIMESTAMP},
    {"timestamp_ltz", TIDE_TYPE_TIMESTAMP},
};

/* Spark's, understood and refused. */
static const char *const refused_types[] = {"timestamp_ntz", "interval", "variant",  "void",
                                            "time",          "geometry", "geography"};

/* For "did you mean". */
static const char *const type_names[] = {
    "boolean", "tinyint", "byte", "smallint", "short",  "int",    "integer", "bigint",
    "long",    "float",   "real", "double",   "string", "binary", "date",    "decimal",
    "numeric", "varchar", "char", "array",    "map",    "struct", "dec",     "timestamp"};

static int parse_type(struct ddl *ddl, struct tide_type *out);

static void
skip_blanks(struct ddl *ddl)
{
    while (ddl->at < ddl->len && strchr(" \t\r\n", ddl->text[ddl->at]) != NULL &&
           ddl->text[ddl->at] != '\0') {
        ddl->at++;
    }
}

static int
refuse(struct ddl *ddl, const char *expected)
{
    skip_blanks(ddl);
    if (ddl->at == ddl->len) {
        return tide_error_set_at(ddl->err, TIDE_ERR_INVALID, (int32_t)ddl->at,
                                 "the type ends where %s is expected", expected);
    }
    return tide_error_set_at(
        ddl->err, TIDE_ERR_INVALID, (int32_t)ddl->at, "%s is expected at \"%.*s\"", expected,
        (int)(ddl->len - ddl->at > 20 ? 20 : ddl->len - ddl->at), ddl->text + ddl->at);
}

/* Takes the character @c if it is next. */
static bool
take(struct ddl *ddl, char c)
{
    skip_blanks(ddl);
    if (ddl->at < ddl->len && ddl->text[ddl->at] == c) {
        ddl->at++;
        return true;
    }
    return false;
}

static int
want(struct ddl *ddl, char c, const char *expected)
{
    return take(ddl, c) ? 0 : refuse(ddl, expected);
}

static bool
is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & 0x80) != 0;
}

/* The word that is next, without taking it; empty when there is none. */
static struct word
peek_word(struct ddl *ddl)
{
    struct word word;
    skip_blanks(ddl);
    word.p = ddl->text + ddl->at;
    word.n = 0;
    while (ddl->at + word.n < ddl->len && is_word_char(word.p[word.n])) {
        word.n++;
    }
    return word;
}

static bool
word_is(struct word word, const char *name)
{
    return word.n == strlen(name) && strncasecmp(word.p, name, word.n) == 0;
}

static bool
take_word(struct ddl *ddl, const char *name)
{
    struct word word = peek_word(ddl);
    if (!word_is(word, name)) {
        return false;
    }
    ddl->at += word.n;
    return true;
}

/* A name in backquotes, whose first one is next. */
static int
parse_quoted_name(struct ddl *ddl, const char **out)
{
    size_t start = ++ddl->at;
    size_t n = 0;
    char *name = tide_type_arena_alloc(ddl->arena, ddl->len - start + 1);
    if (name == NULL) {
        return tide_error_set(ddl->err, TIDE_ERR_NOMEM, "no memory for a type");
    }
    while (ddl->at < ddl->len) {
        char c = ddl->text[ddl->at++];
        if (c == '`') {
            if (ddl->at == ddl->len || ddl->text[ddl->at] != '`') {
                name[n] = '\0';
                *out = name;
                return 0;
            }
            ddl->at++;
        }
        if (c == '\0') {
            break;
        }
        name[n++] = c;
    }
    return tide_error_set_at(ddl->err, TIDE_ERR_INVALID, (int32_t)start - 1,
                             "the name that begins here has no closing backquote");
}

static int
parse_name(struct ddl *ddl, const char **out)
{
    struct word word = peek_word(ddl);
    size_t digits = 0;
    if (ddl->at < ddl->len && ddl->text[ddl->at] == '`') {
        return parse_quoted_name(ddl, out);
    }
    while (digits < word.n && word.p[digits] >= '0' && word.p[digits] <= '9') {
        digits++;
    }
    if (word.n == digits) {
        return refuse(ddl, "a name");
    }
    ddl->at += word.n;
    *out = tide_type_arena_text(ddl->arena, word.p, word.n);
    if (*out == NULL) {
        return tide_error_set(ddl->err, TIDE_ERR_NOMEM, "no memory for a type");
    }
    return 0;
}

/* A small number without sign. */
static int
parse_number(struct ddl *ddl, uint32_t *out)
{
    uint32_t value = 0;
    size_t start;
    skip_blanks(ddl);
    start = ddl->at;
    while (ddl->at < ddl->len && ddl->text[ddl->at] >= '0' && ddl->text[ddl->at] <= '9' &&
           value < 1000000000) {
        value = value * 10 + (uint32_t)(ddl->text[ddl->at++] - '0');
    }
    if (ddl->at == start) {
        return refuse(ddl, "a number");
    }
    *out = value;
    return 0;
}

/* What may follow DECIMAL: "(precision [, scale])". */
static int
parse_decimal(struct ddl *ddl, struct tide_type *out)
{
    uint32_t precision = 10;
    uint32_t scale = 0;
    size_t start = ddl->at;
    int rc = 0;
    if (take(ddl, '(')) {
        rc = parse_number(ddl, &precision);
        if (rc == 0 && take(ddl, ',')) {
            rc = parse_number(ddl, &scale);
        }
        if (rc == 0) {
            rc = want(ddl, ')', "\")\"");
        }
    }
    if (rc < 0) {
        return rc;
    }
    if (precision < 1 || precision > 38 || scale > precision) {
        return tide_error_set_at(ddl->err, TIDE_ERR_INVALID, (int32_t)start,
                                 "decimal(%u,%u): the precision must be 1 to 38 and the scale at "
                                 "most the precision",
                                 precision, scale);
    }
    *out = tide_type_decimal(precision, scale);
    return 0;
}

/* The length of CHAR and VARCHAR, which are STRING here as in Spark's schemas. */
static int
parse_char(struct ddl *ddl, struct tide_type *out)
{
    uint32_t length;
    int rc = want(ddl, '(', "\"(\" and a length");
    if (rc == 0) {
        rc = parse_number(ddl, &length);
    }
    if (rc == 0) {
        rc = want(ddl, ')', "\")\"");
    }
    if (rc == 0) {
        *out = tide_type_of(TIDE_TYPE_STRING);
    }
    return rc;
}

static int
parse_array(struct ddl *ddl, struct tide_type *out)
{
    struct tide_type element;
    int rc = want(ddl, '<', "\"<\"");
    if (rc == 0) {
        rc = parse_type(ddl, &element);
    }
    if (rc == 0) {
        rc = want(ddl, '>', "\">\"");
    }
    return rc < 0 ? rc : tide_type_array(ddl->arena, element, true, out, ddl->err);
}

static int
parse_map(struct ddl *ddl, struct tide_type *out)
{
    struct tide_type key, value;
    size_t start = ddl->at;
    int rc = want(ddl, '<', "\"<\"");
    if (rc == 0) {
        rc = parse_type(ddl, &key);
    }
    if (rc == 0) {
        rc = want(ddl, ',', "\",\"");
    }
    if (rc == 0) {
        rc = parse_type(ddl, &value);
    }
    if (rc == 0) {
        rc = want(ddl, '>', "\">\"");
    }
    if (rc == 0) {
        rc = tide_type_map(ddl->arena, key, value, true, out, ddl->err);
        if (rc < 0 && ddl->err != NULL) {
            ddl->err->at = (int32_t)start;
        }
    }
    return rc;
}

/* COMMENT 'text', dropped: either quote, backslash escapes, a doubled quote stands for itself. */
static int
skip_comment(struct ddl *ddl)
{
    char quote;
    size_t start;
    skip_blanks(ddl);
    start = ddl->at;
    quote = ddl->at < ddl->len ? ddl->text[ddl->at] : '\0';
    if (quote != '\'' && quote != '"') {
        return refuse(ddl, "the comment in quotes");
    }
    ddl->at++;
    while (ddl->at < ddl->len) {
        char c = ddl->text[ddl->at++];
        if (c == '\\' && ddl->at < ddl->len) {
            ddl->at++;
        } else if (c == quote && (ddl->at == ddl->len || ddl->text[ddl->at] != quote)) {
            return 0;
        } else if (c == quote) {
            ddl->at++;
        }
    }
    return tide_error_set_at(ddl->err, TIDE_ERR_INVALID, (int32_t)start,
                             "the comment that begins here has no closing quote");
}

/* One column or field; in a struct a colon may stand between name and type. */
static int
parse_field(struct ddl *ddl, bool in_struct, struct tide_field *out)
{
    int rc = parse_name(ddl, &out->name);
    out->nullable = true;
    if (rc == 0) {
        if (in_struct) {
            take(ddl, ':');
        }
        rc = parse_type(ddl, &out->type);
    }
    if (rc == 0 && take_word(ddl, "not")) {
        out->nullable = false;
        rc = take_word(ddl, "null") ? 0 : refuse(ddl, "NULL behind NOT");
    }
    if (rc == 0 && take_word(ddl, "comment")) {
        rc = skip_comment(ddl);
    }
    return rc;
}

/* Columns up to what cannot continue the list. */
static int
parse_field_list(struct ddl *ddl, bool in_struct, const struct tide_field **out, uint32_t *out_n)
{
    struct field_link *first = NULL;
    struct field_link **last = &first;
    struct tide_field *fields;
    uint32_t n = 0;
    do {
        struct field_link *link = tide_type_arena_alloc(ddl->arena, sizeof(*link));
        if (link == NULL) {
            return tide_error_set(ddl->err, TIDE_ERR_NOMEM, "no memory for a type");
        }
        int rc = parse_field(ddl, in_struct, &link->field);
        if (rc < 0) {
            return rc;
        }
        *last = link;
        last = &link->next;
        n++;
        if (n > TIDE_LIMIT_COLUMNS) {
            return tide_error_set_at(ddl->err, TIDE_ERR_LIMIT, (int32_t)ddl->at,
                                     "more than %u columns", TIDE_LIMIT_COLUMNS);
        }
    } while (take(ddl, ','));
    fields = tide_type_arena_alloc(ddl->arena, n * sizeof(*fields));
    if (fields == NULL) {
        return tide_error_set(ddl->err, TIDE_ERR_NOMEM, "no memory for a type");
    }
    for (uint32_t i = 0; i < n; i++, first = first->next) {
        fields[i] = first->field;
    }
    *out = fields;
    *out_n = n;
    return 0;
}

static int
parse_struct(struct ddl *ddl, struct tide_type *out)
{
    const struct tide_field *fields = NULL;
    uint32_t n = 0;
    int rc = want(ddl, '<', "\"<\"");
    if (rc == 0 && !take(ddl, '>')) {
        rc = parse_field_list(ddl, true, &fields, &n);
        if (rc == 0) {
            rc = want(ddl, '>', "\">\" or \",\"");
        }
    }
    if (rc == 0) {
        *out = (struct tide_type){.id = TIDE_TYPE_STRUCT, .n_children = n, .children = fields};
    }
    return rc;
}

/* Refuses @word, which is no type of this version. */
static int
refuse_type(struct ddl *ddl, struct word word)
{
    char name[64];
    const char *near;
    for (size_t i = 0; i < sizeof(refused_types) / sizeof(refused_types[0]); i++) {
        if (word_is(word, refused_types[i])) {
            return tide_error_set_at(ddl->err, TIDE_ERR_UNSUPPORTED, (int32_t)ddl->at,
                                     "the type %s is not in this version", refused_types[i]);
        }
    }
    if (word.n == 0) {
        return refuse(ddl, "a type");
    }
    snprintf(name, sizeof(name), "%.*s", (int)(word.n < 60 ? word.n : 60), word.p);
    near = tide_nearest(name, type_names, sizeof(type_names) / sizeof(type_names[0]));
    return tide_error_set_at(
        ddl->err, TIDE_ERR_INVALID, (int32_t)ddl->at,
        near != NULL ? "\"%s\" is no type: did you mean \"%s\"?" : "\"%s\" is no type", name, near);
}

static const struct {
    const char *name;
    int (*parse)(struct ddl *ddl, struct tide_type *out);
} made_types[] = {
    {"decimal", parse_decimal}, {"dec", parse_decimal},    {"numeric", parse_decimal},
    {"varchar", parse_char},    {"character", parse_char}, {"char", parse_char},
    {"array", parse_array},     {"map", parse_map},        {"struct", parse_struct},
};

static int
parse_named_type(struct ddl *ddl, struct word word, struct tide_type *out)
{
    for (size_t i = 0; i < sizeof(plain_types) / sizeof(plain_types[0]); i++) {
        if (word_is(word, plain_types[i].name)) {
            ddl->at += word.n;
            *out = tide_type_of(plain_types[i].id);
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof(made_types) / sizeof(made_types[0]); i++) {
        if (word_is(word, made_types[i].name)) {
            ddl->at += word.n;
            return made_types[i].parse(ddl, out);
        }
    }
    return refuse_type(ddl, word);
}

static int
parse_type(struct ddl *ddl, struct tide_type *out)
{
    int rc;
    if (ddl->depth == TIDE_LIMIT_TYPE_DEPTH) {
        return tide_error_set_at(ddl->err, TIDE_ERR_LIMIT, (int32_t)ddl->at,
                                 "types nest deeper than %u levels", TIDE_LIMIT_TYPE_DEPTH);
    }
    ddl->depth++;
    rc = parse_named_type(ddl, peek_word(ddl), out);
    ddl->depth--;
    return rc;
}

int
tide_type_parse_prefix(struct tide_type_arena *arena, const char *text, size_t len,
                       struct tide_type *out, size_t *out_end, struct tide_error *err)
{
    struct ddl ddl = {.arena = arena, .text = text, .len = len, .err = err};
    int rc = parse_type(&ddl, out);
    if (rc == 0) {
        *out_end = ddl.at;
    }
    return rc;
}

int
tide_type_parse(struct tide_type_arena *arena, const char *text, size_t len, struct tide_type *out,
                struct tide_error *err)
{
    struct ddl ddl = {.arena = arena, .text = text, .len = len, .err = err};
    struct tide_type type;
    int rc = parse_type(&ddl, &type);
    skip_blanks(&ddl);
    if (rc == 0 && ddl.at < ddl.len) {
        rc = refuse(&ddl, "the end of the type");
    }
    if (rc == 0) {
        *out = type;
    }
    return rc;
}

int
tide_fields_parse(struct tide_type_arena *arena, const char *text, size_t len,
                  const struct tide_field **out, uint32_t *out_n, struct tide_error *err)
{
    struct ddl ddl = {.arena = arena, .text = text, .len = len, .err = err};
    const struct tide_field *fields;
    struct tide_type type;
    uint32_t n;
    int rc;
    if (tide_type_parse(arena, text, len, &type, NULL) == 0 && type.id == TIDE_TYPE_STRUCT) {
        *out = type.children;
        *out_n = type.n_children;
        return 0;
    }
    rc = parse_field_list(&ddl, false, &fields, &n);
    skip_blanks(&ddl);
    if (rc == 0 && ddl.at < ddl.len) {
        rc = refuse(&ddl, "\",\" or the end of the columns");
    }
    if (rc == 0) {
        *out = fields;
        *out_n = n;
    }
    return rc;
}

/* Whether the text begins like a nested type: its own error tells more than that of columns. */
static bool
looks_nested(const char *text, size_t len)
{
    struct ddl ddl = {.text = text, .len = len};
    struct word word = peek_word(&ddl);
    ddl.at += word.n;
    return (word_is(word, "struct") || word_is(word, "array") || word_is(word, "map")) &&
           take(&ddl, '<');
}

int
tide_type_parse_schema(struct tide_type_arena *arena, const char *text, size_t len,
                       struct tide_type *out, struct tide_error *err)
{
    const struct tide_field *fields;
    uint32_t n;
    int rc = tide_type_parse(arena, text, len, out, err);
    if (rc == 0 || looks_nested(text, len)) {
        return rc;
    }
    rc = tide_fields_parse(arena, text, len, &fields, &n, err);
    if (rc == 0) {
        *out = (struct tide_type){.id = TIDE_TYPE_STRUCT, .n_children = n, .children = fields};
    }
    return rc;
}
