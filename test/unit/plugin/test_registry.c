/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry with real shared objects, one for each way to be wrong.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "../io/scratch.h"
#include "plugin/registry.h"

static const struct tide_host host = {
    .abi = TIDE_ABI_VERSION, .size = sizeof(host), .version = "1.2.3"};

static struct tide_registry *
registry_make(const char *path, const char *plugin_dir)
{
    struct tide_registry *registry = NULL;
    const struct tide_registry_config config = {
        .seam = tide_seam_real(), .path = path, .plugin_dir = plugin_dir};
    cr_assert_eq(tide_registry_create(&config, &registry, NULL), 0);
    return registry;
}

/* Loads FIXTURES/@name and checks code and what the message says. */
static void
refused(const char *name, int code, const char *says)
{
    struct tide_registry *registry = registry_make(NULL, NULL);
    struct tide_error err = {0};
    char path[512];
    snprintf(path, sizeof(path), FIXTURES "/%s.so", name);
    const struct tide_plugin_ref ref = {.name = path};
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), code, "%s: %s", name, err.text);
    cr_assert_not_null(strstr(err.text, says), "%s: %s", name, err.text);
    cr_assert_not_null(strstr(err.text, path), "the message names the file: %s", err.text);
    cr_assert_null(tide_registry_next(registry, TIDE_KIND_OPERATOR, NULL));
    tide_registry_destroy(registry);
}

Test(registry, loads_a_good_one)
{
    struct tide_registry *registry = registry_make(NULL, NULL);
    struct tide_error err = {0};
    const struct tide_plugin_ref ref = {.name = FIXTURES "/good.so"};
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), 0, "%s", err.text);
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), 0, "twice is once");
    const struct tide_registered *entry =
        tide_registry_find(registry, TIDE_KIND_OPERATOR, "Fixture");
    cr_assert_not_null(entry);
    cr_assert_str_eq(entry->plugin->version, "1.0");
    cr_assert_str_eq(entry->kind->options[0].name, "column");
    cr_assert(strlen(entry->path) > strlen(entry->folder) &&
              strncmp(entry->path, entry->folder, strlen(entry->folder)) == 0);
    cr_assert_null(tide_registry_find(registry, TIDE_KIND_SINK, "fixture"));
    tide_registry_destroy(registry);
}

Test(registry, both_numbers_of_an_abi)
{
    refused("other_hash", TIDE_ERR_PLUGIN,
            "was built for ABI 0 (headers 0123456789abcdef), this is ABI 0 (headers " TIDE_ABI_HASH
            "): rebuild it against the installed headers");
    refused("other_abi", TIDE_ERR_PLUGIN,
            "was built for ABI 41 (headers " TIDE_ABI_HASH "), this is ABI 0");
    refused("kind_abi", TIDE_ERR_PLUGIN, "operator 'fixture' has ABI 3");
}

Test(registry, refuses_with_the_reason)
{
    refused("no_note", TIDE_ERR_PLUGIN, "no section .note.tidemark");
    refused("no_entry", TIDE_ERR_PLUGIN, "does not export tide_plugin_entry");
    refused("refuses", TIDE_ERR_PLUGIN, "refuses this host (version 1.2.3)");
    refused("note_lies", TIDE_ERR_PLUGIN,
            "its note names operator 'other', which its entry did not return");
    refused("note_broken", TIDE_ERR_PLUGIN, "malformed line 'operator'");
    refused("no_work", TIDE_ERR_PLUGIN, "lacks bind or its work function");
    refused("absent", TIDE_ERR_NOTFOUND, "No such file");
}

Test(registry, a_name_is_taken_once)
{
    struct tide_registry *registry = registry_make(NULL, NULL);
    struct tide_error err = {0};
    const struct tide_plugin_ref good = {.name = FIXTURES "/good.so"};
    const struct tide_plugin_ref other = {.name = FIXTURES "/takes_name.so"};
    cr_assert_eq(tide_registry_load(registry, &good, &host, &err), 0, "%s", err.text);
    cr_assert_eq(tide_registry_load(registry, &other, &host, &err), TIDE_ERR_PLUGIN);
    cr_assert(strstr(err.text, "is there already: plugin '") && strstr(err.text, "good.so"), "%s",
              err.text);
    cr_assert_not_null(tide_registry_find(registry, TIDE_KIND_OPERATOR, "fixture"),
                       "the first stays");
    tide_registry_destroy(registry);
}

static void
file_copy(const char *from, const char *to)
{
    char command[1024];
    snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
    cr_assert_eq(system(command), 0);
}

Test(registry, looks_in_the_folders_in_order)
{
    struct scratch scratch;
    struct tide_error err = {0};
    char path[256], dirs[600];
    scratch_init(&scratch);
    snprintf(dirs, sizeof(dirs), "/nowhere:%s", scratch.dir);
    const struct tide_plugin_ref by_name = {.name = "mine.so", .folder = scratch.dir};
    struct tide_registry *registry = registry_make("/nowhere", "/nowhere/either");
    cr_assert_eq(tide_registry_load(registry, &by_name, &host, &err), TIDE_ERR_NOTFOUND);
    cr_assert(strstr(err.text, "/nowhere (TIDEMARK_PLUGIN_PATH), /nowhere/either, ") &&
                  strstr(err.text, scratch.dir),
              "%s", err.text);
    file_copy(FIXTURES "/good.so", scratch_path(&scratch, "mine.so", path));
    cr_assert_eq(tide_registry_load(registry, &by_name, &host, &err), 0, "the caller's folder: %s",
                 err.text);
    tide_registry_destroy(registry);

    const struct tide_plugin_ref name_only = {.name = "mine.so"};
    registry = registry_make(dirs, NULL);
    cr_assert_eq(tide_registry_load(registry, &name_only, &host, &err), 0,
                 "TIDEMARK_PLUGIN_PATH: %s", err.text);
    cr_assert_str_eq(tide_registry_find(registry, TIDE_KIND_OPERATOR, "fixture")->path, path);
    tide_registry_destroy(registry);
    registry = registry_make(NULL, scratch.dir);
    cr_assert_eq(tide_registry_load(registry, &name_only, &host, &err), 0, "the installed ones: %s",
                 err.text);
    tide_registry_destroy(registry);
    scratch_fini(&scratch);
}

Test(registry, files_that_are_not_to_be_trusted)
{
    struct scratch scratch;
    struct tide_error err = {0};
    char path[256];
    scratch_init(&scratch);
    struct tide_registry *registry = registry_make(NULL, NULL);
    file_copy(FIXTURES "/good.so", scratch_path(&scratch, "mine.so", path));
    cr_assert_eq(chmod(path, 0666), 0);
    const struct tide_plugin_ref ref = {.name = path};
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), TIDE_ERR_PLUGIN);
    cr_assert_not_null(strstr(err.text, "written by everybody"), "%s", err.text);
    const struct tide_plugin_ref folder = {.name = scratch.dir};
    cr_assert_eq(tide_registry_load(registry, &folder, &host, &err), TIDE_ERR_PLUGIN);
    cr_assert_not_null(strstr(err.text, "not a regular file"), "%s", err.text);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), TIDE_ERR_PLUGIN,
                 "and does not hang");
    tide_registry_destroy(registry);
    scratch_fini(&scratch);
}

Test(registry, pinned_by_check_sum)
{
    struct tide_registry *registry = registry_make(NULL, NULL);
    struct tide_error err = {0};
    char sum[65];
    FILE *pipe = popen("sha256sum " FIXTURES "/good.so", "r");
    cr_assert_eq(fscanf(pipe, "%64s", sum), 1);
    pclose(pipe);
    struct tide_plugin_ref ref = {.name = FIXTURES "/good.so", .sha256 = "12"};
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), TIDE_ERR_INVALID);
    char wrong[65];
    memcpy(wrong, sum, sizeof(wrong));
    wrong[63] = wrong[63] == '0' ? '1' : '0';
    ref.sha256 = wrong;
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), TIDE_ERR_PLUGIN);
    cr_assert(strstr(err.text, sum) && strstr(err.text, wrong), "both sums: %s", err.text);
    ref.sha256 = sum;
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), 0, "%s", err.text);
    ref.sha256 = wrong;
    cr_assert_eq(tide_registry_load(registry, &ref, &host, &err), TIDE_ERR_PLUGIN,
                 "also when it is loaded");
    tide_registry_destroy(registry);
}

/* ---- built-ins, and names ---- */

static int
builtin_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
             struct tide_error *err)
{
    (void)in;
    (void)out_bound;
    (void)out_traits;
    (void)err;
    return 0;
}

static enum tide_step
builtin_write(void *self, const struct tide_batch *in, uint32_t *out_consumed)
{
    (void)self;
    *out_consumed = in->n;
    return TIDE_STEP_IDLE;
}

#define SINK(sink_name)                         \
    {                                           \
        .k = {.abi = TIDE_ABI_VERSION,          \
              .size = sizeof(struct tide_sink), \
              .type = TIDE_KIND_SINK,           \
              .name = sink_name,                \
              .bind = builtin_bind},            \
        .write = builtin_write                  \
    }

static const struct tide_sink sinks[] = {SINK("noop"), SINK("console"), SINK("kafka")};
static const struct tide_kind *const sink_kinds[] = {&sinks[0].k, &sinks[1].k, &sinks[2].k};
static const struct tide_plugin builtin = {.abi = TIDE_ABI_VERSION,
                                           .size = sizeof(builtin),
                                           .name = "builtin",
                                           .n_kinds = 3,
                                           .kinds = sink_kinds};

Test(registry, names_and_nearest_names)
{
    struct tide_registry *registry = registry_make(NULL, NULL);
    struct tide_error err = {0};
    const struct tide_registered *entry = NULL;
    cr_assert_eq(tide_registry_get(registry, TIDE_KIND_SINK, "console", &entry, &err),
                 TIDE_ERR_INVALID);
    cr_assert_str_eq(err.text, "unknown sink 'console'; sinks are: none (load a plugin)");
    cr_assert_eq(tide_registry_add(registry, &builtin, &err), 0, "%s", err.text);
    cr_assert_eq(tide_registry_add(registry, &builtin, &err), TIDE_ERR_PLUGIN);
    cr_assert(strstr(err.text, "it is built in"), "%s", err.text);
    cr_assert_eq(tide_registry_get(registry, TIDE_KIND_SINK, "kafak", &entry, &err),
                 TIDE_ERR_INVALID);
    cr_assert_str_eq(
        err.text, "unknown sink 'kafak': did you mean 'kafka'?; sinks are: console, kafka, noop");
    cr_assert_eq(tide_registry_get(registry, TIDE_KIND_SOURCE, "console", &entry, &err),
                 TIDE_ERR_INVALID);
    cr_assert(strstr(err.text, "'console' is a sink, not a source"), "%s", err.text);
    cr_assert_eq(tide_registry_get(registry, TIDE_KIND_SINK, "KAFKA", &entry, &err), 0);
    cr_assert_str_eq(entry->kind->name, "kafka");
    cr_assert_null(entry->path);
    char names[64] = "";
    for (entry = NULL; (entry = tide_registry_next(registry, TIDE_KIND_SINK, entry)) != NULL;) {
        strcat(strcat(names, entry->kind->name), " ");
    }
    cr_assert_str_eq(names, "console kafka noop ");
    tide_registry_destroy(registry);
}
