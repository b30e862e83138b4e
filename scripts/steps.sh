# Steps with their time, for check.sh and test.sh: source it, call `step NAME COMMAND...` for each,
# and `steps_end` last. A step that fails does not keep the next from running; the end tells.

steps_names=()
steps_times=()
steps_failed=0

step() {
    local name=$1 begin=$SECONDS result=ok
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if ! "$@"; then
        result=FAILED
        steps_failed=$((steps_failed + 1))
    fi
    printf '== %s: %s, %d s\n' "$name" "$result" $((SECONDS - begin))
    steps_names+=("$name $result")
    steps_times+=($((SECONDS - begin)))
}

steps_end() {
    local at
    printf '\n== summary\n'
    for at in "${!steps_names[@]}"; do
        printf '%6d s  %s\n' "${steps_times[$at]}" "${steps_names[$at]}"
    done
    printf '%6d s  in all\n' "$SECONDS"
    [ "$steps_failed" = 0 ]
}
