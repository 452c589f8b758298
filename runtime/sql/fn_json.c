/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: from_json and to_json. Schema and options are constants; the decoder, which has memory of
 * its own, belongs to the evaluation.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/json_out.h"
#include "sql/functions.h"
#include "sql/types.h"

/* ---- options ---- */

/* Calls @set for each entry of the map of options in argument @arg, if there is one. */
typedef int option_fn(struct tide_binder *b, struct tide_expr *call, const char *name,
                      const char *value, void *arg);

static int
bind_options(struct tide_binder *b, struct tide_expr *call, uint32_t arg, option_fn *set,
             void *set_arg)
{
    const struct tide_expr *map;
    uint32_t n;
    if (arg >= call->n_args) {
        return TIDE_OK;
    }
    map = call->args[arg];
    if (map->kind != TIDE_EXPR_LITERAL || map->value.null || map->type.id != TIDE_TYPE_MAP ||
        map->type.children[0].type.id != TIDE_TYPE_STRING ||
        map->type.children[1].type.id != TIDE_TYPE_STRING) {
        return tide_bind_error(b, call->at, "INVALID_OPTIONS.NON_MAP_FUNCTION",
                               "the options of %s are a constant map of texts", call->name);
    }
    n = tide_nested_count(map->value.nested);
    for (uint32_t i = 0; i < n; i++) {
        struct tide_value key = tide_map_key_at(&map->type, map->value.nested, i);
        struct tide_value text = tide_map_value_at(&map->type, map->value.nested, i);
        const char *name = tide_type_arena_text(b->arena, key.bytes.p, key.bytes.n);
        const char *value =
            text.null ? "" : tide_type_arena_text(b->arena, text.bytes.p, text.bytes.n);
        int rc =
            name == NULL || value == NULL ? tide_bind_nomem(b) : set(b, call, name, value, set_arg);
        if (rc < 0) {
            return rc;
        }
    }
    return TIDE_OK;
}

static void
free_zone(void *zone)
{
    tide_zone_destroy(zone);
}

/* timeZone: a zone that the program frees. */
static int
bind_zone(struct tide_binder *b, const struct tide_expr *call, const char *name,
          const struct tide_zone **out)
{
    struct tide_zone *zone;
    int rc = tide_zone_create(b->program->seam, name, &zone, b->err);
    if (rc < 0) {
        b->err->at = (int32_t)call->at;
        return rc;
    }
    *out = zone;
    return tide_bind_defer(b, free_zone, zone);
}

/* ---- from_json ---- */

/* What the decoder of an evaluation is made from. */
struct from_json {
    const struct tide_seam *seam;
    const struct tide_type *type;
    struct tide_json_options options;
    uint32_t record_max;
};

static int
open_decoder(const struct tide_expr *node, void **out, struct tide_error *err)
{
    const struct from_json *from = node->param;
    struct tide_json_decoder *decoder;
    int rc = tide_json_decoder_create(from->seam, from->type, &from->options, from->record_max,
                                      &decoder, err);
    if (rc == TIDE_OK) {
        *out = decoder;
    }
    return rc;
}

static void
close_decoder(void *decoder)
{
    tide_json_decoder_destroy(decoder);
}

static const struct tide_expr_state decoder_state = {open_decoder, close_decoder};

static void
decode_row(struct tide_eval *eval, struct tide_json_decoder *decoder, struct tide_bytes text,
           uint32_t i, struct tide_vec *out)
{
    enum tide_json_result result;
    struct tide_ref ref = {0, 0};
    do {
        result = tide_json_decode(decoder, text, tide_eval_begin(eval), &ref);
    } while (result == TIDE_JSON_FULL && tide_eval_more(eval, i));
    if (result == TIDE_JSON_OK) {
        tide_vec_put_ref(out, i, tide_eval_writer(eval), ref);
        return;
    }
    out->nulls[i] = 1;
    if (result == TIDE_JSON_FAIL) {
        tide_eval_fail(eval, i, "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
                       "from_json in mode FAILFAST: %s", tide_json_reason(decoder));
    }
}

static void
eval_from_json(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
               struct tide_vec *out)
{
    struct tide_json_decoder *decoder = tide_eval_state(eval, node);
    const struct tide_bytes *texts = tide_eval_arg(eval, node, 0)->bytes;
    TIDE_FOR_SEL(i, sel)
    {
        decode_row(eval, decoder, texts[i], i, out);
    }
}

static int
set_decode_option(struct tide_binder *b, struct tide_expr *call, const char *name,
                  const char *value, void *arg)
{
    struct tide_json_options *options = arg;
    int rc;
    if (tide_text_equal_nocase(name, "mode") && tide_text_equal_nocase(value, "DROPMALFORMED")) {
        return tide_bind_error(b, call->at, "PARSE_MODE_UNSUPPORTED",
                               "from_json has the modes PERMISSIVE and FAILFAST");
    }
    if (tide_text_equal_nocase(name, "timeZone")) {
        return bind_zone(b, call, value, &options->zone);
    }
    if (tide_text_equal_nocase(name, "timestampFormat")) {
        return tide_time_format_bind(b, value, call->at, false, &options->timestamp_format);
    }
    if (tide_text_equal_nocase(name, "dateFormat")) {
        return tide_time_format_bind(b, value, call->at, true, &options->date_format);
    }
    rc = tide_json_option_set(options, name, value, b->err);
    if (rc < 0) {
        b->err->at = (int32_t)call->at;
        return tide_error_prefix(b->err, "from_json");
    }
    return TIDE_OK;
}

/* Everything in a schema that is read may be NULL. */
static int
all_nullable(struct tide_binder *b, const struct tide_type *type, struct tide_type *out)
{
    struct tide_field *fields;
    *out = *type;
    if (type->n_children == 0) {
        return TIDE_OK;
    }
    fields = tide_type_arena_alloc(b->arena, type->n_children * sizeof(*fields));
    if (fields == NULL) {
        return tide_bind_nomem(b);
    }
    for (uint32_t i = 0; i < type->n_children; i++) {
        int rc = all_nullable(b, &type->children[i].type, &fields[i].type);
        fields[i].name = type->children[i].name;
        fields[i].nullable = type->id != TIDE_TYPE_MAP || i == 1;
        if (rc < 0) {
            return rc;
        }
    }
    out->children = fields;
    return TIDE_OK;
}

static int
bind_schema(struct tide_binder *b, struct tide_expr *call)
{
    const struct tide_expr *ddl = call->args[1];
    struct tide_type type;
    int rc;
    if (ddl->kind != TIDE_EXPR_LITERAL || ddl->value.null || ddl->type.id != TIDE_TYPE_STRING) {
        return tide_bind_error(b, call->at, "INVALID_SCHEMA.NON_STRING_LITERAL",
                               "the schema of from_json is a constant text");
    }
    rc = tide_type_parse_schema(b->arena, ddl->value.bytes.p, ddl->value.bytes.n, &type, b->err);
    if (rc < 0) {
        b->err->at = (int32_t)call->at;
        return tide_error_prefix(b->err, "[PARSE_SYNTAX_ERROR] in the schema of from_json");
    }
    if (!tide_type_is_nested(&type)) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA",
                               "from_json reads a STRUCT, an ARRAY or a MAP");
    }
    if (type.id == TIDE_TYPE_MAP && type.children[0].type.id != TIDE_TYPE_STRING) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.INVALID_JSON_MAP_KEY_TYPE",
                               "the keys of a MAP that from_json reads are STRING");
    }
    return all_nullable(b, &type, &call->type);
}

static int
bind_from_json(struct tide_binder *b, struct tide_expr *call)
{
    struct from_json *from = tide_type_arena_alloc(b->arena, sizeof(*from));
    uint8_t id = call->args[0]->type.id;
    char text[TIDE_TYPE_TEXT];
    int rc;
    if (from == NULL) {
        return tide_bind_nomem(b);
    }
    if (id != TIDE_TYPE_STRING && id != TIDE_TYPE_NULL) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                               "from_json reads STRING, not %s: CAST(... AS STRING) first",
                               tide_bind_type_text(&call->args[0]->type, text));
    }
    rc = tide_coerce_param(b, call, 0, 's');
    if (rc == TIDE_OK) {
        rc = bind_schema(b, call);
    }
    if (rc < 0) {
        return rc;
    }
    from->seam = b->program->seam;
    from->type = &call->type;
    from->record_max = b->record_max;
    tide_json_options_init(&from->options);
    from->options.zone = b->program->zone;
    rc = bind_options(b, call, 2, set_decode_option, &from->options);
    call->param = from;
    call->state = &decoder_state;
    call->may_fail |= from->options.mode == TIDE_JSON_FAILFAST;
    return rc;
}

/* ---- to_json ---- */

struct to_json {
    struct tide_json_put_options options;
    bool pretty;
};

struct put_args {
    const struct to_json *to;
    struct tide_value value;
};

static void
put_json(void *arg, struct tide_chars *chars)
{
    const struct put_args *args = arg;
    struct tide_json_out out;
    tide_json_out_init(&out, chars, args->to->pretty);
    tide_json_out_value(&out, &args->value, &args->to->options);
}

static void
eval_to_json(struct tide_eval *eval, const struct tide_expr *node, const struct tide_sel *sel,
             struct tide_vec *out)
{
    const struct tide_vec *values = tide_eval_arg(eval, node, 0);
    TIDE_FOR_SEL(i, sel)
    {
        struct put_args args = {node->param, tide_value_vec(values, i)};
        args.value.type = &node->args[0]->type;
        out->nulls[i] = !tide_eval_text(eval, i, TIDE_PLACE_HEAP, put_json, &args, &out->bytes[i]);
    }
}

static int
set_encode_option(struct tide_binder *b, struct tide_expr *call, const char *name,
                  const char *value, void *arg)
{
    struct to_json *to = arg;
    bool truth = false;
    int rc = TIDE_OK;
    if (tide_text_equal_nocase(name, "timestampFormat")) {
        return tide_time_format_bind(b, value, call->at, false, &to->options.timestamp_format);
    }
    if (tide_text_equal_nocase(name, "dateFormat")) {
        return tide_time_format_bind(b, value, call->at, true, &to->options.date_format);
    }
    if (tide_text_equal_nocase(name, "timeZone")) {
        return bind_zone(b, call, value, &to->options.zone);
    }
    if (tide_text_equal_nocase(name, "ignoreNullFields")) {
        rc = tide_parse_bool(value, &truth, b->err);
        to->options.keep_nulls = !truth;
    } else if (tide_text_equal_nocase(name, "pretty")) {
        rc = tide_parse_bool(value, &to->pretty, b->err);
    }
    if (rc < 0) {
        b->err->at = (int32_t)call->at;
        return tide_error_prefix(b->err, "option %s of to_json", name);
    }
    return TIDE_OK;
}

static int
bind_to_json(struct tide_binder *b, struct tide_expr *call)
{
    struct to_json *to = tide_type_arena_alloc(b->arena, sizeof(*to));
    char text[TIDE_TYPE_TEXT];
    if (to == NULL) {
        return tide_bind_nomem(b);
    }
    if (!tide_type_is_nested(&call->args[0]->type)) {
        return tide_bind_error(b, call->at, "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA",
                               "to_json writes a STRUCT, an ARRAY or a MAP, not %s",
                               tide_bind_type_text(&call->args[0]->type, text));
    }
    to->options.zone = b->program->zone;
    call->param = to;
    call->type = tide_type_of(TIDE_TYPE_STRING);
    return bind_options(b, call, 1, set_encode_option, to);
}

const struct tide_fn tide_fns_json[] = {
    {.name = "from_json",
     .args_min = 2,
     .args_max = 3,
     .nulls = TIDE_NULLS_MADE,
     .print = TIDE_PRINT_OWN,
     .bind = bind_from_json,
     .eval = eval_from_json,
     .usage = "from_json(text, schema[, options])",
     .doc = "The JSON text as a value of the schema, which is DDL; malformed texts give NULLs, or "
            "fail with map('mode', 'FAILFAST').",
     .since = "2.2.0"},
    {.name = "to_json",
     .args_min = 1,
     .args_max = 2,
     .print = TIDE_PRINT_OWN,
     .bind = bind_to_json,
     .eval = eval_to_json,
     .usage = "to_json(value[, options])",
     .doc = "A STRUCT, ARRAY or MAP as JSON text.",
     .since = "2.2.0"},
    {.name = NULL},
};
