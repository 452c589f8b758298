/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan as the reader of small documents (offsets), the JSON writer, base64 and zstd.
 */
#include <criterion/criterion.h>

#include "base/seam.h"
#include "codec/base64.h"
#include "codec/compress.h"
#include "codec/json_out.h"
#include "codec/json_scan.h"

static struct tide_bytes
bytes(const char *text)
{
    return (struct tide_bytes){text, (uint32_t)strlen(text)};
}

/* The kinds of all tokens of a text, a letter each. */
static const char *
kinds(const char *text)
{
    static char out[256];
    static const char letters[] = "_!{}[]nsifTFN";
    uint8_t scratch[64];
    struct tide_json_scan scan;
    uint32_t n = 0;
    enum tide_json_token token;
    tide_json_scan_init(&scan, bytes(text), 0, scratch, sizeof(scratch));
    do {
        token = tide_json_scan_next(&scan);
        out[n++] = letters[token];
    } while (token != TIDE_JSON_TOKEN_NONE && token != TIDE_JSON_TOKEN_ERROR && n < 255);
    out[n] = '\0';
    return out;
}

Test(json_scan, tokens)
{
    cr_expect_str_eq(kinds("{\"topic1\":{\"0\":23,\"1\":-2},\"t\":[]}"), "{n{nini}n[]}_");
    cr_expect_str_eq(kinds("[1, 2.5, \"x\", true, false, null, {}]"), "[ifsTFN{}]_");
    cr_expect_str_eq(kinds("7 trailing"), "i_");
    cr_expect_str_eq(kinds(" "), "_");
    cr_expect_str_eq(kinds("[1 2]"), "[i!");
    cr_expect_str_eq(kinds("[1,]"), "[i!");
    cr_expect_str_eq(kinds("{'a':1}"), "{!");
    cr_expect_str_eq(kinds("{\"a\":NaN}"), "{n!");
    cr_expect_str_eq(kinds("[\"\\ud800\"]"), "[s]_");
    cr_expect_str_eq(kinds("[true1]"), "[!");
    cr_expect_str_eq(kinds("["), "[!");
}

Test(json_scan, errors_have_a_place)
{
    static const struct {
        const char *text;
        uint32_t at;
    } cases[] = {{"{\"t\":{\"0\":23,}}", 13},
                 {"{\"t\" 1}", 5},
                 {"{\"t\":[0,1}", 9},
                 {"{\"t\":tru}", 5},
                 {"{\"t", 3},
                 {"[\"a\x01\"]", 3},
                 {"[01]", 1},
                 {"{\"a\":1", 6}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_json_scan scan;
        enum tide_json_token token;
        tide_json_scan_init(&scan, bytes(cases[i].text), 0, NULL, 0);
        do {
            token = tide_json_scan_next(&scan);
        } while (token != TIDE_JSON_TOKEN_ERROR && token != TIDE_JSON_TOKEN_NONE);
        cr_expect_eq(token, TIDE_JSON_TOKEN_ERROR, "%s", cases[i].text);
        cr_expect_eq(scan.error_at, cases[i].at, "%s: %u", cases[i].text, scan.error_at);
        cr_expect_eq(tide_json_scan_next(&scan), TIDE_JSON_TOKEN_ERROR);
    }
}

Test(json_scan, what_follows_is_told_when_asked)
{
    struct tide_json_scan scan;
    tide_json_scan_init(&scan, bytes("{} x"), 0, NULL, 0);
    tide_json_scan_next(&scan);
    tide_json_scan_next(&scan);
    cr_expect_not(tide_json_scan_at_end(&scan));
    cr_expect_eq(scan.error_at, 3);
    tide_json_scan_init(&scan, bytes("[1] \n"), 0, NULL, 0);
    tide_json_scan_next(&scan);
    cr_expect(tide_json_scan_skip(&scan));
    cr_expect(tide_json_scan_at_end(&scan));
}

Test(json_scan, names_and_copies)
{
    uint8_t scratch[64];
    char text[128];
    struct tide_chars out = {.p = text, .max = sizeof(text) - 1};
    struct tide_json_scan scan;
    tide_json_scan_init(&scan, bytes("{\"a\\u0062\": [ 1e2 , {\"x\" : -0} , \"\\u0001/\" ] }"), 0,
                        scratch, sizeof(scratch));
    cr_assert_eq(tide_json_scan_next(&scan), TIDE_JSON_TOKEN_OBJECT);
    cr_expect(tide_json_scan_name(&scan).p == NULL);
    cr_assert_eq(tide_json_scan_next(&scan), TIDE_JSON_TOKEN_NAME);
    cr_assert_eq(tide_json_scan_next(&scan), TIDE_JSON_TOKEN_ARRAY);
    cr_expect_eq(tide_json_scan_name(&scan).n, 2);
    cr_expect_eq(memcmp(tide_json_scan_name(&scan).p, "ab", 2), 0);
    cr_assert(tide_json_scan_copy(&scan, &out));
    text[out.n] = '\0';
    cr_expect_str_eq(text, "[100.0,{\"x\":0},\"\\u0001/\"]");
    cr_expect_eq(scan.token, TIDE_JSON_TOKEN_ARRAY_END);
}

Test(json_out, documents)
{
    char text[512];
    struct tide_chars chars = {.p = text, .max = sizeof(text) - 1};
    struct tide_json_out out;
    tide_json_out_init(&out, &chars, false);
    tide_json_out_begin_object(&out);
    tide_json_out_key(&out, "a\"b");
    tide_json_out_text(&out, "x\ny");
    tide_json_out_key(&out, "list");
    tide_json_out_begin_array(&out);
    tide_json_out_i64(&out, INT64_MIN);
    tide_json_out_u64(&out, UINT64_MAX);
    tide_json_out_double(&out, 0.1);
    tide_json_out_bool(&out, false);
    tide_json_out_null(&out);
    tide_json_out_end_array(&out);
    tide_json_out_key(&out, "raw");
    tide_json_out_raw(&out, bytes("{}"));
    tide_json_out_end_object(&out);
    text[chars.n] = '\0';
    cr_expect_str_eq(text, "{\"a\\\"b\":\"x\\ny\",\"list\":[-9223372036854775808,"
                           "18446744073709551615,0.1,false,null],\"raw\":{}}");
}

/* As Jackson's DefaultPrettyPrinter, which Spark's progress goes through. */
Test(json_out, pretty_documents)
{
    char text[512];
    struct tide_chars chars = {.p = text, .max = sizeof(text) - 1};
    struct tide_json_out out;
    tide_json_out_init(&out, &chars, true);
    tide_json_out_begin_object(&out);
    tide_json_out_key(&out, "id");
    tide_json_out_i64(&out, 1);
    tide_json_out_key(&out, "sources");
    tide_json_out_begin_array(&out);
    tide_json_out_begin_object(&out);
    tide_json_out_key(&out, "n");
    tide_json_out_i64(&out, 2);
    tide_json_out_end_object(&out);
    tide_json_out_begin_object(&out);
    tide_json_out_end_object(&out);
    tide_json_out_end_array(&out);
    tide_json_out_end_object(&out);
    text[chars.n] = '\0';
    cr_expect_str_eq(text, "{\n  \"id\" : 1,\n  \"sources\" : [ {\n    \"n\" : 2\n  }, { } ]\n}");
}

/* RFC 4648, section 10. */
Test(base64, vectors)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char text[32];
        uint8_t back[32];
        uint32_t n = 99;
        struct tide_chars out = {.p = text, .max = sizeof(text) - 1};
        tide_base64_put(&out, bytes(vectors[i][0]));
        text[out.n] = '\0';
        cr_expect_str_eq(text, vectors[i][1]);
        cr_assert(tide_base64_read(bytes(vectors[i][1]), back, &n));
        cr_expect_eq(n, strlen(vectors[i][0]));
        cr_expect_eq(memcmp(back, vectors[i][0], n), 0);
    }
}

Test(base64, what_is_none)
{
    static const char *const texts[] = {"Z",    "Zg",   "Zg=",   "Zg=a",
                                        "====", "Z===", "Zm9v!", "Zg==Zg"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t back[32];
        uint32_t n;
        cr_expect_not(tide_base64_read(bytes(texts[i]), back, &n), "%s", texts[i]);
    }
}

Test(compress, round_trip_and_damage)
{
    static uint8_t in[100000], packed[110000], back[100000];
    struct tide_compressor *compressor = NULL;
    struct tide_error err = {0};
    size_t n = 0;
    size_t m = 0;
    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] = (uint8_t)(i / 100 + (i % 7));
    }
    cr_assert_eq(tide_compressor_create(tide_seam_real(), &compressor, &err), 0);
    cr_assert_geq(sizeof(packed), tide_compress_bound(sizeof(in)));
    cr_assert_eq(tide_compress(compressor, in, sizeof(in), 1, packed, sizeof(packed), &n), 0);
    cr_expect_lt(n, sizeof(in) / 10);
    cr_expect_eq(tide_compress(compressor, in, sizeof(in), 1, packed, 10, &m), TIDE_ERR_LIMIT);
    cr_assert_eq(tide_compress(compressor, in, sizeof(in), 1, packed, sizeof(packed), &n), 0);
    cr_assert_eq(tide_decompress(compressor, packed, n, back, sizeof(back), &m, &err), 0);
    cr_expect_eq(m, sizeof(in));
    cr_expect_eq(memcmp(in, back, m), 0);
    cr_expect_eq(tide_decompress(compressor, packed, n, back, sizeof(back) - 1, &m, &err),
                 TIDE_ERR_CORRUPT);
    cr_expect_eq(tide_decompress(compressor, packed, n / 2, back, sizeof(back), &m, &err),
                 TIDE_ERR_CORRUPT);
    tide_compressor_destroy(compressor);
}
