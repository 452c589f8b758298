/* SPDX-License-Identifier: Apache-2.0 */
/* `tidemark version`: of the program, the plugin interface, and the libraries below. */
#include <stdio.h>
#include <string.h>

#include "say.h"
#include "verbs.h"

/* "NAME VERSION\n" as a member of the JSON object. */
static int
put_member(void *ctx, const char *text, size_t len)
{
    const char *space = memchr(text, ' ', len);
    (void)ctx;
    if (space == NULL) {
        return TIDE_ERR_FATAL;
    }
    size_t name = (size_t)(space - text);
    putchar(',');
    cli_json_bytes(stdout, text, name);
    putchar(':');
    cli_json_bytes(stdout, space + 1, len - name - 1 - (text[len - 1] == '\n'));
    return 0;
}

static int
run(const struct cli_args *args)
{
    bool json = cli_value(args, "format")->number == 1;
    if (json) {
        printf("{\"tidemark\":\"%s\",\"abi\":%d,\"abiHash\":\"%s\"", tide_version(),
               TIDE_ABI_VERSION, TIDE_ABI_HASH);
    } else {
        printf("tidemark %s\nabi %d %s\n", tide_version(), TIDE_ABI_VERSION, TIDE_ABI_HASH);
    }
    int rc = tide_version_libraries(json ? put_member : cli_put, NULL);
    if (json) {
        fputs("}\n", stdout);
    }
    return rc < 0 ? 1 : 0;
}

static const struct cli_flag flags[] = {
    {"format", CLI_FLAG_CHOICE, "text|json", "A line each, or one JSON object"},
    {.name = NULL},
};

const struct cli_verb cli_verb_version = {
    .name = "version",
    .words = "",
    .doc = "Shows the version, the plugin interface's and the libraries'",
    .flags = flags,
    .run = run,
};
