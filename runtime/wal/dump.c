/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tidemark wal show` and `wal verify`: the log as text, through a callback.
 *
 * Both read as recovery does (tide_wal_scan) and change nothing. Threads: any.
 */
#include <inttypes.h>
#include <string.h>

#include "wal/payload.h"
#include "wal/wal.h"

/* A printed record may be several times as large as its msgpack: \u00xx for one byte. */
#define LINE_MAX_BYTES ((size_t)TIDE_LIMIT_WAL_RECORD * 8)

struct dump {
    struct tide_buf line;
    tide_wal_sink *sink;
    void *ctx;
    bool json;
};

static int
line_end(struct dump *dump, struct tide_error *err)
{
    int rc = tide_buf_append_byte(&dump->line, '\n');
    if (rc != 0) {
        return tide_error_set(err, rc, "no memory to print the log");
    }
    rc = dump->sink(dump->ctx, (const char *)dump->line.data, dump->line.len);
    return rc >= 0 ? 0 : tide_error_set(err, rc, "the output takes no more");
}

static int
put_payload(struct dump *dump, const struct tide_wal_record *record, struct tide_error *err)
{
    int rc = tide_wal_payload_print(record->payload, record->len, &dump->line);
    if (rc == TIDE_ERR_CORRUPT) {
        return tide_error_set(err, rc,
                              "record %" PRIu64 " (%s) of segment %" PRIu64 " at offset %" PRIu64
                              " is whole, but its payload is not msgpack",
                              record->lsn, tide_wal_type_name(record->type), record->segment,
                              record->offset);
    }
    return rc == 0 ? 0 : tide_error_set(err, rc, "no memory to print the log");
}

static int
dump_record(void *ctx, const struct tide_wal_record *record, struct tide_error *err)
{
    struct dump *dump = ctx;
    const char *format = dump->json
                             ? "{\"lsn\":%" PRIu64 ",\"type\":\"%s\",\"incarnation\":%" PRIu64
                               ",\"durable_lsn\":%" PRIu64 ",\"segment\":%" PRIu64
                               ",\"offset\":%" PRIu64 ",\"payload\":"
                             : "%8" PRIu64 "  %-12s  incarnation %" PRIu64 "  durable %" PRIu64
                               "  segment %" PRIu64 " at %" PRIu64 "  ";
    tide_buf_clear(&dump->line);
    int rc =
        tide_buf_printf(&dump->line, format, record->lsn, tide_wal_type_name(record->type),
                        record->incarnation, record->durable_lsn, record->segment, record->offset);
    if (rc != 0) {
        return tide_error_set(err, rc, "no memory to print the log");
    }
    rc = put_payload(dump, record, err);
    if (rc == 0 && dump->json) {
        rc = tide_buf_append_byte(&dump->line, '}');
    }
    return rc != 0 ? rc : line_end(dump, err);
}

/* What the next start will do about the end of the log. */
static int
dump_torn(struct dump *dump, const struct tide_wal_recovery *found, struct tide_error *err)
{
    const char *format = dump->json ? "{\"torn\":{\"segment\":%" PRIu64 ",\"offset\":%" PRIu64
                                      ",\"bytes\":%" PRIu64 ",\"mended\":%s}}"
                                    : "torn tail in segment %" PRIu64 " at %" PRIu64 ", %" PRIu64
                                      " bytes: the next start copies it aside and %s";
    const char *what = dump->json      ? found->mended ? "true" : "false"
                       : found->mended ? "writes the second image of the last group again"
                                       : "cuts it; it was never acknowledged";
    tide_buf_clear(&dump->line);
    int rc = tide_buf_printf(&dump->line, format, found->segment_last, found->torn_offset,
                             found->torn_bytes, what);
    return rc != 0 ? rc : line_end(dump, err);
}

static int
nothing_there(const struct tide_wal_env *env, struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_NOTFOUND, "there is no log in %s", env->dir);
}

int
tide_wal_dump(const struct tide_wal_env *env, bool json, tide_wal_sink *sink, void *ctx,
              struct tide_error *err)
{
    struct dump dump = {.sink = sink, .ctx = ctx, .json = json};
    struct tide_wal_recovery found;
    tide_buf_init(&dump.line, env->seam, LINE_MAX_BYTES);
    int rc = tide_wal_scan(env, NULL, dump_record, &dump, &found, err);
    rc = rc == 0 && found.segments == 0 ? nothing_there(env, err) : rc;
    if (rc == 0 && found.torn_offset != 0) {
        rc = dump_torn(&dump, &found, err);
    }
    tide_buf_fini(&dump.line);
    return rc;
}

static int
verify_record(void *ctx, const struct tide_wal_record *record, struct tide_error *err)
{
    struct dump *dump = ctx;
    tide_buf_clear(&dump->line);
    return put_payload(dump, record, err);
}

static int
put_id(struct tide_buf *out, const struct tide_wal_id *id)
{
    int rc = 0;
    for (size_t i = 0; i < sizeof(id->bytes) && rc == 0; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        rc = tide_buf_printf(out, "%s%02x", dash ? "-" : "", id->bytes[i]);
    }
    return rc;
}

static int
verify_line(struct dump *dump, const struct tide_wal_recovery *found, struct tide_error *err)
{
    tide_buf_clear(&dump->line);
    int rc = tide_buf_append_text(&dump->line, dump->json ? "{\"checkpoint\":\"" : "checkpoint ");
    rc = rc != 0 ? rc : put_id(&dump->line, &found->id);
    const char *format = dump->json ? "\",\"segments\":%" PRIu64 ",\"records\":%" PRIu64
                                      ",\"first_lsn\":%" PRIu64 ",\"last_lsn\":%" PRIu64
                                      ",\"incarnation\":%" PRIu64 "}"
                                    : ": %" PRIu64 " segments, %" PRIu64 " records, LSN %" PRIu64
                                      " to %" PRIu64 ", incarnation %" PRIu64 ": whole";
    uint64_t first = found->segments > 0 ? found->first_lsns[0] : 0;
    rc = rc != 0 ? rc
                 : tide_buf_printf(&dump->line, format, found->segments, found->records, first,
                                   found->next_lsn - 1, found->incarnation);
    return rc != 0 ? tide_error_set(err, rc, "no memory to print the log") : line_end(dump, err);
}

int
tide_wal_verify(const struct tide_wal_env *env, bool json, tide_wal_sink *sink, void *ctx,
                struct tide_error *err)
{
    struct dump dump = {.sink = sink, .ctx = ctx, .json = json};
    struct tide_wal_recovery found;
    tide_buf_init(&dump.line, env->seam, LINE_MAX_BYTES);
    int rc = tide_wal_scan(env, NULL, verify_record, &dump, &found, err);
    rc = rc == 0 && found.segments == 0 ? nothing_there(env, err) : rc;
    rc = rc != 0 ? rc : verify_line(&dump, &found, err);
    if (rc == 0 && found.torn_offset != 0) {
        rc = dump_torn(&dump, &found, err);
    }
    tide_buf_fini(&dump.line);
    return rc;
}
