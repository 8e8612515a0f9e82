#!/usr/bin/env bash
# Counts the instructions of fixed pieces of work and compares them with tests/bench/instructions.txt: a gate for speed
# that no busy machine can disturb. More than 10 % above is a failure; far below asks for --update, which writes the file.
#
#   scripts/instructions.sh [--update]
#
# The code counted is AVX2's, on one thread: valgrind knows no AVX-512.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

file=tests/bench/instructions.txt
program=build/bench/tests/bench/kvmem_instructions
tolerance=10 # per cent

case ${1:-} in
'' | --update) update=${1:-} ;;
*) echo "usage: scripts/instructions.sh [--update]" >&2; exit 2 ;;
esac
command -v valgrind >/dev/null || { echo "error: no valgrind; scripts/bootstrap.sh --dev installs it" >&2; exit 1; }

# count NAME: the instructions of one run.
count() {
    local log
    log=$(KVMEM_ISA=avx2 valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect=measured "$program" "$1" 2>&1) || { echo "$log" >&2; return 1; }
    sed -nE 's/^==[0-9]+== Collected : ([0-9]+)$/\1/p' <<<"$log"
}

# judge NAME COUNT: prints a line, fails when there is no figure or the count is above it.
judge() {
    local name=$1 now=$2 before change
    before=$(awk -v name="$name" '$1 == name { print $2 }' "$file")
    [[ -n $before ]] || { printf '%-34s %12d  not in %s: --update\n' "$name" "$now" "$file"; return 1; }
    change=$(((now - before) * 100 / before))
    printf '%-34s %12d  %+d %%' "$name" "$now" "$change"
    if ((now * 100 > before * (100 + tolerance))); then
        printf '  TOO MANY, was %d\n' "$before"
        return 1
    elif ((now * 100 < before * (100 - tolerance))); then
        printf '  fewer, was %d: --update' "$before"
    fi
    echo
}

build bench kvmem_instructions
failed=0
lines=()
for name in $("$program"); do
    now=$(count "$name")
    [[ $now =~ ^[1-9][0-9]*$ ]] || { echo "error: valgrind counted nothing of $name" >&2; exit 1; }
    lines+=("$name $now")
    [[ -n $update ]] || judge "$name" "$now" || failed=1
done
if [[ -n $update ]]; then printf '%s\n' "${lines[@]}" | tee "$file"; fi
exit "$failed"
