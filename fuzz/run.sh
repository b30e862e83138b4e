#!/bin/sh
# Builds every fuzz target on the stable compiler and runs them, one after the other, for a time
# that they share equally.
# Usage: fuzz/run.sh [seconds in all, default 60] [target ...]
# RUNS=n ends each target after so many inputs; the seconds are then the most that they may take.
# Fails when a target finds a crash; the input is kept in fuzz/artifacts/<target>/.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
every="message framer uri patch steps builder http sdp multipart blocks oracle header_via \
header_address header_party header_auth header_token header_number header_dialog header_content \
header_info header_network header_text"
targets=${*:-$every}
triple=$(rustc -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-target}

# What cargo-fuzz passes, but for the sanitizer: the crates under test have no unsafe code.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
RUSTC_BOOTSTRAP=1 RUSTFLAGS="${RUSTFLAGS:-} $coverage" CARGO_TARGET_DIR="$built" \
    cargo build --quiet --release --target "$triple"

# Seeds that are whole messages, for the targets that take one, bare or behind a few bytes.
messages="../benches/corpus ../sip-parser/tests/corpus/torture/rfc4475 \
../sip-parser/tests/corpus/torture/rfc5118 ../sip-parser/tests/corpus/cve"

status=0
# shellcheck disable=SC2086
share=$((seconds / $(echo $targets | wc -w)))
[ "$share" -ge 1 ] || share=1
for target in $targets; do
    mkdir -p "corpus-work/$target" "artifacts/$target"
    log="corpus-work/$target.log"
    longest=2048
    case $target in
    framer) longest=1024 ;;
    header_* | uri | blocks | oracle) longest=512 ;;
    esac
    # New inputs go to the first directory; the committed seeds are only read.
    set -- "corpus-work/$target"
    case $target in
    message | framer | patch | steps) set -- "$@" $messages ;;
    esac
    [ -d "corpus/$target" ] && set -- "$@" "corpus/$target"
    if "$built/$triple/release/$target" -max_total_time="$share" -runs="${RUNS:--1}" \
        -dict=sip.dict -max_len="$longest" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="artifacts/$target/" "$@" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        corpus=$(sed -n 's/.* corp: \([^ ]*\) .*/\1/p' "$log" | tail -n 1)
        took=$(sed -n 's/^Done .* in \([0-9]*\) second.*/\1/p' "$log")
        echo "fuzz $target: $runs runs in ${took}s, $cover edges, corpus $corpus, no crash"
    else
        echo "fuzz $target: FAILED, see fuzz/artifacts/$target/" >&2
        grep -aE "panicked|assertion|SUMMARY|left:|right:|ERROR" "$log" >&2 || tail -n 20 "$log" >&2
        status=1
    fi
done
exit $status
