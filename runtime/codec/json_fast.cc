/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simdjson's reader, the way of almost every record: On-Demand, over a padded copy, straight into
 * the cells.
 *
 * On-Demand checks only what it is asked for, but invariant 2 of codec/json.h wants all of a record
 * checked: fields that the type does not have are walked too. Whatever is not a plain success is
 * RETRY, and the scan, which knows all of Spark's rules, reads the record again; so this file needs
 * no rule for malformed records. No exception is thrown (SIMDJSON_EXCEPTIONS=0).
 */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstring>
#include <new>
#include <string_view>

/* The C headers use compound literals, which g++ takes as an extension. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include "codec/json_sink.h"
#pragma GCC diagnostic pop

namespace ondemand = simdjson::ondemand;

static_assert(TIDE_JSON_FAST_PADDING >= simdjson::SIMDJSON_PADDING, "room for simdjson's reads");

struct tide_json_fast {
    ondemand::parser parser;
};

namespace
{

/* A record on the way. */
struct reader {
    tide_json_decoder *decoder;
    const char *end; /* of the record */
};

tide_json_step read_value(reader &r, const tide_json_node *node, ondemand::value value,
                          uint32_t index, uint32_t depth);
bool check_value(ondemand::value value, uint32_t depth);

tide_bytes
bytes_of(std::string_view text)
{
    return tide_bytes{text.data(), static_cast<uint32_t>(text.size())};
}

/* The token without the white space behind it. */
std::string_view
trim(std::string_view token)
{
    while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\t' ||
                              token.back() == '\r')) {
        token.remove_suffix(1);
    }
    return token;
}

size_t
digits(std::string_view token, size_t at)
{
    while (at < token.size() && token[at] >= '0' && token[at] <= '9') {
        at++;
    }
    return at;
}

/* What kind of number the token is; ERROR: none. */
tide_json_token
number_kind(std::string_view token)
{
    size_t start = token[0] == '-' ? 1 : 0;
    size_t at = digits(token, start);
    tide_json_token kind = TIDE_JSON_TOKEN_INT;
    if (at == start || (at - start > 1 && token[start] == '0')) {
        return TIDE_JSON_TOKEN_ERROR;
    }
    if (at < token.size() && token[at] == '.') {
        size_t part = at + 1;
        at = digits(token, part);
        kind = at > part ? TIDE_JSON_TOKEN_FLOAT : TIDE_JSON_TOKEN_ERROR;
    }
    if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
        size_t part = at + 1;
        part += part < token.size() && (token[part] == '-' || token[part] == '+') ? 1 : 0;
        at = digits(token, part);
        kind = at > part && kind != TIDE_JSON_TOKEN_ERROR ? TIDE_JSON_TOKEN_FLOAT
                                                          : TIDE_JSON_TOKEN_ERROR;
    }
    return at == token.size() ? kind : TIDE_JSON_TOKEN_ERROR;
}

/* The kind of a token that is neither a text nor nested; ERROR: none. */
tide_json_token
plain_kind(std::string_view token)
{
    switch (token[0]) {
    case 't':
        return token == "true" ? TIDE_JSON_TOKEN_TRUE : TIDE_JSON_TOKEN_ERROR;
    case 'f':
        return token == "false" ? TIDE_JSON_TOKEN_FALSE : TIDE_JSON_TOKEN_ERROR;
    case 'n':
        return token == "null" ? TIDE_JSON_TOKEN_NULL : TIDE_JSON_TOKEN_ERROR;
    default:
        return number_kind(token);
    }
}

/* The name of a field, unescaped; false: let the scan read it. */
bool
name_of(const reader &r, ondemand::field &field, std::string_view *out)
{
    const char *p = field.key().raw();
    const void *quote = std::memchr(p, '"', static_cast<size_t>(r.end - p));
    if (quote == nullptr) {
        return false;
    }
    std::string_view raw(p, static_cast<size_t>(static_cast<const char *>(quote) - p));
    if (std::memchr(raw.data(), '\\', raw.size()) == nullptr) {
        *out = raw;
        return true;
    }
    return field.unescaped_key().get(*out) == simdjson::SUCCESS;
}

/* Walks an object whose fields nobody wants. */
bool
check_object(ondemand::value value, uint32_t depth)
{
    ondemand::object object;
    if (value.get_object().get(object)) {
        return false;
    }
    for (auto item : object) {
        ondemand::field field;
        std::string_view name;
        if (std::move(item).get(field) || field.unescaped_key().get(name) ||
            !check_value(field.value(), depth)) {
            return false;
        }
    }
    return true;
}

bool
check_array(ondemand::value value, uint32_t depth)
{
    ondemand::array array;
    if (value.get_array().get(array)) {
        return false;
    }
    for (auto item : array) {
        ondemand::value element;
        if (std::move(item).get(element) || !check_value(element, depth)) {
            return false;
        }
    }
    return true;
}

/* Whether a value that nobody wants is well-formed all the same. */
bool
check_value(ondemand::value value, uint32_t depth)
{
    std::string_view token = value.raw_json_token();
    if (depth == TIDE_LIMIT_JSON_DEPTH) {
        return false;
    }
    switch (token[0]) {
    case '{':
        return check_object(value, depth + 1);
    case '[':
        return check_array(value, depth + 1);
    case '"':
        /* Stage 1 has looked at all but the escapes. */
        return std::memchr(token.data(), '\\', token.size()) == nullptr ||
               value.get_string().error() == simdjson::SUCCESS;
    default:
        return plain_kind(trim(token)) != TIDE_JSON_TOKEN_ERROR;
    }
}

/* A token that is neither nested nor, inside the record's objects, of the wrong kind. */
tide_json_step
read_plain(reader &r, const tide_json_node *node, ondemand::value value, std::string_view token,
           uint32_t index)
{
    tide_json_token kind = TIDE_JSON_TOKEN_STRING;
    std::string_view text = trim(token);
    std::string_view raw = text;
    if (token[0] == '"') {
        if (value.get_string().get(text)) {
            return TIDE_JSON_STEP_RETRY;
        }
    } else {
        kind = plain_kind(text);
        if (kind == TIDE_JSON_TOKEN_ERROR) {
            return TIDE_JSON_STEP_RETRY;
        }
    }
    return tide_json_put(r.decoder, node, kind, bytes_of(text), bytes_of(raw), index);
}

/* The fields of an object into the cells from @base on. */
tide_json_step
read_fields(reader &r, const tide_json_node *node, ondemand::object object, uint32_t base,
            uint32_t depth)
{
    uint32_t next = 0;
    for (auto item : object) {
        ondemand::field field;
        std::string_view name;
        if (std::move(item).get(field) || !name_of(r, field, &name)) {
            return TIDE_JSON_STEP_RETRY;
        }
        ondemand::value value = field.value();
        uint32_t i = tide_json_field(node, reinterpret_cast<const uint8_t *>(name.data()),
                                     static_cast<uint32_t>(name.size()), next);
        if (i == UINT32_MAX) {
            if (!check_value(value, depth)) {
                return TIDE_JSON_STEP_RETRY;
            }
            continue;
        }
        next = i + 1;
        tide_json_step step = read_value(r, &node->children[i], value, base + i, depth);
        if (step == TIDE_JSON_STEP_BAD) {
            tide_json_note_bad(r.decoder, &node->children[i],
                               bytes_of(trim(value.raw_json_token())));
        } else if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    }
    return TIDE_JSON_STEP_OK;
}

tide_json_step
read_struct(reader &r, const tide_json_node *node, ondemand::value value, uint32_t index,
            uint32_t depth)
{
    ondemand::object object;
    uint32_t base;
    if (value.get_object().get(object)) {
        return TIDE_JSON_STEP_RETRY;
    }
    tide_json_step step = tide_json_open(r.decoder, node->n_children, &base);
    if (step == TIDE_JSON_STEP_OK) {
        step = read_fields(r, node, object, base, depth);
    }
    return step == TIDE_JSON_STEP_OK ? tide_json_end(r.decoder, node, base, index) : step;
}

/* An element of the wrong kind leaves Spark somewhere inside: that is the scan's. */
tide_json_step
not_bad(tide_json_step step)
{
    return step == TIDE_JSON_STEP_BAD ? TIDE_JSON_STEP_RETRY : step;
}

tide_json_step
read_array(reader &r, const tide_json_node *node, ondemand::value value, uint32_t index,
           uint32_t depth)
{
    ondemand::array array;
    uint32_t base;
    tide_json_step step = tide_json_open(r.decoder, 0, &base);
    if (step != TIDE_JSON_STEP_OK || value.get_array().get(array)) {
        return step != TIDE_JSON_STEP_OK ? step : TIDE_JSON_STEP_RETRY;
    }
    for (auto item : array) {
        ondemand::value element;
        uint32_t at;
        if (std::move(item).get(element)) {
            return TIDE_JSON_STEP_RETRY;
        }
        step = tide_json_open(r.decoder, 1, &at);
        if (step == TIDE_JSON_STEP_OK) {
            step = not_bad(read_value(r, &node->children[0], element, at, depth));
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    }
    return tide_json_end(r.decoder, node, base, index);
}

tide_json_step
read_map(reader &r, const tide_json_node *node, ondemand::value value, uint32_t index,
         uint32_t depth)
{
    ondemand::object object;
    uint32_t base;
    tide_json_step step = tide_json_open(r.decoder, 0, &base);
    if (step != TIDE_JSON_STEP_OK || value.get_object().get(object)) {
        return step != TIDE_JSON_STEP_OK ? step : TIDE_JSON_STEP_RETRY;
    }
    for (auto item : object) {
        ondemand::field field;
        std::string_view name;
        uint32_t at;
        if (std::move(item).get(field) || !name_of(r, field, &name)) {
            return TIDE_JSON_STEP_RETRY;
        }
        step = tide_json_open(r.decoder, 2, &at);
        if (step == TIDE_JSON_STEP_OK) {
            step = tide_json_put_text(r.decoder, bytes_of(name), at);
        }
        if (step == TIDE_JSON_STEP_OK) {
            step = not_bad(read_value(r, &node->children[1], field.value(), at + 1, depth));
        }
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    }
    return tide_json_end(r.decoder, node, base, index);
}

/* Nested values of the wrong kind, and those kept as text, are the scan's. */
tide_json_step
read_value(reader &r, const tide_json_node *node, ondemand::value value, uint32_t index,
           uint32_t depth)
{
    std::string_view token = value.raw_json_token();
    if (depth == TIDE_LIMIT_JSON_DEPTH) {
        return TIDE_JSON_STEP_RETRY;
    }
    if (token[0] == '{' && node->type->id == TIDE_TYPE_STRUCT) {
        return read_struct(r, node, value, index, depth + 1);
    }
    if (token[0] == '{' && node->type->id == TIDE_TYPE_MAP) {
        return read_map(r, node, value, index, depth + 1);
    }
    if (token[0] == '[' && node->type->id == TIDE_TYPE_ARRAY) {
        return read_array(r, node, value, index, depth + 1);
    }
    if (token[0] == '{' || token[0] == '[') {
        return TIDE_JSON_STEP_RETRY;
    }
    return read_plain(r, node, value, token, index);
}

} // namespace

struct tide_json_fast *
tide_json_fast_create(uint32_t record_max)
{
    tide_json_fast *fast = new (std::nothrow) tide_json_fast();
    if (fast != nullptr &&
        fast->parser.allocate(record_max, TIDE_LIMIT_JSON_DEPTH + 2) != simdjson::SUCCESS) {
        delete fast;
        fast = nullptr;
    }
    return fast;
}

void
tide_json_fast_destroy(struct tide_json_fast *fast)
{
    delete fast;
}

enum tide_json_step
tide_json_fast_read(struct tide_json_fast *fast, struct tide_json_decoder *decoder,
                    const struct tide_json_node *root, const uint8_t *text, uint32_t n,
                    uint32_t base)
{
    ondemand::document document;
    ondemand::object object;
    reader r = {decoder, reinterpret_cast<const char *>(text) + n};
    if (fast->parser.iterate(reinterpret_cast<const char *>(text), n, n + TIDE_JSON_FAST_PADDING)
            .get(document) ||
        document.get_object().get(object)) {
        return TIDE_JSON_STEP_RETRY;
    }
    return read_fields(r, root, object, base, 1);
}
