/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format table as a JSON Schema. See schema_json.h.
 *
 * Every section is a definition of its own; a row becomes a property with its type, its sentence
 * and its default. A ${...} may stand for any scalar, and null for any value (it counts as not
 * written).
 */
#include "pipeline/schema_json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "pipeline/format_table.h"

#define REFERENCE "{\"$ref\": \"#/$defs/reference\"}"
#define TEXTS "{\"type\": [\"string\", \"number\", \"boolean\"]}"
#define IDENTIFIER "^[A-Za-z_][A-Za-z0-9_]*$"

struct schema_writer {
    struct tide_buf *out;
    int rc;          /* the first failure; nothing is written after it */
    uint32_t indent; /* levels open */
    bool first;      /* the next member is the first of its object */
};

static void
raw(struct schema_writer *writer, const char *text)
{
    if (writer->rc == 0) {
        writer->rc = tide_buf_append_text(writer->out, text);
    }
}

static void
string(struct schema_writer *writer, const char *text)
{
    raw(writer, "\"");
    for (const char *p = text; *p != '\0' && writer->rc == 0; p++) {
        if (*p == '"' || *p == '\\') {
            raw(writer, "\\");
        }
        writer->rc = writer->rc != 0 ? writer->rc : tide_buf_append_byte(writer->out, (uint8_t)*p);
    }
    raw(writer, "\"");
}

static void
line(struct schema_writer *writer)
{
    raw(writer, "\n");
    for (uint32_t i = 0; i < writer->indent; i++) {
        raw(writer, "  ");
    }
}

static void
key(struct schema_writer *writer, const char *name)
{
    raw(writer, writer->first ? "" : ",");
    writer->first = false;
    line(writer);
    string(writer, name);
    raw(writer, ": ");
}

static void
member(struct schema_writer *writer, const char *name, const char *value)
{
    key(writer, name);
    string(writer, value);
}

static void
member_raw(struct schema_writer *writer, const char *name, const char *json)
{
    key(writer, name);
    raw(writer, json);
}

static void
object_open(struct schema_writer *writer)
{
    raw(writer, "{");
    writer->indent++;
    writer->first = true;
}

static void
object_close(struct schema_writer *writer)
{
    TIDE_ASSERT(writer->indent > 0);
    writer->indent--;
    line(writer);
    raw(writer, "}");
    writer->first = false;
}

/* ---- values ---- */

static void
words(struct schema_writer *writer, const struct tide_key *row)
{
    raw(writer, "{\"enum\": [");
    for (const struct tide_word *word = row->words; word->name != NULL; word++) {
        raw(writer, word == row->words ? "" : ", ");
        string(writer, word->name);
    }
    raw(writer, "]}");
}

/* Words in any case, as a pattern: JSON Schema knows no flags. */
static void
words_any_case(struct schema_writer *writer, const struct tide_key *row)
{
    raw(writer, "{\"type\": \"string\", \"pattern\": \"^(");
    for (const struct tide_word *word = row->words; word->name != NULL; word++) {
        raw(writer, word == row->words ? "" : "|");
        for (const char *p = word->name; *p != '\0'; p++) {
            char both[5] = {'[', (char)toupper((unsigned char)*p), (char)tolower((unsigned char)*p),
                            ']', '\0'};
            raw(writer, both);
        }
    }
    raw(writer, ")$\"}");
}

static void
or_words(struct schema_writer *writer, const struct tide_key *row)
{
    if (row->words != NULL) {
        raw(writer, ", ");
        words(writer, row);
    }
}

static void
integer(struct schema_writer *writer, const struct tide_key *row)
{
    char text[128];
    snprintf(text, sizeof(text), "{\"type\": \"integer\", \"minimum\": %" PRId64 "", row->min);
    raw(writer, text);
    if (row->max < INT64_MAX) {
        snprintf(text, sizeof(text), ", \"maximum\": %" PRId64 "", row->max);
        raw(writer, text);
    }
    raw(writer, "}, {\"type\": \"string\", \"pattern\": \"^ *[0-9]+ *$\"}, " REFERENCE);
    or_words(writer, row);
}

static void
definition(struct schema_writer *writer, const struct tide_section *section)
{
    char text[128];
    snprintf(text, sizeof(text), "{\"$ref\": \"#/$defs/%s\"}", section->name);
    raw(writer, text);
}

static void
format_value(struct schema_writer *writer, const struct tide_key *row)
{
    words(writer, row);
    raw(writer, ", {\"type\": \"string\"}");
}

static void
named_value(struct schema_writer *writer, const struct tide_key *row)
{
    raw(writer, "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"^x-|" IDENTIFIER
                "\"}, \"patternProperties\": {\"^x-\": true, \"" IDENTIFIER "\": ");
    definition(writer, row->section);
    raw(writer, "}}");
}

static void
list_value(struct schema_writer *writer, const struct tide_key *row)
{
    raw(writer, "{\"type\": \"array\", \"items\": ");
    if ((row->flags & TIDE_KEY_TEXT_ITEM) != 0) {
        raw(writer, "{\"anyOf\": [{\"type\": \"string\"}, ");
        definition(writer, row->section);
        raw(writer, "]}");
    } else {
        definition(writer, row->section);
    }
    raw(writer, "}");
}

static void
section_value(struct schema_writer *writer, const struct tide_key *row)
{
    if (row->section == NULL) {
        raw(writer, "{\"type\": \"object\"}");
    } else {
        definition(writer, row->section);
    }
}

/* What is the same for all rows of a type, or NULL. */
static const char *
plain_value(enum tide_key_type type)
{
    static const char *const values[] = {
        [TIDE_KEY_TEXT] = TEXTS,
        [TIDE_KEY_NAME] = "{\"type\": \"string\", \"pattern\": \"" IDENTIFIER "\"}",
        [TIDE_KEY_PATH] = "{\"type\": \"string\"}",
        [TIDE_KEY_SHA256] =
            "{\"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f]{64}$\"}, " REFERENCE,
        [TIDE_KEY_VERSION] = "{\"const\": 1}",
        [TIDE_KEY_BOOL] = "{\"type\": \"boolean\"}, {\"enum\": [\"true\", \"false\"]}, " REFERENCE,
        [TIDE_KEY_TRUE] = "{\"const\": true}",
        [TIDE_KEY_FRACTION] =
            "{\"type\": \"number\", \"minimum\": 0, \"maximum\": 1}, {\"type\": \"string\"}",
        [TIDE_KEY_WORD_NAME] = "{\"type\": \"string\"}",
        [TIDE_KEY_SQL] = TEXTS,
        [TIDE_KEY_ITEMS] = TEXTS ", {\"type\": \"array\", \"items\": " TEXTS "}",
        [TIDE_KEY_STRINGS] = "{\"type\": \"array\", \"minItems\": 1, \"items\": " TEXTS "}",
        [TIDE_KEY_PAIRS] =
            "{\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": " TEXTS "}",
        [TIDE_KEY_BLOCKS] = "{\"type\": \"object\", \"additionalProperties\": {\"type\": "
                            "\"object\"}}",
        [TIDE_KEY_CORES] = "{\"type\": \"string\"}, {\"type\": \"integer\", \"minimum\": 0}, "
                           "{\"type\": \"array\", \"minItems\": 1, \"items\": {\"type\": "
                           "\"integer\", \"minimum\": 0}}",
        [TIDE_KEY_FROM] = "{\"type\": \"string\"}",
        [TIDE_KEY_FROMS] =
            "{\"type\": \"array\", \"minItems\": 1, \"items\": {\"type\": \"string\"}}",
        [TIDE_KEY_ANY] = "true",
    };
    return (size_t)type < sizeof(values) / sizeof(values[0]) ? values[type] : NULL;
}

/* The alternatives for a row's value, separated by commas. */
static void
alternatives(struct schema_writer *writer, const struct tide_key *row)
{
    const char *plain = plain_value(row->type);
    if (plain != NULL) {
        raw(writer, plain);
        return;
    }
    switch (row->type) {
    case TIDE_KEY_FORMAT:
        format_value(writer, row);
        break;
    case TIDE_KEY_INT:
        integer(writer, row);
        break;
    case TIDE_KEY_SIZE:
        raw(writer, "{\"type\": [\"string\", \"integer\"]}");
        break;
    case TIDE_KEY_DURATION:
    case TIDE_KEY_RATE:
        raw(writer, "{\"type\": \"string\"}");
        break;
    case TIDE_KEY_ENUM:
    case TIDE_KEY_FLAG:
        if ((row->flags & TIDE_KEY_ANY_CASE) != 0) {
            words_any_case(writer, row);
        } else {
            words(writer, row);
        }
        raw(writer, ", " REFERENCE);
        break;
    case TIDE_KEY_SETTINGS:
    case TIDE_KEY_MAP:
        section_value(writer, row);
        break;
    case TIDE_KEY_NAMED:
        named_value(writer, row);
        break;
    case TIDE_KEY_LIST:
        list_value(writer, row);
        break;
    case TIDE_KEY_SCHEMA:
    case TIDE_KEY_FILTER:
        raw(writer, TEXTS ", ");
        definition(writer, row->section);
        break;
    default:
        TIDE_UNREACHABLE("a row's type has no schema");
    }
}

static void
default_value(struct schema_writer *writer, const struct tide_key *row)
{
    bool number = row->fallback[strspn(row->fallback, "0123456789")] == '\0';
    bool bare = row->type == TIDE_KEY_BOOL || (row->type == TIDE_KEY_INT && number) ||
                row->type == TIDE_KEY_VERSION;
    key(writer, "default");
    if (bare) {
        raw(writer, row->fallback);
    } else {
        string(writer, row->fallback);
    }
}

static void
property(struct schema_writer *writer, const struct tide_section *section,
         const struct tide_key *row)
{
    bool verb = section->rule == TIDE_SECTION_ONE_VERB && row->verb != 0;
    key(writer, row->name);
    object_open(writer);
    member(writer, "description", row->doc);
    if ((row->flags & TIDE_KEY_NOT_BUILT) != 0) {
        member_raw(writer, "x-built", "false");
    }
    if (row->fallback != NULL) {
        default_value(writer, row);
    }
    key(writer, "anyOf");
    raw(writer, "[");
    alternatives(writer, row);
    raw(writer, verb ? "]" : ", {\"type\": \"null\"}]");
    object_close(writer);
}

/* Another spelling: of a shorthand the one entry, else the same value. */
static void
alias(struct schema_writer *writer, const struct tide_section *section, const struct tide_key *row)
{
    char text[160];
    key(writer, row->alias);
    if (row->type == TIDE_KEY_NAMED) {
        raw(writer, "{\"anyOf\": [");
        definition(writer, row->section);
        raw(writer, ", {\"type\": \"null\"}]}");
        return;
    }
    snprintf(text, sizeof(text), "{\"$ref\": \"#/$defs/%s/properties/%s\"}", section->name,
             row->name);
    raw(writer, text);
}

/* ---- sections ---- */

static void
properties(struct schema_writer *writer, const struct tide_section *section)
{
    key(writer, "properties");
    object_open(writer);
    for (uint32_t i = 0; i < section->count; i++) {
        property(writer, section, &section->keys[i]);
        if (section->keys[i].alias != NULL) {
            alias(writer, section, &section->keys[i]);
        }
    }
    object_close(writer);
}

static void
required(struct schema_writer *writer, const struct tide_section *section)
{
    bool first = true;
    for (uint32_t i = 0; i < section->count; i++) {
        if ((section->keys[i].flags & TIDE_KEY_REQUIRED) == 0) {
            continue;
        }
        if (first) {
            key(writer, "required");
        }
        raw(writer, first ? "[" : ", ");
        string(writer, section->keys[i].name);
        first = false;
    }
    raw(writer, first ? "" : "]");
}

static void
one_required(struct schema_writer *writer, const char *name, bool *first)
{
    raw(writer, *first ? "{\"required\": [" : ", {\"required\": [");
    string(writer, name);
    raw(writer, "]}");
    *first = false;
}

/* Exactly one of the section's keys, or of its verbs. */
static void
exactly_one(struct schema_writer *writer, const struct tide_section *section)
{
    bool first = true;
    if (section->rule == TIDE_SECTION_ANY_KEYS) {
        return;
    }
    key(writer, "oneOf");
    raw(writer, "[");
    for (uint32_t i = 0; i < section->count; i++) {
        const struct tide_key *row = &section->keys[i];
        if (section->rule == TIDE_SECTION_ONE_VERB && row->verb == 0) {
            continue;
        }
        one_required(writer, row->name, &first);
        if (row->alias != NULL) {
            one_required(writer, row->alias, &first);
        }
    }
    raw(writer, "]");
}

static void
section_body(struct schema_writer *writer, const struct tide_section *section)
{
    member(writer, "description", section->doc);
    member(writer, "type", "object");
    properties(writer, section);
    if (section != &tide_section_conf) {
        member_raw(writer, "patternProperties", "{\"^x-\": true}");
    }
    member_raw(writer, "additionalProperties", "false");
    required(writer, section);
    exactly_one(writer, section);
}

int
tide_schema_json_write(struct tide_buf *out)
{
    struct schema_writer writer = {.out = out};
    const struct tide_section *sections[TIDE_SECTIONS_MAX];
    uint32_t count = tide_sections_collect(sections);
    object_open(&writer);
    member(&writer, "$schema", "https://json-schema.org/draft/2020-12/schema");
    member(&writer, "title", "Tidemark pipeline");
    section_body(&writer, &tide_section_pipeline);
    key(&writer, "$defs");
    object_open(&writer);
    member_raw(&writer, "reference",
               "{\"type\": \"string\", \"pattern\": "
               "\"\\\\$\\\\{(env|file|cred|var):|\\\\$\\\\{dir\\\\}\"}");
    for (uint32_t i = 1; i < count; i++) {
        key(&writer, sections[i]->name);
        object_open(&writer);
        section_body(&writer, sections[i]);
        object_close(&writer);
    }
    object_close(&writer);
    object_close(&writer);
    raw(&writer, "\n");
    return writer.rc;
}
