/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fake host: everything that a connector may ask of the engine, under the test's control.
 *
 * Options, schemas and batches are the engine's own; clocks, jobs, acknowledgements, rejections and
 * what is said to wait are kept here for the test to look at. Offloaded jobs run when the test says
 * (fake_jobs_run), so that the order of things is the test's. The clock stands still unless `live`
 * is set, for tests against real sockets and brokers.
 *
 * One thread, but for wake, log, alloc and the clocks.
 */
#ifndef TIDE_TEST_FAKE_HOST_H
#define TIDE_TEST_FAKE_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <tidemark/plugin.h>

#include "data/batch.h"
#include "data/schema.h"
#include "plugin/options.h"

#define FAKE_GIVEN_MAX 32
#define FAKE_SPLITS_MAX 64
#define FAKE_TEXT_MAX 1024

/* A step's counterpart of the engine's task. */
struct tide_task {
    struct fake_host *fake;
    int poll_fd;       /* epoll over what is watched */
    int wake_fd;       /* eventfd of host->wake */
    uint64_t timer_at; /* UINT64_MAX: none */
    int failed;        /* code of host->fail, 0: none */
    char fail_text[FAKE_TEXT_MAX];
    char waiting[FAKE_TEXT_MAX]; /* "" when it does not wait */
    uint32_t said_waiting;       /* how often it was told a reason */
    struct tide_seal durable[64];
    uint32_t n_durable;
    char rejected[32][FAKE_TEXT_MAX]; /* "CLASS: text" */
    uint64_t rejected_offset[32];
    uint32_t n_rejected;
    enum tide_reject reject_answer; /* SKIP unless set */
    bool keep_fails;
    int64_t kept; /* rows kept now */
    struct fake_job *jobs, *ended;
};

struct fake_log_line {
    uint32_t severity;
    char text[FAKE_TEXT_MAX];
};

struct fake_host {
    struct tide_host host;
    struct tide_schemas *schemas;
    pthread_mutex_t lock;
    bool live; /* clocks are real */
    uint64_t mono_ns, wall_ns;
    int64_t living;           /* allocations not freed */
    int64_t allocations_left; /* 0: the next one fails; negative: none does */
    struct fake_log_line log[64];
    uint32_t n_log; /* lines so far; the first 64 are kept */
    const char *extension_names[4];
    const void *extensions[4];

    struct tide_given given[FAKE_GIVEN_MAX];
    uint32_t n_given;
    struct tide_options *options;
    uint32_t record_max;
    struct tide_traits traits;

    char splits[FAKE_SPLITS_MAX][280];
    uint32_t n_splits;
};

void fake_host_init(struct fake_host *fake);
/* Also checks that nothing is left allocated. */
void fake_host_fini(struct fake_host *fake);

void fake_extend(struct fake_host *fake, const char *name, const void *table);
/* Options of the next bind; texts outlive it. */
void fake_give(struct fake_host *fake, const char *name, const char *value);
void fake_forget(struct fake_host *fake);

/* Binds @kind with the options given, for a sink over columns @ddl. */
int fake_bind(struct fake_host *fake, const struct tide_kind *kind, const char *ddl,
              void **out_bound, struct tide_error *err);

void fake_task_init(struct fake_host *fake, struct tide_task *task);
/* Before task_close: drops the jobs that did not begin, as the engine does. */
void fake_task_stop(struct tide_task *task);
/* After task_close. */
void fake_task_fini(struct tide_task *task);

/* Opens a task of a shared object; ends the test on failure. */
void *fake_task_open(const struct tide_kind *kind, void *shared, struct tide_task *task,
                     uint32_t index, uint32_t count);

/* Runs the jobs that were offloaded; how many. */
uint32_t fake_jobs_run(struct tide_task *task);

/* Waits until a watched descriptor or a wake is due, at most @ms; true: one was. */
bool fake_task_wait(struct tide_task *task, int ms);

/* A writer over the columns of @fields (the hidden last), of @rows rows. */
void fake_writer_init(struct fake_host *fake, struct tide_batchbuf *buf,
                      const struct tide_field *fields, uint32_t n, uint32_t n_hidden,
                      uint32_t rows);

/* The value of a row as a text, NULL as "NULL"; numbers in decimal. Good until the next call. */
const char *fake_value(const struct tide_batchbuf *buf, uint32_t row, const char *column);

/* The plugin's kind of that type and name. */
const struct tide_kind *fake_kind(const struct tide_plugin *plugin, uint32_t type,
                                  const char *name);

#endif
