/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one epoll with an eventfd for wakes and a timerfd for the earliest deadline.
 *
 * Threads: the owner; any thread for tide_loop_wake, which only writes to the eventfd.
 *
 * Invariants:
 *   E1 between calls the timerfd is armed no later than the earliest deadline, so the epoll
 * descriptor alone tells an embedder everything; E2 armed_ns is what the timerfd is set to,
 * UINT64_MAX when it is off: it is set again only when the wish differs, because that is a system
 * call per wait.
 */
#include "io/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "io/deadline.h"

#define NS_PER_S 1000000000u
#define EPOLL_EVENTS_MAX 64u

/* A watched descriptor, at the index of its number. */
struct watch {
    uint64_t tag;
    bool on;
};

struct tide_loop {
    const struct tide_seam *seam;
    int epoll_fd;
    int wake_fd;
    int timer_fd;
    uint64_t armed_ns;
    struct tide_deadlines deadlines;
    struct watch *watches;
    uint32_t watches_n;
};

static void
arm(struct tide_loop *loop, uint64_t at_ns)
{
    if (at_ns == loop->armed_ns) {
        return;
    }
    struct itimerspec spec = {{0, 0}, {0, 0}};
    if (at_ns != UINT64_MAX) {
        uint64_t ns = at_ns > 0 ? at_ns : 1; /* 0 would switch it off */
        spec.it_value.tv_sec = (time_t)(ns / NS_PER_S);
        spec.it_value.tv_nsec = (long)(ns % NS_PER_S);
    }
    int failed = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    TIDE_ASSERT(failed == 0);
    loop->armed_ns = at_ns;
}

static int
add_own(struct tide_loop *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)fd};
    return fd >= 0 ? epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) : -1;
}

int
tide_loop_create(const struct tide_seam *seam, struct tide_loop **out_loop, struct tide_error *err)
{
    struct tide_loop *loop = tide_alloc(seam, sizeof(*loop));
    if (loop == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for an event loop");
    }
    loop->seam = seam;
    loop->armed_ns = UINT64_MAX;
    tide_deadlines_init(&loop->deadlines, seam);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (add_own(loop, loop->wake_fd) != 0 || add_own(loop, loop->timer_fd) != 0) {
        int sys = errno;
        tide_loop_destroy(loop);
        return tide_error_set(err, TIDE_ERR_IO, "cannot make an event loop: %s", strerror(sys));
    }
    *out_loop = loop;
    return 0;
}

void
tide_loop_destroy(struct tide_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    int fds[] = {loop->epoll_fd, loop->wake_fd, loop->timer_fd};
    for (uint32_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    tide_deadlines_fini(&loop->deadlines);
    tide_free(loop->seam, loop->watches);
    tide_free(loop->seam, loop);
}

static int
watches_grow(struct tide_loop *loop, uint32_t n)
{
    uint32_t cap = loop->watches_n > 0 ? loop->watches_n : 64;
    while (cap < n) {
        cap *= 2;
    }
    struct watch *watches = tide_resize(loop->seam, loop->watches, cap * sizeof(*watches));
    if (watches == NULL) {
        return TIDE_ERR_NOMEM;
    }
    memset(watches + loop->watches_n, 0, (cap - loop->watches_n) * sizeof(*watches));
    loop->watches = watches;
    loop->watches_n = cap;
    return 0;
}

int
tide_loop_watch(struct tide_loop *loop, int fd, uint32_t events, uint64_t tag,
                struct tide_error *err)
{
    TIDE_ASSERT(fd >= 0);
    uint32_t at = (uint32_t)fd;
    if (at >= loop->watches_n && watches_grow(loop, at + 1) != 0) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory to watch a descriptor");
    }
    struct epoll_event event = {.events = ((events & TIDE_LOOP_READ) ? EPOLLIN : 0u) |
                                          ((events & TIDE_LOOP_WRITE) ? EPOLLOUT : 0u),
                                .data.u64 = (uint64_t)fd};
    int op = loop->watches[at].on ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll_fd, op, fd, &event) != 0) {
        return tide_error_set(err, TIDE_ERR_IO, "cannot watch descriptor %d: %s", fd,
                              strerror(errno));
    }
    loop->watches[at] = (struct watch){.tag = tag, .on = true};
    return 0;
}

void
tide_loop_unwatch(struct tide_loop *loop, int fd)
{
    if (fd >= 0 && (uint32_t)fd < loop->watches_n && loop->watches[fd].on) {
        loop->watches[fd].on = false;
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    }
}

int
tide_loop_timer_set(struct tide_loop *loop, uint64_t at_ns, uint64_t tag, uint64_t *out_id)
{
    int rc = tide_deadlines_add(&loop->deadlines, at_ns, tag, out_id);
    if (rc == 0 && at_ns < loop->armed_ns) {
        arm(loop, at_ns);
    }
    return rc;
}

void
tide_loop_timer_clear(struct tide_loop *loop, uint64_t id)
{
    tide_deadlines_clear(&loop->deadlines,
                         id); /* the timerfd may fire early: a wait sees nothing due */
}

static void
drain(int fd)
{
    uint64_t count;
    (void)!read(fd, &count, sizeof(count));
}

/* Translates one epoll event; false when it is nobody's. */
static bool
translate(struct tide_loop *loop, const struct epoll_event *event, struct tide_loop_event *out)
{
    int fd = (int)event->data.u64;
    if (fd == loop->timer_fd) {
        drain(fd);
        loop->armed_ns = UINT64_MAX;
        return false;
    }
    if (fd == loop->wake_fd) {
        drain(fd);
        *out = (struct tide_loop_event){.kind = TIDE_LOOP_WAKE};
        return true;
    }
    if (!loop->watches[fd].on) {
        return false;
    }
    uint32_t events = ((event->events & EPOLLIN) ? TIDE_LOOP_READ : 0u) |
                      ((event->events & EPOLLOUT) ? TIDE_LOOP_WRITE : 0u) |
                      ((event->events & (EPOLLERR | EPOLLHUP)) ? TIDE_LOOP_HANGUP : 0u);
    *out = (struct tide_loop_event){
        .kind = TIDE_LOOP_FD, .events = events, .tag = loop->watches[fd].tag};
    return true;
}

static uint32_t
take_due(struct tide_loop *loop, struct tide_loop_event *out, uint32_t max)
{
    uint32_t n = 0;
    if (max == 0 || tide_deadlines_first(&loop->deadlines) == UINT64_MAX) {
        return 0;
    }
    uint64_t now_ns = tide_mono_ns(loop->seam);
    uint64_t tag = 0;
    while (n < max && tide_deadlines_take(&loop->deadlines, now_ns, &tag)) {
        out[n++] = (struct tide_loop_event){.kind = TIDE_LOOP_TIMER, .tag = tag};
    }
    return n;
}

static uint32_t
look(struct tide_loop *loop, bool block, struct tide_loop_event *out, uint32_t max)
{
    struct epoll_event events[EPOLL_EVENTS_MAX];
    uint32_t ask = max < EPOLL_EVENTS_MAX ? max : EPOLL_EVENTS_MAX;
    int got = epoll_wait(loop->epoll_fd, events, (int)ask, block ? -1 : 0);
    TIDE_ASSERT(got >= 0 || errno == EINTR);
    uint32_t n = 0;
    for (int i = 0; i < got; i++) {
        n += translate(loop, &events[i], &out[n]) ? 1 : 0;
    }
    return n;
}

uint32_t
tide_loop_wait(struct tide_loop *loop, uint64_t timeout_ns, struct tide_loop_event *out_events,
               uint32_t max)
{
    TIDE_ASSERT(max > 0);
    bool block = timeout_ns > 0;
    uint64_t until_ns = tide_deadlines_first(&loop->deadlines);
    if (block && timeout_ns != TIDE_LOOP_NO_TIMEOUT) {
        uint64_t end_ns = tide_mono_ns(loop->seam) + timeout_ns;
        until_ns = end_ns < until_ns ? end_ns : until_ns;
    }
    if (block) {
        arm(loop, until_ns);
    }
    uint32_t n = look(loop, block, out_events, max);
    n += take_due(loop, out_events + n, max - n);
    if (tide_deadlines_first(&loop->deadlines) < loop->armed_ns) { /* E1 */
        arm(loop, tide_deadlines_first(&loop->deadlines));
    }
    return n;
}

void
tide_loop_wake(void *loop)
{
    uint64_t one = 1;
    (void)!write(((struct tide_loop *)loop)->wake_fd, &one, sizeof(one));
}

int
tide_loop_fd(const struct tide_loop *loop)
{
    return loop->epoll_fd;
}
