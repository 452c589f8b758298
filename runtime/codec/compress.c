/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd's one-shot calls with contexts that are kept. The contexts are zstd's own memory, made at
 * the start and of a size that depends on nothing that comes from outside.
 */
#include "codec/compress.h"

#include <zstd.h>
#include <zstd_errors.h>

struct tide_compressor {
    const struct tide_seam *seam;
    ZSTD_CCtx *in;
    ZSTD_DCtx *out;
};

int
tide_compressor_create(const struct tide_seam *seam, struct tide_compressor **out,
                       struct tide_error *err)
{
    struct tide_compressor *compressor = tide_alloc(seam, sizeof(*compressor));
    if (compressor != NULL) {
        compressor->seam = seam;
        compressor->in = ZSTD_createCCtx();
        compressor->out = ZSTD_createDCtx();
    }
    if (compressor == NULL || compressor->in == NULL || compressor->out == NULL) {
        tide_compressor_destroy(compressor);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for zstd");
    }
    *out = compressor;
    return 0;
}

void
tide_compressor_destroy(struct tide_compressor *compressor)
{
    if (compressor == NULL) {
        return;
    }
    ZSTD_freeCCtx(compressor->in);
    ZSTD_freeDCtx(compressor->out);
    tide_free(compressor->seam, compressor);
}

size_t
tide_compress_bound(size_t n)
{
    return ZSTD_compressBound(n);
}

int
tide_compress(struct tide_compressor *compressor, const void *in, size_t n, int level, void *out,
              size_t out_max, size_t *out_n)
{
    size_t written = ZSTD_compressCCtx(compressor->in, out, out_max, in, n, level);
    if (ZSTD_isError(written)) {
        return ZSTD_getErrorCode(written) == ZSTD_error_memory_allocation ? TIDE_ERR_NOMEM
                                                                          : TIDE_ERR_LIMIT;
    }
    *out_n = written;
    return 0;
}

int
tide_decompress(struct tide_compressor *compressor, const void *in, size_t n, void *out,
                size_t out_max, size_t *out_n, struct tide_error *err)
{
    size_t written = ZSTD_decompressDCtx(compressor->out, out, out_max, in, n);
    if (ZSTD_isError(written)) {
        return tide_error_set(err, TIDE_ERR_CORRUPT, "damaged zstd block: %s",
                              ZSTD_getErrorName(written));
    }
    *out_n = written;
    return 0;
}
