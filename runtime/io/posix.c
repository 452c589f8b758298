/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control calls of the real instances: plain system calls that may block.
 *
 * Threads: control and offload threads, any number; nothing is shared but the files, and a file is
 * used by one thread at a time. io.h is the contract.
 */
#include "io/real.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/limits.h"

#define MODE_FILE 0640
#define MODE_DIR 0750
#define ZERO_BYTES (256u << 10)

int
tide_posix_write_code(int sys)
{
    bool full = sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
    return full ? TIDE_ERR_NOSPACE : TIDE_ERR_SYNC;
}

bool
tide_posix_again(int sys)
{
    return sys == EINTR || sys == EAGAIN || sys == ECANCELED;
}

/* Names the path and the reason of a failed control call that wrote nothing. */
static int
control_error(struct tide_error *err, int sys, const char *verb, const char *path)
{
    int code = TIDE_ERR_IO;
    if (sys == ENOENT) {
        code = TIDE_ERR_NOTFOUND;
    } else if (sys == ENOSPC || sys == EDQUOT) {
        code = TIDE_ERR_NOSPACE;
    } else if (sys == ENOMEM) {
        code = TIDE_ERR_NOMEM;
    }
    return tide_error_set(err, code, "cannot %s %s: %s", verb, path, strerror(sys));
}

static int
write_error(struct tide_error *err, int sys, struct tide_file *file)
{
    int code = tide_posix_write_code(sys);
    file->failed = file->failed || code == TIDE_ERR_SYNC;
    return tide_error_set(err, code, "cannot write %s: %s", file->path, strerror(sys));
}

static int
sticky_error(struct tide_error *err, const struct tide_file *file)
{
    return tide_error_set(err, TIDE_ERR_SYNC, "%s is not written any more: a sync of it failed",
                          file->path);
}

static struct tide_file *
file_new(const struct tide_posix *posix, const char *path)
{
    size_t len = strlen(path) + 1;
    struct tide_file *file = tide_alloc(posix->seam, sizeof(*file) + len);
    if (file != NULL) {
        file->fd = -1;
        memcpy(file->path, path, len);
    }
    return file;
}

static int
file_open(const struct tide_posix *posix, const char *path, int flags, struct tide_file **out_file,
          struct tide_error *err)
{
    struct tide_file *file = file_new(posix, path);
    if (file == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory to open %s", path);
    }
    do {
        file->fd = open(path, flags | O_CLOEXEC, MODE_FILE);
    } while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0) {
        int sys = errno;
        tide_free(posix->seam, file);
        return control_error(err, sys, "open", path);
    }
    *out_file = file;
    return 0;
}

static int
posix_open(void *self, const char *path, enum tide_io_mode mode, struct tide_file **out_file,
           struct tide_error *err)
{
    static const int flags[] = {
        [TIDE_IO_READ] = O_RDONLY,
        [TIDE_IO_WRITE] = O_RDWR,
        [TIDE_IO_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    TIDE_ASSERT((unsigned)mode < sizeof(flags) / sizeof(flags[0]));
    return file_open(self, path, flags[mode], out_file, err);
}

static void
posix_close(void *self, struct tide_file *file)
{
    const struct tide_posix *posix = self;
    if (file != NULL) {
        close(file->fd);
        tide_free(posix->seam, file);
    }
}

static int
posix_size(void *self, struct tide_file *file, uint64_t *out_size, struct tide_error *err)
{
    (void)self;
    struct stat st;
    if (fstat(file->fd, &st) != 0) {
        return control_error(err, errno, "stat", file->path);
    }
    *out_size = (uint64_t)st.st_size;
    return 0;
}

static int
posix_read(void *self, struct tide_file *file, void *buf, size_t len, uint64_t offset,
           size_t *out_len, struct tide_error *err)
{
    (void)self;
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(file->fd, (char *)buf + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR) {
            return control_error(err, errno, "read", file->path);
        }
        if (n == 0) {
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    *out_len = done;
    return 0;
}

static int
posix_write(void *self, struct tide_file *file, const void *buf, size_t len, uint64_t offset,
            struct tide_error *err)
{
    (void)self;
    if (file->failed) {
        return sticky_error(err, file);
    }
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(file->fd, (const char *)buf + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR) {
            return write_error(err, errno, file);
        }
        if (n == 0) {
            return write_error(err, ENOSPC, file);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/*
 * Reserves the blocks, then writes them: a reserved block that was never written still costs the
 * file system a journal entry at its first sync.
 */
static int
posix_zero(void *self, struct tide_file *file, uint64_t len, struct tide_error *err)
{
    static const uint8_t zeros[ZERO_BYTES];
    if (file->failed) {
        return sticky_error(err, file);
    }
    while (fallocate(file->fd, 0, 0, (off_t)len) != 0) {
        if (errno == EOPNOTSUPP || errno == ENOSYS) {
            break;
        }
        if (errno != EINTR) {
            return write_error(err, errno, file);
        }
    }
    for (uint64_t at = 0; at < len; at += ZERO_BYTES) {
        size_t n = len - at < ZERO_BYTES ? (size_t)(len - at) : ZERO_BYTES;
        int rc = posix_write(self, file, zeros, n, at, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int
posix_sync(void *self, struct tide_file *file, struct tide_error *err)
{
    (void)self;
    if (file->failed) {
        return sticky_error(err, file);
    }
    if (fdatasync(file->fd) != 0) {
        file->failed = true;
        return tide_error_set(err, TIDE_ERR_SYNC, "cannot sync %s: %s", file->path,
                              strerror(errno));
    }
    return 0;
}

static int
posix_rename(void *self, const char *from, const char *to, struct tide_error *err)
{
    (void)self;
    return rename(from, to) == 0 ? 0 : control_error(err, errno, "rename", from);
}

static int
posix_unlink(void *self, const char *path, struct tide_error *err)
{
    (void)self;
    bool gone = unlink(path) == 0 || errno == ENOENT;
    return gone ? 0 : control_error(err, errno, "delete", path);
}

static int
posix_sync_dir(void *self, const char *path, struct tide_error *err)
{
    (void)self;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return control_error(err, errno, "open", path);
    }
    int rc = 0;
    if (fsync(fd) != 0) {
        rc = tide_error_set(err, TIDE_ERR_SYNC, "cannot sync %s: %s", path, strerror(errno));
    }
    close(fd);
    return rc;
}

static int
posix_mkdir(void *self, const char *path, struct tide_error *err)
{
    if (mkdir(path, MODE_DIR) != 0 && errno != EEXIST) {
        return control_error(err, errno, "make directory", path);
    }
    /* Also when it existed: the one who made it may have crashed before its name was durable. */
    char parent[TIDE_IO_PATH_MAX];
    int rc = tide_io_parent(path, parent, err);
    return rc != 0 ? rc : posix_sync_dir(self, parent, err);
}

static int
posix_stat(void *self, const char *path, struct tide_io_stat *out_stat, struct tide_error *err)
{
    (void)self;
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            return control_error(err, errno, "stat", path);
        }
        *out_stat = (struct tide_io_stat){.exists = false};
        return 0;
    }
    *out_stat = (struct tide_io_stat){
        .size = (uint64_t)st.st_size, .exists = true, .directory = S_ISDIR(st.st_mode)};
    return 0;
}

/* ---- listing: all names first, so that the visits come in order and may delete ---- */

/* A name in the listing: its kind in one byte, then the text with its zero. */
struct listing {
    struct tide_buf names;
    struct tide_buf starts; /* uint32_t each: where a name begins in @names */
};

static bool
entry_is_dir(DIR *dir, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_DIR;
    }
    struct stat st;
    return fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static int
listing_add(struct listing *listing, const char *name, bool directory)
{
    uint32_t start = (uint32_t)listing->names.len;
    int rc = tide_buf_append(&listing->starts, &start, sizeof(start));
    rc = rc != 0 ? rc : tide_buf_append_byte(&listing->names, directory ? 1 : 0);
    return rc != 0 ? rc : tide_buf_append(&listing->names, name, strlen(name) + 1);
}

static int
listing_read(struct listing *listing, const char *path, struct tide_error *err)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return control_error(err, errno, "list", path);
    }
    int rc = 0;
    struct dirent *entry = NULL;
    errno = 0;
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            rc = listing_add(listing, entry->d_name, entry_is_dir(dir, entry));
        }
        errno = 0;
    }
    int sys = errno;
    closedir(dir);
    if (rc != 0) {
        return tide_error_set(err, rc, "no room for the names in %s", path);
    }
    return sys == 0 ? 0 : control_error(err, sys, "list", path);
}

static int
by_bytes(const void *a, const void *b, void *names)
{
    const char *text = names;
    uint32_t start_a;
    uint32_t start_b;
    memcpy(&start_a, a, sizeof(start_a));
    memcpy(&start_b, b, sizeof(start_b));
    return strcmp(text + start_a + 1, text + start_b + 1);
}

static int
listing_visit(struct listing *listing, tide_io_visit *visit, void *ctx)
{
    size_t n = listing->starts.len / sizeof(uint32_t);
    int rc = 0;
    if (n > 0) {
        qsort_r(listing->starts.data, n, sizeof(uint32_t), by_bytes, listing->names.data);
    }
    for (size_t i = 0; i < n && rc >= 0; i++) {
        uint32_t start;
        memcpy(&start, listing->starts.data + i * sizeof(start), sizeof(start));
        const char *name = (const char *)listing->names.data + start + 1;
        rc = visit(ctx, name, listing->names.data[start] != 0);
    }
    return rc < 0 ? rc : 0;
}

static int
posix_list(void *self, const char *path, tide_io_visit *visit, void *ctx, struct tide_error *err)
{
    const struct tide_posix *posix = self;
    struct listing listing;
    tide_buf_init(&listing.names, posix->seam, TIDE_LIMIT_DIR_BYTES);
    tide_buf_init(&listing.starts, posix->seam, TIDE_LIMIT_DIR_BYTES);
    int rc = listing_read(&listing, path, err);
    rc = rc != 0 ? rc : listing_visit(&listing, visit, ctx);
    tide_buf_fini(&listing.starts);
    tide_buf_fini(&listing.names);
    return rc;
}

static int
lock_taken(struct tide_error *err, const struct tide_file *lock)
{
    char pid[24] = "";
    ssize_t n = pread(lock->fd, pid, sizeof(pid) - 1, 0);
    pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
    return tide_error_set(err, TIDE_ERR_FENCED,
                          "%s is held by process %s: stop that one first, or use another directory",
                          lock->path, pid[0] != 0 ? pid : "(unknown)");
}

static int
posix_lock(void *self, const char *path, struct tide_file **out_lock, struct tide_error *err)
{
    struct tide_file *lock = NULL;
    int rc = file_open(self, path, O_RDWR | O_CREAT, &lock, err);
    if (rc != 0) {
        return rc;
    }
    if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK ? lock_taken(err, lock) : control_error(err, errno, "lock", path);
        posix_close(self, lock);
        return rc;
    }
    char pid[24];
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    /* The text is for people only; a full disk must not keep the engine from starting to wait. */
    if (ftruncate(lock->fd, 0) == 0) {
        (void)!pwrite(lock->fd, pid, (size_t)n, 0);
    }
    *out_lock = lock;
    return 0;
}

static int
posix_space(void *self, const char *path, uint64_t *out_free_bytes, struct tide_error *err)
{
    (void)self;
    struct statvfs st;
    if (statvfs(path, &st) != 0) {
        return control_error(err, errno, "ask for the free space of", path);
    }
    *out_free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}

void
tide_posix_fill(struct tide_io *io)
{
    io->open = posix_open;
    io->close = posix_close;
    io->size = posix_size;
    io->read = posix_read;
    io->write = posix_write;
    io->zero = posix_zero;
    io->sync = posix_sync;
    io->rename = posix_rename;
    io->unlink = posix_unlink;
    io->mkdir = posix_mkdir;
    io->sync_dir = posix_sync_dir;
    io->stat = posix_stat;
    io->list = posix_list;
    io->lock = posix_lock;
    io->space = posix_space;
}
