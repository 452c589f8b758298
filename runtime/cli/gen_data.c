/* SPDX-License-Identifier: Apache-2.0 */
/* Test data: see gen_data.h. */
#include "gen_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CARDS 10000u

/* splitmix64's finalizer: neighbouring numbers become unrelated ones. */
static uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static size_t
put_time(uint64_t wall_ns, char *out, size_t max)
{
    time_t seconds = (time_t)(wall_ns / 1000000000u);
    struct tm when = {0};
    gmtime_r(&seconds, &when);
    size_t n = strftime(out, max, "%Y-%m-%dT%H:%M:%S", &when);
    return n + (size_t)snprintf(out + n, max - n, ".%03uZ", (unsigned)(wall_ns / 1000000u % 1000u));
}

/* Most amounts are small, one in 64 is large: both branches of a scoring pipeline are taken. */
void
cli_gen_card(uint64_t seed, uint64_t number, uint64_t wall_ns, struct cli_gen_record *out)
{
    static const char *const countries[] = {"DE", "FR", "GB", "US", "NL", "ES", "IT", "PL"};
    static const char *const merchants[] = {
        "Corner Bakery and Coffee House, 12 Station Square, Old Town, beside the flower market",
        "Northern Lights Electronics, Wholesale and Repair, 210 Ring Road West, Industrial Park",
        "Harbour Street Books, Maps, Stationery and Fine Paper, 7 Harbour Street, second floor",
        "Greenfield Organic Market, Fruit, Vegetables, Bread and Cheese, Town Hall Branch, Hall B",
    };
    char when[40];
    uint64_t random = mix(mix(seed) ^ number);
    unsigned cents = (unsigned)(random % (random >> 58 == 0 ? 500000u : 20000u)) + 1;
    put_time(wall_ns, when, sizeof(when));
    out->key_len =
        (size_t)snprintf(out->key, sizeof(out->key), "card-%010u", (unsigned)(mix(random) % CARDS));
    out->value_len = (size_t)snprintf(
        out->value, sizeof(out->value),
        "{\"tx_id\":\"%016" PRIu64 "\",\"card_id\":\"%s\",\"amount\":%u.%02u,\"country\":\"%s\","
        "\"merchant\":\"%s #%05u\",\"event_time\":\"%s\"}",
        number, out->key, cents / 100, cents % 100, countries[(random >> 8) % COUNT(countries)],
        merchants[(random >> 16) % COUNT(merchants)], (unsigned)(random >> 24) % 100000u, when);
}

/* The product of two uniform numbers: the first words come far more often than the last. */
void
cli_gen_word(uint64_t seed, uint64_t number, uint64_t wall_ns, struct cli_gen_record *out)
{
    static const char *const words[] = {
        "the",    "of",     "and",     "to",    "in",     "a",       "is",    "that",
        "sea",    "it",     "was",     "for",   "on",     "with",    "as",    "water",
        "by",     "wave",   "at",      "from",  "moon",   "shore",   "high",  "low",
        "stream", "record", "mark",    "tide",  "boat",   "harbour", "wind",  "sand",
        "salt",   "deep",   "current", "drift", "anchor", "sail",    "rope",  "light",
        "storm",  "calm",   "island",  "river", "mouth",  "bridge",  "ferry", "pilot",
        "buoy",   "chart",  "depth",   "knot",  "mast",   "crew",    "gull",  "shell",
        "reef",   "bay",    "cape",    "dune",  "foam",   "spray",   "ebb",   "flood",
    };
    uint64_t random = mix(mix(seed) ^ number);
    uint64_t product = (random >> 32) * (random & UINT32_MAX) >> 32;
    const char *word = words[product * COUNT(words) >> 32];
    (void)wall_ns;
    out->key_len = 0;
    out->value_len = strlen(word);
    memcpy(out->value, word, out->value_len);
}
