/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `console`: one table of Spark's show() for each epoch that has rows.
 *
 * Rows are drawn into cells as they come (table.c). At the marker the table is drawn and handed to
 * an offloaded write, since a terminal or pipe may block; the epoch is durable when all of it is
 * written. One table is on its way at a time: the marker behind it waits.
 *
 * Threads: worker, but for the offloaded write, which shares only the job, under its lock.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <tidemark/plugin.h>

#include "output.h"
#include "table.h"

/* Bytes of one drawing. Larger: the pipeline stops; numRows or truncate make it smaller. */
#define DRAWING_BYTES_MAX (256u << 20)

/* Nobody reads standard output for so long: the sink waits for the outside. */
#define SILENCE_NS 1000000000u

static const struct tide_option console_options[] = {
    {.name = "numRows",
     .type = TIDE_OPTION_INT,
     .fallback = "20",
     .max = 10000000,
     .doc = "Rows shown of each table."},
    {.name = "truncate",
     .type = TIDE_OPTION_STRING,
     .fallback = "true",
     .doc = "true cuts cells at 20 characters, a number at so many; false shows them whole."},
    {.name = NULL},
};

struct console_bound {
    const struct tide_host *host;
    const struct tide_console_output *output; /* NULL: standard output */
    const struct tide_field *fields;
    uint32_t n_fields;
    uint32_t rows_max, truncate;
};

struct console_task {
    const struct tide_host *host;
    const struct console_bound *bound;
    struct tide_task *task;
    const struct tide_schema *schema; /* of the rows that came last */
    struct tide_console_table table;
    uint64_t number;          /* of the next table */
    struct tide_text drawing; /* the job's while `writing` */
    struct tide_seal seal;    /* of the table on its way */
    uint64_t since_ns;
    bool writing, waiting;

    pthread_mutex_t lock; /* protects what follows */
    bool written;
    int result;
};

static int
stdout_write(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDOUT_FILENO, p, n);
        if (done >= 0) {
            p += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN) {
            struct pollfd ready = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static int
write_run(void *arg)
{
    struct console_task *self = arg;
    const struct tide_console_output *output = self->bound->output;
    const struct tide_host *host = self->host;
    struct tide_task *task = self->task;
    int result = output != NULL ? output->write(output->self, self->drawing.p, self->drawing.n)
                                : stdout_write(self->drawing.p, self->drawing.n);
    pthread_mutex_lock(&self->lock);
    self->result = result;
    self->written = true;
    pthread_mutex_unlock(&self->lock);
    host->wake(task);
    return result;
}

static enum tide_step
console_write(void *task, const struct tide_batch *in, uint32_t *out_consumed)
{
    struct console_task *self = task;
    if (self->schema == NULL || self->schema->id != in->schema) {
        self->schema = self->host->schema(self->host, in->schema);
    }
    for (uint32_t i = 0; i < in->n; i++) {
        if (!tide_console_table_add(&self->table, self->schema, in, i)) {
            self->host->fail(self->task, TIDE_ERR_LIMIT,
                             "a table is too large to be kept: set truncate or a smaller numRows");
            return TIDE_STEP_FAILED;
        }
    }
    *out_consumed = in->n;
    return TIDE_STEP_MORE;
}

/* Takes the end of a write. False: it failed. */
static bool
written_take(struct console_task *self)
{
    bool written;
    int result;
    pthread_mutex_lock(&self->lock);
    written = self->written;
    result = self->result;
    self->written = false;
    pthread_mutex_unlock(&self->lock);
    if (!written) {
        return true;
    }
    self->writing = false;
    if (result != 0) {
        self->host->fail(self->task, TIDE_ERR_FATAL, "cannot write to standard output: %s",
                         strerror(result));
        return false;
    }
    self->host->durable(self->task, self->seal, (struct tide_bytes){"", 0});
    return true;
}

/* Ends of offloaded calls are only dropped: written_take has seen them. */
static void
ends_drop(struct console_task *self)
{
    uint64_t id;
    int result;
    while (self->host->offload_done(self->task, &id, &result)) {
    }
}

static enum tide_step
console_advance(void *task)
{
    struct console_task *self = task;
    uint64_t now;
    if (!self->writing) {
        return TIDE_STEP_IDLE;
    }
    ends_drop(self);
    if (!written_take(self)) {
        return TIDE_STEP_FAILED;
    }
    if (!self->writing) {
        if (self->waiting) {
            self->host->waiting(self->task, NULL);
            self->waiting = false;
        }
        return TIDE_STEP_MORE;
    }
    now = self->host->now_mono(self->host);
    if (now < self->since_ns + SILENCE_NS) {
        self->host->timer_at(self->task, self->since_ns + SILENCE_NS);
        return TIDE_STEP_PENDING;
    }
    self->host->waiting(self->task, "nobody reads standard output");
    self->waiting = true;
    return TIDE_STEP_WAITING;
}

static enum tide_step
console_on_marker(void *task, uint64_t first, struct tide_seal seal, uint32_t flags)
{
    struct console_task *self = task;
    (void)first;
    (void)flags;
    if (self->writing) {
        return TIDE_STEP_PENDING;
    }
    if (self->table.rows == 0) {
        self->host->durable(self->task, seal, (struct tide_bytes){"", 0});
        return TIDE_STEP_DONE;
    }
    self->drawing.n = 0;
    tide_console_table_draw(&self->table, self->bound->fields, self->number++, &self->drawing);
    if (self->drawing.full) {
        self->host->fail(self->task, TIDE_ERR_LIMIT,
                         "a table is too large to be drawn: set truncate or a smaller numRows");
        return TIDE_STEP_FAILED;
    }
    self->seal = seal;
    self->since_ns = self->host->now_mono(self->host);
    self->writing = true;
    if (self->host->offload(self->task, write_run, self, 0) != 0) {
        self->host->fail(self->task, TIDE_ERR_LIMIT, "too many offloaded calls to write a table");
        return TIDE_STEP_FAILED;
    }
    return TIDE_STEP_DONE;
}

/* ---- life ---- */

static int
console_task_open(void *shared, const struct tide_task_info *info, void **out_self,
                  struct tide_error *err)
{
    const struct console_bound *bound = shared;
    const struct tide_host *host = bound->host;
    struct console_task *self = host->alloc(host, sizeof(*self));
    uint32_t *widths = host->alloc(host, bound->n_fields * sizeof(*widths) + 1);
    if (self == NULL || widths == NULL) {
        host->free(host, self);
        host->free(host, widths);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a console sink");
    }
    self->host = host;
    self->bound = bound;
    self->task = info->task;
    self->table.rows_max = bound->rows_max;
    self->table.truncate = bound->truncate;
    self->drawing = (struct tide_text){.host = host, .max = DRAWING_BYTES_MAX};
    tide_console_table_init(&self->table, host, widths, bound->n_fields);
    pthread_mutex_init(&self->lock, NULL);
    *out_self = self;
    return 0;
}

static void
console_task_close(void *task)
{
    struct console_task *self = task;
    const struct tide_host *host = self->host;
    tide_console_table_fini(&self->table);
    tide_text_free(&self->drawing);
    pthread_mutex_destroy(&self->lock);
    host->free(host, self->table.widths);
    host->free(host, self);
}

static int
console_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    (void)host;
    (void)err;
    *out_shared = bound;
    return 0;
}

static void
console_close(void *shared)
{
    (void)shared;
}

static void
console_unbind(void *bound)
{
    struct console_bound *console = bound;
    console->host->free(console->host, console);
}

/* "true", "false" or a number. */
static int
truncate_read(const struct tide_bind *in, uint32_t *out, struct tide_error *err)
{
    const char *text = in->host->option_str(in->options, "truncate");
    unsigned long number;
    char *end;
    if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0) {
        *out = strcasecmp(text, "true") == 0 ? 20 : 0;
        return 0;
    }
    errno = 0;
    number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > UINT32_MAX) {
        return in->host->option_error(in->options, "truncate", 0, -1, err,
                                      "'%s' is neither true nor false nor a number of characters",
                                      text);
    }
    *out = (uint32_t)number;
    return 0;
}

static int
console_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
             struct tide_error *err)
{
    const struct tide_host *host = in->host;
    struct console_bound *bound = host->alloc(host, sizeof(*bound));
    int code;
    if (bound == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a console sink");
    }
    bound->host = host;
    bound->output = host->extension(host, TIDE_CONSOLE_OUTPUT_EXTENSION);
    bound->fields = in->inputs[0]->fields;
    bound->n_fields = in->inputs[0]->n;
    bound->rows_max = (uint32_t)host->option_int(in->options, "numRows");
    code = truncate_read(in, &bound->truncate, err);
    if (code != 0) {
        console_unbind(bound);
        return code;
    }
    out_traits->n_outputs = 0;
    out_traits->commit_class = TIDE_COMMIT_PLAIN;
    out_traits->max_parallel = 1;
    *out_bound = bound;
    return 0;
}

static const struct tide_sink console_sink = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_sink),
            .type = TIDE_KIND_SINK,
            .name = "console",
            .doc = "Prints a table for each epoch that has rows.",
            .options = console_options,
            .bind = console_bind,
            .unbind = console_unbind,
            .open = console_open,
            .close = console_close,
            .task_open = console_task_open,
            .task_close = console_task_close,
        },
    .write = console_write,
    .on_marker = console_on_marker,
    .advance = console_advance,
};

static const struct tide_kind *const kinds[] = {&console_sink.k};

extern const struct tide_plugin tide_console_plugin;

const struct tide_plugin tide_console_plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_plugin),
    .name = "console",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = 1,
    .kinds = kinds,
};
