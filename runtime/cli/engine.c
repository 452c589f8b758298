/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline file as an engine: see engine.h.
 *
 * The library hands out every finding and repeats the first one in its error; here each is said
 * once.
 */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

#define STDIN_BYTES_MAX                                                      \
    (16u << 20) /* far more than any pipeline; the library has its own limit \
                 */

static const char *
severity_name(uint32_t severity)
{
    return severity == TIDE_SEVERITY_ERROR  ? "error"
           : severity == TIDE_SEVERITY_WARN ? "warning"
                                            : "note";
}

static void
finding_json(const struct tide_finding *finding)
{
    fputs("{\"file\":", stdout);
    cli_json_text(stdout, finding->file);
    printf(
        ",\"line\":%u,\"column\":%u,\"severity\":\"%s\",\"code\":\"%s\",\"text\":", finding->line,
        finding->column, severity_name(finding->severity), tide_error_name(finding->code));
    cli_json_text(stdout, finding->text);
    fputs("}\n", stdout);
}

static void
on_finding(void *ctx, const struct tide_finding *finding)
{
    struct cli_findings *findings = ctx;
    findings->errors += finding->severity == TIDE_SEVERITY_ERROR;
    findings->warnings += finding->severity == TIDE_SEVERITY_WARN;
    if (findings->json) {
        finding_json(finding);
    } else if (finding->line > 0) {
        fprintf(stderr, "%s:%u:%u: %s: %s\n", finding->file, finding->line, finding->column,
                severity_name(finding->severity), finding->text);
    } else {
        fprintf(stderr, "%s: %s: %s\n", finding->file, severity_name(finding->severity),
                finding->text);
    }
}

static int
read_stdin(char **out_text, size_t *out_len)
{
    char *text = malloc(STDIN_BYTES_MAX);
    if (text == NULL) {
        cli_say("out of memory");
        return 1;
    }
    size_t len = fread(text, 1, STDIN_BYTES_MAX, stdin);
    if (ferror(stdin) || len == STDIN_BYTES_MAX) {
        cli_say("standard input: %s", ferror(stdin) ? strerror(errno) : "over 16 MiB");
        free(text);
        return 1;
    }
    *out_text = text;
    *out_len = len;
    return 0;
}

int
cli_engine_open(const struct cli_args *args, const char *path, struct tide_engine_options *options,
                struct cli_engine *out)
{
    struct cli_findings *findings = options->ctx;
    uint32_t errors = findings->errors;
    struct tide_error err = {.at = -1};
    *out = (struct cli_engine){.engine = NULL};
    if (strcmp(path, "-") == 0) {
        int code = read_stdin(&out->text, &options->text_len);
        if (code != 0) {
            return code;
        }
        options->text = out->text;
    }
    options->abi = TIDE_ABI_VERSION;
    options->size = sizeof(*options);
    options->path = path;
    options->sets = args->items;
    options->n_sets = args->n_items;
    options->finding = on_finding;
    int rc = tide_engine_create(options, &out->engine, &err);
    if (rc == 0) {
        return 0;
    }
    err.code = rc;
    return findings->errors > errors ? tide_error_exit_code(rc) : cli_fail(&err);
}

void
cli_engine_close(struct cli_engine *engine)
{
    tide_engine_destroy(engine->engine);
    free(engine->text);
}

int
cli_engine_show(const struct cli_engine *engine, enum tide_show what)
{
    struct tide_error err = {.at = -1};
    int rc = tide_engine_show(engine->engine, what, cli_put, NULL, &err);
    return rc != 0 ? cli_fail(&err) : 0;
}
