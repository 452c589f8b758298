/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both real storage instances against the kernel: the same tests for io_uring and for plain calls.
 *
 * What a full disk and a failed sync look like comes from the kernel's own devices: /dev/full takes
 * no byte, /dev/null takes all and cannot be synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/limits.h"
#include "base/seam.h"
#include "io/io.h"
#include "scratch.h"

/* Runs @body with each real instance; io_uring may be forbidden where this runs, which is said
 * loudly. */
static void
each(void (*body)(struct tide_io *io, const struct scratch *scratch))
{
    static const enum tide_io_choice choices[] = {TIDE_IO_PLAIN, TIDE_IO_URING};
    static const char *const names[] = {"plain", "io_uring"};
    for (size_t i = 0; i < 2; i++) {
        struct scratch scratch;
        struct tide_io *io = NULL;
        struct tide_error err = {.code = 0};
        int rc = tide_io_create(tide_seam_real(), choices[i], &io, &err);
        if (rc == TIDE_ERR_UNSUPPORTED && choices[i] == TIDE_IO_URING) {
            fprintf(stderr, "NOT TESTED: %s\n", err.text);
            continue;
        }
        cr_assert_eq(rc, 0, "%s", err.text);
        cr_assert_str_eq(io->name, names[i]);
        scratch_init(&scratch);
        body(io, &scratch);
        scratch_fini(&scratch);
        tide_io_destroy(io);
    }
}

static struct tide_file *
open_file(struct tide_io *io, const char *path, enum tide_io_mode mode)
{
    struct tide_file *file = NULL;
    struct tide_error err = {.code = 0};
    cr_assert_eq(io->open(io->self, path, mode, &file, &err), 0, "%s", err.text);
    return file;
}

static struct tide_io_completion
write_and_wait(struct tide_io *io, struct tide_file *file, const void *buf, uint32_t len,
               uint64_t offset)
{
    struct tide_io_completion end = {.result = 1};
    struct tide_io_write write = {
        .file = file, .buf = buf, .len = len, .offset = offset, .tag = 42};
    cr_assert_eq(io->submit(io->self, &write), 0);
    io->wait(io->self);
    cr_assert_eq(io->poll(io->self, &end, 1), 1);
    cr_assert_eq(end.tag, 42);
    return end;
}

/* The bytes as another reader sees them, not through the instance. */
static void
assert_holds(const char *path, uint64_t offset, const void *bytes, size_t len)
{
    char got[512];
    int fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0);
    cr_assert_leq(len, sizeof(got));
    cr_assert_eq(pread(fd, got, len, (off_t)offset), (ssize_t)len);
    cr_assert_arr_eq(got, bytes, len);
    close(fd);
}

static void
durable_write(struct tide_io *io, const struct scratch *scratch)
{
    char path[256];
    struct tide_file *file = open_file(io, scratch_path(scratch, "a", path), TIDE_IO_CREATE);
    struct tide_io_completion end = write_and_wait(io, file, "hello tide", 10, 5000);
    cr_assert_eq(end.result, 0);
    cr_assert_eq(end.sys, 0);
    assert_holds(path, 5000, "hello tide", 10);
    io->close(io->self, file);
}

Test(storage, a_durable_write_reaches_its_place)
{
    each(durable_write);
}

/* As many as are allowed, each with its own bytes; every tag comes back once; the descriptor tells.
 */
static void
many_writes(struct tide_io *io, const struct scratch *scratch)
{
    static uint32_t values[TIDE_LIMIT_IO_DEPTH];
    bool seen[TIDE_LIMIT_IO_DEPTH] = {false};
    char path[256];
    struct tide_file *file = open_file(io, scratch_path(scratch, "a", path), TIDE_IO_CREATE);
    for (uint32_t i = 0; i < TIDE_LIMIT_IO_DEPTH; i++) {
        values[i] = i * 2654435761u;
        struct tide_io_write write = {
            .file = file, .buf = &values[i], .len = 4, .offset = i * 4096u, .tag = i};
        cr_assert_eq(io->submit(io->self, &write), 0);
    }
    struct tide_io_write over = {.file = file, .buf = values, .len = 4, .tag = 99};
    cr_assert_eq(io->submit(io->self, &over), TIDE_ERR_LIMIT);
    for (uint32_t n = 0; n < TIDE_LIMIT_IO_DEPTH;) {
        struct pollfd fd = {.fd = io->fd, .events = POLLIN};
        struct tide_io_completion ends[7];
        cr_assert_eq(poll(&fd, 1, 60000), 1, "no completion was announced after %u", n);
        uint32_t got = io->poll(io->self, ends, 7);
        for (uint32_t i = 0; i < got; i++, n++) {
            cr_assert_eq(ends[i].result, 0);
            cr_assert_lt(ends[i].tag, TIDE_LIMIT_IO_DEPTH);
            cr_assert_not(seen[ends[i].tag]);
            seen[ends[i].tag] = true;
        }
    }
    for (uint32_t i = 0; i < TIDE_LIMIT_IO_DEPTH; i++) {
        assert_holds(path, i * 4096u, &values[i], 4);
    }
    io->close(io->self, file);
}

Test(storage, a_full_depth_of_writes_completes_and_one_more_is_refused)
{
    each(many_writes);
}

static void
full_disk(struct tide_io *io, const struct scratch *scratch)
{
    (void)scratch;
    struct tide_file *file = open_file(io, "/dev/full", TIDE_IO_WRITE);
    struct tide_io_completion end = write_and_wait(io, file, "x", 1, 0);
    cr_assert_eq(end.result, TIDE_ERR_NOSPACE);
    cr_assert_eq(end.sys, ENOSPC);
    end = write_and_wait(io, file, "x", 1, 0);
    cr_assert_eq(end.result, TIDE_ERR_NOSPACE, "a full disk may be tried again");
    struct tide_error err = {.code = 0};
    cr_assert_eq(io->write(io->self, file, "x", 1, 0, &err), TIDE_ERR_NOSPACE);
    io->close(io->self, file);
}

Test(storage, a_full_disk_is_nospace_and_may_be_tried_again)
{
    each(full_disk);
}

static void
failed_sync(struct tide_io *io, const struct scratch *scratch)
{
    (void)scratch;
    struct tide_error err = {.code = 0};
    struct tide_file *file = open_file(io, "/dev/null", TIDE_IO_WRITE);
    struct tide_io_completion end = write_and_wait(io, file, "x", 1, 0);
    cr_assert_eq(end.result, TIDE_ERR_SYNC);
    cr_assert_eq(end.sys, EINVAL);
    struct tide_io_write again = {.file = file, .buf = "x", .len = 1, .tag = 1};
    cr_assert_eq(io->submit(io->self, &again), TIDE_ERR_SYNC, "a failed sync sticks to its file");
    cr_assert_eq(io->write(io->self, file, "x", 1, 0, &err), TIDE_ERR_SYNC);
    cr_assert_eq(io->sync(io->self, file, &err), TIDE_ERR_SYNC);
    io->close(io->self, file);
    file = open_file(io, "/dev/null", TIDE_IO_WRITE);
    cr_assert_eq(io->sync(io->self, file, &err), TIDE_ERR_SYNC);
    cr_assert_not_null(strstr(err.text, "/dev/null"));
    io->close(io->self, file);
}

Test(storage, a_failed_sync_is_fatal_and_sticks)
{
    each(failed_sync);
}

/* Two writes in flight on one file: the first one's sync fails, so the second is not acknowledged
 * either. */
static void
failed_sync_pair(struct tide_io *io, const struct scratch *scratch)
{
    (void)scratch;
    struct tide_io_completion ends[2];
    struct tide_file *file = open_file(io, "/dev/null", TIDE_IO_WRITE);
    for (uint64_t tag = 0; tag < 2; tag++) {
        struct tide_io_write write = {.file = file, .buf = "x", .len = 1, .tag = tag};
        cr_assert_eq(io->submit(io->self, &write), 0);
    }
    for (uint32_t n = 0; n < 2;) {
        io->wait(io->self);
        n += io->poll(io->self, ends + n, 2 - n);
    }
    cr_assert_eq(ends[0].result, TIDE_ERR_SYNC);
    cr_assert_eq(ends[1].result, TIDE_ERR_SYNC);
    io->close(io->self, file);
}

Test(storage, nothing_is_acknowledged_after_a_failed_sync)
{
    each(failed_sync_pair);
}

/* A limit on file size gives the short write that a disk filling up gives, then EFBIG. */
static void
short_write(struct tide_io *io, const struct scratch *scratch)
{
    static char bytes[8192];
    char path[256];
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    memset(bytes, 'x', sizeof(bytes));
    struct tide_file *file = open_file(io, scratch_path(scratch, "a", path), TIDE_IO_CREATE);
    struct rlimit low = {.rlim_cur = 4096, .rlim_max = old.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
    struct tide_io_completion cut = write_and_wait(io, file, bytes, sizeof(bytes), 0);
    struct tide_io_completion none = write_and_wait(io, file, bytes, sizeof(bytes), 4096);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_assert_eq(cut.result, TIDE_ERR_NOSPACE, "a short write is no success");
    cr_assert_eq(none.result, TIDE_ERR_NOSPACE);
    struct tide_io_completion again = write_and_wait(io, file, bytes, sizeof(bytes), 0);
    cr_assert_eq(again.result, 0, "the same bytes at the same place, once there is space");
    assert_holds(path, 8000, bytes, 192);
    io->close(io->self, file);
}

Test(storage, a_short_write_is_nospace_and_the_same_bytes_may_follow)
{
    each(short_write);
}

static int
collect(void *ctx, const char *name, bool directory)
{
    char *text = ctx;
    snprintf(text + strlen(text), 256 - strlen(text), "%s%s ", name, directory ? "/" : "");
    return 0;
}

static void
control(struct tide_io *io, const struct scratch *scratch)
{
    char dir[256];
    char path[300];
    char other[300];
    char listed[256] = "";
    struct tide_io_stat stat;
    struct tide_error err = {.code = 0};
    scratch_path(scratch, "d", dir);
    snprintf(path, sizeof(path), "%s/b", dir);
    snprintf(other, sizeof(other), "%s/a", dir);
    cr_assert_eq(io->list(io->self, dir, collect, listed, &err), TIDE_ERR_NOTFOUND);
    cr_assert_eq(io->mkdir(io->self, dir, &err), 0, "%s", err.text);
    cr_assert_eq(io->mkdir(io->self, dir, &err), 0, "an existing directory is fine");
    struct tide_file *file = open_file(io, path, TIDE_IO_CREATE);
    uint64_t size = 1;
    cr_assert_eq(io->size(io->self, file, &size, &err), 0);
    cr_assert_eq(size, 0);
    cr_assert_eq(io->zero(io->self, file, 600000, &err), 0, "%s", err.text);
    cr_assert_eq(io->write(io->self, file, "tail", 4, 599998, &err), 0);
    cr_assert_eq(io->sync(io->self, file, &err), 0);
    char got[8] = "";
    size_t n = 0;
    cr_assert_eq(io->read(io->self, file, got, 8, 599996, &n, &err), 0);
    cr_assert_eq(n, 6);
    cr_assert_arr_eq(got, "\0\0tail", 6);
    io->close(io->self, file);
    cr_assert_eq(tide_io_replace(io, other, "new", 3, &err), 0, "%s", err.text);
    assert_holds(other, 0, "new", 3);
    cr_assert_eq(io->list(io->self, dir, collect, listed, &err), 0);
    cr_assert_str_eq(listed, "a b ");
    cr_assert_eq(io->rename(io->self, path, other, &err), 0);
    cr_assert_eq(io->sync_dir(io->self, dir, &err), 0);
    cr_assert_eq(io->stat(io->self, path, &stat, &err), 0);
    cr_assert_not(stat.exists);
    cr_assert_eq(io->stat(io->self, other, &stat, &err), 0);
    cr_assert(stat.exists);
    cr_assert_not(stat.directory);
    cr_assert_eq(stat.size, 600002);
    cr_assert_eq(io->stat(io->self, dir, &stat, &err), 0);
    cr_assert(stat.directory);
    cr_assert_eq(io->unlink(io->self, other, &err), 0);
    cr_assert_eq(io->unlink(io->self, other, &err), 0, "an absent file is gone already");
    uint64_t free_bytes = 0;
    cr_assert_eq(io->space(io->self, dir, &free_bytes, &err), 0);
    cr_assert_gt(free_bytes, 0);
    file = NULL;
    cr_assert_eq(io->open(io->self, other, TIDE_IO_READ, &file, &err), TIDE_ERR_NOTFOUND);
    cr_assert_null(file);
    cr_assert_not_null(strstr(err.text, other));
}

Test(storage, control_calls_do_what_they_say)
{
    each(control);
}

/* The other holder is another process: it must be refused and told who holds the lock. */
static void
lock(struct tide_io *io, const struct scratch *scratch)
{
    char path[256];
    char pid[24];
    struct tide_file *held = NULL;
    struct tide_file *second = NULL;
    struct tide_error err = {.code = 0};
    int ready[2];
    int stop[2];
    char byte;
    scratch_path(scratch, "lock", path);
    cr_assert_eq(pipe(ready) + pipe(stop), 0);
    pid_t child = fork();
    if (child == 0) {
        close(stop[1]);
        int rc = io->lock(io->self, path, &held, NULL);
        (void)!write(ready[1], "r", 1);
        (void)!read(stop[0], &byte, 1); /* until the parent closes its end */
        _exit(rc == 0 ? 0 : 1);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(io->lock(io->self, path, &second, &err), TIDE_ERR_FENCED);
    snprintf(pid, sizeof(pid), "%ld", (long)child);
    cr_assert_not_null(strstr(err.text, pid), "the holder's process is not named: %s", err.text);
    close(stop[1]);
    int status = 1;
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    cr_assert_eq(io->lock(io->self, path, &second, &err), 0, "its death released it");
    io->close(io->self, second);
    cr_assert_eq(io->lock(io->self, path, &held, &err), 0, "closing released it");
    io->close(io->self, held);
}

Test(storage, a_lock_is_held_once_and_names_its_holder)
{
    each(lock);
}

static void
parent_of(const char *path, const char *expected)
{
    char parent[TIDE_IO_PATH_MAX];
    cr_assert_eq(tide_io_parent(path, parent, NULL), 0);
    cr_assert_str_eq(parent, expected, "%s: %s", path, parent);
}

Test(storage, parent_directories)
{
    parent_of("a", ".");
    parent_of("a/b", "a");
    parent_of("a/b/", "a");
    parent_of("a//b", "a");
    parent_of("/a", "/");
    parent_of("//a", "/");
    parent_of("/a/b/c", "/a/b");
    parent_of("/", "/");
}

Test(storage, auto_always_finds_one)
{
    struct tide_io *io = NULL;
    struct tide_error err = {.code = 0};
    cr_assert_eq(tide_io_create(tide_seam_real(), TIDE_IO_AUTO, &io, &err), 0, "%s", err.text);
    cr_assert(strcmp(io->name, "io_uring") == 0 || strcmp(io->name, "plain") == 0);
    tide_io_destroy(io);
    tide_io_destroy(NULL);
}
