/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: parsing and checking what the user gave against a kind's table.
 *
 * One struct value a row of the table, in the table's order. Every given key is matched with a row
 * (or a PREFIX row), every row is parsed from its given text or its default by the parser of its
 * type, and each error is a finding; nothing stops at the first.
 *
 * Threads: see options.h. Invariant: a value without an error has the form its type promises, so
 * that the accessors cannot fail.
 */
#include "plugin/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"

/* A row of the table with its value. */
struct value {
    const struct tide_option *row;
    const struct tide_given *given; /* NULL: the default, or absent */
    const char *text;               /* ENUM: as the table spells it; FILE: the path found */
    char *owned;                    /* what @text points to when it was made here */
    int64_t i64;
    double f64;
    const char *const *items;
    const char *item; /* LIST: what @items points to when one text was given */
    uint32_t n_items;
};

/* The place of the last tide_options_error; apart, because the options are const by then. */
struct blame {
    const struct tide_given *given;
    int32_t item, at;
    bool made;
};

struct tide_options {
    const struct tide_seam *seam;
    struct tide_options_config config; /* of the creation only: given and folder are used later */
    struct tide_given *given;
    struct value *values;
    uint32_t n_values;
    struct blame *blame;
    uint32_t findings;
    struct tide_error *err; /* while creating: takes the first finding */
};

/* ---- findings ---- */

__attribute__((format(printf, 3, 4))) static void
finding_add(struct tide_options *options, struct tide_option_finding finding, const char *format,
            ...)
{
    char text[TIDE_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (finding.code == 0) {
        finding.code = TIDE_ERR_INVALID;
    }
    finding.text = text;
    if (options->findings++ == 0) {
        tide_error_set_at(options->err, finding.code, finding.at, "%s: %s", options->config.owner,
                          text);
    }
    if (options->config.report != NULL) {
        options->config.report(options->config.report_ctx, &finding);
    }
}

static struct tide_option_finding
at_name(const struct tide_given *given)
{
    return (struct tide_option_finding){
        .given = given, .on_name = given != NULL, .item = -1, .at = -1};
}

static struct tide_option_finding
at_value(const struct tide_given *given, int32_t at)
{
    return (struct tide_option_finding){.given = given, .item = -1, .at = at};
}

/* ---- names ---- */

static struct value *
value_find(const struct tide_options *options, const char *name)
{
    for (uint32_t i = 0; i < options->n_values; i++) {
        if (tide_text_equal_nocase(options->values[i].row->name, name)) {
            return &options->values[i];
        }
    }
    return NULL;
}

static bool
starts_nocase(const char *text, const char *prefix)
{
    for (; *prefix != 0; text++, prefix++) {
        char one[2] = {*text, 0}, other[2] = {*prefix, 0};
        if (*text == 0 || !tide_text_equal_nocase(one, other)) {
            return false;
        }
    }
    return true;
}

/* Whether @name is a key of the PREFIX row @row and no option of its own. */
static bool
belongs_to(const struct tide_options *options, const struct tide_option *row, const char *name)
{
    return starts_nocase(name, row->name) && name[strlen(row->name)] != 0 &&
           value_find(options, name) == NULL;
}

static bool
has_prefix_row(const struct tide_options *options, const char *name)
{
    for (uint32_t i = 0; i < options->n_values; i++) {
        const struct tide_option *row = options->values[i].row;
        if (row->type == TIDE_OPTION_PREFIX && belongs_to(options, row, name)) {
            return true;
        }
    }
    return false;
}

/* "a, b, kafka.*" into @out, cut with "..." where it does not fit. */
static void
names_list(const struct tide_options *options, char *out, size_t size)
{
    size_t len = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < options->n_values; i++) {
        const struct tide_option *row = options->values[i].row;
        int n = snprintf(out + len, size - len, "%s%s%s", i > 0 ? ", " : "", row->name,
                         row->type == TIDE_OPTION_PREFIX ? "*" : "");
        if (n < 0 || (size_t)n >= size - len) {
            snprintf(out + (size > 4 ? size - 4 : 0), 4, "...");
            return;
        }
        len += (size_t)n;
    }
}

static void
unknown_report(struct tide_options *options, const struct tide_given *given)
{
    const char *names[TIDE_LIMIT_OPTIONS];
    char allowed[640];
    for (uint32_t i = 0; i < options->n_values; i++) {
        names[i] = options->values[i].row->name;
    }
    if (options->n_values == 0) {
        finding_add(options, at_name(given), "unknown option '%s': there are no options",
                    given->name);
        return;
    }
    names_list(options, allowed, sizeof(allowed));
    const char *nearest = tide_nearest(given->name, names, options->n_values);
    finding_add(options, at_name(given), "unknown option '%s'%s%s%s; allowed: %s", given->name,
                nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                nearest != NULL ? "'?" : "", allowed);
}

/* Gives each key to its row; unknown keys and repeats are findings. */
static void
keys_match(struct tide_options *options)
{
    for (uint32_t i = 0; i < options->config.n_given; i++) {
        const struct tide_given *given = &options->given[i];
        struct value *value = value_find(options, given->name);
        bool repeated = false;
        for (uint32_t j = 0; j < i && !repeated; j++) {
            repeated = tide_text_equal_nocase(options->given[j].name, given->name);
        }
        if (repeated) {
            finding_add(options, at_name(given), "option '%s' is given twice", given->name);
        } else if (value != NULL && value->row->type != TIDE_OPTION_PREFIX) {
            value->given = given;
        } else if (!has_prefix_row(options, given->name)) {
            unknown_report(options, given);
        }
    }
}

/* ---- values ---- */

/* What a number of bytes or nanoseconds looks like in a message, in its largest whole unit. */
static const char *
amount_text(uint32_t type, int64_t amount, char out[32])
{
    static const struct {
        int64_t per;
        const char *unit;
    } sizes[] = {{1ll << 40, "TiB"},
                 {1 << 30, "GiB"},
                 {1 << 20, "MiB"},
                 {1 << 10, "KiB"},
                 {1, " bytes"}},
      times[] = {{3600000000000ll, " h"}, {60000000000ll, " min"}, {1000000000, " s"},
                 {1000000, " ms"},        {1000, " us"},           {1, " ns"}};
    const size_t n =
        type == TIDE_OPTION_SIZE ? sizeof(sizes) / sizeof(*sizes) : sizeof(times) / sizeof(*times);
    for (size_t i = 0; i < n; i++) {
        int64_t per = type == TIDE_OPTION_SIZE ? sizes[i].per : times[i].per;
        const char *unit = type == TIDE_OPTION_SIZE ? sizes[i].unit : times[i].unit;
        if (type != TIDE_OPTION_INT && (amount % per == 0 || per == 1) &&
            (amount >= per || per == 1)) {
            snprintf(out, 32, "%lld%s", (long long)(amount / per), unit);
            return out;
        }
    }
    snprintf(out, 32, "%lld", (long long)amount);
    return out;
}

static int
range_check(const struct tide_option *row, int64_t amount, struct tide_error *err)
{
    char low[32], high[32];
    if ((row->min == 0 && row->max == 0) || (amount >= row->min && amount <= row->max)) {
        return 0;
    }
    amount_text(row->type, row->min, low);
    amount_text(row->type, row->max, high);
    return row->max == INT64_MAX
               ? tide_error_set(err, TIDE_ERR_INVALID, "must be at least %s", low)
               : tide_error_set(err, TIDE_ERR_INVALID, "must be from %s to %s", low, high);
}

static int
amount_parse(struct value *value, const char *text, struct tide_error *err)
{
    uint64_t amount = 0;
    int64_t number = 0;
    int rc;
    switch (value->row->type) {
    case TIDE_OPTION_INT:
        rc = tide_parse_i64(text, &number, err);
        break;
    case TIDE_OPTION_SIZE:
        rc = tide_parse_size(text, &amount, err);
        break;
    default:
        rc = tide_parse_duration_ns(text, &amount, err);
    }
    if (rc != 0) {
        return rc;
    }
    if (value->row->type != TIDE_OPTION_INT) {
        if (amount > INT64_MAX) {
            return tide_error_set(err, TIDE_ERR_INVALID, "is too large");
        }
        number = (int64_t)amount;
    }
    rc = range_check(value->row, number, err);
    if (rc == 0) {
        value->i64 = number;
    }
    return rc;
}

static int
enum_parse(struct tide_options *options, struct value *value, const char *text,
           struct tide_error *err)
{
    const char *choice = value->row->choices;
    TIDE_ASSERT(choice != NULL);
    while (*choice != 0) {
        size_t len = strcspn(choice, "|");
        char *copy = tide_alloc(options->seam, len + 1);
        if (copy == NULL) {
            return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory");
        }
        memcpy(copy, choice, len);
        if (tide_text_equal_nocase(copy, text)) {
            value->owned = copy;
            value->text = copy;
            return 0;
        }
        tide_free(options->seam, copy);
        choice += len + (choice[len] == '|');
    }
    return tide_error_set(err, TIDE_ERR_INVALID, "must be one of %s", value->row->choices);
}

/* Whether @path can be read as a file or folder. */
static bool
path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* "file:///x" gives "/x"; another scheme is an error. */
static int
path_strip(const char *text, const char **out_path, struct tide_error *err)
{
    const char *scheme = strstr(text, "://");
    if (scheme == NULL) {
        *out_path = text;
        return 0;
    }
    if (tide_text_starts(text, "file:///")) {
        *out_path = text + strlen("file://");
        return 0;
    }
    return tide_error_set(err, TIDE_ERR_INVALID,
                          "scheme '%.*s' is not supported; use a path or file:///path",
                          (int)(scheme - text), text);
}

static int
file_parse(struct tide_options *options, struct value *value, const char *text,
           struct tide_error *err)
{
    const char *path = NULL, *folder = options->config.folder;
    int rc = path_strip(text, &path, err);
    if (rc != 0) {
        return rc;
    }
    if (*path == 0) {
        return tide_error_set(err, TIDE_ERR_INVALID, "is empty; it must name a file");
    }
    if (path_exists(path)) {
        value->text = path;
        return 0;
    }
    if (path[0] == '/' || folder == NULL) {
        return tide_error_set(err, TIDE_ERR_INVALID, "no file '%s': %s", path, strerror(errno));
    }
    size_t size = strlen(folder) + strlen(path) + 2;
    value->owned = tide_alloc(options->seam, size);
    if (value->owned == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory");
    }
    snprintf(value->owned, size, "%s/%s", folder, path);
    value->text = value->owned;
    return path_exists(value->owned)
               ? 0
               : tide_error_set(
                     err, TIDE_ERR_INVALID,
                     "no file '%s' in the working directory or in the plugin's folder '%s'", path,
                     folder);
}

static int
bool_parse(struct value *value, const char *text, struct tide_error *err)
{
    bool truth = false;
    int rc = tide_parse_bool(text, &truth, err);
    value->i64 = truth;
    return rc;
}

/* Parses @text into @value by the row's type; @err without the option's name. */
static int
text_parse(struct tide_options *options, struct value *value, const char *text,
           struct tide_error *err)
{
    value->text = text;
    switch ((enum tide_option_type)value->row->type) {
    case TIDE_OPTION_INT:
    case TIDE_OPTION_SIZE:
    case TIDE_OPTION_DURATION:
        return amount_parse(value, text, err);
    case TIDE_OPTION_DOUBLE:
        return tide_parse_double(text, &value->f64, err);
    case TIDE_OPTION_RATE:
        return tide_parse_rate(text, &value->f64, err);
    case TIDE_OPTION_BOOL:
        return bool_parse(value, text, err);
    case TIDE_OPTION_ENUM:
        return enum_parse(options, value, text, err);
    case TIDE_OPTION_FILE:
        return file_parse(options, value, text, err);
    case TIDE_OPTION_LIST:
        value->item = text;
        value->items = &value->item;
        value->n_items = 1;
        return 0;
    case TIDE_OPTION_STRING:
    case TIDE_OPTION_PREFIX:
        return 0;
    }
    TIDE_UNREACHABLE("option type");
}

/* The row's own default; one that its own table refuses is the plugin's fault. */
static void
fallback_parse(struct tide_options *options, struct value *value)
{
    struct tide_error err = {0};
    if (value->row->fallback == NULL ||
        text_parse(options, value, value->row->fallback, &err) == 0) {
        return;
    }
    struct tide_option_finding finding = at_name(NULL);
    finding.code = value->row->type == TIDE_OPTION_FILE ? TIDE_ERR_INVALID : TIDE_ERR_PLUGIN;
    finding_add(options, finding, "option '%s': its default %s", value->row->name, err.text);
}

static void
given_parse(struct tide_options *options, struct value *value)
{
    const struct tide_given *given = value->given;
    struct tide_error err = {.at = -1};
    if (given->is_list && value->row->type == TIDE_OPTION_LIST) {
        value->text = given->value;
        value->items = given->items;
        value->n_items = given->n_items;
    } else if (given->is_list) {
        finding_add(options, at_value(given, -1), "option '%s' takes one value, not a list",
                    given->name);
    } else if (text_parse(options, value, given->value, &err) != 0) {
        bool secret = given->secret || (value->row->flags & TIDE_OPTION_SECRET) != 0;
        finding_add(options, at_value(given, secret ? -1 : err.at), "option '%s': %s", given->name,
                    secret ? "the value (not shown: it is secret) has the wrong form" : err.text);
    }
}

static void
values_parse(struct tide_options *options)
{
    for (uint32_t i = 0; i < options->n_values; i++) {
        struct value *value = &options->values[i];
        if (value->given != NULL) {
            given_parse(options, value);
        } else if ((value->row->flags & TIDE_OPTION_REQUIRED) != 0) {
            finding_add(options, at_name(NULL), "option '%s' is missing: %s", value->row->name,
                        value->row->doc != NULL ? value->row->doc : "it is required");
        } else if (value->row->type != TIDE_OPTION_PREFIX) {
            fallback_parse(options, value);
        }
    }
}

/* ---- life ---- */

static int
options_fill(struct tide_options *options, const struct tide_options_config *config)
{
    uint32_t n = 0;
    while (config->table != NULL && config->table[n].name != NULL) {
        n++;
    }
    TIDE_ASSERT(n <= TIDE_LIMIT_OPTIONS);
    options->blame = tide_alloc(options->seam, sizeof(*options->blame));
    options->values = tide_alloc(options->seam, (n + 1) * sizeof(*options->values));
    options->given = tide_alloc(options->seam, (config->n_given + 1) * sizeof(*options->given));
    if (options->blame == NULL || options->values == NULL || options->given == NULL) {
        return TIDE_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        options->values[i].row = &config->table[i];
    }
    options->n_values = n;
    if (config->n_given > 0) {
        memcpy(options->given, config->given, config->n_given * sizeof(*options->given));
    }
    return 0;
}

int
tide_options_create(const struct tide_options_config *config, struct tide_options **out_options,
                    struct tide_error *err)
{
    struct tide_error first = {0};
    struct tide_options *options = tide_alloc(config->seam, sizeof(*options));
    if (options == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for the options of %s",
                              config->owner);
    }
    options->seam = config->seam;
    options->config = *config;
    options->err = &first;
    if (options_fill(options, config) != 0) {
        tide_options_destroy(options);
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for the options of %s",
                              config->owner);
    }
    keys_match(options);
    values_parse(options);
    options->err = NULL;
    if (options->findings > 0) {
        tide_options_destroy(options);
        if (err != NULL) {
            *err = first;
        }
        return first.code;
    }
    *out_options = options;
    return 0;
}

void
tide_options_destroy(struct tide_options *options)
{
    if (options == NULL) {
        return;
    }
    for (uint32_t i = 0; i < options->n_values; i++) {
        tide_free(options->seam, options->values[i].owned);
    }
    tide_free(options->seam, options->values);
    tide_free(options->seam, options->given);
    tide_free(options->seam, options->blame);
    tide_free(options->seam, options);
}

/* ---- accessors ---- */

/* The row @name, which must be of one of the types in the bit set @types. */
static const struct value *
value_get(const struct tide_options *options, const char *name, uint32_t types)
{
    const struct value *value = value_find(options, name);
    TIDE_ASSERT(value != NULL);
    TIDE_ASSERT((types >> value->row->type) & 1);
    return value;
}

bool
tide_options_set(const struct tide_options *options, const char *name)
{
    return value_get(options, name, UINT32_MAX)->given != NULL;
}

const char *
tide_options_str(const struct tide_options *options, const char *name)
{
    return value_get(options, name, ~(1u << TIDE_OPTION_PREFIX))->text;
}

int64_t
tide_options_int(const struct tide_options *options, const char *name)
{
    const uint32_t types = 1u << TIDE_OPTION_INT | 1u << TIDE_OPTION_BOOL | 1u << TIDE_OPTION_SIZE |
                           1u << TIDE_OPTION_DURATION;
    return value_get(options, name, types)->i64;
}

double
tide_options_f64(const struct tide_options *options, const char *name)
{
    return value_get(options, name, 1u << TIDE_OPTION_DOUBLE | 1u << TIDE_OPTION_RATE)->f64;
}

uint32_t
tide_options_list_len(const struct tide_options *options, const char *name)
{
    return value_get(options, name, 1u << TIDE_OPTION_LIST)->n_items;
}

const char *
tide_options_list_at(const struct tide_options *options, const char *name, uint32_t i)
{
    const struct value *value = value_get(options, name, 1u << TIDE_OPTION_LIST);
    TIDE_ASSERT(i < value->n_items);
    return value->items[i];
}

bool
tide_options_next(const struct tide_options *options, const char *prefix, uint32_t *cursor,
                  const char **out_key, const char **out_value)
{
    const struct value *value = value_get(options, prefix, 1u << TIDE_OPTION_PREFIX);
    while (*cursor < options->config.n_given) {
        const struct tide_given *given = &options->given[(*cursor)++];
        if (belongs_to(options, value->row, given->name)) {
            *out_key = given->name;
            *out_value = given->value;
            return true;
        }
    }
    return false;
}

int
tide_options_errorv(const struct tide_options *options, const char *name, uint32_t i, int32_t at,
                    struct tide_error *err, const char *format, va_list args)
{
    char text[TIDE_ERROR_TEXT_MAX / 2];
    const struct tide_given *given = NULL;
    for (uint32_t j = 0; j < options->config.n_given && given == NULL; j++) {
        if (tide_text_equal_nocase(options->given[j].name, name)) {
            given = &options->given[j];
        }
    }
    *options->blame = (struct blame){
        .given = given,
        .item = given != NULL && given->is_list && i < given->n_items ? (int32_t)i : -1,
        .at = at,
        .made = true,
    };
    vsnprintf(text, sizeof(text), format, args);
    return tide_error_set_at(err, TIDE_ERR_INVALID, at, "option '%s': %s", name, text);
}

int
tide_options_error(const struct tide_options *options, const char *name, uint32_t i, int32_t at,
                   struct tide_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = tide_options_errorv(options, name, i, at, err, format, args);
    va_end(args);
    return rc;
}

bool
tide_options_blamed(const struct tide_options *options, struct tide_option_finding *out_finding)
{
    const struct blame *blame = options->blame;
    if (!blame->made) {
        return false;
    }
    *out_finding = (struct tide_option_finding){
        .code = TIDE_ERR_INVALID,
        .given = blame->given,
        .item = blame->item,
        .at = blame->at,
        .text = "",
    };
    return true;
}
