#!/usr/bin/env bash
# All tests, and at the end one line in cargo's own style over all of them.
#
# Unit tests are built in the dev profile; what simulates calls or starts whole servers is built in
# `sim`: as fast as a release, with the debug assertions on. A test that lacks its peer (kamailio,
# sipp, baresip, …) prints SKIP and appends a line to $LOOSEROUTE_SKIP_LOG; with CI=true it fails.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

mkdir -p target
log=target/test.log
export LOOSEROUTE_SKIP_LOG=$PWD/target/skipped.log
: >"$log"
: >"$LOOSEROUTE_SKIP_LOG"

# The packages whose tests run in the sim profile.
SIM="looseroute-sim looseroute looseroute-ffi looseroute-examples"

logged() {
    "$@" 2>&1 | tee -a "$log"
    return "${PIPESTATUS[0]}"
}

selected() { # --exclude or -p, for each package of SIM that exists
    local package
    for package in $SIM; do
        printf '%s %s ' "$1" "$package"
    done
}

# shellcheck disable=SC2046
step "unit tests" logged cargo test --workspace $(selected --exclude) --lib --bins --tests --no-fail-fast
# The phones call each other through the C example too.
step "C examples" make -s -C examples/c PROFILE=sim
# shellcheck disable=SC2046
step "whole engine" logged cargo test --profile sim $(selected -p) --lib --bins --tests --no-fail-fast
step "doc tests" logged cargo test --workspace --doc --no-fail-fast
steps_end
result=$?

sort -u "$LOOSEROUTE_SKIP_LOG"
awk -v skipped="$(sort -u "$LOOSEROUTE_SKIP_LOG" | wc -l)" -v seconds="$SECONDS" -v result="$result" '
    /^test result: / {
        for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^passed/) passed += $i
            if ($(i + 1) ~ /^failed/) failed += $i
            if ($(i + 1) ~ /^ignored/) ignored += $i
        }
    }
    END {
        word = (failed || result != 0) ? "FAILED" : "ok"
        printf "\ntest result: %s. %d passed; %d failed; %d ignored; %d skipped; finished in %d.00s\n",
            word, passed, failed, ignored, skipped, seconds
    }' "$log" | tee target/test-result
exit "$result"
