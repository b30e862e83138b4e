#!/usr/bin/env bash
# Installs the tools that the other targets need; nothing else in the project installs anything.
#
#   scripts/setup.sh [--soft] [TOOL...]
#
# Without tools: all of the list below. As root on Debian or Ubuntu it installs what is missing and
# says what; otherwise it names it. A service that a package brings (kamailio) is not started.
# --soft: a missing tool other than the compiler is no failure, as its tests say SKIP. With CI=true
# it is one even then: nothing may be skipped there.
set -euo pipefail

# tool:package[,package], in the order in which they are shown
TOOLS="cc:gcc,libc6-dev c++:g++ make:make cmake:cmake pkg-config:pkg-config valgrind:valgrind
    kamailio:kamailio sipp:sip-tester baresip:baresip-core sipsak:sipsak tshark:tshark
    sqlite3:sqlite3"
RUST=1.95

soft=
if [ "${1-}" = --soft ]; then
    soft=1
    shift
fi

package_of() {
    local pair
    for pair in $TOOLS; do
        if [ "${pair%%:*}" = "$1" ]; then
            echo "${pair#*:}" | tr , ' '
            return
        fi
    done
    echo "setup: no such tool: $1 (there are: $(echo $TOOLS | sed 's/:[^ ]*//g'))" >&2
    exit 2
}

check_rust() {
    local have
    if ! have=$(cargo --version 2>/dev/null | cut -d' ' -f2); then
        echo "setup: Rust $RUST or later is needed and there is no cargo; see https://rustup.rs" >&2
        exit 1
    fi
    if [ "$(printf '%s\n%s\n' "$RUST" "$have" | sort -V | head -n 1)" != "$RUST" ]; then
        echo "setup: Rust $RUST or later is needed, this is $have; try: rustup update stable" >&2
        exit 1
    fi
}

# Debian asks /usr/sbin/policy-rc.d whether a fresh package may start its service: for a moment the
# answer is no. A policy that is there already is put back; one of ours, left by a run that was
# killed, is not.
POLICY=/usr/sbin/policy-rc.d
SAVED=$POLICY.before-looseroute
MARK="# by looseroute's scripts/setup.sh, while it installs"
restore_policy() {
    rm -f "$POLICY"
    if [ -e "$SAVED" ] || [ -L "$SAVED" ]; then
        mv "$SAVED" "$POLICY"
    fi
}
forbid_services() {
    if { [ -e "$POLICY" ] || [ -L "$POLICY" ]; } && ! grep -qs "$MARK" "$POLICY"; then
        mv "$POLICY" "$SAVED"
    fi
    trap restore_policy EXIT
    printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY"
    chmod 755 "$POLICY"
}

known_to_apt() {
    local package
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || return 1
    done
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    local apt="apt-get -y -q --no-install-recommends"
    forbid_services
    if ! known_to_apt "$@"; then
        apt-get -q update || true
    fi
    # An index of yesterday may name packages that are gone: then once more with today's, and one
    # at a time, so that one that this system does not have keeps no other out.
    if ! $apt install "$@"; then
        apt-get -q update || true
        local package
        for package in "$@"; do
            $apt install "$package" || true
        done
    fi
}

# What is not there of $wanted, and the packages that have it.
find_missing() {
    local tool package
    missing=
    packages=
    for tool in $wanted; do
        package=$(package_of "$tool")
        if ! command -v "$tool" >/dev/null 2>&1 && ! [ -x "/usr/sbin/$tool" ]; then
            missing="$missing $tool"
            packages="$packages $package"
        fi
    done
}

check_rust
wanted="$*"
if [ -z "$wanted" ]; then
    wanted=$(for pair in $TOOLS; do echo "${pair%%:*}"; done)
fi
find_missing
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "setup: installing$packages (for$missing)"
    # shellcheck disable=SC2086
    install $packages
    find_missing
    if [ -z "$missing" ]; then
        echo "setup: installed"
    fi
fi
if [ -z "$missing" ]; then
    exit 0
fi

echo "setup: missing:$missing" >&2
echo "setup: on Debian or Ubuntu: sudo apt-get install --no-install-recommends$packages" >&2
case " $missing " in
*" cc "*) exit 1 ;;
esac
if [ -n "$soft" ] && [ "${CI-}" != true ]; then
    echo "setup: going on without; the tests that need them say SKIP" >&2
    exit 0
fi
exit 1
