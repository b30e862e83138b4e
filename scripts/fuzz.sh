#!/usr/bin/env bash
# Fuzzing for a bounded time, on the stable compiler.
#
#   scripts/fuzz.sh TARGET [SECONDS]     one target
#   scripts/fuzz.sh --all [SECONDS]      each target in turn
#   scripts/fuzz.sh --list               their names
#
# The committed seeds are read, new finds go to fuzz/corpus-work (not committed); a crasher stays in
# fuzz/artifacts and belongs into the committed corpus together with the fix.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

targets() {
    awk '/^\[/ { bin = ($0 == "[[bin]]") } bin && /^name *=/ { gsub(/"/, "", $3); print $3 }' Cargo.toml
}

run() { # target seconds
    local target=$1 seconds=$2 seeds=() options=()
    mkdir -p "corpus-work/$target" "artifacts/$target"
    if [ -d "corpus/$target" ]; then
        seeds+=("corpus/$target")
    fi
    if [ -f sip.dict ]; then
        options+=(-dict=sip.dict)
    fi
    "$bin/$target" "corpus-work/$target" "${seeds[@]}" "${options[@]}" -max_total_time="$seconds" \
        -max_len=8192 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="artifacts/$target/" \
        -print_final_stats=1 -verbosity=1
}

case "${1-}" in
--list | "")
    targets
    exit 0
    ;;
esac

# libFuzzer's instrumentation is a compiler flag; RUSTC_BOOTSTRAP lets stable take it.
export RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions=on"
cargo build --release --bins --target "$host"
bin=target/$host/release

if [ "$1" = --all ]; then
    for target in $(targets); do
        echo "-- $target, ${2:-20} s"
        run "$target" "${2:-20}"
    done
else
    run "$1" "${2:-60}"
fi
