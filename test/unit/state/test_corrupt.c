/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage: every byte of every state file that a reference names, flipped and cut, must end the
 * restore.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "rig.h"
#include "state/ref.h"

/* Tries to restore rig.refs into a store of its own. */
static int
restore_try(struct rig *rig, struct tide_error *err)
{
    const char *operators[] = {"count"};
    struct tide_state_store *store = NULL;
    const struct tide_state_config config = {.site = &rig->site,
                                             .segment = rig->segments[0],
                                             .task = 9,
                                             .count = 1,
                                             .group_count = RIG_GROUPS,
                                             .operators = operators,
                                             .n_operators = 1};
    cr_assert_eq(tide_state_store_create(&config, &store, err), 0);
    int rc = tide_state_store_restore(store, rig->refs, rig->n_refs, err);
    tide_state_store_destroy(store);
    return rc;
}

/* A rig that stands after a few epochs: one image and a stretch of changes, both small. */
static void
start(struct rig *rig, bool compress)
{
    struct tide_error err = {0};
    char key[16];
    rig_init(rig, 64u << 20);
    rig->site.compress = compress;
    rig->site.full_every = 3;
    cr_assert_eq(rig_start(rig, 1, 1, &err), 0);
    for (uint32_t e = 0; e < 5; e++) {
        for (uint32_t i = 0; i < 8; i++) {
            const uint32_t len = (uint32_t)snprintf(key, sizeof(key), "key-%u", i * (e + 1));
            rig_put(rig, key, len, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32 + e);
        }
        tide_state_timer_set(rig->states[0], (struct tide_bytes){"key-0", 5}, e, TIDE_TIMER_EVENT);
        cr_assert_eq(
            tide_state_save(rig->stores[0], "count", 1, (struct tide_bytes){&e, sizeof(e)}, &err),
            0);
        rig_cut(rig);
        rig_commit(rig);
        while (rig_turn(rig)) {
        }
    }
    cr_assert_eq(restore_try(rig, &err), 0, "%s", err.text);
}

static void
flip(const char *path, uint64_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    cr_assert_eq(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x10;
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void
part_path(const struct rig *rig, const struct tide_part *part, char out[256])
{
    char name[TIDE_STATE_NAME_MAX];
    tide_state_file_name(&part->file, name);
    scratch_path(&rig->scratch, name, out);
}

static void
each_byte(bool compress)
{
    struct rig rig;
    struct tide_parsed_ref parsed;
    struct tide_error err = {0};
    uint32_t images = 0, changes = 0;
    start(&rig, compress);
    cr_assert_eq(tide_state_ref_decode(tide_seam_real(), rig.refs[0], &parsed, &err), 0);
    for (uint32_t i = 0; i < parsed.ref.n_parts; i++) {
        const struct tide_part *part = &parsed.ref.parts[i];
        char path[256];
        part_path(&rig, part, path);
        images += part->file.kind == TIDE_STATE_FILE_IMAGE;
        changes += part->file.kind == TIDE_STATE_FILE_CHANGES;
        for (uint64_t at = 0; at < part->offset + part->length; at++) {
            if (at >= TIDE_STATE_HEAD_BYTES && at < part->offset) {
                continue; /* older changes, which the image replaced */
            }
            flip(path, at);
            err = (struct tide_error){0};
            int rc = restore_try(&rig, &err);
            cr_assert_eq(rc, TIDE_ERR_CORRUPT, "byte %llu of %s: %d %s", (unsigned long long)at,
                         path, rc, err.text);
            cr_assert_not_null(strstr(err.text, path), "%s", err.text);
            flip(path, at);
        }
    }
    cr_assert_eq(images, 1);
    cr_assert_geq(changes, 1);
    cr_assert_eq(restore_try(&rig, &err), 0, "healed");
    tide_parsed_ref_fini(&parsed);
    rig_fini(&rig);
}

Test(corrupt, each_byte_flipped, .timeout = 120)
{
    each_byte(false);
}

Test(corrupt, each_byte_flipped_compressed, .timeout = 120)
{
    each_byte(true);
}

Test(corrupt, each_length_cut, .timeout = 120)
{
    struct rig rig;
    struct tide_parsed_ref parsed;
    struct tide_error err = {0};
    char path[256];
    start(&rig, true);
    cr_assert_eq(tide_state_ref_decode(tide_seam_real(), rig.refs[0], &parsed, &err), 0);
    const struct tide_part *part = &parsed.ref.parts[parsed.ref.n_parts - 1];
    part_path(&rig, part, path);
    for (uint64_t len = part->offset + part->length; len-- > 0;) {
        cr_assert_eq(truncate(path, (off_t)len), 0);
        cr_assert_eq(restore_try(&rig, &err), TIDE_ERR_CORRUPT);
    }
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(restore_try(&rig, &err), TIDE_ERR_CORRUPT);
    cr_assert_not_null(strstr(err.text, "missing"), "%s", err.text);
    tide_parsed_ref_fini(&parsed);
    rig_fini(&rig);
}

/* References are under the WAL's check sums; a damaged one must still do no harm. */
Test(corrupt, references, .timeout = 120)
{
    struct rig rig;
    struct tide_error err = {0};
    start(&rig, true);
    uint8_t *bytes = (uint8_t *)(uintptr_t)rig.refs[0].p;
    const uint32_t n = rig.refs[0].n;
    uint32_t refused = 0;
    for (uint32_t bit = 0; bit < n * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused += restore_try(&rig, &err) != 0;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_gt(refused, n * 4);
    for (uint32_t len = 0; len < n; len++) {
        rig.refs[0].n = len;
        cr_assert_neq(restore_try(&rig, &err), 0);
    }
    rig.refs[0].n = n;
    cr_assert_eq(restore_try(&rig, &err), 0);
    rig_fini(&rig);
}
