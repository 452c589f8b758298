/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as Spark counts it: a character is as long as its first byte says, whatever follows; a byte
 * that begins nothing is a character of its own. Threads: any.
 */
#ifndef TIDE_SQL_UTF8_H
#define TIDE_SQL_UTF8_H

#include <stdint.h>

#include <tidemark/row.h>

/* Bytes of the character that begins with @first. */
static inline uint32_t
tide_utf8_len(uint8_t first)
{
    if (first < 0xC2 || first > 0xF4) {
        return 1;
    }
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Offset of the character behind the one at @at, at most n. */
static inline uint32_t
tide_utf8_next(struct tide_bytes text, uint32_t at)
{
    uint32_t next = at + tide_utf8_len(((const uint8_t *)text.p)[at]);
    return next < text.n ? next : text.n;
}

/* Characters of a text. */
static inline uint32_t
tide_utf8_count(struct tide_bytes text)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < text.n; at = tide_utf8_next(text, at)) {
        count++;
    }
    return count;
}

/* A copy of @text in the other case, as Java's String.toUpperCase and toLowerCase without locale;
 * appended to @out. Bytes that are no UTF-8 stay. (letter_case.c) @thread any */
struct tide_chars;
void tide_text_upper(struct tide_bytes text, struct tide_chars *out);
void tide_text_lower(struct tide_bytes text, struct tide_chars *out);

#endif
