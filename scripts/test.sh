#!/usr/bin/env bash
# Builds the release preset with its tests and runs them all, or those that ctest's options pick:
#
#   scripts/test.sh [CTEST-OPTION...]      scripts/test.sh -R "reads zero"
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

scripts/bootstrap.sh
build test
ctest --preset test --parallel "$jobs" "$@"
