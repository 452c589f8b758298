/* SPDX-License-Identifier: Apache-2.0 */
/* The histogram against exact order statistics of the same values. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/histogram.h"

static struct tide_histogram histogram;
static struct tide_histogram other;

/* Whether @got is within one per cent of @exact. */
static int
is_near(uint64_t got, uint64_t exact)
{
    uint64_t off = got > exact ? got - exact : exact - got;
    return off * 100 <= exact;
}

Test(histogram, empty_is_zero)
{
    cr_assert_eq(tide_histogram_count(&histogram), 0);
    cr_assert_eq(tide_histogram_max(&histogram), 0);
    cr_assert_eq(tide_histogram_mean(&histogram), 0);
    cr_assert_eq(tide_histogram_percentile(&histogram, 50), 0);
    cr_assert_eq(tide_histogram_percentile(&histogram, 100), 0);
}

Test(histogram, fits_its_memory)
{
    cr_assert_leq(sizeof(struct tide_histogram), 30 * 1024);
}

Test(histogram, small_values_are_exact)
{
    for (uint64_t value = 0; value < 128; value++) {
        tide_histogram_reset(&histogram);
        tide_histogram_record(&histogram, value);
        tide_histogram_record(&histogram, 1000);
        cr_assert_eq(tide_histogram_percentile(&histogram, 50), value);
    }
}

/* Every power of two and its neighbours, and everything in between in small steps. */
Test(histogram, one_value_is_within_one_per_cent)
{
    for (uint64_t value = 1; value < (UINT64_C(1) << 48) - 1; value += 1 + value / 1000) {
        tide_histogram_reset(&histogram);
        tide_histogram_record(&histogram, value);
        tide_histogram_record(&histogram, UINT64_C(1) << 48);
        uint64_t got = tide_histogram_percentile(&histogram, 50);
        cr_assert(is_near(got, value), "%llu for %llu", (unsigned long long)got,
                  (unsigned long long)value);
    }
    for (int bit = 1; bit < 48; bit++) {
        for (int step = -1; step <= 1; step++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)step;
            tide_histogram_reset(&histogram);
            tide_histogram_record(&histogram, value);
            tide_histogram_record(&histogram, UINT64_C(1) << 48);
            cr_assert(is_near(tide_histogram_percentile(&histogram, 50), value));
        }
    }
}

static int
compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The percentile's rank is the ceiling of p/100 * n, as the exact values are picked here by
 * integers. */
#define VALUES 10000u

Test(histogram, percentiles_are_those_of_the_sorted_values)
{
    static uint64_t values[VALUES];
    uint64_t seed = 42;
    uint64_t sum = 0;
    for (unsigned i = 0; i < VALUES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (seed >> 20) >> (seed % 40);
        sum += values[i];
        tide_histogram_record(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), compare_u64);
    for (unsigned permille = 1; permille < 1000; permille++) {
        uint64_t exact = values[(permille * VALUES + 999) / 1000 - 1];
        uint64_t got = tide_histogram_percentile(&histogram, permille / 10.0);
        cr_assert(is_near(got, exact), "p%u/10: %llu for %llu", permille, (unsigned long long)got,
                  (unsigned long long)exact);
    }
    cr_assert(is_near(tide_histogram_percentile(&histogram, 0), values[0]));
    cr_assert_eq(tide_histogram_percentile(&histogram, 100), values[VALUES - 1]);
    cr_assert_eq(tide_histogram_max(&histogram), values[VALUES - 1]);
    cr_assert_eq(tide_histogram_mean(&histogram), sum / VALUES);
    cr_assert_eq(tide_histogram_count(&histogram), VALUES);
}

Test(histogram, no_percentile_is_over_the_maximum)
{
    tide_histogram_record_n(&histogram, 1000003, 10);
    cr_assert_leq(tide_histogram_percentile(&histogram, 99.9), 1000003);
    cr_assert_eq(tide_histogram_percentile(&histogram, 1000), 1000003);
    cr_assert_gt(tide_histogram_percentile(&histogram, -1), 900000);
}

Test(histogram, huge_values_are_counted)
{
    tide_histogram_record(&histogram, UINT64_MAX);
    tide_histogram_record(&histogram, UINT64_C(1) << 50);
    cr_assert_eq(tide_histogram_count(&histogram), 2);
    cr_assert_eq(tide_histogram_max(&histogram), UINT64_MAX);
    cr_assert_geq(tide_histogram_percentile(&histogram, 50), (UINT64_C(1) << 47));
}

Test(histogram, merge_is_as_if_all_were_recorded)
{
    for (uint64_t i = 0; i < 1000; i++) {
        tide_histogram_record(i % 2 == 0 ? &histogram : &other, i * 100);
    }
    tide_histogram_merge(&histogram, &other);
    cr_assert_eq(tide_histogram_count(&histogram), 1000);
    cr_assert_eq(tide_histogram_max(&histogram), 99900);
    cr_assert_eq(tide_histogram_mean(&histogram), 49950);
    cr_assert(is_near(tide_histogram_percentile(&histogram, 50), 49900));
}

Test(histogram, subtract_leaves_the_interval)
{
    tide_histogram_record_n(&histogram, 1000000, 1000);
    memcpy(&other, &histogram, sizeof(other));
    tide_histogram_record_n(&histogram, 500, 9);
    tide_histogram_record_n(&histogram, 2000, 1);
    tide_histogram_subtract(&histogram, &other);
    cr_assert_eq(tide_histogram_count(&histogram), 10);
    cr_assert(is_near(tide_histogram_percentile(&histogram, 90), 500));
    cr_assert(is_near(tide_histogram_percentile(&histogram, 91), 2000));
    cr_assert(is_near(tide_histogram_max(&histogram), 2000) ||
              tide_histogram_max(&histogram) < 2000 + 2000 / 64);
    cr_assert_eq(tide_histogram_mean(&histogram), (9 * 500 + 2000) / 10);
    tide_histogram_reset(&other);
    memcpy(&other, &histogram, sizeof(other));
    tide_histogram_subtract(&histogram, &other);
    cr_assert_eq(tide_histogram_count(&histogram), 0);
    cr_assert_eq(tide_histogram_max(&histogram), 0);
}

/* A reader beside the writer sees counts that only rise. */
#define RECORDS 100000u

static void *
histogram_write(void *arg)
{
    for (uint64_t i = 0; i < RECORDS; i++) {
        tide_histogram_record(arg, i);
    }
    return NULL;
}

Test(histogram, reader_beside_the_writer)
{
    pthread_t writer;
    uint64_t before = 0;
    pthread_create(&writer, NULL, histogram_write, &histogram);
    while (before < RECORDS) {
        uint64_t now = tide_histogram_count(&histogram);
        cr_assert_geq(now, before);
        before = now;
        tide_histogram_percentile(&histogram, 99);
    }
    pthread_join(writer, NULL);
    cr_assert_eq(tide_histogram_max(&histogram), RECORDS - 1);
}
