/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648), as JSON and SQL need it. Threads: any; nothing is kept.
 */
#ifndef TIDE_CODEC_BASE64_H
#define TIDE_CODEC_BASE64_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "codec/chars.h"

/* Appends the text of @bytes, padded, in one line. @thread any */
void tide_base64_put(struct tide_chars *out, struct tide_bytes bytes);

/* Room that tide_base64_read() needs for @n characters. @thread any */
static inline uint32_t
tide_base64_room(uint32_t n)
{
    return n / 4 * 3 + 3;
}

/*
 * The bytes that @text stands for; white space is skipped, padding must be there (Jackson's rules).
 * False: no base64. @thread any
 */
bool tide_base64_read(struct tide_bytes text, uint8_t *out, uint32_t *out_n);

#endif
