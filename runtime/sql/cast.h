/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Casts: which there are, what may become of a value, and the conversion of one value.
 *
 * Three modes: legacy (ANSI off: what does not fit wraps or is NULL), ANSI (it fails the row), and
 * try (it is NULL). Conversion to and from text is codec/text.h's. Threads: any.
 */
#ifndef TIDE_SQL_CAST_H
#define TIDE_SQL_CAST_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/zone.h"
#include "data/value.h"
#include "sql/eval.h"

enum tide_cast_mode { TIDE_CAST_LEGACY, TIDE_CAST_ANSI, TIDE_CAST_TRY };

/* Whether Spark has the cast; try counts as ANSI. @thread any */
bool tide_cast_allowed(const struct tide_type *from, const struct tide_type *to, bool ansi);

/* Whether a value that is not NULL may become NULL (Spark's forceNullable). @thread any */
bool tide_cast_makes_null(const struct tide_type *from, const struct tide_type *to);

/* Whether a value may fail under ANSI. @thread any */
bool tide_cast_may_fail(const struct tide_type *from, const struct tide_type *to);

/* What became of a value. */
enum tide_cast_outcome {
    TIDE_CAST_OK,
    TIDE_CAST_NULL,
    TIDE_CAST_INVALID,      /* CAST_INVALID_INPUT: text of no such value */
    TIDE_CAST_OVERFLOW,     /* CAST_OVERFLOW */
    TIDE_CAST_OUT_OF_RANGE, /* NUMERIC_VALUE_OUT_OF_RANGE: a decimal with too many digits */
    TIDE_CAST_FULL,         /* the writer is full */
    TIDE_CAST_FAILED,       /* the row was failed */
};

struct tide_cast;

/* Where a conversion works. */
struct tide_cast_site {
    struct tide_eval *eval;
    uint32_t row;
    enum tide_eval_place place; /* of texts that are made */
};

typedef enum tide_cast_outcome tide_cast_fn(const struct tide_cast *cast,
                                            const struct tide_cast_site *site,
                                            const struct tide_value *in, struct tide_value *out);

/* A cast prepared: constant data of a node. */
struct tide_cast {
    const struct tide_type *from, *to;
    enum tide_cast_mode mode;
    const struct tide_zone *zone;
    struct tide_zone_set *regions;
    tide_cast_fn *convert;            /* not for nested types */
    const struct tide_cast *children; /* as many as the type has */
};

/* The conversion between two types that are not nested, or NULL. @thread any */
tide_cast_fn *tide_cast_conversion(const struct tide_type *from, const struct tide_type *to);

#endif
