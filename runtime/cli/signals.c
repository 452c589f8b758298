/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: see signals.h.
 *
 * A handler may only look at what is static: this is the one place of the program that keeps such.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "say.h"

static struct tide_engine *volatile engine_now;
static volatile sig_atomic_t stops;
static volatile sig_atomic_t interrupts;

static const int handled[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

#define HANDLED (sizeof(handled) / sizeof(handled[0]))

static void
on_stop(int number)
{
    struct tide_engine *engine = engine_now;
    if (number == SIGINT && interrupts++ > 0) {
        _exit(CLI_EXIT_INTERRUPTED);
    }
    stops = 1;
    if (engine != NULL) {
        tide_engine_stop(engine);
    }
}

static void
on_signal(int number)
{
    int before = errno;
    struct tide_engine *engine = engine_now;
    if (number == SIGINT || number == SIGTERM) {
        on_stop(number);
    } else if (engine != NULL) {
        tide_engine_log_level(engine, number == SIGUSR1 ? 1 : -1);
    }
    errno = before;
}

void
cli_signals_install(struct tide_engine *engine)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    engine_now = engine;
    for (size_t i = 0; i < HANDLED; i++) {
        sigaction(handled[i], &action, NULL);
    }
    if (engine != NULL) {
        sigaction(SIGPIPE, &ignore, NULL);
    }
}

void
cli_signals_remove(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < HANDLED; i++) {
        sigaction(handled[i], &action, NULL);
    }
    engine_now = NULL;
}

bool
cli_signals_stop(void)
{
    return stops != 0;
}
