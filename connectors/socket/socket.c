/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source `socket`: lines of text from a TCP server.
 *
 * A line ends at \n, \r or \r\n, as Java reads them; the rest at the end of a connection is a line
 * too. What was read once cannot be read again: the source is not replayable, and an offset only
 * counts lines. Where Spark ends with the connection, this source waits and connects again. A line
 * longer than a record may be is rejected, with its beginning.
 *
 * Threads: worker, but for bind, open, discover and start.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tidemark/plugin.h>

#include "connection.h"

/* Rows of one poll; more come with the next. */
#define POLL_MAX 256u

/* Read together; also the beginning of a rejected line. */
#define READ_BYTES 65536u
#define REJECTED_BYTES 4096u

#define SPLIT_NAME "lines"

static const struct tide_option socket_options[] = {
    {.name = "host",
     .type = TIDE_OPTION_STRING,
     .flags = TIDE_OPTION_REQUIRED,
     .doc = "Name or address of the server to connect to."},
    {.name = "port",
     .type = TIDE_OPTION_INT,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = 65535,
     .doc = "Its port."},
    {.name = "includeTimestamp",
     .type = TIDE_OPTION_BOOL,
     .fallback = "false",
     .doc = "Whether rows have a column timestamp: when the line came."},
    {.name = "numPartitions",
     .type = TIDE_OPTION_INT,
     .doc = "Accepted for Spark's sake, without effect: there is one connection."},
    {.name = NULL},
};

static const struct tide_field socket_fields[] = {
    {"value", {.id = TIDE_TYPE_STRING}, true},
    {"timestamp", {.id = TIDE_TYPE_TIMESTAMP}, true},
};

struct socket_bound {
    const struct tide_host *host;
    char name[256], port[8];
    uint32_t max_record;
    bool timestamps;
};

struct socket_task {
    const struct socket_bound *bound;
    const struct tide_host *host;
    struct tide_task *task;
    struct tide_connection connection;
    uint64_t next; /* number of the next line */
    uint32_t id;   /* of the split */
    bool assigned, waiting;
    bool after_cr; /* a \n that comes first belongs to the line before */
    bool too_long; /* the rest of a rejected line is dropped */
    bool ended;    /* the bytes in the buffer are the last of a connection */
    char *buffer;
    size_t capacity, begin, end; /* of the bytes not yet put out */
    size_t looked;               /* bytes from `begin` that hold no end of a line */
};

/* ---- splits ---- */

static int
socket_discover(void *shared, struct tide_split_sink *sink, struct tide_error *err)
{
    const struct socket_bound *bound = shared;
    const struct tide_split_info info = {
        .abi = TIDE_ABI_VERSION, .size = sizeof(info), .name = SPLIT_NAME};
    (void)err;
    return bound->host->split_add(sink, &info);
}

static int
socket_start(void *shared, const char *split, bool first, void *out, uint32_t *out_n,
             struct tide_error *err)
{
    const uint64_t zero = 0;
    (void)shared;
    (void)first;
    if (*out_n < sizeof(zero)) {
        return tide_error_set(err, TIDE_ERR_INVALID, "no room for the offset of '%s'", split);
    }
    memcpy(out, &zero, sizeof(zero));
    *out_n = sizeof(zero);
    return 0;
}

static int
socket_assign(void *task, uint32_t id, const char *split, struct tide_bytes from,
              const struct tide_bytes *end)
{
    struct socket_task *self = task;
    if (strcmp(split, SPLIT_NAME) != 0 || from.n != sizeof(self->next) || end != NULL) {
        self->host->fail(self->task, TIDE_ERR_INVALID, "split '%s' cannot be read", split);
        return TIDE_ERR_INVALID;
    }
    memcpy(&self->next, from.p, sizeof(self->next));
    self->id = id;
    self->assigned = true;
    return 0;
}

static int
socket_unassign(void *task, uint32_t id)
{
    struct socket_task *self = task;
    if (!self->assigned || self->id != id) {
        return TIDE_ERR_NOTFOUND;
    }
    self->assigned = false;
    return 0;
}

static int
socket_position(void *task, uint32_t id, void *out, uint32_t *out_n, bool *out_reached)
{
    const struct socket_task *self = task;
    if (!self->assigned || self->id != id || *out_n < sizeof(self->next)) {
        return TIDE_ERR_NOTFOUND;
    }
    memcpy(out, &self->next, sizeof(self->next));
    *out_n = sizeof(self->next);
    *out_reached = false;
    return 0;
}

static int
socket_offset_text(struct tide_bytes offset, char *out, uint32_t out_max)
{
    uint64_t lines;
    if (offset.n != sizeof(lines)) {
        return snprintf(out, out_max, "?");
    }
    memcpy(&lines, offset.p, sizeof(lines));
    return snprintf(out, out_max, "%" PRIu64, lines);
}

/* ---- rows ---- */

/* One line as a row; columns by name, as the plan may need only some. False: the writer is full. */
static bool
row_put(const struct socket_task *self, struct tide_writer *out, struct tide_bytes line)
{
    uint64_t now_ns = self->host->now_wall(self->host);
    const struct tide_rowhdr hdr = {.split = self->id, .offset = self->next, .ingest_ns = now_ns};
    uint8_t *slot = tide_writer_row(out);
    if (slot == NULL) {
        return false;
    }
    memcpy(slot, &hdr, sizeof(hdr));
    for (uint32_t i = 0; i < out->schema->n; i++) {
        if (strcmp(out->schema->fields[i].name, "timestamp") == 0) {
            tide_slot_set_i64(out->schema, slot, i, (int64_t)(now_ns / 1000000 * 1000));
        } else if (!tide_writer_set_bytes(out, slot, i, line.p, line.n)) {
            return false;
        }
    }
    tide_writer_commit(out);
    return true;
}

static bool
never_grows(struct tide_writer *writer, uint32_t more)
{
    (void)writer;
    (void)more;
    return false;
}

/* A line that no row can hold: its beginning goes to the host. */
static enum tide_reject
line_reject(struct socket_task *self, const struct tide_schema *schema, struct tide_bytes line)
{
    const struct tide_host *host = self->host;
    char *memory = host->alloc(host, (size_t)schema->stride + REJECTED_BYTES + TIDE_HEAP_PAD);
    struct tide_writer writer = {
        .schema = schema, .n_max = 1, .heap_max = REJECTED_BYTES, .grow = never_grows};
    struct tide_batch batch = {.schema = schema->id, .n = 1, .stride = schema->stride};
    enum tide_reject answer;
    char text[128];
    if (memory == NULL) {
        return TIDE_REJECT_BLOCKED;
    }
    line.n = line.n < REJECTED_BYTES ? line.n : REJECTED_BYTES;
    writer.slots = batch.slots = (uint8_t *)memory;
    writer.heap = batch.heap = (uint8_t *)memory + schema->stride;
    row_put(self, &writer, line);
    batch.heap_len = writer.heap_len;
    for (uint32_t i = schema->n; i < schema->n + schema->n_hidden; i++) {
        tide_slot_set_null(batch.slots, i);
    }
    snprintf(text, sizeof(text), "the line is longer than runtime.maxRecordSize allows (%u)",
             self->bound->max_record);
    answer = host->reject(self->task, &batch, 0, "RECORD_TOO_LARGE", text);
    host->free(host, memory);
    return answer;
}

/* ---- lines ---- */

static void
bytes_take(struct socket_task *self, size_t n)
{
    self->begin += n;
    self->looked = 0;
    if (self->begin == self->end) {
        self->begin = self->end = 0;
    }
}

/* The length of the line at the front without its end, SIZE_MAX when it has none yet. */
static size_t
line_length(struct socket_task *self)
{
    const char *p = self->buffer + self->begin;
    size_t n = self->end - self->begin;
    if (self->after_cr && n > 0) {
        self->after_cr = false;
        if (p[0] == '\n') {
            bytes_take(self, 1);
            return line_length(self);
        }
    }
    while (self->looked < n && p[self->looked] != '\n' && p[self->looked] != '\r') {
        self->looked++;
    }
    if (self->looked < n) {
        return self->looked;
    }
    return self->ended && n > 0 ? n : SIZE_MAX;
}

/* Takes the line at the front and its end. */
static void
line_take(struct socket_task *self, size_t n)
{
    bool ends = self->begin + n < self->end;
    if (ends) {
        self->after_cr = self->buffer[self->begin + n] == '\r';
    }
    bytes_take(self, n + ends);
    self->next += !self->too_long;
    self->too_long = false;
}

enum line_answer { LINE_PUT, LINE_NONE, LINE_BLOCKED, LINE_FAILED };

/* A line, or the beginning of one, that is too long for a row. */
static enum line_answer
long_line(struct socket_task *self, const struct tide_schema *schema, size_t n, bool whole)
{
    const struct tide_bytes line = {self->buffer + self->begin, (uint32_t)n};
    switch (line_reject(self, schema, line)) {
    case TIDE_REJECT_BLOCKED:
        return LINE_BLOCKED;
    case TIDE_REJECT_FAIL:
        return LINE_FAILED;
    default:
        break;
    }
    if (whole) {
        line_take(self, n);
        return LINE_PUT;
    }
    self->next++;
    self->too_long = true;
    bytes_take(self, n);
    return LINE_PUT;
}

static enum line_answer
line_put(struct socket_task *self, struct tide_writer *out)
{
    size_t n = line_length(self);
    size_t there = self->end - self->begin;
    struct tide_bytes line = {self->buffer + self->begin, (uint32_t)n};
    if (self->too_long) {
        if (n == SIZE_MAX) {
            bytes_take(self, there);
            return LINE_NONE;
        }
        line_take(self, n);
        return LINE_PUT;
    }
    if (n == SIZE_MAX) {
        return there > self->bound->max_record ? long_line(self, out->schema, there, false)
                                               : LINE_NONE;
    }
    if (n > self->bound->max_record) {
        return long_line(self, out->schema, n, true);
    }
    if (!row_put(self, out, line)) {
        return out->n == 0 ? long_line(self, out->schema, n, true) : LINE_BLOCKED;
    }
    line_take(self, n);
    return LINE_PUT;
}

/* Reads behind what is in the buffer. False: nothing came. */
static bool
bytes_read(struct socket_task *self)
{
    ssize_t n;
    if (self->begin > 0) {
        memmove(self->buffer, self->buffer + self->begin, self->end - self->begin);
        self->end -= self->begin;
        self->begin = 0;
    }
    n = tide_connection_read(&self->connection, self->buffer + self->end,
                             self->capacity - self->end);
    self->ended = n < 0;
    self->end += n > 0 ? (size_t)n : 0;
    return n != 0;
}

static enum tide_step
no_connection(struct socket_task *self)
{
    if (self->connection.reason[0] == '\0') {
        return TIDE_STEP_IDLE; /* the first attempt is under way */
    }
    self->host->waiting(self->task, self->connection.reason);
    self->waiting = true;
    return TIDE_STEP_WAITING;
}

static enum tide_step
socket_poll(void *task, struct tide_writer *out)
{
    struct socket_task *self = task;
    enum line_answer answer = LINE_PUT;
    if (!self->assigned) {
        return TIDE_STEP_IDLE;
    }
    for (uint32_t n = 0; n < POLL_MAX && answer == LINE_PUT; n++) {
        answer = line_put(self, out);
    }
    if (answer != LINE_NONE) {
        return answer == LINE_FAILED    ? TIDE_STEP_FAILED
               : answer == LINE_BLOCKED ? TIDE_STEP_BLOCKED
                                        : TIDE_STEP_MORE;
    }
    if (self->ended) {
        self->ended = self->after_cr = self->too_long = false; /* a new connection, a new text */
    }
    if (!tide_connection_advance(&self->connection)) {
        return out->n > 0 ? TIDE_STEP_MORE : no_connection(self);
    }
    if (self->waiting) {
        self->host->waiting(self->task, NULL);
        self->waiting = false;
    }
    return bytes_read(self) || out->n > 0 ? TIDE_STEP_MORE : TIDE_STEP_IDLE;
}

/* ---- life ---- */

static int
socket_task_open(void *shared, const struct tide_task_info *info, void **out_self,
                 struct tide_error *err)
{
    const struct socket_bound *bound = shared;
    const struct tide_host *host = bound->host;
    struct socket_task *self = host->alloc(host, sizeof(*self));
    char *buffer = host->alloc(host, (size_t)bound->max_record + READ_BYTES);
    if (self == NULL || buffer == NULL) {
        host->free(host, self);
        host->free(host, buffer);
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a socket source");
    }
    self->bound = bound;
    self->host = host;
    self->task = info->task;
    self->buffer = buffer;
    self->capacity = (size_t)bound->max_record + READ_BYTES;
    tide_connection_init(&self->connection, host, info->task);
    self->connection.name = bound->name;
    self->connection.port = bound->port;
    *out_self = self;
    return 0;
}

static void
socket_task_close(void *task)
{
    struct socket_task *self = task;
    tide_connection_fini(&self->connection);
    self->host->free(self->host, self->buffer);
    self->host->free(self->host, self);
}

static int
socket_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    (void)host;
    (void)err;
    *out_shared = bound;
    return 0;
}

static void
socket_close(void *shared)
{
    (void)shared;
}

static void
socket_unbind(void *bound)
{
    struct socket_bound *options = bound;
    options->host->free(options->host, options);
}

static int
socket_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
            struct tide_error *err)
{
    const struct tide_host *host = in->host;
    const char *name = host->option_str(in->options, "host");
    struct socket_bound *bound;
    if (in->declared != NULL) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "a socket source has its own columns and takes no schema");
    }
    if (strlen(name) >= sizeof(bound->name)) {
        return host->option_error(in->options, "host", 0, -1, err, "the name is too long");
    }
    bound = host->alloc(host, sizeof(*bound));
    if (bound == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a socket source");
    }
    bound->host = host;
    bound->max_record = in->max_record;
    bound->timestamps = host->option_int(in->options, "includeTimestamp") != 0;
    memcpy(bound->name, name, strlen(name));
    snprintf(bound->port, sizeof(bound->port), "%d", (int)host->option_int(in->options, "port"));
    out_traits->n_outputs = 1;
    out_traits->fields[0] = socket_fields;
    out_traits->n_fields[0] = bound->timestamps ? 2 : 1;
    out_traits->max_parallel = 1;
    out_traits->keeps_order = true;
    out_traits->may_reject = true;
    *out_bound = bound;
    return 0;
}

static const struct tide_source socket_source = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_source),
            .type = TIDE_KIND_SOURCE,
            .name = "socket",
            .doc = "Reads lines of text from a TCP server.",
            .options = socket_options,
            .bind = socket_bind,
            .unbind = socket_unbind,
            .open = socket_open,
            .close = socket_close,
            .task_open = socket_task_open,
            .task_close = socket_task_close,
        },
    .discover = socket_discover,
    .start = socket_start,
    .assign = socket_assign,
    .unassign = socket_unassign,
    .poll = socket_poll,
    .position = socket_position,
    .offset_text = socket_offset_text,
};

static const struct tide_kind *const kinds[] = {&socket_source.k};

extern const struct tide_plugin tide_socket_plugin;

const struct tide_plugin tide_socket_plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_plugin),
    .name = "socket",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = 1,
    .kinds = kinds,
};
