# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A current librdkafka beside Debian's 2.0.2: same soname, chosen by LD_LIBRARY_PATH.
#
# The source is in the crate rdkafka-sys, which carries librdkafka's whole tree; cargo only fetches it. Built
# once into the cache folder. Uses $top, $cache, say and die of ./dev.

rdkafka_crate=4.10.0+2.12.1

# Prints the folder that holds librdkafka.so.1 of the current release, building it when it is not there.
dev_librdkafka_current() {
    local home=$cache/librdkafka-${rdkafka_crate#*+} work
    if [ ! -e "$home/lib/librdkafka.so.1" ]; then
        packages_install librdkafka
        say "building librdkafka ${rdkafka_crate#*+} (once) into $home"
        mkdir -p "$cache"
        work=$(mktemp -d "$cache/librdkafka.XXXXXX")
        rdkafka_build "$work" >"$work/log" 2>&1 ||
            die "building librdkafka ${rdkafka_crate#*+} failed: $(tail -n 1 "$work/log") (log: $work/log)"
        # Two first builds at a time: the second finds the folder there and uses it.
        mv -T "$work/home" "$home" 2>/dev/null || [ -e "$home/lib/librdkafka.so.1" ] || die "cannot write $home"
        rm -rf "$work"
    fi
    echo "$home/lib"
}

rdkafka_build() {
    local work=$1
    mkdir -p "$work/fetch/src"
    : >"$work/fetch/src/lib.rs"
    cat >"$work/fetch/Cargo.toml" <<END
[package]
name = "fetch"
version = "0.0.0"
edition = "2018"
[dependencies]
rdkafka-sys = "=$rdkafka_crate"
END
    (cd "$work/fetch" && cargo vendor "$work/vendor") || return 1
    # TLS, SASL and OpenID stay out: the test broker speaks plaintext.
    (cd "$work/vendor/rdkafka-sys/librdkafka" &&
        ./configure --prefix="$work/home" --disable-ssl --disable-gssapi --disable-curl --disable-lz4-ext &&
        make -j"$(nproc)" libs && make -C src install) || return 1
    [ -e "$work/home/lib/librdkafka.so.1" ]
}
