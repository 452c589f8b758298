/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC32C (Castagnoli, as in iSCSI, RFC 3720), computed by ISA-L.
 *
 * Convention: inverted before and after, so that seed 0 gives the CRC32C of the standards and
 * results chain: tide_crc32c(tide_crc32c(0, a), b) is the CRC of a followed by b. Any other seed
 * makes a check that also ties the bytes to their place (the WAL seeds with checkpoint id and
 * segment number).
 */
#ifndef TIDE_BASE_CRC32C_H
#define TIDE_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC32C of @len bytes at @data (NULL is legal when @len is 0), from @seed. @thread any */
uint32_t tide_crc32c(uint32_t seed, const void *data, size_t len);

#endif
