/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lexer. The rules are those of Spark's SqlBaseLexer.g4: the longest token wins, a run of letters
 * and digits that is no number is an identifier, bytes over 127 count as letters. Strings may span
 * lines; bracketed comments nest.
 */
#include "sql/lexer.h"

#include <string.h>

#include "base/assert.h"

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static char
at(const struct tide_lexer *lexer, uint32_t pos)
{
    return pos < lexer->len ? lexer->text[pos] : '\0';
}

void
tide_lexer_init(struct tide_lexer *lexer, const char *text, uint32_t len)
{
    *lexer = (struct tide_lexer){.text = text, .len = len};
}

/* Skips a bracketed comment that begins at pos; they nest. */
static int
skip_bracketed(struct tide_lexer *lexer, struct tide_error *err)
{
    uint32_t begin = lexer->pos, depth = 0;
    while (lexer->pos < lexer->len) {
        if (at(lexer, lexer->pos) == '/' && at(lexer, lexer->pos + 1) == '*') {
            depth++;
            lexer->pos += 2;
        } else if (at(lexer, lexer->pos) == '*' && at(lexer, lexer->pos + 1) == '/') {
            lexer->pos += 2;
            if (--depth == 0) {
                return TIDE_OK;
            }
        } else {
            lexer->pos++;
        }
    }
    return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)begin,
                             "[UNCLOSED_BRACKETED_COMMENT] a comment begins with /* and has no */");
}

static int
skip_blanks(struct tide_lexer *lexer, struct tide_error *err)
{
    for (;;) {
        char c = at(lexer, lexer->pos);
        if (lexer->pos >= lexer->len) {
            return TIDE_OK;
        }
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            lexer->pos++;
        } else if (c == '-' && at(lexer, lexer->pos + 1) == '-') {
            while (lexer->pos < lexer->len && lexer->text[lexer->pos] != '\n') {
                lexer->pos++;
            }
        } else if (c == '/' && at(lexer, lexer->pos + 1) == '*') {
            int rc = skip_bracketed(lexer, err);
            if (rc < 0) {
                return rc;
            }
        } else {
            return TIDE_OK;
        }
    }
}

static uint32_t
skip_digits(const struct tide_lexer *lexer, uint32_t pos)
{
    while (is_digit(at(lexer, pos))) {
        pos++;
    }
    return pos;
}

/* The end of an exponent at @pos, or @pos when there is none. */
static uint32_t
skip_exponent(const struct tide_lexer *lexer, uint32_t pos)
{
    uint32_t p = pos;
    if (lower(at(lexer, p)) != 'e') {
        return pos;
    }
    p++;
    if (at(lexer, p) == '+' || at(lexer, p) == '-') {
        p++;
    }
    return is_digit(at(lexer, p)) ? skip_digits(lexer, p) : pos;
}

/* Length of a number's suffix at @pos and what it makes of the number. */
static uint32_t
number_suffix(const struct tide_lexer *lexer, uint32_t pos, bool whole, enum tide_number_kind *kind)
{
    char c = lower(at(lexer, pos));
    if (c == 'b' && lower(at(lexer, pos + 1)) == 'd') {
        *kind = TIDE_NUMBER_BD;
        return 2;
    }
    if (c == 'f' || c == 'd') {
        *kind = c == 'f' ? TIDE_NUMBER_FLOAT : TIDE_NUMBER_DOUBLE;
        return 1;
    }
    if (whole && (c == 'l' || c == 's' || c == 'y')) {
        *kind = c == 'l'   ? TIDE_NUMBER_BIGINT
                : c == 's' ? TIDE_NUMBER_SMALLINT
                           : TIDE_NUMBER_TINYINT;
        return 1;
    }
    return 0;
}

/* Tries to read a number; false when the run of characters is an identifier. */
static bool
read_number(struct tide_lexer *lexer, struct tide_token *out)
{
    uint32_t pos = skip_digits(lexer, lexer->pos), end;
    bool point = at(lexer, pos) == '.';
    if (point) {
        pos = skip_digits(lexer, pos + 1);
    }
    end = skip_exponent(lexer, pos);
    out->number = end > pos ? TIDE_NUMBER_EXPONENT
                  : point   ? TIDE_NUMBER_DECIMAL
                            : TIDE_NUMBER_INTEGER;
    end += number_suffix(lexer, end, !point && end == pos, &out->number);
    if (is_word(at(lexer, end))) {
        return false;
    }
    out->kind = TIDE_TOKEN_NUMBER;
    out->n = end - lexer->pos;
    return true;
}

/* Reads text in quotes; @raw: a backslash is a plain character. */
static int
read_quoted(struct tide_lexer *lexer, uint32_t pos, bool raw, struct tide_token *out,
            struct tide_error *err)
{
    char quote = lexer->text[pos];
    for (pos++; pos < lexer->len; pos++) {
        char c = lexer->text[pos];
        if (c == '\\' && !raw && quote != '`') {
            pos++;
        } else if (c == quote && at(lexer, pos + 1) == quote && !raw) {
            pos++;
        } else if (c == quote) {
            out->kind = quote == '`' ? TIDE_TOKEN_QUOTED : TIDE_TOKEN_STRING;
            out->n = pos + 1 - lexer->pos;
            return TIDE_OK;
        }
    }
    return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)lexer->pos,
                             "[PARSE_SYNTAX_ERROR] a text begins with %c and has no second one",
                             quote);
}

/* Operators, longer ones first. */
static const struct {
    const char *text;
    enum tide_token_kind kind;
} operators[] = {
    {">>>", TIDE_TOKEN_SHIFT_RIGHT_UNSIGNED},
    {">>", TIDE_TOKEN_SHIFT_RIGHT},
    {"<<", TIDE_TOKEN_SHIFT_LEFT},
    {"<=>", TIDE_TOKEN_EQ_NULL},
    {"==", TIDE_TOKEN_EQ},
    {"<>", TIDE_TOKEN_NE},
    {"!=", TIDE_TOKEN_NE},
    {"<=", TIDE_TOKEN_LE},
    {">=", TIDE_TOKEN_GE},
    {"||", TIDE_TOKEN_CONCAT},
    {"::", TIDE_TOKEN_CAST},
    {"->", TIDE_TOKEN_ARROW},
    {"=", TIDE_TOKEN_EQ},
    {"<", TIDE_TOKEN_LT},
    {">", TIDE_TOKEN_GT},
    {"+", TIDE_TOKEN_PLUS},
    {"-", TIDE_TOKEN_MINUS},
    {"*", TIDE_TOKEN_STAR},
    {"/", TIDE_TOKEN_SLASH},
    {"%", TIDE_TOKEN_PERCENT},
    {"~", TIDE_TOKEN_TILDE},
    {"&", TIDE_TOKEN_AMPERSAND},
    {"|", TIDE_TOKEN_PIPE},
    {"^", TIDE_TOKEN_HAT},
    {"!", TIDE_TOKEN_BANG},
    {"(", TIDE_TOKEN_LPAREN},
    {")", TIDE_TOKEN_RPAREN},
    {"[", TIDE_TOKEN_LBRACKET},
    {"]", TIDE_TOKEN_RBRACKET},
    {",", TIDE_TOKEN_COMMA},
    {".", TIDE_TOKEN_DOT},
    {":", TIDE_TOKEN_COLON},
};

static int
read_operator(struct tide_lexer *lexer, struct tide_token *out, struct tide_error *err)
{
    uint32_t left = lexer->len - lexer->pos;
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        uint32_t n = (uint32_t)strlen(operators[i].text);
        if (n <= left && memcmp(lexer->text + lexer->pos, operators[i].text, n) == 0) {
            out->kind = operators[i].kind;
            out->n = n;
            return TIDE_OK;
        }
    }
    return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)lexer->pos,
                             "[PARSE_SYNTAX_ERROR] '%c' has no meaning here",
                             lexer->text[lexer->pos]);
}

static int
read_token(struct tide_lexer *lexer, struct tide_token *out, struct tide_error *err)
{
    char c = lexer->text[lexer->pos], next = at(lexer, lexer->pos + 1);
    uint32_t pos = lexer->pos;
    if ((is_digit(c) || (c == '.' && is_digit(next))) && read_number(lexer, out)) {
        return TIDE_OK;
    }
    if (c == '\'' || c == '"' || c == '`') {
        return read_quoted(lexer, pos, false, out, err);
    }
    if (lower(c) == 'r' && (next == '\'' || next == '"')) {
        return read_quoted(lexer, pos + 1, true, out, err);
    }
    if (!is_word(c)) {
        return read_operator(lexer, out, err);
    }
    while (is_word(at(lexer, pos))) {
        pos++;
    }
    out->kind = TIDE_TOKEN_WORD;
    out->n = pos - lexer->pos;
    return TIDE_OK;
}

int
tide_lexer_next(struct tide_lexer *lexer, struct tide_token *out, struct tide_error *err)
{
    struct tide_token token = {.kind = TIDE_TOKEN_END};
    int rc = skip_blanks(lexer, err);
    if (rc < 0) {
        return rc;
    }
    token.at = lexer->pos;
    if (lexer->pos < lexer->len) {
        rc = read_token(lexer, &token, err);
        if (rc < 0) {
            return rc;
        }
    }
    TIDE_ASSERT(token.at + token.n <= lexer->len);
    lexer->pos += token.n;
    *out = token;
    return TIDE_OK;
}

bool
tide_token_is(const struct tide_lexer *lexer, const struct tide_token *token, const char *word)
{
    const char *p = lexer->text + token->at;
    uint32_t i;
    if (token->kind != TIDE_TOKEN_WORD) {
        return false;
    }
    for (i = 0; i < token->n && word[i] != '\0'; i++) {
        if (lower(p[i]) != word[i]) {
            return false;
        }
    }
    return i == token->n && word[i] == '\0';
}

/* ---- values of quoted tokens ---- */

static uint32_t
put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (code >> 18 & 0x07));
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Reads @n hexadecimal digits. */
static bool
read_hex(const char *p, const char *end, uint32_t n, uint32_t *out)
{
    uint32_t value = 0;
    if (end - p < (ptrdiff_t)n) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        char c = lower(p[i]);
        if (!is_digit(c) && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        value = value << 4 | (uint32_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *out = value;
    return true;
}

/* The escape \u or \U at @p (behind the backslash): bytes read, 0 when it is none. Two \u make a
 * surrogate pair. */
static uint32_t
read_unicode(const char *p, const char *end, uint32_t *code)
{
    uint32_t low;
    if (*p == 'U' && read_hex(p + 1, end, 8, code) && *code <= 0x10FFFF) {
        return 9;
    }
    if (*p != 'u' || !read_hex(p + 1, end, 4, code)) {
        return 0;
    }
    if (*code >= 0xD800 && *code < 0xDC00 && end - p >= 11 && p[5] == '\\' && p[6] == 'u' &&
        read_hex(p + 7, end, 4, &low) && low >= 0xDC00 && low < 0xE000) {
        *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
        return 11;
    }
    return 5;
}

/* The escape \ooo at @p. */
static bool
read_octal(const char *p, const char *end, uint32_t *code)
{
    if (end - p < 3 || p[0] < '0' || p[0] > '1' || p[1] < '0' || p[1] > '7' || p[2] < '0' ||
        p[2] > '7') {
        return false;
    }
    *code = (uint32_t)((p[0] - '0') << 6 | (p[1] - '0') << 3 | (p[2] - '0'));
    return true;
}

/* Resolves the escape behind a backslash at @p; returns the bytes read. */
static uint32_t
unescape(const char *p, const char *end, char **out)
{
    static const char from[] = "0bnrtZ", to[] = "\0\b\n\r\t\x1a";
    uint32_t code, n = read_unicode(p, end, &code);
    const char *known;
    if (n > 0) {
        *out += put_utf8(*out, code);
        return n;
    }
    if (read_octal(p, end, &code)) {
        *out += put_utf8(*out, code);
        return 3;
    }
    if (*p == '%' || *p == '_') {
        *(*out)++ = '\\';
    }
    known = strchr(from, *p);
    *(*out)++ = known != NULL && *p != '\0' ? to[known - from] : *p;
    return 1;
}

uint32_t
tide_token_unquote(const struct tide_lexer *lexer, const struct tide_token *token, char *out)
{
    const char *p = lexer->text + token->at, *end = p + token->n - 1;
    bool raw = *p == 'r' || *p == 'R', identifier = *p == '`';
    char *start = out, quote = p[raw];
    TIDE_ASSERT(token->kind == TIDE_TOKEN_STRING || token->kind == TIDE_TOKEN_QUOTED);
    for (p += 1 + raw; p < end;) {
        if (*p == '\\' && !raw && !identifier && p + 1 < end) {
            p += 1 + unescape(p + 1, end, &out);
        } else if (*p == quote && !raw) {
            *out++ = quote;
            p += 2;
        } else {
            *out++ = *p++;
        }
    }
    return (uint32_t)(out - start);
}
