/* SPDX-License-Identifier: Apache-2.0 */
/* Topics on a broker of the user's: made for one run and deleted after it. */
#ifndef TIDEMARK_BENCH_DEMO_TOPICS_H
#define TIDEMARK_BENCH_DEMO_TOPICS_H

/* Makes @topics (ends with NULL). Ends this process when the broker refuses. */
void topics_create(const char *brokers, const char *const *topics, int partitions);

/* Deletes them; says so when the broker refuses. */
void topics_delete(const char *brokers, const char *const *topics);

#endif
