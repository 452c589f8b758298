/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connectors that are linked in, for whoever registers the built-ins. Each is the last line of
 * its folder's file.
 */
#ifndef TIDE_CONNECTORS_LIST_H
#define TIDE_CONNECTORS_LIST_H

#include <tidemark/plugin.h>

extern const struct tide_plugin tide_console_plugin;
extern const struct tide_plugin tide_kafka_plugin;
extern const struct tide_plugin tide_memory_plugin;
extern const struct tide_plugin tide_noop_plugin;
extern const struct tide_plugin tide_rate_plugin;
extern const struct tide_plugin tide_socket_plugin;

#endif
