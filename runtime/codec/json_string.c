/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON texts: checking, unescaping, escaping.
 */
#include "codec/json_string.h"

#include <math.h>
#include <string.h>

#include "codec/json_scan.h"
#include "codec/number.h"
#include "codec/text.h"

static bool
bad(struct tide_json_string *out, uint32_t at, const char *error)
{
    out->error = error;
    out->error_at = at;
    return false;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of the escape at @p (a backslash), or 0 when it is none. */
static uint32_t
escape_length(const uint8_t *p, uint32_t left, uint32_t allow)
{
    if (left < 2) {
        return 0;
    }
    if (p[1] == 'u') {
        for (uint32_t i = 2; i < 6; i++) {
            if (i >= left || hex_digit(p[i]) < 0) {
                return 0;
            }
        }
        return 6;
    }
    if (p[1] != 0 && strchr("\"\\/bfnrt", p[1]) != NULL) {
        return 2;
    }
    if ((allow & TIDE_JSON_ALLOW_ANY_ESCAPE) != 0 ||
        (p[1] == '\'' && (allow & TIDE_JSON_ALLOW_SINGLE_QUOTES) != 0)) {
        return 2;
    }
    return 0;
}

/* Length of the UTF-8 sequence at @p, whose first byte is not ASCII; 0 when it is none. */
static uint32_t
utf8_length(const uint8_t *p, uint32_t left)
{
    uint32_t n = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
                 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    if (n == 0 || n > left) {
        return 0;
    }
    for (uint32_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates and what lies beyond Unicode show in the second byte. */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return n;
}

bool
tide_json_string_read(const uint8_t *text, uint32_t n, uint32_t at, uint32_t allow,
                      struct tide_json_string *out)
{
    uint8_t quote = text[at];
    *out = (struct tide_json_string){0};
    at++;
    while (at < n) {
        uint8_t c = text[at];
        uint32_t step = 1;
        if (c == quote) {
            out->end = at + 1;
            return true;
        }
        if (c == '\\') {
            out->escaped = true;
            step = escape_length(text + at, n - at, allow);
        } else if (c >= 0x80) {
            step = utf8_length(text + at, n - at);
        } else if (c < 0x20 && (allow & TIDE_JSON_ALLOW_CONTROL_CHARS) == 0) {
            return bad(out, at, "a control character in a text");
        }
        if (step == 0) {
            return bad(out, at, c == '\\' ? "an unknown escape" : "invalid UTF-8");
        }
        at += step;
    }
    return bad(out, at, "a text without end");
}

static uint32_t
hex4(const uint8_t *p)
{
    return (uint32_t)(hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 |
                      hex_digit(p[3]));
}

static uint32_t
put_utf8(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

/* The character of a \u escape at @p, with its second half if that follows; *@used bytes. */
static uint32_t
unicode_escape(const uint8_t *p, uint32_t left, uint32_t *used)
{
    uint32_t code = hex4(p + 2);
    *used = 6;
    if (code < 0xd800 || code > 0xdfff) {
        return code;
    }
    if (code <= 0xdbff && left >= 12 && p[6] == '\\' && p[7] == 'u') {
        uint32_t low = hex4(p + 8);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *used = 12;
            return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return '?';
}

uint32_t
tide_json_string_unescape(const uint8_t *p, uint32_t n, uint8_t *out)
{
    static const char letters[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    uint32_t len = 0;
    uint32_t at = 0;
    while (at < n) {
        uint32_t used = 2;
        const char *letter;
        if (p[at] != '\\') {
            out[len++] = p[at++];
            continue;
        }
        letter = strchr(letters, p[at + 1]);
        if (p[at + 1] == 'u') {
            len += put_utf8(unicode_escape(p + at, n - at, &used), out + len);
        } else {
            out[len++] =
                letter != NULL && *letter != 0 ? (uint8_t)meant[letter - letters] : p[at + 1];
        }
        at += used;
    }
    return len;
}

bool
tide_json_read_double(struct tide_bytes text, double *out)
{
    const char *p = text.p;
    uint32_t n = text.n;
    bool negative = n > 0 && p[0] == '-';
    double value;
    if (n > 0 && (p[0] == '-' || p[0] == '+')) {
        p++;
        n--;
    }
    if (n > 0 && p[0] == 'N') {
        value = (double)NAN;
    } else if (n > 0 && p[0] == 'I') {
        value = INFINITY;
    } else if (!tide_double_parse(p, n, &value)) {
        return false;
    }
    *out = negative ? -value : value;
    return true;
}

/* The letter of a two-character escape, or 0. */
static char
short_escape(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

void
tide_json_put_string(struct tide_chars *out, struct tide_bytes text)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *p = text.p;
    uint32_t done = 0;
    tide_chars_byte(out, '"');
    for (uint32_t i = 0; i < text.n; i++) {
        char letter;
        if (p[i] >= 0x20 && p[i] != '"' && p[i] != '\\') {
            continue;
        }
        tide_chars_put(out, p + done, i - done);
        done = i + 1;
        letter = short_escape(p[i]);
        if (letter != 0) {
            tide_chars_byte(out, '\\');
            tide_chars_byte(out, letter);
        } else {
            tide_chars_text(out, "\\u00");
            tide_chars_byte(out, digits[p[i] >> 4]);
            tide_chars_byte(out, digits[p[i] & 15]);
        }
    }
    tide_chars_put(out, p + done, text.n - done);
    tide_chars_byte(out, '"');
}

void
tide_json_put_int(struct tide_chars *out, struct tide_bytes text)
{
    const uint8_t *p = text.p;
    uint32_t n = text.n;
    bool negative = n > 0 && *p == '-';
    p += negative ? 1 : 0;
    n -= negative ? 1 : 0;
    while (n > 1 && *p == '0') {
        p++;
        n--;
    }
    if (negative && *p != '0') {
        tide_chars_byte(out, '-');
    }
    tide_chars_put(out, p, n);
}

void
tide_json_put_float(struct tide_chars *out, struct tide_bytes text)
{
    double value = 0;
    const char *quote;
    tide_json_read_double(text, &value);
    quote = isfinite(value) ? "" : "\"";
    tide_chars_text(out, quote);
    tide_put_double(out, value);
    tide_chars_text(out, quote);
}
