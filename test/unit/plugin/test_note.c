/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The note of a shared object that is sound, cut, and damaged. Run under AddressSanitizer this
 * shows that no byte outside the file is touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "plugin/note.h"
#include "plugin/registry.h"

static uint8_t *
file_read(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    fseek(file, 0, SEEK_END);
    *out_size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*out_size);
    cr_assert_eq(fread(bytes, 1, *out_size, file), *out_size);
    fclose(file);
    return bytes;
}

Test(note, says_what_is_in_it)
{
    struct tide_note note = {0};
    struct tide_error err = {0};
    cr_assert_eq(tide_note_read(tide_seam_real(), FIXTURES "/good.so", &note, &err), 0, "%s",
                 err.text);
    cr_assert_eq(note.abi, TIDE_ABI_VERSION);
    cr_assert_str_eq(note.hash, TIDE_ABI_HASH);
    cr_assert_str_eq(note.name, "fixture");
    cr_assert_str_eq(note.version, "1.0");
    cr_assert_str_eq(note.license, "Apache-2.0 OR MIT");
    cr_assert_eq(note.n_kinds, 1);
    cr_assert_eq(note.kinds[0].type, TIDE_KIND_OPERATOR);
    cr_assert_str_eq(note.kinds[0].name, "fixture");
    cr_assert_str_eq(note.kinds[0].doc, "keeps rows");
    tide_note_fini(&note);
}

/* Copies of exactly the length, so that a sanitizer sees a step beyond. */
static int
parse_exact(const uint8_t *bytes, size_t size)
{
    struct tide_note note = {0};
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    int rc = tide_note_parse(tide_seam_real(), copy, size, &note, NULL);
    tide_note_fini(&note);
    free(copy);
    return rc;
}

Test(note, cut_at_every_64_bytes)
{
    size_t size;
    uint8_t *bytes = file_read(FIXTURES "/good.so", &size);
    cr_assert_eq(parse_exact(bytes, size), 0);
    for (size_t n = 0; n < size; n += 64) {
        cr_assert_eq(parse_exact(bytes, n), TIDE_ERR_PLUGIN, "%zu of %zu bytes", n, size);
    }
    cr_assert_eq(parse_exact(bytes, size - 1), TIDE_ERR_PLUGIN);
    free(bytes);
}

/* Every byte of the head, of the section headers (they end the file) and of the note, set to
 * extremes. */
Test(note, damaged_anywhere, .timeout = 120)
{
    static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    size_t size;
    uint8_t *bytes = file_read(FIXTURES "/good.so", &size);
    const uint8_t *note = memmem(bytes, size, "Tidemark", 8);
    cr_assert_not_null(note);
    const size_t note_at = (size_t)(note - bytes);
    for (size_t at = 0; at < size; at++) {
        if (at >= 64 && at < size - 4096 && (at + 12 < note_at || at > note_at + 200)) {
            continue;
        }
        for (size_t i = 0; i < sizeof(extremes); i++) {
            const uint8_t was = bytes[at];
            bytes[at] = extremes[i];
            int rc = parse_exact(bytes, size);
            cr_assert(rc == 0 || rc == TIDE_ERR_PLUGIN, "byte %zu: %d", at, rc);
            bytes[at] = was;
        }
    }
    free(bytes);
}

Test(note, other_files)
{
    struct tide_note note = {0};
    struct tide_error err = {0};
    cr_assert_eq(tide_note_read(tide_seam_real(), "/proc/self/exe", &note, &err), TIDE_ERR_PLUGIN);
    cr_assert_eq(tide_note_read(tide_seam_real(), "/etc/passwd", &note, &err), TIDE_ERR_PLUGIN);
    cr_assert_not_null(strstr(err.text, "plugin '/etc/passwd': is not a shared object"), "%s",
                       err.text);
    cr_assert_eq(tide_note_read(tide_seam_real(), "/etc/passwd/x", &note, &err), TIDE_ERR_NOTFOUND);
}
