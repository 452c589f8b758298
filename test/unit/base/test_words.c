/* SPDX-License-Identifier: Apache-2.0 */
/* Words and published blocks, alone and with a coordinator and readers at once. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/words.h"
#include "fake_seam.h"

Test(words, raise_and_load)
{
    struct tide_word word;
    tide_word_init(&word, 5);
    cr_assert_eq(tide_word_load_acquire(&word), 5);
    tide_word_raise(&word, 5);
    tide_word_raise(&word, 9);
    cr_assert_eq(tide_word_load_acquire(&word), 9);
    cr_assert_eq(tide_word_load_seq(&word), 9);
    tide_word_raise(&word, UINT64_MAX);
    cr_assert_eq(tide_word_load_seq(&word), UINT64_MAX);
}

Test(words, fall_is_caught, .signal = SIGABRT)
{
    struct tide_word word;
    tide_word_init(&word, 5);
    tide_word_raise(&word, 4);
}

/* What is written before raising is visible to who sees the value. */
#define HANDOVERS 20000u

struct handover {
    struct tide_word word;
    struct tide_word taken;
    uint64_t plain;
};

static void *
handover_raise(void *arg)
{
    struct handover *handover = arg;
    for (uint64_t i = 1; i <= HANDOVERS; i++) {
        while (tide_word_load_acquire(&handover->taken) < i - 1) {
        }
        handover->plain = i * 3;
        tide_word_raise(&handover->word, i);
    }
    return NULL;
}

Test(words, raising_hands_over_plain_memory)
{
    static struct handover handover;
    pthread_t raiser;
    tide_word_init(&handover.word, 0);
    tide_word_init(&handover.taken, 0);
    pthread_create(&raiser, NULL, handover_raise, &handover);
    for (uint64_t i = 1; i <= HANDOVERS; i++) {
        while (tide_word_load_acquire(&handover.word) < i) {
        }
        cr_assert_eq(handover.plain, i * 3);
        tide_word_raise(&handover.taken, i);
    }
    pthread_join(raiser, NULL);
}

Test(published, nothing_at_first)
{
    struct fake_seam fake;
    struct tide_published published = {0};
    uint64_t generation = 77;
    fake_seam_init(&fake);
    cr_assert_eq(tide_published_init(&published, &fake.seam, 2, NULL), TIDE_OK);
    cr_assert_eq(tide_published_generation(&published), 0);
    cr_assert_null(tide_published_hold(&published, 1, &generation));
    cr_assert_eq(generation, 77, "untouched on failure");
    tide_published_fini(&published);
    cr_assert_eq(atomic_load(&fake.living), 0);
}

Test(published, newest_is_held_older_are_freed)
{
    struct fake_seam fake;
    struct tide_published published = {0};
    uint64_t generation = 0;
    fake_seam_init(&fake);
    cr_assert_eq(tide_published_init(&published, &fake.seam, 2, NULL), TIDE_OK);
    long base = atomic_load(&fake.living);
    char *block = tide_published_claim(&published, 10);
    cr_assert_eq((uintptr_t)block % 16, 0);
    strcpy(block, "one");
    cr_assert_eq(tide_published_commit(&published, block), 1);
    cr_assert_eq(tide_published_generation(&published), 1);
    const char *seen = tide_published_hold(&published, 0, &generation);
    cr_assert_str_eq(seen, "one");
    cr_assert_eq(generation, 1);
    for (uint64_t i = 2; i < 10; i++) {
        block = tide_published_claim(&published, 10);
        strcpy(block, "more");
        cr_assert_eq(tide_published_commit(&published, block), i);
        cr_assert_eq(atomic_load(&fake.living), base + 2, "the held one and the newest");
        cr_assert_str_eq(seen, "one");
    }
    cr_assert_str_eq(tide_published_hold(&published, 0, &generation), "more");
    cr_assert_eq(generation, 9);
    tide_published_let_go(&published, 0);
    tide_published_abort(&published, tide_published_claim(&published, 10));
    tide_published_abort(&published, NULL);
    tide_published_fini(&published);
    cr_assert_eq(atomic_load(&fake.living), 0);
}

Test(published, out_of_memory)
{
    struct fake_seam fake;
    struct tide_published published = {0};
    struct tide_error err = {0};
    fake_seam_init(&fake);
    atomic_store(&fake.allocations_left, 0);
    cr_assert_eq(tide_published_init(&published, &fake.seam, 2, &err), TIDE_ERR_NOMEM);
    tide_published_fini(&published);
    atomic_store(&fake.allocations_left, 1);
    cr_assert_eq(tide_published_init(&published, &fake.seam, 2, &err), TIDE_OK);
    cr_assert_null(tide_published_claim(&published, 10));
    tide_published_fini(&published);
}

Test(published, fini_while_held_is_caught, .signal = SIGABRT)
{
    struct fake_seam fake;
    struct tide_published published = {0};
    fake_seam_init(&fake);
    tide_published_init(&published, &fake.seam, 1, NULL);
    tide_published_commit(&published, tide_published_claim(&published, 1));
    tide_published_hold(&published, 0, NULL);
    tide_published_fini(&published);
}

/* Readers hold, check the whole block and let go, while blocks are published: none changes or
 * vanishes. */
#define READERS 3u
#define GENERATIONS 20000u
#define WORDS 32u

struct reading {
    struct tide_published *published;
    uint32_t reader;
    uint64_t mismatches;
    uint64_t last;
};

static void *
reading_run(void *arg)
{
    struct reading *reading = arg;
    while (reading->last < GENERATIONS) {
        uint64_t generation = 0;
        const uint64_t *words =
            tide_published_hold(reading->published, reading->reader, &generation);
        if (words == NULL) {
            continue;
        }
        reading->mismatches += generation < reading->last;
        for (unsigned i = 0; i < WORDS; i++) {
            reading->mismatches += words[i] != generation * (i + 1);
        }
        reading->last = generation;
        if (generation % 3 == 0) {
            tide_published_let_go(reading->published, reading->reader);
        }
    }
    tide_published_let_go(reading->published, reading->reader);
    return NULL;
}

Test(published, readers_and_coordinator_at_once)
{
    static struct tide_published published;
    struct fake_seam fake;
    struct reading readings[READERS];
    pthread_t threads[READERS];
    fake_seam_init(&fake);
    cr_assert_eq(tide_published_init(&published, &fake.seam, READERS, NULL), TIDE_OK);
    for (uint32_t r = 0; r < READERS; r++) {
        readings[r] = (struct reading){.published = &published, .reader = r};
        pthread_create(&threads[r], NULL, reading_run, &readings[r]);
    }
    for (uint64_t g = 1; g <= GENERATIONS; g++) {
        uint64_t *words = tide_published_claim(&published, WORDS * sizeof(uint64_t));
        for (unsigned i = 0; i < WORDS; i++) {
            words[i] = g * (i + 1);
        }
        cr_assert_eq(tide_published_commit(&published, words), g);
    }
    for (uint32_t r = 0; r < READERS; r++) {
        pthread_join(threads[r], NULL);
        cr_assert_eq(readings[r].mismatches, 0);
    }
    tide_published_fini(&published);
    cr_assert_eq(atomic_load(&fake.living), 0);
}
