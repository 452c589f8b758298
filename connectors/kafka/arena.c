/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: a list of blocks of the host's memory, one for each allocation.
 *
 * A bound source makes a few dozen of them, so a list is enough. Threads: control.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct tide_kafka_block {
    struct tide_kafka_block *next;
    _Alignas(16) unsigned char data[];
};

void *
tide_kafka_arena_alloc(struct tide_kafka_arena *arena, size_t size)
{
    struct tide_kafka_block *block = arena->host->alloc(arena->host, sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

char *
tide_kafka_arena_text(struct tide_kafka_arena *arena, const char *text, size_t n)
{
    char *copy = tide_kafka_arena_alloc(arena, n + 1);
    if (copy != NULL) {
        memcpy(copy, text, n);
    }
    return copy;
}

char *
tide_kafka_arena_printf(struct tide_kafka_arena *arena, const char *format, ...)
{
    va_list args;
    char *text;
    int n;
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = n < 0 ? NULL : tide_kafka_arena_alloc(arena, (size_t)n + 1);
    if (text != NULL) {
        va_start(args, format);
        vsnprintf(text, (size_t)n + 1, format, args);
        va_end(args);
    }
    return text;
}

void
tide_kafka_arena_free(struct tide_kafka_arena *arena)
{
    while (arena->blocks != NULL) {
        struct tide_kafka_block *block = arena->blocks;
        arena->blocks = block->next;
        arena->host->free(arena->host, block);
    }
}
