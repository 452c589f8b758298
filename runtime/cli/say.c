/* SPDX-License-Identifier: Apache-2.0 */
/* What the program says: see say.h. */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX 32u /* longer names are not compared */

void
cli_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("tidemark: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int
cli_fail(const struct tide_error *err)
{
    cli_say("%s", err->text[0] != 0 ? err->text : tide_error_name(err->code));
    return tide_error_exit_code(err->code);
}

int
cli_put(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    return fwrite(text, 1, len, stdout) == len ? 0 : TIDE_ERR_IO;
}

int
cli_end(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_say("standard output: %s", strerror(errno));
        return code != 0 ? code : 1;
    }
    return code;
}

/* ---- the nearest name ---- */

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Edits between two texts: insert, delete, replace, swap neighbours (optimal string alignment). */
static size_t
distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t rows[3][NAME_BYTES_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= n_b; j++) {
        above[j] = j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= n_a; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[n_b];
}

const char *
cli_nearest(const char *given, const char *const names[], size_t n)
{
    const char *best = NULL;
    size_t best_edits = SIZE_MAX;
    size_t n_given = strlen(given);
    for (size_t i = 0; i < n && n_given <= NAME_BYTES_MAX; i++) {
        size_t len = strlen(names[i]);
        size_t longer = len > n_given ? len : n_given;
        if (len > NAME_BYTES_MAX) {
            continue;
        }
        size_t edits = distance(given, n_given, names[i], len);
        if (edits <= (longer + 2) / 3 && edits < longer && edits < best_edits) {
            best = names[i];
            best_edits = edits;
        }
    }
    return best;
}

/* ---- JSON ---- */

/* Bytes of the valid UTF-8 character at @p, of which @n are there; 0: there is none. */
static size_t
utf8_char(const uint8_t *p, size_t n)
{
    static const uint32_t least_of[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC0 ? 2 : 0;
    if (len == 0 || len > n || p[0] > 0xF4) {
        return 0;
    }
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3Fu);
    }
    return c < least_of[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000) ? 0 : len;
}

static bool
is_utf8(const uint8_t *p, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_char(p + i, n - i);
        if (len == 0) {
            return false;
        }
    }
    return true;
}

static void
put_base64(FILE *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16;
        bits |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
        bits |= i + 2 < n ? p[i + 2] : 0;
        putc(digits[bits >> 18], out);
        putc(digits[bits >> 12 & 63], out);
        putc(i + 1 < n ? digits[bits >> 6 & 63] : '=', out);
        putc(i + 2 < n ? digits[bits & 63] : '=', out);
    }
}

static void
put_escaped(FILE *out, const uint8_t *p, size_t n)
{
    static const char letters[] = "btn?fr"; /* for 8 to 13; 11 has none */
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"' || p[i] == '\\') {
            putc('\\', out);
            putc(p[i], out);
        } else if (p[i] >= 8 && p[i] <= 13 && p[i] != 11) {
            putc('\\', out);
            putc(letters[p[i] - 8], out);
        } else if (p[i] < 0x20 || p[i] == 0x7F) {
            fprintf(out, "\\u%04x", p[i]);
        } else {
            putc(p[i], out);
        }
    }
}

void
cli_json_bytes(FILE *out, const void *p, size_t n)
{
    if (p == NULL) {
        fputs("null", out);
    } else if (is_utf8(p, n)) {
        putc('"', out);
        put_escaped(out, p, n);
        putc('"', out);
    } else {
        fputs("{\"base64\":\"", out);
        put_base64(out, p, n);
        fputs("\"}", out);
    }
}

void
cli_json_text(FILE *out, const char *text)
{
    cli_json_bytes(out, text, text != NULL ? strlen(text) : 0);
}
