/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that end with this one: see child.h. */
#include "demo/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"

/* In the child, where only async-signal-safe calls are legal. */
static _Noreturn void
child_exec(const char *const *argv, const char *log, int out, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY);
    int err = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127); /* it died before the call above */
    }
    (void)setpgid(0, 0);
    if (dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2) {
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
    }
    _exit(127);
}

void
child_start(struct child *child, const char *const *argv, const char *log)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        bench_fail(1, "no pipe: %s", strerror(errno));
    }
    /* What it writes to blocks: it must not lose a line. */
    (void)fcntl(ends[1], F_SETFL, 0);
    pid_t pid = fork();
    if (pid < 0) {
        bench_fail(1, "cannot start %s: %s", argv[0], strerror(errno));
    }
    if (pid == 0) {
        child_exec(argv, log, ends[1], parent);
    }
    (void)close(ends[1]);
    if (child->out >= 0) {
        (void)close(child->out);
    }
    child->pid = pid;
    child->out = ends[0];
}

bool
child_ended(struct child *child)
{
    struct rusage usage;
    if (child->pid == 0 || wait4(child->pid, &child->status, WNOHANG, &usage) != child->pid) {
        return child->pid == 0;
    }
    child->pid = 0;
    child->cpu_s += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    double memory_mb = (double)usage.ru_maxrss / 1024;
    child->memory_mb = memory_mb > child->memory_mb ? memory_mb : child->memory_mb;
    return true;
}

static bool
wait_until(struct child *child, uint64_t deadline_ns)
{
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    while (!child_ended(child)) {
        if (bench_now_ns() >= deadline_ns) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

bool
child_stop(struct child *child, int number, double seconds)
{
    if (child_ended(child)) {
        return true;
    }
    (void)kill(child->pid, number);
    bool ended = wait_until(child, bench_now_ns() + (uint64_t)(seconds * 1e9));
    if (!ended) {
        (void)kill(child->pid, SIGKILL);
        (void)wait_until(child, UINT64_MAX);
    }
    return ended;
}
