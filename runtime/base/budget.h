/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budget: one accounted amount of memory, shared by named children.
 *
 * Every chunk of an arena, block, state table or client queue is claimed from a child of the
 * pipeline's budget before it is allocated. A child may have a reserve, which nobody else can take
 * (held-back rows must not starve the input that is late), and a limit of its own (`state.memory`).
 * A refused claim is back-pressure, or a stop with the child's name, never a surprise of the
 * system's.
 *
 * Threads: children are added before the threads start; claim and release are lock-free from any
 * thread. Invariants: the sum of all reserves plus what is used beyond them never passes the limit.
 */
#ifndef TIDE_BASE_BUDGET_H
#define TIDE_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

struct tide_budget;
struct tide_budget_child;

/* A child in figures, all in bytes but the last. */
struct tide_budget_use {
    const char *name;
    uint64_t reserved;
    uint64_t limit; /* UINT64_MAX: only the budget's */
    uint64_t used;
    uint64_t peak;    /* the most ever used */
    uint64_t refused; /* claims that were refused, a count */
};

/* Makes a budget of @limit bytes. Errors: TIDE_ERR_NOMEM. @thread start */
int tide_budget_create(const struct tide_seam *seam, uint64_t limit,
                       struct tide_budget **out_budget, struct tide_error *err);

/* Frees the budget with its children; everything claimed must have been released. NULL is legal.
 * @thread start */
void tide_budget_destroy(struct tide_budget *budget);

/*
 * Adds a child that lives as long as the budget. @name is copied. @reserved bytes are its own from
 * now on;
 * @limit (0: none) is the most it may use. Errors: TIDE_ERR_LIMIT when the reserve does not fit any
 * more, TIDE_ERR_NOMEM. @thread start
 */
int tide_budget_child_add(struct tide_budget *budget, const char *name, uint64_t reserved,
                          uint64_t limit, struct tide_budget_child **out_child,
                          struct tide_error *err);

/* Takes @bytes for @child: all or nothing. False: budget or child is full, now. @thread any */
bool tide_budget_claim(struct tide_budget_child *child, uint64_t bytes);

/* Gives back @bytes that were claimed for @child. @thread any */
void tide_budget_release(struct tide_budget_child *child, uint64_t bytes);

/* The figures of one child. @thread any */
struct tide_budget_use tide_budget_child_use(const struct tide_budget_child *child);

/* The budget as a whole: name "budget", reserved = all reserves, used = all that is used. @thread
 * any */
struct tide_budget_use tide_budget_use(const struct tide_budget *budget);

/* The children in the order of their adding: NULL gives the first, NULL is given after the last.
 * @thread any */
const struct tide_budget_child *tide_budget_child_next(const struct tide_budget *budget,
                                                       const struct tide_budget_child *child);

/*
 * Chunks: accounted memory, zeroed, aligned to 16. NULL: the budget refused or the system is out of
 * memory. The charge is @bytes plus a header of 16. @thread any
 */
void *tide_chunk_alloc(struct tide_budget_child *child, size_t bytes);

/* Frees a chunk and releases its charge, from whichever thread. NULL is legal. @thread any */
void tide_chunk_free(void *chunk);

/* The bytes @chunk was asked for. @thread any */
size_t tide_chunk_bytes(const void *chunk);

#endif
