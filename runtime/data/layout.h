/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout: where fields lie behind their null words; the one rule that slots and nested structs
 * share. Threads: any.
 */
#ifndef TIDE_DATA_LAYOUT_H
#define TIDE_DATA_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

/* Bytes of the null words for @n values. @thread any */
static inline uint32_t
tide_null_bytes(uint32_t n)
{
    return n / 64 * 8 + (n % 64 != 0 ? 8 : 0);
}

/* @n rounded up to a multiple of 16. @thread any */
static inline uint32_t
tide_align16(uint32_t n)
{
    return (n + 15) & ~15u;
}

static inline bool
tide_bit_get(const uint8_t *bits, uint32_t i)
{
    return (bits[i >> 3] >> (i & 7)) & 1;
}

static inline void
tide_bit_set(uint8_t *bits, uint32_t i)
{
    bits[i >> 3] |= (uint8_t)(1u << (i & 7));
}

/*
 * Lays @n fields out behind null words at @nulls_at (a multiple of 16): *out_fields_at is where
 * field 0 lies, out_at (NULL, or one entry a field) where each does. Returns the end, a multiple
 * of 8. @thread any
 */
uint32_t tide_fields_layout(const struct tide_field *fields, uint32_t n, uint32_t nulls_at,
                            uint32_t *out_fields_at, uint32_t *out_at);

/* Whether values of @type hold references: copying their region is not enough. @thread any */
bool tide_type_holds_refs(const struct tide_type *type);

#endif
