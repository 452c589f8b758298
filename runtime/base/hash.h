/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes whose values are kept or shared with others, so that they must never change.
 *
 * tide_hash64 (XXH3, 64 bits) is written into checkpoints by way of key groups and record ids.
 * tide_murmur2 is what Kafka's Java client does with a key, so that a record we write meets its
 * siblings in the same partition.
 */
#ifndef TIDE_BASE_HASH_H
#define TIDE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3_64bits_withSeed; the same on every machine. NULL is legal when @len is 0. @thread any */
uint64_t tide_hash64(const void *data, size_t len, uint64_t seed);

/* The key group of a hash (seed 0) of canonical key bytes, of @groups. Fixed in the checkpoint.
 * @thread any */
static inline uint32_t
tide_key_group(uint64_t hash, uint32_t groups)
{
    return (uint32_t)(hash % groups);
}

/* The task, of @tasks, that owns @group of @groups: a contiguous share each. @thread any */
static inline uint32_t
tide_key_group_task(uint32_t group, uint32_t groups, uint32_t tasks)
{
    return (uint32_t)((uint64_t)group * tasks / groups);
}

/* Kafka's Utils.murmur2. @thread any */
int32_t tide_murmur2(const void *data, size_t len);

/* Kafka's partition for a key: toPositive(murmur2(key)) % partitions. @thread any */
uint32_t tide_murmur2_partition(const void *data, size_t len, uint32_t partitions);

#endif
