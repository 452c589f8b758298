/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions: what we promise ourselves.
 *
 * TIDE_ASSERT stays on in release builds; it is for our own invariants, never for what comes from
 * outside. TIDE_ASSERT_SLOW is for checks that cost more than a few instructions; debug and
 * simulation builds have it. One condition per assertion, so that the message names what broke. An
 * embedder may install a fatal handler; it must not return.
 */
#ifndef TIDE_BASE_ASSERT_H
#define TIDE_BASE_ASSERT_H

#include <stdint.h>

typedef void tide_fatal_fn(const char *file, int line, const char *what);

/* Installs @handler (NULL: the default, which writes one line to stderr and aborts). @thread start
 */
void tide_fatal_handler_set(tide_fatal_fn *handler);

/* Reports a broken promise; never returns. @thread any */
_Noreturn void tide_fatal(const char *file, int line, const char *what);

#define TIDE_ASSERT(condition)                          \
    do {                                                \
        if (__builtin_expect(!(condition), 0)) {        \
            tide_fatal(__FILE__, __LINE__, #condition); \
        }                                               \
    } while (0)

#ifdef TIDE_SLOW_ASSERTS
#define TIDE_ASSERT_SLOW(condition) TIDE_ASSERT(condition)
#else
#define TIDE_ASSERT_SLOW(condition) ((void)sizeof(condition))
#endif

#define TIDE_UNREACHABLE(what) tide_fatal(__FILE__, __LINE__, "unreachable: " what)

#endif
