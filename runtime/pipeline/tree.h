/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a pipeline file: scalars, lists and maps, each with its place in the file.
 *
 * A struct tide_doc owns one tree and everything made from it (texts, typed structs) in one arena
 * that is freed at once. Nodes are written while the file is read, overridden (--set) and
 * interpolated
 * (${...}); after that the tree is constant and may be read from any thread.
 *
 * Invariants:
 *   1. Every node has a place: a line and column of the file, or "--set PATH".
 *   2. A child of a map has a key node, a child of a list has none; keys of a map are unique.
 *   3. Scalars keep their text as written (after unescaping): what it means (number, duration,
 * word) is decided by the format table, never here. text[len] is 0.
 *   4. A node marked secret is never printed; its text is shown as ****.
 */
#ifndef TIDE_PIPELINE_TREE_H
#define TIDE_PIPELINE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/seam.h"

enum tide_node_kind {
    TIDE_NODE_SCALAR,
    TIDE_NODE_LIST,
    TIDE_NODE_MAP,
};

struct tide_node {
    enum tide_node_kind kind;
    bool quoted; /* a quoted or block scalar: always text, never null or a boolean */
    bool secret; /* holds the value of ${env:}, ${file:} or ${cred:}, or stands under a secret's
                    name */
    bool set;    /* put there by --set: @file is "--set PATH", @line and @column are 0 */
    const char *file;
    uint32_t line;    /* from 1 */
    uint32_t column;  /* from 1, in characters */
    const char *text; /* scalars; "" otherwise */
    uint32_t len;
    uint8_t lead; /* scalars: bytes between the scalar's place and its text, on the same line */
    bool block;   /* a literal block: its text starts on the next line, @indent columns in */
    bool exact;   /* text and file agree byte by byte, so that offsets can be turned into places */
    uint32_t indent;                /* of a block */
    uint32_t count;                 /* children of a list or map */
    struct tide_node *key;          /* in a map: this value's key */
    struct tide_node *first, *last; /* children */
    struct tide_node *next;         /* next sibling */
};

struct tide_arena_chunk;

/* One file's tree and the arena of everything that hangs on it. */
struct tide_doc {
    const struct tide_seam *seam;
    struct tide_arena_chunk *chunks;
    const char *file;       /* as shown in messages */
    struct tide_node *root; /* a map, once read */
    uint32_t nodes;
    bool failed; /* an allocation failed: nothing made from here on may be trusted */
};

/* Makes an empty document for @file (copied). Returns 0 or TIDE_ERR_NOMEM. @thread start */
int tide_doc_init(struct tide_doc *doc, const struct tide_seam *seam, const char *file);

/* Frees the arena and with it every node and text. A zeroed @doc is legal. @thread start */
void tide_doc_fini(struct tide_doc *doc);

/* @size zeroed bytes that live as long as @doc; NULL when out of memory (doc->failed is set).
 * @thread start */
void *tide_doc_alloc(struct tide_doc *doc, size_t size);

/* Copies @len bytes and a 0; NULL when out of memory. @thread start */
const char *tide_doc_text(struct tide_doc *doc, const char *text, size_t len);

/* As tide_doc_text, from a printf format. @thread start */
const char *tide_doc_printf(struct tide_doc *doc, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A new node at the place of @at (NULL: line 0 of the document's file); NULL when out of memory.
 * @thread start */
struct tide_node *tide_node_new(struct tide_doc *doc, enum tide_node_kind kind,
                                const struct tide_node *at);

/* A new scalar with a copy of @text. @thread start */
struct tide_node *tide_node_scalar(struct tide_doc *doc, const char *text,
                                   const struct tide_node *at);

/* Appends @child; @key is its key when @parent is a map, else NULL. @thread start */
void tide_node_append(struct tide_node *parent, struct tide_node *key, struct tide_node *child);

/* Puts @fresh in the place of @old, a child of @parent, keeping its key. @thread start */
void tide_node_replace(struct tide_node *parent, struct tide_node *old, struct tide_node *fresh);

/* The child of map @node under @key, or NULL (also when @node is NULL or no map). @thread any */
struct tide_node *tide_node_get(const struct tide_node *node, const char *key);

/* True for an unquoted null, ~ or empty scalar. @thread any */
bool tide_node_is_null(const struct tide_node *node);

/* 1 for an unquoted true, 0 for an unquoted false, -1 for anything else: YAML 1.2 core, so that NO,
 * on and yes stay text. @thread any */
int tide_node_bool(const struct tide_node *node);

/* "text", "a list", "a map", "true", "null", "a number": what a message says was found.
 * @thread any */
const char *tide_node_describe(const struct tide_node *node);

/* What a message may show of a scalar: its text, cut to 60 bytes with "...", or **** if secret. The
 * result points into @node or into @buffer. @thread any */
const char *tide_node_show(const struct tide_node *node, char buffer[64]);

/*
 * Line and column of byte @at of a scalar (the scalar itself if @at is out of range). Exact for
 * plain, single-line quoted and literal block scalars without escapes; else the scalar's start.
 * @thread any
 */
void tide_node_place(const struct tide_node *node, int32_t at, uint32_t *out_line,
                     uint32_t *out_column);

#endif
