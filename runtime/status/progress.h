/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress as one line of JSON, with the field names of Spark's StreamingQueryProgress.
 *
 * What Spark's readers look for stands where they look for it; what only this engine knows stands
 * in an object of its own, "tidemark". docs/operations.md says what each field means; change both
 * together.
 */
#ifndef TIDE_STATUS_PROGRESS_H
#define TIDE_STATUS_PROGRESS_H

#include <stdint.h>

#include <tidemark/tidemark.h>

#include "base/buffer.h"

/*
 * Appends @now as one line without its line feed. Rates and numInputRows are of the time since
 * @before (zeroed: since the start of the run); @wall_ns is the line's time since the Unix epoch.
 * Errors: TIDE_ERR_NOMEM, TIDE_ERR_LIMIT. @thread any
 */
int tide_status_progress_json(const struct tide_progress *now, const struct tide_progress *before,
                              uint64_t wall_ns, struct tide_buf *out);

/* "loaded", "starting", "running", "stopping", "ended": of enum tide_engine_state. @thread any */
const char *tide_status_state_name(uint32_t state);

#endif
