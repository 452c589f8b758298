/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: values by type, and every error with its place and its words.
 */
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "../io/scratch.h"
#include "base/buffer.h"
#include "plugin/options.h"

static const struct tide_option table[] = {
    {.name = "topic",
     .type = TIDE_OPTION_STRING,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "Where to write."},
    {.name = "sep", .type = TIDE_OPTION_STRING, .fallback = ",", .doc = "Between fields."},
    {.name = "retries",
     .type = TIDE_OPTION_INT,
     .fallback = "3",
     .min = 0,
     .max = 10,
     .doc = "How often."},
    {.name = "share", .type = TIDE_OPTION_DOUBLE, .doc = "Of all."},
    {.name = "header", .type = TIDE_OPTION_BOOL, .fallback = "false", .doc = "A line of names."},
    {.name = "buffer",
     .type = TIDE_OPTION_SIZE,
     .fallback = "1MiB",
     .min = 1024,
     .max = 1 << 30,
     .doc = "Memory."},
    {.name = "linger",
     .type = TIDE_OPTION_DURATION,
     .fallback = "5 ms",
     .min = 0,
     .max = 1000000000,
     .doc = "Wait."},
    {.name = "rate", .type = TIDE_OPTION_RATE, .doc = "Events."},
    {.name = "startingOffsets",
     .type = TIDE_OPTION_ENUM,
     .choices = "earliest|latest",
     .fallback = "latest",
     .doc = "From where."},
    {.name = "columns", .type = TIDE_OPTION_LIST, .doc = "Names."},
    {.name = "model", .type = TIDE_OPTION_FILE, .doc = "A file."},
    {.name = "password",
     .type = TIDE_OPTION_INT,
     .flags = TIDE_OPTION_SECRET,
     .doc = "A | secret."},
    {.name = "kafka.", .type = TIDE_OPTION_PREFIX, .doc = "librdkafka's."},
    {.name = "kafka.group.id", .type = TIDE_OPTION_STRING, .doc = "The group."},
    {.name = NULL},
};

/* What was reported, one line a finding: "name[!] item at: text". */
struct report {
    char text[4096];
    uint32_t n;
};

static void
report_add(void *ctx, const struct tide_option_finding *finding)
{
    struct report *report = ctx;
    const size_t len = strlen(report->text);
    snprintf(report->text + len, sizeof(report->text) - len, "%s%s: %s\n",
             finding->given != NULL ? (const char *)finding->given->place : "-",
             finding->on_name ? "!" : "", finding->text);
    cr_assert_eq(finding->code, TIDE_ERR_INVALID);
    report->n++;
}

static int
parse(const struct tide_given *given, uint32_t n, const char *folder, struct report *report,
      struct tide_options **out, struct tide_error *err)
{
    *report = (struct report){0};
    const struct tide_options_config config = {.seam = tide_seam_real(),
                                               .owner = "sink 'test'",
                                               .table = table,
                                               .given = given,
                                               .n_given = n,
                                               .folder = folder,
                                               .report = report_add,
                                               .report_ctx = report};
    return tide_options_create(&config, out, err);
}

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof(*(array)))

Test(options, values_and_defaults)
{
    static const char *const items[] = {"a", "b c"};
    const struct tide_given given[] = {
        {.name = "TOPIC", .value = "t"},
        {.name = "retries", .value = "10"},
        {.name = "share", .value = "0.25"},
        {.name = "Header", .value = "TRUE"},
        {.name = "buffer", .value = "64k"},
        {.name = "linger", .value = "20 us"},
        {.name = "rate", .value = "600/min"},
        {.name = "startingoffsets", .value = "EARLIEST"},
        {.name = "columns",
         .value = "[\"a\",\"b c\"]",
         .items = items,
         .n_items = 2,
         .is_list = true},
        {.name = "kafka.bootstrap.servers", .value = "h:1"},
        {.name = "Kafka.acks", .value = "all"},
        {.name = "kafka.group.id", .value = "g"},
    };
    struct report report;
    struct tide_options *options = NULL;
    struct tide_error err = {0};
    cr_assert_eq(parse(given, COUNT(given), NULL, &report, &options, &err), 0, "%s", report.text);
    cr_assert_str_eq(tide_options_str(options, "topic"), "t");
    cr_assert_str_eq(tide_options_str(options, "sep"), ",");
    cr_assert(!tide_options_set(options, "sep"));
    cr_assert(tide_options_set(options, "retries"));
    cr_assert_eq(tide_options_int(options, "retries"), 10);
    cr_assert_eq(tide_options_f64(options, "share"), 0.25);
    cr_assert_eq(tide_options_int(options, "header"), 1);
    cr_assert_eq(tide_options_int(options, "buffer"), 65536);
    cr_assert_eq(tide_options_int(options, "linger"), 20000);
    cr_assert_eq(tide_options_f64(options, "rate"), 10);
    cr_assert_str_eq(tide_options_str(options, "startingOffsets"), "earliest",
                     "as the table spells it");
    cr_assert_eq(tide_options_list_len(options, "columns"), 2);
    cr_assert_str_eq(tide_options_list_at(options, "columns", 1), "b c");
    cr_assert_null(tide_options_str(options, "model"));
    uint32_t cursor = 0;
    const char *key, *value;
    cr_assert(tide_options_next(options, "kafka.", &cursor, &key, &value));
    cr_assert_str_eq(key, "kafka.bootstrap.servers");
    cr_assert_str_eq(value, "h:1");
    cr_assert(tide_options_next(options, "kafka.", &cursor, &key, &value));
    cr_assert_str_eq(key, "Kafka.acks");
    cr_assert(!tide_options_next(options, "kafka.", &cursor, &key, &value),
              "an option of its own is none of the keys");
    tide_options_destroy(options);

    const struct tide_given few[] = {{.name = "topic", .value = "t"},
                                     {.name = "columns", .value = "one"}};
    cr_assert_eq(parse(few, COUNT(few), NULL, &report, &options, &err), 0);
    cr_assert_eq(tide_options_int(options, "buffer"), 1 << 20);
    cr_assert_eq(tide_options_int(options, "linger"), 5000000);
    cr_assert_str_eq(tide_options_str(options, "startingOffsets"), "latest");
    cr_assert_eq(tide_options_list_len(options, "columns"), 1);
    cr_assert_str_eq(tide_options_list_at(options, "columns", 0), "one");
    tide_options_destroy(options);
}

Test(options, all_errors_at_once)
{
    static const char *const items[] = {"x"};
    const struct tide_given given[] = {
        {.name = "seq", .value = ";", .place = "1"},
        {.name = "retries", .value = "11", .place = "2"},
        {.name = "Retries", .value = "1", .place = "3"},
        {.name = "buffer", .value = "1", .place = "4"},
        {.name = "linger", .value = "2 s", .place = "5"},
        {.name = "startingOffsets", .value = "first", .place = "6"},
        {.name = "sep",
         .value = "[\"x\"]",
         .items = items,
         .n_items = 1,
         .is_list = true,
         .place = "7"},
        {.name = "password", .value = "hunter2", .place = "8"},
        {.name = "share", .value = "hush", .secret = true, .place = "9"},
        {.name = "model", .value = "s3://bucket/m", .place = "10"},
        {.name = "kafka.", .value = "x", .place = "11"},
        {.name = "header", .value = "yes", .place = "12"},
    };
    struct report report;
    struct tide_options *options = NULL;
    struct tide_error err = {0};
    cr_assert_eq(parse(given, COUNT(given), NULL, &report, &options, &err), TIDE_ERR_INVALID);
    cr_assert_null(options);
    static const char *const expected[] = {
        "1!: unknown option 'seq': did you mean 'sep'?; allowed: topic, sep, retries, share, "
        "header, buffer, linger, "
        "rate, startingOffsets, columns, model, password, kafka.*, kafka.group.id\n",
        "3!: option 'Retries' is given twice\n",
        "11!: unknown option 'kafka.'",
        "-: option 'topic' is missing: Where to write.\n",
        "2: option 'retries': must be from 0 to 10\n",
        "4: option 'buffer': must be from 1KiB to 1GiB\n",
        "5: option 'linger': must be from 0 ns to 1 s\n",
        "6: option 'startingOffsets': must be one of earliest|latest\n",
        "7: option 'sep' takes one value, not a list\n",
        "8: option 'password': the value (not shown: it is secret) has the wrong form\n",
        "9: option 'share': the value (not shown: it is secret) has the wrong form\n",
        "10: option 'model': scheme 's3' is not supported",
        "12: option 'header': ",
    };
    for (size_t i = 0; i < COUNT(expected); i++) {
        cr_expect_not_null(strstr(report.text, expected[i]), "missing: %s in\n%s", expected[i],
                           report.text);
    }
    cr_assert_eq(report.n, COUNT(expected), "%s", report.text);
    cr_assert_null(strstr(report.text, "hunter2"));
    cr_assert_null(strstr(report.text, "hush"));
    cr_assert_not_null(strstr(err.text, "sink 'test': unknown option 'seq'"), "%s", err.text);
}

Test(options, files)
{
    struct scratch scratch;
    char path[256], url[300];
    struct report report;
    struct tide_options *options = NULL;
    struct tide_error err = {0};
    scratch_init(&scratch);
    scratch_path(&scratch, "model.json", path);
    FILE *file = fopen(path, "w");
    fclose(file);
    struct tide_given given[] = {{.name = "topic", .value = "t"},
                                 {.name = "model", .value = "model.json", .place = "1"}};
    cr_assert_eq(parse(given, 2, NULL, &report, &options, &err), TIDE_ERR_INVALID);
    cr_assert_eq(parse(given, 2, scratch.dir, &report, &options, &err), 0,
                 "the plugin's folder: %s", report.text);
    cr_assert_str_eq(tide_options_str(options, "model"), path);
    tide_options_destroy(options);
    cr_assert_eq(chdir(scratch.dir), 0);
    cr_assert_eq(parse(given, 2, "/nowhere", &report, &options, &err), 0,
                 "the working directory first");
    cr_assert_str_eq(tide_options_str(options, "model"), "model.json");
    tide_options_destroy(options);
    snprintf(url, sizeof(url), "file://%s", path);
    given[1].value = url;
    cr_assert_eq(parse(given, 2, NULL, &report, &options, &err), 0, "%s", report.text);
    cr_assert_str_eq(tide_options_str(options, "model"), path);
    tide_options_destroy(options);
    given[1].value = "absent.json";
    cr_assert_eq(parse(given, 2, scratch.dir, &report, &options, &err), TIDE_ERR_INVALID);
    cr_assert_not_null(
        strstr(report.text,
               "no file 'absent.json' in the working directory or in the plugin's folder"),
        "%s", report.text);
    given[1].value = "";
    cr_assert_eq(parse(given, 2, scratch.dir, &report, &options, &err), TIDE_ERR_INVALID);
    scratch_fini(&scratch);
}

Test(options, errors_of_a_bind)
{
    static const char *const items[] = {"a", "b"};
    const struct tide_given given[] = {
        {.name = "topic", .value = "t"},
        {.name = "Columns",
         .value = "",
         .items = items,
         .n_items = 2,
         .is_list = true,
         .place = "here"},
    };
    struct report report;
    struct tide_options *options = NULL;
    struct tide_error err = {0};
    struct tide_option_finding finding;
    cr_assert_eq(parse(given, 2, NULL, &report, &options, &err), 0);
    cr_assert(!tide_options_blamed(options, &finding));
    cr_assert_eq(tide_options_error(options, "columns", 1, 3, &err, "no column '%s'", "b"),
                 TIDE_ERR_INVALID);
    cr_assert_str_eq(err.text, "option 'columns': no column 'b'");
    cr_assert_eq(err.at, 3);
    cr_assert(tide_options_blamed(options, &finding));
    cr_assert_str_eq(finding.given->place, "here");
    cr_assert_eq(finding.item, 1);
    cr_assert_eq(finding.at, 3);
    cr_assert_eq(tide_options_error(options, "sep", 0, -1, &err, "is bad"), TIDE_ERR_INVALID);
    cr_assert(tide_options_blamed(options, &finding));
    cr_assert_null(finding.given, "a default has no place");
    tide_options_destroy(options);
}

static const struct tide_option small[] = {
    {.name = "mode",
     .type = TIDE_OPTION_ENUM,
     .choices = "a|b",
     .fallback = "a",
     .doc = "Which \"one\"."},
    {.name = "size",
     .type = TIDE_OPTION_SIZE,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = INT64_MAX,
     .doc = "How much."},
    {.name = "x.", .type = TIDE_OPTION_PREFIX, .flags = TIDE_OPTION_SECRET, .doc = "a | b."},
    {.name = NULL},
};

Test(options, reference)
{
    const struct tide_kind kind = {
        .type = TIDE_KIND_SINK, .name = "test", .doc = "takes rows", .options = small};
    struct tide_buf out;
    tide_buf_init(&out, tide_seam_real(), 1 << 16);
    cr_assert_eq(tide_options_reference(&kind, TIDE_OPTIONS_TEXT, &out), 0);
    cr_assert_str_eq(tide_buf_text(&out),
                     "sink test: takes rows\n"
                     "\n  mode (choice of a|b, default a)\n      Which \"one\".\n"
                     "\n  size (size, at least 1 bytes, required)\n      How much.\n"
                     "\n  x.* (keys, secret)\n      a | b.\n");
    tide_buf_clear(&out);
    cr_assert_eq(tide_options_reference(&kind, TIDE_OPTIONS_MARKDOWN, &out), 0);
    cr_assert_str_eq(
        tide_buf_text(&out),
        "## sink `test`\n\ntakes rows\n\n| option | value | meaning |\n| --- | --- | --- |\n"
        "| `mode` | choice of a\\|b, default a | Which \"one\". |\n"
        "| `size` | size, at least 1 bytes, required | How much. |\n"
        "| `x.*` | keys, secret | a \\| b. |\n");
    tide_buf_clear(&out);
    cr_assert_eq(tide_options_reference(&kind, TIDE_OPTIONS_JSON, &out), 0);
    cr_assert_str_eq(
        tide_buf_text(&out),
        "{\"type\":\"sink\",\"name\":\"test\",\"doc\":\"takes rows\",\"options\":["
        "{\"name\":\"mode\",\"type\":\"choice\",\"required\":false,\"secret\":false,\"default\":"
        "\"a\","
        "\"choices\":[\"a\",\"b\"],\"doc\":\"Which \\\"one\\\".\"},"
        "{\"name\":\"size\",\"type\":\"size\",\"required\":true,\"secret\":false,\"min\":1,"
        "\"max\":9223372036854775807,\"doc\":\"How much.\"},"
        "{\"name\":\"x.\",\"type\":\"keys\",\"required\":false,\"secret\":true,\"doc\":\"a | "
        "b.\"}]}\n");
    tide_buf_fini(&out);
    tide_buf_init(&out, tide_seam_real(), 40);
    cr_assert_eq(tide_options_reference(&kind, TIDE_OPTIONS_JSON, &out), TIDE_ERR_LIMIT);
    cr_assert_eq(out.len, 0);
    tide_buf_fini(&out);
}
