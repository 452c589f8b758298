/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fake host: see fake_host.h. What a connector must not do ends the test.
 */
#include "fake_host.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/seam.h"

struct fake_job {
    struct fake_job *next;
    tide_offload_fn *fn;
    void *arg;
    uint64_t id;
    int result;
};

struct tide_kept {
    struct tide_rowhdr hdr;
};

struct tide_split_sink {
    struct fake_host *fake;
};

static struct fake_host *
fake_of(const struct tide_host *host)
{
    return (struct fake_host *)(uintptr_t)host;
}

/* ---- seams ---- */

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t
host_now_mono(const struct tide_host *host)
{
    return fake_of(host)->live ? clock_ns(CLOCK_MONOTONIC) : fake_of(host)->mono_ns;
}

static uint64_t
host_now_wall(const struct tide_host *host)
{
    return fake_of(host)->live ? clock_ns(CLOCK_REALTIME) : fake_of(host)->wall_ns;
}

static void *
host_alloc(const struct tide_host *host, size_t size)
{
    struct fake_host *fake = fake_of(host);
    void *block = NULL;
    pthread_mutex_lock(&fake->lock);
    if (fake->allocations_left != 0) {
        fake->allocations_left -= fake->allocations_left > 0;
        block = calloc(1, size);
        fake->living++;
    }
    pthread_mutex_unlock(&fake->lock);
    return block;
}

static void
host_free(const struct tide_host *host, void *block)
{
    struct fake_host *fake = fake_of(host);
    pthread_mutex_lock(&fake->lock);
    fake->living -= block != NULL;
    pthread_mutex_unlock(&fake->lock);
    free(block);
}

static void
host_log(const struct tide_host *host, uint32_t severity, const char *format, ...)
{
    struct fake_host *fake = fake_of(host);
    va_list args;
    pthread_mutex_lock(&fake->lock);
    if (fake->n_log < 64) {
        fake->log[fake->n_log].severity = severity;
        va_start(args, format);
        vsnprintf(fake->log[fake->n_log].text, FAKE_TEXT_MAX, format, args);
        va_end(args);
    }
    fake->n_log++;
    pthread_mutex_unlock(&fake->lock);
}

static const void *
host_extension(const struct tide_host *host, const char *name)
{
    const struct fake_host *fake = fake_of(host);
    for (uint32_t i = 0; i < 4; i++) {
        if (fake->extension_names[i] != NULL && strcmp(fake->extension_names[i], name) == 0) {
            return fake->extensions[i];
        }
    }
    return NULL;
}

static const struct tide_schema *
host_schema(const struct tide_host *host, uint32_t id)
{
    return tide_schema_get(fake_of(host)->schemas, id);
}

/* ---- options ---- */

static int
host_option_error(const struct tide_options *options, const char *name, uint32_t i, int32_t at,
                  struct tide_error *err, const char *format, ...)
{
    va_list args;
    int code;
    va_start(args, format);
    code = tide_options_errorv(options, name, i, at, err, format, args);
    va_end(args);
    return code;
}

static int
host_split_add(struct tide_split_sink *sink, const struct tide_split_info *info)
{
    struct fake_host *fake = sink->fake;
    cr_assert_lt(fake->n_splits, FAKE_SPLITS_MAX);
    snprintf(fake->splits[fake->n_splits++], sizeof(fake->splits[0]), "%s", info->name);
    return 0;
}

/* ---- tasks ---- */

static void
host_fail(struct tide_task *task, int code, const char *format, ...)
{
    va_list args;
    if (task->failed != 0) {
        return;
    }
    task->failed = code;
    va_start(args, format);
    vsnprintf(task->fail_text, sizeof(task->fail_text), format, args);
    va_end(args);
}

static void
host_waiting(struct tide_task *task, const char *reason)
{
    snprintf(task->waiting, sizeof(task->waiting), "%s", reason == NULL ? "" : reason);
    task->said_waiting += reason != NULL;
}

static void
host_wake(struct tide_task *task)
{
    const uint64_t one = 1;
    cr_assert_eq(write(task->wake_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static int
host_watch_fd(struct tide_task *task, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(task->poll_fd, EPOLL_CTL_MOD, fd, &event) == 0) {
        return 0;
    }
    return epoll_ctl(task->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : TIDE_ERR_IO;
}

static int
host_unwatch_fd(struct tide_task *task, int fd)
{
    epoll_ctl(task->poll_fd, EPOLL_CTL_DEL, fd, NULL);
    return 0;
}

static void
host_timer_at(struct tide_task *task, uint64_t mono_ns)
{
    task->timer_at = mono_ns < task->timer_at ? mono_ns : task->timer_at;
}

static int
host_offload(struct tide_task *task, tide_offload_fn *fn, void *arg, uint64_t id)
{
    struct fake_job *job = calloc(1, sizeof(*job)), **at = &task->jobs;
    job->fn = fn;
    job->arg = arg;
    job->id = id;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = job;
    return 0;
}

static bool
host_offload_done(struct tide_task *task, uint64_t *out_id, int *out_result)
{
    struct fake_job *job = task->ended;
    if (job == NULL) {
        return false;
    }
    task->ended = job->next;
    *out_id = job->id;
    *out_result = job->result;
    free(job);
    return true;
}

static enum tide_reject
rejected(struct tide_task *task, uint64_t offset, const char *error_class, const char *text)
{
    if (task->reject_answer == TIDE_REJECT_BLOCKED) {
        return TIDE_REJECT_BLOCKED;
    }
    cr_assert_lt(task->n_rejected, 32);
    snprintf(task->rejected[task->n_rejected], FAKE_TEXT_MAX, "%s: %s", error_class, text);
    task->rejected_offset[task->n_rejected++] = offset;
    if (task->reject_answer == TIDE_REJECT_FAIL) {
        host_fail(task, TIDE_ERR_RECORD, "%s: %s", error_class, text);
    }
    return task->reject_answer;
}

static enum tide_reject
host_reject(struct tide_task *task, const struct tide_batch *in, uint32_t i,
            const char *error_class, const char *text)
{
    struct tide_error err;
    const struct tide_schema *schema = tide_schema_get(task->fake->schemas, in->schema);
    cr_assert_not_null(schema);
    cr_assert_eq(tide_batch_check(schema, in, &err), 0, "%s", err.text);
    return rejected(task, tide_row_hdr(tide_batch_row(in, i))->offset, error_class, text);
}

static struct tide_kept *
host_keep(struct tide_task *task, const struct tide_batch *in, uint32_t i)
{
    struct tide_kept *kept;
    if (task->keep_fails) {
        host_fail(task, TIDE_ERR_NOMEM, "keep");
        return NULL;
    }
    kept = calloc(1, sizeof(*kept));
    kept->hdr = *tide_row_hdr(tide_batch_row(in, i));
    task->kept++;
    return kept;
}

static void
host_drop_kept(struct tide_task *task, struct tide_kept *kept)
{
    task->kept--;
    free(kept);
}

static enum tide_reject
host_reject_kept(struct tide_task *task, struct tide_kept *kept, const char *error_class,
                 const char *text)
{
    enum tide_reject answer = rejected(task, kept->hdr.offset, error_class, text);
    if (answer != TIDE_REJECT_BLOCKED) {
        host_drop_kept(task, kept);
    }
    return answer;
}

static void
host_durable(struct tide_task *task, struct tide_seal seal, struct tide_bytes token)
{
    cr_assert_eq(token.n, 0);
    cr_assert_lt(task->n_durable, 64);
    task->durable[task->n_durable++] = seal;
}

static uint32_t
host_record_id(struct tide_task *task, const struct tide_rowhdr *hdr, char *out, uint32_t out_max)
{
    (void)task;
    return (uint32_t)snprintf(out, out_max, "in-%u/%" PRIu64, hdr->split, hdr->offset);
}

/* Only what the tests draw: whole numbers, texts, truth values. */
static uint32_t
host_value_text(const struct tide_vec *vec, uint32_t i, char *out, uint32_t out_max)
{
    uint32_t at = tide_vec_at(vec, i);
    switch (vec->type->id) {
    case TIDE_TYPE_STRING:
        if (vec->bytes[at].n > 0) {
            memcpy(out, vec->bytes[at].p, vec->bytes[at].n < out_max ? vec->bytes[at].n : out_max);
        }
        return vec->bytes[at].n;
    case TIDE_TYPE_BOOLEAN:
        return (uint32_t)snprintf(out, out_max, vec->i64[at] != 0 ? "true" : "false");
    case TIDE_TYPE_DOUBLE:
        return (uint32_t)snprintf(out, out_max, "%.1f", vec->f64[at]);
    case TIDE_TYPE_DECIMAL:
        return (uint32_t)snprintf(out, out_max, "%" PRId64 "e-%u", (int64_t)vec->i128[at],
                                  vec->type->scale);
    default:
        return (uint32_t)snprintf(out, out_max, "%" PRId64, vec->i64[at]);
    }
}

/* ---- the fake ---- */

static const struct tide_host host_table = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_host),
    .version = "test",
    .option_set = tide_options_set,
    .option_str = tide_options_str,
    .option_int = tide_options_int,
    .option_f64 = tide_options_f64,
    .option_list_len = tide_options_list_len,
    .option_list_at = tide_options_list_at,
    .option_next = tide_options_next,
    .option_error = host_option_error,
    .schema = host_schema,
    .split_add = host_split_add,
    .now_mono = host_now_mono,
    .now_wall = host_now_wall,
    .alloc = host_alloc,
    .free = host_free,
    .log = host_log,
    .fail = host_fail,
    .waiting = host_waiting,
    .wake = host_wake,
    .reject = host_reject,
    .keep = host_keep,
    .reject_kept = host_reject_kept,
    .drop_kept = host_drop_kept,
    .durable = host_durable,
    .record_id = host_record_id,
    .watch_fd = host_watch_fd,
    .unwatch_fd = host_unwatch_fd,
    .timer_at = host_timer_at,
    .offload = host_offload,
    .offload_done = host_offload_done,
    .value_text = host_value_text,
    .extension = host_extension,
};

void
fake_host_init(struct fake_host *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->host = host_table;
    fake->mono_ns = 1000000000u;
    fake->wall_ns = 1700000000000000000u;
    fake->allocations_left = -1;
    fake->record_max = 1 << 20;
    pthread_mutex_init(&fake->lock, NULL);
    cr_assert_eq(tide_schemas_create(tide_seam_real(), &fake->schemas, NULL), 0);
}

void
fake_host_fini(struct fake_host *fake)
{
    tide_options_destroy(fake->options);
    tide_schemas_destroy(fake->schemas);
    pthread_mutex_destroy(&fake->lock);
    cr_expect_eq(fake->living, 0, "%" PRId64 " allocations are left", fake->living);
}

void
fake_extend(struct fake_host *fake, const char *name, const void *table)
{
    for (uint32_t i = 0; i < 4; i++) {
        if (fake->extension_names[i] == NULL) {
            fake->extension_names[i] = name;
            fake->extensions[i] = table;
            return;
        }
    }
    cr_assert(false, "too many extensions");
}

void
fake_give(struct fake_host *fake, const char *name, const char *value)
{
    cr_assert_lt(fake->n_given, FAKE_GIVEN_MAX);
    fake->given[fake->n_given++] = (struct tide_given){.name = name, .value = value};
}

void
fake_forget(struct fake_host *fake)
{
    fake->n_given = 0;
}

int
fake_bind(struct fake_host *fake, const struct tide_kind *kind, const char *ddl, void **out_bound,
          struct tide_error *err)
{
    const struct tide_schema *input = NULL;
    const struct tide_options_config config = {
        .seam = tide_seam_real(),
        .owner = kind->name,
        .table = kind->options,
        .given = fake->given,
        .n_given = fake->n_given,
    };
    struct tide_bind in = {
        .abi = TIDE_ABI_VERSION,
        .size = sizeof(in),
        .host = &fake->host,
        .inputs = &input,
        .n_inputs = ddl != NULL,
        .id = "tx",
        .max_record = fake->record_max,
    };
    int code;
    tide_options_destroy(fake->options);
    fake->options = NULL;
    code = tide_options_create(&config, &fake->options, err);
    if (code != 0) {
        return code;
    }
    if (ddl != NULL) {
        cr_assert_eq(tide_schema_parse(fake->schemas, ddl, &input, err), 0, "%s", err->text);
    }
    in.options = fake->options;
    memset(&fake->traits, 0, sizeof(fake->traits));
    return kind->bind(&in, out_bound, &fake->traits, err);
}

void
fake_task_init(struct fake_host *fake, struct tide_task *task)
{
    memset(task, 0, sizeof(*task));
    task->fake = fake;
    task->timer_at = UINT64_MAX;
    task->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    task->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    cr_assert_geq(task->wake_fd, 0);
    cr_assert_eq(host_watch_fd(task, task->wake_fd, EPOLLIN), 0);
}

void
fake_task_stop(struct tide_task *task)
{
    uint64_t id;
    int result;
    while (task->jobs != NULL) {
        struct fake_job *job = task->jobs;
        task->jobs = job->next;
        free(job);
    }
    while (host_offload_done(task, &id, &result)) {
    }
}

void
fake_task_fini(struct tide_task *task)
{
    cr_expect_null(task->jobs, "a job was offloaded by a task that was stopped");
    close(task->poll_fd);
    close(task->wake_fd);
    cr_expect_eq(task->kept, 0, "%" PRId64 " rows are still kept", task->kept);
}

void *
fake_task_open(const struct tide_kind *kind, void *shared, struct tide_task *task, uint32_t index,
               uint32_t count)
{
    const struct tide_task_info info = {.abi = TIDE_ABI_VERSION,
                                        .size = sizeof(info),
                                        .task = task,
                                        .index = index,
                                        .count = count};
    struct tide_error err;
    void *self;
    cr_assert_eq(kind->task_open(shared, &info, &self, &err), 0, "%s", err.text);
    return self;
}

uint32_t
fake_jobs_run(struct tide_task *task)
{
    uint32_t n = 0;
    while (task->jobs != NULL) {
        struct fake_job *job = task->jobs, **at = &task->ended;
        task->jobs = job->next;
        job->next = NULL;
        job->result = job->fn(job->arg);
        while (*at != NULL) {
            at = &(*at)->next;
        }
        *at = job;
        n++;
    }
    return n;
}

bool
fake_task_wait(struct tide_task *task, int ms)
{
    struct epoll_event event;
    uint64_t count;
    int n = epoll_wait(task->poll_fd, &event, 1, ms);
    if (n == 1 && event.data.fd == task->wake_fd) {
        cr_assert_eq(read(task->wake_fd, &count, sizeof(count)), (ssize_t)sizeof(count));
    }
    return n == 1;
}

void
fake_writer_init(struct fake_host *fake, struct tide_batchbuf *buf, const struct tide_field *fields,
                 uint32_t n, uint32_t n_hidden, uint32_t rows)
{
    const struct tide_schema *schema;
    struct tide_error err;
    cr_assert_eq(tide_schema_make(fake->schemas, fields, n, n_hidden, &schema, &err), 0, "%s",
                 err.text);
    cr_assert_eq(tide_batchbuf_init(buf, tide_seam_real(), schema, rows, 1024,
                                    fake->record_max > 2048 ? 2 * fake->record_max : 4096, &err),
                 0, "%s", err.text);
}

const char *
fake_value(const struct tide_batchbuf *buf, uint32_t row, const char *column)
{
    static _Thread_local char text[4][4096];
    static _Thread_local uint32_t turn;
    struct tide_batch batch = tide_batchbuf_view(buf);
    const struct tide_schema *schema = buf->writer.schema;
    char *out = text[turn++ % 4];
    cr_assert_lt(row, batch.n);
    for (uint32_t i = 0; i < schema->n + schema->n_hidden; i++) {
        const uint8_t *slot = tide_batch_row(&batch, row);
        if (strcmp(schema->fields[i].name, column) != 0) {
            continue;
        }
        if (tide_row_is_null(slot, i)) {
            return "NULL";
        }
        if (schema->fields[i].type.id == TIDE_TYPE_STRING ||
            schema->fields[i].type.id == TIDE_TYPE_BINARY) {
            struct tide_bytes bytes = tide_row_bytes(schema, &batch, slot, i);
            snprintf(out, sizeof(text[0]), "%.*s", (int)bytes.n, (const char *)bytes.p);
        } else {
            snprintf(out, sizeof(text[0]), "%" PRId64, tide_row_i64(schema, slot, i));
        }
        return out;
    }
    cr_assert(false, "no column %s", column);
    return NULL;
}

const struct tide_kind *
fake_kind(const struct tide_plugin *plugin, uint32_t type, const char *name)
{
    for (uint32_t i = 0; i < plugin->n_kinds; i++) {
        if (plugin->kinds[i]->type == type && strcmp(plugin->kinds[i]->name, name) == 0) {
            return plugin->kinds[i];
        }
    }
    cr_assert(false, "no kind %s", name);
    return NULL;
}
