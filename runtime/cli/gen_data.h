/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test data: record number i of a seed is always the same, but for the time in it.
 */
#ifndef TIDE_CLI_GEN_DATA_H
#define TIDE_CLI_GEN_DATA_H

#include <stddef.h>
#include <stdint.h>

#define CLI_GEN_KEY_BYTES 32u
#define CLI_GEN_VALUE_BYTES 512u

struct cli_gen_record {
    size_t key_len; /* 0: no key */
    size_t value_len;
    char key[CLI_GEN_KEY_BYTES];
    char value[CLI_GEN_VALUE_BYTES];
};

/* Makes record @number of @seed; @wall_ns is its time since the Unix epoch. */
typedef void cli_gen_fn(uint64_t seed, uint64_t number, uint64_t wall_ns,
                        struct cli_gen_record *out);

/* Card transactions: JSON of about 250 bytes, keyed by card. */
cli_gen_fn cli_gen_card;

/* Words: few are frequent, many are rare. No key. */
cli_gen_fn cli_gen_word;

#endif
