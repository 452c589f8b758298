/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64: three bytes in four characters.
 */
#include "codec/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
tide_base64_put(struct tide_chars *out, struct tide_bytes bytes)
{
    const uint8_t *p = bytes.p;
    for (uint32_t i = 0; i < bytes.n; i += 3) {
        uint32_t left = bytes.n - i;
        uint32_t group = (uint32_t)p[i] << 16;
        group |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        group |= left > 2 ? p[i + 2] : 0;
        tide_chars_byte(out, alphabet[group >> 18]);
        tide_chars_byte(out, alphabet[group >> 12 & 63]);
        tide_chars_byte(out, left > 1 ? alphabet[group >> 6 & 63] : '=');
        tide_chars_byte(out, left > 2 ? alphabet[group & 63] : '=');
    }
}

/* The six bits of a character, or -1. */
static int
bits_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
tide_base64_read(struct tide_bytes text, uint8_t *out, uint32_t *out_n)
{
    const uint8_t *p = text.p;
    uint32_t group = 0;
    uint32_t have = 0; /* characters of the present group, padding too */
    uint32_t padding = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < text.n; i++) {
        int bits = bits_of(p[i]);
        if (p[i] <= ' ' && have == 0) {
            continue;
        }
        if (p[i] == '=' && have >= 2) {
            padding++;
            bits = 0;
        } else if (bits < 0 || padding > 0) {
            return false;
        }
        group = group << 6 | (uint32_t)bits;
        if (++have == 4) {
            uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
            for (uint32_t b = 0; b < 3 - padding; b++) {
                out[n++] = bytes[b];
            }
            have = 0;
            group = 0;
            padding = 0;
        }
    }
    if (have != 0) {
        return false;
    }
    *out_n = n;
    return true;
}
