# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Debian packages by purpose. packages_install says what it is about to install, installs only what is
# missing, and prints nothing when nothing is. Uses say and die of ./dev.

packages_of() {
    case $1 in
    build)
        echo gcc g++ meson ninja-build pkg-config ccache git ca-certificates librdkafka-dev libmsgpack-dev \
            liburing-dev libyaml-dev libsimdjson-dev libxxhash-dev libisal-dev libzstd-dev nettle-dev libjansson-dev libpcre2-dev
        ;;
    test) echo libcriterion-dev clang-14 libclang-rt-14-dev libstdc++-12-dev python3 python3-confluent-kafka \
            util-linux mount procps ;;
    tidy) echo clang-format-14 python3 ;;
    java) command -v java >/dev/null || echo openjdk-17-jre-headless ;;
    broker) command -v mvn >/dev/null || echo maven ;;
    librdkafka)
        echo gcc g++ make python3 zlib1g-dev libzstd-dev ca-certificates
        # Any cargo will do; Debian's plain one is too old for today's crate manifests.
        command -v cargo >/dev/null || echo cargo-web
        ;;
    *) die "no package list for $1" ;;
    esac
}

package_present() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

packages_missing() {
    local purpose package
    for purpose in "$@"; do
        for package in $(packages_of "$purpose"); do
            package_present "$package" || echo "$package"
        done
    done | sort -u
}

# packages_install PURPOSE...
packages_install() {
    local missing log
    local -a as_root=()
    command -v dpkg-query >/dev/null || die "this is not Debian: install by hand: $(packages_of "$1")"
    missing=$(packages_missing "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    say "installing (for $*): $missing"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "cannot install: not root, and no sudo; missing: $missing"
        as_root=(sudo)
    fi
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words
    if ! { "${as_root[@]}" update && "${as_root[@]}" install --no-install-recommends $missing; } >"$log" 2>&1 \
        </dev/null; then
        die "cannot install: $(grep -m1 -E '^(E|W):' "$log" || tail -n 1 "$log") (log: $log)"
    fi
    rm -f "$log"
}
