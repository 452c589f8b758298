/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the host table that needs no task: see host.h.
 *
 * Threads: any; every call works on its arguments and the constant environment.
 */
#include "plugin/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "data/value.h"
#include "plugin/options.h"
#include "sql/sql.h"

static const struct tide_host_env *
env_of(const struct tide_host *host)
{
    return host->self;
}

static int
option_error(const struct tide_options *options, const char *name, uint32_t i, int32_t at,
             struct tide_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = tide_options_errorv(options, name, i, at, err, format, args);
    va_end(args);
    return rc;
}

static const struct tide_schema *
schema(const struct tide_host *host, uint32_t id)
{
    return tide_schema_get(env_of(host)->schemas, id);
}

static int
schema_parse(const struct tide_host *host, const char *ddl, const struct tide_schema **out,
             struct tide_error *err)
{
    return tide_schema_parse(env_of(host)->schemas, ddl, out, err);
}

static uint64_t
now_mono(const struct tide_host *host)
{
    return tide_mono_ns(env_of(host)->seam);
}

static uint64_t
now_wall(const struct tide_host *host)
{
    return tide_wall_ns(env_of(host)->seam);
}

static uint64_t
draw(const struct tide_host *host)
{
    return tide_random(env_of(host)->seam);
}

static void *
host_alloc(const struct tide_host *host, size_t size)
{
    return tide_alloc(env_of(host)->seam, size);
}

static void
host_free(const struct tide_host *host, void *block)
{
    tide_free(env_of(host)->seam, block);
}

static void
host_log(const struct tide_host *host, uint32_t severity, const char *format, ...)
{
    char text[TIDE_ERROR_TEXT_MAX];
    enum tide_log_level level =
        severity <= TIDE_SEVERITY_DEBUG ? (enum tide_log_level)severity : TIDE_LOG_DEBUG;
    if (!tide_log_enabled(env_of(host)->log, level)) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    tide_log_write(env_of(host)->log, level, text, NULL, 0);
}

static int
expr_compile(const struct tide_host *host, const struct tide_expr_options *options,
             const struct tide_expr_item *items, uint32_t n, const struct tide_schema *in,
             struct tide_program **out, uint32_t *out_bad_item, struct tide_error *err)
{
    struct tide_sql_options sql = {
        .seam = env_of(host)->seam, .expr = options, .record_max = env_of(host)->record_max};
    return tide_sql_compile(&sql, items, n, in, out, out_bad_item, err);
}

static uint32_t
value_text(const struct tide_vec *vec, uint32_t i, char *out, uint32_t out_max)
{
    return tide_sql_value_text(vec, i, tide_zone_utc(), out, out_max);
}

static uint32_t
key_bytes(const struct tide_vec *const *vecs, uint32_t n, uint32_t i, void *out, uint32_t out_max)
{
    return tide_key_bytes(vecs, n, i, out, out_max);
}

static bool
key_restore(struct tide_writer *writer, uint8_t *slot, const uint32_t *fields, uint32_t n,
            struct tide_bytes key)
{
    bool damaged;
    return tide_key_restore(writer, slot, fields, n, key, &damaged);
}

static const void *
extension(const struct tide_host *host, const char *name)
{
    const struct tide_extension *entry = env_of(host)->extensions;
    for (; entry != NULL && entry->name != NULL; entry++) {
        if (strcmp(entry->name, name) == 0) {
            return entry->table;
        }
    }
    return NULL;
}

void
tide_host_init(struct tide_host *host, const struct tide_host_env *env)
{
    *host = (struct tide_host){
        .abi = TIDE_ABI_VERSION,
        .size = sizeof(*host),
        .version = TIDE_VERSION,
        .option_set = tide_options_set,
        .option_str = tide_options_str,
        .option_int = tide_options_int,
        .option_f64 = tide_options_f64,
        .option_list_len = tide_options_list_len,
        .option_list_at = tide_options_list_at,
        .option_next = tide_options_next,
        .option_error = option_error,
        .schema = schema,
        .schema_parse = schema_parse,
        .now_mono = now_mono,
        .now_wall = now_wall,
        .random = draw,
        .alloc = host_alloc,
        .free = host_free,
        .log = host_log,
        .expr_compile = expr_compile,
        .expr_free = tide_sql_free,
        .expr_fields = tide_sql_fields,
        .expr_may_fail = tide_sql_may_fail,
        .eval_create = tide_sql_eval_create,
        .eval_destroy = tide_sql_eval_destroy,
        .eval_run = tide_sql_eval_run,
        .value_text = value_text,
        .key_bytes = key_bytes,
        .key_restore = key_restore,
        .extension = extension,
        .self = env,
    };
}
