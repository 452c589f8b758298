/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test data into files, one record a line.
 *
 * In a folder a file is written as .part-00000.json and renamed when it is whole, so that whoever
 * watches the folder never reads half of one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gen_out.h"
#include "say.h"

#define RECORDS_A_FILE 1000u
#define PATH_BYTES 4096u

struct files {
    const char *path;
    bool folder;
    FILE *file;
    uint64_t records, number; /* all records; number of the file */
    char part[PATH_BYTES], name[PATH_BYTES];
};

static int
say_path(const char *path)
{
    cli_say("%s: %s", path, strerror(errno));
    return 1;
}

static int
open_part(struct files *files)
{
    int n = snprintf(files->part, PATH_BYTES, "%s/.part-%05" PRIu64 ".json", files->path,
                     files->number);
    int m =
        snprintf(files->name, PATH_BYTES, "%s/part-%05" PRIu64 ".json", files->path, files->number);
    if (n < 0 || m < 0 || (unsigned)n >= PATH_BYTES || (unsigned)m >= PATH_BYTES) {
        cli_say("the path %.64s... is too long", files->path);
        return CLI_EXIT_USAGE;
    }
    files->number++;
    files->file = fopen(files->part, "we");
    return files->file == NULL ? say_path(files->part) : 0;
}

static int
close_part(struct files *files)
{
    FILE *file = files->file;
    files->file = NULL;
    if (file == NULL) {
        return 0;
    }
    if (fclose(file) != 0) {
        return say_path(files->folder ? files->part : files->path);
    }
    return files->folder && rename(files->part, files->name) != 0 ? say_path(files->name) : 0;
}

static int
files_put(void *self, const struct cli_gen_record *record)
{
    struct files *files = self;
    if (files->folder && files->records % RECORDS_A_FILE == 0) {
        int code = close_part(files);
        code = code != 0 ? code : open_part(files);
        if (code != 0) {
            return code;
        }
    }
    files->records++;
    if (fwrite(record->value, 1, record->value_len, files->file) != record->value_len ||
        putc('\n', files->file) == EOF) {
        return say_path(files->path != NULL ? files->path : "standard output");
    }
    return 0;
}

static int
files_rest(void *self)
{
    struct files *files = self;
    if (files->file != NULL && fflush(files->file) != 0) {
        return say_path(files->path != NULL ? files->path : "standard output");
    }
    return 0;
}

static int
files_end(void *self, uint64_t *out_delivered)
{
    struct files *files = self;
    int code = files->path == NULL ? files_rest(files) : close_part(files);
    *out_delivered = files->records;
    free(files);
    return code;
}

int
cli_gen_files(const char *path, struct cli_gen_out *out)
{
    struct stat info;
    struct files *files = calloc(1, sizeof(*files));
    if (files == NULL) {
        cli_say("out of memory");
        return 1;
    }
    files->path = path;
    files->folder = path != NULL && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (!files->folder) {
        files->file = path == NULL ? stdout : fopen(path, "we");
    }
    if (!files->folder && files->file == NULL) {
        free(files);
        return say_path(path);
    }
    *out =
        (struct cli_gen_out){.self = files, .put = files_put, .rest = files_rest, .end = files_end};
    return 0;
}
