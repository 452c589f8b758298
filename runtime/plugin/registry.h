/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registry: every source, operator and sink that a pipeline can name, built in or loaded.
 *
 * There is no global one: whoever embeds the engine makes a registry, adds the built-ins, loads the
 * shared objects of the pipeline, and looks kinds up by type and name. A shared object is accepted
 * in this order, and nothing of it runs before step 5:
 *   1. its path is resolved and is a regular file that not everybody can write;
 *   2. its note is read (note.c);
 *   3. its ABI number and header hash are this host's;
 *   4. its SHA-256 is the pinned one, if one is pinned;
 *   5. dlopen(RTLD_NOW | RTLD_LOCAL), tide_plugin_entry(host);
 *   6. what the entry returned agrees with the note and with this header.
 * Names are unique per type over all plugins.
 *
 * Threads: made and filled on a control thread; find and next from any thread afterwards.
 */
#ifndef TIDE_PLUGIN_REGISTRY_H
#define TIDE_PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/error.h>
#include <tidemark/plugin.h>

#include "base/seam.h"

struct tide_registry;

/* One kind that can be named. Lives as long as the registry. */
struct tide_registered {
    const struct tide_kind *kind;
    const struct tide_plugin *plugin;
    const char *path;   /* of the shared object, NULL: built in */
    const char *folder; /* of the shared object, for FILE options; NULL: built in */
};

/* Where shared objects are looked for. Texts are copied. */
struct tide_registry_config {
    const struct tide_seam *seam;
    const char *path; /* TIDEMARK_PLUGIN_PATH: folders separated by ':'; NULL: none */
    const char
        *plugin_dir; /* the installed plugins' folder; NULL: the one this build installs to */
};

/* One entry of the pipeline's `plugins:`. */
struct tide_plugin_ref {
    const char *name;   /* with a slash: a path; without: looked for in the folders */
    const char *sha256; /* 64 hexadecimal digits, NULL: not pinned */
    const char *folder; /* looked in last; the pipeline file's; NULL: none */
};

/* The name of a type in messages and notes: "source", "operator", "sink". @thread any */
const char *tide_kind_type_name(uint32_t type);

/* An empty registry. TIDE_ERR_NOMEM. @thread start */
int tide_registry_create(const struct tide_registry_config *config,
                         struct tide_registry **out_registry, struct tide_error *err);

/* Unloads what was loaded; nothing of any plugin may be in use. NULL is legal. @thread start */
void tide_registry_destroy(struct tide_registry *registry);

/* Adds a plugin that is linked in. TIDE_ERR_PLUGIN: a kind's name is taken. @thread start */
int tide_registry_add(struct tide_registry *registry, const struct tide_plugin *plugin,
                      struct tide_error *err);

/*
 * Loads a shared object and adds its kinds; one that is loaded already is left as it is. @host
 * outlives the registry. TIDE_ERR_PLUGIN with both numbers and what to do; TIDE_ERR_NOTFOUND with
 * the folders that were searched; TIDE_ERR_INVALID: a malformed @ref; TIDE_ERR_NOMEM. @thread start
 */
int tide_registry_load(struct tide_registry *registry, const struct tide_plugin_ref *ref,
                       const struct tide_host *host, struct tide_error *err);

/* The kind or NULL. Names compare without case, as Spark's formats do. @thread any */
const struct tide_registered *tide_registry_find(const struct tide_registry *registry,
                                                 uint32_t type, const char *name);

/* As find; TIDE_ERR_INVALID with the nearest name and the list of all of that type. @thread any */
int tide_registry_get(const struct tide_registry *registry, uint32_t type, const char *name,
                      const struct tide_registered **out_entry, struct tide_error *err);

/* All kinds of @type in the order of their names: NULL gives the first, NULL comes after the last.
 * @thread any */
const struct tide_registered *tide_registry_next(const struct tide_registry *registry,
                                                 uint32_t type,
                                                 const struct tide_registered *entry);

#endif
