/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder: its life, its options, and the modes for malformed records.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"
#include "codec/json_decoder.h"
#include "codec/json_index.h"

/* Longer records go to the scan at once: the index takes five times what it must be ready for. */
#define FAST_MAX (64u << 10)

/* Field look-up: chains stay short. */
#define BUCKETS_MIN 8u

/* ---- options ---- */

static const struct {
    const char *name;
    uint32_t allow;
} allow_options[] = {
    {"allowComments", TIDE_JSON_ALLOW_COMMENTS},
    {"allowUnquotedFieldNames", TIDE_JSON_ALLOW_UNQUOTED_NAMES},
    {"allowSingleQuotes", TIDE_JSON_ALLOW_SINGLE_QUOTES},
    {"allowNumericLeadingZeros", TIDE_JSON_ALLOW_LEADING_ZEROS},
    {"allowNonNumericNumbers", TIDE_JSON_ALLOW_NON_NUMERIC},
    {"allowBackslashEscapingAnyCharacter", TIDE_JSON_ALLOW_ANY_ESCAPE},
    {"allowUnquotedControlChars", TIDE_JSON_ALLOW_CONTROL_CHARS},
};

/* Spark's that change nothing here: they are for inferring a schema, for writing, or for reading
 * files, which somebody else does. */
static const char *const idle_options[] = {
    "primitivesAsString", "prefersDecimal",   "dropFieldIfAllNull",
    "samplingRatio",      "ignoreNullFields", "pretty",
    "compression",        "multiLine",        "lineSep",
    "encoding",           "charset",          "inferTimestamp",
};

static const char *const refused_options[] = {
    "locale", "timestampNTZFormat", "enableDateTimeParsingFallback", "singleVariantColumn",
    "writeNonAsciiCharacterAsCodePoint"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void
tide_json_options_init(struct tide_json_options *options)
{
    memset(options, 0, sizeof(*options));
    options->mode = TIDE_JSON_PERMISSIVE;
    options->allow = TIDE_JSON_ALLOW_SPARK;
    options->zone = tide_zone_utc();
    snprintf(options->corrupt_column, sizeof(options->corrupt_column), "_corrupt_record");
}

static int
set_mode(struct tide_json_options *options, const char *value, struct tide_error *err)
{
    static const char *const modes[] = {"PERMISSIVE", "FAILFAST", "DROPMALFORMED"};
    for (size_t i = 0; i < COUNT(modes); i++) {
        if (tide_text_equal_nocase(value, modes[i])) {
            options->mode = (enum tide_json_mode)i;
            return 0;
        }
    }
    return tide_error_set(err, TIDE_ERR_INVALID,
                          "mode \"%s\": it must be PERMISSIVE, FAILFAST or DROPMALFORMED", value);
}

static int
set_corrupt_column(struct tide_json_options *options, const char *value, struct tide_error *err)
{
    size_t n = strlen(value);
    if (n >= sizeof(options->corrupt_column)) {
        return tide_error_set(err, TIDE_ERR_INVALID, "columnNameOfCorruptRecord is too long");
    }
    memcpy(options->corrupt_column, value, n + 1);
    return 0;
}

/* One of the options that allow something. */
static int
set_allow(struct tide_json_options *options, uint32_t allow, const char *name, const char *value,
          struct tide_error *err)
{
    bool on;
    int rc = tide_parse_bool(value, &on, err);
    if (rc < 0) {
        return tide_error_prefix(err, "%s", name);
    }
    options->allow = on ? options->allow | allow : options->allow & ~allow;
    return 0;
}

int
tide_json_option_set(struct tide_json_options *options, const char *name, const char *value,
                     struct tide_error *err)
{
    for (size_t i = 0; i < COUNT(allow_options); i++) {
        if (tide_text_equal_nocase(name, allow_options[i].name)) {
            return set_allow(options, allow_options[i].allow, name, value, err);
        }
    }
    if (tide_text_equal_nocase(name, "mode")) {
        return set_mode(options, value, err);
    }
    if (tide_text_equal_nocase(name, "columnNameOfCorruptRecord")) {
        return set_corrupt_column(options, value, err);
    }
    for (size_t i = 0; i < COUNT(idle_options); i++) {
        if (tide_text_equal_nocase(name, idle_options[i])) {
            return 0;
        }
    }
    for (size_t i = 0; i < COUNT(refused_options); i++) {
        if (tide_text_equal_nocase(name, refused_options[i])) {
            return tide_error_set(err, TIDE_ERR_UNSUPPORTED,
                                  "the JSON option %s is not in this version", name);
        }
    }
    return tide_error_set(err, TIDE_ERR_NOTFOUND, "JSON has no option \"%s\"", name);
}

/* ---- making ---- */

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a JSON decoder");
}

/* Puts the fields of a STRUCT into buckets by name; of equal names the last counts. */
static int
make_buckets(struct tide_json_decoder *decoder, struct tide_json_node *node, struct tide_error *err)
{
    uint32_t n = BUCKETS_MIN;
    uint32_t *buckets, *chain;
    while (n < node->n_children * 2) {
        n *= 2;
    }
    buckets = tide_type_arena_alloc(&decoder->arena, n * sizeof(*buckets));
    chain = tide_type_arena_alloc(&decoder->arena, node->n_children * sizeof(*chain));
    if (buckets == NULL || chain == NULL) {
        return no_memory(err);
    }
    memset(buckets, 0xff, n * sizeof(*buckets));
    for (uint32_t i = 0; i < node->n_children; i++) {
        const struct tide_json_node *child = &node->children[i];
        uint32_t bucket =
            tide_json_name_hash((const uint8_t *)child->name, child->name_len) & (n - 1);
        chain[i] = UINT32_MAX;
        if (!child->closed) {
            chain[i] = buckets[bucket];
            buckets[bucket] = i;
        }
    }
    node->buckets = buckets;
    node->chain = chain;
    node->mask = n - 1;
    return 0;
}

static int
make_node(struct tide_json_decoder *decoder, struct tide_json_node *node,
          const struct tide_type *type, const char *name, struct tide_error *err)
{
    struct tide_json_node *children;
    int rc = 0;
    node->type = type;
    node->name = name;
    node->name_len = name != NULL ? (uint32_t)strlen(name) : 0;
    node->n_children = type->n_children;
    if (type->id == TIDE_TYPE_MAP && type->children[0].type.id != TIDE_TYPE_STRING) {
        return tide_error_set(err, TIDE_ERR_INVALID, "JSON maps can only have STRING keys");
    }
    if (type->id >= TIDE_TYPE_TIMESTAMP_NTZ && type->id <= TIDE_TYPE_INTERVAL_CALENDAR) {
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED, "JSON cannot hold the type %s",
                              tide_type_id_name(type->id));
    }
    children = tide_type_arena_alloc(&decoder->arena, type->n_children * sizeof(*children));
    if (children == NULL) {
        return no_memory(err);
    }
    node->children = children;
    for (uint32_t i = 0; rc == 0 && i < type->n_children; i++) {
        rc = make_node(decoder, &children[i], &type->children[i].type, type->children[i].name, err);
    }
    return rc;
}

/* Buckets of all structs below @node; the corrupt record's field is closed by now. */
static int
make_all_buckets(struct tide_json_decoder *decoder, struct tide_json_node *node,
                 struct tide_error *err)
{
    /* The children were allocated by make_node() for this decoder and are not yet shared. */
    struct tide_json_node *children = (struct tide_json_node *)(uintptr_t)node->children;
    int rc = node->type->id == TIDE_TYPE_STRUCT ? make_buckets(decoder, node, err) : 0;
    for (uint32_t i = 0; rc == 0 && i < node->n_children; i++) {
        rc = make_all_buckets(decoder, &children[i], err);
    }
    return rc;
}

/* Finds the field that takes malformed records. */
static int
find_corrupt(struct tide_json_decoder *decoder, struct tide_error *err)
{
    const char *name = decoder->options.corrupt_column;
    struct tide_json_node *children = (struct tide_json_node *)(uintptr_t)decoder->root.children;
    int32_t field;
    decoder->corrupt = UINT32_MAX;
    if (decoder->type.id != TIDE_TYPE_STRUCT) {
        return 0;
    }
    field = tide_fields_find(decoder->type.children, decoder->type.n_children, name, strlen(name),
                             true);
    if (field < 0) {
        return 0;
    }
    if (decoder->type.children[field].type.id != TIDE_TYPE_STRING) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "the field %s for corrupt records must be a STRING", name);
    }
    children[field].closed = true;
    decoder->corrupt = (uint32_t)field;
    return 0;
}

static int
make_type(struct tide_json_decoder *decoder, const struct tide_type *type, struct tide_error *err)
{
    int rc;
    if (!tide_type_is_nested(type)) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "JSON records are a struct, an array or a map, not %s",
                              tide_type_id_name(type->id));
    }
    rc = tide_type_copy(&decoder->arena, type, &decoder->type, err);
    if (rc == 0) {
        rc = make_node(decoder, &decoder->root, &decoder->type, NULL, err);
    }
    if (rc == 0) {
        rc = find_corrupt(decoder, err);
    }
    return rc < 0 ? rc : make_all_buckets(decoder, &decoder->root, err);
}

int
tide_json_decoder_create(const struct tide_seam *seam, const struct tide_type *type,
                         const struct tide_json_options *options, uint32_t record_max,
                         struct tide_json_decoder **out, struct tide_error *err)
{
    uint32_t fast_max = record_max < FAST_MAX ? record_max : FAST_MAX;
    struct tide_json_decoder *decoder = tide_alloc(seam, sizeof(*decoder));
    int rc;
    TIDE_ASSERT(options->zone != NULL);
    if (decoder == NULL) {
        return no_memory(err);
    }
    decoder->seam = seam;
    decoder->options = *options;
    decoder->record_max = record_max;
    tide_type_arena_init(&decoder->arena, seam);
    rc = make_type(decoder, type, err);
    if (rc == 0) {
        decoder->index = tide_json_index_create(fast_max);
        decoder->padded = tide_alloc(seam, (size_t)fast_max + TIDE_JSON_INDEX_PADDING);
        decoder->scratch = tide_alloc(seam, (size_t)record_max + 1);
        if (decoder->index == NULL || decoder->padded == NULL || decoder->scratch == NULL) {
            rc = no_memory(err);
        }
    }
    if (rc < 0) {
        tide_json_decoder_destroy(decoder);
        return rc;
    }
    *out = decoder;
    return 0;
}

void
tide_json_decoder_destroy(struct tide_json_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    tide_json_index_destroy(decoder->index);
    tide_free(decoder->seam, decoder->padded);
    tide_free(decoder->seam, decoder->scratch);
    tide_free(decoder->seam, decoder->cells);
    tide_type_arena_fini(&decoder->arena);
    tide_free(decoder->seam, decoder);
}

/* ---- decoding ---- */

/* The fast reader first; what it read before a RETRY is taken back. */
static enum tide_json_step
read_fast(struct tide_json_decoder *decoder, struct tide_bytes record)
{
    uint32_t heap_len = decoder->writer->heap_len;
    uint32_t base;
    enum tide_json_step step;
    if (decoder->type.id != TIDE_TYPE_STRUCT || record.n == 0 || record.n > FAST_MAX) {
        return TIDE_JSON_STEP_RETRY;
    }
    memcpy(decoder->padded, record.p, record.n);
    memset(decoder->padded + record.n, ' ', TIDE_JSON_INDEX_PADDING);
    step = tide_json_open(decoder, decoder->root.n_children, &base);
    if (step == TIDE_JSON_STEP_OK) {
        step = tide_json_fast_read(decoder, decoder->padded, record.n, base);
    }
    if (step == TIDE_JSON_STEP_RETRY) {
        decoder->writer->heap_len = heap_len;
        decoder->bad = false;
        tide_json_drop(decoder, 0);
    }
    return step;
}

/* After a record without any part to keep: one row, all NULL; no value where the type has no rows.
 */
static enum tide_json_step
keep_nothing(struct tide_json_decoder *decoder)
{
    uint32_t base;
    tide_json_drop(decoder, 0);
    decoder->rows = decoder->type.id == TIDE_TYPE_STRUCT ? 1 : 0;
    return decoder->rows == 0 ? TIDE_JSON_STEP_OK
                              : tide_json_open(decoder, decoder->root.n_children, &base);
}

/* The text of a malformed record into the field that is for it, of every row. */
static enum tide_json_step
keep_record(struct tide_json_decoder *decoder, struct tide_bytes record)
{
    uint32_t n = decoder->root.n_children;
    enum tide_json_step step;
    if (decoder->corrupt == UINT32_MAX || decoder->rows == 0) {
        return TIDE_JSON_STEP_OK;
    }
    step = tide_json_put_text(decoder, record, decoder->corrupt);
    for (uint32_t row = 1; step == TIDE_JSON_STEP_OK && row < decoder->rows; row++) {
        decoder->cells[row * n + decoder->corrupt] = decoder->cells[decoder->corrupt];
    }
    return step;
}

static enum tide_json_step
read_record(struct tide_json_decoder *decoder, struct tide_bytes record, bool *out_empty)
{
    enum tide_json_step step;
    *out_empty = false;
    if (record.n > decoder->record_max) {
        decoder->bad = true;
        snprintf(decoder->reason, sizeof(decoder->reason),
                 "the record has %u bytes, more than the %u allowed", record.n,
                 decoder->record_max);
        return TIDE_JSON_STEP_LEX;
    }
    decoder->rows = 1;
    step = read_fast(decoder, record);
    if (step == TIDE_JSON_STEP_RETRY) {
        step = tide_json_slow_read(decoder, record, &decoder->rows, out_empty);
    }
    return step;
}

/* How a decode that went wrong, or was malformed, ends. */
static enum tide_json_result
end_malformed(struct tide_json_decoder *decoder, struct tide_bytes record)
{
    enum tide_json_step step;
    if (decoder->options.mode != TIDE_JSON_PERMISSIVE) {
        return decoder->options.mode == TIDE_JSON_FAILFAST ? TIDE_JSON_FAIL : TIDE_JSON_DROP;
    }
    step = keep_record(decoder, record);
    return step == TIDE_JSON_STEP_FULL ? TIDE_JSON_FULL
           : decoder->rows == 0        ? TIDE_JSON_NULL
                                       : TIDE_JSON_OK;
}

/* One record into the cells. */
static enum tide_json_result
decode(struct tide_json_decoder *decoder, struct tide_bytes record, struct tide_writer *writer)
{
    enum tide_json_step step;
    bool empty;
    decoder->writer = writer;
    decoder->bad = false;
    decoder->n_cells = 0;
    step = read_record(decoder, record, &empty);
    if (empty) {
        return TIDE_JSON_NULL;
    }
    if (step == TIDE_JSON_STEP_BAD || step == TIDE_JSON_STEP_LEX) {
        step = keep_nothing(decoder);
    }
    if (step != TIDE_JSON_STEP_OK) {
        return step == TIDE_JSON_STEP_FULL ? TIDE_JSON_FULL : TIDE_JSON_NOMEM;
    }
    return decoder->bad ? end_malformed(decoder, record) : TIDE_JSON_OK;
}

enum tide_json_result
tide_json_decode(struct tide_json_decoder *decoder, struct tide_bytes record,
                 struct tide_writer *writer, struct tide_ref *out)
{
    enum tide_json_result result = decode(decoder, record, writer);
    struct tide_ref made;
    TIDE_ASSERT(!decoder->options.array_as_rows);
    if (result != TIDE_JSON_OK) {
        return result;
    }
    if (decoder->type.id != TIDE_TYPE_STRUCT) {
        *out = decoder->cells[0].ref;
        return TIDE_JSON_OK;
    }
    if (!tide_build_struct(writer, &decoder->type, decoder->cells, &made)) {
        return TIDE_JSON_FULL;
    }
    *out = made;
    return TIDE_JSON_OK;
}

enum tide_json_result
tide_json_decode_rows(struct tide_json_decoder *decoder, struct tide_bytes record,
                      struct tide_writer *writer, uint32_t *out_rows)
{
    enum tide_json_result result = decode(decoder, record, writer);
    TIDE_ASSERT(decoder->type.id == TIDE_TYPE_STRUCT);
    if (result == TIDE_JSON_OK) {
        *out_rows = decoder->rows;
    }
    return result;
}

void
tide_json_row(const struct tide_json_decoder *decoder, uint32_t i, const struct tide_schema *schema,
              uint8_t *slot, uint32_t first_field)
{
    uint32_t n = decoder->root.n_children;
    TIDE_ASSERT(i < decoder->rows);
    for (uint32_t f = 0; f < n; f++) {
        tide_slot_set_cell(schema, slot, first_field + f, &decoder->cells[i * n + f]);
    }
}

bool
tide_json_malformed(const struct tide_json_decoder *decoder)
{
    return decoder->bad;
}

const char *
tide_json_reason(const struct tide_json_decoder *decoder)
{
    return decoder->bad ? decoder->reason : "";
}
