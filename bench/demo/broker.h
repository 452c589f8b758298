/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded broker: librdkafka's mock cluster, in a process of its own, so that it survives the
 * engine and its work is not the engine's.
 *
 * A partition of it keeps 5 MiB or 100,000 records and forgets the oldest beyond that, without a
 * word. What a run sends must fit.
 */
#ifndef TIDEMARK_BENCH_DEMO_BROKER_H
#define TIDEMARK_BENCH_DEMO_BROKER_H

#include <stdint.h>

#include "demo/child.h"

#define BROKER_ADDRESS_BYTES 128

/* How many partitions hold @records of a topic; 0: more than there may be. */
int broker_partitions(uint64_t records);

/* How many records the embedded broker can keep. */
uint64_t broker_records_max(void);

/* Starts the broker with @topics (ends with NULL) of @partitions each; @out_address gets its
 * host:port. Ends this process when it does not come up. */
void broker_start(struct child *child, const char *const *topics, int partitions, const char *log,
                  char out_address[BROKER_ADDRESS_BYTES]);

/* What the process does: `tidemark-demo broker PARTITIONS TOPIC...`. Ends when its parent does. */
int broker_main(int argc, char **argv);

#endif
