/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan's reader: Spark's JacksonParser token by token, with all it lets pass.
 *
 * Spark reads a stream of tokens and, where a value has the wrong kind, goes on from where it
 * stands: an element that cannot be converted leaves it in the middle of its array, and the fields
 * of the object around it are then looked for among what is left there. Records like that are rare;
 * here they give the same values, because the same loops run over the same tokens.
 */
#include "codec/json_decoder.h"

#include <stdio.h>

static enum tide_json_step read_value(struct tide_json_decoder *decoder,
                                      struct tide_json_scan *scan,
                                      const struct tide_json_node *node, uint32_t index);

/* The present token as written. */
static struct tide_bytes
raw_of(const struct tide_json_scan *scan)
{
    return (struct tide_bytes){scan->text + scan->span.at, scan->span.end - scan->span.at};
}

/* The field that the scan's current name belongs to, or UINT32_MAX. */
static uint32_t
current_field(struct tide_json_scan *scan, const struct tide_json_node *node, uint32_t hint)
{
    struct tide_bytes name = tide_json_scan_name(scan);
    return name.p == NULL ? UINT32_MAX : tide_json_field(node, name.p, name.n, hint);
}

/* One field of an object: BAD ones stay NULL and are remembered. */
static enum tide_json_step
read_field(struct tide_json_decoder *decoder, struct tide_json_scan *scan,
           const struct tide_json_node *node, uint32_t field, uint32_t base)
{
    uint32_t top = decoder->n_cells;
    enum tide_json_step step;
    if (scan->token == TIDE_JSON_TOKEN_NAME && tide_json_scan_next(scan) == TIDE_JSON_TOKEN_ERROR) {
        return TIDE_JSON_STEP_LEX;
    }
    step = read_value(decoder, scan, &node->children[field], base + field);
    if (step == TIDE_JSON_STEP_BAD) {
        tide_json_drop(decoder, top);
        tide_json_note_bad(decoder, &node->children[field], raw_of(scan));
        step = tide_json_scan_skip(scan) ? TIDE_JSON_STEP_OK : TIDE_JSON_STEP_LEX;
    }
    return step;
}

/* Behind OBJECT: the fields into cells from @base on, up to the next OBJECT_END. */
static enum tide_json_step
read_fields(struct tide_json_decoder *decoder, struct tide_json_scan *scan,
            const struct tide_json_node *node, uint32_t base)
{
    uint32_t field = UINT32_MAX;
    for (;;) {
        enum tide_json_token token = tide_json_scan_next(scan);
        enum tide_json_step step = TIDE_JSON_STEP_OK;
        if (token == TIDE_JSON_TOKEN_ERROR) {
            return TIDE_JSON_STEP_LEX;
        }
        if (token == TIDE_JSON_TOKEN_OBJECT_END || token == TIDE_JSON_TOKEN_NONE) {
            return TIDE_JSON_STEP_OK;
        }
        field = current_field(scan, node, field + 1);
        if (field != UINT32_MAX) {
            step = read_field(decoder, scan, node, field, base);
        } else if (!tide_json_scan_skip(scan)) {
            step = TIDE_JSON_STEP_LEX;
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    }
}

static enum tide_json_step
read_struct(struct tide_json_decoder *decoder, struct tide_json_scan *scan,
            const struct tide_json_node *node, uint32_t index)
{
    uint32_t base;
    enum tide_json_step step = tide_json_open(decoder, node->n_children, &base);
    if (step == TIDE_JSON_STEP_OK) {
        step = read_fields(decoder, scan, node, base);
    }
    return step == TIDE_JSON_STEP_OK ? tide_json_end(decoder, node, base, index) : step;
}

static enum tide_json_step
read_array(struct tide_json_decoder *decoder, struct tide_json_scan *scan,
           const struct tide_json_node *node, uint32_t index)
{
    uint32_t base = decoder->n_cells;
    for (;;) {
        enum tide_json_token token = tide_json_scan_next(scan);
        enum tide_json_step step;
        uint32_t element;
        if (token == TIDE_JSON_TOKEN_ERROR) {
            return TIDE_JSON_STEP_LEX;
        }
        if (token == TIDE_JSON_TOKEN_ARRAY_END || token == TIDE_JSON_TOKEN_NONE) {
            return tide_json_end(decoder, node, base, index);
        }
        step = tide_json_open(decoder, 1, &element);
        if (step == TIDE_JSON_STEP_OK) {
            step = read_value(decoder, scan, &node->children[0], element);
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    }
}

static enum tide_json_step
read_map(struct tide_json_decoder *decoder, struct tide_json_scan *scan,
         const struct tide_json_node *node, uint32_t index)
{
    uint32_t base = decoder->n_cells;
    for (;;) {
        enum tide_json_token token = tide_json_scan_next(scan);
        enum tide_json_step step;
        struct tide_bytes key;
        uint32_t entry;
        if (token == TIDE_JSON_TOKEN_ERROR) {
            return TIDE_JSON_STEP_LEX;
        }
        if (token == TIDE_JSON_TOKEN_OBJECT_END || token == TIDE_JSON_TOKEN_NONE) {
            return tide_json_end(decoder, node, base, index);
        }
        key = tide_json_scan_name(scan);
        if (key.p == NULL) {
            return TIDE_JSON_STEP_BAD;
        }
        step = tide_json_open(decoder, 2, &entry);
        if (step == TIDE_JSON_STEP_OK) {
            step = tide_json_put_text(decoder, key, entry);
        }
        if (step == TIDE_JSON_STEP_OK) {
            step = read_value(decoder, scan, &node->children[1], entry + 1);
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    }
}

/* An object or array kept as text, as written or as Jackson writes it again. */
static enum tide_json_step
read_as_text(struct tide_json_decoder *decoder, struct tide_json_scan *scan, uint32_t index)
{
    struct tide_json_scan again = *scan;
    uint32_t start = scan->span.at;
    struct tide_chars chars = {0};
    uint32_t at;
    if (decoder->options.exact_strings) {
        if (!tide_json_scan_skip(scan)) {
            return TIDE_JSON_STEP_LEX;
        }
        return tide_json_put_text(
            decoder, (struct tide_bytes){scan->text + start, scan->span.end - start}, index);
    }
    /* Twice: to measure, then to write. */
    if (!tide_json_scan_copy(&again, &chars)) {
        *scan = again;
        return TIDE_JSON_STEP_LEX;
    }
    chars = (struct tide_chars){.max = chars.n};
    chars.p = (char *)tide_writer_heap(decoder->writer, chars.max, 1, &at);
    if (chars.p == NULL) {
        return TIDE_JSON_STEP_FULL;
    }
    tide_json_scan_copy(scan, &chars);
    decoder->cells[index] = (struct tide_cell){.ref = {at, chars.n}};
    return TIDE_JSON_STEP_OK;
}

/* The value at the present token, or behind it where that is a name. */
static enum tide_json_step
read_value(struct tide_json_decoder *decoder, struct tide_json_scan *scan,
           const struct tide_json_node *node, uint32_t index)
{
    enum tide_json_token token = scan->token;
    if (token == TIDE_JSON_TOKEN_NAME) {
        token = tide_json_scan_next(scan);
    }
    switch (token) {
    case TIDE_JSON_TOKEN_ERROR:
        return TIDE_JSON_STEP_LEX;
    case TIDE_JSON_TOKEN_OBJECT:
    case TIDE_JSON_TOKEN_ARRAY:
        break;
    case TIDE_JSON_TOKEN_NONE:
    case TIDE_JSON_TOKEN_OBJECT_END:
    case TIDE_JSON_TOKEN_ARRAY_END:
        return TIDE_JSON_STEP_BAD;
    default:
        return tide_json_put(decoder, node, token, scan->value, raw_of(scan), index);
    }
    switch (node->type->id) {
    case TIDE_TYPE_STRING:
        return read_as_text(decoder, scan, index);
    case TIDE_TYPE_STRUCT:
        return token == TIDE_JSON_TOKEN_OBJECT ? read_struct(decoder, scan, node, index)
                                               : TIDE_JSON_STEP_BAD;
    case TIDE_TYPE_MAP:
        return token == TIDE_JSON_TOKEN_OBJECT ? read_map(decoder, scan, node, index)
                                               : TIDE_JSON_STEP_BAD;
    case TIDE_TYPE_ARRAY:
        return token == TIDE_JSON_TOKEN_ARRAY ? read_array(decoder, scan, node, index)
                                              : TIDE_JSON_STEP_BAD;
    default:
        return TIDE_JSON_STEP_BAD;
    }
}

/* A top-level array whose elements are rows. */
static enum tide_json_step
read_rows(struct tide_json_decoder *decoder, struct tide_json_scan *scan, uint32_t *out_rows)
{
    const struct tide_json_node *root = &decoder->root;
    uint32_t rows = 0;
    for (;;) {
        enum tide_json_token token = tide_json_scan_next(scan);
        enum tide_json_step step;
        uint32_t base;
        if (token == TIDE_JSON_TOKEN_ARRAY_END) {
            *out_rows = rows;
            return TIDE_JSON_STEP_OK;
        }
        if (token != TIDE_JSON_TOKEN_OBJECT) {
            return token == TIDE_JSON_TOKEN_ERROR ? TIDE_JSON_STEP_LEX : TIDE_JSON_STEP_BAD;
        }
        step = tide_json_open(decoder, root->n_children, &base);
        if (step == TIDE_JSON_STEP_OK) {
            step = read_fields(decoder, scan, root, base);
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
        rows++;
    }
}

/* A top-level object where the type is an array of structs: its only element. */
static enum tide_json_step
read_single_element(struct tide_json_decoder *decoder, struct tide_json_scan *scan)
{
    uint32_t element;
    enum tide_json_step step = tide_json_open(decoder, 1, &element);
    if (step == TIDE_JSON_STEP_OK) {
        step = read_struct(decoder, scan, &decoder->root.children[0], element);
    }
    return step == TIDE_JSON_STEP_OK ? tide_json_end(decoder, &decoder->root, element, 0) : step;
}

static enum tide_json_step
read_root(struct tide_json_decoder *decoder, struct tide_json_scan *scan, uint32_t *out_rows)
{
    const struct tide_json_node *root = &decoder->root;
    bool rows = root->type->id == TIDE_TYPE_STRUCT;
    uint32_t base;
    enum tide_json_step step;
    if (rows && scan->token == TIDE_JSON_TOKEN_ARRAY && decoder->options.array_as_rows) {
        return read_rows(decoder, scan, out_rows);
    }
    if (rows && scan->token != TIDE_JSON_TOKEN_OBJECT) {
        return TIDE_JSON_STEP_BAD;
    }
    step = tide_json_open(decoder, rows ? root->n_children : 1, &base);
    if (step != TIDE_JSON_STEP_OK) {
        return step;
    }
    *out_rows = 1;
    if (rows) {
        return read_fields(decoder, scan, root, base);
    }
    if (root->type->id == TIDE_TYPE_ARRAY && scan->token == TIDE_JSON_TOKEN_OBJECT &&
        root->type->children[0].type.id == TIDE_TYPE_STRUCT) {
        return read_single_element(decoder, scan);
    }
    /* NULL at the top is no value, and malformed. */
    return scan->token == TIDE_JSON_TOKEN_NULL ? TIDE_JSON_STEP_BAD
                                               : read_value(decoder, scan, root, base);
}

enum tide_json_step
tide_json_slow_read(struct tide_json_decoder *decoder, struct tide_bytes record, uint32_t *out_rows,
                    bool *out_empty)
{
    struct tide_json_scan scan;
    enum tide_json_step step;
    enum tide_json_token token;
    tide_json_scan_init(&scan, record, decoder->options.allow, decoder->scratch,
                        decoder->record_max);
    token = tide_json_scan_next(&scan);
    *out_empty = token == TIDE_JSON_TOKEN_NONE;
    if (*out_empty) {
        return TIDE_JSON_STEP_OK;
    }
    step =
        token == TIDE_JSON_TOKEN_ERROR ? TIDE_JSON_STEP_LEX : read_root(decoder, &scan, out_rows);
    if (step == TIDE_JSON_STEP_LEX) {
        decoder->bad = true;
        snprintf(decoder->reason, sizeof(decoder->reason), "not JSON at byte %u: %s", scan.error_at,
                 scan.error);
    } else if (step == TIDE_JSON_STEP_BAD) {
        tide_json_note_bad(decoder, &decoder->root, raw_of(&scan));
    }
    return step;
}
