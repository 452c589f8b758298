/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that grows, in the host's memory, up to a bound.
 */
#ifndef TIDE_CONSOLE_TEXT_H
#define TIDE_CONSOLE_TEXT_H

#include <string.h>

#include <tidemark/plugin.h>

struct tide_text {
    const struct tide_host *host;
    char *p;
    size_t n, capacity, max;
    bool full; /* something did not fit, or there was no memory */
};

/* Room for @more bytes behind the text, or NULL. @thread task */
static inline char *
tide_text_room(struct tide_text *text, size_t more)
{
    size_t capacity = text->capacity == 0 ? 4096 : text->capacity;
    char *p;
    if (text->n + more <= text->capacity) {
        return text->p + text->n;
    }
    while (capacity < text->n + more) {
        capacity *= 2;
    }
    p = capacity <= text->max ? text->host->alloc(text->host, capacity) : NULL;
    if (p == NULL) {
        text->full = true;
        return NULL;
    }
    if (text->n > 0) {
        memcpy(p, text->p, text->n);
    }
    text->host->free(text->host, text->p);
    text->p = p;
    text->capacity = capacity;
    return p + text->n;
}

/* Appends @n bytes, or marks the text full. @thread task */
static inline void
tide_text_put(struct tide_text *text, const void *p, size_t n)
{
    char *room = tide_text_room(text, n);
    if (room != NULL && n > 0) {
        memcpy(room, p, n);
        text->n += n;
    }
}

/* Appends @n times @c. @thread task */
static inline void
tide_text_fill(struct tide_text *text, char c, size_t n)
{
    char *room = tide_text_room(text, n);
    if (room != NULL && n > 0) {
        memset(room, c, n);
        text->n += n;
    }
}

/* Appends a text that ends with a NUL. @thread task */
static inline void
tide_text_say(struct tide_text *text, const char *p)
{
    tide_text_put(text, p, strlen(p));
}

/* @thread start */
static inline void
tide_text_free(struct tide_text *text)
{
    text->host->free(text->host, text->p);
    text->p = NULL;
    text->n = text->capacity = 0;
}

#endif
