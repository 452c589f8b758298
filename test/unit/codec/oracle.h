/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the tables of test/oracle/codec: lines of fields divided by tabs, \t \n \r \\ \xNN inside
 * them, \N alone for NULL; lines with # in front are remarks.
 */
#ifndef TIDE_TEST_CODEC_ORACLE_H
#define TIDE_TEST_CODEC_ORACLE_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tidemark/row.h>

#define ORACLE_FIELDS_MAX 8

struct oracle {
    FILE *file;
    char line[65536];
    struct tide_bytes fields[ORACLE_FIELDS_MAX];
    bool null[ORACLE_FIELDS_MAX];
    int n;
    int rows;
};

static inline void
oracle_open(struct oracle *oracle, const char *name)
{
    char path[4096];
    const char *dir = getenv("TIDE_ORACLE_DIR");
    cr_assert(dir != NULL, "TIDE_ORACLE_DIR is set by the build");
    snprintf(path, sizeof(path), "%s/codec/%s", dir, name);
    oracle->file = fopen(path, "r");
    cr_assert(oracle->file != NULL, "%s", path);
    oracle->rows = 0;
}

static inline int
oracle_hex(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Undoes the escapes in place. */
static inline uint32_t
oracle_unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        if (*from == 'x') {
            *to++ = (char)(oracle_hex(from[1]) * 16 + oracle_hex(from[2]));
            from += 2;
        } else {
            *to++ = *from == 't' ? '\t' : *from == 'n' ? '\n' : *from == 'r' ? '\r' : *from;
        }
    }
    *to = '\0';
    return (uint32_t)(to - text);
}

/* The next row; false at the end. Fields are zero-terminated too. */
static inline bool
oracle_next(struct oracle *oracle)
{
    char *rest;
    do {
        if (fgets(oracle->line, sizeof(oracle->line), oracle->file) == NULL) {
            fclose(oracle->file);
            return false;
        }
        cr_assert(strchr(oracle->line, '\n') != NULL, "a line is too long");
    } while (oracle->line[0] == '#');
    rest = oracle->line;
    rest[strcspn(rest, "\n")] = '\0';
    oracle->n = 0;
    while (rest != NULL) {
        char *field = strsep(&rest, "\t");
        cr_assert(oracle->n < ORACLE_FIELDS_MAX);
        oracle->null[oracle->n] = strcmp(field, "\\N") == 0;
        oracle->fields[oracle->n].n = oracle_unescape(field);
        oracle->fields[oracle->n].p = field;
        oracle->n++;
    }
    oracle->rows++;
    return true;
}

static inline const char *
oracle_text(const struct oracle *oracle, int field)
{
    return oracle->fields[field].p;
}

#endif
