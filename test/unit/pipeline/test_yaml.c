/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to a tree: places, kinds, what is refused, limits.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "pipeline/yaml_read.h"

struct read {
    struct tide_doc doc;
    struct tide_diags diags;
    int rc;
};

static struct read
read_text(const char *text, size_t len)
{
    struct read read = {0};
    cr_assert_eq(tide_doc_init(&read.doc, tide_seam_real(), "f"), 0);
    tide_diags_init(&read.diags, tide_seam_real());
    read.rc = tide_yaml_read(&read.doc, text, len, &read.diags);
    return read;
}

static void
done(struct read *read)
{
    tide_doc_fini(&read->doc);
    tide_diags_fini(&read->diags);
}

static void
expect_error(const char *text, const char *expected)
{
    char line[512];
    struct read read = read_text(text, strlen(text));
    cr_assert_geq(read.diags.count, 1, "no error for: %s", text);
    tide_diag_format(&read.diags.items[0], line, sizeof(line));
    cr_assert_eq(strncmp(line, expected, strlen(expected)), 0, "%s\nis not: %s", line, expected);
    done(&read);
}

Test(yaml, nodes_know_their_places)
{
    const char *text = "a: 1\n"
                       "list:\n"
                       "  - x\n"
                       "  - {k: v}\n"
                       "\"\xc3\xa9\": [p, \"q\"]\n";
    struct read read = read_text(text, strlen(text));
    cr_assert_eq(read.rc, 0);
    struct tide_node *a = tide_node_get(read.doc.root, "a");
    cr_assert_eq(a->line, 1);
    cr_assert_eq(a->column, 4);
    cr_assert_eq(a->key->column, 1);
    struct tide_node *list = tide_node_get(read.doc.root, "list");
    cr_assert_eq(list->kind, TIDE_NODE_LIST);
    cr_assert_eq(list->count, 2);
    cr_assert_eq(list->first->line, 3);
    cr_assert_eq(list->first->column, 5);
    struct tide_node *v = tide_node_get(list->last, "k");
    cr_assert_eq(v->line, 4);
    cr_assert_eq(v->column, 9);
    /* Columns count characters: the two bytes of the accent are one. */
    struct tide_node *q = tide_node_get(read.doc.root, "\xc3\xa9")->last;
    cr_assert_eq(q->line, 5);
    cr_assert_eq(q->column, 10);
    cr_assert(q->quoted);
    cr_assert_not(list->first->quoted);
    done(&read);
}

Test(yaml, only_true_and_false_are_booleans)
{
    const char *text =
        "{a: NO, b: on, c: yes, d: true, e: false, f: True, g: \"true\", h: null, i: ~, j: }";
    struct read read = read_text(text, strlen(text));
    const struct tide_node *root = read.doc.root;
    cr_assert_eq(tide_node_bool(tide_node_get(root, "a")), -1);
    cr_assert_str_eq(tide_node_get(root, "a")->text, "NO");
    cr_assert_eq(tide_node_bool(tide_node_get(root, "b")), -1);
    cr_assert_eq(tide_node_bool(tide_node_get(root, "c")), -1);
    cr_assert_eq(tide_node_bool(tide_node_get(root, "d")), 1);
    cr_assert_eq(tide_node_bool(tide_node_get(root, "e")), 0);
    cr_assert_eq(tide_node_bool(tide_node_get(root, "f")), -1);
    cr_assert_eq(tide_node_bool(tide_node_get(root, "g")), -1);
    cr_assert(tide_node_is_null(tide_node_get(root, "h")));
    cr_assert(tide_node_is_null(tide_node_get(root, "i")));
    cr_assert(tide_node_is_null(tide_node_get(root, "j")));
    cr_assert_not(tide_node_is_null(tide_node_get(root, "g")));
    done(&read);
}

static void
expect_place(const char *text, const char *key, const char *part, uint32_t line, uint32_t column)
{
    struct read read = read_text(text, strlen(text));
    const struct tide_node *node = tide_node_get(read.doc.root, key);
    uint32_t at_line;
    uint32_t at_column;
    cr_assert_not_null(node);
    const char *found = strstr(node->text, part);
    cr_assert_not_null(found);
    tide_node_place(node, (int32_t)(found - node->text), &at_line, &at_column);
    cr_assert_eq(at_line, line, "%s: line %u", text, at_line);
    cr_assert_eq(at_column, column, "%s: column %u", text, at_column);
    done(&read);
}

Test(yaml, a_byte_of_a_scalar_has_a_place)
{
    expect_place("k: abc def\n", "k", "def", 1, 8);
    expect_place("k: 'abc def'\n", "k", "def", 1, 9);
    expect_place("k: \"\xc3\xa9 def\"\n", "k", "def", 1, 7);
    expect_place("k: |\n    one\n    two x\n", "k", "x", 3, 9);
    expect_place("k: |\n  one\n\n  two\n", "k", "two", 4, 3);
    /* An escape or a fold loses the count: the scalar's own place stands. */
    expect_place("k: \"a\\tdef\"\n", "k", "def", 1, 4);
    expect_place("k: abc\n  def\n", "k", "def", 1, 4);
    expect_place("k: >\n  abc\n  def\n", "k", "def", 1, 4);
}

Test(yaml, what_is_refused_has_its_place)
{
    expect_error("a: 1\nb: 2\na: 3\n", "f:3:1: error: 'a' is given twice; the first is at line 1");
    expect_error("a: {x: 1, x: 2}\n", "f:1:11: error: 'x' is given twice");
    expect_error("a: &anchor 1\n", "f:1:4: error: anchors (&name) are not allowed");
    expect_error("a: &anchor [1]\n", "f:1:4: error: anchors (&name) are not allowed");
    expect_error("a: &x 1\nb: *x\n", "f:1:4: error: anchors");
    expect_error("b: *x\n", "f:1:4: error: aliases (*name) are not allowed");
    expect_error("a: !!int 1\n", "f:1:4: error: tags (!name) are not allowed");
    expect_error("a: !x {}\n", "f:1:4: error: tags (!name) are not allowed");
    expect_error("? [a, b]\n: 1\n", "f:1:3: error: a key must be a name");
    expect_error("a: 1\n---\nb: 2\n", "f:2:1: error: a second document");
    expect_error("", "f:1:1: error: the file is empty");
    expect_error("# only a comment\n", "f:1:1: error: the file is empty");
    expect_error("- a\n", "f:1:1: error: a pipeline is a map of sections, not a list");
    expect_error("word\n", "f:1:1: error: a pipeline is a map of sections, not text");
}

Test(yaml, broken_text_gets_a_hint)
{
    expect_error("a: b: c\n", "f:1:5: error: not valid YAML: mapping values are not allowed in "
                              "this context; put quotes around a text that holds ': '");
    expect_error("a: [x, y\nb: 1\n",
                 "f:2:2: error: not valid YAML: while parsing a flow sequence, did "
                 "not find expected ',' or ']'; a list [...] needs commas");
    expect_error("select: [*]\n", "f:1:10: error: not valid YAML: while scanning an alias, did not "
                                  "find expected alphabetic or numeric character; put quotes "
                                  "around a text that begins with *");
    expect_error("a:\n\t- b\n", "f:2:1: error: a tab: indent with spaces");
    expect_error("a: @b\n", "f:1:4: error: a text that begins with @ needs quotes");
    expect_error("a: \"x\n", "f:1:4: error: not valid YAML: while scanning a quoted scalar, found "
                             "unexpected end of stream; a quote is not closed");
    expect_error("ok: 1\nk: a\xff\n", "f:2:5: error: this is no UTF-8 text");
    expect_error("a: \"x\\0y\"\n", "f:1:4: error: a text with a NUL character");
}

Test(yaml, several_errors_are_all_told)
{
    const char *text = "a: &x 1\nb: *x\nc: !t 2\nc: 3\n";
    struct read read = read_text(text, strlen(text));
    cr_assert_eq(read.diags.errors, 4);
    cr_assert_eq(read.diags.items[1].line, 2);
    cr_assert_eq(read.diags.items[2].line, 3);
    cr_assert_eq(read.diags.items[3].line, 4);
    done(&read);
}

Test(yaml, a_byte_order_mark_is_skipped)
{
    const char *text = "\xef\xbb\xbf"
                       "a: 1\n";
    struct read read = read_text(text, strlen(text));
    cr_assert_eq(read.rc, 0);
    cr_assert_eq(tide_node_get(read.doc.root, "a")->column, 4);
    done(&read);
}

Test(yaml, depth_is_bounded)
{
    char text[512] = "a: ";
    /* The root map is the first level. */
    memset(text + 3, '[', TIDE_LIMIT_YAML_DEPTH - 1);
    memset(text + 3 + TIDE_LIMIT_YAML_DEPTH - 1, ']', TIDE_LIMIT_YAML_DEPTH - 1);
    struct read read = read_text(text, strlen(text));
    cr_assert_eq(read.rc, 0);
    done(&read);
    memset(text + 3, '[', TIDE_LIMIT_YAML_DEPTH);
    expect_error(text, "f:1:67: error: nested deeper than 64 levels");
}

Test(yaml, keys_of_a_map_are_bounded)
{
    char *text = malloc((TIDE_LIMIT_YAML_KEYS + 1) * 16);
    size_t len = 0;
    for (uint32_t i = 0; i <= TIDE_LIMIT_YAML_KEYS; i++) {
        len += (size_t)sprintf(text + len, "k%u: 1\n", i);
    }
    expect_error(text, "f:1025:1: error: more than 1024 keys in one map");
    free(text);
}

Test(yaml, values_and_bytes_are_bounded)
{
    size_t size = TIDE_LIMIT_YAML_BYTES + 1;
    char *text = malloc(size);
    memset(text, ' ', size);
    struct read read = read_text(text, size);
    cr_assert_eq(read.rc, TIDE_ERR_INVALID);
    cr_assert_str_eq(read.diags.items[0].text, "the file is larger than 4 MiB");
    done(&read);
    memcpy(text, "a: [", 4);
    for (size_t i = 0; i < TIDE_LIMIT_YAML_NODES; i++) {
        memcpy(text + 4 + 2 * i, "1,", 2);
    }
    read = read_text(text, 4 + 2 * (size_t)TIDE_LIMIT_YAML_NODES);
    cr_assert_eq(read.rc, TIDE_ERR_INVALID);
    cr_assert_str_eq(read.diags.items[0].text, "more than 262144 values in one file");
    done(&read);
    free(text);
}

Test(yaml, a_long_text_is_shown_cut_at_a_character)
{
    char buffer[64];
    struct tide_node node = {.kind = TIDE_NODE_SCALAR, .text = "short", .len = 5};
    cr_assert_str_eq(tide_node_show(&node, buffer), "short");
    node.secret = true;
    cr_assert_str_eq(tide_node_show(&node, buffer), "****");
    char text[80];
    memset(text, 'a', 59);
    strcpy(text + 59, "\xc3\xa9 and more");
    struct tide_node longer = {
        .kind = TIDE_NODE_SCALAR, .text = text, .len = (uint32_t)strlen(text)};
    const char *shown = tide_node_show(&longer, buffer);
    cr_assert_eq(strlen(shown), 62);
    cr_assert_str_eq(shown + 59, "...");
}
