/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a pipeline: text, tree, --set, references, structs, rules. See format.h.
 *
 * Each phase adds what it finds to the diagnostics and the next one goes on with what is there, so
 * that all errors of a file are seen at once. Only a file that is no YAML ends it early.
 */
#include "pipeline/format.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"
#include "pipeline/format_check.h"
#include "pipeline/format_read.h"
#include "pipeline/format_table.h"
#include "pipeline/interp.h"
#include "pipeline/setpath.h"
#include "pipeline/yaml_read.h"

/* ---- the environment and files of this process ---- */

static const char *
real_env(void *self, const char *name)
{
    (void)self;
    return getenv(name);
}

/* Reads up to @max bytes and one more, which says that there are too many. */
static int
read_all(int fd, const char *path, char *text, size_t max, size_t *out_len, struct tide_error *err)
{
    size_t len = 0;
    while (len <= max) {
        ssize_t n = read(fd, text + len, max + 1 - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return tide_error_set(err, TIDE_ERR_IO, "cannot read %s: %s", path, strerror(errno));
        }
        if (n == 0) {
            *out_len = len;
            return 0;
        }
        len += (size_t)n;
    }
    return tide_error_set(err, TIDE_ERR_LIMIT, "%s is larger than %zu bytes", path, max);
}

static int
real_read_file(void *self, const struct tide_seam *seam, const char *path, size_t max,
               char **out_text, size_t *out_len, struct tide_error *err)
{
    (void)self;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return tide_error_set(err, errno == ENOENT ? TIDE_ERR_NOTFOUND : TIDE_ERR_IO,
                              "cannot open %s: %s", path, strerror(errno));
    }
    char *text = tide_alloc(seam, max + 1);
    int rc = TIDE_ERR_NOMEM;
    if (text != NULL) {
        rc = read_all(fd, path, text, max, out_len, err);
    }
    close(fd);
    if (rc != 0) {
        tide_free(seam, text);
        return rc;
    }
    *out_text = text;
    return 0;
}

void
tide_load_args_real(struct tide_load_args *args)
{
    args->self = NULL;
    args->env = real_env;
    args->read_file = real_read_file;
}

/* ---- small services of the header ---- */

const struct tide_given *
tide_settings_get(const struct tide_settings *settings, const char *name)
{
    for (uint32_t i = 0; i < settings->count; i++) {
        if (tide_text_equal_nocase(settings->items[i].name, name)) {
            return &settings->items[i];
        }
    }
    return NULL;
}

/* Where a finding belongs: the block, the name, an item of a list, or the value. */
static const struct tide_node *
finding_node(const struct tide_settings_report *report, const struct tide_option_finding *finding)
{
    if (finding->given == NULL) {
        return report->owner;
    }
    const struct tide_node *node = finding->given->place;
    if (finding->on_name) {
        return node->key;
    }
    const struct tide_node *item = finding->item >= 0 ? node->first : NULL;
    for (int32_t i = 0; item != NULL && i < finding->item; i++) {
        item = item->next;
    }
    return item != NULL ? item : node;
}

void
tide_settings_report(void *ctx, const struct tide_option_finding *finding)
{
    const struct tide_settings_report *report = ctx;
    struct tide_error err = {0};
    tide_error_set(&err, finding->code, "%s", finding->text);
    tide_diags_error_at(report->diags, finding_node(report, finding), finding->at, &err);
}

bool
tide_format_is_for_show(const char *format)
{
    return strcmp(format, "console") == 0 || strcmp(format, "memory") == 0 ||
           strcmp(format, "noop") == 0;
}

int
tide_path_local(const char *text, const char **out_path, struct tide_error *err)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) ||
           (len > 0 && strchr("+-.", text[len]) && text[len])) {
        len++;
    }
    if (len < 2 || text[len] != ':' || text[len + 1] != '/') {
        *out_path = text;
        return 0;
    }
    const char *path = text + len + 1;
    if (len != 4 || strncmp(text, "file", 4) != 0) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "'%.*s:' paths are not supported: use a local path or file:///x",
                              (int)len, text);
    }
    if (strncmp(path, "//", 2) == 0 && path[2] != '/') {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "'%s' names a host: write file:///x for the local path /x", text);
    }
    *out_path = strncmp(path, "//", 2) == 0 ? path + 2 : path;
    return 0;
}

const char *
tide_verb_name(enum tide_verb verb)
{
    const struct tide_section *section = &tide_section_step;
    enum tide_verb folded = verb == TIDE_VERB_FILTER_PLUGIN ? TIDE_VERB_FILTER : verb;
    for (uint32_t i = 0; i < section->count; i++) {
        if (section->keys[i].verb == (int32_t)folded && folded != TIDE_VERB_NONE) {
            return section->keys[i].name;
        }
    }
    return "step";
}

/* ---- loading ---- */

/* The folder of @path, and its name without .yaml: Spark's queryName when none is given. */
static int
path_parts(struct tide_pipeline *pipeline, const char *path)
{
    struct tide_doc *doc = &pipeline->doc;
    const char *slash = strrchr(path, '/');
    const char *file = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(file, '.');
    size_t len = dot != NULL && dot > file ? (size_t)(dot - file) : strlen(file);
    pipeline->path = tide_doc_text(doc, path, strlen(path));
    if (slash == NULL) {
        pipeline->dir = ".";
    } else {
        pipeline->dir = tide_doc_text(doc, path, slash == path ? 1 : (size_t)(slash - path));
    }
    pipeline->name = strcmp(path, "-") == 0 ? "pipeline" : tide_doc_text(doc, file, len);
    return doc->failed ? TIDE_ERR_NOMEM : 0;
}

/* Adds "cannot open ..." as the only finding. */
static void
unreadable(struct tide_diags *diags, const char *path, const struct tide_error *err)
{
    const struct tide_node place = {.file = path};
    tide_diags_error_at(diags, &place, -1, err);
}

static int
tree_read(struct tide_pipeline *pipeline, const struct tide_load_args *args,
          struct tide_diags *diags)
{
    struct tide_error err = {0};
    char *text = NULL;
    size_t len = 0;
    if (args->text != NULL) {
        return tide_yaml_read(&pipeline->doc, args->text, args->text_len, diags);
    }
    int rc = args->read_file(args->self, pipeline->seam, args->path, TIDE_LIMIT_YAML_BYTES, &text,
                             &len, &err);
    if (rc == TIDE_ERR_NOMEM) {
        return rc;
    }
    if (rc != 0) {
        err.code = TIDE_ERR_INVALID;
        unreadable(diags, args->path, &err);
        return TIDE_ERR_INVALID;
    }
    rc = tide_yaml_read(&pipeline->doc, text, len, diags);
    tide_free(pipeline->seam, text);
    return rc;
}

static int
sets_apply(struct tide_pipeline *pipeline, const struct tide_load_args *args,
           struct tide_diags *diags)
{
    int rc = 0;
    for (uint32_t i = 0; i < args->set_count && rc == 0; i++) {
        rc = tide_setpath_apply(&pipeline->doc, args->sets[i], diags);
    }
    return rc;
}

/* Top-level steps: or query: become the stream `main`, after those of `streams`. */
static int
main_add(struct tide_reader *reader, struct tide_pipeline *pipeline)
{
    const struct tide_node *root = reader->doc->root;
    const struct tide_node *steps = tide_node_get(root, "steps");
    const struct tide_node *query = tide_node_get(root, "query");
    if (steps == NULL && query == NULL) {
        return 0;
    }
    uint32_t count = pipeline->stream_count;
    struct tide_stream_def *streams = tide_doc_alloc(reader->doc, (count + 1) * sizeof(*streams));
    if (streams == NULL) {
        return TIDE_ERR_NOMEM;
    }
    if (count > 0) {
        memcpy(streams, pipeline->streams, count * sizeof(*streams));
    }
    struct tide_stream_def *stream = &streams[count];
    stream->node = root;
    stream->name = "main";
    stream->ttl_ns = TIDE_UNSET;
    stream->steps = pipeline->main_steps;
    stream->query = pipeline->main_query;
    pipeline->streams = streams;
    pipeline->stream_count = count + 1;
    return 0;
}

static bool
has_plugins(const struct tide_node *root)
{
    const struct tide_node *plugins = tide_node_get(root, "plugins");
    return plugins != NULL && plugins->count > 0;
}

static int
structs_fill(struct tide_pipeline *pipeline, const struct tide_load_args *args,
             struct tide_diags *diags)
{
    struct tide_reader reader = {.doc = &pipeline->doc, .diags = diags, .placed = args->placed};
    reader.plugins = has_plugins(pipeline->doc.root);
    int rc = tide_section_read(&reader, &tide_section_pipeline, pipeline->doc.root, pipeline);
    rc = rc != 0 ? rc : main_add(&reader, pipeline);
    rc = rc != 0 ? rc : tide_pipeline_check(&reader, pipeline);
    return rc != 0 ? rc : tide_pipeline_resolve(&reader, pipeline);
}

static int
phases(struct tide_pipeline *pipeline, const struct tide_load_args *args, struct tide_diags *diags)
{
    int rc = path_parts(pipeline, args->path);
    rc = rc != 0 ? rc : tree_read(pipeline, args, diags);
    rc = rc != 0 ? rc : sets_apply(pipeline, args, diags);
    rc = rc != 0 ? rc : tide_interp_resolve(&pipeline->doc, args, pipeline->dir, diags);
    rc = rc != 0 ? rc : structs_fill(pipeline, args, diags);
    return pipeline->doc.failed ? TIDE_ERR_NOMEM : rc;
}

/* All errors are "not in this version": the pipeline is right, the program is too old. */
static int
outcome(const struct tide_diags *diags)
{
    bool invalid = diags->dropped > 0;
    for (uint32_t i = 0; i < diags->count; i++) {
        const struct tide_diag *diag = &diags->items[i];
        invalid |= diag->severity == TIDE_DIAG_ERROR && diag->code != TIDE_ERR_UNSUPPORTED;
    }
    if (diags->errors == 0) {
        return 0;
    }
    return invalid ? TIDE_ERR_INVALID : TIDE_ERR_UNSUPPORTED;
}

int
tide_pipeline_load(const struct tide_seam *seam, const struct tide_load_args *args,
                   struct tide_pipeline **out_pipeline, struct tide_diags *diags)
{
    const char *shown = strcmp(args->path, "-") == 0 ? "<stdin>" : args->path;
    struct tide_pipeline *pipeline = tide_alloc(seam, sizeof(*pipeline));
    TIDE_ASSERT(args->env != NULL);
    TIDE_ASSERT(args->read_file != NULL);
    *out_pipeline = NULL;
    if (pipeline == NULL) {
        return TIDE_ERR_NOMEM;
    }
    pipeline->seam = seam;
    int rc = tide_doc_init(&pipeline->doc, seam, shown);
    rc = rc != 0 ? rc : phases(pipeline, args, diags);
    tide_diags_sort(diags);
    if (rc != 0) {
        tide_pipeline_destroy(pipeline);
        return rc;
    }
    *out_pipeline = pipeline;
    return outcome(diags);
}

void
tide_pipeline_destroy(struct tide_pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    const struct tide_seam *seam = pipeline->seam;
    tide_doc_fini(&pipeline->doc);
    tide_free(seam, pipeline);
}
