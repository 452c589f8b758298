/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WAL records of epochs as msgpack, and their fold into a checkpoint: see checkpoint.h.
 *
 *   START         {"n": incarnation}
 *   SPLIT         {"i": id, "s": source id, "p": name, "o": offset}
 *   S, SC         {"n": incarnation, "f": first, "e": epoch, "o": [[split, offset]...],
 *                  "r": {scope: snapshot reference}, "t": {sink: token}}
 *   C, ABORT      {"n": incarnation, "e": epoch}
 *   SEGMENT_HEAD  {"u": uuid, "n": incarnation, "b": started, "c": [incarnation, epoch] of C,
 *                  "z": payload of an S without C or empty, "s": {source id: kind}, "p": [[source
 * index, name, offset]...], "r": {...}, "q": {...} snapshots of the commit before, "t": {...}, "d":
 * identity {...}}
 *
 * What is read is untrusted until its shape was checked here, although its check sum was right: a
 * newer version may have written it.
 */
#include <string.h>

#include <msgpack.h>

#include "base/assert.h"
#include "epoch/checkpoint.h"
#include "wal/wal.h"

/* ---- writing ---- */

struct packer {
    msgpack_packer pk;
    struct tide_buf *out;
    size_t start;
    int rc;
};

static int
packer_write(void *data, const char *bytes, size_t n)
{
    struct packer *packer = data;
    if (packer->rc == 0) {
        packer->rc = tide_buf_append(packer->out, bytes, n);
    }
    return packer->rc;
}

static void
packer_init(struct packer *packer, struct tide_buf *out, uint32_t n_keys)
{
    packer->out = out;
    packer->rc = 0;
    packer->start = out->len;
    msgpack_packer_init(&packer->pk, packer, packer_write);
    msgpack_pack_map(&packer->pk, n_keys);
}

static int
packer_end(struct packer *packer)
{
    if (packer->rc != 0) {
        packer->out->len = packer->start;
    }
    return packer->rc;
}

static void
pack_text(struct packer *packer, const char *text)
{
    size_t n = strlen(text);
    msgpack_pack_str(&packer->pk, n);
    msgpack_pack_str_body(&packer->pk, text, n);
}

static void
pack_bytes(struct packer *packer, const void *bytes, size_t n)
{
    msgpack_pack_bin(&packer->pk, n);
    msgpack_pack_bin_body(&packer->pk, bytes, n);
}

static void
pack_u64(struct packer *packer, const char *key, uint64_t value)
{
    pack_text(packer, key);
    msgpack_pack_uint64(&packer->pk, value);
}

static void
pack_seal(struct packer *packer, const char *key, struct tide_seal seal)
{
    pack_text(packer, key);
    msgpack_pack_array(&packer->pk, 2);
    msgpack_pack_uint64(&packer->pk, seal.incarnation);
    msgpack_pack_uint64(&packer->pk, seal.epoch);
}

static void
pack_blobs(struct packer *packer, const char *key, const struct tide_blobs *blobs)
{
    pack_text(packer, key);
    msgpack_pack_map(&packer->pk, blobs->n);
    for (uint32_t i = 0; i < blobs->n; i++) {
        pack_text(packer, blobs->items[i].key);
        pack_bytes(packer, blobs->items[i].bytes, blobs->items[i].n);
    }
}

int
tide_record_start(struct tide_buf *out, uint64_t incarnation)
{
    struct packer packer;
    packer_init(&packer, out, 1);
    pack_u64(&packer, "n", incarnation);
    return packer_end(&packer);
}

int
tide_record_split(struct tide_buf *out, uint32_t id, const char *source, const char *name,
                  const struct tide_offset *from)
{
    struct packer packer;
    packer_init(&packer, out, 4);
    pack_u64(&packer, "i", id);
    pack_text(&packer, "s");
    pack_text(&packer, source);
    pack_text(&packer, "p");
    pack_text(&packer, name);
    pack_text(&packer, "o");
    pack_bytes(&packer, from->bytes, from->n);
    return packer_end(&packer);
}

int
tide_record_seal(struct tide_buf *out, const struct tide_seal_record *record)
{
    struct packer packer;
    packer_init(&packer, out, 6);
    pack_u64(&packer, "n", record->seal.incarnation);
    pack_u64(&packer, "f", record->first);
    pack_u64(&packer, "e", record->seal.epoch);
    pack_text(&packer, "o");
    msgpack_pack_array(&packer.pk, record->n_offsets);
    for (uint32_t i = 0; i < record->n_offsets; i++) {
        msgpack_pack_array(&packer.pk, 2);
        msgpack_pack_uint32(&packer.pk, record->offsets[i].split);
        pack_bytes(&packer, record->offsets[i].next.bytes, record->offsets[i].next.n);
    }
    pack_blobs(&packer, "r", record->snapshots);
    pack_blobs(&packer, "t", record->tokens);
    return packer_end(&packer);
}

int
tide_record_commit(struct tide_buf *out, struct tide_seal seal)
{
    struct packer packer;
    packer_init(&packer, out, 2);
    pack_u64(&packer, "n", seal.incarnation);
    pack_u64(&packer, "e", seal.epoch);
    return packer_end(&packer);
}

static void
pack_splits(struct packer *packer, const struct tide_checkpoint *checkpoint)
{
    pack_text(packer, "p");
    msgpack_pack_array(&packer->pk, checkpoint->n_splits);
    for (uint32_t i = 0; i < checkpoint->n_splits; i++) {
        const struct tide_split *split = &checkpoint->splits[i];
        msgpack_pack_array(&packer->pk, 3);
        msgpack_pack_uint32(&packer->pk, split->source);
        pack_text(packer, split->name);
        pack_bytes(packer, split->next.bytes, split->next.n);
    }
}

int
tide_checkpoint_encode(const struct tide_checkpoint *checkpoint, struct tide_buf *out)
{
    struct packer packer;
    packer_init(&packer, out, 11);
    pack_text(&packer, "u");
    pack_bytes(&packer, checkpoint->uuid, sizeof(checkpoint->uuid));
    pack_u64(&packer, "n", checkpoint->incarnation);
    pack_u64(&packer, "b", checkpoint->started);
    pack_seal(&packer, "c", checkpoint->committed);
    pack_text(&packer, "z");
    pack_bytes(&packer, checkpoint->pending, checkpoint->pending_len);
    pack_blobs(&packer, "s", &checkpoint->sources);
    pack_splits(&packer, checkpoint);
    pack_blobs(&packer, "r", &checkpoint->snapshots);
    pack_blobs(&packer, "q", &checkpoint->snapshots_before);
    pack_blobs(&packer, "t", &checkpoint->tokens);
    pack_blobs(&packer, "d", &checkpoint->identity);
    return packer_end(&packer);
}

/* ---- reading ---- */

static int
bad(struct tide_error *err, const char *what)
{
    return tide_error_set(err, TIDE_ERR_CORRUPT, "a WAL record is not what its type promises: %s",
                          what);
}

static const msgpack_object *
field(const msgpack_object *map, const char *key, msgpack_object_type type)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *kv = &map->via.map.ptr[i];
        if (kv->key.type == MSGPACK_OBJECT_STR && kv->key.via.str.size == strlen(key) &&
            memcmp(kv->key.via.str.ptr, key, strlen(key)) == 0) {
            return kv->val.type == type ? &kv->val : NULL;
        }
    }
    return NULL;
}

static bool
read_u64(const msgpack_object *map, const char *key, uint64_t *out)
{
    const msgpack_object *value = field(map, key, MSGPACK_OBJECT_POSITIVE_INTEGER);
    if (value != NULL) {
        *out = value->via.u64;
    }
    return value != NULL;
}

static bool
read_offset(const msgpack_object *value, struct tide_offset *out)
{
    if (value->type != MSGPACK_OBJECT_BIN || value->via.bin.size > TIDE_LIMIT_OFFSET_BYTES) {
        return false;
    }
    memset(out, 0, sizeof(*out));
    out->n = value->via.bin.size;
    memcpy(out->bytes, value->via.bin.ptr, out->n);
    return true;
}

/* A zero-terminated copy of a msgpack string; NULL when it is none, too long or there is no memory.
 */
static char *
read_text(const struct tide_seam *seam, const msgpack_object *value)
{
    if (value == NULL || value->type != MSGPACK_OBJECT_STR ||
        memchr(value->via.str.ptr, 0, value->via.str.size) != NULL) {
        return NULL;
    }
    char *text = tide_alloc(seam, value->via.str.size + 1u);
    if (text != NULL) {
        memcpy(text, value->via.str.ptr, value->via.str.size);
    }
    return text;
}

static int
read_blobs(struct tide_checkpoint *checkpoint, const msgpack_object *map, const char *key,
           struct tide_blobs *out, struct tide_error *err)
{
    const msgpack_object *value = field(map, key, MSGPACK_OBJECT_MAP);
    if (value == NULL) {
        return bad(err, key);
    }
    tide_blobs_clear(out, checkpoint->seam);
    for (uint32_t i = 0; i < value->via.map.size; i++) {
        const msgpack_object_kv *kv = &value->via.map.ptr[i];
        char *name = read_text(checkpoint->seam, &kv->key);
        if (name == NULL || kv->val.type != MSGPACK_OBJECT_BIN) {
            tide_free(checkpoint->seam, name);
            return bad(err, key);
        }
        int rc =
            tide_blobs_set(out, checkpoint->seam, name, kv->val.via.bin.ptr, kv->val.via.bin.size);
        tide_free(checkpoint->seam, name);
        if (rc != 0) {
            return tide_error_set(err, rc, "no memory for the checkpoint");
        }
    }
    return 0;
}

static int
apply_split(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    uint64_t id;
    struct tide_offset from;
    const msgpack_object *offset = field(map, "o", MSGPACK_OBJECT_BIN);
    if (!read_u64(map, "i", &id) || offset == NULL || !read_offset(offset, &from)) {
        return bad(err, "split");
    }
    if (id != checkpoint->n_splits) {
        return bad(err, "split ids are not dense");
    }
    char *source = read_text(checkpoint->seam, field(map, "s", MSGPACK_OBJECT_STR));
    char *name = read_text(checkpoint->seam, field(map, "p", MSGPACK_OBJECT_STR));
    int rc = TIDE_ERR_CORRUPT;
    if (source == NULL || name == NULL) {
        bad(err, "names of a split");
        goto out;
    }
    int32_t index = tide_checkpoint_source(checkpoint, source, true);
    if (index < 0) {
        rc = tide_error_set(err, TIDE_ERR_NOMEM, "no memory for source %s", source);
        goto out;
    }
    rc = tide_checkpoint_split_add(checkpoint, (uint32_t)index, name, &from, err);
out:
    tide_free(checkpoint->seam, source);
    tide_free(checkpoint->seam, name);
    return rc;
}

static int
apply_offsets(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    const msgpack_object *list = field(map, "o", MSGPACK_OBJECT_ARRAY);
    if (list == NULL) {
        return bad(err, "offsets");
    }
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        const msgpack_object *pair = &list->via.array.ptr[i];
        if (pair->type != MSGPACK_OBJECT_ARRAY || pair->via.array.size != 2 ||
            pair->via.array.ptr[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
            return bad(err, "offset");
        }
        uint64_t split = pair->via.array.ptr[0].via.u64;
        if (split >= checkpoint->n_splits ||
            !read_offset(&pair->via.array.ptr[1], &checkpoint->splits[split].next)) {
            return bad(err, "offset of an unknown split");
        }
    }
    return 0;
}

static bool
read_seal(const msgpack_object *map, struct tide_seal *out)
{
    struct tide_seal seal;
    if (!read_u64(map, "n", &seal.incarnation) || !read_u64(map, "e", &seal.epoch)) {
        return false;
    }
    *out = seal;
    return true;
}

/* An epoch becomes the newest: its offsets, snapshots and tokens replace the old. */
static int
apply_effects(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    struct tide_seal seal;
    if (!read_seal(map, &seal) || seal.epoch <= checkpoint->committed.epoch) {
        return bad(err, "a seal that is not ahead of the newest commit");
    }
    struct tide_blobs before = checkpoint->snapshots;
    memset(&checkpoint->snapshots, 0, sizeof(checkpoint->snapshots));
    tide_blobs_clear(&checkpoint->snapshots_before, checkpoint->seam);
    checkpoint->snapshots_before = before;
    int rc = apply_offsets(checkpoint, map, err);
    rc = rc != 0 ? rc : read_blobs(checkpoint, map, "r", &checkpoint->snapshots, err);
    rc = rc != 0 ? rc : read_blobs(checkpoint, map, "t", &checkpoint->tokens, err);
    if (rc == 0) {
        checkpoint->committed = seal;
        checkpoint->sealed = seal;
    }
    return rc;
}

static int
apply_seal(struct tide_checkpoint *checkpoint, const msgpack_object *map, const uint8_t *payload,
           uint32_t len, struct tide_error *err)
{
    struct tide_seal seal;
    if (!read_seal(map, &seal) || seal.epoch <= checkpoint->committed.epoch) {
        return bad(err, "a seal that is not ahead of the newest commit");
    }
    if (checkpoint->pending != NULL) {
        return bad(err, "a seal while another waits for its commit");
    }
    uint8_t *copy = tide_alloc(checkpoint->seam, len);
    if (copy == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for a sealed epoch");
    }
    memcpy(copy, payload, len);
    checkpoint->pending = copy;
    checkpoint->pending_len = len;
    checkpoint->sealed = seal;
    return read_blobs(checkpoint, map, "t", &checkpoint->pending_tokens, err);
}

static int
apply_commit(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    struct tide_seal seal;
    if (!read_seal(map, &seal)) {
        return bad(err, "commit");
    }
    if (seal.epoch == 0) {
        checkpoint->started = true;
        checkpoint->committed = seal;
        checkpoint->sealed = seal;
        return 0;
    }
    if (checkpoint->pending == NULL || seal.epoch != checkpoint->sealed.epoch ||
        seal.incarnation != checkpoint->sealed.incarnation) {
        return bad(err, "a commit of an epoch that is not the sealed one");
    }
    uint8_t *payload = checkpoint->pending;
    uint32_t len = checkpoint->pending_len;
    checkpoint->pending = NULL;
    tide_checkpoint_void(checkpoint);
    int rc = tide_checkpoint_apply(checkpoint, TIDE_WAL_SC, payload, len, err);
    tide_free(checkpoint->seam, payload);
    return rc;
}

/* The sealed epoch inside a head, if any. */
static int
head_pending(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    const msgpack_object *pending = field(map, "z", MSGPACK_OBJECT_BIN);
    if (pending == NULL) {
        return bad(err, "sealed epoch of a head");
    }
    checkpoint->sealed = checkpoint->committed;
    if (pending->via.bin.size == 0) {
        return 0;
    }
    return tide_checkpoint_apply(checkpoint, TIDE_WAL_S, (const uint8_t *)pending->via.bin.ptr,
                                 pending->via.bin.size, err);
}

static int
read_pair(const msgpack_object *map, const char *key, struct tide_seal *out)
{
    const msgpack_object *pair = field(map, key, MSGPACK_OBJECT_ARRAY);
    if (pair == NULL || pair->via.array.size != 2 ||
        pair->via.array.ptr[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
        pair->via.array.ptr[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
        return -1;
    }
    *out = (struct tide_seal){pair->via.array.ptr[0].via.u64, pair->via.array.ptr[1].via.u64};
    return 0;
}

static int
head_splits(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    const msgpack_object *list = field(map, "p", MSGPACK_OBJECT_ARRAY);
    if (list == NULL) {
        return bad(err, "splits");
    }
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        const msgpack_object *row = &list->via.array.ptr[i];
        struct tide_offset next;
        if (row->type != MSGPACK_OBJECT_ARRAY || row->via.array.size != 3 ||
            row->via.array.ptr[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
            row->via.array.ptr[0].via.u64 >= checkpoint->sources.n ||
            !read_offset(&row->via.array.ptr[2], &next)) {
            return bad(err, "split of a head");
        }
        char *name = read_text(checkpoint->seam, &row->via.array.ptr[1]);
        if (name == NULL) {
            return bad(err, "name of a split");
        }
        int rc = tide_checkpoint_split_add(checkpoint, (uint32_t)row->via.array.ptr[0].via.u64,
                                           name, &next, err);
        tide_free(checkpoint->seam, name);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int
apply_head(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    tide_checkpoint_fini(checkpoint);
    uint64_t started;
    const msgpack_object *uuid = field(map, "u", MSGPACK_OBJECT_BIN);
    if (uuid == NULL || uuid->via.bin.size != sizeof(checkpoint->uuid) ||
        !read_u64(map, "n", &checkpoint->incarnation) || !read_u64(map, "b", &started) ||
        read_pair(map, "c", &checkpoint->committed) != 0) {
        return bad(err, "head");
    }
    memcpy(checkpoint->uuid, uuid->via.bin.ptr, sizeof(checkpoint->uuid));
    checkpoint->started = started != 0;
    int rc = read_blobs(checkpoint, map, "s", &checkpoint->sources, err);
    rc = rc != 0 ? rc : head_splits(checkpoint, map, err);
    rc = rc != 0 ? rc : read_blobs(checkpoint, map, "r", &checkpoint->snapshots, err);
    rc = rc != 0 ? rc : read_blobs(checkpoint, map, "q", &checkpoint->snapshots_before, err);
    rc = rc != 0 ? rc : read_blobs(checkpoint, map, "t", &checkpoint->tokens, err);
    rc = rc != 0 ? rc : read_blobs(checkpoint, map, "d", &checkpoint->identity, err);
    return rc != 0 ? rc : head_pending(checkpoint, map, err);
}

static int
apply_start(struct tide_checkpoint *checkpoint, const msgpack_object *map, struct tide_error *err)
{
    uint64_t incarnation;
    if (!read_u64(map, "n", &incarnation) || incarnation < checkpoint->incarnation) {
        return bad(err, "incarnation");
    }
    checkpoint->incarnation = incarnation;
    return 0;
}

int
tide_checkpoint_apply(struct tide_checkpoint *checkpoint, uint32_t type, const uint8_t *payload,
                      uint32_t len, struct tide_error *err)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t at = 0;
    const msgpack_object *map = &unpacked.data;
    int rc;
    if (msgpack_unpack_next(&unpacked, (const char *)payload, len, &at) != MSGPACK_UNPACK_SUCCESS ||
        at != len || map->type != MSGPACK_OBJECT_MAP) {
        rc = bad(err, tide_wal_type_name(type));
        goto out;
    }
    switch (type) {
    case TIDE_WAL_START:
        rc = apply_start(checkpoint, map, err);
        break;
    case TIDE_WAL_SPLIT:
        rc = apply_split(checkpoint, map, err);
        break;
    case TIDE_WAL_S:
        rc = apply_seal(checkpoint, map, payload, len, err);
        break;
    case TIDE_WAL_C:
        rc = apply_commit(checkpoint, map, err);
        break;
    case TIDE_WAL_SC:
        rc = apply_effects(checkpoint, map, err);
        break;
    case TIDE_WAL_SEGMENT_HEAD:
        rc = apply_head(checkpoint, map, err);
        break;
    case TIDE_WAL_STOP:
        rc = 0;
        break;
    default:
        rc = tide_error_set(err, TIDE_ERR_UNSUPPORTED,
                            "the WAL holds a %s record, which this version cannot act on",
                            tide_wal_type_name(type));
    }
out:
    msgpack_unpacked_destroy(&unpacked);
    return rc;
}
