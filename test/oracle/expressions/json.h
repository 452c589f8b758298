/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON tree for tests: the case files of the oracle are read by code that is not under test.
 * Numbers stay text.
 */
#ifndef TIDE_TEST_JSON_H
#define TIDE_TEST_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum json_kind {
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_kind kind;
    char *text; /* of numbers and strings, zero behind it */
    size_t len;
    size_t n; /* elements or members */
    struct json **items;
    char **keys; /* of members */
};

/* Parses one document; NULL when it is none. */
struct json *json_parse(const char *text);

/* Frees a tree; NULL is legal. */
void json_free(struct json *json);

/* A member of an object, or NULL. */
const struct json *json_get(const struct json *object, const char *key);

/* A member's text, or NULL. */
const char *json_text(const struct json *object, const char *key);

#endif
