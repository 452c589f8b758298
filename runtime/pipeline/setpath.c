/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --set PATH=VALUE on the tree. See setpath.h.
 *
 * A cursor goes down the format table and the tree together; each kind of row says what the next
 * segment of the path may be. Sections that are not written yet are made on the way; names, steps
 * and items must exist, so that a misspelt path is an error and never a new, silent part of the
 * pipeline.
 */
#include "pipeline/setpath.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tidemark/error.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"
#include "pipeline/format_table.h"
#include "pipeline/yaml_read.h"

#define SEGMENT_MAX 256

struct cursor {
    struct tide_doc *doc;
    struct tide_diags *diags;
    struct tide_node place; /* "--set PATH" */
    const char *rest;       /* what is left of the path; NULL: nothing */
    struct tide_node *value;
};

static int set_in_section(struct cursor *cursor, const struct tide_section *section,
                          struct tide_node *map);

/* Takes the next segment of the path. False when it is longer than any name. */
static bool
segment_take(struct cursor *cursor, char segment[SEGMENT_MAX])
{
    size_t len = strcspn(cursor->rest, ".");
    const char *behind = cursor->rest[len] == '.' ? cursor->rest + len + 1 : NULL;
    if (len >= SEGMENT_MAX) {
        return false;
    }
    memcpy(segment, cursor->rest, len);
    segment[len] = '\0';
    cursor->rest = behind;
    return true;
}

static void
refuse_name(struct cursor *cursor, const char *what, const char *name, const char *near)
{
    if (near != NULL) {
        tide_diags_error(cursor->diags, &cursor->place, "there is no %s '%s'; did you mean '%s'?",
                         what, name, near);
    } else {
        tide_diags_error(cursor->diags, &cursor->place, "there is no %s '%s'", what, name);
    }
}

/* Puts the value under @key of @map (or in the place of @old). */
static int
put(struct cursor *cursor, struct tide_node *map, struct tide_node *old, const char *key)
{
    if (old != NULL) {
        tide_node_replace(map, old, cursor->value);
        return 0;
    }
    struct tide_node *name = tide_node_scalar(cursor->doc, key, &cursor->place);
    if (name == NULL) {
        return TIDE_ERR_NOMEM;
    }
    tide_node_append(map, name, cursor->value);
    return 0;
}

/* The map under @row of @map, made if it is not written (or null); NULL: it is something else. */
static int
submap(struct cursor *cursor, const struct tide_key *row, struct tide_node *map,
       struct tide_node *child, struct tide_node **out_child)
{
    if (child != NULL && !tide_node_is_null(child)) {
        if (child->kind != TIDE_NODE_MAP) {
            tide_diags_error(cursor->diags, &cursor->place, "'%s' is %s here; set it as a whole",
                             row->name, tide_node_describe(child));
            child = NULL;
        }
        *out_child = child;
        return 0;
    }
    struct tide_node *fresh = tide_node_new(cursor->doc, TIDE_NODE_MAP, &cursor->place);
    if (fresh == NULL) {
        return TIDE_ERR_NOMEM;
    }
    struct cursor making = *cursor;
    making.value = fresh;
    *out_child = fresh;
    return put(&making, map, child, row->name);
}

/* The rest of the path is one key of the user's own. */
static int
set_one_key(struct cursor *cursor, struct tide_node *map, bool any_case)
{
    struct tide_node *child = map->first;
    while (child != NULL) {
        const char *name = child->key->text;
        if (any_case ? tide_text_equal_nocase(name, cursor->rest) : !strcmp(name, cursor->rest)) {
            break;
        }
        child = child->next;
    }
    return put(cursor, map, child, cursor->rest);
}

/* Depth is bounded by TIDE_LIMIT_YAML_DEPTH. */
static bool
mentions(const struct tide_node *node, const char *text)
{
    if (node->kind == TIDE_NODE_SCALAR) {
        return strstr(node->text, text) != NULL;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (mentions(child, text)) {
            return true;
        }
    }
    return false;
}

/* The name nearest to @name among the keys of @map, which may be something else in a bad file. */
static const char *
nearest_key(const struct tide_node *map, const char *name)
{
    const char *names[TIDE_LIMIT_YAML_KEYS];
    uint32_t count = 0;
    if (map->kind != TIDE_NODE_MAP) {
        return NULL;
    }
    for (const struct tide_node *child = map->first; child != NULL && count < TIDE_LIMIT_YAML_KEYS;
         child = child->next) {
        names[count++] = child->key->text;
    }
    return tide_nearest(name, names, count);
}

/* A variable must be declared or used: else a misspelt one would be set without effect. */
static bool
var_known(struct cursor *cursor, const struct tide_node *vars)
{
    char text[SEGMENT_MAX];
    snprintf(text, sizeof(text), "${var:%s}", cursor->rest);
    if (tide_node_get(vars, cursor->rest) != NULL || mentions(cursor->doc->root, text)) {
        return true;
    }
    refuse_name(cursor, "variable", cursor->rest, nearest_key(vars, cursor->rest));
    return false;
}

static int
set_in_settings(struct cursor *cursor, const struct tide_key *row, struct tide_node *map,
                struct tide_node *child)
{
    struct tide_node *settings = NULL;
    int rc = submap(cursor, row, map, child, &settings);
    if (rc != 0 || settings == NULL) {
        return rc;
    }
    if (strcmp(row->name, "vars") == 0) {
        return var_known(cursor, settings) ? set_one_key(cursor, settings, false) : 0;
    }
    return set_one_key(cursor, settings, row->type == TIDE_KEY_SETTINGS);
}

/* An index into @collection, or NULL. */
static struct tide_node *
child_at(const struct tide_node *collection, const char *text)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return NULL;
    }
    unsigned long index = strtoul(text, &end, 10);
    struct tide_node *child = *end == '\0' ? collection->first : NULL;
    while (child != NULL && index > 0) {
        child = child->next;
        index--;
    }
    return child;
}

/* The child called @name: by key, by its `id`, or by index. */
static struct tide_node *
child_called(const struct tide_node *collection, const char *name)
{
    struct tide_node *child = tide_node_get(collection, name);
    if (child != NULL) {
        return child;
    }
    for (child = collection->first; child != NULL; child = child->next) {
        const struct tide_node *id = tide_node_get(child, "id");
        if (id != NULL && id->kind == TIDE_NODE_SCALAR && strcmp(id->text, name) == 0) {
            return child;
        }
    }
    return child_at(collection, name);
}

/* Goes on below @child, an entry of @collection, or puts the value in its place. */
static int
set_in_entry(struct cursor *cursor, const struct tide_key *row, struct tide_node *collection,
             struct tide_node *child)
{
    if (cursor->rest == NULL) {
        tide_node_replace(collection, child, cursor->value);
        return 0;
    }
    if (child->kind != TIDE_NODE_MAP) {
        tide_diags_error(cursor->diags, &cursor->place, "it is %s; set it as a whole",
                         tide_node_describe(child));
        return 0;
    }
    if (row->type == TIDE_KEY_BLOCKS) {
        return set_one_key(cursor, child, true);
    }
    return set_in_section(cursor, row->section, child);
}

/* streams.main.steps is the top-level steps when there is no stream of that name. */
static bool
is_main(const struct cursor *cursor, const struct tide_key *row, const char *name)
{
    const struct tide_node *root = cursor->doc->root;
    return strcmp(row->name, "streams") == 0 && strcmp(name, "main") == 0 && cursor->rest != NULL &&
           ((tide_text_starts(cursor->rest, "steps") && tide_node_get(root, "steps") != NULL) ||
            (tide_text_starts(cursor->rest, "query") && tide_node_get(root, "query") != NULL));
}

/* sources.NAME..., connections.NAME... */
static int
set_in_named(struct cursor *cursor, const struct tide_key *row, struct tide_node *named)
{
    char name[SEGMENT_MAX];
    char what[SEGMENT_MAX];
    if (!segment_take(cursor, name)) {
        refuse_name(cursor, row->name, cursor->rest, NULL);
        return 0;
    }
    struct tide_node *child = named == NULL ? NULL : child_called(named, name);
    if (child != NULL) {
        return set_in_entry(cursor, row, named, child);
    }
    struct tide_node *root = cursor->doc->root;
    struct tide_node *alone = row->alias == NULL ? NULL : tide_node_get(root, row->alias);
    if (alone != NULL && strcmp(name, row->alias) == 0) {
        return set_in_entry(cursor, row, root, alone);
    }
    if (is_main(cursor, row, name)) {
        return set_in_section(cursor, &tide_section_pipeline, root);
    }
    /* "sources" is a list of what is one "source". */
    snprintf(what, sizeof(what), "%.*s", (int)strlen(row->name) - 1, row->name);
    const char *near = named == NULL ? NULL : nearest_key(named, name);
    refuse_name(cursor, what, name, near);
    return 0;
}

static const char *
nearest_id(const struct tide_node *list, const char *name)
{
    const char *names[TIDE_LIMIT_YAML_KEYS];
    uint32_t count = 0;
    for (const struct tide_node *item = list->first; item != NULL && count < TIDE_LIMIT_YAML_KEYS;
         item = item->next) {
        const struct tide_node *id = tide_node_get(item, "id");
        if (id != NULL) {
            names[count++] = id->text;
        }
    }
    return tide_nearest(name, names, count);
}

/* steps.ID..., steps.0..., plugins.0, select.0 */
static int
set_in_list(struct cursor *cursor, const struct tide_key *row, struct tide_node *list)
{
    char name[SEGMENT_MAX];
    const char *what = strcmp(row->name, "steps") == 0 ? "step" : "item";
    if (list == NULL || list->kind != TIDE_NODE_LIST || !segment_take(cursor, name)) {
        tide_diags_error(cursor->diags, &cursor->place, "'%s' is no list here; set it as a whole",
                         row->name);
        return 0;
    }
    struct tide_node *child = child_called(list, name);
    if (child == NULL) {
        refuse_name(cursor, what, name, nearest_id(list, name));
        return 0;
    }
    if (row->section == NULL && cursor->rest != NULL) {
        tide_diags_error(cursor->diags, &cursor->place, "an item of '%s' has no keys", row->name);
        return 0;
    }
    return set_in_entry(cursor, row, list, child);
}

/* Goes on below the value of @row. */
static int
set_below(struct cursor *cursor, const struct tide_key *row, struct tide_node *map,
          struct tide_node *child)
{
    struct tide_node *sub = NULL;
    int rc;
    switch (row->type) {
    case TIDE_KEY_MAP:
    case TIDE_KEY_SCHEMA:
    case TIDE_KEY_FILTER:
        rc = submap(cursor, row, map, child, &sub);
        return rc != 0 || sub == NULL ? rc : set_in_section(cursor, row->section, sub);
    case TIDE_KEY_SETTINGS:
    case TIDE_KEY_PAIRS:
        return set_in_settings(cursor, row, map, child);
    case TIDE_KEY_BLOCKS:
    case TIDE_KEY_NAMED:
        return set_in_named(cursor, row, child);
    case TIDE_KEY_LIST:
    case TIDE_KEY_ITEMS:
    case TIDE_KEY_STRINGS:
    case TIDE_KEY_FROMS:
    case TIDE_KEY_CORES:
        return set_in_list(cursor, row, child);
    default:
        tide_diags_error(cursor->diags, &cursor->place, "'%s' has no keys below it; it is %s",
                         row->name, tide_key_wants(row));
        return 0;
    }
}

/* `source` alone stands for sources.source, wherever that is written. */
static int
set_shorthand(struct cursor *cursor, const struct tide_key *row, struct tide_node *root)
{
    struct tide_node *named = tide_node_get(root, row->name);
    struct tide_node *child = tide_node_get(root, row->alias);
    if (child != NULL) {
        return set_in_entry(cursor, row, root, child);
    }
    child = tide_node_get(named, row->alias);
    if (child != NULL) {
        return set_in_entry(cursor, row, named, child);
    }
    if (cursor->rest == NULL) {
        return put(cursor, root, NULL, row->alias);
    }
    refuse_name(cursor, row->alias, row->alias,
                named == NULL ? NULL : nearest_key(named, row->alias));
    return 0;
}

static int
set_in_section(struct cursor *cursor, const struct tide_section *section, struct tide_node *map)
{
    char name[SEGMENT_MAX];
    const struct tide_key *row = NULL;
    TIDE_ASSERT(map->kind == TIDE_NODE_MAP);
    if (segment_take(cursor, name)) {
        row = tide_key_find(section, name);
    } else {
        snprintf(name, sizeof(name), "%.40s...", cursor->rest);
    }
    if (row == NULL) {
        char what[SEGMENT_MAX];
        snprintf(what, sizeof(what), "key of a %s", section->name);
        refuse_name(cursor, what, name, tide_key_nearest(section, name));
        return 0;
    }
    bool alias = row->alias != NULL && strcmp(row->alias, name) == 0;
    if (alias && row->type == TIDE_KEY_NAMED) {
        return set_shorthand(cursor, row, map);
    }
    struct tide_node *child = tide_node_get(map, row->name);
    if (child == NULL && row->alias != NULL && row->type != TIDE_KEY_NAMED) {
        child = tide_node_get(map, row->alias);
    }
    if (cursor->rest == NULL) {
        return put(cursor, map, child, name);
    }
    return set_below(cursor, row, map, child);
}

/* Reads VALUE. *out_value stays NULL when it is refused. */
static int
value_read(struct cursor *cursor, const char *text, struct tide_node **out_value)
{
    struct tide_diags problems;
    const char *start = text + strspn(text, " \t\n");
    int rc = TIDE_ERR_INVALID;
    bool flow = start[0] == '{' || start[0] == '[';
    tide_diags_init(&problems, cursor->doc->seam);
    if (flow || start[0] == '"' || start[0] == '\'') {
        rc = tide_yaml_value(cursor->doc, start, strlen(start), &cursor->place, &problems,
                             out_value);
    }
    if (flow && problems.count > 0) {
        tide_diags_error(cursor->diags, &cursor->place, "%s", problems.items[0].text);
        *out_value = NULL;
    } else if (!flow && (rc == TIDE_ERR_INVALID || problems.errors > 0)) {
        /* Plain text; also an SQL expression that begins with a quote. */
        *out_value = tide_node_scalar(cursor->doc, text, &cursor->place);
        rc = *out_value == NULL ? TIDE_ERR_NOMEM : 0;
    }
    tide_diags_fini(&problems);
    return rc == TIDE_ERR_NOMEM ? rc : 0;
}

static bool
is_utf8(const char *text)
{
    size_t len = strlen(text);
    size_t at = 0;
    while (at < len) {
        size_t width = tide_utf8_char(text + at, len - at);
        if (width == 0) {
            return false;
        }
        at += width;
    }
    return true;
}

int
tide_setpath_apply(struct tide_doc *doc, const char *assignment, struct tide_diags *diags)
{
    struct cursor cursor = {.doc = doc, .diags = diags};
    const char *equals = strchr(assignment, '=');
    if (!is_utf8(assignment)) {
        cursor.place.file = "--set";
        tide_diags_error(diags, &cursor.place, "it wants UTF-8 text");
        return 0;
    }
    size_t len = equals != NULL ? (size_t)(equals - assignment) : strlen(assignment);
    const char *path = tide_doc_text(doc, assignment, len);
    const char *file = tide_doc_printf(doc, "--set %.*s", (int)len, assignment);
    if (path == NULL || file == NULL) {
        return TIDE_ERR_NOMEM;
    }
    cursor.place.file = file;
    cursor.place.set = true;
    cursor.rest = path;
    if (equals == NULL || len == 0) {
        tide_diags_error(diags, &cursor.place, "--set wants PATH=VALUE");
        return 0;
    }
    int rc = value_read(&cursor, equals + 1, &cursor.value);
    if (rc != 0 || cursor.value == NULL) {
        return rc;
    }
    return set_in_section(&cursor, &tide_section_pipeline, doc->root);
}
