/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References in values. See interp.h.
 *
 * Variables may refer to each other in any order: a variable is resolved when it is first needed.
 * The recursion is bounded by VAR_DEPTH; a variable met again while it is being resolved is a
 * cycle.
 */
#include "pipeline/interp.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/limits.h"
#include "base/text.h"
#include "pipeline/format_table.h"

#define VAR_DEPTH 32

enum var_state { VAR_FRESH, VAR_OPEN, VAR_DONE, VAR_FAILED };

struct interp {
    struct tide_doc *doc;
    const struct tide_load_args *args;
    const char *dir;
    struct tide_diags *diags;
    const struct tide_node *vars; /* the map, or NULL */
    uint8_t *states;              /* enum var_state, by the variable's place in the map */
    uint32_t depth;               /* variables open */
};

/* One ${...}: bytes [at, end) of the text, with the kind and the argument taken apart. */
struct reference {
    size_t at;
    size_t end;
    const char *kind;
    const char *name;     /* behind the colon; NULL: there was none */
    const char *fallback; /* behind ":-"; NULL: none */
};

static const char *const kinds[] = {"env", "file", "cred", "var", "dir"};

static int resolve_scalar(struct interp *interp, struct tide_node *node);

bool
tide_name_is_secret(const char *name)
{
    static const char *const parts[] = {"password", "passwd",     "passphrase",  "secret",
                                        "token",    "credential", "jaas.config", "key.pem",
                                        "apikey",   "api.key"};
    static const char *const harmless[] = {"file", "url", "location", "path"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        size_t tail = strlen(harmless[i]);
        if (len >= tail && tide_text_equal_nocase(name + len - tail, harmless[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcasestr(name, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static int
fail_at(struct interp *interp, const struct tide_node *node, size_t at, struct tide_error *err)
{
    tide_diags_error_at(interp->diags, node, (int32_t)at, err);
    return TIDE_ERR_INVALID;
}

static int
append(struct tide_buf *out, const char *text, size_t len, struct tide_error *err)
{
    int rc = tide_buf_append(out, text, len);
    if (rc == TIDE_ERR_LIMIT) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "longer than %u bytes with its ${...} resolved",
                              TIDE_LIMIT_INTERPOLATED_BYTES);
    }
    return rc;
}

static int
append_env(struct interp *interp, const struct reference *ref, struct tide_node *node,
           struct tide_buf *out, struct tide_error *err)
{
    const char *value = interp->args->env(interp->args->self, ref->name);
    bool unset = value == NULL || value[0] == '\0';
    if (unset && ref->fallback != NULL) {
        return append(out, ref->fallback, strlen(ref->fallback), err);
    }
    if (value == NULL) {
        return tide_error_set(
            err, TIDE_ERR_INVALID,
            "the environment variable %s is not set; set it, or write ${env:%s:-default}",
            ref->name, ref->name);
    }
    node->secret = true;
    return append(out, value, strlen(value), err);
}

/* Appends the file's content without one newline at its end. */
static int
append_file(struct interp *interp, const char *path, struct tide_node *node, struct tide_buf *out,
            struct tide_error *err)
{
    const struct tide_load_args *args = interp->args;
    const struct tide_seam *seam = interp->doc->seam;
    const char *local;
    char *text;
    size_t len;
    int rc = tide_path_local(path, &local, err);
    if (rc != 0) {
        return rc;
    }
    rc = args->read_file(args->self, seam, local, TIDE_LIMIT_INTERPOLATED_BYTES, &text, &len, err);
    if (rc != 0) {
        return rc;
    }
    node->secret = true;
    if (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    if (memchr(text, '\0', len) != NULL) {
        rc = tide_error_set(err, TIDE_ERR_INVALID, "the file %s is no text: it holds a NUL byte",
                            local);
    } else {
        rc = append(out, text, len, err);
    }
    tide_free(seam, text);
    return rc;
}

static int
append_cred(struct interp *interp, const struct reference *ref, struct tide_node *node,
            struct tide_buf *out, struct tide_error *err)
{
    const char *folder = interp->args->env(interp->args->self, "CREDENTIALS_DIRECTORY");
    if (strchr(ref->name, '/') != NULL || strcmp(ref->name, "..") == 0) {
        return tide_error_set(err, TIDE_ERR_INVALID, "a credential's name has no slash: '%s'",
                              ref->name);
    }
    if (folder == NULL) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "${cred:%s}: CREDENTIALS_DIRECTORY is not set; systemd sets it for "
                              "units with LoadCredential=",
                              ref->name);
    }
    const char *path = tide_doc_printf(interp->doc, "%s/%s", folder, ref->name);
    return path == NULL ? TIDE_ERR_NOMEM : append_file(interp, path, node, out, err);
}

static int
var_unknown(const struct interp *interp, const char *name, struct tide_error *err)
{
    const char *names[TIDE_LIMIT_YAML_KEYS];
    uint32_t count = 0;
    const struct tide_node *var = interp->vars != NULL ? interp->vars->first : NULL;
    for (; var != NULL && count < TIDE_LIMIT_YAML_KEYS; var = var->next) {
        names[count++] = var->key->text;
    }
    const char *near = tide_nearest(name, names, count);
    return tide_error_set(err, TIDE_ERR_INVALID, "there is no variable '%s' in `vars`%s%s%s", name,
                          near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                          near != NULL ? "'?" : "");
}

static int
append_var(struct interp *interp, const struct reference *ref, struct tide_node *node,
           struct tide_buf *out, struct tide_error *err)
{
    uint32_t index = 0;
    struct tide_node *var = interp->vars != NULL ? interp->vars->first : NULL;
    while (var != NULL && strcmp(var->key->text, ref->name) != 0) {
        var = var->next;
        index++;
    }
    if (var == NULL) {
        return var_unknown(interp, ref->name, err);
    }
    if (var->kind != TIDE_NODE_SCALAR) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "the variable '%s' is %s; only a text can be used", ref->name,
                              tide_node_describe(var));
    }
    if (interp->states[index] == VAR_OPEN) {
        return tide_error_set(err, TIDE_ERR_INVALID, "the variable '%s' refers to itself",
                              ref->name);
    }
    if (interp->depth >= VAR_DEPTH) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "variables refer to each other more than %d deep", VAR_DEPTH);
    }
    if (interp->states[index] == VAR_FRESH) {
        interp->states[index] = VAR_OPEN;
        interp->depth++;
        int rc = resolve_scalar(interp, var);
        interp->depth--;
        interp->states[index] = rc == 0 ? VAR_DONE : VAR_FAILED;
        if (rc == TIDE_ERR_NOMEM) {
            return rc;
        }
    }
    if (interp->states[index] == VAR_FAILED) {
        return tide_error_set(err, TIDE_ERR_INVALID,
                              "the variable '%s' has no value (see its error)", ref->name);
    }
    node->secret |= var->secret;
    return append(out, var->text, var->len, err);
}

static int
kind_unknown(const struct reference *ref, struct tide_error *err)
{
    const char *near = tide_nearest(ref->kind, kinds, sizeof(kinds) / sizeof(kinds[0]));
    if (ref->name == NULL && near == NULL) {
        return tide_error_set(
            err, TIDE_ERR_INVALID,
            "${%s}: for an environment variable write ${env:%s}; for a literal ${ "
            "write $${",
            ref->kind, ref->kind);
    }
    return tide_error_set(err, TIDE_ERR_INVALID,
                          "${%s...}: there are ${env:N} ${env:N:-default} ${file:PATH} ${cred:N} "
                          "${var:N} ${dir}%s%s%s",
                          ref->kind, near != NULL ? "; did you mean '" : "",
                          near != NULL ? near : "", near != NULL ? "'?" : "");
}

static int
append_reference(struct interp *interp, const struct reference *ref, struct tide_node *node,
                 struct tide_buf *out, struct tide_error *err)
{
    if (strcmp(ref->kind, "dir") == 0 && ref->name == NULL) {
        return append(out, interp->dir, strlen(interp->dir), err);
    }
    if (ref->name == NULL || ref->name[0] == '\0') {
        return kind_unknown(ref, err);
    }
    if (strcmp(ref->kind, "env") == 0) {
        return append_env(interp, ref, node, out, err);
    }
    if (strcmp(ref->kind, "file") == 0) {
        return append_file(interp, ref->name, node, out, err);
    }
    if (strcmp(ref->kind, "cred") == 0) {
        return append_cred(interp, ref, node, out, err);
    }
    if (strcmp(ref->kind, "var") == 0) {
        return append_var(interp, ref, node, out, err);
    }
    return kind_unknown(ref, err);
}

/* Takes the ${...} at @at apart. The parts are copies in the arena. */
static int
reference_read(struct interp *interp, const char *text, size_t at, struct reference *out_ref,
               struct tide_error *err)
{
    const char *start = text + at + 2;
    const char *end = strchr(start, '}');
    if (end == NULL) {
        return tide_error_set(err, TIDE_ERR_INVALID, "${ without }; for a literal ${ write $${");
    }
    struct reference ref = {.at = at, .end = (size_t)(end - text) + 1};
    char *body = tide_doc_alloc(interp->doc, (size_t)(end - start) + 1);
    if (body == NULL) {
        return TIDE_ERR_NOMEM;
    }
    memcpy(body, start, (size_t)(end - start));
    if (strstr(body, "${") != NULL) {
        return tide_error_set(err, TIDE_ERR_INVALID, "a ${...} inside a ${...}: use a variable");
    }
    ref.kind = body;
    char *colon = strchr(body, ':');
    if (colon != NULL) {
        *colon = '\0';
        ref.name = colon + 1;
        char *dash = strcmp(body, "env") == 0 ? strstr(colon + 1, ":-") : NULL;
        if (dash != NULL) {
            *dash = '\0';
            ref.fallback = dash + 2;
        }
    }
    *out_ref = ref;
    return 0;
}

/* Appends the text of @node with its references resolved. */
static int
expand(struct interp *interp, struct tide_node *node, struct tide_buf *out)
{
    const char *text = node->text;
    size_t at = 0;
    while (at < node->len) {
        struct tide_error err = {0};
        struct reference ref = {0};
        const char *next = strstr(text + at, "${");
        size_t stop = next == NULL ? node->len : (size_t)(next - text);
        bool escaped = next != NULL && stop > at && text[stop - 1] == '$';
        int rc = append(out, text + at, stop - at - (escaped ? 1 : 0), &err);
        at = stop;
        if (rc == 0 && escaped) {
            rc = append(out, "${", 2, &err);
            at = stop + 2;
        } else if (rc == 0 && next != NULL) {
            rc = reference_read(interp, text, stop, &ref, &err);
            rc = rc != 0 ? rc : append_reference(interp, &ref, node, out, &err);
            at = rc != 0 ? at : ref.end;
        }
        if (rc == TIDE_ERR_NOMEM) {
            return rc;
        }
        if (rc != 0) {
            err.code = TIDE_ERR_INVALID;
            return fail_at(interp, node, stop, &err);
        }
    }
    return 0;
}

static int
resolve_scalar(struct interp *interp, struct tide_node *node)
{
    struct tide_buf out;
    if (strstr(node->text, "${") == NULL) {
        return 0;
    }
    tide_buf_init(&out, interp->doc->seam, TIDE_LIMIT_INTERPOLATED_BYTES);
    int rc = expand(interp, node, &out);
    if (rc == 0) {
        const char *text = tide_doc_text(interp->doc, out.len > 0 ? (char *)out.data : "", out.len);
        if (text == NULL) {
            rc = TIDE_ERR_NOMEM;
        } else {
            node->text = text;
            node->len = (uint32_t)out.len;
            node->quoted = true; /* what came in is text, even if it reads "null" */
            node->exact = false;
        }
    }
    tide_buf_fini(&out);
    return rc;
}

/* Whether the keys of the map under @key are names of the user's and not the format's. */
static bool
holds_settings(const struct tide_node *node, bool in_settings, uint32_t depth)
{
    static const char *const names[] = {"options", "vars", "conf", "connections"};
    if (in_settings || node->key == NULL) {
        return in_settings;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(node->key->text, names[i]) == 0 && (i == 0 || depth == 1)) {
            return true;
        }
    }
    return false;
}

/* Depth is bounded by TIDE_LIMIT_YAML_DEPTH. */
static int
walk(struct interp *interp, struct tide_node *node, bool in_settings, uint32_t depth)
{
    TIDE_ASSERT(depth <= 2 * TIDE_LIMIT_YAML_DEPTH);
    if (node->kind == TIDE_NODE_SCALAR) {
        if (in_settings && node->key != NULL && tide_name_is_secret(node->key->text)) {
            node->secret = true;
        }
        int rc = resolve_scalar(interp, node);
        return rc == TIDE_ERR_NOMEM ? rc : 0;
    }
    for (struct tide_node *child = node->first; child != NULL; child = child->next) {
        if (!in_settings && child->key != NULL && tide_key_ignored(child->key->text)) {
            continue;
        }
        bool settings = holds_settings(child, in_settings, depth + 1);
        int rc = walk(interp, child, settings, depth + 1);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Variables first and by state, so that each is resolved (and complained about) once. */
static int
resolve_vars(struct interp *interp)
{
    uint32_t index = 0;
    if (interp->vars == NULL) {
        return 0;
    }
    for (struct tide_node *var = interp->vars->first; var != NULL; var = var->next) {
        var->secret = tide_name_is_secret(var->key->text);
    }
    for (struct tide_node *var = interp->vars->first; var != NULL; var = var->next, index++) {
        if (var->kind != TIDE_NODE_SCALAR || interp->states[index] != VAR_FRESH) {
            continue;
        }
        interp->states[index] = VAR_OPEN;
        int rc = resolve_scalar(interp, var);
        interp->states[index] = rc == 0 ? VAR_DONE : VAR_FAILED;
        if (rc == TIDE_ERR_NOMEM) {
            return rc;
        }
    }
    return 0;
}

int
tide_interp_resolve(struct tide_doc *doc, const struct tide_load_args *args, const char *dir,
                    struct tide_diags *diags)
{
    struct interp interp = {.doc = doc, .args = args, .dir = dir, .diags = diags};
    const struct tide_node *vars = tide_node_get(doc->root, "vars");
    if (vars != NULL && vars->kind == TIDE_NODE_MAP) {
        interp.vars = vars;
        interp.states = tide_doc_alloc(doc, vars->count + 1);
        if (interp.states == NULL) {
            return TIDE_ERR_NOMEM;
        }
    }
    int rc = resolve_vars(&interp);
    for (struct tide_node *child = doc->root->first; rc == 0 && child != NULL;
         child = child->next) {
        bool done = child == interp.vars || tide_key_ignored(child->key->text);
        if (!done) {
            rc = walk(&interp, child, holds_settings(child, false, 1), 1);
        }
    }
    return rc;
}
