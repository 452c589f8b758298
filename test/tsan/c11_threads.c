/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C11 threads as POSIX threads, for ThreadSanitizer, which in Clang 14 does not know the former: a
 * thread that Debian's librdkafka starts with thrd_create would enter the sanitizer without having
 * been announced, and crash there. Preloaded by `./dev test tsan`, and not itself instrumented.
 *
 * Threads: any. Only what librdkafka calls stands here; its locks stay the C library's.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "glibc's thrd_t is a pthread_t");

struct start {
    thrd_start_t run;
    void *arg;
};

static void *
start_run(void *box)
{
    struct start start = *(struct start *)box;
    free(box);
    return (void *)(intptr_t)start.run(start.arg);
}

__attribute__((visibility("default"))) int
thrd_create(thrd_t *out, thrd_start_t run, void *arg)
{
    struct start *start = malloc(sizeof(*start));
    if (start == NULL) {
        return thrd_nomem;
    }
    *start = (struct start){run, arg};
    if (pthread_create(out, NULL, start_run, start) != 0) {
        free(start);
        return thrd_error;
    }
    return thrd_success;
}

__attribute__((visibility("default"))) int
thrd_join(thrd_t thread, int *out_result)
{
    void *result;
    if (pthread_join(thread, &result) != 0) {
        return thrd_error;
    }
    if (out_result != NULL) {
        *out_result = (int)(intptr_t)result;
    }
    return thrd_success;
}
