#!/usr/bin/env bash
# The one door: everything that must hold before a commit is pushed. `make check` and CI run this
# and nothing else. Prints each command, its time, and a summary.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
}

rm -f target/test-result
step format cargo fmt --all --check
step tidy cargo xtask tidy
step licences cargo xtask licences
step header cargo xtask header --check
step clippy cargo clippy --workspace --all-targets --quiet -- -D warnings
step docs docs
step tests scripts/test.sh
step fuzz fuzz/run.sh "${FUZZ_SECONDS:-66}"
steps_end
result=$?
cat target/test-result 2>/dev/null
exit "$result"
