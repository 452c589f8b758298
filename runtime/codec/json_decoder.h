/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a JSON decoder, shared by the files that make it up: json_decode.c (life, modes),
 * json_sink.c (cells, conversions), json_fast.c and json_slow.c (the readers). Private to the JSON
 * codec.
 */
#ifndef TIDE_CODEC_JSON_DECODER_H
#define TIDE_CODEC_JSON_DECODER_H

#include "codec/json.h"
#include "codec/json_sink.h"
#include "data/type.h"

#define TIDE_JSON_REASON_MAX 256

struct tide_json_decoder {
    const struct tide_seam *seam;
    struct tide_json_options options;
    struct tide_type_arena arena; /* type and nodes */
    struct tide_type type;
    struct tide_json_node root;
    uint32_t corrupt; /* field of the corrupt record; UINT32_MAX: none */
    uint32_t record_max;
    struct tide_json_index *index;
    uint8_t *padded;  /* a copy of the record for the fast reader */
    uint8_t *scratch; /* unescaped texts */
    struct tide_cell *cells;
    uint32_t n_cells, cells_max;
    /* Of the record at hand. */
    struct tide_writer *writer;
    uint32_t rows;
    bool bad;
    char reason[TIDE_JSON_REASON_MAX];
};

/*
 * Reads the object at @text (@n bytes, and TIDE_JSON_INDEX_PADDING readable behind them) into the
 * cells of the STRUCT from @base on. RETRY: anything but a well-formed record whose nested values
 * all have the right kinds. @thread task
 */
enum tide_json_step tide_json_fast_read(struct tide_json_decoder *decoder, const uint8_t *text,
                                        uint32_t n, uint32_t base);

/*
 * Reads a record with the rules of Jackson. *@out_rows rows of the STRUCT lie in the cells; where
 * the type is ARRAY or MAP, one cell holds it, and rows is 0 when there is no value. BAD and LEX:
 * malformed without any part that could be kept; *@out_empty: no value at all. @thread task
 */
enum tide_json_step tide_json_slow_read(struct tide_json_decoder *decoder, struct tide_bytes record,
                                        uint32_t *out_rows, bool *out_empty);

#endif
