/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON texts: what stands in quotes, escaped, and numbers as JSON writes them. Private to the JSON
 * codec. Threads: any; nothing is kept.
 */
#ifndef TIDE_CODEC_JSON_STRING_H
#define TIDE_CODEC_JSON_STRING_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "codec/chars.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A text that was looked at. */
struct tide_json_string {
    uint32_t end; /* behind the closing quote */
    bool escaped; /* has backslashes */
    const char *error;
    uint32_t error_at;
};

/* Checks the text whose opening quote is at @at: escapes, control characters, UTF-8. False: not
 * well-formed. @thread any */
bool tide_json_string_read(const uint8_t *text, uint32_t n, uint32_t at, uint32_t allow,
                           struct tide_json_string *out);

/* Undoes the escapes of the @n checked bytes at @p; @out has room for @n. A lone surrogate becomes
 * "?", as in Java. Returns the length. @thread any */
uint32_t tide_json_string_unescape(const uint8_t *p, uint32_t n, uint8_t *out);

/* The double that an INT or FLOAT token stands for, NaN and infinities included. False: none.
 * @thread any */
bool tide_json_read_double(struct tide_bytes text, double *out);

/* Appends an INT token as Jackson writes it back: without leading zeros, 0 for -0; never longer
 * than @text. @thread any */
void tide_json_put_int(struct tide_chars *out, struct tide_bytes text);

/* Appends a FLOAT token as Jackson writes a double back: NaN and infinities in quotes. @thread any
 */
void tide_json_put_float(struct tide_chars *out, struct tide_bytes text);

#ifdef __cplusplus
}
#endif

#endif
