/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tidemark gen`: test data at a rate, open loop: record i is due at start + i / rate, whatever
 * happened before; what is late is written at once.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "gen_out.h"
#include "say.h"
#include "signals.h"
#include "verbs.h"

#define NS_PER_S 1000000000u
#define RATE_DEFAULT 1000u
#define PAUSE_NS_MAX 10000000u /* between two looks at signals and acknowledgements */
#define BURST_MAX 1000u        /* records between two of them at full speed */

/* What is asked for. */
struct plan {
    cli_gen_fn *make;
    uint64_t seed;
    uint64_t rate;   /* records a second, 0: as fast as they go */
    uint64_t count;  /* 0: no end */
    uint64_t run_ns; /* 0: no end */
};

static uint64_t
clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void
pause_ns(uint64_t ns)
{
    struct timespec time = {.tv_nsec = (long)(ns < PAUSE_NS_MAX ? ns : PAUSE_NS_MAX)};
    nanosleep(&time, NULL);
}

/* When record @number is due, since the start; overflow-free for any number at any rate. */
static uint64_t
due_ns(const struct plan *plan, uint64_t number)
{
    return plan->rate == 0
               ? 0
               : number / plan->rate * NS_PER_S + number % plan->rate * NS_PER_S / plan->rate;
}

/* Writes what is due at @now; *@number is the next record. */
static int
put_due(const struct plan *plan, const struct cli_gen_out *out, uint64_t now, uint64_t *number)
{
    struct cli_gen_record record;
    uint64_t wall = clock_ns(CLOCK_REALTIME);
    for (uint32_t i = 0; i < BURST_MAX; i++) {
        uint64_t due = due_ns(plan, *number);
        if (due > now || (plan->count > 0 && *number == plan->count) ||
            (plan->run_ns > 0 && due >= plan->run_ns)) {
            break;
        }
        plan->make(plan->seed, *number, wall, &record);
        int code = out->put(out->self, &record);
        if (code != 0) {
            return code;
        }
        ++*number;
    }
    return 0;
}

/* Whether nothing more is due from @now on. */
static bool
is_over(const struct plan *plan, uint64_t now, uint64_t number)
{
    bool timed_out = plan->run_ns > 0 && now >= plan->run_ns &&
                     (plan->rate == 0 || due_ns(plan, number) >= plan->run_ns);
    return timed_out || (plan->count > 0 && number == plan->count);
}

static int
generate(const struct plan *plan, const struct cli_gen_out *out)
{
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    uint64_t now = 0;
    uint64_t number = 0;
    int code = 0;
    while (code == 0 && !cli_signals_stop() && !is_over(plan, now, number)) {
        code = put_due(plan, out, now, &number);
        code = code != 0 ? code : out->rest(out->self);
        uint64_t due = due_ns(plan, number);
        if (code == 0 && due > now && (plan->count == 0 || number < plan->count)) {
            pause_ns(due - now);
        }
        now = clock_ns(CLOCK_MONOTONIC) - start;
    }
    return code;
}

static int
open_out(const struct cli_args *args, struct cli_gen_out *out)
{
    const char *brokers = cli_text(args, "brokers", NULL);
    const char *topic = cli_text(args, "topic", NULL);
    const char *path = cli_text(args, "out", NULL);
    if ((brokers == NULL) != (topic == NULL)) {
        cli_say("--brokers and --topic belong together");
        return CLI_EXIT_USAGE;
    }
    if (topic != NULL && path != NULL) {
        cli_say("--topic and --out are two different places: give one of them");
        return CLI_EXIT_USAGE;
    }
    return topic != NULL ? cli_gen_topic(brokers, topic, out) : cli_gen_files(path, out);
}

static int
run_gen(const struct cli_args *args, cli_gen_fn *make)
{
    const struct cli_value *rate = cli_value(args, "rate");
    const struct cli_value *seed = cli_value(args, "seed");
    const struct plan plan = {.make = make,
                              .seed = seed->given ? seed->number : 1,
                              .rate = rate->given ? rate->number : RATE_DEFAULT,
                              .count = cli_value(args, "count")->number,
                              .run_ns = cli_value(args, "for")->number};
    struct cli_gen_out out;
    uint64_t delivered = 0;
    cli_signals_install(NULL);
    int code = open_out(args, &out);
    if (code != 0) {
        cli_signals_remove();
        return code;
    }
    code = generate(&plan, &out);
    int end = out.end(out.self, &delivered);
    cli_signals_remove();
    if (cli_value(args, "brokers")->given || cli_value(args, "out")->given) {
        cli_say("%" PRIu64 " records to %s", delivered,
                cli_text(args, "topic", cli_text(args, "out", "")));
    }
    return code != 0 ? code : end;
}

static int
run_cards(const struct cli_args *args)
{
    return run_gen(args, cli_gen_card);
}

static int
run_words(const struct cli_args *args)
{
    return run_gen(args, cli_gen_word);
}

static const struct cli_flag flags[] = {
    {"brokers", CLI_FLAG_TEXT, "HOST:PORT", "Writes to a Kafka cluster, with --topic"},
    {"topic", CLI_FLAG_TEXT, "NAME", "The topic to write to"},
    {"out", CLI_FLAG_TEXT, "FILE|DIR", "Writes to a file, or files of 1,000 records in a folder"},
    {"rate", CLI_FLAG_RATE, "N", "Records a second, or max; default 1000"},
    {"for", CLI_FLAG_DURATION, "TIME", "Stops after so long, such as 60s"},
    {"count", CLI_FLAG_COUNT, "N", "Stops after N records"},
    {"seed", CLI_FLAG_NUMBER, "N", "Other numbers give other data; default 1"},
    {.name = NULL},
};

static const char more[] =
    "Without --topic and --out the records go to standard output, one a line. Without --for and\n"
    "--count it goes on until it is interrupted. The same seed gives the same records, but for\n"
    "the time in them. Record i is due i / rate seconds after the start, whatever happened "
    "before.\n";

const struct cli_verb cli_verb_gen_cards = {
    .name = "gen cards",
    .words = "",
    .doc = "Writes card transactions: JSON of about 250 bytes, keyed by card",
    .flags = flags,
    .more = more,
    .run = run_cards,
};

const struct cli_verb cli_verb_gen_words = {
    .name = "gen words",
    .words = "",
    .doc = "Writes words, few of them often and many seldom, without a key",
    .flags = flags,
    .more = more,
    .run = run_words,
};
