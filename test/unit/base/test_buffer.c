/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer: growth, its limit, failure without loss. */
#include <string.h>

#include <criterion/criterion.h>

#include "base/buffer.h"
#include "fake_seam.h"

Test(buffer, grows_and_keeps)
{
    struct fake_seam fake;
    struct tide_buf buf;
    fake_seam_init(&fake);
    tide_buf_init(&buf, &fake.seam, 1 << 20);
    cr_assert_null(buf.data);
    for (uint32_t i = 0; i < 10000; i++) {
        cr_assert_eq(tide_buf_append(&buf, &i, sizeof(i)), TIDE_OK);
    }
    cr_assert_eq(buf.len, 40000);
    for (uint32_t i = 0; i < 10000; i++) {
        cr_assert_eq(memcmp(buf.data + 4 * i, &i, 4), 0);
    }
    size_t cap = buf.cap;
    tide_buf_clear(&buf);
    cr_assert_eq(buf.len, 0);
    cr_assert_eq(buf.cap, cap);
    tide_buf_fini(&buf);
    tide_buf_fini(&buf);
    cr_assert_eq(atomic_load(&fake.living), 0);
    cr_assert_eq(tide_buf_append_byte(&buf, 7), TIDE_OK, "usable again");
    cr_assert_eq(buf.data[0], 7);
    tide_buf_fini(&buf);
}

Test(buffer, every_limit_is_exact)
{
    static const uint8_t bytes[2000];
    for (size_t max = 0; max < 1100; max++) {
        struct tide_buf buf;
        tide_buf_init(&buf, tide_seam_real(), max);
        cr_assert_eq(tide_buf_append(&buf, bytes, max + 1), TIDE_ERR_LIMIT);
        cr_assert_eq(tide_buf_append(&buf, bytes, max), TIDE_OK);
        cr_assert_eq(tide_buf_append(&buf, bytes, 0), TIDE_OK);
        cr_assert_eq(tide_buf_append_byte(&buf, 1), TIDE_ERR_LIMIT);
        cr_assert_eq(tide_buf_append(&buf, bytes, SIZE_MAX), TIDE_ERR_LIMIT);
        cr_assert_eq(buf.len, max);
        cr_assert_leq(buf.cap, max);
        tide_buf_fini(&buf);
    }
}

Test(buffer, failure_leaves_the_contents)
{
    struct fake_seam fake;
    struct tide_buf buf;
    static const char many[1000];
    fake_seam_init(&fake);
    tide_buf_init(&buf, &fake.seam, 1 << 20);
    cr_assert_eq(tide_buf_append_text(&buf, "kept"), TIDE_OK);
    atomic_store(&fake.allocations_left, 0);
    cr_assert_eq(tide_buf_append(&buf, many, sizeof(many)), TIDE_ERR_NOMEM);
    cr_assert_eq(tide_buf_printf(&buf, "%1000d", 1), TIDE_ERR_NOMEM);
    cr_assert_str_eq(tide_buf_text(&buf), "kept");
    cr_assert_eq(buf.len, 4);
    tide_buf_fini(&buf);
}

Test(buffer, reserve_gives_room)
{
    struct tide_buf buf;
    uint8_t *room = NULL;
    tide_buf_init(&buf, tide_seam_real(), 1000);
    tide_buf_append_text(&buf, "ab");
    cr_assert_eq(tide_buf_reserve(&buf, 998, &room), TIDE_OK);
    cr_assert_eq(room, buf.data + 2);
    memset(room, 'c', 998);
    buf.len += 998;
    cr_assert_eq(tide_buf_reserve(&buf, 1, &room), TIDE_ERR_LIMIT);
    cr_assert_eq(tide_buf_reserve(&buf, 0, NULL), TIDE_OK);
    cr_assert_null(tide_buf_text(&buf), "no room for the zero");
    tide_buf_fini(&buf);
}

Test(buffer, printf_and_text)
{
    struct tide_buf buf;
    tide_buf_init(&buf, tide_seam_real(), 1000);
    cr_assert_str_eq(tide_buf_text(&buf), "");
    cr_assert_eq(tide_buf_printf(&buf, "%s=%d", "a", 5), TIDE_OK);
    cr_assert_eq(tide_buf_printf(&buf, "%s", ""), TIDE_OK);
    cr_assert_eq(tide_buf_printf(&buf, ";%0300d", 7), TIDE_OK);
    cr_assert_eq(buf.len, 3 + 1 + 300);
    cr_assert_eq(memcmp(tide_buf_text(&buf), "a=5;0000", 8), 0);
    cr_assert_eq(tide_buf_text(&buf)[303], '7');
    cr_assert_eq(strlen(tide_buf_text(&buf)), 304);
    tide_buf_fini(&buf);
}

Test(buffer, packs)
{
    struct tide_buf buf;
    int (*write)(void *, const char *, size_t) = tide_buf_pack; /* msgpack_packer_write's shape */
    tide_buf_init(&buf, tide_seam_real(), 3);
    cr_assert_eq(write(&buf, "abc", 3), 0);
    cr_assert_neq(write(&buf, "d", 1), 0);
    cr_assert_eq(memcmp(buf.data, "abc", 3), 0);
    tide_buf_fini(&buf);
}
