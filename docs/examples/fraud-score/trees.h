/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gradient-boosted tree ensemble, read from JSON and evaluated for one transaction at a time.
 *
 * The file's format is described in README.md. A model is read once on a control thread and then
 * only looked at, so that any number of tasks share it. Errors are sentences for people.
 */
#ifndef TREES_H
#define TREES_H

#include <stdbool.h>
#include <stdint.h>

/* What a feature is made of. NaN stands for "missing", which every split sends to a side of its
 * own. */
struct transaction {
    double amount;
    int64_t event_time_us; /* since 1970-01-01 UTC */
    bool has_event_time;
    const char *country, *merchant; /* NULL: missing */
    uint32_t country_len, merchant_len;
};

struct model;

/* Reads @path. NULL: @error (of @size bytes) says why. */
struct model *model_load(const char *path, char *error, uint32_t size);

/* NULL is legal. */
void model_free(struct model *model);

/* The probability of fraud, from 0 to 1; the same on every machine and in every replay. */
double model_score(const struct model *model, const struct transaction *tx);

#endif
