/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Note: what a shared object says about itself, read without running any of it.
 *
 * TIDE_PLUGIN_NOTE (tidemark/plugin.h) puts lines of text into the ELF note .note.tidemark:
 *   abi N HASH / plugin NAME VERSION LICENSE / source|operator|sink NAME: one sentence
 * The file is untrusted: every offset and length of it is checked against its size before use, and
 * the text is checked for its form. What is read is only data; nothing is mapped executable here.
 *
 * Threads: any, nothing is kept. Left to others: whether the plugin is accepted (registry.c).
 */
#ifndef TIDE_PLUGIN_NOTE_H
#define TIDE_PLUGIN_NOTE_H

#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

/* A kind that the plugin says it holds. */
struct tide_note_kind {
    uint32_t type; /* enum tide_kind_type */
    const char *name;
    const char *doc;
};

/* The metadata, parsed. All texts lie in @text. */
struct tide_note {
    const struct tide_seam *seam;
    char *text;
    uint32_t abi;
    const char *hash;
    const char *name, *version, *license;
    uint32_t n_kinds;
    struct tide_note_kind *kinds;
    char sha256[65]; /* of the whole file, in hexadecimal */
};

/*
 * Reads the note of the regular file at @path. TIDE_ERR_PLUGIN: no ELF file of this machine's kind,
 * no note, a damaged note, not a regular file, writable by everybody; TIDE_ERR_NOTFOUND,
 * TIDE_ERR_IO, TIDE_ERR_NOMEM.
 * @thread start
 */
int tide_note_read(const struct tide_seam *seam, const char *path, struct tide_note *out_note,
                   struct tide_error *err);

/* Parses the note out of the bytes of an ELF file; for tests and the fuzzer. Errors: PLUGIN, NOMEM.
 * @thread any */
int tide_note_parse(const struct tide_seam *seam, const uint8_t *file, size_t size,
                    struct tide_note *out_note, struct tide_error *err);

/* Frees what the note holds. Zeroed memory is legal. @thread start */
void tide_note_fini(struct tide_note *note);

#endif
