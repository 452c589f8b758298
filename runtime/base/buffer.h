/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffer: bytes that grow, up to a limit.
 *
 * For text and msgpack on control threads, and for scratch that keeps its size between uses (clear,
 * not fini). A failed call leaves the contents as they were. Not for records on the hot path after
 * start. Threads: one at a time.
 */
#ifndef TIDE_BASE_BUFFER_H
#define TIDE_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

/* Bytes [data, data + len). Read the members freely; @data moves when the buffer grows. */
struct tide_buf {
    const struct tide_seam *seam;
    uint8_t *data; /* NULL while nothing was reserved */
    size_t len;
    size_t cap;
    size_t max; /* the most @cap may be */
};

/* An empty buffer that may grow to @max bytes; allocates nothing. @thread any */
void tide_buf_init(struct tide_buf *buf, const struct tide_seam *seam, size_t max);

/* Frees the bytes; the buffer is empty and usable again. Legal on zeroed memory. @thread any */
void tide_buf_fini(struct tide_buf *buf);

/* Forgets the contents, keeps the memory. @thread any */
void tide_buf_clear(struct tide_buf *buf);

/*
 * Makes room for @more bytes behind @len: *out_room (NULL is legal) points to them; add what was
 * written to buf->len. Errors: TIDE_ERR_LIMIT over @max, TIDE_ERR_NOMEM. @thread any
 */
int tide_buf_reserve(struct tide_buf *buf, size_t more, uint8_t **out_room);

/* Appends @len bytes. @data must not lie in the buffer. Errors as tide_buf_reserve. @thread any */
int tide_buf_append(struct tide_buf *buf, const void *data, size_t len);

/* Appends one byte. Errors as tide_buf_reserve. @thread any */
int tide_buf_append_byte(struct tide_buf *buf, uint8_t byte);

/* Appends the text @text, without its zero. Errors as tide_buf_reserve. @thread any */
int tide_buf_append_text(struct tide_buf *buf, const char *text);

/* Appends printf output without its zero, which must fit all the same. Errors as tide_buf_reserve.
 * @thread any */
int tide_buf_printf(struct tide_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The contents as a zero-terminated text, owned by the buffer, valid until its next change. The
 * zero is not counted in @len. NULL: no room for the zero. @thread any
 */
const char *tide_buf_text(struct tide_buf *buf);

/* Appends; has the shape of msgpack_packer_write, with the buffer as its first argument. @thread
 * any */
int tide_buf_pack(void *buf, const char *data, size_t len);

#endif
