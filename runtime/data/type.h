/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types: making, parsing, printing and comparing struct tide_type.
 *
 * A type is a small plain value; only what it points to (children, names) has an owner, the
 * struct tide_type_arena it was made in. Types are made on control threads, are constant from then
 * on and may be read from any thread as long as the arena lives.
 *
 * Invariants:
 *   1. Nesting is at most TIDE_LIMIT_TYPE_DEPTH and a struct has at most TIDE_LIMIT_COLUMNS fields,
 *      so that everything that walks a type may recurse.
 *   2. A DECIMAL has 1 <= precision <= 38 and scale <= precision.
 *   3. Reserved ids (TIMESTAMP_NTZ, intervals) never come out of the parser.
 */
#ifndef TIDE_DATA_TYPE_H
#define TIDE_DATA_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/row.h>

#include "base/buffer.h"
#include "base/seam.h"

/* Owns the children and names of types; freed at once. */
struct tide_type_arena {
    const struct tide_seam *seam;
    struct tide_type_chunk *chunks; /* newest first */
};

/* An empty arena; allocates nothing. @thread any */
void tide_type_arena_init(struct tide_type_arena *arena, const struct tide_seam *seam);

/* Frees everything made in the arena; legal on zeroed memory. @thread any */
void tide_type_arena_fini(struct tide_type_arena *arena);

/* @size zeroed bytes, aligned to 16, owned by the arena; NULL when out of memory. @thread any */
void *tide_type_arena_alloc(struct tide_type_arena *arena, size_t size);

/* A zero-terminated copy of @len bytes at @text; NULL when out of memory. @thread any */
const char *tide_type_arena_text(struct tide_type_arena *arena, const char *text, size_t len);

/* A type without children or parameters. @thread any */
static inline struct tide_type
tide_type_of(enum tide_type_id id)
{
    return (struct tide_type){.id = (uint8_t)id};
}

/* DECIMAL(precision, scale), within invariant 2. @thread any */
struct tide_type tide_type_decimal(uint32_t precision, uint32_t scale);

/* ARRAY of @element. Errors: TIDE_ERR_NOMEM; TIDE_ERR_LIMIT nested too deep. @thread any */
int tide_type_array(struct tide_type_arena *arena, struct tide_type element, bool contains_null,
                    struct tide_type *out, struct tide_error *err);

/* MAP from @key to @value. Errors: as tide_type_array; TIDE_ERR_INVALID for a key that is or holds
 * a MAP. @thread any */
int tide_type_map(struct tide_type_arena *arena, struct tide_type key, struct tide_type value,
                  bool value_contains_null, struct tide_type *out, struct tide_error *err);

/* STRUCT of copies of @fields (names too; their children are shared, and must live as long).
 * Errors: as tide_type_array. @thread any */
int tide_type_struct(struct tide_type_arena *arena, const struct tide_field *fields, uint32_t n,
                     struct tide_type *out, struct tide_error *err);

/* A copy of @type whose children and names all lie in @arena. Errors: TIDE_ERR_NOMEM. @thread any
 */
int tide_type_copy(struct tide_type_arena *arena, const struct tide_type *type,
                   struct tide_type *out, struct tide_error *err);

/* A copy of @fields, as tide_type_copy. @thread any */
int tide_fields_copy(struct tide_type_arena *arena, const struct tide_field *fields, uint32_t n,
                     const struct tide_field **out, struct tide_error *err);

/*
 * One type as Spark writes it in CAST and DDL: "INT", "decimal(10, 2)", "STRUCT<a: INT NOT NULL>".
 * Errors with the byte offset into @text in err->at: TIDE_ERR_INVALID for what is no type,
 * TIDE_ERR_UNSUPPORTED for timestamp_ntz, intervals, variant and other types of Spark that are not
 * in this version. @thread any
 */
int tide_type_parse(struct tide_type_arena *arena, const char *text, size_t len,
                    struct tide_type *out, struct tide_error *err);

/*
 * The longest prefix of @text that is a type, for a parser that goes on behind it (CAST(x AS
 * type)): *out_end is the offset of the first byte behind. Errors as tide_type_parse. @thread any
 */
int tide_type_parse_prefix(struct tide_type_arena *arena, const char *text, size_t len,
                           struct tide_type *out, size_t *out_end, struct tide_error *err);

/*
 * Columns in Spark's DDL: "a INT, b STRUCT<x: STRING> NOT NULL COMMENT 'c', `odd name` DOUBLE", or
 * the same inside STRUCT<...>. Comments are dropped. Errors as tide_type_parse. @thread any
 */
int tide_fields_parse(struct tide_type_arena *arena, const char *text, size_t len,
                      const struct tide_field **out, uint32_t *out_n, struct tide_error *err);

/*
 * What from_json and from_csv take as schema: columns (the result is a STRUCT) or one type. Errors
 * as tide_type_parse. @thread any
 */
int tide_type_parse_schema(struct tide_type_arena *arena, const char *text, size_t len,
                           struct tide_type *out, struct tide_error *err);

/* How a type is written. */
enum tide_type_style {
    TIDE_TYPE_STYLE_SIMPLE,  /* struct<a:int,b:string>, structs over 25 fields cut, as in errors */
    TIDE_TYPE_STYLE_CATALOG, /* the same, never cut */
    TIDE_TYPE_STYLE_SQL,     /* STRUCT<a: INT, b: STRING NOT NULL>; parses back */
};

/* Appends @type as Spark writes it. Errors: those of the buffer. @thread any */
int tide_type_print(const struct tide_type *type, enum tide_type_style style, struct tide_buf *out);

/* Appends "a INT,b STRING NOT NULL" (Spark's toDDL); parses back. @thread any */
int tide_fields_print_ddl(const struct tide_field *fields, uint32_t n, struct tide_buf *out);

/* Appends the tree of printSchema(): "root\n |-- a: integer (nullable = true)\n". @thread any */
int tide_fields_print_tree(const struct tide_field *fields, uint32_t n, struct tide_buf *out);

/* Spark's lower-case name of an id ("int", "string", "array"; tree names differ). @thread any */
const char *tide_type_id_name(enum tide_type_id id);

/* Same types all the way down, names of struct fields included (exactly), whatever may be NULL.
 * @thread any */
bool tide_type_equal(const struct tide_type *a, const struct tide_type *b);

/* tide_type_equal, and the same nullability everywhere inside. @thread any */
bool tide_type_identical(const struct tide_type *a, const struct tide_type *b);

/* The index of the field called @name (@len bytes), or -1. When @case_sensitive is false ASCII
 * letters of either case are equal and the first match counts. @thread any */
int32_t tide_fields_find(const struct tide_field *fields, uint32_t n, const char *name, size_t len,
                         bool case_sensitive);

/* Bytes that a value of the type takes in a slot, struct, array or map: 8 or 16. @thread any */
static inline uint32_t
tide_type_width(const struct tide_type *type)
{
    return type->id == TIDE_TYPE_INTERVAL_CALENDAR ||
                   (type->id == TIDE_TYPE_DECIMAL && type->precision > 18)
               ? 16
               : 8;
}

/* STRING or BINARY. @thread any */
static inline bool
tide_type_is_bytes(const struct tide_type *type)
{
    return type->id == TIDE_TYPE_STRING || type->id == TIDE_TYPE_BINARY;
}

/* ARRAY, MAP or STRUCT. @thread any */
static inline bool
tide_type_is_nested(const struct tide_type *type)
{
    return type->id >= TIDE_TYPE_ARRAY;
}

/* Whether a value is a struct tide_ref into a heap. @thread any */
static inline bool
tide_type_is_ref(const struct tide_type *type)
{
    return tide_type_is_bytes(type) || tide_type_is_nested(type);
}

#endif
