#!/usr/bin/env bash
# Checks the sources of the library, or those whose path an expression finds, with clang-tidy 14 as .clang-tidy says:
#
#   scripts/tidy.sh [EXPRESSION]      scripts/tidy.sh src/store
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v run-clang-tidy >/dev/null || { echo "error: no clang-tidy; scripts/bootstrap.sh --dev installs it" >&2; exit 1; }
quietly cmake --preset tidy # clang's, so that the flags are ones that clang-tidy knows
run-clang-tidy -p build/tidy -quiet -j "$jobs" "$PWD/${1:-src/}" | { grep -v '^clang-tidy' || true; }
