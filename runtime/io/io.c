/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choice of the real instance, and what can be said in terms of the table alone.
 *
 * Threads: start for tide_io_create, control threads for the rest.
 */
#include "io/io.h"

#include <stdio.h>
#include <string.h>

#include "io/real.h"

int
tide_io_create(const struct tide_seam *seam, enum tide_io_choice choice, struct tide_io **out_io,
               struct tide_error *err)
{
    if (choice == TIDE_IO_PLAIN) {
        return tide_plain_create(seam, out_io, err);
    }
    int rc = tide_uring_create(seam, out_io, err);
    if (rc == TIDE_ERR_UNSUPPORTED && choice == TIDE_IO_AUTO) {
        return tide_plain_create(seam, out_io, err);
    }
    return rc;
}

void
tide_io_destroy(struct tide_io *io)
{
    if (io != NULL) {
        io->destroy(io);
    }
}

int
tide_io_parent(const char *path, char out_parent[TIDE_IO_PATH_MAX], struct tide_error *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (len >= TIDE_IO_PATH_MAX) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "path of more than %d bytes: %.64s...",
                              TIDE_IO_PATH_MAX - 1, path);
    }
    memcpy(out_parent, len > 0 ? path : ".", len > 0 ? len : 1);
    out_parent[len > 0 ? len : 1] = 0;
    return 0;
}

static int
write_new(struct tide_io *io, const char *path, const void *bytes, size_t len,
          struct tide_error *err)
{
    struct tide_file *file = NULL;
    int rc = io->open(io->self, path, TIDE_IO_CREATE, &file, err);
    if (rc != 0) {
        return rc;
    }
    rc = io->write(io->self, file, bytes, len, 0, err);
    rc = rc != 0 ? rc : io->sync(io->self, file, err);
    io->close(io->self, file);
    return rc;
}

int
tide_io_replace(struct tide_io *io, const char *path, const void *bytes, size_t len,
                struct tide_error *err)
{
    char temp[TIDE_IO_PATH_MAX];
    char parent[TIDE_IO_PATH_MAX];
    int rc = tide_io_parent(path, parent, err);
    if (rc != 0) {
        return rc;
    }
    if (snprintf(temp, sizeof(temp), "%s.tmp", path) >= (int)sizeof(temp)) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "path too long: %.64s...", path);
    }
    rc = write_new(io, temp, bytes, len, err);
    rc = rc != 0 ? rc : io->rename(io->self, temp, path, err);
    return rc != 0 ? rc : io->sync_dir(io->self, parent, err);
}
