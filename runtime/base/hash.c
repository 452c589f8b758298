/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes: xxHash's XXH3, and MurmurHash2 in the 32-bit variant and with the seed of Kafka's Java
 * client.
 */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"

/* org.apache.kafka.common.utils.Utils.murmur2 */
#define MURMUR_SEED 0x9747b28cu
#define MURMUR_M 0x5bd1e995u
#define MURMUR_R 24

uint64_t
tide_hash64(const void *data, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, len, seed);
}

/* The one to three bytes behind the last whole word. */
static uint32_t
murmur_tail(uint32_t hash, const uint8_t *tail, size_t len)
{
    if (len == 0) {
        return hash;
    }
    for (size_t i = 0; i < len; i++) {
        hash ^= (uint32_t)tail[i] << (8 * i);
    }
    return hash * MURMUR_M;
}

int32_t
tide_murmur2(const void *data, size_t len)
{
    const uint8_t *at = data;
    uint32_t hash = MURMUR_SEED ^ (uint32_t)len;
    size_t left = len;
    for (; left >= 4; left -= 4, at += 4) {
        uint32_t word = 0;
        memcpy(&word, at, sizeof(word));
        word = le32toh(word) * MURMUR_M;
        word ^= word >> MURMUR_R;
        hash = (hash * MURMUR_M) ^ (word * MURMUR_M);
    }
    hash = murmur_tail(hash, at, left);
    hash ^= hash >> 13;
    hash *= MURMUR_M;
    hash ^= hash >> 15;
    return (int32_t)hash;
}

uint32_t
tide_murmur2_partition(const void *data, size_t len, uint32_t partitions)
{
    TIDE_ASSERT(partitions > 0);
    return ((uint32_t)tide_murmur2(data, len) & 0x7fffffffu) % partitions;
}
