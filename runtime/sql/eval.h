/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluation, inside: registers, selections, scratch memory and errors of rows, as eval functions
 * see them.
 *
 * Every node of a program has a register: a struct tide_vec of rows_max values. The evaluator walks
 * the graph once a batch. Where only some rows matter (a branch of CASE, arguments behind a NULL)
 * it goes on with a selection of rows, so that what Spark would not evaluate cannot fail. A
 * register computed for all rows of the batch is done and not computed again.
 *
 * Scratch memory holds the bytes of texts and nested values until the next run: chunks that never
 * move, each larger than the one before; in steady state none is allocated. One task owns an
 * evaluation; nothing here is shared.
 */
#ifndef TIDE_SQL_EVAL_H
#define TIDE_SQL_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include <tidemark/row.h>

#include "codec/chars.h"
#include "sql/expr.h"

/* Evaluates @node for the rows of @sel into its register. @thread task */
void tide_eval_node(struct tide_eval *eval, const struct tide_expr *node,
                    const struct tide_sel *sel);

/* The register of argument @i of @node. @thread task */
const struct tide_vec *tide_eval_arg(const struct tide_eval *eval, const struct tide_expr *node,
                                     uint32_t i);

/* What node->state->open() made. @thread task */
void *tide_eval_state(const struct tide_eval *eval, const struct tide_expr *node);

/* An empty array of rows for a selection, given back in reverse order. @thread task */
uint16_t *tide_eval_sel_claim(struct tide_eval *eval);
void tide_eval_sel_release(struct tide_eval *eval);

/* Input column @index of all rows. @thread task */
void tide_eval_column(struct tide_eval *eval, const struct tide_expr *node, struct tide_vec *out);

/* Header of row @row. @thread task */
const struct tide_rowhdr *tide_eval_hdr(const struct tide_eval *eval, uint32_t row);

/* ---- rows that fail ---- */

/* Fails @row; the first failure of a row counts. @error_class is static. @thread task */
void tide_eval_fail(struct tide_eval *eval, uint32_t row, const char *error_class,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- scratch ---- */

/* Room for @n bytes, or NULL after failing the row with RECORD_TOO_LARGE. @thread task */
uint8_t *tide_eval_bytes(struct tide_eval *eval, uint32_t row, uint64_t n);

/*
 * The writer for the builders of data/value.h, with no slots; a value starts with
 * tide_eval_begin(). When a builder answers that it is full, tide_eval_more() puts more room under
 * the same writer and the value is built again from its beginning; false: the row was failed with
 * RECORD_TOO_LARGE.
 * @thread task
 */
struct tide_writer *tide_eval_begin(struct tide_eval *eval);
struct tide_writer *tide_eval_writer(struct tide_eval *eval);
bool tide_eval_more(struct tide_eval *eval, uint32_t row);

/* Working memory that is gone with the next call of tide_eval_temp_reset(); aligned to 16. NULL:
 * the row was failed. @thread task */
void *tide_eval_temp(struct tide_eval *eval, uint32_t row, uint64_t n);
void tide_eval_temp_reset(struct tide_eval *eval);

/* ---- values ---- */

/* Stores a value of the vec's type at @i. @thread task */
void tide_vec_put(struct tide_vec *vec, uint32_t i, const struct tide_value *value);

/* Stores the nested value that a builder put into the writer's heap. @thread task */
void tide_vec_put_ref(struct tide_vec *vec, uint32_t i, const struct tide_writer *writer,
                      struct tide_ref ref);

/* Where bytes go: to the values of this run, or to the working memory. */
enum tide_eval_place { TIDE_PLACE_HEAP, TIDE_PLACE_TEMP };

/* A text's way into scratch memory: writes with @put, again with more room when it did not fit.
 * False: the row was failed. @thread task */
typedef void tide_put_fn(void *arg, struct tide_chars *out);
bool tide_eval_text(struct tide_eval *eval, uint32_t row, enum tide_eval_place place,
                    tide_put_fn *put, void *arg, struct tide_bytes *out);

/* Copies value @i of @from, of the same type, to @to. @thread task */
static inline void
tide_vec_move(struct tide_vec *to, const struct tide_vec *from, uint32_t i)
{
    to->nulls[i] = from->nulls[i];
    switch (to->type->id) {
    case TIDE_TYPE_NULL:
        break;
    case TIDE_TYPE_DECIMAL:
        to->i128[i] = from->i128[i];
        break;
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BINARY:
        to->bytes[i] = from->bytes[i];
        break;
    case TIDE_TYPE_ARRAY:
    case TIDE_TYPE_MAP:
    case TIDE_TYPE_STRUCT:
        to->nested[i] = from->nested[i];
        break;
    default:
        to->i64[i] = from->i64[i];
        break;
    }
}

/* The rows of @sel. */
#define TIDE_FOR_SEL(i, sel) \
    for (uint32_t sel_k = 0, i; sel_k < (sel)->n && ((i) = (sel)->rows[sel_k], true); sel_k++)

#endif
