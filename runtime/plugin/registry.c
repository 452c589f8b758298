/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registry: acceptance of plugins, and the sorted list of their kinds.
 *
 * Kinds are kept as pointers in the order (type, name), so that lists come out the same everywhere.
 * A shared object stays loaded until the registry ends, because its kinds, texts and code are used
 * until then.
 *
 * Threads: see registry.h. Invariant: no two entries of a type have names that are equal without
 * case.
 */
#include "plugin/registry.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"
#include "plugin/note.h"

/* A shared object that was accepted. */
struct loaded {
    void *handle;
    char *path; /* absolute, links resolved */
    char *folder;
    char sha256[65];
    struct loaded *next;
};

struct tide_registry {
    const struct tide_seam *seam;
    char *path; /* folders separated by ':', "" when none */
    char *plugin_dir;
    struct loaded *loaded;
    struct tide_registered **entries; /* sorted */
    uint32_t n, cap;
};

const char *
tide_kind_type_name(uint32_t type)
{
    static const char *const names[TIDE_KIND_COUNT] = {
        [TIDE_KIND_SOURCE] = "source",
        [TIDE_KIND_OPERATOR] = "operator",
        [TIDE_KIND_SINK] = "sink",
    };
    TIDE_ASSERT(type < TIDE_KIND_COUNT);
    return names[type];
}

static int
no_memory(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for the registry of plugins");
}

static char *
text_copy(const struct tide_seam *seam, const char *text, size_t len)
{
    char *copy = tide_alloc(seam, len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
    }
    return copy;
}

/* ---- life ---- */

int
tide_registry_create(const struct tide_registry_config *config, struct tide_registry **out_registry,
                     struct tide_error *err)
{
    const char *path = config->path != NULL ? config->path : "";
    const char *dir = config->plugin_dir != NULL ? config->plugin_dir : TIDE_PLUGIN_DIR;
    struct tide_registry *registry = tide_alloc(config->seam, sizeof(*registry));
    if (registry == NULL) {
        return no_memory(err);
    }
    registry->seam = config->seam;
    registry->path = text_copy(config->seam, path, strlen(path));
    registry->plugin_dir = text_copy(config->seam, dir, strlen(dir));
    if (registry->path == NULL || registry->plugin_dir == NULL) {
        tide_registry_destroy(registry);
        return no_memory(err);
    }
    *out_registry = registry;
    return 0;
}

static void
loaded_free(const struct tide_seam *seam, struct loaded *loaded)
{
    if (loaded == NULL) {
        return;
    }
    if (loaded->handle != NULL) {
        dlclose(loaded->handle);
    }
    tide_free(seam, loaded->path);
    tide_free(seam, loaded->folder);
    tide_free(seam, loaded);
}

void
tide_registry_destroy(struct tide_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    for (uint32_t i = 0; i < registry->n; i++) {
        tide_free(registry->seam, registry->entries[i]);
    }
    while (registry->loaded != NULL) {
        struct loaded *loaded = registry->loaded;
        registry->loaded = loaded->next;
        loaded_free(registry->seam, loaded);
    }
    tide_free(registry->seam, registry->entries);
    tide_free(registry->seam, registry->path);
    tide_free(registry->seam, registry->plugin_dir);
    tide_free(registry->seam, registry);
}

/* ---- the sorted list ---- */

/* Where (@type, @name) stands, or would stand. */
static uint32_t
entry_position(const struct tide_registry *registry, uint32_t type, const char *name,
               bool *out_found)
{
    uint32_t i = 0;
    for (; i < registry->n; i++) {
        const struct tide_kind *kind = registry->entries[i]->kind;
        int order = kind->type != type ? (kind->type < type ? -1 : 1)
                                       : tide_text_compare_nocase(kind->name, name);
        if (order >= 0) {
            *out_found = order == 0;
            return i;
        }
    }
    *out_found = false;
    return i;
}

static int
entries_grow(struct tide_registry *registry)
{
    if (registry->n < registry->cap) {
        return 0;
    }
    const uint32_t cap = registry->cap == 0 ? 32 : registry->cap * 2;
    struct tide_registered **entries =
        tide_resize(registry->seam, registry->entries, cap * sizeof(struct tide_registered *));
    if (entries == NULL) {
        return TIDE_ERR_NOMEM;
    }
    registry->entries = entries;
    registry->cap = cap;
    return 0;
}

static int
entry_insert(struct tide_registry *registry, struct tide_registered entry, struct tide_error *err)
{
    bool found;
    const struct tide_kind *kind = entry.kind;
    uint32_t at = entry_position(registry, kind->type, kind->name, &found);
    if (found) {
        const char *path = registry->entries[at]->path;
        return tide_error_set(err, TIDE_ERR_PLUGIN,
                              "%s '%s' of plugin '%s' is there already: %s%s%s",
                              tide_kind_type_name(kind->type), kind->name, entry.plugin->name,
                              path != NULL ? "plugin '" : "it is built in",
                              path != NULL ? path : "", path != NULL ? "' has it" : "");
    }
    struct tide_registered *copy = tide_alloc(registry->seam, sizeof(*copy));
    if (copy == NULL || entries_grow(registry) != 0) {
        tide_free(registry->seam, copy);
        return no_memory(err);
    }
    *copy = entry;
    memmove(registry->entries + at + 1, registry->entries + at,
            (registry->n - at) * sizeof(*registry->entries));
    registry->entries[at] = copy;
    registry->n++;
    return 0;
}

/* Takes the entry of @kind out again, after a failure half way. */
static void
entry_remove(struct tide_registry *registry, const struct tide_kind *kind)
{
    bool found;
    const uint32_t at = entry_position(registry, kind->type, kind->name, &found);
    TIDE_ASSERT(found);
    tide_free(registry->seam, registry->entries[at]);
    registry->n--;
    memmove(registry->entries + at, registry->entries + at + 1,
            (registry->n - at) * sizeof(*registry->entries));
}

/* Adds all kinds of @plugin, or none. */
static int
kinds_insert(struct tide_registry *registry, const struct tide_plugin *plugin,
             const struct loaded *loaded, struct tide_error *err)
{
    for (uint32_t i = 0; i < plugin->n_kinds; i++) {
        struct tide_registered entry = {
            .kind = plugin->kinds[i],
            .plugin = plugin,
            .path = loaded != NULL ? loaded->path : NULL,
            .folder = loaded != NULL ? loaded->folder : NULL,
        };
        int rc = entry_insert(registry, entry, err);
        if (rc != 0) {
            while (i-- > 0) {
                entry_remove(registry, plugin->kinds[i]);
            }
            return rc;
        }
    }
    return 0;
}

/* ---- acceptance: what the entry returned ---- */

/* The function without which a kind of its type is nothing. */
static bool
kind_has_work(const struct tide_kind *kind)
{
    switch ((enum tide_kind_type)kind->type) {
    case TIDE_KIND_SOURCE:
        return ((const struct tide_source *)(const void *)kind)->poll != NULL;
    case TIDE_KIND_OPERATOR:
        return ((const struct tide_operator *)(const void *)kind)->process != NULL;
    case TIDE_KIND_SINK:
        return ((const struct tide_sink *)(const void *)kind)->write != NULL;
    case TIDE_KIND_COUNT:
        break;
    }
    return false;
}

static int
kind_check(const struct tide_kind *kind, struct tide_error *err)
{
    static const size_t sizes[TIDE_KIND_COUNT] = {
        [TIDE_KIND_SOURCE] = sizeof(struct tide_source),
        [TIDE_KIND_OPERATOR] = sizeof(struct tide_operator),
        [TIDE_KIND_SINK] = sizeof(struct tide_sink),
    };
    if (kind == NULL || kind->type >= TIDE_KIND_COUNT || kind->name == NULL) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "returned a kind without a type or name");
    }
    const char *type = tide_kind_type_name(kind->type);
    if (kind->abi != TIDE_ABI_VERSION || kind->size < sizes[kind->type]) {
        return tide_error_set(
            err, TIDE_ERR_PLUGIN,
            "%s '%s' has ABI %u and %u bytes, this is ABI %d with %zu bytes: rebuild it "
            "against the installed headers",
            type, kind->name, kind->abi, kind->size, TIDE_ABI_VERSION, sizes[kind->type]);
    }
    if (kind->bind == NULL || !kind_has_work(kind)) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "%s '%s' lacks bind or its work function", type,
                              kind->name);
    }
    return 0;
}

static int
plugin_check(const struct tide_plugin *plugin, struct tide_error *err)
{
    int rc = 0;
    if (plugin->abi != TIDE_ABI_VERSION || plugin->size < sizeof(*plugin)) {
        return tide_error_set(
            err, TIDE_ERR_PLUGIN,
            "its entry returned ABI %u and %u bytes, this is ABI %d with %zu bytes: rebuild it "
            "against the installed headers",
            plugin->abi, plugin->size, TIDE_ABI_VERSION, sizeof(*plugin));
    }
    if (plugin->name == NULL || plugin->n_kinds == 0 || plugin->kinds == NULL) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "its entry returned no name or no kinds");
    }
    for (uint32_t i = 0; rc == 0 && i < plugin->n_kinds; i++) {
        rc = kind_check(plugin->kinds[i], err);
    }
    return rc;
}

/* The note is what users were shown before anything ran: it has to be true. */
static int
note_agree(const struct tide_note *note, const struct tide_plugin *plugin, struct tide_error *err)
{
    if (strcmp(note->name, plugin->name) != 0 || note->n_kinds != plugin->n_kinds) {
        return tide_error_set(err, TIDE_ERR_PLUGIN,
                              "its note says '%s' with %u kinds, its entry returned '%s' with %u",
                              note->name, note->n_kinds, plugin->name, plugin->n_kinds);
    }
    for (uint32_t i = 0; i < note->n_kinds; i++) {
        bool found = false;
        for (uint32_t j = 0; j < plugin->n_kinds && !found; j++) {
            found = plugin->kinds[j]->type == note->kinds[i].type &&
                    strcmp(plugin->kinds[j]->name, note->kinds[i].name) == 0;
        }
        if (!found) {
            return tide_error_set(err, TIDE_ERR_PLUGIN,
                                  "its note names %s '%s', which its entry did not return",
                                  tide_kind_type_name(note->kinds[i].type), note->kinds[i].name);
        }
    }
    return 0;
}

int
tide_registry_add(struct tide_registry *registry, const struct tide_plugin *plugin,
                  struct tide_error *err)
{
    int rc = plugin_check(plugin, err);
    if (rc != 0) {
        tide_error_prefix(err, "built-in plugin '%s'", plugin->name != NULL ? plugin->name : "?");
        return rc;
    }
    return kinds_insert(registry, plugin, NULL, err);
}

/* ---- acceptance: before it runs ---- */

static int
pin_check(const char *pin, const char *sha256, struct tide_error *err)
{
    if (pin == NULL || tide_text_equal_nocase(pin, sha256)) {
        return 0;
    }
    return tide_error_set(err, TIDE_ERR_PLUGIN, "its SHA-256 is %s, the pipeline pins %s", sha256,
                          pin);
}

static int
abi_check(const struct tide_note *note, struct tide_error *err)
{
    if (note->abi == TIDE_ABI_VERSION && strcmp(note->hash, TIDE_ABI_HASH) == 0) {
        return 0;
    }
    return tide_error_set(
        err, TIDE_ERR_PLUGIN,
        "was built for ABI %u (headers %s), this is ABI %d (headers %s): rebuild it against "
        "the installed headers",
        note->abi, note->hash, TIDE_ABI_VERSION, TIDE_ABI_HASH);
}

/* Folder @dir (@len bytes) holds @name: its absolute path, else NULL. */
static char *
file_in(const char *dir, size_t len, const char *name)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%.*s/%s", (int)len, dir, name);
    return len > 0 && n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0
               ? realpath(path, NULL)
               : NULL;
}

/* Looks for a name without a slash: TIDEMARK_PLUGIN_PATH, the installed plugins, the caller's
 * folder. */
static char *
file_search(const struct tide_registry *registry, const struct tide_plugin_ref *ref)
{
    char *found = NULL;
    for (const char *dir = registry->path; found == NULL && *dir != 0;) {
        size_t len = strcspn(dir, ":");
        found = file_in(dir, len, ref->name);
        dir += len + (dir[len] == ':');
    }
    if (found == NULL) {
        found = file_in(registry->plugin_dir, strlen(registry->plugin_dir), ref->name);
    }
    if (found == NULL && ref->folder != NULL) {
        found = file_in(ref->folder, strlen(ref->folder), ref->name);
    }
    return found;
}

/* The absolute path of what @ref names, allocated by the C library. */
static int
file_resolve(const struct tide_registry *registry, const struct tide_plugin_ref *ref,
             char **out_path, struct tide_error *err)
{
    const bool is_path = strchr(ref->name, '/') != NULL;
    char *path = is_path ? realpath(ref->name, NULL) : file_search(registry, ref);
    if (path != NULL) {
        *out_path = path;
        return 0;
    }
    if (is_path) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "plugin '%s' cannot be opened: %s", ref->name,
                              strerror(errno));
    }
    return tide_error_set(
        err, TIDE_ERR_NOTFOUND,
        "plugin '%s' is in none of: %s (TIDEMARK_PLUGIN_PATH), %s%s%s; build it, or name it by "
        "its path",
        ref->name, registry->path[0] != 0 ? registry->path : "not set", registry->plugin_dir,
        ref->folder != NULL ? ", " : "", ref->folder != NULL ? ref->folder : "");
}

static int
ref_check(const struct tide_plugin_ref *ref, struct tide_error *err)
{
    if (ref->name == NULL || ref->name[0] == 0) {
        return tide_error_set(err, TIDE_ERR_INVALID, "a plugin has no path");
    }
    const char *pin = ref->sha256;
    if (pin != NULL && (strlen(pin) != 64 || strspn(pin, "0123456789abcdefABCDEF") != 64)) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "plugin '%s': sha256 must be 64 hexadecimal digits, not '%.80s'",
                              ref->name, pin);
    }
    return 0;
}

/* ---- loading ---- */

/* Runs the entry; from here on the plugin's code has run. */
static int
entry_call(void *handle, const struct tide_host *host, const struct tide_plugin **out_plugin,
           struct tide_error *err)
{
    tide_plugin_entry_fn *entry = NULL;
    void *symbol = dlsym(handle, TIDE_PLUGIN_ENTRY);
    if (symbol == NULL) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "does not export %s", TIDE_PLUGIN_ENTRY);
    }
    memcpy(&entry, &symbol, sizeof(entry));
    const struct tide_plugin *plugin = entry(host);
    if (plugin == NULL) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "refuses this host (version %s)",
                              host->version);
    }
    *out_plugin = plugin;
    return 0;
}

static int
object_open(struct tide_registry *registry, struct loaded *loaded, const struct tide_note *note,
            const struct tide_host *host, struct tide_error *err)
{
    const struct tide_plugin *plugin = NULL;
    loaded->handle = dlopen(loaded->path, RTLD_NOW | RTLD_LOCAL);
    if (loaded->handle == NULL) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "cannot be loaded: %s", dlerror());
    }
    int rc = entry_call(loaded->handle, host, &plugin, err);
    if (rc == 0) {
        rc = plugin_check(plugin, err);
    }
    if (rc == 0) {
        rc = note_agree(note, plugin, err);
    }
    if (rc == 0) {
        rc = kinds_insert(registry, plugin, loaded, err);
    }
    return rc;
}

static struct loaded *
loaded_create(const struct tide_seam *seam, const char *path)
{
    struct loaded *loaded = tide_alloc(seam, sizeof(*loaded));
    const char *slash = strrchr(path, '/');
    TIDE_ASSERT(slash != NULL);
    if (loaded == NULL) {
        return NULL;
    }
    loaded->path = text_copy(seam, path, strlen(path));
    loaded->folder = text_copy(seam, path, slash == path ? 1 : (size_t)(slash - path));
    if (loaded->path == NULL || loaded->folder == NULL) {
        loaded_free(seam, loaded);
        return NULL;
    }
    return loaded;
}

static int
object_load(struct tide_registry *registry, const char *path, const char *pin,
            const struct tide_host *host, struct tide_error *err)
{
    struct tide_note note = {0};
    int rc = tide_note_read(registry->seam, path, &note, err);
    if (rc != 0) {
        return rc;
    }
    struct loaded *loaded = loaded_create(registry->seam, path);
    rc = loaded == NULL ? no_memory(err) : abi_check(&note, err);
    if (rc == 0) {
        rc = pin_check(pin, note.sha256, err);
    }
    if (rc == 0) {
        rc = object_open(registry, loaded, &note, host, err);
    }
    if (rc == 0) {
        memcpy(loaded->sha256, note.sha256, sizeof(loaded->sha256));
    }
    tide_note_fini(&note);
    if (rc != 0) {
        loaded_free(registry->seam, loaded);
        tide_error_prefix(err, "plugin '%s'", path);
        return rc;
    }
    loaded->next = registry->loaded;
    registry->loaded = loaded;
    return 0;
}

static const struct loaded *
loaded_find(const struct tide_registry *registry, const char *path)
{
    const struct loaded *loaded = registry->loaded;
    while (loaded != NULL && strcmp(loaded->path, path) != 0) {
        loaded = loaded->next;
    }
    return loaded;
}

/* A second mention of a shared object may pin it too. */
static int
loaded_check(const struct loaded *loaded, const char *pin, struct tide_error *err)
{
    int rc = pin_check(pin, loaded->sha256, err);
    if (rc != 0) {
        tide_error_prefix(err, "plugin '%s'", loaded->path);
    }
    return rc;
}

int
tide_registry_load(struct tide_registry *registry, const struct tide_plugin_ref *ref,
                   const struct tide_host *host, struct tide_error *err)
{
    char *path = NULL;
    int rc = ref_check(ref, err);
    if (rc == 0) {
        rc = file_resolve(registry, ref, &path, err);
    }
    if (rc == 0) {
        const struct loaded *loaded = loaded_find(registry, path);
        rc = loaded == NULL ? object_load(registry, path, ref->sha256, host, err)
                            : loaded_check(loaded, ref->sha256, err);
    }
    free(path); /* allow: realpath's memory is the C library's */
    return rc;
}

/* ---- look-up ---- */

const struct tide_registered *
tide_registry_find(const struct tide_registry *registry, uint32_t type, const char *name)
{
    bool found;
    uint32_t at = entry_position(registry, type, name, &found);
    return found ? registry->entries[at] : NULL;
}

/* "a, b, c" of @type into @out, and the name nearest to @given. */
static const char *
names_collect(const struct tide_registry *registry, uint32_t type, const char *given, char *out,
              size_t size)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX, len = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < registry->n; i++) {
        const char *name = registry->entries[i]->kind->name;
        if (registry->entries[i]->kind->type != type) {
            continue;
        }
        size_t distance = tide_text_distance(given, name);
        if (tide_nearest(given, &name, 1) != NULL && distance < best) {
            best = distance;
            nearest = name;
        }
        int n = snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", name);
        len = n < 0 || (size_t)n >= size - len ? len : len + (size_t)n;
    }
    return nearest;
}

int
tide_registry_get(const struct tide_registry *registry, uint32_t type, const char *name,
                  const struct tide_registered **out_entry, struct tide_error *err)
{
    char names[640];
    const struct tide_registered *entry = tide_registry_find(registry, type, name);
    if (entry != NULL) {
        *out_entry = entry;
        return 0;
    }
    const char *word = tide_kind_type_name(type);
    const char *nearest = names_collect(registry, type, name, names, sizeof(names));
    for (uint32_t other = 0; other < TIDE_KIND_COUNT; other++) {
        if (tide_registry_find(registry, other, name) != NULL) {
            return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is a %s, not a %s; %ss are: %s",
                                  name, tide_kind_type_name(other), word, word, names);
        }
    }
    return tide_error_set(err, TIDE_ERR_INVALID, "unknown %s '%s'%s%s%s; %ss are: %s", word, name,
                          nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "'?" : "", word,
                          names[0] != 0 ? names : "none (load a plugin)");
}

const struct tide_registered *
tide_registry_next(const struct tide_registry *registry, uint32_t type,
                   const struct tide_registered *entry)
{
    bool past = entry == NULL;
    for (uint32_t i = 0; i < registry->n; i++) {
        if (past && registry->entries[i]->kind->type == type) {
            return registry->entries[i];
        }
        past = past || registry->entries[i] == entry;
    }
    return NULL;
}
