/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection: a small state machine over getaddrinfo, connect and recv.
 */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_NS 1000000000u

void
tide_connection_init(struct tide_connection *connection, const struct tide_host *host,
                     struct tide_task *task)
{
    connection->host = host;
    connection->task = task;
    connection->fd = -1;
    pthread_mutex_init(&connection->lock, NULL);
}

static void
addresses_free(struct tide_connection *connection)
{
    if (connection->found != NULL) {
        freeaddrinfo(connection->found);
        connection->found = NULL;
    }
    connection->address = NULL;
}

static void
descriptor_close(struct tide_connection *connection)
{
    if (connection->fd >= 0) {
        connection->host->unwatch_fd(connection->task, connection->fd);
        close(connection->fd);
        connection->fd = -1;
    }
}

void
tide_connection_fini(struct tide_connection *connection)
{
    descriptor_close(connection);
    addresses_free(connection);
    pthread_mutex_destroy(&connection->lock);
}

static void
pause_for(struct tide_connection *connection, const char *what)
{
    descriptor_close(connection);
    addresses_free(connection);
    snprintf(connection->reason, sizeof(connection->reason), "%s:%s %s", connection->name,
             connection->port, what);
    connection->state = TIDE_CONNECTION_PAUSED;
    connection->again_ns = connection->host->now_mono(connection->host) + AGAIN_NS;
}

static int
resolve_run(void *arg)
{
    struct tide_connection *connection = arg;
    const struct tide_host *host = connection->host;
    struct tide_task *task = connection->task;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(connection->name, connection->port, &hints, &found);
    pthread_mutex_lock(&connection->lock);
    connection->found = code == 0 ? found : NULL;
    connection->resolve_code = code;
    connection->resolved = true;
    pthread_mutex_unlock(&connection->lock);
    host->wake(task);
    return 0;
}

static void
resolve_begin(struct tide_connection *connection)
{
    if (connection->host->offload(connection->task, resolve_run, connection, 0) != 0) {
        pause_for(connection, "cannot be looked up: too many offloaded calls");
        return;
    }
    connection->state = TIDE_CONNECTION_RESOLVING;
}

/* Begins to connect to `address`, or to the first behind it that can be begun with. */
static void
connect_begin(struct tide_connection *connection)
{
    int error = ENOENT;
    for (; connection->address != NULL; connection->address = connection->address->ai_next) {
        const struct addrinfo *address = connection->address;
        connection->fd =
            socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   address->ai_protocol);
        if (connection->fd >= 0 &&
            (connect(connection->fd, address->ai_addr, address->ai_addrlen) == 0 ||
             errno == EINPROGRESS) &&
            connection->host->watch_fd(connection->task, connection->fd, EPOLLOUT) == 0) {
            connection->state = TIDE_CONNECTION_CONNECTING;
            return;
        }
        error = errno;
        descriptor_close(connection);
    }
    pause_for(connection, strerror(error));
}

static void
resolve_end(struct tide_connection *connection)
{
    bool resolved;
    uint64_t id;
    int code, result;
    while (connection->host->offload_done(connection->task, &id, &result)) {
    }
    pthread_mutex_lock(&connection->lock);
    resolved = connection->resolved;
    code = connection->resolve_code;
    connection->resolved = false;
    pthread_mutex_unlock(&connection->lock);
    if (!resolved) {
        return;
    }
    if (code != 0) {
        pause_for(connection, gai_strerror(code));
        return;
    }
    connection->address = connection->found;
    connect_begin(connection);
}

static void
connect_end(struct tide_connection *connection)
{
    struct pollfd ready = {.fd = connection->fd, .events = POLLOUT};
    int error = 0;
    socklen_t n = sizeof(error);
    if (poll(&ready, 1, 0) <= 0) {
        return;
    }
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0) {
        error = errno;
    }
    if (error == 0 && connection->host->watch_fd(connection->task, connection->fd, EPOLLIN) == 0) {
        addresses_free(connection);
        connection->reason[0] = '\0';
        connection->state = TIDE_CONNECTION_OPEN;
        return;
    }
    descriptor_close(connection);
    connection->address = connection->address->ai_next;
    if (connection->address == NULL) {
        pause_for(connection, strerror(error));
        return;
    }
    connect_begin(connection);
}

bool
tide_connection_advance(struct tide_connection *connection)
{
    const struct tide_host *host = connection->host;
    if (connection->state == TIDE_CONNECTION_PAUSED &&
        host->now_mono(host) >= connection->again_ns) {
        resolve_begin(connection);
    }
    if (connection->state == TIDE_CONNECTION_RESOLVING) {
        resolve_end(connection);
    }
    if (connection->state == TIDE_CONNECTION_CONNECTING) {
        connect_end(connection);
    }
    if (connection->state == TIDE_CONNECTION_PAUSED) {
        host->timer_at(connection->task, connection->again_ns);
    }
    return connection->state == TIDE_CONNECTION_OPEN;
}

ssize_t
tide_connection_read(struct tide_connection *connection, char *out, size_t out_max)
{
    ssize_t n;
    do {
        n = recv(connection->fd, out, out_max, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        return n;
    }
    if (n < 0 && errno == EAGAIN) {
        return 0;
    }
    pause_for(connection, n == 0 ? "closed the connection" : strerror(errno));
    return -1;
}
