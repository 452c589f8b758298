/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link: one client and what is known of its brokers, shared by the tasks of a source or sink.
 *
 * Errors and acknowledgements come out of the client's main queue, which any task may serve, one at
 * a time: who finds another at it asks to be stepped again instead of waiting. The state below
 * `lock` is read and written in a few instructions, so that taking the lock never waits for long;
 * the client's log lines, which come on the client's own threads, use it too.
 *
 * Lines of the client's log about a broker that is away are debug output here: the pipeline's state
 * WAITING says it once. Others are passed on, at most one in TIDE_KAFKA_LOG_EVERY_NS.
 */
#ifndef TIDE_KAFKA_LINK_H
#define TIDE_KAFKA_LINK_H

#include <pthread.h>

#include <tidemark/plugin.h>

#include "client.h"
#include "settings.h"

#define TIDE_KAFKA_LOG_EVERY_NS 5000000000u
#define TIDE_KAFKA_REASON_MAX 320u

/* A task that wants to be stepped when the link's state changes. Lives in the task. */
struct tide_kafka_waiter {
    struct tide_task *task;
    struct tide_kafka_waiter *next;
};

struct tide_kafka_link {
    const struct tide_host *host;
    const struct tide_kafka_client_api *api;
    struct tide_kafka_client *client;
    const char *brokers; /* as the user wrote them */
    int fd;              /* readable when the main queue has something */
    void *self;          /* of on_ack */
    void (*on_ack)(void *self, void *message, int code);

    pthread_mutex_t serving; /* held while the main queue is served; protects the next three */
    const void *server;      /* who serves it */
    uint32_t served;         /* acknowledgements in this serving */
    bool more;               /* some were left by the last serving */
    pthread_mutex_t lock;    /* protects what follows */
    struct tide_kafka_waiter *waiters;
    bool down;
    uint32_t doubts; /* how often the client missed a topic or partition */
    char reason[TIDE_KAFKA_REASON_MAX];
    uint64_t log_after_ns;
    uint64_t log_held_back;
};

/* What a link is made from. Everything outlives the link. */
struct tide_kafka_link_config {
    const struct tide_host *host;
    const struct tide_kafka_client_api *api;
    enum tide_kafka_role role;
    const struct tide_kafka_settings *settings;
    void *self;
    void (*on_ack)(void *self, void *message, int code); /* producers */
};

/* Makes the client; waits for nothing. TIDE_ERR_INVALID, TIDE_ERR_NOMEM, TIDE_ERR_IO. @thread start
 */
int tide_kafka_link_open(struct tide_kafka_link *link, const struct tide_kafka_link_config *config,
                         struct tide_error *err);

/* Ends the client; a link that was not opened (zeroed) is legal. @thread start */
void tide_kafka_link_close(struct tide_kafka_link *link);

/* Has @waiter's task woken when the state changes; before its first step, after its last. @thread
 * start */
void tide_kafka_link_join(struct tide_kafka_link *link, struct tide_kafka_waiter *waiter);
void tide_kafka_link_leave(struct tide_kafka_link *link, struct tide_kafka_waiter *waiter);

enum tide_kafka_served {
    TIDE_KAFKA_SERVED_NONE, /* there was nothing */
    TIDE_KAFKA_SERVED_SOME, /* callbacks were called; there may be more */
    TIDE_KAFKA_SERVED_BUSY  /* another task is at it */
};

/* Serves the main queue if its descriptor says that there is something. on_ack finds @server in
 * `server`. Never blocks. @thread task */
enum tide_kafka_served tide_kafka_link_serve(struct tide_kafka_link *link, const void *server);

/* Whether no broker answers; then @out (of TIDE_KAFKA_REASON_MAX bytes) says so. @thread any */
bool tide_kafka_link_down(struct tide_kafka_link *link, char *out);

/* Notes that a broker answered, or what is wrong; wakes the waiters when that is news. @thread any
 */
void tide_kafka_link_up(struct tide_kafka_link *link);
void tide_kafka_link_trouble(struct tide_kafka_link *link, const char *reason);

/* Rises when the client misses a topic or partition, without saying which: to be asked for.
 * @thread any */
uint32_t tide_kafka_link_doubts(struct tide_kafka_link *link);

/* Asks for the metadata of @topic and notes whether a broker answered. Returns the topic's or the
 * request's code; *out_partitions is 0 unless the code is. Blocks up to @timeout_ms. @thread any */
int tide_kafka_link_ask(struct tide_kafka_link *link, const char *topic, int timeout_ms,
                        int32_t *out_partitions);

/* Whether a code means that no broker could be asked, so that asking again may help. @thread any */
bool tide_kafka_code_transient(int code);

/* Whether a code means that the topic or partition does not exist (yet). @thread any */
bool tide_kafka_code_missing(int code);

#endif
