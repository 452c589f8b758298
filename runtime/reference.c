/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of this build as reference pages: see tide_list() in <tidemark/tidemark.h>.
 *
 * Nothing here knows a connector, a function or a counter: each page walks the table that the
 * engine itself uses, so that the reference cannot differ from what runs. A page is made of entries
 * (a name, a few facts, a sentence) which are written as text, as rows of a Markdown table, or as
 * JSON lines. Options and the pipeline format have writers of their own, beside their tables.
 *
 * Threads: any; nothing is kept between calls.
 */
#include <tidemark/tidemark.h>

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/counters.h"
#include "base/text.h"
#include "codec/json_out.h"
#include "embed.h"
#include "pipeline/reference.h"
#include "pipeline/schema_json.h"
#include "plugin/options.h"
#include "sql/sql.h"

#define PAGE_BYTES_MAX (16u << 20) /* all options of all kinds as JSON are a hundredth of it */
#define ENTRY_NAMES_MAX 4096u      /* names to compare a misspelt one with; more are not compared */
#define ENTRY_FACTS_MAX 2u

enum form { FORM_TEXT, FORM_MARKDOWN, FORM_JSON, FORM_JSONSCHEMA, FORM_COUNT };

static const char *const form_names[] = {"text", "markdown", "json", "jsonschema"};

/* A page being written. */
struct page {
    const struct what *what;
    const struct tide_registry *registry;
    struct tide_buf *out;
    enum form form;
    const char *name; /* the one entry that is asked for, NULL: all */
    uint32_t shown;   /* entries written */
    const char *names[ENTRY_NAMES_MAX];
    uint32_t n_names;
    int rc; /* of the first write that failed */
};

/* One entry. */
struct entry {
    const char *name;
    const char *title; /* in place of the name for people; NULL: the name */
    const char *facts[ENTRY_FACTS_MAX];
    const char *doc;
};

/* What can be listed, and what its facts are called. */
struct what {
    const char *name;
    const char *keys[ENTRY_FACTS_MAX];    /* of the JSON lines */
    const char *columns[ENTRY_FACTS_MAX]; /* of the Markdown table */
    const char *words[ENTRY_FACTS_MAX];   /* before the fact, in text */
    void (*write)(struct page *page);
};

#define SAY(page, ...) \
    ((page)->rc = (page)->rc != 0 ? (page)->rc : tide_buf_printf((page)->out, __VA_ARGS__))

/* Whether the entry called @name is wanted; remembers the name for the message if none is. */
static bool
wanted(struct page *page, const char *name)
{
    if (page->n_names < ENTRY_NAMES_MAX) {
        page->names[page->n_names++] = name;
    }
    return page->name == NULL || tide_text_equal_nocase(page->name, name);
}

/* ---- entries in three forms ---- */

static void
text_entry(struct page *page, const struct entry *entry)
{
    SAY(page, "%s", entry->title != NULL ? entry->title : entry->name);
    const char *before = " (";
    for (uint32_t i = 0; i < ENTRY_FACTS_MAX && entry->facts[i] != NULL; i++) {
        SAY(page, "%s%s%s", before, page->what->words[i], entry->facts[i]);
        before = ", ";
    }
    SAY(page, "%s\n    %s\n", entry->facts[0] != NULL ? ")" : "", entry->doc);
}

static void
markdown_cell(struct page *page, const char *text)
{
    for (; *text != 0; text++) {
        SAY(page, *text == '|' ? "\\%c" : "%c", *text == '\n' ? ' ' : *text);
    }
}

static void
markdown_head(struct page *page)
{
    uint32_t n = 0;
    SAY(page, "| name |");
    for (; n < ENTRY_FACTS_MAX && page->what->columns[n] != NULL; n++) {
        SAY(page, " %s |", page->what->columns[n]);
    }
    SAY(page, " meaning |\n| --- |");
    for (uint32_t i = 0; i < n; i++) {
        SAY(page, " --- |");
    }
    SAY(page, " --- |\n");
}

static void
markdown_entry(struct page *page, const struct entry *entry)
{
    if (page->shown == 0) {
        markdown_head(page);
    }
    SAY(page, "| `");
    markdown_cell(page, entry->title != NULL ? entry->title : entry->name);
    SAY(page, "` |");
    for (uint32_t i = 0; i < ENTRY_FACTS_MAX && page->what->columns[i] != NULL; i++) {
        SAY(page, " ");
        markdown_cell(page, entry->facts[i] != NULL ? entry->facts[i] : "");
        SAY(page, " |");
    }
    SAY(page, " ");
    markdown_cell(page, entry->doc);
    SAY(page, " |\n");
}

static void
json_line(struct tide_chars *chars, const struct what *what, const struct entry *entry)
{
    struct tide_json_out out;
    tide_json_out_init(&out, chars, false);
    tide_json_out_begin_object(&out);
    tide_json_out_key(&out, "name");
    tide_json_out_text(&out, entry->name);
    if (entry->title != NULL) {
        tide_json_out_key(&out, "usage");
        tide_json_out_text(&out, entry->title);
    }
    for (uint32_t i = 0; i < ENTRY_FACTS_MAX && entry->facts[i] != NULL; i++) {
        tide_json_out_key(&out, what->keys[i]);
        tide_json_out_text(&out, entry->facts[i]);
    }
    tide_json_out_key(&out, "doc");
    tide_json_out_text(&out, entry->doc);
    tide_json_out_end_object(&out);
    tide_chars_byte(chars, '\n');
}

/* Written twice: to measure, and into the room that was found to be needed. */
static void
json_entry(struct page *page, const struct entry *entry)
{
    struct tide_chars measure = {.p = NULL};
    uint8_t *room = NULL;
    json_line(&measure, page->what, entry);
    page->rc = page->rc != 0 ? page->rc : tide_buf_reserve(page->out, measure.n, &room);
    if (page->rc == 0) {
        struct tide_chars chars = {.p = (char *)room, .max = measure.n};
        json_line(&chars, page->what, entry);
        TIDE_ASSERT(chars.n == measure.n);
        page->out->len += chars.n;
    }
}

static void
put_entry(struct page *page, const struct entry *entry)
{
    static void (*const writers[])(struct page *, const struct entry *) = {
        [FORM_TEXT] = text_entry, [FORM_MARKDOWN] = markdown_entry, [FORM_JSON] = json_entry};
    if (wanted(page, entry->name)) {
        writers[page->form](page, entry);
        page->shown++;
    }
}

/* ---- kinds and their options ---- */

static void
put_options(struct page *page, const struct tide_kind *kind)
{
    static const enum tide_options_form forms[] = {[FORM_TEXT] = TIDE_OPTIONS_TEXT,
                                                   [FORM_MARKDOWN] = TIDE_OPTIONS_MARKDOWN,
                                                   [FORM_JSON] = TIDE_OPTIONS_JSON};
    if (page->shown++ > 0 && page->form != FORM_JSON) {
        SAY(page, "\n");
    }
    page->rc =
        page->rc != 0 ? page->rc : tide_options_reference(kind, forms[page->form], page->out);
}

static void
write_type_options(struct page *page, uint32_t type)
{
    const struct tide_registered *it = NULL;
    while ((it = tide_registry_next(page->registry, type, it)) != NULL) {
        if (wanted(page, it->kind->name)) {
            put_options(page, it->kind);
        }
    }
}

static void
write_options(struct page *page)
{
    for (uint32_t type = 0; type < TIDE_KIND_COUNT; type++) {
        write_type_options(page, type);
    }
}

static void
write_type(struct page *page, uint32_t type)
{
    const struct tide_registered *it = NULL;
    if (page->name != NULL) {
        write_type_options(page, type);
        return;
    }
    while ((it = tide_registry_next(page->registry, type, it)) != NULL) {
        const char *fact = type == TIDE_KIND_OPERATOR ? NULL : tide_kind_type_name(type);
        const char *doc = it->kind->doc != NULL ? it->kind->doc : "";
        put_entry(page, &(struct entry){.name = it->kind->name, .facts = {fact}, .doc = doc});
    }
}

static void
write_connectors(struct page *page)
{
    write_type(page, TIDE_KIND_SOURCE);
    write_type(page, TIDE_KIND_SINK);
}

static void
write_operators(struct page *page)
{
    write_type(page, TIDE_KIND_OPERATOR);
}

/* ---- functions, counters, errors ---- */

static void
write_functions(struct page *page)
{
    struct tide_sql_function fn;
    for (uint32_t i = 0; tide_sql_function_at(i, &fn); i++) {
        put_entry(page, &(struct entry){.name = fn.name,
                                        .title = fn.usage,
                                        .facts = {fn.since},
                                        .doc = fn.doc != NULL ? fn.doc : ""});
    }
}

static void
write_counters(struct page *page)
{
    for (int id = 0; id < TIDE_COUNTER_COUNT; id++) {
        const struct tide_counter_info *info = tide_counter_info((enum tide_counter)id);
        const char *kind = info->kind == TIDE_COUNTER_KIND_GAUGE ? "gauge" : "counter";
        put_entry(page, &(struct entry){
                            .name = info->name, .facts = {kind, info->unit}, .doc = info->help});
    }
}

/* At index -code. If a code is added, add its sentence; <tidemark/error.h> has the same. */
static const char *const error_docs[] = {
    [-TIDE_ERR_INVALID] = "bad pipeline, option, argument or schema",
    [-TIDE_ERR_UNSUPPORTED] = "understood, but not in this version",
    [-TIDE_ERR_NOMEM] = "the accounted budget or the system is out of memory",
    [-TIDE_ERR_IO] = "an input or output operation failed",
    [-TIDE_ERR_SYNC] = "a sync of durable storage failed; it is never tried again",
    [-TIDE_ERR_CORRUPT] = "the write-ahead log or the checkpoint is damaged",
    [-TIDE_ERR_FENCED] = "another incarnation owns the checkpoint",
    [-TIDE_ERR_CHECKPOINT] = "the checkpoint belongs to another pipeline",
    [-TIDE_ERR_DEADLINE] = "an epoch missed its deadline too often",
    [-TIDE_ERR_PLUGIN] = "a plugin was refused: its ABI, its hash or its metadata",
    [-TIDE_ERR_UNREACHABLE] = "a peer does not answer; a running pipeline waits for it",
    [-TIDE_ERR_RECORD] = "one record cannot be processed: it goes where onError says",
    [-TIDE_ERR_NOSPACE] = "no space is left; a running pipeline waits for some",
    [-TIDE_ERR_NOTFOUND] = "a named thing does not exist; a running pipeline waits for it",
    [-TIDE_ERR_LIMIT] = "a limit of the engine or of the pipeline was reached",
    [-TIDE_ERR_FATAL] = "any other failure while running",
};

static void
write_errors(struct page *page)
{
    static const char *const dispositions[] = {
        [TIDE_DISPOSITION_RETRY] = "try again",
        [TIDE_DISPOSITION_WAIT] = "wait",
        [TIDE_DISPOSITION_REJECT] = "reject the record",
        [TIDE_DISPOSITION_ABORT_EPOCH] = "restart from the last commit",
        [TIDE_DISPOSITION_FATAL] = "end the pipeline",
    };
    for (int code = TIDE_ERR_INVALID; code >= TIDE_ERR_FATAL; code--) {
        char exit_code[16];
        snprintf(exit_code, sizeof(exit_code), "%d", tide_error_exit_code(code));
        put_entry(page,
                  &(struct entry){.name = tide_error_name(code),
                                  .facts = {exit_code, dispositions[tide_error_disposition(code)]},
                                  .doc = error_docs[-code]});
    }
}

/* ---- the format of pipelines ---- */

static void
write_schema(struct page *page)
{
    page->rc = page->form == FORM_MARKDOWN ? tide_reference_write(page->out)
                                           : tide_schema_json_write(page->out);
    page->shown = 1;
}

/* ---- what can be listed ---- */

static const struct what whats[] = {
    {"connectors", {"kind"}, {"kind"}, {""}, write_connectors},
    {"operators", {NULL}, {NULL}, {NULL}, write_operators},
    {"functions", {"since"}, {"since Spark"}, {"since "}, write_functions},
    {"options", {NULL}, {NULL}, {NULL}, write_options},
    {"schema", {NULL}, {NULL}, {NULL}, write_schema},
    {"counters", {"kind", "unit"}, {"kind", "unit"}, {"", ""}, write_counters},
    {"errors", {"exitCode", "then"}, {"exit code", "then"}, {"exit code ", ""}, write_errors},
};

#define WHATS (sizeof(whats) / sizeof(whats[0]))

static int
find_what(const char *text, const struct what **out_what, struct tide_error *err)
{
    const char *names[WHATS];
    for (size_t i = 0; i < WHATS; i++) {
        names[i] = whats[i].name;
        if (strcmp(text, whats[i].name) == 0) {
            *out_what = &whats[i];
            return 0;
        }
    }
    const char *near = tide_nearest(text, names, WHATS);
    return tide_error_set(err, TIDE_ERR_INVALID,
                          "'%s' cannot be listed%s%s%s connectors, operators, functions, options, "
                          "schema, counters and errors can",
                          text, near != NULL ? " (did you mean '" : "", near != NULL ? near : "",
                          near != NULL ? "'?);" : ";");
}

static int
find_form(const struct what *what, const char *text, enum form *out_form, struct tide_error *err)
{
    for (int form = 0; form < FORM_COUNT; form++) {
        if (strcmp(text, form_names[form]) == 0 &&
            (form != FORM_JSONSCHEMA || what->write == write_schema)) {
            *out_form = (enum form)form;
            return 0;
        }
    }
    return tide_error_set(err, TIDE_ERR_INVALID,
                          "there is no form '%s' of %s; text, markdown and json are%s", text,
                          what->name, what->write == write_schema ? ", and jsonschema" : "");
}

static int
nothing_shown(const struct page *page, struct tide_error *err)
{
    const char *near = tide_nearest(page->name, page->names, page->n_names);
    return tide_error_set(err, TIDE_ERR_INVALID, "there is no '%s' among the %s%s%s%s", page->name,
                          page->what->name, near != NULL ? ": did you mean '" : "",
                          near != NULL ? near : "", near != NULL ? "'?" : "");
}

int
tide_list(const char *what, const char *name, const char *form, tide_text_fn *fn, void *ctx,
          struct tide_error *err)
{
    const struct tide_seam *seam = tide_seam_real();
    struct tide_registry *registry = NULL;
    struct tide_buf out;
    struct page page = {.out = &out, .name = name};
    int rc = find_what(what, &page.what, err);
    rc = rc != 0 ? rc : find_form(page.what, form, &page.form, err);
    rc = rc != 0 ? rc : tide_registry_built_in(seam, NULL, &registry, err);
    if (rc != 0) {
        return rc;
    }
    tide_buf_init(&out, seam, PAGE_BYTES_MAX);
    page.registry = registry;
    page.what->write(&page);
    if (page.rc != 0) {
        rc = tide_error_set(err, page.rc, "the list of %s cannot be written", page.what->name);
    } else if (page.shown == 0 && name != NULL) {
        rc = nothing_shown(&page, err);
    } else {
        rc = fn(ctx, (const char *)out.data, out.len);
        rc = rc < 0 ? tide_error_set(err, rc, "the output takes no more") : 0;
    }
    tide_buf_fini(&out);
    tide_registry_destroy(registry);
    return rc;
}
