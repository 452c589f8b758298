/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiring: rings between the tasks of a plan, and the configuration of each task.
 *
 * Threads: a control thread.
 */
#ifndef TIDE_PIPELINE_WIRE_H
#define TIDE_PIPELINE_WIRE_H

#include "pipeline/incarnation.h"

/* Makes report rings, edges and dead-letter edges, and tells the coordinator about tasks. @thread
 * start */
int tide_wire_rings(struct tide_incarnation *in, uint32_t report_bytes, struct tide_error *err);

/* The configuration of a stateful task's store. @thread start */
int tide_wire_state(struct tide_incarnation *in, uint32_t task, struct tide_state_config *out,
                    struct tide_error *err);

/* Makes the tasks and seats them on their workers. @thread start */
int tide_wire_tasks(struct tide_incarnation *in, struct tide_error *err);

/* Frees rings and key programs; after the tasks. @thread start */
void tide_wire_close(struct tide_incarnation *in);

#endif
