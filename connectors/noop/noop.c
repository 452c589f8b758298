/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `noop`: takes rows and forgets them, as Spark's.
 *
 * For measuring what comes before a sink. Every epoch is durable at its marker. Threads: worker; a
 * task has no state but whose it is.
 */
#include <tidemark/plugin.h>

static const struct tide_option noop_options[] = {{.name = NULL}};

struct noop_task {
    const struct tide_host *host;
    struct tide_task *task;
};

static int
noop_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
          struct tide_error *err)
{
    (void)err;
    out_traits->n_outputs = 0;
    out_traits->commit_class = TIDE_COMMIT_PLAIN;
    *out_bound = (void *)(uintptr_t)in->host;
    return 0;
}

static void
noop_unbind(void *bound)
{
    (void)bound;
}

static int
noop_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    (void)bound;
    (void)err;
    *out_shared = (void *)(uintptr_t)host;
    return 0;
}

static void
noop_close(void *shared)
{
    (void)shared;
}

static int
noop_task_open(void *shared, const struct tide_task_info *info, void **out_self,
               struct tide_error *err)
{
    const struct tide_host *host = shared;
    struct noop_task *self = host->alloc(host, sizeof(*self));
    if (self == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a task of a noop sink");
    }
    *self = (struct noop_task){host, info->task};
    *out_self = self;
    return 0;
}

static void
noop_task_close(void *task)
{
    struct noop_task *self = task;
    self->host->free(self->host, self);
}

static enum tide_step
noop_write(void *task, const struct tide_batch *in, uint32_t *out_consumed)
{
    (void)task;
    *out_consumed = in->n;
    return TIDE_STEP_MORE;
}

static enum tide_step
noop_on_marker(void *task, uint64_t first, struct tide_seal seal, uint32_t flags)
{
    struct noop_task *self = task;
    (void)first;
    (void)flags;
    self->host->durable(self->task, seal, (struct tide_bytes){"", 0});
    return TIDE_STEP_DONE;
}

static const struct tide_sink noop_sink = {
    .k =
        {
            .abi = TIDE_ABI_VERSION,
            .size = sizeof(struct tide_sink),
            .type = TIDE_KIND_SINK,
            .name = "noop",
            .doc = "Takes rows and forgets them.",
            .options = noop_options,
            .bind = noop_bind,
            .unbind = noop_unbind,
            .open = noop_open,
            .close = noop_close,
            .task_open = noop_task_open,
            .task_close = noop_task_close,
        },
    .write = noop_write,
    .on_marker = noop_on_marker,
};

static const struct tide_kind *const kinds[] = {&noop_sink.k};

extern const struct tide_plugin tide_noop_plugin;

const struct tide_plugin tide_noop_plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_plugin),
    .name = "noop",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = 1,
    .kinds = kinds,
};
