/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cell of show() holds: the text of a value, its control characters made visible, its
 * length cut, its width on a terminal.
 */
#include <string.h>

#include "codec/text.h"

/* Characters that Spark counts as two cells wide (its Utils.stringHalfWidth), ordered. */
static const struct {
    uint32_t first, last;
} wide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x3247}, {0x3250, 0x4dbf},
            {0x4e00, 0xa4c6}, {0xa960, 0xa97c}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
            {0xfe10, 0xfe19}, {0xfe30, 0xfe6b}, {0xff01, 0xff60}, {0xffe0, 0xffe6}};

/* Control characters that show() spells out. */
static const char meta[][2] = {{'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}, {'\f', 'f'},
                               {'\b', 'b'}, {'\v', 'v'}, {'\a', 'a'}};

/* The code point at @p and its length in bytes; a byte that begins none stands for itself. */
static uint32_t
code_point(const uint8_t *p, uint32_t left, uint32_t *out_n)
{
    *out_n = 1;
    if (p[0] >= 0xf0 && left >= 4) {
        *out_n = 4;
        return (uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 63) << 12 |
               (uint32_t)(p[2] & 63) << 6 | (p[3] & 63);
    }
    if (p[0] >= 0xe0 && p[0] < 0xf0 && left >= 3) {
        *out_n = 3;
        return (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
    }
    if (p[0] >= 0xc0 && p[0] < 0xe0 && left >= 2) {
        *out_n = 2;
        return (uint32_t)(p[0] & 31) << 6 | (p[1] & 63);
    }
    return p[0];
}

uint32_t
tide_text_show_width(const char *text, uint32_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    uint32_t width = 0;
    for (uint32_t at = 0; at < n;) {
        uint32_t len;
        uint32_t code = code_point(p + at, n - at, &len);
        /* Counted in UTF-16 units: outside the basic plane a character is two. */
        width += code > 0xffff ? 2 : 1;
        for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]) && code >= wide[i].first; i++) {
            width += code <= wide[i].last ? 1 : 0;
        }
        at += len;
    }
    return width;
}

/* The letter that stands for a control character, or 0. */
static char
meta_letter(uint8_t c)
{
    for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++) {
        if ((uint8_t)meta[i][0] == c) {
            return meta[i][1];
        }
    }
    return 0;
}

/* UTF-16 units of the cell, control characters spelt out. */
static uint32_t
cell_units(const uint8_t *p, uint32_t n)
{
    uint32_t units = 0;
    for (uint32_t at = 0; at < n;) {
        uint32_t len;
        uint32_t code = code_point(p + at, n - at, &len);
        units += code > 0xffff || meta_letter(p[at]) != 0 ? 2 : 1;
        at += len;
    }
    return units;
}

void
tide_text_show_cell(struct tide_chars *out, const char *text, uint32_t n, uint32_t truncate)
{
    const uint8_t *p = (const uint8_t *)text;
    bool cut = truncate > 0 && cell_units(p, n) > truncate;
    uint32_t room = !cut ? UINT32_MAX : truncate < 4 ? truncate : truncate - 3;
    for (uint32_t at = 0; at < n && room > 0;) {
        uint32_t len;
        uint32_t code = code_point(p + at, n - at, &len);
        char letter = meta_letter(p[at]);
        if (code > 0xffff && room == 1) {
            /* Java cuts a surrogate pair in two; half a character prints as this. */
            tide_chars_byte(out, '?');
            break;
        }
        if (letter != 0) {
            tide_chars_byte(out, '\\');
            if (room > 1) {
                tide_chars_byte(out, letter);
            }
        } else {
            tide_chars_put(out, p + at, len);
        }
        room -= room > 1 && (code > 0xffff || letter != 0) ? 2 : 1;
        at += len;
    }
    if (cut && truncate >= 4) {
        tide_chars_text(out, "...");
    }
}

void
tide_text_show(struct tide_chars *out, const struct tide_value *value, const struct tide_zone *zone)
{
    tide_put_value(out, value, TIDE_TEXT_SHOW, zone);
}
