/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference: encoding and decoding. If the array changes, change docs/reference/state-format.md and
 * FORMAT.
 *
 *   [FORMAT, key groups, index, count, group_first, group_count, since,
 *    incarnation, worker, segment_low, task, image_low, [operator ...],
 *    [[kind, incarnation, owner, n, offset, length, crc, group_first, group_count] ...]]
 */
#include "state/ref.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <msgpack.h>

#include "base/assert.h"
#include "state/state.h"

#define FORMAT 1u
#define REF_FIELDS 14u
#define PART_FIELDS 9u

/* ---- encoding ---- */

static int
numbers_pack(msgpack_packer *packer, const uint64_t *numbers, size_t n)
{
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        rc |= msgpack_pack_uint64(packer, numbers[i]);
    }
    return rc;
}

static int
part_pack(msgpack_packer *packer, const struct tide_part *part)
{
    const uint64_t numbers[PART_FIELDS] = {
        part->file.kind, part->file.incarnation, part->file.owner,
        part->file.n,    part->offset,           part->length,
        part->crc,       part->group_first,      part->group_count,
    };
    return msgpack_pack_array(packer, PART_FIELDS) | numbers_pack(packer, numbers, PART_FIELDS);
}

int
tide_state_ref_encode(const struct tide_state_ref *ref, struct tide_buf *out)
{
    const uint64_t numbers[] = {
        FORMAT,           ref->key_groups,  ref->index, ref->count,
        ref->group_first, ref->group_count, ref->since, ref->incarnation,
        ref->worker,      ref->segment_low, ref->task,  ref->image_low,
    };
    const size_t n = sizeof(numbers) / sizeof(*numbers), before = out->len;
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, tide_buf_pack);
    _Static_assert(sizeof(numbers) / sizeof(*numbers) + 2 == REF_FIELDS, "numbers and two lists");
    int rc = msgpack_pack_array(&packer, REF_FIELDS) | numbers_pack(&packer, numbers, n);
    rc |= msgpack_pack_array(&packer, ref->n_operators);
    for (uint32_t i = 0; i < ref->n_operators; i++) {
        rc |= msgpack_pack_str_with_body(&packer, ref->operators[i], strlen(ref->operators[i]));
    }
    rc |= msgpack_pack_array(&packer, ref->n_parts);
    for (uint32_t i = 0; i < ref->n_parts; i++) {
        rc |= part_pack(&packer, &ref->parts[i]);
    }
    if (rc != 0) {
        out->len = before;
        return out->cap < out->max ? TIDE_ERR_NOMEM : TIDE_ERR_LIMIT;
    }
    return 0;
}

/* ---- decoding ---- */

static int
bad(struct tide_error *err, const char *what)
{
    return tide_error_set(err, TIDE_ERR_CORRUPT, "state reference is damaged: %s", what);
}

/* @n numbers from @objects into @out. */
static bool
numbers_take(const msgpack_object *objects, uint32_t n, uint64_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        if (objects[i].type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
            return false;
        }
        out[i] = objects[i].via.u64;
    }
    return true;
}

/* Whether the numbers fit 32 bits, but for those in the bit set @wide. */
static bool
numbers_fit(const uint64_t *numbers, uint32_t n, uint32_t wide)
{
    for (uint32_t i = 0; i < n; i++) {
        if (numbers[i] > UINT32_MAX && ((wide >> i) & 1) == 0) {
            return false;
        }
    }
    return true;
}

static bool
part_take(const msgpack_object *object, struct tide_part *out_part)
{
    uint64_t v[PART_FIELDS];
    if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size != PART_FIELDS ||
        !numbers_take(object->via.array.ptr, PART_FIELDS, v) ||
        !numbers_fit(v, PART_FIELDS, 1u << 1 | 3u << 4) ||
        (v[0] != TIDE_STATE_FILE_CHANGES && v[0] != TIDE_STATE_FILE_IMAGE)) {
        return false;
    }
    *out_part = (struct tide_part){
        .file = {(uint32_t)v[0], v[1], (uint32_t)v[2], (uint32_t)v[3]},
        .offset = v[4],
        .length = v[5],
        .crc = (uint32_t)v[6],
        .group_first = (uint32_t)v[7],
        .group_count = (uint32_t)v[8],
    };
    return true;
}

/* The memory of a parsed reference: parts, then pointers to operators, then their texts. */
static bool
lists_take(const msgpack_object *operators, const msgpack_object *parts, uint8_t *memory,
           struct tide_state_ref *ref)
{
    struct tide_part *part = (struct tide_part *)(void *)memory;
    const char **names = (const char **)(void *)(part + parts->via.array.size);
    char *text = (char *)(names + operators->via.array.size);
    ref->parts = part;
    ref->n_parts = parts->via.array.size;
    ref->operators = names;
    ref->n_operators = operators->via.array.size;
    for (uint32_t i = 0; i < ref->n_parts; i++) {
        if (!part_take(&parts->via.array.ptr[i], &part[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < ref->n_operators; i++) {
        const msgpack_object *name = &operators->via.array.ptr[i];
        if (name->type != MSGPACK_OBJECT_STR) {
            return false;
        }
        names[i] = text;
        memcpy(text, name->via.str.ptr, name->via.str.size);
        text += name->via.str.size + 1;
    }
    return true;
}

static void
numbers_give(const uint64_t *v, struct tide_state_ref *ref)
{
    *ref = (struct tide_state_ref){
        .key_groups = (uint32_t)v[1],
        .index = (uint32_t)v[2],
        .count = (uint32_t)v[3],
        .group_first = (uint32_t)v[4],
        .group_count = (uint32_t)v[5],
        .since = (uint32_t)v[6],
        .incarnation = v[7],
        .worker = (uint32_t)v[8],
        .segment_low = (uint32_t)v[9],
        .task = (uint32_t)v[10],
        .image_low = (uint32_t)v[11],
    };
}

static int
object_decode(const msgpack_object *object, size_t size, struct tide_parsed_ref *parsed,
              struct tide_error *err)
{
    uint64_t v[REF_FIELDS - 2];
    const msgpack_object *fields = object->via.array.ptr;
    if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size != REF_FIELDS ||
        !numbers_take(fields, REF_FIELDS - 2, v) || !numbers_fit(v, REF_FIELDS - 2, 1u << 7)) {
        return bad(err, "its fields");
    }
    if (v[0] != FORMAT) {
        return tide_error_set(err, TIDE_ERR_UNSUPPORTED,
                              "state reference has format %llu, this program knows %u",
                              (unsigned long long)v[0], FORMAT);
    }
    const msgpack_object *operators = &fields[REF_FIELDS - 2], *parts = &fields[REF_FIELDS - 1];
    if (operators->type != MSGPACK_OBJECT_ARRAY || parts->type != MSGPACK_OBJECT_ARRAY) {
        return bad(err, "its lists");
    }
    numbers_give(v, &parsed->ref);
    parsed->memory =
        tide_alloc(parsed->seam, parts->via.array.size * sizeof(struct tide_part) +
                                     operators->via.array.size * (sizeof(char *) + 1) + size);
    if (parsed->memory == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "out of memory for a state reference");
    }
    return lists_take(operators, parts, parsed->memory, &parsed->ref)
               ? 0
               : bad(err, "an item of its lists");
}

int
tide_state_ref_decode(const struct tide_seam *seam, struct tide_bytes bytes,
                      struct tide_parsed_ref *out_parsed, struct tide_error *err)
{
    struct tide_parsed_ref parsed = {.seam = seam};
    msgpack_unpacked unpacked;
    size_t end = 0;
    msgpack_unpacked_init(&unpacked);
    int rc = msgpack_unpack_next(&unpacked, bytes.p, bytes.n, &end) == MSGPACK_UNPACK_SUCCESS &&
                     end == bytes.n
                 ? object_decode(&unpacked.data, bytes.n, &parsed, err)
                 : bad(err, "it is no msgpack");
    msgpack_unpacked_destroy(&unpacked);
    if (rc != 0) {
        tide_parsed_ref_fini(&parsed);
        return rc;
    }
    *out_parsed = parsed;
    return 0;
}

void
tide_parsed_ref_fini(struct tide_parsed_ref *parsed)
{
    if (parsed->seam != NULL) {
        tide_free(parsed->seam, parsed->memory);
    }
    *parsed = (struct tide_parsed_ref){0};
}

/* ---- human form ---- */

/* Appends to a text that is cut at @max but counts on, as snprintf does. */
__attribute__((format(printf, 4, 5))) static void
text_add(char *out, uint32_t max, uint32_t *len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(*len < max ? out + *len : NULL, *len < max ? max - *len : 0, format, args);
    va_end(args);
    *len += n > 0 ? (uint32_t)n : 0;
}

uint32_t
tide_state_ref_text(struct tide_bytes ref, char *out, uint32_t out_max)
{
    struct tide_parsed_ref parsed;
    uint32_t len = 0;
    if (tide_state_ref_decode(tide_seam_real(), ref, &parsed, NULL) != 0) {
        text_add(out, out_max, &len, "damaged state reference of %u bytes", ref.n);
        return len;
    }
    text_add(out, out_max, &len, "task %u/%u groups %u+%u of %u", parsed.ref.index,
             parsed.ref.count, parsed.ref.group_first, parsed.ref.group_count,
             parsed.ref.key_groups);
    for (uint32_t i = 0; i < parsed.ref.n_operators; i++) {
        text_add(out, out_max, &len, "%s%s", i == 0 ? " of " : ",", parsed.ref.operators[i]);
    }
    for (uint32_t i = 0; i < parsed.ref.n_parts; i++) {
        const struct tide_part *part = &parsed.ref.parts[i];
        char name[TIDE_STATE_NAME_MAX];
        tide_state_file_name(&part->file, name);
        text_add(out, out_max, &len, "%s%s[%llu+%llu]", i == 0 ? ": " : " ", name,
                 (unsigned long long)part->offset, (unsigned long long)part->length);
    }
    tide_parsed_ref_fini(&parsed);
    return len;
}
