/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree to typed structs: sections and everything that is more than one scalar. See
 * format_read.h.
 *
 * Invariants:
 *   1. Every key of a section is looked at once: known, ignored (x-*), or an error with the nearest
 * name.
 *   2. A value that is null counts as not written, except that a step's verb wants a value.
 *   3. A struct whose key is not written holds its defaults all the same.
 */
#include "pipeline/format_read.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "pipeline/format_items.h"

/* What has been met while one section is read. */
struct section_state {
    uint64_t seen;                /* by the row's place in the section */
    const struct tide_key *one;   /* the verb, or the one key of a section with that rule */
    const struct tide_node *node; /* its value */
    bool unknown;                 /* a key that is none: it may have been meant to be the one */
};

static void *
field(void *base, uint32_t offset)
{
    return (char *)base + offset;
}

static void
array_store(void *base, uint32_t offset, const struct tide_array *array)
{
    memcpy(field(base, offset), &array->items, sizeof(array->items));
    memcpy(field(base, offset + sizeof(array->items)), &array->count, sizeof(array->count));
}

void
tide_value_refuse(struct tide_reader *reader, const struct tide_key *row,
                  const struct tide_node *node)
{
    char shown[64];
    if (node->kind == TIDE_NODE_SCALAR && !tide_node_is_null(node)) {
        tide_diags_error(reader->diags, node, "'%s' is '%s'; it wants %s", row->name,
                         tide_node_show(node, shown), tide_key_wants(row));
    } else {
        tide_diags_error(reader->diags, node, "'%s' is %s; it wants %s", row->name,
                         tide_node_describe(node), tide_key_wants(row));
    }
}

/* ---- options ---- */

static int
given_list(struct tide_reader *reader, const struct tide_node *node, struct tide_given *given)
{
    const char **items = tide_doc_alloc(reader->doc, (node->count + 1) * sizeof(*items));
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        bool scalar = child->kind == TIDE_NODE_SCALAR;
        items[given->n_items] = scalar ? child->text : tide_node_json(reader->doc, child);
        if (items[given->n_items] == NULL) {
            return TIDE_ERR_NOMEM;
        }
        given->n_items++;
    }
    given->items = items;
    given->is_list = true;
    return 0;
}

static bool
holds_secret(const struct tide_node *node)
{
    bool secret = node->secret;
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        secret = secret || holds_secret(child);
    }
    return secret;
}

static int
given_make(struct tide_reader *reader, const struct tide_node *node, struct tide_given *given)
{
    given->name = node->key->text;
    given->place = node;
    given->secret = holds_secret(node);
    given->value = node->text;
    if (node->kind == TIDE_NODE_SCALAR) {
        return 0;
    }
    given->value = tide_node_json(reader->doc, node);
    if (given->value == NULL) {
        return TIDE_ERR_NOMEM;
    }
    return node->kind == TIDE_NODE_LIST ? given_list(reader, node, given) : 0;
}

int
tide_settings_read(struct tide_reader *reader, const struct tide_node *node,
                   struct tide_settings *out_settings)
{
    struct tide_settings settings = {0};
    struct tide_given *items = tide_doc_alloc(reader->doc, (node->count + 1) * sizeof(*items));
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    settings.items = items;
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (tide_node_is_null(child)) {
            continue;
        }
        if (tide_settings_get(&settings, child->key->text) != NULL) {
            tide_diags_error(reader->diags, child->key,
                             "'%s' is given twice: upper and lower case are the same here",
                             child->key->text);
            continue;
        }
        int rc = given_make(reader, child, &items[settings.count]);
        if (rc != 0) {
            return rc;
        }
        settings.count++;
    }
    *out_settings = settings;
    return 0;
}

static int
read_settings(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
              void *base)
{
    if (node->kind != TIDE_NODE_MAP) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    return tide_settings_read(reader, node, field(base, row->offset));
}

/* Connections are read where they are merged (format_check.c); here only their shape is checked. */
static void
read_blocks(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node)
{
    if (node->kind != TIDE_NODE_MAP) {
        tide_value_refuse(reader, row, node);
        return;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (child->kind != TIDE_NODE_MAP && !tide_key_ignored(child->key->text)) {
            tide_diags_error(reader->diags, child,
                             "the connection '%s' is %s; it wants a map of options",
                             child->key->text, tide_node_describe(child));
        }
    }
}

/* ---- SQL ---- */

static int
read_items(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
           void *base)
{
    struct tide_items items = {0};
    if (node->kind == TIDE_NODE_MAP) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    int rc = tide_items_read(reader->doc, node, reader->diags, &items);
    if (rc != 0) {
        return rc;
    }
    if ((row->flags & TIDE_KEY_NOT_EMPTY) != 0 && node->kind == TIDE_NODE_LIST && !node->count) {
        tide_diags_error(reader->diags, node, "'%s' is empty", row->name);
    }
    memcpy(field(base, row->offset), &items, sizeof(items));
    return 0;
}

static int
read_strings(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
             void *base)
{
    struct tide_items strings = {0};
    if (node->kind != TIDE_NODE_LIST || node->count == 0) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    struct tide_item *items = tide_doc_alloc(reader->doc, node->count * sizeof(*items));
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (child->kind != TIDE_NODE_SCALAR) {
            tide_value_refuse(reader, row, child);
            continue;
        }
        items[strings.count].text = child->text;
        items[strings.count++].node = child;
    }
    strings.items = items;
    memcpy(field(base, row->offset), &strings, sizeof(strings));
    return 0;
}

static void
read_sql(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
         void *base)
{
    if (node->kind != TIDE_NODE_SCALAR) {
        tide_value_refuse(reader, row, node);
        return;
    }
    tide_item_read(node, reader->diags, field(base, row->offset));
}

static bool
read_pair(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
          struct tide_pair *out_pair)
{
    if (node->kind != TIDE_NODE_SCALAR) {
        tide_diags_error(reader->diags, node, "'%s' of '%s' is %s; it wants a text",
                         node->key->text, row->name, tide_node_describe(node));
        return false;
    }
    out_pair->name = node->key->text;
    out_pair->key = node->key;
    if ((row->flags & TIDE_KEY_SQL_VALUES) != 0) {
        return tide_item_read(node, reader->diags, &out_pair->value);
    }
    out_pair->value.text = node->text;
    out_pair->value.node = node;
    return true;
}

static int
read_pairs(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
           void *base)
{
    struct tide_pairs pairs = {0};
    if (node->kind != TIDE_NODE_MAP || node->count == 0) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    struct tide_pair *items = tide_doc_alloc(reader->doc, node->count * sizeof(*items));
    if (items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        pairs.count += read_pair(reader, row, child, &items[pairs.count]);
    }
    pairs.items = items;
    memcpy(field(base, row->offset), &pairs, sizeof(pairs));
    return 0;
}

static int
read_froms(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
           void *base)
{
    struct tide_array array = {0};
    if (node->kind != TIDE_NODE_LIST || node->count == 0) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    struct tide_from *froms = tide_doc_alloc(reader->doc, node->count * sizeof(*froms));
    if (froms == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (child->kind != TIDE_NODE_SCALAR) {
            tide_value_refuse(reader, row, child);
            continue;
        }
        froms[array.count].text = child->text;
        froms[array.count++].node = child;
    }
    array.items = froms;
    array_store(base, row->offset, &array);
    return 0;
}

/* ---- sections in sections ---- */

static int
read_schema(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
            void *base)
{
    struct tide_schema_def *schema = field(base, row->offset);
    schema->node = node;
    if (node->kind == TIDE_NODE_MAP) {
        schema->kind = tide_node_get(node, "file") != NULL ? TIDE_SCHEMA_FILE : TIDE_SCHEMA_INFER;
        return tide_section_read(reader, row->section, node, schema);
    }
    if (node->kind != TIDE_NODE_SCALAR || node->len == 0) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    schema->kind = TIDE_SCHEMA_DDL;
    schema->text = node->text;
    return 0;
}

/* The row is a step's: a map instead of a condition makes it a plugin's filter. */
static int
read_filter(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
            void *base)
{
    struct tide_step_def *step = base;
    if (node->kind != TIDE_NODE_MAP) {
        read_sql(reader, row, node, base);
        return 0;
    }
    step->call.node = node;
    return tide_section_read(reader, row->section, node, &step->call);
}

/* One entry of a NAMED row. */
static int
read_entry(struct tide_reader *reader, const struct tide_section *section,
           const struct tide_node *node, void *base)
{
    static const struct tide_key name_row = {.name = "name", .type = TIDE_KEY_NAME};
    struct tide_named_head *head = base;
    head->node = node;
    TIDE_ASSERT(section->has_name);
    if (node->kind != TIDE_NODE_MAP) {
        tide_diags_error(reader->diags, node, "the %s '%s' is %s; it wants a map", section->name,
                         node->key->text, tide_node_describe(node));
        head->name = node->key->text;
        return tide_section_defaults(reader, section, base);
    }
    struct tide_named_head checked = {0};
    int rc = tide_scalar_read(reader, &name_row, node->key, &checked);
    if (rc != 0) {
        return rc;
    }
    head->name = node->key->text;
    return tide_section_read(reader, section, node, base);
}

/* `sources: {...}` and the one of `source: {...}` in one array. */
static int
read_named(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *map,
           void *base)
{
    const struct tide_node *named = tide_node_get(map, row->name);
    const struct tide_node *alone = row->alias == NULL ? NULL : tide_node_get(map, row->alias);
    struct tide_array array = {0};
    if (named != NULL && named->kind != TIDE_NODE_MAP && !tide_node_is_null(named)) {
        tide_value_refuse(reader, row, named);
        named = NULL;
    }
    uint32_t count = (named != NULL ? named->count : 0) + (alone != NULL);
    array.items = tide_doc_alloc(reader->doc, (size_t)(count + 1) * row->section->size);
    if (array.items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    const struct tide_node *child = named != NULL ? named->first : NULL;
    for (; child != NULL; child = child->next) {
        if (tide_key_ignored(child->key->text)) {
            continue;
        }
        void *entry = field(array.items, array.count++ * row->section->size);
        int rc = read_entry(reader, row->section, child, entry);
        if (rc != 0) {
            return rc;
        }
    }
    if (alone != NULL && !tide_node_is_null(alone)) {
        void *entry = field(array.items, array.count++ * row->section->size);
        int rc = read_entry(reader, row->section, alone, entry);
        if (rc != 0) {
            return rc;
        }
    }
    array_store(base, row->offset, &array);
    return 0;
}

/* One item of a LIST row. */
static int
read_list_item(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
               void *entry)
{
    if (node->kind == TIDE_NODE_MAP) {
        return tide_section_read(reader, row->section, node, entry);
    }
    if ((row->flags & TIDE_KEY_TEXT_ITEM) != 0 && node->kind == TIDE_NODE_SCALAR) {
        return tide_scalar_read(reader, &row->section->keys[0], node, entry);
    }
    tide_diags_error(reader->diags, node, "a %s is %s; it wants %s", row->section->name,
                     tide_node_describe(node),
                     (row->flags & TIDE_KEY_TEXT_ITEM) != 0 ? "a text or a map" : "a map");
    return 0;
}

static int
read_list(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
          void *base)
{
    struct tide_array array = {0};
    const struct tide_section *section = row->section;
    if (node->kind != TIDE_NODE_LIST) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    array.items = tide_doc_alloc(reader->doc, (size_t)(node->count + 1) * section->size);
    if (array.items == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        void *entry = field(array.items, array.count++ * section->size);
        memcpy(entry, &child, sizeof(child)); /* each such struct begins with its node */
        int rc = read_list_item(reader, row, child, entry);
        if (rc != 0) {
            return rc;
        }
    }
    if ((row->flags & TIDE_KEY_NO_STORE) == 0) {
        array_store(base, row->offset, &array);
    }
    return 0;
}

static int
read_map(struct tide_reader *reader, const struct tide_key *row, const struct tide_node *node,
         void *base)
{
    if (node->kind != TIDE_NODE_MAP) {
        tide_value_refuse(reader, row, node);
        return tide_section_defaults(reader, row->section, field(base, row->offset));
    }
    return tide_section_read(reader, row->section, node, field(base, row->offset));
}

int
tide_value_read(struct tide_reader *reader, const struct tide_key *row,
                const struct tide_node *node, void *base)
{
    switch (row->type) {
    case TIDE_KEY_SETTINGS:
        return read_settings(reader, row, node, base);
    case TIDE_KEY_BLOCKS:
        read_blocks(reader, row, node);
        return 0;
    case TIDE_KEY_ITEMS:
        return read_items(reader, row, node, base);
    case TIDE_KEY_STRINGS:
        return read_strings(reader, row, node, base);
    case TIDE_KEY_SQL:
        read_sql(reader, row, node, base);
        return 0;
    case TIDE_KEY_PAIRS:
        return read_pairs(reader, row, node, base);
    case TIDE_KEY_FROMS:
        return read_froms(reader, row, node, base);
    case TIDE_KEY_SCHEMA:
        return read_schema(reader, row, node, base);
    case TIDE_KEY_FILTER:
        return read_filter(reader, row, node, base);
    case TIDE_KEY_MAP:
        return read_map(reader, row, node, base);
    case TIDE_KEY_LIST:
        return read_list(reader, row, node, base);
    case TIDE_KEY_CORES:
        return tide_cores_read(reader, row, node, base);
    case TIDE_KEY_ANY:
        return 0;
    default:
        return tide_scalar_read(reader, row, node, base);
    }
}

/* ---- one section ---- */

static bool
is_number(const struct tide_key *row)
{
    return row->type == TIDE_KEY_INT || row->type == TIDE_KEY_SIZE ||
           row->type == TIDE_KEY_DURATION;
}

/* Verbs share fields, so that only the one that is written may store anything. */
static int
default_store(struct tide_reader *reader, const struct tide_key *row, void *base)
{
    const int64_t unset = TIDE_UNSET;
    if (row->verb != 0 || (row->flags & TIDE_KEY_NO_STORE) != 0) {
        return 0;
    }
    if (row->type == TIDE_KEY_MAP) {
        return tide_section_defaults(reader, row->section, field(base, row->offset));
    }
    if (row->type == TIDE_KEY_CORES || row->type == TIDE_KEY_VERSION) {
        return 0;
    }
    if (row->fallback != NULL) {
        return tide_scalar_default(reader, row, row->fallback, base);
    }
    if (is_number(row)) {
        memcpy(field(base, row->offset), &unset, sizeof(unset));
    }
    return 0;
}

int
tide_section_defaults(struct tide_reader *reader, const struct tide_section *section, void *base)
{
    int rc = 0;
    for (uint32_t i = 0; i < section->count && rc == 0; i++) {
        rc = default_store(reader, &section->keys[i], base);
    }
    return rc;
}

static void
key_unknown(struct tide_reader *reader, const struct tide_section *section,
            const struct tide_node *key)
{
    const char *near = tide_key_nearest(section, key->text);
    char list[1024];
    size_t used = 0;
    if (near != NULL) {
        tide_diags_error(reader->diags, key, "unknown key '%s' in this %s; did you mean '%s'?",
                         key->text, section->name, near);
        return;
    }
    list[0] = '\0';
    for (uint32_t i = 0; i < section->count && used < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                                 section->keys[i].name);
    }
    tide_diags_error(reader->diags, key, "unknown key '%s' in this %s; there are %s", key->text,
                     section->name, list);
}

/* A key that this version cannot do; one that only says its default asks for nothing. */
static void
built_check(struct tide_reader *reader, const struct tide_section *section,
            const struct tide_key *row, const struct tide_node *node)
{
    bool says_default = row->fallback != NULL && node->kind == TIDE_NODE_SCALAR &&
                        strcmp(node->text, row->fallback) == 0;
    if ((row->flags & TIDE_KEY_NOT_BUILT) != 0 && !says_default) {
        const char *owner = section == &tide_section_pipeline ? "" : section->name;
        tide_diags_unsupported(reader->diags, node->key != NULL ? node->key : node, "%s%s'%s'",
                               owner, owner[0] != '\0' ? " " : "", row->name);
    }
}

/* Rows of which a section has exactly one. */
static bool
is_the_one(const struct tide_section *section, const struct tide_key *row)
{
    return section->rule == TIDE_SECTION_ONE_KEY ||
           (section->rule == TIDE_SECTION_ONE_VERB && row->verb != 0);
}

static void
one_take(struct tide_reader *reader, const struct tide_section *section, const struct tide_key *row,
         const struct tide_node *node, struct section_state *state)
{
    if (!is_the_one(section, row)) {
        return;
    }
    if (state->one != NULL) {
        tide_diags_error(reader->diags, node->key, "'%s' beside '%s': a %s takes exactly one %s",
                         node->key->text, state->node->key->text, section->name,
                         section->rule == TIDE_SECTION_ONE_VERB ? "verb" : "of its keys");
        return;
    }
    state->one = row;
    state->node = node;
}

static int
key_read(struct tide_reader *reader, const struct tide_section *section,
         const struct tide_node *map, const struct tide_node *node, void *base,
         struct section_state *state)
{
    const struct tide_key *row = tide_key_find(section, node->key->text);
    if (row == NULL) {
        key_unknown(reader, section, node->key);
        state->unknown = true;
        return 0;
    }
    bool verb = section->rule == TIDE_SECTION_ONE_VERB && row->verb != 0;
    if (tide_node_is_null(node) && !verb) {
        return 0;
    }
    uint64_t bit = UINT64_C(1) << (row - section->keys);
    bool again = (state->seen & bit) != 0;
    if (again && row->type != TIDE_KEY_NAMED) {
        tide_diags_error(reader->diags, node->key,
                         "'%s' is another name of '%s', which is given too", node->key->text,
                         row->name);
        return 0;
    }
    state->seen |= bit;
    one_take(reader, section, row, node, state);
    built_check(reader, section, row, node);
    if (verb && state->node != node) {
        return 0; /* a second verb: its value would overwrite the first one's */
    }
    if (tide_node_is_null(node)) {
        tide_value_refuse(reader, row, node);
        return 0;
    }
    if (row->place != 0) {
        memcpy(field(base, row->place - 1), &node, sizeof(node));
    }
    if (row->type == TIDE_KEY_NAMED) {
        return again ? 0 : read_named(reader, row, map, base);
    }
    return tide_value_read(reader, row, node, base);
}

static void
one_list(const struct tide_section *section, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (uint32_t i = 0; i < section->count; i++) {
        if (is_the_one(section, &section->keys[i]) && used < size) {
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     section->keys[i].name);
        }
    }
}

/* What the one key says about the whole: the step's verb, the trigger's kind. */
static void
one_store(const struct tide_section *section, const struct section_state *state, void *base)
{
    if (section == &tide_section_step) {
        struct tide_step_def *step = base;
        bool plugin = state->one->type == TIDE_KEY_FILTER && state->node->kind == TIDE_NODE_MAP;
        step->verb = plugin ? TIDE_VERB_FILTER_PLUGIN : (enum tide_verb)state->one->verb;
        step->verb_node = state->node;
        step->word = state->node->key->text;
    } else if (section == &tide_section_trigger) {
        struct tide_trigger_def *trigger = base;
        trigger->kind = (enum tide_trigger_kind)(state->one->verb - 1);
    }
}

static int
section_finish(struct tide_reader *reader, const struct tide_section *section,
               const struct tide_node *node, void *base, const struct section_state *state)
{
    int rc = 0;
    for (uint32_t i = 0; i < section->count && rc == 0; i++) {
        const struct tide_key *row = &section->keys[i];
        if ((state->seen & (UINT64_C(1) << i)) != 0) {
            continue;
        }
        if ((row->flags & TIDE_KEY_REQUIRED) != 0) {
            tide_diags_error(reader->diags, node, "'%s' is missing in this %s: %s", row->name,
                             section->name, row->doc);
        }
        rc = default_store(reader, row, base);
    }
    if (state->one != NULL) {
        one_store(section, state, base);
    } else if (section->rule != TIDE_SECTION_ANY_KEYS && !state->unknown) {
        char list[512];
        one_list(section, list, sizeof(list));
        tide_diags_error(reader->diags, node, "this %s has none of %s", section->name, list);
    }
    return rc;
}

int
tide_section_read(struct tide_reader *reader, const struct tide_section *section,
                  const struct tide_node *node, void *base)
{
    struct section_state state = {0};
    TIDE_ASSERT(node->kind == TIDE_NODE_MAP);
    TIDE_ASSERT(section->count <= TIDE_KEYS_MAX);
    if (section == &tide_section_step) {
        ((struct tide_step_def *)base)->number = TIDE_UNSET;
    }
    for (const struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (tide_key_ignored(child->key->text)) {
            continue;
        }
        int rc = key_read(reader, section, node, child, base, &state);
        if (rc != 0) {
            return rc;
        }
    }
    return section_finish(reader, section, node, base, &state);
}
