/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a Criterion test program without Criterion's own runner, for sanitizer builds.
 *
 * Criterion starts each test through an arena mapped at fixed addresses, which ThreadSanitizer's
 * shadow memory occupies: no test starts. This file is linked into the test programs of sanitizer
 * builds and takes over `main` and the few calls that talk to Criterion's server; the tests and the
 * assertion macros stay as they are. Each test is a forked child: a crash, a sanitizer's report or
 * a failed assertion fails that test only. The child ends by `exit`, so that leaks are looked for
 * too. Prints TAP like `--tap=-`.
 *
 * One thread in the parent, which forks; the child may start what it likes. Parameterized tests and
 * theories are refused: nothing is skipped in silence.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* Sanitizers multiply run time; a test that asks for a limit gets this many times as much. */
#define TIMEOUT_FACTOR 10
#define TIMEOUT_DEFAULT_S 300

#define CHILD_FAILED 97

/* The linker's names for the section in which the Test macro registers. */
extern struct criterion_test *__start_cr_tst[];
extern struct criterion_test *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

/* Of the child: the test it runs and whether an expectation has failed. */
static const struct criterion_test *current;
static bool failed;

static const struct criterion_test_extra_data *
suite_data(const struct criterion_test *test)
{
    for (struct criterion_suite **s = __start_cr_sts; s != NULL && s < __stop_cr_sts; s++) {
        if (*s != NULL && strcmp((*s)->name, test->category) == 0) {
            return (*s)->data;
        }
    }
    return NULL;
}

void
criterion_internal_test_setup(void)
{
    const struct criterion_test_extra_data *suite = suite_data(current);
    if (suite != NULL && suite->init != NULL) {
        suite->init();
    }
    if (current->data->init != NULL) {
        current->data->init();
    }
}

void
criterion_internal_test_main(void (*body)(void))
{
    body();
}

void
criterion_internal_test_teardown(void)
{
    const struct criterion_test_extra_data *suite = suite_data(current);
    if (current->data->fini != NULL) {
        current->data->fini();
    }
    if (suite != NULL && suite->fini != NULL) {
        suite->fini();
    }
}

void
criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->passed) {
        fprintf(stderr, "  %s:%u: %s\n", stats->file, stats->line, stats->message);
    }
}

/* What the newer macros (criterion/new/assert.h) send instead: a tree of conditions. */
void
cri_assert_node_send(const char *file, size_t line, struct cri_assert_node *tree)
{
    if (tree->pass) {
        return;
    }
    fprintf(stderr, "  %s:%zu: %s %s\n", file, line, tree->repr != NULL ? tree->repr : "",
            tree->message != NULL ? tree->message : "");
    for (uint32_t i = 0; i < tree->nchild; i++) {
        const struct cri_assert_node *child = &tree->children[i];
        fprintf(stderr, "    %s: %s %s\n", child->pass ? "holds" : "fails",
                child->repr != NULL ? child->repr : "",
                child->message != NULL ? child->message : "");
    }
}

void
cri_asserts_passed_incr(void)
{
}

void
criterion_abort_test(void)
{
    _exit(CHILD_FAILED);
}

void
criterion_continue_test(void)
{
    failed = true;
}

void
criterion_test_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    _exit(CHILD_FAILED);
}

void
criterion_skip_test(const char *format, ...)
{
    (void)format;
    fprintf(stderr, "  a test may not skip itself\n");
    _exit(CHILD_FAILED);
}

static _Noreturn void
child_run(const struct criterion_test *test)
{
    const struct criterion_test_extra_data *suite = suite_data(test);
    double limit = test->data->timeout > 0 ? test->data->timeout
                   : suite != NULL         ? suite->timeout
                                           : 0;
    current = test;
    (void)alarm(limit > 0 ? (unsigned)(limit * TIMEOUT_FACTOR) + 1 : TIMEOUT_DEFAULT_S);
    if (test->data->kind_ != CR_TEST_NORMAL || test->data->disabled) {
        fprintf(stderr, "  disabled, parameterized and theory tests do not run here\n");
        _exit(CHILD_FAILED);
    }
    test->test();
    exit(failed ? CHILD_FAILED : 0);
}

/* Whether the child ended as its test says it must: by default with 0. */
static bool
ended_well(const struct criterion_test *test, int status)
{
    const struct criterion_test_extra_data *suite = suite_data(test);
    int signal_wanted = test->data->signal != 0 ? test->data->signal : suite ? suite->signal : 0;
    int code_wanted = test->data->exit_code != 0 ? test->data->exit_code
                      : suite                    ? suite->exit_code
                                                 : 0;
    if (signal_wanted != 0) {
        return WIFSIGNALED(status) && WTERMSIG(status) == signal_wanted;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == code_wanted;
}

static bool
test_run(const struct criterion_test *test)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        child_run(test);
    }
    int status = 0;
    bool well = child > 0 && waitpid(child, &status, 0) == child && ended_well(test, status);
    printf("%s - %s::%s", well ? "ok" : "not ok", test->category, test->name);
    if (!well && WIFSIGNALED(status)) {
        printf(" (signal %d)", WTERMSIG(status));
    } else if (!well) {
        printf(" (exit code %d)", WEXITSTATUS(status));
    }
    printf("\n");
    return well;
}

int
main(void)
{
    int count = 0;
    bool all_well = true;
    for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
        count += *t != NULL;
    }
    printf("TAP version 13\n1..%d\n", count);
    for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
        if (*t != NULL) {
            all_well = test_run(*t) && all_well;
        }
    }
    return all_well ? 0 : 1;
}
