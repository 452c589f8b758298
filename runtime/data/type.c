/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types: the arena, the constructors, equality and look-up by name. Parsing is in type_parse.c,
 * printing in type_print.c.
 */
#include "data/type.h"

#include <stdalign.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/limits.h"

/* Types are small and few: one chunk holds those of a usual pipeline. */
#define CHUNK_SIZE 4096u

struct tide_type_chunk {
    struct tide_type_chunk *older;
    size_t used, size;
    alignas(16) uint8_t bytes[];
};

void
tide_type_arena_init(struct tide_type_arena *arena, const struct tide_seam *seam)
{
    arena->seam = seam;
    arena->chunks = NULL;
}

void
tide_type_arena_fini(struct tide_type_arena *arena)
{
    while (arena->chunks != NULL) {
        struct tide_type_chunk *chunk = arena->chunks;
        arena->chunks = chunk->older;
        tide_free(arena->seam, chunk);
    }
}

void *
tide_type_arena_alloc(struct tide_type_arena *arena, size_t size)
{
    struct tide_type_chunk *chunk = arena->chunks;
    void *block;
    size = (size + 15) & ~(size_t)15;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = tide_alloc(arena->seam, sizeof(*chunk) + room);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->size = room;
        chunk->older = arena->chunks;
        arena->chunks = chunk;
    }
    block = chunk->bytes + chunk->used;
    chunk->used += size;
    return block;
}

const char *
tide_type_arena_text(struct tide_type_arena *arena, const char *text, size_t len)
{
    char *copy = tide_type_arena_alloc(arena, len + 1);
    if (copy != NULL && len > 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

/* Levels of nesting: 1 for a plain type. */
static uint32_t
type_depth(const struct tide_type *type)
{
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < type->n_children; i++) {
        uint32_t depth = type_depth(&type->children[i].type);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static bool
holds_map(const struct tide_type *type)
{
    if (type->id == TIDE_TYPE_MAP) {
        return true;
    }
    for (uint32_t i = 0; i < type->n_children; i++) {
        if (holds_map(&type->children[i].type)) {
            return true;
        }
    }
    return false;
}

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a type");
}

/* Ends a constructor: @children become those of *@out, unless that nests too deep. */
static int
nest(enum tide_type_id id, const struct tide_field *children, uint32_t n, struct tide_type *out,
     struct tide_error *err)
{
    struct tide_type type = {.id = (uint8_t)id, .n_children = n, .children = children};
    if (type_depth(&type) > TIDE_LIMIT_TYPE_DEPTH) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "types nest deeper than %u levels",
                              TIDE_LIMIT_TYPE_DEPTH);
    }
    *out = type;
    return 0;
}

struct tide_type
tide_type_decimal(uint32_t precision, uint32_t scale)
{
    TIDE_ASSERT(precision >= 1);
    TIDE_ASSERT(precision <= 38);
    TIDE_ASSERT(scale <= precision);
    return (struct tide_type){
        .id = TIDE_TYPE_DECIMAL, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
}

int
tide_type_array(struct tide_type_arena *arena, struct tide_type element, bool contains_null,
                struct tide_type *out, struct tide_error *err)
{
    struct tide_field *child = tide_type_arena_alloc(arena, sizeof(*child));
    if (child == NULL) {
        return no_memory(err);
    }
    *child = (struct tide_field){"element", element, contains_null};
    return nest(TIDE_TYPE_ARRAY, child, 1, out, err);
}

int
tide_type_map(struct tide_type_arena *arena, struct tide_type key, struct tide_type value,
              bool value_contains_null, struct tide_type *out, struct tide_error *err)
{
    struct tide_field *children = tide_type_arena_alloc(arena, 2 * sizeof(*children));
    if (children == NULL) {
        return no_memory(err);
    }
    if (holds_map(&key)) {
        return tide_error_set(err, TIDE_ERR_INVALID, "the key of a map cannot be or contain a map");
    }
    children[0] = (struct tide_field){"key", key, false};
    children[1] = (struct tide_field){"value", value, value_contains_null};
    return nest(TIDE_TYPE_MAP, children, 2, out, err);
}

int
tide_type_struct(struct tide_type_arena *arena, const struct tide_field *fields, uint32_t n,
                 struct tide_type *out, struct tide_error *err)
{
    struct tide_field *copy;
    if (n > TIDE_LIMIT_COLUMNS) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "%u fields in one struct: at most %u", n,
                              TIDE_LIMIT_COLUMNS);
    }
    copy = tide_type_arena_alloc(arena, n * sizeof(*copy));
    if (copy == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = fields[i];
        copy[i].name = tide_type_arena_text(arena, fields[i].name, strlen(fields[i].name));
        if (copy[i].name == NULL) {
            return no_memory(err);
        }
    }
    return nest(TIDE_TYPE_STRUCT, copy, n, out, err);
}

int
tide_type_copy(struct tide_type_arena *arena, const struct tide_type *type, struct tide_type *out,
               struct tide_error *err)
{
    struct tide_type copy = *type;
    if (type->n_children > 0) {
        int rc = tide_fields_copy(arena, type->children, type->n_children, &copy.children, err);
        if (rc < 0) {
            return rc;
        }
    }
    *out = copy;
    return 0;
}

int
tide_fields_copy(struct tide_type_arena *arena, const struct tide_field *fields, uint32_t n,
                 const struct tide_field **out, struct tide_error *err)
{
    struct tide_field *copy = tide_type_arena_alloc(arena, n * sizeof(*copy));
    if (copy == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        int rc = tide_type_copy(arena, &fields[i].type, &copy[i].type, err);
        if (rc < 0) {
            return rc;
        }
        copy[i].nullable = fields[i].nullable;
        copy[i].name = tide_type_arena_text(arena, fields[i].name, strlen(fields[i].name));
        if (copy[i].name == NULL) {
            return no_memory(err);
        }
    }
    *out = copy;
    return 0;
}

static bool
same_type(const struct tide_type *a, const struct tide_type *b, bool nullability)
{
    if (a->id != b->id || a->precision != b->precision || a->scale != b->scale ||
        a->n_children != b->n_children) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_children; i++) {
        const struct tide_field *x = &a->children[i];
        const struct tide_field *y = &b->children[i];
        if ((a->id == TIDE_TYPE_STRUCT && strcmp(x->name, y->name) != 0) ||
            (nullability && x->nullable != y->nullable) ||
            !same_type(&x->type, &y->type, nullability)) {
            return false;
        }
    }
    return true;
}

bool
tide_type_equal(const struct tide_type *a, const struct tide_type *b)
{
    return same_type(a, b, false);
}

bool
tide_type_identical(const struct tide_type *a, const struct tide_type *b)
{
    return same_type(a, b, true);
}

int32_t
tide_fields_find(const struct tide_field *fields, uint32_t n, const char *name, size_t len,
                 bool case_sensitive)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strlen(fields[i].name) == len &&
            (case_sensitive ? memcmp(fields[i].name, name, len)
                            : strncasecmp(fields[i].name, name, len)) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}
