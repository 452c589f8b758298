/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a JSON text: where its tokens begin, found by simdjson at several bytes a cycle.
 * Private to the JSON codec. An index belongs to one thread.
 */
#ifndef TIDE_CODEC_JSON_INDEX_H
#define TIDE_CODEC_JSON_INDEX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Readable bytes that must follow a text. */
#define TIDE_JSON_INDEX_PADDING 64u

struct tide_json_index;

/* For texts of at most @text_max bytes; five times that in memory. NULL: no memory. @thread start
 */
struct tide_json_index *tide_json_index_create(uint32_t text_max);

/* Frees it; NULL is legal. @thread start */
void tide_json_index_destroy(struct tide_json_index *index);

/*
 * Offsets of all of {}[]:, outside quotes and of the first byte of every other token, *@out_count
 * of them, and then @n; valid until the next call. UTF-8 is valid, quotes are closed and hold no
 * control characters; nothing else is checked. NULL: not so, or nothing there. @thread task
 */
const uint32_t *tide_json_index_make(struct tide_json_index *index, const uint8_t *text, uint32_t n,
                                     uint32_t *out_count);

#ifdef __cplusplus
}
#endif

#endif
