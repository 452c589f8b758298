/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions: what happens when a promise to ourselves is broken.
 *
 * The handler is the one mutable global of the library: an assertion must be able to fail where no
 * struct is at hand. It is set once, before threads start, and only read afterwards.
 */
#include "base/assert.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic(tide_fatal_fn *) fatal_handler;

void
tide_fatal_handler_set(tide_fatal_fn *handler)
{
    /* Partner: the load in tide_fatal. */
    atomic_store_explicit(&fatal_handler, handler, memory_order_release);
}

/* One write, no stdio: the heap or a lock may be what is broken. */
static void
fatal_default(const char *file, int line, const char *what)
{
    char text[512];
    int len =
        snprintf(text, sizeof(text), "tidemark: assertion failed at %s:%d: %s\n", file, line, what);
    size_t size = len < 0 ? 0 : (size_t)len;
    if (size >= sizeof(text)) {
        size = sizeof(text) - 1;
    }
    ssize_t written = write(STDERR_FILENO, text, size);
    (void)written; /* nobody is left to be told */
}

_Noreturn void
tide_fatal(const char *file, int line, const char *what)
{
    /* Partner: the store in tide_fatal_handler_set. */
    tide_fatal_fn *handler = atomic_load_explicit(&fatal_handler, memory_order_acquire);
    if (handler != NULL) {
        handler(file, line, what);
    } else {
        fatal_default(file, line, what);
    }
    abort();
}
