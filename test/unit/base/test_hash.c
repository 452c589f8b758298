/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC32C against RFC 3720 B.4; murmur2 against Kafka's UtilsTest; XXH3 against the sanity table of
 * xxHash's own cli/xsum_sanity_check.c: none of the expected values comes from this tree.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/crc32c.h"
#include "base/hash.h"

Test(crc32c, rfc_3720_vectors)
{
    unsigned char bytes[32];
    memset(bytes, 0, sizeof(bytes));
    cr_assert_eq(tide_crc32c(0, bytes, 32), 0x8A9136AAu);
    memset(bytes, 0xFF, sizeof(bytes));
    cr_assert_eq(tide_crc32c(0, bytes, 32), 0x62A8AB43u);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (unsigned char)i;
    }
    cr_assert_eq(tide_crc32c(0, bytes, 32), 0x46DD794Eu);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (unsigned char)(31 - i);
    }
    cr_assert_eq(tide_crc32c(0, bytes, 32), 0x113FDB5Cu);
    static const unsigned char pdu[48] = {
        0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0};
    cr_assert_eq(tide_crc32c(0, pdu, sizeof(pdu)), 0xD9963A56u);
    cr_assert_eq(tide_crc32c(0, "123456789", 9), 0xE3069283u);
}

Test(crc32c, nothing_leaves_the_seed)
{
    cr_assert_eq(tide_crc32c(0, NULL, 0), 0);
    cr_assert_eq(tide_crc32c(0xDEADBEEFu, NULL, 0), 0xDEADBEEFu);
}

Test(crc32c, chains_at_every_place)
{
    unsigned char bytes[100];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(i * 37);
    }
    uint32_t whole = tide_crc32c(7, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        uint32_t first = tide_crc32c(7, bytes, cut);
        cr_assert_eq(tide_crc32c(first, bytes + cut, sizeof(bytes) - cut), whole);
    }
    cr_assert_neq(tide_crc32c(8, bytes, sizeof(bytes)), whole, "the seed counts");
}

Test(crc32c, any_bit_counts)
{
    unsigned char bytes[64] = {0};
    uint32_t whole = tide_crc32c(0, bytes, sizeof(bytes));
    for (unsigned bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        cr_assert_neq(tide_crc32c(0, bytes, sizeof(bytes)), whole);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

Test(murmur2, kafkas_golden_values)
{
    static const struct {
        const char *key;
        int32_t hash;
    } rows[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(tide_murmur2(rows[i].key, strlen(rows[i].key)), rows[i].hash, "%s",
                     rows[i].key);
    }
}

/* (hash & 0x7fffffff) % partitions, worked out by hand from the golden values. */
Test(murmur2, partition_is_of_the_positive_part)
{
    cr_assert_eq(tide_murmur2_partition("abc", 3, 10), 479470107u % 10);
    cr_assert_eq(tide_murmur2_partition("21", 2, 1000), (2147483648u - 973932308u) % 1000);
    cr_assert_eq(tide_murmur2_partition("21", 2, 1), 0);
}

/* The table's input: bytes from the top of a product of primes. */
Test(hash64, xxhash_sanity_table)
{
    static const struct {
        size_t len;
        uint64_t plain;
        uint64_t seeded; /* with PRIME64 */
    } rows[] = {
        {0, 0x2D06800538D394C2u, 0xA8A6B918B2F0364Au},
        {1, 0xC44BDFF4074EECDBu, 0x032BE332DD766EF8u},
        {6, 0x27B56A84CD2D7325u, 0x84589C116AB59AB9u},
        {12, 0xA713DAF0DFBB77E7u, 0xE7303E1B2336DE0Eu},
        {24, 0xA3FE70BF9D3510EBu, 0x850E80FC35BDD690u},
        {48, 0x397DA259ECBA1F11u, 0xADC2CBAA44ACC616u},
        {80, 0xBCDEFBBB2C47C90Au, 0xC6DD0CB699532E73u},
        {195, 0xCD94217EE362EC3Au, 0xBA68003D370CB3D9u},
    };
    const uint64_t prime64 = 11400714785074694797u;
    unsigned char bytes[195];
    uint64_t product = 2654435761u;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(product >> 56);
        product *= prime64;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(tide_hash64(bytes, rows[i].len, 0), rows[i].plain, "%zu", rows[i].len);
        cr_expect_eq(tide_hash64(bytes, rows[i].len, prime64), rows[i].seeded, "%zu", rows[i].len);
    }
    cr_assert_eq(tide_hash64(NULL, 0, 0), rows[0].plain);
}

/* Tasks own contiguous shares, each at least one group, for every number of tasks up to the groups.
 */
Test(key_group, shares_are_contiguous_and_even)
{
    for (uint32_t tasks = 1; tasks <= 256; tasks++) {
        uint32_t counts[256] = {0};
        uint32_t before = 0;
        for (uint32_t group = 0; group < 256; group++) {
            uint32_t task = tide_key_group_task(group, 256, tasks);
            cr_assert_lt(task, tasks);
            cr_assert(task == before || task == before + 1);
            counts[task]++;
            before = task;
        }
        for (uint32_t task = 0; task < tasks; task++) {
            cr_assert_geq(counts[task], 256 / tasks);
            cr_assert_leq(counts[task], 256 / tasks + 1);
        }
    }
    cr_assert_eq(tide_key_group(0x2D06800538D394C2u, 256), 0xC2);
}
