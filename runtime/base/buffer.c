/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffer: grows by doubling, from 256 bytes to its limit.
 *
 * Invariants: len <= cap <= max, but for a text's zero, which also fits in max.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#define BUF_FIRST 256u

void
tide_buf_init(struct tide_buf *buf, const struct tide_seam *seam, size_t max)
{
    *buf = (struct tide_buf){.seam = seam, .max = max};
}

void
tide_buf_fini(struct tide_buf *buf)
{
    if (buf->data != NULL) {
        tide_free(buf->seam, buf->data);
    }
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
}

void
tide_buf_clear(struct tide_buf *buf)
{
    buf->len = 0;
}

/* The next capacity for @need bytes, at most max. */
static size_t
buf_cap_for(const struct tide_buf *buf, size_t need)
{
    size_t cap = buf->cap == 0 ? BUF_FIRST : buf->cap;
    while (cap < need && cap <= buf->max / 2) {
        cap *= 2;
    }
    return cap < need || cap > buf->max ? buf->max : cap;
}

int
tide_buf_reserve(struct tide_buf *buf, size_t more, uint8_t **out_room)
{
    TIDE_ASSERT(buf->len <= buf->cap);
    if (buf->len > buf->max || more > buf->max - buf->len) {
        return TIDE_ERR_LIMIT;
    }
    size_t need = buf->len + more;
    if (need > buf->cap) {
        size_t cap = buf_cap_for(buf, need);
        uint8_t *data = tide_resize(buf->seam, buf->data, cap);
        if (data == NULL) {
            return TIDE_ERR_NOMEM;
        }
        buf->data = data;
        buf->cap = cap;
    }
    if (out_room != NULL) {
        *out_room = buf->data == NULL ? NULL : buf->data + buf->len;
    }
    return TIDE_OK;
}

int
tide_buf_append(struct tide_buf *buf, const void *data, size_t len)
{
    if (len == 0) {
        return TIDE_OK;
    }
    uint8_t *room = NULL;
    int rc = tide_buf_reserve(buf, len, &room);
    if (rc != TIDE_OK) {
        return rc;
    }
    memcpy(room, data, len);
    buf->len += len;
    return TIDE_OK;
}

int
tide_buf_append_byte(struct tide_buf *buf, uint8_t byte)
{
    return tide_buf_append(buf, &byte, 1);
}

int
tide_buf_append_text(struct tide_buf *buf, const char *text)
{
    return tide_buf_append(buf, text, strlen(text));
}

int
tide_buf_printf(struct tide_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int full = vsnprintf(NULL, 0, format, args);
    va_end(args);
    TIDE_ASSERT(full >= 0);
    uint8_t *room = NULL;
    int rc = tide_buf_reserve(buf, (size_t)full + 1, &room); /* vsnprintf writes a zero */
    if (rc != TIDE_OK) {
        return rc;
    }
    va_start(args, format);
    int again = vsnprintf((char *)room, (size_t)full + 1, format, args);
    va_end(args);
    TIDE_ASSERT(again == full);
    buf->len += (size_t)full;
    return TIDE_OK;
}

const char *
tide_buf_text(struct tide_buf *buf)
{
    uint8_t *room = NULL;
    if (tide_buf_reserve(buf, 1, &room) != TIDE_OK) {
        return NULL;
    }
    *room = '\0';
    return (const char *)buf->data;
}

int
tide_buf_pack(void *buf, const char *data, size_t len)
{
    return tide_buf_append(buf, data, len);
}
