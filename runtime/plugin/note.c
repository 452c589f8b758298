/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Note: finding and parsing .note.tidemark in a file that nobody vouches for.
 *
 * The whole file is read into memory (a mapping could shrink under us), hashed, and parsed as
 * bytes: headers are copied out with memcpy after their range was checked, so that neither
 * alignment nor lengths are trusted.
 *
 * Threads: see note.h. Invariant: in_range() stands before every access to the file's bytes.
 */
#include "plugin/note.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include <tidemark/plugin.h>

#include "base/limits.h"
#include "base/text.h"
#include "plugin/registry.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#else
#error "the ELF machine number of this processor is unknown"
#endif

#define NOTE_SECTION ".note.tidemark"
#define NOTE_NAME "Tidemark"
#define NOTE_TYPE 1

struct span {
    const uint8_t *p;
    size_t n;
};

static bool
in_range(struct span span, uint64_t at, uint64_t n)
{
    return at <= span.n && n <= span.n - at;
}

static int
damaged(struct tide_error *err, const char *what)
{
    return tide_error_set(err, TIDE_ERR_PLUGIN, "is damaged: %s lies outside the file", what);
}

/* ---- ELF ---- */

static int
header_read(struct span file, Elf64_Ehdr *out_header, struct tide_error *err)
{
    if (!in_range(file, 0, sizeof(*out_header)) || memcmp(file.p, ELFMAG, SELFMAG) != 0) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "is not a shared object (no ELF header)");
    }
    memcpy(out_header, file.p, sizeof(*out_header));
    const unsigned char order =
        __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    if (out_header->e_ident[EI_CLASS] != ELFCLASS64 || out_header->e_ident[EI_DATA] != order ||
        out_header->e_machine != MACHINE) {
        return tide_error_set(err, TIDE_ERR_PLUGIN,
                              "is for another machine (ELF machine %u, this is %u): build it here",
                              out_header->e_machine, MACHINE);
    }
    if (out_header->e_type != ET_DYN) {
        return tide_error_set(err, TIDE_ERR_PLUGIN,
                              "is not a shared object (ELF type %u): link it with -shared",
                              out_header->e_type);
    }
    if (out_header->e_shoff == 0 || out_header->e_shentsize != sizeof(Elf64_Shdr)) {
        return tide_error_set(err, TIDE_ERR_PLUGIN,
                              "has no section headers, so its note cannot be found");
    }
    return 0;
}

static bool
section_read(struct span file, const Elf64_Ehdr *header, uint64_t i, Elf64_Shdr *out_section)
{
    uint64_t at = header->e_shoff;
    if (i > UINT32_MAX || at > file.n) {
        return false;
    }
    at += i * sizeof(*out_section);
    if (!in_range(file, at, sizeof(*out_section))) {
        return false;
    }
    memcpy(out_section, file.p + at, sizeof(*out_section));
    return true;
}

static bool
section_is_note(struct span names, const Elf64_Shdr *section)
{
    return in_range(names, section->sh_name, sizeof(NOTE_SECTION)) &&
           memcmp(names.p + section->sh_name, NOTE_SECTION, sizeof(NOTE_SECTION)) == 0;
}

/* The number of sections and the table of their names; section 0 holds what does not fit the
 * header. */
static int
sections_find(struct span file, const Elf64_Ehdr *header, uint64_t *out_n, struct span *out_names,
              struct tide_error *err)
{
    Elf64_Shdr first, names;
    if (!section_read(file, header, 0, &first)) {
        return damaged(err, "the section table");
    }
    const uint64_t n = header->e_shnum != 0 ? header->e_shnum : first.sh_size;
    const uint64_t index = header->e_shstrndx != SHN_XINDEX ? header->e_shstrndx : first.sh_link;
    if (index >= n || !section_read(file, header, index, &names) ||
        !in_range(file, names.sh_offset, names.sh_size)) {
        return damaged(err, "the table of section names");
    }
    *out_n = n;
    *out_names = (struct span){file.p + names.sh_offset, names.sh_size};
    return 0;
}

/* The bytes of the section .note.tidemark. */
static int
section_find(struct span file, struct span *out_bytes, struct tide_error *err)
{
    Elf64_Ehdr header;
    struct span names = {0};
    uint64_t n = 0;
    int rc = header_read(file, &header, err);
    if (rc == 0) {
        rc = sections_find(file, &header, &n, &names, err);
    }
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        Elf64_Shdr section;
        if (!section_read(file, &header, i, &section)) {
            return damaged(err, "the section table");
        }
        if (!section_is_note(names, &section)) {
            continue;
        }
        if (section.sh_type == SHT_NOBITS || !in_range(file, section.sh_offset, section.sh_size)) {
            return damaged(err, "the section " NOTE_SECTION);
        }
        *out_bytes = (struct span){file.p + section.sh_offset, section.sh_size};
        return 0;
    }
    return rc != 0 ? rc
                   : tide_error_set(err, TIDE_ERR_PLUGIN,
                                    "is not a Tidemark plugin: it has no section " NOTE_SECTION
                                    " (TIDE_PLUGIN_NOTE)");
}

/* The text of the note: as long as its descriptor says, ended by a zero within. */
static int
note_text(struct span section, struct span *out_text, struct tide_error *err)
{
    Elf64_Nhdr head;
    const size_t name_at = sizeof(head), text_at = name_at + ((sizeof(NOTE_NAME) + 3) & ~(size_t)3);
    if (!in_range(section, 0, text_at)) {
        return damaged(err, "the head of its note");
    }
    memcpy(&head, section.p, sizeof(head));
    if (head.n_namesz != sizeof(NOTE_NAME) || head.n_type != NOTE_TYPE ||
        memcmp(section.p + name_at, NOTE_NAME, sizeof(NOTE_NAME)) != 0) {
        return tide_error_set(err, TIDE_ERR_PLUGIN,
                              "has a section " NOTE_SECTION " that is no Tidemark note");
    }
    if (head.n_descsz > TIDE_LIMIT_NOTE_BYTES || !in_range(section, text_at, head.n_descsz)) {
        return damaged(err, "the text of its note");
    }
    const uint8_t *end = memchr(section.p + text_at, 0, head.n_descsz);
    if (end == NULL) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "has a note whose text has no end");
    }
    *out_text = (struct span){section.p + text_at, (size_t)(end - (section.p + text_at))};
    return 0;
}

/* ---- text ---- */

static bool
is_name(const char *text)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return *text != 0 && text[strspn(text, allowed)] == 0;
}

/* Cuts the next word off *@rest; "" when there is none. */
static const char *
word_take(char **rest)
{
    char *word = *rest + strspn(*rest, " ");
    char *end = word + strcspn(word, " ");
    *rest = end;
    if (*end != 0) {
        *end = 0;
        *rest = end + 1;
    }
    return word;
}

static int
line_bad(struct tide_error *err, const char *word)
{
    return tide_error_set(err, TIDE_ERR_PLUGIN, "has a note with a malformed line '%.32s'", word);
}

/* "N HASH" */
static int
abi_parse(struct tide_note *note, char *rest, struct tide_error *err)
{
    uint64_t abi = 0;
    const char *number = word_take(&rest), *hash = word_take(&rest);
    if (tide_parse_u64(number, &abi, NULL) != 0 || abi > UINT32_MAX || !is_name(hash)) {
        return line_bad(err, "abi");
    }
    note->abi = (uint32_t)abi;
    note->hash = hash;
    return 0;
}

/* "NAME VERSION LICENSE"; a licence is an SPDX expression and may hold blanks. */
static int
plugin_parse(struct tide_note *note, char *rest, struct tide_error *err)
{
    const char *name = word_take(&rest), *version = word_take(&rest);
    if (!is_name(name) || *version == 0 || *rest == 0) {
        return line_bad(err, "plugin");
    }
    note->name = name;
    note->version = version;
    note->license = rest;
    return 0;
}

/* "NAME: one sentence" */
static int
kind_parse(struct tide_note *note, const char *type, char *rest, struct tide_error *err)
{
    struct tide_note_kind kind = {.type = TIDE_KIND_COUNT};
    char *colon = strchr(rest, ':');
    for (uint32_t i = 0; i < TIDE_KIND_COUNT; i++) {
        if (strcmp(type, tide_kind_type_name(i)) == 0) {
            kind.type = i;
        }
    }
    if (kind.type == TIDE_KIND_COUNT || colon == NULL || note->n_kinds == TIDE_LIMIT_NOTE_KINDS) {
        return line_bad(err, type);
    }
    *colon = 0;
    kind.name = rest;
    kind.doc = colon + 1 + strspn(colon + 1, " ");
    if (!is_name(kind.name)) {
        return line_bad(err, type);
    }
    note->kinds[note->n_kinds++] = kind;
    return 0;
}

static int
lines_parse(struct tide_note *note, struct tide_error *err)
{
    int rc = 0;
    char *line = note->text;
    while (rc == 0 && *line != 0) {
        char *rest = line, *next = line + strcspn(line, "\n");
        if (*next != 0) {
            *next++ = 0;
        }
        const char *word = word_take(&rest);
        if (strcmp(word, "abi") == 0) {
            rc = abi_parse(note, rest, err);
        } else if (strcmp(word, "plugin") == 0) {
            rc = plugin_parse(note, rest, err);
        } else {
            rc = kind_parse(note, word, rest, err);
        }
        line = next;
    }
    if (rc == 0 && (note->hash == NULL || note->name == NULL || note->n_kinds == 0)) {
        rc = tide_error_set(err, TIDE_ERR_PLUGIN, "has a note without an %s line",
                            note->hash == NULL   ? "'abi'"
                            : note->name == NULL ? "'plugin'"
                                                 : "'operator'");
    }
    return rc;
}

static bool
is_plain_text(struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((text.p[i] < 0x20 && text.p[i] != '\n') || text.p[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static void
digest_print(struct span file, char out_hex[65])
{
    struct sha256_ctx sha;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&sha);
    sha256_update(&sha, file.n, file.p);
    sha256_digest(&sha, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        snprintf(out_hex + 2 * i, 3, "%02x", digest[i]);
    }
}

int
tide_note_parse(const struct tide_seam *seam, const uint8_t *file, size_t size,
                struct tide_note *out_note, struct tide_error *err)
{
    const struct span bytes = {file, size};
    struct tide_note note = {.seam = seam};
    struct span section = {0}, text = {0};
    int rc = section_find(bytes, &section, err);
    if (rc == 0) {
        rc = note_text(section, &text, err);
    }
    if (rc != 0) {
        return rc;
    }
    if (!is_plain_text(text)) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "has a note with control characters");
    }
    note.text = tide_alloc(seam, text.n + 1);
    note.kinds = tide_alloc(seam, TIDE_LIMIT_NOTE_KINDS * sizeof(*note.kinds));
    if (note.text == NULL || note.kinds == NULL) {
        tide_note_fini(&note);
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for its note");
    }
    memcpy(note.text, text.p, text.n);
    rc = lines_parse(&note, err);
    if (rc != 0) {
        tide_note_fini(&note);
        return rc;
    }
    digest_print(bytes, note.sha256);
    *out_note = note;
    return 0;
}

/* ---- files ---- */

static int
file_check(int fd, size_t *out_size, struct tide_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return tide_error_set(err, TIDE_ERR_IO, "cannot be examined: %s", strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "is not a regular file");
    }
    if ((st.st_mode & S_IWOTH) != 0) {
        return tide_error_set(err, TIDE_ERR_PLUGIN,
                              "can be written by everybody, so it is not loaded: chmod o-w it");
    }
    if (st.st_size < 0 || st.st_size > TIDE_LIMIT_PLUGIN_BYTES) {
        return tide_error_set(err, TIDE_ERR_PLUGIN, "has %lld bytes; at most %u are read",
                              (long long)st.st_size, TIDE_LIMIT_PLUGIN_BYTES);
    }
    *out_size = (size_t)st.st_size;
    return 0;
}

/* Reads @size bytes; a file that became shorter meanwhile is an error. */
static int
bytes_read(int fd, uint8_t *bytes, size_t size, struct tide_error *err)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = pread(fd, bytes + at, size - at, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return tide_error_set(err, TIDE_ERR_IO, "cannot be read: %s",
                                  n < 0 ? strerror(errno) : "it became shorter");
        }
        at += (size_t)n;
    }
    return 0;
}

static int
open_read(const struct tide_seam *seam, int fd, struct tide_note *out_note, struct tide_error *err)
{
    size_t size = 0;
    int rc = file_check(fd, &size, err);
    if (rc != 0) {
        return rc;
    }
    uint8_t *bytes = tide_alloc(seam, size + 1);
    if (bytes == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "cannot be read: out of memory");
    }
    rc = bytes_read(fd, bytes, size, err);
    if (rc == 0) {
        rc = tide_note_parse(seam, bytes, size, out_note, err);
    }
    tide_free(seam, bytes);
    return rc;
}

int
tide_note_read(const struct tide_seam *seam, const char *path, struct tide_note *out_note,
               struct tide_error *err)
{
    /* A FIFO in the place of a file must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return tide_error_set(err,
                              errno == ENOENT || errno == ENOTDIR ? TIDE_ERR_NOTFOUND : TIDE_ERR_IO,
                              "plugin '%s' cannot be opened: %s", path, strerror(errno));
    }
    int rc = open_read(seam, fd, out_note, err);
    close(fd);
    if (rc != 0) {
        tide_error_prefix(err, "plugin '%s'", path);
    }
    return rc;
}

void
tide_note_fini(struct tide_note *note)
{
    if (note->seam == NULL) {
        return;
    }
    tide_free(note->seam, note->text);
    tide_free(note->seam, note->kinds);
    *note = (struct tide_note){0};
}
