/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Card transactions as JSON of about 250 bytes, one per sequence number, the same for the same
 * number.
 *
 * tx_id is the sequence number in decimal, so that a reader of any output that holds it can say
 * which record it came from.
 */
#ifndef TIDEMARK_BENCH_CARDS_H
#define TIDEMARK_BENCH_CARDS_H

#include <stddef.h>
#include <stdint.h>

#define CARDS_KEY_BYTES 32
#define CARDS_VALUE_BYTES 512

/* Writes the card of transaction @sequence out of @cards cards, without a terminator; returns its
 * length. */
size_t cards_key(uint64_t sequence, uint32_t cards, char out[CARDS_KEY_BYTES]);

/* Writes the transaction, without a terminator; @epoch_ns is its event time. Returns its length. */
size_t cards_value(uint64_t sequence, uint32_t cards, uint64_t epoch_ns,
                   char out[CARDS_VALUE_BYTES]);

/* Finds the sequence number behind "tx_id" in @value. Returns 0, or -1 when there is none. */
int cards_sequence(const void *value, size_t length, uint64_t *out_sequence);

#endif
