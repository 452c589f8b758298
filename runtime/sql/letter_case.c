/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letter case: upper and lower case of UTF-8 text as Java's String.toUpperCase and toLowerCase have
 * it in the root locale: full mappings ("ß" is "SS"), and the final sigma. ASCII takes no table.
 */
#include <stdbool.h>

#include "codec/chars.h"
#include "sql/utf8.h"

struct case_range {
    uint32_t first, last;
    int32_t delta;
    uint32_t step;
};

struct case_special {
    uint32_t code;
    const char *text;
};

#include "sql/letter_case_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CAPITAL_SIGMA 0x3A3u

static uint32_t
map_code(const struct case_range *ranges, size_t n, uint32_t code)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ranges[middle].last < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == n || code < ranges[low].first ||
        (code - ranges[low].first) % ranges[low].step != 0) {
        return code;
    }
    return code + (uint32_t)ranges[low].delta;
}

static const char *
find_special(const struct case_special *specials, size_t n, uint32_t code)
{
    for (size_t i = 0; i < n; i++) {
        if (specials[i].code == code) {
            return specials[i].text;
        }
    }
    return NULL;
}

/* The character at @at: its code and length; false when the bytes are no UTF-8. */
static bool
decode(struct tide_bytes text, uint32_t at, uint32_t *out_code, uint32_t *out_len)
{
    const uint8_t *p = (const uint8_t *)text.p + at;
    uint32_t n = tide_utf8_len(p[0]);
    uint32_t code = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    *out_len = 1;
    if (at + n > text.n || (n == 1 && p[0] >= 0x80)) {
        return false;
    }
    for (uint32_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return false;
        }
        code = code << 6 | (p[i] & 0x3F);
    }
    *out_len = n;
    *out_code = code;
    return true;
}

static void
put_code(struct tide_chars *out, uint32_t code)
{
    if (code < 0x80) {
        tide_chars_byte(out, (char)code);
    } else if (code < 0x800) {
        tide_chars_byte(out, (char)(0xC0 | code >> 6));
        tide_chars_byte(out, (char)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        tide_chars_byte(out, (char)(0xE0 | code >> 12));
        tide_chars_byte(out, (char)(0x80 | (code >> 6 & 0x3F)));
        tide_chars_byte(out, (char)(0x80 | (code & 0x3F)));
    } else {
        tide_chars_byte(out, (char)(0xF0 | code >> 18));
        tide_chars_byte(out, (char)(0x80 | (code >> 12 & 0x3F)));
        tide_chars_byte(out, (char)(0x80 | (code >> 6 & 0x3F)));
        tide_chars_byte(out, (char)(0x80 | (code & 0x3F)));
    }
}

void
tide_text_upper(struct tide_bytes text, struct tide_chars *out)
{
    const char *p = text.p;
    uint32_t code, n;
    for (uint32_t at = 0; at < text.n; at += n) {
        const char *special;
        n = 1;
        if ((p[at] & 0x80) == 0) {
            tide_chars_byte(out, p[at] >= 'a' && p[at] <= 'z' ? (char)(p[at] & ~0x20) : p[at]);
        } else if (!decode(text, at, &code, &n)) {
            tide_chars_byte(out, p[at]);
        } else if ((special = find_special(upper_specials, COUNT(upper_specials), code)) != NULL) {
            tide_chars_text(out, special);
        } else {
            put_code(out, map_code(upper_ranges, COUNT(upper_ranges), code));
        }
    }
}

static bool
is_cased(uint32_t code)
{
    return map_code(upper_ranges, COUNT(upper_ranges), code) != code ||
           map_code(lower_ranges, COUNT(lower_ranges), code) != code ||
           find_special(upper_specials, COUNT(upper_specials), code) != NULL;
}

/* Marks that do not end a word: Unicode's Case_Ignorable, as far as Greek text has them. */
static bool
is_ignorable(uint32_t code)
{
    return code == '\'' || code == '.' || code == ':' || code == '^' || code == '`' ||
           code == 0xA8 || code == 0xAD || code == 0xAF || code == 0xB4 || code == 0xB7 ||
           code == 0xB8 || (code >= 0x2B0 && code <= 0x36F) || code == 0x2018 || code == 0x2019;
}

/* Whether a sigma of @n bytes at @at ends a word: a cased letter before it and none behind. */
static bool
is_final(struct tide_bytes text, uint32_t at, uint32_t n)
{
    uint32_t code, len, before = at, behind = at + n;
    bool cased = false;
    while (before > 0 && !cased) {
        do {
            before--;
        } while (before > 0 && (((const uint8_t *)text.p)[before] & 0xC0) == 0x80);
        if (!decode(text, before, &code, &len) || (!is_ignorable(code) && !is_cased(code))) {
            return false;
        }
        cased = !is_ignorable(code);
    }
    while (behind < text.n && decode(text, behind, &code, &len) && is_ignorable(code)) {
        behind += len;
    }
    return cased && !(behind < text.n && decode(text, behind, &code, &len) && is_cased(code));
}

void
tide_text_lower(struct tide_bytes text, struct tide_chars *out)
{
    const char *p = text.p;
    uint32_t code, n;
    for (uint32_t at = 0; at < text.n; at += n) {
        const char *special;
        n = 1;
        if ((p[at] & 0x80) == 0) {
            tide_chars_byte(out, p[at] >= 'A' && p[at] <= 'Z' ? (char)(p[at] | 0x20) : p[at]);
        } else if (!decode(text, at, &code, &n)) {
            tide_chars_byte(out, p[at]);
        } else if (code == CAPITAL_SIGMA && is_final(text, at, n)) {
            put_code(out, 0x3C2);
        } else if ((special = find_special(lower_specials, COUNT(lower_specials), code)) != NULL) {
            tide_chars_text(out, special);
        } else {
            put_code(out, map_code(lower_ranges, COUNT(lower_ranges), code));
        }
    }
}
