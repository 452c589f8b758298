/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts and binaries: concat, upper and lower, length, trim, substring. Positions count characters
 * of a text and bytes of a binary. Substrings point into the text they were taken from.
 */
#include <string.h>

#include "base/assert.h"
#include "sql/functions.h"
#include "sql/types.h"
#include "sql/utf8.h"

/* ---- concat ---- */

static void
eval_concat(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
            struct tide_vec *out)
{
    TIDE_FOR_SEL(i, sel)
    {
        uint64_t n = 0;
        uint8_t *bytes;
        for (uint32_t arg = 0; arg < node->n_args; arg++) {
            n += tide_eval_arg(eval, node, arg)->bytes[i].n;
        }
        bytes = tide_eval_bytes(eval, i, n);
        if (bytes == NULL) {
            out->nulls[i] = 1;
            continue;
        }
        out->bytes[i] = (struct tide_bytes){bytes, (uint32_t)n};
        for (uint32_t arg = 0; arg < node->n_args; arg++) {
            struct tide_bytes part = tide_eval_arg(eval, node, arg)->bytes[i];
            if (part.n > 0) {
                memcpy(bytes, part.p, part.n);
            }
            bytes += part.n;
        }
    }
}

/* All binary stays binary, arrays are joined, the rest becomes text. */
static int
bind_concat(struct tide_binder *b, struct tide_expr *call)
{
    bool binary = call->n_args > 0;
    for (uint32_t i = 0; i < call->n_args; i++) {
        if (call->args[i]->type.id == TIDE_TYPE_ARRAY) {
            return tide_bind_concat_arrays(b, call);
        }
        binary &= call->args[i]->type.id == TIDE_TYPE_BINARY;
    }
    for (uint32_t i = 0; i < call->n_args; i++) {
        int rc = tide_coerce_param(b, call, i, binary ? 'x' : 's');
        if (rc < 0) {
            return rc;
        }
    }
    call->type = tide_type_of(binary ? TIDE_TYPE_BINARY : TIDE_TYPE_STRING);
    return TIDE_OK;
}

/* ---- upper, lower ---- */

struct case_args {
    struct tide_bytes text;
    void (*put)(struct tide_bytes text, struct tide_chars *out);
};

static void
put_case(void *arg, struct tide_chars *out)
{
    const struct case_args *args = arg;
    args->put(args->text, out);
}

static void
change_case(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
            struct tide_vec *out, void (*put)(struct tide_bytes text, struct tide_chars *out))
{
    TIDE_FOR_SEL(i, sel)
    {
        struct case_args args = {tide_eval_arg(eval, node, 0)->bytes[i], put};
        out->nulls[i] = !tide_eval_text(eval, i, TIDE_PLACE_HEAP, put_case, &args, &out->bytes[i]);
    }
}

static void
eval_upper(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out)
{
    change_case(eval, node, sel, out, tide_text_upper);
}

static void
eval_lower(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
           struct tide_vec *out)
{
    change_case(eval, node, sel, out, tide_text_lower);
}

/* ---- length ---- */

static void
eval_length(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
            struct tide_vec *out)
{
    const struct tide_bytes *text = tide_eval_arg(eval, node, 0)->bytes;
    bool binary = node->args[0]->type.id == TIDE_TYPE_BINARY;
    TIDE_FOR_SEL(i, sel)
    {
        out->i64[i] = binary ? text[i].n : tide_utf8_count(text[i]);
    }
}

/* ---- trim ---- */

enum side { SIDE_LEFT = 1, SIDE_RIGHT = 2, SIDE_BOTH = 3 };

/* Whether the @n bytes at @p are one of the characters of @set. */
static bool
in_set(struct tide_bytes set, const uint8_t *p, uint32_t n)
{
    for (uint32_t at = 0; at < set.n; at = tide_utf8_next(set, at)) {
        if (tide_utf8_next(set, at) - at == n && memcmp((const uint8_t *)set.p + at, p, n) == 0) {
            return true;
        }
    }
    return false;
}

static struct tide_bytes
trim(struct tide_bytes text, struct tide_bytes set, enum side side)
{
    const uint8_t *p = text.p;
    uint32_t begin = 0, end = text.n;
    while ((side & SIDE_LEFT) != 0 && begin < end) {
        uint32_t next = tide_utf8_next(text, begin);
        if (!in_set(set, p + begin, next - begin)) {
            break;
        }
        begin = next;
    }
    while ((side & SIDE_RIGHT) != 0 && end > begin) {
        uint32_t last = end - 1;
        while (last > begin && (p[last] & 0xC0) == 0x80) {
            last--;
        }
        if (!in_set(set, p + last, end - last)) {
            break;
        }
        end = last;
    }
    return (struct tide_bytes){p + begin, end - begin};
}

/* node->index is the side; `set_first` as in ltrim(set, text), against btrim(text, set). */
static void
eval_trim(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
          struct tide_vec *out)
{
    bool set_first = node->n_args == 2 && node->fn->name[0] != 'b'; /* btrim(text, set) */
    const struct tide_bytes *text = tide_eval_arg(eval, node, set_first)->bytes;
    const struct tide_bytes *set =
        node->n_args == 2 ? tide_eval_arg(eval, node, !set_first)->bytes : NULL;
    enum side side = node->fn->name[0] == 'l'   ? SIDE_LEFT
                     : node->fn->name[0] == 'r' ? SIDE_RIGHT
                                                : SIDE_BOTH;
    TIDE_FOR_SEL(i, sel)
    {
        struct tide_bytes blank = {" ", 1};
        out->bytes[i] = trim(text[i], set != NULL ? set[i] : blank, side);
    }
}

/* ---- substring ---- */

/* Bytes of characters @from (may be negative) up to @until. */
static struct tide_bytes
substring_text(struct tide_bytes text, int64_t from, int64_t until)
{
    uint32_t begin = 0, end;
    int64_t at = 0;
    while (begin < text.n && at < from) {
        begin = tide_utf8_next(text, begin);
        at++;
    }
    end = begin;
    while (end < text.n && at < until) {
        end = tide_utf8_next(text, end);
        at++;
    }
    return (struct tide_bytes){(const uint8_t *)text.p + begin, end - begin};
}

static struct tide_bytes
substring_bytes(struct tide_bytes bytes, int64_t from, int64_t until)
{
    uint32_t begin = from < 0 ? 0 : from > bytes.n ? bytes.n : (uint32_t)from;
    uint32_t end = until < begin ? begin : until > bytes.n ? bytes.n : (uint32_t)until;
    return (struct tide_bytes){(const uint8_t *)bytes.p + begin, end - begin};
}

static void
eval_substring(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
               struct tide_vec *out)
{
    const struct tide_bytes *text = tide_eval_arg(eval, node, 0)->bytes;
    const int64_t *pos = tide_eval_arg(eval, node, 1)->i64;
    const int64_t *len = tide_eval_arg(eval, node, 2)->i64;
    bool binary = node->type.id == TIDE_TYPE_BINARY;
    TIDE_FOR_SEL(i, sel)
    {
        int64_t from = pos[i] > 0 ? pos[i] - 1 : 0, until;
        if (pos[i] < 0) {
            int64_t count = binary ? text[i].n : tide_utf8_count(text[i]);
            from = count + pos[i];
        }
        until = from + len[i];
        out->bytes[i] =
            binary ? substring_bytes(text[i], from, until) : substring_text(text[i], from, until);
    }
}

static int
bind_substring(struct tide_binder *b, struct tide_expr *call)
{
    struct tide_type integer = tide_type_of(TIDE_TYPE_INT);
    struct tide_value rest = {.i64 = INT32_MAX};
    call->type = call->args[0]->type;
    if (call->n_args == 3) {
        return TIDE_OK;
    }
    call->n_args = 3;
    return tide_bind_literal(b, &integer, &rest, &call->args[2]);
}

const struct tide_fn tide_fns_string[] = {
    {.name = "concat",
     .args_min = 0,
     .args_max = TIDE_ARGS_ANY,
     .bind = bind_concat,
     .eval = eval_concat,
     .usage = "concat(a, b, ...), a || b",
     .doc = "Texts, binaries or arrays, one behind the other.",
     .since = "1.5.0"},
    {.name = "upper",
     .args_min = 1,
     .args_max = 1,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_upper,
     .usage = "upper(text)",
     .doc = "The text in capital letters.",
     .since = "1.0.1"},
    {.name = "ucase",
     .args_min = 1,
     .args_max = 1,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_upper,
     .usage = "ucase(text)",
     .doc = "The text in capital letters.",
     .since = "1.0.1"},
    {.name = "lower",
     .args_min = 1,
     .args_max = 1,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_lower,
     .usage = "lower(text)",
     .doc = "The text in small letters.",
     .since = "1.0.1"},
    {.name = "lcase",
     .args_min = 1,
     .args_max = 1,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_lower,
     .usage = "lcase(text)",
     .doc = "The text in small letters.",
     .since = "1.0.1"},
    {.name = "length",
     .args_min = 1,
     .args_max = 1,
     .params = "y",
     .result = TIDE_TYPE_INT,
     .eval = eval_length,
     .usage = "length(text or binary)",
     .doc = "Characters of a text, bytes of a binary.",
     .since = "1.5.0"},
    {.name = "char_length",
     .args_min = 1,
     .args_max = 1,
     .params = "y",
     .result = TIDE_TYPE_INT,
     .eval = eval_length,
     .usage = "char_length(text or binary)",
     .doc = "Characters of a text, bytes of a binary.",
     .since = "2.3.0"},
    {.name = "character_length",
     .args_min = 1,
     .args_max = 1,
     .params = "y",
     .result = TIDE_TYPE_INT,
     .eval = eval_length,
     .usage = "character_length(text or binary)",
     .doc = "Characters of a text, bytes of a binary.",
     .since = "2.3.0"},
    {.name = "len",
     .args_min = 1,
     .args_max = 1,
     .params = "y",
     .result = TIDE_TYPE_INT,
     .eval = eval_length,
     .usage = "len(text or binary)",
     .doc = "Characters of a text, bytes of a binary.",
     .since = "3.4.0"},
    {.name = "trim",
     .args_min = 1,
     .args_max = 2,
     .print = TIDE_PRINT_OWN,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_trim,
     .usage = "trim(text), trim(BOTH|LEADING|TRAILING chars FROM text)",
     .doc = "The text without blanks, or the given characters, at its ends.",
     .since = "1.5.0"},
    {.name = "ltrim",
     .args_min = 1,
     .args_max = 2,
     .print = TIDE_PRINT_OWN,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_trim,
     .usage = "ltrim(text)",
     .doc = "The text without blanks at its beginning.",
     .since = "1.5.0"},
    {.name = "rtrim",
     .args_min = 1,
     .args_max = 2,
     .print = TIDE_PRINT_OWN,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_trim,
     .usage = "rtrim(text)",
     .doc = "The text without blanks at its end.",
     .since = "1.5.0"},
    {.name = "btrim",
     .args_min = 1,
     .args_max = 2,
     .params = "s",
     .result = TIDE_TYPE_STRING,
     .eval = eval_trim,
     .usage = "btrim(text[, chars])",
     .doc = "The text without the given characters at its ends.",
     .since = "3.2.0"},
    {.name = "substring",
     .args_min = 2,
     .args_max = 3,
     .params = "yii",
     .bind = bind_substring,
     .eval = eval_substring,
     .usage = "substring(text, pos[, len])",
     .doc = "len characters from position pos, which counts from 1, or from the end if negative.",
     .since = "1.5.0"},
    {.name = "substr",
     .args_min = 2,
     .args_max = 3,
     .params = "yii",
     .bind = bind_substring,
     .eval = eval_substring,
     .usage = "substr(text, pos[, len])",
     .doc = "len characters from position pos, which counts from 1, or from the end if negative.",
     .since = "1.5.0"},
    {.name = NULL},
};
