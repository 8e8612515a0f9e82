#!/usr/bin/env bash
# Formats all C++ of the project with clang-format 14; with --check, only says what is not formatted.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v clang-format >/dev/null || { echo "error: no clang-format; scripts/bootstrap.sh --dev installs it" >&2; exit 1; }
mapfile -t files < <(find include src apps tests \( -name '*.cpp' -o -name '*.hpp' \) | sort)

case ${1:-} in
'') clang-format -i "${files[@]}" ;;
--check) clang-format --dry-run -Werror "${files[@]}" ;;
*) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
