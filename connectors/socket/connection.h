/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection: one TCP connection that is made, lost and made again without ever blocking.
 *
 * Names are resolved by an offloaded call, addresses tried one after the other. What fails is tried
 * again after a second; meanwhile `reason` says what is wrong. Threads: the task's worker; the
 * offloaded call shares only what the lock protects.
 */
#ifndef TIDE_SOCKET_CONNECTION_H
#define TIDE_SOCKET_CONNECTION_H

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>

#include <tidemark/plugin.h>

enum tide_connection_state {
    TIDE_CONNECTION_PAUSED, /* until `again_ns` */
    TIDE_CONNECTION_RESOLVING,
    TIDE_CONNECTION_CONNECTING,
    TIDE_CONNECTION_OPEN
};

struct tide_connection {
    const struct tide_host *host;
    struct tide_task *task;
    const char *name, *port; /* the peer's, as the user wrote them */
    enum tide_connection_state state;
    int fd;                         /* -1: none */
    uint64_t again_ns;              /* PAUSED: when to try again, 0: at once */
    const struct addrinfo *address; /* the one that is tried */
    char reason[256];               /* what was wrong last, "": nothing */

    pthread_mutex_t lock; /* protects what follows */
    struct addrinfo *found;
    int resolve_code; /* of getaddrinfo */
    bool resolved;
};

/* Prepares; nothing is opened. @thread start */
void tide_connection_init(struct tide_connection *connection, const struct tide_host *host,
                          struct tide_task *task);

/* Closes what is open. No offloaded call runs any more. @thread start */
void tide_connection_fini(struct tide_connection *connection);

/* Goes on with making the connection; true: it is open. @thread task */
bool tide_connection_advance(struct tide_connection *connection);

/*
 * Reads what is there into @out: the bytes read, 0 when there is nothing now, -1 when the
 * connection ended (it is closed, and `reason` says how). @thread task
 */
ssize_t tide_connection_read(struct tide_connection *connection, char *out, size_t out_max);

#endif
