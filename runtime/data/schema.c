/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of schemas: a fixed table of pointers, filled under a lock and published by a word
 * that only rises, so that looking one up needs no lock.
 */
#include "data/schema.h"

#include <pthread.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/words.h"
#include "data/layout.h"
#include "data/type.h"

struct tide_schemas {
    const struct tide_seam *seam;
    pthread_mutex_t lock; /* guards arena and the making of entries */
    struct tide_type_arena arena;
    const struct tide_schema *entries[TIDE_LIMIT_SCHEMAS];
    struct tide_word n; /* entries that are ready; raised behind each new one */
};

int
tide_schemas_create(const struct tide_seam *seam, struct tide_schemas **out, struct tide_error *err)
{
    struct tide_schemas *schemas = tide_alloc_lines(seam, sizeof(*schemas));
    if (schemas == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the registry of schemas");
    }
    schemas->seam = seam;
    pthread_mutex_init(&schemas->lock, NULL);
    tide_type_arena_init(&schemas->arena, seam);
    tide_word_init(&schemas->n, 0);
    *out = schemas;
    return 0;
}

void
tide_schemas_destroy(struct tide_schemas *schemas)
{
    if (schemas == NULL) {
        return;
    }
    tide_type_arena_fini(&schemas->arena);
    pthread_mutex_destroy(&schemas->lock);
    tide_free_lines(schemas->seam, schemas);
}

/* Whether @schema has exactly these columns. */
static bool
schema_matches(const struct tide_schema *schema, const struct tide_field *fields, uint32_t n,
               uint32_t n_hidden)
{
    if (schema->n != n || schema->n_hidden != n_hidden) {
        return false;
    }
    for (uint32_t i = 0; i < n + n_hidden; i++) {
        if (strcmp(schema->fields[i].name, fields[i].name) != 0 ||
            schema->fields[i].nullable != fields[i].nullable ||
            !tide_type_identical(&schema->fields[i].type, &fields[i].type)) {
            return false;
        }
    }
    return true;
}

/* A new schema in the arena; the lock is held. */
static int
schema_new(struct tide_schemas *schemas, const struct tide_field *fields, uint32_t n,
           uint32_t n_hidden, struct tide_schema **out, struct tide_error *err)
{
    uint32_t total = n + n_hidden;
    struct tide_schema *schema = tide_type_arena_alloc(&schemas->arena, sizeof(*schema));
    uint32_t *at = tide_type_arena_alloc(&schemas->arena, total * sizeof(*at));
    uint32_t end;
    int rc;
    if (schema == NULL || at == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a schema");
    }
    rc = tide_fields_copy(&schemas->arena, fields, total, &schema->fields, err);
    if (rc < 0) {
        return rc;
    }
    end = tide_fields_layout(schema->fields, total, sizeof(struct tide_rowhdr), &schema->fields_at,
                             at);
    schema->n = n;
    schema->n_hidden = n_hidden;
    schema->stride = tide_align16(end);
    schema->at = at;
    *out = schema;
    return 0;
}

/* Finds or makes a schema; the lock is held. */
static int
schema_intern(struct tide_schemas *schemas, const struct tide_field *fields, uint32_t n,
              uint32_t n_hidden, const struct tide_schema **out, struct tide_error *err)
{
    /* Relaxed would do: only holders of the lock raise the word. Partner: tide_word_raise below. */
    uint64_t count = tide_word_load_acquire(&schemas->n);
    struct tide_schema *schema = NULL;
    int rc;
    for (uint64_t i = 0; i < count; i++) {
        if (schema_matches(schemas->entries[i], fields, n, n_hidden)) {
            *out = schemas->entries[i];
            return 0;
        }
    }
    if (count == TIDE_LIMIT_SCHEMAS) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "more than %u different schemas in one pipeline",
                              TIDE_LIMIT_SCHEMAS);
    }
    rc = schema_new(schemas, fields, n, n_hidden, &schema, err);
    if (rc < 0) {
        return rc;
    }
    schema->id = (uint32_t)count + 1;
    schemas->entries[count] = schema;
    /* Partner: tide_word_load_acquire in tide_schema_get. */
    tide_word_raise(&schemas->n, count + 1);
    *out = schema;
    return 0;
}

int
tide_schema_make(struct tide_schemas *schemas, const struct tide_field *fields, uint32_t n,
                 uint32_t n_hidden, const struct tide_schema **out, struct tide_error *err)
{
    int rc;
    if (n > TIDE_LIMIT_COLUMNS || n_hidden > TIDE_LIMIT_COLUMNS ||
        n + n_hidden > TIDE_LIMIT_COLUMNS) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "%u columns: at most %u", n + n_hidden,
                              TIDE_LIMIT_COLUMNS);
    }
    pthread_mutex_lock(&schemas->lock);
    rc = schema_intern(schemas, fields, n, n_hidden, out, err);
    pthread_mutex_unlock(&schemas->lock);
    return rc;
}

int
tide_schema_parse(struct tide_schemas *schemas, const char *ddl, const struct tide_schema **out,
                  struct tide_error *err)
{
    struct tide_type_arena scratch;
    const struct tide_field *fields;
    uint32_t n;
    int rc;
    tide_type_arena_init(&scratch, schemas->seam);
    rc = tide_fields_parse(&scratch, ddl, strlen(ddl), &fields, &n, err);
    if (rc == 0) {
        rc = tide_schema_make(schemas, fields, n, 0, out, err);
    }
    tide_type_arena_fini(&scratch);
    return rc;
}

const struct tide_schema *
tide_schema_get(const struct tide_schemas *schemas, uint32_t id)
{
    /* Partner: tide_word_raise in schema_intern; the entry is visible with the count. */
    if (id == 0 || id > tide_word_load_acquire(&schemas->n)) {
        return NULL;
    }
    TIDE_ASSERT(schemas->entries[id - 1]->id == id);
    return schemas->entries[id - 1];
}
