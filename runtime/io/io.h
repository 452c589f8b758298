/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage as a seam: the only way the engine touches durable files.
 *
 * A struct tide_io is a table of functions. The real ones are io_uring (uring.c) and plain system
 * calls with a thread (plain.c); the simulator brings its own, which decides what a crash leaves
 * behind. The contract below is therefore the whole contract: a caller relies on nothing else.
 *
 * There are two kinds of calls.
 *   - Control calls (open ... space) may block. They run on control and offload threads, on any
 * number of them at once, never on a worker.
 *   - The hot one, submit, does not block: write a range and make it durable, completion by
 * polling. The submit side of an instance (submit, poll, wait) belongs to one thread at a time, its
 * owner; make an instance for each thread that submits. A file opened through one instance of a
 * process may be used through another of the same kind.
 *
 * What is durable:
 *   D1 bytes, after a write that covers them was followed by a successful sync of the file (submit
 * does both); D2 a name (create, rename, unlink), after a successful sync_dir of its directory;
 * mkdir does its own; D3 anything else may be there after a crash, or not, or in part, in units of
 * 512 bytes, in any order.
 *
 * Failures:
 *   F1 no space (ENOSPC, EDQUOT, EFBIG, a short write) is TIDE_ERR_NOSPACE: the same bytes may be
 * written again at the same place later; F2 a failed sync, or any other failure of a write, is
 * TIDE_ERR_SYNC, and it sticks to the file: the kernel may have dropped the pages and will not say
 * so again, so every later write, sync or submit of that file fails with TIDE_ERR_SYNC too; F3
 * EINTR, EAGAIN and a cancelled link are repeated inside (same bytes, same place, a bounded number
 * of times), because no failed sync lies in between.
 */
#ifndef TIDE_IO_IO_H
#define TIDE_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

/* Room for a path with its zero; longer ones are TIDE_ERR_LIMIT. */
#define TIDE_IO_PATH_MAX 4096

/* Which real implementation; option `io:` of the pipeline. */
enum tide_io_choice {
    TIDE_IO_AUTO,  /* io_uring where the kernel and the container permit it, else plain */
    TIDE_IO_URING, /* io_uring or TIDE_ERR_UNSUPPORTED */
    TIDE_IO_PLAIN, /* pwrite and fdatasync on a thread */
};

enum tide_io_mode {
    TIDE_IO_READ,   /* must exist; reading only */
    TIDE_IO_WRITE,  /* must exist; reading and writing */
    TIDE_IO_CREATE, /* made, or emptied when it exists; reading and writing */
};

struct tide_file; /* an open file of whichever implementation made it */

/* What stat tells. */
struct tide_io_stat {
    uint64_t size;
    bool exists;
    bool directory;
};

/* One durable write. @buf stays untouched and alive until the completion with @tag was polled. */
struct tide_io_write {
    struct tide_file *file;
    const void *buf;
    uint32_t len; /* > 0 */
    uint64_t offset;
    uint64_t tag; /* comes back in the completion */
};

/* The end of one submitted write. */
struct tide_io_completion {
    uint64_t tag;
    int32_t
        result;  /* 0: all bytes written and synced; TIDE_ERR_NOSPACE (F1) or TIDE_ERR_SYNC (F2) */
    int32_t sys; /* the errno behind @result, 0 when none; for the message only */
};

/* Called once for each entry of a directory; a negative return ends the listing with that code. */
typedef int tide_io_visit(void *ctx, const char *name, bool directory);

/* The table. Errors of control calls: NOSPACE, SYNC, NOTFOUND, NOMEM, IO, with the path in the
 * message. */
struct tide_io {
    void *self;
    const char *name; /* "io_uring", "plain", "simulated": for logs */
    int fd; /* readable when a completion may be there: watch it; -1 when there is nothing to watch
             */

    /* -- control calls -- */

    int (*open)(void *self, const char *path, enum tide_io_mode mode, struct tide_file **out_file,
                struct tide_error *err);
    void (*close)(void *self, struct tide_file *file); /* NULL is legal; releases a lock */
    int (*size)(void *self, struct tide_file *file, uint64_t *out_size, struct tide_error *err);
    /* Reads up to @len bytes; fewer only at the end of the file. */
    int (*read)(void *self, struct tide_file *file, void *buf, size_t len, uint64_t offset,
                size_t *out_len, struct tide_error *err);
    /* Writes all of @len bytes; not durable before sync. */
    int (*write)(void *self, struct tide_file *file, const void *buf, size_t len, uint64_t offset,
                 struct tide_error *err);
    /* Makes bytes [0, @len) of a new file exist as zeros with their blocks allocated; not durable
     * before sync. */
    int (*zero)(void *self, struct tide_file *file, uint64_t len, struct tide_error *err);
    int (*sync)(void *self, struct tide_file *file, struct tide_error *err);
    int (*rename)(void *self, const char *from, const char *to, struct tide_error *err);
    int (*unlink)(void *self, const char *path, struct tide_error *err); /* absent is success */
    int (*mkdir)(void *self, const char *path,
                 struct tide_error *err); /* one level, durable; existing is success */
    int (*sync_dir)(void *self, const char *path, struct tide_error *err);
    int (*stat)(void *self, const char *path, struct tide_io_stat *out_stat,
                struct tide_error *err);
    /* Visits the entries in the order of their bytes, without "." and "..". NOTFOUND when absent.
     */
    int (*list)(void *self, const char *path, tide_io_visit *visit, void *ctx,
                struct tide_error *err);
    /*
     * Takes the exclusive lock of @path (made when absent) and writes this process's id into it.
     * Held until close or death. Held by another: TIDE_ERR_FENCED, naming its process id.
     */
    int (*lock)(void *self, const char *path, struct tide_file **out_lock, struct tide_error *err);
    int (*space)(void *self, const char *path, uint64_t *out_free_bytes, struct tide_error *err);

    /* -- the owner's calls -- */

    /* Starts one durable write. 0, or TIDE_ERR_LIMIT when TIDE_LIMIT_IO_DEPTH are under way, or
     * TIDE_ERR_SYNC (F2). */
    int (*submit)(void *self, const struct tide_io_write *write);
    /* Takes up to @max completions, in any order; never blocks. Returns how many. */
    uint32_t (*poll)(void *self, struct tide_io_completion *out, uint32_t max);
    /* Blocks until poll has something or nothing is under way. Control threads only: start and
     * close. */
    void (*wait)(void *self);
    void (*destroy)(struct tide_io *io); /* waits for what is under way; completions are dropped */
};

/*
 * Makes a real instance. Called on a control thread, so that its thread gets the full CPU mask.
 * TIDE_ERR_UNSUPPORTED when io_uring was asked for and is not permitted here. @thread start
 */
int tide_io_create(const struct tide_seam *seam, enum tide_io_choice choice,
                   struct tide_io **out_io, struct tide_error *err);

/* Ends an instance, real or not; NULL is legal. Files stay open. @thread start */
void tide_io_destroy(struct tide_io *io);

/*
 * Makes @path hold exactly @len bytes or what it held before, whatever happens: temporary name,
 * write, sync, rename, sync of the directory. Durable on success. Control threads only. @thread any
 */
int tide_io_replace(struct tide_io *io, const char *path, const void *bytes, size_t len,
                    struct tide_error *err);

/* The directory that holds @path: all before its last part, "." when there is nothing. @thread any
 */
int tide_io_parent(const char *path, char out_parent[TIDE_IO_PATH_MAX], struct tide_error *err);

#endif
