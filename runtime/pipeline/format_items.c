/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL lists and YAML as JSON text. See format_items.h.
 *
 * The scanner knows only what is needed to find the commas between items: parentheses, brackets,
 * and the three quotes with Spark's escapes (\ inside '..' and "..", doubling in all). Whether an
 * item is SQL is the SQL parser's business.
 */
#include "pipeline/format_items.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/limits.h"

#define UNBALANCED_HINT \
    "; [concat(a, b)] is two YAML items: put quotes around each, or write one text with commas"

/* What is wrong with a piece of SQL, as far as the scanner can tell. */
enum scan_fault { SCAN_FINE, SCAN_OPEN, SCAN_CLOSED, SCAN_QUOTE };

/* One piece: bytes [start, end) of the text, up to a comma or the end. */
struct piece {
    uint32_t start;
    uint32_t end;
    enum scan_fault fault;
};

/* The byte behind the quoted text that begins at @at; @len when it does not end. */
static uint32_t
quoted_end(const char *text, uint32_t len, uint32_t at)
{
    char quote = text[at];
    uint32_t i = at + 1;
    while (i < len && text[i] != quote) {
        i += text[i] == '\\' && quote != '`' ? 2 : 1;
    }
    return i < len ? i + 1 : len + 1;
}

/* The byte behind the comment that begins at @at; @at when none does. */
static uint32_t
comment_end(const char *text, uint32_t len, uint32_t at)
{
    const char *end = text + at;
    if (strncmp(text + at, "--", 2) == 0) {
        end += strcspn(end, "\n");
    } else if (strncmp(text + at, "/*", 2) == 0) {
        end = strstr(text + at + 2, "*/");
        end = end == NULL ? text + len : end + 2;
    }
    return (uint32_t)(end - text);
}

/* Finds the piece that begins at @start. */
static struct piece
piece_scan(const char *text, uint32_t len, uint32_t start)
{
    struct piece piece = {.start = start, .end = len, .fault = SCAN_FINE};
    int32_t depth = 0;
    uint32_t i = start;
    while (i < len) {
        char c = text[i];
        uint32_t behind = comment_end(text, len, i);
        if (behind > i) {
            i = behind;
            continue;
        }
        if (c == ',' && depth == 0) {
            break;
        }
        if (c == '\'' || c == '"' || c == '`') {
            i = quoted_end(text, len, i);
            continue;
        }
        if (c == '(' || c == '[') {
            depth++;
        } else if (c == ')' || c == ']') {
            depth--;
        }
        if (depth < 0) {
            piece.fault = SCAN_CLOSED;
            depth = 0;
        }
        i++;
    }
    if (i > len) {
        piece.fault = SCAN_QUOTE;
        i = len;
    } else if (depth > 0) {
        piece.fault = SCAN_OPEN;
    }
    piece.end = i;
    return piece;
}

static void
fault_tell(struct tide_diags *diags, const struct tide_node *node, const struct piece *piece,
           bool in_list)
{
    char shown[64];
    struct tide_error err = {0};
    const char *what = piece->fault == SCAN_OPEN     ? "a parenthesis is not closed"
                       : piece->fault == SCAN_CLOSED ? "a parenthesis is closed that is not open"
                                                     : "a quote is not closed";
    const char *hint = in_list && piece->fault != SCAN_QUOTE ? UNBALANCED_HINT : "";
    tide_error_set(&err, TIDE_ERR_INVALID, "%s in '%s'%s", what, tide_node_show(node, shown), hint);
    tide_diags_error_at(diags, node, (int32_t)piece->start, &err);
}

/* The trimmed piece as an item; the text is copied only when it is a part of the scalar. */
static bool
item_make(struct tide_doc *doc, const struct tide_node *node, const struct piece *piece,
          struct tide_item *out_item)
{
    uint32_t start = piece->start;
    uint32_t end = piece->end;
    while (start < end && isspace((unsigned char)node->text[start])) {
        start++;
    }
    while (end > start && isspace((unsigned char)node->text[end - 1])) {
        end--;
    }
    out_item->node = node;
    out_item->at = (int32_t)start;
    out_item->text = tide_doc_text(doc, node->text + start, end - start);
    return out_item->text != NULL;
}

/* Pieces of one text, counted in a first pass. */
static uint32_t
pieces_count(const struct tide_node *node)
{
    uint32_t count = 1;
    struct piece piece = piece_scan(node->text, node->len, 0);
    while (piece.end < node->len) {
        piece = piece_scan(node->text, node->len, piece.end + 1);
        count++;
    }
    return count;
}

static int
text_read(struct tide_doc *doc, const struct tide_node *node, struct tide_diags *diags,
          struct tide_items *out_items)
{
    uint32_t count = pieces_count(node);
    struct tide_item *items = tide_doc_alloc(doc, count * sizeof(*items));
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    uint32_t start = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct piece piece = piece_scan(node->text, node->len, start);
        if (!item_make(doc, node, &piece, &items[i])) {
            return TIDE_ERR_NOMEM;
        }
        if (piece.fault != SCAN_FINE) {
            fault_tell(diags, node, &piece, false);
        } else if (items[i].text[0] == '\0') {
            struct tide_error err = {0};
            tide_error_set(&err, TIDE_ERR_INVALID, "nothing stands %s a comma here",
                           i == 0 ? "before" : "behind");
            tide_diags_error_at(diags, node, (int32_t)piece.start, &err);
        }
        start = piece.end + 1;
    }
    out_items->items = items;
    out_items->count = count;
    return 0;
}

static int
list_item_read(struct tide_doc *doc, const struct tide_node *node, struct tide_diags *diags,
               struct tide_item *out_item)
{
    char shown[64];
    if (node->kind != TIDE_NODE_SCALAR || tide_node_is_null(node)) {
        tide_diags_error(diags, node,
                         "an item is %s; write a text, with quotes around what holds , : { or [",
                         tide_node_describe(node));
        return 0;
    }
    struct piece piece = piece_scan(node->text, node->len, 0);
    if (piece.fault != SCAN_FINE) {
        fault_tell(diags, node, &piece, true);
    } else if (piece.end < node->len) {
        tide_diags_error(
            diags, node,
            "a comma inside the item '%s'; write two items, or one text instead of the "
            "list",
            tide_node_show(node, shown));
    }
    piece.end = node->len;
    if (!item_make(doc, node, &piece, out_item)) {
        return TIDE_ERR_NOMEM;
    }
    if (out_item->text[0] == '\0') {
        tide_diags_error(diags, node, "an empty item");
    }
    return 0;
}

int
tide_items_read(struct tide_doc *doc, const struct tide_node *node, struct tide_diags *diags,
                struct tide_items *out_items)
{
    TIDE_ASSERT(node->kind != TIDE_NODE_MAP);
    if (node->kind == TIDE_NODE_SCALAR) {
        return text_read(doc, node, diags, out_items);
    }
    struct tide_item *items = tide_doc_alloc(doc, (node->count + 1) * sizeof(*items));
    uint32_t count = 0;
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        int rc = list_item_read(doc, child, diags, &items[count]);
        if (rc != 0) {
            return rc;
        }
        count += items[count].text != NULL;
    }
    out_items->items = items;
    out_items->count = count;
    return 0;
}

bool
tide_item_read(const struct tide_node *node, struct tide_diags *diags, struct tide_item *out_item)
{
    struct piece piece = {0};
    TIDE_ASSERT(node->kind == TIDE_NODE_SCALAR);
    uint32_t start = 0;
    while (start <= node->len && piece.fault == SCAN_FINE) {
        piece = piece_scan(node->text, node->len, start);
        start = piece.end + 1;
    }
    if (piece.fault != SCAN_FINE) {
        fault_tell(diags, node, &piece, false);
        return false;
    }
    size_t blank = strspn(node->text, " \t\r\n");
    if (blank == node->len) {
        tide_diags_error(diags, node, "an empty text");
        return false;
    }
    out_item->text = node->text + blank;
    out_item->node = node;
    out_item->at = (int32_t)blank;
    return true;
}

/* A number as JSON writes them: no sign +, no leading 0, no bare point. */
static bool
is_json_number(const char *text)
{
    const char *p = text + (text[0] == '-');
    if (!isdigit((unsigned char)*p) || (p[0] == '0' && isdigit((unsigned char)p[1]))) {
        return false;
    }
    p += strspn(p, "0123456789");
    if (*p == '.') {
        size_t digits = strspn(p + 1, "0123456789");
        if (digits == 0) {
            return false;
        }
        p += 1 + digits;
    }
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '+' || p[1] == '-');
        size_t digits = strspn(p, "0123456789");
        if (digits == 0) {
            return false;
        }
        p += digits;
    }
    return *p == '\0';
}

static int
json_string(struct tide_buf *out, const char *text)
{
    int rc = tide_buf_append_byte(out, '"');
    for (const char *p = text; rc == 0 && *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            rc = tide_buf_printf(out, "\\%c", c);
        } else if (c < 0x20) {
            rc = tide_buf_printf(out, "\\u%04x", c);
        } else {
            rc = tide_buf_append_byte(out, c);
        }
    }
    return rc != 0 ? rc : tide_buf_append_byte(out, '"');
}

static int
json_scalar(struct tide_buf *out, const struct tide_node *node)
{
    if (tide_node_is_null(node)) {
        return tide_buf_append_text(out, "null");
    }
    if (tide_node_bool(node) >= 0 || (!node->quoted && is_json_number(node->text))) {
        return tide_buf_append_text(out, node->text);
    }
    return json_string(out, node->text);
}

/* Depth is bounded by TIDE_LIMIT_YAML_DEPTH. */
static int
json_node(struct tide_buf *out, const struct tide_node *node)
{
    bool map = node->kind == TIDE_NODE_MAP;
    if (node->kind == TIDE_NODE_SCALAR) {
        return json_scalar(out, node);
    }
    int rc = tide_buf_append_byte(out, map ? '{' : '[');
    for (const struct tide_node *child = node->first; rc == 0 && child != NULL;
         child = child->next) {
        if (child != node->first) {
            rc = tide_buf_append_byte(out, ',');
        }
        if (rc == 0 && map) {
            rc = json_string(out, child->key->text);
            rc = rc != 0 ? rc : tide_buf_append_byte(out, ':');
        }
        rc = rc != 0 ? rc : json_node(out, child);
    }
    return rc != 0 ? rc : tide_buf_append_byte(out, map ? '}' : ']');
}

const char *
tide_node_json(struct tide_doc *doc, const struct tide_node *node)
{
    struct tide_buf out;
    const char *text = NULL;
    /* Escapes are at most six bytes for one, and the file is bounded. */
    tide_buf_init(&out, doc->seam, 8 * (size_t)TIDE_LIMIT_YAML_BYTES);
    if (json_node(&out, node) == 0) {
        text = tide_doc_text(doc, (const char *)out.data, out.len);
    }
    tide_buf_fini(&out);
    return text;
}
