#!/usr/bin/env bash
# Builds and runs somebody else's projects with kvmem: against an installed tree that was moved, and with
# kvmem's sources in a folder.
#
#   tests/consume/run.sh [--shared] [BUILD]   BUILD: a built tree (default build/release)
#
# --shared makes the library anew as shared libraries instead of taking BUILD's.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

shared=no
if [[ ${1:-} == --shared ]]; then
    shared=yes
    shift
fi
build=$(cd "$root" && realpath -m "${1:-build/release}")

quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }

# It is the building that is tested. Without precompiled headers ccache has the one's objects for the other.
unoptimised=(-DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON)

build_shared() {
    build=$work/shared
    quietly cmake -S "$root" -B "$build" -G Ninja -DBUILD_SHARED_LIBS=ON "${unoptimised[@]}" -DKVMEM_BUILD_APPS=OFF
    quietly cmake --build "$build"
}

# Neither library exports what is private.
check_exports() {
    local exported
    exported=$(nm --dynamic --demangle --defined-only "$build"/libkvmem*.so | grep -E ' [A-Z] kvmem::(avx[a-z0-9]*|baseline|synth|words)::') || return 0
    echo "error: exported: $exported" >&2
    return 1
}

# An installation that is used from elsewhere than where it was put.
install_and_move() {
    quietly cmake --install "$build" --prefix "$work/first"
    mv "$work/first" "$work/prefix"
}

# A run of own_task that is killed twice ends as one that is not.
train_own_task() {
    local program=$1 run=$2 steps whole
    whole=$("$program" "$run-whole")
    for steps in 5 40; do
        if { "$program" "$run" "$steps"; } 2>/dev/null; then echo "error: not killed" >&2; return 1; fi
    done
    [[ $("$program" "$run") == "$whole" ]]
    echo "a task of its own, killed and resumed: $whole"
}

# consume NAME CMAKE-OPTION...: builds the project of this name and runs its programs.
consume() {
    local name=$1
    shift
    echo "== $name"
    quietly cmake -S "$here/$name" -B "$work/$name" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@"
    quietly cmake --build "$work/$name"
    "$work/$name/attend"
    "$work/$name/dataset" "$work/$name/one-fact.h5"
    train_own_task "$work/$name/own_task" "$work/$name/run"
}

run_installed_program() {
    [[ -x $work/prefix/bin/kvmem ]] || return 0
    echo "== the installed program"
    "$work/prefix/bin/kvmem" version
}

if [[ $shared == yes ]]; then
    build_shared
    check_exports
fi
install_and_move
consume find_package -DCMAKE_PREFIX_PATH="$work/prefix"
run_installed_program
if [[ $shared == no ]]; then
    consume add_subdirectory "${unoptimised[@]}"
fi
