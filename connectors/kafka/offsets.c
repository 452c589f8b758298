/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets: a reader of the two small JSON forms, and the bytes of an offset.
 *
 * The reader goes once over the text, without recursion: both forms are two levels deep. Topic
 * names have no character that JSON escapes, so that a backslash is an error. Every error has its
 * byte and shows the form expected, as Spark's message does.
 */
#include "offsets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct reader {
    struct tide_kafka_arena *arena;
    const char *text;
    size_t at;
    bool with_offsets;
    struct tide_kafka_places places;
    uint32_t capacity;
};

static int
reader_error(const struct reader *reader, struct tide_error *err, const char *what)
{
    const char *form = reader->with_offsets
                           ? "{\"topicA\":{\"0\":23,\"1\":-1},\"topicB\":{\"0\":-2}}"
                           : "{\"topicA\":[0,1],\"topicB\":[0,1]}";
    return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)reader->at, "%s; expected e.g. %s",
                             what, form);
}

/* Skips white space; the next character without taking it. */
static char
reader_peek(struct reader *reader)
{
    while (reader->text[reader->at] != '\0' &&
           strchr(" \t\r\n", reader->text[reader->at]) != NULL) {
        reader->at++;
    }
    return reader->text[reader->at];
}

static bool
reader_take(struct reader *reader, char c)
{
    if (reader_peek(reader) != c) {
        return false;
    }
    reader->at++;
    return true;
}

/* A string without escapes; *out points into the text. */
static bool
reader_string(struct reader *reader, const char **out, size_t *out_n)
{
    size_t n;
    if (!reader_take(reader, '"')) {
        return false;
    }
    n = strcspn(reader->text + reader->at, "\"\\\n");
    if (reader->text[reader->at + n] != '"') {
        return false;
    }
    *out = reader->text + reader->at;
    *out_n = n;
    reader->at += n + 1;
    return true;
}

/* Decimal digits with an optional minus, of @n bytes at @text; false when it is none or too big. */
static bool
integer_parse(const char *text, size_t n, int64_t max, int64_t *out)
{
    bool negative = n > 0 && text[0] == '-';
    int64_t value = 0;
    if (n == (negative ? 1 : 0)) {
        return false;
    }
    for (size_t i = negative ? 1 : 0; i < n; i++) {
        int digit = text[i] - '0';
        if (digit < 0 || digit > 9 || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = negative ? -value : value;
    return true;
}

static bool
reader_integer(struct reader *reader, int64_t max, int64_t *out)
{
    size_t n;
    reader_peek(reader);
    n = strspn(reader->text + reader->at, "-0123456789");
    if (!integer_parse(reader->text + reader->at, n, max, out)) {
        return false;
    }
    reader->at += n;
    return true;
}

static int
reader_add(struct reader *reader, const char *topic, int64_t partition, int64_t offset,
           struct tide_error *err)
{
    if (tide_kafka_places_find(&reader->places, topic, (int32_t)partition) != NULL) {
        return reader_error(reader, err, "a partition is named twice");
    }
    if (reader->places.n == reader->capacity) {
        uint32_t more = reader->capacity == 0 ? 16 : reader->capacity * 2;
        struct tide_kafka_place *items =
            tide_kafka_arena_alloc(reader->arena, more * sizeof(*items));
        if (items == NULL) {
            return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for %u partitions", more);
        }
        if (reader->places.n > 0) {
            memcpy(items, reader->places.items, reader->places.n * sizeof(*items));
        }
        reader->places.items = items;
        reader->capacity = more;
    }
    reader->places.items[reader->places.n++] =
        (struct tide_kafka_place){topic, offset, (int32_t)partition};
    return 0;
}

/* One element: `3` in a list of partitions, `"3": 17` in a map of offsets. */
static int
reader_element(struct reader *reader, const char *topic, struct tide_error *err)
{
    int64_t partition, offset = TIDE_KAFKA_LATEST;
    if (reader->with_offsets) {
        const char *digits;
        size_t n;
        if (!reader_string(reader, &digits, &n) ||
            !integer_parse(digits, n, INT32_MAX, &partition)) {
            return reader_error(reader, err, "not a partition number in quotes");
        }
        if (!reader_take(reader, ':') || !reader_integer(reader, INT64_MAX, &offset) ||
            offset < TIDE_KAFKA_EARLIEST) {
            return reader_error(reader, err, "not an offset, -1 (latest) or -2 (earliest)");
        }
    } else if (!reader_integer(reader, INT32_MAX, &partition)) {
        return reader_error(reader, err, "not a partition number");
    }
    if (partition < 0) {
        return reader_error(reader, err, "a partition number is not negative");
    }
    return reader_add(reader, topic, partition, offset, err);
}

static int
reader_topic(struct reader *reader, struct tide_error *err)
{
    char open = reader->with_offsets ? '{' : '[', close = reader->with_offsets ? '}' : ']';
    const char *name;
    char *topic;
    size_t n;
    if (!reader_string(reader, &name, &n) || !tide_kafka_topic_valid(name, (uint32_t)n)) {
        return reader_error(reader, err, "not the name of a topic in quotes");
    }
    if (!reader_take(reader, ':') || !reader_take(reader, open)) {
        return reader_error(reader, err, "the partitions of the topic are missing");
    }
    topic = tide_kafka_arena_text(reader->arena, name, n);
    if (topic == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a topic's name");
    }
    do {
        int code = reader_element(reader, topic, err);
        if (code != 0) {
            return code;
        }
    } while (reader_take(reader, ','));
    return reader_take(reader, close) ? 0
                                      : reader_error(reader, err, "the partitions do not end here");
}

static int
places_parse(struct tide_kafka_arena *arena, const char *json, bool with_offsets,
             struct tide_kafka_places *out_places, struct tide_error *err)
{
    struct reader reader = {.arena = arena, .text = json, .with_offsets = with_offsets};
    if (!reader_take(&reader, '{')) {
        return reader_error(&reader, err, "not a JSON object");
    }
    do {
        int code = reader_topic(&reader, err);
        if (code != 0) {
            return code;
        }
    } while (reader_take(&reader, ','));
    if (!reader_take(&reader, '}') || reader_peek(&reader) != '\0') {
        return reader_error(&reader, err, "the JSON object does not end here");
    }
    *out_places = reader.places;
    return 0;
}

int
tide_kafka_parse_partitions(struct tide_kafka_arena *arena, const char *json,
                            struct tide_kafka_places *out_places, struct tide_error *err)
{
    return places_parse(arena, json, false, out_places, err);
}

int
tide_kafka_parse_offsets(struct tide_kafka_arena *arena, const char *json,
                         struct tide_kafka_places *out_places, struct tide_error *err)
{
    return places_parse(arena, json, true, out_places, err);
}

const struct tide_kafka_place *
tide_kafka_places_find(const struct tide_kafka_places *places, const char *topic, int32_t partition)
{
    for (uint32_t i = 0; i < places->n; i++) {
        const struct tide_kafka_place *place = &places->items[i];
        if (place->partition == partition && strcmp(place->topic, topic) == 0) {
            return place;
        }
    }
    return NULL;
}

bool
tide_kafka_topic_valid(const char *name, uint32_t n)
{
    if (n == 0 || n > TIDE_KAFKA_TOPIC_MAX || (n == 1 && name[0] == '.') ||
        (n == 2 && name[0] == '.' && name[1] == '.')) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

bool
tide_kafka_split_parse(const char *split, char out_topic[TIDE_KAFKA_TOPIC_MAX + 1],
                       int32_t *out_partition)
{
    const char *dash = strrchr(split, '-');
    int64_t partition;
    if (dash == NULL || !tide_kafka_topic_valid(split, (uint32_t)(dash - split)) ||
        !integer_parse(dash + 1, strlen(dash + 1), INT32_MAX, &partition) || partition < 0) {
        return false;
    }
    memcpy(out_topic, split, (size_t)(dash - split));
    out_topic[dash - split] = '\0';
    *out_partition = (int32_t)partition;
    return true;
}

void
tide_kafka_offset_put(int64_t offset, void *out)
{
    uint8_t *bytes = out;
    for (unsigned i = 0; i < TIDE_KAFKA_OFFSET_BYTES; i++) {
        bytes[i] = (uint8_t)((uint64_t)offset >> (8 * i));
    }
}

int64_t
tide_kafka_offset_get(struct tide_bytes bytes)
{
    const uint8_t *p = bytes.p;
    uint64_t value = 0;
    if (bytes.n != TIDE_KAFKA_OFFSET_BYTES) {
        return -1;
    }
    for (unsigned i = 0; i < TIDE_KAFKA_OFFSET_BYTES; i++) {
        value |= (uint64_t)p[i] << (8 * i);
    }
    return (int64_t)value;
}

int
tide_kafka_offset_text(struct tide_bytes offset, char *out, uint32_t out_max)
{
    return snprintf(out, out_max, "%" PRId64, tide_kafka_offset_get(offset));
}
