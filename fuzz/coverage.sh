#!/bin/sh
# Which lines of sip-parser its tests run (they read the torture corpora, the inputs that broke
# others, and the benchmark corpus). Prints each file with its uncovered lines and the share of all.
# Usage: fuzz/coverage.sh [least percent, default 95]
# Needs llvm-profdata and llvm-cov of LLVM 19 or later (Debian: llvm-19); LLVM=-19 is the end of
# their names. Test code and the second readings in src/oracle do not count.
set -eu
cd "$(dirname "$0")/.."
least=${1:-95}
end=${LLVM--19}
built=$PWD/fuzz/target/coverage
rm -rf "$built/raw"
mkdir -p "$built/raw"
export CARGO_TARGET_DIR="$built" RUSTFLAGS="-Cinstrument-coverage"
export LLVM_PROFILE_FILE="$built/raw/%p-%m.profraw"
cargo test --quiet -p looseroute-parser --lib --tests >"$built/log" 2>&1 || { cat "$built/log"; exit 1; }
objects=$(cargo test -p looseroute-parser --lib --tests --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\)".*/-object \1/p')
"llvm-profdata$end" merge -sparse "$built"/raw/*.profraw -o "$built/merged"
# shellcheck disable=SC2046,SC2086
"llvm-cov$end" export -format=lcov $objects -instr-profile="$built/merged" \
    -sources $(find "$PWD/sip-parser/src" -name '*.rs') >"$built/lcov"

awk -F '[:,]' -v least="$least" -v root="$PWD/" '
    $1 == "SF" {
        file = substr($0, 4)
        skip = file ~ /\/oracle\/|tests\.rs$|\/tests\//
        at = cut = 0
        while ((getline line < file) > 0) {
            at++
            if (line ~ /^mod tests \{/ && before ~ /^#\[cfg\(test\)\]/) { cut = at; break }
            before = line
        }
        close(file)
    }
    $1 == "DA" && !skip && (!cut || $2 < cut) {
        all++
        if ($3 > 0) hit++
        else missed[file] = missed[file] " " $2
    }
    END {
        for (file in missed) printf "%s:%s\n", substr(file, length(root) + 1), missed[file] | "sort"
        close("sort")
        share = all ? 100 * hit / all : 0
        printf "sip-parser: %d of %d lines, %.2f %%\n", hit, all, share
        exit share < least
    }' "$built/lcov"
