/* SPDX-License-Identifier: Apache-2.0 */
/* Card transactions. See the header. */
#include "load/cards.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const countries[] = {"DE", "FR", "GB", "US", "NL", "ES", "IT", "PL"};
static const char *const merchants[] = {
    "Corner Bakery and Coffee House, 12 Station Square, Old Town, beside the flower market",
    "Northern Lights Electronics, Wholesale and Repair, 210 Ring Road West, Industrial Park",
    "Harbour Street Books, Maps, Stationery and Fine Paper, 7 Harbour Street, second floor",
    "Greenfield Organic Market, Fruit, Vegetables, Bread and Cheese, Town Hall Branch, Hall B",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* splitmix64's finalizer: neighbouring numbers become unrelated ones. */
static uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static unsigned
card_of(uint64_t sequence, uint32_t cards)
{
    return (unsigned)(mix(sequence) % cards);
}

size_t
cards_key(uint64_t sequence, uint32_t cards, char out[CARDS_KEY_BYTES])
{
    return (size_t)snprintf(out, CARDS_KEY_BYTES, "card-%010u", card_of(sequence, cards));
}

size_t
cards_value(uint64_t sequence, uint32_t cards, uint64_t epoch_ns, char out[CARDS_VALUE_BYTES])
{
    uint64_t random = mix(sequence ^ 0x5bd1e995u);
    time_t seconds = (time_t)(epoch_ns / 1000000000u);
    struct tm when;
    char stamp[32];
    (void)gmtime_r(&seconds, &when);
    (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &when);
    /* Most amounts are small, one in 64 is large: both branches of a scoring pipeline are taken. */
    unsigned cents = (unsigned)(random % (random >> 58 == 0 ? 500000u : 20000u)) + 1;
    return (size_t)snprintf(
        out, CARDS_VALUE_BYTES,
        "{\"tx_id\":\"%016llu\",\"card_id\":\"card-%010u\",\"amount\":%u.%02u,\"country\":\"%s\","
        "\"merchant\":\"%s #%05u\",\"event_time\":\"%s.%03uZ\"}",
        (unsigned long long)sequence, card_of(sequence, cards), cents / 100, cents % 100,
        countries[(random >> 8) % COUNT(countries)], merchants[(random >> 16) % COUNT(merchants)],
        (unsigned)(random >> 24) % 100000u, stamp, (unsigned)(epoch_ns / 1000000u % 1000u));
}

int
cards_sequence(const void *value, size_t length, uint64_t *out_sequence)
{
    static const char name[] = "\"tx_id\":\"";
    const char *end = (const char *)value + length;
    const char *at = length == 0 ? NULL : memmem(value, length, name, sizeof(name) - 1);
    if (at == NULL) {
        return -1;
    }
    at += sizeof(name) - 1;
    uint64_t sequence = 0;
    int digits = 0;
    for (; at < end && *at >= '0' && *at <= '9' && digits < 19; at++, digits++) {
        sequence = sequence * 10 + (uint64_t)(*at - '0');
    }
    if (digits == 0 || at == end || *at != '"') {
        return -1;
    }
    *out_sequence = sequence;
    return 0;
}
