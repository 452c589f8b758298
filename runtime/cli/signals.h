/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: they belong to the program, never to the library.
 *
 *   SIGINT SIGTERM   a clean stop; a second SIGINT ends at once with 130
 *   SIGUSR1 SIGUSR2  one log level more, less
 *   SIGPIPE          ignored while an engine runs: a broken output is an error like any other;
 *                    verbs that only print end by it, as filters do
 */
#ifndef TIDE_CLI_SIGNALS_H
#define TIDE_CLI_SIGNALS_H

#include <stdbool.h>

#include <tidemark/tidemark.h>

/* Handles signals from now on for @engine (NULL: for a verb without one, which looks at
 * cli_signals_stop). */
void cli_signals_install(struct tide_engine *engine);

/* Forgets the engine, before it is destroyed: signals do what they did before. */
void cli_signals_remove(void);

/* Whether a stop was asked for. */
bool cli_signals_stop(void);

#endif
