/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in and values out, against Spark's answers (test/oracle/codec). Each record is read twice:
 * as it is, and behind a byte order mark, which simdjson refuses, so that the scan reads it.
 */
#include <criterion/criterion.h>

#include "base/seam.h"
#include "codec/calendar.h"
#include "codec/json.h"
#include "codec/json_out.h"
#include "codec/text.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/type.h"
#include "oracle.h"

#define RECORD_MAX (1u << 20)

static struct tide_type_arena arena;
static struct tide_schemas *schemas;
static struct tide_zone *shanghai;

static void
setup(void)
{
    tide_type_arena_init(&arena, tide_seam_real());
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &schemas, NULL), 0);
    cr_assert_eq(tide_zone_create(tide_seam_real(), "Asia/Shanghai", &shanghai, NULL), 0);
}

static void
teardown(void)
{
    tide_zone_destroy(shanghai);
    tide_schemas_destroy(schemas);
    tide_type_arena_fini(&arena);
}

TestSuite(json, .init = setup, .fini = teardown);

static struct tide_type
type_of(const char *text)
{
    struct tide_type type;
    struct tide_error err = {0};
    cr_assert_eq(tide_type_parse_schema(&arena, text, strlen(text), &type, &err), 0, "%s: %s", text,
                 err.text);
    return type;
}

/* A buffer whose only column is nothing: a heap for values. */
static void
heap_init(struct tide_batchbuf *heap)
{
    const struct tide_schema *schema;
    cr_assert_eq(tide_schema_parse(schemas, "x INT", &schema, NULL), 0);
    cr_assert_eq(tide_batchbuf_init(heap, tide_seam_real(), schema, 64, 64, 16u << 20, NULL), 0);
}

/* "k=v;k=v" or "-". */
static void
set_options(struct tide_json_options *options, const char *text)
{
    char copy[512];
    char *rest = copy;
    char *item;
    snprintf(copy, sizeof(copy), "%s", text);
    while (strcmp(text, "-") != 0 && (item = strsep(&rest, ";")) != NULL) {
        struct tide_error err = {0};
        char *value = strchr(item, '=');
        *value++ = '\0';
        if (strcmp(item, "timeZone") == 0) {
            options->zone = shanghai;
            continue;
        }
        cr_assert_eq(tide_json_option_set(options, item, value, &err), 0, "%s", err.text);
    }
}

/* A value as JSON, NULLs kept; a static text. */
static const char *
render(const struct tide_value *value, bool keep_nulls, bool pretty)
{
    static char text[1 << 16];
    struct tide_chars chars = {.p = text, .max = sizeof(text) - 1};
    struct tide_json_put_options options = {.keep_nulls = keep_nulls, .zone = tide_zone_utc()};
    struct tide_json_out out;
    tide_json_out_init(&out, &chars, pretty);
    tide_json_out_value(&out, value, &options);
    cr_assert(tide_chars_fit(&chars));
    text[chars.n] = '\0';
    return text;
}

/* One record; the answer as in the tables: JSON, FAIL, or NULL for no value. */
static const char *
decode(const struct tide_type *type, const struct tide_json_options *options,
       struct tide_bytes record)
{
    static char copy[1 << 16];
    struct tide_json_decoder *decoder = NULL;
    struct tide_batchbuf heap;
    struct tide_error err = {0};
    struct tide_ref ref = {0, 0};
    const char *answer = NULL;
    enum tide_json_result result;
    /* Exactly as large as the record, so that a sanitizer sees every byte read beyond it. */
    uint8_t *exact = malloc(record.n + 1);
    memcpy(exact + 1, record.p, record.n);
    record.p = exact + 1;
    heap_init(&heap);
    cr_assert_eq(
        tide_json_decoder_create(tide_seam_real(), type, options, RECORD_MAX, &decoder, &err), 0,
        "%s", err.text);
    result = tide_json_decode(decoder, record, &heap.writer, &ref);
    if (result == TIDE_JSON_OK) {
        struct tide_value value = {.type = type,
                                   .nested = {heap.writer.heap + ref.at, heap.writer.heap}};
        snprintf(copy, sizeof(copy), "%s", render(&value, true, false));
        answer = copy;
    } else if (result == TIDE_JSON_FAIL) {
        cr_expect_gt(strlen(tide_json_reason(decoder)), 0);
        answer = "FAIL";
    } else {
        cr_expect_eq(result, TIDE_JSON_NULL);
    }
    tide_json_decoder_destroy(decoder);
    tide_batchbuf_fini(&heap);
    free(exact);
    return answer;
}

/* The record behind a byte order mark. */
static struct tide_bytes
with_bom(struct tide_bytes record)
{
    static char text[1 << 16];
    memcpy(text, "\xef\xbb\xbf", 3);
    memcpy(text + 3, record.p, record.n);
    return (struct tide_bytes){text, record.n + 3};
}

static void
expect_answer(const char *id, const char *answer, const char *want)
{
    if (want == NULL || answer == NULL) {
        cr_expect(want == NULL && answer == NULL, "%s: %s, not %s", id, answer, want);
    } else {
        cr_expect_str_eq(answer, want, "%s: %s, not %s", id, answer, want);
    }
}

Test(json, from_json_as_spark)
{
    struct oracle oracle;
    oracle_open(&oracle, "from_json.tsv");
    while (oracle_next(&oracle)) {
        struct tide_type type = type_of(oracle_text(&oracle, 1));
        const char *want = oracle.null[4] ? NULL : oracle_text(&oracle, 4);
        struct tide_json_options options;
        tide_json_options_init(&options);
        set_options(&options, oracle_text(&oracle, 2));
        expect_answer(oracle_text(&oracle, 0), decode(&type, &options, oracle.fields[3]), want);
        if (oracle.fields[3].n == 0 || strstr(oracle_text(&oracle, 1), "STRING, _corrupt") ||
            strstr(oracle_text(&oracle, 1), "bad STRING")) {
            continue;
        }
        expect_answer(oracle_text(&oracle, 0), decode(&type, &options, with_bom(oracle.fields[3])),
                      want);
    }
    cr_assert_gt(oracle.rows, 400);
}

/* A file: lines, or all of it. */
static bool
next_record(const char **rest, char separator, bool whole, struct tide_bytes *out)
{
    size_t n;
    if (**rest == '\0') {
        return false;
    }
    n = whole ? strlen(*rest) : (size_t)(strchrnul(*rest, separator) - *rest);
    *out = (struct tide_bytes){*rest, (uint32_t)n};
    *rest += n + ((*rest)[n] != '\0' ? 1 : 0);
    return true;
}

/* All rows of one record behind those in @text. */
static enum tide_json_result
add_rows(struct tide_json_decoder *decoder, struct tide_bytes record, struct tide_batchbuf *buf,
         const struct tide_schema *schema)
{
    uint32_t rows = 0;
    uint8_t *slot = tide_writer_row(&buf->writer);
    enum tide_json_result result = tide_json_decode_rows(decoder, record, &buf->writer, &rows);
    for (uint32_t i = 0; result == TIDE_JSON_OK && i < rows; i++) {
        tide_json_row(decoder, i, schema, slot, 0);
        tide_writer_commit(&buf->writer);
        slot = tide_writer_row(&buf->writer);
        cr_assert(slot != NULL);
    }
    return result;
}

/* The rows of a buffer as JSON, one a line. */
static void
render_rows(const struct tide_batchbuf *buf, const struct tide_schema *schema, char *out)
{
    struct tide_batch batch = tide_batchbuf_view(buf);
    struct tide_error err = {0};
    cr_assert_eq(tide_batch_check(schema, &batch, &err), 0, "%s", err.text);
    *out = '\0';
    for (uint32_t i = 0; i < batch.n; i++) {
        strcat(out, i > 0 ? "\n{" : "{");
        for (uint32_t f = 0; f < schema->n; f++) {
            struct tide_value value = tide_value_row(schema, &batch, tide_batch_row(&batch, i), f);
            strcat(out, f > 0 ? ",\"" : "\"");
            strcat(out, schema->fields[f].name);
            strcat(out, "\":");
            strcat(out, render(&value, true, false));
        }
        strcat(out, "}");
    }
}

Test(json, source_as_spark)
{
    struct oracle oracle;
    oracle_open(&oracle, "json_source.tsv");
    while (oracle_next(&oracle)) {
        static char answer[1 << 16];
        struct tide_type type = type_of(oracle_text(&oracle, 1));
        bool whole = strstr(oracle_text(&oracle, 2), "multiLine=true") != NULL;
        bool semicolon = strstr(oracle_text(&oracle, 2), "SEMICOLON") != NULL;
        const char *rest = oracle_text(&oracle, 3);
        struct tide_json_decoder *decoder = NULL;
        const struct tide_schema *schema;
        enum tide_json_result result = TIDE_JSON_OK;
        struct tide_json_options options;
        struct tide_batchbuf buf;
        struct tide_bytes record;
        tide_json_options_init(&options);
        options.array_as_rows = true;
        options.exact_strings = true;
        set_options(&options, oracle_text(&oracle, 2));
        cr_assert_eq(tide_schema_make(schemas, type.children, type.n_children, 0, &schema, NULL),
                     0);
        cr_assert_eq(tide_batchbuf_init(&buf, tide_seam_real(), schema, 64, 64, 1u << 20, NULL), 0);
        cr_assert_eq(
            tide_json_decoder_create(tide_seam_real(), &type, &options, RECORD_MAX, &decoder, NULL),
            0);
        while (result != TIDE_JSON_FAIL &&
               next_record(&rest, semicolon ? ';' : '\n', whole, &record)) {
            result = add_rows(decoder, record, &buf, schema);
        }
        render_rows(&buf, schema, answer);
        expect_answer(oracle_text(&oracle, 0), result == TIDE_JSON_FAIL ? "FAIL" : answer,
                      oracle_text(&oracle, 4));
        tide_json_decoder_destroy(decoder);
        tide_batchbuf_fini(&buf);
    }
    cr_assert_gt(oracle.rows, 20);
}

Test(json, to_json_as_spark)
{
    struct oracle oracle;
    oracle_open(&oracle, "to_json.tsv");
    while (oracle_next(&oracle)) {
        struct tide_type type = type_of(oracle_text(&oracle, 1));
        struct tide_json_decoder *decoder = NULL;
        struct tide_json_options options;
        struct tide_batchbuf heap;
        struct tide_ref ref;
        struct tide_value value = {.type = &type};
        heap_init(&heap);
        tide_json_options_init(&options);
        cr_assert_eq(
            tide_json_decoder_create(tide_seam_real(), &type, &options, RECORD_MAX, &decoder, NULL),
            0);
        cr_assert_eq(tide_json_decode(decoder, oracle.fields[3], &heap.writer, &ref), TIDE_JSON_OK,
                     "%s", oracle_text(&oracle, 0));
        value.nested = (struct tide_nested){heap.writer.heap + ref.at, heap.writer.heap};
        cr_expect_str_eq(render(&value,
                                strstr(oracle_text(&oracle, 2), "ignoreNullFields=false") != NULL,
                                strstr(oracle_text(&oracle, 2), "pretty=true") != NULL),
                         oracle_text(&oracle, 4), "%s", oracle_text(&oracle, 0));
        tide_json_decoder_destroy(decoder);
        tide_batchbuf_fini(&heap);
    }
    cr_assert_gt(oracle.rows, 40);
}

/* Cases beyond the oracle. Texts and numbers: RFC 8259, Jackson's documentation; the values that
 * follow a bad element: Spark's loop over Jackson's tokens, worked out by hand. */
static const struct {
    const char *type, *options, *text, *want; /* want NULL: no value */
} cases[] = {
    {"a STRING", "-", "{\"a\":\"\\u0041\\u00e9\\u4e2d\\ud83d\\ude00\"}",
     "{\"a\":\"A\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\"}"},
    {"a STRING", "-", "{\"a\":\"\\ud83d!\"}", "{\"a\":\"?!\"}"},
    {"a STRING", "-", "{\"a\":\"\\ude00\"}", "{\"a\":\"?\"}"},
    {"a STRING", "-", "{\"a\":\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"}",
     "{\"a\":\"\\b\\f\\n\\r\\t\\\"\\\\/\"}"},
    {"a STRING", "-", "{\"a\":\"\\'\"}", "{\"a\":\"'\"}"},
    {"a STRING", "allowSingleQuotes=false", "{\"a\":\"\\'\"}", "{\"a\":null}"},
    {"a STRING", "allowBackslashEscapingAnyCharacter=true", "{\"a\":\"\\d\"}", "{\"a\":\"d\"}"},
    {"a STRING", "-", "{\"a\":\"\\u12\"}", "{\"a\":null}"},
    {"a STRING", "-", "{\"a\":\"\xff\"}", "{\"a\":null}"},
    {"a STRING", "-", "{\"a\":\"\xc0\xaf\"}", "{\"a\":null}"},
    {"a STRING", "-", "{\"\\u0061\":\"escaped name\"}", "{\"a\":\"escaped name\"}"},
    {"a STRING", "-", "{\"a\": {\"b\" : [1, 2.50, \"\\u0041\", null, true]} }",
     "{\"a\":\"{\\\"b\\\":[1,2.5,\\\"A\\\",null,true]}\"}"},
    {"a STRING", "-", "{\"a\":[ ]}", "{\"a\":\"[]\"}"},
    {"a STRING", "-", "{\"a\":-0}", "{\"a\":\"0\"}"},
    {"a STRING", "allowNumericLeadingZeros=true", "{\"a\":-007}", "{\"a\":\"-7\"}"},
    {"a INT", "allowNumericLeadingZeros=true", "{\"a\":-007}", "{\"a\":-7}"},
    {"a TINYINT", "-", "{\"a\":200}", "{\"a\":-56}"},
    {"a TINYINT", "-", "{\"a\":256}", "{\"a\":null}"},
    {"a SMALLINT", "-", "{\"a\":-32768}", "{\"a\":-32768}"},
    {"a SMALLINT", "-", "{\"a\":32768}", "{\"a\":null}"},
    {"a BIGINT", "-", "{\"a\":-9223372036854775808}", "{\"a\":-9223372036854775808}"},
    {"a BIGINT", "-", "{\"a\":9223372036854775808}", "{\"a\":null}"},
    {"a DOUBLE", "-", "{\"a\":4.9e-324}", "{\"a\":4.9E-324}"},
    {"a DOUBLE", "-", "{\"a\":-1e400}", "{\"a\":\"-Infinity\"}"},
    {"a DOUBLE", "-", "{\"a\":+Infinity}", "{\"a\":\"Infinity\"}"},
    {"a DOUBLE", "-", "{\"a\":INF}", "{\"a\":null}"},
    {"a DOUBLE", "-", "{\"a\":\"+INF\"}", "{\"a\":\"Infinity\"}"},
    {"a DOUBLE", "-", "{\"a\":1.}", "{\"a\":null}"},
    {"a DOUBLE", "-", "{\"a\":.5}", "{\"a\":null}"},
    {"a DOUBLE", "-", "{\"a\":1e}", "{\"a\":null}"},
    {"a DOUBLE", "-", "{\"a\":-}", "{\"a\":null}"},
    {"a FLOAT", "-", "{\"a\":16777217}", "{\"a\":1.6777216E7}"},
    {"a DECIMAL(38,10)", "-", "{\"a\":1234567890123456789012345678.1234567891}",
     "{\"a\":1234567890123456789012345678.1234567891}"},
    {"a DECIMAL(4,1)", "-", "{\"a\":\" 1\"}", "{\"a\":null}"},
    {"a DECIMAL(4,1)", "-", "{\"a\":1.25}", "{\"a\":1.3}"},
    {"a DECIMAL(4,1)", "-", "{\"a\":9.99e2}", "{\"a\":999.0}"},
    {"a BINARY", "-", "{\"a\":\"\"}", "{\"a\":\"\"}"},
    {"a BINARY", "-", "{\"a\":\"YQ==\"}", "{\"a\":\"YQ==\"}"},
    {"a BINARY", "-", "{\"a\":\"YQ\"}", "{\"a\":null}"},
    {"a BOOLEAN, b INT", "-", "{\"a\":tru,\"b\":1}", "{\"a\":null,\"b\":null}"},
    {"a INT", "-", "{\"z\":{\"y\":[1,2,{\"x\":\"\\q\"}]},\"a\":1}", "{\"a\":null}"},
    {"a INT", "-", "{\"z\":[1,2,],\"a\":1}", "{\"a\":null}"},
    {"a INT", "-", "{\"z\":01,\"a\":1}", "{\"a\":null}"},
    {"a INT", "-", "{\"a\":1 \"b\":2}", "{\"a\":null}"},
    {"a INT", "-", "{\"a\" 1}", "{\"a\":null}"},
    {"a INT", "-", "{,\"a\":1}", "{\"a\":null}"},
    {"a INT", "-", "{\"a\":1}}", "{\"a\":1}"},
    {"a INT", "-", "{\"a\":1,\"a\":\"x\"}", "{\"a\":1}"},
    {"a INT", "-", "{\"a\":1,\"a\":null}", "{\"a\":null}"},
    {"a INT", "-", "   ", NULL},
    {"a INT", "-", "\n\t{\"a\":1}", "{\"a\":1}"},
    {"a INT", "allowComments=true", "/*x*/{//y\n\"a\":1/**/}", "{\"a\":1}"},
    {"a INT", "allowComments=true", "{\"a\":1/*", "{\"a\":null}"},
    {"a INT", "allowUnquotedFieldNames=true", "{a:1,$b-c:2}", "{\"a\":1}"},
    {"a DATE", "-", "{\"a\":\"100000000\"}", "{\"a\":\"+275760-09-13\"}"},
    {"a TIMESTAMP", "-", "{\"a\":\"2019-01-01T00:00:00GMT+01:00\"}",
     "{\"a\":\"2018-12-31T23:00:00.000Z\"}"},
    {"a STRUCT<x: INT>", "-", "{\"a\":{\"x\":1,\"y\":{}}}", "{\"a\":{\"x\":1}}"},
    {"a ARRAY<ARRAY<INT>>", "-", "{\"a\":[[1],[],null,[2,3]]}", "{\"a\":[[1],[],null,[2,3]]}"},
    {"a MAP<STRING, STRUCT<x: DECIMAL(30,2), y: STRING>>", "-",
     "{\"a\":{\"k\":{\"x\":1.5,\"y\":\"v\"},\"\\u006c\":null}}",
     "{\"a\":{\"k\":{\"x\":1.50,\"y\":\"v\"},\"l\":null}}"},
    {"a ARRAY<STRUCT<x: INT, y: INT>>", "-", "{\"a\":[{\"x\":1,\"y\":\"bad\"},{\"y\":2}]}",
     "{\"a\":[{\"x\":1,\"y\":null},{\"x\":null,\"y\":2}]}"},
    {"m MAP<STRING, INT>, b INT", "-", "{\"m\":{\"k\":\"v\",\"b\":7},\"b\":1}",
     "{\"m\":null,\"b\":7}"},
    {"a ARRAY<INT>, b INT", "-", "{\"a\":[1,{\"b\":5},3],\"b\":2}", "{\"a\":null,\"b\":2}"},
    {"array<int>", "-", "[1,null,3]", NULL},
    {"array<int>", "-", "{\"a\":1}", NULL},
    {"map<string,array<int>>", "-", "{\"k\":[1],\"l\":null}", NULL},
    {"a INT", "mode=FAILFAST", "{\"a\":\"x\"}", "FAIL"},
    {"a INT", "mode=failfast", "{\"a\":1", "FAIL"},
    {"a INT", "mode=FAILFAST", "{\"a\":1,\"z\":\"\\q\"}", "FAIL"},
    {"a INT", "mode=FAILFAST", "{\"a\":1} trailing", "{\"a\":1}"},
};

Test(json, beyond_the_oracle)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_type type = type_of(cases[i].type);
        struct tide_bytes text = {cases[i].text, (uint32_t)strlen(cases[i].text)};
        const char *want = cases[i].want;
        struct tide_json_options options;
        tide_json_options_init(&options);
        set_options(&options, cases[i].options);
        /* These two are values that the table cannot name: the text itself. */
        if (type.id != TIDE_TYPE_STRUCT && strchr(text.p, '[') != NULL) {
            want = cases[i].text;
        }
        expect_answer(cases[i].text, decode(&type, &options, text), want);
        expect_answer(cases[i].text, decode(&type, &options, with_bom(text)), want);
    }
}

/* Invariant 1 of codec/json.h, on texts that nobody thought of: both readers say the same. */
Test(json, both_readers_agree_on_damaged_records)
{
    static const char alphabet[] = "{}[]:,\"\\ '\n09-+.eEtfnu\xc3\xa9/N";
    static const char record[] =
        "{\"a\":[1,null,-2],\"m\":{\"k\":1.5e3,\"l\\u006d\":2},\"s\":{\"x\":\"t\\n\xc3\xa9\","
        "\"y\":true},\"b\":\"YWJj\",\"z\":[{},[],\"\\\"\",false],\"d\":12.50}";
    struct tide_type type = type_of("a ARRAY<INT>, m MAP<STRING, DOUBLE>, s STRUCT<x: STRING, y: "
                                    "BOOLEAN>, b BINARY, d DECIMAL(5,2), s2 STRING");
    struct tide_json_options options;
    uint64_t random = 11;
    int fine = 0;
    tide_json_options_init(&options);
    for (int i = 0; i < 30000; i++) {
        char text[sizeof(record)];
        char plain[4096];
        const char *answer;
        uint32_t n = sizeof(record) - 1;
        memcpy(text, record, sizeof(record));
        for (uint32_t edits = (uint32_t)i % 3 + 1; edits > 0; edits--) {
            uint32_t at;
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            at = (uint32_t)(random >> 33) % n;
            if ((random >> 20) % 4 == 0) {
                memmove(text + at, text + at + 1, n - at);
                n--;
            } else {
                text[at] = alphabet[(random >> 25) % (sizeof(alphabet) - 1)];
            }
        }
        answer = decode(&type, &options, (struct tide_bytes){text, n});
        fine += answer != NULL && strstr(answer, "\"d\":12.50") != NULL;
        snprintf(plain, sizeof(plain), "%s", answer != NULL ? answer : "none");
        answer = decode(&type, &options, with_bom((struct tide_bytes){text, n}));
        cr_assert_str_eq(answer != NULL ? answer : "none", plain, "%.*s", (int)n, text);
    }
    cr_expect_gt(fine, 500, "%d", fine);
}

Test(json, depth_is_bounded)
{
    static char text[4096];
    struct tide_type type = type_of("a INT");
    struct tide_json_options options;
    tide_json_options_init(&options);
    for (uint32_t levels = TIDE_LIMIT_JSON_DEPTH - 2; levels < TIDE_LIMIT_JSON_DEPTH + 2;
         levels++) {
        /* The object itself is one level. */
        bool fits = levels + 1 <= TIDE_LIMIT_JSON_DEPTH;
        struct tide_bytes record = {text, 0};
        strcpy(text, "{\"z\":");
        memset(text + 5, '[', levels);
        memset(text + 5 + levels, ']', levels);
        strcpy(text + 5 + 2 * levels, ",\"a\":1}");
        record.n = (uint32_t)strlen(text);
        expect_answer("depth", decode(&type, &options, record),
                      fits ? "{\"a\":1}" : "{\"a\":null}");
        expect_answer("depth", decode(&type, &options, with_bom(record)),
                      fits ? "{\"a\":1}" : "{\"a\":null}");
    }
}

Test(json, a_full_writer_is_told_and_can_be_tried_again)
{
    static const char text[] = "{\"a\":\"0123456789012345678901234567890123456789\",\"b\":[1,2,3]}";
    struct tide_type type = type_of("a STRING, b ARRAY<BIGINT>");
    struct tide_json_decoder *decoder = NULL;
    struct tide_json_options options;
    tide_json_options_init(&options);
    cr_assert_eq(
        tide_json_decoder_create(tide_seam_real(), &type, &options, RECORD_MAX, &decoder, NULL), 0);
    for (uint32_t limit = 0; limit <= 256; limit += 8) {
        const struct tide_schema *schema;
        struct tide_batchbuf heap;
        struct tide_ref ref;
        enum tide_json_result result;
        cr_assert_eq(tide_schema_parse(schemas, "x INT", &schema, NULL), 0);
        cr_assert_eq(tide_batchbuf_init(&heap, tide_seam_real(), schema, 1, 0, limit, NULL), 0);
        result = tide_json_decode(decoder, (struct tide_bytes){text, sizeof(text) - 1},
                                  &heap.writer, &ref);
        cr_expect_eq(result, limit < 40 + 8 + 48 + 24 ? TIDE_JSON_FULL : TIDE_JSON_OK, "%u: %d",
                     limit, result);
        tide_batchbuf_fini(&heap);
    }
    tide_json_decoder_destroy(decoder);
}

Test(json, many_elements)
{
    static char text[200000];
    struct tide_type type = type_of("a ARRAY<INT>");
    struct tide_json_decoder *decoder = NULL;
    struct tide_json_options options;
    struct tide_batchbuf heap;
    struct tide_ref ref;
    struct tide_value value = {.type = &type};
    struct tide_value array;
    uint32_t n = (uint32_t)sprintf(text, "{\"a\":[");
    for (int i = 0; i < 30000; i++) {
        n += (uint32_t)sprintf(text + n, "%s%d", i > 0 ? "," : "", i);
    }
    n += (uint32_t)sprintf(text + n, "]}");
    heap_init(&heap);
    tide_json_options_init(&options);
    cr_assert_eq(
        tide_json_decoder_create(tide_seam_real(), &type, &options, RECORD_MAX, &decoder, NULL), 0);
    cr_assert_eq(tide_json_decode(decoder, (struct tide_bytes){text, n}, &heap.writer, &ref),
                 TIDE_JSON_OK);
    value.nested = (struct tide_nested){heap.writer.heap + ref.at, heap.writer.heap};
    array = tide_struct_at(&type, value.nested, 0);
    cr_assert_eq(tide_nested_count(array.nested), 30000);
    for (uint32_t i = 0; i < 30000; i += 999) {
        cr_expect_eq(tide_array_at(array.type, array.nested, i).i64, i);
    }
    tide_json_decoder_destroy(decoder);
    tide_batchbuf_fini(&heap);
}

Test(json, records_over_the_limit_are_malformed)
{
    struct tide_type type = type_of("a INT, _corrupt_record STRING");
    struct tide_json_decoder *decoder = NULL;
    struct tide_json_options options;
    struct tide_batchbuf heap;
    struct tide_ref ref;
    heap_init(&heap);
    tide_json_options_init(&options);
    cr_assert_eq(tide_json_decoder_create(tide_seam_real(), &type, &options, 8, &decoder, NULL), 0);
    cr_expect_eq(
        tide_json_decode(decoder, (struct tide_bytes){"{\"a\":12}", 8}, &heap.writer, &ref),
        TIDE_JSON_OK);
    cr_expect_not(tide_json_malformed(decoder));
    cr_expect_eq(
        tide_json_decode(decoder, (struct tide_bytes){"{\"a\":123}", 9}, &heap.writer, &ref),
        TIDE_JSON_OK);
    cr_expect(tide_json_malformed(decoder));
    tide_json_decoder_destroy(decoder);
    tide_batchbuf_fini(&heap);
}

static bool
read_day_first(const void *self, struct tide_bytes text, const struct tide_zone *zone,
               int64_t *out_value)
{
    int day, month, year, end = 0;
    char copy[32];
    (void)self;
    (void)zone;
    snprintf(copy, sizeof(copy), "%.*s", (int)text.n, (const char *)text.p);
    if (sscanf(copy, "%2d/%2d/%4d%n", &day, &month, &year, &end) != 3 || copy[end] != '\0') {
        return false;
    }
    *out_value = tide_days_from_civil(year, month, day);
    return true;
}

static void
put_day_first(const void *self, int64_t value, const struct tide_zone *zone, struct tide_chars *out)
{
    struct tide_civil civil = tide_civil_from_days(value);
    char text[32];
    (void)self;
    (void)zone;
    snprintf(text, sizeof(text), "%02d/%02d/%04d", civil.day, civil.month, (int)civil.year);
    tide_chars_text(out, text);
}

Test(json, patterns_come_from_above)
{
    struct tide_time_pattern pattern = {.read = read_day_first, .put = put_day_first};
    struct tide_json_put_options put = {.zone = tide_zone_utc(), .date_format = &pattern};
    struct tide_type type = type_of("t DATE");
    struct tide_type date = tide_type_of(TIDE_TYPE_DATE);
    struct tide_value value = {.type = &date, .i64 = tide_days_from_civil(2024, 2, 29)};
    struct tide_json_options options;
    struct tide_json_out out;
    char text[64];
    struct tide_chars chars = {.p = text, .max = sizeof(text)};
    tide_json_options_init(&options);
    options.date_format = &pattern;
    expect_answer("json-0127",
                  decode(&type, &options, (struct tide_bytes){"{\"t\":\"09/02/2024\"}", 18}),
                  "{\"t\":\"2024-02-09\"}");
    expect_answer("file-114",
                  decode(&type, &options, (struct tide_bytes){"{\"t\":\"2024-02-29\"}", 18}),
                  "{\"t\":null}");
    tide_json_out_init(&out, &chars, false);
    tide_json_out_value(&out, &value, &put);
    text[chars.n] = '\0';
    cr_expect_str_eq(text, "\"29/02/2024\"");
}

/* Cells of the console's oracle, case types-truncate-false, and the same values as CAST gives them.
 */
Test(json, nested_values_as_text)
{
    static const char record[] =
        "{\"a\":[1,null,3],\"m\":{\"k\":1,\"n\":null},\"st\":{},\"e\":{\"\":0},\"t\":"
        "\"2024-06-01T10:00:00.100Z\"}";
    static const char *const shown[] = {"[1, NULL, 3]", "{k -> 1, n -> NULL}", "{NULL, NULL}",
                                        "{ -> 0}", "2024-06-01 10:00:00.1"};
    static const char *const cast[] = {"[1, null, 3]", "{k -> 1, n -> null}", "{null, null}",
                                       "{ -> 0}", "2024-06-01 18:00:00.1"};
    struct tide_type type =
        type_of("a ARRAY<INT>, m MAP<STRING, INT>, st STRUCT<x: INT, y: STRING>, "
                "e MAP<STRING, INT>, t TIMESTAMP");
    struct tide_json_decoder *decoder = NULL;
    struct tide_json_options options;
    struct tide_batchbuf heap;
    struct tide_ref ref;
    struct tide_nested nested;
    heap_init(&heap);
    tide_json_options_init(&options);
    cr_assert_eq(
        tide_json_decoder_create(tide_seam_real(), &type, &options, RECORD_MAX, &decoder, NULL), 0);
    cr_assert_eq(tide_json_decode(decoder, (struct tide_bytes){record, sizeof(record) - 1},
                                  &heap.writer, &ref),
                 TIDE_JSON_OK);
    nested = (struct tide_nested){heap.writer.heap + ref.at, heap.writer.heap};
    for (uint32_t i = 0; i < 5; i++) {
        struct tide_value value = tide_struct_at(&type, nested, i);
        char text[64];
        struct tide_chars out = {.p = text, .max = sizeof(text) - 1};
        tide_text_show(&out, &value, tide_zone_utc());
        text[out.n] = '\0';
        cr_expect_str_eq(text, shown[i]);
        out.n = 0;
        tide_put_value(&out, &value, TIDE_TEXT_CAST, shanghai);
        text[out.n] = '\0';
        cr_expect_str_eq(text, cast[i]);
    }
    tide_json_decoder_destroy(decoder);
    tide_batchbuf_fini(&heap);
}

Test(json, options_that_are_refused)
{
    struct tide_json_options options;
    struct tide_error err = {0};
    tide_json_options_init(&options);
    cr_expect_eq(tide_json_option_set(&options, "mode", "LENIENT", &err), TIDE_ERR_INVALID);
    cr_expect_eq(tide_json_option_set(&options, "allowComments", "perhaps", &err),
                 TIDE_ERR_INVALID);
    cr_expect_eq(tide_json_option_set(&options, "locale", "de-DE", &err), TIDE_ERR_UNSUPPORTED);
    cr_expect_eq(tide_json_option_set(&options, "colour", "red", &err), TIDE_ERR_NOTFOUND);
    cr_expect_eq(tide_json_option_set(&options, "MULTILINE", "true", &err), 0);
}

Test(json, types_that_are_refused)
{
    static const char *const types[] = {"INT", "map<int,string>", "a INT, _corrupt_record INT"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct tide_type type = type_of(types[i]);
        struct tide_json_decoder *decoder = NULL;
        struct tide_json_options options;
        tide_json_options_init(&options);
        cr_expect_eq(
            tide_json_decoder_create(tide_seam_real(), &type, &options, RECORD_MAX, &decoder, NULL),
            TIDE_ERR_INVALID, "%s", types[i]);
    }
}
