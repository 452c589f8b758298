# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What `./dev test` runs, part by part; each part has a build folder of its own.
#
#   gcc     build/        every meson test: unit, sim, plugin, tidy
#   clang   build-clang/  the same without tidy; warnings are errors there too
#   asan    build-asan/   the same and short integration and kill runs, under ASan, LSan and UBSan (gcc)
#   tsan    build-tsan/   the same under ThreadSanitizer (clang)
#   kafka   build/        integration and kill tests on a real Kafka, integration again with a current librdkafka
#
# The suites that need a broker are the programs test/e2e/run and test/fault/run. They end with a line
# "N passed, N failed" and read from the environment:
#
#   TIDEMARK_BUILD       the build folder under test         TIDEMARK_BROKERS     host:port of a running node
#   TIDEMARK_BROKER_DIR  that node's folder (./dev broker)    TIDEMARK_DEV         the path of ./dev
#   TIDEMARK_SCOPE       quick | full | long                  TIDEMARK_KILLS       how many kills (fault), or empty
#
# Uses $top, say, die, packages_install, build_configure and build_target of ./dev.

suites_passed=0
suites_failed=0
suites_wrap=() # what goes before a test program
suites_home= # the folder of this run: the broker's data and the suites' logs

# A leak is a failure, a report ends the process, and what librdkafka does inside is its own affair.
sanitizer_environment() {
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:strict_string_checks=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    export LSAN_OPTIONS=suppressions=$top/.ci/lsan.supp:print_suppressions=0
    export TSAN_OPTIONS=suppressions=$top/.ci/tsan.supp:halt_on_error=0:second_deadlock_stack=1
}

# count KIND FILE RESULT: adds up one suite's outcome and names its failures.
suite_count() {
    local counts
    counts=$(python3 "$top/.ci/counts.py" "$@") || die "cannot read $2"
    suite_passed=$((suite_passed + ${counts% *}))
    suite_failed=$((suite_failed + ${counts#* }))
}

# The names of the meson tests of the given rooms ("ring" is ring/...), one a line.
suite_room_tests() {
    local dir=$1
    shift
    meson introspect "$top/$dir" --tests | python3 "$top/.ci/counts.py" rooms "$@"
}

# Runs meson's tests of a build folder, those of some rooms if any are named.
suite_meson() {
    local dir=$1 factor=$2 result=0
    shift 2
    rm -f "$top/$dir/meson-logs/testlog.json"
    (cd "$top" && "${suites_wrap[@]}" meson test -C "$dir" --no-rebuild --num-processes 2 -t "$factor" "$@") \
        >"$suites_home/$dir-meson.log" 2>&1 || result=$?
    suite_count meson "$top/$dir/meson-logs/testlog.json" "$result"
}

# One node serves all parts of a run.
suite_broker() {
    [ -z "${TIDEMARK_BROKERS:-}" ] || return 0
    local port=$((20000 + RANDOM % 9000))
    export TIDEMARK_BROKER_DIR=$suites_home/kafka
    TIDEMARK_BROKERS=$("$top/dev" broker start "$TIDEMARK_BROKER_DIR" "$port") || die "no broker for the tests"
    export TIDEMARK_BROKERS
}

# suite_program FOLDER BUILD-DIR SCOPE [LIBRARY-FOLDER]: runs test/FOLDER/run against the broker.
suite_program() {
    local folder=$1 dir=$2 scope=$3 library=${4:-} result=0 log
    [ -x "$top/test/$folder/run" ] || return 0
    suite_broker
    log=$suites_home/$dir-$folder-$scope${library:+-current}.log
    TIDEMARK_BUILD=$top/$dir TIDEMARK_SCOPE=$scope TIDEMARK_DEV=$top/dev \
        LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
        "${suites_wrap[@]}" "$top/test/$folder/run" >"$log" 2>&1 </dev/null || result=$?
    suite_count text "$log" "$result"
}

suite_gcc() {
    build_configure build --buildtype=debugoptimized -Dauto_features=enabled
    build_target build
    suite_meson build 1
}

suite_clang() {
    CC="ccache clang-14" CXX="ccache clang++-14" build_configure build-clang --buildtype=debugoptimized -Dauto_features=enabled
    build_target build-clang
    suite_meson build-clang 1 --no-suite tidy
}

suite_asan() {
    build_configure build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
        -Dslow_asserts=true -Dwerror=false
    build_target build-asan
    sanitizer_environment
    suite_meson build-asan 5 --no-suite tidy
    suite_program e2e build-asan quick
    suite_program fault build-asan quick
}

suite_tsan() {
    CC="ccache clang-14" CXX="ccache clang++-14" build_configure build-tsan --buildtype=debugoptimized -Db_sanitize=thread \
        -Db_lundef=false -Dslow_asserts=true
    build_target build-tsan
    sanitizer_environment
    # Clang 14's runtime knows address spaces with up to 28 random bits.
    [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -le 28 ] || suites_wrap=(setarch -R)
    # Nor does it know C11 threads, with which Debian's librdkafka works (test/tsan/c11_threads.c).
    suites_wrap+=(env "LD_PRELOAD=$top/build-tsan/test/tsan/libc11_threads.so")
    suite_meson build-tsan 10 --no-suite tidy
    suite_program e2e build-tsan quick
    suite_program fault build-tsan quick
    suites_wrap=()
}

suite_kafka() {
    local current
    build_target build
    suite_program e2e build "$suites_scope"
    suite_program fault build "$suites_scope"
    current=$(dev_librdkafka_current)
    suite_program e2e build "$suites_scope" "$current"
}

suite_tidy() {
    build_target build
    suite_meson build 1 --suite tidy
}

# Some rooms' unit tests, in the gcc build.
suite_rooms() {
    local -a names
    build_target build
    mapfile -t names < <(suite_room_tests build "$@")
    [ ${#names[@]} -gt 0 ] || die "no test of: $*"
    suite_meson build 1 "${names[@]}"
}

# suite_run LABEL FUNCTION [ARG...]: one part, one line.
suite_run() {
    local label=$1 began=$SECONDS
    shift
    suite_passed=0
    suite_failed=0
    "$@"
    echo "$label: $suite_passed passed, $suite_failed failed ($((SECONDS - began)) s)"
    suites_passed=$((suites_passed + suite_passed))
    suites_failed=$((suites_failed + suite_failed))
}

# The last word of a run, however it ends: stops the broker and prints the total.
suites_end() {
    local result=$?
    [ ! -d "$suites_home/kafka" ] || broker_stop "$suites_home/kafka"
    # A part that could not even be built ended the script.
    [ "$result" = 0 ] || [ "$suites_failed" -gt 0 ] || suites_failed=1
    if [ "$suites_failed" = 0 ]; then
        rm -rf "$suites_home"
    else
        say "logs: $suites_home"
    fi
    echo "$suites_passed passed, $suites_failed failed"
    [ "$suites_failed" = 0 ] && [ "$suites_passed" -gt 0 ] || exit 1
}

# test [--long] [--kills N] [PART|ROOM...]
suites_run() {
    local -a parts=() rooms=()
    suites_scope=full
    while [ $# -gt 0 ]; do
        case $1 in
        --long) suites_scope=long ;;
        --kills)
            [[ ${2:-} =~ ^[0-9]+$ ]] || die "--kills needs a number"
            export TIDEMARK_KILLS=$2
            shift
            ;;
        gcc | clang | asan | tsan | kafka | tidy) parts+=("$1") ;;
        -*) usage_error ;;
        *) rooms+=("$1") ;;
        esac
        shift
    done
    [ ${#parts[@]} -gt 0 ] || [ ${#rooms[@]} -gt 0 ] || parts=(gcc clang asan tsan kafka)
    packages_install build test tidy java
    suites_home=$(mktemp -d "${TMPDIR:-/tmp}/tidemark-test.XXXXXX")
    trap suites_end EXIT
    [ ${#rooms[@]} -eq 0 ] || suite_run "${rooms[*]}" suite_rooms "${rooms[@]}"
    local part
    for part in "${parts[@]}"; do
        suite_run "$part" "suite_$part"
    done
}
