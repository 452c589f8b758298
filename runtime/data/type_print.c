/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types as Spark prints them: in messages (simpleString), in catalogs, in SQL and DDL, and as the
 * tree of printSchema().
 */
#include "data/type.h"

#include <string.h>

/* spark.sql.debug.maxToStringFields: simpleString shows this many fields less one, and a count. */
#define SIMPLE_FIELDS_MAX 25u

/* Names by id: as simpleString and SQL spell them, and as the tree does. */
static const struct {
    const char *name;
    const char *sql;
    const char *tree;
} names[TIDE_TYPE_COUNT] = {
    [TIDE_TYPE_NULL] = {"void", "VOID", "void"},
    [TIDE_TYPE_BOOLEAN] = {"boolean", "BOOLEAN", "boolean"},
    [TIDE_TYPE_BYTE] = {"tinyint", "TINYINT", "byte"},
    [TIDE_TYPE_SHORT] = {"smallint", "SMALLINT", "short"},
    [TIDE_TYPE_INT] = {"int", "INT", "integer"},
    [TIDE_TYPE_LONG] = {"bigint", "BIGINT", "long"},
    [TIDE_TYPE_FLOAT] = {"float", "FLOAT", "float"},
    [TIDE_TYPE_DOUBLE] = {"double", "DOUBLE", "double"},
    [TIDE_TYPE_DECIMAL] = {"decimal", "DECIMAL", "decimal"},
    [TIDE_TYPE_STRING] = {"string", "STRING", "string"},
    [TIDE_TYPE_BINARY] = {"binary", "BINARY", "binary"},
    [TIDE_TYPE_DATE] = {"date", "DATE", "date"},
    [TIDE_TYPE_TIMESTAMP] = {"timestamp", "TIMESTAMP", "timestamp"},
    [TIDE_TYPE_TIMESTAMP_NTZ] = {"timestamp_ntz", "TIMESTAMP_NTZ", "timestamp_ntz"},
    [TIDE_TYPE_INTERVAL_YM] = {"interval year to month", "INTERVAL YEAR TO MONTH",
                               "interval year to month"},
    [TIDE_TYPE_INTERVAL_DT] = {"interval day to second", "INTERVAL DAY TO SECOND",
                               "interval day to second"},
    [TIDE_TYPE_INTERVAL_CALENDAR] = {"interval", "INTERVAL", "interval"},
    [TIDE_TYPE_ARRAY] = {"array", "ARRAY", "array"},
    [TIDE_TYPE_MAP] = {"map", "MAP", "map"},
    [TIDE_TYPE_STRUCT] = {"struct", "STRUCT", "struct"},
};

const char *
tide_type_id_name(enum tide_type_id id)
{
    return names[id].name;
}

static bool
needs_quotes(const char *name)
{
    bool letter = false;
    for (const char *c = name; *c != '\0'; c++) {
        bool digit = *c >= '0' && *c <= '9';
        bool word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        if (!digit && !word) {
            return true;
        }
        letter = letter || word;
    }
    return !letter;
}

static int
print_name(const char *name, bool quote, struct tide_buf *out)
{
    int rc;
    if (!quote || !needs_quotes(name)) {
        return tide_buf_append_text(out, name);
    }
    rc = tide_buf_append_byte(out, '`');
    for (const char *c = name; rc == 0 && *c != '\0'; c++) {
        rc = tide_buf_append(out, "``", *c == '`' ? 2 : 0);
        if (rc == 0 && *c != '`') {
            rc = tide_buf_append_byte(out, (uint8_t)*c);
        }
    }
    return rc < 0 ? rc : tide_buf_append_byte(out, '`');
}

static int
print_struct_field(const struct tide_field *field, enum tide_type_style style, struct tide_buf *out)
{
    bool sql = style == TIDE_TYPE_STYLE_SQL;
    int rc = print_name(field->name, sql, out);
    if (rc == 0) {
        rc = tide_buf_append_text(out, sql ? ": " : ":");
    }
    if (rc == 0) {
        rc = tide_type_print(&field->type, style, out);
    }
    if (rc == 0 && sql && !field->nullable) {
        rc = tide_buf_append_text(out, " NOT NULL");
    }
    return rc;
}

static int
print_children(const struct tide_type *type, enum tide_type_style style, struct tide_buf *out)
{
    const char *comma = style == TIDE_TYPE_STYLE_SQL ? ", " : ",";
    uint32_t n = type->n_children;
    int rc = 0;
    if (style == TIDE_TYPE_STYLE_SIMPLE && type->id == TIDE_TYPE_STRUCT && n > SIMPLE_FIELDS_MAX) {
        n = SIMPLE_FIELDS_MAX - 1;
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        if (i > 0) {
            rc = tide_buf_append_text(out, comma);
        }
        if (rc == 0) {
            rc = type->id == TIDE_TYPE_STRUCT
                     ? print_struct_field(&type->children[i], style, out)
                     : tide_type_print(&type->children[i].type, style, out);
        }
    }
    if (rc == 0 && n < type->n_children) {
        rc = tide_buf_printf(out, ",... %u more fields", type->n_children - n);
    }
    return rc;
}

int
tide_type_print(const struct tide_type *type, enum tide_type_style style, struct tide_buf *out)
{
    bool sql = style == TIDE_TYPE_STYLE_SQL;
    int rc = tide_buf_append_text(out, sql ? names[type->id].sql : names[type->id].name);
    if (rc == 0 && type->id == TIDE_TYPE_DECIMAL) {
        rc = tide_buf_printf(out, "(%u,%u)", type->precision, type->scale);
    }
    if (rc == 0 && tide_type_is_nested(type)) {
        rc = tide_buf_append_byte(out, '<');
        if (rc == 0) {
            rc = print_children(type, style, out);
        }
        if (rc == 0) {
            rc = tide_buf_append_byte(out, '>');
        }
    }
    return rc;
}

int
tide_fields_print_ddl(const struct tide_field *fields, uint32_t n, struct tide_buf *out)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = tide_buf_append_text(out, i > 0 ? "," : "");
        if (rc == 0) {
            rc = print_name(fields[i].name, true, out);
        }
        if (rc == 0) {
            rc = tide_buf_append_byte(out, ' ');
        }
        if (rc == 0) {
            rc = tide_type_print(&fields[i].type, TIDE_TYPE_STYLE_SQL, out);
        }
        if (rc == 0 && !fields[i].nullable) {
            rc = tide_buf_append_text(out, " NOT NULL");
        }
    }
    return rc;
}

static int print_tree(const struct tide_type *type, uint32_t depth, struct tide_buf *out);

/* " |    |-- name: type (what = true)" and the lines of the type below it. */
static int
print_tree_line(const struct tide_field *field, const char *what, uint32_t depth,
                struct tide_buf *out)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < depth; i++) {
        rc = tide_buf_append_text(out, " |   ");
    }
    if (rc == 0) {
        rc = tide_buf_printf(out, " |-- %s: %s", field->name, names[field->type.id].tree);
    }
    if (rc == 0 && field->type.id == TIDE_TYPE_DECIMAL) {
        rc = tide_buf_printf(out, "(%u,%u)", field->type.precision, field->type.scale);
    }
    if (rc == 0 && what != NULL) {
        rc = tide_buf_printf(out, " (%s = %s)", what, field->nullable ? "true" : "false");
    }
    if (rc == 0) {
        rc = tide_buf_append_byte(out, '\n');
    }
    return rc < 0 ? rc : print_tree(&field->type, depth + 1, out);
}

static int
print_tree(const struct tide_type *type, uint32_t depth, struct tide_buf *out)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < type->n_children; i++) {
        const char *what = type->id == TIDE_TYPE_STRUCT  ? "nullable"
                           : type->id == TIDE_TYPE_ARRAY ? "containsNull"
                           : i == 1                      ? "valueContainsNull"
                                                         : NULL;
        rc = print_tree_line(&type->children[i], what, depth, out);
    }
    return rc;
}

int
tide_fields_print_tree(const struct tide_field *fields, uint32_t n, struct tide_buf *out)
{
    struct tide_type root = {.id = TIDE_TYPE_STRUCT, .n_children = n, .children = fields};
    int rc = tide_buf_append_text(out, "root\n");
    return rc < 0 ? rc : print_tree(&root, 0, out);
}
