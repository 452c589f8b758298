/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference: a kind's option table as text, Markdown or JSON, for `list options` and the reference
 * pages.
 *
 * Three forms of the same rows; a form is three functions, for what stands before, at and after a
 * row.
 *
 * Threads: any.
 */
#include "plugin/options.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "plugin/registry.h"

/* One form of the reference. */
struct form {
    int (*head)(const struct tide_kind *kind, struct tide_buf *out);
    int (*row)(const struct tide_option *row, bool first, struct tide_buf *out);
    int (*tail)(struct tide_buf *out);
};

static const char *
type_name(uint32_t type)
{
    static const char *const names[] = {
        [TIDE_OPTION_STRING] = "string", [TIDE_OPTION_INT] = "integer",
        [TIDE_OPTION_DOUBLE] = "number", [TIDE_OPTION_BOOL] = "boolean",
        [TIDE_OPTION_SIZE] = "size",     [TIDE_OPTION_DURATION] = "duration",
        [TIDE_OPTION_RATE] = "rate",     [TIDE_OPTION_ENUM] = "choice",
        [TIDE_OPTION_LIST] = "list",     [TIDE_OPTION_FILE] = "file",
        [TIDE_OPTION_PREFIX] = "keys",
    };
    TIDE_ASSERT(type < sizeof(names) / sizeof(*names));
    return names[type];
}

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static const char *
star(const struct tide_option *row)
{
    return row->type == TIDE_OPTION_PREFIX ? "*" : "";
}

static bool
has_range(const struct tide_option *row)
{
    return row->min != 0 || row->max != 0;
}

/* ---- text ---- */

static int
text_head(const struct tide_kind *kind, struct tide_buf *out)
{
    return tide_buf_printf(out, "%s %s: %s\n", tide_kind_type_name(kind->type), kind->name,
                           or_empty(kind->doc));
}

static int
range_print(const struct tide_option *row, struct tide_buf *out)
{
    const char *unit = row->type == TIDE_OPTION_SIZE       ? " bytes"
                       : row->type == TIDE_OPTION_DURATION ? " ns"
                                                           : "";
    if (!has_range(row)) {
        return 0;
    }
    return row->max == INT64_MAX
               ? tide_buf_printf(out, ", at least %" PRId64 "%s", row->min, unit)
               : tide_buf_printf(out, ", %" PRId64 " to %" PRId64 "%s", row->min, row->max, unit);
}

/* "choice of a|b, default a" and the like; the same in text and Markdown (where | is escaped). */
static int
facts_print(const struct tide_option *row, const char *bar, struct tide_buf *out)
{
    int rc = tide_buf_append_text(out, type_name(row->type));
    if (row->type == TIDE_OPTION_ENUM) {
        rc |= tide_buf_append_text(out, " of ");
        for (const char *p = row->choices; *p != 0; p++) {
            rc |=
                *p == '|' ? tide_buf_append_text(out, bar) : tide_buf_append_byte(out, (uint8_t)*p);
        }
    }
    rc |= range_print(row, out);
    if ((row->flags & TIDE_OPTION_REQUIRED) != 0) {
        rc |= tide_buf_append_text(out, ", required");
    }
    if ((row->flags & TIDE_OPTION_SECRET) != 0) {
        rc |= tide_buf_append_text(out, ", secret");
    }
    if (row->fallback != NULL) {
        rc |= tide_buf_printf(out, ", default %s", row->fallback[0] != 0 ? row->fallback : "empty");
    }
    return rc;
}

static int
text_row(const struct tide_option *row, bool first, struct tide_buf *out)
{
    (void)first;
    int rc = tide_buf_printf(out, "\n  %s%s (", row->name, star(row));
    rc |= facts_print(row, "|", out);
    return rc | tide_buf_printf(out, ")\n      %s\n", or_empty(row->doc));
}

static int
nothing(struct tide_buf *out)
{
    (void)out;
    return 0;
}

/* ---- Markdown ---- */

static int
markdown_head(const struct tide_kind *kind, struct tide_buf *out)
{
    return tide_buf_printf(
        out, "## %s `%s`\n\n%s\n\n| option | value | meaning |\n| --- | --- | --- |\n",
        tide_kind_type_name(kind->type), kind->name, or_empty(kind->doc));
}

static int
markdown_cell(const char *text, struct tide_buf *out)
{
    int rc = 0;
    for (; *text != 0; text++) {
        if (*text == '|') {
            rc |= tide_buf_append_byte(out, '\\');
        }
        rc |= tide_buf_append_byte(out, *text == '\n' ? ' ' : (uint8_t)*text);
    }
    return rc;
}

static int
markdown_row(const struct tide_option *row, bool first, struct tide_buf *out)
{
    (void)first;
    int rc = tide_buf_printf(out, "| `%s%s` | ", row->name, star(row));
    rc |= facts_print(row, "\\|", out);
    rc |= tide_buf_append_text(out, " | ");
    rc |= markdown_cell(or_empty(row->doc), out);
    return rc | tide_buf_append_text(out, " |\n");
}

/* ---- JSON ---- */

static int
json_text(const char *text, struct tide_buf *out)
{
    int rc = tide_buf_append_byte(out, '"');
    for (; *text != 0; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            rc |= tide_buf_append_byte(out, '\\');
            rc |= tide_buf_append_byte(out, c);
        } else if (c < 0x20) {
            rc |= tide_buf_printf(out, "\\u%04x", c);
        } else {
            rc |= tide_buf_append_byte(out, c);
        }
    }
    return rc | tide_buf_append_byte(out, '"');
}

static int
json_member(const char *name, const char *text, struct tide_buf *out)
{
    int rc = tide_buf_printf(out, ",\"%s\":", name);
    return rc | json_text(text, out);
}

static int
json_head(const struct tide_kind *kind, struct tide_buf *out)
{
    int rc = tide_buf_printf(out, "{\"type\":\"%s\"", tide_kind_type_name(kind->type));
    rc |= json_member("name", kind->name, out);
    rc |= json_member("doc", or_empty(kind->doc), out);
    return rc | tide_buf_append_text(out, ",\"options\":[");
}

static int
json_choices(const char *choices, struct tide_buf *out)
{
    int rc = tide_buf_append_text(out, ",\"choices\":[\"");
    for (; *choices != 0; choices++) {
        rc |= *choices == '|' ? tide_buf_append_text(out, "\",\"")
                              : tide_buf_append_byte(out, (uint8_t)*choices);
    }
    return rc | tide_buf_append_text(out, "\"]");
}

static int
json_row(const struct tide_option *row, bool first, struct tide_buf *out)
{
    int rc = tide_buf_append_text(out, first ? "{\"name\":" : ",{\"name\":");
    rc |= json_text(row->name, out);
    rc |= json_member("type", type_name(row->type), out);
    rc |= tide_buf_printf(out, ",\"required\":%s,\"secret\":%s",
                          row->flags & TIDE_OPTION_REQUIRED ? "true" : "false",
                          row->flags & TIDE_OPTION_SECRET ? "true" : "false");
    if (row->fallback != NULL) {
        rc |= json_member("default", row->fallback, out);
    }
    if (row->type == TIDE_OPTION_ENUM) {
        rc |= json_choices(row->choices, out);
    }
    if (has_range(row)) {
        rc |= tide_buf_printf(out, ",\"min\":%" PRId64 ",\"max\":%" PRId64, row->min, row->max);
    }
    rc |= json_member("doc", or_empty(row->doc), out);
    return rc | tide_buf_append_text(out, "}");
}

static int
json_tail(struct tide_buf *out)
{
    return tide_buf_append_text(out, "]}\n");
}

static const struct form forms[] = {
    [TIDE_OPTIONS_TEXT] = {text_head, text_row, nothing},
    [TIDE_OPTIONS_MARKDOWN] = {markdown_head, markdown_row, nothing},
    [TIDE_OPTIONS_JSON] = {json_head, json_row, json_tail},
};

int
tide_options_reference(const struct tide_kind *kind, enum tide_options_form form,
                       struct tide_buf *out)
{
    const size_t before = out->len;
    int rc = forms[form].head(kind, out);
    for (uint32_t i = 0; kind->options != NULL && kind->options[i].name != NULL; i++) {
        rc |= forms[form].row(&kind->options[i], i == 0, out);
    }
    rc |= forms[form].tail(out);
    if (rc != 0) {
        out->len = before;
        return out->cap < out->max ? TIDE_ERR_NOMEM : TIDE_ERR_LIMIT;
    }
    return 0;
}
