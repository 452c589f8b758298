/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where tables go: standard output, unless the host has another place (a simulation, an embedder).
 */
#ifndef TIDE_CONSOLE_OUTPUT_H
#define TIDE_CONSOLE_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#define TIDE_CONSOLE_OUTPUT_EXTENSION "tide.console-output/0"

struct tide_console_output {
    uint32_t abi, size;
    void *self;
    /* Takes a whole table; 0 or an errno. Called on an offload thread, may block, one at a time. */
    int (*write)(void *self, const char *p, size_t n);
};

#endif
