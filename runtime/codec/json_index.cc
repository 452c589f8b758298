/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simdjson's first stage behind a C face: validates UTF-8 and the quotes, and finds where tokens
 * begin. The walk over the tokens is ours (json_fast.c): On-Demand, simdjson's own, does not check
 * what it skips, and having it visit everything costs twice as much.
 *
 * No exception crosses: stage 1 and allocation answer with codes, and so does the only `new` here.
 */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <memory>
#include <new>

#include "codec/json_index.h"

static_assert(TIDE_JSON_INDEX_PADDING >= simdjson::SIMDJSON_PADDING, "room for simdjson's reads");

struct tide_json_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

struct tide_json_index *
tide_json_index_create(uint32_t text_max)
{
    tide_json_index *index = new (std::nothrow) tide_json_index();
    if (index != nullptr && simdjson::get_active_implementation()->create_dom_parser_implementation(
                                text_max, 1, index->parser) != simdjson::SUCCESS) {
        delete index;
        index = nullptr;
    }
    return index;
}

void
tide_json_index_destroy(struct tide_json_index *index)
{
    delete index;
}

const uint32_t *
tide_json_index_make(struct tide_json_index *index, const uint8_t *text, uint32_t n,
                     uint32_t *out_count)
{
    if (index->parser->stage1(text, n, simdjson::stage1_mode::regular) != simdjson::SUCCESS) {
        return nullptr;
    }
    *out_count = index->parser->n_structural_indexes;
    /* Stage 1 makes room for more than this behind the last one. */
    index->parser->structural_indexes[*out_count] = n;
    return index->parser->structural_indexes.get();
}
