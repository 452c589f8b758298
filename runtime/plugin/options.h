/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: from one table per kind come parsing, checks, defaults, help and reference.
 *
 * What the user gave is a list of names and texts with their places; the kind's table
 * (struct tide_option, tidemark/plugin.h) says what is allowed. tide_options_create() checks all of
 * it and reports every error, not the first only. The result is immutable but for the place of the
 * last tide_options_error().
 *
 * Values by type:
 *   STRING FILE ENUM   text; ENUM matches without case and reads as the table spells it
 *   INT BOOL SIZE DURATION   int64 (BOOL 0 or 1, SIZE bytes, DURATION nanoseconds)
 *   DOUBLE RATE        double (RATE events a second)
 *   LIST               items; one text is a list of one
 *   PREFIX             every key that begins with the name and is no option of its own
 *   FILE               a path that exists: as given (relative to the working directory), else in
 *                      the plugin's folder; file:///x is /x, other schemes are refused by name
 *
 * Threads: control threads; an object is used by one thread at a time. Left to others: where the
 * texts come from and how errors are printed (pipeline/).
 */
#ifndef TIDE_PLUGIN_OPTIONS_H
#define TIDE_PLUGIN_OPTIONS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#include "base/buffer.h"
#include "base/seam.h"

/* A key and its value as the user gave them. All pointers outlive the struct tide_options. */
struct tide_given {
    const char *name;         /* as written */
    const char *value;        /* as text; of a list or map: JSON */
    const char *const *items; /* the texts of a YAML list, or NULL */
    uint32_t n_items;
    bool is_list;      /* a list was written: only LIST options take it as such */
    bool secret;       /* the value is never part of a message */
    const void *place; /* the caller's: where it stands; comes back in findings */
};

/* One error. */
struct tide_option_finding {
    int32_t code;                   /* TIDE_ERR_INVALID */
    const struct tide_given *given; /* NULL: about the whole block (a required option is missing) */
    bool on_name;                   /* about the name rather than the value */
    int32_t item;                   /* item of a list, -1: none */
    int32_t at;                     /* byte of the value's (or item's) text, -1: none */
    const char *text;               /* one sentence; valid during the call */
};

typedef void tide_option_report(void *ctx, const struct tide_option_finding *finding);

/* How to read the options of one step, source or sink. */
struct tide_options_config {
    const struct tide_seam *seam;
    const char *owner; /* for messages: "connector 'kafka'", "operator 'fraud_score'" */
    const struct tide_option *table; /* ends with a NULL name */
    const struct tide_given *given;  /* copied shallowly */
    uint32_t n_given;
    const char *folder;         /* the plugin's, for FILE; NULL: none */
    tide_option_report *report; /* NULL: errors are only counted */
    void *report_ctx;
};

/*
 * Checks and parses. Returns 0 and the options, or TIDE_ERR_INVALID when anything was reported (the
 * first finding is in @err too), or TIDE_ERR_NOMEM. @thread start
 */
int tide_options_create(const struct tide_options_config *config, struct tide_options **out_options,
                        struct tide_error *err);

/* NULL is legal. @thread start */
void tide_options_destroy(struct tide_options *options);

/* ---- the host's option_* calls have these shapes; asking for a name that the table lacks, or by
 * the wrong type, is a plugin's bug and ends the process ---- */

/* Whether the user gave it. @thread start */
bool tide_options_set(const struct tide_options *options, const char *name);
/* STRING, FILE, ENUM, and any other as the text given or the default; NULL: neither. @thread start
 */
const char *tide_options_str(const struct tide_options *options, const char *name);
/* INT, BOOL, SIZE, DURATION; 0 when absent. @thread start */
int64_t tide_options_int(const struct tide_options *options, const char *name);
/* DOUBLE, RATE; 0 when absent. @thread start */
double tide_options_f64(const struct tide_options *options, const char *name);
/* LIST. @thread start */
uint32_t tide_options_list_len(const struct tide_options *options, const char *name);
const char *tide_options_list_at(const struct tide_options *options, const char *name, uint32_t i);
/* The keys of a PREFIX option, whole and as written, in the order given. @thread start */
bool tide_options_next(const struct tide_options *options, const char *prefix, uint32_t *cursor,
                       const char **out_key, const char **out_value);

/*
 * Sets @err to TIDE_ERR_INVALID with "option 'name': text" and err->at = @at, and remembers the
 * place for tide_options_blamed(). @name is an option or the whole key of a prefix. Item @i of a
 * list; @at -1: no byte. Returns the code. @thread start
 */
int tide_options_error(const struct tide_options *options, const char *name, uint32_t i, int32_t at,
                       struct tide_error *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* As tide_options_error, for the host table. @thread start */
int tide_options_errorv(const struct tide_options *options, const char *name, uint32_t i,
                        int32_t at, struct tide_error *err, const char *format, va_list args)
    __attribute__((format(printf, 6, 0)));

/*
 * After a bind that failed: the place of its last tide_options_error() (text is "", the message is
 * in the error); false when it made none. @thread start
 */
bool tide_options_blamed(const struct tide_options *options,
                         struct tide_option_finding *out_finding);

/* ---- help and reference, from the same table ---- */

enum tide_options_form { TIDE_OPTIONS_TEXT, TIDE_OPTIONS_MARKDOWN, TIDE_OPTIONS_JSON };

/* Appends the reference of @kind's options to @out. TIDE_ERR_LIMIT, TIDE_ERR_NOMEM. @thread start
 */
int tide_options_reference(const struct tide_kind *kind, enum tide_options_form form,
                           struct tide_buf *out);

#endif
