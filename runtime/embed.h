/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between embed.c and reference.c: what the tables of this build are made from.
 *
 * Threads: any.
 */
#ifndef TIDE_EMBED_H
#define TIDE_EMBED_H

#include "plugin/registry.h"

/* A registry that holds the built-in plugins; @path: folders for others, NULL: none. @thread start
 */
int tide_registry_built_in(const struct tide_seam *seam, const char *path,
                           struct tide_registry **out, struct tide_error *err);

#endif
