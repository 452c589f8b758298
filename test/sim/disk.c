/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated disk: see disk.h.
 */
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define SECTOR 512u
#define FILES_MAX 4096u
#define PENDING_MAX 64u

struct image {
    uint8_t *bytes;
    uint64_t len;
};

struct entry {
    char *path; /* NULL: free */
    bool dir;
    bool durable; /* the name survives */
    struct image seen, synced;
    uint8_t *dirty; /* one a sector */
    uint64_t n_dirty;
    uint32_t refs;
    bool gone;          /* unlinked, still open */
    char *durable_path; /* name on the durable side, NULL: none */
};

struct tide_file {
    struct sim_disk *disk;
    struct entry *entry;
    uint64_t life;
    bool lock;
};

struct pending {
    struct sim_io *io;
    struct tide_io_write write;
};

struct sim_io {
    struct tide_io io;
    struct sim_disk *disk;
    uint64_t life;
    struct tide_io_completion done[PENDING_MAX];
    uint32_t n_done;
};

struct sim_disk {
    uint64_t (*random)(void *);
    void *random_self;
    struct entry entries[FILES_MAX];
    struct pending pending[PENDING_MAX];
    uint32_t n_pending;
    uint64_t life;
    bool full;
    bool locked;
};

static uint64_t
draw(struct sim_disk *disk)
{
    return disk->random(disk->random_self);
}

/* ---- images ---- */

static void
image_resize(struct image *image, uint64_t len)
{
    if (len > image->len) {
        image->bytes = realloc(image->bytes, len);
        TIDE_ASSERT(image->bytes != NULL);
        memset(image->bytes + image->len, 0, len - image->len);
        image->len = len;
    }
}

static void
entry_write(struct entry *entry, const void *buf, uint64_t len, uint64_t offset)
{
    image_resize(&entry->seen, offset + len);
    uint64_t sectors = (entry->seen.len + SECTOR - 1) / SECTOR;
    if (sectors > entry->n_dirty) {
        entry->dirty = realloc(entry->dirty, sectors);
        TIDE_ASSERT(entry->dirty != NULL);
        memset(entry->dirty + entry->n_dirty, 0, sectors - entry->n_dirty);
        entry->n_dirty = sectors;
    }
    memcpy(entry->seen.bytes + offset, buf, len);
    for (uint64_t s = offset / SECTOR; s * SECTOR < offset + len; s++) {
        entry->dirty[s] = 1;
    }
}

static void
keep_sector(struct entry *entry, uint64_t s)
{
    uint64_t at = s * SECTOR;
    uint64_t n = entry->seen.len - at < SECTOR ? entry->seen.len - at : SECTOR;
    image_resize(&entry->synced, at + n);
    memcpy(entry->synced.bytes + at, entry->seen.bytes + at, n);
    entry->dirty[s] = 0;
}

static void
entry_sync(struct entry *entry)
{
    image_resize(&entry->synced, entry->seen.len);
    for (uint64_t s = 0; s < entry->n_dirty; s++) {
        if (entry->dirty[s]) {
            keep_sector(entry, s);
        }
    }
}

static void
entry_free(struct entry *entry)
{
    free(entry->path);
    free(entry->durable_path);
    free(entry->seen.bytes);
    free(entry->synced.bytes);
    free(entry->dirty);
    memset(entry, 0, sizeof(*entry));
}

static struct entry *
find(struct sim_disk *disk, const char *path)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (disk->entries[i].path != NULL && !disk->entries[i].gone &&
            strcmp(disk->entries[i].path, path) == 0) {
            return &disk->entries[i];
        }
    }
    return NULL;
}

static struct entry *
add(struct sim_disk *disk, const char *path)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (disk->entries[i].path == NULL) {
            disk->entries[i].path = strdup(path);
            return &disk->entries[i];
        }
    }
    TIDE_UNREACHABLE("the simulated disk has no room for another file");
}

static bool
dead(const struct sim_io *io)
{
    return io->life != io->disk->life;
}

static int
gone(struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_IO, "the simulated machine has lost power");
}

/* ---- control calls ---- */

static int
sim_open(void *self, const char *path, enum tide_io_mode mode, struct tide_file **out,
         struct tide_error *err)
{
    struct sim_io *io = self;
    if (dead(io)) {
        return gone(err);
    }
    struct entry *entry = find(io->disk, path);
    if (entry == NULL && mode != TIDE_IO_CREATE) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "%s does not exist", path);
    }
    if (entry == NULL) {
        entry = add(io->disk, path);
    } else if (mode == TIDE_IO_CREATE) {
        entry->seen.len = 0;
    }
    struct tide_file *file = calloc(1, sizeof(*file));
    TIDE_ASSERT(file != NULL);
    *file = (struct tide_file){.disk = io->disk, .entry = entry, .life = io->life};
    entry->refs++;
    *out = file;
    return 0;
}

static void
sim_close(void *self, struct tide_file *file)
{
    (void)self;
    if (file == NULL) {
        return;
    }
    if (file->life == file->disk->life) {
        file->disk->locked = file->lock ? false : file->disk->locked;
        file->entry->refs--;
        if (file->entry->gone && file->entry->refs == 0) {
            entry_free(file->entry);
        }
    }
    free(file);
}

static bool
file_dead(const struct sim_io *io, const struct tide_file *file)
{
    return dead(io) || file->life != io->disk->life;
}

static int
sim_size(void *self, struct tide_file *file, uint64_t *out, struct tide_error *err)
{
    if (file_dead(self, file)) {
        return gone(err);
    }
    *out = file->entry->seen.len;
    return 0;
}

static int
sim_read(void *self, struct tide_file *file, void *buf, size_t len, uint64_t offset, size_t *out,
         struct tide_error *err)
{
    if (file_dead(self, file)) {
        return gone(err);
    }
    uint64_t size = file->entry->seen.len;
    size_t n = offset >= size ? 0 : size - offset < len ? (size_t)(size - offset) : len;
    if (n > 0) {
        memcpy(buf, file->entry->seen.bytes + offset, n);
    }
    *out = n;
    return 0;
}

static int
sim_write(void *self, struct tide_file *file, const void *buf, size_t len, uint64_t offset,
          struct tide_error *err)
{
    if (file_dead(self, file)) {
        return gone(err);
    }
    entry_write(file->entry, buf, len, offset);
    return 0;
}

static int
sim_zero(void *self, struct tide_file *file, uint64_t len, struct tide_error *err)
{
    if (file_dead(self, file)) {
        return gone(err);
    }
    uint8_t *zeros = calloc(1, len > 0 ? len : 1);
    TIDE_ASSERT(zeros != NULL);
    entry_write(file->entry, zeros, len, 0);
    free(zeros);
    return 0;
}

static int
sim_sync(void *self, struct tide_file *file, struct tide_error *err)
{
    if (file_dead(self, file)) {
        return gone(err);
    }
    entry_sync(file->entry);
    return 0;
}

static int
sim_rename(void *self, const char *from, const char *to, struct tide_error *err)
{
    struct sim_io *io = self;
    if (dead(io)) {
        return gone(err);
    }
    struct entry *entry = find(io->disk, from);
    struct entry *old = find(io->disk, to);
    if (entry == NULL) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "%s does not exist", from);
    }
    TIDE_ASSERT(old == NULL);
    free(entry->path);
    entry->path = strdup(to);
    return 0;
}

static int
sim_unlink(void *self, const char *path, struct tide_error *err)
{
    struct sim_io *io = self;
    if (dead(io)) {
        return gone(err);
    }
    struct entry *entry = find(io->disk, path);
    if (entry != NULL) {
        entry->gone = true;
    }
    return 0;
}

static int
sim_mkdir(void *self, const char *path, struct tide_error *err)
{
    struct sim_io *io = self;
    if (dead(io)) {
        return gone(err);
    }
    if (find(io->disk, path) == NULL) {
        struct entry *entry = add(io->disk, path);
        entry->dir = true;
        entry->durable = true;
        entry->durable_path = strdup(path);
    }
    return 0;
}

static bool
inside(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

static int
sim_sync_dir(void *self, const char *path, struct tide_error *err)
{
    struct sim_io *io = self;
    if (dead(io)) {
        return gone(err);
    }
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        struct entry *entry = &io->disk->entries[i];
        if (entry->path == NULL || !inside(entry->path, path)) {
            continue;
        }
        free(entry->durable_path);
        entry->durable_path = entry->gone ? NULL : strdup(entry->path);
        if (entry->gone && entry->refs == 0) {
            entry_free(entry);
        }
    }
    return 0;
}

static int
sim_stat(void *self, const char *path, struct tide_io_stat *out, struct tide_error *err)
{
    struct sim_io *io = self;
    if (dead(io)) {
        return gone(err);
    }
    struct entry *entry = find(io->disk, path);
    *out = (struct tide_io_stat){.exists = entry != NULL,
                                 .directory = entry != NULL && entry->dir,
                                 .size = entry != NULL ? entry->seen.len : 0};
    return 0;
}

static int
by_path(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->path, (*(struct entry *const *)b)->path);
}

static int
sim_list(void *self, const char *path, tide_io_visit *visit, void *ctx, struct tide_error *err)
{
    struct sim_io *io = self;
    struct entry *found[FILES_MAX];
    uint32_t n = 0;
    if (dead(io)) {
        return gone(err);
    }
    if (find(io->disk, path) == NULL) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "%s does not exist", path);
    }
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        struct entry *entry = &io->disk->entries[i];
        if (entry->path != NULL && !entry->gone && inside(entry->path, path)) {
            found[n++] = entry;
        }
    }
    qsort(found, n, sizeof(found[0]), by_path);
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = visit(ctx, strrchr(found[i]->path, '/') + 1, found[i]->dir);
    }
    return rc;
}

static int
sim_lock(void *self, const char *path, struct tide_file **out, struct tide_error *err)
{
    struct sim_io *io = self;
    if (io->disk->locked) {
        return tide_error_set(err, TIDE_ERR_FENCED, "%s is locked", path);
    }
    int rc = sim_open(self, path, find(io->disk, path) != NULL ? TIDE_IO_WRITE : TIDE_IO_CREATE,
                      out, err);
    if (rc == 0) {
        (*out)->lock = true;
        io->disk->locked = true;
    }
    return rc;
}

static int
sim_space(void *self, const char *path, uint64_t *out, struct tide_error *err)
{
    (void)self;
    (void)path;
    (void)err;
    *out = 1ull << 40;
    return 0;
}

/* ---- the owner's calls ---- */

static int
sim_submit(void *self, const struct tide_io_write *write)
{
    struct sim_io *io = self;
    if (dead(io)) {
        return TIDE_ERR_SYNC;
    }
    if (io->disk->n_pending == PENDING_MAX) {
        return TIDE_ERR_LIMIT;
    }
    io->disk->pending[io->disk->n_pending++] = (struct pending){io, *write};
    /* From now on any part of it may reach the platter. */
    entry_write(write->file->entry, write->buf, write->len, write->offset);
    return 0;
}

static uint32_t
sim_poll(void *self, struct tide_io_completion *out, uint32_t max)
{
    struct sim_io *io = self;
    uint32_t n = io->n_done < max ? io->n_done : max;
    memcpy(out, io->done, n * sizeof(*out));
    memmove(io->done, io->done + n, (io->n_done - n) * sizeof(*out));
    io->n_done -= n;
    return n;
}

static void
sim_wait(void *self)
{
    struct sim_io *io = self;
    for (uint32_t i = 0; i < io->disk->n_pending;) {
        if (io->disk->pending[i].io == io) {
            sim_disk_complete(io->disk, i);
        } else {
            i++;
        }
    }
}

static void
sim_destroy(struct tide_io *table)
{
    struct sim_io *io = table->self;
    if (!dead(io)) {
        sim_wait(io);
    }
    free(io);
}

int
sim_disk_io(struct sim_disk *disk, struct tide_io **out_io)
{
    struct sim_io *io = calloc(1, sizeof(*io));
    TIDE_ASSERT(io != NULL);
    io->disk = disk;
    io->life = disk->life;
    io->io = (struct tide_io){.self = io,
                              .name = "simulated",
                              .fd = -1,
                              .open = sim_open,
                              .close = sim_close,
                              .size = sim_size,
                              .read = sim_read,
                              .write = sim_write,
                              .zero = sim_zero,
                              .sync = sim_sync,
                              .rename = sim_rename,
                              .unlink = sim_unlink,
                              .mkdir = sim_mkdir,
                              .sync_dir = sim_sync_dir,
                              .stat = sim_stat,
                              .list = sim_list,
                              .lock = sim_lock,
                              .space = sim_space,
                              .submit = sim_submit,
                              .poll = sim_poll,
                              .wait = sim_wait,
                              .destroy = sim_destroy};
    *out_io = &io->io;
    return 0;
}

/* ---- the disk ---- */

struct sim_disk *
sim_disk_create(uint64_t (*random)(void *), void *random_self)
{
    struct sim_disk *disk = calloc(1, sizeof(*disk));
    TIDE_ASSERT(disk != NULL);
    disk->random = random;
    disk->random_self = random_self;
    disk->life = 1;
    return disk;
}

void
sim_disk_destroy(struct sim_disk *disk)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        entry_free(&disk->entries[i]);
    }
    free(disk);
}

uint32_t
sim_disk_pending(const struct sim_disk *disk)
{
    return disk->n_pending;
}

void
sim_disk_complete(struct sim_disk *disk, uint32_t nth)
{
    TIDE_ASSERT(nth < disk->n_pending);
    struct pending one = disk->pending[nth];
    memmove(&disk->pending[nth], &disk->pending[nth + 1],
            (disk->n_pending - nth - 1) * sizeof(one));
    disk->n_pending--;
    struct tide_io_completion done = {.tag = one.write.tag};
    if (disk->full) {
        done.result = TIDE_ERR_NOSPACE;
        done.sys = 28;
    } else {
        entry_sync(one.write.file->entry);
    }
    TIDE_ASSERT(one.io->n_done < PENDING_MAX);
    one.io->done[one.io->n_done++] = done;
}

void
sim_disk_full(struct sim_disk *disk, bool full)
{
    disk->full = full;
}

static void
crash_entry(struct sim_disk *disk, struct entry *entry)
{
    bool same = entry->durable_path != NULL && !entry->gone &&
                strcmp(entry->durable_path, entry->path) == 0;
    bool keep_new = !entry->gone && (same || draw(disk) % 2 == 0);
    if (!keep_new && entry->durable_path == NULL) {
        entry_free(entry);
        return;
    }
    for (uint64_t s = 0; s < entry->n_dirty; s++) {
        if (entry->dirty[s] && draw(disk) % 2 == 0) {
            keep_sector(entry, s);
        }
    }
    if (!keep_new) {
        free(entry->path);
        entry->path = strdup(entry->durable_path);
    }
    free(entry->durable_path);
    entry->durable_path = strdup(entry->path);
    entry->gone = false;
    entry->refs = 0;
    free(entry->seen.bytes);
    entry->seen = (struct image){.bytes = malloc(entry->synced.len + 1), .len = entry->synced.len};
    TIDE_ASSERT(entry->seen.bytes != NULL);
    if (entry->synced.len > 0) {
        memcpy(entry->seen.bytes, entry->synced.bytes, entry->synced.len);
    }
    if (entry->n_dirty > 0) {
        memset(entry->dirty, 0, entry->n_dirty);
    }
}

void
sim_disk_crash(struct sim_disk *disk)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (disk->entries[i].path != NULL) {
            crash_entry(disk, &disk->entries[i]);
        }
    }
    for (uint32_t i = 0; i < disk->n_pending; i++) {
        struct sim_io *io = disk->pending[i].io;
        io->done[io->n_done++] = (struct tide_io_completion){
            .tag = disk->pending[i].write.tag, .result = TIDE_ERR_SYNC, .sys = 5};
    }
    disk->life++;
    disk->n_pending = 0;
    disk->locked = false;
}
