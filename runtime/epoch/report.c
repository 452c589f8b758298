/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports as ring frames: see report.h.
 */
#include "epoch/report.h"

#include <string.h>

#include "base/assert.h"

_Static_assert(sizeof(struct tide_report) % 8 == 0, "payloads of reports stay aligned");

static bool
put_large(struct tide_ring *ring, struct tide_budget_child *child, const struct tide_report *report,
          const void *payload)
{
    struct tide_block *block = tide_block_create(child, (uint32_t)sizeof(*report) + report->len);
    if (block == NULL) {
        return false;
    }
    uint8_t *data = tide_block_data(block);
    memcpy(data, report, sizeof(*report));
    memcpy(data + sizeof(*report), payload, report->len);
    if (tide_ring_put_large(ring, block, 0, 0) != TIDE_RING_OK) {
        tide_block_unref(block);
        return false;
    }
    tide_ring_publish(ring);
    return true;
}

bool
tide_report_put(struct tide_ring *ring, struct tide_budget_child *child,
                const struct tide_report *report, const void *payload)
{
    uint32_t len = (uint32_t)sizeof(*report) + report->len;
    void *room;
    if (len > tide_ring_payload_max(ring)) {
        return put_large(ring, child, report, payload);
    }
    if (tide_ring_claim(ring, len, &room) != TIDE_RING_OK) {
        return false;
    }
    memcpy(room, report, sizeof(*report));
    if (report->len > 0) {
        memcpy((uint8_t *)room + sizeof(*report), payload, report->len);
    }
    tide_ring_commit(ring, TIDE_FRAME_BATCH, 0, 0, len);
    tide_ring_publish(ring);
    return true;
}

bool
tide_report_peek(struct tide_ring *ring, struct tide_report *out_report,
                 const uint8_t **out_payload)
{
    struct tide_frame frame;
    if (!tide_ring_peek(ring, &frame)) {
        return false;
    }
    TIDE_ASSERT(frame.len >= sizeof(*out_report));
    memcpy(out_report, frame.data, sizeof(*out_report));
    TIDE_ASSERT(frame.len == sizeof(*out_report) + out_report->len);
    *out_payload = (const uint8_t *)frame.data + sizeof(*out_report);
    return true;
}

void
tide_report_done(struct tide_ring *ring)
{
    tide_ring_release(ring);
    tide_ring_release_publish(ring);
}
