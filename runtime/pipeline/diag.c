/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics: a bounded list of findings with positions. See diag.h.
 *
 * Out of memory while reporting is not an error of its own: the finding is counted as dropped and
 * as an error or warning, so that the caller still sees that the pipeline is bad.
 */
#include "pipeline/diag.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "pipeline/tree.h"

#define DIAG_TEXT_MAX 2048

void
tide_diags_init(struct tide_diags *diags, const struct tide_seam *seam)
{
    memset(diags, 0, sizeof(*diags));
    diags->seam = seam;
}

void
tide_diags_fini(struct tide_diags *diags)
{
    for (uint32_t i = 0; i < diags->count; i++) {
        tide_free(diags->seam, diags->items[i].file);
        tide_free(diags->seam, diags->items[i].text);
    }
    if (diags->items != NULL) {
        tide_free(diags->seam, diags->items);
    }
    tide_diags_init(diags, diags->seam);
}

static char *
copy_text(const struct tide_seam *seam, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = tide_alloc(seam, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

/* Room for one more entry; false at the limit or without memory. */
static bool
make_room(struct tide_diags *diags)
{
    if (diags->count < diags->capacity) {
        return true;
    }
    if (diags->count >= TIDE_LIMIT_DIAGS) {
        return false;
    }
    uint32_t capacity = diags->capacity == 0 ? 16 : diags->capacity * 2;
    struct tide_diag *items = tide_resize(diags->seam, diags->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    diags->items = items;
    diags->capacity = capacity;
    return true;
}

/* The same finding twice (a mistake in a connection that two sinks share) is told once. */
static bool
known(const struct tide_diags *diags, const struct tide_diag *place, const char *text)
{
    for (uint32_t i = 0; i < diags->count; i++) {
        const struct tide_diag *diag = &diags->items[i];
        if (diag->line == place->line && diag->column == place->column &&
            strcmp(diag->text, text) == 0 && strcmp(diag->file, place->file) == 0) {
            return true;
        }
    }
    return false;
}

static bool
append(struct tide_diags *diags, const struct tide_diag *place, const char *text)
{
    if (!make_room(diags)) {
        return false;
    }
    struct tide_diag *diag = &diags->items[diags->count];
    *diag = *place;
    diag->file = copy_text(diags->seam, place->file);
    diag->text = copy_text(diags->seam, text);
    if (diag->file == NULL || diag->text == NULL) {
        tide_free(diags->seam, diag->file);
        tide_free(diags->seam, diag->text);
        return false;
    }
    diags->count++;
    return true;
}

void
tide_diags_addv(struct tide_diags *diags, struct tide_diag place, const char *format, va_list args)
{
    char text[DIAG_TEXT_MAX];
    TIDE_ASSERT(place.file != NULL);
    vsnprintf(text, sizeof(text), format, args);
    if (known(diags, &place, text)) {
        return;
    }
    if (place.severity == TIDE_DIAG_ERROR) {
        diags->errors++;
    } else if (place.severity == TIDE_DIAG_WARNING) {
        diags->warnings++;
    }
    if (!append(diags, &place, text)) {
        diags->dropped++;
    }
}

static struct tide_diag
place_of(const struct tide_node *node, enum tide_diag_severity severity, int32_t code)
{
    TIDE_ASSERT(node != NULL);
    /* The list copies the name; the cast only lets one struct serve as argument and as entry. */
    struct tide_diag place = {
        .severity = severity,
        .code = code,
        .file = (char *)(uintptr_t)node->file,
        .line = node->line,
        .column = node->column,
    };
    return place;
}

void
tide_diags_error(struct tide_diags *diags, const struct tide_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tide_diags_addv(diags, place_of(node, TIDE_DIAG_ERROR, TIDE_ERR_INVALID), format, args);
    va_end(args);
}

void
tide_diags_warn(struct tide_diags *diags, const struct tide_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tide_diags_addv(diags, place_of(node, TIDE_DIAG_WARNING, TIDE_OK), format, args);
    va_end(args);
}

void
tide_diags_unsupported(struct tide_diags *diags, const struct tide_node *node, const char *format,
                       ...)
{
    char text[DIAG_TEXT_MAX];
    va_list args;
    int used = snprintf(text, sizeof(text), "not in this version: ");
    va_start(args, format);
    vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
    va_end(args);
    struct tide_error err = {.code = TIDE_ERR_UNSUPPORTED};
    snprintf(err.text, sizeof(err.text), "%.*s", (int)sizeof(err.text) - 1, text);
    tide_diags_error_at(diags, node, -1, &err);
}

static void
add_at(struct tide_diags *diags, struct tide_diag place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tide_diags_addv(diags, place, format, args);
    va_end(args);
}

void
tide_diags_error_at(struct tide_diags *diags, const struct tide_node *node, int32_t at,
                    const struct tide_error *err)
{
    struct tide_diag place = place_of(node, TIDE_DIAG_ERROR, err->code);
    tide_node_place(node, at, &place.line, &place.column);
    add_at(diags, place, "%s", err->text);
}

static bool
comes_before(const struct tide_diag *a, const struct tide_diag *b)
{
    bool a_placed = a->line != 0;
    bool b_placed = b->line != 0;
    if (a_placed != b_placed) {
        return a_placed;
    }
    if (a->line != b->line) {
        return a->line < b->line;
    }
    return a->column < b->column;
}

/* Insertion sort: stable, and the list is short. */
void
tide_diags_sort(struct tide_diags *diags)
{
    for (uint32_t i = 1; i < diags->count; i++) {
        struct tide_diag moving = diags->items[i];
        uint32_t j = i;
        while (j > 0 && comes_before(&moving, &diags->items[j - 1])) {
            diags->items[j] = diags->items[j - 1];
            j--;
        }
        diags->items[j] = moving;
    }
}

size_t
tide_diag_format(const struct tide_diag *diag, char *buffer, size_t size)
{
    static const char *const names[] = {"error", "warning", "note"};
    int len;
    if (diag->line == 0) {
        len = snprintf(buffer, size, "%s: %s: %s", diag->file, names[diag->severity], diag->text);
    } else {
        len = snprintf(buffer, size, "%s:%u:%u: %s: %s", diag->file, diag->line, diag->column,
                       names[diag->severity], diag->text);
    }
    return len < 0 ? 0 : (size_t)len;
}
