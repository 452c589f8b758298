/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record's msgpack as JSON text, whatever it means. Private to wal/.
 */
#ifndef TIDE_WAL_PAYLOAD_H
#define TIDE_WAL_PAYLOAD_H

#include "base/buffer.h"

/*
 * Appends @len bytes of msgpack (one object) to @out as JSON on one line. Binary becomes "0x..." in
 * hexadecimal, keys become strings, text is made valid UTF-8 and escaped. TIDE_ERR_CORRUPT when it
 * is not one whole msgpack object, or nests deeper than 32; TIDE_ERR_LIMIT, TIDE_ERR_NOMEM. @thread
 * any
 */
int tide_wal_payload_print(const uint8_t *payload, uint32_t len, struct tide_buf *out);

#endif
