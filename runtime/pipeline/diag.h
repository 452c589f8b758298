/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics: every error and warning about one pipeline, collected, with positions.
 *
 * A check does not stop at the first error: each phase adds what it finds, and the program prints
 * the list sorted by position. A list copies all text it is given, so it outlives the tree it talks
 * about. It holds at most TIDE_LIMIT_DIAGS entries; what comes after is only counted. One thread at
 * a time.
 */
#ifndef TIDE_PIPELINE_DIAG_H
#define TIDE_PIPELINE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

struct tide_node;

enum tide_diag_severity {
    TIDE_DIAG_ERROR,
    TIDE_DIAG_WARNING,
    TIDE_DIAG_NOTE,
};

/* One finding. @line and @column count from 1 (columns in characters); both are 0 when there is no
 * place in a file, and @file is then "--set PATH" or the file as a whole. */
struct tide_diag {
    enum tide_diag_severity severity;
    int32_t code; /* TIDE_ERR_INVALID, or TIDE_ERR_UNSUPPORTED for "not in this version" */
    char *file;
    uint32_t line;
    uint32_t column;
    char *text;
};

struct tide_diags {
    const struct tide_seam *seam;
    struct tide_diag *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t errors;   /* of severity error, dropped ones included */
    uint32_t warnings; /* likewise */
    uint32_t dropped;  /* beyond the limit, or out of memory */
};

/* Makes an empty list that allocates from @seam. @thread start */
void tide_diags_init(struct tide_diags *diags, const struct tide_seam *seam);

/* Frees what the list holds; the list is empty afterwards. @thread start */
void tide_diags_fini(struct tide_diags *diags);

/* Adds an error, code TIDE_ERR_INVALID, at @node (which must not be NULL). @thread start */
void tide_diags_error(struct tide_diags *diags, const struct tide_node *node, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

/* Adds a warning at @node. @thread start */
void tide_diags_warn(struct tide_diags *diags, const struct tide_node *node, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

/*
 * Adds "not in this version: WHAT" with code TIDE_ERR_UNSUPPORTED at @node: what the format allows
 * and this build cannot do. @thread start
 */
void tide_diags_unsupported(struct tide_diags *diags, const struct tide_node *node,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Adds an error about byte @at of the scalar @node, as an expression's parser reports it in
 * tide_error.at (negative: the scalar as a whole), with @err's code and text. @thread start
 */
void tide_diags_error_at(struct tide_diags *diags, const struct tide_node *node, int32_t at,
                         const struct tide_error *err);

/* Adds one finding at an explicit place. @thread start */
void tide_diags_addv(struct tide_diags *diags, struct tide_diag place, const char *format,
                     va_list args) __attribute__((format(printf, 3, 0)));

/* Sorts by line and column, --set entries last; equal places keep their order. @thread start */
void tide_diags_sort(struct tide_diags *diags);

/*
 * Writes "file:line:column: error: text" (without a line break) into @buffer and returns the length
 * it needs, as snprintf does. @thread start
 */
size_t tide_diag_format(const struct tide_diag *diag, char *buffer, size_t size);

#endif
