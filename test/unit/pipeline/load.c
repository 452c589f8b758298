/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading pipelines from texts. See load.h.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
fake_env(void *self, const char *name)
{
    (void)self;
    if (strcmp(name, "HOST") == 0) {
        return "example";
    }
    if (strcmp(name, "EMPTY") == 0) {
        return "";
    }
    if (strcmp(name, "NULLWORD") == 0) {
        return "null";
    }
    if (strcmp(name, "TRICKY") == 0) {
        return "${env:HOST}";
    }
    return strcmp(name, "CREDENTIALS_DIRECTORY") == 0 ? "/creds" : NULL;
}

struct file {
    const char *path;
    const char *text;
    size_t len;
};

static const struct file files[] = {
    {"/secret", "s3cret\n", 7}, {"/creds/key", "k", 1}, {"/nul", "a\0b", 3}, {"/two", "a\n\n", 3}};

static int
fake_read(void *self, const struct tide_seam *seam, const char *path, size_t max, char **out_text,
          size_t *out_len, struct tide_error *err)
{
    (void)self;
    (void)max;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (strcmp(files[i].path, path) == 0) {
            *out_text = tide_alloc(seam, files[i].len);
            memcpy(*out_text, files[i].text, files[i].len);
            *out_len = files[i].len;
            return 0;
        }
    }
    return tide_error_set(err, TIDE_ERR_NOTFOUND, "cannot open %s: no such file", path);
}

struct loaded
load_text(const char *text, const char *const *sets)
{
    struct loaded loaded = {0};
    struct tide_load_args args = {
        .path = "/folder/p.yaml",
        .text = text,
        .text_len = strlen(text),
        .sets = sets,
        .env = fake_env,
        .read_file = fake_read,
    };
    while (sets != NULL && sets[args.set_count] != NULL) {
        args.set_count++;
    }
    tide_diags_init(&loaded.diags, tide_seam_real());
    loaded.rc = tide_pipeline_load(tide_seam_real(), &args, &loaded.pipeline, &loaded.diags);
    return loaded;
}

void
unload(struct loaded *loaded)
{
    tide_pipeline_destroy(loaded->pipeline);
    tide_diags_fini(&loaded->diags);
}

char *
findings(const struct loaded *loaded)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    for (uint32_t i = 0; i < loaded->diags.count; i++) {
        const struct tide_diag *diag = &loaded->diags.items[i];
        if (diag->line == 0) {
            fprintf(out, "%s: %s\n", diag->file, diag->text);
        } else {
            fprintf(out, "%u:%u: %s\n", diag->line, diag->column, diag->text);
        }
    }
    fclose(out);
    return text;
}

const char *
setting(const struct tide_settings *settings, const char *name)
{
    const struct tide_given *given = tide_settings_get(settings, name);
    return given != NULL ? given->value : "(none)";
}
