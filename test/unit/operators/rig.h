/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rig: one operator between a batch that the test writes and rows that the test reads.
 *
 * The host table is the real one as far as it needs no task (options, schemas, expressions,
 * values); the rest is the rig's: it answers rejections as it is told, keeps state in a list, and
 * counts. Everything that goes wrong in the rig itself ends the test.
 */
#ifndef TIDE_TEST_OPERATORS_RIG_H
#define TIDE_TEST_OPERATORS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/plugin.h>

#include "../base/fake_seam.h"
#include "data/batch.h"
#include "data/schema.h"
#include "plugin/host.h"
#include "plugin/options.h"

#define RIG_GIVEN_MAX 8
#define RIG_REJECTED_MAX 1024
#define RIG_TEXT_MAX 4096
#define RIG_SPLIT 7u

/* A rejection as the operator reported it. */
struct rig_rejected {
    uint64_t offset;
    char error_class[64];
    char text[256];
};

struct rig {
    struct fake_seam fake;
    struct tide_schemas *schemas;
    struct tide_host_env env;
    struct tide_host host;
    struct tide_expr_options expr;
    struct tide_given given[RIG_GIVEN_MAX];
    uint32_t n_given;
    uint32_t record_max;

    const struct tide_operator *kind;
    struct tide_options *options;
    void *bound, *shared, *self;
    struct tide_traits traits;
    const struct tide_schema *in_schema, *out_schema;
    struct tide_batchbuf in, out, result;
    struct tide_task *task;
    void (*eval_run)(struct tide_eval *, const struct tide_batch *, uint32_t, uint32_t,
                     const struct tide_vec **, const struct tide_row_error **,
                     uint32_t *); /* the real one */
    struct tide_state *state;

    uint32_t out_rows;       /* of the operator's writer */
    uint32_t out_heap_limit; /* bytes */
    uint32_t result_rows;

    enum tide_reject policy; /* answer to a rejection */
    uint32_t busy_rejects;   /* so many rejections are first answered BLOCKED */
    struct rig_rejected rejected[RIG_REJECTED_MAX];
    uint32_t n_rejected;
    uint32_t full_inherits; /* so many times the host's columns find the writer full */
    uint32_t calls;         /* of process */
    uint32_t evaluated;     /* rows, each as often as it was evaluated */
    uint64_t filtered;
    int failed; /* code of host->fail, 0: none */
    char fail_text[512];
    char text[RIG_TEXT_MAX];
};

/* An empty rig. */
void rig_init(struct rig *rig);
void rig_fini(struct rig *rig);

/* Options of the operator, before rig_open; arrays and texts outlive the rig. */
void rig_give(struct rig *rig, const char *name, const char *value);
void rig_give_list(struct rig *rig, const char *name, const char *const *items, uint32_t n);
#define RIG_GIVE_LIST(rig, name, ...)                                         \
    do {                                                                      \
        static const char *const items_[] = {__VA_ARGS__};                    \
        rig_give_list(rig, name, items_, sizeof(items_) / sizeof(items_[0])); \
    } while (0)

/* Binds over columns @ddl and opens a task. */
void rig_open(struct rig *rig, const struct tide_operator *kind, const char *ddl);
/* The same in three parts that can fail; errors are those of the operator. */
void rig_bind_prepare(struct rig *rig, const struct tide_operator *kind, const char *ddl);
int rig_bind(struct rig *rig, struct tide_error *err);
int rig_open_task(struct rig *rig, struct tide_error *err);
/* Closes the task and opens another over the same state. */
void rig_reopen(struct rig *rig);
/* Binds, which must fail: its code, the error and the place that was blamed. */
int rig_bind_fails(struct rig *rig, const struct tide_operator *kind, const char *ddl,
                   struct tide_error *out_err, struct tide_option_finding *out_place);

/* The batch: begin a row, fill its fields, commit it. Offsets of rows count from 0. */
void rig_row(struct rig *rig);
void rig_null(struct rig *rig, uint32_t field);
void rig_i64(struct rig *rig, uint32_t field, int64_t value);
void rig_f64(struct rig *rig, uint32_t field, double value);
void rig_str(struct rig *rig, uint32_t field, const char *text);
void rig_bytes(struct rig *rig, uint32_t field, const void *p, uint32_t n);
/* Builds a nested value in the batch's heap; see data/value.h. */
void rig_nested(struct rig *rig, uint32_t field, struct tide_ref ref);
void rig_commit(struct rig *rig);

/* Feeds the batch until it is consumed or the operator fails, taking rows out whenever it stops;
 * then forgets it. False: FAILED. */
bool rig_feed(struct rig *rig);

/* Results so far. */
uint32_t rig_count(const struct rig *rig);
const struct tide_rowhdr *rig_hdr(const struct rig *rig, uint32_t i);
/* Row @i as text: columns separated by |, NULL, [elements], {keys:values}, (fields). */
const char *rig_text(struct rig *rig, uint32_t i);
void rig_forget(struct rig *rig);

/* The state's value of a key as an array of u64, or NULL. */
const uint64_t *rig_state(const struct rig *rig, const void *key, uint32_t n);
uint32_t rig_state_count(const struct rig *rig);

#endif
