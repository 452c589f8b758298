/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression: zstd, one block at a time, for what is written to disk. A compressor belongs to one
 * thread; its memory is made once.
 */
#ifndef TIDE_CODEC_COMPRESS_H
#define TIDE_CODEC_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

struct tide_compressor;

/* A compressor and decompressor of blocks. Errors: TIDE_ERR_NOMEM. @thread start, coordinator */
int tide_compressor_create(const struct tide_seam *seam, struct tide_compressor **out,
                           struct tide_error *err);

/* Frees it; NULL is legal. @thread start, coordinator */
void tide_compressor_destroy(struct tide_compressor *compressor);

/* The most bytes that @n bytes compress to. @thread any */
size_t tide_compress_bound(size_t n);

/*
 * Compresses @n bytes at @in to @out at zstd's @level (1 is fast). *@out_n bytes were written.
 * Errors: TIDE_ERR_LIMIT when they need more than @out_max. @thread any, one at a time
 */
int tide_compress(struct tide_compressor *compressor, const void *in, size_t n, int level,
                  void *out, size_t out_max, size_t *out_n);

/*
 * The reverse, of a block from outside: never writes over @out_max. Errors: TIDE_ERR_CORRUPT, also
 * when there is more than @out_max. @thread any, one at a time
 */
int tide_decompress(struct tide_compressor *compressor, const void *in, size_t n, void *out,
                    size_t out_max, size_t *out_n, struct tide_error *err);

#endif
