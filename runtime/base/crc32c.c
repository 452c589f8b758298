/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC32C: ISA-L's crc32_iscsi neither inverts before nor after, and takes an int as length.
 */
#include "base/crc32c.h"

#include <isa-l/crc.h>

#define PIECE ((size_t)1 << 30)

uint32_t
tide_crc32c(uint32_t seed, const void *data, size_t len)
{
    uint32_t crc = ~seed;
    unsigned char *at = (unsigned char *)(uintptr_t)data; /* its parameter lacks the const */
    while (len > 0) {
        size_t piece = len < PIECE ? len : PIECE;
        crc = crc32_iscsi(at, (int)piece, crc);
        at += piece;
        len -= piece;
    }
    return ~crc;
}
