/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading pipelines from texts, with an environment and files of the test's own.
 */
#ifndef TIDE_TEST_PIPELINE_LOAD_H
#define TIDE_TEST_PIPELINE_LOAD_H

#include "pipeline/format.h"

/* A pipeline that is right, in two lines: tests add a third. */
#define RIGHT "source: {format: rate}\nsink: {format: console}\n"

/* A loaded text. */
struct loaded {
    struct tide_pipeline *pipeline; /* NULL: the text is no YAML */
    struct tide_diags diags;
    int rc;
};

/*
 * Loads @text as "/folder/p.yaml" with @sets (NULL ends them; NULL itself: none). The environment
 * has HOST=example, EMPTY=, NULLWORD=null, TRICKY=${env:HOST} and CREDENTIALS_DIRECTORY=/creds; the
 * files are /secret ("s3cret\n"), /creds/key
 * ("k"), /nul (a NUL byte) and /two ("a\n\n").
 */
struct loaded load_text(const char *text, const char *const *sets);

void unload(struct loaded *loaded);

/* All findings, a line each, as "line:column: text" ("--set PATH: text" without a place). The
 * result is the caller's. */
char *findings(const struct loaded *loaded);

/* The value of an option of @settings, or "(none)". */
const char *setting(const struct tide_settings *settings, const char *name);

#endif
