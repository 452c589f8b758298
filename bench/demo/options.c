/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: see options.h. */
#include "demo/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

static const char usage[] =
    "usage: tidemark-demo [--rate 2000] [--for 15s] [--no-kill] [--brokers HOST:PORT] [--json]\n"
    "                     [--tidemark PROGRAM] [--pipeline FILE]\n"
    "\n"
    "Sends card transactions through a broker and the fraud-scoring pipeline, kills the engine on\n"
    "the way, and counts what comes out.\n"
    "\n"
    "  --rate N          transactions a second; 2000/s is understood\n"
    "  --for TIME        how long: 15s, 500ms, 2m\n"
    "  --no-kill         leaves the engine alone\n"
    "  --brokers H:P     a Kafka of yours instead of the embedded broker; topics are made for the\n"
    "                    run and deleted after it\n"
    "  --json            one line of JSON at the end instead of the table\n"
    "  --tidemark PATH   the engine's program\n"
    "  --pipeline FILE   the pipeline\n";

/* A number with one of the units, the first of which may be left out; ends this process when it is
 * none or out of range. */
static double
number_parse(const char *text, const char *const *units, const double *factors, double low,
             double high)
{
    char *end = NULL;
    double value = strtod(text, &end);
    size_t unit = 0;
    while (units[unit] != NULL && strcmp(end, units[unit]) != 0) {
        unit++;
    }
    value *= units[unit] != NULL ? factors[unit] : 0;
    if (*end == '\0' && end != text) {
        value = strtod(text, NULL) * factors[0];
    }
    if (end == text || (*end != '\0' && units[unit] == NULL) || !(value >= low && value <= high)) {
        bench_fail(2, "expected a number from %g to %g, found: %s", low, high, text);
    }
    return value;
}

static double
seconds_parse(const char *text)
{
    static const char *const units[] = {"s", "ms", "m", NULL};
    static const double factors[] = {1, 0.001, 60};
    return number_parse(text, units, factors, 0.5, 86400);
}

static double
rate_parse(const char *text)
{
    static const char *const units[] = {"/s", NULL};
    static const double factors[] = {1};
    return number_parse(text, units, factors, 1, 1e6);
}

static void
option_take(struct demo_options *options, int option)
{
    switch (option) {
    case 'r':
        options->rate = (uint64_t)rate_parse(optarg);
        break;
    case 'f':
        options->for_s = seconds_parse(optarg);
        break;
    case 'n':
        options->kill = false;
        break;
    case 'b':
        options->brokers = optarg;
        break;
    case 'j':
        options->json = true;
        break;
    case 't':
        options->tidemark = optarg;
        break;
    case 'p':
        options->pipeline = optarg;
        break;
    case 'h':
        fputs(usage, stdout);
        exit(0);
    default:
        fputs(usage, stderr);
        exit(2);
    }
}

void
demo_options_take(struct demo_options *options, int argc, char **argv)
{
    static const struct option words[] = {
        {"rate", required_argument, NULL, 'r'},
        {"for", required_argument, NULL, 'f'},
        {"no-kill", no_argument, NULL, 'n'},
        {"brokers", required_argument, NULL, 'b'},
        {"json", no_argument, NULL, 'j'},
        {"tidemark", required_argument, NULL, 't'},
        {"pipeline", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct demo_options){.tidemark = DEMO_PROGRAM,
                                     .pipeline = DEMO_PIPELINE,
                                     .plugins = DEMO_PLUGINS,
                                     .rate = 2000,
                                     .for_s = 15,
                                     .kill = true};
    int option;
    while ((option = getopt_long(argc, argv, "", words, NULL)) != -1) {
        option_take(options, option);
    }
    if (optind != argc) {
        bench_fail(2, "what is %s?\n%s", argv[optind], usage);
    }
}
