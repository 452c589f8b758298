/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what came back. See the header. */
#include "load/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "load/cards.h"

#define NS_PER_S 1000000000u

/* The percentiles that are reported, and their names in JSON. */
static const struct {
    double percent;
    const char *name;
} percentiles[] = {{50, "p50"}, {90, "p90"}, {99, "p99"}, {99.9, "p99_9"}, {100, "max"}};

void
tally_init(struct tally *tally, uint64_t rate, uint64_t limit, uint64_t warmup)
{
    memset(tally, 0, sizeof(*tally));
    tally->rate = rate;
    tally->limit = limit;
    tally->warmup = warmup;
    tally->seen = calloc(limit, 1);
    if (tally->seen == NULL) {
        bench_fail(1, "no memory for %" PRIu64 " records", limit);
    }
}

void
tally_fini(struct tally *tally)
{
    free(tally->seen);
}

uint64_t
tally_due_ns(const struct tally *tally, uint64_t sequence)
{
    return tally->start_ns + sequence / tally->rate * NS_PER_S +
           sequence % tally->rate * NS_PER_S / tally->rate;
}

void
tally_receive(struct tally *tally, const void *value, size_t length, uint64_t now_ns)
{
    uint64_t sequence = 0;
    if (cards_sequence(value, length, &sequence) != 0 || sequence >= tally->limit) {
        tally->foreign++;
        return;
    }
    if (tally->seen[sequence] > 0) {
        tally->seen[sequence] += tally->seen[sequence] < UINT8_MAX;
        atomic_fetch_add_explicit(&tally->duplicated, 1, memory_order_relaxed);
        return;
    }
    tally->seen[sequence] = 1;
    if (tally->first_ns == 0) {
        tally->first_ns = now_ns;
    } else if (now_ns - tally->last_ns > tally->silence_ns_max) {
        tally->silence_ns_max = now_ns - tally->last_ns;
    }
    tally->last_ns = now_ns;
    atomic_fetch_add_explicit(&tally->received, 1, memory_order_relaxed);
    if (sequence >= tally->warmup) {
        uint64_t due_ns = tally_due_ns(tally, sequence);
        tide_histogram_record(&tally->latency, now_ns > due_ns ? now_ns - due_ns : 0);
    }
}

static void
json_print(const struct tally *tally, FILE *out, uint64_t sent, uint64_t send_lag_ns,
           uint64_t epoch_offset_ns)
{
    uint64_t received = atomic_load_explicit(&tally->received, memory_order_relaxed);
    uint64_t duplicated = atomic_load_explicit(&tally->duplicated, memory_order_relaxed);
    fprintf(out,
            "{\"rate\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64 ",\"lost\":%" PRIu64
            ",\"duplicated\":%" PRIu64 ",\"foreign\":%" PRIu64 ",\"latency_us\":{",
            tally->rate, sent, received, sent - received, duplicated, tally->foreign);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        uint64_t ns = tide_histogram_percentile(&tally->latency, percentiles[i].percent);
        fprintf(out, "%s\"%s\":%.1f", i > 0 ? "," : "", percentiles[i].name, (double)ns / 1e3);
    }
    fprintf(out,
            "},\"send_lag_us_max\":%.1f,\"silence_ms_max\":%.1f,\"started_at_ns\":%" PRIu64
            ",\"first_at_ns\":%" PRIu64 "}\n",
            (double)send_lag_ns / 1e3, (double)tally->silence_ns_max / 1e6,
            tally->start_ns + epoch_offset_ns,
            tally->first_ns == 0 ? 0 : tally->first_ns + epoch_offset_ns);
}

static void
table_print(const struct tally *tally, FILE *out, uint64_t sent, uint64_t send_lag_ns)
{
    uint64_t received = atomic_load_explicit(&tally->received, memory_order_relaxed);
    uint64_t duplicated = atomic_load_explicit(&tally->duplicated, memory_order_relaxed);
    fprintf(out, "sent        %12" PRIu64 "   at %" PRIu64 "/s\n", sent, tally->rate);
    fprintf(out, "received    %12" PRIu64 "\n", received);
    fprintf(out, "lost        %12" PRIu64 "\n", sent - received);
    fprintf(out, "duplicated  %12" PRIu64 "\n", duplicated);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        uint64_t ns = tide_histogram_percentile(&tally->latency, percentiles[i].percent);
        fprintf(out, "%-11s %12.3f ms\n", percentiles[i].name, (double)ns / 1e6);
    }
    fprintf(out, "send lag    %12.3f ms at most\n", (double)send_lag_ns / 1e6);
    fprintf(out, "silence     %12.3f ms at most\n", (double)tally->silence_ns_max / 1e6);
}

void
tally_print(const struct tally *tally, FILE *out, int json, uint64_t sent, uint64_t send_lag_ns,
            uint64_t epoch_offset_ns)
{
    if (json) {
        json_print(tally, out, sent, send_lag_ns, epoch_offset_ns);
    } else {
        table_print(tally, out, sent, send_lag_ns);
    }
}
