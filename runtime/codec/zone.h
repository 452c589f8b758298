/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones: what is added to UTC at an instant.
 *
 * A zone is a fixed offset or the rules of an IANA region, read once from the system's TZif files
 * (RFC 8536, with the footer's POSIX rule for the years behind the last transition). A zone is
 * constant after it was made and may be read from any thread.
 *
 * Local times that a zone skips or repeats are resolved as java.time does: a skipped time is moved
 * forward by the length of the gap, of a repeated one the earlier instant is taken.
 */
#ifndef TIDE_CODEC_ZONE_H
#define TIDE_CODEC_ZONE_H

#include <stdint.h>

#include <tidemark/error.h>

#include "base/seam.h"

struct tide_zone;

/*
 * The zone called @name: "UTC", "Z", "GMT", "UT"; "+02:00", "-7", "+01:30:15"; "UTC+1",
 * "GMT-03:00", "UT+8"; "Europe/Berlin"; Java's short ids ("PST", "JST"). Reads files. Errors:
 * TIDE_ERR_NOTFOUND for a name nobody knows, TIDE_ERR_CORRUPT for a damaged zone file,
 * TIDE_ERR_NOMEM.
 * @thread start, coordinator
 */
int tide_zone_create(const struct tide_seam *seam, const char *name, struct tide_zone **out,
                     struct tide_error *err);

/* Frees a zone; NULL is legal. @thread start, coordinator */
void tide_zone_destroy(struct tide_zone *zone);

/* UTC: static, needs no destroy. @thread any */
const struct tide_zone *tide_zone_utc(void);

/* The name the zone was made with. @thread any */
const char *tide_zone_name(const struct tide_zone *zone);

/* Seconds east of UTC at an instant. @thread any */
int32_t tide_zone_offset(const struct tide_zone *zone, int64_t utc_us);

/* Local microseconds of an instant. @thread any */
int64_t tide_zone_to_local(const struct tide_zone *zone, int64_t utc_us);

/* The instant of local microseconds. @thread any */
int64_t tide_zone_to_utc(const struct tide_zone *zone, int64_t local_us);

/* Zones by name, so that the data may name them ("2024-01-01 00:00 Europe/Berlin"). */
struct tide_zone_set;

/*
 * All regions of the system, read at once, because data may name any of them and a worker reads no
 * files: about 600 KiB and a few milliseconds. Errors: TIDE_ERR_NOMEM, TIDE_ERR_IO.
 * @thread start, coordinator
 */
int tide_zone_set_create(const struct tide_seam *seam, struct tide_zone_set **out,
                         struct tide_error *err);

/* Frees the set and its zones; NULL is legal. @thread start, coordinator */
void tide_zone_set_destroy(struct tide_zone_set *set);

/* The region of @n bytes at @name, also by Java's short ids, or NULL; lives as long as the set.
 * @thread any */
const struct tide_zone *tide_zone_set_find(const struct tide_zone_set *set, const char *name,
                                           uint32_t n);

/*
 * The zone of @n bytes at @text, as tide_zone_create, but without reading files or allocating:
 * fixed offsets only. Returns 0 and the seconds, or TIDE_ERR_NOTFOUND. @thread any
 */
int tide_zone_fixed(const char *text, uint32_t n, int32_t *out_seconds);

#endif
