/* SPDX-License-Identifier: Apache-2.0 */
/* What the operators have in common: see shared.h. */
#include "shared.h"

int
tide_op_alloc(const struct tide_host *host, size_t n, void **out, struct tide_error *err)
{
    void *block = host->alloc(host, n);
    if (block == NULL) {
        if (err != NULL) {
            *err = (struct tide_error){TIDE_ERR_NOMEM, -1, "no memory for an operator"};
        }
        return TIDE_ERR_NOMEM;
    }
    *out = block;
    return 0;
}

int
tide_op_open(const struct tide_host *host, void *bound, void **out_shared, struct tide_error *err)
{
    void *block;
    int rc = tide_op_alloc(host, sizeof(struct tide_op_shared), &block, err);
    if (rc == 0) {
        struct tide_op_shared *shared = block;
        *shared = (struct tide_op_shared){host, bound};
        *out_shared = shared;
    }
    return rc;
}

void
tide_op_close(void *shared)
{
    const struct tide_host *host = ((struct tide_op_shared *)shared)->host;
    host->free(host, shared);
}

int
tide_op_blame(const struct tide_bind *in, const char *option, uint32_t i, int32_t at,
              const struct tide_error *why, struct tide_error *err)
{
    struct tide_error blamed;
    in->host->option_error(in->options, option, i, at, &blamed, "%s", why->text);
    if (err != NULL) {
        *err = *why;
        err->at = at;
    }
    return why->code;
}

int
tide_op_compile(const struct tide_bind *in, const char *option, const char *blank,
                struct tide_program **out_program, struct tide_error *err)
{
    const struct tide_host *host = in->host;
    uint32_t n = host->option_list_len(in->options, option);
    uint32_t bad = 0;
    void *block;
    struct tide_error why = {.at = -1};
    int rc = tide_op_alloc(host, (n + 1u) * sizeof(struct tide_expr_item), &block, err);
    if (rc != 0) {
        return rc;
    }
    struct tide_expr_item *items = block;
    for (uint32_t i = 0; i < n; i++) {
        const char *text = host->option_list_at(in->options, option, i);
        items[i].text = text[0] == 0 && blank != NULL ? blank : text;
    }
    rc = host->expr_compile(host, in->expr, items, n, in->inputs[0], out_program, &bad, &why);
    host->free(host, items);
    if (rc != 0) {
        why.code = rc;
        return tide_op_blame(in, option, bad, why.at, &why, err);
    }
    return 0;
}

enum tide_reject
tide_op_reject_large(const struct tide_host *host, struct tide_task *task,
                     const struct tide_batch *in, uint32_t i)
{
    return host->reject(task, in, i, "RECORD_TOO_LARGE",
                        "what the step makes of the record does not fit runtime.maxRecordSize");
}
