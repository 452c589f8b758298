/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions with Java's syntax, matched by PCRE2. A pattern without operators is searched
 * as plain bytes. A compiled expression is constant and shared; matching needs a struct
 * tide_regex_match of its own. Steps of one match are bounded, so that no record stalls a task.
 */
#ifndef TIDE_SQL_REGEX_H
#define TIDE_SQL_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/row.h>

#include "base/seam.h"

struct tide_regex;
struct tide_regex_match;

/* Compiles a pattern. Errors: TIDE_ERR_INVALID, TIDE_ERR_UNSUPPORTED for what Java has and this
 * version does not ("[a&&[b]]"), TIDE_ERR_NOMEM. @thread any */
int tide_regex_create(const struct tide_seam *seam, struct tide_bytes pattern,
                      struct tide_regex **out, struct tide_error *err);

/* Frees an expression; NULL is legal. @thread any */
void tide_regex_destroy(struct tide_regex *regex);

/* Working memory for matches, one task's. Errors: TIDE_ERR_NOMEM. @thread start, coordinator */
int tide_regex_match_create(const struct tide_seam *seam, struct tide_regex_match **out,
                            struct tide_error *err);
void tide_regex_match_destroy(struct tide_regex_match *match);

enum tide_regex_found {
    TIDE_REGEX_FOUND,
    TIDE_REGEX_NONE,
    TIDE_REGEX_COSTLY, /* more than TIDE_LIMIT_REGEX_STEPS */
};

/* The first match at @from or behind it: bytes [*out_begin, *out_end). @thread task */
enum tide_regex_found tide_regex_find(const struct tide_regex *regex,
                                      struct tide_regex_match *match, struct tide_bytes text,
                                      uint32_t from, uint32_t *out_begin, uint32_t *out_end);

#endif
