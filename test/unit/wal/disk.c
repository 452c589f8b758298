/* SPDX-License-Identifier: Apache-2.0 */
/* The disk in memory; one thread. */
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/limits.h"

struct tide_file {
    int node;
    bool failed;
};

uint64_t
disk_random(struct disk *disk)
{
    uint64_t x = disk->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    disk->random = x;
    return x * UINT64_C(2685821657736338717) >> 11;
}

/* True when the call must do nothing: power is about to fail. */
static bool
stop(struct disk *disk)
{
    disk->changes++;
    disk->stopped = disk->stopped || (disk->stop_at != 0 && disk->changes >= disk->stop_at);
    return disk->stopped;
}

static struct disk_name *
name_find(struct disk_name *names, const char *path)
{
    for (int i = 0; i < DISK_NAMES; i++) {
        if (names[i].node >= 0 && strcmp(names[i].path, path) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

static void
name_set(struct disk_name *names, const char *path, int node)
{
    struct disk_name *name = name_find(names, path);
    for (int i = 0; name == NULL; i++) {
        cr_assert_lt(i, DISK_NAMES);
        name = names[i].node < 0 ? &names[i] : NULL;
    }
    snprintf(name->path, sizeof(name->path), "%s", path);
    name->node = node;
}

static void
name_drop(struct disk_name *names, const char *path)
{
    struct disk_name *name = name_find(names, path);
    if (name != NULL) {
        name->node = -1;
    }
}

struct disk_node *
disk_node(struct disk *disk, const char *path)
{
    struct disk_name *name = name_find(disk->now, path);
    return name != NULL ? &disk->nodes[name->node] : NULL;
}

static void
resize(uint8_t **bytes, uint64_t *len, uint64_t to)
{
    if (to > *len) {
        *bytes = realloc(*bytes, to);
        memset(*bytes + *len, 0, to - *len);
    }
    *len = to;
}

static int
stopped_error(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_IO, "the power is off");
}

static bool
node_named(const struct disk_name *names, int node)
{
    for (int i = 0; i < DISK_NAMES; i++) {
        if (names[i].node == node) {
            return true;
        }
    }
    return false;
}

/* A node for a new file: one that no name leads to any more, else a fresh one. */
static int
node_new(struct disk *disk)
{
    for (int i = 0; i < disk->nodes_n; i++) {
        if (!node_named(disk->now, i) && !node_named(disk->safe, i)) {
            disk->nodes[i].now_len = 0;
            disk->nodes[i].safe_len = 0;
            return i;
        }
    }
    cr_assert_lt(disk->nodes_n, DISK_FILES);
    return disk->nodes_n++;
}

static int
disk_open(void *self, const char *path, enum tide_io_mode mode, struct tide_file **out_file,
          struct tide_error *err)
{
    struct disk *disk = self;
    struct disk_name *name = name_find(disk->now, path);
    if (mode != TIDE_IO_READ && stop(disk)) {
        return stopped_error(err);
    }
    if (name == NULL && mode != TIDE_IO_CREATE) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "no %s", path);
    }
    if (name == NULL) {
        name_set(disk->now, path, node_new(disk));
        name = name_find(disk->now, path);
    } else if (mode == TIDE_IO_CREATE) {
        disk->nodes[name->node].now_len = 0;
    }
    struct tide_file *file = calloc(1, sizeof(*file));
    file->node = name->node;
    *out_file = file;
    return 0;
}

static void
disk_close(void *self, struct tide_file *file)
{
    (void)self;
    free(file);
}

static int
disk_size(void *self, struct tide_file *file, uint64_t *out_size, struct tide_error *err)
{
    (void)err;
    *out_size = ((struct disk *)self)->nodes[file->node].now_len;
    return 0;
}

static int
disk_read(void *self, struct tide_file *file, void *buf, size_t len, uint64_t offset,
          size_t *out_len, struct tide_error *err)
{
    (void)err;
    struct disk_node *node = &((struct disk *)self)->nodes[file->node];
    uint64_t there = offset < node->now_len ? node->now_len - offset : 0;
    *out_len = len < there ? len : there;
    if (*out_len > 0) {
        memcpy(buf, node->now + offset, *out_len);
    }
    return 0;
}

static uint64_t
used(const struct disk *disk)
{
    uint64_t sum = 0;
    for (int i = 0; i < DISK_NAMES; i++) {
        sum += disk->now[i].node >= 0 ? disk->nodes[disk->now[i].node].now_len : 0;
    }
    return sum;
}

static int
disk_write(void *self, struct tide_file *file, const void *buf, size_t len, uint64_t offset,
           struct tide_error *err)
{
    struct disk *disk = self;
    struct disk_node *node = &disk->nodes[file->node];
    if (file->failed) {
        return tide_error_set(err, TIDE_ERR_SYNC, "a sync failed before");
    }
    if (stop(disk)) {
        return stopped_error(err);
    }
    uint64_t more = offset + len > node->now_len ? offset + len - node->now_len : 0;
    if (used(disk) + more > disk->space) {
        return tide_error_set(err, TIDE_ERR_NOSPACE, "the disk is full");
    }
    if (more > 0) {
        resize(&node->now, &node->now_len, offset + len);
    }
    if (disk->full) {
        memcpy(node->now + offset, buf, len / 2);
        return tide_error_set(err, TIDE_ERR_NOSPACE, "the disk is full");
    }
    memcpy(node->now + offset, buf, len);
    return 0;
}

static int
disk_zero(void *self, struct tide_file *file, uint64_t len, struct tide_error *err)
{
    uint8_t *zeros = calloc(1, len);
    int rc = disk_write(self, file, zeros, len, 0, err);
    free(zeros);
    return rc;
}

static void
node_sync(struct disk *disk, struct disk_node *node)
{
    if (!disk->sync_lies) {
        resize(&node->safe, &node->safe_len, node->now_len);
        memcpy(node->safe, node->now, node->now_len);
    }
}

static int
disk_sync(void *self, struct tide_file *file, struct tide_error *err)
{
    struct disk *disk = self;
    if (stop(disk)) {
        return stopped_error(err);
    }
    if (disk->sync_fails || file->failed) {
        file->failed = true;
        return tide_error_set(err, TIDE_ERR_SYNC, "the sync failed");
    }
    node_sync(disk, &disk->nodes[file->node]);
    return 0;
}

static int
disk_rename(void *self, const char *from, const char *to, struct tide_error *err)
{
    struct disk *disk = self;
    struct disk_name *name = name_find(disk->now, from);
    if (stop(disk)) {
        return stopped_error(err);
    }
    if (name == NULL) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "no %s", from);
    }
    int node = name->node;
    name_drop(disk->now, from);
    name_set(disk->now, to, node);
    return 0;
}

static int
disk_unlink(void *self, const char *path, struct tide_error *err)
{
    struct disk *disk = self;
    if (stop(disk)) {
        return stopped_error(err);
    }
    name_drop(disk->now, path);
    return 0;
}

static int
disk_mkdir(void *self, const char *path, struct tide_error *err)
{
    struct disk *disk = self;
    (void)path;
    if (stop(disk)) {
        return stopped_error(err);
    }
    disk->made_dir = true;
    return 0;
}

static int
disk_sync_dir(void *self, const char *path, struct tide_error *err)
{
    struct disk *disk = self;
    (void)path;
    if (stop(disk)) {
        return stopped_error(err);
    }
    if (!disk->sync_lies) {
        memcpy(disk->safe, disk->now, sizeof(disk->safe));
    }
    return 0;
}

static int
disk_stat(void *self, const char *path, struct tide_io_stat *out_stat, struct tide_error *err)
{
    struct disk *disk = self;
    struct disk_node *node = disk_node(disk, path);
    (void)err;
    bool dir = node == NULL && disk->made_dir && strchr(path, '.') == NULL;
    *out_stat = (struct tide_io_stat){
        .size = node != NULL ? node->now_len : 0, .exists = node != NULL || dir, .directory = dir};
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int
disk_list(void *self, const char *path, tide_io_visit *visit, void *ctx, struct tide_error *err)
{
    struct disk *disk = self;
    char names[DISK_NAMES][128];
    size_t dir = strlen(path);
    int n = 0;
    (void)err;
    for (int i = 0; i < DISK_NAMES; i++) {
        if (disk->now[i].node >= 0 && strncmp(disk->now[i].path, path, dir) == 0) {
            strcpy(names[n++], disk->now[i].path + dir + 1);
        }
    }
    qsort(names, (size_t)n, sizeof(names[0]), by_name);
    int rc = 0;
    for (int i = 0; i < n && rc >= 0; i++) {
        rc = visit(ctx, names[i], false);
    }
    return rc < 0 ? rc : 0;
}

static int
disk_lock(void *self, const char *path, struct tide_file **out_lock, struct tide_error *err)
{
    return disk_open(self, path, TIDE_IO_CREATE, out_lock, err);
}

static int
disk_space(void *self, const char *path, uint64_t *out_free_bytes, struct tide_error *err)
{
    struct disk *disk = self;
    (void)path;
    (void)err;
    *out_free_bytes = disk->space - used(disk);
    return 0;
}

static int
disk_submit(void *self, const struct tide_io_write *write)
{
    struct disk *disk = self;
    if (write->file->failed) {
        return TIDE_ERR_SYNC;
    }
    if (disk->queue_n == TIDE_LIMIT_IO_DEPTH) {
        return TIDE_ERR_LIMIT;
    }
    disk->queue[disk->queue_n++] = *write;
    return 0;
}

/* The write and its sync happen when the completion is taken; a stop in between leaves the bytes
 * unsynced. */
static uint32_t
disk_poll(void *self, struct tide_io_completion *out, uint32_t max)
{
    struct disk *disk = self;
    if (disk->queue_n == 0 || max == 0) {
        return 0;
    }
    struct tide_io_write write = disk->queue[0];
    memmove(disk->queue, disk->queue + 1, --disk->queue_n * sizeof(disk->queue[0]));
    out->tag = write.tag;
    out->sys = 0;
    out->result = disk_write(disk, write.file, write.buf, write.len, write.offset, NULL);
    if (out->result == 0) {
        out->result = disk_sync(disk, write.file, NULL);
    }
    if (out->result == TIDE_ERR_IO) {
        out->result = TIDE_ERR_SYNC; /* the power is off: as good as a failed sync */
    }
    return 1;
}

static void
disk_wait(void *self)
{
    (void)self;
}

static void
disk_destroy(struct tide_io *io)
{
    (void)io;
}

static void
names_clear(struct disk_name *names)
{
    for (int i = 0; i < DISK_NAMES; i++) {
        names[i].node = -1;
    }
}

void
disk_init(struct disk *disk, uint64_t seed)
{
    memset(disk, 0, sizeof(*disk));
    names_clear(disk->now);
    names_clear(disk->safe);
    disk->space = UINT64_MAX / 2;
    disk->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    disk->io = (struct tide_io){
        .self = disk,
        .name = "memory",
        .fd = -1,
        .open = disk_open,
        .close = disk_close,
        .size = disk_size,
        .read = disk_read,
        .write = disk_write,
        .zero = disk_zero,
        .sync = disk_sync,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .mkdir = disk_mkdir,
        .sync_dir = disk_sync_dir,
        .stat = disk_stat,
        .list = disk_list,
        .lock = disk_lock,
        .space = disk_space,
        .submit = disk_submit,
        .poll = disk_poll,
        .wait = disk_wait,
        .destroy = disk_destroy,
    };
}

void
disk_fini(struct disk *disk)
{
    for (int i = 0; i < disk->nodes_n; i++) {
        free(disk->nodes[i].now);
        free(disk->nodes[i].safe);
    }
}

static void
node_crash(struct disk *disk, struct disk_node *node)
{
    uint64_t len = disk_random(disk) % 2 == 0 ? node->now_len : node->safe_len;
    uint64_t now_len = node->now_len;
    uint8_t *now = node->now;
    node->now = calloc(1, len + 1);
    node->now_len = len;
    for (uint64_t at = 0; at < len; at += DISK_SECTOR) {
        bool fresh = disk_random(disk) % 2 == 0;
        const uint8_t *from = fresh ? now : node->safe;
        uint64_t there = fresh ? now_len : node->safe_len;
        uint64_t n = len - at < DISK_SECTOR ? len - at : DISK_SECTOR;
        n = at >= there ? 0 : there - at < n ? there - at : n;
        if (n > 0) {
            memcpy(node->now + at, from + at, n);
        }
    }
    free(now);
    resize(&node->safe, &node->safe_len, len);
    if (len > 0) {
        memcpy(node->safe, node->now, len);
    }
}

/*
 * Names that are new or changed since the last sync of the directory may be gone, names that were
 * removed may be back. A rename is one thing: the file has its new name or its old one.
 */
static void
names_crash(struct disk *disk)
{
    struct disk_name now[DISK_NAMES];
    memcpy(now, disk->now, sizeof(now));
    for (int i = 0; i < DISK_NAMES; i++) {
        struct disk_name *before = now[i].node >= 0 ? name_find(disk->safe, now[i].path) : NULL;
        bool changed = now[i].node >= 0 && (before == NULL || before->node != now[i].node);
        if (changed && disk_random(disk) % 2 == 0) {
            name_drop(disk->now, now[i].path);
            if (before != NULL) {
                name_set(disk->now, now[i].path, before->node);
            }
        }
    }
    for (int i = 0; i < DISK_NAMES; i++) {
        const struct disk_name *old = &disk->safe[i];
        if (old->node < 0 || name_find(disk->now, old->path) != NULL ||
            node_named(disk->now, old->node)) {
            continue;
        }
        if (node_named(now, old->node) || disk_random(disk) % 2 == 0) {
            name_set(disk->now, old->path, old->node);
        }
    }
    memcpy(disk->safe, disk->now, sizeof(disk->safe));
}

void
disk_crash(struct disk *disk)
{
    names_crash(disk);
    for (int i = 0; i < disk->nodes_n; i++) {
        node_crash(disk, &disk->nodes[i]);
    }
    disk->queue_n = 0;
    disk->stop_at = 0;
    disk->stopped = false;
}
