/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns: LIKE, ILIKE, RLIKE, split.
 *
 * A constant regular expression is compiled with the program; one that comes out of the data is
 * compiled when it differs from the row before.
 */
#include <string.h>

#include "base/limits.h"
#include "sql/functions.h"
#include "sql/regex.h"
#include "sql/utf8.h"

/* ---- LIKE ---- */

/* A LIKE pattern at a place: '%', '_' or a character of @n bytes at @p. */
struct like_part {
    enum { LIKE_END, LIKE_ANY, LIKE_ONE, LIKE_CHAR } kind;
    const char *p;
    uint32_t n, next;
};

static struct like_part
like_at(struct tide_bytes pattern, char escape, uint32_t at)
{
    const char *p = pattern.p;
    struct like_part part = {LIKE_CHAR, p + at, 1, at};
    if (at >= pattern.n) {
        part.kind = LIKE_END;
        return part;
    }
    if (p[at] == escape && at + 1 < pattern.n) {
        at++;
        part.p = p + at;
    } else if (p[at] == '%' || p[at] == '_') {
        part.kind = p[at] == '%' ? LIKE_ANY : LIKE_ONE;
    }
    part.next = tide_utf8_next(pattern, at);
    part.n = part.next - at;
    return part;
}

/* Greedy with one step back to the last %, as any glob: linear in practice, bounded by n * m. */
static bool
like(struct tide_bytes text, struct tide_bytes pattern, char escape)
{
    uint32_t t = 0, p = 0, star = UINT32_MAX, mark = 0;
    for (;;) {
        struct like_part part = like_at(pattern, escape, p);
        uint32_t next = t < text.n ? tide_utf8_next(text, t) : t;
        if (part.kind == LIKE_ANY) {
            star = p = part.next;
            mark = t;
        } else if (part.kind == LIKE_END && t == text.n) {
            return true;
        } else if (t < text.n && (part.kind == LIKE_ONE ||
                                  (part.kind == LIKE_CHAR && part.n == next - t &&
                                   memcmp(part.p, (const char *)text.p + t, part.n) == 0))) {
            t = next;
            p = part.next;
        } else if (star != UINT32_MAX && mark < text.n) {
            mark = tide_utf8_next(text, mark);
            t = mark;
            p = star;
        } else {
            return false;
        }
    }
}

/* An escape stands in front of %, _ or itself. */
static const char *
like_error(struct tide_bytes pattern, char escape)
{
    const char *p = pattern.p;
    for (uint32_t i = 0; i < pattern.n; i++) {
        if (p[i] != escape) {
            continue;
        }
        if (i + 1 == pattern.n) {
            return "INVALID_FORMAT.ESC_AT_THE_END";
        }
        i++;
        if (p[i] != '%' && p[i] != '_' && p[i] != escape) {
            return "INVALID_FORMAT.ESC_IN_THE_MIDDLE";
        }
    }
    return NULL;
}

static void
eval_like(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
          struct tide_vec *out)
{
    const struct tide_bytes *texts = tide_eval_arg(eval, node, 0)->bytes;
    const struct tide_bytes *patterns = tide_eval_arg(eval, node, 1)->bytes;
    char escape = (char)node->index;
    TIDE_FOR_SEL(i, sel)
    {
        const char *error = like_error(patterns[i], escape);
        if (error != NULL) {
            out->nulls[i] = 1;
            tide_eval_fail(eval, i, error, "the pattern '%.*s' has an escape '%c' too many",
                           (int)(patterns[i].n > 80 ? 80 : patterns[i].n),
                           (const char *)patterns[i].p, escape);
            continue;
        }
        out->i64[i] = like(texts[i], patterns[i], escape);
    }
}

static int
bind_like(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_expr *pattern;
    call->index = '\\';
    if (call->n_args == 3) {
        const struct tide_expr *escape = call->args[2];
        if (escape->kind != TIDE_EXPR_LITERAL || escape->value.null || escape->value.bytes.n != 1) {
            return tide_bind_error(b, call->at, "INVALID_ESCAPE_CHAR",
                                   "ESCAPE takes one character of ASCII");
        }
        call->index = *(const uint8_t *)escape->value.bytes.p;
    }
    pattern = call->args[1];
    call->may_fail |=
        pattern->kind != TIDE_EXPR_LITERAL ||
        (!pattern->value.null && like_error(pattern->value.bytes, (char)call->index) != NULL);
    return TIDE_OK;
}

/* ILIKE compares both sides in small letters. */
static int
bind_ilike(struct tide_binder *b, struct tide_expr *call)
{
    for (uint32_t i = 0; i < 2; i++) {
        int rc = tide_bind_call(b, tide_fn_find("lower"), "lower", &call->args[i], 1, call->at,
                                &call->args[i]);
        if (rc < 0) {
            return rc;
        }
    }
    return bind_like(b, call);
}

/* ---- regular expressions ---- */

/* Constant data of a call. */
struct regex_param {
    const struct tide_seam *seam;
    struct tide_regex *regex; /* NULL: the pattern comes out of the data */
};

/* An evaluation's own. */
struct regex_state {
    const struct tide_seam *seam;
    struct tide_regex_match *match;
    struct tide_regex *regex; /* of the last pattern that came out of the data */
    struct tide_buf pattern;
};

static void
close_regex(void *arg)
{
    struct regex_state *state = arg;
    tide_regex_match_destroy(state->match);
    tide_regex_destroy(state->regex);
    tide_buf_fini(&state->pattern);
    tide_free(state->seam, state);
}

static int
open_regex(const struct tide_expr *node, void **out, struct tide_error *err)
{
    const struct regex_param *param = node->param;
    struct regex_state *state = tide_alloc(param->seam, sizeof(*state));
    int rc;
    if (state == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a match");
    }
    state->seam = param->seam;
    tide_buf_init(&state->pattern, param->seam, TIDE_LIMIT_RECORD_CEILING);
    rc = tide_regex_match_create(param->seam, &state->match, err);
    if (rc < 0) {
        tide_free(param->seam, state);
        return rc;
    }
    *out = state;
    return TIDE_OK;
}

static const struct tide_expr_state regex_state = {open_regex, close_regex};

static void
free_regex(void *regex)
{
    tide_regex_destroy(regex);
}

static int
bind_regex(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_expr *pattern = call->args[1];
    struct regex_param *param = tide_type_arena_alloc(b->arena, sizeof(*param));
    if (param == NULL) {
        return tide_bind_nomem(b);
    }
    param->seam = b->program->seam;
    call->param = param;
    call->state = &regex_state;
    call->may_fail = true;
    if (pattern->kind == TIDE_EXPR_LITERAL && !pattern->value.null) {
        int rc = tide_regex_create(param->seam, pattern->value.bytes, &param->regex, b->err);
        if (rc < 0) {
            b->err->at = (int32_t)call->at;
            return tide_error_prefix(b->err, "[INVALID_PARAMETER_VALUE.PATTERN] %s", call->name);
        }
        return tide_bind_defer(b, free_regex, param->regex);
    }
    return TIDE_OK;
}

/* The expression for row @i, or NULL after failing it. */
static const struct tide_regex *
regex_for(struct tide_eval *eval, const struct tide_expr *node, uint32_t i)
{
    const struct regex_param *param = node->param;
    struct regex_state *state = tide_eval_state(eval, node);
    struct tide_bytes pattern = tide_eval_arg(eval, node, 1)->bytes[i];
    struct tide_error err;
    if (param->regex != NULL) {
        return param->regex;
    }
    if (state->regex != NULL && state->pattern.len == pattern.n &&
        (pattern.n == 0 || memcmp(state->pattern.data, pattern.p, pattern.n) == 0)) {
        return state->regex;
    }
    tide_regex_destroy(state->regex);
    state->regex = NULL;
    tide_buf_clear(&state->pattern);
    if (tide_buf_append(&state->pattern, pattern.p, pattern.n) < 0 ||
        tide_regex_create(state->seam, pattern, &state->regex, &err) < 0) {
        tide_eval_fail(eval, i, "INVALID_PARAMETER_VALUE.PATTERN", "%s: no regular expression",
                       node->name);
        return NULL;
    }
    return state->regex;
}

static enum tide_regex_found
find(struct tide_eval *eval, const struct tide_expr *node, uint32_t i,
     const struct tide_regex *regex, uint32_t from, uint32_t *begin, uint32_t *end)
{
    struct regex_state *state = tide_eval_state(eval, node);
    struct tide_bytes text = tide_eval_arg(eval, node, 0)->bytes[i];
    enum tide_regex_found found = tide_regex_find(regex, state->match, text, from, begin, end);
    if (found == TIDE_REGEX_COSTLY) {
        tide_eval_fail(eval, i, "REGEX_TOO_COSTLY", "%s takes more than %u steps for this text",
                       node->name, TIDE_LIMIT_REGEX_STEPS);
    }
    return found;
}

static void
eval_rlike(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out)
{
    TIDE_FOR_SEL(i, sel)
    {
        const struct tide_regex *regex = regex_for(eval, node, i);
        uint32_t begin, end;
        out->nulls[i] = regex == NULL;
        out->i64[i] =
            regex != NULL && find(eval, node, i, regex, 0, &begin, &end) == TIDE_REGEX_FOUND;
    }
}

/* ---- split ---- */

/* Pieces of a text, in working memory. */
struct pieces {
    struct tide_eval *eval;
    uint32_t row, n, cap;
    struct tide_ref *at; /* offsets into the text */
};

static bool
add_piece(struct pieces *pieces, uint32_t begin, uint32_t end)
{
    if (pieces->n == pieces->cap) {
        uint32_t cap = pieces->cap == 0 ? 16 : pieces->cap * 2;
        struct tide_ref *at =
            tide_eval_temp(pieces->eval, pieces->row, (uint64_t)cap * sizeof(*at));
        if (at == NULL) {
            return false;
        }
        if (pieces->n > 0) {
            memcpy(at, pieces->at, pieces->n * sizeof(*at));
        }
        pieces->at = at;
        pieces->cap = cap;
    }
    pieces->at[pieces->n++] = (struct tide_ref){begin, end - begin};
    return true;
}

/* An empty pattern: each character is a piece, up to @limit of them. */
static bool
split_characters(struct pieces *pieces, struct tide_bytes text, int64_t limit)
{
    for (uint32_t at = 0; at < text.n && (limit <= 0 || pieces->n < limit);) {
        uint32_t next = tide_utf8_next(text, at);
        if (!add_piece(pieces, at, next)) {
            return false;
        }
        at = next;
    }
    return true;
}

/* Java's split: empty matches at the beginning count for nothing; the last piece is the rest. */
static bool
split_text(struct pieces *pieces, const struct tide_expr *node, const struct tide_regex *regex,
           struct tide_bytes text, int64_t limit)
{
    uint32_t from = 0, done = 0, begin, end;
    while (from <= text.n && (limit <= 0 || pieces->n + 1 < limit)) {
        enum tide_regex_found found =
            find(pieces->eval, node, pieces->row, regex, from, &begin, &end);
        if (found == TIDE_REGEX_COSTLY) {
            return false;
        }
        if (found == TIDE_REGEX_NONE || (begin == end && begin == text.n)) {
            break;
        }
        if (end > 0 && !add_piece(pieces, done, begin)) {
            return false;
        }
        done = end;
        from = end > begin ? end : tide_utf8_next(text, end);
    }
    return add_piece(pieces, done, text.n);
}

/* The array: the text is copied once, and the pieces point into it. */
static bool
build_pieces(struct tide_eval *eval, const struct tide_expr *node, uint32_t i,
             const struct pieces *pieces, struct tide_vec *out)
{
    struct tide_bytes text = tide_eval_arg(eval, node, 0)->bytes[i];
    struct tide_cell *cells = tide_eval_temp(eval, i, ((uint64_t)pieces->n + 1) * sizeof(*cells)),
                     copy;
    struct tide_ref ref;
    bool ok;
    if (cells == NULL) {
        return false;
    }
    do {
        struct tide_writer *writer = tide_eval_begin(eval);
        ok = tide_build_bytes(writer, text, &copy);
        for (uint32_t k = 0; ok && k < pieces->n; k++) {
            cells[k] = (struct tide_cell){.ref = {copy.ref.at + pieces->at[k].at, pieces->at[k].n}};
        }
        ok = ok && tide_build_array(writer, &node->type, cells, pieces->n, &ref);
    } while (!ok && tide_eval_more(eval, i));
    if (ok) {
        tide_vec_put_ref(out, i, tide_eval_writer(eval), ref);
    }
    return ok;
}

static void
eval_split(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out)
{
    const int64_t *limits = tide_eval_arg(eval, node, 2)->i64;
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_bytes text = tide_eval_arg(eval, node, 0)->bytes[i];
        struct tide_bytes pattern = tide_eval_arg(eval, node, 1)->bytes[i];
        struct pieces pieces = {.eval = eval, .row = i};
        const struct tide_regex *regex = regex_for(eval, node, i);
        bool ok = regex != NULL;
        tide_eval_temp_reset(eval);
        if (ok && pattern.n == 0 && text.n > 0) {
            ok = split_characters(&pieces, text, limits[i]);
        } else if (ok) {
            ok = split_text(&pieces, node, regex, text, limits[i]);
        }
        out->nulls[i] = !ok || !build_pieces(eval, node, i, &pieces, out);
    }
}

static int
bind_split(struct tide_binder *b, struct tide_expr *call)
{
    struct tide_type integer = tide_type_of(TIDE_TYPE_INT);
    struct tide_value all = {.i64 = -1};
    int rc = TIDE_OK;
    if (call->n_args == 2) {
        rc = tide_bind_literal(b, &integer, &all, &call->args[2]);
        call->n_args = 3;
    }
    if (rc == TIDE_OK) {
        rc = tide_type_array(b->arena, tide_type_of(TIDE_TYPE_STRING), false, &call->type, b->err);
    }
    return rc < 0 ? rc : bind_regex(b, call);
}

const struct tide_fn tide_fns_regex[] = {
    {.name = "like",
     .args_min = 2,
     .args_max = 3,
     .print = TIDE_PRINT_OWN,
     .params = "s",
     .result = TIDE_TYPE_BOOLEAN,
     .bind = bind_like,
     .eval = eval_like,
     .usage = "text [NOT] LIKE pattern [ESCAPE 'c']",
     .doc = "Whether the text matches; % is any text, _ any character.",
     .since = "1.0.0"},
    {.name = "ilike",
     .args_min = 2,
     .args_max = 3,
     .print = TIDE_PRINT_OWN,
     .params = "s",
     .result = TIDE_TYPE_BOOLEAN,
     .bind = bind_ilike,
     .eval = eval_like,
     .usage = "text [NOT] ILIKE pattern [ESCAPE 'c']",
     .doc = "As LIKE, capital or small letters alike.",
     .since = "3.3.0"},
    {.name = "rlike",
     .args_min = 2,
     .args_max = 2,
     .shown = "RLIKE",
     .params = "s",
     .result = TIDE_TYPE_BOOLEAN,
     .bind = bind_regex,
     .eval = eval_rlike,
     .usage = "text [NOT] RLIKE regex, text REGEXP regex",
     .doc = "Whether a part of the text matches Java's regular expression.",
     .since = "1.0.0"},
    {.name = "split",
     .args_min = 2,
     .args_max = 3,
     .params = "ssi",
     .bind = bind_split,
     .eval = eval_split,
     .usage = "split(text, regex[, limit])",
     .doc = "The text's pieces between matches, at most limit of them if that is positive.",
     .since = "1.5.0"},
    {.name = NULL},
};
