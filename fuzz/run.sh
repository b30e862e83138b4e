#!/bin/sh
# Builds every fuzz target on the stable compiler and runs each for a bounded time.
# Usage: fuzz/run.sh [seconds per target, default 10] [target ...]
# Fails when a target finds a crash; the input is kept in fuzz/artifacts/<target>/.
set -eu
cd "$(dirname "$0")"
seconds=${1:-10}
[ $# -gt 0 ] && shift
targets=${*:-"message framer uri patch"}
triple=$(rustc -vV | sed -n 's/^host: //p')

# What cargo-fuzz passes, but for the sanitizer: the crates under test have no unsafe code.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
RUSTC_BOOTSTRAP=1 RUSTFLAGS="${RUSTFLAGS:-} $coverage" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}" \
    cargo build --quiet --release --target "$triple"

status=0
for target in $targets; do
    mkdir -p "corpus-work/$target" "artifacts/$target"
    log="corpus-work/$target.log"
    # New inputs go to the first directory; the committed seeds are only read.
    set -- "corpus-work/$target"
    for seeds in "corpus/$target" ../benches/corpus ../sip-parser/tests/corpus/torture/rfc4475 \
        ../sip-parser/tests/corpus/torture/rfc5118 ../sip-parser/tests/corpus/cve; do
        [ -d "$seeds" ] && set -- "$@" "$seeds"
    done
    if "${CARGO_TARGET_DIR:-target}/$triple/release/$target" -max_total_time="$seconds" \
        -dict=sip.dict -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="artifacts/$target/" "$@" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        echo "fuzz $target: $runs runs in ${seconds}s, $cover edges, no crash"
    else
        echo "fuzz $target: FAILED, see fuzz/artifacts/$target/" >&2
        grep -aE "panicked|assertion|SUMMARY|left:|right:|ERROR" "$log" >&2 || tail -n 20 "$log" >&2
        status=1
    fi
done
exit $status
