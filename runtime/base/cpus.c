/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs: affinity from the kernel, quota from the control group's files.
 *
 * The process's groups are in /proc/self/cgroup: "0::/path" for version 2, "4:cpu,cpuacct:/path"
 * for version
 * 1. A quota may be set at every level, so all levels up to the mount's root are read. In a
 * container the path may be the host's, which does not exist below the container's mount; then only
 * the root is found, which is the container's own group: the right answer by the same walk.
 */
#include "base/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/text.h"

#define PATH_BYTES 4096u
#define FILE_BYTES 8192u

/* Reads a number of a CPU list at *at. */
static bool
list_number(const char **at, uint32_t *out_number)
{
    uint32_t number = 0;
    const char *start = *at;
    while (**at >= '0' && **at <= '9' && number < TIDE_LIMIT_CPUS) {
        number = number * 10 + (uint32_t)(**at - '0');
        (*at)++;
    }
    *out_number = number;
    return *at > start && number < TIDE_LIMIT_CPUS;
}

/* Reads "n" or "n-m" at *at and marks them in @has. */
static bool
list_range(const char **at, bool *has)
{
    uint32_t first = 0;
    if (!list_number(at, &first)) {
        return false;
    }
    uint32_t last = first;
    if (**at == '-') {
        (*at)++;
        if (!list_number(at, &last) || last < first) {
            return false;
        }
    }
    for (uint32_t cpu = first; cpu <= last; cpu++) {
        has[cpu] = true;
    }
    return true;
}

static void
cpus_collect(const bool *has, struct tide_cpus *out_cpus)
{
    uint32_t count = 0;
    for (uint32_t cpu = 0; cpu < TIDE_LIMIT_CPUS; cpu++) {
        if (has[cpu]) {
            out_cpus->ids[count++] = (uint16_t)cpu;
        }
    }
    out_cpus->count = count;
}

int
tide_cpus_parse(const char *text, struct tide_cpus *out_cpus, struct tide_error *err)
{
    bool has[TIDE_LIMIT_CPUS] = {false};
    const char *at = text;
    for (;;) {
        if (!list_range(&at, has) || (*at != ',' && *at != '\0')) {
            return tide_error_set_at(err, TIDE_ERR_INVALID, (int32_t)(at - text),
                                     "'%s' is not a list of CPUs (numbers below %u, ranges from "
                                     "low to high), such as 2-5,7",
                                     text, TIDE_LIMIT_CPUS);
        }
        if (*at == '\0') {
            break;
        }
        at++;
    }
    cpus_collect(has, out_cpus);
    return TIDE_OK;
}

int
tide_cpus_affinity(struct tide_cpus *out_cpus, struct tide_error *err)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return tide_error_set(err, TIDE_ERR_FATAL, "cannot read the CPU affinity: %s",
                              strerror(errno));
    }
    bool has[TIDE_LIMIT_CPUS];
    for (uint32_t cpu = 0; cpu < TIDE_LIMIT_CPUS; cpu++) {
        has[cpu] = CPU_ISSET(cpu, &set);
    }
    cpus_collect(has, out_cpus);
    return TIDE_OK;
}

/* Reads the file at root + path as text. False: not there, or too long. */
static bool
file_read(const char *root, const char *path, char *out_text, size_t size)
{
    char full[PATH_BYTES];
    int len = snprintf(full, sizeof(full), "%s%s", root, path);
    if (len < 0 || (size_t)len >= sizeof(full)) {
        return false;
    }
    int fd = open(full, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    size_t done = 0;
    ssize_t got = 0;
    do {
        got = read(fd, out_text + done, size - 1 - done);
        done += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && done < size - 1) || (got < 0 && errno == EINTR));
    close(fd);
    out_text[done] = '\0';
    return got == 0;
}

/* The smaller quota; 0 is none. */
static uint32_t
quota_min(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

static uint32_t
quota_of(int64_t quota_us, int64_t period_us)
{
    if (quota_us <= 0 || period_us <= 0 || quota_us > INT64_MAX / 1000) {
        return 0;
    }
    int64_t milli = quota_us * 1000 / period_us;
    if (milli > (int64_t)TIDE_LIMIT_CPUS * 1000) {
        return 0;
    }
    return milli < 1 ? 1 : (uint32_t)milli;
}

/* Version 2: "max 100000" or "150000 100000" in cpu.max of @group. */
static uint32_t
quota_v2(const char *root, const char *group)
{
    char path[PATH_BYTES];
    char text[FILE_BYTES];
    int len = snprintf(path, sizeof(path), "%s/cpu.max", group);
    if (len < 0 || (size_t)len >= sizeof(path) || !file_read(root, path, text, sizeof(text))) {
        return 0;
    }
    char *space = strchr(text, ' ');
    if (space == NULL) {
        return 0;
    }
    *space = '\0';
    int64_t quota = 0;
    int64_t period = 0;
    if (tide_parse_i64(text, &quota, NULL) != TIDE_OK ||
        tide_parse_i64(space + 1, &period, NULL) != TIDE_OK) {
        return 0; /* "max" is no number: no quota */
    }
    return quota_of(quota, period);
}

/* One number in the file @name of @group; 0 when it is not there. */
static int64_t
number_v1(const char *root, const char *group, const char *name)
{
    char path[PATH_BYTES];
    char text[FILE_BYTES];
    int64_t number = 0;
    int len = snprintf(path, sizeof(path), "%s/%s", group, name);
    if (len < 0 || (size_t)len >= sizeof(path) || !file_read(root, path, text, sizeof(text)) ||
        tide_parse_i64(text, &number, NULL) != TIDE_OK) {
        return 0;
    }
    return number;
}

static uint32_t
quota_v1(const char *root, const char *group)
{
    return quota_of(number_v1(root, group, "cpu.cfs_quota_us"),
                    number_v1(root, group, "cpu.cfs_period_us"));
}

typedef uint32_t quota_fn(const char *root, const char *group);

/* The smallest quota from @mount + @group up to @mount itself. */
static uint32_t
quota_walk(const char *root, const char *mount, const char *group, quota_fn *quota)
{
    char path[PATH_BYTES];
    size_t mount_len = strlen(mount);
    int len = snprintf(path, sizeof(path), "%s%s", mount, group);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return 0;
    }
    uint32_t least = 0;
    for (;;) {
        least = quota_min(least, quota(root, path));
        char *slash = strrchr(path + mount_len, '/');
        if (slash == NULL) {
            return least;
        }
        *slash = '\0';
    }
}

/* Whether @list, "cpu,cpuacct", names the controller "cpu". */
static bool
list_has_cpu(const char *list)
{
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        if (tide_text_starts(at, "cpu") && (at[3] == ',' || at[3] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The quota that one line of /proc/self/cgroup, "id:controllers:path", leads to. */
static uint32_t
quota_of_line(const char *root, char *line)
{
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL) {
        return 0;
    }
    *controllers++ = '\0';
    *group++ = '\0';
    if (controllers[0] == '\0') {
        uint32_t unified = quota_walk(root, "/sys/fs/cgroup", group, quota_v2);
        return quota_min(unified, quota_walk(root, "/sys/fs/cgroup/unified", group, quota_v2));
    }
    if (!list_has_cpu(controllers)) {
        return 0;
    }
    uint32_t alone = quota_walk(root, "/sys/fs/cgroup/cpu", group, quota_v1);
    return quota_min(alone, quota_walk(root, "/sys/fs/cgroup/cpu,cpuacct", group, quota_v1));
}

uint32_t
tide_cpus_quota_milli(const char *root)
{
    char text[FILE_BYTES];
    if (!file_read(root, "/proc/self/cgroup", text, sizeof(text))) {
        return 0;
    }
    uint32_t least = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        least = quota_min(least, quota_of_line(root, line));
    }
    return least;
}

uint32_t
tide_cpus_usable(uint32_t affinity, uint32_t quota_milli)
{
    uint32_t quota = quota_milli / 1000 + (quota_milli % 1000 != 0 ? 1 : 0);
    uint32_t usable = quota_milli != 0 && quota < affinity ? quota : affinity;
    return usable < 1 ? 1 : usable;
}

bool
tide_cpus_has(const struct tide_cpus *cpus, uint32_t cpu)
{
    for (uint32_t i = 0; i < cpus->count; i++) {
        if (cpus->ids[i] == cpu) {
            return true;
        }
    }
    return false;
}

void
tide_cpus_to_set(const struct tide_cpus *cpus, cpu_set_t *out_set)
{
    CPU_ZERO(out_set);
    for (uint32_t i = 0; i < cpus->count; i++) {
        TIDE_ASSERT(cpus->ids[i] < TIDE_LIMIT_CPUS);
        CPU_SET(cpus->ids[i], out_set);
    }
}
