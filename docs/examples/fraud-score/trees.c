/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and evaluating the ensemble.
 *
 * All nodes lie in one array, a tree after the other. A child has a higher number than its parent,
 * which is checked when the model is read, so that every walk ends.
 */
#include "trees.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define FORMAT "tidemark-trees/1"
#define FEATURES_MAX 32u
#define TREES_MAX 1000u
#define NODES_MAX 100000u
#define BUCKETS_MAX 65536

enum feature_kind { AMOUNT, LOG_AMOUNT, HOUR, COUNTRY_HASH, MERCHANT_HASH, FEATURE_KINDS };

static const char *const kind_names[FEATURE_KINDS] = {
    [AMOUNT] = "amount",
    [LOG_AMOUNT] = "log_amount",
    [HOUR] = "hour",
    [COUNTRY_HASH] = "country_hash",
    [MERCHANT_HASH] = "merchant_hash",
};

struct feature {
    enum feature_kind kind;
    uint32_t buckets; /* of a hash */
};

struct node {
    double number;        /* the threshold of a split, the value of a leaf */
    uint32_t left, right; /* of a split; 0: a leaf */
    uint32_t missing;     /* where NaN goes: left or right */
    uint32_t feature;
};

struct model {
    double base;
    struct feature features[FEATURES_MAX];
    uint32_t n_features;
    uint32_t roots[TREES_MAX];
    uint32_t n_trees;
    struct node *nodes;
    uint32_t n_nodes;
};

/* Where in the file an error is, and the buffer for it. */
struct reader {
    char *error;
    uint32_t size;
    uint32_t tree, node;
};

/* ---- evaluating ---- */

/* FNV-1a, 64 bits: short to write in any language that trains a model. */
static uint64_t
hash_text(const char *text, uint32_t len)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    }
    return hash;
}

static double
bucket(const char *text, uint32_t len, uint32_t buckets)
{
    return text == NULL ? NAN : (double)(hash_text(text, len) % buckets);
}

/* The hour of the day in UTC; times before 1970 count on backwards. */
static double
hour(const struct transaction *tx)
{
    const int64_t day_us = 86400000000, hour_us = 3600000000;
    if (!tx->has_event_time) {
        return NAN;
    }
    return (double)(((tx->event_time_us % day_us) + day_us) % day_us / hour_us);
}

static double
feature_value(const struct feature *feature, const struct transaction *tx)
{
    switch (feature->kind) {
    case AMOUNT:
        return tx->amount;
    case LOG_AMOUNT:
        return tx->amount > 0 ? log1p(tx->amount) : 0;
    case HOUR:
        return hour(tx);
    case COUNTRY_HASH:
        return bucket(tx->country, tx->country_len, feature->buckets);
    case MERCHANT_HASH:
        return bucket(tx->merchant, tx->merchant_len, feature->buckets);
    case FEATURE_KINDS:
        break;
    }
    return NAN;
}

double
model_score(const struct model *model, const struct transaction *tx)
{
    double values[FEATURES_MAX], sum = model->base;
    for (uint32_t i = 0; i < model->n_features; i++) {
        values[i] = feature_value(&model->features[i], tx);
    }
    for (uint32_t i = 0; i < model->n_trees; i++) {
        const struct node *node = &model->nodes[model->roots[i]];
        while (node->left != 0) {
            const double value = values[node->feature];
            const uint32_t next = isnan(value)           ? node->missing
                                  : value < node->number ? node->left
                                                         : node->right;
            node = &model->nodes[next];
        }
        sum += node->number;
    }
    return 1 / (1 + exp(-sum));
}

/* ---- reading ---- */

static bool
fail(const struct reader *reader, const char *what)
{
    snprintf(reader->error, reader->size, "tree %u, node %u: %s", reader->tree, reader->node, what);
    return false;
}

static bool
number_take(const json_t *object, const char *name, double *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_number(value)) {
        return false;
    }
    *out = json_number_value(value);
    return isfinite(*out);
}

/* A whole number from @min to @max. */
static bool
index_take(const json_t *object, const char *name, json_int_t min, json_int_t max, uint32_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return false;
    }
    *out = (uint32_t)json_integer_value(value);
    return true;
}

/* A split: its children are numbers inside the tree, higher than its own. */
static bool
split_read(struct reader *reader, const struct model *model, const json_t *object, uint32_t first,
           uint32_t n, struct node *node)
{
    uint32_t left, right;
    const char *missing = json_string_value(json_object_get(object, "missing"));
    if (!index_take(object, "feature", 0, (json_int_t)model->n_features - 1, &node->feature)) {
        return fail(reader, "\"feature\" must be the number of a feature");
    }
    if (!number_take(object, "threshold", &node->number)) {
        return fail(reader, "\"threshold\" must be a number");
    }
    if (!index_take(object, "left", (json_int_t)reader->node + 1, (json_int_t)n - 1, &left) ||
        !index_take(object, "right", (json_int_t)reader->node + 1, (json_int_t)n - 1, &right)) {
        return fail(reader, "\"left\" and \"right\" must be numbers of later nodes of the tree");
    }
    if (missing == NULL || (strcmp(missing, "left") != 0 && strcmp(missing, "right") != 0)) {
        return fail(reader, "\"missing\" must be \"left\" or \"right\"");
    }
    node->left = first + left;
    node->right = first + right;
    node->missing = missing[0] == 'l' ? node->left : node->right;
    return true;
}

static bool
node_read(struct reader *reader, const struct model *model, const json_t *object, uint32_t first,
          uint32_t n, struct node *node)
{
    if (!json_is_object(object)) {
        return fail(reader, "must be an object");
    }
    if (json_object_get(object, "value") == NULL) {
        return split_read(reader, model, object, first, n, node);
    }
    return number_take(object, "value", &node->number) ||
           fail(reader, "\"value\" must be a number");
}

static bool
tree_read(struct reader *reader, struct model *model, const json_t *tree)
{
    const uint32_t first = model->n_nodes, n = (uint32_t)json_array_size(tree);
    reader->node = 0;
    if (n == 0 || n > NODES_MAX - first) {
        return fail(reader, "a tree is a list of nodes, at most 100000 in all");
    }
    struct node *nodes = realloc(model->nodes, (first + n) * sizeof(*nodes));
    if (nodes == NULL) {
        return fail(reader, "out of memory");
    }
    memset(nodes + first, 0, n * sizeof(*nodes));
    model->nodes = nodes;
    model->n_nodes += n;
    model->roots[model->n_trees++] = first;
    for (; reader->node < n; reader->node++) {
        if (!node_read(reader, model, json_array_get(tree, reader->node), first, n,
                       &nodes[first + reader->node])) {
            return false;
        }
    }
    return true;
}

static bool
feature_read(struct model *model, const json_t *object)
{
    struct feature *feature = &model->features[model->n_features++];
    const char *kind = json_string_value(json_object_get(object, "kind"));
    uint32_t i = 0;
    while (i < FEATURE_KINDS && (kind == NULL || strcmp(kind, kind_names[i]) != 0)) {
        i++;
    }
    feature->kind = (enum feature_kind)i;
    if (i == COUNTRY_HASH || i == MERCHANT_HASH) {
        return index_take(object, "buckets", 1, BUCKETS_MAX, &feature->buckets);
    }
    return i < FEATURE_KINDS;
}

static bool
features_read(struct reader *reader, struct model *model, const json_t *features)
{
    const size_t n = json_array_size(features);
    if (n == 0 || n > FEATURES_MAX) {
        snprintf(reader->error, reader->size, "\"features\" must be a list of 1 to %u features",
                 FEATURES_MAX);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!feature_read(model, json_array_get(features, i))) {
            snprintf(reader->error, reader->size,
                     "feature %zu: \"kind\" must be amount, log_amount, hour, country_hash or "
                     "merchant_hash; a hash "
                     "has \"buckets\"",
                     i);
            return false;
        }
    }
    return true;
}

static bool
root_read(struct reader *reader, struct model *model, const json_t *root)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_t *trees = json_object_get(root, "trees");
    if (format == NULL || strcmp(format, FORMAT) != 0) {
        snprintf(reader->error, reader->size, "\"format\" is %s, this reads " FORMAT,
                 format != NULL ? format : "missing");
        return false;
    }
    if (!number_take(root, "base", &model->base)) {
        snprintf(reader->error, reader->size, "\"base\" must be a number");
        return false;
    }
    if (!features_read(reader, model, json_object_get(root, "features"))) {
        return false;
    }
    if (json_array_size(trees) == 0 || json_array_size(trees) > TREES_MAX) {
        snprintf(reader->error, reader->size, "\"trees\" must be a list of 1 to %u trees",
                 TREES_MAX);
        return false;
    }
    for (reader->tree = 0; reader->tree < json_array_size(trees); reader->tree++) {
        if (!tree_read(reader, model, json_array_get(trees, reader->tree))) {
            return false;
        }
    }
    return true;
}

struct model *
model_load(const char *path, char *error, uint32_t size)
{
    json_error_t why;
    struct reader reader = {.error = error, .size = size};
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        snprintf(error, size, "line %d: %s", why.line, why.text);
        return NULL;
    }
    struct model *model = calloc(1, sizeof(*model));
    if (model == NULL) {
        snprintf(error, size, "out of memory");
    } else if (!root_read(&reader, model, root)) {
        model_free(model);
        model = NULL;
    }
    json_decref(root);
    return model;
}

void
model_free(struct model *model)
{
    if (model != NULL) {
        free(model->nodes);
        free(model);
    }
}
