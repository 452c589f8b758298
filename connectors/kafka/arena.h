/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: what a bound source or sink keeps, freed at once.
 *
 * Memory comes from the host (accounted, may be refused) and lives until tide_kafka_arena_free().
 * Only control threads use it; nothing of a record is ever in it.
 */
#ifndef TIDE_KAFKA_ARENA_H
#define TIDE_KAFKA_ARENA_H

#include <stddef.h>

#include <tidemark/plugin.h>

struct tide_kafka_block;

/* Zeroed but for `host` is empty and ready. */
struct tide_kafka_arena {
    const struct tide_host *host;
    struct tide_kafka_block *blocks;
};

/* @size zeroed bytes, aligned for any type; NULL when memory is full. @thread start */
void *tide_kafka_arena_alloc(struct tide_kafka_arena *arena, size_t size);

/* A copy of the first @n bytes of @text, ended by a NUL; NULL when memory is full. @thread start */
char *tide_kafka_arena_text(struct tide_kafka_arena *arena, const char *text, size_t n);

/* A printf text; NULL when memory is full. @thread start */
char *tide_kafka_arena_printf(struct tide_kafka_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees all of it; the arena is empty again. @thread start */
void tide_kafka_arena_free(struct tide_kafka_arena *arena);

#endif
