/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: which files references need, and deleting the others (I13).
 *
 * A file goes when no given reference names it and none can come to name it. The latter is known
 * from the references too: each says the lowest number its worker and its task may still write to.
 * Files of older incarnations that are not named go; files of the running one go only below that
 * number, and not at all before its first reference is among those given.
 *
 * Threads: a control thread, beside the workers, which only make files with higher numbers.
 */
#include "state/state.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "state/ref.h"

/* All references, parsed, and the lists made from them. */
struct kept {
    const struct tide_state_site *site;
    struct tide_parsed_ref *refs;
    uint32_t n;
    char (*gone)[TIDE_STATE_NAME_MAX]; /* names to delete */
    uint32_t n_gone, cap_gone;
};

static void
kept_fini(struct kept *kept, const struct tide_seam *seam)
{
    for (uint32_t i = 0; i < kept->n; i++) {
        tide_parsed_ref_fini(&kept->refs[i]);
    }
    tide_free(seam, kept->refs);
    tide_free(seam, kept->gone);
}

static int
kept_init(struct kept *kept, const struct tide_seam *seam, const struct tide_bytes *refs,
          uint32_t n, struct tide_error *err)
{
    *kept = (struct kept){.refs = tide_alloc(seam, (n + 1) * sizeof(*kept->refs))};
    if (kept->refs == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for state references");
    }
    for (; kept->n < n; kept->n++) {
        int rc = tide_state_ref_decode(seam, refs[kept->n], &kept->refs[kept->n], err);
        if (rc != 0) {
            kept_fini(kept, seam);
            return rc;
        }
    }
    return 0;
}

int
tide_state_files_needed(const struct tide_bytes *refs, uint32_t n, tide_state_file_visit *visit,
                        void *ctx, struct tide_error *err)
{
    struct kept kept;
    char name[TIDE_STATE_NAME_MAX];
    int rc = kept_init(&kept, tide_seam_real(), refs, n, err);
    if (rc != 0) {
        return rc;
    }
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        for (uint32_t j = 0; j < kept.refs[i].ref.n_parts && rc == 0; j++) {
            tide_state_file_name(&kept.refs[i].ref.parts[j].file, name);
            rc = visit(ctx, name);
        }
    }
    kept_fini(&kept, tide_seam_real());
    return rc;
}

static bool
file_is_named(const struct tide_state_ref *ref, const struct tide_state_file *file)
{
    for (uint32_t i = 0; i < ref->n_parts; i++) {
        const struct tide_state_file *other = &ref->parts[i].file;
        if (other->kind == file->kind && other->incarnation == file->incarnation &&
            other->owner == file->owner && other->n == file->n) {
            return true;
        }
    }
    return false;
}

/* Whether a later reference of the running incarnation may still name @file. */
static bool
file_may_be_named(const struct kept *kept, const struct tide_state_file *file)
{
    bool known = false;
    if (file->incarnation != kept->site->incarnation) {
        return false;
    }
    for (uint32_t i = 0; i < kept->n; i++) {
        const struct tide_state_ref *ref = &kept->refs[i].ref;
        const bool changes = file->kind == TIDE_STATE_FILE_CHANGES;
        if (ref->incarnation != file->incarnation ||
            (changes ? ref->worker : ref->task) != file->owner) {
            continue;
        }
        known = true;
        if (file->n >= (changes ? ref->segment_low : ref->image_low)) {
            return true;
        }
    }
    return !known;
}

static int
gone_add(struct kept *kept, const char *name)
{
    if (kept->n_gone == kept->cap_gone) {
        const uint32_t cap = kept->cap_gone == 0 ? 64 : kept->cap_gone * 2;
        void *gone = tide_resize(kept->site->seam, kept->gone, cap * sizeof(*kept->gone));
        if (gone == NULL) {
            return TIDE_ERR_NOMEM;
        }
        kept->gone = gone;
        kept->cap_gone = cap;
    }
    snprintf(kept->gone[kept->n_gone++], TIDE_STATE_NAME_MAX, "%s", name);
    return 0;
}

static int
file_judge(void *ctx, const char *name, bool directory)
{
    struct kept *kept = ctx;
    struct tide_state_file file;
    if (directory || !tide_state_file_parse(name, &file) || file_may_be_named(kept, &file)) {
        return 0;
    }
    for (uint32_t i = 0; i < kept->n; i++) {
        if (file_is_named(&kept->refs[i].ref, &file)) {
            return 0;
        }
    }
    return gone_add(kept, name);
}

static int
gone_delete(const struct kept *kept, struct tide_error *err)
{
    int rc = 0;
    for (uint32_t i = 0; i < kept->n_gone && rc == 0; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/%s", kept->site->dir, kept->gone[i]);
        rc = kept->site->io->unlink(kept->site->io->self, path, err);
    }
    return rc;
}

int
tide_state_retain(const struct tide_state_site *site, const struct tide_bytes *refs, uint32_t n,
                  struct tide_error *err)
{
    struct kept kept;
    int rc = kept_init(&kept, site->seam, refs, n, err);
    if (rc != 0) {
        return rc;
    }
    kept.site = site;
    rc = site->io->list(site->io->self, site->dir, file_judge, &kept, err);
    if (rc == 0) {
        rc = gone_delete(&kept, err);
    } else if (rc == TIDE_ERR_NOMEM) {
        tide_error_set(err, rc, "out of memory for the list of state files");
    }
    kept_fini(&kept, site->seam);
    return rc;
}
