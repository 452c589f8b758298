/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink: what both readers of a record (the fast one, the scan's) put values into. Private to
 * the JSON codec.
 *
 * A decoder keeps a stack of cells. An object opens one cell for each field of its STRUCT, an array
 * opens one for each element as it comes; when it ends, they become one nested value in the
 * writer's heap, whose reference goes into the cell that was meant for it. The cells of the top
 * STRUCT stay as they are: they are the row.
 *
 * Threads: the decoder's.
 */
#ifndef TIDE_CODEC_JSON_SINK_H
#define TIDE_CODEC_JSON_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <tidemark/row.h>

#include "codec/json_scan.h"

struct tide_json_decoder;

/* How a step of reading ended. */
enum tide_json_step {
    TIDE_JSON_STEP_OK,
    TIDE_JSON_STEP_BAD,   /* a value of the wrong kind; the text goes on */
    TIDE_JSON_STEP_LEX,   /* not JSON: the record is lost */
    TIDE_JSON_STEP_FULL,  /* the writer is full */
    TIDE_JSON_STEP_NOMEM, /* no memory for cells */
    TIDE_JSON_STEP_RETRY  /* the fast reader: let the scan decide */
};

/* A place in the type: what may come there and where it goes. Constant once made. */
struct tide_json_node {
    const struct tide_type *type;
    const char *name; /* of the field, for messages */
    uint32_t name_len;
    bool closed; /* a field that records cannot fill: the corrupt record's */
    uint32_t n_children;
    const struct tide_json_node *children;
    /* STRUCT: fields by a hash of their names; chains end with UINT32_MAX. */
    const uint32_t *buckets, *chain;
    uint32_t mask;
};

/* A cheap hash of a field's name. @thread any */
static inline uint32_t
tide_json_name_hash(const uint8_t *p, uint32_t n)
{
    return n == 0 ? 0 : n * 31u + p[0] * 7u + p[n - 1] * 131u + p[n / 2] * 17u;
}

/* The field called by @n bytes at @p, or UINT32_MAX; @hint is looked at first. @thread any */
static inline uint32_t
tide_json_field(const struct tide_json_node *node, const uint8_t *p, uint32_t n, uint32_t hint)
{
    uint32_t i = hint;
    if (i < node->n_children && !node->children[i].closed && node->children[i].name_len == n &&
        memcmp(node->children[i].name, p, n) == 0) {
        return i;
    }
    for (i = node->buckets[tide_json_name_hash(p, n) & node->mask]; i != UINT32_MAX;
         i = node->chain[i]) {
        if (node->children[i].name_len == n && memcmp(node->children[i].name, p, n) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* Opens @n cells, all NULL; *@out_base is the first. @thread task */
enum tide_json_step tide_json_open(struct tide_json_decoder *decoder, uint32_t n,
                                   uint32_t *out_base);

/* Drops the cells from @base on. @thread task */
void tide_json_drop(struct tide_json_decoder *decoder, uint32_t base);

/* Converts a plain token to the type of @node and puts it into cell @index. @raw is the token as
 * written. BAD: it cannot be one. @thread task */
enum tide_json_step tide_json_put(struct tide_json_decoder *decoder,
                                  const struct tide_json_node *node, enum tide_json_token token,
                                  struct tide_bytes value, struct tide_bytes raw, uint32_t index);

/* Puts a text into cell @index: a map's key, or nested JSON kept as text. @thread task */
enum tide_json_step tide_json_put_text(struct tide_json_decoder *decoder, struct tide_bytes text,
                                       uint32_t index);

/* The cells from @base on become the STRUCT, ARRAY or MAP of cell @index. @thread task */
enum tide_json_step tide_json_end(struct tide_json_decoder *decoder,
                                  const struct tide_json_node *node, uint32_t base, uint32_t index);

/* Remembers that the record is malformed, and why if nobody said so before. @thread task */
void tide_json_note_bad(struct tide_json_decoder *decoder, const struct tide_json_node *node,
                        struct tide_bytes raw);

#endif
