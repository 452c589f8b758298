/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives the newest segment a clean end, so that the next recovery, with a segment behind it, finds
 * nothing to wonder about.
 *
 * Every step may be interrupted and done again: the copy aside replaces itself as a whole, the
 * whole image of a half group is never written, and zeros may be written twice. Threads: the
 * caller's; blocks.
 */
#include "wal/reader.h"

#include <string.h>

#include "base/assert.h"

static int
save_aside(const struct tide_wal_env *env, const struct tide_wal_tail *tail, struct tide_error *err)
{
    char path[TIDE_IO_PATH_MAX];
    int rc = tide_wal_path_torn(env->dir, tail->view.header.segment, tail->at, path, err);
    return rc != 0
               ? rc
               : tide_io_replace(env->io, path, tail->bytes + tail->at, tail->end - tail->at, err);
}

/* The other image of the half group, in whole blocks, in memory from the seam. */
static uint8_t *
other_image(const struct tide_wal_env *env, const struct tide_wal_tail *tail)
{
    const struct tide_wal_image *image = &tail->group.image;
    uint8_t *bytes = tide_alloc(env->seam, tide_wal_blocks(image->len));
    if (bytes == NULL) {
        return NULL;
    }
    memset(bytes, 0, tide_wal_blocks(image->len));
    memcpy(bytes, tail->bytes + image->at, image->len);
    for (uint64_t at = 0; at < image->len;) {
        uint64_t size = tide_wal_record_size(tide_wal_record_len(bytes + at));
        uint8_t flags = at + size == image->len ? TIDE_WAL_LAST : 0;
        flags |= tail->group.original ? TIDE_WAL_COPY : 0;
        tide_wal_record_stamp(tail->view.seed, bytes + at, image->first_lsn - 1, flags);
        at += size;
    }
    return bytes;
}

static int
write_other(const struct tide_wal_env *env, const struct tide_wal_tail *tail,
            struct tide_file *file, struct tide_error *err)
{
    const struct tide_wal_group *group = &tail->group;
    uint8_t *bytes = other_image(env, tail);
    if (bytes == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory to mend the log");
    }
    uint64_t at = group->original ? group->copy_at : tail->at;
    TIDE_ASSERT(at != group->image.at);
    int rc = env->io->write(env->io->self, file, bytes, tide_wal_blocks(group->image.len), at, err);
    tide_free(env->seam, bytes);
    return rc;
}

static int
write_zeros(const struct tide_wal_env *env, struct tide_file *file, uint64_t from, uint64_t to,
            struct tide_error *err)
{
    static const uint8_t zeros[TIDE_WAL_BLOCK];
    int rc = 0;
    while (from < to && rc == 0) {
        uint64_t n = to - from < sizeof(zeros) ? to - from : sizeof(zeros);
        rc = env->io->write(env->io->self, file, zeros, n, from, err);
        from += n;
    }
    return rc;
}

int
tide_wal_mend(const struct tide_wal_env *env, const struct tide_wal_tail *tail,
              struct tide_error *err)
{
    char path[TIDE_IO_PATH_MAX];
    struct tide_file *file = NULL;
    TIDE_ASSERT(tail->end > tail->at);
    int rc = save_aside(env, tail, err);
    rc = rc != 0 ? rc : tide_wal_path(env->dir, tail->view.header.segment, "log", path, err);
    rc = rc != 0 ? rc : env->io->open(env->io->self, path, TIDE_IO_WRITE, &file, err);
    if (rc != 0) {
        return rc;
    }
    rc = tail->half ? write_other(env, tail, file, err) : 0;
    uint64_t clean = tail->half ? tail->group.end : tail->at;
    rc = rc != 0 ? rc : write_zeros(env, file, clean, tail->end, err);
    rc = rc != 0 ? rc : env->io->sync(env->io->self, file, err);
    env->io->close(env->io->self, file);
    return rc;
}

/* ---- leftovers ---- */

struct leftovers {
    const struct tide_wal_env *env;
    uint32_t torn; /* how many there are (first round), how many are still too many (second) */
    bool counting;
    struct tide_error *err;
};

static int
leftover(void *ctx, const char *name, bool directory)
{
    struct leftovers *left = ctx;
    uint64_t segment = 0;
    enum tide_wal_name kind = directory ? TIDE_WAL_NAME_OTHER : tide_wal_name_parse(name, &segment);
    if (left->counting) {
        left->torn += kind == TIDE_WAL_NAME_TORN ? 1 : 0;
        return 0;
    }
    bool old = kind == TIDE_WAL_NAME_TORN && left->torn > TIDE_LIMIT_WAL_TORN;
    if (kind != TIDE_WAL_NAME_TEMP && !old) {
        return 0;
    }
    left->torn -= old ? 1 : 0;
    char path[TIDE_IO_PATH_MAX];
    int rc = tide_wal_path_in(left->env->dir, name, path, left->err);
    return rc != 0 ? rc : left->env->io->unlink(left->env->io->self, path, left->err);
}

int
tide_wal_tidy(const struct tide_wal_env *env, struct tide_error *err)
{
    struct leftovers left = {.env = env, .counting = true, .err = err};
    struct tide_io_stat stat;
    int rc = env->io->stat(env->io->self, env->dir, &stat, err);
    if (rc != 0 || !stat.exists) {
        return rc;
    }
    rc = env->io->list(env->io->self, env->dir, leftover, &left, err);
    left.counting = false;
    return rc != 0 ? rc : env->io->list(env->io->self, env->dir, leftover, &left, err);
}
