/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions. Java's syntax is nearly PCRE2's; what differs is translated: names of
 * character classes (\p{Alpha}), \uXXXX, flags, and brackets inside brackets, which in Java are a
 * union. What has no counterpart is refused. Threads: see regex.h.
 */
#include "sql/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/limits.h"

struct tide_regex {
    const struct tide_seam *seam;
    pcre2_general_context *memory;
    pcre2_code *code; /* NULL: plain bytes */
    uint32_t n;
    char bytes[];
};

struct tide_regex_match {
    const struct tide_seam *seam;
    pcre2_general_context *memory;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static void *
allocate(PCRE2_SIZE size, void *seam)
{
    return tide_alloc(seam, size);
}

static void
release(void *block, void *seam)
{
    tide_free(seam, block);
}

/* ---- translation ---- */

struct translator {
    const char *p, *end;
    struct tide_buf *out;
    struct tide_error *err;
    int rc;
};

static void
put(struct translator *t, const char *text, size_t n)
{
    if (t->rc == TIDE_OK) {
        t->rc = tide_buf_append(t->out, text, n);
    }
}

static void
refuse(struct translator *t, const char *what)
{
    if (t->rc == TIDE_OK) {
        t->rc = tide_error_set(t->err, TIDE_ERR_UNSUPPORTED,
                               "%s in regular expressions is not in this version", what);
    }
}

/* Java's names of POSIX classes. */
static const char *const posix[][2] = {
    {"Lower", "lower"}, {"Upper", "upper"}, {"ASCII", "ascii"}, {"Alpha", "alpha"},
    {"Digit", "digit"}, {"Alnum", "alnum"}, {"Punct", "punct"}, {"Graph", "graph"},
    {"Print", "print"}, {"Blank", "blank"}, {"Cntrl", "cntrl"}, {"XDigit", "xdigit"},
    {"Space", "space"},
};

/* \p{Name} or \P{Name}; @p is at the p. */
static void
translate_property(struct translator *t, bool in_class)
{
    bool negated = *t->p == 'P';
    const char *close = memchr(t->p, '}', (size_t)(t->end - t->p));
    const char *name = t->p + 2;
    size_t n;
    if (t->p + 1 >= t->end || t->p[1] != '{' || close == NULL) {
        put(t, "\\", 1);
        put(t, t->p++, 1);
        return;
    }
    n = (size_t)(close - name);
    for (size_t i = 0; i < sizeof(posix) / sizeof(posix[0]); i++) {
        if (strlen(posix[i][0]) == n && memcmp(posix[i][0], name, n) == 0) {
            put(t, in_class ? "[:" : "[[:", in_class ? 2 : 3);
            put(t, "^", negated);
            put(t, posix[i][1], strlen(posix[i][1]));
            put(t, in_class ? ":]" : ":]]", in_class ? 2 : 3);
            t->p = close + 1;
            return;
        }
    }
    put(t, negated ? "\\P{" : "\\p{", 3);
    if (n > 2 && memcmp(name, "Is", 2) == 0) {
        name += 2;
        n -= 2;
    }
    put(t, name, n);
    put(t, "}", 1);
    t->p = close + 1;
}

/* Behind a backslash. */
static void
translate_escape(struct translator *t, bool in_class)
{
    t->p++;
    if (t->p >= t->end) {
        put(t, "\\", 1);
    } else if (*t->p == 'p' || *t->p == 'P') {
        translate_property(t, in_class);
    } else if (*t->p == 'u' && t->end - t->p >= 5) {
        put(t, "\\x{", 3);
        put(t, t->p + 1, 4);
        put(t, "}", 1);
        t->p += 5;
    } else if (*t->p == 'Q') {
        const char *close = memmem(t->p, (size_t)(t->end - t->p), "\\E", 2);
        size_t n = (size_t)((close != NULL ? close + 2 : t->end) - t->p);
        put(t, "\\", 1);
        put(t, t->p, n);
        t->p += n;
    } else {
        put(t, "\\", 1);
        put(t, t->p++, 1);
    }
}

/* A class; brackets inside are a union and fall away. */
static void
translate_class(struct translator *t)
{
    uint32_t depth = 1;
    put(t, "[", 1);
    t->p++;
    if (t->p < t->end && *t->p == '^') {
        put(t, t->p++, 1);
    }
    while (t->p < t->end && depth > 0 && t->rc == TIDE_OK) {
        if (*t->p == '\\') {
            translate_escape(t, true);
            continue;
        }
        if (*t->p == '&' && t->p + 1 < t->end && t->p[1] == '&') {
            refuse(t, "an intersection of classes (&&)");
        } else if (*t->p == '[' && t->p + 1 < t->end && t->p[1] == '^') {
            refuse(t, "a negated class inside a class");
        } else if (*t->p == '[') {
            depth++;
        } else if (*t->p == ']') {
            depth--;
        } else {
            put(t, "\\", *t->p == ':');
            put(t, t->p, 1);
        }
        t->p++;
    }
    put(t, "]", depth == 0);
}

/* Flags behind "(?": those of Java that PCRE2 has not, or means otherwise, fall away. */
static void
translate_group(struct translator *t)
{
    const char *p = t->p + 2;
    while (p < t->end && strchr("idmsuxU-", *p) != NULL) {
        p++;
    }
    if (t->p + 1 >= t->end || t->p[1] != '?' || p >= t->end || p == t->p + 2 ||
        (*p != ')' && *p != ':')) {
        put(t, t->p++, 1);
        return;
    }
    put(t, "(?", 2);
    for (t->p += 2; t->p < p; t->p++) {
        put(t, t->p, strchr("duU", *t->p) == NULL);
    }
}

static int
translate(struct tide_bytes pattern, struct tide_buf *out, struct tide_error *err)
{
    struct translator t = {
        .p = pattern.p, .end = (const char *)pattern.p + pattern.n, .out = out, .err = err};
    while (t.p < t.end && t.rc == TIDE_OK) {
        if (*t.p == '\\') {
            translate_escape(&t, false);
        } else if (*t.p == '[') {
            translate_class(&t);
        } else if (*t.p == '(') {
            translate_group(&t);
        } else {
            put(&t, t.p++, 1);
        }
    }
    return t.rc;
}

/* ---- life ---- */

/* A pattern without operators: its bytes, escapes resolved; false when it has some. */
static bool
plain_bytes(struct tide_bytes pattern, char *out, uint32_t *out_n)
{
    const char *p = pattern.p;
    uint32_t n = 0;
    for (uint32_t i = 0; i < pattern.n; i++) {
        if (p[i] == '\\' && i + 1 < pattern.n && strchr(".$|()[]{}^?*+\\/-,;:=!<>#&~ ", p[i + 1])) {
            i++;
        } else if (strchr(".$|()[{^?*+\\", p[i]) != NULL) {
            return false;
        }
        out[n++] = p[i];
    }
    *out_n = n;
    return true;
}

static int
compile(struct tide_regex *regex, struct tide_bytes pattern, struct tide_error *err)
{
    pcre2_compile_context *context;
    struct tide_buf text;
    PCRE2_SIZE at;
    int code, rc;
    tide_buf_init(&text, regex->seam, TIDE_LIMIT_YAML_BYTES);
    rc = translate(pattern, &text, err);
    context = pcre2_compile_context_create(regex->memory);
    if (rc == TIDE_OK && context != NULL) {
        pcre2_set_newline(context, PCRE2_NEWLINE_ANY);
        regex->code = pcre2_compile(text.data, text.len, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code,
                                    &at, context);
        if (regex->code == NULL) {
            char reason[128] = "";
            pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
            rc = tide_error_set(err, TIDE_ERR_INVALID, "'%.*s' is no regular expression: %s",
                                (int)(pattern.n > 80 ? 80 : pattern.n), (const char *)pattern.p,
                                reason);
        }
    } else if (rc == TIDE_OK) {
        rc = tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a regular expression");
    }
    pcre2_compile_context_free(context);
    tide_buf_fini(&text);
    return rc;
}

int
tide_regex_create(const struct tide_seam *seam, struct tide_bytes pattern, struct tide_regex **out,
                  struct tide_error *err)
{
    struct tide_regex *regex = tide_alloc(seam, sizeof(*regex) + pattern.n + 1);
    int rc = TIDE_OK;
    if (regex == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a regular expression");
    }
    regex->seam = seam;
    if (!plain_bytes(pattern, regex->bytes, &regex->n)) {
        regex->memory = pcre2_general_context_create(allocate, release, (void *)seam);
        rc = regex->memory != NULL
                 ? compile(regex, pattern, err)
                 : tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a regular expression");
    }
    if (rc < 0) {
        tide_regex_destroy(regex);
        return rc;
    }
    *out = regex;
    return TIDE_OK;
}

void
tide_regex_destroy(struct tide_regex *regex)
{
    if (regex != NULL) {
        pcre2_code_free(regex->code);
        pcre2_general_context_free(regex->memory);
        tide_free(regex->seam, regex);
    }
}

int
tide_regex_match_create(const struct tide_seam *seam, struct tide_regex_match **out,
                        struct tide_error *err)
{
    struct tide_regex_match *match = tide_alloc(seam, sizeof(*match));
    if (match == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a match");
    }
    match->seam = seam;
    match->memory = pcre2_general_context_create(allocate, release, (void *)seam);
    if (match->memory != NULL) {
        match->data = pcre2_match_data_create(1, match->memory);
        match->context = pcre2_match_context_create(match->memory);
    }
    if (match->data == NULL || match->context == NULL) {
        tide_regex_match_destroy(match);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a match");
    }
    pcre2_set_match_limit(match->context, TIDE_LIMIT_REGEX_STEPS);
    *out = match;
    return TIDE_OK;
}

void
tide_regex_match_destroy(struct tide_regex_match *match)
{
    if (match != NULL) {
        pcre2_match_data_free(match->data);
        pcre2_match_context_free(match->context);
        pcre2_general_context_free(match->memory);
        tide_free(match->seam, match);
    }
}

enum tide_regex_found
tide_regex_find(const struct tide_regex *regex, struct tide_regex_match *match,
                struct tide_bytes text, uint32_t from, uint32_t *out_begin, uint32_t *out_end)
{
    const char *p = text.n > 0 ? text.p : "";
    TIDE_ASSERT(from <= text.n);
    if (regex->code == NULL) {
        const char *at = memmem(p + from, text.n - from, regex->bytes, regex->n);
        if (at == NULL) {
            return TIDE_REGEX_NONE;
        }
        *out_begin = (uint32_t)(at - p);
        *out_end = *out_begin + regex->n;
        return TIDE_REGEX_FOUND;
    }
    int rc = pcre2_match(regex->code, (PCRE2_SPTR)p, text.n, from, 0, match->data, match->context);
    if (rc < 0) {
        return rc == PCRE2_ERROR_NOMATCH ? TIDE_REGEX_NONE : TIDE_REGEX_COSTLY;
    }
    *out_begin = (uint32_t)pcre2_get_ovector_pointer(match->data)[0];
    *out_end = (uint32_t)pcre2_get_ovector_pointer(match->data)[1];
    return TIDE_REGEX_FOUND;
}
