/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads whom: `from`, `other` and `union` resolved, defaults found, cycles refused.
 *
 * Order: what is written is resolved first; then streams without `from` read the only source; then
 * sinks without `from` read the only stream that nobody else reads. A query's tables are its words
 * behind FROM and JOIN, as far as they name something here; SQL itself is not looked at.
 */
#include "pipeline/format_check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"

#define NAMES_MAX (4 * (TIDE_LIMIT_YAML_KEYS + 1))
#define NAME_BYTES 128

enum color { COLOR_WHITE, COLOR_GREY, COLOR_BLACK };

struct resolver {
    struct tide_reader *reader;
    struct tide_pipeline *pipeline;
    bool *read;     /* by stream: somebody reads it */
    uint8_t *color; /* enum color, by stream */
};

/* Called for each thing that a stream or sink reads. */
typedef void input_fn(struct resolver *resolver, const struct tide_from *from, uint32_t reader);

static bool
find_name(const struct tide_pipeline *pipeline, const char *name, struct tide_from *from)
{
    for (uint32_t i = 0; i < pipeline->source_count; i++) {
        if (strcmp(pipeline->sources[i].name, name) == 0) {
            from->kind = TIDE_FROM_SOURCE;
            from->index = i;
            return true;
        }
    }
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        if (strcmp(pipeline->streams[i].name, name) == 0) {
            from->kind = TIDE_FROM_STREAM;
            from->index = i;
            return true;
        }
    }
    for (uint32_t i = 0; i < pipeline->table_count; i++) {
        if (strcmp(pipeline->tables[i].name, name) == 0) {
            from->kind = TIDE_FROM_TABLE;
            from->index = i;
            return true;
        }
    }
    return false;
}

static const char *
nearest_name(const struct tide_pipeline *pipeline, const char *name)
{
    const char *names[NAMES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < pipeline->source_count && count < NAMES_MAX; i++) {
        names[count++] = pipeline->sources[i].name;
    }
    for (uint32_t i = 0; i < pipeline->stream_count && count < NAMES_MAX; i++) {
        names[count++] = pipeline->streams[i].name;
    }
    for (uint32_t i = 0; i < pipeline->table_count && count < NAMES_MAX; i++) {
        names[count++] = pipeline->tables[i].name;
    }
    return tide_nearest(name, names, count);
}

/* STREAM.OUTPUT */
static bool
find_output(struct resolver *resolver, struct tide_from *from)
{
    char stream[NAME_BYTES];
    const char *dot = strchr(from->text, '.');
    size_t len = dot == NULL ? 0 : (size_t)(dot - from->text);
    if (dot == NULL || len >= sizeof(stream) || dot[1] == '\0') {
        return false;
    }
    memcpy(stream, from->text, len);
    stream[len] = '\0';
    if (!find_name(resolver->pipeline, stream, from) || from->kind != TIDE_FROM_STREAM) {
        from->kind = TIDE_FROM_NONE;
        return false;
    }
    from->kind = TIDE_FROM_OUTPUT;
    from->output = dot + 1;
    return true;
}

static bool
is_sink(const struct tide_pipeline *pipeline, const char *name)
{
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        if (strcmp(pipeline->sinks[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Resolves what is written; @tables: a side table will do. */
static void
resolve(struct resolver *resolver, const struct tide_from *given, bool tables)
{
    struct tide_from *from = (struct tide_from *)(uintptr_t)given;
    struct tide_diags *diags = resolver->reader->diags;
    if (from->node == NULL) {
        return;
    }
    if (find_name(resolver->pipeline, from->text, from)) {
        if (from->kind == TIDE_FROM_TABLE && !tables) {
            from->kind = TIDE_FROM_NONE;
            tide_diags_error(diags, from->node, "'%s' is a table; tables can only be joined",
                             from->text);
        }
        return;
    }
    if (find_output(resolver, from)) {
        return;
    }
    if (is_sink(resolver->pipeline, from->text)) {
        tide_diags_error(diags, from->node, "'%s' is a sink; nothing can be read from it",
                         from->text);
        return;
    }
    const char *near = nearest_name(resolver->pipeline, from->text);
    tide_diags_error(diags, from->node, "there is no source or stream '%s'%s%s%s", from->text,
                     near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                     near != NULL ? "'?" : "");
}

static void
resolve_steps(struct resolver *resolver, const struct tide_steps *steps)
{
    for (uint32_t i = 0; i < steps->count; i++) {
        const struct tide_step_def *step = &steps->items[i];
        if (step->verb == TIDE_VERB_JOIN) {
            resolve(resolver, &step->join.other, true);
        } else if (step->verb == TIDE_VERB_UNION) {
            resolve(resolver, &step->union_with.other, false);
        }
    }
}

/* ---- the words of a query that name streams ---- */

struct words {
    const char *at;
    char word[NAME_BYTES];
};

/* The next word or single character of SQL; quoted text and comments are one character. False: the
 * end. */
static bool
word_next(struct words *words)
{
    const char *p = words->at + strspn(words->at, " \t\r\n");
    size_t len = 1;
    if (*p == '\0') {
        return false;
    }
    if (strncmp(p, "--", 2) == 0) {
        len = strcspn(p, "\n");
    } else if (*p == '\'' || *p == '"') {
        const char *end = strchr(p + 1, *p);
        len = end == NULL ? strlen(p) : (size_t)(end - p) + 1;
    } else if (isalpha((unsigned char)*p) || *p == '_') {
        while (isalnum((unsigned char)p[len]) || p[len] == '_') {
            len++;
        }
    }
    bool word = isalpha((unsigned char)*p) || *p == '_' || len == 1;
    size_t kept = !word ? 0 : len < NAME_BYTES ? len : NAME_BYTES - 1;
    memcpy(words->word, p, kept);
    words->word[kept] = '\0';
    words->at = p + len;
    return true;
}

static bool
ends_from_list(const char *word)
{
    static const char *const ends[] = {"WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT",
                                       "UNION", "ON",    "USING",  "SELECT", ")",     NULL};
    for (size_t i = 0; ends[i] != NULL; i++) {
        if (tide_text_equal_nocase(word, ends[i])) {
            return true;
        }
    }
    return false;
}

static void
query_inputs(struct resolver *resolver, const char *query, input_fn *fn, uint32_t reader)
{
    struct words words = {.at = query};
    bool expected = false; /* a table's name comes next */
    bool list = false;     /* a comma would bring one more */
    while (word_next(&words)) {
        struct tide_from from = {.text = words.word};
        if (expected && find_name(resolver->pipeline, words.word, &from)) {
            fn(resolver, &from, reader);
        }
        bool opens = tide_text_equal_nocase(words.word, "FROM") ||
                     tide_text_equal_nocase(words.word, "JOIN");
        list = (list || opens) && !ends_from_list(words.word);
        expected = opens || (list && strcmp(words.word, ",") == 0);
    }
}

/* ---- all inputs of a stream ---- */

static void
stream_inputs(struct resolver *resolver, uint32_t index, input_fn *fn)
{
    const struct tide_stream_def *stream = &resolver->pipeline->streams[index];
    fn(resolver, &stream->from, index);
    for (uint32_t i = 0; i < stream->union_with.stream_count; i++) {
        fn(resolver, &stream->union_with.streams[i], index);
    }
    for (uint32_t i = 0; i < stream->steps.count; i++) {
        const struct tide_step_def *step = &stream->steps.items[i];
        if (step->verb == TIDE_VERB_JOIN) {
            fn(resolver, &step->join.other, index);
        } else if (step->verb == TIDE_VERB_UNION) {
            fn(resolver, &step->union_with.other, index);
        }
    }
    if (stream->query.text != NULL) {
        query_inputs(resolver, stream->query.text, fn, index);
    }
}

static bool
is_stream(const struct tide_from *from)
{
    return from->kind == TIDE_FROM_STREAM || from->kind == TIDE_FROM_OUTPUT;
}

static void
mark_read(struct resolver *resolver, const struct tide_from *from, uint32_t reader)
{
    if (is_stream(from) && from->index != reader) {
        resolver->read[from->index] = true;
    }
}

/* Depth-first; a grey stream met again closes a cycle. Depth is bounded by the number of streams,
 * which are keys of one map. */
static void
visit(struct resolver *resolver, const struct tide_from *from, uint32_t reader)
{
    const struct tide_pipeline *pipeline = resolver->pipeline;
    if (!is_stream(from) || resolver->color[from->index] == COLOR_BLACK) {
        return;
    }
    const struct tide_stream_def *stream = &pipeline->streams[from->index];
    if (resolver->color[from->index] == COLOR_GREY) {
        const struct tide_stream_def *by = &pipeline->streams[reader];
        const struct tide_node *place = from->node != NULL ? from->node : by->node;
        if (from->index == reader) {
            tide_diags_error(resolver->reader->diags, place, "the stream '%s' reads itself",
                             stream->name);
        } else {
            tide_diags_error(resolver->reader->diags, place,
                             "a cycle: '%s' reads '%s', which reads it in turn", by->name,
                             stream->name);
        }
        return;
    }
    resolver->color[from->index] = COLOR_GREY;
    stream_inputs(resolver, from->index, visit);
    resolver->color[from->index] = COLOR_BLACK;
}

/* ---- defaults ---- */

/* Where a section that stands for itself is: its key, if it has one. */
static const struct tide_node *
place_of(const struct tide_node *node)
{
    return node->key != NULL ? node->key : node;
}

static void
from_source(struct resolver *resolver, struct tide_from *from, const struct tide_node *place)
{
    const struct tide_pipeline *pipeline = resolver->pipeline;
    if (pipeline->source_count == 1) {
        from->kind = TIDE_FROM_SOURCE;
        from->text = pipeline->sources[0].name;
    } else if (pipeline->source_count > 1) {
        tide_diags_error(resolver->reader->diags, place,
                         "'from' is missing: there are %u sources (%s, %s%s)",
                         pipeline->source_count, pipeline->sources[0].name,
                         pipeline->sources[1].name, pipeline->source_count > 2 ? ", ..." : "");
    }
}

static void
default_stream(struct resolver *resolver, struct tide_stream_def *stream)
{
    bool reads_otherwise = stream->query.node != NULL || stream->union_with.node != NULL;
    if (stream->from.node == NULL && !reads_otherwise) {
        from_source(resolver, &stream->from, place_of(stream->node));
    }
}

static void
default_sink(struct resolver *resolver, struct tide_sink_def *sink)
{
    const struct tide_pipeline *pipeline = resolver->pipeline;
    uint32_t open = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        if (!resolver->read[i]) {
            open++;
            last = i;
        }
    }
    if (pipeline->stream_count == 0) {
        from_source(resolver, &sink->from, place_of(sink->node));
    } else if (open == 1) {
        sink->from.kind = TIDE_FROM_STREAM;
        sink->from.index = last;
        sink->from.text = pipeline->streams[last].name;
    } else {
        tide_diags_error(resolver->reader->diags, place_of(sink->node),
                         "'from' is missing in the sink '%s': %s stream is left that nobody else "
                         "reads",
                         sink->name, open == 0 ? "no" : "more than one");
    }
}

/* What nobody reads does nothing: probably a `from` is missing or wrong. */
static void
warn_unread(struct resolver *resolver)
{
    const struct tide_pipeline *pipeline = resolver->pipeline;
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        if (!resolver->read[i]) {
            tide_diags_warn(resolver->reader->diags, place_of(pipeline->streams[i].node),
                            "nobody reads the stream '%s'", pipeline->streams[i].name);
        }
    }
}

static void
resolve_all(struct resolver *resolver)
{
    struct tide_pipeline *pipeline = resolver->pipeline;
    struct tide_stream_def *streams = (struct tide_stream_def *)(uintptr_t)pipeline->streams;
    struct tide_sink_def *sinks = (struct tide_sink_def *)(uintptr_t)pipeline->sinks;
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        resolve(resolver, &streams[i].from, false);
        resolve_steps(resolver, &streams[i].steps);
        for (uint32_t j = 0; j < streams[i].union_with.stream_count; j++) {
            resolve(resolver, &streams[i].union_with.streams[j], false);
        }
        default_stream(resolver, &streams[i]);
    }
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        stream_inputs(resolver, i, mark_read);
    }
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        resolve(resolver, &sinks[i].from, false);
        resolve_steps(resolver, &sinks[i].steps);
        mark_read(resolver, &sinks[i].from, UINT32_MAX);
    }
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        if (sinks[i].from.node == NULL) {
            default_sink(resolver, &sinks[i]);
        }
    }
}

int
tide_pipeline_resolve(struct tide_reader *reader, struct tide_pipeline *pipeline)
{
    struct resolver resolver = {.reader = reader, .pipeline = pipeline};
    uint32_t before = reader->diags->errors;
    resolver.read = tide_doc_alloc(reader->doc, pipeline->stream_count + 1);
    resolver.color = tide_doc_alloc(reader->doc, pipeline->stream_count + 1);
    if (resolver.read == NULL || resolver.color == NULL) {
        return TIDE_ERR_NOMEM;
    }
    resolve_all(&resolver);
    for (uint32_t i = 0; i < pipeline->stream_count; i++) {
        const struct tide_from start = {.kind = TIDE_FROM_STREAM, .index = i};
        visit(&resolver, &start, i);
    }
    for (uint32_t i = 0; i < pipeline->sink_count; i++) {
        mark_read(&resolver, &pipeline->sinks[i].from, UINT32_MAX);
    }
    if (reader->diags->errors == before) {
        warn_unread(&resolver);
    }
    return 0;
}
