/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's progress lines: see progress.h. They are read as the engine reads any JSON. */
#include "demo/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/seam.h"
#include "client/client.h"
#include "codec/json.h"
#include "codec/zone.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/value.h"

#define LINE_MAX_BYTES (64u << 10)

/* Fields of a line's object "tidemark", in this order. */
#define DDL                                                                                \
    "tidemark STRUCT<state: STRING, waiting: STRING, epoch: BIGINT, epochOpened: BIGINT, " \
    "epochs: BIGINT, epochMs: STRUCT<p50: DOUBLE, p99: DOUBLE, max: DOUBLE>>"

enum field { FIELD_STATE, FIELD_WAITING, FIELD_EPOCH, FIELD_OPENED, FIELD_EPOCHS, FIELD_EPOCH_MS };

struct progress_reader {
    struct tide_schemas *schemas;
    const struct tide_schema *schema;
    struct tide_json_decoder *decoder;
    struct tide_batchbuf row;
    char line[LINE_MAX_BYTES];
    size_t n;
};

struct progress_reader *
progress_reader_create(void)
{
    const struct tide_seam *seam = tide_seam_real();
    struct progress_reader *reader = calloc(1, sizeof(*reader));
    struct tide_json_options options;
    struct tide_error err = {.at = -1};
    if (reader == NULL) {
        bench_fail(1, "no memory");
    }
    tide_json_options_init(&options);
    int rc = tide_schemas_create(seam, &reader->schemas, &err);
    rc = rc != 0 ? rc : tide_schema_parse(reader->schemas, DDL, &reader->schema, &err);
    if (rc == 0) {
        const struct tide_type type = {
            .id = TIDE_TYPE_STRUCT, .n_children = 1, .children = reader->schema->fields};
        rc =
            tide_json_decoder_create(seam, &type, &options, LINE_MAX_BYTES, &reader->decoder, &err);
    }
    rc = rc != 0 ? rc
                 : tide_batchbuf_init(&reader->row, seam, reader->schema, 1, 4096,
                                      LINE_MAX_BYTES * 4, &err);
    if (rc != 0) {
        bench_fail(1, "%s", err.text);
    }
    return reader;
}

void
progress_reader_destroy(struct progress_reader *reader)
{
    tide_batchbuf_fini(&reader->row);
    tide_json_decoder_destroy(reader->decoder);
    tide_schemas_destroy(reader->schemas);
    free(reader);
}

static void
copy_text(const struct tide_value *object, uint32_t field, char *out, size_t out_max)
{
    struct tide_value value = tide_struct_at(object->type, object->nested, field);
    int n = value.null ? 0 : (int)value.bytes.n;
    snprintf(out, out_max, "%.*s", n, n > 0 ? (const char *)value.bytes.p : "");
}

static uint64_t
number(const struct tide_value *object, uint32_t field)
{
    struct tide_value value = tide_struct_at(object->type, object->nested, field);
    return value.null ? 0 : (uint64_t)value.i64;
}

static double
fraction(const struct tide_value *object, uint32_t field)
{
    struct tide_value value = tide_struct_at(object->type, object->nested, field);
    return value.null ? 0 : value.f64;
}

/* One line without its line feed; false: not a line of progress. */
static bool
line_parse(struct progress_reader *reader, const char *line, size_t n, struct progress *out)
{
    struct tide_writer *writer = &reader->row.writer;
    uint32_t rows = 0;
    tide_batchbuf_reset(&reader->row);
    uint8_t *slot = tide_writer_row(writer);
    if (tide_json_decode_rows(reader->decoder, (struct tide_bytes){line, (uint32_t)n}, writer,
                              &rows) != TIDE_JSON_OK ||
        rows != 1) {
        return false;
    }
    tide_json_row(reader->decoder, 0, reader->schema, slot, 0);
    tide_writer_commit(writer);
    struct tide_batch batch = tide_batchbuf_view(&reader->row);
    struct tide_value object = tide_value_row(reader->schema, &batch, slot, 0);
    if (object.null) {
        return false;
    }
    *out = (struct progress){.epoch = number(&object, FIELD_EPOCH),
                             .opened = number(&object, FIELD_OPENED),
                             .epochs = number(&object, FIELD_EPOCHS)};
    copy_text(&object, FIELD_STATE, out->state, sizeof(out->state));
    copy_text(&object, FIELD_WAITING, out->waiting, sizeof(out->waiting));
    struct tide_value ms = tide_struct_at(object.type, object.nested, FIELD_EPOCH_MS);
    if (!ms.null) {
        out->epoch_p50_ms = fraction(&ms, 0);
        out->epoch_p99_ms = fraction(&ms, 1);
        out->epoch_max_ms = fraction(&ms, 2);
    }
    return true;
}

bool
progress_read(struct progress_reader *reader, int fd, struct progress *out)
{
    bool any = false;
    ssize_t got;
    while ((got = read(fd, reader->line + reader->n, LINE_MAX_BYTES - reader->n)) > 0) {
        reader->n += (size_t)got;
        char *end;
        while ((end = memchr(reader->line, '\n', reader->n)) != NULL) {
            size_t n = (size_t)(end - reader->line);
            any = line_parse(reader, reader->line, n, out) || any;
            reader->n -= n + 1;
            memmove(reader->line, end + 1, reader->n);
        }
        if (reader->n == LINE_MAX_BYTES) {
            reader->n = 0; /* no line of ours is so long */
        }
    }
    return any;
}
