/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones and the calendar. Expected values are from Python's zoneinfo and datetime.
 */
#include <criterion/criterion.h>

#include "base/seam.h"
#include "codec/calendar.h"
#include "codec/zone.h"
#include "codec/zone_rules.h"
#include "oracle.h"

Test(zone, offsets_of_regions)
{
    struct oracle oracle;
    struct tide_zone_set *set = NULL;
    struct tide_error err = {0};
    cr_assert_eq(tide_zone_set_create(tide_seam_real(), &set, &err), 0, "%s", err.text);
    oracle_open(&oracle, "zones.tsv");
    while (oracle_next(&oracle)) {
        const struct tide_zone *zone =
            tide_zone_set_find(set, oracle_text(&oracle, 0), oracle.fields[0].n);
        int64_t utc_us = strtoll(oracle_text(&oracle, 1), NULL, 10) * TIDE_US_PER_SECOND;
        long want = strtol(oracle_text(&oracle, 2), NULL, 10);
        cr_assert(zone != NULL, "%s", oracle_text(&oracle, 0));
        cr_expect_eq(tide_zone_offset(zone, utc_us), want, "%s at %s: %d, not %ld",
                     oracle_text(&oracle, 0), oracle_text(&oracle, 1),
                     tide_zone_offset(zone, utc_us), want);
    }
    cr_assert_gt(oracle.rows, 400);
    tide_zone_set_destroy(set);
}

/* java.time.ZonedDateTime.ofLocal: a skipped time moves forward, of a repeated one the first. */
Test(zone, skipped_and_repeated_times)
{
    struct tide_zone *zone = NULL;
    struct tide_local local = {.date = {2024, 3, 31}, .hour = 2, .minute = 30};
    int64_t local_us = 0;
    cr_assert_eq(tide_zone_create(tide_seam_real(), "Europe/Berlin", &zone, NULL), 0);
    cr_assert(tide_local_to_us(&local, &local_us));
    cr_expect_eq(tide_zone_to_utc(zone, local_us), INT64_C(1711848600) * TIDE_US_PER_SECOND);
    local.date = (struct tide_civil){2024, 10, 27};
    cr_assert(tide_local_to_us(&local, &local_us));
    cr_expect_eq(tide_zone_to_utc(zone, local_us), INT64_C(1729989000) * TIDE_US_PER_SECOND);
    local.hour = 3;
    cr_assert(tide_local_to_us(&local, &local_us));
    cr_expect_eq(tide_zone_to_utc(zone, local_us), INT64_C(1729996200) * TIDE_US_PER_SECOND);
    tide_zone_destroy(zone);
}

/* Forms that java.time.ZoneId.of and Spark's getZoneId take. */
Test(zone, fixed_offsets)
{
    static const struct {
        const char *text;
        int32_t seconds; /* INT32_MIN: no offset */
    } cases[] = {{"Z", 0},
                 {"UTC", 0},
                 {"+02:00", 7200},
                 {"-7", -25200},
                 {"+0530", 19800},
                 {"+01:30:15", 5415},
                 {"+8:00", 28800},
                 {"+08:5", 29100},
                 {"GMT+8", 28800},
                 {"UTC-03:30", -12600},
                 {"UT+1", 3600},
                 {"+18:00", 64800},
                 {"+18:01", INT32_MIN},
                 {"+1:2:3:4", INT32_MIN},
                 {"+", INT32_MIN},
                 {"+123", INT32_MIN},
                 {"08:00", INT32_MIN},
                 {"+08:", INT32_MIN},
                 {"EST", -18000},
                 {"", INT32_MIN}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int32_t seconds = INT32_MIN;
        int rc = tide_zone_fixed(cases[i].text, (uint32_t)strlen(cases[i].text), &seconds);
        cr_expect_eq(rc == 0, cases[i].seconds != INT32_MIN, "%s", cases[i].text);
        cr_expect_eq(seconds, cases[i].seconds, "%s: %d", cases[i].text, seconds);
    }
}

Test(zone, names_that_are_none)
{
    static const char *const names[] = {"Europe/Atlantis",
                                        "../../etc/passwd",
                                        "/etc/passwd",
                                        "Europe/../../../etc/passwd",
                                        "",
                                        "leapseconds",
                                        "Europe"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct tide_zone *zone = NULL;
        struct tide_error err = {0};
        cr_expect_lt(tide_zone_create(tide_seam_real(), names[i], &zone, &err), 0, "%s", names[i]);
        cr_expect_gt(strlen(err.text), 0);
    }
}

Test(zone, damaged_files_are_refused)
{
    uint8_t data[4096];
    struct tide_zone_rules rules = {0};
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    size_t n;
    cr_assert(file != NULL);
    n = fread(data, 1, sizeof(data), file);
    fclose(file);
    cr_expect_eq(tide_zone_rules_read(&rules, tide_seam_real(), data, n, NULL), 0);
    tide_zone_rules_fini(&rules, tide_seam_real());
    for (size_t cut = 0; cut < n; cut++) {
        cr_assert_eq(tide_zone_rules_read(&rules, tide_seam_real(), data, cut, NULL),
                     TIDE_ERR_CORRUPT, "%zu", cut);
    }
}

Test(zone, calendar_goes_both_ways)
{
    int64_t days = -800000;
    for (; days < 3200000; days += 97) {
        struct tide_civil civil = tide_civil_from_days(days);
        cr_assert(tide_civil_valid(civil.year, civil.month, civil.day));
        cr_assert_eq(tide_days_from_civil(civil.year, civil.month, civil.day), days);
    }
    cr_expect_eq(tide_days_from_civil(1970, 1, 1), 0);
    cr_expect_eq(tide_days_from_civil(2000, 3, 1), 11017);
    cr_expect_eq(tide_days_from_civil(1, 1, 1), -719162);
    cr_expect_eq(tide_weekday(0), 4);
    cr_expect_eq(tide_weekday(-1), 3);
    cr_expect_not(tide_civil_valid(1900, 2, 29));
    cr_expect(tide_civil_valid(2000, 2, 29));
}
