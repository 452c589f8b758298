/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree to typed structs, row by row of the format table.
 *
 * Functions return 0 or TIDE_ERR_NOMEM; what is wrong with the pipeline goes to reader->diags and
 * leaves the value unset, so that reading goes on.
 */
#ifndef TIDE_PIPELINE_FORMAT_READ_H
#define TIDE_PIPELINE_FORMAT_READ_H

#include "pipeline/diag.h"
#include "pipeline/format.h"
#include "pipeline/format_table.h"
#include "pipeline/tree.h"

struct tide_reader {
    struct tide_doc *doc;
    struct tide_diags *diags;
    bool plugins; /* the pipeline loads plugins: a format that is no built-in may be theirs */
    bool placed;  /* the checkpoint has a place whatever the file says */
};

/* How an array and its count lie in every struct (checked in format_table.c). */
struct tide_array {
    void *items;
    uint32_t count;
};

/* How the struct of a named section begins. */
struct tide_named_head {
    const struct tide_node *node;
    const char *name;
};

/* Reads the map @node into the section's struct at @base, defaults included. @thread start */
int tide_section_read(struct tide_reader *reader, const struct tide_section *section,
                      const struct tide_node *node, void *base);

/* Reads the value @node of @row into the struct at @base. @thread start */
int tide_value_read(struct tide_reader *reader, const struct tide_key *row,
                    const struct tide_node *node, void *base);

/* Stores the defaults of all keys of @section, nested ones too. @thread start */
int tide_section_defaults(struct tide_reader *reader, const struct tide_section *section,
                          void *base);

/* As tide_value_read, for rows whose value is one scalar (format_scalar.c). @thread start */
int tide_scalar_read(struct tide_reader *reader, const struct tide_key *row,
                     const struct tide_node *node, void *base);

/* Stores @text, the default of a scalar row. @thread start */
int tide_scalar_default(struct tide_reader *reader, const struct tide_key *row, const char *text,
                        void *base);

/* runtime.cores (format_scalar.c). @thread start */
int tide_cores_read(struct tide_reader *reader, const struct tide_key *row,
                    const struct tide_node *node, void *base);

/* Adds "'key' is FOUND; it wants ..." at @node. @thread start */
void tide_value_refuse(struct tide_reader *reader, const struct tide_key *row,
                       const struct tide_node *node);

/* Reads the map of options @node; see struct tide_settings. @thread start */
int tide_settings_read(struct tide_reader *reader, const struct tide_node *node,
                       struct tide_settings *out_settings);

#endif
