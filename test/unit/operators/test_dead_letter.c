/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letter: the two forms, headers, and the limit under a clock of the test's. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/value.h"
#include "operators/flood.h"
#include "operators/list.h"
#include "rig.h"

/* As pipeline/logical.c declares a dead letter. */
#define DDL                                                                                       \
    "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, " \
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>, pipeline STRING, step STRING, "           \
    "error_class STRING, error STRING, epoch BIGINT, failed_at TIMESTAMP"

enum column {
    KEY,
    VALUE,
    TOPIC,
    PARTITION,
    OFFSET,
    TIMESTAMP,
    HEADERS,
    PIPELINE,
    STEP,
    ERROR_CLASS,
    ERROR_TEXT,
    EPOCH,
    FAILED_AT
};

#define NS_PER_S 1000000000u

static void
open_form(struct rig *rig, const char *form, const char *limit)
{
    rig_give(rig, "form", form);
    rig_give(rig, "limit", limit);
    rig_open(rig, &tide_op_dead_letter, DDL);
}

/* A dead letter without key, headers and timestamp. */
static void
put_row(struct rig *rig)
{
    rig_row(rig);
    rig_null(rig, KEY);
    rig_str(rig, VALUE, "not json");
    rig_str(rig, TOPIC, "transactions");
    rig_i64(rig, PARTITION, 3);
    rig_i64(rig, OFFSET, 4711);
    rig_null(rig, TIMESTAMP);
    rig_null(rig, HEADERS);
    rig_str(rig, PIPELINE, "fraud");
    rig_str(rig, STEP, "parse");
    rig_str(rig, ERROR_CLASS, "MALFORMED_RECORD_IN_PARSING");
    rig_str(rig, ERROR_TEXT, "no \"JSON\"");
    rig_i64(rig, EPOCH, 12);
    /* 2026-01-31 23:59:59.5 UTC */
    rig_i64(rig, FAILED_AT, INT64_C(1769903999500000));
}

static void
put_header(struct rig *rig, const char *key, const char *value, struct tide_cell *out)
{
    const struct tide_type *header = &rig->in_schema->fields[HEADERS].type.children[0].type;
    struct tide_cell cells[2] = {{.null = key == NULL}, {.null = value == NULL}};
    const char *const texts[] = {key, value};
    for (uint32_t i = 0; i < 2; i++) {
        if (texts[i] != NULL) {
            struct tide_bytes bytes = {texts[i], (uint32_t)strlen(texts[i])};
            cr_assert(tide_build_bytes(&rig->in.writer, bytes, &cells[i]));
        }
    }
    *out = (struct tide_cell){0};
    cr_assert(tide_build_struct(&rig->in.writer, header, cells, &out->ref));
}

#define OWN_HEADERS                                                                   \
    "(topic,transactions),(partition,3),(offset,4711),(pipeline,fraud),(step,parse)," \
    "(error_class,MALFORMED_RECORD_IN_PARSING),(error,no \"JSON\"),(epoch,12),"       \
    "(failed_at,2026-01-31T23:59:59.5Z)"

Test(dead_letter, columns_pass_through)
{
    struct rig rig;
    rig_init(&rig);
    open_form(&rig, "columns", "0");
    cr_assert_eq(rig.out_schema, rig.in_schema);
    put_row(&rig);
    rig_commit(&rig);
    cr_assert(rig_feed(&rig));
    cr_assert_str_eq(rig_text(&rig, 0),
                     "NULL|not json|transactions|3|4711|NULL|NULL|fraud|parse|"
                     "MALFORMED_RECORD_IN_PARSING|no \"JSON\"|12|1769903999500000");
    rig_fini(&rig);
}

Test(dead_letter, other_columns_become_headers)
{
    struct rig rig;
    rig_init(&rig);
    open_form(&rig, "kafka", "0");
    cr_assert_eq(rig.out_schema->n, 3);
    cr_assert_str_eq(rig.out_schema->fields[0].name, "key");
    cr_assert_eq(rig.out_schema->fields[0].type.id, TIDE_TYPE_BINARY);
    cr_assert_str_eq(rig.out_schema->fields[1].name, "value");
    cr_assert_str_eq(rig.out_schema->fields[2].name, "headers");
    put_row(&rig);
    rig_commit(&rig);
    cr_assert(rig_feed(&rig));
    cr_assert_str_eq(rig_text(&rig, 0), "NULL|not json|[" OWN_HEADERS "]");
    cr_assert_eq(rig_hdr(&rig, 0)->split, RIG_SPLIT);
    rig_fini(&rig);
}

Test(dead_letter, original_headers_come_first)
{
    struct rig rig;
    struct tide_cell headers[4];
    struct tide_ref ref;
    rig_init(&rig);
    open_form(&rig, "kafka", "0");
    put_row(&rig);
    rig_str(&rig, KEY, "card-1");
    rig.in.writer.slots[sizeof(struct tide_rowhdr)] &= (uint8_t) ~(1u << KEY | 1u << HEADERS);
    put_header(&rig, "trace", "abc", &headers[0]);
    put_header(&rig, "empty", "", &headers[1]);
    put_header(&rig, "none", NULL, &headers[2]);
    headers[3] = (struct tide_cell){.null = true};
    cr_assert(
        tide_build_array(&rig.in.writer, &rig.in_schema->fields[HEADERS].type, headers, 4, &ref));
    rig_nested(&rig, HEADERS, ref);
    rig_commit(&rig);
    cr_assert(rig_feed(&rig));
    cr_assert_str_eq(rig_text(&rig, 0),
                     "card-1|not json|[(trace,abc),(empty,),(none,NULL),(NULL,NULL)," OWN_HEADERS
                     "]");
    rig_fini(&rig);
}

Test(dead_letter, resumes_at_every_row)
{
    for (uint32_t heap = 1200; heap < 6000; heap += 400) {
        struct rig rig;
        rig_init(&rig);
        rig.out_heap_limit = heap;
        rig.out_rows = 7;
        open_form(&rig, "kafka", "0");
        for (uint32_t i = 0; i < 100; i++) {
            put_row(&rig);
            rig_i64(&rig, PARTITION, 3);
            rig_commit(&rig);
        }
        cr_assert(rig_feed(&rig));
        cr_assert_eq(rig_count(&rig), 100);
        for (uint32_t i = 0; i < 100; i++) {
            cr_assert_str_eq(rig_text(&rig, i), "NULL|not json|[" OWN_HEADERS "]");
            cr_assert_eq(rig_hdr(&rig, i)->offset, i);
        }
        rig_fini(&rig);
    }
}

Test(dead_letter, one_that_fits_no_writer_ends_the_task)
{
    struct rig rig;
    rig_init(&rig);
    rig.out_heap_limit = 300;
    open_form(&rig, "kafka", "0");
    put_row(&rig);
    rig_commit(&rig);
    cr_assert_not(rig_feed(&rig));
    cr_assert_eq(rig.failed, TIDE_ERR_LIMIT);
    rig_fini(&rig);
}

static bool
feed_rows(struct rig *rig, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        put_row(rig);
        rig_commit(rig);
    }
    return rig_feed(rig);
}

Test(dead_letter, the_limit_holds_for_any_second)
{
    struct rig rig;
    rig_init(&rig);
    open_form(&rig, "columns", "100");
    rig.fake.mono_ns = 5 * (uint64_t)NS_PER_S;
    /* A hundred a second, in bursts, for ten seconds. */
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert(feed_rows(&rig, 100));
        rig.fake.mono_ns += NS_PER_S + 1000000;
    }
    cr_assert(feed_rows(&rig, 60));
    rig.fake.mono_ns += NS_PER_S * 7 / 10;
    cr_assert(feed_rows(&rig, 40));
    cr_assert_not(feed_rows(&rig, 1));
    cr_assert_eq(rig.failed, TIDE_ERR_LIMIT);
    cr_assert_eq(strncmp(rig.fail_text, "more than 100 dead letters a second", 35), 0, "%s",
                 rig.fail_text);
    cr_assert_eq(rig_count(&rig), 1100);
    rig_fini(&rig);
}

Test(dead_letter, without_a_limit_there_is_none)
{
    struct rig rig;
    rig_init(&rig);
    open_form(&rig, "columns", "0");
    cr_assert(feed_rows(&rig, 1000));
    cr_assert_eq(rig_count(&rig), 1000);
    rig_fini(&rig);
}

/* Never more than the limit within a second passes, and never is the limit itself refused. */
Test(flood, against_a_list_of_times)
{
    static const double limits[] = {1, 3, 50, 777};
    for (uint32_t l = 0; l < 4; l++) {
        static uint64_t passed[200000];
        struct tide_op_flood flood;
        uint64_t now = 1, random = 88172645463325252u;
        uint32_t n = 0, first = 0, refused = 0;
        tide_op_flood_init(&flood, limits[l]);
        for (uint32_t i = 0; i < 100000; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            now += random % (uint64_t)(2e9 / limits[l]);
            while (first < n && passed[first] + NS_PER_S <= now) {
                first++;
            }
            uint32_t within = n - first;
            if (tide_op_flood_may(&flood, now)) {
                tide_op_flood_count(&flood);
                passed[n++] = now;
            } else {
                cr_assert_geq(within, (uint32_t)limits[l], "refused within the limit");
                refused++;
            }
            /* What one part of the window holds may pass above the limit. */
            cr_assert_leq(within, (uint32_t)(limits[l] * 1.2 + 3));
        }
        cr_assert_gt(refused, 100);
        cr_assert_gt(n, 10000);
    }
}

Test(flood, less_than_one_a_second)
{
    struct tide_op_flood flood;
    tide_op_flood_init(&flood, 0.5);
    cr_assert(tide_op_flood_may(&flood, 0));
    tide_op_flood_count(&flood);
    cr_assert_not(tide_op_flood_may(&flood, 1900000000));
    cr_assert(tide_op_flood_may(&flood, 2100000000));
}

Test(dead_letter, a_form_needs_its_columns)
{
    struct rig rig;
    struct tide_error err;
    struct tide_option_finding place;
    rig_init(&rig);
    rig_give(&rig, "form", "kafka");
    cr_assert_eq(
        rig_bind_fails(&rig, &tide_op_dead_letter, "key BINARY, value STRING", &err, &place),
        TIDE_ERR_INVALID);
    cr_assert(strstr(err.text, "column value") != NULL, "%s", err.text);
    rig_fini(&rig);
}
