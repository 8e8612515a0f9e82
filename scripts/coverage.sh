#!/usr/bin/env bash
# Says how much of each layer the tests under the address sanitizer have run, from what they left in build/asan/coverage.
# Without that, or when it is older than the tests, they run first. Fails below a layer's floor.
#
# The gradient tests are not among them: they are built in double, without sanitizers.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

declare -A floors=([kernels]=96 [store]=95) # per cent of lines
profiles=build/asan/coverage
programs=(build/asan/tests/kvmem_tests build/asan/tests/kvmem_store_writer build/asan/apps/kvmem)

command -v llvm-cov >/dev/null || { echo "error: no llvm-cov; scripts/bootstrap.sh --dev installs it" >&2; exit 1; }
if [[ -z $(find "$profiles" -name '*.profraw' -newer "${programs[0]}" 2>/dev/null) ]]; then
    rm -rf "$profiles"
    build asan
    ctest --preset asan --parallel "$jobs"
fi

# Lines of "LAYER FILE RUN LINES" become the table; a layer of src is its first folder, and each folder of tasks is one.
report() {
    local layer run lines percent failed=0
    printf '%-10s %8s %8s %7s %6s\n' layer lines run percent floor
    while read -r layer run lines; do
        percent=$((run * 1000 / lines))
        printf '%-10s %8d %8d %5d.%d %6s\n' "$layer" "$lines" "$run" $((percent / 10)) $((percent % 10)) "${floors[$layer]:--}"
        if ((percent < ${floors[$layer]:-0} * 10)); then failed=1; fi
    done
    ((failed == 0)) || echo "error: a layer is below its floor" >&2
    return "$failed"
}

# One of a program that a test killed as it wrote is left out.
llvm-profdata merge -sparse -failure-mode=all "$profiles"/*.profraw -o "$profiles/all.profdata"
llvm-cov export -format=lcov -instr-profile="$profiles/all.profdata" "${programs[0]}" "${programs[@]/#/-object=}" |
    sed -nE 's,^SF:(.*/)?(src|include/kvmem)/(tasks/[a-z]+|[a-z]+)/.*,layer \3,p; s,^SF:.*,layer none,p; s/^L([FH]):/\1 /p' |
    awk '$1 == "layer" { layer = $2 } $1 == "H" { run[layer] += $2 } $1 == "F" { lines[layer] += $2 }
        END { for (layer in lines) if (layer != "none") print layer, run[layer], lines[layer] }' |
    sort | report
