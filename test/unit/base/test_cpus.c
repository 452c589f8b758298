/* SPDX-License-Identifier: Apache-2.0 */
/* CPU lists, and quotas read from made-up control group trees. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/cpus.h"

Test(cpus, lists)
{
    struct tide_cpus cpus;
    cr_assert_eq(tide_cpus_parse("2-5,7", &cpus, NULL), TIDE_OK);
    cr_assert_eq(cpus.count, 5);
    static const uint16_t ids[] = {2, 3, 4, 5, 7};
    cr_assert_eq(memcmp(cpus.ids, ids, sizeof(ids)), 0);
    cr_assert_eq(tide_cpus_parse("7,3,3-4,0", &cpus, NULL), TIDE_OK);
    static const uint16_t sorted[] = {0, 3, 4, 7};
    cr_assert_eq(cpus.count, 4);
    cr_assert_eq(memcmp(cpus.ids, sorted, sizeof(sorted)), 0);
    cr_assert_eq(tide_cpus_parse("0-1023", &cpus, NULL), TIDE_OK);
    cr_assert_eq(cpus.count, 1024);
    cr_assert(tide_cpus_has(&cpus, 1023));
}

Test(cpus, lists_refused)
{
    static const struct {
        const char *text;
        int at;
    } rows[] = {
        {"", 0},     {",", 0},    {"1,", 2},         {"1-", 2},    {"-1", 0},
        {"5-2", 3},  {"a", 0},    {"1 2", 1},        {"1-2-3", 3}, {"1024", 4},
        {"1,,2", 2}, {"1,2x", 3}, {"4294967296", 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_cpus cpus = {.count = 77};
        struct tide_error err = {0};
        cr_expect_eq(tide_cpus_parse(rows[i].text, &cpus, &err), TIDE_ERR_INVALID, "%s",
                     rows[i].text);
        cr_expect_eq(err.at, rows[i].at, "%s: %d", rows[i].text, err.at);
        cr_expect_eq(cpus.count, 77);
    }
}

Test(cpus, affinity_is_the_threads)
{
    struct tide_cpus cpus;
    cpu_set_t set;
    cr_assert_eq(tide_cpus_affinity(&cpus, NULL), TIDE_OK);
    cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    cr_assert_eq(cpus.count, (uint32_t)CPU_COUNT(&set));
    cpu_set_t back;
    tide_cpus_to_set(&cpus, &back);
    cr_assert(CPU_EQUAL(&set, &back));
    struct tide_cpus one = {.count = 1, .ids = {cpus.ids[0]}};
    tide_cpus_to_set(&one, &back);
    cr_assert_eq(sched_setaffinity(0, sizeof(back), &back), 0);
    cr_assert_eq(tide_cpus_affinity(&cpus, NULL), TIDE_OK);
    cr_assert_eq(cpus.count, 1);
    cr_assert_eq(cpus.ids[0], one.ids[0]);
    cr_assert_not(tide_cpus_has(&cpus, one.ids[0] + 1u));
}

Test(cpus, usable_is_the_smaller)
{
    cr_assert_eq(tide_cpus_usable(8, 0), 8);
    cr_assert_eq(tide_cpus_usable(8, 1500), 2);
    cr_assert_eq(tide_cpus_usable(8, 2000), 2);
    cr_assert_eq(tide_cpus_usable(8, 100), 1);
    cr_assert_eq(tide_cpus_usable(2, 16000), 2);
    cr_assert_eq(tide_cpus_usable(0, 0), 1);
}

/* A file system below a directory of its own. */
struct tree {
    char root[64];
};

static void
tree_init(struct tree *tree)
{
    strcpy(tree->root, "/tmp/tidemark-cpus-XXXXXX");
    cr_assert_not_null(mkdtemp(tree->root));
}

/* Writes @text to @path, making the folders on the way. */
static void
tree_write(const struct tree *tree, const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof(full), "%s%s", tree->root, path);
    for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdir(full, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void
tree_fini(const struct tree *tree)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", tree->root);
    cr_assert_eq(system(command), 0);
}

Test(cpus, no_groups_no_quota)
{
    struct tree tree;
    tree_init(&tree);
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 0);
    tree_write(&tree, "/proc/self/cgroup", "");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 0);
    tree_write(&tree, "/proc/self/cgroup", "0::/a\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 0);
    tree_write(&tree, "/sys/fs/cgroup/a/cpu.max", "max 100000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 0);
    tree_fini(&tree);
}

Test(cpus, version_2_takes_the_smallest_on_the_way_up)
{
    struct tree tree;
    tree_init(&tree);
    tree_write(&tree, "/proc/self/cgroup", "0::/pod/app\n");
    tree_write(&tree, "/sys/fs/cgroup/pod/app/cpu.max", "400000 100000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 4000);
    tree_write(&tree, "/sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 1500);
    tree_write(&tree, "/sys/fs/cgroup/cpu.max", "50 100000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 1, "never nothing");
    tree_fini(&tree);
}

/* In a container the path may be the host's; the mount's root is then the container's own group. */
Test(cpus, version_2_in_a_container)
{
    struct tree tree;
    tree_init(&tree);
    tree_write(&tree, "/proc/self/cgroup", "0::/docker/0123\n");
    tree_write(&tree, "/sys/fs/cgroup/cpu.max", "250000 100000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 2500);
    tree_write(&tree, "/proc/self/cgroup", "0::/\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 2500);
    tree_fini(&tree);
}

Test(cpus, version_1)
{
    struct tree tree;
    tree_init(&tree);
    tree_write(&tree, "/proc/self/cgroup",
               "5:cpuset:/x\n4:cpu,cpuacct:/x/y\n1:name=systemd:/z\n0::/\n");
    tree_write(&tree, "/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "-1\n");
    tree_write(&tree, "/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 0);
    tree_write(&tree, "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "300000\n");
    tree_write(&tree, "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 3000);
    tree_fini(&tree);
}

Test(cpus, version_1_mounted_alone)
{
    struct tree tree;
    tree_init(&tree);
    tree_write(&tree, "/proc/self/cgroup", "4:cpuset:/a\n3:cpuacct,cpu:/a\n");
    tree_write(&tree, "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "200000\n");
    tree_write(&tree, "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "50000\n");
    cr_assert_eq(tide_cpus_quota_milli(tree.root), 4000);
    tree_fini(&tree);
}

Test(cpus, rubbish_is_no_quota)
{
    static const char *const rubbish[] = {"", "x", "100000", "100000 0\n", "-5 100000", "1 x", " "};
    struct tree tree;
    tree_init(&tree);
    tree_write(&tree, "/proc/self/cgroup", "nonsense\n:\n0::/a\n");
    for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
        tree_write(&tree, "/sys/fs/cgroup/a/cpu.max", rubbish[i]);
        cr_expect_eq(tide_cpus_quota_milli(tree.root), 0, "%s", rubbish[i]);
    }
    tree_fini(&tree);
}
