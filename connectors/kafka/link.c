/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link: the client's callbacks, and the state that they keep.
 *
 * librdkafka says when all brokers are down but not when one is back: a record or an
 * acknowledgement shows it, and while there is none the tasks ask (tide_kafka_link_ask, offloaded).
 */
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Acknowledgements served in one go: bounds the time of a step. */
#define SERVE_MAX 256u

/* @link's lock is held. */
static void
waiters_wake(struct tide_kafka_link *link)
{
    for (struct tide_kafka_waiter *waiter = link->waiters; waiter != NULL; waiter = waiter->next) {
        link->host->wake(waiter->task);
    }
}

void
tide_kafka_link_trouble(struct tide_kafka_link *link, const char *reason)
{
    pthread_mutex_lock(&link->lock);
    if (!link->down) {
        link->down = true;
        waiters_wake(link);
    }
    snprintf(link->reason, sizeof(link->reason), "%s", reason);
    pthread_mutex_unlock(&link->lock);
}

void
tide_kafka_link_up(struct tide_kafka_link *link)
{
    pthread_mutex_lock(&link->lock);
    if (link->down) {
        link->down = false;
        waiters_wake(link);
    }
    pthread_mutex_unlock(&link->lock);
}

bool
tide_kafka_link_down(struct tide_kafka_link *link, char *out)
{
    bool down;
    pthread_mutex_lock(&link->lock);
    down = link->down;
    if (down) {
        memcpy(out, link->reason, sizeof(link->reason));
    }
    pthread_mutex_unlock(&link->lock);
    return down;
}

bool
tide_kafka_code_transient(int code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
        return true;
    default:
        return false;
    }
}

bool
tide_kafka_code_missing(int code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static void
away_note(struct tide_kafka_link *link, int code, const char *text)
{
    char reason[TIDE_KAFKA_REASON_MAX];
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL) {
        snprintf(reason, sizeof(reason), "broker %s refuses the connection: %s", link->brokers,
                 text);
    } else {
        snprintf(reason, sizeof(reason), "broker %s does not answer", link->brokers);
    }
    tide_kafka_link_trouble(link, reason);
}

static void
link_error(void *self, int code, const char *text)
{
    struct tide_kafka_link *link = self;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
        code == RD_KAFKA_RESP_ERR__SSL) {
        away_note(link, code, text);
    } else if (code == RD_KAFKA_RESP_ERR__FATAL || tide_kafka_code_missing(code)) {
        pthread_mutex_lock(&link->lock);
        link->doubts += tide_kafka_code_missing(code);
        waiters_wake(link);
        pthread_mutex_unlock(&link->lock);
    }
}

uint32_t
tide_kafka_link_doubts(struct tide_kafka_link *link)
{
    uint32_t doubts;
    pthread_mutex_lock(&link->lock);
    doubts = link->doubts;
    pthread_mutex_unlock(&link->lock);
    return doubts;
}

/* Whether a line may be passed on now; *out_held_back are those that were not since the last. */
static bool
log_may(struct tide_kafka_link *link, uint64_t *out_held_back)
{
    uint64_t now = link->host->now_mono(link->host);
    bool may;
    pthread_mutex_lock(&link->lock);
    may = now >= link->log_after_ns;
    *out_held_back = link->log_held_back;
    link->log_held_back = may ? 0 : link->log_held_back + 1;
    if (may) {
        link->log_after_ns = now + TIDE_KAFKA_LOG_EVERY_NS;
    }
    pthread_mutex_unlock(&link->lock);
    return may;
}

/* syslog's levels: 3 error, 4 warning, 5 notice, 6 information, 7 debug. */
static void
link_log(void *self, int level, const char *facility, const char *text)
{
    struct tide_kafka_link *link = self;
    bool away = strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0 ||
                strcmp(facility, "CONFWARN") == 0;
    uint64_t held_back;
    if (level > 4 || away) {
        link->host->log(link->host, TIDE_SEVERITY_DEBUG, "librdkafka %s: %s", facility, text);
    } else if (log_may(link, &held_back)) {
        link->host->log(link->host, TIDE_SEVERITY_WARN,
                        "librdkafka %s: %s (%llu lines held back before)", facility, text,
                        (unsigned long long)held_back);
    }
}

/* Inside tide_kafka_link_serve, under `serving`. */
static void
link_ack(void *self, void *message, int code)
{
    struct tide_kafka_link *link = self;
    link->on_ack(link->self, message, code);
    if (++link->served == SERVE_MAX) {
        link->api->poll_stop(link->client);
    }
}

int
tide_kafka_link_open(struct tide_kafka_link *link, const struct tide_kafka_link_config *config,
                     struct tide_error *err)
{
    const struct tide_kafka_client_config client = {
        .host = config->host,
        .role = config->role,
        .settings = config->settings->items,
        .n_settings = config->settings->n,
        .self = link,
        .on_error = link_error,
        .on_ack = link_ack,
        .on_log = link_log,
    };
    int code;
    *link = (struct tide_kafka_link){
        .host = config->host,
        .api = config->api,
        .brokers = tide_kafka_settings_get(config->settings, "bootstrap.servers"),
        .self = config->self,
        .on_ack = config->on_ack,
        .more = true, /* what came before the descriptor was known */
    };
    pthread_mutex_init(&link->serving, NULL);
    pthread_mutex_init(&link->lock, NULL);
    link->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (link->fd < 0) {
        code = tide_error_set(err, TIDE_ERR_IO, "cannot make an eventfd: %s", strerror(errno));
    } else {
        code = link->api->client_open(link->api, &client, &link->client, err);
    }
    if (code != 0) {
        tide_kafka_link_close(link);
        return code;
    }
    link->api->client_wake(link->client, link->fd);
    return 0;
}

void
tide_kafka_link_close(struct tide_kafka_link *link)
{
    if (link->host == NULL) {
        return;
    }
    if (link->client != NULL) {
        link->api->client_close(link->client);
    }
    if (link->fd >= 0) {
        close(link->fd);
    }
    pthread_mutex_destroy(&link->lock);
    pthread_mutex_destroy(&link->serving);
    link->host = NULL;
}

void
tide_kafka_link_join(struct tide_kafka_link *link, struct tide_kafka_waiter *waiter)
{
    pthread_mutex_lock(&link->lock);
    waiter->next = link->waiters;
    link->waiters = waiter;
    pthread_mutex_unlock(&link->lock);
}

void
tide_kafka_link_leave(struct tide_kafka_link *link, struct tide_kafka_waiter *waiter)
{
    struct tide_kafka_waiter **at = &link->waiters;
    pthread_mutex_lock(&link->lock);
    while (*at != NULL && *at != waiter) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = waiter->next;
    }
    pthread_mutex_unlock(&link->lock);
}

/* The descriptor is emptied first: what comes after that makes it readable again, or is seen by
 * this poll. */
enum tide_kafka_served
tide_kafka_link_serve(struct tide_kafka_link *link, const void *server)
{
    uint64_t count;
    bool some = false;
    if (pthread_mutex_trylock(&link->serving) != 0) {
        return TIDE_KAFKA_SERVED_BUSY;
    }
    if (read(link->fd, &count, sizeof(count)) > 0 || link->more) {
        link->served = 0;
        link->server = server;
        some = link->api->poll(link->client);
        link->more = link->served >= SERVE_MAX;
    }
    pthread_mutex_unlock(&link->serving);
    return some ? TIDE_KAFKA_SERVED_SOME : TIDE_KAFKA_SERVED_NONE;
}

struct asked {
    int32_t n_partitions;
    int code;
};

static void
asked_topic(void *self, const char *topic, int32_t n_partitions, int code)
{
    (void)topic;
    *(struct asked *)self = (struct asked){n_partitions, code};
}

/* A reason that is known already says more than that there was no answer. */
int
tide_kafka_link_ask(struct tide_kafka_link *link, const char *topic, int timeout_ms,
                    int32_t *out_partitions)
{
    char reason[TIDE_KAFKA_REASON_MAX];
    struct asked asked = {0, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART};
    int code = link->api->metadata(link->client, topic, timeout_ms, asked_topic, &asked);
    *out_partitions = code == 0 && asked.code == 0 ? asked.n_partitions : 0;
    if (code == 0) {
        tide_kafka_link_up(link);
        return asked.code;
    }
    if (!tide_kafka_link_down(link, reason)) {
        away_note(link, code, rd_kafka_err2str(code));
    }
    return code;
}
