/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chars: where text goes. A bounded run of bytes that counts what would not fit.
 *
 * Writers of text write into a struct tide_chars; afterwards `n` is the length of the whole text,
 * of which the first `max` bytes are there. So one call measures and writes, without allocation,
 * and a caller that was short of room comes again with more.
 */
#ifndef TIDE_CODEC_CHARS_H
#define TIDE_CODEC_CHARS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <tidemark/row.h>

struct tide_chars {
    char *p;      /* NULL is legal when max is 0 */
    uint32_t max; /* bytes at p */
    uint32_t n;   /* bytes of the text so far, also those that did not fit */
};

/* Whether everything written is there. @thread any */
static inline bool
tide_chars_fit(const struct tide_chars *out)
{
    return out->n <= out->max;
}

/* Appends bytes. @thread any */
static inline void
tide_chars_put(struct tide_chars *out, const void *p, uint32_t n)
{
    if (out->n < out->max && n > 0) {
        uint32_t room = out->max - out->n;
        memcpy(out->p + out->n, p, n < room ? n : room);
    }
    out->n += n;
}

/* Appends one byte. @thread any */
static inline void
tide_chars_byte(struct tide_chars *out, char byte)
{
    if (out->n < out->max) {
        out->p[out->n] = byte;
    }
    out->n++;
}

/* Appends a zero-terminated text. @thread any */
static inline void
tide_chars_text(struct tide_chars *out, const char *text)
{
    tide_chars_put(out, text, (uint32_t)strlen(text));
}

#endif
