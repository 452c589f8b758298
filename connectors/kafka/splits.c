/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits: the source's control side: which partitions there are, where they start and end, and the
 * group offsets that follow the WAL.
 *
 * Every call may wait for a broker, up to TIDE_KAFKA_ASK_MS a request; what did not answer is
 * TIDE_ERR_UNREACHABLE and asked again by the host. Threads: control. I6: group offsets are only
 * ever those that committed() brought.
 */
#include "source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SPLIT_NAME_MAX (TIDE_KAFKA_TOPIC_MAX + 12)

/* Lag displays do not need it more often; at the end the last ones are sent, and waited for. */
#define LAG_EVERY_NS 1000000000u
#define LAG_END_MS 1000

/* One discovery: what the metadata callback works with. */
struct discovery {
    struct tide_kafka_source *source;
    struct tide_split_sink *sink; /* NULL: only looks */
    struct tide_error *err;
    int code;             /* of split_add */
    int topic_code;       /* the broker's, of the topic asked for */
    int32_t n_partitions; /* of the topic asked for */
    uint32_t n_matches;
};

static int
unreachable(const struct tide_kafka_source *source, int code, struct tide_error *err)
{
    return tide_error_set(err, TIDE_ERR_UNREACHABLE, "broker %s does not answer: %s",
                          source->link.brokers, rd_kafka_err2str(code));
}

/* The error of a topic whose metadata has @code. */
static int
topic_error(const struct tide_kafka_source *source, const char *topic, int code,
            struct tide_error *err)
{
    if (tide_kafka_code_missing(code)) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "topic '%s' does not exist at %s", topic,
                              source->link.brokers);
    }
    return tide_error_set(err, TIDE_ERR_UNREACHABLE, "topic '%s' cannot be read: %s", topic,
                          rd_kafka_err2str(code));
}

static int
split_report(struct discovery *discovery, const char *topic, int32_t partition)
{
    char name[SPLIT_NAME_MAX];
    const struct tide_split_info info = {
        .abi = TIDE_ABI_VERSION, .size = sizeof(info), .name = name};
    if (discovery->sink == NULL) {
        return 0;
    }
    snprintf(name, sizeof(name), "%s-%" PRId32, topic, partition);
    return discovery->source->host->split_add(discovery->sink, &info);
}

static void
splits_report(struct discovery *discovery, const char *topic, int32_t n_partitions)
{
    for (int32_t i = 0; i < n_partitions && discovery->code == 0; i++) {
        discovery->code = split_report(discovery, topic, i);
    }
}

static void
pattern_topic(void *self, const char *topic, int32_t n_partitions, int code)
{
    struct discovery *discovery = self;
    if (code == 0 && tide_kafka_pattern_matches(discovery->source->bound->pattern, topic)) {
        discovery->n_matches++;
        splits_report(discovery, topic, n_partitions);
    }
}

static void
one_topic(void *self, const char *topic, int32_t n_partitions, int code)
{
    struct discovery *discovery = self;
    (void)topic;
    discovery->topic_code = code;
    discovery->n_partitions = n_partitions;
}

/* Asks for one topic; its answer is in @discovery. */
static int
topic_ask(struct discovery *discovery, const char *topic)
{
    struct tide_kafka_link *link = &discovery->source->link;
    int code;
    discovery->topic_code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    discovery->n_partitions = 0;
    code = link->api->metadata(link->client, topic, TIDE_KAFKA_ASK_MS, one_topic, discovery);
    if (code != 0 && !tide_kafka_code_missing(code)) {
        return unreachable(discovery->source, code, discovery->err);
    }
    if (discovery->n_partitions == 0) {
        return topic_error(discovery->source, topic, discovery->topic_code, discovery->err);
    }
    return 0;
}

static int
pattern_discover(struct discovery *discovery)
{
    const struct tide_kafka_source *source = discovery->source;
    const struct tide_kafka_link *link = &source->link;
    int code = link->api->metadata(link->client, NULL, TIDE_KAFKA_ASK_MS, pattern_topic, discovery);
    if (code != 0) {
        return unreachable(source, code, discovery->err);
    }
    if (discovery->n_matches == 0) {
        return tide_error_set(discovery->err, TIDE_ERR_NOTFOUND, "no topic at %s matches '%s'",
                              link->brokers, source->bound->pattern_text);
    }
    return discovery->code;
}

/* The topics that are there are reported even if another is missing; the last error is returned. */
static int
subscribe_discover(struct discovery *discovery)
{
    const struct tide_kafka_source_bound *bound = discovery->source->bound;
    int missing = 0;
    for (uint32_t i = 0; i < bound->n_topics; i++) {
        int code = topic_ask(discovery, bound->topics[i]);
        if (code == TIDE_ERR_UNREACHABLE && discovery->n_partitions == 0) {
            return code;
        }
        missing = code != 0 ? code : missing;
        splits_report(discovery, bound->topics[i], discovery->n_partitions);
    }
    return discovery->code != 0 ? discovery->code : missing;
}

static int
assign_discover(struct discovery *discovery)
{
    const struct tide_kafka_places *places = &discovery->source->bound->places;
    const char *asked = NULL;
    for (uint32_t i = 0; i < places->n && discovery->code == 0; i++) {
        const struct tide_kafka_place *place = &places->items[i];
        if (asked == NULL || strcmp(asked, place->topic) != 0) {
            int code = topic_ask(discovery, place->topic);
            if (code != 0) {
                return code;
            }
            asked = place->topic;
        }
        if (place->partition >= discovery->n_partitions) {
            return tide_error_set(discovery->err, TIDE_ERR_NOTFOUND,
                                  "topic '%s' has no partition %" PRId32 ", only 0 to %" PRId32,
                                  place->topic, place->partition, discovery->n_partitions - 1);
        }
        discovery->code = split_report(discovery, place->topic, place->partition);
    }
    return discovery->code;
}

int
tide_kafka_discover(void *shared, struct tide_split_sink *sink, struct tide_error *err)
{
    struct discovery discovery = {.source = shared, .sink = sink, .err = err};
    switch (discovery.source->bound->selection) {
    case TIDE_KAFKA_ASSIGN:
        return assign_discover(&discovery);
    case TIDE_KAFKA_SUBSCRIBE:
        return subscribe_discover(&discovery);
    default:
        return pattern_discover(&discovery);
    }
}

void
tide_kafka_loss_text(const char *topic, int32_t partition, int64_t wanted, int64_t first,
                     int64_t next, char *out, size_t out_max)
{
    const char *cause = wanted < first
                            ? "the records were deleted by retention before they were read"
                            : "the topic was truncated, or deleted and made anew";
    snprintf(out, out_max,
             "topic '%s' partition %" PRId32 ": offset %" PRId64
             " was to be read but Kafka has %" PRId64 " to %" PRId64
             " (next): %s. To go on from the earliest record there is, set failOnDataLoss: false",
             topic, partition, wanted, first, next, cause);
}

/* Spark's demand on startingOffsets as JSON: it names every partition that is read, and no other.
 */
static int
offsets_check(struct tide_kafka_source *source, struct tide_error *err)
{
    const struct tide_kafka_places *offsets = &source->bound->offsets;
    struct discovery discovery = {.source = source, .err = err};
    const char *asked = NULL;
    for (uint32_t i = 0; i < offsets->n; i++) {
        const struct tide_kafka_place *place = &offsets->items[i];
        if (asked == NULL || strcmp(asked, place->topic) != 0) {
            int code = topic_ask(&discovery, place->topic);
            if (code == TIDE_ERR_UNREACHABLE) {
                return code;
            }
            asked = place->topic;
        }
        if (place->partition >= discovery.n_partitions) {
            return tide_error_set(err, TIDE_ERR_INVALID,
                                  "startingOffsets names topic '%s' partition %" PRId32
                                  ", which does not exist: it must name all partitions that are "
                                  "read and no other",
                                  place->topic, place->partition);
        }
    }
    source->offsets_checked = true;
    return 0;
}

/* The start of a partition before its range is known: an offset, EARLIEST or LATEST. */
static int
wanted_start(struct tide_kafka_source *source, const char *topic, int32_t partition, bool first,
             int64_t *out_wanted, struct tide_error *err)
{
    const struct tide_kafka_source_bound *bound = source->bound;
    const struct tide_kafka_place *place;
    int code;
    *out_wanted =
        bound->starting == TIDE_KAFKA_FROM_LATEST ? TIDE_KAFKA_LATEST : TIDE_KAFKA_EARLIEST;
    if (!first) {
        *out_wanted = TIDE_KAFKA_EARLIEST;
    }
    if (!first || bound->starting != TIDE_KAFKA_FROM_OFFSETS) {
        return 0;
    }
    code = source->offsets_checked ? 0 : offsets_check(source, err);
    if (code != 0) {
        return code;
    }
    place = tide_kafka_places_find(&bound->offsets, topic, partition);
    if (place == NULL) {
        return tide_error_set(
            err, TIDE_ERR_INVALID,
            "startingOffsets does not name topic '%s' partition %" PRId32
            ": it must name all partitions; use -1 for latest and -2 for earliest "
            "if you do not care",
            topic, partition);
    }
    *out_wanted = place->offset;
    return 0;
}

/* A number outside of what there is: lost records. */
static int
start_clamp(struct tide_kafka_source *source, const char *topic, int32_t partition,
            int64_t range[2], int64_t *wanted, struct tide_error *err)
{
    char text[TIDE_ERROR_TEXT_MAX];
    if (*wanted == TIDE_KAFKA_LATEST || *wanted == TIDE_KAFKA_EARLIEST) {
        *wanted = range[*wanted == TIDE_KAFKA_LATEST];
        return 0;
    }
    if (*wanted >= range[0] && *wanted <= range[1]) {
        return 0;
    }
    tide_kafka_loss_text(topic, partition, *wanted, range[0], range[1], text, sizeof(text));
    if (source->bound->fail_on_data_loss) {
        return tide_error_set(err, TIDE_ERR_FATAL, "%s", text);
    }
    source->host->log(source->host, TIDE_SEVERITY_WARN,
                      "%s (it is false: reading from %" PRId64 ")", text, range[0]);
    *wanted = range[0];
    return 0;
}

int
tide_kafka_start(void *shared, const char *split, bool first, void *out, uint32_t *out_n,
                 struct tide_error *err)
{
    struct tide_kafka_source *source = shared;
    const struct tide_kafka_link *link = &source->link;
    char topic[TIDE_KAFKA_TOPIC_MAX + 1];
    int64_t wanted, range[2];
    int32_t partition;
    int code;
    if (!tide_kafka_split_parse(split, topic, &partition) || *out_n < TIDE_KAFKA_OFFSET_BYTES) {
        return tide_error_set(err, TIDE_ERR_INVALID, "'%s' is no partition of a topic", split);
    }
    code = wanted_start(source, topic, partition, first, &wanted, err);
    if (code != 0) {
        return code;
    }
    code =
        link->api->range(link->client, topic, partition, TIDE_KAFKA_ASK_MS, &range[0], &range[1]);
    if (code != 0) {
        return tide_error_set(err, TIDE_ERR_UNREACHABLE, "the offsets of '%s' are not known: %s",
                              split, rd_kafka_err2str(code));
    }
    code = start_clamp(source, topic, partition, range, &wanted, err);
    if (code == 0) {
        tide_kafka_offset_put(wanted, out);
        *out_n = TIDE_KAFKA_OFFSET_BYTES;
    }
    return code;
}

int
tide_kafka_latest(void *shared, const char *const *splits, uint32_t n, struct tide_bytes *out,
                  struct tide_error *err)
{
    struct tide_kafka_source *source = shared;
    const struct tide_host *host = source->host;
    const struct tide_kafka_link *link = &source->link;
    uint8_t *offsets = host->alloc(host, (size_t)n * TIDE_KAFKA_OFFSET_BYTES + 1);
    int code = offsets == NULL ? tide_error_set(err, TIDE_ERR_NOMEM, "no memory for offsets") : 0;
    for (uint32_t i = 0; i < n && code == 0; i++) {
        char topic[TIDE_KAFKA_TOPIC_MAX + 1];
        int64_t first, next;
        int32_t partition;
        if (!tide_kafka_split_parse(splits[i], topic, &partition)) {
            code = tide_error_set(err, TIDE_ERR_INVALID, "'%s' is no partition", splits[i]);
            break;
        }
        code = link->api->range(link->client, topic, partition, TIDE_KAFKA_ASK_MS, &first, &next);
        if (code != 0) {
            code = unreachable(source, code, err);
            break;
        }
        tide_kafka_offset_put(next, offsets + (size_t)i * TIDE_KAFKA_OFFSET_BYTES);
        out[i] = (struct tide_bytes){offsets + (size_t)i * TIDE_KAFKA_OFFSET_BYTES,
                                     TIDE_KAFKA_OFFSET_BYTES};
    }
    if (code != 0) {
        host->free(host, offsets);
        return code;
    }
    host->free(host, source->latest);
    source->latest = offsets;
    return 0;
}

/* The entry of a split, made if absent; @hint is where it probably is. NULL: no memory. */
static struct tide_kafka_position *
lag_entry(struct tide_kafka_source *source, const char *topic, int32_t partition, uint32_t hint)
{
    const struct tide_host *host = source->host;
    struct tide_kafka_lag *lag = &source->lag;
    struct tide_kafka_position *grown;
    char *name;
    for (uint32_t i = 0; i < lag->n; i++) {
        struct tide_kafka_position *position = &lag->positions[(hint + i) % lag->n];
        if (position->partition == partition && strcmp(position->topic, topic) == 0) {
            return position;
        }
    }
    if (lag->n == lag->capacity) {
        uint32_t capacity = lag->capacity == 0 ? 16 : lag->capacity * 2;
        grown = host->alloc(host, capacity * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        if (lag->n > 0) {
            memcpy(grown, lag->positions, lag->n * sizeof(*grown));
        }
        host->free(host, lag->positions);
        lag->positions = grown;
        lag->capacity = capacity;
    }
    name = host->alloc(host, strlen(topic) + 1);
    if (name == NULL) {
        return NULL;
    }
    memcpy(name, topic, strlen(topic));
    lag->positions[lag->n] = (struct tide_kafka_position){name, partition, -1};
    return &lag->positions[lag->n++];
}

int
tide_kafka_committed(void *shared, struct tide_seal seal, const char *const *splits,
                     const struct tide_bytes *offsets, uint32_t n, struct tide_error *err)
{
    struct tide_kafka_source *source = shared;
    struct tide_kafka_lag *lag = &source->lag;
    uint64_t now = source->host->now_mono(source->host);
    int code;
    (void)seal;
    for (uint32_t i = 0; i < n; i++) {
        char topic[TIDE_KAFKA_TOPIC_MAX + 1];
        struct tide_kafka_position *position = NULL;
        int32_t partition;
        if (tide_kafka_split_parse(splits[i], topic, &partition)) {
            position = lag_entry(source, topic, partition, i);
        }
        if (position == NULL) {
            return tide_error_set(err, TIDE_ERR_NOMEM, "no group offset for '%s'", splits[i]);
        }
        position->offset = tide_kafka_offset_get(offsets[i]);
        lag->changed = true;
    }
    if (!lag->changed || (lag->sent_ns != 0 && now - lag->sent_ns < LAG_EVERY_NS)) {
        return 0;
    }
    lag->sent_ns = now;
    lag->changed = false;
    code = source->link.api->commit(source->link.client, lag->positions, lag->n, 0);
    return code == 0 ? 0
                     : tide_error_set(err, TIDE_ERR_UNREACHABLE, "group offsets were not sent: %s",
                                      rd_kafka_err2str(code));
}

void
tide_kafka_lag_end(struct tide_kafka_source *source)
{
    const struct tide_host *host = source->host;
    struct tide_kafka_lag *lag = &source->lag;
    char reason[TIDE_KAFKA_REASON_MAX];
    if (lag->n > 0 && !tide_kafka_link_down(&source->link, reason)) {
        int code =
            source->link.api->commit(source->link.client, lag->positions, lag->n, LAG_END_MS);
        if (code != 0) {
            host->log(host, TIDE_SEVERITY_DEBUG, "the last group offsets were not sent: %s",
                      rd_kafka_err2str(code));
        }
    }
    for (uint32_t i = 0; i < lag->n; i++) {
        host->free(host, (void *)(uintptr_t)lag->positions[i].topic);
    }
    host->free(host, lag->positions);
    *lag = (struct tide_kafka_lag){0};
}
