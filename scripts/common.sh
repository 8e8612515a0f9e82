# shellcheck shell=bash disable=SC2034
# What the scripts share. To be sourced; leaves the caller in the project's root.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

jobs=$(nproc)

# Compile through ccache where there is one. Tests use a precompiled header, which ccache has to be told of.
if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_SLOPPINESS=pch_defines,time_macros
fi

# Runs a command; what it says is shown only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# build PRESET [TARGET...]: configures it, or says why it cannot, and builds.
build() {
    local preset=$1
    shift
    quietly cmake --preset "$preset" || return
    cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"}
}
