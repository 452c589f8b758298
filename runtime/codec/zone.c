/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones by name: fixed offsets, Java's short ids, and the files of the system's time zone database.
 */
#include "codec/zone.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "codec/calendar.h"
#include "codec/zone_rules.h"

#define ZONE_DIR "/usr/share/zoneinfo"

/* Longer names of regions do not exist. */
#define NAME_MAX_BYTES 63u

/* The largest file is under 4 KiB; a larger one is none of a zone. */
#define FILE_MAX 65536u

/* Directories below ZONE_DIR that have zones in zones: "America/Argentina/Jujuy". */
#define DIR_DEPTH_MAX 3u

/* More regions than there are (about 600). */
#define REGIONS_MAX 2048u

struct tide_zone {
    const struct tide_seam *seam; /* NULL: static */
    bool fixed;
    int32_t seconds; /* fixed */
    struct tide_zone_rules rules;
    char name[NAME_MAX_BYTES + 1];
};

struct tide_zone_set {
    const struct tide_seam *seam;
    uint32_t n;
    struct tide_zone *zones[REGIONS_MAX]; /* by name */
};

static const struct tide_zone zone_utc = {.fixed = true, .name = "UTC"};

/* java.time.ZoneId.SHORT_IDS. */
static const struct {
    const char *id, *name;
} short_ids[] = {{"ACT", "Australia/Darwin"},
                 {"AET", "Australia/Sydney"},
                 {"AGT", "America/Argentina/Buenos_Aires"},
                 {"ART", "Africa/Cairo"},
                 {"AST", "America/Anchorage"},
                 {"BET", "America/Sao_Paulo"},
                 {"BST", "Asia/Dhaka"},
                 {"CAT", "Africa/Harare"},
                 {"CNT", "America/St_Johns"},
                 {"CST", "America/Chicago"},
                 {"CTT", "Asia/Shanghai"},
                 {"EAT", "Africa/Addis_Ababa"},
                 {"ECT", "Europe/Paris"},
                 {"IET", "America/Indiana/Indianapolis"},
                 {"IST", "Asia/Kolkata"},
                 {"JST", "Asia/Tokyo"},
                 {"MIT", "Pacific/Apia"},
                 {"NET", "Asia/Yerevan"},
                 {"NST", "Pacific/Auckland"},
                 {"PLT", "Asia/Karachi"},
                 {"PNT", "America/Phoenix"},
                 {"PRT", "America/Puerto_Rico"},
                 {"PST", "America/Los_Angeles"},
                 {"SST", "Pacific/Guadalcanal"},
                 {"VST", "Asia/Ho_Chi_Minh"}};

/* Short ids that stand for offsets. */
static const struct {
    const char *id;
    int32_t seconds;
} fixed_ids[] = {{"EST", -5 * 3600}, {"MST", -7 * 3600}, {"HST", -10 * 3600}, {"Z", 0}, {"UTC", 0},
                 {"GMT", 0},         {"UT", 0}};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Cuts "h", "hh", "hhmm", "hhmmss", "h:mm", "hh:m", "hh:mm", "hh:mm:ss" into numbers. */
static bool
cut_offset(const char *p, uint32_t n, int32_t parts[3])
{
    bool colons = memchr(p, ':', n) != NULL;
    uint32_t at = 0;
    int count = 0;
    while (at < n && count < 3) {
        uint32_t digits = 0;
        parts[count] = 0;
        while (at < n && digits < 2 && is_digit(p[at])) {
            parts[count] = parts[count] * 10 + (p[at++] - '0');
            digits++;
        }
        /* One digit will do for the hours, and for minutes that end the text behind a colon. */
        if (digits == 0 || (digits == 1 && (count == 2 || (count == 0 && n > 1 && !colons) ||
                                            (count == 1 && (!colons || at < n))))) {
            return false;
        }
        count++;
        if (at < n && colons && p[at++] != ':') {
            return false;
        }
    }
    return count > 0 && at == n && p[n - 1] != ':';
}

/* A sign and what follows it, at most 18 hours. */
static int
parse_offset(const char *p, uint32_t n, int32_t *out_seconds)
{
    int32_t parts[3] = {0, 0, 0};
    int32_t seconds;
    if (n < 2 || (p[0] != '+' && p[0] != '-') || !cut_offset(p + 1, n - 1, parts) ||
        parts[1] > 59 || parts[2] > 59) {
        return TIDE_ERR_NOTFOUND;
    }
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    if (seconds > 18 * 3600) {
        return TIDE_ERR_NOTFOUND;
    }
    *out_seconds = p[0] == '-' ? -seconds : seconds;
    return 0;
}

int
tide_zone_fixed(const char *text, uint32_t n, int32_t *out_seconds)
{
    for (size_t i = 0; i < sizeof(fixed_ids) / sizeof(fixed_ids[0]); i++) {
        if (strlen(fixed_ids[i].id) == n && memcmp(fixed_ids[i].id, text, n) == 0) {
            *out_seconds = fixed_ids[i].seconds;
            return 0;
        }
    }
    if (n > 3 && (memcmp(text, "UTC", 3) == 0 || memcmp(text, "GMT", 3) == 0)) {
        return parse_offset(text + 3, n - 3, out_seconds);
    }
    if (n > 2 && memcmp(text, "UT", 2) == 0) {
        return parse_offset(text + 2, n - 2, out_seconds);
    }
    return parse_offset(text, n, out_seconds);
}

/* The region that a short id stands for; else @name itself. */
static const char *
long_name(const char *name, uint32_t n, uint32_t *out_n)
{
    for (size_t i = 0; i < sizeof(short_ids) / sizeof(short_ids[0]); i++) {
        if (strlen(short_ids[i].id) == n && memcmp(short_ids[i].id, name, n) == 0) {
            *out_n = (uint32_t)strlen(short_ids[i].name);
            return short_ids[i].name;
        }
    }
    *out_n = n;
    return name;
}

/* Whether @name may be a region: it becomes part of a path, and may come from outside. */
static bool
is_region_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_BYTES || !isalpha((unsigned char)name[0])) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("/_+-", name[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static struct tide_zone *
zone_new(const struct tide_seam *seam, const char *name)
{
    struct tide_zone *zone = tide_alloc(seam, sizeof(*zone));
    if (zone != NULL) {
        zone->seam = seam;
        snprintf(zone->name, sizeof(zone->name), "%s", name);
    }
    return zone;
}

/* Reads the whole file of region @name; *out_len is 0 when there is none. */
static int
read_zone_file(const struct tide_seam *seam, const char *name, uint8_t **out, size_t *out_len,
               struct tide_error *err)
{
    char path[sizeof(ZONE_DIR) + NAME_MAX_BYTES + 2];
    uint8_t *data;
    ssize_t n = 0;
    int fd;
    snprintf(path, sizeof(path), "%s/%s", ZONE_DIR, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "no time zone is called \"%s\"", name);
    }
    data = tide_alloc(seam, FILE_MAX);
    if (data != NULL) {
        n = read(fd, data, FILE_MAX);
    }
    close(fd);
    if (data == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a time zone");
    }
    if (n <= 0) {
        tide_free(seam, data);
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "no time zone is called \"%s\"", name);
    }
    *out = data;
    *out_len = (size_t)n;
    return 0;
}

/* A region from its file. */
static int
region_create(const struct tide_seam *seam, const char *name, struct tide_zone **out,
              struct tide_error *err)
{
    struct tide_zone *zone;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = read_zone_file(seam, name, &data, &len, err);
    if (rc < 0) {
        return rc;
    }
    zone = zone_new(seam, name);
    if (zone == NULL) {
        rc = tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a time zone");
    } else {
        rc = tide_zone_rules_read(&zone->rules, seam, data, len, err);
    }
    tide_free(seam, data);
    if (rc < 0) {
        tide_error_prefix(err, "time zone \"%s\"", name);
        tide_zone_destroy(zone);
        return rc;
    }
    *out = zone;
    return 0;
}

int
tide_zone_create(const struct tide_seam *seam, const char *name, struct tide_zone **out,
                 struct tide_error *err)
{
    struct tide_zone *zone;
    uint32_t n;
    int32_t seconds;
    int rc;
    if (tide_zone_fixed(name, (uint32_t)strlen(name), &seconds) == 0) {
        zone = zone_new(seam, name);
        if (zone == NULL) {
            return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a time zone");
        }
        zone->fixed = true;
        zone->seconds = seconds;
        *out = zone;
        return 0;
    }
    if (!is_region_name(name)) {
        return tide_error_set(err, TIDE_ERR_NOTFOUND, "no time zone is called \"%s\"", name);
    }
    rc = region_create(seam, long_name(name, (uint32_t)strlen(name), &n), &zone, err);
    if (rc == 0) {
        snprintf(zone->name, sizeof(zone->name), "%s", name);
        *out = zone;
    }
    return rc;
}

void
tide_zone_destroy(struct tide_zone *zone)
{
    if (zone == NULL) {
        return;
    }
    TIDE_ASSERT(zone->seam != NULL);
    tide_zone_rules_fini(&zone->rules, zone->seam);
    tide_free(zone->seam, zone);
}

const struct tide_zone *
tide_zone_utc(void)
{
    return &zone_utc;
}

const char *
tide_zone_name(const struct tide_zone *zone)
{
    return zone->name;
}

int32_t
tide_zone_offset(const struct tide_zone *zone, int64_t utc_us)
{
    if (zone->fixed) {
        return zone->seconds;
    }
    return tide_zone_rules_offset(&zone->rules, tide_floor_div(utc_us, TIDE_US_PER_SECOND));
}

/* @us plus @seconds, held at the ends of what 64 bits can say. */
static int64_t
add_seconds(int64_t us, int64_t seconds)
{
    int64_t sum;
    if (__builtin_add_overflow(us, seconds * TIDE_US_PER_SECOND, &sum)) {
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    return sum;
}

int64_t
tide_zone_to_local(const struct tide_zone *zone, int64_t utc_us)
{
    return add_seconds(utc_us, tide_zone_offset(zone, utc_us));
}

int64_t
tide_zone_to_utc(const struct tide_zone *zone, int64_t local_us)
{
    /* The offsets a day before and after: a zone changes at most once between them. */
    int32_t before = tide_zone_offset(zone, add_seconds(local_us, -86400));
    int64_t early = add_seconds(local_us, -before);
    int64_t late;
    int32_t after;
    if (tide_zone_offset(zone, early) == before) {
        return early;
    }
    after = tide_zone_offset(zone, add_seconds(local_us, 86400));
    late = add_seconds(local_us, -after);
    /* Neither fits: the time was skipped, and the old offset moves it forward by the gap. */
    return tide_zone_offset(zone, late) == after ? late : early;
}

/* ---- all regions ---- */

static int
compare_zones(const void *a, const void *b)
{
    const struct tide_zone *const *x = a;
    const struct tide_zone *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int set_add_dir(struct tide_zone_set *set, const char *dir, uint32_t depth,
                       struct tide_error *err);

/* One entry of a directory: a region, a directory of them, or neither. */
static int
set_add(struct tide_zone_set *set, const char *name, uint32_t depth, struct tide_error *err)
{
    char path[sizeof(ZONE_DIR) + NAME_MAX_BYTES + 2];
    struct stat info;
    int rc;
    snprintf(path, sizeof(path), "%s/%s", ZONE_DIR, name);
    if (!is_region_name(name) || stat(path, &info) < 0) {
        return 0;
    }
    if (S_ISDIR(info.st_mode)) {
        /* Copies of the whole tree, one of them with leap seconds. */
        bool copy = strcmp(name, "posix") == 0 || strcmp(name, "right") == 0;
        return copy || depth == DIR_DEPTH_MAX ? 0 : set_add_dir(set, name, depth, err);
    }
    if (set->n == REGIONS_MAX) {
        return 0;
    }
    rc = region_create(set->seam, name, &set->zones[set->n], NULL);
    if (rc == 0) {
        set->n++;
    }
    /* Other files lie there too (leapseconds): what is no zone is left out. */
    return rc == TIDE_ERR_NOMEM ? tide_error_set(err, rc, "no memory for the time zones") : 0;
}

static int
set_add_dir(struct tide_zone_set *set, const char *dir, uint32_t depth, struct tide_error *err)
{
    char path[sizeof(ZONE_DIR) + NAME_MAX_BYTES + 2];
    const struct dirent *entry;
    int rc = 0;
    DIR *stream;
    snprintf(path, sizeof(path), "%s/%s", ZONE_DIR, dir);
    stream = opendir(path);
    if (stream == NULL) {
        return tide_error_set(err, TIDE_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    while (rc == 0 && (entry = readdir(stream)) != NULL) {
        char name[NAME_MAX_BYTES + 1];
        int n =
            snprintf(name, sizeof(name), "%s%s%s", dir, dir[0] != '\0' ? "/" : "", entry->d_name);
        if (n > 0 && n < (int)sizeof(name)) {
            rc = set_add(set, name, depth + 1, err);
        }
    }
    closedir(stream);
    return rc;
}

int
tide_zone_set_create(const struct tide_seam *seam, struct tide_zone_set **out,
                     struct tide_error *err)
{
    struct tide_zone_set *set = tide_alloc(seam, sizeof(*set));
    int rc;
    if (set == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the time zones");
    }
    set->seam = seam;
    rc = set_add_dir(set, "", 0, err);
    if (rc < 0) {
        tide_zone_set_destroy(set);
        return rc;
    }
    qsort(set->zones, set->n, sizeof(set->zones[0]), compare_zones);
    *out = set;
    return 0;
}

void
tide_zone_set_destroy(struct tide_zone_set *set)
{
    if (set == NULL) {
        return;
    }
    for (uint32_t i = 0; i < set->n; i++) {
        tide_zone_destroy(set->zones[i]);
    }
    tide_free(set->seam, set);
}

const struct tide_zone *
tide_zone_set_find(const struct tide_zone_set *set, const char *name, uint32_t n)
{
    uint32_t low = 0;
    uint32_t high = set->n;
    name = long_name(name, n, &n);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const char *other = set->zones[middle]->name;
        int order = strncmp(other, name, n);
        if (order == 0 && other[n] == '\0') {
            return set->zones[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
