/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs: how many, and which, this process may really use.
 *
 * Affinity (taskset, cpusets) says which; the control group's CPU quota (containers) says how much.
 * Usable is the smaller of the affinity's count and the quota rounded up. Threads: start; reads
 * files.
 */
#ifndef TIDE_BASE_CPUS_H
#define TIDE_BASE_CPUS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tidemark/error.h>

#include "base/limits.h"

/* A set of CPU numbers, ascending. Plain data. */
struct tide_cpus {
    uint32_t count;
    uint16_t ids[TIDE_LIMIT_CPUS];
};

/*
 * Parses a list such as "2-5,7" (the kernel's notation; ascending or not, twice is once).
 * Errors: TIDE_ERR_INVALID, with the offset of what is wrong. @thread any
 */
int tide_cpus_parse(const char *text, struct tide_cpus *out_cpus, struct tide_error *err);

/* The CPUs this thread may run on. Errors: TIDE_ERR_FATAL with the system's reason. @thread start
 */
int tide_cpus_affinity(struct tide_cpus *out_cpus, struct tide_error *err);

/*
 * The quota of this process's control group and its parents, in thousandths of a CPU: the smallest
 * of them; 0 when there is none. Version 2 (cpu.max) and 1 (cpu.cfs_quota_us) are known. @root is
 * put before /proc and /sys: "" on a real system, a made-up tree in tests. Unreadable files count
 * as no quota. @thread start
 */
uint32_t tide_cpus_quota_milli(const char *root);

/* min(@affinity, quota rounded up), at least 1. @thread any */
uint32_t tide_cpus_usable(uint32_t affinity, uint32_t quota_milli);

/* Whether @cpu is in @cpus. @thread any */
bool tide_cpus_has(const struct tide_cpus *cpus, uint32_t cpu);

/* @cpus as the kernel's set, for pthread_setaffinity_np. @thread any */
void tide_cpus_to_set(const struct tide_cpus *cpus, cpu_set_t *out_set);

#endif
