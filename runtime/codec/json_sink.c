/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells, and the conversion of plain tokens: Spark's JacksonParser.makeConverter with Jackson's
 * getters beneath it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "codec/base64.h"
#include "codec/calendar.h"
#include "codec/json_decoder.h"
#include "codec/json_string.h"
#include "codec/text.h"

/* Cells are added in steps of this size at least. */
#define CELLS_STEP 256u

/* Bytes of a value shown in a message. */
#define SHOWN_MAX 60u

static enum tide_json_step
grow_cells(struct tide_json_decoder *decoder, uint32_t n)
{
    uint32_t max = decoder->cells_max * 2 + CELLS_STEP + n;
    struct tide_cell *cells =
        tide_resize(decoder->seam, decoder->cells, max * sizeof(*decoder->cells));
    if (cells == NULL) {
        return TIDE_JSON_STEP_NOMEM;
    }
    decoder->cells = cells;
    decoder->cells_max = max;
    return TIDE_JSON_STEP_OK;
}

enum tide_json_step
tide_json_open(struct tide_json_decoder *decoder, uint32_t n, uint32_t *out_base)
{
    if (decoder->cells_max - decoder->n_cells < n) {
        enum tide_json_step step = grow_cells(decoder, n);
        if (step != TIDE_JSON_STEP_OK) {
            return step;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        decoder->cells[decoder->n_cells + i].null = true;
    }
    *out_base = decoder->n_cells;
    decoder->n_cells += n;
    return TIDE_JSON_STEP_OK;
}

void
tide_json_drop(struct tide_json_decoder *decoder, uint32_t base)
{
    TIDE_ASSERT(base <= decoder->n_cells);
    decoder->n_cells = base;
}

enum tide_json_step
tide_json_put_text(struct tide_json_decoder *decoder, struct tide_bytes text, uint32_t index)
{
    return tide_build_bytes(decoder->writer, text, &decoder->cells[index]) ? TIDE_JSON_STEP_OK
                                                                           : TIDE_JSON_STEP_FULL;
}

enum tide_json_step
tide_json_end(struct tide_json_decoder *decoder, const struct tide_json_node *node, uint32_t base,
              uint32_t index)
{
    const struct tide_cell *cells = decoder->cells + base;
    uint32_t n = decoder->n_cells - base;
    struct tide_cell made = {.null = false};
    bool done;
    if (node->type->id == TIDE_TYPE_STRUCT) {
        TIDE_ASSERT(n == node->n_children);
        done = tide_build_struct(decoder->writer, node->type, cells, &made.ref);
    } else if (node->type->id == TIDE_TYPE_ARRAY) {
        done = tide_build_array(decoder->writer, node->type, cells, n, &made.ref);
    } else {
        done = tide_build_map(decoder->writer, node->type, cells, n / 2, &made.ref);
    }
    tide_json_drop(decoder, base);
    decoder->cells[index] = made;
    return done ? TIDE_JSON_STEP_OK : TIDE_JSON_STEP_FULL;
}

void
tide_json_note_bad(struct tide_json_decoder *decoder, const struct tide_json_node *node,
                   struct tide_bytes raw)
{
    if (decoder->bad) {
        return;
    }
    decoder->bad = true;
    snprintf(decoder->reason, sizeof(decoder->reason), "cannot parse the value %.*s of %s as %s",
             (int)(raw.n < SHOWN_MAX ? raw.n : SHOWN_MAX), (const char *)raw.p,
             node->name != NULL ? node->name : "the record", tide_type_id_name(node->type->id));
}

/* ---- conversions: false is BAD ---- */

static bool
convert_integer(enum tide_type_id id, struct tide_bytes text, int64_t *out)
{
    switch (id) {
    case TIDE_TYPE_BYTE:
        /* Jackson's getByteValue also takes what an unsigned byte holds, and wraps it. */
        if (!tide_read_i64(text, INT8_MIN, UINT8_MAX, false, out)) {
            return false;
        }
        *out = (int8_t)*out;
        return true;
    case TIDE_TYPE_SHORT:
        return tide_read_i64(text, INT16_MIN, INT16_MAX, false, out);
    case TIDE_TYPE_INT:
        return tide_read_i64(text, INT32_MIN, INT32_MAX, false, out);
    default:
        return tide_read_i64(text, INT64_MIN, INT64_MAX, false, out);
    }
}

/* Texts that stand for what JSON's numbers cannot say. */
static bool
convert_special(const struct tide_json_decoder *decoder, struct tide_bytes text, double *out)
{
    static const char *const words[] = {"NaN",  "Infinity",  "+Infinity",
                                        "+INF", "-Infinity", "-INF"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (text.n == strlen(words[i]) && memcmp(text.p, words[i], text.n) == 0) {
            *out = i == 0 ? (double)NAN : i < 4 ? INFINITY : -INFINITY;
            return (decoder->options.allow & TIDE_JSON_ALLOW_NON_NUMERIC) != 0;
        }
    }
    return false;
}

static bool
is_number(enum tide_json_token token)
{
    return token == TIDE_JSON_TOKEN_INT || token == TIDE_JSON_TOKEN_FLOAT;
}

static bool
convert_double(const struct tide_json_decoder *decoder, enum tide_type_id id,
               enum tide_json_token token, struct tide_bytes text, double *out)
{
    if (token == TIDE_JSON_TOKEN_STRING) {
        return convert_special(decoder, text, out);
    }
    if (!is_number(token) || !tide_json_read_double(text, out)) {
        return false;
    }
    return id == TIDE_TYPE_DOUBLE || !isfinite(*out) || tide_read_float(text, out);
}

/* BigDecimal takes no white space, which CAST would drop. */
static bool
convert_decimal(const struct tide_type *type, enum tide_json_token token, struct tide_bytes text,
                tide_i128 *out)
{
    const uint8_t *p = text.p;
    if (!is_number(token) && (token != TIDE_JSON_TOKEN_STRING || text.n == 0)) {
        return false;
    }
    return p[0] > ' ' && p[text.n - 1] > ' ' &&
           tide_read_decimal(text, type->precision, type->scale, out, NULL);
}

/* Spark's second try for texts of older versions: "GMT" inside is dropped. */
static bool
read_without_gmt(const struct tide_json_decoder *decoder, struct tide_bytes text, bool date,
                 int64_t *out)
{
    char copy[64];
    const char *gmt = text.n < sizeof(copy) ? memmem(text.p, text.n, "GMT", 3) : NULL;
    struct tide_bytes rest = {copy, text.n - 3};
    size_t before;
    if (gmt == NULL) {
        return false;
    }
    before = (size_t)(gmt - (const char *)text.p);
    memcpy(copy, text.p, before);
    memcpy(copy + before, gmt + 3, text.n - 3 - before);
    return date ? tide_read_date(rest, out)
                : tide_read_timestamp(rest, decoder->options.zone, decoder->options.regions, out);
}

static bool
convert_date(const struct tide_json_decoder *decoder, enum tide_json_token token,
             struct tide_bytes text, int64_t *out)
{
    const struct tide_time_pattern *format = decoder->options.date_format;
    if (token != TIDE_JSON_TOKEN_STRING || text.n == 0) {
        return false;
    }
    if (format != NULL) {
        return format->read(format->self, text, tide_zone_utc(), out);
    }
    /* The last one: days since the epoch, as Spark 1.5 wrote them. */
    return tide_read_date(text, out) || read_without_gmt(decoder, text, true, out) ||
           tide_read_i64(text, INT32_MIN, INT32_MAX, false, out);
}

static bool
convert_timestamp(const struct tide_json_decoder *decoder, enum tide_json_token token,
                  struct tide_bytes text, int64_t *out)
{
    const struct tide_time_pattern *format = decoder->options.timestamp_format;
    if (token == TIDE_JSON_TOKEN_INT) {
        int64_t seconds;
        if (!tide_read_i64(text, INT64_MIN, INT64_MAX, false, &seconds)) {
            return false;
        }
        /* Wraps, as Java's multiplication does. */
        *out = (int64_t)((uint64_t)seconds * (uint64_t)TIDE_US_PER_SECOND);
        return true;
    }
    if (token != TIDE_JSON_TOKEN_STRING || text.n == 0) {
        return false;
    }
    if (format != NULL) {
        return format->read(format->self, text, decoder->options.zone, out);
    }
    return tide_read_timestamp(text, decoder->options.zone, decoder->options.regions, out) ||
           read_without_gmt(decoder, text, false, out);
}

/* ---- texts ---- */

static enum tide_json_step
put_binary(struct tide_json_decoder *decoder, enum tide_json_token token, struct tide_bytes text,
           uint32_t index)
{
    uint32_t at;
    uint32_t n;
    uint8_t *room;
    if (token != TIDE_JSON_TOKEN_STRING) {
        return TIDE_JSON_STEP_BAD;
    }
    room = tide_writer_heap(decoder->writer, tide_base64_room(text.n), 1, &at);
    if (room == NULL) {
        return TIDE_JSON_STEP_FULL;
    }
    if (!tide_base64_read(text, room, &n)) {
        decoder->writer->heap_len = at;
        return TIDE_JSON_STEP_BAD;
    }
    decoder->writer->heap_len = at + n;
    decoder->cells[index] = (struct tide_cell){.ref = {at, n}};
    return TIDE_JSON_STEP_OK;
}

/* Room for a number as Jackson writes it: a double, or an integer as long as it is written. */
#define NUMBER_ROOM 32u

/* A number as Jackson writes it again, straight into the heap. */
static enum tide_json_step
put_number_text(struct tide_json_decoder *decoder, enum tide_json_token token,
                struct tide_bytes value, uint32_t index)
{
    struct tide_chars chars = {.max = value.n + NUMBER_ROOM};
    uint32_t at;
    chars.p = (char *)tide_writer_heap(decoder->writer, chars.max, 1, &at);
    if (chars.p == NULL) {
        return TIDE_JSON_STEP_FULL;
    }
    (token == TIDE_JSON_TOKEN_INT ? tide_json_put_int : tide_json_put_float)(&chars, value);
    TIDE_ASSERT(tide_chars_fit(&chars));
    decoder->writer->heap_len = at + chars.n;
    decoder->cells[index] = (struct tide_cell){.ref = {at, chars.n}};
    return TIDE_JSON_STEP_OK;
}

/* STRING takes any plain token: exactly as written, or as Jackson writes it again. */
static enum tide_json_step
put_string(struct tide_json_decoder *decoder, enum tide_json_token token, struct tide_bytes value,
           struct tide_bytes raw, uint32_t index)
{
    if (token == TIDE_JSON_TOKEN_STRING) {
        return tide_json_put_text(decoder, value, index);
    }
    if (is_number(token) && !decoder->options.exact_strings) {
        return put_number_text(decoder, token, value, index);
    }
    return tide_json_put_text(decoder, raw, index);
}

enum tide_json_step
tide_json_put(struct tide_json_decoder *decoder, const struct tide_json_node *node,
              enum tide_json_token token, struct tide_bytes value, struct tide_bytes raw,
              uint32_t index)
{
    struct tide_cell cell = {.null = false};
    bool ok;
    if (token == TIDE_JSON_TOKEN_NULL || node->type->id == TIDE_TYPE_NULL) {
        decoder->cells[index].null = true;
        return TIDE_JSON_STEP_OK;
    }
    switch (node->type->id) {
    case TIDE_TYPE_BOOLEAN:
        ok = token == TIDE_JSON_TOKEN_TRUE || token == TIDE_JSON_TOKEN_FALSE;
        cell.i64 = token == TIDE_JSON_TOKEN_TRUE;
        break;
    case TIDE_TYPE_BYTE:
    case TIDE_TYPE_SHORT:
    case TIDE_TYPE_INT:
    case TIDE_TYPE_LONG:
        ok = token == TIDE_JSON_TOKEN_INT && convert_integer(node->type->id, value, &cell.i64);
        break;
    case TIDE_TYPE_FLOAT:
    case TIDE_TYPE_DOUBLE:
        ok = convert_double(decoder, node->type->id, token, value, &cell.f64);
        break;
    case TIDE_TYPE_DECIMAL:
        ok = convert_decimal(node->type, token, value, &cell.i128);
        break;
    case TIDE_TYPE_DATE:
        ok = convert_date(decoder, token, value, &cell.i64);
        break;
    case TIDE_TYPE_TIMESTAMP:
        ok = convert_timestamp(decoder, token, value, &cell.i64);
        break;
    case TIDE_TYPE_STRING:
        return put_string(decoder, token, value, raw, index);
    case TIDE_TYPE_BINARY:
        return put_binary(decoder, token, value, index);
    default:
        ok = false;
        break;
    }
    if (!ok) {
        return TIDE_JSON_STEP_BAD;
    }
    decoder->cells[index] = cell;
    return TIDE_JSON_STEP_OK;
}
