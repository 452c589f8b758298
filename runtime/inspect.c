/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be asked without a pipeline: the log of a checkpoint, the versions of the libraries.
 *
 * See <tidemark/tidemark.h>. Reading a log takes no lock and changes nothing, so both calls are
 * legal beside a running engine.
 *
 * Threads: any; nothing is kept between calls.
 */
#include <tidemark/tidemark.h>

#include <stdio.h>

#include <librdkafka/rdkafka.h>
#include <msgpack.h>
#include <nettle/version.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <yaml.h>
#include <zstd.h>

#include "io/io.h"
#include "status/built.h"
#include "wal/wal.h"

#define VERSION_TEXT_MAX 128u

typedef int wal_print(const struct tide_wal_env *env, bool json, tide_wal_sink *sink, void *ctx,
                      struct tide_error *err);

static int
print_wal(wal_print *print, const char *checkpoint, bool json, tide_text_fn *fn, void *ctx,
          struct tide_error *err)
{
    const struct tide_seam *seam = tide_seam_real();
    struct tide_wal_env env = {.seam = seam};
    char dir[TIDE_IO_PATH_MAX];
    int n = snprintf(dir, sizeof(dir), "%s/wal", checkpoint);
    if (n < 0 || (size_t)n >= sizeof(dir)) {
        return tide_error_set(err, TIDE_ERR_LIMIT, "the path %.64s... is too long", checkpoint);
    }
    int rc = tide_io_create(seam, TIDE_IO_PLAIN, &env.io, err);
    if (rc != 0) {
        return rc;
    }
    env.dir = dir;
    rc = print(&env, json, fn, ctx, err);
    tide_io_destroy(env.io);
    return rc;
}

int
tide_wal_show(const char *checkpoint, bool json, tide_text_fn *fn, void *ctx,
              struct tide_error *err)
{
    return print_wal(tide_wal_dump, checkpoint, json, fn, ctx, err);
}

int
tide_wal_check(const char *checkpoint, bool json, tide_text_fn *fn, void *ctx,
               struct tide_error *err)
{
    return print_wal(tide_wal_verify, checkpoint, json, fn, ctx, err);
}

static int
say_version(tide_text_fn *fn, void *ctx, const char *name, const char *version)
{
    char line[VERSION_TEXT_MAX];
    int n = snprintf(line, sizeof(line), "%s %s\n", name, version);
    return n < 0 ? TIDE_ERR_FATAL : fn(ctx, line, (size_t)n);
}

int
tide_version_libraries(tide_text_fn *fn, void *ctx)
{
    char pcre2[VERSION_TEXT_MAX / 2] = "";
    char nettle[VERSION_TEXT_MAX / 2];
    pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    snprintf(nettle, sizeof(nettle), "%d.%d", nettle_version_major(), nettle_version_minor());
    const struct {
        const char *name, *version;
    } libraries[] = {
        {"librdkafka", rd_kafka_version_str()},
        {"simdjson", tide_built_simdjson},
        {"libyaml", yaml_get_version_string()},
        {"msgpack-c", msgpack_version()},
        {"liburing", tide_built_liburing},
        {"zstd", ZSTD_versionString()},
        {"xxhash", tide_built_xxhash},
        {"isa-l", tide_built_isal},
        {"pcre2", pcre2},
        {"nettle", nettle},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]) && rc >= 0; i++) {
        rc = say_version(fn, ctx, libraries[i].name, libraries[i].version);
    }
    return rc < 0 ? rc : 0;
}
