/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared object for the registry's tests: sound, or wrong in the one way that FIXTURE says.
 */
#include <tidemark/plugin.h>

#define GOOD 0
#define OTHER_HASH 1
#define OTHER_ABI 2
#define NO_NOTE 3
#define NO_ENTRY 4
#define REFUSES 5
#define NOTE_LIES 6
#define KIND_ABI 7
#define NO_WORK 8
#define TAKES_NAME 9
#define NOTE_BROKEN 10

#if FIXTURE == OTHER_HASH
#undef TIDE_ABI_HASH
#define TIDE_ABI_HASH "0123456789abcdef"
#elif FIXTURE == OTHER_ABI
#undef TIDE_NOTE_HEAD_
#define TIDE_NOTE_HEAD_ "abi 41 " TIDE_ABI_HASH "\n"
#endif

#if FIXTURE == NOTE_LIES
TIDE_PLUGIN_NOTE("plugin fixture 1.0 Apache-2.0\noperator other: is not there\n");
#elif FIXTURE == NOTE_BROKEN
TIDE_PLUGIN_NOTE("plugin fixture 1.0 Apache-2.0\noperator without a colon\n");
#elif FIXTURE != NO_NOTE
TIDE_PLUGIN_NOTE("plugin fixture 1.0 Apache-2.0 OR MIT\noperator fixture: keeps rows\n");
#endif

#if FIXTURE != NO_ENTRY
static int
fixture_bind(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
             struct tide_error *err)
{
    (void)in;
    (void)out_bound;
    (void)out_traits;
    (void)err;
    return 0;
}

#if FIXTURE != NO_WORK
static enum tide_step
fixture_process(void *self, uint32_t port, const struct tide_batch *in, uint32_t *out_consumed,
                struct tide_writer *const *out)
{
    (void)self;
    (void)port;
    (void)out;
    *out_consumed = in->n;
    return TIDE_STEP_IDLE;
}
#endif

static const struct tide_option options[] = {
    {.name = "column", .type = TIDE_OPTION_STRING, .fallback = "x", .doc = "The column."},
    {.name = NULL},
};

static const struct tide_operator fixture_operator = {
    .k =
        {
            .abi = FIXTURE == KIND_ABI ? 3 : TIDE_ABI_VERSION,
            .size = sizeof(struct tide_operator),
            .type = TIDE_KIND_OPERATOR,
            .name = "fixture",
            .doc = "keeps rows",
            .options = options,
            .bind = fixture_bind,
        },
#if FIXTURE != NO_WORK
    .process = fixture_process,
#endif
};

static const struct tide_kind *const kinds[] = {&fixture_operator.k};

static const struct tide_plugin plugin = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(plugin),
    .name = "fixture",
    .version = "1.0",
    .license = "Apache-2.0",
    .n_kinds = 1,
    .kinds = kinds,
};

__attribute__((visibility("default"))) tide_plugin_entry_fn tide_plugin_entry;

const struct tide_plugin *
tide_plugin_entry(const struct tide_host *host)
{
    return FIXTURE == REFUSES || host == NULL ? NULL : &plugin;
}
#else
extern int fixture_nothing;
int fixture_nothing;
#endif
