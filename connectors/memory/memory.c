/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin `memory`: rows from and to the program that embeds the engine (store.h).
 */
#include "memory.h"

#include <string.h>

int
tide_memory_bind(const struct tide_bind *in, struct tide_memory_bound **out_bound,
                 struct tide_error *err)
{
    const struct tide_host *host = in->host;
    const struct tide_memory_store *store = host->extension(host, TIDE_MEMORY_EXTENSION);
    const char *name = host->option_str(in->options, "queryName");
    struct tide_memory_bound *bound;
    name = name != NULL ? name : in->id;
    if (store == NULL) {
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED,
                              "format memory is for programs that embed the engine and hold its "
                              "rows; this one does not (console prints rows, noop drops them)");
    }
    if (strlen(name) >= sizeof(bound->name)) {
        return host->option_error(in->options, "queryName", 0, -1, err, "the name is too long");
    }
    bound = host->alloc(host, sizeof(*bound));
    if (bound == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for format memory");
    }
    bound->host = host;
    bound->store = store;
    memcpy(bound->name, name, strlen(name));
    if (in->expr != NULL) {
        bound->session = *in->expr;
    }
    *out_bound = bound;
    return 0;
}

void
tide_memory_unbind(void *bound)
{
    struct tide_memory_bound *memory = bound;
    memory->host->free(memory->host, memory);
}

static const struct tide_kind *const kinds[] = {&tide_memory_source_kind.k,
                                                &tide_memory_sink_kind.k};

extern const struct tide_plugin tide_memory_plugin;

const struct tide_plugin tide_memory_plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(struct tide_plugin),
    .name = "memory",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .kinds = kinds,
};
