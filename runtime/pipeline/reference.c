/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format table as a page of Markdown. See reference.h.
 *
 * A section becomes a heading and a table of its keys; steps have one table for verbs and one for
 * what every step may have. The prose that belongs to no row is here, and nowhere else.
 */
#include "pipeline/reference.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "pipeline/format_table.h"

static const char introduction[] =
    "# Pipeline files\n"
    "\n"
    "This page is written from the format table (`runtime/pipeline/format_table.h`); change the "
    "table,\n"
    "not the page. `tidemark list schema` gives the same as JSON Schema, `tidemark check FILE` "
    "judges a\n"
    "file and shows all its errors at once.\n"
    "\n"
    "- The file is YAML: one document, UTF-8. Only `true` and `false` are booleans (`NO`, `on`, "
    "`yes` stay\n"
    "  text); `null`, `~` and nothing mean \"as if not written\". Duplicate keys, anchors, aliases "
    "and tags\n"
    "  are errors. Keys that begin with `x-` are ignored in all maps of this format (but not in "
    "`options`,\n"
    "  `vars`, `conf`, connections, and maps of columns, whose keys are the user's own).\n"
    "- In values: `${env:N}`, `${env:N:-default}`, `${file:PATH}` (one line break at its end is "
    "cut),\n"
    "  `${cred:N}` (a file in `$CREDENTIALS_DIRECTORY`), `${var:N}` (from `vars`), `${dir}` (this "
    "file's\n"
    "  folder). `$${` is a literal `${`. What they give is text and is not looked at again. Values "
    "from\n"
    "  `env`, `file` and `cred`, and of options called like a password, are never shown.\n"
    "- Relative paths count from the working directory; `file:///x` is `/x`; other schemes are "
    "refused.\n"
    "- Times are written `10 seconds` or `10s`, sizes `64MiB`, rates `5000/s`.\n"
    "- Where a list of columns or expressions is wanted, one text with commas will do:\n"
    "  `\"concat(a, b) AS c, d\"`. (`[concat(a, b)]` would be two YAML items.)\n"
    "- `--set PATH=VALUE` changes the file before it is checked: keys, names, ids or indices with "
    "dots\n"
    "  between (`--set trigger.continuous=1s`, `--set steps.proj.select=a`); below `options`,\n"
    "  `connections.NAME`, `vars` and `conf` the rest of the path is one key\n"
    "  (`--set sources.tx.options.kafka.bootstrap.servers=host:9092`). An empty VALUE takes the "
    "key away.\n"
    "- What is marked † is part of the format but not in this version: `check` says so.\n";

struct page {
    struct tide_buf *out;
    int rc; /* the first failure; nothing is written after it */
};

static void
raw(struct page *page, const char *text)
{
    if (page->rc == 0) {
        page->rc = tide_buf_append_text(page->out, text);
    }
}

/* Text of a table's cell: a bar would end it. */
static void
cell(struct page *page, const char *text)
{
    for (const char *p = text; *p != '\0' && page->rc == 0; p++) {
        if (*p == '|') {
            raw(page, "\\");
        }
        page->rc = page->rc != 0 ? page->rc : tide_buf_append_byte(page->out, (uint8_t)*p);
    }
}

static void
code(struct page *page, const char *text)
{
    raw(page, "`");
    cell(page, text);
    raw(page, "`");
}

static void
words(struct page *page, const struct tide_key *row)
{
    for (const struct tide_word *word = row->words; word->name != NULL; word++) {
        raw(page, word == row->words ? "" : ", ");
        code(page, word->name);
        raw(page, word->not_built ? " †" : "");
    }
}

static void
number(struct page *page, const struct tide_key *row)
{
    char low[32];
    char high[32];
    raw(page, row->type == TIDE_KEY_INT    ? "number"
              : row->type == TIDE_KEY_SIZE ? "size"
                                           : "duration");
    tide_key_number(row, row->min, low, sizeof(low));
    tide_key_number(row, row->max, high, sizeof(high));
    if (row->max < INT64_MAX) {
        raw(page, row->min == 0 ? ", up to " : ", ");
        raw(page, row->min == 0 ? "" : low);
        raw(page, row->min == 0 ? "" : " to ");
        raw(page, high);
    } else if (row->min > 0) {
        raw(page, ", at least ");
        raw(page, low);
    }
    if ((row->flags & TIDE_KEY_POWER_OF_TWO) != 0) {
        raw(page, ", a power of two");
    }
    if (row->words != NULL) {
        raw(page, "; or ");
        words(page, row);
    }
}

/* GitHub's anchor of a heading `name`: dots go, letters become small. */
static void
link_to(struct page *page, const struct tide_section *section)
{
    char anchor[64];
    size_t len = 0;
    for (const char *p = section->name; *p != '\0' && len + 1 < sizeof(anchor); p++) {
        if (*p != '.') {
            anchor[len++] = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        }
    }
    anchor[len] = '\0';
    raw(page, "[");
    raw(page, section->name);
    raw(page, "](#");
    raw(page, anchor);
    raw(page, ")");
}

static void
value(struct page *page, const struct tide_key *row)
{
    switch (row->type) {
    case TIDE_KEY_INT:
    case TIDE_KEY_SIZE:
    case TIDE_KEY_DURATION:
        number(page, row);
        return;
    case TIDE_KEY_RATE:
        raw(page, "rate; or ");
        words(page, row);
        return;
    case TIDE_KEY_FORMAT:
    case TIDE_KEY_WORD_NAME:
        words(page, row);
        raw(page, row->type == TIDE_KEY_FORMAT ? ", or a plugin's kind" : ", or a column");
        return;
    case TIDE_KEY_ENUM:
    case TIDE_KEY_FLAG:
        words(page, row);
        return;
    case TIDE_KEY_NAMED:
        raw(page, "map of names to ");
        link_to(page, row->section);
        return;
    case TIDE_KEY_LIST:
        raw(page, "list of ");
        link_to(page, row->section);
        return;
    default:
        break;
    }
    cell(page, tide_key_wants(row));
    if (row->section != NULL) {
        raw(page, ": ");
        link_to(page, row->section);
    }
}

static void
row_write(struct page *page, const struct tide_key *row)
{
    raw(page, "| ");
    code(page, row->name);
    if (row->alias != NULL) {
        raw(page, ", ");
        code(page, row->alias);
    }
    raw(page, (row->flags & TIDE_KEY_NOT_BUILT) != 0 ? " † | " : " | ");
    value(page, row);
    raw(page, " | ");
    if (row->fallback != NULL) {
        code(page, row->fallback);
    } else if ((row->flags & TIDE_KEY_REQUIRED) != 0) {
        raw(page, "required");
    }
    raw(page, " | ");
    cell(page, row->doc);
    if (row->example != NULL) {
        raw(page, "; for example ");
        code(page, row->example);
    }
    raw(page, " |\n");
}

static void
table_head(struct page *page, const char *first)
{
    raw(page, "\n| ");
    raw(page, first);
    raw(page, " | value | default | meaning |\n| --- | --- | --- | --- |\n");
}

static void
section_write(struct page *page, const struct tide_section *section)
{
    bool verbs = section->rule == TIDE_SECTION_ONE_VERB;
    raw(page, "\n## ");
    raw(page, section->name);
    raw(page, "\n\n");
    raw(page, section->doc);
    raw(page, section->rule == TIDE_SECTION_ONE_KEY ? " Exactly one of:\n" : "\n");
    table_head(page, verbs ? "verb" : "key");
    for (uint32_t i = 0; i < section->count; i++) {
        if (!verbs || section->keys[i].verb != 0) {
            row_write(page, &section->keys[i]);
        }
    }
    if (!verbs) {
        return;
    }
    table_head(page, "common key");
    for (uint32_t i = 0; i < section->count; i++) {
        if (section->keys[i].verb == 0) {
            row_write(page, &section->keys[i]);
        }
    }
}

static void
replaced_write(struct page *page)
{
    raw(page,
        "\nSettings of Spark that have a key of their own here, and are refused in `conf`:\n\n"
        "| setting | key |\n| --- | --- |\n");
    for (const struct tide_conf_replaced *row = tide_conf_replaced; row->name != NULL; row++) {
        raw(page, "| ");
        code(page, row->name);
        raw(page, " | ");
        code(page, row->key);
        raw(page, " |\n");
    }
}

int
tide_reference_write(struct tide_buf *out)
{
    struct page page = {.out = out};
    const struct tide_section *sections[TIDE_SECTIONS_MAX];
    uint32_t count = tide_sections_collect(sections);
    TIDE_ASSERT(count > 0);
    raw(&page, introduction);
    for (uint32_t i = 0; i < count; i++) {
        section_write(&page, sections[i]);
        if (sections[i] == &tide_section_conf) {
            replaced_write(&page);
        }
    }
    return page.rc;
}
