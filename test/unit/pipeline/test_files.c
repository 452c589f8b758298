/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline files that must run as they stand: each parses; those of this version have no
 * findings, the others only "not in this version". Also: printing, the reference page, and running
 * out of memory.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "load.h"
#include "pipeline/reference.h"

static struct loaded
load_file(const char *name)
{
    char path[1024];
    struct loaded loaded = {0};
    snprintf(path, sizeof(path), "%s/%s", ORACLE_PIPELINES, name);
    struct tide_load_args args = {.path = path};
    tide_load_args_real(&args);
    tide_diags_init(&loaded.diags, tide_seam_real());
    loaded.rc = tide_pipeline_load(tide_seam_real(), &args, &loaded.pipeline, &loaded.diags);
    return loaded;
}

static void
expect_unbuilt(const char *name, const char *expected)
{
    struct loaded loaded = load_file(name);
    char *text = findings(&loaded);
    cr_assert_str_eq(text, expected, "%s: %s", name, text);
    cr_assert_eq(loaded.rc, expected[0] == '\0' ? 0 : TIDE_ERR_UNSUPPORTED);
    free(text);
    unload(&loaded);
}

Test(files, those_of_this_version_are_right)
{
    expect_unbuilt("fraud-scoring.yaml", "");
    expect_unbuilt("rate-console.yaml", "");
    expect_unbuilt("kafka-word-count-continuous.yaml", "");
}

Test(files, the_others_are_of_a_later_version)
{
    expect_unbuilt("kafka-word-count.yaml",
                   "17:3: not in this version: trigger 'processingTime'\n");
    expect_unbuilt("socket-word-count.yaml",
                   "14:3: not in this version: trigger 'processingTime'\n");
    expect_unbuilt("crawler-to-parquet.yaml",
                   "14:11: not in this version: format: parquet\n"
                   "17:3: not in this version: trigger 'processingTime'\n");
    expect_unbuilt("emall-purchases.yaml", "5:11: not in this version: format: json\n"
                                           "12:5: not in this version: step 'sort'\n"
                                           "18:3: not in this version: trigger 'processingTime'\n");
    expect_unbuilt("tx-with-logins.yaml", "18:9: not in this version: step 'withWatermark'\n"
                                          "26:9: not in this version: step 'withWatermark'\n"
                                          "29:5: not in this version: stream 'query'\n"
                                          "47:13: not in this version: format: parquet\n"
                                          "48:5: not in this version: sink 'partitionBy'\n"
                                          "49:15: not in this version: delivery: exactlyOnce\n");
    expect_unbuilt("fraud-velocity.yaml", "8:1: not in this version: 'tables'\n"
                                          "9:23: not in this version: format: csv\n"
                                          "18:9: not in this version: step 'withWatermark'\n"
                                          "22:5: not in this version: stream 'query'\n"
                                          "36:9: not in this version: step 'score'\n"
                                          "38:20: not in this version: onOverdue: skip\n");
}

Test(files, fraud_scoring_means_what_it_says)
{
    struct loaded loaded = load_file("fraud-scoring.yaml");
    const struct tide_pipeline *p = loaded.pipeline;
    cr_assert_eq(loaded.rc, 0);
    cr_assert_str_eq(p->name, "fraud-scoring");
    cr_assert_str_eq(p->checkpoint, "fraud-checkpoint");
    cr_assert_eq(p->plugin_count, 1);
    cr_assert_str_eq(p->plugins[0].path, "fraud_score.so");
    cr_assert_eq(p->source_count, 1);
    cr_assert_str_eq(p->sources[0].name, "source");
    cr_assert_str_eq(p->sources[0].id, "source");
    cr_assert_str_eq(setting(&p->sources[0].options, "kafka.bootstrap.servers"), "localhost:9092");
    cr_assert_str_eq(setting(&p->sources[0].options, "subscribe"), "transactions");
    cr_assert_eq(p->stream_count, 1);
    cr_assert_str_eq(p->streams[0].name, "main");
    cr_assert_eq(p->streams[0].from.kind, TIDE_FROM_SOURCE);
    const struct tide_steps *steps = &p->streams[0].steps;
    cr_assert_eq(steps->count, 4);
    cr_assert_eq(steps->items[0].verb, TIDE_VERB_SELECT);
    cr_assert_eq(steps->items[0].items.count, 1, "commas in quotes and parentheses split nothing");
    cr_assert_str_eq(steps->items[0].id, "parse");
    cr_assert_eq(steps->items[0].on_error, TIDE_ON_ERROR_DEAD_LETTER);
    cr_assert_eq(steps->items[2].verb, TIDE_VERB_MAP);
    cr_assert_str_eq(steps->items[2].call.plugin, "fraud_score");
    cr_assert_str_eq(setting(&steps->items[2].call.options, "column"), "score");
    cr_assert_eq(steps->items[3].items.count, 2);
    cr_assert_eq(p->sinks[0].from.kind, TIDE_FROM_STREAM);
    cr_assert_eq(p->sinks[0].record_id, TIDE_RECORD_ID_HEADER);
    cr_assert_eq(p->sinks[0].on_error, TIDE_ON_ERROR_DEAD_LETTER);
    cr_assert_str_eq(setting(&p->dead_letter.options, "kafka.bootstrap.servers"), "localhost:9092");
    cr_assert_float_eq(p->dead_letter.limit, 100.0, 1e-9);
    cr_assert_eq(p->trigger.kind, TIDE_TRIGGER_CONTINUOUS);
    cr_assert_eq(p->trigger.interval_ns, 100000000);
    cr_assert_eq(p->latency.budget_ns, 10000000);
    unload(&loaded);
}

Test(files, what_is_printed_can_be_loaded_again)
{
    const char *names[] = {"fraud-scoring.yaml", "fraud-velocity.yaml", "tx-with-logins.yaml",
                           "emall-purchases.yaml", "crawler-to-parquet.yaml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct loaded loaded = load_file(names[i]);
        char *first = tide_pipeline_print(loaded.pipeline);
        struct loaded again = load_text(first, NULL);
        cr_assert_not_null(again.pipeline);
        cr_assert_eq(again.diags.errors, loaded.diags.errors, "%s", names[i]);
        char *second = tide_pipeline_print(again.pipeline);
        cr_assert_str_eq(first, second);
        free(first);
        free(second);
        unload(&again);
        unload(&loaded);
    }
}

Test(files, print_shows_the_merged_file_without_secrets)
{
    struct loaded loaded = load_text(
        "source: {format: rate, options: {kafka.sasl.password: hidden, a: \"${file:/secret}\"}}\n"
        "sink: {format: console}\n"
        "vars: {apiToken: hidden2, b: \"x: y\"}\n"
        "steps:\n  - filter: |\n      a > 1\n      AND b\n",
        (const char *[]){"trigger.continuous=1s", NULL});
    char *text = tide_pipeline_print(loaded.pipeline);
    cr_assert_str_eq(text, "source:\n"
                           "  format: rate\n"
                           "  options:\n"
                           "    kafka.sasl.password: \"****\"\n"
                           "    a: \"****\"\n"
                           "sink:\n"
                           "  format: console\n"
                           "vars:\n"
                           "  apiToken: \"****\"\n"
                           "  b: \"x: y\"\n"
                           "steps:\n"
                           "- filter: |\n"
                           "    a > 1\n"
                           "    AND b\n"
                           "trigger:\n"
                           "  continuous: 1s\n");
    free(text);
    unload(&loaded);
}

Test(files, the_reference_page_is_fresh)
{
    struct tide_buf page;
    char *text = NULL;
    size_t len = 0;
    struct tide_load_args args;
    struct tide_error err = {0};
    tide_load_args_real(&args);
    tide_buf_init(&page, tide_seam_real(), 1 << 20);
    cr_assert_eq(tide_reference_write(&page), 0);
    int rc = args.read_file(NULL, tide_seam_real(), REFERENCE_PAGE, 1 << 20, &text, &len, &err);
    cr_assert_eq(rc, 0, "%s", err.text);
    cr_assert(len == page.len && memcmp(text, page.data, len) == 0,
              "docs/reference/pipeline.md is stale: write it anew with "
              "BUILD/test/unit/pipeline/pipeline_reference > docs/reference/pipeline.md");
    free(text);
    tide_buf_fini(&page);
}

Test(files, a_file_that_is_not_there_is_told)
{
    struct tide_load_args args = {.path = "/no/such/file.yaml"};
    struct tide_pipeline *pipeline;
    struct tide_diags diags;
    tide_load_args_real(&args);
    tide_diags_init(&diags, tide_seam_real());
    cr_assert_eq(tide_pipeline_load(tide_seam_real(), &args, &pipeline, &diags), TIDE_ERR_INVALID);
    cr_assert_null(pipeline);
    cr_assert_str_eq(diags.items[0].text,
                     "cannot open /no/such/file.yaml: No such file or directory");
    tide_diags_fini(&diags);
}

/* A seam that runs out of memory at the n-th allocation. */
struct lean {
    uint32_t left;
    int32_t balance; /* blocks that were not freed */
};

static void *
lean_alloc(void *self, size_t size)
{
    struct lean *lean = self;
    if (lean->left == 0) {
        return NULL;
    }
    lean->left--;
    lean->balance++;
    return calloc(1, size);
}

static void *
lean_resize(void *self, void *block, size_t size)
{
    struct lean *lean = self;
    if (lean->left == 0) {
        return NULL;
    }
    lean->left--;
    lean->balance += block == NULL;
    return realloc(block, size);
}

static void
lean_free(void *self, void *block)
{
    struct lean *lean = self;
    lean->balance -= block != NULL;
    free(block);
}

Test(files, running_out_of_memory_is_told_and_leaks_nothing)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/fraud-velocity.yaml", ORACLE_PIPELINES);
    int rc = TIDE_ERR_NOMEM;
    for (uint32_t n = 0; n < 1000 && rc != TIDE_ERR_UNSUPPORTED; n++) {
        struct lean lean = {.left = n};
        struct tide_seam seam = *tide_seam_real();
        struct tide_load_args args = {.path = path};
        struct tide_pipeline *pipeline;
        struct tide_diags diags;
        seam.self = &lean;
        seam.alloc = lean_alloc;
        seam.resize = lean_resize;
        seam.free = lean_free;
        tide_load_args_real(&args);
        tide_diags_init(&diags, &seam);
        rc = tide_pipeline_load(&seam, &args, &pipeline, &diags);
        cr_assert(rc == TIDE_ERR_NOMEM || diags.errors == 6);
        tide_pipeline_destroy(pipeline);
        tide_diags_fini(&diags);
        cr_assert_eq(lean.balance, 0, "after %u allocations", n);
    }
    cr_assert_eq(rc, TIDE_ERR_UNSUPPORTED);
}
