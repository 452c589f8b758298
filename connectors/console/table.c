/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table: cells, widths, lines.
 *
 * Character widths and escapes are Spark's (Utils.stringHalfWidth, escapeMetaCharacters): the
 * ranges below count twice, and seven control characters are written as their C escapes.
 */
#include "table.h"

#include <stdio.h>
#include <string.h>

#include "draw.h"

/* A table is kept until its epoch ends; numRows cells of the largest record stay below this. */
#define TABLE_BYTES_MAX (64u << 20)

#define COLUMN_WIDTH_MIN 3u

struct cell_head {
    uint32_t n, width;
};

void
tide_console_table_init(struct tide_console_table *table, const struct tide_host *host,
                        uint32_t *widths, uint32_t n_columns)
{
    table->n_columns = n_columns;
    table->widths = widths;
    table->rows = 0;
    table->cells = (struct tide_text){.host = host, .max = TABLE_BYTES_MAX};
    table->raw = (struct tide_text){.host = host, .max = TABLE_BYTES_MAX};
    table->escaped = (struct tide_text){.host = host, .max = TABLE_BYTES_MAX};
}

void
tide_console_table_fini(struct tide_console_table *table)
{
    tide_text_free(&table->cells);
    tide_text_free(&table->raw);
    tide_text_free(&table->escaped);
}

static bool
full_width(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
                  {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* The character at @p and its bytes; a byte that is no UTF-8 stands for itself. */
static uint32_t
character(const char *text, size_t n, uint32_t *out_bytes)
{
    const uint8_t *p = (const uint8_t *)text;
    uint32_t bytes = p[0] < 0xc2 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 1;
    uint32_t c = p[0];
    if (bytes > n) {
        bytes = 1;
    }
    if (bytes > 1) {
        c &= 0x7fu >> bytes;
    }
    for (uint32_t i = 1; i < bytes; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            bytes = 1;
            c = p[0];
            break;
        }
        c = c << 6 | (p[i] & 0x3fu);
    }
    *out_bytes = bytes;
    return c;
}

/* The letter of the escape of a control character, or 0. */
static char
escape_of(uint32_t c)
{
    static const char letters[] = "abtnvfr"; /* from \a, 7, to \r, 13 */
    return c >= 7 && c <= 13 ? letters[c - 7] : 0;
}

static uint32_t
units(uint32_t c)
{
    return c >= 0x10000 ? 2 : 1;
}

/* UTF-16 units of a text. */
static size_t
text_units(const char *p, size_t n)
{
    size_t sum = 0;
    uint32_t bytes;
    for (size_t at = 0; at < n; at += bytes) {
        sum += units(character(p + at, n - at, &bytes));
    }
    return sum;
}

static uint32_t
text_width(const char *p, size_t n)
{
    uint32_t sum = 0, bytes;
    for (size_t at = 0; at < n; at += bytes) {
        uint32_t c = character(p + at, n - at, &bytes);
        sum += units(c) + full_width(c);
    }
    return sum;
}

/* Appends the first @max units of @p to @out; half a surrogate pair becomes '?', as in Java. */
static void
text_cut(struct tide_text *out, const char *p, size_t n, size_t max)
{
    uint32_t bytes;
    for (size_t at = 0; at < n && max > 0; at += bytes) {
        uint32_t c = character(p + at, n - at, &bytes);
        if (units(c) > max) {
            tide_text_say(out, "?");
            return;
        }
        tide_text_put(out, p + at, bytes);
        max -= units(c);
    }
}

static void
text_escape(struct tide_text *out, const char *p, size_t n)
{
    size_t from = 0;
    for (size_t at = 0; at < n; at++) {
        char pair[2] = {'\\', escape_of((uint8_t)p[at])};
        if (pair[1] != 0) {
            tide_text_put(out, p + from, at - from);
            tide_text_put(out, pair, 2);
            from = at + 1;
        }
    }
    tide_text_put(out, p + from, n - from);
}

static void
cell_put(struct tide_console_table *table, const char *p, size_t n)
{
    struct tide_text *cells = &table->cells;
    size_t head_at = cells->n;
    struct cell_head head;
    tide_text_fill(cells, 0, sizeof(head));
    if (table->truncate == 0 || text_units(p, n) <= table->truncate) {
        tide_text_put(cells, p, n);
    } else if (table->truncate < 4) {
        text_cut(cells, p, n, table->truncate);
    } else {
        text_cut(cells, p, n, table->truncate - 3);
        tide_text_say(cells, "...");
    }
    if (cells->full) {
        return;
    }
    head.n = (uint32_t)(cells->n - head_at - sizeof(head));
    head.width = text_width(cells->p + head_at + sizeof(head), head.n);
    memcpy(cells->p + head_at, &head, sizeof(head));
}

bool
tide_console_table_add(struct tide_console_table *table, const struct tide_schema *schema,
                       const struct tide_batch *batch, uint32_t i)
{
    if (table->rows++ >= table->rows_max) {
        return true;
    }
    for (uint32_t c = 0; c < table->n_columns; c++) {
        struct tide_text *raw = &table->raw, *escaped = &table->escaped;
        raw->n = 0;
        escaped->n = 0;
        tide_draw_field(raw, schema, batch, tide_batch_row(batch, i), c);
        text_escape(escaped, raw->p, raw->n);
        if (raw->full || escaped->full) {
            return false;
        }
        cell_put(table, escaped->p, escaped->n);
    }
    return !table->cells.full;
}

/* The next cell in the order they were put; *at moves on. */
static const char *
cell_next(const struct tide_console_table *table, size_t *at, struct cell_head *head)
{
    const char *p = table->cells.p + *at + sizeof(*head);
    memcpy(head, table->cells.p + *at, sizeof(*head));
    *at += sizeof(*head) + head->n;
    return p;
}

static void
widths_find(struct tide_console_table *table, uint64_t rows, struct tide_text *header)
{
    size_t at = 0, header_at = 0;
    for (uint32_t c = 0; c < table->n_columns; c++) {
        size_t n = strlen(header->p + header_at);
        uint32_t width = text_width(header->p + header_at, n);
        table->widths[c] = width > COLUMN_WIDTH_MIN ? width : COLUMN_WIDTH_MIN;
        header_at += n + 1;
    }
    for (uint64_t i = 0; i < rows * table->n_columns; i++) {
        struct cell_head head;
        uint32_t *width = &table->widths[i % table->n_columns];
        cell_next(table, &at, &head);
        *width = head.width > *width ? head.width : *width;
    }
}

static void
rule_draw(const struct tide_console_table *table, struct tide_text *out)
{
    tide_text_say(out, "+");
    for (uint32_t c = 0; c < table->n_columns; c++) {
        tide_text_fill(out, '-', table->widths[c]);
        tide_text_say(out, "+");
    }
    tide_text_say(out, "\n");
}

static void
cell_draw(const struct tide_console_table *table, uint32_t column, const char *p,
          const struct cell_head *head, struct tide_text *out)
{
    size_t pad = table->widths[column] - head->width;
    tide_text_fill(out, ' ', table->truncate > 0 ? pad : 0);
    tide_text_put(out, p, head->n);
    tide_text_fill(out, ' ', table->truncate > 0 ? 0 : pad);
    tide_text_say(out, "|");
}

static void
header_draw(const struct tide_console_table *table, const struct tide_text *header,
            struct tide_text *out)
{
    size_t at = 0;
    tide_text_say(out, "|");
    for (uint32_t c = 0; c < table->n_columns; c++) {
        const char *name = header->p + at;
        struct cell_head head = {(uint32_t)strlen(name), text_width(name, strlen(name))};
        cell_draw(table, c, name, &head, out);
        at += head.n + 1;
    }
    tide_text_say(out, "\n");
}

static void
rows_draw(const struct tide_console_table *table, uint64_t rows, struct tide_text *out)
{
    size_t at = 0;
    for (uint64_t i = 0; i < rows; i++) {
        tide_text_say(out, "|");
        for (uint32_t c = 0; c < table->n_columns; c++) {
            struct cell_head head;
            const char *p = cell_next(table, &at, &head);
            cell_draw(table, c, p, &head, out);
        }
        tide_text_say(out, "\n");
    }
}

/* The escaped names of the columns, each with its NUL. */
static void
header_make(struct tide_console_table *table, const struct tide_field *fields)
{
    table->escaped.n = 0;
    for (uint32_t c = 0; c < table->n_columns; c++) {
        text_escape(&table->escaped, fields[c].name, strlen(fields[c].name));
        tide_text_fill(&table->escaped, 0, 1);
    }
}

void
tide_console_table_draw(struct tide_console_table *table, const struct tide_field *fields,
                        uint64_t number, struct tide_text *out)
{
    static const char line[] = "-------------------------------------------\n";
    uint64_t rows = table->rows < table->rows_max ? table->rows : table->rows_max;
    char text[64];
    header_make(table, fields);
    widths_find(table, rows, &table->escaped);
    snprintf(text, sizeof(text), "Batch: %llu\n", (unsigned long long)number);
    tide_text_say(out, line);
    tide_text_say(out, text);
    tide_text_say(out, line);
    rule_draw(table, out);
    header_draw(table, &table->escaped, out);
    rule_draw(table, out);
    rows_draw(table, rows, out);
    rule_draw(table, out);
    if (table->rows > rows) {
        snprintf(text, sizeof(text), "only showing top %u row%s\n", table->rows_max,
                 table->rows_max == 1 ? "" : "s");
        tide_text_say(out, text);
    } else {
        tide_text_say(out, "\n");
    }
    table->rows = 0;
    table->cells.n = 0;
}
